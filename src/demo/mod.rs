//! Demo content: people, rooms and what was said in them, the same for the same seed. To look at the
//! site, to learn on, and to measure with.

mod developers;
mod lobby;
mod people;
mod portfolio;
mod rng;
mod rooms;
mod script;

use std::collections::{HashMap, HashSet};
use std::fmt;

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use crate::kit::bulk::{self, Value};
use crate::kit::db::{self, Conn, fold_key};
use crate::kit::progress::Progress;
use crate::kit::time;
use crate::schema::{rooms as rooms_table, topics, users};
use crate::search::models::index;
use portfolio::Portfolio;
use rng::Rng;
use script::Script;

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Scale {
    /// A handful of people in five rooms
    #[default]
    Small,
    /// A class: 36 people, 24 rooms, about 1,500 messages, 28 projects
    Class,
    /// 50,000 people, 20,000 rooms, 1,000,000 messages, 20,000 projects, 100,000 reviews
    Large,
}

/// Numbers behind a scale.
struct Extent {
    people: usize,
    rooms: usize,
    /// In all rooms together; but for the rooms that have a size of their own.
    messages: usize,
    projects: usize,
    reviews: usize,
    /// How long ago it began.
    days: i64,
    /// A room's people, at most.
    members: usize,
}

impl Scale {
    fn extent(self) -> Extent {
        match self {
            Self::Small => {
                Extent { people: 6, rooms: 5, messages: 120, projects: 8, reviews: 16, days: 21, members: 6 }
            }
            Self::Class => {
                Extent { people: 36, rooms: 24, messages: 1_500, projects: 28, reviews: 140, days: 70, members: 14 }
            }
            Self::Large => Extent {
                people: 50_000,
                rooms: 20_000,
                messages: 1_000_000,
                projects: 20_000,
                reviews: 100_000,
                days: 365,
                members: 16,
            },
        }
    }
}

/// What was made.
#[derive(Debug)]
pub struct Filled {
    /// The one demo person who can log in, and do everything.
    pub username: &'static str,
    /// His password: kept nowhere else.
    pub password: String,
    /// How many people there are now.
    pub people: usize,
    /// How many rooms, but for the chat rooms by name.
    pub rooms: usize,
    /// How many messages in them.
    pub messages: usize,
    /// How many projects.
    pub projects: usize,
}

/// Why nothing was made; each prints as one line.
#[derive(Debug)]
pub enum DemoError {
    /// So many people and rooms are here.
    NotEmpty(i64, i64),
    /// The password could not be hashed.
    Password(crate::accounts::passwords::HashError),
    /// The database.
    Db(DieselError),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmpty(people, rooms) => write!(
                f,
                "demo content goes into an empty database only, and this one holds {people} people and {rooms} rooms: \
                 name another one, for example with CHAUPAL_DATA_DIR=demo"
            ),
            Self::Password(error) => error.fmt(f),
            Self::Db(error) => write!(f, "the demo content could not be written, and nothing of it was: {error}"),
        }
    }
}

impl std::error::Error for DemoError {}

impl From<DieselError> for DemoError {
    fn from(error: DieselError) -> Self {
        Self::Db(error)
    }
}

/// Whether there is nothing in the database yet.
///
/// # Errors
/// [`DemoError::NotEmpty`] tells what there is.
pub fn must_be_empty(conn: &mut Conn) -> Result<(), DemoError> {
    let people: i64 = users::table.count().get_result(conn)?;
    let rooms: i64 = rooms_table::table.count().get_result(conn)?;
    let topics: i64 = topics::table.count().get_result(conn)?;
    if people + rooms + topics > 0 { Err(DemoError::NotEmpty(people, rooms)) } else { Ok(()) }
}

/// What is written.
const TABLES: [&str; 13] = [
    "users",
    "profiles",
    "skills",
    "topics",
    "rooms",
    "participants",
    "messages",
    "visits",
    "projects",
    "tags",
    "project_tags",
    "reviews",
    "inbox_messages",
];

/// Fills an empty database, all in one transaction. The times count back from the beginning of the
/// day of `now`, so that a seed gives the same rows all day.
///
/// # Errors
/// [`DemoError`]: then nothing was written.
pub fn fill(
    conn: &mut Conn,
    scale: Scale,
    seed: u64,
    now: NaiveDateTime,
    progress: &mut Progress,
) -> Result<Filled, DemoError> {
    let midnight = now.date().and_time(NaiveTime::MIN);
    let filled = db::transaction(conn, |conn| {
        bulk::keep_others_from_writing(conn, &TABLES)?;
        must_be_empty(conn)?;
        let mut stage =
            Stage { conn, script: Script::read(), extent: scale.extent(), rng: Rng::new(seed), midnight, progress };
        let portfolio = Portfolio::read();
        let (cast, password) = people::invite(&mut stage, &portfolio)?;
        let messages = rooms::open(&mut stage, &cast)?;
        lobby::open(&mut stage, &cast)?;
        developers::fill(&mut stage, &portfolio, &cast)?;
        let Extent { people, rooms, projects, .. } = stage.extent;
        Ok::<_, DemoError>(Filled { username: people::DEMO, password, people, rooms, messages, projects })
    })?;
    bulk::settle(conn, &TABLES);
    index::put_in_order(conn);
    Ok(filled)
}

/// [`fill`] as of today.
///
/// # Errors
/// As [`fill`].
pub fn fill_today(conn: &mut Conn, scale: Scale, seed: u64, progress: &mut Progress) -> Result<Filled, DemoError> {
    fill(conn, scale, seed, time::now(), progress)
}

/// What every step works with.
struct Stage<'a> {
    conn: &'a mut Conn,
    script: Script,
    extent: Extent,
    rng: Rng,
    midnight: NaiveDateTime,
    progress: &'a mut Progress,
}

/// Writes the names that the script uses to a table of names, each once; their numbers by name.
fn named(
    stage: &mut Stage<'_>,
    table: &'static str,
    mut names: Vec<&'static str>,
) -> Result<HashMap<&'static str, i64>, DemoError> {
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    let ids = bulk::take_ids(stage.conn, table, names.len())?;
    let created = stage.midnight - TimeDelta::days(stage.extent.days);
    let rows: Vec<[Value; 4]> = names
        .iter()
        .zip(&ids)
        .map(|(name, id)| [(*id).into(), (*name).into(), fold_key(name).into(), created.into()])
        .collect();
    bulk::insert(stage.conn, table, ["id", "name", "name_key", "created"], &rows)?;
    Ok(names.into_iter().zip(ids).collect())
}
