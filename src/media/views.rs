//! Pictures over HTTP.

use std::convert::Infallible;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use rocket::form::FromForm;
use rocket::http::{ContentType, Method, Status};
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};
use rocket::response::{self, Responder, Response};
use rocket::serde::json::Json;
use rocket::{State, get, post};
use serde_json::{Value, json};

use super::uploads::Uploads;
use crate::accounts::guards::User;
use crate::accounts::site::Site;
use crate::kit::config::Access;
use crate::kit::error::Error;
use crate::kit::forms::FieldErrors;
use crate::kit::headers;
use crate::kit::i18n::{Catalogue, FALLBACK, Text};
use crate::kit::multipart::PostWithFile;
use crate::kit::paths::method_of;
use crate::kit::pictures::{Pictures, Shape};
use crate::kit::storage::{Name, Object, Storage, StorageError};

/// What the picture is for.
#[derive(FromForm)]
pub struct ShapeForm {
    #[field(default = String::new())]
    shape: String,
}

/// Takes in one picture before the form around it is sent; the script of the page shows how far it is. The answer names
/// it for the form's hidden field, or says what is wrong with it.
#[post("/pictures", data = "<form>")]
pub async fn upload(
    user: User<'_>,
    uploads: Uploads<'_>,
    site: &Site,
    catalogue: &State<Arc<Catalogue>>,
    form: PostWithFile<ShapeForm>,
) -> Result<(Status, Json<Value>), Error> {
    let PostWithFile(form, brought) = form;
    let shape = Shape::ALL.into_iter().find(|shape| shape.folder() == form.shape).ok_or(Error::BadRequest)?;
    let missing = || Error::Invalid(FieldErrors::one(super::uploads::FIELD, Text::new("error-required")));
    match uploads.take(user.id, brought, shape).await.and_then(|picture| picture.ok_or_else(missing)) {
        Ok(picture) => {
            let base = site.config().media.base_url();
            let answer = json!({
                "name": picture.to_string(),
                "src": format!("{base}{}", picture.file_for(u32::MAX)),
                "width": picture.width,
                "height": picture.height,
            });
            Ok((Status::Created, Json(answer)))
        }
        Err(Error::Invalid(errors)) => {
            Ok((Status::UnprocessableEntity, Json(json!({ "errors": errors.localized(catalogue, FALLBACK) }))))
        }
        Err(error) => Err(error),
    }
}

/// A file of a picture. Its name is made of its content, so it never changes.
///
/// Django: `django.views.static.serve`
#[get("/media/<path..>", rank = 20)]
pub async fn file(path: PathBuf, pictures: &State<Pictures>, asked: Asked<'_>, site: &Site) -> Result<Served, Error> {
    let name = path.to_str().and_then(Name::new).ok_or(Error::NotFound)?;
    let (stem, extension) = name.as_str().rsplit_once('.').ok_or(Error::NotFound)?;
    let content_type = match extension {
        "jpg" => ContentType::JPEG,
        "webp" => ContentType::WEBP,
        // Nothing else was ever put there by us.
        _ => return Err(Error::NotFound),
    };
    let etag = format!("\"{}\"", stem.rsplit('/').next().unwrap_or(stem));
    let content = content(pictures.storage.as_ref(), &name, &etag, &asked).await?;
    Ok(Served { content_type, etag, is_public: site.facts().access == Access::Public, content })
}

/// What there is to send of a file.
async fn content(storage: &dyn Storage, name: &Name, etag: &str, asked: &Asked<'_>) -> Result<Content, Error> {
    if headers::knows(asked.request, etag) {
        return Ok(Content::Known);
    }
    let size = async || storage.size(name).await.map_err(broken)?.ok_or(Error::NotFound);
    if method_of(asked.request) == Method::Head {
        return Ok(Content::Size(size().await?));
    }
    let range = asked.header("Range").filter(|_| asked.header("If-Range").is_none_or(|tag| tag == etag));
    let part = match range {
        None => Part::Whole,
        Some(range) => Part::read(range, size().await?),
    };
    Ok(match part {
        Part::Whole => Content::Whole(storage.get(name, None).await.map_err(broken)?),
        Part::Bytes(range) => {
            let object = storage.get(name, Some(range.clone())).await.map_err(broken)?;
            Content::Part(range, object)
        }
        Part::Outside(size) => Content::Outside(size),
    })
}

fn broken(error: StorageError) -> Error {
    match error {
        StorageError::NotFound => Error::NotFound,
        StorageError::Forbidden(words) => {
            log::warn!("an image is missing or may not be read: {words}");
            Error::NotFound
        }
        StorageError::Trouble(words) => Error::Unavailable(words),
    }
}

/// What of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Bytes(Range<u64>),
    /// It has only so many bytes.
    Outside(u64),
}

