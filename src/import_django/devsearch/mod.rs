//! DevSearch: people with profiles and skills, projects with tags and reviews, and the messages in their inboxes. Its rows have
//! UUIDs; of people and of who has which tag the ids are numbers.

mod inbox;
mod profiles;
mod projects;
mod reviews;

use super::ImportError;
use super::cell::{Cell, shown};
use super::course_tables::{INBOX as MESSAGES, PROFILES, PROJECT_TAGS, PROJECTS, REVIEWS, SKILLS, TAGS};
use super::ledger::Ledger;
use super::pictures::{self, Column};
use super::report::Kind;
use super::source::Source;
use super::targets::Targets;
use super::work::Work;
use crate::kit::forms::web_address;

/// Recognises the course; it may have been left before people came into it.
pub(super) fn is_in(source: &Source) -> bool {
    let has_titles = source.layout().get(PROJECTS).is_some_and(|projects| projects.column("title").is_some());
    source.has(PROFILES) && source.layout().people().is_some() || has_titles
}

/// What became of the source's rows.
#[derive(Default)]
struct Brought {
    people: Targets,
    /// Whose profile it is: what others point at.
    profiles: Targets,
    projects: Targets,
}

impl Brought {
    /// Where those are at whom the course points: at profiles, or, where there are none yet, at people.
    fn owners(&self, work: &Work<'_>) -> &Targets {
        if work.source.has(PROFILES) { &self.profiles } else { &self.people }
    }
}

/// Brings everything across, what others point at first.
pub(super) fn bring(work: &mut Work<'_>, ledger: &mut Ledger, people: Targets) -> Result<(), ImportError> {
    let mut brought = Brought { people, ..Brought::default() };
    profiles::bring(work, ledger, &mut brought)?;
    profiles::bring_skills(work, ledger, &brought)?;
    let told = projects::bring(work, ledger, &mut brought)?;
    let tags = projects::bring_tags(work, ledger)?;
    projects::bring_project_tags(work, ledger, &brought, &tags)?;
    reviews::bring(work, ledger, &brought, &told)?;
    pictures::seek(work, ledger, Column::ProfileImage, &brought.profiles)?;
    pictures::seek(work, ledger, Column::FeaturedImage, &brought.projects)?;
    inbox::bring(work, ledger, &brought)
}

/// Whose profile `cell` points at, here. What points nowhere is told, and is nobody.
fn owner(work: &mut Work<'_>, table: &'static str, id: i64, what: &str, cell: &Cell, brought: &Brought) -> Option<i64> {
    let found = brought.owners(work).here(cell);
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
