//! The demo people. One of them can log in.

use chrono::TimeDelta;

use super::portfolio::Portfolio;
use super::{DemoError, Stage};
use crate::accounts::passwords;
use crate::kit::bulk::{self, Value};
use crate::kit::db::{fold_key, look_text};
use crate::kit::markdown;
use crate::kit::random;

/// The user name of the one who can log in. The site is his: so it is complete without set-up.
pub(super) const DEMO: &str = "demo";

/// One person, as far as rooms need to know.
pub(super) struct Member {
    pub id: i64,
    pub name: String,
    pub hindi: bool,
}

/// So many rows are written at a time.
const AT_ONCE: usize = 1_000;

const COLUMNS: [&str; 13] = [
    "id",
    "username",
    "username_key",
    "email",
    "email_key",
    "name",
    "password",
    "is_staff",
    "is_superuser",
    "date_joined",
    "last_login",
    "username_look",
    "name_look",
];

const PROFILE: [&str; 9] = [
    "user_id",
    "short_intro",
    "location",
    "bio",
    "bio_html",
    "social_github",
    "social_youtube",
    "social_website",
    "created",
];

/// Writes the people, the demo person first; gives them and his password.
pub(super) fn invite(stage: &mut Stage<'_>, portfolio: &Portfolio) -> Result<(Vec<Member>, String), DemoError> {
    let password = random::token(12);
    let hash = passwords::hash(&password).map_err(DemoError::Password)?;
    let count = stage.extent.people;
    stage.progress.begin("people", count);
    let mut cast = Vec::with_capacity(count);
    while cast.len() < count {
        let ids = bulk::take_ids(stage.conn, "users", AT_ONCE.min(count - cast.len()))?;
        let mut values = Vec::with_capacity(ids.len());
        let mut profiles = Vec::with_capacity(ids.len());
        for id in ids {
            let is_demo = cast.is_empty();
            let (username, name, bio, hindi) = figure(stage, cast.len());
            let joined = stage.midnight
                - TimeDelta::days(stage.extent.days + 1)
                - TimeDelta::minutes(stage.rng.between(0, 40_000));
            let seen = stage.midnight - TimeDelta::minutes(stage.rng.between(30, 9_000));
            let email = if is_demo { "demo@example.org".to_owned() } else { String::new() };
            values.push([
                id.into(),
                username.as_str().into(),
                fold_key(&username).into(),
                email.as_str().into(),
                is_demo.then(|| fold_key(&email)).into(),
                name.as_str().into(),
                if is_demo { hash.clone() } else { passwords::unusable() }.into(),
                is_demo.into(),
                is_demo.into(),
                joined.into(),
                Value::Time((!is_demo).then_some(seen)),
                look_text(&username).into(),
                look_text(&name).into(),
            ]);
            let developer = portfolio.developer(&username);
            let link = |kind| developer.map(|developer| developer.link(kind, &username)).unwrap_or_default();
            profiles.push([
                id.into(),
                developer.map_or("", |developer| developer.intro).into(),
                developer.map_or("", |developer| developer.place).into(),
                bio.into(),
                markdown::render(bio).into(),
                link("code").into(),
                link("film").into(),
                link("site").into(),
                joined.into(),
            ]);
            cast.push(Member { id, name: if name.is_empty() { username } else { name }, hindi });
        }
        stage.progress.advance(values.len());
        bulk::insert(stage.conn, "users", COLUMNS, &values)?;
        bulk::insert(stage.conn, "profiles", PROFILE, &profiles)?;
    }
    Ok((cast, password))
}

/// User name, shown name, words, and whether he speaks Hindi. Beyond those who are written down,
/// they come again with another letter and a number.
fn figure(stage: &mut Stage<'_>, at: usize) -> (String, String, &'static str, bool) {
    let figures = &stage.script.people;
    let Some(at) = at.checked_sub(1) else {
        return (
            DEMO.to_owned(),
            "Demo".to_owned(),
            "This account belongs to whoever tries the site. Look around!",
            true,
        );
    };
    if let Some(figure) = figures.get(at) {
        return (figure.username.to_owned(), figure.name.to_owned(), figure.bio, figure.hindi);
    }
    let figure = &figures[at % figures.len()];
    let letter = char::from(b'A' + u8::try_from(stage.rng.below(26)).unwrap_or(0));
    (format!("{}{at}", figure.username), format!("{} {letter}.", figure.name), "", figure.hindi)
}
