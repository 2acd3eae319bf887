//! What the tests stand on: sites with a fresh database each, and people who visit them.

pub mod databases;
pub mod forwarder;
pub mod http;
pub mod http2;
pub mod images;
pub mod imports;
pub mod mail;
pub mod person;
pub mod program;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use chaupal::accounts::models::{self, NewUser, Session, User};
use chaupal::accounts::passwords;
use chaupal::accounts::signals::UserLeaving;
use chaupal::kit::config::{Config, MediaS3, Secret, secret_key};
use chaupal::kit::cookies::{Cookie, CookieNames};
use chaupal::kit::db::{self, Conn};
use chaupal::kit::i18n::{Catalogue, Text};
use chaupal::kit::outbox::Outbox;
use chaupal::lobby::models as lobby;
use chaupal::profiles::models::profile;
use chaupal::projects::models::project::{self, ProjectValues};
use chaupal::projects::models::review::{self, ReviewError, Vote};
use chaupal::rooms::models::{message, room};
use chaupal::schema::users;
use diesel::prelude::*;
use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};
use rocket::tokio::runtime::Runtime;
use rocket::tokio::task::JoinHandle;

pub use databases::{Backend, is_quick};
pub use http::{Answer, Request, escaped, percent};
pub use person::Person;

/// Everybody's password.
pub const PASSWORD: &str = "kingfisher-on-the-wire-7";

/// A hash that Django 3 wrote, of [`DJANGO_PASSWORD`].
pub const DJANGO_HASH: &str = "pbkdf2_sha256$12000$saltySALT0123456789abc$R4gu+BBd7hwVsCfKeyqFcYNcFKlUhlOaP6wYKUrLt20=";

/// The password of [`DJANGO_HASH`].
pub const DJANGO_PASSWORD: &str = "blue-mango-42";

/// One body, two tests: on SQLite and on PostgreSQL. Settings may stand before the body.
macro_rules! both {
    ($name:ident, |$site:ident| $body:block) => {
        both!($name, [], |$site| $body);
    };
    ($name:ident, [$(($key:literal, $value:expr)),* $(,)?], |$site:ident| $body:block) => {
        mod $name {
            #[allow(unused_imports, reason = "not every test uses all of its module")]
            use super::*;

            fn body($site: &$crate::support::Site) $body

            fn settings() -> Vec<(&'static str, String)> {
                vec![$(($key, $value.to_string())),*]
            }

            #[test]
            fn sqlite() {
                body(&$crate::support::Site::start($crate::support::Backend::Sqlite, &settings()));
            }

            #[test]
            fn postgres() {
                if !$crate::support::is_quick() {
                    body(&$crate::support::Site::start($crate::support::Backend::Postgres, &settings()));
                }
            }
        }
    };
}

/// A running site. Ends with the test, and takes its database along.
pub struct Site {
    pub backend: Backend,
    pub config: Config,
    pub database_url: String,
    figment: Figment,
    server: Mutex<Option<Server>>,
    conn: Mutex<Option<Conn>>,
    folder: tempfile::TempDir,
}

struct Server {
    port: u16,
    shutdown: rocket::Shutdown,
    task: JoinHandle<()>,
}

/// What a site is like unless a test says otherwise: nobody is throttled.
const SETTINGS: &str = r#"
address = "127.0.0.1"
port = 0
site_name = "Test square"
site_url = "http://127.0.0.1"
site.access = "public"
database.pool_size = 10
accounts = { registration = "open", session_days = 14 }
lobby = { enabled = true }
proxy = { trusted = [], header = "X-Forwarded-For" }
per_page = { developers = 12, projects = 12 }
throttle = { login = "off", code = "off", register = "off", post = "off", reset = "off", contact = "off", upload = "off", away = "off" }
mail = { from = "square@example.org" }
media = { backend = "local", max_bytes = 5242880, max_pixels = 24000000 }
log = { format = "pretty" }
connections = { head_seconds = 10, stall_seconds = 30, idle_seconds = 60 }
shutdown = { drain_seconds = 0 }
"#;

