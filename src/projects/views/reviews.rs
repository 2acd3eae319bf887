//! Reviews: writing one, taking it back.

use rocket::response::Redirect;
use rocket::{Either, get, post};
use rocket_dyn_templates::context;

use super::projects::draw;
use crate::accounts::draft::Draft;
use crate::accounts::guards::{Gate, User};
use crate::accounts::page::{Outcome, Page, View, throttled};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::paths::Id;
use crate::kit::throttle::Scope;
use crate::projects::forms::ReviewForm;
use crate::projects::models::project::{self, Project};
use crate::projects::models::review::{self, Review, ReviewError};

impl From<ReviewError> for Error {
    /// Whoever made a project may see it, not judge it.
    fn from(error: ReviewError) -> Self {
        match error {
            ReviewError::Own => Self::Forbidden,
            ReviewError::Db(error) => error.into(),
        }
    }
}

/// Keeps a review; a second one of the same person changes his first.
///
/// Django: `views.project`, POST
#[post("/projects/<id>/reviews", data = "<form>")]
pub async fn write(user: User<'_>, page: Page<'_>, db: &Db, gate: Gate<'_>, id: Id, form: Post<ReviewForm>) -> Outcome {
    let Post(form) = form;
    let author = user.id;
    let project = db.read(move |conn| Ok(project::find(conn, id.0)?)).await?;
    if project.is_of(author) {
        return Err(Error::Forbidden);
    }
    let cleaned = form.clean().map_err(Error::Invalid);
    match cleaned.and_then(|cleaned| gate.by_key(Scope::Post, &format!("user:{author}")).map(|()| cleaned)) {
        Ok((vote, body)) => {
            db.write(move |conn| Ok(review::write(conn, id.0, author, vote, &body)?)).await?;
            Ok(Either::Left(flash::success(format!("{}#reviews", project.url), Text::new("flash-review-saved"))))
        }
        Err(Error::Invalid(errors)) => {
            draw(&page, db, id.0, None, Some(Drawn { values: form, errors })).await.map(Either::Right)
        }
        Err(Error::Throttled(after)) => {
            let errors = FieldErrors::one(FieldErrors::FORM, throttled(after));
            let again = draw(&page, db, id.0, None, Some(Drawn { values: form, errors })).await?;
            Ok(Either::Right(again.throttled(after)))
        }
        Err(error) => Err(error),
    }
}

/// The address at which a review stands that came back with errors. Asked for again it is the project's page, and holds what was typed
/// before a log-in.
#[get("/projects/<id>/reviews")]
pub async fn write_page(page: Page<'_>, db: &Db, draft: Draft, id: Id) -> Result<Either<Redirect, View>, Error> {
    match draft.form() {
        Some(typed) => draw(&page, db, id.0, None, Some(Drawn::fresh(typed))).await.map(Either::Right),
        None => Ok(Either::Left(flash::to(format!("{}#reviews", project::url(id.0))))),
    }
}

/// One's own review of a project; without one there is nothing to take back.
async fn own(user: &User<'_>, db: &Db, id: Id) -> Result<(Project, Review), Error> {
    let author = user.id;
    let (project, review) =
        db.read(move |conn| Ok((project::find(conn, id.0)?, review::of(conn, id.0, author)?))).await?;
    Ok((project, review.ok_or(Error::NotFound)?))
}

/// Asks whether it is meant.
#[get("/projects/<id>/reviews/delete")]
pub async fn delete_page(user: User<'_>, page: Page<'_>, db: &Db, id: Id) -> Result<View, Error> {
    let (project, review) = own(&user, db, id).await?;
    Ok(page.ok("projects/review_delete.html", context! { project, review }))
}

/// Takes one's own review back.
#[post("/projects/<id>/reviews/delete", data = "<_confirmed>")]
pub async fn delete(user: User<'_>, db: &Db, id: Id, _confirmed: Confirmed) -> Result<flash::Said, Error> {
    let (project, _) = own(&user, db, id).await?;
    let author = user.id;
    db.write(move |conn| Ok(review::delete(conn, id.0, author)?)).await?;
    Ok(flash::success(project.url, Text::new("flash-review-deleted")))
}
