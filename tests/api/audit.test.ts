// audit.test.ts - the audit log as staff read it, and who has opened a document and who has not.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  advance, all, disable, enable, eventually, newClient, newColleague, newContact, newFirm, newFolder, newOffice, newPortalUser,
  nobody, ok, raw, refused, share, signIn, stack, unique, upload, type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person, client: Schema['Client'];
before(async () => void ({ firm, staff, client } = await newOffice('audit')));

type Filter = { actor_id?: string; object_id?: string; action?: string; outcome?: 'ok' | 'denied' | 'failed'; from?: string; to?: string };
const log = (query: Filter = {}, as: Person = staff) =>
  all((cursor) =>
    ok(as.api.GET('/v1/audit_log', { params: { query: { limit: 100, ...query, ...(cursor ? { cursor } : {}) } } }), 200),
  );
const views = async (document: { id: string }, as: Person = staff) =>
  (await ok(as.api.GET('/v1/documents/{document_id}/views', { params: { path: { document_id: document.id } } }), 200))
    .data;
const content = (path: string, as: Person, headers: Record<string, string> = {}, method = 'GET') =>
  raw(`${path}/content`, { as, headers, method });

test('an entry tells who did what to which object, when, from where, and by which request', async () => {
  const got = await raw('/v1/clients', {
    method: 'POST',
    as: staff,
    json: { entity: 'business', name: unique('Told') },
    headers: { 'x-request-id': unique('req_audit') },
  });
  assert.equal(got.status, 201);
  const entries = await log({ object_id: got.json.id });
  assert.deepEqual(
    entries.map((e) => ({ ...e, id: e.id.slice(0, 4), at: typeof e.at })),
    [
      {
        id: 'aud_',
        at: 'string',
        actor: { type: 'staff', id: staff.session.principal.id, name: 'Olive Owner' },
        action: 'client.created',
        object_type: 'client',
        object_id: got.json.id,
        client_id: got.json.id,
        changed_fields: [],
        ip: staff.from,
        request_id: got.headers.get('x-request-id'),
        outcome: 'ok',
      },
    ],
  );
});

test('a change names the members that were changed, also one that was emptied, and no values', async () => {
  const made = await newClient(staff, { phone: '555 0100', code: unique('code') });
  const params = { params: { path: { client_id: made.id } } };
  await ok(staff.api.PATCH('/v1/clients/{client_id}', { ...params, body: { phone: null, name: 'Renamed' } }), 200);
  const entry = (await log({ object_id: made.id, action: 'client.updated' })).at(-1);
  assert.deepEqual(entry?.changed_fields.sort(), ['name', 'phone']);
  const [row] = await stack.sql('select detail from audit where firm_id = $1 order by row_no desc limit 1', [firm.id]);
  assert.deepEqual(Object.keys(row.detail), ['changed']);
});

test('a relation is told of both, the client and the contact', async () => {
  const [client, contact] = [await newClient(staff, { entity: 'individual' }), await newContact(staff)];
  const params = { params: { path: { client_id: client.id, contact_id: contact.id } } };
  await ok(staff.api.PUT('/v1/clients/{client_id}/contacts/{contact_id}', { ...params, body: { is_primary: false } }), 204);
  await ok(staff.api.DELETE('/v1/clients/{client_id}/contacts/{contact_id}', params), 204);
  const told = (id: string) =>
    log({ object_id: id }).then((es) => es.slice(1).map((e) => `${e.action} ${e.client_id} ${e.changed_fields}`));
  assert.deepEqual(await told(contact.id), Array(2).fill(`contact.updated ${client.id} clients`));
  assert.deepEqual(await told(client.id), Array(2).fill(`client.updated ${client.id} `));
});

