// Every page of the site, in each shape that it can take.
import { Person, PASSWORD } from './person.mjs';
import { Server } from './server.mjs';
import { png } from './picture.mjs';
import { codeOf } from './totp.mjs';

/** Sends a form of the page that is open, changed by `change` before. */
async function submit(page, change) {
  await Promise.all([page.waitForEvent('domcontentloaded'), page.evaluate(change)]);
}

const goto = (path) => (page) => page.goto(path);

async function beginSecond(page) {
  await page.goto('/account/second-factor');
  await page.locator('main [name=password]').fill(PASSWORD);
  await Promise.all([page.waitForEvent('domcontentloaded'), page.keyboard.press('Enter')]);
  await page.locator('.secret-text').waitFor();
}

/** A site full enough to look at; the people and rooms that the pages need. */
/** Everything that a message can hold, some of it wider than the page. */
const MARKDOWN = `# A heading
**bold**, *soft*, ~~gone~~, \`code\`, https://example.org/ and [a link](https://example.org/somewhere)

> said before
> > and before that

1. one
2. two
   - [x] done
   - [ ] open

| name | ${'a wide column | '.repeat(9)}
|---|${'--:|'.repeat(9)}
| 1 | ${'two words | '.repeat(9)}

\`\`\`rust
fn main() { println!("${'a long line '.repeat(20)}"); }
\`\`\`

---
![a picture](https://example.org/picture.png)`;

async function furnish(site) {
  const [host, member, newcomer] = await Promise.all([
    new Person(site, { name: 'Asha Devi' }).register(),
    new Person(site, { name: 'Ravi Kumar' }).register(),
    new Person(site, { name: 'Meera' }).register(),
  ]);
  const room = await host.openRoom({ name: 'Learning Rust under the tree', topic: 'Rust', description: 'Ownership, one **evening** at a time.\nBring your questions.\n\n- `let`\n- > [mut](https://example.org/)\n\n```\nlet a_rather_long_line_of_code = that_is_wider_than(the_column);\n```' });
  const empty = await host.openRoom({ name: 'A quiet room', topic: 'Silence' });
  for (let number = 1; number <= 11; number++) await host.openRoom({ name: `Evening ${number}`, topic: `Topic ${number}`, description: 'Tea and talk.' });
  for (let number = 1; number <= 60; number++) {
    await (number % 3 ? host : member).say(room, number % 7 ? `A thought, number ${number}` : `A longer thought, number ${number}, that goes on for a while so that it needs more than one line on a phone.\n\nAnd a second paragraph: ${'word '.repeat(30)}`);
  }
  const own = await host.say(room, 'A word of the host');
  await host.post(`/messages/${own}/edit`, { body: 'A word of the host, said better' });
  await member.say(room, MARKDOWN);
  // Somebody who was taken out, for the host's list of them.
  await newcomer.say(room, 'passing by');
  await host.post(`/rooms/${room}/participants/${newcomer.username}/remove`);
  // The chat rooms by name, with a guest and a member in one of them.
  const guest = new Person(site, { name: 'Meera of the well' });
  await guest.post('/chat', { room_name: 'The well & the wheel', username: guest.name });
  const chat = '/chat/The~20well~20~26~20the~20wheel';
  await member.post(`${chat}/messages`, { body: 'Who draws the water today?' });
  await guest.post(`${chat}/messages`, { body: 'I do, and bring the buckets.' });
  const json = await (await guest.request('/getMessages/The~20well~20~26~20the~20wheel')).json();
  await guest.post('/chat', { room_name: 'An empty hall', username: guest.name });
  const staff = new Person(site, { username: 'mukhiya' });
  await staff.post('/login', { login: staff.username, password: PASSWORD });
  const showcase = await show(host, member, newcomer, guest);
  // The links of two letters.
  await member.post('/password-reset', { email: member.email });
  const resetLink = await site.linkTo(member.email, '/password-reset/');
  await member.post('/account/email', { email: `other-${member.email}`, password: PASSWORD });
  const emailLink = await site.linkTo(`other-${member.email}`, '/account/email/');
  // Logged in twice.
  await new Person(site, { username: member.username }).post('/login', { login: member.username, password: PASSWORD });
  return { ...showcase, resetLink, emailLink, host, member, newcomer, room, empty, own, guest, staff, chat, guestWords: json.messages.at(-1).id };
}

