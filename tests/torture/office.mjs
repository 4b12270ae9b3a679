// office.mjs - a firm at work: clients, people with a session, and the acts that put mail on its way.
import crypto from 'node:crypto';
import { ownAddress } from '../lib/wire.mjs';
import { uuid } from './rig.mjs';

/** @typedef {import('./rig.mjs').Rig} Rig @typedef {import('./rig.mjs').Person} Person */

const PASSWORD = 'seven wet herons wade home';

/**
 * A client with two portal users, both of whom see `drop`; whatever one of them uploads lands in `inbox`, and the owner is the team.
 * @typedef {{ id: string, drop: string, inbox: string, people: Person[] }} Client
 * @typedef {{ slug: string, owner: Person, clients: Client[] }} Office
 */

let count = 0;
/** A word that nobody else uses. @param {string} word */
export const unique = (word) => `${word}-${process.pid.toString(36)}${(count++).toString(36).padStart(4, '0')}`;

/** @param {Rig} rig @param {string} firm @param {'staff' | 'portal'} audience @param {string} email @param {string} password @returns {Promise<Person>} */
export async function signIn(rig, firm, audience, email, password = PASSWORD) {
  const got = await rig.ok('/v1/auth/login', { json: { firm, audience, email, password, transport: 'token' } });
  return { token: got.access_token, id: got.session.principal.id, email, from: ownAddress() };
}

/** @param {Rig} rig @param {Person} owner @param {string} client @param {string} [email] */
export async function contact(rig, owner, client, email = `${unique('c')}@mail.test`) {
  const made = await rig.ok('/v1/contacts', {
    as: owner,
    json: { entity: 'individual', display_name: unique('Ann'), primary_email: email },
  });
  await rig.ok(`/v1/clients/${client}/contacts/${made.id}`, { method: 'PUT', as: owner, json: { is_primary: false } });
  return made;
}

/** A contact who came in by the mailed invitation. @param {Rig} rig @param {string} slug @param {Person} owner @param {string} client @returns {Promise<Person>} */
export async function portalUser(rig, slug, owner, client) {
  const who = await contact(rig, owner, client);
  await rig.ok(`/v1/contacts/${who.id}/portal_access`, { method: 'PUT', as: owner, json: { send: 'now' } });
  const [mail] = await rig.sink.wait(who.primary_email, 1, 0, 30_000);
  const token = mail?.links.find((link) => link.includes('/accept#'))?.split('#')[1];
  const got = await rig.ok('/v1/invitations/accept', { json: { token, password: PASSWORD, transport: 'token' } });
  return {
    token: got.access_token,
    id: got.session.principal.id,
    email: who.primary_email,
    from: ownAddress(),
    contact: who,
  };
}

/** @param {Rig} rig @param {string} slug @param {Person} owner @param {number} people @returns {Promise<Client>} */
export async function newClient(rig, slug, owner, people) {
  const client = await rig.ok('/v1/clients', { as: owner, json: { entity: 'business', name: unique('Client') } });
  await rig.ok(`/v1/clients/${client.id}/team/${owner.id}`, { method: 'PUT', as: owner });
  const users = [];
  for (let i = 0; i < people; i++) users.push(await portalUser(rig, slug, owner, client.id));
  const folders = await rig.ok(`/v1/folders?client_id=${client.id}`, { as: owner });
  const inbox = folders.data.find((/** @type {any} */ f) => f.is_default_upload).id;
  const drop = (await rig.ok('/v1/folders', { as: owner, json: { client_id: client.id, name: unique('Drop') } })).id;
  if (users.length)
    await rig.ok('/v1/shares', {
      as: owner,
      json: {
        item_type: 'folder',
        item_id: drop,
        contact_ids: users.map((u) => u.contact.id),
        access: 'view',
        notify: false,
      },
    });
  return { id: client.id, drop, inbox, people: users };
}

