//! Rooms: what they do, row by row.

use chaupal::kit::i18n::Text;
use chaupal::kit::time::iso;
use chaupal::schema::{messages, rooms};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use crate::support::{Answer, PASSWORD, Request, Site, percent, says, words};

fn times(site: &Site, room: i64) -> (NaiveDateTime, NaiveDateTime) {
    site.db(|conn| rooms::table.find(room).select((rooms::created, rooms::updated)).first(conn)).unwrap()
}

/// Names of the cards on a page, in their order.
fn cards(page: &Answer) -> Vec<String> {
    let names = page.body.split("class=\"room-card-name\"><a href=\"").skip(1);
    names.filter_map(|rest| Some(rest.split_once('>')?.1.split_once('<')?.0.to_owned())).collect()
}

fn room_path(answer: &Answer) -> String {
    let path = answer.location();
    assert!(path.starts_with("/rooms/"), "{path}");
    path
}

both!(a_room_is_opened_changed_and_deleted, |site| {
    let asha = site.person("asha");
    let form = asha.get("/rooms/new");
    form.status(200);
    let fields = [("name", "  Weavers  of the\tvalley "), ("topic", "Handloom"), ("description", "Warp\r\nand weft")];
    let path = room_path(&asha.post("/rooms/new", &fields));
    let page = asha.get(&path);
    page.status(200).see("Weavers of the valley").see("Handloom").hold("Warp<br />\nand weft").see(&words("host"));
    let id: i64 = path.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(
        site.number(&format!("SELECT count(*) FROM participants WHERE room_id = {id}")),
        1,
        "the host takes part"
    );

    let (created, updated) = times(site, id);
    let edit = asha.get(&format!("{path}/edit"));
    assert_eq!(edit.field("name").as_deref(), Some("Weavers of the valley"));
    assert_eq!(edit.field("topic").as_deref(), Some("Handloom"));
    asha.post(&format!("{path}/edit"), &[("name", "Spinners"), ("topic", "HANDLOOM"), ("description", "")])
        .leads_to(&path);
    let (created_after, updated_after) = times(site, id);
    assert_eq!(created, created_after);
    assert!(updated_after > updated);
    asha.get(&path).see("Spinners").see("Handloom").see_not("Weavers of");
    assert_eq!(site.number("SELECT count(*) FROM topics"), 1, "a topic's case does not matter");

    asha.get(&format!("{path}/delete")).status(200).see("Spinners");
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 1, "looking deletes nothing");
    asha.message_in(id);
    asha.post(&format!("{path}/delete"), &[]).leads_to("/");
    asha.get(&path).status(404);
    assert_eq!(site.number("SELECT (SELECT count(*) FROM rooms) + (SELECT count(*) FROM messages)"), 0);
});

impl crate::support::Person<'_> {
    fn message_in(&self, room: i64) {
        self.post(&format!("/rooms/{room}/messages"), &[("body", "a word")]).status(303);
    }
}

both!(topics_are_the_same_whatever_their_case_or_composition, |site| {
    let asha = site.person("asha");
    for topic in ["Élan vital", " ÉLAN  VITAL", "e\u{301}lan vital", "हिन्दी", "हिन्दी "] {
        asha.post("/rooms/new", &[("name", "A room"), ("topic", topic)]).status(303);
    }
    assert_eq!(site.number("SELECT count(*) FROM topics"), 2);
    let page = asha.get("/topics");
    page.status(200).see("Élan vital").see("हिन्दी").see(&says(Text::new("rooms-count").with("count", 3_i64)));
});

