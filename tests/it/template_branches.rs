//! Branches of templates that no other test draws: each shows what it is for.

use std::sync::Arc;

use chaupal::kit::i18n::Catalogue;
use chaupal::kit::templates::{self, Pages};
use serde_json::{Value, json};

use crate::support::{Answer, Backend, Request, Site, escaped};

/// What stands between these two on a page, without the white space around it.
fn between<'a>(page: &'a Answer, begin: &str, end: &str) -> &'a str {
    let (_, rest) = page.body.split_once(begin).unwrap_or_else(|| panic!("no {begin:?} in {}", page.body));
    rest.split(end).next().unwrap_or_default().trim()
}

both!(account_without_email_says_that_there_is_none, [("mail.backend", "file")], |site| {
    let asha = site.person("asha");
    assert!(
        between(&asha.get("/account"), "<p class=\"page-note\">", "<time").starts_with("asha · asha@example.org · ")
    );
    site.sql(&format!("UPDATE users SET email = '', email_key = NULL WHERE id = {}", asha.id));
    assert_eq!(between(&asha.get("/account"), "<p class=\"page-note\">", "<time"), "asha · joined");
    let note = "There is no address yet. We send a link to the one you give; it counts when you have opened it.";
    asha.get("/account/email").status(200).hold(&format!("<p class=\"page-note\">{note}</p>"));
});

both!(throttled_page_says_when_to_come_back, [("throttle.reset", "1/h")], |site| {
    let asha = site.person("asha");
    asha.post("/account/export", &[]).status(200);
    let page = asha.post("/account/export", &[]);
    page.status(429).hold("<h1>A little slower, please</h1>");
    let seconds = page.header("retry-after").unwrap();
    page.hold(&format!("<p>Try again in {seconds} seconds.</p>"));
    page.hold("class=\"p-flame\"");
    assert!(!between(&page, "<p class=\"error-id\">", "</p>").is_empty());
});

both!(long_conversation_of_a_chat_room_leads_to_older_messages, |site| {
    let room = site.chat_room("Market");
    site.guest_message(room, "Meera", "the first words");
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 59)";
    site.sql(&format!(
        "INSERT INTO messages (room_id, guest_name, in_lobby, body, seq, version, created, updated) {numbers} \
         SELECT m.room_id, m.guest_name, m.in_lobby, 'more', m.seq + i, m.seq + i, m.created, m.updated FROM n, messages m"
    ));
    let page = site.anonymous().get("/chat/Market");
    page.status(200).hold(&format!("data-older=\"{}\"", escaped("/chat/Market?before=11"))).see_not("the first words");
    site.anonymous().get("/chat/Market?before=11").status(200).see("the first words").see_not("data-older");
});

both!(page_of_one_message_names_a_guest_or_a_former_member, |site| {
    let guest = site.guest_message(site.chat_room("Market"), "Meera", "the first words");
    site.anonymous().get(&format!("/messages/{guest}")).status(200).see("Meera").see("guest").see("the first words");
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let message = site.message(room, &asha, "a word on weavers");
    site.sql(&format!("UPDATE messages SET user_id = NULL WHERE id = {message}"));
    site.anonymous().get(&format!("/messages/{message}")).status(200).see("former member").see("a word on weavers");
});

both!(room_without_topic_host_and_author_says_who_is_missing, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers of the valley", "Craft");
    site.message(room, &ravi, "a word on weavers");
    let path = format!("/rooms/{room}");
    asha.get(&path).hold("class=\"chip\"");
    site.sql("UPDATE rooms SET topic_id = NULL, host_id = NULL");
    site.sql("UPDATE messages SET user_id = NULL");
    let page = ravi.get(&path);
    page.status(200).see("a word on weavers").see_not("class=\"chip\"");
    page.hold("<span class=\"room-host\">Hosted by a former member</span>");
    page.hold("<span class=\"message-name\">a former member</span>");
    let boss = site.staff("boss");
    let message = site.number("SELECT max(id) FROM messages");
    let question = boss.get(&format!("/messages/{message}/delete"));
    question.status(200).see("a word on weavers").see_not("<footer>");
    for (kind, badge) in [("rooms", "Room"), ("messages", "Message")] {
        let found = ravi.get(&format!("/search?q=weavers&kind={kind}"));
        let note = between(&found, "<p class=\"result-note\">", "</p>");
        assert!(
            note.starts_with(&format!("<span class=\"badge\">{badge}</span> <span>a former member</span>")),
            "{note}"
        );
    }
});

both!(page_of_a_closed_site_offers_no_registration, [("accounts.registration", "closed")], |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    for path in ["/".to_owned(), format!("/rooms/{room}"), "/login".into()] {
        let page = site.anonymous().get(&path);
        page.status(200).see_not("href=\"/register");
        page.hold(">Log in</");
    }
});

