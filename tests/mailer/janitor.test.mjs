// What has expired goes, and nothing else.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { blocked, put } from '../db/fixture.mjs';
import { statements } from '../db/statements.mjs';
import { Rig, sleep, until } from './rig.mjs';

let rig;
let env;
before(async () => {
	rig = await Rig.start();
	env = { PORTICO_STORE_DIR: join(rig.dir, 'store'), PORTICO_SPOOL_DIR: join(rig.dir, 'spool') };
	for (const dir of ['spool', 'store', 'store/incoming', 'store/blobs', 'store/blobs/3f', 'store/blobs/00'])
		mkdirSync(join(rig.dir, dir));
});
after(() => rig?.stop());
afterEach(() => rig.clean());

// A file in the store, untouched for so many minutes.
function file(path, minutes) {
	const full = join(rig.dir, path);
	writeFileSync(full, 'bytes');
	const at = Date.now() / 1000 - minutes * 60;
	utimesSync(full, at, at);
	return full;
}

test('files that no row knows go after an hour; all others stay', async () => {
	const w = await rig.world();
	const known = file('store/blobs/3f/known', 300);
	await put(rig.owner, 'blob', { firm_id: w.firm.id, id: w.firm.id, path: '3f/known', size: 5, sha256: randomBytes(32), created_at: rig.now() });
	const stay = [known, file('store/blobs/3f/young', 55), file('store/incoming/young', 55), file('spool/young', 55)];
	const go = [file('store/blobs/3f/orphan', 65), file('store/blobs/00/orphan', 65), file('store/incoming/orphan', 65), file('spool/0000000001', 65)];
	rig.setOffset(86400); // an upload does not grow old by the test clock
	const mailer = await rig.mailer(env);
	await until(() => go.every((f) => !existsSync(f)), 'the orphans to go');
	assert.deepEqual(stay.filter((f) => !existsSync(f)), []);
	assert.equal(mailer.lines('orphan').length, 4);
});

test('expired sessions and idempotency keys go, and places where nobody has signed in from for half a year', async () => {
	const w = await rig.world();
	const old = await rig.make.session(w.owner, { expires_at: new Date(Date.now() - 1000).toISOString() });
	const live = await rig.make.session(w.owner, { expires_at: new Date(Date.now() + 3600_000).toISOString() });
	const key = (ms) => put(rig.owner, 'idempotency', {
		firm_id: w.firm.id, membership_id: w.owner.id, key_hash: randomBytes(32), fingerprint: randomBytes(32), created_at: rig.now(),
		expires_at: new Date(Date.now() + ms).toISOString(),
	});
	await key(-1000);
	await key(3600_000);
	for (const [ip, days] of [['192.0.2.1', 181], ['192.0.2.2', 179]])
		await put(rig.owner, 'known_place', {
			firm_id: w.firm.id, membership_id: w.owner.id, ip, seen_at: new Date(Date.now() - days * 86400_000).toISOString(),
		});
	await rig.mailer(env);
	const left = async (table) => (await rig.owner.query(`select * from ${table} where firm_id = $1`, [w.firm.id])).rows;
	await until(async () => (await left('session')).length === 1 && (await left('idempotency')).length === 1, 'them to go');
	assert.deepEqual((await left('session')).map((s) => s.id), [live.id]);
	assert.notEqual(old.id, live.id);
	const places = async () => (await left('known_place')).map((p) => p.ip).filter((ip) => ip.startsWith('192.0.2.'));
	await until(async () => (await places()).join() === '192.0.2.2', 'the place of half a year ago to go');
	rig.setOffset(7200);
	await until(async () => (await left('session')).length === 0 && (await left('idempotency')).length === 0, 'the others to go');
});

