//! The way to the database and back: one connection type for SQLite and PostgreSQL, one verb to
//! read ([`Db::read`]) and one to write ([`Db::write`]).
//!
//! Django: `django.db.connection` and `transaction.atomic`, with the difference that whoever
//! writes says so first, because SQLite lets one writer in at a time.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::connection::{
    AnsiTransactionManager, Instrumentation, InstrumentationEvent, SimpleConnection, TransactionManager,
};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::r2d2::{ManageConnection, Pool, R2D2Connection};
use diesel::result::{ConnectionError, DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Untyped};
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};
use tokio::sync::{Mutex, Semaphore};
use unicode_normalization::UnicodeNormalization;

use crate::kit::error::Error;

pub use connection::{Conn, MultiBackend};

/// The derive writes public items without docstrings; they stay behind this door.
#[allow(missing_docs)]
mod connection {
    /// A connection to either database. What is written against it runs on both.
    #[derive(diesel::MultiConnection)]
    pub enum Conn {
        /// The file in the data folder.
        Sqlite(diesel::SqliteConnection),
        /// A server of its own.
        Postgres(diesel::PgConnection),
    }
}

diesel::define_sql_function! {
    /// Lower case in composed form (NFC), alike on both databases: for search by substring.
    /// No index may use it.
    fn fold(text: diesel::sql_types::Nullable<diesel::sql_types::Text>) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// What makes two spellings of a name the same: NFC, lower case, trimmed. Kept in `*_key` columns.
pub fn fold_key(text: &str) -> String {
    fold_text(text.trim())
}

/// The Rust side of the SQL function [`fold()`].
pub fn fold_text(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// A `LIKE` pattern that finds `text` anywhere, with `%`, `_` and `\` taken literally.
/// Use it with `.escape('\\')` against a column under [`fold()`].
pub fn contains_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in fold_text(text).chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// A query in SQL whose `?` are numbers. Unlike `diesel::sql_query` it is prepared once a connection
/// and then kept, which halves the time of a short one. So its text must have few variants: lists
/// go through [`number_list`].
pub fn prepared(sql: impl Into<Cow<'static, str>>, numbers: Vec<i64>) -> Prepared {
    Prepared { sql: sql.into(), numbers }
}

/// See [`prepared`].
pub struct Prepared {
    sql: Cow<'static, str>,
    numbers: Vec<i64>,
}

impl QueryId for Prepared {
    type QueryId = ();

    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Prepared {
    type SqlType = Untyped;
}

impl RunQueryDsl<Conn> for Prepared {}

impl QueryFragment<MultiBackend> for Prepared {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        let mut numbers = self.numbers.iter();
        for (place, piece) in self.sql.split('?').enumerate() {
            if place > 0 {
                let number =
                    numbers.next().ok_or_else(|| DieselError::QueryBuilderError("a number is missing".into()))?;
                out.push_bind_param::<BigInt, _>(number)?;
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

/// The `?, ?, …` of a list, and its numbers filled up with 0 (no row has it) to the next multiple
/// of ten, so that lists of all lengths share few statements.
pub fn number_list(ids: impl IntoIterator<Item = i64>) -> (String, Vec<i64>) {
    let mut ids: Vec<i64> = ids.into_iter().collect();
    ids.resize(ids.len().div_ceil(10).max(1) * 10, 0);
    (vec!["?"; ids.len()].join(", "), ids)
}

/// Where the database is: a file or a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL address, password and all.
    Postgres(String),
}

impl Target {
    /// Reads `sqlite://path` or `postgres://…`.
    ///
    /// # Errors
    /// One line for whoever set the address, without its password.
    pub fn parse(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() {
                return Err("database.url names no file: write sqlite://path/to/file.db".into());
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err("database.url must begin with sqlite:// or postgres://".into())
    }

    /// The SQLite file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    /// Opens one connection, with everything set that this program relies on.
    ///
    /// # Errors
    /// When the file cannot be opened or the server cannot be reached.
    pub fn connect(&self) -> Result<Conn, ConnectionError> {
        let mut conn = match self {
            Self::Sqlite(path) => Conn::Sqlite(open_sqlite(path)?),
            Self::Postgres(url) => {
                let mut pg = PgConnection::establish(url)?;
                pg.batch_execute("SET TIME ZONE 'UTC'; SET client_min_messages = warning")
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Conn::Postgres(pg)
            }
        };
        conn.set_instrumentation(StatementCounter);
        Ok(conn)
    }
}

/// The order matters: waiting must be possible before anything that may have to wait.
/// `synchronous = FULL`: what was acknowledged survives a power cut.
const SQLITE_PRAGMAS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
     PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000";

fn open_sqlite(path: &Path) -> Result<SqliteConnection, ConnectionError> {
    let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
    conn.batch_execute(SQLITE_PRAGMAS).map_err(ConnectionError::CouldntSetupConfiguration)?;
    fold_utils::register_impl(&mut conn, |text: Option<String>| text.map(|text| fold_text(&text)))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// The version of the database behind `conn`, as it tells it itself.
///
/// # Errors
/// When the database does not answer.
pub fn version(conn: &mut Conn) -> QueryResult<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    let sql = match conn {
        Conn::Sqlite(_) => "SELECT sqlite_version() AS version",
        Conn::Postgres(_) => "SELECT current_setting('server_version') AS version",
    };
    diesel::sql_query(sql).get_result::<Row>(conn).map(|row| row.version)
}

/// Runs `work` in one transaction that is a writer from its first statement on.
/// SQLite: `BEGIN IMMEDIATE`, since a reader that turns writer late fails at once.
///
/// # Errors
/// Those of `work` (then nothing was changed) and those of the database at commit.
pub fn transaction<T, E>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<DieselError>,
{
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?,
        Conn::Postgres(c) => AnsiTransactionManager::begin_transaction(c)?,
    }
    match work(conn) {
        Ok(value) => {
            match conn {
                Conn::Sqlite(c) => AnsiTransactionManager::commit_transaction(c)?,
                Conn::Postgres(c) => AnsiTransactionManager::commit_transaction(c)?,
            }
            Ok(value)
        }
        Err(error) => {
            match conn {
                Conn::Sqlite(c) => AnsiTransactionManager::rollback_transaction(c)?,
                Conn::Postgres(c) => AnsiTransactionManager::rollback_transaction(c)?,
            }
            Err(error)
        }
    }
}

/// The pool of connections and the rules of entry. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    target: Target,
    pool: Pool<Manager>,
    /// As many permits as connections: who waits, waits here, without holding a thread.
    permits: Arc<Semaphore>,
    /// SQLite has one writer at a time: the others queue here in the order in which they came.
    writer: Arc<Mutex<()>>,
    /// The statements of one request, counted for the header that debug pages carry.
    statements: Arc<AtomicU32>,
}

impl Db {
    /// A pool of at most `size` connections. None is opened before it is needed.
    pub fn new(target: Target, size: u32) -> Self {
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(Duration::from_secs(5))
            .error_handler(Box::new(diesel::r2d2::NopErrorHandler))
            .build_unchecked(Manager(target.clone()));
        Self {
            target,
            pool,
            permits: Arc::new(Semaphore::new(size as usize)),
            writer: Arc::default(),
            statements: Arc::default(),
        }
    }

    /// Where this database is.
    pub fn target(&self) -> &Target {
        &self.target
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
        let _permit = self.permits.acquire().await.map_err(|_| closing())?;
        let (pool, statements) = (self.pool.clone(), Arc::clone(&self.statements));
        blocking(move || with_connection(&pool, &statements, work)).await
    }

    /// Writes: all of `work` in one transaction, or nothing of it.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Unavailable`] when no connection can be had.
    pub async fn write<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        self.write_statement(move |conn| transaction(conn, work)).await
    }

    /// Writes with a single statement, which is a transaction by itself and spares two more.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub async fn write_statement<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        let _turn = match self.target {
            Target::Sqlite(_) => Some(self.writer.lock().await),
            Target::Postgres(_) => None,
        };
        self.read(work).await
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
    if let Err(Error::Db(
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) | DieselError::BrokenTransactionManager,
    )) = &result
    {
        pooled.broken = true;
    }
    result
}

/// Opens connections for the pool, each as [`Target::connect`] does.
struct Manager(Target);

/// A connection that remembers whether it is still good.
struct Pooled {
    conn: Conn,
    broken: bool,
}

impl ManageConnection for Manager {
    type Connection = Pooled;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Pooled, Self::Error> {
        let conn = self.0.connect().map_err(diesel::r2d2::Error::ConnectionError)?;
        Ok(Pooled { conn, broken: false })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), Self::Error> {
        pooled.conn.batch_execute("SELECT 1").map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        let lost = match &mut pooled.conn {
            Conn::Sqlite(c) => c.is_broken(),
            Conn::Postgres(c) => c.is_broken(),
        };
        lost || pooled.broken || std::thread::panicking()
    }
}

thread_local! {
    static STATEMENTS: Cell<u32> = const { Cell::new(0) };
}

/// Counts each statement that goes out; the limit of eight a page is tested by it.
struct StatementCounter;

impl Instrumentation for StatementCounter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { .. } = event {
            STATEMENTS.set(STATEMENTS.get().wrapping_add(1));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case_spaces_and_composition() {
        assert_eq!(fold_key("  Élan "), fold_key("e\u{301}LAN"));
        assert_eq!(fold_key("STRASSE"), "strasse");
        assert_ne!(fold_key("a b"), fold_key("a-b"));
    }

    #[test]
    fn patterns_take_wildcards_literally() {
        assert_eq!(contains_pattern(r"50%_\"), r"%50\%\_\\%");
    }

    #[test]
    fn lists_are_filled_up() {
        let (marks, numbers) = number_list(1..=11);
        assert_eq!((marks.matches('?').count(), numbers.len(), numbers[10], numbers[19]), (20, 20, 11, 0));
        assert_eq!(number_list([]).1, [0; 10]);
    }

    #[test]
    fn addresses_are_read_by_scheme() {
        assert_eq!(Target::parse("sqlite://a/b.db"), Ok(Target::Sqlite("a/b.db".into())));
        assert!(Target::parse("postgres://x").is_ok());
        assert!(Target::parse("sqlite://").is_err());
        assert!(Target::parse("mysql://x").is_err());
    }
}
