//! `storage`: tries out where pictures are kept, and moves them from one place to the other.

use std::collections::HashSet;
use std::sync::Arc;

use rocket::futures::{StreamExt, stream};
use rocket::tokio::runtime::Runtime;
use sha2::{Digest, Sha256};

use super::Context;
use crate::kit::config::{Media, MediaBackend};
use crate::kit::pictures::shelf;
use crate::kit::progress::Progress;
use crate::kit::random;
use crate::kit::storage::{Name, Storage, StorageError, open, open_backend};

/// Pictures copied at once: the way to a bucket is long, and most of the time is waiting.
const AT_ONCE: usize = 8;

/// What to do.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write, read, compare and delete one object where pictures are kept
    Test,
    /// Copy all pictures to the other place; what is there already stays, so it can be done again
    Migrate {
        /// Where they are to be: `local` or `s3`
        #[arg(long, value_name = "BACKEND", value_parser = backend)]
        to: MediaBackend,
    },
}

fn backend(text: &str) -> Result<MediaBackend, String> {
    match text {
        "local" => Ok(MediaBackend::Local),
        "s3" => Ok(MediaBackend::S3),
        _ => Err("it is local or s3".into()),
    }
}

/// Does it.
///
/// # Errors
/// One line.
pub fn run(args: Args, context: &Context) -> Result<(), String> {
    let runtime = Runtime::new().map_err(|e| e.to_string())?;
    match args.command {
        Command::Test => runtime.block_on(test(context)),
        Command::Migrate { to } => migrate(context, to, &runtime),
    }
}

fn place(media: &Media, backend: MediaBackend) -> String {
    match backend {
        MediaBackend::Local => format!("the folder {}", media.root.display()),
        MediaBackend::S3 => format!("the bucket {}", media.s3.bucket),
    }
}

async fn test(context: &Context) -> Result<(), String> {
    let media = &context.loaded.config.media;
    let storage = open(media)?;
    let name = format!("test/{}", random::token(12).to_lowercase().replace(['-', '_'], "0"));
    let name = Name::new(&name).ok_or("no name for a test")?;
    let content: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    context.say(&format!("Pictures are kept in {}.", place(media, media.backend)));
    let tried = try_out(storage.as_ref(), &name, &content, context).await;
    if tried.is_err() {
        // As far as it can; the reason is told anyway.
        let _ = storage.delete(&name).await;
    }
    tried?;
    context.say("All is well.");
    Ok(())
}

async fn try_out(storage: &dyn Storage, name: &Name, content: &[u8], context: &Context) -> Result<(), String> {
    let failed = |doing: &'static str| move |error: StorageError| format!("{doing} failed: {error}");
    storage.put(name, content).await.map_err(failed("writing"))?;
    context.say("  wrote 100,000 bytes");
    let size = storage.size(name).await.map_err(failed("asking for the size"))?;
    let whole = storage.get(name, None).await.map_err(failed("reading"))?;
    let expected = content.len() as u64;
    if size != Some(expected) || whole.size != expected {
        return Err(format!("the size is wrong: {size:?} and {} instead of {expected}", whole.size));
    }
    if whole.bytes().await.map_err(failed("reading"))? != content {
        return Err("what was read is not what was written".into());
    }
    let part = storage.get(name, Some(1000..2000)).await.map_err(failed("reading a part"))?;
    if part.bytes().await.map_err(failed("reading a part"))? != content[1000..2000] {
        return Err("a part that was read is not what was written".into());
    }
    context.say("  read them again, and a part of them: the same");
    storage.delete(name).await.map_err(failed("deleting"))?;
    if storage.size(name).await.map_err(failed("looking"))?.is_some() {
        return Err("what was deleted is still there".into());
    }
    context.say("  deleted them");
    Ok(())
}

/// What became of one object.
enum Copied {
    New,
    Known,
}

fn migrate(context: &Context, to: MediaBackend, runtime: &Runtime) -> Result<(), String> {
    let media = &context.loaded.config.media;
    let from = if to == MediaBackend::Local { MediaBackend::S3 } else { MediaBackend::Local };
    let s3 = &media.s3;
    let needed = [
        ("bucket", s3.bucket.is_empty()),
        ("access_key", s3.access_key.is_empty()),
        ("secret_key", s3.secret_key.is_none()),
    ];
    if let Some((key, _)) = needed.into_iter().find(|(_, is_missing)| *is_missing) {
        return Err(format!("media.s3.{key} is not set"));
    }
    let (source, target) = (open_backend(media, from)?, open_backend(media, to)?);
    context.say(&format!("From {} to {}.", place(media, from), place(media, to)));
    let (new, known) = runtime.block_on(copy_all(&source, &target))?;
    let missing = missing(context, [&source, &target], runtime)?;
    context.say(&format!(
        "{new} files were copied, {known} were there already; all of them were read again and are the same."
    ));
    if missing > 0 {
        return Err(format!("{missing} files of pictures that the database knows are in neither place"));
    }
    if media.backend != to {
        let name = if to == MediaBackend::S3 { "s3" } else { "local" };
        context.say(&format!(
            "Now set media.backend to \"{name}\", restart the server, and run this once more for what came meanwhile."
        ));
    }
    Ok(())
}

async fn copy_all(source: &Arc<dyn Storage>, target: &Arc<dyn Storage>) -> Result<(usize, usize), String> {
    let names = source.list().await.map_err(|e| e.to_string())?;
    let mut progress = Progress::on_stderr();
    progress.begin("files", names.len());
    let mut work = stream::iter(names)
        .map(|(name, _)| async move {
            copy(source.as_ref(), target.as_ref(), &name).await.map_err(|e| format!("{name}: {e}"))
        })
        .buffer_unordered(AT_ONCE);
    let (mut new, mut known) = (0, 0);
    while let Some(copied) = work.next().await {
        match copied? {
            Copied::New => new += 1,
            Copied::Known => known += 1,
        }
        progress.advance(1);
    }
    Ok((new, known))
}

/// Copies what is not there yet, and reads it again: only what is there and the same counts as copied.
async fn copy(source: &dyn Storage, target: &dyn Storage, name: &Name) -> Result<Copied, StorageError> {
    let content = match source.get(name, None).await {
        Ok(object) => object.bytes().await?,
        // The site is up: a picture may be deleted meanwhile.
        Err(StorageError::NotFound) => return Ok(Copied::Known),
        Err(error) => return Err(error),
    };
    let hash = Sha256::digest(&content);
    let is_there = async || match target.get(name, None).await {
        Ok(object) => Ok(Sha256::digest(object.bytes().await?) == hash),
        Err(StorageError::NotFound) => Ok(false),
        Err(error) => Err(error),
    };
    if is_there().await? {
        return Ok(Copied::Known);
    }
    target.put(name, &content).await?;
    match is_there().await? {
        true => Ok(Copied::New),
        false => Err(StorageError::Trouble("it does not come back as it was written".into())),
    }
}

/// How many files that the database knows are nowhere. (What came meanwhile is in one of the two places.)
fn missing(context: &Context, places: [&Arc<dyn Storage>; 2], runtime: &Runtime) -> Result<usize, String> {
    let mut conn = context.connect_migrated()?;
    let pictures = shelf::all(&mut conn).map_err(|e| e.to_string())?;
    let mut there = HashSet::new();
    for place in places {
        let listed = runtime.block_on(place.list()).map_err(|e| e.to_string())?;
        there.extend(listed.into_iter().map(|(name, _)| name));
    }
    Ok(pictures.iter().flat_map(|picture| picture.files()).filter(|name| !there.contains(name)).count())
}
