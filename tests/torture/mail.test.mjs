// mail.test.mjs - what was acknowledged survives kill -9 of anything at any time: mails, documents, acts.
//
// TORTURE_KILLS (100) kill points and TORTURE_EVENTS (2000) events, dealt out by TORTURE_SEED. The promises' own numbers,
// 1000 and 20000, are `make test-torture-long`.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chance, none, rig as startRig, SEED, setting, until, uuid } from './rig.mjs';
import { Letters, made, office, sha256 } from './office.mjs';
import { Crowd, siege, TARGETS } from './nemesis.mjs';

/** @typedef {import('./office.mjs').Act} Act @typedef {import('../lib/sink.mjs').Mail} Mail @typedef {import('./nemesis.mjs').Blow} Blow */

const KILL_POINTS = setting('TORTURE_KILLS', 100);
const EVENTS = setting('TORTURE_EVENTS', 2000);
const PEOPLE = setting('TORTURE_PEOPLE', 8);
const SLOTS = 10; // mails that the mailer has under way at once
const HEAL_MS = 60_000;

const luck = chance(SEED);
/** @type {import('./rig.mjs').Rig} */ let rig;
/** @type {import('./office.mjs').Office} */ let firm;
/** @type {Crowd} */ let crowd;
/** @type {Letters} */ let letters;

before(async () => {
  console.log(`seed ${SEED}, ${KILL_POINTS} kills, ${EVENTS} events`);
  rig = await startRig();
  firm = await office(rig, Math.max(3, Math.ceil(EVENTS / 1000)));
  crowd = new Crowd(rig, firm, luck);
  letters = new Letters(rig.sink);
});
after(() => rig?.end());

/** How often each. @param {string[]} list */
function tally(list) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const name of list) counts[name] = (counts[name] ?? 0) + 1;
  return Object.entries(counts)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ');
}

/** What the database has of all acts, by kind and name: how often the act was done. */
async function effects() {
  const rows = await rig.stack.sql(`
		select 'folder' as kind, name, count(*)::int as n from folder group by name
		union all select 'share', f.name, count(distinct s.id)::int from share s join folder f on f.firm_id = s.firm_id and f.id = s.folder_id group by f.name
		union all select 'contact', primary_email, count(*)::int from contact where primary_email is not null group by primary_email
		union all select 'invite', email, count(*)::int from invitation group by email
		union all select 'document', regexp_replace(name, '( \\(\\d+\\))?\\.bin$', '.bin'), count(*)::int from document group by 2`);
  const counts = new Map(rows.map((row) => [`${row.kind} ${row.name}`, row.n]));
  return (/** @type {Act} */ a) => {
    const n = counts.get(`${a.sha256 ? 'document' : a.kind} ${a.name}`) ?? 0;
    return a.kind === 'share' ? n / a.mails.length : n;
  };
}

