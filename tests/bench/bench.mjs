// bench.mjs - what the product costs, as ratios against the machine's limits, measured in turns in the same run.
//
// list      the portal's list of 50 of a folder's 150 documents, of 15,000, through the edge (wrk), against
//             - the same two statements by pgbench, prepared and pipelined: what PostgreSQL alone can do
//             - GET /healthz through the same edge: what HTTP alone costs
// upload    documents of SIZE through the edge (curl), against cp and sync of the same file on the same disk
// download  the same back, against cat of it
// sign-in   with the right password through the edge (wrk), eight at once, against the hash of it alone on all processors:
//           - as libsodium does it
//           - with the memory kept, as the API does it
// mail      1,000 mails from "share" to the sink, against nodemailer's pool sending as many to the same sink
//
// ROUNDS (3) and SECONDS (5) may be set. Machines are shared and noisy: read the ratios, and their spread.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import nodemailer from 'nodemailer';
import { statements } from '../db/statements.mjs';
import { build } from '../lib/root.mjs';
import { Sink } from '../lib/sink.mjs';
import { start } from '../lib/stack.mjs';

const run = promisify(execFile);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = Number(process.env.SECONDS ?? 5);
const SIZE = 256 * 1024 * 1024;
const MAILS = 1000;
const FOLDERS = 100;
const DOCUMENTS = 150; // in each folder

const sink = await new Sink().start();
const stack = await start({ smtp: sink.url });
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-'));

