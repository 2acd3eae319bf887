//! The one writer of an SQLite file: a thread with a connection of its own, to which all writers of
//! this process hand their work. Those who wait share one transaction, and so one sync of the disk
//! (group commit); each has its own answer, which goes out after the commit. When one fails, all are rolled back and done
//! again, each in a savepoint, so that it takes nobody along. Readers have their own connections and never wait for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Conn, STATEMENTS, Target, begin_savepoint, begin_writing, commit, roll_back};
use super::file::OpenFile;
use super::stats::Stats;
use crate::kit::error::Error;

/// So many may wait in the queue; who comes later waits before it.
const QUEUE: usize = 1024;

/// One transaction takes at most so many along, and nobody new after so long: the first of them
/// waits for the last.
const BATCH: usize = 256;
const BATCH_TIME: Duration = Duration::from_millis(50);

/// The way to the writer's thread, which starts with the first write and ends with the last handle.
pub(super) struct Writer {
    target: Target,
    stats: Arc<Stats>,
    file: Option<Arc<OpenFile>>,
    queue: OnceLock<mpsc::Sender<Box<dyn Task>>>,
}

impl Writer {
    pub(super) fn new(target: Target, stats: Arc<Stats>, file: Option<Arc<OpenFile>>) -> Self {
        Self { target, stats, file, queue: OnceLock::new() }
    }

    /// Hands `work` over and waits for its result, which comes when it is on the disk.
    pub(super) async fn write<T, F>(&self, statements: Arc<AtomicU32>, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Conn) -> Result<T, Error> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let task = Work { work, result: None, statements, sender };
        let gone = || Error::Unavailable("the writer's thread has ended".into());
        self.queue().send(Box::new(task)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn queue(&self) -> &mpsc::Sender<Box<dyn Task>> {
        self.queue.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(QUEUE);
            let (target, stats, file) = (self.target.clone(), Arc::clone(&self.stats), self.file.clone());
            let started = std::thread::Builder::new()
                .name("sqlite-writer".into())
                .spawn(move || Thread { target, stats, file, conn: None }.run(receiver));
            if let Err(error) = started {
                // The receiver is gone with the closure, so every write says that it cannot be done.
                log::error!("the writer's thread cannot start: {error}");
            }
            sender
        })
    }
}

/// A piece of work in the queue, whatever its result's type.
trait Task: Send {
    /// Nobody waits for it any more: the client has gone.
    fn is_forsaken(&self) -> bool;
    /// Does the work inside the batch's transaction. False: roll back what it did.
    fn run(&mut self, conn: &mut Conn) -> bool;
    /// The disk is full or the like: the next ones will fare no better.
    fn met_trouble(&self) -> bool;
    /// Tells the result, now that the batch is committed; or why it is not.
    fn answer(self: Box<Self>, failure: Option<&str>);
}

struct Work<T, F> {
    work: F,
    result: Option<Result<T, Error>>,
    statements: Arc<AtomicU32>,
    sender: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Task for Work<T, F>
where
    T: Send,
    F: FnMut(&mut Conn) -> Result<T, Error> + Send,
{
    fn is_forsaken(&self) -> bool {
        self.sender.is_closed()
    }

    fn run(&mut self, conn: &mut Conn) -> bool {
        let before = STATEMENTS.get();
        // Whoever shares the transaction must not go down with one that panics.
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(conn)))
            .unwrap_or_else(|_| Err(Error::Internal("a write panicked; the lines above say where".into())));
        self.statements.fetch_add(STATEMENTS.get().wrapping_sub(before), Ordering::Relaxed);
        let went_well = result.is_ok();
        self.result = Some(result);
        went_well
    }

    fn met_trouble(&self) -> bool {
        matches!(self.result, Some(Err(Error::Unavailable(_))))
    }

    fn answer(self: Box<Self>, failure: Option<&str>) {
        let result = match (self.result, failure) {
            // What failed by itself has its own reason.
            (Some(Err(error)), _) => Err(error),
            (_, Some(reason)) => Err(Error::Unavailable(reason.to_owned())),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(Error::Internal("a write was not done".into())),
        };
        // Nobody may be waiting any more.
        let _ = self.sender.send(result);
    }
}

/// What the thread holds.
struct Thread {
    target: Target,
    stats: Arc<Stats>,
    file: Option<Arc<OpenFile>>,
    conn: Option<Conn>,
}

