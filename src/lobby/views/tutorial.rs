//! The three addresses that chat_app's own page calls, so that it works here too. Whatever goes wrong is said
//! in plain words, since that page shows no others.

use rocket::http::{ContentType, Status};
use rocket::request::Request;
use rocket::response::{self, Redirect, Responder};
use rocket::{FromForm, get, post};
use serde_json::json;

use super::rooms::{enter, say};
use crate::accounts::guards::Gate;
use crate::accounts::page::{Page, throttled};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::Post;
use crate::kit::i18n::Text;
use crate::kit::paginate::encode_query;
use crate::kit::throttle::RetryAfter;
use crate::kit::time;
use crate::lobby::forms::{JoinForm, SayForm};
use crate::lobby::guests::Guest;
use crate::lobby::models;
use crate::rooms::models::message::{self, Message};
use crate::rooms::models::room;
use crate::rooms::talk::Voice;

/// An answer in plain words, or as JSON.
pub struct Plain {
    status: Status,
    content_type: ContentType,
    body: String,
    retry_after: Option<u64>,
}

impl<'r> Responder<'r, 'static> for Plain {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut response = (self.status, (self.content_type, self.body)).respond_to(request)?;
        if let Some(seconds) = self.retry_after {
            response.set_raw_header("Retry-After", seconds.to_string());
        }
        Ok(response)
    }
}

/// What went wrong, in words; a fault of ours goes the way of all others.
fn told(page: &Page<'_>, error: Error) -> Result<Plain, Error> {
    let status = error.status();
    let mut retry_after = None;
    let body = match error {
        Error::Invalid(errors) => {
            let lines =
                page.errors(&errors).into_iter().map(|(field, errors)| format!("{field}: {}", errors.join(" ")));
            lines.collect::<Vec<_>>().join("\n")
        }
        Error::Throttled(after) => {
            retry_after = Some(RetryAfter(after).seconds());
            page.t(&throttled(after))
        }
        Error::Csrf(_) | Error::StaleForm(_) => page.t(&Text::new("error-csrf-text")),
        Error::NotFound => page.t(&Text::new("error-404-text")),
        Error::BadRequest => page.t(&Text::new("error-400-text")),
        Error::TooLarge => page.t(&Text::new("error-413-text")),
        Error::UnsupportedMedia => page.t(&Text::new("error-415-text")),
        other => return Err(other),
    };
    Ok(Plain { status, content_type: ContentType::Plain, body, retry_after })
}

/// Into a room, or what is wrong with its name or one's own.
#[derive(Responder)]
pub enum Checked {
    /// Into the room.
    In(Box<Redirect>),
    /// What is wrong.
    Out(Box<Plain>),
}

/// Finds or makes the room.
///
/// Django: `views.checkview`
#[post("/checkview", data = "<form>")]
pub async fn checkview(
    page: Page<'_>,
    db: &Db,
    gate: Gate<'_>,
    guest: Guest<'_>,
    form: Result<Post<JoinForm>, Error>,
) -> Result<Checked, Error> {
    let entered = match form {
        Ok(Post(form)) => enter(&page.viewer, db, &gate, &guest, &form).await.map(|url| (url, form.username)),
        Err(error) => Err(error),
    };
    match entered {
        Ok((url, typed)) => {
            let name = page.viewer.0.map_or_else(|| typed.trim().to_owned(), |user| user.username.clone());
            Ok(Checked::In(Box::new(flash::to(format!("{url}?username={}", encode_query(&name))))))
        }
        Err(error) => told(&page, error).map(|plain| Checked::Out(Box::new(plain))),
    }
}

/// What chat_app's page sends.
#[derive(FromForm)]
pub struct SendForm {
    #[field(default = String::new())]
    message: String,
    #[field(default = String::new())]
    username: String,
    #[field(default = String::new())]
    room_id: String,
}

/// Posts. Who is logged in speaks as himself, whatever name was sent.
///
/// Django: `views.send`
#[post("/send", data = "<form>")]
pub async fn send(
    page: Page<'_>,
    db: &Db,
    voice: Voice<'_>,
    gate: Gate<'_>,
    guest: Guest<'_>,
    form: Result<Post<SendForm>, Error>,
) -> Result<Plain, Error> {
    let posted = match form {
        Ok(Post(form)) => deliver(&page, db, &gate, &guest, form).await,
        Err(error) => Err(error),
    };
    match posted {
        Ok(message) => {
            voice.tell(message);
            let body = "Message sent successfully".to_owned();
            Ok(Plain { status: Status::Ok, content_type: ContentType::Plain, body, retry_after: None })
        }
        Err(error) => told(&page, error),
    }
}

async fn deliver(
    page: &Page<'_>,
    db: &Db,
    gate: &Gate<'_>,
    guest: &Guest<'_>,
    form: SendForm,
) -> Result<Message, Error> {
    let SendForm { message, username, room_id } = form;
    let room_id = room_id.trim().parse().map_err(|_| Error::NotFound)?;
    let room = db.read(move |conn| Ok(room::in_lobby(conn, room_id)?)).await?;
    let form = SayForm { body: message, client_id: String::new(), username };
    say(&page.viewer, db, gate, guest, room.id, &form).await.map(|(message, _)| message)
}

/// So many messages at most are told.
const NEWEST: i64 = 200;

/// What was said last, oldest first.
///
/// Django: `views.getMessages`
#[get("/getMessages/<room>")]
pub async fn get_messages(page: Page<'_>, db: &Db, room: String) -> Result<Plain, Error> {
    let read = db
        .read(move |conn| {
            let room = models::find(conn, &room)?;
            Ok(message::newest(conn, room.id, None, NEWEST)?)
        })
        .await;
    let (status, body) = match read {
        Ok(messages) => (Status::Ok, json!({ "messages": messages.into_iter().map(row).collect::<Vec<_>>() })),
        Err(Error::NotFound) => (Status::NotFound, json!({ "detail": page.t(&Text::new("error-404-text")) })),
        Err(error) => return Err(error),
    };
    Ok(Plain { status, content_type: ContentType::JSON, body: body.to_string(), retry_after: None })
}

/// A message as chat_app's page knows it, where the room's id is a text.
fn row(message: Message) -> serde_json::Value {
    let user = message.user.map(|user| user.username).or(message.guest);
    json!({
        "id": message.id,
        "value": message.body,
        "date": time::iso(message.created),
        "user": user,
        "room": message.room_id.to_string(),
    })
}
