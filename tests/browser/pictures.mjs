// Pictures of people and of projects, with and without a script; the same in a folder and in a bucket.
import assert from 'node:assert/strict';
import { file, png } from './lib/picture.mjs';
import { until } from './lib/wait.mjs';

/** Whether a picture was fetched and could be shown. */
const isShown = (image) => image.evaluate((element) => element.complete && element.naturalWidth > 0);

export default (test) => {
  for (const javaScript of [true, false]) {
    const how = javaScript ? '' : ', without JavaScript';

    test(`a picture of oneself: brought, seen, changed, taken away${how}`, async (scene) => {
      const asha = await scene.person({ name: 'Asha Devi' });
      const room = await asha.openRoom();
      await asha.say(room, 'good morning');
      // A refusal is a refusal to the console, too.
      const page = await scene.window({ as: asha, path: '/account/edit', javaScript, networkMayFail: true });
      const input = page.locator('input[type=file]');
      const preview = page.locator('.picture-preview img');

      await input.setInputFiles(file(Buffer.from('<svg onload="alert(1)"/>'), 'me.png'));
      if (!javaScript) await page.getByRole('button', { name: 'Save' }).click();
      await page.locator('#picture-error', { hasText: 'no picture that can be read' }).waitFor();
      assert.equal(await preview.count(), 0);

      await input.setInputFiles(file(png(800, 500)));
      if (javaScript) {
        await page.getByText('It shows once you save').waitFor();
        await until('the preview', () => isShown(preview));
        assert.match(await preview.getAttribute('src'), /^\/media\/avatar\//);
        assert.equal(await page.locator('#picture-error').count(), 0);
        assert.equal(await page.locator('progress').isVisible(), false);
      }
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { level: 1, name: 'Asha Devi' }).waitFor();
      const face = page.locator('.person-head .avatar img');
      await until('the picture on his page', () => isShown(face));
      const first = await face.getAttribute('src');

      const stranger = await scene.window({ path: `/rooms/${room}`, javaScript, width: 390 });
      await until('the picture beside a message', () => isShown(stranger.locator('#messages .avatar img')));
      const box = await stranger.locator('#messages .avatar').boundingBox();
      assert.deepEqual([box.width, box.height], [40, 40]);

      await page.goto('/account/edit');
      await until('the picture so far', () => isShown(preview));
      await input.setInputFiles(file(png(300, 300, [10, 60, 160], [200, 220, 240])));
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { level: 1, name: 'Asha Devi' }).waitFor();
      await until('another picture', async () => (await isShown(face)) && (await face.getAttribute('src')) !== first);

      await page.goto('/account/edit');
      await page.getByLabel('Remove the picture').check();
      await page.getByRole('button', { name: 'Save' }).click();
      await page.locator('.person-head .avatar', { hasText: 'AD' }).waitFor();
      assert.equal(await face.count(), 0);
    });

    test(`a project with a picture${how}`, async (scene) => {
      const asha = await scene.person({ name: 'Asha Devi' });
      const page = await scene.window({ as: asha, path: '/projects/new', javaScript });
      await page.locator('input[type=file]').setInputFiles(file(png(1600, 900)));
      if (javaScript) await page.getByText('It shows once you save').waitFor();
      await page.locator('[name=demo_link]').fill('javascript:alert(1)');
      const title = `Loom of ${asha.username}`;
      await page.locator('main [name=title]').fill(title);
      await page.locator('.actions button[type=submit]').click();
      await page.locator('#demo_link-error').waitFor();
      await until('the picture waits with the rest of the form', () => isShown(page.locator('.picture-preview img')));
      await page.locator('[name=demo_link]').fill('');
      await page.locator('.actions button[type=submit]').click();
      await page.getByRole('heading', { level: 1, name: title }).waitFor();
      const art = page.locator('.project-art img');
      await until('the picture of the project', () => isShown(art));
      assert.deepEqual([await art.getAttribute('width'), await art.getAttribute('height')], ['1280', '720']);
      await page.goto(`/projects?q=${encodeURIComponent(title)}`);
      const card = page.locator('.project-card');
      await card.scrollIntoViewIfNeeded();
      await until('the picture on the card', () => isShown(card.locator('.project-art img')));
    });
  }

  test('who does not wait sends the picture with the form; one that is too large is not sent at all', async (scene) => {
    const asha = await scene.person({ name: 'Asha Devi' });
    const page = await scene.window({ as: asha, path: '/account/edit', networkMayFail: true });
    let ahead = 0;
    await page.route('**/pictures', async (route) => {
      ahead++;
      await new Promise((resolve) => setTimeout(resolve, 3000));
      await route.continue().catch(() => {});
    });
    const input = page.locator('input[type=file]');
    await input.setInputFiles(file(Buffer.alloc(6 << 20)));
    await page.locator('#picture-error', { hasText: 'too large' }).waitFor();
    assert.equal(ahead, 0);
    await input.setInputFiles(file(png(300, 300)));
    await page.locator('progress').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await until('the picture', () => isShown(page.locator('.person-head .avatar img')));
    assert.equal(ahead, 1);
  });
};