test('filters: actor, object, action, outcome, a span of time, and all of them together', async () => {
  const cora = await newColleague(firm);
  const one = await newClient(cora);
  const two = await newClient(cora);
  await ok(cora.api.PATCH('/v1/clients/{client_id}', { params: { path: { client_id: one.id } }, body: { phone: '1' } }));
  const by = { actor_id: cora.session.principal.id };
  const short = (entries: Schema['AuditEntry'][]) => entries.map((e) => `${e.action} ${e.object_id}`);
  const cli = (entries: Schema['AuditEntry'][]) => short(entries.filter((e) => e.object_type === 'client'));
  assert.deepEqual(cli(await log(by)), [
    `client.created ${one.id}`,
    `client.created ${two.id}`,
    `client.updated ${one.id}`,
  ]);
  assert.deepEqual(short(await log({ ...by, object_id: one.id })), [`client.created ${one.id}`, `client.updated ${one.id}`]);
  assert.deepEqual(short(await log({ ...by, action: 'client.updated' })), [`client.updated ${one.id}`]);
  assert.deepEqual(await log({ ...by, object_id: one.id, outcome: 'denied' }), []);
  assert.deepEqual(await log({ object_id: one.id, actor_id: staff.session.principal.id }), []);
  const at = (await log({ object_id: two.id }))[0]?.at ?? '';
  assert.ok((await log({ from: at })).every((e) => e.at >= at));
  assert.ok((await log({ to: at })).every((e) => e.at < at));
  assert.deepEqual(short(await log({ object_id: two.id, from: at })), [`client.created ${two.id}`]);
  assert.deepEqual(await log({ object_id: two.id, from: at, to: at }), [], 'the end is left out');
  const everything = await log();
  assert.deepEqual(
    everything.map((e) => e.at),
    everything.map((e) => e.at).sort(),
    'oldest first',
  );
  assert.equal(new Set(everything.map((e) => e.id)).size, everything.length);
});

