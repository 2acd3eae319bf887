// What was typed and not sent belongs to one user and one form, and goes with the logout.
import assert from 'node:assert/strict';
import { isLive } from './lib/room.mjs';
import { PASSWORD } from './lib/person.mjs';
import { until } from './lib/wait.mjs';

const TYPED = 'A thought that is not sent yet';
const composer = (page) => page.locator('#composer [name=body]');

async function logOut(page) {
  await page.locator('.user-menu summary').click();
  await page.locator('.user-menu form button').click();
  await page.locator('body:not([data-user])').waitFor({ state: 'attached' });
}

async function logIn(page, person, path) {
  await page.goto(`/login?next=${encodeURIComponent(path)}`);
  await page.locator('main [name=login]').fill(person.username);
  await page.locator('main [name=password]').fill(PASSWORD);
  await page.locator('main form button[type=submit]').click();
  await page.waitForURL(`**${path}`);
  await isLive(page);
}

export default (test) => {
  test('a draft is there after a reload, and gone for everybody after the logout', async (scene) => {
    const [first, second] = [await scene.person(), await scene.person()];
    const path = `/rooms/${await first.openRoom()}`;
    const page = await scene.window({ as: first, path });
    await isLive(page);
    await composer(page).fill(TYPED);
    await page.reload();
    await isLive(page);
    assert.equal(await composer(page).inputValue(), TYPED);
    await logOut(page);
    await logIn(page, second, path);
    assert.equal(await composer(page).inputValue(), '', 'the next user in the same tab');
    await logOut(page);
    await logIn(page, first, path);
    assert.equal(await composer(page).inputValue(), '', 'the first user again');
  });

  test('a draft is not shown to another user after a session that ended', async (scene) => {
    const [first, second] = [await scene.person(), await scene.person()];
    const path = `/rooms/${await first.openRoom()}`;
    const page = await scene.window({ as: first, path });
    await isLive(page);
    await composer(page).fill(TYPED);
    await page.context().clearCookies();
    await logIn(page, second, path);
    assert.equal(await composer(page).inputValue(), '');
  });

  test('a logout in one tab forgets the drafts of the others', async (scene) => {
    const person = await scene.person();
    const path = `/rooms/${await person.openRoom()}`;
    const page = await scene.window({ as: person, path, networkMayFail: true });
    await isLive(page);
    await composer(page).fill(TYPED);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await logOut(other);
    await until('the field is empty', async () => (await composer(page).inputValue()) === '');
    await logIn(page, person, path);
    assert.equal(await composer(page).inputValue(), '');
  });

  test('how long ago something was does not depend on the clock of the browser', async (scene) => {
    const person = await scene.person();
    const path = `/rooms/${await person.openRoom()}`;
    await person.post(`${path}/messages`, { body: 'just now' });
    const page = await scene.window({ as: person, path: '/' });
    await page.clock.install({ time: Date.now() + 5 * 3600_000 });
    await page.goto(path);
    const time = page.locator('#messages time').first();
    // The first minute asks the server for its time; the answer comes in real time.
    await Promise.all([page.waitForResponse((answer) => answer.url().endsWith('/healthz')), page.clock.runFor(61_000)]);
    await page.clock.runFor(121_000);
    assert.match(await time.innerText(), /^[1-3] minutes? ago$/);
  });
};
