//! Topics, rooms, and who takes part in them.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{Brought, PARTICIPANTS, ROOMS, TOPICS};
use crate::import_django::ImportError;
use crate::import_django::cell::{Cell, shown};
use crate::import_django::evidence::Evidence;
use crate::import_django::ledger::Ledger;
use crate::import_django::report::Kind;
use crate::import_django::source::table_row;
use crate::import_django::targets::Targets;
use crate::import_django::work::Work;
use crate::kit::bulk::{self, Value};
use crate::kit::db::{Conn, fold_key};
use crate::kit::markdown;
use crate::schema::{participants, rooms, topics};

table_row! { TopicRow { id, name } }
table_row! { RoomRow { id, name, description, updated, created, host_id, topic_id } }
table_row! { ParticipantRow { id, room_id, user_id } }

/// A room must be called something.
const UNNAMED: &str = "Untitled room";

/// Brings the topics across. What is written the same but for its case is one topic, here as there.
pub(super) fn bring_topics(work: &mut Work<'_>, ledger: &mut Ledger) -> Result<Targets, ImportError> {
    let rows: Vec<(i64, TopicRow)> = work.rows(TOPICS, |row| row)?;
    let here: Vec<(i64, String, String)> =
        topics::table.select((topics::id, topics::name_key, topics::name)).load(work.conn)?;
    let ids: HashSet<i64> = here.iter().map(|(id, ..)| *id).collect();
    let mut by_key: HashMap<String, (i64, String)> =
        here.into_iter().map(|(id, key, name)| (key, (id, name))).collect();

    let mut brought = Targets::default();
    let (mut values, mut pairs): (Vec<[Value; 4]>, _) = (Vec::new(), Vec::new());
    let mut new_ids = bulk::take_ids(work.conn, "topics", rows.len())?.into_iter();
    for (id, row) in &rows {
        let evidence = Evidence::of(&[&fold_key(&row.name.text().text)]);
        if let Some(target) = work.known(ledger, TOPICS, *id, &evidence) {
            brought.insert_known(*id, target, ids.contains(&target));
            continue;
        }
        let name = work.short(TOPICS, *id, "name", &row.name);
        if name.is_empty() {
            work.report.skip(TOPICS, Some(*id), "it has no name: its rooms get no topic");
            continue;
        }
        let key = fold_key(&name);
        let target = match by_key.get(&key) {
            Some((target, same)) => {
                work.report.tally(TOPICS).merged += 1;
                work.report.remark(
                    Kind::Merged,
                    TOPICS,
                    Some(*id),
                    format!("{} is the topic {}", shown(&name), shown(same)),
                );
                *target
            }
            None => {
                let Some(target) = new_ids.next() else { continue };
                work.report.tally(TOPICS).new += 1;
                values.push([target.into(), name.as_str().into(), key.as_str().into(), work.now.into()]);
                by_key.insert(key, (target, name));
                target
            }
        };
        brought.insert(*id, target);
        pairs.push((*id, target, evidence));
    }
    bulk::insert(work.conn, "topics", ["id", "name", "name_key", "created"], &values)?;
    ledger.add(work.conn, TOPICS, &pairs)?;
    Ok(brought)
}

/// Who takes part where, as it stands here and as it grows with the import.
pub(super) struct TakingPart {
    known: HashSet<(i64, i64)>,
    new: Vec<[Value; 4]>,
}

const PARTICIPANT: [&str; 4] = ["id", "room_id", "user_id", "joined"];

impl TakingPart {
    fn of(conn: &mut Conn) -> QueryResult<Self> {
        let known: Vec<(i64, i64)> =
            participants::table.select((participants::room_id, participants::user_id)).load(conn)?;
        Ok(Self { known: known.into_iter().collect(), new: Vec::new() })
    }

    /// Takes part from now on. Whoever the host took out is known, and stays out.
    pub(super) fn join(&mut self, room: i64, user: i64, at: NaiveDateTime) -> bool {
        let is_new = self.known.insert((room, user));
        if is_new {
            self.new.push([Value::Int(None), room.into(), user.into(), at.into()]);
        }
        is_new
    }

    /// Writes down who joined since the last time; their rows' ids.
    pub(super) fn write(&mut self, conn: &mut Conn) -> QueryResult<Vec<i64>> {
        let ids = bulk::take_ids(conn, "participants", self.new.len())?;
        for (row, id) in self.new.iter_mut().zip(&ids) {
            row[0] = (*id).into();
        }
        bulk::insert(conn, "participants", PARTICIPANT, &self.new)?;
        self.new.clear();
        Ok(ids)
    }
}

