//! Chat rooms by name are rooms of a kind of their own: a key makes their name unique, and they stand
//! in no list of the others.
//!
//! Django: `chat/models.py` of chat_app

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Text, Timestamp};
use serde::Serialize;

use crate::accounts::models::{Person, look};
use crate::kit::db::{Conn, fold_key};
use crate::kit::slug;
use crate::kit::time::{self, as_iso};
use crate::rooms::models::message::{self, Author, Message};
use crate::rooms::models::participant;
use crate::rooms::models::room::{self, Room, lobby_url};
use crate::schema::rooms;

/// The longest name of a room, in characters.
pub const MAX_ROOM: usize = 100;

/// The longest name of a guest, in characters.
pub const MAX_GUEST: usize = 40;

/// A room that nobody entered or spoke in for so many days goes.
pub const KEPT_DAYS: i64 = 30;

/// So many go at once, so that other writers wait but a moment.
const SWEPT_AT_ONCE: i64 = 100;

/// Who speaks in the lobby.
#[derive(Clone, Debug)]
pub enum Speaker {
    /// Somebody who is logged in.
    Person(Person),
    /// Somebody else, under the name that he gave himself.
    Guest(String),
}

/// Why somebody cannot be in the lobby under his name, or say something there.
#[derive(Debug)]
pub enum LobbyError {
    /// A member's name looks like this guest's.
    NameTaken,
    /// The database; `NotFound` when there is no such room.
    Db(DieselError),
}

impl From<DieselError> for LobbyError {
    fn from(error: DieselError) -> Self {
        Self::Db(error)
    }
}

/// No guest goes by a member's name. Members come and rename themselves, so it is asked each time.
fn admit(conn: &mut Conn, speaker: &Speaker) -> Result<(), LobbyError> {
    match speaker {
        Speaker::Guest(name) if look::is_called(conn, name)? => Err(LobbyError::NameTaken),
        _ => Ok(()),
    }
}

/// The address of the room of this name, which is made when there is none; of many at once one makes it.
///
/// Django: `checkview`
///
/// # Errors
/// [`LobbyError`]
pub fn enter(conn: &mut Conn, name: &str, speaker: &Speaker) -> Result<String, LobbyError> {
    #[derive(QueryableByName)]
    struct Entered {
        #[diesel(sql_type = Text)]
        name: String,
    }
    admit(conn, speaker)?;
    let now = time::now();
    let entered: Entered = diesel::sql_query(
        "INSERT INTO rooms (name, lobby_key, created, updated) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (lobby_key) WHERE lobby_key IS NOT NULL DO UPDATE SET updated = excluded.updated RETURNING name",
    )
    .bind::<Text, _>(name)
    .bind::<Text, _>(fold_key(name))
    .bind::<Timestamp, _>(now)
    .bind::<Timestamp, _>(now)
    .get_result(conn)?;
    Ok(lobby_url(&entered.name))
}

/// The room that a segment of a path means: the one whose segment it is, or whose very name.
///
/// # Errors
/// [`DieselError::NotFound`] when there is none.
pub fn find(conn: &mut Conn, segment: &str) -> QueryResult<Room> {
    if let Some(name) = slug::name(segment).filter(|name| !name.contains('\0')) {
        match room::by_lobby_key(conn, &fold_key(&name)) {
            Err(DieselError::NotFound) => {}
            found => return found,
        }
    }
    if segment.contains('\0') { Err(DieselError::NotFound) } else { room::by_lobby_key(conn, &fold_key(segment)) }
}

/// A room in the list of those in use.
#[derive(Debug, Serialize)]
pub struct Lately {
    name: String,
    url: String,
    #[serde(serialize_with = "as_iso")]
    updated: NaiveDateTime,
}

/// The rooms that were used last, newest first.
///
/// # Errors
/// Only the database's.
pub fn lately(conn: &mut Conn, limit: i64) -> QueryResult<Vec<Lately>> {
    let found: Vec<(String, NaiveDateTime)> = rooms::table
        .filter(rooms::lobby_key.is_not_null())
        .order((rooms::updated.desc(), rooms::id.desc()))
        .select((rooms::name, rooms::updated))
        .limit(limit)
        .load(conn)?;
    Ok(found.into_iter().map(|(name, updated)| Lately { url: lobby_url(&name), name, updated }).collect())
}

/// Posts in a chat room, as [`message::post`] does in others: with a `client_id` that was posted before,
/// gives the message of then.
///
/// Django: `send`
///
/// # Errors
/// [`LobbyError`]
pub fn post(
    conn: &mut Conn,
    room_id: i64,
    speaker: &Speaker,
    body: &str,
    client_id: Option<&str>,
) -> Result<(Message, bool), LobbyError> {
    admit(conn, speaker)?;
    if let Some(known) = known(conn, room_id, speaker, client_id)? {
        return Ok((known, false));
    }
    let event = room::next_event_moving_up(conn, room_id, true)?;
    let author = match speaker {
        Speaker::Person(person) => {
            participant::join(conn, room_id, person.id)?;
            Author::Person(person)
        }
        Speaker::Guest(name) => Author::Guest(name),
    };
    Ok((message::write(conn, room_id, event, author, true, body, client_id)?, true))
}

/// What was posted under this `client_id` before.
///
/// # Errors
/// Only the database's.
pub fn known(
    conn: &mut Conn,
    room_id: i64,
    speaker: &Speaker,
    client_id: Option<&str>,
) -> QueryResult<Option<Message>> {
    match (speaker, client_id) {
        (_, None) => Ok(None),
        (Speaker::Person(person), Some(client_id)) => message::by_client_id(conn, person.id, client_id),
        (Speaker::Guest(name), Some(client_id)) => message::by_guest(conn, room_id, name, client_id),
    }
}

/// Removes rooms that nobody has used for a while, with all that was said in them; gives their number.
///
/// # Errors
/// Only the database's.
pub fn sweep(conn: &mut Conn) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM rooms WHERE id IN \
         (SELECT id FROM rooms WHERE lobby_key IS NOT NULL AND updated < $1 ORDER BY updated LIMIT $2)",
    )
    .bind::<Timestamp, _>(time::now() - TimeDelta::days(KEPT_DAYS))
    .bind::<BigInt, _>(SWEPT_AT_ONCE)
    .execute(conn)
}
