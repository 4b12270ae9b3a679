// ops.test.ts - health, the served contract, the calls of test mode, and CORS.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { contract } from '../lib/recorder.mjs';
import { wire } from '../lib/wire.mjs';
import {
  advance, eventually, newClient, newContact, newFirm, nobody, ok, raw, refused, enable, sink, stack, type Firm,
} from '../lib/kit.js';

let firm: Firm;
before(async () => {
  firm = await newFirm('ops');
});

const CHECKS = ['database', 'migrations', 'storage', 'disk', 'redis', 'mail_queue'];

test('the server lives and is ready, and says what it looked at', async () => {
  assert.deepEqual(await ok(nobody().GET('/healthz'), 200), { status: 'pass', checks: {} });
  const ready = await ok(nobody().GET('/readyz'), 200);
  assert.deepEqual(Object.keys(ready.checks), CHECKS);
  for (const name of CHECKS.filter((n) => n !== 'disk')) assert.equal(ready.checks[name], 'pass', name);
  assert.equal(ready.status, ready.checks['disk']);
});

/** While a program is stopped. */
async function without<T>(program: string, work: () => Promise<T>): Promise<T> {
  const family = stack.family(program);
  for (const pid of family) process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    for (const pid of family) process.kill(pid, 'SIGCONT');
  }
}

test('without Redis it is ready all the same, and warns', async () => {
  const ready = await without('redis', () => ok(nobody().GET('/readyz'), 200));
  assert.deepEqual([ready.status, ready.checks['redis'], ready.checks['database']], ['warn', 'warn', 'pass']);
  await eventually(async () => assert.equal((await ok(nobody().GET('/readyz'), 200)).checks['redis'], 'pass'));
});

test('a database without one of the migrations, and a store that cannot be written, are not ready', async () => {
  await stack.sql("update schema_migration set name = 'other' where version = 2");
  try {
    const problem = await refused(nobody().GET('/readyz'), 503, 'not_ready');
    assert.equal(problem.detail, 'Not there: migrations.');
  } finally {
    await stack.sql("update schema_migration set name = '0002_clients.sql' where version = 2");
  }
  const incoming = path.join(stack.state, 'store/incoming');
  fs.renameSync(incoming, `${incoming}.away`);
  try {
    const problem = await refused(nobody().GET('/readyz'), 503, 'not_ready');
    assert.equal(problem.detail, 'Not there: storage.');
  } finally {
    fs.renameSync(`${incoming}.away`, incoming);
  }
  await ok(nobody().GET('/readyz'), 200);
});

