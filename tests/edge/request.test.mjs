// What reaches the API, and what the edge refuses by itself.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { ask, problemTable, raw, startEdge, template, until } from "./edge.mjs";
import { readFileSync } from "node:fs";

const LISTED = [
	"host", "content-length", "content-type", "content-digest", "authorization", "cookie", "origin", "sec-fetch-site",
	"access-control-request-method", "user-agent", "range", "if-range", "if-match", "if-none-match", "idempotency-key",
	"x-request-id", "x-portico-addr", "x-portico-phase", "x-portico-spool", "x-portico-length",
];

let edge;
before(async () => (edge = await startEdge()));
after(() => edge.stop());
beforeEach(() => {
	edge.peer.seen.length = 0;
	edge.peer.answer = null;
});

const names = (one) => one.raw.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());

function isProblem(answer, status, code, what) {
	assert.equal(answer.status, status, what);
	assert.equal(answer.headers["content-type"], "application/problem+json");
	assert.deepEqual(Object.keys(answer.json).sort(), ["code", "detail", "errors", "request_id", "status", "title", "type"]);
	assert.equal(answer.json.status, status);
	assert.equal(answer.json.code, code);
	assert.equal(answer.json.type, `https://portal.example/problems/${code}`);
	assert.equal(answer.json.request_id, answer.headers["x-request-id"]);
	assert.equal(answer.headers["cache-control"], "no-store");
	assert.equal(answer.headers["x-content-type-options"], "nosniff");
	assert.doesNotMatch(answer.headers.server ?? "", /\d/);
}

/** The status and the body of a raw answer, as isProblem wants them. */
function parse(text) {
	const [head, ...rest] = text.split("\r\n\r\n");
	const [first, ...lines] = head.split("\r\n");
	const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]));
	const body = rest.join("\r\n\r\n");
	return { status: Number(first.split(" ")[1]), headers, json: /json/.test(headers["content-type"]) && headers["content-length"] && body ? JSON.parse(body.slice(0, headers["content-length"])) : undefined };
}

test("only the listed headers pass, never an empty one", async () => {
	const sent = Object.fromEntries(LISTED.map((name) => [name, "x"]));
	Object.assign(sent, {
		host: `Portal.Example:${edge.port}`, "content-length": 2, cookie: "a=1; __Host-session=tok; b=2", "x-request-id": "from-outside-1",
		"x-forwarded-for": "9.9.9.9", forwarded: "for=9.9.9.9", "x-real-ip": "9.9.9.9", "x-accel-redirect": "/_store/x",
		"x-original-uri": "/x", "content-encoding": "gzip", te: "trailers", expect: "", "accept-encoding": "gzip", referer: "/x",
		"x-http-method-override": "DELETE", "hostile": "1", "x-portico-anything": "1", "transfer-encodin": "chunked", "if-modified-since": "x",
	});
	delete sent.range;
	const answer = await ask(edge.port, "POST", "/v1/clients", sent, "{}");
	assert.equal(answer.status, 200);
	const [one] = edge.peer.seen;
	const got = names(one);
	assert.deepEqual(got.filter((name) => !LISTED.includes(name)), []);
	assert.equal(new Set(got).size, got.length, "no header twice");
	assert.ok(got.length <= 20);
	for (let i = 1; i < one.raw.length; i += 2) assert.notEqual(one.raw[i], "");
	assert.equal(one.headers.host, `portal.example:${edge.port}`);
	assert.equal(one.headers["x-portico-addr"], "127.0.0.1");
	assert.equal(one.headers.cookie, "__Host-session=tok");
	for (const name of ["x-portico-phase", "x-portico-spool", "x-portico-length"]) assert.equal(one.headers[name], undefined);

	await ask(edge.port, "GET", "/v1/clients?limit=2&cursor=a%20b", {});
	assert.equal(edge.peer.seen[1].url, "/v1/clients?limit=2&cursor=a%20b");
	assert.deepEqual(names(edge.peer.seen[1]).sort(), ["host", "x-portico-addr", "x-request-id"]);
});

test("whose address it is: told by a proxy that is believed, the last that is none itself", async () => {
	const behind = await startEdge({ values: { PROXIES: "set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8;" } });
	try {
		for (const [forwarded, addr] of [
			[undefined, "127.0.0.1"], ["203.0.113.7", "203.0.113.7"], ["6.6.6.6, 203.0.113.7, 10.1.1.1", "203.0.113.7"],
			["2001:db8::7", "2001:db8::7"], ["nobody", "127.0.0.1"],
		]) {
			await ask(behind.port, "GET", "/v1/clients", forwarded ? { "x-forwarded-for": forwarded } : {});
			assert.equal(behind.peer.seen.at(-1).headers["x-portico-addr"], addr, forwarded);
		}
	} finally {
		await behind.stop();
	}
});

