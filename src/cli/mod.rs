//! The command line: `manage.py`, one file a command.
//!
//! Errors are one line on standard error. Exit codes: 0 done, 1 failed, 2 wrong usage.

/// Like `println!`, to a reader who may have gone meanwhile (`chaupal config show | head`): that is no
/// reason to panic. What a terminal would obey is written as numbers: names come from elsewhere.
macro_rules! out {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let text = format!($($words)*);
        let _ = writeln!(std::io::stdout().lock(), "{}", $crate::kit::logging::printable(&text));
    }};
}

mod check;
mod check_url;
mod config;
mod confirm;
mod demo;
mod healthcheck;
mod import_django;
mod invite;
mod migrate;
mod people;
mod render_markdown;
mod sendtestemail;
mod serve;
mod stop;
mod storage;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgAction, Parser, Subcommand};

use crate::kit::config::{Loaded, Sources, load};
use crate::kit::db::{Conn, NOT_A_FILE, Target};
use crate::kit::error::is_damage;
use crate::kit::migrations::copies;
use crate::kit::{logging, system};

/// A community in one binary: rooms that talk live.
#[derive(Parser)]
#[command(name = "chaupal", version, about, max_term_width = 100)]
struct Cli {
    /// Settings file in place of Rocket.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Profile of settings, e.g. debug or release
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// Say less
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Migrate the database, then serve the site (this is also what no command does)
    #[command(alias = "runserver")]
    Serve(serve::Args),
    /// Bring the database to the newest state, or to TARGET
    Migrate(migrate::Args),
    /// List the migrations and which are applied
    Showmigrations(migrate::ShowArgs),
    /// Make a person who may do everything
    Createsuperuser(people::CreateArgs),
    /// Give a person a new password
    Changepassword(people::PasswordArgs),
    /// Let somebody in by the password alone who has lost the app of the second factor
    Removesecondfactor(people::PasswordArgs),
    /// Delete a person: rooms stay, messages go
    Deleteuser(people::DeleteArgs),
    /// Make a link by which people may register on a closed site
    Invite(invite::Args),
    /// Forget sessions that are over
    Clearsessions(people::ClearArgs),
    /// Send one letter now, to see whether mail is set up well
    Sendtestemail(sendtestemail::Args),
    /// Check settings, data folder, database and templates
    Check(check::Args),
    /// Settings in effect
    Config(config::Args),
    /// Fill an empty database with demo content
    Demo(demo::Args),
    /// Bring a Django course's database across
    ImportDjango(import_django::Args),
    /// Make what people wrote into HTML again (an update does so by itself)
    RenderMarkdown,
    /// Try out where pictures are kept, or move them from one place to the other
    Storage(storage::Args),
    /// Ask a running server whether it is ready
    Healthcheck(healthcheck::Args),
}

/// What every command gets.
pub struct Context {
    /// The settings in effect.
    pub loaded: Loaded,
    /// Below 0: quiet; above 0: verbose.
    pub verbosity: i8,
}

impl Context {
    /// Opens one connection.
    ///
    /// # Errors
    /// One line: where the database is and why it cannot be reached.
    pub fn connect(&self) -> Result<Conn, String> {
        let url = &self.loaded.config.database.url;
        let target = Target::parse(url)?;
        if let Some(folder) =
            target.file().and_then(|file| file.parent()).filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(|e| crate::server::cannot_write(folder, &e))?;
        }
        if let Some(file) = target.file() {
            crate::kit::migrations::refuse_foreign_file(file).map_err(|error| error.to_string())?;
        }
        target.connect().map_err(|error| {
            let reason = one_line(&error.to_string());
            let shown = crate::kit::config::mask_url(url);
            match target {
                Target::Sqlite(_) if is_damage(&reason) => format!("cannot open the database {shown}: {reason}"),
                Target::Sqlite(_) if reason.contains(NOT_A_FILE) => {
                    format!("cannot open the database {shown}: {reason}; set database.url to another path")
                }
                Target::Sqlite(_) => {
                    format!("cannot open the database {shown}: {reason}; check that the folder exists and is writable")
                }
                Target::Postgres(_) => {
                    format!("cannot reach the database {shown}: {reason}; check database.url and that the server runs")
                }
            }
        })
    }

    /// Opens a connection to a database that must be at this program's schema.
    ///
    /// # Errors
    /// As [`Context::connect`]; or what is to be done first.
    pub fn connect_migrated(&self) -> Result<Conn, String> {
        let mut conn = self.connect()?;
        let plan = crate::kit::migrations::plan(&mut conn, None).map_err(|e| e.to_string())?;
        if plan.is_empty() { Ok(conn) } else { Err("the database is not migrated: run `chaupal migrate` first".into()) }
    }

    /// Adds to an error that says that the database is damaged what to do about it.
    pub fn explain(&self, line: &str) -> String {
        let Ok(Target::Sqlite(file)) = Target::parse(&self.loaded.config.database.url) else { return line.to_owned() };
        if !is_damage(line) {
            return line.to_owned();
        }
        let copy = match copies(&file).pop() {
            Some(copy) => format!("the copy that the last migration made, {}", copy.display()),
            None => "a copy that you made".into(),
        };
        let file = file.display();
        format!(
            "{line}; the file is damaged: stop whatever uses it, move {file}, {file}-wal and {file}-shm to another folder, and put {copy} in its place"
        )
    }

    /// Says something unless asked to be quiet.
    pub fn say(&self, line: &str) {
        if self.verbosity >= 0 {
            out!("{line}");
        }
    }
}

