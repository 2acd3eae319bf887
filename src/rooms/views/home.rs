//! The square itself: rooms, topics and what was said lately.

use diesel::QueryResult;
use rocket::get;
use rocket::http::Status;
use rocket_dyn_templates::context;
use serde::Serialize;

use crate::accounts::page::{Page, View};
use crate::accounts::site::Site;
use crate::kit::db::{Conn, Db};
use crate::kit::error::Error;
use crate::kit::forms::same;
use crate::kit::fragments::Piece;
use crate::kit::paginate::{Asked, COUNTED, search_text};
use crate::rooms::models;
use crate::rooms::models::activity::Activity;
use crate::rooms::models::room::{self, Filter, RoomCard};
use crate::rooms::models::topic::{self, TopicRow};

const ROOMS_PER_PAGE: i64 = 10;
const TOPICS_BESIDE: i64 = 8;
const ACTIVITY_BESIDE: i64 = 10;
const ROWS_PER_PAGE: i64 = 30;

/// Django: `views.home`
#[get("/?<q>&<page>")]
pub async fn home(
    frame: Page<'_>,
    db: &Db,
    site: &Site,
    q: Option<String>,
    page: Option<String>,
) -> Result<View, Error> {
    if !site.facts().has_people {
        return Ok(frame.with(Status::Ok, "accounts/setup_needed.html", context! {}));
    }
    let viewer = frame.viewer.id();
    let filter = Filter { q: search_text(q.as_deref()), host: None };
    let q = filter.q.clone();
    let (pager, rooms, mut topics, rooms_total, activity) = db
        .scan(&q, move |conn| {
            let page = Asked::new(page.as_deref(), ROOMS_PER_PAGE);
            let pager = page.pager("/", &filter.q, room::count_found(conn, &filter, page.most())?);
            let rooms = room::cards(conn, &filter, viewer, pager.offset(), ROOMS_PER_PAGE)?;
            let topics = topic::list(conn, "", 0, TOPICS_BESIDE)?;
            let rooms_total = if filter.q.is_empty() { pager.total } else { rooms_total(conn)? };
            let activity = models::activity::list(conn, &filter, None, 0, ACTIVITY_BESIDE)?;
            Ok((pager, rooms, topics, rooms_total, activity))
        })
        .await?;
    mark_current(&mut topics, &q);
    let rooms: Vec<Piece> = rooms
        .into_iter()
        .map(|room| frame.piece("rooms/_card.html", &CardPiece { room }))
        .collect::<Result<_, Error>>()?;
    let activity: Vec<Piece> = activity
        .into_iter()
        .map(|item| frame.piece("rooms/_activity_item.html", &ActivityPiece { item }))
        .collect::<Result<_, Error>>()?;
    Ok(frame.ok("rooms/home.html", context! { count: pager.total, q, rooms, pager, topics, rooms_total, activity }))
}

/// A room's card, as its template gets it.
#[derive(Hash, Serialize)]
struct CardPiece {
    room: RoomCard,
}

/// A line of the activity, as its template gets it.
#[derive(Hash, Serialize)]
struct ActivityPiece {
    item: Activity,
}

fn rooms_total(conn: &mut Conn) -> QueryResult<i64> {
    room::count_found(conn, &Filter::default(), COUNTED + 1)
}

fn mark_current(topics: &mut [TopicRow], q: &str) {
    for topic in topics {
        topic.current = same(&topic.link.name, q);
    }
}

/// Django: `views.topicsPage`
#[get("/topics?<q>&<page>")]
pub async fn topics(frame: Page<'_>, db: &Db, q: Option<String>, page: Option<String>) -> Result<View, Error> {
    let q = search_text(q.as_deref());
    let asked = q.clone();
    let (pager, topics, rooms_total) = db
        .scan(&q, move |conn| {
            let page = Asked::new(page.as_deref(), ROWS_PER_PAGE);
            let pager = page.pager("/topics", &asked, topic::count_found(conn, &asked, page.most())?);
            let topics = topic::list(conn, &asked, pager.offset(), ROWS_PER_PAGE)?;
            Ok((pager, topics, rooms_total(conn)?))
        })
        .await?;
    Ok(frame.ok("rooms/topics.html", context! { q, topics, pager, rooms_total }))
}

/// Django: `views.activityPage`
#[get("/activity?<q>&<page>")]
pub async fn activity(frame: Page<'_>, db: &Db, q: Option<String>, page: Option<String>) -> Result<View, Error> {
    let filter = Filter { q: search_text(q.as_deref()), host: None };
    let q = filter.q.clone();
    let (pager, activity) = db
        .scan(&q, move |conn| {
            let page = Asked::new(page.as_deref(), ROWS_PER_PAGE);
            let pager = page.pager("/activity", &filter.q, models::activity::count(conn, &filter, page.most())?);
            let activity = models::activity::list(conn, &filter, None, pager.offset(), ROWS_PER_PAGE)?;
            Ok((pager, activity))
        })
        .await?;
    Ok(frame.ok("rooms/activity.html", context! { q, activity, pager }))
}