test("the list in the configuration is the list above", () => {
	const http = template.slice(0, template.indexOf("\tserver {"));
	const set = [...http.matchAll(/proxy_set_header (\S+)/g)].map((m) => m[1].toLowerCase()).filter((name) => name !== "connection");
	assert.deepEqual(set.sort(), [...LISTED].sort());
});

test("request ids: a good one from outside is kept, any other replaced", async () => {
	for (const [given, kept] of [["abcd-1234_Z", true], ["a".repeat(64), true], ["short", false], ["a".repeat(65), false], ["with space 1", false], ['quote"12345', false]]) {
		const answer = await ask(edge.port, "GET", "/v1/x", { "x-request-id": given });
		const inside = edge.peer.seen.at(-1).headers["x-request-id"];
		assert.match(inside, /^[A-Za-z0-9_-]{8,64}$/);
		assert.equal(inside === given, kept, given);
		assert.equal(answer.headers["x-request-id"], inside);
	}
	const [one, two] = [await ask(edge.port, "GET", "/v1/x"), await ask(edge.port, "GET", "/v1/x")];
	assert.match(one.headers["x-request-id"], /^req_[0-9a-f]{32}$/);
	assert.notEqual(one.headers["x-request-id"], two.headers["x-request-id"]);
});

test("of all cookies only the session's passes; two of them pass as two", async () => {
	for (const [sent, got] of [
		["__Host-session=a", "__Host-session=a"], ["x=1;__Host-session=a;y=2", "__Host-session=a"], ["x=1", undefined], ["x__Host-session=a", undefined],
		["__Host-session=a; __Host-session=b", "__Host-session=a; __Host-session=b"], ["q=1; __Host-session=a; r=2; __Host-session=b; s=3", "__Host-session=a; __Host-session=b"],
		["ü=1; __Host-session=a", "__Host-session=a"], ["__Host-sessionx=a", undefined], [`${"k=v; ".repeat(300)}__Host-session=a`, "__Host-session=a"],
	]) {
		const answer = await ask(edge.port, "GET", "/v1/x", { cookie: Buffer.from(sent).toString("latin1") });
		assert.equal(answer.status, 200, sent);
		assert.equal(edge.peer.seen.at(-1).headers.cookie, got, sent);
	}
	await raw(edge.port, "GET /v1/x HTTP/1.1\r\nHost: a\r\nCookie: __Host-session=a\r\nCookie: __Host-session=b\r\nConnection: close\r\n\r\n");
	assert.equal(edge.peer.seen.at(-1).headers.cookie, "__Host-session=a; __Host-session=b");
});

