//! `import-django`: a DevSearch database comes across, with its UUIDs, its wrong figures and its orphans, once.

use std::path::PathBuf;

use chaupal::import_django::report::{Kind, Report};
use chaupal::import_django::{Course, Options, import};
use chaupal::kit::progress::Progress;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use crate::support::imports::{import_with_pictures, put_picture, remarks, tally};
use crate::support::{DJANGO_HASH, Site, words};

const TABLES: &str = "
CREATE TABLE django_migrations (id integer PRIMARY KEY AUTOINCREMENT, app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied datetime NOT NULL);
CREATE TABLE auth_user (id integer PRIMARY KEY AUTOINCREMENT, password varchar(128), last_login datetime, is_superuser bool,
    username varchar(150), last_name varchar(150), email varchar(254), is_staff bool, is_active bool, date_joined datetime, first_name varchar(150));
CREATE TABLE users_profile (id char(32) PRIMARY KEY, user_id integer, name varchar(200), email varchar(500), username varchar(200),
    location varchar(200), short_intro varchar(200), bio text, profile_image varchar(100), social_github varchar(200),
    social_twitter varchar(200), social_linkedin varchar(200), social_youtube varchar(200), social_website varchar(200), created datetime);
CREATE TABLE users_skill (id char(32) PRIMARY KEY, owner_id char(32), name varchar(200), description text, created datetime);
CREATE TABLE users_message (id char(32) PRIMARY KEY, sender_id char(32), recipient_id char(32), name varchar(200), email varchar(200),
    subject varchar(200), body text, is_read bool, created datetime);
CREATE TABLE projects_project (id char(32) PRIMARY KEY, owner_id char(32), title varchar(200), description text, featured_image varchar(100),
    demo_link varchar(2000), source_link varchar(2000), vote_total integer, vote_ratio integer, created datetime);
CREATE TABLE projects_tag (id char(32) PRIMARY KEY, name varchar(200), created datetime);
CREATE TABLE projects_project_tags (id integer PRIMARY KEY AUTOINCREMENT, project_id char(32), tag_id char(32));
CREATE TABLE projects_review (id char(32) PRIMARY KEY, owner_id char(32), project_id char(32), body text, value varchar(200), created datetime);
INSERT INTO django_migrations (app, name, applied) VALUES ('contenttypes', '0001_initial', '2022-01-01 08:00:00.654321');
";

/// The tables of StudyBud, as far as one person needs them.
const STUDYBUD: &str = "
CREATE TABLE django_migrations (id integer PRIMARY KEY, app varchar(255), name varchar(255), applied datetime);
CREATE TABLE base_user (id integer PRIMARY KEY, password varchar(128), last_login datetime, is_superuser bool, username varchar(150),
    email varchar(254), is_staff bool, is_active bool, date_joined datetime, bio text, name varchar(200), avatar varchar(100));
CREATE TABLE base_room (id integer PRIMARY KEY, name varchar(200), description text, updated datetime, created datetime, host_id bigint, topic_id bigint);
INSERT INTO django_migrations VALUES (1, 'contenttypes', '0001_initial', '2022-01-01 08:00:00.111111');
INSERT INTO base_user VALUES (1, 'HASH', NULL, 0, 'asha', 'asha@example.org', 0, 1, '2021-01-01 10:00:00', 'From the rooms', 'Asha', '');
INSERT INTO base_room VALUES (7, 'Beginners', '', '2022-02-03 04:05:06', '2022-02-01 00:00:00', 1, NULL);
";

/// A UUID as Django writes it into SQLite.
fn uuid(kind: u8, n: u8) -> String {
    format!("{kind:02x}{n:02x}c0ffee004d1e8f00ba7cafe00{n:03x}")
}

struct Source {
    folder: tempfile::TempDir,
}

impl Source {
    fn of(sql: &str) -> Self {
        let source = Self { folder: tempfile::tempdir().unwrap() };
        source.sql(sql);
        source
    }

