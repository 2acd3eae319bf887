//! The door to the chat rooms, and a room.

use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;
use serde::Serialize;

use super::{count, speaker};
use crate::accounts::draft::Draft;
use crate::accounts::guards::{Gate, Viewer};
use crate::accounts::page::{INVALID, Page, View, throttled};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Drawn, FieldErrors, FormContext, Post};
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::slug;
use crate::lobby::forms::{JoinForm, NAME, SayForm, guest_name};
use crate::lobby::guests::Guest;
use crate::lobby::models::{self, Speaker};
use crate::rooms::models::message::Message;
use crate::rooms::models::room::Room;
use crate::rooms::talk::{self, Farewell, Posted, Talk, Voice, Window};

/// The door lists so many rooms.
const LISTED: i64 = 12;

/// Draws the door. `is_missing`: the room that was asked for is not there, but could be.
async fn draw_door(
    page: &Page<'_>,
    db: &Db,
    status: Status,
    drawn: Drawn<JoinForm>,
    is_missing: bool,
) -> Result<View, Error> {
    let rooms = db.read(|conn| Ok(models::lately(conn, LISTED)?)).await?;
    let form = page.form(drawn);
    Ok(page.with(status, "lobby/door.html", context! { form, rooms, is_missing }))
}

/// Django: `views.home`
#[get("/chat?<room_name>&<username>")]
pub async fn door(
    page: Page<'_>,
    db: &Db,
    guest: Guest<'_>,
    draft: Draft,
    room_name: Option<String>,
    username: Option<String>,
) -> Result<View, Error> {
    if let Some(form) = draft.form::<JoinForm>() {
        return draw_door(&page, db, Status::Ok, Drawn::fresh(form), false).await;
    }
    let username = username.or(guest.name).unwrap_or_default();
    let form = JoinForm { room_name: room_name.unwrap_or_default(), username };
    draw_door(&page, db, Status::Ok, Drawn::fresh(form), false).await
}

/// Finds or makes the room and lets one in.
///
/// Django: `views.checkview`
#[post("/chat", data = "<form>")]
pub async fn join(
    page: Page<'_>,
    db: &Db,
    gate: Gate<'_>,
    guest: Guest<'_>,
    form: Post<JoinForm>,
) -> Result<Either<Box<Redirect>, View>, Error> {
    let Post(form) = form;
    match enter(&page.viewer, db, &gate, &guest, &form).await {
        Ok(url) => Ok(Either::Left(Box::new(flash::to(url)))),
        Err(Error::Invalid(errors)) => {
            Ok(Either::Right(draw_door(&page, db, INVALID, Drawn { values: form, errors }, false).await?))
        }
        Err(Error::Throttled(after)) => {
            let errors = FieldErrors::one(FieldErrors::FORM, throttled(after));
            let again = draw_door(&page, db, INVALID, Drawn { values: form, errors }, false).await?;
            Ok(Either::Right(again.throttled(after)))
        }
        Err(error) => Err(error),
    }
}

/// The address of the room that somebody comes into; a guest's name is remembered.
pub(super) async fn enter(
    viewer: &Viewer<'_>,
    db: &Db,
    gate: &Gate<'_>,
    guest: &Guest<'_>,
    form: &JoinForm,
) -> Result<String, Error> {
    let (room, name) = form.clean(viewer.0.is_some()).map_err(Error::Invalid)?;
    if let Some(name) = &name {
        guest.refuse_reserved(name)?;
    }
    count(gate, viewer)?;
    let speaker = speaker(viewer, name.unwrap_or_default());
    let entering = speaker.clone();
    let url = db.write(move |conn| Ok(models::enter(conn, &room, &entering)?)).await?;
    match speaker {
        Speaker::Guest(name) => guest.remember(&name),
        Speaker::Person(_) => guest.forget(),
    }
    Ok(url)
}

/// A chat room's page.
#[derive(Serialize)]
struct ChatPage {
    #[serde(flatten)]
    talk: Talk,
    /// The name by which a guest speaks.
    guest: Option<String>,
    form: FormContext<SayForm>,
}

async fn draw(
    page: &Page<'_>,
    db: &Db,
    hub: &Hub,
    guest: &Guest<'_>,
    room: Room,
    window: Window,
    composer: Drawn<SayForm>,
) -> Result<View, Error> {
    let status = if composer.errors.is_empty() { Status::Ok } else { INVALID };
    let talk = talk::read(page, db, hub, window, move |_| Ok(room.clone())).await?;
    let guest = guest.name.clone().filter(|_| page.viewer.0.is_none());
    Ok(page.with(status, "lobby/room.html", ChatPage { talk, guest, form: page.form(composer) }))
}

/// The room that a segment means.
async fn found(db: &Db, segment: &str) -> Result<Room, Error> {
    let segment = segment.to_owned();
    db.read(move |conn| Ok(models::find(conn, &segment)?)).await
}

