//! Registering: at once, or after a word from the e-mail address; on a closed site by invitation.

use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;

use super::entrance::Entrance;
use super::login::next_page;
use crate::accounts::draft::Draft;
use crate::accounts::forms::RegisterForm;
use crate::accounts::guards::Gate;
use crate::accounts::mails;
use crate::accounts::models::registration::{self, FinishError};
use crate::accounts::models::{self, CreateError, NewUser, invite, look};
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::accounts::signals::UserRegistered;
use crate::accounts::site::Site;
use crate::kit::config::Registration;
use crate::kit::db::{Db, fold_key};
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
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
    Ok(Either::Right(page.ok("accounts/register.html", context! { form, next, invite })))
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
    let made = if site.config().accounts.confirms_email() {
        wish(&entrance, outbox, &gate, &form, invite).await.map(|()| None)
    } else {
        create(&entrance, &gate, &form, invite).await.map(Some)
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
                page.with(INVALID, "accounts/register.html", context! { form, next, invite })
            };
            again(error, draw).map(Either::Right)
        }
    }
}

/// The person of this form, his password hashed.
async fn cleaned(entrance: &Entrance<'_>, gate: &Gate<'_>, form: &RegisterForm) -> Result<NewUser, Error> {
    gate.by_address(Scope::Register)?;
    let person = form.clean().map_err(Error::Invalid)?;
    let hash = entrance.hash(person.password.clone()).await?;
    Ok(person.with_hash(hash))
}

/// Counts the emails that strangers can send to an address. Apart from what its owner does: they may have an account.
fn count_sign_up(gate: &Gate<'_>, email: &str) -> Result<(), Error> {
    gate.by_key(Scope::Reset, &format!("sign-up:{}", fold_key(email)))
}

/// The person, written; the unique columns have the last word on what is taken.
async fn create(
    entrance: &Entrance<'_>,
    gate: &Gate<'_>,
    form: &RegisterForm,
    invite: Option<i64>,
) -> Result<models::User, Error> {
    let new = cleaned(entrance, gate, form).await?;
    // Signing up and leaving again does not fill somebody's mailbox either.
    count_sign_up(gate, &new.email)?;
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
    outbox: &Outbox,
    gate: &Gate<'_>,
    form: &RegisterForm,
    invite: Option<i64>,
) -> Result<(), Error> {
    let new = cleaned(entrance, gate, form).await?;
    count_sign_up(gate, &new.email)?;
    let letters = outbox.clone();
    entrance
        .db
        .write(move |conn| {
            look::check(conn, &new.username, None)?;
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

/// The link of the letter: a page with a button, for programs look at links too.
#[get("/register/confirm/<token>")]
pub async fn confirm_page(page: Page<'_>, db: &Db, token: &str) -> Result<View, Error> {
    let wanted = token.to_owned();
    let pending = db.read(move |conn| Ok(registration::by_token(conn, &wanted)?)).await?;
    Ok(match pending {
        Some(pending) => {
            let action = format!("/register/confirm/{token}");
            page.ok(
                "accounts/register_confirm.html",
                context! { username: pending.username, email: pending.email, action },
            )
        }
        None => expired(&page, page.t(&Text::new("register-expired-text"))),
    })
}

fn expired(page: &Page<'_>, text: String) -> View {
    page.with(Status::NotFound, "accounts/register_expired.html", context! { text })
}

/// The account is made. Who clicks need not be who chose the password, so it opens no session.
#[post("/register/confirm/<token>", data = "<_confirmed>")]
pub async fn confirm(
    page: Page<'_>,
    entrance: Entrance<'_>,
    site: &Site,
    token: &str,
    _confirmed: Confirmed,
) -> Outcome {
    let (wanted, signals) = (token.to_owned(), entrance.signals.clone());
    let is_open = site.config().accounts.registration == Registration::Open;
    let made = entrance
        .db
        .write(move |conn| match registration::finish(conn, &wanted, is_open) {
            Ok(user) => {
                signals.send(conn, &UserRegistered { user_id: user.id })?;
                Ok(user)
            }
            // An error undoes what was written so far.
            Err(FinishError::Taken(CreateError::Db(error))) => Err(error.into()),
            Err(refused) => Err(Error::Invalid(FieldErrors::one(FieldErrors::FORM, Text::new(reason(&refused))))),
        })
        .await;
    match made {
        Ok(user) => {
            entrance.signals.after(&UserRegistered { user_id: user.id });
            Ok(Either::Left(flash::success("/login", Text::new("flash-confirmed"))))
        }
        Err(Error::Invalid(errors)) => {
            let text = page.errors(&errors).remove(FieldErrors::FORM).unwrap_or_default().join(" ");
            Ok(Either::Right(expired(&page, text)))
        }
        Err(error) => Err(error),
    }
}

fn reason(refused: &FinishError) -> &'static str {
    match refused {
        FinishError::Expired | FinishError::Taken(CreateError::Db(_)) => "register-expired-text",
        FinishError::Closed => "register-closed-meanwhile",
        FinishError::NoPlace => "error-invite-used",
        FinishError::Taken(CreateError::UsernameTaken | CreateError::UsernameSimilar) => "register-username-taken",
        FinishError::Taken(CreateError::EmailTaken) => "register-email-taken",
    }
}
