// run.mjs FOLDER [FILE...] - start one private Portico and one mail sink, run the compiled tests of tests/FOLDER, stop both.
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

const sink = await new Sink().start();
const stack = await start({
  smtp: sink.url,
  env: { PORTICO_CORS_ORIGINS: ORIGINS.join(' '), PORTICO_METRICS_TOKEN: 'watching-the-tests' },
});
const stop = async () => {
  await sink.close();
  await stack.stop();
};
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    await stop();
    process.exit(130);
  });
const env = { ...process.env, STACK_STATE: stack.state, STACK_URL: stack.url, STACK_SINK: await sink.control() };
/** @param {string[]} args @returns {Promise<number | null>} */
const node = async (args) =>
  (await once(spawn(process.execPath, ['--test', ...args], { stdio: 'inherit', env }), 'exit'))[0];
// They share one instance, and one clock: a file at a time. Node 18, which is Debian's, must be asked for each.
const able = Number(process.versions.node.split('.')[0]) >= 20;
/** @param {string[]} some */
async function run(some) {
  if (able) return some.length ? node(['--test-concurrency=1', ...some]) : 0;
  let code = 0;
  for (const file of some) code = (await node([file])) || code;
  return code;
}
// The whole journey first: when it fails, the rest is noise.
const first = files.filter((file) => file.endsWith('journey.test.js'));
const code = (await run(first)) || (await run(files.filter((file) => !first.includes(file))));
if (code)
  for (const name of ['api', 'mailer', 'edge'])
    process.stderr.write(`---- ${name}.log\n${stack.log(name, Number(process.env.LOG_BYTES ?? 1500))}\n`);
let cried = 0;
for (const line of stack.garbled()) {
  console.error(`not a line of a log: ${line}`);
  cried = 1;
}
await stop().catch((error) => {
  console.error(error.message);
  cried = 1;
});
process.exit(code === 0 ? cried : (code ?? 1));
