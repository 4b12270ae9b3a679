// wire.test.ts - HTTP that nobody means well with, through the edge and at the API's own socket, in an instance whose logs are read afterwards.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Sink } from '../lib/sink.mjs';
import { start, type Stack } from '../lib/stack.mjs';
import { call } from '../lib/recorder.mjs';
import { wire } from '../lib/wire.mjs';

let stack: Stack;
let sink: Sink;
let token: string;
let folder: string;
let workers: number[];
before(async () => {
  sink = await new Sink().start();
  stack = await start({ smtp: sink.url, env: { PORTICO_CORS_ORIGINS: 'https://app.firm.test' } });
  const { slug, owner } = stack.demo ?? assert.fail();
  const json = async (method: string, at: string, body: object) => {
    const got = await call(stack.url + at, {
      method,
      headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify(body),
    });
    return JSON.parse(got.body.toString());
  };
  token = (await json('POST', '/v1/auth/login', { firm: slug, audience: 'staff', ...owner, name: undefined, transport: 'token' }))
    .access_token;
  const client = await json('POST', '/v1/clients', { entity: 'business', name: 'Wire Ltd' });
  folder = (await json('POST', '/v1/folders', { client_id: client.id, name: 'Wire' })).id;
  workers = stack.family('api').sort();
});
after(async () => {
  await sink.close();
  await stack.stop();
});

const bearer = () => ({ authorization: `Bearer ${token}` });

type Door = 'edge' | 'socket';
const door = (where: Door) =>
  where === 'edge'
    ? net.connect(Number(new URL(stack.url).port), '127.0.0.1')
    : net.connect(stack.env['PORTICO_SOCKET'] ?? '');

/** Send the bytes as they are, and take what comes until the other side closes, has said nothing at all, or nothing more. */
function send(where: Door, bytes: string | Buffer, silent_ms = 10_000, quiet_ms = 300): Promise<Buffer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = door(where);
    const end = () => {
      socket.destroy();
      resolve(Buffer.concat(parts));
    };
    socket.setTimeout(silent_ms, end);
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (part) => {
      parts.push(part as Buffer);
      socket.setTimeout(quiet_ms);
    });
    socket.on('error', () => {});
    socket.on('close', end);
  });
}

interface Reply {
  status: number;
  lines: string[];
  body: string;
}

/** The answers in what came, one after the other; each has a Content-Length, or no body. */
function replies(bytes: Buffer, heads = false): Reply[] {
  const found: Reply[] = [];
  if (bytes[0] === 0x7b) return [{ status: 400, lines: [], body: bytes.toString() }]; // HTTP/0.9 has no head
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n\r\n', at);
    assert.ok(end > 0, `no answer: ${bytes.subarray(at, at + 200).toString('latin1')}`);
    const [first, ...lines] = bytes.subarray(at, end).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(first ?? '')?.[1]);
    assert.ok(status, first);
    for (const line of lines) assert.match(line, /^[A-Za-z][A-Za-z0-9-]*: [\x20-\x7e]*$/);
    const length = Number(lines.map((l) => /^content-length: (\d+)$/i.exec(l)?.[1]).find(Boolean) ?? 0);
    const size = heads || [204, 304].includes(status) ? 0 : length;
    found.push({ status, lines, body: bytes.subarray(end + 4, end + 4 + size).toString() });
    at = end + 4 + size;
  }
  return found;
}

function isProblem(reply: Reply, what: string) {
  assert.ok(reply.status >= 400 && reply.status < 500, `${what}: ${reply.status}`);
  assert.ok(
    reply.lines.some((l) => /^content-type: application\/problem\+json$/i.test(l)),
    `${what}: ${reply.lines.join(' | ')}`,
  );
  const problem = JSON.parse(reply.body);
  assert.equal(problem.status, reply.status, what);
  assert.ok(problem.code && Array.isArray(problem.errors), what);
  assert.ok(
    reply.lines.some((l) => l.toLowerCase() === `x-request-id: ${problem.request_id}`.toLowerCase()),
    what,
  );
}

