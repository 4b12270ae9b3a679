// sink.mjs - an SMTP server on a free port that keeps every mail, and misbehaves when told to.
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { SMTPServer } from 'smtp-server';
import { simpleParser } from 'mailparser';

/**
 * A mail as it arrived. `links` are the URLs of the text part, `htmlLinks` the href of the HTML part.
 * @typedef {{ n: number, at: number, from: string, to: string, subject: string, messageId: string, text: string, html: string,
 *   links: string[], htmlLinks: string[], headers: Record<string, string>, raw: string }} Mail
 * What to do wrong, the next `times` times (default: always): refuse at a command with `code`, wait `delay_ms`
 * before the answer, or with `drop` cut the link, after the final dot, before or after the mail was kept.
 * @typedef {{ at?: 'connect' | 'mail' | 'rcpt' | 'data', code?: number, text?: string, delay_ms?: number,
 *   drop?: 'lose' | 'keep', to?: string, times?: number }} Fault
 */

export class Sink {
  /** @type {Mail[]} */ mails = [];
  /** @type {Fault[]} */ faults = [];
  /** @type {Set<() => void>} */ #waiting = new Set();
  /** @type {Set<net.Socket>} */ #sockets = new Set();
  /** @type {net.Server | undefined} */ #listener;
  /** @type {http.Server | undefined} */ #control;
  port = 0;
  connections = 0;

  get url() {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** Listen; after stop() again on the same port. */
  async start() {
    this.#listener = net.createServer((socket) => this.#connection(socket));
    this.#listener.listen(this.port, '127.0.0.1');
    await once(this.#listener, 'listening');
    this.port = /** @type {net.AddressInfo} */ (this.#listener.address()).port;
    return this;
  }

  /** Refuse connections and cut those that are there. */
  async stop() {
    if (!this.#listener) return;
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    this.#listener = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Everything of it, the control port too. */
  async close() {
    await this.stop();
    this.#control?.closeAllConnections();
    this.#control?.close();
  }

  /** @param {Fault['at'] | 'drop'} at @param {string} [to] */
  #fault(at, to) {
    const i = this.faults.findIndex(
      (f) => (f.drop ? 'drop' : (f.at ?? 'rcpt')) === at && (!f.to || !to || f.to === to),
    );
    const fault = this.faults[i];
    if (fault?.times !== undefined && --fault.times <= 0) this.faults.splice(i, 1);
    return fault;
  }

  /** @param {Fault['at']} at @param {(error?: Error | null) => void} next @param {string} [to] */
  #answer(at, next, to) {
    const fault = this.#fault(at, to);
    const error = fault?.code ? Object.assign(new Error(fault.text ?? 'told to'), { responseCode: fault.code }) : null;
    if (fault?.delay_ms) setTimeout(() => next(error), fault.delay_ms);
    else next(error);
  }

  /** @param {net.Socket} socket */
  #connection(socket) {
    this.connections++;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['AUTH', 'STARTTLS'],
      disableReverseLookup: true,
      hideSTARTTLS: true,
      logger: false,
      onConnect: (_session, next) => this.#answer('connect', next),
      onMailFrom: (_address, _session, next) => this.#answer('mail', next),
      onRcptTo: (address, _session, next) => this.#answer('rcpt', next, address.address.toLowerCase()),
      onData: (stream, session, next) => {
        /** @type {Buffer[]} */
        const parts = [];
        stream.on('data', (/** @type {Buffer} */ part) => parts.push(part));
        stream.on('end', () => this.#mail(Buffer.concat(parts), session, socket, next));
      },
    });
    server.on('error', () => {});
    /** @type {any} */ (server).connect(socket, {});
  }

  /**
   * @param {Buffer} raw @param {import('smtp-server').SMTPServerSession} session @param {net.Socket} socket
   * @param {(error?: Error | null) => void} next
   */
  async #mail(raw, session, socket, next) {
    const to = session.envelope.rcptTo[0]?.address.toLowerCase() ?? '';
    const drop = this.#fault('drop', to);
    if (drop?.drop === 'lose') return void socket.destroy();
    this.#answer(
      'data',
      async (error) => {
        if (error) return next(error);
        const mail = await this.#keep(raw, session, to);
        if (drop) socket.destroy();
        else next();
        this.mails.push(mail);
        for (const wake of [...this.#waiting]) wake();
      },
      to,
    );
  }

  /** @param {Buffer} raw @param {import('smtp-server').SMTPServerSession} session @param {string} to @returns {Promise<Mail>} */
  async #keep(raw, session, to) {
    const parsed = await simpleParser(raw, { skipTextLinks: true, skipTextToHtml: true });
    const text = parsed.text ?? '';
    const html = typeof parsed.html === 'string' ? parsed.html : '';
    const from = session.envelope.mailFrom;
    return {
      n: this.mails.length + 1,
      at: Date.now(),
      from: from ? from.address : '',
      to,
      subject: parsed.subject ?? '',
      messageId: parsed.messageId ?? '',
      text,
      html,
      links: [...text.matchAll(/https?:\/\/[^\s<>"]+/g)].map((m) => m[0]),
      htmlLinks: [...html.matchAll(/href="([^"]+)"/g)].map((m) => (m[1] ?? '').replaceAll('&amp;', '&')),
      headers: Object.fromEntries(parsed.headerLines.map((h) => [h.key, h.line.slice(h.line.indexOf(':') + 1).trim()])),
      raw: raw.toString('latin1'),
    };
  }

  /** The mails to an address (any: ''), after the n-th. @param {string} [to] @param {number} [after] */
  to(to = '', after = 0) {
    return this.mails.filter((mail) => mail.n > after && (!to || mail.to === to.toLowerCase()));
  }

  /** Wait until there are `count` mails to an address after the n-th. @param {string} to @param {number} count @param {number} after @param {number} ms */
  async wait(to, count, after, ms) {
    const end = Date.now() + ms;
    while (this.to(to, after).length < count && Date.now() < end)
      await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, Math.max(1, end - Date.now()));
        this.#waiting.add(wake);
      });
    return this.to(to, after);
  }

