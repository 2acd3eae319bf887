//! What was said lately, in all rooms but those of the lobby.

use chrono::NaiveDateTime;
use diesel::dsl::not;
use diesel::expression::SelectableExpression;
use diesel::prelude::*;
use serde::Serialize;

use super::message;
use super::room::{self, Filter, RoomsWithTopics};
use crate::accounts::models::{PERSON, Person};
use crate::kit::db::{Conn, MultiBackend, count_to, slice, substr};
use crate::kit::markdown;
use crate::kit::q::{Q, among};
use crate::kit::time::as_iso;
use crate::schema::{messages, rooms, topics, users};

/// A message as the activity shows it.
#[derive(Debug, Hash, Serialize)]
pub struct Activity {
    id: i64,
    room: RoomLink,
    user: Person,
    text: String,
    /// There is more of it.
    cut: bool,
    url: String,
    #[serde(serialize_with = "as_iso")]
    created: NaiveDateTime,
}

#[derive(Debug, Hash, Serialize)]
struct RoomLink {
    id: i64,
    name: String,
    url: String,
}

/// Characters that are read of a message: as many as can be posted, so that marks leave enough words.
const READ: i32 = 4_000;

/// How long a short text is, in characters.
const SHORT: usize = 50;

/// A message's short text: its first 50 characters, without marks.
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
pub fn list(
    conn: &mut Conn,
    filter: &Filter,
    author: Option<i64>,
    offset: i64,
    limit: i64,
) -> QueryResult<Vec<Activity>> {
    let mut query = messages::table
        .inner_join(rooms::table)
        .inner_join(users::table)
        .select(((messages::id, substr(messages::body, 1, READ), messages::created), (rooms::id, rooms::name), PERSON))
        .filter(messages::deleted.is_null())
        .filter(not(messages::in_lobby))
        .order((messages::created.desc(), messages::id.desc()))
        .into_boxed::<MultiBackend>();
    if !filter.is_empty() {
        query = query.filter(in_rooms(filter));
    }
    if let Some(author) = author {
        query = query.filter(messages::user_id.eq(author));
    }
    type ActivityRow = ((i64, String, NaiveDateTime), (i64, String), Person);
    let rows: Vec<ActivityRow> = slice(query, offset, limit).load(conn)?;
    Ok(rows
        .into_iter()
        .map(|((id, body, created), (room_id, room_name), user)| {
            let words = markdown::plain(&body);
            Activity {
                id,
                text: short(&words),
                cut: words.chars().nth(SHORT).is_some(),
                url: message::url(room_id, id),
                room: RoomLink { id: room_id, name: room_name, url: room::url(room_id) },
                user,
                created,
            }
        })
        .collect())
}

/// How many messages stand in rooms that match, counted as far as `most`.
///
/// # Errors
/// Only the database's.
pub fn count(conn: &mut Conn, filter: &Filter, most: i64) -> QueryResult<i64> {
    let all = messages::table.select(messages::id).filter(messages::deleted.is_null()).filter(not(messages::in_lobby));
    if filter.is_empty() {
        return count_to(conn, all, most);
    }
    count_to(conn, all.into_boxed::<MultiBackend>().filter(in_rooms(filter)), most)
}

/// Asked once for each room, and not for each of its messages.
fn in_rooms<QS>(filter: &Filter) -> Q<QS>
where
    messages::room_id: SelectableExpression<QS>,
{
    let rooms = rooms::table.left_join(topics::table).filter(filter.condition::<RoomsWithTopics>()).select(rooms::id);
    among(messages::room_id, rooms)
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
