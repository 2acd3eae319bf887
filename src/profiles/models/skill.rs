//! What people can do. A skill that is described is one of the top ones.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use crate::kit::db::{Conn, fold_key, number_list, prepared};
use crate::kit::time;
use crate::schema::{profiles, skills};

/// Somebody's skill.
///
/// Django: `Skill`
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Serialize)]
pub struct Skill {
    /// Its number.
    pub id: i64,
    /// Such as a language or a craft.
    pub name: String,
    /// How well, since when, for what; may be empty.
    pub description: String,
}

/// A person's skills in the order in which he told them: the described ones, then the others.
///
/// Django: `profile.skill_set.exclude(description__exact="")`, and the same with `filter`
///
/// # Errors
/// Only the database's.
pub fn of(conn: &mut Conn, user_id: i64) -> QueryResult<(Vec<Skill>, Vec<Skill>)> {
    let all: Vec<Skill> = skills::table
        .filter(skills::user_id.eq(user_id))
        .order(skills::id)
        .select((skills::id, skills::name, skills::description))
        .load(conn)?;
    Ok(all.into_iter().partition(|skill| !skill.description.is_empty()))
}

/// The names of these people's skills, the described ones first: one statement.
///
/// # Errors
/// Only the database's.
pub fn names_of(conn: &mut Conn, user_ids: &[i64]) -> QueryResult<HashMap<i64, Vec<String>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        user_id: i64,
        #[diesel(sql_type = Text)]
        name: String,
    }
    let (marks, numbers) = number_list(user_ids.iter().copied());
    let sql = format!("SELECT user_id, name FROM skills WHERE user_id IN ({marks}) ORDER BY description = '', id");
    let rows: Vec<Row> = prepared(sql, numbers).load(conn)?;
    let mut names: HashMap<i64, Vec<String>> = HashMap::new();
    for row in rows {
        names.entry(row.user_id).or_default().push(row.name);
    }
    Ok(names)
}

/// All skills of a person as he takes them along: name, description, since when.
///
/// # Errors
/// Only the database's.
pub fn told_by(conn: &mut Conn, user_id: i64) -> QueryResult<Vec<(String, String, NaiveDateTime)>> {
    skills::table
        .filter(skills::user_id.eq(user_id))
        .order(skills::id)
        .select((skills::name, skills::description, skills::created))
        .load(conn)
}

/// A skill and whose it is.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when there is none.
pub fn find(conn: &mut Conn, id: i64) -> QueryResult<(Skill, i64)> {
    skills::table.find(id).select(((skills::id, skills::name, skills::description), skills::user_id)).first(conn)
}

/// Nobody has more.
pub const MOST: i64 = 50;

/// Why a skill could not be kept.
#[derive(Debug)]
pub enum SkillError {
    /// He has told it before.
    Told,
    /// He has as many as one may have.
    TooMany,
    /// The database.
    Db(DieselError),
}

impl From<DieselError> for SkillError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Told,
            error => Self::Db(error),
        }
    }
}

/// What makes two spellings of a skill the same. Its beginning is enough, and an index has no room for an imported name of
/// thousands of letters.
pub fn name_key(name: &str) -> String {
    fold_key(name).chars().take(200).collect()
}

/// Adds a skill.
///
/// # Errors
/// [`SkillError`]
pub fn add(conn: &mut Conn, user_id: i64, name: &str, description: &str) -> Result<(), SkillError> {
    lock(conn, user_id)?;
    let (key, told) = (name_key(name), skills::table.filter(skills::user_id.eq(user_id)));
    // Who has all that fit and tells one of them again, reads that he told it.
    let is_told = diesel::select(diesel::dsl::exists(told.filter(skills::name_key.eq(&key))));
    if is_told.get_result(conn)? {
        return Err(SkillError::Told);
    }
    if told.count().get_result::<i64>(conn)? >= MOST {
        return Err(SkillError::TooMany);
    }
    diesel::insert_into(skills::table)
        .values((
            skills::user_id.eq(user_id),
            skills::name.eq(name),
            skills::name_key.eq(key),
            skills::description.eq(description),
            skills::created.eq(time::now()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Changes one's own skill.
///
/// # Errors
/// [`SkillError::Told`]; [`diesel::result::Error::NotFound`]: it is gone, or another's.
pub fn change(conn: &mut Conn, user_id: i64, id: i64, name: &str, description: &str) -> Result<(), SkillError> {
    let changed = diesel::update(skills::table.find(id).filter(skills::user_id.eq(user_id)))
        .set((skills::name.eq(name), skills::name_key.eq(name_key(name)), skills::description.eq(description)))
        .execute(conn)?;
    if changed == 1 { Ok(()) } else { Err(SkillError::Db(DieselError::NotFound)) }
}

/// Takes one's own skill away.
///
/// # Errors
/// Only the database's.
pub fn delete(conn: &mut Conn, user_id: i64, id: i64) -> QueryResult<()> {
    diesel::delete(skills::table.find(id).filter(skills::user_id.eq(user_id))).execute(conn).map(drop)
}

/// Whoever tells of the same person's skills at the same moment waits here, so that each counts what the other told.
fn lock(conn: &mut Conn, user_id: i64) -> QueryResult<()> {
    diesel::update(profiles::table.find(user_id)).set(profiles::created.eq(profiles::created)).execute(conn).map(drop)
}
