//! `import-django` of chat_app: its rooms and what was said in them come into the lobby, once.

use chaupal::import_django::report::{Kind, Report};
use chaupal::import_django::{Course, Options, import};
use chaupal::kit::progress::Progress;
use chaupal::lobby::models::sweep;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::support::Site;
use crate::support::imports::{remarks, tally};

/// A chat_app database, made anew for a test.
struct Source {
    folder: tempfile::TempDir,
}

const TABLES: &str = "
CREATE TABLE django_migrations (id integer PRIMARY KEY AUTOINCREMENT, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied datetime NOT NULL);
CREATE TABLE auth_user (id integer PRIMARY KEY AUTOINCREMENT, password varchar(128), username varchar(150), email varchar(254), date_joined datetime);
CREATE TABLE chat_room (id bigint PRIMARY KEY, name varchar(1000) NOT NULL);
CREATE TABLE chat_message (id bigint PRIMARY KEY, value varchar(1000000) NOT NULL, date datetime NOT NULL, user varchar(1000000) NOT NULL, room varchar(1000000) NOT NULL);
INSERT INTO django_migrations (app, name, applied) VALUES ('contenttypes', '0001_initial', '2021-01-01 08:00:00.123456');
";

impl Source {
    fn new(rows: &str) -> Self {
        let source = Self { folder: tempfile::tempdir().unwrap() };
        source.sql(TABLES);
        source.sql(rows);
        source
    }

    fn small() -> Self {
        Self::new(
            "INSERT INTO chat_room VALUES (1, 'Maths'), (2, 'a/b');
             INSERT INTO chat_message VALUES (1, 'second', '2021-02-02 11:00:00', 'asha', '1'), (2, 'first', '2021-02-02 10:00:00.5', 'ravi', '1'),
                 (3, 'elsewhere', '2021-02-03 10:00:00', 'asha', '2')",
        )
    }

    fn sql(&self, sql: &str) {
        let path = self.folder.path().join("db.sqlite3");
        SqliteConnection::establish(&path.to_string_lossy()).unwrap().batch_execute(sql).unwrap();
    }

    fn import(&self, site: &Site) -> Report {
        self.import_with(site, Options::default())
    }

    fn import_with(&self, site: &Site, options: Options) -> Report {
        let course = Course::open(&self.folder.path().join("db.sqlite3")).unwrap();
        site.db(|conn| import(conn, course, options, None, &mut Progress::silent())).unwrap()
    }
}

/// Everything that an import could touch.
const TOUCHED: [&str; 5] = ["users", "rooms", "participants", "messages", "import_ids"];

both!(rooms_and_words_come_into_the_lobby_under_guests_names, |site| {
    let asha = site.person("asha");
    let source = Source::small();
    let dry = source.import_with(site, Options { dry_run: true, ..Options::default() });
    assert!(dry.dry_run && site.number("SELECT count(*) FROM rooms") == 0);

    let mut report = source.import(site);
    assert!(report.remarks.is_empty(), "{:?}", report.remarks);
    assert_eq!(*report.tally("chat_room"), tally(2, 0, 0, 0));
    assert_eq!(*report.tally("chat_message"), tally(3, 0, 0, 0));
    let page = asha.get("/chat/maths");
    let page = asha.follow(&page);
    assert_eq!(page.status(200).count("badge-guest"), 2, "asha there is not asha here");
    let at = |word: &str| page.body.find(&format!(">{word}<")).unwrap();
    assert!(at("first") < at("second"), "in the order of time");
    asha.get("/chat/a~2fb").status(200).see("elsewhere");
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE user_id IS NOT NULL OR NOT in_lobby"), 0);
    assert!(site.text("SELECT created FROM messages WHERE body = 'first'").contains("10:00:00.5"));
    asha.get("/").see_not("Maths");

    // Old as they are, they have just come.
    assert_eq!(site.db(sweep).unwrap(), 0);
    // Life goes on with the next number.
    asha.post("/chat/Maths/messages", &[("body", "and on")]).status(303);
    assert_eq!(site.number("SELECT seq FROM messages WHERE body = 'and on'"), 3);

    let before = site.rows(&TOUCHED);
    let mut again = source.import(site);
    assert_eq!((*again.tally("chat_room"), *again.tally("chat_message")), (tally(0, 2, 0, 0), tally(0, 3, 0, 0)));
    assert_eq!(site.rows(&TOUCHED), before);
    source.sql("INSERT INTO chat_message VALUES (4, 'later', '2021-03-01', 'meera', '1'); INSERT INTO chat_room VALUES (3, 'New')");
    let mut more = source.import(site);
    assert_eq!((*more.tally("chat_room"), *more.tally("chat_message")), (tally(1, 2, 0, 0), tally(1, 3, 0, 0)));
    assert_eq!(site.number("SELECT seq FROM messages WHERE body = 'later' AND body_html = '<p>later</p>'"), 4);
});

