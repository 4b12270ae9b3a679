// pages.test.ts - the three pages as a client of the firm meets them, on a telephone and on a desk.
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import {
  accept, address, enable, newClient, newContact, newFirm, newFolder, newPortalUser, ok, share, sink, stack, tokenOf, unique, upload,
  uploadFolder, type Firm, PASSWORD,
} from '../lib/kit.js';
import { DESK, launch, PHONE, Visitor } from './browser.js';

let browser: Browser;
let firm: Firm;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'pages-'));
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

before(async () => {
	browser = await launch();
	firm = await newFirm('pages');
});
after(async () => {
	await browser.close();
	fs.rmSync(dir, { recursive: true });
});

/** A file on disk of that many bytes. */
function fileOf(name: string, size: number): { file: string; hash: string } {
	const file = path.join(dir, name);
	const bytes = randomBytes(size);
	fs.writeFileSync(file, bytes);
	return { file, hash: hash(bytes) };
}

async function signIn(visitor: Visitor, email: string, password = PASSWORD): Promise<void> {
	await visitor.page.fill('#email', email);
	await visitor.page.fill('#password', password);
	await visitor.page.keyboard.press('Enter');
}

for (const [name, viewport] of [['telephone', PHONE], ['desk', DESK]] as const) {
	test(`the whole way on a ${name}: invitation, upload, share link, sign-in, download`, async () => {
		const staff = firm.owner;
		const client = await newClient(staff);
		const contact = await newContact(staff, client, { display_name: 'Ann Archer' });
		const email = contact.primary_email ?? '';
		const mark = await sink.mark();
		await ok(enable(staff, contact), 200);
		const [invitation] = await sink.mails(email, { after: mark });
		const link = invitation?.links.find((one) => one.includes('/accept#')) ?? '';

		const ann = await Visitor.come(browser, stack.url, viewport);
		await ann.open(link);
		assert.equal(await ann.heading(), 'Welcome, Ann Archer');
		assert.equal(await ann.page.inputValue('#email'), email);
		await ann.look('invitation');
		await ann.page.click('button.main');
		await ann.page.waitForSelector('#password-fault');
		await ann.look('invitation without a password');
		await ann.page.fill('#password', 'password');
		await ann.page.click('button.main');
		await ann.page.waitForSelector('.note.bad');
		await ann.look('invitation with a weak password');
		await ann.page.fill('#password', PASSWORD);
		await ann.page.click('button.main');
		await ann.page.waitForURL(`${stack.url}/items/`);
		await ann.page.waitForSelector('#folders:not([hidden])');
		await ann.look('all items');

		await ann.page.click('#folder-rows a');
		await ann.page.waitForSelector('#upload:not([hidden])');
		assert.equal(await ann.heading(), 'Client Uploads');
		await ann.look('folder');
		const large = fileOf('a large file.bin', 40_000_000);
		const small = fileOf('Rechnung für März (2) & co.txt', 12);
		const none = fileOf('empty.txt', 0);
		const shown: number[] = [];
		await ann.page.exposeFunction('progressed', (value: number) => shown.push(value));
		await ann.page.evaluate(() => {
			const w = window as unknown as { progressed(value: number): void };
			setInterval(() => document.querySelectorAll('progress:not([hidden])').forEach((bar) => w.progressed((bar as HTMLProgressElement).value)), 5);
		});
		await ann.slowUploads(40_000_000); // so that there is something on its way
		await ann.page.setInputFiles('#files', [large.file, small.file, none.file]);
		await ann.page.waitForFunction(() => document.querySelectorAll('#uploads .done').length === 3, undefined, { timeout: 60_000 });
		assert.ok(shown.some((value) => value > 0 && value < 1), 'progress is shown on the way');
		await ann.look('folder with uploads');
		assert.equal(await ann.page.locator('#document-rows li').count(), 3);
		const folder = await uploadFolder(staff, client);
		const page = await ok(staff.api.GET('/v1/documents', { params: { query: { folder_id: folder.id } } }), 200);
		assert.deepEqual(Object.fromEntries(page.data.map((d) => [d.name, d.sha256])), {
			'a large file.bin': large.hash, 'Rechnung für März (2) & co.txt': small.hash, 'empty.txt': none.hash,
		});

		await ann.page.click('#leave');
		await ann.page.waitForURL(/\/signin\?ended=1$/);
		await ann.look('signed out');
		assert.deepEqual(await ann.context.cookies(), [], 'no cookie is left');

		const work = await newFolder(staff, client, { name: unique('Accounts') });
		const bytes = randomBytes(300_000);
		const report = await ok(upload(staff, work, 'Accounts – final.pdf', bytes), 201);
		const then = await sink.mark();
		await ok(share(staff, 'folder', work, [contact]), 201);
		const [told] = await sink.mails(email, { after: then });
		const item = told?.links.find((one) => one.includes('/items/')) ?? '';
		assert.equal(new URL(item).pathname, `/items/${work.id}`);
		assert.equal(new URL(item).searchParams.get('firm'), firm.slug, 'one address serves several firms');

		await ann.open(item);
		await ann.page.waitForURL(/\/signin\?next=/);
		assert.equal(await ann.page.textContent('#firm'), firm.name);
		await ann.look('sign-in');
		await signIn(ann, email, 'not the password');
		await ann.page.waitForSelector('.note.bad');
		await ann.look('sign-in refused');
		await ann.page.fill('#firm-name', firm.slug);
		await signIn(ann, email, 'not the password');
		await ann.page.waitForSelector('.note.bad');
		await ann.look('sign-in refused with a firm');
		await signIn(ann, email);
		await ann.page.waitForURL(`${stack.url}/items/${work.id}`);
		await ann.page.waitForSelector('#documents:not([hidden])');
		assert.equal(await ann.heading(), work.name);
		assert.equal(await ann.page.isVisible('#upload'), false, 'a folder to read takes no uploads');
		await ann.look('shared folder');

		const [saved] = await Promise.all([ann.page.waitForEvent('download'), ann.page.click('#document-rows a.button')]);
		assert.equal(saved.suggestedFilename(), 'Accounts – final.pdf');
		assert.equal(hash(fs.readFileSync(await saved.path())), hash(bytes));
		await ann.page.click('#document-rows .what a');
		await ann.page.waitForSelector('#document a.main');
		assert.equal(await ann.heading(), report.name);
		await ann.look('document');
		const [again] = await Promise.all([ann.page.waitForEvent('download'), ann.page.click('#document a.main')]);
		assert.equal(hash(fs.readFileSync(await again.path())), hash(bytes));
		await ann.leave();
	});
}

