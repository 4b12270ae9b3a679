// event.test.ts - the feed of events: what it shows to whom, where a cursor stands, and how a reader waits.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import http from 'node:http';
import { root } from '../lib/root.mjs';
import {
  enable, eventually, link, newClient, newColleague, newContact, newFirm, newFolder, newOffice, newPortalUser, ok, portalUpload,
  raw, refused, signIn, stack, unique, type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('feed')));

type Query = { cursor?: string; types?: string; wait?: number; limit?: number; from?: 'beginning' };
const call = (query: Query = {}, as: Person = staff) => as.api.GET('/v1/events', { params: { query } });
const read = (query: Query = {}, as: Person = staff) => ok(call(query, as), 200);
const short = (events: Schema['Event'][]) => events.map((e) => `${e.type} ${e.object_id}`);
const now = async (as: Person = staff, query: Query = {}) => (await read(query, as)).next_cursor;

/** From the cursor on, until so many are there. */
async function follow(cursor: string, n: number, query: Query = {}, as: Person = staff): Promise<Schema['Event'][]> {
  const seen: Schema['Event'][] = [];
  for (const end = Date.now() + 15_000; seen.length < n && Date.now() < end; ) {
    const page = await read({ ...query, cursor, wait: 5 }, as);
    seen.push(...page.data);
    cursor = page.next_cursor;
  }
  return seen;
}

/** Nothing of the firm waits for its number any more. */
const numbered = () =>
  eventually(async () => {
    const [row] = await stack.sql('select count(*)::int as n from event where firm_id = $1 and sequence is null', [firm.id]);
    assert.equal(row.n, 0);
  });

test('an event tells who did what to which object and which members changed; what is gone stays to be told', async () => {
  const cursor = await now();
  const client = await newClient(staff);
  await ok(
    staff.api.PATCH('/v1/clients/{client_id}', {
      params: { path: { client_id: client.id } },
      body: { phone: '1', name: unique('N') },
    }),
    200,
  );
  const folder = await newFolder(staff, client);
  await ok(
    staff.api.DELETE('/v1/folders/{folder_id}', { params: { path: { folder_id: folder.id }, query: { recursive: true } } }),
    204,
  );
  const events = (await follow(cursor, 5)).filter((e) => e.object_id === client.id || e.object_id === folder.id);
  assert.deepEqual(short(events), [
    `client.created ${client.id}`,
    `client.updated ${client.id}`,
    `folder.created ${folder.id}`,
    `folder.deleted ${folder.id}`,
  ]);
  const [created, updated, , deleted] = events;
  assert.ok(created && updated && deleted);
  assert.deepEqual(created.actor, { type: 'staff', id: staff.session.principal.id, name: 'Olive Owner' });
  assert.match(created.id, /^evt_/);
  assert.equal(created.client_id, client.id);
  assert.equal(created.object_type, 'client');
  assert.deepEqual([...updated.changed_fields].sort(), ['name', 'phone']);
  assert.deepEqual(created.changed_fields, []);
  assert.deepEqual([created.deleted, deleted.deleted], [false, true]);
  assert.equal(deleted.client_id, client.id);
  assert.deepEqual(
    events.map((e) => e.sequence),
    events.map((e) => e.sequence).sort((a, b) => a - b),
  );
});

test('what a portal user did is told of them, and nobody signed in is the firm', async () => {
  const client = await newClient(staff);
  const cursor = await now(staff, { types: 'document.*,invitation.*' });
  const user = await newPortalUser(firm, client);
  await ok(portalUpload(user, undefined), 201);
  const events = await follow(cursor, 4, { types: 'document.*,invitation.*' });
  const uploaded = events.find((e) => e.type === 'document.created');
  assert.equal(uploaded?.actor.type, 'portal_user');
  assert.equal(uploaded?.client_id, client.id);
  assert.ok(events.some((e) => e.type === 'document.uploaded_unassigned'));
  assert.ok(events.some((e) => e.type === 'invitation.accepted'));
  const first = await read({ from: 'beginning', limit: 1, types: 'firm.*,staff.*,invitation.*' });
  assert.ok(['firm', 'staff'].includes(first.data[0]?.actor.type ?? ''));
});

