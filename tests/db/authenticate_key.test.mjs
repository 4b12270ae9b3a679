// authenticate_key(): every outcome, and what ends a key.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startCluster } from './cluster.mjs';
import { at, blocked, claimed, Fixture, refused, T0 } from './fixture.mjs';

const UNAUTHENTICATED = { code: 'PT401', message: 'unauthenticated', detail: undefined };
const NO_KEYS = { code: 'PT403', message: 'permission_denied', detail: 'No API key may make this call.' };
const lacks = (scope) => ({
	code: 'PT403', message: 'insufficient_scope', detail: `The API key does not have the scope ${scope}.`,
});

let cluster;
let owner;
let api;
let fixture;
let firm;
let other;
let maker;

before(async () => {
	cluster = await startCluster();
	owner = await cluster.connect('portico_owner');
	api = await cluster.connect('portico_api');
	fixture = new Fixture(owner);
	firm = await fixture.firm();
	other = await fixture.firm();
	maker = await fixture.staff(firm, 'owner');
});
after(() => cluster?.stop());

async function authenticate(key, rule = 'clients:read', now = at(10), more = {}, address = '192.0.2.7', db = api) {
	const k = { ...key, ...more };
	const { rows } = await db.query(
		'select * from authenticate_key($1::bytea, $2::uuid, $3::uuid, $4::text, $5::text, $6::timestamptz)',
		[k.secret_hash, k.firm_id, k.id, rule, address, now]);
	assert.equal(rows.length, 1);
	return rows[0];
}

const one = async (sql, ...values) => (await owner.query(sql, values)).rows[0];

test('a live key tells its name and its scopes, and claims its firm', async () => {
	const key = await fixture.key(maker, { scopes: ['clients:read', 'notes:read'] });
	await api.query('begin');
	assert.deepEqual(await authenticate(key), {
		audience: 'key', identity_id: null, contact_id: null, name: key.name, email: null, role: null, transport: 'token',
		authenticated_at: null, expires_at: null, idle_expires_at: null, permissions: ['clients:read', 'notes:read'],
		locale: null, timezone: null, unnoted: false,
	});
	assert.deepEqual((await api.query('select id from firm')).rows, [{ id: firm.id }]);
	await api.query('commit');
});

for (const [name, more] of [
	['another secret', { secret_hash: randomBytes(32) }],
	['no secret', { secret_hash: null }],
	['an unknown key', { id: randomUUID() }],
	['no key', { id: null }],
	['an unknown firm', { firm_id: randomUUID() }],
	['no firm', { firm_id: null }],
])
	test(`401: ${name}`, async () => {
		await refused(authenticate(await fixture.key(maker), 'clients:read', at(10), more), UNAUTHENTICATED);
	});

test('401: the secret of another key, another firm, a member of staff for a key', async () => {
	const [mine, his] = [await fixture.key(maker), await fixture.key(maker)];
	await refused(authenticate(mine, 'clients:read', at(10), { id: his.id }), UNAUTHENTICATED);
	await refused(authenticate(mine, 'clients:read', at(10), { firm_id: other.id }), UNAUTHENTICATED);
	await refused(authenticate(mine, 'clients:read', at(10), { id: maker.id }), UNAUTHENTICATED);
});

test('401 from the millisecond in which it expires, whatever it may or may not do', async () => {
	const key = await fixture.key(maker, { expires_at: at(100) });
	await authenticate(key, 'clients:read', at(99.999));
	for (const rule of ['clients:read', 'notes:read', 'any', 'portal', 'staff'])
		await refused(authenticate(key, rule, at(100)), UNAUTHENTICATED);
});

test('the secret before a rotation is good until its end', async () => {
	const key = await fixture.key(maker);
	const old = key.secret_hash;
	await owner.query('update api_key set secret_hash = $2, previous_hash = $3, previous_expires_at = $4 where id = $1',
		[key.id, randomBytes(32), old, at(100)]);
	await authenticate(key, 'clients:read', at(99.999));
	await refused(authenticate(key, 'clients:read', at(100)), UNAUTHENTICATED);
	await owner.query('update api_key set previous_hash = null, previous_expires_at = null where id = $1', [key.id]);
	await refused(authenticate(key), UNAUTHENTICATED);
	await refused(authenticate(key, 'clients:read', at(10), { secret_hash: null }), UNAUTHENTICATED);
});

test('401: an address outside the blocks, or none that can be told', async () => {
	const key = await fixture.key(maker, { allowed_cidrs: '{192.0.2.0/28,2001:db8::/32}' });
	for (const address of ['192.0.2.0', '192.0.2.15', '2001:db8:ffff::1'])
		await authenticate(key, 'clients:read', at(10), {}, address);
	for (const address of ['192.0.2.16', '192.0.1.255', '2001:db9::1', '::', null])
		await refused(authenticate(key, 'clients:read', at(10), {}, address), UNAUTHENTICATED);
	await authenticate(await fixture.key(maker), 'clients:read', at(10), {}, null);
});

test('403: a scope it does not have, and the calls that are no key\'s', async () => {
	const key = await fixture.key(maker);
	await refused(authenticate(key, 'clients:write'), lacks('clients:write'));
	for (const rule of ['any', 'portal', 'staff', null])
		await refused(authenticate(key, rule), NO_KEYS);
});

