//! What is too long, too large or hostile.

use std::io::{Read, Write};
use std::net::TcpStream;

use chaupal::kit::i18n::Text;
use chaupal::kit::markdown::render;
use chaupal::projects::models::review::Vote;
use diesel::RunQueryDsl;

use crate::support::{Person, Request, says, words};

fn too_long(max: i64) -> String {
    says(Text::new("error-too-long").with("max", max))
}

/// Texts that became script, markup or a query somewhere, some time.
const HOSTILE: [&str; 14] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "{{ page.csrf }}{% raw %}",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "'; DROP TABLE users; --",
    "\u{202e}gnp.exe",
    "&lt;b&gt;&amp;amp;",
    "a\u{2028}b<!--",
    "[a](javascript:alert(1)) <javascript:alert(1)>",
    "![a](x\"onerror=\"alert(1)) [b](https://x.org/\"onclick=\"alert(1))",
];

both!(names_end_at_their_limits, |site| {
    let asha = site.person("asha");
    for letter in ["a", "क", "🪷"] {
        let (name, topic, description) = (letter.repeat(200), letter.repeat(100), letter.repeat(2000));
        asha.post("/rooms/new", &[("name", &name), ("topic", &topic), ("description", &description)]).status(303);
        for (field, value, max) in [
            ("name", letter.repeat(201), 200),
            ("topic", letter.repeat(101), 100),
            ("description", letter.repeat(2001), 2000),
        ] {
            let mut fields = vec![("name", "n"), ("topic", "t"), ("description", "d")];
            for entry in fields.iter_mut().filter(|(name, _)| *name == field) {
                entry.1 = &value;
            }
            let page = asha.post("/rooms/new", &fields);
            page.status(422).see(&too_long(max)).see(&value);
            asha.post("/rooms/1/edit", &fields).status(422).see(&value);
        }
    }
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 3);
    for (field, key) in [("name", "error-required"), ("topic", "error-required")] {
        for blank in ["", "  ", "\t\n", "\u{200b}"] {
            let mut fields = vec![("name", "n"), ("topic", "t"), ("description", "kept words")];
            for entry in fields.iter_mut().filter(|(name, _)| *name == field) {
                entry.1 = blank;
            }
            asha.post("/rooms/new", &fields).status(422).see(&words(key)).see("kept words");
        }
    }
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 3);
});

both!(messages_end_at_four_thousand_characters, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let path = format!("/rooms/{room}/messages");
    for letter in ["a", "क", "🪷"] {
        let whole = letter.repeat(4000);
        asha.post(&path, &[("body", &whole)]).status(303);
        asha.get(&format!("/rooms/{room}")).see(&whole);
        let longer = letter.repeat(4001);
        asha.post(&path, &[("body", &longer)]).status(422).see(&too_long(4000)).see(&longer);
        asha.say(room, &longer, "").status(422);
        asha.post("/messages/1/edit", &[("body", &longer)]).status(422).see(&longer);
        asha.post("/messages/1/edit", &[("body", &whole)]).status(303);
    }
    assert_eq!(site.number("SELECT count(*) FROM messages"), 3);
    assert_eq!(site.number("SELECT max(length(body)) FROM messages"), 4000);
});

