//! Templates: Tera through `rocket_dyn_templates`, embedded in the binary, from disk with reload in
//! debug builds. Files in `<data_dir>/templates` override the embedded ones, so that an operator
//! can restyle a page; a broken one is passed over with a warning, and `check` reports it.

mod words;

use std::collections::HashMap;
use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rocket::fairing::Fairing;
use rocket_dyn_templates::Template;
use rocket_dyn_templates::tera::{self, Tera, Value};
use rust_embed::RustEmbed;
use serde::Serialize;

use crate::kit::assets;
use crate::kit::config::Media;
use crate::kit::error::Error;
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

/// The loaded templates, for pages; managed state. `Template::render` would turn each page's context
/// into figment's values first and into Tera's then, which costs a fifth of a page; here it is
/// turned once. The engine behind both is the same.
#[derive(Clone, Default)]
pub struct Pages {
    tera: Arc<RwLock<Arc<Tera>>>,
    generation: Arc<AtomicU64>,
}

impl Pages {
    /// These templates, without a server.
    pub fn of(tera: Tera) -> Self {
        let pages = Self::default();
        pages.replace(tera);
        pages
    }

    /// Draws a template.
    ///
    /// # Errors
    /// [`Error::Internal`] with the template's own words, for the log.
    pub fn render(&self, name: &str, context: impl Serialize) -> Result<String, Error> {
        let tera = Arc::clone(&self.tera.read().unwrap_or_else(PoisonError::into_inner));
        tera::Context::from_serialize(context)
            .and_then(|context| tera.render(name, &context))
            .map_err(|error| Error::Internal(explain(&error)))
    }

    /// Another number after each time that templates were loaded.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn replace(&self, tera: Tera) {
        *self.tera.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tera);
        self.generation.fetch_add(1, Ordering::Release);
    }
}

/// The fairing that loads all templates, and in debug builds loads them again when one changes.
pub fn fairing(catalogue: Arc<Catalogue>, data_dir: PathBuf, media: Media, pages: Pages) -> impl Fairing {
    Template::try_custom(move |engines| {
        let (tera, broken) = load(Arc::clone(&catalogue), &override_dir(&data_dir), &media)?;
        for problem in broken {
            log::warn!("{problem}; the built-in template is used");
        }
        pages.replace(tera.clone());
        engines.tera = tera;
        Ok(())
    })
}

/// All templates, and a line for each override that cannot be used.
///
/// # Errors
/// When an embedded template is broken.
pub fn load(
    catalogue: Arc<Catalogue>,
    overrides: &Path,
    media: &Media,
) -> Result<(Tera, Vec<String>), Box<dyn StdError>> {
    let mut tera = Tera::default();
    // Escaping goes by the end of the name; every template that a browser sees ends in .html.
    tera.autoescape_on(vec![".html"]);
    tera.register_function("asset", Asset);
    tera.register_function("picture", picture(media.base_url()));
    tera.register_function("media", about(media));
    tera.register_function("ago", ago(Arc::clone(&catalogue)));
    tera.register_function("t", i18n::tera_function(Arc::clone(&catalogue)));
    let embedded: Vec<(String, String)> = Files::iter()
        .filter(|name| is_template(name))
        .filter_map(|name| {
            let source = String::from_utf8(Files::get(&name)?.data.into_owned()).ok()?;
            Some((name.to_string(), prepared(&name, source, &catalogue)))
        })
        .collect();
    tera.add_raw_templates(embedded)?;

    let mut broken = Vec::new();
    for path in template_files(overrides) {
        let name = path.strip_prefix(overrides).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let mut with_override = tera.clone();
        let added = std::fs::read_to_string(&path).map_err(|e| e.to_string()).and_then(|text| {
            with_override.add_raw_template(&name, &prepared(&name, text, &catalogue)).map_err(|e| explain(&e))
        });
        match added {
            Ok(()) => tera = with_override,
            Err(reason) => broken.push(format!("template override {}: {reason}", path.display())),
        }
    }
    Ok((tera, broken))
}

/// An error and what caused it, in one line.
fn explain(error: &tera::Error) -> String {
    let mut line = error.to_string();
    let mut cause = StdError::source(error);
    while let Some(inner) = cause {
        line = format!("{line}: {inner}");
        cause = inner.source();
    }
    line.split_whitespace().collect::<Vec<_>>().join(" ")
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
