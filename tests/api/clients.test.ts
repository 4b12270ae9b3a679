// clients.test.ts - the outside world's clients: a journey through Prism, which holds every request and answer against openapi.yaml.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import createClient from 'openapi-fetch';
import type { paths } from 'openapi-types';
import { root } from '../lib/root.mjs';
import { newFirm, ok, refused, stack, unique, type Firm } from '../lib/kit.js';

let prism: ChildProcess;
let proxy = '';
let firm: Firm;

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Prism tells when it listens. */
function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const hear = (part: Buffer) => {
      text += part.toString();
      if (/is listening on/.test(text)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('exit', (code) => reject(new Error(`prism ended with ${code}\n${text}`)));
  });
}

before(async () => {
  firm = await newFirm('prism');
  const port = await freePort();
  const cli = fs.realpathSync(path.join(root, 'tests/node_modules/.bin/prism'));
  prism = spawn(
    process.execPath,
    [cli, 'proxy', path.join(root, 'openapi.yaml'), stack.url, '--errors', '--host', '127.0.0.1', '--port', String(port)],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_TEST_CONTEXT: '' } },
  );
  await listening(prism);
  proxy = `http://127.0.0.1:${port}`;
});

after(async () => {
  const ended = prism.exitCode === null ? once(prism, 'exit') : null;
  prism.kill();
  await ended;
});

test('rule 2: Prism finds no fault with a journey, and would have told', { timeout: 120_000 }, async () => {
  const stranger = createClient<paths>({ baseUrl: proxy });
  const signed = await ok(
    stranger.POST('/v1/auth/login', {
      body: { firm: firm.slug, audience: 'staff', email: firm.owner.email, password: firm.owner.password, transport: 'token' },
    }),
    200,
  );
  const api = createClient<paths>({ baseUrl: proxy, headers: { authorization: `Bearer ${signed.access_token}` } });
  await ok(api.GET('/v1/me'), 200);
  const client = await ok(api.POST('/v1/clients', { body: { entity: 'business', name: unique('Acme') } }), 201);
  const contact = await ok(api.POST('/v1/contacts', { body: { entity: 'individual', display_name: 'Ann' } }), 201);
  const both = { client_id: client.id, contact_id: contact.id };
  await ok(api.PUT('/v1/clients/{client_id}/contacts/{contact_id}', { params: { path: both }, body: { is_primary: true } }), 204);
  await ok(
    api.PUT('/v1/contacts/{contact_id}/portal_access', {
      params: { path: { contact_id: contact.id } },
      body: { send: 'later', primary_email: `${unique('ann')}@mail.test` },
    }),
    200,
  );
  await ok(api.GET('/v1/clients', { params: { query: { limit: 1 } } }), 200);
  const params = { path: { client_id: client.id } };
  const changed = await ok(api.PATCH('/v1/clients/{client_id}', { params, body: { phone: null } }), 200);
  assert.equal(changed.phone, null);
  await ok(api.POST('/v1/folders', { body: { client_id: client.id, name: 'Accounts' } }), 201);
  const named = { entity: 'business' as const, name: 'Twin', external_ref: { source: 'erp', id: unique('1') } };
  await ok(api.POST('/v1/clients', { body: named }), 201);
  await refused(api.POST('/v1/clients', { body: named }), 409, 'external_ref_exists');
  const nowhere = { path: { client_id: 'cli_01kjpz7w3mfa6tq2c9x4n8d5he' } };
  await refused(api.GET('/v1/clients/{client_id}', { params: nowhere }), 404, 'not_found');
  const told = await fetch(`${proxy}/v1/clients`, {
    method: 'POST',
    headers: { authorization: `Bearer ${signed.access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ entity: 'business', nmae: 'Acme' }),
  });
  assert.match(JSON.stringify([...told.headers, await told.text()]), /sl-violations|VIOLATIONS|UNPROCESSABLE_ENTITY/);
});
