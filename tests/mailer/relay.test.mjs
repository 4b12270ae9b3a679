// The relay numbers events so that no reader misses one, and tells Redis of them when Redis is there.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { children, Rig, sleep, statement, until } from './rig.mjs';

let rig;
let relay;
let firms;
before(async () => {
	rig = await Rig.start();
	relay = await rig.cluster.connect('portico_relay');
	firms = [await rig.make.firm(), await rig.make.firm()];
});
after(() => rig?.stop());
afterEach(async () => {
	await rig.clean();
	await rig.owner.query('truncate sequencer');
});

const number = async (batch = 1000) => (await relay.query(statement('relay_number').text, [batch])).rowCount;
const feed = async (firm) => (await rig.owner.query('select type, sequence::int from event where firm_id = $1 and sequence is not null order by sequence', [firm.id])).rows;

// A session of the API in a transaction of its own.
async function session() {
	const api = await rig.cluster.connect('portico_api');
	await api.query('begin');
	return api;
}

function write(api, firm, type) {
	return api.query(`select claim_firm('${firm.id}')`).then(() => api.query(
		"insert into event (firm_id, id, type, object_type, object_id, actor_type, actor_name, occurred_at) values ($1, $2, $3, 'client', $2, 'system', '', '2026-01-01')",
		[firm.id, randomUUID(), type]));
}

// `n` events in one transaction.
async function many(firm, n, type = 'bulk.created') {
	await rig.owner.query(
		"insert into event (firm_id, id, type, object_type, object_id, actor_type, actor_name, occurred_at) select $1, gen_random_uuid(), $3, 'client', $1, 'system', '', '2026-01-01' from generate_series(1, $2)",
		[firm.id, n, type]);
}

test('numbers follow on, firm by firm, from one', async () => {
	const [a, b] = [await session(), await session()];
	await write(a, firms[0], 'a.one');
	await write(a, firms[0], 'a.two');
	await a.query('commit');
	await write(b, firms[1], 'b.one');
	await b.query('commit');
	assert.equal(await number(), 3);
	assert.equal(await number(), 0);
	assert.deepEqual(await feed(firms[0]), [{ type: 'a.one', sequence: 1 }, { type: 'a.two', sequence: 2 }]);
	assert.deepEqual(await feed(firms[1]), [{ type: 'b.one', sequence: 1 }]);
	await a.end();
	await b.end();
});

test('what a slow transaction wrote first comes first: nothing is numbered past it', async () => {
	const [slow, fast] = [await session(), await session()];
	await write(slow, firms[0], 'slow.written');
	await write(fast, firms[0], 'fast.written');
	await fast.query('commit');
	assert.equal(await number(), 0, 'the slow one may still commit');
	await slow.query('commit');
	assert.equal(await number(), 2);
	assert.deepEqual((await feed(firms[0])).map((e) => e.type), ['slow.written', 'fast.written']);
	await slow.end();
	await fast.end();
});

test('a transaction that is rolled back leaves no gap', async () => {
	const [gone, stays] = [await session(), await session()];
	await write(gone, firms[0], 'x.gone');
	await write(stays, firms[0], 'x.stays');
	await stays.query('commit');
	await gone.query('rollback');
	assert.equal(await number(), 1);
	assert.deepEqual(await feed(firms[0]), [{ type: 'x.stays', sequence: 1 }]);
	await gone.end();
	await stays.end();
});

test('a reader of the feed under way misses nothing and sees one order', async () => {
	const seen = [];
	let cursor = 0;
	let writing = true;
	const writers = Array.from({ length: 6 }, async (_, w) => {
		for (let i = 0; i < 40; i++) {
			const api = await session();
			await write(api, firms[0], `w${'abcdef'[w]}.${'x'.repeat(i + 1)}`);
			await sleep(Math.random() * 8);
			await api.query(i % 7 === 3 ? 'rollback' : 'commit');
			await api.end();
		}
	});
	const reading = (async () => {
		for (let last = false; !last;) {
			last = !writing;
			await number(7);
			const { rows } = await rig.owner.query('select sequence::int, type from event where firm_id = $1 and sequence > $2 order by sequence', [firms[0].id, cursor]);
			seen.push(...rows);
			cursor = rows.at(-1)?.sequence ?? cursor;
		}
		while (await number() > 0);
		seen.push(...(await rig.owner.query('select sequence::int, type from event where firm_id = $1 and sequence > $2 order by sequence', [firms[0].id, cursor])).rows);
	})();
	await Promise.all(writers);
	writing = false;
	await reading;
	const { rows } = await rig.owner.query('select type from event');
	assert.equal(seen.length, rows.length);
	assert.deepEqual(seen.map((e) => e.sequence), Array.from({ length: rows.length }, (_, i) => i + 1));
	for (const w of 'abcdef') {
		const own = seen.filter((e) => e.type.startsWith(`w${w}.`)).map((e) => e.type.length);
		assert.deepEqual(own, [...own].sort((x, y) => x - y), 'one writer\'s events come in his order');
	}
});

