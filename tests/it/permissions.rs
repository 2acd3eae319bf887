//! Who may do what: every mounted route, tried by everybody. A new route that is missing in the
//! table fails the test.

use std::collections::BTreeSet;

use chaupal::projects::models::review::Vote;
use chaupal::schema::messages;
use diesel::prelude::*;

use crate::support::{PASSWORD, Person, Request, Site};

/// What somebody gets.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gets {
    /// This status.
    Is(u16),
    /// Sent to the log-in.
    LogIn,
}

use Gets::{Is, LogIn};

/// Everybody who is told apart, in the order of the table's columns.
const ROLES: [&str; 8] = ["anonymous", "member", "removed", "author", "host", "staff", "superuser", "disabled"];

/// One route: its pattern, the address that is tried, the fields that are posted, who gets what.
struct Rule {
    route: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    gets: [Gets; 8],
}

const fn rule(
    route: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    gets: [Gets; 8],
) -> Rule {
    Rule { route, path, fields, gets }
}

/// Everybody may.
const ALL: [Gets; 8] = [Is(200); 8];
/// Whoever is logged in may.
const fn members(status: u16) -> [Gets; 8] {
    [LogIn, Is(status), Is(status), Is(status), Is(status), Is(status), Is(status), LogIn]
}
/// The room's host and the staff may.
const fn hosts(status: u16) -> [Gets; 8] {
    [LogIn, Is(403), Is(403), Is(403), Is(status), Is(status), Is(status), LogIn]
}
/// The message's author may.
const fn authors(status: u16) -> [Gets; 8] {
    [LogIn, Is(403), Is(403), Is(status), Is(403), Is(403), Is(403), LogIn]
}
/// The message's author, the room's host and the staff may.
const fn deleters(status: u16) -> [Gets; 8] {
    [LogIn, Is(403), Is(403), Is(status), Is(status), Is(status), Is(status), LogIn]
}
/// Strangers see it, others are sent on.
const DOOR: [Gets; 8] = [Is(200), Is(303), Is(303), Is(303), Is(303), Is(303), Is(303), Is(200)];

const ROOM: &[(&str, &str)] = &[("name", "A name"), ("topic", "A topic")];
const WORDS: &[(&str, &str)] = &[("body", "some words")];

const JOIN: &[(&str, &str)] = &[("room_name", "Square"), ("username", "Passer-by")];
const PROJECT: &[(&str, &str)] = &[("title", "A title"), ("tags", "rust")];
const REVIEW: &[(&str, &str)] = &[("value", "down"), ("body", "some words")];
const LETTER: &[(&str, &str)] =
    &[("name", "Passer-by"), ("email", "passer@example.org"), ("subject", "A subject"), ("body", "some words")];
const SKILL: &[(&str, &str)] = &[("name", "Weaving")];
/// It belongs to the host alone, and nobody else learns that it is there.
const fn private(status: u16) -> [Gets; 8] {
    [LogIn, Is(404), Is(404), Is(404), Is(status), Is(404), Is(404), LogIn]
}
const GUEST_WORDS: &[(&str, &str)] = &[("body", "some words"), ("username", "Passer-by")];
const SENT: &[(&str, &str)] = &[("message", "some words"), ("username", "Passer-by"), ("room_id", "LOBBY")];

