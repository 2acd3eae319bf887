//! One room: reading it, opening one, changing and deleting it.

use rocket::http::Status;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;
use serde::Serialize;

use crate::accounts::draft::Draft;
use crate::accounts::guards::{Gate, User};
use crate::accounts::page::{INVALID, Outcome, Page, View, throttled};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, FormContext, Post};
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::markdown;
use crate::kit::paths::Id;
use crate::kit::throttle::Scope;
use crate::rooms::forms::{MessageForm, RoomForm};
use crate::rooms::models::room::{self, Room};
use crate::rooms::models::topic;
use crate::rooms::talk::{self, Talk, Window};

/// Draws a room's page around a composer; [`show`] and `messages::post` share it.
pub async fn draw(
    page: &Page<'_>,
    db: &Db,
    hub: &Hub,
    id: i64,
    window: Window,
    composer: Drawn<MessageForm>,
) -> Result<View, Error> {
    let talk = talk::read(page, db, hub, window, move |conn| Ok(room::find(conn, id)?)).await?;
    let can_post = page.viewer.0.is_some() && (page.viewer.is_staff() || !talk.removed);
    let status = if composer.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(composer);
    Ok(page.with(status, "rooms/room.html", RoomPage { talk, can_post, form }))
}

/// A room's page.
#[derive(Serialize)]
struct RoomPage {
    #[serde(flatten)]
    talk: Talk,
    can_post: bool,
    form: FormContext<MessageForm>,
}

/// Django: `views.room`
#[get("/rooms/<id>?<before>&<at>")]
pub async fn show(
    page: Page<'_>,
    db: &Db,
    hub: &State<Hub>,
    draft: Draft,
    id: Id,
    before: Option<i64>,
    at: Option<i64>,
) -> Result<View, Error> {
    let window = Window::asked(before, at);
    let composer = Drawn::fresh(draft.form::<MessageForm>().unwrap_or_default());
    draw(&page, db, hub, id.0, window, composer).await
}

/// Django: `views.createRoom`, GET
#[get("/rooms/new")]
pub async fn new_page(_user: User<'_>, page: Page<'_>, db: &Db, draft: Draft) -> Result<View, Error> {
    form_page(&page, db, Drawn::fresh(draft.form::<RoomForm>().unwrap_or_default()), None).await
}

async fn form_page(page: &Page<'_>, db: &Db, drawn: Drawn<RoomForm>, room: Option<Room>) -> Result<View, Error> {
    let topics = db.read(|conn| Ok(topic::names(conn)?)).await?;
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    Ok(page.with(status, "rooms/room_form.html", context! { form, topics, room }))
}

/// Django: `views.createRoom`, POST
#[post("/rooms/new", data = "<form>")]
pub async fn create(user: User<'_>, page: Page<'_>, db: &Db, gate: Gate<'_>, form: Post<RoomForm>) -> Outcome {
    let Post(form) = form;
    match form.clean() {
        Ok(values) => {
            if let Err(Error::Throttled(after)) = gate.by_key(Scope::Post, &format!("user:{}", user.id)) {
                let errors = FieldErrors::one(FieldErrors::FORM, throttled(after));
                let again = form_page(&page, db, Drawn { values: form, errors }, None).await?;
                return Ok(Either::Right(again.throttled(after)));
            }
            let host = user.id;
            let id = db.write(move |conn| Ok(room::open(conn, host, &values)?)).await?;
            Ok(Either::Left(flash::success(room::url(id), Text::new("flash-room-created"))))
        }
        Err(errors) => Ok(Either::Right(form_page(&page, db, Drawn { values: form, errors }, None).await?)),
    }
}

/// The room, for somebody who may change it: others may see it, hence 403.
async fn managed(user: &User<'_>, db: &Db, id: Id) -> Result<Room, Error> {
    let room = db.read(move |conn| Ok(room::find(conn, id.0)?)).await?;
    if room.is_managed_by(user.id, user.is_staff) { Ok(room) } else { Err(Error::Forbidden) }
}

/// Django: `views.updateRoom`, GET
#[get("/rooms/<id>/edit")]
pub async fn edit_page(user: User<'_>, page: Page<'_>, db: &Db, draft: Draft, id: Id) -> Result<View, Error> {
    let mut room = managed(&user, db, id).await?;
    if markdown::is_long(&room.description) {
        room.description = db.read(move |conn| Ok(room::whole_description(conn, id.0)?)).await?;
    }
    let typed = draft.form::<RoomForm>().unwrap_or_else(|| RoomForm::of(&room));
    form_page(&page, db, Drawn::fresh(typed), Some(room)).await
}

/// Django: `views.updateRoom`, POST
#[post("/rooms/<id>/edit", data = "<form>")]
pub async fn edit(user: User<'_>, page: Page<'_>, db: &Db, id: Id, form: Post<RoomForm>) -> Outcome {
    let room = managed(&user, db, id).await?;
    let Post(form) = form;
    match form.clean() {
        Ok(values) => {
            db.write(move |conn| Ok(room::change(conn, id.0, &values)?)).await?;
            Ok(Either::Left(flash::success(room.url, Text::new("flash-room-updated"))))
        }
        Err(errors) => Ok(Either::Right(form_page(&page, db, Drawn { values: form, errors }, Some(room)).await?)),
    }
}

/// Django: `views.deleteRoom`, GET
#[get("/rooms/<id>/delete")]
pub async fn delete_page(user: User<'_>, page: Page<'_>, db: &Db, id: Id) -> Result<View, Error> {
    let room = managed(&user, db, id).await?;
    Ok(page.ok("rooms/room_delete.html", context! { room }))
}

/// Django: `views.deleteRoom`, POST
#[post("/rooms/<id>/delete", data = "<_confirmed>")]
pub async fn delete(user: User<'_>, db: &Db, id: Id, _confirmed: Confirmed) -> Result<flash::Said, Error> {
    managed(&user, db, id).await?;
    db.write_statement(move |conn| Ok(room::delete(conn, id.0)?)).await?;
    Ok(flash::success("/", Text::new("flash-room-deleted")))
}
