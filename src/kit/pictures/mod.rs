//! Pictures that people bring: looked at, made anew in three sizes, kept under names made of their content.
//!
//! Nothing of what was sent is ever served. What is kept was decoded and encoded here, so it holds no script, no place
//! where it was taken, and nothing that another program would take for something else.
//!
//! Django: `ImageField`, Pillow, django-imagekit.

mod gif;
mod guard;
mod jpeg;
mod name;
mod png;
mod prepare;
pub mod shelf;
mod webp;

use std::fs::File;
use std::panic::catch_unwind;
use std::sync::Arc;

use crossbeam_channel::{Sender, unbounded};
use rocket::tokio::sync::oneshot;

use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::i18n::Text;
use crate::kit::storage::{Storage, StorageError};

pub use name::{Picture, Shape};
use prepare::Decoded;
pub use prepare::{Limits, PictureError, Prepared, prepare};

/// A file that is to become a picture.
struct Job {
    file: File,
    shape: Shape,
    answer: oneshot::Sender<Result<Prepared, PictureError>>,
}

/// Takes pictures in; managed state.
#[derive(Clone)]
pub struct Pictures {
    /// Where they are kept.
    pub storage: Arc<dyn Storage>,
    jobs: Sender<Job>,
}

impl Pictures {
    /// Kept there, no larger than that. They are made one after the other by a thread of their own: a decoded picture is
    /// large, and what one thread has used for one it uses again for the next.
    ///
    /// # Errors
    /// One line: there is no thread to be had.
    pub fn new(storage: Arc<dyn Storage>, limits: Limits) -> Result<Self, String> {
        let (jobs, queue) = unbounded::<Job>();
        let work = move || {
            for Job { file, shape, answer } in queue {
                // A decoder that panics has met a file that was made for it.
                let made = catch_unwind(|| prepare(file, shape, &limits)).unwrap_or(Err(PictureError::Unreadable));
                // Nobody may be waiting any more.
                let _ = answer.send(made);
            }
        };
        let thread = std::thread::Builder::new().name("pictures".into()).spawn(work);
        thread.map_err(|error| format!("no thread for pictures: {error}"))?;
        Ok(Self { storage, jobs })
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
        let broken = |what: &str| Rejection::Broken(Error::Internal(what.to_owned()));
        let (answer, answered) = oneshot::channel();
        let job = Job { file, shape, answer };
        self.jobs.send(job).map_err(|_| broken("the thread that makes pictures is gone"))?;
        answered.await.map_err(|_| broken("a picture was lost"))?.map_err(Rejection::Refused)
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
            Self::TooCostly => Text::new("error-picture-costly"),
            Self::TooManyPixels { most } => {
                Text::new("error-picture-pixels").with("max", i64::try_from(most / 1_000_000).unwrap_or(i64::MAX))
            }
        }
    }
}
