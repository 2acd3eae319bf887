//! A person's page.

use chrono::NaiveDateTime;
use rocket::get;
use rocket_dyn_templates::context;
use serde::Serialize;

use crate::accounts::models::{Person, User};
use crate::accounts::page::{Page, View};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::rooms::models::activity;
use crate::rooms::models::room::{self, Filter, iso};

const ROOMS_SHOWN: i64 = 20;
const MESSAGES_SHOWN: i64 = 20;

#[derive(Serialize)]
struct Profile {
    #[serde(flatten)]
    person: Person,
    bio: String,
    #[serde(serialize_with = "iso")]
    joined: NaiveDateTime,
    is_self: bool,
}

/// Django: `views.userProfile`
#[get("/developers/<username>")]
pub async fn person(page: Page<'_>, db: &Db, username: String) -> Result<View, Error> {
    let viewer = page.viewer.id();
    let (user, rooms, activity, (rooms_count, messages_count)) = db
        .read(move |conn| {
            let user = User::by_username(conn, &username)?;
            let filter = Filter { host: Some(user.id), ..Filter::default() };
            let rooms = room::cards(conn, &filter, viewer, 0, ROOMS_SHOWN)?;
            let activity = activity::list(conn, &Filter::default(), Some(user.id), 0, MESSAGES_SHOWN)?;
            let tally = room::tally(conn, user.id)?;
            Ok((user, rooms, activity, tally))
        })
        .await?;
    let is_self = viewer == Some(user.id);
    let person = Profile { person: user.person(), bio: user.bio, joined: user.date_joined, is_self };
    Ok(page.ok("rooms/person.html", context! { person, rooms, activity, rooms_count, messages_count }))
}
