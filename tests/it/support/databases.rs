//! A fresh database for each test: a file, or a copy of a migrated template on a PostgreSQL server.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use chaupal::kit::db::{Conn, Target};
use chaupal::kit::migrations;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Only SQLite, for a quick look.
pub fn is_quick() -> bool {
    std::env::var("CHAUPAL_TEST_QUICK").is_ok_and(|value| value == "1")
}

/// The address of a PostgreSQL server on which databases may be made and dropped.
fn server() -> String {
    std::env::var("CHAUPAL_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!(
            "CHAUPAL_TEST_POSTGRES is not set: let it hold the address of a PostgreSQL server on which tests may make \
             databases, such as postgres://postgres@127.0.0.1:5432/postgres; ./test.sh starts one; CHAUPAL_TEST_QUICK=1 tests SQLite alone"
        )
    })
}

/// The same server, another database.
fn address_of(database: &str) -> String {
    let server = server();
    let (base, _) = server.rsplit_once('/').expect("the address ends with a database's name");
    format!("{base}/{database}")
}

/// The address of a new database without tables.
pub fn empty(backend: Backend, folder: &Path) -> String {
    match backend {
        Backend::Sqlite => format!("sqlite://{}", folder.join("chaupal.db").display()),
        Backend::Postgres => made(""),
    }
}

/// The address of a new database at the newest schema.
pub fn migrated(backend: Backend, folder: &Path) -> String {
    match backend {
        Backend::Sqlite => {
            let url = empty(backend, folder);
            migrate(&url);
            url
        }
        Backend::Postgres => made(&format!("TEMPLATE {}", template())),
    }
}

/// Drops a database that [`empty`] or [`migrated`] made; a file goes with its folder.
pub fn drop_database(url: &str) {
    if let (true, Some((_, name))) = (url.starts_with("postgres"), url.rsplit_once('/')) {
        // Whoever ends the server first has nothing to drop.
        if let Ok(mut conn) = PgConnection::establish(&server()) {
            let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

pub fn connect(url: &str) -> Conn {
    let target = Target::parse(url).expect("a good address");
    target.connect().unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn migrate(url: &str) {
    migrations::run(&mut connect(url), None, |_| {}).expect("the migrations apply");
}

fn made(how: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("chaupal_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut conn = PgConnection::establish(&server()).expect("the PostgreSQL server for tests answers");
    conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).expect("an old database goes");
    conn.batch_execute(&format!("CREATE DATABASE {name} {how}")).expect("a database can be made");
    address_of(&name)
}

/// A migrated database to copy. Its name follows from the migrations, so that a server that stays
/// gets a new one when they change. Several processes may ask at once: one makes it.
fn template() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres")) {
            std::fs::read_to_string(file).expect("a migration can be read").hash(&mut hasher);
        }
        let name = format!("chaupal_template_{:x}", hasher.finish());
        let mut conn = PgConnection::establish(&server()).expect("the PostgreSQL server for tests answers");
        conn.batch_execute("SELECT pg_advisory_lock(710001)").expect("the lock is given");
        let ready = diesel::sql_query(format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"));
        if ready.execute(&mut conn).expect("the server lists its databases") == 0 {
            let draft = format!("{name}_draft");
            conn.batch_execute(&format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).expect("an old draft goes");
            conn.batch_execute(&format!("CREATE DATABASE {draft}")).expect("a database can be made");
            migrate(&address_of(&draft));
            conn.batch_execute(&format!("ALTER DATABASE {draft} RENAME TO {name}")).expect("the draft gets its name");
        }
        conn.batch_execute("SELECT pg_advisory_unlock(710001)").expect("the lock goes");
        name
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    super::files(folder, "sql")
}
