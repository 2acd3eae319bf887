//! Developers: profiles, skills, and the page on which both worlds meet.

use chaupal::kit::migrations;
use chaupal::profiles::models::skill;

use crate::support::{PASSWORD, Request, Site, words};

/// The names on a page of developers, in their order.
fn profiles(site: &Site) -> i64 {
    site.number("SELECT count(*) FROM profiles")
}

both!(whoever_registers_gets_one_profile, |site| {
    let before = profiles(site);
    let asha = site.anonymous();
    asha.post(
        "/register",
        &[
            ("name", "Asha Rao"),
            ("username", "asha"),
            ("email", "asha@example.org"),
            ("password1", PASSWORD),
            ("password2", PASSWORD),
        ],
    )
    .status(303);
    assert_eq!(profiles(site), before + 1);
    assert_eq!(site.number("SELECT count(*) FROM users u JOIN profiles p ON p.user_id = u.id"), profiles(site));
    asha.get("/developers/asha").status(200).see("Asha Rao");
    assert_eq!(asha.get("/developers?q=asha").cards(), ["Asha Rao"]);
    // With the account it goes.
    asha.post("/account/delete", &[("password", PASSWORD)]).leads_to("/");
    assert_eq!(profiles(site), before);
});

both!(a_profile_and_its_account_stay_in_step, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("Ravi"));
    let fields = [
        ("name", "Asha Rao"),
        ("username", "asha.rao"),
        ("short_intro", " Weaver of  Maheshwar "),
        ("location", "मध्य प्रदेश"),
        ("bio", "I **weave**.\r\nAnd <script>alert(1)</script> sing."),
        ("social_github", "github.com/asha"),
        ("social_website", "https://asha.example"),
    ];
    asha.post("/account/edit", &fields).leads_to("/developers/asha.rao");
    let page = ravi.get("/developers/ASHA.RAO");
    page.status(200).see("Asha Rao").see("Weaver of Maheshwar").see("मध्य प्रदेश");
    page.hold("<strong>weave</strong>").see("https://github.com/asha").hold("nofollow");
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
    ravi.get("/developers/asha").status(404);
    // He logs in by the new name.
    site.anonymous().log_in("ASHA.rao", PASSWORD).status(303);
    let form = asha.get("/account/edit");
    assert_eq!(form.field("username").as_deref(), Some("asha.rao"));
    assert_eq!(form.field("social_github").as_deref(), Some("https://github.com/asha"));
    // A form without the field leaves the name alone.
    asha.post("/account/edit", &[("name", "Asha")]).leads_to("/developers/asha.rao");
});

both!(a_taken_name_and_bad_links_are_told_at_their_fields, |site| {
    let (asha, _ravi) = (site.person("asha"), site.person("Ravi"));
    let taken = asha.post("/account/edit", &[("username", "rAVI"), ("short_intro", "kept words")]);
    taken.status(422).hold("id=\"username-error\"").see(&words("error-username-taken")).hold("kept words");
    asha.post("/account/edit", &[("username", "a b")]).status(422).hold("id=\"username-error\"");
    for (field, value) in [
        ("social_website", "javascript:alert(1)"),
        ("social_github", "data:text/html,x"),
        ("social_twitter", "https://nowhere"),
        ("social_linkedin", "ftp://example.org"),
        ("social_youtube", "https://a@b.example"),
    ] {
        let page = asha.post("/account/edit", &[(field, value)]);
        page.status(422).hold(&format!("id=\"{field}-error\"")).see(value);
    }
    for (field, length) in [("short_intro", 201), ("location", 101)] {
        asha.post("/account/edit", &[(field, &"क".repeat(length))]).status(422).hold(&format!("id=\"{field}-error\""));
    }
    asha.get("/developers/asha").status(200);
});

