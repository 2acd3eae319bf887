//! The house has floors, and imports go down only (see `src/lib.rs`).

use std::path::Path;

use crate::support::files;

/// The modules of the crate from the ground up. What stands together may use each other.
const FLOORS: [&[&str]; 11] = [
    &["kit", "schema"],
    &["accounts"],
    &["media"],
    &["rooms"],
    &["lobby"],
    &["projects"],
    &["profiles", "inbox"],
    &["search"],
    &["demo", "import_django"],
    &["background", "server", "urls"],
    &["cli", "main", "lib"],
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// Within an app: models (and how passwords are kept) stand on nothing of it but each other, views on all.
fn rank(path: &[&str]) -> usize {
    match path.get(1).copied().unwrap_or_default() {
        "models" | "passwords" => 0,
        "views" | "setup" => 2,
        _ => 1,
    }
}

const APPS: [&str; 8] = ["accounts", "media", "rooms", "lobby", "projects", "profiles", "inbox", "search"];

/// The paths after `use crate::` of a file, one for each name in braces; comments and tests do not count.
fn imports(text: &str) -> Vec<Vec<String>> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        found.extend(expand(rest));
    }
    found
}

/// `a::{b, c::d}::…` as `a::b` and `a::c::d`, as far as floors need it.
fn expand(rest: &str) -> Vec<Vec<String>> {
    let plain = |text: &str| -> Vec<String> {
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
        text[..end].split("::").filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
    };
    let head = plain(rest);
    let brace = rest.find('{').filter(|at| rest[..*at].chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':'));
    let Some(inner) = brace.and_then(|at| rest[at + 1..].split('}').next()) else { return vec![head] };
    inner
        .split(',')
        .map(|part| head.iter().cloned().chain(plain(part.trim())).collect())
        .filter(|path: &Vec<String>| path.len() > head.len() || head.is_empty())
        .collect()
}

/// What is wrong with a file's imports.
fn faults(file: &str, text: &str) -> Vec<String> {
    let here: Vec<&str> = file.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    let Some(own) = floor(here[0]) else { return vec![format!("{file}: no floor is known for it")] };
    let mut faults = Vec::new();
    for import in imports(text) {
        let import: Vec<&str> = import.iter().map(String::as_str).collect();
        let name = import.join("::");
        let Some(there) = import.first().and_then(|module| floor(module)) else { continue };
        let within = APPS.contains(&here[0]) && import[0] == here[0] && here.len() > 1 && import.len() > 1;
        if there > own || (within && rank(&import) > rank(&here)) {
            faults.push(format!("{file} stands below {name}"));
        } else if APPS.contains(&import[0])
            && APPS.contains(&here[0])
            && import[0] != here[0]
            && import.get(1) == Some(&"views")
        {
            faults.push(format!("{file} uses another app's {name}"));
        }
    }
    if here.contains(&"models") {
        for foreign in ["rocket::", "rocket_dyn_templates", "tera::"] {
            if text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(foreign)) {
                faults.push(format!("{file}: models know no {foreign}"));
            }
        }
    }
    faults
}

#[test]
fn imports_go_down_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    for path in files(&root, "rs") {
        let file = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        all.extend(faults(&file, &std::fs::read_to_string(&path).unwrap()));
    }
    assert!(all.is_empty(), "{all:#?}");
}

#[test]
fn a_wrong_import_is_found() {
    for (file, text) in [
        ("kit/db.rs", "use crate::accounts::models::User;"),
        ("kit/db.rs", "fn f() { crate::rooms::routes() }"),
        ("accounts/views.rs", "use crate::{kit, rooms};"),
        ("accounts/models.rs", "use crate::accounts::forms::RegisterForm;"),
        ("accounts/models.rs", "use rocket::get;"),
        ("rooms/forms.rs", "use crate::rooms::{models, views};"),
        ("rooms/views/rooms.rs", "use crate::accounts::views::Outcome;"),
        ("rooms/models/room.rs", "use crate::cli::run;"),
        ("attic.rs", ""),
    ] {
        assert_eq!(faults(file, text).len(), 1, "{file}: {text}");
    }
    for (file, text) in [
        ("rooms/views/rooms.rs", "use crate::accounts::guards::User;\nuse crate::rooms::views::rooms::{Window, draw};"),
        ("kit/error.rs", "//! see [`crate::accounts::page`]\nuse crate::kit::logging;"),
        ("kit/db.rs", "use crate::kit::error::Error;\n#[cfg(test)]\nmod tests { use crate::rooms; }"),
        ("rooms/models/room.rs", "use crate::schema::{rooms, topics};\nuse crate::accounts::models::Person;"),
        ("lib.rs", "pub mod cli;"),
    ] {
        assert_eq!(faults(file, text), Vec::<String>::new(), "{file}");
    }
}
