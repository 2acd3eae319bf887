//! A new password for who forgot the old one.

use std::time::{Duration, Instant};

use chaupal::accounts::models::User;
use chaupal::kit::i18n::Text;

use crate::support::mail::Letter;
use crate::support::{DJANGO_HASH, PASSWORD, Person, Request, Site, says, words};

const NEW: &str = "a-lantern-by-the-well-3";

fn subject() -> String {
    says(Text::new("mail-reset-subject").with("site", "Test square"))
}

/// Asks for a link and reads it.
fn asked(site: &Site, email: &str) -> Letter {
    site.anonymous().post("/password-reset", &[("email", email)]).leads_to("/password-reset/sent");
    site.letter_to(email, &subject())
}

fn set(browser: &Person<'_>, form: &str, password: &str) -> crate::support::Answer {
    browser.post(form, &[("password1", password), ("password2", password)])
}

/// Opens the link: the form's address.
fn opened(browser: &Person<'_>, link: &str) -> String {
    let answer = browser.get(link);
    let form = answer.status(303).location();
    assert!(form.ends_with("/set") && !form.contains(link.rsplit('/').next().unwrap()), "the token leaves the address");
    browser.get(&form).status(200);
    form
}

both!(who_forgot_his_password_gets_a_new_one_and_all_else_ends, [("mail.backend", "file")], |site| {
    let asha = site.person("asha");
    let (elsewhere, stranger) = (site.person("asha"), site.anonymous());
    let mut ear = elsewhere.listen(&format!("/rooms/{}/events", site.room(&asha, "Weavers", "Craft")));
    stranger.get("/password-reset").status(200);
    let letter = asked(site, "asha@example.org");
    assert!(
        letter.text.contains("asha") && letter.text.contains("http://127.0.0.1/password-reset/"),
        "{}",
        letter.text
    );
    let form = opened(&stranger, &letter.link("/password-reset/"));
    stranger.get(&form).status(200).see("asha");
    let answer = set(&stranger, &form, NEW);
    answer.leads_to("/password-reset/complete");
    stranger.follow(&answer).status(200);
    assert!(!asha.is_logged_in() && !elsewhere.is_logged_in(), "every session is over");
    assert!(ear.ends(Duration::from_secs(5)), "and every stream");
    let stored = site.text("SELECT password FROM users WHERE username = 'asha'");
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    site.anonymous().log_in("asha", PASSWORD).status(422);
    site.anonymous().log_in("asha", NEW).leads_to("/");
    let told = site
        .letter_to("asha@example.org", &says(Text::new("mail-password-changed-subject").with("site", "Test square")));
    assert!(!told.raw.contains(NEW));
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username = 'asha' AND email_confirmed IS NOT NULL"), 1);
});

both!(a_link_works_once, [("mail.backend", "file")], |site| {
    site.person("asha");
    let link = asked(site, "asha@example.org").link("/password-reset/");
    let browser = site.anonymous();
    let form = opened(&browser, &link);
    set(&browser, &form, NEW).leads_to("/password-reset/complete");
    for again in [&browser, &site.anonymous()] {
        again.get(&link).status(404).see(&words("reset-expired-title"));
        again.get(&form).status(404);
        set(again, &form, "something-else-again-5").status(404);
    }
    site.anonymous().log_in("asha", NEW).leads_to("/");
});

both!(only_the_newest_link_works, [("mail.backend", "file")], |site| {
    site.person("asha");
    let first = asked(site, "asha@example.org").link("/password-reset/");
    let second = asked(site, "asha@example.org").link("/password-reset/");
    assert_ne!(first, second);
    site.anonymous().get(&first).status(404);
    opened(&site.anonymous(), &second);
});

both!(a_link_dies_with_the_password_the_address_and_the_account, [("mail.backend", "file")], |site| {
    let asha = site.person("asha");
    for change in [
        "UPDATE users SET password = 'another' WHERE username = 'asha'",
        "UPDATE users SET email_key = 'other@example.org' WHERE username = 'asha'",
        "UPDATE users SET is_active = FALSE WHERE username = 'asha'",
    ] {
        let link = asked(site, "asha@example.org").link("/password-reset/");
        let browser = site.anonymous();
        let form = opened(&browser, &link);
        site.sql(change);
        browser.get(&form).status(404);
        set(&browser, &form, NEW).status(404);
        site.anonymous().get(&link).status(404);
        site.sql("UPDATE users SET email_key = 'asha@example.org', is_active = TRUE WHERE username = 'asha'");
    }
    assert_eq!(site.text(&format!("SELECT password FROM users WHERE id = {}", asha.id)), "another");
});

