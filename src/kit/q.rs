//! Conditions that can be put together: what Django calls Q objects.
//!
//! Diesel gives each condition a type of its own, which says how it was made. A condition that is only known when the
//! program runs (this filter and that one, if they were asked for) needs one type for all of them: [`Q`].
//!
//! # OR, AND, NOT
//!
//! Several `filter` calls are joined by AND, in Django as in Diesel. For OR one writes one condition:
//!
//! | Django | here |
//! |---|---|
//! | `filter(Q(a) \| Q(b))` | `filter(q(a) \| q(b))` |
//! | `filter(a, b)`, `filter(Q(a) & Q(b))` | `filter(q(a) & q(b))`, or `filter(a).filter(b)` |
//! | `exclude(a)`, `filter(~Q(a))` | `filter(!q(a))` |
//! | `filter(name__icontains=text)` | `filter(icontains(name, text))` |
//! | `filter(room__in=queryset)` | `filter(among(room_id, query))` |
//! | `functools.reduce(operator.or_, conditions)` | [`any`]`(conditions)` |
//!
//! ```
//! use chaupal::kit::db::MultiBackend;
//! use chaupal::kit::q::{icontains, q};
//! use chaupal::schema::{rooms, topics};
//! use diesel::prelude::*;
//!
//! let mut found = rooms::table.left_join(topics::table).select(rooms::name).into_boxed::<MultiBackend>();
//! found = found.filter(icontains(rooms::name, "dye") | icontains(topics::name, "dye"));
//! found = found.filter(q(rooms::host_id.eq(7)) & !q(rooms::lobby_key.is_not_null()));
//! # let _ = found;
//! ```
//!
//! A boxed query tells the compiler whose rows they are conditions on; another one may want to be told:
//! `icontains::<rooms::table, _>(…)`.
//!
//! The operators bind as everywhere in Rust, `!` before `&` before `|`, and the SQL has the parentheses that this needs:
//! `q(a) | q(b) & !q(c)` is `(a OR (b AND NOT (c)))`.
//!
//! # `or_filter`, the trap
//!
//! `query.filter(a).filter(b).or_filter(c)` means `((a AND b) OR c)`: rows that only `c` holds for come too, past a filter
//! that was to keep them out (the host of a private list, say). Nobody here calls `or_filter`: an OR is one `Q`, which later
//! filters cannot tear apart.
//!
//! # NULL
//!
//! SQL knows a third answer. `name = 'x'` is neither true nor false for a row without a name, and `NOT` of that is not true
//! either, so that the row is in neither list. Here a condition holds or it does not: what is NULL does not hold, and its `!` does.
//! A room without a topic is not about dyeing; it is found by `!icontains(topics::name, "dye")`, as by Django's `exclude`.
//!
//! # Two filters over many rows, the other trap
//!
//! Django: `filter(messages__body="a", messages__user=1)` asks for a room with one message that is both;
//! `filter(messages__body="a").filter(messages__user=1)` for a room with one message that is this and one, perhaps another, that
//! is that. The same words, another grouping, other rows. In Diesel one sees which it is, for each question is a subquery:
//!
//! ```
//! use chaupal::kit::db::MultiBackend;
//! use chaupal::kit::q::q;
//! use chaupal::schema::{messages, rooms};
//! use diesel::prelude::*;
//!
//! let with_body = messages::table.filter(messages::body.eq("a")).select(messages::room_id);
//! let by_user = messages::table.filter(messages::user_id.eq(1)).select(messages::room_id);
//!
//! // One message that is both.
//! let one = rooms::table.filter(q(rooms::id.eq_any(with_body.clone().filter(messages::user_id.eq(1)))));
//! // One that is this, and one that is that.
//! let two = rooms::table.filter(q(rooms::id.eq_any(with_body)) & q(rooms::id.eq_any(by_user)));
//! # let _ = (one.select(rooms::id).into_boxed::<MultiBackend>(), two.select(rooms::id).into_boxed::<MultiBackend>());
//! ```
//!
//! # `distinct`, which is not needed then
//!
//! A join answers with a row for each pair: a room comes as often as it has messages that match. Django's cure is
//! `.distinct()`, which first makes all those rows and then compares them, every column of them, before the first can be shown;
//! counts are wrong wherever it was forgotten. A condition is a question about a room: is there such a message? That
//! is `IN (SELECT …)` or `EXISTS (SELECT …)`: each room comes once, and the database stops looking at the first message.
//! Join only to show columns of the other table, and only towards one row (a room's topic), never towards many.
//!
//! Django: `django.db.models.Q`