both!(odd_rows_are_joined_mended_or_left_out_and_reported, |site| {
    let here = site.chat_room("maths");
    site.guest_message(here, "Meera", "was here before");
    let source = Source::new(
        "INSERT INTO chat_room VALUES (1, 'Maths'), (2, ' MATHS '), (3, ''), (4, 'Two' || char(10) || 'lines')",
    );
    let long = "x".repeat(20_000);
    source.sql(&format!(
        "INSERT INTO chat_message VALUES
            (1, 'to the first', '2021-02-01 10:00:00', 'asha', '1'), (2, 'to the second', '2021-02-01 11:00:00', 'asha', ' 2 '),
            (3, 'nowhere', '2021-02-01', 'asha', '99'), (4, 'no number', '2021-02-01', 'asha', 'Maths'), (5, '  ', '2021-02-01', 'asha', '1'),
            (6, '{long}', 'yesterday', '{long}', '3'), (7, 'a' || char(0) || 'b', '2021-02-02', '', '4'), (8, 'by a number', '2021-02-03', 42, 4),
            (9, '<b>bold</b>', '2021-02-04', '<i>x</i>', '4'), (10, 'none', '2021-02-04', 'asha', '')",
    ));
    let mut report = source.import(site);
    assert_eq!(*report.tally("chat_room"), tally(2, 0, 2, 0));
    assert_eq!(*report.tally("chat_message"), tally(6, 0, 0, 4));
    let skipped = remarks(&report, Kind::Skipped);
    assert_eq!(skipped.len(), 4);
    assert!(skipped.iter().any(|text| text.contains("room \"Maths\" is not there")), "{skipped:?}");
    assert_eq!(remarks(&report, Kind::Merged).len(), 2);
    assert_eq!(remarks(&report, Kind::Named).len(), 2);
    assert_eq!(remarks(&report, Kind::Time).len(), 1);
    assert_eq!(remarks(&report, Kind::Mended).len(), 1);

    assert_eq!(site.number(&format!("SELECT count(*) FROM messages WHERE room_id = {here}")), 3);
    assert_eq!(site.number(&format!("SELECT last_event FROM rooms WHERE id = {here}")), 3);
    let whole = site.number("SELECT max(length(body)) FROM messages");
    assert_eq!((whole, site.number("SELECT max(length(guest_name)) FROM messages")), (20_000, 20_000));
    let page = site.anonymous().get("/chat/Untitled~20room~203");
    page.status(200).see(&long);
    let page = site.anonymous().get("/chat/Two~20lines");
    page.status(200).hold("<p>&lt;b&gt;bold&lt;/b&gt;</p>").see("<i>x</i>").see("Guest").see("by a number");
    assert!(!page.body.contains("<b>bold"), "what is hostile there is inert here");
    let before = site.rows(&TOUCHED);
    source.import(site);
    assert_eq!(site.rows(&TOUCHED), before);
});

both!(what_went_here_does_not_come_back_and_other_sources_are_told_apart, |site| {
    let source = Source::small();
    source.import(site);
    let maths = site.number("SELECT id FROM rooms WHERE name = 'Maths'");
    site.sql(&format!("DELETE FROM rooms WHERE id = {maths}"));
    let mut again = source.import(site);
    assert_eq!(*again.tally("chat_room"), tally(0, 2, 0, 0));
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 1);
    // The same first migration, other rows: another source.
    let twin = Source::new(
        "INSERT INTO chat_room VALUES (1, 'History'), (2, 'Art');
         INSERT INTO chat_message VALUES (1, 'of the twin', '2022-05-05', 'dina', '1'), (3, 'too', '2022-05-06', 'dina', '2')",
    );
    let mut report = twin.import(site);
    assert_eq!((*report.tally("chat_room"), *report.tally("chat_message")), (tally(2, 0, 0, 0), tally(2, 0, 0, 0)));
    let before = site.rows(&TOUCHED);
    source.import(site);
    twin.import(site);
    assert_eq!(site.rows(&TOUCHED), before);
});

both!(a_project_may_hold_both_courses_and_be_without_messages, |site| {
    let source = Source::new(
        "INSERT INTO chat_room VALUES (1, 'Maths'); DROP TABLE chat_message; DROP TABLE django_migrations;
         CREATE TABLE base_room (id integer PRIMARY KEY, name varchar(200), description text, updated datetime, created datetime, host_id bigint, topic_id bigint);
         INSERT INTO auth_user VALUES (1, '!', 'dina', '', '2021-01-01 10:00:00');
         INSERT INTO base_room VALUES (1, 'Study', NULL, '2021-02-03', '2021-02-01', 1, NULL)",
    );
    let mut report = source.import(site);
    assert_eq!((*report.tally("chat_room"), *report.tally("base_room")), (tally(1, 0, 0, 0), tally(1, 0, 0, 0)));
    assert!(remarks(&report, Kind::NoTable).iter().any(|text| text.starts_with("chat_message")));
    site.anonymous().get("/").see("Study").see_not("Maths");
    site.anonymous().get("/chat/Maths").status(200);
    assert_eq!(*source.import(site).tally("chat_room"), tally(0, 1, 0, 0));
});
