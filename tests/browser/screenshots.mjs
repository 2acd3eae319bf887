// Pictures of the main pages with demo content, for the README and for looking.
//
//   CHAUPAL_BIN=target/release/chaupal node tests/browser/screenshots.mjs FOLDER      (run.sh installs what it needs)
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { launch, newContext } from './lib/browser.mjs';
import { isLive } from './lib/room.mjs';
import { Person } from './lib/person.mjs';
import { Server } from './lib/server.mjs';

const folder = process.argv[2];
if (!folder || !process.env.CHAUPAL_BIN) {
  console.error('where to, and of which binary? CHAUPAL_BIN=target/release/chaupal node tests/browser/screenshots.mjs FOLDER');
  process.exit(2);
}
// The server runs in a folder of its own.
process.env.CHAUPAL_BIN = resolve(process.env.CHAUPAL_BIN);
process.env.CHROMIUM ??= '/usr/bin/chromium';
mkdirSync(folder, { recursive: true });

const site = await new Server({ settings: { CHAUPAL_SITE_NAME: 'Chaupal' } }).start(['--demo']);
const browser = await launch();
const problems = [];
try {
  const closed = await new Server().start();
  const setupLink = await closed.setupLink();
  // The demo people cannot log in: somebody new looks around among them.
  const page404 = '/rooms/99999999';
  const needsSetup = /\/setup\//.test(site.said);
  const me = needsSetup ? await new Person(site, { username: 'asha', name: 'Asha Devi' }).setUp() : await new Person(site, { username: 'asha', name: 'Asha Devi' }).register();
  const home = (await (await me.request('/')).text()).replaceAll('&#x2F;', '/');
  const room = home.match(/href="(\/rooms\/\d+)"/)?.[1];
  const person = home.match(/href="(\/developers\/[^"]+)"/)?.[1];
  const own = await me.openRoom({ name: 'An evening of questions', topic: 'Rust', description: 'Every Thursday after tea. Bring what you did not understand.' });
  await me.say(own, 'Who brings the tea today?');
  // One has been there before, so that something is unread.
  if (room) await me.say(room.split('/').pop(), 'Good evening to all under the tree!');
  const guest = new Person(site, { name: 'Tulika' });
  await guest.post('/chat', { room_name: 'Evening maths', username: 'Tulika' });
  const chat = '/chat/Evening~20maths';
  await guest.post(`${chat}/messages`, { body: 'Good evening! Is the homework the one with the two trains?' });
  await me.post(`${chat}/messages`, { body: 'It is. They meet after two hours; the question is where.' });
  await guest.post(`${chat}/messages`, { body: 'Then I have it: 120 km from the first town.' });
  const pages = [
    ['home', '/', null],
    ['home-member', '/', me],
    ['search-none', '/?q=nothing-has-this-name', me],
    ['topics', '/topics', me],
    ['activity', '/activity', me],
    ['room', room, me],
    ['room-stranger', room, null],
    ['room-own', `/rooms/${own}`, me],
    ['room-new', '/rooms/new', me],
    ['room-delete', `/rooms/${own}/delete`, me],
    ['person', person, me],
    ['chat', '/chat', null],
    ['chat-missing', '/chat/Nobody-was-here', null],
    ['chat-errors', '/chat?room_name=&username=', null],
    ['room-chat', chat, guest],
    ['room-chat-member', chat, me],
    ['room-chat-stranger', chat, null],
    ['login', '/login', null],
    ['register', '/register', null],
    ['error-404', page404, me],
    ['setup', setupLink, null],
    ['not-set-up', `${closed.url}/`, null],
  ];
  for (const [width, height] of [[1280, 800], [390, 844]]) {
    for (const scheme of ['light', 'dark']) {
      for (const [name, path, as] of pages) {
        if (!path) continue;
        const context = await newContext(browser, site, { as, width, height, scheme, networkMayFail: true }, problems);
        const page = await context.newPage();
        await page.goto(path);
        await page.evaluate(() => document.fonts.ready);
        if (name.startsWith('room') && as && as !== guest && (await page.locator('#here').count())) await isLive(page);
        await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`) });
        if (!name.startsWith('room')) await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}-whole.png`), fullPage: true });
        if (name === 'room' && width < 500) {
          await page.locator('.people-button').click();
          await page.screenshot({ path: join(folder, `people-${width}-${scheme}.png`) });
        }
        await context.close();
      }
    }
  }
  await closed.remove();
} finally {
  await browser.close();
  await site.remove();
}
console.log(`pictures in ${folder}`);
