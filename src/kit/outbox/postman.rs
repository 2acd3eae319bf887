//! The postman: takes one letter after the other out of the outbox and sends it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use rocket::Shutdown;
use rocket::futures::FutureExt;

use super::rows::{self, Row};
use super::{Desk, Kinds, Outbox};
use crate::kit::clock::{ClockWatch, Moment};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::mail::{Mailer, SendError};
use crate::kit::time;

/// So often he looks by himself: for letters whose time has come, and those of other processes.
const ROUND: Duration = Duration::from_secs(5);

/// How long he waits after the first, second … try that failed; the last holds for all that follow.
const PATIENCE: [TimeDelta; 6] = [
    TimeDelta::seconds(20),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::minutes(30),
    TimeDelta::hours(2),
    TimeDelta::hours(6),
];

/// Time after which a letter that seems too old is looked at again.
const UNDECIDED: TimeDelta = TimeDelta::minutes(10);

/// Sends letters for as long as the server runs. Several processes may each have one: a letter is claimed before it is
/// sent, so it goes once; only when a process dies between the mail server's word and its own note it goes again.
pub struct Postman {
    outbox: Outbox,
    db: Db,
    mailer: Mailer,
    desk: Arc<Desk>,
    kinds: Arc<Kinds>,
    clock: Arc<ClockWatch>,
}

/// What became of a letter.
enum Fate {
    Sent,
    /// There is nobody to write to.
    Moot,
    /// It seems too old, but the clock may be wrong.
    Undecided,
    Failed(SendError),
}

impl Postman {
    /// Takes from this outbox, sends by this way.
    pub fn new(outbox: Outbox, db: Db, mailer: Mailer, desk: Desk, kinds: Kinds, clock: Arc<ClockWatch>) -> Self {
        Self { outbox, db, mailer, desk: Arc::new(desk), kinds: Arc::new(kinds), clock }
    }

    /// Works until the server stops, and ends between two letters.
    pub async fn work(self, mut shutdown: Shutdown) {
        while (&mut shutdown).now_or_never().is_none() {
            match self.db.write(|conn| Ok(rows::claim(conn)?)).await {
                Ok(Some(row)) => {
                    self.deliver(row).await;
                    continue;
                }
                Ok(None) => {}
                Err(error) => log::warn!("the outbox could not be read: {error:?}"),
            }
            tokio::select! {
                () = self.outbox.0.news.notified() => {}
                () = tokio::time::sleep(ROUND) => {}
                () = &mut shutdown => {}
            }
        }
    }

    async fn deliver(&self, row: Row) {
        let (id, kind) = (row.id, row.kind.clone());
        let fate = self.send(&row).await;
        let settled = match fate {
            Fate::Sent => {
                self.outbox.0.sent.fetch_add(1, Ordering::Relaxed);
                log::info!("mail {id} ({kind}) was sent");
                self.db.write(move |conn| Ok(rows::delete(conn, id)?)).await
            }
            Fate::Moot => self.db.write(move |conn| Ok(rows::delete(conn, id)?)).await,
            Fate::Undecided => {
                let (due, trouble) = (time::now() + UNDECIDED, row.trouble);
                self.db.write(move |conn| Ok(rows::postpone(conn, id, due, &trouble)?)).await
            }
            Fate::Failed(error) => {
                self.outbox.0.failures.fetch_add(1, Ordering::Relaxed);
                self.fail(&row, error).await
            }
        };
        if let Err(error) = settled {
            log::error!("mail {id} ({kind}): what became of it could not be written down: {error:?}");
        }
    }

    async fn send(&self, row: &Row) -> Fate {
        if row.expires <= time::now() && !self.clock.may_delete(Moment::now()) {
            return Fate::Undecided;
        }
        if row.expires <= time::now() {
            // The server was away, or mail was; what the letter says may not be true any more.
            let before = if row.trouble.is_empty() { String::new() } else { format!("; before: {}", row.trouble) };
            return Fate::Failed(SendError { is_final: true, told: format!("its time was over{before}") });
        }
        let Some(compose) = self.kinds.0.get(row.kind.as_str()).copied() else {
            // Of a newer version, perhaps; that one may come back.
            return Fate::Failed(SendError {
                is_final: false,
                told: format!("no letter is of the kind {:?}", row.kind),
            });
        };
        let (desk, params) = (Arc::clone(&self.desk), row.params.clone());
        let mail = match self.db.write(move |conn| compose(conn, &params, &desk)).await {
            Ok(Some(sheet)) => self.desk.draw(sheet),
            Ok(None) => return Fate::Moot,
            Err(error) => Err(error),
        };
        let mail = match mail {
            Ok(mail) => mail,
            Err(error) => return Fate::Failed(SendError { is_final: false, told: format!("{error:?}") }),
        };
        // The same at each try, and no other letter's.
        let mark = format!("{}.{}", row.id, row.created.and_utc().timestamp_micros());
        match self.mailer.send(&mail, &(self.desk.site_name)(), &mark).await {
            Ok(()) => Fate::Sent,
            Err(error) => Fate::Failed(error),
        }
    }

    async fn fail(&self, row: &Row, error: SendError) -> Result<(), Error> {
        let (id, kind, told) = (row.id, &row.kind, error.told);
        let due = next_try(row.attempts, time::now());
        if error.is_final || due > row.expires {
            log::error!("mail {id} ({kind}) is given up after {} tries: {told}", row.attempts);
            return self.db.write(move |conn| Ok(rows::give_up(conn, id, &told)?)).await;
        }
        log::warn!("mail {id} ({kind}) could not be sent, next try at {}: {told}", time::iso(due));
        self.db.write(move |conn| Ok(rows::postpone(conn, id, due, &told)?)).await
    }
}

fn next_try(attempts: i64, now: NaiveDateTime) -> NaiveDateTime {
    let failed_before = usize::try_from(attempts - 1).unwrap_or(0);
    now + PATIENCE[failed_before.min(PATIENCE.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_longer_than_the_one_before() {
        let now = time::now();
        let waits: Vec<TimeDelta> = (1..=8).map(|attempts| next_try(attempts, now) - now).collect();
        assert_eq!(waits[0], TimeDelta::seconds(20));
        assert!(waits.is_sorted());
        assert_eq!(waits[7], TimeDelta::hours(6));
    }
}
