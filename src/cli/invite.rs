//! `invite`: links by which people may register on a closed site.

use super::Context;
use crate::accounts::models::invite;
use crate::kit::config::Registration;
use crate::kit::db;
use crate::kit::time;

/// What kind of link.
#[derive(clap::Args)]
pub struct Args {
    /// How many people may come by it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    uses: i64,
    /// How many days it works
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
    /// What it is for: stands in the list
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// List those that still work
    #[arg(long, conflicts_with_all = ["uses", "days", "note", "revoke"])]
    list: bool,
    /// Take the one of this number back
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["uses", "days", "note"])]
    revoke: Option<i64>,
}

/// Makes a link and prints it; or lists, or takes back.
///
/// # Errors
/// One line.
pub fn run(args: Args, context: &Context) -> Result<(), String> {
    let config = &context.loaded.config;
    let mut conn = context.connect_migrated()?;
    if args.list {
        let invites = invite::list(&mut conn).map_err(|e| e.to_string())?;
        for one in &invites {
            let note = if one.note.is_empty() { String::new() } else { format!("  {}", super::one_line(&one.note)) };
            out!("{}  uses left: {}  until {}{note}", one.id, one.uses_left, time::iso(one.expires));
        }
        if invites.is_empty() {
            context.say("No invitation works just now.");
        }
        return Ok(());
    }
    if let Some(id) = args.revoke {
        let gone = db::transaction(&mut conn, |conn| invite::revoke(conn, id)).map_err(|e| e.to_string())?;
        return if gone {
            context.say(&format!("Invitation {id} was taken back."));
            Ok(())
        } else {
            Err(format!("there is no invitation {id}; invite --list shows those that work"))
        };
    }
    if args.note.contains('\0') {
        return Err("--note holds a character that cannot be stored".into());
    }
    let token = db::transaction(&mut conn, |conn| invite::make(conn, &args.note, args.uses, args.days));
    let token = token.map_err(|e: diesel::result::Error| e.to_string())?;
    out!("{}/register?invite={token}", config.site_url);
    if config.accounts.registration == Registration::Open {
        context.say("(Registration is open: nobody needs this link until accounts.registration is \"closed\".)");
    }
    Ok(())
}
