// ledger.test.ts - P19: the audit log against the answers: every change, every denial and every attempt to sign in has its entry.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract, type Operation } from '../lib/recorder.mjs';
import { callerOf, fit, idsOf, make, newWorld, NEEDED, WAYS } from '../lib/world.js';
import {
  address, advance, key, newClient, newColleague, newFirm, newFolder, newPortalUser, ok, raw, share, signIn, sink, stack,
  tokenOf, unique, PASSWORD, type Firm, type Person, type Raw,
} from '../lib/kit.js';
import { ownAddress } from '../lib/wire.mjs';

interface Entry {
  action: string;
  outcome: string;
  actor_type: string;
  actor_name: string;
  object_type: string;
  request_id: string;
  detail: Record<string, string>;
}

const entries = (firm: { id: string }, request?: string): Promise<Entry[]> =>
  stack.sql(
    'select action, outcome, actor_type, actor_name, object_type, request_id, detail from audit where firm_id = $1 and ($2::text is null or request_id = $2) order by at, row_no',
    [firm.id, request ?? null],
  );

const login = (firm: string, email: string, password: string, from = ownAddress(), audience = 'staff') =>
  raw('/v1/auth/login', { method: 'POST', from, json: { firm, audience, email, password, transport: 'token' } });

test('P19 over a whole journey, the entries are the changes, the denials and the attempts to sign in, and nothing else', async () => {
  const firm = await newFirm('ledger');
  const owner = firm.owner;
  const member = await newColleague(firm, 'member');
  const ledger = new Map<string, string>((await entries(firm)).map((e) => [e.request_id, e.outcome]));
  const call = async (want: number, outcome: 'ok' | 'denied' | 'failed' | 'none', path: string, how: Raw = {}) => {
    const got = await raw(path, how);
    assert.equal(got.status, want, `${how.method ?? 'GET'} ${path}: ${got.body}`);
    const id = got.headers.get('x-request-id') ?? '';
    if (outcome !== 'none') ledger.set(id, outcome);
    return got.json;
  };
  const as = owner;
  const post = (json: unknown, who = as): Raw => ({ method: 'POST', as: who, json, headers: { 'idempotency-key': key() } });
  const sign = (email: string, password: string, audience = 'staff'): Raw => ({
    method: 'POST',
    json: { firm: firm.slug, audience, email, password, transport: 'token' },
  });

  // Changes, and what changes nothing: reading, a repeated answer, a fault of the body, an unknown id.
  const client = await call(201, 'ok', '/v1/clients', post({ entity: 'business', name: 'Acme' }));
  const once = post({ entity: 'business', name: 'Twice' });
  await call(201, 'ok', '/v1/clients', once);
  await call(201, 'none', '/v1/clients', once);
  await call(422, 'none', '/v1/clients', post({ entity: 'robot' }));
  await call(200, 'none', '/v1/clients', { as });
  await call(404, 'none', '/v1/clients/cli_01kjpz7w3mfa6tq2c9x4n8d5he', { as });
  await call(200, 'ok', `/v1/clients/${client.id}`, { method: 'PATCH', as, json: { phone: '1' } });
  await call(412, 'none', `/v1/clients/${client.id}`, { method: 'PATCH', as, json: { phone: '2' }, headers: { 'if-match': '"1"' } });
  const email = address();
  const contact = await call(201, 'ok', '/v1/contacts', post({ entity: 'individual', display_name: 'Ann', primary_email: email }));
  await call(204, 'ok', `/v1/clients/${client.id}/contacts/${contact.id}`, { method: 'PUT', as, json: { is_primary: true } });
  const after = await sink.mark();
  await call(200, 'ok', `/v1/contacts/${contact.id}/portal_access`, { method: 'PUT', as, json: { send: 'now' } });
  const [mail] = await sink.mails(email, { after });
  await call(200, 'none', '/v1/invitations/preview', { method: 'POST', json: { token: tokenOf(mail) } });
  const accept = { method: 'POST', json: { token: tokenOf(mail), password: PASSWORD, transport: 'token' } };
  await call(200, 'ok', '/v1/invitations/accept', accept);
  await call(410, 'none', '/v1/invitations/accept', accept);
  const ann = await signIn(firm.slug, 'portal', email);
  ledger.set((await entries(firm)).at(-1)?.request_id ?? '', 'ok');
  const scan = await call(201, 'ok', '/v1/portal/documents?name=scan.txt', {
    method: 'POST',
    as: ann,
    body: 'scan',
    headers: { 'content-type': 'text/plain' },
  });
  await call(200, 'ok', `/v1/portal/documents/${scan.id}/content`, { as: ann });
  await call(200, 'none', `/v1/portal/documents/${scan.id}/content`, { as: ann });
  await call(200, 'ok', '/v1/me', { method: 'PATCH', as: ann, json: { phone: '7' } });

  // Denials, each in its own words.
  await call(403, 'denied', '/v1/audit_log', { as: member });
  await call(403, 'denied', '/v1/audit_log', { as: member, method: 'HEAD' });
  await call(403, 'denied', '/v1/clients', { as: ann });
  await call(403, 'denied', '/v1/clients', post({ entity: 'business', name: 'Mine' }, ann));
  await call(403, 'denied', '/v1/clients', post({ entity: 'robot' }, ann));
  await call(403, 'denied', `/v1/contacts/${contact.id}/portal_access`, { as: ann, method: 'DELETE' });
  await call(403, 'denied', '/v1/portal/home', { as: owner });
  const closed = await ok(newFolder(owner, client).then(async (f) => share(owner, 'folder', f, [contact], 'view', false)), 201);
  for (const e of (await entries(firm)).slice(-2)) ledger.set(e.request_id, 'ok');
  await call(403, 'denied', `/v1/portal/documents?name=x.txt&folder_id=${closed.data[0]?.item_id}`, {
    method: 'POST',
    as: ann,
    body: 'x',
    headers: { 'content-type': 'text/plain' },
  });

  // Signing in: right, wrong, nobody of that address, too often, and out again.
  await call(200, 'ok', '/v1/auth/login', sign(owner.email, PASSWORD));
  await call(401, 'failed', '/v1/auth/login', sign(owner.email, 'not the password'));
  await call(401, 'failed', '/v1/auth/login', sign(address(), PASSWORD));
  await call(422, 'none', '/v1/auth/login', { method: 'POST', json: { firm: firm.slug } });
  const from = ownAddress();
  for (let i = 0; i < 10; i++) await call(401, 'failed', '/v1/auth/login', { ...sign(email, `wrong ${i}`, 'portal'), from });
  for (let i = 0; i < 2; i++) await call(429, 'denied', '/v1/auth/login', { ...sign(email, PASSWORD, 'portal'), from });
  await call(204, 'ok', '/v1/auth/logout', { method: 'POST', as: ann });
  await call(401, 'denied', '/v1/me', { as: ann });
  await call(401, 'none', '/v1/me', { as: ann });
  await call(401, 'none', '/v1/me');
  await call(401, 'none', '/v1/me', { headers: { authorization: 'Bearer cps_nonsense' } });
  await call(401, 'none', '/v1/me', { headers: { authorization: `Bearer ${ann.token.slice(0, -3)}AAA` } });
  await call(404, 'none', '/v1/nothing', { as });

  const found = new Map<string, string>();
  for (const e of await entries(firm)) {
    assert.equal(found.get(e.request_id) ?? e.outcome, e.outcome, `${e.action}: one outcome a request`);
    found.set(e.request_id, e.outcome);
  }
  assert.deepEqual([...found].sort(), [...ledger].sort());
  assert.match(await stack.ctl('audit', 'verify', '--firm', firm.slug), /: whole/);
});

