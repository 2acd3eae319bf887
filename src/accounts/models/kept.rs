//! Texts that were typed when the session was over, kept until their writer is back.

use chrono::TimeDelta;
use diesel::prelude::*;

use crate::kit::db::Conn;
use crate::kit::{random, time};
use crate::schema::stash;

/// How long a text waits for its writer.
const MINUTES: i64 = 30;

/// Stores `fields` of this user, or of nobody who is known; returns the token by which only they find them again.
///
/// # Errors
/// Only the database's.
pub fn put(conn: &mut Conn, owner: Option<i64>, path: &str, fields: &str) -> QueryResult<String> {
    let token = random::token(24);
    diesel::insert_into(stash::table)
        .values((
            stash::token_hash.eq(hash(&token, owner)),
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
pub fn find(conn: &mut Conn, token: &str, viewer: Option<i64>, path: &str) -> QueryResult<Option<String>> {
    stash::table
        .filter(stash::token_hash.eq_any(hashes(token, viewer)))
        .filter(stash::path.eq(path).and(stash::expires.gt(time::now())))
        .select(stash::fields)
        .first(conn)
        .optional()
}

/// Deletes them: they are back on their page, or the viewer logs out.
///
/// # Errors
/// Only the database's.
pub fn forget(conn: &mut Conn, token: &str, viewer: Option<i64>) -> QueryResult<()> {
    diesel::delete(stash::table.filter(stash::token_hash.eq_any(hashes(token, viewer)))).execute(conn).map(drop)
}

/// A token finds the texts of one user alone: the next one in the same browser has the cookie too.
fn hash(token: &str, owner: Option<i64>) -> String {
    match owner {
        Some(owner) => random::token_hash(&format!("{owner} {token}")),
        None => random::token_hash(token),
    }
}

/// What this viewer may find: their own, and what nobody who is known typed.
fn hashes(token: &str, viewer: Option<i64>) -> Vec<String> {
    let mut hashes = vec![hash(token, None)];
    hashes.extend(viewer.map(|viewer| hash(token, Some(viewer))));
    hashes
}
