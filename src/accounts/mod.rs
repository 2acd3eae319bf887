//! People: registering, logging in and out, sessions, and who may do what.
//!
//! Django: `django.contrib.auth`, and the `users` app of the courses.

pub mod draft;
pub mod errors;
pub mod forms;
pub mod guards;
pub mod models;
pub mod page;
pub mod passwords;
pub mod setup;
pub mod signals;
pub mod site;
pub mod views;

use rocket::{Route, routes};

/// Django: `accounts/urls.py`
pub fn routes() -> Vec<Route> {
    let mut routes = routes![
        views::login_page,
        views::login,
        views::logout,
        views::register_page,
        views::register,
        setup::setup_page,
        setup::setup,
    ];
    routes.extend(draft::fallback());
    routes
}
