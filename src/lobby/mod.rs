//! Chat rooms by name: who types a room's name is in it, with an account or as a guest.
//!
//! Django: the `chat` app of chat_app

pub mod forms;
pub mod guests;
pub mod models;
pub mod views;

use rocket::{Route, routes};

/// Django: `chat/urls.py`
pub fn routes() -> Vec<Route> {
    use views::{rooms, tutorial};
    routes![
        rooms::door,
        rooms::join,
        rooms::show,
        rooms::post,
        rooms::away,
        tutorial::checkview,
        tutorial::send,
        tutorial::get_messages,
    ]
}