test('bad filters are named', async () => {
  const bad = (query: string, status: number, code: string, faults?: string[]) =>
    raw(`/v1/audit_log?${query}`, { as: staff }).then((got) => {
      assert.equal(`${got.status} ${got.json.code}`, `${status} ${code}`, query);
      if (faults) assert.deepEqual(got.json.errors.map((e: any) => `${e.pointer} ${e.code}`), faults);
    });
  await bad('actor_id=x', 422, 'validation_failed', ['?actor_id invalid_id']);
  await bad('object_id=cli_zzz', 422, 'validation_failed', ['?object_id invalid_id']);
  await bad('outcome=maybe', 422, 'validation_failed', ['?outcome not_allowed']);
  await bad('from=yesterday', 422, 'validation_failed', ['?from invalid_time']);
  await bad('from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 422, 'validation_failed', ['?to out_of_range']);
  await bad('cursor=x', 400, 'cursor_invalid');
  await bad('object=x', 400, 'unknown_parameter');
});

test('who may read it: staff with audit:read, and their own firm', async () => {
  const member = await newColleague(firm, 'member');
  const got = await refused(member.api.GET('/v1/audit_log'), 403, 'permission_denied');
  assert.deepEqual(got.required_scopes, ['audit:read']);
  await log({}, await newColleague(firm, 'admin'));
  const other = await newFirm('other');
  assert.deepEqual(await log({ object_id: client.id }, other.owner), []);
});

test('a document shows who has opened it and who has not, by way of whatever share reaches it', async () => {
  const outer = await newFolder(staff, client);
  const inner = await newFolder(staff, client, { parent_id: outer.id });
  const document = await ok(upload(staff, inner), 201);
  const [ann, ben, cid, dan] = [
    await newPortalUser(firm, client, { display_name: 'Ann Above' }),
    await newPortalUser(firm, client, { display_name: 'Ben Beside' }),
    await newPortalUser(firm, client, { display_name: 'Cid Closed' }),
    await newPortalUser(firm, client, { display_name: 'Dan Direct' }),
  ];
  await ok(share(staff, 'folder', outer, [ann.contact], 'view', false), 201);
  await ok(share(staff, 'folder', await newFolder(staff, client), [ben.contact], 'view', false), 201);
  await ok(share(staff, 'document', document, [cid.contact, dan.contact], 'view', false), 201);
  const unseen = { shared: true, first_viewed_at: null, last_viewed_at: null, count: 0 };
  const ref = (of: { contact: Schema['Contact'] }) => ({ type: 'contact', id: of.contact.id, name: of.contact.display_name });
  assert.deepEqual(await views(document), [
    { viewer: ref(ann), ...unseen },
    { viewer: ref(cid), ...unseen },
    { viewer: ref(dan), ...unseen },
  ]);
  const mine = `/v1/portal/documents/${document.id}`;
  await content(mine, ann, {}, 'HEAD');
  await content(mine, ann, { 'if-none-match': '*' });
  await content(mine, ann, { range: 'bytes=999-' });
  await ok(ann.api.GET('/v1/portal/documents/{document_id}', { params: { path: { document_id: document.id } } }), 200);
  assert.equal((await views(document))[0]?.count, 0, 'nothing was given out');

  assert.equal((await content(mine, ann)).status, 200);
  assert.equal((await content(mine, ann, { range: 'bytes=2-' })).status, 206);
  assert.equal((await content(`/v1/documents/${document.id}`, staff)).status, 200);
  const [first, , , by] = await views(document);
  assert.ok(first?.first_viewed_at);
  assert.deepEqual([first.count, first.last_viewed_at], [1, first.first_viewed_at], 'the rest of a download is no other one');
  assert.deepEqual([by?.viewer.type, by?.viewer.name, by?.shared, by?.count], ['staff', 'Olive Owner', false, 1]);

  const seen = await log({ object_id: document.id, action: 'document.downloaded' });
  assert.deepEqual(
    seen.map((e) => [e.actor.type, e.actor.name, e.client_id]),
    [
      ['portal_user', 'Ann Above', client.id],
      ['staff', 'Olive Owner', client.id],
    ],
  );
});

test('a download an hour later is a further one, and so is another version', async () => {
  const document = await ok(upload(staff, await newFolder(staff, client)), 201);
  const load = () => content(`/v1/documents/${document.id}`, staff);
  for (let i = 0; i < 3; i++) assert.equal((await load()).status, 200);
  assert.equal((await views(document))[0]?.count, 1);
  await stack.sql('update document set doc_version = 2 where firm_id = $1 and name = $2', [firm.id, document.name]);
  await load();
  assert.equal((await views(document))[0]?.count, 2);
  await advance(3600);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  await Promise.all([load(), load(), load()]);
  const [one] = await views(document);
  assert.equal(one?.count, 3);
  assert.ok((one?.last_viewed_at ?? '') > (one?.first_viewed_at ?? 'z'));
});

test('who has opened it stays on the list when the share or the access is gone, as one viewer', async () => {
  const user = await newPortalUser(firm, client, { display_name: 'Eve Ended' });
  const document = await ok(upload(staff, await newFolder(staff, client)), 201);
  const give = async () => (await ok(share(staff, 'document', document, [user.contact], 'view', false), 201)).data[0];
  const made = await give();
  assert.equal((await content(`/v1/portal/documents/${document.id}`, user)).status, 200);
  await ok(staff.api.DELETE('/v1/shares/{share_id}', { params: { path: { share_id: made?.id ?? '' } } }), 204);
  const of = async () => (await views(document)).map((v) => [v.viewer.type, v.viewer.id, v.shared, v.count]);
  assert.deepEqual(await of(), [['contact', user.contact.id, false, 1]]);
  await ok(disable(staff, user.contact));
  assert.deepEqual(await of(), [['contact', user.contact.id, false, 1]]);
  await ok(enable(staff, user.contact, { send: 'later' }), 200);
  await give();
  assert.deepEqual(await of(), [['contact', user.contact.id, true, 1]]);
  await ok(staff.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id: document.id } } }), 204);
  assert.equal((await of()).length, 1, 'also in the trash');
});

test('who may see the views: staff of the firm, nobody of the portal', async () => {
  const document = await ok(upload(staff, await newFolder(staff, client)), 201);
  const user = await newPortalUser(firm, client);
  await ok(share(staff, 'document', document, [user.contact], 'view', false), 201);
  const params = { params: { path: { document_id: document.id } } };
  await refused(user.api.GET('/v1/documents/{document_id}/views', params), 403, 'permission_denied');
  await refused(nobody().GET('/v1/documents/{document_id}/views', params), 401, 'unauthenticated');
  const other = await newFirm('other');
  await refused(other.owner.api.GET('/v1/documents/{document_id}/views', params), 404, 'not_found');
  assert.equal((await views(document, await newColleague(firm, 'member'))).length, 1);
});

test('P19 what the API wrote is sealed soon, and verify finds it whole', async () => {
  await newContact(staff, client);
  await eventually(async () => {
    const [row] = await stack.sql('select count(*)::int as n from audit where firm_id = $1 and sequence is null', [firm.id]);
    assert.equal(row.n, 0);
  });
  assert.match(await stack.ctl('audit', 'verify', '--firm', firm.slug), /: whole, \d+ entries/);
});
