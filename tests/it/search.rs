//! The search: what is found, in which order, what is marked, and that anything may be typed.

use std::time::{Duration, Instant};

use chaupal::kit::bulk;
use chaupal::kit::db::{Conn, transaction};
use chaupal::kit::i18n::Text;
use chaupal::kit::migrations;
use chaupal::profiles::models::profile::{self, Profile};
use chaupal::profiles::models::skill;
use chaupal::projects::models::project::{self, ProjectValues};
use chaupal::rooms::models::room::{self, RoomValues};
use chaupal::search::models::found::{Found, by_words, inside_words};
use chaupal::search::models::kind::Kind;
use chaupal::search::models::plenty::Plenty;
use chaupal::search::models::query::Query;
use diesel::prelude::*;

use crate::support::{Answer, Person, Request, Site, percent, says, words};

/// As the page searches: by words, else inside of them.
fn search(conn: &mut Conn, query: &Query, only: Option<Kind>) -> QueryResult<Found> {
    let found = by_words(conn, &Plenty::default(), query, only)?;
    if found.counts.total() == 0 { inside_words(conn, query, only) } else { Ok(found) }
}

fn find(site: &Site, q: &str, kind: Option<&str>) -> Answer {
    let kind = kind.map(|kind| format!("&kind={kind}")).unwrap_or_default();
    let page = site.anonymous().get(&format!("/search?q={}{kind}", percent(q)));
    page.status(200);
    page
}

/// Where the hits of a page lead, in their order.
fn links(page: &Answer) -> Vec<String> {
    let titles = page.body.split("class=\"result-title\"><a href=\"").skip(1);
    titles.map(|rest| rest.split('"').next().unwrap().replace("&#x2F;", "/")).collect()
}

fn hits(site: &Site, q: &str) -> Vec<String> {
    links(&find(site, q, None))
}

#[track_caller]
fn finds(site: &Site, q: &str, expected: &[&str]) {
    assert_eq!(hits(site, q), expected, "{q}");
}

fn describe(site: &Site, room: i64, name: &str, topic: &str, description: &str) {
    let values = RoomValues { name: name.into(), topic: topic.into(), description: description.into() };
    site.db(|conn| transaction(conn, |conn| room::change(conn, room, &values))).unwrap();
}

fn tell(site: &Site, person: &Person<'_>, name: &str, intro: &str, bio: &str) {
    let profile = Profile { short_intro: intro.into(), bio: bio.into(), ..Profile::default() };
    site.db(|conn| transaction(conn, |conn| profile::save(conn, person.id, &person.username, name, &profile))).unwrap();
}

fn put(site: &Site, owner: &Person<'_>, title: &str, description: &str, tags: &[&str]) -> i64 {
    let values = ProjectValues {
        title: title.into(),
        description: description.into(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..ProjectValues::default()
    };
    site.db(|conn| transaction(conn, |conn| project::create(conn, owner.id, &values))).unwrap()
}

fn searched(site: &Site, q: &str, kind: Option<Kind>) -> Found {
    site.db(|conn| search(conn, &Query::new(q), kind)).unwrap()
}

both!(everything_is_found_and_what_it_is_called_comes_first, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let spoken = site.room(&asha, "Evening talk", "Tea");
    let message =
        site.message(spoken, &ravi, "We spoke of weaving, and of little else for a while, the whole evening long");
    let described = site.room(&asha, "A quiet place", "Tea");
    describe(site, described, "A quiet place", "Tea", "For those who like weaving, spinning, dyeing and whatever else");
    let named = site.room(&asha, "Weaving", "Craft");
    let project = put(site, &ravi, "A loom", "It helps with **weaving**.", &["wood"]);
    tell(site, &ravi, "Ravi Kumar", "I can talk", "");
    site.db(|conn| skill::add(conn, ravi.id, "Weaving", "")).unwrap();
    assert_eq!(
        hits(site, "weaving"),
        [
            format!("/rooms/{named}"),
            "/developers/ravi".into(),
            format!("/projects/{project}"),
            format!("/rooms/{described}"),
            format!("/rooms/{spoken}?at={message}#message-{message}"),
        ]
    );
    let page = find(site, "weaving", None);
    page.hold("<mark>Weaving</mark>")
        .hold("It helps with <mark>weaving</mark>.")
        .hold("name=\"robots\" content=\"noindex\"");
    page.hold("We spoke of <mark>weaving</mark>, and").see("Evening talk");
    // By topic, tag and names.
    finds(site, "craft", &[&format!("/rooms/{named}")]);
    finds(site, "wood", &[&format!("/projects/{project}")]);
    finds(site, "kumar", &["/developers/ravi"]);
    finds(site, "RAVI", &["/developers/ravi"]);
    // All words must be there, in any order, the last may be only begun.
    finds(site, "spinning wea", &[&format!("/rooms/{described}")]);
    find(site, "wea spinning", None).see(&words("search-in-part"));
    finds(site, "weaving tractor", &[]);
});

