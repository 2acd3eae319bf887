//! The pool of connections to a PostgreSQL server. It repeats what failed through no fault of the request: after a lost
//! connection, a deadlock or a serialization failure.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use tokio::sync::Semaphore;

use super::connection::{Conn, STATEMENTS, Target, begin_writing, commit, roll_back};
use crate::kit::error::Error;
use crate::kit::random;

/// Age at which a connection is replaced: the server frees its memory, and a new address of the server is found.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// Pause after a failed attempt to connect. Requests fail at once until it is over; then one of them tries again.
const PAUSE: Duration = Duration::from_millis(500);

/// Time after which another request tries, should the one that is connecting not return.
const CONNECTING: Duration = Duration::from_secs(15);

/// Number of times that work is repeated after a deadlock or a serialization failure.
const REPEATS: u32 = 5;

/// Connections, opened when they are needed.
pub(super) struct Pool {
    connections: Arc<Connections>,
    /// One permit per connection: waiting for one holds no thread.
    permits: Semaphore,
}

impl Pool {
    /// Holds at most `size` connections.
    pub(super) fn new(target: Target, size: u32) -> Self {
        let (losses, idle, down) = (AtomicU32::new(0), Mutex::default(), Mutex::default());
        let connections = Arc::new(Connections { target, losses, idle, down });
        Self { connections, permits: Semaphore::new(size as usize) }
    }

    /// Whether the last attempt to connect failed.
    pub(super) fn is_down(&self) -> bool {
        lock(&self.connections.down).is_some()
    }

    /// Runs `work`, which changes nothing: after a lost connection it runs again on a new one.
    pub(super) async fn read<T, F>(&self, statements: Arc<AtomicU32>, mut work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        self.run(statements, move |conn| work(conn).map_err(Failure::without_effect)).await
    }

    /// Runs `work` in a transaction.
    pub(super) async fn write<T, F>(&self, statements: Arc<AtomicU32>, mut work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        self.run(statements, move |conn| transaction(conn, &mut work)).await
    }

    /// Runs `work`, a single statement, which is a transaction by itself.
    pub(super) async fn write_statement<T, F>(&self, statements: Arc<AtomicU32>, mut work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        self.run(statements, move |conn| work(conn).map_err(Failure::at_commit)).await
    }

    /// Runs `work` on a thread that may block.
    async fn run<T, F>(&self, statements: Arc<AtomicU32>, mut work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T, Failure> + Send + 'static,
    {
        let closing = |_| Error::Unavailable("the server is stopping".into());
        let _permit = self.permits.acquire().await.map_err(closing)?;
        let connections = Arc::clone(&self.connections);
        let done = tokio::task::spawn_blocking(move || {
            let before = STATEMENTS.get();
            let result = run_with_repeats(&connections, &mut work);
            statements.fetch_add(STATEMENTS.get().wrapping_sub(before), Ordering::Relaxed);
            result
        });
        done.await.unwrap_or_else(|failure| Err(Error::Internal(format!("database work stopped: {failure}"))))
    }
}

/// Runs `work` until it succeeds, fails by itself, or was repeated often enough.
fn run_with_repeats<T>(
    connections: &Connections,
    work: &mut impl FnMut(&mut Conn) -> Result<T, Failure>,
) -> Result<T, Error> {
    let (mut conflicts, mut losses) = (0, 0);
    loop {
        let mut pooled = connections.get()?;
        let Failure { error, had_no_effect } = match work(&mut pooled.conn) {
            Ok(value) => {
                connections.give_back(pooled);
                return Ok(value);
            }
            Err(failure) => failure,
        };
        let is_lost = matches!(error, Error::Unavailable(_));
        if is_lost {
            connections.discard(pooled);
        } else {
            connections.give_back(pooled);
        }
        if error.is_conflict() && conflicts < REPEATS {
            conflicts += 1;
            std::thread::sleep(pause_before(conflicts));
        } else if is_lost && had_no_effect && losses == 0 {
            losses += 1;
        } else {
            return Err(error);
        }
    }
}

/// Longer each time, and random: two that met once must not meet again.
fn pause_before(repeat: u32) -> Duration {
    Duration::from_millis(u64::from(repeat) * 10 + u64::from(random::bytes::<1>()[0]) / 8)
}

/// Why work failed, and whether it is certain that nothing of it was committed.
struct Failure {
    error: Error,
    had_no_effect: bool,
}

impl Failure {
    fn without_effect(error: Error) -> Self {
        Self { error, had_no_effect: true }
    }

