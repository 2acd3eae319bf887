//! The hub of live delivery in this process: who listens to which channel, and who is there.
//!
//! What it carries is a hint. The database is the truth: a listener that finds a gap between the
//! numbers reads the rows. So a lost or late hint costs a query, never a message.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;

/// A person who closed his last tab is seen for so long: a reload is no departure. Together with
/// [`HEARTBEAT`], by which a dead connection is found out, it stays below 30 seconds.
const FAREWELL: Duration = Duration::from_secs(12);

/// How often a stream shows that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// Time between two announcements of a channel's presence. Each costs as much as it has listeners.
const PRESENCE_PAUSE: Duration = Duration::from_millis(500);

/// Time between two probes of a channel.
const PROBE_PAUSE: Duration = Duration::from_secs(5);

/// Time until the connection of a window that said that it closes is closed.
const PROBE_DELAY: Duration = Duration::from_secs(1);

/// As many hints may wait for one listener. One that falls further behind is cut off; it comes
/// back with the number of its last event and misses nothing.
const BACKLOG: usize = 256;

/// Something that happened in a channel, ready to be sent.
#[derive(Debug)]
pub struct Event {
    /// The channel, that is: the room.
    pub channel: i64,
    /// Its number in the channel; without gaps.
    pub number: i64,
    /// `message`, `edit` or `delete`.
    pub kind: &'static str,
    /// JSON.
    pub data: String,
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Signal {
    /// This happened.
    Event(Arc<Event>),
    /// The channel has come to this number, by whatever way.
    Reached(i64, i64),
    /// Who is there has changed: the data of the event.
    Presence(Arc<str>),
    /// Nothing; but whoever cannot be written to is gone.
    Probe,
}

/// Who listens: an id, the session by which he may, and what the others see of him.
#[derive(Clone, Debug)]
pub struct Who {
    /// The person's id.
    pub id: i64,
    /// The session's id; with it ends the stream.
    pub session: i64,
    /// As pages show him.
    pub shown: Value,
}

/// All channels of this process. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    /// How long a person is still seen after his last stream.
    farewell: Duration,
    next: AtomicU64,
    channels: Mutex<HashMap<i64, Channel>>,
}

#[derive(Default)]
struct Channel {
    listeners: HashMap<u64, Ear>,
    present: BTreeMap<i64, Presence>,
    reached: i64,
    presence_told: Option<Instant>,
    presence_is_due: bool,
    probed: Option<Instant>,
    probe_is_due: bool,
}

/// A listener, seen from its channel.
struct Ear {
    person: Option<i64>,
    session: Option<i64>,
    sender: mpsc::Sender<Signal>,
}

struct Presence {
    shown: Value,
    streams: usize,
    /// Raised at each departure, so that an old farewell does not remove one who came back.
    departures: u64,
}

impl Inner {
    /// No code panics while it holds this lock; if some ever did, the maps are still whole.
    fn channels(&self) -> MutexGuard<'_, HashMap<i64, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    /// Tells everyone; who cannot keep up is cut off.
    fn tell(&mut self, signal: &Signal) {
        self.listeners.retain(|_, ear| ear.sender.try_send(signal.clone()).is_ok());
    }

    /// Tells everyone who is there.
    fn tell_presence(&mut self, id: i64) {
        (self.presence_told, self.presence_is_due) = (Some(Instant::now()), false);
        let data = self.presence(id).into();
        self.tell(&Signal::Presence(data));
    }

    fn presence(&self, id: i64) -> String {
        let users: Vec<&Value> = self.present.values().map(|presence| &presence.shown).collect();
        json!({ "room": id, "users": users }).to_string()
    }

    /// Gives back the memory of listeners that left.
    fn shrink(&mut self) {
        if self.listeners.capacity() > 4 * self.listeners.len().max(16) {
            self.listeners.shrink_to_fit();
        }
    }

    fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.present.is_empty()
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::with_farewell(FAREWELL)
    }
}

