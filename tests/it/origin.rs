//! Where a request comes from: `Host`, `Origin`, `Referer`, and HTTP/2, which has no `Host`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Backend, Person, Request, Site, escaped, http2, percent, program};

/// A form that saves a skill.
fn skill(token: &str, name: &str) -> Request {
    Request::new("POST", "/account/skills/new").form(&[("name", name), ("csrf_token", token)])
}

both!(origin_equal_to_site_url_is_accepted, [("site_url", "http://chat.example.org:8080")], |site| {
    let asha = site.person("asha");
    let token = asha.token();
    for (origin, host, status) in [
        // nginx sends `Host $host` or `$proxy_host`, Apache its own idea of it.
        ("http://chat.example.org:8080", "chat.example.org", 303),
        ("http://chat.example.org:8080", "127.0.0.1:8000", 303),
        ("http://CHAT.example.org:8080", "backend", 303),
        ("http://chat.example.org:8080", "chat.example.org:8080", 303),
        ("https://chat.example.org", "chat.example.org", 303),
        ("https://chat.example.org", "chat.example.org:443", 303),
        ("http://chat.example.org", "chat.example.org:80", 303),
        ("https://chat.example.org", "chat.example.org:80", 403),
        ("http://chat.example.org", "backend", 403),
        ("https://chat.example.org:8080", "backend", 403),
        ("http://chat.example.org:8080.evil.example", "chat.example.org", 403),
        ("http://evil.example", "chat.example.org", 403),
        ("chat.example.org:8080", "chat.example.org:8080", 403),
    ] {
        let request = skill(&token, &format!("weaving {origin} {host}"));
        let answer = asha.send(request.header("Origin", origin).header("Host", host));
        assert_eq!(answer.status, status, "{origin} {host}: {answer:?}");
        if status == 403 {
            answer.see("The site’s address does not match").see(&format!("site_url must be {origin}"));
        }
    }
});

both!(go_back_works_behind_a_proxy_that_drops_the_port, [("site_url", "http://chat.example.org:8080")], |site| {
    let asha = site.person("asha");
    site.room(&asha, "Weavers", "Craft");
    let back = |referer: &str| {
        let request =
            Request::new("GET", "/rooms/1/edit").header("Host", "chat.example.org").header("Referer", referer);
        asha.send(request).status(200).body.clone()
    };
    assert!(back("http://chat.example.org:8080/topics?q=x").contains(&escaped("/topics?q=x")));
    assert!(!back("http://evil.example/topics?q=x").contains("q=x"));
    assert!(!back("http://chat.example.org:8080.evil.example/topics?q=x").contains("q=x"));
});

