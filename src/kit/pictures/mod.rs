//! Pictures that people bring: looked at, made anew in three sizes, kept under names made of their content.
//!
//! Nothing of what was sent is ever served. What is kept was decoded and encoded here, so it holds no script, no place
//! where it was taken, and nothing that another program would take for something else.
//!
//! Django: `ImageField`, Pillow, django-imagekit.

mod name;
mod prepare;
pub mod shelf;

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use rocket::tokio::sync::Semaphore;
use rocket::tokio::task::spawn_blocking;

use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::i18n::Text;
use crate::kit::storage::{Storage, StorageError};

pub use name::{Picture, Shape};
pub use prepare::{Limits, PictureError, Prepared, prepare};

/// Memory for decoded pictures, in MiB: small ones are made side by side, a large one alone.
const ROOM: u32 = 64;

/// Takes pictures in; managed state.
#[derive(Clone)]
pub struct Pictures {
    /// Where they are kept.
    pub storage: Arc<dyn Storage>,
    limits: Limits,
    room: Arc<Semaphore>,
}

impl Pictures {
    /// Kept there, no larger than that.
    pub fn new(storage: Arc<dyn Storage>, limits: Limits) -> Self {
        Self { storage, limits, room: Arc::new(Semaphore::new(ROOM as usize)) }
    }

    /// Makes a picture of a file and keeps it. It stays a day; longer where a row points at it.
    ///
    /// # Errors
    /// [`Rejection`].
    pub async fn take(&self, db: &Db, file: File, shape: Shape) -> Result<Picture, Rejection> {
        let prepared = self.prepared(file, shape).await?;
        let picture = prepared.picture.clone();
        let row = picture.clone();
        // First the row, so that whatever is in the storage is known.
        let reserved = db.write(move |conn| Ok(shelf::reserve(conn, &row)?)).await.map_err(Rejection::Broken)?;
        if !reserved {
            return Err(Rejection::NotKept("this very picture is being deleted".into()));
        }
        for (name, bytes) in &prepared.files {
            self.storage.put(name, bytes).await.map_err(|error| Rejection::NotKept(error.to_string()))?;
        }
        Ok(picture)
    }

    async fn prepared(&self, file: File, shape: Shape) -> Result<Prepared, Rejection> {
        let limits = self.limits;
        let (file, cost) = spawn_blocking(move || {
            let mut file = file;
            let cost = prepare::cost(&mut file, &limits);
            (file, cost)
        })
        .await
        .map_err(|error| Rejection::Broken(Error::Internal(error.to_string())))?;
        let mebibytes = u32::try_from(cost.map_err(Rejection::Refused)? >> 20).unwrap_or(ROOM).clamp(1, ROOM);
        // The semaphore is never closed.
        let room = Arc::clone(&self.room).acquire_many_owned(mebibytes).await;
        let room = room.map_err(|error| Rejection::Broken(Error::Internal(error.to_string())))?;
        let made = spawn_blocking(move || {
            // Kept until the memory is free, also when nobody waits for the answer any more.
            let _room = room;
            let mut bytes = Vec::new();
            let mut file = file;
            file.read_to_end(&mut bytes).map_err(|_| PictureError::Unreadable)?;
            drop(file);
            prepare(&bytes, shape, &limits)
        });
        match made.await {
            Ok(made) => made.map_err(Rejection::Refused),
            // A decoder that panics has met a file that was made for it.
            Err(_) => Err(Rejection::Refused(PictureError::Unreadable)),
        }
    }

    /// Deletes what nothing has pointed at for a day, the files as well; gives how many pictures went.
    ///
    /// # Errors
    /// The database's; and the storage's, whereupon the next time tries again.
    pub async fn sweep(&self, db: &Db) -> Result<usize, Error> {
        let doomed = db.write(|conn| Ok(shelf::doom(conn)?)).await?;
        let mut gone = 0;
        for picture in doomed {
            for name in picture.files() {
                let deleted: Result<(), StorageError> = self.storage.delete(&name).await;
                deleted.map_err(|error| Error::Unavailable(format!("a picture was not deleted: {error}")))?;
            }
            gone += db.write(move |conn| Ok(shelf::forget(conn, &picture)?)).await?;
        }
        Ok(gone)
    }
}

/// Why a file became no picture.
#[derive(Debug)]
pub enum Rejection {
    /// The file is to blame.
    Refused(PictureError),
    /// The storage is, in words for whoever runs the site.
    NotKept(String),
    /// The database is, or we are.
    Broken(Error),
}

impl PictureError {
    /// In words, for the field.
    pub fn text(&self) -> Text {
        match self {
            Self::Unreadable => Text::new("error-picture-unreadable"),
            Self::TooManyPixels { most } => {
                Text::new("error-picture-pixels").with("max", i64::try_from(most / 1_000_000).unwrap_or(i64::MAX))
            }
        }
    }
}
