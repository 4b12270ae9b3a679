// run.mjs FOLDER [FILE...] - run the compiled tests of tests/FOLDER against private Porticos, each with a mail sink, two side by
// side (LANES): a file has an instance and its clock for itself while it runs, and its output is printed when it ends.
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { build } from './lib/root.mjs';
import { Sink } from './lib/sink.mjs';
import { ORIGINS, start } from './lib/stack.mjs';

const [folder = 'api', ...only] = process.argv.slice(2);
const dir = path.join(build, 'tests', folder);
const files = fs
  .readdirSync(dir)
  .filter((f) => f.endsWith('.test.js') && (!only.length || only.some((o) => f.includes(o))))
  .sort()
  .map((f) => path.join(dir, f));
// The whole journey first: when it fails, the rest is noise.
const first = files.filter((file) => file.endsWith('journey.test.js'));
const rest = files.filter((file) => !first.includes(file));

/** One Portico with its sink. */
class Lane {
  /** @param {Sink} sink @param {import('./lib/stack.mjs').Stack} stack */
  constructor(sink, stack) {
    this.sink = sink;
    this.stack = stack;
  }

  static async open() {
    const sink = await new Sink().start();
    const env = { PORTICO_CORS_ORIGINS: ORIGINS.join(' '), PORTICO_METRICS_TOKEN: 'watching-the-tests' };
    return new Lane(sink, await start({ smtp: sink.url, env }));
  }

  /** Whether a file's tests pass. @param {string} file */
  async passes(file) {
    const env = {
      ...process.env,
      STACK_STATE: this.stack.state,
      STACK_URL: this.stack.url,
      STACK_SINK: await this.sink.control(),
    };
    const child = spawn(process.execPath, ['--test', file], { stdio: ['ignore', 'pipe', 'pipe'], env });
    /** @type {Buffer[]} */
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => said.push(part));
    const [code] = await once(child, 'close');
    process.stdout.write(Buffer.concat(said));
    if (code)
      for (const name of ['api', 'mailer', 'edge'])
        console.log(`---- ${name}.log\n${this.stack.log(name, Number(process.env['LOG_BYTES'] ?? 1500))}`);
    return code === 0;
  }

  /** Whether it leaves nothing to complain of. */
  async close() {
    const faults = this.stack.garbled().map((line) => `not a line of a log: ${line}`);
    await this.sink.close();
    await this.stack.stop().catch((error) => faults.push(error.message));
    for (const fault of faults) console.error(fault);
    return faults.length === 0;
  }
}

const lanes = await Promise.all(
  Array.from({ length: Math.max(1, Math.min(Number(process.env['LANES'] ?? 2), rest.length)) }, () => Lane.open()),
);
const close = async () => (await Promise.all(lanes.map((lane) => lane.close()))).every(Boolean);
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    await close();
    process.exit(130);
  });

let passed = true;
/** Take files until there are none. @param {Lane} lane @param {string[]} queue */
async function work(lane, queue) {
  for (let file = queue.shift(); file; file = queue.shift()) passed = (await lane.passes(file)) && passed;
}
for (const lane of lanes.slice(0, 1)) await work(lane, first);
if (passed) await Promise.all(lanes.map((lane) => work(lane, rest)));
// What is left of connections keeps nobody waiting.
process.exit((await close()) && passed ? 0 : 1);