    /// Three people with profiles, projects, reviews.
    fn small() -> Self {
        let source = Self::of(TABLES);
        for (n, name) in [(1, "asha"), (2, "ravi"), (3, "meera")] {
            source.person(n, name, &format!("{name}@example.org"));
        }
        source.project(1, Some(1), "Loom planner");
        source.sql(&format!(
            "INSERT INTO users_skill VALUES ('{}', '{p1}', 'Python', 'Ten years', '2022-02-01 10:00:00'), ('{}', '{p1}', 'PYTHON', '', NULL),
                 ('{}', '{p1}', 'Dyeing', NULL, '2022-02-01 10:00:00');
             INSERT INTO projects_tag VALUES ('{t1}', 'Rust', '2022-02-01 10:00:00'), ('{t2}', 'rust', '2022-02-01 10:00:00'), ('{t3}', 'wood', NULL);
             INSERT INTO projects_project_tags (project_id, tag_id) VALUES ('{j1}', '{t1}'), ('{j1}', '{t2}'), ('{j1}', '{t3}'), ('{j1}', 'nowhere');
             INSERT INTO projects_review VALUES ('{}', '{p2}', '{j1}', 'Fine **work**', 'up', '2022-03-01 10:00:00'),
                 ('{}', '{p3}', '{j1}', NULL, 'down', '2022-03-02 10:00:00'), ('{}', NULL, '{j1}', 'by nobody', 'up', '2022-03-03 10:00:00');
             INSERT INTO users_message VALUES ('{}', '{p2}', '{p1}', 'Ravi', 'ravi@example.org', 'Hello', 'Are **you** there?', 0, '2022-04-01 10:00:00'),
                 ('{}', NULL, '{p1}', 'Passer-by', 'passer@example.org', 'From the road', 'Hi', 1, '2022-04-02 10:00:00'),
                 ('{}', '{p2}', NULL, 'Ravi', '', 'To nobody', 'Hi', 0, '2022-04-03 10:00:00')",
            uuid(2, 1), uuid(2, 2), uuid(2, 3), uuid(5, 1), uuid(5, 2), uuid(5, 3), uuid(6, 1), uuid(6, 2), uuid(6, 3),
            p1 = uuid(1, 1), p2 = uuid(1, 2), p3 = uuid(1, 3), j1 = uuid(3, 1),
            t1 = uuid(4, 1), t2 = uuid(4, 2), t3 = uuid(4, 3),
        ));
        source
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("db.sqlite3")
    }

    fn sql(&self, sql: &str) {
        SqliteConnection::establish(&self.path().to_string_lossy()).unwrap().batch_execute(sql).unwrap();
    }

    fn person(&self, n: u8, username: &str, email: &str) {
        self.sql(&format!(
            "INSERT INTO auth_user VALUES ({n}, '{DJANGO_HASH}', NULL, 0, '{username}', '', '{email}', 0, 1, '2022-01-0{n} 10:00:00', '');
             INSERT INTO users_profile VALUES ('{}', {n}, 'Name of {username}', '{email}', '{username}', 'Pune', 'Intro of {username}',
                 'I **am** {username}', 'profiles/user-default.png', 'https://github.com/{username}', 'javascript:alert(1)', NULL, '', 'example.org/{username}', '2022-01-01 10:00:00')",
            uuid(1, n)
        ));
    }

    fn project(&self, n: u8, owner: Option<u8>, title: &str) {
        let owner = owner.map_or("NULL".to_owned(), |owner| format!("'{}'", uuid(1, owner)));
        self.sql(&format!(
            "INSERT INTO projects_project VALUES ('{}', {owner}, '{title}', 'About *it*', 'default.jpg', 'https://demo.example/{n}', 'ftp://x', 9, 50, '2022-02-0{n} 10:00:00')",
            uuid(3, n)
        ));
    }

    fn import(&self, site: &Site) -> Report {
        self.import_with(site, Options::default())
    }

    fn import_with(&self, site: &Site, options: Options) -> Report {
        let course = Course::open(&self.path()).unwrap();
        site.db(|conn| import(conn, course, options, None, &mut Progress::silent())).unwrap()
    }
}

/// Everything that an import could touch.
const TOUCHED: [&str; 10] = [
    "users",
    "profiles",
    "skills",
    "projects",
    "tags",
    "project_tags",
    "reviews",
    "inbox_messages",
    "rooms",
    "import_ids",
];

