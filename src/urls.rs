//! Every mount and every catcher, and nothing else.
//!
//! Django: the project's `urls.py`

use rocket::{Build, Rocket};

use crate::accounts::site::Site;
use crate::kit::assets;
use crate::{accounts, inbox, lobby, media, profiles, projects, rooms, search, server};

/// Mounts the whole site.
pub fn mount(rocket: Rocket<Build>) -> Rocket<Build> {
    let lobby = rocket.state::<Site>().is_some_and(|site| site.config().lobby.enabled);
    rocket
        .mount("/", accounts::routes())
        .mount("/", media::routes())
        .mount("/", rooms::routes())
        .mount("/", profiles::routes())
        .mount("/", projects::routes())
        .mount("/", inbox::routes())
        .mount("/", search::routes())
        .mount("/", if lobby { lobby::routes() } else { Vec::new() })
        .mount("/", server::routes())
        .mount("/static", assets::routes())
        .register("/", accounts::errors::catchers())
}
