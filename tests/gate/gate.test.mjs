// gate.test.mjs - the gate inside Kore, with a dispatcher of its own (server.c): what comes in, waits, goes away, ends.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SANITIZED, Server } from './server.mjs';

const BODY_MAX = 1024 * 1024;

// An orphan that nobody waits for stays a zombie where process 1 is no init.
function alive(pid) {
	try {
		return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
	} catch {
		return false;
	}
}

let server, idle;
before(async () => {
	server = await new Server().start();
	idle = server.connect();
	idle.since = Date.now();
	await sleep(50);
});
after(async () => {
	idle.close();
	assert.equal(await server.stop(), 0, server.log);
	Server.killAll(); // what a test that failed has left would keep the runner waiting
});

// ---- what comes in, what goes out -----------------------------------------------------------------------------

test('a request reaches the dispatcher as it is', async () => {
	const { status, headers, body } = await server.send(
		'GET /a%20b//c?x=1&x=%32&?=/ HTTP/1.1\r\nHost: portal.test:8080\r\nX-One: 1\r\nx-TWO:  t\twe\u00e9 \t\r\n\r\n');
	assert.equal(status, 200);
	assert.equal(body, 'GET /a%20b//c x=1&x=%32&?=/\nhost: portal.test:8080\nx-one: 1\nx-two: t we??\n\n');
	assert.deepEqual(Object.keys(headers).sort(), ['connection', 'content-length', 'content-type', 'x-split']);
	assert.equal(headers['x-split'], 'one  two: three');
});

test('every method that the contract knows, with its body', async () => {
	for (const method of ['POST', 'PUT', 'PATCH']) {
		for (const size of [0, 1, 5000, 70000, BODY_MAX]) {
			const body = 'x'.repeat(size);
			const r = await server.send(`${method} /e HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n${body}`);
			assert.equal(r.status, 200);
			assert.ok(r.body.startsWith(`${method} /e -\nhost: h\ncontent-length: ${size}\n\n`));
			assert.equal(r.body.length - r.body.indexOf('\n\n') - 2, size);
		}
	}
	for (const method of ['GET', 'DELETE', 'OPTIONS'])
		assert.ok((await server.get('/e', method)).body.startsWith(`${method} /e -\n`));
	assert.equal((await server.get('*', 'OPTIONS')).status, 200);
	assert.ok((await server.get('/e', 'DELETE', 'Content-Length: 0\r\n')).body.startsWith('DELETE /e -\n'));
});

