// outage.test.mjs - the database, Redis and the mail server go away and come back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { none, rig as startRig, until } from './rig.mjs';
import { folderAct, contactAct, inviteAct, Letters, office, scanAct, send, sha256, shareAct, uploadAct } from './office.mjs';

/** @typedef {import('./office.mjs').Act} Act */

const UNAVAILABLE_MS = 2000; // P17: 503 by then
const BACK_MS = 10_000; // P18: full service again by then

/** @type {import('./rig.mjs').Rig} */ let rig;
/** @type {import('./office.mjs').Office} */ let firm;
/** @type {Letters} */ let letters;

before(async () => {
  rig = await startRig();
  firm = await office(rig, 2, 2);
  letters = new Letters(rig.sink);
});
after(() => rig?.end());

const client = () => /** @type {import('./office.mjs').Client} */ (firm.clients[0]);
const reader = () => /** @type {import('./rig.mjs').Person} */ (client().people[0]);
const login = () => ({
  json: {
    firm: firm.slug,
    audience: 'staff',
    email: firm.owner.email,
    password: rig.stack.demo?.owner.password,
    transport: 'token',
  },
});

/** One of each kind of call, public and signed in, with what it should answer. */
const calls = () =>
  /** @type {[string, Parameters<import('./rig.mjs').Rig['ask']>[1], number][]} */ ([
    ['/v1/setup', {}, 200],
    ['/v1/auth/login', login(), 200],
    ['/v1/clients', { as: firm.owner }, 200],
    ['/v1/me', { as: reader() }, 200],
    ['/v1/portal/home', { as: reader() }, 200],
    ['/v1/contacts', { as: firm.owner, json: { entity: 'individual', display_name: 'Outage' } }, 201],
    [`/v1/clients/${client().id}`, { as: firm.owner, method: 'PATCH', json: { phone: '1' } }, 200],
    [
      `/v1/documents?folder_id=${client().drop}&name=outage-${Date.now()}-${Math.random()}.bin`,
      { as: firm.owner, body: Buffer.from('x') },
      201,
    ],
  ]);

/** What is wrong with an answer that should be "not now". @param {Awaited<ReturnType<import('./rig.mjs').Rig['ask']>>} answer @param {number} limit_ms */
function notNow(answer, limit_ms) {
  const { status, json, took_ms } = answer;
  const what = `${answer.method} ${answer.url.pathname} answered ${status} ${json?.code} in ${Math.round(took_ms)} ms`;
  if (status !== 503 || json.code !== 'unavailable') return what;
  if (!(Number(answer.headers.get('retry-after')) > 0)) return `${what} without Retry-After`;
  return took_ms > limit_ms ? what : '';
}

/** Every kind of call is refused so while it lasts. @param {number} for_ms @param {number} limit_ms */
async function nothingWorks(for_ms, limit_ms) {
  /** @type {string[]} */
  const wrong = [];
  let slowest = 0,
    n = 0;
  const end = Date.now() + for_ms;
  await Promise.all(
    Array.from({ length: 3 }, async () => {
      while (Date.now() < end)
        await Promise.all(
          calls().map(async ([target, how]) => {
            const answer = await rig.ask(target, how);
            const what = notNow(answer, limit_ms);
            if (what) wrong.push(what);
            slowest = Math.max(slowest, answer.took_ms);
            n++;
          }),
        );
    }),
  );
  console.log(`${n} calls refused, the slowest in ${Math.round(slowest)} ms`);
  none(wrong, 'answers that are no quick 503');
}

/** Every kind of call works within the time, and nothing was started anew. @param {number} ms @param {number} pid */
async function everythingWorks(ms, pid) {
  const began = Date.now();
  await until(
    async () => {
      const answers = await Promise.all(
        calls().map(async ([target, how, status]) => ({ status, answer: await rig.ask(target, how) })),
      );
      none(
        answers.filter((a) => a.answer.status !== a.status).map((a) => `${a.answer.url.pathname} ${a.answer.status}`),
        'do not work',
      );
      return true;
    },
    ms,
    () => `full service\n${rig.words()}`,
  );
  console.log(`full service after ${Date.now() - began} ms`);
  assert.equal(rig.pid('api'), pid, 'the API was started anew');
}

