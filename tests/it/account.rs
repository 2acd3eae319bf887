//! One's own account: password, address, log-ins, what one may take along, and the end of it.

use std::io::Read as _;
use std::time::Duration;

use chaupal::kit::i18n::Text;

use crate::support::{Answer, PASSWORD, Person, Request, Site, says, words};

const NEW: &str = "a-lantern-by-the-well-3";

fn change_password(person: &Person<'_>, present: &str, new: &str, again: &str) -> Answer {
    person.post("/account/password", &[("password", present), ("password1", new), ("password2", again)])
}

both!(another_password_ends_the_other_sessions_and_keeps_this_one, [("mail.backend", "file")], |site| {
    let (asha, elsewhere) = (site.person("asha"), site.person("asha"));
    let mut ear = elsewhere.listen(&format!("/rooms/{}/events", site.room(&asha, "Weavers", "Craft")));
    let before = asha.jar.get("session");
    asha.get("/account").status(200).see("asha@example.org");
    asha.get("/account/password").status(200);
    change_password(&asha, PASSWORD, NEW, NEW).leads_to("/account");
    assert!(asha.is_logged_in() && !elsewhere.is_logged_in());
    assert_ne!(asha.jar.get("session"), before, "under a new id");
    assert!(ear.ends(Duration::from_secs(5)));
    site.anonymous().log_in("asha", PASSWORD).status(422);
    site.anonymous().log_in("asha", NEW).leads_to("/");
    site.letter_to("asha@example.org", &says(Text::new("mail-password-changed-subject").with("site", "Test square")));
});

both!(who_does_not_know_the_password_changes_nothing, |site| {
    let asha = site.person("asha");
    let before = site.text("SELECT password FROM users WHERE username = 'asha'");
    for (present, new, again, field) in [
        ("wrong", NEW, NEW, "password"),
        ("", NEW, NEW, "password"),
        (PASSWORD, "short", "short", "password1"),
        (PASSWORD, NEW, "another", "password2"),
    ] {
        let page = change_password(&asha, present, new, again);
        page.status(422).hold(&format!("id=\"{field}-error\"")).see_not(NEW).see_not(PASSWORD);
    }
    asha.post("/account/delete", &[("password", "wrong")]).status(422).see(&words("error-password-wrong"));
    assert_eq!(site.text("SELECT password FROM users WHERE username = 'asha'"), before);
});

both!(guesses_at_ones_own_password_are_slowed, [("throttle.login", "5/h")], |site| {
    let asha = site.person("asha");
    for _ in 0..5 {
        change_password(&asha, "guess", NEW, NEW).status(422);
    }
    change_password(&asha, PASSWORD, NEW, NEW).status(429);
    asha.post("/account/delete", &[("password", PASSWORD)]).status(429);
    assert!(asha.is_logged_in());
});

both!(a_person_sees_his_log_ins_and_ends_them, |site| {
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let (asha, ravi) = (site.anonymous(), site.person("ravi"));
    site.person("asha");
    let token = asha.token();
    let form = [("login", "asha"), ("password", PASSWORD), ("csrf_token", &token)];
    asha.send(Request::new("POST", "/login").form(&form).header("User-Agent", agent)).leads_to("/");
    let page = asha.get("/account/sessions");
    page.status(200).see("Firefox on Linux").see("127.0.0.1").see(&words("session-this")).see(&words("device-unknown"));
    assert_eq!(page.count("/end\""), 1, "the one that is used now is not ended by a button");
    let other = site.person("asha");
    let theirs = site.number(&format!("SELECT max(id) FROM sessions WHERE user_id = {}", ravi.id));
    asha.post(&format!("/account/sessions/{theirs}/end"), &[]).status(404);
    assert!(ravi.is_logged_in(), "another's session does not exist");
    let room = site.room(&ravi, "Weavers", "Craft");
    let mut ear = other.listen(&format!("/rooms/{room}/events"));
    let id = site.number("SELECT max(id) FROM sessions");
    asha.post(&format!("/account/sessions/{id}/end"), &[]).leads_to("/account/sessions");
    assert!(!other.is_logged_in());
    assert!(ear.ends(Duration::from_secs(5)), "and its streams end");
    asha.post(&format!("/account/sessions/{id}/end"), &[]).status(404);
    let third = site.person("asha");
    asha.post("/account/sessions/end-others", &[]).leads_to("/account/sessions");
    assert!(asha.is_logged_in() && !third.is_logged_in() && ravi.is_logged_in());
    assert_eq!(
        site.number("SELECT count(*) FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = 'asha')"),
        1
    );
});

