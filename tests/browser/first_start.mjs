// The link in the server's log leads to the page that makes the site and its first person.
import assert from 'node:assert/strict';
import { PASSWORD } from './lib/person.mjs';

export default (test) => {
  test('before it is set up, the site says so and takes no registration', async (scene) => {
    const page = await scene.window({ path: '/' });
    assert.equal(await page.locator('form[action="/register"]').count(), 0);
    assert.ok(await page.locator('main h1').isVisible());
    const register = await page.goto('/register');
    assert.equal(register.status(), 403);
    assert.equal(await page.locator('input[name=password1]').count(), 0);
  });

  test('a forged or shortened link does not open the page', async (scene) => {
    const link = await scene.site.setupLink();
    const page = await scene.window();
    const answer = await page.goto(link.slice(0, -3));
    assert.equal(answer.status(), 404);
    assert.equal(await page.locator('input[name=password1]').count(), 0);
  });

  test('the link from the log makes the superuser, who is logged in, and dies', async (scene) => {
    const link = await scene.site.setupLink();
    const page = await scene.window({ path: link });
    await page.locator('main [name=site_name]').fill('The Neem Tree');
    await page.locator('main [name=access][value=public]').check();
    await page.locator('main [name=name]').fill('Mukhiya');
    await page.locator('main [name=username]').fill('mukhiya');
    await page.locator('main [name=email]').fill('mukhiya@example.org');
    await page.locator('main [name=password1]').fill(PASSWORD);
    await page.locator('main [name=password2]').fill('something else altogether');
    await page.locator('main form button[type=submit]').click();

    // Two passwords that differ: the page again, with everything but the passwords.
    await page.locator('#password2-error').waitFor();
    assert.equal(await page.locator('main [name=site_name]').inputValue(), 'The Neem Tree');
    assert.equal(await page.locator('main [name=username]').inputValue(), 'mukhiya');
    assert.equal(await page.locator('main [name=password1]').inputValue(), '');
    await page.locator('main [name=password1]').fill(PASSWORD);
    await page.locator('main [name=password2]').fill(PASSWORD);
    await page.locator('main form button[type=submit]').click();

    await page.waitForURL(`${scene.site.url}/`);
    assert.match(await page.title(), /The Neem Tree/);
    assert.equal(await page.locator('body').getAttribute('data-staff'), '', 'logged in as staff');
    assert.equal(await page.locator('.banner').count(), 0, 'no word of a set-up that is done');

    const again = await page.goto(link);
    assert.equal(again.status(), 404, 'the link is dead');
    const stranger = await scene.window();
    assert.equal((await stranger.goto(link)).status(), 404);
  });
};