/** Some of every act, each acknowledged at once. @param {number} [times] @returns {Promise<Act[]>} */
async function work(times = 1) {
  /** @type {Act[]} */
  const acts = [];
  const insist = async (/** @type {Act} */ a) => {
    await send(rig, a, (what) => assert.fail(what));
    assert.equal(a.state, 'acked', `${a.kind} ${a.statuses}`);
    acts.push(a);
    return a;
  };
  for (let i = 0; i < times; i++) {
    await insist(shareAct(firm, await insist(folderAct(firm, client())), client().people));
    await insist(inviteAct(firm, client(), await insist(contactAct(firm))));
    await insist(uploadAct(firm, client(), Buffer.from(`letter ${i}`)));
    await insist(scanAct(firm, client(), reader(), Buffer.from(`scan ${i}`)));
  }
  return acts;
}

/** @param {Act[]} acts */
const missing = (acts) => acts.flatMap((a) => letters.missing(a));

/** @param {Act[]} acts @param {number} ms */
const delivered = (acts, ms) =>
  until(
    () => missing(acts).length === 0,
    ms,
    () => `missing: ${missing(acts).join('\n')}\n${rig.words()}`,
  );

/** Nothing waits, and no mail since `mark` came more often than `copies` allows. @param {number} mark @param {number} [copies] */
async function once(mark, copies = 1) {
  await until(
    async () =>
      (await rig.stack.sql("select 1 from envelope where state in ('queued', 'deferred') limit 1")).length === 0,
    30_000,
    'no mail waits',
  );
  const groups = [...letters.copies(mark).values()];
  none(
    groups
      .filter((list) => list.length > copies)
      .map((list) => `${list.length} times ${list[0]?.to} ${list[0]?.subject}`),
    'duplicates',
  );
  none(
    groups.filter((list) => new Set(list.map((m) => m.raw)).size > 1).map((list) => `${list[0]?.subject}`),
    'mails whose copies differ',
  );
  return groups;
}

/** Move the server's time, to where deferred mails are due. @param {number} seconds */
const later = (seconds) => rig.ok('/v1/test/clock', { method: 'PUT', json: { advance_seconds: seconds } });

// ---- PostgreSQL ---------------------------------------------------------------------------------------------------------

describe('PostgreSQL is down', () => {
  for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGKILL', 'SIGINT']))
    test(`P17 P18: after ${signal}: 503 with Retry-After within 2 s, full service within 10 s of its return`, async () => {
      await rig.whole();
      const pid = rig.pid('api');
      const unbar = rig.bar('postgres');
      try {
        assert.ok(rig.kill(rig.pid('postgres'), 'postgres', signal));
        await until(
          () =>
            rig.stack.sql('select 1').then(
              () => false,
              () => true,
            ),
          10_000,
          'PostgreSQL is down',
        );
        await nothingWorks(2000, UNAVAILABLE_MS);
        assert.equal((await rig.ask('/healthz')).status, 200);
        const readiness = await rig.ask('/readyz');
        assert.equal(`${readiness.status} ${readiness.json.code}`, '503 not_ready');
      } finally {
        unbar();
      }
      await until(() => rig.stack.sql('select 1'), 30_000, 'PostgreSQL is back');
      await everythingWorks(BACK_MS, pid);
      await delivered(await work(), 60_000);
    });

  test('P17: one that hangs holds no call for ever, and full service is back within 10 s', async () => {
    await rig.whole();
    await everythingWorks(BACK_MS, rig.pid('api'));
    const pid = rig.pid('api');
    const thaw = rig.freeze('postgres');
    try {
      await nothingWorks(1000, 15_000);
    } finally {
      thaw();
    }
    await everythingWorks(BACK_MS, pid);
    await until(() => rig.databaseIsQuiet(), 20_000, 'the database is quiet');
  });
});

// ---- Redis --------------------------------------------------------------------------------------------------------------