test("a body where the method has none is 400 and goes nowhere", async () => {
	for (const method of ["GET", "HEAD", "OPTIONS", "DELETE"]) {
		for (const body of ["Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "Content-Length: 00003\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]) {
			const answer = parse(await raw(edge.port, `${method} /v1/clients HTTP/1.1\r\nHost: a\r\n${body}`));
			if (method === "HEAD") assert.equal(answer.status, 400);
			else isProblem(answer, 400, "malformed_request");
		}
	}
	assert.equal(edge.peer.seen.length, 0);
	for (const method of ["GET", "DELETE", "OPTIONS"]) {
		await raw(edge.port, `${method} /v1/clients HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
		assert.equal(edge.peer.seen.at(-1).method, method);
		assert.equal(edge.peer.seen.at(-1).headers["content-length"], undefined);
	}
});

test("chunks arrive as one body with its length; no body as length 0", async () => {
	const big = "x".repeat(300000);
	for (const method of ["POST", "PUT", "PATCH"]) {
		for (const body of ["{}", big]) {
			await ask(edge.port, method, "/v1/clients", { "transfer-encoding": "chunked", "content-type": "application/json" }, body);
			const one = edge.peer.seen.at(-1);
			assert.equal(one.headers["content-length"], String(body.length));
			assert.equal(one.headers["transfer-encoding"], undefined);
			assert.equal(one.body.toString(), body);
		}
		await raw(edge.port, `${method} /v1/auth/logout HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
		assert.equal(edge.peer.seen.at(-1).method, method);
		assert.equal(edge.peer.seen.at(-1).headers["content-length"], "0");
	}
});

test("two requests in one are refused or stay one", async () => {
	const inner = "GET /v1/smuggled HTTP/1.1\r\nHost: b\r\n\r\n";
	const head = "POST /v1/clients HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
	const chunked = `0\r\n\r\n${inner}`;
	const attempts = [
		`${head}Content-Length: ${chunked.length}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
		`${head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n${chunked}`,
		`${head}Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
		`${head}Content-Length: ${inner.length}\r\nContent-Length: 0\r\n\r\n${inner}`,
		`${head}Content-Length: +0\r\n\r\n${inner}`,
		`${head}Content-Length: -1\r\n\r\n${inner}`,
		`${head}Content-Length: 0, ${inner.length}\r\n\r\n${inner}`,
		`${head}Content-Length: 0x10\r\n\r\n${inner}`,
		`${head}Content-Length: 99999999999999999999999\r\n\r\n${inner}`,
		`${head}Transfer-Encoding: xchunked\r\n\r\n${chunked}`,
		`${head}Transfer-Encoding: chunked, identity\r\n\r\n${chunked}`,
		`${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${chunked}`,
		`${head}Transfer-Encoding:\x0bchunked\r\n\r\n${chunked}`,
		`${head}Transfer-Encoding : chunked\r\n\r\n${chunked}`,
		`${head}X: 1\rTransfer-Encoding: chunked\r\n\r\n${chunked}`,
		`${head}Idempotency-Key: a\r\n Content-Length: 4\r\n\r\n${inner}`,
		`${head}Idempotency-Key: a\rContent-Length: 4\r\n\r\n${inner}`,
		`${head}Idempotency-Key: a\x00\r\n\r\n${inner}`,
		`${head}Content-Length\x00: 4\r\n\r\n${inner}`,
		`${head}Transfer-Encoding: chunked\r\n\r\n5;x=\x00\r\n`,
		`${head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n${inner}`,
		`${head}Transfer-Encoding: chunked\r\n\r\n-1\r\n${inner}`,
		`GET /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
		`GET /v1/a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`,
		`GET /v1/a HTTP/1.1\r\n\r\n`,
		`GET /v1/a\r\n`,
		`GET  /v1/a HTTP/1.1\r\nHost: a\r\n\r\n`,
		`GET /v1/a b HTTP/1.1\r\nHost: a\r\n\r\n`,
		`GET /v1/a\x01 HTTP/1.1\r\nHost: a\r\n\r\n`,
		`GET /v1/a HTTP/2.0\r\nHost: a\r\n\r\n`,
		`GET /v1/a HTTP/1.1\r\nHost: a/b\r\n\r\n`,
		`GET /v1/a HTTP/1.1\r\nHost: a b\r\n\r\n`,
	];
	for (const attempt of attempts) {
		edge.peer.seen.length = 0;
		const text = await raw(edge.port, attempt, { ms: 250 });
		assert.equal(edge.peer.seen.filter((one) => one.url === "/v1/smuggled" && one.headers.host === "b").length <= 1, true);
		for (const one of edge.peer.seen) assert.notEqual(one.url, "/v1/smuggled", JSON.stringify(attempt));
		assert.ok(edge.peer.seen.length <= 1, JSON.stringify(attempt));
		if (text === "") continue;
		if (!text.startsWith("HTTP/")) {
			assert.match(text, /"malformed_request"/, "HTTP/0.9 has no headers");
			continue;
		}
		const answer = parse(text);
		assert.ok([200, 400].includes(answer.status), `${answer.status} for ${JSON.stringify(attempt)}`);
		if (answer.status !== 200) isProblem(answer, 400, "malformed_request");
	}
});

test("header values that Kore would not take are refused here", async () => {
	for (const header of ["Authorization: Bearer \xc3\xa9", "Idempotency-Key: a\tb", "Origin: http://\xff", "If-Match: \x7f"]) {
		isProblem(parse(await raw(edge.port, Buffer.from(`GET /v1/x HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`, "latin1"))), 400, "malformed_request");
	}
	isProblem(parse(await raw(edge.port, Buffer.from("GET /v1/\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "latin1"))), 400, "malformed_request");
	assert.equal(edge.peer.seen.length, 0);
	await raw(edge.port, Buffer.from("GET /v1/x HTTP/1.1\r\nHost: a\r\nUser-Agent: Caf\xe9/1\r\nReferer: \xe9\r\nConnection: close\r\n\r\n", "latin1"));
	assert.equal(edge.peer.seen[0].headers["user-agent"], "Caf", "a user agent is cut, not refused");
});

test("limits: body, address, headers; all that passes fits Kore's 4,096 bytes", async () => {
	isProblem(await ask(edge.port, "POST", "/v1/clients", { "content-length": 1048577, expect: "100-continue" }), 413, "too_large");
	isProblem(await ask(edge.port, "PUT", "/v1/documents", { "content-length": 1000000 }, Buffer.alloc(1000000)), 413, "too_large");
	const chunked = await raw(edge.port, `POST /v1/clients HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${"ffff\r\n" + "x".repeat(65535) + "\r\n"}`.concat("ffff\r\n" + "x".repeat(65535) + "\r\n").concat(("ffff\r\n" + "x".repeat(65535) + "\r\n").repeat(16)));
	isProblem(parse(chunked), 413, "too_large");
	isProblem(await ask(edge.port, "GET", `/v1/${"x".repeat(1900)}`), 414, "uri_too_long");
	isProblem(await ask(edge.port, "GET", `/v1/${"x".repeat(5000)}`), 414, "uri_too_long");
	isProblem(await ask(edge.port, "GET", "/v1/x", { "idempotency-key": "k".repeat(3300) }), 431, "headers_too_large");
	isProblem(await ask(edge.port, "GET", "/v1/x", { "x-anything": "k".repeat(5000) }), 431, "headers_too_large");
	isProblem(await ask(edge.port, "GET", "/v1/x", Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`x-${i}`, "k".repeat(3000)]))), 431, "headers_too_large");
	assert.equal(edge.peer.seen.length, 0);

	const fits = await ask(edge.port, "POST", `/v1/documents?name=${"n".repeat(1850)}`, {
		"content-length": 3, "user-agent": "u".repeat(2000), authorization: `Bearer ${"t".repeat(1150)}`, "x-request-id": "r".repeat(64), origin: "https://app.example",
	}, "abc");
	assert.equal(fits.status, 200);
	for (const one of edge.peer.seen) {
		const block = `${one.method} ${one.url} HTTP/1.1\r\n` + one.raw.map((part, i) => part + (i % 2 ? "\r\n" : ": ")).join("") + "\r\n";
		assert.ok(block.length <= 4096, `${block.length} bytes`);
	}
	assert.equal((await ask(edge.port, "POST", "/v1/clients", {}, Buffer.alloc(1048576, 32))).status, 200);
});

test("methods that nobody knows are 405 with Allow, without the API", async () => {
	for (const method of ["PROPFIND", "TRACE", "CONNECT", "FOO", "LOCK"]) {
		const answer = parse(await raw(edge.port, `${method} /v1/clients HTTP/1.1\r\nHost: a\r\n\r\n`));
		isProblem(answer, 405, "method_not_allowed");
		assert.equal(answer.headers.allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	}
	isProblem(parse(await raw(edge.port, "get /v1/clients HTTP/1.1\r\nHost: a\r\n\r\n")), 400, "malformed_request");
	assert.equal(edge.peer.seen.length, 0);
	for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
		await ask(edge.port, method, "/v1/documents");
		assert.equal(edge.peer.seen.at(-1).method, method);
	}
	const page = await ask(edge.port, "POST", "/signin", {}, "x=1");
	isProblem(page, 405, "method_not_allowed");
	assert.equal(page.headers.allow, "GET, HEAD");
});

test("only the API's addresses go to the API", async () => {
	for (const url of ["/healthz", "/readyz", "/openapi.json", "/v1/clients", "/v1/", "/problems/not_found", "/metrics"]) {
		edge.peer.seen.length = 0;
		assert.equal((await ask(edge.port, "GET", url)).status, 200, url);
		assert.equal(edge.peer.seen[0].url, url);
	}
	edge.peer.seen.length = 0;
	for (const url of ["/v1", "/v2/x", "//v1/x", "/metrics/x", "/_store/x", "/_authorize", "/_refused", "/_problem/not_found", "/.git/config", "/assets/../nginx.conf", "/assets/%2e%2e/nginx.conf.in", "/items/fol_x", "/healthz/"])
		isProblem(await ask(edge.port, "GET", url), 404, "not_found", url);
	assert.equal((await raw(edge.port, "GET /../../../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n")).split(" ")[1], "400");
	assert.equal(edge.peer.seen.length, 0);
});

test("what the API answers passes as it is", async () => {
	for (const status of [200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 416, 422, 429, 500, 503, 507]) {
		edge.peer.answer = (_, res) => {
			res.writeHead(status, {
				"Content-Type": "application/problem+json", "Cache-Control": "no-store", "Retry-After": "7", Allow: "GET", ETag: '"v1"',
				"Set-Cookie": "__Host-session=x; Secure; HttpOnly", "Access-Control-Allow-Origin": "https://app.example", Vary: "Origin", "X-Request-Id": "made-by-api",
			});
			res.end([204, 304].includes(status) ? undefined : '{"from":"api"}');
		};
		const answer = await ask(edge.port, "GET", "/v1/x", { origin: "https://app.example" });
		assert.equal(answer.status, status);
		if (answer.json) assert.deepEqual(answer.json, { from: "api" });
		for (const [name, value] of [["cache-control", "no-store"], ["retry-after", "7"], ["allow", "GET"], ["etag", '"v1"'], ["vary", "Origin"], ["access-control-allow-origin", "https://app.example"]])
			assert.equal(answer.headers[name], value);
		for (const name of answer.raw.filter((_, i) => i % 2 === 0))
			assert.equal(answer.raw.filter((other) => other === name).length, 1, `${name} once`);
		assert.notEqual(answer.headers["x-request-id"], "made-by-api");
	}
});

test("no API: 503 with Retry-After, in one shape, at once", async () => {
	const alone = await startEdge({ withPeer: false });
	try {
		for (const [method, url] of [["GET", "/v1/x"], ["POST", "/v1/clients"], ["POST", "/v1/auth/login"], ["GET", "/healthz"], ["POST", "/v1/documents?name=a"], ["POST", "/v1/portal/documents?name=a"]]) {
			const began = Date.now();
			const answer = await ask(alone.port, method, url, method === "POST" ? { "content-length": 2 } : {}, method === "POST" ? "{}" : undefined);
			isProblem(answer, 503, "unavailable");
			assert.equal(answer.headers["retry-after"], "1");
			assert.ok(Date.now() - began < 2000);
		}
	} finally {
		await alone.stop();
	}
});

test("a connection that the API has closed meanwhile is no error", async () => {
	edge.peer.answer = (_, res) => {
		res.writeHead(200, { "Content-Type": "application/json" });
		res.end("{}");
		setImmediate(() => res.socket?.destroy());
	};
	for (let i = 0; i < 20; i++) assert.equal((await ask(edge.port, "GET", "/v1/x")).status, 200);
});

test("the edge's own problems carry the cross-origin headers of a known origin", async () => {
	for (const [origin, known] of [["https://app.example", true], ["http://b.example:81", true], ["https://app.example.evil", false], ["http://b.example", false], ["null", false], ["https://app.exampl", false], [".*", false]]) {
		const answer = await ask(edge.port, "POST", "/v1/clients", { origin, "content-length": 2000000, expect: "100-continue" });
		isProblem(answer, 413, "too_large");
		assert.equal(answer.headers["access-control-allow-origin"], known ? origin : undefined, origin);
		assert.equal(answer.headers["access-control-allow-credentials"], known ? "true" : undefined);
		assert.equal(answer.headers.vary, "Origin");
		if (known) assert.match(answer.headers["access-control-expose-headers"], /RateLimit, .*X-Request-Id/);
	}
});

test("the edge's codes, statuses and titles are those of the API's table", () => {
	const table = problemTable();
	const map = (name) => {
		const [, text] = template.match(new RegExp(`map \\$problem_code \\$problem_${name} \\{([^}]*)\\}`));
		return Object.fromEntries([...text.matchAll(/^\t\t(\w+) "?([^";]*)"?;/gm)].map(([, code, value]) => [code, value]));
	};
	const [status, title, detail] = [map("status"), map("title"), map("detail")];
	const used = new Set([...template.matchAll(/\/_problem\/([a-z_]+);/g)].map((m) => m[1]));
	for (const code of used) {
		const mine = code === "internal_error" ? "default" : code;
		assert.ok(status[mine] && title[mine] && detail[mine], code);
		assert.ok(table[code], `${code} is in problems.def`);
		assert.equal(Number(status[mine]), table[code].status, code);
		assert.equal(title[mine], table[code].title, code);
	}
});

test("the log has what the API did not answer, and no query", async () => {
	await ask(edge.port, "GET", "/v1/answered?secret=1");
	await ask(edge.port, "POST", "/nowhere?secret=2", { "x-request-id": "log-me-please" });
	const log = () => readFileSync(`${edge.dir}/logs/edge-requests.log`, "utf8");
	const entry = JSON.parse(await until(() => log().split("\n").find((line) => line.includes("log-me-please"))));
	assert.equal(entry.path, "/nowhere");
	assert.equal(entry.method, "POST");
	assert.equal(entry.status, 404);
	assert.ok(!/secret|answered/.test(log()));
});
