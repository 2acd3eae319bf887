//! Limits of client connections, which the HTTP library does not have: time for a request head, time between requests, a
//! number of connections for each address and in all, and the same for live streams.
//!
//! A thread looks at the sockets twice a second. docs/decisions/0018 says why it looks from outside.
//!
//! Django: gunicorn's `--timeout`, `--keep-alive` and `--worker-connections`, nginx's `limit_conn`.

mod policy;
mod sockets;

use std::collections::{HashMap, HashSet};
use std::io::Cursor;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::uri::Origin;
use rocket::http::{ContentType, Status};
use rocket::{Data, Request, Response};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::kit::config::Config;
use crate::kit::error::Error;
use crate::kit::system;
use crate::kit::throttle::network;

use policy::{Limits, Record, Requests};
use sockets::{Socket, Sockets};

/// Maximum number of connections, and of streams, of one address that is not this machine's own.
const PER_ADDRESS: usize = 512;

/// Maximum number of requests under way on one HTTP/2 connection. Browsers send at most a hundred at once.
const HTTP2_REQUESTS: usize = 256;

/// Maximum number of bytes of pages that one address has asked for and not taken. Each is in memory until it is taken.
const PAGES_PER_ADDRESS: usize = 32 << 20;

/// The same of all addresses, proxies included.
const PAGES_TOTAL: usize = 256 << 20;

/// A smaller response is not counted, so that `/healthz` always answers.
const SMALL_PAGE: usize = 1024;

/// Maximum number of bytes of a request's headers. Over HTTP/2 a few bytes may stand for 16 MB of them.
const HEADERS: usize = 64 * 1024;

/// Time between two looks at the sockets.
const INTERVAL: Duration = Duration::from_millis(500);

/// Time between two looks while most of the connections are used up.
const BUSY_INTERVAL: Duration = Duration::from_millis(50);

/// A look may take this part of the time.
const SHARE: u32 = 20;

/// Number of tasks, beyond those of requests, that are no flood.
const FLOOD: usize = 4_000;

/// Time between two warnings that connections are over a limit.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// A response of which this many bytes wait in the kernel is not taken by its client.
const CONGESTED: u32 = 16 * 1024;

/// The server's connections, as far as requests tell of them. Cheap to clone; a fairing and managed state.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    limits: Limits,
    /// Maximum number of streams.
    streams_total: usize,
    /// Maximum number of streams of one address, if it is set.
    streams_per_address: Option<usize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    clients: HashMap<SocketAddr, Client>,
    streams: HashMap<IpAddr, usize>,
    streams_total: usize,
    /// Number of bytes of pages under way, by address and in all.
    pages: HashMap<IpAddr, usize>,
    pages_total: usize,
    /// Number of requests under way.
    active: usize,
    /// Whether somebody looks at the sockets.
    is_watched: bool,
}

/// The requests of one connection.
#[derive(Clone, Debug)]
struct Client {
    active: usize,
    ended: Instant,
    is_http2: bool,
    /// Number of requests under way when there were too many; stays until the connection is closed.
    excess: usize,
    socket: Option<Socket>,
    /// Cancelled when the connection is closed.
    closed: CancellationToken,
}

impl Inner {
    /// No code panics while it holds this lock; if some ever did, the maps are still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the network by which an address is counted, with its limit; none for an address that is not limited.
fn counted(limit: Option<usize>, address: IpAddr) -> Option<(IpAddr, usize)> {
    let address = network(address, 64);
    match limit {
        Some(limit) => Some((address, limit)),
        None if address.is_loopback() => None,
        None => Some((address, PER_ADDRESS)),
    }
}

impl Connections {
    /// Reads the limits from the settings.
    pub fn new(config: &Config) -> Self {
        let settings = &config.connections;
        // Files, the database and mail need descriptors too.
        let available = system::descriptor_limit().map_or(usize::MAX, |limit| limit - limit / 8);
        let total = settings.total.unwrap_or(available).min(available);
        Self(Arc::new(Inner {
            limits: Limits {
                head: settings.head(),
                stall: settings.stall(),
                idle: settings.idle(),
                total,
                per_address: settings.per_address,
                trusted: config.proxy.trusted.clone(),
            },
            streams_total: settings.streams_total.unwrap_or(total / 2),
            streams_per_address: settings.streams_per_address,
            state: Mutex::default(),
        }))
    }