both!(missing_and_odd_ids_are_not_found, |site| {
    let asha = site.person("asha");
    for id in ["99", "0", "-1", "banana", "1e3", "99999999999999999999", "%00", "1%2F2", "१"] {
        for path in [
            format!("/rooms/{id}"),
            format!("/rooms/{id}/edit"),
            format!("/rooms/{id}/delete"),
            format!("/rooms/{id}/events"),
            format!("/messages/{id}/edit"),
            format!("/messages/{id}/delete"),
        ] {
            asha.get(&path).status(404);
        }
        for path in [
            format!("/rooms/{id}/edit"),
            format!("/rooms/{id}/delete"),
            format!("/rooms/{id}/messages"),
            format!("/rooms/{id}/leave"),
            format!("/rooms/{id}/away"),
            format!("/rooms/{id}/participants/asha/remove"),
            format!("/rooms/{id}/participants/asha/restore"),
            format!("/messages/{id}/edit"),
            format!("/messages/{id}/delete"),
        ] {
            asha.post(&path, &[("name", "x"), ("topic", "y"), ("body", "z")]).status(404);
        }
    }
    for path in ["/developers/nobody", "/developers/%00", "/developers/a%2Fb", "/projects/x", "/projects/99"] {
        asha.get(path).status(404);
    }
});

both!(home_finds_by_topic_name_and_description, |site| {
    let asha = site.person("asha");
    let open = |name: &str, topic: &str, description: &str| {
        asha.post("/rooms/new", &[("name", name), ("topic", topic), ("description", description)]).status(303);
    };
    open("Straße nach Süden", "Reisen", "");
    open("हिन्दी कविता", "भाषा", "छंद और लय");
    open("Rust", "Rust", "all about rust, Rust and RUST");
    open("Sales 100%", "Numbers", "snake_case");
    open("Sales 100 rupees", "Numbers", "snakeXcase");
    open("ΟΔΥΣΣΕΥΣ", "Greek", "");
    let found = |q: &str| {
        let page = asha.get(&format!("/?q={}", percent(q)));
        let key = if q.is_empty() { "rooms-count" } else { "rooms-found" };
        page.status(200).see(&says(Text::new(key).with("count", i64::try_from(cards(&page).len()).unwrap())));
        cards(&page)
    };
    assert_eq!(found("rust"), ["Rust"], "one card, though all three fields match");
    assert_eq!(found("REISEN"), ["Straße nach Süden"]);
    assert_eq!(found("süDEN"), ["Straße nach Süden"]);
    assert_eq!(found("su\u{308}den"), ["Straße nach Süden"], "composed or not");
    assert_eq!(found("कविता"), ["हिन्दी कविता"]);
    assert_eq!(found("छंद"), ["हिन्दी कविता"]);
    assert_eq!(found("οδυσ"), ["ΟΔΥΣΣΕΥΣ"]);
    assert_eq!(found("%"), ["Sales 100%"]);
    assert_eq!(found("100%"), ["Sales 100%"]);
    assert_eq!(found("snake_case"), ["Sales 100%"]);
    assert_eq!(found("numbers").len(), 2);
    assert!(found("\\").is_empty() && found("_%").is_empty() && found("' OR 1=1 --").is_empty());
    assert_eq!(found("  rust  "), ["Rust"]);
    assert_eq!(found("").len(), 6);
    // A topic's link finds its rooms, whatever is in its name.
    asha.get("/").see("/?q=Numbers");
    asha.get("/?q=Numbers").hold("aria-current=\"true\"");
    for q in ["%00", "%FF%FE", &"%25".repeat(300), &"a".repeat(5000), "NEAR(", "*", "%27%22%3B"] {
        asha.get(&format!("/?q={q}")).status(200);
        asha.get(&format!("/topics?q={q}")).status(200);
        asha.get(&format!("/activity?q={q}")).status(200);
    }
});

