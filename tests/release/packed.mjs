// The static files of a release: packed, kept by browsers, and the same in every form.
//
//   node tests/release/packed.mjs URL
import assert from 'node:assert/strict';
import http from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

const [site] = process.argv.slice(2);

const ask = (path, headers = {}, method = 'GET') =>
  new Promise((resolve, reject) => {
    const request = http.request(new URL(path, site), { method, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    request.on('error', reject).end();
  });

const page = (await ask('/')).body.toString();
const paths = [...page.matchAll(/(?:href|src)="([^"]*static[^"]*\.[0-9a-f]{10}\.(?:css|js|svg))"/g)].map((found) => found[1].replaceAll('&#x2F;', '/'));
assert.ok(paths.length >= 5, `static files on the home page: ${paths}`);
for (const path of new Set(paths)) {
  const plain = await ask(path);
  assert.equal(plain.status, 200, path);
  assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable', path);
  assert.equal(plain.headers['content-encoding'], undefined);
  const tags = new Set([plain.headers.etag]);
  for (const [accepted, encoding, unpack] of [['gzip, deflate, br', 'br', brotliDecompressSync], ['gzip', 'gzip', gunzipSync]]) {
    const packed = await ask(path, { 'accept-encoding': accepted });
    assert.equal(packed.headers['content-encoding'], encoding, path);
    assert.equal(packed.headers.vary, 'Accept-Encoding', path);
    assert.equal(packed.headers['content-type'], plain.headers['content-type'], path);
    assert.ok(unpack(packed.body).equals(plain.body), `${path} is another file in ${encoding}`);
    if (plain.body.length > 1000) assert.ok(packed.body.length < plain.body.length * 0.6, `${path}: ${packed.body.length} of ${plain.body.length} bytes`);
    tags.add(packed.headers.etag);
    const again = await ask(path, { 'accept-encoding': accepted, 'if-none-match': packed.headers.etag });
    assert.deepEqual([again.status, again.body.length], [304, 0], path);
    const head = await ask(path, { 'accept-encoding': accepted }, 'HEAD');
    assert.deepEqual([head.status, head.headers['content-length']], [200, String(packed.body.length)], path);
  }
  assert.equal(tags.size, 3, `${path}: a tag for each form`);
  const old = await ask(path.replace(/\.[0-9a-f]{10}\./, '.0123456789.'));
  assert.deepEqual([old.status, old.headers['cache-control']], [200, 'no-cache'], 'an old name gets the file of today, for now');
}
for (const path of ['/static/../Cargo.toml', '/static/%2e%2e/Cargo.toml', '/static/css', '/static/css/none.css', '/static/..%2fCargo.toml']) {
  assert.equal((await ask(path)).status, 404, path);
}
