// kit.ts - what most tests from outside begin with: firms, people, and short words for "answers this" and "refuses so".
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { components } from 'openapi-types';
import { api, type Api } from './client.mjs';
import { call } from './recorder.mjs';
import { SinkClient, type Mail } from './sink.mjs';
import { shared, type Stack } from './stack.mjs';
import { ownAddress, type Answer } from './wire.mjs';

export type Schema = components['schemas'];
export type { Api, Mail, Stack, Answer };

export const stack = shared();
export type Session = Awaited<ReturnType<Stack['session']>>;
export const sink = new SinkClient(process.env['STACK_SINK'] ?? '');

export const PASSWORD = 'seven wet herons wade home';

type Replied = { data?: unknown; error?: unknown; response: Response };
type DataOf<R> = R extends { data: infer D } ? D : never;

/** The body of an answer that must have the status (any 2xx if none is named). */
export async function ok<R extends Replied>(reply: Promise<R>, status?: number): Promise<DataOf<R>> {
  return (await took(reply, status)).data;
}

/** The same with the whole answer: body and headers. */
export async function took<R extends Replied>(
  reply: Promise<R>,
  status?: number,
): Promise<{ data: DataOf<R>; headers: Headers; etag: string }> {
  const got = await reply;
  const fine = status === undefined ? got.response.ok : got.response.status === status;
  assert.ok(
    fine,
    `${got.response.status}${status === undefined ? '' : `, not ${status}`}: ${JSON.stringify(got.error ?? got.data)}`,
  );
  return { data: got.data as DataOf<R>, headers: got.response.headers, etag: got.response.headers.get('etag') ?? '' };
}

/** The problem of an answer that must have this status and code, and (if told) exactly these faults: "pointer code". */
export async function refused(
  reply: Promise<Replied>,
  status: number,
  code: string,
  faults?: string[],
): Promise<Schema['Problem']> {
  const got = await reply;
  const problem = got.error as Schema['Problem'] | undefined;
  assert.equal(`${got.response.status} ${problem?.code}`, `${status} ${code}`, JSON.stringify(got.error ?? got.data));
  assert.ok(problem);
  if (faults)
    assert.deepEqual(
      problem.errors.map((e) => `${e.pointer} ${e.code}`).sort(),
      [...faults].sort(),
      JSON.stringify(problem.errors),
    );
  return problem;
}

export interface Raw {
  method?: string;
  headers?: Record<string, string>;
  json?: unknown;
  body?: string | Uint8Array;
  as?: Caller;
  from?: string;
}

