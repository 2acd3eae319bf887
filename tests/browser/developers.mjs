// Developers, projects and the inbox, as people use them.
import assert from 'node:assert/strict';
import { Person } from './lib/person.mjs';

export default (test) => {
  for (const javaScript of [true, false]) {
    const how = javaScript ? '' : ', without JavaScript';

    test(`a person tells of himself, is found by a skill and is written to${how}`, async (scene) => {
      const asha = await scene.person({ name: 'Asha Devi' });
      const page = await scene.window({ as: asha, path: '/account', javaScript });
      await page.locator('main a[href="/account/edit"]').click();
      await page.locator('[name=short_intro]').fill('Weaver of Maheshwar');
      await page.locator('[name=bio]').fill('I weave **by hand**.');
      await page.locator('[name=social_website]').fill('javascript:alert(1)');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.locator('#social_website-error').waitFor();
      assert.equal(await page.locator('[name=bio]').inputValue(), 'I weave **by hand**.', 'nothing typed is lost');
      await page.locator('[name=social_website]').fill('asha.example.org');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { level: 1, name: 'Asha Devi' }).waitFor();
      assert.equal(await page.locator('.person-bio strong').textContent(), 'by hand');
      const link = page.locator('.person-links a');
      assert.equal(await link.getAttribute('href'), 'https://asha.example.org');
      assert.match(await link.getAttribute('rel'), /nofollow/);
      await page.getByRole('link', { name: 'Your skills' }).click();
      await page.getByRole('link', { name: 'Add a skill' }).click();
      const skill = `Brocade ${asha.username}`;
      await page.locator('[name=name]').fill(skill);
      await page.locator('main [name=description]').fill('Silk and zari');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.locator('.skill-name', { hasText: skill }).waitFor();

      const stranger = await scene.window({ path: '/developers', javaScript, width: 390 });
      await stranger.locator('main [name=q]').fill(skill.toUpperCase());
      await stranger.keyboard.press('Enter');
      // The list of before has others of this name.
      await stranger.waitForURL('**/developers?q=*');
      await stranger.locator('.developer-card', { hasText: 'Asha Devi' }).waitFor();
      assert.equal(await stranger.locator('.developer-card').count(), 1);
      await stranger.locator('.developer-card .card-title a').click();
      await stranger.getByText('Silk and zari').waitFor();
      await stranger.getByRole('link', { name: 'Write to Asha Devi' }).click();
      assert.equal(await stranger.locator('[name=website]').isVisible() && await stranger.evaluate(() => document.querySelector('[name=website]').getBoundingClientRect().right > 0), false, 'people do not see the trap');
      await stranger.locator('main [name=name]').fill('A passer-by');
      await stranger.locator('main [name=email]').fill('passer@example.org');
      await stranger.locator('[name=subject]').fill('A question');
      await stranger.locator('[name=body]').fill('Do you teach?');
      await stranger.getByRole('button', { name: 'Send' }).click();
      await stranger.locator('.flash', { hasText: 'on its way' }).waitFor();

      await page.goto('/');
      await page.getByRole('link', { name: /Inbox/ }).click();
      await page.locator('.inbox-new', { hasText: 'A question' }).click();
      await page.getByText('Do you teach?').waitFor();
      assert.equal(await page.locator('.inbox-count').count(), 0, 'opening it marks it read');
      await page.goBack();
      await page.reload();
      assert.equal(await page.locator('.inbox-new').count(), 0);
    });

    test(`a project is shown, judged by another, and its ratio follows${how}`, async (scene) => {
      const asha = await scene.person({ name: 'Asha Devi' });
      const page = await scene.window({ as: asha, path: '/projects/new', javaScript });
      await page.locator('main [name=title]').fill('Loom planner');
      await page.locator('main [name=description]').fill('Plans *looms*.');
      await page.locator('[name=demo_link]').fill('loom.example.org');
      await page.locator('[name=tags]').fill('rust, machine learning');
      await page.getByRole('button', { name: 'Show it' }).click();
      await page.getByRole('heading', { level: 1, name: 'Loom planner' }).waitFor();
      assert.equal(await page.locator('main .chip').count(), 2);
      assert.equal(await page.locator('.review-form').count(), 0, 'one does not judge one\'s own');
      const address = new URL(page.url()).pathname;

      const ravi = await scene.person({ name: 'Ravi Kumar' });
      const other = await scene.window({ as: ravi, path: address, javaScript, width: 390 });
      // By keyboard: the first choice, and one further.
      await other.locator('[name=value][value=up]').focus();
      await other.keyboard.press('Space');
      await other.locator('.review-form [name=body]').fill('It **works**.');
      await other.getByRole('button', { name: 'Send' }).click();
      await other.locator('.review', { hasText: 'Ravi Kumar' }).waitFor();
      assert.match(await other.locator('.votes-text').textContent(), /100% of one vote/);
      const meera = new Person(scene.site);
      await meera.register();
      await meera.post(`${address}/reviews`, { value: 'down', body: '' });
      await other.reload();
      assert.match(await other.locator('.votes-text').textContent(), /50% of 2 votes/);
      // A second try edits.
      await other.locator('[name=value][value=down]').check();
      await other.getByRole('button', { name: 'Save' }).click();
      await other.locator('.flash').waitFor();
      assert.equal(await other.locator('.review', { hasText: 'Ravi Kumar' }).count(), 1);
      assert.match(await other.locator('.votes-text').textContent(), /0% of 2 votes/);
      await other.getByRole('link', { name: 'Take it back' }).click();
      await other.getByRole('button', { name: 'Take it back' }).click();
      await other.locator('.votes-text', { hasText: 'one vote' }).waitFor();

      await page.goto(`${address}/edit`);
      await page.locator('[name=tags]').fill('machine learning,');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { level: 1, name: 'Loom planner' }).waitFor();
      assert.deepEqual(await page.locator('main .chip').allTextContents(), ['machine learning']);
    });
  }

  test('what a stranger typed about a project is there after the log-in', async (scene) => {
    const asha = await scene.person();
    const project = await asha.showProject({ title: 'Loom planner' });
    const ravi = await scene.person();
    const page = await scene.window({ as: ravi, path: `/projects/${project}` });
    await page.locator('[name=value][value=up]').check({ force: true });
    await page.locator('.review-form [name=body]').fill('Typed while the session ended');
    await page.context().clearCookies({ name: /^chaupal_session_/ });
    await page.getByRole('button', { name: 'Send' }).click();
    await page.waitForURL(/\/login/);
    await page.locator('main [name=login]').fill(ravi.username);
    await page.locator('main [name=password]').fill(ravi.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/projects/${project}`);
    assert.equal(await page.locator('.review-form [name=body]').inputValue(), 'Typed while the session ended');
  });
};
