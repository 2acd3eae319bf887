//! What the program asks of the operating system beside files and sockets: more descriptors, a
//! longer queue of connections, a word to the service manager, and what it uses up.
//!
//! All of it is for Linux; elsewhere the server runs with what it is given.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, listen, recv, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use sd_notify::NotifyState;

/// Creates files and folders for their owner alone from now on, at no moment readable for others.
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Raises the number of files and connections that this process may have open to the most that it
/// may ask for: each listener of a room is one, and the usual 1,024 are soon used up.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => log::debug!("{:?} files and connections may be open", limit.maximum),
        Err(error) => log::warn!("no more than {:?} files and connections may be open: {error}", limit.current),
    }
}

/// Gives the system back soon what is no longer used. The allocator would keep it for a second, and longer where little
/// happens: after fifty log-ins or pictures the server would stay half as large again. At once would cost a fifth of the
/// pages: all cores are stopped each time.
///
/// `MIMALLOC_PURGE_DELAY` in the environment has the last word, as for the allocator itself.
pub fn give_memory_back() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
        // SAFETY: the allocator's switches are plain numbers; nobody else throws one.
        #[allow(unsafe_code, reason = "the allocator is a library in C")]
        unsafe {
            libmimalloc_sys::mi_option_set(PURGE_DELAY, 10);
        }
    }
}

/// Gives the system back what all threads freed, and what this one allocated and others freed. The allocator would keep it
/// until somebody allocates again.
pub fn collect_memory() {
    // SAFETY: it touches the allocator's own data of this thread.
    #[allow(unsafe_code, reason = "the allocator is a library in C")]
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}

/// `mi_option_purge_delay`, in milliseconds. The bindings leave it out, but have the one after it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = libmimalloc_sys::mi_option_use_numa_nodes - 1;

/// Returns how many files and connections may be open; none where there is no limit.
pub fn descriptor_limit() -> Option<usize> {
    getrlimit(Resource::Nofile).current.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// As many connections may wait to be accepted; the system caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 8192;

/// Sets what Rocket leaves at the system's default on the socket that listens on `port`, and does not hand out:
///
/// - a longer queue. It has 128 places; a thousand browsers that come back at once would wait a second and more, until
///   their systems ask again. A second `listen` on the same socket changes nothing but the queue.
/// - how much of a response the kernel takes before the client has room for it. Connections inherit it; what is on its way
///   does not count, so that no download is slower.
pub fn prepare_listener(port: u16) {
    for socket in sockets(port).filter(|socket| sockopt::socket_acceptconn(socket) == Ok(true)) {
        if let Err(error) = listen(socket, BACKLOG) {
            log::warn!("the queue of waiting connections stays short: {error}");
        }
        if let Err(error) = socket2::SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT) {
            log::warn!("responses that are not taken use more memory: {error}");
        }
    }
}

/// Number of bytes of a response that may wait in the kernel for a client to take them.
const UNSENT: u32 = 128 * 1024;

/// Returns how far the bytes of a TCP connection have come.
pub fn tcp_progress(socket: BorrowedFd<'_>) -> Option<Progress> {
    /// Where the kernel's `tcp_info` has them; nothing in it ever moves.
    const UNACKNOWLEDGED: usize = 24;
    const ACKNOWLEDGED: usize = 120;
    const RECEIVED: usize = 128;
    const UNSENT: usize = 144;
    let mut info = [0_u8; 256];
    let mut length = 256;
    // SAFETY: the kernel writes at most `length` bytes, which are there.
    #[allow(unsafe_code, reason = "no crate that is here offers this call")]
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if failed != 0 || length < 148 {
        return None;
    }
    let word = |at: usize| info.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let long = |at: usize| info.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes);
    Some(Progress {
        received: long(RECEIVED)?,
        acknowledged: long(ACKNOWLEDGED)?,
        unsent: word(UNSENT)?,
        in_flight: word(UNACKNOWLEDGED)? > 0,
    })
}

/// Byte counts of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Number of bytes received since the connection was opened.
    pub received: u64,
    /// Number of bytes that the client acknowledged since then.
    pub acknowledged: u64,
    /// Number of bytes that wait in the kernel because the client takes no more of them.
    pub unsent: u32,
    /// Whether bytes are under way that the client has not acknowledged.
    pub in_flight: bool,
}

/// Takes no further connections: whoever comes now is refused at once, and can ask elsewhere or again. Rocket
/// stops accepting, but keeps its socket until the process ends; who came in between would wait, and
/// then be cut off.
pub fn stop_listening() {
    for socket in descriptors().into_iter().map(borrowed) {
        if sockopt::socket_acceptconn(socket) == Ok(true)
            && let Err(error) = rustix::net::shutdown(socket, rustix::net::Shutdown::Read)
        {
            log::warn!("a socket listens on: {error}");
        }
    }
}

/// How many connections to `port` are open, those that are being finished included.
pub fn connections(port: u16) -> usize {
    sockets(port).filter(|socket| rustix::net::getpeername(socket).is_ok()).count()
}

/// Tells whether the other end of one of our connections is still there: it has neither closed its side nor reset the
/// connection. True where the system does not list descriptors.
pub fn is_connected(peer: SocketAddr) -> bool {
    let descriptors = descriptors();
    let mut sockets = descriptors.iter().copied().map(borrowed).filter(|socket| {
        let other = rustix::net::getpeername(socket).ok().flatten();
        other.and_then(|address| SocketAddr::try_from(address).ok()) == Some(peer)
    });
    // What waits to be read stays there for whoever reads it.
    let is_open = |socket| match recv(socket, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, length)) => length > 0,
        Err(error) => error == Errno::AGAIN,
    };
    descriptors.is_empty() || sockets.any(is_open)
}

