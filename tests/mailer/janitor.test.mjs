// What has expired goes, and nothing else.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { put } from '../db/fixture.mjs';
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

test('expired sessions and idempotency keys go', async () => {
	const w = await rig.world();
	const old = await rig.make.session(w.owner, { expires_at: new Date(Date.now() - 1000).toISOString() });
	const live = await rig.make.session(w.owner, { expires_at: new Date(Date.now() + 3600_000).toISOString() });
	const key = (ms) => put(rig.owner, 'idempotency', {
		firm_id: w.firm.id, membership_id: w.owner.id, key_hash: randomBytes(32), fingerprint: randomBytes(32), created_at: rig.now(),
		expires_at: new Date(Date.now() + ms).toISOString(),
	});
	await key(-1000);
	await key(3600_000);
	await rig.mailer(env);
	const left = async (table) => (await rig.owner.query(`select * from ${table} where firm_id = $1`, [w.firm.id])).rows;
	await until(async () => (await left('session')).length === 1 && (await left('idempotency')).length === 1, 'them to go');
	assert.deepEqual((await left('session')).map((s) => s.id), [live.id]);
	assert.notEqual(old.id, live.id);
	rig.setOffset(7200);
	await until(async () => (await left('session')).length === 0 && (await left('idempotency')).length === 0, 'the others to go');
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
