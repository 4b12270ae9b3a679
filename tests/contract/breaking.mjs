// breaking.mjs - what an older openapi.yaml promised and a newer one takes back. Run with --release it keeps the present one as the
// contract of the last release: released.json, without the prose.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import YAML from 'yaml';
import { root } from '../lib/root.mjs';

/** @typedef {any} Json */

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'];
const PROSE = ['description', 'summary', 'example', 'examples', 'tags', 'info', 'servers'];
export const released = path.join(root, 'tests/contract/released.json');

/** A contract without its prose and our own extensions. @param {Json} at @param {boolean} [names] @returns {Json} */
export function shape(at, names = false) {
  if (Array.isArray(at)) return at.map((item) => shape(item));
  if (at === null || typeof at !== 'object') return at;
  const kept = Object.entries(at).filter(([key]) => names || !(PROSE.includes(key) || (key.startsWith('x-') && key !== 'x-errors')));
  return Object.fromEntries(kept.map(([key, value]) => [key, shape(value, key === 'properties')]));
}

class Comparison {
  /** @param {Json} before @param {Json} after */
  constructor(before, after) {
    this.before = before;
    this.after = after;
    /** @type {Set<string>} */
    this.found = new Set();
    this.compared = new Set();
  }

  /** @param {Json} document @param {Json} thing @returns {Json} */
  deref(document, thing) {
    if (!thing?.$ref) return thing;
    const steps = thing.$ref.slice(2).split('/');
    return this.deref(document, steps.reduce((/** @type {Json} */ at, /** @type {string} */ key) => at?.[key], document));
  }

  /**
   * The same place in both. `sent` by the caller, or answered by the server.
   * @param {Json} was @param {Json} is @param {string} at @param {boolean} sent
   */
  schema(was, is, at, sent) {
    if (was?.$ref && was.$ref === is?.$ref) {
      at = was.$ref.split('/').pop();
      const once = `${at} ${sent}`;
      if (this.compared.has(once)) return;
      this.compared.add(once);
    }
    const [a, b] = [this.deref(this.before, was) ?? {}, this.deref(this.after, is) ?? {}];
    this.type(a, b, at, sent);
    this.values(a, b, at, sent);
    this.members(a, b, at, sent);
    if (a.items && b.items) this.schema(a.items, b.items, `${at}/*`, sent);
    if (a.anyOf?.[0] && b.anyOf?.[0]) this.schema(a.anyOf[0], b.anyOf[0], at, sent);
    if (a.additionalProperties?.type && b.additionalProperties?.type)
      this.schema(a.additionalProperties, b.additionalProperties, `${at}/*`, sent);
  }

  /**
   * A caller may go on sending what it sent, and gets nothing it has not had.
   * @param {Json} a @param {Json} b @param {string} at @param {boolean} sent
   */
  type(a, b, at, sent) {
    const types = (/** @type {Json} */ s) => (s.anyOf ? ['object', 'null'] : [s.type].flat().filter(Boolean));
    const [had, has] = [types(a), types(b)];
    const lost = sent ? had.filter((t) => !has.includes(t)) : has.filter((t) => !had.includes(t));
    if (lost.length || (had.length > 0) !== (has.length > 0) || a.format !== b.format)
      this.found.add(`type of ${at}`);
  }

  /** @param {Json} a @param {Json} b @param {string} at @param {boolean} sent */
  values(a, b, at, sent) {
    if (a.enum) for (const value of a.enum) if (b.enum && !b.enum.includes(value)) this.found.add(`value ${value} of ${at}`);
    if (sent && b.enum && !a.enum) this.found.add(`type of ${at}`);
    if (!sent && a.enum && !b.enum) this.found.add(`type of ${at}`);
  }

  /** @param {Json} a @param {Json} b @param {string} at @param {boolean} sent */
  members(a, b, at, sent) {
    for (const [name, schema] of Object.entries(a.properties ?? {}))
      if (b.properties?.[name]) this.schema(schema, b.properties[name], `${at}/${name}`, sent);
      else this.found.add(`member ${at}/${name}`);
    if (sent)
      for (const name of b.required ?? [])
        if (!a.required?.includes(name)) this.found.add(`may lack ${at}/${name}`);
    if (!sent)
      for (const name of a.required ?? [])
        if (b.properties?.[name] && !b.required?.includes(name)) this.found.add(`always there: ${at}/${name}`);
  }

