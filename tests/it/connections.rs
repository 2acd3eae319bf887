//! Clients that keep the server waiting: half-sent requests, responses that nobody reads, more connections than there is
//! room for.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::program::Serving;
use crate::support::{Backend, Request, Site, is_quick};

/// A server with short time limits.
fn serve(site: &Site, settings: &[(&str, &str)], descriptors: Option<u32>) -> Serving {
    let mut all = vec![
        ("CHAUPAL_DATABASE__URL", site.database_url.as_str()),
        ("CHAUPAL_CONNECTIONS__HEAD_SECONDS", "1"),
        ("CHAUPAL_CONNECTIONS__IDLE_SECONDS", "3"),
        ("CHAUPAL_CONNECTIONS__STALL_SECONDS", "2"),
    ];
    all.extend_from_slice(settings);
    Serving::start_with(site.folder(), &all, descriptors)
}

fn site() -> Site {
    let site = Site::bare(Backend::Sqlite, &[]);
    site.person("host");
    site.sql("UPDATE users SET is_superuser = TRUE");
    site
}

fn connect(port: u16, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(sent).unwrap();
    stream
}

/// A connection whose client has room for so many bytes and reads none.
fn deaf(port: u16, sent: &str, room: usize) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(room).unwrap();
    socket.connect(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.write_all(sent.as_bytes()).unwrap();
    stream
}

/// Reads to the end of the connection, which the server must bring about.
fn until_closed(mut stream: &TcpStream) -> String {
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("not closed: {error}"),
        _ => String::from_utf8_lossy(&heard).into_owned(),
    }
}

/// Number of sockets that the process has open.
fn sockets(serving: &Serving) -> usize {
    let listed = std::fs::read_dir(format!("/proc/{}/fd", serving.child.id())).unwrap();
    let links = listed.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}

