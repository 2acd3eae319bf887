//! The catalogue and the program agree: every key that is used exists, none is left over.

use std::collections::BTreeSet;
use std::path::Path;

use chaupal::kit::i18n::Catalogue;

use crate::support::files;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(folder: &str, extension: &str) -> Vec<(String, String)> {
    let all = files(&root().join(folder), extension);
    all.into_iter().map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

/// Texts between `open` and the next `"`.
fn quoted<'a>(text: &'a str, open: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(|rest| rest.split('"').next())
}

/// The keys that templates name; one that is put together from parts is `prefix-*`.
fn in_templates() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (name, text) in read("templates", "html") {
        keys.extend(quoted(&text, "t(key=\"").map(ToOwned::to_owned));
        let dynamic = text.matches("t(key=").count() - text.matches("t(key=\"").count();
        assert_eq!(dynamic, 0, "{name} puts a key together: no test could know it");
    }
    keys
}

/// Everything in the program that could be a key: no test module, no message of a test.
fn in_program() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for (name, text) in read("src", "rs") {
        if name.ends_with("tests.rs") {
            continue;
        }
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        keys.extend(text.split('"').skip(1).step_by(1).filter(|part| is_key(part)).map(ToOwned::to_owned));
    }
    keys
}

fn is_key(part: &str) -> bool {
    !part.is_empty()
        && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && part.contains('-')
}

/// Statuses with a title and a text of their own, besides reasons that are no statuses.
const STATUSES: [&str; 17] = [
    "400",
    "401",
    "403",
    "404",
    "405",
    "408",
    "413",
    "415",
    "422",
    "429",
    "500",
    "503",
    "csrf",
    "origin",
    "stale-form",
    "busy",
    "streams",
];

#[test]
fn every_key_of_a_template_exists() {
    let catalogue = Catalogue::embedded().unwrap();
    let known = catalogue.keys();
    let used = in_templates();
    assert!(used.len() > 50);
    let missing: Vec<&String> = used.iter().filter(|key| !known.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "the catalogue lacks {missing:?}");
}

#[test]
fn every_key_of_the_program_exists() {
    let catalogue = Catalogue::embedded().unwrap();
    let known = catalogue.keys();
    let mut missing = Vec::new();
    for (name, text) in read("src", "rs") {
        if name.ends_with("tests.rs") {
            continue;
        }
        // A module's tests stand at its end; the catalogue's own have a catalogue of their own.
        let text = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for key in quoted(&code, "Text::new(\"") {
            if !known.contains(key) {
                missing.push(format!("{name}: {key}"));
            }
        }
    }
    for status in STATUSES {
        for part in ["title", "text"] {
            let key = format!("error-{status}-{part}");
            if !known.contains(key.as_str()) {
                missing.push(key);
            }
        }
    }
    assert!(missing.is_empty(), "the catalogue lacks {missing:#?}");
}

#[test]
fn no_key_is_left_over() {
    let catalogue = Catalogue::embedded().unwrap();
    let (templates, program) = (in_templates(), in_program());
    let computed = |key: &str| {
        STATUSES.iter().any(|status| key == format!("error-{status}-title") || key == format!("error-{status}-text"))
    };
    let spare: Vec<&str> = catalogue
        .keys()
        .into_iter()
        .filter(|key| !templates.contains(*key) && !program.contains(*key) && !computed(key))
        .collect();
    assert!(spare.is_empty(), "nobody uses {spare:#?}");
}

/// Words that stand in a template without `t()`, so that no other language could replace them.
fn bare_words(template: &str) -> Vec<String> {
    let mut text = template.to_owned();
    // The names of classes, not words.
    for block in ["{%- block body_class -%}", "{% block body_class %}"] {
        if let Some((before, rest)) = text.split_once(block) {
            let after = rest.split_once("{%").map_or("", |(_, after)| after);
            text = format!("{before}{{%{after}");
        }
    }
    for (open, close) in [("<style>", "</style>"), ("{#", "#}"), ("{%", "%}"), ("{{", "}}")] {
        while let Some((before, rest)) = text.split_once(open) {
            let after = rest.split_once(close).map_or("", |(_, after)| after);
            text = format!("{before}\u{1}{after}");
        }
    }
    let mut bare = Vec::new();
    for attribute in ["aria-label", "placeholder", "title", "alt"] {
        bare.extend(quoted(&text, &format!(" {attribute}=\"")).filter(|value| has_words(value)).map(ToOwned::to_owned));
    }
    let mut outside = String::new();
    let mut inside = false;
    for letter in text.chars() {
        match letter {
            '<' => inside = true,
            '>' => {
                inside = false;
                outside.push('\u{1}');
            }
            _ if !inside => outside.push(letter),
            _ => {}
        }
    }
    bare.extend(outside.split('\u{1}').map(str::trim).filter(|part| has_words(part)).map(ToOwned::to_owned));
    bare
}

fn has_words(part: &str) -> bool {
    // Pieces of attributes that a macro puts together.
    if part.contains("=\"") || part.starts_with('-') {
        return false;
    }
    part.chars().filter(|letter| letter.is_alphabetic()).count() > 1
}

#[test]
fn every_word_of_a_page_can_be_translated() {
    for (name, text) in read("templates", "html") {
        assert!(bare_words(&text).is_empty(), "{name} says {:?} by itself", bare_words(&text));
    }
    assert_eq!(bare_words("<p title=\"Close it\">{{ name }} says</p>"), ["Close it", "says"]);
    assert!(bare_words("<p class=\"a b\" title=\"{{ t(key=\"x\") }}\">@{{ name }} · 3{# a remark #}</p>").is_empty());
}
