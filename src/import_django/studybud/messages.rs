//! What was said: room by room in the order of time, each message with the next event number.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::rooms::TakingPart;
use super::{Brought, MESSAGES};
use crate::import_django::ImportError;
use crate::import_django::cell::Cell;
use crate::import_django::evidence::Evidence;
use crate::import_django::ledger::Ledger;
use crate::import_django::source::{TableRow, portions, table_row};
use crate::import_django::work::Work;
use crate::kit::bulk::{self, Value};
use crate::kit::markdown;
use crate::schema::rooms;

table_row! { MessageRow { id, updated, created, room_id, user_id, body } }
table_row! { Body { id, body } }

/// A message of the source without its words: all of them fit into memory, to be sorted.
struct Head {
    rowid: i64,
    updated: Cell,
    created: Cell,
    room: Cell,
    user: Cell,
    size: usize,
    evidence: Evidence,
}

/// A message whose place is known.
struct Message {
    id: i64,
    rowid: i64,
    size: usize,
    evidence: Evidence,
    room: i64,
    author: i64,
    created: NaiveDateTime,
    updated: NaiveDateTime,
}

const COLUMNS: [&str; 9] = ["id", "room_id", "user_id", "body_html", "body", "seq", "version", "created", "updated"];

/// Brings the messages across; who spoke takes part.
pub(super) fn bring(
    work: &mut Work<'_>,
    ledger: &mut Ledger,
    brought: &Brought,
    taking_part: &mut TakingPart,
) -> Result<(), ImportError> {
    let opened: HashMap<i64, (NaiveDateTime, i64)> =
        rooms::table.select((rooms::id, (rooms::created, rooms::last_event))).load(work.conn)?.into_iter().collect();
    let messages = placed(work, ledger, brought, &opened)?;
    work.progress.begin("messages", messages.len());
    // The last event of each room in which something is said now.
    let mut last: HashMap<i64, i64> = HashMap::new();
    for chunk in portions(&messages, |message| message.size) {
        let rowids: Vec<i64> = chunk.iter().map(|message| message.rowid).collect();
        let bodies: Vec<Body> = work.source.some(MESSAGES, &rowids)?;
        let mut bodies: HashMap<i64, Cell> = bodies.into_iter().map(|row| (row.rowid(), row.body)).collect();
        let mut targets = bulk::take_ids(work.conn, "messages", chunk.len())?.into_iter();
        let (mut values, mut pairs): (Vec<[Value; 9]>, _) = (Vec::new(), Vec::new());
        for message in chunk {
            let Some(body) = bodies.remove(&message.rowid).filter(|body| !body.is_blank()) else {
                work.report.skip(MESSAGES, Some(message.id), "it is empty");
                continue;
            };
            let Some(target) = targets.next() else { break };
            let body = work.whole_text(MESSAGES, message.id, "body", body);
            let event =
                last.entry(message.room).or_insert_with(|| opened.get(&message.room).map_or(0, |(_, last)| *last));
            *event += 1;
            taking_part.join(message.room, message.author, message.created);
            values.push([
                target.into(),
                message.room.into(),
                message.author.into(),
                markdown::render(&body).into(),
                body.into(),
                (*event).into(),
                (*event).into(),
                message.created.into(),
                message.updated.into(),
            ]);
            pairs.push((message.id, target, message.evidence));
        }
        bulk::insert(work.conn, "messages", COLUMNS, &values)?;
        ledger.add(work.conn, MESSAGES, &pairs)?;
        work.report.tally(MESSAGES).new += values.len();
        work.progress.advance(chunk.len());
    }
    taking_part.write(work.conn)?;
    for (room, event) in last {
        diesel::update(rooms::table.find(room)).set(rooms::last_event.eq(event)).execute(work.conn)?;
    }
    Ok(())
}

/// The messages that are new and have a room and an author, in the order of time.
fn placed(
    work: &mut Work<'_>,
    ledger: &Ledger,
    brought: &Brought,
    opened: &HashMap<i64, (NaiveDateTime, i64)>,
) -> Result<Vec<Message>, ImportError> {
    let heads: Vec<(i64, Head)> = work.rows(MESSAGES, |row: MessageRow| Head {
        rowid: row.rowid(),
        size: row.body.size(),
        evidence: Evidence::of(&[
            &row.created.moment(),
            &brought.rooms.origin(&row.room_id),
            &brought.people.origin(&row.user_id),
        ])
        .edited(&row.updated.moment())
        .facts(&[&row.body.into_text().text]),
        updated: row.updated,
        created: row.created,
        room: row.room_id,
        user: row.user_id,
    })?;
    let mut messages = Vec::new();
    for (id, head) in heads {
        if work.known(ledger, MESSAGES, id, &head.evidence).is_some() {
            continue;
        }
        let Some(room) = brought.rooms.here(&head.room) else {
            work.report.skip(MESSAGES, Some(id), format!("room {} is not there", head.room.shown()));
            continue;
        };
        let Some(author) = brought.people.here(&head.user) else {
            work.report.skip(MESSAGES, Some(id), format!("its author {} is not there", head.user.shown()));
            continue;
        };
        let instead = head.updated.time().or(opened.get(&room).map(|(created, _)| *created)).unwrap_or(work.now);
        let created = work.time(MESSAGES, id, "created", &head.created, instead);
        let updated = work.time(MESSAGES, id, "updated", &head.updated, created);
        let (rowid, size, evidence) = (head.rowid, head.size, head.evidence);
        messages.push(Message { id, rowid, size, evidence, room, author, created, updated });
    }
    messages.sort_by_key(|message| (message.created, message.id));
    Ok(messages)
}
