//! Nothing typed is lost when a session is over: the fallback route keeps the fields and leads to
//! the log-in; the page that held the form finds them again.

use std::collections::BTreeMap;

use rocket::http::{Cookie, Method, Status};
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};
use rocket::route::{Handler, Route};
use rocket::{Data, route};
use serde::de::DeserializeOwned;

use crate::accounts::errors::{login_url, wants_json};
use crate::accounts::guards::{Gate, Viewer, login_needed};
use crate::accounts::models::kept;
use crate::accounts::tokens::{DEVICE, device_holder};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::i18n::Text;
use crate::kit::multipart::read_words;
use crate::kit::throttle::Scope;
use crate::kit::{csrf, flash, paths};

/// The cookie by which a text is found again.
pub const COOKIE: &str = "kept";

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
    let fields: BTreeMap<String, String> = match read_words(request, data).await {
        Ok(fields) => fields.into_iter().filter(|(name, _)| worth_keeping(name)).collect(),
        // Not from a page of ours, or no form: nothing is kept, the way to the log-in is the same.
        Err(_) => BTreeMap::new(),
    };
    let target = login_url(&page);
    let login_first = Text::new("flash-login-first");
    // The longest form of ours is far below this; what is longer was typed by no person.
    let length: usize = fields.values().map(String::len).sum();
    if length > LONGEST || fields.values().all(|value| value.trim().is_empty()) {
        return Ok(flash::info(target, login_first));
    }
    let (Outcome::Success(gate), Outcome::Success(db)) =
        (request.guard::<Gate<'_>>().await, request.guard::<&Db>().await)
    else {
        return Err(Error::Internal("no gate or no database".into()));
    };
    gate.by_address(Scope::Post)?;
    // Strings by name: they always serialise.
    let json = serde_json::to_string(&fields).unwrap_or_default();
    // The session that ended does not say whose it was; the browser knows who logged in last.
    let owner = request.cookies().get(DEVICE).and_then(|device| device_holder(device.value()));
    let token = db.write(move |conn| Ok(kept::put(conn, owner, &page, &json)?)).await?;
    request.cookies().add(csrf::cookie(request, COOKIE, token));
    Ok(flash::info(target, Text::new("flash-draft-kept")))
}

fn worth_keeping(name: &str) -> bool {
    !name.starts_with("password") && !csrf::FIELDS.contains(&name)
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
        let Some(cookie) = request.cookies().get(COOKIE) else { return empty() };
        let Outcome::Success(db) = request.guard::<&Db>().await else { return empty() };
        let Outcome::Success(viewer) = request.guard::<Viewer<'_>>().await else { return empty() };
        let (token, path) = (cookie.value().to_owned(), request.uri().path().to_string());
        match take(db, token, viewer.id(), path).await {
            Ok(Some(fields)) => {
                request.cookies().remove(Cookie::build(COOKIE).path("/"));
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
