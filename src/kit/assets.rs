//! Static files: inside the binary, under names that carry the hash of their content, so that a
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
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The routes of static files, for `/static`.
pub fn routes() -> Vec<Route> {
    routes![file]
}

/// The hashed address of a file, or none if there is no such file.
pub fn url(path: &str) -> Option<String> {
    if cfg!(debug_assertions) {
        return Files::get(path).map(|file| hashed(path, &file.metadata.sha256_hash()));
    }
    static URLS: OnceLock<HashMap<String, String>> = OnceLock::new();
    let urls = URLS.get_or_init(|| {
        Files::iter()
            .filter_map(|path| Some((path.to_string(), hashed(&path, &Files::get(&path)?.metadata.sha256_hash()))))
            .collect()
    });
    urls.get(path).cloned()
}

/// `css/app.css` → `/static/css/app.0a1b2c3d.css`
fn hashed(path: &str, hash: &[u8; 32]) -> String {
    match path.rsplit_once('.') {
        Some((stem, extension)) => format!("/static/{stem}.{}.{extension}", short(hash)),
        None => format!("/static/{path}"),
    }
}

fn short(hash: &[u8; 32]) -> String {
    hash.iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// `css/app.0a1b2c3d.css` → (`css/app.css`, `0a1b2c3d`)
fn unhashed(path: &str) -> Option<(String, &str)> {
    let (rest, extension) = path.rsplit_once('.')?;
    let (stem, hash) = rest.rsplit_once('.')?;
    Some((format!("{stem}.{extension}"), hash))
}

/// One static file.
struct Asset {
    data: Cow<'static, [u8]>,
    content_type: ContentType,
    etag: String,
    immutable: bool,
}

/// Django: `staticfiles.views.serve`
#[get("/<path..>")]
fn file(path: PathBuf) -> Option<Asset> {
    let path = path.to_str()?.replace('\\', "/");
    let (found, immutable) = match Files::get(&path) {
        Some(found) => (found, false),
        None => {
            let (plain, asked) = unhashed(&path)?;
            let found = Files::get(&plain)?;
            // An old page may ask for an old hash: it gets the file of today, but must not keep it.
            let fresh = short(&found.metadata.sha256_hash()) == asked;
            (found, fresh)
        }
    };
    let content_type =
        path.rsplit_once('.').and_then(|(_, e)| ContentType::from_extension(e)).unwrap_or(ContentType::Binary);
    Some(Asset {
        etag: format!("\"{}\"", short(&found.metadata.sha256_hash())),
        data: found.data,
        content_type,
        immutable,
    })
}

impl<'r> Responder<'r, 'static> for Asset {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let cache = if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut response = Response::build();
        response
            .header(self.content_type)
            .header(Header::new("Cache-Control", cache))
            .header(Header::new("ETag", self.etag.clone()));
        let known = request.headers().get_one("If-None-Match");
        if known.is_some_and(|tags| {
            tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == self.etag || tag.trim() == "*")
        }) {
            return response.status(Status::NotModified).ok();
        }
        match self.data {
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
        assert_eq!(hashed("css/app.css", &[0xab; 32]), "/static/css/app.ababababab.css");
        assert_eq!(unhashed("css/app.ababababab.css"), Some(("css/app.css".into(), "ababababab")));
        assert_eq!(url("no/such.file"), None);
    }
}