describe('the numbers of the server', () => {
  const TOKEN = stack.env['PORTICO_METRICS_TOKEN'] ?? 'watching-the-tests';
  const metrics = async () => {
    const got = await raw('/metrics', { headers: { authorization: `Bearer ${TOKEN}` } });
    assert.equal(got.status, 200);
    assert.equal(got.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    return got.body.toString();
  };
  const value = (text: string, name: string) =>
    Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? NaN);

  test('are there for the operator alone; for others nothing is', async () => {
    const unknown = await raw('/metrix');
    for (const headers of [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: `Bearer ${TOKEN}x` },
      { authorization: `Basic ${TOKEN}` },
      { authorization: `Bearer ${firm.owner.token}` },
    ] as Record<string, string>[]) {
      const got = await raw('/metrics', { headers });
      assert.equal(`${got.status} ${got.json.code}`, `404 ${unknown.json.code}`, JSON.stringify(headers));
    }
  });

  test('promtool takes them, and finds nothing to say', async () => {
    await newClient(firm.owner);
    const done = spawnSync('promtool', ['check', 'metrics'], { input: await metrics(), encoding: 'utf8' });
    assert.deepEqual([done.status, done.stdout, done.stderr], [0, '', '']);
  });

  test('count requests over all workers, by route, method and class of status', async () => {
    const name = 'portico_http_requests_total{method="GET",route="/v1/clients/{client_id}",status="4xx"}';
    const took = 'portico_http_request_duration_seconds_count{method="GET",route="/v1/clients/{client_id}"}';
    const before = await metrics();
    const calls = Array.from({ length: 40 }, () =>
      raw('/v1/clients/cli_01kjpz7w3mfa6tq2c9x4n8d5he', { as: firm.owner }),
    );
    for (const got of await Promise.all(calls)) assert.equal(got.status, 404);
    const after = await metrics();
    assert.equal(value(after, name) - (value(before, name) || 0), 40);
    assert.equal(value(after, took) - (value(before, took) || 0), 40);
    assert.equal(value(after, 'portico_build_info{version="0.1.0"}'), 1);
    assert.equal(value(after, 'portico_http_requests_in_flight'), 1);
    assert.ok(value(after, 'portico_workers') >= 1);
    assert.ok(value(after, 'portico_store_free_bytes') > 0 && value(after, 'portico_spool_free_bytes') > 0);
    await eventually(async () => {
      const now = await metrics();
      const states = ['busy', 'idle'].map((s) => value(now, `portico_db_connections{state="${s}"}`));
      assert.ok(states.every((n) => n >= 0) && (states[0] ?? 0) + (states[1] ?? 0) > 0, `${states}`);
    });
  });

  test('have nothing of a firm or a person in them, and each series once', async () => {
    const text = await metrics();
    assert.ok(!text.includes(firm.id) && !text.includes(firm.slug) && !text.includes('@'));
    for (const [, labels] of text.matchAll(/\{([^}]*(?:\{\w+\}[^}]*)*)\} /g))
      for (const [, label] of (labels ?? '').matchAll(/(\w+)="/g))
        assert.match(label ?? '', /^(method|route|status|le|state|version|limit|where)$/);
    const names = text
      .split('\n')
      .filter((line) => line && !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
    assert.equal(new Set(names).size, names.length);
  });

  test('tell of mail that waits: so does ready', async () => {
    const contact = await newContact(firm.owner, await newClient(firm.owner));
    await without('mailer', async () => {
      await ok(enable(firm.owner, contact), 200);
      await stack.sql("update envelope set due_at = due_at - interval '1 hour' where firm_id = $1 and state = 'queued'", [
        firm.id,
      ]);
      const text = await metrics();
      assert.ok(value(text, 'portico_envelopes{state="queued"}') >= 1, text);
      assert.ok(value(text, 'portico_envelope_overdue_seconds') >= 3600, text);
      const ready = await ok(nobody().GET('/readyz'), 200);
      assert.deepEqual([ready.status, ready.checks['mail_queue']], ['warn', 'warn']);
    });
    await eventually(async () =>
      assert.equal((await ok(nobody().GET('/readyz'), 200)).checks['mail_queue'], 'pass'),
    );
  });
});

test('what the installation says of itself', async () => {
  const got = await ok(nobody().GET('/v1/meta'), 200);
  assert.deepEqual([got.product, got.api_version, got.test_mode], ['Portico', 'v1', true]);
  assert.match(got.version, /^\d+\.\d+\.\d+$/);
  assert.equal(got.docs_url, `${stack.env['PORTICO_PUBLIC_URL']}/docs`);
  assert.equal((await wire(got.docs_url)).status, 200);
  assert.ok(got.max_upload_bytes >= 1 << 20 && got.max_single_request_bytes === got.max_upload_bytes);
});

