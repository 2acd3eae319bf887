//! `import-django` of databases whose tables and columns are called otherwise than in the course: known variants are understood,
//! the rest is named, and a map file covers it.

use chaupal::import_django::report::Kind;

use crate::import::Source;
use crate::support::imports::{remarks, tally};
use crate::support::program::{Ended, run};
use crate::support::{DJANGO_HASH, Site};

/// Everything that an import could touch.
const TOUCHED: [&str; 7] = ["users", "rooms", "messages", "projects", "inbox_messages", "skills", "import_ids"];

/// People as Django keeps them, in a table of this name.
fn people(table: &str, more: &str) -> String {
    format!(
        "CREATE TABLE {table} (id integer PRIMARY KEY, password varchar(128), last_login datetime, is_superuser bool, username varchar(150), first_name varchar(150),
             last_name varchar(150), email varchar(254), is_staff bool, is_active bool, date_joined datetime{more});
         INSERT INTO {table} (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined) VALUES
             (1, '{DJANGO_HASH}', 0, 'asha', '', '', 'asha@example.org', 0, 1, '2022-01-01 10:00:00'),
             (2, '{DJANGO_HASH}', 0, 'ben', '', '', 'ben@example.org', 0, 1, '2022-01-02 10:00:00');"
    )
}

/// A study-room project of the app `app`, in which a room, its topic and one message have these columns.
fn rooms(app: &str, room: &str, topic: &str, message: &str) -> String {
    format!(
        "CREATE TABLE {app}_topic (id integer PRIMARY KEY, {topic} varchar(200));
         CREATE TABLE {app}_room (id integer PRIMARY KEY, {room});
         CREATE TABLE {app}_room_participants (id integer PRIMARY KEY, room_id bigint, user_id bigint);
         CREATE TABLE {app}_message (id integer PRIMARY KEY, {message});
         INSERT INTO {app}_topic VALUES (1, 'Python');
         INSERT INTO {app}_room VALUES (7, 'Beginners', 'Ask anything', '2022-02-03 04:05:06', '2022-02-01 00:00:00', 1, 1);
         INSERT INTO {app}_room_participants VALUES (1, 7, 2);
         INSERT INTO {app}_message VALUES (1, 'hello', '2022-02-02 12:00:00', '2022-02-02 11:00:00', 7, 2);"
    )
}

const ROOM: &str = "name text, description text, updated datetime, created datetime, host_id bigint, topic_id bigint";
const MESSAGE: &str = "body text, updated datetime, created datetime, room_id bigint, user_id bigint";

fn has_the_conversation(site: &Site) {
    let said = site.text(
        "SELECT h.username || ' ' || r.name || ' ' || r.description || ' ' || t.name || ' ' || u.username || ' ' || m.body FROM rooms r
         JOIN users h ON h.id = r.host_id JOIN topics t ON t.id = r.topic_id JOIN messages m ON m.room_id = r.id JOIN users u ON u.id = m.user_id",
    );
    assert_eq!(said, "asha Beginners Ask anything Python ben hello");
    assert!(site.text("SELECT created FROM rooms").contains("2022-02-01 00:00:00"));
    assert!(site.text("SELECT updated FROM rooms").contains("2022-02-03 04:05:06"));
    assert!(site.text("SELECT created FROM messages").contains("2022-02-02 11:00:00"));
    assert_eq!(site.number("SELECT count(*) FROM participants"), 2);
}

