//! What people tell of themselves, one for each person.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use serde::Serialize;

use super::skill;
use crate::accounts::models::{CreateError, PERSON, Person, User};
use crate::kit::db::{Conn, count_to, fold_key, prepared, slice};
use crate::kit::markdown::{self, LONGEST_HTML, LONGEST_TYPED};
use crate::kit::paginate::COUNTED;
use crate::kit::q::{Q, icontains, q};
use crate::kit::time::as_iso;
use crate::rooms::models::room;
use crate::schema::{profiles, skills, users};

/// What one person tells of himself.
///
/// Django: `Profile`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// One line.
    pub short_intro: String,
    /// Where he is; any words.
    pub location: String,
    /// Markdown.
    pub bio: String,
    /// Where else he is found.
    pub links: Links,
}

/// Addresses on other sites; each may be empty.
///
/// Django: the `social_…` fields
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Links {
    /// On GitHub.
    pub github: String,
    /// On Twitter.
    pub twitter: String,
    /// On LinkedIn.
    pub linkedin: String,
    /// On YouTube.
    pub youtube: String,
    /// His own.
    pub website: String,
}

/// Makes a new person's profile, if he has none yet.
///
/// Django: the signal receiver `createProfile`
///
/// # Errors
/// Only the database's.
pub fn make(conn: &mut Conn, user_id: i64) -> QueryResult<()> {
    diesel::sql_query(
        "INSERT INTO profiles (user_id, created) SELECT id, date_joined FROM users WHERE id = $1 \
         ON CONFLICT (user_id) DO NOTHING",
    )
    .bind::<BigInt, _>(user_id)
    .execute(conn)
    .map(drop)
}

type Columns = (String, String, String, String, String, String, String, String);

/// What this person tells of himself.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when there is no such person.
pub fn find(conn: &mut Conn, user_id: i64) -> QueryResult<Profile> {
    let columns = (
        profiles::short_intro,
        profiles::location,
        profiles::bio,
        profiles::social_github,
        profiles::social_twitter,
        profiles::social_linkedin,
        profiles::social_youtube,
        profiles::social_website,
    );
    let (short_intro, location, bio, github, twitter, linkedin, youtube, website): Columns =
        profiles::table.find(user_id).select(columns).first(conn)?;
    Ok(Profile { short_intro, location, bio, links: Links { github, twitter, linkedin, youtube, website } })
}

/// Keeps both worlds in step: the names of the account and what the person tells of himself.
///
/// Django: the signal receiver `updateUser`
///
/// # Errors
/// [`CreateError::UsernameTaken`]
pub fn save(conn: &mut Conn, user_id: i64, username: &str, name: &str, profile: &Profile) -> Result<(), CreateError> {
    User::set_names(conn, user_id, username, name)?;
    Ok(set(conn, user_id, profile)?)
}

/// Keeps what a person tells of himself.
///
/// # Errors
/// Only the database's.
pub fn set(conn: &mut Conn, user_id: i64, profile: &Profile) -> QueryResult<()> {
    let links = &profile.links;
    diesel::update(profiles::table.find(user_id))
        .set((
            profiles::short_intro.eq(&profile.short_intro),
            profiles::location.eq(&profile.location),
            profiles::bio.eq(&profile.bio),
            profiles::bio_html.eq(markdown::render(&profile.bio)),
            profiles::social_github.eq(&links.github),
            profiles::social_twitter.eq(&links.twitter),
            profiles::social_linkedin.eq(&links.linkedin),
            profiles::social_youtube.eq(&links.youtube),
            profiles::social_website.eq(&links.website),
        ))
        .execute(conn)
        .map(drop)
}

/// A person's page: he and his profile, and how much he did.
#[derive(Debug, QueryableByName)]
pub struct Sight {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    username: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    picture: Option<String>,
    #[diesel(sql_type = Bool)]
    /// Whether he may log in, and be written to.
    pub is_active: bool,
    #[diesel(sql_type = diesel::sql_types::Timestamp)]
    /// When he registered.
    pub joined: NaiveDateTime,
    #[diesel(sql_type = Text)]
    /// One line.
    pub short_intro: String,
    #[diesel(sql_type = Text)]
    /// Any words.
    pub location: String,
    #[diesel(sql_type = Text)]
    bio: String,
    #[diesel(sql_type = Text)]
    bio_html: String,
    #[diesel(sql_type = Text)]
    github: String,
    #[diesel(sql_type = Text)]
    twitter: String,
    #[diesel(sql_type = Text)]
    linkedin: String,
    #[diesel(sql_type = Text)]
    youtube: String,
    #[diesel(sql_type = Text)]
    website: String,
    #[diesel(sql_type = BigInt)]
    /// Rooms that he hosts.
    pub rooms: i64,
    #[diesel(sql_type = BigInt)]
    /// Messages that he wrote, as far as they are counted.
    pub messages: i64,
}

