// requests.test.mjs - requests that nobody means well with, by the thousand, through the edge and straight at the API's
// socket: no answer but 503 says that it was our fault, none gives another firm's words away, no worker ends, none hangs,
// and afterwards each document has its bytes.
//
//	FUZZ_SECONDS=30		for how long
//	FUZZ_SEED=...		what was done before, again (as far as the server's ids allow); printed at the start
//	FUZZ_PEERS=6		so many at once
//	FUZZ_FOUND=20		so many findings are told
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { Contract } from '../lib/recorder.mjs';
import { Sink } from '../lib/sink.mjs';
import { start } from '../lib/stack.mjs';
import { exchange } from './exchange.mjs';
import { Firms } from './firms.mjs';
import { Ids, Maker, TEXTS } from './mutate.mjs';
import { Random } from './random.mjs';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 30);
const PEERS = Number(process.env.FUZZ_PEERS ?? 6);
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_007);
const PATIENCE_MS = 20_000;
/** A little more than fits; a body beyond what the socket takes in one go may hide the refusal of its head. */
const BODY_MAX = 1_100_000;
const BODY_HIDING = 50_000;
/** These move the clock and empty the database: no other request means anything after them. */
const LEFT_OUT = ['resetTestData', 'setTestClock'];

/** @type {import('../lib/stack.mjs').Stack} */ let stack;
/** @type {Sink} */ let sink;
/** @type {Firms} */ let firms;
/** @type {Record<string, Ids>} */ const ids = {};
const contract = new Contract();
const operations = contract.operations.filter(
  (o) => !LEFT_OUT.includes(o.id) && !/^\/v1\/test\/(clock|reset)/.test(o.path),
);

before(async () => {
  sink = await new Sink().start();
  stack = await start({ smtp: sink.url, env: { PORTICO_TEST_MODE: '0' } });
  firms = new Firms(stack, sink);
  for (const slug of ['zeno', 'xeres']) {
    await firms.found(slug);
    ids[slug] = new Ids();
  }
});
after(async () => {
  await stack?.stop();
  await sink?.close();
});

/**
 * @typedef {import('../lib/recorder.mjs').Operation} Operation
 * @typedef {{ method: string, target: string, headers: [string, string][], body: Buffer, caller: string, operation: Operation, rough: boolean }} Request
 *   rough: below what HTTP allows, so that no answer at all is one too
 */

const ETAGS = ['*', '"1"', '"2"', 'W/"1"', '""', '"', '1', '"1", "2"', `"${'f'.repeat(32)}"`, '"x"'.repeat(500)];
const RANGES = ['bytes=0-', 'bytes=0-0', 'bytes=-1', 'bytes=-0', 'bytes=1-0', 'bytes=9-', 'bytes=0-1,3-4', 'bytes=', 'bytes=99999999999999999999-', 'bytes=-99999999999999999999', 'lines=1-2', 'bytes=0-18446744073709551615']; // prettier-ignore

/** Headers that the API reads, with all that may stand in them. @param {Random} r @param {string} token @returns {[string, string]} */
function header(r, token) {
  return r.pick([
    () => ['If-Match', r.pick(ETAGS)],
    () => ['If-None-Match', r.pick(ETAGS)],
    () => ['Range', r.pick(RANGES)],
    () => ['If-Range', r.pick(ETAGS)],
    () => [
      'Idempotency-Key',
      r.pick(['12345678', 'short', r.word(128), r.word(129), 'with space in it', `key-${r.below(9)}-00000000`]),
    ],
    () => [
      'Content-Type',
      r.pick([
        'text/plain',
        'application/json; charset=utf-16',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/merge-patch+json',
        'a/b',
        '/',
        'x'.repeat(300),
        'text/html;',
      ]),
    ],
    () => [
      'Content-Digest',
      r.pick([
        'sha-256=:x:',
        'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:',
        'md5=:x:',
        'sha-256=',
        'sha-256=::',
      ]),
    ],
    () => [
      'Cookie',
      r.pick([
        `__Host-session=${token}`,
        '__Host-session=',
        `__Host-session=${token}; __Host-session=${token}`,
        'a=b',
        '__Host-session=x; c=d',
        ';;;=',
        '=',
      ]),
    ],
    () => [
      'Authorization',
      r.pick([
        'Bearer',
        'Bearer x',
        `bearer ${token}`,
        `Basic ${token}`,
        `Bearer ${token} x`,
        token,
        `Bearer cps_${r.word(150, 'ABCxyz019-_')}`,
        `Bearer cps_${Buffer.alloc(80, r.below(2)).toString('base64url')}`,
      ]),
    ],
    () => ['Origin', r.pick(['null', 'https://evil.test', stack.url, `${stack.url}.evil.test`, '://', 'https://', ''])],
    () => ['Sec-Fetch-Site', r.pick(['cross-site', 'same-site', 'same-origin', 'none', 'x'])],
    () => ['X-Request-Id', r.pick(['x', 'req_0123456789', `req_${'x'.repeat(65)}`, '<script>', 'a b c d e f g'])],
    () => ['Host', r.pick(['evil.test', 'zeno.test', 'localhost:1', '[::1]', 'x'.repeat(300), '.'])],
    () => ['X-Portico-Phase', r.pick(['authorize', 'body', 'body 0.5', 'refused', 'x'])],
    () => [
      'X-Portico-Spool',
      r.pick([
        '/etc/passwd',
        `${stack.state}/spool/../demo.json`,
        `${stack.state}/spool/x`,
        `${stack.state}/spool/..`,
        `${stack.state}/spool`,
        'x',
      ]),
    ],
    () => ['X-Portico-Length', r.pick(['0', '1', '-1', '99999999999999999999', 'x', '5368709121'])],
    () => ['X-Portico-Addr', r.pick(['1.2.3.4', 'x'.repeat(200), "'"])],
    () => ['User-Agent', r.pick(["x'; --", 'x'.repeat(1000), '%n'])],
    () => ['Expect', '100-continue'],
    () => [r.word(1 + r.below(20)), r.word(r.below(200))],
  ])();
}

