//! Saying something, and taking it back.

use rocket::http::Status;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;

use crate::accounts::draft::Draft;
use crate::accounts::guards::{Gate, User};
use crate::accounts::page::{INVALID, Outcome, Page, View, throttled};
use crate::accounts::site::Site;
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::live::Hub;
use crate::kit::markdown;
use crate::kit::paginate::Asked;
use crate::kit::paths::Id;
use crate::kit::throttle::Scope;
use crate::rooms::forms::MessageForm;
use crate::rooms::live;
use crate::rooms::models::message::{self, Message};
use crate::rooms::models::room::{self, Room};
use crate::rooms::talk::{Posted, Voice, Window};
use crate::rooms::views::rooms::draw;

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
        Ok((message, is_new)) => Ok(voice.posted(message, is_new, &room::url(id.0))),
        Err(Error::Invalid(errors)) if voice.wants_json => Ok(Posted::wrong(&page, &errors)),
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

/// The message and its room. Without a lobby there is nothing that was said in it.
async fn found(db: &Db, site: &Site, id: Id) -> Result<(Message, Room), Error> {
    let has_lobby = site.config().lobby.enabled;
    db.read(move |conn| {
        let message = message::find(conn, id.0)?;
        let room = room::of_message(conn, &message)?;
        if room.in_lobby && !has_lobby { Err(Error::NotFound) } else { Ok((message, room)) }
    })
    .await
}

/// Only its author changes a message.
async fn own(user: &User<'_>, db: &Db, site: &Site, id: Id) -> Result<(Message, Room), Error> {
    let (message, room) = found(db, site, id).await?;
    if message.is_by(Some(user.id)) { Ok((message, room)) } else { Err(Error::Forbidden) }
}

/// Its author, the room's host and the staff delete a message.
async fn deletable(user: &User<'_>, db: &Db, site: &Site, id: Id) -> Result<(Message, Room), Error> {
    let (message, room) = found(db, site, id).await?;
    let may = message.is_by(Some(user.id)) || room.is_managed_by(user.id, user.is_staff);
    if may { Ok((message, room)) } else { Err(Error::Forbidden) }
}

/// The form of a message that stands there already.
#[get("/messages/<id>/edit")]
pub async fn edit_page(
    user: User<'_>,
    page: Page<'_>,
    db: &Db,
    site: &Site,
    draft: Draft,
    id: Id,
) -> Result<View, Error> {
    let (message, room) = own(&user, db, site, id).await?;
    let typed = match draft.form() {
        Some(typed) => typed,
        None => MessageForm { body: whole_body(db, &message).await?, ..Default::default() },
    };
    Ok(edit_view(&page, Drawn::fresh(typed), message, room))
}

async fn whole_body(db: &Db, message: &Message) -> Result<String, Error> {
    if !markdown::is_long(&message.body) {
        return Ok(message.body.clone());
    }
    let id = message.id;
    db.read(move |conn| Ok(message::whole_body(conn, id)?)).await
}

/// All of a long message, as typed, in parts.
#[get("/messages/<id>?<page>")]
pub async fn show(frame: Page<'_>, db: &Db, site: &Site, id: Id, page: Option<String>) -> Result<View, Error> {
    let (message, room) = found(db, site, id).await?;
    let (pager, text) = db
        .read(move |conn| {
            let page = Asked::new(page.as_deref(), 1);
            let pager = page.pager(&message::whole_url(id.0), "", message::parts(conn, id.0)?);
            let text = message::part(conn, id.0, pager.page)?;
            Ok((pager, text))
        })
        .await?;
    let message = message.view(frame.viewer.id(), false);
    Ok(frame.ok("rooms/message.html", context! { message, room, pager, text }))
}

fn edit_view(page: &Page<'_>, drawn: Drawn<MessageForm>, message: Message, room: Room) -> View {
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    let message = message.view(page.viewer.id(), false);
    page.with(status, "rooms/message_form.html", context! { form, message, room })
}

/// Changes one's own words; every open window shows it.
#[post("/messages/<id>/edit", data = "<form>")]
#[allow(clippy::too_many_arguments, reason = "each is a guard, and Rocket takes guards one by one")]
pub async fn edit(
    user: User<'_>,
    page: Page<'_>,
    db: &Db,
    site: &Site,
    voice: Voice<'_>,
    gate: Gate<'_>,
    id: Id,
    form: Post<MessageForm>,
) -> Outcome {
    let (message, room) = own(&user, db, site, id).await?;
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
pub async fn delete_page(user: User<'_>, page: Page<'_>, db: &Db, site: &Site, id: Id) -> Result<View, Error> {
    let (message, room) = deletable(&user, db, site, id).await?;
    let message = message.view(page.viewer.id(), true);
    Ok(page.ok("rooms/message_delete.html", context! { message, room }))
}

/// Django: `views.deleteMessage`, POST
#[post("/messages/<id>/delete", data = "<_confirmed>")]
pub async fn delete(
    user: User<'_>,
    db: &Db,
    site: &Site,
    hub: &State<Hub>,
    id: Id,
    _confirmed: Confirmed,
) -> Result<flash::Said, Error> {
    let (message, room) = deletable(&user, db, site, id).await?;
    let message_id = message.id;
    let event = db.write(move |conn| Ok(message::delete(conn, &message)?)).await?;
    hub.publish(live::deletion(room.id, message_id, event));
    Ok(flash::success(room.url, Text::new("flash-message-deleted")))
}