test('rule 6 every problem code has its page, which its type leads to', async () => {
  const known: string[] = contract.document.components.schemas.KnownProblemCode.enum;
  for (const code of known) {
    const got = await raw(`/problems/${code}`);
    const html = got.body.toString();
    assert.equal(got.status, 200, `${code} has a page: a line of api/problem_pages.def`);
    assert.equal(got.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.match(got.headers.get('content-security-policy') ?? '', /^default-src 'none'; style-src 'self'; /);
    assert.ok(html.includes(`code <code>${code}</code>`), code);
    assert.match(html, /<title>[^<>]{5,}<\/title>[\s\S]*<h1>[^<>]+<\/h1>\n<p>Status \d{3}, /, code);
    assert.match(html, /<h2>What it means<\/h2>\n<p>[^<>]{20,}<\/p>\n<h2>What to do<\/h2>\n<p>[^<>]{7,}<\/p>/, code);
    for (const [, at] of html.matchAll(/(?:href|src)="([^"]+)"/g))
      if (code === known[0]) assert.equal((await wire(stack.url + at)).status, 200, at);
  }
  for (const code of ['no_such_code', 'none', 'NOT_FOUND', 'x%2fy', '..%2f', '<b>'])
    assert.equal((await raw(`/problems/${encodeURI(code)}`)).status, 404, code);
  const problem = await refused(nobody().GET('/v1/me'), 401, 'unauthenticated');
  assert.equal((await wire(problem.type)).status, 200);
  const byEdge = await raw('/nothing-here');
  assert.equal((await wire(byEdge.json.type)).status, 200);
});

test('openapi.json is the shipped description', async () => {
  const got = await raw('/openapi.json');
  assert.equal(got.status, 200);
  assert.deepEqual(got.json, JSON.parse(JSON.stringify(contract.document)));
});

test('setup is over where there is a firm', async () => {
  assert.deepEqual(await ok(nobody().GET('/v1/setup'), 200), { needed: false });
  await refused(
    nobody().POST('/v1/setup', {
      body: {
        setup_token: 'x',
        firm_name: 'X',
        owner_name: 'X',
        owner_email: 'x@mail.test',
        owner_password: 'seven wet herons wade',
        timezone: 'UTC',
        currency: 'EUR',
      },
    }),
    409,
    'already_set_up',
  );
});

test('the outbox has what the mail server got, links taken out', async () => {
  const contact = await newContact(firm.owner, await newClient(firm.owner));
  await ok(enable(firm.owner, contact), 200);
  const [mail] = await sink.mails(contact.primary_email ?? '');
  const to = (contact.primary_email ?? '').toUpperCase();
  const out = await eventually(async () => {
    // the mailer writes down what it has sent a moment after the mail server got it
    const seen = await ok(nobody().GET('/v1/test/outbox', { params: { query: { to } } }), 200);
    assert.deepEqual(
      seen.data.map((m) => [m.to, m.subject]),
      [[[contact.primary_email], mail?.subject]],
    );
    return seen;
  });
  assert.deepEqual(
    out.data[0]?.links.filter((l) => l.includes('/accept#')),
    mail?.links.filter((l) => l.includes('/accept#')),
  );
  assert.equal(out.data[0]?.body_text.replaceAll('\r\n', '\n').trim(), mail?.text.trim());
});

test('the clock goes forward for all, and never back', async () => {
  const one = await ok(nobody().PUT('/v1/test/clock', { body: { advance_seconds: 0 } }), 200);
  assert.ok(Date.parse(await advance(60)) - Date.parse(one.now) >= 60_000);
  const later = new Date(Date.parse(one.now) + 120_000).toISOString();
  assert.ok((await ok(nobody().PUT('/v1/test/clock', { body: { now: later } }), 200)).now >= later);
  await refused(nobody().PUT('/v1/test/clock', { body: { now: one.now } }), 422, 'clock_backwards');
  await refused(nobody().PUT('/v1/test/clock', { body: { advance_seconds: -1 } }), 422, 'clock_backwards');
  assert.ok((await ok(nobody().PUT('/v1/test/clock', { body: {} }), 200)).now >= later);
  const made = await newClient(firm.owner);
  assert.ok(made.created_at >= later);
});

test('CORS: a foreign origin gets no leave; a preflight is answered on every path without credentials', async () => {
  for (const path of [
    '/v1/clients',
    '/v1/auth/login',
    '/v1/nothing',
    `/v1/documents/doc_01kjpz7w3mfa6tq2c9x4n8d5he/content`,
  ]) {
    const preflight = await wire(stack.url + path, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.test', 'access-control-request-method': 'POST' },
    });
    assert.equal(preflight.status, 204, path);
    assert.equal(preflight.headers.get('access-control-allow-origin'), null);
    const got = await raw(path, { headers: { origin: 'https://evil.test' } });
    assert.equal(got.headers.get('access-control-allow-origin'), null);
    assert.match(got.headers.get('vary') ?? '', /origin/i, path);
  }
});

test('no answer names the software behind', async () => {
  const got = await raw('/v1/me', { as: firm.owner });
  assert.doesNotMatch(JSON.stringify([...got.headers]), /kore|postgres|libpq|nginx\/\d/i);
});
