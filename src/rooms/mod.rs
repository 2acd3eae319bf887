//! Rooms that talk.
//!
//! Django: the `base` app of StudyBud

pub mod forms;
pub mod live;
pub mod models;
pub mod signals;
pub mod talk;
pub mod views;

use rocket::{Route, routes};

/// Django: `base/urls.py`
pub fn routes() -> Vec<Route> {
    use views::{events, home, messages, participants, rooms};
    routes![
        home::home,
        home::topics,
        home::activity,
        rooms::new_page,
        rooms::create,
        rooms::show,
        rooms::edit_page,
        rooms::edit,
        rooms::delete_page,
        rooms::delete,
        messages::post,
        messages::show,
        messages::edit_page,
        messages::edit,
        messages::delete_page,
        messages::delete,
        participants::leave,
        participants::remove,
        participants::restore,
        participants::away,
        events::of_room,
        events::of_rooms,
    ]
}
