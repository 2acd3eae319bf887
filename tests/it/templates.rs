//! The templates themselves: that they load, and that the strict policy can hold for them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chaupal::kit::config::{Media, MediaBackend, MediaS3};
use chaupal::kit::i18n::Catalogue;
use chaupal::kit::templates;

use crate::support::http::Request;
use crate::support::program::{Ended, Serving, run};
use crate::support::{Backend, Site, files};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")
}

fn all() -> Vec<(String, String)> {
    let root = sources();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    files(&root, "html").into_iter().map(read).collect()
}

/// What a strict Content-Security-Policy forbids in this template.
fn forbidden(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut found = Vec::new();
    if lower.contains("<style") {
        found.push("<style>".to_owned());
    }
    for tag in lower.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        if tag.starts_with("script") && !tag.contains("src=") {
            found.push(format!("<{tag}>"));
        }
        let attributes = tag.split_whitespace().skip(1);
        let inline = |attribute: &&str| {
            attribute.starts_with("style=")
                || (attribute.starts_with("on")
                    && attribute
                        .split_once('=')
                        .is_some_and(|(name, _)| name.len() > 3 && name[2..].chars().all(|c| c.is_ascii_alphabetic())))
        };
        found.extend(attributes.filter(inline).map(ToOwned::to_owned));
    }
    if lower.contains("javascript:") {
        found.push("javascript:".to_owned());
    }
    found
}

#[test]
fn nothing_is_inline() {
    // Mail programs know no policy of ours, and fetch no style sheet.
    for (name, text) in all().into_iter().filter(|(name, _)| !name.starts_with("mail/")) {
        assert!(forbidden(&text).is_empty(), "{name}: {:?}", forbidden(&text));
        // Only what was drawn (and escaped) before as a piece goes in as it is.
        let pieces: &[&str] = match name.as_str() {
            "rooms/home.html" => &["{{ room | safe }}", "{{ item | safe }}"],
            // Numbers alone, made by kit::qr.
            "accounts/second_factor_secret.html" => &["{{ qr | safe }}"],
            // Markdown, made harmless by kit::markdown.
            "profiles/person.html" => &["{{ person.bio_html | safe }}"],
            "projects/project.html" => &["{{ project.description_html | safe }}", "{{ review.body_html | safe }}"],
            "projects/review_delete.html" => &["{{ review.body_html | safe }}"],
            "inbox/message.html" => &["{{ message.body_html | safe }}"],
            "rooms/_talk.html" | "rooms/_message.html" | "rooms/message_delete.html" => &["{{ message.html | safe }}"],
            "rooms/room.html" => &["{{ room.description_html | safe }}", "{{ people | safe }}"],
            "lobby/room.html" => &["{{ people | safe }}"],
            // Escaped by search::models::excerpt, which marks what was asked for.
            "search/search.html" => &["{{ hit.title | safe }}", "{{ hit.excerpt | safe }}", "{{ hit.labels | safe }}"],
            _ => &[],
        };
        let rest = pieces.iter().fold(text.clone(), |text, piece| text.replacen(piece, "", 1));
        assert!(!rest.contains("| safe") && !rest.contains("|safe"), "{name} switches escaping off");
        assert!(
            !text.contains("://") || text.matches("://").count() == text.matches("http://www.w3.org/").count(),
            "{name} names another host"
        );
    }
    for bad in [
        "<style>a{}</style>",
        "<script>x</script>",
        "<p style=\"a\">",
        "<p onclick=\"x()\">",
        "<a href=\"javascript:x\">",
    ] {
        assert_eq!(forbidden(bad).len(), 1, "{bad}");
    }
    assert!(forbidden("<script src=\"/a.js\"></script><p class=\"on\" data-on=\"x\">").is_empty());
}

fn in_a_folder() -> Media {
    let (root, s3) = (PathBuf::new(), MediaS3::default());
    Media { backend: MediaBackend::Local, root, max_bytes: 5 << 20, max_pixels: 24_000_000, s3 }
}

#[test]
fn all_load_and_every_name_escapes() {
    let catalogue = Arc::new(Catalogue::embedded().unwrap());
    let empty = tempfile::tempdir().unwrap();
    assert!(templates::load(catalogue, empty.path(), &in_a_folder()).unwrap().broken.is_empty());
    let loaded = templates::built_in();
    let names: Vec<&str> = loaded.iter().map(|(name, _)| name.as_str()).collect();
    for (name, _) in all() {
        assert!(names.contains(&name.as_str()), "{name} was not loaded");
        assert!(name.ends_with(".html"), "{name} would not be escaped");
    }
}

