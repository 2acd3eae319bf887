//! Projects, tags, reviews.

use chaupal::kit::db::transaction;
use chaupal::projects::models::review::{self, Vote};

use crate::support::{Answer, Person, Site, percent, words};

/// The titles on a page of projects, in their order.
fn figures(site: &Site, project: i64) -> (i64, i64) {
    (
        site.number(&format!("SELECT vote_total FROM projects WHERE id = {project}")),
        site.number(&format!("SELECT vote_ratio FROM projects WHERE id = {project}")),
    )
}

fn review(person: &Person<'_>, project: i64, value: &str, body: &str) -> Answer {
    person.post(&format!("/projects/{project}/reviews"), &[("value", value), ("body", body)])
}

both!(a_project_is_shown_changed_and_deleted, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    asha.get("/projects/new").status(200);
    let fields = [
        ("title", "  Loom  planner "),
        ("description", "Plans **looms**.\r\n<img src=x onerror=alert(1)>"),
        ("demo_link", "loom.example"),
        ("source_link", "https://code.example/loom"),
        ("tags", "Rust, machine learning, rust"),
    ];
    let made = asha.post("/projects/new", &fields);
    let path = made.location();
    let page = ravi.get(&path);
    page.status(200).see("Loom planner").hold("<strong>looms</strong>").see("https://loom.example");
    page.see("machine learning").see("Rust").see(&words("project-votes-none"));
    assert!(!page.body.contains("<img src=x"), "{}", page.body);
    assert_eq!(site.number("SELECT count(*) FROM project_tags"), 2);
    let form = asha.get(&format!("{path}/edit"));
    assert_eq!(form.field("tags").as_deref(), Some("machine learning, Rust,"));
    // As it came, it goes back.
    asha.post(&format!("{path}/edit"), &[("title", "Loom planner"), ("tags", "machine learning, Rust,")])
        .leads_to(&path);
    assert_eq!(site.number("SELECT count(*) FROM project_tags"), 2);
    assert_eq!(site.number("SELECT count(*) FROM tags"), 2);
    asha.post(&format!("{path}/edit"), &[("title", "Loom"), ("tags", "RUST")]).leads_to(&path);
    ravi.get(&path).see("Loom").see("Rust").see_not("machine learning").see_not("loom.example");
    let tag = site.number("SELECT id FROM tags WHERE name = 'Rust'");
    ravi.post(&format!("{path}/tags/{tag}/remove"), &[]).status(403);
    asha.post(&format!("{path}/tags/{tag}/remove"), &[]).leads_to(&format!("{path}/edit"));
    ravi.get(&path).see_not("Rust");
    asha.post(&format!("{path}/delete"), &[]).leads_to("/projects");
    ravi.get(&path).status(404);
    ravi.get("/projects/x").status(404);
});

