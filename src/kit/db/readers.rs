//! The readers of an SQLite file: a few threads with a connection each, and one queue before them.
//! Reading a file is work for the processor, so more than two for each core gain nothing. The runtime's own
//! pool of blocking threads starts another whenever none is idle at the moment; dozens of them, each with
//! memory of its own, did the work of four.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use diesel::{ConnectionError, ConnectionResult};
use tokio::sync::oneshot;

use super::connection::{Conn, STATEMENTS, Target};
use super::file::OpenFile;
use crate::kit::error::Error;

/// Takes a connection, or why there is none, and gives it back unless it is lost.
type Job = Box<dyn FnOnce(ConnectionResult<Conn>) -> Option<Conn> + Send>;

/// The way to the readers' threads, which start with the first read and end with the last handle.
pub(super) struct Readers {
    target: Target,
    file: Option<Arc<OpenFile>>,
    threads: u32,
    queue: OnceLock<Arc<Queue>>,
}

/// The jobs that wait. The readers of a channel look around for a while before they sleep, which costs a twentieth of
/// the posts.
#[derive(Default)]
struct Queue {
    jobs: Mutex<Jobs>,
    added: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    is_closed: bool,
}

impl Queue {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether somebody will do the job.
    fn push(&self, job: Job) -> bool {
        let mut jobs = self.jobs();
        if jobs.is_closed {
            return false;
        }
        jobs.waiting.push_back(job);
        drop(jobs);
        self.added.notify_one();
        true
    }

    /// Waits for the next job; none when no more will come.
    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs();
        loop {
            match jobs.waiting.pop_front() {
                None if !jobs.is_closed => jobs = self.added.wait(jobs).unwrap_or_else(PoisonError::into_inner),
                job => return job,
            }
        }
    }

    fn close(&self) {
        self.jobs().is_closed = true;
        self.added.notify_all();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.get() {
            queue.close();
        }
    }
}

impl Readers {
    /// As many threads as are [`useful`].
    pub(super) fn new(target: Target, file: Option<Arc<OpenFile>>, most: u32) -> Self {
        Self { target, file, threads: useful(most), queue: OnceLock::new() }
    }

    /// Hands `work` to the next reader who is free, and waits for its result.
    pub(super) async fn read<T, F>(&self, statements: Arc<AtomicU32>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let job: Job = Box::new(move |opened| {
            // Nobody waits for it any more: the client has gone.
            if sender.is_closed() {
                return opened.ok();
            }
            let (result, conn) = match opened {
                Ok(conn) => perform(conn, &statements, work),
                Err(error) => (Err(Error::Unavailable(format!("no database connection: {error}"))), None),
            };
            let _ = sender.send(result);
            conn
        });
        let gone = || Error::Unavailable("the readers' threads have ended".into());
        if !self.queue().push(job) {
            return Err(gone());
        }
        answer.await.map_err(|_| gone())?
    }

    fn queue(&self) -> &Queue {
        self.queue.get_or_init(|| {
            let queue = Arc::new(Queue::default());
            let mut has_readers = false;
            for _ in 0..self.threads {
                let (target, file, jobs) = (self.target.clone(), self.file.clone(), Arc::clone(&queue));
                let started = std::thread::Builder::new().name("sqlite-reader".into()).spawn(move || {
                    serve(&target, file.as_deref(), &jobs);
                });
                match started {
                    Ok(_) => has_readers = true,
                    Err(error) => log::error!("a reader's thread cannot start: {error}"),
                }
            }
            if !has_readers {
                queue.close();
            }
            queue
        })
    }
}

/// At most `most`, and at most two for each core.
pub(super) fn useful(most: u32) -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    most.min(u32::try_from(cores * 2).unwrap_or(u32::MAX)).max(1)
}

fn serve(target: &Target, file: Option<&OpenFile>, jobs: &Queue) {
    let open = || {
        // Where the file was deleted, another one would be made.
        file.map_or(Ok(()), OpenFile::check).map_err(ConnectionError::BadConnection)?;
        target.connect()
    };
    let mut kept = None;
    while let Some(job) = jobs.next() {
        kept = job(kept.map_or_else(open, Ok));
    }
}

/// The result, and the connection if it may be used again.
fn perform<T>(
    mut conn: Conn,
    statements: &AtomicU32,
    work: impl FnOnce(&mut Conn) -> Result<T, Error>,
) -> (Result<T, Error>, Option<Conn>) {
    let before = STATEMENTS.get();
    // The thread must outlive whatever it is given to do.
    let result = catch_unwind(AssertUnwindSafe(|| work(&mut conn)));
    statements.fetch_add(STATEMENTS.get().wrapping_sub(before), Ordering::Relaxed);
    match result {
        Ok(result) => {
            let is_lost = matches!(result, Err(Error::Unavailable(_)));
            (result, (!is_lost).then_some(conn))
        }
        Err(_) => (Err(Error::Internal("a read panicked; the lines above say where".into())), None),
    }
}
