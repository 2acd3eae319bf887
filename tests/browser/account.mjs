// One's own account.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PASSWORD, Person } from './lib/person.mjs';
import { isLive } from './lib/room.mjs';
import { codeOf } from './lib/totp.mjs';

const NEW = 'a lantern by the old well';

export default (test) => {
  test('another password: this window goes on, the other is sent to the log-in', async (scene) => {
    const asha = await scene.person();
    const again = new Person(scene.site, { username: asha.username });
    await again.post('/login', { login: asha.username, password: PASSWORD });
    const [page, other] = [await scene.window({ as: asha, path: '/account' }), await scene.window({ as: again, path: '/account' })];
    await page.locator('main a[href="/account/password"]').click();
    for (const [field, value] of [['password', PASSWORD], ['password1', NEW], ['password2', NEW]]) await page.locator(`main [name=${field}]`).fill(value);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/account$/);
    await page.locator('.flash').getByText('Your new password is kept').waitFor();
    await other.reload();
    assert.match(other.url(), /\/login\?next=/);
  });

  test('log-ins are listed, and ended one by one: an open room is told', async (scene) => {
    const asha = await scene.person();
    const room = await asha.openRoom();
    const again = new Person(scene.site, { username: asha.username });
    await again.post('/login', { login: asha.username, password: PASSWORD }, { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' });
    const other = await scene.window({ as: again, path: `/rooms/${room}` });
    await isLive(other);
    const page = await scene.window({ as: asha, path: '/account/sessions' });
    assert.equal(await page.locator('.session-list li').count(), 2);
    await page.getByRole('button', { name: /Log out.*Firefox on Linux/ }).click();
    await page.locator('.flash').waitFor();
    assert.equal(await page.locator('.session-list li').count(), 1);
    assert.equal(await page.getByRole('button', { name: 'Log out everywhere else' }).count(), 0);
    await other.reload();
    assert.equal(await other.locator('body[data-user]').count(), 0);
  });

  test('the file of one\'s data is a zip', async (scene) => {
    const page = await scene.window({ as: await scene.person(), path: '/account/export' });
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
    assert.match(download.suggestedFilename(), /^account-\d{4}-\d\d-\d\d\.zip$/);
    const bytes = readFileSync(await download.path());
    assert.equal(bytes.subarray(0, 2).toString(), 'PK');
    for (const name of ['account.json', 'messages.json', 'rooms.json', 'sessions.json']) assert.ok(bytes.includes(name), name);
  });

  test('a second step at the log-in: set up, asked for, and a recovery code for a lost phone', async (scene) => {
    const asha = await scene.person();
    const page = await scene.window({ as: asha, path: '/account' });
    await page.getByRole('link', { name: /Second step/ }).click();
    await page.locator('main [name=password]').fill(PASSWORD);
    await page.keyboard.press('Enter');
    const secret = await page.locator('.secret-text').textContent();
    const uri = new URL(await page.locator('a[href^="otpauth:"]').getAttribute('href'));
    assert.equal(uri.searchParams.get('secret'), secret.replaceAll(' ', ''));
    assert.ok((await page.locator('svg.qr').boundingBox()).width > 150);
    await page.locator('#code').fill('000000');
    await page.keyboard.press('Enter');
    await page.locator('#code-error').waitFor();
    await page.locator('#code').fill(codeOf(secret));
    await page.keyboard.press('Enter');
    await page.locator('.recovery-codes').waitFor();
    const codes = await page.locator('.recovery-codes code').allTextContents();
    assert.equal(new Set(codes).size, 10);

    const other = await scene.window({ path: '/rooms/new' });
    for (const [given, wanted] of [[codeOf(secret, 1), 'Good to see you'], [codes[3].toUpperCase(), '9 recovery codes are left']]) {
      await other.goto('/login?next=/topics');
      await other.locator('main [name=login]').fill(asha.username);
      await other.locator('main [name=password]').fill(PASSWORD);
      await other.keyboard.press('Enter');
      await other.waitForURL(/\/login\/code/);
      assert.equal(await other.locator('body[data-user]').count(), 0);
      await other.locator('#code').fill('123456');
      await other.keyboard.press('Enter');
      await other.locator('#code-error').waitFor();
      await other.locator('#code').fill(given);
      await other.keyboard.press('Enter');
      await other.waitForURL(/\/topics$/);
      await other.locator('.flash').getByText(wanted).waitFor();
      await other.locator('.user-menu summary').click();
      await other.locator('.user-menu form button').click();
      await other.locator('a[href="/login"]').first().waitFor();
    }
  });

  test('an account is deleted after its password, by the keyboard', async (scene) => {
    const asha = await scene.person();
    const room = await asha.openRoom({ name: `Room of ${asha.username}` });
    const page = await scene.window({ as: asha, path: '/account' });
    await page.getByRole('link', { name: /Delete your account/ }).click();
    await page.getByText('What stays').waitFor();
    await page.locator('main [name=password]').fill('not this one');
    await page.keyboard.press('Enter');
    await page.locator('#password-error').waitFor();
    await page.locator('main [name=password]').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${scene.site.url}/`);
    assert.equal(await page.locator('body[data-user]').count(), 0);
    await page.goto(`/rooms/${room}`);
    await page.getByText('a former member').first().waitFor();
  });
};