both!(people_bring_their_skills_projects_votes_and_letters, |site| {
    let mut report = Source::small().import(site);
    for (table, expected) in [
        ("auth_user", tally(3, 0, 0, 0)),
        ("users_profile", tally(3, 0, 0, 0)),
        ("users_skill", tally(2, 0, 1, 0)),
        ("projects_project", tally(1, 0, 0, 0)),
        ("projects_tag", tally(2, 0, 1, 0)),
        ("projects_project_tags", tally(2, 0, 1, 1)),
        ("projects_review", tally(3, 0, 0, 0)),
        ("users_message", tally(2, 0, 0, 1)),
    ] {
        assert_eq!(*report.tally(table), expected, "{table}");
    }
    assert_eq!(remarks(&report, Kind::Link).len(), 4, "{:?}", report.remarks);
    assert_eq!(remarks(&report, Kind::Recounted).len(), 1);
    let text = report.shown(true).to_string();
    assert!(text.contains("was 50% of 9 votes, is 66% of 3"), "{text}");

    let asha = site.anonymous();
    asha.log_in("asha", "blue-mango-42").status(303);
    let page = asha.get("/developers/asha");
    page.see("Name of asha").see("Intro of asha").see("Pune").see("Ten years").see("Dyeing").see("Loom planner");
    page.hold("<strong>am</strong>").see("https://github.com/asha").see("https://example.org/asha");
    page.see_not("alert(1)");
    let project = site.number("SELECT id FROM projects");
    let page = asha.get(&format!("/projects/{project}"));
    page.see("66").hold("<strong>work</strong>").see("by nobody").see(&words("deleted-user")).hold("<em>it</em>");
    page.see_not("ftp:");
    assert!(site.text("SELECT created FROM projects").contains("2022-02-01 10:00:00"));
    let inbox = asha.get("/inbox");
    inbox.see("Hello").see("From the road").see("Passer-by").see_not("To nobody");
    assert_eq!(site.number("SELECT inbox_unread FROM users WHERE username = 'asha'"), 1);
    // Life goes on: a further vote counts with the others.
    let ravi = site.anonymous();
    ravi.log_in("ravi@example.org", "blue-mango-42").status(303);
    ravi.post(&format!("/projects/{project}/reviews"), &[("value", "down")]).status(303);
    assert_eq!(site.number("SELECT vote_ratio FROM projects"), 33);
});

both!(twice_is_once_and_brings_only_what_is_new, |site| {
    let source = Source::small();
    source.import_with(site, Options { dry_run: true, ..Options::default() });
    assert_eq!(site.number("SELECT count(*) FROM projects"), 0, "a dry run keeps nothing");
    source.import(site);
    let before = site.rows(&TOUCHED);
    // What was changed or deleted here stays so.
    site.sql("UPDATE projects SET title = 'Changed here', title_key = 'changed here'");
    site.sql("UPDATE profiles SET short_intro = 'Said here' WHERE short_intro = 'Intro of ravi'");
    let mut again = source.import(site);
    assert_eq!(site.rows(&TOUCHED), before);
    assert_eq!(*again.tally("projects_review"), tally(0, 3, 0, 0));
    assert_eq!(site.text("SELECT title FROM projects"), "Changed here");
    assert_eq!(site.number("SELECT count(*) FROM profiles WHERE short_intro = 'Said here'"), 1);
    source.project(2, Some(2), "Kiln");
    source.sql(&format!(
        "INSERT INTO projects_review VALUES ('{}', '{}', '{}', '', 'up', '2022-05-01 10:00:00')",
        uuid(5, 9),
        uuid(1, 1),
        uuid(3, 2)
    ));
    let mut more = source.import(site);
    assert_eq!(*more.tally("projects_project"), tally(1, 1, 0, 0));
    assert_eq!(site.number("SELECT vote_ratio FROM projects WHERE title = 'Kiln'"), 100);
    let lost = site.number("SELECT id FROM users WHERE username = 'meera'");
    site.delete(lost);
    source.import(site);
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username = 'meera'"), 0, "nobody is revived");
});

