//! What projects do when something happens elsewhere.

use diesel::QueryResult;
use serde_json::{Value, json};

use crate::accounts::signals::{UserExporting, UserLeaving, UserLeavingPreview};
use crate::kit::db::Conn;
use crate::kit::i18n::Text;
use crate::kit::signals::SignalsBuilder;
use crate::kit::time;
use crate::projects::models::{project, review};

/// Django: `on_delete=CASCADE`, and the count of votes that it forgets
pub fn connect(signals: &mut SignalsBuilder) {
    signals.connect(|conn, event: &UserLeaving| review::forget_author(conn, event.user_id));
    signals.connect(|conn, event: &UserLeavingPreview| {
        let (projects, reviews) = project::tally(conn, event.user_id)?;
        event.goes(Text::new("leaving-projects").with("count", projects));
        event.goes(Text::new("leaving-reviews").with("count", reviews));
        Ok(())
    });
    signals.connect(export);
}

/// What he made, and what he thinks of what others made.
fn export(conn: &mut Conn, event: &UserExporting) -> QueryResult<()> {
    let projects: Vec<Value> = project::made_by(conn, event.user_id)?
        .into_iter()
        .map(|project| {
            let tags: Vec<String> = project.tags.into_iter().map(|tag| tag.name).collect();
            json!({
                "id": project.id,
                "title": project.title,
                "description": project.description,
                "demo_link": project.demo_link,
                "source_link": project.source_link,
                "picture": event.picture(project.featured_image.as_deref()),
                "tags": tags,
                "vote_total": project.vote_total,
                "vote_ratio": project.vote_ratio,
                "created": time::iso(project.created),
                "updated": time::iso(project.updated),
            })
        })
        .collect();
    event.add("projects.json", projects.into());
    let reviews: Vec<Value> = review::written_by(conn, event.user_id)?
        .into_iter()
        .map(|(project, title, value, body, created)| {
            json!({
                "project": project,
                "project_title": title,
                "value": value,
                "body": body,
                "created": time::iso(created),
            })
        })
        .collect();
    event.add("reviews.json", reviews.into());
    Ok(())
}