both!(a_link_of_another_person_or_of_nobody_is_none, [("mail.backend", "file")], |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let link = asked(site, "asha@example.org").link("/password-reset/");
    let token = link.rsplit('/').next().unwrap();
    for uid in [ravi.id.to_string(), "0".into(), "99999".into(), "x".into(), "%00".into(), "-1".into()] {
        let answer = site.anonymous().get(&format!("/password-reset/{uid}/{token}"));
        answer.status(404).see_not("asha").see_not("ravi");
    }
    for bent in ["set", "x", "-", "0-", &format!("{token}x"), &token[1..], "%00", "%2e%2e"] {
        site.anonymous().get(&format!("/password-reset/{}/{bent}", asha.id)).status(404);
    }
    // The token in the address sets nothing: it must have gone into the cookie.
    set(&site.anonymous(), &link, NEW).status(404);
});

both!(
    the_link_leads_to_the_site_and_never_to_the_host_of_the_request,
    [("mail.backend", "file"), ("site_url", "\"https://square.example.org\"")],
    |site| {
        site.person("asha");
        let stranger = site.anonymous();
        let token = stranger.token();
        let request = Request::new("POST", "/password-reset")
            .form(&[("email", "asha@example.org"), ("csrf_token", &token)])
            .header("Host", "evil.example")
            .header("X-Forwarded-Host", "evil.example");
        stranger.send(request).leads_to("/password-reset/sent");
        let letter = site.letter_to("asha@example.org", &subject());
        assert!(letter.text.contains("https://square.example.org/password-reset/"), "{}", letter.text);
        assert!(!letter.raw.contains("evil.example"));
    }
);

both!(rules_hold_for_a_new_password_and_what_is_wrong_spends_nothing, [("mail.backend", "file")], |site| {
    site.person("ravishankar");
    let link = asked(site, "ravishankar@example.org").link("/password-reset/");
    let browser = site.anonymous();
    let form = opened(&browser, &link);
    for (first, second, key) in [
        ("", "", "error-required"),
        ("password", "password", "password-common"),
        ("ravishankar99", "ravishankar99", "password-like-username"),
        (NEW, "another-thing-9", "error-password-mismatch"),
    ] {
        let page = browser.post(&form, &[("password1", first), ("password2", second)]);
        page.status(422).see(&words(key));
        assert!(!page.body.contains(NEW));
    }
    browser.post(&form, &[("password1", "nul\0nul-nul-nul"), ("password2", "nul\0nul-nul-nul")]).status(422);
    set(&browser, &form, NEW).leads_to("/password-reset/complete");
});

