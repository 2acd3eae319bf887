//! What rooms do when something happens elsewhere.

use diesel::QueryResult;
use serde_json::{Value, json};

use crate::accounts::signals::{UserExporting, UserLeaving, UserLeavingPreview};
use crate::kit::db::Conn;
use crate::kit::i18n::Text;
use crate::kit::signals::SignalsBuilder;
use crate::kit::time;
use crate::rooms::models::{message, room};

/// Django: `pre_delete`
pub fn connect(signals: &mut SignalsBuilder) {
    signals.connect(|conn, event: &UserLeaving| room::forget_author(conn, event.user_id));
    signals.connect(preview);
    signals.connect(export);
}

/// Deleting a person keeps his rooms and takes his messages.
fn preview(conn: &mut Conn, event: &UserLeavingPreview) -> QueryResult<()> {
    let (rooms, messages) = room::tally(conn, event.user_id, i64::MAX)?;
    event.goes(Text::new("leaving-messages").with("count", messages));
    event.stays(Text::new("leaving-rooms").with("count", rooms));
    Ok(())
}

/// What he hosts, where he takes part, what he said.
fn export(conn: &mut Conn, event: &UserExporting) -> QueryResult<()> {
    let rooms: Vec<Value> = room::hosted_by(conn, event.user_id)?
        .into_iter()
        .map(|(id, name, description, created)| {
            json!({ "id": id, "name": name, "description": description, "created": time::iso(created) })
        })
        .collect();
    event.add("rooms.json", rooms.into());
    let messages: Vec<Value> = message::written_by(conn, event.user_id)?
        .into_iter()
        .map(|(id, room_id, room, body, created, updated)| {
            let (created, updated) = (time::iso(created), time::iso(updated));
            json!({ "id": id, "room": room_id, "room_name": room, "body": body, "created": created, "updated": updated })
        })
        .collect();
    event.add("messages.json", messages.into());
    Ok(())
}
