//! Registering with a word from the e-mail address, and by invitation.

use chaupal::accounts::models::invite;
use chaupal::kit::db;
use chaupal::kit::i18n::Text;
use chaupal::kit::migrations;

use crate::support::mail::Letter;
use crate::support::program::run;
use crate::support::{Answer, PASSWORD, Person, Request, Site, says, words};

fn fields<'a>(username: &'a str, email: &'a str, invite: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("username", username),
        ("email", email),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
        ("invite", invite),
        ("name", "Asha Rao"),
    ]
}

fn register(site: &Site, username: &str, email: &str) -> Answer {
    site.anonymous().post("/register", &fields(username, email, ""))
}

/// Chooses this user name and [`PASSWORD`] behind a link.
fn confirm(site: &Site, link: &str, username: &str) -> Answer {
    confirm_in(&site.anonymous(), link, username, PASSWORD)
}

fn confirm_in(browser: &Person<'_>, link: &str, username: &str, password: &str) -> Answer {
    browser.post(link, &[("name", ""), ("username", username), ("password1", password), ("password2", password)])
}

fn confirmation(site: &Site, email: &str) -> Letter {
    site.letter_to(email, &says(Text::new("mail-register-subject").with("site", "Test square")))
}

fn people(site: &Site) -> i64 {
    site.number("SELECT count(*) FROM users") - 1
}

both!(
    an_account_is_made_by_a_click_in_a_letter,
    [("mail.backend", "file"), ("accounts.confirm_email", "true")],
    |site| {
        let asha = site.anonymous();
        asha.post("/register", &fields("Asha", "Asha@example.org", "")).leads_to("/register/sent");
        asha.get("/register/sent").status(200);
        assert!(asha.jar.get("session").is_none());
        let letter = confirmation(site, "Asha@example.org");
        assert_eq!(people(site), 0, "nobody yet");
        asha.log_in("Asha", PASSWORD).status(422);
        assert!(letter.text.starts_with("Hello Asha,") && !letter.raw.contains("Asha Rao"), "{}", letter.text);
        let link = letter.link("/register/confirm/");
        let token = link.rsplit('/').next().unwrap();
        assert_eq!(
            site.number(&format!("SELECT count(*) FROM registrations WHERE token_hash = '{token}'")),
            0,
            "only its hash"
        );
        // Programs look at links too: nothing happens by that.
        let page = site.anonymous().get(&link);
        page.status(200).see("Asha@example.org");
        assert_eq!(page.field("username").as_deref(), Some("Asha"));
        assert_eq!(page.field("name").as_deref(), Some("Asha Rao"));
        asha.send(Request::new("HEAD", &link)).status(200);
        assert_eq!(people(site), 0);
        let phone = site.anonymous();
        let wrong = [("name", "Asha R"), ("username", "Asha"), ("password1", "short"), ("password2", "short")];
        let page = phone.post(&link, &wrong);
        page.status(422).hold("id=\"password1-error\"");
        assert_eq!(page.field("name").as_deref(), Some("Asha R"), "what was typed comes back");
        confirm_in(&phone, &link, "Asha", "a-lantern-by-the-well-3").leads_to("/");
        assert!(phone.is_logged_in());
        assert_eq!(
            site.number("SELECT count(*) FROM users WHERE username = 'Asha' AND email_confirmed IS NOT NULL"),
            1
        );
        phone.get(&link).status(404);
        confirm_in(&phone, &link, "Other", PASSWORD).status(404);
        asha.log_in("asha@example.org", PASSWORD).status(422);
        asha.log_in("asha@example.org", "a-lantern-by-the-well-3").leads_to("/");
        site.letter_to("Asha@example.org", &says(Text::new("mail-welcome-subject").with("site", "Test square")));
    }
);

