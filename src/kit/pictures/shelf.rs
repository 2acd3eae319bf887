//! The rows of pictures: which are kept, which are in use, which may go.
//!
//! A picture in use is never deleted: the columns that point at `pictures` are foreign keys without `CASCADE`, so the
//! database itself refuses. One that nothing points at stays a day, because it may have been brought for a form that
//! is still being filled in; then it is doomed, its files go, and its row goes last.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{Text, Timestamp};

use super::Picture;
use crate::kit::db::Conn;
use crate::kit::time;
use crate::schema::pictures;

/// So long a picture stays that nothing points at.
const UNUSED_FOR: TimeDelta = TimeDelta::days(1);

/// So long a sweep may take before another one takes over what it left.
const TAKEN_OVER_AFTER: TimeDelta = TimeDelta::hours(1);

/// The columns that may point at a picture.
const POINTERS: [(&str, &str); 2] = [("users", "picture"), ("projects", "featured_image")];

/// Makes sure that a picture may be kept and pointed at for a day; false while it is being deleted.
///
/// # Errors
/// Only the database's.
pub fn reserve(conn: &mut Conn, picture: &Picture) -> QueryResult<bool> {
    diesel::sql_query(
        "INSERT INTO pictures (name, created, unused_since) VALUES ($1, $2, $2) \
         ON CONFLICT (name) DO UPDATE SET unused_since = excluded.unused_since WHERE pictures.doomed IS NULL",
    )
    .bind::<Text, _>(picture.to_string())
    .bind::<Timestamp, _>(time::now())
    .execute(conn)
    .map(|rows| rows == 1)
}

/// Takes a kept picture into use, in the transaction that points a row at it; false when there is none of this name (any
/// more). It holds the row, so that no sweep dooms the picture meanwhile.
///
/// # Errors
/// Only the database's.
pub fn take_into_use(conn: &mut Conn, picture: &Picture) -> QueryResult<bool> {
    let kept = pictures::table.filter(pictures::name.eq(picture.to_string())).filter(pictures::doomed.is_null());
    diesel::update(kept).set(pictures::unused_since.eq(None::<NaiveDateTime>)).execute(conn).map(|rows| rows == 1)
}

/// Says which pictures have had nothing pointing at them for a day. They are the caller's to delete: nobody can take
/// them into use any more.
///
/// # Errors
/// Only the database's.
pub fn doom(conn: &mut Conn) -> QueryResult<Vec<Picture>> {
    let now = time::now();
    let used: Vec<String> = POINTERS
        .iter()
        .map(|(table, column)| format!("EXISTS (SELECT 1 FROM {table} WHERE {table}.{column} = pictures.name)"))
        .collect();
    let used = used.join(" OR ");
    diesel::sql_query(format!("UPDATE pictures SET unused_since = NULL WHERE unused_since IS NOT NULL AND ({used})"))
        .execute(conn)?;
    diesel::sql_query(format!("UPDATE pictures SET unused_since = $1 WHERE unused_since IS NULL AND NOT ({used})"))
        .bind::<Timestamp, _>(now)
        .execute(conn)?;
    // One statement: who takes a picture into use meanwhile holds its row, and this one looks at it again afterwards.
    diesel::sql_query(format!(
        "UPDATE pictures SET doomed = $1 WHERE unused_since <= $2 AND (doomed IS NULL OR doomed <= $3) AND NOT ({used})"
    ))
    .bind::<Timestamp, _>(now)
    .bind::<Timestamp, _>(now - UNUSED_FOR)
    .bind::<Timestamp, _>(now - TAKEN_OVER_AFTER)
    .execute(conn)?;
    let names: Vec<String> = pictures::table.filter(pictures::doomed.eq(now)).select(pictures::name).load(conn)?;
    Ok(names.iter().filter_map(|name| Picture::parse(name)).collect())
}

/// Deletes the row of a doomed picture whose files are gone.
///
/// # Errors
/// Only the database's.
pub fn forget(conn: &mut Conn, picture: &Picture) -> QueryResult<usize> {
    let row = pictures::table.filter(pictures::name.eq(picture.to_string())).filter(pictures::doomed.is_not_null());
    diesel::delete(row).execute(conn)
}

/// Every picture that is kept.
///
/// # Errors
/// Only the database's.
pub fn all(conn: &mut Conn) -> QueryResult<Vec<Picture>> {
    let names: Vec<String> = pictures::table.order(pictures::name).select(pictures::name).load(conn)?;
    Ok(names.iter().filter_map(|name| Picture::parse(name)).collect())
}
