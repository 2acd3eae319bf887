//! `check`: everything that can be known to be wrong before somebody meets it. The ids are listed
//! in `docs/checks.md`.
//!
//! Django: `check`, `check --deploy`

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use diesel::prelude::*;
use serde::Serialize;

use super::Context;
use crate::accounts::models::{User, imported_hashes};
use crate::accounts::passwords::{LegacyCosts, UnusableHash};
use crate::kit::config::{
    Access, MailBackend, Registration, SmtpSecurity, exposed, make_data_dir, read_text, secret_key,
};
use crate::kit::db::{self, Conn};
use crate::kit::i18n::Catalogue;
use crate::kit::mail::Mailer;
use crate::kit::storage::{self, StorageError};
use crate::kit::throttle::{Rate, Scope};
use crate::kit::{migrations, outbox, templates};

/// How to check.
#[derive(clap::Args)]
pub struct Args {
    /// Also what matters only where strangers reach the site
    #[arg(long)]
    deploy: bool,
    /// Ask the running site through its public address too: site_url, or this one
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1)]
    #[allow(clippy::option_option, reason = "the option may stand without its value")]
    url: Option<Option<String>>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
pub struct Finding {
    id: &'static str,
    level: Level,
    text: String,
}

/// The bug that corrupts a write-ahead log when it is reset was mended in this one.
const SQLITE_NEEDED: (u32, u32, u32) = (3, 51, 3);

/// Checks, prints, and gives 1 if there was an error (with `--deploy`: or a warning).
///
/// # Errors
/// Only when the findings cannot be printed.
pub fn run(args: Args, context: &Context) -> Result<ExitCode, String> {
    let mut findings = Vec::new();
    // That the settings can be read at all was found out before this command began.
    data_folder(context, &mut findings);
    listening(context, &mut findings);
    database(context, &mut findings);
    template_overrides(context, &mut findings);
    site(context, &mut findings);
    mail(context, args.deploy, &mut findings);
    media(context, &mut findings);
    if args.deploy {
        deployment(context, &mut findings);
    }
    if let Some(address) = &args.url {
        super::check_url::ask(context, address.as_deref(), &mut findings);
    }
    if args.json {
        out!("{}", serde_json::to_string_pretty(&findings).map_err(|e| e.to_string())?);
    } else {
        for finding in &findings {
            let level = if finding.level == Level::Error { "error" } else { "warning" };
            out!("{level} {}: {}", finding.id, super::one_line(&finding.text));
        }
        let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        context.say(&format!("{}, {}", count(errors, "error"), count(findings.len() - errors, "warning")));
    }
    let failed = findings.iter().any(|finding| finding.level == Level::Error);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

pub fn error(findings: &mut Vec<Finding>, id: &'static str, text: impl Into<String>) {
    findings.push(Finding { id, level: Level::Error, text: text.into() });
}

pub fn warning(findings: &mut Vec<Finding>, id: &'static str, text: impl Into<String>) {
    findings.push(Finding { id, level: Level::Warning, text: text.into() });
}

fn data_folder(context: &Context, findings: &mut Vec<Finding>) {
    let config = &context.loaded.config;
    if let Err(reason) = make_data_dir(config) {
        return error(findings, "data.folder", reason.to_string());
    }
    let probe = config.data_dir.join(".check");
    if let Err(reason) = std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe)) {
        error(findings, "data.writable", crate::server::cannot_write(&config.data_dir, &reason));
    }
    if let Err(reason) = secret_key(config) {
        error(findings, "settings.secret_key", reason.to_string());
    }
    for exposed in exposed(config) {
        warning(findings, "data.mode", exposed.to_string());
    }
}

/// Whether the server could listen as it is told.
fn listening(context: &Context, findings: &mut Vec<Finding>) {
    let settings = match rocket::Config::try_from(&context.loaded.figment) {
        Ok(settings) => settings,
        Err(reason) => return error(findings, "settings.server", reason.to_string()),
    };
    tls_faults(&settings).into_iter().for_each(|fault| error(findings, "settings.tls", fault));
    let temporary = settings.temp_dir.relative();
    if !temporary.is_dir() {
        error(findings, "settings.temp_dir", format!("temp_dir {} is no folder: make it", temporary.display()));
    }
    let Some(metrics) = context.loaded.config.metrics.address else { return };
    let (ip, main) = (metrics.ip(), settings.address);
    if metrics.port() == settings.port
        && metrics.port() != 0
        && (ip == main || ip.is_unspecified() || main.is_unspecified())
    {
        let text = format!("metrics.address {metrics} is where the site itself listens: choose another port");
        error(findings, "settings.metrics", text);
    }
}

