//! Who comes too often waits, and only he.

use chaupal::accounts::models::second_factor;
use chaupal::kit::i18n::Text;

use crate::support::{Answer, PASSWORD, Person, Request, says};

fn refused(answer: &Answer) -> u64 {
    answer.status(429);
    let seconds: u64 = answer.header("retry-after").expect("it says when to come back").parse().unwrap();
    assert!(seconds >= 1);
    answer.see(&says(Text::new("error-429-text").with("seconds", i64::try_from(seconds).unwrap())));
    seconds
}

/// A log-in that claims to come from elsewhere.
fn log_in_from(person: &Person<'_>, address: &str, login: &str, password: &str) -> Answer {
    let token = person.token();
    let request =
        Request::new("POST", "/login").form(&[("login", login), ("password", password), ("csrf_token", &token)]);
    person.send(request.header("X-Forwarded-For", address))
}

both!(nobody_types_anothers_key, [("throttle.login", "3/h"), ("proxy.trusted", "[\"127.0.0.1\"]")], |site| {
    site.person("asha");
    let (thief, asha) = (site.anonymous(), site.anonymous());
    for n in 0..6 {
        log_in_from(&thief, &format!("198.51.100.{n}"), "address:203.0.113.9", "x");
    }
    log_in_from(&asha, "203.0.113.9", "asha", PASSWORD).leads_to("/");
});

both!(bad_log_ins_are_slowed_whatever_address_they_claim, [("throttle.login", "10/m")], |site| {
    site.person("asha");
    let thief = site.anonymous();
    let answers: Vec<Answer> = (0..20)
        .map(|n| log_in_from(&thief, &format!("198.51.100.{n}"), "asha", &format!("guess-number-{n}")))
        .collect();
    assert_eq!(answers.iter().filter(|answer| answer.status == 422).count(), 10);
    assert!(refused(answers.last().unwrap()) <= 60);
    let last = log_in_from(&thief, "203.0.113.1", "asha", PASSWORD);
    refused(&last);
    assert_eq!(last.field("login").as_deref(), Some("asha"), "the form, with what was typed");
    thief.get("/login").status(200);
    assert!(!thief.is_logged_in());
});

both!(
    behind_a_proxy_each_address_counts_for_itself,
    [("throttle.login", "5/h"), ("proxy.trusted", "[\"127.0.0.1\"]")],
    |site| {
        site.person("asha");
        site.person("ravi");
        let thief = site.anonymous();
        for n in 0..5 {
            log_in_from(&thief, "198.51.100.7", &format!("nobody{n}"), "guess").status(422);
        }
        refused(&log_in_from(&thief, "198.51.100.7", "ravi", PASSWORD));
        refused(&log_in_from(&thief, "203.0.113.9, 198.51.100.7", "ravi", PASSWORD));
        log_in_from(&site.anonymous(), "198.51.100.8", "ravi", PASSWORD).leads_to("/");
        // Many addresses on one account: the account is slowed too.
        for n in 0..5 {
            log_in_from(&thief, &format!("192.0.2.{n}"), "asha", "guess").status(422);
        }
        refused(&log_in_from(&thief, "192.0.2.99", "Asha", "guess"));
        // A refusal of one address costs the account nothing.
        log_in_from(&site.anonymous(), "192.0.2.77", "ravi", PASSWORD).leads_to("/");
    }
);

