//! Rooms: finding them, opening them, changing them.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::dsl::LeftJoinQuerySource;
use diesel::expression::{AppearsOnTable, SelectableExpression};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamp};
use serde::Serialize;

use super::message::Message;
use super::topic::TopicLink;
use super::{participant, visit};
use crate::accounts::models::{PERSON, Person, User};
use crate::kit::db::{Bind, Conn, MultiBackend, count_to, number_list, prepared, slice, substr};
use crate::kit::q::{Q, all, icontains, q};
use crate::kit::time::{self, as_iso};
use crate::kit::{markdown, named, slug};
use crate::schema::{rooms, topics, users};

/// A room with its topic and host.
///
/// Django: `Room`
#[derive(Clone, Debug, Hash, Serialize)]
pub struct Room {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it is about, as typed, as far as a page shows it ([`markdown::LONGEST_TYPED`]); may be empty.
    pub description: String,
    /// What [`markdown::render`] made of it.
    pub description_html: String,
    /// Its words in one line.
    pub about: String,
    /// Its page.
    pub url: String,
    /// Its topic, if it has one.
    pub topic: Option<TopicLink>,
    /// Who opened it; none after he left the site.
    pub host: Option<Person>,
    /// The number of its last event.
    pub last_event: i64,
    /// Whether it is a chat room by name: it stands in no list, and has no host.
    pub in_lobby: bool,
    /// When it was opened.
    #[serde(serialize_with = "as_iso")]
    pub created: NaiveDateTime,
    /// When it was last changed or spoken in.
    #[serde(serialize_with = "as_iso")]
    pub updated: NaiveDateTime,
}

type Columns = (i64, String, String, String, i64, Option<String>, NaiveDateTime, NaiveDateTime);
type Row = (Columns, Option<String>, Option<Person>);

/// What is read of a room: so many characters of its description as typed, and of the HTML.
macro_rules! room_columns {
    ($typed:expr, $html:expr) => {
        (
            rooms::id,
            rooms::name,
            substr(rooms::description, 1, $typed),
            substr(rooms::description_html, 1, $html),
            rooms::last_event,
            rooms::lobby_key,
            rooms::created,
            rooms::updated,
        )
    };
}

/// Characters of a description that are read for a card.
const READ_FOR_CARD: i32 = 2_000;

impl From<Row> for Room {
    fn from(((id, name, description, html, last_event, lobby_key, created, updated), topic, host): Row) -> Self {
        let in_lobby = lobby_key.is_some();
        Self {
            id,
            url: if in_lobby { lobby_url(&name) } else { url(id) },
            name,
            description_html: markdown::kept_or_typed(html, &description).0,
            about: markdown::plain(&description),
            description,
            topic: topic.map(TopicLink::new),
            host,
            last_event,
            in_lobby,
            created,
            updated,
        }
    }
}

/// The address of a room.
pub fn url(id: i64) -> String {
    format!("/rooms/{id}")
}

/// The address of a chat room of this name.
pub fn lobby_url(name: &str) -> String {
    format!("/chat/{}", slug::in_path(name))
}

impl Room {
    /// Whether this person may change it: its host or the staff.
    pub fn is_managed_by(&self, user_id: i64, is_staff: bool) -> bool {
        is_staff || self.host.as_ref().is_some_and(|host| host.id == user_id)
    }
}

/// A room as lists show it.
#[derive(Clone, Debug, Hash, Serialize)]
pub struct RoomCard {
    /// The room.
    #[serde(flatten)]
    pub room: Room,
    /// How many take part.
    pub participants: i64,
    /// The first few of them.
    pub faces: Vec<Person>,
    /// How many messages came since the viewer last looked; 0 for strangers.
    pub unread: i64,
}

/// Rooms beside their topics, as far as they have one.
pub(super) type RoomsWithTopics = LeftJoinQuerySource<rooms::table, topics::table>;

/// Which rooms a list is of.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Topic name, room name or description contains it.
    pub q: String,
    /// Only rooms of this host.
    pub host: Option<i64>,
}

impl Filter {
    /// Whether it lets all rooms pass.
    pub fn is_empty(&self) -> bool {
        self.q.is_empty() && self.host.is_none()
    }

