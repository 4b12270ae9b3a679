// rig.mjs - one Portico whose programs are killed, stopped and starved on purpose, and what is needed to watch it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sink } from '../lib/sink.mjs';
import { start } from '../lib/stack.mjs';
import { ownAddress, wire } from '../lib/wire.mjs';
import { call } from '../lib/recorder.mjs';

export { sleep };

/** A number from the environment, for the long form. @param {string} name @param {number} fallback */
export const setting = (name, fallback) => Number(process.env[name] ?? fallback);

export const SEED = setting('TORTURE_SEED', 20_260_101);

/** Numbers by chance that come again with the same seed (mulberry32). @param {number} seed */
export function chance(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  /** From `low` to `high`, both included. @param {number} low @param {number} high */
  const between = (low, high) => low + Math.floor(next() * (high - low + 1));
  /** @template T @param {T[]} list @returns {T} */
  const pick = (list) => /** @type {T} */ (list[between(0, list.length - 1)]);
  /** @param {number} size */
  const bytes = (size) => {
    const buffer = Buffer.allocUnsafe(size + 3);
    for (let i = 0; i < size; i += 4) buffer.writeUInt32LE(between(0, 0xffffffff), i);
    return buffer.subarray(0, size);
  };
  return { next, between, pick, bytes };
}

/**
 * Ask until the answer is something true: that is given. Fails after `ms` with the last error or with what `what` says.
 * @template T @param {() => T | Promise<T>} ask @param {number} ms @param {string | (() => string)} what @returns {Promise<T>}
 */
export async function until(ask, ms, what) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try {
      const got = await ask();
      if (got) return got;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      const why = typeof what === 'string' ? what : what();
      throw new Error(`not within ${ms} ms: ${why}${last ? `\n${last}` : ''}`, { cause: last });
    }
    await sleep(20);
  }
}

/** There are none of them. @param {string[]} list @param {string} what */
export function none(list, what) {
  assert.ok(list.length === 0, `${list.length} ${what}:\n${list.slice(0, 10).join('\n')}`);
}

const alive = (/** @type {number} */ pid) => {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
};

/** What each program's process looks like, so that no other one is ever hit. */
const LOOKS = /** @type {Record<string, RegExp>} */ ({
  api: /portico-api/,
  mailer: /portico-mailer/,
  edge: /nginx/,
  redis: /redis/,
  postgres: /postgres/,
  supervisor: /run\.sh/,
});

export class Rig {
  /** @param {import('../lib/stack.mjs').Stack} stack @param {Sink} sink @param {Record<string, string>} env */
  constructor(stack, sink, env) {
    this.stack = stack;
    this.sink = sink;
    this.env = env;
    this.run = path.dirname(stack.env['PORTICO_SOCKET'] ?? '');
  }

  get url() {
    return this.stack.url;
  }
  get state() {
    return this.stack.state;
  }

  // ---- processes ----------------------------------------------------------------------------------------------