both!(kinds_stand_alone_with_their_numbers_and_pages, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Looms", "Craft");
    for n in 0..45 {
        site.message(room, &asha, &format!("loom number {n}"));
    }
    let page = find(site, "loom", Some("messages"));
    assert_eq!(links(&page).len(), 20);
    page.see("&page=2").hold("aria-current=\"page\">Messages <span class=\"count\">45</span>");
    page.hold("Rooms <span class=\"count\">1</span>").hold("People <span class=\"count\">0</span>");
    let mut all: Vec<String> = Vec::new();
    for number in 1..=3 {
        let page = site.anonymous().get(&format!("/search?kind=messages&q=loom&page={number}"));
        all.extend(links(&page));
    }
    assert_eq!(all.len(), 45);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 45, "each once");
    assert_eq!(links(&find(site, "loom", Some("rooms"))), [format!("/rooms/{room}")]);
    assert!(links(&find(site, "loom", Some("people"))).is_empty());
    assert_eq!(links(&find(site, "loom", Some("banana"))).len(), 20, "of all kinds");
    assert_eq!(links(&find(site, "loom", None)).first(), Some(&format!("/rooms/{room}")));
});

both!(more_than_a_thousand_are_not_counted_and_the_best_are_shown, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Looms", "Craft");
    site.message(room, &asha, "the first shuttle");
    let now = "'2026-01-01 00:00:00'";
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 1300)";
    site.sql(&format!(
        "INSERT INTO messages (room_id, user_id, body, seq, version, created, updated) \
         {numbers} SELECT {room}, {}, 'another shuttle ' || i, i, i, {now}, {now} FROM n",
        asha.id
    ));
    let statements = |page: &Answer| page.header("x-sql-statements").unwrap().parse::<i64>().unwrap();
    let page = find(site, "shuttle", Some("messages"));
    page.see(&says(Text::new("count").with("count", 1001))).see("&page=5");
    assert!(!page.body.contains("page=6"));
    let again = find(site, "shuttle", Some("messages"));
    assert_eq!(statements(&again), statements(&page) - 1, "they are not counted again at once");
    let last = site.anonymous().get("/search?kind=messages&q=shuttle&page=5");
    last.see(&says(Text::new("search-cut").with("count", 100)));
    // What is rare is found among them, and what is begun.
    assert_eq!(searched(site, "first shuttle", Some(Kind::Message)).len(), 1);
    assert_eq!(searched(site, "first shu", Some(Kind::Message)).len(), 1);
    // That there were so many is known for a while, but nobody is told so once they are gone.
    let typed = ["shuttle", "shutt"];
    for q in typed {
        find(site, q, Some("messages")).see(&says(Text::new("count").with("count", 1001)));
    }
    site.sql("DELETE FROM messages WHERE body LIKE 'another%'");
    for q in typed {
        let page = find(site, q, Some("messages"));
        page.hold("aria-current=\"page\">Messages <span class=\"count\">1</span>");
        page.hold("All <span class=\"count\">1</span>");
        assert_eq!(links(&page).len(), 1);
    }
});

