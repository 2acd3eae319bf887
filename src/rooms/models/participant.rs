//! Who takes part in a room, and who was taken out of it.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::accounts::models::Person;
use crate::kit::db::{Bind, Conn, number_list, prepared};
use crate::kit::time;
use crate::schema::participants;

/// Takes part from now on, if he did not before.
///
/// Django: `room.participants.add(user)`
///
/// # Errors
/// Only the database's.
pub fn join(conn: &mut Conn, room_id: i64, user_id: i64) -> QueryResult<()> {
    let sql = "INSERT INTO participants (room_id, user_id, joined) VALUES (?, ?, ?) ON CONFLICT (room_id, user_id) DO NOTHING";
    let values: [Bind; 3] = [room_id.into(), user_id.into(), time::now().into()];
    prepared(sql, values).execute(conn).map(drop)
}

/// Leaves by himself; he may come back by posting. One who was taken out stays out.
///
/// # Errors
/// Only the database's.
pub fn leave(conn: &mut Conn, room_id: i64, user_id: i64) -> QueryResult<()> {
    diesel::delete(
        participants::table
            .filter(participants::room_id.eq(room_id))
            .filter(participants::user_id.eq(user_id))
            .filter(participants::removed.is_null()),
    )
    .execute(conn)
    .map(drop)
}

/// Taken out by the host, or let in again. False when he does not take part.
///
/// # Errors
/// Only the database's.
pub fn set_removed(conn: &mut Conn, room_id: i64, user_id: i64, removed: bool) -> QueryResult<bool> {
    let row = participants::table.filter(participants::room_id.eq(room_id)).filter(participants::user_id.eq(user_id));
    let changed = diesel::update(row).set(participants::removed.eq(removed.then(time::now))).execute(conn)?;
    Ok(changed > 0)
}

/// How somebody stands to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// He never took part, or left.
    None,
    /// He takes part.
    Taken,
    /// The host took him out.
    Removed,
}

/// How he stands to the room.
///
/// # Errors
/// Only the database's.
pub fn part(conn: &mut Conn, room_id: i64, user_id: i64) -> QueryResult<Part> {
    let removed: Option<bool> = participants::table
        .filter(participants::room_id.eq(room_id))
        .filter(participants::user_id.eq(user_id))
        .select(participants::removed.is_not_null())
        .first(conn)
        .optional()?;
    Ok(match removed {
        None => Part::None,
        Some(false) => Part::Taken,
        Some(true) => Part::Removed,
    })
}

/// The people of one room.
#[derive(Debug, Default)]
pub struct People {
    /// Those who take part, in the order in which they came; at most [`SHOWN`].
    pub active: Vec<Person>,
    /// How many take part.
    pub count: i64,
    /// Those who were taken out; at most [`SHOWN`].
    pub removed: Vec<Person>,
}

/// A room's page lists so many people.
pub const SHOWN: i64 = 100;

#[derive(QueryableByName)]
struct Ranked {
    #[diesel(sql_type = BigInt)]
    room_id: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    username: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    removed: bool,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The first `each` people of each room, ranked before the names are looked up.
fn ranked(conn: &mut Conn, rooms: &[i64], each: i64, with_removed: bool) -> QueryResult<Vec<Ranked>> {
    let who = if with_removed { "" } else { "AND removed IS NULL" };
    let (marks, mut numbers) = number_list(rooms.iter().copied());
    numbers.push(each);
    let sql = format!(
        "SELECT p.room_id, u.id, u.username, u.name, p.removed, p.n FROM ( \
             SELECT id, room_id, user_id, removed IS NOT NULL AS removed, \
                    row_number() OVER (PARTITION BY room_id, removed IS NOT NULL ORDER BY id) AS place, \
                    count(*) OVER (PARTITION BY room_id, removed IS NOT NULL) AS n \
             FROM participants WHERE room_id IN ({marks}) {who}) AS p \
         JOIN users u ON u.id = p.user_id WHERE p.place <= ? ORDER BY p.room_id, p.place"
    );
    prepared(sql, numbers).load(conn)
}

/// The first few people of each of these rooms, and how many there are.
///
/// # Errors
/// Only the database's.
pub(super) fn faces(conn: &mut Conn, rooms: &[i64]) -> QueryResult<HashMap<i64, (i64, Vec<Person>)>> {
    let mut faces: HashMap<i64, (i64, Vec<Person>)> = HashMap::new();
    for row in ranked(conn, rooms, 4, false)? {
        let entry = faces.entry(row.room_id).or_default();
        entry.0 = row.n;
        entry.1.push(Person { id: row.id, username: row.username, name: row.name });
    }
    Ok(faces)
}

/// The people of one room; those who were taken out only for who may let them in again.
///
/// # Errors
/// Only the database's.
pub fn of_room(conn: &mut Conn, room_id: i64, with_removed: bool) -> QueryResult<People> {
    let mut people = People::default();
    for row in ranked(conn, &[room_id], SHOWN, with_removed)? {
        let person = Person { id: row.id, username: row.username, name: row.name };
        if row.removed {
            people.removed.push(person);
        } else {
            people.count = row.n;
            people.active.push(person);
        }
    }
    Ok(people)
}
