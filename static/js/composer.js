// The field for one's own words. Without scripts it is a plain form; here it sends without leaving the page.

const NEAR_THE_LIMIT = 200;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A name for one message, so that trying again posts nothing twice. (randomUUID is missing over plain HTTP.) */
const clientId = () => Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => LETTERS[byte % LETTERS.length]).join('');

/** What was typed, kept in this tab until it is sent. */
function draftOf(key) {
  const storage = (() => {
    try {
      return window.sessionStorage;
    } catch {
      return null;
    }
  })();
  return {
    read: () => storage?.getItem(key) ?? '',
    keep: (text) => {
      try {
        if (text) storage?.setItem(key, text);
        else storage?.removeItem(key);
      } catch {
        // No room left: the text is still in the field.
      }
    },
  };
}

/** Brings the form to life; `delivered` takes the server's answer to a message. */
export function composer(form, delivered) {
  const field = form.elements.body;
  const button = form.querySelector('[type=submit]');
  const error = document.getElementById('body-error');
  const counter = document.getElementById('composer-count');
  const limit = Number(form.dataset.limit);
  const draft = draftOf(`draft ${form.action}`);
  /** The message under way, or the last one that failed: the same words go again under the same name. */
  let attempt = { text: null, id: null };
  let isSending = false;
  let isNextReady = false;

  const left = () => limit - [...field.value.trim()].length;

  function changed() {
    draft.keep(field.value);
    const rest = left();
    counter.hidden = rest > NEAR_THE_LIMIT;
    counter.classList.toggle('is-over', rest < 0);
    counter.querySelector('span').textContent = rest.toLocaleString(document.documentElement.lang);
    if (!CSS.supports('field-sizing', 'content')) {
      field.style.height = 'auto';
      field.style.height = `${field.scrollHeight + 2}px`;
    }
  }

  function fail(text, link) {
    error.replaceChildren(text, ...(link ? [' ', link] : []));
    if (text) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
  }

  function busy(is) {
    isSending = is;
    // Not `disabled`: that would take the focus away.
    button.setAttribute('aria-disabled', String(is));
  }

  /** Tells what the server said, by its own words where it has some. */
  async function refused(answer) {
    const said = await answer.json().catch(() => ({}));
    if (answer.status === 401 && said.login) {
      const link = document.createElement('a');
      link.href = said.login;
      link.textContent = form.dataset.login;
      return fail(said.detail ?? '', link);
    }
    const fields = Object.values(said).flat().filter((text) => typeof text === 'string');
    return fail(fields.join(' ') || form.dataset.failed);
  }

  async function send() {
    if (isSending) {
      isNextReady = true;
      return;
    }
    const text = field.value;
    if (!text.trim()) return;
    if (left() < 0) return fail(form.dataset.tooLong);
    if (attempt.text !== text) attempt = { text, id: clientId() };
    busy(true);
    fail('');
    try {
      const body = new URLSearchParams({ body: text, client_id: attempt.id, csrf_token: form.elements.csrf_token.value });
      const answer = await fetch(form.action, { method: 'POST', headers: { Accept: 'application/json' }, body });
      if (!answer.ok) {
        await refused(answer);
      } else {
        const data = await answer.json();
        attempt = { text: null, id: null };
        // What was typed meanwhile stays.
        field.value = field.value.startsWith(text) ? field.value.slice(text.length) : field.value;
        changed();
        delivered(data);
        if (document.activeElement === button) field.focus();
      }
    } catch {
      fail(form.dataset.failed);
      isNextReady = false;
    }
    busy(false);
    if (isNextReady) {
      isNextReady = false;
      send();
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  field.addEventListener('input', changed);
  field.addEventListener('keydown', (event) => {
    // While a word is being composed (Hindi, Chinese …) Enter belongs to the keyboard; on a phone it makes a line.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || matchMedia('(pointer: coarse)').matches) return;
    event.preventDefault();
    form.requestSubmit();
  });

  if (!field.value) field.value = draft.read();
  changed();
}