/** @param {Maker} make @param {Operation} operation */
function address(make, operation) {
  const { r } = make;
  const query = new URLSearchParams();
  for (const ref of operation.spec.parameters ?? []) {
    const parameter = contract.deref(ref);
    if (parameter.in !== 'query' || !(parameter.required || r.chance(25))) continue;
    if (parameter.name === 'cursor' && r.chance(80)) continue;
    const value = make.value(parameter.schema, parameter.name);
    query.append(parameter.name, String(r.chance(15) ? r.pick(TEXTS).slice(0, 300) : value));
  }
  const filled = operation.path.replace(/\{(\w+)\}/g, (_, name) => {
    const parameter = (operation.spec.parameters ?? [])
      .map((/** @type {any} */ p) => contract.deref(p))
      .find((/** @type {any} */ p) => p.name === name && p.in === 'path');
    return make.value(parameter?.schema ?? { type: 'string' }, name);
  });
  let target = filled + (query.size ? `?${query}` : '');
  if (r.chance(12)) target = make.address(target);
  return target.startsWith('/') ? target : `/${target}`;
}

/** @param {Maker} make @param {Operation} operation @returns {Buffer} */
function bodyOf(make, operation) {
  const { r } = make;
  const content = operation.spec.requestBody?.content ?? {};
  const json = content['application/json'] ?? content['application/merge-patch+json'];
  if (!json) return Object.keys(content).length || r.chance(3) ? r.bytes(r.below(300)) : Buffer.alloc(0);
  let value = make.value(json.schema);
  for (let n = r.chance(30) ? 0 : r.below(4); n > 0; n--) value = make.mutate(value);
  const body = Buffer.from(JSON.stringify(value) ?? '').subarray(0, BODY_MAX);
  return r.chance(10) ? make.bytes(body) : body;
}

/** @param {Random} r @param {string} slug @returns {Request} */
function invent(r, slug) {
  let operation = r.pick(operations);
  if (operation.method === 'DELETE' && r.chance(75)) operation = r.pick(operations);
  const kinds = operation.spec['x-callers'] ?? [];
  const fitting = kinds.includes('portal') ? `portal ${slug}` : `staff ${slug}`;
  const caller = r.chance(85) ? fitting : r.pick([`portal ${slug}`, `staff ${slug}`, '']);
  const token = firms.callers[caller]?.token ?? '';
  const make = new Maker(r, /** @type {Ids} */ (ids[slug]), (thing) => contract.deref(thing));
  const json = operation.spec.requestBody?.content?.['application/json'];
  /** @type {[string, string][]} */
  const headers = [['Host', 'x']];
  if (token && operation.id !== 'logout') headers.push(['Authorization', `Bearer ${token}`]);
  headers.push(['Content-Type', json ? 'application/json' : 'application/octet-stream']);
  if (operation.method === 'POST' && r.chance(70)) headers.push(['Idempotency-Key', `key-${r.below(2 ** 30)}-0000`]);
  for (let n = r.chance(60) ? 0 : r.below(4); n > 0; n--) {
    const [name, value] = header(r, token);
    const at = headers.findIndex(([known]) => known === name);
    if (at >= 0 && !r.chance(5)) headers.splice(at, 1);
    headers.push([name, value]);
  }
  const method = r.chance(4)
    ? r.pick(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'get'])
    : operation.method;
  return {
    method,
    target: address(make, operation),
    headers,
    body: bodyOf(make, operation),
    caller,
    operation,
    rough: false,
  };
}

