// Nothing typed is lost when the session ended meanwhile.
import assert from 'node:assert/strict';
import { PASSWORD } from './lib/person.mjs';
import { isLive } from './lib/room.mjs';
import { until } from './lib/wait.mjs';

const TYPED = 'A long thought,\nover two lines, with <b>signs</b> & अक्षर 🪔';

async function logIn(page, person) {
  await page.waitForURL(/\/login/);
  await page.locator('main [name=login]').fill(person.username);
  await page.locator('main [name=password]').fill(PASSWORD);
  await page.locator('main form button[type=submit]').click();
}

export default (test) => {
  for (const javaScript of [true, false]) {
    const how = javaScript ? 'with JavaScript' : 'without JavaScript';

    test(`a message typed after the session ended is in the composer after the log-in, ${how}`, async (scene) => {
      const person = await scene.person();
      const room = await person.openRoom();
      const page = await scene.window({ as: person, javaScript, path: `/rooms/${room}`, networkMayFail: true });
      if (javaScript) await isLive(page);
      await page.locator('#composer [name=body]').fill(TYPED);
      await page.context().clearCookies({ name: /^chaupal_session_/ });
      await page.locator('#composer button[type=submit]').click();
      // A script may stay on the page, say so, and offer the way to the log-in.
      if (javaScript) {
        const way = page.locator('#composer a[href^="/login"], #connection a[href^="/login"]').first();
        await Promise.race([page.waitForURL(/\/login/), way.waitFor()]);
        if (!page.url().includes('/login')) await way.click();
      }
      await logIn(page, person);
      await page.waitForURL(new RegExp(`/rooms/${room}$`));
      await until('the text is back', async () => (await page.locator('#composer [name=body]').inputValue()) === TYPED);
      assert.equal(await page.locator('#messages li.message').count(), 0, 'nothing was posted by itself');
      await page.locator('#composer button[type=submit]').click();
      await page.locator('#messages li.message').waitFor();
      assert.equal(await page.locator('#messages .message-body').innerText(), TYPED);
      // What was kept is given back once.
      await page.goto(`/rooms/${room}`);
      if (javaScript) await isLive(page);
      assert.equal(await page.locator('#composer [name=body]').inputValue(), '');
    });

    test(`a room typed after the session ended is in the form after the log-in, ${how}`, async (scene) => {
      const person = await scene.person();
      const page = await scene.window({ as: person, javaScript, path: '/rooms/new' });
      await page.locator('main [name=name]').fill('A room of many words');
      await page.locator('main [name=topic]').fill('Patience');
      await page.locator('main [name=description]').fill(TYPED);
      await page.context().clearCookies({ name: /^chaupal_session_/ });
      await page.locator('main form button[type=submit]').click();
      await logIn(page, person);
      await page.waitForURL('**/rooms/new');
      assert.equal(await page.locator('main [name=name]').inputValue(), 'A room of many words');
      assert.equal(await page.locator('main [name=topic]').inputValue(), 'Patience');
      assert.equal(await page.locator('main [name=description]').inputValue(), TYPED);
    });
  }
};
