//! Where media are kept: a folder, or a bucket of an S3 server. Both keep the same promises, which
//! `tests/it/storage.rs` holds them to.
//!
//! Django: `django.core.files.storage`, `STORAGES` and django-storages.

mod local;
mod name;
mod s3;

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use rocket::tokio::io::{AsyncRead, AsyncReadExt};

use crate::kit::config::{Media, MediaBackend};

pub use local::Local;
pub use name::Name;
pub use s3::{S3, check_region};

/// Keeps objects under names. An object never changes: whoever wants other content takes another name.
///
/// Django: `Storage`
#[rocket::async_trait]
pub trait Storage: Send + Sync {
    /// Keeps `content` under `name`, whole or not at all: once this is answered it survives a power cut.
    ///
    /// # Errors
    /// [`StorageError::Trouble`]: it may be there or not, and may be put again.
    async fn put(&self, name: &Name, content: &[u8]) -> Result<(), StorageError>;

    /// The content, or the bytes `range` of it, which must lie within, as a stream.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], [`StorageError::Trouble`].
    async fn get(&self, name: &Name, range: Option<Range<u64>>) -> Result<Object, StorageError>;

    /// How many bytes are kept under this name, if any.
    ///
    /// # Errors
    /// [`StorageError::Trouble`].
    async fn size(&self, name: &Name) -> Result<Option<u64>, StorageError>;

    /// Keeps nothing under this name any more, whether or not anything was.
    ///
    /// # Errors
    /// [`StorageError::Trouble`].
    async fn delete(&self, name: &Name) -> Result<(), StorageError>;

    /// All that is kept, with the number of bytes, in the order of the names.
    ///
    /// # Errors
    /// [`StorageError::Trouble`].
    async fn list(&self) -> Result<Vec<(Name, u64)>, StorageError>;

    /// Whether the storage answers, without writing anything.
    ///
    /// # Errors
    /// [`StorageError::Trouble`]; [`StorageError::Forbidden`] when objects may not be listed, so that a missing one cannot
    /// be told from a forbidden one.
    async fn check(&self) -> Result<(), StorageError>;
}

/// What [`Storage::get`] found.
pub struct Object {
    /// Of the whole content, in bytes, whichever part was asked for.
    pub size: u64,
    /// What was asked for.
    pub body: Pin<Box<dyn AsyncRead + Send>>,
}

impl Object {
    /// All that was asked for, in memory.
    ///
    /// # Errors
    /// [`StorageError::Trouble`] when it breaks off.
    pub async fn bytes(mut self) -> Result<Vec<u8>, StorageError> {
        let mut bytes = Vec::new();
        self.body.read_to_end(&mut bytes).await.map_err(|error| StorageError::Trouble(error.to_string()))?;
        Ok(bytes)
    }
}

/// Why something was not kept or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageError {
    /// There is nothing of this name.
    NotFound,
    /// The server hides whether there is anything: the key may not read it, or it is missing and the key may not list.
    Forbidden(String),
    /// One line for the operator: what happened and what may help.
    Trouble(String),
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is nothing of this name"),
            Self::Forbidden(words) | Self::Trouble(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for StorageError {}

/// The configured storage.
///
/// # Errors
/// One line: the folder that cannot be written, the setting that cannot be used.
pub fn open(media: &Media) -> Result<Arc<dyn Storage>, String> {
    open_backend(media, media.backend)
}

/// The storage of this backend, whether or not it is the configured one.
///
/// # Errors
/// As [`open`].
pub fn open_backend(media: &Media, backend: MediaBackend) -> Result<Arc<dyn Storage>, String> {
    Ok(match backend {
        MediaBackend::Local => Arc::new(Local::open(&media.root)?),
        MediaBackend::S3 => Arc::new(S3::open(&media.s3)?),
    })
}
