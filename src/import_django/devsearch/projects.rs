//! Projects and their tags.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::{Brought, PROJECT_TAGS, PROJECTS, TAGS, link, owner};
use crate::import_django::ledger::Ledger;
use crate::import_django::report::Kind;
use crate::import_django::source::table_row;
use crate::import_django::{ImportError, Work};
use crate::kit::bulk::{self, Value};
use crate::kit::db::fold_key;
use crate::kit::markdown;
use crate::projects::models::project::title_key;
use crate::schema::{project_tags, projects, tags};

table_row! {
    ProjectRow {
        id, owner_id, title, description, demo_link, source_link, vote_total, vote_ratio, created
    }
}
table_row! { TagRow { id, name, created } }
table_row! { ProjectTagRow { id, project_id, tag_id } }

/// A project must be called something.
const UNTITLED: &str = "Untitled project";

/// What the source says of a project's votes: how many, and which percentage.
pub(super) type Told = HashMap<i64, (Option<i64>, Option<i64>)>;

const COLUMNS: [&str; 10] = [
    "id",
    "owner_id",
    "title",
    "title_key",
    "description_html",
    "description",
    "demo_link",
    "source_link",
    "created",
    "updated",
];

/// Brings the projects across, without votes yet. One without an owner is kept.
pub(super) fn bring(work: &mut Work<'_>, ledger: &mut Ledger, brought: &mut Brought) -> Result<Told, ImportError> {
    let rows: Vec<(i64, ProjectRow)> = work.rows(PROJECTS)?;
    work.progress.begin("projects", rows.len());
    let here: Vec<i64> = projects::table.select(projects::id).load(work.conn)?;
    let here: HashSet<i64> = here.into_iter().collect();
    let (mut values, mut pairs): (Vec<[Value; 10]>, _) = (Vec::new(), Vec::new());
    let mut told = Told::new();
    let mut new_ids = bulk::take_ids(work.conn, "projects", rows.len())?.into_iter();
    for (id, row) in &rows {
        work.progress.advance(1);
        if let Some(target) = ledger.target(PROJECTS, *id) {
            work.report.tally(PROJECTS).known += 1;
            if here.contains(&target) {
                brought.projects.insert(*id, target);
            }
            continue;
        }
        let Some(target) = new_ids.next() else { break };
        let owner = owner(work, PROJECTS, *id, "owner", &row.owner_id, brought);
        let mut title = work.text(PROJECTS, *id, "title", &row.title).trim().to_owned();
        if title.is_empty() {
            UNTITLED.clone_into(&mut title);
            work.report.remark(Kind::Named, PROJECTS, Some(*id), format!("had no title, is now {UNTITLED:?}"));
        }
        let description = work.text(PROJECTS, *id, "description", &row.description);
        let demo_link = link(work, PROJECTS, *id, "demo_link", &row.demo_link);
        let source_link = link(work, PROJECTS, *id, "source_link", &row.source_link);
        let created = work.time(PROJECTS, *id, "created", &row.created, work.now);
        values.push([
            target.into(),
            owner.into(),
            title.as_str().into(),
            title_key(&title).into(),
            markdown::render(&description).into(),
            description.into(),
            demo_link.into(),
            source_link.into(),
            created.into(),
            created.into(),
        ]);
        pairs.push((*id, target));
        brought.projects.insert(*id, target);
        told.insert(*id, (row.vote_total.number(), row.vote_ratio.number()));
    }
    work.report.tally(PROJECTS).new += values.len();
    bulk::insert(work.conn, "projects", COLUMNS, &values)?;
    ledger.add(work.conn, PROJECTS, &pairs)?;
    Ok(told)
}

/// Brings the tags across. What is written the same but for its case is one tag, here as there. The tags' ids here.
pub(super) fn bring_tags(work: &mut Work<'_>, ledger: &mut Ledger) -> Result<HashMap<i64, i64>, ImportError> {
    let rows: Vec<(i64, TagRow)> = work.rows(TAGS)?;
    let here: Vec<(i64, String)> = tags::table.select((tags::id, tags::name_key)).load(work.conn)?;
    let ids: HashSet<i64> = here.iter().map(|(id, _)| *id).collect();
    let mut by_key: HashMap<String, i64> = here.into_iter().map(|(id, key)| (key, id)).collect();
    let mut brought = HashMap::new();
    let (mut values, mut pairs): (Vec<[Value; 4]>, _) = (Vec::new(), Vec::new());
    let mut new_ids = bulk::take_ids(work.conn, "tags", rows.len())?.into_iter();
    for (id, row) in &rows {
        if let Some(target) = ledger.target(TAGS, *id) {
            work.report.tally(TAGS).known += 1;
            if ids.contains(&target) {
                brought.insert(*id, target);
            }
            continue;
        }
        let name = work.label(TAGS, *id, &row.name);
        if name.is_empty() {
            work.report.skip(TAGS, Some(*id), "it has no name");
            continue;
        }
        let key = fold_key(&name);
        let target = match by_key.get(&key) {
            Some(target) => {
                work.report.tally(TAGS).merged += 1;
                work.report.remark(Kind::Merged, TAGS, Some(*id), format!("{name:?} is a tag already"));
                *target
            }
            None => {
                let Some(target) = new_ids.next() else { break };
                let created = work.time(TAGS, *id, "created", &row.created, work.now);
                work.report.tally(TAGS).new += 1;
                values.push([target.into(), name.into(), key.as_str().into(), created.into()]);
                by_key.insert(key, target);
                target
            }
        };
        brought.insert(*id, target);
        pairs.push((*id, target));
    }
    bulk::insert(work.conn, "tags", ["id", "name", "name_key", "created"], &values)?;
    ledger.add(work.conn, TAGS, &pairs)?;
    Ok(brought)
}

/// Brings across which project has which tag.
pub(super) fn bring_project_tags(
    work: &mut Work<'_>,
    ledger: &mut Ledger,
    brought: &Brought,
    tags: &HashMap<i64, i64>,
) -> Result<(), ImportError> {
    let rows: Vec<(i64, ProjectTagRow)> = work.rows(PROJECT_TAGS)?;
    let here: Vec<(i64, i64)> =
        project_tags::table.select((project_tags::project_id, project_tags::tag_id)).load(work.conn)?;
    let mut known: HashSet<(i64, i64)> = here.into_iter().collect();
    let (mut values, mut pairs): (Vec<[Value; 2]>, _) = (Vec::new(), Vec::new());
    for (id, row) in &rows {
        if ledger.target(PROJECT_TAGS, *id).is_some() {
            work.report.tally(PROJECT_TAGS).known += 1;
            continue;
        }
        let project = row.project_id.key().and_then(|key| brought.projects.get(&key).copied());
        let tag = row.tag_id.key().and_then(|key| tags.get(&key).copied());
        let (Some(project), Some(tag)) = (project, tag) else {
            work.report.skip(PROJECT_TAGS, Some(*id), "its project or its tag is not there");
            continue;
        };
        pairs.push((*id, project));
        if known.insert((project, tag)) {
            values.push([project.into(), tag.into()]);
        } else {
            work.report.tally(PROJECT_TAGS).merged += 1;
        }
    }
    work.report.tally(PROJECT_TAGS).new += values.len();
    bulk::insert(work.conn, "project_tags", ["project_id", "tag_id"], &values)?;
    Ok(ledger.add(work.conn, PROJECT_TAGS, &pairs)?)
}
