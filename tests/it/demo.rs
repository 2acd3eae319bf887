//! `demo`: the same people and conversations for the same seed, and nobody's password but one.

use std::collections::HashSet;

use chaupal::accounts::models::{User, look};
use chaupal::accounts::passwords::{Verdict, verify};
use chaupal::demo::{DemoError, Filled, Scale, fill};
use chaupal::kit::db::look_text;
use chaupal::kit::progress::Progress;
use chaupal::schema::{messages, users};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;

use crate::support::{Backend, Site, is_quick};

fn noon() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 3, 10).and_then(|day| day.and_hms_opt(12, 0, 0)).unwrap()
}

fn filled(site: &Site, scale: Scale, seed: u64) -> Filled {
    site.db(|conn| fill(conn, scale, seed, noon(), &mut Progress::silent())).unwrap()
}

/// All that is in the rooms, as one text.
fn content(site: &Site) -> String {
    let list = if site.backend == Backend::Sqlite { "group_concat" } else { "string_agg" };
    let all = |columns: &str, table: &str| {
        let row = columns
            .split(' ')
            .map(|column| format!("coalesce(CAST({column} AS TEXT), '')"))
            .collect::<Vec<_>>()
            .join(" || '|' || ");
        let key = columns.split(' ').take(2).collect::<Vec<_>>().join(", ");
        site.text(&format!("SELECT {list}(line, ';') FROM (SELECT {row} AS line FROM {table} ORDER BY {key}) AS lines"))
    };
    [
        all("id username name date_joined last_login inbox_unread", "users"),
        all(
            "user_id short_intro location bio bio_html social_github social_youtube social_website created",
            "profiles",
        ),
        all("project_id tag_id", "project_tags"),
        all("id user_id name description created", "skills"),
        all("id owner_id title description_html demo_link source_link votes_up vote_total created", "projects"),
        all("id name", "tags"),
        all("id project_id owner_id value body created", "reviews"),
        all("id recipient_id sender_id name email subject body_html created", "inbox_messages"),
        all("id name topic_id host_id last_event lobby_key created updated", "rooms"),
        all("id room_id user_id guest_name body seq version created updated deleted", "messages"),
        all("id room_id user_id joined", "participants"),
        all("id room_id user_id last_seq", "visits"),
    ]
    .join("\n")
}

fn both_databases(test: impl Fn(Backend)) {
    test(Backend::Sqlite);
    if !is_quick() {
        test(Backend::Postgres);
    }
}

