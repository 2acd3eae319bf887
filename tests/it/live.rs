//! What appears in an open window without a reload.

use std::time::{Duration, Instant};

use crate::support::http::{Events, Heard};
use crate::support::{Request, Site};

fn numbers(heard: &[Heard]) -> Vec<i64> {
    heard.iter().map(|heard| heard.data["event"].as_i64().unwrap()).collect()
}

fn kinds(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(|heard| heard.event.as_str()).collect()
}

/// The ids of those who are there, as the next word on presence has them, once it says so.
fn present(events: &mut Events, wanted: &[i64], patience: Duration) {
    let start = Instant::now();
    let mut last = None;
    while start.elapsed() < patience {
        let Some(heard) = events.any(patience.saturating_sub(start.elapsed())) else { break };
        if heard.event == "presence" {
            assert_eq!(heard.id, None, "presence must not move the reader's place");
            let ids: Vec<i64> =
                heard.data["users"].as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap()).collect();
            if ids == wanted {
                return;
            }
            last = Some(ids);
        }
    }
    panic!("{wanted:?} were to be there, not {last:?}");
}

fn from(site: &Site, room: i64, query: &str, last: Option<&str>) -> Events {
    let request = Request::new("GET", &format!("/rooms/{room}/events{query}"));
    let request = match last {
        Some(last) => request.header("Last-Event-ID", last),
        None => request,
    };
    site.anonymous().open(request).events()
}

const SHORT: Duration = Duration::from_millis(400);

both!(what_was_missed_is_replayed_in_order_once, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    for n in 1..=5 {
        asha.say(room, &format!("word {n}"), "").status(201);
    }
    for (query, last, expected) in [
        ("?after=0", None, vec![1, 2, 3, 4, 5]),
        ("?after=3", None, vec![4, 5]),
        ("?after=0", Some("4"), vec![5]),
        ("?after=4", Some("1"), vec![2, 3, 4, 5]),
        ("?after=4", Some("rubbish"), vec![5]),
        ("?after=-7", None, vec![1, 2, 3, 4, 5]),
        ("?after=99", None, vec![]),
        ("?after=5", None, vec![]),
        ("", None, vec![]),
        ("?after=banana", None, vec![]),
    ] {
        let mut events = from(site, room, query, last);
        let heard = events.take(expected.len());
        assert_eq!(numbers(&heard), expected, "{query} {last:?}");
        for heard in &heard {
            assert_eq!(heard.event, "message");
            assert_eq!(heard.id.as_deref(), Some(heard.data["event"].to_string().as_str()));
            assert_eq!(heard.data["room"], room);
        }
        events.silent(SHORT);
    }
});

both!(a_long_absence_is_replayed_whole, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    for n in 1..=450 {
        site.message(room, &asha, &format!("word {n}"));
    }
    let mut events = from(site, room, "?after=7", None);
    assert_eq!(numbers(&events.take(443)), (8..=450).collect::<Vec<_>>());
    events.silent(SHORT);
});

both!(an_edit_is_a_message_to_who_never_had_it, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let first = site.message(room, &asha, "word 1");
    for n in 2..=250 {
        site.message(room, &asha, &format!("word {n}"));
    }
    asha.post(&format!("/messages/{first}/edit"), &[("body", "word one")]).status(303);
    let heard = from(site, room, "?after=0", None).take(250);
    assert!(heard.iter().all(|heard| heard.event == "message"), "more than one batch of history");
    assert_eq!(
        from(site, room, "?after=1", None).take(250).last().map(|heard| heard.event.clone()),
        Some("edit".into())
    );
});

