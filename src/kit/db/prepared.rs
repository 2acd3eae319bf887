//! Raw queries that are prepared once a connection.

use std::borrow::Cow;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Text, Timestamp, Untyped};

use super::{Conn, MultiBackend};

/// A query in SQL with a value for each `?`. Unlike `diesel::sql_query` it is prepared once a connection
/// and then kept, which halves the time of a short one. So its text must have few variants: lists
/// go through [`number_list`].
pub fn prepared<B: Into<Bind>>(sql: impl Into<Cow<'static, str>>, values: impl IntoIterator<Item = B>) -> Prepared {
    Prepared { sql: sql.into(), values: values.into_iter().map(Into::into).collect() }
}

/// See [`prepared`].
pub struct Prepared {
    sql: Cow<'static, str>,
    values: Vec<Bind>,
}

/// A value of a prepared query.
#[derive(Debug)]
pub enum Bind {
    /// A whole number.
    Number(i64),
    /// A moment.
    Time(NaiveDateTime),
    /// A text.
    Text(String),
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<String> for Bind {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<NaiveDateTime> for Bind {
    fn from(time: NaiveDateTime) -> Self {
        Self::Time(time)
    }
}

impl QueryId for Prepared {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Prepared {
    type SqlType = Untyped;
}

impl RunQueryDsl<Conn> for Prepared {}

impl QueryFragment<MultiBackend> for Prepared {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (place, piece) in self.sql.split('?').enumerate() {
            if place > 0 {
                match values.next().ok_or_else(|| DieselError::QueryBuilderError("a value is missing".into()))? {
                    Bind::Number(number) => out.push_bind_param::<BigInt, _>(number)?,
                    Bind::Time(time) => out.push_bind_param::<Timestamp, _>(time)?,
                    Bind::Text(text) => out.push_bind_param::<Text, _>(text)?,
                }
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

/// The `?, ?, …` of a list, and its numbers filled up with 0 (no row has it) to the next multiple
/// of ten, so that lists of all lengths share few statements.
pub fn number_list(ids: impl IntoIterator<Item = i64>) -> (String, Vec<i64>) {
    let mut ids: Vec<i64> = ids.into_iter().collect();
    ids.resize(ids.len().div_ceil(10).max(1) * 10, 0);
    (vec!["?"; ids.len()].join(", "), ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_filled_up() {
        let (marks, numbers) = number_list(1..=11);
        assert_eq!((marks.matches('?').count(), numbers.len(), numbers[10], numbers[19]), (20, 20, 11, 0));
        assert_eq!(number_list([]).1, [0; 10]);
    }
}
