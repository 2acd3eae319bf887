//! Time: UTC, cut to microseconds, since PostgreSQL keeps no more and SQLite would.

use chrono::{NaiveDateTime, SubsecRound, Utc};

/// Now, as both databases can keep it.
pub fn now() -> NaiveDateTime {
    Utc::now().naive_utc().trunc_subsecs(6)
}

/// ISO 8601 with `Z`, as pages and the API show a time to programs.
pub fn iso(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