test('S0-19: an invitation that is spent, withdrawn, cut off or missing says so, and looking at it never spends it', async () => {
	const staff = firm.owner;
	const client = await newClient(staff);
	const contact = await newContact(staff, client);
	const mark = await sink.mark();
	const on = await ok(enable(staff, contact), 200);
	const [mail] = await sink.mails(contact.primary_email ?? '', { after: mark });
	const token = tokenOf(mail);
	const visitor = await Visitor.come(browser, stack.url, DESK);
	for (let i = 0; i < 3; i++) {
		await visitor.open(`/accept#${token}`);
		assert.equal(await visitor.page.isVisible('#form'), true);
	}
	assert.ok(visitor.asked.every((url) => !new URL(url).pathname.includes(token) && !new URL(url).search.includes(token)), 'the token stays in the fragment');
	await accept(token, firm.slug, contact.primary_email ?? '');
	for (const [hash, says] of [[token, /used already/], [token.slice(0, -3), /not complete/], ['', /not complete/], ['x'.repeat(86), /not complete/]] as const) {
		await visitor.open(`/accept#${hash}`);
		await visitor.page.waitForSelector('.note.bad');
		assert.match(await visitor.page.textContent('.note.bad') ?? '', says);
		assert.equal(await visitor.page.isVisible('#form'), false);
		await visitor.look(`invitation: ${says}`);
	}
	const other = await newContact(staff, client);
	const later = await sink.mark();
	const second = await ok(enable(staff, other), 200);
	const [mailed] = await sink.mails(other.primary_email ?? '', { after: later });
	await ok(staff.api.DELETE('/v1/invitations/{invitation_id}', { params: { path: { invitation_id: second.invitation?.id ?? '' } } }), 204);
	await visitor.open(`/accept#${tokenOf(mailed)}`);
	await visitor.page.waitForSelector('.note.bad');
	assert.match(await visitor.page.textContent('.note.bad') ?? '', /withdrawn/);
	assert.equal(on.status, 'invited');
	await visitor.leave();
});

test('P4: who has a sign-in already proves it, and chooses no second password', async () => {
	const first = await newPortalUser(firm, await newClient(firm.owner));
	const elsewhere = await newFirm('second');
	const contact = await newContact(elsewhere.owner, await newClient(elsewhere.owner), { primary_email: first.email });
	const mark = await sink.mark();
	await ok(enable(elsewhere.owner, contact), 200);
	const [mail] = await sink.mails(first.email, { after: mark });
	const visitor = await Visitor.come(browser, stack.url, PHONE);
	await visitor.open(`/accept#${tokenOf(mail)}`);
	assert.equal(await visitor.page.textContent('#password-label'), 'Your password');
	await visitor.look('invitation of a known address');
	await visitor.page.fill('#password', 'not the right one');
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('.note.bad');
	await visitor.page.fill('#password', first.password);
	await visitor.page.click('button.main');
	await visitor.page.waitForURL(`${stack.url}/items/`);
	await visitor.leave();
});

