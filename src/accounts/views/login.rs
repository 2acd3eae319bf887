//! Log in, log out.

use rocket::response::Redirect;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;

use super::entrance::Entrance;
use super::second_factor::code_url;
use crate::accounts::draft::Draft;
use crate::accounts::forms::LoginForm;
use crate::accounts::guards::{Gate, User};
use crate::accounts::models::{self, Session, kept};
use crate::accounts::page::{INVALID, Outcome, Page, View, again_with};
use crate::accounts::passwords::Verdict;
use crate::kit::cookies::{self, Cookie};
use crate::kit::error::Error;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::outbox::Outbox;
use crate::kit::{csrf, flash, paths};

/// Where to go after a log-in: our own page or home.
pub(super) fn next_page(next: &str) -> String {
    paths::local(next)
        .filter(|path| !["/login", "/register", "/logout"].iter().any(|door| path.starts_with(door)))
        .unwrap_or_else(|| "/".into())
}

/// Django: `LoginView`
#[get("/login?<next>")]
pub fn login_page(page: Page<'_>, draft: Draft, next: Option<String>) -> Either<Redirect, View> {
    let next = next_page(&next.unwrap_or_default());
    if page.viewer.0.is_some() {
        return Either::Left(flash::to(next));
    }
    let form = page.form(Drawn::fresh(draft.form::<LoginForm>().unwrap_or_default()));
    Either::Right(page.ok("accounts/login.html", context! { form, next }))
}

/// Django: `LoginView.form_valid`
#[post("/login", data = "<form>")]
pub async fn login(
    page: Page<'_>,
    entrance: Entrance<'_>,
    outbox: &State<Outbox>,
    gate: Gate<'_>,
    form: Post<LoginForm>,
) -> Outcome {
    let Post(form) = form;
    let next = next_page(&form.next);
    match tried(&entrance, &gate, &form, &next).await {
        Ok(said) => Ok(Either::Left(said)),
        Err(error) => {
            let draw = |errors| {
                let form = page.form(Drawn { values: form, errors });
                page.with(INVALID, "accounts/login.html", context! { form, next })
            };
            // Somebody else may have used up the attempts: how the owner gets in all the same.
            let help = if outbox.is_on() { "login-slowed-mail" } else { "login-slowed" };
            again_with(error, help, draw).map(Either::Right)
        }
    }
}

async fn tried(entrance: &Entrance<'_>, gate: &Gate<'_>, form: &LoginForm, next: &str) -> Result<flash::Said, Error> {
    let mut known = entrance.count_login(gate, &form.login).await?;
    // Of two who come at once with a password whose hash is old, the first has it made anew: the other is looked at again.
    for _ in 0..2 {
        let verdict = entrance.verify(&form.password, known.as_ref()).await?;
        let Some(user) = known.filter(|user| user.is_active && verdict != Verdict::Wrong) else { break };
        let renew = (verdict == Verdict::RightButOld).then(|| form.password.clone());
        if let Some(said) = entered(entrance, gate, &user, renew, next).await? {
            return Ok(said);
        }
        known = entrance.db.read(move |conn| Ok(models::User::by_id(conn, user.id)?)).await?;
    }
    Err(Error::Invalid(FieldErrors::one(FieldErrors::FORM, Text::new("error-login"))))
}

/// Lets in whose password was right, or sends him on to the code. None: it is not his password any more.
async fn entered(
    entrance: &Entrance<'_>,
    gate: &Gate<'_>,
    user: &models::User,
    renew: Option<String>,
    next: &str,
) -> Result<Option<flash::Said>, Error> {
    if entrance.asks_for_code(user.id).await? {
        let hash = match renew {
            Some(password) => entrance.renew(user, password).await?,
            None => Some(user.password.clone()),
        };
        return Ok(hash.map(|hash| {
            entrance.remember_password(user.id, &hash);
            flash::info(code_url(next), Text::new("flash-code-next"))
        }));
    }
    let text = Text::new("flash-logged-in").with("name", user.person().shown_name());
    let is_in = entrance.admit(user, renew, &gate.address()).await?;
    Ok(is_in.then(|| flash::success(next, text)))
}

/// Django: `LogoutView`, by POST alone
#[post("/logout", data = "<_confirmed>")]
pub async fn logout(
    user: Option<User<'_>>,
    entrance: Entrance<'_>,
    hub: &State<Hub>,
    _confirmed: Confirmed,
) -> Result<flash::Said, Error> {
    if let Some(token) = cookies::get(entrance.request, Cookie::Session).map(ToOwned::to_owned) {
        entrance.db.write_statement(move |conn| Ok(Session::end(conn, &token)?)).await?;
    }
    if let Some(token) = cookies::get(entrance.request, Cookie::SavedForm).map(ToOwned::to_owned) {
        let viewer = user.as_ref().map(|user| user.id);
        entrance.db.write_statement(move |conn| Ok(kept::forget(conn, &token, viewer)?)).await?;
        cookies::remove(entrance.request, Cookie::SavedForm);
    }
    if let Some(user) = user {
        hub.cut(user.id);
    }
    cookies::remove(entrance.request, Cookie::Session);
    csrf::rotate(entrance.request);
    Ok(flash::success("/", Text::new("flash-logged-out")))
}
