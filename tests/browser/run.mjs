// All suites against a fresh server: on SQLite, and what touches the database once more on PostgreSQL.
import { launch } from './lib/browser.mjs';
import { collect, Runner } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';

// The first start makes the site that all the others use.
const FIRST = 'first_start';
// The long ones first: they fill the time of the others.
const SUITES = [
  'pages',
  'conversation',
  'tabs',
  'restart',
  'offline',
  'unread',
  'looks',
  'keyboard',
  'accounts',
  'without_javascript',
  'hostile_text',
  'expired_session',
];
const ON_BOTH_DATABASES = ['conversation', 'restart', 'unread', 'accounts', 'without_javascript', 'hostile_text', 'expired_session'];
const LANES = Number(process.env.CHAUPAL_TEST_LANES ?? 3);

const words = process.argv.slice(2);
const begun = performance.now();
const browser = await launch();
const runner = new Runner(browser, { words });
// The first start is no choice: without it there is no site.
const first = new Runner(browser);

async function round(label, names, postgres) {
  const site = await new Server({ postgres }).start();
  try {
    const { default: define } = await import(`./${FIRST}.mjs`);
    await first.suite(site, `${label} ${FIRST}`, collect(define));
    if (first.failed) return;
    const jobs = [];
    for (const name of names) {
      const { default: defineSuite } = await import(`./${name}.mjs`);
      jobs.push(() => runner.suite(site, `${label} ${name}`, collect((test) => defineSuite(test, { postgres }))));
    }
    await Runner.sideBySide(jobs, LANES);
    const bad = site.log.split('\n').filter((line) => /panicked|\bERROR\b/.test(line));
    if (bad.length) {
      runner.failed++;
      console.log(`FAIL  ${label}: the server complained\n      ${[...new Set(bad)].slice(0, 20).join('\n      ')}`);
    }
  } finally {
    await site.remove();
  }
}

try {
  await round('sqlite', SUITES, null);
  const postgres = process.env.CHAUPAL_TEST_POSTGRES;
  if (postgres) await round('postgres', ON_BOTH_DATABASES, postgres);
  else console.log('(CHAUPAL_TEST_POSTGRES is not set: SQLite alone)');
} finally {
  await browser.close();
}
const passed = first.passed + runner.passed;
const failed = first.failed + runner.failed;
console.log(`browser tests took ${((performance.now() - begun) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
