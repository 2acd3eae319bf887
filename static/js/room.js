// A room's page: without this script it is read and written by loading pages; with it, it is live.
// All words come from the page.

import { composer } from './composer.js';
import { subscribe } from './live.js';

const NEAR_BOTTOM = 80;
// Changing tabs or rooms opens the stream anew; only what lasts longer is worth a word.
const PATIENCE = 1500;

const $ = (id) => document.getElementById(id);
const room = $('room');
const conversation = $('conversation');
const list = $('messages');
const me = document.body.dataset.user;
const manages = 'canManage' in room.dataset || 'staff' in document.body.dataset;
const csrf = document.querySelector('meta[name=csrf-token]')?.content ?? '';

let cursor = Number(list.dataset.lastEvent);
// What the reader has had before his eyes.
let seen = lastSeq();
// The answer to a post may come after the news that the message is gone again.
const gone = new Set();

/* ---------- The list ---------- */

function messages() {
  return [...list.querySelectorAll(':scope > [data-seq]')];
}

function lastSeq() {
  return Number(messages().at(-1)?.dataset.seq ?? 0);
}

// An older stretch (?before=, ?at=) ends before the newest message: appending there would hide the gap.
const query = new URLSearchParams(location.search);
const detached =
  (query.has('before') || query.has('at')) && messages().every((message) => Number(message.dataset.version) < cursor);

/** The page's list draws all messages alike; only here it is known who looks at this one. */
function adopt(message) {
  const own = me !== undefined && message.dataset.user === me;
  message.classList.toggle('own', own);
  for (const action of message.querySelectorAll('[data-action]')) {
    action.hidden = !(own || (manages && action.dataset.action === 'delete'));
  }
  return message;
}

function parse(html) {
  const holder = document.createElement('template');
  holder.innerHTML = html;
  return holder.content.querySelector('[data-seq]');
}

/** Puts a message in its place, once. Says whether it is new here. */
function place(data) {
  const message = parse(data.html);
  if (!message || gone.has(data.id)) return false;
  const known = $(message.id);
  if (known) {
    if (Number(known.dataset.version) < Number(message.dataset.version)) known.replaceWith(adopt(message));
    return false;
  }
  const all = messages();
  const seq = Number(message.dataset.seq);
  // It belongs to a stretch that is not on this page.
  if ($('older') && all.length && seq < Number(all[0].dataset.seq)) return false;
  if (detached && seq > lastSeq()) return true;
  const before = all.findLast((other) => Number(other.dataset.seq) < seq);
  adopt(message);
  if (before) before.after(message);
  else list.prepend(message);
  return true;
}

function showEmpty() {
  $('no-messages').hidden = messages().length > 0 || Boolean($('older'));
}

/* ---------- Scrolling ---------- */

// The conversation is drawn from the bottom up, so its scrollTop counts from there, downwards from zero.
const reversed = getComputedStyle(conversation).flexDirection === 'column-reverse';
// keepPlace does by itself what some browsers would do a second time.
conversation.style.overflowAnchor = 'none';

function fromBottom() {
  const { scrollTop, scrollHeight, clientHeight } = conversation;
  return reversed ? -scrollTop : scrollHeight - clientHeight - scrollTop;
}

const atBottom = () => fromBottom() < NEAR_BOTTOM;

function toBottom() {
  conversation.scrollTo({ top: reversed ? 0 : conversation.scrollHeight, behavior: 'instant' });
  noteSeen();
}

/** What is being read stays where it is while the list changes; at the bottom the newest comes into view. */
function keepPlace(change, { follow = true } = {}) {
  if (follow && atBottom()) {
    change();
    toBottom();
    return;
  }
  const top = conversation.getBoundingClientRect().top;
  const anchor = messages().find((message) => message.getBoundingClientRect().bottom > top);
  const was = anchor?.getBoundingClientRect().top;
  change();
  if (!anchor?.isConnected) return;
  const moved = anchor.getBoundingClientRect().top - was;
  if (moved) conversation.scrollBy({ top: moved, behavior: 'instant' });
}

