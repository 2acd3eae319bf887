//! The log: one line a request, with an id that the answer carries too (`X-Request-Id`), so that a
//! person who reports an error page names the line.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use log::{Level, LevelFilter, Log, Metadata, Record};
use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Header;
use rocket::{Data, Request, Response};

/// Sends log records to standard error. `verbosity`: below 0 errors only, 0 requests too, 1 debug.
pub fn init(verbosity: i8) {
    let level = match verbosity {
        i8::MIN..=-1 => LevelFilter::Error,
        0 => LevelFilter::Info,
        _ => LevelFilter::Debug,
    };
    // A second call finds a logger in place: the first one stands.
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(level);
    }
}

/// The framework tells in these words what the request's own line says by its status.
const NARRATION: [&str; 4] = ["Request guard ", "Parameter guard ", "Data guard ", "No matching routes "];

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The framework narrates each request in many lines; ours is one.
        metadata.target().starts_with("chaupal") || metadata.level() <= Level::Error
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = record.args().to_string();
        if NARRATION.iter().any(|narration| line.starts_with(narration)) {
            return;
        }
        let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ");
        // A log that cannot be written is no reason to stop serving.
        let _ = writeln!(std::io::stderr().lock(), "{now} {:<5} {line}", record.level());
    }

    fn flush(&self) {}
}

/// The id of one request: short, unique in this process and unlike those of the last start.
#[derive(Debug)]
pub struct RequestId {
    /// What the log and the error page show.
    pub id: String,
    started: Instant,
}

/// This request's id.
pub fn request_id<'r>(request: &'r Request<'_>) -> &'r RequestId {
    request.local_cache(|| {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
        let start = START.get_or_init(|| chrono::Utc::now().timestamp_millis().unsigned_abs());
        let id = format!("{:x}-{}", start & 0xff_ffff, NEXT.fetch_add(1, Ordering::Relaxed));
        RequestId { id, started: Instant::now() }
    })
}

/// Writes a fault to the log, beside the id of the request that met it.
pub fn failure(request: &Request<'_>, reason: &str) {
    log::error!("[{}] {} {}: {reason}", request_id(request).id, request.method(), request.uri().path());
}

/// The fairing that stamps each request and writes its line.
pub struct RequestLog;

#[rocket::async_trait]
impl Fairing for RequestLog {
    fn info(&self) -> Info {
        Info { name: "request log", kind: Kind::Request | Kind::Response }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        request_id(request);
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let stamp = request_id(request);
        response.set_header(Header::new("X-Request-Id", stamp.id.clone()));
        log::info!(
            "[{}] {} {} {} {:.1}ms",
            stamp.id,
            request.method(),
            // The path alone: a query may hold what somebody searched for.
            request.uri().path(),
            response.status().code,
            stamp.started.elapsed().as_secs_f64() * 1000.0,
        );
    }
}
