//! The pool of connections to a PostgreSQL server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::r2d2::{self, ManageConnection, R2D2Connection};
use diesel::result::Error as DieselError;
use tokio::sync::Semaphore;

use super::connection::{Conn, STATEMENTS, Target};
use crate::kit::error::Error;

/// Connections, opened when they are needed.
pub(super) struct Pool {
    connections: r2d2::Pool<Manager>,
    /// As many permits as connections: who waits, waits here, without holding a thread.
    permits: Semaphore,
}

impl Pool {
    /// Of at most `size` connections.
    pub(super) fn new(target: Target, size: u32) -> Self {
        let connections = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .connection_timeout(Duration::from_secs(5))
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(Manager { target, losses: Arc::default() });
        Self { connections, permits: Semaphore::new(size as usize) }
    }

    /// Runs `work` on a thread that may block.
    pub(super) async fn run<T, F>(&self, statements: Arc<AtomicU32>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        let _permit = self.permits.acquire().await.map_err(|_| closing())?;
        let connections = self.connections.clone();
        blocking(move || with_connection(&connections, &statements, work)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failure) => Err(Error::Internal(format!("database work stopped: {failure}"))),
    }
}

fn closing() -> Error {
    Error::Unavailable("the server is stopping".into())
}

fn with_connection<T>(
    pool: &r2d2::Pool<Manager>,
    statements: &AtomicU32,
    work: impl FnOnce(&mut Conn) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut pooled = pool.get().map_err(|e| Error::Unavailable(format!("no database connection: {e}")))?;
    let before = STATEMENTS.get();
    let result = work(&mut pooled.conn);
    statements.fetch_add(STATEMENTS.get().wrapping_sub(before), Ordering::Relaxed);
    // Opening another one is cheap; working on with a lost one is not.
    if let Err(Error::Unavailable(_) | Error::Db(DieselError::BrokenTransactionManager)) = &result {
        pooled.broken = true;
        pooled.losses.fetch_add(1, Ordering::Relaxed);
    }
    result
}

/// Opens connections for the pool, each as [`Target::connect`] does.
struct Manager {
    target: Target,
    /// How often a connection was lost. One that is older than the last loss is not used again: when
    /// the database was restarted, one request finds out and not one for each connection.
    losses: Arc<AtomicU32>,
}

/// A connection that remembers whether it is still good.
struct Pooled {
    conn: Conn,
    broken: bool,
    losses: Arc<AtomicU32>,
    losses_before: u32,
}

impl ManageConnection for Manager {
    type Connection = Pooled;
    type Error = r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let losses_before = self.losses.load(Ordering::Relaxed);
        let conn = self.target.connect().map_err(r2d2::Error::ConnectionError)?;
        Ok(Pooled { conn, broken: false, losses: Arc::clone(&self.losses), losses_before })
    }

    /// Asked before each use; costs no way to the database.
    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        if pooled.losses_before == self.losses.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(r2d2::Error::QueryError(DieselError::BrokenTransactionManager))
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        let lost = match &mut pooled.conn {
            Conn::Sqlite(c) => c.is_broken(),
            Conn::Postgres(c) => c.is_broken(),
        };
        lost || pooled.broken || std::thread::panicking()
    }
}
