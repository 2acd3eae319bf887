//! Guards: taking a [`User`] means logged in, taking a [`Viewer`] means whoever it is.
//!
//! Django: `request.user`, `login_required`, `AuthenticationMiddleware`

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use chrono::TimeDelta;
use rocket::Data;
use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Status;
use rocket::http::uri::Origin;
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};

use crate::accounts::models::{self, CurrentSession, Session};
use crate::accounts::site::Site;
use crate::kit::address::client_address;
use crate::kit::config::Access;
use crate::kit::cookies::{self, Cookie};
use crate::kit::db;
use crate::kit::error::Error;
use crate::kit::throttle::{Scope, Throttle};
use crate::kit::{paths, time};

/// Whoever it is: a person or nobody.
#[derive(Default)]
pub struct Viewer<'r>(pub Option<&'r models::User>, Option<i64>);

impl Viewer<'_> {
    /// The session by which he is known.
    pub fn session_id(&self) -> Option<i64> {
        self.1
    }

    /// The person's id, if it is one.
    pub fn id(&self) -> Option<i64> {
        self.0.map(|user| user.id)
    }

    /// Whether it is a member of the staff.
    pub fn is_staff(&self) -> bool {
        self.0.is_some_and(|user| user.is_staff)
    }
}

/// Somebody who is logged in.
pub struct User<'r>(pub &'r models::User);

impl Deref for User<'_> {
    type Target = models::User;

    fn deref(&self) -> &models::User {
        self.0
    }
}

/// Who sends this request; looked up once a request.
enum Current {
    Nobody,
    Person(Box<models::User>, i64),
    Unknown(Status),
}

async fn current<'r>(request: &'r Request<'_>) -> &'r Current {
    request
        .local_cache_async(async {
            match look_up(request).await {
                Ok(Some((user, session))) => Current::Person(Box::new(user), session),
                Ok(None) => Current::Nobody,
                Err(error) => Current::Unknown(error.report(request)),
            }
        })
        .await
}

/// The person and the session's id.
async fn look_up(request: &Request<'_>) -> Result<Option<(models::User, i64)>, Error> {
    let Some(token) = cookies::get(request, Cookie::Session).map(ToOwned::to_owned) else { return Ok(None) };
    let db = db::of(request).ok_or_else(|| Error::Internal("no database".into()))?;
    let Some(CurrentSession { user, session_id, session_last_seen }) =
        db.read(move |conn| Ok(Session::current(conn, &token)?)).await?
    else {
        return Ok(None);
    };
    // A time in the future was noted while the clock was wrong.
    if (time::now() - session_last_seen).abs() > TimeDelta::minutes(10) {
        let db = db.clone();
        // Nobody waits for this note.
        rocket::tokio::spawn(async move {
            if let Err(error) = db.write_statement(move |conn| Ok(Session::touch(conn, session_id)?)).await {
                log::warn!("session {session_id} could not be touched: {error:?}");
            }
        });
    }
    Ok(Some((user, session_id)))
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Viewer<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        match current(request).await {
            Current::Nobody => Outcome::Success(Self::default()),
            Current::Person(user, session) => Outcome::Success(Self(Some(user), Some(*session))),
            Current::Unknown(status) => Outcome::Error((*status, ())),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for User<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        match current(request).await {
            Current::Person(user, _) => Outcome::Success(Self(user)),
            Current::Nobody => {
                // The fallback route keeps what was typed and leads to the log-in.
                request.local_cache(|| LoginNeeded(Some(request.uri().to_string())));
                Outcome::Forward(Status::Unauthorized)
            }
            Current::Unknown(status) => Outcome::Error((*status, ())),
        }
    }
}

/// In the request's cache: it was turned away for want of a person; the address that it asked for.
pub struct LoginNeeded(pub Option<String>);

/// The address that wanted a log-in, if this request did.
pub fn login_needed<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    request.local_cache(|| LoginNeeded(None)).0.as_deref()
}

/// With `site.access = members` everything but these wants a log-in; what of it needs a person says so itself.
const OPEN_TO_ALL: [&str; 8] =
    ["/login", "/register", "/setup", "/static", "/healthz", "/readyz", "/password-reset", "/account/email"];

/// Turns strangers away from a site for members, before any route sees them.
///
/// Django: `LoginRequiredMiddleware`
pub struct MembersOnly;