both!(orphans_are_kept_where_a_page_can_show_them, |site| {
    let source = Source::small();
    source.project(2, None, "Nobody made it");
    source.project(3, Some(77), "Its maker is gone");
    source.project(4, Some(2), "");
    source.sql(&format!(
        "INSERT INTO users_profile (id, user_id, name) VALUES ('{}', NULL, 'A ghost');
         INSERT INTO users_skill VALUES ('{}', '{}', 'Haunting', '', NULL), ('{}', 'xyz', 'Nothing', '', NULL);
         INSERT INTO projects_review VALUES ('{}', '{p1}', '{j1}', 'my own', 'up', NULL), ('{}', '{p2}', '{j1}', 'again', 'down', NULL),
             ('{}', '{p2}', '{j2}', 'banana', 'banana', NULL), ('{}', '{p2}', '{}', 'to nothing', 'up', NULL), ('{}', '{p2}', '{j2}', 'UP', ' UP ', NULL);
         INSERT INTO users_message VALUES ('{}', '{p1}', '{p1}', 'Asha', '', '', 'a note to myself', 0, NULL)",
        uuid(1, 9), uuid(2, 8), uuid(1, 9), uuid(2, 9), uuid(5, 4), uuid(5, 5), uuid(5, 6), uuid(5, 7), uuid(3, 99), uuid(5, 8), uuid(6, 9),
        p1 = uuid(1, 1), p2 = uuid(1, 2), j1 = uuid(3, 1), j2 = uuid(3, 2),
    ));
    let mut report = source.import(site);
    assert_eq!(*report.tally("users_profile"), tally(3, 0, 0, 1));
    assert_eq!(*report.tally("users_skill"), tally(2, 0, 1, 2));
    assert_eq!(*report.tally("projects_project"), tally(4, 0, 0, 0));
    assert_eq!(*report.tally("projects_review"), tally(4, 0, 0, 4));
    assert_eq!(*report.tally("users_message"), tally(3, 0, 0, 1));
    assert_eq!(site.number("SELECT count(*) FROM projects WHERE owner_id IS NULL"), 2);
    assert_eq!(
        site.number("SELECT vote_ratio FROM projects WHERE title = 'Loom planner'"),
        66,
        "one's own does not count"
    );
    assert_eq!(site.number("SELECT vote_total FROM projects WHERE title = 'Nobody made it'"), 1);
    site.anonymous().get("/projects").see("Nobody made it").see("Its maker is gone").see("Untitled project");
    let note = site.number("SELECT id FROM inbox_messages WHERE body = 'a note to myself'");
    let asha = site.anonymous();
    asha.log_in("asha", "blue-mango-42").status(303);
    asha.get(&format!("/inbox/{note}")).status(200).see("(no subject)");
    assert!(remarks(&report, Kind::Dangling).len() >= 2, "{:?}", report.remarks);
});

both!(one_address_twice_is_two_people_of_whom_the_first_keeps_it, |site| {
    let source = Source::of(TABLES);
    source.person(1, "asha", "both@example.org");
    source.person(2, "asha2", "BOTH@example.org");
    source.person(3, "silent", "");
    let report = source.import(site);
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username LIKE 'asha%' OR username = 'silent'"), 3);
    assert_eq!(remarks(&report, Kind::EmailLeft).len(), 1);
    for username in ["asha", "asha2", "silent"] {
        let person = site.anonymous();
        person.log_in(username, "blue-mango-42").status(303);
        assert!(person.is_logged_in(), "{username}");
    }
});

both!(studybud_and_devsearch_come_into_one_site_in_either_order, |site| {
    for (round, devsearch_first) in [true, false].into_iter().enumerate() {
        if round > 0 {
            for table in ["import_ids", "rooms", "projects"] {
                site.sql(&format!("DELETE FROM {table}"));
            }
            site.sql("DELETE FROM users WHERE username <> 'boss'");
        }
        let studybud = Source::of(&STUDYBUD.replace("HASH", DJANGO_HASH));
        let devsearch = Source::small();
        let order = if devsearch_first { [&devsearch, &studybud] } else { [&studybud, &devsearch] };
        for source in order {
            source.import(site);
        }
        assert_eq!(
            site.number("SELECT count(*) FROM users WHERE username LIKE 'asha%'"),
            1,
            "one person by the address"
        );
        assert_eq!(
            site.number("SELECT count(*) FROM users u JOIN profiles p ON p.user_id = u.id WHERE username = 'asha'"),
            1
        );
        let page = site.anonymous().get("/developers/asha");
        page.see("Beginners").see("Loom planner").see("Intro of asha");
        // The words of whichever came first stay.
        let first = if devsearch_first { "<strong>am</strong>" } else { "From the rooms" };
        page.hold(first);
    }
});

