//! `migrate` and `showmigrations`.

use super::{Context, confirm, render_markdown};
use crate::accounts::models::look;
use crate::kit::config::{close_data_dir, make_data_dir};
use crate::kit::db::{Conn, Target};
use crate::kit::migrations::{self, MigrationLock};

/// How far to go.
#[derive(clap::Args)]
pub struct Args {
    /// A migration's name or number, or `zero` for none at all
    target: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    plan: bool,
    /// Do not ask before tables are dropped
    #[arg(long, aliases = ["no-input", "noinput"])]
    yes: bool,
}

/// How to list.
#[derive(clap::Args)]
pub struct ShowArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Django: `migrate`
///
/// # Errors
/// One line; whatever failed left nothing behind.
pub fn run(args: Args, context: &Context) -> Result<(), String> {
    make_data_dir(&context.loaded.config).map_err(|e| e.to_string())?;
    close_data_dir(&context.loaded.config);
    let mut conn = context.connect()?;
    let target = args.target.as_deref();
    if args.plan {
        let plan = migrations::plan(&mut conn, target).map_err(|e| e.to_string())?;
        for migration in &plan.down {
            out!("Unapply {}", migration.name);
        }
        for migration in &plan.up {
            out!("Apply {}", migration.name);
        }
        if plan.is_empty() {
            out!("No migrations to apply.");
        }
        return Ok(());
    }
    if target.is_some() {
        let plan = migrations::plan(&mut conn, target).map_err(|e| e.to_string())?;
        if !plan.down.is_empty() {
            confirm::destruction(context, "drops tables and what is in them", args.yes)?;
        }
    }
    let lock = MigrationLock::take(&mut conn, &context.loaded.config.data_dir)?;
    let done = guarded(context, &mut conn, target);
    lock.release(&mut conn).map_err(|e| e.to_string())?;
    if done? == 0 {
        context.say("No migrations to apply.");
    }
    // Only the newest state is sure to have all the columns.
    if target.is_none() { fill(context, &mut conn) } else { Ok(()) }
}

/// Before serving: to the newest state, saying only what was done.
///
/// # Errors
/// One line.
pub fn to_newest(context: &Context, conn: &mut Conn) -> Result<(), String> {
    // The usual case needs no lock; whatever else is found, also by chance in the middle of another
    // process's work, is looked at again under it.
    if !migrations::plan(conn, None).is_ok_and(|plan| plan.is_empty()) {
        let lock = MigrationLock::take(conn, &context.loaded.config.data_dir)?;
        let done = guarded(context, conn, None);
        lock.release(conn).map_err(|e| e.to_string())?;
        done?;
    }
    fill(context, conn)
}

/// Computes what no migration can.
fn fill(context: &Context, conn: &mut Conn) -> Result<(), String> {
    look::fill(conn).map_err(|e| e.to_string())?;
    render_markdown::to_newest(context, conn)
}

/// Under the lock: looks again, copies a file that holds data aside, then goes.
fn guarded(context: &Context, conn: &mut Conn, target: Option<&str>) -> Result<usize, String> {
    let plan = migrations::plan(conn, target).map_err(|e| e.to_string())?;
    if plan.is_empty() {
        return Ok(0);
    }
    let database = Target::parse(&context.loaded.config.database.url)?;
    if plan.holds_data {
        let copy = migrations::copy_aside(conn, database.file())
            .map_err(|e| format!("cannot copy the database aside: {e}; nothing was changed"))?;
        if let Some(copy) = copy {
            context.say(&format!("The database was copied to {}", copy.display()));
        }
    }
    migrations::run(conn, target, |step| context.say(step)).map_err(|e| e.to_string())
}

/// Django: `showmigrations`
///
/// # Errors
/// One line.
pub fn show(args: ShowArgs, context: &Context) -> Result<(), String> {
    let mut conn = context.connect()?;
    let listed = migrations::list(&mut conn).map_err(|e| e.to_string())?;
    if args.json {
        out!("{}", serde_json::to_string_pretty(&listed).map_err(|e| e.to_string())?);
        return Ok(());
    }
    for migration in listed {
        let mark = if migration.applied.is_some() { 'X' } else { ' ' };
        let remark = match (migration.missing, migration.changed) {
            (true, _) => "  (applied, but this program does not have it)",
            (_, true) => "  (changed since it was applied)",
            _ => "",
        };
        out!("[{mark}] {}{remark}", migration.name);
    }
    Ok(())
}
