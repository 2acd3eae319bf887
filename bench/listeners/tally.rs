//! What was seen, by all listeners and the sender together, and the report of it.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde::Serialize;

/// How often something happened, by its name.
pub type Counts = BTreeMap<String, u64>;

/// A message: when it was first sent, and its room and event number, once the server told them.
pub struct Sent {
    pub at: Instant,
    pub acknowledged: Option<(i64, i64)>,
}

/// Everything that is counted while the load runs.
#[derive(Default)]
pub struct Tally {
    /// Listeners that have an open stream now.
    pub online: usize,
    /// By listener: when its stream was last opened.
    pub opened: Vec<Option<Instant>>,
    /// By listener: the number of the last event that it heard.
    pub heard: Vec<i64>,
    /// Why a stream could not be opened, or did not come to its own end.
    pub errors: Counts,
    /// Streams that the server ended.
    pub ended: u64,
    /// Events that are missing between two that came.
    pub lost: u64,
    /// Events that came twice or out of their order.
    pub doubled: u64,
    /// By message.
    pub sent: Vec<Sent>,
    /// Which message an event was, as the first listener heard it.
    pub events: HashMap<(i64, i64), usize>,
    /// Events that were another message to one listener than to another, or to the sender.
    pub mixed: u64,
    /// From sending to hearing, in microseconds, for each listener and message.
    pub delays: Vec<u32>,
    /// Why a message could not be posted at once.
    pub post_errors: Counts,
}

impl Tally {
    pub fn new(listeners: usize) -> Self {
        Self { opened: vec![None; listeners], heard: vec![0; listeners], ..Self::default() }
    }

    /// A listener heard this message as that event of a room.
    pub fn hear(&mut self, message: usize, room: i64, event: i64, at: Instant) {
        if *self.events.entry((room, event)).or_insert(message) != message {
            self.mixed += 1;
        }
        if let Some(sent) = self.sent.get(message) {
            let delay = at.saturating_duration_since(sent.at).as_micros();
            self.delays.push(u32::try_from(delay).unwrap_or(u32::MAX));
        }
    }

    /// How far each room has come, as the sender was told.
    pub fn reached(&self) -> HashMap<i64, i64> {
        let mut reached = HashMap::new();
        for (room, event) in self.sent.iter().filter_map(|sent| sent.acknowledged) {
            let newest = reached.entry(room).or_insert(0);
            *newest = event.max(*newest);
        }
        reached
    }

    /// Messages whose acknowledged event was another message to the listeners.
    pub fn mistaken(&self) -> u64 {
        let other = |(message, sent): &(usize, &Sent)| {
            sent.acknowledged.and_then(|place| self.events.get(&place)).is_some_and(|heard| heard != message)
        };
        self.mixed + self.sent.iter().enumerate().filter(other).count() as u64
    }
}

/// Times in milliseconds.
#[derive(Debug, Serialize)]
pub struct Delays {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Delays {
    /// Of microseconds, in whatever order.
    pub fn of(mut delays: Vec<u32>) -> Self {
        delays.sort_unstable();
        let at = |percent: usize| {
            let index = (delays.len() * percent).div_ceil(100).saturating_sub(1);
            delays.get(index).map_or(f64::NAN, |delay| f64::from(*delay) / 1000.0)
        };
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

/// A restart under the eyes of all listeners; in seconds from SIGTERM on.
#[derive(Debug, Serialize)]
pub struct Restart {
    /// Until the old process had ended.
    pub stopped: f64,
    /// Until the new one was ready.
    pub ready: f64,
    /// Until the last listener had a stream of the new one.
    pub all_back: f64,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub struct Report {
    pub listeners: usize,
    pub rooms: usize,
    /// Seconds until all were connected.
    pub connected: f64,
    /// Listeners that had an open stream at the end.
    pub online: usize,
    /// Resident bytes of the server: before the first listener, when all are connected, and when all was said.
    pub server_bytes: [u64; 3],
    /// The growth since before the first, for each listener.
    pub bytes_quiet: i64,
    pub bytes_loaded: i64,
    /// Messages posted and acknowledged, and how many a second that was.
    pub messages: usize,
    pub rate: f64,
    pub deliveries: usize,
    pub delay_ms: Delays,
    /// Deliveries that did not happen, that happened twice or out of order, and that brought another message.
    pub lost: u64,
    pub doubled: u64,
    pub mistaken: u64,
    /// While streams were opened for the first time.
    pub connect_errors: Counts,
    /// After that, among them what a restart brings with it.
    pub stream_errors: Counts,
    pub post_errors: Counts,
    pub streams_ended: u64,
    pub restart: Option<Restart>,
    /// What must not have happened, each in a few words.
    pub faults: Vec<String>,
}

/// What a restart may show: nobody listens for a moment, or the server says when to come again.
pub const EXPECTED: [&str; 3] = ["refused", "not taken", "503 with Retry-After"];

impl Report {
    /// What must not have happened.
    pub fn find_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (count, what) in [
            (self.lost, "deliveries lost"),
            (self.doubled, "deliveries twice or out of order"),
            (self.mistaken, "deliveries of another message"),
            ((self.listeners - self.online) as u64, "listeners without a stream at the end"),
        ] {
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        for (what, errors) in [("a stream", &self.stream_errors), ("a post", &self.post_errors)] {
            let unexpected = |name: &str| self.restart.is_none() || !EXPECTED.contains(&name);
            let errors = errors.iter().filter(|(name, _)| unexpected(name));
            faults.extend(errors.map(|(name, count)| format!("{count} × {what}: {name}")));
        }
        faults
    }

    /// For people.
    pub fn print(&self) {
        let kib = |bytes: i64| bytes as f64 / 1024.0;
        let mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
        let [before, quiet, loaded] = self.server_bytes;
        println!("{} listeners in {} rooms, connected in {:.1} s", self.listeners, self.rooms, self.connected);
        println!("  errors while connecting: {}", words(&self.connect_errors));
        println!(
            "memory of a listener: {:.1} KB when all are connected, {:.1} KB when all was said",
            kib(self.bytes_quiet),
            kib(self.bytes_loaded)
        );
        println!("  the server: {:.1} MB before, {:.1} MB, {:.1} MB", mib(before), mib(quiet), mib(loaded));
        println!("{} messages posted, {:.1} a second; {} deliveries", self.messages, self.rate, self.deliveries);
        let Delays { p50, p99, max } = self.delay_ms;
        println!("  from sending to hearing: p50 {p50:.1} ms, p99 {p99:.1} ms, at most {max:.1} ms");
        println!("  lost {}, twice or out of order {}, mistaken {}", self.lost, self.doubled, self.mistaken);
        if let Some(Restart { stopped, ready, all_back }) = self.restart {
            println!("restart: stopped after {stopped:.1} s, ready after {ready:.1} s, all back after {all_back:.1} s");
        }
        println!("  streams that the server ended: {}", self.streams_ended);
        println!("  errors of streams: {}", words(&self.stream_errors));
        println!("  errors of posts, each tried again: {}", words(&self.post_errors));
    }
}

fn words(counts: &Counts) -> String {
    if counts.is_empty() {
        return "none".into();
    }
    counts.iter().map(|(name, count)| format!("{count} × {name}")).collect::<Vec<_>>().join(", ")
}
