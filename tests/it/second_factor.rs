//! A second factor: set up, asked for, lost.

use chaupal::accounts::models::{User, second_factor};
use chaupal::accounts::totp;
use chaupal::kit::db;
use chaupal::kit::i18n::Text;
use hmac::{Hmac, KeyInit, Mac};

use crate::support::program::run;
use crate::support::{Answer, DJANGO_HASH, PASSWORD, Person, Request, Site, password_hash, says, words};

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// The code of an app that knows this secret, `later` half minutes from now: the test's own arithmetic.
fn code(secret: &str, later: i64) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = secret.chars().map(|letter| format!("{:05b}", LETTERS.find(letter).unwrap())).collect();
    let key: Vec<u8> =
        (0..bits.len() / 8).map(|at| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).unwrap()).collect();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(now() / 30 + later).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
    format!("{:06}", word % 1_000_000)
}

/// Turns it on without a form, as if the first code had been used long ago; gives secret and recovery codes.
fn turned_on(site: &Site, user_id: i64) -> (String, Vec<String>) {
    let secret = totp::new_secret();
    let codes = site.db(|conn| {
        db::transaction(conn, |conn| {
            second_factor::begin(conn, user_id, &secret)?;
            second_factor::confirm(conn, user_id, 1)
        })
    });
    let codes = codes.unwrap_or_else(|error: diesel::result::Error| panic!("{error}"));
    (secret, codes.expect("it was off"))
}

/// A new recovery code.
fn new_recovery_code(site: &Site, user_id: i64) -> String {
    let codes = site.db(|conn| db::transaction(conn, |conn| second_factor::renew_recovery_codes(conn, user_id)));
    codes.unwrap_or_else(|error: diesel::result::Error| panic!("{error}")).remove(0)
}

/// Gives the password; the code is asked for next.
fn password_given<'s>(site: &'s Site, login: &str) -> Person<'s> {
    let browser = site.anonymous();
    browser
        .post("/login", &[("login", login), ("password", PASSWORD), ("next", "/topics")])
        .leads_to("/login/code?next=%2Ftopics");
    assert!(browser.jar.get("session").is_none() && !browser.is_logged_in(), "a password alone opens nothing");
    browser
}

fn give(browser: &Person<'_>, code: &str) -> Answer {
    browser.post("/login/code", &[("code", code), ("next", "/topics")])
}

