//! Chat rooms by name: whoever types a name is in the room, and nobody is taken for somebody else.

use chaupal::accounts::models::look;
use chaupal::kit::db::look_text;
use chaupal::kit::migrations;
use chaupal::lobby::models::{KEPT_DAYS, sweep};

use crate::support::{Answer, Backend, Person, Request, Site, is_quick, percent, words};

/// Comes into a room as a guest, or as the person that he is.
fn join(person: &Person<'_>, room: &str, name: &str) -> Answer {
    person.post("/chat", &[("room_name", room), ("username", name)])
}

/// A guest who is in a room; its address.
fn guest<'s>(site: &'s Site, room: &str, name: &str) -> (Person<'s>, String) {
    let guest = site.anonymous();
    let answer = join(&guest, room, name);
    answer.status(303);
    (guest, answer.location())
}

fn say(person: &Person<'_>, room: &str, body: &str) -> Answer {
    person.post(&format!("{room}/messages"), &[("body", body)])
}

/// As the page's script posts.
fn say_by_script(person: &Person<'_>, room: &str, body: &str, client_id: &str) -> Answer {
    let token = person.token();
    let request = Request::new("POST", &format!("{room}/messages")).form(&[("body", body), ("client_id", client_id)]);
    person.send(request.header("Accept", "application/json").header("X-CSRF-Token", &token))
}

fn rooms(site: &Site) -> i64 {
    site.number("SELECT count(*) FROM rooms WHERE lobby_key IS NOT NULL")
}

both!(a_guest_and_a_member_talk, |site| {
    let (meera, room) = guest(site, "Maths", "Meera");
    assert_eq!(room, "/chat/Maths");
    meera.get(&room).status(200).see("Maths").hold("id=\"composer\"").see("Meera");
    let asha = site.person("asha");
    join(&asha, "MATHS ", "").leads_to("/chat/Maths");
    let id = site.number("SELECT id FROM rooms WHERE lobby_key = 'maths'");
    let mut ear = asha.listen(&format!("/events?rooms={id}:0"));

    let posted = say(&meera, &room, "<b>two</b> & two?");
    assert!(posted.status(303).location().starts_with("/chat/Maths#message-"));
    let heard = ear.next();
    assert_eq!((heard.event.as_str(), heard.data["user"].is_null()), ("message", true));
    let html = heard.data["html"].as_str().unwrap();
    assert!(html.contains("<p>&lt;b&gt;two&lt;/b&gt; &amp; two?</p>") && html.contains("badge-guest"), "{html}");
    assert!(html.contains(&words("guest-mark")) && !html.contains("/developers/"), "{html}");

    let told = say_by_script(&asha, &room, "four", "");
    assert_eq!(told.status(201).json()["user"], asha.id);
    let page = meera.get(&room);
    page.status(200).see("four").hold("&lt;b&gt;two&lt;/b&gt;").see("/developers/asha");
    assert!(!page.body.contains("<b>two"), "it is inert");
    assert_eq!(page.count("badge-guest"), 1, "only the guest is marked");
    assert_eq!(page.messages().len(), 2);
    assert_eq!(site.number("SELECT count(*) FROM participants"), 1, "guests are no participants");
    let stranger = site.anonymous().get(&room);
    stranger.status(200).see("four").hold("action=\"/chat\"");
    assert_eq!(stranger.field("room_name").as_deref(), Some("Maths"), "whoever is not in is asked for his name alone");
    site.anonymous().get("/chat").status(200).see("Maths");
});

both!(names_are_the_same_by_case_and_composition_only, |site| {
    let (_, first) = guest(site, "Élan  vital", "Meera");
    for same in ["ÉLAN VITAL", "e\u{301}lan vital", "  élan vital "] {
        join(&site.anonymous(), same, "Meera").leads_to(&first);
    }
    assert_eq!(rooms(site), 1);
    let (_, other) = guest(site, "élan-vital", "Meera");
    assert_ne!(other, first);
    // Every spelling of the address leads to the one.
    for spelling in ["/chat/%C3%A9lan%20vital", "/chat/%C3%89LAN~20VITAL", "/chat/e%CC%81lan%20vital/"] {
        site.anonymous().get(spelling).leads_to(&first);
    }
    site.anonymous().get(&first).status(200);
});