both!(pages_count_all_and_keep_the_search, |site| {
    let asha = site.person("asha");
    for n in 0..25 {
        site.room(&asha, &format!("Loom {n:02}"), "A&B");
    }
    site.room(&asha, "Odd one", "Else");
    let first = asha.get("/?q=A%26B");
    first.see(&says(Text::new("rooms-found").with("count", 25_i64)));
    assert_eq!(cards(&first).len(), 10);
    first.hold("href=\"&#x2F;?q=A%26B&amp;page=2\"");
    let mut all: Vec<String> = Vec::new();
    for page in 1..=3 {
        all.extend(cards(&asha.get(&format!("/?q=A%26B&page={page}"))));
    }
    assert_eq!(all, (0..25).rev().map(|n| format!("Loom {n:02}")).collect::<Vec<_>>(), "newest first, each once");
    let at = |page: &str| cards(&asha.get(&format!("/?q=A%26B&page={page}")));
    assert_eq!(at("banana"), at("1"));
    assert_eq!(at("-4"), at("1"));
    assert_eq!(at("0"), at("1"));
    assert_eq!(at("99999"), at("3"));
    assert_eq!(at("99999999999999999999999"), at("3"));
    assert_eq!(at(""), at("1"));
    asha.get("/?page=2&page=3&q=a&q=b").status(200);
});

both!(rooms_are_ordered_by_what_happened_last, |site| {
    let asha = site.person("asha");
    let first = site.room(&asha, "First", "T");
    site.room(&asha, "Second", "T");
    let names = || cards(&asha.get("/"));
    assert_eq!(names(), ["Second", "First"]);
    asha.message_in(first);
    assert_eq!(names(), ["First", "Second"]);
    let (created, updated) = times(site, first);
    assert!(updated > created);
});

both!(posting_joins_once_and_comes_back, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let path = format!("/rooms/{room}");
    for text in ["first words", "second\r\n\r\nwords  ", "तीसरा 🪷"] {
        let answer = ravi.post(&format!("{path}/messages"), &[("body", text)]);
        answer.status(303);
        assert!(answer.location().starts_with(&format!("{path}#message-")), "{}", answer.location());
    }
    assert_eq!(site.number(&format!("SELECT count(*) FROM participants WHERE user_id = {}", ravi.id)), 1);
    let page = ravi.get(&path);
    page.see("first words").hold("<p>second</p>\n<p>words</p>").see("तीसरा 🪷");
    let order: Vec<usize> =
        ["first words", "second", "तीसरा"].iter().map(|text| page.body.find(text).unwrap()).collect();
    assert!(order.is_sorted(), "oldest first");
    for blank in ["", "   ", "\r\n\t", "\u{200b}\u{200b}", "\u{3164}"] {
        let page = ravi.post(&format!("{path}/messages"), &[("body", blank)]);
        page.status(422).see(&words("error-required"));
    }
    ravi.post(&format!("{path}/messages"), &[]).status(422);
    assert_eq!(site.number("SELECT count(*) FROM messages"), 3);

    let stranger = site.anonymous();
    let page = stranger.get(&path);
    page.status(200).see("first words").see(&words("room-login"));
    assert!(!page.body.contains("id=\"composer\""));
    let answer = stranger.post(&format!("{path}/messages"), &[("body", "let me in")]);
    answer.leads_to_login();
    stranger.post("/login", &[("login", "ravi"), ("password", PASSWORD), ("next", &path)]).leads_to(&path);
    assert_eq!(site.number("SELECT count(*) FROM messages"), 3);
});

both!(older_messages_come_by_a_link, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let ids: Vec<i64> = (1..=120).map(|n| site.message(room, &asha, &format!("thread {n:03}."))).collect();
    let mut shown: Vec<i64> = Vec::new();
    let mut path = format!("/rooms/{room}");
    let mut pages = 0;
    loop {
        let page = asha.get(&path);
        page.status(200);
        let here = page.messages();
        assert!(here.is_sorted() && here.len() <= 50);
        shown.splice(0..0, here);
        pages += 1;
        let Some(older) = page.body.split("data-older=\"").nth(1).and_then(|rest| rest.split('"').next()) else {
            break;
        };
        path = older.replace("&#x2F;", "/");
    }
    assert_eq!(shown, ids, "each once, in order");
    assert_eq!(pages, 3);
    assert_eq!(asha.get(&format!("/rooms/{room}")).messages(), ids[70..]);
    let middle = ids[10];
    assert!(asha.get(&format!("/rooms/{room}?at={middle}")).messages().contains(&middle));
    for odd in [
        "before=banana",
        "before=-5",
        "before=0",
        "at=banana",
        "at=99999",
        "before=9223372036854775807",
        "at=9223372036854775807",
    ] {
        asha.get(&format!("/rooms/{room}?{odd}")).status(200);
    }
});

