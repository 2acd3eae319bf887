// The field for one's own words. Without scripts it is a plain form; here it sends without leaving the page.
//
// What was sent leaves the field at once and waits in a row for its turn, so that one can type on. What fails comes back
// into the field, with the reason beside it.

import { Draft } from './drafts.js';

/** How many characters before the limit their number is shown. */
const NEAR_THE_LIMIT = 400;

/** A name for one message: tried again under it, it is posted once. (randomUUID is missing over plain HTTP.) */
const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Characters as people count them, like the server, not UTF-16 units. */
const lengthOf = (text) => [...text].length;

/**
 * `delivered(data)` takes the server's answer to a message, `login(url)` makes the link to the log-in, `again()` the one to
 * this very page, where one may say who one is.
 */
export function composer(form, { delivered, login, again }) {
  const field = form.elements.body;
  const button = form.querySelector('[type=submit]');
  const errors = document.getElementById('body-error');
  const count = document.getElementById('composer-count');
  const limit = Number(form.dataset.limit);
  const draft = new Draft(form.getAttribute('action'));
  // A finger's keyboard has no Shift + Enter.
  const touch = matchMedia('(pointer: coarse)');

  /** What waits to be posted, the first of it on its way. */
  const waiting = [];
  /** What failed: the same words go again under the same name. */
  let failed = { text: null, id: null };
  let isSending = false;

  function complain(text, link) {
    errors.replaceChildren(text, ...(link ? [' ', link] : []));
    if (text) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
  }

  /** Writes into the field as if it were typed: it grows, counts and is kept. */
  function fill(text) {
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }

  const keep = () => draft.keep([...waiting.map(({ text }) => text), field.value].filter(Boolean).join('\n'));

  function submit() {
    const text = field.value;
    if (!text.trim()) return;
    if (lengthOf(text) > limit) return complain(form.dataset.tooLong);
    waiting.push(text === failed.text ? failed : { text, id: newId() });
    failed = { text: null, id: null };
    fill('');
    send();
  }

  /** Posts what waits, one after the other, so that the order holds. */
  async function send() {
    if (isSending) return;
    isSending = true;
    button.setAttribute('aria-disabled', 'true');
    while (waiting.length && (await post(waiting[0]))) {
      waiting.shift();
      keep();
    }
    isSending = false;
    button.removeAttribute('aria-disabled');
  }

  /** What stands in the form beside the message: the token, and a guest's name where he is asked for it. */
  const fields = () => Object.fromEntries(new FormData(form));

  async function post(message) {
    let answer = null;
    let told = {};
    try {
      answer = await fetch(form.action, {
        method: 'POST',
        headers: { Accept: 'application/json' },
        body: new URLSearchParams({ ...fields(), body: message.text, client_id: message.id }),
      });
      told = await answer.json();
    } catch {
      // Not reached, or no answer of ours.
    }
    if (answer?.ok && told.html) {
      delivered(told);
      return true;
    }
    giveBack(message);
    // Somebody logged in or out in another window: the next try is by the token of now.
    if (told.csrf_token) form.elements.csrf_token.value = told.csrf_token;
    if (answer?.status === 401) complain(told.detail ?? '', login(told.login));
    else if (told.username) complain(told.username.join(' '), again());
    else complain([told.body, told.form, told.detail].flat().filter(Boolean).join(' ') || form.dataset.failed);
    return false;
  }

  /** What was not posted stands in the field again, before what was typed since. */
  function giveBack(message) {
    failed = message;
    const texts = [...waiting.splice(0).map(({ text }) => text), field.value];
    fill(texts.filter(Boolean).join('\n'));
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
  });

  field.addEventListener('keydown', (event) => {
    // Enter also chooses a word in the input methods of many scripts (229: Safari says so only by this code).
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229 || touch.matches) return;
    event.preventDefault();
    submit();
  });

  field.addEventListener('input', () => {
    if (errors.textContent) complain('');
    keep();
    const left = limit - lengthOf(field.value);
    count.hidden = left > NEAR_THE_LIMIT;
    count.classList.toggle('over', left < 0);
    count.querySelector('span').textContent = left.toLocaleString(document.documentElement.lang);
  });

  // The user has logged out in another tab.
  addEventListener('storage', ({ key }) => key === 'logged-out' && fill(''));

  // What the server gives back after a log-in is the same, or newer.
  if (!field.value) fill(draft.read());
}