both!(fifty_who_type_one_name_at_once_are_in_one_room, |site| {
    let urls: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..50)
            .map(|n| {
                scope.spawn(move || {
                    let name = if n % 2 == 0 { "Fair" } else { "FAIR" };
                    let (guest, url) = guest(site, name, &format!("Guest {n}"));
                    say_by_script(&guest, &url, &format!("cry {n}"), "").status(201);
                    url.to_lowercase()
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().expect("he came in")).collect()
    });
    assert!(urls.iter().all(|url| *url == "/chat/fair"), "{urls:?}");
    assert_eq!(rooms(site), 1);
    assert_eq!(site.number("SELECT last_event FROM rooms"), 50);
    assert_eq!(site.number("SELECT count(DISTINCT seq) FROM messages"), 50);
});

both!(odd_names_make_rooms_and_lead_nowhere_else, |site| {
    for name in [
        "a/b?c#d%e",
        "..",
        ".",
        "/evil.example",
        "//evil.example",
        "\\\\evil.example",
        "http://evil.example/",
        "?x=1",
        "#top",
        "%2e%2e",
        "~",
        "~2e",
        "🌳 & 🏮",
        "हिन्दी कक्षा",
        "का\u{200d}",
        "new",
        "a;b",
        "Ω'\"<b>",
        "messages",
        "%00",
    ] {
        let (guest, url) = guest(site, name, "Meera");
        assert!(
            url.starts_with("/chat/") && url.is_ascii() && !url[6..].contains(['/', '?', '#', '.']),
            "{name}: {url}"
        );
        guest.get(&url).status(200).see(name);
        say(&guest, &url, "here").status(303);
        guest.get(&url).see("here");
        let messages = guest.get(&format!("/getMessages/{}", percent(name)));
        assert_eq!(messages.status(200).json()["messages"][0]["value"], "here", "{name}");
        // Typed into the address bar, however that encodes it.
        if ![".", "..", "new", "messages", "~2e"].contains(&name) {
            guest.get(&format!("/chat/{}", percent(name))).leads_to(&url);
        }
    }
    assert_eq!(rooms(site), 20);
    for odd in
        ["/chat/%2e%2e/%2e%2e/login", "/chat//evil.example", "/chat/%00", "/chat/%ff", "/chat/~zz~00", "/chat/a%00b"]
    {
        let answer = site.anonymous().get(odd);
        assert!([404, 405].contains(&answer.status), "{odd}: {} {:?}", answer.status, answer.header("location"));
    }
});

both!(bad_names_are_refused_at_their_field, |site| {
    let long = "x".repeat(10_000);
    for (room, name, key) in [
        ("", "Meera", "error-required"),
        (" \u{a0} ", "Meera", "error-required"),
        ("\u{200b}\u{feff}", "Meera", "error-required"),
        ("Maths", "", "error-required"),
        ("Maths", "   ", "error-required"),
        ("a\u{202e}b", "Meera", "error-unseen"),
        ("\u{200f}Maths", "Meera", "error-unseen"),
        ("Maths", "Mee\u{200b}ra", "error-unseen"),
        ("Maths", "Mee\u{200d}ra", "error-unseen"),
        ("Maths", "Mee\u{ad}ra", "error-unseen"),
        ("Maths", "\u{200e}Meera", "error-unseen"),
        ("Ma\u{7}ths", "Meera", "error-unseen"),
        ("Ma\u{feff}ths", "Meera", "error-unseen"),
        ("Maths", "Me\nera", "error-unseen"),
        ("Ma\0ths", "Meera", "error-nul"),
        ("Maths", "Mee\0ra", "error-nul"),
    ] {
        let answer = join(&site.anonymous(), room, name);
        answer.status(422).see(&words(key));
        assert_eq!(answer.field("username").as_deref().map(str::trim), Some(name.trim()), "what was typed is there");
        let plain = site.anonymous().post("/checkview", &[("room_name", room), ("username", name)]);
        assert!(plain.status(422).body.contains(&words(key)), "{}", plain.body);
        assert!(plain.header("content-type").unwrap().starts_with("text/plain"));
    }
    for (room, name) in
        [(long.as_str(), "Meera"), ("Maths", &long), (&"क".repeat(101), "Meera"), ("Maths", &"क".repeat(41))]
    {
        let answer = join(&site.anonymous(), room, name);
        answer.status(422).see("characters, please");
    }
    assert_eq!(site.number("SELECT count(*) FROM rooms"), 0);
    guest(site, &"क".repeat(100), &"क".repeat(40));
    // Of nothing that cannot be a name is a room offered.
    site.anonymous().get(&format!("/chat/{long}")).status(404).see_not("action=\"/chat\"");
    let offered = site.anonymous().get("/chat/Not%20yet");
    offered.status(404).see(&words("chat-missing"));
    assert_eq!(offered.field("room_name").as_deref(), Some("Not yet"));
});

