// A forgotten password, from "forgot?" to the log-in with the new one, by real mail.
import assert from 'node:assert/strict';
import { letter, lettersTo, linkIn, postal } from './lib/letters.mjs';
import { PASSWORD, Person } from './lib/person.mjs';
import { Server } from './lib/server.mjs';

const NEW = 'a lantern by the old well';

const sites = [];

/** A site of its own, whose letters go by the mail server. */
async function begin(postgres) {
  const site = new Server({ postgres, settings: { ...postal(), CHAUPAL_THROTTLE__RESET: 'off', CHAUPAL_ACCOUNTS__CONFIRM_EMAIL: 'true' } });
  sites.push(site);
  await site.start();
  await new Person(site).setUp();
  return site;
}

/** Somebody with an account on a site where a letter must confirm it. */
async function registered(site) {
  const person = new Person(site);
  const { name, username, email, password } = person;
  await person.post('/register', { name, username, email });
  const { text } = await letter(email, 'Your account');
  const link = new URL(text.match(/http\S+\/register\/confirm\/\S+/)[0]).pathname;
  const response = await person.post(link, { name, username, password1: password, password2: password });
  assert.equal(response.status, 303, `confirming ${username}: ${response.status}`);
  return person;
}

export default (test, { postgres }) => {
  let started = null;
  const siteWithMail = () => (started ??= begin(postgres));

  for (const javaScript of [true, false]) {
    test(`the whole way, ${javaScript ? 'with' : 'without'} JavaScript`, async (scene) => {
      const site = await siteWithMail();
      const asha = await registered(site);
      const elsewhere = await scene.window({ site, as: asha, path: '/account' });
      assert.equal(await elsewhere.locator('h1').textContent(), 'Your account');
      const page = await scene.window({ site, path: '/login', javaScript });
      await page.getByRole('link', { name: 'Forgot your password?' }).click();
      await page.locator('main [name=email]').fill(asha.email.toUpperCase());
      await page.getByRole('button', { name: 'Send me the link' }).click();
      await page.waitForURL(/\/password-reset\/sent$/);

      const mail = await letter(asha.email, 'new password');
      assert.deepEqual([mail.tls, mail.user], [true, 'postman']);
      const href = await linkIn(elsewhere, mail);
      assert.ok(href.startsWith(`${site.url}/password-reset/`), href);
      assert.ok(mail.text.includes(href), 'the same link for readers without HTML');
      await page.goto(href);
      assert.match(page.url(), /\/password-reset\/\d+\/set$/, 'the token is gone from the address');
      assert.ok(!(await page.content()).includes(href.split('/').at(-1)), 'and stands nowhere on the page');

      await page.locator('main [name=password1]').fill('password');
      await page.locator('main [name=password2]').fill('password');
      await page.keyboard.press('Enter');
      await page.locator('#password1-error').waitFor();
      await page.locator('main [name=password1]').fill(NEW);
      await page.locator('main [name=password2]').fill(NEW);
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/password-reset\/complete$/);
      await page.locator('main').getByRole('link', { name: 'Log in' }).click();
      await page.locator('main [name=login]').fill(asha.username);
      await page.locator('main [name=password]').fill(NEW);
      await page.keyboard.press('Enter');
      await page.waitForURL(`${site.url}/`);
      assert.equal(await page.locator('body[data-user]').count(), 1);

      await elsewhere.reload();
      assert.match(elsewhere.url(), /\/login\?next=/, 'the other browser is logged out');
      await letter(asha.email, 'was changed');
      const again = await scene.window({ site, javaScript });
      await again.goto(href);
      await again.getByText('This link no longer works').waitFor();
    });
  }

  test('nobody gets a letter for an address without an account, and the page is the same', async (scene) => {
    const site = await siteWithMail();
    const asha = await registered(site);
    const said = [];
    for (const email of [asha.email, `nobody-${asha.email}`]) {
      const page = await scene.window({ site, path: '/password-reset' });
      await page.locator('main [name=email]').fill(email);
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/sent$/);
      said.push(await page.locator('main').innerHTML());
    }
    assert.equal(said[0], said[1]);
    await letter(asha.email, 'new password');
    assert.equal(lettersTo(`nobody-${asha.email}`).length, 0);
  });

  test('sign-up password is chosen behind the confirmed link, without JavaScript too', async (scene) => {
    const site = await siteWithMail();
    for (const javaScript of [true, false]) {
      const asha = new Person(site);
      const page = await scene.window({ site, javaScript, path: '/register' });
      assert.equal(await page.locator('main [type=password]').count(), 0);
      for (const field of ['name', 'username', 'email']) await page.locator(`main [name=${field}]`).fill(asha[field]);
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/register\/sent$/);
      await page.goto(await linkIn(page, await letter(asha.email, 'Your account')));
      await page.getByText(asha.email).waitFor();
      await page.locator('main [name=name]').fill('Asha Devi');
      for (const field of ['password1', 'password2']) await page.locator(`main [name=${field}]`).fill('12345678');
      await page.keyboard.press('Enter');
      await page.locator('#password1-error').waitFor();
      assert.equal(await page.locator('main [name=name]').inputValue(), 'Asha Devi');
      assert.equal(await page.locator('main [name=username]').inputValue(), asha.username);
      for (const field of ['password1', 'password2']) await page.locator(`main [name=${field}]`).fill(PASSWORD);
      await page.getByRole('button', { name: 'Create my account' }).click();
      await page.waitForURL(`${site.url}/`);
      assert.equal(await page.locator('body[data-user]').count(), 1);
    }
  });

  test('another address, confirmed by the letter that goes there', async (scene) => {
    const site = await siteWithMail();
    const asha = await registered(site);
    const page = await scene.window({ site, as: asha, path: '/account' });
    await page.getByRole('link', { name: 'Email address' }).click();
    const fresh = `fresh-${asha.email}`;
    await page.locator('main [name=email]').fill(fresh);
    await page.locator('main [name=password]').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/account$/);
    await page.goto(await linkIn(page, await letter(fresh, 'Confirm')));
    await page.getByRole('button', { name: 'Yes, use this address' }).click();
    await page.waitForURL(/\/account$/);
    await page.getByText(fresh).first().waitFor();
    await letter(asha.email, 'was changed');
  });
};

export async function close() {
  for (const site of sites.splice(0)) await site.remove();
}
