// build.mjs - generate the types of openapi.yaml into B/gen, then compile the tests strictly into B/tests.
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { build, root } from './lib/root.mjs';

const here = path.join(root, 'tests');
const out = path.join(build, 'tests');
const types = path.join(build, 'gen', 'openapi.d.ts');

const bytes = ts.factory.createTypeReferenceNode('Uint8Array');
const tree = await openapiTS(new URL(`file://${root}/openapi.yaml`), {
  defaultNonNullable: false,
  transform: (schema) => (schema.format === 'binary' ? bytes : undefined),
});
fs.mkdirSync(path.dirname(types), { recursive: true });
fs.writeFileSync(types, astToString(tree));

fs.mkdirSync(out, { recursive: true });
const modules = path.join(out, 'node_modules');
fs.rmSync(modules, { force: true });
fs.symlinkSync(path.join(here, 'node_modules'), modules);
fs.writeFileSync(path.join(out, 'package.json'), '{ "type": "module" }\n');
const config = path.join(out, 'tsconfig.json');
const from = (p) => path.relative(out, p);
fs.writeFileSync(
  config,
  JSON.stringify(
    {
      extends: from(path.join(here, 'tsconfig.json')),
      compilerOptions: {
        rootDir: from(here),
        outDir: '.',
        typeRoots: [path.join(here, 'node_modules/@types')],
        paths: { 'openapi-types': [from(types)] },
      },
      include: [
        `${from(here)}/*.ts`,
        `${from(here)}/lib/*`,
        `${from(here)}/api/*.ts`,
        `${from(here)}/contract/*.ts`,
        `${from(here)}/e2e/*.ts`,
      ],
    },
    null,
    '\t',
  ),
);
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
try {
  execFileSync(process.execPath, [tsc, '-p', config, '--pretty', 'false'], { stdio: 'inherit' });
} catch {
  process.exit(1);
}
