// vanish.test.mjs - clients that go away at any byte, at the edge and at the API's own socket, leave nothing behind.
//
// TORTURE_REQUESTS (2400) requests; `make test-torture-long` makes 100000.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chance, none, rig as startRig, SEED, setting, until } from './rig.mjs';
import { office, otherOffice, unique } from './office.mjs';

const REQUESTS = setting('TORTURE_REQUESTS', 2400);
const CROWD = 40; // at once
const STACK_BYTES = [256 * 1024, 1024 * 1024]; // a fiber's, plain and sanitized

/** @type {import('./rig.mjs').Rig} */ let rig;
/** @type {import('./office.mjs').Office} */ let firm;
/** @type {import('./office.mjs').Office} */ let other;
/** @type {any} */ let document_;
/** @type {number[]} */ let workers = [];
const luck = chance(SEED + 1);

before(async () => {
  rig = await startRig();
  firm = await office(rig, 1, 2);
  other = await otherOffice(rig);
  document_ = await rig.ok(`/v1/documents?folder_id=${firm.clients[0]?.drop}&name=long.bin`, {
    as: firm.owner,
    body: luck.bytes(1_000_000),
  });
  workers = rig.children('api');
  console.log(`seed ${SEED}, ${REQUESTS} requests, ${workers.length} workers`);
});
after(() => rig?.end());

// ---- requests, byte by byte -------------------------------------------------------------------------------------------

/** @typedef {{ head: string[], body?: Buffer, as?: import('./rig.mjs').Person }} Request */

