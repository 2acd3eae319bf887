//! `import-django`: a StudyBud database comes across, with all its odd rows, once.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chaupal::import_django::report::{Kind, Report};
use chaupal::import_django::{Course, ImportError, Options, import};
use chaupal::kit::db::transaction;
use chaupal::kit::progress::Progress;
use chaupal::rooms::models::message;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use crate::support::imports::{import_with_pictures, put_picture, remarks, tally};
use crate::support::program::command;
use crate::support::{DJANGO_HASH, Site};

/// A StudyBud database, made anew for a test.
pub struct Source {
    pub folder: tempfile::TempDir,
}

const TABLES: &str = "
CREATE TABLE django_migrations (id integer PRIMARY KEY AUTOINCREMENT, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied datetime NOT NULL);
CREATE TABLE base_user (id integer PRIMARY KEY AUTOINCREMENT, password varchar(128), last_login datetime, is_superuser bool,
    username varchar(150), first_name varchar(150), last_name varchar(150), email varchar(254), is_staff bool, is_active bool,
    date_joined datetime, bio text, name varchar(200), avatar varchar(100));
CREATE TABLE base_topic (id integer PRIMARY KEY AUTOINCREMENT, name varchar(200));
CREATE TABLE base_room (id integer PRIMARY KEY AUTOINCREMENT, name varchar(200), description text, updated datetime, created datetime, host_id bigint, topic_id bigint);
CREATE TABLE base_room_participants (id integer PRIMARY KEY AUTOINCREMENT, room_id bigint, user_id bigint);
CREATE TABLE base_message (id integer PRIMARY KEY AUTOINCREMENT, body text, updated datetime, created datetime, room_id bigint, user_id bigint);
";

impl Source {
    /// Without rows but for its first migration.
    pub fn empty() -> Self {
        let course = Self { folder: tempfile::tempdir().unwrap() };
        course.sql(TABLES);
        course.sql("INSERT INTO django_migrations (app, name, applied) VALUES ('contenttypes', '0001_initial', '2022-01-01 08:00:00.123456')");
        course
    }

    /// With these tables and rows.
    pub fn of(sql: &str) -> Self {
        let course = Self { folder: tempfile::tempdir().unwrap() };
        course.sql(sql);
        course
    }

    /// Two people, a room, a conversation.
    pub fn small() -> Self {
        let course = Self::empty();
        course.user(1, "asha", "Asha@Example.org", DJANGO_HASH);
        course.user(2, "ben", "ben@example.org", DJANGO_HASH);
        course.sql(
            "INSERT INTO base_topic VALUES (1, 'Python');
             INSERT INTO base_room VALUES (7, 'Beginners', 'Ask anything', '2022-02-03 04:05:06.000789', '2022-02-01 00:00:00', 1, 1);
             INSERT INTO base_room_participants VALUES (1, 7, 2), (2, 7, 1);
             INSERT INTO base_message VALUES (1, 'third', '2022-02-02 12:00:00', '2022-02-02 12:00:00', 7, 1),
                 (2, 'first', '2022-02-02 10:30:00.5', '2022-02-02 10:00:00', 7, 2), (3, 'second', '2022-02-02 11:00:00', '2022-02-02 11:00:00', 7, 1)",
        );
        course
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("db.sqlite3")
    }

    pub fn sql(&self, sql: &str) {
        SqliteConnection::establish(&self.path().to_string_lossy()).unwrap().batch_execute(sql).unwrap();
    }

    pub fn user(&self, id: i64, username: &str, email: &str, password: &str) {
        self.sql(&format!(
            "INSERT INTO base_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined, bio, name, avatar) \
             VALUES ({id}, '{password}', 0, '{username}', '', '', '{email}', 0, 1, '2022-01-0{} 10:00:00', NULL, 'Name {id}', 'avatar.svg')",
            id % 9 + 1
        ));
    }

