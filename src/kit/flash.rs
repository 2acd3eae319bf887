//! Messages that are shown once, on the next page.
//!
//! Django: `django.contrib.messages`. Rocket's own flash cookie carries the translation key.

use rocket::http::uri::Reference;
use rocket::request::{FlashMessage, Request};
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

/// The message that waits for this request, if one does. Rocket cuts the cookie's value at a length
/// that the value itself names, and panics when that is inside a letter: such a cookie was written by hand.
pub async fn waiting(request: &Request<'_>, catalogue: &Catalogue, lang: &str) -> Option<Shown> {
    let cookie = request.cookies().get(COOKIE)?;
    let (length, rest) = cookie.value().split_once(':')?;
    if !rest.is_char_boundary(length.parse().ok()?) {
        return None;
    }
    let message = request.guard::<FlashMessage<'_>>().await.succeeded()?;
    shown(&message, catalogue, lang)
}

/// What Rocket calls its cookie.
const COOKIE: &str = "_flash";

/// Reads (and thereby clears) the message; one that somebody wrote by hand shows nothing.
fn shown(flash: &FlashMessage<'_>, catalogue: &Catalogue, lang: &str) -> Option<Shown> {
    let text: Text = serde_json::from_str(flash.message()).ok()?;
    let kind = match flash.kind() {
        kind @ ("success" | "info" | "warning" | "error") => kind.to_owned(),
        _ => return None,
    };
    Some(Shown { kind, text: catalogue.t(lang, &text) })
}
