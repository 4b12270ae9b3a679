// filters.test.ts - every filter of every list: what it finds is what a plain look at the whole list finds.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract, type Operation } from '../lib/recorder.mjs';
import { callerOf, idsOf, newWorld, type World } from '../lib/world.js';
import {
  address, all, enable, link, newClient, newContact, newFolder, newPortalUser, ok, portalUpload, raw, settled, share, upload,
} from '../lib/kit.js';

type Item = Record<string, any>;
type Rule = (item: Item, value: string) => boolean;

let world: World;
/** ids and values by filter: the values that are tried. */
let values: Record<string, Record<string, string[]>>;
/** The ids of the clients that each contact belongs to. */
let clientsOf: Record<string, string[]>;

const same = (member: string): Rule => (item, value) => item[member] === value;
const flag = (member: string): Rule => (item, value) => String(item[member]) === value;
const since: Rule = (item, value) => item['updated_at'] >= value;
const refers = (member: string): Rule => (item, value) => item[member]?.id === value;
const rules: Record<string, Record<string, Rule>> = {
  listClients: {
    q: (c, q) => `${c['name']} ${c['code'] ?? ''}`.toLowerCase().includes(q.normalize('NFC').toLowerCase()),
    code: (c, v) => c['code'] === v.normalize('NFC'),
    status: same('status'),
    entity: same('entity'),
    external_source: (c, v) => c['external_ref']?.source === v,
    external_id: (c, v) => c['external_ref']?.id === v,
    updated_since: since,
  },
  listContacts: {
    client_id: (c, v) => c['clients'].some((r: Item) => r['id'] === v),
    email: (c, v) => c['emails'].some((e: string) => e.toLowerCase() === v.toLowerCase()),
    portal_status: same('portal_status'),
    portal_login_differs: flag('portal_login_differs'),
    updated_since: since,
  },
  listInvitations: {
    status: same('status'),
    client_id: (i, v) => i['client_id'] === v || clientsOf[i['contact_id']]?.includes(v) === true,
    contact_id: same('contact_id'),
  },
  listFolders: { client_id: same('client_id'), parent_id: same('parent_id') },
  listDocuments: {
    client_id: same('client_id'),
    folder_id: same('folder_id'),
    archived: flag('archived'),
    updated_since: since,
    trashed: () => true,
  },
  listShares: {
    item_type: same('item_type'),
    item_id: same('item_id'),
    contact_id: same('contact_id'),
    client_id: same('client_id'),
  },
  listEmails: { contact_id: same('contact_id'), status: same('status') },
  listPortalFolders: { client_id: refers('client'), parent_id: same('parent_id') },
  listPortalDocuments: { client_id: refers('client'), folder_id: same('folder_id'), archived: flag('archived') },
};
const lists = contract.operations.filter((o) => o.id in rules);
const filters = (op: Operation): Item[] =>
  (op.spec.parameters ?? [])
    .map((p: any) => contract.deref(p))
    .filter((p: Item) => p['in'] === 'query' && !['limit', 'cursor'].includes(p['name']));

async function walk(op: Operation, query: Record<string, string>): Promise<Item[]> {
  const as = callerOf(op, world);
  return all<Item>(async (cursor) => {
    const search = new URLSearchParams({ ...query, limit: '100', ...(cursor ? { cursor } : {}) });
    const got = await raw(`${op.path}?${search}`, as ? { as } : {});
    assert.equal(got.status, 200, got.body.toString());
    return got.json;
  });
}