    pub fn import(&self, site: &Site) -> Report {
        self.import_with(site, Options::default())
    }

    pub fn import_with(&self, site: &Site, options: Options) -> Report {
        let course = Course::open(&self.path()).unwrap();
        site.db(|conn| import(conn, course, options, None, &mut Progress::silent())).unwrap()
    }
}

/// Everything that an import could touch.
const TOUCHED: [&str; 7] = ["users", "topics", "rooms", "participants", "messages", "visits", "import_ids"];

both!(people_find_their_rooms_and_their_passwords, |site| {
    let mut report = Source::small().import(site);
    assert!(report.remarks.is_empty(), "{:?}", report.remarks);
    assert_eq!(*report.tally("base_user"), tally(2, 0, 0, 0));
    assert_eq!(*report.tally("base_room"), tally(1, 0, 0, 0));
    // Of the two who took part, one is the host.
    assert_eq!(*report.tally("base_room_participants"), tally(1, 0, 1, 0));
    assert_eq!(*report.tally("base_message"), tally(3, 0, 0, 0));

    let asha = site.anonymous();
    asha.log_in("ASHA@example.org", "blue-mango-42").status(303);
    assert!(asha.is_logged_in());
    assert!(
        site.text("SELECT password FROM users WHERE username = 'asha'").starts_with("$argon2id$"),
        "made anew at log-in"
    );
    let room = site.number("SELECT id FROM rooms WHERE name = 'Beginners'");
    let page = asha.get(&format!("/rooms/{room}"));
    page.status(200).see("Ask anything").see("Name 2");
    let at = |word: &str| page.body.find(&format!(">{word}<")).unwrap_or_else(|| panic!("{word} is not shown"));
    assert!(at("first") < at("second") && at("second") < at("third"), "in the order of time");
    asha.get(&format!("/rooms/{room}/edit")).status(200);

    assert!(site.text("SELECT updated FROM rooms").contains("2022-02-03 04:05:06.000789"), "to the microsecond");
    assert!(site.text("SELECT created FROM rooms").contains("2022-02-01 00:00:00"));
    assert_eq!(site.number("SELECT last_event FROM rooms"), 3);
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE seq = version AND seq BETWEEN 1 AND 3"), 3);
    assert!(site.text("SELECT updated FROM messages WHERE body = 'first'").contains("10:30:00.5"));

    // Life goes on with the next number.
    asha.say(room, "and on we go", "1").status(201);
    assert_eq!(site.number("SELECT seq FROM messages WHERE body = 'and on we go'"), 4);
    let bare = "SELECT (SELECT count(*) FROM messages WHERE body_html = '') \
                + (SELECT count(*) FROM rooms WHERE description <> '' AND description_html = '')";
    assert_eq!(site.number(bare), 0, "all that came is rendered");
});