/// `ROOM` is a room of the host; in it are a message of the author's, `MESSAGE`, and the guest.
const TABLE: &[Rule] = &[
    rule("GET /", "/", &[], ALL),
    rule("GET /topics", "/topics", &[], ALL),
    rule("GET /activity", "/activity", &[], ALL),
    rule("GET /developers/<username>", "/developers/author", &[], ALL),
    rule("GET /developers", "/developers", &[], ALL),
    rule(
        "GET /developers/<username>/message",
        "/developers/author/message",
        &[],
        [Is(200), Is(200), Is(200), Is(403), Is(200), Is(200), Is(200), Is(200)],
    ),
    rule(
        "POST /developers/<username>/message",
        "/developers/author/message",
        LETTER,
        [Is(303), Is(303), Is(303), Is(403), Is(303), Is(303), Is(303), Is(303)],
    ),
    rule("GET /inbox", "/inbox", &[], members(200)),
    rule("GET /inbox/<id>", "/inbox/LETTER", &[], private(200)),
    rule("POST /inbox/<id>/delete", "/inbox/LETTER/delete", &[], private(303)),
    rule("GET /projects", "/projects", &[], ALL),
    rule("GET /projects/<id>", "/projects/PROJECT", &[], ALL),
    rule("GET /projects/new", "/projects/new", &[], members(200)),
    rule("POST /projects/new", "/projects/new", PROJECT, members(303)),
    rule("GET /projects/<id>/edit", "/projects/PROJECT/edit", &[], authors(200)),
    rule("POST /projects/<id>/edit", "/projects/PROJECT/edit", PROJECT, authors(303)),
    rule("GET /projects/<id>/delete", "/projects/PROJECT/delete", &[], authors(200)),
    rule("POST /projects/<id>/delete", "/projects/PROJECT/delete", &[], authors(303)),
    rule("POST /projects/<id>/tags/<tag>/remove", "/projects/PROJECT/tags/TAG/remove", &[], authors(303)),
    // Nobody judges his own project.
    rule(
        "POST /projects/<id>/reviews",
        "/projects/PROJECT/reviews",
        REVIEW,
        [LogIn, Is(303), Is(303), Is(403), Is(303), Is(303), Is(303), LogIn],
    ),
    rule("GET /projects/<id>/reviews", "/projects/PROJECT/reviews", &[], [Is(303); 8]),
    rule("GET /projects/<id>/reviews/delete", "/projects/PROJECT/reviews/delete", &[], private(200)),
    rule("POST /projects/<id>/reviews/delete", "/projects/PROJECT/reviews/delete", &[], private(303)),
    rule("GET /search", "/search?q=words", &[], ALL),
    rule("GET /media/initials/<hue>/<letters>", "/media/initials/1/AR.svg", &[], ALL),
    // Nothing is there, for anybody; tests/it/media.rs has pictures.
    rule("GET /media/<path..>", "/media/avatar/0-64.jpg", &[], [Is(404); 8]),
    rule("POST /pictures", "/pictures", &[("shape", "avatar")], members(422)),
    rule("GET /rooms/<id>", "/rooms/ROOM", &[], ALL),
    rule("GET /rooms/<id>/events", "/rooms/ROOM/events", &[], ALL),
    rule("GET /events", "/events?rooms=ROOM:0", &[], ALL),
    rule("GET /rooms/new", "/rooms/new", &[], members(200)),
    rule("POST /rooms/new", "/rooms/new", ROOM, members(303)),
    rule("GET /rooms/<id>/edit", "/rooms/ROOM/edit", &[], hosts(200)),
    rule("POST /rooms/<id>/edit", "/rooms/ROOM/edit", ROOM, hosts(303)),
    rule("GET /rooms/<id>/delete", "/rooms/ROOM/delete", &[], hosts(200)),
    rule("POST /rooms/<id>/delete", "/rooms/ROOM/delete", &[], hosts(303)),
    rule(
        "POST /rooms/<id>/messages",
        "/rooms/ROOM/messages",
        WORDS,
        [LogIn, Is(303), Is(403), Is(303), Is(303), Is(303), Is(303), LogIn],
    ),
    rule("POST /rooms/<id>/leave", "/rooms/ROOM/leave", &[], members(303)),
    rule("POST /rooms/<id>/away", "/rooms/ROOM/away", &[], [Is(204); 8]),
    rule("POST /rooms/<id>/participants/<username>/remove", "/rooms/ROOM/participants/guest/remove", &[], hosts(303)),
    rule("POST /rooms/<id>/participants/<username>/restore", "/rooms/ROOM/participants/guest/restore", &[], hosts(303)),
    rule("GET /messages/<id>", "/messages/MESSAGE", &[], ALL),
    rule("GET /messages/<id>/edit", "/messages/MESSAGE/edit", &[], authors(200)),
    rule("POST /messages/<id>/edit", "/messages/MESSAGE/edit", WORDS, authors(303)),
    rule("GET /messages/<id>/delete", "/messages/MESSAGE/delete", &[], deleters(200)),
    rule("POST /messages/<id>/delete", "/messages/MESSAGE/delete", &[], deleters(303)),
    rule("GET /chat", "/chat", &[], ALL),
    rule("POST /chat", "/chat", JOIN, [Is(303); 8]),
    rule("GET /chat/<segment>", "/chat/Square", &[], ALL),
    rule("POST /chat/<segment>/messages", "/chat/Square/messages", GUEST_WORDS, [Is(303); 8]),
    rule("POST /chat/<segment>/away", "/chat/Square/away", &[], [Is(204); 8]),
    rule("POST /checkview", "/checkview", JOIN, [Is(303); 8]),
    rule("POST /send", "/send", SENT, [Is(200); 8]),
    rule("GET /getMessages/<room>", "/getMessages/Square", &[], ALL),
    rule("GET /login", "/login", &[], DOOR),
    rule("POST /login", "/login", &[("login", "guest"), ("password", PASSWORD)], [Is(303); 8]),
    rule("GET /register", "/register", &[], DOOR),
    // An incomplete form: whoever is let in is told so.
    rule("POST /register", "/register", &[("username", "x")], [Is(422); 8]),
    rule("GET /register/sent", "/register/sent", &[], ALL),
    rule("GET /register/confirm/<token>", "/register/confirm/x", &[], [Is(404); 8]),
    rule("POST /register/confirm/<token>", "/register/confirm/x", &[], [Is(404); 8]),
    rule("POST /logout", "/logout", &[], [Is(303); 8]),
    rule("GET /password-reset", "/password-reset", &[], ALL),
    rule("POST /password-reset", "/password-reset", &[("email", "guest@example.org")], [Is(303); 8]),
    rule("GET /password-reset/sent", "/password-reset/sent", &[], ALL),
    rule("GET /password-reset/complete", "/password-reset/complete", &[], ALL),
    // Whoever has no link gets nothing, whoever it is.
    rule("GET /password-reset/<uid>/<token>", "/password-reset/1/x", &[], [Is(404); 8]),
    rule("POST /password-reset/<uid>/<token>", "/password-reset/1/set", &[], [Is(404); 8]),
    rule("GET /account", "/account", &[], members(200)),
    rule("GET /account/edit", "/account/edit", &[], members(200)),
    rule("POST /account/edit", "/account/edit", &[("name", "x"), ("bio", "y")], members(303)),
    rule("GET /account/skills", "/account/skills", &[], members(200)),
    rule("GET /account/skills/new", "/account/skills/new", &[], members(200)),
    rule("POST /account/skills/new", "/account/skills/new", SKILL, members(303)),
    rule("GET /account/skills/<id>/edit", "/account/skills/SKILL/edit", &[], authors(200)),
    rule("POST /account/skills/<id>/edit", "/account/skills/SKILL/edit", SKILL, authors(303)),
    rule("GET /account/skills/<id>/delete", "/account/skills/SKILL/delete", &[], authors(200)),
    rule("POST /account/skills/<id>/delete", "/account/skills/SKILL/delete", &[], authors(303)),
    rule("GET /account/sessions", "/account/sessions", &[], members(200)),
    // Another's session, or none.
    rule("POST /account/sessions/<id>/end", "/account/sessions/99999/end", &[], members(404)),
    rule("POST /account/sessions/end-others", "/account/sessions/end-others", &[], members(303)),
    rule("GET /account/password", "/account/password", &[], members(200)),
    rule("POST /account/password", "/account/password", &[("password", "x")], members(422)),
    rule("GET /account/email", "/account/email", &[], members(200)),
    rule("POST /account/email", "/account/email", &[("password", "x")], members(422)),
    rule("GET /account/email/<token>", "/account/email/x", &[], [Is(404); 8]),
    rule("POST /account/email/<token>", "/account/email/x", &[], [Is(404); 8]),
    // Without the password before: back to the log-in.
    rule("GET /login/code", "/login/code", &[], [Is(303); 8]),
    rule("POST /login/code", "/login/code", &[("code", "123456")], [Is(303); 8]),
    rule("GET /account/second-factor", "/account/second-factor", &[], members(200)),
    rule("POST /account/second-factor", "/account/second-factor", &[("password", "x")], members(422)),
    rule("POST /account/second-factor/confirm", "/account/second-factor/confirm", &[("code", "1")], members(303)),
    rule("POST /account/second-factor/codes", "/account/second-factor/codes", &[("password", "x")], members(422)),
    rule("POST /account/second-factor/remove", "/account/second-factor/remove", &[("password", "x")], members(422)),
    rule("GET /account/export", "/account/export", &[], members(200)),
    rule("POST /account/export", "/account/export", &[], members(200)),
    rule("GET /account/delete", "/account/delete", &[], members(200)),
    rule("POST /account/delete", "/account/delete", &[("password", "x")], members(422)),
    // The site has its superuser: no link works.
    rule("GET /setup/<token>", "/setup/x", &[], [Is(404); 8]),
    rule("POST /setup/<token>", "/setup/x", &[], [Is(404); 8]),
    rule("GET /static/<_..>", "/static/css/app.css", &[], ALL),
    rule("GET /healthz", "/healthz", &[], ALL),
    rule("GET /readyz", "/readyz", &[], ALL),
];

