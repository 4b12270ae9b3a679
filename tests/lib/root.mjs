// root.mjs - where the checkout and the build are, wherever this file itself was copied to.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** @param {string} from */
function checkout(from) {
  for (let dir = from; ; dir = path.dirname(dir)) {
    if (fs.existsSync(path.join(dir, 'openapi.yaml')) && fs.existsSync(path.join(dir, 'Makefile'))) return dir;
    if (dir === path.dirname(dir)) throw new Error(`no checkout above ${from}`);
  }
}

export const root = checkout(path.dirname(fileURLToPath(import.meta.url)));
export const build = path.resolve(root, process.env['B'] || 'build');
