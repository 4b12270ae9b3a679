// stop.test.mjs - SIGTERM under load: what was accepted is answered whole, what was not is refused and has done nothing.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { none, rig as startRig, sleep, until, uuid } from './rig.mjs';
import { folderAct, Letters, office, send, sha256, unique, uploadAct } from './office.mjs';

/** @typedef {import('./office.mjs').Act} Act */

/** @type {import('./rig.mjs').Rig} */ let rig;
/** @type {import('./office.mjs').Office} */ let firm;
const client = () => /** @type {import('./office.mjs').Client} */ (firm.clients[0]);

before(async () => {
  rig = await startRig();
  firm = await office(rig, 1, 2);
});
after(() => rig?.end());

/** Ask the program to end; answers when it has, with the time that it took. @param {string} name @param {number} ms */
async function stop(name, ms) {
  const pid = rig.pid(name);
  const began = Date.now();
  assert.ok(rig.kill(pid, name, 'SIGTERM'));
  await until(
    () => !rig.owns(pid, name),
    ms,
    () => `${name} ends\n${rig.stack.log(name)}`,
  );
  return Date.now() - began;
}

test('P5: an API at rest has nothing to wait for', async () => {
  const took = await stop('api', 2000);
  console.log(`ended in ${took} ms`);
  await rig.whole();
});

test('P25: under load each request gets a whole answer, or a 503 and no effect', { timeout: 120_000 }, async () => {
  /** @type {Act[]} */
  const acts = [];
  /** @type {string[]} */
  const wrong = [];
  let stopping = false,
    reads = 0;
  const people = Array.from({ length: 12 }, async (_, i) => {
    while (!stopping) {
      if (i % 3 === 0) {
        const answer = await rig.ask('/v1/clients', { as: firm.owner }).catch((error) => ({ status: 0, error }));
        if (answer.status === 200) reads++;
        else if (answer.status !== 503)
          wrong.push(`GET /v1/clients: ${answer.status} ${/** @type {any} */ (answer).error ?? ''}`);
        else await sleep(20);
        continue;
      }
      const a =
        i % 3 === 1 ? folderAct(firm, client()) : uploadAct(firm, client(), Buffer.from(unique('x').repeat(1000)));
      acts.push(a);
      if ((await send(rig, a, (what) => wrong.push(what))) === 503) await sleep(20);
    }
  });
  /** @type {number[]} */
  const took = [];
  try {
    for (let round = 1; round <= 3; round++) {
      await until(() => acts.filter((a) => a.state === 'acked').length > 60 * round, 30_000, 'work is under way');
      took.push(await stop('api', 10_000));
      await until(async () => (await rig.ask('/healthz', { loose: true })).status === 200, 20_000, 'the API is back');
    }
  } finally {
    stopping = true;
    await Promise.all(people);
  }
  const acked = acts.filter((a) => a.state === 'acked');
  console.log(`ended in ${took.join(', ')} ms; ${reads} reads, ${acked.length} of ${acts.length} acts acknowledged`);
  none(wrong, 'wrong answers');
  const rows = await rig.stack.sql('select id, name from folder union all select id, name from document');
  const [ids, names] = [new Set(rows.map((row) => row.id)), new Set(rows.map((row) => row.name))];
  none(
    acked.filter((a) => !ids.has(uuid(a.answer.id))).map((a) => a.name),
    'acknowledged acts are lost',
  );
  none(
    acts.filter((a) => a.state !== 'acked' && names.has(a.name)).map((a) => `${a.kind} ${a.name}`),
    'acts were refused and done all the same',
  );
});

test('a request of 1.5 s that is under way gets its answer', async () => {
  const database = await rig.database();
  try {
    await database.query('begin');
    await database.query('select 1 from client where id = $1 for update', [uuid(client().id)]);
    const answer = rig.ask(`/v1/clients/${client().id}`, { as: firm.owner, method: 'PATCH', json: { phone: '123' } });
    await until(async () => (await rig.sessions("wait_event_type = 'Lock'")).length > 0, 5000, 'it waits');
    const began = Date.now();
    const ended = stop('api', 10_000);
    await until(() => Date.now() - began >= 1500, 3000, 'its time is over');
    await database.query('rollback');
    const { status, json } = await answer;
    assert.equal(status, 200);
    assert.equal(json.phone, '123');
    assert.ok((await ended) >= 1500);
  } finally {
    await database.end();
  }
  await rig.whole();
});

test('an upload whose body arrives while the API is restarted is taken', async () => {
  const body = Buffer.from(unique('slow').repeat(40_000));
  const name = `${unique('slow')}.bin`;
  /** @type {Promise<{ status: number, json: any }>} */
  let answered = Promise.reject(new Error('not sent'));
  answered.catch(() => {});
  const request = http.request(`${rig.url}/v1/documents?folder_id=${client().drop}&name=${name}`, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: `Bearer ${firm.owner.token}`,
      'content-type': 'application/octet-stream',
      'content-length': body.length,
    },
  });
  answered = new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', async (response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      resolve({ status: response.statusCode ?? 0, json: JSON.parse(Buffer.concat(parts).toString()) });
    });
  });
  request.write(body.subarray(0, 300_000));
  await until(() => rig.files(rig.spoolDir).length > 0, 5000, 'the edge takes the body');
  await stop('api', 10_000);
  await rig.whole();
  request.end(body.subarray(300_000));
  const { status, json } = await answered;
  assert.equal(status, 201, JSON.stringify(json));
  assert.equal(json.sha256, sha256(body));
});

test('P2: a mailer that is asked to end makes no duplicate, and its work goes on', async () => {
  const letters = new Letters(rig.sink);
  const mark = rig.sink.mails.length;
  /** @type {Act[]} */
  const acts = [];
  let stopping = false;
  const people = Array.from({ length: 6 }, async () => {
    while (!stopping) {
      const a = uploadAct(firm, client(), Buffer.from('x'));
      await send(rig, a, (what) => assert.fail(what));
      acts.push(a);
    }
  });
  for (let round = 1; round <= 3; round++) {
    await rig.sink.wait('', rig.sink.mails.length + 40, 0, 20_000);
    await stop('mailer', 10_000);
    await until(() => rig.pid('mailer'), 20_000, 'the mailer is back');
  }
  stopping = true;
  await Promise.all(people);
  await rig.whole();
  await until(
    () => acts.every((a) => letters.missing(a).length === 0),
    60_000,
    () => `all mails arrive\n${rig.words()}`,
  );
  none(
    [...letters.copies(mark).values()]
      .filter((list) => list.length > 1)
      .map((list) => `${list.length} times ${list[0]?.to} ${list[0]?.subject}`),
    'duplicates',
  );
  console.log(`${rig.sink.mails.length - mark} mails`);
});
