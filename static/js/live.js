// One live connection for all tabs of this browser: HTTP/1.1 allows six connections to a host, and each open room
// would hold one for itself. The tabs elect a leader by a lock; it holds the stream and passes on what arrives.
//
//   subscribe(room, cursor, { onEvent(kind, data), onPresence(users), onState(state) })  →  unsubscribe()
//
// `cursor` is the number of the last event that the page shows; every tab keeps its own and drops what it knows.
// State: 'connecting' | 'online' | 'refused' (the server answers, but not with a stream).

const KINDS = ['message', 'edit', 'delete'];
const HEARTBEAT = 10_000;
// Timers of hidden tabs run once a minute at most; a tab is given up only when it missed several of those.
const GIVEN_UP = 200_000;
const FIRST_RETRY = 2_000;
const LAST_RETRY = 30_000;
// The server takes no more on one stream.
const MAX_ROOMS = 32;

const shared = Boolean(navigator.locks && window.BroadcastChannel);

export function subscribe(room, cursor, handlers) {
  const tab = new Subscription(room, cursor, handlers);
  return shared ? throughLeader(tab) : alone(tab);
}

/** What one tab wants, and how far it is. */
class Subscription {
  state = null;

  constructor(room, cursor, handlers) {
    Object.assign(this, { room, cursor, handlers });
  }

  event(kind, data) {
    if (data.event <= this.cursor) return;
    this.cursor = data.event;
    this.handlers.onEvent(kind, data);
  }

  tell(state) {
    if (state === this.state) return;
    this.state = state;
    this.handlers.onState(state);
  }
}

/** A stream that comes back by itself, also after an HTTP error, where EventSource gives up. */
class Stream {
  #source = null;
  #timer = 0;
  #wait = FIRST_RETRY;

  /** `url()` is asked anew for each attempt: the cursors have moved on since. */
  constructor(url, { onEvent, onPresence, onState }) {
    Object.assign(this, { url, onEvent, onPresence, onState });
    this.open();
  }

  open() {
    this.close();
    this.onState('connecting');
    const source = new EventSource(this.url());
    this.#source = source;
    source.onopen = () => {
      this.#wait = FIRST_RETRY;
      this.onState('online');
    };
    source.onerror = () => {
      // Not closed: the network failed, and the browser itself tries again from the last event.
      if (source.readyState !== EventSource.CLOSED) return this.onState('connecting');
      this.onState('refused');
      this.#timer = setTimeout(() => this.open(), this.#wait * (0.75 + Math.random() / 2));
      this.#wait = Math.min(this.#wait * 2, LAST_RETRY);
    };
    for (const kind of KINDS) source.addEventListener(kind, ({ data }) => this.onEvent(kind, JSON.parse(data)));
    source.addEventListener('presence', ({ data }) => this.onPresence(JSON.parse(data)));
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }
}

/** Without locks or channels (old browsers, plain http) each tab has its own stream, while it is looked at. */
function alone(tab) {
  let stream = null;
  const look = () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else if (!stream) {
      stream = new Stream(() => `/events?rooms=${tab.room}:${tab.cursor}`, {
        onEvent: (kind, data) => tab.event(kind, data),
        onPresence: (data) => tab.handlers.onPresence(data.users),
        onState: (state) => tab.tell(state),
      });
    }
  };
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    document.removeEventListener('visibilitychange', look);
    stream?.close();
  };
}

function throughLeader(tab) {
  const id = crypto.getRandomValues(new Uint32Array(2)).join('-');
  const channel = new BroadcastChannel('chaupal-live');
  const stop = new AbortController();
  let leader = null;
  let resign = () => {};

  const want = (fresh) => ({ type: 'want', tab: id, room: tab.room, cursor: tab.cursor, fresh });

  // A channel does not bring a message back to its own tab, so what the leader says is heard here too.
  const say = (message) => {
    channel.postMessage(message);
    hear(message);
  };
  const ask = (message) => (leader ? leader.hear(message) : channel.postMessage(message));

  function hear(message) {
    if (message.type === 'leader') ask(want(true));
    else if (message.type === 'state') {
      if (!message.tab || message.tab === id) tab.tell(message.state);
    } else if (message.room !== tab.room) return;
    else if (message.type === 'presence') tab.handlers.onPresence(message.users);
    // The stream was further than this page when this arrived: something lies between, so begin again from here.
    else if (message.type === 'event' && message.after > tab.cursor) ask(want(true));
    else if (message.type === 'event') tab.event(message.kind, message.data);
  }

  channel.onmessage = ({ data }) => {
    if (stop.signal.aborted) return;
    if (data.type === 'want' || data.type === 'bye') leader?.hear(data);
    else hear(data);
  };

  // Whoever gets the lock leads until the tab goes; then the browser gives the lock to the next one.
  navigator.locks
    .request('chaupal-live', { signal: stop.signal }, () => {
      leader = new Leader(say);
      leader.hear(want(true));
      say({ type: 'leader' });
      return new Promise((resolve) => (resign = resolve));
    })
    .catch((error) => {
      if (error.name !== 'AbortError') throw error;
    });

  tab.tell('connecting');
  ask(want(true));
  const beat = setInterval(() => ask(want(false)), HEARTBEAT);
  // A tab that slept may have been given up.
  const wake = () => document.hidden || ask(want(false));
  document.addEventListener('visibilitychange', wake);

  return () => {
    if (stop.signal.aborted) return;
    clearInterval(beat);
    document.removeEventListener('visibilitychange', wake);
    if (leader) leader.close();
    else channel.postMessage({ type: 'bye', tab: id });
    stop.abort();
    resign();
    channel.close();
  };
}

