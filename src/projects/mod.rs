//! Projects: what people made, what it is made with, and what others think of it.
//!
//! Django: the `projects` app of DevSearch

pub mod forms;
pub mod models;
pub mod signals;
pub mod views;

use rocket::{Route, routes};

/// Django: `projects/urls.py`
pub fn routes() -> Vec<Route> {
    use views::{projects, reviews};
    routes![
        projects::list,
        projects::new_page,
        projects::create,
        projects::show,
        projects::edit_page,
        projects::edit,
        projects::delete_page,
        projects::delete,
        projects::remove_tag,
        reviews::write,
        reviews::write_page,
        reviews::delete_page,
        reviews::delete,
    ]
}
