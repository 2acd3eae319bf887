//! What every step of an import works with: rows read a few at a time, and values mended where need be.

use std::collections::HashSet;
use std::marker::PhantomData;

use chrono::NaiveDateTime;

use super::cell::{self, Cell};
use super::evidence::Evidence;
use super::ledger::{Ledger, Match};
use super::pictures::Sought;
use super::report::{Kind, Report};
use super::source::{Source, TableRow};
use super::{ImportError, Options};
use crate::kit::db::Conn;
use crate::kit::progress::Progress;

/// Of a name that is looked up, in characters.
pub(super) const LONGEST_NAME: usize = 300;

/// What every step of an import works with.
pub(super) struct Work<'a> {
    pub(super) conn: &'a mut Conn,
    pub(super) source: &'a mut Source,
    pub(super) report: Report,
    pub(super) options: Options,
    pub(super) now: NaiveDateTime,
    pub(super) progress: &'a mut Progress,
    /// Which rows name.
    pub(super) pictures: Vec<Sought>,
}

/// A table that is read a few rows at a time: one row may hold 50 MB.
pub(super) struct Batches<R> {
    table: &'static str,
    after: Option<i64>,
    ids: SeenIds,
    rows: PhantomData<R>,
}

/// The ids that rows of a table had so far.
#[derive(Default)]
struct SeenIds(HashSet<i64>);

impl SeenIds {
    /// The row's id. A row without a number, or with one that was there before, is left out.
    fn of<R: TableRow>(&mut self, report: &mut Report, table: &'static str, row: &R) -> Option<i64> {
        match row.id().key() {
            Some(id) if self.0.insert(id) => {
                if let Some(uuid) = row.id().uuid() {
                    report.name(id, uuid);
                }
                Some(id)
            }
            Some(id) => {
                report.skip(table, Some(id), "there is another row of this id");
                None
            }
            None => {
                report.skip(table, None, format!("its id is neither number nor UUID: {}", row.id().shown()));
                None
            }
        }
    }
}

impl Work<'_> {
    /// Begins to read a table; `what` is said to whoever waits.
    pub(super) fn batches<R>(&mut self, table: &'static str, what: &'static str) -> Result<Batches<R>, ImportError> {
        // A table without rows is counted too.
        self.report.tally(table);
        self.progress.begin(what, self.source.count(table)?);
        Ok(Batches { table, after: None, ids: SeenIds::default(), rows: PhantomData })
    }

    /// The next rows, or none when all were read.
    pub(super) fn next<R: TableRow + 'static>(
        &mut self,
        batches: &mut Batches<R>,
    ) -> Result<Option<Vec<(i64, R)>>, ImportError> {
        let rows: Vec<R> = self.source.next(batches.table, batches.after)?;
        let Some(last) = rows.last() else { return Ok(None) };
        batches.after = Some(last.rowid());
        self.progress.advance(rows.len());
        let mut numbered = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(id) = batches.ids.of(&mut self.report, batches.table, &row) {
                numbered.push((id, row));
            }
        }
        Ok(Some(numbered))
    }

    /// What `keep` takes of each row of a table, by id.
    pub(super) fn rows<R: TableRow + 'static, T>(
        &mut self,
        table: &'static str,
        mut keep: impl FnMut(R) -> T,
    ) -> Result<Vec<(i64, T)>, ImportError> {
        let (mut rows, mut ids) = (Vec::new(), SeenIds::default());
        let report = &mut self.report;
        report.tally(table);
        self.source.each::<R>(table, |row| {
            if let Some(id) = ids.of(report, table, &row) {
                rows.push((id, keep(row)));
            }
        })?;
        Ok(rows)
    }

    /// What became of a row that was brought along before. Another one under its id is told in the report.
    pub(super) fn known(&mut self, ledger: &Ledger, table: &'static str, id: i64, evidence: &Evidence) -> Option<i64> {
        match ledger.find(table, id, evidence) {
            Match::Known(target) => {
                self.report.tally(table).known += 1;
                Some(target)
            }
            Match::Other => {
                let text = "not the row that an earlier import brought under this id: kept apart from it";
                self.report.remark(Kind::Apart, table, Some(id), text);
                None
            }
            Match::New => None,
        }
    }

    /// A text of a row, mended if need be.
    pub(super) fn text(&mut self, table: &'static str, id: i64, column: &str, cell: &Cell) -> String {
        self.whole_text(table, id, column, cell.clone())
    }

    /// The same, without a copy of a long one.
    pub(super) fn whole_text(&mut self, table: &'static str, id: i64, column: &str, cell: Cell) -> String {
        let clean = cell.into_text();
        if clean.mended {
            self.report.remark(Kind::Mended, table, Some(id), column.to_owned());
        }
        clean.text
    }

    /// A name that is looked up by an index, which has no room for thousands of letters.
    pub(super) fn short(&mut self, table: &'static str, id: i64, column: &str, cell: &Cell) -> String {
        let name = self.text(table, id, column, cell).trim().to_owned();
        let cut: String = name.chars().take(LONGEST_NAME).collect();
        if cut.len() < name.len() {
            self.report.remark(Kind::Mended, table, Some(id), format!("{column} was cut to {LONGEST_NAME} characters"));
        }
        cut.trim_end().to_owned()
    }

    /// A time of a row, or `instead`.
    pub(super) fn time(
        &mut self,
        table: &'static str,
        id: i64,
        column: &str,
        cell: &cell::Cell,
        instead: NaiveDateTime,
    ) -> NaiveDateTime {
        cell.time().unwrap_or_else(|| {
            let found = if cell.is_blank() { "nothing".to_owned() } else { cell.shown() };
            self.report.remark(
                Kind::Time,
                table,
                Some(id),
                format!("{column} was {found}, is {}", instead.format("%Y-%m-%d %H:%M:%S")),
            );
            instead
        })
    }
}
