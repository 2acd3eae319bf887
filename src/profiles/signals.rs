//! What profiles do when something happens elsewhere.

use diesel::QueryResult;
use serde_json::{Value, json};

use crate::accounts::signals::{UserExporting, UserRegistered};
use crate::kit::db::Conn;
use crate::kit::signals::SignalsBuilder;
use crate::kit::time;
use crate::profiles::models::{profile, skill};

/// Django: `post_save.connect(createProfile, sender=User)`
pub fn connect(signals: &mut SignalsBuilder) {
    signals.connect(|conn, event: &UserRegistered| profile::make(conn, event.user_id));
    signals.connect(export);
}

/// What he tells of himself, and what he can do.
fn export(conn: &mut Conn, event: &UserExporting) -> QueryResult<()> {
    let profile = profile::find(conn, event.user_id)?;
    let skills: Vec<Value> = skill::told_by(conn, event.user_id)?
        .into_iter()
        .map(|(name, description, created)| {
            json!({ "name": name, "description": description, "created": time::iso(created) })
        })
        .collect();
    event.add(
        "profile.json",
        json!({
            "short_intro": profile.short_intro,
            "location": profile.location,
            "bio": profile.bio,
            "links": profile.links,
            "skills": skills,
        }),
    );
    Ok(())
}