both!(
    who_logged_in_here_before_is_not_shut_out_by_strangers,
    [("mail.backend", "file"), ("throttle.login", "5/h"), ("proxy.trusted", "[\"127.0.0.1\"]")],
    |site| {
        site.person("asha");
        site.person("ravi");
        let (asha, ravi, thief) = (site.anonymous(), site.anonymous(), site.anonymous());
        log_in_from(&asha, "203.0.113.1", "asha", PASSWORD).leads_to("/");
        log_in_from(&ravi, "203.0.113.2", "ravi", PASSWORD).leads_to("/");
        asha.post("/logout", &[]);
        for n in 0..4 {
            log_in_from(&thief, &format!("198.51.100.{n}"), "asha", "guess").status(422);
        }
        refused(&log_in_from(&thief, "198.51.100.9", "asha", "guess"));
        // Another person's browser is a stranger to this account.
        refused(&log_in_from(&ravi, "203.0.113.2", "asha", "guess"));
        log_in_from(&asha, "203.0.113.1", "asha", PASSWORD).leads_to("/");
        // Who has shown by a letter that he is the owner comes in with a new browser, too.
        let phone = site.anonymous();
        phone.post("/password-reset", &[("email", "asha@example.org")]);
        let subject = says(Text::new("mail-reset-subject").with("site", "Test square"));
        let form = phone.get(&site.letter_to("asha@example.org", &subject).link("/password-reset/")).location();
        phone.post(&form, &[("password1", "a-lantern-by-the-well-3"), ("password2", "a-lantern-by-the-well-3")]);
        refused(&log_in_from(&thief, "198.51.100.10", "asha", "guess"));
        log_in_from(&phone, "203.0.113.77", "asha", "a-lantern-by-the-well-3").leads_to("/");
        // A new password makes strangers of the browsers that knew the old one.
        refused(&log_in_from(&asha, "203.0.113.1", "asha", "a-lantern-by-the-well-3"));
        // In such a browser one guesses no more often than elsewhere, and a log-in gives no new attempts.
        let asha = phone;
        asha.post("/logout", &[]);
        for n in 0..3 {
            log_in_from(&asha, &format!("192.0.2.{n}"), "asha", "guess").status(422);
        }
    }
);

both!(registering_is_slowed_and_loses_nothing, [("throttle.register", "3/h")], |site| {
    for n in 0..4 {
        let (username, email) = (format!("person{n}"), format!("person{n}@example.org"));
        let fields =
            [("username", username.as_str()), ("email", &email), ("password1", PASSWORD), ("password2", PASSWORD)];
        let answer = site.anonymous().post("/register", &fields);
        if n < 3 {
            answer.leads_to("/");
        } else {
            assert!(answer.status(429).header("retry-after").is_some());
            assert_eq!(answer.field("email").as_deref(), Some("person3@example.org"), "what was typed comes back");
        }
    }
    assert_eq!(site.number("SELECT count(*) FROM users"), 4);
});

both!(
    nobody_fills_a_mailbox_with_notices,
    [("mail.backend", "file"), ("throttle.reset", "3/h"), ("proxy.trusted", "[\"127.0.0.1\"]")],
    |site| {
        let asha = site.person("asha");
        let other = "a-lantern-by-the-well-3";
        let passwords = [PASSWORD, other, PASSWORD, other, PASSWORD];
        // Strangers who ask for a new password do not keep her from changing it.
        for n in 0..3 {
            let stranger = site.anonymous();
            let token = stranger.token();
            let form = [("email", "asha@example.org"), ("csrf_token", &token)];
            let request = Request::new("POST", "/password-reset").form(&form);
            stranger.send(request.header("X-Forwarded-For", &format!("198.51.100.{n}"))).status(303);
        }
        // Their letters raise the same serial that a change compares.
        site.letters_to("asha@example.org", 3);
        for (n, pair) in passwords.windows(2).enumerate() {
            let fields = [("password", pair[0]), ("password1", pair[1]), ("password2", pair[1])];
            let answer = asha.post("/account/password", &fields);
            answer.status(if n < 3 { 303 } else { 429 });
        }
        site.letters_to("asha@example.org", 6);
    }
);

both!(posting_is_slowed_person_by_person, [("throttle.post", "3/h")], |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    for n in 0..3 {
        asha.say(room, &format!("thread {n}"), "").status(201);
    }
    // What is wrong costs nothing, and is said first.
    asha.post(&format!("/rooms/{room}/messages"), &[("body", " ")]).status(422);
    let answer = asha.say(room, "one too many", "");
    answer.status(429);
    assert!(answer.header("retry-after").is_some());
    assert!(answer.json()["detail"].is_string());
    let answer = asha.post(&format!("/rooms/{room}/messages"), &[("body", "one too many")]);
    assert!(answer.status(429).header("retry-after").is_some());
    ravi.say(room, "mine", "").status(201);
    assert_eq!(site.number("SELECT count(*) FROM messages"), 4);
});