both!(a_person_says_how_others_see_him, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&ravi, "Weavers", "Craft");
    let mut ear = ravi.listen(&format!("/rooms/{room}/events"));
    let mut own = asha.listen(&format!("/rooms/{room}/events"));
    asha.get("/account/edit").status(200);
    asha.post("/account/edit", &[("name", " Asha  Rao "), ("bio", "I weave.\r\n\r\n<b>And</b> sing.")])
        .leads_to("/developers/asha");
    let page = site.anonymous().get("/developers/asha");
    page.status(200).see("Asha Rao").hold("&lt;b&gt;And&lt;/b&gt; sing.");
    assert_eq!(
        site.text("SELECT name || '|' || bio FROM users JOIN profiles ON user_id = id WHERE username = 'asha'"),
        "Asha Rao|I weave.\n\n<b>And</b> sing."
    );
    assert!(own.ends(Duration::from_secs(2)), "his windows come back at once");
    let _again = asha.listen(&format!("/rooms/{room}/events"));
    let shown = crate::support::mail::wait_for("the new name", || {
        let heard = ear.any(Duration::from_secs(5))?;
        heard.data.to_string().contains("Asha Rao").then_some(true)
    });
    assert!(shown);
    // A guest cannot take the new name.
    let guest = site.anonymous().post("/chat", &[("room_name", "Square"), ("username", "ASHA rao")]);
    guest.status(422);
    for (name, bio, field) in [
        ("x".repeat(101), String::new(), "name"),
        ("a\0".into(), String::new(), "name"),
        ("Boss\u{202e}".into(), String::new(), "name"),
        ("a\u{1b}[2J".into(), String::new(), "name"),
        (String::new(), "x".repeat(5001), "bio"),
    ] {
        let page = asha.post("/account/edit", &[("name", &name), ("bio", &bio)]);
        page.status(422).hold(&format!("id=\"{field}-error\""));
    }
    asha.post("/account/edit", &[("name", ""), ("bio", "")]).leads_to("/developers/asha");
    site.anonymous().get("/developers/asha").see_not("I weave");
});

fn ask_for(person: &Person<'_>, email: &str, password: &str) -> Answer {
    person.post("/account/email", &[("email", email), ("password", password)])
}

fn confirm_subject() -> String {
    says(Text::new("mail-confirm-email-subject").with("site", "Test square"))
}

both!(another_address_counts_when_its_owner_says_so, [("mail.backend", "file")], |site| {
    let asha = site.person("asha");
    asha.get("/account/email").status(200).see("asha@example.org");
    ask_for(&asha, "Asha.Rao@example.org", PASSWORD).leads_to("/account");
    let link = site.letter_to("Asha.Rao@example.org", &confirm_subject()).link("/account/email/");
    assert_eq!(site.text("SELECT email FROM users WHERE username = 'asha'"), "asha@example.org", "not yet");
    // On another device, without a log-in; looking at the link does nothing yet.
    let phone = site.anonymous();
    phone.get(&link).status(200).see("Asha.Rao@example.org");
    assert_eq!(site.text("SELECT email FROM users WHERE username = 'asha'"), "asha@example.org");
    phone.post(&link, &[]).leads_to("/login");
    assert_eq!(
        site.text("SELECT email || ' ' || email_key FROM users WHERE username = 'asha'"),
        "Asha.Rao@example.org asha.rao@example.org"
    );
    site.letter_to("asha@example.org", &says(Text::new("mail-email-changed-subject").with("site", "Test square")));
    phone.get(&link).status(404);
    phone.post(&link, &[]).status(404);
    site.anonymous().log_in("asha.rao@example.org", PASSWORD).leads_to("/");
});

fn address_of(site: &Site, person: &Person<'_>) -> String {
    site.text(&format!("SELECT email FROM users WHERE id = {}", person.id))
}

fn link_for(site: &Site, person: &Person<'_>, email: &str) -> String {
    ask_for(person, email, PASSWORD).leads_to("/account");
    site.letter_to(email, &confirm_subject()).link("/account/email/")
}

