// mail.test.mjs - what was acknowledged survives kill -9 of anything at any time: mails, documents, acts.
//
// TORTURE_KILLS (100) kill points and TORTURE_EVENTS (2000) events, dealt out by TORTURE_SEED. The promises' own numbers,
// 1000 and 20000, are `make test-torture-long`.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chance, rig as startRig, SEED, setting, until, uuid } from './rig.mjs';
import { made, office, sha256 } from './office.mjs';
import { Crowd, KILLS, siege } from './nemesis.mjs';

const KILL_POINTS = setting('TORTURE_KILLS', 100);
const EVENTS = setting('TORTURE_EVENTS', 2000);
const PEOPLE = setting('TORTURE_PEOPLE', 8);
const SLOTS = 10; // mails that the mailer has under way at once
const HEAL_MS = 60_000;

const luck = chance(SEED);
/** @type {import('./rig.mjs').Rig} */ let rig;
/** @type {Crowd} */ let crowd;
/** @type {import('./office.mjs').Office} */ let firm;

before(async () => {
	console.log(`seed ${SEED}, ${KILL_POINTS} kills, ${EVENTS} events`);
	rig = await startRig();
	firm = await office(rig);
	crowd = new Crowd(rig, firm, luck);
});
after(() => rig?.end());

/** How often each. @param {string[]} list */
const tally = (list) => Object.entries(list.reduce((/** @type {Record<string, number>} */ t, x) => ({ ...t, [x]: (t[x] ?? 0) + 1 }), {})).map(([k, n]) => `${k} ${n}`).join(', ');

/** There are none of them. @param {string[]} list @param {string} what */
const none = (list, what) => assert.ok(list.length === 0, `${list.length} ${what}:\n${list.slice(0, 10).join('\n')}`);

/** The mails by Message-ID. @param {number} from @returns {Map<string, import('../lib/sink.mjs').Mail[]>} */
function copies(from) {
	/** @type {Map<string, import('../lib/sink.mjs').Mail[]>} */
	const map = new Map();
	for (const mail of rig.sink.to('', from)) map.set(mail.messageId, [...(map.get(mail.messageId) ?? []), mail]);
	return map;
}

/** Texts of the mails by recipient: one pass, for there are thousands. @returns {Map<string, string>} */
function letters() {
	/** @type {Map<string, string>} */
	const map = new Map();
	for (const mail of rig.sink.mails) map.set(mail.to, `${map.get(mail.to) ?? ''}\n${mail.text}`);
	return map;
}

/** What follows from the acts and has not arrived. @param {import('./office.mjs').Act[]} acts */
function missing(acts) {
	const got = letters();
	return acts.flatMap((a) => a.mails.filter((m) => !got.get(m.to.toLowerCase())?.includes(m.says)).map((m) => `${a.kind} ${a.name} to ${m.to} (${a.statuses})`));
}

/** Is the act's object in the database, acknowledged or not? How many there are. @param {import('./office.mjs').Act} a */
async function effects(a) {
	const body = /** @type {any} */ (a.json);
	const ask = /** @type {Record<string, [string, unknown[]]>} */ ({
		folder: ['select id from folder where name = $1', [a.name]],
		share: ['select s.id from share s join folder f on f.firm_id = s.firm_id and f.id = s.folder_id where f.name = $1', [a.name]],
		contact: ['select id from contact where primary_email = $1', [a.name]],
		invite: ['select id from invitation where email = $1', [a.name]],
		upload: ['select id from document where name like $1', [`${a.name.replace('.bin', '')}%`]],
		scan: ['select id from document where name like $1', [`${a.name.replace('.bin', '')}%`]],
	})[a.kind];
	if (!ask) throw new Error(a.kind);
	const rows = await rig.stack.sql(...ask);
	return { there: rows.length > 0, times: a.kind === 'share' ? rows.length / body.contact_ids.length : rows.length };
}

