// doors.test.ts - the pages behind the mails that open a door: a link or code to sign in with, another password.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import {
  advance, codeOf as appCode, login, newClient, newFirm, newPortalUser, ok, PASSWORD, sink, stack, withFactor, type Firm,
  type Mail, type PortalUser,
} from '../lib/kit.js';
import { DESK, launch, PHONE, Visitor } from './browser.js';

let browser: Browser;
let firm: Firm;

before(async () => {
	browser = await launch();
	firm = await newFirm('doors');
	await set('both');
});
after(() => browser.close());

const set = (sign_in: 'password' | 'passwordless' | 'both') => ok(firm.owner.api.PATCH('/v1/firm', { body: { sign_in } }), 200);
const person = async () => newPortalUser(firm, await newClient(firm.owner));
const linkOf = (mail: Mail | undefined, path: string) => mail?.links.find((one) => one.includes(path)) ?? '';
const codeOf = (mail: Mail | undefined) => /\b(\d{6})\b/.exec((mail?.text ?? '').replace(/(\d{3}) (\d{3})/g, '$1$2'))?.[1] ?? '';

/** Ask on the sign-in page for a mail; the mail. */
async function mailed(visitor: Visitor, user: PortalUser): Promise<Mail | undefined> {
	const mark = await sink.mark();
	await visitor.open(`/signin?firm=${firm.slug}`);
	await visitor.page.fill('#email', user.email);
	if (await visitor.page.isVisible('#by-mail')) await visitor.page.click('#by-mail');
	else await visitor.page.click('#submit');
	await visitor.page.waitForSelector('#code-form:not([hidden])');
	return (await sink.mails(user.email, { after: mark }))[0];
}

for (const [name, viewport] of [['telephone', PHONE], ['desk', DESK]] as const) {
	test(`P1, S3-21, S3-22: the mailed link signs in on a ${name}, once, and only by its button`, async () => {
		const user = await person();
		const visitor = await Visitor.come(browser, stack.url, viewport);
		const link = linkOf(await mailed(visitor, user), '/m#');
		await visitor.look('a mail is on its way');
		for (let i = 0; i < 2; i++) {
			await visitor.open(link);
			assert.equal(await visitor.page.isVisible('#form'), true);
			assert.equal(await visitor.page.textContent('#firm'), firm.name);
		}
		await visitor.look('the mailed link');
		assert.ok(!visitor.asked.some((url) => url.includes('redeem')), 'opening it spends nothing');
		await visitor.page.click('button.main');
		await visitor.page.waitForURL(`${stack.url}/items/`);
		await visitor.context.clearCookies();
		await visitor.open(link);
		await visitor.page.click('button.main');
		await visitor.page.waitForSelector('.note.bad');
		assert.match(await visitor.page.textContent('.note.bad') ?? '', /used already/);
		assert.equal(await visitor.page.isVisible('#form'), false);
		await visitor.look('a used link');
		await visitor.page.click('.note a');
		await visitor.page.waitForURL(`${stack.url}/signin`);
		await visitor.page.waitForFunction((name) => document.querySelector('#firm')?.textContent === name, firm.name);
		await visitor.leave();
	});
}

test('S3-21: the mailed code signs in where it was asked for, and leads to the page that was wanted', async () => {
	const user = await person();
	const [client] = (await ok(user.api.GET('/v1/portal/home'), 200)).clients;
	const folder = (await ok(user.api.GET('/v1/portal/folders', { params: { query: { client_id: client?.id ?? '' } } }), 200)).data[0];
	const visitor = await Visitor.come(browser, stack.url, PHONE);
	const mark = await sink.mark();
	await visitor.open(`/items/${folder?.id}?firm=${firm.slug}`);
	await visitor.page.waitForURL(/\/signin/);
	await visitor.page.waitForSelector('#by-mail:not([hidden])');
	await visitor.look('sign-in with both ways');
	await visitor.page.click('#by-mail');
	await visitor.page.fill('#email', user.email);
	await visitor.page.click('#submit');
	await visitor.page.waitForSelector('#code-form:not([hidden])');
	const [mail] = await sink.mails(user.email, { after: mark });
	const code = codeOf(mail);
	await visitor.page.fill('#code', code === '000000' ? '000001' : '000000');
	await visitor.page.keyboard.press('Enter');
	await visitor.page.waitForSelector('.note.bad');
	await visitor.look('a wrong code');
	await visitor.page.fill('#code', code);
	await visitor.page.keyboard.press('Enter');
	await visitor.page.waitForURL(`${stack.url}/items/${folder?.id}`);
	await visitor.leave();
});

