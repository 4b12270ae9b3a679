// limit.test.ts - how many requests a caller may send, in an instance of its own: one worker, small limits, and its clock.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { call } from '../lib/recorder.mjs';
import { Sink } from '../lib/sink.mjs';
import { start, type Stack } from '../lib/stack.mjs';
import { ownAddress, type Answer } from '../lib/wire.mjs';

const READS = 6;
const WRITES = 4;
const UPLOADS = 2;
const PUBLIC = 20;
const SIGN_IN = 5;
const METRICS = 'who-watches-the-limits-0001';
const ORIGIN = 'https://app.firm.test';

let stack: Stack;
let sink: Sink;
before(async () => {
  sink = await new Sink().start();
  stack = await start({
    smtp: sink.url,
    env: {
      PORTICO_WORKERS: '1',
      PORTICO_CORS_ORIGINS: ORIGIN,
      PORTICO_LIMIT_READS: String(READS),
      PORTICO_LIMIT_WRITES: String(WRITES),
      PORTICO_LIMIT_UPLOADS: String(UPLOADS),
      PORTICO_LIMIT_PUBLIC: String(PUBLIC),
      PORTICO_LIMIT_SIGN_IN: String(SIGN_IN),
      PORTICO_METRICS_TOKEN: METRICS,
    },
  });
});
after(async () => {
  await sink.close();
  await stack.stop();
});

interface How {
  method?: string;
  as?: string;
  from?: string;
  json?: unknown;
  headers?: Record<string, string>;
  body?: string;
}

