// api_key.test.ts - keys of programs: made, used, narrowed, rotated, ended; and that what they do is theirs.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ownAddress } from '../lib/wire.mjs';
import {
  advance, all, key as idempotencyKey, newClient, newColleague, newFirm, newFolder, newKey, newPortalUser, ok, raw, refused,
  scopesOf, settled, share, signIn, sink, stack, took, upload, withKey, type Caller, type Firm, type Key, type Person,
  type Schema,
} from '../lib/kit.js';

let firm: Firm;
let owner: Person;
before(async () => {
  firm = await newFirm('keys');
  owner = firm.owner;
});

const again = async () => {
  owner = firm.owner = await signIn(firm.slug, 'staff', owner.email);
};
const at = (made: { id: string }) => ({ params: { path: { api_key_id: made.id } } });
const create = (body: object, as: Person = owner) =>
  as.api.POST('/v1/api_keys', { body: { name: 'Ledger', scopes: ['clients:read'], ...body } });
const patch = (made: { id: string }, body: Schema['ApiKeyPatch'], as: Person = owner) =>
  as.api.PATCH('/v1/api_keys/{api_key_id}', { ...at(made), body });
const revoke = (made: { id: string }, as: Person = owner) => as.api.DELETE('/v1/api_keys/{api_key_id}', at(made));
const rotate = (made: { id: string }, overlap_hours?: number, as: Person = owner) =>
  as.api.POST('/v1/api_keys/{api_key_id}/rotate', {
    params: { path: { api_key_id: made.id }, query: overlap_hours === undefined ? {} : { overlap_hours } },
  });
const listed = async (id: string, as: Person = owner): Promise<Schema['ApiKey'] | undefined> =>
  (
    await all((cursor) =>
      ok(as.api.GET('/v1/api_keys', { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } } }), 200),
    )
  ).find((k) => k.id === id);
const says = async (as: Caller | string, from?: string) => {
  const token = typeof as === 'string' ? as : as.token;
  const got = await raw('/v1/clients', {
    headers: { authorization: `Bearer ${token}` },
    from: from ?? (typeof as === 'string' ? ownAddress() : as.from),
  });
  return got.status === 200 ? '200' : `${got.status} ${got.json.code}`;
};

/** A secret of the right form: the bytes given, and their checksum. */
const secretOf = (random: Buffer, firmId: Buffer, id: Buffer) => {
  const bytes = Buffer.concat([random, firmId, id]);
  const check = createHash('sha256').update(bytes).digest().subarray(0, 4);
  return `cpk_${Buffer.concat([bytes, check]).toString('base64url')}`;
};

