//! Who is here, and what they can do.

use rocket::get;
use rocket_dyn_templates::context;

use crate::accounts::page::{Page, View};
use crate::accounts::site::Site;
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::paginate::{Asked, search_text};
use crate::profiles::models::profile;

/// Django: `views.profiles`
#[get("/developers?<q>&<page>")]
pub async fn list(
    frame: Page<'_>,
    db: &Db,
    site: &Site,
    q: Option<String>,
    page: Option<String>,
) -> Result<View, Error> {
    let per_page = i64::from(site.config().per_page.developers);
    let q = search_text(q.as_deref());
    let asked = q.clone();
    let (pager, developers) = db
        .scan(&q, move |conn| {
            let page = Asked::new(page.as_deref(), per_page);
            let pager = page.pager("/developers", &asked, profile::count_found(conn, &asked, page.most())?);
            let developers = profile::cards(conn, &asked, pager.offset(), per_page)?;
            Ok((pager, developers))
        })
        .await?;
    Ok(frame.ok("profiles/developers.html", context! { q, count: pager.total, developers, pager }))
}
