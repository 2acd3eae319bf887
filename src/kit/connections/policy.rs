//! Which connections are closed, and in which order.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::sockets::Socket;
use super::{HTTP2_REQUESTS, counted};
use crate::kit::system::Progress;

/// Number of bytes that count as progress, see [`crate::kit::body`].
const PROGRESS: u64 = 1024;

/// The limits of connections.
pub struct Limits {
    /// Time for a complete request head.
    pub head: Duration,
    /// Time in which a client must take some of a response.
    pub stall: Duration,
    /// Time between two requests.
    pub idle: Duration,
    /// Maximum number of connections.
    pub total: usize,
    /// Maximum number of connections of one address, if it is set.
    pub per_address: Option<usize>,
    /// Networks of proxies, whose connections carry the requests of many clients.
    pub trusted: Vec<IpNet>,
}

impl Limits {
    /// Returns whether an address is a proxy's.
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address.to_canonical()))
    }

    fn counted(&self, peer: SocketAddr) -> Option<(IpAddr, usize)> {
        if self.is_trusted(peer.ip()) { None } else { counted(self.per_address, peer.ip()) }
    }
}

/// The requests of a connection that has sent at least one.
#[derive(Clone, Copy)]
pub struct Requests {
    /// Number of requests under way.
    pub active: usize,
    /// When the last one ended.
    pub ended: Instant,
    /// Whether the connection speaks HTTP/2.
    pub is_http2: bool,
}

/// An open connection over time.
pub struct Record {
    /// The client's address.
    pub peer: SocketAddr,
    /// The socket, as it was found last.
    pub socket: Socket,
    /// How far its bytes had come then.
    pub progress: Progress,
    /// Number of bytes received since the look before.
    grown: u64,
    is_active: bool,
    is_http2: bool,
    opened: Instant,
    idle_since: Instant,
    /// Number of bytes received when it became idle.
    received: u64,
    /// When the first byte of the next request was noticed.
    head_since: Option<Instant>,
    /// Whether a request of it is known.
    has_requests: bool,
    /// When the client had last taken something, or everything, and the number of bytes then.
    taken: (Instant, u64),
}

impl Record {
    /// A connection that was found now.
    pub fn new(peer: SocketAddr, socket: Socket, now: Instant) -> Self {
        Self {
            peer,
            socket,
            progress: Progress::default(),
            grown: 0,
            is_active: false,
            is_http2: false,
            opened: now,
            idle_since: now,
            received: 0,
            head_since: None,
            has_requests: false,
            taken: (now, 0),
        }
    }

    /// Returns whether bytes wait for the client to take them.
    pub fn is_sending(&self) -> bool {
        self.progress.unsent > 0 || self.progress.in_flight
    }

    /// Returns whether the client takes nothing of what is sent to it. `TCP_USER_TIMEOUT` would also cut off a client that
    /// reads slowly: the kernel counts from the moment at which the receive window was first closed.
    fn is_stalled(&mut self, now: Instant, limits: &Limits) -> bool {
        let (since, bytes) = self.taken;
        if !self.is_sending() || self.progress.acknowledged >= bytes + PROGRESS {
            self.taken = (now, self.progress.acknowledged);
            return false;
        }
        now - since >= limits.stall
    }

    /// Notes how far the connection's bytes have come.
    pub fn update(&mut self, progress: Progress) {
        self.grown = progress.received.saturating_sub(self.progress.received);
        self.progress = progress;
    }

    /// Returns whether the connection is over a time limit.
    pub fn is_overdue(&mut self, now: Instant, requests: Option<Requests>, limits: &Limits) -> bool {
        if self.is_stalled(now, limits) {
            return true;
        }
        let Some(requests) = requests else { return now - self.opened >= limits.head };
        (self.is_active, self.is_http2) = (requests.active > 0, requests.is_http2);
        // The end of a response may still be on its way to a slow client.
        let is_sending = self.is_sending();
        let is_first = !std::mem::replace(&mut self.has_requests, true);
        if self.is_active || is_sending || is_first || requests.ended > self.idle_since {
            self.idle_since = if self.is_active || is_sending { now } else { requests.ended };
            (self.received, self.head_since) = (self.progress.received, None);
            let is_flood = requests.is_http2 && requests.active > HTTP2_REQUESTS;
            return is_flood && !limits.is_trusted(self.peer.ip());
        }
        // An idle HTTP/2 connection still answers pings.
        if !requests.is_http2 && self.progress.received > self.received {
            self.head_since.get_or_insert(now);
        }
        let is_slow = self.head_since.is_some_and(|since| now - since >= limits.head);
        is_slow || now - self.idle_since >= limits.idle
    }
}

