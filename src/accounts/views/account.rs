//! One's own account: what there is to it, and where it is logged in.

use std::collections::HashSet;

use rocket::{State, get, post};
use rocket_dyn_templates::context;
use serde::Serialize;

use crate::accounts::devices;
use crate::accounts::guards::{User, Viewer};
use crate::accounts::models::Session;
use crate::accounts::page::{Page, View};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::Confirmed;
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::outbox::Outbox;
use crate::kit::paths::Id;
use crate::kit::time;

/// The way to all pages of one's account.
#[get("/account")]
pub fn overview(page: Page<'_>, user: User<'_>, outbox: &State<Outbox>) -> View {
    page.ok(
        "accounts/account.html",
        context! { email: &user.email, joined: time::iso(user.date_joined), mail: outbox.is_on() },
    )
}

/// A log-in, as its owner sees it.
#[derive(Serialize)]
struct Shown {
    id: i64,
    device: String,
    address: String,
    begun: String,
    seen: String,
    is_this: bool,
}

/// Where this account is logged in.
#[get("/account/sessions")]
pub async fn sessions(page: Page<'_>, user: User<'_>, viewer: Viewer<'_>, db: &Db) -> Result<View, Error> {
    let (user_id, this) = (user.id, viewer.session_id());
    let sessions = db.read(move |conn| Ok(Session::of(conn, user_id)?)).await?;
    let shown = |session: Session| Shown {
        id: session.id,
        device: page.t(&devices::describe(&session.user_agent)),
        address: session.address,
        begun: time::iso(session.created),
        seen: time::iso(session.last_seen),
        is_this: Some(session.id) == this,
    };
    let mut sessions: Vec<Shown> = sessions.into_iter().map(shown).collect();
    sessions.sort_by_key(|session| !session.is_this);
    Ok(page
        .ok("accounts/sessions.html", context! { others: sessions.iter().any(|session| !session.is_this), sessions }))
}

/// Ends one of one's own sessions; another's does not exist.
#[post("/account/sessions/<id>/end", data = "<_confirmed>")]
pub async fn end_session(
    user: User<'_>,
    viewer: Viewer<'_>,
    db: &Db,
    hub: &State<Hub>,
    id: Id,
    _confirmed: Confirmed,
) -> Result<flash::Said, Error> {
    let user_id = user.id;
    if !db.write(move |conn| Ok(Session::end_one(conn, user_id, id.0)?)).await? {
        return Err(Error::NotFound);
    }
    hub.cut_sessions(&HashSet::from([id.0]));
    let next = if viewer.session_id() == Some(id.0) { "/login" } else { "/account/sessions" };
    Ok(flash::success(next, Text::new("flash-session-ended")))
}

/// Ends all of one's sessions but this one.
#[post("/account/sessions/end-others", data = "<_confirmed>")]
pub async fn end_others(
    user: User<'_>,
    viewer: Viewer<'_>,
    db: &Db,
    hub: &State<Hub>,
    _confirmed: Confirmed,
) -> Result<flash::Said, Error> {
    let (user_id, this) = (user.id, viewer.session_id().ok_or(Error::NotFound)?);
    let ended: HashSet<i64> = db.write(move |conn| Ok(Session::end_others(conn, user_id, this)?)).await?;
    hub.cut_sessions(&ended);
    Ok(flash::success("/account/sessions", Text::new("flash-sessions-ended").with("count", ended.len())))
}
