//! The catchers: what a person or a program reads when something went wrong. HTML for pages, JSON
//! under `/api` and for scripts that ask for it.
//!
//! Django: `handler404` and its kind

use rocket::http::{Accept, ContentType, Header, MediaType, Method, Status};
use rocket::request::Request;
use rocket::response::{self, Redirect, Responder, Response};
use rocket::{Catcher, catch, catchers};
use rocket_dyn_templates::context;
use serde_json::json;

use crate::accounts::draft;
use crate::accounts::guards::{code_needed, login_needed};
use crate::accounts::page::{Page, View};
use crate::kit::csrf::{self, Refusal};
use crate::kit::error::Note;
use crate::kit::headers::{HostCheck, add_fixed};
use crate::kit::i18n::Text;
use crate::kit::paginate::encode_query;
use crate::kit::{connections, flash, logging, paths};

/// The catchers of the whole site.
pub fn catchers() -> Vec<Catcher> {
    catchers![any]
}

/// Whether the client wants JSON: it says so, or it calls the API.
pub fn wants_json(request: &Request<'_>) -> bool {
    let path = request.uri().path().as_str();
    path == "/api"
        || path.starts_with("/api/")
        || request.accept().is_some_and(|accept: &Accept| *accept.preferred().media_type() == MediaType::JSON)
}

/// The answer to what went wrong.
enum Answer {
    Page(View),
    Json(String),
    Login(Box<Redirect>),
    Away(Box<flash::Said>),
    Plain,
}

/// An answer with its status and headers.
struct Caught {
    status: Status,
    answer: Answer,
    headers: Vec<Header<'static>>,
}

impl<'r> Responder<'r, 'static> for Caught {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut response = match self.answer {
            Answer::Page(view) => view.respond_to(request).or_else(|_| plain(self.status).respond_to(request))?,
            Answer::Json(body) => (self.status, (ContentType::JSON, body)).respond_to(request)?,
            Answer::Login(redirect) => redirect.respond_to(request)?,
            Answer::Away(said) => said.respond_to(request)?,
            Answer::Plain => plain(self.status).respond_to(request)?,
        };
        add_fixed(&mut response);
        for header in self.headers {
            response.set_header(header);
        }
        Response::build_from(response).ok()
    }
}

/// For when even the page of the error cannot be drawn.
fn plain(status: Status) -> (Status, (ContentType, String)) {
    (status, (ContentType::Plain, format!("{} {}\n", status.code, status.reason_lossy())))
}

#[catch(default)]
async fn any(status: Status, request: &Request<'_>) -> Caught {
    if let Some(status) = connections::refused(request) {
        return Caught { status, answer: Answer::Plain, headers: Vec::new() };
    }
    let (status, mut headers) = refined(status, request);
    let note = request.local_cache(Note::default);
    if let Some(seconds) = note.retry_after {
        headers.push(Header::new("Retry-After", seconds.to_string()));
    }
    if status == Status::Unauthorized {
        return login(request, headers);
    }
    if let Some(form) = &note.stale_form {
        match draft::form_again(request, form).await {
            Ok(Some(said)) => {
                return Caught { status: Status::SeeOther, answer: Answer::Away(Box::new(said)), headers };
            }
            Ok(None) => {}
            Err(error) => log::warn!("a form with a stale token could not be saved: {error:?}"),
        }
    }
    let needs_code = code_needed(request);
    if needs_code && !wants_json(request) {
        let said = flash::info("/account/second-factor", Text::new("flash-second-factor-needed"));
        return Caught { status: Status::SeeOther, answer: Answer::Away(Box::new(said)), headers };
    }
    let status = if needs_code { Status::Forbidden } else { status };
    let key = match note {
        Note { csrf: Some(Refusal::UnknownOrigin(_)), .. } => "origin".to_owned(),
        Note { csrf: Some(_), .. } => "csrf".to_owned(),
        Note { stale_form: Some(_), .. } => "stale-form".to_owned(),
        Note { streams: true, .. } => "streams".to_owned(),
        Note { busy: true, .. } => "busy".to_owned(),
        _ => known(status).to_string(),
    };
    let title = Text::new(format!("error-{key}-title"));
    let mut text = Text::new(format!("error-{key}-text"));
    if let Some(seconds) = note.retry_after {
        text = text.with("seconds", i64::try_from(seconds).unwrap_or(i64::MAX));
    }
    if let Some(Refusal::UnknownOrigin(origin)) = &note.csrf {
        text = text.with("origin", origin.clone());
    }
    let page = match request.guard::<Page<'_>>().await.succeeded() {
        Some(page) => Some(page),
        None => Page::of_nobody(request).await,
    };
    let Some(page) = page else { return Caught { status, answer: Answer::Plain, headers } };
    let answer = if wants_json(request) {
        let mut body = json!({ "detail": page.t(&text) });
        if note.stale_form.is_some() {
            // The script puts it into its form, for the next try.
            body["csrf_token"] = csrf::token(request).into();
        }
        Answer::Json(body.to_string())
    } else {
        Answer::Page(page.with(
            status,
            "errors/error.html",
            context! {
                status: status.code,
                title: page.t(&title),
                text: page.t(&text),
                request_id: &logging::request_id(request).id,
                retry_after: note.retry_after,
            },
        ))
    };
    Caught { status, answer, headers }
}

/// The router says 404 to a wrong method, and 400 to a method that it does not know: here it becomes 405, with what would be
/// right.
fn refined(status: Status, request: &Request<'_>) -> (Status, Vec<Header<'static>>) {
    let is_unknown = match HostCheck::of(request) {
        HostCheck::Refused => return (Status::BadRequest, Vec::new()),
        HostCheck::Unseen => status == Status::BadRequest,
        HostCheck::Passed => false,
    };
    if status != Status::NotFound && !is_unknown {
        return (status, Vec::new());
    }
    let allowed = paths::allowed_methods(request.rocket(), request.uri().path().as_str());
    if allowed.is_empty() || allowed.contains(&request.method()) && !is_unknown {
        return (Status::NotFound, Vec::new());
    }
    let allow = allowed.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", ");
    (Status::MethodNotAllowed, vec![Header::new("Allow", allow)])
}

/// The statuses that have a text of their own.
fn known(status: Status) -> u16 {
    match status.code {
        code @ (400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 422 | 429 | 500 | 503) => code,
        400..=499 => 400,
        _ => 500,
    }
}

/// Pages lead to the log-in and back; programs are told.
fn login(request: &Request<'_>, headers: Vec<Header<'static>>) -> Caught {
    let asked = login_needed(request).map_or_else(|| request.uri().to_string(), ToOwned::to_owned);
    let next =
        if request.method() == Method::Get { asked } else { paths::referer(request).unwrap_or_else(|| "/".into()) };
    let target = login_url(&next);
    if wants_json(request) {
        let body = json!({ "detail": "Authentication credentials were not provided.", "login": target }).to_string();
        return Caught { status: Status::Unauthorized, answer: Answer::Json(body), headers };
    }
    Caught { status: Status::SeeOther, answer: Answer::Login(Box::new(flash::to(target))), headers }
}

/// `/login?next=…`
pub fn login_url(next: &str) -> String {
    format!("/login?next={}", encode_query(next))
}
