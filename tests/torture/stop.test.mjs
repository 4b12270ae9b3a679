// stop.test.mjs - SIGTERM under load: what was accepted is answered whole, what was not is refused and has done nothing;
// and kill -9 in the middle of an import, which goes on where nothing is done twice.
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

// ---- kill -9 in the middle of an import --------------------------------------------------------------------------

const ROWS = 30;
const HEADER = 'code,entity,name,emails,contact_name,contact_email\n';
const line = (/** @type {string} */ word, /** @type {number} */ i) =>
  `${word}-${i},business,${word}-${i} Ltd,,${word}-${i},${word}-${i}@mail.test\n`;
const file = (/** @type {string} */ word) => HEADER + Array.from({ length: ROWS }, (_, i) => line(word, i)).join('');
const sendFile = (/** @type {string} */ text) =>
  rig.ok('/v1/imports?kind=clients&send_invitations=now', {
    as: firm.owner,
    body: Buffer.from(text),
    headers: { 'content-type': 'text/csv' },
  });

/** How the import ends. @param {string} id */
const ended = (id) =>
  until(
    async () => {
      const import_ = await rig.ok(`/v1/imports/${id}`, { as: firm.owner });
      return ['validating', 'running'].includes(import_.status) ? null : import_;
    },
    30_000,
    () => `the import ends\n${rig.words()}`,
  );

/** How many there are of all that a file makes. @param {string} word */
async function made(word) {
  const client = "client_id in (select id from client where code like $1 || '-%')";
  const contact = "contact_id in (select id from contact where primary_email like $1 || '-%')";
  const told = "type in ('client.created', 'contact.created', 'portal_access.enabled', 'invitation.sent')";
  const counts = await Promise.all(
    [
      `client where code like $1 || '-%'`,
      `contact where primary_email like $1 || '-%'`,
      `client_contact where ${client} and ${contact}`,
      `folder where ${client}`,
      `membership where ${contact}`,
      `invitation where ${contact}`,
      `envelope where to_email like $1 || '-%'`,
      `event where ${told} and object_id in (select id from client where code like $1 || '-%' union all
        select id from contact where primary_email like $1 || '-%' union all
        select id from membership where ${contact} union all select id from invitation where ${contact})`,
    ].map((what) => rig.stack.sql(`select count(*)::int as n from ${what}`, [word])),
  );
  return counts.map(([row]) => row.n);
}
const ALL = [ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, 4 * ROWS];

/** Where it is held up, what is killed there, and what is there then. @type {[string, string, string, number[]][]} */
const middles = [
  ['API while it makes', 'api', 'lock table client_contact in share mode', ALL.map(() => 0)],
  ['PostgreSQL while it makes', 'postgres', 'lock table client_contact in share mode', ALL.map(() => 0)],
  ['API while it invites', 'api', 'lock table envelope in share mode', [ROWS, ROWS, ROWS, ROWS, 0, 0, 0, 2 * ROWS]],
];
for (const [what, program, hold, then] of middles)
  test(`P3, S1_2: the ${what} is killed in the middle of an import: it makes all or nothing, and nothing twice`, async () => {
    const word = unique('kill').toLowerCase();
    const database = await rig.database();
    database.on('error', () => {}); // it is killed, too
    let id;
    try {
      await database.query('begin');
      await database.query(hold);
      ({ id } = await sendFile(file(word)));
      await until(async () => (await rig.sessions("wait_event_type = 'Lock'")).length > 0, 20_000, 'it is in the middle');
      const pids = program === 'api' ? [rig.pid('api'), ...rig.children('api')] : [rig.pid(program)];
      assert.ok(pids.map((pid) => rig.kill(pid, program))[0]);
      await until(() => !pids.some((pid) => rig.owns(pid, program)), 5000, 'they are dead');
      if (program === 'api') assert.deepEqual(await made(word), then);
    } finally {
      await database.end().catch(() => {});
    }
    await rig.whole();
    const import_ = await ended(id);
    assert.deepEqual([import_.status, import_.created_count, import_.invited_count], ['done', ROWS, ROWS]);
    assert.deepEqual(await made(word), ALL);
    const again = await ended((await sendFile(file(word))).id);
    assert.deepEqual([again.status, again.unchanged_count, again.invited_count], ['done', ROWS, 0]);
    assert.deepEqual(await made(word), ALL);
  });
