//! From a row to an event that every open window understands, and the slow look that catches what
//! a lost hint missed.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use crate::accounts::models::Session;
use crate::accounts::site::Site;
use crate::kit::config::Access;
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::live::{Event, Hub};
use crate::kit::templates::Pages;
use crate::kit::time;
use crate::rooms::models::message::Message;
use crate::rooms::models::room;

/// How a message came to be as it is, seen by somebody who knows all events up to `known`.
fn kind(message: &Message, known: i64) -> &'static str {
    if message.deleted.is_some() {
        "delete"
    } else if message.seq > known {
        "message"
    } else {
        "edit"
    }
}

/// The message as an event, for somebody who knows all events up to `known`. The HTML is the same
/// for everybody; each page shows its viewer what he may do.
pub fn event(pages: &Pages, message: Message, known: i64) -> Event {
    let (room, number, id, seq) = (message.room_id, message.version, message.id, message.seq);
    let kind = kind(&message, known);
    let data = if kind == "delete" {
        json!({ "event": number, "id": id, "room": room })
    } else {
        let user = message.user.as_ref().map(|user| user.id);
        let created = time::iso(message.created);
        let context = json!({ "message": message.view(None, false), "alone": true });
        let html = pages.render("rooms/_message.html", context).unwrap_or_else(|error| {
            // Readers see an empty place until they load the page again; the reason is for the operator.
            log::error!("live: message {id} could not be drawn: {error:?}");
            String::new()
        });
        json!({ "event": number, "id": id, "seq": seq, "user": user, "html": html, "created": created, "room": room })
    };
    Event { channel: room, number, kind, data: data.to_string() }
}

/// The event of a deletion.
pub fn deletion(room: i64, id: i64, number: i64) -> Event {
    let data = json!({ "event": number, "id": id, "room": room }).to_string();
    Event { channel: room, number, kind: "delete", data }
}

/// How often each process looks how far the rooms are that somebody listens to.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Looks, for as long as the server runs: another process, or a command, may have written, or ended
/// a session whose streams are still open here.
pub async fn watch(hub: Hub, db: Db, site: Site) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if site.facts().access == Access::Members {
            hub.cut_strangers();
        }
        let (rooms, sessions) = (hub.listened(), hub.sessions());
        if rooms.is_empty() {
            continue;
        }
        match look(&db, rooms, sessions).await {
            Ok(seen) => {
                hub.cut_sessions(&seen.over);
                seen.reached.into_iter().for_each(|(room, event)| hub.reached(room, event));
            }
            Err(error) => log::warn!("live: the rooms could not be looked at: {error:?}"),
        }
    }
}

/// How far rooms are, and which sessions are over.
struct Seen {
    reached: Vec<(i64, i64)>,
    over: HashSet<i64>,
}

async fn look(db: &Db, rooms: Vec<i64>, sessions: HashSet<i64>) -> Result<Seen, Error> {
    db.read(move |conn| {
        let reached = room::last_events(conn, &rooms, true)?;
        let living = if sessions.is_empty() { HashSet::new() } else { Session::living(conn, &sessions)? };
        Ok(Seen { reached, over: sessions.difference(&living).copied().collect() })
    })
    .await
}
