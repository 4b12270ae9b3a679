// recorder.mjs - holds every answer of the server against openapi.yaml, and remembers which (operation, status) was seen.
import fs from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { build } from './root.mjs';
import { asResponse, wire } from './wire.mjs';

/** @typedef {any} Json */
/** @typedef {{ id: string, method: string, path: string, spec: Json }} Operation */
/** @typedef {import('./wire.mjs').Answer} Answer */

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'];
const FORMS = [
  [/_at$/, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/],
  [/_on$/, /^\d{4}-\d\d-\d\d$/],
  [/(^|_)id$/, /^([a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}|req_[A-Za-z0-9_-]+)$/],
];

/** An answer that the contract does not allow. */
export class Breach extends Error {}

export class Contract {
  /** @param {string} [file] */
  constructor(file = path.join(build, 'openapi.json')) {
    this.document = JSON.parse(fs.readFileSync(file, 'utf8'));
    /** @type {Operation[]} */
    this.operations = [];
    for (const [template, item] of Object.entries(this.document.paths))
      for (const method of METHODS)
        if (item[method])
          this.operations.push({
            id: item[method].operationId,
            method: method.toUpperCase(),
            path: template,
            spec: item[method],
          });
    this.matchers = this.operations.map((operation) => ({
      operation,
      fixed: !operation.path.includes('{'),
      pattern: new RegExp(`^${operation.path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
    }));
    const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true, validateFormats: true });
    /** @type {any} */ (formats)(ajv);
    for (const name of ['int64', 'binary']) ajv.addFormat(name, true);
    ajv.addFormat('idn-email', /^[^@\s]+@[^@\s]+\.[^@\s]+$/);
    const schemas = structuredClone(this.document.components.schemas);
    close(schemas);
    ajv.addVocabulary(['components']);
    ajv.addSchema({ $id: 'https://contract.test/', components: { schemas } });
    this.ajv = ajv;
    /** @type {Map<string, import('ajv').ValidateFunction>} */
    this.compiled = new Map();
    this.seen = new Set();
  }

  /** The operation that the call is, or undefined. @param {string} method @param {string} pathname */
  find(method, pathname) {
    const fits = this.matchers.filter((m) => m.operation.method === method && m.pattern.test(pathname));
    return (fits.find((m) => m.fixed) ?? fits[0])?.operation;
  }

  /** What `#/…` points at, else the thing itself. @param {Json} thing @returns {Json} */
  deref(thing) {
    if (!thing?.$ref) return thing;
    const found = thing.$ref
      .slice(2)
      .split('/')
      .reduce((/** @type {Json} */ at, /** @type {string} */ key) => at?.[key], this.document);
    if (!found) throw new Error(`dangling ${thing.$ref}`);
    return found;
  }

  /** The problem codes documented for a status of an operation. @param {Operation} operation @param {number} status */
  codes(operation, status) {
    const common = this.deref(operation.spec.responses[status])?.['x-codes'] ?? [];
    return new Set([...common, ...(operation.spec['x-errors']?.[status] ?? [])]);
  }

  /** @param {Json} schema @param {Json} value @returns {string | null} */
  mismatch(schema, value) {
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"https://contract.test/#/components/');
    const check = this.compiled.get(text) ?? this.ajv.compile(JSON.parse(text));
    this.compiled.set(text, check);
    return check(value) ? null : this.ajv.errorsText(check.errors, { separator: '; ' });
  }

  /** Refuse an answer that the contract does not allow. @param {Answer} answer */
  check(answer) {
    const { method, url, status } = answer;
    const name = `${method} ${url.pathname}`;
    const operation = this.find(method, url.pathname);
    const fail = (/** @type {string} */ why) => {
      throw new Breach(`${name} answered ${status}: ${why}\n${answer.body.subarray(0, 800).toString()}`);
    };
    const json = bodyOf(answer, fail);
    this.#limits(answer, fail);
    if (json !== undefined) forms(json, '', fail);
    if (!operation) {
      if (method === 'OPTIONS' && status === 204) return;
      if (method === 'HEAD' && this.find('GET', url.pathname)) return;
      if (!url.pathname.startsWith('/v1')) return;
      if (status === 405 && !answer.headers.get('allow')) fail('no Allow');
      if (status < 400) fail('this call is not documented');
      this.#problem(answer, json, undefined, fail);
      return;
    }
    const response = this.deref(operation.spec.responses[status]);
    if (!response) return fail('this status is not documented');
    this.#headers(answer, response, fail);
    if (method !== 'HEAD') this.#content(answer, json, response, fail);
    if (status >= 400 && method !== 'HEAD') this.#problem(answer, json, this.codes(operation, status), fail);
    this.#remember(operation.id, status, json?.code);
  }

  /** What any answer tells of the rate limit is well-formed, and of one limit. @param {Answer} answer @param {(why: string) => void} fail */
  #limits(answer, fail) {
    const { RateLimit, RateLimitPolicy, RetryAfter } = this.document.components.headers;
    const [now, policy, wait] = ['ratelimit', 'ratelimit-policy', 'retry-after'].map((name) => answer.headers.get(name));
    if (answer.status === 429 && !wait) fail('no Retry-After');
    if (wait && (this.mismatch(RetryAfter.schema, Number(wait)) || Number(wait) < 1)) fail(`Retry-After is ${wait}`);
    if (!now !== !policy) fail(`RateLimit is ${now}, and its policy ${policy}`);
    if (!now || !policy) return;
    if (this.mismatch(RateLimit.schema, now)) fail(`RateLimit is ${now}`);
    if (this.mismatch(RateLimitPolicy.schema, policy)) fail(`RateLimit-Policy is ${policy}`);
    const number = (/** @type {string} */ text, /** @type {string} */ name) => Number(text.split(`;${name}=`)[1]?.split(';')[0]);
    if (now.split(';')[0] !== policy.split(';')[0] || number(now, 'r') > number(policy, 'q') || number(now, 't') > number(policy, 'w'))
      fail(`RateLimit is ${now}, and its policy ${policy}`);
  }

  /** @param {Answer} answer @param {Json} response @param {(why: string) => void} fail */
  #headers(answer, response, fail) {
    for (const [name, ref] of Object.entries(response.headers ?? {})) {
      const header = this.deref(ref);
      const value = answer.headers.get(name);
      if (value === null) {
        if (header.required) fail(`header ${name} is missing`);
        continue;
      }
      const typed = header.schema.type === 'integer' ? Number(value) : value;
      const why = this.mismatch(header.schema, typed);
      if (why) fail(`header ${name}: ${why}`);
    }
    const cache = answer.headers.get('cache-control') ?? '';
    if (!answer.url.pathname.startsWith('/v1')) return;
    if (answer.url.pathname.endsWith('/content') && answer.status < 400) {
      if (!/private/.test(cache) || !/no-cache/.test(cache)) fail(`Cache-Control is ${cache}`);
    } else if (answer.url.pathname === '/v1/public/firm' && answer.status < 400) {
      if (cache !== 'public, max-age=60') fail(`Cache-Control is ${cache}`);
    } else if (!/no-store/.test(cache)) fail(`Cache-Control is ${cache}`);
  }

  /** @param {Answer} answer @param {Json} json @param {Json} response @param {(why: string) => void} fail */
  #content(answer, json, response, fail) {
    const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    if (!response.content) {
      if (answer.body.length) fail('a body where none is documented');
      return;
    }
    const media = response.content[type] ?? response.content['*/*'];
    if (!media) return fail(`media type ${type || '(none)'} is not documented`);
    if (media.schema?.format === 'binary' || type.startsWith('text/')) return;
    const why = this.mismatch(media.schema, json);
    if (why) fail(why);
  }

  /** @param {Answer} answer @param {Json} json @param {Set<string> | undefined} codes @param {(why: string) => void} fail */
  #problem(answer, json, codes, fail) {
    if (!(answer.headers.get('content-type') ?? '').startsWith('application/problem+json'))
      return fail('an error that is no problem+json');
    const why = this.mismatch({ $ref: '#/components/schemas/Problem' }, json);
    if (why) fail(why);
    if (json.status !== answer.status) fail(`the body says ${json.status}`);
    if (json.request_id !== answer.headers.get('x-request-id')) fail('request_id differs from the header');
    if (!this.document.components.schemas.KnownProblemCode.enum.includes(json.code)) fail(`unknown code ${json.code}`);
    if (codes && !codes.has(json.code)) fail(`code ${json.code} is not documented here (${[...codes].join(', ')})`);
    if (!json.type.endsWith(`/problems/${json.code}`)) fail(`type ${json.type}`);
  }

  /** @param {string} id @param {number} status @param {string | undefined} code */
  #remember(id, status, code) {
    const line = `${id} ${status}${status >= 400 && code ? ` ${code}` : ''}`;
    if (this.seen.has(line)) return;
    this.seen.add(line);
    const dir = path.join(build, 'coverage');
    fs.mkdirSync(dir, { recursive: true });
    fs.appendFileSync(path.join(dir, `${process.pid}.seen`), `${line}\n`);
  }
}