// A statement of the janitor; a row whose time has come; what a call does with it while the janitor comes.
const long_ago = new Date(Date.now() - 181 * 86400_000).toISOString();
const RENEWED = {
	janitor_idempotency: [(w) => put(rig.owner, 'idempotency', {
		firm_id: w.firm.id, membership_id: w.owner.id, key_hash: randomBytes(32), fingerprint: randomBytes(32), created_at: long_ago, expires_at: long_ago,
	}), "update idempotency set expires_at = now() + interval '1 day'"],
	janitor_sessions: [(w) => rig.make.session(w.owner, { expires_at: long_ago, refresh_until: long_ago }), "update session set refresh_until = now() + interval '1 day'"],
	janitor_places: [(w) => put(rig.owner, 'known_place', { firm_id: w.firm.id, membership_id: w.owner.id, ip: '192.0.2.3', seen_at: long_ago }), 'update known_place set seen_at = now()'],
	janitor_trash: [(w) => rig.owner.query('update document set trashed_at = $2 where id = $1', [w.document.id, long_ago]), 'update document set trashed_at = null'],
};
for (const [name, [make, renew]] of Object.entries(RENEWED))
	test(`${name}: what was renewed while it waited for the row stays`, async () => {
		const w = await rig.world();
		const { text } = statements().find((s) => s.name === name);
		const janitor = await rig.cluster.connect('portico_janitor');
		await make(w);
		await rig.owner.query('begin');
		const { rows } = await rig.owner.query(`${renew} where firm_id = $1 returning 1`, [w.firm.id]);
		const turn = janitor.query(text, [rig.now()]);
		await blocked(turn, janitor, rig.api);
		await rig.owner.query('commit');
		await turn;
		const left = await rig.owner.query(`select from ${renew.split(' ')[1]} where firm_id = $1`, [w.firm.id]);
		assert.deepEqual([rows.length, left.rowCount], [1, 1]);
		await janitor.end();
	});

test('a device that is gone is remembered as used when it was used last', async () => {
	const w = await rig.world();
	const last = new Date(Date.now() - 3 * 86400_000);
	await rig.make.session(w.person, { expires_at: long_ago, refresh_until: last, last_seen_at: last });
	await rig.mailer(env);
	await until(async () => (await rig.owner.query('select from session where membership_id = $1', [w.person.id])).rowCount === 0, 'it to go');
	const { rows } = await rig.owner.query('select access_last_used(m) as used, version from membership m where id = $1', [w.person.id]);
	assert.deepEqual(rows, [{ used: last, version: '1' }]);
});

test('a firm with more accesses to end than a turn takes keeps no other firm waiting', async () => {
	const [many, other] = [await rig.world(), await rig.world()].sort((a, b) => (a.firm.id < b.firm.id ? -1 : 1));
	await rig.owner.query('update membership set ends_at = $2 where id = any($1)', [[many.person.id, other.person.id], long_ago]);
	await rig.owner.query(`with made as (
			insert into contact
			select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid()))).* from contact c, generate_series(1, 500) where c.id = $1
			returning id
		)
		insert into membership
		select (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(), 'contact_id', n.id, 'login_email_key', n.id))).*
		from membership m, made n where m.id = $2`, [many.contact.id, many.person.id]);
	const janitor = await rig.cluster.connect('portico_janitor');
	// Passed over by a turn, which costs less than to end them.
	await rig.owner.query('begin');
	await rig.owner.query('select from contact where firm_id = $1 for update', [many.firm.id]);
	const { rows } = await janitor.query('select access_duty($1) as done', [rig.now()]);
	await rig.owner.query('rollback');
	await janitor.end();
	assert.equal(rows[0].done, 1);
	assert.equal((await rig.owner.query('select from membership where id = $1', [other.person.id])).rowCount, 0);
});

test('what was shared when an access ended is forgotten after 400 days', async () => {
	const w = await rig.world();
	const snapshot = (id, days) => put(rig.owner, 'access_snapshot', {
		firm_id: w.firm.id, id, contact_id: w.contact.id, login_email: 'ann@x.test', display_name: 'Ann', shares: '[]',
		created_at: new Date(Date.now() - days * 86400_000).toISOString(),
	});
	const [young, old] = [randomUUID(), randomUUID()];
	await snapshot(young, 399);
	await snapshot(old, 400.1);
	await rig.mailer(env);
	const left = async () => (await rig.owner.query('select id from access_snapshot where firm_id = $1', [w.firm.id])).rows.map((row) => row.id);
	await until(async () => (await left()).length === 1, 'the old one to go');
	assert.deepEqual(await left(), [young]);
});

