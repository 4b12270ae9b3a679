// nemesis.mjs - kills programs and empties Redis at moments of its choosing, and a crowd that goes on working meanwhile.
import fs from 'node:fs';
import path from 'node:path';
import { EventEmitter, once } from 'node:events';
import { sleep, until } from './rig.mjs';
import { contactAct, folderAct, inviteAct, scanAct, send, shareAct, uploadAct } from './office.mjs';

/** @typedef {import('./rig.mjs').Rig} Rig @typedef {import('./office.mjs').Act} Act @typedef {import('./office.mjs').Office} Office */
/** @typedef {ReturnType<typeof import('./rig.mjs').chance>} Chance */

// ---- what is done to it -----------------------------------------------------------------------------------------------

/** kill -9, each answering whether it struck. @type {Record<string, (rig: Rig, luck: Chance) => boolean>} */
export const KILLS = {
  'API worker': (rig, luck) => rig.kill(luck.pick(rig.children('api')), 'api'),
  'API parent': (rig) => rig.kill(rig.pid('api'), 'api'),
  mailer: (rig) => rig.kill(rig.pid('mailer'), 'mailer'),
  Redis: (rig) => rig.kill(rig.pid('redis'), 'redis'),
  'Redis with its AOF': (rig) => {
    const files = path.join(rig.state, 'redis', 'appendonlydir');
    if (!rig.kill(rig.pid('redis'), 'redis')) return false;
    if (fs.existsSync(files)) fs.renameSync(files, `${files}.lost-${Date.now()}`);
    return true;
  },
  PostgreSQL: (rig) => rig.kill(rig.pid('postgres'), 'postgres'),
  'PostgreSQL backend': (rig, luck) => rig.kill(luck.pick(rig.children('postgres')), 'postgres'),
};

/** How often each is struck: one in three is the mailer; seldom what takes seconds to come back. */
export const TARGETS = Object.entries({
  mailer: 6,
  'API worker': 5,
  'API parent': 1,
  Redis: 3,
  'Redis with its AOF': 1,
  PostgreSQL: 1,
  'PostgreSQL backend': 1,
}).flatMap(([name, weight]) => Array.from({ length: weight }, () => name));

/** What else may happen to Redis. @type {Record<string, (rig: Rig) => Promise<unknown>>} */
export const LOSSES = {
  FLUSHALL: (rig) => rig.redis('FLUSHALL'),
  'XGROUP DESTROY': (rig) => rig.redis('XGROUP DESTROY portico:events mailer'),
  'XTRIM 0': (rig) => rig.redis('XTRIM portico:events MAXLEN 0'),
  maxmemory: async (rig) => {
    await rig.redis('CONFIG SET maxmemory 1');
    await sleep(300);
    await rig.redis('CONFIG SET maxmemory 0');
  },
};

// ---- the crowd --------------------------------------------------------------------------------------------------------

/** People who work at the firm and at its clients, and remember what they were told. */
export class Crowd extends EventEmitter {
  /** @type {Act[]} */ ledger = [];
  /** @type {string[]} */ wrongs = [];
  events = 0;
  stopping = false;
  edgeDies = false; // then a connection may end in any way
  #due = 0; // mails that follow from what was acknowledged
  #mark = 0; // mails there were before

  /** @param {Rig} rig @param {Office} office @param {Chance} luck */
  constructor(rig, office, luck) {
    super();
    this.rig = rig;
    this.office = office;
    this.luck = luck;
    this.setMaxListeners(100);
    this.#mark = rig.sink.mails.length;
  }

  /** About how many mails are still on their way. */
  get backlog() {
    return this.#due - (this.rig.sink.mails.length - this.#mark);
  }