/// Returns the connections that exceed a number, by cookie: idle ones first, of these the one that is idle longest; then
/// active ones of the address that has most.
pub fn surplus(records: &HashMap<u64, Record>, limits: &Limits) -> Vec<u64> {
    let mut counts: HashMap<IpAddr, (usize, usize)> = HashMap::new();
    for (address, limit) in records.values().filter_map(|record| limits.counted(record.peer)) {
        counts.entry(address).or_insert((0, limit)).0 += 1;
    }
    if records.len() <= limits.total && counts.values().all(|(count, limit)| count <= limit) {
        return Vec::new();
    }
    let mut order: Vec<(&u64, &Record)> = records.iter().collect();
    order.sort_by_key(|(_, record)| {
        let count =
            limits.counted(record.peer).and_then(|(address, _)| counts.get(&address)).map_or(0, |(count, _)| *count);
        (record.is_active, Reverse(if record.is_active { count } else { 0 }), record.idle_since, record.socket.cookie)
    });
    let mut chosen = HashSet::new();
    for (cookie, record) in &order {
        let Some((address, limit)) = limits.counted(record.peer) else { continue };
        if let Some((count, _)) = counts.get_mut(&address).filter(|(count, _)| *count > limit) {
            *count -= 1;
            chosen.insert(**cookie);
        }
    }
    let excess = (records.len() - chosen.len()).saturating_sub(limits.total);
    let others: Vec<u64> = order.iter().map(|(cookie, _)| **cookie).filter(|cookie| !chosen.contains(cookie)).collect();
    chosen.into_iter().chain(others.into_iter().take(excess)).collect()
}

/// Returns the connections that may be the flood that somebody sends: what they send is no request of HTTP/1 that is known.
pub fn flood(records: &HashMap<u64, Record>, limits: &Limits) -> Vec<u64> {
    let suspects = records.iter().filter(|(_, record)| {
        record.grown > FLOOD_BYTES && (record.is_http2 || !record.is_active) && !limits.is_trusted(record.peer.ip())
    });
    suspects.map(|(cookie, _)| *cookie).collect()
}

