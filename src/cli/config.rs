//! `config show`.

use super::Context;

/// What to do with the settings.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Print every setting, its value and where it came from; secrets are masked
    Show,
}

/// Prints them.
///
/// # Errors
/// None today; commands share one signature.
pub fn run(args: Args, context: &Context) -> Result<(), String> {
    let What::Show = args.what;
    let entries = &context.loaded.entries;
    let keys = entries.iter().map(|entry| entry.key.chars().count()).max().unwrap_or_default();
    let values = entries.iter().map(|entry| entry.value.chars().count()).max().unwrap_or_default().min(48);
    for entry in entries {
        out!("{:keys$}  {:values$}  {}", entry.key, entry.value, entry.source);
    }
    Ok(())
}