both!(nobody_is_taken_for_a_member, |site| {
    let asha = site.person("asha");
    site.sql(&format!(
        "UPDATE users SET name = 'Aśha  Devi', name_look = '{}' WHERE id = {}",
        look_text("Aśha  Devi"),
        asha.id
    ));
    for name in ["asha", "ASHA", "ａｓｈａ", " Asha ", "aśha devi", "AS\u{301}HA\u{2003}DEVI", "𝐚𝐬𝐡𝐚", "boss"]
    {
        join(&site.anonymous(), "Maths", name).status(422).see(&words("error-guest-taken"));
    }
    assert_eq!(rooms(site), 0);
    // A space more makes another name, and a letter too.
    for name in ["a sha", "ashaa", "Asha D"] {
        guest(site, "Maths", name);
    }
    // Somebody may register, and the guest of that name speaks no more under it.
    let (meera, room) = guest(site, "Maths", "Meera");
    say(&meera, &room, "hello").status(303);
    site.person("meera");
    let refused = say(&meera, &room, "it is me");
    refused.status(422).see("it is me").see(&words("error-guest-taken"));
    assert_eq!(refused.field("username").as_deref(), Some(""), "he is asked for another");
    let told = say_by_script(&meera, &room, "it is me", "");
    assert_eq!(told.status(422).json()["username"][0], words("error-guest-taken"));
    assert!(
        meera
            .post("/send", &[("message", "x"), ("username", "ＭＥＥＲＡ"), ("room_id", &id(site))])
            .status(422)
            .body
            .contains("username")
    );
    meera.post(&format!("{room}/messages"), &[("body", "it is me"), ("username", "Meera the guest")]).status(303);
    meera.get(&room).see("it is me").see("Meera the guest");
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE guest_name = 'Meera the guest'"), 1);
    say(&meera, &room, "still").status(303);
});

fn id(site: &Site) -> String {
    site.number("SELECT min(id) FROM rooms WHERE lobby_key IS NOT NULL").to_string()
}

both!(looks_are_kept_for_whoever_comes, |site| {
    let fields = [("username", "Ａrjun"), ("name", "ＡＲＪＵＮ  R"), ("email", "arjun@example.org")];
    let password = [("password1", crate::support::PASSWORD), ("password2", crate::support::PASSWORD)];
    site.anonymous().post("/register", &[fields.as_slice(), &password].concat()).status(303);
    assert_eq!(
        site.text("SELECT username_look || '|' || name_look FROM users WHERE email_key = 'arjun@example.org'"),
        "arjun|arjun r"
    );
    join(&site.anonymous(), "Maths", "arjun").status(422);
});

