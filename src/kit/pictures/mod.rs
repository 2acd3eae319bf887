//! Pictures that people bring: looked at, made anew in three sizes, kept under names made of their content.
//!
//! Nothing of what was sent is ever served. What is kept was decoded and encoded here, so it holds no script, no place
//! where it was taken, and nothing that another program would take for something else.
//!
//! Django: `ImageField`, Pillow, django-imagekit.

mod color;
mod gif;
mod guard;
mod jpeg;
mod name;
mod png;
mod prepare;
mod queue;
pub mod shelf;
mod webp;

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rocket::tokio::sync::oneshot;
use rocket::tokio::time::timeout;

use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::i18n::Text;
use crate::kit::storage::{Storage, StorageError};
use crate::kit::system;

pub use name::{Picture, Shape};
use prepare::Decoded;
pub use prepare::{Limits, PictureError, Prepared, prepare};
use queue::Queue;

/// Time that an upload waits for its image. Proxies and browsers wait for about a minute themselves.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// A file that is to become a picture.
struct Job {
    file: File,
    shape: Shape,
    client: Option<SocketAddr>,
    answer: oneshot::Sender<Result<Prepared, PictureError>>,
}

impl Job {
    /// Whether somebody still waits for the answer. A handler does not end when its client leaves, so the connection is looked at.
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed() && self.client.is_none_or(system::is_connected)
    }
}

/// Whose file it is.
#[derive(Clone, Copy, Debug)]
pub struct Uploader {
    /// Members take turns.
    pub user_id: i64,
    /// The other end of the connection, if there is one.
    pub client: Option<SocketAddr>,
}

/// Takes pictures in; managed state.
#[derive(Clone)]
pub struct Pictures {
    /// Where they are kept.
    pub storage: Arc<dyn Storage>,
    jobs: Queue<Job>,
}

impl Pictures {
    /// Kept there, no larger than that. They are made one after the other by a thread of their own: a decoded picture is
    /// large, and what one thread has used for one it uses again for the next.
    ///
    /// # Errors
    /// One line: there is no thread to be had.
    pub fn new(storage: Arc<dyn Storage>, limits: Limits) -> Result<Self, String> {
        let (jobs, turns) = queue::queue::<Job>();
        let work = move || {
            for job in turns {
                if job.is_wanted() {
                    // Nobody may be waiting any more.
                    let _ = job.answer.send(prepare(job.file, job.shape, &limits));
                }
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
    pub async fn take(&self, db: &Db, uploader: Uploader, file: File, shape: Shape) -> Result<Picture, Rejection> {
        let prepared = self.prepared(uploader, file, shape).await?;
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

    async fn prepared(&self, uploader: Uploader, file: File, shape: Shape) -> Result<Prepared, Rejection> {
        let (answer, answered) = oneshot::channel();
        let job = Job { file, shape, client: uploader.client, answer };
        self.jobs.push(uploader.user_id, job).map_err(|_| Rejection::Busy)?;
        match timeout(MAX_WAIT, answered).await {
            Ok(Ok(prepared)) => prepared.map_err(Rejection::Refused),
            // It took too long, or was dropped since its client had left.
            Ok(Err(_)) | Err(_) => Err(Rejection::Busy),
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
    /// Too many wait for theirs.
    Busy,
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

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::kit::storage::Local;

    #[test]
    fn image_of_a_client_that_left_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let pictures =
            Pictures::new(Arc::new(Local::open(folder.path()).unwrap()), Limits { pixels: 1_000_000 }).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, client) = listener.accept().unwrap();
        let made = |client: Option<SocketAddr>| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"no image").unwrap();
            let work = pictures.prepared(Uploader { user_id: 1, client }, file, Shape::Cover);
            rocket::tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
        };
        assert!(matches!(made(None), Err(Rejection::Refused(_))));
        assert!(matches!(made(Some(client)), Err(Rejection::Refused(_))), "looked at while its client waits");
        drop(near);
        assert!(matches!(made(Some(client)), Err(Rejection::Busy)), "the other end is closed");
        drop(far);
        assert!(matches!(made(Some(client)), Err(Rejection::Busy)), "ours is, too");
    }
}
