//! Many at once: of fifty who want the same, one gets it; of fifty who speak, all are heard.

use std::sync::{Arc, Barrier};

use chaupal::kit::db::{Conn, Db, Target};
use chaupal::kit::error::Error;
use diesel::prelude::*;
use rocket::tokio::runtime::Runtime;

use crate::support::{Backend, PASSWORD, Site, is_quick};

/// Runs `n` at once and gathers what they say.
fn at_once<T: Send>(n: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let all: Vec<_> = (0..n).map(|number| scope.spawn(move || work(number))).collect();
        all.into_iter().map(|one| one.join().expect("he came to an end")).collect()
    })
}

fn events_without_gap(site: &Site, room: i64, expected: i64) {
    assert_eq!(site.number(&format!("SELECT last_event FROM rooms WHERE id = {room}")), expected);
    assert_eq!(site.number(&format!("SELECT count(DISTINCT version) FROM messages WHERE room_id = {room}")), expected);
    assert_eq!(site.number(&format!("SELECT max(version) FROM messages WHERE room_id = {room}")), expected);
}

both!(of_fifty_registrations_with_one_address_one_wins, |site| {
    let statuses = at_once(50, |n| {
        let username = format!("person{n}");
        let email = if n % 2 == 0 { "one@example.org" } else { "ONE@example.org" };
        let fields =
            [("username", username.as_str()), ("email", email), ("password1", PASSWORD), ("password2", PASSWORD)];
        site.anonymous().post("/register", &fields).status
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 49, "{statuses:?}");
    assert_eq!(site.number("SELECT count(*) FROM users WHERE email_key = 'one@example.org'"), 1);
});

both!(fifty_who_speak_at_once_are_all_heard_in_order, |site| {
    let host = site.person("host");
    let room = site.room(&host, "Market", "Noise");
    let mut ear = host.listen(&format!("/rooms/{room}/events?after=0"));
    for n in 0..50 {
        site.person(&format!("person{n}"));
    }
    let events = at_once(50, |n| {
        let answer = site.person(&format!("person{n}")).say(room, &format!("cry {n}"), "");
        answer.status(201);
        answer.json()["event"].as_i64().unwrap()
    });
    let mut sorted = events.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=50).collect::<Vec<_>>());
    events_without_gap(site, room, 50);
    assert_eq!(site.number(&format!("SELECT count(*) FROM participants WHERE room_id = {room}")), 51);
    let heard: Vec<i64> = ear.take(50).iter().map(|heard| heard.data["event"].as_i64().unwrap()).collect();
    assert_eq!(heard, (1..=50).collect::<Vec<_>>(), "each once, in order");
});

both!(one_message_sent_twenty_times_at_once_stands_once, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Market", "Noise");
    let answers = at_once(20, |_| site.person("asha").say(room, "once", "the-same-client-id"));
    assert!(answers.iter().all(|answer| [200, 201].contains(&answer.status)), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let id = answers[0].json()["id"].clone();
    assert!(answers.iter().all(|answer| answer.json()["id"] == id));
    events_without_gap(site, room, 1);
});

both!(one_topic_wanted_by_many_is_made_once, |site| {
    for n in 0..20 {
        site.person(&format!("person{n}"));
    }
    let statuses = at_once(20, |n| {
        let topic = if n % 2 == 0 { "Handloom" } else { "HANDLOOM" };
        site.person(&format!("person{n}")).post("/rooms/new", &[("name", "A room"), ("topic", topic)]).status
    });
    assert!(statuses.iter().all(|status| *status == 303), "{statuses:?}");
    assert_eq!(site.number("SELECT count(*) FROM topics"), 1);
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 20);
});

both!(edits_deletes_and_a_departure_keep_the_numbers_whole, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Market", "Noise");
    let hers: Vec<i64> = (0..10).map(|n| site.message(room, &asha, &format!("hers {n}"))).collect();
    let his: Vec<i64> = (0..10).map(|n| site.message(room, &ravi, &format!("his {n}"))).collect();
    let statuses = at_once(30, |n| {
        let (asha, ravi) = (site.person("asha"), site.person("ravi"));
        match n % 3 {
            0 => asha.post(&format!("/messages/{}/edit", hers[n / 3]), &[("body", "changed")]).status,
            1 => ravi.post(&format!("/messages/{}/delete", his[n / 3]), &[]).status,
            _ => asha.say(room, "more", "").status,
        }
    });
    assert!(statuses.iter().all(|status| [201, 303].contains(status)), "{statuses:?}");
    assert_eq!(site.number(&format!("SELECT last_event FROM rooms WHERE id = {room}")), 50);
    assert_eq!(site.number("SELECT count(DISTINCT version) FROM messages"), 30);
    for n in 0..10 {
        site.message(room, &ravi, &format!("his last {n}"));
    }
    std::thread::scope(|scope| {
        let talk = scope.spawn(|| {
            for _ in 0..20 {
                site.person("asha").say(room, "word", "").status(201);
            }
        });
        site.delete(ravi.id);
        talk.join().unwrap();
    });
    let last = site.number(&format!("SELECT last_event FROM rooms WHERE id = {room}"));
    assert_eq!(last, 90, "his last ten words, their deletions, twenty words of hers");
    assert_eq!(site.number("SELECT max(version) FROM messages"), 90);
    assert_eq!(site.number("SELECT count(DISTINCT version) FROM messages"), 60);
});