impl Site {
    /// A site that has a superuser, `boss`, and nothing else.
    pub fn start(backend: Backend, settings: &[(&str, String)]) -> Self {
        let site = Self::bare(backend, settings);
        site.db(|conn| {
            let boss = NewUser { is_superuser: true, ..new_user("boss") };
            let boss = User::create(conn, &boss).expect("the first user name is free");
            profile::make(conn, boss.id).expect("he gets his profile");
        });
        site.launch();
        site
    }

    /// A site as it is before anybody has set it up; not serving yet.
    pub fn bare(backend: Backend, settings: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let database_url = databases::migrated(backend, folder.path());
        let mut figment = Figment::from(Toml::string(SETTINGS))
            .merge(("data_dir", folder.path()))
            .merge(("mail.file_dir", folder.path().join("mail")))
            .merge(("media.root", folder.path().join("media")))
            .merge(("database.url", &database_url));
        for (key, value) in settings {
            let value: rocket::figment::value::Value = value.parse().expect("a value");
            figment = figment.merge((*key, value));
        }
        let mut config: Config = figment.extract().expect("the settings are good");
        config.profile = "debug".into();
        config.site_name_is_set = settings.iter().any(|(key, _)| *key == "site_name");
        config.site.access_is_set = settings.iter().any(|(key, _)| *key == "site.access");
        // The limits and habits that the program ships with.
        let shipped = Toml::string(include_str!("../../../Rocket.toml")).nested();
        let figment = Figment::from(rocket::Config::default())
            .merge(shipped)
            .select("debug")
            .merge(("port", 0))
            .merge(("address", "127.0.0.1"))
            .merge(("log_level", "off"))
            .merge(("shutdown.ctrlc", false))
            .merge(("shutdown.grace", 1))
            .merge(("shutdown.mercy", 1));
        let (server, conn) = (Mutex::default(), Mutex::default());
        Self { backend, config, database_url, figment, server, conn, folder }
    }

    /// The server, built but not launched.
    pub fn built(&self) -> rocket::Rocket<rocket::Build> {
        let secret = secret_key(&self.config).expect("a secret key");
        chaupal::server::build(&self.config, self.figment.clone(), &secret).expect("the server can be built")
    }

    /// What stands before and after the middle part of the names of this site's cookies.
    pub fn cookie_names(&self) -> [String; 2] {
        let secret = secret_key(&self.config).expect("a secret key");
        let name = CookieNames::new(&secret, &self.config).full(Cookie::Session);
        let (before, after) = name.split_once("session").expect("the middle part");
        [before.to_owned(), after.to_owned()]
    }

    pub fn launch(&self) {
        // Faults of the server show beside the test that met them.
        chaupal::kit::logging::init(-1);
        let (ready, started) = mpsc::channel();
        let rocket = self.built().attach(AdHoc::on_liftoff("ready", move |rocket| {
            let _ = ready.send((rocket.config().port, rocket.shutdown()));
            Box::pin(async {})
        }));
        let task = runtime().spawn(async move {
            if let Err(error) = rocket.launch().await {
                eprintln!("the server ended: {error}");
            }
        });
        let (port, shutdown) = started.recv_timeout(Duration::from_secs(30)).expect("the server starts");
        *self.server() = Some(Server { port, shutdown, task });
    }

    /// Another server on the same database, as a second process would be; ends when dropped.
    pub fn twin(&self) -> Twin {
        let (ready, started) = mpsc::channel();
        let rocket = self.built().attach(AdHoc::on_liftoff("ready", move |rocket| {
            let _ = ready.send(rocket.shutdown());
            Box::pin(async {})
        }));
        runtime().spawn(async move {
            if let Err(error) = rocket.launch().await {
                eprintln!("the twin ended: {error}");
            }
        });
        Twin(started.recv_timeout(Duration::from_secs(30)).expect("the twin starts"))
    }

    /// Ends the server and starts another on the same database.
    pub fn restart(&self) {
        if let Some(server) = self.server().take() {
            server.shutdown.notify();
            let _ = runtime().block_on(server.task);
        }
        self.launch();
    }