/// Brings the rooms across, with their times; the host of a room takes part in it.
pub(super) fn bring(
    work: &mut Work<'_>,
    ledger: &mut Ledger,
    topics: &Targets,
    brought: &mut Brought,
) -> Result<TakingPart, ImportError> {
    let mut batches = work.batches::<RoomRow>(ROOMS, "rooms")?;
    let here: Vec<i64> = rooms::table.select(rooms::id).load(work.conn)?;
    let here: HashSet<i64> = here.into_iter().collect();
    let mut taking_part = TakingPart::of(work.conn)?;
    while let Some(rows) = work.next(&mut batches)? {
        let (mut values, mut pairs): (Vec<[Value; 8]>, _) = (Vec::new(), Vec::new());
        let new_ids = bulk::take_ids(work.conn, "rooms", rows.len())?;
        for ((id, row), target) in rows.into_iter().zip(new_ids) {
            let evidence = Evidence::of(&[&row.created.moment(), &brought.people.origin(&row.host_id)])
                .edited(&row.updated.moment())
                .facts(&[&row.name.text().text, &row.description.text().text]);
            if let Some(target) = work.known(ledger, ROOMS, id, &evidence) {
                brought.rooms.insert_known(id, target, here.contains(&target));
                continue;
            }
            let mut name = work.text(ROOMS, id, "name", &row.name).trim().to_owned();
            if name.is_empty() {
                UNNAMED.clone_into(&mut name);
                work.report.remark(Kind::Named, ROOMS, Some(id), format!("had no name, is now {UNNAMED:?}"));
            }
            let host = pointed_at(work, id, "host", &row.host_id, &brought.people);
            let topic = pointed_at(work, id, "topic", &row.topic_id, topics);
            // Each time stands in for the other.
            let created = work.time(ROOMS, id, "created", &row.created, row.updated.time().unwrap_or(work.now));
            let updated = work.time(ROOMS, id, "updated", &row.updated, created);
            let description = work.whole_text(ROOMS, id, "description", row.description);
            if let Some(host) = host {
                taking_part.join(target, host, created);
            }
            values.push([
                target.into(),
                name.into(),
                markdown::render(&description).into(),
                description.into(),
                host.into(),
                topic.into(),
                created.into(),
                updated.into(),
            ]);
            pairs.push((id, target, evidence));
            brought.rooms.insert(id, target);
        }
        work.report.tally(ROOMS).new += values.len();
        bulk::insert(work.conn, "rooms", COLUMNS, &values)?;
        taking_part.write(work.conn)?;
        ledger.add(work.conn, ROOMS, &pairs)?;
    }
    Ok(taking_part)
}

const COLUMNS: [&str; 8] =
    ["id", "name", "description_html", "description", "host_id", "topic_id", "created", "updated"];

/// What a room's `column` points at, here; nothing when it points nowhere.
fn pointed_at(work: &mut Work<'_>, id: i64, what: &str, pointer: &Cell, brought: &Targets) -> Option<i64> {
    let found = brought.here(pointer);
    if found.is_none() && !pointer.is_blank() {
        let text = format!("{what} {} is not there: it has none now", pointer.shown_bare());
        work.report.remark(Kind::Dangling, ROOMS, Some(id), text);
    }
    found
}

/// Brings across who takes part.
pub(super) fn bring_participants(
    work: &mut Work<'_>,
    ledger: &mut Ledger,
    brought: &Brought,
    taking_part: &mut TakingPart,
) -> Result<(), ImportError> {
    let mut batches = work.batches::<ParticipantRow>(PARTICIPANTS, "participants")?;
    let since: HashMap<i64, NaiveDateTime> =
        rooms::table.select((rooms::id, rooms::created)).load(work.conn)?.into_iter().collect();
    while let Some(rows) = work.next(&mut batches)? {
        let (mut new, mut pairs) = (Vec::new(), Vec::new());
        for (id, row) in &rows {
            let evidence = Evidence::of(&[&brought.rooms.origin(&row.room_id), &brought.people.origin(&row.user_id)]);
            if work.known(ledger, PARTICIPANTS, *id, &evidence).is_some() {
                continue;
            }
            let Some(room) = brought.rooms.here(&row.room_id) else {
                work.report.skip(PARTICIPANTS, Some(*id), format!("room {} is not there", row.room_id.shown()));
                continue;
            };
            let Some(person) = brought.people.here(&row.user_id) else {
                work.report.skip(PARTICIPANTS, Some(*id), format!("person {} is not there", row.user_id.shown()));
                continue;
            };
            if taking_part.join(room, person, since.get(&room).copied().unwrap_or(work.now)) {
                new.push((*id, evidence));
            } else {
                // Hosts were there already: it is enough to know that the row was seen.
                work.report.tally(PARTICIPANTS).merged += 1;
                pairs.push((*id, room, evidence));
            }
        }
        work.report.tally(PARTICIPANTS).new += new.len();
        let written = taking_part.write(work.conn)?;
        pairs.extend(new.into_iter().zip(written).map(|((id, evidence), target)| (id, target, evidence)));
        ledger.add(work.conn, PARTICIPANTS, &pairs)?;
    }
    Ok(())
}
