// edge.test.ts - the edge and the API together: what the one lets through, the other can take; whoever answers, the form is one.
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  eventually, newClient, newFirm, newFolder, newPortalUser, ok, share, stack, unique, upload, uploadFolder, type Firm,
  type PortalUser, type Schema,
} from '../lib/kit.js';

let firm: Firm;
let user: PortalUser;
let folder: Schema['Folder'];
const port = Number(new URL(stack.url).port);

before(async () => {
	firm = await newFirm('edge');
	const client = await newClient(firm.owner);
	user = await newPortalUser(firm, client);
	folder = await uploadFolder(firm.owner, client);
});

interface Reply {
	status: number;
	head: string;
	body: Buffer;
	took: number;
}

/** Send bytes as they are, read until the connection closes or nothing comes for a while. */
function raw(bytes: string | Buffer, quiet_ms = 1500): Promise<Reply> {
	return new Promise((resolve, reject) => {
		const parts: Buffer[] = [];
		const began = Date.now();
		const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
		socket.setTimeout(quiet_ms, () => socket.destroy());
		socket.on('data', (part) => parts.push(part));
		socket.on('error', reject);
		socket.on('close', () => {
			const all = Buffer.concat(parts);
			const end = all.indexOf('\r\n\r\n');
			resolve({ status: Number(all.subarray(9, 12)), head: all.subarray(0, end).toString('latin1'), body: all.subarray(end + 4), took: Date.now() - began });
		});
	});
}

function isProblem(reply: Reply, status: number, code: string, what: string): void {
	assert.equal(reply.status, status, what);
	assert.match(reply.head, /content-type: application\/problem\+json/i, what);
	const problem = JSON.parse(reply.body.toString());
	assert.equal(problem.code, code, what);
	assert.match(reply.head, new RegExp(`x-request-id: ${problem.request_id}`, 'i'), what);
	assert.match(reply.head, /cache-control: [^\r]*no-store/i, what);
}

const as = (token: string) => `Host: a\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n`;

test('the largest request that the edge lets through is one that the API can read', async () => {
	const fill = 3200 - user.token.length - 400;
	for (const [line, headers] of [
		[`GET /v1/portal/documents?client_id=${'x'.repeat(1700)}`, `Idempotency-Key: ${'k'.repeat(fill - 1700)}\r\n`],
		['GET /v1/portal/home', `If-None-Match: ${'"e",'.repeat(Math.floor(fill / 4))}\r\nUser-Agent: ${'u'.repeat(2000)}\r\nX-Request-Id: ${'r'.repeat(64)}\r\n`],
	] as const) {
		const reply = await raw(`${line} HTTP/1.1\r\n${as(user.token)}${headers}\r\n`);
		assert.ok([200, 422].includes(reply.status), `${reply.status}: ${reply.body}`);
		assert.match(reply.head, /content-type: application\/(problem\+)?json/i);
	}
});

