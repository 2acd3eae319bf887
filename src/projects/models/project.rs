//! What people made.

use chrono::NaiveDateTime;
use diesel::dsl::LeftJoinQuerySource;
use diesel::prelude::*;
use serde::Serialize;

use super::tag::{self, Tag};
use crate::accounts::models::{PERSON, Person};
use crate::kit::db::{Conn, count_to, fold_key, slice, substr};
use crate::kit::markdown;
use crate::kit::q::{Q, all, icontains, q};
use crate::kit::time::{self, as_iso};
use crate::schema::{project_tags, projects, reviews, tags, users};

/// A project with its owner and tags.
///
/// Django: `Project`
#[derive(Clone, Debug, Serialize)]
pub struct Project {
    /// Its number.
    pub id: i64,
    /// Its page.
    pub url: String,
    /// Its name.
    pub title: String,
    /// Markdown; may be empty.
    pub description: String,
    /// As `kit::markdown` made it.
    pub description_html: String,
    /// [`crate::kit::pictures::Picture`], if it has one.
    pub featured_image: Option<String>,
    /// Where it can be tried; may be empty.
    pub demo_link: String,
    /// Where its source is; may be empty.
    pub source_link: String,
    /// How many voted.
    pub vote_total: i64,
    /// Whole percent of them who voted up.
    pub vote_ratio: i64,
    /// Who made it; none when that is not known any more.
    pub owner: Option<Person>,
    /// What it is made with.
    pub tags: Vec<Tag>,
    /// When it was put here.
    #[serde(serialize_with = "as_iso")]
    pub created: NaiveDateTime,
    /// When it was last changed.
    #[serde(serialize_with = "as_iso")]
    pub updated: NaiveDateTime,
}

impl Project {
    /// Whether it is this person's.
    pub fn is_of(&self, user_id: i64) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner.id == user_id)
    }
}

/// The address of a project.
pub fn url(id: i64) -> String {
    format!("/projects/{id}")
}

type Columns = (i64, String, String, String, Option<String>, String, String, i64, i64, NaiveDateTime, NaiveDateTime);
type Row = (Columns, Option<Person>);

/// Projects and who made them; a macro, since no function can name the query's type shortly.
macro_rules! query {
    ($typed:expr, $html:expr) => {
        projects::table.left_join(users::table).select((
            (
                projects::id,
                projects::title,
                $typed,
                substr(projects::description_html, 1, $html),
                projects::featured_image,
                projects::demo_link,
                projects::source_link,
                projects::vote_total,
                projects::vote_ratio,
                projects::created,
                projects::updated,
            ),
            PERSON.nullable(),
        ))
    };
}

impl From<Row> for Project {
    fn from((columns, owner): Row) -> Self {
        let (
            id,
            title,
            description,
            description_html,
            featured_image,
            demo_link,
            source_link,
            vote_total,
            vote_ratio,
            created,
            updated,
        ) = columns;
        Self {
            id,
            url: url(id),
            title,
            description_html: markdown::kept_or_typed(description_html, &description).0,
            description,
            featured_image,
            demo_link,
            source_link,
            vote_total,
            vote_ratio,
            owner,
            tags: Vec::new(),
            created,
            updated,
        }
    }
}

/// A project and who made it.
type WithOwner = LeftJoinQuerySource<projects::table, users::table>;

/// The projects whose title, description, owner's name or tag contains `text`; all for none.
///
/// Django: `searchProjects`, where a join with the tags wants a `distinct()`
pub fn matching(text: &str) -> Q<WithOwner> {
    if text.is_empty() {
        return all([]);
    }
    let named: Q<tags::table> = icontains(tags::name, text);
    let tagged = project_tags::table
        .filter(project_tags::tag_id.eq_any(tags::table.filter(named).select(tags::id)))
        .select(project_tags::project_id);
    icontains(projects::title, text)
        | icontains(projects::description, text)
        | icontains(users::name, text)
        | icontains(users::username, text)
        | q(projects::id.eq_any(tagged))
}

/// How many projects match, counted as far as `most`.
///
/// # Errors
/// Only the database's.
pub fn count_found(conn: &mut Conn, text: &str, most: i64) -> QueryResult<i64> {
    if text.is_empty() {
        // Without their owners: an index alone holds the answer.
        return count_to(conn, projects::table.select(projects::id), most);
    }
    let found = projects::table.left_join(users::table).select(projects::id).filter(matching(text));
    count_to(conn, found, most)
}

/// Matching projects, the best liked first, with what their cards show: two statements.
///
/// Django: `ordering = ["-vote_ratio", "-vote_total", "title"]`
///
/// # Errors
/// Only the database's.
pub fn cards(conn: &mut Conn, text: &str, offset: i64, limit: i64) -> QueryResult<Vec<Project>> {
    found(conn, matching(text), offset, limit)
}

/// What this person made, the best liked first.
///
/// Django: `profile.project_set.all()`
///
/// # Errors
/// Only the database's.
pub fn cards_of(conn: &mut Conn, owner_id: i64, limit: i64) -> QueryResult<Vec<Project>> {
    found(conn, q(projects::owner_id.eq(owner_id)), 0, limit)
}