both!(
    a_known_address_is_told_to_its_owner_alone,
    [("mail.backend", "file"), ("accounts.confirm_email", "true")],
    |site| {
        site.person("ravi");
        let mut answers = Vec::new();
        for (username, email) in [("asha", "new@example.org"), ("bina", "RAVI@example.org")] {
            let stranger = site.anonymous();
            let answer = stranger.post("/register", &fields(username, email, ""));
            let names: Vec<String> =
                answer.cookies().iter().map(|line| line.split('=').next().unwrap().to_owned()).collect();
            let page = stranger.follow(&answer);
            let body: Vec<String> =
                page.body.lines().filter(|line| !line.contains("csrf")).map(ToOwned::to_owned).collect();
            answers.push((answer.status, answer.location(), names, page.status, body));
        }
        assert_eq!(answers[0], answers[1]);
        confirmation(site, "new@example.org");
        let known = site
            .letter_to("ravi@example.org", &says(Text::new("mail-register-known-subject").with("site", "Test square")));
        assert!(known.text.contains("ravi") && !known.text.contains("/register/confirm/"), "{}", known.text);
        assert_eq!(people(site), 1);
        assert_eq!(site.number("SELECT count(*) FROM registrations WHERE email = 'RAVI@example.org'"), 0);
        // User names are no secret.
        register(site, "RAVI", "other@example.org").status(422).see(&words("error-username-taken"));
        register(site, "x", "other@example.org").status(422);
    }
);

// Somebody else's wish for an address must not replace its owner's, nor choose the password of the account.
both!(
    wishes_for_one_address_keep_their_links_until_one_is_confirmed,
    [("mail.backend", "file"), ("accounts.confirm_email", "true")],
    |site| {
        register(site, "asha", "asha@example.org").leads_to("/register/sent");
        let own = confirmation(site, "asha@example.org").link("/register/confirm/");
        register(site, "thief", "ASHA@example.org").leads_to("/register/sent");
        let other = confirmation(site, "ASHA@example.org").link("/register/confirm/");
        assert_eq!(site.anonymous().get(&own).field("username").as_deref(), Some("asha"));
        assert_eq!(site.anonymous().get(&other).field("username").as_deref(), Some("thief"));
        // Whichever link the owner opens, names and password are their own.
        confirm_in(&site.anonymous(), &other, "asha", "a-lantern-by-the-well-3").leads_to("/");
        assert_eq!(site.text("SELECT username FROM users WHERE email_key = 'asha@example.org'"), "asha");
        for login in ["asha", "thief", "asha@example.org"] {
            site.anonymous().log_in(login, PASSWORD).status(422);
        }
        site.anonymous().log_in("asha", "a-lantern-by-the-well-3").leads_to("/");
        // The other link says that there is an account, and makes none.
        let told = "An account with this email already exists. Log in, or reset your password.";
        site.anonymous().get(&own).status(404).see(told);
        confirm(site, &own, "second").status(404).see(told);
        assert_eq!(people(site), 1);
    }
);

both!(old_links_make_no_account, [("mail.backend", "file"), ("accounts.confirm_email", "true")], |site| {
    // What is too old is no good, and goes.
    register(site, "third", "third@example.org").leads_to("/register/sent");
    let link = confirmation(site, "third@example.org").link("/register/confirm/");
    site.sql("UPDATE registrations SET expires = created");
    site.anonymous().get(&link).status(404);
    confirm(site, &link, "third").status(404);
    site.db(chaupal::accounts::models::clear_expired).unwrap();
    assert_eq!(site.number("SELECT count(*) FROM registrations"), 0);
    for rubbish in ["x", "%00", "..", "a/b"] {
        site.anonymous().get(&format!("/register/confirm/{rubbish}")).status(404);
    }
});

both!(
    sign_up_that_waits_at_the_migration_keeps_its_link,
    [("mail.backend", "file"), ("accounts.confirm_email", "true")],
    |site| {
        register(site, "asha", "asha@example.org").leads_to("/register/sent");
        let link = confirmation(site, "asha@example.org").link("/register/confirm/");
        let hash = site.text("SELECT token_hash FROM registrations");
        let to = |target| site.db(|conn| migrations::run(conn, target, |_| {})).unwrap();
        to(Some("0021_looks"));
        site.sql(&format!(
            "INSERT INTO registrations (email, email_key, username, name, password, token_hash, created, expires) VALUES \
             ('asha@example.org', 'asha@example.org', 'asha', '', 'x', '{hash}', '2026-01-01 00:00:00', '2999-01-01 00:00:00')"
        ));
        to(None);
        confirm(site, &link, "asha").leads_to("/");
        site.anonymous().log_in("asha", PASSWORD).leads_to("/");
    }
);

