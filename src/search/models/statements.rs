//! What the databases are asked.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::hit::Row;
use super::kind::Kind;
use super::query::Query;
use crate::kit::db::{Conn, MultiBackend, prepared};

/// A part of a word is looked for in so many of the newest of each kind.
const NEWEST: i64 = 1000;

/// So many characters of a text are looked through.
const READ: i64 = 20_000;

/// The numbers of those that match, as a query, with what is to be bound.
pub(super) fn matching(conn: &Conn, kind: Kind, query: &Query, title: bool) -> (String, String) {
    let (name, _) = kind.names();
    match conn {
        Conn::Sqlite(_) => {
            (format!("SELECT rowid AS id FROM {name}_words WHERE {name}_words MATCH ?"), query.for_fts5(title))
        }
        Conn::Postgres(_) => {
            let words = words_column(title);
            (format!("SELECT id FROM {name}_words WHERE {words} @@ to_tsquery('simple', ?)"), query.for_tsquery())
        }
    }
}

/// PostgreSQL keeps the words of titles once more, alone.
fn words_column(title: bool) -> &'static str {
    if title { "titles" } else { "words" }
}

/// The newest of those that match. SQLite's index is in that order. PostgreSQL is told which way to go: it finds few by their words and
/// sorts them (`OFFSET 0` keeps it from another order); for many it looks at the newest rows until it has enough (no index
/// knows of `coalesce`). It does not see the text before it has a plan, so that one plan is good for all.
pub(super) fn newest(
    conn: &Conn,
    kind: Kind,
    query: &Query,
    title: bool,
    are_few: bool,
    most: i64,
) -> (String, String) {
    if matches!(conn, Conn::Sqlite(_)) {
        let (matching, bind) = matching(conn, kind, query, title);
        return (format!("{matching} ORDER BY id DESC LIMIT {most}"), bind);
    }
    let (name, _) = kind.names();
    let matches = format!("{} @@ (SELECT to_tsquery('simple', ?))", words_column(title));
    let from = if are_few {
        format!("(SELECT id FROM {name}_words WHERE {matches} OFFSET 0) AS few")
    } else {
        format!("{name}_words WHERE coalesce({matches}, false)")
    };
    (format!("SELECT id FROM {from} ORDER BY id DESC LIMIT {most}"), query.for_tsquery())
}

/// The numbers of those that have each word anywhere in a text, among the newest.
pub(super) fn newest_with(kind: Kind, query: &Query, most: i64) -> (String, Vec<String>) {
    let (name, table) = kind.names();
    let patterns = query.patterns();
    let conditions = vec!["fold(text) LIKE ? ESCAPE '\\'"; patterns.len()];
    // What each text is put together from is put together once.
    let ids = format!(
        "SELECT id FROM (SELECT id, title || ' ' || substr(rest, 1, {READ}) AS text FROM {name}_texts \
         WHERE id > (SELECT coalesce(max(id), 0) - {NEWEST} FROM {table}) ORDER BY id DESC LIMIT {NEWEST}) AS newest \
         WHERE {} ORDER BY id DESC LIMIT {most}",
        conditions.join(" AND ")
    );
    (ids, patterns)
}

/// Those with these numbers, the newest first.
pub(super) fn load(conn: &mut Conn, kind: Kind, ids: &str, binds: Vec<String>, plan: Plan) -> QueryResult<Vec<Row>> {
    let grouped = if matches!(conn, Conn::Sqlite(_)) { "group_concat" } else { "string_agg" };
    let columns = kind.columns().replace("GROUPED", grouped);
    ask(conn, format!("WITH f AS MATERIALIZED ({ids}) SELECT {columns} ORDER BY f.id DESC"), binds, plan)
}

/// How PostgreSQL comes to its plan. SQLite's is the same for all texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// The statement is kept, and the plan too where PostgreSQL thinks that one is good for all texts.
    Kept,
    /// By what it knows of this text.
    Anew,
}

/// Asks with a text for each `?`.
pub(super) fn ask<R>(conn: &mut Conn, sql: String, texts: Vec<String>, plan: Plan) -> QueryResult<Vec<R>>
where
    R: QueryableByName<MultiBackend> + 'static,
{
    if matches!(conn, Conn::Sqlite(_)) || plan == Plan::Kept {
        return prepared(sql, texts).load(conn);
    }
    let mut numbered = String::with_capacity(sql.len());
    for (place, piece) in sql.split('?').enumerate() {
        if place > 0 {
            numbered.push_str(&format!("${place}"));
        }
        numbered.push_str(piece);
    }
    let query = diesel::sql_query(numbered).into_boxed::<MultiBackend>();
    texts.into_iter().fold(query, |query, text| query.bind::<Text, _>(text)).load(conn)
}
