// statements.mjs - the statements and pitfalls of the product that a test names in its title (S2_27, P44): prints those that
// none does, and fails unless they are exactly those that wait for a later release.
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../lib/root.mjs';

const COUNT = { S0: 27, S1: 22, S2: 47, S3: 31, S4: 25 };
const FURNITURE = ['S0-27', 'S1-21', 'S1-22', 'S2-47', 'S3-3', 'S3-10', 'S3-31', 'S4-25'];
const LATER = /** @param {string} id */ (id) => id === 'S2-46' || id.startsWith('S4-');

/** @param {number} from @param {number} to @param {string} s */
const ids = (from, to, s) => Array.from({ length: to - from + 1 }, (_, i) => `${s}${from + i}`);
const wanted = [
  ...Object.entries(COUNT).flatMap(([s, n]) => ids(1, n, `${s}-`)),
  ...ids(31, 45, 'P'), // below 31 the promises have the same numbers
].filter((id) => !FURNITURE.includes(id));

const tests = fs
  .readdirSync(path.join(root, 'tests'), { recursive: true, encoding: 'utf8' })
  .filter((f) => !f.startsWith('node_modules') && /\.(test\.ts|test\.mjs|c|sh|py)$/.test(f))
  .map((f) => fs.readFileSync(path.join(root, 'tests', f), 'utf8'))
  .join('\n');
const tested = new Set([
  ...[...tests.matchAll(/(?:\b|test_)S([0-4])_(\d+)/g)].map(([, s, n]) => `S${s}-${n}`),
  ...[...tests.matchAll(/(?:test|it|describe)\(['"`](.*)/g)].flatMap(([, title]) => title?.match(/\bP\d+\b/g) ?? []),
]);

const missing = wanted.filter((id) => !tested.has(id));
console.log(`statements: ${wanted.length - missing.length} of ${wanted.length} have a test; without one: ${missing.join(' ')}`);
const wrong = wanted.filter((id) => tested.has(id) === LATER(id));
if (wrong.length > 0) {
  console.log(`statements: neither tested nor for later, or both: ${wrong.join(' ')}`);
  process.exit(1);
}
