// Letters, as the tests' mail server got them. ./test.sh starts that server.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './wait.mjs';

const folder = () => {
  if (!process.env.CHAUPAL_TEST_MAIL) throw new Error('CHAUPAL_TEST_MAIL is not set: the folder of tests/mail/server.mjs, which ./test.sh starts');
  return process.env.CHAUPAL_TEST_MAIL;
};

/** Settings of a site whose letters go to that server: by STARTTLS, with a log-in. */
export function postal() {
  const facts = JSON.parse(readFileSync(join(folder(), 'ready.json'), 'utf8'));
  return {
    CHAUPAL_MAIL__BACKEND: 'smtp',
    CHAUPAL_MAIL__FROM: 'square@example.org',
    CHAUPAL_MAIL__SMTP__HOST: 'localhost',
    CHAUPAL_MAIL__SMTP__PORT: String(facts.starttls),
    CHAUPAL_MAIL__SMTP__CA_FILE: facts.ca,
    CHAUPAL_MAIL__SMTP__USERNAME: facts.user,
    CHAUPAL_MAIL__SMTP__PASSWORD: facts.password,
  };
}

/** The letters to this address, oldest first. */
export function lettersTo(address) {
  let names = [];
  try {
    names = readdirSync(join(folder(), 'mails')).filter((name) => name.endsWith('.json')).sort();
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return names.map((name) => JSON.parse(readFileSync(join(folder(), 'mails', name), 'utf8'))).filter((letter) => letter.to.includes(address));
}

/** The newest letter to this address whose subject holds these words, when it has come. */
export const letter = (address, words) =>
  until(`a letter to ${address} about "${words}"`, async () => lettersTo(address).findLast(({ subject }) => subject.includes(words)), 20_000);

/** The link of a letter, as somebody would click it in its HTML part. */
export async function linkIn(page, { html }) {
  const blank = await page.context().newPage();
  await blank.setContent(html);
  const href = await blank.locator('a.button').getAttribute('href');
  await blank.close();
  return href;
}
