//! Cross-site request forgery: a token in every form, tied to a cookie by a MAC, and a look at
//! where the request came from.
//!
//! Django: `django.middleware.csrf`. As there, the token differs on every page (it carries its own
//! random half), so that a compressed answer does not give it away.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use rocket::request::Request;
use sha2::Sha256;

use crate::kit::cookies::{self, Cookie};
use crate::kit::{origin, random};

/// The header that scripts send the token in.
pub const HEADER: &str = "X-CSRF-Token";

/// The form fields that may carry the token.
pub const FIELDS: [&str; 2] = ["csrf_token", "csrfmiddlewaretoken"];

/// Longest part of a foreign origin that the log and the page show.
const MAX_ORIGIN: usize = 200;

/// What tokens are signed with; managed state.
pub struct CsrfKey(pub [u8; 32]);

/// A token for a form on this page. Sets the cookie when the browser has none yet.
///
/// It belongs to the session too: whoever knew a token and its cookie before a log-in knows none that is good after it.
pub fn token(request: &Request<'_>) -> String {
    let Secrets { csrf, session } = request.local_cache(|| {
        let session = cookies::get_pending(request, Cookie::Session).unwrap_or_default();
        let csrf = cookies::get_pending(request, Cookie::Csrf).filter(|value| is_secret(value)).unwrap_or_else(|| {
            let fresh = random::token(24);
            cookies::set(request, Cookie::Csrf, fresh.clone(), None);
            fresh
        });
        Secrets { csrf, session }
    });
    let nonce = random::bytes::<12>();
    let key = request.rocket().state::<CsrfKey>().map_or([0; 32], |key| key.0);
    let mac = keyed(&key, &nonce, csrf, session).map_or([0; 32], |mac| mac.finalize().into_bytes().into());
    BASE64.encode([nonce.as_slice(), &mac].concat())
}

/// A new secret, so that a token from before a log-in or log-out is worth nothing after it.
pub fn rotate(request: &Request<'_>) {
    cookies::set(request, Cookie::Csrf, random::token(24), None);
}

/// The cookies that a token belongs to.
struct Secrets {
    csrf: String,
    session: String,
}

fn is_secret(value: &str) -> bool {
    value.len() == 32
}

fn keyed(key: &[u8; 32], nonce: &[u8], csrf: &str, session: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(nonce);
    mac.update(csrf.as_bytes());
    mac.update(session.as_bytes());
    Some(mac)
}

/// Why a form was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The browser says that the form stood on a page of this site; its token is of another session or none.
    Stale,
    /// Neither the token nor the browser says that the form stood on a page of this site.
    Unproven,
    /// The browser says that the form stood on a page of another site.
    CrossSite,
    /// The form's `Origin` is neither `site_url` nor the host that the request was sent to.
    UnknownOrigin(String),
}

/// Refuses a request that does not come from a page of this site.
///
/// Django: `CsrfViewMiddleware.process_view`
///
/// # Errors
/// The reason.
pub fn verify(request: &Request<'_>, field: Option<&str>) -> Result<(), Refusal> {
    let is_vouched_for = comes_from_here(request)?;
    let sent = field.or_else(|| request.headers().get_one(HEADER));
    match sent {
        Some(sent) if is_valid(request, sent) => Ok(()),
        _ if is_vouched_for => Err(Refusal::Stale),
        _ => Err(Refusal::Unproven),
    }
}

fn is_valid(request: &Request<'_>, token: &str) -> bool {
    let Some(csrf) = cookies::get(request, Cookie::Csrf).filter(|value| is_secret(value)) else { return false };
    let session = cookies::get(request, Cookie::Session).unwrap_or_default();
    let (Ok(token), Some(key)) = (BASE64.decode(token), request.rocket().state::<CsrfKey>()) else { return false };
    let Some((nonce, signature)) = token.split_at_checked(12) else { return false };
    keyed(&key.0, nonce, csrf, session).is_some_and(|mac| mac.verify_slice(signature).is_ok())
}

/// Returns whether the browser says that the request comes from a page of this site; old ones say nothing.
fn comes_from_here(request: &Request<'_>) -> Result<bool, Refusal> {
    let headers = request.headers();
    match (headers.get_one("Sec-Fetch-Site"), headers.get_one("Origin")) {
        (Some("same-origin" | "none"), _) => Ok(true),
        (Some(_), _) => Err(Refusal::CrossSite),
        (None, None) => Ok(false),
        (None, Some(origin)) if origin::is_own(request, origin) => Ok(true),
        (None, Some("null")) => Err(Refusal::CrossSite),
        (None, Some(origin)) => Err(Refusal::UnknownOrigin(origin.chars().take(MAX_ORIGIN).collect())),
    }
}
