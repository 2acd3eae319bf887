//! StudyBud: people, topics, rooms, who takes part in them, and what was said.

mod messages;
mod rooms;

use super::pictures::{self, Column};
use super::report::Kind;
use super::source::Source;
use super::targets::Targets;
use super::work::Work;
use super::{ImportError, people};

const TOPICS: &str = "base_topic";
const ROOMS: &str = "base_room";
const PARTICIPANTS: &str = "base_room_participants";
const MESSAGES: &str = "base_message";

/// The tables of one source.
pub struct Tables {
    /// `base_user`; a project that stopped before the lesson on custom users has Django's own.
    people: &'static str,
}

impl Tables {
    /// Recognises the course.
    pub fn of(source: &Source) -> Option<Self> {
        let people = ["base_user", "auth_user"].into_iter().find(|table| source.has(table))?;
        source.has(ROOMS).then_some(Self { people })
    }
}

/// What became of the source's rows.
#[derive(Default)]
struct Brought {
    people: Targets,
    rooms: Targets,
}

/// Brings everything across, what others point at first.
pub(super) fn bring(work: &mut Work<'_>, tables: &Tables) -> Result<(), ImportError> {
    for table in [TOPICS, PARTICIPANTS, MESSAGES] {
        if !work.source.has(table) {
            work.report.remark(Kind::NoTable, table, None, "taken as empty");
        }
    }
    let mut brought = Brought::default();
    let mut ledger = people::bring(work, tables.people, &mut brought.people)?;
    pictures::seek(work, &ledger, Column::Avatar(tables.people), &brought.people)?;
    let topics = rooms::bring_topics(work, &mut ledger)?;
    let mut taking_part = rooms::bring(work, &mut ledger, &topics, &mut brought)?;
    rooms::bring_participants(work, &mut ledger, &brought, &mut taking_part)?;
    messages::bring(work, &mut ledger, &brought, &mut taking_part)
}
