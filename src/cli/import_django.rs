//! `import-django`: a Django course's database comes across.

use std::path::PathBuf;

use super::{Context, migrate};
use crate::import_django::{Course, Gallery, Options, TableMap, import};
use crate::kit::config::make_data_dir;
use crate::kit::pictures::Limits;
use crate::kit::progress::Progress;
use crate::kit::storage;

/// From where, and how.
#[derive(clap::Args)]
pub struct Args {
    /// The course's SQLite database, usually db.sqlite3; it is only read
    #[arg(value_name = "DB.sqlite3")]
    source: PathBuf,
    /// The course's folder of pictures (MEDIA_ROOT); without it they stay behind, and another run may bring them
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,
    /// Do everything and print the report, but keep nothing
    #[arg(long)]
    dry_run: bool,
    /// Who is staff or superuser there is it here too
    #[arg(long)]
    keep_staff: bool,
    /// A TOML file that says which table and column is which of the course's
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Write such a file to standard output, as the database would be read now, and import nothing
    #[arg(long)]
    draft_map: bool,
}

/// Makes the database if there is none, so that one command is enough, and imports.
///
/// # Errors
/// One line: then nothing was changed.
pub fn run(args: Args, context: &Context) -> Result<(), String> {
    let map = args.map.as_deref().map(TableMap::read).transpose()?.unwrap_or_default();
    if args.draft_map {
        let draft = Course::draft_map(&args.source, &map).map_err(|e| e.to_string())?;
        out!("{}", draft.trim_end());
        return Ok(());
    }
    // First of all: a mistyped name must not leave a new database behind.
    let course = Course::open_with(&args.source, map).map_err(|e| e.to_string())?;
    if let Some(folder) = args.media.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(format!("{} is no folder: --media names the course's folder of pictures", folder.display()));
    }
    make_data_dir(&context.loaded.config).map_err(|e| e.to_string())?;
    let mut conn = context.connect()?;
    migrate::to_newest(context, &mut conn)?;
    let gallery = args.media.map(|folder| gallery(folder, context)).transpose()?;
    let options = Options { dry_run: args.dry_run, keep_staff: args.keep_staff };
    let mut progress = if context.verbosity < 0 { Progress::silent() } else { Progress::on_stderr() };
    let report = import(&mut conn, course, options, gallery.as_ref(), &mut progress).map_err(|e| e.to_string())?;
    drop(progress);
    context.say(report.shown(context.verbosity > 0).to_string().trim_end());
    Ok(())
}

fn gallery(folder: PathBuf, context: &Context) -> Result<Gallery, String> {
    let media = &context.loaded.config.media;
    Ok(Gallery {
        folder,
        storage: storage::open(media)?,
        limits: Limits { pixels: media.max_pixels },
        runtime: rocket::tokio::runtime::Runtime::new().map_err(|error| error.to_string())?,
    })
}