both!(pages_show_no_more_than_the_beginning_of_a_long_text, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let message = site.message(room, &asha, "short");
    let project = site.project(&asha, "Loom", &[]);
    site.vote(project, &ravi, Vote::Up);
    site.sql(&format!(
        "INSERT INTO inbox_messages (recipient_id, name, subject, body, created) \
         SELECT id, 'Passer-by', 'Hello', 'short', date_joined FROM users WHERE id = {}",
        asha.id
    ));
    // As an import brings them.
    let long = format!("needle {}the end", "straw ".repeat(100_000));
    let html = format!("<p>{long}</p>");
    for (table, column) in [
        ("messages", "body"),
        ("rooms", "description"),
        ("projects", "description"),
        ("reviews", "body"),
        ("profiles", "bio"),
        ("inbox_messages", "body"),
    ] {
        site.db(|conn| {
            diesel::sql_query(format!("UPDATE {table} SET {column} = $1, {column}_html = $2"))
                .bind::<diesel::sql_types::Text, _>(&long)
                .bind::<diesel::sql_types::Text, _>(&html)
                .execute(conn)
        })
        .unwrap();
    }
    for path in [
        "/".to_owned(),
        "/activity".to_owned(),
        "/search?q=needle".to_owned(),
        "/search?q=eedl".to_owned(),
        "/developers".to_owned(),
        "/projects".to_owned(),
        "/inbox".to_owned(),
        asha.url(),
        format!("/rooms/{room}"),
        format!("/projects/{project}"),
        format!("/messages/{message}/delete"),
    ] {
        let page = asha.get(&path);
        assert!(page.status(200).body.len() < 100_000, "{path}: {} bytes", page.body.len());
    }
    let room_page = asha.get(&format!("/rooms/{room}"));
    room_page.see("needle straw").see("Read the whole message").hold(&format!("href=\"/messages/{message}\""));
    site.anonymous().get(&format!("/messages/{message}")).status(200).see("needle straw").see_not("the end");
    site.anonymous().get(&format!("/messages/{message}?page=99")).status(200).see("straw the end");
    // Nothing is lost when somebody changes it.
    for path in [
        format!("/messages/{message}/edit"),
        format!("/rooms/{room}/edit"),
        format!("/projects/{project}/edit"),
        "/account/edit".to_owned(),
    ] {
        asha.get(&path).status(200).see("straw the end");
    }
    let short = site.message(room, &asha, "**short**");
    let room_page = asha.get(&format!("/rooms/{room}"));
    room_page.hold("<strong>short</strong>");
    assert!(!room_page.body.contains(&format!("href=\"/messages/{short}\"")));
});

both!(message_with_much_html_is_told_as_it_is_read, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let much = |letter: &str| format!("[a]: http://e.example/{}\n\n{}", letter.repeat(250), "[a] ".repeat(900));
    let told = asha.say(room, &much("x"), "one").json();
    let edited = asha.post(&format!("/messages/{}/edit", told["id"]), &[("body", &much("y"))]);
    edited.status(303);
    let html = told["html"].as_str().unwrap();
    assert!(html.len() < 20_000 && html.contains("[a] [a] [a]"), "{} bytes", html.len());
    asha.get(&format!("/rooms/{room}")).status(200).hold("[a] [a] [a]");
});

both!(page_numbers_beyond_all_numbers_are_the_last_page, |site| {
    let asha = site.person("asha");
    for number in 0..12 {
        site.room(&asha, &format!("Room {number}"), "Craft");
    }
    for number in ["2", "9223372036854775807", "9223372036854775808", "99999999999999999999999999"] {
        site.anonymous().get(&format!("/?page={number}")).status(200).see("Room 0").see_not("Room 11");
    }
});

both!(nul_is_refused_at_its_field, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let said = words("error-nul");
    for field in ["name", "topic", "description"] {
        for path in ["/rooms/new".to_owned(), format!("/rooms/{room}/edit")] {
            let mut fields = vec![("name", "n"), ("topic", "t"), ("description", "d")];
            for entry in fields.iter_mut().filter(|(name, _)| *name == field) {
                entry.1 = "a\0b";
            }
            asha.post(&path, &fields).status(422).see(&said).hold(&format!("id=\"{field}-error\""));
        }
    }
    asha.post(&format!("/rooms/{room}/messages"), &[("body", "a\0b")]).status(422).see(&said);
    let id = site.message(room, &asha, "words");
    asha.post(&format!("/messages/{id}/edit"), &[("body", "\0")]).status(422);
    asha.post(&format!("/rooms/{room}/messages"), &[("body", "fine"), ("client_id", "abcdefgh\0")]).status(303);
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 1);
    asha.get("/?q=a%00b").status(200);
    asha.get("/login?next=/%00").status(303);
    let header = Request::new("GET", "/").header("User-Agent", "x").header("Referer", "http://127.0.0.1/%00");
    asha.send(header).status(200);
});

