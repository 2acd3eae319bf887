//! Templates: Tera through `rocket_dyn_templates`, embedded in the binary, from disk with reload in
//! debug builds. Files in `<data_dir>/templates` override the embedded ones, so that an operator
//! can restyle a page; one that fails is logged once and the built-in one is used, and `check` reports it.

mod pages;
#[cfg(debug_assertions)]
pub mod record;
mod samples;
mod tags;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocket::fairing::Fairing;
use rocket_dyn_templates::Template;
use rocket_dyn_templates::tera::{self, Tera, Value};
use rust_embed::RustEmbed;

use self::pages::Override;
pub use self::pages::{Loaded, Pages};
use self::samples::Samples;
use crate::kit::assets;
use crate::kit::config::{Media, read_text};
use crate::kit::i18n::{self, Catalogue};
use crate::kit::multipart::megabytes;
use crate::kit::pictures::Picture;
use crate::kit::time;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Files;

/// The folder of an operator's own templates.
pub fn override_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("templates")
}

/// The folder that the engine watches; it must exist before the engine starts.
pub fn watched_dir(data_dir: &Path) -> PathBuf {
    // Left out of the release, whose bytes do not tell where it was built.
    #[cfg(debug_assertions)]
    {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        if sources.is_dir() {
            return sources;
        }
    }
    override_dir(data_dir)
}

/// The fairing that loads all templates, and in debug builds loads them again when one changes.
pub fn fairing(catalogue: Arc<Catalogue>, data_dir: PathBuf, media: Media, pages: Pages) -> impl Fairing {
    Template::try_custom(move |engines| {
        let loaded = load(Arc::clone(&catalogue), &override_dir(&data_dir), &media)?;
        engines.tera = (*loaded.tera).clone();
        pages.replace(loaded);
        Ok(())
    })
}

/// All templates; the overrides as far as they can be parsed.
///
/// # Errors
/// When a built-in template is broken.
pub fn load(catalogue: Arc<Catalogue>, overrides: &Path, media: &Media) -> Result<Loaded, Box<dyn StdError>> {
    let sources = built_in();
    #[cfg(debug_assertions)]
    let sources = if record::folder().is_some() { record::instrument(sources).templates } else { sources };
    load_from(sources, catalogue, overrides, media)
}

fn load_from(
    sources: Vec<(String, String)>,
    catalogue: Arc<Catalogue>,
    overrides: &Path,
    media: &Media,
) -> Result<Loaded, Box<dyn StdError>> {
    let builtin = engine(&catalogue, media, sources)?;

    let (mut own, mut broken) = (Vec::new(), Vec::new());
    for path in template_files(overrides) {
        let name = path.strip_prefix(overrides).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        match read_text(&path) {
            Ok(source) => own.push(Override { source: prepared(&name, source, &catalogue), name, path }),
            Err(reason) => broken.push(format!("template override {}: {reason}", path.display())),
        }
    }
    let mut loaded = Loaded::settle(&Arc::new(builtin), own, |_, _| Ok(()));
    loaded.broken.append(&mut broken);
    Ok(loaded)
}

/// These templates and all that they call.
fn engine(catalogue: &Arc<Catalogue>, media: &Media, sources: Vec<(String, String)>) -> tera::Result<Tera> {
    let mut tera = Tera::default();
    // Escaping goes by the end of the name; every template that a browser sees ends in .html.
    tera.autoescape_on(vec![".html"]);
    tera.register_function("asset", Asset);
    tera.register_function("picture", picture(media.base_url()));
    tera.register_function("media", about(media));
    tera.register_function("ago", ago(Arc::clone(catalogue)));
    tera.register_function("t", i18n::tera_function(Arc::clone(catalogue)));
    #[cfg(debug_assertions)]
    tera.register_function("drawn", record::Drawn);
    tera.add_raw_templates(sources.into_iter().map(|(name, source)| {
        let source = prepared(&name, source, catalogue);
        (name, source)
    }))?;
    Ok(tera)
}

/// What each template gets.
fn samples() -> Samples {
    let file = Files::get(samples::FILE).map(|file| file.data).unwrap_or_default();
    Samples::parse(&String::from_utf8_lossy(&file))
}