before(async () => {
  world = await newWorld('filters');
  const staff = world.firm.owner;
  const other = await newClient(staff, {
    entity: 'individual',
    name: 'Übermut Éclair & Söhne',
    code: 'ÜB-1',
    external_ref: { source: 'datev', id: '77' },
  });
  await newClient(staff, { name: 'Ajar 100%_\\', external_ref: { source: 'datev', id: '78' } });
  const gone = await newClient(staff, { external_ref: { source: 'xero', id: '77' } });
  await raw(`/v1/clients/${gone.id}`, { method: 'DELETE', as: staff });
  const second = address('Second');
  const both = await newContact(staff, other, { emails: [second] });
  await link(staff, world.client, both);
  await link(staff, other, world.user.contact);
  await ok(enable(staff, both, { send: 'later' }), 200);
  const shut = await newPortalUser(world.firm, other);
  await raw(`/v1/contacts/${shut.contact.id}/portal_access/suspend`, { method: 'POST', as: staff });
  const inner = await newFolder(staff, world.client, { parent_id: world.folder.id });
  const there = await newFolder(staff, other);
  const [one, two, three] = [
    await ok(upload(staff, inner), 201),
    await ok(upload(staff, inner), 201),
    await ok(upload(staff, there), 201),
  ];
  await ok(upload(staff, there), 201);
  await ok(portalUpload(world.user, undefined), 201);
  for (const { id } of [one, three])
    await raw(`/v1/documents/${id}`, { method: 'PATCH', as: staff, json: { archived: true } });
  for (const { id } of [two, await ok(upload(staff, there), 201), await ok(upload(staff, inner), 201)])
    await raw(`/v1/documents/${id}`, { method: 'DELETE', as: staff });
  await ok(share(staff, 'folder', there, [world.user.contact, shut.contact], 'view', true), 201);
  await ok(share(staff, 'document', one, [world.user.contact], 'view', false), 201);
  await settled(world.firm, world.user.email, 0);
  const { data } = await ok(staff.api.GET('/v1/contacts'), 200);
  clientsOf = Object.fromEntries(data.map((c) => [c.id, c.clients.map((r) => r.id)]));
  const clients = [world.client.id, other.id, gone.id];
  const folders = [world.folder.id, inner.id, there.id];
  const contacts = [world.user.contact.id, both.id, shut.contact.id, world.invited.id];
  values = {
    listClients: {
      q: ['übermut', 'ECLAIR'.replace('E', 'E\u0301'), 'söhne', '100%_\\', '%', 'ub-1', 'Ltd', 'üb-1'],
      code: ['ÜB-1', 'U\u0308B-1', 'üb-1', world.client.code ?? ''],
      external_source: ['datev', 'xero', 'Datev'],
      external_id: ['77', '78', '79'],
      updated_since: [world.client.updated_at, other.updated_at, '2099-01-01T00:00:00Z'],
    },
    listContacts: {
      client_id: clients,
      portal_login_differs: ['true', 'false'],
      email: [second, second.toUpperCase(), world.user.email, address('nobody')],
      updated_since: [both.updated_at],
    },
    listInvitations: { client_id: clients, contact_id: contacts },
    listFolders: { client_id: clients, parent_id: folders },
    listDocuments: { client_id: clients, folder_id: folders, updated_since: [one.updated_at, three.updated_at] },
    listShares: { item_id: [...folders, one.id, two.id], contact_id: contacts, client_id: clients },
    listEmails: { contact_id: contacts },
    listPortalFolders: { client_id: clients, parent_id: folders },
    listPortalDocuments: { client_id: clients, folder_id: folders },
  };
});

/** The values to try for a filter: all of an enumeration, both of a boolean, else those of the table. */
function tried(op: Operation, filter: Item): string[] {
  const schema = filter['schema'];
  const found = schema.enum ?? (schema.type === 'boolean' ? ['true', 'false'] : values[op.id]?.[filter['name']]);
  assert.ok(found?.length, `nothing to try for ${op.id} ?${filter['name']}`);
  return found;
}

test('every filter of these lists has its rule', () => {
  for (const op of lists)
    assert.deepEqual(Object.keys(rules[op.id] ?? {}).sort(), filters(op).map((f) => f['name']).sort(), op.id);
});

describe('one filter, and each two of them together, find what they say', () => {
  for (const op of lists)
    test(op.id, async () => {
      const whole = await walk(op, {});
      const trash = op.id === 'listDocuments' ? await walk(op, { trashed: 'true' }) : [];
      const expect = (query: Record<string, string>) =>
        (query['trashed'] === 'true' ? trash : whole)
          .filter((item) => Object.entries(query).every(([name, value]) => rules[op.id]?.[name]?.(item, value)))
          .map((item) => item['id']);
      const check = async (query: Record<string, string>): Promise<number> => {
        const found = (await walk(op, query)).map((item) => item['id']);
        assert.deepEqual(found, expect(query), JSON.stringify(query));
        return found.length;
      };
      let hits = 0;
      const some = filters(op);
      for (const [i, one] of some.entries())
        for (const value of tried(op, one)) {
          const query = { [one['name']]: value };
          hits += (await check(query)) > 0 ? 1 : 0;
          for (const two of some.slice(i + 1))
            for (const other of tried(op, two).slice(0, 3))
              if (one['name'] !== 'item_type' || two['name'] !== 'item_id' || other.startsWith(value.slice(0, 3)))
                await check({ ...query, [two['name']]: other });
        }
      assert.ok(hits >= some.length, `only ${hits} found anything`);
    });
});

/** A value that the filter cannot have; null where any text will do. */
function wrong(filter: Item): string | null {
  const schema = filter['schema'];
  if (schema.enum) return 'nonsense';
  if (schema.type === 'boolean') return 'perhaps';
  if (schema.format === 'date-time') return 'yesterday';
  if (/_id$/.test(filter['name']) && filter['name'] !== 'external_id') return 'wrong_01kjpz7w3mfa6tq2c9x4n8d5he';
  return filter['name'] === 'email' ? 'no address' : '';
}

