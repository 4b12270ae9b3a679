// clients.test.ts - rule 4: what stock generators make of openapi.yaml compiles under the strictest settings. openapi-typescript's
// part is consumer.ts, which is compiled with the tests themselves.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { contract } from '../lib/recorder.mjs';
import { build, root } from '../lib/root.mjs';

const out = path.join(build, 'gen/clients');
const modules = path.join(root, 'tests/node_modules');
const spec = path.join(root, 'openapi.yaml');

function run(command: string, ...args: string[]): string {
  const done = spawnSync(process.execPath, [command, ...args], {
    cwd: out,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', CI: '1' },
  });
  assert.equal(done.status, 0, `${path.basename(command)} ${args.join(' ')}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}
const bin = (name: string) => fs.realpathSync(path.join(modules, '.bin', name));

/** The compiler's complaints about files of `folder`, a line each. */
function compile(folder: string, settings: Record<string, unknown>): string[] {
  const config = path.join(out, `${folder}.json`);
  const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
  const modern = { target: 'es2022', module: 'esnext', moduleResolution: 'bundler', lib: ['es2023', 'dom', 'dom.iterable'] };
  fs.writeFileSync(
    config,
    JSON.stringify({ compilerOptions: { ...modern, ...strict, noEmit: true, skipLibCheck: true, types: [], ...settings }, include: [`${folder}/**/*.ts`] }),
  );
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const done = spawnSync(process.execPath, [tsc, '-p', config, '--pretty', 'false'], { cwd: out, encoding: 'utf8' });
  return done.stdout.split('\n').filter((line) => /: error /.test(line));
}

before(() => {
  fs.rmSync(out, { recursive: true, force: true });
  fs.mkdirSync(out, { recursive: true });
});

/** How somebody would use what the generators made; it is compiled, and what is wrong in it must be found. */
const uses: Record<string, string> = {
  hey: `
import { createClient, listClients, type Client, type Problem } from './index';
export async function names(): Promise<string[]> {
  const got = await listClients({ query: { limit: 100 } });
  if (got.error) return [(got.error as Problem).code];
  const first: Client | undefined = got.data?.data[0];
  const next: string | null | undefined = got.data?.next_cursor;
  // @ts-expect-error null is not nothing
  const code: string = first?.code;
  return [first?.name ?? '', next ?? '', code];
}
// @ts-expect-error a misspelt member
export const made = () => createClient({ body: { entity: 'business', nmae: 'Acme' } });
`,
  orval: `
import { listClients, createClient, type Client } from './index';
export async function names(): Promise<string[]> {
  const got = await listClients({ limit: 100 });
  if (got.status !== 200) return [got.data.code];
  const first: Client | undefined = got.data.data[0];
  const next: string | null = got.data.next_cursor;
  // @ts-expect-error null is not nothing
  const code: string = first?.code;
  return [first?.name ?? '', next ?? '', code];
}
// @ts-expect-error a misspelt member
export const made = () => createClient({ entity: 'business', nmae: 'Acme' });
`,
};

test('rule 4: @hey-api/openapi-ts makes a client of every call, which compiles', () => {
  run(bin('openapi-ts'), '-i', spec, '-o', 'hey', '-c', '@hey-api/client-fetch', '-s');
  const sdk = fs.readFileSync(path.join(out, 'hey/sdk.gen.ts'), 'utf8');
  for (const { id } of contract.operations) assert.match(sdk, new RegExp(`\\b${id}\\b`));
  fs.writeFileSync(path.join(out, 'hey/use.ts'), uses['hey'] ?? '');
  assert.deepEqual(compile('hey', { exactOptionalPropertyTypes: false }), []);
  // Its own run time, the same whatever the contract, does not bear this setting; what it makes of the contract does.
  const ours = compile('hey', {}).filter((line) => !/^hey\/(client|core)\//.test(line));
  assert.deepEqual(ours, []);
});

test('rule 4: orval makes a client of every call, which compiles', () => {
  run(bin('orval'), '--input', spec, '--output', path.join(out, 'orval/index.ts'), '--client', 'fetch');
  const made = fs.readFileSync(path.join(out, 'orval/index.ts'), 'utf8');
  for (const { id } of contract.operations) assert.match(made, new RegExp(`\\bexport const ${id}\\b`));
  fs.writeFileSync(path.join(out, 'orval/use.ts'), uses['orval'] ?? '');
  assert.deepEqual(compile('orval', {}), []);
});
