//! chat_app: rooms that have a name alone, and what was said in them by whoever called himself what.
//! All of it comes into the lobby, and whoever spoke is a guest here: a name that was typed is nobody's account.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::ImportError;
use super::cell::{Cell, shown};
use super::course_tables::{CHAT_MESSAGES as MESSAGES, CHAT_ROOMS as ROOMS};
use super::evidence::Evidence;
use super::ledger::Ledger;
use super::report::Kind;
use super::source::{Source, TableRow, portions, table_row};
use super::targets::Targets;
use super::work::Work;
use crate::kit::bulk::{self, Value};
use crate::kit::db::fold_key;
use crate::kit::markdown;
use crate::schema::rooms;

table_row! { RoomRow { id, name } }
table_row! { MessageRow { id, value, date, user, room } }
table_row! { Words { id, value, user } }
table_row! { NameRow { id, username } }

/// What a guest is called who gave no name.
const NAMELESS: &str = "Guest";

/// Recognises the course.
pub(super) fn is_in(source: &Source) -> bool {
    source.has(ROOMS)
}

/// Brings everything across.
pub(super) fn bring(work: &mut Work<'_>, ledger: &mut Ledger) -> Result<(), ImportError> {
    let brought = bring_rooms(work, ledger)?;
    bring_messages(work, ledger, &brought)
}

/// A room's name on one line, or one that we give it.
fn name_of(id: i64, text: &str) -> String {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() { format!("Untitled room {id}") } else { name }
}

/// Brings the rooms across. Those of one name, in whatever case, are one room, and may be here already. The
/// import counts as a use of them.
fn bring_rooms(work: &mut Work<'_>, ledger: &mut Ledger) -> Result<Targets, ImportError> {
    let rows: Vec<(i64, RoomRow)> = work.rows(ROOMS, |row| row)?;
    work.progress.begin("chat rooms", rows.len());
    let here: Vec<(i64, Option<String>, String)> = rooms::table
        .filter(rooms::lobby_key.is_not_null())
        .select((rooms::id, rooms::lobby_key, rooms::name))
        .load(work.conn)?;
    let there: HashSet<i64> = here.iter().map(|(id, ..)| *id).collect();
    let mut by_key: HashMap<String, (i64, String)> =
        here.into_iter().filter_map(|(id, key, name)| Some((key?, (id, name)))).collect();
    let mut brought = Targets::default();
    let (mut values, mut pairs): (Vec<[Value; 5]>, _) = (Vec::new(), Vec::new());
    let mut new_ids = bulk::take_ids(work.conn, "rooms", rows.len())?.into_iter();
    for (id, row) in &rows {
        work.progress.advance(1);
        let evidence = Evidence::of(&[&fold_key(&name_of(*id, &row.name.text().text))]);
        if let Some(target) = work.known(ledger, ROOMS, *id, &evidence) {
            brought.insert_known(*id, target, there.contains(&target));
            continue;
        }
        let name = name_of(*id, &work.short(ROOMS, *id, "name", &row.name));
        if row.name.is_blank() {
            work.report.remark(Kind::Named, ROOMS, Some(*id), format!("had no name, is now {}", shown(&name)));
        }
        let key = fold_key(&name);
        let target = match by_key.get(&key) {
            Some((target, same)) => {
                work.report.tally(ROOMS).merged += 1;
                work.report.remark(
                    Kind::Merged,
                    ROOMS,
                    Some(*id),
                    format!("{} is the chat room {}", shown(&name), shown(same)),
                );
                *target
            }
            None => {
                let Some(target) = new_ids.next() else { break };
                work.report.tally(ROOMS).new += 1;
                values.push([
                    target.into(),
                    name.as_str().into(),
                    key.as_str().into(),
                    work.now.into(),
                    work.now.into(),
                ]);
                by_key.insert(key, (target, name));
                target
            }
        };
        brought.insert(*id, target);
        pairs.push((*id, target, evidence));
    }
    bulk::insert(work.conn, "rooms", ["id", "name", "lobby_key", "created", "updated"], &values)?;
    ledger.add(work.conn, ROOMS, &pairs)?;
    Ok(brought)
}

/// A message whose place is known.
struct Message {
    id: i64,
    rowid: i64,
    size: usize,
    evidence: Evidence,
    room: i64,
    date: NaiveDateTime,
}

const COLUMNS: [&str; 10] =
    ["id", "room_id", "guest_name", "in_lobby", "body_html", "body", "seq", "version", "created", "updated"];