both!(bodies_end_at_their_limit, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let token = asha.token();
    let path = format!("/rooms/{room}/messages");
    for size in [300 * 1024, 2 * 1024 * 1024] {
        let large = "x".repeat(size);
        let request = Request::new("POST", &path).form(&[("csrf_token", &token), ("body", &large)]);
        asha.send(request).status(413).see(&words("error-413-title"));
    }
    let request = Request::new("POST", &path)
        .header("Accept", "application/json")
        .form(&[("csrf_token", &token), ("body", &"x".repeat(300 * 1024))]);
    let told = asha.send(request);
    told.status(413);
    assert!(told.json()["detail"].is_string());
    assert_eq!(site.number("SELECT count(*) FROM messages"), 0);
});

both!(bodies_that_are_no_text_are_refused, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let token = asha.token();
    let path = format!("/rooms/{room}/messages");
    let form = "application/x-www-form-urlencoded";
    let raw =
        |body: &[u8]| asha.send(Request::new("POST", &path).content(form, body).header("X-CSRF-Token", &token)).status;
    assert_eq!(raw(b"body=\xff\xfe"), 400);
    assert!([303, 422].contains(&raw(b"body=%FF%FEabc")), "broken percent-encoding is text with gaps");
    for odd in [
        &b""[..],
        b"&&&",
        b"=",
        b"body",
        b"%",
        b"body=%",
        b"body=%zz",
        b"body[a]=1",
        b"body.x=1",
        b"body=a&body=b",
        b"body[=",
        b"[]=a",
    ] {
        let status = raw(odd);
        assert!([303, 400, 422].contains(&status), "{}: {status}", String::from_utf8_lossy(odd));
    }
});

both!(extra_fields_change_nothing, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let theirs = site.room(&ravi, "Ravi's", "Craft");
    let (ravi_id, theirs_id) = (ravi.id.to_string(), theirs.to_string());
    let extra = [
        ("id", "77"),
        ("host", "ravi"),
        ("host_id", ravi_id.as_str()),
        ("user_id", &ravi_id),
        ("user", "ravi"),
        ("room_id", &theirs_id),
        ("room", &theirs_id),
        ("is_staff", "true"),
        ("is_superuser", "on"),
        ("seq", "99"),
        ("created", "2001-01-01T00:00:00Z"),
        ("last_event", "99"),
    ];
    let with = |fields: &[(&'static str, &'static str)]| {
        let mut all: Vec<(&str, &str)> = fields.to_vec();
        all.extend(extra);
        all
    };
    let answer = asha.post("/rooms/new", &with(&[("name", "Mine"), ("topic", "Craft")]));
    let path = answer.location();
    let mine: i64 = path.rsplit('/').next().unwrap().parse().unwrap();
    assert_ne!(mine, 77);
    assert_eq!(site.number(&format!("SELECT host_id FROM rooms WHERE id = {mine}")), asha.id);
    asha.post(&format!("{path}/edit"), &with(&[("name", "Mine"), ("topic", "Craft")])).status(303);
    assert_eq!(site.number(&format!("SELECT host_id FROM rooms WHERE id = {mine}")), asha.id);
    asha.post(&format!("{path}/messages"), &with(&[("body", "words")])).status(303);
    let message = site.text("SELECT id || ',' || room_id || ',' || user_id || ',' || seq FROM messages");
    assert!(message.ends_with(&format!(",{mine},{},1", asha.id)), "{message}");
    let id: i64 = message.split(',').next().unwrap().parse().unwrap();
    asha.post(&format!("/messages/{id}/edit"), &with(&[("body", "other words")])).status(303);
    assert_eq!(site.text("SELECT room_id || ',' || user_id FROM messages"), format!("{mine},{}", asha.id));
    let kavi = site.anonymous();
    let password = crate::support::PASSWORD;
    kavi.post(
        "/register",
        &with(&[("username", "kavi"), ("email", "kavi@example.org"), ("password1", password), ("password2", password)]),
    )
    .status(303);
    assert_eq!(site.number("SELECT count(*) FROM users WHERE (is_staff OR is_superuser) AND username <> 'boss'"), 0);
    assert_eq!(site.number("SELECT count(*) FROM rooms WHERE last_event > 9"), 0);
});

