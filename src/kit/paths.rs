//! Addresses: both slash forms, ids that are numbers, a safe way back, and the 405 that the router
//! does not know.

use std::borrow::Cow;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Method;
use rocket::http::uri::Origin;
use rocket::request::{FromParam, Request};
use rocket::{Data, Orbit, Rocket, Route};

use crate::kit::origin;

/// An id in a path. What is no number is no row: the route is passed over, which ends in a 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub i64);

/// `<id>` was no number.
#[derive(Debug)]
pub struct NoId;

impl<'a> FromParam<'a> for Id {
    type Error = NoId;

    fn from_param(param: &'a str) -> Result<Self, NoId> {
        let digits = !param.is_empty() && param.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(NoId);
        }
        param.parse().map(Id).map_err(|_| NoId)
    }
}

/// The method that was asked for. Rocket answers HEAD by a GET, and its routes see no difference.
pub fn method_of(request: &Request<'_>) -> Method {
    struct Asked(Method);
    request.local_cache(|| Asked(request.method())).0
}

/// `/rooms/1/` is `/rooms/1`.
///
/// Django: `APPEND_SLASH`, without the detour.
pub struct TrailingSlash;

#[rocket::async_trait]
impl Fairing for TrailingSlash {
    fn info(&self) -> Info {
        Info { name: "trailing slash", kind: Kind::Request }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        if request.method() == Method::Head {
            // Kept in mind before Rocket makes it a GET.
            method_of(request);
        }
        let path = request.uri().path().as_str();
        if path.len() < 2 || !path.ends_with('/') {
            return;
        }
        let bare = path.trim_end_matches('/');
        let bare = if bare.is_empty() { "/" } else { bare };
        let whole = match request.uri().query() {
            Some(query) => format!("{bare}?{query}"),
            None => bare.to_owned(),
        };
        if let Ok(uri) = Origin::parse_owned(whole) {
            request.set_uri(uri);
        }
    }
}

/// The methods that have a route at `path`, for `Allow`. Routes of rank 100 and above are
/// fallbacks and do not count.
pub fn allowed_methods(rocket: &Rocket<Orbit>, path: &str) -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    for route in rocket.routes().filter(|route| route.rank < 100 && matches_path(route, path)) {
        if !methods.contains(&route.method) {
            methods.push(route.method);
        }
        if route.method == Method::Get && !methods.contains(&Method::Head) {
            methods.push(Method::Head);
        }
    }
    methods
}

/// Whether `route` has this path, whatever its method.
pub fn matches_path(route: &Route, path: &str) -> bool {
    let pattern = route.uri.path();
    let mut wanted = pattern.split('/').filter(|s| !s.is_empty());
    let mut given = path.split('/').filter(|s| !s.is_empty());
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(w), _) if w.starts_with('<') && w.ends_with("..>") => return true,
            (Some(w), Some(g)) if w == g || (w.starts_with('<') && w.ends_with('>')) => {}
            _ => return false,
        }
    }
}

/// No token of ours is shorter.
const SHORTEST_TOKEN: usize = 16;

/// A request's path as the log may show it: where some route has a `<token>`, that lets somebody in. Where there is no
/// route at all, a link may have been mistyped, so nothing of it is shown that is as long as a token.
pub fn without_tokens<'r>(request: &'r Request<'_>) -> Cow<'r, str> {
    mask_tokens(request.rocket(), request.uri().path().as_str())
}

/// The same of any path.
pub fn mask_tokens<'p>(rocket: &Rocket<Orbit>, path: &'p str) -> Cow<'p, str> {
    // Most paths need no second look.
    if !path.split('/').any(is_long) {
        return path.into();
    }
    let mut known = rocket.routes().filter(|route| route.rank < 100 && matches_path(route, path)).peekable();
    if known.peek().is_none() {
        return unknown(path).into();
    }
    match known.find(|route| route.uri.path().contains("<token>")) {
        Some(route) => masked(route.uri.path(), path).into(),
        None => path.into(),
    }
}

/// Whether this request's address may let somebody in; see [`without_tokens`].
pub fn holds_token(request: &Request<'_>) -> bool {
    without_tokens(request) != request.uri().path().as_str()
}

fn is_long(part: &str) -> bool {
    part.len() >= SHORTEST_TOKEN
}

/// `path` with an ellipsis in place of each long part.
fn unknown(path: &str) -> String {
    path.split('/').map(|part| if is_long(part) { "…" } else { part }).collect::<Vec<_>>().join("/")
}