describe('what a denial tells', () => {
  let firm: Firm;
  let member: Person;
  before(async () => {
    firm = await newFirm('denial');
    member = await newColleague(firm, 'member');
  });
  const last = async () => (await entries(firm)).at(-1);

  test('who, which call, on what, and which right was missing', async () => {
    const client = await newClient(firm.owner);
    const ann = await newPortalUser(firm, client);
    await raw(`/v1/clients/${client.id}`, { method: 'DELETE', as: ann });
    const [row] = await stack.sql('select * from audit where firm_id = $1 order by row_no desc limit 1', [firm.id]);
    assert.deepEqual(
      [row.action, row.actor_type, row.actor_name, row.object_type, row.outcome, row.ip, row.detail],
      [
        'DELETE /v1/clients/{client_id}',
        'portal',
        ann.contact.display_name,
        'client',
        'denied',
        ann.from,
        { code: 'permission_denied', required: 'clients:write' },
      ],
    );
    assert.equal(row.object_id, row.client_id);
    const shown = await ok(
      firm.owner.api.GET('/v1/audit_log', { params: { query: { outcome: 'denied', object_id: client.id } } }),
      200,
    );
    assert.deepEqual(
      shown.data.map((e) => [e.action, e.object_id, e.client_id, e.actor.type]),
      [['DELETE /v1/clients/{client_id}', client.id, client.id, 'portal_user']],
    );
  });

  test('a guarded act is a denial too, though it is no matter of rights', async () => {
    const staff_id = firm.owner.session.principal.id;
    const got = await raw(`/v1/staff/${staff_id}`, { method: 'DELETE', as: firm.owner });
    assert.equal(`${got.status} ${got.json.code}`, '409 last_owner');
    const row = await last();
    assert.deepEqual(
      [row?.action, row?.actor_name, row?.object_type, row?.outcome, row?.detail],
      ['DELETE /v1/staff/{staff_id}', 'Olive Owner', 'staff', 'denied', { code: 'last_owner' }],
    );
  });

  test('the rollback of the act does not take it along, and the act left nothing', async () => {
    const client = await newClient(firm.owner);
    const ann = await newPortalUser(firm, client);
    const before = (await entries(firm)).length;
    const got = await raw('/v1/folders', { method: 'POST', as: ann, json: { client_id: client.id, name: 'Mine' } });
    assert.equal(got.status, 403);
    const rows = await entries(firm);
    assert.deepEqual([rows.length - before, rows.at(-1)?.outcome], [1, 'denied']);
  });

  test('a page of another site is on record, by the token alone', async () => {
    const foreign = (cookie: string) =>
      raw('/v1/clients', {
        method: 'POST',
        json: { entity: 'business', name: 'Forged' },
        headers: { cookie: `__Host-session=${cookie}`, origin: 'https://evil.example' },
      });
    assert.equal((await foreign(member.token)).json.code, 'origin_not_allowed');
    const row = await last();
    assert.deepEqual([row?.outcome, row?.detail['code'], row?.actor_name], ['denied', 'origin_not_allowed', 'Cora Colleague']);
    const before = (await entries(firm)).length;
    assert.equal((await foreign(`${member.token.slice(0, -3)}AAA`)).json.code, 'origin_not_allowed');
    assert.equal((await entries(firm)).length, before, 'nobody else can make an entry in their name');
  });

  test('a session that has ended is told of once an hour', async () => {
    const gone = await signIn(firm.slug, 'staff', firm.owner.email);
    await ok(gone.api.POST('/v1/auth/logout'), 204);
    const count = async () => (await entries(firm)).filter((e) => e.action === 'auth.session').length;
    const before = await count();
    for (let i = 0; i < 5; i++) assert.equal((await raw('/v1/me', { as: gone })).status, 401);
    assert.equal(await count(), before + 1);
    await advance(3601);
    assert.equal((await raw('/v1/me', { as: gone })).status, 401);
    assert.equal(await count(), before + 2);
    firm.owner = await signIn(firm.slug, 'staff', firm.owner.email);
  });

  test('when it cannot be written the answer is the same, and the log says so', async () => {
    member = await signIn(firm.slug, 'staff', member.email);
    await stack.sql('revoke insert on audit from portico_api');
    try {
      const got = await raw('/v1/audit_log', { as: member });
      assert.equal(`${got.status} ${got.json.code}`, '403 permission_denied');
      assert.match(stack.log('api', 1 << 16), new RegExp(`${got.json.request_id}.*a denial is not on record`));
    } finally {
      await stack.sql('grant insert on audit to portico_api');
    }
  });

  test('P20 it holds no word of what was sent', async () => {
    const canary = unique('CANARY');
    await login(firm.slug, `${canary}@mail.test`, canary);
    await raw('/v1/audit_log', { as: member, headers: { 'user-agent': canary, cookie: canary } });
    await raw('/v1/folders', { method: 'POST', as: member, json: { name: canary, password: canary } });
    const [row] = await stack.sql('select count(*)::int as n from audit a where a::text like $1', [`%${canary}%`]);
    assert.equal(row.n, 0);
  });
});

