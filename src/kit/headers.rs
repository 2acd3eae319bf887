//! The headers that every answer carries, errors included, and those that every page does.
//!
//! Django: `django.middleware.security` and `clickjacking`.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::uri::Origin;
use rocket::http::{Header, Method};
use rocket::{Data, Request, Response};

use crate::kit::db;

/// A page: no inline script, no inline style, nothing from another host, no frame around us.
const POLICY_OF_PAGES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// All else, such as a drawing that is opened by itself: it loads nothing and does nothing.
const POLICY_OF_FILES: &str = "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Adds those that depend on nothing but whether it is a page. Catchers do it too: for a request that cannot be read, such
/// as one with an unknown method, no fairing is asked.
pub fn add_fixed(response: &mut Response<'_>) {
    let everywhere = [
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ];
    let on_pages = [
        ("Content-Security-Policy", POLICY_OF_PAGES),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ];
    let on_files = [("Content-Security-Policy", POLICY_OF_FILES)];
    // Each header takes time, and files are many.
    let others = if is_page(response) { on_pages.as_slice() } else { &on_files };
    for (name, value) in everywhere.iter().chain(others) {
        response.set_raw_header(*name, *value);
    }
}

fn is_page(response: &Response<'_>) -> bool {
    response.headers().get_one("Content-Type").is_some_and(|kind| kind.starts_with("text/html"))
}

/// Whether the sender says that he has what this tag (with its quotes) names.
///
/// Django: `ConditionalGetMiddleware`
pub fn knows(request: &Request<'_>, etag: &str) -> bool {
    let is_it = |tag: &str| tag.trim_start_matches("W/") == etag || tag == "*";
    request.headers().get("If-None-Match").flat_map(|tags| tags.split(',')).any(|tag| is_it(tag.trim()))
}

/// Refuses a request with several `Host` headers: a proxy before us may have read another one than we do. RFC 9112, 3.2.
pub struct SingleHost;

/// What [`SingleHost`] found, in the request's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostCheck {
    /// The request has at most one.
    Passed,
    /// The request has several, and was led to an address that does not exist.
    Refused,
    /// No fairing saw the request: Rocket does not know its method.
    Unseen,
}

impl HostCheck {
    /// Returns what was found in this request.
    pub fn of(request: &Request<'_>) -> Self {
        *request.local_cache(|| Self::Unseen)
    }
}

#[rocket::async_trait]
impl Fairing for SingleHost {
    fn info(&self) -> Info {
        Info { name: "single host", kind: Kind::Request }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        let is_refused = request.headers().get("Host").nth(1).is_some();
        request.local_cache(|| if is_refused { HostCheck::Refused } else { HostCheck::Passed });
        if is_refused && let Ok(nowhere) = Origin::parse("/.several-hosts") {
            request.set_uri(nowhere);
        }
    }
}

/// The fairing that adds them.
pub struct SecurityHeaders {
    /// `site_url` is https: browsers are told to stay there.
    pub https: bool,
    /// Another host from which pictures may come.
    pub pictures_from: Option<String>,
    /// Debug pages tell how many SQL statements they took.
    pub count_statements: bool,
}

#[rocket::async_trait]
impl Fairing for SecurityHeaders {
    fn info(&self) -> Info {
        Info { name: "security headers", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        add_fixed(response);
        if let Some(origin) = self.pictures_from.as_ref().filter(|_| is_page(response)) {
            let policy = POLICY_OF_PAGES.replace("img-src 'self'", &format!("img-src 'self' {origin}"));
            response.set_raw_header("Content-Security-Policy", policy);
        }
        if self.https {
            response.set_raw_header("Strict-Transport-Security", "max-age=31536000");
        }
        // A page shows who is logged in: neither a proxy nor the back button after a log-out may show it again.
        if !response.headers().contains("Cache-Control") && request.method() != Method::Options {
            response.set_header(Header::new("Cache-Control", "private, no-cache"));
            response.adjoin_raw_header("Vary", "Cookie");
        }
        if self.count_statements {
            let statements = db::of(request).map_or(0, db::Db::statements);
            response.set_header(Header::new("X-Sql-Statements", statements.to_string()));
        }
    }
}