both!(posts_edits_and_deletes_arrive_while_one_looks, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let mut window = ravi.listen(&format!("/rooms/{room}/events?after=0"));
    let mut stranger = from(site, room, "?after=0", None);
    let id = asha.say(room, "hello <b>", "").json()["id"].as_i64().unwrap();
    let heard = window.next();
    assert_eq!(heard.event, "message");
    assert_eq!(heard.data["id"], id);
    assert_eq!(heard.data["user"], asha.id);
    let html = heard.data["html"].as_str().unwrap();
    assert!(html.contains("hello &lt;b&gt;") && html.contains(&format!("data-user=\"{}\"", asha.id)), "{html}");
    // The same HTML goes to everybody: nobody's links stand open in it.
    assert!(html.contains("data-action=\"edit\"") && html.contains(" hidden>"), "{html}");
    assert!(!html.contains("class=\"message own\""));

    asha.post(&format!("/messages/{id}/edit"), &[("body", "hello again")]).status(303);
    let heard = window.next();
    assert_eq!((heard.event.as_str(), heard.id.as_deref()), ("edit", Some("2")));
    assert_eq!((heard.data["id"].clone(), heard.data["seq"].clone()), (id.into(), 1.into()));
    assert!(heard.data["html"].as_str().unwrap().contains("hello again"));

    asha.post(&format!("/messages/{id}/delete"), &[]).status(303);
    let heard = window.next();
    assert_eq!(heard.event, "delete");
    assert_eq!(heard.data, serde_json::json!({"event": 3, "id": id, "room": room}));
    assert_eq!(kinds(&stranger.take(3)), ["message", "edit", "delete"]);
    window.silent(SHORT);
});

both!(who_was_away_learns_of_edits_and_deletes, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let ids: Vec<i64> = (1..=3).map(|n| site.message(room, &asha, &format!("word {n}"))).collect();
    asha.post(&format!("/messages/{}/edit", ids[0]), &[("body", "better")]).status(303);
    asha.post(&format!("/messages/{}/edit", ids[0]), &[("body", "best")]).status(303);
    asha.post(&format!("/messages/{}/delete", ids[1]), &[]).status(303);
    asha.say(room, "word 4", "").status(201);
    let mut knew_three = from(site, room, "?after=3", None);
    let heard = knew_three.take(3);
    assert_eq!(kinds(&heard), ["edit", "delete", "message"]);
    assert_eq!(numbers(&heard), [5, 6, 7], "the first edit is part of the second");
    assert!(heard[0].data["html"].as_str().unwrap().contains("best"));
    assert_eq!(heard[1].data["id"], ids[1]);
    // For who knew nothing, what was edited is new, and nothing of what was deleted is told.
    let mut knew_nothing = from(site, room, "?after=0", None);
    let heard = knew_nothing.take(4);
    assert_eq!(kinds(&heard), ["message", "message", "delete", "message"]);
    assert!(heard.iter().all(|heard| !heard.data.to_string().contains("word 2")));
    knew_nothing.silent(SHORT);
});

both!(a_reader_who_is_cut_at_random_ends_with_all_in_order, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let writer = site.person("asha");
            for n in 1..=60 {
                writer.say(room, &format!("word {n}"), "").status(201);
            }
        });
        let (mut all, mut last) = (Vec::new(), "0".to_owned());
        let mut cut = 1;
        while all.len() < 60 {
            let mut events = from(site, room, "?after=0", Some(&last));
            for heard in events.take(cut.min(60 - all.len())) {
                last = heard.id.clone().unwrap();
                all.push(heard.data["event"].as_i64().unwrap());
            }
            cut = cut % 7 + 2;
        }
        writer.join().unwrap();
        assert_eq!(all, (1..=60).collect::<Vec<_>>());
    });
});

both!(what_another_process_wrote_arrives_too, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let mut window = from(site, room, "?after=0", None);
    window.silent(SHORT);
    // Straight into the database: this process hears no hint of it.
    site.message(room, &asha, "from elsewhere");
    let heard = window.next();
    assert_eq!((heard.event.as_str(), heard.data["event"].as_i64()), ("message", Some(1)));
    asha.say(room, "from here", "").status(201);
    assert_eq!(window.next().data["event"], 2);
});

both!(who_is_there_is_seen_and_goes, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let path = format!("/rooms/{room}/events");
    let mut hers = asha.listen(&path);
    present(&mut hers, &[asha.id], Duration::from_secs(5));
    let his = ravi.listen(&path);
    present(&mut hers, &[asha.id, ravi.id], Duration::from_secs(5));
    asha.get(&format!("/rooms/{room}")).hold(&format!("<li data-person=\"{}\"><a class=\"person\"", ravi.id));
    // Strangers hear, and are not seen.
    let _stranger = site.anonymous().listen(&path);
    let second = ravi.listen(&path);
    drop(his);
    ravi.post(&format!("/rooms/{room}/away"), &[]).status(204);
    std::thread::sleep(Duration::from_secs(2));
    let page = asha.get(&format!("/rooms/{room}"));
    page.hold("ravi");
    drop(second);
    let gone = Instant::now();
    ravi.post(&format!("/rooms/{room}/away"), &[]).status(204);
    present(&mut hers, &[asha.id], Duration::from_secs(30));
    assert!(gone.elapsed() < Duration::from_secs(30));
    assert!(gone.elapsed() > Duration::from_secs(5), "a reload is no departure");
});