#[test]
fn every_template_that_a_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut drawn = 0;
    for path in files(&root, "rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        for name in text.split('"').filter(|part| part.ends_with(".html") && part.contains('/') && !part.contains(' '))
        {
            assert!(sources().join(name).is_file(), "{} names {name}", path.display());
            drawn += 1;
        }
    }
    assert!(drawn > 10, "{drawn}");
}

#[test]
fn an_override_restyles_and_a_broken_one_is_passed_over() {
    let site = Site::bare(crate::support::Backend::Sqlite, &[]);
    let folder = site.folder().join("templates/rooms");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("topics.html"), "<p>my own topics {{ q }}</p>").unwrap();
    std::fs::write(folder.join("activity.html"), "{% if %}").unwrap();
    site.launch();
    let page = site.anonymous().get("/topics?q=%3Cb%3E");
    page.status(200).hold("<p>my own topics &lt;b&gt;</p>");
    site.anonymous().get("/activity").status(200).see_not("{% if");
    let catalogue = Arc::new(Catalogue::embedded().unwrap());
    let broken = templates::load(catalogue, &site.folder().join("templates"), &site.config.media).unwrap().broken;
    assert_eq!(broken.len(), 1);
    assert!(broken[0].contains("activity.html") && !broken[0].contains('\n'), "{broken:?}");
}

/// What all test processes have recorded in one file of the folder.
fn recorded(folder: &Path, file: &str) -> BTreeSet<String> {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(ToOwned::to_owned).collect()
}

/// Branches that no page can draw, and why.
#[cfg(debug_assertions)]
const NEVER: [(&str, &str); 16] = [
    ("accounts/_door.html {% block door %}: drawn", "each page that extends it fills the block"),
    ("accounts/delete.html {% for text in goes %}: none", "every app says something"),
    ("accounts/delete.html {% for text in goes %}: one", "every app says something"),
    ("accounts/delete.html {% for text in stays %}: none", "every app says something"),
    ("accounts/delete.html {% for text in stays %}: one", "every app says something"),
    ("accounts/recovery_codes.html {% for code in codes %}: none", "there are ten codes"),
    ("accounts/recovery_codes.html {% for code in codes %}: one", "there are ten codes"),
    ("accounts/sessions.html {% for session in sessions %}: none", "the session that asks is one of them"),
    ("partials/_pager.html {% for step in pager.window %}: none", "it stands under lists of several pages"),
    ("partials/_pager.html {% for step in pager.window %}: one", "it stands under lists of several pages"),
    ("partials/ui.html {% if name == \"search\" %}: false", "every icon that is named exists"),
    ("partials/ui.html {% if name == \"tree\" %}: false", "every drawing that is named exists"),
    ("rooms/_composer.html {% for error in form.errors.body %}: many", "a message has one error"),
    ("rooms/_composer.html {% for error in form.errors.form %}: many", "a form has one error of its own"),
    ("search/search.html {% for tab in tabs %}: none", "there are five tabs"),
    ("search/search.html {% for tab in tabs %}: one", "there are five tabs"),
];

#[test]
#[ignore = "./test.sh runs it when all other tests have recorded what they draw"]
#[cfg(debug_assertions)]
fn all_branches_are_drawn_and_all_contexts_are_listed() {
    let folder = templates::record::folder().expect("CHAUPAL_TEST_TEMPLATES names the folder of what was recorded");
    let drawn = recorded(&folder, "drawn");
    let branches = templates::record::instrument(templates::built_in()).branches;
    let mut missing: Vec<&str> =
        branches.iter().filter(|(key, _)| !drawn.contains(*key)).map(|(_, place)| place.as_str()).collect();
    for (place, reason) in NEVER {
        let (file, branch) = place.split_once(' ').unwrap();
        let is_it = |found: &&str| found.starts_with(&format!("{file}:")) && found.ends_with(&format!(": {branch}"));
        let before = missing.len();
        missing.retain(|found| !is_it(found));
        assert!(missing.len() < before, "{place} is drawn, although {reason}: take it out of the list");
    }

    // A test draws the composer by itself; the site includes it in pages.
    let is_of_the_site = |line: &String| !line.starts_with("rooms/_composer.html\t");
    let found: Vec<String> = recorded(&folder, "contexts").into_iter().filter(is_of_the_site).collect();
    let listed = sources().join("contexts.tsv");
    if std::env::var("CHAUPAL_TEST_TEMPLATES_WRITE").is_ok_and(|value| value == "1") {
        std::fs::write(&listed, found.join("\n") + "\n").unwrap();
    }
    let (found, listed): (BTreeSet<String>, _) = (found.into_iter().collect(), recorded(&sources(), "contexts.tsv"));
    let differing: Vec<&str> = found.symmetric_difference(&listed).map(String::as_str).collect();
    assert!(missing.is_empty(), "no test draws these branches of templates:\n{}", missing.join("\n"));
    assert!(
        differing.is_empty(),
        "templates/contexts.tsv is not what templates get; CHAUPAL_TEST_TEMPLATES_WRITE=1 ./test.sh --quick writes it:\n{}",
        differing.join("\n")
    );
}