/// Returns what is wrong with the files of `tls.certs` and `tls.key`, as far as a look into them tells.
pub fn tls_faults(settings: &rocket::Config) -> Vec<String> {
    let Some(tls) = settings.tls.as_ref().filter(|_| settings.tls_enabled()) else { return Vec::new() };
    let files = [
        ("tls.certs", tls.certs().left(), "-----BEGIN CERTIFICATE-----", "a certificate"),
        ("tls.key", tls.key().left(), "PRIVATE KEY-----", "a private key"),
    ];
    let fault = |(key, path, mark, what): (&str, Option<PathBuf>, &str, &str)| {
        let path = path?;
        match read_text(&path) {
            Err(reason) => Some(format!("cannot read {key} {}: {reason}", path.display())),
            Ok(text) if text.contains("ENCRYPTED PRIVATE KEY") => Some(format!(
                "{key} {} has a passphrase: write it without one, `openssl pkey -in FILE -out NEW`",
                path.display()
            )),
            Ok(text) if !text.contains(mark) => Some(format!("{key} {} does not hold {what} in PEM", path.display())),
            Ok(_) => None,
        }
    };
    files.into_iter().filter_map(fault).collect()
}

fn database(context: &Context, findings: &mut Vec<Finding>) {
    let mut conn = match context.connect() {
        Ok(conn) => conn,
        Err(reason) => return error(findings, "database.reachable", context.explain(&reason)),
    };
    if let Err(reason) = refuse_old_sqlite(&mut conn) {
        error(findings, "database.sqlite_version", reason);
    }
    if let Err(reason) = postgres_speaks_unicode(&mut conn) {
        error(findings, "database.postgres", reason);
    }
    if let Err(reason) = damage(&mut conn) {
        return error(findings, "database.damaged", context.explain(&reason));
    }
    match migrations::plan(&mut conn, None) {
        Ok(plan) if plan.is_empty() => {
            people(&mut conn, findings);
            password_hashes(&mut conn, findings);
            letters(&mut conn, findings);
        }
        Ok(plan) => {
            let pending: Vec<String> = plan.up.into_iter().map(|migration| migration.name).collect();
            warning(
                findings,
                "database.migrations",
                format!("not applied yet: {}; `chaupal migrate` applies them", pending.join(", ")),
            );
        }
        Err(reason) => error(findings, "database.migrations", reason.to_string()),
    }
}

/// Reads the whole of an SQLite file, and a row of each table on PostgreSQL.
fn damage(conn: &mut Conn) -> Result<(), String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text)]
        quick_check: String,
    }
    db::read_each_table(conn).map_err(|e| e.to_string())?;
    if let Conn::Postgres(_) = conn {
        return Ok(());
    }
    let lines: Vec<Line> = diesel::sql_query("PRAGMA quick_check(1)").load(conn).map_err(|e| e.to_string())?;
    match lines.first() {
        Some(line) if line.quick_check != "ok" => {
            Err(format!("database disk image is malformed: {}", line.quick_check))
        }
        _ => Ok(()),
    }
}

fn people(conn: &mut Conn, findings: &mut Vec<Finding>) {
    match User::superuser_exists(conn) {
        Ok(true) => {}
        Ok(false) => warning(
            findings,
            "site.superuser",
            "nobody can run this site: `chaupal createsuperuser`, or the link in the server's log",
        ),
        Err(reason) => error(findings, "database.reachable", reason.to_string()),
    }
}