/** @param {string} name @param {{ kills: number, events: number, targets: string[], duplicates: (blows: import('./nemesis.mjs').Blow[], groups: import('../lib/sink.mjs').Mail[][]) => void }} how */
function assault(name, { kills, events, targets, duplicates }) {
	describe(name, () => {
		let mark = 0, first = 0;
		/** @type {Awaited<ReturnType<typeof siege>>} */ let told;

		test('P1 P3 P12: the work goes on, and every answer is a success or "not now"', { timeout: (kills * 20 + 300) * 1000 }, async () => {
			mark = rig.sink.mails.length;
			first = crowd.ledger.length;
			const began = Date.now();
			told = await siege(crowd, luck, { kills, events, targets, people: PEOPLE });
			const acts = crowd.ledger.slice(first);
			console.log(`${tally(told.blows.map((b) => b.what))}; Redis: ${tally(told.losses)}; ${Math.round((Date.now() - began) / 1000)} s`);
			console.log(`acts: ${tally(acts.map((a) => a.kind))}; ${tally(acts.map((a) => a.state))}; again ${acts.filter((a) => a.tries > 1).length}`);
			none(crowd.wrongs, 'wrong answers');
		});

		test('P1: every acknowledged mail arrives within 60 s of healing', async () => {
			const acked = crowd.ledger.slice(first).filter((a) => a.state === 'acked');
			await until(() => missing(acked).length === 0, HEAL_MS - (Date.now() - told.healed), () => `lost: ${missing(acked).join('\n')}\n${rig.words()}`);
			console.log(`the last mail came ${Math.max(0, (rig.sink.mails.at(-1)?.at ?? 0) - told.healed)} ms after healing`);
		});

		test('P1: what was acknowledged is there, once', async () => {
			for (const a of crowd.ledger.slice(first).filter((x) => x.state === 'acked')) {
				const [table, id] = made(a);
				assert.equal((await rig.stack.sql(`select 1 from ${table} where id = $1`, [id])).length, 1, `${a.kind} ${a.name}`);
				assert.equal((await effects(a)).times, 1, `${a.kind} ${a.name} (${a.statuses})`);
			}
		});

		test('P1: what was not acknowledged is whole or not at all, mails and database agree', async () => {
			const waiting = "select count(*)::int as n from envelope where state in ('queued', 'deferred')";
			await until(async () => (await rig.stack.sql(waiting))[0].n === 0, HEAL_MS, () => `mails are still waiting\n${rig.words()}`);
			const open = crowd.ledger.slice(first).filter((a) => a.state !== 'acked');
			let there = 0;
			for (const a of open) {
				const effect = await effects(a);
				there += Number(effect.there);
				assert.ok(effect.times <= 1, `${a.kind} ${a.name}: ${effect.times} times (${a.statuses})`);
				assert.equal(missing([a]).length, effect.there ? 0 : a.mails.length, `${a.kind} ${a.name} (${a.statuses}), in the database: ${effect.there}`);
			}
			console.log(`not acknowledged: ${open.length}, ${there} of them there`);
			const rows = await rig.stack.sql('select id, kind, state, message_id, error from envelope');
			none(rows.filter((row) => row.state !== 'sent').map((row) => JSON.stringify(row)), 'envelopes that are not sent');
			const said = new Set(rows.map((row) => `<${row.message_id.replace(/[<>]/g, '')}>`));
			assert.equal(said.size, rows.length);
			const got = copies(0);
			none([...got.keys()].filter((id) => !said.has(id)), 'mails that no envelope knows');
			none([...said].filter((id) => !got.has(id)), 'envelopes that are sent and did not arrive');
		});

		test('P2: duplicates are bounded, and every copy is the same to the byte', () => {
			const groups = [...copies(mark).values()].filter((list) => list.length > 1);
			console.log(`mails ${rig.sink.mails.length - mark}, duplicates ${groups.reduce((n, list) => n + list.length - 1, 0)}`);
			for (const list of groups)
				for (const mail of list) {
					assert.equal(mail.raw, list[0]?.raw);
					assert.equal(mail.headers['date'], list[0]?.headers['date']);
				}
			duplicates(told.blows, groups);
		});

		test('P6: every acknowledged document has its bytes; nothing else is to be seen', async () => {
			const uploads = crowd.ledger.slice(first).filter((a) => a.body);
			for (const a of uploads.filter((u) => u.state === 'acked')) {
				if (a.kind === 'upload') assert.equal(a.answer.sha256, a.sha256, a.name);
				const answer = await rig.ask(`/v1/documents/${a.answer.id}/content`, { as: firm.owner });
				assert.equal(answer.status, 200, a.name);
				assert.equal(sha256(answer.body), a.sha256, a.name);
			}
			const acked = new Set(uploads.filter((u) => u.state === 'acked').map((u) => uuid(u.answer.id)));
			const names = new Map(uploads.map((u) => [u.name, u]));
			const rows = await rig.stack.sql("select d.id, d.name, encode(b.sha256, 'hex') as sha256 from document d join blob b on b.firm_id = d.firm_id and b.id = d.blob_id");
			for (const row of rows.filter((r) => names.has(r.name) && !acked.has(r.id))) {
				const a = names.get(row.name);
				assert.ok(a?.state === 'open', `${row.name} is there though refused`);
				assert.equal(row.sha256, a.sha256, row.name);
			}
		});
	});
}

