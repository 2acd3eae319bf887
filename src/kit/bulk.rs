//! Many rows at once, alike on both databases: for the import and the demo, where a statement a row
//! would take minutes.
//!
//! Django: `bulk_create`

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamp};

use crate::kit::db::{Conn, MultiBackend};

/// What stands in one column of one row.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number or nothing.
    Int(Option<i64>),
    /// A text or nothing.
    Text(Option<String>),
    /// Yes or no.
    Bool(bool),
    /// A time or nothing.
    Time(Option<NaiveDateTime>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<NaiveDateTime> for Value {
    fn from(value: NaiveDateTime) -> Self {
        Self::Time(Some(value))
    }
}

impl From<Option<NaiveDateTime>> for Value {
    fn from(value: Option<NaiveDateTime>) -> Self {
        Self::Time(value)
    }
}

/// So many values go into one statement: SQLite takes 32,766, PostgreSQL 65,535, and the gain is
/// had long before.
const VALUES_PER_STATEMENT: usize = 4_000;

/// Writes all `rows`, each with one value for each of `columns`.
///
/// # Errors
/// Only the database's.
pub fn insert<const N: usize>(
    conn: &mut Conn,
    table: &str,
    columns: [&str; N],
    rows: &[[Value; N]],
) -> QueryResult<()> {
    for chunk in rows.chunks((VALUES_PER_STATEMENT / N.max(1)).max(1)) {
        let mut query = diesel::sql_query(statement(table, &columns, chunk.len())).into_boxed::<MultiBackend>();
        for value in chunk.iter().flatten() {
            query = match value {
                Value::Int(value) => query.bind::<Nullable<BigInt>, _>(*value),
                Value::Text(value) => query.bind::<Nullable<Text>, _>(value.as_deref()),
                Value::Bool(value) => query.bind::<Bool, _>(*value),
                Value::Time(value) => query.bind::<Nullable<Timestamp>, _>(*value),
            };
        }
        query.execute(conn)?;
    }
    Ok(())
}

/// `INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)`
fn statement(table: &str, columns: &[&str], rows: usize) -> String {
    let mut number = 0;
    let mut row = || {
        let places: Vec<String> = columns
            .iter()
            .map(|_| {
                number += 1;
                format!("${number}")
            })
            .collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(|_| row()).collect();
    format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), rows.join(", "))
}

/// So many new numbers for rows of `table`, which are then to be written with them in this same
/// transaction; so the caller knows them without asking for each row.
///
/// # Errors
/// Only the database's.
pub fn take_ids(conn: &mut Conn, table: &str, count: usize) -> QueryResult<Vec<i64>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if let Conn::Postgres(_) = conn {
        let sql = format!("SELECT nextval(pg_get_serial_sequence('{table}', 'id')) AS id FROM generate_series(1, $1)");
        let rows: Vec<Row> = diesel::sql_query(sql).bind::<BigInt, _>(count).load(conn)?;
        return Ok(rows.into_iter().map(|row| row.id).collect());
    }
    // The one writer of an SQLite file may count on from the highest number that was ever given.
    let highest: Row = diesel::sql_query(format!(
        "SELECT max(coalesce((SELECT max(id) FROM {table}), 0), \
                    coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)) AS id"
    ))
    .get_result(conn)?;
    Ok((highest.id + 1..=highest.id + count).collect())
}

/// Nobody else writes to these tables until the transaction ends; reading goes on. For work that
/// counts on from what it has read. SQLite has one writer anyway.
///
/// # Errors
/// Only the database's.
pub fn keep_others_from_writing(conn: &mut Conn, tables: &[&str]) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(pg) => {
            pg.batch_execute(&format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", tables.join(", ")))
        }
    }
}

/// Lets PostgreSQL look at tables that have just been filled: its plans go by what it has seen of them, and by itself it would look
/// a minute later. SQLite's plans do not depend on it. Not within a transaction; where it fails, the log says so.
pub fn settle(conn: &mut Conn, tables: &[&str]) {
    if let Conn::Postgres(pg) = conn
        && let Err(error) = pg.batch_execute(&format!("VACUUM (ANALYZE) {}", tables.join(", ")))
    {
        log::warn!("the database has not looked at what was written: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::statement;

    #[test]
    fn places_are_numbered_through() {
        assert_eq!(statement("t", &["a", "b"], 2), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)");
    }
}
