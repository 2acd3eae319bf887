//! The letters that accounts write. What a letter holds for the person alone, such as a link, is made when it goes.
//!
//! Django: `PasswordResetForm.save` and the courses' `send_mail`

use serde::{Deserialize, Serialize};

use crate::accounts::models::{User, registration};
use crate::accounts::tokens::LinkKey;
use crate::kit::db::{Conn, fold_key};
use crate::kit::error::Error;
use crate::kit::i18n::Text;
use crate::kit::outbox::{Desk, Draft, Kinds, Letter, Sheet};
use crate::kit::time;

/// Every letter of accounts.
pub fn register(kinds: &mut Kinds) {
    kinds.register::<Welcome>();
    kinds.register::<ConfirmRegistration>();
    kinds.register::<PasswordReset>();
    kinds.register::<PasswordChanged>();
    kinds.register::<ConfirmEmail>();
    kinds.register::<EmailChanged>();
    kinds.register::<SecondFactorChanged>();
    kinds.register::<Goodbye>();
}

/// To who is new.
#[derive(Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// His number.
    pub user_id: i64,
}

impl Letter for Welcome {
    const KIND: &'static str = "welcome";

    fn compose(&self, conn: &mut Conn, _: &Desk) -> Result<Option<Sheet>, Error> {
        let draft = Draft {
            subject: Some(Text::new("mail-welcome-subject")),
            lines: vec![Text::new("mail-welcome-text")],
            button: Some((Text::new("mail-welcome-button"), "/".into())),
            notes: Vec::new(),
        };
        to_user(conn, self.user_id, draft)
    }
}

/// To the address that somebody wants to register with. Whether it has an account already is found out here.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmRegistration {
    /// The wish's number.
    pub registration_id: i64,
}

impl Letter for ConfirmRegistration {
    const KIND: &'static str = "confirm_registration";

    fn compose(&self, conn: &mut Conn, _: &Desk) -> Result<Option<Sheet>, Error> {
        let Some(pending) = registration::find(conn, self.registration_id)? else { return Ok(None) };
        if let Some(owner) = User::by_email(conn, &pending.email)? {
            registration::forget(conn, pending.id)?;
            let draft = Draft {
                subject: Some(Text::new("mail-register-known-subject")),
                lines: vec![Text::new("mail-register-known-text").with("username", owner.username.as_str())],
                button: Some((Text::new("mail-reset-button"), "/password-reset".into())),
                notes: vec![Text::new("mail-register-known-note")],
            };
            return Ok(Some(Sheet::new(&owner.email, owner.letter_name(), draft)));
        }
        let token = registration::make_token(conn, pending.id)?;
        let draft = Draft {
            subject: Some(Text::new("mail-register-subject")),
            lines: vec![Text::new("mail-register-text").with("username", pending.username.as_str())],
            button: Some((Text::new("mail-register-button"), format!("/register/confirm/{token}"))),
            notes: vec![Text::new("mail-register-note")],
        };
        Ok(Some(Sheet::new(&pending.email, &pending.username, draft)))
    }
}

/// To whoever has this e-mail address, if anybody has: the page that takes it does not know.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordReset {
    /// As it was typed.
    pub email: String,
}

impl Letter for PasswordReset {
    const KIND: &'static str = "password_reset";
    const GOOD_FOR: chrono::TimeDelta = chrono::TimeDelta::hours(1);

    fn compose(&self, conn: &mut Conn, desk: &Desk) -> Result<Option<Sheet>, Error> {
        let Some(user) = User::begin_reset(conn, &self.email)? else { return Ok(None) };
        let token = LinkKey(desk.link_key).reset_token(&user, time::now().and_utc().timestamp());
        let draft = Draft {
            subject: Some(Text::new("mail-reset-subject")),
            lines: vec![Text::new("mail-reset-text").with("username", user.username.as_str())],
            button: Some((Text::new("mail-reset-button"), format!("/password-reset/{}/{token}", user.id))),
            notes: vec![Text::new("mail-reset-note")],
        };
        // To the address that we know, not to the one that was typed: two that look alike need not be one.
        Ok(Some(Sheet::new(&user.email, user.letter_name(), draft)))
    }
}

/// To whose password is another one now: he should know if it was not himself.
#[derive(Debug, Serialize, Deserialize)]
pub struct PasswordChanged {
    /// His number.
    pub user_id: i64,
}

impl Letter for PasswordChanged {
    const KIND: &'static str = "password_changed";

    fn compose(&self, conn: &mut Conn, _: &Desk) -> Result<Option<Sheet>, Error> {
        let draft = Draft {
            subject: Some(Text::new("mail-password-changed-subject")),
            lines: vec![Text::new("mail-password-changed-text")],
            button: Some((Text::new("mail-password-changed-button"), "/password-reset".into())),
            notes: vec![Text::new("mail-password-changed-note")],
        };
        to_user(conn, self.user_id, draft)
    }
}