const others = Object.keys(KILLS).filter((name) => name !== 'mailer');
const few = Math.max(1, Math.round(KILL_POINTS * 0.3));

assault('kills of all but the mailer', {
	kills: KILL_POINTS - few, events: Math.round(EVENTS * 0.7), targets: others,
	duplicates: (_blows, groups) => none(groups.map((list) => `${list.length} times ${list[0]?.to} ${list[0]?.subject}`), 'duplicates'),
});

assault('kills of the mailer among the others', {
	kills: few, events: Math.round(EVENTS * 0.3), targets: [...others, ...others.map(() => 'mailer')],
	duplicates: (blows, groups) => {
		const kills = blows.filter((b) => b.what === 'mailer').map((b) => b.at);
		let pairs = groups.flatMap((list) => list.slice(1).map((mail, i) => ({ from: (list[i]?.at ?? 0) - 2000, to: mail.at, mail }))).sort((x, y) => x.to - y.to);
		// Each second copy is the fault of a kill between the two, and no kill has more of them than mails were under way.
		for (const at of kills) {
			const its = pairs.filter((p) => p.from <= at && at <= p.to).slice(0, SLOTS);
			pairs = pairs.filter((p) => !its.includes(p));
		}
		none(pairs.map((p) => `${p.mail.to} ${p.mail.subject}`), `duplicates that ${kills.length} kills of the mailer do not explain`);
	},
});

describe('when all is quiet', () => {
	test('P1: there were as many events as promised', async () => {
		const [row] = await rig.stack.sql('select count(*)::int as n from event');
		assert.ok(row.n >= EVENTS, `${row.n}`);
	});
	test('P5: nobody sits in a transaction', () => until(() => rig.databaseIsQuiet(), 20_000, 'the database is quiet'));
	test('P6: spool and incoming are empty, and files without a row go with the hour', async () => {
		rig.age();
		await until(() => rig.storeIsClean(), 20_000, 'the store is clean');
		for (const a of crowd.ledger.filter((u) => u.body && u.state === 'acked').slice(-20))
			assert.equal(sha256((await rig.ask(`/v1/documents/${a.answer.id}/content`, { as: firm.owner })).body), a.sha256, a.name);
	});
	test('P3: Redis has been told of everything', async () => {
		await until(async () => (await rig.stack.sql('select count(*)::int as n from event where published_at is null or sequence is null'))[0].n === 0, 30_000, 'all events are numbered and told');
	});
});
