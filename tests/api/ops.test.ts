// ops.test.ts - health, the served contract, the calls of test mode, and CORS.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract } from '../lib/recorder.mjs';
import { wire } from '../lib/wire.mjs';
import {
  advance,
  eventually,
  newClient,
  newContact,
  newFirm,
  nobody,
  ok,
  raw,
  refused,
  enable,
  sink,
  stack,
  type Firm,
} from '../lib/kit.js';

let firm: Firm;
before(async () => {
  firm = await newFirm('ops');
});

test('the server lives and is ready, and says what it looked at', async () => {
  assert.equal((await ok(nobody().GET('/healthz'), 200)).status, 'pass');
  const ready = await ok(nobody().GET('/readyz'), 200);
  assert.ok(['pass', 'warn'].includes(ready.status));
  assert.ok(Object.keys(ready.checks).length >= 2, JSON.stringify(ready.checks));
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