    /// Looks at the connections to `port` until the server ends.
    pub fn watch(&self, port: u16) {
        let sockets = match Sockets::of_port(port) {
            Ok(sockets) => sockets,
            Err(error) => return log::warn!("connections are not limited: {error}"),
        };
        self.0.state().is_watched = true;
        let (inner, runtime) = (Arc::downgrade(&self.0), Handle::current());
        let thread = std::thread::Builder::new().name("connections".into());
        if let Err(error) = thread.spawn(move || watch(&inner, &runtime, sockets)) {
            self.0.state().is_watched = false;
            log::warn!("connections are not limited: {error}");
        }
    }

    /// Opens a live stream of a client.
    ///
    /// # Errors
    /// [`Error::TooManyStreams`].
    pub fn open_stream(&self, address: IpAddr) -> Result<StreamSlot, Error> {
        let counted = counted(self.0.streams_per_address, address);
        let mut state = self.0.state();
        if state.streams_total >= self.0.streams_total {
            return Err(Error::TooManyStreams(Status::ServiceUnavailable));
        }
        if let Some((address, limit)) = counted {
            let streams = state.streams.entry(address).or_default();
            if *streams >= limit {
                return Err(Error::TooManyStreams(Status::TooManyRequests));
            }
            *streams += 1;
        }
        state.streams_total += 1;
        Ok(StreamSlot { inner: Arc::clone(&self.0), address: counted.map(|(address, _)| address) })
    }

    /// Returns the connection on which a request came.
    pub fn of(&self, request: &Request<'_>) -> Connection {
        let remote = request.remote();
        let state = self.0.state();
        let closed = remote.and_then(|remote| state.clients.get(&remote)).map(|client| client.closed.clone());
        Connection { connections: self.clone(), remote, closed: closed.unwrap_or_default() }
    }

    /// Notes a request under way. Returns whether the HTTP/2 connection has more of them than it may, or one that is
    /// too large; then it will be closed.
    fn begin(&self, remote: SocketAddr, is_http2: bool, is_large: bool) -> bool {
        let mut state = self.0.state();
        let client = state.clients.entry(remote).or_insert_with(|| Client {
            active: 0,
            ended: Instant::now(),
            is_http2,
            excess: 0,
            socket: None,
            closed: CancellationToken::new(),
        });
        client.active += 1;
        let is_over = is_large || client.active > HTTP2_REQUESTS;
        let is_excess = is_http2 && is_over && !self.0.limits.is_trusted(remote.ip());
        if is_excess {
            client.excess = client.active.max(HTTP2_REQUESTS + 1);
        }
        state.active += 1;
        is_excess
    }

    fn end(&self, remote: SocketAddr) {
        let mut state = self.0.state();
        let is_watched = state.is_watched;
        state.active -= 1;
        let Some(client) = state.clients.get_mut(&remote) else { return };
        client.active -= 1;
        client.ended = Instant::now();
        if client.active == 0 && !is_watched {
            state.clients.remove(&remote);
        }
    }
}

/// In the request's cache: a page under way that counts. It is dropped with the request, as [`Ticket`].
struct PageSlot {
    inner: Arc<Inner>,
    address: IpAddr,
    size: usize,
}

impl PageSlot {
    /// Returns none when too much was not taken yet.
    fn new(inner: &Arc<Inner>, remote: IpAddr, size: usize) -> Option<Self> {
        let address = network(remote, 64);
        let mut state = inner.state();
        let before = state.pages.get(&address).copied().unwrap_or_default();
        let is_over = before + size > PAGES_PER_ADDRESS && before > 0 && !inner.limits.is_trusted(remote);
        if is_over || state.pages_total + size > PAGES_TOTAL {
            return None;
        }
        state.pages.insert(address, before + size);
        state.pages_total += size;
        Some(Self { inner: Arc::clone(inner), address, size })
    }
}

impl Drop for PageSlot {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        state.pages_total -= self.size;
        if let Some(pages) = state.pages.get_mut(&self.address) {
            *pages -= self.size;
            if *pages == 0 {
                state.pages.remove(&self.address);
            }
        }
    }
}

