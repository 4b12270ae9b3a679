// twenty.test.ts - those of the contract's twenty rules that have no file of their own; the tables are the contract itself.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract } from '../lib/recorder.mjs';
import { wire, type Answer } from '../lib/wire.mjs';
import { ORIGINS } from '../lib/stack.mjs';
import { callerOf, fit, idsOf, make, newWorld, STRANGE, type World } from '../lib/world.js';
import { newClient, ok, raw, stack } from '../lib/kit.js';

type Json = any;
const ours = ORIGINS[0] ?? '';
const ops = contract.operations.filter((op) => op.id !== 'resetTestData');
const bodied = ops.filter((op) => op.spec.requestBody?.content['application/json']);

let world: World;
before(async () => {
  world = await newWorld('twenty');
});

/** The same numbers in each run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A value that the member does not take, whatever it is. */
function wrong(schema: Json): unknown {
  const types = [contract.deref(schema).type ?? 'object'].flat();
  return types.includes('object') ? 7 : { not: 'this' };
}

/** What the pointer leads to in the body; undefined when it leads nowhere. */
function at(body: Json, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((value, step) => value?.[step], body);
}

describe('rule 7: whichever members are broken, each is told, where it stands', () => {
  for (const op of bodied)
    test(op.id, async () => {
      const schema = contract.deref(op.spec.requestBody.content['application/json'].schema);
      const draw = random(op.id.length * 7919);
      const names = Object.keys(schema.properties);
      for (let turn = 0; turn < 4; turn++) {
        const good: Record<string, Json> = JSON.parse(fit(op, idsOf(world)).body ?? '{}');
        const broken = names.filter(() => draw(2) === 1);
        const body: Record<string, Json> = { ...good };
        for (const name of broken) body[name] = wrong(schema.properties[name]);
        for (const name of ['sur~prise', 'sur/prise'].slice(0, draw(3))) body[name] = 1;
        const want = Object.keys(body).filter((name) => broken.includes(name) || name.startsWith('sur'));
        if (want.length === 0) continue;
        const got = await make(op, { ...fit(op, idsOf(world)), body: JSON.stringify(body) }, callerOf(op, world));
        assert.equal(`${got.status} ${got.json.code}`, '422 validation_failed');
        const pointers: string[] = got.json.errors.map((e: Json) => e.pointer);
        for (const name of want) {
          const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
          assert.ok(pointers.includes(pointer), `${pointer} of ${JSON.stringify(body)} is not told: ${pointers}`);
        }
        for (const { pointer, code } of got.json.errors)
          assert.ok(at(body, pointer) !== undefined || code === 'required', `${pointer} leads nowhere: ${code}`);
      }
    });
});

const EXPOSED = ['ETag', 'Link', 'Location', 'Retry-After', 'X-Request-Id', 'Idempotency-Replayed', 'RateLimit', 'RateLimit-Policy'];

function readable(got: Answer, where: string): void {
  assert.equal(got.headers.get('access-control-allow-origin'), ours, where);
  assert.equal(got.headers.get('access-control-allow-credentials'), 'true', where);
  const exposed = (got.headers.get('access-control-expose-headers') ?? '').toLowerCase().split(/, */);
  for (const name of EXPOSED) assert.ok(exposed.includes(name.toLowerCase()), `${where}: ${name}`);
  assert.match(got.headers.get('vary') ?? '', /origin/i, where);
}