/** Writing operations that leave no entry, and why. */
const SILENT: Record<string, string> = {
  previewInvitation: 'reads only',
  previewAnnouncement: 'changes nothing: it shows what a text would become',
  findPortals: 'asks no firm: in the log of one it would tell of the others',
  runSetup: 'once an installation, which is set up already here',
};

const writing: Operation[] = contract.operations.filter(
  (o) => !['GET', 'HEAD'].includes(o.method) && !o.spec['x-callers'].includes('test') && !(o.id in SILENT),
);

test('each writing operation leaves its entry, by the id of the request', async () => {
  const missing: string[] = [];
  const shared = await newWorld('entry');
  for (const op of writing) {
    // What ends something gets a world of its own.
    const world = op.method === 'DELETE' || op.path.startsWith('/v1/auth') ? await newWorld('entry') : shared;
    const ids = { ...idsOf(world), ...(await WAYS[op.id]?.(world)) };
    const fitted = fit(op, ids);
    const body = await NEEDED[op.id]?.(world);
    if (body) fitted.body = JSON.stringify(body);
    if (op.id === 'resendInvitation') await advance(61);
    const got = await make(op, fitted, op.spec['x-callers'].includes('public') ? undefined : callerOf(op, world));
    const found = await entries(world.firm, got.headers.get('x-request-id') ?? '');
    if (got.status >= 300) missing.push(`${op.id}: ${got.status} ${got.body}; give WAYS or NEEDED of world.ts a way to a 2xx`);
    else if (!found.some((e) => e.outcome === 'ok')) missing.push(`${op.id}: no entry`);
  }
  assert.deepEqual(missing, []);
});