    /// As a condition on rooms and their topics, whatever else they are joined with.
    pub(super) fn condition<QS>(&self) -> Q<QS>
    where
        topics::name: AppearsOnTable<QS>,
        rooms::name: AppearsOnTable<QS>,
        rooms::description: AppearsOnTable<QS>,
        rooms::host_id: SelectableExpression<QS>,
    {
        let contains = (!self.q.is_empty()).then(|| {
            icontains(topics::name, &self.q) | icontains(rooms::name, &self.q) | icontains(rooms::description, &self.q)
        });
        all(contains.into_iter().chain(self.host.map(|host| q(rooms::host_id.eq(host)))))
    }
}

/// How many rooms match, counted as far as `most`.
///
/// # Errors
/// Only the database's.
pub fn count_found(conn: &mut Conn, filter: &Filter, most: i64) -> QueryResult<i64> {
    let all = rooms::table.select(rooms::id).filter(rooms::lobby_key.is_null());
    if filter.is_empty() {
        // Without their topics: an index alone holds the answer.
        return count_to(conn, all, most);
    }
    let query = all.left_join(topics::table).into_boxed::<MultiBackend>();
    count_to(conn, query.filter(filter.condition()), most)
}

/// Matching rooms, newest first, with what their cards show: three statements.
///
/// Django: `views.home`
///
/// # Errors
/// Only the database's.
pub fn cards(
    conn: &mut Conn,
    filter: &Filter,
    viewer: Option<i64>,
    offset: i64,
    limit: i64,
) -> QueryResult<Vec<RoomCard>> {
    let query = rooms::table
        .left_join(topics::table)
        .left_join(users::table)
        .select((room_columns!(READ_FOR_CARD, 0), topics::name.nullable(), PERSON.nullable()))
        .filter(rooms::lobby_key.is_null())
        .order((rooms::updated.desc(), rooms::created.desc(), rooms::id.desc()))
        .into_boxed::<MultiBackend>();
    let rows: Vec<Row> = slice(query.filter(filter.condition()), offset, limit).load(conn)?;
    let ids: Vec<i64> = rows.iter().map(|row| row.0.0).collect();
    let mut faces = participant::faces(conn, &ids)?;
    let unread = match viewer {
        Some(viewer) => visit::unread(conn, viewer, &ids)?,
        None => HashMap::new(),
    };
    Ok(rows
        .into_iter()
        .map(|row| {
            // A card shows the words alone.
            let room = Room { description: String::new(), description_html: String::new(), ..Room::from(row) };
            let (participants, faces) = faces.remove(&room.id).unwrap_or_default();
            RoomCard { participants, faces, unread: unread.get(&room.id).copied().unwrap_or_default(), room }
        })
        .collect())
}

/// The one room for which a condition holds; a macro, since no function can name the query's type shortly.
macro_rules! one {
    ($conn:expr, $condition:expr) => {
        rooms::table
            .left_join(topics::table)
            .left_join(users::table)
            .select((
                room_columns!(markdown::LONGEST_TYPED + 1, markdown::LONGEST_HTML + 1),
                topics::name.nullable(),
                PERSON.nullable(),
            ))
            .filter($condition)
            .first::<Row>($conn)
            .map(Room::from)
    };
}

/// The room of this number; one of the lobby is none here.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when there is none.
pub fn find(conn: &mut Conn, id: i64) -> QueryResult<Room> {
    one!(conn, rooms::id.eq(id).and(rooms::lobby_key.is_null()))
}

/// The room in which a message stands, whatever its kind.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when it is gone.
pub fn of_message(conn: &mut Conn, message: &Message) -> QueryResult<Room> {
    one!(conn, rooms::id.eq(message.room_id))
}

/// The chat room of this key.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when there is none.
pub fn by_lobby_key(conn: &mut Conn, key: &str) -> QueryResult<Room> {
    one!(conn, rooms::lobby_key.eq(key))
}

/// The chat room of this number.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when there is none.
pub fn in_lobby(conn: &mut Conn, id: i64) -> QueryResult<Room> {
    one!(conn, rooms::id.eq(id).and(rooms::lobby_key.is_not_null()))
}

