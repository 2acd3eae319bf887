//! Nothing typed is lost when a session is over: the fallback route keeps the fields and leads to
//! the log-in; the page that held the form finds them again. So it does when the session is another one than that of the
//! page: somebody logged in or out in another window.

use std::collections::BTreeMap;

use rocket::http::{Method, Status};
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};
use rocket::route::{Handler, Route};
use rocket::{Data, route};
use serde::de::DeserializeOwned;

use crate::accounts::errors::{login_url, wants_json};
use crate::accounts::guards::{Gate, Viewer, login_needed};
use crate::accounts::models::kept;
use crate::accounts::tokens::device_holder;
use crate::kit::cookies::{self, Cookie};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::forms::StaleForm;
use crate::kit::i18n::Text;
use crate::kit::multipart::read_words;
use crate::kit::throttle::Scope;
use crate::kit::{csrf, flash, paths};

/// Bytes that are kept at most for one writer.
const LONGEST: usize = 32 * 1024;

/// The last route of all: who was turned away for want of a log-in ends here.
pub fn fallback() -> Vec<Route> {
    [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete]
        .into_iter()
        .map(|method| {
            let mut route = Route::ranked(100, method, "/<path..>", Fallback);
            route.name = Some("login required".into());
            route
        })
        .collect()
}

#[derive(Clone)]
struct Fallback;

#[rocket::async_trait]
impl Handler for Fallback {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> route::Outcome<'r> {
        let Some(asked) = login_needed(request) else { return Outcome::Forward((data, Status::NotFound)) };
        if request.method() != Method::Post || wants_json(request) {
            return Outcome::Error(Status::Unauthorized);
        }
        match keep(request, data, asked).await {
            Ok(said) => Outcome::from(request, said),
            Err(error) => Outcome::Error(error.report(request)),
        }
    }
}

async fn keep(request: &Request<'_>, data: Data<'_>, asked: &str) -> Result<flash::Said, Error> {
    let page = paths::form_page(request, asked);
    let fields = match read_words(request, data).await {
        // The session's cookie may be gone, and with it what the token belongs to.
        Ok(fields) | Err(Error::StaleForm(StaleForm { fields, .. })) => fields,
        // Not from a page of ours, or no form: nothing is kept, the way to the log-in is the same.
        Err(_) => Vec::new(),
    };
    let target = login_url(&page);
    let is_saved = save(request, &page, fields).await?;
    let text = if is_saved { "flash-draft-kept" } else { "flash-login-first" };
    Ok(flash::info(target, Text::new(text)))
}

/// Leads from a form with a stale token to the page that it came from, where it is filled again and has a fresh token. None
/// for what no person sent: a script gets an answer that it can read.
///
/// # Errors
/// [`Error::Throttled`], those of the database.
pub async fn form_again(request: &Request<'_>, form: &StaleForm) -> Result<Option<flash::Said>, Error> {
    if !is_navigation(request) || wants_json(request) {
        return Ok(None);
    }
    let page = paths::form_page(request, request.uri().path().as_str());
    save(request, &page, form.fields.clone()).await?;
    // With its query: the form may stand only there.
    let whole = paths::referer(request).filter(|from| from.split('?').next() == Some(page.as_str()));
    let text = if form.had_file { "flash-form-stale-file" } else { "flash-form-stale" };
    Ok(Some(flash::info(whole.unwrap_or(page), Text::new(text))))
}

/// Whether the answer becomes the window's page.
fn is_navigation(request: &Request<'_>) -> bool {
    let headers = request.headers();
    match (headers.get_one("Sec-Fetch-Mode"), headers.get_one("Accept")) {
        (Some(mode), _) => mode == "navigate",
        (None, Some(accept)) => accept.contains("text/html"),
        (None, None) => true,
    }
}

/// Saves the fields for the page and gives whether there was anything to save.
async fn save(request: &Request<'_>, page: &str, fields: Vec<(String, String)>) -> Result<bool, Error> {
    let fields: BTreeMap<String, String> = fields.into_iter().filter(|(name, _)| worth_keeping(name)).collect();
    // The longest form of ours is far below this; what is longer was typed by no person.
    let length: usize = fields.values().map(String::len).sum();
    if length > LONGEST || fields.values().all(|value| value.trim().is_empty()) {
        return Ok(false);
    }
    let (Outcome::Success(gate), Outcome::Success(db)) =
        (request.guard::<Gate<'_>>().await, request.guard::<&Db>().await)
    else {
        return Err(Error::Internal("no gate or no database".into()));
    };
    gate.by_address(Scope::Post)?;
    // Strings by name: they always serialise.
    let json = serde_json::to_string(&fields).unwrap_or_default();
    let path = paths::mask_tokens(request.rocket(), page).into_owned();
    // The session that ended does not say whose it was; the browser knows who logged in last.
    let owner = cookies::get(request, Cookie::Device).and_then(device_holder);
    let token = db.write(move |conn| Ok(kept::put(conn, owner, &path, &json)?)).await?;
    cookies::set(request, Cookie::SavedForm, token, None);
    Ok(true)
}

fn worth_keeping(name: &str) -> bool {
    !name.starts_with("password") && name != "code" && !csrf::FIELDS.contains(&name)
}

/// What was typed on this page before the log-in, if anything.
pub struct Draft(BTreeMap<String, String>);

impl Draft {
    /// The form as it was typed; what it does not hold stays empty.
    pub fn form<F: DeserializeOwned + Default>(self) -> Option<F> {
        if self.0.is_empty() {
            return None;
        }
        serde_json::to_value(self.0).and_then(serde_json::from_value).ok()
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Draft {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        let empty = || Outcome::Success(Self(BTreeMap::new()));
        let Some(token) = cookies::get(request, Cookie::SavedForm) else { return empty() };
        let Outcome::Success(db) = request.guard::<&Db>().await else { return empty() };
        let Outcome::Success(viewer) = request.guard::<Viewer<'_>>().await else { return empty() };
        let (token, path) = (token.to_owned(), paths::without_tokens(request).into_owned());
        match take(db, token, viewer.id(), path).await {
            Ok(Some(fields)) => {
                cookies::remove(request, Cookie::SavedForm);
                Outcome::Success(Self(serde_json::from_str(&fields).unwrap_or_default()))
            }
            Ok(None) => empty(),
            Err(error) => Outcome::Error((error.report(request), ())),
        }
    }
}

async fn take(db: &Db, token: String, viewer: Option<i64>, path: String) -> Result<Option<String>, Error> {
    let wanted = token.clone();
    let fields = db.read(move |conn| Ok(kept::find(conn, &wanted, viewer, &path)?)).await?;
    if fields.is_some() {
        db.write_statement(move |conn| Ok(kept::forget(conn, &token, viewer)?)).await?;
    }
    Ok(fields)
}