both!(renamed_columns_of_rooms_are_read_and_told, |site| {
    let room = "names text, desc text, updated_at datetime, created_at datetime, creator_id bigint, category_id bigint";
    let message = "content text, \"update\" datetime, timestamp datetime, chatroom_id bigint, sender_id bigint";
    let source = Source::of(
        &(people("base_user", ", bio text, name text, avatar text") + &rooms("base", room, "title", message)),
    );
    let report = source.import(site);
    has_the_conversation(site);
    let told = remarks(&report, Kind::ReadAs);
    for line in [
        "base_room 0: \"names\" is read as name",
        "base_room 0: \"creator_id\" is read as host_id",
        "base_message 0: \"update\" is read as updated",
        "base_topic 0: \"title\" is read as name",
    ] {
        assert!(told.iter().any(|text| text == line), "{line}: {told:?}");
    }
    assert_eq!(told.len(), 12, "{told:?}");
    let before = site.rows(&TOUCHED);
    source.import(site);
    assert_eq!(site.rows(&TOUCHED), before);
});

both!(app_under_another_name_is_found_by_its_columns, |site| {
    let source = Source::of(
        &(people("accounts_member", ", bio text, name text, avatar text") + &rooms("myapp", ROOM, "name", MESSAGE)),
    );
    let mut report = source.import(site);
    has_the_conversation(site);
    assert_eq!(*report.tally("base_room"), tally(1, 0, 0, 0));
    assert_eq!(*report.tally("base_user"), tally(2, 0, 0, 0));
    let shown = report.shown(true).to_string();
    assert!(shown.contains("\"myapp_room\" is read as base_room"), "{shown}");
    assert!(shown.contains("\"accounts_member\" is read as base_user"), "{shown}");
    assert!(shown.lines().any(|line| line.starts_with("myapp_message ")), "{shown}");
});

both!(study_rooms_in_an_app_called_chat_are_no_chat_app, |site| {
    let mut report = Source::of(&(people("auth_user", "") + &rooms("chat", ROOM, "name", MESSAGE))).import(site);
    has_the_conversation(site);
    assert_eq!(*report.tally("chat_room"), tally(0, 0, 0, 0));
});

both!(missing_and_unread_columns_are_named_with_the_nearest, |site| {
    let room = "name text, descriptionn_of_it text, updated datetime, created datetime, hostt text, topic_id bigint";
    let mut sql = people("base_user", ", bio text, name text, avatar text") + &rooms("base", room, "name", MESSAGE);
    sql += "ALTER TABLE base_room ADD COLUMN colour text; ALTER TABLE base_room ADD COLUMN unused text;
            UPDATE base_room SET colour = 'red'; CREATE TABLE blog_post (id integer PRIMARY KEY, title text); INSERT INTO blog_post VALUES (1, 'x'), (2, 'y')";
    let source = Source::of(&sql);
    let dry = source.import_with(site, chaupal::import_django::Options { dry_run: true, ..Default::default() });
    let real = source.import(site);
    for report in [&dry, &real] {
        let missing = remarks(report, Kind::NoColumn);
        assert_eq!(
            missing,
            [
                "base_room 0: description; the nearest is \"descriptionn_of_it\"",
                "base_room 0: host_id; the nearest is \"hostt\""
            ]
        );
        let unread = remarks(report, Kind::NotAsked);
        assert_eq!(
            unread,
            [
                "base_room 0: \"descriptionn_of_it\" in 1 row; the nearest is \"description\"",
                "base_room 0: \"hostt\" in 1 row; the nearest is \"host_id\"",
                "base_room 0: \"colour\" in 1 row",
                " 0: \"blog_post\" with 2 rows is no table of a course",
            ]
        );
    }
    let shown = dry.shown(false).to_string();
    assert!(shown.contains("Columns that are not there, read as empty; --map can name others: 2"), "{shown}");
    assert!(shown.contains("  base_room: description; the nearest is \"descriptionn_of_it\"\n"), "{shown}");
});

