//! Developers: what people tell of themselves, what they can do, and the page on which all of it stands.
//!
//! Django: the `users` app of DevSearch

pub mod forms;
pub mod models;
pub mod signals;
pub mod views;

use rocket::{Route, routes};

/// Django: `users/urls.py`
pub fn routes() -> Vec<Route> {
    use views::{developers, edit, person, skills};
    routes![
        developers::list,
        person::person,
        edit::edit_page,
        edit::edit,
        skills::list,
        skills::new_page,
        skills::create,
        skills::edit_page,
        skills::edit,
        skills::delete_page,
        skills::delete,
    ]
}
