//! The program as an operator meets it: how it stops, what it tells the service manager, its log and
//! its figures.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chaupal::kit::db::{Db, Target};
use diesel::prelude::*;

use crate::support::forwarder::{Forward, Forwarder};
use crate::support::program::{Serving, command, run};
use crate::support::{Backend, Person, Request, Site, is_quick, runtime};

/// A site whose server is the program itself.
fn site(backend: Backend) -> Site {
    let site = Site::bare(backend, &[]);
    site.person("host");
    site.sql("UPDATE users SET is_superuser = TRUE");
    site
}

fn start(site: &Site, env: &[(&str, &str)]) -> Serving {
    let folder = site.folder().to_string_lossy().into_owned();
    let mut all = vec![
        ("CHAUPAL_DATABASE__URL", site.database_url.as_str()),
        ("CHAUPAL_DATA_DIR", folder.as_str()),
        // The names of cookies are made of it.
        ("CHAUPAL_SITE_URL", site.config.site_url.as_str()),
    ];
    all.extend_from_slice(env);
    Serving::start(site.folder(), &all)
}

fn signal(serving: &Serving, name: &str) {
    let pid = serving.child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

fn exit_code(serving: &mut Serving, within: Duration) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = serving.child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        assert!(start.elapsed() < within, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn get(port: u16, path: &str) -> crate::support::Answer {
    Request::new("GET", path).open(port).finish()
}

/// A stream of a room, held open.
fn stream(port: u16, room: i64) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /rooms/{room}/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

/// A posted message of which only the beginning has been sent.
struct Upload {
    stream: TcpStream,
    rest: String,
}

impl Upload {
    fn begin(port: u16, room: i64, person: &Person<'_>) -> Self {
        let cookies = person.jar.line().unwrap();
        let page = Request::new("GET", "/topics").header("Cookie", &cookies).open(port).finish();
        let csrf = page.cookie("csrf").unwrap();
        let body = format!("csrf_token={}&body=said+at+last", page.form_token().unwrap());
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "POST /rooms/{room}/messages HTTP/1.1\r\nHost: x\r\nCookie: {cookies}; {csrf}\r\nAccept: application/json\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let (half, rest) = body.split_at(body.len() / 2);
        write!(stream, "{head}{half}").unwrap();
        Self { stream, rest: rest.to_owned() }
    }

    fn finish(mut self) -> String {
        self.stream.write_all(self.rest.as_bytes()).unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

fn told_to_stop(backend: Backend) {
    let site = site(backend);
    let host = site.person("host");
    let room = site.room(&host, "Market", "Noise");
    let mut serving = start(&site, &[("CHAUPAL_SHUTDOWN__DRAIN_SECONDS", "2"), ("CHAUPAL_SHUTDOWN__GRACE", "10")]);
    let port = serving.port;
    get(port, "/readyz").status(200);
    let streams: Vec<TcpStream> = (0..200).map(|_| stream(port, room)).collect();
    let upload = Upload::begin(port, room, &host);

    let told = Instant::now();
    signal(&serving, "-TERM");
    // Should it stay ready until it ends, the last try finds nobody.
    while get(port, "/readyz").status == 200 {}
    get(port, "/readyz").status(503).see("stopping");
    let alive = get(port, "/healthz");
    alive.status(200);
    assert_eq!(alive.header("Connection"), Some("close"), "nobody sends his next request on this connection");
    get(port, &format!("/rooms/{room}")).status(200).see("Market");
    let refused = get(port, &format!("/rooms/{room}/events"));
    refused.status(503);
    assert!(refused.header("Retry-After").is_some_and(|seconds| (1..=5).contains(&seconds.parse::<u64>().unwrap())));

    for mut stream in streams {
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        assert!(told.elapsed() >= Duration::from_secs(2), "streams last as long as the server serves");
        let (_, last) = heard.rsplit_once("retry:").unwrap();
        assert!(
            last.trim_end().ends_with("0"),
            "the last word is when to come back, and the stream is closed: {heard}"
        );
        assert!(!last.contains("event:"), "{heard}");
        assert!(heard.matches("retry:").count() == 2, "{heard}");
    }
    // While the upload holds it up, whoever comes is refused at once.
    let late = TcpStream::connect(("127.0.0.1", port));
    assert_eq!(late.map_err(|error| error.kind()).err(), Some(ErrorKind::ConnectionRefused));
    let answer = upload.finish();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(answer.contains("said at last"), "{answer}");
    // Not at the end of the grace of 10 seconds, but when nothing is under way any more.
    assert_eq!(exit_code(&mut serving, Duration::from_secs(4)), 0);
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE body = 'said at last'"), 1);
}

mod told_to_stop {
    use super::{Backend, is_quick};

    #[test]
    fn sqlite() {
        super::told_to_stop(Backend::Sqlite);
    }

    #[test]
    fn postgres() {
        if !is_quick() {
            super::told_to_stop(Backend::Postgres);
        }
    }
}

/// Sends request after request, each on a connection of its own, until it is refused; tells how many were
/// answered. No answer may be begun and not finished. One connection may be reset unanswered, the one that
/// the system had queued and nobody had taken when listening ended: nobody can answer it.
fn ask_until_refused(port: u16) -> usize {
    let (mut answered, mut is_over) = (0, false);
    loop {
        let mut stream = match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => {
                return answered;
            }
            Err(error) => panic!("after {answered}: {error}"),
        };
        assert!(!is_over, "after a reset everybody is refused");
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut answer = String::new();
        let asked = stream.write_all(b"GET /topics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        if let Err(error) = asked.and_then(|()| stream.read_to_string(&mut answer).map(drop)) {
            assert!(answer.is_empty(), "cut: {error} after {answer}");
            is_over = true;
            continue;
        }
        assert!(answer.starts_with("HTTP/1.1 200") && answer.trim_end().ends_with("</html>"), "{answer}");
        answered += 1;
    }
}

#[test]
fn no_answer_is_cut_at_the_end() {
    let site = site(Backend::Sqlite);
    let mut serving = start(&site, &[("CHAUPAL_SHUTDOWN__DRAIN_SECONDS", "1")]);
    let port = serving.port;
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(move || ask_until_refused(port))).collect();
        std::thread::sleep(Duration::from_millis(500));
        signal(&serving, "-TERM");
        for one in all {
            assert!(one.join().unwrap() > 0);
        }
    });
    assert_eq!(exit_code(&mut serving, Duration::from_secs(10)), 0);
}

