//! Registering: at once, or after a word from the e-mail address; on a closed site by invitation.

use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;

use super::entrance::Entrance;
use super::login::next_page;
use crate::accounts::draft::Draft;
use crate::accounts::forms::{ConfirmForm, RegisterForm};
use crate::accounts::guards::Gate;
use crate::accounts::mails;
use crate::accounts::models::registration::{self, FinishError, Pending};
use crate::accounts::models::{self, CreateError, invite, look};
use crate::accounts::page::{INVALID, Outcome, Page, View, again, again_with};
use crate::accounts::signals::UserRegistered;
use crate::accounts::site::Site;
use crate::kit::config::Registration;
use crate::kit::db::{Db, fold_key};
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::outbox::Outbox;
use crate::kit::throttle::Scope;

/// Django: `UserCreationForm` on a page
#[get("/register?<next>&<invite>")]
pub async fn register_page(
    page: Page<'_>,
    site: &Site,
    db: &Db,
    draft: Draft,
    next: Option<String>,
    invite: Option<String>,
) -> Result<Either<Redirect, View>, Error> {
    let next = next_page(&next.unwrap_or_default());
    if page.viewer.0.is_some() {
        return Ok(Either::Left(flash::to(next)));
    }
    let invite = invite.unwrap_or_default();
    if let Door::Shut(refusal) = door(&page, site, db, &invite).await? {
        return Ok(Either::Right(refusal));
    }
    let form = page.form(Drawn::fresh(draft.form::<RegisterForm>().unwrap_or_default()));
    let confirms = site.config().accounts.confirms_email();
    Ok(Either::Right(page.ok("accounts/register.html", context! { form, next, invite, confirms })))
}

/// Whether somebody is let in to register.
enum Door {
    /// He is, and by which invitation if he needs one.
    Open(Option<i64>),
    /// He is not; the page that says why.
    Shut(View),
}

/// A site without anybody to run it takes nobody in; one that is closed takes in who was invited.
async fn door(page: &Page<'_>, site: &Site, db: &Db, token: &str) -> Result<Door, Error> {
    if page.setup_needed() {
        return Ok(Door::Shut(page.with(Status::Forbidden, "accounts/setup_needed.html", context! {})));
    }
    if site.config().accounts.registration == Registration::Open {
        return Ok(Door::Open(None));
    }
    let token = token.to_owned();
    let was_invited = !token.is_empty();
    let invite = db.read(move |conn| Ok(invite::find(conn, &token)?)).await?;
    Ok(match invite {
        Some(id) => Door::Open(Some(id)),
        None => Door::Shut(page.with(Status::Forbidden, "accounts/registration_closed.html", context! { was_invited })),
    })
}

/// Django: `UserCreationForm.save` and `login`
#[post("/register", data = "<form>")]
pub async fn register(
    page: Page<'_>,
    entrance: Entrance<'_>,
    site: &Site,
    outbox: &State<Outbox>,
    gate: Gate<'_>,
    form: Post<RegisterForm>,
) -> Outcome {
    let Post(form) = form;
    let invite = match door(&page, site, entrance.db, &form.invite).await? {
        Door::Open(invite) => invite,
        Door::Shut(refusal) => return Ok(Either::Right(refusal)),
    };
    let next = next_page(&form.next);
    let confirms = site.config().accounts.confirms_email();
    let made = match gate.by_address(Scope::Register) {
        Ok(()) if confirms => wish(&entrance, site, outbox, &gate, &form, invite).await.map(|()| None),
        Ok(()) => create(&entrance, site, &gate, &form, invite).await.map(Some),
        Err(error) => Err(error),
    };
    match made {
        Ok(Some(user)) => {
            entrance.admit(&user, None, &gate.address()).await?;
            let text = Text::new("flash-welcome").with("name", user.person().shown_name());
            Ok(Either::Left(flash::success(next, text)))
        }
        Ok(None) => Ok(Either::Left(flash::info("/register/sent", Text::new("flash-look-into-mail")))),
        Err(error) => {
            let invite = form.invite.clone();
            let draw = |errors| {
                let form = page.form(Drawn { values: form, errors });
                page.with(INVALID, "accounts/register.html", context! { form, next, invite, confirms })
            };
            if confirms { again_with(error, "register-slowed", draw) } else { again(error, draw) }.map(Either::Right)
        }
    }
}

