//! Cookies: the names, flags and limits of all of them.
//!
//! Django: `SESSION_COOKIE_NAME` and its siblings

use rocket::http::{Cookie as HttpCookie, SameSite};
use rocket::request::Request;
use rocket::time::Duration;

use crate::kit::config::{Config, SecretKey};

/// Longest name and value together that browsers store.
const MAX_BYTES: usize = 4096;

/// Every cookie of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// The session's token.
    Session,
    /// The secret that form tokens belong to.
    Csrf,
    /// The token of a form that was saved because it could not be accepted yet.
    SavedForm,
    /// Proof that the password was right, until the code of the second factor is given.
    SecondFactor,
    /// Proof that an account has logged in with this browser before.
    Device,
    /// The token of a password reset link that was followed.
    PasswordReset,
    /// The name of a chat guest.
    Guest,
    /// A message for the next page.
    Flash,
}

impl Cookie {
    const fn base_name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Csrf => "csrf",
            Self::SavedForm => "saved_form",
            Self::SecondFactor => "2fa",
            Self::Device => "device",
            Self::PasswordReset => "password_reset",
            Self::Guest => "guest",
            Self::Flash => "flash",
        }
    }
}

/// What the names of this site's cookies have in common; managed state.
pub struct CookieNames {
    site_id: String,
    is_https: bool,
}

impl CookieNames {
    /// Browsers send the cookies of a host to all of its ports, so each name carries an id of the site. It is made of the
    /// secret key and the port of `site_url`: processes that serve one site agree on it, and a copied data folder at another
    /// port is another site.
    pub fn new(secret: &SecretKey, config: &Config) -> Self {
        let port = config.site_url.rsplit_once(':').map_or("", |(_, port)| port).parse::<u16>().unwrap_or_default();
        let key = secret.derive(&format!("cookies of port {port}"));
        let site_id = key.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self { site_id, is_https: config.is_https() }
    }

    /// The name that browsers see. The prefix `__Host-` keeps other hosts of the domain from setting the cookie.
    pub fn full(&self, cookie: Cookie) -> String {
        let prefix = if self.is_https { "__Host-" } else { "" };
        format!("{prefix}chaupal_{}_{}", cookie.base_name(), self.site_id)
    }
}

/// Returns the cookie's value if the browser sent one.
pub fn get<'r>(request: &'r Request<'_>, cookie: Cookie) -> Option<&'r str> {
    Some(request.cookies().get(&names(request)?.full(cookie))?.value())
}

/// Returns the value that the browser will have after this response.
pub fn get_pending(request: &Request<'_>, cookie: Cookie) -> Option<String> {
    Some(request.cookies().get_pending(&names(request)?.full(cookie))?.value().to_owned())
}

/// Sets a cookie that goes when the browser is closed, or after `max_age`.
pub fn set(request: &Request<'_>, cookie: Cookie, value: String, max_age: Option<Duration>) {
    let Some(mut built) = build(request, cookie, value) else { return };
    if built.name().len() + built.encoded().stripped().to_string().len() > MAX_BYTES {
        return log::warn!("the cookie {} is too large for browsers and was not set", built.name());
    }
    built.set_max_age(max_age);
    request.cookies().add(built);
}

/// Removes a cookie from the browser.
pub fn remove(request: &Request<'_>, cookie: Cookie) {
    // Browsers ignore the removal of a `__Host-` cookie that lacks the flags it was set with.
    if let Some(built) = build(request, cookie, String::new()) {
        request.cookies().remove(built);
    }
}

fn build(request: &Request<'_>, cookie: Cookie, value: String) -> Option<HttpCookie<'static>> {
    let names = names(request)?;
    let built = HttpCookie::build((names.full(cookie), value));
    Some(built.path("/").http_only(true).same_site(SameSite::Lax).secure(names.is_https).build())
}

fn names<'r>(request: &'r Request<'_>) -> Option<&'r CookieNames> {
    request.rocket().state()
}