/// A live stream that counts; dropped when it ends.
pub struct StreamSlot {
    inner: Arc<Inner>,
    address: Option<IpAddr>,
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        state.streams_total -= 1;
        let Some(address) = self.address else { return };
        if let Some(streams) = state.streams.get_mut(&address) {
            *streams -= 1;
            if *streams == 0 {
                state.streams.remove(&address);
            }
        }
    }
}

/// The connection of a request.
pub struct Connection {
    connections: Connections,
    remote: Option<SocketAddr>,
    closed: CancellationToken,
}

impl Connection {
    /// Waits until the connection is closed.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Waits until the client has taken what was sent to it, or is gone. Returns at once where nobody looks at the sockets.
    pub async fn drained(&self) {
        let Some(remote) = self.remote else { return };
        let mut pause = Duration::from_millis(5);
        while !self.closed.is_cancelled() && self.is_congested(remote) {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    fn is_congested(&self, remote: SocketAddr) -> bool {
        let socket = {
            let state = self.connections.0.state();
            let Some(client) = state.clients.get(&remote).filter(|_| state.is_watched) else { return false };
            client.socket
        };
        // A connection that has not been seen yet soon will be.
        let Some(socket) = socket else { return true };
        socket.progress().is_some_and(|progress| progress.unsent >= CONGESTED)
    }
}

/// In the request's cache: a request under way. It is dropped with the request, after the last byte of the response was
/// handed over.
struct Ticket(Connections, SocketAddr);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}

/// In the request's cache: why it was refused before any route saw it.
struct Refused(Option<Status>);

/// Returns the status of a request that is refused without a page: one too many on its connection, which is about to be
/// closed, or one with too many headers.
pub fn refused(request: &Request<'_>) -> Option<Status> {
    request.local_cache(|| Refused(None)).0
}

#[rocket::async_trait]
impl Fairing for Connections {
    fn info(&self) -> Info {
        Info { name: "connections", kind: Kind::Request | Kind::Response }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        let Some(remote) = request.remote() else { return };
        let is_http2 = request.host().is_some() && !request.headers().contains("Host");
        let headers: usize = request.headers().iter().map(|header| header.name.len() + header.value.len()).sum();
        let is_large = headers > HEADERS;
        let is_excess = self.begin(remote, is_http2, is_large);
        request.local_cache(|| Ticket(self.clone(), remote));
        let status = match (is_large, is_excess) {
            (true, _) => Status::RequestHeaderFieldsTooLarge,
            (_, true) => Status::ServiceUnavailable,
            _ => return,
        };
        if let Ok(nowhere) = Origin::parse("/.refused") {
            request.local_cache(|| Refused(Some(status)));
            request.set_uri(nowhere);
        }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        // Files are sent from where they are.
        let is_page = response.content_type().is_some_and(|kind| kind.is_html() || kind.is_json());
        let size = response.body().preset_size().filter(|size| is_page && *size >= SMALL_PAGE);
        let (Some(remote), Some(size)) = (request.remote(), size) else { return };
        match PageSlot::new(&self.0, remote.ip(), size) {
            Some(slot) => {
                request.local_cache(|| slot);
            }
            None => {
                response.set_status(Status::ServiceUnavailable);
                response.set_header(ContentType::Plain);
                response.set_raw_header("Retry-After", "5");
                let text = "Too many pages wait to be taken by your address.\n";
                response.set_sized_body(text.len(), Cursor::new(text));
            }
        }
    }
}

fn watch(inner: &Weak<Inner>, runtime: &Handle, mut sockets: Sockets) {
    let mut records = HashMap::new();
    let mut pause = INTERVAL;
    let mut warned: Option<Instant> = None;
    let mut memory = Memory::default();
    loop {
        let Some(inner) = inner.upgrade() else { return };
        let is_flood = wait(&inner, runtime, records.len(), pause);
        let begun = Instant::now();
        refresh(&inner, &mut sockets, &mut records, begun);
        // First: it notes how long each connection has been idle.
        let overdue = overdue(&inner, &mut records, begun);
        let surplus = policy::surplus(&records, &inner.limits);
        if !surplus.is_empty() && warned.is_none_or(|warned| begun - warned > WARN_EVERY) {
            log::warn!(
                "{} of {} connections are over a limit and are closed; see connections.* in the settings",
                surplus.len(),
                records.len()
            );
            warned = Some(begun);
        }
        let flood = if is_flood { policy::flood(&records, &inner.limits) } else { Vec::new() };
        for cookie in overdue.into_iter().chain(surplus).chain(flood) {
            if let Some(record) = records.get(&cookie) {
                sockets.close(record.socket, record.is_sending());
            }
        }
        memory.look(records.len(), runtime);
        let is_busy = records.len() > inner.limits.total / 4 * 3;
        pause = if is_busy { BUSY_INTERVAL } else { INTERVAL }.max(begun.elapsed() * SHARE);
    }
}

/// Gives back memory that is no longer used, that of the workers after many clients left.
#[derive(Default)]
struct Memory {
    most: usize,
    /// Number of looks since many left.
    looks: u32,
}

impl Memory {
    /// Number of connections whose memory is worth the trouble.
    const MANY: usize = 250;