/// Refuses names that are reserved or taken, before anything is counted.
async fn refuse_names(entrance: &Entrance<'_>, site: &Site, username: &str, name: &str) -> Result<(), Error> {
    let reserved = site.refuse_reserved("username", username).err().unwrap_or_default();
    reserved.and(site.refuse_reserved("name", name))?;
    let username = username.to_owned();
    entrance.db.read(move |conn| Ok(look::check(conn, &username, None)?)).await
}

/// Counts the emails that strangers can send to an address. Apart from what its owner does: they may have an account.
fn count_sign_up(gate: &Gate<'_>, email: &str) -> Result<(), Error> {
    gate.by_key(Scope::Reset, &format!("sign-up:{}", fold_key(email)))
}

/// The person, written; the unique columns have the last word on what is taken.
async fn create(
    entrance: &Entrance<'_>,
    site: &Site,
    gate: &Gate<'_>,
    form: &RegisterForm,
    invite: Option<i64>,
) -> Result<models::User, Error> {
    let person = form.clean().map_err(Error::Invalid)?;
    refuse_names(entrance, site, &person.username, &person.name).await?;
    // Signing up and leaving again does not fill somebody's mailbox either.
    count_sign_up(gate, &person.email)?;
    let hash = entrance.hash(person.password.clone()).await?;
    let new = person.with_hash(hash);
    let signals = entrance.signals.clone();
    let user = entrance
        .db
        .write(move |conn| {
            if let Some(id) = invite
                && !invite::spend(conn, id)?
            {
                return Err(Error::Invalid(FieldErrors::one(FieldErrors::FORM, Text::new("error-invite-used"))));
            }
            let user = models::User::create(conn, &new)?;
            signals.send(conn, &UserRegistered { user_id: user.id })?;
            Ok(user)
        })
        .await?;
    entrance.signals.after(&UserRegistered { user_id: user.id });
    Ok(user)
}

/// The wish, kept until the address answers. All of it is the same for an address that has an account: its owner is told
/// by the letter, and nobody else. User names are no secret, so a taken one is said at once.
async fn wish(
    entrance: &Entrance<'_>,
    site: &Site,
    outbox: &Outbox,
    gate: &Gate<'_>,
    form: &RegisterForm,
    invite: Option<i64>,
) -> Result<(), Error> {
    let new = form.clean_wish().map_err(Error::Invalid)?;
    refuse_names(entrance, site, &new.username, &new.name).await?;
    // Each email that is sent holds a link by which its owner makes an account: nobody is kept out.
    count_sign_up(gate, &new.email)?;
    let letters = outbox.clone();
    entrance
        .db
        .write(move |conn| {
            let registration_id = registration::wish(conn, &new, invite)?;
            Ok(letters.put(conn, &mails::ConfirmRegistration { registration_id })?)
        })
        .await?;
    outbox.wake();
    Ok(())
}

/// What to do now.
#[get("/register/sent")]
pub fn sent(page: Page<'_>) -> View {
    page.ok("accounts/register_sent.html", context! {})
}

/// The link of the email: names and password are chosen here, by the owner of the address, since anybody may have typed it.
#[get("/register/confirm/<token>")]
pub async fn confirm_page(page: Page<'_>, db: &Db, token: &str) -> Result<View, Error> {
    let pending = match waiting(db, token).await? {
        Ok(pending) => pending,
        Err(reason) => return Ok(expired(&page, page.t(&Text::new(reason)))),
    };
    let form = ConfirmForm { name: pending.name, username: pending.username, ..ConfirmForm::default() };
    Ok(draw_confirm(&page, token, &pending.email, Drawn::fresh(form)))
}

