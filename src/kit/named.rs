//! Rows that people know by their name, whatever its case: topics, tags. Their tables have `name`, `name_key` and `created`.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};

use crate::kit::db::{Conn, fold_key};
use crate::kit::time;

/// The number of the row of this name; made when there is none.
///
/// Django: `objects.get_or_create`
///
/// # Errors
/// Only the database's.
pub fn find_or_make(conn: &mut Conn, table: &'static str, name: &str) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let key = fold_key(name);
    diesel::sql_query(format!(
        "INSERT INTO {table} (name, name_key, created) VALUES ($1, $2, $3) ON CONFLICT (name_key) DO NOTHING"
    ))
    .bind::<Text, _>(name)
    .bind::<Text, _>(&key)
    .bind::<Timestamp, _>(time::now())
    .execute(conn)?;
    let found = diesel::sql_query(format!("SELECT id FROM {table} WHERE name_key = $1"));
    found.bind::<Text, _>(&key).get_result(conn).map(|row: Row| row.id)
}
