// Roles as things of a firm, and the change of a password: what the statements of the API rely on.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { migrations, readMigration, startCluster } from './cluster.mjs';
import { at, Fixture, put, T0 } from './fixture.mjs';

const STAFF = '0008_staff.sql';

let cluster;
let owner;
let old;
before(async () => {
	cluster = await startCluster({ migrate: false });
	await cluster.migrate('portico', migrations().filter((name) => name < STAFF));
	owner = await cluster.connect('portico_owner');
	old = await new Fixture(owner).firm({ created_at: '2026-03-01T10:00:00.123456Z' });
	for (const name of migrations().filter((name) => name >= STAFF))
		await owner.query(`begin;\n${readMigration(name)}\ncommit;`);
});
after(() => cluster?.stop());

const rolesOf = async (firm) => (await owner.query(
	`select key, name, created_at = date_trunc('milliseconds', created_at) as whole
	from role where firm_id = $1 order by created_at, id`, [firm.id])).rows;

test('a firm has its three roles, in their order; one from before the migration too', async () => {
	const fixture = new Fixture(owner);
	fixture.n = 100;
	const wanted = ['owner', 'admin', 'member'].map((key) => ({
		key, name: key[0].toUpperCase() + key.slice(1), whole: true,
	}));
	for (const firm of [old, await fixture.firm()])
		assert.deepEqual(await rolesOf(firm), wanted);
});

test('P8 another password ends the sessions in every firm but the one that is kept, and nobody else\'s', async () => {
	const fixture = new Fixture(owner);
	fixture.n = 200;
	const [a, b] = [await fixture.firm(), await fixture.firm()];
	const identity = await fixture.identity();
	const mine = { identity_id: identity.id };
	const people = [await fixture.staff(a, 'member', mine), await fixture.staff(b, 'member', mine), await fixture.staff(a)];
	const sessions = [];
	for (const person of [people[0], ...people])
		sessions.push(await put(owner, 'session', {
			firm_id: person.firm_id, id: randomUUID(), membership_id: person.id, transport: 'token',
			token_hash: Buffer.alloc(32, sessions.length + 1), authenticated_at: T0, created_at: T0, last_seen_at: T0,
			expires_at: at(3600), idle_seconds: 600,
		}));
	const change = async (hash) => (await owner.query(
		'select identity_change_password($1, $2, \'next\', $3, $4) as done', [identity.id, hash, sessions[0].id, at(5)])).rows[0].done;
	const open = async () => (await owner.query('select id from session where ended_at is null and id = any($1)',
		[sessions.map((s) => s.id)])).rows.map((r) => r.id).sort();
	assert.equal(await change('another hash'), false);
	assert.equal((await open()).length, 4);
	assert.equal(await change(identity.password_hash), true);
	assert.deepEqual(await open(), [sessions[0].id, sessions[3].id].sort());
	assert.equal(await change(identity.password_hash), false);
	const { rows } = await owner.query('select password_hash, set_at = $2 as then from identity_credential($1)',
		[identity.id, at(5)]);
	assert.deepEqual(rows, [{ password_hash: 'next', then: true }]);
});
