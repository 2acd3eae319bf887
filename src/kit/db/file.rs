//! The SQLite file that this process has open, and whether it is still the one at its path.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// A file that is deleted or replaced while it is open takes writes as before, and loses them with the process.
pub(super) struct OpenFile {
    path: PathBuf,
    opened: OnceLock<(u64, u64)>,
    is_reported: AtomicBool,
}

impl OpenFile {
    /// The file at `path`; if there is none yet, the first that [`OpenFile::remember`] finds.
    pub(super) fn new(path: &Path) -> Self {
        let file = Self { path: path.to_owned(), opened: OnceLock::new(), is_reported: AtomicBool::new(false) };
        file.remember();
        file
    }

    /// Notes which file is open, unless that is known.
    pub(super) fn remember(&self) {
        if let Some(found) = identity(&self.path) {
            self.opened.get_or_init(|| found);
        }
    }

    /// Compares the file at the path with the open one, and logs when that changes.
    ///
    /// # Errors
    /// One line: what happened and what to do.
    pub(super) fn check(&self) -> Result<(), String> {
        let happened = match (self.opened.get(), identity(&self.path)) {
            (Some(opened), Some(found)) if *opened != found => "replaced",
            (Some(_), None) => "deleted",
            _ => {
                if self.is_reported.swap(false, Ordering::Relaxed) {
                    log::info!("the database file {} is back", self.path.display());
                }
                return Ok(());
            }
        };
        let line = format!(
            "the database file {} was {happened} while the server uses it, so nothing is written any more: put the \
             original back, or restart the server to use what is there now (until then the original is among the files in /proc/{}/fd)",
            self.path.display(),
            std::process::id()
        );
        if !self.is_reported.swap(true, Ordering::Relaxed) {
            log::error!("{line}");
        }
        Err(line)
    }
}

/// Device and inode of the file at `path`.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
}
