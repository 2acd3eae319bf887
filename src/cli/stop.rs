//! How a served site ends: by a signal, and in order.

use std::time::Duration;

use rocket::Shutdown;
use rocket::config::Sig;
use rocket::fairing::AdHoc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::kit::stopping::Stopping;
use crate::kit::system;

/// The signals that stop the server, in the order in which they come.
pub struct Signals(mpsc::Receiver<SignalKind>);

impl Signals {
    /// Those that Rocket's settings name; Rocket itself is told to leave them alone.
    ///
    /// # Errors
    /// A signal that the system does not let a program hear.
    pub fn listen(settings: &rocket::config::Shutdown) -> std::io::Result<Self> {
        let interrupt = settings.ctrlc.then(SignalKind::interrupt);
        let others = settings.signals.iter().map(|signal| kind(*signal));
        let (sender, receiver) = mpsc::channel(4);
        for kind in others.chain(interrupt) {
            let (mut stream, sender) = (signal(kind)?, sender.clone());
            tokio::spawn(async move { while stream.recv().await.is_some() && sender.send(kind).await.is_ok() {} });
        }
        Ok(Self(receiver))
    }

    /// Pending for ever when there are none.
    async fn next(&mut self) -> SignalKind {
        match self.0.recv().await {
            Some(kind) => kind,
            None => std::future::pending().await,
        }
    }
}

/// So long after the last connection was taken its request may still come.
const LAST_REQUESTS: Duration = Duration::from_millis(200);

/// Waits for a signal and ends the server in order. Ctrl-C does not wait for load balancers, nor does
/// a second signal; a third ends the process at once.
pub async fn stop(mut signals: Signals, stopping: Stopping, shutdown: Shutdown, drain: Duration) {
    let first = signals.next().await;
    stopping.begin();
    system::tell_stopping();
    if first != SignalKind::interrupt() && !drain.is_zero() {
        log::info!("told to stop: serving for {} seconds more, but not ready any more", drain.as_secs());
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            _ = signals.next() => {}
        }
    }
    log::info!("stopping: answers under way are finished");
    system::stop_listening();
    // Who was let in a moment ago gets his answer.
    tokio::time::sleep(LAST_REQUESTS).await;
    shutdown.notify();
    signals.next().await;
    std::process::exit(1);
}

/// Waits, while the server ends, until every connection is closed. Rocket itself looks once, and if one
/// is open then, waits for all of `shutdown.grace`; with this it ends as soon as it can.
pub fn wait_for_connections() -> AdHoc {
    AdHoc::on_shutdown("open connections", |rocket| {
        Box::pin(async move {
            let config = rocket.config();
            let patience = tokio::time::Instant::now() + Duration::from_secs(config.shutdown.grace.into());
            while system::connections(config.port) > 0 && tokio::time::Instant::now() < patience {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // The connection is closed a moment before the task behind it ends.
            tokio::time::sleep(Duration::from_millis(50)).await;
        })
    })
}

fn kind(signal: Sig) -> SignalKind {
    match signal {
        Sig::Alrm => SignalKind::alarm(),
        Sig::Chld => SignalKind::child(),
        Sig::Hup => SignalKind::hangup(),
        Sig::Int => SignalKind::interrupt(),
        Sig::Io => SignalKind::io(),
        Sig::Pipe => SignalKind::pipe(),
        Sig::Quit => SignalKind::quit(),
        Sig::Term => SignalKind::terminate(),
        Sig::Usr1 => SignalKind::user_defined1(),
        Sig::Usr2 => SignalKind::user_defined2(),
    }
}
