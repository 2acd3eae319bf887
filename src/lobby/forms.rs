//! The forms of the lobby. A room's or a guest's name is what it looks like: no unseen character in it
//! may make two names of one.
//!
//! Django: the forms of chat_app's `home.html` and `room.html`

use rocket::FromForm;
use serde::{Deserialize, Serialize};
use unicode_normalization::char::is_combining_mark;

use crate::kit::db::{is_not_drawn, is_unseen, look_text};
use crate::kit::forms::{Cleaner, FieldErrors};
use crate::kit::i18n::Text;
use crate::lobby::models::{LobbyError, MAX_GUEST, MAX_ROOM};
use crate::rooms::forms::MessageForm;

/// The field of a guest's name.
pub const NAME: &str = "username";

/// What was typed at the door.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct JoinForm {
    /// At most 100 characters; made when there is none of this name.
    #[field(default = String::new())]
    pub room_name: String,
    /// At most 40 characters; not asked of a person.
    #[field(default = String::new())]
    pub username: String,
}

impl JoinForm {
    /// The room's name, and that of a guest, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self, is_person: bool) -> Result<(String, Option<String>), FieldErrors> {
        let mut clean = Cleaner::default();
        let room = name(&mut clean, "room_name", &self.room_name, MAX_ROOM);
        let guest = (!is_person).then(|| name(&mut clean, NAME, &self.username, MAX_GUEST));
        clean.finish((room, guest))
    }
}

/// What was typed in a chat room: a message, and by a guest without a name this too.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct SayForm {
    /// 1 to 4,000 characters.
    #[field(default = String::new())]
    pub body: String,
    /// As in other rooms.
    #[field(default = String::new())]
    #[serde(skip)]
    pub client_id: String,
    /// A guest's name, where the page asked for it.
    #[field(default = String::new())]
    pub username: String,
}

impl SayForm {
    /// The message alone, as in other rooms.
    pub fn message(&self) -> MessageForm {
        MessageForm { body: self.body.clone(), client_id: self.client_id.clone() }
    }
}

/// A guest's name, or what is wrong with it.
///
/// # Errors
/// At its field.
pub fn guest_name(typed: &str) -> Result<String, FieldErrors> {
    let mut clean = Cleaner::default();
    let guest = name(&mut clean, NAME, typed, MAX_GUEST);
    clean.finish(guest)
}

/// One line without anything unseen.
fn name(clean: &mut Cleaner, field: &'static str, typed: &str, max: usize) -> String {
    let faults = clean.errors.len();
    let name = clean.line(field, typed, max);
    if clean.errors.len() == faults && (typed.trim().contains(char::is_control) || hides(&name)) {
        clean.errors.add(field, Text::new("error-unseen"));
    }
    name
}

/// Whether something unseen stands in a name. What joins letters belongs to many scripts and to emoji, but
/// not behind a plain letter; nor may a name be of nothing but them.
fn hides(name: &str) -> bool {
    let mut before = '\0';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let joins = matches!(letter, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
        // 1️⃣: a plain sign in a box.
        let boxed = letter == '\u{fe0f}' && letters.peek() == Some(&'\u{20e3}');
        if is_unseen(letter) && !(joins && (boxed || !before.is_ascii())) || is_not_drawn(letter) {
            return true;
        }
        before = letter;
    }
    look_text(name).is_empty() || name.chars().all(is_combining_mark)
}

impl From<LobbyError> for crate::kit::error::Error {
    /// What is taken is an error at its field.
    fn from(error: LobbyError) -> Self {
        match error {
            LobbyError::NameTaken => Self::Invalid(FieldErrors::one(NAME, Text::new("error-guest-taken"))),
            LobbyError::Db(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_script_are_fine_and_unseen_letters_are_not() {
        for fine in [
            "asha",
            "क्\u{200d}ष",
            "می\u{200c}خواهم",
            "👩\u{200d}🚀 talk",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "a/b ?#%",
            "..",
        ] {
            assert_eq!(guest_name(fine).as_deref(), Ok(fine), "{fine:?}");
        }
        assert_eq!(guest_name("  two \u{a0} words ").as_deref(), Ok("two words"));
        for bad in [
            "",
            "  ",
            "\u{200b}",
            "a\u{200b}b",
            "a\u{200d}b",
            "\u{200d}",
            "a\u{fe0f}",
            "\u{202e}asha",
            "a\u{200f}",
            "\u{feff}asha",
            "as\u{ad}ha",
            "a\0b",
            "a\u{7}b",
            "a\tb",
            "a\nb",
            "\u{3164}",
            "a\u{e0061}",
            "\u{fff0}asha",
            "asha\u{e000}",
            "\u{1d159}asha",
            "\u{301}",
        ] {
            assert!(guest_name(bad).is_err(), "{bad:?}");
        }
        assert!(guest_name(&"क".repeat(40)).is_ok());
        assert!(guest_name(&"क".repeat(41)).is_err());
    }
}