describe('Redis is down', () => {
  const told = () =>
    until(
      async () => (await rig.stack.sql('select 1 from event where published_at is null limit 1')).length === 0,
      20_000,
      'Redis has been told of everything',
    );

  test('P3 P17: everything works, mail goes out by the sweep, and Redis hears of it later', async () => {
    const unbar = rig.bar('redis');
    const mark = rig.sink.mails.length;
    try {
      assert.ok(rig.kill(rig.pid('redis'), 'redis'));
      await until(
        () =>
          rig.redis('PING').then(
            () => false,
            () => true,
          ),
        10_000,
        'Redis is down',
      );
      await everythingWorks(1000, rig.pid('api'));
      const acts = await work(3);
      await delivered(acts, 30_000);
      assert.ok(
        (await rig.stack.sql('select 1 from event where published_at is null limit 1')).length,
        'there is something to tell',
      );
    } finally {
      unbar();
    }
    await until(async () => (await rig.redis('PING')) === '+PONG', 20_000, 'Redis is back');
    await told();
    await once(mark);
  });

  test('P3 P17: one that hangs delays nobody', async () => {
    const thaw = rig.freeze('redis');
    const mark = rig.sink.mails.length;
    try {
      const began = Date.now();
      const acts = await work(2);
      assert.ok(Date.now() - began < 10_000, `${Date.now() - began} ms`);
      await delivered(acts, 45_000);
    } finally {
      thaw();
    }
    await told();
    await once(mark);
  });
});

// ---- the mail server ----------------------------------------------------------------------------------------------------

describe('the mail server is down', () => {
  /** Do some work under a fault, see it tried, mend it: every mail comes once. @param {() => unknown} harm @param {() => unknown} mend @param {number} [skip_s] */
  async function survives(harm, mend, skip_s = 0) {
    const mark = rig.sink.mails.length;
    await harm();
    const acts = await work(2);
    await until(
      async () => (await rig.stack.sql("select 1 from envelope where state = 'deferred' limit 1")).length > 0,
      30_000,
      () => `a delivery was tried\n${rig.words()}`,
    );
    assert.ok(missing(acts).length > 0);
    await mend();
    if (skip_s) await later(skip_s);
    await delivered(acts, 60_000);
    await once(mark);
  }

  test('P17 P1: it does not listen', () =>
    survives(
      () => rig.sink.stop(),
      () => rig.sink.start(),
    ));

  test('P17 P1: it greets with 421', () =>
    survives(
      async () => {
        rig.sink.faults = [{ at: 'connect', code: 421 }];
        await rig.sink.stop(); // links that are kept were greeted before
        await rig.sink.start();
      },
      () => {
        rig.sink.faults = [];
      },
    ));

  test('P17 P1: it says 421 in the middle', () =>
    survives(
      () => {
        rig.sink.faults = [{ at: 'mail', code: 421 }];
      },
      () => {
        rig.sink.faults = [];
      },
    ));

  test('P17 P1: it says 451 to each recipient', () =>
    survives(
      () => {
        rig.sink.faults = [{ at: 'rcpt', code: 451 }];
      },
      () => {
        rig.sink.faults = [];
      },
      60,
    ));

  test('P17 P1: it says 452 after the final dot', () =>
    survives(
      () => {
        rig.sink.faults = [{ at: 'data', code: 452 }];
      },
      () => {
        rig.sink.faults = [];
      },
      60,
    ));

  test('P2: the link is cut after the final dot, the mail is lost: it comes once', () =>
    survives(
      () => {
        rig.sink.faults = [{ drop: 'lose' }];
      },
      () => {
        rig.sink.faults = [];
      },
      60,
    ));

  test('P2: the link is cut between final dot and 250, the mail is kept: one copy more for each, the same to the byte', async () => {
    const mark = rig.sink.mails.length;
    rig.sink.faults = [{ drop: 'keep' }];
    const acts = await work(2);
    await delivered(acts, 30_000);
    const firsts = rig.sink.mails.length - mark;
    rig.sink.faults = [];
    await until(
      async () =>
        (await rig.stack.sql("select count(*)::int as n from envelope where state = 'deferred'"))[0].n === firsts,
      30_000,
      'all of them are judged',
    );
    await later(60);
    await until(
      () => rig.sink.mails.length - mark >= 2 * firsts,
      60_000,
      () => `each was sent again\n${rig.words()}`,
    );
    for (const list of await once(mark, 2)) assert.equal(list.length, 2, list[0]?.subject);
  });

  test('P3: a backlog drains', async () => {
    const mark = rig.sink.mails.length;
    const thaw = rig.freeze('mailer');
    const acts = (await Promise.all(Array.from({ length: 6 }, () => work(8)))).flat();
    const due = acts.reduce((n, a) => n + a.mails.length, 0);
    const began = Date.now();
    thaw();
    await delivered(acts, 60_000);
    console.log(
      `${due} mails in ${Date.now() - began} ms, ${Math.round((due * 1000) / (Date.now() - began))} a second`,
    );
    await once(mark);
  });
});
