//! What rooms are about.

use diesel::prelude::*;
use serde::Serialize;

use crate::kit::db::{Conn, count_to, slice};
use crate::kit::paginate::{COUNTED, encode_query};
use crate::kit::q::{Q, all, icontains};
use crate::schema::topics;

/// A topic as a link: its name and the rooms that it finds.
#[derive(Clone, Debug, Hash, Serialize)]
pub struct TopicLink {
    /// As first typed.
    pub name: String,
    /// The home page, filtered by it.
    pub url: String,
}

impl TopicLink {
    /// The link of a topic.
    pub fn new(name: String) -> Self {
        Self { url: format!("/?q={}", encode_query(&name)), name }
    }
}

/// A topic with the number of its rooms.
#[derive(Clone, Debug, Serialize)]
pub struct TopicRow {
    /// Name and link.
    #[serde(flatten)]
    pub link: TopicLink,
    /// How many rooms have it; one more than [`COUNTED`] for more.
    pub count: i64,
    /// Whether the page is filtered by it.
    pub current: bool,
}

/// How many topics have `q` in their name, counted as far as `most`.
///
/// # Errors
/// Only the database's.
pub fn count_found(conn: &mut Conn, q: &str, most: i64) -> QueryResult<i64> {
    count_to(conn, topics::table.select(topics::id).filter(named(q)), most)
}

/// Topics with `q` in their name, the fullest first.
///
/// # Errors
/// Only the database's.
pub fn list(conn: &mut Conn, q: &str, offset: i64, limit: i64) -> QueryResult<Vec<TopicRow>> {
    let query = topics::table
        .select((topics::name, topics::rooms_count))
        .order((topics::rooms_count.desc(), topics::name_key.asc()))
        .filter(named(q));
    let rows: Vec<(String, i64)> = slice(query, offset, limit).load(conn)?;
    let shown = |(name, count): (String, i64)| TopicRow {
        link: TopicLink::new(name),
        count: count.min(COUNTED + 1),
        current: false,
    };
    Ok(rows.into_iter().map(shown).collect())
}

fn named(q: &str) -> Q<topics::table> {
    all((!q.is_empty()).then(|| icontains(topics::name, q)))
}

/// Names for the form's suggestions.
///
/// # Errors
/// Only the database's.
pub fn names(conn: &mut Conn) -> QueryResult<Vec<String>> {
    topics::table.select(topics::name).order(topics::name_key).limit(200).load(conn)
}
