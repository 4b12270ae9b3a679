// isolation_code.test.ts - isolation.test.ts and matrix.test.ts once more, with row-level security switched off: the code alone keeps firms apart (P4).
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { stack } from '../lib/kit.js';
import './isolation.test.js';
import './matrix.test.js';

const SECURED =
  "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relrowsecurity";
let tables: string[] = [];

before(async () => {
  tables = (await stack.sql(SECURED)).map((row) => row.name);
  for (const name of tables)
    await stack.sql(`alter table ${name} no force row level security, disable row level security`);
});
after(async () => {
  for (const name of tables) await stack.sql(`alter table ${name} enable row level security, force row level security`);
});

test('no table is secured meanwhile', async () => {
  assert.ok(tables.includes('client') && tables.includes('document'));
  assert.deepEqual(await stack.sql(SECURED), []);
});