/// Reports imported password hashes that slow every login down, and those that no login accepts.
fn password_hashes(conn: &mut Conn, findings: &mut Vec<Finding>) {
    let found = match imported_hashes(conn) {
        Ok(found) => found,
        Err(reason) => return error(findings, "database.reachable", reason.to_string()),
    };
    let (mut imported, mut refused, mut costs) = (0, 0, LegacyCosts::default());
    for (beginning, accounts) in found {
        match LegacyCosts::of(&beginning) {
            Ok(cost) => (imported, costs) = (imported + accounts, costs.max(cost)),
            Err(UnusableHash::TooCostly) => refused += accounts,
            Err(UnusableHash::Unsupported) => {}
        }
    }
    if imported > 0 {
        let text = format!(
            "accounts with an imported password hash: {imported}; until each of them logs in once, every login takes the time \
             of the costliest of these hashes (PBKDF2: {} iterations, Argon2: {} KiB)",
            costs.iterations, costs.argon2_work
        );
        warning(findings, "accounts.imported_hashes", text);
    }
    if refused > 0 {
        let text = format!(
            "accounts whose imported password hash costs too much to be checked: {refused}; no password is right for them \
             until they set a new one by mail, or you run `chaupal changepassword`"
        );
        warning(findings, "accounts.costly_hashes", text);
    }
}

/// Letters that are stuck: nobody else would tell.
fn letters(conn: &mut Conn, findings: &mut Vec<Finding>) {
    let census = match outbox::census(conn) {
        Ok(census) => census,
        Err(reason) => return error(findings, "database.reachable", reason.to_string()),
    };
    let trouble = census.trouble.unwrap_or_default();
    if census.troubled > 0 {
        let text = format!("letters that could not be sent so far: {}; the last trouble: {trouble}", census.troubled);
        warning(findings, "mail.waiting", text);
    }
    if census.given_up > 0 {
        let text =
            format!("letters that were given up in the last 30 days: {}; the last trouble: {trouble}", census.given_up);
        warning(findings, "mail.given_up", text);
    }
}

/// Whether pictures can be kept. Nothing is written: `storage test` does that.
fn media(context: &Context, findings: &mut Vec<Finding>) {
    let media = &context.loaded.config.media;
    let asked = storage::open(media).and_then(|storage| {
        let runtime = rocket::tokio::runtime::Runtime::new().map_err(|reason| reason.to_string())?;
        Ok(runtime.block_on(storage.check()))
    });
    match asked {
        Ok(Ok(())) => {}
        Ok(Err(StorageError::Forbidden(reason))) => {
            let text = format!("{reason}; a key that may not list (s3:ListBucket) makes missing images look forbidden");
            warning(findings, "media.list", text);
        }
        Ok(Err(reason)) => error(findings, "media.storage", reason.to_string()),
        Err(reason) => error(findings, "media.storage", reason),
    }
    if media.foreign_origin().is_some() && context.loaded.config.site.access == Access::Members {
        let text = "media.s3.public_url shows pictures to whoever knows their address, and site.access is \"members\"";
        warning(findings, "media.public", text);
    }
}

