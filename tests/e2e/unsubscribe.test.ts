// unsubscribe.test.ts - the page behind "No more mails of this kind", from the text of a mail and from its header.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import {
  disable, newClient, newFirm, newFolder, newPortalUser, ok, share, sink, stack, type Firm, type PortalUser,
} from '../lib/kit.js';
import { DESK, launch, PHONE, Visitor } from './browser.js';

let browser: Browser;
let firm: Firm;
let user: PortalUser;

before(async () => {
	browser = await launch();
	firm = await newFirm('mails');
	user = await newPortalUser(firm, await newClient(firm.owner));
});
after(() => browser.close());

const muted = async () => (await ok(user.api.GET('/v1/me/notification_preferences'), 200)).items.filter((i) => !i.email).map((i) => i.event);

test('P2: opening it changes nothing, the button ends one kind, and the page tells so ever after', async () => {
	const mark = await sink.mark();
	const [client] = (await ok(user.api.GET('/v1/portal/home'), 200)).clients;
	await ok(share(firm.owner, 'folder', await newFolder(firm.owner, { id: client?.id ?? '' }), [user.contact]), 201);
	const [mail] = await sink.mails(user.email, { after: mark });
	const link = mail?.links.find((one) => one.includes('/unsubscribe#')) ?? '';
	const header = (mail?.headers['list-unsubscribe'] ?? '').slice(1, -1);

	for (const url of [link, header]) {
		const visitor = await Visitor.come(browser, stack.url, PHONE);
		await visitor.open(url);
		assert.equal(await visitor.page.textContent('#firm'), firm.name);
		assert.match(await visitor.page.textContent('#about') ?? '', /when a folder is shared with you/);
		await visitor.look('unsubscribe');
		await visitor.leave();
	}
	assert.deepEqual(await muted(), []);

	const visitor = await Visitor.come(browser, stack.url, DESK);
	await visitor.open(link);
	await visitor.page.focus('button.main');
	await visitor.page.keyboard.press('Enter');
	await visitor.page.waitForSelector('.note.good');
	await visitor.look('unsubscribed');
	assert.deepEqual(await muted(), ['folder.shared']);
	await visitor.open(header);
	await visitor.page.waitForSelector('.note.good');
	assert.equal(await visitor.page.isVisible('#form'), false);
	for (const path of ['/unsubscribe', '/unsubscribe#', '/unsubscribe#x', '/unsubscribe/x', `/unsubscribe#${link.split('#')[1]?.slice(0, -2)}`]) {
		await visitor.open(path);
		await visitor.page.waitForSelector('.note.bad');
		assert.equal(await visitor.page.isVisible('#form'), false, path);
	}
	await ok(disable(firm.owner, user.contact));
	await visitor.open(link);
	await visitor.page.waitForSelector('.note.bad');
	assert.equal(await visitor.page.textContent('#firm'), firm.name, 'still in its name');
	await visitor.look('unsubscribe from nothing');
	await visitor.leave();
});
