// authenticate(): every outcome, and what a caller without a session may ask.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startCluster } from './cluster.mjs';
import { at, blocked, claimed, Fixture, refused, T0 } from './fixture.mjs';

const UNAUTHENTICATED = { code: 'PT401', message: 'unauthenticated', detail: undefined };
const denied = (right) => ({ code: 'PT403', message: 'permission_denied', detail: right });
const AWAITING = { code: 'PT403', message: 'awaiting_verification', detail: undefined };

let cluster;
let owner;
let api;
let fixture;
let firm;
let other;
let contact;

before(async () => {
	cluster = await startCluster();
	owner = await cluster.connect('portico_owner');
	api = await cluster.connect('portico_api');
	fixture = new Fixture(owner);
	firm = await fixture.firm();
	other = await fixture.firm();
	await fixture.staff(firm, 'owner');
	contact = await fixture.contact(firm);
});
after(() => cluster?.stop());

async function authenticate(session, rule = 'any', now = at(10), more = {}) {
	const s = { ...session, ...more };
	const { rows } = await api.query(
		'select * from authenticate($1::bytea, $2::uuid, $3::uuid, $4::uuid, $5::text, $6::timestamptz)',
		[s.token_hash, s.firm_id, s.membership_id, s.id, rule, now]);
	assert.equal(rows.length, 1);
	return rows[0];
}

async function portalSession(more = {}, session = {}) {
	const person = await fixture.portal(firm, await fixture.contact(firm), more);
	return fixture.session(person, session);
}

test('a live staff session tells who it is', async () => {
	const staff = await fixture.staff(firm, 'member', { display_name: 'Sam', locale: 'de', timezone: 'Europe/Berlin' });
	const session = await fixture.session(staff);
	const row = await authenticate(session, 'staff');
	assert.ok(row.permissions.includes('clients:read') && !row.permissions.includes('audit:read'));
	delete row.permissions;
	assert.deepEqual(row, {
		session_id: session.id, audience: 'staff', membership_id: staff.id, identity_id: staff.identity_id,
		contact_id: null, name: 'Sam', email: staff.login_email, role: 'member', transport: 'token',
		authenticated_at: new Date(T0), expires_at: new Date(at(86400)), idle_expires_at: new Date(at(3600)),
		locale: 'de', timezone: 'Europe/Berlin', unnoted: false,
	});
});

test('a live portal session has no role and no permissions', async () => {
	const row = await authenticate(await portalSession(), 'portal');
	assert.deepEqual([row.audience, row.role, row.permissions], ['portal', null, []]);
	assert.ok(row.contact_id);
});

test('it leaves the firm claimed for the rest of the transaction', async () => {
	const session = await portalSession();
	await api.query('begin');
	await authenticate(session);
	const { rows } = await api.query('select id from firm');
	assert.deepEqual(rows, [{ id: firm.id }]);
	await api.query('commit');
	await refused(api.query('select id from firm'), { code: '22P02' });
});

test('a refusal aborts what was pipelined behind it', async () => {
	const session = await portalSession();
	await api.query('begin');
	await refused(authenticate(session, 'staff'), denied('staff'));
	await refused(api.query('select 1'), { code: '25P02' });
	await api.query('rollback');
});

for (const [name, more] of [
	['another token', { token_hash: randomBytes(32) }],
	['an empty token', { token_hash: Buffer.alloc(0) }],
	['no token', { token_hash: null }],
	['an unknown session', { id: randomUUID() }],
	['no session', { id: null }],
	['an unknown membership', { membership_id: randomUUID() }],
	['no membership', { membership_id: null }],
	['an unknown firm', { firm_id: randomUUID() }],
	['no firm', { firm_id: null }],
])
	test(`401: ${name}`, async () => {
		await refused(authenticate(await portalSession(), 'any', at(10), more), UNAUTHENTICATED);
	});

test('401: the ids of a session with those of another membership, or of another firm', async () => {
	const mine = await portalSession();
	const his = await portalSession();
	await refused(authenticate(mine, 'any', at(10), { membership_id: his.membership_id }), UNAUTHENTICATED);
	await refused(authenticate(mine, 'any', at(10), { firm_id: other.id }), UNAUTHENTICATED);
});

test('401 from the second in which it expires', async () => {
	const session = await portalSession({}, { expires_at: at(100) });
	await authenticate(session, 'any', at(99.999));
	await refused(authenticate(session, 'any', at(100)), UNAUTHENTICATED);
});

