//! What the database was asked for since the start, for the metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time for which an error that only a damaged database gives is remembered: not for ever, since it may have been repaired.
const DAMAGE_REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// Counts, and whether writing works.
#[derive(Debug, Default)]
pub struct Stats {
    reads: AtomicU64,
    writes: AtomicU64,
    commits: AtomicU64,
    failing: AtomicBool,
    damaged: Mutex<Option<Instant>>,
}

impl Stats {
    /// How often somebody read.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// How often somebody wrote.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// How many transactions these writes took.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Whether the last attempt to write met a full disk, a folder that cannot be written, another
    /// program that holds the file.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Whether a request met damage in the database lately.
    pub fn is_damaged(&self) -> bool {
        let damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.is_some_and(|at| at.elapsed() < DAMAGE_REMEMBERED)
    }

    pub(super) fn record_damage(&self) {
        *self.damaged.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    /// One transaction of so many writes came to its end.
    pub(super) fn wrote(&self, writes: usize, is_well: bool) {
        self.writes.fetch_add(u64::try_from(writes).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.commits.fetch_add(u64::from(is_well), Ordering::Relaxed);
        self.failing.store(!is_well, Ordering::Relaxed);
    }
}
