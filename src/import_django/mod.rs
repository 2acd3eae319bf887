//! Brings the database of a Django course across. Each course is a module that knows its tables
//! (`studybud`, `devsearch`, `chat`; a project may hold several); what they share, reading with tolerance ([`source`], [`cell`]), remembering what was
//! brought along ([`ledger`]) and telling of it ([`report`]), stands beside them.
//!
//! Nothing stops at an odd row: it is merged, mended or left out, and reported. All is one transaction.

pub mod cell;
mod chat;
mod course_tables;
mod devsearch;
mod differences;
mod evidence;
mod identity;
mod layout;
pub mod ledger;
mod map_file;
mod people;
mod pictures;
pub mod report;
mod schema;
pub mod source;
mod studybud;
mod targets;
mod work;

use std::fmt;
use std::path::{Path, PathBuf};

use diesel::result::Error as DieselError;

use crate::accounts::models::User;
use crate::kit::bulk;
use crate::kit::db::{self, Conn};
use crate::kit::error::is_damage;
use crate::kit::progress::Progress;
use crate::kit::time;
use crate::search::models::index;
use ledger::Ledger;
pub use map_file::TableMap;
pub use pictures::Gallery;
use pictures::{Column, Sought};
use report::Report;
use source::Source;
use targets::Targets;
use work::Work;

/// What is wished.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Do everything, report it, keep nothing.
    pub dry_run: bool,
    /// Who is staff there is staff here.
    pub keep_staff: bool,
}

/// Why nothing was brought across; each prints as one line.
#[derive(Debug)]
pub enum ImportError {
    /// No such file.
    Missing(PathBuf),
    /// No SQLite database, but this.
    NoDatabase(PathBuf, &'static str),
    /// The file cannot be read.
    Unreadable(PathBuf, String),
    /// The file cannot be copied to that folder.
    NotCopied(PathBuf, PathBuf, String),
    /// Somebody writes to the file all the time.
    InUse(PathBuf),
    /// A database without a course's tables, but with these.
    Unknown(PathBuf, Vec<String>),
    /// What a map file says does not fit the database.
    BadMap(String),
    /// A table whose rows have no numbers of SQLite's own, or hide them.
    NoRowNumbers(String),
    /// A row of the source cannot be read: its file is damaged.
    Damaged(DieselError),
    /// The database of this site.
    Db(DieselError),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => {
                write!(f, "there is no file {}: name the course's database, usually db.sqlite3", path.display())
            }
            Self::NoDatabase(path, what) => {
                write!(
                    f,
                    "{} is {what}: an SQLite database of a Django course is needed, usually db.sqlite3",
                    path.display()
                )
            }
            Self::Unreadable(path, why) => write!(f, "{} cannot be read: {}", path.display(), reason(why)),
            Self::NotCopied(path, folder, why) => {
                write!(
                    f,
                    "{} cannot be copied to {} to be read there: {why}; TMPDIR names another folder",
                    path.display(),
                    folder.display()
                )
            }
            Self::InUse(path) => write!(f, "{} is being written to: stop the Django server first", path.display()),
            Self::Unknown(path, found) => write!(
                f,
                "{} holds no StudyBud, no DevSearch and no chat_app: it has {}; needed are base_user (or auth_user) and base_room, \
                 auth_user and users_profile, projects_project, or chat_room; --draft-map writes a file in which you say for --map which \
                 tables these are",
                path.display(),
                listed(found)
            ),
            Self::BadMap(why) => write!(f, "the map does not fit the database: {why}"),
            Self::NoRowNumbers(table) => write!(
                f,
                "the table {table} cannot be read: it was made WITHOUT ROWID or has a column called _rowid_, which Django never does; \
                 copy its rows to a table without these"
            ),
            Self::Damaged(error) => {
                write!(f, "the course's database cannot be read, nothing was changed: {}", reason(&error.to_string()))
            }
            Self::Db(error) => write!(f, "the import failed and nothing was changed: {error}"),
        }
    }
}

impl std::error::Error for ImportError {}

/// Not in the database's own words where its file is damaged: they would be taken for a fault of the site's database.
fn reason(told: &str) -> &str {
    if is_damage(told) {
        "its file is damaged; .recover of SQLite's own program saves what is left of it"
    } else {
        told
    }
}

impl From<DieselError> for ImportError {
    fn from(error: DieselError) -> Self {
        Self::Db(error)
    }
}

fn listed(tables: &[String]) -> String {
    match tables {
        [] => "no tables at all".to_owned(),
        some if some.len() <= 8 => format!("the tables {}", some.join(", ")),
        some => format!("the tables {} and {} more", some[..8].join(", "), some.len() - 8),
    }
}

