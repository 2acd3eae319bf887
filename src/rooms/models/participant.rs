//! Who takes part in a room, and who was taken out of it.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

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
struct Listed {
    #[diesel(sql_type = BigInt)]
    room_id: i64,
    /// In the order in which they came.
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    username: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    picture: Option<String>,
    #[diesel(sql_type = Bool)]
    removed: bool,
    /// How many take part; 0 for those who were removed.
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The first few people of each of these rooms, and how many there are.
///
/// # Errors
/// Only the database's.
pub(super) fn faces(conn: &mut Conn, rooms: &[i64]) -> QueryResult<HashMap<i64, (i64, Vec<Person>)>> {
    let (marks, numbers) = number_list(rooms.iter().copied());
    // Every part of it goes along the index of a room's people, room by room (CROSS JOIN keeps SQLite to
    // this order); the fourth of them bounds the first few. Nothing grows with the crowd but the count.
    let sql = format!(
        "WITH r AS MATERIALIZED (SELECT id, \
             (SELECT count(*) FROM participants c WHERE c.room_id = rooms.id AND c.removed IS NULL) AS n, \
             (SELECT f.id FROM participants f WHERE f.room_id = rooms.id AND f.removed IS NULL \
              ORDER BY f.id LIMIT 1 OFFSET 3) AS fourth \
             FROM rooms WHERE id IN ({marks})) \
         SELECT r.id AS room_id, p.id AS place, u.id, u.username, u.name, u.picture, FALSE AS removed, r.n \
         FROM r CROSS JOIN participants p CROSS JOIN users u \
         WHERE p.room_id = r.id AND p.removed IS NULL AND p.id <= coalesce(r.fourth, {last}) AND u.id = p.user_id",
        last = i64::MAX
    );
    let mut faces: HashMap<i64, (i64, Vec<Person>)> = HashMap::new();
    let mut rows: Vec<Listed> = prepared(sql, numbers).load(conn)?;
    // Forty at most: quicker here than in the database.
    rows.sort_unstable_by_key(|row| row.place);
    for row in rows {
        let entry = faces.entry(row.room_id).or_default();
        entry.0 = row.n;
        entry.1.push(Person { id: row.id, username: row.username, name: row.name, picture: row.picture });
    }
    Ok(faces)
}

/// The people of one room; those who were taken out only for who may let them in again.
///
/// # Errors
/// Only the database's.
pub fn of_room(conn: &mut Conn, room_id: i64, with_removed: bool) -> QueryResult<People> {
    let active = "SELECT p.room_id, p.id AS place, u.id, u.username, u.name, u.picture, FALSE AS removed, \
             (SELECT count(*) FROM participants c WHERE c.room_id = p.room_id AND c.removed IS NULL) AS n \
         FROM participants p JOIN users u ON u.id = p.user_id \
         WHERE p.room_id = ? AND p.removed IS NULL ORDER BY p.id LIMIT ?";
    let removed = "SELECT p.room_id, p.id AS place, u.id, u.username, u.name, u.picture, TRUE AS removed, 0 AS n \
         FROM participants p JOIN users u ON u.id = p.user_id \
         WHERE p.room_id = ? AND p.removed IS NOT NULL ORDER BY p.id LIMIT ?";
    let mut rows: Vec<Listed> = if with_removed {
        let both = format!("SELECT * FROM ({active}) AS a UNION ALL SELECT * FROM ({removed}) AS b");
        prepared(both, [room_id, SHOWN, room_id, SHOWN]).load(conn)?
    } else {
        prepared(active, [room_id, SHOWN]).load(conn)?
    };
    rows.sort_unstable_by_key(|row| row.place);
    let mut people = People::default();
    for row in rows {
        let person = Person { id: row.id, username: row.username, name: row.name, picture: row.picture };
        if row.removed {
            people.removed.push(person);
        } else {
            people.count = row.n;
            people.active.push(person);
        }
    }
    Ok(people)
}