fn resident_kb(serving: &Serving) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn half_sent_requests_are_closed_and_idle_connections_live_longer() {
    let site = site();
    let serving = serve(&site, &[("CHAUPAL_CONNECTIONS__IDLE_SECONDS", "5")], None);
    let port = serving.port;
    let get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let slow: Vec<(&str, TcpStream)> = [
        ("silent", &b""[..]),
        ("half a line", b"GET /"),
        ("half a head", b"GET / HTTP/1.1\r\nHost: x\r\n"),
        ("half a preface", b"PRI * HTTP/2.0\r\n\r\nS"),
        ("a preface and no request", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
        ("no body", b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n"),
        ("half a chunk", b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab"),
        ("half a second request", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
    ]
    .into_iter()
    .map(|(name, sent)| (name, connect(port, sent)))
    .collect();
    let mut kept = connect(port, get);
    let mut trickle = connect(port, b"GET / HTTP/1.1\r\nX-Slow: ");
    let started = Instant::now();
    std::thread::sleep(Duration::from_millis(700));
    let (_, mut second) = slow.last().map(|(name, stream)| (name, stream)).unwrap();
    second.write_all(b"GET /healthz HTTP/1.1\r\nHo").unwrap();
    // Used again before it is idle for too long, a connection lives on.
    std::thread::sleep(Duration::from_millis(1500).saturating_sub(started.elapsed()));
    let is_in_time = started.elapsed() < Duration::from_secs(4) && kept.write_all(get).is_ok();
    // One byte now and then does not help.
    wait_until("the trickle is closed", || trickle.write_all(b"x").is_err());
    for (name, stream) in &slow {
        let begun = Instant::now();
        until_closed(stream);
        assert!(begun.elapsed() < Duration::from_secs(10), "{name}");
    }
    let answers = until_closed(&kept);
    assert_eq!(answers.matches("HTTP/1.1 200").count(), if is_in_time { 2 } else { 1 }, "{answers}");
}

#[test]
fn healthz_answers_while_half_open_sockets_use_up_all_descriptors() {
    let site = site();
    let serving = serve(&site, &[("CHAUPAL_CONNECTIONS__HEAD_SECONDS", "600")], Some(300));
    let halves: Vec<TcpStream> = (0..400).map(|_| connect(serving.port, b"GET / HT")).collect();
    for _ in 0..3 {
        let begun = Instant::now();
        Request::new("GET", "/healthz").open(serving.port).finish().status(200).see("ok");
        Request::new("GET", "/login").open(serving.port).finish().status(200);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
    wait_until("room is left", || sockets(&serving) < 275);
    // The oldest went first.
    until_closed(&halves[0]);
}

/// The preface of HTTP/2, and requests that begin a stream each.
fn streams(method: u8, path: &str, ends: bool, count: u32) -> Vec<u8> {
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    // Indexes of HPACK's static table: the method, `http`; path and authority as they stand.
    let mut head = vec![method, 0x86, 0x44, u8::try_from(path.len()).unwrap()];
    head.extend(path.as_bytes());
    head.extend(b"\x41\x01x");
    for stream in 0..count {
        sent.extend([0, 0, u8::try_from(head.len()).unwrap(), 1, if ends { 5 } else { 4 }]);
        sent.extend((2 * stream + 1).to_be_bytes());
        sent.extend(&head);
    }
    sent
}

#[test]
fn floods_of_http2_streams_are_closed() {
    let site = site();
    let host = site.person("asha");
    let room = site.room(&host, "Market", "Noise");
    let patient = [("CHAUPAL_CONNECTIONS__HEAD_SECONDS", "600"), ("CHAUPAL_CONNECTIONS__IDLE_SECONDS", "600")];
    let serving = serve(&site, &patient, None);
    const GET: u8 = 0x82;
    const POST: u8 = 0x83;
    for (method, path, ends, count) in
        [(GET, format!("/rooms/{room}/events"), true, 300), (POST, "/login".to_owned(), false, 30_000)]
    {
        let stream = TcpStream::connect(("127.0.0.1", serving.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // It may be closed before all is sent.
        let _ = (&stream).write_all(&streams(method, &path, ends, count));
        until_closed(&stream);
    }
    Request::new("GET", "/healthz").open(serving.port).finish().status(200);
}

#[test]
fn http2_request_over_the_limit_costs_no_page() {
    let site = site();
    let host = site.person("asha");
    let room = site.room(&host, "Market", "Noise");
    let serving = serve(&site, &[], None);
    const GET: u8 = 0x82;
    let stream = connect(serving.port, &streams(GET, &format!("/rooms/{room}/events"), true, 300));
    until_closed(&stream);
    wait_until("the log has the refusal", || {
        std::fs::read_to_string(site.folder().join("server.log")).unwrap().contains("GET /.refused 503")
    });
}

#[test]
fn large_headers_are_refused() {
    let site = site();
    let serving = serve(&site, &[], None);
    let large = Request::new("GET", "/healthz").header("X-Large", &"x".repeat(70_000));
    large.open(serving.port).finish().status(431);
    Request::new("GET", "/healthz").header("X-Large", &"x".repeat(60_000)).open(serving.port).finish().status(200);
}

#[test]
fn pages_that_nobody_takes_are_limited() {
    let site = site();
    let host = site.person("asha");
    let room = site.room(&host, "Market", "Noise");
    for _ in 0..50 {
        site.message(room, &host, &"<&>".repeat(1_300));
    }
    let path = format!("/rooms/{room}");
    let patient = [("CHAUPAL_CONNECTIONS__STALL_SECONDS", "600"), ("CHAUPAL_CONNECTIONS__IDLE_SECONDS", "600")];
    let serving = serve(&site, &patient, None);
    let size = Request::new("GET", &path).open(serving.port).finish().status(200).body.len();
    assert!(size > 700_000, "{size}");
    // The client's window for each stream is closed.
    const GET: u8 = 0x82;
    let closed = b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut bytes = preface.to_vec();
    bytes.extend(closed);
    bytes.extend(&streams(GET, &path, true, 100)[preface.len() + 9..]);
    let greedy = connect(serving.port, &bytes);
    let log = || std::fs::read_to_string(site.folder().join("server.log")).unwrap();
    wait_until("all are answered", || log().matches("GET /rooms/").count() == 101);
    let answered = log().matches(&format!("GET {path} 200")).count() - 1;
    let most = 32 * 1024 * 1024 / size;
    assert!(answered == most, "{answered} pages of {size} bytes, not {most}");
    Request::new("GET", &path).open(serving.port).finish().status(503);
    Request::new("GET", "/healthz").open(serving.port).finish().status(200);
    drop(greedy);
    wait_until("they are given up", || Request::new("GET", &path).open(serving.port).finish().status == 200);
}

#[test]
fn limit_of_one_address_closes_its_longest_idle_connections() {
    let site = site();
    let serving =
        serve(&site, &[("CHAUPAL_CONNECTIONS__PER_ADDRESS", "5"), ("CHAUPAL_CONNECTIONS__IDLE_SECONDS", "600")], None);
    let get = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut idle: Vec<TcpStream> = (0..9)
        .map(|_| {
            let stream = connect(serving.port, get);
            std::thread::sleep(Duration::from_millis(20));
            stream
        })
        .collect();
    for stream in &idle[..4] {
        assert!(until_closed(stream).starts_with("HTTP/1.1 200"));
    }
    let last = idle.last_mut().unwrap();
    last.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(until_closed(last).matches("HTTP/1.1 200").count(), 2);
}

#[test]
fn responses_that_nobody_reads_are_ended_and_slow_readers_get_all() {
    let site = site();
    let host = site.person("asha");
    let room = site.room(&host, "Market", "Noise");
    for _ in 0..50 {
        site.message(room, &host, &"word ".repeat(790));
    }
    let serving = serve(&site, &[], None);
    let get = format!("GET /rooms/{room} HTTP/1.1\r\nHost: x\r\n\r\n");
    let before = sockets(&serving);
    let page = Request::new("GET", &format!("/rooms/{room}")).open(serving.port).finish().body.len();
    assert!(page > 200_000, "{page}");
    let deaf: Vec<TcpStream> = (0..20).map(|_| deaf(serving.port, &get.repeat(3), 2048)).collect();
    // Slow, and longer than the time without progress: some kilobytes twice a second.
    let slow = std::thread::spawn({
        let (port, get) = (serving.port, get.replace("Host: x", "Host: x\r\nConnection: close"));
        move || {
            let mut stream = self::deaf(port, &get, 16 * 1024);
            let (mut total, mut piece) = (0, vec![0; page / 10]);
            loop {
                std::thread::sleep(Duration::from_millis(400));
                match stream.read(&mut piece).unwrap() {
                    0 => return total,
                    read => total += read,
                }
            }
        }
    });
    wait_until("those who read nothing are disconnected", || sockets(&serving) <= before + 1);
    assert!(slow.join().unwrap() >= page);
    drop(deaf);
}

fn streams_that_nobody_reads(backend: Backend) {
    let site = Site::bare(backend, &[]);
    let host = site.person("host");
    site.sql("UPDATE users SET is_superuser = TRUE");
    let room = site.room(&host, "Market", "Noise");
    for _ in 0..200 {
        site.message(room, &host, &"word ".repeat(790));
    }
    let serving = serve(&site, &[], None);
    let port = serving.port;
    // What the first ones allocate stays.
    let whole = Request::new("GET", &format!("/rooms/{room}/events?after=0")).open(port).events().take(200);
    assert!(whole.iter().all(|heard| heard.event == "message"));
    wait_until("the stream is closed", || sockets(&serving) < 20);
    // Connections to the database may be opened meanwhile.
    let (before, memory) = (sockets(&serving), resident_kb(&serving));
    let ask = format!("GET /rooms/{room}/events?after=0 HTTP/1.1\r\nHost: x\r\n\r\n");
    let deaf: Vec<TcpStream> = (0..60).map(|_| deaf(port, &ask, 2048)).collect();
    let mut most = 0;
    wait_until("those who read nothing are disconnected", || {
        most = most.max(resident_kb(&serving));
        sockets(&serving) <= before + 10
    });
    // A history has 1.6 MB.
    assert!(most < memory + 40_000, "{memory} kB before, {most} kB with 60 streams");
    drop(deaf);
}

mod streams_that_nobody_reads_are_ended_and_hold_little {
    use super::{Backend, is_quick};

    #[test]
    fn sqlite() {
        super::streams_that_nobody_reads(Backend::Sqlite);
    }

    #[test]
    fn postgres() {
        if !is_quick() {
            super::streams_that_nobody_reads(Backend::Postgres);
        }
    }
}

// A whole history in several batches: everything once, in order.
both!(long_history_is_replayed_in_batches, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let bodies: Vec<String> = (1..=60).map(|n| format!("number-{n}-end {}", "word ".repeat(n % 7 * 100))).collect();
    for body in &bodies {
        site.message(room, &asha, body);
    }
    let mut events = asha.listen(&format!("/rooms/{room}/events?after=0"));
    let heard = events.take(60);
    let numbers: Vec<i64> = heard.iter().map(|heard| heard.data["event"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=60).collect::<Vec<i64>>());
    for (heard, n) in heard.iter().zip(1..) {
        assert!(heard.data["html"].as_str().unwrap().contains(&format!("number-{n}-end")), "{n}");
    }
});

both!(
    streams_above_their_limits_are_refused_in_words,
    [("connections.streams_per_address", 2), ("connections.streams_total", 3), ("proxy.trusted", r#"["127.0.0.1"]"#)],
    |site| {
        let asha = site.person("asha");
        let room = site.room(&asha, "Weavers", "Craft");
        let path = format!("/rooms/{room}/events");
        let open = |from: &str| site.anonymous().open(Request::new("GET", &path).header("X-Forwarded-For", from));
        let _first = [open("192.0.2.1").events(), open("192.0.2.1").events()];
        let refused = open("192.0.2.1").finish();
        refused.status(429).see("Too many open windows").see("try again in 30 seconds");
        assert_eq!(refused.header("Retry-After"), Some("30"));
        let _third = open("192.0.2.2").events();
        let refused = open("192.0.2.3").finish();
        refused.status(503).see("Too many open windows");
        assert_eq!(refused.header("Retry-After"), Some("30"));
        site.anonymous().get(&format!("/rooms/{room}")).status(200);
    }
);

both!(form_body_that_stops_is_answered_408, [("connections.stall_seconds", 1)], |site| {
    let mut stream = connect(
        site.port(),
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 999\r\n\r\nlogin=half-of-a-name",
    );
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
    assert!(heard.contains("stopped arriving before it was complete"), "{heard}");
});

both!(windows_that_close_are_limited_by_address_and_by_user, [("throttle.away", "3/h")], |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    site.chat_room("Tea");

    for person in [site.anonymous(), asha] {
        for path in [format!("/rooms/{room}/away"), "/chat/Tea/away".to_owned(), format!("/rooms/{room}/away")] {
            person.post(&path, &[]).status(204);
        }
        let refused = person.post(&format!("/rooms/{room}/away"), &[]);
        refused.status(429);
        assert!(refused.header("Retry-After").is_some());
    }
});

both!(several_host_headers_are_refused, |site| {
    let ask = |headers: &str| {
        let head = format!("GET /topics HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        until_closed(&connect(site.port(), head.as_bytes()))
    };
    assert!(ask("Host: a.example\r\n").starts_with("HTTP/1.1 200 "));
    for headers in ["Host: a.example\r\nHost: b.example\r\n", "Host: a.example\r\nhost: a.example\r\n"] {
        let answer = ask(headers);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("nosniff"), "{answer}");
    }
});

both!(unknown_method_is_405_with_allow, |site| {
    for method in ["PROPFIND", "BREW", "get"] {
        let answer = site.anonymous().open(Request::new(method, "/topics")).finish();
        answer.status(405).see("This address does not answer to that kind of request.");
        assert_eq!(answer.header("Allow"), Some("GET, HEAD"), "{method}");
        site.anonymous().open(Request::new(method, "/nowhere")).finish().status(404);
    }
});