both!(a_title_is_found_behind_a_thousand_texts, |site| {
    let asha = site.person("asha");
    let named = site.room(&asha, "Shuttle", "Craft");
    let many = |from: i64, to: i64, name: &str, description: &str| {
        let now = "'2026-01-01 00:00:00'";
        site.sql(&format!(
            "INSERT INTO rooms (host_id, name, description, created, updated) \
             WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to}) \
             SELECT {}, '{name} ' || i, '{description}', {now}, {now} FROM n",
            asha.id
        ));
    };
    many(1, 1200, "Room", "a shuttle");
    let first = format!("/rooms/{named}");
    assert_eq!(hits(site, "shuttle")[0], first);
    assert_eq!(hits(site, "shut")[0], first, "one that is only begun");
    // As a site that is older than the index of titles.
    let names: Vec<String> = site.db(|conn| migrations::all(conn)).into_iter().map(|known| known.name).collect();
    let before = &names[names.iter().position(|name| name == "0018_titles").unwrap() - 1];
    site.db(|conn| migrations::run(conn, Some(before), |_| {})).unwrap();
    site.db(|conn| migrations::run(conn, None, |_| {})).unwrap();
    assert_eq!(hits(site, "shuttle")[0], first);
    many(1, 130, "Shuttle", "and nothing else");
    let page = find(site, "shuttle", Some("rooms"));
    assert!(page.count("<mark>Shuttle</mark>") >= 20, "titles come first, however many there are: {page:?}");
});

both!(titles_that_only_begin_so_do_not_push_out_what_is_better, |site| {
    let asha = site.person("asha");
    let oldest = site.room(&asha, "Go", "Games");
    let said = site.message(oldest, &asha, "go, go");
    let title = format!("gophers {}", "and so on ".repeat(6));
    for _ in 0..105 {
        let room = site.room(&asha, &title, "Beasts");
        site.message(room, &asha, "gone, and going");
    }
    let newest = site.room(&asha, "Corner", "Go");
    describe(site, newest, "Corner", "Go", "go, go and go");
    let (oldest_at, newest_at) = (format!("/rooms/{oldest}"), format!("/rooms/{newest}"));
    assert_eq!(links(&find(site, "go", None))[..2], [oldest_at.as_str(), &newest_at]);
    assert_eq!(links(&find(site, "go", Some("rooms")))[..2], [oldest_at.as_str(), &newest_at]);
    let said = format!("/rooms/{oldest}?at={said}#message-{said}");
    assert_eq!(links(&find(site, "go", Some("messages"))).first(), Some(&said));
});

both!(case_and_accents_do_not_count, |site| {
    let asha = site.person("asha");
    let elodie = site.room(&asha, "Élodie", "A");
    let muller = site.room(&asha, "Mu\u{308}ller", "B");
    let istanbul = site.room(&asha, "İSTANBUL", "C");
    let street = site.room(&asha, "Straße", "D");
    let greek = site.room(&asha, "ΟΔΟΣ", "E");
    let polish = site.room(&asha, "Łódź", "F");
    let russian = site.room(&asha, "Ёлка", "G");
    for (typed, room) in [
        ("elodie", elodie),
        ("ÉLODIE", elodie),
        ("e\u{301}lod", elodie),
        ("Müller", muller),
        ("muller", muller),
        ("MULL", muller),
        ("istanbul", istanbul),
        ("straße", street),
        ("STRASSE", 0),
        ("οδος", greek),
        ("οδοσ", greek),
        ("łodz", polish),
        ("ŁÓDŹ", polish),
        ("ёлка", russian),
        ("ЁЛ", russian),
    ] {
        let expected: Vec<String> = (room > 0).then(|| format!("/rooms/{room}")).into_iter().collect();
        assert_eq!(hits(site, typed), expected, "{typed}");
    }
    find(site, "elodie", None).hold("<mark>Élodie</mark>");
    find(site, "mull", None).hold("<mark>Mu\u{308}ller</mark>");
});

both!(words_of_other_scripts_are_whole, |site| {
    let asha = site.person("asha");
    let hindi = site.room(&asha, "हिन्दी की बातें", "भाषा");
    let message = site.message(hindi, &asha, "नमस्ते। क्या आप क्षेत्र को जानते हैं?");
    let japanese = site.room(&asha, "日本語の部屋", "言葉");
    let said = format!("/rooms/{hindi}?at={message}#message-{message}");
    for typed in ["हिन्दी", "हिन्", "बातें", "भाषा", "की हिन्दी"]
    {
        finds(site, typed, &[&format!("/rooms/{hindi}")]);
    }
    for typed in ["नमस्ते", "नमस्", "क्षेत्र", "जानते", "क्या क्षे"]
    {
        finds(site, typed, &[&said]);
    }
    find(site, "हिन्", None).hold("<mark>हिन्दी</mark> की").see_not(&words("search-in-part"));
    // Not by letters that make another word.
    for typed in ["हनद", "नमसत"] {
        finds(site, typed, &[]);
    }
    finds(site, "日本", &[&format!("/rooms/{japanese}")]);
    find(site, "本語", None).hold("<mark>日本語の部屋</mark>").see(&words("search-in-part"));
});