/** The bytes of it. Now and then they say something else than they are. @param {Random} r @param {Request} request */
function written(r, request) {
  const length = r.chance(2) ? r.pick([-1, 1, 7]) + request.body.length : request.body.length;
  const headers = request.headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const bodied = request.body.length > 0 || ['POST', 'PUT', 'PATCH'].includes(request.method);
  let head = Buffer.from(
    `${request.method} ${request.target} HTTP/1.1\r\n${headers}${bodied ? `Content-Length: ${length}\r\n` : ''}Connection: close\r\n\r\n`,
    'latin1',
  );
  request.rough =
    length !== request.body.length ||
    request.body.length > BODY_HIDING ||
    request.headers.filter(([name]) => name === 'Host').length > 1;
  if (r.chance(2)) {
    const at = r.below(head.length);
    head = Buffer.concat([head.subarray(0, at), r.bytes(r.below(3)), head.subarray(at + r.below(3))]);
    request.rough = true;
  }
  return Buffer.concat([head, request.body]);
}

const SETS_COOKIES = ['login', 'logout', 'acceptInvitation', 'revokeSession'];

/**
 * What is wrong with the answer, or null.
 * @param {Request} request @param {import('./exchange.mjs').Reply} reply @param {string} stranger the other firm's name
 */
function wrong(request, reply, stranger) {
  const { status, headers } = reply;
  if (reply.late) return 'no answer in time';
  if (status === 0) return request.rough ? null : 'closed without an answer';
  if (status >= 500 && status !== 503) return `status ${status}`;
  const text = reply.body.toString();
  const asked = request.headers.some(([name, value]) => name === 'X-Portico-Phase' && value === 'authorize');
  if (request.caller && (text.includes(stranger) || [...headers.values()].join().includes(stranger)))
    return `it tells of ${stranger}`;
  if (headers.has('set-cookie') && (status >= 300 || !SETS_COOKIES.includes(request.operation.id))) return 'a cookie';
  if (status < 400 || request.method === 'HEAD') return null;
  if (asked) return null; // the edge's own question: 403 whatever the matter is
  if (headers.get('content-type') !== 'application/problem+json')
    return `an error of type ${headers.get('content-type')}`;
  try {
    const problem = JSON.parse(text);
    if (problem.status !== status || !Array.isArray(problem.errors)) return 'a problem that is none';
  } catch {
    return 'an error that is no JSON';
  }
  return null;
}

/** What the edge says to anything, documented once for all. */
const EVERYWHERE = [405, 411, 413, 414, 431];

/** Is the answer one that the contract knows? @param {Request} request @param {import('./exchange.mjs').Reply} reply */
function breach(request, reply) {
  if (
    request.rough ||
    request.method === 'HEAD' ||
    EVERYWHERE.includes(reply.status) ||
    !/^\/[\x21-\x7e]*$/.test(request.target)
  )
    return null;
  const url = new URL(`http://x${request.target.split('?')[0]}`);
  if (url.pathname !== request.target.split('?')[0]) return null;
  try {
    contract.check({ method: request.method, url, status: reply.status, headers: reply.headers, body: reply.body });
    return null;
  } catch (error) {
    return (String(error).split('\n')[0] ?? '').replace(/[a-z]{3}_[0-9a-z]{26}/g, '{id}');
  }
}

/** @type {Map<string, string>} what was found, with the first request that showed it */
const findings = new Map();
/** @type {Map<number, number>} */
const statuses = new Map();

/** @param {string} why @param {string} door @param {Buffer} bytes @param {import('./exchange.mjs').Reply} reply */
function found(why, door, bytes, reply) {
  if (findings.has(why)) return;
  findings.set(
    why,
    `${door}: ${bytes.subarray(0, 1500).toString('latin1')}\n  -> ${reply.status} ${reply.body.subarray(0, 400)}`,
  );
}

let revived = 0;
/**
 * Callers that a request locked out come in again. Another request may undo that meanwhile: then the next one tries.
 * @param {string} caller
 */
