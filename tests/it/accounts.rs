//! Registering, logging in and out, sessions, passwords.

use chaupal::accounts::models::User;
use chaupal::kit::i18n::Text;

use crate::support::{DJANGO_HASH, PASSWORD, Person, Site, says, words};

fn register<'a>(username: &'a str, email: &'a str, password: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", "Asha Rao"),
        ("username", username),
        ("email", email),
        ("password1", password),
        ("password2", password),
    ]
}

fn password_of(site: &Site, username: &str) -> String {
    site.text(&format!("SELECT password FROM users WHERE username_key = '{username}'"))
}

fn set_password(site: &Site, person: &Person<'_>, hash: &str) {
    site.db(|conn| User::set_password(conn, person.id, hash)).unwrap();
}

both!(registering_makes_a_person_and_logs_him_in, |site| {
    let asha = site.anonymous();
    let page = asha.get("/register?next=/topics");
    page.status(200);
    assert_eq!(page.field("next").as_deref(), Some("/topics"));
    let mut fields = register("Asha", "Asha@Example.org", PASSWORD);
    fields.push(("next", "/topics"));
    let answer = asha.post("/register", &fields);
    answer.leads_to("/topics");
    let welcome = says(Text::new("flash-welcome").with("name", "Asha Rao"));
    asha.follow(&answer).see(&welcome);
    asha.get("/topics").see_not(&welcome);
    assert!(asha.is_logged_in());
    let stored = password_of(site, "asha");
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    assert_eq!(site.text("SELECT email FROM users WHERE username = 'Asha'"), "Asha@Example.org");
    assert_eq!(site.number("SELECT count(*) FROM users WHERE is_staff OR is_superuser"), 1, "only the one before");
});

both!(what_is_taken_is_said_at_its_field, |site| {
    site.person("Asha");
    for (username, email, key) in [
        ("ASHA", "other@example.org", "error-username-taken"),
        (" asha ", "other@example.org", "error-username-taken"),
        ("other", "ASHA@EXAMPLE.ORG", "error-email-taken"),
    ] {
        let stranger = site.anonymous();
        let page = stranger.post("/register", &register(username, email, PASSWORD));
        page.status(422).see(&words(key)).see_not(PASSWORD);
        assert_eq!(page.field("username").as_deref(), Some(username), "what was typed comes back");
        assert_eq!(page.field("email").as_deref(), Some(email));
        assert_eq!(page.field("name").as_deref(), Some("Asha Rao"));
        assert!(!stranger.is_logged_in());
    }
    assert_eq!(site.number("SELECT count(*) FROM users"), 2);
});

both!(registration_refuses_what_cannot_be, |site| {
    let long = "x".repeat(31);
    for (field, value) in [
        ("username", ""),
        ("username", "ab"),
        ("username", long.as_str()),
        ("username", "a b c"),
        ("username", "<b>bold</b>"),
        ("username", "a\0bc"),
        ("email", ""),
        ("email", "nobody"),
        ("email", "a@b\r\nBcc: c@example.org"),
        ("email", "a\0@example.org"),
        ("name", "a\0b"),
        ("password2", "something-else-9"),
    ] {
        let stranger = site.anonymous();
        let mut fields = register("ravi", "ravi@example.org", PASSWORD);
        for entry in fields.iter_mut().filter(|(name, _)| *name == field) {
            entry.1 = value;
        }
        let page = stranger.post("/register", &fields);
        page.status(422).see_not(PASSWORD);
        page.hold(&format!("id=\"{field}-error\""));
        assert!(!stranger.is_logged_in(), "{field}={value:?}");
    }
    assert_eq!(site.number("SELECT count(*) FROM users"), 1);
});

