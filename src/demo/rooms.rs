//! The demo rooms: who takes part, who said what when, and how far each has read.

use chrono::{NaiveDateTime, TimeDelta};

use super::people::Member;
use super::script::{Fate, RoomScript, Said};
use super::{DemoError, Stage, named};
use crate::kit::bulk::{self, Value};
use crate::kit::markdown;

/// Rows that wait to be written, for a whole room or several small ones.
#[derive(Default)]
struct Pending {
    rooms: Vec<[Value; 9]>,
    participants: Vec<[Value; 3]>,
    messages: Vec<[Value; 9]>,
    visits: Vec<[Value; 3]>,
}

/// So many messages are written at a time.
const AT_ONCE: usize = 2_000;

const ROOM: [&str; 9] =
    ["id", "name", "description", "description_html", "host_id", "topic_id", "last_event", "created", "updated"];
const PARTICIPANT: [&str; 3] = ["room_id", "user_id", "joined"];
const MESSAGE: [&str; 9] =
    ["room_id", "user_id", "body", "body_html", "seq", "version", "created", "updated", "deleted"];
const VISIT: [&str; 3] = ["room_id", "user_id", "last_seq"];

/// Opens the rooms and lets people talk; gives the number of messages.
pub(super) fn open(stage: &mut Stage<'_>, cast: &[Member]) -> Result<usize, DemoError> {
    let used = stage.script.rooms.iter().take(stage.extent.rooms).map(|room| room.topic).collect();
    let topics = named(stage, "topics", used)?;
    let count = stage.extent.rooms;
    let ids = bulk::take_ids(stage.conn, "rooms", count)?;
    let sizes = sizes(stage);
    stage.progress.begin("messages", sizes.iter().sum());
    let mut pending = Pending::default();
    let mut written = 0;
    // The script is read while the stage is changed.
    let scripts = std::mem::take(&mut stage.script.rooms);
    for (at, (id, size)) in ids.into_iter().zip(sizes).enumerate() {
        let script = &scripts[at % scripts.len()];
        let place = Place { id, at, round: at / scripts.len(), topic: topics.get(script.topic).copied() };
        written += furnish(stage, &mut pending, script, &place, cast, size);
        if pending.messages.len() >= AT_ONCE {
            pending.write(stage)?;
        }
    }
    pending.write(stage)?;
    Ok(written)
}

/// How many messages each room gets. Together they are what the scale promises: what the rooms
/// of their own size leave, the others share, some more and some less.
fn sizes(stage: &mut Stage<'_>) -> Vec<usize> {
    let (rooms, total) = (stage.extent.rooms, stage.extent.messages);
    let own = |at: usize| stage.script.rooms.get(at).and_then(|room| room.size);
    let fixed: usize = (0..rooms).filter_map(own).sum();
    let weights: Vec<usize> = (0..rooms).map(|_| 60 + stage.rng.below(80)).collect();
    let sharing: usize = (0..rooms).filter(|at| own(*at).is_none()).map(|at| weights[at]).sum();
    let mut left = total.saturating_sub(fixed);
    let mut left_weight = sharing;
    (0..rooms)
        .map(|at| {
            own(at).unwrap_or_else(|| {
                let share = left * weights[at] / left_weight.max(1);
                (left, left_weight) = (left - share, left_weight - weights[at]);
                share
            })
        })
        .collect()
}

/// Where a room stands.
struct Place {
    id: i64,
    /// Its number among all.
    at: usize,
    /// How often its script was used before.
    round: usize,
    topic: Option<i64>,
}

/// One room with everything in it.
fn furnish(
    stage: &mut Stage<'_>,
    pending: &mut Pending,
    script: &RoomScript,
    place: &Place,
    cast: &[Member],
    size: usize,
) -> usize {
    let members = members(stage, script, place, cast);
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    let said = stage.script.conversation(&mut stage.rng, script, place.round == 0, &names, size);
    let (created, times) = times(stage, &said, script.size.is_some());

    let mut event = 0;
    let mut places = Vec::with_capacity(said.len());
    for (said, at) in said.iter().zip(&times) {
        event += 1;
        let seq: i64 = event;
        // A change is an event of its own, with its own number.
        if said.fate != Fate::Kept {
            event += 1;
        }
        let deleted = (said.fate == Fate::Deleted).then(|| *at + TimeDelta::seconds(40));
        let updated = if said.fate == Fate::Edited { *at + TimeDelta::seconds(50) } else { *at };
        let text = if deleted.is_some() { "" } else { said.text.as_str() };
        pending.messages.push([
            place.id.into(),
            if deleted.is_some() { None } else { Some(members[said.speaker].id) }.into(),
            text.into(),
            markdown::render(text).into(),
            seq.into(),
            event.into(),
            (*at).into(),
            updated.into(),
            deleted.into(),
        ]);
        places.push(seq);
    }

    let name = if place.round == 0 { script.name.to_owned() } else { format!("{} {}", script.name, place.round + 1) };
    pending.rooms.push([
        place.id.into(),
        name.into(),
        script.about.into(),
        markdown::render(script.about).into(),
        members.first().map(|host| host.id).into(),
        place.topic.into(),
        event.into(),
        created.into(),
        times.last().copied().unwrap_or(created).into(),
    ]);
    for (at, member) in members.iter().enumerate() {
        pending.participants.push([place.id.into(), member.id.into(), created.into()]);
        if let Some(seen) = seen(stage, place, member.id == cast[0].id, at, &places) {
            pending.visits.push([place.id.into(), member.id.into(), seen.into()]);
        }
    }
    said.len()
}

