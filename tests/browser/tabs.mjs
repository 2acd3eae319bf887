// Eight tabs of one browser, which opens six connections to a host.
import assert from 'node:assert/strict';
import { isLive, shown, shows, Streams } from './lib/room.mjs';
import { until } from './lib/wait.mjs';

const TABS = 8;

async function openTabs(context, paths) {
  return Promise.all(
    paths.map(async (path) => {
      const page = await context.newPage();
      await page.goto(path);
      return page;
    }),
  );
}

/** Says something in each room and waits for it in each tab. */
async function everyTabHears(other, rooms, tabs, text) {
  await Promise.all([...new Set(rooms)].map((room) => other.say(room, `${text} in ${room}`)));
  await Promise.all(
    tabs.map((tab, index) =>
      until(`"${text}" in tab ${index + 1}`, async () => (await shown(tab)).filter((one) => one === `${text} in ${rooms[index]}`).length === 1),
    ),
  );
}

export default (test) => {
  test('eight tabs in eight rooms: all load, all hear, one stream', async (scene) => {
    const [host, other] = [await scene.person(), await scene.person()];
    const rooms = [];
    for (let number = 0; number < TABS; number++) rooms.push(await host.openRoom());
    const context = await scene.browserOf({ as: host });
    const streams = new Streams(context);
    const tabs = await openTabs(context, rooms.map((room) => `/rooms/${room}`));
    await Promise.all(tabs.map(isLive));
    await everyTabHears(other, rooms, tabs, 'first');
    assert.ok(await tabs[0].evaluate(() => Boolean(navigator.locks)), 'this browser has Web Locks');
    await until('one stream for the whole browser', () => streams.count === 1);

    // The browser is still free for other pages.
    const home = await context.newPage();
    await home.goto('/', { timeout: 5000 });
    await home.close();

    // Whichever tab holds the stream: when it goes, another one takes over, and nothing is missed.
    for (const closed of [0, 0, 0]) {
      const [tab] = tabs.splice(closed, 1);
      const [room] = rooms.splice(closed, 1);
      await tab.close();
      await Promise.all(rooms.map((one) => other.say(one, `while ${room} closed`)));
      await Promise.all(tabs.map((one) => until('what was said meanwhile', async () => (await shown(one)).filter((text) => text === `while ${room} closed`).length === 1)));
    }
    await everyTabHears(other, rooms, tabs, 'later');
    await until('still one stream', () => streams.count === 1);

    // A tab that walks on to another room hears that one.
    const further = await host.openRoom();
    await tabs[0].goto(`/rooms/${further}`);
    await isLive(tabs[0]);
    await everyTabHears(other, [further, ...rooms.slice(1)], tabs, 'walked on');
  });

  test('eight tabs of one room: all hear, each message once, one stream', async (scene) => {
    const [host, other] = [await scene.person(), await scene.person()];
    const room = await host.openRoom();
    const context = await scene.browserOf({ as: host });
    const streams = new Streams(context);
    const tabs = await openTabs(context, Array(TABS).fill(`/rooms/${room}`));
    await Promise.all(tabs.map(isLive));
    await everyTabHears(other, Array(TABS).fill(room), tabs, 'hello');
    // Said in one tab, seen in all of this browser's.
    await tabs[3].locator('#composer [name=body]').fill('from the fourth');
    await tabs[3].keyboard.press('Enter');
    const expected = [`hello in ${room}`, 'from the fourth'];
    await Promise.all(tabs.map((tab) => shows(tab, expected)));
    await until('one stream for the whole browser', () => streams.count === 1);
  });

  test('two people logged in one after the other in one browser do not hear with each other\'s ears', async (scene) => {
    const [host, guest] = [await scene.person(), await scene.person()];
    const room = await host.openRoom();
    const context = await scene.browserOf({ as: host });
    const page = await context.newPage();
    await page.goto(`/rooms/${room}`);
    await isLive(page);
    await context.addCookies(guest.cookies);
    await page.goto(`/rooms/${room}`);
    await isLive(page);
    await guest.say(room, 'it is me now');
    await page.locator('#messages [data-action=edit]:not([hidden])').waitFor({ state: 'attached' });
  });
};
