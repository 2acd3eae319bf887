//! Saying something, and taking it back.

use rocket::http::Status;
use rocket::request::{self, FromRequest, Request};
use rocket::response::status;
use rocket::serde::json::{Json, Value};
use rocket::{Either, Responder, State, get, post};
use rocket_dyn_templates::context;

use crate::accounts::draft::Draft;
use crate::accounts::errors::wants_json;
use crate::accounts::guards::{Gate, User};
use crate::accounts::page::{INVALID, Outcome, Page, View, throttled};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::paths::Id;
use crate::kit::templates::Pages;
use crate::kit::throttle::Scope;
use crate::rooms::forms::MessageForm;
use crate::rooms::live;
use crate::rooms::models::message::{self, Message, PostError};
use crate::rooms::models::room::{self, Room};
use crate::rooms::views::rooms::{Window, draw};

impl From<PostError> for Error {
    fn from(error: PostError) -> Self {
        match error {
            PostError::NoRoom => Self::NotFound,
            PostError::Removed => Self::Forbidden,
            PostError::Db(error) => error.into(),
        }
    }
}

/// The live side of a request: who listens, and the templates for what they hear.
pub struct Voice<'r> {
    hub: &'r Hub,
    pages: &'r Pages,
    /// Whether the sender is a script of ours.
    wants_json: bool,
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
    /// Tells every open window, after the commit. `known`: the number before this event.
    fn tell(&self, message: Message) -> String {
        let known = message.version - 1;
        let event = live::event(self.pages, message, known);
        let data = event.data.clone();
        self.hub.publish(event);
        data
    }
}

/// The answer to a posted message: for a page a redirect or the page again, for a script JSON.
#[derive(Responder)]
pub enum Posted {
    /// Back to the room.
    Back(Box<rocket::response::Redirect>),
    /// The room again, with what was typed.
    Again(View),
    /// To a script.
    Told(status::Custom<(rocket::http::ContentType, String)>),
    /// To a script: what is wrong.
    Wrong(status::Custom<Json<Value>>),
}

/// Django: `views.room`, POST
#[post("/rooms/<id>/messages", data = "<form>")]
pub async fn post(
    user: User<'_>,
    page: Page<'_>,
    db: &Db,
    voice: Voice<'_>,
    gate: Gate<'_>,
    id: Id,
    form: Post<MessageForm>,
) -> Result<Posted, Error> {
    let Post(form) = form;
    match say(&user, db, &gate, id, &form).await {
        Ok((message, is_new)) => {
            let message_id = message.id;
            let data = voice.tell(message);
            Ok(if voice.wants_json {
                let status = if is_new { Status::Created } else { Status::Ok };
                Posted::Told(status::Custom(status, (rocket::http::ContentType::JSON, data)))
            } else {
                Posted::Back(Box::new(flash::to(format!("{}#message-{message_id}", room::url(id.0)))))
            })
        }
        Err(Error::Invalid(errors)) if voice.wants_json => {
            let fields = rocket::serde::json::to_value(page.errors(&errors)).unwrap_or_default();
            Ok(Posted::Wrong(status::Custom(INVALID, Json(fields))))
        }
        Err(Error::Invalid(errors)) => {
            Ok(Posted::Again(draw(&page, db, voice.hub, id.0, Window::Newest, Drawn { values: form, errors }).await?))
        }
        Err(Error::Throttled(after)) if !voice.wants_json => {
            // What was typed comes back here too.
            let errors = FieldErrors::one("body", throttled(after));
            let room = draw(&page, db, voice.hub, id.0, Window::Newest, Drawn { values: form, errors }).await?;
            Ok(Posted::Again(room.throttled(after)))
        }
        Err(error) => Err(error),
    }
}

/// Posts, once for each `client_id`.
async fn say(user: &User<'_>, db: &Db, gate: &Gate<'_>, id: Id, form: &MessageForm) -> Result<(Message, bool), Error> {
    let body = match form.clean() {
        Ok(body) => body,
        Err(errors) => return Err(Error::Invalid(errors)),
    };
    gate.by_key(Scope::Post, &format!("user:{}", user.id))?;
    let (author, is_staff) = (user.person(), user.is_staff);
    let client_id = form.client_id().map(ToOwned::to_owned);
    let again = (author.id, client_id.clone());
    let posted =
        db.write(move |conn| Ok(message::post(conn, id.0, &author, is_staff, &body, client_id.as_deref())?)).await;
    match (posted, again) {
        (
            Err(Error::Db(diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UniqueViolation, _))),
            (user, Some(client_id)),
        ) => {
            // The same message was being posted at the same moment; it is there now.
            let known = db.read(move |conn| Ok(message::by_client_id(conn, user, &client_id)?)).await?;
            known.map(|message| (message, false)).ok_or(Error::NotFound)
        }
        (posted, _) => posted,
    }
}

