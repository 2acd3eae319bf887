//! The form by which one writes to somebody.
//!
//! Django: `MessageForm` of DevSearch

use rocket::FromForm;
use serde::{Deserialize, Serialize};

use crate::accounts::forms::{email, seen};
use crate::accounts::models::User;
use crate::inbox::models::NewMessage;
use crate::kit::forms::{Cleaner, FieldErrors};

/// What was typed.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactForm {
    /// A stranger's name; of who is logged in it does not count.
    #[field(default = String::new())]
    pub name: String,
    /// A stranger's address; likewise.
    #[field(default = String::new())]
    pub email: String,
    /// At most 200 characters.
    #[field(default = String::new())]
    pub subject: String,
    /// At most 10,000 characters.
    #[field(default = String::new())]
    pub body: String,
    /// People do not see this field; programs fill it.
    #[field(default = String::new())]
    #[serde(skip)]
    pub website: String,
}

impl ContactForm {
    /// Whether a program filled it. Members do not have the field, and what fills in forms for them means no harm.
    pub fn is_from_a_program(&self, sender: Option<i64>) -> bool {
        sender.is_none() && !self.website.trim().is_empty()
    }

    /// The message to `recipient_id`, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self, recipient_id: i64, sender: Option<&User>) -> Result<NewMessage, FieldErrors> {
        let mut clean = Cleaner::default();
        let (name, email) = match sender {
            Some(sender) => (sender.person().shown_name().to_owned(), String::new()),
            None => (strangers_name(&mut clean, &self.name), email(&mut clean, &self.email)),
        };
        let subject = clean.line("subject", &self.subject, 200);
        let body = clean.text("body", &self.body, 1, 10_000);
        clean.finish(NewMessage { recipient_id, sender_id: sender.map(|user| user.id), name, email, subject, body })
    }
}

/// As typed, of a name that shows all that it holds.
fn strangers_name(clean: &mut Cleaner, typed: &str) -> String {
    let name = clean.line("name", typed, 100);
    seen(clean, &name);
    name
}
