//! The inbox and the form that leads into another's.

use crate::support::{Answer, Person, Request, Site, words};

fn write(from: &Person<'_>, to: &str, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("subject", "Hello"), ("body", "Some **words**")];
    all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
    all.extend_from_slice(fields);
    from.post(&format!("/developers/{to}/message"), &all)
}

fn unread(site: &Site, username: &str) -> i64 {
    site.number(&format!("SELECT inbox_unread FROM users WHERE username = '{username}'"))
}

/// The subjects in somebody's inbox, in their order.
fn subjects(person: &Person<'_>) -> Vec<String> {
    let page = person.get("/inbox");
    let rows = page.body.split("class=\"inbox-subject\">").skip(1);
    rows.filter_map(|row| Some(row.split_once('<')?.0.to_owned())).collect()
}

both!(a_message_comes_is_counted_and_is_read, |site| {
    let (asha, ravi, meera) = (site.person("asha"), site.person("ravi"), site.person("meera"));
    ravi.get("/developers/asha/message").status(200);
    write(&ravi, "asha", &[("subject", "First")]).leads_to("/developers/asha");
    write(&meera, "ASHA", &[("subject", "Second")]).leads_to("/developers/asha");
    assert_eq!(unread(site, "asha"), 2);
    asha.get("/").hold("class=\"inbox-count\"");
    assert_eq!(subjects(&asha), ["Second", "First"]);
    asha.get("/inbox").hold("<bdi>meera</bdi> @meera<").hold("<bdi>ravi</bdi> @ravi<");
    let second = site.number("SELECT id FROM inbox_messages WHERE subject = 'Second'");
    let page = asha.get(&format!("/inbox/{second}"));
    page.status(200).see("Second").hold("<strong>words</strong>").see("/developers/meera");
    assert_eq!(unread(site, "asha"), 1);
    page.hold("aria-hidden=\"true\">1</span>");
    assert_eq!(subjects(&asha), ["First", "Second"], "the unread ones first");
    asha.get(&format!("/inbox/{second}")).status(200);
    assert_eq!(unread(site, "asha"), 1, "opening it again changes nothing");
    // Others' messages are none.
    for other in [&ravi, &meera, &site.superuser()] {
        other.get(&format!("/inbox/{second}")).status(404);
        other.post(&format!("/inbox/{second}/delete"), &[]).status(404);
    }
    site.anonymous().get(&format!("/inbox/{second}")).leads_to_login();
    asha.get("/inbox/x").status(404);
    let first = site.number("SELECT id FROM inbox_messages WHERE subject = 'First'");
    asha.post(&format!("/inbox/{first}/delete"), &[]).leads_to("/inbox");
    assert_eq!((unread(site, "asha"), subjects(&asha).len()), (0, 1));
    assert!(!asha.get("/").body.contains("class=\"inbox-count\""));
    // Who leaves is named still, and leads nowhere.
    site.delete(meera.id);
    asha.get(&format!("/inbox/{second}")).status(200).see("meera");
    site.delete(asha.id);
    assert_eq!(site.number("SELECT count(*) FROM inbox_messages"), 0);
});

both!(nobody_forges_a_sender_and_nobody_writes_to_himself, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let forged = [("name", "The boss"), ("email", "boss@example.org"), ("sender_id", "1"), ("sender", "1")];
    write(&ravi, "asha", &forged).leads_to("/developers/asha");
    assert_eq!(site.text("SELECT name || '|' || email FROM inbox_messages"), "ravi|");
    assert_eq!(site.number("SELECT sender_id FROM inbox_messages"), ravi.id);
    write(&asha, "asha", &[]).status(403);
    asha.get("/developers/asha/message").status(403);
    write(&ravi, "nobody", &[]).status(404);
    let gone = site.disabled("gone");
    write(&ravi, &gone.username, &[]).status(404);
    assert_eq!(site.number("SELECT count(*) FROM inbox_messages"), 1);
});