both!(a_log_out_ends_the_streams, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let mut hers = asha.listen(&format!("/rooms/{room}/events"));
    let mut strangers = site.anonymous().listen(&format!("/rooms/{room}/events"));
    asha.post("/logout", &[]).status(303);
    assert!(hers.ends(Duration::from_secs(5)));
    strangers.silent(SHORT);
    site.person("ravi").say(room, "still here", "").status(201);
    assert_eq!(strangers.next().event, "message");
});

both!(a_stream_ends_with_a_session_that_was_ended_elsewhere, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    let mut hers = asha.listen(&format!("/rooms/{room}/events"));
    let mut his = ravi.listen(&format!("/rooms/{room}/events"));
    site.sql(&format!("DELETE FROM sessions WHERE user_id = {}", asha.id));
    assert!(hers.ends(Duration::from_secs(10)));
    ravi.say(room, "still here", "").status(201);
    while his.next().event != "message" {}
});

both!(several_rooms_on_one_connection, |site| {
    let asha = site.person("asha");
    let rooms: Vec<i64> = (1..=3).map(|n| site.room(&asha, &format!("Room {n}"), "Craft")).collect();
    let (one, two, three) = (rooms[0], rooms[1], rooms[2]);
    site.message(one, &asha, "one");
    site.message(one, &asha, "two");
    site.message(two, &asha, "three");
    let path = format!("/events?rooms={one}:1,{two}:0");
    let mut events = asha.listen(&path);
    let mut heard = events.take(2);
    heard.sort_by_key(|heard| heard.data["room"].as_i64());
    assert_eq!(heard.iter().map(|heard| heard.data["room"].as_i64().unwrap()).collect::<Vec<_>>(), [one, two]);
    asha.say(three, "not asked for", "").status(201);
    asha.say(two, "asked for", "").status(201);
    let last = events.next();
    assert_eq!((last.data["room"].clone(), last.data["event"].clone()), (two.into(), 2.into()));
    assert_eq!(last.id.as_deref(), Some(format!("{one}:2,{two}:2").as_str()));
    drop(events);

    asha.say(one, "while away", "").status(201);
    let request = Request::new("GET", &path).header("Last-Event-ID", &last.id.unwrap());
    let mut resumed = asha.open(request).events();
    let heard = resumed.next();
    assert_eq!((heard.data["room"].clone(), heard.data["event"].clone()), (one.into(), 3.into()));
    resumed.silent(SHORT);

    for (rooms, status) in [
        ("", 400),
        ("banana", 400),
        ("1", 400),
        ("1:-1", 400),
        ("1:1,,", 400),
        ("99:0", 404),
        (&(1..=33).map(|n| format!("{n}:0")).collect::<Vec<_>>().join(","), 400),
    ] {
        let answer = asha.open(Request::new("GET", &format!("/events?rooms={rooms}")));
        assert_eq!(answer.status, status, "{rooms}");
    }
    assert_eq!(asha.open(Request::new("GET", "/events")).status, 400);
    assert_eq!(asha.open(Request::new("GET", &format!("/events?rooms={one}:0,99:0"))).status, 200);
});

both!(a_stream_says_when_to_come_back_and_that_it_lives, |site| {
    use std::io::{BufRead, BufReader, Write};
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", site.port())).unwrap();
    write!(socket, "GET /rooms/{room}/events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
    let retry = lines.find(|line| line.starts_with("retry:")).expect("it says when to come back");
    let wait: u64 = retry.trim_start_matches("retry:").trim().parse().unwrap();
    assert!((500..=5000).contains(&wait), "{retry}");
    let start = Instant::now();
    assert!(lines.any(|line| line.starts_with(':')), "it shows that it lives");
    assert!(start.elapsed() < Duration::from_secs(17));
});
