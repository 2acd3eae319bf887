//! What the inbox does when somebody leaves or takes along what is his.

use diesel::QueryResult;
use serde_json::{Value, json};

use crate::accounts::signals::{UserExporting, UserLeavingPreview};
use crate::inbox::models::{self, Taken};
use crate::kit::db::Conn;
use crate::kit::i18n::Text;
use crate::kit::signals::SignalsBuilder;
use crate::kit::time;

/// The database takes what he got, and leaves to others what he wrote to them.
pub fn connect(signals: &mut SignalsBuilder) {
    signals.connect(|conn, event: &UserLeavingPreview| {
        event.goes(Text::new("leaving-inbox").with("count", models::count(conn, event.user_id, i64::MAX)?));
        event.stays(Text::new("leaving-sent"));
        Ok(())
    });
    signals.connect(export);
}

fn export(conn: &mut Conn, event: &UserExporting) -> QueryResult<()> {
    let told = |messages: Vec<Taken>, other: &str| -> Value {
        messages
            .into_iter()
            .map(|(who, subject, body, created)| {
                json!({ other: who, "subject": subject, "body": body, "created": time::iso(created) })
            })
            .collect()
    };
    event.add("inbox.json", told(models::received(conn, event.user_id)?, "from"));
    event.add("sent.json", told(models::sent(conn, event.user_id)?, "to"));
    Ok(())
}