impl Hub {
    fn with_farewell(farewell: Duration) -> Self {
        Self(Arc::new(Inner { farewell, next: AtomicU64::default(), channels: Mutex::default() }))
    }

    /// Begins to listen. Subscribe first, then read the database, then drop what came twice: the
    /// other order loses what happens in between.
    pub fn join(&self, channels: &[i64], who: Option<Who>) -> Listener {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let mut all = self.0.channels();
        for channel in channels {
            let entry = all.entry(*channel).or_default();
            let (person, session) = (who.as_ref().map(|who| who.id), who.as_ref().map(|who| who.session));
            entry.listeners.insert(id, Ear { person, session, sender: sender.clone() });
            let Some(who) = &who else { continue };
            // He was not there, or has another name by now.
            let is_new = entry.present.get(&who.id).is_none_or(|presence| presence.shown != who.shown);
            let presence = entry.present.entry(who.id).or_insert_with(|| Presence {
                shown: who.shown.clone(),
                streams: 0,
                departures: 0,
            });
            presence.shown.clone_from(&who.shown);
            presence.streams += 1;
            if is_new {
                self.announce(*channel, entry);
            }
        }
        Listener { hub: self.clone(), id, channels: channels.to_vec(), who: who.map(|who| who.id), receiver }
    }

    /// Tells all listeners of the event's channel.
    pub fn publish(&self, event: Event) {
        if let Some(channel) = self.0.channels().get_mut(&event.channel) {
            channel.reached = channel.reached.max(event.number);
            channel.tell(&Signal::Event(Arc::new(event)));
        }
    }

    /// Whether anybody listens to a channel. Who joins after what was written was committed reads it from the database.
    pub fn has_listeners(&self, channel: i64) -> bool {
        self.0.channels().get(&channel).is_some_and(|channel| !channel.listeners.is_empty())
    }

    /// Tells the listeners of a channel how far the database is, if they may not know.
    pub fn reached(&self, channel: i64, number: i64) {
        if let Some(entry) = self.0.channels().get_mut(&channel)
            && entry.reached < number
        {
            entry.reached = number;
            entry.tell(&Signal::Reached(channel, number));
        }
    }

    /// The channels that somebody listens to.
    pub fn listened(&self) -> Vec<i64> {
        self.0.channels().iter().filter(|(_, channel)| !channel.listeners.is_empty()).map(|(id, _)| *id).collect()
    }

    /// Who is there, as pages show them, in the order of their ids.
    pub fn present(&self, channel: i64) -> Vec<Value> {
        self.0
            .channels()
            .get(&channel)
            .map(|c| c.present.values().map(|p| p.shown.clone()).collect())
            .unwrap_or_default()
    }

    /// Returns who is there, as the data of an event.
    pub fn presence(&self, channel: i64) -> String {
        let all = self.0.channels();
        all.get(&channel).map_or_else(|| Channel::default().presence(channel), |entry| entry.presence(channel))
    }

    /// Tells a channel who is there: at once, or together with what changes until [`PRESENCE_PAUSE`] is over.
    fn announce(&self, id: i64, channel: &mut Channel) {
        if channel.presence_is_due {
            return;
        }
        let wait = rest(PRESENCE_PAUSE, channel.presence_told);
        if wait.is_zero() {
            return channel.tell_presence(id);
        }
        channel.presence_is_due = self.later(wait, id, Channel::tell_presence);
    }

    /// Finds out soon which of the channel's connections are dead, because a window said that it closes. Many that say so
    /// cause one probe.
    pub fn probe(&self, id: i64) {
        let mut all = self.0.channels();
        let Some(channel) = all.get_mut(&id).filter(|channel| !channel.probe_is_due) else { return };
        let wait = rest(PROBE_PAUSE, channel.probed).max(PROBE_DELAY);
        channel.probe_is_due = self.later(wait, id, |channel, _| {
            (channel.probed, channel.probe_is_due) = (Some(Instant::now()), false);
            channel.tell(&Signal::Probe);
        });
    }

