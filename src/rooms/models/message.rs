//! What is said in rooms. Each post, edit and delete takes the room's next event number in the same
//! transaction; `seq` is the number of a message's posting, `version` that of its last event.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use serde::Serialize;

use super::participant::Part;
use super::room::{self, Filter, filtered, iso};
use super::{participant, visit};
use crate::accounts::models::Person;
use crate::kit::db::{Conn, MultiBackend, contains_pattern, fold};
use crate::kit::time;
use crate::schema::{messages, rooms, topics, users};

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
    /// Its author; none for what was deleted.
    pub user: Option<Person>,
    /// As typed; empty for what was deleted.
    pub body: String,
    /// When it was posted.
    pub created: NaiveDateTime,
    /// When it was last changed.
    pub updated: NaiveDateTime,
    /// When it was deleted.
    pub deleted: Option<NaiveDateTime>,
}

type Row =
    ((i64, i64, i64, i64, String, NaiveDateTime, NaiveDateTime, Option<NaiveDateTime>), Option<(i64, String, String)>);

const MESSAGE: (
    messages::id,
    messages::room_id,
    messages::seq,
    messages::version,
    messages::body,
    messages::created,
    messages::updated,
    messages::deleted,
) = (
    messages::id,
    messages::room_id,
    messages::seq,
    messages::version,
    messages::body,
    messages::created,
    messages::updated,
    messages::deleted,
);

impl From<Row> for Message {
    fn from(((id, room_id, seq, version, body, created, updated, deleted), user): Row) -> Self {
        let user = user.map(|(id, username, name)| Person { id, username, name });
        Self { id, room_id, seq, version, user, body, created, updated, deleted }
    }
}

/// A message as a page shows it to one viewer.
#[derive(Debug, Serialize)]
pub struct MessageView {
    id: i64,
    seq: i64,
    version: i64,
    user: Option<Person>,
    body: String,
    #[serde(serialize_with = "iso")]
    created: NaiveDateTime,
    #[serde(serialize_with = "iso")]
    updated: NaiveDateTime,
    edited: bool,
    own: bool,
    can_edit: bool,
    can_delete: bool,
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
            body: self.body,
            created: self.created,
            updated: self.updated,
        }
    }
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
    let event = room::next_event_moving_up(conn, room_id)?;
    match participant::part(conn, room_id, author.id)? {
        Part::Removed if !is_staff => return Err(PostError::Removed),
        Part::None => participant::join(conn, room_id, author.id)?,
        Part::Taken | Part::Removed => {}
    }
    let now = time::now();
    let id = diesel::insert_into(messages::table)
        .values((
            messages::room_id.eq(room_id),
            messages::user_id.eq(author.id),
            messages::body.eq(body),
            messages::seq.eq(event),
            messages::version.eq(event),
            messages::client_id.eq(client_id),
            messages::created.eq(now),
            messages::updated.eq(now),
        ))
        .returning(messages::id)
        .get_result(conn)?;
    // Who speaks has read what stands above.
    visit::look(conn, room_id, author.id, event)?;
    let message = Message {
        id,
        room_id,
        seq: event,
        version: event,
        user: Some(author.clone()),
        body: body.to_owned(),
        created: now,
        updated: now,
        deleted: None,
    };
    Ok((message, true))
}

/// What a person posted under this `client_id`.
///
/// # Errors
/// Only the database's.
pub fn by_client_id(conn: &mut Conn, user_id: i64, client_id: &str) -> QueryResult<Option<Message>> {
    messages::table
        .left_join(users::table)
        .select((MESSAGE, (users::id, users::username, users::name).nullable()))
        .filter(messages::user_id.eq(user_id))
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
        .select((MESSAGE, (users::id, users::username, users::name).nullable()))
        .filter(messages::id.eq(id))
        .filter(messages::deleted.is_null())
        .first::<Row>(conn)
        .map(Message::from)
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
    let live = messages::table.filter(messages::id.eq(message.id)).filter(messages::deleted.is_null());
    let changed = diesel::update(live)
        .set((messages::body.eq(body), messages::updated.eq(now), messages::version.eq(event)))
        .execute(conn)?;
    if changed == 0 {
        return Err(PostError::NoRoom);
    }
    Ok(Message { body: body.to_owned(), updated: now, version: event, ..message.clone() })
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
            messages::user_id.eq(None::<i64>),
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
    let mut query = messages::table
        .left_join(users::table)
        .select((MESSAGE, (users::id, users::username, users::name).nullable()))
        .filter(messages::room_id.eq(room_id))
        .filter(messages::deleted.is_null())
        .order(messages::seq.desc())
        .limit(PER_PAGE + 1)
        .into_boxed::<MultiBackend>();
    if let Some(before) = before {
        query = query.filter(messages::seq.lt(before));
    }
    let mut rows: Vec<Row> = query.load(conn)?;
    let has_older = rows.len() > usize::try_from(PER_PAGE).unwrap_or(usize::MAX);
    rows.truncate(usize::try_from(PER_PAGE).unwrap_or(usize::MAX));
    Ok(Stretch { messages: rows.into_iter().rev().map(Message::from).collect(), has_older })
}