both!(the_command_refuses_what_is_no_course, |site| {
    let _ = site;
    let other = Source::of("CREATE TABLE auth_user (id integer PRIMARY KEY); CREATE TABLE shop (id integer)");
    let refused = Course::open(&other.path()).err().unwrap().to_string();
    assert!(refused.contains("DevSearch") && refused.contains("auth_user, shop"), "{refused}");
});

both!(uuids_that_were_written_by_hand_are_as_good_as_others, |site| {
    let source = Source::of(TABLES);
    source.person(1, "asha", "asha@example.org");
    for n in 1..=20_u8 {
        // They differ in their last digits alone, or say one digit all the way.
        let id = if n % 2 == 0 { format!("{n:032x}") } else { format!("{:x}", n / 2 + 1).repeat(32) };
        source.sql(&format!(
            "INSERT INTO projects_project (id, owner_id, title, created) VALUES ('{id}', '{}', 'Project {n}', '2022-02-01 10:00:00')",
            uuid(1, 1)
        ));
    }
    let mut report = source.import(site);
    assert_eq!(*report.tally("projects_project"), tally(20, 0, 0, 0));
    assert_eq!(*source.import(site).tally("projects_project"), tally(0, 20, 0, 0));
    // Another spelling of the same one.
    source.sql("UPDATE projects_project SET id = '22222222-2222-2222-2222-222222222222' WHERE id LIKE '2222%'");
    assert_eq!(*source.import(site).tally("projects_project"), tally(0, 20, 0, 0));
    source.sql(
        "UPDATE projects_project SET title = '', id = '0123456789abcdef0123456789ABCDEF' WHERE title = 'Project 6'",
    );
    let shown = source.import(site).shown(true).to_string();
    assert!(shown.contains("projects_project 0123456789abcdef0123456789abcdef: had no title"), "{shown}");
});

both!(an_account_counts_where_its_profile_says_otherwise, |site| {
    let source = Source::of(TABLES);
    source.person(1, "asha", "asha@example.org");
    source.person(2, "ravi", "ravi@example.org");
    let long = format!("https://example.org/{}", "x".repeat(1500));
    source.sql(&format!(
        "UPDATE users_profile SET username = 'admin', email = 'root@example.org', name = NULL, social_twitter = '@asha',
             social_linkedin = 'JAVASCRIPT://example.org/%0aalert(1)', social_website = '{long}' WHERE user_id = 1;
         INSERT INTO users_profile (id, user_id, name, location, short_intro) VALUES ('{}', 1, 'Second name', 'Elsewhere', NULL);
         UPDATE users_profile SET location = NULL WHERE id = '{p1}';
         INSERT INTO auth_user (id, password, username, email, is_active, date_joined) VALUES (3, '!', 'bare', '', 1, '2022-01-01');
         INSERT INTO users_message VALUES ('{}', '{p2}', '{p1}', NULL, '', 'From a member', '', 0, '2022-04-01'),
             ('{}', NULL, '{p1}', ' ', 'who@example.org', 'From a stranger', 'x', 'no', '2022-04-01')",
        uuid(1, 7), uuid(6, 1), uuid(6, 2), p1 = uuid(1, 1), p2 = uuid(1, 2),
    ));
    let mut report = source.import(site);
    assert_eq!(*report.tally("users_profile"), tally(2, 0, 1, 0));
    assert_eq!(remarks(&report, Kind::Differs).len(), 2, "{}", report.shown(true));
    let shown = report.shown(true).to_string();
    assert!(shown.contains("username was \"admin\", the account has \"asha\""), "{shown}");
    assert!(shown.contains("social_twitter was \"@asha\""), "{shown}");
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username = 'admin' OR email_key = 'root@example.org'"), 0);
    let of_asha = |column: &str| {
        site.text(&format!(
            "SELECT {column} FROM profiles p JOIN users u ON u.id = p.user_id WHERE u.username = 'asha'"
        ))
    };
    assert_eq!((of_asha("location").as_str(), of_asha("short_intro").as_str()), ("Elsewhere", "Intro of asha"));
    assert_eq!(of_asha("social_website"), long, "kept whole");
    assert_eq!((of_asha("social_linkedin"), of_asha("social_twitter")), (String::new(), String::new()));
    assert_eq!(of_asha("u.name"), "Second name");
    assert_eq!(site.number("SELECT count(*) FROM users u LEFT JOIN profiles p ON p.user_id = u.id WHERE p.user_id IS NULL AND u.username <> 'boss'"), 0);
    assert_eq!(site.text("SELECT name FROM inbox_messages WHERE subject = 'From a member'"), "Name of ravi");
    assert_eq!(site.text("SELECT name FROM inbox_messages WHERE subject = 'From a stranger'"), "Somebody");
    assert_eq!(*source.import(site).tally("users_profile"), tally(0, 3, 0, 0));
});

