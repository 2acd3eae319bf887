//! The program on a terminal: what it says, and how it ends.

use std::io::BufRead as _;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chaupal::accounts::passwords;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::support::databases::{self, Backend};
use crate::support::program::{Ended, Serving, command, finish, run, run_with_input};
use crate::support::{PASSWORD, is_quick};

/// A folder of its own and the address of an empty database.
struct Place {
    folder: tempfile::TempDir,
    url: String,
}

impl Place {
    fn new(backend: Backend) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        private_folder(&data);
        Self { url: databases::empty(backend, &data), folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    fn run(&self, args: &[&str]) -> Ended {
        run(self.path(), args, &[("CHAUPAL_DATABASE__URL", &self.url)])
    }

    fn number(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let sql = format!("SELECT CAST(({sql}) AS BIGINT) AS n");
        diesel::sql_query(sql).get_result::<Row>(&mut databases::connect(&self.url)).unwrap().n
    }

    fn sql(&self, sql: &str) {
        diesel::sql_query(sql).execute(&mut databases::connect(&self.url)).unwrap();
    }

    fn text(&self, sql: &str) -> String {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            t: String,
        }
        let sql = format!("SELECT CAST(({sql}) AS TEXT) AS t");
        diesel::sql_query(sql).get_result::<Row>(&mut databases::connect(&self.url)).unwrap().t
    }
}

/// Makes a folder for its owner alone. Of others the log tells that they were closed.
fn private_folder(path: &Path) {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).unwrap();
}

impl Drop for Place {
    fn drop(&mut self) {
        databases::drop_database(&self.url);
    }
}

fn everywhere(body: fn(&Place)) {
    body(&Place::new(Backend::Sqlite));
    if !is_quick() {
        body(&Place::new(Backend::Postgres));
    }
}