both!(a_part_of_a_word_is_found_when_no_word_is, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Handweavers 🧵", "Craft");
    let message = site.message(room, &asha, "100% cotton_and\\wool");
    let said = format!("/rooms/{room}?at={message}#message-{message}");
    let page = find(site, "weaver", None);
    page.hold("<mark>Handweavers</mark>").see(&words("search-in-part"));
    assert_eq!(links(&page), [format!("/rooms/{room}")]);
    finds(site, "🧵", &[&format!("/rooms/{room}")]);
    find(site, "🧵", None).hold("Handweavers <mark>🧵</mark>");
    finds(site, "%", &[&said]);
    finds(site, "_", &[&said]);
    finds(site, "\\", &[&said]);
    finds(site, "otto oo", &[&said]);
    assert_eq!(links(&find(site, "weaver", Some("rooms"))), [format!("/rooms/{room}")]);
    assert!(links(&find(site, "weaver", Some("messages"))).is_empty());
});

both!(changes_are_found_at_once_and_what_is_gone_is_not, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Potters", "Clay");
    let place = format!("/rooms/{room}");
    let message = site.message(room, &ravi, "glaze");
    let said = format!("/rooms/{room}?at={message}#message-{message}");
    finds(site, "glaze", &[&said]);
    ravi.post(&format!("/messages/{message}/edit"), &[("body", "enamel")]).status(303);
    finds(site, "glaze", &[]);
    finds(site, "enamel", &[&said]);
    ravi.post(&format!("/messages/{message}/delete"), &[]).status(303);
    finds(site, "enamel", &[]);
    // Rooms, and the names of their topics.
    describe(site, room, "Turners", "Wood", "On the lathe");
    for (typed, found) in [("potters", false), ("clay", false), ("turners", true), ("wood", true), ("lathe", true)] {
        assert_eq!(hits(site, typed).contains(&place), found, "{typed}");
    }
    site.sql("UPDATE topics SET name = 'Timber' WHERE name = 'Wood'");
    assert_eq!((hits(site, "wood").len(), hits(site, "timber").len()), (0, 1));
    // People and what they can do.
    tell(site, &ravi, "Ravi", "fisherman", "since years");
    let number = || site.number("SELECT max(id) FROM skills");
    site.db(|conn| skill::add(conn, ravi.id, "Nets", "")).unwrap();
    for typed in ["fisherman", "years", "nets"] {
        finds(site, typed, &["/developers/ravi"]);
    }
    let skill = number();
    site.db(|conn| skill::change(conn, ravi.id, skill, "Hooks", "")).unwrap();
    assert_eq!((hits(site, "nets").len(), hits(site, "hooks").len()), (0, 1));
    site.db(|conn| skill::delete(conn, ravi.id, skill)).unwrap();
    finds(site, "hooks", &[]);
    tell(site, &ravi, "Ravindra", "", "");
    assert_eq!((hits(site, "fisherman").len(), hits(site, "ravindra").len()), (0, 1));
    // Projects and their tags.
    let project = put(site, &ravi, "Boat", "It floats", &["Hull"]);
    let url = format!("/projects/{project}");
    finds(site, "hull", &[&url]);
    let values = ProjectValues { title: "Ship".into(), tags: vec!["Mast".into()], ..ProjectValues::default() };
    site.db(|conn| transaction(conn, |conn| project::change(conn, ravi.id, project, &values))).unwrap();
    for (typed, found) in [("boat", 0), ("floats", 0), ("hull", 0), ("ship", 1), ("mast", 1)] {
        assert_eq!(hits(site, typed).len(), found, "{typed}");
    }
    site.sql("UPDATE tags SET name = 'Sail' WHERE name = 'Mast'");
    assert_eq!((hits(site, "mast").len(), hits(site, "sail").len()), (0, 1));
    // With somebody goes what is his.
    site.message(room, &ravi, "farewell");
    site.delete(ravi.id);
    for typed in ["farewell", "ship", "ravindra", "sail"] {
        finds(site, typed, &[]);
    }
    // With a room goes what was said in it.
    site.message(room, &asha, "good night");
    asha.post(&format!("/rooms/{room}/delete"), &[]).status(303);
    for typed in ["turners", "night"] {
        finds(site, typed, &[]);
    }
    for table in ["room", "message", "project"] {
        assert_eq!(site.number(&format!("SELECT count(*) FROM {table}_words")), 0, "{table}: nothing is left behind");
    }
    assert_eq!(site.number("SELECT count(*) FROM person_words"), site.number("SELECT count(*) FROM users"));
});

