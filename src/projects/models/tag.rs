//! What projects are made with.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde::Serialize;

use crate::kit::db::{Conn, fold_key, number_list, prepared};
use crate::kit::named;
use crate::kit::paginate::encode_query;
use crate::schema::{project_tags, tags};

/// A project has at most so many.
pub const MOST: usize = 10;

/// A tag has at most so many characters.
pub const LONGEST: usize = 40;

/// A tag of a project.
///
/// Django: `Tag`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tag {
    /// Its number.
    pub id: i64,
    /// As first typed.
    pub name: String,
    /// The projects that have it, among others.
    pub url: String,
}

impl Tag {
    fn new(id: i64, name: String) -> Self {
        Self { id, url: format!("/projects?q={}", encode_query(&name)), name }
    }
}

/// The tags of these projects, in the order of their names: one statement.
///
/// Django: `project.tags.all()` after `prefetch_related("tags")`
///
/// # Errors
/// Only the database's.
pub fn of(conn: &mut Conn, project_ids: &[i64]) -> QueryResult<HashMap<i64, Vec<Tag>>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        project_id: i64,
        #[diesel(sql_type = BigInt)]
        id: i64,
        #[diesel(sql_type = Text)]
        name: String,
    }
    let (marks, numbers) = number_list(project_ids.iter().copied());
    let sql = format!(
        "SELECT pt.project_id, t.id, t.name FROM project_tags pt JOIN tags t ON t.id = pt.tag_id \
         WHERE pt.project_id IN ({marks})"
    );
    let rows: Vec<Row> = prepared(sql, numbers).load(conn)?;
    let mut found: HashMap<i64, Vec<Tag>> = HashMap::new();
    for row in rows {
        found.entry(row.project_id).or_default().push(Tag::new(row.id, row.name));
    }
    // In the same order on each database, whatever its collation.
    for tags in found.values_mut() {
        tags.sort_by_cached_key(|tag| fold_key(&tag.name));
    }
    Ok(found)
}

/// Gives a project these tags and no others; those that nobody has used are made.
///
/// Django: `Tag.objects.get_or_create` and `project.tags.set`
///
/// # Errors
/// Only the database's.
pub fn set(conn: &mut Conn, project_id: i64, names: &[String]) -> QueryResult<()> {
    diesel::delete(project_tags::table.filter(project_tags::project_id.eq(project_id))).execute(conn)?;
    let mut names: Vec<&String> = names.iter().collect();
    // In one order for all: two who make the same new tags at once do not wait for each other in a ring.
    names.sort_by_key(|name| fold_key(name));
    for name in names {
        let tag_id = named::find_or_make(conn, "tags", name)?;
        diesel::insert_into(project_tags::table)
            .values((project_tags::project_id.eq(project_id), project_tags::tag_id.eq(tag_id)))
            .execute(conn)?;
    }
    Ok(())
}

/// Takes one tag off a project.
///
/// Django: `project.tags.remove`
///
/// # Errors
/// [`diesel::result::Error::NotFound`]: the project does not have it.
pub fn remove(conn: &mut Conn, project_id: i64, tag_id: i64) -> QueryResult<()> {
    let removed = diesel::delete(project_tags::table.find((project_id, tag_id))).execute(conn)?;
    if removed == 1 { Ok(()) } else { Err(diesel::result::Error::NotFound) }
}

/// Names for the form's suggestions.
///
/// # Errors
/// Only the database's.
pub fn names(conn: &mut Conn) -> QueryResult<Vec<String>> {
    tags::table.select(tags::name).order(tags::name_key).limit(200).load(conn)
}
