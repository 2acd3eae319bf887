//! A new password for who forgot his: four pages. None of them tells whether an e-mail address is known.
//!
//! Django: `PasswordResetView`, `…DoneView`, `…ConfirmView`, `…CompleteView`

use rocket::http::Status;
use rocket::response::Redirect;
use rocket::time::Duration;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;

use super::entrance::Entrance;
use crate::accounts::draft::Draft;
use crate::accounts::forms::{NewPasswordForm, ResetForm};
use crate::accounts::guards::Gate;
use crate::accounts::mails;
use crate::accounts::models::User;
use crate::accounts::page::{INVALID, Page, View, again, again_with};
use crate::accounts::signals::PasswordChanged;
use crate::accounts::tokens::{LinkKey, RESET_LIFETIME};
use crate::kit::cookies::{self, Cookie};
use crate::kit::error::Error;
use crate::kit::forms::{Drawn, Post};
use crate::kit::outbox::Outbox;
use crate::kit::paths::Id;
use crate::kit::throttle::Scope;
use crate::kit::{flash, time};

/// On to the next page, or the one that is drawn.
type Turn = Result<Either<Redirect, View>, Error>;

/// What stands in the address while a cookie holds the token: more people see an address than its owner.
const IN_COOKIE: &str = "set";

/// Django: `PasswordResetView`
#[get("/password-reset")]
pub fn ask_page(page: Page<'_>, outbox: &State<Outbox>, draft: Draft) -> View {
    if !outbox.is_on() {
        return no_mail(&page);
    }
    let form = page.form(Drawn::fresh(draft.form::<ResetForm>().unwrap_or_default()));
    page.ok("accounts/password_reset.html", context! { form })
}

/// What pages that need mail say where none is set up.
pub(super) fn no_mail(page: &Page<'_>) -> View {
    page.with(Status::ServiceUnavailable, "accounts/no_mail.html", context! {})
}

/// Puts a letter into the outbox, for an address that may be nobody's: that is looked up when it goes, so that the
/// time taken here tells nothing.
///
/// Django: `PasswordResetForm.save`
#[post("/password-reset", data = "<form>")]
pub async fn ask(
    page: Page<'_>,
    entrance: Entrance<'_>,
    outbox: &State<Outbox>,
    gate: Gate<'_>,
    form: Post<ResetForm>,
) -> Turn {
    let Post(form) = form;
    if !outbox.is_on() {
        return Ok(Either::Right(no_mail(&page)));
    }
    match put(&entrance, outbox, &gate, &form).await {
        Ok(()) => Ok(Either::Left(flash::to("/password-reset/sent"))),
        Err(error) => {
            let draw = |errors| {
                let form = page.form(Drawn { values: form, errors });
                page.with(INVALID, "accounts/password_reset.html", context! { form })
            };
            again_with(error, "reset-slowed", draw).map(Either::Right)
        }
    }
}

async fn put(entrance: &Entrance<'_>, outbox: &Outbox, gate: &Gate<'_>, form: &ResetForm) -> Result<(), Error> {
    let email = form.clean().map_err(Error::Invalid)?;
    entrance.count_reset(gate, &email).await?;
    let (letters, letter) = (outbox.clone(), mails::PasswordReset { email });
    entrance.db.write(move |conn| Ok(letters.put(conn, &letter)?)).await?;
    outbox.wake();
    Ok(())
}

/// Django: `PasswordResetDoneView`
#[get("/password-reset/sent")]
pub fn sent(page: Page<'_>) -> View {
    page.ok("accounts/password_reset_sent.html", context! {})
}

/// The link of the letter. The token goes from the address into a cookie before the form shows.
///
/// Django: `PasswordResetConfirmView.dispatch`
#[get("/password-reset/<uid>/<token>")]
pub async fn link(page: Page<'_>, entrance: Entrance<'_>, key: &State<LinkKey>, uid: Id, token: &str) -> Turn {
    let Some(user) = holder(&entrance, key, uid, token).await? else { return Ok(Either::Right(expired(&page))) };
    if token != IN_COOKIE {
        let max_age = Duration::seconds(RESET_LIFETIME);
        cookies::set(entrance.request, Cookie::PasswordReset, token.to_owned(), Some(max_age));
        return Ok(Either::Left(flash::to(format!("/password-reset/{}/{IN_COOKIE}", uid.0))));
    }
    let form = page.form(Drawn::fresh(NewPasswordForm::default()));
    Ok(Either::Right(page.ok("accounts/password_reset_set.html", new_password(uid, &user, form))))
}