/** Request ids that the API has answered. */
const answered = () => new Set([...stack.log('api', 1 << 26).matchAll(/"request_id":"([^"]+)"/g)].map((m) => m[1]));

let marks = 0;
const mark = () => `req_smuggled_${process.pid}_${marks++}`;

/** A second request, hidden in what the first one is made to seem. */
const hidden = (id: string, more = 'Connection: close\r\n') => `GET /v1/setup HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n${more}\r\n`;

/** Heads and bodies on which two parsers might disagree; `inner` must not be run. All are refused, or the inner one is the first one's body. */
const SMUGGLING: [string, (inner: string) => string][] = [
  ['length and chunks', (i) => post(`Content-Length: ${i.length + 5}\r\nTransfer-Encoding: chunked`, `0\r\n\r\n${i}`)],
  ['chunks and length', (i) => post(`Transfer-Encoding: chunked\r\nContent-Length: 4`, `${i.length.toString(16)}\r\n${i}\r\n0\r\n\r\n`)],
  ['two lengths that differ', (i) => post(`Content-Length: 0\r\nContent-Length: ${i.length}`, i)],
  ['two lengths that differ, the other way', (i) => post(`Content-Length: ${i.length}\r\nContent-Length: 0`, i)],
  ['two lengths alike', (i) => post(`Content-Length: ${i.length}\r\nContent-Length: ${i.length}`, i)],
  ['a list of lengths', (i) => post(`Content-Length: ${i.length}, ${i.length}`, i)],
  ['a signed length', (i) => post(`Content-Length: +${i.length}`, i)],
  ['a negative length', (i) => post('Content-Length: -1', i)],
  ['a hexadecimal length', (i) => post(`Content-Length: 0x${i.length.toString(16)}`, i)],
  ['an octal-looking length and more', (i) => post('Content-Length: 0 0', i)],
  ['a length of 2^64 and a bit', (i) => post('Content-Length: 18446744073709551617', i)],
  ['an empty length', (i) => post('Content-Length: ', i)],
  ['a length in another script', (i) => post('Content-Length: \u0665', i)],
  ['a space before the colon', (i) => post('Content-Length : 0', i)],
  ['a length behind a fold', (i) => post(`X: y\r\n Content-Length: ${i.length}`, i)],
  ['a folded encoding', (i) => post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${i}`)],
  ['an encoding that is none', (i) => post('Transfer-Encoding: xchunked', `0\r\n\r\n${i}`)],
  ['two encodings', (i) => post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', `0\r\n\r\n${i}`)],
  ['a list of encodings', (i) => post('Transfer-Encoding: identity, chunked', `0\r\n\r\n${i}`)],
  ['a quoted encoding', (i) => post('Transfer-Encoding: "chunked"', `0\r\n\r\n${i}`)],
  ['an encoding behind a bare CR', (i) => post('X: y\rTransfer-Encoding: chunked', `0\r\n\r\n${i}`)],
  ['an encoding behind a vertical tab', (i) => post('Transfer-Encoding: \x0bchunked', `0\r\n\r\n${i}`)],
  ['an encoding behind a NUL', (i) => post('X: \0\r\nTransfer-Encoding: chunked', `0\r\n\r\n${i}`)],
  ['chunks of 2^64 bytes', (i) => post('Transfer-Encoding: chunked', `10000000000000000\r\n${i}`)],
  ['chunks of a negative size', (i) => post('Transfer-Encoding: chunked', `-1\r\n${i}`)],
  ['chunks of no size', (i) => post('Transfer-Encoding: chunked', `\r\n${i}`)],
  ['a GET with a body', (i) => `GET /v1/setup HTTP/1.1\r\nHost: a\r\nContent-Length: ${i.length}\r\n\r\n${i}`],
  ['a HEAD with chunks', (i) => `HEAD /v1/setup HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${i}`],
  ['a target with a line feed', (i) => `GET /v1/setup\n${i}`],
  ['a target with spaces', (i) => `GET /v1/setup HTTP/1.1 ${i}`],
  ['two hosts', (i) => `GET /v1/setup HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: ${i.length}\r\n\r\n${i}`],
  ['no host', (i) => `GET /v1/setup HTTP/1.1\r\nContent-Length: ${i.length}\r\n\r\n${i}`],
  ['a version that is none', (i) => `GET /v1/setup HTTP/1.9x\r\nHost: a\r\n\r\n${i}`],
  ['HTTP/2 in the clear', (i) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${i}`],
  ['an upgrade', (i) => `POST /v1/setup HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: ${i.length}\r\n\r\n${i}`],
];

function post(headers: string, body: string) {
  return `POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
}

/** Valid, and two requests in every reader's eyes: these are answered twice by the edge, and refused by the API, which it never sends such. */
const TWO: [string, (inner: string) => string][] = [
  ['pipelined', (i) => `GET /v1/setup HTTP/1.1\r\nHost: a\r\n\r\n${i}`],
  ['behind an empty body', (i) => post('Content-Length: 0', i)],
  ['behind chunks', (i) => post('Transfer-Encoding: chunked', `0\r\n\r\n${i}`)],
];

describe('requests in requests', () => {
  for (const where of ['edge', 'socket'] as const)
    test(`${where}: what two parsers could read differently is refused, and the inner request never run`, async () => {
      const ids: [string, string][] = [];
      await Promise.all(
        SMUGGLING.map(async ([name, make]) => {
          const id = mark();
          ids.push([name, id]);
          const got = await send(where, Buffer.from(make(hidden(id)), 'latin1'), 1500);
          const all = replies(got, where === 'edge' && name.startsWith('a HEAD'));
          assert.ok(all.length <= 1, `${name}: ${all.length} answers`);
          for (const one of all)
            if (one.lines.length && one.body) isProblem(one, name);
            else assert.equal(one.status, 400);
        }),
      );
      const seen = answered();
      for (const [name, id] of ids) assert.ok(!seen.has(id), `${name}: the inner request was run`);
    });

  test('edge: two requests in a row are two answers, in their order', async () => {
    for (const [name, make] of TWO) {
      const id = mark();
      const all = replies(await send('edge', make(hidden(id)), 10_000, 10_000));
      assert.equal(all.length, 2, name);
      assert.ok(all[1]?.lines.some((l) => l.endsWith(id)), name);
      assert.ok(answered().has(id), 'this test sees what is run');
    }
  });

  test('edge: a hundred pipelined requests are a hundred answers', async () => {
    const ids = Array.from({ length: 100 }, mark);
    const all = replies(await send('edge', ids.map((id, n) => hidden(id, n < 99 ? '' : undefined)).join(''), 10_000, 10_000));
    assert.deepEqual(
      all.map((one) => one.lines.find((l) => /^x-request-id:/i.test(l))?.split(': ')[1]),
      ids,
    );
    assert.ok(all.every((one) => one.status === 200));
  });

  test('edge: a refused request does not make the next one on the connection another', async () => {
    for (const bad of ['GET /v1/setup?x=1 HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n']) {
      const id = mark();
      const all = replies(await send('edge', bad + hidden(id), 10_000, 10_000));
      assert.deepEqual(
        all.map((one) => one.status >= 400),
        [true, false],
      );
    }
  });
});

describe('more than there may be', () => {
  const long = (n: number) => 'x'.repeat(n);
  const CASES: [string, string, number[]][] = [
    ['a long target', `GET /v1/clients?q=${long(1900)} HTTP/1.1\r\nHost: a\r\n\r\n`, [414]],
    ['a target longer than any line', `GET /${long(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, [414]],
    ['a long header', `GET /v1/setup HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: ${long(5000)}\r\n\r\n`, [431]],
    ['a long credential', `GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${long(3300)}\r\n\r\n`, [431]],
    ['many headers', `GET /v1/setup HTTP/1.1\r\nHost: a\r\n${Array.from({ length: 4000 }, (_, i) => `X${i}: y\r\n`).join('')}\r\n`, [400, 431]],
    ['a long header name', `GET /v1/setup HTTP/1.1\r\nHost: a\r\n${long(5000)}: y\r\n\r\n`, [431]],
    ['a long method', `${long(5000)} /v1/setup HTTP/1.1\r\nHost: a\r\n\r\n`, [400, 405, 414]],
    ['a long host', `GET /v1/setup HTTP/1.1\r\nHost: ${long(300)}\r\n\r\n`, [400]],
    ['a body that is announced too large', post('Content-Length: 99999999', ''), [413]],
    ['a large chunk', post('Transfer-Encoding: chunked', 'fffffff\r\nxxxx'), [413]],
    ['an upload beyond all', `POST /v1/documents?name=x HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999\r\n\r\n`, [401]],
  ];
  for (const [name, bytes, statuses] of CASES)
    test(name, async () => {
      const [only, ...more] = replies(await send('edge', bytes));
      assert.ok(only && more.length === 0);
      assert.ok(statuses.includes(only.status), `${only.status}`);
      isProblem(only, name);
    });

  test('at the socket: heads and bodies beyond all, byte soup, and nothing at all', async () => {
    for (const bytes of [
      ...CASES.map(([, text]) => text),
      long(100_000),
      '\0'.repeat(5000),
      '\r\n'.repeat(3000),
      'GET',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      '\xff\xfe\xfd'.repeat(500),
    ]) {
      for (const one of replies(await send('socket', Buffer.from(bytes, 'latin1'), 300)))
        if (one.status >= 400) isProblem(one, bytes.slice(0, 40));
    }
    assert.deepEqual(stack.family('api').sort(), workers, 'no worker has ended');
  });
});

