//! A page of talk, whatever the kind of room: what it shows, how what was said reaches the others, and
//! what its script is told. Rooms and chat rooms by name draw with it.

use rocket::http::{ContentType, Status};
use rocket::request::{self, FromRequest, Request};
use rocket::response::{Redirect, status};
use rocket::serde::json::{Json, Value};
use rocket::{FromForm, Responder};
use serde::Serialize;

use crate::accounts::errors::wants_json;
use crate::accounts::guards::{Gate, Viewer};
use crate::accounts::models::Person;
use crate::accounts::page::{INVALID, Page, View};
use crate::kit::db::{Conn, Db};
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::FieldErrors;
use crate::kit::fragments::Piece;
use crate::kit::live::{Event, Hub};
use crate::kit::templates::Pages;
use crate::kit::throttle::Scope;
use crate::rooms::live;
use crate::rooms::models::message::{self, Message, MessageView, PostError, Stretch};
use crate::rooms::models::participant::{self, People};
use crate::rooms::models::room::Room;
use crate::rooms::models::visit::{self, Standing};

impl From<PostError> for Error {
    fn from(error: PostError) -> Self {
        match error {
            PostError::NoRoom => Self::NotFound,
            PostError::Removed => Self::Forbidden,
            PostError::Db(error) => error.into(),
        }
    }
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

impl Window {
    /// As an address asks for it: `?before=` or `?at=`.
    pub fn asked(before: Option<i64>, at: Option<i64>) -> Self {
        match (before, at) {
            (Some(seq), _) => Self::Before(seq),
            (None, Some(message)) => Self::Around(message),
            (None, None) => Self::Newest,
        }
    }
}

/// What stands in the database of a page of talk.
struct Opened {
    room: Room,
    stretch: Stretch,
    people: People,
    standing: Standing,
}

/// Reads a room for somebody.
fn open(conn: &mut Conn, room: Room, viewer: Option<i64>, is_staff: bool, window: Window) -> Result<Opened, Error> {
    let before = match window {
        Window::Newest => None,
        Window::Before(seq) => Some(seq),
        // The message asked for, with some that came after it.
        Window::Around(message) => match message::find(conn, message) {
            Ok(message) if message.room_id == room.id => Some(message.seq + message::PER_PAGE / 2),
            Ok(_) | Err(diesel::result::Error::NotFound) => None,
            Err(error) => return Err(error.into()),
        },
    };
    let stretch = message::stretch(conn, room.id, before)?;
    let manages = viewer.is_some_and(|viewer| room.is_managed_by(viewer, is_staff));
    let people = participant::of_room(conn, room.id, manages)?;
    let standing = match viewer {
        Some(viewer) => visit::standing(conn, room.id, viewer)?,
        None => Standing::default(),
    };
    Ok(Opened { room, stretch, people, standing })
}

/// A message of the page, and its number for the line where the unread ones begin.
#[derive(Serialize)]
struct DrawnMessage {
    seq: i64,
    html: Piece,
}

/// A message, as its template gets it.
#[derive(Hash, Serialize)]
struct MessagePiece {
    message: MessageView,
    alone: bool,
}

/// The room's list of people, as its template gets it.
#[derive(Hash, Serialize)]
struct PeoplePiece {
    room_url: String,
    participants: Vec<Participant>,
    participants_count: i64,
    /// A form stands beside each who may be taken out of the room.
    can_remove: bool,
}

/// A person in the room's list.
#[derive(Hash, Serialize)]
struct Participant {
    #[serde(flatten)]
    person: Person,
    is_host: bool,
}

/// All that a template shows of the talk.
#[derive(Serialize)]
pub struct Talk {
    /// The room.
    pub room: Room,
    messages: Vec<DrawnMessage>,
    older_url: Option<String>,
    first_unread: Option<i64>,
    unread: i64,
    people: Piece,
    participants_count: i64,
    here: Vec<Value>,
    can_manage: bool,
    is_participant: bool,
    /// The viewer was taken out of the room.
    pub removed: bool,
    banned: Vec<Person>,
    is_newest: bool,
}

/// Reads the room that `find` finds, for the page's viewer, who thereby has looked at it.
///
/// # Errors
/// Those of `find`, the database's, the templates'.
pub async fn read(
    page: &Page<'_>,
    db: &Db,
    hub: &Hub,
    window: Window,
    mut find: impl FnMut(&mut Conn) -> Result<Room, Error> + Send + 'static,
) -> Result<Talk, Error> {
    let (viewer, is_staff) = (page.viewer.id(), page.viewer.is_staff());
    let opened = db.read(move |conn| find(conn).and_then(|room| open(conn, room, viewer, is_staff, window))).await?;
    let Opened { room, stretch, people, standing } = opened;
    let (id, newest) = (room.id, stretch.messages.last().map_or(0, |message| message.seq));
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
    let messages = stretch.messages.into_iter().map(|message| {
        let seq = message.seq;
        let piece = MessagePiece { message: message.view(viewer, can_manage), alone: false };
        Ok(DrawnMessage { seq, html: page.piece("rooms/_message.html", &piece)? })
    });
    let messages = messages.collect::<Result<_, Error>>()?;
    let host = room.host.as_ref().map(|host| host.id);
    let list = PeoplePiece {
        room_url: room.url.clone(),
        participants: people
            .active
            .into_iter()
            .map(|person| Participant { is_host: host == Some(person.id), person })
            .collect(),
        participants_count: people.count,
        can_remove: can_manage && !room.in_lobby,
    };
    let template = "rooms/_participants.html";
    let list = if list.can_remove { page.piece_with_form(template, &list) } else { page.piece(template, &list) }?;
    Ok(Talk {
        messages,
        older_url,
        first_unread,
        unread: standing.unread,
        people: list,
        participants_count: people.count,
        here: hub.present(id),
        can_manage,
        is_participant: standing.is_participant(),
        removed: standing.is_removed(),
        banned: people.removed,
        is_newest: matches!(window, Window::Newest),
        room,
    })
}

/// The live side of a request: who listens, and the templates for what they hear.
pub struct Voice<'r> {
    /// Who listens.
    pub hub: &'r Hub,
    pages: &'r Pages,
    /// Whether the sender is a script of ours.
    pub wants_json: bool,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Voice<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        match (request.rocket().state(), request.rocket().state()) {
            (Some(hub), Some(pages)) => request::Outcome::Success(Self { hub, pages, wants_json: wants_json(request) }),
            _ => request::Outcome::Error((Status::InternalServerError, ())),
        }
    }
}