/// The mounted routes, without the fallbacks that only find words for a refusal.
fn mounted(site: &Site) -> BTreeSet<String> {
    let built = site.built();
    let routes = built.routes().filter(|route| route.rank < 100);
    routes.map(|route| format!("{} {}", route.method, route.uri.path())).collect()
}

/// The room and the message that a rule is tried on; made anew for each try.
struct Ground {
    room: i64,
    message: i64,
    /// A chat room by name, `Square`.
    lobby: i64,
    /// The author's, about which the host has written a review.
    project: i64,
    /// Of that project.
    tag: i64,
    /// The author's.
    skill: i64,
    /// In the host's inbox.
    letter: i64,
}

impl Ground {
    fn new(site: &Site) -> Self {
        let host = site.person("host");
        let room = site.room(&host, "Weavers", "Craft");
        site.message(room, &site.person("guest"), "a guest's words");
        let removed = site.person("removed");
        site.message(room, &removed, "words that were too much");
        site.sql(&format!(
            "UPDATE participants SET removed = joined WHERE room_id = {room} AND user_id = {}",
            removed.id
        ));
        let message = site.message(room, &site.person("author"), "the author's words");
        let lobby = site.chat_room("Square");
        let author = site.person("author");
        // He may have as many as fit.
        site.sql("DELETE FROM skills");
        let project = site.project(&author, "Loom", &["wood"]);
        site.vote(project, &host, Vote::Up);
        site.sql(&format!(
            "INSERT INTO skills (user_id, name, name_key, created) SELECT id, 'Spinning', 'spinning', date_joined FROM users WHERE id = {}",
            author.id
        ));
        site.sql(&format!(
            "INSERT INTO inbox_messages (recipient_id, name, subject, body, created) \
             SELECT id, 'Passer-by', 'Hello', 'the author''s words', date_joined FROM users WHERE id = {}",
            host.id
        ));
        let tag = site.number("SELECT id FROM tags WHERE name = 'wood'");
        let skill = site.number("SELECT max(id) FROM skills");
        let letter = site.number("SELECT max(id) FROM inbox_messages");
        Self { room, message, lobby, project, tag, skill, letter }
    }

