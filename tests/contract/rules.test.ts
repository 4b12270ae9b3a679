// rules.test.ts - the house rules of openapi.yaml that a linter does not know.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { Contract, contract } from '../lib/recorder.mjs';
import { root } from '../lib/root.mjs';

type Json = any;
const { document } = contract;
const schemas: Record<string, Json> = document.components.schemas;

/** Every schema in `at`, with its place. */
function* walk(at: Json, place: string): Generator<[string, Json]> {
  if (at === null || typeof at !== 'object') return;
  if (!Array.isArray(at) && (at.type || at.$ref || at.anyOf || at.oneOf || at.allOf)) yield [place, at];
  for (const [key, value] of Object.entries(at))
    if (key !== 'examples' && key !== 'enum') yield* walk(value, `${place}/${key}`);
}

/** The names of the component schemas that are reached from `at`. */
function reached(at: Json, names = new Set<string>()): Set<string> {
  for (const [, name] of JSON.stringify(at).matchAll(/#\/components\/schemas\/(\w+)/g))
    if (name && !names.has(name)) reached(schemas[names.add(name) && name], names);
  return names;
}

const replies = () =>
  reached(contract.operations.map((op) => Object.values(op.spec.responses).map((r) => contract.deref(r))));
const requests = () => reached(contract.operations.map((op) => op.spec.requestBody ?? {}));

test('redocly finds nothing', () => {
  const done = spawnSync(
    path.join(root, 'tests/node_modules/.bin/redocly'),
    ['lint', path.join(root, 'openapi.yaml'), '--config', path.join(root, 'tests/contract/redocly.yaml')],
    { encoding: 'utf8', env: { ...process.env, REDOCLY_TELEMETRY: 'off', NO_COLOR: '1' } },
  );
  assert.equal(done.status, 0, done.stdout + done.stderr);
  assert.match(done.stderr + done.stdout, /valid/);
  assert.doesNotMatch(done.stderr + done.stdout, /You have \d+ warning/);
});

test('rule 3: members of answers are all required; null is type [x, "null"] or anyOf [$ref, null]; no oneOf, allOf, discriminator', () => {
  assert.doesNotMatch(JSON.stringify(document), /"(oneOf|allOf|discriminator|nullable)":/);
  for (const [place, schema] of walk(document, '#')) {
    if (schema.anyOf) {
      assert.equal(schema.anyOf.length, 2, place);
      assert.ok(schema.anyOf[0].$ref && schema.anyOf[1].type === 'null', place);
    }
    if (Array.isArray(schema.type)) assert.ok(schema.type.length === 2 && schema.type[1] === 'null', place);
    if (schema.enum && Array.isArray(schema.type)) assert.ok(schema.enum.includes(null), place);
  }
  const extension = ['required_scopes', 'retry_after', 'existing_id']; // of Problem, kept on purpose
  for (const name of replies())
    for (const [place, schema] of walk(schemas[name], name))
      if (schema.properties)
        assert.deepEqual(
          Object.keys(schema.properties).filter(
            (p) => !schema.required?.includes(p) && !(name === 'Problem' && extension.includes(p)),
          ),
          [],
          place,
        );
});

test('request bodies take no other members, and each is an object', () => {
  for (const op of contract.operations) {
    const body = op.spec.requestBody?.content?.['application/json'];
    if (!body) continue;
    const schema = contract.deref(body.schema);
    assert.deepEqual([schema.type, schema.additionalProperties], ['object', false], op.id);
    if (op.method === 'PATCH')
      assert.deepEqual(
        Object.keys(op.spec.requestBody.content).sort(),
        ['application/json', 'application/merge-patch+json'],
        op.id,
      );
  }
});

test('names: snake_case, times end in _at, ids in id, operationIds are unique', () => {
  for (const [name, schema] of Object.entries(schemas)) {
    assert.match(name, /^[A-Z][A-Za-z]+$/);
    for (const [member, of] of Object.entries<Json>(schema.properties ?? {})) {
      assert.match(member, /^[a-z][a-z0-9_]*$/, `${name}.${member}`);
      if (of.format === 'date-time') assert.match(member, /_at$|^at$|^now$|^server_time$/, `${name}.${member}`);
      if (/_at$/.test(member)) assert.equal(of.format, 'date-time', `${name}.${member}`);
    }
  }
  const ids = contract.operations.map((op) => op.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const op of contract.operations)
    for (const ref of op.spec.parameters ?? [])
      if (contract.deref(ref).in === 'query') assert.match(contract.deref(ref).name, /^[a-z][a-z_]*$/);
});

test('what is referred to is there, and what is there is referred to', () => {
  const text = JSON.stringify(document);
  const used = new Set([...text.matchAll(/"#\/components\/(\w+)\/(\w+)"/g)].map((m) => `${m[1]}/${m[2]}`));
  const there = Object.entries<Json>(document.components)
    .filter(([kind]) => kind !== 'securitySchemes')
    .flatMap(([kind, all]) => Object.keys(all).map((name) => `${kind}/${name}`));
  assert.deepEqual(
    [...used].filter((u) => !there.includes(u)),
    [],
  );
  assert.deepEqual(
    there.filter((t) => !used.has(t)),
    ['schemas/KnownProblemCode'],
  );
});

test('statuses follow the conventions', () => {
  for (const op of contract.operations) {
    const statuses = Object.keys(op.spec.responses).map(Number);
    const has = (s: number) => statuses.includes(s);
    const open = op.spec.security.length === 0 || op.spec['x-callers'].includes('operator');
    const name = `${op.id}: ${statuses}`;
    assert.equal(statuses.filter((s) => s < 300 && s !== 206).length, 1, name);
    for (const s of [400, 429, 500]) assert.ok(has(s), `${name} lacks ${s}`);
    assert.ok(open || has(401), `${name} lacks 401`);
    const writes = !['GET', 'HEAD'].includes(op.method) && !['previewInvitation', 'setTestClock'].includes(op.id);
    assert.ok((open && !writes) || has(403), `${name} lacks 403`); // rule 9: whoever writes may come from a foreign origin
    if (op.path.includes('{')) assert.ok(has(404), `${name} lacks 404`);
    if (op.spec.requestBody) for (const s of [413, 415, 422]) assert.ok(has(s), `${name} lacks ${s}`);
    const params: Json[] = (op.spec.parameters ?? []).map((p: Json) => p.$ref?.split('/').pop());
    assert.equal(params.includes('IfMatch'), has(412), name);
    assert.equal(params.includes('IfNoneMatch'), has(304), name);
    const ok = contract.deref(op.spec.responses[String(statuses.find((s) => s < 300))]);
    if (params.includes('IfNoneMatch')) assert.ok(ok.headers.ETag, name);
    assert.equal(params.some((p) => /Cursor$/.test(String(p))), Boolean(ok.headers.Link), name);
    if (op.method === 'DELETE') assert.ok(has(204) || op.id === 'disablePortalAccess', name);
    for (const s of statuses.filter((s) => s >= 400))
      assert.ok(contract.deref(op.spec.responses[s]).content['application/problem+json'], `${name} at ${s}`);
    for (const s of Object.keys(op.spec['x-errors'] ?? {}).map(Number)) assert.ok(has(s), `${name} has codes for ${s}`);
  }
});

test('own codes are told to the reader as well', () => {
  for (const op of contract.operations)
    for (const [status, codes] of Object.entries<string[]>(op.spec['x-errors'] ?? {}))
      for (const code of codes)
        assert.ok(op.spec.responses[status].description?.includes(`\`${code}\``), `${op.id} ${status} ${code}`);
});

test('examples fit their schemas, and every body has one', () => {
  for (const [name, schema] of Object.entries(schemas))
    for (const example of schema.examples ?? [])
      assert.equal(contract.mismatch({ $ref: `#/components/schemas/${name}` }, example), null, name);
  for (const name of requests())
    if (schemas[name]?.additionalProperties === false)
      assert.ok(schemas[name].examples?.length, `${name} has no example`);
});

test('rule 2: the recorder refuses what is not documented', () => {
  const fresh = new Contract();
  const answer = (status: number, json: Json, headers: Record<string, string> = {}, at = '/v1/setup') => ({
    method: 'GET',
    url: new URL(`http://x${at}`),
    status,
    body: Buffer.from(JSON.stringify(json)),
    headers: new Headers({
      'content-type': status < 400 ? 'application/json' : 'application/problem+json',
      'x-request-id': 'req_12345678',
      'cache-control': 'no-store',
      ...headers,
    }),
  });
  const problem = {
    type: 'https://x/problems/malformed_request',
    title: 'x',
    status: 400,
    code: 'malformed_request',
    detail: 'x',
    request_id: 'req_12345678',
    errors: [],
  };
  fresh.check(answer(200, { needed: true }));
  fresh.check(answer(400, problem));
  for (const [bad, why] of [
    [answer(200, { needed: true, more: 1 }), /additional/],
    [answer(200, {}), /needed/],
    [answer(200, { needed: 'yes' }), /boolean/],
    [answer(418, {}), /not documented/],
    [answer(200, { needed: true }, { 'cache-control': '' }), /Cache-Control/],
    [answer(200, { needed: true }, { 'content-type': 'text/html' }), /media type/],
    [answer(200, { needed: true }, { 'x-request-id': '' }), /X-Request-Id/],
    [answer(400, { ...problem, code: 'name_taken' }), /name_taken/],
    [answer(400, { ...problem, request_id: 'req_other678' }), /request_id/],
    [answer(400, { ...problem, status: 401 }), /says 401/],
    [answer(400, problem, { 'content-type': 'application/json' }), /media type/],
    [answer(200, {}, {}, '/v1/nothing'), /not documented/],
    [
      answer(
        405,
        { ...problem, status: 405, code: 'method_not_allowed', type: 'https://x/problems/method_not_allowed' },
        {},
        '/v1/nothing',
      ),
      /Allow/,
    ],
  ] as [Parameters<typeof fresh.check>[0], RegExp][])
    assert.throws(() => fresh.check(bad), why);
});

test('rule 16: the recorder takes times, days, ids and money in one form only', () => {
  const fresh = new Contract();
  const answer = (json: Json) => ({
    method: 'GET',
    url: new URL('http://x/openapi.json'),
    status: 200,
    body: Buffer.from(JSON.stringify(json)),
    headers: new Headers({ 'content-type': 'application/json', 'x-request-id': 'req_12345678' }),
  });
  const why = (json: Json) => {
    try {
      fresh.check(answer(json));
    } catch (error) {
      return String(error).split('\n')[0] ?? '';
    }
    return '';
  };
  for (const [name, good, bad] of [
    ['created_at', '2028-02-29T23:59:59.999Z', ['2028-02-29T23:59:59Z', '2028-02-29T23:59:59.999+00:00', '2028-02-29', '0']],
    ['due_on', '2028-02-29', ['29.02.2028', '2028-02-29T00:00:00.000Z', '2028-2-29']],
    ['total_minor', Number.MAX_SAFE_INTEGER, [2 ** 53, 0.5, '1', 1e300]],
    ['client_id', 'cli_01kjpz7w3mfa6tq2c9x4n8d5he', ['cli_01KJPZ7W3MFA6TQ2C9X4N8D5HE', '42', 'cli_8zzzzzzzzzzzzzzzzzzzzzzzzz', 'cli_']],
  ] as [string, Json, Json[]][]) {
    assert.doesNotMatch(why({ deep: [{ [name]: good }] }), new RegExp(`/${name} is`));
    for (const other of bad) assert.match(why({ deep: [{ [name]: other }] }), new RegExp(`/${name} is`), `${name} ${other}`);
    assert.deepEqual(JSON.parse(JSON.stringify({ [name]: good })), { [name]: good });
  }
});
