//! The end of the server, in order: first it says that it is not ready any more and serves on, so
//! that a load balancer looks away; then streams are told to come back, and answers under way end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this server was told to stop. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// From now on the server is not ready.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was told to stop.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
