//! Invitations: links that let somebody register on a site that is closed otherwise.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use crate::kit::db::Conn;
use crate::kit::random;
use crate::kit::time::{self, SKEW};
use crate::schema::invites;

/// One invitation. Its token is kept nowhere.
#[derive(Clone, Debug, Queryable)]
pub struct Invite {
    /// Its number.
    pub id: i64,
    /// What it is for, in the words of who made it.
    pub note: String,
    /// How many may still come by it.
    pub uses_left: i64,
    /// When it ends.
    pub expires: NaiveDateTime,
}

const COLUMNS: (invites::id, invites::note, invites::uses_left, invites::expires) =
    (invites::id, invites::note, invites::uses_left, invites::expires);

/// Somebody may still come by it. One that was made after `latest` was made while the clock was wrong, and would last too long.
#[diesel::dsl::auto_type]
fn usable(now: NaiveDateTime, latest: NaiveDateTime) -> _ {
    invites::uses_left.gt(0_i64).and(invites::expires.gt(now)).and(invites::created.le(latest))
}

/// Makes one and gives its token.
///
/// # Errors
/// Only the database's.
pub fn make(conn: &mut Conn, note: &str, uses: i64, days: i64) -> QueryResult<String> {
    let (token, now) = (random::token(24), time::now());
    diesel::insert_into(invites::table)
        .values((
            invites::token_hash.eq(random::token_hash(&token)),
            invites::note.eq(note),
            invites::uses_left.eq(uses),
            invites::created.eq(now),
            invites::expires.eq(now + TimeDelta::days(days)),
        ))
        .execute(conn)?;
    Ok(token)
}

/// The number of the invitation with this token, if somebody may still come by it.
///
/// # Errors
/// Only the database's.
pub fn find(conn: &mut Conn, token: &str) -> QueryResult<Option<i64>> {
    let is_good = usable(time::now(), time::now() + SKEW);
    let hash = random::token_hash(token);
    invites::table.filter(invites::token_hash.eq(hash)).filter(is_good).select(invites::id).first(conn).optional()
}

/// Somebody comes by it: of two who take the last place at once, one gets it. Gives whether there was a place.
///
/// # Errors
/// Only the database's.
pub fn spend(conn: &mut Conn, id: i64) -> QueryResult<bool> {
    let is_good = usable(time::now(), time::now() + SKEW);
    let spent = diesel::update(invites::table.find(id).filter(is_good))
        .set(invites::uses_left.eq(invites::uses_left - 1))
        .execute(conn)?;
    Ok(spent == 1)
}

/// Those by which somebody may still come, oldest first.
///
/// # Errors
/// Only the database's.
pub fn list(conn: &mut Conn) -> QueryResult<Vec<Invite>> {
    let is_good = usable(time::now(), time::now() + SKEW);
    invites::table.filter(is_good).order(invites::id).select(COLUMNS).load(conn)
}

/// Takes one back; gives whether there was such a one.
///
/// # Errors
/// Only the database's.
pub fn revoke(conn: &mut Conn, id: i64) -> QueryResult<bool> {
    diesel::delete(invites::table.find(id)).execute(conn).map(|gone| gone > 0)
}
