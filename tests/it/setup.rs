//! The first start: a site that nobody runs yet.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chaupal::accounts::setup::{SetupKey, link};
use chaupal::kit::config::secret_key;

use crate::support::{Backend, PASSWORD, Site, is_quick, words};

fn key(site: &Site) -> SetupKey {
    SetupKey(secret_key(&site.config).unwrap().derive("setup"))
}

fn form<'a>(username: &'a str, access: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("site_name", "The banyan"),
        ("access", access),
        ("name", "Asha Rao"),
        ("username", username),
        ("email", "asha@example.org"),
        ("password1", PASSWORD),
        ("password2", PASSWORD),
    ]
}

fn on_both(body: fn(&Site)) {
    let backends = if is_quick() { &[Backend::Sqlite][..] } else { &[Backend::Sqlite, Backend::Postgres][..] };
    for backend in backends {
        let site = Site::bare(*backend, &[]);
        site.launch();
        body(&site);
    }
}

#[test]
fn nobody_registers_before_somebody_runs_the_site() {
    on_both(|site| {
        let stranger = site.anonymous();
        stranger.get("/").status(200).see(&words("setup-needed-title"));
        stranger.get("/register").status(403).see(&words("setup-needed-title"));
        let fields =
            [("username", "ravi"), ("email", "ravi@example.org"), ("password1", PASSWORD), ("password2", PASSWORD)];
        stranger.post("/register", &fields).status(403);
        assert_eq!(site.number("SELECT count(*) FROM users"), 0);
    });
}

#[test]
fn the_link_works_once_and_makes_the_superuser() {
    on_both(|site| {
        let link = link(&key(site));
        let asha = site.anonymous();
        let page = asha.get(&link);
        page.status(200);
        assert_eq!(page.field("site_name").as_deref(), Some("Test square"));
        for (field, value) in [("access", "everybody"), ("site_name", " "), ("username", "a"), ("password2", "other")] {
            let mut fields = form("asha", "members");
            for entry in fields.iter_mut().filter(|(name, _)| *name == field) {
                entry.1 = value;
            }
            asha.post(&link, &fields).status(422).see_not(PASSWORD);
        }
        assert_eq!(site.number("SELECT count(*) FROM users"), 0);

        asha.post(&link, &form("asha", "members")).leads_to("/");
        assert_eq!(site.number("SELECT count(*) FROM users WHERE is_superuser AND is_staff"), 1);
        asha.get("/").status(200).see("The banyan");
        let stranger = site.anonymous();
        stranger.get("/").leads_to_login();

        stranger.get(&link).status(404);
        let mut second = form("mallory", "public");
        second[4] = ("email", "mallory@example.org");
        stranger.post(&link, &second).status(404);
        assert_eq!(site.number("SELECT count(*) FROM users"), 1);
        site.restart();
        asha.get("/").status(200).see("The banyan");
        stranger.get("/").leads_to_login();
    });
}

#[test]
fn old_and_foreign_links_do_nothing() {
    on_both(|site| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let stranger = site.anonymous();
        let expired = format!("/setup/{}", key(site).token(now - 1));
        let foreign = format!("/setup/{}", SetupKey([7; 32]).token(now + 600));
        for link in [expired.as_str(), foreign.as_str(), "/setup/x", "/setup/"] {
            stranger.get(link).status(404);
            stranger.post(link, &form("asha", "public")).status(404);
        }
        stranger.get(&expired).see(&words("setup-expired-title"));
        assert_eq!(site.number("SELECT count(*) FROM users"), 0);
    });
}

#[test]
fn of_two_at_once_one_becomes_superuser() {
    on_both(|site| {
        let link = link(&key(site));
        let answers: Vec<u16> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..6)
                .map(|n| {
                    let link = link.clone();
                    scope.spawn(move || {
                        let (username, email) = (format!("asha{n}"), format!("asha{n}@example.org"));
                        let mut fields = form(&username, "public");
                        fields[4] = ("email", &email);
                        site.anonymous().post(&link, &fields).status
                    })
                })
                .collect();
            tries.into_iter().map(|attempt| attempt.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|status| **status == 303).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|status| [303, 404].contains(status)), "{answers:?}");
        assert_eq!(site.number("SELECT count(*) FROM users"), 1);
    });
}

#[test]
fn who_is_made_by_hand_ends_the_waiting() {
    on_both(|site| {
        let stranger = site.anonymous();
        stranger.get("/").see(&words("setup-needed-title"));
        site.superuser();
        site.sql("UPDATE users SET is_superuser = TRUE, is_staff = TRUE");
        std::thread::sleep(Duration::from_millis(10));
        stranger.get("/").see_not(&words("setup-needed-title"));
        stranger.get("/register").status(200);
    });
}
