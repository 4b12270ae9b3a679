// stack.mjs - a whole private Portico: everything that `make run` starts, in a directory and on a port of its own.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import pg from 'pg';
import { build, root } from './root.mjs';

const run = promisify(execFile);

/** Other sites whose pages may call the shared instance. */
export const ORIGINS = ['https://app.test', 'http://app.test'];

/**
 * @typedef {{ email: string, password: string, name?: string }} Login
 * @typedef {{ slug: string, owner: Login, admin: Login, member: Login, api_key: string } & Record<string, any>} Demo
 */

export class Stack {
  /** @param {string} state @param {string} url */
  constructor(state, url) {
    this.state = state;
    this.url = url;
    this.env = environment(path.join(state, 'env'));
    const demo = path.join(state, 'demo.json');
    /** @type {Demo | null} */
    this.demo = fs.existsSync(demo) ? JSON.parse(fs.readFileSync(demo, 'utf8')) : null;
    /** @type {import('node:child_process').ChildProcess | undefined} */
    this.process = undefined;
    /** @type {import('node:child_process').ChildProcess | undefined} */
    this.guard = undefined;
  }

  /** The process id of a program: api, mailer, edge, postgres, redis. @param {string} name */
  pid(name) {
    return Number(fs.readFileSync(path.join(this.state, `${name}.pid`), 'utf8').trim());
  }