test('the first call stands at now, or at the beginning; a page goes on where the one before ended', async () => {
  await newClient(staff);
  await numbered();
  const fresh = await read();
  assert.deepEqual(fresh.data, []);
  const all: Schema['Event'][] = [];
  let query: Query = { from: 'beginning', limit: 3 };
  for (;;) {
    const got = await raw(`/v1/events?${new URLSearchParams(query as Record<string, string>)}`, { as: staff });
    assert.equal(got.status, 200);
    const next = new URL(/^<([^>]+)>; rel="next"$/.exec(got.headers.get('link') ?? '')?.[1] ?? '', 'http://x');
    assert.equal(next.searchParams.get('cursor'), got.json.next_cursor);
    assert.equal(next.searchParams.get('limit'), '3');
    all.push(...got.json.data);
    if (!got.json.data.length) break;
    query = { cursor: got.json.next_cursor, limit: 3 };
  }
  assert.deepEqual(
    all.map((e) => e.sequence),
    all.map((_, i) => i + 1),
    'from one, without a gap',
  );
  assert.deepEqual((await read({ cursor: await now(), from: 'beginning' })).data, [], 'a cursor goes before from');
  assert.deepEqual(short((await read({ from: 'beginning', limit: 100 })).data), short(all.slice(0, 100)));
});

test('types: exact, by object, several; unknown ones are all named', async () => {
  const cursor = await now(staff, { types: 'client.created,contact.*' });
  const client = await newClient(staff);
  const contact = await newContact(staff, client);
  await newFolder(staff, client);
  const events = await follow(cursor, 2, { types: 'client.created,contact.*' });
  assert.deepEqual(short(events).slice(0, 2), [`client.created ${client.id}`, `contact.created ${contact.id}`]);
  assert.ok(events.every((e) => e.type === 'client.created' || e.object_type === 'contact'));
  await refused(call({ types: 'client.created,invoice.*,client.eaten,,client' }), 422, 'validation_failed', [
    '?types unknown_event_type',
    '?types unknown_event_type',
    '?types unknown_event_type',
    '?types unknown_event_type',
  ]);
  await refused(call({ types: 'x.*', wait: 26, limit: 0, from: 'end' as never }), 422, 'validation_failed', [
    '?from not_allowed',
    '?limit out_of_range',
    '?types unknown_event_type',
    '?wait out_of_range',
  ]);
  for (const wait of ['-1', 'x', '1.5', '', '99999999999999999999'])
    assert.equal((await raw(`/v1/events?wait=${wait}`, { as: staff })).status, 422, wait);
});

test('a cursor fits its types and its firm, and no other list', async () => {
  const cursor = await now(staff, { types: 'client.*' });
  await ok(call({ types: 'client.*', cursor, wait: 0, limit: 7, from: 'beginning' }), 200);
  for (const query of [{ cursor }, { types: 'contact.*', cursor }, { types: 'client.*', cursor: cursor.slice(0, -2) }])
    await refused(call(query), 400, 'cursor_invalid');
  const plain = await now();
  assert.equal((await raw(`/v1/clients?cursor=${plain}`, { as: staff })).json.code, 'cursor_invalid');
  const other = await newFirm('feed');
  await refused(call({ cursor: plain }, other.owner), 400, 'cursor_invalid');
  const page = await read({ from: 'beginning', limit: 100 }, other.owner);
  const ours = new Set((await read({ from: 'beginning', limit: 100 })).data.map((e) => e.id));
  assert.ok(page.data.length > 0 && page.data.every((e) => !ours.has(e.id)));
});

test('events are shown to who may read their object', async () => {
  const cora = await newColleague(firm, 'member');
  const cursor = await now(cora);
  const took = (permission: string) =>
    stack.sql("delete from role_permission where role = 'member' and permission = $1", [permission]);
  const client = await newClient(staff);
  const folder = await newFolder(staff, client);
  try {
    await took('documents:read');
    const seen = await follow(cursor, 1, {}, cora);
    assert.ok(short(seen).includes(`client.created ${client.id}`));
    assert.ok(!seen.some((e) => e.object_type === 'folder'), JSON.stringify(short(seen)));
    const none = await read({ cursor: await now(cora, { types: 'folder.*' }), types: 'folder.*' }, cora);
    assert.deepEqual(none.data, [], 'not even when asked for');
    await took('events:read');
    await refused(call({}, cora), 403, 'permission_denied');
    await refused(cora.api.GET('/v1/event_types', {}), 403, 'permission_denied');
  } finally {
    await stack.sql(
      "insert into role_permission (role, permission) values ('member', 'documents:read'), ('member', 'events:read') on conflict do nothing",
    );
  }
  assert.ok(short(await follow(cursor, 2, {}, cora)).includes(`folder.created ${folder.id}`));
});