both!(a_stranger_gives_name_and_address, |site| {
    let asha = site.person("asha");
    let stranger = site.anonymous();
    let page = write(&stranger, "asha", &[("body", "kept words")]);
    page.status(422).hold("id=\"name-error\"").hold("id=\"email-error\"").see("kept words");
    for (field, value) in [
        ("email", "nobody"),
        ("email", "a@b.example\r\nBcc: c@d.example"),
        ("name", "a\0b"),
        ("subject", " "),
        ("body", "\u{200b}"),
        ("subject", &"x".repeat(201)),
        ("body", &"x".repeat(10_001)),
    ] {
        let mut fields = vec![("name", "Passer-by"), ("email", "passer@example.org")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        write(&stranger, "asha", &fields).status(422).hold(&format!("id=\"{field}-error\""));
    }
    let fields = [("name", "<b>Passer-by</b>"), ("email", "passer@example.org"), ("subject", "<i>Hi</i>")];
    write(&stranger, "asha", &fields).leads_to("/developers/asha");
    let id = site.number("SELECT id FROM inbox_messages");
    asha.get("/inbox").see("<b>Passer-by</b>").see("<i>Hi</i>");
    asha.get(&format!("/inbox/{id}")).see("<b>Passer-by</b>").see("passer@example.org").see(&words("inbox-stranger"));
});

both!(a_program_that_fills_every_field_learns_nothing, |site| {
    site.person("asha");
    let fields = [("name", "Bot"), ("email", "bot@example.org"), ("website", "https://buy.example")];
    let answer = write(&site.anonymous(), "asha", &fields);
    answer.leads_to("/developers/asha");
    assert_eq!(site.number("SELECT count(*) FROM inbox_messages"), 0);
});

both!(
    the_form_is_slowed_and_loses_no_text,
    [("throttle.contact", "2/h"), ("proxy.trusted", "[\"127.0.0.1\"]")],
    |site| {
        site.person("asha");
        let (ravi, stranger) = (site.person("ravi"), site.anonymous());
        let fields = [("name", "Passer-by"), ("email", "passer@example.org"), ("body", "typed words")];
        for _ in 0..2 {
            write(&stranger, "asha", &fields).status(303);
            write(&ravi, "asha", &[]).status(303);
        }
        for person in [&stranger, &ravi] {
            let slowed = write(person, "asha", &fields);
            slowed.status(429).see("typed words");
            assert!(slowed.header("retry-after").is_some());
        }
        // Programs use their allowance up like people.
        assert_eq!(site.number("SELECT count(*) FROM inbox_messages"), 4);
    }
);

both!(a_stranger_does_not_pass_for_a_member, |site| {
    let (asha, bina) = (site.person("asha"), site.person("bina"));
    let path = "/developers/asha/message";
    let fields = [("name", "bina"), ("email", "other@example.org"), ("subject", "From the road"), ("body", "hi")];
    site.anonymous().post(path, &fields).status(303);
    asha.get("/inbox").see("From the road").see(&words("inbox-not-member"));
    site.sql("DELETE FROM inbox_messages");
    bina.post(path, &fields).status(303);
    asha.get("/inbox").see("From the road").see_not(&words("inbox-not-member"));
    let turned = [("name", "ab\u{202e}c"), ("email", "other@example.org"), ("subject", "s"), ("body", "hi")];
    site.anonymous().post(path, &turned).status(422).see(&words("error-name-chars"));
});

both!(what_fills_in_forms_for_members_loses_nothing, |site| {
    let (asha, bina) = (site.person("asha"), site.person("bina"));
    bina.get("/developers/asha/message").status(200).see_not("name=\"website\"");
    let fields = [("subject", "s"), ("body", "hello"), ("website", "https://bina.example")];
    bina.post("/developers/asha/message", &fields).status(303);
    asha.get("/inbox").see("s");
    assert_eq!(site.number("SELECT count(*) FROM inbox_messages"), 1);
});

both!(who_does_not_look_has_read_nothing, |site| {
    let (asha, bina) = (site.person("asha"), site.person("bina"));
    bina.post("/developers/asha/message", &[("subject", "s"), ("body", "hello")]).status(303);
    let path = format!("/inbox/{}", site.number("SELECT id FROM inbox_messages"));
    let unread = || site.number("SELECT count(*) FROM inbox_messages WHERE NOT is_read");
    asha.send(Request::new("HEAD", &path)).status(200);
    asha.send(Request::new("GET", &path).header("Sec-Purpose", "prefetch;prerender")).status(200);
    assert_eq!(unread(), 1);
    asha.get(&path).status(200);
    assert_eq!(unread(), 0);
});
