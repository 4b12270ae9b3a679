// Mailers, Redis and PostgreSQL die at any moment: nothing is lost, and next to nothing comes twice.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Rig, sleep, until } from './rig.mjs';

let rig;
before(async () => { rig = await Rig.start(); });
after(() => rig?.stop());
afterEach(() => rig.clean());

const attempts = async () => Number((await rig.owner.query('select coalesce(sum(attempts), 0) as n from envelope')).rows[0].n);

async function shares(w, n) {
	const ids = [];
	for (let i = 0; i < n; i++)
		ids.push((await rig.person(w, `Person ${i}`)).share.id);
	return ids;
}

const allSent = (n, ms) => until(async () =>
	Number((await rig.owner.query("select count(*) from envelope where state = 'sent'")).rows[0].count) === n, `${n} sent`, ms);

// The mail server has the mail for which it was told to do wrong, once.
const underWay = () => until(() => rig.sink.faults.length === 0, 'the attempt');

// How often each mail came; every copy must be the same.
function copies() {
	const byId = new Map();
	for (const mail of rig.sink.mails) {
		const seen = byId.get(mail.messageId);
		if (seen)
			assert.equal(mail.raw, seen.raw, 'copies differ');
		byId.set(mail.messageId, { raw: mail.raw, n: (seen?.n ?? 0) + 1 });
	}
	return [...byId.values()].map((m) => m.n);
}

test('kill -9 in the middle of a send: another mailer takes over at once', async () => {
	const w = await rig.world();
	const first = await rig.mailer();
	rig.sink.faults = [{ at: 'data', delay_ms: 60_000, times: 1 }];
	const [queued] = await rig.mailShare(w);
	await underWay();
	const second = await rig.mailer();
	await sleep(500);
	assert.equal((await rig.envelope(queued.id)).attempts, 1, 'what another holds is left alone');
	first.killed = true;
	first.kill('SIGKILL');
	const start = Date.now();
	await rig.settled(queued.id, 'sent');
	assert.ok(Date.now() - start < 3000);
	assert.equal(second.lines('delivery').length, 1);
	assert.deepEqual(copies(), [1]);
});

test('kill -9 after the final dot: one more copy at most, the same byte for byte', async () => {
	const w = await rig.world();
	const first = await rig.mailer();
	await rig.sink.stop(); // then nothing is recorded as sent before the kill
	const ids = await shares(w, 10);
	await rig.sink.start();
	rig.sink.faults = [{ at: 'data', delay_ms: 150 }];
	await rig.mailShare(w, { id: ids });
	await rig.sink.wait('', 1, 0, 60_000);
	first.killed = true;
	first.kill('SIGKILL');
	await rig.mailer();
	await allSent(10);
	const n = copies();
	assert.equal(n.length, 10);
	assert.ok(n.every((c) => c <= 2), `${n}`);
});

test('two mailers: each mail once', async () => {
	const w = await rig.world();
	const ids = await shares(w, 150);
	const mailers = [await rig.mailer(), await rig.mailer()];
	rig.sink.faults = [{ at: 'data', delay_ms: 10 }];
	await rig.mailShare(w, { id: ids });
	await allSent(150);
	assert.deepEqual(copies(), Array(150).fill(1));
	for (const mailer of mailers)
		assert.ok(mailer.lines('delivery').length > 10, 'both work');
});

test('without Redis the mailer finds its work by itself', async () => {
	await rig.redis.stop();
	try {
		const w = await rig.world();
		const mailer = await rig.mailer({ PORTICO_TEST_MODE: '0' });
		const [queued] = await rig.mailShare(w);
		const start = Date.now();
		await rig.settled(queued.id, 'sent');
		assert.ok(Date.now() - start < 2500);
		await rig.redis.start();
		await until(() => mailer.lines('redis').length === 2, 'Redis to be found again');
		assert.deepEqual(mailer.lines('redis').map((l) => l.level), ['warn', 'info']);
	} finally {
		if (rig.redis.child.exitCode !== null || rig.redis.child.signalCode !== null)
			await rig.redis.start();
	}
});