test('HEAD has the length and no body, and the connection goes on', async () => {
	const c = server.connect();
	c.write('HEAD /e HTTP/1.1\r\nHost: h\r\n\r\n');
	const head = await c.answer('HEAD');
	assert.equal(head.headers['content-length'], String('HEAD /e -\nhost: h\n\n'.length));
	c.write('GET /status?204 HTTP/1.1\r\nHost: h\r\n\r\n');
	const none = await c.answer();
	assert.equal(none.status, 204);
	assert.equal(none.headers['content-length'], undefined);
	c.write('GET /status?304 HTTP/1.1\r\nHost: h\r\n\r\n');
	const same = await c.answer();
	assert.equal(same.status, 304);
	assert.equal(same.headers['content-length'], undefined);
	assert.equal(same.headers.connection, 'keep-alive');
	c.write('GET /e HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
	assert.equal((await c.answer()).headers.connection, 'close');
	await c.end();
});

test('a header block that comes byte by byte', async () => {
	const c = server.connect();
	for (const byte of 'POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc') {
		c.write(byte);
		await sleep(1);
	}
	assert.ok((await c.answer()).body.endsWith('\n\nabc'));
	c.close();
});

test('many requests on one connection', async () => {
	const c = server.connect();
	for (let i = 0; i < 500; i++) {
		c.write(i % 3 ? `GET /e?${i} HTTP/1.1\r\nHost: h\r\n\r\n`
			: `POST /e?${i} HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody`);
		assert.ok((await c.answer()).body.includes(` /e ${i}\n`));
	}
	c.close();
});

const HOST = 'Host: h\r\n';
const refusals = [
	['TRACE / HTTP/1.1', HOST, 405, 'method_not_allowed'],
	['BREW /pot HTTP/1.1', HOST, 405, 'method_not_allowed'],
	['get / HTTP/1.1', HOST, 405, 'method_not_allowed'],
	['G(T / HTTP/1.1', HOST, 400, 'malformed_request'],
	['GET  / HTTP/1.1', HOST, 400, 'malformed_request'],
	['GET /a b HTTP/1.1', HOST, 400, 'malformed_request'],
	['GET / HTTP/2.0', HOST, 400, 'malformed_request'],
	['GET / http/1.1', HOST, 400, 'malformed_request'],
	['GET /', HOST, 400, 'malformed_request'],
	['GET /\u00e9 HTTP/1.1', HOST, 400, 'malformed_request'],
	[`GET /${'a'.repeat(2000)} HTTP/1.1`, HOST, 414, 'uri_too_long'],
	['GET / HTTP/1.1', '', 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}${HOST}`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}Hostess: h\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `Host: ${'h'.repeat(300)}\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}Transfer-Encoding: chunked\r\n`, 400, 'malformed_request'],
	['POST / HTTP/1.1', `${HOST}Content-Length: 3\r\nTransfer-Encoding: identity\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}Content-Length: 3\r\n`, 400, 'malformed_request', 'abc'],
	['HEAD / HTTP/1.1', `${HOST}Content-Length: 3\r\n`, 400, 'malformed_request', 'abc'],
	['DELETE / HTTP/1.1', `${HOST}Content-Length: 3\r\n`, 400, 'malformed_request', 'abc'],
	['OPTIONS / HTTP/1.1', `${HOST}Content-Length: 3\r\n`, 400, 'malformed_request', 'abc'],
	['GET / HTTP/1.1', HOST, 400, 'malformed_request', 'smuggled'],
	['POST / HTTP/1.1', HOST, 411, 'length_required'],
	['POST / HTTP/1.1', `${HOST}Content-Length: +3\r\n`, 400, 'malformed_request', 'abc'],
	['POST / HTTP/1.1', `${HOST}Content-Length: 0x3\r\n`, 400, 'malformed_request', 'abc'],
	['POST / HTTP/1.1', `${HOST}Content-Length: -1\r\n`, 400, 'malformed_request'],
	['POST / HTTP/1.1', `${HOST}Content-Length: 3\r\nContent-Length: 3\r\n`, 400, 'malformed_request', 'abc'],
	['POST / HTTP/1.1', `${HOST}Content-Length: 3, 3\r\n`, 400, 'malformed_request', 'abc'],
	['POST / HTTP/1.1', `${HOST}Content-Length: 2\r\n`, 400, 'malformed_request', 'abc'],
	['POST / HTTP/1.1', `${HOST}Content-Length: ${BODY_MAX + 1}\r\n`, 413, 'too_large'],
	['POST / HTTP/1.1', `${HOST}Content-Length: ${'9'.repeat(30)}\r\n`, 413, 'too_large'],
	['GET / HTTP/1.1', `${HOST}X: a\rY: b\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}X: a\nY: b\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}X: a\0b\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}X: a\r\n b\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}X y: a\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}X : a\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}: a\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}X\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', `${HOST}X:\r\n`, 400, 'malformed_request'],
	['GET / HTTP/1.1', HOST + 'X: a\r\n'.repeat(30), 431, 'headers_too_large'],
	['GET / HTTP/1.1', `${HOST}X: ${'a'.repeat(9000)}\r\n`, 431, 'headers_too_large'],
];

