// statements.mjs - list the statements of the product that no test names (S2_27 in a test's title): a report, not yet a gate.
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../lib/root.mjs';

const COUNT = { S0: 27, S1: 22, S2: 47, S3: 31, S4: 25 };
const FURNITURE = ['S0-27', 'S1-21', 'S1-22', 'S2-47', 'S3-3', 'S3-10', 'S3-31', 'S4-25'];

/** @param {string} dir @returns {string[]} */
const filesOf = (dir) =>
  fs
    .readdirSync(dir, { withFileTypes: true })
    .filter((e) => e.name !== 'node_modules')
    .flatMap((e) => (e.isDirectory() ? filesOf(path.join(dir, e.name)) : [path.join(dir, e.name)]));

const tested = new Set();
for (const file of filesOf(path.join(root, 'tests')).filter((f) => /\.(test\.ts|c|sh|py)$/.test(f)))
  for (const [, s, n] of fs.readFileSync(file, 'utf8').matchAll(/\bS([0-4])_(\d+)/g)) tested.add(`S${s}-${n}`);
for (const file of filesOf(path.join(root, 'tests')).filter((f) => f.endsWith('.c')))
  for (const [, s, n] of fs.readFileSync(file, 'utf8').matchAll(/test_S([0-4])_(\d+)/g)) tested.add(`S${s}-${n}`);

const wanted = Object.entries(COUNT)
  .flatMap(([s, n]) => Array.from({ length: n }, (_, i) => `${s}-${i + 1}`))
  .filter((id) => !FURNITURE.includes(id));
const missing = wanted.filter((id) => !tested.has(id));
console.log(
  `statements: ${wanted.length - missing.length} of ${wanted.length} have a test; without one: ${missing.join(' ')}`,
);
