// db.test.mjs - the database behind the gate: clients that vanish, and a server that does.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../db/cluster.mjs';
import { SANITIZED, Server } from './server.mjs';

const POOL = 6;
let cluster, admin, server;

before(async () => {
	cluster = await startCluster({ migrate: false });
	admin = await cluster.connect('postgres', 'postgres');
	await admin.query('create table thing (id int primary key)');
	server = await new Server({
		PORTICO_API_DATABASE: cluster.conninfo('postgres', 'postgres'),
		PORTICO_DB_POOL: String(POOL),
		GATE_TEST_DB: '1',
	}).start();
});
after(async () => {
	assert.equal(await server.stop(), 0, server.log);
	await cluster.stop();
});

const pool = async () => JSON.parse((await server.get('/pool')).body);

async function rested() {
	await server.quiet();
	let stats;
	for (let i = 0; i < 200; i++) {
		stats = await pool();
		if (stats.busy === 0 && stats.waiting === 0)
			return stats;
		await sleep(25);
	}
	throw new Error(`not at rest: ${JSON.stringify(stats)}`);
}

test('one round trip for a read, its setting gone with it', async () => {
	assert.equal((await server.get('/read?0')).body, 'f');
	const { round_trips } = await rested();
	assert.equal((await server.get('/read?0')).body, 'f');
	assert.equal((await rested()).round_trips - round_trips, 2);
	assert.equal((await server.get('/firm')).body, '');
});

test('more requests than connections take their turn', async () => {
	const all = await Promise.all(Array.from({ length: 120 }, () => server.get('/read?10')));
	assert.ok(all.every((r) => r.status === 200 && r.body === 'f'));
	assert.ok((await rested()).open <= POOL);
});

test('a full queue of slow ones is told 503 in time', async () => {
	const start = Date.now();
	const all = await Promise.all(Array.from({ length: 3 * POOL }, () => server.get('/read?1800')));
	const counts = all.reduce((n, r) => ({ ...n, [r.status]: (n[r.status] ?? 0) + 1 }), {});
	assert.deepEqual(counts, { 200: POOL, 503: 2 * POOL });
	assert.ok(Date.now() - start < 4000);
	await rested();
});

test('clients that vanish leave connections clean and idle (P5)', async () => {
	const rounds = SANITIZED ? 1500 : 5000;
	const { handed_out, drained } = await rested();
	const { pid } = await server.stats();
	let running = 0;
	for (let i = 0; i < rounds; i++) {
		const c = server.connect();
		c.write(`GET /${i % 2 ? 'read' : 'write'}?${i % 9} HTTP/1.1\r\nHost: h\r\n\r\n`);
		running++;
		setTimeout(() => {
			c.close();
			running--;
		}, Math.random() * 25);
		while (running > 40)
			await sleep(1);
		if (i % 500 === 0) // a reader beside them never sees what they set
			assert.match((await server.get('/firm')).body, /^$|unavailable/);
	}
	while (running > 0)
		await sleep(5);
	const now = await rested();
	assert.equal((await server.stats()).pid, pid);
	assert.ok(now.open <= POOL);
	assert.ok(now.drained > drained, 'some were cancelled in the middle');
	assert.ok(now.handed_out > handed_out + rounds / 20);
	for (let i = 0; i < 4 * POOL; i++)
		assert.equal((await server.get('/firm')).body, '');
	const { rows } = await admin.query(`select count(*)::int as n from pg_stat_activity
		where backend_type = 'client backend' and pid <> pg_backend_pid() and state <> 'idle'`);
	assert.equal(rows[0].n, 0);
});

test('PostgreSQL killed under load: 503 within 2 s, and all is well within 10 s of its return', async () => {
	const before_ = await server.stats();
	let stop = false;
	const seen = { 200: 0, 503: 0 };
	let slowest = 0;
	const clients = Array.from({ length: 12 }, async (_, i) => {
		while (!stop) {
			const start = Date.now();
			const r = await server.get(i % 2 ? '/read?2' : '/read?0');
			seen[r.status]++;
			slowest = Math.max(slowest, Date.now() - start);
			if (r.status === 503)
				assert.equal(r.headers['retry-after'], '1');
		}
	});
	await sleep(300);
	cluster.kill('SIGKILL');
	await cluster.gone;
	await sleep(2500);
	assert.ok(seen[503] > 0);
	for (let i = 0; ; i++) { // its children hold the shared memory for a moment
		try {
			await cluster.start();
			break;
		} catch (e) {
			if (i === 20)
				throw e;
			await sleep(100);
		}
	}
	const up = Date.now();
	let good = 0;
	while (good < 50 && Date.now() - up < 10000)
		good = (await server.get('/read?0')).status === 200 ? good + 1 : 0;
	assert.equal(good, 50, 'fifty in a row');
	stop = true;
	await Promise.all(clients);
	assert.deepEqual(Object.keys(seen), ['200', '503']);
	assert.ok(slowest < 2000 + (SANITIZED ? 1000 : 0), `slowest ${slowest} ms`);
	assert.equal((await rested()).open <= POOL, true);
	assert.equal((await server.stats()).pid, before_.pid);
	admin = await cluster.connect('postgres', 'postgres');
});

test('an acknowledged write is there after kill -9 of PostgreSQL', async () => {
	await admin.query('alter system set fsync = on').catch(() => {});
	const acked = [];
	let next = 1000000, stop = false;
	const clients = Array.from({ length: 8 }, async () => {
		while (!stop) {
			const id = next++;
			if ((await server.get(`/insert?${id}`)).status === 200)
				acked.push(id);
		}
	});
	for (let round = 0; round < 2; round++) {
		await sleep(400);
		cluster.kill('SIGKILL');
		await cluster.gone;
		await cluster.start().catch(() => sleep(300).then(() => cluster.start()));
		await sleep(1500);
	}
	stop = true;
	await Promise.all(clients);
	admin = await cluster.connect('postgres', 'postgres');
	const { rows } = await admin.query('select id from thing where id = any($1)', [acked]);
	assert.ok(acked.length > 100, `${acked.length} acknowledged`);
	assert.equal(rows.length, acked.length);
});
