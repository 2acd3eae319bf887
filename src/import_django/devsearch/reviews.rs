//! Reviews, and the figures that follow from them: the source's own are not trusted.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::projects::Told;
use super::{Brought, PROJECTS, REVIEWS, owner};
use crate::import_django::ImportError;
use crate::import_django::cell::shown;
use crate::import_django::evidence::Evidence;
use crate::import_django::ledger::Ledger;
use crate::import_django::report::Kind;
use crate::import_django::source::{TableRow, table_row};
use crate::import_django::work::Work;
use crate::kit::bulk::{self, Value};
use crate::kit::markdown;
use crate::projects::models::review::{self, Vote};
use crate::schema::{projects, reviews};

table_row! { ReviewRow { id, owner_id, project_id, body, value, created } }

const COLUMNS: [&str; 8] = ["id", "project_id", "owner_id", "value", "body_html", "body", "created", "updated"];

/// Brings the reviews across. One without a writer is kept; one's own project, a second word of the same person and a vote
/// that is none are left out.
pub(super) fn bring(
    work: &mut Work<'_>,
    ledger: &mut Ledger,
    brought: &Brought,
    told: &Told,
) -> Result<(), ImportError> {
    let mut batches = work.batches::<ReviewRow>(REVIEWS, "reviews")?;
    let owners: HashMap<i64, Option<i64>> =
        projects::table.select((projects::id, projects::owner_id)).load(work.conn)?.into_iter().collect();
    let here: Vec<(i64, Option<i64>)> =
        reviews::table.select((reviews::project_id, reviews::owner_id)).load(work.conn)?;
    let mut known: HashSet<(i64, i64)> =
        here.into_iter().filter_map(|(project, owner)| Some((project, owner?))).collect();
    while let Some(rows) = work.next(&mut batches)? {
        let (mut values, mut pairs): (Vec<[Value; 8]>, _) = (Vec::new(), Vec::new());
        let mut new_ids = bulk::take_ids(work.conn, "reviews", rows.len())?.into_iter();
        for (id, row) in rows {
            let (by, of) = (brought.owners(work).origin(&row.owner_id), brought.projects.origin(&row.project_id));
            let uuid = row.id().uuid().unwrap_or_default();
            let evidence = Evidence::of(&[&row.created.moment(), &by, &of]).facts(&[
                &row.body.text().text,
                &row.value.text().text,
                &uuid,
            ]);
            if work.known(ledger, REVIEWS, id, &evidence).is_some() {
                continue;
            }
            let Some(project) = brought.projects.here(&row.project_id) else {
                work.report.skip(REVIEWS, Some(id), format!("project {} is not there", row.project_id.shown()));
                continue;
            };
            let value = row.value.text().text.trim().to_lowercase();
            let Some(vote) = Vote::read(&value) else {
                work.report.skip(REVIEWS, Some(id), format!("{} is no vote", shown(&value)));
                continue;
            };
            let owner = owner(work, REVIEWS, id, "owner", &row.owner_id, brought);
            if owner.is_some() && owners.get(&project).copied().flatten() == owner {
                work.report.skip(REVIEWS, Some(id), "a review of one's own project");
                continue;
            }
            if owner.is_some_and(|owner| !known.insert((project, owner))) {
                work.report.skip(REVIEWS, Some(id), "the same person has reviewed this project before");
                continue;
            }
            let Some(target) = new_ids.next() else { break };
            let created = work.time(REVIEWS, id, "created", &row.created, work.now);
            let body = work.whole_text(REVIEWS, id, "body", row.body);
            values.push([
                target.into(),
                project.into(),
                owner.into(),
                vote.as_str().into(),
                markdown::render(&body).into(),
                body.into(),
                created.into(),
                created.into(),
            ]);
            pairs.push((id, target, evidence));
        }
        work.report.tally(REVIEWS).new += values.len();
        bulk::insert(work.conn, "reviews", COLUMNS, &values)?;
        ledger.add(work.conn, REVIEWS, &pairs)?;
    }
    review::recount_all(work.conn)?;
    compare(work, told)
}

/// Tells where the source's figures were others.
fn compare(work: &mut Work<'_>, told: &Told) -> Result<(), ImportError> {
    let counted: Vec<(i64, (i64, i64))> =
        projects::table.select((projects::id, (projects::vote_total, projects::vote_ratio))).load(work.conn)?;
    let counted: HashMap<i64, (i64, i64)> = counted.into_iter().collect();
    let mut told: Vec<_> = told.iter().collect();
    told.sort_unstable();
    for (id, (target, total, ratio)) in told {
        let Some((is_total, is_ratio)) = counted.get(target) else { continue };
        let (was_total, was_ratio) = (total.unwrap_or(0), ratio.unwrap_or(0));
        if (was_total, was_ratio) != (*is_total, *is_ratio) {
            let text = format!("was {was_ratio}% of {was_total} votes, is {is_ratio}% of {is_total}");
            work.report.remark(Kind::Recounted, PROJECTS, Some(*id), text);
        }
    }
    Ok(())
}