test('C7: where the firm lets the invited choose, another address is proved by a mail of its own; the same in capitals is no other', async () => {
	const staff = firm.owner;
	const choose = (registration_email: 'free' | 'locked') => ok(staff.api.PATCH('/v1/firm', { body: { registration_email } }), 200);
	const contact = await newContact(staff, await newClient(staff));
	const [email, other] = [contact.primary_email ?? '', address('other')];
	await choose('free');
	await ok(enable(staff, contact), 200);
	const visitor = await Visitor.come(browser, stack.url, PHONE);
	const { page } = visitor;
	await visitor.open(`/accept#${tokenOf((await sink.mails(email))[0])}`);
	await page.fill('#email', email.toUpperCase());
	assert.equal(await page.isVisible('#password'), true);
	await page.fill('#email', other);
	assert.equal(await page.isVisible('#password'), false);
	await visitor.look('another address');
	await page.click('button.main');
	await page.waitForSelector('.note.good');
	await visitor.open(`/accept#${tokenOf((await sink.mails(other))[0])}`);
	await page.fill('#email', other.toUpperCase());
	await page.fill('#password', PASSWORD);
	await page.click('button.main');
	await page.waitForURL(`${stack.url}/items/`);
	await choose('locked');
	await visitor.leave();
});

test('an upload can be cancelled, and one that failed tried again without making two', async () => {
	const client = await newClient(firm.owner);
	const user = await newPortalUser(firm, client);
	const folder = await uploadFolder(firm.owner, client);
	const visitor = await Visitor.come(browser, stack.url, PHONE);
	await visitor.open(`/signin?firm=${firm.slug}&next=/items/${folder.id}`);
	await signIn(visitor, user.email);
	await visitor.page.waitForSelector('#upload:not([hidden])');

	const keys = await loseAnswer(visitor);
	const once = fileOf('once.txt', 1000);
	await visitor.page.setInputFiles('#files', once.file);
	await visitor.page.waitForSelector('#uploads .failed');
	await visitor.look('a failed upload');
	await visitor.page.click('button:has-text("Try again")');
	await visitor.page.waitForSelector('#uploads .done');
	const sent = await keys();
	assert.equal(sent.length, 2);
	assert.equal(new Set(sent).size, 1, 'the same key');

	await visitor.slowUploads(500_000); // so that there is something to cancel
	const slow = fileOf('slow.bin', 20_000_000);
	const next = fileOf('next.bin', 1000);
	await visitor.page.setInputFiles('#files', [slow.file, next.file]);
	await visitor.page.waitForSelector('progress:not([hidden])');
	await visitor.look('an upload on its way');
	await visitor.page.click(`button[aria-label="Cancel: slow.bin"]`);
	await visitor.page.waitForFunction(() => document.querySelectorAll('#uploads .done').length === 2);
	const page = await ok(firm.owner.api.GET('/v1/documents', { params: { query: { folder_id: folder.id } } }), 200);
	assert.deepEqual(page.data.map((d) => d.name).sort(), ['next.bin', 'once.txt']);
	await visitor.leave();
});

/**
 * The answer to the first upload is lost on its way: the API has the document, the page hears of an error. Done inside the
 * page: a request that Playwright makes on its behalf has no session, since it keeps Secure cookies from http, and a route
 * whose handler throws leaves the page waiting for ever. Gives what reads the keys that the uploads had.
 */
async function loseAnswer(visitor: Visitor): Promise<() => Promise<string[]>> {
	await visitor.page.evaluate(() => {
		const { addEventListener, setRequestHeader } = XMLHttpRequest.prototype;
		const keys: string[] = [];
		XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
			if (name === 'Idempotency-Key') keys.push(value);
			setRequestHeader.call(this, name, value);
		};
		XMLHttpRequest.prototype.addEventListener = function (type: string, heard: EventListenerOrEventListenerObject) {
			const lost = type === 'load' && keys.length === 1;
			addEventListener.call(this, type, lost ? () => this.dispatchEvent(new ProgressEvent('error')) : heard);
		};
		Object.assign(globalThis, { keys });
	});
	return () => visitor.page.evaluate(() => (globalThis as unknown as { keys: string[] }).keys);
}