both!(what_a_project_cannot_be_is_told_at_its_field, |site| {
    let asha = site.person("asha");
    let eleven = (0..11).map(|n| format!("tag{n} ")).collect::<String>();
    let (long_title, long_text, long_tag) = ("x".repeat(201), "x".repeat(10_001), "क".repeat(41));
    for (field, value) in [
        ("title", ""),
        ("title", long_title.as_str()),
        ("title", "a\0b"),
        ("description", &long_text),
        ("demo_link", "javascript:alert(1)"),
        ("source_link", "data:text/html,<script>"),
        ("tags", &eleven),
        ("tags", &long_tag),
        ("tags", "rust, \0"),
    ] {
        let mut fields = vec![("title", "A title"), ("description", "kept words")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        let page = asha.post("/projects/new", &fields);
        page.status(422).hold(&format!("id=\"{field}-error\""));
        if field != "description" {
            page.hold("kept words");
        }
    }
    assert_eq!(site.number("SELECT count(*) FROM projects"), 0);
    // Fields that are none change nothing.
    let ravi = site.person("ravi");
    let owner = ravi.id.to_string();
    let fields =
        [("title", "Mine"), ("owner", &owner), ("owner_id", &owner), ("vote_ratio", "100"), ("vote_total", "9")];
    asha.post("/projects/new", &fields).status(303);
    assert_eq!(site.number("SELECT owner_id FROM projects"), asha.id);
    assert_eq!(site.number("SELECT vote_ratio + vote_total FROM projects"), 0);
});

both!(reviews_count_once_a_person_and_the_ratio_is_whole_percent, |site| {
    let (asha, ravi, meera, zoya) =
        (site.person("asha"), site.person("ravi"), site.person("meera"), site.person("zoya"));
    let project = site.project(&asha, "Loom", &[]);
    let path = format!("/projects/{project}");
    review(&ravi, project, "up", "Fine **work**").status(303);
    assert_eq!(figures(site, project), (1, 100));
    review(&meera, project, "down", "").status(303);
    assert_eq!(figures(site, project), (2, 50));
    review(&zoya, project, "up", "").status(303);
    assert_eq!(figures(site, project), (3, 66));
    asha.get(&path).hold("<strong>work</strong>").see("66").see(&words("review-own-project"));
    // A second try edits.
    review(&ravi, project, "down", "Changed my mind").status(303);
    assert_eq!(figures(site, project), (3, 33));
    assert_eq!(site.number("SELECT count(*) FROM reviews"), 3);
    let page = ravi.get(&path);
    page.see("Changed my mind").see_not("Fine work");
    page.hold("value=\"down\" required checked");
    // Taken back.
    ravi.get(&format!("{path}/reviews/delete")).status(200).see("Changed my mind");
    ravi.post(&format!("{path}/reviews/delete"), &[]).leads_to(&path);
    assert_eq!(figures(site, project), (2, 50));
    ravi.post(&format!("{path}/reviews/delete"), &[]).status(404);
    // Neither one's own, nor a stranger's, nor bananas.
    review(&asha, project, "up", "").status(403);
    review(&site.anonymous(), project, "up", "").leads_to_login();
    for banana in ["banana", "", "UP", "1"] {
        review(&ravi, project, banana, "kept words").status(422).hold("id=\"value-error\"").see("kept words");
    }
    review(&ravi, project, "up", &"x".repeat(4001)).status(422).hold("id=\"body-error\"");
    review(&ravi, 99_999, "up", "").status(404);
    assert_eq!(figures(site, project), (2, 50));
    // Who leaves takes his vote along.
    site.delete(meera.id);
    assert_eq!(figures(site, project), (1, 100));
});

both!(the_database_refuses_what_no_review_is, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let project = site.project(&asha, "Loom", &[]);
    site.vote(project, &ravi, Vote::Up);
    let refused = |sql: &str| {
        let done = site.db(|conn| diesel::RunQueryDsl::execute(diesel::sql_query(sql), conn));
        assert!(done.is_err(), "{sql}");
    };
    let insert = |owner: i64, value: &str| {
        format!(
            "INSERT INTO reviews (project_id, owner_id, value, created, updated) \
             SELECT {project}, {owner}, '{value}', created, updated FROM projects WHERE id = {project}"
        )
    };
    refused(&insert(asha.id, "up"));
    refused(&insert(ravi.id, "down"));
    refused(&insert(site.person("meera").id, "banana"));
    refused(&format!("UPDATE reviews SET owner_id = {}", asha.id));
    refused("UPDATE projects SET vote_ratio = 50");
    refused("UPDATE projects SET vote_total = 0");
    refused("UPDATE projects SET votes_up = 7");
    assert_eq!(figures(site, project), (1, 100));
});

both!(fifty_votes_at_once_are_all_counted, |site| {
    let asha = site.person("asha");
    let project = site.project(&asha, "Loom", &[]);
    // Each in two browsers at once: one of the two edits the other.
    let voters: Vec<Person<'_>> = (0..100).map(|n| site.person(&format!("voter{}", n % 50))).collect();
    std::thread::scope(|scope| {
        for (n, voter) in voters.into_iter().enumerate() {
            let value = if n % 50 % 3 == 0 { "down" } else { "up" };
            scope.spawn(move || {
                review(&voter, project, value, "").status(303);
            });
        }
    });
    // 17 of them are divisible by three.
    assert_eq!(figures(site, project), (50, 66));
    assert_eq!(site.number("SELECT count(*) FROM reviews"), 50);
});

both!(projects_are_found_by_title_text_maker_or_tag_each_once, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    ravi.post("/account/edit", &[("name", "रवि वर्मा")]).status(303);
    site.project(&asha, "Loom", &["weaving", "weft", "100%"]);
    site.project(&ravi, "Kiln", &["clay"]);
    site.sql("UPDATE projects SET description = 'Fires Élan pots' WHERE title = 'Kiln'");
    let found = |q: &str| site.anonymous().get(&format!("/projects?q={}", percent(q))).cards();
    assert_eq!(found("WE"), ["Loom"], "once, though two tags match");
    assert_eq!(found("lOOM"), ["Loom"]);
    assert_eq!(found("élan"), ["Kiln"]);
    assert_eq!(found("वर्मा"), ["Kiln"]);
    assert_eq!(found("0%"), ["Loom"]);
    assert_eq!(found("_"), [""; 0]);
    assert_eq!(found("nothing"), [""; 0]);
    // A project without a maker is found, too.
    site.sql("UPDATE projects SET owner_id = NULL WHERE title = 'Kiln'");
    assert_eq!(found("kiln"), ["Kiln"]);
    site.anonymous().get("/projects?q=kiln").see(&words("deleted-user"));
    assert_eq!(found(""), ["Kiln", "Loom"]);
});

