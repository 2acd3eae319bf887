// What the eye notices: jumps, the place in a conversation, the end of it.
import assert from 'node:assert/strict';
import { isLive, shown } from './lib/room.mjs';
import { layoutShift } from './lib/look.mjs';
import { until } from './lib/wait.mjs';

/** A room with many messages, read by its host. */
async function longRoom(scene, count, options = {}) {
  const [host, guest] = [await scene.person(), await scene.person()];
  const room = await host.openRoom();
  for (let number = 1; number <= count; number++) await host.say(room, `line ${number}`);
  const page = await scene.window({ as: host, path: `/rooms/${room}`, ...options });
  await isLive(page);
  return { host, guest, room, page };
}

/** Where something stands in the window. */
const top = (locator) => locator.evaluate((element) => Math.round(element.getBoundingClientRect().top));

/** Whether it can be seen in the conversation. */
const isInView = (locator) =>
  locator.evaluate((element) => {
    const [box, frame] = [element.getBoundingClientRect(), document.querySelector('#conversation').getBoundingClientRect()];
    return box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1 && box.bottom <= innerHeight;
  });

export default (test) => {
  test('nothing jumps while home and a room load', async (scene) => {
    const { room, host } = await longRoom(scene, 20);
    for (const width of [1280, 390]) {
      for (const path of ['/', `/rooms/${room}`, `/developers/${host.username}`, '/rooms/new']) {
        const page = await scene.window({ as: host, width, motion: 'no-preference' });
        // A room's stream never ends: there the network is never idle.
        const isRoom = /^\/rooms\/\d/.test(path);
        await page.goto(path, { waitUntil: isRoom ? 'load' : 'networkidle' });
        if (isRoom) await isLive(page);
        const shift = await layoutShift(page);
        assert.ok(shift.sum < 0.02, `${path} at ${width} px: ${shift.sum} by ${shift.sources}`);
      }
    }
  });

  test('a room opens at its newest message, older ones come by scrolling up, and what one reads does not move', async (scene) => {
    const { page } = await longRoom(scene, 130);
    assert.ok(await isInView(page.locator('#messages li.message').last()), 'the newest is in view');
    const expected = Array.from({ length: 130 }, (_, index) => `line ${index + 1}`);
    assert.deepEqual(await shown(page), expected.slice(-50));
    for (const count of [100, 130]) {
      const oldest = page.locator('#messages li.message').first();
      const id = await oldest.getAttribute('id');
      await oldest.evaluate((element) => element.scrollIntoView({ block: 'center' }));
      const before = await top(page.locator(`#${id}`));
      await page.locator('#conversation').hover();
      await page.mouse.wheel(0, -60);
      await until(`${count} messages`, async () => (await shown(page)).length === count);
      const moved = Math.abs((await top(page.locator(`#${id}`))) - before);
      assert.ok(moved <= 120, `the message being read moved by ${moved} px`);
      assert.deepEqual(await shown(page), expected.slice(-count));
    }
    assert.equal(await page.locator('#older:visible').count(), 0, 'there is nothing older');
  });

  test('who reads further up is not pulled down by a new message, but told', async (scene) => {
    const { page, guest, room } = await longRoom(scene, 45);
    const reading = page.locator('#messages li.message').nth(10);
    await reading.evaluate((element) => element.scrollIntoView({ block: 'center' }));
    await page.locator('#conversation').hover();
    await page.mouse.wheel(0, -30);
    await until('the scrolling has ended', async () => {
      const one = await top(reading);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return one === (await top(reading));
    });
    const before = await top(reading);
    await guest.say(room, 'news');
    await until('the message', async () => (await shown(page)).at(-1) === 'news');
    assert.ok(Math.abs((await top(reading)) - before) <= 2, 'what one reads stays where it is');
    const jump = page.locator('#jump-new');
    await jump.waitFor();
    await jump.click();
    await until('the new message is in view', () => isInView(page.locator('#messages li.message').last()));
    await jump.waitFor({ state: 'hidden' });
  });

  test('who reads at the end follows the conversation', async (scene) => {
    for (const width of [1280, 390]) {
      const { page, guest, room } = await longRoom(scene, 30, { width });
      for (const text of ['one', 'two', `three ${'and more '.repeat(20)}`]) {
        await guest.say(room, text);
        await until('the message', async () => (await shown(page)).at(-1) === text.trim());
        await until('it is in view', () => isInView(page.locator('#messages li.message').last()));
      }
      assert.ok(!(await page.locator('#jump-new').isVisible()));
    }
  });

  test('the composer grows with what is typed and stays in view on a phone', async (scene) => {
    const { page } = await longRoom(scene, 10, { width: 390, height: 700 });
    const body = page.locator('#composer [name=body]');
    const height = async () => (await body.boundingBox()).height;
    const before = await height();
    await body.fill('line\n'.repeat(5));
    await until('it has grown', async () => (await height()) > before + 30);
    await body.fill('line\n'.repeat(200));
    const send = await page.locator('#composer button[type=submit]').boundingBox();
    assert.ok(send.y + send.height <= 700, 'the button is still in view');
    assert.ok((await height()) < 400, 'and the conversation too');
  });

  test('a link to a message shows it, also an old one', async (scene) => {
    const { host, room } = await longRoom(scene, 3);
    const old = await host.say(room, 'the one that is meant');
    for (let number = 1; number <= 80; number++) await host.say(room, `later ${number}`);
    const page = await scene.window({ as: host, path: '/activity?q=' + encodeURIComponent(`Room of ${host.name}`) });
    await page.goto(`/rooms/${room}?at=${old}#message-${old}`);
    assert.ok(await isInView(page.locator(`#message-${old}`)), 'it is in view');
  });

  test('times are shown in words, and the exact moment in the element', async (scene) => {
    const { page } = await longRoom(scene, 1);
    const time = page.locator('#messages time').first();
    assert.match(await time.getAttribute('datetime'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.ok((await time.innerText()).trim());
  });
};
