//! What others think of a project: a vote, up or down, and words.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Text, Timestamp};
use serde::Serialize;

use crate::accounts::models::{PERSON, Person};
use crate::kit::db::{Conn, slice, substr};
use crate::kit::markdown;
use crate::kit::time::{self, as_iso};
use crate::schema::{projects, reviews, users};

/// Up or down, and nothing else.
///
/// Django: `VOTE_TYPE`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    /// For it.
    Up,
    /// Against it.
    Down,
}

impl Vote {
    /// As it is stored and sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// What [`Vote::as_str`] gave; nothing else is a vote.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "up" => Some(Self::Up),
            "down" => Some(Self::Down),
            _ => None,
        }
    }
}

/// One person's review of one project.
///
/// Django: `Review`
#[derive(Clone, Debug, Serialize)]
pub struct Review {
    /// Its number.
    pub id: i64,
    /// `up` or `down`.
    pub value: String,
    /// Markdown; may be empty.
    pub body: String,
    /// As `kit::markdown` made it.
    pub body_html: String,
    /// Who wrote it; none when that is not known any more.
    pub owner: Option<Person>,
    /// When it was written.
    #[serde(serialize_with = "as_iso")]
    pub created: NaiveDateTime,
    /// When it was last changed.
    #[serde(serialize_with = "as_iso")]
    pub updated: NaiveDateTime,
}

type Row = ((i64, String, String, String, NaiveDateTime, NaiveDateTime), Option<Person>);

impl From<Row> for Review {
    fn from(((id, value, body, body_html, created, updated), owner): Row) -> Self {
        let body_html = markdown::kept_or_typed(body_html, &body).0;
        Self { id, value, body, body_html, owner, created, updated }
    }
}

/// The reviews of a project; a macro, since no function can name the query's type shortly.
macro_rules! query {
    () => {
        reviews::table.left_join(users::table).select((
            (
                reviews::id,
                reviews::value,
                substr(reviews::body, 1, markdown::LONGEST_TYPED + 1),
                substr(reviews::body_html, 1, markdown::LONGEST_HTML + 1),
                reviews::created,
                reviews::updated,
            ),
            PERSON.nullable(),
        ))
    };
}

/// The newest reviews of a project.
///
/// Django: `project.review_set.all()`
///
/// # Errors
/// Only the database's.
pub fn newest(conn: &mut Conn, project_id: i64, offset: i64, limit: i64) -> QueryResult<Vec<Review>> {
    let query =
        query!().filter(reviews::project_id.eq(project_id)).order((reviews::created.desc(), reviews::id.desc()));
    let rows: Vec<Row> = slice(query, offset, limit).load(conn)?;
    Ok(rows.into_iter().map(Review::from).collect())
}

/// This person's review of this project, if he wrote one.
///
/// # Errors
/// Only the database's.
pub fn of(conn: &mut Conn, project_id: i64, owner_id: i64) -> QueryResult<Option<Review>> {
    let own = reviews::project_id.eq(project_id).and(reviews::owner_id.eq(owner_id));
    Ok(query!().filter(own).first::<Row>(conn).optional()?.map(Review::from))
}

/// Why a review could not be kept.
#[derive(Debug)]
pub enum ReviewError {
    /// Nobody reviews his own project.
    Own,
    /// The database.
    Db(DieselError),
}

impl From<DieselError> for ReviewError {
    fn from(error: DieselError) -> Self {
        match &error {
            // SQLite's trigger has no kind of its own: it is known by its words.
            DieselError::DatabaseError(DatabaseErrorKind::CheckViolation | DatabaseErrorKind::Unknown, information)
                if information.message().contains("a review of one's own project") =>
            {
                Self::Own
            }
            _ => Self::Db(error),
        }
    }
}

/// Keeps a person's review of a project; a second one takes the first one's place. The project's figures are counted anew.
///
/// Django: `project.getVoteCount`
///
/// # Errors
/// [`ReviewError::Own`]; [`DieselError::NotFound`]: there is no such project.
pub fn write(conn: &mut Conn, project_id: i64, owner_id: i64, vote: Vote, body: &str) -> Result<(), ReviewError> {
    hold_person(conn, owner_id, "KEY SHARE")?;
    lock(conn, project_id)?;
    let now = time::now();
    diesel::sql_query(
        "INSERT INTO reviews (project_id, owner_id, value, body, body_html, created, updated) \
         VALUES ($1, $2, $3, $4, $5, $6, $6) \
         ON CONFLICT (project_id, owner_id) DO UPDATE \
         SET value = excluded.value, body = excluded.body, body_html = excluded.body_html, updated = excluded.updated",
    )
    .bind::<BigInt, _>(project_id)
    .bind::<BigInt, _>(owner_id)
    .bind::<Text, _>(vote.as_str())
    .bind::<Text, _>(body)
    .bind::<Text, _>(markdown::render(body))
    .bind::<Timestamp, _>(now)
    .execute(conn)?;
    Ok(recount(conn, project_id)?)
}