#[test]
fn refused_origin_is_logged_with_both_addresses() {
    let site = Site::bare(Backend::Sqlite, &[]);
    site.person("boss");
    site.sql("UPDATE users SET is_superuser = TRUE");
    let mut command = program::command(site.folder(), &["serve", ":0"]);
    command.env("CHAUPAL_DATABASE__URL", &site.database_url).env("CHAUPAL_SITE_URL", "http://chat.example.org:8080");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let greeting = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).next().unwrap();
    let port = greeting.split_whitespace().nth(3).unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let request = Request::new("POST", "/login").form(&[("login", "x")]);
    let request = request.header("Origin", "http://192.0.2.7:8080").header("Host", "backend:8000");
    request.open(port).finish().status(403);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("a form was refused")).expect("a line in the log");
    for part in ["\"http://192.0.2.7:8080\"", "site_url \"http://chat.example.org:8080\"", "host \"backend:8000\""] {
        assert!(line.contains(part), "{line}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

both!(http2_authority_counts_as_the_host, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let host = format!("127.0.0.1:{}", site.port());
    let token = asha.token();
    let cookies = || asha.jar.line().unwrap();
    let form = |name: &str| skill(&token, name).header("Cookie", &cookies());
    let own = format!("http://{host}");
    assert_eq!(http2::send(site, &host, &form("a").header("Origin", &own)).0, 303);
    assert_eq!(http2::send(site, &host, &form("b").header("Origin", "http://evil.example")).0, 403);
    assert_eq!(http2::send(site, "evil.example", &form("c").header("Origin", "http://evil.example")).0, 303);
    // The session is over: the way leads back to the page that held the form.
    let page = format!("/rooms/{room}");
    let post = Request::new("POST", &format!("{page}/messages")).form(&[("body", "typed")]);
    let post = post.header("Referer", &format!("{own}{page}")).header("Origin", &own);
    assert_eq!(http2::send(site, &host, &post), (303, Some(format!("/login?next={}", percent(&page)))));
    // A form without a page of its own, sent from the list of topics.
    let post = Request::new("POST", "/logout").form(&[]).header("Origin", &own).header("Cookie", &cookies());
    let post = post.header("Referer", &format!("{own}/topics?q=craft"));
    assert_eq!(http2::send(site, &host, &post), (303, Some("/topics?q=craft".into())));
});

both!(stale_form_comes_back_filled_with_a_fresh_token, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let other = site.person("ravi");
    let log_in_elsewhere = |browser: &Person<'_>| browser.jar.set("session", &other.jar.get("session").unwrap());
    let typed = "typed for an hour\n<b>बुनाई</b>";
    for (page, target, field) in [
        ("/rooms/new".to_owned(), "/rooms/new".to_owned(), "description"),
        (format!("/rooms/{room}"), format!("/rooms/{room}/messages"), "body"),
        ("/projects/new".into(), "/projects/new".into(), "description"),
        ("/account/skills/new".into(), "/account/skills/new".into(), "description"),
        ("/account/edit".into(), "/account/edit".into(), "bio"),
        ("/developers/boss/message".into(), "/developers/boss/message".into(), "body"),
        ("/account/email".into(), "/account/email".into(), "email"),
    ] {
        if page == "/account/email" && asha.get(&page).status == 503 {
            continue;
        }
        let browser = site.person("asha");
        let old = browser.get(&page).status(200).form_token().unwrap().to_owned();
        log_in_elsewhere(&browser);
        let request = Request::new("POST", &target).form(&[(field, typed), ("csrf_token", &old)]).with_own_origin(site);
        let answer = browser.send(request);
        answer.leads_to(&page);
        let again = browser.follow(&answer);
        again.status(200).see("Check what you typed and send it again.").see(typed);
        assert_ne!(again.form_token(), Some(old.as_str()));
        // It is given back once.
        browser.get(&page).see_not("बुनाई");
    }
    assert_eq!(site.rows(&["messages", "projects", "skills"]), [0, 0, 0]);
    // Sent with the fresh token it is taken.
    let browser = site.person("asha");
    browser.post(&format!("/rooms/{room}/messages"), &[("body", typed)]).status(303);
});

both!(stale_public_forms_lose_nothing, [("mail.backend", "file")], |site| {
    let asha = site.person("asha");
    site.chat_room("Maths");
    for (page, field, other) in [
        ("/login", "login", "password"),
        ("/register", "username", "password1"),
        ("/password-reset", "email", "x"),
        ("/chat", "room_name", "x"),
        ("/chat/Maths", "body", "x"),
    ] {
        let browser = site.anonymous();
        let old = browser.get(page).status(200).form_token().unwrap().to_owned();
        // Logged in and out again in another window.
        browser.jar.set("session", &asha.jar.get("session").unwrap());
        browser.post("/topics", &[]);
        browser.jar.set("session", "");
        browser.jar.set("csrf", &"a".repeat(32));
        let target = if page == "/chat/Maths" { "/chat/Maths/messages" } else { page };
        let form = [(field, "typed-by-hand"), (other, "typed-secret"), ("csrf_token", &old)];
        let answer = browser.send(Request::new("POST", target).form(&form).with_own_origin(site));
        answer.leads_to(page);
        browser
            .follow(&answer)
            .status(200)
            .see("The page was out of date")
            .see("typed-by-hand")
            .see_not("typed-secret");
    }
});

both!(stale_form_with_a_file_keeps_the_words, |site| {
    let asha = site.person("asha");
    let old = asha.get("/projects/new").form_token().unwrap().to_owned();
    asha.jar.set("csrf", &"a".repeat(32));
    // The words stand before and behind the file.
    let boundary = "----a-boundary-7";
    let part =
        |name: &str, value: &str| format!("--{boundary}\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n");
    let body = [
        part("name=\"csrf_token\"", &old),
        part("name=\"title\"", "Loom planner"),
        part("name=\"picture\"; filename=\"a.png\"", &"x".repeat(200_000)),
        part("name=\"description\"", "typed behind the file"),
        format!("--{boundary}--\r\n"),
    ];
    let request = Request::new("POST", "/projects/new");
    let request = request.content(&format!("multipart/form-data; boundary={boundary}"), body.concat().as_bytes());
    let answer = asha.send(request.with_own_origin(site));
    answer.leads_to("/projects/new");
    let page = asha.follow(&answer);
    page.status(200).see("choose the image again").see("Loom planner").see("typed behind the file");
    assert_eq!(site.number("SELECT count(*) FROM projects"), 0);
});

