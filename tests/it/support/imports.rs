//! What the tests of imports ask of a report.

use chaupal::import_django::report::{Kind, Report, Tally};

/// How many rows of a table were new, known, merged and skipped.
pub fn tally(new: usize, known: usize, merged: usize, skipped: usize) -> Tally {
    Tally { new, known, merged, skipped }
}

/// The remarks of a kind, as `table id: text`.
pub fn remarks(report: &Report, kind: Kind) -> Vec<String> {
    let of_kind = report.remarks.iter().filter(|remark| remark.kind == kind);
    of_kind.map(|remark| format!("{} {}: {}", remark.table, remark.id.unwrap_or(0), remark.text)).collect()
}