both!(the_best_liked_come_first, [("per_page.projects", "2")], |site| {
    let asha = site.person("asha");
    let voters: Vec<Person<'_>> = (0..3).map(|n| site.person(&format!("voter{n}"))).collect();
    let vote = |title: &str, votes: &[Vote]| {
        let project = site.project(&asha, title, &["craft"]);
        for (voter, vote) in voters.iter().zip(votes) {
            site.vote(project, voter, *vote);
        }
    };
    vote("half", &[Vote::Up, Vote::Down]);
    vote("Zari", &[]);
    vote("one", &[Vote::Up]);
    vote("two", &[Vote::Up, Vote::Up]);
    vote("anklet", &[]);
    let page = |n: u8| site.anonymous().get(&format!("/projects?q=craft&page={n}")).cards();
    assert_eq!(
        (page(1), page(2), page(3)),
        (vec!["two".to_owned(), "one".into()], vec!["half".to_owned(), "anklet".into()], vec!["Zari".to_owned()],)
    );
    site.anonymous().get("/projects?q=craft&page=2").see("q=craft&page=3");
});

both!(reviews_of_a_project_have_pages, |site| {
    let asha = site.person("asha");
    let project = site.project(&asha, "Loom", &[]);
    for n in 0..25 {
        review(&site.person(&format!("voter{n}")), project, "up", &format!("word {n}.")).status(303);
    }
    let first = asha.get(&format!("/projects/{project}"));
    first.see("word 24.").see_not("word 4.");
    asha.get(&format!("/projects/{project}?page=2")).see("word 4.").see_not("word 24.");
});

both!(what_was_typed_survives_a_lost_session, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let project = site.project(&asha, "Loom", &[]);
    let stranger = site.anonymous();
    review(&stranger, project, "up", "typed before")
        .leads_to(&format!("/login?next=%2Fprojects%2F{project}%2Freviews"));
    stranger.log_in("ravi", crate::support::PASSWORD).status(303);
    let place = format!("/projects/{project}/reviews");
    stranger.get(&place).status(200).see("typed before");
    // Once; from then on, as for who reloads a review that came back with errors, it is the project's own page.
    stranger.get(&place).leads_to(&format!("/projects/{project}#reviews"));
    drop(ravi);
});

both!(a_wrong_tag_is_named_and_an_unseen_one_is_none, |site| {
    let asha = site.person("asha");
    let page = asha.post("/projects/new", &[("title", "Loom"), ("tags", &format!("rust, {}", "weaving".repeat(7)))]);
    page.status(422).see("weavingweavingweavin").hold("id=\"tags-error\"");
    asha.post("/projects/new", &[("title", "Loom"), ("tags", "\u{200b}, rust")]).status(303);
    assert_eq!(site.text("SELECT name FROM tags"), "rust");
    let project = site.number("SELECT id FROM projects");
    asha.post(&format!("/projects/{project}/tags/99999/remove"), &[]).status(404);
    // Whoever goes back from a form that was sent.
    let page = asha.post(&format!("/projects/{project}/edit"), &[("title", "")]);
    page.status(422).hold(&format!("href=\"&#x2F;projects&#x2F;{project}\""));
    asha.post("/projects/new", &[("title", "")]).status(422).hold("href=\"&#x2F;projects\"");
});

// On SQLite one writer comes after the other anyway.
both!(a_vote_under_way_is_counted_when_its_writer_leaves, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let project = site.project(&asha, "Loom", &[]);
    if site.backend == crate::support::Backend::Postgres {
        let mut other = site.connect();
        let (voting, leaving) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                transaction(&mut other, |conn| {
                    review::write(conn, project, ravi.id, Vote::Up, "").unwrap();
                    voting.send(()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(700));
                    Ok::<(), diesel::result::Error>(())
                })
                .unwrap();
            });
            leaving.recv().unwrap();
            site.delete(ravi.id);
        });
    }
    assert_eq!(figures(site, project), (0, 0));
    assert_eq!(site.number("SELECT count(*) FROM reviews"), 0);
});
