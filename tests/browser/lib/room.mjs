// A room's page, as the tests use it.
import { until } from './wait.mjs';

/** The texts that the page shows, oldest first. */
export const shown = (page) => page.locator('#messages li.message .message-body').evaluateAll((all) => all.map((one) => one.textContent));

/** Waits until the page shows these texts, in this order; says what it shows when it does not. */
export async function shows(page, texts, within) {
  const wanted = JSON.stringify(texts);
  await until(`the page shows ${wanted}`, async () => {
    const now = JSON.stringify(await shown(page));
    if (now !== wanted) throw new Error(now);
    return true;
  }, within);
}

/** The id of who is logged in in this window. */
export const userOf = (page) => page.locator('body').getAttribute('data-user');

/** Waits until the window hears the room: who looks is among those who are here. */
export async function isLive(page) {
  const me = await userOf(page);
  await until('the window is live', async () => (await page.locator(`#here > li[data-person="${me}"]`).count()) === 1, 15_000);
}

/** Says something by the composer, which is empty then. It may still be on its way: who needs it to be there first waits
    until it shows. */
export async function post(page, text) {
  const body = page.locator('#composer [name=body]');
  await body.fill(text);
  await page.keyboard.press('Enter');
  await until('the composer is empty again', async () => (await body.inputValue()) === '');
}

/** How many event streams a browser holds open. */
export class Streams {
  #open = new Set();
  most = 0;

  constructor(context) {
    context.on('request', (request) => {
      if (!/\/events(\?|$)/.test(request.url())) return;
      this.#open.add(request);
      this.most = Math.max(this.most, this.count);
    });
    const gone = (request) => this.#open.delete(request);
    context.on('requestfinished', gone);
    context.on('requestfailed', gone);
  }

  get count() {
    // The stream of a tab that was closed ends without a word.
    return [...this.#open].filter((request) => !request.serviceWorker() && !request.frame().page().isClosed()).length;
  }
}
