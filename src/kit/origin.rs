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
    let site = request.rocket().state::<SiteUrl>();
    path_below(url, site.map(|site| site.0.as_str()), host(request).as_deref())
}

/// Returns what follows the origin in `url` if that is the origin `site_url`, or has the host and port `host`.
fn path_below<'u>(url: &'u str, site_url: Option<&str>, host: Option<&str>) -> Option<&'u str> {
    let (scheme, rest) = url.split_once("://")?;
    let usual_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let without_usual = |authority: &str| {
        // Behind another port it is no port: such a URL is nobody's.
        let host = authority.strip_suffix(usual_port).filter(|host| !host.contains(':') || host.ends_with(']'));
        host.unwrap_or(authority).to_ascii_lowercase()
    };
    let authority = without_usual(authority);
    if authority.is_empty() {
        return None;
    }
    let is_site = site_url
        .and_then(|site| site.split_once("://"))
        .is_some_and(|(site_scheme, site)| site_scheme == scheme && site == authority);
    let is_own = is_site || host.is_some_and(|host| without_usual(host) == authority);
    is_own.then_some(path)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;
    use url::Url;

    use super::*;
    use crate::kit::fuzz;

    /// What origins, and what is taken for them, are made of.
    const PIECES: [&str; 32] = [
        "http",
        "https",
        "ftp",
        "HTTP",
        ":",
        "//",
        "/",
        "\\",
        "@",
        ".",
        "?",
        "#",
        ":80",
        ":443",
        ":8080",
        ":0",
        "%2e",
        "%00",
        "\t",
        " ",
        "\0",
        "\u{3002}",
        "\u{202e}",
        "xn--",
        "chat",
        "example",
        "org",
        "chat.example.org",
        "evil",
        "[::1]",
        "127.0.0.1",
        "null",
    ];

    /// As the setting is kept: lower case, no port that goes without saying.
    const SITES: [&str; 4] =
        ["http://chat.example.org:8080", "https://chat.example.org", "http://127.0.0.1:8000", "https://[::1]:8443"];

    const HOSTS: [&str; 7] =
        ["chat.example.org", "CHAT.example.org:8080", "backend", "127.0.0.1:80", "[::1]", "evil.example:443", "chat"];

    fn made_of_pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![12 => select(PIECES.to_vec()).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
        let start = select(vec![
            "",
            "http://",
            "https://",
            "http://chat.example.org",
            "https://chat.example.org",
            "http://chat.",
        ]);
        (start, vec(piece, 0..5)).prop_map(|(start, pieces)| format!("{start}{}", pieces.concat()))
    }

    /// The origin as browsers understand it.
    fn origin_of(url: &str) -> Option<url::Origin> {
        Url::parse(url).ok().map(|url| url.origin())
    }

    #[test]
    fn accepted_url_is_of_the_site_or_of_the_host_for_a_browser_too() {
        let accepted = std::cell::Cell::new(0);
        let inputs = (made_of_pieces(), select(SITES.to_vec()), prop::option::of(select(HOSTS.to_vec())));
        fuzz::check(5_000, inputs, |(url, site, host)| {
            let Some(path) = path_below(&url, Some(site), host) else { return };
            accepted.set(accepted.get() + 1);
            let scheme = url.split(':').next().unwrap();
            let own = [Some(site.to_owned()), host.map(|host| format!("{scheme}://{host}"))];
            let own = own.iter().flatten().map(|own| origin_of(own));
            assert!(own.into_iter().any(|own| own == origin_of(&url)), "{url}");
            assert!(path.is_empty() || path.starts_with(['/', '?', '#']), "{path}");
            assert!(url.ends_with(path));
        });
        assert!(accepted.get() > 100, "{} were accepted", accepted.get());
    }

    #[test]
    fn origin_with_two_ports_is_refused() {
        let site = Some("http://chat.example.org:8080");
        assert_eq!(path_below("http://chat.example.org:8080:80", site, None), None);
        assert_eq!(path_below("http://[::1]:8080:80", None, Some("[::1]:8080")), None);
        assert_eq!(path_below("http://[::1]:80/a", None, Some("[::1]")), Some("/a"));
    }

    #[test]
    fn any_text_is_an_origin_only_with_a_scheme_of_the_web() {
        fuzz::check(1_000, (prop_oneof![any::<String>(), made_of_pieces()], any::<String>()), |(url, site)| {
            // Whatever stands for the host, the request was sent to that.
            let (scheme, rest) = url.split_once("://").unwrap_or_default();
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let is_web = match scheme {
                "http" => !matches!(host, "" | ":80"),
                "https" => !matches!(host, "" | ":443"),
                _ => false,
            };
            assert_eq!(path_below(&url, Some(&site), Some(host)).is_some(), is_web);
            assert_eq!(path_below(&url, None, None), None);
        });
    }

    #[test]
    fn origin_of_the_site_and_of_the_host_is_always_accepted() {
        let host = r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z0-9]{1,8}){0,3}|\[[0-9a-f]{1,4}::[0-9a-f]{1,4}\]|([1-9][0-9]?\.){3}[0-9]{1,2}";
        let path = r"([/?#]\PC{0,20})?";
        let inputs = (
            select(vec!["http", "https"]),
            host,
            prop::option::of(prop_oneof![1..=u16::MAX, Just(80), Just(443)]),
            path,
            any::<bool>(),
        );
        fuzz::check(1_000, inputs, |(scheme, host, port, path, is_upper)| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let usual = if scheme == "http" { ":80" } else { ":443" };
            let authority = format!("{host}{port}");
            let site = format!("{scheme}://{}", authority.strip_suffix(usual).unwrap_or(&authority));
            let written = if is_upper { authority.to_uppercase() } else { authority.clone() };
            let url = format!("{scheme}://{written}{path}");
            assert_eq!(path_below(&url, Some(&site), None), Some(path.as_str()), "{url} of {site}");
            assert_eq!(path_below(&url, None, Some(&authority)), Some(path.as_str()), "{url} at {authority}");
            assert_eq!(path_below(&url, Some("http://elsewhere.example:1"), Some("other.example:2")), None, "{url}");
        });
    }
}
