// Each page at two widths, light and dark: axe finds nothing, nothing sticks out, the focus is seen,
// the browser has nothing to complain of (the runner looks at that after each test).
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { PAGES, stage } from './lib/inventory.mjs';
import { overflow, setScheme, tabThrough } from './lib/look.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What axe finds, one line each. */
async function violations(page) {
  const found = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), TAGS);
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id} (${rule.impact}): ${node.target.join(' ')}: ${node.failureSummary.split('\n').slice(1).join(';').trim()}`),
  );
}

let setting = null;

// Two halves side by side; the pages of the second site stay in their order.
export const parts = 2;
const HALF = Math.ceil(PAGES.length / 2);

export default (test, { part }) => {
  for (const { name, as, closed = false, status, widths = [1280, 390], networkMayFail = false, open } of PAGES.slice(part * HALF, (part + 1) * HALF)) {
    test(name, async (scene) => {
      setting ??= stage(scene.site);
      const ready = await setting;
      const site = closed ? ready.closed.site : scene.site;
      const page = await scene.window({ site, as: as && ready[as], width: widths[0], networkMayFail });
      let answered;
      page.on('response', (response) => {
        if (response.request().isNavigationRequest()) answered = response.status();
      });
      await open(page, ready);
      if (status) assert.equal(answered, status);
      assert.ok((await page.title()).length > 3);
      assert.equal(await page.locator('h1').count(), 1, 'one main heading');
      const complaints = [];
      await page.evaluate(AXE);
      for (const width of widths) {
        await page.setViewportSize({ width, height: 800 });
        for (const colorScheme of ['light', 'dark']) {
          await setScheme(page, colorScheme);
          for (const line of await violations(page)) complaints.push(`${width} ${colorScheme}: ${line}`);
        }
      }
      for (const width of [...widths, 320]) {
        await page.setViewportSize({ width, height: 800 });
        for (const line of await overflow(page)) complaints.push(`${width}: sticks out: ${line}`);
      }
      await page.setViewportSize({ width: widths[0], height: 800 });
      for (const line of await tabThrough(page)) complaints.push(`focus: ${line}`);
      assert.equal(complaints.length, 0, complaints.join('\n'));
    });
  }
};

export async function close() {
  await (await setting)?.close();
}