test('who waits is answered as soon as it is committed, and with nothing when the time is over', async () => {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    await numbered();
    const cursor = await now(staff, { types: 'client.created' });
    const waiting = read({ cursor, types: 'client.created', wait: 20 });
    await new Promise((resolve) => setTimeout(resolve, 150));
    const client = await newClient(staff);
    const committed = Date.now();
    assert.deepEqual(short((await waiting).data), [`client.created ${client.id}`]);
    times.push(Date.now() - committed);
  }
  times.sort((a, b) => a - b);
  assert.ok((times[2] ?? 1e9) < 500, `${times} ms`);
  const started = Date.now();
  const nothing = await read({ cursor: await now(), wait: 1 });
  assert.deepEqual(nothing.data, []);
  const took = Date.now() - started;
  assert.ok(took >= 990 && took < 5000, `${took} ms`);
});

test('a reader is not woken by what it may not have, and its cursor moves on all the same', async () => {
  const cursor = await now(staff, { types: 'share.deleted' });
  const waiting = read({ cursor, types: 'share.deleted', wait: 2 });
  for (let i = 0; i < 3; i++) await newClient(staff);
  await numbered();
  const page = await waiting;
  assert.deepEqual(page.data, []);
  assert.notEqual(page.next_cursor, cursor);
  const again = await read({ cursor, types: 'share.deleted' });
  assert.equal(again.next_cursor, (await read({ cursor: page.next_cursor, types: 'share.deleted' })).next_cursor);
});

test('P8 the wait of a session that has ended is over within a second', async () => {
  const cora = await newColleague(firm);
  await numbered();
  const waiting = call({ cursor: await now(cora), wait: 25 }, cora);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const other = await signIn(firm.slug, 'staff', cora.email);
  await ok(cora.api.POST('/v1/auth/logout', {}), 204);
  const ended = Date.now();
  await refused(waiting, 401, 'unauthenticated');
  assert.ok(Date.now() - ended < 2000, `${Date.now() - ended} ms`);
  await ok(call({}, other), 200);
});

test('what waits holds no connection to the database, however many there are', async () => {
  await numbered();
  const cursor = await now();
  const held = async () =>
    (
      await stack.sql(
        "select count(*)::int as n from pg_stat_activity where usename = 'portico_api' and state <> 'idle'",
      )
    )[0].n;
  const sessions = (await stack.sql("select count(*)::int as n from pg_stat_activity where usename = 'portico_api'"))[0].n;
  const readers = Array.from({ length: 150 }, () => read({ cursor, wait: 25 }));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok((await held()) <= 5);
  const after = (await stack.sql("select count(*)::int as n from pg_stat_activity where usename = 'portico_api'"))[0].n;
  assert.ok(after - sessions < 30, `${sessions} before, ${after} with 150 readers`);
  const client = await newClient(staff);
  for (const page of await Promise.all(readers))
    assert.ok(page.data.length > 0 && page.data[0]?.object_id === client.id, JSON.stringify(page.data));
});

test('a client that goes away leaves no reader behind', async () => {
  await numbered();
  const cursor = await now();
  const url = new URL(`${stack.url}/v1/events?wait=25&cursor=${cursor}`);
  const before = stack.log('api', 1e7).length;
  const req = http.get(url, { headers: { authorization: `Bearer ${staff.token}` } });
  req.on('error', () => undefined);
  await new Promise((resolve) => setTimeout(resolve, 400));
  req.destroy();
  await eventually(async () => {
    const lines = stack.log('api', 1e7).slice(before).split('\n').filter((line) => line.includes('"/v1/events"'));
    assert.ok(lines.length > 0, 'its request has ended');
  }, 5000);
});

