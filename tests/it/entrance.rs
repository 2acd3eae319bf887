//! Who is let in while the password changes: nobody under the old one once it is gone.

use std::time::Duration;

use argon2::PasswordHasher as _;
use chaupal::accounts::models::{self, User};
use chaupal::accounts::passwords::{self, Verdict};
use chaupal::kit::i18n::Text;

use crate::support::{Answer, DJANGO_HASH, DJANGO_PASSWORD, PASSWORD, Request, Site, password_hash, says, words};

const NEW: &str = "a-lantern-by-the-well-3";

/// A form that is ready to be sent, with all that its browser has.
struct Ready {
    request: Request,
    port: u16,
}

impl Ready {
    fn new(person: &crate::support::Person<'_>, path: &str, fields: &[(&str, &str)]) -> Self {
        let token = person.token();
        let mut fields = fields.to_vec();
        fields.push(("csrf_token", &token));
        let cookies = person.jar.line().unwrap();
        Self { request: Request::new("POST", path).form(&fields).header("Cookie", &cookies), port: person.site.port() }
    }

    fn send(&self, after: u64) -> Answer {
        std::thread::sleep(Duration::from_millis(after));
        self.request.open(self.port).finish()
    }
}

/// Sends `change` while log-ins with the old password are under way, some of them early and some late.
fn race(change: &Ready, log_ins: &[Ready], round: u64) -> (Answer, Vec<Answer>) {
    std::thread::scope(|scope| {
        let late: Vec<_> = log_ins
            .iter()
            .zip(0..)
            .map(|(log_in, n): (_, u64)| scope.spawn(move || log_in.send((n * 13 + round * 7) % 60)))
            .collect();
        let change = change.send(0);
        (change, late.into_iter().map(|one| one.join().unwrap()).collect())
    })
}

fn log_ins(site: &Site, password: &str) -> Vec<Ready> {
    (0..4).map(|_| Ready::new(&site.anonymous(), "/login", &[("login", "asha"), ("password", password)])).collect()
}

fn stored(site: &Site) -> String {
    site.text("SELECT password FROM users WHERE username = 'asha'")
}

/// Nothing of the old password is left; who came too late was told what everybody is told who types a wrong one.
fn check(site: &Site, late: &[Answer], sessions: i64) {
    assert_eq!(passwords::verify(NEW, &stored(site)), Verdict::Right, "the old password came back");
    let sql = "SELECT count(*) FROM sessions WHERE user_id = (SELECT id FROM users WHERE username = 'asha')";
    assert_eq!(site.number(sql), sessions, "a session under the old password");
    for answer in late {
        assert!([303, 422].contains(&answer.status), "{answer:?}");
        if answer.status == 422 {
            answer.see(&words("error-login"));
        }
    }
}

both!(a_log_in_under_way_does_not_outlive_a_change_of_the_password, |site| {
    let id = site.person("asha").id;
    for round in 0..25 {
        let (old, hash) = if round % 2 == 0 { (PASSWORD, password_hash()) } else { (DJANGO_PASSWORD, DJANGO_HASH) };
        site.db(|conn| User::set_password(conn, id, hash)).unwrap();
        site.sql(&format!("DELETE FROM sessions WHERE user_id = {id}"));
        let asha = site.person("asha");
        let fields = [("password", old), ("password1", NEW), ("password2", NEW)];
        let change = Ready::new(&asha, "/account/password", &fields);
        let (changed, late) = race(&change, &log_ins(site, old), round);
        if changed.status == 422 {
            // An imported hash was made anew by a log-in just then.
            changed.see(&words("error-password-wrong"));
            continue;
        }
        changed.leads_to("/account");
        check(site, &late, 1);
    }
});

