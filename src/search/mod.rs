//! One search for all: rooms, what was said in them, people, projects.
//!
//! Django: `django.contrib.postgres.search`, had on SQLite too

pub mod models;
pub mod views;

use rocket::{Route, routes};

/// Django: `search/urls.py`
pub fn routes() -> Vec<Route> {
    routes![views::page]
}
