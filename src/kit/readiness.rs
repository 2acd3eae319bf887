//! Whether this process can serve: `/readyz` asks, and the log says when that changes.
//!
//! Probes that write or that leave the process are made rarely, however often somebody asks.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rocket::tokio::sync::Mutex;
use rocket::tokio::task::spawn_blocking;
use rocket::tokio::time::timeout;

use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::storage::{Storage, StorageError};

/// Free space below which a disk counts as full.
const LEAST_SPACE: u64 = 16 * 1024 * 1024;

/// Size of the file that is written to see whether the disk takes it.
const PROBE_BYTES: usize = 256 * 1024;

/// Time between two probes that write to the disk, unless a write failed in between.
const DISK_PROBE_EVERY: Duration = Duration::from_secs(60);

/// Time between two looks at the database's tables.
const DATABASE_PROBE_EVERY: Duration = Duration::from_secs(5);

/// Time between two requests to the bucket.
const STORAGE_PROBE_EVERY: Duration = Duration::from_secs(10);

/// Time for which a fault is remembered: many may ask while a probe takes long.
const FAULT_REMEMBERED: Duration = Duration::from_millis(500);

/// Time that a database or a bucket may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// What is asked, and what the last answers were; managed state.
pub struct Readiness {
    /// Folders that must take files.
    folders: Vec<PathBuf>,
    /// The bucket, if images are kept in one.
    bucket: Option<Arc<dyn Storage>>,
    least_space: u64,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    disk: Option<Probe>,
    database: Option<Probe>,
    bucket: Option<Probe>,
    is_reported: bool,
}

type Probe = (Instant, Result<(), Fault>);

/// Why the process is not ready: for whoever asks, and in detail for the log.
#[derive(Clone, Debug)]
pub struct Fault {
    /// One line that names no path and no address.
    pub line: &'static str,
    detail: String,
}

impl Fault {
    fn new(line: &'static str, detail: impl Into<String>) -> Self {
        Self { line, detail: detail.into() }
    }
}

impl Readiness {
    /// Looks at these folders, and at the bucket if there is one.
    pub fn new(folders: Vec<PathBuf>, bucket: Option<Arc<dyn Storage>>) -> Self {
        Self { folders, bucket, least_space: LEAST_SPACE, last: Mutex::default() }
    }

    /// Returns why the process cannot serve, if it cannot. The log says when that changes.
    ///
    /// # Errors
    /// The first [`Fault`] that is found.
    pub async fn check(&self, db: &Db) -> Result<(), Fault> {
        let mut last = self.last.lock().await;
        let found = self.find_fault(db, &mut last).await;
        match &found {
            Err(fault) if !last.is_reported => log::error!("not ready: {}: {}", fault.line, fault.detail),
            Ok(()) if last.is_reported => log::info!("ready again"),
            _ => {}
        }
        last.is_reported = found.is_err();
        found
    }

    async fn find_fault(&self, db: &Db, last: &mut Last) -> Result<(), Fault> {
        db.check_file().map_err(|detail| Fault::new("the database file was deleted or replaced", detail))?;
        if db.stats().is_damaged() {
            return Err(Fault::new("the database is damaged", "a request met it; the lines above say where"));
        }
        // Where requests fail, readiness must not remember better times.
        if db.is_unreachable() || is_due(last.database.as_ref(), DATABASE_PROBE_EVERY) {
            last.database = Some((Instant::now(), check_tables(db).await));
        }
        cached(last.database.as_ref())?;
        // After a failed write its own probe comes first: a small one may still fit where the disk is full.
        if db.stats().is_failing() || is_due(last.disk.as_ref(), DISK_PROBE_EVERY) {
            let (folders, least) = (self.folders.clone(), self.least_space);
            let probed =
                spawn_blocking(move || folders.iter().try_for_each(|folder| check_folder(folder, least))).await;
            let probed =
                probed.unwrap_or_else(|error| Err(Fault::new("the disk cannot be written", error.to_string())));
            last.disk = Some((Instant::now(), probed));
        }
        cached(last.disk.as_ref())?;
        if db.stats().is_failing() {
            let write = timeout(PROBE_TIMEOUT, db.probe_write()).await.unwrap_or(Err(Error::Busy));
            write.map_err(|error| Fault::new("the database cannot be written", format!("{error:?}")))?;
        }
        if let Some(bucket) = &self.bucket {
            if is_due(last.bucket.as_ref(), STORAGE_PROBE_EVERY) {
                last.bucket = Some((Instant::now(), check_bucket(bucket.as_ref()).await));
            }
            cached(last.bucket.as_ref())?;
        }
        Ok(())
    }
}

