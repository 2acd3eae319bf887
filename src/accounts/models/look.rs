//! Names that look like another's.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::CreateError;
use crate::kit::db::{self, Conn, fold_key, look_text, looks};
use crate::schema::users;

/// PostgreSQL's advisory lock of who takes a user name, until the transaction ends.
const ADVISORY_KEY: i64 = 0x6e61_6d65;

/// Number of accounts whose looks are computed in one transaction.
const BATCH: i64 = 500;

/// Checks that no other account's user name is this one or looks like it. `own_id` is the account that is renamed. Of two that
/// look alike and come at once, one is refused: accounts of before may clash, so no index can see to it.
///
/// # Errors
/// [`CreateError::UsernameTaken`], [`CreateError::UsernameSimilar`]
pub fn claim(conn: &mut Conn, username: &str, own_id: Option<i64>) -> Result<(), CreateError> {
    if let Conn::Postgres(pg) = conn {
        // An SQLite file has one writer anyway.
        pg.batch_execute(&format!("SELECT pg_advisory_xact_lock({ADVISORY_KEY})"))?;
    }
    check(conn, username, own_id)
}

/// [`claim`] for a form: nobody is kept from taking the name afterwards.
///
/// # Errors
/// [`CreateError::UsernameTaken`], [`CreateError::UsernameSimilar`]
pub fn check(conn: &mut Conn, username: &str, own_id: Option<i64>) -> Result<(), CreateError> {
    let key = fold_key(username);
    for look in looks(username) {
        let others = users::table.filter(users::username_look.eq(look)).filter(users::id.ne(own_id.unwrap_or(0)));
        let keys: Vec<String> = others.select(users::username_key).limit(2).load(conn)?;
        if keys.contains(&key) {
            return Err(CreateError::UsernameTaken);
        }
        if !keys.is_empty() {
            return Err(CreateError::UsernameSimilar);
        }
    }
    Ok(())
}

/// Returns whether a member's user name or shown name looks like `name`.
///
/// # Errors
/// Only the database's.
pub fn is_called(conn: &mut Conn, name: &str) -> QueryResult<bool> {
    for look in looks(name) {
        let members = users::table.filter(users::username_look.eq(&look).or(users::name_look.eq(&look)));
        if diesel::select(diesel::dsl::exists(members)).get_result(conn)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Computes the looks of the names of accounts that have none: a migration cannot, since PostgreSQL does not know which
/// letters are similar.
///
/// # Errors
/// Only the database's.
pub fn fill(conn: &mut Conn) -> QueryResult<()> {
    let mut last = 0;
    loop {
        let missing = users::table.filter(users::username_look.eq("").and(users::id.gt(last))).order(users::id);
        let rows: Vec<(i64, String, String)> =
            missing.select((users::id, users::username, users::name)).limit(BATCH).load(conn)?;
        let Some((newest, ..)) = rows.last() else { return Ok(()) };
        last = *newest;
        db::transaction(conn, |conn| {
            for (id, username, name) in &rows {
                diesel::update(users::table.find(id))
                    .set((users::username_look.eq(look_text(username)), users::name_look.eq(look_text(name))))
                    .execute(conn)?;
            }
            QueryResult::Ok(())
        })?;
    }
}