    /// Does something with a channel later; returns whether there is a runtime that will. Without one the process is ending.
    fn later(&self, wait: Duration, id: i64, act: fn(&mut Channel, i64)) -> bool {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return false };
        let hub = self.clone();
        runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(channel) = hub.0.channels().get_mut(&id) {
                act(channel, id);
            }
        });
        true
    }

    /// Ends all streams of a person: he logged out. Those of his other browsers come back.
    pub fn cut(&self, person: i64) {
        for channel in self.0.channels().values_mut() {
            channel.listeners.retain(|_, ear| ear.person != Some(person));
        }
    }

    /// The sessions by which people listen just now.
    pub fn sessions(&self) -> HashSet<i64> {
        self.0
            .channels()
            .values()
            .flat_map(|channel| channel.listeners.values())
            .filter_map(|ear| ear.session)
            .collect()
    }

    /// Ends the streams of these sessions: they are over, wherever they were ended.
    pub fn cut_sessions(&self, over: &HashSet<i64>) {
        for channel in self.0.channels().values_mut() {
            channel.listeners.retain(|_, ear| ear.session.is_none_or(|session| !over.contains(&session)));
        }
    }

    /// Ends the streams of those who are not logged in: the site is for members now.
    pub fn cut_strangers(&self) {
        for channel in self.0.channels().values_mut() {
            channel.listeners.retain(|_, ear| ear.session.is_some());
        }
    }

    /// How many streams are open, how many channels they listen to, and how many people are there.
    pub fn census(&self) -> Census {
        let channels = self.0.channels();
        let streams: HashSet<u64> = channels.values().flat_map(|channel| channel.listeners.keys().copied()).collect();
        let people: HashSet<i64> = channels.values().flat_map(|channel| channel.present.keys().copied()).collect();
        Census { streams: streams.len(), channels: channels.len(), people: people.len() }
    }

    fn leave(&self, listener: &Listener) {
        let mut all = self.0.channels();
        for id in &listener.channels {
            let Some(channel) = all.get_mut(id) else { continue };
            channel.listeners.remove(&listener.id);
            channel.shrink();
            if let Some(presence) = listener.who.and_then(|who| channel.present.get_mut(&who)) {
                presence.streams -= 1;
                presence.departures += 1;
                if presence.streams == 0 {
                    self.bid_farewell(*id, listener.who, presence.departures);
                }
            }
            if channel.is_empty() {
                all.remove(id);
            }
        }
    }

    fn bid_farewell(&self, channel: i64, who: Option<i64>, departure: u64) {
        let (hub, Some(who)) = (self.clone(), who) else { return };
        // Without a runtime the process is ending, and with it everybody's presence.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            tokio::time::sleep(hub.0.farewell).await;
            let mut all = hub.0.channels();
            let Some(entry) = all.get_mut(&channel) else { return };
            if entry.present.get(&who).is_some_and(|p| p.streams == 0 && p.departures == departure) {
                entry.present.remove(&who);
                hub.announce(channel, entry);
            }
            if entry.is_empty() {
                all.remove(&channel);
            }
        });
    }
}

/// Returns what is left of a pause.
fn rest(pause: Duration, since: Option<Instant>) -> Duration {
    since.map_or(Duration::ZERO, |since| pause.saturating_sub(since.elapsed()))
}

/// See [`Hub::census`].
#[derive(Debug, PartialEq, Eq)]
pub struct Census {
    /// Open streams.
    pub streams: usize,
    /// Channels that somebody listens to or is present in.
    pub channels: usize,
    /// People who are there.
    pub people: usize,
}

/// One stream's ear. Leaves its channels when dropped.
pub struct Listener {
    hub: Hub,
    id: u64,
    channels: Vec<i64>,
    who: Option<i64>,
    receiver: mpsc::Receiver<Signal>,
}