use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, NonAggregate, SelectableExpression, ValidGrouping, is_aggregate};
// Hidden in Diesel's documentation, but what its `table!` writes into each schema.
use diesel::internal::table_macro::{Inner, Join};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::is_nullable::NotNull;
use diesel::sql_types::{Bool, HasSqlType, IntoNullable, Nullable, SqlType, Text};
use diesel::sqlite::Sqlite;

use crate::kit::db::{MultiBackend, contains_pattern};

/// A condition on the rows of `QS`: a table, or tables joined. See the [module](self) for how to use it.
///
/// Django: `Q`
pub struct Q<QS> {
    tree: Tree,
    rows_of: PhantomData<fn() -> QS>,
}

enum Tree {
    Leaf { sql: Box<dyn Fragment>, may_be_null: bool },
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
}

/// Any condition that Diesel can express.
///
/// It owns its values: `.eq(name.to_owned())`. A column of the outer side of a LEFT JOIN is `.nullable()`, as when it is selected.
///
/// Django: `Q(…)`
pub fn q<QS, E>(expression: E) -> Q<QS>
where
    E: SelectableExpression<QS> + NonAggregate + Fragment,
    E::SqlType: Truth,
{
    let may_be_null = <E::SqlType as Truth>::MAY_BE_NULL;
    Q::new(Tree::Leaf { sql: Box::new(expression), may_be_null })
}

/// Whether `column` has `text` in it, in whatever case (of all scripts), with `%`, `_` and `\` taken as they are. Of a longer
/// text the first [200 characters](crate::kit::db::LONGEST_SEARCH) count. A column without a value has no text in it.
///
/// Django: `Q(column__icontains=text)`
pub fn icontains<QS, C>(column: C, text: &str) -> Q<QS>
where
    C: AppearsOnTable<QS> + NonAggregate + Fragment,
    C::SqlType: IntoNullable<Nullable = Nullable<Text>>,
{
    let sql = Box::new(Contains { column, pattern: contains_pattern(text) });
    Q::new(Tree::Leaf { sql, may_be_null: true })
}

/// Whether `column` is among the rows of `query`, a query that would stand by itself and gives one column. The database asks it
/// once, whatever the number of rows around it, which may come from the same table. `eq_any` says the same where the subquery looks
/// at the row around it.
///
/// Django: `Q(column__in=queryset)`
pub fn among<QS, C, S>(column: C, query: S) -> Q<QS>
where
    C: SelectableExpression<QS> + NonAggregate + Fragment,
    C::SqlType: SqlType<IsNull = NotNull>,
    S: Query<SqlType = C::SqlType> + Fragment,
{
    Q::new(Tree::Leaf { sql: Box::new(Among { column, query }), may_be_null: false })
}

/// Whether all of these hold; of none, yes.
///
/// Django: `functools.reduce(operator.and_, conditions, Q())`
pub fn all<QS>(conditions: impl IntoIterator<Item = Q<QS>>) -> Q<QS> {
    Q::new(Tree::All(conditions.into_iter().map(|condition| condition.tree).collect()))
}

/// Whether one of these holds; of none, no.
///
/// Django: `functools.reduce(operator.or_, conditions)`
pub fn any<QS>(conditions: impl IntoIterator<Item = Q<QS>>) -> Q<QS> {
    Q::new(Tree::Any(conditions.into_iter().map(|condition| condition.tree).collect()))
}

impl<QS> Q<QS> {
    fn new(tree: Tree) -> Self {
        Self { tree, rows_of: PhantomData }
    }
}

impl<QS> BitAnd for Q<QS> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        all([self, other])
    }
}

impl<QS> BitOr for Q<QS> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        any([self, other])
    }
}

impl<QS> Not for Q<QS> {
    type Output = Self;

    fn not(self) -> Self {
        Self::new(Tree::Not(Box::new(self.tree)))
    }
}

/// The types of conditions in Diesel.
pub trait Truth {
    /// Whether its answer may be neither yes nor no.
    const MAY_BE_NULL: bool;
}

