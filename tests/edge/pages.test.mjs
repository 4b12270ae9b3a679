// The static pages: where they are, and the headers they come with.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { ask, root, startEdge } from "./edge.mjs";

const STRICT = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const NOTHING = "default-src 'none'; frame-ancestors 'none'";
const id = "01kjpz7w3mfa6tq2c9x4n8d5he";

let edge;
before(async () => (edge = await startEdge()));
after(() => edge.stop());

test("each page at its address, under the strict policy", async () => {
	for (const [url, file, cache] of [
		["/accept", "accept.html", "no-store"], ["/signin", "signin.html", "no-cache"], ["/signin?next=/items/", "signin.html", "no-cache"], ["/items/", "items.html", "no-cache"],
		["/m", "m.html", "no-store"], ["/reset", "reset.html", "no-store"], ["/forgot", "forgot.html", "no-cache"],
		["/confirm", "confirm.html", "no-store"], ["/register?firm=x", "register.html", "no-cache"], ["/waiting", "waiting.html", "no-cache"],
		["/unsubscribe", "unsubscribe.html", "no-store"], [`/unsubscribe/${"x".repeat(86)}`, "unsubscribe.html", "no-store"],
		[`/items/fol_${id}`, "items.html", "no-cache"], [`/items/doc_${id}?firm=x`, "items.html", "no-cache"],
	]) {
		for (const method of ["GET", "HEAD"]) {
			const answer = await ask(edge.port, method, url);
			assert.equal(answer.status, 200, url);
			assert.equal(answer.headers["content-type"], "text/html; charset=utf-8");
			assert.equal(answer.headers["content-security-policy"], STRICT, url);
			assert.equal(answer.headers["cache-control"], cache, url);
			assert.equal(answer.headers["referrer-policy"], "no-referrer");
			assert.equal(answer.headers["x-content-type-options"], "nosniff");
			if (method === "GET") assert.equal(answer.bytes.toString(), readFileSync(`${root}/api/edge/pages/${file}`, "utf8"));
		}
	}
	assert.equal(edge.peer.seen.length, 0);
});

test("the API page alone may style itself", async () => {
	const answer = await ask(edge.port, "GET", "/docs");
	assert.equal(answer.status, 200);
	const policy = answer.headers["content-security-policy"];
	assert.match(policy, /style-src 'self' 'unsafe-inline'/);
	assert.match(policy, /script-src 'self';/);
	assert.match(policy, /worker-src blob:/);
	assert.doesNotMatch(policy, /https?:|unsafe-eval/);
});

test("the start leads to sign-in, relative to the address that was asked", async () => {
	for (const [url, to] of [["/", "/signin"], ["/items", "/items/"]]) {
		const answer = await ask(edge.port, "GET", url, { host: "evil.example" });
		assert.equal(answer.status, 302);
		assert.equal(answer.headers.location, to);
	}
});

test("assets: kinds, revalidation, and nothing but assets", async () => {
	for (const file of readdirSync(`${root}/api/edge/pages`)) {
		const answer = await ask(edge.port, "GET", `/assets/${file}`);
		const type = { css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8", svg: "image/svg+xml" }[file.split(".").pop()];
		assert.equal(answer.status, type ? 200 : 404, file);
		if (!type) continue;
		assert.equal(answer.headers["content-type"], type);
		assert.equal(answer.headers["cache-control"], "no-cache");
		assert.equal(answer.headers["content-security-policy"], NOTHING);
		assert.equal((await ask(edge.port, "GET", `/assets/${file}`, { "if-none-match": answer.headers.etag })).status, 304);
	}
	for (const url of ["/assets/", "/assets/none.js", "/assets/.made", "/assets/a/b.js", "/accept.html", "/items.html", "/items/fol_x", "/items/fol_" + id + "/x", "/signin/"])
		assert.equal((await ask(edge.port, "GET", url)).status, 404, url);
});

test("no page holds a script, a style or an address of its own", () => {
	for (const file of readdirSync(`${root}/api/edge/pages`)) {
		const text = readFileSync(`${root}/api/edge/pages/${file}`, "utf8");
		if (file.endsWith(".html")) {
			assert.doesNotMatch(text, /<style|style=|\son\w+=|<script(?![^>]*\ssrc="\/assets\/)/, file);
			assert.match(text, /<html lang="en">/);
		}
		if (file.endsWith(".js")) assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|Function\(/, file);
		if (!file.endsWith(".svg")) assert.doesNotMatch(text, /https?:\/\//, file);
	}
});