both!(who_is_slowed_loses_no_text, [("throttle.post", "2/h")], |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    for n in 0..2 {
        asha.post(&format!("/rooms/{room}/messages"), &[("body", &format!("word {n}"))]).status(303);
    }
    let answer = asha.post(&format!("/rooms/{room}/messages"), &[("body", "a long thought")]);
    answer.status(429).see("a long thought");
    assert!(answer.header("retry-after").is_some());
    let answer = asha.post("/rooms/new", &[("name", "Looms & reeds"), ("topic", "Craft")]);
    answer.status(429).see("Looms & reeds");
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 1);
    assert_eq!(site.number("SELECT count(*) FROM messages"), 2);
});

/// Posts a form that claims to come from elsewhere.
fn post_from(person: &Person<'_>, address: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = person.token();
    let mut fields = fields.to_vec();
    fields.push(("csrf_token", &token));
    person.send(Request::new("POST", path).form(&fields).header("X-Forwarded-For", address))
}

const BEHIND_A_PROXY: &str = "[\"127.0.0.1\"]";

both!(
    sign_ups_with_somebodys_email_do_not_stop_what_they_do,
    [("mail.backend", "file"), ("throttle.reset", "3/h"), ("proxy.trusted", BEHIND_A_PROXY)],
    |site| {
        let asha = site.person("asha");
        for n in 0..5 {
            let (username, from) = (format!("person{n}"), format!("198.51.100.{n}"));
            let fields = [("username", username.as_str()), ("email", "asha@example.org"), ("password1", PASSWORD)];
            let fields = [fields.as_slice(), &[("password2", PASSWORD)]].concat();
            let status = if n < 3 { 422 } else { 429 };
            post_from(&site.anonymous(), &from, "/register", &fields).status(status);
        }
        asha.post("/account/second-factor/remove", &[("password", PASSWORD)]).leads_to("/account/second-factor");
        let new = "a-lantern-by-the-well-3";
        asha.post("/account/password", &[("password", PASSWORD), ("password1", new), ("password2", new)])
            .leads_to("/account");
    }
);

both!(
    guesses_by_username_and_email_count_together,
    [("mail.backend", "file"), ("throttle.login", "4/h"), ("proxy.trusted", BEHIND_A_PROXY)],
    |site| {
        site.person("asha");
        let thief = site.anonymous();
        for (n, login) in ["asha", "ASHA@example.org", "Asha", "asha@example.org"].into_iter().enumerate() {
            log_in_from(&thief, &format!("198.51.100.{n}"), login, "guess").status(422);
        }
        for login in ["asha", "asha@example.org"] {
            let told = log_in_from(&thief, "198.51.100.9", login, PASSWORD);
            refused(&told);
            told.see(
                "You can still log in from a browser where you have logged in before. On another browser, set a new password with",
            );
        }
        // Names of nobody are counted by what was typed.
        log_in_from(&thief, "198.51.100.10", "account:1", "guess").status(422);
    }
);

both!(without_mail_the_slowed_login_names_no_email, [("throttle.login", "1/h")], |site| {
    site.person("asha");
    site.anonymous().log_in("asha", "guess").status(422);
    let told = site.anonymous().log_in("asha", PASSWORD);
    told.status(429)
        .see("You can still log in from a browser where you have logged in before.")
        .see_not("On another browser");
});

