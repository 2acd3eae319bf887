//! Live streams (Server-Sent Events): first what was missed, from the database, then what happens.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rocket::http::{Header, Status};
use rocket::request::{self, FromRequest, Outcome, Request};
use rocket::response::stream::{Event as ServerEvent, EventStream};
use rocket::tokio::select;
use rocket::tokio::time::{Instant, interval_at};
use rocket::{Responder, Shutdown, State, get};

use crate::accounts::guards::{Viewer, address};
use crate::accounts::site::Site;
use crate::kit::connections::{Connection, Connections, StreamSlot};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::live::{Event, HEARTBEAT, Hub, Listener, Signal, Who};
use crate::kit::paths::Id;
use crate::kit::random;
use crate::kit::stopping::Stopping;
use crate::kit::templates::Pages;
use crate::rooms::live;
use crate::rooms::models::message;
use crate::rooms::models::room;

/// One stream carries at most so many rooms.
const MAX_ROOMS: usize = 32;

/// Number of bytes of text that are read at once while catching up. The client must have taken them before the next are read.
const BATCH: i64 = 64 * 1024;

/// Where a browser left off: the header that it sends by itself when it reconnects.
pub struct LastEventId<'r>(Option<&'r str>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LastEventId<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        Outcome::Success(Self(request.headers().get_one("Last-Event-ID")))
    }
}

/// The server behind a stream: its templates draw what is read from the database while it runs, its connections are limited.
pub struct Server<'r> {
    pages: &'r Pages,
    has_lobby: bool,
    connection: Connection,
    _slot: StreamSlot,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Server<'r> {
    type Error = Error;

    /// A server that is about to end begins no stream: the browser would lose it at once.
    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Error> {
        let is_stopping = request.rocket().state::<Stopping>().is_some_and(Stopping::has_begun);
        if is_stopping {
            return Outcome::Error((Error::Stopping.report(request), Error::Stopping));
        }
        let (Some(pages), Some(connections)) = (request.rocket().state(), request.rocket().state::<Connections>())
        else {
            return Outcome::Error((
                Status::InternalServerError,
                Error::Internal("no templates or connections".into()),
            ));
        };
        let slot = match connections.open_stream(address(request)) {
            Ok(slot) => slot,
            Err(error) => {
                let status = error.report(request);
                return Outcome::Error((status, Error::TooManyStreams(status)));
            }
        };
        let has_lobby = request.rocket().state::<Site>().is_some_and(|site| site.config().lobby.enabled);
        Outcome::Success(Self { pages, has_lobby, connection: connections.of(request), _slot: slot })
    }
}

/// A stream that proxies leave alone.
#[derive(Responder)]
#[response(status = 200)]
pub struct Live<S> {
    stream: S,
    buffering: Header<'static>,
    cache: Header<'static>,
}

/// How far the reader of a stream is, room by room, and how he names it.
struct Cursors {
    reached: BTreeMap<i64, i64>,
    /// One room: the event's number. Several: `room:number,…`.
    many: bool,
}

impl Cursors {
    fn id(&self, room: i64) -> String {
        if self.many {
            let pairs: Vec<String> = self.reached.iter().map(|(room, event)| format!("{room}:{event}")).collect();
            return pairs.join(",");
        }
        self.reached.get(&room).copied().unwrap_or_default().to_string()
    }

    /// Moves on to this event, if it is the very next one.
    fn advance(&mut self, event: &Event) -> Next {
        match self.reached.get_mut(&event.channel) {
            Some(reached) if event.number <= *reached => Next::Known,
            Some(reached) if event.number == *reached + 1 => {
                *reached = event.number;
                Next::Fresh
            }
            Some(_) => Next::Gap,
            None => Next::Known,
        }
    }
}

enum Next {
    Known,
    Fresh,
    Gap,
}

/// `3:45,7:12`
fn pairs(text: &str) -> Option<BTreeMap<i64, i64>> {
    text.split(',')
        .map(|pair| {
            let (room, after) = pair.split_once(':')?;
            let (room, after) = (room.parse::<i64>().ok()?, after.parse::<i64>().ok()?);
            (room > 0 && after >= 0).then_some((room, after))
        })
        .collect()
}

/// The live stream of one room. `Last-Event-ID` or `?after=` replays all that came later.
#[get("/rooms/<id>/events?<after>")]
#[allow(clippy::too_many_arguments, reason = "each is a guard, and Rocket takes guards one by one")]
pub async fn of_room<'r>(
    server: Server<'r>,
    viewer: Viewer<'r>,
    db: &'r Db,
    hub: &'r State<Hub>,
    last: LastEventId<'r>,
    shutdown: Shutdown,
    id: Id,
    after: Option<i64>,
) -> Result<Live<EventStream<impl rocket::futures::Stream<Item = ServerEvent> + 'r>>, Error> {
    let room = db.read(move |conn| Ok(room::find(conn, id.0)?)).await?;
    // Without a word on where to begin: from now on.
    let begin = last.0.and_then(|id| id.parse().ok()).or(after).unwrap_or(room.last_event).clamp(0, room.last_event);
    let cursors = Cursors { reached: BTreeMap::from([(room.id, begin)]), many: false };
    Ok(stream(who(&viewer), db, hub.inner().clone(), server, shutdown, cursors))
}

