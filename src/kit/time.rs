//! Time: UTC, cut to microseconds, since PostgreSQL keeps no more and SQLite would.

use chrono::{Datelike, NaiveDate, NaiveDateTime, SubsecRound, TimeDelta, Timelike, Utc};

/// Difference between two clocks that is no fault of either. What was made later than this in the future is not valid.
pub const SKEW: TimeDelta = TimeDelta::minutes(2);

/// Now, as both databases can keep it.
pub fn now() -> NaiveDateTime {
    Utc::now().naive_utc().trunc_subsecs(6)
}

/// ISO 8601 with `Z`, as pages and the API show a time to programs.
pub fn iso(at: NaiveDateTime) -> String {
    // A page shows dozens of times; chrono's own formatter reads its pattern anew for each.
    let (year, month, day) = (at.year(), at.month(), at.day());
    let (hour, minute, second, micros) = (at.hour(), at.minute(), at.second(), at.nanosecond() / 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// [`iso`], for `#[serde(serialize_with = "as_iso")]`.
///
/// # Errors
/// Only the serializer's.
pub fn as_iso<S: serde::Serializer>(at: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&iso(*at))
}

/// Reads what [`iso`] wrote.
pub fn from_iso(text: &str) -> Option<NaiveDateTime> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let year = i32::try_from(part(0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, part(5, 7)?, part(8, 10)?)?;
    date.and_hms_micro_opt(part(11, 13)?, part(14, 16)?, part(17, 19)?, part(20, 26)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_as_they_went() {
        let at = NaiveDate::from_ymd_opt(2026, 1, 2).unwrap().and_hms_micro_opt(3, 4, 5, 678).unwrap();
        assert_eq!(iso(at), "2026-01-02T03:04:05.000678Z");
        assert_eq!(from_iso(&iso(at)), Some(at));
        for wrong in ["", "2026-01-02", "2026-13-02T03:04:05.000678Z", "gestern"] {
            assert_eq!(from_iso(wrong), None, "{wrong:?}");
        }
    }
}
