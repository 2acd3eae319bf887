//! Origins: which URLs that a browser names in a header are of this site.

use rocket::request::Request;

/// The setting `site_url`; managed state.
pub struct SiteUrl(pub String);

/// Returns the host and port that the request was sent to: `Host`, or with HTTP/2 the authority of its address.
pub fn host(request: &Request<'_>) -> Option<String> {
    request.host().map(|host| match host.port() {
        Some(port) => format!("{}:{port}", host.domain()),
        None => host.domain().to_string(),
    })
}

/// Returns whether `origin`, as in the header `Origin`, is the site's: that of `site_url`, or the host that the request was
/// sent to. A proxy may leave the port out of `Host`, or send its own name for the server.
///
/// Django: `CsrfViewMiddleware._origin_verified`
pub fn is_own(request: &Request<'_>, origin: &str) -> bool {
    own_path(request, origin) == Some("")
}

/// Returns what follows the origin in the URL of a page of this site.
pub fn own_path<'u>(request: &Request<'_>, url: &'u str) -> Option<&'u str> {
    let (scheme, rest) = url.split_once("://")?;
    let usual_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let without_usual = |authority: &str| authority.strip_suffix(usual_port).unwrap_or(authority).to_ascii_lowercase();
    let authority = without_usual(authority);
    if authority.is_empty() {
        return None;
    }
    let is_site = request
        .rocket()
        .state::<SiteUrl>()
        .and_then(|site| site.0.split_once("://"))
        .is_some_and(|(site_scheme, site)| site_scheme == scheme && site == authority);
    let is_own = is_site || host(request).is_some_and(|host| without_usual(&host) == authority);
    is_own.then_some(path)
}
