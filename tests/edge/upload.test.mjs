// Uploads in phases, downloads by X-Accel-Redirect.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { ask, phaseOf, raw, startEdge, until } from "./edge.mjs";

let edge;
before(async () => (edge = await startEdge()));
after(() => edge.stop());
beforeEach(() => {
	edge.peer.seen.length = 0;
	edge.peer.answer = api;
});

const spooled = () => readdirSync(`${edge.dir}/spool`);
const phases = () => edge.peer.seen.map((one) => phaseOf(one)?.split(" ")[0]);

function problem(res, status, code) {
	res.writeHead(status, { "Content-Type": "application/problem+json", "X-From": "api" });
	res.end(JSON.stringify({ status, code }));
}

/** The API as it should be: authorizes all but ?deny=CODE, takes the spool file by its name. */
function api(one, res) {
	const deny = new URL(one.url, "http://x").searchParams.get("deny");
	const phase = phaseOf(one)?.split(" ")[0];
	if (phase === "authorize") {
		res.writeHead(deny ? 403 : 204);
		return res.end(deny ? "{}" : undefined);
	}
	if (phase === "refused") return problem(res, Number(deny ?? 507), deny ? "denied" : "quota_exceeded");
	if (phase === "body") {
		const file = one.headers["x-portico-spool"];
		one.stored = readFileSync(file);
		if (!/keep=1/.test(one.url)) renameSync(file, `${edge.dir}/store/blobs/taken`);
		res.writeHead(201, { "Content-Type": "application/json", Location: "/v1/documents/doc_1" });
		return res.end('{"id":"doc_1"}');
	}
	res.writeHead(200, { "Content-Type": "application/json" });
	res.end("[]");
}

/** An upload of which only the head and `body` are sent; resolves to what came back within `ms`. */
function begin(url, length, body, headers = "", ms = 400) {
	return raw(edge.port, `POST ${url} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${headers}\r\n${body}`, { ms });
}

test("an upload is authorized, spooled, then handed over by name", async () => {
	for (const url of ["/v1/documents?folder_id=fol_1&name=a%20b.pdf", "/v1/portal/documents?name=x"]) {
		for (const size of [0, 1, 1000, 200000, 3000000]) {
			edge.peer.seen.length = 0;
			const bytes = randomBytes(size);
			const answer = await ask(edge.port, "POST", url, {
				"content-length": size, "content-type": "application/pdf", "idempotency-key": "k1", authorization: "Bearer t", "x-request-id": "upload-1234",
				"x-portico-phase": "body", "x-portico-spool": "/etc/passwd", "x-portico-length": "7", "x-portico-addr": "8.8.8.8",
			}, bytes);
			assert.equal(answer.status, 201);
			assert.equal(answer.headers.location, "/v1/documents/doc_1");
			assert.deepEqual(phases(), ["authorize", "body"]);
			for (const one of edge.peer.seen) {
				assert.equal(one.method, "POST");
				assert.equal(one.url, url);
				assert.equal(one.body.length, 0);
				assert.equal(one.headers["content-length"], "0");
				assert.equal(one.headers["x-portico-length"], String(size));
				assert.equal(one.headers["x-portico-addr"], "127.0.0.1");
				assert.equal(one.headers["idempotency-key"], "k1");
				assert.equal(one.headers.authorization, "Bearer t");
				assert.equal(one.headers["content-type"], "application/pdf");
				assert.equal(one.headers["x-request-id"], "upload-1234");
			}
			const [first, second] = edge.peer.seen;
			assert.equal(first.headers["x-portico-spool"], undefined);
			assert.match(second.headers["x-portico-spool"], new RegExp(`^${edge.dir}/spool/[0-9]+$`));
			assert.ok(second.stored.equals(bytes), `${size} bytes`);
			assert.deepEqual(spooled(), []);
		}
	}
	assert.doesNotMatch(edge.log(), /unlink|failed/);
});

test("a spool file that the API leaves is deleted", async () => {
	await ask(edge.port, "POST", "/v1/documents?keep=1", { "content-length": 5 }, "hello");
	await until(() => spooled().length === 0);
});

