//! One room: reading it, opening one, changing and deleting it.

use rocket::http::Status;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;
use serde::Serialize;

use crate::accounts::draft::Draft;
use crate::accounts::guards::{Gate, User};
use crate::accounts::models::Person;
use crate::accounts::page::{INVALID, Outcome, Page, View, throttled};
use crate::kit::db::{Conn, Db};
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::fragments::Piece;
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::paths::Id;
use crate::kit::throttle::Scope;
use crate::rooms::forms::{MessageForm, RoomForm};
use crate::rooms::models::message::{self, Stretch};
use crate::rooms::models::participant::{self, People};
use crate::rooms::models::room::{self, Room};
use crate::rooms::models::topic;
use crate::rooms::models::visit::{self, Standing};

/// Everything that a room's page shows.
struct Opened {
    room: Room,
    stretch: Stretch,
    people: People,
    standing: Standing,
}

/// A message of the page, and its number for the line where the unread ones begin.
#[derive(Serialize)]
struct DrawnMessage {
    seq: i64,
    html: Piece,
}

/// A person in the room's list.
#[derive(Serialize)]
struct Participant {
    #[serde(flatten)]
    person: Person,
    is_host: bool,
}

/// Reads a room for somebody, who thereby has looked at it.
fn open(conn: &mut Conn, id: i64, viewer: Option<i64>, is_staff: bool, window: Window) -> Result<Opened, Error> {
    let room = room::find(conn, id)?;
    let before = match window {
        Window::Newest => None,
        Window::Before(seq) => Some(seq),
        // The message asked for, with some that came after it.
        Window::Around(message) => match message::find(conn, message) {
            Ok(message) if message.room_id == id => Some(message.seq + message::PER_PAGE / 2),
            Ok(_) | Err(diesel::result::Error::NotFound) => None,
            Err(error) => return Err(error.into()),
        },
    };
    let stretch = message::stretch(conn, id, before)?;
    let manages = viewer.is_some_and(|viewer| room.is_managed_by(viewer, is_staff));
    let people = participant::of_room(conn, id, manages)?;
    let standing = match viewer {
        Some(viewer) => visit::standing(conn, id, viewer)?,
        None => Standing::default(),
    };
    Ok(Opened { room, stretch, people, standing })
}

/// Which stretch of the conversation is asked for.
#[derive(Clone, Copy)]
pub enum Window {
    /// The newest messages.
    Newest,
    /// Those before this number.
    Before(i64),
    /// Those around this message.
    Around(i64),
}

/// Draws a room's page around a composer; [`show`] and `messages::post` share it.
pub async fn draw(
    page: &Page<'_>,
    db: &Db,
    hub: &Hub,
    id: i64,
    window: Window,
    composer: Drawn<MessageForm>,
) -> Result<View, Error> {
    let (viewer, is_staff) = (page.viewer.id(), page.viewer.is_staff());
    let opened = db.read(move |conn| open(conn, id, viewer, is_staff, window)).await?;
    let Opened { room, stretch, people, standing } = opened;
    let newest = stretch.messages.last().map_or(0, |message| message.seq);
    if let Some(viewer) =
        viewer.filter(|_| matches!(window, Window::Newest) && standing.last_seq.is_none_or(|last| last < newest))
    {
        db.write_statement(move |conn| Ok(visit::look(conn, id, viewer, newest)?)).await?;
    }
    let can_manage = viewer.is_some_and(|viewer| room.is_managed_by(viewer, is_staff));
    // The line where the unread ones begin: the first of somebody else that came since.
    let first_unread = standing.last_seq.filter(|_| standing.unread > 0).and_then(|last| {
        stretch.messages.iter().find(|message| message.seq > last && !message.is_by(viewer)).map(|message| message.seq)
    });
    let older_url = stretch
        .messages
        .first()
        .filter(|_| stretch.has_older)
        .map(|first| format!("{}?before={}", room.url, first.seq));
    let host = room.host.as_ref().map(|host| host.id);
    let participants: Vec<Participant> =
        people.active.into_iter().map(|person| Participant { is_host: host == Some(person.id), person }).collect();
    let messages = stretch.messages.into_iter().map(|message| {
        let seq = message.seq;
        let context = context! { message: message.view(viewer, can_manage), alone: false };
        Ok(DrawnMessage { seq, html: page.piece("rooms/_message.html", &context)? })
    });
    let messages: Vec<DrawnMessage> = messages.collect::<Result<_, Error>>()?;
    Ok(page.with(
        if composer.errors.is_empty() { Status::Ok } else { INVALID },
        "rooms/room.html",
        context! {
            messages,
            older_url,
            first_unread,
            unread: standing.unread,
            participants,
            participants_count: people.count,
            here: hub.present(id),
            can_post: viewer.is_some() && (is_staff || !standing.is_removed()),
            removed: standing.is_removed(),
            can_manage,
            is_participant: standing.is_participant(),
            banned: people.removed,
            form: page.form(composer),
            is_newest: matches!(window, Window::Newest),
            room,
        },
    ))
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
    let window = match (before, at) {
        (Some(seq), _) => Window::Before(seq),
        (None, Some(message)) => Window::Around(message),
        (None, None) => Window::Newest,
    };
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
    let room = managed(&user, db, id).await?;
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
