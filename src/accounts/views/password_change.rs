//! Another password for who knows his own.
//!
//! Django: `PasswordChangeView`

use rocket::{Either, get, post};
use rocket_dyn_templates::context;

use super::entrance::Entrance;
use crate::accounts::forms::PasswordChangeForm;
use crate::accounts::guards::{Gate, User};
use crate::accounts::models;
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::accounts::signals::PasswordChanged;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;

/// The form.
#[get("/account/password")]
pub fn change_page(page: Page<'_>, user: User<'_>) -> View {
    draw(&page, &user, Drawn::fresh(PasswordChangeForm::default()))
}

fn draw(page: &Page<'_>, user: &User<'_>, drawn: Drawn<PasswordChangeForm>) -> View {
    let status = if drawn.errors.is_empty() { rocket::http::Status::Ok } else { INVALID };
    let form = page.form(drawn);
    page.with(status, "accounts/password_change.html", context! { form, username: &user.username })
}

/// Keeps the new password and ends all other sessions; this browser goes on with a new one.
///
/// Django: `PasswordChangeView.form_valid`, `update_session_auth_hash`
#[post("/account/password", data = "<form>")]
pub async fn change(
    page: Page<'_>,
    user: User<'_>,
    entrance: Entrance<'_>,
    gate: Gate<'_>,
    form: Post<PasswordChangeForm>,
) -> Outcome {
    let Post(form) = form;
    match written(&entrance, &gate, &form, &user).await {
        Ok(changed) => {
            let is_in = entrance.admit(&changed, None, &gate.address()).await?;
            let next = if is_in { "/account" } else { "/login" };
            Ok(Either::Left(flash::success(next, Text::new("flash-password-changed"))))
        }
        Err(error) => again(error, |errors| draw(&page, &user, Drawn { values: form, errors })).map(Either::Right),
    }
}

/// Gives the person as he is under the new password.
async fn written(
    entrance: &Entrance<'_>,
    gate: &Gate<'_>,
    form: &PasswordChangeForm,
    user: &models::User,
) -> Result<models::User, Error> {
    let is_owner = entrance.is_owner(gate, user, &form.password).await?;
    let password = form.clean(user, is_owner).map_err(Error::Invalid)?;
    gate.by_notice(user)?;
    let hash = entrance.hash(password).await?;
    let after = models::User { password: hash.clone(), ..user.clone() };
    let (before, signals, user_id) = (user.clone(), entrance.signals.clone(), user.id);
    let changed = entrance
        .db
        .write(move |conn| {
            let changed = models::User::finish_reset(conn, &before, &hash)?;
            if changed {
                signals.send(conn, &PasswordChanged { user_id })?;
            }
            Ok(changed)
        })
        .await?;
    if !changed {
        // Somebody was quicker, in another window: the password typed here is the old one by now.
        return Err(Error::Invalid(FieldErrors::one("password", Text::new("error-password-wrong"))));
    }
    entrance.signals.after(&PasswordChanged { user_id });
    Ok(after)
}
