//! Forms that bring a file. They are read as they come: the words are kept in memory, the file goes to the disk, and
//! neither grows without end.
//!
//! Django: `request.FILES`, `TemporaryFileUploadHandler`

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use multer::{Field, Multipart};
use rocket::data::{self, Data, FromData, ToByteUnit};
use rocket::form::FromForm;
use rocket::futures::Stream;
use rocket::request::Request;
use rocket::tokio::time::timeout;
use tokio_util::io::ReaderStream;

use crate::kit::csrf;
use crate::kit::error::Error;
use crate::kit::forms::{outcome, parsed, read_fields};

/// Who sends nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(30);

/// Browsers show an answer only once all is sent. So a file that is somewhat too large is read to its end; one that is
/// larger than so many times what is allowed is cut off.
const PATIENCE: u64 = 4;

/// What a file may be; managed state.
pub struct FileRules {
    /// The largest, in bytes.
    pub max_bytes: u64,
    /// Where it stands while it is looked at.
    pub folder: PathBuf,
}

/// A file that came with a form, or not.
#[derive(Debug, Default)]
pub enum Brought {
    /// None was chosen.
    #[default]
    Nothing,
    /// All of it, in a file that has no name and goes with this value.
    Whole(File),
    /// More than is allowed.
    TooLarge,
}

/// A posted form with a file, whose token was right.
pub struct PostWithFile<F>(pub F, pub Brought);

#[rocket::async_trait]
impl<'r, F: for<'f> FromForm<'f> + Send> FromData<'r> for PostWithFile<F> {
    type Error = Error;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        let read = async {
            let (fields, brought) = read_form(request, data).await?;
            Ok(Self(parsed(&fields)?, brought))
        };
        outcome(request, read.await)
    }
}

/// Reads a form with or without a file, after checking its token, which must stand before the file.
///
/// # Errors
/// [`Error::UnsupportedMedia`], [`Error::TooLarge`] (words, not the file), [`Error::Csrf`], [`Error::BadRequest`],
/// [`Error::Unavailable`] when the disk does not take the file.
pub async fn read_form(request: &Request<'_>, data: Data<'_>) -> Result<(Vec<(String, String)>, Brought), Error> {
    let Some(content_type) = request.content_type().filter(|content_type| content_type.is_form_data()) else {
        return Ok((read_fields(request, data).await?, Brought::Nothing));
    };
    let boundary = content_type.param("boundary").ok_or(Error::BadRequest)?;
    let Some(rules) = request.rocket().state::<FileRules>() else {
        return Err(Error::Internal("no rules for files".into()));
    };
    let words = request.limits().get("form").unwrap_or(256.kibibytes()).as_u64();
    let most = rules.max_bytes.saturating_mul(PATIENCE).saturating_add(words);
    let body = ReaderStream::with_capacity(data.open(most.bytes()), 32 * 1024);
    let mut parts = Multipart::new(OneByOne { stream: body, rests: false }, boundary);
    let mut fields = Vec::new();
    let mut words_left = words;
    let mut brought = Brought::Nothing;
    let mut is_checked = false;
    let check = |fields: &[(String, String)]| {
        let token = fields.iter().find(|(name, _)| csrf::FIELDS.contains(&name.as_str())).map(|(_, value)| value);
        csrf::verify(request, token.map(String::as_str))
    };
    loop {
        let part = match in_time(parts.next_field()).await {
            Ok(Some(part)) => part,
            Ok(None) => break,
            // Cut off: what came after the file was not read.
            Err(_) if matches!(brought, Brought::TooLarge) => break,
            Err(error) => return Err(error),
        };
        if part.file_name().is_none() {
            fields.push(word(part, &mut words_left).await?);
            continue;
        }
        if !is_checked {
            // Nobody fills our disk from another site.
            check(&fields)?;
            is_checked = true;
        }
        match brought {
            Brought::Nothing => brought = file(part, rules).await?,
            // One file a form.
            _ => drop(part),
        }
    }
    if !is_checked {
        check(&fields)?;
    }
    Ok((fields, brought))
}

/// Gives one piece each time that it is asked: the parser would take in all that has come, a body's worth of memory.
struct OneByOne<S> {
    stream: S,
    rests: bool,
}

impl<S: Stream + Unpin> Stream for OneByOne<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = Pin::new(&mut self.stream).poll_next(context);
        self.rests = piece.is_ready();
        piece
    }
}

async fn word(mut part: Field<'_>, left: &mut u64) -> Result<(String, String), Error> {
    let name = part.name().unwrap_or_default().to_owned();
    let mut value = Vec::new();
    while let Some(chunk) = in_time(part.chunk()).await? {
        *left = left.checked_sub(chunk.len() as u64).ok_or(Error::TooLarge)?;
        value.extend_from_slice(&chunk);
    }
    // Each field costs, also an empty one.
    *left = left.checked_sub(name.len() as u64 + 64).ok_or(Error::TooLarge)?;
    Ok((name, String::from_utf8_lossy(&value).into_owned()))
}

async fn file(mut part: Field<'_>, rules: &FileRules) -> Result<Brought, Error> {
    let full = |error: std::io::Error| Error::Unavailable(format!("a file was not taken in: {error}"));
    let mut file: Option<File> = None;
    let mut size = 0_u64;
    loop {
        let chunk = match in_time(part.chunk()).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(_) if size > rules.max_bytes => return Ok(Brought::TooLarge),
            Err(error) => return Err(error),
        };
        // An empty file is none.
        if chunk.is_empty() {
            continue;
        }
        size += chunk.len() as u64;
        if size > rules.max_bytes {
            file = None;
            continue;
        }
        let file = match &mut file {
            Some(file) => file,
            None => file.insert(tempfile::tempfile_in(&rules.folder).map_err(full)?),
        };
        // Into the cache of the operating system, which takes less than to hand it to a thread, and no thread for each who
        // brings something.
        file.write_all(&chunk).map_err(full)?;
    }
    if size > rules.max_bytes {
        return Ok(Brought::TooLarge);
    }
    let Some(mut file) = file else { return Ok(Brought::Nothing) };
    file.seek(SeekFrom::Start(0)).map_err(full)?;
    Ok(Brought::Whole(file))
}

async fn in_time<T>(reading: impl Future<Output = multer::Result<T>>) -> Result<T, Error> {
    timeout(SILENCE, reading).await.map_err(|_| Error::BadRequest)?.map_err(|_| Error::BadRequest)
}

/// A size as people say it.
pub fn megabytes(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    match (tenths / 10, tenths % 10) {
        (0, 0) => format!("{} kB", bytes >> 10),
        (whole, 0) => format!("{whole} MB"),
        (whole, tenth) => format!("{whole}.{tenth} MB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_as_people_say_them() {
        assert_eq!(megabytes(5 << 20), "5 MB");
        assert_eq!(megabytes(1_600_000), "1.5 MB");
        assert_eq!(megabytes(4096), "4 kB");
    }
}