test('a cursor from before what is kept, or from after a restore, is 410', async () => {
  const other = await newFirm('pruned');
  await newClient(other.owner);
  await eventually(async () => assert.ok((await read({ from: 'beginning' }, other.owner)).data.length > 1));
  const first = await read({ from: 'beginning', limit: 1 }, other.owner);
  const last = await now(other.owner);
  await stack.sql('update sequencer set event_pruned = 2 where firm_id = $1', [other.id]);
  await refused(call({ cursor: first.next_cursor }, other.owner), 410, 'cursor_expired');
  await ok(call({ cursor: last }, other.owner), 200);
  assert.equal((await read({ from: 'beginning' }, other.owner)).data[0]?.sequence, 3);
  await stack.sql('update sequencer set event_sequence = event_sequence - 1 where firm_id = $1', [other.id]);
  await refused(call({ cursor: last }, other.owner), 410, 'cursor_expired');
  await stack.sql('update sequencer set event_sequence = event_sequence + 1 where firm_id = $1', [other.id]);
});

test('every type that the code records is in the table, and the reverse', async () => {
  const { data } = await ok(staff.api.GET('/v1/event_types', {}), 200);
  const listed = data.map((t) => t.type);
  assert.equal(new Set(listed).size, listed.length);
  for (const type of data) assert.equal(type.type.split('.')[0], type.object_type);
  const permissions = new Set(
    (await stack.sql("select permission from role_permission where role = 'owner'")).map((r: any) => r.permission),
  );
  assert.deepEqual([...new Set(data.map((t) => t.permission))].filter((p) => !permissions.has(p)), []);
  // a purpose of tokens, actions of the audit log only, kinds of mail
  const other = ['invitation.accept', 'invitation.other_address', 'document.downloaded', 'document.shared', 'document.uploaded', 'folder.shared'];
  const written = new Set<string>();
  for (const dir of ['api', 'shared', 'mailer', 'schema'])
    for (const name of fs.readdirSync(path.join(root, dir), { recursive: true }) as string[]) {
      if (!/\.(c|sql)$/.test(name) || name.endsWith('model/event.c')) continue;
      const text = fs.readFileSync(path.join(root, dir, name), 'utf8').replace(/\/\*[^]*?\*\//g, '');
      const objects = [...new Set(data.map((t) => t.object_type))].join('|');
      if (name.endsWith('.sql')) {
        for (const m of text.matchAll(/insert into event[^]*?;/g))
          for (const t of m[0].matchAll(/'([a-z_]+\.[a-z_]+)'/g)) written.add(t[1] ?? '');
        for (const m of dir === 'schema' ? text.matchAll(new RegExp(`'((?:${objects})\\.[a-z_]+)'`, 'g')) : [])
          if (!other.includes(m[1] ?? '')) written.add(m[1] ?? '');
        continue;
      }
      for (const m of text.matchAll(/\brecord(?:_change)?\(\s*\w+,\s*"([a-z_]+\.[a-z_]+)"/g)) written.add(m[1] ?? '');
      for (const m of text.matchAll(new RegExp(`"((?:${objects})\\.[a-z_]+)"`, 'g')))
        if (!other.includes(m[1] ?? '') && !(m[1] ?? '').endsWith('.h')) written.add(m[1] ?? '');
    }
  assert.deepEqual([...written].sort(), [...listed].sort());
});

test('the five calls of an accounting tool begin here: a change is heard of, and its object read', async () => {
  const types = 'client.*,contact.*';
  const cursor = await now(staff, { types });
  const client = await newClient(staff, { name: 'Heard Of Ltd' });
  const contact = await newContact(staff);
  await link(staff, client, contact, true);
  await enable(staff, contact, { send: 'later' });
  for (const event of await follow(cursor, 3, { types })) {
    const got = await raw(`/v1/${event.object_type}s/${event.object_id}`, { as: staff });
    assert.equal(got.status, 200);
    const etag = got.headers.get('etag') ?? '';
    assert.equal((await raw(`/v1/${event.object_type}s/${event.object_id}`, { as: staff, headers: { 'if-none-match': etag } })).status, 304);
  }
});