/// Whether mail can leave at all.
fn mail(context: &Context, is_deployed: bool, findings: &mut Vec<Finding>) {
    let config = &context.loaded.config;
    // This makes the folder, if it is files.
    let mailer = Mailer::new(config);
    let host = config.mail.smtp.host();
    let is_host = host.parse::<Ipv6Addr>().is_ok() || !host.contains([':', '/', '@', '[', ']']);
    if config.mail.backend == Some(MailBackend::Smtp) && !is_host {
        let text = format!("mail.smtp.host {host:?} is more than a server's name: the port goes to mail.smtp.port");
        error(findings, "mail.host", text);
    }
    if config.mail.backend == Some(MailBackend::File) && mailer.is_ok() {
        let probe = config.mail.file_dir.join(".check");
        if let Err(reason) = std::fs::write(&probe, "").and_then(|()| std::fs::remove_file(&probe)) {
            let folder = config.mail.file_dir.display();
            error(findings, "mail.folder", format!("cannot write to mail.file_dir {folder}: {reason}"));
        }
    }
    match mailer {
        Ok(Some(_))
            if config.mail.backend != Some(MailBackend::Smtp) || config.mail.smtp.security != SmtpSecurity::None => {}
        Ok(Some(_)) if is_this_machine(host) => {}
        Ok(Some(_)) => warning(
            findings,
            "mail.open",
            "mail.smtp.security is \"none\" and the mail server is another machine: letters and their links travel open",
        ),
        Ok(None) if !is_deployed => {}
        Ok(None) => warning(
            findings,
            "mail.setup",
            "mail is not set up: nobody can ask for a new password by himself; set mail.backend",
        ),
        Err(reason) => error(findings, "mail.settings", reason),
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A server must not start on an SQLite that can damage its file.
///
/// # Errors
/// One line with both versions.
pub fn refuse_old_sqlite(conn: &mut Conn) -> Result<(), String> {
    if let Conn::Postgres(_) = conn {
        return Ok(());
    }
    let version = db::version(conn).map_err(|e| e.to_string())?;
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    let found = (next(), next(), next());
    let (major, minor, patch) = SQLITE_NEEDED;
    if found < SQLITE_NEEDED {
        return Err(format!(
            "SQLite {version} can damage its log; this program needs {major}.{minor}.{patch} or later: build it with the bundled one"
        ));
    }
    Ok(())
}

/// `fold` needs ICU collations and UTF-8.
fn postgres_speaks_unicode(conn: &mut Conn) -> Result<(), String> {
    if let Conn::Sqlite(_) = conn {
        return Ok(());
    }
    let version = db::version(conn).map_err(|e| e.to_string())?;
    let major = version
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|text| text.parse::<u32>().ok())
        .unwrap_or_default();
    if major < 13 {
        return Err(format!("PostgreSQL {version} is too old: 13 or later"));
    }
    diesel::sql_query("SELECT lower(normalize('É', NFC) COLLATE \"und-x-icu\")")
        .execute(conn)
        .map(drop)
        .map_err(|e| format!("{e}; the database must be UTF8 and the server built with ICU"))
}

fn template_overrides(context: &Context, findings: &mut Vec<Finding>) {
    let folder = templates::override_dir(&context.loaded.config.data_dir);
    let catalogue = match Catalogue::embedded() {
        Ok(catalogue) => Arc::new(catalogue),
        Err(reason) => return error(findings, "templates.catalogue", reason.to_string()),
    };
    match templates::try_out(catalogue, &folder, &context.loaded.config.media) {
        Ok(broken) => broken.into_iter().for_each(|line| error(findings, "templates.override", line)),
        Err(reason) => error(findings, "templates.embedded", reason.to_string()),
    }
}

fn site(context: &Context, findings: &mut Vec<Finding>) {
    let config = &context.loaded.config;
    if !config.address.is_loopback() && !context.loaded.is_set("site_url") {
        warning(
            findings,
            "site.url",
            format!("site_url is not set: links in mails and feeds would lead to {}", config.site_url),
        );
    }
    let strangers_reach_it = !config.address.is_loopback() || config.is_https();
    if strangers_reach_it && config.site.access == Access::Public && config.accounts.registration == Registration::Open
    {
        warning(
            findings,
            "site.open_registration",
            "everybody who reaches this site may register: set accounts.registration to \"closed\" if that is not meant",
        );
    }
}

fn deployment(context: &Context, findings: &mut Vec<Finding>) {
    let config = &context.loaded.config;
    if config.is_debug() {
        error(findings, "deploy.debug", "the profile debug is chosen: run with --profile release");
    }
    if !config.is_https() {
        error(
            findings,
            "deploy.https",
            format!("site_url is {}: without https cookies and passwords travel open", config.site_url),
        );
    }
    if let Some(all) = config.proxy.trusted.iter().find(|network| network.prefix_len() == 0) {
        warning(
            findings,
            "deploy.proxy",
            format!("proxy.trusted has {all}: everybody can claim any address, and is throttled under none of his own"),
        );
    }
    for scope in Scope::ALL.into_iter().filter(|scope| config.throttle.of(*scope) == Rate::Off) {
        let text = format!("{} is off: whoever likes may try without an end", scope.key());
        warning(findings, "deploy.throttle", text);
    }
    if let Some(secret) = &config.secret_key {
        let letters: std::collections::BTreeSet<char> = secret.expose().chars().collect();
        if secret.expose().len() < 32 || letters.len() < 10 {
            error(
                findings,
                "deploy.secret_key",
                "secret_key is short or monotonous: take 32 or more random characters",
            );
        }
    }
}