test('a key never makes keys or lets anybody in, whoever writes its row', async () => {
	for (const scope of ['api_keys:write', 'staff:write'])
		await refused(fixture.key(maker, { scopes: ['clients:read', scope] }), { code: '23514', constraint: 'api_key_scopes_check' });
	await refused(fixture.key(maker, { scopes: [] }), { code: '23514', constraint: 'api_key_scopes_check' });
});

test('last_used_at is written at most once a minute, never back, and never waited for', async () => {
	const key = await fixture.key(maker);
	const used = async () => (await one('select last_used_at, version from api_key where id = $1', key.id));
	for (const [second, wanted] of [[10, 10], [69.999, 10], [70, 70], [20, 70]]) {
		await authenticate(key, 'clients:read', at(second));
		assert.deepEqual(await used(), { last_used_at: new Date(at(wanted)), version: '1' });
	}
	await owner.query('begin');
	await owner.query('select from api_key where id = $1 for update', [key.id]);
	await authenticate(key, 'clients:read', at(200));
	await owner.query('rollback');
	assert.deepEqual((await used()).last_used_at, new Date(at(70)));
});

test('P8 revoked: it and its membership end, for a call that is just being made, too', async () => {
	const key = await fixture.key(maker);
	await owner.query('update api_key set revoked_at = $2 where id = $1', [key.id, at(5)]);
	await refused(authenticate(key), UNAUTHENTICATED);
	assert.deepEqual(await one('select state, updated_at from membership where id = $1', key.id),
		{ state: 'suspended', updated_at: new Date(at(5)) });
	const second = await fixture.key(maker);
	await owner.query('update membership set state = \'suspended\' where id = $1', [second.id]);
	await refused(authenticate(second), UNAUTHENTICATED);
});

test('P8 the keys of somebody who leaves end with them; those of others and of a changed role go on', async () => {
	const revoked = async (key) => (await one('select revoked_at from api_key where id = $1', key.id)).revoked_at;
	const staff = await fixture.staff(firm, 'admin');
	const [key, stays] = [await fixture.key(staff), await fixture.key(maker)];
	const early = await fixture.key(staff, { revoked_at: at(1) });
	await claimed(api, firm.id, async () => {
		await api.query('update membership set role = \'member\', updated_at = $2 where id = $1', [staff.id, at(50)]);
		await api.query('update membership set state = \'suspended\', updated_at = $2 where id = $1', [staff.id, at(60)]);
		await api.query('commit');
	});
	assert.deepEqual([await revoked(key), await revoked(early), await revoked(stays)], [new Date(at(60)), new Date(at(1)), null]);
	await refused(authenticate(key), UNAUTHENTICATED);
	await owner.query('update membership set state = \'active\' where id = $1', [staff.id]);
	await refused(authenticate(key), UNAUTHENTICATED);

	const gone = await fixture.staff(firm, 'admin');
	const last = await fixture.key(gone);
	await claimed(api, firm.id, async () => {
		await api.query('delete from membership where id = $1', [gone.id]);
		await api.query('commit');
	});
	assert.ok(await revoked(last));
	await refused(authenticate(last), UNAUTHENTICATED);
});

test('P8 who is just being let go makes no key', async () => {
	const staff = await fixture.staff(firm, 'admin');
	const db = await cluster.connect('portico_owner');
	await owner.query('begin');
	await owner.query('update membership set state = \'suspended\', updated_at = $2 where id = $1', [staff.id, at(60)]);
	const watcher = await cluster.connect('portico_owner');
	const made = refused(new Fixture(db).key(staff), UNAUTHENTICATED);
	await blocked(made, db, watcher);
	await owner.query('commit');
	await made;
	await refused(new Fixture(db).key(staff), UNAUTHENTICATED);
	await db.end();
	await watcher.end();
});

test('a session of a key is none: it signs in nowhere', async () => {
	const key = await fixture.key(maker);
	assert.equal((await one('select count(*)::int as n from sign_in_find($1, \'key\', null)', firm.id)).n, 0);
	const session = await fixture.session({ firm_id: firm.id, id: key.id });
	await refused(api.query('select * from authenticate($1::bytea, $2::uuid, $3::uuid, $4::uuid, \'staff\', $5::timestamptz)',
		[session.token_hash, firm.id, key.id, session.id, at(10)]), { code: 'PT403', message: 'permission_denied' });
});

test('a key\'s membership has no address, no identity, no role, no contact', async () => {
	const row = { firm_id: firm.id, kind: 'key', state: 'active', display_name: 'K', created_at: T0, updated_at: T0 };
	for (const [more, constraint] of [
		[{ login_email: 'a@x.test', login_email_key: 'a@x.test' }, 'membership_address_check'],
		[{ identity_id: maker.identity_id }, 'membership_identity_check'],
		[{ role: 'owner' }, 'membership_role_check'],
		[{ state: 'invited' }, 'membership_contact_check'],
	]) {
		const all = { ...row, id: randomUUID(), ...more };
		await refused(owner.query(`insert into membership (${Object.keys(all)}) values (${Object.keys(all).map((_, i) => `$${i + 1}`)})`,
			Object.values(all)), { code: '23514', constraint });
	}
	await refused(fixture.membership(firm, { kind: 'staff', role: 'member', login_email: null, login_email_key: null }),
		{ code: '23514', constraint: 'membership_address_check' });
});
