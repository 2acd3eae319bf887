//! `kill -9` while fifty post: what was acknowledged is there, once.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chaupal::kit::db::Target;
use diesel::prelude::*;

use crate::support::program::Serving;
use crate::support::{Backend, Request, Site, is_quick};

const ROUNDS: usize = 20;
const WRITERS: usize = 50;

/// Somebody who posts until the server is gone, and sends again what was not acknowledged.
struct Writer {
    number: usize,
    cookies: String,
    token: String,
    next: usize,
}

impl Writer {
    fn new(site: &Site, number: usize) -> Self {
        let person = site.person(&format!("writer{number}"));
        Self { number, cookies: person.jar.line().unwrap(), token: String::new(), next: 0 }
    }

    /// A page's token holds for every server with the same secret key.
    fn fetch_token(&mut self, port: u16) {
        let answer = Request::new("GET", "/topics").header("Cookie", &self.cookies).open(port).finish();
        self.token = answer.form_token().unwrap().to_owned();
        self.cookies = format!("{}; {}", self.cookies, answer.cookie("csrf").unwrap());
    }

    fn post(&mut self, port: u16, room: i64, acknowledged: &Mutex<BTreeSet<String>>) -> std::io::Result<()> {
        let body = format!("word {} of {}", self.next, self.number);
        let client_id = format!("writer-{}-{}", self.number, self.next);
        let request = Request::new("POST", &format!("/rooms/{room}/messages"))
            .form(&[("body", &body), ("client_id", &client_id), ("csrf_token", &self.token)])
            .header("Cookie", &self.cookies)
            .header("Accept", "application/json");
        let answer = request.try_open(port)?.finish();
        match answer.status {
            200 | 201 if answer.body.ends_with('}') => {
                acknowledged.lock().unwrap().insert(body);
                self.next += 1;
            }
            // Cut in the middle of the answer: that is no acknowledgement, and it is sent again.
            200 | 201 | 503 => {}
            status => panic!("{status}: {answer:?}"),
        }
        Ok(())
    }
}

fn kill_nine(backend: Backend) {
    // The site's own server is not started: its database and folder are used by the program.
    let site = Site::bare(backend, &[]);
    let host = site.person("host");
    site.sql("UPDATE users SET is_superuser = TRUE");
    let room = site.room(&host, "Market", "Noise");
    let mut writers: Vec<Writer> = (0..WRITERS).map(|number| Writer::new(&site, number)).collect();
    let acknowledged = Mutex::new(BTreeSet::new());
    let folder = site.folder().to_string_lossy().into_owned();
    let env = [
        ("CHAUPAL_DATABASE__URL", site.database_url.as_str()),
        ("CHAUPAL_DATA_DIR", &folder),
        ("CHAUPAL_THROTTLE__POST", "off"),
        // The names of cookies are made of it.
        ("CHAUPAL_SITE_URL", site.config.site_url.as_str()),
    ];
    for round in 0..ROUNDS {
        let mut serving = Serving::start(site.folder(), &env);
        if round == 0 {
            writers.iter_mut().for_each(|writer| writer.fetch_token(serving.port));
        }
        let (port, before, gone) = (serving.port, acknowledged.lock().unwrap().len(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for writer in &mut writers {
                let (acknowledged, gone) = (&acknowledged, &gone);
                scope.spawn(move || {
                    while !gone.load(Ordering::Relaxed) {
                        let posted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                            writer.post(port, room, acknowledged)
                        }));
                        if posted.is_err() && !gone.load(Ordering::Relaxed) {
                            std::thread::sleep(Duration::from_millis(5));
                        }
                    }
                });
            }
            // In the thick of it, and at a different moment in each round.
            let start = Instant::now();
            while acknowledged.lock().unwrap().len() < before + 20 && start.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(23 * (round as u64 % 7)));
            serving.kill();
            gone.store(true, Ordering::Relaxed);
        });
        assert!(acknowledged.lock().unwrap().len() > before, "round {round}: nobody was heard");
        whole(&site, room);
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    for body in &acknowledged {
        assert_eq!(site.number(&format!("SELECT count(*) FROM messages WHERE body = '{body}'")), 1, "{body}");
    }
    let stored = site.number("SELECT count(*) FROM messages");
    assert_eq!(stored, site.number("SELECT count(DISTINCT body) FROM messages"), "nothing stands twice");
    assert!(stored >= i64::try_from(acknowledged.len()).unwrap());
    println!("{backend:?}: {} acknowledged, {stored} stored", acknowledged.len());
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = diesel::sql_types::Text)]
    told: String,
}

/// Event numbers without a gap, and a sound file.
fn whole(site: &Site, room: i64) {
    let last = site.number(&format!("SELECT last_event FROM rooms WHERE id = {room}"));
    assert_eq!(site.number(&format!("SELECT count(DISTINCT seq) FROM messages WHERE room_id = {room}")), last);
    assert_eq!(site.number(&format!("SELECT coalesce(max(seq), 0) FROM messages WHERE room_id = {room}")), last);
    if site.backend == Backend::Sqlite {
        // A connection that has looked at a full-text table before takes what others have written since for damage.
        let mut fresh = Target::parse(&site.database_url).unwrap().connect().unwrap();
        let told =
            diesel::sql_query("SELECT integrity_check AS told FROM pragma_integrity_check").load::<Told>(&mut fresh);
        assert_eq!(told.unwrap().into_iter().map(|row| row.told).collect::<Vec<_>>(), ["ok"]);
        assert_eq!(site.number("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    }
}

mod kill_nine {
    use super::{Backend, is_quick};

    #[test]
    fn sqlite() {
        super::kill_nine(Backend::Sqlite);
    }

    #[test]
    fn postgres() {
        if !is_quick() {
            super::kill_nine(Backend::Postgres);
        }
    }
}
