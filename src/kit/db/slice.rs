//! A part of what a query gives, and counting, but not without end.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType};
use diesel::{QueryResult, RunQueryDsl};

use super::{Conn, MultiBackend};

/// Up to this a limit stands in the statement. Larger ones are those of pages far behind, one for each.
const LARGEST_SHOWN: i64 = 1_024;

/// At most `limit` rows of a query that has an order, after the first `offset`. Unlike diesel's the limit stands in the statement as
/// a number: for one that it cannot see PostgreSQL makes a plan anew each time, which takes longer than to read the rows of
/// a page. Give few different ones, since each is a statement of its own.
///
/// Django: `queryset[offset:offset + limit]`
pub fn slice<Q>(query: Q, offset: i64, limit: i64) -> Slice<Q> {
    Slice { query, offset, limit }
}

/// How many rows a query gives, counted as far as `most`: where a hundred thousand match, the database stops there. Select a
/// single column that is cheap to read.
///
/// Django: `queryset[:most].count()`
///
/// # Errors
/// Only the database's.
pub fn count_to<Q: QueryFragment<MultiBackend>>(conn: &mut Conn, query: Q, most: i64) -> QueryResult<i64> {
    Counted(slice(query, 0, most)).get_result(conn)
}

/// See [`slice()`].
pub struct Slice<Q> {
    query: Q,
    offset: i64,
    limit: i64,
}

impl<Q> QueryId for Slice<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Slice<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Conn> for Slice<Q> {}

impl<Q, DB> QueryFragment<DB> for Slice<Q>
where
    Q: QueryFragment<DB>,
    DB: Backend + HasSqlType<BigInt>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        if self.limit <= LARGEST_SHOWN {
            out.push_sql(&format!(" LIMIT {}", self.limit));
        } else {
            out.push_sql(" LIMIT ");
            out.push_bind_param::<BigInt, _>(&self.limit)?;
        }
        if self.offset > 0 {
            out.push_sql(" OFFSET ");
            out.push_bind_param::<BigInt, _>(&self.offset)?;
        }
        Ok(())
    }
}

struct Counted<Q>(Slice<Q>);

impl<Q> QueryId for Counted<Q> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Counted<Q> {
    type SqlType = BigInt;
}

impl<Q> RunQueryDsl<Conn> for Counted<Q> {}

impl<Q: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for Counted<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(") AS counted");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use diesel::query_builder::debug_query;

    use super::*;

    #[test]
    fn pages_far_behind_share_a_statement() {
        let sql = |offset, limit| {
            let query = slice(diesel::sql_query("SELECT id FROM t"), offset, limit);
            debug_query::<diesel::sqlite::Sqlite, _>(&query).to_string()
        };
        assert!(sql(0, 12).starts_with("SELECT id FROM t LIMIT 12 "), "{}", sql(0, 12));
        assert!(sql(24, 12).starts_with("SELECT id FROM t LIMIT 12 OFFSET ? "), "{}", sql(24, 12));
        assert!(sql(0, 30_001).starts_with("SELECT id FROM t LIMIT ? "), "{}", sql(0, 30_001));
    }
}