/// All of a room's description as typed, however long.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when it is gone.
pub fn whole_description(conn: &mut Conn, id: i64) -> QueryResult<String> {
    rooms::table.find(id).select(rooms::description).first(conn)
}

/// The cleaned values of a room's form.
#[derive(Clone, Debug)]
pub struct RoomValues {
    /// Its name.
    pub name: String,
    /// Its topic's name.
    pub topic: String,
    /// May be empty.
    pub description: String,
}

/// Opens a room; its host takes part in it.
///
/// # Errors
/// Only the database's.
pub fn open(conn: &mut Conn, host_id: i64, values: &RoomValues) -> QueryResult<i64> {
    let topic_id = named::find_or_make(conn, "topics", &values.topic)?;
    let now = time::now();
    let id = diesel::insert_into(rooms::table)
        .values((
            rooms::name.eq(&values.name),
            rooms::description.eq(&values.description),
            rooms::description_html.eq(markdown::render(&values.description)),
            rooms::host_id.eq(host_id),
            rooms::topic_id.eq(topic_id),
            rooms::last_event.eq(0),
            rooms::created.eq(now),
            rooms::updated.eq(now),
        ))
        .returning(rooms::id)
        .get_result(conn)?;
    participant::join(conn, id, host_id)?;
    Ok(id)
}

/// Changes a room: `updated` moves, `created` stays.
///
/// # Errors
/// Only the database's.
pub fn change(conn: &mut Conn, id: i64, values: &RoomValues) -> QueryResult<()> {
    let topic_id = named::find_or_make(conn, "topics", &values.topic)?;
    diesel::update(rooms::table.find(id))
        .set((
            rooms::name.eq(&values.name),
            rooms::description.eq(&values.description),
            rooms::description_html.eq(markdown::render(&values.description)),
            rooms::topic_id.eq(topic_id),
            rooms::updated.eq(time::now()),
        ))
        .execute(conn)
        .map(drop)
}

/// Deletes a room with all that was said in it.
///
/// # Errors
/// Only the database's.
pub fn delete(conn: &mut Conn, id: i64) -> QueryResult<()> {
    diesel::delete(rooms::table.find(id)).execute(conn).map(drop)
}

/// The next event number of a room; its row is locked until the transaction ends, so that numbers
/// are given in the order of commits.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when there is no such room.
pub fn next_event(conn: &mut Conn, id: i64) -> QueryResult<i64> {
    take_event(conn, "UPDATE rooms SET last_event = last_event + 1 WHERE id = ? RETURNING last_event", vec![id.into()])
}

/// The same, and the room moves up: something was said in it. A room of the lobby is none of the others.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when there is no such room.
pub fn next_event_moving_up(conn: &mut Conn, id: i64, in_lobby: bool) -> QueryResult<i64> {
    let sql = if in_lobby {
        "UPDATE rooms SET last_event = last_event + 1, updated = ? WHERE id = ? AND lobby_key IS NOT NULL RETURNING last_event"
    } else {
        "UPDATE rooms SET last_event = last_event + 1, updated = ? WHERE id = ? AND lobby_key IS NULL RETURNING last_event"
    };
    take_event(conn, sql, vec![time::now().into(), id.into()])
}

/// Diesel would prepare its own update anew for each message.
fn take_event(conn: &mut Conn, sql: &'static str, values: Vec<Bind>) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Taken {
        #[diesel(sql_type = BigInt)]
        last_event: i64,
    }
    prepared(sql, values).get_result(conn).map(|taken: Taken| taken.last_event)
}

/// How far these rooms have come; those of the lobby only if asked for.
///
/// # Errors
/// Only the database's.
pub fn last_events(conn: &mut Conn, ids: &[i64], with_lobby: bool) -> QueryResult<Vec<(i64, i64)>> {
    #[derive(QueryableByName)]
    struct Reached {
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(sql_type = BigInt)]
        last_event: i64,
    }
    let (marks, numbers) = number_list(ids.iter().copied());
    let kind = if with_lobby { "" } else { " AND lobby_key IS NULL" };
    let rows: Vec<Reached> =
        prepared(format!("SELECT id, last_event FROM rooms WHERE id IN ({marks}){kind}"), numbers).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.id, row.last_event)).collect())
}

