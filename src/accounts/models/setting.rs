//! What the site remembers of itself, where the configuration says nothing.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::kit::db::Conn;
use crate::schema::settings;

/// The value of `key`, if it was ever set.
///
/// # Errors
/// Only the database's.
pub fn get(conn: &mut Conn, key: &str) -> QueryResult<Option<String>> {
    settings::table.find(key).select(settings::value).first(conn).optional()
}

/// Sets it. Raw, since an upsert has no other form that holds for both databases.
///
/// # Errors
/// Only the database's.
pub fn set(conn: &mut Conn, key: &str, value: &str) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
    .bind::<Text, _>(key)
    .bind::<Text, _>(value)
    .execute(conn)
    .map(drop)
}
