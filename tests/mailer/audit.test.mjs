// The audit log is sealed by the relay in the order of the events, and porticoctl finds the first place where somebody was at it.

import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { build } from '../lib/root.mjs';
import { children, Rig, sleep, statement, until } from './rig.mjs';

let rig;
let relay;
let firms;
before(async () => {
	rig = await Rig.start({ redis: false });
	relay = await rig.cluster.connect('portico_relay');
	firms = [await rig.make.firm(), await rig.make.firm()];
});
after(() => rig?.stop());
afterEach(() => rig.owner.query('alter table audit enable trigger all; truncate audit, sequencer'));

const seal = async (batch = 1000) => (await relay.query(statement('relay_seal').text, [batch])).rowCount;
const chain = async (firm) => (await rig.owner.query('select action, sequence::int from audit a where firm_id = $1 and sequence is not null order by a.sequence', [firm.id])).rows;
const unsealed = async () => Number((await rig.owner.query('select count(*) from audit where sequence is null')).rows[0].count);

function write(db, firm, action, more = {}) {
	const row = { firm_id: firm.id, id: randomUUID(), at: '2026-01-01T00:00:00Z', actor_type: 'staff', actor_id: randomUUID(), actor_name: 'Änn, 3:x,',
		action, object_type: 'client', object_id: randomUUID(), client_id: null, ip: '10.0.0.1', request_id: 'req_1', outcome: 'ok',
		detail: { b: 1, aa: 'x' }, ...more };
	return db.query(`insert into audit (${Object.keys(row)}) values (${Object.keys(row).map((_, i) => `$${i + 1}`)})`, Object.values(row));
}

async function session(firm) {
	const api = await rig.cluster.connect('portico_api');
	await api.query(`begin; select claim_firm('${firm.id}')`);
	return api;
}

// `n` sealed entries of a firm.
async function sealed(firm, n) {
	for (let i = 0; i < n; i++)
		await write(rig.owner, firm, `act.n${i + 1}`);
	while (await seal() > 0);
}

function verify(...words) {
	const got = spawnSync(join(build, 'porticoctl'), ['audit', 'verify', ...words],
		{ encoding: 'utf8', env: { PATH: process.env.PATH, ...rig.env(), PORTICO_OWNER_DATABASE: rig.cluster.conninfo('portico_owner') } });
	return { status: got.status, out: got.stdout, err: got.stderr };
}

const lineOf = (firm, out) => out.split('\n').find((line) => line.startsWith(`${firm.slug}:`)) ?? out;

test('P19 what is hashed can be made without us: every column, each with its length, behind the hash before', async () => {
	await write(rig.owner, firms[0], 'act.one');
	await write(rig.owner, firms[0], 'act.two', { actor_id: null, ip: null, actor_name: '', detail: {} });
	assert.equal(await seal(), 2);
	const { rows } = await rig.owner.query(`select firm_id, sequence, id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
		actor_type, actor_id, actor_name, action, object_type, object_id, client_id, ip, request_id, outcome, detail::text, xid, row_no, prev_hash, hash
		from audit order by sequence`);
	let before = Buffer.alloc(0);
	for (const { prev_hash, hash, ...columns } of rows) {
		const bytes = Object.values(columns).map((v) => v === null ? '-,' : `${Buffer.byteLength(String(v))}:${v},`).join('');
		assert.deepEqual(prev_hash, before);
		before = createHash('sha256').update(before).update(bytes).digest();
		assert.deepEqual(hash, before);
	}
	const { rows: names } = await rig.owner.query("select column_name as name from information_schema.columns where table_name = 'audit'");
	assert.deepEqual(names.map((r) => r.name).sort(), Object.keys(rows[0]).sort(), 'no column is left out');
});

test('P19 entries are sealed in the order of their commits, firm by firm, nothing past a slow transaction, nothing twice', async () => {
	const [slow, fast, other] = [await session(firms[0]), await session(firms[0]), await session(firms[1])];
	await write(slow, firms[0], 'slow.one');
	await write(fast, firms[0], 'fast.one');
	await write(other, firms[1], 'other.one');
	await fast.query('commit');
	await other.query('rollback');
	assert.equal(await seal(), 0, 'the slow one may still commit');
	await slow.query('commit');
	await write(rig.owner, firms[1], 'other.two');
	assert.equal(await seal(2), 2);
	assert.equal(await seal(2), 1);
	assert.equal(await seal(2), 0);
	assert.deepEqual((await chain(firms[0])).map((e) => [e.sequence, e.action]), [[1, 'slow.one'], [2, 'fast.one']]);
	assert.deepEqual((await chain(firms[1])).map((e) => [e.sequence, e.action]), [[1, 'other.two']]);
	assert.equal(verify().status, 0);
	for (const db of [slow, fast, other])
		await db.end();
});

