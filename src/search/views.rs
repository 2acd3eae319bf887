//! The page of the search.

use std::sync::Arc;

use rocket::{State, get};
use rocket_dyn_templates::context;
use serde::Serialize;

use crate::accounts::page::{Page, View};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::paginate::{Asked, COUNTED, encode_query, page_url, search_text};
use crate::search::models::counts::Counts;
use crate::search::models::found::{Found, MOST_LISTED, PER_PAGE, by_words, inside_words};
use crate::search::models::kind::Kind;
use crate::search::models::plenty::Plenty;
use crate::search::models::query::Query;

/// A way to look at one kind, or at all.
#[derive(Serialize)]
struct Tab {
    /// `all`, or the kind's key.
    key: &'static str,
    url: String,
    /// At most one more than [`COUNTED`].
    count: i64,
    current: bool,
}

fn tabs(q: &str, counts: &Counts, current: Option<Kind>) -> Vec<Tab> {
    let q = encode_query(q);
    let tab = |kind: Option<Kind>| {
        let count = kind.map_or(counts.total(), |kind| counts.of(kind));
        Tab {
            key: kind.map_or("all", Kind::key),
            url: kind.map_or_else(|| format!("/search?q={q}"), |kind| format!("/search?kind={}&q={q}", kind.key())),
            count: count.min(COUNTED + 1),
            current: kind == current,
        }
    };
    std::iter::once(None).chain(Kind::ALL.into_iter().map(Some)).map(tab).collect()
}

/// By words; what stands nowhere as a word is looked for inside of words.
async fn found(db: &Db, plenty: &Arc<Plenty>, q: &str, kind: Option<Kind>) -> Result<Found, Error> {
    let query = Query::new(q);
    let (asked, plenty) = (query.clone(), Arc::clone(plenty));
    let found = db.read(move |conn| Ok(by_words(conn, &plenty, &asked, kind)?)).await?;
    if found.counts.total() > 0 {
        return Ok(found);
    }
    db.scan(q, move |conn| Ok(inside_words(conn, &query, kind)?)).await
}

/// Everything at once, the best first; or one kind, page by page.
#[get("/search?<q>&<kind>&<page>")]
pub async fn page(
    frame: Page<'_>,
    db: &Db,
    plenty: &State<Arc<Plenty>>,
    q: Option<String>,
    kind: Option<String>,
    page: Option<String>,
) -> Result<View, Error> {
    let q = search_text(q.as_deref());
    let kind = kind.as_deref().and_then(Kind::from_key);
    let found = found(db, plenty, &q, kind).await?;
    let path = kind.map_or_else(|| "/search".to_owned(), |kind| format!("/search?kind={}", kind.key()));
    let listed = if kind.is_some() { i64::try_from(found.len()).unwrap_or(i64::MAX) } else { 0 };
    let pager = Asked::new(page.as_deref(), PER_PAGE).pager(&path, &q, listed);
    let limit = usize::try_from(PER_PAGE).unwrap_or_default();
    let hits = match kind {
        None => found.mixed(),
        Some(_) => found.shown(usize::try_from(pager.offset()).unwrap_or_default(), limit),
    };
    let tabs = tabs(&q, &found.counts, kind);
    // Only the best can be looked through.
    let is_cut = kind.is_some_and(|kind| found.counts.of(kind) > MOST_LISTED) && pager.page == pager.pages;
    let (is_in_part, kind) = (found.is_in_part, kind.map(Kind::key));
    // Their own searches look inside of words, through all of them.
    let lists = context! {
        rooms: page_url("/", &q, 1),
        developers: page_url("/developers", &q, 1),
        projects: page_url("/projects", &q, 1),
    };
    let most = MOST_LISTED;
    Ok(frame.ok("search/search.html", context! { q, hits, tabs, pager, is_in_part, kind, is_cut, most, lists }))
}
