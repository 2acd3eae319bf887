//! The server: what it holds, and whether it is well.
//!
//! Django: `wsgi.py` and what stands around it

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::http::Status;
use rocket::serde::json::Json;
use rocket::shield::Shield;
use rocket::{Build, Rocket, Route, State, get, routes};

use crate::accounts::guards::{MembersOnly, StaffNeedsCode};
use crate::accounts::passwords::Hasher;
use crate::accounts::setup::SetupKey;
use crate::accounts::signals::{PasswordChanged, ProfileSaved, UserLeft};
use crate::accounts::site::Site;
use crate::accounts::site_check::{CheckKey, SeenRequest};
use crate::accounts::tokens::LinkKey;
use crate::background::{self, newest_entry};
use crate::kit::body::BodyTimeout;
use crate::kit::clock::{ClockWatch, Moment};
use crate::kit::config::{Config, MediaBackend, SecretKey};
use crate::kit::connections::Connections;
use crate::kit::cookies::CookieNames;
use crate::kit::csrf::CsrfKey;
use crate::kit::db::{Db, Target};
use crate::kit::fragments::Fragments;
use crate::kit::headers::{SecurityHeaders, SingleHost};
use crate::kit::i18n::Catalogue;
use crate::kit::live::Hub;
use crate::kit::logging::RequestLog;
use crate::kit::mail::Mailer;
use crate::kit::metrics::{self, Metrics, Reading};
use crate::kit::multipart::FileRules;
use crate::kit::origin::SiteUrl;
use crate::kit::outbox::{Desk, Kinds, Outbox, Postman};
use crate::kit::paths::TrailingSlash;
use crate::kit::pictures::{Limits, Pictures};
use crate::kit::readiness::Readiness;
use crate::kit::signals::SignalsBuilder;
use crate::kit::stopping::Stopping;
use crate::kit::storage;
use crate::kit::templates::{self, Pages};
use crate::kit::throttle::Throttle;
use crate::lobby::guests::GuestKey;
use crate::search::models::plenty::Plenty;
use crate::{accounts, inbox, profiles, projects, rooms, urls};

/// Builds the server; the database must have been migrated.
///
/// # Errors
/// One line: the folder, address or catalogue that cannot be used.
pub fn build(config: &Config, figment: Figment, secret: &SecretKey) -> Result<Rocket<Build>, String> {
    let catalogue = Arc::new(Catalogue::embedded().map_err(|e| e.to_string())?);
    let db = Db::new(Target::parse(&config.database.url)?, config.database.pool_size);
    let overrides = templates::override_dir(&config.data_dir);
    std::fs::create_dir_all(&overrides).map_err(|e| cannot_write(&overrides, &e))?;

    let uploads = config.data_dir.join("uploads");
    std::fs::create_dir_all(&uploads).map_err(|e| cannot_write(&uploads, &e))?;
    let storage = storage::open(&config.media)?;
    let readiness = readiness(config, &db, &uploads, &storage);
    let pictures = Pictures::new(storage, Limits { pixels: config.media.max_pixels })?;

    let mailer = Mailer::new(config)?;
    let outbox = Outbox::new(mailer.is_some());
    let connections = Connections::new(config);
    let (hub, stopping) = (Hub::default(), Stopping::default());
    let clock = Arc::new(ClockWatch::new(Moment::now()));
    let metrics = config.metrics.address.map(|_| Metrics::new(readings(db.clone(), hub.clone(), outbox.clone())));
    let pages = Pages::default();
    let link_key = LinkKey(secret.derive("links"));
    let site = Site::new(config.clone());
    let mut signals = receivers(&outbox);
    let streams = hub.clone();
    signals.connect_after(move |event: &PasswordChanged| streams.cut(event.user_id));
    // His windows come back at once, and he is present under the new name.
    let streams = hub.clone();
    signals.connect_after(move |event: &ProfileSaved| streams.cut(event.user_id));
    let streams = hub.clone();
    signals.connect_after(move |event: &UserLeft| streams.cut(event.user_id));
    let figment = figment.merge(("template_dir", templates::watched_dir(&config.data_dir)));
    let rocket = rocket::custom(figment)
        .manage(site.clone())
        .manage(link_key)
        .manage(outbox.clone())
        .manage(SetupKey(secret.derive("setup")))
        .manage(CsrfKey(secret.derive("csrf")))
        .manage(GuestKey(secret.derive("guest")))
        .manage(CookieNames::new(secret, config))
        .manage(CheckKey(secret.derive("check")))
        .manage(SiteUrl(config.site_url.clone()))
        .manage(Arc::new(Throttle::new(&config.throttle)))
        .manage(Hasher::new())
        .manage(signals.build())
        .manage(hub)
        .manage(stopping.clone())
        .attach(stopping)
        .manage(Arc::clone(&catalogue))
        .manage(pages.clone())
        .manage(Fragments::new(pages.clone()))
        .manage(db.clone())
        .manage(pictures)
        .manage(Arc::new(readiness))
        .manage(Arc::clone(&clock))
        .manage(Arc::new(Plenty::default()))
        .manage(BodyTimeout(config.connections.stall()))
        .manage(FileRules { max_bytes: config.media.max_bytes, folder: uploads })
        // First: a request that waits in another fairing has arrived.
        .attach(connections.clone())
        .manage(connections)
        .attach(RequestLog)
        .attach(TrailingSlash)
        .attach(MembersOnly)
        .attach(SingleHost)
        // An empty one in place of the one that Rocket attaches by itself: SecurityHeaders has what it would send.
        .attach(Shield::new())
        .attach(SecurityHeaders {
            https: config.is_https(),
            pictures_from: config.media.foreign_origin(),
            count_statements: config.is_debug(),
        })
        .attach(templates::fairing(
            Arc::clone(&catalogue),
            config.data_dir.clone(),
            config.media.clone(),
            pages.clone(),
        ))
        .attach(AdHoc::try_on_ignite("first look at the site", |rocket| Box::pin(look(rocket))))
        .attach(AdHoc::on_liftoff("background work", |rocket| Box::pin(async move { background::start(rocket) })));
    let rocket = if config.accounts.staff_needs_code() { rocket.attach(StaffNeedsCode) } else { rocket };
    let rocket = match mailer {
        Some(mailer) => {
            let desk = desk(config, site.clone(), catalogue, pages, link_key.0);
            let [begin, end] = postman(Postman::new(outbox, db, mailer, desk, letters(), clock));
            rocket.attach(begin).attach(end)
        }
        None => rocket,
    };
    let rocket = match metrics {
        Some(metrics) => rocket.manage(metrics.clone()).attach(metrics),
        None => rocket,
    };
    let rocket = urls::mount(rocket);
    site.reserve(rocket.routes().map(|route| route.uri.path()));
    Ok(rocket)
}