describe('making one', () => {
  test('the secret is shown once; the list has all but it, and when it was used', async () => {
    const made = await took(create({ name: 'Ledger sync', allowed_cidrs: ['127.0.0.0/8', '2001:DB8:0::/32', '192.0.2.7'] }), 201);
    const { api_key, secret } = made.data;
    assert.match(secret, /^cpk_[\w-]{91}$/);
    assert.ok(secret.startsWith(api_key.prefix) && api_key.prefix.length === 12);
    assert.deepEqual(
      [api_key.name, api_key.scopes, api_key.allowed_cidrs, api_key.expires_at, api_key.last_used_at, api_key.revoked_at],
      ['Ledger sync', ['clients:read'], ['127.0.0.0/8', '2001:db8::/32', '192.0.2.7/32'], null, null, null],
    );
    assert.deepEqual(api_key.created_by, { type: 'staff', id: owner.session.principal.id, name: 'Olive Owner' });
    assert.match(made.etag, /^"\d+"$/);
    const list = await raw('/v1/api_keys?limit=100', { as: owner });
    assert.ok(!list.body.toString().includes(secret.slice(12)));
    assert.deepEqual(await listed(api_key.id), api_key);

    const key = withKey(made.data);
    const when = async () => Date.parse((await listed(api_key.id))?.last_used_at ?? '');
    assert.equal(await says(key), '200');
    const first = await when();
    assert.ok(first > 0);
    await advance(30);
    await says(key);
    assert.equal(await when(), first, 'written at most once a minute');
    await advance(31);
    await says(key);
    assert.ok((await when()) >= first + 60_000);
    const writer = await newKey(owner, ['clients:write']);
    await newClient(writer);
    assert.ok((await listed(writer.made.id))?.last_used_at, 'by what changes something, too');
    assert.equal((await took(patch(api_key, { name: 'Ledger' }), 200)).etag, '"2"', 'use is no new version');
  });

  test('every permission of an owner but two is a scope, each once and in order', async () => {
    const scopes = scopesOf(owner);
    const key = await newKey(owner, [...scopes].reverse().concat(scopes.slice(0, 2)));
    assert.deepEqual(key.made.scopes, scopes);
    assert.equal(owner.session.permissions.length - scopes.length, 2);
  });

  test('422: unknown scopes, and those that no key may have, one by one', async () => {
    await refused(create({ scopes: ['clients:read', 'clients:fly', 'api_keys:write', 'staff:write', 'any'] }), 422, 'unknown_scope', [
      '/scopes/1 not_allowed',
      '/scopes/2 not_allowed',
      '/scopes/3 not_allowed',
      '/scopes/4 not_allowed',
    ]);
    const made = await newKey(owner, ['clients:read']);
    await refused(patch(made.made, { scopes: ['staff:write'] }), 422, 'unknown_scope', ['/scopes/0 not_allowed']);
  });

  test('422: every fault at once', async () => {
    const past = new Date(Date.now() - 86_400_000).toISOString();
    await refused(
      create({
        name: '',
        scopes: ['clients:fly'],
        allowed_cidrs: ['10.0.0.0/8', '10.0.0.1/8', 'localhost', '1.2.3', '::1/129', '1.2.3.4/08', '1.2.3.4/', '::ffff:1.2.3.4/96', 'fe80::1%eth0'],
        expires_at: past,
      }),
      422,
      'validation_failed',
      [
        '/name too_short',
        '/scopes/0 not_allowed',
        ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `/allowed_cidrs/${n} invalid_cidr`),
        '/expires_at out_of_range',
      ],
    );
    await refused(create({ scopes: [] }), 422, 'validation_failed', ['/scopes too_short']);
  });

  test('403: nobody gives what they do not have; what a key had already it may keep', async () => {
    const admin = await newColleague(firm, 'admin');
    const own = { scopes: ['documents:read', 'documents:purge'] };
    await refused(create(own, admin), 403, 'cannot_grant_more_than_own');
    const made = (await ok(create(own), 201)).api_key;
    await ok(patch(made, { scopes: ['documents:purge', 'clients:read'] }, admin), 200);
    await refused(rotate(made, 0, admin), 403, 'cannot_grant_more_than_own');
    await ok(patch(made, { scopes: ['clients:read'] }, admin), 200);
    await refused(patch(made, { scopes: ['documents:purge'] }, admin), 403, 'cannot_grant_more_than_own');
    const member = await newColleague(firm, 'member');
    await refused(create({}, member), 403, 'permission_denied');
  });

  test('403: making and rotating need a sign-in of the last 15 minutes', async () => {
    await again();
    const { made } = await newKey(owner, ['clients:read']);
    await advance(14 * 60);
    await ok(rotate(made), 201);
    await advance(2 * 60);
    await refused(create({}), 403, 'recent_sign_in_required');
    await refused(create({ scopes: ['nothing'] }), 403, 'recent_sign_in_required');
    await refused(rotate(made), 403, 'recent_sign_in_required');
    await ok(patch(made, { name: 'Later' }), 200);
    await again();
    await ok(rotate(made), 201);
  });
});