#[test]
fn control_c_and_a_second_signal_spare_the_wait() {
    let site = site(Backend::Sqlite);
    for signals in [&["-INT"][..], &["-TERM", "-TERM"]] {
        let mut serving = start(&site, &[("CHAUPAL_SHUTDOWN__DRAIN_SECONDS", "60")]);
        for name in signals {
            signal(&serving, name);
            // Two of one kind that come together are one to the system.
            std::thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(exit_code(&mut serving, Duration::from_secs(10)), 0, "{signals:?}");
    }
}

#[test]
fn the_service_manager_is_told() {
    let site = site(Backend::Sqlite);
    let path = site.folder().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let path = path.to_string_lossy().into_owned();
    let mut serving = start(&site, &[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "400000")]);
    let hear = || {
        let mut told = [0; 512];
        let length = socket.recv(&mut told).expect("a word in time");
        String::from_utf8_lossy(&told[..length]).into_owned()
    };
    assert!(hear().contains("READY=1"));
    for _ in 0..3 {
        assert!(hear().contains("WATCHDOG=1"));
    }
    signal(&serving, "-TERM");
    while !hear().contains("STOPPING=1") {}
    assert_eq!(exit_code(&mut serving, Duration::from_secs(10)), 0);
}

#[test]
fn the_log_can_be_read_by_programs() {
    let site = site(Backend::Sqlite);
    let mut command = command(site.folder(), &["serve", ":0"]);
    command.env("CHAUPAL_DATABASE__URL", &site.database_url).env("CHAUPAL_LOG__FORMAT", "json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut next = || -> serde_json::Value {
        let line = lines.next().expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    };
    let greeting = loop {
        let line = next();
        if line["message"].as_str().unwrap().contains("serves at") {
            break line;
        }
    };
    let port: u16 = greeting["message"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let answer = get(port, "/topics?q=secret");
    let line = loop {
        let line = next();
        if line["path"] == "/topics" {
            break line;
        }
    };
    assert_eq!(
        (line["method"].as_str(), line["status"].as_u64(), line["level"].as_str()),
        (Some("GET"), Some(200), Some("info"))
    );
    assert_eq!(line["request_id"].as_str(), answer.header("X-Request-Id"));
    assert!(line["ms"].is_number() && line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    assert!(!line.to_string().contains("secret"), "what somebody searched for is not in the log");
    const TOKEN: &str = "6b06b5f7-9wdH9Wx9TOoXCiEeHDwZ_aXSOmB7tTVkd9i5emb3q_k";
    for (method, path) in [
        ("GET", "/password-reset/1/"),
        ("PUT", "/password-reset/1/"),
        ("GET", "/register/confirm/"),
        ("GET", "/account/email/"),
        ("GET", "/setup/"),
    ] {
        Request::new(method, &format!("{path}{TOKEN}")).open(port).finish();
        let line = next();
        assert_eq!(line["path"], format!("{path}…"), "what lets somebody in is not in the log");
        assert!(!line.to_string().contains(TOKEN), "{line}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn figures(backend: Backend) {
    let site = site(backend);
    let host = site.person("host");
    let room = site.room(&host, "Market", "Noise");
    let address = format!("127.0.0.1:{}", free_port());
    let serving = start(&site, &[("CHAUPAL_METRICS__ADDRESS", &address)]);
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    get(serving.port, "/metrics").status(404);
    get(serving.port, &format!("/rooms/{room}")).status(200);
    get(serving.port, "/rooms/99999").status(404);
    let _ear = stream(serving.port, room);
    let answer = Upload::begin(serving.port, room, &host);
    assert!(answer.finish().starts_with("HTTP/1.1 201"));

    let told = get(port, "/metrics");
    told.status(200);
    let value = |name: &str| -> f64 {
        let line = told.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {}", told.body)).parse().unwrap()
    };
    assert_eq!(value(r#"http_requests_total{method="GET",route="/rooms/<id>?<before>&<at>",status="200"}"#), 1.0);
    assert_eq!(value(r#"http_requests_total{method="GET",route="/rooms/<id>?<before>&<at>",status="404"}"#), 1.0);
    assert_eq!((value("chaupal_live_streams"), value("chaupal_live_rooms")), (1.0, 1.0));
    assert!(value("chaupal_db_writes_total") >= 1.0 && value("chaupal_db_commits_total") >= 1.0);
    assert!(value("chaupal_db_reads_total") >= 1.0 && value("chaupal_db_write_failing") == 0.0);
    assert!(value("process_resident_memory_bytes") > 1e6 && value("process_open_fds") > 3.0);
    assert!(told.body.ends_with("# EOF\n"));
    get(port, "/").status(404);
}

mod figures {
    use super::{Backend, is_quick};

    #[test]
    fn sqlite() {
        super::figures(Backend::Sqlite);
    }

    #[test]
    fn postgres() {
        if !is_quick() {
            super::figures(Backend::Postgres);
        }
    }
}

#[test]
fn a_taken_address_for_metrics_is_one_line() {
    let site = site(Backend::Sqlite);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let env = [("CHAUPAL_DATABASE__URL", site.database_url.as_str()), ("CHAUPAL_METRICS__ADDRESS", &address)];
    let ended = run(site.folder(), &["--quiet", "serve", ":0"], &env);
    ended.one_line(1, &["cannot serve metrics", "metrics.address"]);
}

/// Ends all other connections to the site's database, as a restart of PostgreSQL does.
fn terminate_connections(site: &Site) {
    site.sql(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
}

mod requests_after_terminated_connections_succeed {
    use super::*;

    #[test]
    fn postgres() {
        if is_quick() {
            return;
        }
        let site = Site::start(Backend::Postgres, &[]);
        let asha = site.person("asha");
        let room = site.room(&asha, "Market", "Noise");
        let path = format!("/rooms/{room}");
        asha.get(&path).status(200);
        for round in 0..3 {
            terminate_connections(&site);
            asha.get(&path).status(200);
            terminate_connections(&site);
            asha.say(room, &format!("round {round}"), "").status(201);
            terminate_connections(&site);
            asha.get("/readyz").status(200);
        }
        assert_eq!(site.number("SELECT count(*) FROM messages"), 3);
        // Within a transaction, before its commit: it is repeated as a whole.
        let db = Db::new(Target::parse(&site.database_url).unwrap(), 4);
        let mut attempts = 0;
        let written = runtime().block_on(db.write(move |conn| {
            attempts += 1;
            diesel::sql_query("INSERT INTO topics (name, name_key, created) VALUES ('Alum', 'alum', now())")
                .execute(conn)?;
            if attempts == 1 {
                diesel::sql_query("SELECT pg_terminate_backend(pg_backend_pid())").execute(conn)?;
            }
            Ok(attempts)
        }));
        assert_eq!(written.unwrap(), 2);
        assert_eq!(site.number("SELECT count(*) FROM topics WHERE name = 'Alum'"), 1);
    }
}

mod database_that_is_down_is_503_at_once_and_comes_back {
    use super::*;

    #[test]
    fn postgres() {
        if is_quick() {
            return;
        }
        let site = site(Backend::Postgres);
        let asha = site.person("asha");
        let room = site.room(&asha, "Market", "Noise");
        let (server, rest) = site.database_url.strip_prefix("postgres://postgres@").unwrap().split_once('/').unwrap();
        let forwarder = Forwarder::start(server);
        let url = format!("postgres://postgres@127.0.0.1:{}/{rest}?connect_timeout=2", forwarder.port);
        let serving = start(&site, &[("CHAUPAL_DATABASE__URL", &url)]);
        let cookies = asha.jar.line().unwrap();
        let page = || {
            let asked = Instant::now();
            let path = format!("/rooms/{room}");
            let answer = Request::new("GET", &path).header("Cookie", &cookies).open(serving.port).finish();
            (answer, asked.elapsed())
        };
        page().0.status(200).see("Market");

        for way in [Forward::Refuse, Forward::Hang] {
            forwarder.set(way);
            // One request finds out that the server does not answer, also when it takes the time that is allowed for it.
            page().0.status(503);
            // A pause between two attempts to connect ends while these are under way: one of them may take as long.
            let mut slow = 0;
            for _ in 0..10 {
                let (answer, took) = page();
                answer.status(503);
                assert!(answer.header("Retry-After").is_some(), "{answer:?}");
                slow += usize::from(took > Duration::from_millis(1500));
            }
            assert!(slow <= 1, "{slow} of 10 requests waited for a server that is known to be down");
            let asked = Instant::now();
            get(serving.port, "/readyz").status(503).see("does not answer");
            assert!(asked.elapsed() < Duration::from_secs(5));
            get(serving.port, "/healthz").status(200);
            forwarder.set(Forward::Pass);
            let back = Instant::now();
            while page().0.status != 200 {
                assert!(back.elapsed() < Duration::from_secs(20), "it does not come back");
                std::thread::sleep(Duration::from_millis(50));
            }
            while get(serving.port, "/readyz").status != 200 {
                assert!(back.elapsed() < Duration::from_secs(20), "it does not become ready");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

// Somebody else holds the database: what wants to write is told to come back, readiness tells, pages
// can still be read, and when it is over all goes on by itself.
both!(a_database_that_cannot_be_written_is_told_and_passes, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Market", "Noise");
    asha.say(room, "before", "").status(201);
    match site.backend {
        Backend::Sqlite => drop(site.sql("BEGIN EXCLUSIVE")),
        Backend::Postgres => {
            let name = site.text("SELECT current_database()");
            site.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
            terminate_connections(site);
        }
    }
    let refused = asha.say(room, "meanwhile", "held-meanwhile");
    refused.status(503);
    assert!(refused.header("Retry-After").is_some());
    asha.get("/readyz").status(503).see("cannot be written");
    asha.get("/healthz").status(200);
    asha.get(&format!("/rooms/{room}")).status(200).see("before").see_not("meanwhile");
    match site.backend {
        Backend::Sqlite => drop(site.sql("ROLLBACK")),
        Backend::Postgres => {
            let name = site.text("SELECT current_database()");
            site.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = off"));
            terminate_connections(site);
        }
    }
    asha.say(room, "meanwhile", "held-meanwhile").status(201);
    asha.get("/readyz").status(200);
    asha.get(&format!("/rooms/{room}")).see("meanwhile");
});

#[test]
fn database_file_deleted_or_replaced_is_reported_and_nothing_is_acknowledged() {
    let site = Site::start(Backend::Sqlite, &[]);
    let asha = site.person("asha");
    let room = site.room(&asha, "Market", "Noise");
    let token = asha.token();
    // A page that is open already: a reader that has not opened the file yet draws none.
    let say = |body: &str| {
        let request = Request::new("POST", &format!("/rooms/{room}/messages")).form(&[("body", body)]);
        asha.send(request.header("Accept", "application/json").header("X-CSRF-Token", &token))
    };
    say("before").status(201);
    asha.get("/readyz").status(200).see("ready");
    let (file, aside) = (site.folder().join("chaupal.db"), site.folder().join("aside.db"));
    for replacement in [None, Some("not the database")] {
        std::fs::rename(&file, &aside).unwrap();
        if let Some(words) = replacement {
            std::fs::write(&file, words).unwrap();
        }
        say("into nothing").status(503);
        asha.get("/readyz").status(503).see("the database file was deleted or replaced");
        asha.get("/healthz").status(200);
        std::fs::rename(&aside, &file).unwrap();
        say("after").status(201);
        asha.get("/readyz").status(200);
    }
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE body = 'into nothing'"), 0);
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE body = 'after'"), 2);
}

/// Overwrites the beginning of the database.
fn damage(site: &Site) {
    site.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    let file = site.folder().join("chaupal.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..4096].fill(0x5a);
    let mut open = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
    open.write_all(&bytes).unwrap();
}

#[test]
fn damaged_database_file_is_reported_with_the_way_out() {
    let site = site(Backend::Sqlite);
    let copy = site.folder().join("chaupal.before-migration-20260102T030405000000.db");
    std::fs::write(&copy, "the copy").unwrap();
    damage(&site);
    let folder = site.folder().to_string_lossy().into_owned();
    let env = [("CHAUPAL_DATABASE__URL", site.database_url.as_str()), ("CHAUPAL_DATA_DIR", &folder)];
    let copy = copy.to_string_lossy();
    for command in [&["--quiet", "serve", ":0"][..], &["--quiet", "migrate"], &["--quiet", "clearsessions"]] {
        run(site.folder(), command, &env).one_line(
            1,
            &["file is not a database", "the file is damaged", "the copy that the last migration made", &copy],
        );
    }
    let checked = run(site.folder(), &["check"], &env);
    assert!(checked.out.contains("file is not a database") && checked.out.contains(&*copy), "{checked:?}");
}

#[test]
fn database_damaged_under_the_server_is_not_ready() {
    let site = site(Backend::Sqlite);
    let serving = start(&site, &[]);
    get(serving.port, "/readyz").status(200);
    damage(&site);
    let begun = Instant::now();
    while get(serving.port, "/readyz").status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it is ready for ever");
        std::thread::sleep(Duration::from_millis(200));
    }
    get(serving.port, "/readyz").status(503).see("the database is damaged");
}

#[test]
fn named_pipe_as_database_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let url = format!("sqlite://{}", pipe.display());
    for command in [&["--quiet", "serve", ":0"][..], &["--quiet", "migrate"]] {
        run(folder.path(), command, &[("CHAUPAL_DATABASE__URL", &url)])
            .one_line(1, &["cannot open the database", "not a regular file", "set database.url"]);
    }
}

#[test]
fn data_folder_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    let files = ["chaupal.db", "chaupal.db-wal", "chaupal.db-shm", "secret_key", "serve.lock"];
    for round in 0..2 {
        let serving = Serving::start(folder.path(), &[]);
        get(serving.port, "/readyz").status(200);
        for name in ["", "media", "uploads", "templates"] {
            assert_eq!(mode(name), 0o700, "round {round}: {name:?}");
        }
        for name in files {
            assert_eq!(mode(name), 0o600, "round {round}: {name}");
        }
        // As an earlier version left them; the first round begins without any.
        for name in ["", "media", "uploads", "templates"] {
            std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        for name in files {
            std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
    let checked = run(folder.path(), &["check"], &[]);
    for words in ["data.mode", "data: chmod 700 it", "secret_key: chmod 600 it", "chaupal.db: chmod 600 it"] {
        assert!(checked.out.contains(words), "no {words:?} in {checked:?}");
    }
}

#[test]
fn bucket_that_does_not_answer_is_not_ready() {
    let Some(s3) = crate::support::s3() else { return };
    let endpoint = s3.endpoint.unwrap();
    let forwarder = Forwarder::start(endpoint.strip_prefix("http://").unwrap());
    let settings = [
        ("media.backend", "s3".to_owned()),
        ("media.s3.bucket", "chaupal".into()),
        ("media.s3.access_key", "chaupal-key".into()),
        ("media.s3.secret_key", "chaupal-secret".into()),
        ("media.s3.endpoint", format!("http://127.0.0.1:{}", forwarder.port)),
        ("media.s3.prefix", s3.prefix),
    ];
    for way in [Forward::Pass, Forward::Refuse, Forward::Fail] {
        forwarder.set(Forward::Pass);
        let site = Site::start(Backend::Sqlite, &settings);
        forwarder.set(way);
        let answer = site.anonymous().get("/readyz");
        match way {
            Forward::Pass => answer.status(200),
            _ => answer.status(503).see("the media storage does not answer"),
        };
    }
}

both!(export_that_cannot_be_written_is_503, |site| {
    let asha = site.person("asha");
    std::fs::remove_dir_all(site.folder().join("uploads")).unwrap();
    asha.post("/account/export", &[]).status(503);
});
