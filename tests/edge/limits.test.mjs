// How much one address may ask for, and how slow it may be.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { after, test } from "node:test";
import { ask, phaseOf, raw, startEdge, until } from "./edge.mjs";

const running = [];
/** An edge with other figures; each must stand in the configuration. */
async function edgeWith(figures, values = {}) {
	const edge = await startEdge({
		values,
		edit: (text) => Object.entries(figures).reduce((done, [from, to]) => {
			assert.ok(done.includes(from), `${from} is in the configuration`);
			return done.replaceAll(from, to);
		}, text),
	});
	running.push(edge);
	return edge;
}
after(() => Promise.all(running.map((edge) => edge.stop())));

function is429(answer) {
	assert.equal(answer.status, 429);
	assert.equal(answer.json.code, "rate_limited");
	assert.equal(answer.headers["content-type"], "application/problem+json");
	assert.equal(answer.headers["retry-after"], "1");
	assert.equal(answer.headers["x-request-id"], answer.json.request_id);
}

test("an address that asks too often gets 429 with Retry-After, and is heard again a moment later", async () => {
	const edge = await edgeWith({ "burst=400": "burst=5" }, { RATE: 2 });
	const answers = [];
	for (let i = 0; i < 12; i++) answers.push(await ask(edge.port, "GET", i % 2 ? "/v1/x" : "/signin"));
	const heard = answers.filter((answer) => answer.status !== 429);
	assert.ok(heard.length >= 6 && heard.length <= 8, `${heard.length} heard`);
	answers.filter((answer) => answer.status === 429).forEach(is429);
	await until(async () => (await ask(edge.port, "GET", "/v1/x")).status === 200);
});

test("guessing passwords and tokens has a limit of its own, shared by all the doors", async () => {
	const edge = await edgeWith({}, { AUTH_RATE: 1 });
	const doors = ["/v1/auth/login", "/v1/invitations/preview", "/v1/invitations/accept", "/v1/setup"];
	const answers = [];
	for (let i = 0; i < 30; i++) answers.push(await ask(edge.port, "POST", doors[i % doors.length], { "content-type": "application/json" }, "{}"));
	const heard = answers.filter((answer) => answer.status === 200).length;
	assert.ok(heard >= 21 && heard <= 23, `${heard} heard`);
	is429(answers.at(-1));
	for (const url of ["/v1/auth/session", "/v1/auth/logout", "/v1/invitations", "/v1/clients"])
		assert.equal((await ask(edge.port, "GET", url)).status, 200, url);
	for (const url of ["/v1/auth//login", "/v1/auth/./login", "/v1/x/../auth/login", "/v1/auth/%6cogin"]) {
		edge.peer.seen.length = 0;
		const text = await raw(edge.port, `POST ${url} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
		for (const one of edge.peer.seen) assert.notEqual(one.url, "/v1/auth/login", text.slice(0, 20));
	}
});

test("an upload counts once, not once a phase", async () => {
	const edge = await edgeWith({ "burst=400": "burst=5" }, { RATE: 1 });
	edge.peer.answer = (one, res) => {
		res.writeHead(phaseOf(one)?.split(" ")[0] === "authorize" ? 204 : 201);
		res.end();
	};
	const statuses = [];
	for (let i = 0; i < 6; i++) statuses.push((await ask(edge.port, "POST", "/v1/documents", { "content-length": 1 }, "x")).status);
	assert.deepEqual(statuses, [201, 201, 201, 201, 201, 201]);
});

test("no more than so many connections at a time from one address", async () => {
	const edge = await edgeWith({ "limit_conn peers 1000": "limit_conn peers 3" });
	edge.peer.answer = (one, res) => one.url === "/v1/slow" ? undefined : res.end("{}");
	const slow = Array.from({ length: 3 }, () => net.connect(edge.port, "127.0.0.1", function () { this.write("GET /v1/slow HTTP/1.1\r\nHost: a\r\n\r\n"); }));
	await until(() => edge.peer.seen.length === 3);
	is429(await ask(edge.port, "GET", "/v1/x"));
	slow.forEach((socket) => socket.destroy());
	await until(async () => (await ask(edge.port, "GET", "/v1/x")).status === 200);
});

test("a head, a body and a reader that are too slow lose their connection, and the API never waits for them", async () => {
	const edge = await edgeWith({ "client_header_timeout 10s": "client_header_timeout 1s", "client_body_timeout 30s": "client_body_timeout 1s", "send_timeout 30s": "send_timeout 1s" });
	const began = Date.now();
	const head = await raw(edge.port, "GET /v1/x HTTP/1.1\r\nHost: a\r\nX: ", { ms: 5000 });
	assert.equal(head, "");
	assert.ok(Date.now() - began < 3000);

	const body = await raw(edge.port, "POST /v1/clients HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{", { ms: 5000 });
	assert.equal(body, "");
	assert.deepEqual(edge.peer.seen, []);

	const size = 60e6;
	writeFileSync(`${edge.dir}/store/blobs/large`, Buffer.alloc(size));
	edge.peer.answer = (_, res) => {
		res.writeHead(200, { "X-Accel-Redirect": "/_store/large" });
		res.end();
	};
	const got = await new Promise((resolve) => {
		let bytes = 0;
		const socket = net.connect(edge.port, "127.0.0.1", () => socket.write("GET /v1/documents/doc_1/content HTTP/1.1\r\nHost: a\r\n\r\n"));
		socket.on("data", (part) => {
			bytes += part.length;
			socket.pause();
			setTimeout(() => socket.resume(), bytes === part.length ? 4000 : 0);
		});
		socket.on("error", () => {});
		socket.on("close", () => resolve(bytes));
	});
	assert.ok(got < size, `${got} bytes`);
});

test("a thousand clients that never finish their request do not slow the others down", async () => {
	const edge = await edgeWith({});
	const slow = Array.from({ length: 1000 }, (_, i) => {
		const socket = net.connect(edge.port, "127.0.0.1", () => socket.write(`POST /v1/clients HTTP/1.1\r\nHost: a\r\n${i % 2 ? "X: y" : "Content-Length: 900\r\n\r\n{"}`));
		socket.on("error", () => {});
		return socket;
	});
	await until(() => slow.every((socket) => socket.bytesWritten > 0));
	const times = [];
	for (let i = 0; i < 100; i++) {
		const began = performance.now();
		assert.equal((await ask(edge.port, "GET", "/v1/x")).status, 200);
		times.push(performance.now() - began);
	}
	slow.forEach((socket) => socket.destroy());
	assert.ok(times.sort((a, b) => a - b)[98] < 500, `${times[98]} ms`);
	assert.equal(edge.peer.seen.filter((one) => one.method === "POST").length, 0);
});
