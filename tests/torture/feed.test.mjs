// feed.test.mjs - the feed of events under many writers and kills, and readers who wait while something goes away.
//
//	FEED_EVENTS=3000	events of rule 17		FEED_KILLS=1	kills of the whole API, and so of the relay, meanwhile
//
// `make test-torture-long` takes 100,000 events and 5 kills; FEED_EVENTS=100000 FEED_KILLS=5 node --test tests/torture/feed.test.mjs
// is that alone.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../lib/root.mjs';
import { chance, rig as startRig, SEED, setting, sleep, until, uuid } from './rig.mjs';
import { office, unique } from './office.mjs';

const EVENTS = setting('FEED_EVENTS', 3000);
const KILLS = setting('FEED_KILLS', 1);
const SQL_WRITERS = 12;
const API_WRITERS = 4;
const READERS = [{ limit: 100 }, { limit: 100 }, { limit: 37 }, { limit: 100 }];
const MARK = 'firm.updated'; // the type of the last event of all
const TYPES = ['client.updated', 'contact.updated', 'document.created', 'document.deleted', 'folder.deleted'];

/** @type {import('./rig.mjs').Rig} */ let rig;
/** @type {import('./office.mjs').Office} */ let firm;
/** @type {string} */ let firmId;
before(async () => {
  rig = await startRig({ PORTICO_WORKERS: '2' });
  firm = await office(rig, 1, 0);
  [{ id: firmId }] = /** @type {any} */ (await rig.stack.sql('select id from firm where slug = $1', [firm.slug]));
});
after(() => rig?.end());

/**
 * What was committed together, and when, as its writer saw it: begun after `began`, there before `acked`.
 * @typedef {{ began: number, acked: number, keys: string[] }} Unit
 * @typedef {{ id: string, sequence: number, type: string, object_id: string, deleted: boolean }} Event
 * @typedef {{ events: Event[], times: number[] }} Heard
 */

// ---- writing ------------------------------------------------------------------------------------------------------

