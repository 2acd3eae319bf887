//! The forms of accounts.
//!
//! Django: `UserCreationForm`, `AuthenticationForm`

mod account;

use rocket::FromForm;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::accounts::models::registration::Wish;
use crate::accounts::models::{CreateError, NewUser, is_seen};
use crate::accounts::passwords;
use crate::kit::db::{is_not_drawn, is_unseen};
use crate::kit::error::Error;
use crate::kit::forms::{Cleaner, FieldErrors, is_invisible};
use crate::kit::i18n::Text;
use crate::kit::mail::is_address;

pub use account::{CodeForm, EmailForm, NewPasswordForm, OwnerForm, PasswordChangeForm, ResetForm};

/// What was typed at the log-in. The password never comes back.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct LoginForm {
    /// User name or e-mail address.
    #[field(default = String::new())]
    pub login: String,
    /// As typed.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password: String,
    /// Where to go then.
    #[field(default = String::new())]
    #[serde(skip)]
    pub next: String,
}

/// What was typed at the registration.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct RegisterForm {
    /// The name that pages show; may stay empty.
    #[field(default = String::new())]
    pub name: String,
    /// 3 to 30 letters, digits, `_ . -`.
    #[field(default = String::new())]
    pub username: String,
    /// Needed to log in by it.
    #[field(default = String::new())]
    pub email: String,
    /// The password.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password1: String,
    /// The same again.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password2: String,
    /// Where to go then.
    #[field(default = String::new())]
    #[serde(skip)]
    pub next: String,
    /// The token of an invitation; empty for none.
    #[field(default = String::new())]
    #[serde(skip)]
    pub invite: String,
}

/// A person as registered: cleaned, the password still to be hashed.
#[derive(Debug)]
pub struct Registration {
    /// May be empty.
    pub name: String,
    /// NFC.
    pub username: String,
    /// As typed.
    pub email: String,
    /// As typed.
    pub password: String,
}

impl Registration {
    /// The person, with his password's hash in its place.
    pub fn with_hash(self, password: String) -> NewUser {
        NewUser { username: self.username, email: self.email, name: self.name, password, ..NewUser::default() }
    }
}

impl RegisterForm {
    /// The person, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self) -> Result<Registration, FieldErrors> {
        let mut clean = Cleaner::default();
        let name = shown_name(&mut clean, &self.name);
        let username = username(&mut clean, &self.username);
        let email = email(&mut clean, &self.email);
        password(&mut clean, &self.password1, &self.password2, (&username, &name, &email));
        clean.finish(Registration { name, username, email, password: self.password1.clone() })
    }
}

impl RegisterForm {
    /// What is wished, or what is wrong: where the address is confirmed first, the password is chosen then.
    ///
    /// # Errors
    /// By field.
    pub fn clean_wish(&self) -> Result<Wish, FieldErrors> {
        let mut clean = Cleaner::default();
        let name = shown_name(&mut clean, &self.name);
        let username = username(&mut clean, &self.username);
        let email = email(&mut clean, &self.email);
        clean.finish(Wish { email, username, name })
    }
}

/// What was typed behind the link that confirms an address.
#[derive(Default, Debug, FromForm, Serialize)]
pub struct ConfirmForm {
    /// As at the registration.
    #[field(default = String::new())]
    pub name: String,
    /// As at the registration.
    #[field(default = String::new())]
    pub username: String,
    /// The password.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password1: String,
    /// The same again.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password2: String,
}

impl ConfirmForm {
    /// The account of this address, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self, email: &str) -> Result<Registration, FieldErrors> {
        let mut clean = Cleaner::default();
        let name = shown_name(&mut clean, &self.name);
        let username = username(&mut clean, &self.username);
        password(&mut clean, &self.password1, &self.password2, (&username, &name, email));
        clean.finish(Registration { name, username, email: email.to_owned(), password: self.password1.clone() })
    }
}