both!(stale_script_request_gets_a_fresh_token, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let target = format!("/rooms/{room}/messages");
    let post = |token: &str| {
        let form = [("body", "by a script"), ("client_id", "0123456789abcdef"), ("csrf_token", token)];
        asha.send(Request::new("POST", &target).form(&form).with_own_origin(site).header("Accept", "application/json"))
    };
    let old = asha.token();
    asha.jar.set("csrf", &"a".repeat(32));
    let told = post(&old);
    told.status(403);
    let told = told.json();
    assert!(told["detail"].as_str().unwrap().contains("Check what you typed and send it again."), "{told}");
    post(told["csrf_token"].as_str().unwrap()).status(201);
    // A beacon leaves nothing behind.
    let beacon = Request::new("POST", &format!("/rooms/{room}/away")).form(&[("seen", "1"), ("csrf_token", "old")]);
    let answer = asha.send(beacon.with_own_origin(site).header("Accept", "*/*"));
    answer.status(403);
    assert!(answer.cookie("saved_form").is_none());
});

both!(form_of_unproven_origin_is_not_saved, |site| {
    let asha = site.person("asha");
    let form = || Request::new("POST", "/rooms/new").form(&[("name", "planted"), ("csrf_token", "x")]);
    for request in [
        form(),
        form().header("Origin", "http://evil.example"),
        form().header("Origin", "null"),
        form().with_own_origin(site).header("Sec-Fetch-Site", "cross-site"),
        form().with_own_origin(site).header("Sec-Fetch-Site", "same-site"),
    ] {
        let answer = asha.send(request);
        answer.status(403);
        assert!(answer.cookie("saved_form").is_none());
    }
    assert_eq!(site.number("SELECT count(*) FROM stash"), 0);
});

/// Every combination of what clients may send: exactly what the rule allows passes, nothing is a fault of the server.
#[test]
fn host_origin_and_referer_pass_exactly_by_the_rule() {
    let site = Site::start(Backend::Sqlite, &[("site_url", "https://chat.example.org".to_owned())]);
    let asha = site.person("asha");
    let token = asha.token();
    let local = format!("127.0.0.1:{}", site.port());
    let hosts =
        ["chat.example.org", "chat.example.org:443", &local, "evil.example", "[::1]:80", "a b", "", "\u{e9}.example"];
    let own_local = format!("http://{local}");
    let origins = [
        None,
        Some("https://chat.example.org"),
        Some("https://chat.example.org:443"),
        Some("http://chat.example.org"),
        Some(own_local.as_str()),
        Some("https://evil.example"),
        Some("http://[::1]"),
        Some("null"),
        Some(""),
        Some("://"),
        Some("https://"),
        Some("https://chat.example.org/"),
        Some("https://chat.example.org@evil.example"),
        Some("https://evil.example#https://chat.example.org"),
        Some("\u{e9}://\u{202e}"),
    ];
    let sites = [None, Some("same-origin"), Some("none"), Some("same-site"), Some("cross-site"), Some("")];
    let referers = [
        "",
        "https://chat.example.org/topics?q=x",
        "https://evil.example/topics",
        "//evil.example",
        "\u{e9}",
        "http://[",
        "x",
    ];
    let mut count = 0_usize;
    for host in hosts {
        for origin in origins {
            for fetch_site in sites {
                count += 1;
                let referer = referers[count % referers.len()];
                let mut request = Request::new("POST", "/rooms/new").form(&[("name", ""), ("csrf_token", &token)]);
                request = request.header("Host", host).header("Referer", referer);
                for (name, value) in [("Origin", origin), ("Sec-Fetch-Site", fetch_site)] {
                    request = value.into_iter().fold(request, |request, value| request.header(name, value));
                }
                let allowed = match (fetch_site, origin) {
                    (Some(fetch_site), _) => fetch_site == "same-origin" || fetch_site == "none",
                    (None, None) => true,
                    (None, Some(origin)) => match origin {
                        "https://chat.example.org" | "https://chat.example.org:443" => true,
                        "http://chat.example.org" => host == "chat.example.org",
                        "http://[::1]" => host == "[::1]:80",
                        "https://evil.example" => host == "evil.example",
                        origin => origin == own_local && host == local,
                    },
                };
                let answer = asha.send(request);
                // An empty name is 422: the form was read.
                let status = if allowed { 422 } else { 403 };
                let what = format!("host {host:?} origin {origin:?} site {fetch_site:?} referer {referer:?}");
                assert!(answer.status == status || answer.status == 400, "{what}: {answer:?}");
                let is_sound = host.is_ascii() && !host.is_empty() && !host.contains(' ');
                assert!(answer.status == status || !is_sound, "{what}: {answer:?}");
                assert!(!answer.body.contains(&escaped("href=\"https://evil.example")), "{what}");
            }
        }
    }
}

