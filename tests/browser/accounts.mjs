// Registering, logging out and logging in.
import assert from 'node:assert/strict';
import { PASSWORD, Person } from './lib/person.mjs';
import { Server } from './lib/server.mjs';

/** Presses Tab until the focus is on what matches; fails when it never comes there. */
async function tabTo(page, selector, most = 40) {
  for (let step = 0; step < most; step++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
  }
  assert.fail(`Tab never reached ${selector}`);
}

export default (test, { postgres }) => {
  test('register, log out and log in again by the keyboard alone', async (scene) => {
    const username = `asha${Date.now() % 1e7}`;
    const page = await scene.window({ path: '/' });
    const type = async (selector, text) => {
      await tabTo(page, selector);
      await page.keyboard.type(text);
    };

    await tabTo(page, 'a[href="/register"]');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/register/);
    await type('main [name=name]', 'Asha Devi');
    await type('main [name=username]', username);
    await type('main [name=email]', `${username}@example.org`);
    await type('main [name=password1]', PASSWORD);
    await type('main [name=password2]', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${scene.site.url}/`);
    assert.ok(await page.locator('body[data-user]').count(), 'logged in after registering');
    await page.locator('.flash').waitFor();

    await tabTo(page, '.user-menu summary');
    await page.keyboard.press('Enter');
    await tabTo(page, '.user-menu form button');
    await page.keyboard.press('Enter');
    await page.locator('body:not([data-user])').waitFor({ state: 'attached' });

    await tabTo(page, 'a[href^="/login"]');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/login/);
    await type('main [name=login]', `${username.toUpperCase()}@EXAMPLE.org`);
    await type('main [name=password]', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${scene.site.url}/`);
    assert.ok(await page.locator('body[data-user]').count(), 'logged in by e-mail in capitals');
  });

  test('a wrong password is told at the form, and the name typed stays', async (scene) => {
    const person = await scene.person();
    const page = await scene.window({ path: '/login' });
    await page.locator('main [name=login]').fill(person.username);
    await page.locator('main [name=password]').fill('not the password');
    const [answer] = await Promise.all([
      page.waitForResponse((response) => response.request().method() === 'POST'),
      page.keyboard.press('Enter'),
    ]);
    assert.equal(answer.status(), 422);
    const alert = page.locator('main form [role=alert]');
    await alert.waitFor();
    assert.ok((await alert.innerText()).trim().length > 10);
    assert.equal(await page.locator('main [name=login]').inputValue(), person.username);
    assert.equal(await page.locator('main [name=password]').inputValue(), '');
    assert.equal(await page.locator('body[data-user]').count(), 0);
  });

  test('errors of the registration stand at their fields', async (scene) => {
    const person = await scene.person();
    const page = await scene.window({ path: '/register' });
    // The browser's own checks are for comfort; here the server's are meant.
    await page.locator('main form').evaluate((form) => form.setAttribute('novalidate', ''));
    await page.locator('main [name=name]').fill('Somebody');
    await page.locator('main [name=username]').fill('two words');
    await page.locator('main [name=email]').fill('no address');
    await page.locator('main [name=password1]').fill('12345678');
    await page.locator('main [name=password2]').fill('12345678');
    await page.locator('main form button[type=submit]').click();
    const isTold = async (field) => {
      await page.locator(`#${field}-error`).waitFor();
      const control = page.locator(`main [name=${field}]`);
      assert.equal(await control.getAttribute('aria-invalid'), 'true');
      assert.ok((await control.getAttribute('aria-describedby')).split(' ').includes(`${field}-error`));
    };
    for (const field of ['username', 'email', 'password1']) await isTold(field);
    assert.equal(await page.locator('main [name=email]').inputValue(), 'no address');

    await page.locator('main [name=username]').fill(person.username.toUpperCase());
    await page.locator('main [name=email]').fill(`other-${person.email}`);
    for (const field of ['password1', 'password2']) await page.locator(`main [name=${field}]`).fill(PASSWORD);
    await page.locator('main form button[type=submit]').click();
    await isTold('username');
  });

  test('who must log in first comes back to where he wanted to go', async (scene) => {
    const person = await scene.person();
    const page = await scene.window({ path: '/rooms/new' });
    assert.match(page.url(), /\/login\?next=/);
    await page.locator('main [name=login]').fill(person.username);
    await page.locator('main [name=password]').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/rooms/new');
  });

  test('a site for members shows a stranger the log-in and nothing else', async (scene) => {
    const site = await new Server({ postgres }).start();
    try {
      const owner = await new Person(site).setUp('members');
      const room = await owner.openRoom({ name: 'Behind the gate' });
      const page = await scene.window({ site });
      for (const path of ['/', '/topics', '/activity', `/rooms/${room}`, `/developers/${owner.username}`]) {
        await page.goto(path);
        assert.equal(new URL(page.url()).pathname, '/login', path);
        assert.doesNotMatch(await page.content(), /Behind the gate/);
      }
      await page.goto(`/rooms/${room}`);
      await page.locator('main [name=login]').fill(owner.username);
      await page.locator('main [name=password]').fill(PASSWORD);
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/rooms/${room}`);
      // Before its server goes: the room's stream would complain.
      await page.close();
    } finally {
      await site.remove();
    }
  });

  test('the cookie of before the log-out is worth nothing', async (scene) => {
    const person = await scene.person();
    const page = await scene.window({ as: person, path: '/' });
    await page.locator('.user-menu summary').click();
    await page.locator('.user-menu form button').click();
    await page.locator('body:not([data-user])').waitFor({ state: 'attached' });
    const other = await scene.window({ as: person, path: '/' });
    assert.equal(await other.locator('body[data-user]').count(), 0);
  });
};