for (const [what, ...words] of [['FLUSHALL', 'flushall'], ['XGROUP DESTROY', 'xgroup', 'destroy', 'portico:events', 'mailer'],
	['XTRIM 0', 'xtrim', 'portico:events', 'maxlen', '0'], ['DEL', 'del', 'portico:events']])
	test(`${what} loses nothing, and the wake-ups go on`, async () => {
		const w = await rig.world();
		const mailer = await rig.mailer({ PORTICO_TEST_MODE: '0' });
		const [one] = await rig.mailShare(w);
		rig.ring(one.event_id, w.firm);
		await rig.settled(one.id, 'sent');
		const [two] = await rig.mailShare(w);
		assert.notEqual(rig.redis.try(...words), null);
		await rig.settled(two.id, 'sent');
		await until(() => rig.redis.try('exists', 'portico:events') === '1' && /mailer/.test(rig.redis.try('xinfo', 'groups', 'portico:events') ?? ''), 'the group');
		const waits = [];
		for (let i = 0; i < 5; i++) {
			const [e] = await rig.mailShare(w);
			const start = Date.now();
			rig.ring(e.event_id, w.firm);
			await rig.settled(e.id, 'sent');
			waits.push(Date.now() - start);
		}
		assert.ok(waits.sort((a, b) => a - b)[2] < 300, `${waits}`);
		assert.equal(mailer.lines('database').length, 0);
	});

test('entries that a dead mailer took are not left lying for ever', async () => {
	rig.redis.try('xgroup', 'create', 'portico:events', 'mailer', '0', 'mkstream');
	rig.redis.try('xadd', 'portico:events', '*', 'event', 'x');
	rig.redis.try('xreadgroup', 'group', 'mailer', 'mailer', 'streams', 'portico:events', '>');
	rig.redis.try('xclaim', 'portico:events', 'mailer', 'mailer', '0', rig.redis.try('xrange', 'portico:events', '-', '+').split('\n')[0], 'idle', '3600000');
	await rig.mailer();
	await until(() => rig.redis.try('xlen', 'portico:events') === '0', 'the stream to be empty');
});