/** The API's own statement, with its parameters in the order of `names`. */
function outboxEvent() {
  const names = /** @type {string[]} */ ([]);
  const source = fs.readFileSync(path.join(root, 'shared/outbox.sql'), 'utf8');
  const [, sql] = /^-- name: outbox_event\n([^;]+);/m.exec(source) ?? [];
  assert.ok(sql);
  const text = sql.replace(/(?<!:):([a-z_]+)/g, (_, name) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  return { text, names };
}
const statement = outboxEvent();

/** Put one event into the transaction that is open. @param {import('pg').Client} db @param {string} type */
async function putEvent(db, type) {
  /** @type {Record<string, unknown>} */
  const values = {
    firm: firmId,
    id: crypto.randomUUID(),
    type,
    object_type: type.split('.')[0],
    object: crypto.randomUUID(),
    client: null,
    actor_type: 'system',
    actor: null,
    actor_name: 'Writer',
    deleted: type.endsWith('.deleted'),
    changed: '[]',
    now: new Date(),
  };
  await db.query({ name: 'event', text: statement.text, values: statement.names.map((name) => values[name]) });
  return `${type} ${values['object']}`;
}

/** Transactions with SQL: 1 to 6 events, time until the end, and one in eight is rolled back. */
class SqlWriter {
  /** @param {number} number @param {{ units: Unit[], undone: string[], written: number }} book */
  constructor(number, book) {
    this.luck = chance(SEED + number);
    this.book = book;
  }

  async run() {
    const db = await rig.database();
    try {
      while (this.book.written < EVENTS) await this.unit(db);
    } finally {
      await db.end();
    }
  }

  /** @param {import('pg').Client} db */
  async unit(db) {
    const { luck, book } = this;
    const keys = [];
    const began = performance.now();
    await db.query('begin');
    for (let n = luck.between(1, 6); n > 0; n--) keys.push(await putEvent(db, luck.pick(TYPES)));
    await db.query('select pg_sleep($1)', [luck.next() < 0.02 ? luck.next() / 2 : luck.next() / 50]);
    if (luck.next() < 0.125) {
      await db.query('rollback');
      book.undone.push(...keys);
      return;
    }
    await db.query('commit');
    book.units.push({ began, acked: performance.now(), keys });
    book.written += keys.length;
  }
}

/** Send it until it has an answer that says what became of it. @param {string} target @param {Parameters<import('./rig.mjs').Rig['ask']>[1]} how */
async function certain(target, how) {
  for (let tries = 1; ; tries++) {
    const answer = await rig.ask(target, { ...how, loose: true }).catch(() => null);
    if (answer && ![409, 502, 503, 504].includes(answer.status)) return { ...answer, tries };
    assert.ok(tries < 2000, `${target}: ${answer?.status} ${answer?.body}`);
    await sleep(20);
  }
}

/** Folders come and go through the API, each sent again until it is known to be done. @param {{ units: Unit[], written: number }} book */
async function apiWriter(book) {
  const client_id = firm.clients[0]?.id;
  while (book.written < EVENTS) {
    let began = performance.now();
    const json = { client_id, name: unique('feed') };
    const made = await certain('/v1/folders', { as: firm.owner, key: crypto.randomUUID(), json });
    assert.equal(made.status, 201, String(made.body));
    book.units.push({ began, acked: performance.now(), keys: [`folder.created ${uuid(made.json.id)}`] });
    began = performance.now();
    const gone = await certain(`/v1/folders/${made.json.id}`, { as: firm.owner, method: 'DELETE' });
    assert.ok(gone.status === 204 || (gone.status === 404 && gone.tries > 1), String(gone.body));
    book.units.push({ began, acked: performance.now(), keys: [`folder.deleted ${uuid(made.json.id)}`] });
    book.written += 2;
  }
}

/** kill -9 of the API with all its workers, of which one is the relay; the supervisor starts it again. */
async function killApi() {
  const victims = [...rig.children('api'), rig.pid('api')];
  for (const pid of victims) rig.kill(pid, 'api');
  await until(() => victims.every((pid) => !rig.owns(pid, 'api')), 5000, 'the API is dead');
}

/** @param {{ written: number }} book */
async function killer(book) {
  for (let kill = 1; kill <= KILLS; kill++) {
    while (book.written < (EVENTS * kill) / (KILLS + 1)) await sleep(10);
    await killApi();
  }
}

// ---- reading ------------------------------------------------------------------------------------------------------

const cursorNow = async (query = '') => (await rig.ok(`/v1/events?limit=1${query}`, { as: firm.owner })).next_cursor;

/** Follow the feed until the mark; whoever gets no answer asks again from the same place. @param {string} cursor @param {number} limit @returns {Promise<Heard>} */
async function reader(cursor, limit) {
  /** @type {Heard} */
  const heard = { events: [], times: [] };
  for (let place = cursor; heard.events.at(-1)?.type !== MARK; ) {
    const page = await certain(`/v1/events?limit=${limit}&wait=20&cursor=${place}`, { as: firm.owner });
    assert.equal(page.status, 200, String(page.body));
    const time = performance.now();
    for (const { id, sequence, type, object_id, deleted } of page.json.data) {
      heard.events.push({ id, sequence, type, object_id, deleted });
      heard.times.push(time);
    }
    place = page.json.next_cursor;
  }
  return heard;
}

/** The key of an event of the feed. @param {Event} e */
const keyOf = (e) => `${e.type} ${uuid(e.object_id)}`;

/** Everything of each unit is there, once and together; nothing of what was rolled back. @param {string[]} keys @param {Unit[]} units @param {string[]} undone */
function whole(keys, units, undone) {
  const place = new Map(keys.map((key, i) => [key, i]));
  assert.equal(place.size, keys.length, 'no event comes twice');
  for (const unit of units) {
    const first = place.get(unit.keys[0] ?? '') ?? -1;
    assert.ok(first >= 0, `${unit.keys[0]} was skipped`);
    assert.deepEqual(keys.slice(first, first + unit.keys.length), unit.keys, 'one transaction, in its order');
  }
  for (const key of undone) assert.ok(!place.has(key), `${key} was rolled back`);
  return place;
}

/** What had been committed before something else was begun comes before it. @param {Map<string, number>} place @param {Unit[]} units */
function inOrder(place, units) {
  const sorted = units
    .map((unit) => ({ unit, at: place.get(unit.keys[0] ?? '') ?? -1 }))
    .sort((a, b) => a.at - b.at);
  let latest = -Infinity;
  for (const { unit, at } of sorted) {
    assert.ok(unit.acked > latest, `number ${at} was committed before one that is told earlier had begun`);
    latest = Math.max(latest, unit.began);
  }
}

/** Times from a commit to a reader's page, in words. @param {Map<string, number>} place @param {Unit[]} units @param {Heard[]} readers */
function delays(place, units, readers) {
  const list = units.map((unit) => {
    const at = (place.get(unit.keys[0] ?? '') ?? 0) + unit.keys.length - 1;
    const heard = readers.map((r) => r.times[at] ?? NaN);
    return Math.max(0, Math.min(...heard) - unit.acked);
  });
  list.sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => (list[Math.floor(share * (list.length - 1))] ?? NaN).toFixed(0);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}

test('rule 17: the feed skips nothing and has one order, whoever is slow and whatever is killed', async () => {
  const cursor = await cursorNow();
  const start = (await rig.stack.sql('select event_sequence::int as n from sequencer where firm_id = $1', [firmId]))[0].n;
  const book = { units: /** @type {Unit[]} */ ([]), undone: /** @type {string[]} */ ([]), written: 0 };
  const began = performance.now();
  const readers = Promise.all(READERS.map(({ limit }) => reader(cursor, limit)));
  await Promise.all([
    ...Array.from({ length: SQL_WRITERS }, (_, i) => new SqlWriter(i, book).run()),
    ...Array.from({ length: API_WRITERS }, () => apiWriter(book)),
    killer(book),
  ]);
  const wrote_s = (performance.now() - began) / 1000;
  const db = await rig.database();
  await putEvent(db, MARK).finally(() => db.end());
  const all = await readers;
  const read_s = (performance.now() - began) / 1000;

  const [first] = all;
  assert.ok(first);
  const { events } = first;
  assert.deepEqual(
    events.map((e) => e.sequence),
    events.map((_, i) => start + i + 1),
    'without a gap',
  );
  for (const heard of all) assert.deepEqual(heard.events, events, 'all readers have the same list');
  const rows = await rig.stack.sql(
    'select id from event where firm_id = $1 and sequence > $2 order by xid, row_no limit $3',
    [firmId, start, events.length],
  );
  assert.deepEqual(
    events.map((e) => uuid(e.id)),
    rows.map((row) => row.id),
    'and it is what was committed',
  );
  for (const e of events) assert.equal(e.deleted, e.type.endsWith('.deleted'), e.type);
  const place = whole(events.map(keyOf), book.units, book.undone);
  inOrder(place, book.units);
  console.log(
    `${events.length} events of ${book.units.length} transactions, ${book.undone.length} events rolled back, ${KILLS} kills: ` +
      `written in ${wrote_s.toFixed(1)} s, read by ${all.length} in ${read_s.toFixed(1)} s, ` +
      `${(events.length / read_s).toFixed(0)} a second\n` +
      `committed to heard of by the first reader: ${delays(place, book.units, all)}\n` +
      all.map((heard, i) => `by that of ${READERS[i]?.limit} a page: ${delays(place, book.units, [heard])}`).join('\n'),
  );
});

// ---- who waits while something goes away ----------------------------------------------------------------------------

/** A statement as the superuser, who sees and ends the sessions of others. @param {string} sql @param {unknown[]} [values] @returns {Promise<any[]>} */
async function mighty(sql, values = []) {
  const db = await rig.database();
  try {
    return (await db.query(sql, values)).rows;
  } finally {
    await db.end();
  }
}

/** Somebody who waits for what comes, and does so already. @param {string} [query] */
async function waiting(query = '') {
  const cursor = await cursorNow(query);
  const page = rig.ask(`/v1/events?wait=25&cursor=${cursor}${query}`, { as: firm.owner });
  page.catch(() => {});
  await sleep(200);
  return { page };
}

const newFolder = () =>
  rig.ok('/v1/folders', { as: firm.owner, json: { client_id: firm.clients[0]?.id, name: unique('waits') } });

/** The page tells of a new folder, soon. @param {() => Promise<any>} [meanwhile] */
async function hears(meanwhile = async () => {}) {
  const { page } = await waiting('&types=folder.created');
  await meanwhile();
  const folder = await newFolder();
  const made = Date.now();
  const got = await page;
  assert.equal(got.status, 200);
  assert.equal(got.json.data[0]?.object_id, folder.id);
  return Date.now() - made;
}

test('a relay that is killed is followed by another, and who waits hears all the same', async () => {
  await rig.whole();
  const took = await hears(async () => {
    const ended = await mighty("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'portico_relay'");
    assert.ok(ended.length > 0);
  });
  assert.ok(took < 5000, `${took} ms`);
});

test('the connection that listens is lost: whoever waits hears soon, and is woken again once it is back', async () => {
  const listens = "select pid from pg_stat_activity where query ilike '%listen portico_feed%' and pid <> pg_backend_pid()";
  const pids = () => mighty(listens).then((rows) => rows.map((row) => row.pid));
  const old = await pids();
  assert.equal(old.length, 2, 'one a worker');
  const took = await hears(() => mighty('select pg_terminate_backend(pid) from unnest($1::int[]) pid', [old]));
  assert.ok(took < 5000, `${took} ms`);
  await until(async () => (await pids()).filter((pid) => !old.includes(pid)).length === 2, 5000, 'they listen again');
  await hears();
});

test('Redis away: who waits hears', async () => {
  const thaw = rig.freeze('redis');
  try {
    const took = await hears();
    assert.ok(took < 5000, `${took} ms`);
  } finally {
    thaw();
  }
  await rig.whole();
});

test('more readers than there are seats: those without one are answered at once, and all hear', async () => {
  const SEATS = 2 * 400;
  const cursor = await cursorNow('&types=folder.created');
  const target = `/v1/events?wait=25&types=folder.created&cursor=${cursor}`;
  let empty = 0;
  const readers = Array.from({ length: SEATS + 50 }, async () => {
    let page;
    // so many in one breath may be more than may wait for a connection: they are told to come again
    do page = await rig.ask(target, { as: firm.owner, loose: true });
    while (page.status === 503 && (await sleep(200).then(() => true)));
    assert.equal(page.status, 200, String(page.body));
    if (page.json.data.length === 0) empty++;
    return page.json;
  });
  await until(() => empty >= 50, 15_000, () => `50 get no seat, ${empty} do`);
  const folder = await newFolder();
  const pages = await Promise.all(readers);
  for (const page of pages) {
    assert.ok(page.data.length === 0 || page.data[0].object_id === folder.id);
    if (page.data.length === 0) assert.ok(page.next_cursor);
  }
  assert.ok(pages.filter((page) => page.data.length > 0).length > 300, 'the others waited');
});

test('an API that is asked to end answers those who wait at once, with a place to go on from', async () => {
  const pages = await Promise.all(Array.from({ length: 20 }, () => waiting('&types=folder.deleted')));
  const pid = rig.pid('api');
  const began = Date.now();
  assert.ok(rig.kill(pid, 'api', 'SIGTERM'));
  const cursors = await Promise.all(
    pages.map(async ({ page }) => {
      const got = await page;
      assert.equal(got.status, 200, String(got.body));
      assert.deepEqual(got.json.data, []);
      return got.json.next_cursor;
    }),
  );
  assert.ok(Date.now() - began < 3000, `answered in ${Date.now() - began} ms`);
  await until(() => !rig.owns(pid, 'api'), 5000, 'the API ends');
  assert.ok(Date.now() - began < 5000, `ended in ${Date.now() - began} ms`);
  await rig.whole();
  const folder = await newFolder();
  await rig.ok(`/v1/folders/${folder.id}`, { as: firm.owner, method: 'DELETE' });
  const next = await rig.ok(`/v1/events?wait=20&types=folder.deleted&cursor=${cursors[0]}`, { as: firm.owner });
  assert.equal(next.data[0].object_id, folder.id);
  assert.equal(next.data[0].deleted, true);
});
