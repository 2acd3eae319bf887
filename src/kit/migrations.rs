//! Migrations: the folders of `migrations/<database>/`, embedded, applied in the order of their
//! names, each in one transaction, and remembered in the table `migrations` with the hash of what
//! was applied.
//!
//! Django: `django.db.migrations`. Here a migration is SQL in two files, `up.sql` and `down.sql`,
//! so that a reader sees what the database sees.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::kit::db::{self, Conn};
use crate::kit::time;

#[derive(RustEmbed)]
#[folder = "migrations/"]
struct Files;

/// One migration of this program.
#[derive(Clone, Debug)]
pub struct Migration {
    /// `0001_accounts`
    pub name: String,
    up: String,
    down: String,
    hash: String,
}

/// A migration as `showmigrations` lists it.
#[derive(Debug, serde::Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// When it was applied, if it was.
    pub applied: Option<NaiveDateTime>,
    /// Applied, but this program does not have it.
    pub missing: bool,
    /// Applied, but its file was changed since.
    pub changed: bool,
}

/// Why migrating was refused or failed; each prints as one line that says what to do.
#[derive(Debug)]
pub enum MigrationError {
    /// The database has migrations that this program does not know.
    Newer(Vec<String>),
    /// A migration's file differs from what was applied.
    Changed(String),
    /// No migration begins with this name.
    UnknownTarget(String),
    /// The tables stand there, the history does not.
    LostHistory(String),
    /// The database holds another program's tables, these.
    Foreign(Vec<String>),
    /// After a migration, rows point at rows that are not there.
    ForeignKeys(String),
    /// A statement failed.
    Sql(String, diesel::result::Error),
}

impl std::fmt::Display for MigrationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newer(names) => write!(
                f,
                "this database was made by a newer Chaupal (it has {}): start that version, or restore an older copy",
                names.join(", ")
            ),
            Self::Changed(name) => {
                write!(f, "migration {name} differs from the one that was applied here: put the original file back")
            }
            Self::UnknownTarget(name) => {
                write!(f, "there is no migration {name:?}: `chaupal showmigrations` lists them")
            }
            Self::LostHistory(name) => write!(
                f,
                "the tables of {name} exist, but the table `migrations` does not know it: restore the table `migrations`, or start with an empty database"
            ),
            Self::Foreign(tables) if tables.iter().any(|table| table == DJANGO_HISTORY) => write!(
                f,
                "this is the database of a Django project (it has {DJANGO_HISTORY}) and stays as it is: name another one as database.url or \
                 DATABASE_URL, and bring the project across with `chaupal import-django DB.sqlite3`"
            ),
            Self::Foreign(tables) => write!(
                f,
                "this database holds the tables of another program ({}) and stays as it is: name another one as database.url or DATABASE_URL",
                listed(tables)
            ),
            Self::ForeignKeys(name) => {
                write!(f, "migration {name} would leave rows that point nowhere: nothing was changed")
            }
            Self::Sql(name, error) => write!(f, "migration {name}: {error}: nothing of it was applied"),
        }
    }
}

impl std::error::Error for MigrationError {}

impl From<diesel::result::Error> for MigrationError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Sql("history".into(), error)
    }
}

/// The migrations of this program for the database behind `conn`, in order.
pub fn all(conn: &Conn) -> Vec<Migration> {
    let folder = match conn {
        Conn::Sqlite(_) => "sqlite/",
        Conn::Postgres(_) => "postgres/",
    };
    let read = |name: &str, file: &str| {
        Files::get(&format!("{folder}{name}/{file}"))
            .map(|found| String::from_utf8_lossy(&found.data).into_owned())
            .unwrap_or_default()
    };
    let mut names: Vec<String> =
        Files::iter().filter_map(|path| Some(path.strip_prefix(folder)?.strip_suffix("/up.sql")?.to_owned())).collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let (up, down) = (read(&name, "up.sql"), read(&name, "down.sql"));
            Migration { hash: hash(&up), name, up, down }
        })
        .collect()
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Timestamp)]
    applied: NaiveDateTime,
    #[diesel(sql_type = Text)]
    hash: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn table_exists(conn: &mut Conn, table: &str) -> QueryResult<bool> {
    let sql = match conn {
        Conn::Sqlite(_) => "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' AND name = $1",
        Conn::Postgres(_) => {
            "SELECT count(*) AS n FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1"
        }
    };
    let found: Count = diesel::sql_query(sql).bind::<Text, _>(table).get_result(conn)?;
    Ok(found.n > 0)
}