#[test]
fn built_in_templates_draw_with_the_full_sample() {
    let catalogue = Arc::new(Catalogue::embedded().unwrap());
    let empty = tempfile::tempdir().unwrap();
    let broken = templates::try_out(catalogue, empty.path(), &in_a_folder())
        .unwrap_or_else(|error| panic!("{error}: see CONTRIBUTING.md for templates/contexts.tsv"));
    assert!(broken.is_empty(), "{broken:?}");
}

/// Puts a template of the operator's into the data folder.
fn put(data: &Path, name: &str, source: &str) {
    let path = data.join("templates").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, source).unwrap();
}

/// A built-in template with one thing changed, and the line of the change.
fn changed(name: &str, from: &str, to: &str) -> (String, usize) {
    let source = std::fs::read_to_string(sources().join(name)).unwrap();
    let at = source.find(from).unwrap_or_else(|| panic!("{name} has no {from}"));
    (source.replacen(from, to, 1), source[..at].matches('\n').count() + 1)
}

#[test]
fn check_tells_file_line_and_variable_of_a_failing_override() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let check = || run(folder.path(), &["check"], &[]);
    let reported = |ended: &Ended| -> Vec<String> {
        ended.out.lines().filter(|line| line.contains("templates.override")).map(ToOwned::to_owned).collect()
    };
    // Copies that change no variable are good, with more or less than the built-in template shows.
    for (name, from, to) in [
        ("base.html", "<body class", "<body data-mine class"),
        ("partials/ui.html", "class=\"empty\"", "class=\"empty mine\""),
        ("rooms/room.html", "{{ room.name }}</h1>", "{{ room.name }} since {{ ago(at=room.created) }}</h1>"),
        ("rooms/_message.html", "class=\"message", "class=\"mine message"),
    ] {
        put(&data, name, &changed(name, from, to).0);
    }
    assert_eq!(reported(&check()), [""; 0]);
    std::fs::remove_dir_all(data.join("templates")).unwrap();

    let (macros, macro_line) = changed("partials/ui.html", "{{ person.initials }}", "{{ person.initial }}");
    let (piece, piece_line) = changed("rooms/_message.html", "{{ message.html | safe }}", "{{ message.htm | safe }}");
    let (frame, frame_line) = changed("base.html", "{{ page.site_name }}</p>", "{{ site_name }}</p>");
    for (name, source, line, variable) in [
        ("rooms/topics.html", "<h1>Mine</h1>\n{% if q %}\n<p>{{ page.site_nmae }}</p>{% endif %}", 3, "page.site_nmae"),
        ("rooms/topics.html", "{% if topics %}{% else %}\n<p>{{ nothing }}</p>{% endif %}", 2, "nothing"),
        ("mail/letter.txt", "{{ site }}\n\n{{ adress }}", 3, "adress"),
        ("base.html", &frame, frame_line, "site_name"),
        ("partials/ui.html", &macros, macro_line, "person.initial"),
        ("rooms/_message.html", &piece, piece_line, "message.htm"),
    ] {
        put(&data, name, source);
        let ended = check();
        assert_eq!(ended.code, 1, "{ended:?}");
        let lines = reported(&ended);
        assert_eq!(lines.len(), 1, "{name}: {lines:?}");
        let expected = format!(
            "error templates.override: template override data/templates/{name}:{line}: Variable `{variable}` not found"
        );
        assert!(lines[0].starts_with(&expected), "{lines:?} is not {expected}");
        std::fs::remove_file(data.join("templates").join(name)).unwrap();
    }
    // What cannot be parsed, what calls a macro that is not there, and what is not text.
    for (name, source, said) in [
        ("rooms/topics.html", &b"\n{% if %}"[..], "topics.html:2: "),
        (
            "rooms/topics.html",
            b"{% import \"partials/ui.html\" as ui %}\n{{ ui::icn(name=\"up\") }}",
            "topics.html:2: Macro `ui::icn`",
        ),
        ("rooms/topics.html", b"\xff\xfe", "topics.html: stream did not contain valid UTF-8"),
    ] {
        let path = data.join("templates").join(name);
        std::fs::write(&path, source).unwrap();
        let lines = reported(&check());
        assert!(lines.len() == 1 && lines[0].contains(said), "{lines:?}");
    }
}