impl Truth for Bool {
    const MAY_BE_NULL: bool = false;
}

impl Truth for Nullable<Bool> {
    const MAY_BE_NULL: bool = true;
}

/// What can be written as SQL for either database: for the connection to both, and for each of them, since Diesel goes by
/// those wherever their SQL may differ (in `IN (SELECT …)` and `EXISTS`).
pub trait Fragment: QueryFragment<MultiBackend> + QueryFragment<Sqlite> + QueryFragment<Pg> + Send + 'static {}

impl<T> Fragment for T where T: QueryFragment<MultiBackend> + QueryFragment<Sqlite> + QueryFragment<Pg> + Send + 'static {}

impl Tree {
    fn may_be_null(&self) -> bool {
        match self {
            Self::Leaf { may_be_null, .. } => *may_be_null,
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::may_be_null),
            Self::Not(_) => false,
        }
    }

    fn walk<'b, DB: Backend>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        dyn Fragment: QueryFragment<DB>,
    {
        match self {
            // In parentheses: a condition that somebody wrote as text may have an OR in it.
            Self::Leaf { sql, .. } => {
                out.push_sql("(");
                sql.walk_ast(out.reborrow())?;
                out.push_sql(")");
                Ok(())
            }
            Self::All(parts) => walk_list(parts, " AND ", "TRUE", out),
            Self::Any(parts) => walk_list(parts, " OR ", "FALSE", out),
            // AND and OR take NULL for false by themselves, as far as "does it hold" goes; only a negation does not. A plain
            // NOT is kept where it will do: databases plan `NOT EXISTS` well.
            Self::Not(part) if part.may_be_null() => {
                out.push_sql("((");
                part.walk(out.reborrow())?;
                out.push_sql(") IS NOT TRUE)");
                Ok(())
            }
            Self::Not(part) => {
                out.push_sql("NOT (");
                part.walk(out.reborrow())?;
                out.push_sql(")");
                Ok(())
            }
        }
    }
}

fn walk_list<'b, DB: Backend>(
    parts: &'b [Tree],
    between: &str,
    of_none: &str,
    mut out: AstPass<'_, 'b, DB>,
) -> QueryResult<()>
where
    dyn Fragment: QueryFragment<DB>,
{
    out.push_sql("(");
    if parts.is_empty() {
        out.push_sql(of_none);
    }
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            out.push_sql(between);
        }
        part.walk(out.reborrow())?;
    }
    out.push_sql(")");
    Ok(())
}

struct Contains<C> {
    column: C,
    pattern: String,
}

impl<C, DB> QueryFragment<DB> for Contains<C>
where
    C: QueryFragment<DB>,
    DB: Backend + HasSqlType<Text>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // PostgreSQL's plan for a pattern that it does not know expects many matches, and for a rare one goes through all rows in the
        // list's order: so it is made anew each time. SQLite pays for a preparation, which is little beside the search.
        out.unsafe_to_cache_prepared();
        out.push_sql("fold(");
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(") LIKE ");
        out.push_bind_param::<Text, _>(&self.pattern)?;
        out.push_sql(" ESCAPE '\\'");
        Ok(())
    }
}

struct Among<C, S> {
    column: C,
    query: S,
}

impl<C, S, DB> QueryFragment<DB> for Among<C, S>
where
    C: QueryFragment<DB>,
    S: QueryFragment<DB>,
    DB: Backend,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (");
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

// What follows lets Diesel take it wherever it takes a condition.

impl<QS, DB> QueryFragment<DB> for Q<QS>
where
    DB: Backend,
    dyn Fragment: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.tree.walk(out)
    }
}

impl<QS> Expression for Q<QS> {
    type SqlType = Bool;
}

impl<QS> AppearsOnTable<QS> for Q<QS> {}

/// In a subquery the rows of the query around it can be seen too, which for Diesel is a join.
impl<QS: QuerySource, Around: QuerySource> AppearsOnTable<Join<QS, Around, Inner>> for Q<QS> {}

impl<QS> SelectableExpression<QS> for Q<QS> {}

impl<QS> ValidGrouping<()> for Q<QS> {
    type IsAggregate = is_aggregate::No;
}

impl<QS> QueryId for Q<QS> {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}