/// Where Django remembers its own migrations.
const DJANGO_HISTORY: &str = "django_migrations";

/// The first names of a list.
fn listed(tables: &[String]) -> String {
    let first: Vec<&str> = tables.iter().take(4).map(String::as_str).collect();
    let dots = if tables.len() > first.len() { ", …" } else { "" };
    format!("{}{dots}", first.join(", "))
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Names that begin with `_` belong to tools that look after a file, such as those that replicate it.
const SQLITE_TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                             AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name";

/// Refuses to touch an SQLite file with another program's tables: even to open it as ours would change its header.
///
/// # Errors
/// [`MigrationError::Foreign`]. What cannot be read is left to whoever opens the file.
pub fn refuse_foreign_file(file: &Path) -> Result<(), MigrationError> {
    if !file.is_file() {
        return Ok(());
    }
    let Ok(mut conn) = SqliteConnection::establish(&file.to_string_lossy()) else { return Ok(()) };
    let names: Vec<Name> = diesel::sql_query(SQLITE_TABLES).load(&mut conn).unwrap_or_default();
    refuse_foreign(names.into_iter().map(|name| name.name).collect(), false)
}

/// In a PostgreSQL database others may keep something too; Django's tables have names that ours may come to need.
fn refuse_foreign(tables: Vec<String>, is_shared: bool) -> Result<(), MigrationError> {
    let has = |table: &str| tables.iter().any(|name| name == table);
    // `users` and `sessions` come with the first migration.
    let is_ours = has("users") && has("sessions") && !has(DJANGO_HISTORY) || has("import_ids");
    let is_foreign = if is_shared { has(DJANGO_HISTORY) } else { !tables.is_empty() && !has("migrations") };
    if is_foreign && !is_ours { Err(MigrationError::Foreign(tables)) } else { Ok(()) }
}

fn refuse_foreign_tables(conn: &mut Conn) -> Result<(), MigrationError> {
    let sql = match conn {
        Conn::Sqlite(_) => SQLITE_TABLES,
        Conn::Postgres(_) => {
            "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1"
        }
    };
    let is_shared = matches!(conn, Conn::Postgres(_));
    let names: Vec<Name> = diesel::sql_query(sql).load(conn)?;
    refuse_foreign(names.into_iter().map(|name| name.name).collect(), is_shared)
}

fn history(conn: &mut Conn) -> QueryResult<BTreeMap<String, Applied>> {
    if !table_exists(conn, "migrations")? {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<Applied> =
        diesel::sql_query("SELECT name, applied, hash FROM migrations ORDER BY name").load(conn)?;
    Ok(rows.into_iter().map(|row| (row.name.clone(), row)).collect())
}

/// Every migration that is known here or there, in order.
///
/// # Errors
/// When the database does not answer.
pub fn list(conn: &mut Conn) -> QueryResult<Vec<Listed>> {
    let mut history = history(conn)?;
    let mut listed: Vec<Listed> = all(conn)
        .into_iter()
        .map(|migration| {
            let row = history.remove(&migration.name);
            Listed {
                changed: row.as_ref().is_some_and(|row| row.hash != migration.hash),
                applied: row.map(|row| row.applied),
                name: migration.name,
                missing: false,
            }
        })
        .collect();
    listed.extend(history.into_values().map(|row| Listed {
        name: row.name,
        applied: Some(row.applied),
        missing: true,
        changed: false,
    }));
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(listed)
}

/// What remains to be done to reach `target` (`None`: the newest), without doing it.
#[derive(Debug, Default)]
pub struct Plan {
    /// To apply, in this order.
    pub up: Vec<Migration>,
    /// To roll back, in this order.
    pub down: Vec<Migration>,
    /// Whether there is a history at all, that is: whether the database may hold data.
    pub holds_data: bool,
}

impl Plan {
    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.up.is_empty() && self.down.is_empty()
    }
}

/// Compares what this program has with what was applied.
///
/// # Errors
/// When the schema is newer, a file was changed, the target is unknown, or tables have no history.
pub fn plan(conn: &mut Conn, target: Option<&str>) -> Result<Plan, MigrationError> {
    let known = all(conn);
    let history = history(conn)?;
    if history.is_empty() {
        refuse_foreign_tables(conn)?;
    }
    let newer: Vec<String> =
        history.keys().filter(|name| !known.iter().any(|migration| &migration.name == *name)).cloned().collect();
    if !newer.is_empty() {
        return Err(MigrationError::Newer(newer));
    }
    if let Some(changed) = known.iter().find(|m| history.get(&m.name).is_some_and(|row| row.hash != m.hash)) {
        return Err(MigrationError::Changed(changed.name.clone()));
    }
    // `users` is the first table of the first migration.
    if let Some(first) = known.first().filter(|first| !history.contains_key(&first.name))
        && table_exists(conn, "users")?
    {
        return Err(MigrationError::LostHistory(first.name.clone()));
    }
    let keep = match target {
        None => known.len(),
        Some("zero") => 0,
        Some(name) => {
            1 + known
                .iter()
                .position(|m| m.name == name || m.name.split('_').next() == Some(name))
                .ok_or_else(|| MigrationError::UnknownTarget(name.to_owned()))?
        }
    };
    let holds_data = !history.is_empty();
    let (wanted, unwanted) = known.split_at(keep);
    Ok(Plan {
        up: wanted.iter().filter(|m| !history.contains_key(&m.name)).cloned().collect(),
        down: unwanted.iter().rev().filter(|m| history.contains_key(&m.name)).cloned().collect(),
        holds_data,
    })
}

/// Applies (or rolls back) up to `target`, one transaction a migration. `said` hears each step.
/// The caller holds the lock ([`MigrationLock`]).
///
/// # Errors
/// As [`plan`]; and when a statement fails, in which case that migration left nothing behind.
pub fn run(conn: &mut Conn, target: Option<&str>, mut said: impl FnMut(&str)) -> Result<usize, MigrationError> {
    let plan = plan(conn, target)?;
    let steps = plan.up.len() + plan.down.len();
    for migration in &plan.down {
        said(&format!("Unapplying {}", migration.name));
        apply(conn, migration, &migration.down, false)?;
    }
    for migration in &plan.up {
        said(&format!("Applying {}", migration.name));
        apply(conn, migration, &migration.up, true)?;
    }
    Ok(steps)
}

const HISTORY: &str =
    "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied TIMESTAMP NOT NULL, hash TEXT NOT NULL)";

fn apply(conn: &mut Conn, migration: &Migration, sql: &str, forward: bool) -> Result<(), MigrationError> {
    // SQLite: a table that is rebuilt would take its children along, and inside a transaction the
    // switch does nothing. What the switch leaves unchecked is checked before the commit.
    foreign_keys(conn, false)?;
    let applied = db::transaction(conn, |conn| {
        conn.batch_execute(HISTORY)?;
        conn.batch_execute(sql).map_err(|error| MigrationError::Sql(migration.name.clone(), error))?;
        if forward {
            diesel::sql_query("INSERT INTO migrations (name, applied, hash) VALUES ($1, $2, $3)")
                .bind::<Text, _>(&migration.name)
                .bind::<Timestamp, _>(time::now())
                .bind::<Text, _>(&migration.hash)
                .execute(conn)?;
        } else {
            diesel::sql_query("DELETE FROM migrations WHERE name = $1")
                .bind::<Text, _>(&migration.name)
                .execute(conn)?;
        }
        check_foreign_keys(conn, &migration.name)
    });
    foreign_keys(conn, true)?;
    applied
}

fn foreign_keys(conn: &mut Conn, on: bool) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(c) => c.batch_execute(if on { "PRAGMA foreign_keys = ON" } else { "PRAGMA foreign_keys = OFF" }),
        Conn::Postgres(_) => Ok(()),
    }
}

