// secrets.test.ts - reading changes nothing, and nothing that opens a door is kept or logged in clear.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { contract } from '../lib/recorder.mjs';
import { checksums, quiet } from '../lib/state.js';
import { callerOf, fit, idsOf, make, newWorld, WAYS, type World } from '../lib/world.js';
import { enable, key, newContact, nobody, ok, raw, settled, sink, stack, tokenOf, PASSWORD } from '../lib/kit.js';

let world: World;
let other: World;
before(async () => {
  world = await newWorld('secret');
  other = await newWorld('neighbour');
});

test('rule 11: GET and HEAD change nothing, nor does looking at an invitation', async () => {
  const contact = await newContact(world.firm.owner, world.client);
  await ok(enable(world.firm.owner, contact), 200);
  const [mail] = await sink.mails(contact.primary_email ?? '');
  const notice = (await WAYS['getUnsubscription']?.(world)) ?? {};
  for (const w of [world, other])
    for (const user of [w.user.email, w.invited.primary_email ?? '', contact.primary_email ?? ''])
      await settled(w.firm, user, 0);
  const was = await quiet();
  for (let turn = 0; turn < 2; turn++)
    for (const op of contract.operations
      .filter((o) => ['GET', 'HEAD'].includes(o.method))
      .sort(() => Math.random() - 0.5)) {
      const got = await make(
        op,
        fit(op, { ...idsOf(world), ...notice, ...(op.path.startsWith('/v1/portal') ? { document_id: world.own.id } : {}) }),
        callerOf(op, world),
      );
      assert.ok(got.status < 300, `${op.id} ${got.status}`);
    }
  for (let i = 0; i < 10; i++)
    await ok(nobody().POST('/v1/invitations/preview', { body: { token: tokenOf(mail) } }), 200);
  assert.deepEqual(await checksums(), was);
});

test('no password, no token and no name is in the logs; no password and no token in the database', async () => {
  const [mail] = await sink.now(world.invited.primary_email ?? '');
  const login = await raw('/v1/auth/login', {
    method: 'POST',
    json: {
      firm: world.firm.slug,
      audience: 'staff',
      email: world.firm.owner.email,
      password: PASSWORD,
      transport: 'cookie',
    },
  });
  const cookie = /=(cps_[\w-]+)/.exec(login.headers.get('set-cookie') ?? '')?.[1] ?? '';
  const sealed = await raw(`/v1/api_keys/${world.key.made.id}/rotate`, {
    method: 'POST',
    as: world.firm.owner,
    headers: { 'idempotency-key': key() },
  });
  assert.equal(sealed.status, 201);
  const secrets = {
    password: PASSWORD,
    token: world.user.token,
    owner: world.firm.owner.token,
    cookie,
    key: world.key.token,
    sealed: sealed.json.secret,
    invitation: tokenOf(mail),
  };
  const logs = path.join(stack.state, 'logs');
  for (const file of fs.readdirSync(logs)) {
    const text = fs.readFileSync(path.join(logs, file), 'utf8');
    for (const [name, secret] of Object.entries({ ...secrets, name: world.canary }))
      assert.ok(!text.includes(secret), `${name} in ${file}`);
  }
  // In test mode the mails that were sent are kept, on purpose, in a table of their own.
  const dump = execFileSync(
    'pg_dump',
    ['--dbname', stack.env['PORTICO_OWNER_DATABASE'] ?? '', '--data-only', '--exclude-table-data=test_mail'],
    { encoding: 'utf8', maxBuffer: 1 << 30 },
  );
  assert.ok(dump.includes(world.canary), 'the dump holds what it should');
  for (const [name, secret] of Object.entries(secrets)) {
    assert.ok(!dump.includes(secret), `${name} in the database`);
    assert.ok(!dump.includes(Buffer.from(secret).toString('hex')), `${name} in the database, as bytes`);
  }
});

test('no mail of one firm holds a word of another', async () => {
  for (const mail of await sink.now()) {
    const text = `${mail.subject} ${mail.text} ${mail.html}`;
    assert.ok(!(text.includes(world.canary) && text.includes(other.canary)));
    if (mail.to.includes(world.canary.toLowerCase())) assert.ok(!text.includes(other.firm.name), mail.subject);
  }
});