describe('401: a key that is none, or no more', () => {
  const trips = (id: string | null) => {
    const log = fs.readFileSync(path.join(stack.state, 'logs', 'api.log'), 'utf8');
    const line = log.split('\n').find((l) => l.includes(id ?? '?') && l.includes('db_trips'));
    return JSON.parse((line ?? '{}').replace(/^[^{]*/, '')).db_trips;
  };

  test('a slip of the hand is seen without the database', async () => {
    const { token } = await newKey(owner);
    const swapped = `${token.slice(0, 20)}${token[20] === 'A' ? 'B' : 'A'}${token.slice(21)}`;
    for (const slip of [swapped, token.slice(0, -1), `${token}A`, token.slice(4), `cpk_${token}`, 'cpk_', `cps_${token.slice(4)}`]) {
      const got = await raw('/v1/clients', { headers: { authorization: `Bearer ${slip}` } });
      assert.equal(`${got.status} ${got.json.code}`, '401 unauthenticated', slip);
      assert.equal(trips(got.headers.get('x-request-id')), 0, slip);
    }
  });

  test('the right form with another secret, firm or id; zeros; a session of the firm', async () => {
    const { token } = await newKey(owner);
    const bytes = Buffer.from(token.slice(4), 'base64url');
    const [random, firmId, id] = [bytes.subarray(0, 32), bytes.subarray(32, 48), bytes.subarray(48, 64)];
    assert.equal(secretOf(random, firmId, id), token);
    const other = Buffer.from((await newKey((await newFirm()).owner)).token.slice(4), 'base64url');
    const session = Buffer.from(owner.token.slice(4), 'base64url');
    for (const forged of [
      secretOf(randomBytes(32), firmId, id),
      secretOf(random, other.subarray(32, 48), id),
      secretOf(random, firmId, other.subarray(48, 64)),
      secretOf(random, other.subarray(32, 48), other.subarray(48, 64)),
      secretOf(random, firmId, session.subarray(16, 32)),
      secretOf(random, firmId, Buffer.alloc(16)),
      secretOf(random, Buffer.alloc(16), id),
      secretOf(random, randomBytes(16), randomBytes(16)),
    ])
      assert.equal(await says(forged), '401 unauthenticated');
    assert.equal(await says(token), '200');
  });

  test('a key is no cookie, and beside one it is 400', async () => {
    const { token } = await newKey(owner);
    const cookie = { cookie: `__Host-session=${token}` };
    assert.equal((await raw('/v1/clients', { headers: cookie })).json.code, 'unauthenticated');
    const both = await raw('/v1/clients', { headers: { ...cookie, authorization: `Bearer ${token}` } });
    assert.equal(`${both.status} ${both.json.code}`, '400 malformed_request');
  });

  test('from another address than its blocks allow', async () => {
    const home = ownAddress();
    const key = await newKey(owner, ['clients:read'], { allowed_cidrs: ['2001:db8::/32', `${home}/32`] });
    assert.equal(await says(key, home), '200');
    assert.equal(await says(key, ownAddress()), '401 unauthenticated');
    await ok(patch(key.made, { allowed_cidrs: ['127.0.0.0/8'] }), 200);
    assert.equal(await says(key, ownAddress()), '200');
    await ok(patch(key.made, { allowed_cidrs: ['198.51.100.0/24'] }), 200);
    assert.equal(await says(key, home), '401 unauthenticated');
    await ok(patch(key.made, { allowed_cidrs: [] }), 200);
    assert.equal(await says(key, home), '200');
  });

  test('after its end; a new end revives it', async () => {
    await again();
    const now = Date.parse(await advance(0));
    const key = await newKey(owner, ['clients:read'], { expires_at: new Date(now + 3600_000).toISOString() });
    await advance(3500);
    assert.equal(await says(key), '200');
    await advance(101);
    assert.equal(await says(key), '401 unauthenticated');
    await again();
    const made = await ok(patch(key.made, { name: 'Over' }), 200);
    assert.equal(made.expires_at, key.made.expires_at, 'an end that has passed may stay');
    await refused(patch(key.made, { expires_at: new Date(now).toISOString() }), 422, 'validation_failed', ['/expires_at out_of_range']);
    await ok(patch(key.made, { expires_at: null }), 200);
    assert.equal(await says(key), '200');
  });

  test('P8 revoked: from the next request on, and for good', async () => {
    const key = await newKey(owner, ['clients:read']);
    assert.equal(await says(key), '200');
    await ok(revoke(key.made), 204);
    assert.equal(await says(key), '401 unauthenticated');
    assert.ok((await listed(key.made.id))?.revoked_at);
    await refused(revoke(key.made), 404, 'not_found');
    await refused(patch(key.made, { name: 'X' }), 404, 'not_found');
    await refused(rotate(key.made), 404, 'not_found');
  });

  test('P8 when whoever made it leaves, whichever way', async () => {
    await again();
    const ways: [string, (admin: Person) => Promise<unknown>][] = [
      [
        'let go',
        (admin) =>
          ok(owner.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id: admin.session.principal.id } } }), 204),
      ],
      [
        'deleted',
        (admin) => stack.sql('delete from membership where login_email = $1 and firm_id = $2', [admin.email, firm.id]),
      ],
    ];
    for (const [how, leave] of ways) {
      const admin = await newColleague(firm, 'admin');
      const key = await newKey(admin, ['clients:read']);
      const stays = await newKey(owner, ['clients:read']);
      assert.equal(await says(key), '200');
      await leave(admin);
      assert.equal(await says(key), '401 unauthenticated', how);
      assert.equal(await says(stays), '200');
      const gone = await listed(key.made.id);
      assert.ok(gone?.revoked_at);
      assert.equal(gone.created_by.name, 'Cora Colleague');
    }
  });

  test('P19 one that is good no more is on record once an hour, by its own secret alone', async () => {
    await again();
    const now = Date.parse(await advance(0));
    const keys = {
      revoked: await newKey(owner, ['clients:read']),
      over: await newKey(owner, ['clients:read'], { expires_at: new Date(now + 1000).toISOString() }),
      elsewhere: await newKey(owner, ['clients:read'], { allowed_cidrs: ['198.51.100.0/24'] }),
    };
    await ok(revoke(keys.revoked.made), 204);
    await advance(2);
    const told = async (key: Key) =>
      (
        await ok(owner.api.GET('/v1/audit_log', { params: { query: { object_id: key.made.id, action: 'auth.api_key' } } }), 200)
      ).data.map((e) => [e.outcome, e.actor.type, e.actor.id, e.object_type, e.ip]);
    for (const [how, key] of Object.entries(keys)) {
      const bytes = Buffer.from(key.token.slice(4), 'base64url');
      assert.equal(await says(secretOf(randomBytes(32), bytes.subarray(32, 48), bytes.subarray(48, 64))), '401 unauthenticated');
      assert.deepEqual(await told(key), [], how);
      for (let i = 0; i < 3; i++) assert.equal(await says(key), '401 unauthenticated');
      assert.deepEqual(await told(key), [['denied', 'api_key', key.made.id, 'api_key', key.from]], how);
    }
    await advance(3601);
    await again();
    assert.equal(await says(keys.revoked), '401 unauthenticated');
    assert.equal((await told(keys.revoked)).length, 2);
  });
});