/// To the address that somebody wants to have from now on.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConfirmEmail {
    /// His number.
    pub user_id: i64,
    /// The new address.
    pub email: String,
    /// Of this wish: he may have another one by the time that the letter goes.
    pub serial: i64,
}

impl Letter for ConfirmEmail {
    const KIND: &'static str = "confirm_email";

    fn compose(&self, conn: &mut Conn, desk: &Desk) -> Result<Option<Sheet>, Error> {
        let is_newest = |user: &User| user.is_active && user.email_serial == self.serial;
        let Some(user) = User::by_id(conn, self.user_id)?.filter(is_newest) else { return Ok(None) };
        let is_his = user.email_key.as_deref() == Some(fold_key(&self.email).as_str());
        if !is_his && User::by_email(conn, &self.email)?.is_some() {
            let draft = Draft {
                subject: Some(Text::new("mail-email-taken-subject")),
                lines: vec![Text::new("mail-email-taken-text").with("username", user.username.as_str())],
                ..Draft::default()
            };
            return Ok(Some(Sheet::new(&self.email, "", draft)));
        }
        let token = LinkKey(desk.link_key).email_token(&user, &self.email, time::now().and_utc().timestamp());
        let draft = Draft {
            subject: Some(Text::new("mail-confirm-email-subject")),
            lines: vec![Text::new("mail-confirm-email-text").with("username", user.username.as_str())],
            button: Some((Text::new("mail-confirm-email-button"), format!("/account/email/{token}"))),
            notes: vec![Text::new("mail-confirm-email-note")],
        };
        Ok(Some(Sheet::new(&self.email, &user.username, draft)))
    }
}

/// To the address that somebody had: he should know if it was not himself.
#[derive(Debug, Serialize, Deserialize)]
pub struct EmailChanged {
    /// The address that he had.
    pub old: String,
    /// What letters call him.
    pub name: String,
    /// His user name.
    pub username: String,
}

impl Letter for EmailChanged {
    const KIND: &'static str = "email_changed";

    fn compose(&self, _: &mut Conn, _: &Desk) -> Result<Option<Sheet>, Error> {
        let draft = Draft {
            subject: Some(Text::new("mail-email-changed-subject")),
            lines: vec![Text::new("mail-email-changed-text").with("username", self.username.as_str())],
            notes: vec![Text::new("mail-email-changed-note")],
            ..Draft::default()
        };
        to_address(&self.old, &self.name, draft)
    }
}

/// To whose account asks for a code from now on, or does so no more.
#[derive(Debug, Serialize, Deserialize)]
pub struct SecondFactorChanged {
    /// His number.
    pub user_id: i64,
    /// It asks.
    pub is_on: bool,
}

impl Letter for SecondFactorChanged {
    const KIND: &'static str = "second_factor_changed";

    fn compose(&self, conn: &mut Conn, _: &Desk) -> Result<Option<Sheet>, Error> {
        let (subject, text) = if self.is_on {
            ("mail-second-on-subject", "mail-second-on-text")
        } else {
            ("mail-second-off-subject", "mail-second-off-text")
        };
        let draft = Draft {
            subject: Some(Text::new(subject)),
            lines: vec![Text::new(text)],
            button: Some((Text::new("mail-password-changed-button"), "/password-reset".into())),
            notes: vec![Text::new("mail-password-changed-note")],
        };
        to_user(conn, self.user_id, draft)
    }
}

/// To who has deleted his account.
#[derive(Debug, Serialize, Deserialize)]
pub struct Goodbye {
    /// The address that he had.
    pub email: String,
    /// What letters called him.
    pub name: String,
    /// His user name.
    pub username: String,
}

impl Letter for Goodbye {
    const KIND: &'static str = "goodbye";

    fn compose(&self, _: &mut Conn, _: &Desk) -> Result<Option<Sheet>, Error> {
        let draft = Draft {
            subject: Some(Text::new("mail-goodbye-subject")),
            lines: vec![Text::new("mail-goodbye-text").with("username", self.username.as_str())],
            ..Draft::default()
        };
        to_address(&self.email, &self.name, draft)
    }
}

/// A letter to an address that may be of nobody any more.
fn to_address(email: &str, name: &str, draft: Draft) -> Result<Option<Sheet>, Error> {
    if email.is_empty() {
        return Ok(None);
    }
    Ok(Some(Sheet::new(email, name, draft)))
}

/// The email of `sendtestemail`, which needs no database.
pub fn test_email(to: &str) -> Sheet {
    let draft = Draft {
        subject: Some(Text::new("mail-test-subject")),
        lines: vec![Text::new("mail-test-text")],
        ..Draft::default()
    };
    Sheet::new(to, "", draft)
}

/// A letter to a person, if he is still there and has an address.
fn to_user(conn: &mut Conn, user_id: i64, draft: Draft) -> Result<Option<Sheet>, Error> {
    let Some(user) = User::by_id(conn, user_id)?.filter(|user| user.email_key.is_some()) else { return Ok(None) };
    Ok(Some(Sheet::new(&user.email, user.letter_name(), draft)))
}