/** @param {string} method @param {string} where @param {string | null} token @param {unknown} [body] */
async function call(method, where, token, body) {
	const headers = { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
	const reply = await fetch(stack.url + where, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
	if (!reply.ok) throw new Error(`${method} ${where}: ${reply.status} ${await reply.text()}`);
	return reply.status === 204 ? null : reply.json();
}

/** @param {() => any} found @param {number} [ms] */
async function until(found, ms = 60_000) {
	for (const end = Date.now() + ms; Date.now() < end;) {
		const value = await found();
		if (value) return value;
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	throw new Error('it did not come');
}

/** One client, one portal user who sees one folder. */
async function office() {
	const { owner, slug } = stack.demo;
	const staff = (await call('POST', '/v1/auth/login', null, { firm: slug, audience: 'staff', ...owner, transport: 'token' })).access_token;
	const client = await call('POST', '/v1/clients', staff, { entity: 'business', name: 'Bench Ltd' });
	const contact = await call('POST', '/v1/contacts', staff, { entity: 'individual', display_name: 'Ann Bench', primary_email: 'ann@bench.test' });
	await call('PUT', `/v1/clients/${client.id}/contacts/${contact.id}`, staff, { is_primary: true });
	await call('PUT', `/v1/contacts/${contact.id}/portal_access`, staff, { send: 'now' });
	const mail = await until(() => sink.mails.find((m) => m.to === 'ann@bench.test'));
	const token = new URL(mail.links[0]).hash.slice(1);
	const person = (await call('POST', '/v1/invitations/accept', null, { token, password: 'seven wet herons wade', transport: 'token' })).access_token;
	const folder = await call('POST', '/v1/folders', staff, { client_id: client.id, name: 'Bench' });
	await call('POST', '/v1/shares', staff, { item_type: 'folder', item_id: folder.id, contact_ids: [contact.id], access: 'view', notify: false });
	return { staff, person, client, contact, folder };
}

/** A hundred folders like the one that is read, with their documents as rows: the list reads no bytes. @param {string} name */
const fill = (name) => stack.sql(`with shown as (select * from folder where name = $1),
more as (
	insert into folder (firm_id, id, client_id, name, name_key, created_at, updated_at)
	select firm_id, gen_random_uuid(), client_id, name || n, name_key || n, created_at, updated_at from shown, generate_series(2, $3::int) n
	returning firm_id, id, client_id),
f as (select firm_id, id, client_id from shown union all select * from more),
b as (
	insert into blob (firm_id, id, path, size, sha256, created_at)
	select f.firm_id, gen_random_uuid(), f.id || '/' || n, 1, decode(repeat('00', 32), 'hex'), timestamptz '2026-01-01' from f, generate_series(1, $2::int) n
	returning firm_id, id, path)
insert into document (firm_id, id, client_id, folder_id, name, name_key, content_type, size, sha256, blob_id, uploaded_by_id, uploaded_by_kind, uploaded_by_name, created_at, updated_at)
select f.firm_id, gen_random_uuid(), f.client_id, f.id, split_part(b.path, '/', 2), split_part(b.path, '/', 2), 'text/plain', 1, decode(repeat('00', 32), 'hex'), b.id, f.id, 'staff', 'x',
	timestamptz '2026-01-01' + split_part(b.path, '/', 2)::int * interval '1 second', timestamptz '2026-01-01'
from b join f on f.id::text = split_part(b.path, '/', 1)`, [name, DOCUMENTS, FOLDERS]);

/** Requests a second. @param {string} where @param {string[]} [options] */
async function wrk(where, options = []) {
	const { stdout } = await run('wrk', ['-t1', '-c16', `-d${SECONDS}s`, ...options, stack.url + where]);
	if (/Non-2xx/.test(stdout)) throw new Error(stdout);
	return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]);
}

/** Sign-ins a second. Whoever wrk leaves waiting at its end has tried in vain, until somebody signs in from there. */
async function signIns() {
	const { owner, slug } = stack.demo;
	const script = path.join(scratch, 'sign-in.lua');
	const login = { firm: slug, audience: 'staff', ...owner, transport: 'token' };
	await call('POST', '/v1/auth/login', null, login);
	fs.writeFileSync(script, `wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [[${JSON.stringify(login)}]]\n`);
	return wrk('/v1/auth/login', ['-c8', '-s', script]);
}

/** Checks a second of that password's hash, on all processors. @param {string[]} [how] */
async function hashes(how = []) {
	const { email, password } = stack.demo.owner;
	const [{ password_hash }] = await stack.sql('select password_hash from identity where email_key = $1', [email]);
	const { stdout } = await run(path.join(build, 'tests/bench/hash'), [String(SECONDS), password_hash, password, ...how]);
	return Number(stdout);
}

/** A statement of the programs with its parameters as values, or null. @param {string} name @param {Record<string, string>} values */
function statement(name, values) {
	const { text, params } = statements().find((s) => s.name === name);
	return text.replace(/\$(\d+)/g, (_, n) => (params[n - 1] in values ? `:${params[n - 1]}` : 'null')).replace(/\s+/g, ' ');
}

/** The list's two statements by pgbench: transactions a second. @param {any} o */
async function pgbench(o) {
	const bytes = Buffer.from(o.person.slice(4), 'base64url');
	const uuid = (/** @type {number} */ at) => bytes.subarray(at, at + 16).toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
	const [{ id: folder }] = await stack.sql("select id from folder where name = 'Bench'");
	const { createHash } = await import('node:crypto');
	const values = {
		token_hash: `\\x${createHash('sha256').update(o.person).digest('hex')}`, firm: uuid(0), me: uuid(16), session: uuid(32), note: 'true', rule: 'portal', feature: 'documents', tool: 'files', now: new Date().toISOString(),
		folder_id: folder, after_at: '-infinity', after_id: '00000000-0000-0000-0000-000000000000', limit: '51',
	};
	const script = path.join(scratch, 'list.sql');
	fs.writeFileSync(script, `\\startpipeline\n${statement('auth_check', values)};\n${statement('portal_document_list_of_folder', values)};\n\\endpipeline\n`);
	const at = Object.fromEntries([...stack.env.PORTICO_API_DATABASE.matchAll(/(\w+)=(\S+)/g)].map((m) => [m[1], m[2]]));
	const args = ['-n', '-M', 'prepared', '-c', '8', '-j', '1', '-T', String(SECONDS), '-f', script, ...Object.entries(values).flatMap(([k, v]) => ['-D', `${k}=${v}`])];
	const { stdout } = await run('pgbench', args, { env: { ...process.env, PGHOST: at.host, PGPORT: at.port, PGUSER: at.user, PGDATABASE: at.dbname } });
	if (!/number of failed transactions: 0 /.test(stdout)) throw new Error(stdout);
	return Number(/tps = ([\d.]+)/.exec(stdout)[1]);
}

/** MiB a second of a command. @param {string} command @param {string[]} args */
async function speed(command, args) {
	const begin = performance.now();
	await run(command, args);
	return SIZE / 1048576 / ((performance.now() - begin) / 1000);
}

/** @param {any} o @param {number} round */
async function bytes(o, round) {
	const file = path.join(scratch, 'big');
	if (!fs.existsSync(file)) await run('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${SIZE / 1048576}`]);
	const auth = ['-fsS', '-H', `Authorization: Bearer ${o.staff}`];
	const copy = await speed('sh', ['-c', `cp '${file}' '${file}.copy' && sync '${file}.copy' && rm '${file}.copy'`]);
	const answer = path.join(scratch, 'answer');
	const upload = await speed('curl', [...auth, '-H', 'Content-Type: application/octet-stream', '-o', answer, '-T', file, '-X', 'POST', `${stack.url}/v1/documents?folder_id=${o.folder.id}&name=big-${round}`]);
	const { id } = JSON.parse(fs.readFileSync(answer, 'utf8'));
	const read = await speed('sh', ['-c', `cat '${file}' >'${answer}'`]);
	const download = await speed('curl', [...auth, '-o', answer, `${stack.url}/v1/documents/${id}/content`]);
	return { copy, upload, read, download };
}

/** Mails a second, from the first to the last that arrived. @param {() => Promise<unknown>} send */
async function mails(send) {
	sink.mails.length = 0;
	const sending = send();
	await until(() => sink.mails.length >= MAILS, 120_000);
	await sending;
	const at = sink.mails.map((m) => m.at);
	return MAILS / ((Math.max(...at) - Math.min(...at)) / 1000);
}

/** As many due envelopes as asked for, as a burst of shares would leave them. @param {any} o */
const burst = (o) => stack.sql(`insert into envelope (firm_id, id, kind, recipient_kind, membership_id, contact_id, client_id, folder_id, share_id, to_email, to_email_key, to_name, due_at, expires_at, created_at, updated_at)
select s.firm_id, gen_random_uuid(), 'folder.shared', 'contact', s.membership_id, s.contact_id, s.client_id, s.folder_id, s.id, m.login_email, m.login_email_key, m.display_name,
	now() - interval '1 second', now() + interval '1 day', now(), now()
from share s join membership m on m.firm_id = s.firm_id and m.id = s.membership_id join folder f on f.firm_id = s.firm_id and f.id = s.folder_id and f.name = 'Bench', generate_series(1, $1::int)`, [MAILS]);

async function peer() {
	const pool = nodemailer.createTransport({ host: '127.0.0.1', port: sink.port, pool: true, maxConnections: 10, maxMessages: Infinity, ignoreTLS: true });
	const message = { from: 'a@bench.test', to: 'ann@bench.test', subject: 'A folder was shared', text: 'x'.repeat(600), html: `<p>${'x'.repeat(2000)}</p>` };
	await Promise.all(Array.from({ length: MAILS }, () => pool.sendMail(message)));
	pool.close();
}

const rows = [];
try {
	const o = await office();
	await fill('Bench');
	await stack.sql('analyze');
	const list = `/v1/portal/documents?folder_id=${o.folder.id}&limit=50`;
	for (let round = 1; round <= ROUNDS; round++) {
		const row = { list: await wrk(list, ['-H', `Authorization: Bearer ${o.person}`]), pgbench: await pgbench(o), health: await wrk('/healthz'), ...await bytes(o, round), signIn: await signIns(), hash: await hashes(), kept: await hashes(['kept']) };
		row.mail = await mails(() => burst(o));
		row.nodemailer = await mails(peer);
		rows.push(row);
	}
} finally {
	await stack.stop();
	await sink.close();
	fs.rmSync(scratch, { recursive: true, force: true });
}

const show = (/** @type {string} */ what, /** @type {(r: any) => number} */ figure, unit = '') =>
	console.log(`${what.padEnd(58)}${rows.map((r) => figure(r).toPrecision(3).padStart(9)).join('')} ${unit}`);
console.log(`rounds of ${SECONDS} s, ${os.cpus().length} processors`);
show('portal list of 50, through the edge', (r) => r.list, 'a second');
show('  against its two statements by pgbench alone', (r) => r.list / r.pgbench);
show('  against /healthz through the edge', (r) => r.list / r.health);
show(`upload of ${SIZE / 1048576} MiB`, (r) => r.upload, 'MiB/s');
show('  against cp and sync', (r) => r.upload / r.copy);
show('download of it', (r) => r.download, 'MiB/s');
show('  against cat', (r) => r.download / r.read);
show('sign-ins with a password', (r) => r.signIn, 'a second');
show('  against the hash alone, as libsodium does it', (r) => r.signIn / r.hash);
show('  against the hash alone, with its memory kept', (r) => r.signIn / r.kept);
show(`${MAILS} mails to a sink in Node`, (r) => r.mail, 'a second');
show("  against nodemailer's pool of 10", (r) => r.mail / r.nodemailer);
