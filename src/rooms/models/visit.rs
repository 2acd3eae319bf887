//! How far each person has looked in each room: what unread means.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use crate::kit::db::{Conn, number_list, prepared};

/// How many messages of others came since `viewer` last looked, for those of these rooms that he
/// has ever looked into.
///
/// # Errors
/// Only the database's.
pub(super) fn unread(conn: &mut Conn, viewer: i64, rooms: &[i64]) -> QueryResult<HashMap<i64, i64>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        room_id: i64,
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let (marks, mut numbers) = number_list(rooms.iter().copied());
    numbers.push(viewer);
    let sql = format!(
        "SELECT v.room_id, count(*) AS n FROM visits v \
         JOIN messages m ON m.room_id = v.room_id AND m.seq > v.last_seq AND m.deleted IS NULL AND m.user_id <> v.user_id \
         WHERE v.room_id IN ({marks}) AND v.user_id = ? GROUP BY v.room_id"
    );
    let rows: Vec<Row> = prepared(sql, numbers).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.room_id, row.n)).collect())
}

/// How a person stands to a room.
#[derive(Debug, Default, QueryableByName)]
pub struct Standing {
    /// How far he has looked; none for never.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub last_seq: Option<i64>,
    /// Messages of others since then.
    #[diesel(sql_type = BigInt)]
    pub unread: i64,
    /// 1 when he takes part.
    #[diesel(sql_type = BigInt)]
    joined: i64,
    /// 1 when the host took him out.
    #[diesel(sql_type = BigInt)]
    removed: i64,
}

impl Standing {
    /// Takes part.
    pub fn is_participant(&self) -> bool {
        self.joined > 0
    }

    /// Was taken out by the host.
    pub fn is_removed(&self) -> bool {
        self.removed > 0
    }
}

/// How `user_id` stands to the room: one statement.
///
/// # Errors
/// Only the database's.
pub fn standing(conn: &mut Conn, room_id: i64, user_id: i64) -> QueryResult<Standing> {
    let sql = "SELECT v.last_seq AS last_seq, \
                (SELECT count(*) FROM messages m WHERE m.room_id = here.room_id AND m.seq > v.last_seq \
                     AND m.deleted IS NULL AND coalesce(m.user_id, 0) <> here.user_id) AS unread, \
                (SELECT count(*) FROM participants p WHERE p.room_id = here.room_id AND p.user_id = here.user_id AND p.removed IS NULL) AS joined, \
                (SELECT count(*) FROM participants p WHERE p.room_id = here.room_id AND p.user_id = here.user_id AND p.removed IS NOT NULL) AS removed \
         FROM (SELECT CAST(? AS BIGINT) AS room_id, CAST(? AS BIGINT) AS user_id) AS here \
         LEFT JOIN visits v ON v.room_id = here.room_id AND v.user_id = here.user_id";
    prepared(sql, vec![room_id, user_id]).get_result(conn)
}

/// Has looked as far as `seq`; never backwards.
///
/// # Errors
/// Only the database's.
pub fn look(conn: &mut Conn, room_id: i64, user_id: i64, seq: i64) -> QueryResult<()> {
    let sql = "INSERT INTO visits (room_id, user_id, last_seq) VALUES (?, ?, ?) \
               ON CONFLICT (room_id, user_id) DO UPDATE SET last_seq = excluded.last_seq WHERE visits.last_seq < excluded.last_seq";
    prepared(sql, vec![room_id, user_id, seq]).execute(conn).map(drop)
}