both!(disabled_people_and_chat_rooms_are_not_found, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    tell(site, &ravi, "Ravi Kumar", "beekeeper", "honey");
    finds(site, "beekeeper", &["/developers/ravi"]);
    site.disable(ravi.id);
    for typed in ["beekeeper", "ravi", "kumar", "eekeepe"] {
        finds(site, typed, &[]);
    }
    tell(site, &ravi, "Ravi Kumar", "shepherd", "");
    site.db(|conn| skill::add(conn, ravi.id, "Wool", "")).unwrap();
    assert_eq!((hits(site, "shepherd").len(), hits(site, "wool").len()), (0, 0));
    site.sql(&format!("UPDATE users SET is_active = TRUE WHERE id = {}", ravi.id));
    assert_eq!((hits(site, "shepherd").len(), hits(site, "wool").len()), (1, 1));
    let market = site.chat_room("Bazaar");
    site.guest_message(market, "Passer-by", "mangoes");
    for typed in ["bazaar", "mangoes", "azaa", "ango", "passer"] {
        finds(site, typed, &[]);
    }
    let page = asha.get("/search?q=mangoes");
    page.see_not("Passer-by");
});

both!(nothing_that_people_write_is_markup, |site| {
    let asha = site.person("asha");
    let evil = "needle <script>alert(1)</script><mark>x</mark>\"'&amp;\u{e000}";
    let room = site.room(&asha, evil, evil);
    describe(site, room, evil, evil, evil);
    site.message(room, &asha, evil);
    tell(site, &asha, evil, evil, evil);
    site.db(|conn| skill::add(conn, asha.id, "needle <b>", "")).unwrap();
    put(site, &asha, evil, evil, &["needle <i>"]);
    for q in ["needle", "script", "<script>alert(1)</script>", "mark", "needle \"><img src=x>", "lert"] {
        for kind in [None, Some("rooms"), Some("messages"), Some("people"), Some("projects")] {
            let page = find(site, q, kind);
            for markup in ["<script>alert", "<mark>x</mark>", "<img src=x", "<b>", "<i>"] {
                assert!(!page.body.contains(markup), "{q} {kind:?}: {markup}");
            }
            if q == "needle" {
                page.hold("<mark>needle</mark> &lt;");
            }
        }
    }
    assert_eq!(hits(site, "needle").len(), 4);
});

