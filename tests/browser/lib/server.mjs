// The real server on a free port, with a data folder of its own.
import { spawn, execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './wait.mjs';

const STARTS_WITHIN = 30_000;

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** A new empty database on the PostgreSQL server for tests. */
function makeDatabase(server) {
  const name = `chaupal_browser_${process.pid}_${Math.random().toString(36).slice(2, 8)}`;
  execFileSync('psql', ['-q', '-X', server, '-c', `CREATE DATABASE ${name}`]);
  return { name, url: server.replace(/\/[^/]*$/, `/${name}`) };
}

export class Server {
  #child = null;
  #postgres;
  #database = null;
  #settings;

  /** `settings`: CHAUPAL_… variables; `postgres`: the address of a PostgreSQL server, for a database of one's own there. */
  constructor({ settings = {}, postgres = null } = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'chaupal-browser-'));
    this.logFile = join(this.folder, 'server.log');
    this.#postgres = postgres;
    this.#settings = settings;
  }

  /** Starts, or starts again on the same port and data; resolves when it serves. */
  async start(args = []) {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    if (this.#postgres && !this.#database) this.#database = makeDatabase(this.#postgres);
    const environment = {
      PATH: process.env.PATH,
      HOME: this.folder,
      CHAUPAL_DATA_DIR: join(this.folder, 'data'),
      CHAUPAL_THROTTLE__LOGIN: 'off',
      CHAUPAL_THROTTLE__REGISTER: 'off',
      CHAUPAL_THROTTLE__POST: 'off',
      CHAUPAL_THROTTLE__CONTACT: 'off',
      CHAUPAL_LOBBY__ENABLED: 'true',
      // Letters stay in the data folder, unless a test says otherwise.
      CHAUPAL_MAIL__BACKEND: 'file',
      // No load balancer has to look away; a debug build knows it by itself.
      CHAUPAL_SHUTDOWN__DRAIN_SECONDS: '0',
      ...(this.#database && { CHAUPAL_DATABASE__URL: this.#database.url }),
      ...this.#settings,
    };
    // A setting of null: not set.
    for (const [name, value] of Object.entries(environment)) if (value === null) delete environment[name];
    const child = spawn(process.env.CHAUPAL_BIN, ['serve', `127.0.0.1:${this.port}`, ...args], { cwd: this.folder, env: environment });
    this.#child = child;
    this.said = '';
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the server did not start in time:\n${this.said}`)), STARTS_WITHIN);
      const hear = (chunk) => {
        this.said += chunk;
        appendFileSync(this.logFile, chunk);
        if (this.said.includes('serves at')) {
          clearTimeout(late);
          resolve();
        }
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        clearTimeout(late);
        if (this.#child === child) console.log(`the server at ${this.url} ended by itself (${code ?? signal}):\n${this.said.slice(-2000)}`);
        reject(new Error(`the server ended (${code ?? signal}):\n${this.said}`));
      });
    });
    return this;
  }

  /** The one-time link of the first start, which may be printed a moment after the address. */
  async setupLink() {
    for (let tries = 0; tries < 100; tries++) {
      const link = this.said.match(/http\S+\/setup\/\S+/);
      if (link) return link[0];
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no set-up link in the log:\n${this.said}`);
  }

  /** The path of the link of this kind in the newest letter to an address: the site puts its letters into its folder. */
  linkTo(address, kind) {
    const folder = join(this.folder, 'data', 'mail');
    return until(`a letter to ${address}`, () => {
      const letters = readdirSync(folder).filter((name) => name.endsWith('.eml')).sort();
      const texts = letters.map((name) => readFileSync(join(folder, name), 'utf8')).filter((text) => text.includes(`To: ${address}\r\n`));
      const links = texts.flatMap((text) => text.replaceAll('=\r\n', '').match(new RegExp(`${kind}[\\w./-]+`)) ?? []);
      return links.at(-1);
    });
  }

  async stop(signal = 'SIGTERM') {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const giveUp = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(giveUp);
  }

  get log() {
    return readFileSync(this.logFile, 'utf8');
  }

  /** Stops and leaves nothing behind. */
  async remove() {
    await this.stop('SIGKILL');
    if (this.#database) execFileSync('psql', ['-q', '-X', this.#postgres, '-c', `DROP DATABASE IF EXISTS ${this.#database.name} WITH (FORCE)`]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
