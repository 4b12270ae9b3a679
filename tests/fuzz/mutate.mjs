// mutate.mjs - values that fit a schema, and what somebody who means harm makes of them.
/** @typedef {import('./random.mjs').Random} Random @typedef {any} Json */

const ID = /^\^\(?([a-z]{3})_/;
/** What ids begin with, by the names that they have in paths and queries. */
const PREFIXES = { client_id: 'cli', contact_id: 'con', document_id: 'doc', folder_id: 'fol', invitation_id: 'inv', parent_id: 'fol', primary_contact_id: 'con', role_id: 'rol', session_id: 'ses', share_id: 'shr', staff_id: 'stf' }; // prettier-ignore
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

/** What many copies of a value may come to. */
const COPIES_BYTES = 200_000;

/** Texts that have hurt somebody before. */
export const TEXTS = [
  '', ' ', '\t', '0', '-1', 'null', 'true', '[]', '{}', '.', '..', '../../etc/passwd', 'CON', 'a/b', 'a\\b', '%00', '%n%s%n', '$1', ':firm',
  "'; drop table client; --", '" or 1=1 --', '\\', "\\'", '\u0000', 'a\u0000b', '\u0001\u001f', '\u007f', '\u0085', '\u2028', '\ufeff', '\u200b',
  '\u202egpj.exe', '\u0130\u0131', 'K@x.test', 'ﬀ', 'é', 'e\u0301', '\u{1f600}', '\u{10ffff}', '\ud800', '\udfff', 'ſ@ß.test', 'a@b', 'a@b.test',
  'A@B.TEST', '"a b"@c.test', 'a@[127.0.0.1]', 'a@xn--a.test', 'ü@ü.test', 'a@b.test\r\nBcc: c@d.test', 'a;b@c.test;;d@e.test', '<script>', '&lt;',
  '{{7*7}}', '${7*7}', '2026-02-30T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00+14:00', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z',
  '0000-00-00', '1e400', '9007199254740993', '__proto__', 'constructor', 'x'.repeat(63), 'x'.repeat(64), 'x'.repeat(200), 'x'.repeat(201), 'x'.repeat(256),
  'é'.repeat(128), '\u{1f600}'.repeat(1000), 'x'.repeat(70000), '\u0301'.repeat(2000), 'a'.repeat(64) + '@' + 'b'.repeat(63) + '.test',
]; // prettier-ignore

/** Values of every kind that JSON has. */
const VALUES = [
  null, true, false, 0, -0, -1, 1, 1.5, 1e21, -1e21, 2 ** 53, 2 ** 53 + 2, -(2 ** 63), 1e308, [], {}, [[]], [null], { a: null }, [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]],
]; // prettier-ignore

/** An id of this kind that nobody has. @param {Random} r @param {string} prefix */
export const strangeId = (r, prefix) => `${prefix}_${r.below(8)}${r.word(25, DIGITS)}`;

/** Ids that were seen, by prefix: some are of things that are gone by now. */
export class Ids {
  /** @type {Map<string, string[]>} */ #of = new Map();

  /** @param {string} text @param {Random} r */
  harvest(text, r) {
    for (const [id, prefix] of text.matchAll(/\b([a-z]{3})_[0-7][0-9a-hjkmnp-tv-z]{25}\b/g)) {
      const known = this.#of.get(prefix ?? '') ?? [];
      if (known.includes(id)) continue;
      if (known.length < 40) known.push(id);
      else known[r.below(known.length)] = id;
      this.#of.set(prefix ?? '', known);
    }
  }

  /** @param {Random} r @param {string} prefix */
  pick(r, prefix) {
    const known = this.#of.get(prefix);
    return known?.length && !r.chance(4) ? r.pick(known) : strangeId(r, prefix);
  }
}

/** What a maker of values knows: chance, the ids there are, and how to follow a `$ref`. */
export class Maker {
  /** @param {Random} r @param {Ids} ids @param {(thing: Json) => Json} deref */
  constructor(r, ids, deref) {
    this.r = r;
    this.ids = ids;
    this.deref = deref;
  }

  /** A value that fits the schema of the member `name`. @param {Json} schema @param {string} [name] @returns {Json} */
  value(schema, name = '') {
    const { r } = this;
    const s = this.deref(schema);
    const any = s.anyOf ?? s.oneOf;
    if (any) return this.value(r.pick(any), name);
    if (s.enum) return r.pick(s.enum);
    if (s.const !== undefined) return s.const;
    const type = Array.isArray(s.type) ? r.pick(s.type) : s.type;
    if (type === 'object') return this.object(s);
    if (type === 'array')
      return Array.from({ length: Math.max(s.minItems ?? 0, r.below(4)) }, () => this.value(s.items, name));
    if (type === 'integer' || type === 'number') return (s.minimum ?? 0) + r.below(100);
    if (type === 'boolean') return r.chance(50);
    return type === 'null' ? null : this.text(s, name);
  }