/** Forbid members that are not in the schema. @param {Json} schema */
function close(schema) {
  if (schema === null || typeof schema !== 'object') return;
  if (
    schema.properties &&
    !Array.isArray(schema.properties) &&
    typeof schema.properties === 'object' &&
    schema.type === 'object' &&
    schema.additionalProperties === undefined
  )
    schema.additionalProperties = false;
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'examples') delete schema[key];
    else close(value);
  }
}

/** @param {Answer} answer @param {(why: string) => void} fail @returns {Json} */
function bodyOf(answer, fail) {
  if (!/json/.test(answer.headers.get('content-type') ?? '') || answer.body.length === 0) return undefined;
  if (answer.url.pathname.endsWith('/content') && answer.status < 400) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(answer.body));
  } catch (error) {
    return fail(`the body is no JSON: ${error}`);
  }
}

/** One form for times, days and ids, everywhere. @param {Json} value @param {string} at @param {(why: string) => void} fail */
function forms(value, at, fail) {
  if (
    at.endsWith('/external_ref') ||
    at.endsWith('/custom_fields') ||
    at.startsWith('/components') ||
    at.startsWith('/paths')
  )
    return;
  if (Array.isArray(value)) value.forEach((item, i) => forms(item, `${at}/${i}`, fail));
  else if (value && typeof value === 'object')
    for (const [key, item] of Object.entries(value)) {
      for (const [name, form] of FORMS)
        if (
          /** @type {RegExp} */ (name).test(key) &&
          typeof item === 'string' &&
          !(/** @type {RegExp} */ (form).test(item))
        )
          fail(`${at}/${key} is ${item}`);
      if (key.endsWith('_minor') && item !== null && !Number.isSafeInteger(item)) fail(`${at}/${key} is ${item}`);
      forms(item, `${at}/${key}`, fail);
    }
}

/** The one contract of this process. */
export const contract = new Contract();

/**
 * Every GET of this process so far, each kind of it once. @type {Map<string, [string, import('./wire.mjs').Sent]>}
 */
export const reads = new Map();

/**
 * wire() whose answer has been held against the contract.
 * @param {string | URL} url
 * @param {import('./wire.mjs').Sent} [sent]
 */
export async function call(url, sent = {}) {
  const answer = await wire(url, sent);
  if ((sent.method ?? 'GET') === 'GET') reads.set(`${url} ${JSON.stringify(sent.headers ?? {})}`, [String(url), sent]);
  contract.check(answer);
  return answer;
}

/**
 * A `fetch` for generated clients: each answer is held against the contract.
 * @param {{ headers?: Record<string, string>, from?: string }} [with_]
 * @returns {(request: Request) => Promise<Response>}
 */
export function recordingFetch(with_ = {}) {
  return async (request) => {
    const body = request.body ? new Uint8Array(await request.arrayBuffer()) : undefined;
    const headers = { ...with_.headers, ...Object.fromEntries(request.headers) };
    return asResponse(await call(request.url, { method: request.method, headers, body, from: with_.from }));
  };
}
