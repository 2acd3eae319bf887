// A tiny runner: suites side by side, the tests of one suite in order.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newContext } from './browser.mjs';
import { Person } from './person.mjs';

const TEST_ENDS_WITHIN = 120_000;

/** What a test holds: the site, and people and windows that are tidied away after it. */
class Scene {
  #contexts = [];
  #problems = [];

  constructor(browser, site) {
    this.browser = browser;
    this.site = site;
  }

  /** Somebody with an account. */
  person(facts) {
    return new Person(this.site, facts).register();
  }

  /** A browser of its own; `as` is logged in there. */
  async browserOf(options = {}) {
    const context = await newContext(this.browser, options.site ?? this.site, options, this.#problems);
    this.#contexts.push(context);
    return context;
  }

  /** One window in a browser of its own, at `path` if given. */
  async window({ path = null, ...options } = {}) {
    const context = await this.browserOf(options);
    const page = await context.newPage();
    if (path) await page.goto(path);
    return page;
  }

  get problems() {
    return this.#problems;
  }

  async pictures(folder, name) {
    let number = 0;
    for (const page of this.#contexts.flatMap((context) => context.pages())) {
      const path = join(folder, `${name}-${++number}.png`.replace(/[^\w.-]+/g, '_'));
      await page.screenshot({ path, timeout: 5000 }).then(() => console.log(`      picture: ${path}`), () => {});
    }
  }

  async close() {
    await Promise.all(this.#contexts.map((context) => context.close().catch(() => {})));
  }
}

/** Collects the tests of one file: `export default (test) => { test('…', async (scene) => …) }`. */
export function collect(define) {
  const tests = [];
  define((title, run) => tests.push({ title, run }));
  return tests;
}

function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${TEST_ENDS_WITHIN / 1000} s`)), TEST_ENDS_WITHIN);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Runner {
  passed = 0;
  failed = 0;

  constructor(browser, { words = [] } = {}) {
    this.browser = browser;
    this.words = words;
  }

  wants(suite, title) {
    return !this.words.length || this.words.some((word) => suite.includes(word) || title.includes(word));
  }

  /** Runs one suite's tests in order. */
  async suite(site, suite, tests) {
    for (const { title, run } of tests) {
      if (this.wants(suite, title)) await this.#one(site, suite, title, run);
    }
  }

  async #one(site, suite, title, run) {
    const scene = new Scene(this.browser, site);
    const begun = performance.now();
    const took = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
    try {
      await inTime(Promise.resolve(run(scene)));
      if (scene.problems.length) throw new Error(`what the browser complained of:\n${[...new Set(scene.problems)].join('\n')}`);
      this.passed++;
      console.log(`ok    ${suite}: ${title} (${took()})`);
    } catch (error) {
      this.failed++;
      console.log(`FAIL  ${suite}: ${title} (${took()})`);
      const whole = String(error?.message ?? error) + (error?.stack ? `\n${error.stack.split('\n').filter((line) => line.includes('tests/browser') && !line.includes('node_modules')).join('\n')}` : '');
      console.log(whole.replace(/^/gm, '      '));
      for (const problem of scene.problems) console.log(`      browser: ${problem}`);
      await scene.pictures(this.#out(), `${suite}-${title}`);
    } finally {
      await scene.close();
    }
  }

  #folder = null;

  #out() {
    if (!this.#folder) {
      this.#folder = process.env.CHAUPAL_TEST_OUT ?? mkdtempSync(join(tmpdir(), 'chaupal-pictures-'));
      mkdirSync(this.#folder, { recursive: true });
    }
    return this.#folder;
  }

  /** Runs jobs, at most `lanes` at once. */
  static async sideBySide(jobs, lanes) {
    const waiting = [...jobs];
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        while (waiting.length) await waiting.shift()();
      }),
    );
  }
}
