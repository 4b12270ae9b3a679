// breaking.test.ts - rule 20: nothing that worked stops, unless CHANGELOG.md says so.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import YAML from 'yaml';
import { root } from '../lib/root.mjs';
import { contract } from '../lib/recorder.mjs';
import { breaks, printed, released, unnamed } from './breaking.mjs';

type Json = any;
const changelog = fs.readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8');
const kept: Json = JSON.parse(fs.readFileSync(released, 'utf8'));
const HOW = 'put it back, or name it in CHANGELOG.md: "- Breaking: `call GET /v1/x`, because …"';

const git = (...args: string[]): string | null => {
  const done = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  return done.status === 0 ? done.stdout.trim() : null;
};

/** openapi.yaml as it was before it was last changed: before the present edit, or before the last commit that touched it. */
function before(): string | null {
  const edited = git('status', '--porcelain', '--', 'openapi.yaml');
  const last = git('log', '-1', '--format=%H', '--', 'openapi.yaml');
  if (edited === null || !last) return null;
  return git('show', `${edited ? last : `${last}^`}:openapi.yaml`);
}

test('rule 20: nothing of the last release is taken back in silence', () => {
  assert.deepEqual(unnamed(breaks(kept, contract.document), changelog), [], HOW);
});

test('rule 20: the last change of openapi.yaml takes nothing back in silence', (t) => {
  const old = before();
  if (!old) return t.skip('no history here');
  assert.deepEqual(unnamed(breaks(YAML.parse(old), contract.document), changelog), [], HOW);
});

/** The contract with one thing changed. */
function changed(how: (document: Json) => void): Json {
  const copy = structuredClone(contract.document);
  how(copy);
  return copy;
}
const schemas = (document: Json): Json => document.components.schemas;
const clients = (document: Json): Json => document.paths['/v1/clients'];

/** Taken from the contract as it is, so that the comparison is tried on the real thing. */
const TAKEN: [string, (document: Json) => void][] = [
  ['call DELETE /v1/clients/{client_id}', (d) => delete d.paths['/v1/clients/{client_id}'].delete],
  ['call GET /v1/clients', (d) => delete d.paths['/v1/clients']],
  ['status 201 of POST /v1/clients', (d) => delete clients(d).post.responses['201']],
  ['member Client/name', (d) => delete schemas(d).Client.properties.name],
  ['type of Client/name', (d) => (schemas(d).Client.properties.name = { type: 'integer' })],
  ['type of Client/name', (d) => (schemas(d).Client.properties.name = { type: ['string', 'null'] })],
  ['always there: Client/name', (d) => schemas(d).Client.required.splice(schemas(d).Client.required.indexOf('name'), 1)],
  ['may lack LoginIn/firm', (d) => schemas(d).LoginIn.required.push('firm')],
  ['value token of LoginIn/transport', (d) => valuesOf(d, schemas(d).LoginIn.properties.transport).splice(1, 1)],
  ['may lack POST /v1/clients fresh', (d) => clients(d).post.parameters.push({ name: 'fresh', in: 'query', required: true, schema: { type: 'string' } })],
  ['header ETag of GET /v1/me 200', (d) => delete d.paths['/v1/me'].get.responses['200'].headers.ETag],
];

function valuesOf(document: Json, schema: Json): Json[] {
  const name = schema.$ref?.split('/').pop();
  return (name ? schemas(document)[name] : schema).enum;
}

for (const [what, how] of TAKEN)
  test(`rule 20: taking back "${what}" is found`, () => {
    const found = breaks(contract.document, changed(how));
    assert.ok(found.includes(what), `${what}: ${found}`);
    assert.deepEqual(breaks(JSON.parse(printed(contract.document)), changed(how)), found, 'the kept form finds the same');
    assert.deepEqual(unnamed(found, `- Breaking: ${found.map((one) => `\`${one}\``).join(', ')}, for a reason.`), []);
    assert.deepEqual(unnamed(found, `- Added: ${found.map((one) => `\`${one}\``).join(', ')}`), found);
  });

test('rule 20: what is added breaks nothing', () => {
  const more = changed((d) => {
    d.paths['/v1/fresh'] = d.paths['/v1/clients'];
    schemas(d).Client.properties.fresh = { type: 'string' };
    schemas(d).Client.required.push('fresh');
    schemas(d).LoginIn.properties.fresh = { type: 'string' };
    clients(d).get.parameters.push({ name: 'fresh', in: 'query', schema: { type: 'string' } });
    clients(d).post.responses['418'] = clients(d).post.responses['201'];
  });
  assert.deepEqual(breaks(contract.document, more), []);
  assert.deepEqual(breaks(contract.document, contract.document), []);
});
