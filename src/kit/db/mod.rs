//! The way to the database and back: one connection type for SQLite and PostgreSQL, one verb to
//! read ([`Db::read`]; [`Db::scan`] for what takes long) and one to write ([`Db::write`]).
//!
//! Django: `django.db.connection` and `transaction.atomic`, with the difference that whoever
//! writes says so first, because SQLite lets one writer in at a time.

mod address;
mod connection;
mod file;
mod pool;
mod prepared;
mod readers;
mod slice;
mod stats;
mod text;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::kit::error::Error;
use file::OpenFile;
use pool::Pool;
use readers::Readers;
use writer::Writer;

pub use connection::{Conn, MultiBackend, NOT_A_FILE, Target, read_each_table, transaction, version};
pub use prepared::{Bind, Prepared, number_list, prepared};
pub use slice::{count_to, slice};
pub use stats::Stats;
pub use text::{
    LONGEST_SEARCH, contains_pattern, fold, fold_key, fold_text, is_not_drawn, is_unseen, length, look, look_text,
    looks, substr,
};

/// The ways to the database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    target: Target,
    way: Way,
    /// The file that is open; none on a server.
    file: Option<Arc<OpenFile>>,
    stats: Arc<Stats>,
    /// A quarter of those who may read, for what takes long: the others are there for all else.
    scans: Arc<Semaphore>,
    /// The statements of one request, counted for the header that debug pages carry.
    statements: Arc<AtomicU32>,
}

/// So long one waits for his turn to search.
const SCAN_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
enum Way {
    /// A file has many readers and one writer.
    Sqlite(Arc<Readers>, Arc<Writer>),
    /// On a server each does both.
    Postgres(Arc<Pool>),
}

impl Db {
    /// At most `size` connections (and for a file one more, that of its writer). None is opened before it
    /// is needed.
    pub fn new(target: Target, size: u32) -> Self {
        let stats = Arc::new(Stats::default());
        let file = target.file().map(|path| Arc::new(OpenFile::new(path)));
        let (way, readers) = match &target {
            Target::Sqlite(_) => {
                let (readers, threads) = (Readers::new(target.clone(), file.clone(), size), readers::useful(size));
                let writer = Writer::new(target.clone(), Arc::clone(&stats), file.clone());
                (Way::Sqlite(Arc::new(readers), Arc::new(writer)), threads)
            }
            Target::Postgres(_) => (Way::Postgres(Arc::new(Pool::new(target.clone(), size))), size),
        };
        let scans = Arc::new(Semaphore::new((readers / 4).max(1) as usize));
        Self { target, way, file, stats, scans, statements: Arc::default() }
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

    /// Reads: one hop to a thread that may block, whatever the number of queries in `work`. On PostgreSQL `work` runs
    /// again after a lost connection.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Unavailable`] when no connection can be had.
    pub async fn read<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        self.stats.read();
        let statements = Arc::clone(&self.statements);
        let result = match &self.way {
            Way::Sqlite(readers, _) => readers.read(statements, work).await,
            Way::Postgres(pool) => pool.read(statements, work).await,
        };
        self.record_damage(result)
    }

    /// Reads as [`Db::read`], where a text is looked for inside of all rows (with an empty one nothing is): no index helps,
    /// and anybody may ask for it. A few do so at once; who waits for his turn holds nothing, and not for long.
    ///
    /// # Errors
    /// As [`Db::read`]; [`Error::Busy`] when too many search.
    pub async fn scan<T, F>(&self, text: &str, mut work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        if text.is_empty() {
            return self.read(work).await;
        }
        let turn = timeout(SCAN_PATIENCE, Arc::clone(&self.scans).acquire_owned()).await;
        let turn = turn.map_err(|_| Error::Busy)?.map_err(|_| Error::Busy)?;
        self.read(move |conn| {
            // As long as the database works, also when nobody waits for it any more.
            let _turn = &turn;
            work(conn)
        })
        .await
    }

    /// Writes: all of `work` in one transaction, or nothing of it. The answer comes when the change
    /// is on the disk. On SQLite who waits at the same time shares the transaction (see `writer`); nothing of
    /// a failing `work` stays, and nobody else's is lost with it. On PostgreSQL `work` runs again after a deadlock, a
    /// serialization failure or a connection that was lost before the commit; so it must change nothing but the database.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Unavailable`] when no connection can be had or nothing can be written.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        let statements = Arc::clone(&self.statements);
        match &self.way {
            Way::Sqlite(_, writer) => self.record_damage(writer.write(statements, work).await),
            Way::Postgres(pool) => self.written(pool.write(statements, work).await),
        }
    }

    /// Writes with a single statement, which on PostgreSQL is a transaction by itself and spares two more.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_statement<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        let statements = Arc::clone(&self.statements);
        match &self.way {
            Way::Sqlite(_, writer) => self.record_damage(writer.write(statements, work).await),
            Way::Postgres(pool) => self.written(pool.write_statement(statements, work).await),
        }
    }

    fn written<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.stats.wrote(1, !matches!(result, Err(Error::Unavailable(_))));
        self.record_damage(result)
    }

    /// Remembers that the database is damaged, if that is what `result` says.
    fn record_damage<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if result.as_ref().is_err_and(Error::is_damage) {
            self.stats.record_damage();
        }
        result
    }

    /// Whether the last attempt to connect to the database server failed.
    pub fn is_unreachable(&self) -> bool {
        match &self.way {
            Way::Sqlite(..) => false,
            Way::Postgres(pool) => pool.is_down(),
        }
    }

    /// Whether the open database file is still the one at its path.
    ///
    /// # Errors
    /// One line: what happened to it and what to do.
    pub fn check_file(&self) -> Result<(), String> {
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }

    /// Reads a row of each table. An SQLite file is opened anew for it: open connections answer from memory.
    ///
    /// # Errors
    /// The database's.
    pub async fn probe_read(&self) -> Result<(), Error> {
        match &self.way {
            Way::Postgres(_) => self.read(|conn| Ok(connection::read_each_table(conn)?)).await,
            Way::Sqlite(..) => {
                let target = self.target.clone();
                let probed = tokio::task::spawn_blocking(move || {
                    let mut conn = target.connect().map_err(|error| Error::Unavailable(error.to_string()))?;
                    Ok(connection::read_each_table(&mut conn)?)
                });
                probed.await.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
            }
        }
    }

    /// Writes a row that nobody reads.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn probe_write(&self) -> Result<(), Error> {
        self.write(|conn| Ok(connection::write_probe(conn)?)).await
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