both!(a_lobby_room_shows_nowhere_else, |site| {
    let asha = site.person("asha");
    let ordinary = site.room(&asha, "Weavers", "Craft");
    site.message(ordinary, &asha, "warp");
    let (meera, room) = guest(site, "Hidden hall", "Meera");
    say(&meera, &room, "guest words").status(303);
    join(&asha, "Hidden hall", "");
    say(&asha, &room, "member words").status(303);
    let id = id(site);
    for path in ["/", "/?q=hall", "/topics", "/activity", "/activity?q=words", "/developers/asha"] {
        let page = asha.get(path);
        page.status(200).see_not("Hidden hall").see_not("member words").see_not("guest words").see_not("Meera");
    }
    asha.get("/").see(&crate::support::says(chaupal::kit::i18n::Text::new("rooms-count").with("count", 1)));
    asha.get("/developers/asha").hold("<dd>1</dd>");
    let boss = site.superuser();
    for path in ["", "/edit", "/delete", "/events"] {
        boss.get(&format!("/rooms/{id}{path}")).status(404);
    }
    for path in
        ["/messages", "/edit", "/delete", "/leave", "/away", "/participants/asha/remove", "/participants/asha/restore"]
    {
        boss.post(&format!("/rooms/{id}{path}"), &[("body", "x"), ("name", "x"), ("topic", "y")]).status(404);
    }
    assert_eq!(site.number(&format!("SELECT count(*) FROM messages WHERE room_id = {id}")), 2);
    // Nor is an ordinary room a chat room.
    site.anonymous().get("/chat/Weavers").status(404).see_not("warp");
    site.anonymous().get("/getMessages/Weavers").status(404);
    site.anonymous()
        .post("/send", &[("message", "x"), ("username", "Meera"), ("room_id", &ordinary.to_string())])
        .status(404);
});

both!(whose_words_may_be_changed_by_whom, |site| {
    let (asha, ravi, staff) = (site.person("asha"), site.person("ravi"), site.staff("staffer"));
    let (meera, room) = guest(site, "Maths", "Meera");
    let of_guest = say_by_script(&meera, &room, "guest words", "").json()["id"].as_i64().unwrap();
    let of_asha = say_by_script(&asha, &room, "member words", "").json()["id"].as_i64().unwrap();
    for id in [of_guest, of_asha] {
        for verb in ["edit", "delete"] {
            meera.post(&format!("/messages/{id}/{verb}"), &[("body", "x")]).leads_to_login();
            ravi.post(&format!("/messages/{id}/{verb}"), &[("body", "x")]).status(403);
        }
        staff.post(&format!("/messages/{id}/edit"), &[("body", "x")]).status(403);
    }
    asha.post(&format!("/messages/{of_guest}/edit"), &[("body", "x")]).status(403);
    let back = asha.post(&format!("/messages/{of_asha}/edit"), &[("body", "better words")]);
    assert_eq!(back.status(303).location(), format!("{room}#message-{of_asha}"));
    meera.get(&room).see("better words").see(&words("message-edited"));
    staff.get(&format!("/messages/{of_guest}/delete")).status(200).see("Meera").hold("badge-guest");
    staff.post(&format!("/messages/{of_guest}/delete"), &[]).leads_to(&room);
    asha.post(&format!("/messages/{of_asha}/delete"), &[]).leads_to(&room);
    assert!(meera.get(&room).messages().is_empty());
    let left = site.text("SELECT count(*) || '/' || count(guest_name) || '/' || max(length(body)) FROM messages");
    assert_eq!(left, "2/0/0", "nothing is left of what was deleted");
    assert_eq!(meera.get("/getMessages/Maths").json()["messages"], serde_json::json!([]));
});

both!(a_guests_repeated_try_posts_once, |site| {
    let (meera, room) = guest(site, "Maths", "Meera");
    let first = say_by_script(&meera, &room, "once", "the-same-client-id");
    let again = say_by_script(&meera, &room, "once", "the-same-client-id");
    assert_eq!((first.status(201).json()["id"].clone(), again.status), (again.json()["id"].clone(), 200));
    let (other, _) = guest(site, "Maths", "Other");
    say_by_script(&other, &room, "mine", "the-same-client-id").status(201);
    let (cookies, room) = (meera.jar.line().unwrap(), &room);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let cookies = cookies.as_str();
        let all: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(move || {
                    let twin = site.anonymous();
                    cookies.split("; ").for_each(|cookie| {
                        let (name, value) = cookie.split_once('=').unwrap();
                        twin.jar.set_foreign(name, value);
                    });
                    say_by_script(&twin, room, "at once", "another-client-id").status
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| [200, 201].contains(status)), "{statuses:?}");
    assert_eq!(site.number("SELECT count(*) FROM messages"), 3);
});