both!(a_log_in_under_way_does_not_undo_a_reset, [("mail.backend", "file")], |site| {
    let id = site.person("asha").id;
    for round in 0..15 {
        site.db(|conn| User::set_password(conn, id, DJANGO_HASH)).unwrap();
        site.sql("DELETE FROM sessions");
        let browser = site.anonymous();
        browser.post("/password-reset", &[("email", "asha@example.org")]).status(303);
        let subject = says(Text::new("mail-reset-subject").with("site", "Test square"));
        let form = browser.get(&site.letter_to("asha@example.org", &subject).link("/password-reset/")).location();
        let change = Ready::new(&browser, &form, &[("password1", NEW), ("password2", NEW)]);
        let (changed, late) = race(&change, &log_ins(site, DJANGO_PASSWORD), round);
        if changed.status == 404 {
            continue;
        }
        changed.leads_to("/password-reset/complete");
        check(site, &late, 0);
    }
});

both!(all_who_come_at_once_with_an_imported_password_are_let_in, |site| {
    site.person("asha");
    for round in 0..4 {
        site.sql(&format!("UPDATE users SET password = '{DJANGO_HASH}' WHERE username = 'asha'"));
        let ready = log_ins(site, DJANGO_PASSWORD);
        std::thread::scope(|scope| {
            for one in &ready {
                scope.spawn(move || one.send(0).leads_to("/").status(303).status);
            }
        });
        assert!(stored(site).starts_with("$argon2id$"), "round {round}");
    }
});

both!(password_in_other_code_points_logs_in, |site| {
    let asha = site.person("asha");
    // The nukta letter ड़ in one code point, in two, and é in two.
    let (one, two) = ("पहा\u{95c}-42-mango", "पहा\u{921}\u{93c}-42-mango");
    asha.post("/account/password", &[("password", PASSWORD), ("password1", one), ("password2", two)])
        .leads_to("/account");
    for typed in [one, two] {
        site.anonymous().log_in("asha", typed).leads_to("/");
    }
    site.anonymous().log_in("asha", "पहा\u{921}-42-mango").status(422).see("Username or password is not right.");
    // A hash made of the text as it was typed: right once more, and made anew.
    let raw = "cafe\u{301}-lantern-9";
    let salt = b"0123456789abcdef";
    let old = argon2::Argon2::default().hash_password_with_salt(raw.as_bytes(), salt).unwrap();
    site.sql(&format!("UPDATE users SET password = '{old}' WHERE username = 'asha'"));
    site.anonymous().log_in("asha", "caf\u{e9}-lantern-9").status(422);
    site.anonymous().log_in("asha", raw).leads_to("/");
    assert_ne!(stored(site), old.to_string());
    site.anonymous().log_in("asha", "caf\u{e9}-lantern-9").leads_to("/");
});

both!(imported_hash_above_the_bounds_costs_no_login_anything, |site| {
    site.person("asha");
    site.person("ravi");
    let costly = DJANGO_HASH.replace("12000", "2000000");
    site.sql(&format!("UPDATE users SET password = '{costly}' WHERE username = 'asha'"));
    site.sql("UPDATE users SET password = 'argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHlTQUxUMDEyMzQ1Njc4OWFiYw$Ka4drRnAMaC86HUKfU2XOAbreImfzT5oVVCGzgFnOTQ' WHERE username = 'ravi'");
    let costs = site.db(models::legacy_costs).unwrap();
    assert_eq!(costs, passwords::LegacyCosts { iterations: 0, argon2_work: 204_800 });
    site.anonymous().log_in("asha", DJANGO_PASSWORD).status(422);
    site.anonymous().log_in("ravi", DJANGO_PASSWORD).leads_to("/");
    assert_eq!(site.db(models::legacy_costs).unwrap(), passwords::LegacyCosts::default());
    site.sql(&format!("UPDATE users SET password = '{DJANGO_HASH}' WHERE username = 'asha'"));
    let costs = site.db(models::legacy_costs).unwrap();
    assert_eq!(costs, passwords::LegacyCosts { iterations: 12_000, argon2_work: 0 });
});