impl Part {
    /// `bytes=0-99`, `bytes=100-` or `bytes=-100`. Several parts at once, or what is no range, get the whole.
    fn read(range: &str, size: u64) -> Self {
        let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
            return Self::Whole;
        };
        let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
            true => text.parse::<u64>().ok(),
            false => None,
        };
        let (start, end) = match (first, last) {
            ("", last) => match number(last) {
                Some(length) => (size.saturating_sub(length), if length == 0 { 0 } else { size }),
                None => return Self::Whole,
            },
            (first, "") => match number(first) {
                Some(start) => (start, size),
                None => return Self::Whole,
            },
            (first, last) => match (number(first), number(last)) {
                (Some(start), Some(last)) if start <= last => (start, last.saturating_add(1).min(size)),
                _ => return Self::Whole,
            },
        };
        if start < end { Self::Bytes(start..end) } else { Self::Outside(size) }
    }
}

/// The request, for what it says of what its sender has and wants.
pub struct Asked<'r> {
    request: &'r Request<'r>,
}

impl<'r> Asked<'r> {
    fn header(&self, name: &str) -> Option<&'r str> {
        self.request.headers().get_one(name)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Asked<'r> {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        Outcome::Success(Self { request })
    }
}

/// A file on its way.
pub struct Served {
    content_type: ContentType,
    etag: String,
    is_public: bool,
    content: Content,
}

/// What is sent of it.
enum Content {
    /// Nothing: the sender has it.
    Known,
    /// Nothing but how many bytes it has.
    Size(u64),
    /// All.
    Whole(Object),
    /// These bytes.
    Part(Range<u64>, Object),
    /// Nothing: it has only so many bytes.
    Outside(u64),
}

impl<'r> Responder<'r, 'static> for Served {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::build();
        let whose = if self.is_public { "public" } else { "private" };
        response
            .header(self.content_type)
            .raw_header("Cache-Control", format!("{whose}, max-age=31536000, immutable"))
            .raw_header("ETag", self.etag)
            .raw_header("Accept-Ranges", "bytes");
        match self.content {
            Content::Known => response.status(Status::NotModified),
            Content::Size(size) => response.raw_header("Content-Length", size.to_string()),
            Content::Whole(Object { size, body }) => {
                response.raw_header("Content-Length", size.to_string()).streamed_body(body)
            }
            Content::Part(Range { start, end }, Object { size, body }) => response
                .status(Status::PartialContent)
                .raw_header("Content-Length", (end - start).to_string())
                .raw_header("Content-Range", format!("bytes {start}-{}/{size}", end - 1))
                .streamed_body(body),
            Content::Outside(size) => {
                response.status(Status::RangeNotSatisfiable).raw_header("Content-Range", format!("bytes */{size}"))
            }
        };
        response.ok()
    }
}

/// Who brought no picture is shown by his initials; this is for those who need an address of it. It asks nobody.
#[get("/media/initials/<hue>/<letters>")]
pub fn initials(hue: u16, letters: &str) -> Result<(ContentType, Kept<String>), Error> {
    let letters = letters.strip_suffix(".svg").ok_or(Error::NotFound)?;
    if hue >= 12 || letters.chars().count() > 4 || !letters.chars().all(char::is_alphanumeric) {
        return Err(Error::NotFound);
    }
    Ok((ContentType::SVG, Kept(avatar(hue, letters))))
}

/// Initials on a leaf of this colour, drawn as the pages draw them in the light.
fn avatar(hue: u16, letters: &str) -> String {
    // The hues of app.css, as sRGB may say them.
    let degrees = [12, 28, 42, 58, 95, 135, 165, 190, 212, 250, 300, 335][usize::from(hue % 12)];
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 128 128\" width=\"128\" height=\"128\">\
         <path d=\"M15 0h39a74 74 0 0 1 74 74v39a15 15 0 0 1-15 15H74A74 74 0 0 1 0 54V15A15 15 0 0 1 15 0Z\" \
         fill=\"hsl({degrees} 55% 82%)\"/>\
         <text x=\"64\" y=\"66\" font-family=\"system-ui, sans-serif\" font-size=\"50\" font-weight=\"700\" \
         text-anchor=\"middle\" dominant-baseline=\"central\" fill=\"hsl({degrees} 60% 22%)\">{letters}</text></svg>"
    )
}

/// What may be kept for a day.
pub struct Kept<T>(T);

impl<'r, 'o: 'r, T: Responder<'r, 'o>> Responder<'r, 'o> for Kept<T> {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'o> {
        Response::build_from(self.0.respond_to(request)?).raw_header("Cache-Control", "public, max-age=86400").ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_browsers_write_them() {
        for (range, part) in [
            ("bytes=0-9", Part::Bytes(0..10)),
            ("bytes=90-", Part::Bytes(90..100)),
            ("bytes=-10", Part::Bytes(90..100)),
            ("bytes=-1000", Part::Bytes(0..100)),
            ("bytes=50-1000", Part::Bytes(50..100)),
            ("bytes=0-18446744073709551615", Part::Bytes(0..100)),
            ("bytes=100-", Part::Outside(100)),
            ("bytes=-0", Part::Outside(100)),
            ("bytes=9-1", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(Part::read(range, 100), part, "{range:?}");
        }
    }
}