both!(unread_messages_are_counted_and_marked, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let path = format!("/rooms/{room}");
    let unread = |count: i64| says(Text::new("room-unread").with("count", count));
    site.message(room, &ravi, "one");
    asha.get("/").see_not("class=\"unread\"");
    asha.get(&path).see_not("id=\"unread\"");
    site.message(room, &ravi, "two");
    let three = site.message(room, &ravi, "three");
    site.message(room, &asha, "my own");
    asha.get("/").see_not("class=\"unread\"");

    site.message(room, &ravi, "four");
    let five = site.message(room, &ravi, "five");
    asha.get("/").hold("class=\"unread\"").see(&unread(2));
    ravi.get("/").see_not("class=\"unread\"");
    let page = asha.get(&path);
    page.hold("id=\"unread\"").see(&says(Text::new("unread-line").with("count", 2_i64)));
    let line = page.body.find("id=\"unread\"").unwrap();
    assert!(page.body.find("my own").unwrap() < line && line < page.body.find("four").unwrap());
    asha.get("/").see_not("class=\"unread\"");
    asha.get(&path).see_not("id=\"unread\"");

    // Who deletes takes the count back; who closes a window says how far he read.
    let six = site.message(room, &ravi, "six");
    asha.get("/").see(&unread(1));
    ravi.post(&format!("/messages/{six}/delete"), &[]).status(303);
    asha.get("/").see_not("class=\"unread\"");
    site.message(room, &ravi, "seven");
    let reached = site.text(&format!("SELECT last_event FROM rooms WHERE id = {room}"));
    asha.post(&format!("{path}/away"), &[("seen", &reached)]).status(204);
    asha.get("/").see_not("class=\"unread\"");
    asha.post(&format!("{path}/away"), &[("seen", "999999")]).status(204);
    site.message(room, &ravi, "eight");
    asha.get("/").see(&unread(1));
    assert!(three < five);
});

both!(the_host_takes_people_out_and_lets_them_in, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let path = format!("/rooms/{room}");
    ravi.message_in(room);
    let remove = format!("{path}/participants/RAVI/remove");
    let restore = format!("{path}/participants/ravi/restore");
    asha.get(&path).hold("/participants/ravi/remove");
    ravi.post(&remove, &[]).status(403);
    ravi.get(&path).see_not("/participants/");

    asha.post(&remove, &[]).leads_to(&path);
    let page = ravi.get(&path);
    page.status(200).see("a word").see(&words("room-removed"));
    assert!(!page.body.contains("id=\"composer\""));
    assert!(!page.body.contains(&format!("<li data-person=\"{}\"", ravi.id)), "he left the list");
    ravi.post(&format!("{path}/messages"), &[("body", "still here")]).status(403);
    ravi.say(room, "still here", "abcdefgh-1").status(403);
    ravi.post(&format!("{path}/leave"), &[]);
    ravi.post(&format!("{path}/messages"), &[("body", "by leaving")]).status(403);
    assert_eq!(site.number("SELECT count(*) FROM messages"), 1);
    asha.get(&path).see(&words("banned")).hold("/participants/ravi/restore");
    site.staff("staffer").post(&restore, &[]).leads_to(&path);
    ravi.message_in(room);
    assert!(ravi.get(&path).body.contains(&format!("<li data-person=\"{}\"", ravi.id)));

    asha.post(&format!("{path}/participants/asha/remove"), &[]).status(403);
    asha.post(&format!("{path}/participants/nobody/remove"), &[]).status(404);
    let kavi = site.person("kavi");
    asha.post(&format!("{path}/participants/kavi/remove"), &[]).status(404);
    kavi.message_in(room);
});