both!(it_is_set_up_with_a_first_code_and_asked_for_then, [("mail.backend", "file")], |site| {
    let asha = site.person("asha");
    asha.get("/account/second-factor").status(200).see(&words("second-begin"));
    asha.post("/account/second-factor", &[("password", "wrong")]).status(422).see(&words("error-password-wrong"));
    assert_eq!(site.number("SELECT count(*) FROM second_factors"), 0);
    let page = asha.post("/account/second-factor", &[("password", PASSWORD)]);
    page.status(200).hold("class=\"qr-dark\"").hold("otpauth:");
    assert_eq!(page.header("cache-control"), Some("private, no-store"));
    let secret = site.text("SELECT secret FROM second_factors");
    page.see(&secret.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join(" "));
    // Not confirmed yet: it does not count.
    site.anonymous().log_in("asha", PASSWORD).leads_to("/");
    asha.post("/account/second-factor/confirm", &[("code", "000000")]).status(422).hold("id=\"code-error\"");
    let first = code(&secret, 0);
    let page = asha.post("/account/second-factor/confirm", &[("code", &first)]);
    page.status(200);
    assert_eq!(page.header("cache-control"), Some("private, no-store"));
    assert_eq!(page.count("<li><code>"), 10);
    assert_eq!(site.number("SELECT count(DISTINCT code_hash) FROM recovery_codes"), 10);
    let shown = page.body.split("<li><code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(site.number(&format!("SELECT count(*) FROM recovery_codes WHERE code_hash = '{shown}'")), 0, "hashed");
    site.letter_to("asha@example.org", &says(Text::new("mail-second-on-subject").with("site", "Test square")));
    assert!(asha.is_logged_in());
    asha.get("/account/second-factor").see(&says(Text::new("second-left").with("count", 10)));
    let browser = password_given(site, "asha");
    browser.get("/login/code?next=/topics").status(200);
    give(&browser, &first).status(422).see(&words("error-code"));
    give(&browser, &code(&secret, 1)).leads_to("/topics");
    assert!(browser.is_logged_in());
    // Begun a second time: what counts stays.
    asha.post("/account/second-factor", &[("password", PASSWORD)]).status(404);
    assert_eq!(site.text("SELECT secret FROM second_factors"), secret);
});

both!(a_set_up_that_nobody_finishes_is_over_after_an_hour, |site| {
    let asha = site.person("asha");
    asha.post("/account/second-factor", &[("password", PASSWORD)]).status(200);
    let secret = site.text("SELECT secret FROM second_factors");
    let ago = |minutes: i64| (chrono::Utc::now() - chrono::TimeDelta::minutes(minutes)).format("%Y-%m-%d %H:%M:%S");
    site.sql(&format!("UPDATE second_factors SET made = '{}.000000'", ago(61)));
    asha.post("/account/second-factor/confirm", &[("code", &code(&secret, 0))]).leads_to("/account/second-factor");
    assert_eq!(site.number("SELECT count(*) FROM second_factors WHERE confirmed IS NOT NULL"), 0);
    site.db(chaupal::accounts::models::clear_expired).unwrap();
    assert_eq!(site.number("SELECT count(*) FROM second_factors"), 0);
    // One that is younger waits, and what counts stays for ever.
    asha.post("/account/second-factor", &[("password", PASSWORD)]).status(200);
    site.sql(&format!("UPDATE second_factors SET made = '{}.000000'", ago(58)));
    let secret = site.text("SELECT secret FROM second_factors");
    asha.post("/account/second-factor/confirm", &[("code", &code(&secret, 0))]).status(200);
    site.sql(&format!("UPDATE second_factors SET made = '{}.000000'", ago(600)));
    site.db(chaupal::accounts::models::clear_expired).unwrap();
    password_given(site, "asha");
});

both!(a_code_lets_in_once, |site| {
    let asha = site.person("asha");
    let (secret, _) = turned_on(site, asha.id);
    let code = code(&secret, 0);
    give(&password_given(site, "asha"), &code).leads_to("/topics");
    give(&password_given(site, "asha"), &code).status(422);
    assert!(site.number("SELECT last_step FROM second_factors") > 1);
});

both!(of_eight_who_use_one_code_at_once_one_is_let_in, |site| {
    let asha = site.person("asha");
    let (secret, recovery) = turned_on(site, asha.id);
    for code in [code(&secret, 0), recovery[0].clone()] {
        let ready: Vec<(String, String)> = (0..8)
            .map(|_| {
                let browser = password_given(site, "asha");
                (browser.token(), browser.jar.line().unwrap())
            })
            .collect();
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let code = &code;
            let all: Vec<_> = ready
                .iter()
                .map(|(token, cookies)| {
                    scope.spawn(move || {
                        let request =
                            Request::new("POST", "/login/code").form(&[("code", code), ("csrf_token", token)]);
                        request.header("Cookie", cookies).open(site.port()).finish().status
                    })
                })
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 7, "{statuses:?}");
    }
});

both!(a_recovery_code_lets_in_once_however_it_is_typed, |site| {
    let asha = site.person("asha");
    let (_, codes) = turned_on(site, asha.id);
    let browser = password_given(site, "asha");
    give(&browser, &format!(" {} ", codes[0].to_uppercase().replace('-', " "))).leads_to("/topics");
    browser.get("/topics").see(&says(Text::new("flash-recovery-used").with("count", 9)));
    let again = password_given(site, "asha");
    for wrong in [codes[0].as_str(), "", "------", "abcd-efgh-jkmn", "nul\0"] {
        give(&again, wrong).status(422).see(&words("error-code"));
    }
    give(&again, &codes[1]).leads_to("/topics");
    // New ones kill the old ones.
    asha.post("/account/second-factor/codes", &[("password", "wrong")]).status(422);
    assert_eq!(
        asha.post("/account/second-factor/codes", &[("password", PASSWORD)]).status(200).count("<li><code>"),
        10
    );
    give(&password_given(site, "asha"), &codes[2]).status(422);
});

