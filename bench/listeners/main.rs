//! The load of live listeners: N streams over M rooms, and messages at a rate.
//!
//! Reports how long a message takes from the moment before it is sent to its arrival at each
//! listener of its room, whether any was lost, came twice or out of order, and what a listener costs
//! the server in memory. With `--restart` the server is stopped and started again meanwhile, and the
//! report tells how soon all listeners are back, and what they met on the way.
//!
//! One thread and one clock: what a busy client adds to a delay is counted against the server.

mod http;
mod listener;
mod poster;
mod server;
mod sse;
mod tally;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep};

use listener::{Listener, Memory};
use poster::Poster;
use server::Server;
use tally::{Delays, Report, Restart, Tally};

/// So many streams are opened at once in the beginning; nobody holds 5,000 browsers back after a restart.
const OPENING: usize = 64;

/// Live listeners as a load. The password of the one who posts is read from LISTENERS_PASSWORD.
#[derive(Parser)]
struct Args {
    /// Where the server is, or will be
    #[arg(long, value_name = "ADDRESS:PORT")]
    at: SocketAddr,
    /// How many listen
    #[arg(long, default_value_t = 1000)]
    listeners: usize,
    /// In how many rooms, from the first on
    #[arg(long, default_value_t = 20)]
    rooms: usize,
    /// Messages a second, over all rooms
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// How long messages are posted; with --restart, before it and again after it
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Who posts
    #[arg(long, default_value = "demo")]
    login: String,
    /// Stop the server by SIGTERM and start it again under the load
    #[arg(long, requires = "command")]
    restart: bool,
    /// Give the report as JSON
    #[arg(long)]
    json: bool,
    /// A server that runs already
    #[arg(long, required_unless_present = "command", conflicts_with = "command")]
    pid: Option<u32>,
    /// A server to start: the command and its arguments, behind `--`
    #[arg(last = true)]
    command: Vec<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = raise_limit(args.listeners).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        LocalSet::new().block_on(&runtime, run(&args))
    });
    let report = match done {
        Ok(report) => report,
        Err(error) => {
            eprintln!("listeners: {error}");
            return ExitCode::from(2);
        }
    };
    if args.json {
        println!("{}", serde_json::to_string(&report).unwrap_or_default());
    } else {
        report.print();
    }
    if report.faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("listeners: {}", report.faults.join("; "));
    ExitCode::FAILURE
}

/// A stream is a descriptor, here and in a server that is started here.
fn raise_limit(listeners: usize) -> Result<(), String> {
    let needed = listeners as u64 + 512;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < needed) {
        return Err(format!("{listeners} listeners need {needed} open files, and the limit is {maximum:?}"));
    }
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).map_err(|e| e.to_string())
}

async fn run(args: &Args) -> Result<Report, String> {
    let password = std::env::var("LISTENERS_PASSWORD").map_err(|_| "LISTENERS_PASSWORD is not set")?;
    let mut server = match args.pid {
        Some(pid) => Server::running(args.at, pid),
        None => Server::start(args.at, &args.command).await?,
    };
    let poster = Rc::new(Poster::log_in(args.at, &args.login, &password).await?);
    if args.pid.is_none() {
        // Hashing the password took 19 MB that the process may still hold: the measurement begins without them.
        server.restart().await?;
    }
    let rooms = find_rooms(args).await?;
    let before = server.memory()?;

    let tally = Rc::new(RefCell::new(Tally::new(args.listeners)));
    let connected = connect(args, &rooms, &tally).await?;
    let connect_errors = std::mem::take(&mut tally.borrow_mut().errors);
    // What opening needed beyond the streams goes back first.
    sleep(Duration::from_secs(3)).await;
    let quiet = server.memory()?;

    let posting = Instant::now();
    let typing = spawn_local(post(poster, Rc::clone(&tally), rooms.iter().map(|(room, _)| *room).collect(), args.rate));
    sleep(Duration::from_secs(args.seconds)).await;
    let mut restart = None;
    if args.restart {
        restart = Some(restart_under_load(&mut server, &tally).await?);
        sleep(Duration::from_secs(args.seconds)).await;
    }
    typing.abort();
    let posted_for = posting.elapsed().as_secs_f64();
    settle(&tally, &rooms).await;
    let loaded = server.memory()?;

    let tally = std::mem::take(&mut *tally.borrow_mut());
    let messages = tally.sent.iter().filter(|sent| sent.acknowledged.is_some()).count();
    let each = |bytes: u64| (bytes.cast_signed() - before.cast_signed()) / args.listeners.max(1) as i64;
    let mut report = Report {
        listeners: args.listeners,
        rooms: rooms.len(),
        connected,
        online: tally.online,
        server_bytes: [before, quiet, loaded],
        bytes_quiet: each(quiet),
        bytes_loaded: each(loaded),
        messages,
        rate: messages as f64 / posted_for,
        deliveries: tally.delays.len(),
        lost: tally.lost + missing(&tally, &rooms),
        doubled: tally.doubled,
        mistaken: tally.mistaken(),
        delay_ms: Delays::of(tally.delays),
        connect_errors,
        stream_errors: tally.errors,
        post_errors: tally.post_errors,
        streams_ended: tally.ended,
        restart,
        faults: Vec::new(),
    };
    report.faults = report.find_faults();
    Ok(report)
}