impl Voice<'_> {
    /// Tells every open window, after the commit. Without one nothing is drawn.
    pub fn tell(&self, message: Message) {
        if self.hub.has_listeners(message.room_id) {
            self.hub.publish(self.event(message));
        }
    }

    fn event(&self, message: Message) -> Event {
        let known = message.version - 1;
        live::event(self.pages, message, known)
    }

    /// Tells every window of a posted message, and the sender too: a page goes back to `url`.
    pub fn posted(&self, message: Message, is_new: bool, url: &str) -> Posted {
        if self.wants_json {
            let event = self.event(message);
            let data = event.data.clone();
            self.hub.publish(event);
            let status = if is_new { Status::Created } else { Status::Ok };
            Posted::Told(status::Custom(status, (ContentType::JSON, data)))
        } else {
            let id = message.id;
            self.tell(message);
            Posted::Back(Box::new(flash::to(format!("{url}#message-{id}"))))
        }
    }
}

/// The answer to a posted message: for a page a redirect or the page again, for a script JSON.
#[derive(Responder)]
pub enum Posted {
    /// Back to the room.
    Back(Box<Redirect>),
    /// The room again, with what was typed.
    Again(View),
    /// To a script.
    Told(status::Custom<(ContentType, String)>),
    /// To a script: what is wrong.
    Wrong(status::Custom<Json<Value>>),
}

impl Posted {
    /// To a script: what is wrong, by field.
    pub fn wrong(page: &Page<'_>, errors: &FieldErrors) -> Self {
        let fields = rocket::serde::json::to_value(page.errors(errors)).unwrap_or_default();
        Self::Wrong(status::Custom(INVALID, Json(fields)))
    }
}

/// What a window says when it closes: how far one has read.
#[derive(FromForm)]
pub struct Farewell {
    #[field(default = 0)]
    seen: i64,
}

impl Farewell {
    /// Presence looks sooner whether the window's stream is dead, and what was read is noted.
    ///
    /// # Errors
    /// [`Error::Throttled`], and the database's.
    pub async fn heed(
        self,
        viewer: &Viewer<'_>,
        gate: &Gate<'_>,
        db: &Db,
        hub: &Hub,
        room: Room,
    ) -> Result<Status, Error> {
        match viewer.id() {
            Some(user) => gate.by_key(Scope::Away, &format!("user:{user}"))?,
            None => gate.by_address(Scope::Away)?,
        }
        let (id, seen) = (room.id, self.seen.min(room.last_event));
        if let Some(reader) = viewer.id().filter(|_| seen > 0) {
            db.write_statement(move |conn| Ok(visit::look(conn, id, reader, seen)?)).await?;
        }
        hub.probe(id);
        Ok(Status::NoContent)
    }
}
