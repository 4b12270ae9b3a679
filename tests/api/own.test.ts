// own.test.ts - what needs an instance of its own: setup, test mode off, allowed origins, the demo firm, faults of what is behind.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { api } from '../lib/client.mjs';
import { call } from '../lib/recorder.mjs';
import { Sink } from '../lib/sink.mjs';
import { start, type Stack } from '../lib/stack.mjs';
import { wire } from '../lib/wire.mjs';
import { ok, refused } from '../lib/kit.js';

const ORIGIN = 'https://app.firm.test';

describe('an empty installation without test mode', () => {
  let stack: Stack;
  let sink: Sink;
  before(async () => {
    sink = await new Sink().start();
    stack = await start({
      smtp: sink.url,
      env: {
        PORTICO_DEMO: '0',
        PORTICO_TEST_MODE: '0',
        PORTICO_PUBLIC_URL: 'https://portal.firm.test',
        PORTICO_CORS_ORIGINS: `${ORIGIN} https://second.firm.test`,
      },
    });
  });
  after(async () => {
    await sink.close();
    await stack.stop();
  });

  const IN = {
    firm_name: 'North Partners',
    firm_slug: 'north',
    owner_name: 'Olive Owner',
    owner_email: 'olive@north.test',
    owner_password: 'seven wet herons wade',
    timezone: 'Europe/London',
    currency: 'GBP',
  };

  test('without a token of the operator the numbers are not there', async () => {
    for (const token of ['', 'watching-the-tests', 'undefined']) {
      const got = await call(`${stack.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(got.status, 404, token);
    }
  });

  test('the calls of test mode are not there', async () => {
    const nobody = api(stack.url);
    await refused(nobody.GET('/v1/test/outbox'), 404, 'not_found');
    await refused(nobody.PUT('/v1/test/clock', { body: { advance_seconds: 1 } }), 404, 'not_found');
    await refused(nobody.POST('/v1/test/reset'), 404, 'not_found');
  });

  test('setup: the token of the state directory makes the first firm and its owner, once', async () => {
    const nobody = api(stack.url);
    assert.deepEqual(await ok(nobody.GET('/v1/setup'), 200), { needed: true });
    const setup_token = fs.readFileSync(path.join(stack.state, 'setup-token'), 'utf8').trim();
    const setup = (over: object) => nobody.POST('/v1/setup', { body: { setup_token, ...IN, ...over } });
    await refused(setup({ setup_token: `${setup_token}x` }), 403, 'setup_token_invalid');
    await refused(setup({ owner_password: 'password1' }), 422, 'password_too_weak');
    const problem = await refused(
      setup({ timezone: 'Mars/Olympus', currency: 'euro', owner_email: 'nobody' }),
      422,
      'validation_failed',
    );
    assert.deepEqual(problem.errors.map((e) => e.pointer).sort(), ['/currency', '/owner_email', '/timezone']);
    const firm = await ok(setup({}), 201);
    assert.deepEqual(
      [firm.name, firm.slug, firm.timezone, firm.currency, firm.default_folder_name],
      ['North Partners', 'north', 'Europe/London', 'GBP', 'Client Uploads'],
    );
    assert.deepEqual(await ok(nobody.GET('/v1/setup'), 200), { needed: false });
    await refused(setup({ firm_slug: 'second' }), 409, 'already_set_up');
  });

  test('with one firm nobody needs to name it', async () => {
    const got = await ok(
      api(stack.url).POST('/v1/auth/login', {
        body: { audience: 'staff', email: IN.owner_email, password: IN.owner_password, transport: 'token' },
      }),
      200,
    );
    assert.equal(got.session?.principal.name, 'Olive Owner');
    assert.ok(got.session?.permissions.includes('documents:purge'));
  });

  test('a portal under TLS takes nothing from a page of its own name that came in the clear', async () => {
    const host = new URL(stack.url).host;
    const sent = async (origin: string) => {
      const headers = { 'content-type': 'application/json', origin };
      const body = JSON.stringify({ audience: 'staff', email: 'a@b.test', password: 'x', transport: 'cookie' });
      return JSON.parse((await wire(`${stack.url}/v1/auth/login`, { method: 'POST', headers, body })).body.toString()).code;
    };
    assert.equal(await sent(`http://${host}`), 'origin_not_allowed');
    assert.equal(await sent(`https://${host}`), 'invalid_credentials');
  });

  test('CORS: an allowed origin reads every answer, good or bad, with credentials and all our headers', async () => {
    const login = await call(`${stack.url}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: ORIGIN },
      body: JSON.stringify({
        audience: 'staff',
        email: IN.owner_email,
        password: IN.owner_password,
        transport: 'token',
      }),
    });
    const authorization = `Bearer ${JSON.parse(login.body.toString()).access_token}`;
    for (const [method, at, headers, status] of [
      ['GET', '/v1/clients', { authorization }, 200],
      ['GET', '/v1/clients?x=1', { authorization }, 400],
      ['GET', '/v1/clients', {}, 401],
      ['GET', '/v1/portal/home', { authorization }, 403],
      ['GET', '/v1/clients/x', { authorization }, 404],
      ['PUT', '/v1/clients', { authorization }, 405],
      ['POST', '/v1/clients', { authorization, 'content-type': 'text/plain' }, 415],
      ['GET', '/v1/nothing', {}, 404],
      ['GET', `/v1/clients?q=${'x'.repeat(20_000)}`, { authorization }, 414],
    ] as [string, string, Record<string, string>, number][]) {
      const got = await wire(stack.url + at, {
        method,
        headers: { ...headers, origin: ORIGIN },
        ...(method === 'POST' ? { body: 'x' } : {}),
      });
      const name = `${method} ${at.slice(0, 40)}`;
      assert.equal(got.status, status, name);
      if (status === 414) continue;
      assert.equal(got.headers.get('access-control-allow-origin'), ORIGIN, name);
      assert.equal(got.headers.get('access-control-allow-credentials'), 'true', name);
      const exposed = (got.headers.get('access-control-expose-headers') ?? '').toLowerCase();
      for (const header of [
        'etag',
        'link',
        'location',
        'retry-after',
        'x-request-id',
        'idempotency-replayed',
        'content-disposition',
        'content-range',
        'accept-ranges',
      ])
        assert.ok(exposed.includes(header), `${name}: ${header}`);
      const foreign = await wire(stack.url + at, {
        method,
        headers: { ...headers, origin: 'https://evil.test' },
        ...(method === 'POST' ? { body: 'x' } : {}),
      });
      assert.equal(foreign.headers.get('access-control-allow-origin'), null, name);
    }
    const preflight = await wire(`${stack.url}/v1/clients`, {
      method: 'OPTIONS',
      headers: {
        origin: ORIGIN,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,if-match,idempotency-key',
      },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), ORIGIN);
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /PATCH/);
    for (const header of ['authorization', 'if-match', 'idempotency-key', 'content-type', 'range'])
      assert.ok((preflight.headers.get('access-control-allow-headers') ?? '').toLowerCase().includes(header), header);
    assert.equal(preflight.headers.get('access-control-max-age'), '7200');
  });

  test('an allowed origin may write by cookie', async () => {
    const json = { 'content-type': 'application/json', origin: ORIGIN };
    const login = await call(`${stack.url}/v1/auth/login`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({
        audience: 'staff',
        email: IN.owner_email,
        password: IN.owner_password,
        transport: 'cookie',
      }),
    });
    const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const got = await call(`${stack.url}/v1/me`, {
      method: 'PATCH',
      headers: { ...json, cookie, 'sec-fetch-site': 'cross-site' },
      body: '{"phone":"1"}',
    });
    assert.equal(got.status, 200);
  });

  describe('the database away: 503 with the time to wait; ready says no, alive says yes; back again by itself', () => {
    let token = '';
    before(async () => {
      token =
        (
          await ok(
            api(stack.url).POST('/v1/auth/login', {
              body: { audience: 'staff', email: IN.owner_email, password: IN.owner_password, transport: 'token' },
            }),
            200,
          )
        ).access_token ?? '';
    });
    // From an address of its own each time: asking so often is refused otherwise.
    const fresh = () => api(stack.url, { token });

    /** Three calls while it is away: what they say, and after how many milliseconds. */
    async function ask(): Promise<number> {
      const began = Date.now();
      const got = await Promise.all([fresh().GET('/v1/clients'), fresh().GET('/readyz'), fresh().GET('/healthz')]);
      assert.deepEqual(
        got.map((g) => `${g.response.status} ${g.error?.code ?? ''}`),
        ['503 unavailable', '503 not_ready', '200 '],
      );
      for (const g of got.slice(0, 2)) assert.ok(Number(g.response.headers.get('retry-after')) > 0);
      return Date.now() - began;
    }

    async function back(): Promise<void> {
      for (const end = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
        const got = await Promise.all([fresh().GET('/readyz'), fresh().GET('/v1/clients')]);
        if (got.every((g) => g.response.status === 200)) return;
        assert.ok(Date.now() < end, 'not ready again in time');
      }
    }

    test('down', async () => {
      const supervisor = stack.process?.pid ?? 0;
      process.kill(supervisor, 'SIGSTOP');
      try {
        const pid = stack.pid('postgres');
        process.kill(pid, 'SIGINT');
        for (const end = Date.now() + 10_000; stack.family('postgres').length > 1 && Date.now() < end; )
          await new Promise((resolve) => setTimeout(resolve, 20));
        const took = await ask();
        assert.ok(took <= 3000, `${took} ms`);
      } finally {
        process.kill(supervisor, 'SIGCONT');
      }
      await back();
    });

    test('silent', async () => {
      const family = stack.family('postgres');
      for (const pid of family) process.kill(pid, 'SIGSTOP');
      try {
        const took = await ask();
        assert.ok(took <= 15_000, `${took} ms`);
      } finally {
        for (const pid of family) process.kill(pid, 'SIGCONT');
      }
      await back();
    });
  });
});

describe('the demo firm, and reset', () => {
  let stack: Stack;
  let sink: Sink;
  before(async () => {
    sink = await new Sink().start();
    stack = await start({ smtp: sink.url });
  });
  after(async () => {
    await sink.close();
    await stack.stop();
  });

  const login = (email: string, password: string) =>
    api(stack.url).POST('/v1/auth/login', {
      body: { firm: stack.demo?.slug ?? '', audience: 'staff', email, password, transport: 'token' },
    });

  test('owner, admin and member of the demo firm sign in, each with the rights of the role', async () => {
    assert.ok(stack.demo);
    const rights: Record<string, string[]> = {};
    for (const role of ['owner', 'admin', 'member'] as const)
      rights[role] =
        (await ok(login(stack.demo[role].email, stack.demo[role].password), 200)).session?.permissions ?? [];
    assert.ok(rights['owner']?.includes('documents:purge'));
    assert.deepEqual(
      rights['owner']?.filter((p) => !rights['admin']?.includes(p)),
      ['documents:purge'],
    );
    for (const p of ['clients:write', 'portal_access:write', 'documents:write', 'shares:write', 'staff:read'])
      assert.ok(rights['member']?.includes(p), p);
    for (const p of ['audit:read', 'settings:write', 'staff:write', 'api_keys:write'])
      assert.ok(!rights['member']?.includes(p), p);
  });

  test('the demo firm holds something to look at', async () => {
    assert.ok(stack.demo);
    const owner = await ok(login(stack.demo.owner.email, stack.demo.owner.password), 200);
    const staff = api(stack.url, { token: owner.access_token ?? '' });
    assert.ok((await ok(staff.GET('/v1/clients'), 200)).data.length > 0);
    assert.ok((await ok(staff.GET('/v1/folders'), 200)).data.length > 0);
  });

  test('reset empties; reset with the fixture gives the demo firm back, its key with the same secret', async () => {
    assert.ok(stack.demo);
    const nobody = api(stack.url);
    const program = api(stack.url, { token: stack.demo.api_key });
    const clients = (await ok(program.GET('/v1/clients'), 200)).data.map((c) => c.name);
    const before = (await ok(login(stack.demo.owner.email, stack.demo.owner.password), 200)).access_token ?? '';
    await refused(
      nobody.POST('/v1/test/reset', { params: { query: { fixture: 'other' as 'demo' } } }),
      422,
      'validation_failed',
    );
    await refused(
      nobody.POST('/v1/test/reset', { params: { query: { surprise: '1' } as never } }),
      400,
      'unknown_parameter',
    );
    await ok(nobody.POST('/v1/test/reset'), 204);
    await refused(api(stack.url, { token: before }).GET('/v1/me'), 401, 'unauthenticated');
    await refused(program.GET('/v1/clients'), 401, 'unauthenticated');
    assert.deepEqual(await ok(nobody.GET('/v1/setup'), 200), { needed: true });
    await ok(nobody.POST('/v1/test/reset', { params: { query: { fixture: 'demo' } } }), 204);
    const owner = await ok(login(stack.demo.owner.email, stack.demo.owner.password), 200);
    assert.ok((await ok(api(stack.url, { token: owner.access_token ?? '' }).GET('/v1/clients'), 200)).data.length > 0);
    assert.deepEqual((await ok(program.GET('/v1/clients'), 200)).data.map((c) => c.name), clients);
  });

  test('the key of the demo firm has every scope', async () => {
    assert.ok(stack.demo);
    const owner = await ok(login(stack.demo.owner.email, stack.demo.owner.password), 200);
    const keys = await ok(api(stack.url, { token: owner.access_token ?? '' }).GET('/v1/api_keys'), 200);
    assert.deepEqual(
      keys.data.map((k) => [k.name, k.created_by.name, k.scopes]),
      [['Demo program', 'Olivia Owner', (owner.session?.permissions ?? []).filter((p) => !['api_keys:write', 'staff:write'].includes(p))]],
    );
  });
});
