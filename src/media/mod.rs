//! Pictures: brought with forms, kept, and shown again.
//!
//! Django: `MEDIA_URL`, `django.views.static.serve`

pub mod uploads;
pub mod views;

use rocket::{Route, routes};

/// Django: `static(settings.MEDIA_URL, …)`
pub fn routes() -> Vec<Route> {
    routes![views::upload, views::initials, views::file]
}