/// Brings the messages across, in the order of time, each with its room's next event number.
fn bring_messages(work: &mut Work<'_>, ledger: &mut Ledger, brought: &Targets) -> Result<(), ImportError> {
    let messages = placed(work, ledger, brought)?;
    let people = people(work)?;
    work.progress.begin("chat messages", messages.len());
    let mut last: HashMap<i64, i64> = rooms::table
        .filter(rooms::lobby_key.is_not_null())
        .select((rooms::id, rooms::last_event))
        .load(work.conn)?
        .into_iter()
        .collect();
    let mut spoken_in: HashMap<i64, i64> = HashMap::new();
    for chunk in portions(&messages, |message| message.size) {
        let rowids: Vec<i64> = chunk.iter().map(|message| message.rowid).collect();
        let words: Vec<Words> = work.source.some(MESSAGES, &rowids)?;
        let mut words: HashMap<i64, Words> = words.into_iter().map(|row| (row.rowid(), row)).collect();
        let mut targets = bulk::take_ids(work.conn, "messages", chunk.len())?.into_iter();
        let (mut values, mut pairs): (Vec<[Value; 10]>, _) = (Vec::new(), Vec::new());
        for message in chunk {
            let Some(row) = words.remove(&message.rowid).filter(|row| !row.value.is_blank()) else {
                work.report.skip(MESSAGES, Some(message.id), "it is empty");
                continue;
            };
            let Some(target) = targets.next() else { break };
            let body = work.whole_text(MESSAGES, message.id, "value", row.value);
            let user = row.user.key().and_then(|id| people.get(&id)).unwrap_or(&row.user);
            let guest = guest(work, message.id, user);
            let event = last.entry(message.room).or_default();
            *event += 1;
            spoken_in.insert(message.room, *event);
            values.push([
                target.into(),
                message.room.into(),
                guest.into(),
                true.into(),
                markdown::render(&body).into(),
                body.into(),
                (*event).into(),
                (*event).into(),
                message.date.into(),
                message.date.into(),
            ]);
            pairs.push((message.id, target, message.evidence));
        }
        bulk::insert(work.conn, "messages", COLUMNS, &values)?;
        ledger.add(work.conn, MESSAGES, &pairs)?;
        work.report.tally(MESSAGES).new += values.len();
        work.progress.advance(chunk.len());
    }
    for (room, event) in spoken_in {
        diesel::update(rooms::table.find(room))
            .set((rooms::last_event.eq(event), rooms::updated.eq(work.now)))
            .execute(work.conn)?;
    }
    Ok(())
}

/// The messages that are new and have a room, in the order of time. Their room is its id, as a text.
fn placed(work: &mut Work<'_>, ledger: &Ledger, brought: &Targets) -> Result<Vec<Message>, ImportError> {
    // Without its words: all of them fit into memory, to be sorted.
    struct Head {
        rowid: i64,
        size: usize,
        evidence: Evidence,
        date: Cell,
        room: Cell,
    }
    let heads: Vec<(i64, Head)> = work.rows(MESSAGES, |row: MessageRow| Head {
        rowid: row.rowid(),
        size: row.size(),
        evidence: Evidence::of(&[&row.date.moment(), &brought.origin(&row.room), &row.user.into_text().text])
            .facts(&[&row.value.into_text().text]),
        date: row.date,
        room: row.room,
    })?;
    let mut messages = Vec::new();
    for (id, head) in heads {
        if work.known(ledger, MESSAGES, id, &head.evidence).is_some() {
            continue;
        }
        let Some(room) = brought.here(&head.room) else {
            work.report.skip(MESSAGES, Some(id), format!("room {} is not there", head.room.shown()));
            continue;
        };
        let date = work.time(MESSAGES, id, "date", &head.date, work.now);
        messages.push(Message { id, rowid: head.rowid, size: head.size, evidence: head.evidence, room, date });
    }
    messages.sort_by_key(|message| (message.date, message.id));
    Ok(messages)
}

/// The user names of people, where messages point at them instead of naming them.
fn people(work: &mut Work<'_>) -> Result<HashMap<i64, Cell>, ImportError> {
    let layout = work.source.layout();
    let column = layout.get(MESSAGES).and_then(|messages| messages.column("user"));
    let Some(table) = layout.people().filter(|_| column.is_some_and(|column| column.ends_with("_id"))) else {
        return Ok(HashMap::new());
    };
    let mut names = HashMap::new();
    work.source.each::<NameRow>(table, |row| {
        names.extend(row.id().key().map(|id| (id, row.username)));
    })?;
    Ok(names)
}

/// The name of whoever spoke, whole.
fn guest(work: &mut Work<'_>, id: i64, cell: &Cell) -> String {
    let name = work.text(MESSAGES, id, "user", cell).split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        work.report.remark(Kind::Named, MESSAGES, Some(id), format!("named nobody, is now {NAMELESS:?}'s"));
        return NAMELESS.to_owned();
    }
    name
}
