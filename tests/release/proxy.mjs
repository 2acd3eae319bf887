// What a proxy must carry: node proxy.mjs URL LOG. The log is the server's, which holds the link of the first start.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import { Person } from '../browser/lib/person.mjs';
import { until } from '../browser/lib/wait.mjs';

const [url, log] = process.argv.slice(2);
// The certificate is of the test's own making.
const TRUST = { rejectUnauthorized: false };
const AT_ONCE = 1000;
// A proxy that keeps a stream to itself answers nothing at all.
setTimeout(() => assert.fail('not done after 30 s'), 30_000).unref();

/** The site as somebody at the address `from` reaches it. */
const siteFrom = (from) => ({
  url,
  setupLink: () => readFileSync(log, 'utf8').match(/http\S+\/setup\/\S+/)[0],
  fetch: (address, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      // One connection a request: it leaves by the address that it should.
      const request = https.request(address, { ...TRUST, agent: false, family: 4, localAddress: from, method, headers }, async (response) => {
        const answer = new Headers();
        for (const [name, value] of Object.entries(response.headersDistinct)) value.forEach((one) => answer.append(name, one));
        resolve(new Response(Buffer.concat(await response.toArray()), { status: response.statusCode, headers: answer }));
      });
      request.on('error', reject).end(body);
    }),
});

/** Milliseconds from a message's posting until it comes out of the stream that `open` opens. */
async function delayOf(person, room, open) {
  let heard = '';
  const close = await open((chunk) => (heard += chunk));
  await until('the stream is open', () => heard.includes('presence'));
  const word = `through ${Math.random()}`;
  const sent = performance.now();
  await person.say(room, word);
  await until('the message comes', () => heard.includes(word));
  close();
  return performance.now() - sent;
}

const cookieOf = (person) => person.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');

const overHttp1 = (path, cookie) => (hear) =>
  new Promise((resolve, reject) => {
    const request = https.get(new URL(path, url), { ...TRUST, agent: false, headers: { cookie } }, (response) => {
      assert.equal(response.statusCode, 200);
      response.setEncoding('utf8').on('data', hear).on('error', () => {});
      resolve(() => request.destroy());
    });
    request.once('error', reject);
  });

const overHttp2 = (path, cookie) => (hear) =>
  new Promise((resolve, reject) => {
    const session = http2.connect(url, TRUST);
    session.once('error', reject);
    const request = session.request({ ':path': path, cookie });
    request.once('response', (headers) => {
      assert.equal(headers[':status'], 200);
      resolve(() => session.destroy());
    });
    request.setEncoding('utf8').on('data', hear);
  });

const site = siteFrom('127.0.0.1');
await until('the proxy answers', () => site.fetch(new URL('/healthz', url), {}).then((response) => response.ok, () => false));

const host = await new Person(site).setUp();
const room = await host.openRoom();
const page = await (await host.request(`/rooms/${room}`)).text();
assert.match(page, /id="composer"/);

for (const open of [overHttp1, overHttp2]) {
  const delay = await delayOf(host, room, open(`/rooms/${room}/events`, cookieOf(host)));
  assert.ok(delay < AT_ONCE, `${open.name}: a message came after ${delay} ms`);
}

// Three attempts an hour for each address, whatever the client says of himself.
async function attempt(from, said) {
  const stranger = new Person(siteFrom(from));
  const response = await stranger.post('/login', { login: stranger.username, password: 'a guess' }, { 'x-forwarded-for': said });
  return response.status;
}
for (const said of ['192.0.2.1', '192.0.2.2', '127.0.0.1']) assert.notEqual(await attempt('127.0.0.2', said), 429);
assert.equal(await attempt('127.0.0.2', '192.0.2.3'), 429, 'one address has its attempts, and no more by a made-up header');
assert.notEqual(await attempt('127.0.0.3', '127.0.0.2'), 429, 'another address is not slowed with it');

// A long text passes; what is too large is refused.
const long = await host.post(`/rooms/${room}/messages`, { body: 'क'.repeat(4000) }, { accept: 'application/json' });
assert.ok(long.ok, `4,000 letters: ${long.status}`);
const heavy = await host.post(`/rooms/${room}/messages`, { body: 'x'.repeat(3 << 20) });
assert.equal(heavy.status, 413);
