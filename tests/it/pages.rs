//! A page costs at most eight statements, however much is on it.

use std::collections::BTreeMap;

use chaupal::projects::models::review::Vote;

use crate::support::{Person, Site};

/// The rule.
const MOST: i64 = 8;

fn statements(person: &Person<'_>, path: &str) -> i64 {
    let page = person.get(path);
    page.status(200);
    page.header("x-sql-statements").expect("debug pages tell their statements").parse().unwrap()
}

/// Every page with a list or a row, as seen by this person.
fn costs(viewers: &[&Person<'_>], room: i64, message: i64) -> BTreeMap<String, i64> {
    let paths = [
        "/".to_owned(),
        "/?q=craft".into(),
        "/?q=craft&page=2".into(),
        "/topics".into(),
        "/topics?q=c".into(),
        "/activity".into(),
        "/activity?q=craft".into(),
        "/chat".into(),
        "/chat/Market".into(),
        "/developers".into(),
        "/developers?q=craft".into(),
        "/developers/asha".into(),
        "/developers/asha/message".into(),
        "/projects".into(),
        "/projects?q=craft&page=2".into(),
        "/projects/1".into(),
        "/projects/1?page=2".into(),
        "/projects/new".into(),
        "/projects/1/edit".into(),
        "/projects/1/delete".into(),
        "/inbox".into(),
        "/inbox/1".into(),
        "/account/skills".into(),
        "/account/edit".into(),
        "/search".into(),
        "/search?q=word".into(),
        "/search?q=craf".into(),
        "/search?q=raft".into(),
        "/search?q=nothing-has-this".into(),
        "/search?q=word&kind=messages&page=2".into(),
        "/login".into(),
        "/register".into(),
        "/rooms/new".into(),
        format!("/rooms/{room}"),
        format!("/rooms/{room}?before=9999"),
        format!("/rooms/{room}?at={message}"),
        format!("/rooms/{room}/edit"),
        format!("/rooms/{room}/delete"),
        format!("/messages/{message}/edit"),
        format!("/messages/{message}/delete"),
    ];
    let mut costs = BTreeMap::new();
    for viewer in viewers {
        for path in &paths {
            let for_strangers = viewer.id == 0;
            let for_members = ["/rooms/new", "/projects/new", "/inbox", "/account/skills", "/account/edit"];
            let only_hosts = path.contains("/edit") || path.contains("/delete") || path == "/inbox/1";
            let only_others = path == "/developers/asha/message";
            let only_strangers = path == "/login" || path == "/register";
            let for_member = for_members.contains(&path.as_str());
            if (for_strangers && (only_hosts || for_member)) || (!for_strangers && only_strangers) {
                continue;
            }
            if viewer.username != "asha" && only_hosts && !for_member {
                continue;
            }
            if viewer.username == "asha" && only_others {
                continue;
            }
            // Twice: the first look at a room notes that one has looked, and what a search remembers may end before the second.
            let first = statements(viewer, path);
            let second = statements(viewer, path);
            assert!(first <= MOST && second <= MOST, "{path} for {:?} takes {first}, then {second}", viewer.username);
            costs.insert(format!("{} {path}", viewer.username), first.min(second));
        }
    }
    costs
}

fn fill(site: &Site, rooms: usize, messages: usize, people: usize) {
    let asha = site.person("asha");
    let others: Vec<Person<'_>> = (0..people).map(|n| site.person(&format!("person{n}"))).collect();
    for n in 0..rooms {
        let room = site.room(&asha, &format!("Room {n}"), &format!("Craft {}", n % 40));
        for other in others.iter().take(1 + n % 5) {
            site.message(room, other, "a word");
        }
    }
    let market = site.chat_room("Market");
    for n in 0..messages / 4 {
        site.chat_room(&format!("Stall {n}"));
        site.guest_message(market, "Passer-by", &format!("cry {n}"));
    }
    for n in 0..messages {
        site.message(1, &others[n % others.len()], &format!("word {n}"));
    }
    for n in 0..rooms {
        let project = site.project(&asha, &format!("Project {n}"), &["craft", "wood", "clay"]);
        for other in &others {
            site.vote(project, other, Vote::Up);
        }
    }
    for other in others.iter().chain([&asha]) {
        let id = other.id;
        site.sql(&format!(
            "INSERT INTO skills (user_id, name, name_key, description, created) \
             SELECT id, 'Craft of ' || username, 'craft ' || (SELECT count(*) FROM skills), 'word', date_joined FROM users WHERE id = {id}"
        ));
        site.sql(&format!(
            "INSERT INTO inbox_messages (recipient_id, name, subject, body, created) \
             SELECT {}, username, 'Hello', 'word', date_joined FROM users WHERE id = {id}",
            asha.id
        ));
    }
}

both!(no_page_takes_more_than_eight_statements_whatever_the_rows, |site| {
    let (asha, stranger) = (site.person("asha"), site.anonymous());
    fill(site, 3, 3, 2);
    let message = site.message(1, &asha, "hers");
    let (staff, ravi) = (site.staff("staffer"), site.person("ravi"));
    let viewers = [&asha, &stranger, &staff, &ravi];
    let few = costs(&viewers, 1, message);
    fill(site, 60, 200, 50);
    let message = site.message(1, &asha, "hers again");
    let many = costs(&viewers, 1, message);
    let counts = |costs: &BTreeMap<String, i64>| costs.values().copied().collect::<Vec<_>>();
    assert_eq!(counts(&few), counts(&many), "few: {few:#?}\nmany: {many:#?}");
});

both!(an_error_page_is_cheap, |site| {
    let asha = site.person("asha");
    for path in ["/nothing", "/rooms/99", "/developers/nobody", "/messages/7/edit"] {
        let page = asha.get(path);
        page.status(404);
        let count: i64 = page.header("x-sql-statements").unwrap().parse().unwrap();
        assert!(count <= 4, "{path}: {count}");
    }
});