/// The message and its room.
async fn found(db: &Db, id: Id) -> Result<(Message, Room), Error> {
    db.read(move |conn| {
        let message = message::find(conn, id.0)?;
        let room = room::find(conn, message.room_id)?;
        Ok((message, room))
    })
    .await
}

/// Only its author changes a message.
async fn own(user: &User<'_>, db: &Db, id: Id) -> Result<(Message, Room), Error> {
    let (message, room) = found(db, id).await?;
    if message.is_by(Some(user.id)) { Ok((message, room)) } else { Err(Error::Forbidden) }
}

/// Its author, the room's host and the staff delete a message.
async fn deletable(user: &User<'_>, db: &Db, id: Id) -> Result<(Message, Room), Error> {
    let (message, room) = found(db, id).await?;
    let may = message.is_by(Some(user.id)) || room.is_managed_by(user.id, user.is_staff);
    if may { Ok((message, room)) } else { Err(Error::Forbidden) }
}

/// The form of a message that stands there already.
#[get("/messages/<id>/edit")]
pub async fn edit_page(user: User<'_>, page: Page<'_>, db: &Db, draft: Draft, id: Id) -> Result<View, Error> {
    let (message, room) = own(&user, db, id).await?;
    let typed = draft.form().unwrap_or_else(|| MessageForm { body: message.body.clone(), ..Default::default() });
    Ok(edit_view(&page, Drawn::fresh(typed), message, room))
}

fn edit_view(page: &Page<'_>, drawn: Drawn<MessageForm>, message: Message, room: Room) -> View {
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    let message = message.view(page.viewer.id(), false);
    page.with(status, "rooms/message_form.html", context! { form, message, room })
}

/// Changes one's own words; every open window shows it.
#[post("/messages/<id>/edit", data = "<form>")]
pub async fn edit(
    user: User<'_>,
    page: Page<'_>,
    db: &Db,
    voice: Voice<'_>,
    gate: Gate<'_>,
    id: Id,
    form: Post<MessageForm>,
) -> Outcome {
    let (message, room) = own(&user, db, id).await?;
    let Post(form) = form;
    let body = match form.clean() {
        Ok(body) => body,
        Err(errors) => return Ok(Either::Right(edit_view(&page, Drawn { values: form, errors }, message, room))),
    };
    gate.by_key(Scope::Post, &format!("user:{}", user.id))?;
    let (author, is_staff) = (user.id, user.is_staff);
    let changed = db.write(move |conn| Ok(message::edit(conn, &message, author, is_staff, &body)?)).await?;
    let back = format!("{}#message-{}", room.url, changed.id);
    voice.tell(changed);
    Ok(Either::Left(flash::success(back, Text::new("flash-message-updated"))))
}

/// Django: `views.deleteMessage`, GET
#[get("/messages/<id>/delete")]
pub async fn delete_page(user: User<'_>, page: Page<'_>, db: &Db, id: Id) -> Result<View, Error> {
    let (message, room) = deletable(&user, db, id).await?;
    let message = message.view(page.viewer.id(), true);
    Ok(page.ok("rooms/message_delete.html", context! { message, room }))
}

/// Django: `views.deleteMessage`, POST
#[post("/messages/<id>/delete", data = "<_confirmed>")]
pub async fn delete(
    user: User<'_>,
    db: &Db,
    hub: &State<Hub>,
    id: Id,
    _confirmed: Confirmed,
) -> Result<flash::Said, Error> {
    let (message, room) = deletable(&user, db, id).await?;
    let message_id = message.id;
    let event = db.write(move |conn| Ok(message::delete(conn, &message)?)).await?;
    hub.publish(live::deletion(room.id, message_id, event));
    Ok(flash::success(room.url, Text::new("flash-message-deleted")))
}
