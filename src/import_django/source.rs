//! The Django database, read and never written to: its files are copied aside and the copy is
//! opened. So neither a lock nor a journal's leftover touches the original, a database in WAL mode
//! or with an unfinished journal is read as its owner would see it, and one on a read-only medium too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use diesel::prelude::*;
use diesel::sql_types::Text;
use sha2::{Digest, Sha256};

use super::ImportError;
use super::cell::Cell;
use crate::kit::random;

/// A row type of the source; `table_row` makes them.
pub trait TableRow: QueryableByName<diesel::sqlite::Sqlite> {
    /// The columns that it holds. One that the table does not have reads as NULL.
    const COLUMNS: &'static [&'static str];

    /// Its primary key.
    fn id(&self) -> &Cell;
}

/// A struct whose fields are columns of the source, `id` first.
macro_rules! table_row {
    ($(#[$doc:meta])* $name:ident { id, $($column:ident),+ }) => {
        $(#[$doc])*
        #[derive(diesel::QueryableByName)]
        pub(super) struct $name {
            #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Binary>)]
            id: $crate::import_django::cell::Cell,
            $(
                #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Binary>)]
                pub(super) $column: $crate::import_django::cell::Cell,
            )+
        }

        impl $crate::import_django::source::TableRow for $name {
            const COLUMNS: &'static [&'static str] = &["id", $(stringify!($column)),+];

            fn id(&self) -> &$crate::import_django::cell::Cell {
                &self.id
            }
        }
    };
}
pub(super) use table_row;

/// An open source.
pub struct Source {
    conn: SqliteConnection,
    tables: BTreeMap<String, Vec<String>>,
    /// Dropped last: the copy goes when the connection is closed.
    _copy: Aside,
}

impl Source {
    /// Opens the database at `path`.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        check_header(path)?;
        let copy = Aside::of(path)?;
        let mut conn = SqliteConnection::establish(&copy.file.to_string_lossy())
            .map_err(|error| ImportError::Unreadable(path.to_owned(), error.to_string()))?;
        let tables = tables(&mut conn).map_err(|error| ImportError::Unreadable(path.to_owned(), error.to_string()))?;
        Ok(Self { conn, tables, _copy: copy })
    }

    /// Whether it has a table of this name.
    pub fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// The names of its tables.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// All rows of `table` in the order of their ids, one at a time; none when there is no such table.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn each<R: TableRow + 'static>(&mut self, table: &str, mut work: impl FnMut(R)) -> Result<(), ImportError> {
        if !self.has(table) {
            return Ok(());
        }
        let sql = format!("SELECT {} FROM \"{table}\" ORDER BY {}", self.columns::<R>(table), self.key(table));
        for row in diesel::sql_query(sql).load_iter::<R, _>(&mut self.conn).map_err(ImportError::Damaged)? {
            work(row.map_err(ImportError::Damaged)?);
        }
        Ok(())
    }

    /// The rows of `table` with these ids, in any order.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn some<R: TableRow + 'static>(&mut self, table: &str, ids: &[i64]) -> Result<Vec<R>, ImportError> {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        let (columns, key) = (self.columns::<R>(table), self.key(table));
        let sql = format!("SELECT {columns} FROM \"{table}\" WHERE {key} IN ({})", ids.join(", "));
        diesel::sql_query(sql).load(&mut self.conn).map_err(ImportError::Damaged)
    }

    /// What tells this database from every other and stays when it grows: the moment of its first
    /// migration, which Django keeps to the microsecond; else its first person.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn fingerprint(&mut self, people: &str) -> Result<String, ImportError> {
        table_row! { Migration { id, app, name, applied } }
        table_row! { Person { id, username, date_joined } }

        let mut first: Option<Vec<Cell>> = None;
        self.each::<Migration>("django_migrations", |row| {
            first.get_or_insert_with(|| vec![row.app, row.name, row.applied]);
        })?;
        if first.is_none() {
            self.each::<Person>(people, |row| {
                first.get_or_insert_with(|| vec![row.id, row.username, row.date_joined]);
            })?;
        }
        let mut hash = Sha256::new();
        for cell in first.unwrap_or_default() {
            let text = cell.text().text;
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        Ok(hash.finalize().iter().fold(String::from("django:"), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }

    /// Each column as bytes, whatever its type.
    fn columns<R: TableRow>(&self, table: &str) -> String {
        let there = self.tables.get(table).map(Vec::as_slice).unwrap_or_default();
        let column = |name: &&str| {
            if there.iter().any(|column| column == name) {
                format!("CAST(\"{name}\" AS BLOB) AS \"{name}\"")
            } else if *name == "id" {
                "CAST(rowid AS BLOB) AS \"id\"".to_owned()
            } else {
                format!("CAST(NULL AS BLOB) AS \"{name}\"")
            }
        };
        R::COLUMNS.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    /// The primary key, or SQLite's own number of the row.
    fn key(&self, table: &str) -> &'static str {
        let has_id = self.tables.get(table).is_some_and(|columns| columns.iter().any(|column| column == "id"));
        if has_id { "\"id\"" } else { "rowid" }
    }
}

fn check_header(path: &Path) -> Result<(), ImportError> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => ImportError::Missing(path.to_owned()),
        _ => ImportError::Unreadable(path.to_owned(), error.to_string()),
    };
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Err(ImportError::NoDatabase(path.to_owned(), "a folder"));
    }
    let mut header = Vec::new();
    File::open(path).and_then(|file| file.take(100).read_to_end(&mut header)).map_err(unreadable)?;
    if header.is_empty() {
        return Err(ImportError::NoDatabase(path.to_owned(), "an empty file"));
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(ImportError::NoDatabase(path.to_owned(), "another kind of file"));
    }
    // Byte 56 and on: the encoding of its texts, 1 for UTF-8.
    if header.get(56..60).is_some_and(|encoding| encoding != [0, 0, 0, 1] && encoding != [0; 4]) {
        return Err(ImportError::NoDatabase(
            path.to_owned(),
            "a database with UTF-16 texts, which Django never writes",
        ));
    }
    Ok(())
}

