//! Every mount and every catcher, and nothing else.
//!
//! Django: the project's `urls.py`

use rocket::{Build, Rocket};

use crate::kit::assets;
use crate::{accounts, rooms, server};

/// Mounts the whole site.
pub fn mount(rocket: Rocket<Build>) -> Rocket<Build> {
    rocket
        .mount("/", accounts::routes())
        .mount("/", rooms::routes())
        .mount("/", server::routes())
        .mount("/static", assets::routes())
        .register("/", accounts::errors::catchers())
}