both!(odd_rows_are_merged_mended_or_left_out_and_all_reported, |site| {
    let course = Source::empty();
    course.user(1, "asha", "asha@example.org", DJANGO_HASH);
    course.user(2, "ASHA", "ASHA@example.org", "!unusable");
    course.user(3, "Asha-2", "", "bcrypt$$2b$12$abc");
    course.user(4, "", "", "");
    course.user(5, "BOSS", " ", "pbkdf2_sha256$99999999$salt$R4gu+BBd7hwVsCfKeyqFcYNcFKlUhlOaP6wYKUrLt20=");
    course.user(6, "asha@example.org", "", "md5$x$y");
    course.sql(&format!(
        "UPDATE base_user SET name = NULL, first_name = 'Élodie', last_name = 'R', bio = 'a' || char(0) || 'b', date_joined = 'soon' WHERE id = 4;
         UPDATE base_user SET name = '{}', email = NULL, is_active = 0, avatar = 'pictures/me.png', last_login = 12 WHERE id = 3;
         UPDATE base_user SET username = 42, name = CAST(x'ff41' AS TEXT), is_staff = 'yes', is_superuser = 1 WHERE id = 6;
         INSERT INTO base_user (id, username, email, date_joined) VALUES (7, NULL, NULL, NULL), (8, 'asha@example.org', NULL, '2022-01-01');
         INSERT INTO base_topic VALUES (1, 'Python'), (2, 'PYTHON '), (3, NULL), (4, '  ');
         INSERT INTO base_room VALUES (1, NULL, NULL, NULL, NULL, NULL, NULL),
             (2, 'Gone', 'd', '2022-02-03T04:05:06Z', 'garbage', 99, 99), (3, 'Kept', 'x' || char(0), '2022-02-03 04:05:06+05:30', '2022-02-03', 1, 2),
             (4, 17, 18, '2022-02-03 04:05:06', '2022-02-03 04:05:06', 'asha', 3);
         INSERT INTO base_room_participants VALUES (1, 3, 2), (2, 3, 2), (3, 3, 99), (4, 99, 1), (5, NULL, NULL);
         INSERT INTO base_message VALUES (1, 'fine', '2022-03-01 10:00:00', '2022-03-01 10:00:00', 3, 3), (2, ' ', '2022-03-01', '2022-03-01', 3, 1),
             (3, NULL, NULL, NULL, 3, 1), (4, 'no room', '2022-03-01', '2022-03-01', 99, 1), (5, 'nobody', '2022-03-01', '2022-03-01', 3, NULL),
             (6, 'stranger', '2022-03-01', '2022-03-01', 3, 99), (7, 'timeless', NULL, NULL, 3, 1), (8, 4711, '2022-03-02', '2022-03-02', 3, 1),
             (9, '{}', '2022-03-03', '2022-03-03', 3, 1)",
        "n".repeat(3000),
        "क".repeat(9000),
    ));
    let mut report = course.import(site);

    assert_eq!(*report.tally("base_user"), tally(8, 0, 0, 0));
    assert_eq!(*report.tally("base_topic"), tally(1, 0, 1, 2));
    assert_eq!(*report.tally("base_room"), tally(4, 0, 0, 0));
    assert_eq!(*report.tally("base_room_participants"), tally(1, 0, 1, 3));
    assert_eq!(*report.tally("base_message"), tally(4, 0, 0, 5));

    let name_of = |like: &str| site.text(&format!("SELECT username FROM users WHERE name = '{like}'"));
    assert_eq!(name_of("Name 2"), "ASHA-3", "Asha-2 belongs to another person");
    assert_eq!(name_of("Name 5"), "BOSS-2", "boss was here before");
    assert_eq!(name_of("Élodie R"), "user-4");
    assert_eq!(site.text("SELECT username FROM users WHERE name = '\u{fffd}A'"), "42");
    assert_eq!(
        site.number("SELECT count(*) FROM users WHERE username = 'asha@example.org-2'"),
        1,
        "another one's address is no user name"
    );
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username = 'user-7' AND email_key IS NULL"), 1);
    assert_eq!(site.number("SELECT count(*) FROM users WHERE email_key = 'asha@example.org' AND username = 'asha'"), 1);
    assert_eq!(site.number("SELECT count(*) FROM users WHERE is_staff OR is_superuser"), 1, "the boss");
    assert_eq!(site.number("SELECT length(name) FROM users WHERE username = 'Asha-2' AND NOT is_active"), 3000);
    assert_eq!(site.text("SELECT bio FROM profiles JOIN users ON id = user_id WHERE username = 'user-4'"), "ab");
    assert_eq!(site.number("SELECT count(*) FROM users WHERE password LIKE 'pbkdf2%'"), 1);

    assert_eq!(
        site.number(
            "SELECT count(*) FROM rooms WHERE name = 'Untitled room' AND host_id IS NULL AND created = updated"
        ),
        1
    );
    assert!(
        site.text("SELECT created FROM rooms WHERE name = 'Gone'").contains("2022-02-03 04:05:06"),
        "updated stands in"
    );
    assert!(
        site.text("SELECT updated FROM rooms WHERE name = 'Kept'").contains("2022-02-02 22:35:06"),
        "an offset is turned into UTC"
    );
    assert_eq!(
        site.text("SELECT t.name FROM rooms r JOIN topics t ON t.id = r.topic_id WHERE r.name = 'Kept'"),
        "Python"
    );
    assert_eq!(site.text("SELECT description FROM rooms WHERE name = '17'"), "18");
    assert_eq!(site.text("SELECT body FROM messages WHERE seq = 1"), "timeless", "as old as its room");
    assert_eq!(site.number("SELECT length(body) FROM messages WHERE seq = 4"), 9000, "kept whole");
    assert_eq!(
        site.number("SELECT count(*) FROM participants p JOIN rooms r ON r.id = p.room_id WHERE r.name = 'Kept'"),
        3,
        "host, member, author"
    );

    for (kind, count) in [
        (Kind::Renamed, 3),
        (Kind::EmailLeft, 1),
        (Kind::Named, 3),
        (Kind::Merged, 1),
        (Kind::Staff, 1),
        (Kind::Picture, 1),
        (Kind::Password, 7),
        (Kind::Dangling, 4),
        (Kind::Skipped, 10),
        (Kind::Mended, 3),
    ] {
        assert_eq!(remarks(&report, kind).len(), count, "{kind:?}: {:#?}", remarks(&report, kind));
    }
    let shown = report.shown(true).to_string();
    for part in [
        "base_user 2: \"ASHA\" is taken, is now \"ASHA-3\"",
        "base_message 4: room \"99\" is not there",
        "base_room 2: host 99 is not there",
        "--keep-staff",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let home = site.superuser().get("/");
    home.status(200).see("Untitled room").see("Kept");
});

both!(twice_is_once, |site| {
    let course = Source::small();
    course.import(site);
    let before = site.rows(&TOUCHED);
    let mut again = course.import(site);
    assert_eq!(site.rows(&TOUCHED), before, "nothing is doubled");
    assert_eq!(*again.tally("base_message"), tally(0, 3, 0, 0));
    assert_eq!(*again.tally("base_user"), tally(0, 2, 0, 0));

    // Life goes on here …
    let room = site.number("SELECT id FROM rooms");
    site.sql("UPDATE rooms SET name = 'Renamed here'");
    site.sql(
        "UPDATE users SET name = 'Changed here', username = 'benny', username_key = 'benny' WHERE username = 'ben'",
    );
    site.sql("DELETE FROM participants WHERE user_id = (SELECT id FROM users WHERE username = 'benny')");
    let second = site.number("SELECT id FROM messages WHERE body = 'second'");
    site.db(|conn| {
        transaction(conn, |conn| {
            let second = message::find(conn, second)?;
            message::delete(conn, &second)
        })
    })
    .unwrap_or_else(|error: DieselError| panic!("{error}"));
    // … and there.
    course.user(3, "cara", "cara@example.org", DJANGO_HASH);
    course.sql(
        "UPDATE base_room SET name = 'Renamed there';
         INSERT INTO base_message VALUES (4, 'an early one that came late', '2022-02-02 09:00:00', '2022-02-02 09:00:00', 7, 3);
         INSERT INTO base_room VALUES (8, 'New there', '', '2022-02-03 04:05:06', '2022-02-01 00:00:00', 2, 1)",
    );
    let mut report = course.import(site);
    assert_eq!(*report.tally("base_user"), tally(1, 2, 0, 0));
    assert_eq!(*report.tally("base_room"), tally(1, 1, 0, 0));
    assert_eq!(*report.tally("base_message"), tally(1, 3, 0, 0));
    assert_eq!(site.text(&format!("SELECT name FROM rooms WHERE id = {room}")), "Renamed here");
    assert_eq!(site.number("SELECT count(*) FROM users WHERE name = 'Changed here'"), 1);
    assert_eq!(site.number(&format!("SELECT count(*) FROM participants p JOIN users u ON u.id = p.user_id WHERE p.room_id = {room} AND u.username = 'benny'")), 0);
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE body = 'second'"), 0, "what was deleted stays so");
    assert_eq!(
        site.number("SELECT seq FROM messages WHERE body LIKE 'an early one%'"),
        5,
        "after the deletion's number"
    );
    assert_eq!(site.number(&format!("SELECT last_event FROM rooms WHERE id = {room}")), 5);
    assert_eq!(site.number("SELECT count(*) FROM rooms r JOIN users u ON u.id = r.host_id WHERE r.name = 'New there' AND u.username = 'benny'"), 1);

    // Who left for good, and a room that was closed, do not come back.
    site.delete(site.number("SELECT id FROM users WHERE username = 'asha'"));
    site.sql(&format!("DELETE FROM rooms WHERE id = {room}"));
    course.sql(
        "INSERT INTO base_message VALUES (5, 'into a closed room', '2022-05-01', '2022-05-01', 7, 2), (6, 'by one who left', '2022-05-01', '2022-05-01', 8, 1);
         INSERT INTO base_room VALUES (9, 'Of one who left', '', '2022-02-03', '2022-02-01', 1, 1)",
    );
    let mut report = course.import(site);
    assert_eq!(*report.tally("base_message"), tally(0, 4, 0, 2));
    assert_eq!(remarks(&report, Kind::Dangling).len(), 1, "{:?}", report.remarks);
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username = 'asha'"), 0);
    assert_eq!(site.number("SELECT count(*) FROM rooms WHERE host_id IS NULL AND name = 'Of one who left'"), 1);
});

both!(a_dry_run_tells_all_and_keeps_nothing, |site| {
    let course = Source::small();
    course.user(3, "BEN", "ben@EXAMPLE.org", "!");
    let before = site.rows(&TOUCHED);
    let dry = course.import_with(site, Options { dry_run: true, ..Options::default() });
    assert_eq!(site.rows(&TOUCHED), before);
    let real = course.import(site);
    let told = |report: &Report| {
        report
            .shown(true)
            .to_string()
            .split("\n\n")
            .filter(|part| !part.contains("again"))
            .collect::<Vec<_>>()
            .join("\n\n")
    };
    assert_eq!(told(&dry), told(&real), "the same report");
    assert!(dry.shown(false).to_string().contains("Dry run: nothing was changed"));
    assert_eq!(site.number("SELECT count(*) FROM messages"), 3);
});

both!(nobody_gets_anothers_account, |site| {
    // Somebody who registered here with the address of one who is there: it was never confirmed.
    site.person("squatter");
    site.sql("UPDATE users SET email = 'asha@example.org', email_key = 'asha@example.org' WHERE username = 'squatter'");
    let course = Source::small();
    let report = course.import(site);
    assert_eq!(remarks(&report, Kind::EmailLeft).len(), 1);
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username = 'asha' AND email_key IS NULL"), 1);
    assert_eq!(
        site.number("SELECT count(*) FROM rooms r JOIN users u ON u.id = r.host_id WHERE u.username = 'asha'"),
        1
    );

    // One who came with an import before is the same person in another course's database.
    let other = Source::empty();
    other.sql("UPDATE django_migrations SET applied = '2023-01-01 08:00:00'");
    other.user(1, "ben.there", "BEN@example.org", DJANGO_HASH);
    other.user(2, "asha", "asha@example.org", DJANGO_HASH);
    other.sql("INSERT INTO base_room VALUES (7, 'Second course', '', '2022-02-03', '2022-02-01', 1, NULL)");
    let mut report = other.import(site);
    assert_eq!(*report.tally("base_user"), tally(1, 0, 1, 0));
    assert_eq!(remarks(&report, Kind::Joined).len(), 1);
    assert_eq!(site.number("SELECT count(*) FROM rooms r JOIN users u ON u.id = r.host_id WHERE r.name = 'Second course' AND u.username = 'ben'"), 1);
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username = 'asha-2'"), 1);
    let before = site.rows(&TOUCHED);
    other.import(site);
    course.import(site);
    assert_eq!(site.rows(&TOUCHED), before);

    // One who has shown here that the address is his is the same person, too.
    site.sql("UPDATE users SET email_confirmed = date_joined WHERE username = 'squatter'");
    let third = Source::empty();
    third.sql("UPDATE django_migrations SET applied = '2024-01-01 08:00:00'");
    third.user(1, "asha", "Asha@example.org", DJANGO_HASH);
    third.sql("INSERT INTO base_room VALUES (7, 'Third course', '', '2022-02-03', '2022-02-01', 1, NULL)");
    assert_eq!(*third.import(site).tally("base_user"), tally(0, 0, 1, 0));
    assert_eq!(site.number("SELECT count(*) FROM rooms r JOIN users u ON u.id = r.host_id WHERE r.name = 'Third course' AND u.username = 'squatter'"), 1);
});

both!(eleven_long_messages_cost_no_multiple_of_themselves_in_memory, |site| {
    const LENGTH: usize = 4 << 20;
    let source = Source::small();
    source.sql(&format!(
        "WITH RECURSIVE n (n) AS (VALUES (100) UNION ALL SELECT n + 1 FROM n WHERE n < 110)
         INSERT INTO base_message SELECT n, n || replace(hex(zeroblob({LENGTH} / 2)), '0', 'x'), '2022-03-01', '2022-03-01', 7, 1 FROM n;
         UPDATE base_user SET bio = replace(hex(zeroblob({LENGTH} / 2)), '0', 'y');
         UPDATE base_room SET description = replace(hex(zeroblob({LENGTH} / 2)), '0', 'z')",
    ));
    let path = source.path();
    let mut command = command(site.folder(), &["import-django", &path.to_string_lossy()]);
    command.env("CHAUPAL_DATABASE__URL", &site.database_url).env("CHAUPAL_DATA_DIR", site.folder());
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak = peak.max(line.trim_end_matches("kB").trim().parse::<usize>().unwrap_or_default());
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success());
    let long = format!("SELECT count(*) FROM messages WHERE length(body) > {LENGTH}");
    assert_eq!(site.number(&long), 11, "kept whole");
    assert!(peak > 0 && peak < 200 << 10, "{peak} kB for eleven messages of {LENGTH} bytes");
});