test("a refused upload gets the API's own problem, and none of its body is asked for", async () => {
	for (const status of [400, 401, 403, 404, 409, 413, 415, 422, 429, 503, 507]) {
		edge.peer.seen.length = 0;
		const text = await begin(`/v1/documents?deny=${status}`, 5e9, "", "Expect: 100-continue\r\n");
		assert.doesNotMatch(text, /100 Continue/);
		assert.ok(text.startsWith(`HTTP/1.1 ${status} `), text.slice(0, 40));
		assert.match(text, /X-From: api/);
		assert.match(text, /"code":"denied"/);
		assert.deepEqual(phases(), ["authorize", "refused"]);
		for (const one of edge.peer.seen) {
			assert.equal(one.method, "POST");
			assert.equal(one.url, `/v1/documents?deny=${status}`);
			assert.equal(one.headers["x-portico-length"], "5000000000");
			assert.equal(one.body.length, 0);
		}
	}
	assert.deepEqual(spooled(), []);
});

test("a refused upload whose body comes all the same is answered at once and not spooled", async () => {
	const text = await begin("/v1/portal/documents?deny=404", 5e8, "x".repeat(1000000));
	assert.ok(text.startsWith("HTTP/1.1 404 "));
	assert.deepEqual(spooled(), []);
	for (const size of [0, 10, 100000]) {
		const answer = await ask(edge.port, "POST", "/v1/documents?deny=409", { "content-length": size }, Buffer.alloc(size));
		assert.equal(answer.status, 409);
		assert.equal(answer.json.code, "denied");
	}
	await until(() => spooled().length === 0);
});

test("after a refusal the connection goes on with the next request", async () => {
	const text = await raw(edge.port, "POST /v1/documents?deny=409 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /v1/next HTTP/1.1\r\nHost: a\r\n\r\n");
	assert.equal(text.match(/HTTP\/1\.1 (\d+)/g).join(), "HTTP/1.1 409,HTTP/1.1 200");
	assert.equal(edge.peer.seen.at(-1).url, "/v1/next");
});

test("an authorized upload with Expect is told to go on, after the API agreed", async () => {
	const text = await begin("/v1/documents?name=a", 5, "", "Expect: 100-continue\r\n");
	assert.ok(text.startsWith("HTTP/1.1 100 Continue\r\n"));
	assert.deepEqual(phases(), ["authorize"]);
	await until(() => spooled().length === 0);
});