test('more than a page of documents; what is not shared is not there; a session that ended leads to sign-in', async () => {
	const client = await newClient(firm.owner);
	const user = await newPortalUser(firm, client);
	const many = await newFolder(firm.owner, client, { name: 'Many' });
	const inner = await newFolder(firm.owner, client, { name: 'Inner', parent_id: many.id });
	const secret = await newFolder(firm.owner, client, { name: 'Secret' });
	for (let i = 0; i < 55; i++) await ok(upload(firm.owner, many, `letter ${i}.txt`), 201);
	await ok(share(firm.owner, 'folder', many, [user.contact], 'view', false), 201);
	const single = await ok(upload(firm.owner, secret, 'single.txt'), 201);
	await ok(share(firm.owner, 'document', single, [user.contact], 'view', false), 201);

	const visitor = await Visitor.come(browser, stack.url, DESK);
	await visitor.open(`/signin?firm=${firm.slug}&next=/items/${many.id}`);
	await signIn(visitor, user.email);
	await visitor.page.waitForSelector('#more:not([hidden])');
	assert.equal(await visitor.page.locator('#document-rows li').count(), 50);
	await visitor.page.focus('#more');
	await visitor.page.keyboard.press('Enter');
	await visitor.page.waitForFunction(() => document.querySelectorAll('#document-rows li').length === 55);
	await visitor.page.waitForSelector('#more', { state: 'hidden' });
	await visitor.page.waitForFunction(() => document.activeElement?.textContent === 'letter 50.txt');
	await visitor.page.click('#folder-rows a');
	await visitor.page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Inner');
	assert.deepEqual(await visitor.page.locator('#path li').allTextContents(), ['All items', 'Many', 'Inner']);
	await visitor.page.waitForSelector('#none');
	assert.equal(new URL(visitor.page.url()).pathname, `/items/${inner.id}`);
	await visitor.look('empty folder');

	await visitor.open(`/items/${single.id}`);
	assert.equal(await visitor.heading(), 'single.txt');
	assert.deepEqual(await visitor.page.locator('#path li').allTextContents(), ['All items', 'single.txt']);
	for (const id of [secret.id, 'fol_01kjpz7w3mfa6tq2c9x4n8d5he', 'doc_01kjpz7w3mfa6tq2c9x4n8d5he']) {
		await visitor.open(`/items/${id}`);
		assert.equal(await visitor.heading(), 'Not here');
		await visitor.look('nothing here');
	}
	await visitor.context.clearCookies();
	await visitor.open(`/items/${many.id}`);
	await visitor.page.waitForURL(`${stack.url}/signin?next=${encodeURIComponent(`/items/${many.id}`)}`);
	await visitor.leave();
});

test('P29: sign-in leads to items only, wherever next points', async () => {
	const user = await newPortalUser(firm, await newClient(firm.owner));
	for (const next of ['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/items/../signin', '/docs', '/items/fol_x', '/items/%0d%0a']) {
		const visitor = await Visitor.come(browser, stack.url, DESK);
		await visitor.open(`/signin?firm=${firm.slug}&next=${encodeURIComponent(next)}`);
		await signIn(visitor, user.email);
		await visitor.page.waitForURL(`${stack.url}/items/`);
		await visitor.leave();
	}
});

test('the keyboard is enough: the order of the tab key, and a way past the header', async () => {
	const user = await newPortalUser(firm, await newClient(firm.owner));
	const visitor = await Visitor.come(browser, stack.url, DESK);
	await visitor.open(`/signin?firm=${firm.slug}`);
	assert.deepEqual(await visitor.tabs(4), ['email', 'password', 'Show password', 'submit']);
	await signIn(visitor, user.email);
	await visitor.page.waitForSelector('#folders:not([hidden])');
	await visitor.page.keyboard.press('Tab');
	assert.equal(await visitor.page.evaluate(() => document.activeElement?.textContent), 'Skip to the content');
	await visitor.page.keyboard.press('Enter');
	assert.equal(await visitor.page.evaluate(() => document.activeElement?.id), 'main');
	await visitor.leave();
});

test('/docs shows the contract, offline', async () => {
	const visitor = await Visitor.come(browser, stack.url, DESK);
	await visitor.open('/docs');
	await visitor.page.waitForSelector('text=Portico API');
	await visitor.page.waitForSelector('[data-item-id*="uploadPortalDocument"], [id*="uploadPortalDocument"]', { state: 'attached' });
	assert.deepEqual(visitor.heard, []);
	await visitor.leave();
});
