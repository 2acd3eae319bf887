//! StudyBud: people, topics, rooms, who takes part in them, and what was said.

mod messages;
mod rooms;

use super::ImportError;
use super::course_tables::{MESSAGES, PARTICIPANTS, ROOMS, TOPICS};
use super::ledger::Ledger;
use super::source::Source;
use super::targets::Targets;
use super::work::Work;

/// Recognises the course.
pub(super) fn is_in(source: &Source) -> bool {
    source.has(ROOMS) && source.layout().people().is_some()
}

/// What became of the source's rows.
struct Brought {
    people: Targets,
    rooms: Targets,
}

/// Brings everything across, what others point at first; gives the people back.
pub(super) fn bring(work: &mut Work<'_>, ledger: &mut Ledger, people: Targets) -> Result<Targets, ImportError> {
    let mut brought = Brought { people, rooms: Targets::default() };
    let topics = rooms::bring_topics(work, ledger)?;
    let mut taking_part = rooms::bring(work, ledger, &topics, &mut brought)?;
    rooms::bring_participants(work, ledger, &brought, &mut taking_part)?;
    messages::bring(work, ledger, &brought, &mut taking_part)?;
    Ok(brought.people)
}