/// No request without a body has so many.
const FLOOD_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits() -> Limits {
        Limits {
            head: 10 * SECOND,
            stall: 30 * SECOND,
            idle: 60 * SECOND,
            total: 4,
            per_address: Some(2),
            trusted: vec!["10.0.0.0/8".parse().unwrap()],
        }
    }

    fn record(peer: &str, now: Instant) -> Record {
        Record::new(peer.parse().unwrap(), Socket::default(), now)
    }

    fn requests(active: usize, ended: Instant) -> Option<Requests> {
        Some(Requests { active, ended, is_http2: false })
    }

    #[test]
    fn connection_without_request_is_closed_after_the_time_for_a_head() {
        let (start, limits) = (Instant::now(), limits());
        let mut silent = record("192.0.2.1:1", start);
        assert!(!silent.is_overdue(start + 9 * SECOND, None, &limits));
        assert!(silent.is_overdue(start + 10 * SECOND, None, &limits));
        assert!(!silent.is_overdue(start + 99 * SECOND, requests(1, start), &limits), "a request came in time");
    }

    #[test]
    fn idle_connection_is_closed_later_than_half_a_head() {
        let (start, limits) = (Instant::now(), limits());
        let mut idle = record("192.0.2.1:1", start);
        idle.progress.received = 100;
        assert!(!idle.is_overdue(start + SECOND, requests(0, start + SECOND / 2), &limits));
        assert!(!idle.is_overdue(start + 60 * SECOND, requests(0, start + SECOND / 2), &limits));
        assert!(idle.is_overdue(start + 61 * SECOND, requests(0, start + SECOND / 2), &limits));

        let mut half = record("192.0.2.1:1", start);
        half.progress.received = 100;
        assert!(!half.is_overdue(start + SECOND, requests(0, start + SECOND / 2), &limits));
        for second in 2..12 {
            // A trickle is no head.
            half.progress.received += 1;
            assert!(!half.is_overdue(start + second * SECOND, requests(0, start + SECOND / 2), &limits), "{second}");
        }
        assert!(half.is_overdue(start + 12 * SECOND, requests(0, start + SECOND / 2), &limits));
    }

    #[test]
    fn response_on_its_way_and_pings_of_http2_are_not_closed() {
        let (start, limits) = (Instant::now(), limits());
        let mut slow = record("192.0.2.1:1", start);
        slow.progress.unsent = 1;
        for n in 1..20 {
            slow.progress.acknowledged += PROGRESS;
            assert!(!slow.is_overdue(start + n * 29 * SECOND, requests(0, start), &limits), "{n}");
        }
        slow.progress.unsent = 0;
        assert!(!slow.is_overdue(start + 610 * SECOND, requests(0, start), &limits), "idle since second 551");
        assert!(slow.is_overdue(start + 611 * SECOND, requests(0, start), &limits));

        let mut pinged = record("192.0.2.1:1", start);
        for second in 1..60 {
            pinged.progress.received += 17;
            let requests = Some(Requests { active: 0, ended: start, is_http2: true });
            assert!(!pinged.is_overdue(start + second * SECOND, requests, &limits), "{second}");
        }
    }

    #[test]
    fn client_that_takes_less_than_a_kilobyte_in_time_is_closed() {
        let (start, limits) = (Instant::now(), limits());
        let pending =
            [Progress { unsent: 1, ..Progress::default() }, Progress { in_flight: true, ..Progress::default() }];
        for progress in pending {
            let mut client = record("192.0.2.1:1", start);
            client.update(progress);
            for second in 1..30 {
                client.progress.acknowledged += 34;
                assert!(!client.is_overdue(start + second * SECOND, requests(1, start), &limits), "{second}");
            }
            assert!(client.is_overdue(start + 30 * SECOND, requests(1, start), &limits));
        }
        let mut quiet = record("192.0.2.1:1", start);
        assert!(!quiet.is_overdue(start + 500 * SECOND, requests(1, start), &limits), "a stream without events");
    }

    #[test]
    fn connection_first_seen_after_its_request_is_idle_since_then() {
        let (start, limits) = (Instant::now(), limits());
        let mut record = record("192.0.2.1:1", start + SECOND);
        record.progress.received = 100;
        for second in [1, 12, 59] {
            assert!(!record.is_overdue(start + second * SECOND, requests(0, start), &limits), "{second}");
        }
        assert!(record.is_overdue(start + 60 * SECOND, requests(0, start), &limits));
    }

    #[test]
    fn http2_flood_is_closed_unless_a_proxy_sends_it() {
        let (start, limits) = (Instant::now(), limits());
        let requests = |active| Some(Requests { active, ended: start, is_http2: true });
        let mut client = record("192.0.2.1:1", start);
        assert!(!client.is_overdue(start, requests(HTTP2_REQUESTS), &limits));
        assert!(client.is_overdue(start, requests(HTTP2_REQUESTS + 1), &limits));
        assert!(!record("10.0.0.1:1", start).is_overdue(start, requests(HTTP2_REQUESTS + 1), &limits));
    }

    #[test]
    fn flood_is_what_no_request_explains() {
        let (start, limits) = (Instant::now(), limits());
        let grown = |peer: &str, bytes, active, is_http2| {
            let mut record = record(peer, start);
            record.update(Progress { received: bytes, ..Progress::default() });
            record.is_overdue(start, Some(Requests { active, ended: start, is_http2 }), &limits);
            record
        };
        let records = HashMap::from([
            (1, grown("192.0.2.1:1", FLOOD_BYTES + 1, 1, true)),
            (2, grown("192.0.2.1:2", FLOOD_BYTES, 1, true)),
            (3, grown("192.0.2.1:3", FLOOD_BYTES + 1, 1, false)),
            (4, grown("10.0.0.1:1", FLOOD_BYTES + 1, 1, true)),
        ]);
        assert_eq!(flood(&records, &limits), [1], "an upload and a proxy are none");
    }

    #[test]
    fn surplus_is_idle_and_oldest_first() {
        let (start, limits) = (Instant::now(), limits());
        let mut records: HashMap<u64, Record> = (0..6)
            .map(|n| {
                let mut record = record(&format!("192.0.2.{n}:1"), start + SECOND * u32::try_from(n).unwrap());
                record.is_active = n == 0;
                record.socket.cookie = n;
                (n, record)
            })
            .collect();
        let mut closed = surplus(&records, &limits);
        closed.sort_unstable();
        assert_eq!(closed, [1, 2], "0 is active");
        records.retain(|cookie, _| *cookie < 4);
        assert_eq!(surplus(&records, &limits), [0; 0]);
    }

    #[test]
    fn surplus_of_one_address_is_its_own_and_proxies_are_not_counted() {
        let (start, limits) = (Instant::now(), limits());
        let peers = ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1"];
        let numbered = |peers: &[&str]| -> HashMap<u64, Record> {
            peers
                .iter()
                .zip(0..)
                .map(|(peer, n)| (n, record(peer, start + SECOND * u32::try_from(n).unwrap())))
                .collect()
        };
        assert_eq!(surplus(&numbered(&peers), &limits), [0]);
        assert_eq!(surplus(&numbered(&["[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1"]), &limits), [0]);
        assert_eq!(
            surplus(&numbered(&["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3", "[::ffff:10.0.0.1]:4"]), &limits),
            [0; 0]
        );
    }

    #[test]
    fn clients_on_the_same_machine_are_counted_only_by_a_limit_that_is_set() {
        let start = Instant::now();
        let records = || (0..3).map(|n| (n, record("127.0.0.1:1", start))).collect();
        assert_eq!(surplus(&records(), &limits()).len(), 1);
        assert_eq!(surplus(&records(), &Limits { per_address: None, ..limits() }), [0; 0]);
    }
}