/// Our own sockets on `port`, the listening one among them.
fn sockets(port: u16) -> impl Iterator<Item = BorrowedFd<'static>> {
    let ours = move |socket: &BorrowedFd<'_>| {
        let address = rustix::net::getsockname(socket).ok().and_then(|address| SocketAddr::try_from(address).ok());
        address.is_some_and(|address| address.port() == port)
    };
    descriptors().into_iter().map(borrowed).filter(ours)
}

/// Borrows one of the process's descriptors by its number.
pub(super) fn borrowed(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the number was just read from the list of our open descriptors. Should another thread close
    // it meanwhile, the calls on it fail or meet another descriptor, which they leave as it is unless it
    // is a socket that listens, or one on our port. Nothing is closed here. `connections::sockets` checks the socket's
    // cookie on a duplicate before it shuts one down.
    #[allow(unsafe_code, reason = "a descriptor's number is all that there is; see above")]
    unsafe {
        BorrowedFd::borrow_raw(fd)
    }
}

/// The numbers of our open descriptors; none where the system does not list them.
fn descriptors() -> Vec<RawFd> {
    let listed = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Tells the service manager that we serve; nothing happens without one.
pub fn tell_ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// Tells the service manager that we are about to end.
pub fn tell_stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is under way")]);
}

/// Shows the service manager that we live, for as long as the runtime gets round to it. Returns at
/// once when nobody watches.
pub async fn feed_watchdog() {
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    let mut beat = tokio::time::interval((patience / 2).max(Duration::from_millis(100)));
    loop {
        beat.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        log::warn!("the service manager could not be told: {error}");
    }
}

/// What this process uses just now.
#[derive(Debug, Default)]
pub struct Usage {
    /// Memory that is really there, in bytes.
    pub resident_bytes: u64,
    /// Open files and connections.
    pub open_descriptors: u64,
    /// So many may be open; none when there is no limit.
    pub max_descriptors: Option<u64>,
    /// Seconds of all processors since the start.
    pub cpu_seconds: f64,
}

/// Returns how much memory of this process is really there, in bytes; 0 where the system does not tell.
pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string(PathBuf::from("/proc/self/status")).unwrap_or_default();
    let resident_kb =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    resident_kb.unwrap_or(0_u64) * 1024
}

/// Returns the processor time that this thread has used since it began.
pub fn thread_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(used.tv_sec).unwrap_or(0), u32::try_from(used.tv_nsec).unwrap_or(0))
}

/// Returns the time since the system started, with the time that it slept. Nobody can set this clock.
pub fn time_since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Asks the system what this process uses. What it does not tell is 0.
pub fn usage() -> Usage {
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    Usage {
        resident_bytes: resident_bytes(),
        open_descriptors: descriptors().len() as u64,
        max_descriptors: getrlimit(Resource::Nofile).current,
        #[allow(clippy::cast_precision_loss, reason = "seconds of work are no numbers near 2^52")]
        cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_raised_to_the_hard_limit() {
        let before = getrlimit(Resource::Nofile);
        let low = before.maximum.map_or(256, |most| most.min(256));
        setrlimit(Resource::Nofile, Rlimit { current: Some(low), maximum: before.maximum }).unwrap();
        raise_descriptor_limit();
        assert_eq!(getrlimit(Resource::Nofile).current, before.maximum);
    }

    #[test]
    fn connection_inherits_the_send_limit_of_its_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        prepare_listener(port);
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert_eq!(socket2::SockRef::from(&server).tcp_notsent_lowat().unwrap(), UNSENT);
        assert_ne!(socket2::SockRef::from(&client).tcp_notsent_lowat().unwrap(), UNSENT);
    }

    #[test]
    fn the_allocators_switch_is_the_one_that_is_meant() {
        #[allow(unsafe_code, reason = "the allocator is a library in C")]
        // SAFETY: reads a number.
        let delay = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(delay(), 1000, "the allocator's default; another number means that its switches moved");
        give_memory_back();
        assert_eq!(delay(), 10);
    }

    /// The queue's length, as the system tells it.
    fn backlog(port: u16) -> Option<u32> {
        let wanted = format!(":{port:04X}");
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        table.lines().find(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&wanted)))?;
        let out = std::process::Command::new("ss").args(["-ltnH", &format!("sport = :{port}")]).output().ok()?;
        String::from_utf8_lossy(&out.stdout).split_whitespace().nth(2)?.parse().ok()
    }

    #[test]
    fn the_queue_of_a_listening_socket_grows() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let before = backlog(port);
        prepare_listener(port);
        // The system's own cap may be as low as the standard library's 128.
        let cap: u32 = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
        if let (Some(before), Some(after)) = (before, backlog(port)) {
            assert_eq!((before, after), (before, cap.min(8192)));
        }
        assert_eq!(connections(port), 0);
        let near = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (far, _) = listener.accept().unwrap();
        assert_eq!(connections(port), 1, "the near end has a port of its own");
        drop((near, far));
        assert_eq!(connections(port), 0);
        assert!(usage().open_descriptors > 0 && usage().resident_bytes > 0 && usage().cpu_seconds > 0.0);
    }
}
