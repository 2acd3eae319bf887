//! `serve`: migrate, then serve.
//!
//! Django: `runserver`, and `gunicorn` behind it

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use rocket::error::ErrorKind;
use rocket::fairing::AdHoc;
use rocket::figment::value::Value;
use rocket::{Build, Rocket};

use super::stop::{Signals, stop, wait_for_connections};
use super::{Context, demo, migrate};
use crate::accounts::models::User;
use crate::accounts::setup::{self, SetupKey};
use crate::kit::config::{close_data_dir, make_data_dir, secret_key};
use crate::kit::connections::Connections;
use crate::kit::db::read_each_table;
use crate::kit::stopping::Stopping;
use crate::kit::{logging, system};
use crate::server;

/// Where to listen, and what with.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Address, port or both, e.g. 0.0.0.0:5000, :9000 or 9000
    #[arg(value_name = "ADDR:PORT", value_parser = split)]
    listen: Option<Listen>,
    /// Fill an empty database with demo content first
    #[arg(long)]
    demo: bool,
    /// Options of Django's that have nothing to say here
    #[arg(long = "noreload", aliases = ["nothreading", "nostatic", "insecure"], hide = true)]
    _of_django: bool,
}

/// Address and port, each as far as it was given.
type Listen = (Option<IpAddr>, Option<u16>);

impl Args {
    /// The settings that the argument stands for.
    pub fn overrides(&self) -> Vec<(String, Value)> {
        let (address, port) = self.listen.unwrap_or_default();
        let mut overrides = Vec::new();
        if let Some(address) = address {
            overrides.push(("address".to_owned(), Value::from(address.to_string())));
        }
        if let Some(port) = port {
            overrides.push(("port".to_owned(), Value::from(port)));
        }
        overrides
    }
}

/// `0.0.0.0:5000`, `0:5000`, `[::]:5000`, `:9000`, `9000`, `127.0.0.1`, `localhost:8000`
fn split(listen: &str) -> Result<Listen, &'static str> {
    const WANTED: &str = "write ADDRESS:PORT, such as 0.0.0.0:5000, or :9000";
    let address = |text: &str| match text {
        "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
        // As in `runserver 0:8000`.
        "0" => Some(IpAddr::from([0, 0, 0, 0])),
        _ => text.trim_start_matches('[').trim_end_matches(']').parse().ok(),
    };
    if let Ok(port) = listen.parse::<u16>() {
        return Ok((None, Some(port)));
    }
    if let Some(whole) = address(listen) {
        return Ok((Some(whole), None));
    }
    let (host, port) = listen.rsplit_once(':').ok_or(WANTED)?;
    let port = Some(port.parse().map_err(|_| WANTED)?);
    if host.is_empty() { Ok((None, port)) } else { Ok((Some(address(host).ok_or(WANTED)?), port)) }
}

/// Runs until it is told to stop.
///
/// # Errors
/// One line: the setting, folder, database or port that cannot be used.
pub fn run(args: Args, context: &Context) -> Result<(), String> {
    system::give_memory_back();
    let config = &context.loaded.config;
    make_data_dir(config).map_err(|e| e.to_string())?;
    let secret = secret_key(config).map_err(|e| e.to_string())?;
    let _in_use = mark_in_use(&config.data_dir)?;
    close_data_dir(config);
    let mut conn = context.connect()?;
    super::check::refuse_old_sqlite(&mut conn)?;
    read_each_table(&mut conn).map_err(|e| e.to_string())?;
    migrate::to_newest(context, &mut conn)?;
    if args.demo {
        demo::fill_if_empty(context, &mut conn)?;
    }
    let has_superuser = User::superuser_exists(&mut conn).map_err(|e| e.to_string())?;
    drop(conn);

    system::raise_descriptor_limit();
    // Signals are ours: before it stops, a server says for a while that it is not ready.
    let figment = context.loaded.figment.clone().merge(("shutdown.ctrlc", false)).merge(("shutdown.signals", [""; 0]));
    let rocket = server::build(config, figment, &secret)?;
    let setup_path = (!has_superuser).then(|| setup::link(&SetupKey(secret.derive("setup"))));
    // An address of this machine's own is better than one that nobody can open.
    let site_url = context.loaded.is_set("site_url").then(|| config.site_url.clone());
    launch(rocket.attach(greeting(context.verbosity, setup_path, site_url)).attach(wait_for_connections()), context)
}

/// Held while serving: commands that destroy data refuse then.
pub fn mark_in_use(data_dir: &Path) -> Result<File, String> {
    let path = data_dir.join("serve.lock");
    let file = File::create(&path).map_err(|e| server::cannot_write(&path, &e))?;
    file.lock_shared().map_err(|e| server::cannot_write(&path, &e))?;
    Ok(file)
}

/// Whether a server uses this data folder just now.
pub fn is_in_use(data_dir: &Path) -> bool {
    let Ok(file) = File::open(data_dir.join("serve.lock")) else { return false };
    file.try_lock().is_err()
}