#[test]
fn failing_override_gives_way_to_the_built_in_template() {
    let mine = "<p>my own activity</p>";
    for (name, source, path, shown) in [
        ("rooms/topics.html", "<p>{{ nobody }}</p>", "/topics", "<h1>Topics</h1>"),
        ("base.html", "<p>{{ page.nobody }}</p>{% block main %}{% endblock main %}", "/topics", "<h1>Topics</h1>"),
        ("partials/ui.html", "{% macro icon(name) %}{% endmacro icon %}", "/topics", "<h1>Topics</h1>"),
        ("partials/_pager.html", "{{ pager.nobody }}", "/topics", "<h1>Topics</h1>"),
        ("errors/error.html", "{{ nobody }}", "/nowhere", "<p class=\"error-status\">404</p>"),
        ("rooms/_message.html", "{{ message.nobody }}", "/rooms/1", "<p>the first words</p>"),
        ("rooms/_card.html", "{{ room.nobody }}", "/", "Weavers"),
    ] {
        let site = Site::bare(Backend::Sqlite, &[]);
        let asha = site.person("asha");
        let room = site.room(&asha, "Weavers", "Craft");
        site.message(room, &asha, "the first words");
        put(site.folder(), name, source);
        put(site.folder(), "rooms/activity.html", mine);
        site.launch();
        for _ in 0..2 {
            let page = asha.get(path);
            assert!(matches!(page.status, 200 | 404), "{name}: {}", page.status);
            page.hold(shown);
        }
        asha.say(room, "more words", "").status(201);
        asha.get("/activity").status(200).hold(mine);
    }
}

#[test]
fn failing_override_of_a_letter_gives_way_to_the_built_in_one() {
    let site = Site::bare(Backend::Sqlite, &[("mail.backend", "file".into())]);
    let asha = site.person("asha");
    put(site.folder(), "mail/letter.txt", "{{ nobody }}");
    put(site.folder(), "mail/letter.html", "<p>my own letter to {{ name }}</p>");
    site.launch();
    site.anonymous().post("/password-reset", &[("email", "asha@example.org")]).status(303);
    let letters = site.letters_to(&format!("{}@example.org", asha.username), 1);
    assert!(letters[0].text.contains("/password-reset/"), "{}", letters[0].text);
    assert!(letters[0].html.contains("my own letter to"), "{}", letters[0].html);
}

#[test]
fn failing_override_is_logged_once() {
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("data"), "rooms/topics.html", "<h1>Mine</h1>\n{{ nobody }}");
    let serving = Serving::start(folder.path(), &[]);
    for _ in 0..3 {
        assert_eq!(Request::new("GET", "/topics").open(serving.port).status, 200);
    }
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("template override")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("topics.html:2: Variable `nobody` not found"), "{lines:?}");
    assert!(lines[0].ends_with("; the built-in template is used"), "{lines:?}");
}

#[test]
fn every_icon_and_drawing_that_a_template_names_exists() {
    let known = std::fs::read_to_string(sources().join("partials/ui.html")).unwrap();
    let mut named = 0;
    for (name, text) in all() {
        for call in ["icon(name=\"", "ui::picture(name=\"", "ui::empty(picture=\""] {
            for rest in text.split(call).skip(1) {
                let drawing = rest.split('"').next().unwrap();
                assert!(known.contains(&format!("if name == \"{drawing}\"")), "{name}: {drawing}");
                named += 1;
            }
        }
    }
    assert!(named > 50, "{named}");
}
