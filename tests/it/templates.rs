//! The templates themselves: that they load, and that the strict policy can hold for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chaupal::kit::config::{Media, MediaBackend, MediaS3};
use chaupal::kit::i18n::Catalogue;
use chaupal::kit::templates;

use crate::support::{Site, files};

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
            "rooms/room.html" => &["{{ room.description_html | safe }}"],
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
    let (tera, broken) = templates::load(catalogue, empty.path(), &in_a_folder()).unwrap();
    assert!(broken.is_empty());
    let names: Vec<&str> = tera.get_template_names().collect();
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
    let (_, broken) = templates::load(catalogue, &site.folder().join("templates"), &site.config.media).unwrap();
    assert_eq!(broken.len(), 1);
    assert!(broken[0].contains("activity.html") && !broken[0].contains('\n'), "{broken:?}");
}