/// The wish that the link is about, or why it works no longer.
async fn waiting(db: &Db, token: &str) -> Result<Result<Pending, &'static str>, Error> {
    let token = token.to_owned();
    db.read(move |conn| {
        let Some(pending) = registration::by_token(conn, &token)? else { return Ok(Err("register-expired-text")) };
        // Another link for this address was quicker.
        let is_taken = models::User::by_email(conn, &pending.email)?.is_some();
        Ok(if is_taken { Err("register-email-taken") } else { Ok(pending) })
    })
    .await
}

fn draw_confirm(page: &Page<'_>, token: &str, email: &str, drawn: Drawn<ConfirmForm>) -> View {
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    let action = format!("/register/confirm/{token}");
    page.with(status, "accounts/register_confirm.html", context! { form, email, action })
}

fn expired(page: &Page<'_>, text: String) -> View {
    page.with(Status::NotFound, "accounts/register_expired.html", context! { text })
}

/// Makes the account and logs its owner in.
#[post("/register/confirm/<token>", data = "<form>")]
pub async fn confirm(
    page: Page<'_>,
    entrance: Entrance<'_>,
    site: &Site,
    gate: Gate<'_>,
    token: &str,
    form: Post<ConfirmForm>,
) -> Outcome {
    let Post(form) = form;
    let pending = match waiting(entrance.db, token).await? {
        Ok(pending) => pending,
        Err(reason) => return Ok(Either::Right(expired(&page, page.t(&Text::new(reason))))),
    };
    match finish(&entrance, site, &gate, token, &form, &pending).await {
        Ok(user) => {
            entrance.admit(&user, None, &gate.address()).await?;
            let text = Text::new("flash-welcome").with("name", user.person().shown_name());
            Ok(Either::Left(flash::success("/", text)))
        }
        Err(Error::Invalid(errors)) => {
            // What is wrong with the link itself stands at no field.
            let of_link = page.errors(&errors).remove(FieldErrors::FORM);
            Ok(Either::Right(match of_link {
                Some(texts) => expired(&page, texts.join(" ")),
                None => draw_confirm(&page, token, &pending.email, Drawn { values: form, errors }),
            }))
        }
        Err(error) => {
            let draw = |errors| draw_confirm(&page, token, &pending.email, Drawn { values: form, errors });
            again(error, draw).map(Either::Right)
        }
    }
}

async fn finish(
    entrance: &Entrance<'_>,
    site: &Site,
    gate: &Gate<'_>,
    token: &str,
    form: &ConfirmForm,
    pending: &Pending,
) -> Result<models::User, Error> {
    // Hashing is dear; only the holder of the link uses up these attempts.
    gate.by_key(Scope::Register, &format!("link:{}", pending.id))?;
    let person = form.clean(&pending.email).map_err(Error::Invalid)?;
    refuse_names(entrance, site, &person.username, &person.name).await?;
    let hash = entrance.hash(person.password.clone()).await?;
    let (new, token, signals) = (person.with_hash(hash), token.to_owned(), entrance.signals.clone());
    let is_open = site.config().accounts.registration == Registration::Open;
    let user = entrance
        .db
        .write(move |conn| match registration::finish(conn, &token, is_open, new.clone()) {
            Ok(user) => {
                signals.send(conn, &UserRegistered { user_id: user.id })?;
                Ok(user)
            }
            // An error undoes what was written so far.
            Err(FinishError::Taken(error @ (CreateError::UsernameTaken | CreateError::UsernameSimilar))) => {
                Err(error.into())
            }
            Err(FinishError::Taken(CreateError::Db(error))) => Err(error.into()),
            Err(refused) => Err(Error::Invalid(FieldErrors::one(FieldErrors::FORM, Text::new(reason(&refused))))),
        })
        .await?;
    entrance.signals.after(&UserRegistered { user_id: user.id });
    Ok(user)
}

/// Why the link works no longer.
fn reason(refused: &FinishError) -> &'static str {
    match refused {
        FinishError::Expired => "register-expired-text",
        FinishError::Closed => "register-closed-meanwhile",
        FinishError::NoPlace => "error-invite-used",
        FinishError::Taken(_) => "register-email-taken",
    }
}
