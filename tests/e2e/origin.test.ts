// origin.test.ts - rule 8: a page of another site, in a real browser, reads data, errors and the headers that it needs.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import { newFirm, stack, type Firm } from '../lib/kit.js';

/** One of the instance's PORTICO_CORS_ORIGINS, and one that is not. */
const HOSTS = ['app.test', 'evil.test'];

let browser: Browser;
let firm: Firm;
const site = http.createServer((_, answer) => {
	answer.setHeader('content-type', 'text/html; charset=utf-8');
	answer.end('<!doctype html><html lang="en"><title>Elsewhere</title><h1>Elsewhere</h1></html>');
});

before(async () => {
	firm = await newFirm('origin');
	site.listen(0, '127.0.0.1');
	await once(site, 'listening');
	const { port } = site.address() as net.AddressInfo;
	const rules = HOSTS.map((host) => `MAP ${host}:80 127.0.0.1:${port}`).join(',');
	browser = await chromium.launch({
		executablePath: '/usr/bin/chromium',
		args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', `--host-resolver-rules=${rules}`],
	});
});

after(async () => {
	await browser.close();
	site.close();
});

interface Sent { method?: string; headers?: Record<string, string>; body?: string }
interface Read { status: number; headers: Record<string, string>; json: any; failed: string | null }

/** fetch() as a script of the page calls it, and all that it may see of the answer. */
function fetched(page: Page, path: string, sent: Sent = {}): Promise<Read> {
	return page.evaluate(async ({ url, how }) => {
		try {
			const got = await fetch(url, how);
			const text = await got.text();
			return { status: got.status, headers: Object.fromEntries(got.headers), json: text ? JSON.parse(text) : null, failed: null };
		} catch (error) {
			return { status: 0, headers: {}, json: null, failed: String(error) };
		}
	}, { url: stack.url + path, how: sent });
}

async function visit(host: string): Promise<Page> {
	const page = await (await browser.newContext()).newPage();
	await page.goto(`http://${host}/`);
	assert.equal(await page.evaluate(() => location.origin), `http://${host}`);
	return page;
}

test('rule 8: a page of an allowed origin reads data, an error and its headers', async () => {
	const page = await visit('app.test');
	const login = await fetched(page, '/v1/auth/login', {
		method: 'POST',
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ firm: firm.slug, audience: 'staff', email: firm.owner.email, password: firm.owner.password, transport: 'token' }),
	});
	assert.equal(login.status, 200, JSON.stringify(login));
	const authorization = `Bearer ${login.json.access_token}`;

	const made = await fetched(page, '/v1/clients', {
		method: 'POST',
		headers: { authorization, 'content-type': 'application/json', 'idempotency-key': 'from-a-page-01' },
		body: JSON.stringify({ entity: 'business', name: 'Elsewhere Ltd' }),
	});
	assert.equal(made.status, 201, JSON.stringify(made));
	assert.match(made.headers['location'] ?? '', /cli_/);
	assert.ok(made.headers['etag'] && made.headers['x-request-id'], JSON.stringify(made.headers));
	const changed = await fetched(page, `/v1/clients/${made.json.id}`, {
		method: 'PATCH',
		headers: { authorization, 'content-type': 'application/json', 'if-match': '"77"' },
		body: JSON.stringify({ phone: '1' }),
	});
	assert.equal(changed.status, 412);

	const refused = await fetched(page, '/v1/clients?surprise=1', { headers: { authorization } });
	assert.equal(`${refused.status} ${refused.json.code}`, '400 unknown_parameter');
	assert.equal(refused.headers['x-request-id'], refused.json.request_id);
	const stranger = await fetched(page, '/v1/me');
	assert.equal(`${stranger.status} ${stranger.json.code}`, '401 unauthenticated');

	const list = await fetched(page, '/v1/clients', { headers: { authorization } });
	for (const name of ['ratelimit', 'ratelimit-policy']) assert.ok(list.headers[name], `${name} of ${JSON.stringify(list.headers)}`);
	await page.context().close();
});

test('rule 8: a page of any other origin reads nothing', async () => {
	const page = await visit('evil.test');
	for (const path of ['/v1/me', '/v1/nothing', '/v1/clients'])
		assert.match((await fetched(page, path)).failed ?? 'it did', /Failed to fetch/, path);
	await page.context().close();
});
