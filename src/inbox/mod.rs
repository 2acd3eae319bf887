//! The inbox: what people write to one, and the form by which they do.
//!
//! Django: `inbox`, `viewMessage` and `createMessage` of DevSearch

pub mod forms;
pub mod models;
pub mod signals;
pub mod views;

use rocket::{Route, routes};

/// Django: the messages' part of `users/urls.py`
pub fn routes() -> Vec<Route> {
    routes![views::inbox, views::open, views::delete, views::write_page, views::write,]
}