both!(all_whom_the_host_took_out_are_listed, |site| {
    let (asha, ravi, meera) = (site.person("asha"), site.person("ravi"), site.person("meera"));
    let room = site.room(&asha, "Weavers", "Craft");
    let listed = || asha.get(&format!("/rooms/{room}")).count(">Let in again <");
    for (person, count) in [(&ravi, 1), (&meera, 2)] {
        site.message(room, person, "a word");
        asha.post(&format!("/rooms/{room}/participants/{}/remove", person.username), &[]).status(303);
        assert_eq!(listed(), count);
    }
});

both!(project_without_owner_names_a_former_member, |site| {
    let asha = site.person("asha");
    let project = site.project(&asha, "Loom", &[]);
    site.sql("UPDATE projects SET owner_id = NULL");
    let page = asha.get(&format!("/projects/{project}"));
    page.status(200).hold("<span>by a former member</span>").see_not("href=\"/developers/asha\">asha</a></span>");
});

fn back_link(path: &str) -> String {
    format!("class=\"back-link\" href=\"{}\"", escaped(path))
}

both!(project_form_leads_back_to_the_page_before, |site| {
    let asha = site.person("asha");
    let project = site.project(&asha, "Loom", &[]);
    let referer = format!("http://127.0.0.1:{}/projects/{project}", site.port());
    for path in ["/projects/new".to_owned(), format!("/projects/{project}/edit")] {
        let page = asha.send(Request::new("GET", &path).header("Referer", &referer));
        page.status(200).hold(&back_link(&format!("/projects/{project}")));
    }
    asha.get("/projects/new").hold(&back_link("/projects"));
});

both!(refused_profile_keeps_the_wish_to_remove_the_picture, |site| {
    let asha = site.person("asha");
    let page = asha.post("/account/edit", &[("username", "no such name!"), ("picture_remove", "1")]);
    page.status(422).hold("name=\"picture_remove\" type=\"checkbox\" value=\"1\" checked>");
    asha.get("/account/edit").see_not("value=\"1\" checked>");
});

both!(empty_site_says_that_no_project_is_shown, |site| {
    site.anonymous()
        .get("/projects")
        .status(200)
        .hold("Nothing is shown here yet.")
        .hold("Be the first: what did you make?");
});

#[test]
fn site_without_members_says_that_nobody_is_here() {
    let site = Site::bare(Backend::Sqlite, &[]);
    site.launch();
    site.anonymous().get("/developers").status(200).hold("<p class=\"empty-title\">Nobody is here yet.</p>");
}

/// The built-in templates, without a server.
fn pages() -> Pages {
    let site = Site::bare(Backend::Sqlite, &[]);
    let catalogue = Arc::new(Catalogue::embedded().unwrap());
    Pages::of(templates::load(catalogue, &site.folder().join("none"), &site.config.media).unwrap())
}

#[test]
fn letter_has_as_many_lines_and_notes_as_it_was_given() {
    let pages = pages();
    for (lines, notes) in
        [(vec![], vec![]), (vec!["First line."], vec!["A note."]), (vec!["One.", "Two."], vec!["Three.", "Four."])]
    {
        let letter = json!({
            "lang": "en", "subject": "S", "name": "Asha", "lines": lines, "notes": notes, "button": Value::Null, "url": Value::Null,
            "site": "Square", "site_url": "http://127.0.0.1",
        });
        let text = pages.render("mail/letter.txt", &letter).unwrap();
        let said: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let expected: Vec<&str> = ["Hello Asha,"]
            .iter()
            .chain(&lines)
            .chain(&notes)
            .chain(&["--", "Square", "http://127.0.0.1"])
            .copied()
            .collect();
        assert_eq!(said, expected);
        let html = pages.render("mail/letter.html", &letter).unwrap();
        assert_eq!(html.matches("<p>").count(), 1 + lines.len(), "{html}");
        assert_eq!(html.matches("<p class=\"small\">").count(), notes.len(), "{html}");
    }
}

#[test]
fn composer_shows_an_error_of_the_whole_form() {
    let context = json!({
        "form": { "errors": { "form": ["Please send it again."] }, "values": { "body": "typed words" } },
        "page": { "csrf": "token" }, "room": { "url": "/rooms/1", "name": "Weavers" }, "ask_name": false, "guest": Value::Null,
    });
    let html = pages().render("rooms/_composer.html", &context).unwrap();
    assert!(html.contains("<div class=\"form-errors\" role=\"alert\"><p>Please send it again.</p></div>"), "{html}");
    assert!(html.contains(">\ntyped words</textarea>") && !html.contains("aria-invalid"), "{html}");
}