both!(skills_are_told_changed_and_removed_by_their_owner, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    asha.get("/developers/asha").see(&words("skills-own-none"));
    asha.post("/account/skills/new", &[("name", "Dyeing")]).leads_to("/account/skills");
    asha.post("/account/skills/new", &[("name", "Weaving"), ("description", "On a pit loom")])
        .leads_to("/account/skills");
    let page = ravi.get("/developers/asha").body;
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(at("On a pit loom") < at("Dyeing"), "the described ones come first");
    let dyeing = site.number("SELECT id FROM skills WHERE name = 'Dyeing'");
    let edit = format!("/account/skills/{dyeing}/edit");
    asha.post(&edit, &[("name", " weaving ")]).status(422).hold("id=\"name-error\"");
    asha.post("/account/skills/new", &[("name", "WEAVING"), ("description", "kept")]).status(422).hold("kept");
    for (name, description, field) in
        [("", "", "name"), (&"x".repeat(101), "", "name"), ("x", &"x".repeat(1001), "description")]
    {
        asha.post("/account/skills/new", &[("name", name), ("description", description)])
            .status(422)
            .hold(&format!("id=\"{field}-error\""));
    }
    asha.post(&edit, &[("name", "Indigo"), ("description", "Vats")]).leads_to("/account/skills");
    ravi.post(&edit, &[("name", "Theft")]).status(403);
    ravi.post(&format!("/account/skills/{dyeing}/delete"), &[]).status(403);
    ravi.get("/developers/asha").see("Indigo").see("Vats").see_not("Dyeing");
    asha.get(&format!("/account/skills/{dyeing}/delete")).status(200).see("Indigo");
    asha.post(&format!("/account/skills/{dyeing}/delete"), &[]).leads_to("/account/skills");
    asha.get(&edit).status(404);
    // As many as fit.
    let fill = "INSERT INTO skills (user_id, name, name_key, created) \
                SELECT user_id, name || count, name_key || count, created FROM skills, (SELECT count(*) AS count FROM skills) AS c";
    while site.number("SELECT count(*) FROM skills") < 50 {
        site.sql(fill);
    }
    asha.post("/account/skills/new", &[("name", "WEAVING")]).status(422).see(&words("error-skill-told"));
    asha.post("/account/skills/new", &[("name", "One more")]).status(422).hold("id=\"name-error\"");
});

both!(developers_are_found_by_name_intro_or_skill_each_once, |site| {
    for (username, name, intro) in [
        ("asha", "Asha Rao", "Weaver"),
        ("ravi", "रवि वर्मा", "Potter"),
        ("elodie", "Élodie", "100% cotton"),
        ("zed", "", ""),
    ] {
        let person = site.person(username);
        person.post("/account/edit", &[("name", name), ("short_intro", intro)]).status(303);
    }
    let ravi = site.person("ravi");
    for skill in ["Clay", "Clay pots", "CLAY tiles"] {
        ravi.post("/account/skills/new", &[("name", skill)]).status(303);
    }
    let gone = site.disabled("hidden");
    let found = |q: &str| site.anonymous().get(&format!("/developers?q={}", crate::support::percent(q))).cards();
    assert_eq!(found("clay"), ["रवि वर्मा"], "once, though three skills match");
    assert_eq!(found("WEAVER"), ["Asha Rao"]);
    assert_eq!(found("वर्मा"), ["रवि वर्मा"]);
    assert_eq!(found("éLODIE"), ["Élodie"]);
    assert_eq!(found("100%"), ["Élodie"]);
    assert_eq!(found("1%0"), [""; 0]);
    assert_eq!(found("zed"), ["zed"]);
    assert_eq!(found(&gone.username), [""; 0], "who is disabled is not shown");
    let all = site.anonymous().get("/developers").cards();
    assert_eq!(all, ["zed", "Élodie", "रवि वर्मा", "Asha Rao", "boss"], "the newest first");
});

both!(pages_of_developers_are_as_long_as_configured, [("per_page.developers", "3")], |site| {
    for n in 0..6 {
        site.person(&format!("weaver{n}"));
    }
    let page = |path: &str| site.anonymous().get(path);
    assert_eq!(page("/developers?q=weaver").cards(), ["weaver5", "weaver4", "weaver3"]);
    let second = page("/developers?q=weaver&page=2");
    assert_eq!(second.cards(), ["weaver2", "weaver1", "weaver0"]);
    second.see("/developers?q=weaver");
    assert_eq!(page("/developers?q=weaver&page=99").cards(), ["weaver2", "weaver1", "weaver0"]);
    assert_eq!(page("/developers?q=weaver&page=banana").cards().len(), 3);
    page("/developers?q=nobody").status(200).see(&words("developers-none-found"));
});

