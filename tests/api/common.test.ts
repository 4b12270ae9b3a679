// common.test.ts - what every call of the contract refuses in the same way; the table is the contract itself.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract } from '../lib/recorder.mjs';
import { wire } from '../lib/wire.mjs';
import { callerOf, callersOf, fit, idsOf, make, newWorld, STRANGE, type World } from '../lib/world.js';
import { newKey, newPortalUser, raw, scopesOf, signIn, stack, type Key } from '../lib/kit.js';

let world: World;
let cookie = '';
before(async () => {
  world = await newWorld('common');
  const got = await raw('/v1/auth/login', {
    method: 'POST',
    json: {
      firm: world.firm.slug,
      audience: 'staff',
      email: world.firm.owner.email,
      password: world.firm.owner.password,
      transport: 'cookie',
    },
  });
  cookie = (got.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
});

const isPublic = (callers: string[]) => ['public', 'test', 'operator'].includes(callers.join());
const ops = contract.operations;
const takesBody = (op: (typeof ops)[number]) => Object.keys(op.spec.requestBody?.content ?? {});
const say = (got: { status: number; json: any }) => `${got.status} ${got.json?.code ?? ''}`.trim();

describe('401: without a session, and with one that is none', () => {
  for (const op of ops.filter((o) => !isPublic(o.spec['x-callers'])))
    test(op.id, async () => {
      const call = fit(op, idsOf(world));
      const want = op.method === 'HEAD' ? '401' : '401 unauthenticated';
      assert.equal(say(await make(op, call, undefined)), want);
      for (const token of ['cps_nothing', 'cpk_nothing', `${world.key.token.slice(0, -1)}!`])
        assert.equal(say(await make(op, call, undefined, { authorization: `Bearer ${token}` })), want, token);
    });
});

describe('rule 5: 400: a parameter that is not known, one sent twice, cookie and token at once', () => {
  for (const op of ops.filter((o) => o.id !== 'resetTestData'))
    test(op.id, async () => {
      const call = fit(op, idsOf(world));
      const and = call.path.includes('?') ? '&' : '?';
      const as = callerOf(op, world);
      const head = op.method === 'HEAD';
      const unknown = await make(op, { ...call, path: `${call.path}${and}surprise=1` }, as);
      assert.equal(say(unknown), head ? '400' : '400 unknown_parameter');
      if (!head)
        assert.deepEqual(
          unknown.json.errors.map((e: any) => e.pointer),
          ['?surprise'],
        );
      for (const each of callersOf(op, world))
        assert.equal(say(await make(op, call, each, { cookie })), head ? '400' : '400 malformed_request');
      const own = (op.spec.parameters ?? []).map((p: any) => contract.deref(p)).find((p: any) => p.in === 'query');
      if (own) {
        const twice = call.path.includes(`${own.name}=`) ? `${own.name}=x` : `${own.name}=x&${own.name}=x`;
        assert.equal(say(await make(op, { ...call, path: `${call.path}${and}${twice}` }, as)), '400 malformed_request');
      }
    });
});

describe('rule 15: 403: the other audience', () => {
  for (const op of ops.filter((o) => o.spec['x-callers'].includes('staff') !== o.spec['x-callers'].includes('portal')))
    test(op.id, async () => {
      const other = op.spec['x-callers'].includes('staff') ? world.user : world.firm.owner;
      const got = await make(op, fit(op, idsOf(world)), other);
      assert.equal(say(got), op.method === 'HEAD' ? '403' : '403 permission_denied');
      if (op.spec['x-permission'] && got.json) assert.deepEqual(got.json.required_scopes, [op.spec['x-permission']]);
    });
});

describe('rule 15: 403: a key with every scope but the one, told which; 403 where no key may call, told none', () => {
  const keys: Record<string, Key> = {};
  const butFor = async (scope: string) =>
    (keys[scope] ??= await newKey(
      world.firm.owner,
      scopesOf(world.firm.owner).filter((s) => s !== scope),
    ));
  for (const op of ops.filter((o) => !isPublic(o.spec['x-callers'])))
    test(op.id, async () => {
      const head = op.method === 'HEAD';
      const may = op.spec['x-callers'].includes('key');
      const got = await make(op, fit(op, idsOf(world)), may ? await butFor(op.spec['x-permission']) : world.key);
      assert.equal(say(got), head ? '403' : `403 ${may ? 'insufficient_scope' : 'permission_denied'}`);
      if (!head) assert.deepEqual(got.json.required_scopes, may ? [op.spec['x-permission']] : undefined);
    });
});

describe('a key reads what staff read', () => {
  for (const op of ops.filter((o) => o.method === 'GET' && o.spec['x-callers'].includes('key')))
    test(op.id, async () => {
      const [mine, its] = [
        await make(op, fit(op, idsOf(world)), world.firm.owner),
        await make(op, fit(op, idsOf(world)), world.key),
      ];
      assert.equal(its.status, 200);
      const cut = (got: typeof its) => got.body.toString().replace(/"next_cursor":"[^"]*"/, '');
      assert.equal(cut(its), cut(mine));
      assert.equal(its.headers.get('etag'), mine.headers.get('etag'));
    });
});

describe('rule 9: 403: a write by cookie from a foreign origin, or from another site', () => {
  const anybody = ['verifyMfa', 'refreshSession', 'findPortals', 'confirmRegistration', 'unsubscribe', 'resetTestData'];
  const writes = (o: (typeof ops)[number]) => !['GET', 'HEAD'].includes(o.method);
  for (const op of ops.filter((o) => writes(o) && (o.spec['x-callers'].includes('staff') || anybody.includes(o.id))))
    test(op.id, async () => {
      const call = fit(op, idsOf(world));
      for (const from of [
        { origin: 'https://evil.test' },
        { origin: 'null' },
        { 'sec-fetch-site': 'cross-site' },
      ] as Record<string, string>[])
        assert.equal(
          say(await make(op, call, undefined, { cookie, ...from })),
          '403 origin_not_allowed',
          JSON.stringify(from),
        );
    });
  for (const id of ['login', 'acceptInvitation', 'runSetup'])
    test(id, async () => {
      const op = ops.find((o) => o.id === id);
      assert.ok(op);
      const call = fit(op, idsOf(world));
      const body = JSON.stringify({
        ...JSON.parse(call.body ?? '{}'),
        ...(id === 'runSetup' ? {} : { transport: 'cookie' }),
      });
      const got = await make(op, { ...call, body }, undefined, {
        origin: 'https://evil.test',
        'sec-fetch-site': 'cross-site',
      });
      assert.ok(got.status !== 200 && got.headers.get('set-cookie') === null, say(got));
    });
});

describe('404: an id that nobody has, of another kind, or none at all', () => {
  for (const op of ops.filter((o) => /\{(?!kind\})/.test(o.path)))
    test(op.id, async () => {
      const want = op.method === 'HEAD' ? '404' : '404 not_found';
      const other = Object.fromEntries(Object.keys(STRANGE).map((name) => [name, world.firm.id.replaceAll('-', '')]));
      const none = Object.fromEntries(Object.keys(STRANGE).map((name) => [name, 'x']));
      for (const ids of [STRANGE, other, none]) {
        const call = fit(op, { ...idsOf(world), ...ids });
        const good = fit(op, idsOf(world));
        for (const as of [callerOf(op, world), ...callersOf(op, world)])
          assert.equal(say(await make(op, { ...call, body: good.body }, as)), want, call.path);
      }
    });
});

describe('405 with Allow: a method that is not there; 404: a path that is not', () => {
  for (const path of new Set(ops.map((o) => o.path)))
    test(path, async () => {
      const there = new Set(ops.filter((o) => o.path === path).map((o) => o.method));
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((m) => !there.has(m))) {
        const ids = idsOf(world);
        const target = path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? 'clients');
        if (contract.find(method, target)) continue;
        const got = await raw(target, { method, as: world.firm.owner });
        assert.equal(say(got), '405 method_not_allowed', `${method} ${target}`);
        const allow = (got.headers.get('allow') ?? '').split(', ');
        for (const m of there) assert.ok(allow.includes(m), `${method} ${target}: Allow is ${allow}`);
      }
    });
  test('unknown paths', async () => {
    for (const path of [
      '/v1',
      '/v1/',
      '/v1/nothing',
      '/v1/clients/',
      '/v1//clients',
      '/v2/clients',
      '/v1/clients/x/y/z',
      '/V1/clients',
      '/v1/clients%2f',
    ])
      assert.equal(
        (await wire(stack.url + path, { headers: { authorization: `Bearer ${world.firm.owner.token}` } })).status,
        404,
        path,
      );
  });
});

