//! Static files: inside the binary, packed when it was built, under names that carry the hash of their content, so that a
//! browser keeps them for ever. In debug builds they come from disk at every request.
//!
//! Django: `django.contrib.staticfiles` and WhiteNoise.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use rocket::http::{ContentType, Header, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};
use rocket::{Route, get, routes};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::kit::headers;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

// Name, Brotli, gzip; empty in debug builds. build.rs writes it.
include!(concat!(env!("OUT_DIR"), "/packed.rs"));

/// The routes of static files, for `/static`.
pub fn routes() -> Vec<Route> {
    routes![file]
}

/// The hashed address of a file, or none if there is no such file.
pub fn url(path: &str) -> Option<String> {
    let asset = match all() {
        Some(assets) => return assets.get(path).map(|asset| asset.url.clone()),
        None => Asset::new(path, Files::get(path)?),
    };
    Some(asset.url)
}

/// Every file by its plain name, in a release; a debug build looks anew each time.
fn all() -> Option<&'static HashMap<String, Asset>> {
    static ALL: OnceLock<HashMap<String, Asset>> = OnceLock::new();
    if cfg!(debug_assertions) {
        return None;
    }
    Some(ALL.get_or_init(|| {
        Files::iter().filter_map(|path| Some((path.to_string(), Asset::new(&path, Files::get(&path)?)))).collect()
    }))
}

/// One static file, in each form that it may be sent in.
#[derive(Clone)]
struct Asset {
    url: String,
    hash: String,
    content_type: ContentType,
    plain: Cow<'static, [u8]>,
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

impl Asset {
    fn new(path: &str, file: EmbeddedFile) -> Self {
        let hash: String = file.metadata.sha256_hash().iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        let packed = PACKED.iter().find(|(name, _, _)| *name == path);
        Self {
            url: hashed(path, &hash),
            content_type: path
                .rsplit_once('.')
                .and_then(|(_, extension)| ContentType::from_extension(extension))
                .unwrap_or(ContentType::Binary),
            plain: file.data,
            brotli: packed.map(|(_, brotli, _)| *brotli),
            gzip: packed.map(|(_, _, gzip)| *gzip),
            hash,
        }
    }

    fn find(path: &str) -> Option<Self> {
        match all() {
            Some(assets) => assets.get(path).cloned(),
            None => Files::get(path).map(|file| Self::new(path, file)),
        }
    }
}

/// `css/app.css` → `/static/css/app.0a1b2c3d.css`
fn hashed(path: &str, hash: &str) -> String {
    match path.rsplit_once('.') {
        Some((stem, extension)) => format!("/static/{stem}.{hash}.{extension}"),
        None => format!("/static/{path}"),
    }
}

/// `css/app.0a1b2c3d.css` → (`css/app.css`, `0a1b2c3d`)
fn unhashed(path: &str) -> Option<(String, &str)> {
    let (rest, extension) = path.rsplit_once('.')?;
    let (stem, hash) = rest.rsplit_once('.')?;
    Some((format!("{stem}.{extension}"), hash))
}

/// A file, and whether a browser may keep it for ever under the name that it asked for.
struct Sent {
    asset: Asset,
    immutable: bool,
}

/// Django: `staticfiles.views.serve`
#[get("/<path..>")]
fn file(path: PathBuf) -> Option<Sent> {
    let path = path.to_str()?;
    if let Some(asset) = Asset::find(path) {
        return Some(Sent { asset, immutable: false });
    }
    let (plain, asked) = unhashed(path)?;
    let asset = Asset::find(&plain)?;
    // An old page may ask for an old hash: it gets the file of today, but must not keep it.
    let immutable = asset.hash == asked;
    Some(Sent { asset, immutable })
}

/// Whether an `Accept-Encoding` takes this one.
fn takes(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
        name.trim().eq_ignore_ascii_case(encoding) && !refused
    })
}

impl<'r> Responder<'r, 'static> for Sent {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let Asset { hash, content_type, plain, brotli, gzip, .. } = self.asset;
        let is_packed = brotli.is_some() || gzip.is_some();
        let accepted = request.headers().get_one("Accept-Encoding").unwrap_or_default();
        let (body, encoding) = match (brotli, gzip) {
            (Some(brotli), _) if takes(accepted, "br") => (Cow::Borrowed(brotli), Some("br")),
            (_, Some(gzip)) if takes(accepted, "gzip") => (Cow::Borrowed(gzip), Some("gzip")),
            _ => (plain, None),
        };
        // Other bytes, another tag.
        let etag = encoding.map_or_else(|| format!("\"{hash}\""), |encoding| format!("\"{hash}-{encoding}\""));
        let cache = if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut response = Response::build();
        response.header(content_type).header(Header::new("Cache-Control", cache));
        if is_packed {
            response.header(Header::new("Vary", "Accept-Encoding"));
        }
        let is_known = headers::knows(request, &etag);
        response.header(Header::new("ETag", etag));
        if is_known {
            return response.status(Status::NotModified).ok();
        }
        if let Some(encoding) = encoding {
            response.header(Header::new("Content-Encoding", encoding));
        }
        match body {
            Cow::Borrowed(bytes) => response.sized_body(bytes.len(), std::io::Cursor::new(bytes)),
            Cow::Owned(bytes) => response.sized_body(bytes.len(), std::io::Cursor::new(bytes)),
        };
        response.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_hash() {
        assert_eq!(hashed("css/app.css", "ababababab"), "/static/css/app.ababababab.css");
        assert_eq!(unhashed("css/app.ababababab.css"), Some(("css/app.css".into(), "ababababab")));
        assert_eq!(url("no/such.file"), None);
    }

    #[test]
    fn an_encoding_is_taken_unless_it_is_refused() {
        for accepted in ["br", "gzip, deflate, br, zstd", "gzip;q=0.5, BR;q=1", "br;q=0.001"] {
            assert!(takes(accepted, "br"), "{accepted}");
        }
        for accepted in ["", "gzip", "br;q=0", "br; q=0.0", "brotli", "*"] {
            assert!(!takes(accepted, "br"), "{accepted}");
        }
    }
}
