// import.mjs [ROWS] - import that many clients with a contact each, and again; print the rate, the peak of the API's memory,
// and how long the onboarding counts take right afterwards.
import fs from 'node:fs';
import path from 'node:path';
import { build } from '../lib/root.mjs';
import { Sink } from '../lib/sink.mjs';
import { start } from '../lib/stack.mjs';

const rows = Number(process.argv[2] ?? 100_000);
const sink = await new Sink().start();
const stack = await start({ smtp: sink.url });
Object.assign(process.env, { STACK_STATE: stack.state, STACK_URL: stack.url, STACK_SINK: await sink.control() });
const { newFirm, raw } = await import(path.join(build, 'tests/lib/kit.js'));

/** Peak resident memory in MiB of the API's processes, the greatest one's. */
const peak = () =>
  Math.max(
    0,
    ...fs.readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
      try {
        if (!fs.readlinkSync(`/proc/${pid}/exe`).includes('portico-api')) return [];
        return [Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024];
      } catch {
        return [];
      }
    }),
  );
const load = () => fs.readFileSync('/proc/loadavg', 'utf8').split(' ')[0];

try {
  const { owner } = await newFirm('bench');
  const line = (i) => `B${i},business,"Client ${i}, Ltd",office${i}@bench.test;books${i}@bench.test,Contact ${i},contact${i}@bench.test\r\n`;
  const text = `code,entity,name,emails,contact_name,contact_email\r\n${Array.from({ length: rows }, (_, i) => line(i)).join('')}`;
  const before = peak();
  for (const turn of ['first', 'again']) {
    const from = Date.now();
    const sent = await raw('/v1/imports?kind=clients', { method: 'POST', as: owner, headers: { 'content-type': 'text/csv' }, body: text });
    let got = sent.json;
    let read = 0;
    while (['validating', 'running'].includes(got.status)) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      got = (await raw(`/v1/imports/${sent.json.id}`, { as: owner })).json;
      if (!read && (got.row_count === rows || got.status !== 'validating')) read = Date.now() - from;
    }
    const took = Date.now() - from;
    const counted = await raw('/v1/stats/onboarding', { as: owner });
    const counting = Date.now() - from - took;
    console.log(
      `${turn}: ${rows} rows ${got.status} in ${(took / 1000).toFixed(1)} s (${Math.round((rows * 1000) / took)} rows/s; ` +
        `read and kept after ${(read / 1000).toFixed(1)} s), created ${got.created_count}, unchanged ${got.unchanged_count}, ` +
        `errors ${JSON.stringify(got.errors)}; counts ${counted.status} after ${counting} ms; API peak ${peak().toFixed(0)} MiB (${before.toFixed(0)} before), load ${load()}`,
    );
  }
} finally {
  await sink.close();
  await stack.stop();
}