describe('rule 5: 413, 415, 400 and 422: bodies', () => {
  for (const op of ops.filter((o) => takesBody(o).includes('application/json')))
    test(op.id, async () => {
      const as = callerOf(op, world);
      const call = fit(op, idsOf(world));
      const send = (body: string, over: Record<string, string> = {}) => make(op, { ...call, body }, as, over);
      const big = JSON.stringify({ name: 'x'.repeat(3 << 20) });
      assert.equal(say(await send(big)), '413 too_large');
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/jsonp',
      ])
        assert.equal(say(await send(call.body ?? '', { 'content-type': type })), '415 unsupported_media_type', type);
      for (const body of [
        '{',
        '{"a":1,}',
        "{'a':1}",
        '{"a":NaN}',
        '{"a":01}',
        '{} {}',
        '{"a":"\u0001"}',
        '\ufeff{}',
        '{"a":1e999}',
        '{"a":"\\ud800"}',
        '{"a":"\\u0000"}',
      ])
        assert.equal(say(await send(body)), '400 malformed_request', body);
      const twice = (call.body ?? '{}').replace('{', '{"surprise":1,"surprise":2,');
      const got = await send(twice);
      assert.ok(['400 malformed_request', '422 validation_failed'].includes(say(got)), say(got));
      assert.match(JSON.stringify(got.json), /surprise/);
      for (const body of ['[]', '"x"', '1', 'null', 'true'])
        assert.ok(['400 malformed_request', '422 validation_failed'].includes(say(await send(body))), body);
      const unknown = await send((call.body ?? '{}').replace('{', '{"surprise":1,'));
      assert.equal(say(unknown), '422 validation_failed');
      assert.ok(
        unknown.json.errors.some((e: any) => e.pointer === '/surprise'),
        JSON.stringify(unknown.json.errors),
      );
    });
});

