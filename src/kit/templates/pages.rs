//! Draws pages with the operator's own templates, and with the built-in ones where those fail.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rocket_dyn_templates::tera::{self, Context, Tera};
use serde::Serialize;

use super::tags;
use crate::kit::error::Error;

/// A template of the operator.
#[derive(Clone)]
pub(super) struct Override {
    pub name: String,
    pub path: PathBuf,
    pub source: String,
}

/// All templates, the operator's own among them.
#[derive(Clone, Default)]
pub struct Loaded {
    pub(super) builtin: Arc<Tera>,
    pub(super) tera: Arc<Tera>,
    pub(super) overrides: Vec<Override>,
    /// A line for each override that is not used.
    pub broken: Vec<String>,
}

impl Loaded {
    /// The built-in templates with those overrides that can be parsed and that `accept` accepts.
    pub(super) fn settle(
        builtin: &Arc<Tera>,
        overrides: Vec<Override>,
        accept: impl Fn(&str, &Tera) -> tera::Result<()>,
    ) -> Self {
        let mut settled = Self { builtin: Arc::clone(builtin), tera: Arc::clone(builtin), ..Self::default() };
        let mut waiting = overrides;
        // One override may need another, so those that fail are tried again as long as others are added.
        while !waiting.is_empty() {
            let (mut failed, added_before) = (Vec::new(), settled.overrides.len());
            for own in waiting {
                let mut tera = (*settled.tera).clone();
                match tera.add_raw_template(&own.name, &own.source).and_then(|()| accept(&own.name, &tera)) {
                    Ok(()) => {
                        settled.tera = Arc::new(tera);
                        settled.overrides.push(own);
                    }
                    Err(error) => failed.push((own, error)),
                }
            }
            if settled.overrides.len() == added_before {
                settled.broken = failed.iter().map(|(own, error)| own.explain(error)).collect();
                break;
            }
            waiting = failed.into_iter().map(|(own, _)| own).collect();
        }
        settled
    }
}

impl Override {
    /// File, line and reason in one line.
    fn explain(&self, error: &tera::Error) -> String {
        let mut cause: &dyn StdError = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let reason = one_line(&cause.to_string());
        let line = self.line(&reason).map(|line| format!(":{line}")).unwrap_or_default();
        format!("template override {}{line}: {reason}", self.path.display())
    }

    /// The line that a reason is about: Tera tells it of what cannot be parsed; else it is the first that holds a name
    /// that the reason quotes.
    fn line(&self, reason: &str) -> Option<usize> {
        if let Some((_, place)) = reason.split_once("--> ") {
            return place.split(':').next()?.parse().ok();
        }
        let is_in_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
        let names = reason.split(['`', '\'']).skip(1).step_by(2).filter(|name| !name.is_empty());
        let holds = |text: &str, name: &str| {
            text.match_indices(name).any(|(at, _)| {
                !text[..at].ends_with(is_in_name) && !text[at + name.len()..].starts_with(|c| is_in_name(c) && c != '.')
            })
        };
        let tags = tags::tags(&self.source);
        names.into_iter().find_map(|name| {
            let tag = tags.iter().find(|tag| holds(tag.text, name))?;
            let offset = self.source[tag.start..tag.end].find(name)?;
            Some(tags::line(&self.source, tag.start + offset))
        })
    }
}

/// The loaded templates, for pages; managed state. `Template::render` would turn each page's context
/// into figment's values first and into Tera's then, which costs a fifth of a page; here it is
/// turned once. The engine behind both is the same.
#[derive(Clone, Default)]
pub struct Pages {
    loaded: Arc<RwLock<Arc<Loaded>>>,
    generation: Arc<AtomicU64>,
}

impl Pages {
    /// These templates, without a server.
    pub fn of(loaded: Loaded) -> Self {
        let pages = Self::default();
        pages.replace(loaded);
        pages
    }

    /// Draws a template. An override that fails is logged and left out from then on.
    ///
    /// # Errors
    /// [`Error::Internal`] with the template's own words, for the log.
    pub fn render(&self, name: &str, context: impl Serialize) -> Result<String, Error> {
        let context = Context::from_serialize(context).map_err(|error| Error::Internal(explain(&error)))?;
        #[cfg(debug_assertions)]
        super::record::context(name, &context);
        let loaded = Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner));
        loaded.tera.render(name, &context).or_else(|error| {
            self.without_failing(&loaded, name, &context).ok_or_else(|| Error::Internal(explain(&error)))
        })
    }

    /// The same without the overrides that are at fault; none where the built-in templates fail as well.
    fn without_failing(&self, failed: &Arc<Loaded>, name: &str, context: &Context) -> Option<String> {
        if failed.overrides.is_empty() {
            return None;
        }
        let builtin = failed.builtin.render(name, context).ok()?;
        // Requests that fail at the same time wait here, and find that it is done.
        let mut current = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, failed) {
            let draws = |_: &str, tera: &Tera| tera.render(name, context).map(drop);
            let settled = Loaded::settle(&failed.builtin, failed.overrides.clone(), draws);
            warn(&settled.broken);
            *current = Arc::new(settled);
            self.generation.fetch_add(1, Ordering::Release);
        }
        Some(current.tera.render(name, context).unwrap_or(builtin))
    }

    /// Another number after each time that templates were loaded.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn replace(&self, loaded: Loaded) {
        warn(&loaded.broken);
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        self.generation.fetch_add(1, Ordering::Release);
    }
}

fn warn(broken: &[String]) {
    for problem in broken {
        log::warn!("{problem}; the built-in template is used");
    }
}

/// An error and what caused it, in one line.
pub(super) fn explain(error: &tera::Error) -> String {
    let mut line = error.to_string();
    let mut cause = StdError::source(error);
    while let Some(inner) = cause {
        line = format!("{line}: {inner}");
        cause = inner.source();
    }
    one_line(&line)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