describe('rule 8: an allowed origin may read every answer, another none; preflights need no credentials', () => {
  for (const op of ops)
    test(op.id, async () => {
      const call = fit(op, idsOf(world));
      const as = callerOf(op, world);
      const other = as === world.user ? world.firm.owner : world.user;
      const and = call.path.includes('?') ? '&' : '?';
      const strange = fit(op, { ...idsOf(world), ...STRANGE });
      const kinds: [string, typeof call, typeof as][] = [
        ['unknown parameter', { ...call, path: `${call.path}${and}surprise=1` }, as],
        ['no session', call, undefined],
        ['of the other audience', { ...strange, body: call.body }, other],
        ['unknown id', { ...strange, body: call.body }, as],
        ['no such type', { ...call, headers: { ...call.headers, 'content-type': 'text/plain' } }, as],
        ['large', { ...call, body: call.body === undefined ? undefined : JSON.stringify({ x: 'x'.repeat(1 << 21) }) }, as],
      ];
      if (['GET', 'HEAD'].includes(op.method)) kinds.push(['as it should be', call, as]);
      for (const [kind, fitted, who] of kinds) {
        if (['large', 'no such type'].includes(kind) && !bodied.includes(op)) continue;
        if (kind === 'unknown id' && !op.path.includes('{')) continue;
        if (kind === 'of the other audience' && op.spec['x-callers'].length > 1) continue;
        const got = await make(op, fitted, who, { origin: ours });
        readable(got, `${kind}: ${got.status}`);
      }
      const foreign = await make(op, { ...call, path: `${call.path}${and}surprise=1` }, as, { origin: `${ours}.evil.test` });
      assert.equal(foreign.headers.get('access-control-allow-origin'), null);
    });
  for (const path of [...new Set(ops.map((op) => op.path)), '/v1/nothing', '/v1/clients/x/y/z'])
    test(`OPTIONS ${path}`, async () => {
      const target = stack.url + path.replace(/\{\w+\}/g, 'x');
      const asked = { method: 'OPTIONS', headers: { origin: ours, 'access-control-request-method': 'PATCH' } };
      const got = await wire(target, asked);
      assert.equal(got.status, 204);
      readable(got, path);
      for (const name of ['Authorization', 'Idempotency-Key', 'If-Match', 'Content-Type'])
        assert.ok(got.headers.get('access-control-allow-headers')?.includes(name), name);
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
        assert.ok(got.headers.get('access-control-allow-methods')?.includes(method), method);
    });
  test('405 and 404', async () => {
    readable(await raw('/v1/clients', { method: 'PUT', as: world.firm.owner, headers: { origin: ours } }), '405');
    readable(await raw('/v1/nothing', { headers: { origin: ours } }), '404');
  });
});

test('rule 9: a token writes from anywhere, a cookie from an allowed origin, two cookies nowhere', async () => {
  const { slug, owner } = world.firm;
  const signed = await raw('/v1/auth/login', {
    method: 'POST',
    json: { firm: slug, audience: 'staff', email: owner.email, password: owner.password, transport: 'cookie' },
  });
  const cookie = (signed.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const patch = (headers: Record<string, string>) => raw('/v1/me', { method: 'PATCH', json: { phone: '1' }, headers });
  const bearer = { authorization: `Bearer ${owner.token}` };
  for (const from of [{ origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' }, { origin: 'null' }, {}] as Record<string, string>[])
    assert.equal((await patch({ ...bearer, ...from })).status, 200, JSON.stringify(from));
  for (const from of [{ origin: ours, 'sec-fetch-site': 'cross-site' }, { origin: stack.url }, { 'sec-fetch-site': 'same-origin' }, {}] as Record<string, string>[])
    assert.equal((await patch({ cookie, ...from })).status, 200, JSON.stringify(from));
  for (const from of [{ origin: 'https://evil.test' }, { origin: `${ours}:444` }, { 'sec-fetch-site': 'same-site' }] as Record<string, string>[])
    assert.equal((await patch({ cookie, ...from })).json.code, 'origin_not_allowed', JSON.stringify(from));
  assert.equal((await patch({ cookie: `${cookie}; ${cookie}` })).json.code, 'malformed_request');
  assert.equal((await patch({ cookie, ...bearer })).json.code, 'malformed_request');
});

test('rule 16: a leap day is a day, the day after the last of February of another year is none', async () => {
  const since = (time: string) => raw(`/v1/clients?updated_since=${encodeURIComponent(time)}`, { as: world.firm.owner });
  for (const time of ['2024-02-29T00:00:00.000Z', '2000-02-29T23:59:59.999Z', '2024-03-01T00:59:59.999+01:00'])
    assert.equal((await since(time)).status, 200, time);
  for (const time of ['2023-02-29T00:00:00.000Z', '1900-02-29T00:00:00.000Z', '2024-02-30T00:00:00.000Z', '2024-02-29'])
    assert.equal((await since(time)).status, 422, time);
  const made = await newClient(world.firm.owner);
  const read = await ok(
    world.firm.owner.api.GET('/v1/clients/{client_id}', { params: { path: { client_id: made.id } } }),
    200,
  );
  assert.equal(new Date(read.created_at).toISOString(), read.created_at);
});
