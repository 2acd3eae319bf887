//! The HTML that stands beside its source, made again: after a change of the rules, or where there is none yet.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::{RULES, render};
use crate::kit::db::{Conn, MultiBackend};
use crate::kit::progress::Progress;

/// A text and its HTML, in one table.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// The table.
    pub table: &'static str,
    /// Its primary key, a number.
    pub key: &'static str,
    /// The column of what was typed.
    pub source: &'static str,
    /// The column of the HTML made of it.
    pub html: &'static str,
}

/// So many rows are read, and at most so many written, at a time: the server goes on writing meanwhile.
const AT_ONCE: usize = 500;

impl Kept {
    /// This column and the rules of this program, as the database remembers them.
    pub fn mark(&self) -> String {
        format!("{}.{}={RULES}", self.table, self.source)
    }

    /// Makes all HTML of the column again and writes what differs; gives the number of rows that did. A text that
    /// is changed meanwhile keeps the HTML that came with it.
    ///
    /// # Errors
    /// Only the database's; what was done stays.
    pub fn render_again(&self, conn: &mut Conn, progress: &mut Progress) -> QueryResult<usize> {
        let Self { table, key, source, html } = self;
        let count: Number = diesel::sql_query(format!("SELECT count(*) AS number FROM {table}")).get_result(conn)?;
        progress.begin(table, usize::try_from(count.number).unwrap_or(0));
        let next = format!(
            "SELECT {key} AS id, {source} AS source, {html} AS html FROM {table} WHERE {key} > $1 ORDER BY {key} LIMIT {AT_ONCE}"
        );
        let (mut last, mut changed) = (i64::MIN, 0);
        loop {
            let rows: Vec<Row> = diesel::sql_query(&next).bind::<BigInt, _>(last).load(conn)?;
            let Some(newest) = rows.last() else { return Ok(changed) };
            last = newest.id;
            progress.advance(rows.len());
            changed += self.write(conn, rows)?;
        }
    }

    /// Those whose HTML is another now, in one statement.
    fn write(&self, conn: &mut Conn, rows: Vec<Row>) -> QueryResult<usize> {
        let made = rows.into_iter().map(|row| (render(&row.source), row));
        let changed: Vec<(String, Row)> = made.filter(|(made, row)| *made != row.html).collect();
        if changed.is_empty() {
            return Ok(0);
        }
        let Self { table, key, source, html } = self;
        let places: Vec<String> =
            (0..changed.len()).map(|row| format!("(${}, ${}, ${})", row * 3 + 1, row * 3 + 2, row * 3 + 3)).collect();
        // Both databases call the columns of such a list column1, column2, …
        let sql = format!(
            "UPDATE {table} SET {html} = made.column3 FROM (VALUES {}) AS made \
             WHERE {table}.{key} = made.column1 AND {table}.{source} = made.column2",
            places.join(", ")
        );
        let mut query = diesel::sql_query(sql).into_boxed::<MultiBackend>();
        for (made, row) in changed {
            query = query.bind::<BigInt, _>(row.id).bind::<Text, _>(row.source).bind::<Text, _>(made);
        }
        query.execute(conn)
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Text)]
    html: String,
}