test("no length, no upload: 411; nothing else has more room at that address", async () => {
	for (const head of ["Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "\r\n"]) {
		const text = await raw(edge.port, `POST /v1/documents?name=a HTTP/1.1\r\nHost: a\r\n${head}`);
		assert.ok(text.startsWith("HTTP/1.1 411 "));
		assert.match(text, /"code":"length_required"/);
	}
	for (const method of ["PUT", "PATCH"]) {
		const text = await raw(edge.port, `${method} /v1/documents HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000000\r\n\r\n`);
		assert.ok(text.startsWith("HTTP/1.1 413 "));
		const chunks = await raw(edge.port, `${method} /v1/documents HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n${"x".repeat(0x200000)}\r\n0\r\n\r\n`);
		assert.ok(chunks.startsWith("HTTP/1.1 413 "), chunks.slice(0, 20));
	}
	assert.deepEqual(edge.peer.seen, []);
	for (const url of ["/v1/documents/doc_1", "/v1/documents/", "/v1/portal/documents/doc_1/content", "/v1//documents", "/V1/documents", "/v1/clients"]) {
		const text = await raw(edge.port, `POST ${url} HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n`);
		assert.ok(text.startsWith("HTTP/1.1 413 "), url);
	}
	assert.deepEqual(edge.peer.seen, []);
});

test("a client that vanishes at any byte leaves no spool file and no document", async () => {
	const head = "POST /v1/documents?name=a HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n";
	for (const bytes of [0, 1, 5000, 131072, 200000, 399999]) {
		edge.peer.seen.length = 0;
		await new Promise((resolve) => {
			const socket = net.connect(edge.port, "127.0.0.1", () => socket.write(head + "x".repeat(bytes)));
			socket.on("error", () => {});
			socket.on("close", resolve);
			until(() => phases().length > 0).then(() => setTimeout(() => socket.resetAndDestroy(), 20));
		});
		await until(() => spooled().length === 0);
		assert.deepEqual(phases(), ["authorize"]);
	}
});

test("a client that vanishes while the API has the file: the connection closes, the file goes", async () => {
	let state = "";
	edge.peer.answer = (one, res) => {
		if (phaseOf(one)?.split(" ")[0] === "authorize") return api(one, res);
		state = "busy";
		res.on("close", () => (state = "left"));
	};
	const socket = net.connect(edge.port, "127.0.0.1");
	socket.on("error", () => {});
	socket.write(`POST /v1/documents?name=a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`);
	await until(() => state === "busy");
	assert.equal(spooled().length, 1);
	socket.resetAndDestroy();
	await until(() => state === "left");
	await until(() => spooled().length === 0);
});

test("a spool that cannot be written: the API is asked for the real problem", async () => {
	const full = await startEdge({ edit: (text) => text.replace("client_body_temp_path @SPOOL@;", "client_body_temp_path @SPOOL@/sub;") });
	try {
		full.peer.answer = api;
		rmSync(`${full.dir}/spool/sub`, { recursive: true });
		writeFileSync(`${full.dir}/spool/sub`, "");
		const answer = await ask(full.port, "POST", "/v1/documents?name=a", { "content-length": 5 }, "hello");
		assert.deepEqual(full.peer.seen.map((one) => phaseOf(one)?.split(" ")[0]), ["authorize", "refused"]);
		assert.equal(answer.status, 507);
		assert.equal(answer.json.code, "quota_exceeded");
	} finally {
		await full.stop();
	}
});

test("the memory of nginx does not grow with the upload", async () => {
	const size = 300e6;
	const chunk = randomBytes(1000000);
	const sum = createHash("sha256");
	const file = `${edge.dir}/store/blobs/taken`;
	edge.peer.answer = (one, res) => {
		if (phaseOf(one)?.split(" ")[0] !== "body") return api(one, res);
		renameSync(one.headers["x-portico-spool"], file);
		res.writeHead(201);
		res.end();
	};
	const text = await new Promise((resolve, reject) => {
		const socket = net.connect(edge.port, "127.0.0.1", async () => {
			socket.write(`POST /v1/documents?name=big HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
			for (let i = 0; i < size / chunk.length; i++) {
				sum.update(chunk);
				if (!socket.write(chunk)) await new Promise((drained) => socket.once("drain", drained));
			}
		});
		let got = "";
		socket.on("data", (part) => (got += part));
		socket.on("error", reject);
		socket.on("close", () => resolve(got));
	});
	assert.ok(text.startsWith("HTTP/1.1 201 "));
	assert.equal(statSync(file).size, size);
	assert.equal(createHash("sha256").update(readFileSync(file)).digest("hex"), sum.digest("hex"));
	const master = readFileSync(`${edge.dir}/edge.pid`, "utf8").trim();
	for (const pid of readFileSync(`/proc/${master}/task/${master}/children`, "utf8").trim().split(" ")) {
		const peak = Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmHWM:\s+(\d+)/)[1]);
		assert.ok(peak < 60000, `${peak} kB`);
	}
});

// ---- downloads ------------------------------------------------------------------------------------------------

const blob = randomBytes(100000);
const tag = `"${createHash("sha256").update(blob).digest("hex")}"`;
const OURS = {
	"Content-Type": "application/pdf", ETag: tag, "Content-Disposition": `attachment; filename="a_.pdf"; filename*=UTF-8''%C3%A4.pdf`,
	"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Cache-Control": "private, no-cache",
	"Access-Control-Allow-Origin": "https://app.example", "Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": "ETag", Vary: "Origin",
	"X-Request-Id": "whatever-1",
};

function serve(path = "/_store/ab/blob1") {
	writeFileSync(`${edge.dir}/store/blobs/blob1`, blob);
	edge.peer.answer = (one, res) => {
		res.writeHead(200, { ...OURS, "X-Accel-Redirect": path });
		res.end();
	};
}
const get = (headers = {}, method = "GET") => ask(edge.port, method, "/v1/documents/doc_1/content", { "x-request-id": "download-1", ...headers });

function hasOurs(answer) {
	for (const [name, value] of Object.entries(OURS)) {
		if (name === "X-Request-Id") continue;
		assert.equal(answer.headers[name.toLowerCase()], value, name);
	}
	assert.equal(answer.headers["x-request-id"], "download-1");
	for (const name of ["last-modified", "x-accel-redirect", "expires"]) assert.equal(answer.headers[name], undefined, name);
	const sent = answer.raw.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
	assert.equal(new Set(sent).size, sent.length, `each header once: ${sent}`);
}

test("a download has the bytes and all of the API's headers", async () => {
	serve("/_store/blob1");
	const answer = await get();
	assert.equal(answer.status, 200);
	assert.ok(answer.bytes.equals(blob));
	assert.equal(answer.headers["content-length"], "100000");
	assert.equal(answer.headers["accept-ranges"], "bytes");
	hasOurs(answer);
	const head = await get({}, "HEAD");
	assert.equal(head.status, 200);
	assert.equal(head.bytes.length, 0);
	assert.equal(head.headers["content-length"], "100000");
	hasOurs(head);
});

test("ranges: first, middle, suffix, open; several are the whole; past the end is 416", async () => {
	serve("/_store/blob1");
	for (const [range, from, to] of [["bytes=0-0", 0, 0], ["bytes=0-999", 0, 999], ["bytes=5000-5999", 5000, 5999], ["bytes=-10", 99990, 99999], ["bytes=99999-", 99999, 99999], ["bytes=50000-999999999", 50000, 99999], ["bytes=-999999", 0, 99999]]) {
		for (const extra of [{}, { "if-match": tag }, { "if-match": "*" }, { "if-range": tag }]) {
			const answer = await get({ range, ...extra });
			assert.equal(answer.status, 206, range);
			assert.equal(answer.headers["content-range"], `bytes ${from}-${to}/100000`);
			assert.ok(answer.bytes.equals(blob.subarray(from, to + 1)));
			hasOurs(answer);
		}
		const head = await get({ range }, "HEAD");
		assert.equal(head.status, 206);
		assert.equal(head.headers["content-length"], String(to - from + 1));
	}
	for (const range of ["bytes=0-1,5-6", "bytes=0-1, -1"]) {
		for (const extra of [{}, { "if-match": tag }]) {
			const answer = await get({ range, ...extra });
			assert.equal(answer.status, 200, range);
			assert.ok(answer.bytes.equals(blob));
			hasOurs(answer);
		}
	}
	for (const range of ["bytes=100000-", "bytes=5-4"]) {
		const answer = await get({ range });
		assert.equal(answer.status, 416);
		assert.equal(answer.json.code, "range_not_satisfiable");
		assert.equal(answer.headers["content-type"], "application/problem+json");
		assert.equal(answer.headers["content-range"], "bytes */100000");
		assert.match(answer.headers["cache-control"], /no-store/);
	}
});

test("If-Range: the whole when the tag differs, also for a weak tag and a date", async () => {
	serve("/_store/blob1");
	for (const [value, status] of [[tag, 206], ['"other"', 200], [`W/${tag}`, 200], ["Wed, 21 Oct 2099 07:28:00 GMT", 200], ["Wed, 21 Oct 2015 07:28:00 GMT", 200]]) {
		const answer = await get({ range: "bytes=1-2", "if-range": value });
		assert.equal(answer.status, status, value);
		hasOurs(answer);
	}
});

test("If-Match, If-None-Match and dates: what the API let through is not refused again", async () => {
	serve("/_store/blob1");
	for (const extra of [{ "if-match": tag }, { "if-match": `"x", ${tag}` }, { "if-none-match": '"other"' }, { "if-modified-since": new Date(Date.now() + 1e6).toUTCString() }, { "if-match": tag, "if-none-match": '"other"' }]) {
		const answer = await get(extra);
		assert.equal(answer.status, 200, JSON.stringify(extra));
		assert.ok(answer.bytes.equals(blob));
		hasOurs(answer);
		const head = await get(extra, "HEAD");
		assert.equal(head.status, 200);
		assert.equal(head.headers["content-length"], "100000");
		hasOurs(head);
	}
});

test("an empty document", async () => {
	serve("/_store/empty");
	writeFileSync(`${edge.dir}/store/blobs/empty`, "");
	for (const extra of [{}, { "if-match": tag }]) {
		const answer = await get(extra);
		assert.equal(answer.status, 200);
		assert.equal(answer.bytes.length, 0);
		hasOurs(answer);
	}
	assert.equal((await get({ range: "bytes=0-" })).status, 200, "no range fits nothing: the whole");
});

test("a blob that is gone, and a path out of the store, are 500 without a word about files", async () => {
	serve("/_store/../../edge.pid");
	assert.equal((await get()).status, 404);
	for (const path of ["/_store/nothing", "/_store/"]) {
		serve(path);
		for (const extra of [{}, { "if-match": tag }]) {
			const answer = await get(extra);
			assert.equal(answer.status, 500, path);
			assert.equal(answer.json.code, "internal_error");
			assert.equal(answer.headers.etag, undefined);
			assert.match(answer.headers["cache-control"], /no-store/);
			assert.doesNotMatch(answer.bytes.toString(), /blobs|store/);
		}
	}
});

test("the second server is behind the run directory, and the store behind the API", async () => {
	assert.ok(existsSync(`${edge.dir}/run/edge-store.sock`));
	serve("/_store/blob1");
	assert.equal((await ask(edge.port, "GET", "/_store/blob1")).status, 404);
});
