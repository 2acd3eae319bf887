//! Just enough HTTP/1.1: a request goes out, the head of its answer is read, and for short answers
//! all of it. Each request has its own connection, as nothing here is about keeping them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::sse::Chunks;

/// So long may a connection, or an answer's head, take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug)]
pub enum Failed {
    /// Nobody listens.
    Refused,
    /// The connection stood in the queue of a server that stopped before it took it.
    NotTaken,
    /// Anything else, in words.
    Other(String),
}

impl Failed {
    /// As reports name it.
    pub fn name(&self) -> String {
        match self {
            Self::Refused => "refused".into(),
            Self::NotTaken => "not taken".into(),
            Self::Other(words) => words.clone(),
        }
    }
}

/// The first part of an answer.
#[derive(Debug, Default)]
pub struct Head {
    pub status: u16,
    headers: Vec<(String, String)>,
}

impl Head {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Some(Self { status, headers })
    }

    /// The values of a header; the name in small letters.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a header; the name in small letters.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn is_chunked(&self) -> bool {
        self.get("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub head: Head,
    pub body: String,
}

/// Sends a request, headers ending in an empty line and all, and reads the head of the answer; what
/// came behind it in the same read comes along.
///
/// # Errors
/// [`Failed`].
pub async fn open(address: SocketAddr, request: &str) -> Result<(TcpStream, Head, Vec<u8>), Failed> {
    let opening = async {
        let mut stream = TcpStream::connect(address).await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Failed::Refused,
            io::ErrorKind::ConnectionReset => Failed::NotTaken,
            _ => Failed::Other(format!("connecting: {error}")),
        })?;
        stream.write_all(request.as_bytes()).await.map_err(|error| unanswered(&error))?;
        let mut read = Vec::with_capacity(2048);
        loop {
            let count = stream.read_buf(&mut read).await.map_err(|error| match read.len() {
                0 => unanswered(&error),
                _ => Failed::Other(format!("in the head of the answer: {error}")),
            })?;
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = Head::parse(&String::from_utf8_lossy(&read[..end]));
                let head = head.ok_or_else(|| Failed::Other("no HTTP".into()))?;
                return Ok((stream, head, read.split_off(end + 4)));
            }
            if count == 0 {
                return Err(Failed::Other(
                    if read.is_empty() { "closed without an answer" } else { "cut in the head" }.into(),
                ));
            }
        }
    };
    timeout(PATIENCE, opening).await.unwrap_or_else(|_| Err(Failed::Other("no answer in time".into())))
}

/// The kernel resets what a listening socket still held when it was closed.
fn unanswered(error: &io::Error) -> Failed {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Failed::NotTaken,
        _ => Failed::Other(error.to_string()),
    }
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// [`Failed`].
pub async fn ask(address: SocketAddr, request: &str) -> Result<Answer, Failed> {
    let (mut stream, head, mut wire) = open(address, request).await?;
    let reading = timeout(PATIENCE, stream.read_to_end(&mut wire)).await;
    let cut = |why: &str| Failed::Other(format!("an answer was cut: {why}"));
    reading.map_err(|_| cut("no end in time"))?.map_err(|error| cut(&error.to_string()))?;
    let mut body = Vec::new();
    if head.is_chunked() {
        let mut chunks = Chunks::default();
        chunks.feed(&wire, |data| body.extend_from_slice(data)).map_err(|error| cut(&error))?;
        if !chunks.is_over() {
            return Err(cut("the last chunk is missing"));
        }
    } else {
        let length = head.get("content-length").and_then(|length| length.parse::<usize>().ok());
        if length.is_some_and(|length| length != wire.len()) {
            return Err(cut("it is shorter than it said"));
        }
        body = wire;
    }
    Ok(Answer { head, body: String::from_utf8_lossy(&body).into_owned() })
}