impl Thread {
    fn run(mut self, mut queue: mpsc::Receiver<Box<dyn Task>>) {
        while let Some(first) = queue.blocking_recv() {
            let mut batch = Vec::new();
            let committed = self.share(first, &mut queue, &mut batch);
            if committed.is_err() && self.check_file().is_ok() {
                // A connection that could not commit is not trusted again. One whose file was replaced stays: closing it
                // would clear the log of the new file away.
                self.conn = None;
            }
            let is_well = committed.is_ok() && !batch.iter().any(|task| task.met_trouble());
            self.stats.wrote(batch.len(), is_well);
            let failure = committed.err().map(|error| format!("nothing was written: {error}"));
            for task in batch {
                task.answer(failure.as_deref());
            }
        }
    }

    /// One transaction for `first` and all who wait. Everyone who was taken out of the queue stands
    /// in `batch`, whatever happens.
    fn share(
        &mut self,
        first: Box<dyn Task>,
        queue: &mut mpsc::Receiver<Box<dyn Task>>,
        batch: &mut Vec<Box<dyn Task>>,
    ) -> Result<(), String> {
        let began = Instant::now();
        batch.push(first);
        self.check_file()?;
        let conn = match &mut self.conn {
            Some(conn) => conn,
            none => none.insert(self.target.connect().map_err(|e| e.to_string())?),
        };
        if let Some(file) = &self.file {
            file.remember();
        }
        begin_writing(conn).map_err(|e| e.to_string())?;
        // A savepoint costs as much as a small write, and few writes fail.
        let (mut done, mut in_savepoints) = (0, false);
        while let Some(task) = batch.get_mut(done) {
            let is_wanted = !task.is_forsaken();
            if is_wanted && in_savepoints {
                run_in_savepoint(conn, task.as_mut()).map_err(|e| e.to_string())?;
            } else if is_wanted && !task.run(conn) {
                roll_back(conn).and_then(|()| begin_writing(conn)).map_err(|e| e.to_string())?;
                if done > 0 {
                    (done, in_savepoints) = (0, true);
                    continue;
                }
            }
            done += 1;
            if batch.len() < BATCH
                && began.elapsed() < BATCH_TIME
                && let Ok(next) = queue.try_recv()
            {
                batch.push(next);
            }
        }
        // What went into a file that is not there any more must not be acknowledged.
        if let Some(Err(line)) = self.file.as_ref().map(|file| file.check()) {
            roll_back(conn).map_err(|e| e.to_string())?;
            return Err(line);
        }
        commit(conn).map_err(|e| e.to_string())
    }

    fn check_file(&self) -> Result<(), String> {
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }
}

