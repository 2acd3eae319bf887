// The network fails while somebody speaks.
import assert from 'node:assert/strict';
import { isLive, shown } from './lib/room.mjs';
import { stays, until } from './lib/wait.mjs';

async function room(scene) {
  const host = await scene.person();
  const id = await host.openRoom();
  const page = await scene.window({ as: host, path: `/rooms/${id}`, networkMayFail: true });
  await isLive(page);
  return { id, page, composer: page.locator('#composer [name=body]'), send: page.locator('#composer button[type=submit]') };
}

/** Notes the client ids of all posts of a window. */
function clientIds(page) {
  const ids = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/messages')) ids.push(new URLSearchParams(request.postData()).get('client_id'));
  });
  return ids;
}

export default (test) => {
  test('offline, the composer keeps the text and says so; back online it is posted once', async (scene) => {
    const { page, composer, send } = await room(scene);
    const ids = clientIds(page);
    await page.context().setOffline(true);
    await composer.fill('said in a tunnel');
    await send.click();
    await until('a word about the failure', async () => (await page.locator('#body-error').innerText()).trim());
    assert.equal(await composer.inputValue(), 'said in a tunnel');
    assert.deepEqual(await shown(page), []);

    await page.context().setOffline(false);
    // By itself or by another press of the button: both are the same message.
    await until('the message is posted', async () => {
      if ((await shown(page)).length) return true;
      if (await send.isEnabled()) await send.click();
      return false;
    }, 20_000);
    await stays('posted once', async () => JSON.stringify(await shown(page)) === JSON.stringify(['said in a tunnel']), 2500);
    await until('the composer is empty', async () => (await composer.inputValue()) === '');
    assert.equal(new Set(ids).size, 1, `one client id for all tries: ${ids}`);
    assert.ok(ids[0]?.length >= 8);
    await page.reload();
    assert.deepEqual(await shown(page), ['said in a tunnel']);
  });

  test('an answer lost after the message was taken: trying again posts nothing twice', async (scene) => {
    const { page, composer, send } = await room(scene);
    const ids = clientIds(page);
    let lost = 0;
    await page.route('**/messages', async (route) => {
      if (lost++) return route.continue();
      await route.fetch();
      return route.abort('connectionreset');
    });
    await composer.fill('said once');
    await send.click();
    await until('a second try', async () => {
      if (ids.length > 1) return true;
      if ((await page.locator('#body-error').innerText()).trim() && (await send.isEnabled())) await send.click();
      return false;
    }, 20_000);
    await until('the composer is empty', async () => (await composer.inputValue()) === '');
    await stays('there once', async () => JSON.stringify(await shown(page)) === JSON.stringify(['said once']), 2000);
    assert.equal(new Set(ids).size, 1, `one client id for all tries: ${ids}`);
    // The same words said again on purpose are a new message.
    await composer.fill('said once');
    await send.click();
    await until('said twice on purpose', async () => (await shown(page)).length === 2);
    assert.equal(new Set(ids).size, 2);
  });

  test('a refusal of the server is told, and the text stays', async (scene) => {
    const { page, composer, send } = await room(scene);
    await page.route('**/messages', (route) => route.fulfill({ status: 429, headers: { 'retry-after': '7' }, contentType: 'application/json', body: '{"detail":"Not so fast."}' }));
    await composer.fill('one word too many');
    await send.click();
    await until('the server\'s word', async () => (await page.locator('#body-error').innerText()).includes('Not so fast.'));
    assert.equal(await composer.inputValue(), 'one word too many');
  });
};