both!(without_the_password_before_no_code_helps, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let (secret, _) = turned_on(site, asha.id);
    turned_on(site, ravi.id);
    let stranger = site.anonymous();
    stranger.get("/login/code").leads_to("/login?next=%2F");
    give(&stranger, &code(&secret, 0)).leads_to("/login?next=%2Ftopics");
    // Ravi's password does not open asha's door.
    let browser = password_given(site, "ravi");
    let cookie = browser.jar.get("2fa").unwrap();
    give(&browser, &code(&secret, 0)).status(422);
    let (_, rest) = cookie.split_once('.').unwrap();
    for bent in [format!("{}.{rest}", asha.id), "x".into(), "..".into(), format!("{cookie}x")] {
        browser.jar.set("2fa", &bent);
        give(&browser, &code(&secret, 0)).leads_to("/login?next=%2Ftopics");
    }
    // Another password in between: the one that was given is worth nothing.
    let browser = password_given(site, "asha");
    site.db(|conn| User::set_password(conn, asha.id, "another")).unwrap();
    give(&browser, &code(&secret, 0)).leads_to("/login?next=%2Ftopics");
    assert!(!browser.is_logged_in());
    assert_eq!(site.number("SELECT count(*) FROM second_factors WHERE last_step > 1"), 0);
});

both!(guesses_at_the_code_are_slowed, [("throttle.code", "5/h"), ("proxy.trusted", "[\"127.0.0.1\"]")], |site| {
    let asha = site.person("asha");
    let (secret, _) = turned_on(site, asha.id);
    let browser = site.anonymous();
    let token = browser.token();
    let from = |n: u32, path: &str, fields: &[(&str, &str)]| {
        let mut fields = fields.to_vec();
        fields.push(("csrf_token", &token));
        browser.send(Request::new("POST", path).form(&fields).header("X-Forwarded-For", &format!("198.51.100.{n}")))
    };
    from(1, "/login", &[("login", "asha"), ("password", PASSWORD)]).status(303);
    for n in 2..7 {
        from(n, "/login/code", &[("code", "000000")]).status(422);
    }
    let refused = from(8, "/login/code", &[("code", &code(&secret, 0))]);
    assert!(refused.status(429).header("retry-after").is_some());
    assert!(!browser.is_logged_in());
    // The owner, in a browser that he has used before, has attempts of his own.
    let known = site.anonymous();
    let (token, recovery) = (known.token(), new_recovery_code(site, asha.id));
    let key = chaupal::kit::config::secret_key(&site.config).unwrap().derive("links");
    let device = chaupal::accounts::tokens::LinkKey(key).device_token(asha.id, password_hash(), "known", now());
    known.jar.set("device", &device);
    for (path, name, value) in [("/login", "login", "asha"), ("/login/code", "code", recovery.as_str())] {
        let form = [(name, value), ("password", PASSWORD), ("csrf_token", &token)];
        known.send(Request::new("POST", path).form(&form).header("X-Forwarded-For", "203.0.113.5")).status(303);
    }
    assert!(known.is_logged_in());
});

both!(an_imported_hash_is_made_anew_on_the_way, |site| {
    let asha = site.person("asha");
    let (secret, _) = turned_on(site, asha.id);
    // What Django's own hasher makes of `blue-mango-42`.
    site.db(|conn| User::set_password(conn, asha.id, DJANGO_HASH)).unwrap();
    let browser = site.anonymous();
    browser.log_in("asha", "blue-mango-42").leads_to("/login/code?next=%2F");
    assert!(site.text("SELECT password FROM users WHERE username = 'asha'").starts_with("$argon2id$"));
    give(&browser, &code(&secret, 0)).leads_to("/topics");
});

both!(it_is_turned_off_by_its_owner_alone, [("mail.backend", "file")], |site| {
    let asha = site.person("asha");
    turned_on(site, asha.id);
    asha.post("/account/second-factor/remove", &[("password", "wrong")]).status(422);
    asha.post("/account/second-factor/remove", &[("password", PASSWORD)]).leads_to("/account/second-factor");
    site.anonymous().log_in("asha", PASSWORD).leads_to("/");
    assert_eq!(site.number("SELECT count(*) FROM recovery_codes"), 0);
    site.letter_to("asha@example.org", &says(Text::new("mail-second-off-subject").with("site", "Test square")));
    asha.post("/account/second-factor/codes", &[("password", PASSWORD)]).status(404);
});

