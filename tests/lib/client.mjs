// client.mjs - the typed client that openapi.yaml generates, held against the contract at each answer.
import createClient from 'openapi-fetch';
import { recordingFetch } from './recorder.mjs';
import { ownAddress } from './wire.mjs';

/** @typedef {import('openapi-types').paths} paths */
/** @typedef {import('openapi-fetch').Client<paths>} Api */

/**
 * A client of the server at `url`: with a session's token, or without.
 * @param {string} url
 * @param {{ token?: string, headers?: Record<string, string>, from?: string }} [as]
 * @returns {Api}
 */
export function api(url, as = {}) {
  const headers = { ...as.headers, ...(as.token ? { authorization: `Bearer ${as.token}` } : {}) };
  return createClient({
    baseUrl: url,
    fetch: recordingFetch({ headers, from: as.from ?? ownAddress() }),
    bodySerializer: (/** @type {unknown} */ body) => (body instanceof Uint8Array ? body : JSON.stringify(body)),
  });
}