fn greeting(verbosity: i8, setup_path: Option<String>, site_url: Option<String>) -> AdHoc {
    AdHoc::on_liftoff("greeting", move |rocket| {
        Box::pin(async move {
            let config = rocket.config();
            let scheme = if config.tls_enabled() { "https" } else { "http" };
            let address = format!("{scheme}://{}", SocketAddr::new(reachable(config.address), config.port));
            if logging::is_json() {
                log::info!("Chaupal serves at {address}");
            } else if verbosity >= 0 {
                out!("Chaupal serves at {address} (stop with Ctrl-C)");
            }
            if let Some(path) = setup_path {
                let link = format!("{}{path}", site_url.as_ref().unwrap_or(&address));
                // The one secret that the log may hold: it works once, for half an hour.
                let invitation = "This site has nobody to run it yet. Open this link within 30 minutes to set it up:";
                if logging::is_json() {
                    log::warn!("{invitation} {link}");
                } else {
                    eprintln!("{invitation}\n  {link}");
                }
            }
            if let Some(connections) = rocket.state::<Connections>() {
                connections.watch(config.port);
            }
            system::prepare_listener(config.port);
            system::tell_ready();
            tokio::spawn(system::feed_watchdog());
        })
    })
}

/// Returns the address by which other machines reach a server that listens on all of its machine's, as far as it is known.
fn reachable(address: IpAddr) -> IpAddr {
    if !address.is_unspecified() {
        return address;
    }
    // Addresses for documentation: nothing is sent, the system only chooses the way.
    let own = |from: &str, to: &str| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let by_v4 = own("0.0.0.0:0", "192.0.2.1:9");
    let by_v6 = || own("[::]:0", "[2001:db8::1]:9").filter(|_| address.is_ipv6());
    let loopback = if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    by_v4.or_else(by_v6).unwrap_or(loopback)
}

fn launch(rocket: Rocket<Build>, context: &Context) -> Result<(), String> {
    let config = &context.loaded.config;
    let settings = rocket::Config::try_from(&context.loaded.figment).map_err(|e| e.to_string())?;
    let metrics = server::metrics_server(config, &rocket);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("rocket-worker-thread")
        .worker_threads(settings.workers)
        .max_blocking_threads(settings.max_blocking)
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start threads: {e}"))?;
    let ended = runtime.block_on(async {
        let signals = Signals::listen(&settings.shutdown).map_err(|e| format!("cannot listen for signals: {e}"))?;
        if let Some(fault) = super::check::tls_faults(&settings).pop() {
            return Err(fault);
        }
        let rocket = rocket.ignite().await.map_err(|error| reason(&error, &settings))?;
        let (shutdown, stopping) = (rocket.shutdown(), rocket.state::<Stopping>().cloned().unwrap_or_default());
        tokio::spawn(stop(signals, stopping, shutdown, Duration::from_secs(config.shutdown.drain_seconds)));
        tokio::select! {
            launched = rocket.launch() => launched.map(drop).or_else(|error| match error.kind() {
                // Streams that a reader holds open end with the process.
                ErrorKind::Shutdown(..) => Ok(()),
                _ => Err(reason(&error, &settings)),
            }),
            failure = serve_metrics(metrics) => Err(failure),
        }
    });
    // A hash that is being computed must not hold up the end.
    runtime.shutdown_timeout(Duration::from_millis(500));
    ended
}

/// Serves the operator's figures for as long as the main server runs; returns only when it cannot.
async fn serve_metrics(metrics: Option<Rocket<Build>>) -> String {
    let Some(metrics) = metrics else { return std::future::pending().await };
    match metrics.launch().await {
        Ok(_) => std::future::pending().await,
        Err(error) => match error.kind() {
            ErrorKind::Bind(why) => format!("cannot serve metrics: {why}; set metrics.address to a free address"),
            _ => format!("cannot serve metrics: {error}"),
        },
    }
}

/// Why the server could not start, in one line.
fn reason(error: &rocket::Error, settings: &rocket::Config) -> String {
    let address = SocketAddr::new(settings.address, settings.port);
    let next = settings.port.wrapping_add(1);
    match error.kind() {
        // Certificate and key are read as the port is opened.
        ErrorKind::Bind(why) if why.to_string().starts_with("bad TLS") => {
            format!("cannot use tls.certs and tls.key: {why}; check that the key belongs to the first certificate")
        }
        ErrorKind::Bind(why) => {
            let advice = match why.kind() {
                io::ErrorKind::PermissionDenied => "choose a port above 1023 or grant CAP_NET_BIND_SERVICE".to_owned(),
                io::ErrorKind::AddrNotAvailable => {
                    "this machine has no such address: set address to one of its own, or to 0.0.0.0".to_owned()
                }
                io::ErrorKind::AddrInUse => {
                    format!("stop what uses the port, or choose another: chaupal serve :{next}")
                }
                _ => "check address and port".to_owned(),
            };
            format!("cannot listen on {address}: {why}; {advice}")
        }
        ErrorKind::FailedFairings(_) => "the server could not start; the lines above say why".into(),
        _ => format!("the server could not start: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_in_django() {
        let all = Some(IpAddr::from([0, 0, 0, 0]));
        assert_eq!(split("0.0.0.0:5000"), Ok((all, Some(5000))));
        assert_eq!(split("0:8000"), Ok((all, Some(8000))));
        assert_eq!(split("0.0.0.0"), Ok((all, None)));
        assert_eq!(split(":9000"), Ok((None, Some(9000))));
        assert_eq!(split("9000"), Ok((None, Some(9000))));
        assert_eq!(split("[::1]:80"), Ok(("::1".parse().ok(), Some(80))));
        assert_eq!(split("::1"), Ok(("::1".parse().ok(), None)));
        assert_eq!(split("localhost:80"), Ok((Some(IpAddr::from([127, 0, 0, 1])), Some(80))));
        for wrong in ["", "example.org:80", ":99999", "a:b", "1.2.3.4:"] {
            assert!(split(wrong).is_err(), "{wrong:?}");
        }
    }
}