both!(a_name_nobody_gave_is_asked_for_and_no_text_is_lost, |site| {
    let (_, room) = guest(site, "Maths", "Meera");
    let stranger = site.anonymous();
    let answer = say(&stranger, &room, "a long thought");
    answer.status(422).see("a long thought").hold("name=\"username\"").see(&words("error-name-needed"));
    let told = say_by_script(&stranger, &room, "a long thought", "");
    assert_eq!(told.status(422).json()["username"][0], words("error-name-needed"));
    // A cookie that somebody wrote by hand names nobody.
    for forged in ["TWVlcmE", "", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABNZWVyYQ"] {
        stranger.jar.set("guest", forged);
        say(&stranger, &room, "x").status(422);
    }
    stranger.post(&format!("{room}/messages"), &[("body", "a long thought"), ("username", "Ravi K")]).status(303);
    let cookies = stranger.jar.line().unwrap();
    assert!(cookies.contains("chaupal_guest_"), "{cookies}");
    say(&stranger, &room, "and one more").status(303);
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE guest_name = 'Ravi K'"), 2);
    for (body, key) in [(" ", "error-required"), ("\u{200b}", "error-required"), ("a\0b", "error-nul")] {
        say(&stranger, &room, body).status(422).see(&words(key));
    }
    say(&stranger, &room, &"क".repeat(4001)).status(422).see("4000");
    say(&stranger, &room, &"क".repeat(4000)).status(303);
});

both!(the_cookie_has_the_flags_of_all_others, |site| {
    let answer = join(&site.anonymous(), "Maths", "Meera");
    let cookie = answer.cookies().into_iter().find(|cookie| cookie.starts_with("chaupal_guest_")).unwrap().to_owned();
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    let asha = site.person("asha");
    let cookies = join(&asha, "Maths", "Somebody").cookies().join(" ");
    assert!(!cookies.contains("chaupal_guest_"), "a person needs none: {cookies}");
});

both!(a_person_speaks_under_his_own_name_alone, |site| {
    let asha = site.person("asha");
    join(&asha, "Maths", "Somebody else").status(303);
    asha.post("/chat/Maths/messages", &[("body", "mine"), ("username", "Somebody else")]).status(303);
    asha.post("/send", &[("message", "mine too"), ("username", "boss"), ("room_id", &id(site))]).status(200);
    assert_eq!(
        site.number(&format!("SELECT count(*) FROM messages WHERE user_id = {} AND guest_name IS NULL", asha.id)),
        2
    );
    assert!(site.text("SELECT max(body) FROM messages WHERE in_lobby").contains("mine"));
});

