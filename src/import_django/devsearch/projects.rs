//! Projects and their tags.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::{Brought, PROJECT_TAGS, PROJECTS, TAGS, link, owner};
use crate::import_django::ImportError;
use crate::import_django::cell::shown;
use crate::import_django::evidence::Evidence;
use crate::import_django::ledger::Ledger;
use crate::import_django::report::Kind;
use crate::import_django::source::{TableRow, table_row};
use crate::import_django::targets::Targets;
use crate::import_django::work::Work;
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

/// What the source says of the votes of each new project: its id here, how many, and which percentage.
pub(super) type Told = HashMap<i64, (i64, Option<i64>, Option<i64>)>;

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
    let mut batches = work.batches::<ProjectRow>(PROJECTS, "projects")?;
    let here: Vec<i64> = projects::table.select(projects::id).load(work.conn)?;
    let here: HashSet<i64> = here.into_iter().collect();
    let mut told = Told::new();
    while let Some(rows) = work.next(&mut batches)? {
        let (mut values, mut pairs): (Vec<[Value; 10]>, _) = (Vec::new(), Vec::new());
        let mut new_ids = bulk::take_ids(work.conn, "projects", rows.len())?.into_iter();
        for (id, row) in rows {
            let evidence = Evidence::of(&[&row.created.moment(), &brought.owners(work).origin(&row.owner_id)])
                .facts(&[&row.title.text().text, &row.description.text().text, &row.id().uuid().unwrap_or_default()]);
            if let Some(target) = work.known(ledger, PROJECTS, id, &evidence) {
                brought.projects.insert_known(id, target, here.contains(&target));
                continue;
            }
            let Some(target) = new_ids.next() else { break };
            let owner = owner(work, PROJECTS, id, "owner", &row.owner_id, brought);
            let mut title = work.text(PROJECTS, id, "title", &row.title).trim().to_owned();
            if title.is_empty() {
                UNTITLED.clone_into(&mut title);
                work.report.remark(Kind::Named, PROJECTS, Some(id), format!("had no title, is now {UNTITLED:?}"));
            }
            let demo_link = link(work, PROJECTS, id, "demo_link", &row.demo_link);
            let source_link = link(work, PROJECTS, id, "source_link", &row.source_link);
            let created = work.time(PROJECTS, id, "created", &row.created, work.now);
            told.insert(id, (target, row.vote_total.number(), row.vote_ratio.number()));
            let description = work.whole_text(PROJECTS, id, "description", row.description);
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
            pairs.push((id, target, evidence));
            brought.projects.insert(id, target);
        }
        work.report.tally(PROJECTS).new += values.len();
        bulk::insert(work.conn, "projects", COLUMNS, &values)?;
        ledger.add(work.conn, PROJECTS, &pairs)?;
    }
    Ok(told)
}

/// Brings the tags across. What is written the same but for its case is one tag, here as there.
pub(super) fn bring_tags(work: &mut Work<'_>, ledger: &mut Ledger) -> Result<Targets, ImportError> {
    let rows: Vec<(i64, TagRow)> = work.rows(TAGS, |row| row)?;
    let here: Vec<(i64, String)> = tags::table.select((tags::id, tags::name_key)).load(work.conn)?;
    let ids: HashSet<i64> = here.iter().map(|(id, _)| *id).collect();
    let mut by_key: HashMap<String, i64> = here.into_iter().map(|(id, key)| (key, id)).collect();
    let mut brought = Targets::default();
    let (mut values, mut pairs): (Vec<[Value; 4]>, _) = (Vec::new(), Vec::new());
    let mut new_ids = bulk::take_ids(work.conn, "tags", rows.len())?.into_iter();
    for (id, row) in &rows {
        let evidence = Evidence::of(&[&fold_key(&row.name.text().text)]);
        if let Some(target) = work.known(ledger, TAGS, *id, &evidence) {
            brought.insert_known(*id, target, ids.contains(&target));
            continue;
        }
        let name = work.short(TAGS, *id, "name", &row.name);
        if name.is_empty() {
            work.report.skip(TAGS, Some(*id), "it has no name");
            continue;
        }
        let key = fold_key(&name);
        let target = match by_key.get(&key) {
            Some(target) => {
                work.report.tally(TAGS).merged += 1;
                work.report.remark(Kind::Merged, TAGS, Some(*id), format!("{} is a tag already", shown(&name)));
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
        pairs.push((*id, target, evidence));
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
    tags: &Targets,
) -> Result<(), ImportError> {
    let here: Vec<(i64, i64)> =
        project_tags::table.select((project_tags::project_id, project_tags::tag_id)).load(work.conn)?;
    let mut known: HashSet<(i64, i64)> = here.into_iter().collect();
    let mut batches = work.batches::<ProjectTagRow>(PROJECT_TAGS, "tags of projects")?;
    while let Some(rows) = work.next(&mut batches)? {
        let (mut values, mut pairs): (Vec<[Value; 2]>, _) = (Vec::new(), Vec::new());
        for (id, row) in &rows {
            let evidence = Evidence::of(&[&brought.projects.origin(&row.project_id), &tags.origin(&row.tag_id)]);
            if work.known(ledger, PROJECT_TAGS, *id, &evidence).is_some() {
                continue;
            }
            let (Some(project), Some(tag)) = (brought.projects.here(&row.project_id), tags.here(&row.tag_id)) else {
                work.report.skip(PROJECT_TAGS, Some(*id), "its project or its tag is not there");
                continue;
            };
            pairs.push((*id, project, evidence));
            if known.insert((project, tag)) {
                values.push([project.into(), tag.into()]);
            } else {
                work.report.tally(PROJECT_TAGS).merged += 1;
            }
        }
        work.report.tally(PROJECT_TAGS).new += values.len();
        bulk::insert(work.conn, "project_tags", ["project_id", "tag_id"], &values)?;
        ledger.add(work.conn, PROJECT_TAGS, &pairs)?;
    }
    Ok(())
}