/** Holds the stream for the rooms of all tabs. */
class Leader {
  /** By tab: its room, its cursor, and when it was last heard of. */
  #tabs = new Map();
  /** How far the stream is, by room; its rooms are these. */
  #reached = new Map();
  #presence = new Map();
  #state = 'connecting';
  #stream = null;
  #opening = 0;
  #sweeper = setInterval(() => this.#sweep(), HEARTBEAT);

  constructor(say) {
    this.say = say;
  }

  hear({ type, tab, room, cursor, fresh }) {
    if (type === 'bye') {
      this.#tabs.delete(tab);
      this.#plan();
      return;
    }
    this.#tabs.set(tab, { room, cursor, heard: Date.now() });
    // A page that is behind the stream has missed something; a beat may just have crossed an event on its way.
    if (!this.#reached.has(room)) this.#plan();
    else if (fresh && cursor < this.#reached.get(room)) this.#plan(true);
    if (!fresh) return;
    this.say({ type: 'state', tab, state: this.#state });
    if (this.#presence.has(room)) this.say({ type: 'presence', room, users: this.#presence.get(room) });
  }

  /** Opens the stream anew when it must carry other rooms (or `behind`), once for all that is asked now. */
  #plan(behind = false) {
    if (this.#opening) return;
    const wanted = this.#wanted();
    const same = wanted.size === this.#reached.size && [...wanted.keys()].every((room) => this.#reached.has(room));
    if (same && !behind) return;
    this.#opening = setTimeout(() => {
      this.#opening = 0;
      this.#open();
    }, 50);
  }

  /** Each room of a tab with the lowest cursor of its tabs: the others drop what they know. */
  #wanted() {
    const wanted = new Map();
    for (const { room, cursor } of this.#tabs.values()) {
      if (wanted.has(room)) wanted.set(room, Math.min(wanted.get(room), cursor));
      else if (wanted.size < MAX_ROOMS) wanted.set(room, cursor);
    }
    return wanted;
  }

  #open() {
    this.#stream?.close();
    this.#stream = null;
    this.#reached = this.#wanted();
    for (const room of this.#presence.keys()) if (!this.#reached.has(room)) this.#presence.delete(room);
    if (!this.#reached.size) return;
    this.#stream = new Stream(() => `/events?rooms=${[...this.#reached].map((pair) => pair.join(':')).join(',')}`, {
      onEvent: (kind, data) => this.#event(kind, data),
      onPresence: ({ room, users }) => {
        this.#presence.set(room, users);
        this.say({ type: 'presence', room, users });
      },
      onState: (state) => {
        this.#state = state;
        this.say({ type: 'state', state });
      },
    });
  }

  #event(kind, data) {
    const after = this.#reached.get(data.room);
    if (after === undefined || data.event <= after) return;
    this.#reached.set(data.room, data.event);
    // Tabs that were abreast are so still; what a tab itself says corrects this.
    for (const tab of this.#tabs.values()) {
      if (tab.room === data.room && tab.cursor >= after) tab.cursor = Math.max(tab.cursor, data.event);
    }
    this.say({ type: 'event', room: data.room, after, kind, data });
  }

  #sweep() {
    const now = Date.now();
    for (const [id, { heard }] of this.#tabs) if (now - heard > GIVEN_UP) this.#tabs.delete(id);
    this.#plan();
  }

  close() {
    clearInterval(this.#sweeper);
    clearTimeout(this.#opening);
    this.#stream?.close();
  }
}