test('P19 writers at once, small batches, and the relay killed in the middle: every chain is whole', async () => {
	const api = await rig.startApi(2);
	const N = 60;
	try {
		const writers = Array.from({ length: 6 }, async (_, w) => {
			for (let i = 0; i < N; i++) {
				const db = await session(firms[w % 2]);
				await write(db, firms[w % 2], `w${w}.n${i}`);
				if (i % 5 === 0)
					await sleep(Math.random() * 8);
				await db.query(i % 7 === 3 ? 'rollback' : 'commit');
				await db.end();
			}
		});
		for (const pid of children(api.child.pid)) {
			await sleep(100);
			process.kill(pid, 'SIGKILL');
		}
		await Promise.all(writers);
		await until(async () => (await unsealed()) === 0, 'the seals');
		const got = verify();
		assert.equal(got.status, 0, got.out);
		for (const firm of firms) {
			const { rows } = await rig.owner.query('select count(*)::int as n from audit where firm_id = $1', [firm.id]);
			assert.match(lineOf(firm, got.out), new RegExp(`: whole, ${rows[0].n} entries, end [0-9a-f]{64}, 0 not sealed yet$`));
			assert.deepEqual((await chain(firm)).map((e) => e.sequence), Array.from({ length: rows[0].n }, (_, i) => i + 1));
		}
	} finally {
		await api.stop();
	}
});

test('a backlog of many batches is sealed in one go', async () => {
	await rig.owner.query(`insert into audit (firm_id, id, at, actor_type, actor_name, action, object_type, request_id, outcome)
		select $1, gen_random_uuid(), '2026-01-01', 'system', '', 'bulk.made', '', '', 'ok' from generate_series(1, 12000)`, [firms[0].id]);
	const api = await rig.startApi(1);
	try {
		await until(async () => (await unsealed()) === 0, 'the seals');
	} finally {
		await api.stop();
	}
	assert.match(lineOf(firms[0], verify().out), /: whole, 12000 entries/);
});

test('P19 verify needs no entries, knows its firms, and leaves what is not sealed yet alone', async () => {
	assert.deepEqual(verify().status, 0);
	await sealed(firms[0], 3);
	await write(rig.owner, firms[0], 'act.new');
	const got = verify('--firm', firms[0].slug);
	assert.equal(got.status, 0);
	assert.match(got.out, /: whole, 3 entries, end [0-9a-f]{64}, 1 not sealed yet\n$/);
	const none = verify('--firm', 'nobody');
	assert.equal(none.status, 1);
	assert.match(none.err, /not_found: no firm has this slug/);
});