  /** A program's process and all that it started. @param {string} name */
  family(name) {
    const parents = new Map(
      fs
        .readdirSync('/proc')
        .filter((entry) => /^\d+$/.test(entry))
        .map((pid) => {
          try {
            const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
            return [Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])];
          } catch {
            return [0, 0]; // it has just ended
          }
        }),
    );
    const found = [this.pid(name)];
    for (const pid of found) for (const [child, parent] of parents) if (parent === pid && child) found.push(child);
    return found;
  }

  /** The end of a program's log. @param {string} name @param {number} [bytes] */
  log(name, bytes = 4000) {
    const file = path.join(this.state, 'logs', `${name}.log`);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').slice(-bytes) : '';
  }

  /** The operator's tool, with this instance's settings. @param {...string} args */
  async ctl(...args) {
    const { stdout } = await run(path.join(build, 'porticoctl'), args, {
      env: { ...process.env, ...this.env },
      cwd: root,
    });
    return stdout;
  }

  /** A session of one's own as the owner, who sees all firms; whoever asked for it ends it. */
  async session() {
    const conninfo = this.env['PORTICO_OWNER_DATABASE'] ?? '';
    /** @type {Record<string, string>} */
    const at = Object.fromEntries(
      [...conninfo.matchAll(/(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\S+)/g)].map((m) => [
        m[1] ?? '',
        (m[2] ?? '').replace(/^'|'$/g, ''),
      ]),
    );
    const client = new pg.Client({
      host: at['host'],
      port: Number(at['port'] ?? 5432),
      database: at['dbname'],
      user: at['user'],
    });
    await client.connect();
    return client;
  }

  /**
   * A statement as the owner.
   * @param {string} sql @param {unknown[]} [values] @returns {Promise<any[]>}
   */
  async sql(sql, values = []) {
    const client = await this.session();
    try {
      return (await client.query(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Stop what start() started; the directory goes too, unless KEEP is set. An error if a program cried out meanwhile. */
  async stop() {
    if (!this.process) return;
    const child = this.process;
    this.process = undefined;
    const ended = child.exitCode === null ? once(child, 'exit') : null;
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 40_000);
    await ended;
    clearTimeout(late);
    this.guard?.stdin?.end('stopped\n');
    const cries = this.cries();
    if (!process.env['KEEP']) fs.rmSync(this.state, { recursive: true, force: true });
    if (cries.length) throw new Error(`sanitizers or the kernel found fault:\n${cries.join('\n')}`);
  }

  /** Lines of our logs that are not one JSON object in UTF-8: somebody has written into them. */
  garbled() {
    const text = new TextDecoder('utf-8', { fatal: true });
    return ['api', 'mailer', 'edge-requests'].flatMap((name) => {
      const file = path.join(this.state, 'logs', `${name}.log`);
      const bytes = fs.existsSync(file) ? fs.readFileSync(file) : Buffer.alloc(0);
      return bytes
        .toString('latin1')
        .split('\n')
        .filter((line) => {
          if (line.includes("WARNING: ASan doesn't fully support makecontext")) return false; // told once by its runtime
          try {
            return line && typeof JSON.parse(text.decode(Buffer.from(line, 'latin1'))) !== 'object';
          } catch {
            return true;
          }
        })
        .map((line) => `${name}: ${line.slice(0, 400)}`);
    });
  }

  /** What sanitizers, assertions and crashes left in the logs of our programs. */
  cries() {
    const form =
      /AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:|Assertion|SUMMARY:|dumped core|signal 11/;
    return ['api', 'mailer'].flatMap((name) =>
      this.log(name, 1 << 26)
        .split('\n')
        .filter((line) => form.test(line))
        .slice(0, 10)
        .map((line) => `${name}: ${line.slice(0, 400)}`),
    );
  }
}

/** No test but those of the limits meets one, neither the API's nor the edge's (which has tests/edge). */
const unlimited = Object.fromEntries(
  ['READS', 'WRITES', 'UPLOADS', 'PUBLIC', 'SIGN_IN']
    .map((name) => `PORTICO_LIMIT_${name}`)
    .concat('EDGE_RATE', 'EDGE_AUTH_RATE', 'EDGE_PROXIES')
    .map((name) => [name, '1000000']),
);

/**
 * Start one. It sends its mail to `smtp`; `env` adds settings or changes the usual ones; `state` is that of one that ran before.
 * @param {{ smtp: string, env?: Record<string, string>, timeout_ms?: number, state?: string | undefined }} how
 */
export async function start({
  smtp,
  env = {},
  timeout_ms = 120_000,
  state = fs.mkdtempSync(path.join(os.tmpdir(), 'pt-')),
}) {
  fs.chmodSync(state, 0o755);
  const log = fs.openSync(path.join(os.tmpdir(), `${path.basename(state)}.log`), 'w');
  /** @type {Record<string, string | undefined>} */
  const settings = {
    ...process.env,
    B: build,
    PORTICO_STATE_DIR: state,
    PORTICO_HTTP_PORT: '0',
    PORTICO_SMTP_URL: smtp,
    PORTICO_TEST_MODE: '1',
    PORTICO_DEMO: '1',
    ...unlimited,
    ...env,
  };
  delete settings['NODE_TEST_CONTEXT'];
  const child = spawn(path.join(root, 'api/ctl/run.sh'), ['--no-build'], {
    cwd: root,
    env: settings,
    stdio: ['ignore', 'pipe', log],
  });
  const logFile = path.join(os.tmpdir(), `${path.basename(state)}.log`);
  const guard = watch(child.pid ?? 0);
  try {
    const url = await ready(child, timeout_ms, logFile);
    const stack = new Stack(state, url);
    stack.process = child;
    stack.guard = guard;
    return stack;
  } catch (error) {
    child.kill('SIGTERM');
    guard.stdin?.end('stopped\n');
    throw error;
  } finally {
    fs.closeSync(log);
    if (!process.env['KEEP']) fs.rmSync(logFile, { force: true });
  }
}

/**
 * Whoever started an instance may be killed: then the pipe to this shell breaks, and it ends the instance.
 * @param {number} pid
 */
function watch(pid) {
  const guard = spawn('sh', ['-c', `read -r word || kill -TERM ${pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  /** @type {any} */ (guard.stdin).unref();
  guard.stdin?.on('error', () => {});
  return guard;
}

/**
 * The instance that the runner started for all files (STACK_STATE, STACK_URL).
 * @returns {Stack}
 */
export function shared() {
  const state = process.env['STACK_STATE'];
  const url = process.env['STACK_URL'];
  if (!state || !url) throw new Error('start the tests with tests/run.mjs');
  return new Stack(state, url);
}

/** @param {import('node:child_process').ChildProcess} child @param {number} ms @param {string} log @returns {Promise<string>} */
function ready(child, ms, log) {
  return new Promise((resolve, reject) => {
    let text = '';
    const fail = (/** @type {string} */ why) => {
      clearTimeout(late);
      reject(new Error(`${why}\n${text}\n${fs.existsSync(log) ? fs.readFileSync(log, 'utf8').slice(-3000) : ''}`));
    };
    const late = setTimeout(() => fail(`not ready within ${ms} ms`), ms);
    child.once('exit', (code) => fail(`the run script ended with ${code}`));
    child.once('error', (error) => fail(String(error)));
    child.stdout?.on('data', (part) => {
      text += part;
      const found = /^ready (http\S+)$/m.exec(text);
      if (!found) return;
      clearTimeout(late);
      child.removeAllListeners('exit');
      resolve(/** @type {string} */ (found[1]));
    });
  });
}

/** Settings as the run wrote them: NAME=value lines, quoted or not. @param {string} file @returns {Record<string, string>} */
function environment(file) {
  /** @type {Record<string, string>} */
  const env = {};
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const found = /^(?:export )?(PORTICO_\w+)=(.*)$/.exec(line);
    if (found)
      env[/** @type {string} */ (found[1])] = (found[2] ?? '')
        .replace(/^'(.*)'$/, '$1')
        .replace(/^"(.*)"$/, '$1')
        .replaceAll("'\\''", "'");
  }
  return env;
}