both!(a_new_password_by_mail_does_not_spare_the_code, [("mail.backend", "file")], |site| {
    let asha = site.person("asha");
    let (secret, _) = turned_on(site, asha.id);
    let browser = site.anonymous();
    browser.post("/password-reset", &[("email", "asha@example.org")]);
    let subject = says(Text::new("mail-reset-subject").with("site", "Test square"));
    let form = browser.get(&site.letter_to("asha@example.org", &subject).link("/password-reset/")).location();
    let new = "a-lantern-by-the-well-3";
    browser.post(&form, &[("password1", new), ("password2", new)]).leads_to("/password-reset/complete");
    browser.log_in("asha", new).leads_to("/login/code?next=%2F");
    give(&browser, &code(&secret, 0)).leads_to("/topics");
});

both!(the_staff_needs_it_where_it_is_said_so, [("accounts.second_factor", "staff")], |site| {
    let (boss, staff, asha) = (site.superuser(), site.staff("staffer"), site.person("asha"));
    let room = site.room(&asha, "Weavers", "Craft");
    for person in [&boss, &staff] {
        for path in ["/", "/topics", "/account", "/account/export", &format!("/rooms/{room}"), "/nothing"] {
            person.get(path).leads_to("/account/second-factor");
        }
        let script = person.send(Request::new("GET", "/topics").header("Accept", "application/json"));
        script.status(403);
        let token = person.get("/account/second-factor").status(200).field("csrf_token").unwrap();
        let said =
            Request::new("POST", &format!("/rooms/{room}/messages")).form(&[("body", "x"), ("csrf_token", &token)]);
        person.send(said).leads_to("/account/second-factor");
        person.get("/healthz").status(200);
    }
    assert_eq!(site.number("SELECT count(*) FROM messages"), 0);
    asha.get("/topics").status(200);
    site.anonymous().get("/topics").status(200);
    turned_on(site, staff.id);
    staff.get("/topics").status(200);
    boss.get("/topics").status(303);
});

#[test]
fn the_command_helps_who_is_locked_out() {
    let folder = tempfile::tempdir().unwrap();
    let env = [("CHAUPAL_SUPERUSER_PASSWORD", PASSWORD)];
    let args = ["createsuperuser", "--no-input", "--username", "asha", "--email", "asha@example.org"];
    run(folder.path(), &args, &env).done();
    run(folder.path(), &["removesecondfactor", "asha"], &[]).one_line(1, &["asha", "no second factor"]);
    run(folder.path(), &["removesecondfactor", "nobody"], &[]).one_line(1, &["nobody"]);
    let url = format!("sqlite://{}", folder.path().join("data/chaupal.db").display());
    let mut conn = crate::support::databases::connect(&url);
    db::transaction(&mut conn, |conn| {
        second_factor::begin(conn, 1, &totp::new_secret())?;
        second_factor::confirm(conn, 1, 1)
    })
    .unwrap_or_else(|error: diesel::result::Error| panic!("{error}"));
    run(folder.path(), &["removesecondfactor", "asha"], &[]).done();
    assert!(second_factor::required(&mut conn, 1).unwrap().is_none());
}

both!(code_in_the_form_an_app_shows_logs_in, |site| {
    let asha = site.person("asha");
    let (secret, codes) = turned_on(site, asha.id);
    let now = code(&secret, 0);
    let spaced = format!("{}\u{2009}{}", &now[..3], &now[3..]);
    give(&password_given(site, "asha"), &spaced).leads_to("/topics");
    // The next one in Devanagari digits.
    let next: String =
        code(&secret, 1).chars().map(|digit| char::from_u32(u32::from(digit) - 0x30 + 0x966).unwrap()).collect();
    give(&password_given(site, "asha"), &next).leads_to("/topics");
    let recovery = codes[0].to_uppercase().replace('-', "\u{a0}");
    give(&password_given(site, "asha"), &recovery).leads_to("/topics");
    give(&password_given(site, "asha"), &recovery).status(422).see("This is not a code that works now.");
});

// A login while the clock ran days ahead must not refuse all codes until then.
both!(code_is_accepted_after_a_login_in_the_future, |site| {
    let asha = site.person("asha");
    let (secret, _) = turned_on(site, asha.id);
    let two_days = 2 * 24 * 60 * 2;
    site.sql(&format!("UPDATE second_factors SET last_step = {}", now() / 30 + two_days));
    let right = code(&secret, 0);
    give(&password_given(site, "asha"), &right).leads_to("/topics");
    give(&password_given(site, "asha"), &right).status(422);
});
