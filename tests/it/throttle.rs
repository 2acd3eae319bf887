//! Who comes too often waits, and only he.

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