/// A proxy that spoils what it can: another `Host`, no large bodies, no streams. Gives its port.
fn spoiling_proxy(server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    client.read_exact(&mut byte).ok()?;
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                if head.starts_with("POST") {
                    client
                        .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        .ok()?;
                    // Closed at once, the answer would be lost with what was not read.
                    return std::io::copy(&mut client, &mut std::io::sink()).ok();
                }
                if head.contains("/events ") {
                    std::thread::sleep(Duration::from_secs(20));
                }
                let lines = head.trim_end().lines().filter(|line| !line.to_lowercase().starts_with("host:"));
                let head = lines.collect::<Vec<_>>().join("\r\n");
                let mut upstream = TcpStream::connect(("127.0.0.1", server)).ok()?;
                let added = "Host: backend\r\nX-Forwarded-For: 203.0.113.5\r\nConnection: close";
                write!(upstream, "{head}\r\n{added}\r\n\r\n").ok()?;
                std::io::copy(&mut upstream, &mut client).ok()
            });
        }
    });
    port
}

#[test]
fn check_url_reports_what_the_proxy_spoils() {
    let site = Site::start(Backend::Sqlite, &[]);
    let boss = site.superuser();
    site.room(&boss, "Weavers", "Craft");
    let folder = site.folder().to_string_lossy().into_owned();
    let env = [
        ("CHAUPAL_DATABASE__URL", site.database_url.as_str()),
        ("CHAUPAL_DATA_DIR", &folder),
        ("CHAUPAL_SITE_URL", site.config.site_url.as_str()),
    ];
    let check = |address: &str| program::run(site.folder(), &["check", "--url", address], &env);
    let direct = check(&format!("http://127.0.0.1:{}", site.port()));
    assert!(direct.done().out.contains("warning url.site_url: site_url is http://127.0.0.1: links"), "{direct:?}");
    assert_eq!(direct.out.matches(" url.").count(), 1, "{direct:?}");
    let port = spoiling_proxy(site.port());
    let spoilt = check(&format!("http://127.0.0.1:{port}"));
    assert_eq!(spoilt.code, 1, "{spoilt:?}");
    for part in [
        &format!("error url.origin: forms sent at http://127.0.0.1:{port} are refused: site_url is http://127.0.0.1,"),
        "the proxy passes \"backend\" on as Host",
        "warning url.client: the proxy at 127.0.0.1 is not believed",
        "add it to proxy.trusted",
        "error url.body_size: the proxy refuses images of media.max_bytes (5242880 bytes)",
        "warning url.stream: live events do not pass",
    ] {
        assert!(spoilt.out.contains(part), "no {part:?} in {spoilt:?}");
    }
    // Nobody there, no address, another program, another site.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let other = Site::start(Backend::Sqlite, &[]);
    for (address, id) in [
        (format!("http://127.0.0.1:{nobody}"), "url.unreachable"),
        (format!("https://127.0.0.1:{}", site.port()), "url."),
        ("nonsense".into(), "url.address"),
        (format!("http://127.0.0.1:{}", other.port()), "url.other_site"),
    ] {
        let ended = check(&address);
        assert!(ended.code == 1 && ended.out.contains(&format!("error {id}")), "{address}: {ended:?}");
    }
    // Without the key nothing is told.
    let plain = boss.get("/healthz");
    assert_eq!(plain.status(200).body, "ok\n");
    let forged = Request::new("GET", "/healthz").header("X-Chaupal-Check", "1.AAAA");
    assert_eq!(boss.send(forged).status(200).body, "ok\n");
}
