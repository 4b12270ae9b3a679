// isolation.test.ts - two firms: what one has is, to the other, the same as what nobody has; nothing of it is ever seen.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract } from '../lib/recorder.mjs';
import { callersOf, fit, idsOf, make, newWorld, STRANGE, type World } from '../lib/world.js';
import { all, enable, link, newClient, newContact, ok, raw, refused, share, type Person } from '../lib/kit.js';

let ours: World;
let theirs: World;
before(async () => {
  ours = await newWorld('ours');
  theirs = await newWorld('theirs');
});

const anonymous = (got: { status: number; body: Buffer; json: any }) =>
  JSON.stringify({
    status: got.status,
    ...(got.json ? { ...got.json, request_id: '' } : { body: got.body.toString() }),
  });

describe('rule 15: by path: an id of another firm answers exactly as one of nobody', () => {
  for (const op of contract.operations.filter((o) => /\{\w+_id\}/.test(o.path)))
    test(op.id, async () => {
      const names = [...op.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '');
      for (const [as, name] of callersOf(op, ours).flatMap((c) => names.map((n) => [c, n] as const))) {
        const foreign = fit(op, { ...idsOf(ours), [name]: idsOf(theirs)[name] ?? '' });
        const nobody = fit(op, { ...idsOf(ours), [name]: STRANGE[name] ?? '' });
        const [a, b] = [
          await make(op, foreign, as),
          await make(op, { ...nobody, headers: { ...nobody.headers }, body: foreign.body }, as),
        ];
        assert.equal(a.status, 404, a.body.toString());
        assert.equal(anonymous(a), anonymous(b));
        const headers = (got: typeof a) =>
          [...got.headers.keys()]
            .filter((k) => k !== 'date')
            .sort()
            .join();
        assert.equal(headers(a), headers(b));
      }
    });
});

describe('by filter: an id of another firm finds nothing', () => {
  for (const op of contract.operations.filter(
    (o) =>
      o.method === 'GET' &&
      (o.spec.parameters ?? []).some((p: any) => p.$ref?.endsWith('/Cursor')) &&
      o.id !== 'listTestEmails',
  ))
    test(op.id, async () => {
      const all = callersOf(op, ours);
      assert.ok(all.length > 0);
      for (const as of all) {
        const { path } = fit(op, idsOf(ours));
        const whole = await raw(path, { as });
        assert.ok(!whole.body.toString().includes(theirs.canary), 'the list shows the other firm');
        for (const ref of op.spec.parameters ?? []) {
          const { name, in: place } = contract.deref(ref);
          const id = idsOf(theirs)[name];
          if (!id || place === 'path') continue;
          const also = name === 'item_id' ? '&item_type=folder' : '';
          const got = await raw(`${path}?${name}=${id}${also}`, { as });
          assert.deepEqual(got.json, { data: [], next_cursor: null }, `${op.path}?${name}`);
        }
      }
    });
});