both!(
    username_taken_before_the_click_is_chosen_anew,
    [("mail.backend", "file"), ("accounts.confirm_email", "true")],
    |site| {
        register(site, "asha", "one@example.org").leads_to("/register/sent");
        register(site, "asha", "two@example.org").leads_to("/register/sent");
        let (one, two) = (confirmation(site, "one@example.org"), confirmation(site, "two@example.org"));
        confirm(site, &one.link("/register/confirm/"), "asha").leads_to("/");
        let link = two.link("/register/confirm/");
        let late = confirm(site, &link, "asha");
        late.status(422).see("This username is taken.");
        assert_eq!(late.field("username").as_deref(), Some("asha"));
        confirm(site, &link, "аsha")
            .status(422)
            .see("This username looks like the username of another account. Choose a different one.");
        confirm(site, &link, "admin").status(422).see("This name is reserved. Choose a different one.");
        assert_eq!(people(site), 1);
        confirm(site, &link, "asha2").leads_to("/");
        assert_eq!(site.text("SELECT username FROM users WHERE email_key = 'two@example.org'"), "asha2");
    }
);

both!(
    of_fifty_at_once_with_one_address_one_account_comes,
    [("mail.backend", "file"), ("accounts.confirm_email", "true")],
    |site| {
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..50)
                .map(|n| scope.spawn(move || register(site, &format!("person{n}"), "one@example.org").status))
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(statuses.iter().all(|status| *status == 303), "{statuses:?}");
        let links: Vec<String> =
            site.letters_to("one@example.org", 50).iter().map(|letter| letter.link("/register/confirm/")).collect();
        let made: Vec<u16> = std::thread::scope(|scope| {
            let all: Vec<_> = links
                .iter()
                .enumerate()
                .map(|(n, link)| scope.spawn(move || confirm(site, link, &format!("person{n}")).status))
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(made.iter().filter(|status| **status == 303).count(), 1, "{made:?}");
        assert!(made.iter().all(|status| [303, 404].contains(status)), "{made:?}");
        assert_eq!(people(site), 1);
    }
);

both!(
    who_asked_while_the_door_was_open_finds_it_closed,
    [("accounts.registration", "closed"), ("mail.backend", "file"), ("accounts.confirm_email", "true")],
    |site| {
        let token = invited(site, 1);
        site.anonymous().post("/register", &fields("asha", "asha@example.org", &token)).leads_to("/register/sent");
        let link = confirmation(site, "asha@example.org").link("/register/confirm/");
        // As a wish is of which no invitation was asked, for the site was open then.
        site.sql("UPDATE registrations SET invite_id = NULL");
        confirm(site, &link, "asha").status(404).see(&words("register-closed-meanwhile"));
        assert_eq!(people(site), 0);
    }
);

fn invited(site: &Site, uses: i64) -> String {
    site.db(|conn| db::transaction(conn, |conn| invite::make(conn, "", uses, 7)))
        .unwrap_or_else(|error: diesel::result::Error| panic!("no invitation: {error}"))
}

both!(a_closed_site_takes_in_who_was_invited, [("accounts.registration", "closed")], |site| {
    register(site, "asha", "asha@example.org").status(403);
    let token = invited(site, 2);
    assert_eq!(site.number(&format!("SELECT count(*) FROM invites WHERE token_hash = '{token}'")), 0, "only its hash");
    for wrong in ["x", "", "%00", &token[1..]] {
        site.anonymous().get(&format!("/register?invite={wrong}")).status(403);
        site.anonymous().post("/register", &fields("asha", "asha@example.org", wrong)).status(403);
    }
    let page = site.anonymous().get(&format!("/register?invite={token}"));
    page.status(200).see(&words("register-invited"));
    assert_eq!(page.field("invite").as_deref(), Some(token.as_str()));
    // What is wrong costs no place, and keeps the invitation.
    let again = site.anonymous().post("/register", &fields("x", "asha@example.org", &token));
    assert_eq!(again.status(422).field("invite").as_deref(), Some(token.as_str()));
    site.anonymous().post("/register", &fields("boss", "asha@example.org", &token)).status(422);
    assert_eq!(site.number("SELECT uses_left FROM invites"), 2);
    let asha = site.anonymous();
    asha.post("/register", &fields("asha", "asha@example.org", &token)).leads_to("/");
    assert!(asha.is_logged_in());
    site.anonymous().post("/register", &fields("bina", "bina@example.org", &token)).leads_to("/");
    site.anonymous().get(&format!("/register?invite={token}")).status(403).see(&words("registration-invite-used"));
    let old = invited(site, 5);
    site.sql("UPDATE invites SET expires = created");
    site.anonymous().get(&format!("/register?invite={old}")).status(403);
    // Made while the clock ran ahead.
    let future = invited(site, 5);
    site.anonymous().get(&format!("/register?invite={future}")).status(200);
    site.sql("UPDATE invites SET created = '2999-01-01 00:00:00', expires = '2999-02-01 00:00:00'");
    site.anonymous().get(&format!("/register?invite={future}")).status(403);
    assert_eq!(people(site), 2);
});

both!(of_two_who_take_the_last_place_one_gets_it, [("accounts.registration", "closed")], |site| {
    let token = invited(site, 1);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let token = &token;
        let all: Vec<_> = (0..8)
            .map(|n| {
                scope.spawn(move || {
                    let (username, email) = (format!("person{n}"), format!("person{n}@example.org"));
                    site.anonymous().post("/register", &fields(&username, &email, token)).status
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 422, 403].contains(status)), "{statuses:?}");
    assert_eq!((people(site), site.number("SELECT uses_left FROM invites")), (1, 0));
});

both!(
    an_invited_address_is_confirmed_too,
    [("accounts.registration", "closed"), ("mail.backend", "file"), ("accounts.confirm_email", "true")],
    |site| {
        let token = invited(site, 1);
        for n in ["one", "two"] {
            let email = format!("{n}@example.org");
            site.anonymous().post("/register", &fields(n, &email, &token)).leads_to("/register/sent");
        }
        assert_eq!(site.number("SELECT uses_left FROM invites"), 1, "a place is taken by who confirms");
        let link = |n: &str| confirmation(site, &format!("{n}@example.org")).link("/register/confirm/");
        confirm(site, &link("two"), "two").leads_to("/");
        confirm(site, &link("one"), "one").status(404).see(&words("error-invite-used"));
        assert_eq!(people(site), 1);
    }
);

#[test]
fn invite_makes_lists_and_takes_back() {
    let folder = tempfile::tempdir().unwrap();
    let env = [("CHAUPAL_SITE_URL", "https://square.example.org"), ("CHAUPAL_ACCOUNTS__REGISTRATION", "closed")];
    run(folder.path(), &["migrate"], &[]).done();
    assert!(run(folder.path(), &["invite", "--list"], &env).done().out.contains("No invitation"));
    let made = run(folder.path(), &["invite", "--uses", "30", "--days", "2", "--note", "class 7b"], &env);
    let line = made.done().out.trim();
    assert!(line.starts_with("https://square.example.org/register?invite=") && !line.contains('\n'), "{made:?}");
    let listed = run(folder.path(), &["invite", "--list"], &env);
    assert!(listed.done().out.starts_with("1  uses left: 30  until ") && listed.out.contains("class 7b"), "{listed:?}");
    assert!(!listed.out.contains(line.rsplit('=').next().unwrap()));
    run(folder.path(), &["invite", "--revoke", "1"], &env).done();
    run(folder.path(), &["invite", "--revoke", "1"], &env).one_line(1, &["no invitation 1"]);
    for wrong in [["--uses", "0"], ["--uses", "x"], ["--days", "-1"]] {
        assert_eq!(run(folder.path(), &["invite", wrong[0], wrong[1]], &env).code, 2);
    }
}

both!(
    registration_link_from_the_future_is_refused,
    [("accounts.confirm_email", "true"), ("mail.backend", "file")],
    |site| {
        register(site, "asha", "asha@example.org").leads_to("/register/sent");
        let link = confirmation(site, "asha@example.org").link("/register/confirm/");
        site.anonymous().get(&link).status(200);
        let ahead = chrono::Utc::now().naive_utc() + chrono::TimeDelta::days(31);
        let times = format!("created = '{}', expires = '{}'", ahead, ahead + chrono::TimeDelta::days(1));
        site.sql(&format!("UPDATE registrations SET {times}"));
        site.anonymous().get(&link).status(404);
    }
);