#[test]
fn the_demo_person_comes_in_and_finds_people_talking() {
    both_databases(|backend| {
        let site = Site::bare(backend, &[]);
        let Filled { username, password, people, rooms, messages, projects } = filled(&site, Scale::Small, 1);
        assert_eq!((username, people, rooms, projects), ("demo", 6, 5, 8));
        assert_eq!(site.number("SELECT count(*) FROM users"), 6);
        assert_eq!(site.number("SELECT count(*) FROM rooms WHERE lobby_key IS NULL"), 5);
        assert_eq!(site.number("SELECT count(*) FROM profiles"), 6, "each has a profile");
        assert_eq!(site.number("SELECT count(*) FROM projects"), 8);
        assert_eq!(site.number("SELECT sum(vote_total) FROM projects"), site.number("SELECT count(*) FROM reviews"));
        let wrong = "SELECT count(*) FROM projects p WHERE vote_total <> (SELECT count(*) FROM reviews WHERE project_id = p.id) \
                     OR votes_up <> (SELECT count(*) FROM reviews WHERE project_id = p.id AND value = 'up')";
        assert_eq!(site.number(wrong), 0, "the figures fit the votes");
        assert!(site.number("SELECT inbox_unread FROM users WHERE username = 'demo'") > 0);
        let bare = "SELECT (SELECT count(*) FROM profiles WHERE bio <> '' AND bio_html = '') \
                    + (SELECT count(*) FROM projects WHERE description_html = '') \
                    + (SELECT count(*) FROM reviews WHERE body <> '' AND body_html = '')";
        assert_eq!(site.number(bare), 0, "all Markdown is rendered");
        assert_eq!(site.number("SELECT count(*) FROM messages WHERE NOT in_lobby"), i64::try_from(messages).unwrap());
        let bare = "SELECT (SELECT count(*) FROM messages WHERE (body = '') <> (body_html = '')) \
                    + (SELECT count(*) FROM rooms WHERE (description = '') <> (description_html = ''))";
        assert_eq!(site.number(bare), 0, "all that is said is rendered");
        assert_eq!(site.number("SELECT count(*) FROM users WHERE password LIKE '!%'"), 5, "the others cannot log in");
        let demo = site.db(|conn| User::by_username(conn, "demo")).unwrap();
        assert!(demo.is_superuser && demo.is_staff);
        assert_eq!(verify(&password, &demo.password), Verdict::Right);

        site.launch();
        let person = site.anonymous();
        person.log_in("demo", &password).status(303);
        let home = person.get("/");
        home.status(200).see("Borrow checker clinic").see("Chai break");
        let room = site.number("SELECT id FROM rooms WHERE name = 'Borrow checker clinic'");
        person.get(&format!("/rooms/{room}")).status(200).see("items.push(item.renewed());");
        person.get("/developers/sofia").see("Accessibility").see("https://site.example.org/sofia").see("Braille badge");
        let project = site.number("SELECT id FROM projects WHERE title = 'Query kitchen'");
        person.get(&format!("/projects/{project}")).hold("<th>holds</th>").see("dessert");
        person.get("/projects").see("Loom planner").see("अक्षर");
        person.get("/inbox").see("Thursday under the tree").see("Tulika");
        let chat = person.get("/chat/Evening~20maths");
        chat.status(200).see("Tulika").see("The other half are units.");
        assert_eq!(chat.count("badge-guest"), 3);
    });
}