/// A developers' project with columns of other names, skills that many share, and a recipient who is misspelt.
fn developers() -> Source {
    Source::of(&(people("auth_user", "")
        + "CREATE TABLE users_profile (id char(32) PRIMARY KEY, user_id integer, name text, location text, intro text, about text, profile_pic text,
               github text, social_instagram text, website text);
           CREATE TABLE users_skill (id char(32) PRIMARY KEY, name text, created_at datetime);
           CREATE TABLE users_profile_skills (id integer PRIMARY KEY, profile_id char(32), skill_id char(32));
           CREATE TABLE users_message (id char(32) PRIMARY KEY, sender_id char(32), recepient_id char(32), name text, email text, subject text, body text, is_read bool, created datetime);
           CREATE TABLE project_project (id char(32) PRIMARY KEY, owner_id char(32), title text, desc text, image text, demo_link text, source_link text,
               vote_total integer, vote_ratio integer, created_at datetime);
           CREATE TABLE project_tag (id char(32) PRIMARY KEY, name text, created datetime);
           CREATE TABLE project_project_tags (id integer PRIMARY KEY, project_id char(32), tag_id char(32));
           CREATE TABLE project_review (id char(32) PRIMARY KEY, owner_id char(32), project_id char(32), body text, value text, created datetime);
           INSERT INTO users_profile VALUES ('a0000000000000000000000000000001', 1, 'Asha', 'Pune', 'Weaves', 'All about **asha**', 'user-default.png', 'https://github.com/asha', 'https://instagram.com/asha', 'https://asha.example'),
               ('a0000000000000000000000000000002', 2, 'Ben', '', '', '', 'pictures/ben.png', '', 'https://instagram.com/ben', '');
           INSERT INTO users_skill VALUES ('b0000000000000000000000000000001', 'Dyeing', '2022-01-05 10:00:00'), ('b0000000000000000000000000000002', 'Rust', '2022-01-05 10:00:00');
           INSERT INTO users_profile_skills VALUES (1, 'a0000000000000000000000000000001', 'b0000000000000000000000000000001'),
               (2, 'a0000000000000000000000000000002', 'b0000000000000000000000000000001'), (3, 'a0000000000000000000000000000002', 'b0000000000000000000000000000002');
           INSERT INTO users_message VALUES ('c0000000000000000000000000000001', 'a0000000000000000000000000000002', 'a0000000000000000000000000000001', 'Ben', '', 'Hello', 'there', 0, '2022-04-01 10:00:00');
           INSERT INTO project_project VALUES ('d0000000000000000000000000000001', 'a0000000000000000000000000000001', 'Loom', 'About *it*', 'loom.png', '', '', 1, 100, '2022-03-01 10:00:00');
           INSERT INTO project_tag VALUES ('e0000000000000000000000000000001', 'wood', NULL);
           INSERT INTO project_project_tags VALUES (1, 'd0000000000000000000000000000001', 'e0000000000000000000000000000001');
           INSERT INTO project_review VALUES ('f0000000000000000000000000000001', 'a0000000000000000000000000000002', 'd0000000000000000000000000000001', 'Good', 'up', '2022-03-02 10:00:00');"))
}

both!(developers_with_other_names_and_shared_skills_come_whole, |site| {
    let source = developers();
    let mut report = source.import(site);
    assert_eq!(*report.tally("users_skill"), tally(3, 0, 0, 0));
    assert_eq!(*report.tally("users_message"), tally(1, 0, 0, 0));
    assert_eq!(*report.tally("projects_project"), tally(1, 0, 0, 0));
    assert_eq!(*report.tally("projects_review"), tally(1, 0, 0, 0));
    assert_eq!(*report.tally("projects_project_tags"), tally(1, 0, 0, 0));
    let skills = |name: &str| {
        site.number(&format!(
            "SELECT count(*) FROM skills s JOIN users u ON u.id = s.user_id WHERE u.username = '{name}'"
        ))
    };
    assert_eq!((skills("asha"), skills("ben")), (1, 2));
    assert_eq!(site.text("SELECT u.username || ' ' || p.title || ' ' || p.description FROM projects p JOIN users u ON u.id = p.owner_id"), "asha Loom About *it*");
    assert!(site.text("SELECT created FROM projects").contains("2022-03-01 10:00:00"));
    assert_eq!(site.text("SELECT u.username FROM inbox_messages m JOIN users u ON u.id = m.recipient_id"), "asha");
    let of = |name: &str, column: &str| {
        site.text(&format!(
            "SELECT p.{column} FROM profiles p JOIN users u ON u.id = p.user_id WHERE u.username = '{name}'"
        ))
    };
    assert_eq!(of("asha", "short_intro"), "Weaves");
    assert_eq!(of("asha", "social_github"), "https://github.com/asha");
    assert_eq!(of("asha", "social_website"), "https://asha.example");
    assert_eq!(of("asha", "bio"), "All about **asha**\n\nInstagram: https://instagram.com/asha");
    assert_eq!(of("ben", "social_website"), "https://instagram.com/ben");
    let pictures = remarks(&report, Kind::Picture);
    assert_eq!(pictures.len(), 2, "{pictures:?}");
    assert!(remarks(&report, Kind::NotAsked).is_empty(), "{:?}", report.remarks);
    let before = site.rows(&TOUCHED);
    source.import(site);
    assert_eq!(site.rows(&TOUCHED), before);
});

both!(project_app_before_the_users_app_comes_across, |site| {
    let source = Source::of(
        "CREATE TABLE projects_project (id char(32) PRIMARY KEY, title text, description text, demo_link text, source_link text, created datetime);
         INSERT INTO projects_project VALUES ('d0000000000000000000000000000001', 'Loom', 'About it', '', '', '2022-03-01 10:00:00')",
    );
    let mut report = source.import(site);
    assert_eq!(*report.tally("projects_project"), tally(1, 0, 0, 0));
    assert_eq!(site.number("SELECT count(*) FROM projects WHERE title = 'Loom' AND owner_id IS NULL"), 1);
    let missing = remarks(&report, Kind::NoColumn);
    assert!(missing.iter().any(|text| text.starts_with("projects_project 0: owner_id")), "{missing:?}");
});

both!(project_owned_by_a_person_belongs_to_that_person, |site| {
    let tables = |keys: &str| {
        people("auth_user", "")
            + &format!(
                "CREATE TABLE projects_project (id char(32) PRIMARY KEY, owner_id integer {keys}, title text, description text, created datetime);
                 INSERT INTO projects_project VALUES ('d0000000000000000000000000000001', 2, 'Loom', 'About it', '2022-03-01 10:00:00')"
            )
    };
    Source::of(&tables("")).import(site);
    let owner = "SELECT u.username FROM projects p JOIN users u ON u.id = p.owner_id WHERE p.title = ";
    assert_eq!(site.text(&format!("{owner}'Loom'")), "ben");
    // With profiles beside it the key says at which of the two it points.
    let source = Source::of(&tables("REFERENCES auth_user (id)"));
    source.sql(
        "CREATE TABLE users_profile (id integer PRIMARY KEY, user_id integer REFERENCES auth_user (id), name text, bio text);
         INSERT INTO users_profile VALUES (1, 2, 'Ben', ''), (2, 1, 'Asha', ''); UPDATE projects_project SET id = 'd0000000000000000000000000000002', title = 'Reed'",
    );
    source.import(site);
    assert_eq!(site.text(&format!("{owner}'Reed'")), "ben", "and not whose profile has the number 2");
});

both!(room_hosted_by_a_profile_belongs_to_its_person, |site| {
    let room = "name text, description text, updated datetime, created datetime, host_id bigint REFERENCES base_profile (id), topic_id bigint";
    let profiles = "CREATE TABLE base_profile (id integer PRIMARY KEY, user_id integer REFERENCES auth_user (id), name text, bio text);
                    INSERT INTO base_profile VALUES (1, 2, 'Ben', 'Hi'), (2, 1, 'Asha', '');";
    let source = Source::of(&(people("auth_user", "") + profiles + &rooms("base", room, "name", MESSAGE)));
    source.import(site);
    assert_eq!(site.text("SELECT u.username FROM rooms r JOIN users u ON u.id = r.host_id"), "ben");
});

both!(pointer_at_something_else_gives_nobody_a_room, |site| {
    let room = "name text, description text, updated datetime, created datetime, host_id bigint REFERENCES base_school (id), topic_id bigint";
    let schools =
        "CREATE TABLE base_school (id integer PRIMARY KEY, name text); INSERT INTO base_school VALUES (1, 'A school');";
    let source = Source::of(&(people("auth_user", "") + schools + &rooms("base", room, "name", MESSAGE)));
    let report = source.import(site);
    assert_eq!(site.number("SELECT count(*) FROM rooms WHERE host_id IS NULL"), 1);
    let missing = remarks(&report, Kind::NoColumn);
    assert_eq!(
        missing,
        ["base_room 0: \"host_id\" points at \"base_school\", which holds something else: read as empty"]
    );
});

both!(chat_messages_may_point_at_rooms_and_people, |site| {
    let source = Source::of(&(people("auth_user", "")
        + "CREATE TABLE talk_room (id integer PRIMARY KEY, title text);
           CREATE TABLE talk_message (id integer PRIMARY KEY, message text, created_at datetime, user_id integer, room_id integer);
           INSERT INTO talk_room VALUES (4, 'Maths');
           INSERT INTO talk_message VALUES (1, 'hello', '2021-02-02 10:00:00', 2, 4)"));
    let mut report = source.import(site);
    assert_eq!((*report.tally("chat_room"), *report.tally("chat_message")), (tally(1, 0, 0, 0), tally(1, 0, 0, 0)));
    assert_eq!(site.text("SELECT guest_name || ': ' || body FROM messages"), "ben: hello");
    site.anonymous().get("/chat/Maths").status(200).see("hello");
});

/// Runs the import of a forum, which is no course at all.
fn import(site: &Site, source: &Source, args: &[&str]) -> Ended {
    let path = source.path();
    let path = path.to_string_lossy();
    let args: Vec<&str> = ["import-django", &*path].into_iter().chain(args.iter().copied()).collect();
    run(
        site.folder(),
        &args,
        &[("CHAUPAL_DATABASE__URL", &site.database_url), ("CHAUPAL_DATA_DIR", &site.folder().to_string_lossy())],
    )
}

fn forum() -> Source {
    Source::of(&(people("auth_user", "")
        + "CREATE TABLE forum_area (key integer PRIMARY KEY, label text);
           CREATE TABLE forum_thread (number integer PRIMARY KEY, heading text, opening text, opener integer, area integer, opened datetime, last_post datetime, colour text);
           CREATE TABLE forum_post (id integer PRIMARY KEY, words text, thread integer, writer integer, at datetime, at2 datetime);
           INSERT INTO forum_area VALUES (1, 'Python');
           INSERT INTO forum_thread VALUES (7, 'Beginners', 'Ask anything', 1, 1, '2022-02-01 00:00:00', '2022-02-03 04:05:06', 'red');
           INSERT INTO forum_post VALUES (1, 'hello', 7, 2, '2022-02-02 11:00:00', '2022-02-02 12:00:00');"))
}

const FORUM: &str = r#"
[base_topic]
table = "forum_area"
name = "label"
[base_room]
table = "forum_thread"
name = "heading"
description = "opening"
host_id = "opener"
topic_id = "area"
created = "opened"
updated = "last_post"
ignore = ["colour"]
[base_message]
table = "forum_post"
body = "words"
room_id = "thread"
user_id = "writer"
created = "at"
updated = "at2"
"#;

both!(map_file_brings_any_project, |site| {
    let source = forum();
    import(site, &source, &[]).one_line(1, &["holds no StudyBud", "--draft-map", "--map"]);
    std::fs::write(site.folder().join("map.toml"), FORUM).unwrap();
    let dry = import(site, &source, &["--map", "map.toml", "--dry-run"]);
    assert!(dry.done().out.contains("\"forum_thread\" is read as base_room"), "{}", dry.out);
    assert!(!dry.out.contains("colour"), "{}", dry.out);
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 0);
    import(site, &source, &["--map", "map.toml"]).done();
    has_the_conversation(site);
    let before = site.rows(&TOUCHED);
    import(site, &source, &["--map", "map.toml"]).done();
    assert_eq!(site.rows(&TOUCHED), before);
});

both!(map_file_overrides_what_is_found, |site| {
    let source = Source::of(&(people("auth_user", "") + &rooms("base", ROOM, "name", MESSAGE)));
    source.sql("ALTER TABLE base_room ADD COLUMN long_text text; UPDATE base_room SET long_text = 'Taken instead'");
    std::fs::write(
        site.folder().join("map.toml"),
        "[base_room]\ndescription = \"long_text\"\nignore = [\"description\"]\n[base_message]\nupdated = \"\"",
    )
    .unwrap();
    let done = import(site, &source, &["--map", "map.toml"]);
    assert!(!done.done().out.contains("Columns that are not there"), "{}", done.out);
    assert_eq!(site.text("SELECT description FROM rooms"), "Taken instead");
});

#[test]
fn mistakes_in_a_map_are_one_line_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let source = forum();
    let path = source.path();
    let refused = |text: &str, words: &[&str]| {
        std::fs::write(folder.path().join("map.toml"), text).unwrap();
        run(folder.path(), &["import-django", &path.to_string_lossy(), "--map", "map.toml"], &[]).one_line(1, words);
    };
    refused("[base_rooms]", &["map.toml", "base_rooms", "the nearest is \"base_room\""]);
    refused("[base_room]\ntable = \"forum_thred\"", &["forum_thred", "the nearest is \"forum_thread\""]);
    refused("[base_room]\ntable = \"forum_thread\"\nname = \"headin\"", &["headin", "the nearest is \"heading\""]);
    refused("[base_room]\ntable = \"forum_thread\"\nnames = \"heading\"", &["names", "the nearest is \"name\""]);
    refused("[base_room\n", &["map.toml", "line 1"]);
    refused("base_room = 7", &["base_room must be a table"]);
    run(folder.path(), &["import-django", &path.to_string_lossy(), "--map", "none.toml"], &[])
        .one_line(1, &["none.toml", "No such file"]);
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

both!(drafted_map_is_usable_as_it_is, |site| {
    let room = "names text, desc text, updated_at datetime, created_at datetime, creator_id bigint, category_id bigint, colour text";
    let sql = people("accounts_user", "") + &rooms("myapp", &room.replace(", colour text", ""), "title", MESSAGE);
    let source = Source::of(&sql);
    source.sql("ALTER TABLE myapp_room ADD COLUMN colour text; UPDATE myapp_room SET colour = 'red'");
    let draft = import(site, &source, &["--draft-map"]);
    for line in [
        "[base_room]",
        "table = \"myapp_room\"",
        "name = \"names\"",
        "host_id = \"creator_id\"",
        "# ignore = [\"colour\"]",
    ] {
        assert!(draft.done().out.lines().any(|found| found == line), "{line}\n{}", draft.out);
    }
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 0, "nothing is imported");
    std::fs::write(site.folder().join("map.toml"), &draft.out).unwrap();
    import(site, &source, &["--map", "map.toml"]).done();
    has_the_conversation(site);
});

#[test]
fn draft_of_an_unknown_project_lists_its_tables_and_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let source = forum();
    let path = source.path();
    let draft = run(folder.path(), &["import-django", &path.to_string_lossy(), "--draft-map"], &[]);
    let out = &draft.done().out;
    assert!(out.contains("\"forum_thread\": [\"number\", \"heading\""), "{out}");
    assert!(out.contains("# [base_room]"), "{out}");
    std::fs::write(folder.path().join("map.toml"), out).unwrap();
    run(folder.path(), &["import-django", &path.to_string_lossy(), "--map", "map.toml"], &[])
        .one_line(1, &["holds no StudyBud"]);
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

/// Random values, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn letters(&mut self, count: u64) -> String {
        (0..count).map(|_| char::from(b'a' + u8::try_from(self.below(26)).unwrap())).collect()
    }

    /// A value of any storage class, as SQL.
    fn value(&mut self) -> String {
        match self.below(22) {
            0..=2 => "NULL".into(),
            3..=5 => (1 + self.below(6)).to_string(),
            6 => ["-1", "0", "9223372036854775807", "-9223372036854775808"][usize::try_from(self.below(4)).unwrap()]
                .into(),
            7 => ["1.5", "9e999", "-9e999", "1e-320", "2.0"][usize::try_from(self.below(5)).unwrap()].into(),
            8 => format!("x'{}'", "00ff80c3e2".repeat(usize::try_from(self.below(9)).unwrap())),
            9 => "CAST(x'61ff62c3' AS TEXT)".into(),
            10 => "'a' || char(0) || char(27) || '[31m' || char(155) || char(8238) || 'z'".into(),
            11 => "''".into(),
            12 => "'  '".into(),
            13 => "'2022-02-0' || abs(random() % 9) || ' 10:00:00.5'".into(),
            14 => ["'99999-01-01'", "'0000-00-00'", "'-5000-01-01 00:00:00'", "'2022-02-30 25:61:61'", "'1e9'"]
                [usize::try_from(self.below(5)).unwrap()]
            .into(),
            15 => format!("'{:032x}'", self.below(6)),
            16 => format!("'{}'", self.letters(4000)),
            17 => format!("'{}@example.org'", self.letters(3)),
            18 => "'up'".into(),
            19 => {
                format!("'{}'", ["pbkdf2_sha256$1$$", "argon2$", "$$$", "!"][usize::try_from(self.below(4)).unwrap()])
            }
            20 => "zeroblob(3000)".into(),
            _ => format!("'{}'", self.letters(1)),
        }
    }
}

const EVERY_TABLE: [(&str, &str); 15] = [
    (
        "base_user",
        "password, last_login, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined, bio, name, avatar",
    ),
    ("base_topic", "name"),
    ("base_room", "name, description, updated, created, host_id, topic_id"),
    ("base_room_participants", "room_id, user_id"),
    ("base_message", "body, updated, created, room_id, user_id"),
    (
        "users_profile",
        "user_id, name, email, username, location, short_intro, bio, profile_image, social_github, social_website, social_instagram, created",
    ),
    ("users_skill", "owner_id, name, description, created"),
    ("users_message", "sender_id, recipient_id, name, email, subject, body, is_read, created"),
    (
        "projects_project",
        "owner_id, title, description, featured_image, demo_link, source_link, vote_total, vote_ratio, created",
    ),
    ("projects_tag", "name, created"),
    ("projects_project_tags", "project_id, tag_id"),
    ("projects_review", "owner_id, project_id, body, value, created"),
    ("chat_room", "name"),
    ("chat_message", "value, date, user, room"),
    ("django_migrations", "app, name, applied"),
];

both!(random_cells_are_imported_or_reported, |site| {
    const ROWS: usize = 24;
    for seed in 1..=4 {
        let mut dice = Dice(seed);
        let mut sql = String::new();
        for (table, columns) in EVERY_TABLE {
            sql += &format!("CREATE TABLE {table} (id, {columns});");
            for n in 1..=ROWS {
                // Most have an id of their own, so that others find them.
                let id = if dice.below(5) == 0 { dice.value() } else { n.to_string() };
                let values: Vec<String> = columns.split(',').map(|_| dice.value()).collect();
                sql += &format!("INSERT INTO {table} VALUES ({id}, {});", values.join(", "));
            }
        }
        let source = Source::of(&sql);
        let report = source.import(site);
        for (table, tally) in &report.tables {
            let rows = tally.new + tally.known + tally.merged + tally.skipped;
            assert_eq!(rows, ROWS, "seed {seed}: of {table} each row is imported or reported: {tally:?}");
        }
        let shown = report.shown(true).to_string();
        assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\0']), "seed {seed}: safe for a terminal");
        let before = site.rows(&TOUCHED);
        source.import(site);
        assert_eq!(site.rows(&TOUCHED), before, "seed {seed}: twice is once");
    }
    site.anonymous().get("/").status(200);
    site.anonymous().get("/developers").status(200);
    site.anonymous().get("/projects").status(200);
});

both!(costly_password_hash_becomes_unusable_and_is_reported, |site| {
    let source = Source::small();
    source.sql(
        "UPDATE base_user SET password = 'pbkdf2_sha256$1500001$salt$R4gu+BBd7hwVsCfKeyqFcYNcFKlUhlOaP6wYKUrLt20=' WHERE id = 1;
         UPDATE base_user SET password = 'argon2$argon2id$v=19$m=4194304,t=9,p=8$c2FsdHNhbHRzYWx0$R4gu+BBd7hwVsCfKeyqFcYNcFKlUhlOaP6wYKUrLt20' WHERE id = 2",
    );
    let report = source.import(site);
    assert_eq!(
        remarks(&report, Kind::Password),
        [
            "base_user 1: \"pbkdf2_sha256\", which asks for more work than a login may",
            "base_user 2: \"argon2\", which asks for more work than a login may"
        ]
    );
    assert_eq!(site.number("SELECT count(*) FROM users WHERE password LIKE '!%'"), 2);
});

both!(hostile_names_reach_the_terminal_as_numbers, |site| {
    let source = Source::small();
    source.sql(
        "UPDATE base_user SET username = 'a' || char(27) || ']0;x' || char(155) || char(8238) || 'b', email = '' WHERE id = 1;
         UPDATE base_message SET room_id = char(27) || '[2J' || char(8238)",
    );
    source.sql(
        "CREATE TABLE \"evil\u{1b}[31m\u{9b}\u{202e}\" (x); INSERT INTO \"evil\u{1b}[31m\u{9b}\u{202e}\" VALUES (1)",
    );
    let done = import(site, &source, &["-v"]);
    let said = format!("{}{}", done.done().out, done.err);
    assert!(said.contains("evil") && said.contains("[2J"), "{said}");
    assert!(!said.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{said:?}");
    let hostile = "no\u{1b}[31m\u{9b}\u{202e}.sqlite3";
    for args in [
        vec!["import-django", hostile],
        vec!["--config", hostile, "check"],
        vec![hostile],
        vec!["--profile", hostile, "check"],
        vec!["migrate", hostile],
        vec!["changepassword", hostile],
    ] {
        let ended = run(site.folder(), &args, &[("CHAUPAL_DATABASE__URL", &site.database_url)]);
        let said = format!("{}{}", ended.out, ended.err);
        assert_ne!(ended.code, 0, "{args:?}");
        assert!(!said.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{args:?}: {said:?}");
    }
});

#[test]
fn database_of_a_django_project_is_refused_and_stays_as_it_is() {
    let source = Source::small();
    let folder = source.folder.path();
    let url = format!("sqlite://{}", source.path().display());
    let before = std::fs::read(source.path()).unwrap();
    for command in ["serve", "migrate", "showmigrations", "clearsessions"] {
        run(folder, &[command], &[("DATABASE_URL", &url)])
            .one_line(1, &["Django", "import-django", "database.url", "django_migrations"]);
    }
    let other = Source::of("CREATE TABLE invoices (id integer PRIMARY KEY, sum integer)");
    let url = format!("sqlite://{}", other.path().display());
    run(folder, &["migrate"], &[("DATABASE_URL", &url)]).one_line(1, &["another program (invoices)", "database.url"]);
    assert!(std::fs::read(source.path()).unwrap() == before, "not a byte was changed");
}
