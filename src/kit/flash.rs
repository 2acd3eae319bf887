//! Messages that are shown once, on the next page.
//!
//! Django: `django.contrib.messages`. A cookie carries the translation key. Rocket's own would lack the flags that all
//! of ours have, and cannot be read when somebody wrote it by hand.

use rocket::http::uri::Reference;
use rocket::request::Request;
use rocket::response::{self, Redirect, Responder};
use rocket::time::Duration;
use serde::Serialize;

use crate::kit::cookies::{self, Cookie};
use crate::kit::i18n::{Catalogue, Text};

/// How long a message waits for its page.
const PATIENCE: Duration = Duration::minutes(5);

/// A redirect (303) that says something on the page where it ends.
#[derive(Debug)]
pub struct Said {
    to: Redirect,
    kind: &'static str,
    text: Text,
}

impl<'r> Responder<'r, 'static> for Said {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        // A key and its arguments are strings and numbers: they always serialise.
        let message = serde_json::to_string(&(self.kind, &self.text)).unwrap_or_default();
        cookies::set(request, Cookie::Flash, message, Some(PATIENCE));
        self.to.respond_to(request)
    }
}

/// Off to `path`, with good news.
pub fn success(path: impl Into<String>, text: Text) -> Said {
    Said { to: to(path), kind: "success", text }
}

/// Off to `path`, with a remark.
pub fn info(path: impl Into<String>, text: Text) -> Said {
    Said { to: to(path), kind: "info", text }
}

/// Off to `path`, which must be one of ours; anything else ends at the home page.
pub fn to(path: impl Into<String>) -> Redirect {
    let path = path.into();
    match Reference::parse_owned(path) {
        Ok(reference) if reference.authority().is_none() && reference.scheme().is_none() => Redirect::to(reference),
        _ => Redirect::to("/"),
    }
}

/// A flash message as the page shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    kind: String,
    text: String,
}

/// The message that waits for this request, if one does; it is taken away. One that somebody wrote by hand shows nothing.
pub fn waiting(request: &Request<'_>, catalogue: &Catalogue, lang: &str) -> Option<Shown> {
    let message = cookies::get(request, Cookie::Flash)?;
    cookies::remove(request, Cookie::Flash);
    let (kind, text): (String, Text) = serde_json::from_str(message).ok()?;
    let is_known = matches!(kind.as_str(), "success" | "info" | "warning" | "error");
    is_known.then(|| Shown { kind, text: catalogue.t(lang, &text) })
}
