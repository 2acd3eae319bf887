//! How the others see oneself.
//!
//! Django: the courses' `updateUser`

use rocket::http::Status;
use rocket::{Either, get, post};
use rocket_dyn_templates::context;

use super::entrance::Entrance;
use crate::accounts::draft::Draft;
use crate::accounts::forms::EditForm;
use crate::accounts::guards::{Gate, User};
use crate::accounts::models;
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::accounts::signals::ProfileSaved;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Drawn, Post};
use crate::kit::i18n::Text;
use crate::kit::throttle::Scope;

/// The form; what was typed before a session ended is in it.
#[get("/account/edit")]
pub fn edit_page(page: Page<'_>, user: User<'_>, draft: Draft) -> View {
    let present = || EditForm { name: user.name.clone(), bio: user.bio.clone() };
    draw(&page, Drawn::fresh(draft.form::<EditForm>().unwrap_or_else(present)))
}

fn draw(page: &Page<'_>, drawn: Drawn<EditForm>) -> View {
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    page.with(status, "accounts/edit.html", context! { form })
}

/// Keeps name and words, and tells the other apps.
#[post("/account/edit", data = "<form>")]
pub async fn edit(
    page: Page<'_>,
    user: User<'_>,
    entrance: Entrance<'_>,
    gate: Gate<'_>,
    form: Post<EditForm>,
) -> Outcome {
    let Post(form) = form;
    match saved(&entrance, &gate, &form, user.id).await {
        Ok(()) => Ok(Either::Left(flash::success(user.person().url(), Text::new("flash-profile-saved")))),
        Err(error) => again(error, |errors| draw(&page, Drawn { values: form, errors })).map(Either::Right),
    }
}

async fn saved(entrance: &Entrance<'_>, gate: &Gate<'_>, form: &EditForm, user_id: i64) -> Result<(), Error> {
    let (name, bio) = form.clean().map_err(Error::Invalid)?;
    gate.by_key(Scope::Post, &format!("user:{user_id}"))?;
    let signals = entrance.signals.clone();
    entrance
        .db
        .write(move |conn| {
            models::User::set_profile(conn, user_id, &name, &bio)?;
            Ok(signals.send(conn, &ProfileSaved { user_id })?)
        })
        .await?;
    entrance.signals.after(&ProfileSaved { user_id });
    Ok(())
}