/// A message of several lines as one.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads the arguments, runs the command, tells how it went.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors: clap knows the code and the stream.
            if error.use_stderr() {
                eprintln!("chaupal: {}", logging::printable(&usage_error(error.kind(), &error.to_string())));
            } else {
                let _ = error.print();
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match execute(cli) {
        Ok(code) => code,
        Err(line) => {
            eprintln!("chaupal: {}", logging::printable_line(&one_line(&line)));
            ExitCode::FAILURE
        }
    }
}

/// What clap says in several lines, in one: the fault, its tips, and the command whose help has more.
fn usage_error(kind: ErrorKind, text: &str) -> String {
    let (fault, usage) = text.split_once("Usage:").unwrap_or((text, ""));
    let is_part = |part: &String| !part.is_empty() && !part.starts_with("For more information");
    let parts: Vec<String> = match kind {
        // Clap shows the whole help instead.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => vec!["a command is missing".into()],
        _ => fault.split("\n\n").map(one_line).filter(is_part).collect(),
    };
    let command: Vec<&str> = usage.split_whitespace().take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
    let command = if command.is_empty() { "chaupal".to_owned() } else { command.join(" ") };
    let fault = parts.join("; ");
    format!("{}; see `{command} --help`", fault.strip_prefix("error: ").unwrap_or(&fault))
}

fn execute(cli: Cli) -> Result<ExitCode, String> {
    let verbosity = if cli.quiet { -1 } else { i8::try_from(cli.verbose).unwrap_or(1) };
    logging::init(verbosity);
    system::keep_files_private();
    let command = cli.command.unwrap_or_else(|| Command::Serve(serve::Args::default()));
    let overrides = match &command {
        Command::Serve(args) => args.overrides(),
        _ => Vec::new(),
    };
    let sources = Sources { config_file: cli.config, profile: cli.profile, overrides };
    let loaded = load(&sources).map_err(|e| e.to_string())?;
    logging::set_format(loaded.config.log.format);
    let context = Context { loaded, verbosity };
    perform(command, &context).map_err(|line| context.explain(&line))
}

fn perform(command: Command, context: &Context) -> Result<ExitCode, String> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        Command::Serve(args) => serve::run(args, context).map(done),
        Command::Migrate(args) => migrate::run(args, context).map(done),
        Command::Showmigrations(args) => migrate::show(args, context).map(done),
        Command::Createsuperuser(args) => people::create_superuser(args, context).map(done),
        Command::Changepassword(args) => people::change_password(args, context).map(done),
        Command::Removesecondfactor(args) => people::remove_second_factor(args, context).map(done),
        Command::Deleteuser(args) => people::delete(args, context).map(done),
        Command::Invite(args) => invite::run(args, context).map(done),
        Command::Clearsessions(args) => people::clear_sessions(&args, context).map(done),
        Command::Sendtestemail(args) => sendtestemail::run(args, context).map(done),
        Command::Check(args) => check::run(args, context),
        Command::Config(args) => config::run(args, context).map(done),
        Command::Demo(args) => demo::run(args, context).map(done),
        Command::ImportDjango(args) => import_django::run(args, context).map(done),
        Command::RenderMarkdown => render_markdown::run(context).map(done),
        Command::Storage(args) => storage::run(args, context).map(done),
        Command::Healthcheck(args) => healthcheck::run(args, context).map(done),
    }
}