test('the trash is emptied after 90 days: documents, their bytes, and the folders that were deleted with them', async () => {
	const w = await rig.world();
	const now = Date.parse(rig.now());
	const days = (n) => new Date(now - n * 86400_000).toISOString();
	const document = async (name, trashed_at, folder) => {
		const made = await rig.make.document(folder, { trashed_at });
		file(`store/blobs/3f/${name}`, 0);
		await rig.owner.query('update blob set path = $2 where id = $1', [made.blob_id, `3f/${name}`]);
		return made;
	};
	const removed = await rig.make.folder(w.client, null, { removed_at: days(91) });
	const kept = await rig.make.folder(w.client, null, { removed_at: days(91) });
	await document('old', days(91), removed);
	const young = await document('young', days(89), kept);
	const live = await document('live', null, await rig.make.folder(w.client));
	await put(rig.owner, 'blob', { firm_id: w.firm.id, id: w.firm.id, path: '00/doomed', size: 5, sha256: randomBytes(32), state: 'doomed', created_at: rig.now() });
	await put(rig.owner, 'blob', { firm_id: w.firm.id, id: w.client.id, path: '00/doomed-gone', size: 5, sha256: randomBytes(32), state: 'doomed', created_at: rig.now() });
	const doomed = file('store/blobs/00/doomed', 0);
	await rig.mailer(env);
	const ids = async (table) => (await rig.owner.query(`select id from ${table} where firm_id = $1`, [w.firm.id])).rows.map((r) => r.id);
	const there = (name) => existsSync(join(rig.dir, 'store/blobs', name));
	await until(async () => !there('3f/old') && !existsSync(doomed) && !(await ids('blob')).includes(w.client.id), 'the bytes to go');
	await until(async () => !(await ids('folder')).includes(removed.id), 'the folder to go');
	const documents = await ids('document');
	assert.ok(documents.includes(young.id) && documents.includes(live.id));
	assert.ok(there('3f/young') && there('3f/live'));
	assert.ok((await ids('folder')).includes(kept.id), 'it is where a trashed document lay');
	assert.ok(!(await ids('blob')).includes(w.firm.id));
	rig.setOffset(2 * 86400);
	await until(async () => !there('3f/young') && !(await ids('folder')).includes(kept.id), 'the other to go in its time');
	assert.ok(there('3f/live') && (await ids('document')).includes(live.id));
});

test('one janitor at a time, and mail goes out all the same', async () => {
	const w = await rig.world();
	const lock = await rig.cluster.connect('portico_janitor');
	await lock.query('select pg_advisory_lock(1886352244, 2)');
	const orphan = file('store/incoming/other', 65);
	await rig.mailer(env);
	const [e] = await rig.mailShare(w);
	await rig.settled(e.id, 'sent');
	await sleep(2500);
	assert.ok(existsSync(orphan));
	await lock.end();
	await until(() => !existsSync(orphan), 'the orphan to go');
});

test('what a duty has done stands, whatever the next ones wait for', async () => {
	const w = await rig.world();
	await rig.make.session(w.owner, { expires_at: new Date(Date.now() - 1000).toISOString() });
	await put(rig.owner, 'access_snapshot', {
		firm_id: w.firm.id, id: randomUUID(), contact_id: w.contact.id, login_email: 'ann@x.test', display_name: 'Ann', shares: '[]',
		created_at: new Date(Date.now() - 401 * 86400_000).toISOString(),
	});
	const other = await rig.cluster.connect('portico_owner');
	await other.query('begin; select from access_snapshot for update');
	await rig.mailer(env);
	const count = async (table) => Number((await rig.owner.query(`select count(*) from ${table} where firm_id = $1`, [w.firm.id])).rows[0].count);
	await until(async () => (await count('session')) === 0, 'the session to go');
	assert.equal(await count('access_snapshot'), 1);
	await other.query('commit');
	await other.end();
	await until(async () => (await count('access_snapshot')) === 0, 'the other to go');
});

test('events go after 90 days, once numbered and told; how far is written down, firm by firm', async () => {
	const [w, other] = [await rig.world(), await rig.world()];
	const event = (firm, days, over = {}) => put(rig.owner, 'event', {
		firm_id: firm.id, id: randomUUID(), type: 'client.updated', object_type: 'client', object_id: firm.id, actor_type: 'system', actor_name: '',
		occurred_at: new Date(Date.now() - days * 86400_000).toISOString(), published_at: rig.now(), ...over,
	});
	await rig.owner.query('delete from event');
	await rig.owner.query('delete from sequencer');
	for (const [firm, n] of [[w.firm, 5], [other.firm, 1]])
		await put(rig.owner, 'sequencer', { firm_id: firm.id, event_sequence: n });
	for (const [n, days] of [[1, 92], [2, 91], [3, 89], [4, 1]])
		await event(w.firm, days, { sequence: n });
	await event(w.firm, 95, { sequence: 5, published_at: null });
	await event(w.firm, 95);
	await event(other.firm, 89, { sequence: 1 });
	await rig.mailer(env);
	const left = async () => (await rig.owner.query('select sequence::int from event where firm_id = $1 order by sequence', [w.firm.id])).rows.map((r) => r.sequence);
	await until(async () => (await left()).length === 4, 'two to go');
	assert.deepEqual(await left(), [3, 4, 5, null]);
	const pruned = async (firm) => Number((await rig.owner.query('select event_pruned from sequencer where firm_id = $1', [firm.id])).rows[0].event_pruned);
	assert.deepEqual([await pruned(w.firm), await pruned(other.firm)], [2, 0]);
});
