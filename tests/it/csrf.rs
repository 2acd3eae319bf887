//! Forms that no page of this site sent change nothing.

use crate::support::{Person, Request, Site};

/// A request to post a message, and whether it did.
fn posts(site: &Site, person: &Person<'_>, request: Request, status: u16) {
    let before = site.number("SELECT count(*) FROM messages");
    let answer = person.send(request);
    answer.status(status);
    let expected = if status == 303 || status == 201 { 1 } else { 0 };
    assert_eq!(site.number("SELECT count(*) FROM messages") - before, expected, "{answer:?}");
}

fn message(token: &str) -> Request {
    Request::new("POST", "/rooms/1/messages").form(&[("body", "hello"), ("csrf_token", token)])
}

both!(a_token_is_needed_in_whatever_field, |site| {
    let asha = site.person("asha");
    site.room(&asha, "Weavers", "Craft");
    let token = asha.token();
    let form = |fields: &[(&str, &str)]| Request::new("POST", "/rooms/1/messages").form(fields);
    posts(site, &asha, message(&token), 303);
    posts(site, &asha, form(&[("body", "a"), ("csrfmiddlewaretoken", &token)]), 303);
    posts(site, &asha, form(&[("body", "a")]).header("X-CSRF-Token", &token), 303);
    posts(site, &asha, form(&[("body", "a")]), 403);
    posts(site, &asha, form(&[("body", "a"), ("csrf_token", "")]), 403);
    posts(site, &asha, form(&[("body", "a"), ("csrf_token", "wrong")]), 403);
    posts(site, &asha, form(&[("body", "a"), ("csrf_token", &token[1..])]), 403);
    posts(site, &asha, form(&[("body", "a"), ("token", &token)]), 403);
    posts(
        site,
        &asha,
        Request::new("POST", &format!("/rooms/1/messages?csrf_token={token}")).form(&[("body", "a")]),
        403,
    );
    // A page's token is fresh each time, and each stays good.
    assert_ne!(asha.token(), token);
    posts(site, &asha, message(&token), 303);
});

both!(the_token_of_another_browser_is_worth_nothing, |site| {
    let asha = site.person("asha");
    site.room(&asha, "Weavers", "Craft");
    let ravi = site.person("ravi");
    let stolen = ravi.token();
    asha.token();
    posts(site, &asha, message(&stolen), 403);
    asha.jar.set("csrf", "");
    posts(site, &asha, message(&stolen), 403);
    // A secret that somebody planted does not help him who has no key.
    asha.jar.set("csrf", &"a".repeat(32));
    posts(site, &asha, message(&stolen), 403);
    let bare = site.person("asha");
    posts(site, &bare, message(&asha.token()), 403);
});

both!(requests_from_other_sites_are_refused, |site| {
    let asha = site.person("asha");
    site.room(&asha, "Weavers", "Craft");
    let token = asha.token();
    let host = format!("127.0.0.1:{}", site.port());
    for (headers, status) in [
        (vec![("Origin", "https://evil.example".to_owned())], 403),
        (vec![("Origin", "null".to_owned())], 403),
        (vec![("Origin", format!("http://{host}.evil.example"))], 403),
        (vec![("Origin", format!("http://{host}"))], 303),
        (vec![("Sec-Fetch-Site", "cross-site".to_owned())], 403),
        (vec![("Sec-Fetch-Site", "same-site".to_owned())], 403),
        (vec![("Sec-Fetch-Site", "cross-site".to_owned()), ("Origin", format!("http://{host}"))], 403),
        (vec![("Sec-Fetch-Site", "same-origin".to_owned()), ("Origin", format!("http://{host}"))], 303),
    ] {
        let request = headers.iter().fold(message(&token), |request, (name, value)| request.header(name, value));
        posts(site, &asha, request, status);
    }
});