test('rule 6: who refuses does not matter: one form', async () => {
	const me = as(user.token);
	for (const [request, status, code] of [
		[`GET /v1/nowhere HTTP/1.1\r\n${me}\r\n`, 404, 'not_found'],
		[`GET /nowhere HTTP/1.1\r\n${me}\r\n`, 404, 'not_found'],
		[`PUT /v1/portal/home HTTP/1.1\r\n${me}Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}`, 405, 'method_not_allowed'],
		[`FOO /v1/portal/home HTTP/1.1\r\n${me}\r\n`, 405, 'method_not_allowed'],
		[`GET /v1/portal/home HTTP/1.1\r\n${me}Content-Length: 2\r\n\r\n{}`, 400, 'malformed_request'],
		[`POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n`, 413, 'too_large'],
		[`GET /v1/portal/home HTTP/1.1\r\nHost: a\r\n\r\n`, 401, 'unauthenticated'],
		[`GET /v1/${'x'.repeat(1950)} HTTP/1.1\r\n${me}\r\n`, 414, 'uri_too_long'],
		[`GET /v1/portal/home HTTP/1.1\r\n${me}If-Match: ${'x'.repeat(3500)}\r\n\r\n`, 431, 'headers_too_large'],
		[`POST /v1/portal/documents?name=a HTTP/1.1\r\n${me}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 411, 'length_required'],
		['HELLO\r\n\r\n', 400, 'malformed_request'],
	] as const) isProblem(await raw(request, 700), status, code, request.slice(0, 60));
});

test('a chunked body is read by the API, as one', async () => {
	const text = JSON.stringify({ firm: firm.slug, audience: 'portal', email: user.email, password: user.password, transport: 'token' });
	const chunks = [...text].map((char) => `1\r\n${char}\r\n`).join('');
	const reply = await raw(`POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
	assert.equal(reply.status, 200, reply.body.toString());
});

test('a refused upload has the API\'s own problem at once, and not a byte of it is stored', async () => {
	const spool = stack.env['PORTICO_SPOOL_DIR'] ?? '';
	const view = await newFolder(firm.owner, await newClient(firm.owner));
	for (const [query, token, length, status, code] of [
		[`folder_id=${folder.id}&name=a`, 'cps_none', 5e9, 401, 'unauthenticated'],
		[`folder_id=${view.id}&name=a`, user.token, 5e9, 404, 'not_found'],
		[`folder_id=${folder.id}`, user.token, 5e9, 422, 'validation_failed'],
		[`folder_id=${folder.id}&name=a`, user.token, 5e15, 413, 'too_large'],
		[`folder_id=${folder.id}&name=a&odd=1`, user.token, 5e9, 400, 'unknown_parameter'],
	] as const) {
		for (const extra of ['Expect: 100-continue\r\n', '']) {
			const reply = await raw(`POST /v1/portal/documents?${query} HTTP/1.1\r\n${as(token)}${extra}Content-Length: ${length}\r\n\r\n${extra ? '' : 'x'.repeat(100_000)}`, 700);
			isProblem(reply, status, code, query);
			assert.doesNotMatch(reply.head, /100 Continue/i);
		}
	}
	await eventually(async () => assert.deepEqual(fs.readdirSync(spool), []));
});

test('a client that vanishes at any byte of an upload leaves no file and no document', async () => {
	const size = 300_000;
	const names: string[] = [];
	for (const sent of [0, 1, 20_000, 150_000, size - 1, size]) {
		const name = unique('cut');
		names.push(name);
		await new Promise<void>((resolve) => {
			const socket = net.connect(port, '127.0.0.1', () => socket.write(`POST /v1/portal/documents?folder_id=${folder.id}&name=${name} HTTP/1.1\r\n${as(user.token)}Content-Length: ${size}\r\n\r\n`, () => {
				socket.write('x'.repeat(sent), () => setTimeout(() => socket.resetAndDestroy(), sent === size ? 0 : 30));
			}));
			socket.on('error', () => undefined);
			socket.on('close', () => resolve());
		});
	}
	const dirs = [stack.env['PORTICO_SPOOL_DIR'] ?? '', path.join(stack.env['PORTICO_STORE_DIR'] ?? '', 'incoming')];
	await eventually(async () => dirs.forEach((dir) => assert.deepEqual(fs.readdirSync(dir), [], dir)));
	const page = await ok(firm.owner.api.GET('/v1/documents', { params: { query: { folder_id: folder.id } } }), 200);
	for (const document of page.data.filter((d) => names.slice(0, -1).includes(d.name))) assert.fail(`${document.name} is there`);
	const [row] = await stack.sql("select count(*)::int as n from pg_stat_activity where usename = 'portico_api' and state like 'idle in transaction%'");
	assert.equal(row.n, 0);
});

test('rule 19: downloads: ranges, conditions and HEAD through both', async () => {
	const bytes = randomBytes(200_000);
	const files = await newFolder(firm.owner, { id: folder.client_id });
	const made = await ok(upload(firm.owner, files, 'Jahresbericht – Ä|"x".pdf', bytes), 201);
	await ok(share(firm.owner, 'document', made, [user.contact], 'view', false), 201);
	const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`;
	const get = (headers: string, method = 'GET') => raw(`${method} /v1/portal/documents/${made.id}/content HTTP/1.1\r\n${as(user.token)}${headers}\r\n`);
	for (const [headers, status, part] of [
		['', 200, bytes], [`If-Match: ${etag}\r\n`, 200, bytes], ['Range: bytes=10-19\r\n', 206, bytes.subarray(10, 20)], ['Range: bytes=-5\r\n', 206, bytes.subarray(-5)],
		[`Range: bytes=0-9\r\nIf-Range: ${etag}\r\n`, 206, bytes.subarray(0, 10)], ['Range: bytes=0-9\r\nIf-Range: "x"\r\n', 200, bytes],
		['Range: bytes=0-1,5-6\r\n', 200, bytes], [`Range: bytes=5-\r\nIf-Match: ${etag}\r\n`, 206, bytes.subarray(5)], ['If-None-Match: "x"\r\n', 200, bytes],
	] as const) {
		const reply = await get(headers);
		assert.equal(reply.status, status, headers);
		assert.ok(reply.body.equals(part), headers);
		for (const line of [`etag: ${etag}`, 'x-content-type-options: nosniff', 'content-security-policy: sandbox', 'cache-control: private, no-cache', 'content-disposition: attachment; ', 'x-request-id: ', 'vary: Origin'])
			assert.equal(reply.head.toLowerCase().split(`\r\n${line.toLowerCase()}`).length, 2, `${line} once, with ${headers}: ${reply.head}`);
		const head = await get(headers, 'HEAD');
		assert.equal(head.status, status);
		assert.equal(head.body.length, 0);
		assert.match(head.head, new RegExp(`content-length: ${part.length}`, 'i'));
	}
	const none = await get(`If-None-Match: ${etag}\r\n`);
	assert.equal(none.status, 304);
	assert.equal(none.body.length, 0);
	isProblem(await get('If-Match: "x"\r\n'), 412, 'version_changed', 'If-Match');
	const beyond = await get('Range: bytes=200000-\r\n');
	isProblem(beyond, 416, 'range_not_satisfiable', 'Range');
	assert.match(beyond.head, /content-range: bytes \*\/200000/i);
});
