//! A port in front of a server, which can be made to refuse, to hang and to work again.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How the port behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Passes everything on.
    Pass,
    /// Closes each connection at once, the open ones as well.
    Refuse,
    /// Accepts connections and says nothing; the open ones are closed.
    Hang,
    /// Answers each request with status 500.
    Fail,
}

/// Ends with its process.
pub struct Forwarder {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    way: Forward,
    open: Vec<TcpStream>,
}

impl Forwarder {
    /// In front of `server`, an address with a port.
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(Mutex::new(State { way: Forward::Pass, open: Vec::new() }));
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().unwrap();
                match state.way {
                    Forward::Refuse => drop(near),
                    Forward::Hang => state.open.push(near),
                    Forward::Fail => fail(near),
                    Forward::Pass => {
                        let far = TcpStream::connect(&server).expect("the server behind it answers");
                        for (from, to) in [(&near, &far), (&far, &near)] {
                            copy(from.try_clone().unwrap(), to.try_clone().unwrap());
                        }
                        state.open.extend([near, far]);
                    }
                }
            }
        });
        Self { port, state }
    }

    pub fn set(&self, way: Forward) {
        let mut state = self.state.lock().unwrap();
        state.way = way;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn fail(mut near: TcpStream) {
    std::thread::spawn(move || {
        let _ = near.read(&mut [0; 8192]);
        let _ = near.write_all(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
}