/// A room's people, its host first. The demo person is at home in most of the first rooms, and host
/// of the second, so that he has something to look after.
fn members<'a>(stage: &mut Stage<'_>, script: &RoomScript, place: &Place, cast: &'a [Member]) -> Vec<&'a Member> {
    let Some((demo, others)) = cast.split_first() else { return Vec::new() };
    let count = 4 + stage.rng.below(stage.extent.members.saturating_sub(3));
    let mut members: Vec<&Member> = Vec::with_capacity(count + 1);
    // Drawn again until there are enough of them; where few understand the language, few take part.
    for _ in 0..count * 40 {
        let Some(member) = stage.rng.pick(others).filter(|_| members.len() < count) else { break };
        let understands = member.hindi || script.talk != "hindi";
        if understands && !members.iter().any(|known| known.id == member.id) {
            members.push(member);
        }
    }
    let at_home = place.at < 24 && place.at % 3 != 2;
    if at_home {
        members.insert(usize::from(place.at != 1).min(members.len()), demo);
    }
    members
}

/// When the room was opened, and when each thing was said: minutes apart within a conversation, the
/// rest of the time between conversations. In a busy room the last one was just before midnight.
fn times(stage: &mut Stage<'_>, said: &[Said], busy: bool) -> (NaiveDateTime, Vec<NaiveDateTime>) {
    let rng = &mut stage.rng;
    let minutes = stage.extent.days * 24 * 60;
    let created = stage.midnight - TimeDelta::minutes(minutes - rng.between(0, minutes / 2));
    // Never after midnight, change and all.
    let quiet = rng.between(1, 60) * rng.between(1, 60) * rng.between(1, 1 + stage.extent.days / 10);
    let quiet = if busy { quiet % 60 } else { quiet };
    let last = stage.midnight - TimeDelta::minutes(5 + quiet);
    let steps: Vec<i64> = said.iter().map(|said| if said.opens { 0 } else { rng.between(60, 900) }).collect();
    let weights: Vec<i64> = said.iter().map(|said| if said.opens { rng.between(1, 100) } else { 0 }).collect();
    let free = ((last - created).num_seconds() - steps.iter().sum::<i64>()).max(0);
    let all = weights.iter().sum::<i64>().max(1);
    let mut at = created;
    let times = steps
        .iter()
        .zip(&weights)
        .map(|(step, weight)| {
            at += TimeDelta::seconds(step + free * weight / all);
            at
        })
        .collect();
    (created, times)
}

/// How far one has read; none for never. The demo person finds something unread in every other room.
fn seen(stage: &mut Stage<'_>, place: &Place, is_demo: bool, at: usize, places: &[i64]) -> Option<i64> {
    let last = places.len().checked_sub(1)?;
    let behind = match (is_demo, place.at % 2) {
        (true, 0) => 1 + stage.rng.below(9),
        (true, _) => 0,
        (false, _) if stage.rng.percent(20) && at > 0 => return None,
        (false, _) if stage.rng.percent(60) => 0,
        (false, _) => stage.rng.below(places.len()),
    };
    places.get(last.saturating_sub(behind)).copied()
}

impl Pending {
    fn write(&mut self, stage: &mut Stage<'_>) -> Result<(), DemoError> {
        bulk::insert(stage.conn, "rooms", ROOM, &self.rooms)?;
        bulk::insert(stage.conn, "participants", PARTICIPANT, &self.participants)?;
        bulk::insert(stage.conn, "messages", MESSAGE, &self.messages)?;
        bulk::insert(stage.conn, "visits", VISIT, &self.visits)?;
        stage.progress.advance(self.messages.len());
        *self = Self::default();
        Ok(())
    }
}
