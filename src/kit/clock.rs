//! Whether the system's clock can be trusted to delete rows by their age: a clock that runs ahead for a minute must not
//! delete what is kept for a month.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};

use super::system::time_since_boot;
use super::time::{self, SKEW};

/// Time for which nothing is deleted after the clock jumped, or after a start at which it may be wrong.
const GRACE: Duration = Duration::from_secs(60 * 60);

/// A site whose newest row is older than this may have been idle, or its clock runs ahead.
const IDLE: TimeDelta = TimeDelta::days(1);

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// On the clock that never jumps: time since the system started.
    pub steady: Duration,
    /// On the system's clock.
    pub wall: NaiveDateTime,
}

impl Moment {
    /// Returns the present.
    pub fn now() -> Self {
        Self { steady: time_since_boot(), wall: time::now() }
    }
}

/// Returns why the clock may be wrong at `now`, if the newest row in the database makes that likely.
pub fn distrust_reason(now: NaiveDateTime, newest: NaiveDateTime) -> Option<String> {
    if newest <= now + SKEW && newest >= now - IDLE {
        return None;
    }
    let (now, newest) = (time::iso(now), time::iso(newest));
    Some(format!("the clock says {now}, but the newest entry is of {newest}"))
}

/// Compares the system's clock with the steady one.
pub struct ClockWatch(Mutex<State>);

struct State {
    last: Moment,
    distrusted_until: Option<Duration>,
}

impl ClockWatch {
    /// Begins at `start`.
    pub fn new(start: Moment) -> Self {
        Self(Mutex::new(State { last: start, distrusted_until: None }))
    }

    /// Compares the clock with the newest row in the database, which was stored before the watch began.
    pub fn compare(&self, now: Moment, newest: NaiveDateTime) {
        if let Some(reason) = distrust_reason(now.wall, newest) {
            log::warn!(
                "{reason}: nothing is deleted by age for an hour; check the clock, unless nobody was here meanwhile"
            );
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.distrusted_until = Some(now.steady + GRACE);
        }
    }

    /// Returns whether rows may be deleted by their age. Call it right before, and every few seconds.
    pub fn may_delete(&self, now: Moment) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let steady = TimeDelta::from_std(now.steady.saturating_sub(state.last.steady)).unwrap_or(TimeDelta::MAX);
        let jump = (now.wall - state.last.wall).checked_sub(&steady).unwrap_or(TimeDelta::MAX);
        state.last = now;
        if jump.abs() > SKEW {
            log::warn!("the clock jumped by {} seconds: nothing is deleted by age for an hour", jump.num_seconds());
            state.distrusted_until = Some(now.steady + GRACE);
        }
        if state.distrusted_until.is_some_and(|until| now.steady >= until) {
            state.distrusted_until = None;
        }
        state.distrusted_until.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// `steady` later on the one clock, `wall` on the other.
    fn after(start: Moment, steady: Duration, wall: TimeDelta) -> Moment {
        Moment { steady: start.steady + steady, wall: start.wall + wall }
    }

    #[test]
    fn even_clock_allows_deletion() {
        let start = Moment::now();
        for newest in
            [None, Some(start.wall), Some(start.wall - TimeDelta::hours(20)), Some(start.wall + TimeDelta::minutes(1))]
        {
            let watch = ClockWatch::new(start);
            newest.into_iter().for_each(|newest| watch.compare(start, newest));
            assert!(watch.may_delete(start), "{newest:?}");
            assert!(watch.may_delete(after(start, 60 * SECOND, TimeDelta::seconds(100))), "a correction is no jump");
        }
    }

    #[test]
    fn jumped_clock_forbids_deletion_for_an_hour() {
        for days in [31, -31] {
            let start = Moment::now();
            let watch = ClockWatch::new(start);
            assert!(!watch.may_delete(after(start, 5 * SECOND, TimeDelta::days(days))));
            // It is right again a minute later, which is another jump.
            assert!(!watch.may_delete(after(start, 65 * SECOND, TimeDelta::seconds(65))));
            assert!(!watch.may_delete(after(start, 3_660 * SECOND, TimeDelta::seconds(3_660))));
            assert!(watch.may_delete(after(start, 3_666 * SECOND, TimeDelta::seconds(3_666))));
        }
    }

    #[test]
    fn start_far_from_the_newest_row_forbids_deletion_for_an_hour() {
        let start = Moment::now();
        for distance in [TimeDelta::days(31), -TimeDelta::days(31), TimeDelta::minutes(10)] {
            let watch = ClockWatch::new(start);
            watch.compare(start, start.wall + distance);
            assert!(!watch.may_delete(start), "{distance}");
            assert!(!watch.may_delete(after(start, 3_599 * SECOND, TimeDelta::seconds(3_599))));
            assert!(watch.may_delete(after(start, 3_600 * SECOND, TimeDelta::seconds(3_600))));
        }
    }
}