/** What the people can, made, think of it, and wrote to each other. */
async function show(host, member, newcomer, guest) {
  await host.bring('/account/edit', {
    name: host.name, username: host.username, short_intro: 'Weaver and gardener of small programs', location: 'Maheshwar, by the river',
    bio: 'I **weave**, and I write `Rust`.\n\n- looms\n- [a page of mine](https://example.org/looms)\n\n> The thread remembers.\n\n```rust\nfn main() { println!("a long line that does not fit into a narrow page, whatever one does with it"); }\n```',
    social_github: 'github.com/asha', social_website: 'https://a-rather-long-address-of-a-page.example.org/that/goes/on/and/on',
  }, png(400, 500));
  await host.post('/account/skills/new', { name: 'Weaving', description: 'On a pit loom, for ten years.' });
  for (const name of ['Rust', 'Dyeing with indigo', 'हिन्दी', 'Teaching']) await host.post('/account/skills/new', { name });
  await member.post('/account/skills/new', { name: 'Pottery' });
  const planner = { title: 'Loom planner', description: 'Plans a **loom** from a picture.\n\n| thread | count |\n|---|---|\n| warp | 40 |', demo_link: 'loom.example.org', source_link: 'https://code.example.org/loom', tags: 'rust, weaving, machine learning' };
  const project = await host.showProject(planner);
  for (let number = 1; number <= 13; number++) await member.showProject({ title: `Pot number ${number}`, tags: 'clay' });
  await host.bring(`/projects/${project}/edit`, planner, png(900, 600));
  await member.post(`/projects/${project}/reviews`, { value: 'up', body: 'It *works*, even for saris.' });
  await newcomer.post(`/projects/${project}/reviews`, { value: 'down', body: '' });
  const write = (from, to, form) => from.post(`/developers/${to.username}/message`, form);
  await write(member, host, { subject: 'The loom', body: 'Could it plan a **carpet**, too?' });
  await write(guest, host, { name: 'A passer-by', email: 'passer@example.org', subject: 'A question from the road', body: 'Are you there on Thursday?' });
  const inbox = (await (await host.request('/inbox')).text()).replaceAll('&#x2F;', '/');
  const letters = [...inbox.matchAll(/href="\/inbox\/(\d+)"/g)].map((found) => Number(found[1]));
  const skills = await (await host.request('/account/skills')).text();
  return { project, letters, skill: skills.match(/skills\/(\d+)\/edit/)[1] };
}

/** A second site: not set up at first, then closed, and quick to say "not so fast". */
async function closedSite() {
  const site = await new Server({ settings: { CHAUPAL_ACCOUNTS__REGISTRATION: 'closed', CHAUPAL_THROTTLE__LOGIN: '2/h', CHAUPAL_MAIL__BACKEND: null, ROCKET_PROFILE: 'release' } }).start();
  return { site, link: new URL(await site.setupLink()).pathname };
}

/**
 * The pages: `open(page, stage)` brings a window there. `as` names a person of the stage, `site` the
 * second site. Pages that change what others show stand at the end.
 */
