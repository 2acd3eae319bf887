//! Log in, log out.

use rocket::http::Cookie;
use rocket::response::Redirect;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;

use super::entrance::Entrance;
use super::second_factor::code_url;
use crate::accounts::forms::LoginForm;
use crate::accounts::guards::{COOKIE, Gate, User};
use crate::accounts::models::{self, Session};
use crate::accounts::page::{INVALID, Outcome, Page, View};
use crate::accounts::passwords::Verdict;
use crate::kit::error::Error;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::throttle::Scope;
use crate::kit::{csrf, flash, paths};

/// Where to go after a log-in: our own page or home.
pub(super) fn next_page(next: &str) -> String {
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
    gate.by_address(Scope::Login)?;
    let login = form.login.clone();
    let known = entrance.db.read(move |conn| Ok(models::User::by_login(conn, &login)?)).await?;
    gate.by_key(Scope::Login, &entrance.attempt_key(&form.login, known.as_ref()))?;
    let verdict = entrance.verify(&form.password, known.as_ref()).await?;
    match known.filter(|user| user.is_active && verdict != Verdict::Wrong) {
        Some(user) if entrance.asks_for_code(user.id).await? => {
            let hash = match verdict {
                Verdict::RightButOld => entrance.renew(user.id, form.password).await?,
                _ => user.password,
            };
            entrance.remember_password(user.id, &hash);
            Ok(Either::Left(flash::info(code_url(&next), Text::new("flash-code-next"))))
        }
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
