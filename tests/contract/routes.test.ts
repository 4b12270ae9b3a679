// routes.test.ts - the route table of the API and openapi.yaml name the same calls with the same rights, both ways.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { contract, type Operation } from '../lib/recorder.mjs';
import { build, root } from '../lib/root.mjs';

/** Who may call, in the route table's words. */
function access(op: Operation): string {
  const callers = [...op.spec['x-callers']].sort().join();
  const kind = { 'key,staff': 'perm', staff: 'staff' }[callers];
  if (op.spec['x-permission']) return kind ? `${kind}:${op.spec['x-permission']}` : `? ${callers}`;
  return { public: 'public', operator: 'operator', test: 'test', portal: 'portal', 'portal,staff': 'any' }[callers] ?? `? ${callers}`;
}

const printed = execFileSync(path.join(build, 'portico-api'), ['--routes'], { encoding: 'utf8' })
  .split('\n')
  .filter(Boolean)
  .map((line) => line.trim().replace(/\s+/g, ' '));

test('every line of the table has the form METHOD /path access', () => {
  assert.ok(printed.length > 40);
  for (const line of printed)
    assert.match(line, /^(GET|HEAD|POST|PUT|PATCH|DELETE) \/\S+ (public|operator|any|portal|test|(perm|staff):[a-z_]+:[a-z]+)$/);
});

test('rule 1: the table and the contract are the same set', () => {
  // A HEAD is served by the route of its GET.
  const documented = contract.operations
    .filter((op) => op.method !== 'HEAD')
    .map((op) => `${op.method} ${op.path} ${access(op)}`);
  const routed = printed.filter((line) => !line.startsWith('HEAD '));
  assert.deepEqual(
    routed.filter((line) => !documented.includes(line)),
    [],
    'routes that the contract does not have',
  );
  assert.deepEqual(
    documented.filter((line) => !routed.includes(line)),
    [],
    'calls that the API does not have',
  );
  assert.equal(new Set(routed).size, routed.length);
});

test('a HEAD that is documented has a GET with the same right', () => {
  for (const op of contract.operations.filter((o) => o.method === 'HEAD'))
    assert.ok(printed.includes(`GET ${op.path} ${access(op)}`), op.id);
});

test('keys are let in by the flag of the row alone, and never where they would make more of themselves', () => {
  for (const op of contract.operations.filter((o) => o.spec['x-callers'].includes('key'))) {
    assert.ok(op.spec['x-permission'], op.id);
    assert.ok(!['api_keys:write', 'staff:write'].includes(op.spec['x-permission']), op.id);
    assert.doesNotMatch(op.path, /^\/v1\/(portal|auth|me|api_keys)\b/, op.id);
  }
});

test('security follows from the callers', () => {
  for (const op of contract.operations) {
    const open = ['public', 'test'].includes(access(op));
    const ways = access(op) === 'operator' ? [{ bearer: [] }] : [{ cookie: [] }, { bearer: [] }];
    assert.deepEqual(op.spec.security, open ? [] : ways, op.id);
  }
});

test('the problem codes of the contract are those of the programs, and of the edge', () => {
  const known: string[] = contract.document.components.schemas.KnownProblemCode.enum;
  const ours = [
    ...fs.readFileSync(path.join(root, 'shared/base/problems.def'), 'utf8').matchAll(/^P\((\w+), (\d+)/gm),
  ].map((m) => [m[1] ?? '', Number(m[2])] as const);
  assert.deepEqual([...known].sort(), ours.map(([code]) => code).sort());
  const status = Object.fromEntries(ours);
  for (const op of contract.operations)
    for (const [at, codes] of Object.entries(op.spec['x-errors'] ?? {}))
      for (const code of codes as string[]) assert.equal(status[code], Number(at), `${op.id}: ${code}`);
  const shared = Object.values<any>(contract.document.components.responses).flatMap((response) => response['x-codes'] ?? []);
  for (const code of shared) assert.ok(known.includes(code), code);
  const answered = new Set([...shared, ...contract.operations.flatMap((op) => Object.values(op.spec['x-errors'] ?? {}).flat())]);
  const ofNoCall = ['headers_too_large', 'method_not_allowed', 'uri_too_long'];
  assert.deepEqual(known.filter((code) => !answered.has(code)).sort(), ofNoCall, 'a code stands there when a reply can have it');
});

test('the JSON that is served is the YAML that is kept', () => {
  assert.deepEqual(
    JSON.parse(fs.readFileSync(path.join(build, 'openapi.json'), 'utf8')),
    JSON.parse(JSON.stringify(contract.document)),
  );
});

test('rule 1: a call that only one of the two has is found', () => {
  const compared = (operations: Operation[]) => {
    const documented = operations.filter((op) => op.method !== 'HEAD').map((op) => `${op.method} ${op.path} ${access(op)}`);
    return printed.filter((line) => !line.startsWith('HEAD ') && !documented.includes(line));
  };
  for (const gone of contract.operations.filter((op) => op.method !== 'HEAD'))
    assert.deepEqual(compared(contract.operations.filter((op) => op !== gone)), [`${gone.method} ${gone.path} ${access(gone)}`]);
});