/// All that happened in a room after event `after`, in order, at most `limit` rows: each message
/// once, at its newest version; a deletion as a message without words.
///
/// # Errors
/// Only the database's.
pub fn since(conn: &mut Conn, room_id: i64, after: i64, limit: i64) -> QueryResult<Vec<Message>> {
    let rows: Vec<Row> = messages::table
        .left_join(users::table)
        .select((MESSAGE, (users::id, users::username, users::name).nullable()))
        .filter(messages::room_id.eq(room_id))
        .filter(messages::version.gt(after))
        .order(messages::version.asc())
        .limit(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(Message::from).collect())
}

/// A message as the activity shows it.
#[derive(Debug, Serialize)]
pub struct Activity {
    id: i64,
    room: RoomLink,
    user: Person,
    text: String,
    /// There is more of it.
    cut: bool,
    url: String,
    #[serde(serialize_with = "iso")]
    created: NaiveDateTime,
}

#[derive(Debug, Serialize)]
struct RoomLink {
    id: i64,
    name: String,
    url: String,
}

/// How long a short text is, in characters.
const SHORT: usize = 50;

/// A message's short text: its first 50 characters.
///
/// Django: `Message.__str__`
pub fn short(body: &str) -> String {
    body.chars().take(SHORT).collect()
}

/// What was said lately, newest first, in rooms that match; `author` only, if given.
///
/// Django: `views.activityPage`
///
/// # Errors
/// Only the database's.
pub fn activity(
    conn: &mut Conn,
    filter: &Filter,
    author: Option<i64>,
    offset: i64,
    limit: i64,
) -> QueryResult<Vec<Activity>> {
    let query = messages::table
        .inner_join(rooms::table.left_join(topics::table))
        .inner_join(users::table)
        .select((
            (messages::id, messages::body, messages::created),
            (rooms::id, rooms::name),
            (users::id, users::username, users::name),
        ))
        .filter(messages::deleted.is_null())
        .order((messages::created.desc(), messages::id.desc()))
        .offset(offset)
        .limit(limit)
        .into_boxed::<MultiBackend>();
    let mut query = filtered!(query, filter);
    if let Some(author) = author {
        query = query.filter(messages::user_id.eq(author));
    }
    type ActivityRow = ((i64, String, NaiveDateTime), (i64, String), (i64, String, String));
    let rows: Vec<ActivityRow> = query.load(conn)?;
    Ok(rows
        .into_iter()
        .map(|((id, body, created), (room_id, room_name), (user_id, username, name))| Activity {
            id,
            text: short(&body),
            cut: body.chars().nth(SHORT).is_some(),
            url: format!("/rooms/{room_id}?at={id}#message-{id}"),
            room: RoomLink { id: room_id, name: room_name, url: room::url(room_id) },
            user: Person { id: user_id, username, name },
            created,
        })
        .collect())
}

/// How many messages stand in rooms that match.
///
/// # Errors
/// Only the database's.
pub fn count_activity(conn: &mut Conn, filter: &Filter) -> QueryResult<i64> {
    let query = messages::table
        .inner_join(rooms::table.left_join(topics::table))
        .select(diesel::dsl::count_star())
        .filter(messages::deleted.is_null())
        .into_boxed::<MultiBackend>();
    filtered!(query, filter).get_result(conn)
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_short_text_is_fifty_whole_characters() {
        assert_eq!(short(&"क्षि".repeat(30)).chars().count(), 50);
        assert_eq!(short("hello"), "hello");
    }
}