const NASTY: &[&str] = &[
    "\"",
    "\"\"",
    "'",
    "''",
    "`",
    "*",
    "**",
    "^",
    "^a",
    "a*",
    "*a",
    "\"a",
    "a\"",
    "\"a\" \"",
    "a OR b",
    "OR",
    "AND",
    "NOT",
    "NOT a",
    "a AND",
    "AND a",
    "a NOT b",
    "NEAR",
    "NEAR(",
    "NEAR(a b)",
    "NEAR(a b, 2)",
    "NEAR/2",
    "a NEAR b",
    "(",
    ")",
    "()",
    "((",
    "(a",
    "a)",
    "a:b",
    "title:a",
    "rest : a",
    "{title}:a",
    "{",
    "}",
    "-a",
    "- a",
    "+a",
    "a+b",
    "a-b",
    "--",
    "/*",
    "*/",
    ";",
    "; DROP TABLE rooms",
    "' OR '1'='1",
    "\\",
    "\\\\",
    "\\'",
    "%",
    "%%",
    "_",
    "a%b",
    "!",
    "!a",
    "!!",
    "&",
    "&&",
    "a & b",
    "a | b",
    "|",
    "a <-> b",
    "<->",
    "a:*",
    ":*",
    ":",
    "a:A",
    "a:ABCD*",
    "''''",
    "$1",
    "?",
    "?1",
    "{{ q }}",
    "{% raw %}",
    "<mark>",
    "\u{0}",
    "a\u{0}b",
    "\u{0}\u{0}",
    "\t",
    "\n",
    "\u{feff}",
    "\u{200d}",
    "\u{202e}abc",
    "\u{301}",
    "\u{fe0f}",
    "🦀",
    "👩‍👩‍👧",
    "ﷺ",
    "𝕳𝖊𝖑𝖑𝖔",
    "\u{e000}",
    "\u{10ffff}",
    "٣",
    "²",
    "Ⅷ",
    "İ",
    "ß",
    "ﬁ",
    "हि",
    "\u{94d}",
    "aⒶb",
    "a\u{1e900}b",
    "a\u{20dd}b",
    "a\u{10d4a}b*",
    "x\u{323af}y",
];

both!(anything_may_be_typed, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "a b title rest near or and not", "A");
    site.message(room, &asha, "a b OR '1'='1");
    let mut typed: Vec<String> = NASTY.iter().map(|text| (*text).to_owned()).collect();
    for length in [199, 200, 201, 5_000] {
        for piece in ["a", "a ", "\"", "é ", "हिन्दी", "(", "NEAR ", "🦀", "\u{301}"] {
            typed.push(piece.repeat(length));
        }
    }
    // The same ones at each run.
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % 1_000_003).unwrap() % below
    };
    for _ in 0..150 {
        let pieces = 1 + random(8);
        typed.push((0..pieces).map(|_| NASTY[random(NASTY.len())]).collect());
        typed.push((0..pieces).filter_map(|_| char::from_u32(u32::try_from(random(0x3000)).unwrap())).collect());
    }
    for text in &typed {
        for kind in [None, Some(Kind::Message)] {
            let cut = chaupal::kit::paginate::search_text(Some(text));
            let begun = Instant::now();
            let found =
                site.db(|conn| search(conn, &Query::new(&cut), kind)).unwrap_or_else(|e| panic!("{text:?}: {e}"));
            drop((found.mixed(), found.shown(0, 20)));
            assert!(begun.elapsed() < Duration::from_secs(30), "{text:?} takes {:?}", begun.elapsed());
        }
    }
    for text in NASTY {
        find(site, text, None);
    }
    find(site, &"x\" ".repeat(2_000), Some("messages"));
    // As bytes that are no text, and in odd addresses.
    for address in [
        "/search?q=%ff%fe",
        "/search?q=%00",
        "/search?q",
        "/search?q=a&q=b",
        "/search?page=x&kind=&q=a",
        "/search?q=a&page=-1",
    ] {
        let status = site.anonymous().get(address).status;
        assert!(status == 200 || status == 422 || status == 404 || status == 400, "{address}: {status}");
    }
});

both!(an_empty_search_explains_and_an_empty_result_leads_on, |site| {
    for address in ["/search", "/search?q=", "/search?q=+++", "/search?kind=rooms"] {
        site.anonymous().get(address).status(200).see(&words("search-help-words"));
    }
    let page = find(site, "no such thing & more", None);
    page.see(&words("search-none")).hold("?q=no%20such%20thing%20%26%20more");
    // The header of each page leads here.
    site.anonymous().get("/topics").hold("action=\"/search\"");
    site.anonymous().get("/").hold("action=\"/search\"").hold("action=\"&#x2F;\"");
});

