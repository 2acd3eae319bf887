//! The inbox and the form that leads into another's.
//!
//! Django: `views.inbox`, `views.viewMessage`, `views.createMessage`

use std::convert::Infallible;

use rocket::http::{Method, Status};
use rocket::request::{self, FromRequest, Request};
use rocket::{Either, get, post};
use rocket_dyn_templates::context;

use crate::accounts::draft::Draft;
use crate::accounts::guards::{Gate, User, Viewer};
use crate::accounts::models::{self as people, Person};
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::inbox::forms::ContactForm;
use crate::inbox::models::{self, InboxMessage};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Drawn, Post};
use crate::kit::i18n::Text;
use crate::kit::paginate::Asked;
use crate::kit::paths::{Id, method_of};
use crate::kit::throttle::Scope;

const MESSAGES_PER_PAGE: i64 = 20;

/// Django: `views.inbox`
#[get("/inbox?<page>")]
pub async fn inbox(user: User<'_>, frame: Page<'_>, db: &Db, page: Option<String>) -> Result<View, Error> {
    let id = user.id;
    let (pager, messages) = db
        .read(move |conn| {
            let page = Asked::new(page.as_deref(), MESSAGES_PER_PAGE);
            let pager = page.pager("/inbox", "", models::count(conn, id, page.most())?);
            let messages = models::list(conn, id, pager.offset(), MESSAGES_PER_PAGE)?;
            Ok((pager, messages))
        })
        .await?;
    Ok(frame.ok("inbox/inbox.html", context! { messages, pager, unread: user.inbox_unread }))
}

/// One message; it is read from now on. Another's is none.
///
/// Django: `views.viewMessage`
#[get("/inbox/<id>")]
pub async fn open(user: User<'_>, mut page: Page<'_>, db: &Db, id: Id, looking: Looking) -> Result<View, Error> {
    let reader = user.id;
    let message: InboxMessage = db.read(move |conn| Ok(models::find(conn, reader, id.0)?)).await?;
    if looking.is_meant && !message.is_read {
        page.set_unread(db.write(move |conn| Ok(models::mark_read(conn, reader, id.0)?)).await?);
    }
    Ok(page.ok("inbox/message.html", context! { message }))
}

/// Whether somebody looks: who asks for the head alone, or ahead of a click, has read nothing.
pub struct Looking {
    is_meant: bool,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Looking {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Infallible> {
        let ahead = ["Sec-Purpose", "Purpose"].into_iter().filter_map(|name| request.headers().get_one(name));
        let is_ahead = ahead.into_iter().any(|purpose| purpose.contains("prefetch"));
        request::Outcome::Success(Self { is_meant: method_of(request) == Method::Get && !is_ahead })
    }
}

/// Takes one's own message out of the inbox.
#[post("/inbox/<id>/delete", data = "<_confirmed>")]
pub async fn delete(user: User<'_>, db: &Db, id: Id, _confirmed: Confirmed) -> Result<flash::Said, Error> {
    let reader = user.id;
    db.write_statement(move |conn| Ok(models::delete(conn, reader, id.0)?)).await?;
    Ok(flash::success("/inbox", Text::new("flash-inbox-deleted")))
}

/// To whom one writes: anybody but oneself.
async fn recipient(viewer: &Viewer<'_>, db: &Db, username: String) -> Result<Person, Error> {
    let recipient = db.read(move |conn| Ok(people::User::by_username(conn, &username)?)).await?;
    if !recipient.is_active {
        return Err(Error::NotFound);
    }
    if viewer.id() == Some(recipient.id) { Err(Error::Forbidden) } else { Ok(recipient.person()) }
}

/// Django: `views.createMessage`, GET
#[get("/developers/<username>/message")]
pub async fn write_page(page: Page<'_>, db: &Db, draft: Draft, username: String) -> Result<View, Error> {
    let recipient = recipient(&page.viewer, db, username).await?;
    Ok(draw(&page, &recipient, Drawn::fresh(draft.form().unwrap_or_default())))
}

fn draw(page: &Page<'_>, recipient: &Person, drawn: Drawn<ContactForm>) -> View {
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    page.with(status, "inbox/write.html", context! { form, recipient })
}

/// Django: `views.createMessage`, POST
#[post("/developers/<username>/message", data = "<form>")]
pub async fn write(page: Page<'_>, db: &Db, gate: Gate<'_>, username: String, form: Post<ContactForm>) -> Outcome {
    let recipient = recipient(&page.viewer, db, username).await?;
    let Post(form) = form;
    match sent(&page.viewer, db, &gate, &form, recipient.id).await {
        Ok(()) => {
            let text = Text::new("flash-message-sent").with("name", recipient.shown_name().to_owned());
            Ok(Either::Left(flash::success(recipient.url(), text)))
        }
        Err(error) => again(error, |errors| draw(&page, &recipient, Drawn { values: form, errors })).map(Either::Right),
    }
}

async fn sent(
    viewer: &Viewer<'_>,
    db: &Db,
    gate: &Gate<'_>,
    form: &ContactForm,
    recipient_id: i64,
) -> Result<(), Error> {
    let message = form.clean(recipient_id, viewer.0).map_err(Error::Invalid)?;
    match viewer.id() {
        Some(id) => gate.by_key(Scope::Contact, &format!("user:{id}"))?,
        None => gate.by_address(Scope::Contact)?,
    }
    if form.is_from_a_program(viewer.id()) {
        // It is told the same as people, so that it learns nothing.
        return Ok(());
    }
    db.write_statement(move |conn| Ok(models::write(conn, &message)?)).await
}