/// Django: `views.room`
#[get("/chat/<segment>?<before>&<at>&<username>")]
#[allow(clippy::too_many_arguments, reason = "each is a guard, and Rocket takes guards one by one")]
pub async fn show(
    page: Page<'_>,
    db: &Db,
    hub: &State<Hub>,
    guest: Guest<'_>,
    draft: Draft,
    segment: String,
    before: Option<i64>,
    at: Option<i64>,
    username: Option<String>,
) -> Result<Either<Box<Redirect>, View>, Error> {
    let room = match found(db, &segment).await {
        Ok(room) => room,
        Err(Error::NotFound) => return missing(&page, db, &guest, &segment).await.map(Either::Right),
        Err(error) => return Err(error),
    };
    // One room, one address: whatever else means it leads there.
    if slug::of(&room.name) != segment {
        return Ok(Either::Left(Box::new(flash::to(room.url))));
    }
    let fresh = SayForm { username: username.unwrap_or_default(), ..SayForm::default() };
    let composer = Drawn::fresh(draft.form().unwrap_or(fresh));
    draw(&page, db, hub, &guest, room, Window::asked(before, at), composer).await.map(Either::Right)
}

/// A room that is not there can be made, if it may be called so.
async fn missing(page: &Page<'_>, db: &Db, guest: &Guest<'_>, segment: &str) -> Result<View, Error> {
    let room_name = slug::name(segment).unwrap_or_else(|| segment.to_owned());
    let form = JoinForm { room_name, username: guest.name.clone().unwrap_or_default() };
    if form.clean(true).is_err() {
        return Err(Error::NotFound);
    }
    draw_door(page, db, Status::NotFound, Drawn::fresh(form), true).await
}

/// Django: `views.send`
#[post("/chat/<segment>/messages", data = "<form>")]
#[allow(clippy::too_many_arguments, reason = "each is a guard, and Rocket takes guards one by one")]
pub async fn post(
    page: Page<'_>,
    db: &Db,
    voice: Voice<'_>,
    gate: Gate<'_>,
    guest: Guest<'_>,
    segment: String,
    form: Post<SayForm>,
) -> Result<Posted, Error> {
    let Post(form) = form;
    let room = found(db, &segment).await?;
    match say(&page.viewer, db, &gate, &guest, room.id, &form).await {
        Ok((message, is_new)) => Ok(voice.posted(message, is_new, &room.url)),
        Err(Error::Invalid(errors)) if voice.wants_json => Ok(Posted::wrong(&page, &errors)),
        Err(Error::Invalid(errors)) => {
            let composer = Drawn { values: form, errors };
            Ok(Posted::Again(draw(&page, db, voice.hub, &guest, room, Window::Newest, composer).await?))
        }
        Err(Error::Throttled(after)) if !voice.wants_json => {
            let composer = Drawn { values: form, errors: FieldErrors::one("body", throttled(after)) };
            let again = draw(&page, db, voice.hub, &guest, room, Window::Newest, composer).await?;
            Ok(Posted::Again(again.throttled(after)))
        }
        Err(error) => Err(error),
    }
}

/// Posts, once for each `client_id`; a guest's new name is remembered.
pub(super) async fn say(
    viewer: &Viewer<'_>,
    db: &Db,
    gate: &Gate<'_>,
    guest: &Guest<'_>,
    room: i64,
    form: &SayForm,
) -> Result<(Message, bool), Error> {
    let message = form.message();
    let body = message.clean().map_err(Error::Invalid)?;
    let known = guest.name.as_ref().filter(|_| form.username.is_empty());
    let name = match (viewer.0, known) {
        (Some(_), _) => String::new(),
        (None, Some(name)) => name.clone(),
        (None, None) if form.username.is_empty() => {
            return Err(Error::Invalid(FieldErrors::one(NAME, Text::new("error-name-needed"))));
        }
        (None, None) => {
            let name = guest_name(&form.username).map_err(Error::Invalid)?;
            guest.refuse_reserved(&name)?;
            name
        }
    };
    count(gate, viewer)?;
    let speaker = speaker(viewer, name);
    let (speaking, client_id) = (speaker.clone(), message.client_id().map(ToOwned::to_owned));
    let again = client_id.clone();
    let posted = db.write(move |conn| Ok(models::post(conn, room, &speaking, &body, client_id.as_deref())?)).await;
    if let (Ok(_), Speaker::Guest(name)) = (&posted, &speaker)
        && guest.name.as_ref() != Some(name)
    {
        guest.remember(name);
    }
    match posted {
        Err(Error::Db(diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UniqueViolation, _))) => {
            // The same message was being posted at the same moment; it is there now.
            let known = db.read(move |conn| Ok(models::known(conn, room, &speaker, again.as_deref())?)).await?;
            known.map(|message| (message, false)).ok_or(Error::NotFound)
        }
        posted => posted,
    }
}

/// A window closes.
#[post("/chat/<segment>/away", data = "<form>")]
pub async fn away(
    viewer: Viewer<'_>,
    gate: Gate<'_>,
    db: &Db,
    hub: &State<Hub>,
    segment: String,
    form: Post<Farewell>,
) -> Result<Status, Error> {
    let Post(farewell) = form;
    let room = found(db, &segment).await?;
    farewell.heed(&viewer, &gate, db, hub, room).await
}