/// Neither as markup nor as an attribute's end.
fn inert(person: &Person<'_>, path: &str) {
    let page = person.get(path);
    page.status(200);
    // A quotation mark does harm in a tag alone.
    let tags: String = page.body.split('<').filter_map(|rest| Some(rest.split_once('>')?.0)).collect();
    for hostile in HOSTILE.iter().filter(|text| text.contains(['<', '"', '\''])) {
        let place = if hostile.contains('<') { &page.body } else { &tags };
        assert!(!place.contains(hostile), "{path} holds {hostile}");
    }
    assert!(!tags.contains("href=\"javascript:"), "{path}");
    assert!(!page.body.contains("onerror=alert(1)>") && !page.body.contains("<svg/onload"));
}

both!(what_people_write_is_text, |site| {
    let asha = site.person("asha");
    let mut paths =
        vec!["/".to_owned(), "/topics".into(), "/activity".into(), "/developers/asha".into(), "/rooms/new".into()];
    for (n, hostile) in HOSTILE.iter().enumerate() {
        let answer = asha.post("/rooms/new", &[("name", hostile), ("topic", hostile), ("description", hostile)]);
        let path = answer.status(303).location();
        asha.post(&format!("{path}/messages"), &[("body", hostile)]).status(303);
        let shown: String = hostile.split_whitespace().collect::<Vec<_>>().join(" ");
        asha.get(&path).see(&shown);
        asha.get(&format!("{path}/edit")).see(&shown);
        let told = asha.say(path.rsplit('/').next().unwrap().parse().unwrap(), hostile, "");
        let html = told.json()["html"].as_str().unwrap().to_owned();
        assert!(html.contains(&render(hostile)), "{html}");
        assert!(!html.contains(hostile) || !hostile.contains('<'), "{html}");
        let id = told.json()["id"].as_i64().unwrap();
        paths.extend([
            path.clone(),
            format!("{path}/edit"),
            format!("{path}/delete"),
            format!("/messages/{id}/edit"),
            format!("/messages/{id}/delete"),
        ]);
        // What comes back from a form that was refused.
        let page = site.anonymous().post("/register", &[("name", hostile), ("username", hostile), ("email", hostile)]);
        page.status(422);
        let login = site.anonymous().post("/login", &[("login", hostile), ("next", hostile)]);
        login.status(422);
        for page in [page, login] {
            assert!(!page.body.contains(hostile) || !hostile.contains(['<', '"', '\'']), "{hostile}");
        }
        for path in ["/", "/topics", "/activity", "/developers", "/projects"] {
            paths.push(format!("{path}?q={}", crate::support::percent(hostile)));
        }
        paths.push(format!("/login-page-{n}"));
    }
    site.sql("UPDATE users SET name = '<script>alert(1)</script>' WHERE username = 'asha'");
    for path in paths.iter().filter(|path| !path.starts_with("/login-page")) {
        inert(&asha, path);
    }
    // Also on the page that says that there is no such page, and in what is said once.
    let page = asha.get("/%3Cscript%3Ealert(1)%3C/script%3E?%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E");
    page.status(404);
    assert!(!page.body.contains("<script>alert(1)") && !page.body.contains("<img src=x"));
    let browser = site.anonymous();
    let answer = browser.log_in("asha", crate::support::PASSWORD);
    browser.follow(&answer).see("<script>alert(1)</script>");
    inert(&asha, "/");
});

