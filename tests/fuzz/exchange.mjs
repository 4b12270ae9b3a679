// exchange.mjs - bytes out, one answer back: no HTTP library stands between, so that anything can be sent.
import net from 'node:net';

/**
 * @typedef {{ status: number, headers: Headers, body: Buffer, late: boolean }} Reply status 0: the connection was closed without an answer
 * @typedef {{ host?: string, port?: number, localAddress?: string, path?: string }} Door
 */

/** @param {Buffer} got @param {boolean} closed @param {boolean} bare @returns {Reply | null} */
function parse(got, closed, bare) {
  const end = got.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = got.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(first.split(' ')[1]);
  if (status < 200) return parse(got.subarray(end + 4), closed, bare);
  const headers = new Headers();
  for (const line of lines) headers.append(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim());
  const body = got.subarray(end + 4);
  const length = bare || status === 204 || status === 304 ? 0 : Number(headers.get('content-length') ?? NaN);
  if (Number.isNaN(length) ? !closed : body.length < length) return null;
  return { status, headers, body: Number.isNaN(length) ? body : body.subarray(0, length), late: false };
}

/**
 * Send the bytes and read one answer. `patience_ms`: how long to wait for it; then `late` is true.
 * @param {Door} door @param {Buffer} bytes @param {{ patience_ms: number, bare: boolean }} how
 * @returns {Promise<Reply>}
 */
export function exchange(door, bytes, { patience_ms, bare }) {
  return new Promise((resolve) => {
    const peer = net.connect(/** @type {net.NetConnectOpts} */ (door), () => peer.write(bytes));
    let got = Buffer.alloc(0);
    /** @param {boolean} closed @param {boolean} [late] */
    const end = (closed, late = false) => {
      const reply = parse(got, closed, bare);
      if (!reply && !closed) return;
      clearTimeout(timer);
      peer.destroy();
      resolve(reply ?? { status: 0, headers: new Headers(), body: got, late });
    };
    const timer = setTimeout(() => end(true, true), patience_ms);
    peer.on('data', (part) => {
      got = Buffer.concat([got, part]);
      end(false);
    });
    peer.on('error', () => end(true));
    peer.on('close', () => end(true));
  });
}