#[rocket::async_trait]
impl Fairing for MembersOnly {
    fn info(&self) -> Info {
        Info { name: "members only", kind: Kind::Request }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        let members_only = request.rocket().state::<Site>().is_some_and(|site| site.facts().access == Access::Members);
        if !members_only {
            return;
        }
        let path = request.uri().path().as_str();
        let open = begins_with(path, &OPEN_TO_ALL);
        if open || matches!(current(request).await, Current::Person(..)) {
            return;
        }
        // An address that lets somebody in must not go on in another one.
        let asked = if paths::holds_token(request) { "/".to_owned() } else { request.uri().to_string() };
        request.local_cache(|| LoginNeeded(Some(asked)));
        if let Ok(nowhere) = Origin::parse("/.login-required") {
            request.set_uri(nowhere);
        }
    }
}

/// With `accounts.second_factor = staff`, the staff can open nothing but these without a second factor.
const OPEN_WITHOUT_CODE: [&str; 8] =
    ["/account/second-factor", "/login", "/logout", "/setup", "/static", "/healthz", "/readyz", "/password-reset"];

/// Sends staff without a second factor to the page where it is set up, before any route sees them.
pub struct StaffNeedsCode;

/// In the request's cache: it was turned away for want of a second factor.
struct CodeNeeded(bool);

/// Whether this request was turned away for want of a second factor.
pub fn code_needed(request: &Request<'_>) -> bool {
    request.local_cache(|| CodeNeeded(false)).0
}

#[rocket::async_trait]
impl Fairing for StaffNeedsCode {
    fn info(&self) -> Info {
        Info { name: "staff needs a second factor", kind: Kind::Request }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        if begins_with(request.uri().path().as_str(), &OPEN_WITHOUT_CODE) {
            return;
        }
        let user_id = match current(request).await {
            Current::Person(user, _) if user.is_staff => user.id,
            _ => return,
        };
        let Some(db) = db::of(request) else { return };
        let has_code = db.read(move |conn| Ok(models::second_factor::required(conn, user_id)?.is_some())).await;
        // What cannot be looked up is no reason to let somebody pass.
        if has_code.unwrap_or(false) {
            return;
        }
        request.local_cache(|| CodeNeeded(true));
        if let Ok(nowhere) = Origin::parse("/.second-factor-required") {
            request.set_uri(nowhere);
        }
    }
}

/// Whether a path is one of these pages or lies below one.
fn begins_with(path: &str, pages: &[&str]) -> bool {
    pages.iter().any(|page| path.strip_prefix(page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Where the request comes from, behind the trusted proxies.
pub fn address(request: &Request<'_>) -> IpAddr {
    let peer = request.remote().map_or(IpAddr::from([127, 0, 0, 1]), |remote| remote.ip());
    match request.rocket().state::<Site>() {
        Some(site) => {
            let proxy = &site.config().proxy;
            // All lines of the header: a proxy may add its own below the one that a client forged.
            let lines = request.headers().get(&proxy.header).collect::<Vec<_>>().join(",");
            client_address(peer, Some(lines.as_str()).filter(|lines| !lines.is_empty()), &proxy.trusted)
        }
        None => peer,
    }
}

/// The gate: refuses who comes too often.
pub struct Gate<'r> {
    throttle: &'r Throttle,
    address: IpAddr,
}

impl Gate<'_> {
    /// Counts one attempt of the address that this request comes from.
    ///
    /// # Errors
    /// [`Error::Throttled`].
    pub fn by_address(&self, scope: Scope) -> Result<(), Error> {
        self.throttle.check_address(scope, self.address).map_err(|after| Error::Throttled(after.0))
    }

    /// Counts one attempt of (or on) a person. The key says of what kind it is (`account:…`), so that
    /// nobody can type another kind's key.
    ///
    /// # Errors
    /// [`Error::Throttled`].
    pub fn by_key(&self, scope: Scope, key: &str) -> Result<(), Error> {
        self.throttle.check(scope, key).map_err(|after| Error::Throttled(after.0))
    }

    /// Counts one act of a user of which an email tells them: their address may be somebody else's, whose mailbox nobody fills
    /// by changing a password to and fro. Counted by the user: the address can be typed by anybody.
    ///
    /// # Errors
    /// [`Error::Throttled`].
    pub fn by_notice(&self, user: &models::User) -> Result<(), Error> {
        if user.email.is_empty() { Ok(()) } else { self.by_key(Scope::Reset, &format!("notice:{}", user.id)) }
    }

    /// Where the request comes from.
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Gate<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        match request.rocket().state::<Arc<Throttle>>() {
            Some(throttle) => Outcome::Success(Self { throttle, address: address(request) }),
            None => Outcome::Error((Status::InternalServerError, ())),
        }
    }
}