test('what no honest peer sends is refused with a problem, and the connection is closed', async () => {
	for (const [line, headers, status, code, body = ''] of refusals) {
		const c = server.connect();
		c.write(Buffer.from(`${line}\r\n${headers}\r\n${body}`, 'latin1'));
		const r = await c.answer();
		const name = JSON.stringify(line + headers).slice(0, 120);
		assert.equal(r.status, status, name);
		const problem = r.json();
		assert.deepEqual(Object.keys(problem), ['type', 'title', 'status', 'code', 'detail', 'request_id', 'errors']);
		assert.equal(problem.code, code, name);
		assert.equal(problem.status, status);
		assert.equal(problem.type, `http://portal.test/problems/${code}`);
		assert.match(problem.request_id, /^req_[0-9a-z]{26}$/);
		assert.equal(r.headers['content-type'], 'application/problem+json');
		assert.equal(r.headers.connection, 'close');
		await c.end();
	}
	await server.quiet();
});

test('a second request behind a body is not run', async () => {
	const before_ = await server.quiet();
	const c = server.connect();
	c.write('POST /sleep?100 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n');
	await sleep(20);
	c.write('abcGET /e HTTP/1.1\r\nHost: h\r\n\r\n');
	await c.end();
	assert.ok(!c.buffer.includes('GET /e'));
	const now = await server.quiet();
	assert.ok(now.begun <= before_.begun + 2);
});

// ---- waiting ------------------------------------------------------------------------------------------------

test('waits of many requests run side by side', async () => {
	const start = Date.now();
	const all = await Promise.all(Array.from({ length: 200 }, (_, i) => server.get(`/sleep?${200 + i}`)));
	assert.ok(all.every((r) => r.status === 200));
	assert.ok(Date.now() - start < 2000);
	assert.equal((await server.get('/event')).status, 200);
	assert.equal((await server.get('/mixed')).status, 200);
	await server.quiet();
});

test('work is done beside the loop, from a bounded queue', async () => {
	const before_ = await server.quiet();
	const all = Array.from({ length: 40 }, () => server.get('/work?150'));
	await sleep(60);
	const start = Date.now();
	await server.stats();
	assert.ok(Date.now() - start < (SANITIZED ? 1000 : 200), 'the loop is free');
	const statuses = (await Promise.all(all)).map((r) => r.status);
	assert.ok(statuses.every((s) => s === 200 || s === 503));
	assert.ok(statuses.filter((s) => s === 200).length >= 16);
	assert.ok(statuses.includes(503));
	assert.equal((await server.quiet()).refused - before_.refused, statuses.filter((s) => s === 503).length);
});

test('a short job does not wait behind a long one while a thread is idle', async () => {
	const long = server.get('/work?700');
	await sleep(30);
	const start = Date.now();
	for (let i = 0; i < 4; i++)
		assert.equal((await server.get('/work?5')).status, 200);
	assert.ok(Date.now() - start < 600);
	await long;
});

// ---- going away ---------------------------------------------------------------------------------------------

test('clients that vanish at any moment leave nothing behind', async () => {
	const rounds = SANITIZED ? 1500 : 4000;
	const paths = ['/mixed?30', '/sleep?60', '/never', '/work?3', '/e', '/event'];
	const before_ = await server.quiet();
	let running = 0;
	for (let i = 0; i < rounds; i++) {
		const c = server.connect();
		const path = paths[i % paths.length];
		const body = i % 7 === 0 ? 'POST' : 'GET';
		c.write(`${body} ${path} HTTP/1.1\r\nHost: h\r\n${body === 'POST' ? 'Content-Length: 9\r\n' : ''}\r\n`);
		if (body === 'POST' && i % 2)
			c.write('123456789');
		running++;
		setTimeout(() => {
			c.close();
			running--;
		}, Math.random() * 40);
		while (running > 150)
			await sleep(2);
	}
	while (running > 0)
		await sleep(5);
	const now = await server.quiet();
	assert.equal(now.pid, before_.pid);
	assert.ok(now.cancelled > before_.cancelled + rounds / 20, `cancelled ${now.cancelled - before_.cancelled}`);
});

