// Mail servers for one run of tests, each on a free port of 127.0.0.1.
//
//   node server.mjs FOLDER
//
// FOLDER/ready.json    the ports, once all of them listen
// FOLDER/ca.pem        the authority that the servers' certificate comes from
// FOLDER/mails/*.json  one file for each mail that was taken
//
// Nothing is written to stdout or stderr but faults. It ends on SIGTERM and when its parent is gone.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

const HOST = '127.0.0.1';
const USER = 'postman';
const PASSWORD = 'by bicycle';

// A test run that is killed must not leave the server behind.
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.exit(0); }, 1000);
process.on('SIGTERM', () => process.exit(0));

if (!process.argv[2]) {
  console.error('usage: node server.mjs FOLDER');
  process.exit(2);
}
const folder = resolve(process.argv[2]);
const inFolder = (...names) => join(folder, ...names);
mkdirSync(inFolder('mails'), { recursive: true });
rmSync(inFolder('ready.json'), { force: true });

/** Whoever looks finds whole files only, and nothing but mails in the folder of mails. */
function write(path, value) {
  writeFileSync(inFolder('unfinished'), JSON.stringify(value, null, 2));
  renameSync(inFolder('unfinished'), path);
}

// A configuration of our own: that of the machine may add the same extensions once more, and a certificate with an
// extension in it twice is refused.
const OPENSSL = `
[req]
distinguished_name = name
prompt = no
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`;

function certificates() {
  writeFileSync(inFolder('openssl.cnf'), OPENSSL);
  const openssl = (words) => execFileSync('openssl', words.split(' '), { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -config openssl.cnf';
  openssl(`req -x509 ${key} -extensions ca -days 2 -subj /CN=chaupal-mail-tests -keyout ca.key -out ca.pem`);
  openssl(`req -new ${key} -subj /CN=localhost -keyout server.key -out server.csr`);
  const signing = '-CA ca.pem -CAkey ca.key -set_serial 2 -extfile openssl.cnf -extensions server';
  openssl(`x509 -req -sha256 -days 2 ${signing} -in server.csr -out server.pem`);
  // Certificates as found on mail servers that nobody has looked at for years.
  openssl(`x509 -req -sha512 -days 2 ${signing} -in server.csr -out sha512.pem`);
  openssl('x509 -req -sha256 -days 2 -CA ca.pem -CAkey ca.key -set_serial 3 -in server.csr -out version1.pem');
  openssl(`req -x509 ${key} -extensions ca -days 2 -subj /CN=localhost -keyout selfsigned.key -out selfsigned.pem`);
  openssl(`req -x509 ${key} -extensions server -days 2 -subj /CN=localhost -keyout pinned.key -out pinned.pem`);
  const pair = (key, cert) => ({ key: readFileSync(inFolder(`${key}.key`)), cert: readFileSync(inFolder(`${cert}.pem`)) });
  return {
    good: pair('server', 'server'),
    sha512: pair('server', 'sha512'),
    version1: pair('server', 'version1'),
    selfsigned: pair('selfsigned', 'selfsigned'),
    pinned: pair('pinned', 'pinned'),
  };
}

const answer = (responseCode, text) => Object.assign(new Error(text), { responseCode });
const NO_MAILBOX = [550, 'no such mailbox here'];
const LATER = [451, 'come back later'];

/** Each header as text: decoded where the parser gives text, else as it was sent, on one line. */
function headersOf(parsed) {
  const headers = {};
  for (const { key, line } of parsed.headerLines) {
    const value = parsed.headers.get(key);
    const sent = line.slice(line.indexOf(':') + 1).replace(/\r?\n[ \t]*/g, ' ').trim();
    if (key in headers) headers[key] += `\n${sent}`;
    else headers[key] = typeof value === 'string' ? value : typeof value?.text === 'string' ? value.text : sent;
  }
  return headers;
}

let counter = 0;

async function keep(port, stream, { secure, user, envelope }) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  // The parser must not make a part that the mail does not have out of one that it has.
  const parsed = await simpleParser(raw, { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true });
  const to = envelope.rcptTo.map(({ address }) => address);
  const number = String(++counter).padStart(5, '0');
  write(inFolder('mails', `${Date.now()}-${number}-${to[0].replace(/[^A-Za-z0-9@._-]/g, '_').slice(0, 100)}.json`), {
    port,
    tls: secure,
    user: user ?? null,
    from: envelope.mailFrom ? envelope.mailFrom.address : '',
    to,
    raw: raw.toString(),
    headers: headersOf(parsed),
    subject: parsed.subject ?? null,
    text: parsed.text || null,
    html: parsed.html || null,
  });
}

/** Starts one server. `recipient(address, first)` gives a refusal, or nothing; `first` holds for an address's first attempt. */
function serve(port, options, recipient) {
  const seen = new Set();
  const server = new SMTPServer({
    disableReverseLookup: true,
    authMethods: ['PLAIN', 'LOGIN'],
    ...options,
    onAuth({ username, password }, session, done) {
      if (username === USER && password === PASSWORD) done(null, { user: username });
      else done(answer(535, 'wrong user or password'));
    },
    onRcptTo({ address }, session, done) {
      const key = address.toLowerCase();
      const refusal = recipient(key, !seen.has(key));
      seen.add(key);
      done(refusal ? answer(...refusal) : null);
    },
    onData(stream, session, done) {
      keep(port, stream, session).then(() => done(null, 'taken'), (error) => {
        console.error(`${port}: ${error.stack}`);
        done(answer(451, 'the test server failed'));
      });
    },
  });
  // Also what clients do to us, such as going away in the middle: a note, no reason to end.
  server.on('error', (error) => console.error(`${port}: ${error.message}`));
  return listening(server, server.server);
}

function listening(server, socket) {
  return new Promise((done, failed) => {
    socket.once('error', failed);
    server.listen(0, HOST, () => done(socket.address().port));
  });
}

/** Takes connections and never says a word. */
function hang() {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  return listening(server, server);
}

function byName(address, first) {
  if (address.startsWith('nobody-')) return NO_MAILBOX;
  if (address.startsWith('later-') && first) return LATER;
}

const { good: tls, ...odd } = certificates();
const open = { disabledCommands: ['STARTTLS', 'AUTH'], authOptional: true };
const [plain, starttls, wrapped, refusing, busy, hanging] = await Promise.all([
  serve('plain', open, byName),
  serve('starttls', tls, byName),
  serve('tls', { ...tls, secure: true }, byName),
  serve('refusing', open, () => NO_MAILBOX),
  serve('busy', open, (address, first) => (first ? LATER : undefined)),
  hang(),
]);
const ports = { plain, starttls, tls: wrapped, refusing, busy, hanging };
for (const [name, pair] of Object.entries(odd)) ports[name] = await serve(name, { ...pair, ...open, secure: true }, byName);
const files = { ca: inFolder('ca.pem'), selfsigned_ca: inFolder('selfsigned.pem'), pinned_ca: inFolder('pinned.pem') };
write(inFolder('ready.json'), { ...ports, ...files, user: USER, password: PASSWORD });