/// One line of at most 100 characters that are seen, or nothing: the user name is shown then.
pub fn shown_name(clean: &mut Cleaner, typed: &str) -> String {
    let name = clean.optional_line("name", typed, 100);
    seen(clean, &name);
    name
}

/// Refuses a name that does not show all that it holds. What cannot be kept at all was refused before.
pub fn seen(clean: &mut Cleaner, name: &str) {
    if !name.contains('\0') && !is_seen(name) {
        clean.errors.add("name", Text::new("error-name-chars"));
    }
}

/// 3 to 30 letters, digits, `_ . -`, at least one of them a letter or digit.
pub fn username(clean: &mut Cleaner, typed: &str) -> String {
    let username: String = typed.trim().nfc().collect();
    let length = username.chars().count();
    // Marks belong to the letters of many scripts: हिन्दी has two.
    let is_shown = |c: char| !is_unseen(c) && !is_not_drawn(c);
    let allowed = |c: char| (c.is_alphanumeric() || matches!(c, '_' | '.' | '-') || is_mark(c)) && is_shown(c);
    if username.is_empty() {
        clean.errors.add("username", Text::new("error-required"));
    } else if length < 3 {
        clean.errors.add("username", Text::new("error-too-short").with("min", 3));
    } else if length > 30 {
        clean.errors.add("username", Text::new("error-too-long").with("max", 30));
    }
    if !username.is_empty() && (!username.chars().all(allowed) || !username.chars().any(char::is_alphanumeric)) {
        clean.errors.add("username", Text::new("error-username-chars"));
    }
    username
}

fn is_mark(letter: char) -> bool {
    unicode_normalization::char::is_combining_mark(letter)
}

/// An address that could exist: one `@`, a dot in the domain, no spaces.
pub fn email(clean: &mut Cleaner, typed: &str) -> String {
    let email = typed.trim().to_owned();
    if email.is_empty() {
        clean.errors.add("email", Text::new("error-required"));
    } else if email.chars().count() > 254 {
        clean.errors.add("email", Text::new("error-too-long").with("max", 254));
    } else if !is_email(&email) {
        clean.errors.add("email", Text::new("error-email-invalid"));
    }
    email
}

fn is_email(email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else { return false };
    let fine = |c: char| !is_invisible(c) && !matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')' | '\\');
    !local.is_empty()
        && !local.contains('@')
        && email.chars().all(fine)
        // Look-alikes of other letters, such as full-width ones, are another address than the one that is seen.
        && email.nfkc().eq(email.nfc())
        && is_address(email)
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-' || is_mark(c))
        })
}

/// The rules of passwords, at `password1`; that both are the same, at `password2`.
pub fn password(clean: &mut Cleaner, first: &str, second: &str, (username, name, email): (&str, &str, &str)) {
    if first.is_empty() {
        clean.errors.add("password1", Text::new("error-required"));
        return;
    }
    for broken in passwords::rules(first, username, name, email) {
        clean.errors.add("password1", broken);
    }
    // Two keyboards may write one text in two ways.
    if first.nfc().ne(second.nfc()) {
        clean.errors.add("password2", Text::new("error-password-mismatch"));
    }
}

impl From<CreateError> for Error {
    /// What is taken is an error at its field.
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::UsernameTaken => {
                Self::Invalid(FieldErrors::one("username", Text::new("error-username-taken")))
            }
            CreateError::UsernameSimilar => {
                Self::Invalid(FieldErrors::one("username", Text::new("error-username-similar")))
            }
            CreateError::EmailTaken => Self::Invalid(FieldErrors::one("email", Text::new("error-email-taken"))),
            CreateError::Db(error) => error.into(),
        }
    }
}

/// What was typed at the set-up.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct SetupForm {
    /// The site's name.
    #[field(default = String::new())]
    pub site_name: String,
    /// `public` or `members`.
    #[field(default = String::new())]
    pub access: String,
    /// As at the registration.
    #[field(default = String::new())]
    pub name: String,
    /// As at the registration.
    #[field(default = String::new())]
    pub username: String,
    /// As at the registration.
    #[field(default = String::new())]
    pub email: String,
    /// The password.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password1: String,
    /// The same again.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password2: String,
}

