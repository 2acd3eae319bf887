//! One connection to either database: where it is, how it is opened, how it writes.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use diesel::connection::{
    AnsiTransactionManager, Instrumentation, InstrumentationEvent, SimpleConnection, TransactionManager,
};
use diesel::prelude::*;
use diesel::result::{ConnectionError, Error as DieselError};

use super::address;
use super::text::{fold_text, fold_utils, look_text, look_utils};

use crate::kit::time;

pub use multi::{Conn, MultiBackend};

/// The derive writes public items without docstrings; they stay behind this door.
#[allow(missing_docs)]
mod multi {
    /// A connection to either database. What is written against it runs on both.
    #[derive(diesel::MultiConnection)]
    pub enum Conn {
        /// The file in the data folder.
        Sqlite(diesel::SqliteConnection),
        /// A server of its own.
        Postgres(diesel::PgConnection),
    }
}

/// Where the database is: a file or a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL address with its password, as libpq reads it.
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
        if let Some((scheme @ ("postgres" | "postgresql"), rest)) = url.split_once("://") {
            return Ok(Self::Postgres(address::for_libpq(scheme, rest)));
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
/// `synchronous = FULL`: what was acknowledged survives a power cut. A connection keeps 4 MB of the file;
/// the rest is in the system's own cache.
const SQLITE_PRAGMAS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
     PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4000";

/// The reason for which a folder, a named pipe or a device is not opened.
pub const NOT_A_FILE: &str = "it is not a regular file";

fn open_sqlite(path: &Path) -> Result<SqliteConnection, ConnectionError> {
    // SQLite would wait for ever at the other end of a named pipe.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(ConnectionError::BadConnection(NOT_A_FILE.into()));
    }
    let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
    set_up_sqlite(&mut conn).map_err(ConnectionError::CouldntSetupConfiguration)?;
    fold_utils::register_impl(&mut conn, |text: Option<String>| text.map(|text| fold_text(&text)))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    look_utils::register_impl(&mut conn, |text: Option<String>| text.map(|text| look_text(&text)))
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// Turning a new file to WAL fails at once, whatever the patience, when somebody else opens it at the same moment: then
/// it is tried again.
fn set_up_sqlite(conn: &mut SqliteConnection) -> QueryResult<()> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let begun = Instant::now();
    loop {
        match conn.batch_execute(SQLITE_PRAGMAS) {
            Err(DieselError::DatabaseError(_, told))
                if told.message().contains("database is locked") && begun.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
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

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

/// Reads a row of each table: damage of the file's beginning, of its schema or of a table's first page is found.
///
/// # Errors
/// The database's.
pub fn read_each_table(conn: &mut Conn) -> QueryResult<()> {
    let sql = match conn {
        Conn::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'",
        // Another program's tables may be beside ours, closed to us.
        Conn::Postgres(_) => {
            "SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'r' AND n.nspname = current_schema() AND has_table_privilege(c.oid, 'SELECT')"
        }
    };
    let tables: Vec<Table> = diesel::sql_query(sql).load(conn)?;
    for table in tables {
        diesel::sql_query(format!("SELECT * FROM \"{}\" LIMIT 1", table.name.replace('"', "\"\""))).execute(conn)?;
    }
    Ok(())
}

/// Notes in the settings that writing was tried after a failure.
pub(super) fn write_probe(conn: &mut Conn) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO settings (key, value) VALUES ('last_trouble', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
    .bind::<diesel::sql_types::Text, _>(time::iso(time::now()))
    .execute(conn)
    .map(drop)
}

/// Runs `work` in one transaction that is a writer from its first statement on.
///
/// # Errors
/// Those of `work` (then nothing was changed) and those of the database at commit.
pub fn transaction<T, E>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<DieselError>,
{
    begin_writing(conn)?;
    match work(conn) {
        Ok(value) => {
            commit(conn)?;
            Ok(value)
        }
        Err(error) => {
            roll_back(conn)?;
            Err(error)
        }
    }
}

/// SQLite: `BEGIN IMMEDIATE`, since a reader that turns writer late fails at once.
pub(super) fn begin_writing(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE"),
        Conn::Postgres(c) => AnsiTransactionManager::begin_transaction(c),
    }
}

/// Inside a transaction: a part of it that can be undone alone.
pub(super) fn begin_savepoint(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction(c),
        Conn::Postgres(c) => AnsiTransactionManager::begin_transaction(c),
    }
}

/// Keeps the innermost transaction or savepoint.
pub(super) fn commit(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::commit_transaction(c),
        Conn::Postgres(c) => AnsiTransactionManager::commit_transaction(c),
    }
}

/// Undoes the innermost transaction or savepoint.
pub(super) fn roll_back(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) => AnsiTransactionManager::rollback_transaction(c),
        Conn::Postgres(c) => AnsiTransactionManager::rollback_transaction(c),
    }
}

thread_local! {
    pub(super) static STATEMENTS: Cell<u32> = const { Cell::new(0) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_by_scheme() {
        assert_eq!(Target::parse("sqlite://a/b.db"), Ok(Target::Sqlite("a/b.db".into())));
        assert!(Target::parse("postgres://x").is_ok());
        assert!(Target::parse("sqlite://").is_err());
        assert!(Target::parse("mysql://x").is_err());
    }
}