/// A person leaves the site: his rooms stay without a host (the database sees to it), what he said
/// goes, and every reader, also one who is away, learns of each deletion by its event number.
///
/// # Errors
/// Only the database's.
pub fn forget_author(conn: &mut Conn, user_id: i64) -> QueryResult<()> {
    // Rooms before the user, as those who post do. A room in which they posted until the user was locked comes last.
    lock_rooms_of(conn, user_id)?;
    User::lock_for_deletion(conn, user_id)?;
    lock_rooms_of(conn, user_id)?;
    let now = time::now();
    // One number for each of his messages, room by room.
    diesel::sql_query(
        "UPDATE messages SET body = '', body_html = '', user_id = NULL, client_id = NULL, deleted = $1, version = numbered.version \
         FROM (SELECT m.id, r.last_event + row_number() OVER (PARTITION BY m.room_id ORDER BY m.seq) AS version \
               FROM messages m JOIN rooms r ON r.id = m.room_id WHERE m.user_id = $2) AS numbered \
         WHERE messages.id = numbered.id",
    )
    .bind::<Timestamp, _>(now)
    .bind::<BigInt, _>(user_id)
    .execute(conn)?;
    diesel::sql_query(
        "UPDATE rooms SET last_event = newest.version \
         FROM (SELECT room_id, max(version) AS version FROM messages WHERE deleted = $1 GROUP BY room_id) AS newest \
         WHERE newest.room_id = rooms.id AND newest.version > rooms.last_event",
    )
    .bind::<Timestamp, _>(now)
    .execute(conn)
    .map(drop)
}

/// All rooms of a host, oldest first: number, name, description, when they were opened.
///
/// # Errors
/// Only the database's.
pub fn hosted_by(conn: &mut Conn, user_id: i64) -> QueryResult<Vec<(i64, String, String, NaiveDateTime)>> {
    rooms::table
        .filter(rooms::host_id.eq(user_id))
        .order(rooms::id)
        .select((rooms::id, rooms::name, rooms::description, rooms::created))
        .load(conn)
}

/// The number of rooms a person hosts and of messages that he wrote, each counted as far as `most`.
///
/// # Errors
/// Only the database's.
pub fn tally(conn: &mut Conn, user_id: i64, most: i64) -> QueryResult<(i64, i64)> {
    #[derive(QueryableByName)]
    struct Tally {
        #[diesel(sql_type = BigInt)]
        rooms: i64,
        #[diesel(sql_type = BigInt)]
        messages: i64,
    }
    let sql = format!("SELECT {} FROM users u WHERE u.id = ?", tally_columns(most));
    let tally: Tally = prepared(sql, [user_id]).get_result(conn)?;
    Ok((tally.rooms, tally.messages))
}

/// The same two numbers as columns `rooms` and `messages` of a statement about the users `u`.
pub fn tally_columns(most: i64) -> String {
    format!(
        "(SELECT count(*) FROM (SELECT 1 FROM rooms WHERE host_id = u.id LIMIT {most}) AS r) AS rooms, \
         (SELECT count(*) FROM (SELECT 1 FROM messages WHERE user_id = u.id AND deleted IS NULL AND NOT in_lobby \
                                LIMIT {most}) AS m) AS messages"
    )
}

/// Locks the rooms that change when this user is deleted: event numbers are counted from `last_event`, which nobody may
/// move in the meantime, and the database takes them out as host and participant. SQLite has one writer anyway.
fn lock_rooms_of(conn: &mut Conn, user_id: i64) -> QueryResult<()> {
    if let Conn::Postgres(_) = conn {
        diesel::sql_query(
            "SELECT id FROM rooms WHERE id IN (SELECT room_id FROM messages WHERE user_id = $1 \
                                               UNION SELECT room_id FROM participants WHERE user_id = $1 \
                                               UNION SELECT id FROM rooms WHERE host_id = $1) ORDER BY id FOR UPDATE",
        )
        .bind::<BigInt, _>(user_id)
        .execute(conn)?;
    }
    Ok(())
}