both!(weak_passwords_are_refused_with_the_reason, |site| {
    for (password, key) in [
        ("sh0rt-x", "password-too-short"),
        ("password", "password-common"),
        ("qwertyuiop", "password-common"),
        ("8264950173652", "password-digits"),
        ("ravishankar99", "password-like-username"),
        ("Asha-Rao-1", "password-like-name"),
        ("mangowadi77", "password-like-email"),
    ] {
        let page = site.anonymous().post("/register", &register("ravishankar99", "mangowadi77@example.org", password));
        page.status(422);
        let text = match key {
            "password-too-short" => says(Text::new(key).with("min", 8_i64)),
            _ => words(key),
        };
        page.see(&text);
        assert!(
            !page.body.contains(password)
                || password == "password"
                || password.starts_with("ravi")
                || password.starts_with("mango")
        );
    }
    let too_long = "क ख".repeat(86);
    let page = site.anonymous().post("/register", &register("ravi", "ravi@example.org", &too_long));
    page.status(422).see(&says(Text::new("password-too-long").with("max", 256_i64)));
    assert_eq!(site.number("SELECT count(*) FROM users"), 1);
    let longest: String = "चौपाल की छाँव में ".chars().cycle().take(256).collect();
    let ravi = site.anonymous();
    ravi.post("/register", &register("ravi", "ravi@example.org", &longest)).leads_to("/");
    let again = site.anonymous();
    again.log_in("ravi", &longest).leads_to("/");
    assert!(again.is_logged_in());
});

both!(log_in_by_name_or_address_in_any_case, |site| {
    site.person("Asha");
    for login in ["Asha", "asha", "ASHA", " asha ", "asha@example.org", "Asha@EXAMPLE.org"] {
        let browser = site.anonymous();
        browser.log_in(login, PASSWORD).leads_to("/");
        assert!(browser.is_logged_in(), "{login}");
    }
    let mut refusals = Vec::new();
    for (login, password) in
        [("Asha", "wrong"), ("nobody", PASSWORD), ("", ""), ("asha\0", PASSWORD), ("%", PASSWORD), ("Asha", "")]
    {
        let browser = site.anonymous();
        let page = browser.log_in(login, password);
        page.status(422).see(&words("error-login"));
        assert_eq!(page.field("login").as_deref().unwrap_or_default().replace('\u{fffd}', "\0"), login);
        assert!(!page.body.contains("value=\"wrong\""), "the password does not come back");
        assert!(!browser.is_logged_in());
        refusals.push(page);
    }
    assert!(site.number("SELECT count(*) FROM users WHERE last_login IS NOT NULL") == 1);
});

