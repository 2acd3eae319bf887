//! The way to the database and back: one connection type for SQLite and PostgreSQL, one verb to
//! read ([`Db::read`]) and one to write ([`Db::write`]).
//!
//! Django: `django.db.connection` and `transaction.atomic`, with the difference that whoever
//! writes says so first, because SQLite lets one writer in at a time.

mod connection;
mod prepared;
mod stats;
mod text;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::r2d2::{ManageConnection, Pool, R2D2Connection};
use diesel::result::Error as DieselError;
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};
use tokio::sync::Semaphore;

use crate::kit::error::Error;
use connection::STATEMENTS;
use writer::Writer;

pub use connection::{Conn, MultiBackend, Target, transaction, version};
pub use prepared::{Bind, Prepared, number_list, prepared};
pub use stats::Stats;
pub use text::{contains_pattern, fold, fold_key, fold_text, is_unseen, look, look_text};

/// The pool of connections and the rules of entry. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    target: Target,
    pool: Pool<Manager>,
    /// As many permits as connections: who waits, waits here, without holding a thread.
    permits: Arc<Semaphore>,
    /// SQLite's one writer; PostgreSQL has none, for there each writes by himself.
    writer: Option<Arc<Writer>>,
    stats: Arc<Stats>,
    /// The statements of one request, counted for the header that debug pages carry.
    statements: Arc<AtomicU32>,
}

impl Db {
    /// A pool of at most `size` connections. None is opened before it is needed. Reading an SQLite file is
    /// work for the processor, so more than two for each core would cost memory and gain nothing.
    pub fn new(target: Target, size: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let useful = u32::try_from(cores * 2).unwrap_or(u32::MAX);
        let size = if target.file().is_some() { size.min(useful) } else { size };
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .connection_timeout(Duration::from_secs(5))
            .error_handler(Box::new(diesel::r2d2::NopErrorHandler))
            .build_unchecked(Manager { target: target.clone(), losses: Arc::default() });
        let stats = Arc::new(Stats::default());
        let writer = target.file().is_some().then(|| Arc::new(Writer::new(target.clone(), Arc::clone(&stats))));
        Self {
            target,
            pool,
            permits: Arc::new(Semaphore::new(size as usize)),
            writer,
            stats,
            statements: Arc::default(),
        }
    }

    /// Where this database is.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What was asked of the database since the start.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How many statements this request has sent so far.
    pub fn statements(&self) -> u32 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Reads: one hop to a blocking thread, whatever the number of queries in `work`.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Unavailable`] when no connection can be had.
    pub async fn read<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        self.stats.read();
        self.run(work).await
    }

    /// Writes: all of `work` in one transaction, or nothing of it. The answer comes when the change
    /// is on the disk. Who waits at the same time shares the transaction (see `writer`); nothing of
    /// a failing `work` stays, and nobody else's is lost with it.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Unavailable`] when no connection can be had or nothing can be written.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(Arc::clone(&self.statements), work).await,
            None => self.written(self.run(move |conn| transaction(conn, work)).await),
        }
    }

    /// Writes with a single statement, which on PostgreSQL is a transaction by itself and spares two more.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_statement<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.write(Arc::clone(&self.statements), work).await,
            None => self.written(self.run(work).await),
        }
    }

    fn written<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.stats.wrote(1, !matches!(result, Err(Error::Unavailable(_))));
        result
    }

    async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        let _permit = self.permits.acquire().await.map_err(|_| closing())?;
        let (pool, statements) = (self.pool.clone(), Arc::clone(&self.statements));
        blocking(move || with_connection(&pool, &statements, work)).await
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
    pool: &Pool<Manager>,
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
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let losses_before = self.losses.load(Ordering::Relaxed);
        let conn = self.target.connect().map_err(diesel::r2d2::Error::ConnectionError)?;
        Ok(Pooled { conn, broken: false, losses: Arc::clone(&self.losses), losses_before })
    }

    /// Asked before each use; costs no way to the database.
    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        if pooled.losses_before == self.losses.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(diesel::r2d2::Error::QueryError(DieselError::BrokenTransactionManager))
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        let lost = match &mut pooled.conn {
            Conn::Sqlite(c) => c.is_broken(),
            Conn::Postgres(c) => c.is_broken(),
        };
        lost || pooled.broken || std::thread::panicking()
    }
}

/// Each request gets its own handle, so that its statements are counted apart.
#[rocket::async_trait]
impl<'r> FromRequest<'r> for &'r Db {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        match of(request) {
            Some(db) => Outcome::Success(db),
            None => Outcome::Error((rocket::http::Status::InternalServerError, ())),
        }
    }
}

/// This request's handle; none when the server was built without a database.
pub fn of<'r>(request: &'r Request<'_>) -> Option<&'r Db> {
    let shared = request.rocket().state::<Db>()?;
    Some(request.local_cache(|| Db { statements: Arc::default(), ..shared.clone() }))
}
