//! What every answer owes, whatever it says.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Answer, Request, Site, words};

fn guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{answer:?}"));
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let is_page = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    assert_eq!(policy.contains("script-src 'self'"), is_page, "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-frame-options"), is_page.then_some("DENY"));
    assert_eq!(answer.header("cross-origin-opener-policy").is_some(), is_page);
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("referrer-policy").is_some());
    assert!(answer.header("x-request-id").is_some());
    assert!(answer.header("server").is_none() && answer.header("x-powered-by").is_none(), "{answer:?}");
    assert!(answer.header("cache-control").is_some(), "{answer:?}");
}

both!(every_answer_is_guarded, |site| {
    let (asha, stranger) = (site.person("asha"), site.anonymous());
    let room = site.room(&asha, "Weavers", "Craft");
    let get = |path: &str| Request::new("GET", path);
    for (request, status) in [
        (get("/"), 200),
        (get("/nothing"), 404),
        (get("/rooms/99"), 404),
        (get("/rooms/new"), 303),
        (get("/login"), 200),
        (get("/healthz"), 200),
        (get("/static/css/app.css"), 200),
        (get("/static/no.css"), 404),
        (get("/static/../Cargo.toml"), 404),
        (get("/static/css/../../Cargo.toml"), 404),
        (get("/static/%2e%2e/Cargo.toml"), 404),
        (get("/static//etc/passwd"), 404),
        (get("/static//proc/self/exe"), 404),
        (get("/events?rooms=x"), 400),
        (Request::new("POST", "/"), 405),
        (Request::new("POST", "/login").form(&[]), 403),
        (Request::new("POST", "/login").content("text/plain", b"x"), 415),
        (Request::new("POST", "/login").form(&[("login", &"x".repeat(300_000))]), 413),
        (Request::new("DELETE", "/rooms/1"), 405),
        (Request::new("HEAD", "/"), 200),
    ] {
        let answer = stranger.send(request);
        answer.status(status);
        guarded(&answer);
    }
    guarded(&asha.get(&format!("/rooms/{room}")));
    guarded(&site.person("ravi").get(&format!("/rooms/{room}/edit")));
    let page = asha.get("/");
    assert!(page.header("strict-transport-security").is_none(), "the site is http");
    assert!(page.header("cache-control").unwrap().contains("private"));
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let stream = asha.open(get(&format!("/rooms/{room}/events")));
    assert!(stream.header("content-security-policy").is_some());
    assert_eq!(stream.header("x-accel-buffering"), Some("no"));
    assert!(stream.header("cache-control").unwrap().contains("no-store"));
});

both!(both_slash_forms_answer_alike, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let id = site.message(room, &asha, "words");
    for path in [
        "/topics".to_owned(),
        "/activity".into(),
        "/rooms/new".into(),
        format!("/rooms/{room}"),
        format!("/rooms/{room}/edit"),
        format!("/rooms/{room}/delete"),
        format!("/messages/{id}/edit"),
        "/developers/asha".into(),
        "/healthz".into(),
        "/readyz".into(),
    ] {
        let title = |answer: &Answer| {
            answer.body.split("<title>").nth(1).map(|rest| rest.split('<').next().unwrap().to_owned())
        };
        let (bare, slash) = (asha.get(&path), asha.get(&format!("{path}/")));
        bare.status(200);
        slash.status(200);
        assert_eq!(title(&bare), title(&slash));
    }
    asha.get("/topics/?q=craft").status(200).see("Craft");
    asha.post(&format!("/rooms/{room}/messages/"), &[("body", "with a slash")]).status(303);
    asha.post("/rooms/new/", &[("name", "Another"), ("topic", "Craft")]).status(303);
    site.anonymous().get("/login/").status(200);
    site.anonymous().get("//evil.example/").status(404);
    asha.get("/nothing/").status(404);
});

both!(a_wrong_method_is_405_and_says_what_is_right, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    for (method, path, allow) in [
        ("POST", "/".to_owned(), "GET, HEAD"),
        ("PUT", "/topics".into(), "GET, HEAD"),
        ("DELETE", format!("/rooms/{room}"), "GET, HEAD"),
        ("POST", format!("/rooms/{room}"), "GET, HEAD"),
        ("GET", "/logout".into(), "POST"),
        ("GET", format!("/rooms/{room}/messages"), "POST"),
        ("PATCH", "/login".into(), "GET, HEAD, POST"),
        ("GET", format!("/rooms/{room}/leave/"), "POST"),
    ] {
        let answer = asha.send(Request::new(method, &path));
        answer.status(405).see(&words("error-405-title"));
        let mut allowed: Vec<&str> = answer.header("allow").expect("it says what is right").split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(", "), allow, "{method} {path}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        asha.send(Request::new(method, "/nothing/at/all")).status(404);
    }
});

