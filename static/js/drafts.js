// What was typed but is not sent yet, stored in this tab by user and form. It goes with the logout, in all tabs.

const PREFIX = 'draft ';

const of = (user) => `${PREFIX}${user} `;

/** The user of this page; nobody, for a guest. */
const user = document.body.dataset.user ?? '';

function forget(isForgotten) {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX) && isForgotten(key)) sessionStorage.removeItem(key);
  } catch {
    // No storage here.
  }
}

export const forgetDrafts = () => forget(() => true);

/** Somebody else is logged in now. A guest who logs in may come back as a guest. */
export function forgetDraftsOfOthers() {
  if (user) forget((key) => !key.startsWith(of(user)) && !key.startsWith(of('')));
}

/** The draft of one form. */
export class Draft {
  constructor(form) {
    this.key = of(user) + form;
  }

  read() {
    try {
      return sessionStorage.getItem(this.key) ?? '';
    } catch {
      return '';
    }
  }

  keep(text) {
    try {
      if (text) sessionStorage.setItem(this.key, text);
      else sessionStorage.removeItem(this.key);
    } catch {
      // No storage here: the text stays in the field as long as the page does.
    }
  }
}
