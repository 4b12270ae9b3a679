// coverage.test.ts - runs after all others: each documented status of each operation was provoked by some test.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { contract } from '../lib/recorder.mjs';
import { build } from '../lib/root.mjs';

/** Statuses that are one mechanism for all operations, which its own tests provoke once, with where. */
const COMMON: Record<number, string> = {
  429: 'one limiter in front of all operations; own codes of 429 are asked for one by one below',
  500: 'by fault injection, once',
  503: 'one answer for all when the database is away (own.test.ts)',
};

/** Single (operation, status) pairs that no test can bring about from outside, each with the reason. */
const NOT_HERE: Record<string, string> = {
  'uploadDocument 507': 'needs a full disk',
  'createImport 507': 'needs a full disk',
  'uploadPortalDocument 507': 'needs a full disk',
};

const dir = path.join(build, 'coverage');
const seen = new Set<string>();
const codes = new Set<string>();
for (const file of fs.existsSync(dir) ? fs.readdirSync(dir) : [])
  for (const line of fs.readFileSync(path.join(dir, file), 'utf8').split('\n').filter(Boolean)) {
    const [id, status, code] = line.split(' ');
    seen.add(`${id} ${status}`);
    if (code) codes.add(`${id} ${status} ${code}`);
  }

test('rule 2: every documented status of every operation was seen', () => {
  const missing = contract.operations
    .flatMap((op) =>
      Object.keys(op.spec.responses)
        .filter((s) => !(Number(s) in COMMON))
        .map((s) => `${op.id} ${s}`),
    )
    .filter((pair) => !seen.has(pair) && !(pair in NOT_HERE));
  assert.deepEqual(missing, [], `${missing.length} pairs were never provoked`);
});

test('rule 6: every own problem code of every operation was seen', () => {
  const missing = contract.operations
    .filter((op) => op.method !== 'HEAD')
    .flatMap((op) =>
      Object.entries<string[]>(op.spec['x-errors'] ?? {}).flatMap(([status, all]) =>
        all.map((code) => `${op.id} ${status} ${code}`),
      ),
    )
    .filter(
      (triple) => !codes.has(triple) && !(triple.split(' ').slice(0, 2).join(' ') in NOT_HERE) && !(triple in NOT_HERE),
    );
  assert.deepEqual(missing, [], `${missing.length} codes were never provoked`);
});

test('each common status was seen at least once', () => {
  for (const status of Object.keys(COMMON).filter((s) => s !== '500'))
    assert.ok(
      [...seen].some((pair) => pair.endsWith(` ${status}`)),
      status,
    );
});

test('no exception is out of date', () => {
  assert.deepEqual(
    Object.keys(NOT_HERE).filter((pair) => seen.has(pair) || codes.has(pair)),
    [],
  );
});

after(() => {
  const answers = contract.operations.flatMap((op) => Object.keys(op.spec.responses).map((status) => `${op.id} ${status}`));
  const unseen = answers.filter((pair) => !seen.has(pair));
  const elsewhere = unseen.filter((pair) => pair in NOT_HERE || Number(pair.split(' ')[1]) in COMMON);
  console.log(
    `contract: ${contract.operations.length} operations on ${Object.keys(contract.document.paths).length} paths, ` +
      `${answers.length} statuses, ${answers.length - unseen.length} seen, ` +
      `${elsewhere.length} provoked once for all or not from outside, ${unseen.length - elsewhere.length} unseen`,
  );
  console.log(`unseen: ${unseen.filter((pair) => !elsewhere.includes(pair)).join(', ') || 'none'}`);
});