    fn address(&self, path: &str) -> String {
        let path = path.replace("ROOM", &self.room.to_string()).replace("MESSAGE", &self.message.to_string());
        let path = path.replace("LOBBY", &self.lobby.to_string()).replace("PROJECT", &self.project.to_string());
        let path = path.replace("TAG", &self.tag.to_string()).replace("SKILL", &self.skill.to_string());
        path.replace("LETTER", &self.letter.to_string())
    }

    /// All that a refused try must leave as it was.
    fn state(&self, site: &Site) -> String {
        let room = self.room;
        let rooms = site.text("SELECT count(*) FROM rooms");
        let own = site
            .text(&format!("SELECT coalesce(max(name || last_event || updated), 'gone') FROM rooms WHERE id = {room}"));
        let people =
            site.text(&format!("SELECT count(*) || '/' || count(removed) FROM participants WHERE room_id = {room}"));
        let bodies: Vec<String> = site
            .db(|conn| {
                messages::table.filter(messages::room_id.eq(room)).order(messages::id).select(messages::body).load(conn)
            })
            .unwrap();
        let developers = site.text(
            "SELECT (SELECT count(*) || '/' || coalesce(max(title || updated || vote_ratio), '') FROM projects) || ' ' || \
                    (SELECT count(*) FROM project_tags) || ' ' || (SELECT count(*) || '/' || sum(votes_up) FROM projects) \
                    || ' ' || (SELECT coalesce(max(name), '') FROM skills) || ' ' || (SELECT count(*) FROM skills) || ' ' || \
                    (SELECT count(*) FROM reviews) || ' ' || (SELECT count(*) FROM inbox_messages) || ' ' || \
                    (SELECT sum(inbox_unread) FROM users)",
        );
        format!("{rooms} {own} {people} {bodies:?} {developers}")
    }
}

