//! A person's page, on which both worlds meet: what he tells of himself, what he can do, what he made, where he talks.

use chrono::NaiveDateTime;
use rocket::get;
use rocket_dyn_templates::context;
use serde::Serialize;

use crate::accounts::models::Person;
use crate::accounts::page::{Page, View};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::i18n::Text;
use crate::kit::time::as_iso;
use crate::profiles::models::{profile, skill};
use crate::projects::models::project;
use crate::rooms::models::activity;
use crate::rooms::models::room::{self, Filter};

const PROJECTS_SHOWN: i64 = 12;
const ROOMS_SHOWN: i64 = 12;
const MESSAGES_SHOWN: i64 = 12;

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    person: Person,
    #[serde(serialize_with = "as_iso")]
    joined: NaiveDateTime,
    short_intro: String,
    location: String,
    bio_html: String,
    links: Vec<Link>,
    rooms: i64,
    messages: i64,
    is_self: bool,
    is_active: bool,
}

#[derive(Serialize)]
struct Link {
    label: String,
    url: String,
    /// What is read: the address without what all addresses have.
    text: String,
}

impl Link {
    fn new(page: &Page<'_>, (key, url): (&'static str, &str)) -> Self {
        let text = url.split_once("://").map_or(url, |(_, rest)| rest);
        let text = text.strip_prefix("www.").unwrap_or(text).trim_end_matches('/');
        Self { label: page.t(&Text::new(key)), url: url.to_owned(), text: text.to_owned() }
    }
}

/// Django: `views.userProfile` of both courses
#[get("/developers/<username>")]
pub async fn person(page: Page<'_>, db: &Db, username: String) -> Result<View, Error> {
    let viewer = page.viewer.id();
    let (mut sight, (top_skills, other_skills), projects, rooms, activity) = db
        .read(move |conn| {
            let sight = profile::sight(conn, &username)?;
            let id = sight.person().id;
            let skills = skill::of(conn, id)?;
            let projects = project::cards_of(conn, id, PROJECTS_SHOWN)?;
            let rooms = room::cards(conn, &Filter { host: Some(id), ..Filter::default() }, None, 0, ROOMS_SHOWN)?;
            let activity = activity::list(conn, &Filter::default(), Some(id), 0, MESSAGES_SHOWN)?;
            Ok((sight, skills, projects, rooms, activity))
        })
        .await?;
    let bio_html = sight.bio_html();
    let person = sight.person();
    let links = sight.links().into_iter().map(|link| Link::new(&page, link)).collect();
    let person = Shown {
        is_self: viewer == Some(person.id),
        is_active: sight.is_active,
        person,
        links,
        joined: sight.joined,
        short_intro: sight.short_intro,
        location: sight.location,
        bio_html,
        rooms: sight.rooms,
        messages: sight.messages,
    };
    let context = context! { person, top_skills, other_skills, projects, rooms, activity };
    Ok(page.ok("profiles/person.html", context))
}