both!(known_and_unknown_names_get_the_same_answer, |site| {
    site.person("asha");
    let plain = |login: &str| {
        let page = site.anonymous().log_in(login, "wrong-password-1");
        let mut body = page.body.replace(login, "LOGIN");
        {
            let token = page.field("csrf_token").unwrap();
            body = body.replace(&token, "TOKEN");
        }
        let meta = body
            .split("name=\"csrf-token\" content=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .map(ToOwned::to_owned);
        (page.status, meta.map_or(body.clone(), |meta| body.replace(&meta, "TOKEN")))
    };
    assert_eq!(plain("asha"), plain("nobody"));
    site.disabled("ravi");
    assert_eq!(plain("ravi"), plain("nobody"));
});

both!(next_leads_only_to_our_own_pages, |site| {
    let asha = site.person("asha");
    site.room(&asha, "Weavers", "Craft");
    for (next, target) in [
        ("/rooms/1", "/rooms/1"),
        ("/?q=a%20b&page=2", "/?q=a%20b&page=2"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("evil", "/"),
        ("/login", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("", "/"),
    ] {
        let browser = site.anonymous();
        let fields = [("login", "asha"), ("password", PASSWORD), ("next", next)];
        let answer = browser.post("/login", &fields);
        answer.leads_to(target);
        assert!(!answer.cookies().iter().any(|cookie| cookie.starts_with("x=")));
        // Who is logged in already is sent on, by the same rule.
        browser.get(&format!("/login?next={}", crate::support::percent(next))).leads_to(target);
    }
});

both!(log_out_is_a_post_and_kills_the_session, |site| {
    let asha = site.person("asha");
    let refused = asha.get("/logout");
    refused.status(405);
    assert_eq!(refused.header("allow"), Some("POST"));
    assert!(asha.is_logged_in());
    let old = asha.jar.clone();
    asha.post("/logout", &[]).leads_to("/");
    assert!(asha.jar.get("session").is_none());
    assert!(!asha.is_logged_in());
    let thief = site.anonymous();
    thief.jar.set("session", &old.get("session").unwrap());
    assert!(!thief.is_logged_in(), "the old cookie is dead");
    assert_eq!(site.number("SELECT count(*) FROM sessions"), 0);
});

both!(a_log_in_gives_a_new_session_and_ends_the_old_one, |site| {
    let asha = site.person("asha");
    let browser = site.anonymous();
    browser.jar.set("session", "chosen-by-somebody-else");
    let answer = browser.log_in("asha", PASSWORD);
    let first = browser.jar.get("session").unwrap();
    assert_ne!(first, "chosen-by-somebody-else");
    let cookies = answer.cookies();
    let cookie = cookies.iter().find(|cookie| cookie.starts_with("chaupal_session_")).unwrap();
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1209600"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "the site is http");
    assert!(!cookies.iter().any(|cookie| cookie.contains(&asha.jar.get("session").unwrap())));
    // The token is kept nowhere.
    assert_eq!(site.number(&format!("SELECT count(*) FROM sessions WHERE token_hash = '{first}'")), 0);
    let token = browser.token();
    let again = browser.send(crate::support::Request::new("POST", "/login").form(&[
        ("login", "asha"),
        ("password", PASSWORD),
        ("csrf_token", &token),
    ]));
    again.leads_to("/");
    assert_ne!(browser.jar.get("session").unwrap(), first);
    let thief = site.anonymous();
    thief.jar.set("session", &first);
    assert!(!thief.is_logged_in());
});

both!(cookies_are_secure_behind_https, [("site_url", "https://square.example.org")], |site| {
    site.person("asha");
    let browser = site.anonymous();
    let answer = browser.log_in("asha", PASSWORD);
    assert!(!answer.cookies().is_empty());
    for cookie in answer.cookies() {
        assert!(
            cookie.contains("Secure") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
    }
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
});

both!(sessions_survive_a_restart_and_end_in_time, |site| {
    let asha = site.person("asha");
    let token = asha.token();
    site.restart();
    assert!(asha.is_logged_in());
    let request = crate::support::Request::new("POST", "/logout").form(&[("csrf_token", &token)]);
    asha.send(request).leads_to("/");
    let ravi = site.person("ravi");
    let past = chaupal::kit::time::now() - chrono::TimeDelta::seconds(1);
    use chaupal::schema::sessions;
    use diesel::prelude::*;
    site.db(|conn| diesel::update(sessions::table).set(sessions::expires.eq(past)).execute(conn)).unwrap();
    assert!(!ravi.is_logged_in());
});

both!(a_disabled_person_is_anonymous_at_once, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let message = site.message(room, &asha, "warp and weft");
    assert!(asha.is_logged_in());
    site.disable(asha.id);
    asha.get("/rooms/new").leads_to_login();
    asha.get(&format!("/rooms/{room}/edit")).leads_to_login();
    asha.get(&format!("/messages/{message}/edit")).leads_to_login();
    asha.post(&format!("/rooms/{room}/messages"), &[("body", "still here")]).leads_to_login();
    let page = asha.get("/");
    page.status(200).see(&words("login"));
    assert!(!page.body.contains("data-user=\"") || !page.body.contains("<body class=\"page-home\" data-user"));
    let browser = site.anonymous();
    browser.log_in("asha", PASSWORD).status(422).see(&words("error-login"));
    assert_eq!(site.number("SELECT count(*) FROM messages"), 1);
});

both!(a_hash_of_django_logs_in_and_is_renewed, |site| {
    let asha = site.person("asha");
    set_password(site, &asha, DJANGO_HASH);
    site.anonymous().log_in("asha", "blue-mango-43").status(422);
    assert_eq!(password_of(site, "asha"), DJANGO_HASH, "a wrong password changes nothing");
    site.anonymous().log_in("asha", "blue-mango-42").leads_to("/");
    let renewed = password_of(site, "asha");
    assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
    site.anonymous().log_in("asha", "blue-mango-42").leads_to("/");
    assert_eq!(password_of(site, "asha"), renewed, "once is enough");
});

both!(hashes_that_are_too_dear_or_unusable_log_nobody_in, |site| {
    let asha = site.person("asha");
    for hash in [
        DJANGO_HASH.replace("$12000$", "$5000001$"),
        DJANGO_HASH.replace("$12000$", "$4294967296$"),
        DJANGO_HASH.replace("$12000$", "$0$"),
        DJANGO_HASH.replace("pbkdf2_sha256", "md5"),
        "!unusable".to_owned(),
        String::new(),
        "blue-mango-42".to_owned(),
    ] {
        set_password(site, &asha, &hash);
        let start = std::time::Instant::now();
        site.anonymous().log_in("asha", "blue-mango-42").status(422);
        assert!(start.elapsed().as_secs() < 60, "{hash} was computed");
        assert_eq!(password_of(site, "asha"), hash);
    }
});

both!(a_post_after_the_session_ended_loses_no_text, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let page = format!("/rooms/{room}");
    for (target, form_page, fields) in [
        (format!("/rooms/{room}/messages"), page.clone(), vec![("body", "a long thought & <more>")]),
        ("/rooms/new".to_owned(), "/rooms/new".to_owned(), vec![("name", "Looms & reeds"), ("topic", "Craft")]),
        (
            format!("/rooms/{room}/edit"),
            format!("/rooms/{room}/edit"),
            vec![("name", "Looms & reeds"), ("topic", "Yarn")],
        ),
    ] {
        let browser = site.person("asha");
        site.sql("DELETE FROM sessions");
        let answer = browser.post(&target, &fields);
        answer.leads_to_login();
        assert_eq!(answer.location(), format!("/login?next={}", chaupal::kit::paginate::encode_query(&form_page)));
        let login = browser.follow(&answer);
        login.status(200);
        assert_eq!(login.field("next").as_deref(), Some(form_page.as_str()));
        let answer = browser.post("/login", &[("login", "asha"), ("password", PASSWORD), ("next", &form_page)]);
        answer.leads_to(&form_page);
        let shown = browser.get(&form_page);
        for (_, value) in &fields {
            shown.status(200).see(value);
        }
        assert!(!browser.get(&form_page).body.contains(&crate::support::escaped(fields[0].1)), "once");
    }
    assert_eq!(site.number("SELECT count(*) FROM messages"), 0);
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 1);
    assert_eq!(site.number("SELECT count(*) FROM stash"), 0);
});

both!(a_kept_text_finds_its_page_from_odd_addresses, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    // With a slash at the end; at the address that a form with errors came back at; from no page at all.
    for from in [format!("/rooms/{room}/"), format!("/rooms/{room}/messages"), "/no/such/page".to_owned()] {
        let browser = site.person("asha");
        site.sql("DELETE FROM sessions");
        let token = browser.token();
        let request = crate::support::Request::new("POST", &format!("/rooms/{room}/messages"))
            .header("Referer", &format!("http://127.0.0.1:{}{from}", site.port()))
            .form(&[("body", "a long thought"), ("csrf_token", &token)]);
        let answer = browser.send(request);
        answer.leads_to_login();
        let page = format!("/rooms/{room}");
        assert_eq!(answer.location(), format!("/login?next={}", chaupal::kit::paginate::encode_query(&page)), "{from}");
        browser.post("/login", &[("login", "asha"), ("password", PASSWORD), ("next", &page)]).leads_to(&page);
        browser.get(&page).status(200).see("a long thought");
    }
});

