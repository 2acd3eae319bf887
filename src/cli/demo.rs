//! `demo`: fills an empty database with people who talk.

use super::{Context, migrate};
use crate::demo::{Filled, Scale, fill_today, must_be_empty};
use crate::kit::config::make_data_dir;
use crate::kit::db::Conn;
use crate::kit::progress::Progress;

/// How much.
#[derive(clap::Args)]
pub struct Args {
    /// How much there is to be
    #[arg(long, value_enum, default_value_t)]
    scale: Scale,
    /// Another number gives other conversations, the same number the same ones
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u64,
}

/// What `serve --demo` and a plain `demo` show.
const SEED: u64 = 1;

/// Makes the database if there is none, and fills it.
///
/// # Errors
/// One line: then nothing was written.
pub fn run(args: Args, context: &Context) -> Result<(), String> {
    make_data_dir(&context.loaded.config).map_err(|e| e.to_string())?;
    let mut conn = context.connect()?;
    migrate::to_newest(context, &mut conn)?;
    fill(context, &mut conn, args.scale, args.seed)
}

/// For `serve --demo`: the small demo, when the database is empty; a database with content is left alone.
///
/// # Errors
/// One line.
pub fn fill_if_empty(context: &Context, conn: &mut Conn) -> Result<(), String> {
    match must_be_empty(conn) {
        Ok(()) => fill(context, conn, Scale::Small, SEED),
        Err(crate::demo::DemoError::NotEmpty(..)) => {
            context.say("The database has content already: --demo adds none.");
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn fill(context: &Context, conn: &mut Conn, scale: Scale, seed: u64) -> Result<(), String> {
    let mut progress = if context.verbosity < 0 { Progress::silent() } else { Progress::on_stderr() };
    let Filled { username, password, people, rooms, messages, projects } =
        fill_today(conn, scale, seed, &mut progress).map_err(|e| e.to_string())?;
    drop(progress);
    context.say(&format!("Demo content: {people} people, {rooms} rooms, {messages} messages, {projects} projects."));
    // Also when asked to be quiet: it is shown this once and kept nowhere.
    out!("Log in as {username} with the password {password}");
    Ok(())
}
