//! The sockets of the server's port, found among the process's descriptors. Linux only.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{OwnedFd, RawFd};
use std::time::Duration;

use rustix::fs::{Dir, Mode, OFlags, open};
use rustix::io::dup2;
use rustix::net::sockopt::{set_socket_linger, socket_acceptconn, socket_cookie};
use rustix::net::{Shutdown, getpeername, getsockname, shutdown};

use crate::kit::system::{Progress, borrowed, tcp_progress};

/// A connection's socket. The kernel never gives a cookie twice, while a descriptor's number is soon used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    fd: RawFd,
    /// Identifies the socket.
    pub cookie: u64,
}

impl Socket {
    /// Returns how far its bytes have come; none when it is closed.
    pub fn progress(self) -> Option<Progress> {
        let fd = borrowed(self.fd);
        let progress = tcp_progress(fd)?;
        // Another socket may have got the number in between.
        (socket_cookie(fd) == Ok(self.cookie)).then_some(progress)
    }
}

/// Lists and closes the connections to one port. It holds every descriptor that it needs, so that it works when the process
/// has used up all others.
pub struct Sockets {
    port: u16,
    listing: Dir,
    null: OwnedFd,
    /// The duplicate through which a socket is shut down.
    handle: OwnedFd,
    /// Cookies of sockets that are no connections to the port.
    foreign: HashSet<u64>,
}

impl Sockets {
    /// Prepares the listing of connections to `port`.
    ///
    /// # Errors
    /// The system does not list a process's descriptors.
    pub fn of_port(port: u16) -> io::Result<Self> {
        let listing = open("/proc/self/fd", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let null = || open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        Ok(Self { port, listing: Dir::new(listing)?, null: null()?, handle: null()?, foreign: HashSet::new() })
    }

    /// Returns all open connections; for those that `is_known` does not know, with the client's address.
    pub fn list(&mut self, is_known: impl Fn(u64) -> bool) -> Vec<(Socket, Option<SocketAddr>)> {
        let mut found = Vec::new();
        let mut foreign = HashSet::new();
        self.listing.rewind();
        while let Some(Ok(entry)) = self.listing.read() {
            let Some(fd) = entry.file_name().to_str().ok().and_then(|name| name.parse::<RawFd>().ok()) else {
                continue;
            };
            let Ok(cookie) = socket_cookie(borrowed(fd)) else { continue };
            if is_known(cookie) {
                found.push((Socket { fd, cookie }, None));
            } else if self.foreign.contains(&cookie) {
                foreign.insert(cookie);
            } else if let Some(peer) = self.client_of(fd) {
                found.push((Socket { fd, cookie }, Some(peer)));
            } else {
                foreign.insert(cookie);
            }
        }
        self.foreign = foreign;
        found
    }

    /// Returns the client's address if the descriptor is a connection to the port.
    fn client_of(&self, fd: RawFd) -> Option<SocketAddr> {
        let socket = borrowed(fd);
        let local = SocketAddr::try_from(getsockname(socket).ok()?).ok()?;
        if local.port() != self.port || socket_acceptconn(socket) != Ok(false) {
            return None;
        }
        SocketAddr::try_from(getpeername(socket).ok()??).ok()
    }

    /// Ends a connection; the server's own task then closes the descriptor. The duplicate keeps the number from being reused
    /// between the check and the shutdown. With `drop_unsent` the kernel forgets what waits to be sent, which it would
    /// otherwise go on offering to the client.
    pub fn close(&mut self, socket: Socket, drop_unsent: bool) {
        let handle = &mut self.handle;
        if dup2(borrowed(socket.fd), handle).is_ok() && socket_cookie(&*handle) == Ok(socket.cookie) {
            if drop_unsent && let Err(error) = set_socket_linger(&*handle, Some(Duration::ZERO)) {
                log::warn!("the response of a closed connection is kept: {error}");
            }
            // It may have been closed by the client at this moment.
            let _ = shutdown(&*handle, Shutdown::Both);
        }
        // The duplicate would keep the connection open.
        if let Err(error) = dup2(&self.null, &mut self.handle) {
            log::warn!("a closed connection is kept: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair() -> (TcpListener, TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        (listener, client, server)
    }

    #[test]
    fn connection_is_listed_once_with_its_client_and_closed() {
        let (listener, mut client, mut server) = pair();
        let mut sockets = Sockets::of_port(listener.local_addr().unwrap().port()).unwrap();
        let found = sockets.list(|_| false);
        let [(socket, Some(peer))] = found[..] else { panic!("{found:?}") };
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(sockets.list(|cookie| cookie == socket.cookie), [(socket, None)]);
        client.write_all(b"four").unwrap();
        server.read_exact(&mut [0; 4]).unwrap();
        assert_eq!(socket.progress().unwrap().received, 4);
        sockets.close(socket, false);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop((client, server));
        assert_eq!(sockets.list(|_| false), []);
        assert_eq!(socket.progress(), None);
    }

    #[test]
    fn reused_descriptor_number_is_not_closed() {
        let (listener, mut client, mut server) = pair();
        let mut sockets = Sockets::of_port(listener.local_addr().unwrap().port()).unwrap();
        let (socket, _) = sockets.list(|_| false)[0];
        sockets.close(Socket { cookie: socket.cookie + 1, ..socket }, false);
        assert_eq!(Socket { cookie: socket.cookie + 1, ..socket }.progress(), None);
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0]).unwrap();
    }

    #[test]
    fn bytes_that_the_client_does_not_take_are_unsent() {
        let (listener, client, mut server) = pair();
        let mut sockets = Sockets::of_port(listener.local_addr().unwrap().port()).unwrap();
        let (socket, _) = sockets.list(|_| false)[0];
        assert_eq!(socket.progress().unwrap().unsent, 0);
        server.set_nonblocking(true).unwrap();
        while server.write(&[0; 65536]).is_ok() {}
        let progress = socket.progress().unwrap();
        assert!(progress.unsent > 0, "{progress:?}");
        drop(client);
    }
}
