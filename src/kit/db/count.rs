//! Counting, but not without end.

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::methods::LimitDsl;
use diesel::sql_types::BigInt;
use diesel::{QueryResult, RunQueryDsl};

use super::{Conn, MultiBackend};

/// How many rows a query gives, counted as far as `most`: where a hundred thousand match, the database stops there. Select a
/// single column that is cheap to read.
///
/// Django: `queryset[:most].count()`
///
/// # Errors
/// Only the database's.
pub fn count_to<Q>(conn: &mut Conn, query: Q, most: i64) -> QueryResult<i64>
where
    Q: LimitDsl,
    Q::Output: QueryFragment<MultiBackend>,
{
    Counted(query.limit(most)).get_result(conn)
}

struct Counted<Q>(Q);

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
