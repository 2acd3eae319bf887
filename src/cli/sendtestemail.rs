//! `sendtestemail`: tries the mail settings out, now and with the server's own words.
//!
//! Django: `sendtestemail`

use std::sync::Arc;

use super::Context;
use crate::accounts::mails::test_email;
use crate::accounts::site::Site;
use crate::kit::i18n::Catalogue;
use crate::kit::mail::{Mailer, is_address};
use crate::kit::random;
use crate::kit::templates::{self, Pages};

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
    let site = Site::new(config.clone());
    // Mail is tried out before anything else, too: without a migrated database the name is the configured one.
    if let Ok(mut conn) = context.connect_migrated() {
        site.learn(Site::look(config, &mut conn).map_err(|e| e.to_string())?);
    }
    let name = site.facts().name.clone();
    let desk = crate::server::desk(config, site, catalogue, Pages::of(loaded), [0; 32]);
    let mail = desk.draw(test_email(&args.to)).map_err(|e| format!("{e:?}"))?;
    let runtime = rocket::tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime
        .block_on(mailer.send(&mail, &name, &random::token(12)))
        .map_err(|error| format!("{} does not take it: {error}", mailer.describe()))?;
    context.say(&format!("A test letter to {} was given to {}.", args.to, mailer.describe()));
    Ok(())
}
