//! DevSearch: people with profiles and skills, projects with tags and reviews, and the messages in their inboxes. Its rows have
//! UUIDs; of people and of who has which tag the ids are numbers.

mod inbox;
mod profiles;
mod projects;
mod reviews;

use super::cell::{Cell, shown};
use super::pictures::{self, Column};
use super::report::Kind;
use super::source::Source;
use super::targets::Targets;
use super::work::Work;
use super::{ImportError, people};
use crate::kit::forms::web_address;

const PEOPLE: &str = "auth_user";
pub(super) const PROFILES: &str = "users_profile";
const SKILLS: &str = "users_skill";
const MESSAGES: &str = "users_message";
pub(super) const PROJECTS: &str = "projects_project";
const TAGS: &str = "projects_tag";
const PROJECT_TAGS: &str = "projects_project_tags";
const REVIEWS: &str = "projects_review";

/// Recognises the course.
pub(super) fn is_in(source: &Source) -> bool {
    source.has(PEOPLE) && source.has(PROFILES)
}

/// What became of the source's rows.
#[derive(Default)]
struct Brought {
    people: Targets,
    /// Whose profile it is: what others point at.
    profiles: Targets,
    projects: Targets,
}

/// Brings everything across, what others point at first.
pub(super) fn bring(work: &mut Work<'_>) -> Result<(), ImportError> {
    for table in [SKILLS, MESSAGES, PROJECTS, TAGS, PROJECT_TAGS, REVIEWS] {
        if !work.source.has(table) {
            work.report.remark(Kind::NoTable, table, None, "taken as empty");
        }
    }
    let mut brought = Brought::default();
    let mut ledger = people::bring(work, PEOPLE, &mut brought.people)?;
    profiles::bring(work, &mut ledger, &mut brought)?;
    profiles::bring_skills(work, &mut ledger, &brought)?;
    let told = projects::bring(work, &mut ledger, &mut brought)?;
    let tags = projects::bring_tags(work, &mut ledger)?;
    projects::bring_project_tags(work, &mut ledger, &brought, &tags)?;
    reviews::bring(work, &mut ledger, &brought, &told)?;
    pictures::seek(work, &ledger, Column::ProfileImage, &brought.profiles)?;
    pictures::seek(work, &ledger, Column::FeaturedImage, &brought.projects)?;
    inbox::bring(work, &mut ledger, &brought)
}

/// Whose profile `cell` points at, here. What points nowhere is told, and is nobody.
fn owner(work: &mut Work<'_>, table: &'static str, id: i64, what: &str, cell: &Cell, brought: &Brought) -> Option<i64> {
    let found = brought.profiles.here(cell);
    if found.is_none() && !cell.is_blank() {
        let text = format!("{what} {} is not there: it has none now", cell.shown_bare());
        work.report.remark(Kind::Dangling, table, Some(id), text);
    }
    found
}

/// An address on the web, or nothing.
fn link(work: &mut Work<'_>, table: &'static str, id: i64, column: &str, cell: &Cell) -> String {
    let text = work.text(table, id, column, cell);
    web_address(&text).unwrap_or_else(|| {
        work.report.remark(Kind::Link, table, Some(id), format!("{column} was {}", shown(&text)));
        String::new()
    })
}