export const PAGES = [
  { name: 'home as a stranger', open: goto('/') },
  { name: 'home as a member', as: 'member', open: goto('/') },
  { name: 'home, second page', as: 'member', open: goto('/?page=2') },
  { name: 'search without words', open: goto('/search') },
  { name: 'search', open: goto('/search?q=thought') },
  { name: 'search as a member, of one kind, second page', as: 'member', open: goto('/search?kind=messages&q=thought&page=2') },
  { name: 'search inside of words', as: 'member', open: goto('/search?q=hough') },
  { name: 'search, nothing found', open: goto('/search?q=nothing-has-this-name') },
  { name: 'home with a search', open: goto('/?q=rust') },
  { name: 'home with an empty result', as: 'member', open: goto('/?q=nothing-has-this-name') },
  { name: 'home with the menu open', as: 'host', open: async (page) => { await page.goto('/'); await page.locator('.user-menu summary').click(); } },
  { name: 'topics', open: goto('/topics') },
  { name: 'topics, none found', open: goto('/topics?q=nothing-has-this-name') },
  { name: 'activity', as: 'member', open: goto('/activity') },
  { name: 'activity, none found', open: goto('/activity?q=nothing-has-this-name') },
  { name: 'room as a stranger', open: (page, stage) => page.goto(`/rooms/${stage.room}`) },
  { name: 'room as a member', as: 'member', open: (page, stage) => page.goto(`/rooms/${stage.room}`) },
  { name: 'room as its host', as: 'host', open: (page, stage) => page.goto(`/rooms/${stage.room}`) },
  { name: 'room as one who was taken out', as: 'newcomer', open: (page, stage) => page.goto(`/rooms/${stage.room}`) },
  { name: 'room with its oldest messages', as: 'member', open: (page, stage) => page.goto(`/rooms/${stage.room}?before=15`) },
  { name: 'room without messages', as: 'host', open: (page, stage) => page.goto(`/rooms/${stage.empty}`) },
  {
    name: 'room with its people open on a phone', as: 'host', widths: [390],
    open: async (page, stage) => { await page.goto(`/rooms/${stage.room}`); await page.locator('.people-button').click(); await page.locator('#people').waitFor(); },
  },
  {
    name: 'room with its menu open', as: 'host',
    open: async (page, stage) => { await page.goto(`/rooms/${stage.room}`); await page.locator('.room-menu summary').click(); },
  },
  {
    name: 'room with an error at the composer', as: 'member', javaScript: true,
    open: async (page, stage) => {
      await page.goto(`/rooms/${stage.room}`);
      // As without a script: the form itself goes to the server.
      await submit(page, () => {
        const form = document.querySelector('#composer');
        form.elements.body.removeAttribute('required');
        HTMLFormElement.prototype.submit.call(form);
      });
    },
  },
  { name: 'new room', as: 'host', open: goto('/rooms/new') },
  { name: 'new room with errors', as: 'host', open: async (page) => { await page.goto('/rooms/new'); await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('main form'))); } },
  { name: 'edit room', as: 'host', open: (page, stage) => page.goto(`/rooms/${stage.room}/edit`) },
  { name: 'delete room', as: 'host', open: (page, stage) => page.goto(`/rooms/${stage.room}/delete`) },
  { name: 'edit message', as: 'host', open: (page, stage) => page.goto(`/messages/${stage.own}/edit`) },
  { name: 'delete message', as: 'host', open: (page, stage) => page.goto(`/messages/${stage.own}/delete`) },
  { name: 'a person', open: (page, stage) => page.goto(`/developers/${stage.host.username}`) },
  { name: 'a person, oneself, with nothing yet', as: 'newcomer', open: (page, stage) => page.goto(`/developers/${stage.newcomer.username}`) },
  { name: 'a person who told much, oneself', as: 'host', open: (page, stage) => page.goto(`/developers/${stage.host.username}`) },
  { name: 'developers', open: goto('/developers') },
  { name: 'developers, some found', as: 'member', open: goto('/developers?q=weaving') },
  { name: 'developers, none found', open: goto('/developers?q=nothing-has-this-name') },
  { name: 'skills', as: 'host', open: goto('/account/skills') },
  { name: 'skills, none', as: 'newcomer', open: goto('/account/skills') },
  { name: 'a new skill with errors', as: 'host', open: async (page) => { await page.goto('/account/skills/new'); await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('main form'))); } },
  { name: 'edit skill', as: 'host', open: (page, stage) => page.goto(`/account/skills/${stage.skill}/edit`) },
  { name: 'remove skill', as: 'host', open: (page, stage) => page.goto(`/account/skills/${stage.skill}/delete`) },
  { name: 'projects', as: 'member', open: goto('/projects') },
  { name: 'projects, second page of a search', open: goto('/projects?q=clay&page=2') },
  { name: 'projects, none found', open: goto('/projects?q=nothing-has-this-name') },
  { name: 'project as a stranger', open: (page, stage) => page.goto(`/projects/${stage.project}`) },
  { name: 'project as one who has voted', as: 'member', open: (page, stage) => page.goto(`/projects/${stage.project}`) },
  { name: 'project as its owner', as: 'host', open: (page, stage) => page.goto(`/projects/${stage.project}`) },
  { name: 'project, a review with errors', as: 'newcomer', open: async (page, stage) => { await page.goto(`/projects/${stage.project}`); await submit(page, () => { const form = document.querySelector('.review-form'); for (const choice of form.elements.value) choice.checked = false; HTMLFormElement.prototype.submit.call(form); }); } },
  { name: 'new project', as: 'host', open: goto('/projects/new') },
  { name: 'new project with errors', as: 'host', open: async (page) => { await page.goto('/projects/new'); await submit(page, () => { const form = document.querySelector('main form'); form.elements.demo_link.value = 'javascript:alert(1)'; HTMLFormElement.prototype.submit.call(form); }); } },
  { name: 'edit project', as: 'host', open: (page, stage) => page.goto(`/projects/${stage.project}/edit`) },
  { name: 'delete project', as: 'host', open: (page, stage) => page.goto(`/projects/${stage.project}/delete`) },
  { name: 'take a review back', as: 'member', open: (page, stage) => page.goto(`/projects/${stage.project}/reviews/delete`) },
  { name: 'inbox', as: 'host', open: goto('/inbox') },
  { name: 'inbox, empty', as: 'newcomer', open: goto('/inbox') },
  { name: 'inbox, a stranger\'s message', as: 'host', open: (page, stage) => page.goto(`/inbox/${stage.letters[0]}`) },
  { name: 'inbox, a member\'s message', as: 'host', open: (page, stage) => page.goto(`/inbox/${stage.letters[1]}`) },
  { name: 'write to somebody', as: 'member', open: (page, stage) => page.goto(`/developers/${stage.host.username}/message`) },
  { name: 'write to somebody as a stranger, with errors', open: async (page, stage) => { await page.goto(`/developers/${stage.host.username}/message`); await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('main form'))); } },
  { name: 'chat, the door', open: goto('/chat') },
  { name: 'chat, the door as a member', as: 'member', open: goto('/chat') },
  { name: 'chat, the door with errors', open: async (page) => { await page.goto('/chat'); await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('main form'))); } },
  { name: 'chat, a room that is not there', status: 404, open: goto('/chat/Nobody-was-here') },
  { name: 'chat room as a stranger', open: (page, stage) => page.goto(stage.chat) },
  { name: 'chat room as a guest', as: 'guest', open: (page, stage) => page.goto(stage.chat) },
  { name: 'chat room as a member', as: 'member', open: (page, stage) => page.goto(stage.chat) },
  { name: 'chat room without messages', as: 'guest', open: goto('/chat/An~20empty~20hall') },
  {
    name: 'chat room whose guest has lost his name', as: 'guest',
    open: async (page, stage) => {
      await page.goto(stage.chat);
      await page.context().clearCookies({ name: /^chaupal_guest_/ });
      await submit(page, () => {
        const form = document.querySelector('#composer');
        form.elements.body.value = 'A thought that must not be lost';
        HTMLFormElement.prototype.submit.call(form);
      });
    },
  },
  { name: 'delete a guest\'s message', as: 'staff', open: (page, stage) => page.goto(`/messages/${stage.guestWords}/delete`) },
  { name: 'log-in', open: goto('/login') },
  {
    name: 'log-in with an error',
    open: async (page) => {
      await page.goto('/login');
      await page.locator('main [name=login]').fill('nobody');
      await page.locator('main [name=password]').fill('nothing');
      await page.keyboard.press('Enter');
      await page.locator('main [role=alert]').waitFor();
    },
  },
  { name: 'registration', open: goto('/register') },
  { name: 'registration with errors', open: async (page) => { await page.goto('/register'); await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('main form'))); } },
  { name: 'registration, look into your mail', open: goto('/register/sent') },
  { name: 'registration, a link that does not work', status: 404, open: goto('/register/confirm/x') },
  { name: 'forgotten password', open: goto('/password-reset') },
  { name: 'forgotten password with an error', open: async (page) => { await page.goto('/password-reset'); await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('main form'))); } },
  { name: 'forgotten password, sent', open: goto('/password-reset/sent') },
  { name: 'forgotten password, a link that does not work', status: 404, open: goto('/password-reset/1/x') },
  { name: 'forgotten password, the form', open: (page, stage) => page.goto(stage.resetLink) },
  { name: 'forgotten password, done', open: goto('/password-reset/complete') },
  { name: 'account', as: 'member', open: goto('/account') },
  { name: 'account, how others see me', as: 'member', open: goto('/account/edit') },
  { name: 'account, log-ins', as: 'member', open: goto('/account/sessions') },
  { name: 'account, password', as: 'member', open: goto('/account/password') },
  {
    name: 'account, password with errors', as: 'member',
    open: async (page) => { await page.goto('/account/password'); await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('main form'))); },
  },
  { name: 'account, second step, off', as: 'member', open: goto('/account/second-factor') },
  { name: 'account, second step, the secret', as: 'newcomer', open: beginSecond },
  {
    name: 'account, second step, with an error', as: 'newcomer',
    open: async (page) => { await beginSecond(page); await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('main form'))); },
  },
  {
    name: 'account, recovery codes', as: 'newcomer',
    open: async (page) => {
      await beginSecond(page);
      await page.locator('#code').fill(codeOf(await page.locator('.secret-text').textContent()));
      await Promise.all([page.waitForEvent('domcontentloaded'), page.keyboard.press('Enter')]);
      await page.locator('.recovery-codes').waitFor();
    },
  },
  { name: 'account, second step, on', as: 'newcomer', open: goto('/account/second-factor') },
  {
    name: 'log-in, the code',
    open: async (page, stage) => {
      await page.goto('/login');
      await page.locator('main [name=login]').fill(stage.newcomer.username);
      await page.locator('main [name=password]').fill(PASSWORD);
      await page.keyboard.press('Enter');
      await page.locator('#code').waitFor();
    },
  },
  { name: 'account, e-mail', as: 'member', open: goto('/account/email') },
  { name: 'account, confirm an e-mail', open: (page, stage) => page.goto(stage.emailLink) },
  { name: 'account, a link that does not work', status: 404, open: goto('/account/email/x') },
  { name: 'account, export', as: 'member', open: goto('/account/export') },
  { name: 'account, delete', as: 'host', open: goto('/account/delete') },
  { name: 'error 404', status: 404, open: goto('/rooms/99999999') },
  { name: 'error 403', status: 403, as: 'member', open: (page, stage) => page.goto(`/rooms/${stage.room}/edit`) },
  { name: 'error 405', status: 405, open: goto('/logout') },
  {
    name: 'new room, after a form with an old token', as: 'member',
    open: async (page) => {
      await page.goto('/rooms/new');
      await submit(page, () => {
        const form = document.querySelector('main form');
        form.elements.csrf_token.value = 'forged';
        HTMLFormElement.prototype.submit.call(form);
      });
    },
  },
  {
    name: 'error 403, a form of another site', status: 403,
    open: async (page) => {
      await page.goto('/login');
      const address = page.url();
      await page.goto('about:blank');
      await page.setContent(`<form method="post" action="${address}"></form>`);
      await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('form')));
    },
  },
  {
    name: 'error 413', as: 'member', status: 413,
    open: async (page) => {
      await page.goto('/rooms/new');
      await submit(page, () => {
        const form = document.querySelector('main form');
        form.elements.description.value = 'x'.repeat(300_000);
        HTMLFormElement.prototype.submit.call(form);
      });
    },
  },
  {
    name: 'error 415', as: 'member', status: 415,
    open: async (page) => {
      await page.goto('/rooms/new');
      await submit(page, () => {
        const form = document.querySelector('main form');
        form.enctype = 'text/plain';
        HTMLFormElement.prototype.submit.call(form);
      });
    },
  },
  { name: 'site not set up', closed: true, open: goto('/') },
  { name: 'registration on a site not set up', closed: true, open: goto('/register') },
  { name: 'set-up', closed: true, open: (page, stage) => page.goto(stage.closed.link) },
  { name: 'set-up with errors', closed: true, open: async (page, stage) => { await page.goto(stage.closed.link); await submit(page, () => HTMLFormElement.prototype.submit.call(document.querySelector('main form'))); } },
  { name: 'set-up link expired', closed: true, open: (page, stage) => page.goto(stage.closed.link.slice(0, -4)) },
  {
    name: 'registration closed', closed: true,
    open: async (page, stage) => {
      stage.closed.owner ??= new Person(stage.closed.site).setUp();
      await stage.closed.owner;
      await page.goto('/register');
    },
  },
  { name: 'mail not set up', closed: true, status: 503, networkMayFail: true, open: goto('/password-reset') },
  { name: 'home without a room', closed: true, open: goto('/') },
  { name: 'topics without a topic', closed: true, open: goto('/topics') },
  { name: 'activity without any', closed: true, open: goto('/activity') },
  {
    name: 'error 429', closed: true, status: 429,
    open: async (page) => {
      for (let tries = 0; tries < 4; tries++) {
        await page.goto('/login');
        await page.locator('main [name=login]').fill('nobody');
        await page.locator('main [name=password]').fill(PASSWORD);
        await Promise.all([page.waitForEvent('domcontentloaded'), page.keyboard.press('Enter')]);
      }
    },
  },
];

/** Everything that [PAGES] need, made once. */
export async function stage(site) {
  const [furnished, closed] = await Promise.all([furnish(site), closedSite()]);
  return { ...furnished, closed, close: () => closed.site.remove() };
}