    /// If the connection was lost at this moment, nobody knows whether the change was committed.
    fn at_commit(error: Error) -> Self {
        Self { error, had_no_effect: false }
    }
}

fn transaction<T>(conn: &mut Conn, work: &mut impl FnMut(&mut Conn) -> Result<T, Error>) -> Result<T, Failure> {
    begin_writing(conn).map_err(|error| Failure::without_effect(error.into()))?;
    match work(conn) {
        Ok(value) => commit(conn).map(|()| value).map_err(|error| Failure::at_commit(error.into())),
        Err(error) => {
            // A connection that cannot roll back is closed, which undoes the work as well.
            _ = roll_back(conn);
            Err(Failure::without_effect(error))
        }
    }
}

/// The connections that nobody uses, and what is known about the server.
struct Connections {
    target: Target,
    idle: Mutex<Vec<Pooled>>,
    /// Number of lost connections. One that is older than the last loss is not used again: after a restart of the
    /// database, one request finds out instead of one for each connection.
    losses: AtomicU32,
    down: Mutex<Option<Down>>,
}

struct Pooled {
    conn: Conn,
    losses_before: u32,
    opened: Instant,
}

/// The database could not be reached lately.
struct Down {
    until: Instant,
    reason: String,
}

impl Connections {
    fn get(&self) -> Result<Pooled, Error> {
        let losses = self.losses.load(Ordering::Relaxed);
        loop {
            // The lock must not be held while a connection is opened.
            let next = lock(&self.idle).pop();
            match next {
                Some(pooled) if pooled.losses_before == losses && pooled.opened.elapsed() < MAX_AGE => {
                    return Ok(pooled);
                }
                Some(_) => {}
                None => return self.open(),
            }
        }
    }

    /// Opens a connection. While the database is known to be down, one request tries and all others fail at once.
    fn open(&self) -> Result<Pooled, Error> {
        if let Some(down) = &mut *lock(&self.down) {
            let now = Instant::now();
            if now < down.until {
                return Err(unreachable(&down.reason));
            }
            down.until = now + CONNECTING;
        }
        let losses_before = self.losses.load(Ordering::Relaxed);
        let connected = self.target.connect().map_err(|error| error.to_string());
        let now = Instant::now();
        *lock(&self.down) =
            connected.as_ref().err().map(|reason| Down { until: now + PAUSE, reason: reason.to_owned() });
        let conn = connected.map_err(|reason| unreachable(&reason))?;
        Ok(Pooled { conn, losses_before, opened: now })
    }

    fn give_back(&self, mut pooled: Pooled) {
        let is_broken = match &mut pooled.conn {
            Conn::Sqlite(conn) => AnsiTransactionManager::is_broken_transaction_manager(conn),
            Conn::Postgres(conn) => AnsiTransactionManager::is_broken_transaction_manager(conn),
        };
        if is_broken {
            return self.discard(pooled);
        }
        let mut idle = lock(&self.idle);
        idle.retain(|pooled| pooled.opened.elapsed() < MAX_AGE);
        idle.push(pooled);
    }

    fn discard(&self, lost: Pooled) {
        // Of many that were lost together, only the first counts: those that were opened since are good.
        _ = self.losses.compare_exchange(
            lost.losses_before,
            lost.losses_before.wrapping_add(1),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }
}

fn unreachable(reason: &str) -> Error {
    Error::Unavailable(format!("no database connection: {reason}"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