/// Takes one's own review back.
///
/// # Errors
/// Only the database's.
pub fn delete(conn: &mut Conn, project_id: i64, owner_id: i64) -> QueryResult<()> {
    lock(conn, project_id)?;
    let own = reviews::project_id.eq(project_id).and(reviews::owner_id.eq(owner_id));
    diesel::delete(reviews::table.filter(own)).execute(conn)?;
    recount(conn, project_id)
}

/// A person leaves: his votes go, and what they voted about is counted anew.
///
/// # Errors
/// Only the database's.
pub fn forget_author(conn: &mut Conn, owner_id: i64) -> QueryResult<()> {
    hold_person(conn, owner_id, "UPDATE")?;
    let own = reviews::table.filter(reviews::owner_id.eq(owner_id));
    let mut voted: Vec<i64> = own.select(reviews::project_id).load(conn)?;
    // In one order for all, so that two who leave at once do not wait for each other in a ring.
    voted.sort_unstable();
    for project_id in voted {
        match delete(conn, project_id, owner_id) {
            // It went at the same moment, and the vote with it.
            Err(DieselError::NotFound) => {}
            done => done?,
        }
    }
    Ok(())
}

/// A vote that is being written when its writer leaves would go uncounted: the one waits for the other, in this order
/// (person, then project) so that neither waits in a ring. SQLite has one writer at a time anyway.
fn hold_person(conn: &mut Conn, id: i64, strength: &str) -> QueryResult<()> {
    if let Conn::Postgres(_) = conn {
        let sql = format!("SELECT id FROM users WHERE id = $1 FOR {strength}");
        diesel::sql_query(sql).bind::<BigInt, _>(id).execute(conn)?;
    }
    Ok(())
}

/// Who votes at the same moment waits here (any column does but those that are indexed for the search), so that the count sees every vote before it.
///
/// # Errors
/// [`DieselError::NotFound`]: there is no such project.
fn lock(conn: &mut Conn, project_id: i64) -> QueryResult<()> {
    let locked = diesel::update(projects::table.find(project_id))
        .set(projects::votes_up.eq(projects::votes_up))
        .execute(conn)?;
    if locked == 1 { Ok(()) } else { Err(DieselError::NotFound) }
}

/// The figures of a project from its reviews, each time from all of them: nothing can add up to a wrong sum.
///
/// # Errors
/// Only the database's.
fn recount(conn: &mut Conn, project_id: i64) -> QueryResult<()> {
    diesel::sql_query(recounting("WHERE p.id = $1")).bind::<BigInt, _>(project_id).execute(conn).map(drop)
}

/// The figures of all projects that do not fit their reviews, after many were written at once.
///
/// # Errors
/// Only the database's.
pub fn recount_all(conn: &mut Conn) -> QueryResult<usize> {
    diesel::sql_query(recounting("")).execute(conn)
}

/// Counts anew for the projects `p` of this condition; writes where the figures do not fit.
fn recounting(condition: &str) -> String {
    // The ratio is cut, not rounded: two of three are 66.
    format!(
        "UPDATE projects SET votes_up = counted.up, vote_total = counted.total, \
                vote_ratio = CASE WHEN counted.total = 0 THEN 0 ELSE counted.up * 100 / counted.total END \
         FROM (SELECT p.id, count(r.id) AS total, count(CASE WHEN r.value = 'up' THEN 1 END) AS up \
               FROM projects p LEFT JOIN reviews r ON r.project_id = p.id {condition} GROUP BY p.id) AS counted \
         WHERE projects.id = counted.id AND (projects.vote_total <> counted.total OR projects.votes_up <> counted.up)"
    )
}

/// A review as its writer takes it along: project's number and title, vote, words, when.
type Taken = (i64, String, String, String, NaiveDateTime);

/// What a person wrote about others' projects, oldest first.
///
/// # Errors
/// Only the database's.
pub fn written_by(conn: &mut Conn, owner_id: i64) -> QueryResult<Vec<Taken>> {
    reviews::table
        .inner_join(projects::table)
        .filter(reviews::owner_id.eq(owner_id))
        .order(reviews::id)
        .select((projects::id, projects::title, reviews::value, reviews::body, reviews::created))
        .load(conn)
}