describe('a value that cannot be is 422 at its filter, and all of them are told at once', () => {
  for (const op of lists)
    test(op.id, async () => {
      const as = callerOf(op, world);
      assert.ok(as);
      const query = new URLSearchParams();
      for (const filter of filters(op)) {
        const value = wrong(filter) ?? '';
        const got = await raw(`${op.path}?${new URLSearchParams({ [filter['name']]: value })}`, { as });
        assert.equal(`${got.status} ${got.json.code}`, '422 validation_failed', filter['name']);
        assert.deepEqual(
          got.json.errors.map((e: Item) => e['pointer']),
          [`?${filter['name']}`],
        );
        if (op.id !== 'listShares' || filter['name'] !== 'item_id') query.set(filter['name'], value);
      }
      const got = await raw(`${op.path}?${query}`, { as });
      assert.deepEqual(got.json.errors.map((e: Item) => e['pointer']).sort(), [...query.keys()].map((n) => `?${n}`).sort());
      for (const limit of ['0', '101', '-1', '1.5', 'x', '']) {
        const bad = await raw(`${op.path}?limit=${limit}`, { as });
        assert.equal(`${bad.status} ${bad.json.errors[0]?.pointer}`, '422 ?limit', limit);
      }
    });
});

test('texts of filters have an end', async () => {
  const as = world.firm.owner;
  for (const name of ['q', 'code', 'external_source', 'external_id']) {
    assert.equal((await raw(`/v1/clients?${name}=${'x'.repeat(201)}`, { as })).status, 422, name);
    assert.equal((await raw(`/v1/clients?${name}=%00`, { as })).status, 400, name);
    assert.equal((await raw(`/v1/clients?${name}=%ff`, { as })).status, 400, name);
    assert.deepEqual((await raw(`/v1/clients?${name}=${encodeURIComponent("' or 1=1 --")}`, { as })).json.data, []);
  }
});

describe('a cursor is bound to every filter', () => {
  for (const op of lists)
    test(op.id, async () => {
      const as = callerOf(op, world);
      assert.ok(as);
      const { next_cursor } = (await raw(`${op.path}?limit=1`, { as })).json;
      assert.ok(next_cursor, 'the list is too short');
      for (const filter of filters(op)) {
        const query = new URLSearchParams({ cursor: next_cursor, [filter['name']]: tried(op, filter)[0] ?? '' });
        const got = await raw(`${op.path}?${query}`, { as });
        assert.equal(`${got.status} ${got.json.code}`, '400 cursor_invalid', filter['name']);
      }
    });
});

test('ids that nobody has find nothing, as do those of the wrong client', async () => {
  const as = world.firm.owner;
  const elsewhere = await newClient(as);
  for (const path of [
    `/v1/documents?client_id=${elsewhere.id}&folder_id=${idsOf(world)['folder_id']}`,
    `/v1/folders?client_id=${elsewhere.id}&parent_id=${idsOf(world)['folder_id']}`,
    `/v1/shares?client_id=${elsewhere.id}&item_id=${idsOf(world)['folder_id']}`,
    '/v1/documents?folder_id=fol_01kjpz7w3mfa6tq2c9x4n8d5he&trashed=true',
  ])
    assert.deepEqual((await raw(path, { as })).json, { data: [], next_cursor: null }, path);
});

test('external_ref is one record’s: the second is refused with the first one’s id, of clients and of contacts', async () => {
  const as = world.firm.owner;
  const reference = { source: 'datev', id: 'unique-1' };
  for (const [path, body] of [
    ['/v1/clients', { entity: 'business', name: 'One' }],
    ['/v1/contacts', { entity: 'individual', display_name: 'One' }],
  ] as const) {
    const post = () => raw(path, { method: 'POST', as, json: { ...body, external_ref: reference } });
    const made = await Promise.all([post(), post(), post(), post()]);
    const first = made.find((m) => m.status === 201);
    assert.deepEqual(made.map((m) => m.status).sort(), [201, 409, 409, 409]);
    const again = await post();
    assert.deepEqual([again.json.code, again.json.existing_id], ['external_ref_exists', first?.json.id]);
    const free = await raw(path, { method: 'POST', as, json: { ...body, external_ref: { ...reference, id: 'unique-2' } } });
    const taken = await raw(`${path}/${free.json.id}`, { method: 'PATCH', as, json: { external_ref: reference } });
    assert.deepEqual([taken.status, taken.json.existing_id], [409, first?.json.id]);
  }
});
