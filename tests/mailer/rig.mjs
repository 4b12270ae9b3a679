// rig.mjs - the mailer between private servers: PostgreSQL, Redis, a mail server that misbehaves.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync, constants, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../db/cluster.mjs';
import { Fixture } from '../db/fixture.mjs';
import { build, root } from '../lib/root.mjs';
import { Sink } from '../lib/sink.mjs';

export { sleep };
export const FROM = 'no-reply@portal.example';

// Wait until `look` gives something true, and give that back.
export async function until(look, what = 'it', ms = 15_000) {
	for (const end = Date.now() + ms; ;) {
		const found = await look();
		if (found)
			return found;
		assert.ok(Date.now() < end, `${what} did not come within ${ms} ms`);
		await sleep(20);
	}
}

// The processes that a process has started.
export function children(parent) {
	return readdirSync('/proc').filter((p) => /^\d+$/.test(p)).filter((p) => {
		try {
			return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${p}/stat`, 'utf8'))[1]) === parent;
		} catch {
			return false;
		}
	}).map(Number);
}

// A Redis of one's own, on a UNIX socket.
export class Redis {
	constructor(dir) {
		this.dir = dir;
		this.socket = join(dir, 'redis.sock');
		this.onExit = () => this.child?.kill('SIGKILL');
		process.once('exit', this.onExit);
	}

	get url() { return `unix:${this.socket}`; }

	async start() {
		this.child = spawn('redis-server', ['--port', '0', '--unixsocket', this.socket, '--save', '', '--appendonly', 'no',
			'--dir', this.dir], { stdio: 'ignore' });
		await until(() => this.try('ping') === 'PONG', 'Redis');
	}

	async stop(signal = 'SIGKILL') {
		const gone = once(this.child, 'exit');
		this.child.kill(signal);
		await gone;
	}

	try(...words) {
		try {
			return execFileSync('redis-cli', ['-s', this.socket, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
		} catch {
			return null;
		}
	}
}

// One running portico-mailer, or another program; its log as objects.
export class Mailer {
	constructor(env, program = 'portico-mailer') {
		this.log = [];
		this.noise = '';
		this.child = spawn(join(build, program), { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'inherit', 'pipe'] });
		this.gone = once(this.child, 'exit').then(([code, signal]) => ({ code, signal }));
		let rest = '';
		this.child.stderr.on('data', (part) => {
			const lines = (rest + part).split('\n');
			rest = lines.pop();
			for (const line of lines) {
				if (process.env.MAILER_LOG)
					console.error(line);
				try {
					this.log.push(JSON.parse(line));
				} catch {
					this.noise += `${line}\n`;
				}
			}
		});
	}

	kill(signal) { this.child.kill(signal); }

	// What does not end in good time is killed, and has failed.
	async stop(signal = 'SIGTERM') {
		if (this.child.exitCode === null && this.child.signalCode === null)
			this.child.kill(signal);
		const late = setTimeout(() => this.child.kill('SIGKILL'), 25_000);
		return this.gone.finally(() => clearTimeout(late));
	}

	lines(event) { return this.log.filter((l) => l.event === event); }
}

export class Rig {
	// { redis: false } without Redis, { sink } with another mail server than ours, { env } more settings.
	static async start(options = {}) {
		const rig = new Rig();
		rig.dir = mkdtempSync(join(tmpdir(), 'pm-'));
		rig.options = options;
		rig.cluster = await startCluster({ options: options.pg });
		rig.redis = new Redis(rig.dir);
		if (options.redis !== false)
			await rig.redis.start();
		rig.sink = await new Sink().start();
		rig.owner = await rig.cluster.connect('portico_owner');
		rig.api = await rig.cluster.connect('portico_api');
		rig.mailers = [];
		rig.clock = join(rig.dir, 'clock');
		rig.setOffset(0);
		rig.make = new Fixture(rig.owner);
		return rig;
	}

	env(more = {}) {
		return {
			PORTICO_PUBLIC_URL: 'https://portal.example', PORTICO_MAILER_DATABASE: this.cluster.conninfo('portico_mailer'),
			PORTICO_JANITOR_DATABASE: this.cluster.conninfo('portico_janitor'), PORTICO_REDIS_URL: this.redis.url,
			PORTICO_SECRET_KEY: '42'.repeat(32), PORTICO_SMTP_URL: this.sink.url, PORTICO_MAIL_FROM: FROM,
			PORTICO_TEST_MODE: '1', PORTICO_CLOCK_FILE: this.clock, ...this.options.env, ...more,
		};
	}

	async mailer(env = {}) {
		const mailer = new Mailer(this.env(env));
		this.mailers.push(mailer);
		await until(() => mailer.lines('start').length || mailer.child.exitCode !== null, 'the mailer');
		return mailer;
	}

	// A portico-api without an edge: for its relay.
	async startApi(workers) {
		for (const dir of ['store', 'spool'])
			mkdirSync(join(this.dir, dir), { recursive: true });
		const api = new Mailer({
			...this.env(), PORTICO_API_DATABASE: this.cluster.conninfo('portico_api'), PORTICO_RELAY_DATABASE: this.cluster.conninfo('portico_relay'),
			PORTICO_SOCKET: join(this.dir, 'api.sock'), PORTICO_STORE_DIR: join(this.dir, 'store'), PORTICO_SPOOL_DIR: join(this.dir, 'spool'),
			PORTICO_WORKERS: String(workers), PORTICO_OPENAPI: join(build, 'openapi.json'),
		}, 'portico-api');
		await until(() => existsSync(join(this.dir, 'api.sock')) || api.child.exitCode !== null, 'the API');
		return api;
	}

	// Move the clock of all programs to `seconds` from now. They have the file mapped: to one that is cut short, if for a
	// moment, they would look in vain (SIGBUS).
	setOffset(seconds) {
		const bytes = Buffer.alloc(8);
		bytes.writeBigInt64LE(BigInt(seconds * 1000));
		const file = openSync(this.clock, constants.O_RDWR | constants.O_CREAT, 0o600);
		writeSync(file, bytes, 0, 8, 0);
		closeSync(file);
		this.offset = seconds * 1000;
	}

	now() { return new Date(Date.now() + this.offset).toISOString(); }

	async stopMailers() {
		const mailers = this.mailers.splice(0);
		// all of them, before one is blamed: one that goes on would keep the test from ending
		const codes = await Promise.all(mailers.map(async (mailer) => (await mailer.stop()).code));
		for (const [i, mailer] of mailers.entries()) {
			const code = codes[i];
			assert.equal(mailer.noise, '', 'the mailer said more than its log');
			if (!mailer.killed)
				assert.equal(code, 0, JSON.stringify(mailer.log.slice(-5)));
		}
	}

	async stop() {
		await this.stopMailers();
		await this.sink.close();
		if (this.redis.child?.exitCode === null)
			await this.redis.stop();
		await this.cluster.stop();
		rmSync(this.dir, { recursive: true, force: true });
	}

	// Mails, faults and rows of one test do not meet the next one's.
	async clean() {
		await this.stopMailers();
		this.sink.faults = [];
		this.sink.mails = [];
		this.setOffset(0);
		await this.owner.query('truncate envelope, delivery, suppression, test_mail, event');
		this.redis.try('flushall');
	}

	// A firm that mails at once, with a contact who has access, a folder, a document, a share of the folder.
	async world(more = {}) {
		const firm = await this.make.firm({ name: 'Adler & Söhne', mail_coalesce_seconds: 0, timezone: 'Europe/Berlin', ...more });
		const owner = await this.make.staff(firm, 'owner', { display_name: 'Olga Owner' });
		const client = await this.make.client(firm, { name: 'Acme GmbH' });
		const folder = await this.make.folder(client, null, { name: 'Annual accounts' });
		const document = await this.make.document(folder, { name: 'balance.pdf', uploaded_by_name: 'Olga Owner' });
		const world = { firm, owner, client, folder, document, staff: { type: 'staff', id: owner.id, name: 'Olga Owner' } };
		Object.assign(world, await this.person(world, 'Ann Example'));
		return world;
	}

	// One more contact of the world's client, with access and a share of the folder.
	async person({ firm, client, folder }, name) {
		const contact = await this.make.contact(firm, { display_name: name });
		await this.make.relate(client, contact);
		const person = await this.make.portal(firm, contact, { display_name: name });
		const share = await this.make.share(person, { folder });
		return { contact, person, share, portal: { type: 'portal', id: person.id, name } };
	}

	// ---- what the API would do ----

	// Run statements of shared/outbox.sql in one transaction that has claimed the firm.
	async as(firm, work) {
		await this.api.query('begin');
		try {
			await this.api.query('select claim_firm($1::uuid)', [firm.id]);
			const result = await work(async (name, args) => {
				const { text, params } = statement(name);
				const all = { firm: firm.id, now: this.now(), ...args };
				for (const p of params)
					assert.ok(p in all, `:${p} of ${name}`);
				return (await this.api.query(text, params.map((p) => all[p]))).rows;
			});
			await this.api.query('commit');
			return result;
		} catch (e) {
			await this.api.query('rollback');
			throw e;
		}
	}

	async event(run, by, type, object, client) {
		const id = randomUUID();
		await run('outbox_event', {
			id, type, object_type: type.split('.')[0], object, client, deleted: false, changed: null,
			actor_type: by.type, actor: by.id, actor_name: by.name,
		});
		return id;
	}

	// Share the world's folder (or `document`) once more: the mail of that.
	mailShare(w, share = w.share) {
		return this.as(w.firm, async (run) => {
			const event = await this.event(run, w.staff, 'share.created', [share.id].flat()[0], w.client.id);
			await run('outbox_mail_share', { event, shares: JSON.stringify([share.id].flat()) });
			return event;
		}).then((event) => this.envelopes(event));
	}

	// The person of the world is let in again: the mail of what was shared meanwhile.
	mailUntold(w) {
		return this.as(w.firm, async (run) => {
			const args = { event: await this.event(run, w.staff, 'portal_access.resumed', w.person.id, null), membership: w.person.id };
			await this.api.query("update membership set state = 'active' where id = $1", [args.membership]);
			for (const name of ['outbox_mail_hold', 'outbox_mail_untold'])
				await run(name, args);
			return args.event;
		}).then((event) => this.envelopes(event));
	}

	// A document is uploaded by `by`: the mails of that.
	async mailUpload(w, by, document) {
		const doc = document ?? await this.make.document(w.folder, { uploaded_by_id: by.id, uploaded_by_kind: by.type, uploaded_by_name: by.name, created_at: this.now() });
		return this.as(w.firm, async (run) => {
			const event = await this.event(run, by, 'document.created', doc.id, w.client.id);
			const [row] = await run('outbox_mail_upload', { event, document: doc.id, actor: by.id, by_client: by.type === 'portal' });
			return { doc, event, assigned: Number(row.assigned), written: Number(row.written) };
		});
	}

	async invitation(w, more = {}) {
		const row = {
			firm_id: w.firm.id, id: randomUUID(), membership_id: w.person.id, audience: 'portal', email: w.person.login_email,
			email_key: w.person.login_email_key, contact_id: w.contact.id, client_id: w.client.id, nonce: randomBytes(16),
			expires_at: new Date(Date.now() + 7 * 86400_000).toISOString(), created_at: this.now(), updated_at: this.now(), ...more,
		};
		const names = Object.keys(row);
		await this.owner.query(`insert into invitation (${names}) values (${names.map((_, i) => `$${i + 1}`)})`, Object.values(row));
		return row;
	}

	mailInvitation(w, invitation) {
		return this.as(w.firm, async (run) => {
			const event = await this.event(run, w.staff, 'invitation.sent', invitation.id, w.client.id);
			const rows = await run('outbox_mail_invitation', { id: randomUUID(), event, invitation: invitation.id });
			assert.equal(rows.length, 1);
			return event;
		}).then((event) => this.envelopes(event));
	}

	async envelopes(event) {
		return (await this.owner.query('select * from envelope where $1::uuid is null or event_id = $1 order by created_at, id', [event ?? null])).rows;
	}

	async envelope(id) {
		return (await this.owner.query('select * from envelope where id = $1', [id])).rows[0];
	}

	// The envelope once it is in one of these states and nobody's.
	settled(id, ...states) {
		return until(async () => {
			const e = await this.envelope(id);
			return states.includes(e.state) && e.claimed_by === null && e;
		}, `envelope ${states}`);
	}

	// The wake-up that the relay would send.
	ring(event, firm) {
		return this.redis.try('xadd', 'portico:events', '*', 'event', event, 'firm', firm.id, 'type', 'x.y');
	}
}

const known = new Map();

// A statement of shared/outbox.sql or api/relay.sql as the build embeds it.
export function statement(name) {
	if (known.size === 0) {
		for (const file of ['shared/outbox.sql', 'api/relay.sql']) {
			const header = execFileSync('awk', ['-f', 'shared/io/sqlgen.awk', file], { cwd: root, encoding: 'utf8' });
			for (const m of header.matchAll(/\.name = "(\w+)",\s*\.text = ((?:"(?:[^"\\]|\\.)*"\s*)+),\s*\.nparams = \d+,\s*(?:\.params = \(const char \*const\[\]\)\{([^}]*)\})?/g))
				known.set(m[1], {
					text: [...m[2].matchAll(/"(?:[^"\\]|\\.)*"/g)].map(([l]) => JSON.parse(l.replaceAll('\t', '\\t'))).join(''),
					params: [...(m[3] ?? '').matchAll(/"(\w+)"/g)].map(([, p]) => p),
				});
		}
	}
	assert.ok(known.has(name), name);
	return known.get(name);
}

// Headers of a raw mail, unfolded; the last of each name.
export function headers(raw) {
	const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]/g, ' ');
	return Object.fromEntries(head.split('\r\n').map((l) => [l.slice(0, l.indexOf(':')).toLowerCase(), l.slice(l.indexOf(':') + 1).trim()]));
}