  /** Serve SinkClient of other processes; gives the address. */
  async control() {
    this.#control = http.createServer(async (request, response) => {
      const url = new URL(request.url ?? '/', 'http://sink');
      /** @type {Buffer[]} */
      const parts = [];
      for await (const part of request) parts.push(part);
      const body = parts.length ? JSON.parse(Buffer.concat(parts).toString()) : null;
      const q = (/** @type {string} */ name) => Number(url.searchParams.get(name) ?? 0);
      /** @type {Record<string, () => unknown>} */
      const does = {
        '/mails': () => this.wait(url.searchParams.get('to') ?? '', q('count'), q('after'), q('ms')),
        '/faults': () => {
          this.faults = body;
        },
        '/mark': () => this.mails.length,
        '/connections': () => this.connections,
        '/stop': () => this.stop(),
        '/start': () => this.start().then(() => null),
      };
      const result = await does[url.pathname]?.();
      response.setHeader('content-type', 'application/json').end(JSON.stringify(result ?? null));
    });
    this.#control.listen(0, '127.0.0.1');
    await once(this.#control, 'listening');
    return `http://127.0.0.1:${/** @type {net.AddressInfo} */ (this.#control.address()).port}`;
  }
}

/** The same from another process, by the address that control() gave. */
export class SinkClient {
  /** @param {string} url */
  constructor(url) {
    this.url = url;
  }

  /** @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  async #ask(path, body) {
    const response = await fetch(
      `${this.url}${path}`,
      body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) },
    );
    return response.json();
  }

  /** How many mails there are by now: an `after` for later. @returns {Promise<number>} */
  mark() {
    return this.#ask('/mark');
  }
  /** @returns {Promise<number>} */
  connections() {
    return this.#ask('/connections');
  }
  /** @param {...Fault} faults */
  async misbehave(...faults) {
    await this.#ask('/faults', faults);
  }
  async stop() {
    await this.#ask('/stop');
  }
  async start() {
    await this.#ask('/start');
  }

  /** At least `count` mails to the address, within the time, else an error. @param {string} to @param {{ count?: number, after?: number, ms?: number }} [how] @returns {Promise<Mail[]>} */
  async mails(to, { count = 1, after = 0, ms = 20_000 } = {}) {
    const mails = await this.#ask(`/mails?to=${encodeURIComponent(to)}&count=${count}&after=${after}&ms=${ms}`);
    if (mails.length < count)
      throw new Error(`${mails.length} of ${count} mails to ${to || 'anybody'} came within ${ms} ms`);
    return mails;
  }

  /** What is there now. @param {string} [to] @param {number} [after] @returns {Promise<Mail[]>} */
  now(to = '', after = 0) {
    return this.mails(to, { count: 0, after, ms: 0 });
  }
}
