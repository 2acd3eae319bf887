//! What is said in rooms. Each post, edit and delete takes the room's next event number in the same
//! transaction; `seq` is the number of a message's posting, `version` that of its last event.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use serde::Serialize;

use super::participant::Part;
use super::room;
use super::{participant, visit};
use crate::accounts::models::{PERSON, Person};
use crate::kit::db::{Conn, MultiBackend, length, slice, substr};
use crate::kit::markdown;
use crate::kit::time::{self, as_iso};
use crate::schema::{messages, rooms, users};

/// The longest message, in characters.
pub const MAX_BODY: usize = 4000;

/// So many messages stand on a room's page.
pub const PER_PAGE: i64 = 50;

/// One message, or what is left of it.
///
/// Django: `Message`
#[derive(Clone, Debug)]
pub struct Message {
    /// Its number in the whole site.
    pub id: i64,
    /// Where it was said.
    pub room_id: i64,
    /// The number of its posting in the room.
    pub seq: i64,
    /// The number of its last event in the room.
    pub version: i64,
    /// Its author; none for what was deleted, and for a guest's.
    pub user: Option<Person>,
    /// The name of the guest who said it, in a chat room by name.
    pub guest: Option<String>,
    /// As typed, as far as a page shows it ([`markdown::LONGEST_TYPED`]); empty for what was deleted.
    pub body: String,
    /// What [`markdown::render`] made of it.
    pub html: String,
    /// Whether there is more of it than `html` shows.
    pub is_cut: bool,
    /// When it was posted.
    pub created: NaiveDateTime,
    /// When it was last changed.
    pub updated: NaiveDateTime,
    /// When it was deleted.
    pub deleted: Option<NaiveDateTime>,
}

type Columns =
    (i64, i64, i64, i64, Option<String>, String, String, NaiveDateTime, NaiveDateTime, Option<NaiveDateTime>);
type Row = (Columns, Option<Person>);

/// What is read of a message: no more of its text than a page shows.
macro_rules! message_columns {
    () => {
        (
            messages::id,
            messages::room_id,
            messages::seq,
            messages::version,
            messages::guest_name,
            substr(messages::body, 1, markdown::LONGEST_TYPED + 1),
            substr(messages::body_html, 1, markdown::LONGEST_HTML + 1),
            messages::created,
            messages::updated,
            messages::deleted,
        )
    };
}

impl From<Row> for Message {
    fn from(((id, room_id, seq, version, guest, body, html, created, updated, deleted), user): Row) -> Self {
        let (html, is_cut) = markdown::kept_or_typed(html, &body);
        Self { id, room_id, seq, version, user, guest, body, html, is_cut, created, updated, deleted }
    }
}

/// The address of a message: its room's page, where it stands in view.
pub fn url(room_id: i64, id: i64) -> String {
    format!("{}?at={id}#message-{id}", room::url(room_id))
}

/// A message as a page shows it to one viewer.
#[derive(Debug, Hash, Serialize)]
pub struct MessageView {
    id: i64,
    seq: i64,
    version: i64,
    user: Option<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guest: Option<GuestView>,
    html: String,
    /// There is more of it.
    cut: bool,
    #[serde(serialize_with = "as_iso")]
    created: NaiveDateTime,
    #[serde(serialize_with = "as_iso")]
    updated: NaiveDateTime,
    edited: bool,
    own: bool,
    can_edit: bool,
    can_delete: bool,
}

/// A guest as a page shows him: without a page of his own.
#[derive(Debug, Hash, Serialize)]
struct GuestView {
    name: String,
    initials: String,
    hue: u32,
}

impl GuestView {
    fn new(name: String) -> Self {
        let person = Person { id: 0, username: name, name: String::new(), picture: None };
        Self { initials: person.initials(), hue: person.hue(), name: person.username }
    }
}

impl Message {
    /// Whether this person wrote it.
    pub fn is_by(&self, user_id: Option<i64>) -> bool {
        user_id.is_some() && self.user.as_ref().map(|user| user.id) == user_id
    }

