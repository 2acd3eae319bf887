//! The second factor: asked for at the log-in, set up and taken away at `/account/second-factor`.
//!
//! Django: `django-otp`

use rocket::http::{Header, Status};
use rocket::response::Redirect;
use rocket::{Either, Responder, State, get, post};
use rocket_dyn_templates::context;
use serde::Serialize;

use super::entrance::Entrance;
use super::login::next_page;
use crate::accounts::errors::login_url;
use crate::accounts::forms::{CodeForm, OwnerForm};
use crate::accounts::guards::{Gate, User};
use crate::accounts::mails;
use crate::accounts::models::{self, second_factor};
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::accounts::site::Site;
use crate::accounts::totp;
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::forms::{Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::outbox::Outbox;
use crate::kit::paginate::encode_query;
use crate::kit::throttle::Scope;
use crate::kit::{flash, qr, time};

/// Where the code is asked for, on the way to `next`.
pub(super) fn code_url(next: &str) -> String {
    format!("/login/code?next={}", encode_query(next))
}

/// The page that asks for the code; without the password before, back to the log-in.
#[get("/login/code?<next>")]
pub async fn code_page(
    page: Page<'_>,
    entrance: Entrance<'_>,
    next: Option<String>,
) -> Result<Either<Redirect, View>, Error> {
    let next = next_page(&next.unwrap_or_default());
    if entrance.remembered().await?.is_none() {
        return Ok(Either::Left(flash::to(login_url(&next))));
    }
    let form = page.form(Drawn::fresh(CodeForm::default()));
    Ok(Either::Right(page.ok("accounts/login_code.html", context! { form, next })))
}

/// Lets in who gives the code of the app, or a recovery code. What was wrong with another is not told.
#[post("/login/code", data = "<form>")]
pub async fn code(page: Page<'_>, entrance: Entrance<'_>, gate: Gate<'_>, form: Post<CodeForm>) -> Outcome {
    let Post(form) = form;
    let next = next_page(&form.next);
    let Some(user) = entrance.remembered().await? else {
        return Ok(Either::Left(flash::info(login_url(&next), Text::new("flash-code-late"))));
    };
    match spent(&entrance, &gate, &user, form.code).await {
        Ok(left) => {
            entrance.forget_password();
            if !entrance.admit(&user, None, &gate.address()).await? {
                // He has another password by now; the one that was given is worth nothing.
                return Ok(Either::Left(flash::info(login_url(&next), Text::new("flash-code-late"))));
            }
            let name = user.person().shown_name().to_owned();
            Ok(Either::Left(match left {
                Some(left) => flash::info(next, Text::new("flash-recovery-used").with("count", left)),
                None => flash::success(next, Text::new("flash-logged-in").with("name", name)),
            }))
        }
        Err(error) => {
            let draw = |errors| {
                let form = page.form(Drawn { values: CodeForm::default(), errors });
                page.with(INVALID, "accounts/login_code.html", context! { form, next })
            };
            again(error, draw).map(Either::Right)
        }
    }
}

/// Uses the code up, or says that it is none. Gives how many recovery codes are left when it was one of them.
async fn spent(
    entrance: &Entrance<'_>,
    gate: &Gate<'_>,
    user: &models::User,
    typed: String,
) -> Result<Option<i64>, Error> {
    // Not by the address: strangers behind the same one would keep out somebody whose password was right.
    gate.by_key(Scope::Code, &entrance.second_attempt_key(user))?;
    let user_id = user.id;
    entrance
        .db
        .write(move |conn| {
            // Taken away meanwhile, in another browser or by the command: the password is enough.
            let Some(secret) = second_factor::required(conn, user_id)? else { return Ok(None) };
            if let Some(step) = totp::step_of(&secret, &typed, time::now().and_utc().timestamp()) {
                return if second_factor::spend_step(conn, user_id, step)? { Ok(None) } else { Err(wrong_code()) };
            }
            if second_factor::spend_recovery_code(conn, user_id, &typed)? {
                return Ok(Some(second_factor::recovery_codes_left(conn, user_id)?));
            }
            Err(wrong_code())
        })
        .await
}

fn wrong_code() -> Error {
    Error::Invalid(FieldErrors::one("code", Text::new("error-code")))
}

/// How it stands, and what one can do.
#[get("/account/second-factor")]
pub async fn overview(page: Page<'_>, user: User<'_>, db: &Db, site: &Site) -> Result<View, Error> {
    let left = left(db, user.id).await?;
    Ok(draw(&page, &user, site, left, FieldErrors::default()))
}

/// How many recovery codes are left; none when it is off.
async fn left(db: &Db, user_id: i64) -> Result<Option<i64>, Error> {
    db.read(move |conn| {
        let is_on = second_factor::required(conn, user_id)?.is_some();
        Ok(if is_on { Some(second_factor::recovery_codes_left(conn, user_id)?) } else { None })
    })
    .await
}

fn draw(page: &Page<'_>, user: &User<'_>, site: &Site, left: Option<i64>, errors: FieldErrors) -> View {
    let status = if errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(Drawn { values: OwnerForm::default(), errors });
    let is_needed = user.is_staff && site.config().accounts.staff_needs_code();
    let context = context! { form, username: &user.username, is_on: left.is_some(), left, is_needed };
    page.with(status, "accounts/second_factor.html", context)
}

/// A page that no browser keeps: it shows what is shown once.
fn unkept(view: View) -> Unkept {
    Unkept { view, cache: Header::new("Cache-Control", "private, no-store") }
}

/// See [`unkept`].
#[derive(Responder)]
pub struct Unkept {
    view: View,
    cache: Header<'static>,
}

/// Makes a secret and shows it, for the app and for the eye. It counts when a first code was right.
#[post("/account/second-factor", data = "<form>")]
pub async fn begin(
    page: Page<'_>,
    user: User<'_>,
    entrance: Entrance<'_>,
    site: &Site,
    gate: Gate<'_>,
    form: Post<OwnerForm>,
) -> Result<Unkept, Error> {
    let Post(form) = form;
    let (user_id, secret) = (user.id, totp::new_secret());
    let kept = secret.clone();
    let begun = match entrance.needs_owner(&gate, &user, &form).await {
        Ok(()) => entrance.db.write(move |conn| Ok(second_factor::begin(conn, user_id, &kept)?)).await,
        Err(error) => Err(error),
    };
    match begun {
        // It is on: its own page has nothing that leads here.
        Ok(false) => Err(Error::NotFound),
        Ok(true) => Ok(unkept(secret_page(&page, &user, site, &secret, FieldErrors::default()))),
        Err(error) => refused(&page, &user, entrance.db, site, error).await,
    }
}

/// The overview again, with what is wrong.
async fn refused(page: &Page<'_>, user: &User<'_>, db: &Db, site: &Site, error: Error) -> Result<Unkept, Error> {
    if !matches!(error, Error::Invalid(_) | Error::Throttled(_)) {
        return Err(error);
    }
    let left = left(db, user.id).await?;
    again(error, |errors| draw(page, user, site, left, errors)).map(unkept)
}

fn secret_page(page: &Page<'_>, user: &User<'_>, site: &Site, secret: &str, errors: FieldErrors) -> View {
    let uri = totp::uri(secret, &site.facts().name, &user.username);
    let groups: Vec<&str> = secret.as_bytes().chunks(4).filter_map(|part| std::str::from_utf8(part).ok()).collect();
    let status = if errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(Drawn { values: CodeForm::default(), errors });
    let context = context! { form, qr: qr::svg(&uri), uri, secret: groups.join(" ") };
    page.with(status, "accounts/second_factor_secret.html", context)
}

/// A first code: from now on it counts, and the recovery codes are shown, once.
#[post("/account/second-factor/confirm", data = "<form>")]
pub async fn confirm(
    page: Page<'_>,
    user: User<'_>,
    db: &Db,
    site: &Site,
    outbox: &State<Outbox>,
    gate: Gate<'_>,
    form: Post<CodeForm>,
) -> Result<Either<Unkept, Redirect>, Error> {
    let Post(form) = form;
    let user_id = user.id;
    let factor = db.read(move |conn| Ok(second_factor::find(conn, user_id)?)).await?;
    let Some(factor) = factor.filter(|factor| factor.confirmed.is_none()) else {
        return Ok(Either::Right(flash::to("/account/second-factor")));
    };
    let session = page.viewer.session_id().unwrap_or_default();
    let step = gate.by_key(Scope::Login, &format!("first-code:{user_id}:{session}")).and_then(|()| {
        totp::step_of(&factor.secret, &form.code, time::now().and_utc().timestamp()).ok_or_else(wrong_code)
    });
    let step = match step {
        Ok(step) => step,
        Err(error) => {
            let view = again(error, |errors| secret_page(&page, &user, site, &factor.secret, errors))?;
            return Ok(Either::Left(unkept(view)));
        }
    };
    let letters = outbox.inner().clone();
    let codes = db
        .write(move |conn| {
            let codes = second_factor::confirm(conn, user_id, step)?;
            if codes.is_some() {
                letters.put(conn, &mails::SecondFactorChanged { user_id, is_on: true })?;
            }
            Ok(codes)
        })
        .await?;
    outbox.wake();
    Ok(match codes {
        Some(codes) => Either::Left(codes_page(&page, codes)),
        None => Either::Right(flash::to("/account/second-factor")),
    })
}

fn codes_page(page: &Page<'_>, codes: impl Serialize) -> Unkept {
    unkept(page.ok("accounts/recovery_codes.html", context! { codes }))
}

/// Ten new recovery codes, shown once; the earlier ones are worth nothing then.
#[post("/account/second-factor/codes", data = "<form>")]
pub async fn renew_codes(
    page: Page<'_>,
    user: User<'_>,
    entrance: Entrance<'_>,
    site: &Site,
    gate: Gate<'_>,
    form: Post<OwnerForm>,
) -> Result<Unkept, Error> {
    let Post(form) = form;
    let user_id = user.id;
    if let Err(error) = entrance.needs_owner(&gate, &user, &form).await {
        return refused(&page, &user, entrance.db, site, error).await;
    }
    let made = entrance.db.write(move |conn| {
        second_factor::required(conn, user_id)?.ok_or(Error::NotFound)?;
        Ok(second_factor::renew_recovery_codes(conn, user_id)?)
    });
    Ok(codes_page(&page, made.await?))
}

/// From now on the password alone lets in again.
#[post("/account/second-factor/remove", data = "<form>")]
pub async fn remove(
    page: Page<'_>,
    user: User<'_>,
    entrance: Entrance<'_>,
    site: &Site,
    outbox: &State<Outbox>,
    gate: Gate<'_>,
    form: Post<OwnerForm>,
) -> Result<Either<flash::Said, Unkept>, Error> {
    let Post(form) = form;
    let (user_id, letters) = (user.id, outbox.inner().clone());
    let may = entrance.needs_owner(&gate, &user, &form).await.and_then(|()| gate.by_notice(&user));
    if let Err(error) = may {
        return refused(&page, &user, entrance.db, site, error).await.map(Either::Right);
    }
    entrance
        .db
        .write(move |conn| {
            if second_factor::remove(conn, user_id)? {
                letters.put(conn, &mails::SecondFactorChanged { user_id, is_on: false })?;
            }
            Ok(())
        })
        .await?;
    outbox.wake();
    Ok(Either::Left(flash::success("/account/second-factor", Text::new("flash-second-factor-off"))))
}