test('whoever listens hears which firms have new numbers, once they are committed', async () => {
	const ear = await rig.cluster.connect('portico_api');
	const heard = [];
	ear.on('notification', (n) => heard.push(n.payload));
	await ear.query('listen portico_feed');
	await many(firms[0], 3);
	await many(firms[1], 1);
	await relay.query('begin');
	await number();
	await ear.query('select 1');
	assert.deepEqual(heard, []);
	await relay.query('commit');
	await until(() => heard.length === 2, 'both firms');
	assert.deepEqual([...heard].sort(), firms.map((f) => f.id).sort());
	await ear.end();
});

const published = async () => Number((await rig.owner.query('select count(*) from event where published_at is not null')).rows[0].count);
const unnumbered = async () => Number((await rig.owner.query('select count(*) from event where sequence is null')).rows[0].count);
const length = () => Number(rig.redis.try('xlen', 'portico:events') || 0);

test('the API\'s relay numbers and tells: at once, in batches, again when Redis is back, from another worker', async () => {
	const api = await rig.startApi(2);
	try {
		await many(firms[0], 3);
		await until(async () => (await published()) === 3 && length() === 3, 'three events');
		assert.match(rig.redis.try('xrange', 'portico:events', '-', '+', 'count', '1'), new RegExp(`event\\n[0-9a-f-]{36}\\nfirm\\n${firms[0].id}\\ntype\\nbulk.created`));

		await many(firms[1], 6000);
		await until(async () => (await published()) === 6003 && length() === 6003 && (await unnumbered()) === 0, 'a backlog');

		await rig.redis.stop();
		await many(firms[0], 700, 'down.created');
		await until(async () => (await unnumbered()) === 0, 'numbers without Redis');
		assert.equal(await published(), 6003);
		await rig.redis.start();
		await until(async () => (await published()) === 6703 && length() >= 700, 'what was not told');

		// whoever leads, the lock goes with its session, and another one leads
		let n = 708 - 5;
		for (const pid of children(api.child.pid)) {
			process.kill(pid, 'SIGKILL');
			await many(firms[0], 5, 'after.created');
			n += 5;
			await until(async () => (await published()) === n + 6000 && (await unnumbered()) === 0, 'the other worker');
		}
		assert.ok(n > 708);
		assert.deepEqual((await feed(firms[0])).map((e) => e.sequence), Array.from({ length: n }, (_, i) => i + 1));
	} finally {
		await api.stop();
	}
});

test('a relay that is frozen loses the lead, and when it goes on it disturbs nobody', async () => {
	const api = await rig.startApi(2);
	let workers = [];
	const leader = async () => (await rig.owner.query("select l.pid from pg_locks l where l.locktype = 'advisory' and l.classid = 1886352244 and l.objid = 1 and l.granted")).rows[0]?.pid;
	let frozen;
	try {
		await until(leader, 'a leader');
		workers = await until(() => children(api.child.pid).length >= 2 && children(api.child.pid), 'its workers');
		const first = await leader();
		// which worker it is cannot be asked: the one whose freezing stops the numbers
		for (const pid of workers) {
			process.kill(pid, 'SIGSTOP');
			await many(firms[0], 1, 'cold.created');
			await sleep(1500);
			if ((await unnumbered()) > 0) {
				frozen = pid;
				break;
			}
			process.kill(pid, 'SIGCONT');
		}
		assert.ok(frozen, 'neither of them numbers');
		await until(async () => (await unnumbered()) === 0, 'the other worker');
		assert.notEqual(await leader(), first);
		process.kill(frozen, 'SIGCONT');
		await many(firms[0], 20, 'warm.created');
		await until(async () => (await unnumbered()) === 0, 'the numbers');
		const rows = await feed(firms[0]);
		assert.deepEqual(rows.map((e) => e.sequence), rows.map((_, i) => i + 1));
	} finally {
		for (const pid of workers)
			try {
				process.kill(pid, 'SIGCONT');
			} catch { /* it has ended */ }
		await api.stop();
	}
});