test('a firm without passwords asks for none; one with nothing else offers no mail', async () => {
	const user = await person();
	const visitor = await Visitor.come(browser, stack.url, DESK);
	await set('passwordless');
	const link = linkOf(await mailed(visitor, user), '/m#');
	assert.equal(await visitor.page.isVisible('#password'), false);
	await visitor.open(`/signin?firm=${firm.slug}`);
	assert.deepEqual([await visitor.page.isVisible('#password'), await visitor.page.isVisible('#by-mail'), await visitor.page.isVisible('#forgot')], [false, false, false]);
	await visitor.look('sign-in without passwords');
	await advance(16 * 60);
	await visitor.open(link);
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('.note.bad');
	assert.match(await visitor.page.textContent('.note.bad') ?? '', /expired/);
	await set('password');
	const other = await Visitor.come(browser, stack.url, DESK);
	await other.open(`/signin?firm=${firm.slug}`);
	assert.deepEqual([await other.page.isVisible('#password'), await other.page.isVisible('#by-mail')], [true, false]);
	await other.leave();
	await set('both');
	await visitor.leave();
});

test('S2-20, S2-21, S2-22: a forgotten password is replaced by the mailed link, once', async () => {
	const user = await person();
	const visitor = await Visitor.come(browser, stack.url, PHONE);
	const mark = await sink.mark();
	await visitor.open(`/signin?firm=${firm.slug}`);
	await visitor.page.click('#forgot a');
	await visitor.page.waitForURL(/\/forgot$/);
	await visitor.page.waitForFunction((name) => document.querySelector('#firm')?.textContent === name, firm.name);
	await visitor.look('forgot');
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('#email-fault');
	await visitor.page.fill('#email', user.email);
	await visitor.page.keyboard.press('Enter');
	await visitor.page.waitForSelector('.note.good');
	await visitor.look('forgot, mailed');
	const [mail] = await sink.mails(user.email, { after: mark });
	const link = linkOf(mail, '/reset#');
	await visitor.open(link);
	assert.equal(await visitor.page.textContent('#firm'), firm.name);
	await visitor.look('reset');
	await visitor.page.fill('#password', 'password');
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('.note.bad');
	await visitor.look('reset, too weak');
	const chosen = 'eleven dry storks stay put';
	await visitor.page.fill('#password', chosen);
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('.note.good');
	await visitor.look('reset, done');
	for (const [password, status] of [[chosen, 200], [PASSWORD, 401]] as const) {
		const got = await login(firm, user.email, password);
		assert.equal(got.response.status, status);
	}
	await visitor.open(link);
	await visitor.page.fill('#password', chosen);
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('.note.bad');
	assert.match(await visitor.page.textContent('.note.bad') ?? '', /used already/);
	await visitor.page.click('.note a');
	await visitor.page.waitForURL(`${stack.url}/forgot`);
	for (const path of ['/reset', '/m', '/m#x', '/reset#x']) {
		await visitor.open(path);
		if (path.includes('#')) {
			if (path.startsWith('/reset')) await visitor.page.fill('#password', chosen);
			await visitor.page.click('button.main');
		}
		await visitor.page.waitForSelector('.note.bad');
		assert.equal(await visitor.page.isVisible('#form'), false, path);
	}
	await visitor.leave();
});

test('P3: an address that nobody has is answered the same on the page', async () => {
	const user = await person();
	const visitor = await Visitor.come(browser, stack.url, DESK);
	const said: string[] = [];
	for (const email of [user.email, 'nobody-at-all@mail.test']) {
		await visitor.open(`/forgot?firm=${firm.slug}`);
		await visitor.page.fill('#email', email);
		await visitor.page.keyboard.press('Enter');
		await visitor.page.waitForSelector('.note.good');
		said.push((await visitor.page.textContent('.note.good') ?? '').replace(email, 'X'));
	}
	assert.equal(said[0], said[1]);
	await visitor.leave();
});

test('signing in asks for the second factor: a wrong code is told at its field, the app’s and a recovery code lead on, too late begins anew', async () => {
	const user = await person();
	const { secret, codes } = await withFactor(user);
	await advance(60);
	const visitor = await Visitor.come(browser, stack.url, PHONE);
	const { page } = visitor;
	const asked = async () => {
		await visitor.context.clearCookies();
		await visitor.open(`/signin?firm=${firm.slug}`);
		await page.fill('#email', user.email);
		await page.fill('#password', PASSWORD);
		await page.click('#submit');
		await page.waitForSelector('#factor');
		assert.equal(await page.isVisible('#password'), false);
	};
	const answer = async (code: string) => {
		await page.fill('#factor', code);
		await page.keyboard.press('Enter');
	};
	await asked();
	assert.equal(await page.evaluate(() => document.activeElement?.id), 'factor');
	await visitor.look('the second factor is asked for');
	const right = await appCode(secret);
	await answer(right === '000000' ? '000001' : '000000');
	await page.waitForSelector('.note.bad, .fault');
	await visitor.look('a wrong code');
	await answer(await appCode(secret));
	await page.waitForURL(`${stack.url}/items/`);
	await asked();
	await answer(codes[0]?.toUpperCase() ?? '');
	await page.waitForURL(`${stack.url}/items/`);
	await asked();
	await advance(301);
	await answer(codes[1] ?? '');
	await page.waitForSelector('.note.bad a[href="/signin"]');
	await visitor.look('the time for the code is over');
	await visitor.leave();
});