both!(no_link_for_an_address_comes_back_to_life, [("mail.backend", "file")], |site| {
    let asha = site.person("asha");
    // To b and back: neither the link to b nor one for a new password is good again.
    asha.post("/password-reset", &[("email", "asha@example.org")]).leads_to("/password-reset/sent");
    let subject = says(Text::new("mail-reset-subject").with("site", "Test square"));
    let reset = site.letter_to("asha@example.org", &subject).link("/password-reset/");
    site.anonymous().get(&reset).status(303);
    let there = link_for(site, &asha, "b@example.org");
    asha.post(&there, &[]).leads_to("/account");
    let back = link_for(site, &asha, "asha@example.org");
    asha.post(&back, &[]).leads_to("/account");
    assert_eq!(address_of(site, &asha), "asha@example.org");
    for dead in [&there, &back] {
        site.anonymous().get(dead).status(404);
        site.anonymous().post(dead, &[]).status(404);
    }
    site.anonymous().get(&reset).status(404);
    // A link to the address that he has works once, too, and nobody is told of a change.
    let told = site.all_letters().len();
    let same = link_for(site, &asha, "asha@example.org");
    asha.post(&same, &[]).leads_to("/account");
    asha.post(&same, &[]).status(404);
    assert_eq!(site.all_letters().len(), told + 1);
    // A newer link kills the older one; a link for a new password, which anybody may ask for, does not.
    let older = link_for(site, &asha, "c@example.org");
    let newer = link_for(site, &asha, "d@example.org");
    site.anonymous().post(&older, &[]).status(404);
    site.anonymous().post("/password-reset", &[("email", "asha@example.org")]).leads_to("/password-reset/sent");
    site.letter_to("asha@example.org", &subject);
    site.anonymous().post(&newer, &[]).leads_to("/login");
    assert_eq!(address_of(site, &asha), "d@example.org");
});

both!(a_link_for_an_address_is_open_to_all, [("mail.backend", "file"), ("site.access", "members")], |site| {
    let asha = site.person("asha");
    let link = link_for(site, &asha, "new@example.org");
    let phone = site.anonymous();
    phone.get("/account/email").leads_to_login();
    // A link that was mistyped does not go on in another address.
    let token = link.rsplit('/').next().unwrap();
    phone.get(&format!("/Account/email/{token}")).leads_to("/login?next=%2F");
    phone.get(&link).status(200).see("new@example.org");
    phone.post(&link, &[]).leads_to("/login");
    assert_eq!(address_of(site, &asha), "new@example.org");
});

both!(anothers_link_says_whose_address_changed, [("mail.backend", "file")], |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let link = link_for(site, &asha, "new@example.org");
    ravi.post(&link, &[]).leads_to("/");
    let said = Text::new("flash-email-changed-of").with("email", "new@example.org").with("username", "asha");
    ravi.get("/").see(&says(said));
    assert_eq!(address_of(site, &ravi), "ravi@example.org");
});

both!(
    a_person_asks_for_addresses_so_often_only,
    [("mail.backend", "file"), ("throttle.reset", "3/h"), ("proxy.trusted", "[\"127.0.0.1\"]")],
    |site| {
        let asha = site.person("asha");
        let ask = |n: u32| {
            let (token, email) = (asha.token(), format!("new{n}@example.org"));
            let fields = [("email", email.as_str()), ("password", PASSWORD), ("csrf_token", &token)];
            let request = Request::new("POST", "/account/email").form(&fields);
            asha.send(request.header("X-Forwarded-For", &format!("198.51.100.{n}")))
        };
        for n in 0..3 {
            ask(n).status(303);
        }
        ask(4).status(429);
    }
);

both!(who_stole_a_session_does_not_keep_its_owner_from_his_password, [("throttle.login", "5/h")], |site| {
    let thief = site.person("asha");
    for _ in 0..5 {
        change_password(&thief, "guess", NEW, NEW).status(422);
    }
    change_password(&thief, PASSWORD, NEW, NEW).status(429);
    let asha = site.person("asha");
    change_password(&asha, PASSWORD, NEW, NEW).leads_to("/account");
    assert!(!thief.is_logged_in());
});

both!(what_is_wrong_with_a_new_address_changes_nothing, [("mail.backend", "file")], |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    ask_for(&asha, "nobody", PASSWORD).status(422).hold("id=\"email-error\"");
    ask_for(&asha, "new@example.org", "wrong").status(422).hold("id=\"password-error\"").see("new@example.org");
    assert!(site.letters().is_empty());
    // Of somebody else: the page does not tell, the letter does, and holds no link.
    ask_for(&asha, "RAVI@example.org", PASSWORD).leads_to("/account");
    let letter =
        site.letter_to("RAVI@example.org", &says(Text::new("mail-email-taken-subject").with("site", "Test square")));
    assert!(!letter.text.contains("/account/email/"));
    // Taken between the letter and the click.
    ask_for(&asha, "new@example.org", PASSWORD).leads_to("/account");
    let link = site.letter_to("new@example.org", &confirm_subject()).link("/account/email/");
    site.sql(&format!(
        "UPDATE users SET email = 'new@example.org', email_key = 'new@example.org' WHERE id = {}",
        ravi.id
    ));
    asha.post(&link, &[]).status(404);
    assert_eq!(site.text("SELECT email FROM users WHERE username = 'asha'"), "asha@example.org");
    // A password that was changed meanwhile kills the link.
    ask_for(&asha, "newer@example.org", PASSWORD).leads_to("/account");
    let link = site.letter_to("newer@example.org", &confirm_subject()).link("/account/email/");
    change_password(&asha, PASSWORD, NEW, NEW).leads_to("/account");
    asha.get(&link).status(404);
    for rubbish in ["x", "x.y", ".", "%00", "eyJ1c2VyX2lkIjoxfQ.AAAA"] {
        site.anonymous().get(&format!("/account/email/{rubbish}")).status(404);
    }
});

