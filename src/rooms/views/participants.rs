//! Who is in a room: leaving it, and the host's word on who may speak.

use rocket::http::Status;
use rocket::{State, post};

use crate::accounts::guards::{Gate, User, Viewer};
use crate::accounts::models;
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Post};
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::paths::Id;
use crate::rooms::models::{participant, room};
use crate::rooms::talk::Farewell;

/// Takes oneself out of the list.
#[post("/rooms/<id>/leave", data = "<_confirmed>")]
pub async fn leave(user: User<'_>, db: &Db, id: Id, _confirmed: Confirmed) -> Result<flash::Said, Error> {
    let user_id = user.id;
    let url = db
        .write(move |conn| {
            let room = room::find(conn, id.0)?;
            participant::leave(conn, id.0, user_id)?;
            Ok(room.url)
        })
        .await?;
    Ok(flash::success(url, Text::new("flash-left-room")))
}

/// The host takes a person out of his room: no more posting there.
#[post("/rooms/<id>/participants/<username>/remove", data = "<_confirmed>")]
pub async fn remove(
    user: User<'_>,
    db: &Db,
    id: Id,
    username: String,
    _confirmed: Confirmed,
) -> Result<flash::Said, Error> {
    change(&user, db, id, username, true).await
}

/// The host lets him in again.
#[post("/rooms/<id>/participants/<username>/restore", data = "<_confirmed>")]
pub async fn restore(
    user: User<'_>,
    db: &Db,
    id: Id,
    username: String,
    _confirmed: Confirmed,
) -> Result<flash::Said, Error> {
    change(&user, db, id, username, false).await
}

async fn change(user: &User<'_>, db: &Db, id: Id, username: String, removed: bool) -> Result<flash::Said, Error> {
    let (user_id, is_staff) = (user.id, user.is_staff);
    let (url, person) = db
        .write(move |conn| {
            let room = room::find(conn, id.0)?;
            if !room.is_managed_by(user_id, is_staff) {
                return Err(Error::Forbidden);
            }
            let person = models::User::by_username(conn, &username)?;
            // A host cannot be taken out of his own room.
            if removed && room.host.as_ref().is_some_and(|host| host.id == person.id) {
                return Err(Error::Forbidden);
            }
            if !participant::set_removed(conn, id.0, person.id, removed)? {
                return Err(Error::NotFound);
            }
            Ok((room.url, person.person()))
        })
        .await?;
    let key = if removed { "flash-participant-removed" } else { "flash-participant-restored" };
    Ok(flash::success(url, Text::new(key).with("name", person.shown_name())))
}

/// A window closes.
#[post("/rooms/<id>/away", data = "<form>")]
pub async fn away(
    viewer: Viewer<'_>,
    gate: Gate<'_>,
    db: &Db,
    hub: &State<Hub>,
    id: Id,
    form: Post<Farewell>,
) -> Result<Status, Error> {
    let Post(farewell) = form;
    let room = db.read(move |conn| Ok(room::find(conn, id.0)?)).await?;
    farewell.heed(&viewer, &gate, db, hub, room).await
}