fn tables(conn: &mut SqliteConnection) -> QueryResult<BTreeMap<String, Vec<String>>> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let names: Vec<Name> = diesel::sql_query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .load(conn)?;
    Ok(names
        .into_iter()
        .map(|Name { name }| {
            // One that this SQLite cannot read, of some extension, is not among those we ask for.
            let columns: Vec<Name> = diesel::sql_query("SELECT name FROM pragma_table_info($1)")
                .bind::<Text, _>(&name)
                .load(conn)
                .unwrap_or_default();
            (name, columns.into_iter().map(|column| column.name).collect())
        })
        .collect())
}

/// A copy of the source with its journals, in a folder that only its owner may enter.
struct Aside {
    folder: PathBuf,
    file: PathBuf,
}

/// The main file comes first: what a journal holds is applied to it, not the other way round.
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];

impl Aside {
    fn of(path: &Path) -> Result<Self, ImportError> {
        let folder = std::env::temp_dir().join(format!("chaupal-import-{}", random::token(12)));
        let failed = |error: std::io::Error| ImportError::NotCopied(path.to_owned(), folder.clone(), error.to_string());
        make_private(&folder).map_err(failed)?;
        let copy = Self { file: folder.join("source.db"), folder: folder.clone() };
        // A server that writes meanwhile would leave the copy half old, half new: then once more.
        for _ in 0..3 {
            let before = state(path);
            for suffix in SUFFIXES {
                let (from, to) = (with_suffix(path, suffix), with_suffix(&copy.file, suffix));
                match fs::copy(&from, &to) {
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound && !suffix.is_empty() => {
                        // Gone since the last round.
                        let _ = fs::remove_file(&to);
                    }
                    Err(error) => return Err(failed(error)),
                }
                make_writable(&to);
            }
            if state(path) == before {
                return Ok(copy);
            }
        }
        Err(ImportError::InUse(path.to_owned()))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Length and time of the last change of each file.
fn state(path: &Path) -> Vec<Option<(u64, Option<SystemTime>)>> {
    SUFFIXES
        .iter()
        .map(|suffix| fs::metadata(with_suffix(path, suffix)).ok().map(|data| (data.len(), data.modified().ok())))
        .collect()
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir(folder)
}

/// A copied file keeps the mode of the original, which may forbid what opening the copy needs.
fn make_writable(file: &Path) {
    if let Ok(data) = fs::metadata(file) {
        let mut permissions = data.permissions();
        #[allow(clippy::permissions_set_readonly_false, reason = "the folder lets nobody else in")]
        permissions.set_readonly(false);
        // If not, opening the copy says so.
        let _ = fs::set_permissions(file, permissions);
    }
}