// Forty who search hold a quarter of the readers; the others are there for all else.
both!(searches_leave_room_for_all_else, |site| {
    let db = Db::new(Target::parse(&site.database_url).unwrap(), 8);
    let runtime = Runtime::new().unwrap();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let ended = std::sync::Arc::new(std::sync::Mutex::new(ended));
    let searching: Vec<_> = (0..40)
        .map(|_| {
            let (db, ended) = (db.clone(), std::sync::Arc::clone(&ended));
            runtime.spawn(async move {
                // Until it is told to end.
                let work = move |_: &mut Conn| Ok(ended.lock().map(|ended| ended.recv().is_err()).unwrap_or_default());
                db.scan("zzqq", work).await
            })
        })
        .collect();
    runtime.block_on(async {
        rocket::tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        db.read(|_| Ok(())).await.unwrap();
        db.scan("", |_| Ok(())).await.unwrap();
        assert!(matches!(db.scan("a", |_| Ok(())).await, Err(Error::Busy)), "after a while he is told to come again");
    });
    drop(end);
    let outcomes: Vec<bool> = runtime.block_on(async {
        let mut outcomes = Vec::new();
        for one in searching {
            outcomes.push(one.await.unwrap().is_ok());
        }
        outcomes
    });
    assert!(outcomes.contains(&true) && outcomes.contains(&false), "{outcomes:?}");
    runtime.block_on(db.scan("a", |_| Ok(()))).expect("there is room again");
});

mod deadlocked_writes_are_repeated {
    use super::*;

    #[test]
    fn postgres() {
        if is_quick() {
            return;
        }
        let site = Site::start(Backend::Postgres, &[]);
        site.sql(
            "INSERT INTO topics (name, name_key, created) VALUES ('Alum', 'alum', now()), ('Indigo', 'indigo', now())",
        );
        let db = Db::new(Target::parse(&site.database_url).unwrap(), 4);
        let runtime = Runtime::new().unwrap();
        let both_hold_one = Arc::new(Barrier::new(2));
        let writers: Vec<_> = [["alum", "indigo"], ["indigo", "alum"]]
            .into_iter()
            .map(|keys| {
                let (db, both_hold_one) = (db.clone(), Arc::clone(&both_hold_one));
                let mut attempts = 0;
                runtime.spawn(async move {
                    let work = move |conn: &mut Conn| {
                        attempts += 1;
                        for (nth, key) in keys.into_iter().enumerate() {
                            let sql = format!("UPDATE topics SET name = name || '!' WHERE name_key = '{key}'");
                            diesel::sql_query(sql).execute(conn)?;
                            if nth == 0 && attempts == 1 {
                                both_hold_one.wait();
                            }
                        }
                        Ok(attempts)
                    };
                    db.write(work).await
                })
            })
            .collect();
        let attempts: Vec<i32> =
            writers.into_iter().map(|writer| runtime.block_on(writer).unwrap().expect("it is repeated")).collect();
        assert_eq!(attempts.iter().sum::<i32>(), 3, "one of the two was repeated once: {attempts:?}");
        assert_eq!(site.text("SELECT string_agg(name, ' ' ORDER BY name) FROM topics"), "Alum!! Indigo!!");
    }
}

mod serialization_failures_are_repeated {
    use super::*;

    #[test]
    fn postgres() {
        if is_quick() {
            return;
        }
        let site = Site::start(Backend::Postgres, &[]);
        let db = Db::new(Target::parse(&site.database_url).unwrap(), 4);
        let runtime = Runtime::new().unwrap();
        let fail = |times: i32| {
            let mut attempts = 0;
            runtime.block_on(db.write(move |conn| {
                attempts += 1;
                if attempts <= times {
                    let sql = "DO $$ BEGIN RAISE EXCEPTION 'in each other''s way' USING ERRCODE = '40001'; END $$";
                    diesel::sql_query(sql).execute(conn)?;
                }
                Ok(attempts)
            }))
        };
        assert_eq!(fail(3).unwrap(), 4);
        assert!(fail(99).unwrap_err().is_conflict(), "it ends after a few");
    }
}

// A deletion locks the user and their rooms, a post locks a room and then its author.
both!(account_deletion_amid_posts_of_its_owner_fails_nothing, |site| {
    let host = site.person("host");
    let rooms: Vec<i64> = (0..4).map(|n| site.room(&host, &format!("Room {n}"), "Noise")).collect();
    for round in 0..6 {
        let name = format!("leaver{round}");
        let leaver = site.person(&name);
        let own = site.room(&leaver, "Own", "Noise");
        for room in &rooms {
            site.message(*room, &leaver, "before");
        }
        let all_are_there = Barrier::new(9);
        let statuses = at_once(9, |n| {
            let person = site.person(&name);
            all_are_there.wait();
            if n == 8 {
                return vec![person.post("/account/delete", &[("password", PASSWORD)]).status];
            }
            let room = if n % 2 == 0 { own } else { rooms[n % 4] };
            (0..6).map(|_| person.say(room, "word", "").status).collect()
        });
        assert!(statuses.iter().flatten().all(|status| *status < 500), "{statuses:?}");
        assert_eq!(site.number(&format!("SELECT count(*) FROM users WHERE username = '{name}'")), 0);
        assert_eq!(site.number("SELECT count(*) FROM messages WHERE deleted IS NULL"), 0);
        for room in &rooms {
            let last = site.number(&format!("SELECT last_event FROM rooms WHERE id = {room}"));
            assert_eq!(site.number(&format!("SELECT max(version) FROM messages WHERE room_id = {room}")), last);
        }
    }
});