both!(
    strangers_behind_the_same_address_shut_no_owner_out,
    [
        ("mail.backend", "file"),
        ("throttle.login", "3/h"),
        ("throttle.reset", "3/h"),
        ("throttle.code", "3/h"),
        ("proxy.trusted", BEHIND_A_PROXY)
    ],
    |site| {
        let class = "203.0.113.7";
        site.person("asha");
        let (asha, stranger) = (site.anonymous(), site.anonymous());
        log_in_from(&asha, "192.0.2.1", "asha", PASSWORD).leads_to("/");
        asha.post("/logout", &[]);
        for n in 0..4 {
            log_in_from(&stranger, class, &format!("nobody{n}"), "guess");
            post_from(&stranger, class, "/password-reset", &[("email", &format!("nobody{n}@example.org"))]);
        }
        refused(&log_in_from(&site.anonymous(), class, "asha", PASSWORD));
        // A browser that was used before: the login, and a reset link although the address of the mail is spent too.
        log_in_from(&asha, class, "asha", PASSWORD).leads_to("/");
        asha.post("/logout", &[]);
        for n in 0..4 {
            let from = format!("198.51.100.{n}");
            post_from(&stranger, &from, "/password-reset", &[("email", "asha@example.org")]);
        }
        let told = post_from(&stranger, "198.51.100.9", "/password-reset", &[("email", "asha@example.org")]);
        told.status(429)
            .see("If you have already received an email, use the link in the newest one. It works for an hour.");
        post_from(&asha, class, "/password-reset", &[("email", "asha@example.org")]).leads_to("/password-reset/sent");
        // The link of the mail, in a new browser behind that address.
        let subject = says(Text::new("mail-reset-subject").with("site", "Test square"));
        let letters = site.letters_to("asha@example.org", 4);
        assert!(letters.iter().all(|letter| letter.subject == subject));
        let phone = site.anonymous();
        let link = letters.last().unwrap().link("/password-reset/");
        let form = phone.get(&link).location();
        let new = "a-lantern-by-the-well-3";
        post_from(&phone, class, &form, &[("password1", new), ("password2", new)]).leads_to("/password-reset/complete");
        log_in_from(&phone, class, "asha", new).leads_to("/");
    }
);

both!(
    emails_to_an_address_are_bounded_and_hold_the_way_in,
    [
        ("mail.backend", "file"),
        ("accounts.confirm_email", "true"),
        ("throttle.reset", "2/h"),
        ("proxy.trusted", BEHIND_A_PROXY)
    ],
    |site| {
        for n in 0..2 {
            let (username, from) = (format!("thief{n}"), format!("198.51.100.{n}"));
            let fields = [("username", username.as_str()), ("email", "asha@example.org")];
            post_from(&site.anonymous(), &from, "/register", &fields).leads_to("/register/sent");
        }
        let asha = site.anonymous();
        let told = post_from(&asha, "203.0.113.1", "/register", &[("username", "asha"), ("email", "asha@example.org")]);
        told.status(429).see("If you have already received an email, use the link in it. It works for 24 hours.");
        assert_eq!(told.field("username").as_deref(), Some("asha"));
        let link = site.letters_to("asha@example.org", 2)[0].link("/register/confirm/");
        asha.post(&link, &[("username", "asha"), ("password1", PASSWORD), ("password2", PASSWORD)]).leads_to("/");
        assert_eq!(site.text("SELECT username FROM users WHERE email_key = 'asha@example.org'"), "asha");
    }
);

both!(
    password_given_is_not_stopped_by_strangers_at_the_code,
    [("throttle.login", "2/h"), ("proxy.trusted", BEHIND_A_PROXY)],
    |site| {
        let asha = site.person("asha");
        let class = "203.0.113.7";
        let secret = chaupal::accounts::totp::new_secret();
        let codes: Result<_, diesel::result::Error> = site.db(|conn| {
            chaupal::kit::db::transaction(conn, |conn| {
                second_factor::begin(conn, asha.id, &secret)?;
                second_factor::confirm(conn, asha.id, 1)
            })
        });
        let browser = site.anonymous();
        log_in_from(&browser, class, "asha", PASSWORD).leads_to("/login/code?next=%2F");
        for n in 0..3 {
            log_in_from(&site.anonymous(), class, &format!("nobody{n}"), "guess");
        }
        let code = codes.unwrap().unwrap().remove(0);
        post_from(&browser, class, "/login/code", &[("code", &code)]).leads_to("/");
    }
);