  /** Is the process one of this instance, and of that program? @param {number} pid @param {string} name */
  owns(pid, name) {
    const of = (/** @type {() => string} */ read) => {
      try {
        return read();
      } catch {
        return '';
      }
    };
    const command = of(() => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
    const exe = of(() => fs.readlinkSync(`/proc/${pid}/exe`));
    const where = `${command} ${exe} ${of(() => fs.readlinkSync(`/proc/${pid}/cwd`))}`;
    return LOOKS[name]?.test(`${command} ${exe}`) && (where.includes(this.state) || where.includes(this.run));
  }

  /** The program's process, or 0 while it is down. @param {string} name */
  pid(name) {
    try {
      const pid = this.stack.pid(name);
      return pid > 0 && alive(pid) && this.owns(pid, name) ? pid : 0;
    } catch {
      return 0;
    }
  }

  /** Its children: Kore's workers, PostgreSQL's backends. @param {string} name */
  children(name) {
    const parent = this.pid(name);
    if (!parent) return [];
    try {
      return fs
        .readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')
        .trim()
        .split(' ')
        .map(Number)
        .filter((pid) => pid > 0 && this.owns(pid, name));
    } catch {
      return [];
    }
  }

  /** Kill one, if it is (still) ours. @param {number} pid @param {string} name @param {NodeJS.Signals} [signal] */
  kill(pid, name, signal = 'SIGKILL') {
    if (!pid || !this.owns(pid, name)) return false;
    try {
      process.kill(pid, signal);
      return true;
    } catch {
      return false;
    }
  }

  /** Stop a program from coming back, by hiding what it needs; the answer undoes that. @param {'postgres' | 'redis'} name */
  bar(name) {
    const what = path.join(this.state, name === 'postgres' ? 'postgres/global/pg_control' : 'redis');
    fs.renameSync(what, `${what}.barred`);
    return () => fs.renameSync(`${what}.barred`, what);
  }

  /** Freeze a program with all its children; the answer thaws it. @param {string} name */
  freeze(name) {
    const pids = [this.pid(name), ...this.children(name)];
    for (const pid of pids) assert.ok(this.kill(pid, name, 'SIGSTOP') || !alive(pid), `${name} ${pid}`);
    return () => {
      for (const pid of pids) this.kill(pid, name, 'SIGCONT');
    };
  }

  /** kill -9 of everything at once, the supervisor first, and a new start on what is left. */
  async killAll() {
    const supervisor = this.stack.process;
    const names = ['edge', 'api', 'mailer', 'redis', 'postgres'];
    const all = names.flatMap((name) => [this.pid(name), ...this.children(name)].map((pid) => ({ pid, name })));
    assert.ok(this.kill(supervisor?.pid ?? 0, 'supervisor'));
    for (const { pid, name } of all) this.kill(pid, name);
    this.stack.guard?.stdin?.end('stopped\n');
    await until(() => !all.some(({ pid, name }) => alive(pid) && this.owns(pid, name)), 10_000, 'everything is dead');
    this.stack = await start({ smtp: this.sink.url, env: this.env, state: this.state });
  }

  // ---- health ---------------------------------------------------------------------------------------------------

  /** Everything runs and answers. @param {number} [ms] */
  async whole(ms = 60_000) {
    await until(
      () => ['postgres', 'redis', 'mailer', 'api', 'edge'].every((name) => this.pid(name)),
      ms,
      'every program runs',
    );
    await until(
      async () => (await this.ask('/readyz')).status === 200,
      ms,
      () => `ready\n${this.stack.log('api')}`,
    );
    await until(async () => (await this.redis('PING')) === '+PONG', ms, 'Redis answers');
    const mailer = 'select 1 from pg_locks where locktype = $1 and classid = 1886352245';
    await until(
      async () => (await this.stack.sql(mailer, ['advisory'])).length > 0,
      ms,
      () => `the mailer has a session\n${this.stack.log('mailer')}`,
    );
  }

  /** A command, as redis-cli would send it; the first line of the answer. @param {string} command @returns {Promise<string>} */
  redis(command) {
    const at = (this.stack.env['PORTICO_REDIS_URL'] ?? '').replace(/^unix:/, '');
    return new Promise((resolve, reject) => {
      const socket = net.connect(at);
      socket.setTimeout(3000, () => socket.destroy(new Error(`Redis does not answer ${command}`)));
      socket.once('error', reject);
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString().split('\r\n')[0] ?? '');
      });
      socket.once('close', () => reject(new Error(`Redis has hung up on ${command}`)));
      socket.write(`${command}\r\n`);
    });
  }

  // ---- calls ----------------------------------------------------------------------------------------------------

  /**
   * One exchange, held against the contract; `json` is both what is sent and, in the answer, what came.
   * @param {string} target
   * @param {{ method?: string, as?: Person | undefined, json?: unknown, body?: Uint8Array, key?: string, headers?: Record<string, string>,
   *   timeout_ms?: number, loose?: boolean }} [how]
   */
  async ask(target, how = {}) {
    /** @type {Record<string, string>} */
    const headers = { ...how.headers };
    if (how.as) headers['authorization'] = `Bearer ${how.as.token}`;
    if (how.key) headers['idempotency-key'] = how.key;
    if (how.json !== undefined) headers['content-type'] = 'application/json';
    else if (how.body) headers['content-type'] ??= 'application/octet-stream';
    const body = how.json === undefined ? how.body : JSON.stringify(how.json);
    const began = performance.now();
    const sent = {
      method: how.method ?? (body === undefined ? 'GET' : 'POST'),
      headers,
      body,
      from: how.as?.from ?? ownAddress(),
      timeout_ms: how.timeout_ms ?? 30_000,
    };
    const answer = await (how.loose ? wire : call)(this.url + target, sent);
    const isJson =
      /json/.test(answer.headers.get('content-type') ?? '') &&
      answer.body.length > 0 &&
      !(target.endsWith('/content') && answer.status < 400);
    return { ...answer, json: isJson ? JSON.parse(answer.body.toString()) : null, took_ms: performance.now() - began };
  }

  /** The answer's body, when it has the status; else a failure. @param {string} target @param {Parameters<Rig['ask']>[1]} how @param {number[]} [statuses] */
  async ok(target, how, statuses = [200, 201, 202, 204]) {
    const answer = await this.ask(target, how);
    assert.ok(statuses.includes(answer.status), `${how?.method ?? ''} ${target}: ${answer.status} ${answer.body}`);
    return answer.json;
  }

  /** A connection of one's own, as the server's superuser: only that sees what others are doing. */
  async database() {
    const host = /host=(\S+)/.exec(this.stack.env['PORTICO_OWNER_DATABASE'] ?? '')?.[1];
    const client = new pg.Client({ host, port: 5432, database: 'portico', user: 'postgres' });
    await client.connect();
    return client;
  }

  /** What the programs are doing in the database. @param {string} condition of pg_stat_activity @returns {Promise<any[]>} */
  async sessions(condition) {
    const client = await this.database();
    try {
      return (
        await client.query(`select usename, state, wait_event_type, left(query, 80) as query, clock_timestamp() - xact_start as age from pg_stat_activity
				where datname = 'portico' and pid <> pg_backend_pid() and usename like 'portico%' and (${condition})`)
      ).rows;
    } finally {
      await client.end();
    }
  }

  // ---- the store --------------------------------------------------------------------------------------------------

  get storeDir() {
    return this.stack.env['PORTICO_STORE_DIR'] ?? '';
  }
  get spoolDir() {
    return this.stack.env['PORTICO_SPOOL_DIR'] ?? '';
  }

  /** Names of all files below a directory. @param {string} dir @returns {string[]} */
  files(dir) {
    return fs
      .readdirSync(dir, { withFileTypes: true, recursive: true })
      .filter((e) => e.isFile())
      .map((e) => path.relative(dir, path.join(/** @type {any} */ (e).parentPath ?? e.path, e.name)));
  }

  /** Make every file look `hours` old, so that the janitor takes what has no row: what it would do after an hour. @param {number} [hours] */
  age(hours = 2) {
    const then = Date.now() / 1000 - hours * 3600;
    for (const dir of [this.storeDir, this.spoolDir])
      for (const name of this.files(dir))
        try {
          fs.utimesSync(path.join(dir, name), then, then);
        } catch (error) {
          if (/** @type {any} */ (error).code !== 'ENOENT') throw error;
        }
  }

  /** The spool and incoming/ are empty, and the store holds exactly the files that the database knows. */
  async storeIsClean() {
    assert.deepEqual(this.files(this.spoolDir), [], 'spool');
    assert.deepEqual(this.files(path.join(this.storeDir, 'incoming')), [], 'incoming');
    const known = (await this.stack.sql('select path from blob')).map((row) => row.path);
    assert.deepEqual(this.files(path.join(this.storeDir, 'blobs')).sort(), known.sort(), 'blobs');
    return true;
  }

  /** Nobody sits in a transaction. */
  async databaseIsQuiet() {
    assert.deepEqual(await this.sessions("xact_start is not null or state <> 'idle'"), []);
    return true;
  }

  // ---- begin, end ---------------------------------------------------------------------------------------------------

  /** What helps to understand a failure. */
  words() {
    return ['api', 'mailer', 'postgres', 'redis', 'edge']
      .map((name) => `---- ${name}.log\n${this.stack.log(name, setting('LOG_BYTES', 1500))}`)
      .join('\n');
  }

  async end() {
    await this.stack.stop();
    await this.sink.close();
  }
}

/** @typedef {{ token: string, id: string, email: string, from: string, contact?: any }} Person */

/** Start an instance with a mail sink. @param {Record<string, string>} [env] */
export async function rig(env = {}) {
  const sink = await new Sink().start();
  try {
    return new Rig(await start({ smtp: sink.url, env }), sink, env);
  } catch (error) {
    await sink.close();
    throw error;
  }
}

/** The UUID that an id of the API stands for. @param {string} id */
export function uuid(id) {
  const digits = '0123456789abcdefghjkmnpqrstvwxyz';
  let n = 0n;
  for (const c of id.slice(id.indexOf('_') + 1)) n = n * 32n + BigInt(digits.indexOf(c));
  const hex = n.toString(16).padStart(32, '0');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
