//! Which row of which source became which row here. With it twice is once: what is written down was
//! brought along, whatever became of it since.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::kit::bulk::{self, Value};
use crate::kit::db::Conn;
use crate::schema::import_ids;

/// What was brought along of one source.
#[derive(Debug)]
pub struct Ledger {
    source: String,
    known: HashMap<String, HashMap<i64, i64>>,
}

impl Ledger {
    /// Reads what was written down for `source`.
    ///
    /// # Errors
    /// Only the database's.
    pub fn open(conn: &mut Conn, source: String) -> QueryResult<Self> {
        let rows: Vec<(String, i64, i64)> = import_ids::table
            .filter(import_ids::source.eq(&source))
            .select((import_ids::source_table, import_ids::source_id, import_ids::target_id))
            .load(conn)?;
        let mut known: HashMap<String, HashMap<i64, i64>> = HashMap::new();
        for (table, source_id, target_id) in rows {
            known.entry(table).or_default().insert(source_id, target_id);
        }
        Ok(Self { source, known })
    }

    /// The source that it is about.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What a row became.
    pub fn target(&self, table: &str, id: i64) -> Option<i64> {
        self.known.get(table)?.get(&id).copied()
    }

    /// All that rows of `table` became.
    pub fn targets(&self, table: &str) -> impl Iterator<Item = (i64, i64)> {
        self.known.get(table).into_iter().flatten().map(|(source, target)| (*source, *target))
    }

    /// Writes down what rows of `table` became.
    ///
    /// # Errors
    /// Only the database's.
    pub fn add(&mut self, conn: &mut Conn, table: &'static str, pairs: &[(i64, i64)]) -> QueryResult<()> {
        let rows: Vec<[Value; 4]> = pairs
            .iter()
            .map(|(source_id, target_id)| {
                [self.source.as_str().into(), table.into(), (*source_id).into(), (*target_id).into()]
            })
            .collect();
        bulk::insert(conn, "import_ids", ["source", "source_table", "source_id", "target_id"], &rows)?;
        self.known.entry(table.to_owned()).or_default().extend(pairs.iter().copied());
        Ok(())
    }
}