/** A call below the typed client, still held against the contract. */
export async function raw(path: string, how: Raw = {}): Promise<Answer & { json: any }> {
  const body = how.json === undefined ? how.body : JSON.stringify(how.json);
  const headers: Record<string, string> = {
    ...(how.json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(how.as ? { authorization: `Bearer ${how.as.token}` } : {}),
    ...how.headers,
  };
  const answer = await call(stack.url + path, {
    method: how.method ?? 'GET',
    headers,
    body,
    from: how.from ?? how.as?.from ?? ownAddress(),
  });
  const json =
    /json/.test(answer.headers.get('content-type') ?? '') && answer.body.length
      ? JSON.parse(answer.body.toString())
      : null;
  return { ...answer, json };
}

/** Whoever calls with a token: a person, or a key. */
export interface Caller {
  api: Api;
  token: string;
  from: string;
}

export interface Person extends Caller {
  email: string;
  password: string;
  session: Schema['Session'];
  firm: string;
  refresh: string;
}

/** An API key as a caller, and what it was made with. */
export interface Key extends Caller {
  made: Schema['ApiKey'];
}

export interface Firm {
  slug: string;
  name: string;
  owner: Person;
  id: string;
}

/** The uuid in an id of the API's. */
export function uuidOf(id: string): string {
  const value = [...id.slice(-26)].reduce((sum, c) => sum * 32n + BigInt('0123456789abcdefghjkmnpqrstvwxyz'.indexOf(c)), 0n);
  return value.toString(16).padStart(32, '0').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

let count = 0;
/** A word nobody else uses. */
export function unique(word = 'x'): string {
  return `${word}-${process.pid.toString(36)}${Date.now().toString(36).slice(-5)}${(count++).toString(36)}`;
}

export function address(word = 'ann'): string {
  return `${unique(word)}@${'mail'}.test`;
}

export function key(): string {
  return unique('key-0000');
}

/** A client without a session. */
export function nobody(): Api {
  return api(stack.url);
}

function person(result: Schema['SignInResult'], firm: string, email: string, password: string, from: string): Person {
  assert.equal(result.state, 'signed_in');
  assert.ok(result.session && result.access_token);
  const token = result.access_token;
  const refresh = result.refresh_token ?? '';
  return { api: api(stack.url, { token, from }), token, refresh, email, password, session: result.session, from, firm };
}

export async function signIn(
  firm: string,
  audience: 'staff' | 'portal',
  email: string,
  password = PASSWORD,
): Promise<Person> {
  const from = ownAddress();
  const result = await ok(
    api(stack.url, { from }).POST('/v1/auth/login', { body: { firm, audience, email, password, transport: 'token' } }),
    200,
  );
  return person(result, firm, email, password, from);
}

/** The code that an authenticator app shows for the secret now, or so many steps of 30 s later. */
export async function codeOf(secret: string, later = 0): Promise<string> {
  const digits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const bytes = Buffer.from((digits.match(/.{8}/g) ?? []).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.parse(await serverTime()) / 30_000) + later));
  const mac = createHmac('sha1', bytes).update(counter).digest();
  const at = (mac[19] ?? 0) & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** Give the person, who has just signed in, a second factor: its secret, the code that was used, and recovery codes. */
export async function withFactor(person: Pick<Person, 'api'>): Promise<{ secret: string; used: string; codes: string[] }> {
  const { secret } = await ok(person.api.POST('/v1/auth/totp'), 201);
  const used = await codeOf(secret);
  const { codes } = await ok(person.api.POST('/v1/auth/totp/confirm', { body: { code: used } }), 200);
  return { secret, used, codes };
}

/** The token of the one invitation link in a mail. */
export function tokenOf(mail: Mail | undefined): string {
  const links = (mail?.links ?? []).filter((link) => link.includes('/accept#'));
  assert.equal(links.length, 1, `links of "${mail?.subject}": ${mail?.links}`);
  return (links[0] ?? '').split('#')[1] ?? '';
}

/** The token of the link in a notice that ends its kind. */
export function unsubscribeTokenOf(mail: Mail | undefined): string {
  const links = (mail?.links ?? []).filter((link) => link.includes('/unsubscribe#'));
  assert.equal(links.length, 1, `links of "${mail?.subject}": ${mail?.links}`);
  return (links[0] ?? '').split('#')[1] ?? '';
}

export async function accept(token: string, firm: string, email: string, password = PASSWORD): Promise<Person> {
  const from = ownAddress();
  const result = await ok(
    api(stack.url, { from }).POST('/v1/invitations/accept', { body: { token, password, transport: 'token' } }),
    200,
  );
  return person(result, firm, email, password, from);
}

/** What a mail carries to open a door with: the token behind the link's '#', and the code beside it. */
export function doorOf(mail: Mail | undefined, path: '/m' | '/reset'): { token: string; code: string; link: string } {
  const links = (mail?.links ?? []).filter((link) => new URL(link).pathname === path);
  assert.equal(links.length, 1, `links of "${mail?.subject}": ${mail?.links}`);
  const link = links[0] ?? '';
  return { link, token: link.split('#')[1] ?? '', code: /\b\d{6}$/m.exec(mail?.text ?? '')?.[0] ?? '' };
}

/** The next mail to the address, after the mark, that opens such a door. */
export async function doorMail(email: string, path: '/m' | '/reset', after: number) {
  const mail = await eventually(async () => {
    const found = (await sink.mails(email, { after })).find((m) => m.links.some((link) => new URL(link).pathname === path));
    assert.ok(found, `no mail with ${path} to ${email}`);
    return found;
  });
  return { ...doorOf(mail, path), mail };
}

/** What an answer and its making tell to whoever compares. */
export interface Seen {
  status: number;
  headers: string[];
  length: number;
  trips: number;
  hashes: number;
}

async function passwordHashes(): Promise<number> {
  const got = await raw('/metrics', { headers: { authorization: 'Bearer watching-the-tests' } });
  return Number(/^portico_password_hashes_total (\d+)/m.exec(got.body.toString())?.[1] ?? NaN);
}

/** POST it, and look at the answer from outside and at the work behind it: trips to the database, password hashes. */
export async function look(where: string, json: unknown): Promise<Seen> {
  const hashes = await passwordHashes();
  const got = await raw(where, { method: 'POST', json });
  const id = got.headers.get('x-request-id') ?? '?';
  const line = await eventually(async () => {
    const found = stack.log('api', 1 << 20).split('\n').find((l) => l.includes(id) && l.includes('db_trips'));
    assert.ok(found);
    return found;
  });
  return {
    status: got.status,
    headers: [...got.headers.keys()].sort(),
    length: got.body.length,
    trips: JSON.parse(line.replace(/^[^{]*/, '')).db_trips,
    hashes: (await passwordHashes()) - hashes,
  };
}

/** Promise P9: of so many who come at once exactly one gets in, and the others are told one of these. */
export async function oneWins(redeem: () => Promise<Replied>, won: string, lost: string[], count = 200): Promise<void> {
  const got = await Promise.all(Array.from({ length: count }, redeem));
  const said = got.map((g) => [g.response.status, (g.error as Schema['Problem'] | undefined)?.code].join(' ').trim());
  const tally = Object.fromEntries([...new Set(said)].map((one) => [one, said.filter((other) => other === one).length]));
  assert.equal(tally[won], 1, JSON.stringify(tally));
  // A queue that is full sends people away without having looked at what they have.
  const known = [won, ...lost, '503 unavailable'];
  assert.ok(said.every((one) => known.includes(one)), JSON.stringify(tally));
}

/** How the firm's clients sign in. */
export async function setSignIn(firm: Firm, sign_in: 'password' | 'passwordless' | 'both'): Promise<void> {
  await ok(firm.owner.api.PATCH('/v1/firm', { body: { sign_in } }), 200);
}

/** Have a link mailed to a client of the portal who asks for it, and take it out of the mail. */
export async function askMail(
  firm: Firm,
  user: { email: string },
  door: 'magic_links' | 'password_resets',
  more: { code_challenge?: string; audience?: 'staff' | 'portal' } = {},
) {
  if (door === 'magic_links') await setSignIn(firm, 'both');
  const after = await sink.mark();
  const body = { firm: firm.slug, audience: 'portal' as const, email: user.email, ...more };
  const nobody = api(stack.url, { from: ownAddress() });
  if (door === 'magic_links') await ok(nobody.POST('/v1/auth/magic_links', { body }), 202);
  else await ok(nobody.POST('/v1/auth/password_resets', { body }), 202);
  return doorMail(user.email, door === 'magic_links' ? '/m' : '/reset', after);
}

/** A firm of one's own, whose owner came in by the mailed invitation. */
export async function newFirm(word = 'firm'): Promise<Firm> {
  const slug = unique(word);
  const name = `${word} ${slug} & Partners`;
  const email = address('owner');
  await stack.ctl(
    'firm',
    'create',
    '--slug',
    slug,
    '--name',
    name,
    '--owner-email',
    email,
    '--owner-name',
    'Olive Owner',
    '--timezone',
    'Europe/London',
    '--currency',
    'GBP',
  );
  const [mail] = await sink.mails(email);
  const owner = await accept(tokenOf(mail), slug, email);
  const [row] = await stack.sql('select id from firm where slug = $1', [slug]);
  return { slug, name, owner, id: row.id };
}

export type RoleKey = Schema['Role']['key'];

/** The ids of the firm's roles, by their keys. */
export async function rolesOf(firm: Firm): Promise<Record<RoleKey, string>> {
  const page = await ok(firm.owner.api.GET('/v1/roles'), 200);
  return Object.fromEntries(page.data.map((role) => [role.key, role.id])) as Record<RoleKey, string>;
}

/** Invite somebody to the staff: what is answered, and the token in the mail. */
export async function inviteStaff(
  as: Person,
  role_id: string,
  over: Partial<Schema['StaffCreate']> = {},
): Promise<{ staff: Schema['Staff']; token: string }> {
  const after = await sink.mark();
  const email = address('cora');
  const staff = await ok(
    as.api.POST('/v1/staff', { body: { name: 'Cora Colleague', email, role_id, ...over } }),
    201,
  );
  const [mail] = await sink.mails(staff.email, { after });
  return { staff, token: tokenOf(mail) };
}

/** Another member of the firm's staff, who came in by the mailed invitation. */
export async function newColleague(firm: Firm, role: RoleKey = 'member'): Promise<Person> {
  const { staff, token } = await inviteStaff(firm.owner, (await rolesOf(firm))[role]);
  return accept(token, firm.slug, staff.email);
}

/** Every scope that a key may have. */
export const scopesOf = (person: Person): string[] =>
  person.session.permissions.filter((p) => !['api_keys:write', 'staff:write'].includes(p));

/** The caller that a secret makes. */
export function withKey(created: Schema['ApiKeyCreated']): Key {
  const from = ownAddress();
  return { api: api(stack.url, { token: created.secret, from }), token: created.secret, from, made: created.api_key };
}

/** A key with these scopes, or with all that the maker may give. */
export async function newKey(
  as: Person,
  scopes = scopesOf(as),
  over: Partial<Schema['ApiKeyCreate']> = {},
): Promise<Key> {
  return withKey(await ok(as.api.POST('/v1/api_keys', { body: { name: unique('Key'), scopes, ...over } }), 201));
}

export async function newClient(as: Caller, over: Partial<Schema['ClientCreate']> = {}): Promise<Schema['Client']> {
  return ok(as.api.POST('/v1/clients', { body: { entity: 'business', name: unique('Client'), ...over } }), 201);
}

/** What most files begin with: a firm, its owner, and a client. */
export async function newOffice(word: string): Promise<{ firm: Firm; staff: Person; client: Schema['Client'] }> {
  const firm = await newFirm(word);
  return { firm, staff: firm.owner, client: await newClient(firm.owner) };
}

/** A contact, of the client if one is given. */
export async function newContact(
  as: Caller,
  client?: { id: string },
  over: Partial<Schema['ContactCreate']> = {},
): Promise<Schema['Contact']> {
  const contact = await ok(
    as.api.POST('/v1/contacts', {
      body: { entity: 'individual', display_name: unique('Ann Archer'), primary_email: address(), ...over },
    }),
    201,
  );
  if (!client) return contact;
  await link(as, client, contact);
  return ok(as.api.GET('/v1/contacts/{contact_id}', { params: { path: { contact_id: contact.id } } }), 200);
}

export async function link(
  as: Caller,
  client: { id: string },
  contact: { id: string },
  is_primary = false,
): Promise<void> {
  await ok(
    as.api.PUT('/v1/clients/{client_id}/contacts/{contact_id}', {
      params: { path: { client_id: client.id, contact_id: contact.id } },
      body: { is_primary },
    }),
    204,
  );
}

export function enable(as: Caller, contact: { id: string }, body: Schema['PortalAccessIn'] = { send: 'now' }) {
  return as.api.PUT('/v1/contacts/{contact_id}/portal_access', { params: { path: { contact_id: contact.id } }, body });
}

export function disable(as: Caller, contact: { id: string }) {
  return as.api.DELETE('/v1/contacts/{contact_id}/portal_access', { params: { path: { contact_id: contact.id } } });
}

export function access(as: Caller, contact: { id: string }) {
  return ok(
    as.api.GET('/v1/contacts/{contact_id}/portal_access', { params: { path: { contact_id: contact.id } } }),
    200,
  );
}

export interface PortalUser extends Person {
  contact: Schema['Contact'];
}

/** A contact of the client who was invited by mail and came in. */
export async function newPortalUser(
  firm: Firm,
  client: { id: string },
  over: Partial<Schema['ContactCreate']> = {},
): Promise<PortalUser> {
  const contact = await newContact(firm.owner, client, over);
  const email = contact.primary_email ?? '';
  const after = await sink.mark();
  await ok(enable(firm.owner, contact), 200);
  const [mail] = await sink.mails(email, { after });
  return { ...(await accept(tokenOf(mail), firm.slug, email)), contact };
}

export async function newMatter(
  as: Caller,
  client: { id: string },
  contacts: { id: string }[] = [],
  over: Partial<Schema['MatterCreate']> = {},
): Promise<Schema['Matter']> {
  const { id } = await ok(as.api.POST('/v1/matters', { body: { client_id: client.id, name: unique('Matter'), ...over } }), 201);
  for (const contact of contacts)
    await ok(
      as.api.PUT('/v1/matters/{matter_id}/contacts/{contact_id}', {
        params: { path: { matter_id: id, contact_id: contact.id } },
      }),
      204,
    );
  return ok(as.api.GET('/v1/matters/{matter_id}', { params: { path: { matter_id: id } } }), 200);
}

/** People may register themselves with the firm. */
export async function openDoor(firm: Firm, over: Partial<Schema['FirmPatch']> = {}): Promise<void> {
  await ok(firm.owner.api.PATCH('/v1/firm', { body: { self_registration: true, ...over } }), 200);
}

export function register(firm: { slug: string }, email: string, over: Partial<Schema['RegistrationIn']> = {}) {
  return api(stack.url, { from: ownAddress() }).POST('/v1/registrations', {
    body: { firm: firm.slug, name: 'Rita Registered', email, password: PASSWORD, ...over },
  });
}

/** The token of the one confirmation link in a mail. */
export function confirmTokenOf(mail: Mail | undefined): string {
  const links = (mail?.links ?? []).filter((link) => link.includes('/confirm#'));
  assert.equal(new Set(links).size, 1, `links of "${mail?.subject}": ${mail?.links}`);
  return (links[0] ?? '').split('#')[1] ?? '';
}

/** A link by which people may register for a folder or a matter, and its token. */
export async function newLink(as: Caller, over: Partial<Schema['SignUpLinkIn']>): Promise<{ link: Schema['SignUpLink']; url: string; token: string }> {
  const expires_at = new Date(Date.parse(await serverTime()) + 30 * 86_400_000).toISOString();
  const made = await ok(as.api.POST('/v1/sign_up_links', { body: { access: 'view', max_uses: 3, expires_at, ...over } }), 201);
  return { link: made.sign_up_link, url: made.url, token: made.url.split('#')[1] ?? '' };
}

export interface Pending extends Caller {
  email: string;
  id: string;
}

/** Somebody who has registered with the firm, confirmed the address, signed in, and waits. */
export async function newPending(firm: Firm, over: Partial<Schema['RegistrationIn']> = {}): Promise<Pending> {
  const email = over.email ?? address('rita');
  const after = await sink.mark();
  await ok(register(firm, email, over), 202);
  const [mail] = await sink.mails(email, { after });
  const password = over.password ?? PASSWORD;
  await ok(nobody().POST('/v1/registrations/confirm', { body: { token: confirmTokenOf(mail), password } }), 204);
  const from = ownAddress();
  const result = await ok(
    api(stack.url, { from }).POST('/v1/auth/login', {
      body: { firm: firm.slug, audience: 'portal', email, password, transport: 'token' },
    }),
    200,
  );
  assert.equal(result.state, 'pending_verification');
  const token = result.access_token ?? '';
  const found = await ok(
    firm.owner.api.GET('/v1/registrations', { params: { query: { email, status: 'pending' } } }),
    200,
  );
  return { api: api(stack.url, { token, from }), token, from, email, id: found.data[0]?.id ?? '' };
}

export async function newFolder(
  as: Caller,
  client: { id: string },
  over: Partial<Schema['FolderCreate']> = {},
): Promise<Schema['Folder']> {
  return ok(as.api.POST('/v1/folders', { body: { client_id: client.id, name: unique('Folder'), ...over } }), 201);
}

/** The folder that every client has from the start. */
export async function uploadFolder(as: Caller, client: { id: string }): Promise<Schema['Folder']> {
  const page = await ok(as.api.GET('/v1/folders', { params: { query: { client_id: client.id } } }), 200);
  const folder = page.data.find((f) => f.is_default_upload);
  assert.ok(folder, 'no default upload folder');
  return folder;
}

export function upload(
  as: Caller,
  folder: { id: string },
  name = unique('letter') + '.txt',
  bytes: string | Uint8Array = 'Dear client',
) {
  return as.api.POST('/v1/documents', {
    params: { query: { folder_id: folder.id, name } },
    body: Buffer.from(bytes),
    headers: { 'content-type': 'application/octet-stream' },
  });
}

export function portalUpload(
  as: Caller,
  folder: { id: string } | undefined,
  name = unique('scan') + '.txt',
  bytes: string | Uint8Array = 'Dear firm',
) {
  return as.api.POST('/v1/portal/documents', {
    params: { query: { ...(folder ? { folder_id: folder.id } : {}), name } },
    body: Buffer.from(bytes),
    headers: { 'content-type': 'application/octet-stream' },
  });
}

export function share(
  as: Caller,
  item_type: 'folder' | 'document' | 'matter',
  item: { id: string },
  contacts: { id: string }[],
  right: 'view' | 'view_upload' = 'view',
  notify = true,
) {
  return as.api.POST('/v1/shares', {
    body: { item_type, item_id: item.id, contact_ids: contacts.map((c) => c.id), access: right, notify },
  });
}

/** Every object of a list, page by page. */
export async function all<T>(
  page: (cursor: string | undefined) => Promise<{ data: T[]; next_cursor: string | null }>,
): Promise<T[]> {
  const found: T[] = [];
  for (let cursor: string | undefined, turn = 0; turn < 1000; turn++) {
    const got = await page(cursor);
    found.push(...got.data);
    if (got.next_cursor === null) return found;
    cursor = got.next_cursor;
  }
  throw new Error('a list without an end');
}

/** Try until it holds, or the time is over: the last failure is the error. */
export async function eventually<T>(attempt: () => Promise<T>, ms = 15_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;)
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

/** Whether somebody waits for what a session of stack.session() holds. */
export async function isAwaited(session: Session): Promise<boolean> {
  const { rows } = await session.query('select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))');
  return rows.length > 0;
}

/** All mails of the firm to a contact, in the API's own words. */
export async function emails(as: Caller, contact: { id: string }): Promise<Schema['EmailMessage'][]> {
  return all((cursor) =>
    ok(as.api.GET('/v1/emails', { params: { query: { contact_id: contact.id, ...(cursor ? { cursor } : {}) } } }), 200),
  );
}

/** What time it is for the server. */
export async function serverTime(): Promise<string> {
  return (await ok(nobody().PUT('/v1/test/clock', { body: {} }), 200)).now;
}

/** Move the server's time forward, and tell what it is then. */
export async function advance(seconds: number): Promise<string> {
  return (await ok(nobody().PUT('/v1/test/clock', { body: { advance_seconds: seconds } }), 200)).now;
}

/** Wait until nothing of the firm that is due waits to be mailed any more, then the mails to the address that came after `after`. */
export async function settled(firm: Firm, to: string, after: number): Promise<Mail[]> {
  await eventually(async () => {
    const [row] = await stack.sql(
      "select count(*)::int as n from envelope where firm_id = $1 and state in ('queued', 'deferred') and due_at <= $2",
      [firm.id, await serverTime()],
    );
    assert.equal(row.n, 0, 'mails are still waiting');
  });
  return sink.now(to, after);
}

// ---- calls that many files make, whose answer is the question

export const login = (firm: { slug: string }, email: string, password = PASSWORD, audience: 'staff' | 'portal' = 'portal') =>
  nobody().POST('/v1/auth/login', { body: { firm: firm.slug, audience, email, password, transport: 'token' } });

export const preview = (token: string) => nobody().POST('/v1/invitations/preview', { body: { token } });

export const acceptAs = (token: string, over: object = {}) =>
  nobody().POST('/v1/invitations/accept', { body: { token, password: PASSWORD, transport: 'token', ...over } });

export const invite = (as: Caller, body: Schema['InvitationIn']) =>
  as.api.POST('/v1/invitations', { params: { header: { 'Idempotency-Key': key() } }, body });

export const resend = (as: Caller, invitation_id: string) =>
  as.api.POST('/v1/invitations/{invitation_id}/resend', {
    params: { path: { invitation_id }, header: { 'Idempotency-Key': key() } },
  });

export const patchContact = (as: Caller, contact: { id: string }, body: object) =>
  ok(as.api.PATCH('/v1/contacts/{contact_id}', { params: { path: { contact_id: contact.id } }, body }), 200);
