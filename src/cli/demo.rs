//! `demo` (placeholder until the helper's file: keep `Args`, `run` and `fill_if_empty`, which `serve --demo` calls).

use super::Context;
use crate::kit::db::Conn;

/// How much.
#[derive(clap::Args)]
pub struct Args {}

/// Fills an empty database.
pub fn run(_args: Args, _context: &Context) -> Result<(), String> {
    Ok(())
}

/// For `serve --demo`: the small demo, when the database is empty; a database with content is left alone.
pub fn fill_if_empty(_context: &Context, _conn: &mut Conn) -> Result<(), String> {
    Ok(())
}