both!(hostile_rows_come_across_harmless_and_whole, |site| {
    let source = Source::small();
    let (long, script) = ("क".repeat(20_000), "<script>alert(1)</script>[x](javascript:alert(1))");
    source.sql(&format!(
        "UPDATE users_profile SET bio = '{script}' || char(0), short_intro = '{long}', location = '<b>' || char(0) || 'x', created = 'soon';
         UPDATE users_skill SET name = name || '{long}', description = char(0), created = -1;
         UPDATE projects_tag SET name = '<i>' || name || '{long}';
         UPDATE projects_project SET title = '{long}', description = '{script}', demo_link = 'java' || char(9) || 'script:alert(1)',
             vote_total = 'many', vote_ratio = -7, created = NULL;
         UPDATE projects_review SET body = '{script}' || char(0), created = 'never';
         UPDATE users_message SET body = '{script}{long}', subject = char(0), is_read = 'perhaps', created = x'ff'",
    ));
    source.import(site);
    for (column, table) in [
        ("bio", "profiles"),
        ("short_intro", "profiles"),
        ("location", "profiles"),
        ("title", "projects"),
        ("body", "reviews"),
        ("bio_html", "profiles"),
        ("description_html", "projects"),
        ("body_html", "reviews"),
        ("body_html", "inbox_messages"),
    ] {
        let lost = format!("SELECT count(*) FROM {table} WHERE {column} = ''");
        let kept = format!("SELECT count(*) FROM {table} WHERE {column} <> ''");
        assert!(site.number(&kept) > 0, "{table}.{column}: {} are empty", site.number(&lost));
        if column.ends_with("_html") {
            let live = format!(
                "SELECT count(*) FROM {table} WHERE {column} LIKE '%<script%' OR {column} LIKE '%href=\"javascript%'"
            );
            assert_eq!(site.number(&live), 0, "{table}.{column}");
        }
    }
    assert_eq!(site.number("SELECT count(*) FROM profiles WHERE length(short_intro) = 20000"), 3, "kept whole");
    assert_eq!(site.number("SELECT length(title) FROM projects"), 20_000);
    assert_eq!(site.number("SELECT count(*) FROM projects WHERE demo_link <> ''"), 0);
    assert_eq!(site.number("SELECT count(*) FROM inbox_messages WHERE subject = '(no subject)'"), 2);
    assert_eq!(site.number("SELECT vote_ratio FROM projects"), 66);
    let project = site.number("SELECT id FROM projects");
    for page in ["/projects", "/developers", "/developers/asha", &format!("/projects/{project}")] {
        let page = site.anonymous().get(page);
        assert!(!page.status(200).body.contains("<script>alert") && !page.body.contains("<i>"), "inert");
    }
    let before = site.rows(&TOUCHED);
    source.import(site);
    assert_eq!(site.rows(&TOUCHED), before);
});