/** @param {string} line @param {import('./rig.mjs').Person | undefined} as @param {Record<string, string>} [headers] @param {Buffer | string} [body] @returns {Buffer} */
function request(line, as, headers = {}, body) {
  const all = {
    Host: 'localhost',
    ...(as ? { Authorization: `Bearer ${as.token}` } : {}),
    ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const head = `${line} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body ?? '')]);
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const BYTES_TYPE = { 'Content-Type': 'application/octet-stream' };
const key = () => ({ 'Idempotency-Key': unique('vanish-key') });
const client = () => /** @type {import('./office.mjs').Client} */ (firm.clients[0]);
const reader = () => client().people[0];
const password = () =>
  JSON.stringify({
    firm: firm.slug,
    audience: 'staff',
    email: `${unique('x')}@mail.test`,
    password: 'no such password at all',
    transport: 'token',
  });

/** What is asked alike at both doors. @type {(() => Buffer)[]} */
const CALLS = [
  () => request('GET /v1/clients', firm.owner),
  () => request('GET /v1/clients', other.owner),
  () => request(`GET /v1/documents?folder_id=${client().drop}`, firm.owner),
  () => request('GET /v1/portal/home', reader()),
  () => request('GET /v1/portal/documents', reader()),
  () => request(`GET /v1/portal/documents/${document_.id}/content`, reader()),
  () => request('GET /v1/me', undefined),
  () =>
    request(
      'POST /v1/folders',
      firm.owner,
      { ...JSON_TYPE, ...key() },
      JSON.stringify({ client_id: client().id, name: unique('F') }),
    ),
  () =>
    request(
      'POST /v1/contacts',
      firm.owner,
      { ...JSON_TYPE, ...key() },
      JSON.stringify({ entity: 'individual', display_name: unique('V') }),
    ),
  () =>
    request(
      `PATCH /v1/clients/${client().id}`,
      firm.owner,
      JSON_TYPE,
      JSON.stringify({ phone: String(luck.between(1, 1e9)) }),
    ),
];
const SIGN_IN = () => request('POST /v1/auth/login', undefined, JSON_TYPE, password());
const upload = () =>
  request(
    `POST /v1/documents?folder_id=${client().drop}&name=${unique('v')}.bin`,
    firm.owner,
    { ...BYTES_TYPE, ...key() },
    luck.bytes(luck.between(0, 300_000)),
  );
const scan = () =>
  request(
    `POST /v1/portal/documents?folder_id=${client().inbox}&name=${unique('v')}.bin`,
    reader(),
    { ...BYTES_TYPE, ...key() },
    luck.bytes(luck.between(0, 300_000)),
  );

/** At the edge. */
const outside = () =>
  (luck.between(1, 20) === 1 ? SIGN_IN : luck.between(1, 3) === 1 ? luck.pick([upload, scan]) : luck.pick(CALLS))();

/** Past the edge, as it asks: one header more for each, and uploads in their phases. `spool` is the file that the edge would have made. */
function inside() {
  const addr = { 'X-Portico-Addr': '127.0.0.1', 'X-Request-Id': unique('req_vanish') };
  const path_ = `POST /v1/documents?folder_id=${client().drop}&name=${unique('v')}.bin`;
  const what = luck.between(1, 12);
  if (what === 1)
    return {
      bytes: request(
        path_,
        firm.owner,
        {
          ...addr,
          ...BYTES_TYPE,
          ...key(),
          'X-Portico-Phase': luck.pick(['authorize', 'refused']),
          'X-Portico-Length': '1000',
        },
        '',
      ),
    };
  if (what <= 5) {
    const body = luck.bytes(luck.between(1, 2_000_000));
    const spool = path.join(rig.spoolDir, unique('vanish'));
    fs.writeFileSync(spool, body);
    return {
      spool,
      bytes: request(
        path_,
        firm.owner,
        {
          ...addr,
          ...BYTES_TYPE,
          ...key(),
          'X-Portico-Phase': 'body',
          'X-Portico-Spool': spool,
          'X-Portico-Length': String(body.length),
        },
        '',
      ),
    };
  }
  const bytes = (what === 6 ? SIGN_IN : luck.pick(CALLS))();
  return {
    bytes: Buffer.from(
      bytes
        .toString('latin1')
        .replace('\r\n', `\r\nX-Portico-Addr: 127.0.0.1\r\nX-Request-Id: ${addr['X-Request-Id']}\r\n`),
      'latin1',
    ),
  };
}

/**
 * Send as much as luck has it, perhaps read some of the answer, and go: in peace or with a reset.
 * @param {net.NetConnectOpts} at @param {Buffer} bytes @returns {Promise<void>}
 */
function vanish(at, bytes) {
  const whole = luck.between(1, 3) > 1;
  const cut = whole ? bytes.length : luck.between(0, bytes.length);
  const wait_ms = luck.pick([0, 0, 1, 2, 5, 10, 30]);
  const taste = luck.pick([0, 0, 1, 200, 100_000]);
  const rude = 'port' in at && luck.between(1, 2) === 1;
  return new Promise((resolve) => {
    const socket = net.connect(at);
    let got = 0;
    const go = () => (rude ? socket.resetAndDestroy() : socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.on('connect', () => {
      const parts = luck.between(1, 3);
      for (let i = 0; i < parts; i++)
        socket.write(bytes.subarray(Math.floor((cut * i) / parts), Math.floor((cut * (i + 1)) / parts)));
      if (!whole || taste === 0) setTimeout(go, wait_ms);
      else setTimeout(go, 2000);
    });
    socket.on('data', (part) => {
      if ((got += part.length) >= taste) setTimeout(go, wait_ms);
    });
  });
}

/** @param {number} n @param {() => Promise<void>} one */
async function crowd(n, one) {
  let left = n;
  await Promise.all(
    Array.from({ length: CROWD }, async () => {
      while (left-- > 0) await one();
    }),
  );
}

// ---- what is left -------------------------------------------------------------------------------------------------------

/** Stacks of fibers, told by their guard pages. @param {number} pid */
function stacks(pid) {
  const lines = fs
    .readFileSync(`/proc/${pid}/maps`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [range = '', mode = ''] = line.split(' ');
      const [from = 0, to = 0] = range.split('-').map((hex) => Number.parseInt(hex, 16));
      return { size: to - from, mode };
    });
  return lines.filter(
    (map, i) =>
      map.mode === 'rw-p' &&
      STACK_BYTES.includes(map.size) &&
      lines[i - 1]?.mode === '---p' &&
      lines[i - 1]?.size === 4096,
  ).length;
}

/** AddressSanitizer keeps what was freed, 256 MB of it. */
const sanitized = () => fs.readFileSync(`/proc/${workers[0]}/maps`, 'utf8').includes('libasan');

const descriptors = (/** @type {number} */ pid) => fs.readdirSync(`/proc/${pid}/fd`).length;
const rss = (/** @type {number} */ pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
const worst = (/** @type {(pid: number) => number} */ of) => Math.max(...workers.map(of));

/** What the workers hold when nothing is asked. */
async function atRest() {
  await until(() => rig.databaseIsQuiet(), 20_000, 'the database is quiet');
  return { stacks: worst(stacks), descriptors: worst(descriptors), rss: worst(rss) };
}

/** @param {string} door @param {() => Promise<void>} one */
function suite(door, one) {
  describe(`clients vanish at ${door}`, () => {
    /** @type {Awaited<ReturnType<typeof atRest>>} */ let early;

    test('P5: the workers live through it', { timeout: 120_000 + REQUESTS * 40 }, async () => {
      const began = Date.now();
      await crowd(Math.ceil(REQUESTS / 8), one);
      early = await atRest();
      await crowd(Math.floor((REQUESTS * 3) / 8), one);
      console.log(`${Math.round((Date.now() - began) / 1000)} s`);
      assert.deepEqual(rig.children('api'), workers, rig.stack.log('api'));
    });

    test('P5: no open transaction, no fiber, no descriptor, no memory stays behind', async () => {
      const late = await atRest();
      console.log(
        `stacks ${early.stacks} to ${late.stacks}, descriptors ${early.descriptors} to ${late.descriptors}, MB ${early.rss.toFixed(1)} to ${late.rss.toFixed(1)}`,
      );
      assert.ok(late.stacks <= early.stacks + CROWD, `${early.stacks} stacks became ${late.stacks}`);
      await until(
        () => worst(descriptors) <= early.descriptors + CROWD,
        20_000,
        () => `${worst(descriptors)} descriptors`,
      );
      assert.ok(late.rss < early.rss * 1.25 + (sanitized() ? 300 : 24), `${early.rss} MB became ${late.rss} MB`);
    });

    test('P5 P6: no spool file stays behind', async () => {
      await until(
        () => {
          assert.deepEqual([...rig.files(rig.spoolDir), ...rig.files(path.join(rig.storeDir, 'incoming'))], []);
          return true;
        },
        10_000,
        'spool and incoming are empty',
      );
      rig.age(); // a commit whose end nobody saw may leave a file without a row: that goes with the hour
      await until(() => rig.storeIsClean(), 20_000, 'the store is clean');
    });

    test('P5 P4: no claim of another firm is left on a connection', async () => {
      /** @type {string[]} */
      const wrong = [];
      await Promise.all(
        Array.from({ length: 16 }, async (_, i) => {
          for (let n = 0; n < 10; n++) {
            const [mine, as] = (i + n) % 2 ? [firm, firm.owner] : [other, other.owner];
            const list = await rig.ok('/v1/clients', { as });
            const ids = list.data
              .map((/** @type {any} */ c) => c.id)
              .sort()
              .join();
            const foreign = mine === firm ? other : firm;
            if (!ids.includes(mine.clients[0]?.id ?? '?') || ids.includes(foreign.clients[0]?.id ?? '?'))
              wrong.push(`${mine.slug}: ${ids}`);
            if ((await rig.ask('/v1/clients')).status !== 401) wrong.push('nobody was let in');
          }
        }),
      );
      none(wrong, 'wrong answers');
    });
  });
}

suite('the edge', async () => vanish({ host: '127.0.0.1', port: Number(new URL(rig.url).port) }, outside()));

suite("the API's socket", async () => {
  const { bytes, spool } = inside();
  await vanish({ path: rig.stack.env['PORTICO_SOCKET'] ?? '' }, bytes);
  // As the edge does at the end of a request. The API may be about to take it: then it is not there any more.
  if (spool)
    await until(
      () => {
        fs.rmSync(spool, { force: true });
        return true;
      },
      1000,
      'the spool file is gone',
    );
});
