//! The log: one line a request, with an id that the answer carries too (`X-Request-Id`), so that a
//! person who reports an error page names the line. For people, or as JSON for programs.

use std::borrow::Cow;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use log::kv::{Error as KvError, Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use rocket::fairing::{Fairing, Info, Kind};
use rocket::{Data, Request, Response};
use serde_json::{Map, json};

use crate::kit::config::LogFormat;
use crate::kit::paths;

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

static AS_JSON: AtomicBool = AtomicBool::new(false);

/// What lines look like from now on. As JSON, a panic is one line too.
pub fn set_format(format: LogFormat) {
    let as_json = format == LogFormat::Json;
    AS_JSON.store(as_json, Ordering::Relaxed);
    if as_json {
        std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    }
}

/// Whether programs read the log.
pub fn is_json() -> bool {
    AS_JSON.load(Ordering::Relaxed)
}

/// The framework tells in these words, as errors, what the request's own line says by its status: among
/// them that a client went away in the middle of what it sent.
const NARRATION: [&str; 5] =
    ["Request guard ", "Parameter guard ", "Data guard ", "No matching routes ", "Failed to read into peek buffer"];

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
        let message = record.args().to_string();
        if NARRATION.iter().any(|narration| message.starts_with(narration)) {
            return;
        }
        let line = if is_json() { as_json(record, &message) } else { as_text(record, &message) };
        // A log that cannot be written is no reason to stop serving.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    fn flush(&self) {}
}

fn now() -> impl std::fmt::Display {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ")
}

fn as_text(record: &Record<'_>, message: &str) -> String {
    format!("{} {:<5} {}", now(), record.level(), printable_line(message))
}

/// A text that is safe for terminals and editors, also within JSON and TOML: whatever would move the cursor, change colours or
/// turn the direction of writing is written as `\u001b`. Lines stay lines.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_unsafe(c) && c != '\n' && c != '\t')
}

/// The same in one line.
pub fn printable_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_unsafe)
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn escaped(text: &str, is_meant: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_meant) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' if is_meant(c) => safe.push_str("\\n"),
            c if is_meant(c) => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

fn as_json(record: &Record<'_>, message: &str) -> String {
    let mut object = Map::from_iter([
        ("time".to_owned(), json!(now().to_string())),
        ("level".to_owned(), json!(record.level().as_str().to_ascii_lowercase())),
        ("message".to_owned(), json!(message)),
    ]);
    // Ours always come: the visitor below never fails.
    let _ = record.key_values().visit(&mut Fields(&mut object));
    printable_line(&serde_json::Value::Object(object).to_string()).into_owned()
}

/// What a record says by fields.
struct Fields<'a>(&'a mut Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), KvError> {
        let number = value.to_u64().map(|whole| json!(whole)).or_else(|| value.to_f64().map(|part| json!(part)));
        self.0.insert(key.to_string(), number.unwrap_or_else(|| json!(value.to_string())));
        Ok(())
    }
}

/// The id of one request: short, unique in this process and unlike those of the last start.
#[derive(Debug)]
pub struct RequestId {
    /// What the log and the error page show.
    pub id: String,
    started: Instant,
}

impl RequestId {
    /// Since the request came in.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
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
    let id = request_id(request).id.as_str();
    log::error!(request_id = id; "[{id}] {} {}: {reason}", request.method(), paths::without_tokens(request));
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
        response.set_raw_header("X-Request-Id", stamp.id.as_str());
        if !log::log_enabled!(Level::Info) {
            return;
        }
        let (id, method, status) = (stamp.id.as_str(), request.method().as_str(), response.status().code);
        // The path alone: a query may hold what somebody searched for.
        let path = paths::without_tokens(request);
        let path = path.as_ref();
        let ms = (stamp.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        log::info!(request_id = id, method = method, path = path, status = status, ms = ms; "[{id}] {method} {path} {status} {ms:.1}ms");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_as_numbers() {
        let hostile = "a\u{1b}[31m\u{9b}2J\u{202e}gpj\u{2066}x\u{7f}\r";
        assert_eq!(printable(hostile), "a\\u001b[31m\\u009b2J\\u202egpj\\u2066x\\u007f\\u000d");
        assert_eq!(printable("two\nlines\tand नमस्ते 👩‍💻"), "two\nlines\tand नमस्ते 👩‍💻");
        assert_eq!(printable_line("two\nlines"), "two\\nlines");
    }

    #[test]
    fn json_stays_json_and_says_the_same() {
        let json = json!({ "message": "a\u{1b}\u{9b}\u{202e}" });
        let safe = printable_line(&json.to_string()).into_owned();
        assert!(safe.is_ascii(), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).ok(), Some(json));
    }
}
