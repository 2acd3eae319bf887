//! What can go wrong in a request, and the status that says so.
//!
//! | variant | status | said to the person |
//! |---|---|---|
//! | `NotFound` | 404 | there is nothing here (also: nothing that you may see) |
//! | `Forbidden` | 403 | you may see it, not change it |
//! | `LoginRequired` | 401 | pages: off to the log-in, and back |
//! | `Csrf` | 403 | the form did not come from this site's own page |
//! | `StaleForm` | 403 | pages: the form again, with what was typed; scripts: a fresh token |
//! | `BadRequest` | 400 | what was sent cannot be read |
//! | `Timeout` | 408 | the body stopped arriving |
//! | `TooLarge` | 413 | more than a form may hold |
//! | `UnsupportedMedia` | 415 | not a form |
//! | `Invalid` | 422 | what is wrong with which field |
//! | `Throttled` | 429 | when to try again |
//! | `Unavailable` | 503 | the database cannot be reached, or not be written, just now |
//! | `Busy` | 503 | too many search at the same time; when to try again |
//! | `TooManyStreams` | 429, 503 | as many live streams are open as may be; when to try again |
//! | `Stopping` | 503 | the server ends; ask again, and another one (or the next) answers |
//! | `Db`, `Internal` | 500 | our fault; the log has the reason beside the request id |
//!
//! Models return `QueryResult` or an error of their own. A view that has a
//! form catches `Invalid` and draws the form again. The catchers in [`crate::accounts::page`] draw the body.

use std::time::Duration;

use diesel::result::DatabaseErrorKind;
use rocket::http::Status;
use rocket::request::Request;
use rocket::response::{self, Responder};

use crate::kit::csrf::Refusal;
use crate::kit::forms::{FieldErrors, StaleForm};
use crate::kit::origin::{self, SiteUrl};
use crate::kit::throttle::RetryAfter;
use crate::kit::{logging, random};

/// The one error of all views.
#[derive(Debug)]
pub enum Error {
    /// No such row, or none that one may see.
    NotFound,
    /// A row that one may see but not change.
    Forbidden,
    /// Needs a person.
    LoginRequired,
    /// A form without this site's token, or sent from another site.
    Csrf(Refusal),
    /// A form of ours with a token from before a log-in or log-out.
    StaleForm(StaleForm),
    /// Unreadable input.
    BadRequest,
    /// A body that stopped arriving.
    Timeout,
    /// A body over the limit.
    TooLarge,
    /// A body that is no form.
    UnsupportedMedia,
    /// What was typed cannot be taken.
    Invalid(FieldErrors),
    /// Too often; try again after this long.
    Throttled(Duration),
    /// The database (or another service) cannot be reached; the text is for the log.
    Unavailable(String),
    /// Too many want the same costly thing at the moment.
    Busy,
    /// So many live streams are open that no more may be: 429 for one address, 503 in all.
    TooManyStreams(Status),
    /// The server is about to end and begins nothing that lasts.
    Stopping,
    /// A query failed.
    Db(diesel::result::Error),
    /// A fault of ours; the text is for the log.
    Internal(String),
}

impl Error {
    /// The status that a client sees.
    pub fn status(&self) -> Status {
        match self {
            Self::NotFound => Status::NotFound,
            Self::Forbidden | Self::Csrf(_) | Self::StaleForm(_) => Status::Forbidden,
            Self::LoginRequired => Status::Unauthorized,
            Self::BadRequest => Status::BadRequest,
            Self::Timeout => Status::RequestTimeout,
            Self::TooLarge => Status::PayloadTooLarge,
            Self::UnsupportedMedia => Status::UnsupportedMediaType,
            Self::TooManyStreams(status) => *status,
            Self::Invalid(_) => Status::UnprocessableEntity,
            Self::Throttled(_) => Status::TooManyRequests,
            Self::Unavailable(_) | Self::Busy | Self::Stopping => Status::ServiceUnavailable,
            Self::Db(_) | Self::Internal(_) => Status::InternalServerError,
        }
    }