    /// For a page: its author may edit it; he, the room's host and the staff may delete it.
    pub fn view(self, viewer: Option<i64>, may_manage: bool) -> MessageView {
        let own = self.is_by(viewer);
        MessageView {
            id: self.id,
            seq: self.seq,
            version: self.version,
            edited: self.version > self.seq,
            own,
            can_edit: own,
            can_delete: own || may_manage,
            user: self.user,
            guest: self.guest.map(GuestView::new),
            html: self.html,
            cut: self.is_cut,
            created: self.created,
            updated: self.updated,
        }
    }
}

/// The address of all of a long message.
pub fn whole_url(id: i64) -> String {
    format!("/messages/{id}")
}

/// Why nothing was posted.
#[derive(Debug)]
pub enum PostError {
    /// No such room.
    NoRoom,
    /// The host took the author out of it.
    Removed,
    /// The database.
    Db(DieselError),
}

impl From<DieselError> for PostError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NoRoom,
            other => Self::Db(other),
        }
    }
}

/// Posts: takes the next event number, moves the room up, makes the author a participant. With a
/// `client_id` that was posted before, gives the message of then and changes nothing.
///
/// Django: `views.room`, POST
///
/// # Errors
/// [`PostError`]
pub fn post(
    conn: &mut Conn,
    room_id: i64,
    author: &Person,
    is_staff: bool,
    body: &str,
    client_id: Option<&str>,
) -> Result<(Message, bool), PostError> {
    if let Some(client_id) = client_id
        && let Some(known) = by_client_id(conn, author.id, client_id)?
    {
        return Ok((known, false));
    }
    let event = room::next_event_moving_up(conn, room_id, false)?;
    match participant::part(conn, room_id, author.id)? {
        Part::Removed if !is_staff => return Err(PostError::Removed),
        Part::None => participant::join(conn, room_id, author.id)?,
        Part::Taken | Part::Removed => {}
    }
    Ok((write(conn, room_id, event, Author::Person(author), false, body, client_id)?, true))
}