both!(of_two_uses_at_once_one_wins, [("mail.backend", "file")], |site| {
    site.person("asha");
    let link = asked(site, "asha@example.org").link("/password-reset/");
    let browsers: Vec<Person<'_>> = (0..8).map(|_| site.anonymous()).collect();
    let forms: Vec<String> = browsers.iter().map(|browser| opened(browser, &link)).collect();
    let tokens: Vec<(String, String)> =
        browsers.iter().map(|browser| (browser.token(), browser.jar.line().unwrap())).collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = tokens
            .iter()
            .enumerate()
            .map(|(n, (token, cookies))| {
                let form = &forms[n];
                scope.spawn(move || {
                    let password = format!("a-lantern-number-{n}");
                    let fields = [("password1", password.as_str()), ("password2", &password), ("csrf_token", token)];
                    let request = Request::new("POST", form).form(&fields).header("Cookie", cookies);
                    request.open(site.port()).finish().status
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 7, "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 303).unwrap();
    site.anonymous().log_in("asha", &format!("a-lantern-number-{winner}")).leads_to("/");
});

both!(known_and_unknown_addresses_get_the_same_page, [("mail.backend", "file")], |site| {
    site.person("asha");
    site.disabled("disabled");
    let mut pages = Vec::new();
    for email in ["asha@example.org", "ASHA@Example.org", "nobody@example.org", "disabled@example.org"] {
        let stranger = site.anonymous();
        let answer = stranger.post("/password-reset", &[("email", email)]);
        answer.leads_to("/password-reset/sent");
        assert_eq!(answer.header("set-cookie"), None, "{email}");
        let page = stranger.follow(&answer);
        let body = page.status(200).body.lines().filter(|line| !line.contains("csrf-token"));
        pages.push(body.map(ToOwned::to_owned).collect::<Vec<_>>());
    }
    assert!(pages.windows(2).all(|pair| pair[0] == pair[1]));
    // Two wrote to asha, whose address is the one that she registered with; nobody else got anything.
    site.letters_to("asha@example.org", 2);
    assert_eq!(site.letters().len(), 2);
});

both!(an_address_that_cannot_be_one_is_said_at_its_field, [("mail.backend", "file")], |site| {
    for email in ["", "asha", "a\0@example.org", "a@b\r\nBcc: c@example.org"] {
        let page = site.anonymous().post("/password-reset", &[("email", email)]);
        page.status(422).hold("id=\"email-error\"");
    }
    assert_eq!(site.number("SELECT count(*) FROM outbox"), 0);
});

both!(
    asking_is_slowed_by_address_of_the_client_and_of_the_mail,
    [("mail.backend", "file"), ("throttle.reset", "3/h"), ("proxy.trusted", "[\"127.0.0.1\"]")],
    |site| {
        let ask = |from: &str, email: &str| {
            let stranger = site.anonymous();
            let token = stranger.token();
            let request = Request::new("POST", "/password-reset").form(&[("email", email), ("csrf_token", &token)]);
            stranger.send(request.header("X-Forwarded-For", from))
        };
        for n in 0..3 {
            ask("198.51.100.1", &format!("person{n}@example.org")).status(303);
        }
        let refused = ask("198.51.100.1", "person9@example.org");
        assert!(refused.status(429).header("retry-after").is_some());
        assert_eq!(refused.field("email").as_deref(), Some("person9@example.org"));
        // A known and an unknown address are slowed alike.
        site.person("asha");
        for email in ["asha@example.org", "nobody@example.org"] {
            for n in 0..3 {
                ask(&format!("203.0.113.{n}"), email).status(303);
            }
            ask("203.0.113.9", email).status(429);
        }
    }
);

both!(without_mail_the_page_says_so, |site| {
    site.person("asha");
    let stranger = site.anonymous();
    stranger.get("/password-reset").status(503).see(&words("no-mail-title"));
    stranger.post("/password-reset", &[("email", "asha@example.org")]).status(503);
    assert_eq!(site.number("SELECT count(*) FROM outbox"), 0);
    assert_eq!(site.number("SELECT max(reset_serial) FROM users"), 0);
});

// Two hundred tries each, in turn: the median of the one must not tell it from the other.
both!(the_time_does_not_tell_who_is_known, [("mail.backend", "file")], |site| {
    site.person("asha");
    let old = site.person("old");
    site.db(|conn| User::set_password(conn, old.id, DJANGO_HASH)).unwrap();
    let stranger = site.anonymous();
    let token = stranger.token();
    let emails = ["asha@example.org", "old@example.org", "nobody@example.org"];
    let mut times: [Vec<Duration>; 3] = Default::default();
    for round in 0..200 {
        for (which, email) in emails.iter().enumerate() {
            let request = Request::new("POST", "/password-reset").form(&[("email", email), ("csrf_token", &token)]);
            let begun = Instant::now();
            let answer = stranger.send(request);
            if round >= 10 {
                times[which].push(begun.elapsed());
            }
            assert_eq!((answer.status, answer.location().as_str()), (303, "/password-reset/sent"));
        }
    }
    let medians = times.map(|mut all| {
        all.sort_unstable();
        all[all.len() / 2]
    });
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    // Finding a person costs a good tenth of a millisecond more than not to; what is looked for here is more than that.
    assert!(*most - *least < Duration::from_millis(2) || *most < *least * 2, "{medians:?}");
});