fn found(conn: &mut Conn, condition: Q<WithOwner>, offset: i64, limit: i64) -> QueryResult<Vec<Project>> {
    // Cards show nothing of the description.
    let query = query!(substr(projects::description, 1, 0), 0).filter(condition).order((
        projects::vote_ratio.desc(),
        projects::vote_total.desc(),
        projects::title_key.asc(),
        projects::id.asc(),
    ));
    let rows: Vec<Row> = slice(query, offset, limit).load(conn)?;
    with_tags(conn, rows)
}

fn with_tags(conn: &mut Conn, rows: Vec<Row>) -> QueryResult<Vec<Project>> {
    let mut projects: Vec<Project> = rows.into_iter().map(Project::from).collect();
    // The statement has room for so many; no page shows more.
    for some in projects.chunks_mut(100) {
        let ids: Vec<i64> = some.iter().map(|project| project.id).collect();
        let mut tags = tag::of(conn, &ids)?;
        for project in some {
            project.tags = tags.remove(&project.id).unwrap_or_default();
        }
    }
    Ok(projects)
}

/// The project of this number: two statements.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when there is none.
pub fn find(conn: &mut Conn, id: i64) -> QueryResult<Project> {
    let typed = substr(projects::description, 1, markdown::LONGEST_TYPED + 1);
    let row: Row = query!(typed, markdown::LONGEST_HTML + 1).filter(projects::id.eq(id)).first(conn)?;
    with_tags(conn, vec![row])?.pop().ok_or(diesel::result::Error::NotFound)
}

/// All of a project's description as typed, however long.
///
/// # Errors
/// [`diesel::result::Error::NotFound`] when it is gone.
pub fn whole_description(conn: &mut Conn, id: i64) -> QueryResult<String> {
    projects::table.find(id).select(projects::description).first(conn)
}

/// The cleaned values of a project's form.
#[derive(Clone, Debug, Default)]
pub struct ProjectValues {
    /// Its name.
    pub title: String,
    /// Markdown; may be empty.
    pub description: String,
    /// May be empty.
    pub demo_link: String,
    /// May be empty.
    pub source_link: String,
    /// What it is made with.
    pub tags: Vec<String>,
}

/// What projects are ordered by. Its beginning is enough, and an index has no room for an imported title of thousands of
/// letters.
pub fn title_key(title: &str) -> String {
    fold_key(title).chars().take(200).collect()
}

/// Puts a project here; gives its number.
///
/// # Errors
/// Only the database's.
pub fn create(conn: &mut Conn, owner_id: i64, values: &ProjectValues) -> QueryResult<i64> {
    let now = time::now();
    let id = diesel::insert_into(projects::table)
        .values((
            projects::owner_id.eq(owner_id),
            projects::title.eq(&values.title),
            projects::title_key.eq(title_key(&values.title)),
            projects::description.eq(&values.description),
            projects::description_html.eq(markdown::render(&values.description)),
            projects::demo_link.eq(&values.demo_link),
            projects::source_link.eq(&values.source_link),
            projects::created.eq(now),
            projects::updated.eq(now),
        ))
        .returning(projects::id)
        .get_result(conn)?;
    tag::set(conn, id, &values.tags)?;
    Ok(id)
}

/// Changes one's own project.
///
/// # Errors
/// [`diesel::result::Error::NotFound`]: it is gone, or another's.
pub fn change(conn: &mut Conn, owner_id: i64, id: i64, values: &ProjectValues) -> QueryResult<()> {
    let changed = diesel::update(projects::table.find(id).filter(projects::owner_id.eq(owner_id)))
        .set((
            projects::title.eq(&values.title),
            projects::title_key.eq(title_key(&values.title)),
            projects::description.eq(&values.description),
            projects::description_html.eq(markdown::render(&values.description)),
            projects::demo_link.eq(&values.demo_link),
            projects::source_link.eq(&values.source_link),
            projects::updated.eq(time::now()),
        ))
        .execute(conn)?;
    if changed == 0 {
        return Err(diesel::result::Error::NotFound);
    }
    tag::set(conn, id, &values.tags)
}

/// Shows this picture of one's own project, which must be in use already, or none.
///
/// # Errors
/// Only the database's.
pub fn set_picture(conn: &mut Conn, owner_id: i64, id: i64, picture: Option<&str>) -> QueryResult<()> {
    diesel::update(projects::table.find(id).filter(projects::owner_id.eq(owner_id)))
        .set(projects::featured_image.eq(picture))
        .execute(conn)
        .map(drop)
}

/// Deletes a project with all that was said about it.
///
/// # Errors
/// Only the database's.
pub fn delete(conn: &mut Conn, owner_id: i64, id: i64) -> QueryResult<()> {
    diesel::delete(projects::table.find(id).filter(projects::owner_id.eq(owner_id))).execute(conn).map(drop)
}

/// What a person made, oldest first, as he takes it along.
///
/// # Errors
/// Only the database's.
pub fn made_by(conn: &mut Conn, owner_id: i64) -> QueryResult<Vec<Project>> {
    let rows: Vec<Row> =
        query!(projects::description, 0).filter(projects::owner_id.eq(owner_id)).order(projects::id).load(conn)?;
    with_tags(conn, rows)
}

/// How many projects a person made, and how many reviews he wrote.
///
/// # Errors
/// Only the database's.
pub fn tally(conn: &mut Conn, user_id: i64) -> QueryResult<(i64, i64)> {
    let made = projects::table.filter(projects::owner_id.eq(user_id)).count().get_result(conn)?;
    let wrote = reviews::table.filter(reviews::owner_id.eq(user_id)).count().get_result(conn)?;
    Ok((made, wrote))
}
