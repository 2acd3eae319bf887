// A person who speaks plain HTTP: makes what a test needs, and is the other side of a conversation.
import assert from 'node:assert/strict';

export const PASSWORD = 'the lamp under the neem tree';

let count = 0;

export class Person {
  #jar = new Map();

  constructor(site, { username, name, password = PASSWORD } = {}) {
    this.site = site;
    this.username = username ?? `person${process.pid % 1000}x${++count}`;
    this.name = name ?? `Person ${count}`;
    this.email = `${this.username}@example.org`;
    this.password = password;
  }

  /** One request; redirects are not followed. */
  async request(path, { method = 'GET', form = null, body = undefined, headers = {} } = {}) {
    const cookie = [...this.#jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await (this.site.fetch ?? fetch)(new URL(path, this.site.url), {
      method,
      redirect: 'manual',
      headers: { ...(cookie && { cookie }), ...(form && { 'content-type': 'application/x-www-form-urlencoded' }), ...headers },
      body: form ? new URLSearchParams(form).toString() : body,
    });
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split(/=(.*)/s);
      if (value === '' || /max-age=0\b/i.test(line)) this.#jar.delete(name);
      else this.#jar.set(name, value);
    }
    return response;
  }

  /** Sends a form as a page of the site would, with a fresh token. */
  async post(path, form = {}, headers = {}) {
    const page = await (await this.request('/topics')).text();
    const token = page.match(/name="csrf-token" content="([^"]+)"/)?.[1];
    assert.ok(token, `no form token on a page:\n${page.slice(0, 500)}`);
    return this.request(path, { method: 'POST', form: { ...form, csrf_token: token }, headers });
  }

  /** The same with a picture. */
  async bring(path, form, bytes) {
    const page = await (await this.request('/topics')).text();
    const body = new FormData();
    body.append('csrf_token', page.match(/name="csrf-token" content="([^"]+)"/)[1]);
    for (const [name, value] of Object.entries(form)) body.append(name, value);
    body.append('picture', new Blob([bytes]), 'picture.png');
    return this.request(path, { method: 'POST', body });
  }

  async register() {
    const { name, username, email, password } = this;
    const response = await this.post('/register', { name, username, email, password1: password, password2: password, next: '/' });
    assert.equal(response.status, 303, `registering ${username}: ${response.status}`);
    return this;
  }

  /** Becomes the first superuser of a new site. */
  async setUp(access = 'public') {
    const path = new URL(await this.site.setupLink()).pathname;
    const { name, username, email, password } = this;
    const form = { site_name: 'The Neem Tree', access, name, username, email, password1: password, password2: password };
    const response = await this.post(path, form);
    assert.equal(response.status, 303, `setting up: ${response.status}`);
    return this;
  }

  /** Opens a room and gives its id. */
  async openRoom({ name = `Room of ${this.name}`, topic = 'Village', description = '' } = {}) {
    const response = await this.post('/rooms/new', { name, topic, description });
    assert.equal(response.status, 303, `opening a room: ${response.status}`);
    return Number(response.headers.get('location').match(/\/rooms\/(\d+)/)[1]);
  }

  /** Shows a project and gives its id. */
  async showProject(form) {
    const response = await this.post('/projects/new', form);
    assert.equal(response.status, 303, `showing a project: ${response.status}`);
    return Number(response.headers.get('location').match(/\/projects\/(\d+)/)[1]);
  }

  /** Says something and gives the message's id. */
  async say(room, body, clientId = '') {
    const response = await this.post(`/rooms/${room}/messages`, { body, ...(clientId && { client_id: clientId }) }, { accept: 'application/json' });
    assert.ok([200, 201].includes(response.status), `saying something: ${response.status}`);
    return (await response.json()).id;
  }

  /** The session as a cookie of a browser. */
  get cookies() {
    return [...this.#jar].map(([name, value]) => ({ name, value, url: this.site.url, httpOnly: true, sameSite: 'Lax' }));
  }
}
