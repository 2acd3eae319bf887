//! What the server does beside serving: it follows other processes, deletes what is over, and looks whether it is ready.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::dsl::max;
use diesel::prelude::*;
use rocket::{Orbit, Rocket, Shutdown, tokio};

use crate::accounts::models::clear_expired;
use crate::accounts::site::Site;
use crate::kit::clock::{ClockWatch, Moment};
use crate::kit::db::{Conn, Db};
use crate::kit::live::Hub;
use crate::kit::outbox;
use crate::kit::pictures::Pictures;
use crate::kit::readiness::Readiness;
use crate::kit::throttle::Throttle;
use crate::lobby;
use crate::rooms::live;
use crate::schema::{registrations, rooms, sessions};

/// Returns the time of the newest entry that users made.
///
/// # Errors
/// The database's.
pub fn newest_entry(conn: &mut Conn) -> QueryResult<Option<NaiveDateTime>> {
    let newest = [
        sessions::table.select(max(sessions::last_seen)).first::<Option<NaiveDateTime>>(conn)?,
        registrations::table.select(max(registrations::created)).first(conn)?,
        rooms::table.select(max(rooms::updated)).first(conn)?,
    ];
    Ok(newest.into_iter().flatten().max())
}

/// Starts what runs beside serving, until the server stops.
pub fn start(rocket: &Rocket<Orbit>) {
    let (Some(hub), Some(db)) = (rocket.state::<Hub>(), rocket.state::<Db>()) else { return };
    let (Some(site), Some(throttle)) = (rocket.state::<Site>(), rocket.state::<Arc<Throttle>>()) else { return };
    let (Some(pictures), Some(readiness)) = (rocket.state::<Pictures>(), rocket.state::<Arc<Readiness>>()) else {
        return;
    };
    let Some(clock) = rocket.state::<Arc<ClockWatch>>().map(Arc::clone) else { return };
    let (shutdown, site, throttle) = (rocket.shutdown(), site.clone(), Arc::clone(throttle));
    tokio::spawn(until(shutdown.clone(), live::watch(hub.clone(), db.clone(), site.clone())));
    let (db, pictures, readiness) = (db.clone(), pictures.clone(), Arc::clone(readiness));
    tokio::spawn(until(shutdown, async move {
        let rounds = housekeeping(&clock, &site, &throttle, &readiness, &db);
        tokio::join!(rounds, clear_pictures(&clock, &pictures, &db));
    }));
}

async fn until(shutdown: Shutdown, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = shutdown => {}
    }
}

/// Looks at the site every few seconds, forgets what is over every minute.
async fn housekeeping(clock: &ClockWatch, site: &Site, throttle: &Throttle, readiness: &Readiness, db: &Db) {
    let mut round: u32 = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        // Logs it by itself when that changes.
        _ = db.check_file();
        // Often, so that a jump there and back is seen.
        clock.may_delete(Moment::now());
        if let Err(error) = site.refresh(db).await {
            log::warn!("the site could not be looked at: {error:?}");
        }
        round = round.wrapping_add(1);
        if round.is_multiple_of(12) {
            throttle.sweep();
            _ = readiness.check(db).await;
        }
        if round.is_multiple_of(12) && clock.may_delete(Moment::now()) {
            if let Err(error) = db.write(|conn| Ok(clear_expired(conn)?)).await {
                log::warn!("expired sessions could not be cleared: {error:?}");
            }
            if let Err(error) = db.write(|conn| Ok(outbox::sweep(conn)?)).await {
                log::warn!("old letters could not be removed: {error:?}");
            }
            if let Err(error) = db.write(|conn| Ok(lobby::models::sweep(conn)?)).await {
                log::warn!("unused chat rooms could not be removed: {error:?}");
            }
        }
    }
}

/// Deletes pictures that nothing has pointed at for a day.
async fn clear_pictures(clock: &ClockWatch, pictures: &Pictures, db: &Db) {
    loop {
        tokio::time::sleep(Duration::from_secs(15 * 60)).await;
        if !clock.may_delete(Moment::now()) {
            continue;
        }
        match pictures.sweep(db).await {
            Ok(0) => {}
            Ok(gone) => log::info!("{gone} unused pictures were deleted"),
            Err(error) => log::warn!("unused pictures could not be deleted: {error:?}"),
        }
    }
}