both!(one_leaves_by_oneself_and_may_come_back, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    ravi.message_in(room);
    let joined = || site.number(&format!("SELECT count(*) FROM participants WHERE user_id = {}", ravi.id));
    assert_eq!(joined(), 1);
    ravi.get(&format!("/rooms/{room}/leave")).status(405);
    ravi.post(&format!("/rooms/{room}/leave"), &[]).leads_to(&format!("/rooms/{room}"));
    assert_eq!(joined(), 0);
    ravi.post(&format!("/rooms/{room}/leave"), &[]).leads_to(&format!("/rooms/{room}"));
    ravi.message_in(room);
    assert_eq!(joined(), 1);
});

both!(messages_are_changed_and_deleted_by_whom_they_belong_to, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let id = site.message(room, &ravi, "frist words");
    let (edit, delete) = (format!("/messages/{id}/edit"), format!("/messages/{id}/delete"));
    ravi.get(&format!("/rooms/{room}")).hold(&format!("/messages/{id}/edit"));
    ravi.get(&edit).status(200).see("frist words");
    ravi.post(&edit, &[("body", " ")]).status(422);
    ravi.post(&edit, &[("body", "first words")]).leads_to(&format!("/rooms/{room}#message-{id}"));
    let page = asha.get(&format!("/rooms/{room}"));
    page.see("first words").see(&words("message-edited")).see_not("frist");
    assert_eq!(site.number(&format!("SELECT version * 10 + seq FROM messages WHERE id = {id}")), 21);
    assert_eq!(site.number(&format!("SELECT last_event FROM rooms WHERE id = {room}")), 2);

    ravi.get(&delete).status(200).see("first words");
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE deleted IS NULL"), 1);
    ravi.post(&delete, &[]).leads_to(&format!("/rooms/{room}"));
    asha.get(&format!("/rooms/{room}")).see_not("first words");
    asha.get("/activity").see_not("first words");
    for path in [&edit, &delete] {
        ravi.get(path).status(404);
        ravi.post(path, &[("body", "again")]).status(404);
    }
    let row = site
        .text(&format!("SELECT body || ',' || coalesce(user_id, 0) || ',' || version FROM messages WHERE id = {id}"));
    assert_eq!(row, ",0,3", "a tombstone without words or author");
});

both!(a_person_who_goes_takes_his_words_and_leaves_his_rooms, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&ravi, "Ravi's room", "Craft");
    let other = site.room(&asha, "Asha's room", "Craft");
    for room in [room, other] {
        site.message(room, &ravi, "ravi speaks");
        site.message(room, &asha, "asha speaks");
        site.message(room, &ravi, "ravi again");
    }
    let old_cookie = site.person("ravi");
    site.delete(ravi.id);
    for room in [room, other] {
        assert_eq!(site.number(&format!("SELECT last_event FROM rooms WHERE id = {room}")), 5);
        assert_eq!(
            site.text(&format!(
                "SELECT count(DISTINCT version) || '/' || max(version) || '/' || count(deleted) FROM messages WHERE room_id = {room}"
            )),
            "3/5/2"
        );
    }
    for viewer in [&asha, &site.anonymous(), &site.staff("staffer"), &old_cookie] {
        for path in ["/", "/topics", "/activity", "/rooms/1", "/rooms/2", "/developers/asha", "/?q=craft"] {
            viewer.get(path).status(200).see_not("ravi speaks").see_not("ravi again");
        }
        viewer.get("/developers/ravi").status(404);
        viewer.get(&format!("/rooms/{room}")).see(&words("deleted-user")).see("asha speaks").see("Ravi's room");
    }
    asha.get(&format!("/rooms/{room}/edit")).status(403);
    site.staff("staffer").get(&format!("/rooms/{room}/edit")).status(200);
    asha.message_in(room);
    let replay = asha.listen(&format!("/rooms/{other}/events?after=0")).take(3);
    assert_eq!(replay.iter().filter(|heard| heard.event == "delete").count(), 2);
});

