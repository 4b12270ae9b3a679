// ops.test.ts - health, the served contract, the calls of test mode, and CORS.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract } from '../lib/recorder.mjs';
import { wire } from '../lib/wire.mjs';
import {
  advance,
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
  const out = await ok(
    nobody().GET('/v1/test/outbox', { params: { query: { to: (contact.primary_email ?? '').toUpperCase() } } }),
    200,
  );
  assert.deepEqual(
    out.data.map((m) => [m.to, m.subject]),
    [[[contact.primary_email], mail?.subject]],
  );
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
