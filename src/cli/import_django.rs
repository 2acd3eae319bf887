//! `import-django` (placeholder until the helper's file).

use super::Context;

/// From where.
#[derive(clap::Args)]
pub struct Args {}

/// Imports.
pub fn run(_args: Args, _context: &Context) -> Result<(), String> {
    Ok(())
}