describe('rule 7: 422: all faults at once, each with a pointer that leads somewhere', () => {
  for (const op of ops.filter((o) => takesBody(o).includes('application/json')))
    test(op.id, async () => {
      const schema = contract.deref(op.spec.requestBody.content['application/json'].schema);
      const wrong: Record<string, unknown> = Object.fromEntries(
        Object.keys(schema.properties).map((name) => [name, { not: 'this' }]),
      );
      if (schema.properties.custom_fields) wrong['custom_fields'] = 7;
      if (schema.properties.address) wrong['address'] = 7;
      if (schema.properties.external_ref) wrong['external_ref'] = 7;
      const got = await make(op, { ...fit(op, idsOf(world)), body: JSON.stringify(wrong) }, callerOf(op, world));
      assert.equal(say(got), '422 validation_failed');
      const pointers: string[] = got.json.errors.map((e: any) => e.pointer);
      assert.deepEqual(
        [...new Set(pointers)].sort(),
        Object.keys(wrong)
          .map((name) => `/${name}`)
          .sort(),
      );
      if (op.method === 'PATCH') return;
      const empty = await make(op, { ...fit(op, idsOf(world)), body: '{}' }, callerOf(op, world));
      const missing: string[] = (empty.json?.errors ?? []).map((e: any) => e.pointer);
      assert.deepEqual(
        missing.filter((p) => (schema.required ?? []).includes(p.slice(1))).sort(),
        [...(schema.required ?? [])].map((n: string) => `/${n}`).sort(),
      );
    });
});

