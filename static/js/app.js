// What every page can do a little better with a script. All of it works without.

import { forgetDrafts, forgetDraftsOfOthers } from './drafts.js';

/* ---------- Light and dark ---------- */

const root = document.documentElement;
const toggle = document.querySelector('.theme-toggle');
const systemDark = matchMedia('(prefers-color-scheme: dark)');

const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : systemDark.matches);

function showTheme() {
  toggle?.setAttribute('aria-pressed', String(isDark()));
}

toggle?.addEventListener('click', () => {
  const theme = isDark() ? 'light' : 'dark';
  root.dataset.theme = theme;
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // No storage here: the choice holds for this page.
  }
  showTheme();
});
systemDark.addEventListener('change', showTheme);
// Another tab chose.
addEventListener('storage', ({ key, newValue }) => {
  if (key !== 'theme') return;
  if (newValue === 'light' || newValue === 'dark') root.dataset.theme = newValue;
  else delete root.dataset.theme;
  showTheme();
});
showTheme();

/* ---------- Menus ---------- */

const openMenus = () => document.querySelectorAll('details.menu[open]');

document.addEventListener('click', ({ target }) => {
  for (const menu of openMenus()) if (!menu.contains(target)) menu.open = false;
});
document.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  for (const menu of openMenus()) {
    if (menu.contains(document.activeElement)) menu.querySelector('summary').focus();
    menu.open = false;
  }
});

/* ---------- Text areas ---------- */

/** As high as the text; the style sheet sets how high at most. */
function grow(area) {
  const frame = area.offsetHeight - area.clientHeight;
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight + frame}px`;
}

/** How much room is left, in numbers alone, once it becomes scarce. */
function counter(area) {
  const limit = Number(area.dataset.limit);
  const note = document.createElement('p');
  note.className = 'field-count';
  note.setAttribute('aria-hidden', 'true');
  area.after(note);
  return () => {
    // Characters as people count them, like the server, not UTF-16 units.
    const length = [...area.value].length;
    note.hidden = length < limit * 0.8;
    note.textContent = `${length} / ${limit}`;
    note.classList.toggle('over', length > limit);
  };
}

for (const area of document.querySelectorAll('textarea')) {
  const count = area.dataset.limit ? counter(area) : () => {};
  const update = () => {
    grow(area);
    count();
  };
  area.addEventListener('input', update);
  update();
}

/* ---------- Drafts ---------- */

document.querySelector('form[action="/logout"]')?.addEventListener('submit', () => {
  forgetDrafts();
  try {
    // The other tabs hear of it.
    localStorage.setItem('logged-out', String(Date.now()));
  } catch {
    // No storage here: no drafts in it either.
  }
});
addEventListener('storage', ({ key }) => key === 'logged-out' && forgetDrafts());
forgetDraftsOfOthers();

/* ---------- Times ---------- */

const MINUTE = 60_000;
const UNITS = [
  ['day', 24 * 60 * MINUTE],
  ['hour', 60 * MINUTE],
  ['minute', MINUTE],
];
const relative = new Intl.RelativeTimeFormat(root.lang || undefined, { numeric: 'always' });

/** How far this machine's clock is from the server's, once it is known. */
let drift = null;

async function askForDrift() {
  const sent = Date.now();
  const answer = await fetch('/healthz', { method: 'HEAD', cache: 'no-store' });
  const told = Date.parse(answer.headers.get('Date'));
  return Number.isNaN(told) ? null : told - (sent + Date.now()) / 2;
}

// The server wrote how long ago it was when it drew the page; a page stays open for hours.
setInterval(async () => {
  if (document.hidden) return;
  drift ??= await askForDrift().catch(() => null);
  // Not reached: what the server wrote is nearer to the truth than a clock that may be wrong.
  if (drift === null) return;
  for (const time of document.querySelectorAll('time[datetime]')) {
    const age = Date.now() + drift - Date.parse(time.dateTime);
    const unit = UNITS.find(([, length]) => age >= length);
    // After a month the server writes the date.
    if (!unit || age > 30 * UNITS[0][1]) continue;
    time.textContent = relative.format(-Math.floor(age / unit[1]), unit[0]);
  }
}, MINUTE);

/* ---------- A room ---------- */

if (document.getElementById('conversation')) import('./room.js');
if (document.querySelector('.picture-field')) import('./picture.js');