async function revive(caller) {
  if (Date.now() < revived + 1000) return;
  revived = Date.now();
  const [kind, slug = ''] = caller.split(' ');
  await (kind === 'staff' ? firms.again(slug) : firms.admit(slug)).catch(() => {});
}

/** @param {number} peer @param {number} until */
async function attack(peer, until) {
  const r = new Random(SEED + peer * 7919);
  const { port } = new URL(stack.url);
  const socket = stack.env.PORTICO_SOCKET ?? '';
  for (let n = 0; Date.now() < until; n++) {
    const slug = n % 2 ? 'zeno' : 'xeres';
    const straight = r.chance(30);
    const request = invent(r, slug);
    const bytes = written(r, request);
    const door = straight
      ? { path: socket }
      : { host: '127.0.0.1', port: Number(port), localAddress: `127.80.${1 + peer}.${1 + r.below(250)}` };
    const patience_ms = request.rough && request.body.length < BODY_HIDING ? 300 : PATIENCE_MS;
    const reply = await exchange(door, bytes, { patience_ms, bare: request.method === 'HEAD' });
    if (request.rough) reply.late = false;
    statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
    const why = wrong(request, reply, slug === 'zeno' ? 'xeres' : 'zeno') ?? (straight ? null : breach(request, reply));
    if (why) found(`${request.operation.id}: ${why}`, straight ? 'socket' : 'edge', bytes, reply);
    if (reply.status < 300) ids[slug]?.harvest(reply.body.toString(), r);
    if (reply.status === 401 && request.caller) await revive(request.caller);
  }
}

const workers = () => stack.family('api').sort((a, b) => a - b).join(); // prettier-ignore
/** @param {string} dir @returns {string[]} */
const filesBelow = (dir) =>
  fs
    .readdirSync(dir, { withFileTypes: true })
    .flatMap((e) => (e.isDirectory() ? filesBelow(path.join(dir, e.name)) : [path.join(dir, e.name)]));

test(`${SECONDS} s of requests, seed ${SEED}`, { timeout: (SECONDS + 120) * 1000 }, async (t) => {
  t.diagnostic(`FUZZ_SEED=${SEED}`);
  const before = workers();
  const until = Date.now() + SECONDS * 1000;
  await Promise.all(Array.from({ length: PEERS }, (_, peer) => attack(peer, until)));
  const total = [...statuses.values()].reduce((sum, n) => sum + n, 0);
  t.diagnostic(
    `${total} requests: ${[...statuses]
      .sort()
      .map(([status, n]) => `${status} ${n}`)
      .join(', ')}`,
  );
  const words = stack
    .log('api', 1e8)
    .split('\n')
    .filter((line) => line && !line.startsWith('{'));
  assert.equal(workers(), before, `a worker has ended, seed ${SEED}: ${words.slice(0, 40).join('\n')}`);
  const told = [...findings].slice(0, Number(process.env.FUZZ_FOUND ?? 20)).map(([why, how]) => `${why}\n  ${how}`);
  assert.equal(findings.size, 0, `${findings.size} findings with seed ${SEED}:\n${told.join('\n\n')}`);
  assert.ok((statuses.get(503) ?? 0) <= total / 100, 'too many 503');
});

test('afterwards it works, each document has its bytes, and nothing is left lying about', async () => {
  await firms.again('zeno');
  await firms.admit('zeno');
  const rows = await stack.sql('select path, size::int from blob order by path');
  const store = path.join(stack.state, 'store');
  const there = filesBelow(path.join(store, 'blobs')).map((file) => ({
    path: path.relative(path.join(store, 'blobs'), file),
    size: fs.statSync(file).size,
  }));
  assert.deepEqual(
    there.sort((a, b) => (a.path < b.path ? -1 : 1)),
    rows.sort((a, b) => (a.path < b.path ? -1 : 1)),
  );
  assert.deepEqual([...filesBelow(path.join(store, 'incoming')), ...filesBelow(path.join(stack.state, 'spool'))], []);
  const [open] = await stack.sql(
    "select count(*)::int as n from pg_stat_activity where state like 'idle in transaction%'",
  );
  assert.equal(open.n, 0);
});

test('the log names no secret', () => {
  const log = fs
    .readdirSync(path.join(stack.state, 'logs'))
    .map((name) => fs.readFileSync(path.join(stack.state, 'logs', name), 'utf8'))
    .join('\n');
  for (const { token } of Object.values(firms.callers)) assert.ok(!log.includes(token), 'a session token');
  assert.ok(!log.includes('seven wet herons'), 'a password');
  assert.ok(!/AddressSanitizer|runtime error:|Assertion/.test(log), log.slice(-3000));
});