impl Sight {
    /// He himself.
    pub fn person(&self) -> Person {
        Person { id: self.id, username: self.username.clone(), name: self.name.clone(), picture: self.picture.clone() }
    }

    /// What the person tells in many words, as a page shows it.
    pub fn bio_html(&mut self) -> String {
        markdown::kept_or_typed(std::mem::take(&mut self.bio_html), &self.bio).0
    }

    /// His addresses on other sites: the keys of their names, and where they lead.
    pub fn links(&self) -> Vec<(&'static str, &str)> {
        [
            ("social-website", self.website.as_str()),
            ("social-github", &self.github),
            ("social-linkedin", &self.linkedin),
            ("social-twitter", &self.twitter),
            ("social-youtube", &self.youtube),
        ]
        .into_iter()
        .filter(|(_, link)| !link.is_empty())
        .collect()
    }
}

/// The person of this user name, in any case, as his page shows him: one statement.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when there is none.
pub fn sight(conn: &mut Conn, username: &str) -> QueryResult<Sight> {
    if username.contains('\0') {
        return Err(diesel::result::Error::NotFound);
    }
    let tally = room::tally_columns(COUNTED + 1);
    let sql = format!(
        "SELECT u.id, u.username, u.name, u.picture, u.is_active, u.date_joined AS joined, p.short_intro, p.location, \
                substr(p.bio, 1, {LONGEST_TYPED} + 1) AS bio, substr(p.bio_html, 1, {LONGEST_HTML} + 1) AS bio_html, \
                p.social_github AS github, p.social_twitter AS twitter, p.social_linkedin AS linkedin, \
                p.social_youtube AS youtube, p.social_website AS website, {tally} \
         FROM users u JOIN profiles p ON p.user_id = u.id WHERE u.username_key = ?"
    );
    prepared(sql, [fold_key(username)]).get_result(conn)
}

/// A person as the list of developers shows him.
#[derive(Clone, Debug, Serialize)]
pub struct DeveloperCard {
    #[serde(flatten)]
    person: Person,
    short_intro: String,
    location: String,
    #[serde(serialize_with = "as_iso")]
    joined: NaiveDateTime,
    skills: Vec<String>,
    /// He has more skills than are shown.
    more_skills: usize,
}

/// So many skills stand on a card.
const SKILLS_ON_CARD: usize = 5;

/// The developers whose name, short intro or skill contains `text`; all for none.
///
/// Django: `searchProfiles`, where a join with the skills wants a `distinct()`
pub fn matching(text: &str) -> Q<diesel::dsl::InnerJoinQuerySource<profiles::table, users::table>> {
    // Said without a value: SQLite would take it for rare, look at everybody, and sort them.
    let is_active = q(users::is_active);
    if text.is_empty() {
        return is_active;
    }
    let named: Q<skills::table> = icontains(skills::name, text);
    let who_can = skills::table.filter(named).select(skills::user_id);
    is_active
        & (icontains(users::name, text)
            | icontains(users::username, text)
            | icontains(profiles::short_intro, text)
            | q(profiles::user_id.eq_any(who_can)))
}

/// How many developers match, counted as far as `most`.
///
/// # Errors
/// Only the database's.
pub fn count_found(conn: &mut Conn, text: &str, most: i64) -> QueryResult<i64> {
    if text.is_empty() {
        // Each of them has a profile, which need not be looked up a thousand times.
        return count_to(conn, users::table.select(users::id).filter(users::is_active), most);
    }
    let found = profiles::table.inner_join(users::table).select(profiles::user_id).filter(matching(text));
    count_to(conn, found, most)
}

/// Matching developers, the newest first, with what their cards show: two statements.
///
/// # Errors
/// Only the database's.
pub fn cards(conn: &mut Conn, text: &str, offset: i64, limit: i64) -> QueryResult<Vec<DeveloperCard>> {
    let query = profiles::table
        .inner_join(users::table)
        .select((PERSON, (profiles::short_intro, profiles::location, profiles::created)))
        .filter(matching(text))
        .order((profiles::created.desc(), profiles::user_id.desc()));
    let rows: Vec<CardRow> = slice(query, offset, limit).load(conn)?;
    let ids: Vec<i64> = rows.iter().map(|(person, _)| person.id).collect();
    let mut skills = skill::names_of(conn, &ids)?;
    Ok(rows.into_iter().map(|row| card(row, &mut skills)).collect())
}

type CardRow = (Person, (String, String, NaiveDateTime));

fn card((person, (short_intro, location, joined)): CardRow, skills: &mut HashMap<i64, Vec<String>>) -> DeveloperCard {
    let mut shown = skills.remove(&person.id).unwrap_or_default();
    let more_skills = shown.len().saturating_sub(SKILLS_ON_CARD);
    shown.truncate(SKILLS_ON_CARD);
    DeveloperCard { person, short_intro, location, joined, skills: shown, more_skills }
}
