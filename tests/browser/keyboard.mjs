// Without a mouse, and without eyes.
import assert from 'node:assert/strict';
import { isLive, post, shown } from './lib/room.mjs';
import { stays, until } from './lib/wait.mjs';

export default (test) => {
  test('the first Tab shows the link that skips to the content, and it leads there', async (scene) => {
    for (const javaScript of [true, false]) {
      const page = await scene.window({ javaScript, path: '/' });
      await page.keyboard.press('Tab');
      const skip = page.locator('.skip-link');
      assert.ok(await skip.evaluate((link) => document.activeElement === link), 'the first stop');
      const box = await skip.boundingBox();
      assert.ok(box && box.y >= 0 && box.x >= 0 && box.height > 10 && box.width > 10, `seen: ${JSON.stringify(box)}`);
      await page.keyboard.press('Enter');
      await page.waitForURL(/#main$/);
      await page.keyboard.press('Tab');
      assert.ok(await page.evaluate(() => document.querySelector('main').contains(document.activeElement)), 'the next stop is in the content');
    }
  });

  test('another\'s message is announced politely, one\'s own is not', async (scene) => {
    const [host, guest] = [await scene.person({ name: 'Asha Devi' }), await scene.person({ name: 'Ravi' })];
    const room = await host.openRoom();
    const page = await scene.window({ as: host, path: `/rooms/${room}` });
    await isLive(page);
    const region = page.locator('#announcer');
    assert.equal(await region.getAttribute('aria-live'), 'polite');
    await region.evaluate((element) => {
      window.announced = [];
      new MutationObserver(() => element.textContent.trim() && window.announced.push(element.textContent.trim())).observe(element, { childList: true, characterData: true, subtree: true });
    });
    await post(page, 'my own words');
    await until('my message', async () => (await shown(page)).length === 1);
    await guest.say(room, 'words of another');
    await until('the announcement', () => page.evaluate(() => window.announced.some((text) => text.includes('words of another') && text.includes('Ravi'))));
    await stays('nothing about my own', async () => !(await page.evaluate(() => window.announced.some((text) => text.includes('my own words')))), 1000);
    // Neither the list itself nor anything around it shouts every change.
    assert.equal(await page.locator('#messages[aria-live], #conversation[aria-live=assertive]').count(), 0);
  });

  test('the theme is chosen by the keyboard, stays, and comes before the first paint', async (scene) => {
    const page = await scene.window({ path: '/', scheme: 'light' });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.locator('.theme-toggle').focus();
    await page.keyboard.press('Enter');
    await until('a dark ground', async () => (await ground()) !== light);
    const dark = await ground();
    assert.equal(await page.locator('.theme-toggle').getAttribute('aria-pressed'), 'true');
    await page.goto('/topics', { waitUntil: 'commit' });
    await page.waitForSelector('body');
    assert.equal(await ground(), dark, 'dark at once on the next page');
    await page.locator('.theme-toggle').click();
    await until('a light ground', async () => (await ground()) === light);
  });

  test('the system\'s dark theme is followed where nothing was chosen', async (scene) => {
    const page = await scene.window({ path: '/', scheme: 'light' });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.emulateMedia({ colorScheme: 'dark' });
    await until('a dark ground', async () => (await ground()) !== light);
  });

  test('menus close by Escape and by a click beside them', async (scene) => {
    const person = await scene.person();
    const page = await scene.window({ as: person, path: '/' });
    const menu = page.locator('.user-menu');
    const isOpen = () => menu.evaluate((details) => details.open);
    await menu.locator('summary').focus();
    await page.keyboard.press('Enter');
    assert.ok(await isOpen());
    await page.keyboard.press('Escape');
    await until('closed by Escape', async () => !(await isOpen()));
    assert.ok(await menu.locator('summary').evaluate((summary) => document.activeElement === summary), 'the focus is back');
    await menu.locator('summary').click();
    await page.locator('main').click({ position: { x: 5, y: 5 } });
    await until('closed by a click', async () => !(await isOpen()));
  });
};