fn expired(page: &Page<'_>) -> View {
    page.with(Status::NotFound, "accounts/password_reset_expired.html", context! {})
}

fn new_password(uid: Id, user: &User, form: impl serde::Serialize) -> impl serde::Serialize {
    context! { form, username: user.username.clone(), action: format!("/password-reset/{}/{IN_COOKIE}", uid.0) }
}

/// Whose link this is, if it is any good.
async fn holder(entrance: &Entrance<'_>, key: &LinkKey, uid: Id, token: &str) -> Result<Option<User>, Error> {
    let token = match token {
        IN_COOKIE => cookies::get(entrance.request, Cookie::PasswordReset).unwrap_or_default(),
        token => token,
    };
    let user = entrance.db.read(move |conn| Ok(User::by_id(conn, uid.0)?)).await?;
    Ok(user.filter(|user| key.accepts_reset(user, token, time::now().and_utc().timestamp())))
}

/// Keeps the new password, ends every session, spends the link.
///
/// Django: `PasswordResetConfirmView.form_valid`
#[post("/password-reset/<uid>/<token>", data = "<form>")]
pub async fn set(
    page: Page<'_>,
    entrance: Entrance<'_>,
    gate: Gate<'_>,
    key: &State<LinkKey>,
    uid: Id,
    token: &str,
    form: Post<NewPasswordForm>,
) -> Turn {
    let Post(form) = form;
    let holder = if token == IN_COOKIE { holder(&entrance, key, uid, token).await? } else { None };
    let Some(user) = holder else { return Ok(Either::Right(expired(&page))) };
    match change(&entrance, &gate, &form, &user).await {
        Ok(Some(hash)) => {
            cookies::remove(entrance.request, Cookie::PasswordReset);
            // He has shown that he is the owner: strangers who guess at his account do not keep him out.
            entrance.remember_device(&user, &hash);
            Ok(Either::Left(flash::to("/password-reset/complete")))
        }
        Ok(None) => Ok(Either::Right(expired(&page))),
        Err(error) => {
            let draw = |errors| {
                let form = page.form(Drawn { values: NewPasswordForm::default(), errors });
                page.with(INVALID, "accounts/password_reset_set.html", new_password(uid, &user, form))
            };
            again(error, draw).map(Either::Right)
        }
    }
}

/// Gives the new hash, or none: the link was good no more when it was to be written.
async fn change(
    entrance: &Entrance<'_>,
    gate: &Gate<'_>,
    form: &NewPasswordForm,
    user: &User,
) -> Result<Option<String>, Error> {
    // Hashing is dear, so even the holder of a link does it so often only; nobody else uses up these attempts.
    gate.by_key(Scope::Login, &format!("reset:{}", user.id))?;
    let password = form.clean(user).map_err(Error::Invalid)?;
    let hash = entrance.hash(password).await?;
    let (signals, before, user_id) = (entrance.signals.clone(), user.clone(), user.id);
    let kept = hash.clone();
    let won = entrance
        .db
        .write(move |conn| {
            let won = User::finish_reset(conn, &before, &kept)?;
            if won {
                User::note_confirmed(conn, user_id)?;
                signals.send(conn, &PasswordChanged { user_id })?;
            }
            Ok(won)
        })
        .await?;
    if won {
        entrance.signals.after(&PasswordChanged { user_id });
    }
    Ok(won.then_some(hash))
}

/// Django: `PasswordResetCompleteView`
#[get("/password-reset/complete")]
pub fn complete(page: Page<'_>) -> View {
    page.ok("accounts/password_reset_complete.html", context! {})
}