/// A site that begins: its name, who may read it, who runs it.
#[derive(Debug)]
pub struct Beginning {
    /// The site's name.
    pub site_name: String,
    /// `public` or `members`.
    pub access: String,
    /// The first superuser.
    pub person: Registration,
}

impl SetupForm {
    /// The beginning, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self) -> Result<Beginning, FieldErrors> {
        let mut clean = Cleaner::default();
        let site_name = clean.line("site_name", &self.site_name, 100);
        if !matches!(self.access.as_str(), "public" | "members") {
            clean.errors.add("access", Text::new("error-choice"));
        }
        let name = shown_name(&mut clean, &self.name);
        let username = username(&mut clean, &self.username);
        let email = email(&mut clean, &self.email);
        password(&mut clean, &self.password1, &self.password2, (&username, &name, &email));
        let person = Registration { name, username, email, password: self.password1.clone() };
        clean.finish(Beginning { site_name, access: self.access.clone(), person })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_letters_digits_and_three_signs() {
        let wrong = |typed: &str| {
            let mut clean = Cleaner::default();
            username(&mut clean, typed);
            !clean.errors.is_empty()
        };
        for fine in ["asha", "a.b-c_9", "आशा", "हिन्दी", "ABC"] {
            assert!(!wrong(fine), "{fine}");
        }
        for bad in ["", "ab", "a b", "a@b", "...", "a/b", "a\0bc", "<b>x", &"x".repeat(31)]
            .into_iter()
            .chain([
                "asha\u{fe0f}",
                "as\u{34f}ha",
                "asha\u{e0100}",
                "asha\u{115f}",
                "ash\u{200d}a",
                "asha\u{3164}",
                "ash\u{ffa0}a",
            ])
            .chain(["ash\u{180b}a", "asha\u{e0041}", "asha\u{202e}", "as\u{2066}ha", "asha\u{17b4}", "asha\u{1d159}"])
        {
            assert!(wrong(bad), "{bad:?}");
        }
    }

    #[test]
    fn names_show_all_that_they_hold() {
        let wrong = |typed: &str| {
            let mut clean = Cleaner::default();
            shown_name(&mut clean, typed);
            !clean.errors.is_empty()
        };
        for fine in ["", "Asha  Rao", "ශ්\u{200d}රී", "می\u{200c}خواهم", "Asha ❤\u{fe0f}", "<b>Ravi</b> & co", "a\tb"]
        {
            assert!(!wrong(fine), "{fine:?}");
        }
        for bad in [
            "a\u{202e}b",
            "\u{200b}",
            "a\u{1b}[31m",
            "a \u{200d}b",
            "a\u{200d}\u{200d}b",
            "\u{2066}x",
            "x\u{e0041}",
            "a\0",
            "as\u{200d}ha",
            "asha\u{fe0f}",
            "as\u{34f}ha",
            "asha\u{e0100}",
            "asha\u{115f}",
            "\u{1160}asha",
            "asha\u{3164}",
            "asha\u{ffa0}",
        ] {
            assert!(wrong(bad), "{bad:?}");
        }
    }

    #[test]
    fn addresses_must_be_possible() {
        for fine in ["a@b.in", "a+b@c-d.example", "आशा@उदाहरण.भारत"] {
            assert!(is_email(fine), "{fine}");
        }
        for bad in [
            "a",
            "a@b",
            "@b.in",
            "a@@b.in",
            "a b@c.in",
            "a@b..in",
            "a@-b.in",
            "a@b.in\r\nBcc: c@d.in",
            "<a@b.in>",
            "a..b@c.in",
            ".a@b.in",
            "\u{202e}a@b.in",
            "a@ｅxample.org",
            "ａ@example.org",
            &format!("{}@b.in", "x".repeat(70)),
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }
}
