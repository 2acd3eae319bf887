//! Static files: inside the binary, packed when it was built, under names that carry the hash of their content, so that a
//! browser keeps them for ever. In debug builds they come from disk at every request.
//!
//! Django: `django.contrib.staticfiles` and WhiteNoise.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Cursor;
use std::sync::OnceLock;

use rocket::http::uri::Origin;
use rocket::http::{ContentType, Status};
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

/// Before every other route, which Rocket looks through one by one: a page asks for several files.
const RANK: isize = -20;

/// The routes of static files, for `/static`.
pub fn routes() -> Vec<Route> {
    let mut routes = routes![file];
    for route in &mut routes {
        route.rank = RANK;
    }
    routes
}

/// The hashed address of a file, or none if there is no such file.
pub fn url(path: &str) -> Option<String> {
    Some(format!("/static/{}", Asset::find(path)?.hashed))
}

/// One static file, in each form that it may be sent in.
#[derive(Clone)]
struct Asset {
    /// Its name with the hash.
    hashed: String,
    content_type: ContentType,
    plain: Form,
    /// The smallest first; none of a picture or a font, which are packed already.
    packed: Vec<Form>,
}

/// What is sent. Other bytes, another tag.
#[derive(Clone)]
struct Form {
    bytes: Cow<'static, [u8]>,
    etag: String,
    encoding: Option<&'static str>,
}

impl Asset {
    fn new(path: &str, file: EmbeddedFile) -> Self {
        let hash: String = file.metadata.sha256_hash().iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        let packed = |bytes: &'static [u8], encoding| Form {
            bytes: bytes.into(),
            etag: format!("\"{hash}-{encoding}\""),
            encoding: Some(encoding),
        };
        let known = PACKED.iter().find(|(name, _, _)| *name == path);
        Self {
            hashed: hashed(path, &hash),
            content_type: path
                .rsplit_once('.')
                .and_then(|(_, extension)| ContentType::from_extension(extension))
                .unwrap_or(ContentType::Binary),
            plain: Form { bytes: file.data, etag: format!("\"{hash}\""), encoding: None },
            packed: known.map_or_else(Vec::new, |(_, brotli, gzip)| vec![packed(brotli, "br"), packed(gzip, "gzip")]),
        }
    }

    /// By its plain name, or by the hashed one of today.
    fn find(path: &str) -> Option<Cow<'static, Self>> {
        if !cfg!(debug_assertions) {
            return all().get(path).map(Cow::Borrowed);
        }
        // By names that are listed: from disk any other would be read, too, such as that of a link to elsewhere.
        let from_disk = |path: &str| Files::iter().any(|name| name == path).then(|| Files::get(path)).flatten();
        if let Some(file) = from_disk(path) {
            return Some(Cow::Owned(Self::new(path, file)));
        }
        let plain = unhashed(path)?;
        let asset = Self::new(&plain, from_disk(&plain)?);
        (asset.hashed == path).then_some(Cow::Owned(asset))
    }

    /// The smallest form that an `Accept-Encoding` takes.
    fn form(&self, accepted: &str) -> &Form {
        let is_taken = |form: &&Form| form.encoding.is_some_and(|encoding| takes(accepted, encoding));
        self.packed.iter().find(is_taken).unwrap_or(&self.plain)
    }
}

/// Every file of a release, by both of its names.
fn all() -> &'static HashMap<String, Asset> {
    static ALL: OnceLock<HashMap<String, Asset>> = OnceLock::new();
    ALL.get_or_init(|| {
        let assets = Files::iter().filter_map(|path| Some((Asset::new(&path, Files::get(&path)?), path.into_owned())));
        assets.flat_map(|(asset, plain)| [(asset.hashed.clone(), asset.clone()), (plain, asset)]).collect()
    })
}

/// `css/app.css` → `css/app.0a1b2c3d.css`
fn hashed(path: &str, hash: &str) -> String {
    match path.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
        None => format!("{path}.{hash}"),
    }
}

/// `css/app.0a1b2c3d.css` → `css/app.css`
fn unhashed(path: &str) -> Option<String> {
    let (rest, extension) = path.rsplit_once('.')?;
    Some(match rest.rsplit_once('.') {
        Some((stem, _)) => format!("{stem}.{extension}"),
        None => rest.to_owned(),
    })
}

/// A file, and whether a browser may keep it for ever under the name that it asked for.
struct Sent {
    asset: Cow<'static, Asset>,
    immutable: bool,
}

/// Django: `staticfiles.views.serve`
#[get("/<_..>")]
fn file(uri: &Origin<'_>) -> Option<Sent> {
    // As it was sent: no name of ours has a letter that would be written otherwise in an address.
    let path = uri.path().as_str().strip_prefix("/static/")?;
    // An old page may ask for an old hash: it gets the file of today, but must not keep it.
    let asset = Asset::find(path).or_else(|| Asset::find(&unhashed(path)?))?;
    let immutable = asset.hashed == path;
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
        let accepted = request.headers().get_one("Accept-Encoding").unwrap_or_default();
        let mut response = Response::build();
        response.header(self.asset.content_type.clone());
        let cache = if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        response.raw_header("Cache-Control", cache);
        if !self.asset.packed.is_empty() {
            response.raw_header("Vary", "Accept-Encoding");
        }
        // Of a release nothing is copied.
        let (bytes, etag, encoding) = match self.asset {
            Cow::Borrowed(asset) => {
                let Form { bytes, etag, encoding } = asset.form(accepted);
                (Cow::Borrowed(&**bytes), Cow::Borrowed(etag.as_str()), *encoding)
            }
            Cow::Owned(asset) => {
                let Form { bytes, etag, encoding } = asset.form(accepted).clone();
                (bytes, etag.into(), encoding)
            }
        };
        let is_known = headers::knows(request, &etag);
        response.raw_header("ETag", etag);
        if is_known {
            return response.status(Status::NotModified).ok();
        }
        if let Some(encoding) = encoding {
            response.raw_header("Content-Encoding", encoding);
        }
        response.sized_body(bytes.len(), Cursor::new(bytes)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_their_hash() {
        assert_eq!(hashed("css/app.css", "ababababab"), "css/app.ababababab.css");
        assert_eq!(unhashed("css/app.ababababab.css"), Some("css/app.css".into()));
        assert_eq!(unhashed(&hashed("license", "ababababab")), Some("license".into()));
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
