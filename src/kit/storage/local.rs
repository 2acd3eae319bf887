//! Media in a folder.
//!
//! Django: `FileSystemStorage`

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rocket::tokio;
use rocket::tokio::io::{AsyncReadExt, AsyncSeekExt};
use rocket::tokio::task::spawn_blocking;

use super::{Name, Object, Storage, StorageError};

/// Where files stand until they are whole. No name begins with a dot.
const UNDER_WAY: &str = ".under-way";

/// A folder; each object is a file of its name.
pub struct Local {
    root: PathBuf,
}

impl Local {
    /// The folder, made when it is absent. What a crash left half written is taken away.
    ///
    /// # Errors
    /// One line: the folder that cannot be written.
    pub fn open(root: &Path) -> Result<Self, String> {
        let under_way = root.join(UNDER_WAY);
        let cleared = || {
            fs::create_dir_all(&under_way)?;
            for entry in fs::read_dir(&under_way)? {
                let entry = entry?;
                // Another process may be writing.
                let is_old = entry.metadata()?.modified()?.elapsed().is_ok_and(|age| age.as_secs() > 24 * 60 * 60);
                if is_old {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        cleared().map_err(|e: io::Error| format!("the media folder {} cannot be written: {e}", root.display()))?;
        Ok(Self { root: root.to_owned() })
    }

    fn path(&self, name: &Name) -> PathBuf {
        self.root.join(name.as_str())
    }

    fn trouble(&self, doing: &str, name: &Name, error: &io::Error) -> StorageError {
        match error.kind() {
            ErrorKind::NotFound => StorageError::NotFound,
            _ => StorageError::Trouble(format!("{} cannot be {doing}: {error}", self.path(name).display())),
        }
    }
}

#[rocket::async_trait]
impl Storage for Local {
    async fn put(&self, name: &Name, content: &[u8]) -> Result<(), StorageError> {
        let (root, path, content) = (self.root.clone(), self.path(name), content.to_owned());
        blocking(move || write_whole(&root, &path, &content)).await.map_err(|error| {
            // A folder that is gone is trouble, too.
            StorageError::Trouble(format!("{} cannot be written: {error}", self.path(name).display()))
        })
    }

    async fn get(&self, name: &Name, range: Option<Range<u64>>) -> Result<Object, StorageError> {
        let opened = async {
            let mut file = tokio::fs::File::open(self.path(name)).await?;
            let metadata = file.metadata().await?;
            if !metadata.is_file() {
                return Err(ErrorKind::NotFound.into());
            }
            let range = range.unwrap_or(0..metadata.len());
            if range.start > 0 {
                file.seek(io::SeekFrom::Start(range.start)).await?;
            }
            let body = file.take(range.end.saturating_sub(range.start));
            Ok(Object { size: metadata.len(), body: Box::pin(body) })
        };
        opened.await.map_err(|error| self.trouble("read", name, &error))
    }

    async fn size(&self, name: &Name) -> Result<Option<u64>, StorageError> {
        match tokio::fs::metadata(self.path(name)).await {
            Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(self.trouble("read", name, &error)),
        }
    }

    async fn delete(&self, name: &Name) -> Result<(), StorageError> {
        match tokio::fs::remove_file(self.path(name)).await {
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Err(self.trouble("deleted", name, &error))
            }
            _ => Ok(()),
        }
    }

    async fn list(&self) -> Result<Vec<(Name, u64)>, StorageError> {
        let root = self.root.clone();
        let listed = blocking(move || {
            let mut found = Vec::new();
            walk(&root, "", &mut found)?;
            found.sort();
            Ok(found)
        });
        listed.await.map_err(|e| StorageError::Trouble(format!("{} cannot be read: {e}", self.root.display())))
    }

    async fn check(&self) -> Result<(), StorageError> {
        let read = tokio::fs::read_dir(&self.root).await;
        read.map(drop).map_err(|e| StorageError::Trouble(format!("{} cannot be read: {e}", self.root.display())))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The rename is what makes it appear, so nobody sees a part of it.
fn write_whole(root: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(root);
    fs::create_dir_all(folder)?;
    let mut file =
        tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(root.join(UNDER_WAY))?;
    file.write_all(content)?;
    // Who may look into the media folder may look at its files: a web server that serves them by itself, perhaps.
    let shared = fs::metadata(root)?.permissions().mode() & 0o2055;
    if shared != 0 {
        for folder in folder.ancestors().take_while(|folder| *folder != root) {
            fs::set_permissions(folder, Permissions::from_mode(0o700 | shared))?;
        }
        file.as_file().set_permissions(Permissions::from_mode(0o600 | shared & 0o044))?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    // A power cut must not take the file's name, nor its folder's.
    File::open(folder)?.sync_all()?;
    File::open(root)?.sync_all()
}

fn walk(folder: &Path, above: &str, found: &mut Vec<(Name, u64)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(|part| Name::new(&format!("{above}{part}"))) else {
            continue;
        };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), found)?;
        } else if kind.is_file() {
            match entry.metadata() {
                Ok(metadata) => found.push((name, metadata.len())),
                // Deleted meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