both!(only_forms_are_read, |site| {
    let asha = site.person("asha");
    site.room(&asha, "Weavers", "Craft");
    let token = asha.token();
    let body = format!("body=hello&csrf_token={token}");
    let json = format!("{{\"body\":\"hello\",\"csrf_token\":\"{token}\"}}");
    for (content_type, body, status) in [
        ("text/plain", body.as_str(), 415),
        ("text/plain", json.as_str(), 415),
        ("application/json", json.as_str(), 415),
        ("multipart/form-data; boundary=x", body.as_str(), 415),
        ("rubbish", body.as_str(), 403),
        ("application/x-www-form-urlencoded; charset=UTF-8", body.as_str(), 303),
    ] {
        let request = Request::new("POST", "/rooms/1/messages").content(content_type, body.as_bytes());
        if content_type == "rubbish" {
            // What cannot be read as a type counts as none, and the token still decides.
            let forged = Request::new("POST", "/rooms/1/messages").content(content_type, b"body=hello");
            posts(site, &asha, forged, status);
        } else {
            posts(site, &asha, request.header("X-CSRF-Token", &token), status);
        }
    }
});

both!(a_rewritten_method_needs_a_token_too, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let form = |path: &str, fields: &[(&str, &str)]| Request::new("POST", path).form(fields);
    for method in ["PUT", "DELETE", "PATCH", "GET", "POST", "rubbish"] {
        for path in [format!("/rooms/{room}/delete"), format!("/rooms/{room}/messages"), format!("/rooms/{room}")] {
            let answer = asha.send(form(&path, &[("_method", method), ("body", "x")]));
            // To look at a page is no change.
            let looks = method == "GET" && answer.status == 200;
            assert!(looks || [403, 404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
        }
    }
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 1);
    assert_eq!(site.number("SELECT count(*) FROM messages"), 0);
});

both!(every_form_of_the_site_wants_its_token, |site| {
    let asha = site.person("asha");
    let ravi = site.person("ravi");
    let room = site.room(&asha, "Weavers", "Craft");
    let message = site.message(room, &asha, "warp");
    site.message(room, &ravi, "weft");
    let snapshot = || {
        let rooms = site.text("SELECT count(*) || '/' || max(name) FROM rooms");
        let messages = site.text("SELECT count(*) || '/' || max(version) || max(body) FROM messages");
        let people = site.text("SELECT count(*) || '/' || count(removed) FROM participants");
        let sessions = site.number("SELECT count(*) FROM sessions");
        let users = site.number("SELECT count(*) FROM users");
        (rooms, messages, people, sessions, users)
    };
    let before = snapshot();
    for path in [
        "/login".to_owned(),
        "/logout".to_owned(),
        "/register".to_owned(),
        "/rooms/new".to_owned(),
        format!("/rooms/{room}/edit"),
        format!("/rooms/{room}/delete"),
        format!("/rooms/{room}/leave"),
        format!("/rooms/{room}/away"),
        format!("/rooms/{room}/messages"),
        format!("/rooms/{room}/participants/ravi/remove"),
        format!("/rooms/{room}/participants/ravi/restore"),
        "/chat".to_owned(),
        "/chat/Square/messages".to_owned(),
        "/chat/Square/away".to_owned(),
        "/checkview".to_owned(),
        "/send".to_owned(),
        format!("/messages/{message}/edit"),
        format!("/messages/{message}/delete"),
    ] {
        let fields =
            [("name", "x"), ("topic", "y"), ("body", "z"), ("login", "asha"), ("password", crate::support::PASSWORD)];
        let answer = asha.send(Request::new("POST", &path).form(&fields));
        // Where chat_app's page asks, the answer is plain words.
        let key = if path == "/checkview" || path == "/send" { "error-csrf-text" } else { "error-csrf-title" };
        assert!(answer.status(403).body.contains(&crate::support::words(key)), "{path}: {}", answer.body);
        assert_eq!(snapshot(), before, "{path}");
    }
    assert!(asha.is_logged_in());
});

both!(a_token_from_before_the_login_is_worth_nothing_after_it, |site| {
    site.person("asha");
    let browser = site.anonymous();
    let before = browser.token();
    let secret = browser.jar.get("csrf").unwrap();
    browser.log_in("asha", crate::support::PASSWORD).leads_to("/");
    site.room(&site.person("asha"), "Weavers", "Craft");
    posts(site, &browser, message(&before), 403);
    // Another host of the domain may plant the cookie that belonged to it.
    browser.jar.set("csrf", &secret);
    posts(site, &browser, message(&before), 403);
    posts(site, &browser, message(&browser.token()), 303);
});