/// Renders every template with sample contexts; a line for each override that fails.
///
/// # Errors
/// When a built-in template is broken, or fails with its samples.
pub fn try_out(catalogue: Arc<Catalogue>, overrides: &Path, media: &Media) -> Result<Vec<String>, Box<dyn StdError>> {
    // Not recorded: what is drawn with samples is not tested thereby.
    let Loaded { builtin, overrides, mut broken, .. } = load_from(built_in(), catalogue, overrides, media)?;
    let samples = samples();
    let mut contexts = BTreeMap::new();
    for name in samples.names() {
        // A mixture may be one that no page has, as a form of one's own without a user; the full one has everything.
        for (number, sample) in samples.of(name).into_iter().enumerate() {
            let context = tera::Context::from_value(sample)?;
            match builtin.render(name, &context) {
                Ok(_) => contexts.entry(name).or_insert_with(Vec::new).push(context),
                Err(error) if number == 0 => return Err(pages::explain(&error).into()),
                Err(_) => {}
            }
        }
    }
    // What is not drawn by itself, as the frame of all pages or a file of macros, is tried with every page.
    let try_one = |own: &str, tera: &Tera| {
        let is_tried = |name: &str| name == own || !contexts.contains_key(own);
        let tried = contexts.iter().filter(|(name, _)| is_tried(name));
        tried
            .flat_map(|(name, all)| all.iter().map(|context| (*name, context)))
            .try_for_each(|(name, context)| tera.render(name, context).map(drop))
    };
    broken.extend(Loaded::settle(&builtin, overrides, try_one).broken);
    Ok(broken)
}

/// Names and sources of the built-in templates.
pub fn built_in() -> Vec<(String, String)> {
    let names = Files::iter().filter(|name| is_template(name));
    let sources = names.filter_map(|name| {
        let source = String::from_utf8(Files::get(&name)?.data.into_owned()).ok()?;
        Some((name.to_string(), source))
    });
    sources.collect()
}

/// Pages and letters end in `.html` and are escaped; the plain half of a letter ends in `.txt` and is not.
fn is_template(name: &str) -> bool {
    name.ends_with(".html") || name.ends_with(".txt")
}

/// Constant words are put in escaped, so only where all else is.
fn prepared(name: &str, source: String, catalogue: &Catalogue) -> String {
    if name.ends_with(".html") { words::put_in(&source, catalogue) } else { source }
}

fn template_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // No folder of overrides is the usual case.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_template(&path.to_string_lossy()) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

type Args = std::collections::HashMap<String, Value>;

/// `asset(path="css/app.css")`: the address under which that file may be cached for ever.
struct Asset;

impl tera::Function for Asset {
    fn call(&self, args: &Args) -> tera::Result<Value> {
        let path = args.get("path").and_then(Value::as_str).unwrap_or_default();
        assets::url(path)
            .map(Value::String)
            .ok_or_else(|| tera::Error::msg(format!("there is no static file {path:?}")))
    }

    /// Our own file names: letters, digits, slashes.
    fn is_safe(&self) -> bool {
        true
    }
}

/// `picture(name=…, at=128)`: what an `<img>` needs of a kept picture that is shown so many pixels wide, or nothing.
fn picture(media: String) -> impl tera::Function {
    move |args: &HashMap<String, Value>| {
        let picture = args.get("name").and_then(Value::as_str).and_then(Picture::parse);
        let at = args.get("at").and_then(Value::as_u64).and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX);
        Ok(picture.map_or(Value::Null, |picture| {
            serde_json::json!({
                "src": format!("{media}{}", picture.file_for(at)),
                "srcset": picture.srcset(&media),
                "width": picture.width,
                "height": picture.height,
            })
        }))
    }
}

/// `media()`: where pictures are (`base`), and how large one may be that somebody brings (`largest`, `largest_bytes`).
fn about(media: &Media) -> impl tera::Function + use<> {
    let about = serde_json::json!({
        "base": media.base_url(),
        "largest": megabytes(media.max_bytes),
        "largest_bytes": media.max_bytes,
    });
    move |_: &Args| Ok(about.clone())
}

/// `ago(at=message.created)`: how long ago that was, in words.
fn ago(catalogue: Arc<Catalogue>) -> impl tera::Function {
    move |args: &Args| {
        let at = args.get("at").and_then(Value::as_str).unwrap_or_default();
        let at = time::from_iso(at).ok_or_else(|| tera::Error::msg(format!("ago(at={at:?}): no time")))?;
        let lang = args.get("lang").and_then(Value::as_str).unwrap_or(i18n::FALLBACK);
        Ok(Value::String(i18n::ago(&catalogue, lang, at, time::now())))
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;
    use crate::kit::config::{MediaBackend, MediaS3};

    #[test]
    fn instrumented_templates_draw_what_the_others_draw() {
        let catalogue = Arc::new(Catalogue::embedded().unwrap());
        let (root, s3) = (PathBuf::new(), MediaS3::default());
        let media = Media { backend: MediaBackend::Local, root, max_bytes: 1, max_pixels: 1, s3 };
        let instrumented = record::instrument(built_in());
        assert!(instrumented.branches.len() > 300, "{}", instrumented.branches.len());
        let [plain, recording] = [built_in(), instrumented.templates].map(|sources| {
            let mut tera = engine(&catalogue, &media, sources).unwrap();
            tera.register_function("drawn", |_: &Args| Ok(Value::from("")));
            tera
        });
        let samples = samples();
        assert!(samples.names().count() > 40);
        for name in samples.names() {
            for sample in samples.of(name) {
                let context = tera::Context::from_value(sample).unwrap();
                assert_eq!(recording.render(name, &context).ok(), plain.render(name, &context).ok(), "{name}");
            }
        }
    }
}
