// The same over HTTP/2, which browsers will speak once TLS is there: bodies come without a length, and may come with any
// method.
import assert from "node:assert/strict";
import http2 from "node:http2";
import { renameSync } from "node:fs";
import { after, before, beforeEach, test } from "node:test";
import { phaseOf, startEdge } from "./edge.mjs";

let edge;
let session;
before(async () => {
	edge = await startEdge({ edit: (text) => text.replace("default_server", "default_server http2") });
	session = http2.connect(edge.url);
});
after(async () => {
	session.destroy();
	await edge.stop();
});
beforeEach(() => {
	edge.peer.seen.length = 0;
	edge.peer.answer = null;
});

/** One request; with `body` its DATA frames follow, and no content-length unless the headers have one. */
function ask2(method, path, headers = {}, body = undefined) {
	return new Promise((resolve, reject) => {
		const stream = session.request({ ":method": method, ":path": path, ":authority": `portal.example:${edge.port}`, ...headers }, { endStream: body === undefined });
		const parts = [];
		let got;
		stream.on("response", (answer) => (got = answer));
		stream.on("data", (part) => parts.push(part));
		stream.on("error", reject);
		stream.on("end", () => {
			const text = Buffer.concat(parts).toString();
			resolve({ status: got[":status"], headers: got, json: text.startsWith("{") ? JSON.parse(text) : undefined });
		});
		if (body !== undefined) stream.end(body);
	});
}

test("a body without a length: counted for POST, dropped where there is none", async () => {
	for (const method of ["GET", "DELETE", "OPTIONS"]) {
		assert.equal((await ask2(method, "/v1/clients", {}, "GET /v1/smuggled HTTP/1.1\r\nHost: b\r\n\r\n")).status, 200);
		assert.equal((await ask2(method, "/v1/clients")).status, 200);
	}
	for (const method of ["POST", "PUT", "PATCH"]) {
		await ask2(method, "/v1/clients", {}, '{"a":1}');
		assert.equal(edge.peer.seen.at(-1).headers["content-length"], "7");
		assert.equal(edge.peer.seen.at(-1).body.toString(), '{"a":1}');
		await ask2(method, "/v1/clients");
		assert.equal(edge.peer.seen.at(-1).headers["content-length"], "0");
	}
	for (const one of edge.peer.seen) {
		assert.equal(one.url, "/v1/clients");
		assert.equal(one.headers.host, `portal.example:${edge.port}`);
		assert.equal(one.headers["transfer-encoding"], undefined);
		if (["GET", "DELETE", "OPTIONS"].includes(one.method)) assert.equal(one.body.length, 0);
	}
	const refused = await ask2("GET", "/v1/clients", { "content-length": 3 }, "abc");
	assert.equal(refused.status, 400);
	assert.equal(refused.json.code, "malformed_request");
	const large = await ask2("POST", "/v1/clients", {}, Buffer.alloc(1100000));
	assert.equal(large.status, 413);
	assert.equal(large.json.code, "too_large");
});

test("an upload: with a length in phases, without one 411, refused with the API's own problem", async () => {
	edge.peer.answer = (one, res) => {
		const phase = phaseOf(one)?.split(" ")[0];
		const deny = one.url.includes("deny");
		if (phase === "body") renameSync(one.headers["x-portico-spool"], `${edge.dir}/store/blobs/taken`);
		res.writeHead(phase === "authorize" ? (deny ? 403 : 204) : phase === "refused" ? 409 : 201, { "Content-Type": "application/json" });
		res.end(phase === "authorize" ? undefined : `{"phase":"${phase}"}`);
	};
	const bytes = Buffer.alloc(300000, 1);
	const stored = await ask2("POST", "/v1/portal/documents?name=a", { "content-length": bytes.length }, bytes);
	assert.equal(stored.status, 201);
	assert.deepEqual(edge.peer.seen.map((one) => phaseOf(one)?.split(" ")[0]), ["authorize", "body"]);
	edge.peer.seen.length = 0;
	const refused = await ask2("POST", "/v1/portal/documents?deny=1", { "content-length": bytes.length }, bytes);
	assert.equal(refused.status, 409);
	assert.deepEqual(refused.json, { phase: "refused" });
	assert.deepEqual(edge.peer.seen.map((one) => phaseOf(one)?.split(" ")[0]), ["authorize", "refused"]);
	edge.peer.seen.length = 0;
	const lengthless = await ask2("POST", "/v1/portal/documents?name=a", {}, bytes);
	assert.equal(lengthless.status, 411);
	assert.deepEqual(edge.peer.seen, []);
});

test("cookies, which HTTP/2 may send one by one", async () => {
	await ask2("GET", "/v1/x", { cookie: ["a=1", "__Host-session=t", "b=2"] });
	assert.equal(edge.peer.seen[0].headers.cookie, "__Host-session=t");
});