both!(a_page_joins_what_somebody_says_can_and_made, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    site.message(room, &asha, "Warp and weft");
    site.project(&asha, "Loom planner", &["rust", "wood"]);
    asha.post("/account/skills/new", &[("name", "Weaving"), ("description", "Pit loom")]).status(303);
    let page = site.anonymous().get("/developers/asha");
    page.see("Weavers").see("Warp and weft").see("Loom planner").see("wood").see("Pit loom");
    page.hold("asha/message\"");
    asha.get("/developers/asha").hold("\"/account/edit\"").hold("\"/account/skills\"");
});

both!(nobody_is_led_to_write_to_who_was_disabled, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    ravi.get("/developers/asha").hold("/message\"");
    site.disable(asha.id);
    ravi.get("/developers/asha").status(200).see_not("/message\"");
});

both!(thirty_times_the_same_skill_at_once_is_one, |site| {
    let asha = site.person("asha");
    let add = |name: String| {
        let token = asha.token();
        let request = Request::new("POST", "/account/skills/new").form(&[("name", &name), ("csrf_token", &token)]);
        request.header("Cookie", &asha.jar.line().unwrap())
    };
    let all_at_once = |names: Vec<String>| {
        let requests: Vec<Request> = names.into_iter().map(add).collect();
        std::thread::scope(|scope| {
            for request in &requests {
                scope.spawn(|| assert!([303, 422].contains(&request.open(site.port()).finish().status)));
            }
        });
    };
    all_at_once((0..30).map(|n| if n % 2 == 0 { "Rust".into() } else { "RUST".into() }).collect());
    assert_eq!(site.number("SELECT count(*) FROM skills"), 1);
    all_at_once((0..60).map(|n| format!("Skill {n}")).collect());
    assert_eq!(site.number("SELECT count(*) FROM skills"), 50);
});

// Until now nothing but the form's own look kept the same skill from being told twice.
both!(skills_that_were_told_twice_become_one, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let names: Vec<String> = site.db(|conn| migrations::all(conn)).into_iter().map(|known| known.name).collect();
    let before = &names[names.iter().position(|name| name == "0017_skills").unwrap() - 1];
    site.db(|conn| migrations::run(conn, Some(before), |_| {})).unwrap();
    let long = "क".repeat(5_000);
    for (owner, name, words) in [
        (asha.id, "Rust", ""),
        (asha.id, " RUST", "Daily"),
        (asha.id, "ΟΔΟΣ", ""),
        (asha.id, "rust", "Weekly"),
        (asha.id, "οδος", ""),
        (ravi.id, "Rust", ""),
        (ravi.id, &long, ""),
    ] {
        site.sql(&format!(
            "INSERT INTO skills (user_id, name, description, created) \
             SELECT id, '{name}', '{words}', date_joined FROM users WHERE id = {owner}"
        ));
    }
    site.db(|conn| migrations::run(conn, None, |_| {})).unwrap();
    let of = |id: i64| site.db(|conn| skill::of(conn, id)).unwrap();
    let (top, others) = of(asha.id);
    assert_eq!((top.len(), others.len()), (1, 1), "{top:?} {others:?}");
    assert_eq!((top[0].name.as_str(), top[0].description.as_str()), ("Rust", "Daily"));
    assert_eq!(others[0].name, "ΟΔΟΣ");
    assert_eq!(of(ravi.id).1.len(), 2);
    asha.post("/account/skills/new", &[("name", "Οδος")]).status(422).see(&words("error-skill-told"));
    // The database refuses it, too.
    let again =
        "INSERT INTO skills (user_id, name, name_key, created) SELECT user_id, name, name_key, created FROM skills";
    assert!(site.db(|conn| diesel::RunQueryDsl::execute(diesel::sql_query(again), conn)).is_err());
});