// What somebody with the owner's rights does, and what verify says of it. `at` is the entry's place.
const TAMPERINGS = [
	['an entry is taken out', 'delete from audit where sequence = 4', /entries 4 to 4 are missing; whole up to entry 3$/],
	['the first is taken out', 'delete from audit where sequence = 1', /entries 1 to 1 are missing; whole up to entry 0$/],
	['several are taken out', 'delete from audit where sequence between 3 and 5', /entries 3 to 5 are missing; whole up to entry 2$/],
	['the end is cut off', 'delete from audit where sequence > 6', /entries 7 to 8 are cut off; whole up to entry 6$/],
	['all is gone', 'delete from audit', /entries 1 to 8 are cut off; whole up to entry 0$/],
	['two change places', 'update audit set sequence = 99 where sequence = 5; update audit set sequence = 5 where sequence = 6; update audit set sequence = 6 where sequence = 99',
		/entry 5 \(aud_\w+\) does not follow from the one before it; whole up to entry 4$/],
	['one is made up at the end', `insert into audit select firm_id, gen_random_uuid(), at, actor_type, actor_id, actor_name, 'made.up', object_type, object_id, client_id, ip,
		request_id, outcome, detail from audit where sequence = 8;
		update audit a set sequence = 9, prev_hash = l.hash, hash = audit_link(null, l.hash, audit_bytes(a, 9)) from audit l where l.sequence = 8 and a.action = 'made.up'`,
		/the sequencer has sealed no more than 8; whole up to entry 9$/],
	['one is put between, and the rest moved', `update audit set sequence = sequence + 100 where sequence > 4;
		insert into audit select firm_id, gen_random_uuid(), at, actor_type, actor_id, actor_name, 'made.up', object_type, object_id, client_id, ip,
		request_id, outcome, detail from audit where sequence = 4;
		update audit a set sequence = 5, prev_hash = l.hash, hash = audit_link(null, l.hash, audit_bytes(a, 5)) from audit l where l.sequence = 4 and a.action = 'made.up';
		update audit set sequence = sequence - 99 where sequence > 100`, /entry 6 \(aud_\w+\) does not follow from the one before it; whole up to entry 5$/],
	['the last is rewritten with a hash that fits', `update audit set action = 'x.y' where sequence = 8;
		update audit a set hash = audit_link(null, prev_hash, audit_bytes(a, 8)) where sequence = 8`, /its end is not the one that was sealed last; whole up to entry 8$/],
	['one in the middle is rewritten with a hash that fits', `update audit set action = 'x.y' where sequence = 4;
		update audit a set hash = audit_link(null, prev_hash, audit_bytes(a, 4)) where sequence = 4`, /entry 5 \(aud_\w+\) does not follow from the one before it; whole up to entry 4$/],
	['a seal is taken off', 'update audit set sequence = null, prev_hash = null, hash = null where sequence = 4', /entries 4 to 4 are missing; whole up to entry 3$/],
];

const COLUMNS = { id: 'gen_random_uuid()', at: "at + interval '1 microsecond'", actor_type: "'portal'", actor_id: 'gen_random_uuid()', actor_name: "actor_name || ' '",
	action: "'x.y'", object_type: "'contact'", object_id: 'null', client_id: 'gen_random_uuid()', ip: 'null', request_id: "''", outcome: "'denied'",
	detail: "detail || '{\"c\": null}'", xid: "'7'::xid8" };
for (const [column, value] of Object.entries(COLUMNS))
	TAMPERINGS.push([`${column} is changed`, `update audit set ${column} = ${value} where sequence = 4`, /entry 4 \(aud_\w+\) is not what was sealed; whole up to entry 3$/]);

test('P19 verify tells the first place where somebody with all rights was at the log', async () => {
	await sealed(firms[0], 8);
	for (const [name, sql, said] of TAMPERINGS) {
		await rig.owner.query('create table kept as select * from audit');
		await rig.owner.query('alter table audit disable trigger all');
		await rig.owner.query(sql);
		const got = verify();
		assert.equal(got.status, 1, name);
		assert.match(lineOf(firms[0], got.out), said, name);
		assert.match(lineOf(firms[1], got.out), /: whole, 0 entries/, 'the others are told of all the same');
		await rig.owner.query('truncate audit; insert into audit overriding system value select * from kept; drop table kept');
		assert.equal(verify().status, 0, `${name}: as it was`);
	}
});

test('P19 the programs cannot be at the log: grants and the trigger refuse them', async () => {
	await sealed(firms[0], 2);
	await write(rig.owner, firms[0], 'act.new');
	const refused = (db, sql) => assert.rejects(db.query(sql), (e) => e.code === '42501', sql);
	const tries = ["update audit set action = 'x.y'", 'delete from audit', 'truncate audit', 'alter table audit disable trigger all',
		"update audit set detail = '{}' where sequence = 1", 'drop trigger audit_seal_only on audit'];
	for (const role of ['api', 'relay', 'mailer', 'janitor']) {
		const db = await rig.cluster.connect(`portico_${role}`);
		if (role === 'api')
			await db.query(`select set_config('portico.firm', '${firms[0].id}', false)`);
		for (const sql of tries)
			await refused(db, sql);
		if (role !== 'relay')
			for (const sql of ["update audit set hash = '\\x00'", "update sequencer set audit_hash = '\\x00'", 'update audit set sequence = 9 where sequence = 1'])
				await refused(db, sql);
		await db.end();
	}
	for (const sql of ["update audit set hash = '\\x00' where sequence = 1", 'update audit set sequence = null, prev_hash = null, hash = null where sequence = 2',
		'update audit set sequence = 7 where sequence = 1'])
		await refused(relay, sql);
	assert.equal(await seal(), 1, 'and the relay does its work');
	assert.equal(verify().status, 0);
});
