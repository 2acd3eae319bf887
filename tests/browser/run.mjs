// All suites against a fresh server: on SQLite, and what touches the database once more on PostgreSQL.
import { launch } from './lib/browser.mjs';
import { collect, Runner } from './lib/runner.mjs';
import { Server } from './lib/server.mjs';

// The first start makes the site that all the others use.
const FIRST = 'first_start';
// The long ones first: the short ones fill the time beside them.
const SUITES = [
  'pages',
  'conversation',
  'looks',
  'tabs',
  'without_javascript',
  'offline',
  'accounts',
  'restart',
  'keyboard',
  'expired_session',
  'drafts',
  'hostile_text',
  'unread',
  'lobby',
  'password_reset',
  'developers',
  'pictures',
  'account',
];
const ON_BOTH_DATABASES = ['conversation', 'restart', 'unread', 'accounts', 'without_javascript', 'hostile_text', 'expired_session', 'lobby', 'password_reset', 'account', 'developers', 'pictures'];
const LANES = Number(process.env.CHAUPAL_TEST_LANES ?? 3);

const words = process.argv.slice(2);
const begun = performance.now();
const browser = await launch();
const runner = new Runner(browser, { words });
// The first start is no choice: without it there is no site.
const first = new Runner(browser);
const sites = [];
const afterwards = [];

/** A site that is set up, and the jobs that test it: one a suite, or one for each part of a long one. */
async function jobsOn(label, names, { postgres = null, settings = {} } = {}) {
  const site = await new Server({ postgres, settings }).start();
  sites.push({ label, site });
  const { default: firstStart } = await import(`./${FIRST}.mjs`);
  const failedBefore = first.failed;
  await first.suite(site, `${label} ${FIRST}`, collect(firstStart));
  if (first.failed > failedBefore) return [];
  const jobs = [];
  for (const name of names) {
    const { default: define, parts = 1, close } = await import(`./${name}.mjs`);
    if (close) afterwards.push(close);
    for (let part = 0; part < parts; part++) {
      jobs.push(() => runner.suite(site, `${label} ${name}`, collect((test) => define(test, { postgres, part }))));
    }
  }
  return jobs;
}

/** The profile `s3` and the four settings that it wants. */
const bucketAt = (endpoint) => ({
  ROCKET_PROFILE: 's3',
  CHAUPAL_MEDIA__S3__ENDPOINT: endpoint,
  CHAUPAL_MEDIA__S3__BUCKET: 'chaupal',
  CHAUPAL_MEDIA__S3__ACCESS_KEY: 'chaupal-key',
  CHAUPAL_MEDIA__S3__SECRET_KEY: 'chaupal-secret',
});

/** What the server wrote must tell of no fault of its own. */
function judgeLog({ label, site }) {
  const bad = site.log.split('\n').filter((line) => /panicked|\bERROR\b/.test(line));
  if (!bad.length) return;
  runner.failed++;
  console.log(`FAIL  ${label}: the server complained\n      ${[...new Set(bad)].slice(0, 20).join('\n      ')}`);
}

try {
  const postgres = process.env.CHAUPAL_TEST_POSTGRES;
  const jobs = await jobsOn('sqlite', SUITES);
  if (postgres) jobs.push(...(await jobsOn('postgres', ON_BOTH_DATABASES, { postgres })));
  else console.log('(CHAUPAL_TEST_POSTGRES is not set: SQLite alone)');
  const endpoint = process.env.CHAUPAL_TEST_S3;
  if (endpoint) jobs.push(...(await jobsOn('s3', ['pictures'], { settings: bucketAt(endpoint) })));
  else console.log('(CHAUPAL_TEST_S3 is not set: pictures in a folder alone)');
  await Runner.sideBySide(jobs, LANES);
  sites.forEach(judgeLog);
} finally {
  for (const close of afterwards) await close();
  await browser.close();
  for (const { site } of sites) await site.remove();
}
const passed = first.passed + runner.passed;
const failed = first.failed + runner.failed;
console.log(`browser tests took ${((performance.now() - begun) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed || !passed ? 1 : 0;
