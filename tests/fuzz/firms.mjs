// firms.mjs - two firms with people who have a session, and what each of them can name.
import { wire, ownAddress } from '../lib/wire.mjs';

const PASSWORD = 'seven wet herons wade home';

/** @typedef {{ kind: string, token: string, firm: string }} Caller */

export class Firms {
  /** @type {Record<string, Caller>} */ callers = {};
  #count = 0;
  /** What the owners' passwords are stored as. @type {Record<string, string>} */ #hashes = {};

  /** @param {import('../lib/stack.mjs').Stack} stack @param {import('../lib/sink.mjs').Sink} sink */
  constructor(stack, sink) {
    this.stack = stack;
    this.sink = sink;
  }

  /** @param {string} path @param {{ method?: string, token?: string, json?: unknown }} how @returns {Promise<any>} */
  async ok(path, { method = 'POST', token, json }) {
    const got = await wire(this.stack.url + path, {
      method,
      from: ownAddress(),
      headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: json === undefined ? undefined : JSON.stringify(json),
    });
    const text = got.body.toString();
    if (got.status >= 300) throw new Error(`${method} ${path}: ${got.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** The token of the newest invitation mail to the address. @param {string} email */
  async mailed(email) {
    for (let turn = 0; turn < 200; turn++) {
      const mail = this.sink.mails.findLast((m) => m.to === email);
      const link = mail?.links.find((l) => l.includes('/accept#'));
      if (link) return link.split('#')[1];
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`no mail to ${email}`);
  }

  /** A firm, its owner, and a portal user of it; each of its texts holds the slug. @param {string} slug */
  async found(slug) {
    const email = `owner@${slug}.test`;
    await this.stack.ctl(
      'firm',
      'create',
      '--slug',
      slug,
      '--name',
      slug,
      '--owner-email',
      email,
      '--owner-name',
      `Olive ${slug}`,
      '--timezone',
      'UTC',
      '--currency',
      'EUR',
    );
    const token = await this.mailed(email);
    const got = await this.ok('/v1/invitations/accept', { json: { token, password: PASSWORD, transport: 'token' } });
    this.callers[`staff ${slug}`] = { kind: 'staff', token: got.access_token, firm: slug };
    const [row] = await this.stack.sql('select password_hash from identity where email_key = $1', [email]);
    this.#hashes[slug] = row.password_hash;
    await this.admit(slug);
  }

  /** A new portal user of the firm, for the one before may be locked out. @param {string} slug */
  async admit(slug) {
    const { token = '' } = this.callers[`staff ${slug}`] ?? {};
    const email = `ann${this.#count++}@${slug}.test`;
    const client = await this.ok('/v1/clients', { token, json: { entity: 'business', name: `${slug} client` } });
    const contact = await this.ok('/v1/contacts', {
      token,
      json: { entity: 'individual', display_name: `${slug} Ann`, primary_email: email },
    });
    await this.ok(`/v1/clients/${client.id}/contacts/${contact.id}`, {
      method: 'PUT',
      token,
      json: { is_primary: true },
    });
    await this.ok(`/v1/contacts/${contact.id}/portal_access`, { method: 'PUT', token, json: { send: 'now' } });
    const got = await this.ok('/v1/invitations/accept', {
      json: { token: await this.mailed(email), password: PASSWORD, transport: 'token' },
    });
    this.callers[`portal ${slug}`] = { kind: 'portal', token: got.access_token, firm: slug };
  }

  /** Sign the owner in anew, who may have another password by now, or too many wrong ones. @param {string} slug */
  async again(slug) {
    await this.stack.sql('update identity set password_hash = $2 where email_key = $1', [
      `owner@${slug}.test`,
      this.#hashes[slug],
    ]);
    await this.stack.sql('delete from sign_in_attempt');
    const got = await this.ok('/v1/auth/login', {
      json: { firm: slug, audience: 'staff', email: `owner@${slug}.test`, password: PASSWORD, transport: 'token' },
    });
    this.callers[`staff ${slug}`] = { kind: 'staff', token: got.access_token, firm: slug };
  }
}