  /** @param {Json} a @param {Json} b @param {string} call */
  parameters(a, b, call) {
    const list = (/** @type {Json} */ document, /** @type {Json} */ op) =>
      (op.parameters ?? []).map((/** @type {Json} */ p) => this.deref(document, p));
    const [had, has] = [list(this.before, a), list(this.after, b)];
    const same = (/** @type {Json} */ p) => (/** @type {Json} */ q) => p.name === q.name && p.in === q.in;
    for (const p of had) {
      const now = has.find(same(p));
      if (!now) this.found.add(`parameter ${p.name} of ${call}`);
      else this.schema(p.schema, now.schema, `${call} ${p.name}`, true);
    }
    for (const p of has)
      if (p.required && !had.find(same(p))?.required) this.found.add(`may lack ${call} ${p.name}`);
  }

  /** @param {Json} a @param {Json} b @param {string} at @param {boolean} sent */
  content(a, b, at, sent) {
    for (const [type, media] of Object.entries(a?.content ?? {}))
      if (b?.content?.[type]) this.schema(media.schema, b.content[type].schema, at, sent);
      else this.found.add(`media type ${type} of ${at}`);
  }

  /** @param {Json} a @param {Json} b @param {string} call */
  operation(a, b, call) {
    this.parameters(a, b, call);
    const [had, has] = [this.deref(this.before, a.requestBody), this.deref(this.after, b.requestBody)];
    this.content(had, has, `${call} body`, true);
    if (has?.required && !had?.required) this.found.add(`may lack ${call} body`);
    for (const [status, response] of Object.entries(a.responses)) {
      const now = b.responses[status];
      if (!now) this.found.add(`status ${status} of ${call}`);
      else {
        const [was, is] = [this.deref(this.before, response), this.deref(this.after, now)];
        this.content(was, is, `${call} ${status}`, false);
        for (const name of Object.keys(was.headers ?? {}))
          if (!is.headers?.[name]) this.found.add(`header ${name} of ${call} ${status}`);
      }
    }
    for (const [status, codes] of Object.entries(a['x-errors'] ?? {}))
      for (const code of codes)
        if (!b['x-errors']?.[status]?.includes(code)) this.found.add(`code ${code} of ${call} ${status}`);
  }
}

/**
 * What `after` takes back of `before`, a line each: "call GET /v1/x", "status 204 of PUT /v1/x", "member Client/code",
 * "value later of AccessIn/send", "may lack ClientIn/name", "type of Client/code".
 * @param {Json} before @param {Json} after @returns {string[]}
 */
export function breaks(before, after) {
  const comparison = new Comparison(before, after);
  for (const [template, item] of Object.entries(before.paths))
    for (const method of METHODS.filter((m) => item[m])) {
      const call = `${method.toUpperCase()} ${template}`;
      const now = after.paths[template]?.[method];
      if (now) comparison.operation(item[method], now, call);
      else comparison.found.add(`call ${call}`);
    }
  return [...comparison.found].sort();
}

/**
 * The breaks that the changelog does not own up to: it names each, as printed, in backticks on a line that begins "- Breaking:".
 * @param {string[]} found @param {string} changelog
 */
export function unnamed(found, changelog) {
  const owned = changelog.split(/\n(?=- |#)/).filter((entry) => entry.startsWith('- Breaking:'));
  const flat = owned.map((entry) => entry.replace(/\s+/g, ' '));
  return found.filter((one) => !flat.some((entry) => entry.includes(`\`${one}\``)));
}

/** One line a path and a schema, so that a release's diff can be read. @param {Json} document */
export function printed(document) {
  const { paths, components } = shape(document);
  const block = (/** @type {Json} */ things) =>
    Object.entries(things)
      .map(([name, thing]) => `${JSON.stringify(name)}: ${JSON.stringify(thing)}`)
      .join(',\n');
  const parts = Object.entries(components).map(([name, things]) => `${JSON.stringify(name)}: {\n${block(things)}\n}`);
  return `{ "paths": {\n${block(paths)}\n},\n"components": {\n${parts.join(',\n')}\n} }\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url) && process.argv[2] === '--release')
  fs.writeFileSync(released, printed(YAML.parse(fs.readFileSync(path.join(root, 'openapi.yaml'), 'utf8'))));
