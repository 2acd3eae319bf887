//! `healthcheck`: for containers without a shell.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use rocket::http::uri::Absolute;

use super::Context;

/// Whom to ask.
#[derive(clap::Args)]
pub struct Args {
    /// The server's address; by default the one that the settings name
    #[arg(value_name = "URL")]
    url: Option<String>,
}

const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/readyz`.
///
/// # Errors
/// One line: nobody there, or not ready.
pub fn run(args: Args, context: &Context) -> Result<(), String> {
    let config = &context.loaded.config;
    let url = args.url.unwrap_or_else(|| {
        let host = match config.address {
            any if any.is_unspecified() && any.is_ipv4() => "127.0.0.1".to_owned(),
            any if any.is_unspecified() => "[::1]".to_owned(),
            address if address.is_ipv6() => format!("[{address}]"),
            address => address.to_string(),
        };
        format!("http://{host}:{}", config.port)
    });
    let status = ask(&url)?;
    if status == 200 {
        context.say("ready");
        Ok(())
    } else {
        Err(format!("{url} is not ready: it answered {status}"))
    }
}

/// The status of `/readyz` there.
fn ask(url: &str) -> Result<u16, String> {
    let parsed = Absolute::parse(url).map_err(|_| format!("{url:?} is no address: write http://host:port"))?;
    if parsed.scheme() != "http" {
        return Err(format!("{url}: healthcheck asks over plain http, on the machine itself"));
    }
    let authority = parsed.authority().ok_or_else(|| format!("{url:?} names no host"))?;
    let (host, port) = (authority.host(), authority.port().unwrap_or(80));
    let unreachable = |e: std::io::Error| format!("{url} does not answer: {e}");
    let address = (host.trim_start_matches('[').trim_end_matches(']'), port)
        .to_socket_addrs()
        .map_err(unreachable)?
        .next()
        .ok_or_else(|| format!("{host} has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(unreachable)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(unreachable)?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n").map_err(unreachable)?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).map_err(unreachable)?;
    // `HTTP/1.1 200`
    std::str::from_utf8(&head)
        .ok()
        .filter(|head| head.starts_with("HTTP/1."))
        .and_then(|head| head.get(9..12)?.parse().ok())
        .ok_or_else(|| format!("{url} does not speak HTTP"))
}