both!(short_texts_are_fifty_whole_characters, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let text = "क्षि🪷".repeat(30);
    site.message(room, &asha, &text);
    let short: String = text.chars().take(50).collect();
    let longer: String = text.chars().take(51).collect();
    asha.get("/activity").see(&short).see_not(&longer);
    asha.get("/").see(&short);
    asha.get("/developers/asha").see(&short);
});

both!(the_activity_is_newest_first_and_filtered_like_home, |site| {
    let asha = site.person("asha");
    let looms = site.room(&asha, "Looms", "Handloom");
    let kites = site.room(&asha, "Kites", "Sky");
    for n in 0..40 {
        site.message(looms, &asha, &format!("loom word {n:02}"));
    }
    site.message(kites, &asha, "kite word");
    let page = asha.get("/activity");
    page.see("kite word").see("loom word 39");
    assert!(page.body.find("kite word") < page.body.find("loom word 39"));
    assert_eq!(page.count("class=\"activity-item\""), 30);
    asha.get("/activity?page=2").see("loom word 00");
    asha.get("/activity?q=HANDLOOM").see("loom word 39").see_not("kite word").hold("q=HANDLOOM&amp;page=2");
    asha.get("/?q=sky").see("kite word").see_not("loom word");
});

both!(a_person_has_a_page, |site| {
    let asha = site.person("Asha.Rao");
    let ravi = site.person("ravi");
    let room = site.room(&asha, "Looms", "Handloom");
    site.room(&ravi, "Kites", "Sky");
    site.message(room, &asha, "my words");
    site.message(room, &ravi, "his words");
    for path in ["/developers/Asha.Rao", "/developers/asha.rao"] {
        let page = site.anonymous().get(path);
        page.status(200).see("Asha.Rao").see("Looms").see("my words").see_not("his words");
        assert_eq!(cards(&page), ["Looms"]);
        page.see_not("asha.rao@example.org").see(">AR<".trim_matches(['>', '<']));
    }
    let named = site.person("हिन्दी");
    named.get(&named.url()).status(200).see("हिन्दी").see(&words("person-self"));
});

both!(go_back_leads_to_our_own_page, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let host = format!("127.0.0.1:{}", site.port());
    let back = |referer: &str| {
        let page = asha.send(Request::new("GET", &format!("/rooms/{room}/edit")).header("Referer", referer));
        let rest = page.status(200).body.split("class=\"back-link\" href=\"").nth(1).unwrap().to_owned();
        rest.split('"').next().unwrap().replace("&#x2F;", "/").replace("&amp;", "&")
    };
    assert_eq!(back(&format!("http://{host}/?q=a&page=2")), "/?q=a&page=2");
    assert_eq!(back(&format!("http://{host}/rooms/{room}")), format!("/rooms/{room}"));
    assert_eq!(back(&format!("http://{host}")), "/");
    for elsewhere in [
        "https://evil.example/".to_owned(),
        format!("http://{host}.evil.example/x"),
        format!("http://{host}//evil.example/"),
        format!("http://{host}/\\evil.example/"),
        format!("http://{host}/rooms/{room}/edit"),
        format!("http://{host}/login?next=/"),
        "javascript:alert(1)".to_owned(),
    ] {
        assert_eq!(back(&elsewhere), "/", "{elsewhere}");
    }
});

both!(times_are_exact_and_in_utc, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let before = chaupal::kit::time::now() - TimeDelta::milliseconds(1);
    asha.message_in(room);
    let after = chaupal::kit::time::now() + TimeDelta::milliseconds(1);
    let created: NaiveDateTime = site.db(|conn| messages::table.select(messages::created).first(conn)).unwrap();
    assert!(before < created && created < after);
    asha.get(&format!("/rooms/{room}")).hold(&format!("datetime=\"{}\"", iso(created)));
});

