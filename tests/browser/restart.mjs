// The server is killed and comes back.
import assert from 'node:assert/strict';
import { isLive, post, shown, shows } from './lib/room.mjs';
import { Person } from './lib/person.mjs';
import { Server } from './lib/server.mjs';
import { stays } from './lib/wait.mjs';

export default (test, { postgres }) => {
  test('windows show that the connection broke, come back by themselves, and miss nothing', async (scene) => {
    const site = await new Server({ postgres }).start();
    try {
      const host = await new Person(site).setUp();
      const [guest, third] = [await new Person(site).register(), await new Person(site).register()];
      const room = await host.openRoom();
      const windows = await Promise.all([host, guest].map((as) => scene.window({ site, as, path: `/rooms/${room}`, networkMayFail: true })));
      await Promise.all(windows.map(isLive));
      await post(windows[0], 'before');
      for (const page of windows) await shows(page, ['before']);
      const before = await third.say(room, 'to be changed');
      for (const page of windows) await shows(page, ['before', 'to be changed']);
      await Promise.all(windows.map((page) => page.evaluate(() => (window.stillTheSame = true))));

      await site.stop('SIGKILL');
      for (const page of windows) await page.locator('#connection').waitFor({ state: 'visible', timeout: 20_000 });
      // Typed while nothing answers: it stays.
      await windows[1].locator('#composer [name=body]').fill('typed in the dark');

      await site.start();
      // Said by plain HTTP, most likely before the windows are back.
      for (let number = 1; number <= 5; number++) await third.say(room, `meanwhile ${number}`);
      await third.post(`/messages/${before}/edit`, { body: 'changed meanwhile' });
      const expected = ['before', 'changed meanwhile', ...Array.from({ length: 5 }, (_, index) => `meanwhile ${index + 1}`)];
      for (const page of windows) {
        await shows(page, expected, 30_000);
        await page.locator('#connection').waitFor({ state: 'hidden' });
        assert.equal(await page.evaluate(() => window.stillTheSame), true, 'the page was not loaded anew');
      }
      assert.equal(await windows[1].locator('#composer [name=body]').inputValue(), 'typed in the dark');
      await windows[1].locator('#composer button[type=submit]').click();
      expected.push('typed in the dark');
      for (const page of windows) {
        await shows(page, expected);
        await stays('nothing comes twice', async () => (await shown(page)).length === expected.length, 1500);
      }
    } finally {
      await site.remove();
    }
  });
};
