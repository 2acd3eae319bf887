// Two windows talk to each other.
import assert from 'node:assert/strict';
import { isLive, post, shown, shows, userOf } from './lib/room.mjs';
import { stays, until } from './lib/wait.mjs';

/** Two people in one room, each in a browser of his own. */
async function twoWindows(scene, options = {}) {
  const [host, guest] = [await scene.person(), await scene.person()];
  const room = await host.openRoom();
  const [one, two] = await Promise.all([host, guest].map((as) => scene.window({ as, path: `/rooms/${room}`, ...options })));
  await Promise.all([isLive(one), isLive(two)]);
  return { host, guest, room, one, two };
}

export default (test) => {
  test('what one says appears in the other window, once, in order, without a reload', async (scene) => {
    const { one, two } = await twoWindows(scene);
    const navigations = [];
    for (const page of [one, two]) page.on('framenavigated', (frame) => navigations.push(frame.url()));
    const said = [];
    for (let turn = 0; turn < 6; turn++) {
      const [speaker, listener] = turn % 2 ? [two, one] : [one, two];
      const text = `word ${turn}`;
      said.push(text);
      await post(speaker, text);
      await until(`"${text}" in the other window`, async () => (await shown(listener)).at(-1) === text);
    }
    for (const page of [one, two]) await until('all messages', async () => (await shown(page)).length === said.length);
    for (const page of [one, two]) {
      await stays('each message once, in order', async () => JSON.stringify(await shown(page)) === JSON.stringify(said), 1500);
    }
    assert.deepEqual(navigations.filter((url) => !url.includes('#')), [], 'no page was loaded');
  });

  test('Markdown shows in the other window at once, and again after an edit', async (scene) => {
    const { host, one, two } = await twoWindows(scene);
    const body = one.locator('#composer [name=body]');
    assert.match(await one.locator('#composer-hint').innerText(), /Markdown/);
    await body.fill(`**bold** and \`code\`, see https://example.org/a_b_c\nnext line\n\n\`\`\`python\nprint("${'far '.repeat(80)}")\n\`\`\``);
    await one.keyboard.press('Enter');
    for (const page of [one, two]) {
      const message = page.locator('#messages .message-body').first();
      await message.locator('strong', { hasText: 'bold' }).waitFor();
      assert.equal(await message.locator('p code').innerText(), 'code');
      const link = message.locator('a');
      assert.deepEqual(await link.evaluate((a) => [a.href, a.textContent, a.rel]), ['https://example.org/a_b_c', 'https://example.org/a_b_c', 'nofollow ugc noopener']);
      assert.equal(await message.locator('p br').count(), 1, 'a line break as typed');
      const code = message.locator('pre');
      assert.equal(await code.locator('code.language-python').count(), 1);
      await code.focus();
      await page.keyboard.press('ArrowRight');
      await until('the code is scrolled by a key', () => code.evaluate((pre) => pre.scrollLeft > 0));
    }
    const id = await one.locator('#messages li.message').first().getAttribute('data-id');
    await host.post(`/messages/${id}/edit`, { body: '*softer*' });
    for (const page of [one, two]) await page.locator('#messages .message-body em', { hasText: 'softer' }).waitFor();
  });

  test('both write at once, many messages: both windows show the same order', async (scene) => {
    const { host, guest, room, one, two } = await twoWindows(scene);
    const lines = (name) => Array.from({ length: 15 }, (_, number) => `${name} ${number}`);
    await Promise.all([host, guest].map(async (person, index) => {
      for (const line of lines(index ? 'guest' : 'host')) await person.say(room, line);
    }));
    for (const page of [one, two]) await until('30 messages', async () => (await shown(page)).length === 30);
    const order = await shown(one);
    assert.deepEqual(await shown(two), order);
    assert.deepEqual(order.filter((text) => text.startsWith('host')), lines('host'));
    assert.deepEqual(order.filter((text) => text.startsWith('guest')), lines('guest'));
    await one.reload();
    assert.deepEqual(await shown(one), order, 'the same after a reload');
  });

  test('edits and deletes show in the other window', async (scene) => {
    const { one, two } = await twoWindows(scene);
    await post(one, 'a word with a mistaek');
    await post(one, 'a word that will go');
    await until('both messages', async () => (await shown(two)).length === 2);

    // His own message offers its author both ways, live as after a reload; the other sees none.
    const mine = one.locator('#messages li.message').first();
    await until('the way to edit one\'s own message', async () => (await mine.locator('[data-action=edit]:not([hidden])').count()) === 1);
    assert.equal(await two.locator('#messages [data-action]:not([hidden])').count(), 0);

    const editor = await one.context().newPage();
    await editor.goto(await mine.locator('[data-action=edit]').getAttribute('href'));
    await editor.locator('main [name=body]').fill('a word without a mistake');
    await editor.locator('main form button[type=submit]').click();
    for (const page of [one, two]) {
      await until('the edit', async () => (await shown(page))[0] === 'a word without a mistake');
      assert.equal(await page.locator('#messages li.message').first().locator('.message-edited').count(), 1);
    }
    await editor.goto(await one.locator('#messages li.message').nth(1).locator('[data-action=delete]').getAttribute('href'));
    await editor.locator('main form button[type=submit]').click();
    for (const page of [one, two]) {
      await shows(page, ['a word without a mistake']);
    }
  });

  test('the host may delete what a guest says, at once and without a reload', async (scene) => {
    const { one, two } = await twoWindows(scene);
    await post(two, 'an unkind word');
    const message = one.locator('#messages li.message');
    await message.waitFor();
    await until('the way to delete', async () => (await message.locator('[data-action=delete]:not([hidden])').count()) === 1);
    assert.equal(await message.locator('[data-action=edit]:not([hidden])').count(), 0, 'but not to edit');
  });

  test('a stranger reads along and is asked to log in', async (scene) => {
    const { host, room } = await twoWindows(scene);
    const stranger = await scene.window({ path: `/rooms/${room}` });
    assert.equal(await stranger.locator('#composer').count(), 0);
    assert.ok(await stranger.locator(`.composer-closed a[href^="/login?next="]`).isVisible());
    await host.say(room, 'heard by all');
    await until('the message', async () => (await shown(stranger)).includes('heard by all'));
    assert.equal(await stranger.locator('#messages [data-action]:not([hidden])').count(), 0);
  });

  test('here now shows both, and one no longer within 30 seconds after his last tab closed', async (scene) => {
    const { one, two } = await twoWindows(scene);
    const [host, guest] = [await userOf(one), await userOf(two)];
    const here = () => one.locator('#here > li').evaluateAll((all) => all.map((item) => item.dataset.person).sort());
    await until('both are here', async () => JSON.stringify(await here()) === JSON.stringify([host, guest].sort()));
    const second = await two.context().newPage();
    await second.goto(two.url());
    await isLive(second);
    await two.close();
    await stays('a second tab keeps him here', async () => (await here()).includes(guest), 3000);
    await second.close();
    await until('the guest has left', async () => JSON.stringify(await here()) === JSON.stringify([host]), 30_000);
  });

  test('who posts is among the participants, once, the host marked as such', async (scene) => {
    const { host, guest, room, one, two } = await twoWindows(scene);
    await post(two, 'first');
    await post(two, 'second');
    await until('both messages', async () => (await shown(one)).length === 2);
    await one.reload();
    const participants = one.locator('.participants').first().locator('li');
    assert.deepEqual((await participants.locator('.person-name').allInnerTexts()).sort(), [host.name, guest.name].sort());
    assert.equal(await participants.filter({ hasText: host.name }).locator('.badge').count(), 1);

    // The host takes him out: the list is shorter, and his composer is closed.
    await participants.filter({ hasText: guest.name }).locator('button').click();
    await until('the guest is out', async () => (await one.locator('.participants').first().locator('li').count()) === 1);
    await two.goto(`/rooms/${room}`);
    assert.equal(await two.locator('#composer').count(), 0);
    await one.locator(`form[action$="/participants/${guest.username}/restore"] button`).click();
    await two.goto(`/rooms/${room}`);
    await two.locator('#composer').waitFor();
  });

  test('Enter sends, Shift and Enter makes a line', async (scene) => {
    const { one, two } = await twoWindows(scene);
    await one.locator('#composer [name=body]').focus();
    await one.keyboard.type('one line');
    await one.keyboard.press('Shift+Enter');
    await one.keyboard.type('and another');
    await one.keyboard.press('Enter');
    await shows(two, ['one line\nand another']);
    assert.ok(await one.evaluate(() => document.activeElement?.id === 'body'), 'the focus stays in the composer');
    // Nothing but blanks is not sent.
    await one.keyboard.type('   ');
    await one.keyboard.press('Enter');
    await stays('a blank message is not posted', async () => (await shown(two)).length === 1, 1000);
  });

  test('under a finger, Enter makes a line and the button sends', async (scene) => {
    const host = await scene.person();
    const room = await host.openRoom();
    const page = await scene.window({ as: host, width: 390, touch: true, path: `/rooms/${room}` });
    await isLive(page);
    await page.locator('#composer [name=body]').tap();
    await page.keyboard.type('first line');
    await page.keyboard.press('Enter');
    await page.keyboard.type('second line');
    assert.deepEqual(await shown(page), []);
    await page.locator('#composer button[type=submit]').tap();
    await shows(page, ['first line\nsecond line']);
  });

  test('who types faster than the network loses nothing, and the order holds', async (scene) => {
    const { one, two } = await twoWindows(scene);
    // Each answer takes its time.
    await one.route('**/messages', async (route) => {
      const response = await route.fetch();
      await new Promise((resolve) => setTimeout(resolve, 700));
      await route.fulfill({ response });
    });
    const lines = ['quick one', 'quick two', 'quick three'];
    for (const line of lines) {
      await one.locator('#composer [name=body]').fill(line);
      await one.keyboard.press('Enter');
      // The next line is typed when the field is free, or over the old one while that is on its way.
      await stays('typing on', () => true, 300);
      await until('room for the next line', async () => ['', line].includes(await one.locator('#composer [name=body]').inputValue()));
    }
    for (const page of [one, two]) await shows(page, lines);
    await until('the composer is empty', async () => (await one.locator('#composer [name=body]').inputValue()) === '');
  });

  test('4,000 characters pass, in Devanagari and emoji too; one more is told and stays', async (scene) => {
    const { one, two } = await twoWindows(scene);
    for (const text of ['क'.repeat(4000), '🪔'.repeat(4000)]) {
      await one.locator('#composer [name=body]').fill(text);
      await one.locator('#composer button[type=submit]').click();
      await until('the long message', async () => (await shown(two)).at(-1) === text);
    }
    const tooLong = '🪔'.repeat(4001);
    await one.locator('#composer [name=body]').fill(tooLong);
    await one.locator('#composer button[type=submit]').click();
    await until('a word about the length', async () => (await one.locator('#body-error').innerText()).trim());
    assert.equal(await one.locator('#composer [name=body]').inputValue(), tooLong);
    assert.equal((await shown(two)).length, 2);
  });
};