both!(a_kept_text_belongs_to_one_browser_and_holds_no_password, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    site.sql("DELETE FROM sessions");
    asha.post(&format!("/rooms/{room}/messages"), &[("body", "only mine"), ("password", "secret-one")])
        .leads_to_login();
    let fields = site.text("SELECT fields FROM stash");
    assert!(fields.contains("only mine") && !fields.contains("secret-one") && !fields.contains("csrf"), "{fields}");
    site.person("ravi").get(&format!("/rooms/{room}")).see_not("only mine");
    // A form that no page of ours sent is not kept.
    let request = crate::support::Request::new("POST", &format!("/rooms/{room}/messages")).form(&[("body", "forged")]);
    site.anonymous().send(request).leads_to_login();
    assert_eq!(site.number("SELECT count(*) FROM stash"), 1);
});

both!(draft_of_one_user_is_not_shown_to_the_next_in_the_same_browser, |site| {
    let asha = site.person("asha");
    site.person("ravi");
    let page = format!("/rooms/{}", site.room(&asha, "Weavers", "Craft"));
    let browser = site.anonymous();
    browser.log_in("asha", PASSWORD).leads_to("/");
    site.sql("DELETE FROM sessions");
    browser.post(&format!("{page}/messages"), &[("body", "a long thought")]).leads_to_login();
    browser.log_in("ravi", PASSWORD).leads_to("/");
    browser.get(&page).status(200).see_not("a long thought");
    site.sql("DELETE FROM sessions");
    browser.log_in("asha", PASSWORD).leads_to("/");
    browser.get(&page).status(200).see("a long thought");
});

