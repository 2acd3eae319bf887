//! A form's picture: brought, kept or taken away.

use std::net::SocketAddr;

use rocket::http::Status;
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};

use crate::accounts::guards::Gate;
use crate::kit::db::{Conn, Db};
use crate::kit::error::Error;
use crate::kit::forms::FieldErrors;
use crate::kit::i18n::Text;
use crate::kit::multipart::{Brought, FileRules, megabytes};
use crate::kit::pictures::{Picture, Pictures, Rejection, Shape, Uploader, shelf};
use crate::kit::throttle::Scope;

/// The field of every form's picture.
pub const FIELD: &str = "picture";

/// Takes in what comes with forms.
pub struct Uploads<'r> {
    pictures: &'r Pictures,
    rules: &'r FileRules,
    db: &'r Db,
    gate: Gate<'r>,
    client: Option<SocketAddr>,
}

impl Uploads<'_> {
    /// Makes a picture of what came, if anything did. It is kept for a day; a form that points at it keeps it longer.
    ///
    /// # Errors
    /// [`Error::Invalid`] at [`FIELD`], [`Error::Throttled`], or what broke.
    pub async fn take(&self, user_id: i64, brought: Brought, shape: Shape) -> Result<Option<Picture>, Error> {
        let refused = |text: Text| Error::Invalid(FieldErrors::one(FIELD, text));
        let file = match brought {
            Brought::Nothing => return Ok(None),
            Brought::TooLarge => return Err(refused(self.too_large())),
            Brought::Whole(file) => file,
        };
        self.gate.by_key(Scope::Upload, &format!("user:{user_id}"))?;
        let uploader = Uploader { user_id, client: self.client };
        match self.pictures.take(self.db, uploader, file, shape).await {
            Ok(picture) => Ok(Some(picture)),
            Err(Rejection::Busy) => Err(refused(Text::new("error-picture-busy"))),
            Err(Rejection::Refused(error)) => Err(refused(error.text())),
            Err(Rejection::NotKept(words)) => {
                log::warn!("a picture was not kept: {words}");
                Err(refused(Text::new("error-picture-not-kept")))
            }
            Err(Rejection::Broken(error)) => Err(error),
        }
    }

    /// The same for a form that has the two fields of [`Wanted`]: what came is chosen in them. Gives what is wrong with it, to be
    /// told with all else that is wrong with the form.
    ///
    /// # Errors
    /// [`Error::Throttled`], or what broke.
    pub async fn choose(
        &self,
        user_id: i64,
        brought: Brought,
        shape: Shape,
        kept: &mut Option<String>,
        remove: &mut Option<String>,
    ) -> Result<FieldErrors, Error> {
        match self.take(user_id, brought, shape).await {
            Ok(Some(picture)) => (*kept, *remove) = (Some(picture.to_string()), None),
            Ok(None) => {}
            Err(Error::Invalid(errors)) => return Ok(errors),
            Err(error) => return Err(error),
        }
        Ok(FieldErrors::default())
    }

    fn too_large(&self) -> Text {
        Text::new("error-picture-size").with("max", megabytes(self.rules.max_bytes))
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Uploads<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        let (pictures, rules) = (request.rocket().state::<Pictures>(), request.rocket().state::<FileRules>());
        let (gate, db) = (request.guard::<Gate<'_>>().await, request.guard::<&Db>().await);
        match (pictures, rules, gate, db) {
            (Some(pictures), Some(rules), Outcome::Success(gate), Outcome::Success(db)) => {
                Outcome::Success(Self { pictures, rules, db, gate, client: request.remote() })
            }
            _ => Outcome::Error((Status::InternalServerError, ())),
        }
    }
}

/// Which picture a form wants, of its fields `picture_kept` (the one that it has, by name; not there: whatever is) and
/// `picture_remove`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The one that is.
    Same,
    /// None.
    None,
    /// This one.
    This(Picture),
}

impl Wanted {
    /// By the form's fields. What is no picture's name means none was ever chosen.
    pub fn read(kept: Option<&str>, remove: bool) -> Self {
        match kept {
            _ if remove => Self::None,
            None => Self::Same,
            Some(name) => Picture::parse(name).map_or(Self::None, Self::This),
        }
    }

    /// The name to write, after the picture was taken into use; none to write nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] at [`FIELD`]: the picture is kept no longer; or the database's.
    pub fn settle(&self, conn: &mut Conn) -> Result<Option<Option<String>>, Error> {
        match self {
            Self::Same => Ok(None),
            Self::None => Ok(Some(None)),
            Self::This(picture) if shelf::take_into_use(conn, picture)? => Ok(Some(Some(picture.to_string()))),
            Self::This(_) => Err(Error::Invalid(FieldErrors::one(FIELD, Text::new("error-picture-gone")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_wants_what_it_says() {
        let name = "avatar/0123456789abcdef0123456789abcdef-256x256.jpg";
        assert_eq!(Wanted::read(None, false), Wanted::Same);
        assert_eq!(Wanted::read(Some(""), false), Wanted::None);
        assert_eq!(Wanted::read(Some("../etc/passwd"), false), Wanted::None);
        assert_eq!(Wanted::read(Some(name), true), Wanted::None);
        assert_eq!(Wanted::read(Some(name), false), Wanted::This(Picture::parse(name).unwrap()));
    }
}