/// Who says something.
#[derive(Clone, Copy, Debug)]
pub enum Author<'a> {
    /// A person, who thereby has read what stands above.
    Person(&'a Person),
    /// A guest of the lobby, by his name.
    Guest(&'a str),
}

/// Writes a message down under the event number that was taken for it.
///
/// # Errors
/// Only the database's.
pub fn write(
    conn: &mut Conn,
    room_id: i64,
    event: i64,
    author: Author<'_>,
    in_lobby: bool,
    body: &str,
    client_id: Option<&str>,
) -> QueryResult<Message> {
    let (user, guest) = match author {
        Author::Person(person) => (Some(person.clone()), None),
        Author::Guest(name) => (None, Some(name.to_owned())),
    };
    let now = time::now();
    let html = markdown::render(body);
    let id = diesel::insert_into(messages::table)
        .values((
            messages::room_id.eq(room_id),
            messages::user_id.eq(user.as_ref().map(|person| person.id)),
            messages::body.eq(body),
            messages::body_html.eq(&html),
            messages::seq.eq(event),
            messages::version.eq(event),
            messages::client_id.eq(client_id),
            messages::created.eq(now),
            messages::updated.eq(now),
            messages::in_lobby.eq(in_lobby),
            messages::guest_name.eq(&guest),
        ))
        .returning(messages::id)
        .get_result(conn)?;
    if let Some(person) = &user {
        visit::look(conn, room_id, person.id, event)?;
    }
    // As it will be read.
    let (html, is_cut) = markdown::kept_or_typed(html, body);
    let body = body.to_owned();
    Ok(Message {
        id,
        room_id,
        seq: event,
        version: event,
        user,
        guest,
        body,
        html,
        is_cut,
        created: now,
        updated: now,
        deleted: None,
    })
}

/// What a person posted under this `client_id`.
///
/// # Errors
/// Only the database's.
pub fn by_client_id(conn: &mut Conn, user_id: i64, client_id: &str) -> QueryResult<Option<Message>> {
    messages::table
        .left_join(users::table)
        .select((message_columns!(), PERSON.nullable()))
        .filter(messages::user_id.eq(user_id))
        .filter(messages::client_id.eq(client_id))
        .first::<Row>(conn)
        .optional()
        .map(|row| row.map(Message::from))
}

/// What a guest of this name posted in the room under this `client_id`.
///
/// # Errors
/// Only the database's.
pub fn by_guest(conn: &mut Conn, room_id: i64, name: &str, client_id: &str) -> QueryResult<Option<Message>> {
    messages::table
        .left_join(users::table)
        .select((message_columns!(), PERSON.nullable()))
        .filter(messages::room_id.eq(room_id))
        .filter(messages::guest_name.eq(name))
        .filter(messages::client_id.eq(client_id))
        .first::<Row>(conn)
        .optional()
        .map(|row| row.map(Message::from))
}

/// A message that was not deleted.
///
/// # Errors
/// [`DieselError::NotFound`] when there is none.
pub fn find(conn: &mut Conn, id: i64) -> QueryResult<Message> {
    messages::table
        .left_join(users::table)
        .select((message_columns!(), PERSON.nullable()))
        .filter(messages::id.eq(id))
        .filter(messages::deleted.is_null())
        .first::<Row>(conn)
        .map(Message::from)
}

/// All that was typed, however long.
///
/// # Errors
/// [`DieselError::NotFound`] when it is gone.
pub fn whole_body(conn: &mut Conn, id: i64) -> QueryResult<String> {
    messages::table.find(id).select(messages::body).first(conn)
}

/// Characters of a long message on one page of it.
const PART: i32 = 50_000;

/// How many parts a message has.
///
/// # Errors
/// [`DieselError::NotFound`] when it is gone.
pub fn parts(conn: &mut Conn, id: i64) -> QueryResult<i64> {
    let characters: i32 = messages::table.find(id).select(length(messages::body)).first(conn)?;
    Ok(i64::from(characters).div_euclid(i64::from(PART)) + 1)
}

/// One part of what was typed; `number` counts from 1.
///
/// # Errors
/// [`DieselError::NotFound`] when it is gone.
pub fn part(conn: &mut Conn, id: i64, number: i64) -> QueryResult<String> {
    let from = i32::try_from(number - 1).unwrap_or(i32::MAX).saturating_mul(PART).saturating_add(1);
    messages::table.find(id).select(substr(messages::body, from, PART)).first(conn)
}

/// Changes a message's words. Whom the host took out of the room speaks there no more, in old
/// messages neither.
///
/// # Errors
/// [`PostError`]; `NoRoom` also when the message was deleted meanwhile.
pub fn edit(conn: &mut Conn, message: &Message, author: i64, is_staff: bool, body: &str) -> Result<Message, PostError> {
    let event = room::next_event(conn, message.room_id)?;
    if !is_staff && participant::part(conn, message.room_id, author)? == Part::Removed {
        return Err(PostError::Removed);
    }
    let now = time::now();
    let html = markdown::render(body);
    let live = messages::table.filter(messages::id.eq(message.id)).filter(messages::deleted.is_null());
    let changed = diesel::update(live)
        .set((
            messages::body.eq(body),
            messages::body_html.eq(&html),
            messages::updated.eq(now),
            messages::version.eq(event),
        ))
        .execute(conn)?;
    if changed == 0 {
        return Err(PostError::NoRoom);
    }
    let (html, is_cut) = markdown::kept_or_typed(html, body);
    Ok(Message { body: body.to_owned(), html, is_cut, updated: now, version: event, ..message.clone() })
}

/// Deletes a message; its place stays, without words or author. The number of the event.
///
/// # Errors
/// [`DieselError::NotFound`] when it was deleted meanwhile.
pub fn delete(conn: &mut Conn, message: &Message) -> QueryResult<i64> {
    let event = room::next_event(conn, message.room_id)?;
    let live = messages::table.filter(messages::id.eq(message.id)).filter(messages::deleted.is_null());
    let changed = diesel::update(live)
        .set((
            messages::body.eq(""),
            messages::body_html.eq(""),
            messages::user_id.eq(None::<i64>),
            messages::guest_name.eq(None::<String>),
            messages::deleted.eq(time::now()),
            messages::version.eq(event),
        ))
        .execute(conn)?;
    if changed == 0 { Err(DieselError::NotFound) } else { Ok(event) }
}

/// A stretch of a room's conversation.
#[derive(Debug)]
pub struct Stretch {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub has_older: bool,
}

/// The newest messages of a room, or those before `before`.
///
/// # Errors
/// Only the database's.
pub fn stretch(conn: &mut Conn, room_id: i64, before: Option<i64>) -> QueryResult<Stretch> {
    let mut messages = newest(conn, room_id, before, PER_PAGE + 1)?;
    let has_older = messages.len() > usize::try_from(PER_PAGE).unwrap_or(usize::MAX);
    if has_older {
        messages.remove(0);
    }
    Ok(Stretch { messages, has_older })
}

/// At most `limit` messages, the newest or those before `before`, oldest first.
///
/// # Errors
/// Only the database's.
pub fn newest(conn: &mut Conn, room_id: i64, before: Option<i64>, limit: i64) -> QueryResult<Vec<Message>> {
    let mut query = messages::table
        .left_join(users::table)
        .select((message_columns!(), PERSON.nullable()))
        .filter(messages::room_id.eq(room_id))
        .filter(messages::deleted.is_null())
        .order(messages::seq.desc())
        .into_boxed::<MultiBackend>();
    if let Some(before) = before {
        query = query.filter(messages::seq.lt(before));
    }
    let rows: Vec<Row> = slice(query, 0, limit).load(conn)?;
    Ok(rows.into_iter().rev().map(Message::from).collect())
}

/// What [`written_by`] gives of a message: its number, its room's number and name, its words, when they were posted and
/// last changed.
pub type Written = (i64, i64, String, String, NaiveDateTime, NaiveDateTime);

/// Everything that a person said and did not take back, oldest first.
///
/// # Errors
/// Only the database's.
pub fn written_by(conn: &mut Conn, user_id: i64) -> QueryResult<Vec<Written>> {
    messages::table
        .inner_join(rooms::table)
        .filter(messages::user_id.eq(user_id).and(messages::deleted.is_null()))
        .order(messages::id)
        .select((messages::id, messages::room_id, rooms::name, messages::body, messages::created, messages::updated))
        .load(conn)
}

/// What happened in a room after an event.
pub struct Changes {
    /// Each message once, at its newest version, in order; a deletion as a message without words.
    pub messages: Vec<Message>,
    /// Whether more came later.
    pub has_more: bool,
}

/// Maximum number of messages that are read at once.
const CHANGES: i64 = 200;

diesel::define_sql_function! {
    /// Number of bytes of a text, which the databases tell without reading it.
    fn octet_length(text: diesel::sql_types::Text) -> diesel::sql_types::Integer;
}

/// Reads what happened in a room after event `after`: at most `bytes` of text, but one message at least.
///
/// # Errors
/// Only the database's.
pub fn since(conn: &mut Conn, room_id: i64, after: i64, bytes: i64) -> QueryResult<Changes> {
    let later = messages::room_id.eq(room_id).and(messages::version.gt(after));
    let sizes = messages::table
        .select((messages::version, octet_length(messages::body), octet_length(messages::body_html)))
        .filter(later)
        .order(messages::version.asc());
    let sizes: Vec<(i64, i32, i32)> = slice(sizes, 0, CHANGES).load(conn)?;
    let mut total = 0;
    let fitting = sizes.iter().take_while(|(_, body, html)| {
        let is_first = total == 0;
        total += i64::from(*body) + i64::from(*html);
        is_first || total <= bytes
    });
    let fitting = fitting.count();
    let Some((last, ..)) = fitting.checked_sub(1).and_then(|last| sizes.get(last)) else {
        return Ok(Changes { messages: Vec::new(), has_more: false });
    };
    let rows: Vec<Row> = messages::table
        .left_join(users::table)
        .select((message_columns!(), PERSON.nullable()))
        .filter(later.and(messages::version.le(*last)))
        .order(messages::version.asc())
        .load(conn)?;
    let has_more = fitting < sizes.len() || i64::try_from(sizes.len()).unwrap_or(CHANGES) == CHANGES;
    Ok(Changes { messages: rows.into_iter().map(Message::from).collect(), has_more })
}
