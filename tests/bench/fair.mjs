// fair.mjs [ROWS] - what one firm's import of that many clients (100,000) costs another firm (promise P23): p95 of its list of clients
// and of a change to one while it runs, as a ratio to before, in one run; promised is less than twice.
//
//   make everything && node tests/build.mjs && node tests/bench/fair.mjs
//
// SECONDS (10) is how long it is measured before, and right after. One caller, a call each 20 ms: what is asked is how long a call takes
// beside the import, not how many there can be.
import fs from 'node:fs';
import path from 'node:path';
import { build } from '../lib/root.mjs';
import { Sink } from '../lib/sink.mjs';
import { start } from '../lib/stack.mjs';

const rows = Number(process.argv[2] ?? 100_000);
const SECONDS = Number(process.env.SECONDS ?? 10);
const CLIENTS = 200;
const GAP_MS = 20;
const sink = await new Sink().start();
const stack = await start({ smtp: sink.url });
Object.assign(process.env, { STACK_STATE: stack.state, STACK_URL: stack.url, STACK_SINK: await sink.control() });
const { newFirm, raw } = await import(path.join(build, 'tests/lib/kit.js'));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A file of clients with a contact each, sent by the firm's owner. */
async function send(owner, n) {
  const line = (i) => `B${i},business,"Client ${i}, Ltd",office${i}@bench.test,Contact ${i},contact${i}@bench.test\n`;
  const body = `code,entity,name,emails,contact_name,contact_email\n${Array.from({ length: n }, (_, i) => line(i)).join('')}`;
  const sent = await raw('/v1/imports?kind=clients', { method: 'POST', as: owner, headers: { 'content-type': 'text/csv' }, body });
  return async () => (await raw(`/v1/imports/${sent.json.id}`, { as: owner })).json;
}

/** The calls in turn, until it is over: how long each took, in ms. */
async function measure(calls, over) {
  const took = Object.fromEntries(Object.keys(calls).map((name) => [name, []]));
  while (!(await over()))
    for (const [name, call] of Object.entries(calls)) {
      const from = performance.now();
      const { status } = await call();
      took[name].push(performance.now() - from);
      if (status !== 200) throw new Error(`${name}: ${status}`);
      await pause(GAP_MS);
    }
  return took;
}

/** Whether an import has ended, asked once a second. */
function ended(state) {
  let got = { status: 'validating' };
  let next = 0;
  return async () => {
    if (Date.now() >= next) [got, next] = [await state(), Date.now() + 1000];
    return !['validating', 'running'].includes(got.status) && got.status;
  };
}
const after = (seconds) => {
  const end = Date.now() + seconds * 1000;
  return async () => Date.now() >= end;
};
const p95 = (times) => times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? NaN;

try {
  const [{ owner: big }, { owner }] = [await newFirm('big'), await newFirm('other')];
  const small = ended(await send(owner, CLIENTS));
  while (!(await small())) await pause(100);
  const { id } = (await raw('/v1/clients?limit=1', { as: owner })).json.data[0];
  let turn = 0;
  const calls = {
    list: () => raw('/v1/clients?limit=50', { as: owner }),
    change: () => raw(`/v1/clients/${id}`, { method: 'PATCH', as: owner, json: { name: `Turn ${turn++}` } }),
  };
  await measure(calls, after(2)); // plans, caches
  const before = await measure(calls, after(SECONDS));
  const from = Date.now();
  const during = await measure(calls, ended(await send(big, rows)));
  const seconds = (Date.now() - from) / 1000;
  const afterwards = await measure(calls, after(SECONDS));
  console.log(`${rows} rows in ${seconds.toFixed(0)} s, load ${fs.readFileSync('/proc/loadavg', 'utf8').split(' ')[0]}`);
  for (const name of Object.keys(calls)) {
    const [without, beside, right_after] = [before, during, afterwards].map((times) => p95(times[name]));
    console.log(
      `${name}: p95 ${beside.toFixed(1)} ms beside the import (${during[name].length} calls), ${without.toFixed(1)} ms before it: ratio ` +
        `${(beside / without).toFixed(2)}; right after it, while its events are numbered and sealed, ${right_after.toFixed(1)} ms`,
    );
  }
} finally {
  await sink.close();
  await stack.stop();
}
