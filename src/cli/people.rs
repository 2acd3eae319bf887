//! `createsuperuser`, `changepassword`, `deleteuser`, `clearsessions`.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use super::{Context, confirm};
use crate::accounts::forms;
use crate::accounts::mails;
use crate::accounts::models::{self, CreateError, NewUser, Session, User, second_factor};
use crate::accounts::passwords;
use crate::accounts::signals::{PasswordChanged, UserLeaving, UserRegistered};
use crate::background::newest_entry;
use crate::kit::clock::distrust_reason;
use crate::kit::config::{make_data_dir, read_text};
use crate::kit::db::{self, Conn};
use crate::kit::forms::{Cleaner, FieldErrors};
use crate::kit::i18n::{Catalogue, FALLBACK};
use crate::kit::outbox::Outbox;
use crate::kit::signals::Signals;
use crate::kit::time;

/// Who is made.
#[derive(clap::Args)]
pub struct CreateArgs {
    /// User name
    #[arg(long)]
    username: Option<String>,
    /// E-mail address
    #[arg(long)]
    email: Option<String>,
    /// Ask nothing: the password comes from CHAUPAL_SUPERUSER_PASSWORD or …_FILE
    #[arg(long, alias = "noinput")]
    no_input: bool,
}

/// Whose password changes, or whose second factor goes.
#[derive(clap::Args)]
pub struct PasswordArgs {
    /// User name or e-mail address
    user: String,
}

/// Who goes.
#[derive(clap::Args)]
pub struct DeleteArgs {
    /// User name or e-mail address
    user: String,
    /// Do not ask
    #[arg(long, aliases = ["no-input", "noinput"])]
    yes: bool,
}

/// Options of `clearsessions`.
#[derive(clap::Args)]
pub struct ClearArgs {
    /// Delete although the newest entry is more than a day old, so that the clock may be wrong
    #[arg(long)]
    force: bool,
}

/// Django: `createsuperuser`
///
/// # Errors
/// One line: what is missing or wrong.
pub fn create_superuser(args: CreateArgs, context: &Context) -> Result<(), String> {
    make_data_dir(&context.loaded.config).map_err(|e| e.to_string())?;
    let mut conn = context.connect()?;
    super::migrate::to_newest(context, &mut conn)?;
    let given = |value: Option<String>, option: &str, question: &str| match value {
        Some(value) => Ok(value),
        None if args.no_input => Err(format!("--no-input wants {option}")),
        None => confirm::ask(question),
    };
    let username = given(args.username, "--username", "User name: ")?;
    let email = given(args.email, "--email", "E-mail address: ")?;
    let mut clean = Cleaner::default();
    let username = forms::username(&mut clean, &username);
    let email = forms::email(&mut clean, &email);
    refuse(&clean.errors)?;
    let password = match from_environment()? {
        Some(password) => password,
        None if args.no_input => {
            return Err("--no-input wants CHAUPAL_SUPERUSER_PASSWORD or CHAUPAL_SUPERUSER_PASSWORD_FILE".into());
        }
        None => typed_password()?,
    };
    let hash = checked_hash(&password, (&username, "", &email))?;
    let new =
        NewUser { username, email, name: String::new(), password: hash, is_superuser: true, email_confirmed: false };
    let signals = signals(context);
    let made = db::transaction(&mut conn, |conn| {
        let user = User::create(conn, &new)?;
        signals.send(conn, &UserRegistered { user_id: user.id })?;
        Ok(user)
    });
    let user = made.map_err(|error| match error {
        CreateError::UsernameTaken => format!("the user name {:?} is taken", new.username),
        CreateError::UsernameSimilar => {
            format!("the user name {:?} looks like that of another account; choose another one", new.username)
        }
        CreateError::EmailTaken => format!("the e-mail address {:?} is taken", new.email),
        CreateError::Db(error) => error.to_string(),
    })?;
    context.say(&format!("Superuser {} was made.", user.username));
    Ok(())
}

/// What the apps do when people come, change and go. Their letters are sent by the next server that runs.
fn signals(context: &Context) -> Signals {
    crate::server::receivers(&outbox(context)).build()
}

fn outbox(context: &Context) -> Outbox {
    Outbox::new(context.loaded.config.mail.backend.is_some())
}

/// Two names that are no settings: a password is never an argument, which others could read.
fn from_environment() -> Result<Option<String>, String> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(password) = variable("CHAUPAL_SUPERUSER_PASSWORD") {
        return Ok(Some(password));
    }
    let Some(path) = variable("CHAUPAL_SUPERUSER_PASSWORD_FILE") else { return Ok(None) };
    let read = read_text(Path::new(&path)).map_err(|e| format!("CHAUPAL_SUPERUSER_PASSWORD_FILE {path}: {e}"))?;
    Ok(Some(read.trim_end_matches(['\r', '\n']).to_owned()))
}

