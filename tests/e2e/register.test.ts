// register.test.ts - asking a firm for access in a browser, and waiting for it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { address, newClient, newFirm, newFolder, newLink, ok, PASSWORD, sink, stack, type Firm } from '../lib/kit.js';
import { DESK, launch, PHONE, Visitor } from './browser.js';

let browser: Browser;
let firm: Firm;

before(async () => {
	browser = await launch();
	firm = await newFirm('register');
});
after(() => browser.close());

const open = (self_registration: boolean) => ok(firm.owner.api.PATCH('/v1/firm', { body: { self_registration } }), 200);

test('S1-6: a firm that takes none says so, and sign-in offers it where one does', async () => {
	const visitor = await Visitor.come(browser, stack.url, DESK);
	await visitor.open(`/register?firm=${firm.slug}`);
	await visitor.page.waitForSelector('.note.bad');
	assert.equal(await visitor.page.isVisible('#form'), false);
	await visitor.look('no registrations');
	await visitor.open(`/signin?firm=${firm.slug}`);
	assert.equal(await visitor.page.isVisible('#register'), false);
	await visitor.leave();
	await open(true);
	const other = await Visitor.come(browser, stack.url, DESK);
	await other.open(`/signin?firm=${firm.slug}`);
	await other.page.waitForSelector('#register:not([hidden])');
	await other.look('sign-in with registration');
	await other.leave();
});

test('C6: a sign-up link opens the form where the firm takes no others; once revoked it says so', async () => {
	await open(false);
	const { link, url } = await newLink(firm.owner, { folder_id: (await newFolder(firm.owner, await newClient(firm.owner))).id });
	const visitor = await Visitor.come(browser, stack.url, PHONE);
	await visitor.open(url);
	assert.equal(await visitor.page.textContent('#firm'), firm.name);
	const ask = async () => {
		await visitor.page.fill('#name', 'Lin Linked');
		await visitor.page.fill('#email', address('linked'));
		await visitor.page.fill('#password', PASSWORD);
		await visitor.page.click('button.main');
	};
	await ask();
	await visitor.page.waitForSelector('.note.good');
	await visitor.look('asked by a sign-up link');
	await ok(firm.owner.api.DELETE('/v1/sign_up_links/{sign_up_link_id}', { params: { path: { sign_up_link_id: link.id } } }), 204);
	await visitor.page.reload();
	await visitor.page.waitForSelector('#form:not([hidden])');
	await ask();
	await visitor.page.waitForSelector('.note.bad');
	assert.equal(await visitor.page.isVisible('#form'), false);
	await visitor.leave();
});

test('S1-7, S1-9, S1-10, S1-17: asked, confirmed by the button, waiting, and let in', async () => {
	await open(true);
	const email = address('asking');
	const visitor = await Visitor.come(browser, stack.url, PHONE);
	await visitor.open(`/register?firm=${firm.slug}`);
	assert.equal(await visitor.page.textContent('#firm'), firm.name);
	await visitor.look('register');
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('#name-fault');
	assert.equal(await visitor.page.locator('.fault').count(), 3, 'all faults at once');
	await visitor.look('register, nothing filled in');
	await visitor.page.fill('#name', 'Asa Asker');
	await visitor.page.fill('#email', email);
	await visitor.page.fill('#message', 'We met in May.');
	await visitor.page.fill('#password', 'password');
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('.note.bad');
	await visitor.look('register with a weak password');
	await visitor.page.fill('#password', PASSWORD);
	const mark = await sink.mark();
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('.note.good');
	const [mail] = await sink.mails(email, { after: mark });
	const link = mail?.links.find((one) => one.includes('/confirm#')) ?? '';
	for (let i = 0; i < 2; i++) await visitor.open(link);
	assert.equal(await visitor.page.textContent('#firm'), firm.name);
	await visitor.look('confirm');
	assert.ok(!visitor.asked.some((url) => url.endsWith('/registrations/confirm')), 'P1: opening it confirms nothing');
	await visitor.page.fill('#password', PASSWORD);
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('.note.good');
	await visitor.look('confirmed');
	await visitor.open(link);
	await visitor.page.fill('#password', PASSWORD);
	await visitor.page.click('button.main');
	await visitor.page.waitForSelector('.note.bad');
	assert.equal(await visitor.page.isVisible('#form'), false);
	await visitor.look('confirmed before');

	await visitor.open('/signin');
	await visitor.page.fill('#email', email);
	await visitor.page.fill('#password', PASSWORD);
	await visitor.page.keyboard.press('Enter');
	await visitor.page.waitForURL(`${stack.url}/waiting`);
	await visitor.page.waitForSelector('#about:not([hidden])');
	await visitor.look('waiting');
	await visitor.page.click('#again');
	await visitor.page.waitForFunction(() => document.querySelector('#said')?.textContent !== '');
	await visitor.open('/items/');
	await visitor.page.waitForURL(`${stack.url}/waiting`);
	const [asked] = (await ok(firm.owner.api.GET('/v1/registrations', { params: { query: { email } } }), 200)).data;
	const client = await newClient(firm.owner);
	await ok(firm.owner.api.POST('/v1/registrations/{registration_id}/verify', {
		params: { path: { registration_id: asked?.id ?? '' } }, body: { create_contact: true, client_id: client.id },
	}), 200);
	await visitor.page.waitForSelector('#about:not([hidden])');
	await visitor.page.click('#again');
	await visitor.page.waitForURL(`${stack.url}/items/`);
	await visitor.page.waitForSelector('#folders:not([hidden])');
	await visitor.page.click('#leave');
	await visitor.page.waitForURL(/\/signin\?ended=1$/);
	await visitor.open('/waiting');
	await visitor.page.waitForURL(`${stack.url}/signin`);
	await visitor.leave();
});
