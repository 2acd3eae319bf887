//! One listener: it does what a browser does with `static/js/live.js`.
//!
//! A stream that ends, or a server that cannot be reached, is `EventSource`'s affair: it comes back
//! after the time that the server named by `retry:`, with `Last-Event-ID`. An answer that is no
//! stream ends the `EventSource`; then the script makes a new one, after a wait that grows and is
//! spread by chance.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::http::{self, Failed};
use crate::poster;
use crate::sse::{Chunks, Event, Lines, Said};
use crate::tally::Tally;

/// What `EventSource` waits before the server has named a time.
const RETRY: Duration = Duration::from_secs(3);

/// `FIRST_RETRY` and `LAST_RETRY` of live.js.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LAST_WAIT: Duration = Duration::from_secs(30);

/// A live stream says something every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// The part of an event's data that is looked at.
#[derive(Deserialize)]
struct Heard {
    event: i64,
    html: String,
}

pub struct Listener {
    /// Its number among all.
    pub number: usize,
    pub address: SocketAddr,
    pub room: i64,
    /// So many may open their first stream at once.
    pub gate: Rc<Semaphore>,
    pub tally: Rc<RefCell<Tally>>,
    /// `EventSource`'s memory.
    pub memory: Memory,
}

/// What an `EventSource` knows, from its making to its end.
pub struct Memory {
    after: i64,
    last_id: Option<String>,
    retry: Duration,
}

impl Memory {
    /// A new `EventSource` for `?after=`.
    pub fn new(after: i64) -> Self {
        Self { after, last_id: None, retry: RETRY }
    }
}

impl Listener {
    /// Listens until the program ends.
    pub async fn listen(mut self) {
        let mut wait = FIRST_WAIT;
        let turn = self.gate.acquire().await.ok();
        let mut opening = self.open().await;
        drop(turn);
        loop {
            match opening {
                Ok((stream, begun)) => {
                    wait = FIRST_WAIT;
                    self.opened();
                    self.read(stream, begun).await;
                    self.tally.borrow_mut().online -= 1;
                    sleep(self.memory.retry).await;
                }
                Err(Refusal::Network(failed)) => {
                    self.count(&failed.name());
                    sleep(self.memory.retry).await;
                }
                Err(Refusal::Status(name)) => {
                    self.count(&name);
                    self.memory = Memory::new(self.heard());
                    sleep(wait.mul_f64(0.75 + 0.5 * by_chance())).await;
                    wait = LAST_WAIT.min(wait * 2);
                }
            }
            opening = self.open().await;
        }
    }

    async fn open(&self) -> Result<(TcpStream, Vec<u8>), Refusal> {
        let Self { address, room, memory: Memory { after, last_id, .. }, .. } = self;
        let last_id = last_id.as_ref().map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /rooms/{room}/events?after={after} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\
             Cache-Control: no-cache\r\n{last_id}\r\n"
        );
        let (stream, head, begun) = http::open(*address, &request).await.map_err(Refusal::Network)?;
        if head.status != 200 {
            let again = if head.get("retry-after").is_some() { "with" } else { "without" };
            return Err(Refusal::Status(format!("{} {again} Retry-After", head.status)));
        }
        let is_stream = head.get("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        if !is_stream || !head.is_chunked() {
            return Err(Refusal::Status("an answer that is no stream".into()));
        }
        Ok((stream, begun))
    }

    fn opened(&self) {
        let mut tally = self.tally.borrow_mut();
        tally.online += 1;
        tally.opened[self.number] = Some(Instant::now());
    }

    async fn read(&mut self, mut stream: TcpStream, begun: Vec<u8>) {
        let (mut chunks, mut lines) = (Chunks::default(), Lines::default());
        let mut read = begun;
        loop {
            let at = Instant::now();
            let mut said = Vec::new();
            if let Err(error) = chunks.feed(&read, |data| lines.feed(data, &mut |word| said.push(word))) {
                return self.count(&error);
            }
            for word in said {
                match word {
                    Said::Retry(time) => self.memory.retry = time,
                    Said::Event(event) => self.hear(event, at),
                }
            }
            if chunks.is_over() {
                self.tally.borrow_mut().ended += 1;
                return;
            }
            read.clear();
            match timeout(SILENCE, stream.read_buf(&mut read)).await {
                Ok(Ok(0)) => return self.count("a stream was cut"),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return self.count(&format!("a stream was cut: {error}")),
                Err(_) => return self.count("a stream fell silent"),
            }
        }
    }

    fn hear(&mut self, event: Event, at: Instant) {
        if event.id.is_some() {
            self.memory.last_id = event.id;
        }
        if event.kind == "presence" {
            return;
        }
        let Ok(Heard { event, html }) = serde_json::from_str(&event.data) else {
            return self.count("an event that is no message");
        };
        let mut tally = self.tally.borrow_mut();
        let heard = tally.heard[self.number];
        if event <= heard {
            tally.doubled += 1;
            return;
        }
        tally.lost += u64::try_from(event - heard - 1).unwrap_or(0);
        tally.heard[self.number] = event;
        match poster::message_in(&html) {
            Some(message) => tally.hear(message, self.room, event, at),
            None => tally.mixed += 1,
        }
    }

    fn heard(&self) -> i64 {
        self.tally.borrow().heard[self.number]
    }

    fn count(&self, error: &str) {
        *self.tally.borrow_mut().errors.entry(error.to_owned()).or_default() += 1;
    }
}

/// Why there is no stream.
enum Refusal {
    /// No answer: `EventSource` tries again by itself.
    Network(Failed),
    /// An answer that is none: `EventSource` gives up.
    Status(String),
}

/// From 0 to 1.
fn by_chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}
