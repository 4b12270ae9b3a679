// browser.ts - Debian's Chromium on the pages: a person with a screen, whose every page is looked at for faults.
import assert from 'node:assert/strict';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

export const PHONE = { width: 320, height: 640 };
export const DESK = { width: 1280, height: 800 };

const FLAGS = [
	'--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP *.portal.test 127.0.0.1',
];

export function launch(): Promise<Browser> {
	return chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
}

/** What the browser complains of, but for answers that the page itself shows to the person. */
function complaints(page: Page, heard: string[]): void {
	page.on('pageerror', (error) => heard.push(`error: ${error.message}`));
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type()) && !/Failed to load resource/.test(message.text()))
			heard.push(`${message.type()}: ${message.text()}`);
	});
}

export class Visitor {
	readonly heard: string[] = [];
	/** Every address the browser asked for. */
	readonly asked: string[] = [];

	private constructor(readonly context: BrowserContext, readonly page: Page, readonly origin: string) {
		page.setDefaultTimeout(60_000);
		page.on('request', (request) => this.asked.push(request.url()));
		complaints(page, this.heard);
	}

	static async come(browser: Browser, origin: string, viewport: { width: number; height: number }): Promise<Visitor> {
		const context = await browser.newContext({ viewport, acceptDownloads: true, locale: 'en-GB' });
		return new Visitor(context, await context.newPage(), origin);
	}

	/** Open a page of the portal by its whole address, or by its path. */
	async open(where: string): Promise<void> {
		// A fragment alone would not load the page again.
		await this.page.goto('about:blank');
		await this.page.goto(new URL(where, this.origin).href, { waitUntil: 'networkidle' });
	}

	/** The page has no fault that axe knows of, nothing sticks out to the right, and the browser has not complained. */
	async look(what: string): Promise<void> {
		const { violations } = await new AxeBuilder({ page: this.page }).analyze();
		assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 200)).join(' | ')}`), [], what);
		const over = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
		assert.equal(over, 0, `${what} is ${over} pixels too wide`);
		assert.deepEqual(this.heard, [], what);
	}

	/** Where the tab key leads, from the start of the page, as the names of what has the focus. */
	async tabs(count: number): Promise<string[]> {
		const names: string[] = [];
		for (let i = 0; i < count; i++) {
			await this.page.keyboard.press('Tab');
			names.push(await this.page.evaluate(() => {
				const at = document.activeElement as HTMLElement | null;
				return at?.getAttribute('aria-label') ?? at?.id ?? '';
			}));
		}
		return names;
	}

	heading(): Promise<string | null> {
		return this.page.textContent('h1');
	}

	/** From now on the page sends so many bytes a second. */
	async slowUploads(uploadThroughput: number): Promise<void> {
		const devtools = await this.context.newCDPSession(this.page);
		await devtools.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
	}

	async leave(): Promise<void> {
		const foreign = this.asked.filter((url) => !url.startsWith(this.origin) && !/^(about|blob|data):/.test(url));
		await this.context.close();
		assert.deepEqual(foreign, [], 'asks nobody else');
	}
}