/// A course's database, opened and recognised.
pub struct Course {
    source: Source,
    map: TableMap,
    has_studybud: bool,
    has_devsearch: bool,
    has_chat: bool,
}

impl Course {
    /// Opens the database at `path`, which is only read.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        Self::open_with(path, TableMap::default())
    }

    /// The same, with a map of its tables.
    ///
    /// # Errors
    /// What is wrong with the file, or with the map.
    pub fn open_with(path: &Path, map: TableMap) -> Result<Self, ImportError> {
        let source = Source::open(path, &map)?;
        let has_studybud = studybud::is_in(&source);
        let (has_devsearch, has_chat) = (devsearch::is_in(&source), chat::is_in(&source));
        if !has_studybud && !has_devsearch && !has_chat {
            return Err(ImportError::Unknown(path.to_owned(), source.schema().tables().map(str::to_owned).collect()));
        }
        Ok(Self { source, map, has_studybud, has_devsearch, has_chat })
    }

    /// A map file that says how the database at `path` is read.
    ///
    /// # Errors
    /// What is wrong with the file, or with the map.
    pub fn draft_map(path: &Path, map: &TableMap) -> Result<String, ImportError> {
        let mut source = Source::open(path, map)?;
        let unread = differences::unread_tables(&mut source, map);
        let unread: Vec<String> = unread.into_iter().map(|(table, _)| table).collect();
        Ok(map_file::draft(source.schema(), source.layout(), &unread))
    }
}

/// What an import counts on from, and writes.
const TABLES: [&str; 13] = [
    "users",
    "profiles",
    "skills",
    "topics",
    "rooms",
    "participants",
    "messages",
    "projects",
    "tags",
    "project_tags",
    "reviews",
    "inbox_messages",
    "import_ids",
];

/// Brings across what is new in the course's database, all in one transaction; then, one by one, the pictures, if it is told
/// where they are.
///
/// # Errors
/// [`ImportError`]: then nothing was changed, or some pictures are missing, which another time brings.
pub fn import(
    conn: &mut Conn,
    course: Course,
    options: Options,
    gallery: Option<&Gallery>,
    progress: &mut Progress,
) -> Result<Report, ImportError> {
    let Course { mut source, map, has_studybud, has_devsearch, has_chat } = course;
    let fingerprint = source.fingerprint(source.layout().people().unwrap_or("auth_user"))?;
    let outcome = db::transaction(conn, |conn| {
        // Names and event numbers are read once and counted on from.
        bulk::keep_others_from_writing(conn, &TABLES)?;
        let mut work = Work {
            conn,
            source: &mut source,
            report: Report::default(),
            options,
            now: time::now(),
            progress: &mut *progress,
            pictures: Vec::new(),
        };
        differences::tell(&mut work, &map)?;
        let mut ledger = Ledger::open(work.conn, fingerprint)?;
        let mut people = Targets::default();
        let table = work.source.layout().people();
        if let Some(table) = table.filter(|_| has_studybud || has_devsearch) {
            people::bring(&mut work, &mut ledger, table, &mut people)?;
            pictures::seek(&mut work, &ledger, Column::Avatar(table), &people)?;
        }
        if has_studybud {
            people = studybud::bring(&mut work, &mut ledger, people)?;
        }
        if has_devsearch {
            devsearch::bring(&mut work, &mut ledger, people)?;
        }
        if has_chat {
            chat::bring(&mut work, &mut ledger)?;
        }
        let (mut report, pictures) = (work.report, work.pictures);
        report.dry_run = options.dry_run;
        report.superuser_exists = User::superuser_exists(conn)?;
        if options.dry_run { Err(Stop::Enough(Box::new((report, pictures)))) } else { Ok((report, pictures)) }
    });
    let (mut report, pictures) = match outcome {
        Ok(brought) => brought,
        Err(Stop::Enough(brought)) => *brought,
        Err(Stop::Failed(error)) => return Err(error),
    };
    if !options.dry_run {
        bulk::settle(conn, &TABLES);
        index::put_in_order(conn);
    }
    match gallery {
        Some(gallery) => pictures::bring(conn, gallery, &pictures, &mut report, progress)?,
        None => pictures::leave(&pictures, &mut report),
    }
    Ok(report)
}

/// Why the transaction is rolled back.
enum Stop {
    /// As wished: a dry run.
    Enough(Box<(Report, Vec<Sought>)>),
    Failed(ImportError),
}

impl From<ImportError> for Stop {
    fn from(error: ImportError) -> Self {
        Self::Failed(error)
    }
}

impl From<DieselError> for Stop {
    fn from(error: DieselError) -> Self {
        Self::Failed(error.into())
    }
}