  /** @param {Json} s */
  object(s) {
    /** @type {Record<string, Json>} */
    const made = {};
    for (const [name, sub] of Object.entries(s.properties ?? {}))
      if ((s.required ?? []).includes(name) || this.r.chance(40)) made[name] = this.value(sub, name);
    if (typeof s.additionalProperties === 'object')
      for (let n = this.r.below(4); n > 0; n--) made[`field_${n}`] = this.value(s.additionalProperties);
    return made;
  }

  /** @param {Json} s @param {string} name */
  text(s, name) {
    const { r } = this;
    const prefix = PREFIXES[/** @type {keyof PREFIXES} */ (name)] ?? ID.exec(s.pattern ?? '')?.[1];
    if (prefix) return this.ids.pick(r, prefix);
    if (name === 'item_id') return this.ids.pick(r, r.pick(['fol', 'doc']));
    if (s.format === 'idn-email' || name === 'emails') return `${r.word(6)}@${r.word(4)}.test`;
    if (s.format === 'date-time')
      return new Date(Date.UTC(2020 + r.below(9), r.below(12), 1 + r.below(28))).toISOString();
    if (/password/.test(name)) return r.pick(['seven wet herons wade home', 'four dry owls walk away', 'weak']);
    if (name === 'timezone') return r.pick(['Europe/Berlin', 'UTC', 'No/Where']);
    const words = `${r.word(3 + r.below(8))} ${r.chance(20) ? r.pick(TEXTS) : r.word(4)}`.trim();
    return words.slice(0, s.maxLength ?? 200) || 'x';
  }

  /** Something else in the place of a value. @param {Json} value @returns {Json} */
  spoilt(value) {
    const { r } = this;
    const kind = r.below(10);
    if (kind < 4) return r.pick(TEXTS);
    if (kind < 6) return structuredClone(r.pick(VALUES));
    if (kind < 7) return strangeId(r, r.pick(['cli', 'con', 'fol', 'doc', 'shr', 'inv', 'stf', 'zzz']));
    if (kind < 8)
      return Array.from(
        { length: Math.min(r.below(2000), COPIES_BYTES / (JSON.stringify(value)?.length ?? 1)) },
        () => value,
      );
    if (kind < 9) return { [r.pick(TEXTS)]: value };
    return typeof value === 'string' ? value + r.pick(TEXTS) : String(value);
  }

  /** Spoil one place somewhere in the value. @param {Json} value @returns {Json} */
  mutate(value) {
    const { r } = this;
    if (value === null || typeof value !== 'object' || r.chance(15)) return this.spoilt(value);
    const names = Object.keys(value);
    if (Array.isArray(value)) {
      if (names.length) value[r.below(names.length)] = this.mutate(value[r.below(names.length)]);
      else value.push(this.spoilt('x'));
      return value;
    }
    const name = r.pick(names.length ? names : ['name']);
    const kind = r.below(10);
    if (kind < 2) delete value[name];
    else if (kind < 4) value[r.chance(50) ? r.pick(TEXTS) : `${name}${r.pick(['s', '_', ' '])}`] = value[name] ?? 1;
    else value[name] = this.mutate(value[name]);
    return value;
  }

  /** The text of a body, spoilt in its bytes. @param {Buffer} body @returns {Buffer} */
  bytes(body) {
    const { r } = this;
    const at = r.below(body.length + 1);
    const cut = Math.min(body.length, at + r.below(8));
    const piece = r.pick([
      () => Buffer.alloc(0),
      () => r.bytes(1 + r.below(4)),
      () =>
        Buffer.from(
          r.pick([
            '"',
            '}',
            ']',
            ',',
            '\\',
            '\\u0000',
            '\\ud800',
            '\ufeff',
            '\n',
            '//',
            '1e999',
            '0123',
            '-',
            'NaN',
            '"a":1,"a":1',
          ]),
        ),
      () => Buffer.from('[{"a":'.repeat(1 + r.below(3000))),
      () => Buffer.from([0xc0, 0x80]),
      () => Buffer.from([0xed, 0xa0, 0x80]),
      () => body.subarray(0, r.below(body.length + 1)),
    ])();
    return Buffer.concat([body.subarray(0, at), piece, body.subarray(cut)]);
  }

  /** A part of an address, or of a query, spoilt: still printable ASCII nearly always. @param {string} text */
  address(text) {
    const { r } = this;
    const at = r.below(text.length + 1);
    const piece = r.pick([
      () => `%${r.word(2, '0123456789abcdefABCDEFxyz')}`,
      () => encodeURIComponent(r.pick(TEXTS.filter((t) => t.length < 300 && !/[\ud800-\udfff]/.test(t)))),
      () =>
        r.pick([
          '/',
          '//',
          '/..',
          '/.',
          '%2f',
          '%2e%2e',
          ';',
          '?',
          '&',
          '=',
          '+',
          '%',
          '%00',
          '%ff',
          '%c0%80',
          '~',
          '"',
          '<',
          '>',
          '|',
          '{',
          '#',
          '*',
        ]),
      () => r.word(1 + r.below(30), DIGITS),
      () => 'x'.repeat(r.below(2100)),
      () => text,
    ])();
    return text.slice(0, at) + piece + text.slice(Math.min(text.length, at + r.below(4)));
  }
}