describe('by body and query: what belongs to another firm cannot be named', () => {
  const same = async (call: (ids: Record<string, string>) => Promise<any>) => {
    const foreign = await call(idsOf(theirs));
    const nobody = await call(STRANGE);
    assert.ok(foreign.status >= 400, `${foreign.status}`);
    assert.equal(anonymous(foreign), anonymous(nobody));
  };
  const post = (path: string, json: unknown, as: Person = ours.firm.owner) =>
    raw(path, { method: 'POST', as, json, headers: { 'idempotency-key': `iso-${Math.random()}` } });
  test('createFolder client_id', () => same((ids) => post('/v1/folders', { client_id: ids['client_id'], name: 'X' })));
  test('createFolder parent_id', () =>
    same((ids) => post('/v1/folders', { client_id: ours.client.id, parent_id: ids['folder_id'], name: 'X' })));
  test('createMatter client_id', () => same((ids) => post('/v1/matters', { client_id: ids['client_id'], name: 'X' })));
  test('createFolder matter_id', () =>
    same((ids) => post('/v1/folders', { client_id: ours.client.id, matter_id: ids['matter_id'], name: 'X' })));
  test('createShares matter', () =>
    same((ids) =>
      post('/v1/shares', {
        item_type: 'matter',
        item_id: ids['matter_id'],
        contact_ids: [ours.user.contact.id],
        access: 'view',
      }),
    ));
  test('enablePortalAccess matters', () =>
    same((ids) =>
      raw(`/v1/contacts/${ours.contact.id}/portal_access`, {
        method: 'PUT',
        as: ours.firm.owner,
        json: { send: 'later', matters: [ids['matter_id']] },
      }),
    ));
  test('createShares item_id', () =>
    same((ids) =>
      post('/v1/shares', {
        item_type: 'folder',
        item_id: ids['folder_id'],
        contact_ids: [ours.user.contact.id],
        access: 'view',
        notify: true,
      }),
    ));
  test('createShares contact_ids', () =>
    same((ids) =>
      post('/v1/shares', {
        item_type: 'folder',
        item_id: ours.folder.id,
        contact_ids: [ids['contact_id']],
        access: 'view',
        notify: true,
      }),
    ));
  test('createShares document', () =>
    same((ids) =>
      post('/v1/shares', {
        item_type: 'document',
        item_id: ids['document_id'],
        contact_ids: [ours.user.contact.id],
        access: 'view',
        notify: true,
      }),
    ));
  test('createInvitation contact_id', () =>
    same((ids) => post('/v1/invitations', { contact_id: ids['contact_id'], send: 'now' })));
  test('createInvitation client_id', () =>
    same((ids) => post('/v1/invitations', { email: 'iso@mail.test', client_id: ids['client_id'], send: 'now' })));
  test('createClient primary_contact_id', () =>
    same((ids) => post('/v1/clients', { entity: 'business', name: 'X', primary_contact_id: ids['contact_id'] })));
  test('updateFolder parent_id', () =>
    same((ids) =>
      raw(`/v1/folders/${ours.folder.id}`, {
        method: 'PATCH',
        as: ours.firm.owner,
        json: { parent_id: ids['folder_id'] },
      }),
    ));
  test('updateClient primary_contact_id', () =>
    same((ids) =>
      raw(`/v1/clients/${ours.client.id}`, {
        method: 'PATCH',
        as: ours.firm.owner,
        json: { primary_contact_id: ids['contact_id'] },
      }),
    ));
  const up = (path: string, as: Person) => (ids: Record<string, string>) =>
    raw(`${path}?folder_id=${ids['folder_id']}&name=x.txt`, {
      method: 'POST',
      as,
      headers: { 'content-type': 'application/octet-stream' },
      body: 'x',
    });
  test('uploadDocument folder_id', () => same((ids) => up('/v1/documents', ours.firm.owner)(ids)));
  test('uploadPortalDocument folder_id', () => same((ids) => up('/v1/portal/documents', ours.user)(ids)));
});

test('a cursor of one firm is nothing in another', async () => {
  await newClient(theirs.firm.owner);
  const page = await ok(theirs.firm.owner.api.GET('/v1/clients', { params: { query: { limit: 1 } } }), 200);
  assert.ok(page.next_cursor);
  await refused(
    ours.firm.owner.api.GET('/v1/clients', { params: { query: { limit: 1, cursor: page.next_cursor } } }),
    400,
    'cursor_invalid',
  );
});

test('the same code, reference and address may be in both firms', async () => {
  const code = 'SAME-1';
  await newClient(theirs.firm.owner, { code });
  const client = await newClient(ours.firm.owner, { code });
  const contact = await newContact(ours.firm.owner, client, { primary_email: 'same@mail.test' });
  const other = await newContact(theirs.firm.owner, theirs.client, { primary_email: 'same@mail.test' });
  await ok(enable(theirs.firm.owner, other, { send: 'later' }), 200);
  const on = await ok(enable(ours.firm.owner, contact, { send: 'later' }), 200);
  assert.equal(on.status, 'not_sent');
  assert.equal(on.registration_status, 'not_registered');
});

test('a portal user of one client sees nothing of another client of the same firm', async () => {
  const { firm } = ours;
  const other = await newClient(firm.owner, { name: 'Secret neighbour' });
  const neighbour = await newContact(firm.owner, other);
  await link(firm.owner, other, neighbour);
  for (const op of contract.operations.filter(
    (o) => o.path.startsWith('/v1/portal/') && o.method === 'GET' && !/\{\w+_id\}/.test(o.path),
  )) {
    const got = await raw(op.path, { as: ours.user });
    assert.ok(!got.body.toString().includes('Secret neighbour'), op.id);
  }
  await refused(share(firm.owner, 'folder', ours.folder, [neighbour]), 422, 'contact_not_of_client');
});

test('no answer of ours ever holds a word of theirs', async () => {
  for (const op of contract.operations.filter(
    (o) => o.method === 'GET' && !['listTestEmails', 'getOpenapi'].includes(o.id),
  )) {
    for (const as of [undefined, ...callersOf(op, ours)]) {
      const got = await make(op, fit(op, idsOf(ours)), as);
      assert.ok(!got.body.toString().includes(theirs.canary), op.id);
    }
  }
  const mine = await all((cursor) =>
    ok(
      ours.firm.owner.api.GET('/v1/emails', { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } } }),
      200,
    ),
  );
  assert.ok(mine.length > 0 && mine.every((m) => !JSON.stringify(m).includes(theirs.canary)));
});