fn check_foreign_keys(conn: &mut Conn, name: &str) -> Result<(), MigrationError> {
    if matches!(conn, Conn::Postgres(_)) {
        return Ok(());
    }
    let broken: Count = diesel::sql_query("SELECT count(*) AS n FROM pragma_foreign_key_check").get_result(conn)?;
    if broken.n > 0 { Err(MigrationError::ForeignKeys(name.to_owned())) } else { Ok(()) }
}

/// Held while migrating: ten processes that start at once migrate once.
/// SQLite: a lock on a file in the data folder. PostgreSQL: an advisory lock of the session.
#[derive(Debug)]
pub enum MigrationLock {
    /// Released when the file is closed.
    File(#[allow(dead_code, reason = "held, not read")] std::fs::File),
    /// Released by [`MigrationLock::release`] or with the connection.
    Session,
}

/// Any number that this program alone uses.
const ADVISORY_KEY: &str = "4283517091";

impl MigrationLock {
    /// Waits for the lock.
    ///
    /// # Errors
    /// One line: the folder or the server that refused.
    pub fn take(conn: &mut Conn, data_dir: &Path) -> Result<Self, String> {
        match conn {
            Conn::Sqlite(_) => {
                let path = data_dir.join("migrate.lock");
                let refused = |e: std::io::Error| format!("{}: {e}", path.display());
                let file = std::fs::File::create(&path).map_err(refused)?;
                file.lock().map_err(refused)?;
                Ok(Self::File(file))
            }
            Conn::Postgres(c) => {
                c.batch_execute(&format!("SELECT pg_advisory_lock({ADVISORY_KEY})")).map_err(|e| e.to_string())?;
                Ok(Self::Session)
            }
        }
    }