/** The demo firm with clients; its mails are not held back to be joined. @param {Rig} rig @param {number} [clients] @param {number} [people] @returns {Promise<Office>} */
export async function office(rig, clients = 3, people = 2) {
  const demo = rig.stack.demo;
  if (!demo) throw new Error('no demo firm');
  await rig.stack.sql('update firm set mail_coalesce_seconds = 0 where slug = $1', [demo.slug]);
  const owner = await signIn(rig, demo.slug, 'staff', demo.owner.email, demo.owner.password);
  const made = [];
  for (let i = 0; i < clients; i++) made.push(await newClient(rig, demo.slug, owner, people));
  return { slug: demo.slug, owner, clients: made };
}

/** A second firm, whose owner came in by the mailed invitation. @param {Rig} rig @returns {Promise<Office>} */
export async function otherOffice(rig) {
  const slug = unique('other');
  const email = `${unique('owner')}@mail.test`;
  await rig.stack.ctl(
    'firm',
    'create',
    '--slug',
    slug,
    '--name',
    slug,
    '--owner-email',
    email,
    '--owner-name',
    'Olive',
    '--timezone',
    'UTC',
    '--currency',
    'EUR',
  );
  const [mail] = await rig.sink.wait(email, 1, 0, 30_000);
  const token = mail?.links.find((link) => link.includes('/accept#'))?.split('#')[1];
  const got = await rig.ok('/v1/invitations/accept', { json: { token, password: PASSWORD, transport: 'token' } });
  const owner = { token: got.access_token, id: got.session.principal.id, email, from: ownAddress() };
  return { slug, owner, clients: [await newClient(rig, slug, owner, 0)] };
}

export const sha256 = (/** @type {Uint8Array} */ bytes) => crypto.createHash('sha256').update(bytes).digest('hex');

/**
 * One call that changes something, as it is sent again and again until it is answered: the same key, the same bytes.
 * `mails` are those that follow: to whom, and what stands in their text.
 * @typedef {{ kind: string, path: string, as: Person, key: string, method?: string, json?: unknown, body?: Uint8Array | undefined, sha256?: string,
 *   name: string, mails: { to: string, says: string }[], answer?: any, state: 'new' | 'acked' | 'open' | 'refused', tries: number, statuses: number[] }} Act
 */

/** @param {Omit<Act, 'state' | 'tries' | 'statuses' | 'key'>} act @returns {Act} */
export const act = (act) => ({ ...act, key: unique('torture-key'), state: 'new', tries: 0, statuses: [] });

export const folderAct = (/** @type {Office} */ o, /** @type {Client} */ c) => {
  const name = unique('Folder');
  return act({ kind: 'folder', path: '/v1/folders', as: o.owner, name, json: { client_id: c.id, name }, mails: [] });
};

export const shareAct = (/** @type {Office} */ o, /** @type {Act} */ folder, /** @type {Person[]} */ people) =>
  act({
    kind: 'share',
    path: '/v1/shares',
    as: o.owner,
    name: folder.name,
    json: {
      item_type: 'folder',
      item_id: folder.answer.id,
      contact_ids: people.map((p) => p.contact.id),
      access: 'view',
      notify: true,
    },
    mails: people.map((p) => ({ to: p.email, says: `/items/${folder.answer.id}` })),
  });

export const contactAct = (/** @type {Office} */ o) => {
  const email = `${unique('new')}@mail.test`;
  return act({
    kind: 'contact',
    path: '/v1/contacts',
    as: o.owner,
    name: email,
    json: { entity: 'individual', display_name: unique('Ben'), primary_email: email },
    mails: [],
  });
};

export const inviteAct = (/** @type {Office} */ o, /** @type {Client} */ c, /** @type {Act} */ contact) =>
  act({
    kind: 'invite',
    path: '/v1/invitations',
    as: o.owner,
    name: contact.name,
    json: { contact_id: contact.answer.id, client_id: c.id, send: 'now' },
    mails: [{ to: contact.name, says: '/accept#' }],
  });

