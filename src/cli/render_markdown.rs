//! `render-markdown`: what people wrote, made into HTML again.

use diesel::QueryResult;

use super::Context;
use crate::accounts::models::setting;
use crate::kit::db::Conn;
use crate::kit::markdown::Kept;
use crate::kit::progress::Progress;

/// Every text that is Markdown: what is added here is made at the next start.
const KEPT: &[Kept] = &[
    Kept { table: "messages", key: "id", source: "body", html: "body_html" },
    Kept { table: "rooms", key: "id", source: "description", html: "description_html" },
    Kept { table: "profiles", key: "user_id", source: "bio", html: "bio_html" },
    Kept { table: "projects", key: "id", source: "description", html: "description_html" },
    Kept { table: "reviews", key: "id", source: "body", html: "body_html" },
    Kept { table: "inbox_messages", key: "id", source: "body", html: "body_html" },
];

/// The setting that remembers of each text by which rules its HTML was made.
const MARKS: &str = "markdown";

/// Makes all of it again.
///
/// # Errors
/// One line; what was done so far stays.
pub fn run(context: &Context) -> Result<(), String> {
    let mut conn = context.connect_migrated()?;
    let changed = render(context, &mut conn, KEPT).map_err(|e| e.to_string())?;
    context.say(&format!("{changed} texts were rendered anew; all others were as they should be."));
    Ok(())
}

/// Before serving and after migrating: makes again what was made by other rules, or not at all.
///
/// # Errors
/// One line.
pub fn to_newest(context: &Context, conn: &mut Conn) -> Result<(), String> {
    let marks = setting::get(conn, MARKS).map_err(|e| e.to_string())?.unwrap_or_default();
    let outdated: Vec<Kept> =
        KEPT.iter().filter(|kept| !marks.split(' ').any(|mark| mark == kept.mark())).copied().collect();
    if outdated.is_empty() {
        return Ok(());
    }
    render(context, conn, &outdated).map(drop).map_err(|e| e.to_string())
}

fn render(context: &Context, conn: &mut Conn, outdated: &[Kept]) -> QueryResult<usize> {
    let mut progress = if context.verbosity < 0 { Progress::silent() } else { Progress::on_stderr() };
    let mut changed = 0;
    for kept in outdated {
        changed += kept.render_again(conn, &mut progress)?;
    }
    let marks: Vec<String> = KEPT.iter().map(Kept::mark).collect();
    setting::set(conn, MARKS, &marks.join(" "))?;
    Ok(changed)
}