both!(a_person_takes_his_data_along, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    site.message(room, &asha, "my own words, हिन्दी too");
    site.message(room, &ravi, "another's words");
    asha.get("/account/export").status(200);
    let token = asha.token();
    let opened = asha.open(Request::new("POST", "/account/export").form(&[("csrf_token", &token)]));
    assert_eq!((opened.status, opened.header("content-type")), (200, Some("application/zip")));
    assert!(opened.header("content-disposition").unwrap().starts_with("attachment; filename=\"account-"));
    assert_eq!(opened.header("cache-control"), Some("private, no-store"));
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(opened.bytes())).unwrap();
    let mut read = |name: &str| {
        let mut text = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        assert!(!text.contains("another's words") && !text.contains("argon2"), "{text}");
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    assert_eq!(read("account.json")["email"], "asha@example.org");
    assert_eq!(read("rooms.json")[0]["name"], "Weavers");
    let messages = read("messages.json");
    assert_eq!((messages.as_array().unwrap().len(), &messages[0]["body"]), (1, &"my own words, हिन्दी too".into()));
    assert_eq!(read("sessions.json").as_array().unwrap().len(), 1);
});

both!(a_person_leaves_and_what_he_hosted_stays, [("mail.backend", "file")], |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    site.message(room, &asha, "words that go");
    site.message(room, &ravi, "words that stay");
    let page = asha.get("/account/delete");
    page.status(200)
        .see(&says(Text::new("leaving-messages").with("count", 1)))
        .see(&says(Text::new("leaving-rooms").with("count", 1)));
    asha.post("/account/delete", &[("password", "wrong")]).status(422).see(&words("error-password-wrong"));
    assert!(asha.is_logged_in());
    asha.post("/account/delete", &[("password", PASSWORD)]).leads_to("/");
    assert!(!asha.is_logged_in());
    site.anonymous().log_in("asha", PASSWORD).status(422);
    ravi.get(&format!("/rooms/{room}"))
        .status(200)
        .see("words that stay")
        .see_not("words that go")
        .see(&words("deleted-user"));
    site.letter_to("asha@example.org", &says(Text::new("mail-goodbye-subject").with("site", "Test square")));
    for path in ["/", "/activity", "/topics", "/developers/ravi"] {
        site.anonymous().get(path).status(200);
    }
});

both!(of_the_last_two_who_leave_at_once_one_stays, [("mail.backend", "file")], |site| {
    site.person("second");
    site.sql("UPDATE users SET is_superuser = TRUE WHERE username = 'second'");
    // Each in four windows.
    let ready: Vec<(String, String)> = ["boss", "second"]
        .iter()
        .flat_map(|name| {
            let person = site.person(name);
            let token = person.token();
            let cookies = person.jar.line().unwrap();
            vec![(token, cookies); 4]
        })
        .collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = ready
            .iter()
            .map(|(token, cookies)| {
                scope.spawn(move || {
                    let request =
                        Request::new("POST", "/account/delete").form(&[("password", PASSWORD), ("csrf_token", token)]);
                    request.header("Cookie", cookies).open(site.port()).finish().status
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(site.number("SELECT count(*) FROM users WHERE is_superuser"), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 404, 422].contains(status)), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 4, "{statuses:?}");
    let subject = says(Text::new("mail-goodbye-subject").with("site", "Test square"));
    crate::support::mail::wait_for("the outbox is empty", || {
        (site.number("SELECT count(*) FROM outbox") == 0).then_some(())
    });
    assert_eq!(site.letters().iter().filter(|letter| letter.subject == subject).count(), 1, "one who left, one letter");
});

both!(the_last_who_runs_the_site_stays, |site| {
    let boss = site.superuser();
    boss.post("/account/delete", &[("password", PASSWORD)]).status(422).see(&words("error-last-superuser"));
    assert!(boss.is_logged_in());
    site.person("second");
    site.sql("UPDATE users SET is_superuser = TRUE WHERE username = 'second'");
    boss.post("/account/delete", &[("password", PASSWORD)]).leads_to("/");
});

both!(without_mail_no_address_can_be_confirmed, |site| {
    let asha = site.person("asha");
    asha.get("/account").status(200).see_not(&words("account-email-title"));
    asha.get("/account/email").status(503).see(&words("no-mail-title"));
    ask_for(&asha, "new@example.org", PASSWORD).status(503);
});