#[test]
fn a_class_is_a_class() {
    both_databases(|backend| {
        let site = Site::bare(backend, &[]);
        filled(&site, Scale::Class, 7);
        if backend == Backend::Postgres {
            let looked = "SELECT count(*) FROM pg_class WHERE relname IN ('messages', 'users') AND reltuples > 0";
            assert_eq!(site.number(looked), 2, "the planner knows what is there");
        }
        let in_order = match backend {
            Backend::Sqlite => "SELECT count(DISTINCT segid) = 1 FROM message_words_idx",
            Backend::Postgres => "SELECT (reltuples > 1000)::int FROM pg_class WHERE relname = 'message_words'",
        };
        assert_eq!(site.number(in_order), 1, "the index of the search is in order");
        assert_eq!(site.number("SELECT count(*) FROM users"), 36);
        assert_eq!(site.number("SELECT count(*) FROM rooms WHERE lobby_key IS NULL"), 24);
        assert_eq!(site.number("SELECT count(*) FROM messages WHERE NOT in_lobby"), 1500);
        assert!(
            site.number("SELECT max(n) FROM (SELECT count(*) AS n FROM messages GROUP BY room_id) AS sizes") >= 400
        );
        assert!(site.number("SELECT count(*) FROM messages WHERE deleted IS NOT NULL") > 0);
        assert!(site.number("SELECT count(*) FROM messages WHERE deleted IS NULL AND version > seq") > 0);
        assert_eq!(site.number("SELECT count(*) FROM projects"), 28);
        assert_eq!(site.number("SELECT count(DISTINCT title_key) FROM projects WHERE title_key NOT LIKE '% 2'"), 28);
        assert!(site.number("SELECT count(*) FROM reviews") >= 100);
        assert!(site.number("SELECT count(*) FROM inbox_messages WHERE sender_id IS NULL AND email <> ''") > 0);
        for odd in [
            "SELECT count(*) FROM users u LEFT JOIN profiles p ON p.user_id = u.id WHERE p.user_id IS NULL OR p.short_intro = '' OR p.created <> u.date_joined",
            "SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM skills s WHERE s.user_id = u.id)",
            "SELECT count(*) FROM projects p WHERE NOT EXISTS (SELECT 1 FROM project_tags t WHERE t.project_id = p.id)",
            "SELECT count(*) FROM projects p WHERE vote_total <> (SELECT count(*) FROM reviews WHERE project_id = p.id)",
            "SELECT count(*) FROM projects p WHERE votes_up <> (SELECT count(*) FROM reviews WHERE project_id = p.id AND value = 'up')",
            "SELECT count(*) FROM projects WHERE vote_ratio <> CASE WHEN vote_total = 0 THEN 0 ELSE votes_up * 100 / vote_total END",
            "SELECT count(*) FROM reviews r JOIN projects p ON p.id = r.project_id WHERE r.owner_id = p.owner_id OR r.created < p.created",
            "SELECT count(*) FROM projects p JOIN users u ON u.id = p.owner_id WHERE p.created < u.date_joined",
            "SELECT count(*) FROM inbox_messages WHERE sender_id = recipient_id OR (sender_id IS NULL) <> (email <> '')",
            "SELECT count(*) FROM users u WHERE inbox_unread <> (SELECT count(*) FROM inbox_messages m WHERE m.recipient_id = u.id AND NOT m.is_read)",
            "SELECT count(*) FROM reviews WHERE created > '2026-03-10 00:00:00' OR (body = '') <> (body_html = '')",
            "SELECT count(*) FROM messages m JOIN rooms r ON r.id = m.room_id WHERE m.version > r.last_event OR m.created < r.created OR m.created > r.updated",
            "SELECT count(*) FROM rooms r WHERE r.last_event <> (SELECT max(version) FROM messages m WHERE m.room_id = r.id)",
            "SELECT count(*) FROM messages m WHERE m.user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM participants p WHERE p.room_id = m.room_id AND p.user_id = m.user_id)",
            "SELECT count(*) FROM rooms r WHERE r.lobby_key IS NULL AND NOT EXISTS (SELECT 1 FROM participants p WHERE p.room_id = r.id AND p.user_id = r.host_id)",
            "SELECT count(*) FROM messages a JOIN messages b ON b.room_id = a.room_id AND b.seq > a.seq AND b.created < a.created",
            "SELECT count(*) FROM messages WHERE created > '2026-03-10 00:00:00' OR updated > '2026-03-10 00:00:00'",
            "SELECT count(*) FROM users u JOIN messages m ON m.user_id = u.id WHERE m.created < u.date_joined",
            "SELECT count(*) FROM messages WHERE body LIKE '%{%}%' AND body LIKE '%{number}%'",
        ] {
            assert_eq!(site.number(odd), 0, "{odd}");
        }
        let members: Vec<User> = site.db(|conn| users::table.load(conn)).unwrap();
        for user in &members {
            assert_eq!((&user.username_look, &user.name_look), (&look_text(&user.username), &look_text(&user.name)));
        }
        let guests: Vec<Option<String>> =
            site.db(|conn| messages::table.select(messages::guest_name).load(conn)).unwrap();
        for guest in guests.into_iter().flatten().collect::<HashSet<_>>() {
            assert!(!site.db(|conn| look::is_called(conn, &guest)).unwrap(), "{guest}");
        }
    });
}

#[test]
fn the_same_seed_tells_the_same_story_on_both_databases() {
    let told = |backend, seed| {
        let site = Site::bare(backend, &[]);
        filled(&site, Scale::Small, seed);
        content(&site)
    };
    let story = told(Backend::Sqlite, 5);
    assert_eq!(told(Backend::Sqlite, 5), story);
    assert_ne!(told(Backend::Sqlite, 6), story);
    if !is_quick() {
        assert_eq!(told(Backend::Postgres, 5), story);
    }
}

#[test]
fn a_database_with_anything_in_it_is_refused() {
    both_databases(|backend| {
        let site = Site::bare(backend, &[]);
        site.person("asha");
        let refused = site.db(|conn| fill(conn, Scale::Small, 1, noon(), &mut Progress::silent()));
        assert!(matches!(refused, Err(DemoError::NotEmpty(1, 0))), "{refused:?}");
        assert_eq!(site.number("SELECT count(*) FROM users"), 1);
        assert_eq!(site.number("SELECT count(*) FROM rooms"), 0);
    });
}
