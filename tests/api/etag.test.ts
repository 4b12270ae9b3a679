// etag.test.ts - every object that is read alone has a strong ETag: 304 while it holds, 412 when somebody was faster.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract } from '../lib/recorder.mjs';
import { callerOf, callersOf, fit, idsOf, make, newWorld, type World } from '../lib/world.js';
import { raw, signIn } from '../lib/kit.js';

let world: World;
before(async () => {
  world = await newWorld('etag');
});

const has = (op: any, name: string) => (op.spec.parameters ?? []).some((p: any) => p.$ref?.endsWith(`/${name}`));

describe('rule 14: GET: 200 with ETag, 304 for it, 200 for another', () => {
  for (const op of contract.operations.filter((o) => o.method === 'GET' && has(o, 'IfNoneMatch')))
    test(op.id, async () => {
      const [as, ...others] = callersOf(op, world);
      const call = fit(op, {
        ...idsOf(world),
        ...(op.path.startsWith('/v1/portal') ? { document_id: world.own.id } : {}),
      });
      const got = await make(op, call, as);
      const etag = got.headers.get('etag') ?? '';
      assert.match(etag, /^"[^"]+"$/);
      for (const other of op.spec['x-permission'] ? others : [])
        assert.equal((await make(op, call, other, { 'if-none-match': etag })).status, 304, 'the same for every caller');
      const same = await make(op, call, as, { 'if-none-match': etag });
      assert.deepEqual([same.status, same.headers.get('etag'), same.body.length], [304, etag, 0]);
      assert.equal((await make(op, call, as, { 'if-none-match': `"x", W/${etag}, "y"` })).status, 304);
      assert.equal((await make(op, call, as, { 'if-none-match': '*' })).status, 304);
      assert.equal((await make(op, call, as, { 'if-none-match': '"x"' })).status, 200);
      assert.equal((await make(op, call, as)).headers.get('etag'), etag, 'reading alone changes nothing');
    });
});

describe('PATCH, PUT, DELETE: 412 with the present ETag, nothing done', () => {
  for (const op of contract.operations.filter((o) => !['GET', 'HEAD'].includes(o.method) && has(o, 'IfMatch')))
    test(op.id, async () => {
      const as = callerOf(op, world);
      const ids = { ...idsOf(world), ...(op.id === 'disablePortalAccess' ? { contact_id: world.invited.id } : {}) };
      const before = contract.find('GET', fit(op, ids).path)
        ? await raw(fit(op, ids).path, { ...(as ? { as } : {}) })
        : null;
      const got = await make(op, fit(op, ids), as, { 'if-match': '"not-this-one"' });
      assert.equal(`${got.status} ${got.json.code}`, '412 version_changed');
      const after = before ? await raw(fit(op, ids).path, { ...(as ? { as } : {}) }) : null;
      assert.equal(after?.body.toString(), before?.body.toString());
      if (after) assert.equal(got.headers.get('etag'), after.headers.get('etag'));
    });
});

describe('rule 14: two who read the same: the second to write is told', () => {
  const cases: [string, object, object][] = [
    ['/v1/clients/{client_id}', { phone: '111' }, { phone: '222' }],
    ['/v1/contacts/{contact_id}', { phone: '111' }, { phone: '222' }],
    ['/v1/matters/{matter_id}', { number: '111' }, { number: '222' }],
    ['/v1/folders/{folder_id}', { name: 'First come' }, { name: 'Second' }],
    ['/v1/me', { phone: '111' }, { phone: '222' }],
  ];
  for (const [template, one, two] of cases)
    test(template, async () => {
      const as = world.firm.owner;
      const path = template.replace(/\{(\w+)\}/, (_, name: string) => idsOf(world)[name] ?? '');
      const etag = (await raw(path, { as })).headers.get('etag') ?? '';
      const other = await signIn(world.firm.slug, 'staff', as.email);
      assert.equal((await raw(path, { as: other })).headers.get('etag'), etag, 'the same for every session');
      const first = await raw(path, { method: 'PATCH', as, json: one, headers: { 'if-match': etag } });
      assert.equal(first.status, 200);
      const second = await raw(path, { method: 'PATCH', as: other, json: two, headers: { 'if-match': etag } });
      assert.equal(second.status, 412);
      assert.equal(second.headers.get('etag'), first.headers.get('etag'));
      assert.equal(
        (await raw(path, { method: 'PATCH', as: other, json: two, headers: { 'if-match': '*' } })).status,
        200,
      );
    });
});

test('If-Match under a race: of ten writers with one ETag one wins', async () => {
  const as = world.firm.owner;
  const path = `/v1/clients/${world.client.id}`;
  const etag = (await raw(path, { as })).headers.get('etag') ?? '';
  const all = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      raw(path, { method: 'PATCH', as, json: { phone: `${1000 + i}` }, headers: { 'if-match': etag } }),
    ),
  );
  assert.deepEqual(all.map((a) => a.status).sort(), [200, ...Array(9).fill(412)]);
});