both!(the_migration_indexes_what_is_there_and_goes_again, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    site.message(room, &asha, "shuttle");
    put(site, &asha, "Loom", "", &["wood"]);
    tell(site, &asha, "Asha", "weaver", "");
    let market = site.chat_room("Bazaar");
    site.guest_message(market, "Passer-by", "mangoes");
    let to = |target: Option<&str>| site.db(|conn| migrations::run(conn, target, |_| {})).unwrap();
    let names: Vec<String> =
        site.db(|conn| migrations::all(conn)).into_iter().map(|migration| migration.name).collect();
    let before_it = &names[names.iter().position(|name| name == "0014_search").unwrap() - 1];
    let counts = || {
        ["weavers", "craft", "shuttle", "loom", "wood", "asha", "weaver", "mangoes"]
            .map(|q| searched(site, q, None).len())
    };
    let before = counts();
    assert_eq!(before, [1, 1, 1, 1, 1, 1, 2, 0]);
    for _ in 0..2 {
        to(Some(before_it));
        site.message(room, &asha, "bobbin");
        to(None);
        assert_eq!(counts(), before);
    }
    assert_eq!(searched(site, "bobbin", None).len(), 2);
});

// As the import and the demo write.
both!(what_is_written_in_bulk_is_found, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Looms", "Craft");
    let now = chaupal::kit::time::now();
    site.db(|conn| {
        transaction(conn, |conn| {
            let ids = bulk::take_ids(conn, "messages", 3_000)?;
            let rows: Vec<[bulk::Value; 8]> = (100..)
                .zip(ids)
                .map(|(seq, id): (i64, i64)| {
                    let body = format!("thread{}", seq % 1_000);
                    [
                        id.into(),
                        room.into(),
                        asha.id.into(),
                        body.into(),
                        seq.into(),
                        seq.into(),
                        now.into(),
                        now.into(),
                    ]
                })
                .collect();
            let columns = ["id", "room_id", "user_id", "body", "seq", "version", "created", "updated"];
            bulk::insert(conn, "messages", columns, &rows)
        })
    })
    .unwrap();
    assert_eq!(site.number("SELECT count(*) FROM message_words"), 3_000);
    assert_eq!(searched(site, "THREAD777", Some(Kind::Message)).len(), 3);
});

both!(words_stay_in_step_when_two_write_at_once, |site| {
    let asha = site.person("asha");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (url, id) = (site.database_url.clone(), asha.id);
            scope.spawn(move || {
                let target = chaupal::kit::db::Target::parse(&url).unwrap();
                let mut conn = target.connect().unwrap();
                for n in 0..10 {
                    transaction(&mut conn, |conn| {
                        diesel::sql_query(format!(
                            "INSERT INTO skills (user_id, name, name_key, created) \
                             VALUES ({id}, 'skill{thread}x{n}', 'skill{thread}x{n}', '2026-01-01 00:00:00')"
                        ))
                        .execute(conn)
                    })
                    .unwrap();
                }
            });
        }
    });
    for thread in 0..4 {
        for n in 0..10 {
            assert_eq!(searched(site, &format!("skill{thread}x{n}"), Some(Kind::Person)).len(), 1, "{thread} {n}");
        }
    }
});

both!(any_bytes_in_an_address_are_no_fault_of_ours, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    site.message(room, &asha, "warp and weft");
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % most
    };
    const PIECES: [&str; 26] = [
        "\"",
        "'",
        "*",
        "(",
        ")",
        " AND ",
        " OR ",
        " NOT ",
        " NEAR(",
        ":",
        "^",
        "{",
        "}",
        "-",
        "|",
        "&",
        "!",
        "<->",
        "%",
        "_",
        "\\",
        "warp",
        "\0",
        "\u{301}",
        "\u{1f1ee}",
        "क्",
    ];
    let room_page = format!("/rooms/{room}");
    for round in 0..120 {
        let mut value = String::new();
        for _ in 0..below(12) {
            match below(4) {
                0 => value.push_str(&format!("%{:02X}", below(256))),
                _ => value.push_str(&percent(PIECES[below(PIECES.len())])),
            }
        }
        let (path, name) = [
            ("/search", "q"),
            ("/search", "kind"),
            ("/search", "page"),
            ("/", "q"),
            ("/", "page"),
            ("/topics", "q"),
            ("/activity", "q"),
            ("/projects", "q"),
            ("/developers", "q"),
            (&room_page, "before"),
            (&room_page, "at"),
            ("/login", "next"),
            ("/events", "rooms"),
        ][round % 13];
        let q = if name == "q" { "" } else { "q=warp&" };
        let answer = asha.open(Request::new("GET", &format!("{path}?{q}{name}={value}")));
        assert!(answer.status < 500, "{path}?{q}{name}={value}: {}", answer.status);
    }
});