/// `path` with an ellipsis in place of each part that `pattern` calls a token.
fn masked(pattern: &str, path: &str) -> String {
    let parts = |text| str::split(text, '/').filter(|part| !part.is_empty());
    let shown = parts(pattern).zip(parts(path)).map(|(wanted, given)| if wanted == "<token>" { "…" } else { given });
    shown.flat_map(|part| ["/", part]).collect()
}

/// `path` if it leads to a page of this site, else none: `//evil.example`, `/\evil.example` and
/// whole addresses lead away.
///
/// Django: `url_has_allowed_host_and_scheme`
pub fn local(path: &str) -> Option<String> {
    let fine = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(|c| c.is_control() || c.is_whitespace());
    if !fine || path.len() > 2000 {
        return None;
    }
    Origin::parse(path).ok().map(|origin| origin.to_string())
}

/// The page of this site that the browser says it comes from.
pub fn referer(request: &Request<'_>) -> Option<String> {
    let path = origin::own_path(request, request.headers().get_one("Referer")?)?;
    if path.is_empty() { Some("/".into()) } else { local(path) }
}

/// The page that held the form which was sent to `asked`: where the browser comes from, or the
/// nearest address above that is a page. A form that came back with errors stands at the address
/// that it was sent to, which may be none.
pub fn form_page(request: &Request<'_>, asked: &str) -> String {
    let nearest = |from: &str| {
        let mut path = from.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        while !path.is_empty() {
            if allowed_methods(request.rocket(), path).contains(&Method::Get) {
                return Some(path.to_owned());
            }
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
        None
    };
    referer(request).as_deref().and_then(nearest).or_else(|| nearest(asked)).unwrap_or_else(|| "/".into())
}

/// Where "go back" leads: the page of ours that one came from, unless it is this very page or one
/// that only asks for a log-in; else the home page.
pub fn back(request: &Request<'_>) -> String {
    let here = request.uri().path().as_str();
    referer(request)
        .filter(|path| {
            let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
            path != here && !matches!(path, "/login" | "/register" | "/logout") && !path.starts_with("/setup")
        })
        .unwrap_or_else(|| "/".into())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use url::Url;

    use super::*;
    use crate::kit::fuzz;

    #[test]
    fn tokens_are_not_shown() {
        let pattern = "/password-reset/<uid>/<token>";
        assert_eq!(
            masked(pattern, "/password-reset/7/6b06b5f7-9wdH9Wx9TOoXCiEeHDwZ_aXSOmB7tTVkd9i5emb3q_k"),
            "/password-reset/7/…"
        );
        assert_eq!(masked(pattern, "//password-reset/7//abc"), "/password-reset/7/…");
        assert_eq!(unknown("/Password-Reset/2/6b06b5f7-9wdH9Wx9TO/x"), "/Password-Reset/2/…/x");
    }

    #[test]
    fn only_our_own_pages_are_local() {
        assert_eq!(local("/rooms/1?before=3"), Some("/rooms/1?before=3".into()));
        for evil in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "evil",
            "",
            "/a\nb",
            "/\t/evil.example",
            "javascript:alert(1)",
        ] {
            assert_eq!(local(evil), None, "{evil:?}");
        }
    }

    #[test]
    fn local_path_stays_on_the_site_for_a_browser_too() {
        let pieces = vec![
            "/",
            "//",
            "\\",
            ".",
            "..",
            "@",
            ":",
            "?",
            "#",
            "%2f",
            "%5c",
            "%09",
            "\t",
            " ",
            "evil.example",
            "a",
            "é",
            "\0",
        ];
        let piece = prop_oneof![9 => select(pieces).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
        let page = Url::parse("https://chat.example.org/rooms/1").unwrap();
        let found = std::cell::Cell::new(0);
        fuzz::check(3_000, (prop::bool::ANY, vec(piece, 0..8)), |(is_rooted, pieces)| {
            let text = format!("{}{}", if is_rooted { "/" } else { "" }, pieces.concat());
            let Some(path) = local(&text) else { return };
            found.set(found.get() + 1);
            let target = page.join(&path).unwrap();
            assert_eq!(target.origin(), page.origin(), "{path}");
            assert!(!path.contains(char::is_control) && path.starts_with('/'), "{path}");
        });
        assert!(found.get() > 200, "{} were local", found.get());
    }

    #[test]
    fn ids_are_plain_numbers() {
        assert_eq!(Id::from_param("12").ok(), Some(Id(12)));
        for wrong in ["", "-1", "+1", "1a", "99999999999999999999", "१२"] {
            assert!(Id::from_param(wrong).is_err(), "{wrong:?}");
        }
    }
}