/// What `/readyz` looks at besides the database.
fn readiness(config: &Config, db: &Db, uploads: &Path, storage: &Arc<dyn storage::Storage>) -> Readiness {
    let mut folders = vec![uploads.to_owned()];
    folders.extend(
        db.target().file().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_owned),
    );
    let bucket = match config.media.backend {
        MediaBackend::Local => {
            folders.push(config.media.root.clone());
            None
        }
        MediaBackend::S3 => Some(Arc::clone(storage)),
    };
    Readiness::new(folders, bucket)
}

/// What the apps do when something happens, as far as it stays in the database or goes into the outbox.
pub fn receivers(outbox: &Outbox) -> SignalsBuilder {
    let mut signals = SignalsBuilder::default();
    accounts::signals::connect(&mut signals, outbox);
    // Before those that lock a user: all transactions lock rooms before users, and users before projects.
    rooms::signals::connect(&mut signals);
    profiles::signals::connect(&mut signals);
    projects::signals::connect(&mut signals);
    inbox::signals::connect(&mut signals);
    signals
}

/// Every kind of letter that this site writes.
pub fn letters() -> Kinds {
    let mut kinds = Kinds::default();
    accounts::mails::register(&mut kinds);
    kinds
}

/// What letters are written with.
pub fn desk(config: &Config, site: Site, catalogue: Arc<Catalogue>, pages: Pages, link_key: [u8; 32]) -> Desk {
    let site_name = Box::new(move || site.facts().name.clone());
    Desk { pages, catalogue, site_url: config.site_url.clone(), link_key, site_name }
}

/// Sends letters while the server runs. At its end the letter that is under way still goes, so that it does not go twice.
fn postman(postman: Postman) -> [AdHoc; 2] {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let begin = AdHoc::on_liftoff("postman", move |rocket| {
        Box::pin(async move {
            let work = postman.work(rocket.shutdown());
            rocket::tokio::spawn(async move {
                work.await;
                let _ = sender.send(());
            });
        })
    });
    let end = AdHoc::on_shutdown("the last letter", move |rocket| {
        Box::pin(async move {
            let grace = Duration::from_secs(rocket.config().shutdown.grace.into());
            if tokio::time::timeout(grace, receiver).await.is_err() {
                log::warn!("a letter was still under way when the server ended; it will be tried again");
            }
        })
    });
    [begin, end]
}

