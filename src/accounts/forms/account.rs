//! The forms of who has an account: a forgotten password, and what stands under `/account`.
//!
//! Django: `PasswordResetForm`, `SetPasswordForm`, `PasswordChangeForm`

use rocket::FromForm;
use serde::{Deserialize, Serialize};

use super::{email, password};
use crate::accounts::models::User;
use crate::kit::forms::{Cleaner, FieldErrors};
use crate::kit::i18n::Text;

/// Who forgot his password, as typed.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct ResetForm {
    /// The address that the account was made with.
    #[field(default = String::new())]
    pub email: String,
}

impl ResetForm {
    /// The address, which need not be known.
    ///
    /// # Errors
    /// At `email`.
    pub fn clean(&self) -> Result<String, FieldErrors> {
        let mut clean = Cleaner::default();
        let email = email(&mut clean, &self.email);
        clean.finish(email)
    }
}

/// A new password. It never comes back.
#[derive(Default, Debug, FromForm, Serialize)]
pub struct NewPasswordForm {
    /// The password.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password1: String,
    /// The same again.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password2: String,
}

impl NewPasswordForm {
    /// The password, which suits this person.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self, user: &User) -> Result<String, FieldErrors> {
        let mut clean = Cleaner::default();
        password(&mut clean, &self.password1, &self.password2, (&user.username, &user.name, &user.email));
        clean.finish(self.password1.clone())
    }
}

/// Another password, by who knows his own. None of them comes back.
#[derive(Default, Debug, FromForm, Serialize)]
pub struct PasswordChangeForm {
    /// The one that he has.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password: String,
    /// The new one.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password1: String,
    /// The same again.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password2: String,
}

impl PasswordChangeForm {
    /// The new password. `is_owner`: the present one was right.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self, user: &User, is_owner: bool) -> Result<String, FieldErrors> {
        let mut clean = Cleaner::default();
        owner(&mut clean, is_owner);
        password(&mut clean, &self.password1, &self.password2, (&user.username, &user.name, &user.email));
        clean.finish(self.password1.clone())
    }
}

/// Another e-mail address.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct EmailForm {
    /// The new one.
    #[field(default = String::new())]
    pub email: String,
    /// The password of the account.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password: String,
}

impl EmailForm {
    /// The new address. `is_owner`: the password was right.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self, is_owner: bool) -> Result<String, FieldErrors> {
        let mut clean = Cleaner::default();
        let email = email(&mut clean, &self.email);
        owner(&mut clean, is_owner);
        clean.finish(email)
    }
}

/// The owner's word for what counts much: his password.
#[derive(Default, Debug, FromForm, Serialize)]
pub struct OwnerForm {
    /// The password of the account.
    #[field(default = String::new())]
    #[serde(skip)]
    pub password: String,
}

/// A code of the second factor. It never comes back.
#[derive(Default, Debug, FromForm, Serialize)]
pub struct CodeForm {
    /// Of the app, or one of the recovery codes.
    #[field(default = String::new())]
    #[serde(skip)]
    pub code: String,
    /// Where to go then.
    #[field(default = String::new())]
    #[serde(skip)]
    pub next: String,
}

fn owner(clean: &mut Cleaner, is_owner: bool) {
    if !is_owner {
        clean.errors.add("password", Text::new("error-password-wrong"));
    }
}
