//! The end of the server, in order: first it says that it is not ready any more and serves on, so
//! that a load balancer looks away; then streams are told to come back, and answers under way end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Request, Response};

/// Whether this server was told to stop. Cheap to clone. As a fairing it says `Connection: close` on
/// each answer from then on, so that nobody sends his next request on a connection that is about to end.
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

#[rocket::async_trait]
impl Fairing for Stopping {
    fn info(&self) -> Info {
        Info { name: "stopping", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, _: &'r Request<'_>, response: &mut Response<'r>) {
        if self.has_begun() {
            response.set_raw_header("Connection", "close");
        }
    }
}