/** @param {string} name @param {{ kills: number, events: number, targets: string[], doom?: boolean, duplicates: (blows: Blow[], groups: Mail[][]) => void }} how */
function assault(name, { kills, events, targets, doom = false, duplicates }) {
  describe(name, () => {
    let mark = 0,
      first = 0;
    /** @type {Awaited<ReturnType<typeof siege>> | undefined} */ let told;
    const over = () => told ?? assert.fail('the siege has not come to its end');
    const acts = () => crowd.ledger.slice(first);
    const acked = () => acts().filter((a) => a.state === 'acked');

    test(
      'P1 P3: the work goes on, and every answer is a success or "not now"',
      { timeout: (kills * 20 + 300) * 1000 },
      async () => {
        mark = rig.sink.mails.length;
        first = crowd.ledger.length;
        const began = Date.now();
        told = await siege(crowd, luck, { kills, events, targets, people: PEOPLE, doom });
        console.log(
          `${tally(told.blows.map((b) => b.what))}; Redis: ${tally(told.losses)}; ${Math.round((Date.now() - began) / 1000)} s`,
        );
        console.log(
          `acts: ${tally(acts().map((a) => a.kind))}; ${tally(acts().map((a) => a.state))}; again ${acts().filter((a) => a.tries > 1).length}`,
        );
        none(crowd.wrongs, 'wrong answers');
      },
    );

    test('P1: every acknowledged mail arrives within 60 s of healing', async () => {
      const lost = () => acked().flatMap((a) => letters.missing(a));
      await until(
        () => lost().length === 0,
        HEAL_MS - (Date.now() - over().healed),
        () => `lost: ${lost().join('\n')}\n${rig.words()}`,
      );
      console.log(`the last mail came ${Math.max(0, (rig.sink.mails.at(-1)?.at ?? 0) - told.healed)} ms after healing`);
    });

    test('P1 P12: what was acknowledged is there, once', async () => {
      const times = await effects();
      const ids = new Set(
        (
          await rig.stack.sql(
            ['folder', 'share', 'contact', 'invitation', 'document']
              .map((table) => `select id from ${table}`)
              .join(' union all '),
          )
        ).map((row) => row.id),
      );
      none(
        acked()
          .filter((a) => !ids.has(made(a)))
          .map((a) => `${a.kind} ${a.name} (${a.statuses})`),
        'acknowledged acts are lost',
      );
      none(
        acts()
          .filter((a) => times(a) > 1)
          .map((a) => `${a.kind} ${a.name} ${times(a)} times (${a.statuses})`),
        'acts were done more than once',
      );
    });

    test('P1: what was not acknowledged is whole or not at all; mails and database agree', async () => {
      const waiting = "select count(*)::int as n from envelope where state in ('queued', 'deferred')";
      await until(
        async () => (await rig.stack.sql(waiting))[0].n === 0,
        HEAL_MS,
        () => `mails are still waiting\n${rig.words()}`,
      );
      const times = await effects();
      const open = acts().filter((a) => a.state !== 'acked');
      none(
        open
          .filter((a) => letters.missing(a).length !== (times(a) ? 0 : a.mails.length))
          .map(
            (a) =>
              `${a.kind} ${a.name} (${a.statuses}): ${times(a)} in the database, not mailed: ${letters.missing(a)}`,
          ),
        'disagree',
      );
      console.log(`not acknowledged: ${open.length}, ${open.filter((a) => times(a)).length} of them there`);
      const rows = await rig.stack.sql('select id, kind, state, message_id, error from envelope');
      none(
        rows.filter((row) => row.state !== 'sent').map((row) => JSON.stringify(row)),
        'envelopes are not sent',
      );
      const said = new Set(rows.map((row) => `<${row.message_id.replace(/[<>]/g, '')}>`));
      const got = letters.copies(0);
      none(
        [...got.keys()].filter((id) => !said.has(id)),
        'mails that no envelope knows',
      );
      none(
        [...said].filter((id) => !got.has(id)),
        'envelopes are sent and did not arrive',
      );
    });

    test('P2: duplicates are bounded, and every copy is the same to the byte', () => {
      const groups = [...letters.copies(mark).values()].filter((list) => list.length > 1);
      console.log(
        `mails ${rig.sink.mails.length - mark}, duplicates ${groups.reduce((n, list) => n + list.length - 1, 0)}`,
      );
      none(
        groups
          .filter((list) => new Set(list.map((mail) => mail.raw)).size > 1)
          .map((list) => list.map((mail) => mail.raw).join('\n----\n')),
        'mails whose copies differ',
      );
      duplicates(over().blows, groups);
    });

    test('P6: every acknowledged document has its bytes, and no other is there by halves', async () => {
      const uploads = acts().filter((a) => a.sha256);
      const left = uploads.filter((u) => u.state === 'acked');
      await Promise.all(
        Array.from({ length: PEOPLE }, async () => {
          for (let a = left.pop(); a; a = left.pop()) {
            const answer = await rig.ask(`/v1/documents/${a.answer.id}/content`, { as: firm.owner });
            assert.equal(answer.status, 200, a.name);
            assert.equal(sha256(answer.body), a.sha256, a.name);
            if (a.kind === 'upload') assert.equal(a.answer.sha256, a.sha256, a.name);
          }
        }),
      );
      const byId = new Map(uploads.filter((u) => u.state === 'acked').map((u) => [uuid(u.answer.id), u]));
      const byName = new Map(uploads.map((u) => [u.name, u]));
      const rows = await rig.stack.sql(
        "select d.id, d.name, encode(b.sha256, 'hex') as sha256 from document d join blob b on b.firm_id = d.firm_id and b.id = d.blob_id",
      );
      for (const row of rows.filter((r) => byName.has(r.name))) {
        const a = byId.get(row.id) ?? byName.get(row.name);
        assert.notEqual(a?.state, 'refused', `${row.name} is there though refused`);
        assert.equal(row.sha256, a?.sha256, row.name);
      }
    });
  });
}

const few = Math.max(1, Math.round(KILL_POINTS * 0.3));
const others = TARGETS.filter((name) => name !== 'mailer');

assault('kills of all but the mailer', {
  kills: KILL_POINTS - few,
  events: Math.round(EVENTS * 0.7),
  targets: others,
  duplicates: (_blows, groups) =>
    none(
      groups.map((list) => `${list.length} times ${list[0]?.to} ${list[0]?.subject}`),
      'duplicates',
    ),
});

assault('kills of the mailer among the others, at last of everything at once and of the supervisor', {
  kills: few,
  events: Math.round(EVENTS * 0.3),
  targets: TARGETS,
  doom: true,
  duplicates: (blows, groups) => {
    const kills = blows.filter((b) => b.what === 'mailer').map((b) => b.at);
    let pairs = groups
      .flatMap((list) => list.slice(1).map((mail, i) => ({ from: (list[i]?.at ?? 0) - 2000, to: mail.at, mail })))
      .sort((x, y) => x.to - y.to);
    // Each further copy is the fault of a kill since the one before, and no kill has more of them than mails were under way.
    for (const at of kills) {
      const its = pairs.filter((p) => p.from <= at && at <= p.to).slice(0, SLOTS);
      pairs = pairs.filter((p) => !its.includes(p));
    }
    none(
      pairs.map((p) => `${p.mail.to} ${p.mail.subject}`),
      `duplicates that ${kills.length} kills of the mailer do not explain`,
    );
  },
});

describe('when all is quiet', () => {
  test('P1: there were as many events as promised', async () => {
    const [row] = await rig.stack.sql('select count(*)::int as n from event');
    assert.ok(row.n >= EVENTS, `${row.n}`);
  });

  test('P3: Redis has been told of everything', async () => {
    const untold = 'select count(*)::int as n from event where published_at is null or sequence is null';
    await until(async () => (await rig.stack.sql(untold))[0].n === 0, 30_000, 'all events are numbered and told');
  });

  test('P5: nobody sits in a transaction', () => until(() => rig.databaseIsQuiet(), 20_000, 'the database is quiet'));

  test('P6: spool and incoming are empty, and files without a row go with the hour', async () => {
    rig.age();
    await until(() => rig.storeIsClean(), 20_000, 'the store is clean');
    for (const a of crowd.ledger.filter((u) => u.sha256 && u.state === 'acked').slice(-20))
      assert.equal(
        sha256((await rig.ask(`/v1/documents/${a.answer.id}/content`, { as: firm.owner })).body),
        a.sha256,
        a.name,
      );
  });
});
