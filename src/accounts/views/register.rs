//! Registering.

use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, get, post};
use rocket_dyn_templates::context;

use super::entrance::Entrance;
use super::login::next_page;
use crate::accounts::draft::Draft;
use crate::accounts::forms::RegisterForm;
use crate::accounts::guards::Gate;
use crate::accounts::models::{self, NewUser};
use crate::accounts::page::{INVALID, Outcome, Page, View};
use crate::accounts::signals::UserRegistered;
use crate::accounts::site::Site;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Drawn, Post};
use crate::kit::i18n::Text;
use crate::kit::throttle::Scope;

/// Django: `UserCreationForm` on a page
#[get("/register?<next>")]
pub fn register_page(page: Page<'_>, site: &Site, draft: Draft, next: Option<String>) -> Either<Redirect, View> {
    let next = next_page(&next.unwrap_or_default());
    if page.viewer.0.is_some() {
        return Either::Left(flash::to(next));
    }
    if let Some(refusal) = refusal(&page, site) {
        return Either::Right(refusal);
    }
    let form = page.form(Drawn::fresh(draft.form::<RegisterForm>().unwrap_or_default()));
    Either::Right(page.ok("accounts/register.html", context! { form, next }))
}

/// A site without anybody to run it, or one that is closed, takes nobody in.
fn refusal(page: &Page<'_>, site: &Site) -> Option<View> {
    if site.takes_registration() {
        return None;
    }
    let template = if page.setup_needed() { "accounts/setup_needed.html" } else { "accounts/registration_closed.html" };
    Some(page.with(Status::Forbidden, template, context! {}))
}

/// Django: `UserCreationForm.save` and `login`
#[post("/register", data = "<form>")]
pub async fn register(
    page: Page<'_>,
    entrance: Entrance<'_>,
    site: &Site,
    gate: Gate<'_>,
    form: Post<RegisterForm>,
) -> Outcome {
    let Post(form) = form;
    if let Some(refusal) = refusal(&page, site) {
        return Ok(Either::Right(refusal));
    }
    gate.by_address(Scope::Register)?;
    let next = next_page(&form.next);
    match written(&entrance, &form).await {
        Ok(user) => {
            entrance.admit(user.id, None, &gate.address()).await?;
            let text = Text::new("flash-welcome").with("name", user.person().shown_name());
            Ok(Either::Left(flash::success(next, text)))
        }
        Err(Error::Invalid(errors)) => {
            let form = page.form(Drawn { values: form, errors });
            Ok(Either::Right(page.with(INVALID, "accounts/register.html", context! { form, next })))
        }
        Err(error) => Err(error),
    }
}

/// The person of this form, written; the unique columns have the last word on what is taken.
async fn written(entrance: &Entrance<'_>, form: &RegisterForm) -> Result<models::User, Error> {
    let person = form.clean().map_err(Error::Invalid)?;
    let password = entrance.hash(person.password).await?;
    let new =
        NewUser { username: person.username, email: person.email, name: person.name, password, is_superuser: false };
    let signals = entrance.signals.clone();
    let user = entrance
        .db
        .write(move |conn| {
            let user = models::User::create(conn, &new)?;
            signals.send(conn, &UserRegistered { user_id: user.id })?;
            Ok(user)
        })
        .await?;
    entrance.signals.after(&UserRegistered { user_id: user.id });
    Ok(user)
}