    fn server(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn port(&self) -> u16 {
        self.server().as_ref().expect("the site is launched").port
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Straight to the database.
    pub fn db<T>(&self, work: impl FnOnce(&mut Conn) -> T) -> T {
        let mut conn = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        work(conn.get_or_insert_with(|| databases::connect(&self.database_url)))
    }

    /// Another connection to the database.
    pub fn connect(&self) -> Conn {
        databases::connect(&self.database_url)
    }

    /// How many rows each of these tables has.
    pub fn rows(&self, tables: &[&str]) -> Vec<i64> {
        tables.iter().map(|table| self.number(&format!("SELECT count(*) FROM {table}"))).collect()
    }

    /// A number that a statement gives.
    pub fn number(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            n: i64,
        }
        let sql = format!("SELECT CAST(({sql}) AS BIGINT) AS n");
        self.db(|conn| diesel::sql_query(&sql).get_result::<Row>(conn))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .n
    }

    /// A text that a statement gives.
    pub fn text(&self, sql: &str) -> String {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Text)]
            t: String,
        }
        let sql = format!("SELECT CAST(({sql}) AS TEXT) AS t");
        self.db(|conn| diesel::sql_query(&sql).get_result::<Row>(conn))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .t
    }

    /// A statement that changes something.
    pub fn sql(&self, sql: &str) -> usize {
        self.db(|conn| diesel::sql_query(sql).execute(conn)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Somebody without an account.
    pub fn anonymous(&self) -> Person<'_> {
        Person::new(self, 0, "")
    }

    /// A member of this name, logged in; made when there is none.
    pub fn person(&self, username: &str) -> Person<'_> {
        let (id, token) = self.db(|conn| {
            let known = User::by_login(conn, username).expect("people can be looked up");
            let user = known.unwrap_or_else(|| User::create(conn, &new_user(username)).expect("the name is free"));
            profile::make(conn, user.id).expect("he gets his profile");
            (user.id, Session::begin(conn, user.id, 14, "", "").expect("a session begins"))
        });
        let person = Person::new(self, id, username);
        person.jar.set("session", &token);
        person
    }

    pub fn staff(&self, username: &str) -> Person<'_> {
        let person = self.person(username);
        self.db(|conn| diesel::update(users::table.find(person.id)).set(users::is_staff.eq(true)).execute(conn))
            .expect("he becomes staff");
        person
    }

    pub fn superuser(&self) -> Person<'_> {
        self.person("boss")
    }

    /// Somebody who was logged in when he was disabled.
    pub fn disabled(&self, username: &str) -> Person<'_> {
        let person = self.person(username);
        self.disable(person.id);
        person
    }

    pub fn disable(&self, id: i64) {
        self.db(|conn| diesel::update(users::table.find(id)).set(users::is_active.eq(false)).execute(conn))
            .expect("he is disabled");
    }

    /// Deletes a person as the command does.
    pub fn delete(&self, id: i64) {
        let signals = chaupal::server::receivers(&Outbox::default()).build();
        self.db(|conn| {
            db::transaction(conn, |conn| {
                signals.send(conn, &UserLeaving { user_id: id })?;
                diesel::delete(users::table.find(id)).execute(conn)
            })
        })
        .unwrap_or_else(|error: diesel::result::Error| panic!("he cannot be deleted: {error}"));
    }

    /// A room, opened without a form.
    pub fn room(&self, host: &Person<'_>, name: &str, topic: &str) -> i64 {
        let values = room::RoomValues { name: name.into(), topic: topic.into(), description: String::new() };
        self.db(|conn| db::transaction(conn, |conn| room::open(conn, host.id, &values))).expect("a room is opened")
    }

    /// A project, shown without a form.
    pub fn project(&self, owner: &Person<'_>, title: &str, tags: &[&str]) -> i64 {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let values = ProjectValues { title: title.into(), tags, ..ProjectValues::default() };
        self.db(|conn| db::transaction(conn, |conn| project::create(conn, owner.id, &values)))
            .expect("a project is shown")
    }

    /// A vote about a project, given without a form.
    pub fn vote(&self, project: i64, voter: &Person<'_>, vote: Vote) {
        self.db(|conn| db::transaction(conn, |conn| review::write(conn, project, voter.id, vote, "")))
            .unwrap_or_else(|error: ReviewError| panic!("no vote is given: {error:?}"));
    }

    /// A chat room of this name, entered without a form; its number.
    pub fn chat_room(&self, name: &str) -> i64 {
        self.db(|conn| {
            db::transaction(conn, |conn| {
                let url = lobby::enter(conn, name, &lobby::Speaker::Guest("passer-by".into()))?;
                Ok(lobby::find(conn, url.trim_start_matches("/chat/"))?.id)
            })
        })
        .unwrap_or_else(|error: lobby::LobbyError| panic!("no chat room {name:?}: {error:?}"))
    }

    /// A guest's message, posted without a form.
    pub fn guest_message(&self, room: i64, name: &str, body: &str) -> i64 {
        let guest = lobby::Speaker::Guest(name.into());
        self.db(|conn| db::transaction(conn, |conn| lobby::post(conn, room, &guest, body, None)))
            .map(|(message, _)| message.id)
            .unwrap_or_else(|error: lobby::LobbyError| panic!("nothing is posted: {error:?}"))
    }

    /// A message, posted without a form.
    pub fn message(&self, room: i64, author: &Person<'_>, body: &str) -> i64 {
        self.db(|conn| {
            db::transaction(conn, |conn| {
                let person = models::Person {
                    id: author.id,
                    username: author.username.clone(),
                    name: String::new(),
                    picture: None,
                };
                message::post(conn, room, &person, false, body, None).map(|(message, _)| message.id)
            })
        })
        .unwrap_or_else(|error: message::PostError| panic!("nothing is posted: {error:?}"))
    }
}