describe('changing one', () => {
  test('P8 scopes hold from the next request on', async () => {
    const key = await newKey(owner, ['clients:read', 'clients:write']);
    await newClient(key);
    await ok(patch(key.made, { scopes: ['clients:read'] }), 200);
    const denied = await refused(key.api.POST('/v1/clients', { body: { entity: 'business', name: 'X' } }), 403, 'insufficient_scope');
    assert.deepEqual(denied.required_scopes, ['clients:write']);
    assert.equal(denied.detail, 'The API key does not have the scope clients:write.');
    assert.equal(await says(key), '200');
  });

  test('of two who change the same, the second is told', async () => {
    const made = await took(create({}), 201);
    const headers = { 'If-Match': made.etag };
    const path = { api_key_id: made.data.api_key.id };
    const first = await took(owner.api.PATCH('/v1/api_keys/{api_key_id}', { params: { path, header: headers }, body: { name: 'One' } }), 200);
    await refused(
      owner.api.PATCH('/v1/api_keys/{api_key_id}', { params: { path, header: headers }, body: { name: 'Two' } }),
      412,
      'version_changed',
    );
    await refused(owner.api.DELETE('/v1/api_keys/{api_key_id}', { params: { path, header: headers } }), 412, 'version_changed');
    await ok(owner.api.DELETE('/v1/api_keys/{api_key_id}', { params: { path, header: { 'If-Match': first.etag } } }), 204);
  });

  test('rotated: both secrets are good for a day, or as long as was said; never three', async () => {
    await again();
    const key = await newKey(owner, ['clients:read']);
    const second = withKey(await ok(rotate(key.made), 201));
    assert.equal(second.made.id, key.made.id);
    assert.notEqual(second.made.prefix, key.made.prefix);
    assert.deepEqual([await says(key), await says(second)], ['200', '200']);
    const third = withKey(await ok(rotate(key.made, 1), 201));
    assert.deepEqual([await says(key), await says(second), await says(third)], ['401 unauthenticated', '200', '200']);
    await advance(3601);
    assert.deepEqual([await says(second), await says(third)], ['401 unauthenticated', '200']);
    await again();
    const fourth = withKey(await ok(rotate(key.made, 0), 201));
    assert.equal(fourth.made.previous_expires_at, null);
    assert.deepEqual([await says(third), await says(fourth)], ['401 unauthenticated', '200']);
    const fifth = withKey(await ok(rotate(key.made), 201));
    await ok(revoke(key.made), 204);
    assert.deepEqual([await says(fourth), await says(fifth)], ['401 unauthenticated', '401 unauthenticated']);
    for (const hours of ['169', '-1', 'x', '1.5', '']) {
      const got = await raw(`/v1/api_keys/${second.made.id}/rotate?overlap_hours=${hours}`, { method: 'POST', as: owner });
      assert.equal(`${got.status} ${got.json.errors[0].pointer}`, '422 ?overlap_hours', hours);
    }
  });
});