/// Runs one task so that it can be undone alone. An error here means that the whole batch is lost:
/// a full disk, say, ends the transaction with all its savepoints.
fn run_in_savepoint(conn: &mut Conn, task: &mut dyn Task) -> QueryResult<()> {
    begin_savepoint(conn)?;
    if task.run(conn) { commit(conn) } else { roll_back(conn) }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use diesel::connection::SimpleConnection;
    use tokio::task::JoinHandle;

    use super::super::Db;
    use super::*;

    struct Notes {
        db: Db,
        _folder: tempfile::TempDir,
    }

    impl Notes {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let db = Db::new(Target::Sqlite(folder.path().join("notes.db")), 4);
            let notes = Self { db, _folder: folder };
            notes.sql("CREATE TABLE notes (n BIGINT PRIMARY KEY, text TEXT NOT NULL DEFAULT '')").await.unwrap();
            notes
        }

        async fn sql(&self, sql: impl Into<String>) -> Result<(), Error> {
            let sql = sql.into();
            self.db.write(move |conn| Ok(conn.batch_execute(&sql)?)).await
        }

        fn note(&self, n: i64) -> JoinHandle<Result<(), Error>> {
            let db = self.db.clone();
            tokio::spawn(async move { db.write(move |conn| put(conn, n)).await })
        }

        async fn all(&self) -> Vec<i64> {
            #[derive(QueryableByName)]
            struct Row {
                #[diesel(sql_type = diesel::sql_types::BigInt)]
                n: i64,
            }
            let query = "SELECT n FROM notes ORDER BY n";
            let rows = self.db.read(move |conn| Ok(diesel::sql_query(query).load::<Row>(conn)?)).await.unwrap();
            rows.into_iter().map(|row| row.n).collect()
        }

        /// Keeps the writer busy until the sender says a word, and lets the others queue meanwhile.
        async fn busy(&self) -> (Sender<()>, JoinHandle<Result<(), Error>>) {
            let (begun, has_begun) = oneshot::channel();
            let (mut begun, (release, wait)) = (Some(begun), channel());
            let db = self.db.clone();
            let task = tokio::spawn(async move {
                db.write(move |_| {
                    // It runs again when another one of the batch fails.
                    let Some(begun) = begun.take() else { return Ok(()) };
                    let _ = begun.send(());
                    wait.recv_timeout(Duration::from_secs(20)).map_err(|e| Error::Internal(e.to_string()))
                })
                .await
            });
            has_begun.await.unwrap();
            (release, task)
        }
    }

    fn put(conn: &mut Conn, n: i64) -> Result<(), Error> {
        Ok(conn.batch_execute(&format!("INSERT INTO notes (n) VALUES ({n})"))?)
    }

    /// Long enough for tasks that were just spawned to stand in the queue.
    async fn until_they_queue() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_shares_a_commit_and_each_has_his_answer() {
        let notes = Notes::new().await;
        let (release, first) = notes.busy().await;
        let before = (notes.db.stats().writes(), notes.db.stats().commits());
        let bad_one = notes.note(7);
        until_they_queue().await;
        let all: Vec<_> = (0..100).map(|n| notes.note(n)).collect();
        until_they_queue().await;
        assert!(notes.all().await.is_empty(), "readers do not wait for the writer");
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        bad_one.await.unwrap().unwrap();
        for (n, task) in all.into_iter().enumerate() {
            let answer = task.await.unwrap();
            assert_eq!(answer.is_ok(), n != 7, "only the second 7 fails: {n} {answer:?}");
        }
        assert_eq!(notes.all().await, (0..100).collect::<Vec<_>>());
        // The batch takes nobody along after a while, so one commit may have become a few.
        let (writes, commits) = (notes.db.stats().writes() - before.0, notes.db.stats().commits() - before.1);
        assert!(writes == 102 && commits <= 5, "{writes} writes in {commits} commits");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_that_panics_or_fails_takes_nobody_along() {
        let notes = Notes::new().await;
        let (release, first) = notes.busy().await;
        let db = notes.db.clone();
        let panicking = tokio::spawn(async move {
            db.write(|conn| -> Result<(), Error> {
                put(conn, 1)?;
                panic!("as a test wants it")
            })
            .await
        });
        let db = notes.db.clone();
        let failing =
            tokio::spawn(async move { db.write(|conn| put(conn, 2).and(Err::<(), _>(Error::Forbidden))).await });
        until_they_queue().await;
        let good = notes.note(3);
        until_they_queue().await;
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        assert!(matches!(panicking.await.unwrap(), Err(Error::Internal(_))));
        assert!(matches!(failing.await.unwrap(), Err(Error::Forbidden)));
        good.await.unwrap().unwrap();
        assert_eq!(notes.all().await, [3]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_disk_is_told_to_everybody_whom_it_hits_and_passes() {
        let notes = Notes::new().await;
        notes.sql("PRAGMA max_page_count = 8").await.unwrap();
        let (release, first) = notes.busy().await;
        let small = notes.note(1);
        until_they_queue().await;
        let db = notes.db.clone();
        let big = tokio::spawn(async move {
            let sql = format!("INSERT INTO notes VALUES (2, '{}')", "x".repeat(100_000));
            db.write(move |conn| Ok(conn.batch_execute(&sql)?)).await
        });
        until_they_queue().await;
        release.send(()).unwrap();
        let first = first.await.unwrap();
        let small = small.await.unwrap();
        assert!(matches!(big.await.unwrap(), Err(Error::Unavailable(_))));
        let kept = notes.all().await;
        assert_eq!(small.is_ok(), kept.contains(&1), "what was acknowledged is there, what is not is not: {first:?}");
        assert!(!kept.contains(&2));
        assert!(notes.db.stats().is_failing(), "readiness asks for it");
        notes.sql("PRAGMA max_page_count = 1000").await.unwrap();
        notes.note(4).await.unwrap().unwrap();
        assert!(!notes.db.stats().is_failing());
        assert!(notes.all().await.contains(&4));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_that_cannot_be_opened_is_told_in_words() {
        let db = Db::new(Target::Sqlite("/nonexistent/notes.db".into()), 1);
        let answer = db.write(|conn| put(conn, 1)).await;
        assert!(
            matches!(&answer, Err(Error::Unavailable(reason)) if reason.contains("nothing was written")),
            "{answer:?}"
        );
        assert!(db.stats().is_failing());
    }
}