both!(databases_with_the_same_beginning_are_told_apart, |site| {
    // A class starts from its teacher's file: the first migration is the same in all of them.
    let (first, second) = (Source::small(), Source::empty());
    second.user(1, "teacher", "teacher@example.org", DJANGO_HASH);
    second.user(2, "dina", "dina@example.org", DJANGO_HASH);
    second.sql(
        "UPDATE base_user SET date_joined = '2022-06-01 10:00:00';
         INSERT INTO base_room VALUES (7, 'Of the second', '', '2022-02-03', '2022-02-01', 2, NULL);
         INSERT INTO base_message VALUES (1, 'by dina', '2022-02-02', '2022-02-02', 7, 2)",
    );
    first.import(site);
    let mut report = second.import(site);
    assert_eq!(*report.tally("base_user"), tally(2, 0, 0, 0));
    assert_eq!(site.number("SELECT count(*) FROM messages m JOIN users u ON u.id = m.user_id WHERE m.body = 'by dina' AND u.username = 'dina'"), 1);
    let before = site.rows(&TOUCHED);
    first.import(site);
    second.import(site);
    assert_eq!(site.rows(&TOUCHED), before);
});

both!(staff_stays_staff_only_when_asked, |site| {
    let course = Source::small();
    course.sql("UPDATE base_user SET is_staff = 1, is_superuser = 1 WHERE id = 1");
    let report = course.import_with(site, Options { keep_staff: true, ..Options::default() });
    assert!(remarks(&report, Kind::Staff).is_empty());
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username = 'asha' AND is_staff AND is_superuser"), 1);
});

