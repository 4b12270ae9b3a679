// twenty.test.ts - the contract's twenty rules of ergonomics, each with the tests that prove it: their names begin "rule N".
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../lib/root.mjs';

/** What each rule asks, and the files below tests/ that hold its proofs. */
const RULES: Record<number, [string, ...string[]]> = {
  1: ['every route is in the contract, and the reverse', 'contract/routes.test.ts'],
  2: ['every answer is as documented', 'contract/rules.test.ts', 'contract/coverage.test.ts', 'api/clients.test.ts'],
  3: ['members of answers are all required', 'contract/rules.test.ts'],
  4: ['stock clients compile strictly', 'contract/clients.test.ts'],
  5: ['what is not known is refused with a pointer', 'api/common.test.ts'],
  6: ['one shape of errors', 'api/common.test.ts', 'contract/coverage.test.ts', 'e2e/edge.test.ts'],
  7: ['all faults at once', 'api/common.test.ts', 'api/twenty.test.ts'],
  8: ['CORS on every answer', 'api/twenty.test.ts', 'e2e/origin.test.ts'],
  9: ['cookies write from allowed origins only', 'api/common.test.ts', 'api/twenty.test.ts'],
  10: ['refresh is safe under races'],
  11: ['reading changes nothing', 'api/secrets.test.ts', 'api/journey.test.ts'],
  12: ['one pagination', 'api/lists.test.ts'],
  13: ['a POST may be sent again', 'api/idempotency.test.ts'],
  14: ['lost updates are seen', 'api/etag.test.ts'],
  15: ['missing rights are explained, objects of others are not', 'api/common.test.ts', 'api/isolation.test.ts', 'api/matrix.test.ts'],
  16: ['times, money and ids have one form', 'contract/rules.test.ts', 'api/twenty.test.ts'],
  17: ['the feed never skips', 'torture/feed.test.mjs'],
  18: ['webhooks verify with stock libraries'],
  19: ['uploads and downloads resume', 'e2e/edge.test.ts'],
  20: ['nothing that worked stops', 'contract/breaking.test.ts'],
};

/** Rules of things that are not there yet, or in part. */
const LATER: Record<number, string> = {
  10: 'with refresh tokens',
  17: 'that webhooks send the same set, with webhooks',
  18: 'with webhooks',
  19: 'the part of tus, with tus',
};

const titled = new Map<string, string[]>();
for (const folder of fs.readdirSync(path.join(root, 'tests')))
  for (const file of folder === 'node_modules' || folder.includes('.') ? [] : fs.readdirSync(path.join(root, 'tests', folder)))
    if (/\.test\.(ts|mjs)$/.test(file)) {
      const source = fs.readFileSync(path.join(root, 'tests', folder, file), 'utf8');
      for (const [, title, rule] of source.matchAll(/\b(?:test|describe|it)\(\s*['"`]((?:rule (\d+))\b[^\n]*?)['"`],/g))
        titled.set(`${rule} ${folder}/${file}`, [...(titled.get(`${rule} ${folder}/${file}`) ?? []), title ?? '']);
    }

for (const [rule, [what, ...files]] of Object.entries(RULES))
  test(`the proof of rule ${rule}: ${what}`, (t) => {
    for (const file of files) assert.ok(titled.has(`${rule} ${file}`), `${file} has no test whose name begins "rule ${rule}"`);
    if (LATER[Number(rule)]) t.diagnostic(`later: ${LATER[Number(rule)]}`);
    const proofs = [...titled].filter(([key]) => key.startsWith(`${rule} `));
    for (const [key, titles] of proofs) t.diagnostic(`${key.split(' ')[1]}: ${titles.join('; ')}`);
    assert.ok(proofs.length > 0 || LATER[Number(rule)], 'nothing proves it');
  });

test('there are twenty rules, and no test claims another', () => {
  assert.equal(Object.keys(RULES).length, 20);
  for (const key of titled.keys()) assert.ok(RULES[Number(key.split(' ')[0])], key);
});
