//! Messages that are shown once, on the next page.
//!
//! Django: `django.contrib.messages`. Rocket's own flash cookie carries the translation key.

use rocket::http::uri::Reference;
use rocket::request::FlashMessage;
use rocket::response::{Flash, Redirect};
use serde::Serialize;

use crate::kit::i18n::{Catalogue, Text};

/// A redirect (303) that says something on the page where it ends.
pub type Said = Flash<Redirect>;

/// Off to `path`, with good news.
pub fn success(path: impl Into<String>, text: Text) -> Said {
    Flash::new(to(path), "success", encode(&text))
}

/// Off to `path`, with a remark.
pub fn info(path: impl Into<String>, text: Text) -> Said {
    Flash::new(to(path), "info", encode(&text))
}

/// Off to `path`, which must be one of ours; anything else ends at the home page.
pub fn to(path: impl Into<String>) -> Redirect {
    let path = path.into();
    match Reference::parse_owned(path) {
        Ok(reference) if reference.authority().is_none() && reference.scheme().is_none() => Redirect::to(reference),
        _ => Redirect::to("/"),
    }
}

fn encode(text: &Text) -> String {
    // A key and its arguments are strings and numbers: they always serialise.
    serde_json::to_string(text).unwrap_or_default()
}

/// A flash message as the page shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    kind: String,
    text: String,
}

/// Reads (and thereby clears) the message; one that somebody wrote by hand shows nothing.
pub fn shown(flash: &FlashMessage<'_>, catalogue: &Catalogue, lang: &str) -> Option<Shown> {
    let text: Text = serde_json::from_str(flash.message()).ok()?;
    let kind = match flash.kind() {
        kind @ ("success" | "info" | "warning" | "error") => kind.to_owned(),
        _ => return None,
    };
    Some(Shown { kind, text: catalogue.t(lang, &text) })
}