function noteSeen() {
  if (detached || document.hidden || !atBottom()) return;
  seen = Math.max(seen, lastSeq());
  $('jump-new').hidden = true;
}

conversation.addEventListener('scroll', noteSeen, { passive: true });
document.addEventListener('visibilitychange', noteSeen);
$('jump-new').addEventListener('click', () => {
  if (detached) location.assign(room.dataset.url);
  else {
    toBottom();
    $('body')?.focus();
  }
});

const unread = $('unread');
const jumpUnread = $('jump-unread');
if (unread && jumpUnread) {
  // Once the line was in view there is nothing to jump to.
  const line = new IntersectionObserver(
    ([entry]) => {
      if (!entry.isIntersecting) return;
      jumpUnread.hidden = true;
      line.disconnect();
    },
    { root: conversation },
  );
  line.observe(unread);
}

/* ---------- Older messages ---------- */

const older = $('older');
if (older) {
  let loading = false;
  const nearTop = new IntersectionObserver(([entry]) => entry.isIntersecting && load(), {
    root: conversation,
    rootMargin: '400px 0px 0px 0px',
  });

  const load = async () => {
    const link = older.querySelector('a');
    if (loading || !link) return;
    loading = true;
    conversation.setAttribute('aria-busy', 'true');
    try {
      const response = await fetch(link.href, { headers: { Accept: 'text/html' } });
      const page = new DOMParser().parseFromString(await response.text(), 'text/html');
      const stretch = page.getElementById('messages');
      if (!response.ok || !stretch) throw new Error(`no older messages: ${response.status}`);
      keepPlace(
        () => {
          const fresh = [...stretch.querySelectorAll(':scope > [data-seq]')].filter((message) => !$(message.id));
          list.prepend(...fresh);
          const next = page.querySelector('#older a');
          if (next) link.href = next.getAttribute('href');
          else {
            nearTop.disconnect();
            older.replaceWith(page.querySelector('.beginning') ?? '');
          }
        },
        { follow: false },
      );
      // An observer speaks of changes only, and the link may be in view still.
      if (older.isConnected) {
        nearTop.unobserve(older);
        nearTop.observe(older);
      }
    } catch {
      // The link stays what it is without this script.
      nearTop.disconnect();
      older.removeEventListener('click', onClick);
    } finally {
      loading = false;
      conversation.removeAttribute('aria-busy');
    }
  };

  const onClick = (event) => {
    if (!event.target.closest('a') || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    load();
  };
  older.addEventListener('click', onClick);
  nearTop.observe(older);
}

/* ---------- What happens meanwhile ---------- */

let said = [];
let saying = 0;

/** For screen readers: who said what, several at once if they come at once. */
function announce(message) {
  const name = [...message.querySelectorAll('.message-name, .badge-guest')].map((part) => part.textContent).join(', ');
  const body = message.querySelector('.message-body')?.textContent ?? '';
  said.push(`${name}: ${body}`);
  clearTimeout(saying);
  saying = setTimeout(() => {
    $('announcer').textContent = said.join('\n');
    said = [];
  }, 300);
}

const title = document.title;
let missed = 0;

/** What came while another tab was looked at, in the title of this one. */
function countMissed(count) {
  missed = count;
  document.title = count ? `(${count}) ${title}` : title;
}

document.addEventListener('visibilitychange', () => document.hidden || countMissed(0));

function onEvent(kind, data) {
  cursor = Math.max(cursor, data.event);
  if (kind === 'delete') {
    gone.add(data.id);
    const message = $(`message-${data.id}`);
    const hadFocus = message?.contains(document.activeElement);
    keepPlace(() => message?.remove());
    if (hadFocus) conversation.focus();
    showEmpty();
    return;
  }
  const following = atBottom();
  let isNew = false;
  keepPlace(() => (isNew = place(data)));
  showEmpty();
  if (!isNew || String(data.user) === me) return;
  if (document.hidden) countMissed(missed + 1);
  const message = $(`message-${data.id}`);
  if (message) announce(message);
  if (detached || !following) $('jump-new').hidden = false;
}

/** The smallest file of a picture, by its name (kit::pictures::name). */
function portrait(picture) {
  const image = new Image(28, 28);
  image.alt = '';
  image.src = $('here-item').dataset.media + picture.replace(/-\d+x\d+(?=\.)/, '-64');
  return image;
}

function onPresence(users) {
  const here = $('here');
  const shown = [...here.children].map((item) => item.dataset.person).join();
  // The same people: whoever has the focus in the list keeps it.
  if (shown === users.map((user) => user.id).join()) return;
  const items = users.map((user) => {
    const item = $('here-item').content.firstElementChild.cloneNode(true);
    item.dataset.person = user.id;
    item.querySelector('a').href = user.url;
    const avatar = item.querySelector('.avatar');
    avatar.classList.add(`hue-${user.hue}`);
    if (user.picture) avatar.append(portrait(user.picture));
    else avatar.textContent = user.initials;
    item.querySelector('.person-name').textContent = user.name;
    return item;
  });
  here.replaceChildren(...items);
  $('here-none').hidden = users.length > 0;
}

/* ---------- The connection ---------- */

const connection = $('connection');
let stating = 0;
let state = 'online';

function onState(now) {
  // While a refused stream is tried again, what was said about it holds.
  if (state === 'refused' && now === 'connecting') return;
  state = now;
  clearTimeout(stating);
  if (now === 'online') {
    connection.hidden = true;
    connection.replaceChildren();
  } else if (now === 'connecting') {
    stating = setTimeout(() => report(connection.dataset.reconnecting), PATIENCE);
  } else {
    whyRefused();
  }
}

function report(text, link) {
  connection.replaceChildren(text, ...(link ? [' ', link] : []));
  connection.dataset.state = state;
  connection.hidden = false;
}

/** An EventSource does not tell which status it got: the room itself does. */
async function whyRefused() {
  let status = 0;
  let told = {};
  try {
    const response = await fetch(room.dataset.url, { headers: { Accept: 'application/json' }, redirect: 'manual' });
    status = response.status;
    told = status === 401 ? await response.json() : {};
  } catch {
    // Not reached at all, or no answer of ours: as good as a lost connection.
  }
  if (state !== 'refused') return;
  const { refused, login, reload, reconnecting } = connection.dataset;
  if (status === 401) report(refused, anchor(loginUrl(told.login), login));
  else if (status === 403 || status === 404) report(refused, anchor(room.dataset.url, reload));
  else report(reconnecting);
}

function anchor(href, text) {
  const link = document.createElement('a');
  link.href = href;
  link.textContent = text;
  return link;
}

function loginUrl(told) {
  const own = typeof told === 'string' && told.startsWith('/login');
  return own ? told : `/login?next=${encodeURIComponent(room.dataset.url)}`;
}

let unsubscribe = () => {};

function listen() {
  unsubscribe = subscribe(Number(room.dataset.room), cursor, { onEvent, onPresence, onState });
}

addEventListener('pagehide', () => {
  noteSeen();
  unsubscribe();
  const farewell = new URLSearchParams({ csrf_token: csrf, seen });
  navigator.sendBeacon(`${room.dataset.url}/away`, farewell);
});
// The back button may bring this very page back, as it was left.
addEventListener('pageshow', (event) => event.persisted && listen());
listen();

/* ---------- The composer ---------- */

const form = $('composer');
if (form) {
  composer(form, {
    delivered(data) {
      if (detached) {
        location.assign(`${room.dataset.url}#message-${data.id}`);
        return;
      }
      place(data);
      showEmpty();
      toBottom();
    },
    login: (told) => anchor(loginUrl(told), form.dataset.login),
    again: () => anchor(room.dataset.url, connection.dataset.reload),
  });
}
