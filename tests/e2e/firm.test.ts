// firm.test.ts - the pages in the name and colour of the firm, whatever colour it chose.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import {
  enable, newClient, newContact, newFirm, newPortalUser, ok, PASSWORD, sink, stack, tokenOf, unique, type Firm,
} from '../lib/kit.js';
import { DESK, launch, PHONE, Visitor } from './browser.js';

let browser: Browser;
let firm: Firm;

before(async () => {
	browser = await launch();
	firm = await newFirm('colour');
	await newFirm('other');
});
after(() => browser.close());

const set = (accent_color: string) => ok(firm.owner.api.PATCH('/v1/firm', { body: { accent_color } }), 200);
const property = (visitor: Visitor, name: string) => visitor.page.evaluate((n) => document.documentElement.style.getPropertyValue(n), name);
const shown = (visitor: Visitor) => visitor.page.textContent('#firm');

test('issue 4: the firm of the address is named, and every colour it may choose can be read', async () => {
	const user = await newPortalUser(firm, await newClient(firm.owner));
	for (const [colour, on] of [['#ffffff', '#000'], ['#777777', '#000'], ['#c2185b', '#fff'], ['#000000', '#fff']] as const) {
		await set(colour);
		const visitor = await Visitor.come(browser, stack.url, PHONE);
		await visitor.open(`/signin?firm=${firm.slug}`);
		assert.equal(await shown(visitor), firm.name);
		assert.equal(await visitor.page.title(), `Sign in – ${firm.name}`);
		assert.deepEqual([await property(visitor, '--accent'), await property(visitor, '--on-accent')], [colour, on]);
		await visitor.look(`sign-in in ${colour}`);
		await visitor.page.fill('#email', user.email);
		await visitor.page.fill('#password', PASSWORD);
		await visitor.page.keyboard.press('Enter');
		await visitor.page.waitForSelector('#folders:not([hidden])');
		assert.equal(await shown(visitor), firm.name);
		await visitor.look(`items in ${colour}`);
		await visitor.leave();
	}
	await set('#1f4e79');
});

test('text on any colour has a contrast of 4.5 to 1, and so have links of its shade on white', async () => {
	const visitor = await Visitor.come(browser, stack.url, DESK);
	await visitor.open('/signin');
	const worst = await visitor.page.evaluate(async () => {
		const { colours } = await import(`${location.origin}/assets/firm.js`);
		const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
		const lightness = (colour: string) => {
			if (!canvas) return 0;
			canvas.fillStyle = colour;
			canvas.fillRect(0, 0, 1, 1);
			const [r = 0, g = 0, b = 0] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
			return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
		};
		const ratio = (a: string, b: string) => Math.max(lightness(a), lightness(b)) / Math.min(lightness(a), lightness(b));
		let [text, links] = [21, 21];
		for (const r of ['00', '33', '66', '77', '99', 'cc', 'ff'])
			for (const g of ['00', '33', '66', '77', '99', 'cc', 'ff'])
				for (const b of ['00', '33', '66', '77', '99', 'cc', 'ff']) {
					const made = colours(`#${r}${g}${b}`);
					text = Math.min(text, ratio(made['--accent'], made['--on-accent']));
					links = Math.min(links, ratio(made['--accent-ink'], '#f5f7f9'));
				}
		return [text, links];
	});
	assert.ok(worst.every((value) => value >= 4.5), String(worst));
	await visitor.leave();
});

test('an invitation\'s page is the firm\'s also when the invitation is over, and sign-in then knows the firm', async () => {
	const contact = await newContact(firm.owner, await newClient(firm.owner));
	const mark = await sink.mark();
	const on = await ok(enable(firm.owner, contact), 200);
	const [mail] = await sink.mails(contact.primary_email ?? '', { after: mark });
	await ok(firm.owner.api.DELETE('/v1/invitations/{invitation_id}', { params: { path: { invitation_id: on.invitation?.id ?? '' } } }), 204);
	const visitor = await Visitor.come(browser, stack.url, DESK);
	await visitor.open(`/accept#${tokenOf(mail)}`);
	await visitor.page.waitForSelector('.note.bad');
	assert.equal(await shown(visitor), firm.name);
	await visitor.open('/signin');
	assert.equal(await shown(visitor), firm.name, 'remembered');
	await visitor.leave();
});

test('the host tells the firm before what was seen last; a firm that cannot be told leaves the page without a name', async () => {
	const host = `${unique('host')}.portal.test:${new URL(stack.url).port}`;
	await ok(firm.owner.api.PATCH('/v1/firm', { body: { portal_url: `https://${host}` } }), 200);
	const own = await Visitor.come(browser, `http://${host}`, DESK);
	await own.open('/signin');
	assert.equal(await shown(own), firm.name);
	await own.leave();
	await ok(firm.owner.api.PATCH('/v1/firm', { body: { portal_url: null } }), 200);
	const lost = await Visitor.come(browser, stack.url, DESK);
	for (const path of ['/signin', '/signin?firm=no-such-firm', '/signin?firm=%0d%0a']) {
		await lost.open(path);
		assert.equal(await shown(lost), 'Client portal');
	}
	await lost.look('sign-in of no firm');
	await lost.leave();
});