/// See [`Site::twin`].
pub struct Twin(rocket::Shutdown);

impl Drop for Twin {
    fn drop(&mut self) {
        self.0.clone().notify();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = self.server().take() {
            server.shutdown.notify();
        }
        *self.conn.lock().unwrap_or_else(PoisonError::into_inner) = None;
        databases::drop_database(&self.database_url);
    }
}

fn new_user(username: &str) -> NewUser {
    NewUser {
        username: username.into(),
        email: format!("{}@example.org", username.to_lowercase()),
        name: String::new(),
        password: password_hash().into(),
        is_superuser: false,
        email_confirmed: false,
    }
}

/// The bucket of the tests' S3 server, and in it a folder of its own; none in the short run.
pub fn s3() -> Option<MediaS3> {
    if is_quick() {
        return None;
    }
    let endpoint = std::env::var("CHAUPAL_TEST_S3").unwrap_or_else(|_| {
        panic!(
            "CHAUPAL_TEST_S3 is not set: let it hold the address of an S3 server such as tests/s3.sh starts; \
             CHAUPAL_TEST_QUICK=1 leaves it out"
        )
    });
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = format!("it-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    Some(MediaS3 {
        bucket: "chaupal".into(),
        access_key: "chaupal-key".into(),
        secret_key: Some(Secret::from("chaupal-secret")),
        endpoint: Some(endpoint),
        prefix: folder,
        ..MediaS3::default()
    })
}

/// The hash of [`PASSWORD`]; hashing is slow on purpose, so it is done once.
pub fn password_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| passwords::hash(PASSWORD).expect("a hash"))
}

/// All servers of the test process run on it.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("threads can be started"))
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue::embedded().expect("the catalogue is good"))
}

/// What the English catalogue says.
pub fn words(key: &'static str) -> String {
    says(Text::new(key))
}

/// What the English catalogue says, with arguments.
pub fn says(text: Text) -> String {
    let words = catalogue().t("en", &text);
    assert_ne!(words, text.key, "the catalogue has no {words}");
    words
}

/// All files under a folder whose names end so, in order.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