both!(what_developers_write_is_text, |site| {
    let (asha, ravi, stranger) = (site.person("asha"), site.person("ravi"), site.anonymous());
    for (n, hostile) in HOSTILE.iter().enumerate() {
        let profile = [("name", *hostile), ("short_intro", hostile), ("location", hostile), ("bio", hostile)];
        // A name shows nothing that the eye cannot see: then it is told so.
        let saved = asha.post("/account/edit", &profile).status;
        assert!([303, 422].contains(&saved), "{hostile}: {saved}");
        asha.post("/account/edit", &profile[1..]).status(303);
        for link in ["social_website", "social_github"] {
            let refused = asha.post("/account/edit", &[(link, hostile)]);
            assert!(refused.status == 422 || !hostile.contains(['<', '"', '\'', ':']), "{hostile} as a link");
            assert!(!refused.body.contains(hostile) || !hostile.contains(['<', '"', '\'']), "{hostile}");
        }
        asha.post("/account/skills/new", &[("name", &format!("{n} {hostile}")), ("description", hostile)]).status(303);
        let project = asha.post("/projects/new", &[("title", hostile), ("description", hostile), ("tags", hostile)]);
        let project = if project.status == 303 {
            project
        } else {
            // More tags than ten, or longer ones than fit.
            asha.post("/projects/new", &[("title", hostile), ("description", hostile), ("tags", "plain")])
        };
        let project = project.status(303).location();
        ravi.post(&format!("{project}/reviews"), &[("value", "up"), ("body", hostile)]).status(303);
        let letter = [("name", *hostile), ("email", "passer@example.org"), ("subject", hostile), ("body", hostile)];
        // As with a member's name.
        let sent = stranger.post("/developers/asha/message", &letter).status;
        assert!([303, 422].contains(&sent), "{hostile}: {sent}");
        let named = [("name", "Passer-by"), letter[1], letter[2], letter[3]];
        stranger.post("/developers/asha/message", &named).status(303);
        let newest = site.number("SELECT max(id) FROM inbox_messages");
        let skill = site.number("SELECT max(id) FROM skills");
        for path in [
            "/developers".to_owned(),
            "/developers/asha".into(),
            "/account/edit".into(),
            "/account/skills".into(),
            format!("/account/skills/{skill}/edit"),
            format!("/account/skills/{skill}/delete"),
            "/projects".into(),
            project.clone(),
            format!("{project}/edit"),
            format!("{project}/delete"),
            "/inbox".into(),
            format!("/inbox/{newest}"),
            format!("/search?q={}", crate::support::percent(hostile)),
            format!("/search?kind=projects&q={}", crate::support::percent(hostile)),
        ] {
            inert(&asha, &path);
        }
        inert(&ravi, "/developers/asha/message");
        inert(&ravi, &format!("{project}/reviews/delete"));
    }
});

both!(a_forged_flash_shows_nothing, |site| {
    let browser = site.anonymous();
    for forged in [
        "7:success<b>x</b>",
        "[%22success%22,%22hello%20evil%22]",
        "[%22evil%22,%7B%22key%22:%22hello%20evil%22%7D]",
        "rubbish",
        "[]",
        ":",
    ] {
        browser.jar.set("flash", forged);
        let page = browser.get("/topics");
        page.status(200).see_not("hello evil");
        assert!(!page.body.contains("<b>"));
    }
});

// A proxy that cannot get rid of its words takes the connection for broken, and says so in our stead.
both!(who_sends_too_much_is_heard_to_the_end, |site| {
    let asha = site.person("asha");
    for target in ["/rooms/new", "/projects/new", "/login"] {
        let mut socket = TcpStream::connect(("127.0.0.1", site.port())).unwrap();
        let body = format!("title={}", "x".repeat(6 << 20));
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: x\r\nCookie: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n",
            asha.jar.line().unwrap(),
            body.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(body.as_bytes()).unwrap_or_else(|error| panic!("{target}: {error}"));
        let mut status = [0; 12];
        socket.read_exact(&mut status).unwrap();
        assert_eq!(std::str::from_utf8(&status).unwrap(), "HTTP/1.1 413", "{target}");
    }
});
