//! Cookies: their names, their flags, and what pages make of odd ones.

use crate::support::{Answer, PASSWORD, Person, Site};

const ALL: [&str; 8] = ["session", "csrf", "saved_form", "2fa", "device", "password_reset", "guest", "flash"];

/// The names of all cookies that an answer sets.
fn names(answer: &Answer) -> Vec<String> {
    answer.cookies().iter().map(|line| line.split('=').next().unwrap().to_owned()).collect()
}

fn log_in<'s>(site: &'s Site, username: &str) -> (Person<'s>, Answer) {
    site.person(username);
    let browser = site.anonymous();
    let answer = browser.log_in(username, PASSWORD);
    answer.leads_to("/");
    (browser, answer)
}

both!(cookies_of_two_sites_on_one_host_do_not_collide, |site| {
    let other = Site::start(site.backend, &[]);
    let (browser, answer) = log_in(site, "asha");
    let (elsewhere, other_answer) = log_in(&other, "asha");
    let (ours, theirs) = (names(&answer), names(&other_answer));
    assert_eq!(ours.len(), 4, "{ours:?}");
    for name in &ours {
        let (start, site_id) = name.rsplit_once('_').unwrap();
        assert!(["chaupal_session", "chaupal_csrf", "chaupal_device", "chaupal_flash"].contains(&start), "{name}");
        assert!(site_id.len() == 8 && site_id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        assert!(!theirs.contains(name), "{name}");
    }
    // One browser with the cookies of both sites and of a Django project: it is logged in at both.
    for (from, to) in [(&browser, &elsewhere), (&elsewhere, &browser)] {
        to.jar.set_foreign(&from.jar.full_name("session"), &from.jar.get("session").unwrap());
        to.jar.set_foreign("sessionid", "django");
        to.jar.set_foreign("csrftoken", "django");
    }
    assert!(browser.is_logged_in() && elsewhere.is_logged_in());
    browser.post("/logout", &[]).leads_to("/");
    assert!(!browser.is_logged_in() && elsewhere.is_logged_in());
});

both!(cookies_behind_https_belong_to_the_host_alone, [("site_url", "https://square.example.org")], |site| {
    let (browser, answer) = log_in(site, "asha");
    let left = browser.post("/logout", &[]);
    for line in answer.cookies().into_iter().chain(left.cookies()) {
        assert!(line.starts_with("__Host-chaupal_"), "{line}");
        assert!(line.contains("; Secure") && line.contains("Path=/") && line.contains("HttpOnly"), "{line}");
        assert!(!line.contains("Domain"), "{line}");
        assert!(!line.contains("Path=/login"), "{line}");
    }
    assert!(left.cookies().iter().any(|line| line.contains("session") && line.contains("Max-Age=0")), "{left:?}");
});

both!(cookies_of_wrong_form_break_no_page, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let long = "x".repeat(5000);
    for value in ["", "x", "%FF%00", "\"quoted\"", "[]", "{\"key\":1}", "-1", "AAAA", long.as_str()] {
        let browser = site.anonymous();
        ALL.iter().for_each(|name| browser.jar.set(name, value));
        for (path, status) in [
            ("/", 200),
            ("/login", 200),
            ("/register", 200),
            ("/chat", 200),
            (&format!("/rooms/{room}"), 200),
            ("/login/code", 303),
            ("/password-reset/1/set", 404),
            ("/rooms/new", 303),
        ] {
            let answer = browser.get(path);
            assert_eq!(answer.status, status, "{value:.20} {path}: {answer:?}");
        }
        let fresh = site.anonymous();
        ALL.iter().for_each(|name| fresh.jar.set(name, value));
        fresh.log_in("asha", PASSWORD).leads_to("/");
        assert!(fresh.is_logged_in(), "{value:.20}");
    }
    // Two hundred cookies of other programs on the same host.
    let browser = site.person("asha");
    (0..200).for_each(|n| browser.jar.set_foreign(&format!("other{n}"), "value"));
    assert!(browser.is_logged_in());
});

both!(a_message_for_the_next_page_fits_into_its_cookie, |site| {
    let asha = site.person("asha");
    let longest = "क".repeat(100);
    let answer = asha.post("/rooms/new", &[("name", &longest), ("topic", &longest)]);
    answer.status(303);
    for line in answer.cookies() {
        assert!(line.len() < 4096, "{}", line.len());
    }
    asha.follow(&answer).status(200);
});
