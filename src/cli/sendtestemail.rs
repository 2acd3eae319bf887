//! `sendtestemail`: tries the mail settings out, now and with the server's own words.
//!
//! Django: `sendtestemail`

use std::sync::Arc;

use super::Context;
use crate::accounts::mails::Test;
use crate::accounts::site::Site;
use crate::kit::i18n::Catalogue;
use crate::kit::mail::{Mailer, is_address};
use crate::kit::outbox::Letter as _;
use crate::kit::templates::{self, Pages};
use crate::kit::{db, random};

/// Who gets it.
#[derive(clap::Args)]
pub struct Args {
    /// The address to send it to
    #[arg(value_name = "TO")]
    to: String,
}

/// Sends one letter at once, past the outbox.
///
/// # Errors
/// One line: what is not set up, or what the mail server said.
pub fn run(args: Args, context: &Context) -> Result<(), String> {
    let config = &context.loaded.config;
    let mailer = Mailer::new(config)?.ok_or(
        "mail is not set up: set mail.backend to \"smtp\" and mail.smtp.host to your mail server (docs/configuration.md)",
    )?;
    if !is_address(&args.to) {
        return Err(format!("{:?} is no e-mail address", args.to));
    }
    let catalogue = Arc::new(Catalogue::embedded().map_err(|e| e.to_string())?);
    let overrides = templates::override_dir(&config.data_dir);
    let loaded = templates::load(Arc::clone(&catalogue), &overrides, &config.media).map_err(|e| e.to_string())?;
    let mut conn = context.connect_migrated()?;
    let site = Site::new(config.clone());
    site.learn(Site::look(config, &mut conn).map_err(|e| e.to_string())?);
    let name = site.facts().name.clone();
    let desk = crate::server::desk(config, site, catalogue, Pages::of(loaded), [0; 32]);
    let composed = db::transaction(&mut conn, |conn| Test { to: args.to.clone() }.compose(conn, &desk));
    let sheet = composed.map_err(|e| format!("{e:?}"))?.ok_or("there is nobody to write to")?;
    let mail = desk.draw(sheet).map_err(|e| format!("{e:?}"))?;
    let runtime = rocket::tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime
        .block_on(mailer.send(&mail, &name, &random::token(12)))
        .map_err(|error| format!("{} does not take it: {error}", mailer.describe()))?;
    context.say(&format!("A test letter to {} was given to {}.", args.to, mailer.describe()));
    Ok(())
}