  /** Until it is acknowledged; who loses patience (one in four) stops at the first "not now". @param {Act} a */
  async #insist(a) {
    const patient = this.luck.between(1, 4) > 1;
    const end = Date.now() + 90_000;
    this.ledger.push(a);
    for (;;) {
      this.emit('send');
      await send(this.rig, a, (what) => void (this.edgeDies || this.wrongs.push(what)));
      this.emit('answer');
      if (a.state === 'acked') {
        this.events += a.kind === 'invite' ? 2 : 1;
        this.#due += a.mails.length;
      }
      if (a.state !== 'open' || !patient) return a.state === 'acked';
      if (Date.now() > end) {
        this.wrongs.push(`${a.kind} ${a.name}: not acknowledged within 90 s: ${a.statuses}`);
        return false;
      }
      await sleep(this.luck.between(50, 300));
    }
  }

  #bytes() {
    const { luck } = this;
    return luck.bytes(luck.between(1, 20) === 1 ? luck.between(500_000, 2_000_000) : luck.between(0, 60_000));
  }

  async #one() {
    const { luck, office } = this;
    const client = luck.pick(office.clients);
    const what = luck.between(1, 100);
    if (what <= 35) {
      const folder = folderAct(office, client);
      if (await this.#insist(folder))
        await this.#insist(shareAct(office, folder, what % 2 ? client.people : [luck.pick(client.people)]));
    } else if (what <= 50) {
      const contact = contactAct(office);
      if (await this.#insist(contact)) await this.#insist(inviteAct(office, client, contact));
    } else if (what <= 75) {
      await this.#insist(uploadAct(office, client, this.#bytes()));
    } else {
      await this.#insist(scanAct(office, client, luck.pick(client.people), this.#bytes()));
    }
  }

  /** As many as `people` at once, until told to stop; `ahead` says whether they have done enough for now. @param {number} people @param {() => boolean} ahead */
  async work(people, ahead) {
    await Promise.all(
      Array.from({ length: people }, async () => {
        while (!this.stopping) {
          if (ahead()) await sleep(10);
          else await this.#one();
        }
      }),
    );
  }
}

// ---- the siege --------------------------------------------------------------------------------------------------------

/** @typedef {{ what: string, at: number }} Blow */

const BACKLOG = 150; // mails on their way at most, so that a slow machine is not asked for more than it can do in a minute

/** Strike when something is under way as often as at any time. @param {Crowd} crowd @param {Chance} luck @param {string} what */
async function moment(crowd, luck, what) {
  const how = luck.pick(what === 'mailer' ? ['mail', 'mail', 'mail', 'any'] : ['send', 'answer', 'any']);
  if (how === 'any') await sleep(luck.between(0, 300));
  else if (how === 'mail') await crowd.rig.sink.wait('', crowd.rig.sink.mails.length + 1, 0, 500);
  else await Promise.race([once(crowd, how), sleep(500)]);
  if (how === 'send') await sleep(luck.between(0, 12));
}

/** kill -9 of everything at once, the supervisor too, and a new start; answers when it struck. @param {Crowd} crowd */
async function doomsday(crowd) {
  await once(crowd, 'send'); // which takes a while when the crowd waits for its mails
  crowd.edgeDies = true;
  const at = Date.now();
  await crowd.rig.killAll();
  await crowd.rig.whole();
  return at;
}

/**
 * Work and kill until there were `kills` kills and `events` events, at last perhaps everything, then wait until it is up again.
 * @param {Crowd} crowd @param {Chance} luck @param {{ kills: number, events: number, targets: string[], people: number, doom: boolean }} how
 * @returns {Promise<{ blows: Blow[], losses: string[], healed: number }>}
 */
export async function siege(crowd, luck, { kills, events, targets, people, doom }) {
  const { rig } = crowd;
  /** @type {Blow[]} */
  const blows = [];
  /** @type {string[]} */
  const losses = [];
  const began = crowd.events;
  const share = () => (events * blows.length) / kills;
  const tooMany = () =>
    crowd.backlog > BACKLOG || (blows.length < kills && crowd.events - began > share() + 4 * people);
  const work = crowd.work(people, tooMany);
  try {
    while (blows.length < kills) {
      if (luck.between(1, 5) === 1) {
        const loss = luck.pick(Object.keys(LOSSES));
        try {
          await LOSSES[loss]?.(rig);
          losses.push(loss);
        } catch {
          /* Redis is down as it is */
        }
      }
      const what = luck.pick(targets);
      await moment(crowd, luck, what);
      if (!KILLS[what]?.(rig, luck)) continue; // it is down already
      blows.push({ what, at: Date.now() });
      await until(
        () => crowd.events - began >= share() - people,
        60_000,
        () =>
          `the work goes on after kill ${blows.length} (${what}); the last ones: ${blows.slice(-5).map((b) => b.what)}\n${rig.words()}`,
      );
    }
    await until(() => crowd.events - began >= events, 60_000, 'enough has been done');
    if (doom) blows.push({ what: 'mailer', at: await doomsday(crowd) });
  } finally {
    crowd.stopping = true;
    await work;
    crowd.stopping = crowd.edgeDies = false;
  }
  await until(async () => (await rig.redis('CONFIG SET maxmemory 0')) === '+OK', 30_000, 'Redis has room');
  await rig.whole();
  return { blows, losses, healed: Date.now() };
}