both!(the_same_message_sent_twice_stands_once, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let first = asha.say(room, "once", "5f0c3f4e-0001");
    first.status(201);
    let again = asha.say(room, "once", "5f0c3f4e-0001");
    again.status(200);
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(first.json()["seq"], again.json()["seq"]);
    ravi.say(room, "mine", "5f0c3f4e-0001").status(201);
    asha.say(room, "no id", "").status(201);
    asha.say(room, "no id", "").status(201);
    assert_eq!(site.number("SELECT count(*) FROM messages"), 4);
    assert_eq!(site.number(&format!("SELECT last_event FROM rooms WHERE id = {room}")), 4);
});

both!(a_script_gets_json, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let told = asha.say(room, "<b>hello</b>", "");
    told.status(201);
    let json = told.json();
    assert_eq!(json["event"], 1);
    assert_eq!(json["seq"], 1);
    assert_eq!(json["room"], room);
    assert_eq!(json["user"], asha.id);
    assert!(json["created"].as_str().unwrap().ends_with('Z'));
    let html = json["html"].as_str().unwrap();
    assert!(html.contains("&lt;b&gt;hello") && !html.contains("<b>hello"), "{html}");
    let blank = asha.say(room, "  ", "");
    blank.status(422);
    assert_eq!(blank.json()["body"][0], words("error-required"));
    let stranger = site.anonymous().say(room, "hello", "");
    stranger.status(401);
    assert!(stranger.json()["login"].as_str().unwrap().starts_with("/login?next="));
    assert!(stranger.json()["detail"].is_string());
    for (answer, status) in [
        (asha.say(99, "hello", ""), 404),
        (
            asha.send(
                Request::new("POST", &format!("/rooms/{room}/messages"))
                    .form(&[("body", "x")])
                    .header("Accept", "application/json"),
            ),
            403,
        ),
    ] {
        answer.status(status);
        assert!(answer.json()["detail"].is_string());
    }
});

both!(who_was_taken_out_speaks_in_old_messages_neither, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let message = site.message(room, &ravi, "as it was");
    asha.post(&format!("/rooms/{room}/participants/ravi/remove"), &[]).status(303);
    ravi.post(&format!("/messages/{message}/edit"), &[("body", "behind your back")]).status(403);
    asha.get(&format!("/rooms/{room}")).see("as it was").see_not("behind your back");
    asha.post(&format!("/rooms/{room}/participants/ravi/restore"), &[]).status(303);
    ravi.post(&format!("/messages/{message}/edit"), &[("body", "back again")]).status(303);
});

both!(room_with_any_number_of_participants_is_drawn, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let chat = site.chat_room("Weavers");
    let now = "'2026-01-01 00:00:00'";
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 350)";
    site.sql(&format!(
        "INSERT INTO users (username, username_key, username_look, name, name_look, email, password, is_active, date_joined) \
         {numbers} SELECT 'weaver' || i, 'weaver' || i, 'weaver' || i, '', '', '', '!', TRUE, {now} FROM n"
    ));
    let participants = "participants WHERE room_id IN";
    for (count, listed, rest) in
        [(0, 0, ""), (1, 1, ""), (100, 100, ""), (101, 100, "and one more"), (350, 100, "and 250 more")]
    {
        site.sql(&format!("DELETE FROM {participants} ({room}, {chat})"));
        for id in [room, chat] {
            site.sql(&format!(
                "INSERT INTO participants (room_id, user_id, joined) \
                 SELECT {id}, id, {now} FROM users WHERE username LIKE 'weaver%' ORDER BY id LIMIT {count}"
            ));
        }
        for path in [format!("/rooms/{room}"), "/chat/Weavers".to_owned()] {
            for page in [asha.get(&path), site.anonymous().get(&path)] {
                page.status(200).hold(&format!("Participants <span class=\"count\">{count}</span>"));
                assert_eq!(page.count("<li data-person="), listed, "{path} with {count}");
                assert_eq!(
                    page.count("Whoever writes here takes part."),
                    usize::from(count == 0),
                    "{path} with {count}"
                );
                if rest.is_empty() {
                    assert_eq!(page.count(" more</p>"), 0, "{path} with {count}");
                } else {
                    page.hold(&format!("<p class=\"quiet\">{rest}</p>"));
                }
            }
        }
    }
});