/// The first rooms, and how far each is.
async fn find_rooms(args: &Args) -> Result<Vec<(i64, i64)>, String> {
    let mut rooms = Vec::new();
    let mut room = 0;
    while rooms.len() < args.rooms {
        room += 1;
        if room > 1000 {
            return Err(format!("there are only {} rooms", rooms.len()));
        }
        rooms.extend(poster::last_event(args.at, room).await?.map(|reached| (room, reached)));
    }
    Ok(rooms)
}

/// Opens all streams; how many seconds it took.
async fn connect(args: &Args, rooms: &[(i64, i64)], tally: &Rc<RefCell<Tally>>) -> Result<f64, String> {
    let gate = Rc::new(Semaphore::new(OPENING));
    let begin = Instant::now();
    for number in 0..args.listeners {
        let (room, reached) = rooms[number % rooms.len()];
        tally.borrow_mut().heard[number] = reached;
        let (gate, tally) = (Rc::clone(&gate), Rc::clone(tally));
        let memory = Memory::new(reached);
        spawn_local(Listener { number, address: args.at, room, gate, tally, memory }.listen());
    }
    while tally.borrow().online < args.listeners {
        if begin.elapsed() > Duration::from_secs(120) {
            let tally = tally.borrow();
            return Err(format!("only {} are connected after two minutes: {:?}", tally.online, tally.errors));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(begin.elapsed().as_secs_f64())
}

/// Posts for ever, at the rate, whether or not the messages before were taken: one room after the other.
async fn post(poster: Rc<Poster>, tally: Rc<RefCell<Tally>>, rooms: Vec<i64>, rate: f64) {
    let mut tick = interval(Duration::from_secs_f64(1.0 / rate));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for room in rooms.into_iter().cycle() {
        tick.tick().await;
        let message = poster::next_message(&tally);
        spawn_local(Rc::clone(&poster).say(Rc::clone(&tally), message, room));
    }
}

async fn restart_under_load(server: &mut Server, tally: &Rc<RefCell<Tally>>) -> Result<Restart, String> {
    let begin = Instant::now();
    let (stopped, started) = server.restart().await?;
    let over = begin + stopped;
    let all_back = loop {
        // Whoever has no stream of the new process has none at all.
        let last =
            tally.borrow().opened.iter().map(|opened| opened.filter(|at| *at > over)).collect::<Option<Vec<_>>>();
        if let Some(last) = last.and_then(|opened| opened.into_iter().max()) {
            break last - begin;
        }
        if begin.elapsed() > Duration::from_secs(180) {
            return Err(format!("not all are back after three minutes, {} are", tally.borrow().online));
        }
        sleep(Duration::from_millis(10)).await;
    };
    Ok(Restart {
        stopped: stopped.as_secs_f64(),
        ready: (stopped + started).as_secs_f64(),
        all_back: all_back.as_secs_f64(),
    })
}

/// Waits until every message was taken and heard, or for half a minute.
async fn settle(tally: &Rc<RefCell<Tally>>, rooms: &[(i64, i64)]) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(30) {
        {
            let tally = tally.borrow();
            if tally.sent.iter().all(|sent| sent.acknowledged.is_some()) && missing(&tally, rooms) == 0 {
                return;
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Deliveries of acknowledged messages that have not happened.
fn missing(tally: &Tally, rooms: &[(i64, i64)]) -> u64 {
    let reached = tally.reached();
    let behind = |(number, heard): (usize, &i64)| {
        let (room, _) = rooms[number % rooms.len()];
        reached.get(&room).map_or(0, |reached| u64::try_from(reached - heard).unwrap_or(0))
    };
    tally.heard.iter().enumerate().map(behind).sum()
}