fn somebody<'s>(site: &'s Site, role: &str) -> Person<'s> {
    match role {
        "anonymous" => site.anonymous(),
        "staff" => site.staff("staffer"),
        "superuser" => site.superuser(),
        "disabled" => site.disabled("disabled"),
        name => site.person(name),
    }
}

fn attempt(site: &Site, rule: &Rule, role: &str, expected: Gets) {
    let ground = Ground::new(site);
    let person = somebody(site, role);
    let (method, _) = rule.route.split_once(' ').unwrap();
    let address = ground.address(rule.path);
    let fields: Vec<(&str, String)> = rule.fields.iter().map(|(name, value)| (*name, ground.address(value))).collect();
    let mut fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let token = if method == "POST" { person.token() } else { String::new() };
    let mut request = Request::new(method, &address);
    if method == "POST" {
        fields.push(("csrf_token", &token));
        request = request.form(&fields);
    }
    let before = ground.state(site);
    let opened = person.open(request);
    let told = format!("{role} at {}: {}", rule.route, opened.status);
    match expected {
        Is(status) => assert_eq!(opened.status, status, "{told}"),
        LogIn => {
            assert_eq!(opened.status, 303, "{told}");
            let location = opened.header("location").unwrap();
            assert!(location.starts_with("/login?next="), "{told} {location}");
        }
    }
    // A stream would never end.
    let body =
        if opened.header("content-type") == Some("text/event-stream") { String::new() } else { opened.finish().body };
    if matches!(expected, LogIn | Is(403 | 404)) {
        assert_eq!(ground.state(site), before, "{told} changed something");
        assert!(!body.contains("the author's words"), "{told} shows what it refuses");
    }
}

both!(every_route_is_in_the_table, |site| {
    let mounted = mounted(site);
    let known: BTreeSet<String> = TABLE.iter().map(|rule| rule.route.to_owned()).collect();
    let missing: Vec<&String> = mounted.difference(&known).collect();
    let gone: Vec<&String> = known.difference(&mounted).collect();
    assert!(missing.is_empty(), "nobody said who may use {missing:?}");
    assert!(gone.is_empty(), "{gone:?} is in the table, but not mounted");
    assert_eq!(known.len(), TABLE.len(), "a route stands twice in the table");
});

both!(everybody_gets_what_the_table_says, [("mail.backend", "file")], |site| {
    for rule in TABLE {
        for (role, expected) in ROLES.iter().zip(rule.gets) {
            attempt(site, rule, role, expected);
        }
    }
});

both!(no_method_is_ever_a_fault_of_ours, [("mail.backend", "file")], |site| {
    let ground = Ground::new(site);
    let people = [site.anonymous(), site.person("member"), site.staff("staffer"), site.disabled("disabled")];
    let mounted = mounted(site);
    for rule in TABLE {
        for person in &people {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                let pattern = rule.route.split_once(' ').unwrap().1;
                let has = |method: &str| mounted.contains(&format!("{method} {pattern}"));
                let answers = has(method) || (method == "HEAD" && has("GET"));
                let opened = person.open(Request::new(method, &ground.address(rule.path)));
                let told = format!("{method} {} by {:?}: {}", rule.path, person.username, opened.status);
                assert!(opened.status < 500, "{told}");
                if !answers {
                    assert!([303, 404, 405].contains(&opened.status), "{told}");
                } else if method == "POST" {
                    // Without a token: refused, or led to the log-in.
                    assert!([303, 403].contains(&opened.status), "{told}");
                }
            }
        }
    }
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 2);
});

/// The names of all fields in the forms of a page.
fn field_names(page: &str) -> Vec<String> {
    let tags =
        page.split('<').filter(|tag| ["input", "textarea", "select", "button"].iter().any(|t| tag.starts_with(t)));
    let name = |tag: &str| Some(tag.split_once(" name=\"")?.1.split_once('"')?.0.to_owned());
    tags.filter_map(name).filter(|name| name != "csrf_token").collect()
}

