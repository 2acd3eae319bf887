//! The rows of the outbox.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::dsl::not;
use diesel::prelude::*;

use crate::kit::db::Conn;
use crate::kit::time;
use crate::schema::outbox;

/// Whoever takes a letter has so long to send it; then another process may try, for he may be dead.
const CLAIM: TimeDelta = TimeDelta::seconds(150);

/// A letter that is due later than any pause between two tries was put there while the clock was wrong.
const FUTURE: TimeDelta = TimeDelta::hours(7);

/// How long a letter that was given up can be looked at.
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// A letter whose turn it is.
#[derive(Clone, Debug, Queryable)]
pub(super) struct Row {
    pub id: i64,
    pub kind: String,
    pub params: String,
    pub created: NaiveDateTime,
    pub expires: NaiveDateTime,
    /// This one included.
    pub attempts: i64,
    /// What stood in the way last; empty for nothing.
    pub trouble: String,
}

pub(super) fn insert(conn: &mut Conn, kind: &str, params: &str, expires: NaiveDateTime) -> QueryResult<()> {
    let now = time::now();
    diesel::insert_into(outbox::table)
        .values((
            outbox::kind.eq(kind),
            outbox::params.eq(params),
            outbox::created.eq(now),
            outbox::due.eq(now),
            outbox::expires.eq(expires),
        ))
        .execute(conn)
        .map(drop)
}

/// Takes the letter that is due longest, for this process alone: of several that try, the condition of the update lets
/// one through. None when nothing is due.
pub(super) fn claim(conn: &mut Conn) -> QueryResult<Option<Row>> {
    let now = time::now();
    let is_claimed = outbox::claimed_until.gt(now).and(outbox::claimed_until.le(now + FUTURE));
    let is_free = outbox::given_up
        .is_null()
        .and(outbox::due.le(now).or(outbox::due.gt(now + FUTURE)))
        .and(outbox::claimed_until.is_null().or(not(is_claimed)));
    let columns =
        (outbox::id, outbox::kind, outbox::params, outbox::created, outbox::expires, outbox::attempts, outbox::trouble);
    let candidates: Vec<Row> =
        outbox::table.filter(is_free).order((outbox::due, outbox::id)).select(columns).limit(5).load(conn)?;
    for mut row in candidates {
        let taken = diesel::update(outbox::table.find(row.id).filter(is_free))
            .set((outbox::claimed_until.eq(now + CLAIM), outbox::attempts.eq(outbox::attempts + 1)))
            .execute(conn)?;
        if taken == 1 {
            row.attempts += 1;
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// It went, or there is nobody to write to.
pub(super) fn delete(conn: &mut Conn, id: i64) -> QueryResult<()> {
    diesel::delete(outbox::table.find(id)).execute(conn).map(drop)
}

/// It waits for another try.
pub(super) fn postpone(conn: &mut Conn, id: i64, due: NaiveDateTime, trouble: &str) -> QueryResult<()> {
    diesel::update(outbox::table.find(id))
        .set((outbox::due.eq(due), outbox::claimed_until.eq(None::<NaiveDateTime>), outbox::trouble.eq(trouble)))
        .execute(conn)
        .map(drop)
}

/// It will never go.
pub(super) fn give_up(conn: &mut Conn, id: i64, trouble: &str) -> QueryResult<()> {
    diesel::update(outbox::table.find(id))
        .set((
            outbox::given_up.eq(time::now()),
            outbox::claimed_until.eq(None::<NaiveDateTime>),
            outbox::trouble.eq(trouble),
        ))
        .execute(conn)
        .map(drop)
}

/// How the outbox stands.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Letters that wait and could not be sent so far.
    pub troubled: i64,
    /// Letters that were given up lately.
    pub given_up: i64,
    /// What stood in the way last.
    pub trouble: Option<String>,
}

/// Counts what is there.
///
/// # Errors
/// Only the database's.
pub fn census(conn: &mut Conn) -> QueryResult<Census> {
    let waiting = outbox::table.filter(outbox::given_up.is_null());
    Ok(Census {
        troubled: waiting.filter(outbox::trouble.ne("")).count().get_result(conn)?,
        given_up: outbox::table.filter(outbox::given_up.is_not_null()).count().get_result(conn)?,
        trouble: outbox::table
            .filter(outbox::trouble.ne(""))
            .order(outbox::id.desc())
            .select(outbox::trouble)
            .first(conn)
            .optional()?,
    })
}

/// Forgets letters that were given up long ago.
///
/// # Errors
/// Only the database's.
pub fn sweep(conn: &mut Conn) -> QueryResult<usize> {
    diesel::delete(outbox::table.filter(outbox::given_up.le(time::now() - REMEMBERED))).execute(conn)
}
