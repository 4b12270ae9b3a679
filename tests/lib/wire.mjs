// wire.mjs - one HTTP/1.1 exchange exactly as told: any header, any source address, no redirects, no cookies of its own.
import http from 'node:http';

/**
 * @typedef {{ method?: string, headers?: Record<string, string | string[]>, body?: string | Uint8Array | undefined,
 *   from?: string | undefined, timeout_ms?: number, socket?: string | undefined }} Sent
 * @typedef {{ method: string, url: URL, status: number, headers: Headers, body: Buffer }} Answer
 */

/**
 * Send it and read the whole answer. `from` is the loopback address to come from; `socket` the API's own, past the edge.
 * @param {string | URL} url
 * @param {Sent} [sent]
 * @returns {Promise<Answer>}
 */
export function wire(url, sent = {}) {
  const target = new URL(url);
  const method = sent.method ?? 'GET';
  const body = sent.body === undefined ? null : Buffer.from(sent.body);
  /** @type {Record<string, string | string[]>} */
  const headers = { ...sent.headers };
  const known = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  if (
    (body || ['POST', 'PUT', 'PATCH'].includes(method)) &&
    !known.has('content-length') &&
    !known.has('transfer-encoding')
  )
    headers['Content-Length'] = String(body?.length ?? 0);
  return new Promise((resolve, reject) => {
    const request = http.request(
      target,
      {
        method,
        headers,
        agent: false,
        setHost: !known.has('host'),
        ...(sent.from ? { localAddress: sent.from } : {}),
        ...(sent.socket ? { socketPath: sent.socket } : {}),
        timeout: sent.timeout_ms ?? 30_000,
      },
      (response) => {
        /** @type {Buffer[]} */
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const got = new Headers();
          for (let i = 0; i + 1 < response.rawHeaders.length; i += 2)
            got.append(
              /** @type {string} */ (response.rawHeaders[i]),
              /** @type {string} */ (response.rawHeaders[i + 1]),
            );
          resolve({ method, url: target, status: response.statusCode ?? 0, headers: got, body: Buffer.concat(parts) });
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error(`${method} ${target.pathname}: no answer in time`)));
    request.on('error', reject);
    request.end(body ?? undefined);
  });
}

/** The exchange as the platform's Response, for clients that expect one. @param {Answer} answer */
export function asResponse(answer) {
  const empty = answer.method === 'HEAD' || [204, 205, 304].includes(answer.status);
  return new Response(empty ? null : new Uint8Array(answer.body), { status: answer.status, headers: answer.headers });
}

let last = 1;
/** A loopback address of one's own, so that limits per address do not mix tests up. */
export function ownAddress() {
  const n = ((process.pid * 64 + last++) % 0xfffe) + 1;
  return `127.77.${n >> 8}.${n & 255}`;
}