both!(chat_apps_own_page_works, |site| {
    let page = site.anonymous();
    let token = page.token();
    let post = |path: &str, fields: &[(&str, &str)]| {
        page.send(Request::new("POST", path).form(&[fields, &[("csrfmiddlewaretoken", &token)]].concat()))
    };
    let answer = post("/checkview", &[("room_name", "My class"), ("username", "Meera & co")]);
    assert_eq!(answer.status(303).location(), "/chat/My~20class?username=Meera%20%26%20co");
    page.get(&answer.location()).status(200).see("My class");
    let id = id(site);
    let sent = post("/send", &[("message", "<i>hi</i>"), ("username", "Meera & co"), ("room_id", &id)]);
    assert_eq!(sent.status(200).body, "Message sent successfully");
    assert!(sent.header("content-type").unwrap().starts_with("text/plain"));
    let told = page.get("/getMessages/My%20class");
    assert!(told.status(200).header("content-type").unwrap().starts_with("application/json"));
    let row = &told.json()["messages"][0];
    assert_eq!(row.as_object().unwrap().len(), 5);
    assert_eq!(
        (&row["value"], &row["user"], &row["room"]),
        (&"<i>hi</i>".into(), &"Meera & co".into(), &id.as_str().into())
    );
    assert!(row["id"].is_i64() && row["date"].as_str().unwrap().ends_with('Z'), "{row}");
    assert_eq!(page.get("/getMessages/my~20CLASS/").json(), told.json());

    for (fields, status, word) in [
        (vec![("message", " "), ("username", "Meera"), ("room_id", id.as_str())], 422, "body"),
        (vec![("message", "x"), ("username", "boss"), ("room_id", &id)], 422, "username"),
        (vec![("message", "x"), ("username", "Meera"), ("room_id", "99999")], 404, ""),
        (vec![("message", "x"), ("username", "Meera"), ("room_id", "x")], 404, ""),
        (vec![("message", "x"), ("username", "Meera"), ("room_id", "99999999999999999999")], 404, ""),
        (vec![("message", "x"), ("username", "Meera")], 404, ""),
    ] {
        let answer = post("/send", &fields);
        assert!(answer.status(status).header("content-type").unwrap().starts_with("text/plain"), "{fields:?}");
        assert!(answer.body.contains(word) && !answer.body.contains('<'), "{}", answer.body);
    }
    let forged =
        page.send(Request::new("POST", "/send").form(&[("message", "x"), ("username", "M"), ("room_id", &id)]));
    assert!(forged.status(403).body.contains(&words("error-csrf-text")));
    page.send(Request::new("POST", "/send").content("text/plain", b"message=x")).status(415);
    page.send(Request::new("POST", "/checkview").content("application/json", b"{}")).status(415);
    assert!(page.get("/getMessages/nothing").status(404).json()["detail"].is_string());
    page.get("/getMessages/%00").status(404);

    let room: i64 = id.parse().unwrap();
    for n in 0..205 {
        site.guest_message(room, "Meera", &format!("word {n}"));
    }
    let messages = page.get("/getMessages/My%20class").json()["messages"].clone();
    let messages = messages.as_array().unwrap();
    assert_eq!(
        (messages.len(), &messages[0]["value"], &messages[199]["value"]),
        (200, &"word 5".into(), &"word 204".into())
    );
});

both!(without_a_lobby_there_is_none, [("lobby.enabled", "false")], |site| {
    let room = site.chat_room("Maths");
    let message = site.guest_message(room, "Meera", "guest words");
    let boss = site.superuser();
    for path in ["/chat", "/chat/Maths", "/getMessages/Maths", "/checkview", "/send", "/chat/Maths/messages"] {
        boss.get(path).status(404);
        boss.post(path, &[("room_name", "x"), ("username", "y"), ("message", "z"), ("room_id", "1"), ("body", "b")])
            .status(404);
    }
    boss.get(&format!("/events?rooms={room}:0")).status(404);
    boss.get(&format!("/messages/{message}/delete")).status(404);
    boss.post(&format!("/messages/{message}/delete"), &[]).status(404);
    boss.get("/").status(200).see_not("href=\"/chat\"");
});

both!(a_site_for_members_keeps_its_chat_rooms_too, [("site.access", "members")], |site| {
    let room = site.chat_room("Maths");
    for path in ["/chat", "/chat/Maths", "/getMessages/Maths", &format!("/events?rooms={room}:0")] {
        site.anonymous().get(path).leads_to_login();
    }
    let token = site.anonymous();
    for path in ["/chat", "/chat/Maths/messages", "/send", "/checkview"] {
        token.post(path, &[("room_name", "Maths"), ("username", "Meera"), ("body", "x")]).leads_to_login();
    }
    let asha = site.person("asha");
    join(&asha, "Maths", "").leads_to("/chat/Maths");
    say(&asha, "/chat/Maths", "members only").status(303);
    assert_eq!(site.number("SELECT count(*) FROM messages WHERE guest_name IS NOT NULL"), 0);
});

both!(guests_are_slowed_by_address_and_lose_no_text, [("throttle.post", "3/h")], |site| {
    let (meera, room) = guest(site, "Maths", "Meera");
    say(&meera, &room, " ").status(422);
    say(&meera, &room, "one").status(303);
    say(&meera, &room, "two").status(303);
    let answer = say(&meera, &room, "a long thought");
    assert!(answer.status(429).see("a long thought").header("retry-after").is_some());
    // Another name is no other address.
    let answer = join(&site.anonymous(), "Another room", "Somebody else");
    assert!(answer.status(429).header("retry-after").is_some());
    assert_eq!(answer.field("room_name").as_deref(), Some("Another room"));
    let answer = site.anonymous().post("/send", &[("message", "x"), ("username", "Third"), ("room_id", &id(site))]);
    assert!(answer.status(429).header("retry-after").is_some());
    assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
    site.anonymous().post("/checkview", &[("room_name", "x"), ("username", "y")]).status(429);
    say_by_script(&meera, &room, "x", "").status(429);
    // A person counts for himself.
    say(&site.person("asha"), &room, "mine").status(303);
    assert_eq!((rooms(site), site.number("SELECT count(*) FROM messages")), (1, 3));
});