test('401 from the second in which it was idle too long; use keeps it alive', async () => {
	const session = await portalSession({}, { idle_seconds: 600 });
	await authenticate(session, 'any', at(599));
	const row = await authenticate(session, 'any', at(1198));
	assert.deepEqual(row.idle_expires_at, new Date(at(1798)));
	await refused(authenticate(session, 'any', at(1798)), UNAUTHENTICATED);
});

test('P8 401 once it is ended', async () => {
	await refused(authenticate(await portalSession({}, { ended_at: at(5) })), UNAUTHENTICATED);
});

test('P8 401 while access is not active, whatever the session says', async () => {
	for (const state of ['not_sent', 'invited', 'suspended'])
		await refused(authenticate(await portalSession({ state })), UNAUTHENTICATED);
});

test('S2-11 turning access off ends its sessions in the same transaction', async () => {
	const session = await portalSession();
	await authenticate(session);
	await claimed(api, firm.id, async () => {
		await api.query('delete from membership where id = $1::uuid', [session.membership_id]);
		const { rowCount } = await api.query('select from session where id = $1::uuid', [session.id]);
		assert.equal(rowCount, 0);
	});
	await owner.query('delete from membership where id = $1', [session.membership_id]);
	await refused(authenticate(session), UNAUTHENTICATED);
});

test('S1-10 who awaits verification may ask who he is, and nothing else', async () => {
	const session = await fixture.session(await fixture.portal(firm, null, { state: 'pending_verification', source: 'self' }));
	assert.equal((await authenticate(session, 'any')).contact_id, null);
	for (const rule of ['portal', 'staff', 'clients:read'])
		await refused(authenticate(session, rule), AWAITING);
});

test('S0-26 a missing right is 403 that names the right', async () => {
	const member = await fixture.session(await fixture.staff(firm, 'member'));
	await authenticate(member, 'clients:write');
	await refused(authenticate(member, 'settings:write'), denied('settings:write'));
	await refused(authenticate(member, 'nothing:known'), denied('nothing:known'));
	await refused(authenticate(member, null), denied('none'));
	await refused(authenticate(member, ''), denied(''));
	const admin = await fixture.session(await fixture.staff(firm, 'admin'));
	await authenticate(admin, 'settings:write');
	await refused(authenticate(admin, 'documents:purge'), denied('documents:purge'));
});

test('403 on the other audience\'s calls', async () => {
	const portal = await portalSession();
	for (const rule of ['staff', 'clients:read'])
		await refused(authenticate(portal, rule), denied(rule));
	await refused(authenticate(await fixture.session(await fixture.staff(firm, 'owner')), 'portal'), denied('portal'));
});

test('a change of role is in force at once', async () => {
	const staff = await fixture.staff(firm, 'admin');
	const session = await fixture.session(staff);
	await authenticate(session, 'settings:write');
	await owner.query('update membership set role = \'member\' where id = $1', [staff.id]);
	await refused(authenticate(session, 'settings:write'), denied('settings:write'));
});

const lastSeen = async (session) => {
	const { rows } = await owner.query('select last_seen_at from session where id = $1', [session.id]);
	return rows[0].last_seen_at.toISOString();
};

test('last_seen_at is written at most once a minute, and never backwards', async () => {
	const session = await portalSession();
	await authenticate(session, 'any', at(59));
	assert.equal(await lastSeen(session), T0);
	await authenticate(session, 'any', at(60));
	assert.equal(await lastSeen(session), at(60));
	await authenticate(session, 'any', at(30));
	assert.equal(await lastSeen(session), at(60));
});

test('a slow call of the same session does not hold up the others', async () => {
	const session = await portalSession();
	const slow = await cluster.connect('portico_api');
	await slow.query('begin');
	await slow.query('select * from authenticate($1::bytea, $2::uuid, $3::uuid, $4::uuid, \'any\', $5::timestamptz)',
		[session.token_hash, session.firm_id, session.membership_id, session.id, at(100)]);
	await api.query('set lock_timeout = \'200ms\'');
	await authenticate(session, 'any', at(100));
	await api.query('reset lock_timeout');
	await slow.query('commit');
	assert.equal(await lastSeen(session), at(100));
	await slow.end();
});