/// Values that break forms, and bytes at random.
fn hostile_value(below: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    const VALUES: [&[u8]; 20] = [
        b"",
        b" ",
        b"0",
        b"-1",
        b"9223372036854775807",
        b"9223372036854775808",
        b"1e999",
        b"NaN",
        b"\0",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        "\u{202e}\u{feff}\u{10ffff}".as_bytes(),
        b"a\r\nSet-Cookie: x=y",
        b"' OR 1=1 --",
        b"{\"a\":[]}",
        b"%00%zz%",
        b"../../etc/passwd",
        b"http://[::1",
        b"//evil.example",
        b"[[[[[[[[```|-|",
    ];
    match below(4) {
        0 => (0..below(40)).map(|_| below(256) as u8).collect(),
        1 => VALUES[below(VALUES.len())].repeat(1 + below(300)),
        _ => VALUES[below(VALUES.len())].to_vec(),
    }
}

both!(any_bytes_in_any_field_are_no_fault_of_ours, [("mail.backend", "file")], |site| {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % most
    };
    let ground = Ground::new(site);
    let mut names: BTreeSet<String> =
        TABLE.iter().flat_map(|rule| rule.fields).map(|(name, _)| (*name).into()).collect();
    for rule in TABLE.iter().filter(|rule| rule.route.starts_with("GET") && !rule.route.contains("events")) {
        for role in ["anonymous", "author"] {
            names.extend(field_names(&somebody(site, role).get(&ground.address(rule.path)).body));
        }
    }
    assert!(names.contains("short_intro") && names.contains("login") && names.contains("subject"), "{names:?}");
    for rule in TABLE.iter().filter(|rule| rule.route.starts_with("POST")) {
        let ground = Ground::new(site);
        for role in ["anonymous", "author", "host"] {
            let person = somebody(site, role);
            let mut fields: Vec<(String, Vec<u8>)> = vec![("csrf_token".into(), person.token().into())];
            for name in &names {
                // Fields of the rule's own are never left out: some forms look at one alone.
                if below(2) == 0 || rule.fields.iter().any(|(own, _)| own == name) {
                    fields.push((name.clone(), hostile_value(&mut below)));
                }
            }
            let request = Request::new("POST", &ground.address(rule.path));
            let request = if below(3) == 0 {
                let mut body = Vec::new();
                for (name, value) in &fields {
                    let file_name = if name.starts_with("picture") { "; filename=\"x\"" } else { "" };
                    let head = format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n");
                    body.extend([head.as_bytes(), value, b"\r\n"].concat());
                }
                body.extend(b"--b--\r\n");
                request.content("multipart/form-data; boundary=b", &body)
            } else {
                let encoded = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>();
                let pairs: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
                request.content("application/x-www-form-urlencoded", pairs.join("&").as_bytes())
            };
            let answer = person.open(request);
            assert!(answer.status < 500, "{} by {role}: {} of {fields:?}", rule.route, answer.status);
        }
    }
});

both!(members_only_is_a_wall_before_every_route, [("site.access", "members")], |site| {
    const OPEN: [&str; 8] =
        ["/login", "/register", "/setup/", "/static/", "/healthz", "/readyz", "/password-reset", "/account/email/"];
    let ground = Ground::new(site);
    for rule in TABLE {
        let (method, pattern) = rule.route.split_once(' ').unwrap();
        if OPEN.iter().any(|open| pattern.starts_with(open)) {
            continue;
        }
        for person in [site.anonymous(), site.disabled("disabled")] {
            let before = ground.state(site);
            let answer = person.send(Request::new(method, &ground.address(rule.path)).form(rule.fields));
            answer.leads_to_login();
            assert_eq!(ground.state(site), before);
        }
    }
    for path in [
        "/nothing",
        "/api/rooms",
        "/robots.txt",
        "/rooms/1/",
        "/%2e%2e/rooms/1",
        "/static/../rooms/1",
        "/login/../rooms/1",
    ] {
        let answer = site.anonymous().get(path);
        assert!([303, 401, 404].contains(&answer.status), "{path}: {}", answer.status);
        answer.see_not("Weavers");
    }
    let told = site.anonymous().send(Request::new("GET", "/").header("Accept", "application/json"));
    told.status(401);
});