/** Staff put a document into the folder that the client's people see. */
export const uploadAct = (/** @type {Office} */ o, /** @type {Client} */ c, /** @type {Buffer} */ bytes) => {
  const name = `${unique('letter')}.bin`;
  return act({
    kind: 'upload',
    path: `/v1/documents?folder_id=${c.drop}&name=${name}`,
    as: o.owner,
    name,
    body: bytes,
    sha256: sha256(bytes),
    mails: c.people.map((p) => ({ to: p.email, says: name })),
  });
};

/** One of the client's people uploads: the team hears of it, and the others who see the folder. */
export const scanAct = (
  /** @type {Office} */ o,
  /** @type {Client} */ c,
  /** @type {Person} */ by,
  /** @type {Buffer} */ bytes,
) => {
  const name = `${unique('scan')}.bin`;
  const others = c.people.filter((p) => p !== by).map((p) => p.email);
  return act({
    kind: 'scan',
    path: `/v1/portal/documents?folder_id=${c.inbox}&name=${name}`,
    as: by,
    name,
    body: bytes,
    sha256: sha256(bytes),
    mails: [o.owner.email, ...others].map((to) => ({ to, says: name })),
  });
};

/**
 * Send it once. Answers the status, or 0 when there was no answer at all; what is neither a success nor "not now" is told to `wrong`.
 * @param {Rig} rig @param {Act} a @param {(what: string) => void} wrong
 */
export async function send(rig, a, wrong) {
  a.tries++;
  let answer;
  try {
    answer = await rig.ask(a.path, {
      method: a.method ?? 'POST',
      as: a.as,
      key: a.key,
      ...(a.body ? { body: a.body } : { json: a.json }),
    });
  } catch (error) {
    wrong(`${a.kind} ${a.name}: ${error}`);
    a.statuses.push(0);
    a.state = 'open';
    return 0;
  }
  const { status, json } = answer;
  a.statuses.push(status);
  if (status >= 200 && status < 300) {
    a.state = 'acked';
    a.answer = json;
    a.body = undefined; // its hash is enough from here on
  } else if (status === 503 || (status === 409 && json?.code === 'idempotency_in_progress')) {
    if (status === 503 && !answer.headers.get('retry-after')) wrong(`${a.kind} ${a.name}: 503 without Retry-After`);
    a.state = 'open';
  } else {
    wrong(
      `${a.kind} ${a.name}, try ${a.tries} after ${a.statuses.slice(0, -1)}: ${status} ${answer.body.subarray(0, 300)}`,
    );
    a.state = 'refused';
  }
  return status;
}

/** The row that an acknowledged act has made. @param {Act} a @returns {string} */
export const made = (a) => uuid(a.kind === 'share' ? a.answer.data[0].id : a.answer.id);

/** What the mails of acts say: a link to an item, the name of a document, the way in. */
const WORDS = /\/items\/\w+|[\w-]+\.bin|\/accept#/g;

/** What the sink has got, looked up fast: there are thousands. */
export class Letters {
  #seen = 0;
  /** @type {Set<string>} */ #words = new Set();

  /** @param {import('../lib/sink.mjs').Sink} sink */
  constructor(sink) {
    this.sink = sink;
  }

  /** What follows from an act and has not arrived. @param {Act} a */
  missing(a) {
    for (const { mails } = this.sink; this.#seen < mails.length; this.#seen++) {
      const mail = mails[this.#seen];
      for (const word of mail?.text.match(WORDS) ?? []) this.#words.add(`${mail?.to} ${word}`);
    }
    return a.mails
      .filter((m) => !this.#words.has(`${m.to.toLowerCase()} ${m.says}`))
      .map((m) => `${a.kind} ${a.name} to ${m.to} (${a.statuses})`);
  }

  /** The mails by Message-ID. @param {number} after @returns {Map<string, import('../lib/sink.mjs').Mail[]>} */
  copies(after) {
    /** @type {Map<string, import('../lib/sink.mjs').Mail[]>} */
    const map = new Map();
    for (const mail of this.sink.to('', after)) map.set(mail.messageId, [...(map.get(mail.messageId) ?? []), mail]);
    return map;
  }
}