both!(draft_goes_with_the_logout, |site| {
    let asha = site.person("asha");
    let page = format!("/rooms/{}", site.room(&asha, "Weavers", "Craft"));
    let browser = site.anonymous();
    browser.log_in("asha", PASSWORD).leads_to("/");
    site.sql("DELETE FROM sessions");
    browser.post(&format!("{page}/messages"), &[("body", "a long thought")]).leads_to_login();
    browser.log_in("asha", PASSWORD).leads_to("/");
    browser.post("/logout", &[]).leads_to("/");
    assert_eq!(site.number("SELECT count(*) FROM stash"), 0);
    browser.log_in("asha", PASSWORD).leads_to("/");
    browser.get(&page).status(200).see_not("a long thought");
});

both!(a_page_that_wants_a_log_in_comes_back_to_itself, |site| {
    site.person("asha");
    let browser = site.anonymous();
    let answer = browser.get("/rooms/new?a=b");
    answer.leads_to("/login?next=%2Frooms%2Fnew%3Fa%3Db");
    let next = browser.follow(&answer).field("next").unwrap();
    browser.post("/login", &[("login", "asha"), ("password", PASSWORD), ("next", &next)]).leads_to("/rooms/new?a=b");
});

both!(closed_registration_takes_nobody, [("accounts.registration", "closed")], |site| {
    let stranger = site.anonymous();
    stranger.get("/register").status(403).see(&words("registration-closed-title"));
    stranger.post("/register", &register("ravi", "ravi@example.org", PASSWORD)).status(403);
    assert_eq!(site.number("SELECT count(*) FROM users"), 1);
    stranger.get("/login").see_not("href=\"/register");
});

both!(a_site_for_members_is_closed_to_strangers, [("site.access", "members")], |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers of the valley", "Craft");
    let message = site.message(room, &asha, "warp and weft");
    let stranger = site.anonymous();
    for path in [
        "/",
        "/topics",
        "/activity",
        "/rooms/1",
        "/rooms/new",
        "/developers/asha",
        "/nothing",
        "/?q=Weavers",
        "//rooms/1",
        "/rooms/1/",
    ] {
        let answer = stranger.get(path);
        answer.leads_to_login();
        answer.see_not("Weavers").see_not("warp");
    }
    stranger.get(&format!("/rooms/{room}/events")).leads_to_login();
    stranger.get(&format!("/events?rooms={room}:0")).leads_to_login();
    stranger.post(&format!("/messages/{message}/delete"), &[]).leads_to_login();
    stranger.send(crate::support::Request::new("HEAD", "/")).status(303);
    for path in ["/login", "/register", "/healthz", "/readyz"] {
        stranger.get(path).status(200).see_not("Weavers");
    }
    asha.get("/").status(200).see("Weavers of the valley");
    stranger.log_in("asha", PASSWORD).leads_to("/");
    stranger.get("/rooms/1").status(200).see("warp and weft");
});

both!(session_from_the_future_is_invalid_until_then, |site| {
    let asha = site.person("asha");
    asha.get("/inbox").status(200);
    // As begun while the clock ran ahead.
    site.sql("UPDATE sessions SET created = '2999-01-01 00:00:00', expires = '2999-02-01 00:00:00'");
    asha.get("/inbox").leads_to("/login?next=%2Finbox");
    // It is not deleted either: perhaps the clock is wrong now.
    site.sql("UPDATE sessions SET created = '2001-01-01 00:00:00'");
    asha.get("/inbox").status(200);
});
