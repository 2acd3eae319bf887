//! What was said: room by room in the order of time, each message with the next event number.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::rooms::TakingPart;
use super::{Brought, MESSAGES};
use crate::import_django::ledger::Ledger;
use crate::import_django::source::{TableRow, table_row};
use crate::import_django::{ImportError, Work};
use crate::kit::bulk::{self, Value};
use crate::kit::markdown;
use crate::schema::rooms;

table_row! {
    /// A message without its words: all of them fit into memory, to be sorted.
    Head { id, updated, created, room_id, user_id }
}
table_row! { Body { id, body } }

/// A message whose place is known.
struct Message {
    id: i64,
    room: i64,
    author: i64,
    created: NaiveDateTime,
    updated: NaiveDateTime,
}

/// So many messages are read and written at a time.
const AT_ONCE: usize = 400;

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
    for chunk in messages.chunks(AT_ONCE) {
        let ids: Vec<i64> = chunk.iter().map(|message| message.id).collect();
        let bodies: Vec<Body> = work.source.some(MESSAGES, &ids)?;
        let bodies: HashMap<i64, Body> = bodies.into_iter().filter_map(|row| Some((row.id().number()?, row))).collect();
        let mut targets = bulk::take_ids(work.conn, "messages", chunk.len())?.into_iter();
        let (mut values, mut pairs): (Vec<[Value; 9]>, _) = (Vec::new(), Vec::new());
        for message in chunk {
            let Some(row) = bodies.get(&message.id).filter(|row| !row.body.is_blank()) else {
                work.report.skip(MESSAGES, Some(message.id), "it is empty");
                continue;
            };
            let Some(target) = targets.next() else { break };
            let body = work.text(MESSAGES, message.id, "body", &row.body);
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
            pairs.push((message.id, target));
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
    let heads: Vec<(i64, Head)> = work.rows(MESSAGES)?;
    let mut messages = Vec::new();
    for (id, head) in heads {
        if ledger.target(MESSAGES, id).is_some() {
            work.report.tally(MESSAGES).known += 1;
            continue;
        }
        let Some(room) = head.room_id.number().and_then(|room| brought.rooms.get(&room).copied()) else {
            work.report.skip(MESSAGES, Some(id), format!("room {:?} is not there", head.room_id.text().text));
            continue;
        };
        let Some(author) = head.user_id.number().and_then(|author| brought.people.get(&author).copied()) else {
            work.report.skip(MESSAGES, Some(id), format!("its author {:?} is not there", head.user_id.text().text));
            continue;
        };
        let instead = head.updated.time().or(opened.get(&room).map(|(created, _)| *created)).unwrap_or(work.now);
        let created = work.time(MESSAGES, id, "created", &head.created, instead);
        let updated = work.time(MESSAGES, id, "updated", &head.updated, created);
        messages.push(Message { id, room, author, created, updated });
    }
    messages.sort_by_key(|message| (message.created, message.id));
    Ok(messages)
}