fn here() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn it_knows_its_version_and_its_usage() {
    let folder = here();
    let version = run(folder.path(), &["--version"], &[]);
    assert_eq!(version.done().out.trim(), concat!("chaupal ", env!("CARGO_PKG_VERSION")));
    let help = run(folder.path(), &["--help"], &[]);
    for command in
        ["serve", "migrate", "showmigrations", "createsuperuser", "check", "import-django", "demo", "render-markdown"]
    {
        assert!(help.done().out.contains(command), "{command}");
    }
    for wrong in [&["no-such-command"][..], &["migrate", "--no-such-flag"], &["serve", "a", "b"]] {
        let ended = run(folder.path(), wrong, &[]);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(!ended.err.is_empty());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made on the way");
}

#[test]
fn an_unknown_setting_is_named_with_the_nearest_right_one() {
    let folder = here();
    for (variable, value, near) in [
        ("CHAUPAL_DATABASE__POOLSIZE", "5", "CHAUPAL_DATABASE__POOL_SIZE"),
        ("CHAUPAL_SITE_NAM", "x", "CHAUPAL_SITE_NAME"),
        ("CHAUPAL_THROTTLE__LOGN", "1/m", "CHAUPAL_THROTTLE__LOGIN"),
        ("ROCKET_PROT", "1", "PORT"),
    ] {
        run(folder.path(), &["check"], &[(variable, value)]).one_line(1, &[variable, near]);
    }
    for (text, words) in [
        ("[default]\nsite_nam = \"x\"\n", &["site_nam", "site_name", "Rocket.toml"][..]),
        ("[default.site]\nacces = \"members\"\n", &["site.acces", "site.access"]),
        ("[default]\nport = \"high\"\n", &["port", "65535"]),
        ("[default.site]\naccess = \"friends\"\n", &["site.access", "public", "members"]),
        ("[default.throttle]\nlogin = \"often\"\n", &["throttle.login", "10/m"]),
        ("[default\n", &["Rocket.toml"]),
        ("site_name = = 3", &["Rocket.toml"]),
        ("\0\u{feff}", &["Rocket.toml"]),
    ] {
        std::fs::write(folder.path().join("Rocket.toml"), text).unwrap();
        for command in ["check", "serve", "migrate"] {
            run(folder.path(), &[command], &[]).one_line(1, words);
        }
    }
    std::fs::remove_file(folder.path().join("Rocket.toml")).unwrap();
    run(folder.path(), &["--profile", "relaese", "check"], &[]).one_line(1, &["relaese", "release"]);
    run(folder.path(), &["--config", "no-such.toml", "check"], &[]).one_line(1, &["no-such.toml"]);
    run(folder.path(), &["check"], &[("CHAUPAL_SECRET_KEY_FILE", "no-such-file")]).one_line(1, &["no-such-file"]);
}

#[test]
fn a_database_that_cannot_be_is_said_in_one_line() {
    let folder = here();
    for url in ["mysql://x/y", "sqlite://", "nonsense", "postgres://", "/tmp/x.db"] {
        for command in ["check", "migrate", "serve", "showmigrations"] {
            run(folder.path(), &[command], &[("CHAUPAL_DATABASE__URL", url)]).one_line(1, &["database.url"]);
        }
    }
    let unreachable = "postgres://asha:sesame-open@127.0.0.1:1/x";
    for command in ["migrate", "serve", "createsuperuser"] {
        let args = [command, "--username", "asha", "--email", "a@b.in", "--no-input"];
        let args = if command == "createsuperuser" { &args[..] } else { &args[..1] };
        let ended = run(
            folder.path(),
            args,
            &[("CHAUPAL_DATABASE__URL", unreachable), ("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)],
        );
        ended.one_line(1, &["127.0.0.1"]);
        assert!(!ended.err.contains("sesame-open"), "{ended:?}");
    }
    private_folder(&folder.path().join("data"));
    std::fs::write(folder.path().join("data/chaupal.db"), "this is no database, but a text of some length").unwrap();
    for command in ["migrate", "serve"] {
        run(folder.path(), &["--quiet", command], &[]).one_line(1, &["chaupal.db"]);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_said_in_one_line() {
    let folder = here();
    std::fs::write(folder.path().join("file"), "").unwrap();
    for data in ["/proc/chaupal", "file/data", "file"] {
        for command in ["migrate", "serve"] {
            run(folder.path(), &[command], &[("CHAUPAL_DATA_DIR", data)]).one_line(1, &[data]);
        }
    }
    let ended = run(folder.path(), &["check"], &[("CHAUPAL_DATA_DIR", "file/data")]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("data.folder") || ended.err.contains("file/data"), "{ended:?}");
}

#[test]
fn a_taken_port_is_said_in_one_line() {
    let folder = here();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = run(folder.path(), &["-q", "serve", &format!(":{port}")], &[]);
    ended.one_line(1, &[&port.to_string()]);
    for wrong in [":99999", "example.org", "1.2.3.4:x"] {
        run(folder.path(), &["serve", wrong], &[]).one_line(2, &[wrong, "write ADDRESS:PORT"]);
    }
}

#[test]
fn usage_error_is_one_line() {
    let folder = here();
    for (args, words) in [
        (&["serve", "--dmo"][..], &["unexpected argument '--dmo'", "'--demo'", "see `chaupal serve --help`"][..]),
        (&["srve"], &["unrecognized subcommand 'srve'", "'serve'", "see `chaupal --help`"]),
        (&["changepassword"], &["<USER>", "see `chaupal changepassword --help`"]),
        (&["invite", "--uses", "0"], &["0 is not in 1..=100000"]),
        (&["demo", "--scale", "vast"], &["vast", "possible values"]),
        (&["config"], &["a command is missing", "see `chaupal config --help`"]),
        (&["storage", "migrate", "--to", "moon"], &["it is local or s3"]),
        (&["--profile"], &["a value is required for '--profile <NAME>'"]),
    ] {
        run(folder.path(), args, &[]).one_line(2, words);
    }
}

#[test]
fn django_spellings_are_understood() {
    let folder = here();
    let password = [("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)];
    run(folder.path(), &["migrate", "--noinput"], &[]).done();
    let create = ["createsuperuser", "--noinput", "--username", "asha", "--email", "a@b.example"];
    run(folder.path(), &create, &password).done();
    // The address is taken: what is asked for is read from the message.
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let listen = format!("0:{}", taken.local_addr().unwrap().port());
    run(folder.path(), &["-q", "runserver", &listen, "--noreload"], &[])
        .one_line(1, &["cannot listen on 0.0.0.0:", "stop what uses the port"]);
}

#[test]
fn empty_variables_are_unset() {
    let folder = here();
    let mut all: Vec<(String, &str)> = Vec::new();
    for key in ["SITE_URL", "SITE_NAME", "SECRET_KEY", "SECRET_KEY_FILE", "DATABASE__URL", "MAIL__BACKEND", "PORT"] {
        all.push((format!("CHAUPAL_{key}"), ""));
    }
    all.extend(["ROCKET_PORT", "ROCKET_PROFILE", "ROCKET_CONFIG", "DATABASE_URL"].map(|name| (name.to_owned(), "")));
    let env: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let shown = run(folder.path(), &["config", "show"], &env);
    assert_eq!(shown.done().out, run(folder.path(), &["config", "show"], &[]).out);
}

#[cfg(unix)]
#[test]
fn settings_files_that_do_not_end_are_refused() {
    let folder = here();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::write(folder.path().join("huge"), "x".repeat(2 << 20)).unwrap();
    let pipe = pipe.to_str().unwrap();
    for (file, words) in [
        ("/dev/zero", "not a regular file"),
        (pipe, "not a regular file"),
        ("/", "not a regular file"),
        ("huge", "1 MB"),
    ] {
        run(folder.path(), &["check"], &[("CHAUPAL_SECRET_KEY_FILE", file)]).one_line(1, &[file, words]);
        run(folder.path(), &["--config", file, "check"], &[]).one_line(1, &[file, words]);
        let superuser = ["createsuperuser", "--no-input", "--username", "asha", "--email", "a@b.example"];
        run(folder.path(), &superuser, &[("CHAUPAL_SUPERUSER_PASSWORD_FILE", file)]).one_line(1, &[file, words]);
        let tls = [("CHAUPAL_TLS__CERTS", file), ("CHAUPAL_TLS__KEY", file)];
        run(folder.path(), &["-q", "serve", ":0"], &tls).one_line(1, &["tls.", words]);
    }
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    let _ = std::fs::remove_file(folder.path().join("data/secret_key"));
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("data/secret_key")).unwrap();
    run(folder.path(), &["-q", "serve", ":0"], &[]).one_line(1, &["secret_key", "not a regular file"]);
}

#[test]
fn tls_faults_are_not_called_a_busy_port() {
    let folder = here();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("empty.pem", "");
    write("broken.pem", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n");
    write("key.pem", "-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----\n");
    write("locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n?\n-----END ENCRYPTED PRIVATE KEY-----\n");
    for (certs, key, words) in [
        ("missing.pem", "key.pem", &["tls.certs missing.pem", "No such file"][..]),
        ("empty.pem", "key.pem", &["tls.certs empty.pem", "does not hold a certificate"]),
        ("broken.pem", "empty.pem", &["tls.key empty.pem", "does not hold a private key"]),
        ("broken.pem", "locked.pem", &["tls.key locked.pem", "passphrase"]),
        ("broken.pem", "key.pem", &["cannot use tls.certs and tls.key", "bad TLS cert chain"]),
    ] {
        let tls = [("CHAUPAL_TLS__CERTS", certs), ("CHAUPAL_TLS__KEY", key)];
        let ended = run(folder.path(), &["-q", "serve", ":0"], &tls);
        ended.one_line(1, words);
        assert!(!ended.err.contains("port"), "{ended:?}");
        if !words[0].starts_with("cannot use") {
            let checked = run(folder.path(), &["check"], &tls);
            assert!(checked.code == 1 && checked.out.contains("settings.tls"), "{checked:?}");
            assert!(words.iter().all(|word| checked.out.contains(word)), "{checked:?}");
        }
    }
}

#[test]
fn check_tells_of_folders_and_addresses_that_cannot_be() {
    let folder = here();
    let checked = run(folder.path(), &["check"], &[("CHAUPAL_TEMP_DIR", "no-such-folder")]);
    assert!(checked.code == 1 && checked.out.contains("settings.temp_dir"), "{checked:?}");
    assert!(checked.out.contains("1 error, "), "{checked:?}");
    for (address, metrics, is_fault) in [
        ("127.0.0.1", "127.0.0.1:8000", true),
        ("0.0.0.0", "127.0.0.1:8000", true),
        ("127.0.0.1", "0.0.0.0:8000", true),
        ("127.0.0.1", "127.0.0.1:9100", false),
        ("127.0.0.1", "127.0.0.2:8000", false),
    ] {
        let env = [("CHAUPAL_ADDRESS", address), ("CHAUPAL_METRICS__ADDRESS", metrics)];
        let checked = run(folder.path(), &["check"], &env);
        assert_eq!(checked.out.contains("settings.metrics"), is_fault, "{address} {metrics}: {checked:?}");
    }
}

#[test]
fn demo_on_a_filled_site_says_that_nothing_is_added() {
    let place = Place::new(Backend::Sqlite);
    place.run(&["demo"]).done();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!(":{}", taken.local_addr().unwrap().port());
    let ended = place.run(&["serve", &listen, "--demo"]);
    assert!(ended.out.contains("The database has content already: --demo adds none."), "{ended:?}");
}

#[test]
fn greeting_of_all_addresses_names_one_that_can_be_opened() {
    let folder = here();
    let mut child = command(folder.path(), &["serve", "0.0.0.0:0"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let greeting = out.find(|line| line.starts_with("Chaupal serves at")).expect("a greeting");
    let mut err = std::io::BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let link = err.find(|line| line.contains("/setup/")).expect("a link");
    let address = greeting.split_whitespace().nth(3).unwrap().to_owned();
    assert!(!greeting.contains("0.0.0.0"), "{greeting}");
    assert!(link.trim().starts_with(&format!("{address}/setup/")), "{greeting} {link}");
    let (_, port) = address.rsplit_once(':').unwrap();
    std::net::TcpStream::connect((
        address.split("//").nth(1).unwrap().trim_end_matches(&format!(":{port}")),
        port.parse().unwrap(),
    ))
    .expect("it can be opened");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn migrating_twice_does_it_once() {
    everywhere(|place| {
        let shown = place.run(&["showmigrations"]);
        assert!(shown.done().out.lines().count() >= 3 && !shown.out.contains("[X]"), "{shown:?}");
        let planned = place.run(&["migrate", "--plan"]);
        assert!(planned.done().out.contains("0001_accounts"));
        assert!(!place.run(&["showmigrations"]).out.contains("[X]"), "a plan does nothing");
        assert!(place.run(&["migrate"]).done().out.contains("0002_rooms"));
        let again = place.run(&["migrate"]);
        assert_eq!(again.done().out.trim(), "No migrations to apply.");
        let shown = place.run(&["showmigrations"]);
        assert!(!shown.done().out.contains("[ ]"), "{shown:?}");
        let json: serde_json::Value = serde_json::from_str(&place.run(&["showmigrations", "--json"]).out).unwrap();
        assert!(json.as_array().unwrap().iter().all(|one| one["applied"].is_string()));
        place.run(&["migrate", "9999_nothing"]).one_line(1, &["9999_nothing", "showmigrations"]);
    });
}

#[test]
fn migrating_back_wants_a_yes_and_keeps_a_copy() {
    everywhere(|place| {
        place.run(&["migrate"]).done();
        place.run(&["migrate", "zero"]).one_line(1, &["--yes"]);
        assert_eq!(place.number("SELECT count(*) FROM users"), 0, "the tables stand");
        place.run(&["migrate", "0001", "--yes"]).done();
        assert!(place.run(&["showmigrations"]).out.contains("[X] 0001_accounts"));
        assert!(place.run(&["showmigrations"]).out.contains("[ ] 0002_rooms"));
        place.run(&["migrate"]).done();
        place.run(&["migrate", "zero", "--yes"]).done();
        assert!(!place.run(&["showmigrations"]).out.contains("[X]"));
        place.run(&["migrate"]).done();
        if place.url.starts_with("sqlite") {
            let copies = std::fs::read_dir(place.data()).unwrap().flatten();
            let copies = copies.filter(|file| file.file_name().to_string_lossy().contains("before-migration")).count();
            assert!(copies >= 2, "{copies}");
        }
    });
}

#[test]
fn nothing_is_dropped_while_a_server_uses_it() {
    let place = Place::new(Backend::Sqlite);
    let serving = Serving::start(place.path(), &[("CHAUPAL_DATABASE__URL", &place.url)]);
    place.run(&["migrate", "zero", "--yes"]).one_line(1, &["stop it first"]);
    drop(serving);
    place.run(&["migrate", "zero", "--yes"]).done();
}

#[test]
fn a_newer_a_changed_and_a_lost_history_are_refused_in_words() {
    everywhere(|place| {
        place.run(&["migrate"]).done();
        place.sql("INSERT INTO migrations (name, applied, hash) VALUES ('9999_future', '2030-01-01 00:00:00', 'x')");
        for command in ["migrate", "serve", "clearsessions"] {
            place.run(&[command]).one_line(1, &["newer", "9999_future"]);
        }
        assert!(place.run(&["showmigrations"]).done().out.contains("9999_future"));
        place.sql("DELETE FROM migrations WHERE name = '9999_future'");
        place.sql("UPDATE migrations SET hash = 'other' WHERE name = '0002_rooms'");
        for command in ["migrate", "serve"] {
            place.run(&[command]).one_line(1, &["0002_rooms", "differs"]);
        }
        assert!(place.run(&["showmigrations"]).done().out.contains("changed"));
        place.sql("DELETE FROM migrations");
        for command in ["migrate", "serve"] {
            place.run(&[command]).one_line(1, &["0001_accounts", "migrations"]);
        }
        assert_eq!(place.number("SELECT count(*) FROM users"), 0, "nothing was touched");
    });
}

#[test]
fn ten_that_migrate_at_once_migrate_once() {
    everywhere(|place| {
        let all: Vec<Ended> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..10).map(|_| scope.spawn(|| place.run(&["migrate"]))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(all.iter().all(|ended| ended.code == 0), "{all:#?}");
        assert_eq!(all.iter().filter(|ended| ended.out.contains("Applying 0001_accounts")).count(), 1);
        let all = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite")).unwrap().count();
        assert_eq!(place.number("SELECT count(*) FROM migrations"), i64::try_from(all).unwrap());
    });
}

#[test]
fn a_superuser_is_made_from_the_environment() {
    everywhere(|place| {
        let make = |args: &[&str], env: &[(&str, &str)]| {
            let mut all = vec![("CHAUPAL_DATABASE__URL", place.url.as_str())];
            all.extend_from_slice(env);
            let mut line = vec!["createsuperuser", "--no-input"];
            line.extend_from_slice(args);
            run(place.path(), &line, &all)
        };
        let who = ["--username", "Asha", "--email", "Asha@Example.org"];
        make(&who, &[]).one_line(1, &["CHAUPAL_SUPERUSER_PASSWORD"]);
        make(&who[..2], &[("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)]).one_line(1, &["--email"]);
        make(&who, &[("CHAUPAL_SUPERUSER_PASSWORD", "password")]).one_line(1, &["password"]);
        make(&["--username", "a b", "--email", "x"], &[("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)])
            .one_line(1, &["username", "email"]);
        assert_eq!(place.number("SELECT count(*) FROM users"), 0);
        make(&who, &[("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)]).done();
        assert_eq!(place.number("SELECT count(*) FROM users WHERE is_superuser AND is_staff AND is_active"), 1);
        let hash = place.text("SELECT password FROM users");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(passwords::verify(PASSWORD, &hash), passwords::Verdict::Right);
        make(&["--username", "ASHA", "--email", "other@example.org"], &[("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)])
            .one_line(1, &["ASHA", "taken"]);
        make(&["--username", "other", "--email", "ASHA@example.org"], &[("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)])
            .one_line(1, &["taken"]);
        std::fs::write(place.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        make(
            &["--username", "ravi", "--email", "ravi@example.org"],
            &[("CHAUPAL_SUPERUSER_PASSWORD_FILE", "password")],
        )
        .done();
        assert_eq!(
            passwords::verify(PASSWORD, &place.text("SELECT password FROM users WHERE username = 'ravi'")),
            passwords::Verdict::Right
        );
    });
}

#[test]
fn passwords_change_and_people_go() {
    let place = Place::new(Backend::Sqlite);
    let env = [("CHAUPAL_DATABASE__URL", place.url.as_str()), ("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)];
    run(place.path(), &["createsuperuser", "--no-input", "--username", "asha", "--email", "asha@example.org"], &env)
        .done();
    let folder = place.path();
    run_with_input(folder, &["changepassword", "asha"], "short\n").one_line(1, &["password"]);
    run_with_input(folder, &["changepassword", "ASHA@example.org"], "another-banyan-tree-5\n").done();
    let hash = place.text("SELECT password FROM users");
    assert_eq!(passwords::verify("another-banyan-tree-5", &hash), passwords::Verdict::Right);
    assert_eq!(passwords::verify(PASSWORD, &hash), passwords::Verdict::Wrong);
    run_with_input(folder, &["changepassword", "nobody"], "x\n").one_line(1, &["nobody"]);
    place.run(&["deleteuser", "nobody", "--yes"]).one_line(1, &["nobody"]);
    place.run(&["deleteuser", "asha"]).one_line(1, &["--yes"]);
    assert_eq!(place.number("SELECT count(*) FROM users"), 1);
    assert!(place.run(&["deleteuser", "asha"]).err.contains("the last who may do everything"));
    assert!(place.run(&["deleteuser", "Asha", "--yes"]).done().out.contains("Nobody can run this site now"));
    assert_eq!(place.number("SELECT count(*) FROM users"), 0);
    place.run(&["clearsessions"]).done();
}

#[test]
fn clearsessions_with_a_doubtful_clock_deletes_nothing() {
    everywhere(|place| {
        place.run(&["migrate"]).done();
        let env = [("CHAUPAL_DATABASE__URL", place.url.as_str()), ("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)];
        let create = ["createsuperuser", "--no-input", "--username", "asha", "--email", "asha@example.org"];
        run(place.path(), &create, &env).done();
        let (then, expires) = ("'2001-01-01 00:00:00'", "'2001-02-01 00:00:00'");
        place.sql(&format!(
            "INSERT INTO sessions (token_hash, user_id, created, last_seen, expires, user_agent, address) \
             SELECT 'hash', id, {then}, {then}, {expires}, '', '' FROM users"
        ));
        place.run(&["clearsessions"]).one_line(1, &["the newest entry is of 2001-01-01", "--force"]);
        assert_eq!(place.number("SELECT count(*) FROM sessions"), 1);
        place.run(&["clearsessions", "--force"]).done();
        assert_eq!(place.number("SELECT count(*) FROM sessions"), 0);
        place.run(&["clearsessions"]).done();
    });
}

#[test]
fn check_reports_imported_password_hashes() {
    everywhere(|place| {
        place.run(&["migrate"]).done();
        let env = [("CHAUPAL_DATABASE__URL", place.url.as_str()), ("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)];
        for name in ["asha", "ravi", "mina"] {
            let email = format!("{name}@example.org");
            run(place.path(), &["createsuperuser", "--no-input", "--username", name, "--email", &email], &env).done();
        }
        let set = |name: &str, hash: &str| {
            place.sql(&format!("UPDATE users SET password = '{hash}' WHERE username = '{name}'"));
        };
        set(
            "asha",
            "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHlTQUxUMDEyMzQ1Njc4OWFiYw$Ka4drRnAMaC86HUKfU2XOAbreImfzT5oVVCGzgFnOTQ",
        );
        set("ravi", "pbkdf2_sha256$1000000$salt$R4gu+BBd7hwVsCfKeyqFcYNcFKlUhlOaP6wYKUrLt20=");
        set("mina", "pbkdf2_sha256$5000000$salt$R4gu+BBd7hwVsCfKeyqFcYNcFKlUhlOaP6wYKUrLt20=");
        let told = place.run(&["check"]);
        for expected in [
            "warning accounts.imported_hashes: accounts with an imported password hash: 2;",
            "(PBKDF2: 1000000 iterations, Argon2: 204800 KiB)",
            "warning accounts.costly_hashes: accounts whose imported password hash costs too much to be checked: 1;",
        ] {
            assert!(told.done().out.contains(expected), "{expected} {told:?}");
        }
    });
}

#[test]
fn check_tells_errors_by_its_exit_code() {
    everywhere(|place| {
        let before = place.run(&["check"]);
        assert_eq!(before.code, 0, "a site that was not started yet is no error: {before:?}");
        assert!(before.out.contains("database.migrations"), "{before:?}");
        place.run(&["migrate"]).done();
        let env = [("CHAUPAL_DATABASE__URL", place.url.as_str()), ("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)];
        assert!(place.run(&["check"]).done().out.contains("site.superuser"));
        run(
            place.path(),
            &["createsuperuser", "--no-input", "--username", "asha", "--email", "asha@example.org"],
            &env,
        )
        .done();
        let clean = place.run(&["check"]);
        assert!(clean.done().out.contains("0 errors, 0 warnings"), "{clean:?}");
        let json = place.run(&["check", "--json"]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json.done().out).unwrap(), serde_json::json!([]));
        let deploy = place.run(&["check", "--deploy"]);
        assert_eq!(deploy.code, 1);
        assert!(deploy.out.contains("deploy.debug") && deploy.out.contains("deploy.https"), "{deploy:?}");
        let good = [
            ("CHAUPAL_DATABASE__URL", place.url.as_str()),
            ("CHAUPAL_SITE_URL", "https://square.example.org"),
            ("CHAUPAL_ACCOUNTS__REGISTRATION", "closed"),
            ("CHAUPAL_MAIL__BACKEND", "file"),
        ];
        let mute = run(place.path(), &["--profile", "release", "check", "--deploy"], &good[..3]);
        assert!(mute.done().out.contains("mail.setup"), "{mute:?}");
        let good_env = good;
        let good = run(place.path(), &["--profile", "release", "check", "--deploy"], &good_env);
        assert!(good.done().out.contains("0 errors, 0 warnings"), "{good:?}");
        let also = |more: &[(&str, &str)]| {
            let env: Vec<(&str, &str)> = good_env.iter().chain(more).copied().collect();
            run(place.path(), &["--profile", "release", "check", "--deploy"], &env)
        };
        for (finding, more) in [
            ("deploy.proxy", vec![("CHAUPAL_PROXY__TRUSTED", "0.0.0.0/0")]),
            ("deploy.proxy", vec![("CHAUPAL_PROXY__TRUSTED", "10.0.0.0/8, ::/0")]),
            ("deploy.throttle", vec![("CHAUPAL_THROTTLE__LOGIN", "off")]),
            (
                "mail.host",
                vec![("CHAUPAL_MAIL__BACKEND", "smtp"), ("CHAUPAL_MAIL__SMTP__HOST", "mail.example.org:587")],
            ),
            (
                "mail.host",
                vec![("CHAUPAL_MAIL__BACKEND", "smtp"), ("CHAUPAL_MAIL__SMTP__HOST", "smtp://mail.example.org")],
            ),
            ("mail.folder", vec![("CHAUPAL_MAIL__FILE_DIR", "/proc/self")]),
        ] {
            let told = also(&more);
            assert!(told.out.contains(finding), "{finding} {told:?}");
        }
        std::fs::write(place.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n")
            .unwrap();
        let key = [
            ("CHAUPAL_MAIL__BACKEND", "smtp"),
            ("CHAUPAL_MAIL__SMTP__HOST", "::1"),
            ("CHAUPAL_MAIL__SMTP__CA_FILE", "key.pem"),
        ];
        let told = also(&key);
        assert!(told.out.contains("mail.settings") && told.out.contains("no certificate"), "{told:?}");
        assert!(!told.out.contains("mail.host"), "{told:?}");
        let open =
            run(place.path(), &["check"], &[("CHAUPAL_DATABASE__URL", &place.url), ("CHAUPAL_ADDRESS", "0.0.0.0")]);
        assert!(open.done().out.contains("site.url") && open.out.contains("site.open_registration"), "{open:?}");
        let templates = place.data().join("templates");
        std::fs::create_dir_all(&templates).unwrap();
        std::fs::write(templates.join("base.html"), "{% if %}").unwrap();
        let broken = place.run(&["check"]);
        assert_eq!(broken.code, 1);
        assert!(broken.out.contains("templates.override"), "{broken:?}");
    });
    let folder = here();
    let unreachable =
        run(folder.path(), &["check"], &[("CHAUPAL_DATABASE__URL", "postgres://asha:sesame-open@127.0.0.1:1/x")]);
    assert_eq!(unreachable.code, 1);
    assert!(
        unreachable.out.contains("database.reachable") && !unreachable.out.contains("sesame-open"),
        "{unreachable:?}"
    );
}

#[test]
fn the_settings_are_shown_without_secrets() {
    let folder = here();
    std::fs::write(folder.path().join("Rocket.toml"), "[default]\nsite_name = \"The banyan\"\n").unwrap();
    let env = [
        ("CHAUPAL_SECRET_KEY", "0123456789abcdef-sesame-0123456789abcdef"),
        ("CHAUPAL_DATABASE__URL", "postgres://asha:sesame-open@db.example.org/square"),
        ("CHAUPAL_PORT", "9123"),
    ];
    let shown = run(folder.path(), &["config", "show"], &env);
    shown.done();
    assert!(!shown.out.contains("sesame"), "{shown:?}");
    let line =
        |key: &str| shown.out.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}: {shown:?}"));
    assert!(line("site_name").contains("The banyan") && line("site_name").contains("Rocket.toml"));
    assert!(line("port").contains("9123") && line("port").contains("CHAUPAL_PORT"));
    assert!(line("database.url").contains("db.example.org"));
    assert!(line("throttle.login").contains("default"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "looking makes nothing");
}

#[test]
fn the_first_start_makes_what_it_needs_and_says_where_to_go() {
    let folder = here();
    let mut child = command(folder.path(), &["serve", ":0"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let out = std::thread::spawn(move || std::io::read_to_string(out).unwrap());
    let err = std::thread::spawn(move || std::io::read_to_string(err).unwrap());
    let data = folder.path().join("data");
    let start = Instant::now();
    while !data.join("serve.lock").exists() || start.elapsed() < Duration::from_secs(2) {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = child.id().to_string();
    let ended = std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(ended.success());
    let status = child.wait().unwrap();
    let (out, err) = (out.join().unwrap(), err.join().unwrap());
    assert!(status.success(), "{status:?} {err}");
    assert!(start.elapsed() < Duration::from_secs(60), "it ends when it is told to");
    assert!(out.contains("http://127.0.0.1:"), "{out}");
    assert!(err.contains("/setup/") && err.contains("30 minutes"), "{err}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data.join("secret_key")), 0o600);
        assert_eq!(mode(&data), 0o700);
    }
    let key = std::fs::read_to_string(data.join("secret_key")).unwrap();
    assert!(!out.contains(key.trim()) && !err.contains(key.trim()));
    assert!(data.join("chaupal.db").exists());
    run(folder.path(), &["check"], &[]).done();
    assert_eq!(std::fs::read_to_string(data.join("secret_key")).unwrap(), key, "the key stays");
}

#[test]
fn healthcheck_tells_whether_it_serves() {
    let place = Place::new(Backend::Sqlite);
    let mut serving = Serving::start(place.path(), &[("CHAUPAL_DATABASE__URL", &place.url)]);
    let url = format!("http://127.0.0.1:{}", serving.port);
    place.run(&["healthcheck", &url]).done();
    let port = serving.port.to_string();
    run(place.path(), &["healthcheck"], &[("CHAUPAL_PORT", &port)]).done();
    serving.kill();
    place.run(&["healthcheck", &url]).one_line(1, &[&url]);
    for wrong in ["nonsense", "ftp://x", "https://127.0.0.1"] {
        place.run(&["healthcheck", wrong]).one_line(1, &[wrong]);
    }
}

#[test]
fn a_secret_in_a_file_and_a_password_on_no_command_line() {
    let folder = here();
    std::fs::write(folder.path().join("key"), "0123456789abcdef-sesame-0123456789abcdef\n").unwrap();
    run(folder.path(), &["check"], &[("CHAUPAL_SECRET_KEY_FILE", "key")]).done();
    assert!(!folder.path().join("data/secret_key").exists());
    run(folder.path(), &["check"], &[("CHAUPAL_SECRET_KEY", "too short")]).one_line(1, &["secret_key", "32"]);
    let ended = finish(command(folder.path(), &["createsuperuser", "--password", "x"]).env("CHAUPAL_PORT", "1"));
    assert_eq!(ended.code, 2, "{ended:?}");
}

#[test]
fn a_reader_who_goes_early_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), &["config", "show"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn texts_are_rendered_again_after_a_change_of_rules() {
    everywhere(|place| {
        let env = [("CHAUPAL_DATABASE__URL", place.url.as_str())];
        run(place.path(), &["demo", "--quiet"], &env).done();
        let html = "SELECT min(body_html) FROM messages WHERE body <> ''";
        let (first, marks) = (place.text(html), place.text("SELECT value FROM settings WHERE key = 'markdown'"));
        assert!(first.starts_with('<') && marks.contains("messages.body="), "{first} {marks}");
        let messages = place.number("SELECT count(*) FROM messages WHERE body <> ''");
        let rooms = place.number("SELECT count(*) FROM rooms WHERE description <> ''");
        assert!(messages > 100 && rooms > 3);

        let ended = place.run(&["render-markdown"]);
        assert!(ended.done().out.starts_with("0 texts"), "{ended:?}");
        place.sql("UPDATE messages SET body_html = '<script>'");
        place.sql("UPDATE rooms SET description_html = ''");
        let ended = place.run(&["render-markdown"]);
        assert!(
            ended.done().out.starts_with(&format!("{} texts", place.number("SELECT count(*) FROM messages") + rooms)),
            "{ended:?}"
        );
        assert_eq!(place.text(html), first);
        let bare = "SELECT count(*) FROM messages WHERE (body = '') <> (body_html = '')";
        assert_eq!(
            place.number(bare)
                + place.number("SELECT count(*) FROM rooms WHERE (description = '') <> (description_html = '')"),
            0
        );

        // An update of the program: the marks are of other rules. Whoever only migrates has it done.
        place.sql("UPDATE messages SET body_html = 'old'");
        place.run(&["migrate"]).done();
        assert_eq!(place.number("SELECT count(*) FROM messages WHERE body_html <> 'old'"), 0, "the rules are the same");
        place.sql("UPDATE settings SET value = 'rooms.description=1 messages.body=0' WHERE key = 'markdown'");
        place.run(&["migrate"]).done();
        assert_eq!(place.number("SELECT count(*) FROM messages WHERE body_html = 'old'"), 0);
        assert_eq!(place.text("SELECT value FROM settings WHERE key = 'markdown'"), marks);

        // Back and forth through the migration.
        place.run(&["migrate", "0008", "--yes"]).done();
        place.run(&["migrate"]).done();
        assert_eq!(place.text(html), first);
    });
}