/// The operator's own server, which tells the figures of `main`; none unless it was asked for.
pub fn metrics_server(config: &Config, main: &Rocket<Build>) -> Option<Rocket<Build>> {
    let (address, metrics) = (config.metrics.address?, main.state::<Metrics>()?);
    let figment =
        Figment::from(rocket::Config { log_level: rocket::config::LogLevel::Off, ..rocket::Config::default() })
            .merge(("address", address.ip()))
            .merge(("port", address.port()))
            .merge(("ident", false))
            .merge(("shutdown.ctrlc", false))
            .merge(("shutdown.signals", [""; 0]))
            .merge(("shutdown.grace", 1))
            .merge(("shutdown.mercy", 1));
    Some(rocket::custom(figment).manage(metrics.clone()).mount("/", metrics::routes()))
}

/// What the parts of the server tell of themselves.
#[allow(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
fn readings(db: Db, hub: Hub, outbox: Outbox) -> impl Fn() -> Vec<Reading> + Send + Sync + 'static {
    move || {
        let (stats, census) = (db.stats(), hub.census());
        vec![
            Reading::Counter("chaupal_db_reads", "Times that somebody read from the database", stats.reads() as f64),
            Reading::Counter("chaupal_db_writes", "Times that somebody wrote to it", stats.writes() as f64),
            Reading::Counter("chaupal_db_commits", "Transactions that these writes took", stats.commits() as f64),
            Reading::Gauge("chaupal_db_write_failing", "1 when the last write failed", f64::from(stats.is_failing())),
            Reading::Counter("chaupal_mail_sent", "Letters sent", outbox.sent() as f64),
            Reading::Counter(
                "chaupal_mail_failures",
                "Times that a letter could not be sent",
                outbox.failures() as f64,
            ),
            Reading::Gauge("chaupal_live_streams", "Open live streams", census.streams as f64),
            Reading::Gauge("chaupal_live_rooms", "Rooms that somebody listens to", census.channels as f64),
            Reading::Gauge("chaupal_live_people", "People who are present somewhere", census.people as f64),
        ]
    }
}

/// The one sentence for a folder that does not take our files.
pub fn cannot_write(path: &Path, error: &std::io::Error) -> String {
    format!("cannot write to {}: {error}; make the folder writable or set data_dir to another one", path.display())
}

/// A server that does not know who may read must not serve.
async fn look(rocket: Rocket<Build>) -> rocket::fairing::Result {
    let looked = match (rocket.state::<Site>(), rocket.state::<Db>(), rocket.state::<Arc<ClockWatch>>()) {
        (Some(site), Some(db), Some(clock)) => match site.refresh(db).await {
            // Before anything is served, since each visit is a newer entry.
            Ok(()) => db.read(|conn| Ok(newest_entry(conn)?)).await.map(|newest| {
                newest.into_iter().for_each(|newest| clock.compare(Moment::now(), newest));
            }),
            failed => failed,
        }
        .map_err(|error| format!("{error:?}")),
        _ => Err("no site, no database or no clock is managed".into()),
    };
    match looked {
        Ok(()) => Ok(rocket),
        Err(error) => {
            log::error!("the database cannot be read: {error}");
            Err(rocket)
        }
    }
}

/// `/healthz` and `/readyz`.
pub fn routes() -> Vec<Route> {
    routes![healthz_seen, healthz, readyz]
}

/// The process lives, and tells `check --url` how the request arrived.
#[get("/healthz", rank = 1)]
fn healthz_seen(seen: SeenRequest) -> Json<SeenRequest> {
    Json(seen)
}

/// The process lives.
#[get("/healthz", rank = 2)]
fn healthz() -> &'static str {
    "ok\n"
}

/// The process can serve: it was not told to stop, and [`Readiness`] finds no fault.
#[get("/readyz")]
async fn readyz(db: &State<Db>, stopping: &State<Stopping>, readiness: &State<Arc<Readiness>>) -> (Status, String) {
    if stopping.has_begun() {
        return (Status::ServiceUnavailable, "the server is stopping\n".into());
    }
    match readiness.check(db).await {
        Ok(()) => (Status::Ok, "ready\n".into()),
        Err(fault) => (Status::ServiceUnavailable, format!("{}\n", fault.line)),
    }
}