both!(an_early_stage_of_the_course_comes_across_too, |site| {
    let course = Source::empty();
    course.sql(
        "DROP TABLE base_user; DROP TABLE base_room_participants; DROP TABLE base_message; DROP TABLE django_migrations;
         CREATE TABLE auth_user (id integer PRIMARY KEY, password varchar(128), username varchar(150), email varchar(254), is_active bool, date_joined datetime);
         INSERT INTO auth_user VALUES (1, '!', 'asha', '', 1, '2022-01-01 10:00:00');
         INSERT INTO base_room VALUES (1, 'First room', NULL, '2022-02-03', '2022-02-01', 1, NULL)",
    );
    let mut report = course.import(site);
    assert_eq!(*report.tally("auth_user"), tally(1, 0, 0, 0));
    assert_eq!(remarks(&report, Kind::NoTable).len(), 2);
    assert_eq!(*course.import(site).tally("base_room"), tally(0, 1, 0, 0));
});

both!(a_source_in_use_is_read_and_never_touched, |site| {
    let course = Source::small();
    let mut django = SqliteConnection::establish(&course.path().to_string_lossy()).unwrap();
    django.batch_execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").unwrap();
    django
        .batch_execute("INSERT INTO base_message VALUES (9, 'still in the journal', '2022-03-01', '2022-03-01', 7, 1)")
        .unwrap();
    let state = || {
        let mut files: Vec<_> =
            std::fs::read_dir(course.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        // The shared memory beside the journal belongs to whoever is connected.
        files.retain(|file| !file.to_string_lossy().ends_with("-shm"));
        files.into_iter().map(|file| (std::fs::read(&file).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = state();
    assert_eq!(*course.import(site).tally("base_message"), tally(4, 0, 0, 0));
    assert!(state() == before, "the source is as it was");
    // And the other way round: nothing of ours keeps Django from writing.
    django.batch_execute("INSERT INTO base_topic VALUES (9, 'later')").unwrap();
});

#[test]
fn what_is_no_course_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &Path| match Course::open(path) {
        Ok(_) => panic!("{} is taken for a course", path.display()),
        Err(error) => error.to_string(),
    };
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    assert!(refusal(&folder.path().join("none.sqlite3")).starts_with("there is no file"));
    assert!(refusal(folder.path()).contains("is a folder"));
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(refusal(&pipe).contains("is a pipe or a device"));
    assert!(refusal(&write("empty", b"")).contains("is an empty file"));
    assert!(refusal(&write("text", b"hello, this is a letter")).contains("is another kind of file"));
    let mut broken = b"SQLite format 3\0".to_vec();
    broken.extend([0xee; 5000]);
    assert!(matches!(
        Course::open(&write("broken", &broken)),
        Err(ImportError::Unreadable(..) | ImportError::NoDatabase(..))
    ));

    let path = folder.path().join("other.sqlite3");
    SqliteConnection::establish(&path.to_string_lossy())
        .unwrap()
        .batch_execute("CREATE TABLE users_profile (id integer); CREATE TABLE projects_project (id integer)")
        .unwrap();
    let said = refusal(&path);
    assert!(said.contains("projects_project, users_profile") && said.contains("base_room"), "{said}");

    let small = Source::small();
    let wal = format!("{}-wal", small.path().display());
    assert!(std::process::Command::new("mkfifo").arg(&wal).status().unwrap().success());
    let said = refusal(&small.path());
    assert!(said.contains("-wal is a folder, a pipe or a device"), "{said}");
}

#[test]
fn table_without_row_numbers_is_refused_by_name() {
    for change in [
        "ALTER TABLE base_topic ADD COLUMN _rowid_ text; UPDATE base_topic SET _rowid_ = 'x'",
        "DROP TABLE base_topic; CREATE TABLE base_topic (id integer PRIMARY KEY, name varchar(200)) WITHOUT ROWID",
    ] {
        let course = Source::small();
        course.sql(change);
        let said = Course::open(&course.path()).map(drop).unwrap_err().to_string();
        assert!(said.starts_with("the table base_topic cannot be read: it was made WITHOUT ROWID"), "{said}");
    }
}

#[test]
fn damaged_course_is_not_taken_for_a_damaged_site() {
    let course = Source::small();
    let whole = std::fs::read(course.path()).unwrap();
    std::fs::write(course.path(), &whole[..whole.len() / 2]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = course.path();
    let out = command(folder.path(), &["import-django", &path.to_string_lossy()]).output().unwrap();
    let told = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && told.contains(".recover") && !told.contains("chaupal.db"), "{told}");
}

both!(pictures_come_along_once_and_replace_none, |site| {
    let course = Source::small();
    course.user(3, "cara", "cara@example.org", DJANGO_HASH);
    course.user(4, "dina", "dina@example.org", DJANGO_HASH);
    course.user(5, "esha", "esha@example.org", DJANGO_HASH);
    for (id, avatar) in [(1, "faces/asha.png"), (2, "../outside.png"), (3, "gone.png"), (4, "notes.png"), (5, "")] {
        course.sql(&format!("UPDATE base_user SET avatar = '{avatar}' WHERE id = {id}"));
    }
    let media = course.folder.path().join("media");
    put_picture(&media.join("faces/asha.png"), 10);
    put_picture(&course.folder.path().join("outside.png"), 20);
    std::fs::write(media.join("notes.png"), "<svg/>").unwrap();
    let bring = |options| import_with_pictures(site, &course.path(), &media, options);
    let picture =
        |username: &str| site.text(&format!("SELECT coalesce(picture, '') FROM users WHERE username = '{username}'"));

    let mut dry = bring(Options { dry_run: true, ..Options::default() });
    assert_eq!(*dry.tally("base_user.avatar"), tally(1, 0, 0, 3));
    assert_eq!(site.rows(&["pictures", "import_ids"]), [0, 0]);

    // Without the folder first: the pictures stay behind, and are told.
    let report = course.import(site);
    assert_eq!(remarks(&report, Kind::Picture).len(), 4, "{:?}", report.remarks);
    let mut report = bring(Options::default());
    assert_eq!(*report.tally("base_user.avatar"), tally(1, 0, 0, 3));
    let told = remarks(&report, Kind::Picture).join("\n");
    for part in ["no place below the folder", "No such file", "no JPEG, PNG, GIF or WebP"] {
        assert!(told.contains(part), "{told}");
    }
    let brought = picture("asha");
    assert!(brought.starts_with("avatar/"), "{brought}");
    assert_eq!((picture("ben"), picture("cara")), (String::new(), String::new()));
    let page = site.anonymous().get("/developers/asha");
    page.status(200).hold("<img");
    site.anonymous().get(&format!("/media/{}", brought.replace("256x256", "64"))).status(200);

    // Whoever took his away meanwhile does not get it back.
    site.sql("UPDATE users SET picture = NULL WHERE username = 'asha'");
    put_picture(&media.join("gone.png"), 30);
    let mut report = bring(Options::default());
    assert_eq!(*report.tally("base_user.avatar"), tally(1, 0, 0, 2));
    assert_eq!(picture("asha"), "");
    assert!(picture("cara").starts_with("avatar/"));
});

both!(a_user_name_of_dots_gets_another, |site| {
    let course = Source::empty();
    course.user(1, "..", "", DJANGO_HASH);
    course.user(2, "a..b", "", DJANGO_HASH);
    let report = course.import(site);
    assert_eq!(remarks(&report, Kind::Renamed), ["base_user 1: \"..\" can have no page, is now \"user-1\""]);
    site.anonymous().get("/developers/user-1").status(200);
});
