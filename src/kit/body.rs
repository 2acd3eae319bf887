//! Request bodies that must keep arriving.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rocket::request::Request;
use rocket::tokio::io::{AsyncRead, ReadBuf};
use rocket::tokio::time::{Instant, Sleep, sleep};

use crate::kit::error::Error;

/// Number of bytes that count as progress. A client that sends one byte now and then makes none.
const PROGRESS: usize = 1024;

/// Time in which a body must make progress; managed state.
pub struct BodyTimeout(pub Duration);

/// Returns the time in which this request's body must make progress.
pub fn timeout(request: &Request<'_>) -> Duration {
    request.rocket().state::<BodyTimeout>().map_or(Duration::from_secs(30), |timeout| timeout.0)
}

/// Converts an error of reading a body.
pub fn error(error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::TimedOut { Error::Timeout } else { Error::BadRequest }
}

/// Reader that fails with [`io::ErrorKind::TimedOut`] when the inner one makes no progress in time. A slow connection may
/// take as long as it needs.
pub struct ProgressReader<R> {
    inner: R,
    timeout: Duration,
    deadline: Pin<Box<Sleep>>,
    received: usize,
}

impl<R> ProgressReader<R> {
    /// Wraps `inner`; the first period begins now.
    pub fn new(inner: R, timeout: Duration) -> Self {
        Self { inner, timeout, deadline: Box::pin(sleep(timeout)), received: 0 }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for ProgressReader<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut self.inner).poll_read(cx, buffer) {
            self.received += buffer.filled().len() - before;
            if self.received >= PROGRESS {
                self.received = 0;
                let deadline = Instant::now() + self.timeout;
                self.deadline.as_mut().reset(deadline);
            }
            return Poll::Ready(result);
        }
        ready!(self.deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use rocket::tokio;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn body_that_moves_slowly_is_read_to_its_end() {
        let (mut sender, receiver) = tokio::io::duplex(64);
        tokio::spawn(async move {
            for _ in 0..8 {
                sender.write_all(&[b'x'; PROGRESS]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let mut body = Vec::new();
        let mut reader = ProgressReader::new(receiver, Duration::from_secs(10));
        reader.read_to_end(&mut body).await.unwrap();
        assert_eq!(body.len(), 8 * PROGRESS);
    }

    #[tokio::test]
    async fn body_that_trickles_times_out() {
        let (mut sender, receiver) = tokio::io::duplex(64);
        let trickle = tokio::spawn(async move {
            while sender.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let mut body = Vec::new();
        let mut reader = ProgressReader::new(receiver, Duration::from_millis(200));
        let error = reader.read_to_end(&mut body).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(!body.is_empty());
        drop(reader);
        trickle.await.unwrap();
    }
}
