//! People: registering, logging in and out, sessions, and who may do what.
//!
//! Django: `django.contrib.auth`, and the `users` app of the courses.

pub mod devices;
pub mod draft;
pub mod errors;
pub mod forms;
pub mod guards;
pub mod mails;
pub mod models;
pub mod names;
pub mod page;
pub mod passwords;
pub mod setup;
pub mod signals;
pub mod site;
pub mod site_check;
pub mod tokens;
pub mod totp;
pub mod views;

use rocket::{Route, routes};

/// Django: `accounts/urls.py`
pub fn routes() -> Vec<Route> {
    let mut routes = routes![
        views::login::login_page,
        views::login::login,
        views::login::logout,
        views::register::register_page,
        views::register::register,
        views::register::sent,
        views::register::confirm_page,
        views::register::confirm,
        views::password_reset::ask_page,
        views::password_reset::ask,
        views::password_reset::sent,
        views::password_reset::link,
        views::password_reset::set,
        views::password_reset::complete,
        views::account::overview,
        views::account::sessions,
        views::account::end_session,
        views::account::end_others,
        views::password_change::change_page,
        views::password_change::change,
        views::email_change::change_page,
        views::email_change::change,
        views::email_change::confirm_page,
        views::email_change::confirm,
        views::second_factor::code_page,
        views::second_factor::code,
        views::second_factor::overview,
        views::second_factor::begin,
        views::second_factor::confirm,
        views::second_factor::renew_codes,
        views::second_factor::remove,
        views::leaving::export_page,
        views::leaving::export,
        views::leaving::delete_page,
        views::leaving::delete,
        setup::setup_page,
        setup::setup,
    ];
    routes.extend(draft::fallback());
    routes
}
