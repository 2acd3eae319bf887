// What people write stays text, and does not break the page.
import assert from 'node:assert/strict';
import { overflow } from './lib/look.mjs';
import { PASSWORD, Person } from './lib/person.mjs';

const EVIL = `<script>window.pwned = 1</script><img src=x onerror="window.pwned = 2"><svg onload="window.pwned = 3"></svg>"'><a href="javascript:window.pwned=4">x</a>{{ page.csrf }}</textarea><style>*{display:none}</style>`;
const TEXTS = [
  EVIL,
  'x'.repeat(3990),
  `https://example.org/${'path/'.repeat(200)}`,
  '🪔👨‍👩‍👧‍👦🏳️‍🌈'.repeat(60),
  'नमस्ते, चौपाल में आपका स्वागत है। क्षत्रिय '.repeat(20),
  'مرحبا بالعالم (hello) 123، هذا نص من اليمين إلى اليسار. '.repeat(10),
  '\u202Ereversed until the end of the line',
  'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞',
  'two\nlines   and   spaces',
];

/** Markdown that would do harm, and the text that is seen of it. */
const MARKED = [
  ['[one](javascript:window.pwned=7) <javascript:window.pwned=8>', '[one](javascript:window.pwned=7) javascript:window.pwned=8'],
  ['![two](x" onerror="window.pwned=9) ![three](https://example.org/a.png"onerror="window.pwned=10)', '![two](x" onerror="window.pwned=9) three'],
  ['[four](https://example.org/"onclick="window.pwned=11) [five](data:text/html,<script>window.pwned=12</script>)', 'four [five](data:text/html,<script>window.pwned=12</script>)'],
  ['```x" onclick="window.pwned=13\n</code></pre><script>window.pwned=14</script>\n```', 'x" onclick="window.pwned=13\n</code></pre><script>window.pwned=14</script>'],
  [`${'> '.repeat(1900)}deep`, 'deep'],
  [`| ${'W'.repeat(300)} | b |\n|---|---|\n| ${'c '.repeat(300)} | d |`, null],
  [`\`\`\`\n${'code '.repeat(300)}\n\`\`\``, null],
];
const SOURCES = [...TEXTS, ...MARKED.map(([typed]) => typed)];
const seen = [...TEXTS.map((text) => text.trim()), ...MARKED.map(([, text]) => text)];

const bodies = (page) => page.locator('#messages .message-body').evaluateAll((all) => all.map((one) => one.textContent.trim()));

async function isInert(page) {
  assert.equal(await page.evaluate(() => window.pwned), undefined, 'nothing ran');
  assert.equal(await page.locator('main script, main img, main style, main iframe, main [onclick], main a[href^="javascript:"], main a[href^="data:"]').count(), 0);
}

export default (test) => {
  test('messages in every script and shape show as typed, live and after a reload', async (scene) => {
    const [host, guest] = [await scene.person({ name: 'اب' }), await scene.person()];
    const room = await host.openRoom();
    const page = await scene.window({ as: guest, width: 390, path: `/rooms/${room}` });
    await page.locator('html[data-live="open"], #here li').first().waitFor({ state: 'attached' });
    for (const text of SOURCES) await host.say(room, text);
    await page.locator('#messages li.message').nth(SOURCES.length - 1).waitFor();
    for (const round of ['live', 'reloaded']) {
      const now = await bodies(page);
      assert.deepEqual(now.map((text, place) => (seen[place] === null ? null : text)), seen, round);
      await isInert(page);
      for (const width of [1280, 390, 320]) {
        await page.setViewportSize({ width, height: 800 });
        assert.deepEqual(await overflow(page), [], `${round}, ${width} px wide`);
      }
      await page.reload();
    }
  });

  test('a name written from right to left or backwards does not turn its surroundings', async (scene) => {
    // The sign that turns the writing round is refused in a name; the letters themselves do it, too.
    const turned = { name: 'محمد \u202Eabc', username: 'turned', email: 'turned@example.org', password1: PASSWORD, password2: PASSWORD };
    assert.equal((await new Person(scene.site).post('/register', turned)).status, 422);
    const host = await scene.person({ name: 'محمد abc' });
    const room = await host.openRoom();
    await host.say(room, 'مرحبا');
    const page = await scene.window({ path: `/rooms/${room}` });
    const isolated = (selector) =>
      page.locator(selector).first().evaluate((element) => ['isolate', 'plaintext', 'isolate-override'].includes(getComputedStyle(element).unicodeBidi) || getComputedStyle(element).display !== 'inline');
    assert.ok(await isolated('.message-name'), 'the name over a message');
    assert.equal(
      await page.locator('.message-body p').first().evaluate((words) => getComputedStyle(words).unicodeBidi === 'plaintext'),
      true,
      'a message takes its direction from its own words',
    );
  });

  test('names, topics, descriptions, searches are inert and fit', async (scene) => {
    const host = await scene.person({ name: `<script>window.pwned=5</script>${'W'.repeat(60)}` });
    const room = await host.openRoom({ name: EVIL.slice(0, 120) + 'W'.repeat(80), topic: `<img src=x onerror="window.pwned=6">${'W'.repeat(60)}`, description: EVIL + 'W'.repeat(1500) });
    await host.say(room, EVIL);
    const page = await scene.window({ as: host, width: 390 });
    for (const path of ['/', `/?q=${encodeURIComponent(EVIL)}`, '/topics', '/activity', `/rooms/${room}`, `/rooms/${room}/edit`, `/rooms/${room}/delete`, `/developers/${host.username}`]) {
      await page.goto(path);
      await isInert(page);
      for (const width of [1280, 390, 320]) {
        await page.setViewportSize({ width, height: 800 });
        assert.deepEqual(await overflow(page), [], `${path}, ${width} px wide`);
      }
    }
    await page.goto(`/rooms/${room}/edit`);
    assert.equal(await page.locator('main [name=name]').inputValue(), EVIL.slice(0, 120) + 'W'.repeat(80));
    assert.equal(await page.locator('main [name=description]').inputValue(), EVIL + 'W'.repeat(1500));
    // The staff clears it away: the other tests look at the same home page.
    await host.post(`/rooms/${room}/delete`);
  });
};
