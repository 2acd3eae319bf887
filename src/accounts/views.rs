//! Log in, log out, register.

use rocket::http::{Cookie, CookieJar, Status};
use rocket::request::{self, FromRequest, Request};
use rocket::response::Redirect;
use rocket::time::Duration;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;

use crate::accounts::draft::Draft;
use crate::accounts::forms::{LoginForm, RegisterForm};
use crate::accounts::guards::{COOKIE, Gate, User};
use crate::accounts::models::{self, NewUser, Session};
use crate::accounts::page::{INVALID, Outcome, Page, View};
use crate::accounts::passwords::{Hasher, Verdict};
use crate::accounts::signals::{UserLoggedIn, UserRegistered};
use crate::accounts::site::Site;
use crate::kit::db::{Db, fold_key};
use crate::kit::error::Error;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::signals::Signals;
use crate::kit::throttle::Scope;
use crate::kit::{csrf, flash, paths};

/// Where to go after a log-in: our own page or home.
fn next_page(next: &str) -> String {
    paths::local(next)
        .filter(|path| !["/login", "/register", "/logout"].iter().any(|door| path.starts_with(door)))
        .unwrap_or_else(|| "/".into())
}

/// Django: `LoginView`
#[get("/login?<next>")]
pub fn login_page(page: Page<'_>, next: Option<String>) -> Either<Redirect, View> {
    let next = next_page(&next.unwrap_or_default());
    if page.viewer.0.is_some() {
        return Either::Left(flash::to(next));
    }
    let form = page.form(Drawn::fresh(<LoginForm as Default>::default()));
    Either::Right(page.ok("accounts/login.html", context! { form, next }))
}

/// Django: `LoginView.form_valid`
#[post("/login", data = "<form>")]
pub async fn login(page: Page<'_>, entrance: Entrance<'_>, gate: Gate<'_>, form: Post<LoginForm>) -> Outcome {
    let Post(form) = form;
    let next = next_page(&form.next);
    // Only attempts are counted, per address and per account; the owner waits, but is never shut out for good.
    gate.by_address(Scope::Login)?;
    gate.by_key(Scope::Login, &format!("account:{}", fold_key(&form.login)))?;
    let login = form.login.clone();
    let known = entrance.db.read(move |conn| Ok(models::User::by_login(conn, &login)?)).await?;
    let verdict = entrance.verify(&form.password, known.as_ref()).await?;
    match known.filter(|user| user.is_active && verdict != Verdict::Wrong) {
        Some(user) => {
            let text = Text::new("flash-logged-in").with("name", user.person().shown_name());
            let renewed = (verdict == Verdict::RightButOld).then_some(form.password);
            entrance.admit(user.id, renewed, &gate.address()).await?;
            Ok(Either::Left(flash::success(next, text)))
        }
        None => {
            let errors = FieldErrors::one(FieldErrors::FORM, Text::new("error-login"));
            let form = page.form(Drawn { values: form, errors });
            Ok(Either::Right(page.with(INVALID, "accounts/login.html", context! { form, next })))
        }
    }
}

/// Django: `LogoutView`, by POST alone
#[post("/logout", data = "<_confirmed>")]
pub async fn logout(
    user: Option<User<'_>>,
    entrance: Entrance<'_>,
    hub: &State<Hub>,
    _confirmed: Confirmed,
) -> Result<flash::Said, Error> {
    if let Some(cookie) = entrance.cookies.get(COOKIE) {
        let token = cookie.value().to_owned();
        entrance.db.write_statement(move |conn| Ok(Session::end(conn, &token)?)).await?;
    }
    if let Some(user) = user {
        hub.cut(user.id);
    }
    entrance.cookies.remove(Cookie::build(COOKIE).path("/"));
    csrf::rotate(entrance.request);
    Ok(flash::success("/", Text::new("flash-logged-out")))
}

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
    entrance
        .db
        .write(move |conn| {
            let user = models::User::create(conn, &new)?;
            signals.send(conn, &UserRegistered { user_id: user.id })?;
            Ok(user)
        })
        .await
}

/// The doorkeeper: checks passwords and lets people in. What log-in, registration and set-up share.
pub struct Entrance<'r> {
    request: &'r Request<'r>,
    /// The database.
    pub db: &'r Db,
    cookies: &'r CookieJar<'r>,
    site: &'r Site,
    hasher: &'r Hasher,
    signals: &'r Signals,
}

impl Entrance<'_> {
    /// Takes as long for a person who does not exist as for one who does.
    async fn verify(&self, password: &str, known: Option<&models::User>) -> Result<Verdict, Error> {
        let stored = known.map(|user| user.password.clone());
        let legacy = self.site.facts().legacy_iterations;
        self.hasher
            .verify_evenly(password.to_owned(), stored, legacy)
            .await
            .map_err(|error| Error::Internal(error.to_string()))
    }

    /// Argon2id, off the async threads.
    ///
    /// # Errors
    /// [`Error::Internal`]: no randomness, no memory.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        self.hasher.hash(password).await.map_err(|error| Error::Internal(error.to_string()))
    }

    /// Opens a session under a new id and sets the cookie. An old hash is replaced on this occasion.
    ///
    /// Django: `login()`
    ///
    /// # Errors
    /// Only the database's.
    pub async fn admit(&self, user_id: i64, renew: Option<String>, address: &str) -> Result<(), Error> {
        let renewed = match renew {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let days = i64::from(self.site.config().accounts.session_days);
        let old = self.cookies.get(COOKIE).map(|cookie| cookie.value().to_owned());
        let user_agent = self.request.headers().get_one("User-Agent").unwrap_or_default().to_owned();
        let (signals, address) = (self.signals.clone(), address.to_owned());
        let token = self
            .db
            .write(move |conn| {
                if let Some(old) = old {
                    Session::end(conn, &old)?;
                }
                if let Some(hash) = renewed {
                    models::User::set_password(conn, user_id, &hash)?;
                }
                signals.send(conn, &UserLoggedIn { user_id })?;
                Ok(Session::begin(conn, user_id, days, &user_agent, &address)?)
            })
            .await?;
        let mut cookie = csrf::cookie(self.request, COOKIE, token);
        cookie.set_max_age(Duration::days(days));
        self.cookies.add(cookie);
        csrf::rotate(self.request);
        Ok(())
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Entrance<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        let rocket = request.rocket();
        match (crate::kit::db::of(request), rocket.state(), rocket.state(), rocket.state()) {
            (Some(db), Some(site), Some(hasher), Some(signals)) => {
                request::Outcome::Success(Self { request, db, cookies: request.cookies(), site, hasher, signals })
            }
            _ => request::Outcome::Error((Status::InternalServerError, ())),
        }
    }
}