test('the database\'s session is cut while mails are under way: each is recorded, none comes twice', async () => {
	const w = await rig.world();
	const ids = await shares(w, 30);
	await rig.mailer();
	rig.sink.faults = [{ at: 'data', delay_ms: 300 }];
	await rig.mailShare(w, { id: ids });
	const root = await rig.cluster.connect('postgres');
	let cut = 0;
	for (let i = 0; i < 5; i++) {
		await sleep(200);
		cut += (await root.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'portico_mailer'")).rowCount;
	}
	assert.ok(cut >= 2, `${cut}`);
	await allSent(30);
	assert.deepEqual(copies(), Array(30).fill(1));
});

test('kill -9 of PostgreSQL while mails are under way: found again, each recorded, none comes twice', async () => {
	const w = await rig.world();
	const ids = await shares(w, 20);
	const mailers = [await rig.mailer(), await rig.mailer()];
	rig.sink.faults = [{ at: 'data', delay_ms: 1000 }];
	await rig.mailShare(w, { id: ids });
	await until(async () => (await attempts()) >= 10, 'the attempts');
	rig.cluster.kill('SIGKILL');
	await rig.cluster.gone;
	await sleep(1500); // what was under way ends meanwhile, and is not known to the database
	await rig.cluster.start();
	rig.owner = rig.make.db = await rig.cluster.connect('portico_owner');
	rig.api = await rig.cluster.connect('portico_api');
	await allSent(20, 30_000);
	assert.deepEqual(copies(), Array(20).fill(1));
	for (const mailer of mailers)
		assert.ok(mailer.lines('database').length <= 2 * 2, 'an outage is told once, and once that it is over');
});

test('a crash of one server process has the same grace as a restart', async () => {
	const w = await rig.world();
	const mailer = await rig.mailer();
	rig.sink.faults = [{ at: 'data', delay_ms: 3000, times: 1 }];
	const [queued] = await rig.mailShare(w);
	await underWay();
	const { rows: [{ pid }] } = await rig.owner.query("select pg_backend_pid() as pid");
	process.kill(pid, 'SIGKILL'); // the postmaster restarts everything, and keeps its start time
	await sleep(300);
	mailer.kill('SIGSTOP'); // its session is gone, and it cannot come back yet
	await until(async () => {
		rig.owner = rig.make.db = await rig.cluster.connect('portico_owner').catch(() => null);
		return rig.owner;
	}, 'PostgreSQL');
	rig.api = await rig.cluster.connect('portico_api');
	const second = await rig.mailer();
	await sleep(1500);
	assert.equal(second.lines('delivery').length, 0, 'the claim is left alone for half a minute');
	mailer.kill('SIGCONT');
	await rig.settled(queued.id, 'sent');
	assert.deepEqual(copies(), [1]);
});

test('a database that is away at the start is waited for', async () => {
	const w = await rig.world();
	const [queued] = await rig.mailShare(w);
	rig.cluster.kill('SIGINT');
	await rig.cluster.gone;
	const mailer = await rig.mailer();
	await until(() => mailer.lines('database').length === 1, 'the warning');
	await rig.cluster.start();
	rig.owner = rig.make.db = await rig.cluster.connect('portico_owner');
	rig.api = await rig.cluster.connect('portico_api');
	await rig.settled(queued.id, 'sent');
	assert.deepEqual(mailer.lines('database').map((l) => l.level), ['warn', 'info']);
});

test('a mailer that hangs for a quarter of an hour loses its claim', async () => {
	const w = await rig.world();
	const mailer = await rig.mailer();
	rig.sink.faults = [{ at: 'data', delay_ms: 60_000, times: 1 }];
	const [queued] = await rig.mailShare(w);
	await underWay();
	mailer.kill('SIGSTOP');
	await rig.owner.query("update envelope set claimed_at = claimed_at - interval '16 minutes'");
	await rig.mailer();
	await rig.settled(queued.id, 'sent');
	mailer.kill('SIGCONT');
	mailer.killed = true;
	await mailer.stop('SIGKILL');
});

test('the test clock moves no claim: what is under way stays with its mailer', async () => {
	const w = await rig.world();
	await rig.mailer();
	const second = await rig.mailer();
	rig.sink.faults = [{ at: 'data', delay_ms: 1500, times: 1 }];
	const [queued] = await rig.mailShare(w);
	await underWay();
	rig.setOffset(3600);
	await rig.settled(queued.id, 'sent');
	assert.deepEqual(copies(), [1]);
	assert.ok(second.lines('delivery').length <= 1);
});

test('an envelope on which the database itself fails is put aside, the others go out', async () => {
	const w = await rig.world();
	const bad = await rig.person(w, 'Bad');
	const [poison] = await rig.mailShare(w, bad.share);
	await rig.owner.query(`create function fail() returns trigger language plpgsql as $$
		begin if new.frozen is not null and new.id = '${poison.id}' then raise exception 'poison'; end if; return new; end $$`);
	await rig.owner.query('create trigger fail before update on envelope for each row execute function fail()');
	try {
		const [one] = await rig.mailShare(w);
		const [two] = await rig.mailShare(w);
		await rig.mailer();
		await rig.settled(one.id, 'sent');
		await rig.settled(two.id, 'sent');
		const e = await rig.envelope(poison.id);
		assert.match(e.error, /poison/);
		assert.ok(e.due_at > Date.now() + 200_000);
	} finally {
		await rig.owner.query('drop trigger fail on envelope');
		await rig.owner.query('drop function fail()');
	}
});

test('test mode\'s reset under a mail that is being sent leaves nothing behind', async () => {
	const w = await rig.world();
	const mailer = await rig.mailer();
	rig.sink.faults = [{ at: 'data', delay_ms: 500, times: 1 }];
	await rig.mailShare(w);
	await underWay();
	await rig.owner.query('truncate envelope, delivery, event');
	await until(() => mailer.lines('delivery').length === 1, 'the delivery');
	await sleep(300);
	assert.equal((await rig.owner.query('select from test_mail')).rowCount, 0);
	assert.equal(mailer.lines('database').length, 0);
});