    /// Lets the next one in.
    ///
    /// # Errors
    /// When the server does not answer; then the lock has gone with the connection.
    pub fn release(self, conn: &mut Conn) -> QueryResult<()> {
        match (self, conn) {
            (Self::Session, Conn::Postgres(c)) => {
                c.batch_execute(&format!("SELECT pg_advisory_unlock({ADVISORY_KEY})"))
            }
            _ => Ok(()),
        }
    }
}

/// The copies that [`copy_aside`] made of this SQLite file, oldest first.
pub fn copies(file: &Path) -> Vec<PathBuf> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beginning = format!("{}.before-migration-", file.file_stem().unwrap_or_default().to_string_lossy());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&beginning));
    let mut found: Vec<PathBuf> = names.map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Copies an SQLite file aside, consistently, before its schema changes. The copy's path, or none
/// on PostgreSQL, where copies are made with `pg_dump`.
///
/// # Errors
/// When the copy cannot be written; then nothing may be migrated.
pub fn copy_aside(conn: &mut Conn, file: Option<&Path>) -> QueryResult<Option<PathBuf>> {
    let Some(file) = file else { return Ok(None) };
    let stamp = time::now().format("%Y%m%dT%H%M%S%6f");
    let copy = file.with_extension(format!("before-migration-{stamp}.db"));
    diesel::sql_query("VACUUM INTO $1").bind::<Text, _>(copy.to_string_lossy().into_owned()).execute(conn)?;
    Ok(Some(copy))
}
