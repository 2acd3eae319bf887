//! The Django database, read and never written to: its files are copied aside and the copy is
//! opened. So neither a lock nor a journal's leftover touches the original, a database in WAL mode
//! or with an unfinished journal is read as its owner would see it, and one on a read-only medium too.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use sha2::{Digest, Sha256};

use super::ImportError;
use super::cell::Cell;
use super::layout::Layout;
use super::map_file::TableMap;
use super::schema::{Schema, quoted};
use crate::kit::random;

/// A row type of the source; `table_row` makes them.
pub trait TableRow: QueryableByName<diesel::sqlite::Sqlite> {
    /// The columns that it holds. One that the table does not have reads as NULL.
    const COLUMNS: &'static [&'static str];

    /// Its primary key.
    fn id(&self) -> &Cell;

    /// SQLite's own number of the row.
    fn rowid(&self) -> i64;

    /// How many bytes it holds.
    fn size(&self) -> usize;
}

/// A struct whose fields are columns of the source, `id` first.
macro_rules! table_row {
    ($(#[$doc:meta])* $name:ident { id, $($column:ident),+ }) => {
        $(#[$doc])*
        #[derive(diesel::QueryableByName)]
        pub(super) struct $name {
            #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Binary>)]
            id: $crate::import_django::cell::Cell,
            #[diesel(sql_type = diesel::sql_types::BigInt, column_name = "_rowid_")]
            rowid: i64,
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

            fn rowid(&self) -> i64 {
                self.rowid
            }

            fn size(&self) -> usize {
                self.id.size() $(+ self.$column.size())+
            }
        }
    };
}
pub(super) use table_row;

/// An open source.
pub struct Source {
    conn: SqliteConnection,
    schema: Schema,
    layout: Layout,
    /// Dropped last: the copy goes when the connection is closed.
    _copy: Aside,
}

impl Source {
    /// Opens the database at `path`, whose tables `map` explains.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it, or what the map names that is not there.
    pub fn open(path: &Path, map: &TableMap) -> Result<Self, ImportError> {
        check_header(path)?;
        let copy = Aside::of(path)?;
        let mut conn = SqliteConnection::establish(&copy.file.to_string_lossy())
            .map_err(|error| ImportError::Unreadable(path.to_owned(), error.to_string()))?;
        let schema =
            Schema::of(&mut conn).map_err(|error| ImportError::Unreadable(path.to_owned(), error.to_string()))?;
        map.check(&schema).map_err(ImportError::BadMap)?;
        let layout = Layout::of(&schema, map);
        if let Some((_, odd)) = layout.tables().find(|(_, layout)| !schema.has_row_numbers(&layout.table)) {
            return Err(ImportError::NoRowNumbers(odd.table.clone()));
        }
        Ok(Self { conn, schema, layout, _copy: copy })
    }

    /// Whether it has this table of a course, or one of this very name.
    pub fn has(&self, table: &str) -> bool {
        self.layout.get(table).is_some() || self.schema.table(table).is_some_and(|found| !self.layout.reads(found))
    }

    /// Its tables.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How the courses' tables are read.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How many rows hold something in `column`.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn filled(&mut self, table: &str, column: &str) -> Result<i64, ImportError> {
        let column = quoted(column);
        // Numbers that are the default of a switch or a counter tell nothing.
        let sql = format!("SELECT count(*) AS n FROM {} WHERE {column} NOT IN ('', 0)", quoted(table));
        let rows: Count = diesel::sql_query(sql).get_result(&mut self.conn).map_err(ImportError::Damaged)?;
        Ok(rows.n)
    }

    /// How many rows a table has that belongs to no course; none when this SQLite cannot read it.
    pub fn rows_of(&mut self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) AS n FROM {}", quoted(table));
        diesel::sql_query(sql).get_result(&mut self.conn).map_or(0, |rows: Count| rows.n)
    }

    /// How many rows `table` has; none when there is no such table.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn count(&mut self, table: &str) -> Result<usize, ImportError> {
        if !self.has(table) {
            return Ok(0);
        }
        let sql = format!("SELECT count(*) AS n FROM {} AS src", self.from(table));
        let rows: Count = diesel::sql_query(sql).get_result(&mut self.conn).map_err(ImportError::Damaged)?;
        Ok(usize::try_from(rows.n).unwrap_or_default())
    }

    /// All rows of `table` in the order in which they were written, one at a time; none when there is no such table.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn each<R: TableRow + 'static>(&mut self, table: &str, mut work: impl FnMut(R)) -> Result<(), ImportError> {
        self.until(table, "", |row| {
            work(row);
            true
        })
    }

    /// The rows of `table` behind the row `after`, so many at a time that memory does not matter.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn next<R: TableRow + 'static>(&mut self, table: &str, after: Option<i64>) -> Result<Vec<R>, ImportError> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let condition = after.map(|after| format!("WHERE src._rowid_ > {after}")).unwrap_or_default();
        self.until::<R>(table, &condition, |row| {
            bytes += row.size();
            rows.push(row);
            rows.len() < ROWS_AT_ONCE && bytes < BYTES_AT_ONCE
        })?;
        Ok(rows)
    }

    /// The rows of `table` with these numbers of SQLite's own, in any order.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn some<R: TableRow + 'static>(&mut self, table: &str, rowids: &[i64]) -> Result<Vec<R>, ImportError> {
        let rowids: Vec<String> = rowids.iter().map(i64::to_string).collect();
        let mut rows = Vec::new();
        self.until(table, &format!("WHERE src._rowid_ IN ({})", rowids.join(", ")), |row| {
            rows.push(row);
            true
        })?;
        Ok(rows)
    }

    /// Gives rows to `work` until it has enough.
    fn until<R: TableRow + 'static>(
        &mut self,
        table: &str,
        condition: &str,
        mut work: impl FnMut(R) -> bool,
    ) -> Result<(), ImportError> {
        if !self.has(table) {
            return Ok(());
        }
        let columns = self.columns::<R>(table);
        let sql = format!("SELECT {columns} FROM {} AS src {condition} ORDER BY src._rowid_", self.from(table));
        for row in diesel::sql_query(sql).load_iter::<R, _>(&mut self.conn).map_err(ImportError::Damaged)? {
            if !work(row.map_err(ImportError::Damaged)?) {
                break;
            }
        }
        Ok(())
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

    /// What stands behind `FROM`.
    fn from(&self, table: &str) -> String {
        self.layout.get(table).map_or_else(|| quoted(table), |layout| layout.from.clone())
    }

    /// Each column as bytes, whatever its type.
    fn columns<R: TableRow>(&self, table: &str) -> String {
        let sql = |name: &str| match self.layout.get(table) {
            Some(layout) => layout.sql(name).map(str::to_owned),
            None => self.schema.column(table, name).map(|column| format!("src.{}", quoted(column))),
        };
        let column = |name: &&str| {
            let instead = if *name == "id" { "src._rowid_" } else { "NULL" };
            format!("CAST({} AS BLOB) AS \"{name}\"", sql(name).as_deref().unwrap_or(instead))
        };
        let columns: Vec<String> = R::COLUMNS.iter().map(column).collect();
        format!("src._rowid_ AS \"_rowid_\", {}", columns.join(", "))
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// So many rows are read at a time …
const ROWS_AT_ONCE: usize = 400;

/// … and no more once they hold so many bytes.
const BYTES_AT_ONCE: usize = 4 << 20;

/// Shares rows out so that each portion is read and written at once: not many rows, and few with long texts.
pub fn portions<T>(rows: &[T], size: impl Fn(&T) -> usize) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let is_full = |(at, row): (usize, &T)| {
            bytes += size(row);
            (at + 1 == ROWS_AT_ONCE || bytes >= BYTES_AT_ONCE).then_some(at + 1)
        };
        let end = rest.iter().enumerate().find_map(is_full).unwrap_or(rest.len());
        let (portion, others) = rest.split_at_checked(end)?;
        rest = others;
        (!portion.is_empty()).then_some(portion)
    })
}

fn check_header(path: &Path) -> Result<(), ImportError> {
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => ImportError::Missing(path.to_owned()),
        _ => ImportError::Unreadable(path.to_owned(), error.to_string()),
    };
    let found = fs::metadata(path).map_err(unreadable)?;
    if found.is_dir() {
        return Err(ImportError::NoDatabase(path.to_owned(), "a folder"));
    }
    // A named pipe would wait for ever for whoever writes into it.
    if !found.is_file() {
        return Err(ImportError::NoDatabase(path.to_owned(), "a pipe or a device"));
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
                if fs::metadata(&from).is_ok_and(|found| !found.is_file()) {
                    return Err(ImportError::NoDatabase(from, "a folder, a pipe or a device"));
                }
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
