//! Texts that were typed when the session was over, kept until their writer is back.

use chrono::TimeDelta;
use diesel::prelude::*;

use crate::kit::db::Conn;
use crate::kit::{random, time};
use crate::schema::stash;

/// How long a text waits for its writer.
const MINUTES: i64 = 30;

/// Keeps `fields`; gives the token by which they are found again.
///
/// # Errors
/// Only the database's.
pub fn put(conn: &mut Conn, path: &str, fields: &str) -> QueryResult<String> {
    let token = random::token(24);
    diesel::insert_into(stash::table)
        .values((
            stash::token_hash.eq(random::token_hash(&token)),
            stash::path.eq(path),
            stash::fields.eq(fields),
            stash::expires.eq(time::now() + TimeDelta::minutes(MINUTES)),
        ))
        .execute(conn)?;
    Ok(token)
}

/// Looks for them; nothing is written when there are none.
///
/// # Errors
/// Only the database's.
pub fn find(conn: &mut Conn, token: &str, path: &str) -> QueryResult<Option<String>> {
    stash::table
        .find(random::token_hash(token))
        .filter(stash::path.eq(path).and(stash::expires.gt(time::now())))
        .select(stash::fields)
        .first(conn)
        .optional()
}

/// They are back on their page.
///
/// # Errors
/// Only the database's.
pub fn forget(conn: &mut Conn, token: &str) -> QueryResult<()> {
    diesel::delete(stash::table.find(random::token_hash(token))).execute(conn).map(drop)
}
