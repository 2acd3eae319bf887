// What came while one was away.
import assert from 'node:assert/strict';
import { isLive, shown } from './lib/room.mjs';
import { until } from './lib/wait.mjs';

export default (test) => {
  test('home counts what came since one looked, the room draws the line where it begins', async (scene) => {
    const [host, reader] = [await scene.person(), await scene.person()];
    const name = `Well of ${host.username}`;
    const room = await host.openRoom({ name });
    for (const text of ['old 1', 'old 2']) await host.say(room, text);
    const page = await scene.window({ as: reader, path: `/rooms/${room}` });
    await isLive(page);
    const home = `/?q=${encodeURIComponent(name)}`;
    const badge = page.locator('.room-card .unread');

    await page.goto(home);
    assert.equal(await badge.count(), 0, 'all was seen');
    for (const text of ['new 1', 'new 2', 'new 3']) await host.say(room, text);
    await page.reload();
    assert.match(await badge.innerText(), /3/);

    await page.locator('.room-card a').first().click();
    await page.waitForURL(`**/rooms/${room}`);
    const line = page.locator('#unread');
    assert.match(await line.innerText(), /3/);
    const after = await line.evaluate((element) => element.nextElementSibling.querySelector('.message-body').textContent);
    assert.equal(after, 'new 1');
    await page.goto(home);
    assert.equal(await badge.count(), 0, 'seen now');
  });

  test('what one saw arrive, and what one said, is not unread', async (scene) => {
    const [host, reader] = [await scene.person(), await scene.person()];
    const name = `Lamp of ${host.username}`;
    const room = await host.openRoom({ name });
    const page = await scene.window({ as: reader, path: `/rooms/${room}` });
    await isLive(page);
    await host.say(room, 'seen as it came');
    await until('the message', async () => (await shown(page)).length === 1);
    await reader.say(room, 'said elsewhere by myself');
    await until('my message', async () => (await shown(page)).length === 2);
    await page.goto(`/?q=${encodeURIComponent(name)}`);
    // The word of the departure may arrive after the page was drawn.
    await until('nothing is unread', async () => {
      await page.reload();
      return (await page.locator('.room-card').count()) === 1 && (await page.locator('.room-card .unread').count()) === 0;
    });
    for (const text of ['after he left', 'and once more']) await host.say(room, text);
    await page.reload();
    assert.match(await page.locator('.room-card .unread').innerText(), /2/);
  });
};