describe('what a key does is its own', () => {
  let client: Schema['Client'];
  let key: Key;
  const ref = () => ({ type: 'api_key', id: key.made.id, name: key.made.name });
  before(async () => {
    await again();
    client = await newClient(owner);
    key = await newKey(owner);
  });

  test('it uploads through the edge, and is the uploader; a key without the right is refused before it sends a byte', async () => {
    const folder = await newFolder(key, client);
    const bytes = randomBytes(300_000);
    const document = await ok(upload(key, folder, 'ledger.bin', bytes), 201);
    assert.deepEqual(document.uploaded_by, ref());
    const back = await raw(`/v1/documents/${document.id}/content`, { as: key });
    assert.ok(back.body.equals(bytes));
    const weak = await newKey(owner, ['documents:read']);
    const denied = await refused(upload(weak, folder, 'more.bin', bytes), 403, 'insufficient_scope');
    assert.deepEqual(denied.required_scopes, ['documents:write']);
    const send = () =>
      raw(`/v1/documents?folder_id=${folder.id}&name=once.bin`, {
        method: 'POST',
        as: key,
        body: bytes,
        headers: { 'idempotency-key': 'once-and-for-all', 'content-type': 'application/octet-stream' },
      });
    const [first, second] = [await send(), await send()];
    assert.deepEqual([first.status, second.status, second.headers.get('idempotency-replayed')], [201, 201, 'true']);
    assert.equal(second.body.toString(), first.body.toString());
  });

  test('it shares, and is who shared; those who see the folder hear of its uploads', async () => {
    const user = await newPortalUser(firm, client);
    const folder = await newFolder(key, client);
    const mark = await sink.mark();
    const [made] = (await ok(share(key, 'folder', folder, [user.contact]), 201)).data;
    assert.deepEqual(made?.created_by, ref());
    await ok(upload(key, folder, 'for-you.txt'), 201);
    await advance(400);
    const mails = await settled(firm, user.email, mark);
    assert.equal(mails.length, 2, mails.map((m) => m.subject).join());
    await again();
    const off = await ok(
      owner.api.DELETE('/v1/contacts/{contact_id}/portal_access', { params: { path: { contact_id: user.contact.id } } }),
      200,
    );
    assert.deepEqual(off.data.find((s) => s.id === made?.id)?.created_by, ref());
  });

  test('events and the audit log name it, also by the name it has since', async () => {
    await ok(patch(key.made, { name: 'Renamed' }), 200);
    const made = await newClient(key);
    const uuid = (await stack.sql("select id from client where name = $1", [made.name]))[0].id;
    for (const [table, object] of [
      ['event', 'object_id'],
      ['audit', 'object_id'],
    ]) {
      const [row] = await stack.sql(`select actor_type, actor_name, actor_id from ${table} where ${object} = $1`, [uuid]);
      const [own] = await stack.sql('select id from api_key where firm_id = $1 and name = $2', [firm.id, 'Renamed']);
      assert.deepEqual([row.actor_type, row.actor_name, row.actor_id], ['key', 'Renamed', own.id], table);
    }
  });

  test('what is done to keys is told, too', async () => {
    const own = await newKey(owner, ['clients:read'], { name: 'Told of' });
    await ok(patch(own.made, { name: 'Told of twice' }), 200);
    await ok(rotate(own.made), 201);
    await ok(revoke(own.made), 204);
    for (const table of ['event', 'audit']) {
      const what = table === 'event' ? 'type' : 'action';
      const rows = await stack.sql(
        `select ${what} as what, actor_type from ${table} t join api_key k on k.firm_id = t.firm_id and k.id = t.object_id where k.name = 'Told of twice' order by t.row_no`,
      );
      assert.deepEqual(
        rows.map((r: any) => `${r.what} ${r.actor_type}`),
        ['created', 'updated', 'rotated', 'deleted'].map((verb) => `api_key.${verb} staff`),
      );
    }
  });

  test('nobody signs in as a key, and it is no member of staff', async () => {
    const staffed = await raw(`/v1/clients/${client.id}/team/stf_${key.made.id.slice(4)}`, { method: 'PUT', as: owner });
    assert.equal(`${staffed.status} ${staffed.json.code}`, '404 not_found');
    const login = await raw('/v1/auth/login', {
      method: 'POST',
      headers: { authorization: `Bearer ${key.token}` },
      json: { firm: firm.slug, audience: 'staff', email: 'renamed@mail.test', password: 'x'.repeat(20), transport: 'token' },
    });
    assert.equal(login.json.code, 'invalid_credentials');
  });

  test('the answer of a lost creation comes again, with the secret, and only to whoever made it', async () => {
    await again();
    const post = (as: Person, k: string) =>
      raw('/v1/api_keys', { method: 'POST', as, json: { name: 'Once', scopes: ['clients:read'] }, headers: { 'idempotency-key': k } });
    const k = idempotencyKey();
    const [first, second] = [await post(owner, k), await post(owner, k)];
    assert.equal(second.body.toString(), first.body.toString());
    assert.equal(await says(first.json.secret), '200');
    const other = await post(await newColleague(firm, 'admin'), k);
    assert.notEqual(other.json.secret, first.json.secret);
    const [row] = await stack.sql("select count(*)::int as n from api_key where firm_id = $1 and name = 'Once'", [firm.id]);
    assert.equal(row.n, 2);
  });
});