    /// Whether two transactions were in each other's way: nothing of this one was kept, and it succeeds when it is repeated.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Db(diesel::result::Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
            // Diesel has no kind for it, and servers may name it in another language, mostly by this word.
            Self::Db(diesel::result::Error::DatabaseError(_, told)) => {
                told.message().to_lowercase().contains("deadlock")
            }
            _ => false,
        }
    }

    /// Whether the database is damaged.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Unavailable(told) if is_damage(told))
    }

    /// Leaves behind what the catcher shows, writes faults to the log once, and gives the status.
    pub fn report(self, request: &Request<'_>) -> Status {
        let status = self.status();
        let mut note = Note::default();
        match self {
            Self::Throttled(after) => note.retry_after = Some(RetryAfter(after).seconds()),
            Self::Csrf(refusal) => {
                log_refusal(request, &refusal);
                note.csrf = Some(refusal);
            }
            Self::StaleForm(form) => note.stale_form = Some(form),
            Self::Db(error) => logging::failure(request, &error.to_string()),
            Self::Unavailable(reason) => {
                note.retry_after = Some(2);
                logging::failure(request, &reason);
            }
            Self::TooManyStreams(_) => (note.streams, note.retry_after) = (true, Some(30)),
            Self::Busy => (note.busy, note.retry_after) = (true, Some(5)),
            Self::Stopping => note.retry_after = Some(u64::from(1 + random::bytes::<1>()[0] % 5)),
            Self::Internal(reason) => logging::failure(request, &reason),
            _ => {}
        }
        request.local_cache(|| note);
        status
    }
}

/// Tells the operator which two addresses differ: behind a proxy that is the mistake to find.
fn log_refusal(request: &Request<'_>, refusal: &Refusal) {
    let Refusal::UnknownOrigin(sent) = refusal else { return };
    let id = logging::request_id(request).id.as_str();
    let site_url = request.rocket().state::<SiteUrl>().map_or("", |site| site.0.as_str());
    let host = origin::host(request).unwrap_or_default();
    log::warn!(
        request_id = id;
        "[{id}] a form was refused: its Origin {sent:?} is neither site_url {site_url:?} nor the request's host {host:?}; \
         if people use the site at {sent:?}, set site_url to that, or let the proxy pass the header Host on"
    );
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        match error {
            // Who or what the new row points at was deleted at the same moment.
            diesel::result::Error::NotFound
            | diesel::result::Error::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => Self::NotFound,
            diesel::result::Error::DatabaseError(kind, told) if is_trouble_below(&kind, told.message()) => {
                Self::Unavailable(told.message().to_owned())
            }
            // The connection was lost in the middle of a transaction.
            diesel::result::Error::BrokenTransactionManager => Self::Unavailable(error.to_string()),
            diesel::result::Error::RollbackErrorOnCommit { commit_error, .. } => (*commit_error).into(),
            other => Self::Db(other),
        }
    }
}

/// Whether these words of a database say that its file is damaged.
pub fn is_damage(told: &str) -> bool {
    const WORDS: [&str; 4] =
        ["database disk image is malformed", "file is not a database", "invalid page in block", "could not read block"];
    WORDS.iter().any(|words| told.contains(words))
}

/// Neither the query's fault nor ours: the connection is gone, the disk is full, the file is locked
/// or cannot be written. It may be over at the next try. The databases tell some of it by words alone.
fn is_trouble_below(kind: &DatabaseErrorKind, told: &str) -> bool {
    const WORDS: [&str; 13] = [
        "database or disk is full",
        "disk I/O error",
        "attempt to write a readonly database",
        "database is locked",
        "unable to open database file",
        "No space left on device",
        "read-only transaction",
        "could not extend file",
        "could not write",
        "terminating connection",
        "no connection to the server",
        "server closed the connection",
        "could not receive data from server",
    ];
    matches!(kind, DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::ReadOnlyTransaction)
        || is_damage(told)
        || WORDS.iter().any(|words| told.contains(words))
}

impl<'r> Responder<'r, 'static> for Error {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        Err(self.report(request))
    }
}

/// What an error leaves for its catcher, in the request's local cache.
#[derive(Debug, Default)]
pub struct Note {
    /// Seconds, for `Retry-After`.
    pub retry_after: Option<u64>,
    /// Why the form counts as one of another site.
    pub csrf: Option<Refusal>,
    /// The form whose token was stale.
    pub stale_form: Option<StaleForm>,
    /// Too many search.
    pub busy: bool,
    /// Too many live streams are open.
    pub streams: bool,
}