both!(a_room_that_nobody_uses_goes, |site| {
    let asha = site.person("asha");
    let ordinary = site.room(&asha, "Weavers", "Craft");
    let (old, spoken, entered) = (site.chat_room("Old"), site.chat_room("Spoken in"), site.chat_room("Entered"));
    for room in [old, spoken] {
        site.guest_message(room, "Meera", "long ago");
    }
    say(&asha, "/chat/Old", "and I").status(303);
    let age = |days: i64| {
        let then = if site.backend == Backend::Sqlite {
            format!("datetime('now', '-{days} days')")
        } else {
            format!("now() AT TIME ZONE 'UTC' - interval '{days} days'")
        };
        site.sql(&format!("UPDATE rooms SET updated = {then}"));
    };
    age(KEPT_DAYS - 1);
    assert_eq!(site.db(sweep).unwrap(), 0);
    age(KEPT_DAYS + 1);
    site.guest_message(spoken, "Meera", "today");
    guest(site, "entered", "Meera");
    assert_eq!(site.db(sweep).unwrap(), 1);
    assert_eq!(site.number(&format!("SELECT count(*) FROM messages WHERE room_id = {old}")), 0);
    for (room, left) in [(old, 0), (spoken, 1), (entered, 1), (ordinary, 1)] {
        assert_eq!(site.number(&format!("SELECT count(*) FROM rooms WHERE id = {room}")), left);
    }
    site.anonymous().get("/chat/Old").status(404);
    // The name is free again, and the room is another.
    guest(site, "OLD", "Meera");
    site.anonymous().get("/chat/OLD").status(200).see_not("long ago");
});

both!(what_members_missed_is_counted_and_members_are_shown_as_present, |site| {
    let asha = site.person("asha");
    let (meera, room) = guest(site, "Maths", "Meera");
    join(&asha, "Maths", "");
    asha.get(&room).status(200);
    say(&meera, &room, "first").status(303);
    asha.get(&room).status(200);
    say(&meera, &room, "second").status(303);
    asha.get(&room).status(200).hold("id=\"unread\"");
    asha.get(&room).see_not("id=\"unread\"");
    let id = id(site);
    let _here = asha.listen(&format!("/events?rooms={id}:0"));
    let _guest_here = meera.listen(&format!("/events?rooms={id}:0"));
    let page = meera.get(&room);
    assert_eq!(page.count(&format!("data-person=\"{}\"", asha.id)), 1);
    meera.post(&format!("{room}/away"), &[("seen", "1")]).status(204);
});

#[test]
fn the_migration_goes_back_and_forth_and_loses_nothing_else() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if backend == Backend::Postgres && is_quick() {
            continue;
        }
        let site = Site::bare(backend, &[]);
        let asha = site.person("ＡＳＨＡ");
        let room = site.room(&asha, "Weavers", "Craft");
        site.message(room, &asha, "warp");
        let chat = site.chat_room("Maths");
        site.guest_message(chat, "Meera", "gone with the lobby");
        let to = |target| site.db(|conn| migrations::run(conn, target, |_| {})).unwrap();
        assert!(to(Some("0003_imports")) > 0);
        assert_eq!((site.number("SELECT count(*) FROM rooms"), site.number("SELECT count(*) FROM messages")), (1, 1));
        assert!(to(None) > 0);
        site.db(look::fill).unwrap();
        assert_eq!(site.text("SELECT username_look FROM users"), "asha");
        assert_eq!(site.number("SELECT count(*) FROM messages WHERE NOT in_lobby AND guest_name IS NULL"), 1);
        site.chat_room("Maths");
    }
}
