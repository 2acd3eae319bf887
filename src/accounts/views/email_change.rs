//! Another e-mail address: confirmed by a link that only its owner gets, told to the old one.

use chrono::TimeDelta;
use rocket::http::Status;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;

use super::entrance::Entrance;
use super::password_reset::no_mail;
use crate::accounts::draft::Draft;
use crate::accounts::forms::EmailForm;
use crate::accounts::guards::{Gate, User};
use crate::accounts::mails;
use crate::accounts::models;
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::accounts::tokens::{EmailChange, LinkKey};
use crate::kit::db::{Db, fold_key};
use crate::kit::error::Error;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::outbox::Outbox;
use crate::kit::throttle::Scope;
use crate::kit::{flash, time};

/// The form.
#[get("/account/email")]
pub fn change_page(page: Page<'_>, user: User<'_>, outbox: &State<Outbox>, draft: Draft) -> View {
    if !outbox.is_on() {
        return no_mail(&page);
    }
    draw(&page, &user, Drawn::fresh(draft.form().unwrap_or_default()))
}

fn draw(page: &Page<'_>, user: &User<'_>, drawn: Drawn<EmailForm>) -> View {
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    page.with(status, "accounts/email_change.html", context! { form, email: &user.email })
}

/// Sends a link to the new address. Whether that is somebody's already is not told here.
#[post("/account/email", data = "<form>")]
pub async fn change(
    page: Page<'_>,
    user: User<'_>,
    entrance: Entrance<'_>,
    gate: Gate<'_>,
    outbox: &State<Outbox>,
    form: Post<EmailForm>,
) -> Outcome {
    let Post(form) = form;
    if !outbox.is_on() {
        return Ok(Either::Right(no_mail(&page)));
    }
    match put(&entrance, outbox, &gate, &form, &user).await {
        Ok(email) => Ok(Either::Left(flash::success("/account", Text::new("flash-email-sent").with("email", email)))),
        Err(error) => again(error, |errors| draw(&page, &user, Drawn { values: form, errors })).map(Either::Right),
    }
}

async fn put(
    entrance: &Entrance<'_>,
    outbox: &Outbox,
    gate: &Gate<'_>,
    form: &EmailForm,
    user: &models::User,
) -> Result<String, Error> {
    let is_owner = entrance.is_owner(gate, user, &form.password).await?;
    let email = form.clean(is_owner).map_err(Error::Invalid)?;
    gate.by_key(Scope::Reset, &format!("user:{}", user.id))?;
    // Accounts made for it do not fill a mailbox; nor do they keep an older account from moving to it.
    if time::now() - user.date_joined < TimeDelta::days(1) {
        gate.by_key(Scope::Reset, &format!("email-change:{}", fold_key(&email)))?;
    }
    let (letters, verified, new) = (outbox.clone(), user.clone(), email.clone());
    let put = entrance.db.write(move |conn| {
        let Some(serial) = models::User::begin_email_change(conn, &verified)? else { return Ok(false) };
        letters.put(conn, &mails::ConfirmEmail { user_id: verified.id, email: new.clone(), serial })?;
        Ok(true)
    });
    if !put.await? {
        // He has another password by now: the one that was typed is not his any more.
        return Err(Error::Invalid(FieldErrors::one("password", Text::new("error-password-wrong"))));
    }
    outbox.wake();
    Ok(email)
}

/// The link of that letter: a page with a button, for programs look at links too.
#[get("/account/email/<token>")]
pub async fn confirm_page(page: Page<'_>, db: &Db, key: &State<LinkKey>, token: &str) -> Result<View, Error> {
    Ok(match wanted(db, key, token).await? {
        Some((user, change)) => page.ok(
            "accounts/email_confirm.html",
            context! { email: change.email, username: user.username, action: format!("/account/email/{token}") },
        ),
        None => page.with(Status::NotFound, "accounts/email_expired.html", context! {}),
    })
}

/// What the link is about, if it is any good.
async fn wanted(db: &Db, key: &LinkKey, token: &str) -> Result<Option<(models::User, EmailChange)>, Error> {
    let Some(change) = EmailChange::read(token) else { return Ok(None) };
    let user_id = change.user_id;
    let user = db.read(move |conn| Ok(models::User::by_id(conn, user_id)?)).await?;
    Ok(user
        .filter(|user| key.accepts_email(user, &change, time::now().and_utc().timestamp()))
        .map(|user| (user, change)))
}

/// The address is another one from now on. Whoever has the link may do it: it went to that address alone.
#[post("/account/email/<token>", data = "<_confirmed>")]
pub async fn confirm(
    page: Page<'_>,
    db: &Db,
    key: &State<LinkKey>,
    outbox: &State<Outbox>,
    token: &str,
    _confirmed: Confirmed,
) -> Outcome {
    let gone =
        |page: &Page<'_>| Ok(Either::Right(page.with(Status::NotFound, "accounts/email_expired.html", context! {})));
    let Some((user, change)) = wanted(db, key, token).await? else { return gone(&page) };
    let (letters, email) = (outbox.inner().clone(), change.email.clone());
    let (username, is_own) = (user.username.clone(), page.viewer.id() == Some(user.id));
    let is_new = user.email_key.as_deref() != Some(fold_key(&change.email).as_str());
    let changed = db
        .write(move |conn| {
            let changed = models::User::change_email(conn, &user, &change.email)?;
            // Who confirms the address that he has is told nothing.
            if changed && is_new {
                let (name, old, username) = (user.letter_name().to_owned(), user.email.clone(), user.username.clone());
                letters.put(conn, &mails::EmailChanged { name, old, username })?;
            }
            Ok::<_, Error>(changed)
        })
        .await;
    match changed {
        Ok(true) => {
            outbox.wake();
            let said = |key| Text::new(key).with("email", email).with("username", username);
            Ok(Either::Left(match page.viewer.id() {
                _ if is_own => flash::success("/account", said("flash-email-changed")),
                // The link of another person: nothing of one's own is another now.
                Some(_) => flash::success("/", said("flash-email-changed-of")),
                None => flash::success("/login", said("flash-email-changed-of")),
            }))
        }
        // Used already, or taken by somebody meanwhile.
        Ok(false) | Err(Error::Invalid(_)) => gone(&page),
        Err(error) => Err(error),
    }
}