describe('422 and 400: lists', () => {
  for (const op of ops.filter((o) => (o.spec.parameters ?? []).some((p: any) => p.$ref?.endsWith('/Cursor'))))
    test(op.id, async () => {
      const as = callerOf(op, world);
      const at = (query: string) => make(op, { ...fit(op, idsOf(world)), path: `${fit(op, idsOf(world)).path}?${query}` }, as);
      for (const limit of ['0', '101', '-1', 'x', '1.5', ''])
        assert.equal(say(await at(`limit=${limit}`)), '422 validation_failed', limit);
      for (const cursor of ['x', 'AAAA', `${'A'.repeat(80)}`])
        assert.equal(say(await at(`cursor=${cursor}`)), '400 cursor_invalid', cursor);
    });
});

test('GET with a body is refused, by the API or before it', async () => {
  const got = await wire(`${stack.url}/v1/clients`, {
    headers: { authorization: `Bearer ${world.firm.owner.token}` },
    body: '{}',
  });
  assert.equal(got.status, 400);
});

test('rule 6: every problem is the same shape, from the parser on', async () => {
  const auth = { authorization: `Bearer ${world.firm.owner.token}` };
  for (const [path, headers, status] of [
    [`/v1/clients?q=${'x'.repeat(20_000)}`, {}, 414],
    ['/v1/clients', { 'x-large': 'x'.repeat(40_000) }, 431],
  ] as [string, Record<string, string>, number][]) {
    const got = await wire(stack.url + path, { headers: { ...auth, ...headers } });
    assert.equal(got.status, status, path.slice(0, 40));
    assert.match(got.headers.get('content-type') ?? '', /^application\/problem\+json/);
    const json = JSON.parse(got.body.toString());
    assert.deepEqual(Object.keys(json).sort(), ['code', 'detail', 'errors', 'request_id', 'status', 'title', 'type']);
    assert.equal(json.request_id, got.headers.get('x-request-id'));
  }
});

test('a request id is taken over when it is well formed, and never otherwise', async () => {
  const got = await raw('/v1/me', { as: world.firm.owner });
  assert.match(got.headers.get('x-request-id') ?? '', /^[A-Za-z0-9_-]{8,64}$/);
  const bad = await raw('/v1/me', { as: world.firm.owner, headers: { 'x-request-id': 'a b\tc' } });
  assert.notEqual(bad.headers.get('x-request-id'), 'a b\tc');
});

test('headers of ours that come from outside mean nothing', async () => {
  const got = await raw('/v1/me', {
    as: world.firm.owner,
    headers: {
      'x-portico-addr': '10.0.0.1',
      'x-portico-phase': 'body',
      'x-portico-spool': '/etc/passwd',
      'x-portico-length': '5',
    },
  });
  assert.equal(got.status, 200);
  const up = await raw(`/v1/documents?folder_id=${world.folder.id}&name=passwd.txt`, {
    method: 'POST',
    as: world.firm.owner,
    headers: {
      'content-type': 'application/octet-stream',
      'x-portico-phase': 'body',
      'x-portico-spool': '/etc/passwd',
      'x-portico-length': '5',
    },
    body: 'mine',
  });
  assert.equal(up.status, 201);
  assert.equal(up.json.size, 4);
});

test('two people in one process do not share a session', async () => {
  const other = await newPortalUser(world.firm, world.client);
  const [a, b] = await Promise.all([
    raw('/v1/me', { as: other }),
    raw('/v1/me', { as: await signIn(world.firm.slug, 'staff', world.firm.owner.email) }),
  ]);
  assert.notEqual(a.json.id, b.json.id);
});
