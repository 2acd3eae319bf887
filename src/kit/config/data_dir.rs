//! The data folder, which nobody but its owner may look into: it holds the secret key, the database and images.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Config, ConfigError};
use crate::kit::db::Target;
use crate::kit::migrations;

/// What group and others may do with a file or a folder.
const OTHERS: u32 = 0o077;

/// What this program puts into its data folder, besides the database.
const OURS: [&str; 7] = ["secret_key", "serve.lock", "migrate.lock", "uploads", "media", "mail", "templates"];

/// Creates the data folder if there is none.
///
/// # Errors
/// One line that says what to do.
pub fn make_data_dir(config: &Config) -> Result<(), ConfigError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data_dir);
    made.map_err(|error| {
        let folder = config.data_dir.display();
        ConfigError::new(format!(
            "cannot make the data folder {folder}: {error}; make it writable or set data_dir to another"
        ))
    })
}

/// A file or folder of ours that others may use.
#[derive(Debug)]
pub struct Exposed {
    path: PathBuf,
    /// What is left to its owner.
    mode: u32,
    is_own: bool,
    /// What is in the folder, as far as others may use it: what is in a closed folder is closed.
    inside: Vec<Self>,
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "other users of this machine may use {}", self.path.display())?;
        if self.is_own {
            write!(f, ": chmod {:o} it", self.mode)
        } else {
            f.write_str(", which belongs to another user")
        }
    }
}

impl Exposed {
    /// The file or folder at `path`, and with `is_deep` what is in it; none if nobody else may use it.
    fn find(path: &Path, is_deep: bool) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        let is_folder = metadata.is_dir();
        let mode = metadata.mode() & 0o700;
        if !(is_folder || metadata.is_file()) || metadata.mode() & OTHERS == 0 {
            return None;
        }
        let entries = if is_folder && is_deep { fs::read_dir(path).ok() } else { None };
        let inside =
            entries.into_iter().flatten().flatten().filter_map(|entry| Self::find(&entry.path(), true)).collect();
        let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
        Some(Self { path: path.to_owned(), mode, is_own, inside })
    }

    fn close(&self) -> io::Result<()> {
        if !self.is_own {
            return Ok(());
        }
        fs::set_permissions(&self.path, fs::Permissions::from_mode(self.mode))?;
        self.inside.iter().try_for_each(Self::close)
    }
}

/// Lists what others may use of the data folder and of the database.
pub fn exposed(config: &Config) -> Vec<Exposed> {
    // The folder and the database may be reached through links, which have no mode of their own.
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = &real(&config.data_dir);
    let ours: Vec<PathBuf> = OURS.iter().map(|name| folder.join(name)).collect();
    // A folder in which nothing is ours was named by mistake, perhaps: it stays as it is.
    let is_empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    let is_ours = is_empty || ours.iter().any(|path| path.exists());
    let mut found: Vec<Exposed> = Exposed::find(folder, false).filter(|_| is_ours).into_iter().collect();
    found.extend(ours.iter().filter_map(|path| Exposed::find(path, true)));
    if let Ok(Target::Sqlite(database)) = Target::parse(&config.database.url) {
        let database = real(&database);
        let with = |ending: &str| {
            let mut path = database.clone().into_os_string();
            path.push(ending);
            PathBuf::from(path)
        };
        let files = ["", "-wal", "-shm"].map(with).into_iter().chain(migrations::copies(&database));
        // Another program's database stays as it is.
        if migrations::refuse_foreign_file(&database).is_ok() {
            found.extend(files.filter_map(|path| Exposed::find(&path, false)));
        }
    }
    found
}

/// Takes the data folder, what is in it and the database from group and others, with a line in the log for each. What
/// belongs to another user stays as it is.
pub fn close_data_dir(config: &Config) {
    for exposed in exposed(config) {
        match exposed.close() {
            Ok(()) if exposed.is_own => {
                log::warn!(
                    "{} could be used by other users of this machine: its mode is {:o} now",
                    exposed.path.display(),
                    exposed.mode
                );
            }
            Ok(()) => log::warn!("{exposed}"),
            Err(error) => log::warn!("{exposed} ({error})"),
        }
    }
}