async function ask(path: string, how: How = {}): Promise<Answer & { json: any }> {
  const answer = await call(stack.url + path, {
    method: how.method ?? 'GET',
    from: how.from ?? ownAddress(),
    body: how.json === undefined ? how.body : JSON.stringify(how.json),
    headers: {
      ...(how.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(how.as ? { authorization: `Bearer ${how.as}` } : {}),
      ...how.headers,
    },
  });
  const json = /json/.test(answer.headers.get('content-type') ?? '') && answer.body.length;
  return { ...answer, json: json ? JSON.parse(answer.body.toString()) : null };
}

/** What the answer says of the limit: its name, and what is left of how many. */
function told(answer: Answer): { name: string; left: number; of: number; full_s: number } {
  const now = /^"(\w+)";r=(\d+);t=(\d+)$/.exec(answer.headers.get('ratelimit') ?? '');
  const policy = /^"(\w+)";q=(\d+);w=60$/.exec(answer.headers.get('ratelimit-policy') ?? '');
  assert.ok(now && policy, `${answer.headers.get('ratelimit')} of ${answer.headers.get('ratelimit-policy')}`);
  assert.equal(now[1], policy[1]);
  return { name: now[1] ?? '', left: Number(now[2]), of: Number(policy[2]), full_s: Number(now[3]) };
}

function limited(answer: Answer & { json: any }, name: string) {
  assert.equal(`${answer.status} ${answer.json?.code}`, '429 rate_limited', answer.body.toString());
  const wait = Number(answer.headers.get('retry-after'));
  assert.ok(wait >= 1 && wait <= 60, `Retry-After: ${wait}`);
  assert.equal(answer.json.retry_after, wait);
  assert.deepEqual([told(answer).name, told(answer).left], [name, 0]);
  return wait;
}

/** A moment later all limits are whole again. */
const later = async (seconds = 61) =>
  assert.equal((await ask('/v1/test/clock', { method: 'PUT', json: { advance_seconds: seconds } })).status, 200);

const login = (who: { email: string; password: string } = stack.demo?.owner as any, from = ownAddress()) =>
  ask('/v1/auth/login', {
    method: 'POST',
    from,
    json: { firm: stack.demo?.slug, audience: 'staff', email: who.email, password: who.password, transport: 'token' },
  });

/** A token that the worker has verified already, whose requests count for its person. */
async function token(who?: { email: string; password: string }): Promise<string> {
  const got = await login(who);
  assert.equal(got.status, 200, got.body.toString());
  const first = await ask('/v1/auth/session', { as: got.json.access_token });
  assert.deepEqual([first.status, told(first).name], [200, 'public']);
  return got.json.access_token;
}

describe('rate limits', () => {
  test('a person reads so often and no more, told in each answer, and goes on when Retry-After has passed', async () => {
    await later();
    const as = await token();
    for (let n = READS - 1; n >= 0; n--) {
      const answer = await ask('/v1/auth/session', { as });
      assert.equal(answer.status, 200);
      assert.deepEqual([told(answer).name, told(answer).left, told(answer).of], ['reads', n, READS]);
      assert.ok(told(answer).full_s > 0 && told(answer).full_s <= 60);
    }
    const wait = limited(await ask('/v1/auth/session', { as }), 'reads');
    limited(await ask('/v1/clients', { as }), 'reads');
    await later(wait);
    assert.equal((await ask('/v1/auth/session', { as })).status, 200);
    limited(await ask('/v1/auth/session', { as }), 'reads');
  });

  test('all credentials of a person share the limit, from wherever they come; another person has another', async () => {
    await later();
    const [one, two] = [await token(), await token()];
    const other = await token(stack.demo?.admin);
    for (let n = 0; n < READS; n++) assert.equal((await ask('/v1/auth/session', { as: n % 2 ? one : two })).status, 200);
    limited(await ask('/v1/auth/session', { as: one }), 'reads');
    limited(await ask('/v1/auth/session', { as: two }), 'reads');
    assert.equal((await ask('/v1/auth/session', { as: other })).status, 200);
  });

  test('reading, writing and uploading count apart; what fails counts too', async () => {
    await later();
    const as = await token();
    for (let n = 0; n < READS; n++) await ask('/v1/clients/cli_00000000000000000000000001', { as });
    limited(await ask('/v1/clients', { as }), 'reads');
    for (let n = WRITES - 1; n >= 0; n--) {
      const answer = await ask('/v1/clients', { method: 'POST', as, json: { entity: 'business', name: n % 2 ? '' : 'A' } });
      assert.equal(answer.status, n % 2 ? 422 : 201);
      assert.deepEqual([told(answer).name, told(answer).left], ['writes', n]);
    }
    limited(await ask('/v1/clients', { method: 'POST', as, json: { entity: 'business', name: 'B' } }), 'writes');
    const [row] = await stack.sql("select count(*)::int as n from client where name = 'B'");
    assert.equal(row.n, 0);
  });

  test('an upload is one request, though the edge asks three times; beyond the limit its body is not taken', async () => {
    await later();
    const as = await token();
    const client = await ask('/v1/clients', { method: 'POST', as, json: { entity: 'business', name: 'Uploads' } });
    const folder = await ask('/v1/folders', { method: 'POST', as, json: { client_id: client.json.id, name: 'In' } });
    const put = (name: string, at = folder.json.id) =>
      ask(`/v1/documents?folder_id=${at}&name=${name}`, {
        method: 'POST',
        as,
        body: 'all is well',
        headers: { 'content-type': 'text/plain' },
      });
    const none = await put('a.txt', 'fol_00000000000000000000000001');
    assert.equal(`${none.status} ${none.json.code}`, '404 not_found', 'the reason, not the limit');
    assert.deepEqual([told(none).name, told(none).left], ['uploads', UPLOADS - 1]);
    const last = await put('b.txt');
    assert.equal(last.status, 201, last.body.toString());
    assert.deepEqual([told(last).name, told(last).left], ['uploads', 0]);
    limited(await put('c.txt'), 'uploads');
    const [row] = await stack.sql("select count(*)::int as n from document where name = 'c.txt'");
    assert.equal(row.n, 0);
  });

  test('a download tells the limit too, whichever way the edge took', async () => {
    await later();
    const as = await token();
    const client = await ask('/v1/clients', { method: 'POST', as, json: { entity: 'business', name: 'Downloads' } });
    const folder = await ask('/v1/folders', { method: 'POST', as, json: { client_id: client.json.id, name: 'Out' } });
    const document = await ask(`/v1/documents?folder_id=${folder.json.id}&name=d.txt`, {
      method: 'POST',
      as,
      body: 'all is well',
      headers: { 'content-type': 'text/plain' },
    });
    const at = `/v1/documents/${document.json.id}/content`;
    const whole = await ask(at, { as });
    const part = await ask(at, { as, headers: { range: 'bytes=0-2' } });
    const matched = await ask(at, { as, headers: { 'if-match': whole.headers.get('etag') ?? '' } });
    const same = await ask(at, { as, headers: { 'if-none-match': whole.headers.get('etag') ?? '' } });
    assert.deepEqual(
      [whole, part, matched, same].map((a) => [a.status, told(a).name, told(a).left]),
      [
        [200, 'reads', READS - 1],
        [206, 'reads', READS - 2],
        [200, 'reads', READS - 3],
        [304, 'reads', READS - 3],
      ],
    );
  });

  test('304 costs nothing', async () => {
    await later();
    const as = await token();
    const first = await ask('/v1/me', { as });
    const headers = { 'if-none-match': first.headers.get('etag') ?? '' };
    for (let n = 0; n < 5 * READS; n++) {
      const same = await ask('/v1/me', { as, headers });
      assert.deepEqual([same.status, told(same).left], [304, READS - 1]);
    }
    assert.equal(told(await ask('/v1/me', { as })).left, READS - 2);
  });

  test('who is not known counts for the address: public calls, wrong credentials, passwords apart', async () => {
    await later();
    const from = ownAddress();
    for (let n = PUBLIC - 1; n >= 0; n--) {
      const path = n % 2 ? '/v1/setup' : '/v1/clients';
      const answer = await ask(path, { from, ...(n % 4 === 0 ? { as: 'cps_nobody' } : {}) });
      assert.equal(answer.status, n % 2 ? 200 : 401);
      assert.deepEqual([told(answer).name, told(answer).left], ['public', n]);
    }
    limited(await ask('/v1/setup', { from }), 'public');
    limited(await ask('/v1/clients', { from }), 'public');
    assert.equal((await ask('/v1/setup')).status, 200, 'another address');
    const wrong = { email: 'nobody@nowhere.test', password: 'x' };
    for (let n = SIGN_IN - 1; n >= 0; n--) {
      const answer = await login(wrong, from);
      assert.equal(answer.status, 401);
      assert.deepEqual([told(answer).name, told(answer).left], ['sign_in', n]);
    }
    limited(await login(wrong, from), 'sign_in');
    limited(await login(undefined, from), 'sign_in');
    assert.equal((await login()).status, 200, 'another address');
  });

  test('nobody uses up the limit of another with a forged token, or with one that has ended', async () => {
    await later();
    const as = await token();
    const bytes = Buffer.from(as.slice(4), 'base64url');
    bytes[bytes.length - 1]! ^= 1;
    const forged = `cps_${bytes.toString('base64url')}`;
    const from = ownAddress();
    for (let n = 0; n < PUBLIC; n++) assert.equal((await ask('/v1/auth/session', { as: forged, from })).status, 401);
    limited(await ask('/v1/auth/session', { as: forged, from }), 'public');
    assert.equal(told(await ask('/v1/auth/session', { as })).left, READS - 1);
    const ended = await token();
    assert.equal((await ask('/v1/auth/logout', { method: 'POST', as: ended })).status, 204);
    assert.equal((await ask('/v1/auth/session', { as: ended })).status, 401);
    const again = await ask('/v1/auth/session', { as: ended });
    assert.deepEqual([again.status, told(again).name], [401, 'public']);
  });

  test('health, the contract, preflights and unknown paths are not counted here', async () => {
    const from = ownAddress();
    for (const [method, path, status] of [
      ['GET', '/healthz', 200],
      ['GET', '/readyz', 200],
      ['GET', '/openapi.json', 200],
      ['OPTIONS', '/v1/clients', 204],
      ['GET', '/v1/nothing', 404],
    ] as const) {
      const answer = await ask(path, { method, from, headers: { origin: ORIGIN } });
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get('ratelimit'), null, path);
    }
  });

  test('a page of another origin may read the headers, on a refusal too', async () => {
    await later();
    const as = await token();
    for (const wanted of [...Array(READS).fill(200), 429]) {
      const answer = await ask('/v1/auth/session', { as, headers: { origin: ORIGIN } });
      assert.equal(answer.status, wanted);
      assert.equal(answer.headers.get('access-control-allow-origin'), ORIGIN);
      const exposed = (answer.headers.get('access-control-expose-headers') ?? '').split(', ');
      for (const name of ['RateLimit', 'RateLimit-Policy', 'Retry-After']) assert.ok(exposed.includes(name), name);
    }
  });

  test('a refusal is in the log, with its code and its limit', async () => {
    await later();
    const as = await token();
    for (let n = 0; n < READS; n++) await ask('/v1/auth/session', { as });
    const id = `req_limit_${process.pid}`;
    limited(await ask('/v1/auth/session', { as, headers: { 'x-request-id': id } }), 'reads');
    const line = stack
      .log('api', 1 << 20)
      .split('\n')
      .find((l) => l.includes(id));
    assert.deepEqual(
      (({ status, code, limit, db_trips }) => ({ status, code, limit, db_trips }))(JSON.parse(line ?? '{}')),
      { status: 429, code: 'rate_limited', limit: 'reads', db_trips: 0 },
    );
  });

  test('refusals are told to who watches the service', async () => {
    const value = async (name: string) => {
      const text = (await ask('/metrics', { as: METRICS })).body.toString();
      return Number(new RegExp(`^portico_${name.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text)?.[1] ?? assert.fail(name));
    };
    const before = await value('rate_limited_total{limit="reads"}');
    await later();
    const as = await token();
    for (let n = 0; n < READS + 3; n++) await ask('/v1/auth/session', { as });
    let now = before;
    for (const end = Date.now() + 10_000; now < before + 3 && Date.now() < end; now = await value('rate_limited_total{limit="reads"}'))
      await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(now >= before + 3); // a worker tells each second: earlier ones may be among them
    assert.ok((await value('limit_uses_total{where="redis"}')) > 0);
  });

  // Last: Redis goes.
  test('P17: Redis hangs, dies and comes back: nobody is refused for that, or waits, and the limit stands', async () => {
    await later();
    const as = await token();
    const two = async () => {
      for (let n = 0; n < 2; n++) assert.equal((await ask('/v1/auth/session', { as })).status, 200);
    };
    const redis = stack.pid('redis');
    await two();
    process.kill(redis, 'SIGSTOP');
    try {
      await two();
    } finally {
      process.kill(redis, 'SIGCONT');
    }
    await two();
    limited(await ask('/v1/auth/session', { as }), 'reads');
    await later();
    process.kill(redis, 'SIGKILL');
    for (let n = 0; n < READS; n++) assert.equal((await ask('/v1/auth/session', { as })).status, 200);
    limited(await ask('/v1/auth/session', { as }), 'reads');
    const counts = () => stack.log('api', 1 << 20).split('\n').filter((l) => l.includes('counted in Redis')).length;
    const before = 1;
    for (const end = Date.now() + 30_000; counts() <= before && Date.now() < end; )
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(counts() > before, 'Redis counts again');
    await later();
    for (let n = 0; n < READS; n++) assert.equal((await ask('/v1/auth/session', { as })).status, 200);
    limited(await ask('/v1/auth/session', { as }), 'reads');
  });
});
