//! Cross-site request forgery: a token in every form, tied to a cookie by a MAC, and a look at
//! where the request came from.
//!
//! Django: `django.middleware.csrf`. As there, the token differs on every page (it carries its own
//! random half), so that a compressed answer does not give it away.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use rocket::http::{Cookie, SameSite};
use rocket::request::Request;
use sha2::Sha256;

use crate::kit::error::Error;
use crate::kit::random;

/// The cookie's name, as in Django.
pub const COOKIE: &str = "csrftoken";

/// The header that scripts send the token in.
pub const HEADER: &str = "X-CSRF-Token";

/// The form fields that may carry the token.
pub const FIELDS: [&str; 2] = ["csrf_token", "csrfmiddlewaretoken"];

/// What tokens are signed with; managed state.
pub struct CsrfKey(pub [u8; 32]);

/// Whether cookies may travel over plain HTTP; managed state, true when `site_url` is https.
pub struct SecureCookies(pub bool);

/// A cookie with the flags that all of ours have.
pub fn cookie(request: &Request<'_>, name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(request.rocket().state::<SecureCookies>().is_some_and(|secure| secure.0))
        .build()
}

/// A token for a form on this page. Sets the cookie when the browser has none yet.
pub fn token(request: &Request<'_>) -> String {
    let secret = request.local_cache(|| {
        if let Some(cookie) = request.cookies().get(COOKIE).filter(|c| c.value().len() == 32) {
            return Secret(cookie.value().to_owned());
        }
        let fresh = random::token(24);
        request.cookies().add(cookie(request, COOKIE, fresh.clone()));
        Secret(fresh)
    });
    let nonce = random::bytes::<12>();
    let mut token = nonce.to_vec();
    token.extend_from_slice(&mac(request, &nonce, &secret.0));
    BASE64.encode(token)
}

/// A new secret, so that a token from before a log-in or log-out is worth nothing after it.
pub fn rotate(request: &Request<'_>) {
    request.cookies().add(cookie(request, COOKIE, random::token(24)));
}

struct Secret(String);

fn mac(request: &Request<'_>, nonce: &[u8], secret: &str) -> [u8; 32] {
    let key = request.rocket().state::<CsrfKey>().map_or([0; 32], |key| key.0);
    keyed(&key, nonce, secret).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
}

fn keyed(key: &[u8; 32], nonce: &[u8], secret: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(nonce);
    mac.update(secret.as_bytes());
    Some(mac)
}

/// Refuses a request that does not come from a page of this site.
///
/// # Errors
/// [`Error::Csrf`].
pub fn verify(request: &Request<'_>, field: Option<&str>) -> Result<(), Error> {
    if !same_origin(request) {
        return Err(Error::Csrf);
    }
    let sent = field.or_else(|| request.headers().get_one(HEADER)).ok_or(Error::Csrf)?;
    let secret = request.cookies().get(COOKIE).ok_or(Error::Csrf)?;
    let token = BASE64.decode(sent).map_err(|_| Error::Csrf)?;
    let (nonce, signature) = token.split_at_checked(12).ok_or(Error::Csrf)?;
    let key = request.rocket().state::<CsrfKey>().ok_or(Error::Csrf)?;
    keyed(&key.0, nonce, secret.value()).ok_or(Error::Csrf)?.verify_slice(signature).map_err(|_| Error::Csrf)
}

/// What the browser itself says of the request's origin, where it says anything.
fn same_origin(request: &Request<'_>) -> bool {
    let headers = request.headers();
    if let Some(site) = headers.get_one("Sec-Fetch-Site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = headers.get_one("Origin") else { return true };
    let Some(host) = headers.get_one("Host") else { return false };
    let stripped = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    stripped.is_some_and(|origin_host| origin_host.eq_ignore_ascii_case(host))
}