both!(two_databases_with_the_same_beginning_and_one_person, |site| {
    // Who came with StudyBud and said something of himself there, finds it also when DevSearch was first and silent.
    let devsearch = Source::small();
    devsearch.sql("UPDATE users_profile SET bio = NULL WHERE user_id = 1");
    devsearch.import(site);
    let studybud = Source::of(&STUDYBUD.replace("HASH", DJANGO_HASH));
    studybud.import(site);
    let asha = "SELECT bio FROM profiles p JOIN users u ON u.id = p.user_id WHERE u.username = 'asha'";
    assert_eq!(site.text(asha), "From the rooms");

    // Two pupils began with the same file; their people are others.
    let twin = Source::of(TABLES);
    twin.person(1, "dina", "dina@example.org");
    twin.person(2, "egon", "egon@example.org");
    twin.project(1, Some(2), "Of the twin");
    twin.sql("UPDATE auth_user SET date_joined = '2022-06-01 10:00:00'");
    let mut report = twin.import(site);
    assert_eq!(*report.tally("auth_user"), tally(2, 0, 0, 0));
    assert_eq!(*report.tally("projects_project"), tally(1, 0, 0, 0));
    assert_eq!(site.number("SELECT count(*) FROM projects p JOIN users u ON u.id = p.owner_id WHERE u.username = 'egon' AND p.title = 'Of the twin'"), 1);
    let before = site.rows(&TOUCHED);
    for source in [&devsearch, &studybud, &twin] {
        source.import(site);
    }
    assert_eq!(site.rows(&TOUCHED), before);
});

both!(pictures_of_people_and_projects_come_along, |site| {
    let source = Source::small();
    source.sql(&format!(
        "UPDATE users_profile SET profile_image = 'profiles/asha.png' WHERE id = '{}';
         UPDATE projects_project SET featured_image = 'loom.png'",
        uuid(1, 1)
    ));
    let media = source.folder.path().join("static/images");
    put_picture(&media.join("profiles/asha.png"), 10);
    put_picture(&media.join("loom.png"), 20);
    let mut report = import_with_pictures(site, &source.path(), &media, Options::default());
    assert_eq!(*report.tally("users_profile.profile_image"), tally(1, 0, 0, 0));
    assert_eq!(*report.tally("projects_project.featured_image"), tally(1, 0, 0, 0));
    assert!(site.text("SELECT picture FROM users WHERE username = 'asha'").starts_with("avatar/"));
    assert!(site.text("SELECT featured_image FROM projects").ends_with("-400x300.jpg"));
    site.anonymous().get("/projects").status(200).hold("<img").hold("cover&#x2F;");
    let before = site.rows(&["pictures", "import_ids"]);
    let again = import_with_pictures(site, &source.path(), &media, Options::default());
    assert!(remarks(&again, Kind::Picture).is_empty());
    assert_eq!(site.rows(&["pictures", "import_ids"]), before, "twice is once");
});

both!(a_profile_says_what_somebody_is_called, |site| {
    let source = Source::small();
    source.sql(&format!(
        "UPDATE auth_user SET first_name = 'Old', last_name = 'Name' WHERE id IN (1, 2);
         UPDATE users_profile SET name = '' WHERE id = '{}'",
        uuid(1, 2)
    ));
    source.import(site);
    assert_eq!(site.text("SELECT name FROM users WHERE username = 'asha'"), "Name of asha");
    assert_eq!(site.text("SELECT name FROM users WHERE username = 'ravi'"), "Old Name");
});

both!(names_of_thousands_of_letters_stop_nothing, |site| {
    let source = Source::small();
    let mut seed = 7_u64;
    let letters: String = (0..4000)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'a' + u8::try_from(seed >> 33 & 15).unwrap())
        })
        .collect();
    source.sql(&format!("UPDATE projects_project SET title = '{letters}'; UPDATE projects_tag SET name = '{letters}' WHERE name = 'wood'"));
    let report = source.import(site);
    assert_eq!(site.text("SELECT title FROM projects"), letters, "kept whole");
    assert_eq!(site.number("SELECT max(length(name)) FROM tags"), 300);
    assert_eq!(remarks(&report, Kind::Mended).len(), 1, "{:?}", report.remarks);
});