fn is_due(last: Option<&Probe>, every: Duration) -> bool {
    last.is_none_or(|(at, found)| at.elapsed() >= if found.is_ok() { every } else { FAULT_REMEMBERED })
}

fn cached(last: Option<&Probe>) -> Result<(), Fault> {
    last.map_or(Ok(()), |(_, found)| found.clone())
}

/// Reads from the database's tables, not only from its server.
async fn check_tables(db: &Db) -> Result<(), Fault> {
    match timeout(PROBE_TIMEOUT, db.probe_read()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.is_damage() => Err(Fault::new("the database is damaged", format!("{error:?}"))),
        Ok(Err(error)) => Err(Fault::new("the database does not answer", format!("{error:?}"))),
        Err(_) => Err(Fault::new("the database does not answer", "it takes longer than 2 seconds")),
    }
}

/// Whether the folder's disk has room, and really takes a file.
fn check_folder(folder: &Path, least_space: u64) -> Result<(), Fault> {
    let shown = folder.display();
    let space = rustix::fs::statvfs(folder)
        .map_err(|error| Fault::new("the disk cannot be written", format!("{shown}: {error}")))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    // Some file systems do not tell their size.
    if space.f_blocks > 0 && free < least_space {
        return Err(Fault::new(
            "the disk is full",
            format!("{shown} has {free} bytes left: free at least {least_space}"),
        ));
    }
    let written = tempfile::tempfile_in(folder).and_then(|mut file| {
        // Not zeros, which some file systems do not store.
        file.write_all(&vec![0x5a; PROBE_BYTES])?;
        file.sync_all()
    });
    written.map_err(|error| {
        let is_full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        let line = if is_full { "the disk is full" } else { "the disk cannot be written" };
        Fault::new(line, format!("{shown}: {error}"))
    })
}

/// Asks the bucket, without writing anything.
async fn check_bucket(bucket: &dyn Storage) -> Result<(), Fault> {
    let detail = match timeout(PROBE_TIMEOUT, bucket.check()).await {
        // Some keys may not list objects. Images are served all the same.
        Ok(Ok(()) | Err(StorageError::Forbidden(_))) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it takes longer than 2 seconds".into(),
    };
    Err(Fault::new("the media storage does not answer", detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::db::Target;

    #[test]
    fn folder_without_room_or_missing_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        check_folder(folder.path(), 1).unwrap();
        assert_eq!(check_folder(folder.path(), u64::MAX).unwrap_err().line, "the disk is full");
        assert_eq!(check_folder(&folder.path().join("gone"), 1).unwrap_err().line, "the disk cannot be written");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn full_disk_is_reported_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::new(Target::Sqlite(folder.path().join("x.db")), 1);
        let mut readiness = Readiness::new(vec![folder.path().to_owned()], None);
        readiness.check(&db).await.unwrap();
        readiness.least_space = u64::MAX;
        readiness.last = Mutex::default();
        assert_eq!(readiness.check(&db).await.unwrap_err().line, "the disk is full");
        readiness.least_space = 1;
        readiness.last = Mutex::default();
        readiness.check(&db).await.unwrap();
    }
}
