// Chat rooms by name: a guest and a person talk, names are only names, and everything works without a script.
import assert from 'node:assert/strict';
import { isLive, post, shown } from './lib/room.mjs';
import { until } from './lib/wait.mjs';

let count = 0;
const newName = (word) => `${word} ${process.pid % 1000}x${++count}`;

/** Comes in by the door, as a person would. */
async function enter(page, room, name = null) {
  await page.goto('/chat');
  await page.locator('main [name=room_name]').fill(room);
  if (name !== null) await page.locator('main [name=username]').fill(name);
  await page.keyboard.press('Enter');
}

/** A guest's window asks for its stream: he is in no list by which to know that it is live. */
async function comeIn(page, by) {
  const live = page.waitForRequest(/\/events\?/);
  await by();
  await page.waitForURL(/\/chat\/./);
  await live;
}

async function guestWindow(scene, room, name, options = {}) {
  const page = await scene.window(options);
  await comeIn(page, () => enter(page, room, name));
  return page;
}

export default (test) => {
  test('a guest and a person talk, each sees the other without a reload, the guest is marked', async (scene) => {
    const room = newName('Maths');
    const person = await scene.person({ name: 'Asha Devi' });
    const guest = await guestWindow(scene, room, 'Tulika');
    const member = await scene.window({ as: person });
    await enter(member, room.toUpperCase());
    await member.waitForURL(guest.url());
    await isLive(member);
    for (const [speaker, listener, text] of [[guest, member, 'hello from a guest'], [member, guest, 'hello from a member']]) {
      await post(speaker, text);
      await until(`"${text}"`, async () => (await shown(listener)).at(-1) === text);
    }
    for (const page of [guest, member]) {
      assert.deepEqual(await shown(page), ['hello from a guest', 'hello from a member']);
      assert.deepEqual(await page.locator('#messages .message:has(.badge-guest) .message-name').allInnerTexts(), ['Tulika']);
      assert.equal(await page.locator('#messages .message').last().locator('a.message-name').innerText(), 'Asha Devi');
    }
    await until('it is read out who spoke, and that he is a guest', async () => /^Tulika, guest: hello from a guest/.test(await member.locator('#announcer').textContent()));
    assert.equal(await guest.locator('#here li').count(), 1, 'a guest sees the members who are here');
    assert.equal(await guest.locator('#messages .message-action:visible').count(), 0, 'and changes nothing');
    await member.locator('#messages .message').last().hover();
    await member.locator('#messages .message').last().locator('[data-action=delete]').click();
    await member.locator('main form button[type=submit]').click();
    await until('it is gone from the other window', async () => (await shown(guest)).join() === 'hello from a guest');
    await member.waitForURL(guest.url());
  });

  test('a message keeps its text when a member takes the name meanwhile', async (scene) => {
    const name = `tulika${process.pid % 1000}x${++count}`;
    // The browser complains of every 422 that a script gets.
    const guest = await guestWindow(scene, newName('Maths'), name, { networkMayFail: true });
    await post(guest, 'before');
    await scene.person({ username: name });
    const body = guest.locator('#composer [name=body]');
    await body.fill('after');
    await guest.keyboard.press('Enter');
    await until('he is told', async () => /member/.test(await guest.locator('#body-error').innerText()));
    assert.equal(await body.inputValue(), 'after');
    await guest.locator('.composer-guest a').click();
    await guest.locator('main [name=username]').fill('Tulika the guest');
    await guest.keyboard.press('Enter');
    await guest.waitForURL(/\/chat\/./);
    await until('the text waits for the new name', async () => (await body.inputValue()) === 'after');
    await body.press('Enter');
    await until('it is said', async () => (await shown(guest)).join() === 'before,after');
  });

  test('rooms of odd names are rooms like others and stay on this site', async (scene) => {
    const page = await scene.window();
    for (const name of ['..', '//evil.example', '?x#y%', '🌳 & <b>tea</b>', 'हिन्दी कक्षा', 'مرحبا', newName('a/b')]) {
      await comeIn(page, () => enter(page, name, 'Tulika'));
      assert.ok(page.url().startsWith(`${scene.site.url}/chat/`), page.url());
      assert.equal(await page.locator('h1').innerText(), name);
      await post(page, `in ${name}`);
      await page.reload();
      await until('it stands there after a reload', async () => (await shown(page)).includes(`in ${name}`));
      assert.equal(await page.locator('main b, main i').filter({ hasText: 'tea' }).count(), 0);
    }
  });

  test('no guest takes a name that looks like a member\'s, and what was typed stays', async (scene) => {
    const person = await scene.person({ name: 'Dhriti Das' });
    const page = await scene.window();
    const wide = [...person.username].map((letter) => (/[a-z0-9]/.test(letter) ? String.fromCodePoint(letter.codePointAt(0) + 0xfee0) : letter)).join('');
    for (const name of [person.username.toUpperCase(), wide, 'dhriti  DAS']) {
      await enter(page, 'Maths', name);
      const field = page.locator('main [name=username][aria-invalid=true]');
      await field.waitFor();
      assert.equal(await field.inputValue(), name);
      assert.equal(await page.locator('main [name=room_name]').inputValue(), 'Maths');
      assert.match(await page.locator('#username-error').innerText(), /member/);
    }
  });

  test('without a script: come in, talk, be told', async (scene) => {
    const room = newName('The well');
    const page = await scene.window({ javaScript: false });
    await page.goto(`/chat/${encodeURIComponent(room)}`);
    assert.equal(await page.locator('main [name=room_name]').inputValue(), room, 'a room that is not there yet is offered');
    await page.locator('main [name=username]').fill('Tulika');
    await page.locator('main form button[type=submit]').click();
    await page.waitForURL(/\/chat\/The~20well/);
    for (const text of ['first', 'second']) {
      await page.locator('#composer [name=body]').fill(text);
      await page.locator('#composer button[type=submit]').click();
      await page.waitForURL(/#message-\d+$/);
    }
    assert.deepEqual(await page.locator('#messages .message-body').allInnerTexts(), ['first', 'second']);
    const stranger = await scene.window({ javaScript: false, path: new URL(page.url()).pathname });
    assert.deepEqual(await stranger.locator('#messages .message-body').allInnerTexts(), ['first', 'second']);
    await stranger.locator('main [name=username]').fill('Ravi K');
    await stranger.locator('.composer-join button').click();
    await stranger.locator('#composer [name=body]').fill('third');
    await stranger.locator('#composer button[type=submit]').click();
    await stranger.waitForURL(/#message-\d+$/);
    // The cookie is gone when he wants to speak: he is asked, and the text stays.
    await stranger.context().clearCookies({ name: /^chaupal_guest_/ });
    await stranger.locator('#composer [name=body]').fill('fourth');
    await stranger.locator('#composer button[type=submit]').click();
    await stranger.locator('#composer [name=username]').fill('Ravi K');
    assert.equal((await stranger.locator('#composer [name=body]').inputValue()).trim(), 'fourth');
    await stranger.locator('#composer button[type=submit]').click();
    await stranger.waitForURL(/#message-\d+$/);
    assert.deepEqual(await stranger.locator('#messages .message-body').allInnerTexts(), ['first', 'second', 'third', 'fourth']);
  });

  test('by the keyboard alone', async (scene) => {
    const page = await scene.window({ path: '/' });
    await page.locator('.site-nav a[href="/chat"]').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/chat$/);
    await page.locator('main [name=room_name]').focus();
    await page.keyboard.type(newName('Keys'));
    await page.keyboard.press('Tab');
    await page.keyboard.type('Tulika');
    await page.keyboard.press('Tab');
    await comeIn(page, () => page.keyboard.press('Enter'));
    await page.locator('#conversation').focus();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.name), 'body', 'the composer comes after the talk');
    await page.keyboard.type('by keys');
    await page.keyboard.press('Enter');
    await until('it is said', async () => (await shown(page)).join() === 'by keys');
  });
};