test('firm_find: by slug, else by host, else the only one', async () => {
	const find = async (slug, host) => (await api.query('select id from firm_find($1, $2)', [slug, host])).rows.map((r) => r.id);
	await owner.query('update firm set portal_url = \'https://Portal.Firm.test:8443\' where id = $1', [firm.id]);
	assert.deepEqual(await find(firm.slug, null), [firm.id]);
	assert.deepEqual(await find(firm.slug.toUpperCase(), 'portal.firm.test:8443'), [firm.id]);
	assert.deepEqual(await find(other.slug, 'portal.firm.test:8443'), [other.id], 'the slug goes first');
	assert.deepEqual(await find(null, 'PORTAL.firm.test:8443'), [firm.id]);
	assert.deepEqual(await find(null, 'elsewhere.test'), []);
	assert.deepEqual(await find(null, null), []);
	assert.deepEqual(await find('unknown', 'portal.firm.test:8443'), [], 'an unknown slug is not another firm');
	const single = await startCluster();
	try {
		const only = await new Fixture(await single.connect('portico_owner')).firm();
		const one = await single.connect('portico_api');
		const { rows } = await one.query('select id from firm_find(null, \'127.0.0.1:8080\')');
		assert.deepEqual(rows, [{ id: only.id }]);
	} finally {
		await single.stop();
	}
});

test('sign_in_find: one address, one firm, one audience', async () => {
	const find = async (...a) => (await api.query('select * from sign_in_find($1, $2, $3)', a)).rows;
	const identity = await fixture.identity();
	const login = { identity_id: identity.id, login_email: identity.email, login_email_key: identity.email_key };
	const staff = await fixture.staff(firm, 'member', login);
	const portal = await fixture.portal(firm, contact, { ...login, state: 'suspended' });
	assert.deepEqual(await find(firm.id, 'staff', identity.email_key),
		[{ identity_id: identity.id, password_hash: 'hash', membership_id: staff.id, state: 'active' }]);
	assert.deepEqual(await find(firm.id, 'portal', identity.email_key),
		[{ identity_id: identity.id, password_hash: 'hash', membership_id: portal.id, state: 'suspended' }]);
	assert.deepEqual(await find(other.id, 'portal', identity.email_key), []);
	const invited = await fixture.portal(firm, await fixture.contact(firm),
		{ identity_id: null, state: 'invited', login_email: 'i@x.test', login_email_key: 'i@x.test' });
	assert.deepEqual(await find(firm.id, 'portal', 'i@x.test'),
		[{ identity_id: null, password_hash: null, membership_id: invited.id, state: 'invited' }]);
});

test('identities: made once, found by their key, the first password set and read', async () => {
	const id = randomUUID();
	const create = async (...a) =>
		(await api.query('select identity_create($1, $2, $3, $4, $5) as id', [...a, T0])).rows[0].id;
	assert.equal(await create(id, 'new@x.test', 'New@x.test', 'h1'), id);
	assert.equal(await create(randomUUID(), 'new@x.test', 'new@x.test', 'h2'), null, 'never a second credential');
	const { rows } = await api.query('select * from identity_find($1)', ['new@x.test']);
	assert.deepEqual(rows, [{ id, password_hash: 'h1' }]);
	const set = async (who) => (await api.query('select identity_set_password($1, $2, $3) as ok', [who, 'h3', T0])).rows[0].ok;
	assert.equal(await set(randomUUID()), false);
	assert.equal(await set(id), false, 'a password that is there is never replaced');
	await api.query('select identity_drop_password_if_orphan($1)', [id]);
	assert.equal(await set(id), true);
	assert.deepEqual((await api.query('select * from identity_get($1)', [id])).rows,
		[{ email: 'New@x.test', email_key: 'new@x.test', password_hash: 'h3' }]);
});

test('an identity loses its password with its last live membership, in whatever firm', async () => {
	const identity = await fixture.identity();
	const login = { identity_id: identity.id, login_email: identity.email, login_email_key: identity.email_key };
	const here = await fixture.staff(firm, 'member', login);
	const there = await fixture.staff(other, 'member', { ...login, state: 'suspended' });
	const drop = async () =>
		(await api.query('select identity_drop_password_if_orphan($1) as dropped', [identity.id])).rows[0].dropped;
	await owner.query('delete from membership where id = $1', [here.id]);
	assert.equal(await drop(), false, 'firm A ends, firm B stays');
	await owner.query('delete from membership where id = $1', [there.id]);
	assert.equal(await drop(), true);
	assert.equal(await drop(), false);
	assert.deepEqual((await api.query('select * from identity_find($1)', [identity.email_key])).rows,
		[{ id: identity.id, password_hash: null }]);
});

test('an identity keeps its password while a membership for it is being written', async () => {
	const identity = await fixture.identity();
	const writer = await cluster.connect('portico_owner');
	await writer.query('begin');
	await new Fixture(writer).staff(firm, 'member',
		{ identity_id: identity.id, login_email: identity.email, login_email_key: identity.email_key });
	const dropping = api.query('select identity_drop_password_if_orphan($1) as dropped', [identity.id]);
	await blocked(dropping, api, owner);
	await writer.query('commit');
	assert.equal((await dropping).rows[0].dropped, false);
	await writer.end();
});
