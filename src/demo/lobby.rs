//! Two chat rooms by name, in which guests and demo people talk: a few words, the same at every scale.

use chrono::TimeDelta;

use super::people::Member;
use super::{DemoError, Stage};
use crate::kit::bulk::{self, Value};
use crate::kit::db::fold_key;
use crate::kit::markdown;

/// Who says something: a guest by his name, or one of the demo people by his number.
enum Who {
    Guest(&'static str),
    Member(usize),
}

use Who::{Guest, Member as Somebody};

/// A room's name, how many minutes before midnight it began, and what was said, five minutes apart.
type Room = (&'static str, i64, &'static [(Who, &'static str)]);

const ROOMS: [Room; 2] = [
    (
        "Evening maths",
        90,
        &[
            (Guest("Tulika"), "Good evening! Is the homework the one with the two trains?"),
            (Somebody(1), "It is. They meet after two hours; the question is where."),
            (Guest("Tulika"), "120 km from the first town, then. I drew it."),
            (Guest("Jatin, class 9"), "Drawing helps. I had put both trains on one side. 🙈"),
            (Somebody(2), "Half of all mistakes are a missing drawing. The other half are units."),
        ],
    ),
    (
        "पानी और पेड़",
        240,
        &[
            (Guest("Tulika"), "कल सुबह पौधे लगाने कौन-कौन आ रहा है?"),
            (Guest("बबलू"), "मैं, और मेरी साइकिल पर दो बाल्टियाँ।"),
            (Somebody(1), "I bring the spades. Six o'clock at the well."),
        ],
    ),
];

/// Opens the chat rooms.
pub(super) fn open(stage: &mut Stage<'_>, cast: &[Member]) -> Result<(), DemoError> {
    for (name, before, said) in ROOMS {
        let Some(id) = bulk::take_ids(stage.conn, "rooms", 1)?.first().copied() else { continue };
        let began = stage.midnight - TimeDelta::minutes(before);
        let (mut messages, mut members): (Vec<[Value; 10]>, Vec<i64>) = (Vec::new(), Vec::new());
        let (mut at, mut seq) = (began, 0_i64);
        for (who, words) in said {
            at += TimeDelta::minutes(5);
            seq += 1;
            let (user, guest) = match who {
                Guest(name) => (None, Some((*name).to_owned())),
                Somebody(number) => (cast.get(*number).map(|member| member.id), None),
            };
            members.extend(user.filter(|user| !members.contains(user)));
            messages.push([
                id.into(),
                user.into(),
                guest.into(),
                true.into(),
                (*words).into(),
                markdown::render(words).into(),
                seq.into(),
                seq.into(),
                at.into(),
                at.into(),
            ]);
        }
        let room = [id.into(), name.into(), fold_key(name).into(), seq.into(), began.into(), at.into()];
        bulk::insert(stage.conn, "rooms", ROOM, &[room])?;
        let taking_part: Vec<[Value; 3]> =
            members.into_iter().map(|member| [id.into(), member.into(), began.into()]).collect();
        bulk::insert(stage.conn, "participants", ["room_id", "user_id", "joined"], &taking_part)?;
        bulk::insert(stage.conn, "messages", MESSAGE, &messages)?;
    }
    Ok(())
}

const ROOM: [&str; 6] = ["id", "name", "lobby_key", "last_event", "created", "updated"];
const MESSAGE: [&str; 10] =
    ["room_id", "user_id", "guest_name", "in_lobby", "body", "body_html", "seq", "version", "created", "updated"];
