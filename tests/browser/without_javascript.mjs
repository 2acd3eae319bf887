// Everything works without a script.
import assert from 'node:assert/strict';
import { PASSWORD } from './lib/person.mjs';

const messages = (page) => page.locator('#messages .message-body').allInnerTexts();

export default (test) => {
  test('register, open a room, say, edit, delete, close the room, log out', async (scene) => {
    const username = `ravi${Date.now() % 1e7}`;
    const page = await scene.window({ javaScript: false, path: '/register' });
    for (const [field, value] of Object.entries({ name: 'Ravi', username, email: `${username}@example.org`, password1: PASSWORD, password2: PASSWORD })) {
      await page.locator(`main [name=${field}]`).fill(value);
    }
    await page.locator('main form button[type=submit]').click();
    await page.waitForURL(`${scene.site.url}/`);

    await page.locator('main a[href="/rooms/new"]').first().click();
    await page.locator('main [name=name]').fill('The well');
    await page.locator('main [name=topic]').fill('Water');
    await page.locator('main [name=description]').fill('Where the water is.');
    await page.locator('main form button[type=submit]').click();
    await page.waitForURL(/\/rooms\/\d+$/);
    const room = page.url();
    assert.equal((await page.locator('h1').innerText()).trim(), 'The well');

    for (const text of ['The first word', 'The second word', 'The third word']) {
      await page.locator('#composer [name=body]').fill(text);
      await page.locator('#composer button[type=submit]').click();
      await page.waitForURL(/\/rooms\/\d+#message-\d+$/);
    }
    assert.deepEqual(await messages(page), ['The first word', 'The second word', 'The third word']);
    // The newest is in view without a script that scrolls.
    await page.goto(room);
    const newest = page.locator('#messages li.message').last();
    const box = await newest.boundingBox();
    assert.ok(box.y >= 0 && box.y + box.height <= 800, `the newest message is in view: ${JSON.stringify(box)}`);

    const second = page.locator('#messages li.message', { hasText: 'The second word' });
    await second.hover();
    await second.locator('a[href$="/edit"]').click();
    await page.locator('main [name=body]').fill('The second word, said better');
    await page.locator('main form button[type=submit]').click();
    await page.waitForURL(/\/rooms\/\d+#message-\d+$/);
    assert.deepEqual(await messages(page), ['The first word', 'The second word, said better', 'The third word']);
    assert.ok(await page.locator('#messages .message-edited').count());

    const first = page.locator('#messages li.message').first();
    await first.hover();
    await first.locator('a[href$="/delete"]').click();
    assert.match(await page.locator('main blockquote').innerText(), /The first word/);
    await page.locator('main form button[type=submit]').click();
    await page.waitForURL(/\/rooms\/\d+$/);
    assert.deepEqual(await messages(page), ['The second word, said better', 'The third word']);

    // An empty message is told at the composer.
    await page.goto(room);
    await page.locator('#composer [name=body]').fill('   ');
    await page.locator('#composer button[type=submit]').click();
    await page.locator('#composer [name=body][aria-invalid=true]').waitFor();
    assert.ok((await page.locator('#body-error').innerText()).trim());

    await page.goto(room);
    await page.locator('.room-menu summary').click();
    await page.locator('.room-menu a[href$="/edit"]').click();
    await page.locator('main [name=name]').fill('The old well');
    await page.locator('main form button[type=submit]').click();
    await page.waitForURL(room);
    assert.equal((await page.locator('h1').innerText()).trim(), 'The old well');

    await page.locator('.room-menu summary').click();
    await page.locator('.room-menu a[href$="/delete"]').click();
    await page.locator('main form button[type=submit]').click();
    await page.waitForURL(`${scene.site.url}/`);
    assert.equal((await page.goto(room)).status(), 404);

    await page.goto('/');
    await page.locator('.user-menu summary').click();
    await page.locator('.user-menu form button').click();
    await page.waitForURL(`${scene.site.url}/`);
    assert.equal(await page.locator('.user-menu').count(), 0);
  });

  test('the people of a room open on a phone', async (scene) => {
    const person = await scene.person();
    const room = await person.openRoom();
    const page = await scene.window({ javaScript: false, as: person, width: 390, path: `/rooms/${room}` });
    assert.ok(!(await page.locator('#people').isVisible()), 'closed at first');
    await page.locator('.people-button').click();
    await page.locator('#people .participants').waitFor();
    await page.locator('.people-close').click();
    await page.locator('#people').waitFor({ state: 'hidden' });
  });

  test('the search in the header finds everything, kind by kind, and leads to it', async (scene) => {
    const person = await scene.person();
    const word = `Mahua${Date.now() % 1e6}`;
    const room = await person.openRoom({ name: `Under the ${word}`, topic: 'Trees' });
    for (let number = 1; number <= 22; number++) await person.say(room, `**${word}** number ${number}`);
    const page = await scene.window({ javaScript: false, path: '/topics' });
    await page.locator('.site-search input[name=q]').fill(word.slice(0, -1).toLowerCase());
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/search\?q=/);
    const results = page.locator('.results > li');
    assert.match(await results.first().innerText(), /Under the/, 'what is called so comes first');
    assert.equal(await results.nth(1).locator('mark').innerText(), word);
    assert.match(await results.nth(1).locator('.result-text').innerText(), new RegExp(`^${word} number`), 'without the marks of Markdown');
    await page.locator('.tabs a', { hasText: 'Messages' }).click();
    await page.waitForURL(/kind=messages/);
    assert.equal(await results.count(), 20);
    await page.locator('.pager a[rel=next]').click();
    await page.waitForURL(/page=2/);
    assert.equal(await results.count(), 2);
    await results.first().locator('h2 a').click();
    await page.waitForURL(new RegExp(`/rooms/${room}\\?at=\\d+#message-\\d+`));
    await page.goto(`/search?q=nothing-of-that-name-${word}`);
    await page.locator('main a', { hasText: 'Search people' }).click();
    await page.waitForURL(/\/developers\?q=nothing/);
  });

  test('search finds rooms, topics and activity, and pages keep the query', async (scene) => {
    const person = await scene.person();
    const word = `Banyan${Date.now() % 1e6}`;
    const rooms = [];
    for (let number = 1; number <= 12; number++) rooms.push(await person.openRoom({ name: `${word} ${number}`, topic: `${word} things` }));
    await person.say(rooms[0], 'said under it');
    const page = await scene.window({ javaScript: false, path: '/' });

    await page.locator('main input[name=q]').fill(word.toLowerCase());
    await page.keyboard.press('Enter');
    await page.waitForURL(/\?q=/);
    const cards = page.locator('.room-card');
    assert.equal(await cards.count(), 10);
    assert.match(await page.locator('.column-rooms .section-head').innerText(), /12/, 'the count is of all matches');
    await page.locator('.pager a[rel=next]').click();
    await page.waitForURL(/page=2/);
    assert.match(page.url(), /q=/);
    assert.equal(await cards.count(), 2);
    await page.locator('.pager a[rel=prev]').click();
    assert.equal(await cards.count(), 10);

    await page.goto(`/?q=nothing-of-that-name-${word}`);
    assert.equal(await cards.count(), 0);
    assert.ok(await page.locator('.column-rooms .empty').isVisible());

    await page.goto('/topics');
    await page.locator('main input[name=q]').fill(word);
    await page.keyboard.press('Enter');
    await page.locator('main .topic-grid a', { hasText: `${word} things` }).click();
    assert.equal(await cards.count(), 10);

    await page.goto('/activity');
    await page.locator('main input[name=q]').fill(word);
    await page.keyboard.press('Enter');
    await page.waitForURL(/activity\?q=/);
    assert.equal(await page.locator('main .activity-item').count(), 1);
    await page.locator('main .activity-item .activity-text a').click();
    await page.waitForURL(/\/rooms\/\d+.*#message-\d+$/);
  });

  test('older messages come by a link', async (scene) => {
    const person = await scene.person();
    const room = await person.openRoom();
    for (let number = 1; number <= 120; number++) await person.say(room, `line ${number}`);
    const page = await scene.window({ javaScript: false, path: `/rooms/${room}` });
    const seen = [];
    for (;;) {
      seen.unshift(...(await messages(page)));
      const older = page.locator('#older a');
      if (!(await older.count())) break;
      await older.click();
      await page.waitForURL(/before=/);
    }
    assert.deepEqual(seen, Array.from({ length: 120 }, (_, index) => `line ${index + 1}`));
  });
};
