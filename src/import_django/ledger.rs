//! Which row of which source became which row here. With it twice is once: what is written down was
//! brought along, whatever became of it since.
//!
//! Several copies of one database may come in, each of which went on by itself. So an id alone proves nothing: beside it stands
//! what the row said of itself ([`Evidence`]), and another row under the same id is another entry.

use std::collections::HashMap;

use diesel::prelude::*;

use super::evidence::Evidence;
use crate::kit::bulk::{self, Value};
use crate::kit::db::Conn;
use crate::schema::import_ids;

/// What was brought along of one source and its copies.
#[derive(Debug)]
pub struct Ledger {
    source: String,
    known: HashMap<String, HashMap<i64, Vec<Entry>>>,
}

/// A row that was brought along.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What it became.
    pub target: i64,
    /// What it said of itself; nothing where an older version of this program brought it.
    pub evidence: Option<Evidence>,
}

/// Whether a row was brought along before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It became this row.
    Known(i64),
    /// Another row was, under the same id.
    Other,
    /// Nothing was, under this id.
    New,
}

impl Ledger {
    /// Reads what was written down for `source`.
    ///
    /// # Errors
    /// Only the database's.
    pub fn open(conn: &mut Conn, source: String) -> QueryResult<Self> {
        let rows: Vec<(String, i64, i64, String)> = import_ids::table
            .filter(import_ids::source.eq(&source).or(import_ids::source.like(format!("{source}:%"))))
            .select((import_ids::source_table, import_ids::source_id, import_ids::target_id, import_ids::evidence))
            .order(import_ids::id)
            .load(conn)?;
        let mut known: HashMap<String, HashMap<i64, Vec<Entry>>> = HashMap::new();
        for (table, source_id, target, evidence) in rows {
            let entry = Entry { target, evidence: Evidence::read(&evidence) };
            known.entry(table).or_default().entry(source_id).or_default().push(entry);
        }
        Ok(Self { source, known })
    }

    /// The source that it is about.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The rows that were brought along under this id.
    pub fn entries(&self, table: &str, id: i64) -> &[Entry] {
        self.known.get(table).and_then(|rows| rows.get(&id)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns what became of the row with this id that says this of itself.
    pub fn find(&self, table: &str, id: i64, evidence: &Evidence) -> Match {
        let entries = self.entries(table, id);
        let is_same = |entry: &&Entry| entry.evidence.is_none_or(|earlier| evidence.proves(&earlier));
        match entries.iter().find(is_same) {
            Some(entry) => Match::Known(entry.target),
            None if entries.is_empty() => Match::New,
            None => Match::Other,
        }
    }

    /// Whether a row with this id became `target`.
    pub fn has(&self, table: &str, id: i64, target: i64) -> bool {
        self.entries(table, id).iter().any(|entry| entry.target == target)
    }

    /// All that rows of `table` became.
    pub fn targets(&self, table: &str) -> impl Iterator<Item = i64> {
        self.known.get(table).into_iter().flat_map(HashMap::values).flatten().map(|entry| entry.target)
    }

    /// Writes down what rows of `table` became: id there, id here, and what the row said of itself.
    ///
    /// # Errors
    /// Only the database's.
    pub fn add(&mut self, conn: &mut Conn, table: &'static str, rows: &[(i64, i64, Evidence)]) -> QueryResult<()> {
        let known = self.known.entry(table.to_owned()).or_default();
        let mut values: Vec<[Value; 5]> = Vec::with_capacity(rows.len());
        for (id, target, evidence) in rows {
            let entries = known.entry(*id).or_default();
            let source = match entries.len() {
                0 => self.source.clone(),
                others => format!("{}:{}", self.source, others + 1),
            };
            entries.push(Entry { target: *target, evidence: Some(*evidence) });
            values.push([source.into(), table.into(), (*id).into(), (*target).into(), evidence.to_string().into()]);
        }
        bulk::insert(conn, "import_ids", ["source", "source_table", "source_id", "target_id", "evidence"], &values)
    }
}