both!(head_is_get_without_a_body, |site| {
    let asha = site.person("asha");
    for path in ["/", "/login", "/healthz", "/nothing"] {
        let (get, head) = (asha.get(path), asha.send(Request::new("HEAD", path)));
        assert_eq!(get.status, head.status, "{path}");
        assert_eq!(head.body, "");
    }
});

both!(errors_have_a_page_with_a_way_home, |site| {
    let stranger = site.anonymous();
    let page = stranger.get("/nothing");
    page.status(404).see(&words("error-404-title")).see(&words("error-404-text"));
    let id = page.header("x-request-id").unwrap();
    page.see(id);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let told = stranger.send(Request::new("GET", "/nothing").header("Accept", "application/json"));
    told.status(404);
    assert!(told.json()["detail"].is_string());
    let told = stranger.get("/api/nothing");
    told.status(404);
    assert!(told.json()["detail"].is_string());
});

both!(the_database_gone_is_503_and_comes_back, |site| {
    let asha = site.person("asha");
    asha.get("/").status(200);
    asha.get("/readyz").status(200);
    if site.backend == crate::support::Backend::Sqlite {
        return;
    }
    // PostgreSQL ends every connection: the next requests open new ones.
    site.db(|conn| {
        diesel::RunQueryDsl::execute(
            diesel::sql_query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"),
            conn,
        )
    })
    .unwrap();
    let statuses: Vec<u16> = (0..12).map(|_| asha.get("/").status).collect();
    assert_eq!(*statuses.last().unwrap(), 200, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 500, 503].contains(status)), "{statuses:?}");
    asha.get("/readyz").status(200);
    asha.get("/healthz").status(200);
});

/// Sends bytes as they are; the status, if an answer came.
fn raw(site: &Site, bytes: &[u8]) -> Option<u16> {
    let mut socket = TcpStream::connect(("127.0.0.1", site.port())).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _ = socket.write_all(bytes);
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).ok()?;
    String::from_utf8_lossy(&answer[9..12]).parse().ok()
}

both!(malformed_requests_break_nothing, |site| {
    let host = "Host: x\r\n";
    for bytes in [
        format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("POST /login HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n"),
        format!("GET /%zz HTTP/1.1\r\n{host}\r\n"),
        format!("GET /%ff%fe HTTP/1.1\r\n{host}\r\n"),
        format!("GET http://evil.example/ HTTP/1.1\r\n{host}\r\n"),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "rubbish\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\n{host}Cookie: chaupal_session=\u{1};chaupal_csrf=;;=;\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host}Cookie: {}\r\n\r\n", "a=b; ".repeat(1000)),
        format!("GET /?{} HTTP/1.1\r\n{host}\r\n", "q=a&".repeat(2000)),
        format!("GET /rooms/{} HTTP/1.1\r\n{host}\r\n", "9".repeat(5000)),
        format!("GET /events?rooms={} HTTP/1.1\r\n{host}\r\n", "1:1,".repeat(500)),
    ] {
        let bytes = bytes.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        if let Some(status) = raw(site, bytes.as_bytes()) {
            assert!(status < 500, "{status} for {bytes:.80}");
        }
    }
    site.anonymous().get("/").status(200);
});

both!(a_flash_cookie_written_by_hand_is_passed_over, |site| {
    site.superuser();
    for value in ["1%3A%C3%A9", "99%3Ax", "%3A", "x", "7%3Asuccess%7B", "-1%3A%C3%A9", ""] {
        let stranger = site.anonymous();
        stranger.jar.set("flash", value);
        stranger.get("/").status(200);
    }
});

both!(an_unknown_method_is_refused_with_the_usual_headers, |site| {
    // Rocket answers it before any fairing is asked.
    let answer = Request::new("FOO", "/").open(site.port()).finish();
    answer.status(405);
    assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("referrer-policy").is_some());
});