    /// Number of looks until the requests of closed connections have ended, too.
    const LOOKS: u32 = 10;

    fn look(&mut self, connections: usize, runtime: &Handle) {
        system::collect_memory();
        self.most = self.most.max(connections);
        if self.most - connections < Self::MANY {
            self.looks = 0;
            return;
        }
        self.looks += 1;
        if self.looks < Self::LOOKS {
            return;
        }
        *self = Self { most: connections, looks: 0 };
        for _ in 0..2 * runtime.metrics().num_workers() {
            runtime.spawn(async {
                system::collect_memory();
                // So that another thread takes the next of these tasks.
                std::thread::sleep(Duration::from_millis(2));
            });
        }
    }
}

/// Waits until the next look at the sockets. Returns at once, with true, when there are far more tasks than requests that are
/// known: a client opens streams of HTTP/2 whose requests never come to a route.
fn wait(inner: &Inner, runtime: &Handle, connections: usize, pause: Duration) -> bool {
    let end = Instant::now() + pause;
    loop {
        let expected = connections + inner.state().active;
        if runtime.metrics().num_alive_tasks() > 4 * expected + FLOOD {
            std::thread::sleep(BUSY_INTERVAL);
            return true;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        std::thread::sleep(left.min(BUSY_INTERVAL));
    }
}

/// Finds the open connections, and tells the streams of those that were closed.
fn refresh(inner: &Inner, sockets: &mut Sockets, records: &mut HashMap<u64, Record>, now: Instant) {
    let mut open = HashMap::with_capacity(records.len());
    for (socket, peer) in sockets.list(|cookie| records.contains_key(&cookie)) {
        let known = records.remove(&socket.cookie);
        let Some(mut record) = known.or_else(|| peer.map(|peer| Record::new(peer, socket, now))) else { continue };
        record.socket = socket;
        record.update(socket.progress().unwrap_or(record.progress));
        open.insert(socket.cookie, record);
    }
    let closed = std::mem::replace(records, open);
    let present: HashSet<SocketAddr> = records.values().map(|record| record.peer).collect();
    let mut state = inner.state();
    for record in closed.values() {
        if let Some(client) = state.clients.get_mut(&record.peer)
            && client.socket.is_some_and(|socket| socket.cookie == record.socket.cookie)
        {
            // The next connection may have the same port.
            std::mem::take(&mut client.closed).cancel();
        }
    }
    state.clients.retain(|peer, client| client.active > 0 || present.contains(peer));
}

/// Returns the connections that are over a time limit, by cookie.
fn overdue(inner: &Inner, records: &mut HashMap<u64, Record>, now: Instant) -> Vec<u64> {
    let mut state = inner.state();
    let mut overdue = Vec::new();
    for (cookie, record) in records {
        let requests = state.clients.get_mut(&record.peer).map(|client| {
            client.socket = Some(record.socket);
            Requests { active: client.active.max(client.excess), ended: client.ended, is_http2: client.is_http2 }
        });
        if record.is_overdue(now, requests, &inner.limits) {
            overdue.push(*cookie);
        }
    }
    overdue
}