/// The live stream of several rooms on one connection: browsers open only six to a host.
#[get("/events?<rooms>")]
pub async fn of_rooms<'r>(
    server: Server<'r>,
    viewer: Viewer<'r>,
    db: &'r Db,
    hub: &'r State<Hub>,
    last: LastEventId<'r>,
    shutdown: Shutdown,
    rooms: Option<&'r str>,
) -> Result<Live<EventStream<impl rocket::futures::Stream<Item = ServerEvent> + 'r>>, Error> {
    let asked = rooms.and_then(pairs).filter(|pairs| pairs.len() <= MAX_ROOMS).ok_or(Error::BadRequest)?;
    let resumed = last.0.and_then(pairs).unwrap_or_default();
    let ids: Vec<i64> = asked.keys().copied().collect();
    let existing = db.read(move |conn| Ok(room::last_events(conn, &ids, server.has_lobby)?)).await?;
    let reached: BTreeMap<i64, i64> = existing
        .into_iter()
        .filter_map(|(room, last_event)| {
            let after = resumed.get(&room).or_else(|| asked.get(&room))?;
            Some((room, (*after).min(last_event)))
        })
        .collect();
    if reached.is_empty() {
        return Err(Error::NotFound);
    }
    Ok(stream(who(&viewer), db, hub.inner().clone(), server, shutdown, Cursors { reached, many: true }))
}

fn who(viewer: &Viewer<'_>) -> Option<Who> {
    let (user, session) = (viewer.0?, viewer.session_id()?);
    Some(Who { id: user.id, session, shown: serde_json::to_value(user.person()).unwrap_or_default() })
}

fn stream<'r>(
    who: Option<Who>,
    db: &'r Db,
    hub: Hub,
    server: Server<'r>,
    mut shutdown: Shutdown,
    mut cursors: Cursors,
) -> Live<EventStream<impl rocket::futures::Stream<Item = ServerEvent> + 'r>> {
    let rooms: Vec<i64> = cursors.reached.keys().copied().collect();
    // Subscribe first, then read: the other order loses what happens in between.
    let mut listener: Listener = hub.join(&rooms, who);
    let events = EventStream! {
        // All of it moves into the stream, also the slot, of which nothing is read.
        let server = server;
        yield ServerEvent::retry(jittered_retry());
        let mut behind: VecDeque<i64> = rooms.iter().copied().collect();
        for room in &rooms {
            yield presence(&hub.presence(*room));
        }
        // Where each reader of a long history began: only from there is it told what is new to him.
        let mut began: BTreeMap<i64, i64> = BTreeMap::new();
        let mut unread = 0;
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            while let Some(room) = behind.pop_front() {
                if unread >= BATCH {
                    select! {
                        () = server.connection.drained() => unread = 0,
                        () = &mut shutdown => return,
                    }
                }
                let known = cursors.reached.get(&room).copied().unwrap_or_default();
                let changes = match db.read(move |conn| Ok(message::since(conn, room, known, BATCH)?)).await {
                    Ok(changes) => changes,
                    Err(error) => {
                        // The browser comes back with the number of its last event.
                        log::warn!("live: room {room} could not be read: {error:?}");
                        return;
                    }
                };
                let beginning = *began.entry(room).or_insert(known);
                if changes.has_more {
                    behind.push_back(room);
                } else {
                    began.remove(&room);
                }
                for row in changes.messages {
                    let event = live::event(server.pages, row, beginning);
                    cursors.reached.insert(room, event.number);
                    unread += i64::try_from(event.data.len()).unwrap_or(BATCH);
                    yield sent(&event, &cursors);
                }
            }
            select! {
                signal = listener.next() => match signal {
                    Some(Signal::Event(event)) => match cursors.advance(&event) {
                        Next::Fresh => yield sent(&event, &cursors),
                        Next::Gap => behind.push_back(event.channel),
                        Next::Known => {}
                    },
                    Some(Signal::Reached(room, number)) => {
                        if cursors.reached.get(&room).is_some_and(|reached| *reached < number) {
                            behind.push_back(room);
                        }
                    }
                    Some(Signal::Presence(data)) => yield presence(&data),
                    Some(Signal::Probe) => yield ServerEvent::comment("?"),
                    None => return,
                },
                () = server.connection.closed() => return,
                _ = heartbeat.tick() => yield ServerEvent::comment("."),
                () = &mut shutdown => {
                    // All come back, but not at once.
                    yield ServerEvent::retry(jittered_retry());
                    return;
                }
            }
        }
    };
    Live {
        // The framework's own heartbeat would double ours.
        stream: events.heartbeat(None),
        buffering: Header::new("X-Accel-Buffering", "no"),
        cache: Header::new("Cache-Control", "no-store, no-transform"),
    }
}

/// So that those who lost their streams together do not come back together.
fn jittered_retry() -> Duration {
    let [low, high] = random::bytes::<2>();
    Duration::from_millis(1000 + u64::from(u16::from_le_bytes([low, high])) % 2000)
}

fn sent(event: &Event, cursors: &Cursors) -> ServerEvent {
    ServerEvent::data(event.data.clone()).event(event.kind).id(cursors.id(event.channel))
}

fn presence(data: &str) -> ServerEvent {
    ServerEvent::data(data.to_owned()).event("presence")
}