impl Listener {
    /// The next signal; none when this listener was cut off.
    pub async fn next(&mut self) -> Option<Signal> {
        self.receiver.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.clone().leave(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(id: i64) -> Option<Who> {
        Some(Who { id, session: id * 10, shown: Value::from(id) })
    }

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_person_is_there_until_a_while_after_his_last_stream() {
        let hub = Hub::with_farewell(SHORT);
        let (first, second) = (hub.join(&[1], who(7)), hub.join(&[1, 2], who(7)));
        assert_eq!(hub.present(1), [Value::from(7)]);
        drop(first);
        tokio::time::sleep(SHORT * 4).await;
        assert_eq!(hub.present(1), [Value::from(7)], "one stream is left");
        drop(second);
        assert_eq!(hub.present(1), [Value::from(7)], "a reload is no departure");
        while !hub.present(1).is_empty() || !hub.present(2).is_empty() {
            tokio::time::sleep(SHORT).await;
        }
        assert!(hub.0.channels().is_empty(), "nothing is kept of empty channels");
    }

    #[tokio::test]
    async fn who_comes_back_under_another_name_is_shown_by_it() {
        let hub = Hub::default();
        let mut other = hub.join(&[1], None);
        drop(hub.join(&[1], who(7)));
        let _again = hub.join(&[1], Some(Who { shown: Value::from("Asha"), ..who(7).unwrap() }));
        assert_eq!(hub.present(1), [Value::from("Asha")]);
        let told = [other.next().await, other.next().await];
        assert!(told.iter().all(|signal| matches!(signal, Some(Signal::Presence(_)))), "{told:?}");
    }

    #[tokio::test]
    async fn who_comes_back_in_time_stays() {
        let hub = Hub::with_farewell(SHORT);
        drop(hub.join(&[1], who(7)));
        let _again = hub.join(&[1], who(7));
        tokio::time::sleep(SHORT * 4).await;
        assert_eq!(hub.present(1), [Value::from(7)]);
    }

    #[tokio::test]
    async fn a_stream_ends_with_its_session() {
        let hub = Hub::default();
        let (mut asha, mut ravi, mut stranger) = (hub.join(&[1], who(7)), hub.join(&[1], who(8)), hub.join(&[1], None));
        assert_eq!(hub.sessions(), HashSet::from([70, 80]));
        hub.cut_sessions(&HashSet::from([70]));
        hub.cut_strangers();
        hub.publish(Event { channel: 1, number: 1, kind: "message", data: String::new() });
        let heard = async |listener: &mut Listener| {
            let mut events = 0;
            while let Ok(Some(signal)) = tokio::time::timeout(SHORT, listener.next()).await {
                events += usize::from(matches!(signal, Signal::Event(_)));
            }
            events
        };
        assert_eq!((heard(&mut asha).await, heard(&mut ravi).await, heard(&mut stranger).await), (0, 1, 0));
    }

    #[tokio::test]
    async fn probes_and_presence_are_sent_once_for_many() {
        let hub = Hub::default();
        let mut slow = hub.join(&[1], None);
        for person in 2..1_000 {
            hub.probe(1);
            std::mem::forget(hub.join(&[1], who(person)));
        }
        tokio::time::sleep(PROBE_DELAY + SHORT * 4).await;
        let mut heard = Vec::new();
        while let Ok(Some(signal)) = tokio::time::timeout(SHORT, slow.next()).await {
            heard.push(signal);
        }
        let [Signal::Presence(first), .., Signal::Presence(last), Signal::Probe] = &heard[..] else {
            panic!("{heard:?}")
        };
        assert_eq!(first.as_ref(), r#"{"room":1,"users":[2]}"#);
        assert!(last.ends_with(",998,999]}"), "{last}");
        assert!(heard.len() < 10, "{heard:?}");
    }

    #[tokio::test]
    async fn the_slow_are_cut_off() {
        let hub = Hub::default();
        let mut slow = hub.join(&[1], None);
        for number in 1..=300 {
            hub.publish(Event { channel: 1, number, kind: "message", data: String::new() });
        }
        let mut heard = 0;
        while slow.next().await.is_some() {
            heard += 1;
        }
        assert_eq!(heard, BACKLOG);
    }
}