describe('headers that we send', () => {
  const NAMES = [
    'a\r\nInjected: 1.txt',
    'a\nInjected: 1.txt',
    'a\rInjected: 1.txt',
    'a\0b.txt',
    'a\u0085Injected: 1.txt',
    'a\u2028Injected: 1\u2029.txt',
    'a"; filename="evil.html',
    "a'; filename*=utf-8''evil.html",
    'a%0d%0aInjected: 1.txt',
    'a\\"\\.txt',
    '\u202etxt.exe',
    '\u560d\u560aInjected: 1.txt',
    ' ;,=?()<>@[]{}.txt',
    '\u{1f4a9}'.repeat(60),
    'é'.repeat(127),
    'a\x7f\x1b[31m.txt',
    '=?utf-8?Q?=0D=0AInjected:_1?=.txt',
    '../../../etc/passwd',
    'CON',
    '.',
  ];
  test('a file name of any kind is refused, or stays one in Content-Disposition', async () => {
    let taken = 0;
    for (const name of NAMES) {
      const at = `/v1/documents?folder_id=${folder}&name=${encodeURIComponent(name)}`;
      const put = await call(stack.url + at, { method: 'POST', headers: { ...bearer(), 'content-type': 'text/plain' }, body: 'x' });
      if (put.status !== 201) {
        assert.ok([400, 422].includes(put.status), `${JSON.stringify(name)}: ${put.status}`);
        continue;
      }
      taken++;
      const { id } = JSON.parse(put.body.toString());
      const bytes = await send('edge', `GET /v1/documents/${id}/content HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      const [got] = replies(bytes);
      assert.equal(got?.status, 200);
      const shown = got?.lines.filter((l) => /^content-disposition:/i.test(l)) ?? [];
      assert.equal(shown.length, 1);
      assert.match(shown[0] ?? '', /^content-disposition: attachment; filename="[^"\\]*"(; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]*)?$/i);
      assert.ok(!got?.lines.some((l) => /^(injected|set-cookie):/i.test(l)), JSON.stringify(name));
    }
    assert.ok(taken >= 8, `${taken} were taken`);
  });

  test('a media type, a request id, an origin, a key: none puts a line of its own into an answer', async () => {
    const dirty = ['a b', 'text/html\tx', 'text/html; x="\\"y"', 'x/y;'.repeat(50), '%0d%0aInjected: 1', 'é', '\x7f'];
    for (const value of dirty)
      for (const header of ['Content-Type', 'X-Request-Id', 'Origin', 'Idempotency-Key', 'If-None-Match', 'Cookie', 'User-Agent', 'Host']) {
        const host = header === 'Host' ? '' : 'Host: a\r\n';
        const head = `POST /v1/clients HTTP/1.1\r\n${host}Connection: close\r\nAuthorization: Bearer ${token}\r\n${header}: ${value}\r\nContent-Length: 2\r\n\r\n{}`;
        const all = replies(await send('edge', Buffer.from(head, 'latin1')));
        assert.equal(all.length, 1, `${header}: ${value}`);
        for (const one of all) {
          isProblem(one, `${header}: ${value}`);
          assert.ok(!one.lines.some((l) => /^injected:/i.test(l)));
        }
      }
  });

  test('what stands in a path, a query or a body comes back in a body at most', async () => {
    for (const at of [
      '/v1/clients/%0d%0aInjected:%201',
      '/v1/clients?q=%0d%0aInjected:%201',
      '/v1/clients?external_source=%0d%0aInjected:1&external_id=%00',
      '/%0d%0aInjected:%201',
      '/items/%0d%0aInjected',
      '/signin?next=//evil.test',
      '//evil.test/%2f..',
    ]) {
      const [got] = replies(await send('edge', `GET ${at} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`));
      assert.ok(got && got.status < 500, at);
      assert.ok(!got.lines.some((l) => /^(injected|location: *(https?:)?\/\/)/i.test(l)), at);
    }
    const body = JSON.stringify({ entity: 'business', name: 'Ref', external_ref: { source: 'x\r\ny', id: '\r\nInjected: 1' } });
    const put = await wire(`${stack.url}/v1/clients`, { method: 'POST', headers: { ...bearer(), 'content-type': 'application/json' }, body });
    assert.ok([201, 422].includes(put.status));
    assert.equal(put.headers.get('injected'), null);
  });
});

describe('conditions and ranges', () => {
  const CONTENT = 'The quick brown fox jumps over the lazy dog.';
  let at: string;
  let etag: string;
  before(async () => {
    const put = await call(`${stack.url}/v1/documents?folder_id=${folder}&name=ranges.txt`, {
      method: 'POST',
      headers: { ...bearer(), 'content-type': 'text/plain' },
      body: CONTENT,
    });
    at = `${stack.url}/v1/documents/${JSON.parse(put.body.toString()).id}/content`;
    etag = (await call(at, { method: 'HEAD', headers: bearer() })).headers.get('etag') ?? '';
  });

  test('a range of any kind is the right part, the whole, or 416', async () => {
    const many = Array.from({ length: 300 }, (_, i) => `${i % 40}-${i % 40}`).join(',');
    for (const range of [
      'bytes=0-0', 'bytes=-1', 'bytes=5-', 'bytes=0-99999999999999999999', 'bytes=18446744073709551616-', 'bytes=-18446744073709551616',
      'bytes=-0', 'bytes=9-3', 'bytes=', 'bytes', 'bytes=-', 'bytes=a-b', 'bytes=1-2-3', 'bytes=0x1-0x2', 'bytes= 1 - 2 ', 'bytes=+1-2',
      'BYTES=1-2', 'items=0-1', 'bytes=44-', 'bytes=43-', 'bytes=0-0,-1', 'bytes=0-,0-,0-,0-,0-', `bytes=${many}`, 'bytes=0-0,99-', ',', 'bytes=,1-2',
    ]) {
      const got = await wire(at, { headers: { ...bearer(), range } });
      assert.ok([200, 206, 416].includes(got.status), `${range}: ${got.status}`);
      if (got.status === 200) assert.equal(got.body.toString(), CONTENT, range);
      if (got.status === 416) assert.equal(got.headers.get('content-range'), `bytes */${CONTENT.length}`, range);
      if (got.status !== 206) continue;
      const [, from, to] = /^bytes (\d+)-(\d+)\/44$/.exec(got.headers.get('content-range') ?? '') ?? assert.fail(range);
      assert.equal(got.body.toString(), CONTENT.slice(Number(from), Number(to) + 1), range);
    }
  });

  test('conditions of any kind are met or not, and are never a fault of ours', async () => {
    const tags = (n: number) => Array.from({ length: n }, (_, i) => `"${i.toString(16).padStart(8, '0')}"`).join(', ');
    for (const value of [
      '*', '"*"', 'W/"x"', `W/${etag}`, etag, `${tags(200)}, ${etag}`, tags(250), '"', '""', ',', ',,,', 'x', '"a', "'a'", `${etag}${etag}`,
      '"\\""', '"é"', '* , *', `"x", *`, 'Thu, 01 Jan 1970 00:00:00 GMT', '"' + 'x'.repeat(2500) + '"',
    ])
      for (const header of ['if-match', 'if-none-match', 'if-range'])
        for (const method of ['GET', 'HEAD']) {
          const headers = { ...bearer(), [header]: Buffer.from(value).toString('latin1'), range: 'bytes=0-2' };
          const got = await wire(at, { method, headers });
          const what = `${method} ${header}: ${value.slice(0, 60)}`;
          assert.ok([200, 206, 304, 400, 412].includes(got.status), `${what}: ${got.status}`);
          if (method === 'GET' && got.status === 200) assert.equal(got.body.toString(), CONTENT, what);
          if (method === 'GET' && got.status === 206) assert.equal(got.body.toString(), CONTENT.slice(0, 3), what);
          if (header === 'if-none-match' && value.includes(etag) && !value.includes('""') && value !== `${etag}${etag}`)
            assert.equal(got.status, 304, what);
        }
  });
});

test('P16: slow heads, slow bodies and slow readers by the hundred, and a good client beside them is served', async () => {
  const big = 'x'.repeat(4 << 20);
  const put = await call(`${stack.url}/v1/documents?folder_id=${folder}&name=slow.txt`, {
    method: 'POST',
    headers: { ...bearer(), 'content-type': 'text/plain' },
    body: big,
  });
  const { id } = JSON.parse(put.body.toString());
  const heads = Array.from({ length: 200 }, (_, i) => {
    const socket = door('edge');
    const [begin, ...rest] = i % 2
      ? ['GET /v1/setup HTTP/1.1\r\nHost: a\r\n', ...'X-Slow: '.repeat(20)]
      : [post('Content-Length: 900', '{'), ...'"a":'.repeat(20)];
    socket.on('error', () => {});
    socket.write(begin ?? '');
    const drip = setInterval(() => socket.write(rest.shift() ?? 'x'), 100);
    socket.on('close', () => clearInterval(drip));
    return socket;
  });
  const readers = Array.from({ length: 50 }, () => {
    const socket = door('edge');
    socket.on('error', () => {});
    socket.write(`GET /v1/documents/${id}/content HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    socket.on('readable', () => setTimeout(() => socket.read(1000), 100));
    return socket;
  });
  try {
    const end = Date.now() + 2000;
    for (let n = 0; n < 150 || Date.now() < end; n++) {
      const got = await wire(`${stack.url}${n % 3 ? '/v1/clients' : '/v1/auth/session'}`, { headers: bearer() });
      assert.equal(got.status, 200);
    }
    const whole = await wire(`${stack.url}/v1/documents/${id}/content`, { headers: bearer() });
    assert.equal(whole.body.length, big.length);
    assert.ok(heads.filter((socket) => !socket.destroyed).length > 100, 'the slow ones were there all the time');
    assert.ok(readers.every((socket) => !socket.destroyed));
  } finally {
    for (const socket of [...heads, ...readers]) socket.destroy();
  }
});

describe('logs', () => {
  const EVIL = ['"}\n{"event":"forged"}', '\\"', '\r\n', '\x1b[2J', '\u2028', '\xff\xfe', '\x00', '\x80', '\xe2\x28\xa1', '${jndi:ldap://x}', "'; drop table", 'x'.repeat(1500)];
  test('nothing that a client sends makes a line of its own, or one that is not JSON', async () => {
    for (const evil of EVIL) {
      const pct = encodeURIComponent(Buffer.from(evil, 'latin1').toString('latin1'));
      const lines = [
        `GET /v1/${evil} HTTP/1.1\r\nHost: a\r\n\r\n`,
        `GET /v1/clients/${pct}?${evil} HTTP/1.1\r\nHost: a\r\n\r\n`,
        `GET /${pct} HTTP/1.1\r\nHost: ${evil}\r\n\r\n`,
        `${evil} /v1/setup HTTP/1.1\r\nHost: a\r\n\r\n`,
        `GET /v1/setup HTTP/1.1\r\nHost: a\r\nUser-Agent: ${evil}\r\nReferer: ${evil}\r\nX-Request-Id: ${evil}\r\n\r\n`,
        `GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: ${evil}\r\nCookie: __Host-session=${evil}\r\n\r\n`,
        post(`Content-Length: ${evil.length + 14}`, `{"${evil}":"${evil}`),
        `POST /v1/documents?name=${pct} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nAuthorization: Bearer ${token}\r\n\r\nx`,
      ];
      await Promise.all(
        lines.flatMap((text) => (['edge', 'socket'] as const).map((where) => send(where, Buffer.from(text, 'latin1'), 200))),
      );
    }
    assert.deepEqual(stack.garbled(), []);
    for (const name of ['api', 'edge-requests'])
      for (const line of stack.log(name, 1 << 26).split('\n').filter((text) => text.startsWith('{')))
        assert.notEqual(JSON.parse(line).event, 'forged', line);
    for (const line of fs.readFileSync(path.join(stack.state, 'logs/edge.log'), 'latin1').split('\n').filter(Boolean))
      assert.match(line, /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[[a-z]+\] /);
    assert.deepEqual(stack.family('api').sort(), workers, 'no worker has ended');
    const ours = stack.log('api', 1 << 26).split('\n').filter((line) => /"status":5\d\d/.test(line));
    assert.deepEqual(ours, [], 'no fault of ours');
  });
});