test('more requests than the limit get 503, the others go on', async () => {
	const all = Array.from({ length: 1150 }, () => {
		const c = server.connect();
		c.write('GET /sleep?1500 HTTP/1.1\r\nHost: h\r\n\r\n');
		return c;
	});
	const answers = await Promise.all(all.map((c) => c.answer()));
	const counts = answers.reduce((n, r) => ({ ...n, [r.status]: (n[r.status] ?? 0) + 1 }), {});
	assert.deepEqual(counts, { 200: 1024, 503: 126 });
	assert.equal(answers.find((r) => r.status === 503).headers['retry-after'], '1');
	all.forEach((c) => c.close());
	await server.quiet();
});

test('a worker that dies is replaced', async () => {
	const one = await new Server().start();
	const { pid } = await one.stats();
	await assert.rejects(one.get('/crash'));
	let now;
	for (let i = 0; i < 100 && !now; i++)
		now = await one.stats().catch(() => sleep(50));
	assert.ok(now && now.pid !== pid);
	one.log = '';
	assert.equal(await one.stop(), 0);
});

test('a worker starts no program', { skip: SANITIZED }, async () => {
	assert.equal((await server.get('/exec')).status, 200);
});

// ---- the end ------------------------------------------------------------------------------------------------

test('SIGTERM and SIGQUIT let requests finish, and end all fibers', async () => {
	for (const signal of ['SIGTERM', 'SIGQUIT']) {
		const one = await new Server().start();
		const unused = one.connect();
		const kept = one.connect();
		kept.write('GET /e HTTP/1.1\r\nHost: h\r\n\r\n');
		await kept.answer();
		const slow = one.get('/sleep?1200');
		const busy = one.get('/work?800');
		await sleep(100);
		const start = Date.now();
		const ended = one.stop(signal);
		await Promise.all([unused.end(), kept.end()]);
		assert.ok(Date.now() - start < 900, 'idle connections are closed at once');
		const r = await slow;
		assert.equal(r.status, 200);
		assert.equal(r.headers.connection, 'close');
		assert.equal((await busy).status, 200);
		assert.equal(await ended, 0);
		assert.ok(Date.now() - start < 3500);
		assert.match(one.log, /background","detail":"ended, stopping 1/);
		assert.match(one.log, /"stop","detail":"begun (\d+) ended \1 fibers 0"/);
		assert.ok(!existsSync(one.socket));
	}
});

test('what does not finish in 10 s is cancelled', async () => {
	const one = await new Server().start();
	const never = one.get('/never').catch(() => null);
	await sleep(100);
	const start = Date.now();
	assert.equal(await one.stop(), 0);
	assert.ok(Date.now() - start > 9000 && Date.now() - start < 12000);
	assert.equal(await never, null);
	assert.match(one.log, /"stop","detail":"begun (\d+) ended \1 fibers 0"/);
});

test('when the parent is killed its workers finish and end, and a successor takes over at once', async () => {
	const one = await new Server().start();
	const { pid } = await one.stats();
	const idle_ = one.connect();
	const slow = one.get('/sleep?1500');
	await sleep(100);
	one.process.kill('SIGKILL');
	const start = Date.now();
	await one.start();
	// The old one may answer until it has noticed.
	let now = pid;
	while (now === pid && Date.now() - start < 1200)
		now = await one.stats().then((s) => s.pid, () => pid);
	assert.notEqual(now, pid, 'before the old one has finished');
	assert.ok(alive(pid));
	assert.equal((await slow).status, 200);
	await idle_.end();
	for (let i = 0; i < 100 && alive(pid); i++)
		await sleep(50);
	assert.ok(!alive(pid));
	assert.equal(await one.stop(), 0);
});