/// On a terminal twice and unseen; from a pipe its first line.
fn typed_password() -> Result<String, String> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(|e| e.to_string())?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let first = rpassword::prompt_password("Password: ").map_err(|e| e.to_string())?;
    let second = rpassword::prompt_password("Password (again): ").map_err(|e| e.to_string())?;
    if first == second { Ok(first) } else { Err("the two passwords differ".into()) }
}

fn checked_hash(password: &str, (username, name, email): (&str, &str, &str)) -> Result<String, String> {
    let mut clean = Cleaner::default();
    forms::password(&mut clean, password, password, (username, name, email));
    refuse(&clean.errors)?;
    passwords::hash(password).map_err(|e| e.to_string())
}

fn refuse(errors: &FieldErrors) -> Result<(), String> {
    if errors.is_empty() {
        return Ok(());
    }
    let catalogue = Catalogue::embedded().map_err(|e| e.to_string())?;
    let lines: Vec<String> = errors
        .localized(&catalogue, FALLBACK)
        .into_iter()
        .map(|(field, errors)| format!("{field}: {}", errors.join(" ")))
        .collect();
    Err(lines.join("; "))
}

fn find(conn: &mut Conn, login: &str) -> Result<User, String> {
    User::by_login(conn, login).map_err(|e| e.to_string())?.ok_or_else(|| format!("there is nobody called {login:?}"))
}

/// Django: `changepassword`
///
/// # Errors
/// One line: who is not there, or what is wrong with the password.
pub fn change_password(args: PasswordArgs, context: &Context) -> Result<(), String> {
    let mut conn = context.connect_migrated()?;
    let user = find(&mut conn, &args.user)?;
    let password = typed_password()?;
    let hash = checked_hash(&password, (&user.username, &user.name, &user.email))?;
    let signals = signals(context);
    let ended = db::transaction(&mut conn, |conn| {
        User::set_password(conn, user.id, &hash)?;
        signals.send(conn, &PasswordChanged { user_id: user.id })?;
        Session::end_all(conn, user.id)
    })
    .map_err(|e: diesel::result::Error| e.to_string())?;
    context.say(&format!("The password of {} was changed; sessions ended: {ended}.", user.username));
    Ok(())
}

/// Lets somebody in by his password alone again who has lost his app and his recovery codes.
///
/// # Errors
/// One line: who is not there, or has none.
pub fn remove_second_factor(args: PasswordArgs, context: &Context) -> Result<(), String> {
    let mut conn = context.connect_migrated()?;
    let user = find(&mut conn, &args.user)?;
    let letters = outbox(context);
    let removed = db::transaction(&mut conn, |conn| {
        let removed = second_factor::remove(conn, user.id)?;
        if removed {
            letters.put(conn, &mails::SecondFactorChanged { user_id: user.id, is_on: false })?;
        }
        Ok(removed)
    });
    if !removed.map_err(|e: diesel::result::Error| e.to_string())? {
        return Err(format!("{} has no second factor", user.username));
    }
    context.say(&format!("{} is let in by the password alone now.", user.username));
    Ok(())
}

/// Django: `User.delete()`
///
/// # Errors
/// One line.
pub fn delete(args: DeleteArgs, context: &Context) -> Result<(), String> {
    let mut conn = context.connect_migrated()?;
    let user = find(&mut conn, &args.user)?;
    let is_last = User::is_last_superuser(&mut conn, user.id).map_err(|e| e.to_string())?;
    let last = if is_last { ", the last who may do everything here," } else { "" };
    confirm::destruction(context, &format!("deletes {}{last} and all his messages", user.username), args.yes)?;
    let signals = signals(context);
    db::transaction(&mut conn, |conn| {
        signals.send(conn, &UserLeaving { user_id: user.id })?;
        User::delete(conn, user.id)
    })
    .map_err(|e: diesel::result::Error| e.to_string())?;
    context.say(&format!("{} was deleted; his rooms stay.", user.username));
    if is_last {
        context.say("Nobody can run this site now: `chaupal createsuperuser` makes somebody who can.");
    }
    Ok(())
}

/// Django: `clearsessions`
///
/// # Errors
/// One line.
pub fn clear_sessions(args: &ClearArgs, context: &Context) -> Result<(), String> {
    let mut conn = context.connect_migrated()?;
    let newest = newest_entry(&mut conn).map_err(|e| e.to_string())?;
    if let Some(reason) = newest.and_then(|newest| distrust_reason(time::now(), newest)).filter(|_| !args.force) {
        return Err(format!(
            "{reason}, so nothing was deleted: check the clock, or use --force if nobody was here meanwhile"
        ));
    }
    let gone = db::transaction(&mut conn, models::clear_expired).map_err(|e| e.to_string())?;
    context.say(&format!("Forgotten: {gone}."));
    Ok(())
}