test('shared memory of killed ones is given back', async () => {
	const segments = (pid) => readFileSync('/proc/sysvipc/shm', 'utf8').split('\n')
		.filter((line) => line.trim().split(/\s+/)[4] === String(pid)).length;
	const one = await new Server().start();
	const { pid } = await one.stats();
	const parent = one.process.pid;
	assert.equal(segments(parent), 1);
	one.process.kill('SIGKILL');
	while (alive(pid))
		await sleep(20);
	await one.start();
	assert.equal(segments(parent), 0);
	assert.equal(segments(one.process.pid), 1);
	const last = one.process.pid;
	assert.equal(await one.stop(), 0);
	assert.equal(segments(last), 0);
});

test('SIGHUP changes nothing', async () => {
	const slow = server.get('/sleep?400');
	await sleep(50);
	server.process.kill('SIGHUP');
	assert.equal((await slow).status, 200);
	assert.equal((await server.get('/sleep?1')).status, 200);
});

test('two workers share the socket', async () => {
	const two = await new Server({ PORTICO_WORKERS: '2' }).start();
	const pids = new Set();
	for (let i = 0; i < 400 && pids.size < 2; i++)
		(await Promise.all([two.stats(), two.stats(), two.stats(), two.stats()])).forEach((s) => pids.add(s.pid));
	assert.equal(pids.size, 2);
	assert.equal(await two.stop(), 0);
});

// ---- the start ----------------------------------------------------------------------------------------------

test('the socket is for its user and group, and replaces a stale one', async () => {
	assert.equal(statSync(server.socket).mode & 0o7777, 0o660);
	const one = await new Server().start();
	const { pid } = await one.stats();
	one.process.kill('SIGKILL');
	await one.ended;
	while (alive(pid))
		await sleep(20);
	assert.ok(existsSync(one.socket));
	await one.start();
	assert.equal(await one.stop(), 0);
});

test('what is wrong at the start ends it with 78', async () => {
	const second = new Server({ PORTICO_SOCKET: server.socket }).spawn();
	assert.equal(await second.ended, 78);
	assert.match(second.log, /another one is running/);
	const none = new Server({ PORTICO_SOCKET: '', PORTICO_SECRET_KEY: 'short', PORTICO_WORKRS: '1' }).spawn();
	assert.equal(await none.ended, 78);
	for (const name of ['PORTICO_SOCKET', 'PORTICO_SECRET_KEY', 'PORTICO_WORKERS'])
		assert.match(none.log, new RegExp(name));
	const file = new Server();
	writeFileSync(file.socket, '');
	assert.equal(await file.spawn().ended, 78);
	const long = new Server({ PORTICO_SOCKET: `/tmp/${'x'.repeat(120)}` }).spawn();
	assert.equal(await long.ended, 78);
	const failing = new Server({ GATE_TEST_FAILS: '1' });
	assert.equal(await failing.spawn().ended, 78, failing.log);
	for (const s of [second, none, file, long, failing])
		rmSync(s.dir, { recursive: true });
});

test('--help, --routes and nothing else', async () => {
	const help = new Server().spawn('--help');
	assert.equal(await help.ended, 0);
	assert.match(help.log, /PORTICO_SOCKET/);
	const routes = new Server().spawn('--routes');
	assert.equal(await routes.ended, 0);
	assert.equal(routes.log, 'GET / public\n');
	const other = new Server().spawn('--other');
	assert.equal(await other.ended, 64);
	for (const s of [help, routes, other])
		rmSync(s.dir, { recursive: true });
});

test('an idle connection is left alone, a slow header is not', async () => {
	const slow = server.connect();
	slow.write('GET /e HT');
	await sleep(Math.max(0, 12500 - (Date.now() - idle.since)));
	idle.write('GET /e HTTP/1.1\r\nHost: h\r\n\r\n');
	assert.equal((await idle.answer()).status, 200);
	await slow.end();
	assert.ok(slow.closed);
});
