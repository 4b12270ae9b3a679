// One nginx with the edge's configuration, in a directory of its own, and a recording peer in the API's place.
import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, writeFileSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, "../..");
export const template = readFileSync(path.join(root, "api/edge/nginx.conf.in"), "utf8");

function freePort() {
	return new Promise((resolve, reject) => {
		const probe = net.createServer().on("error", reject);
		probe.listen(0, "127.0.0.1", () => {
			const { port } = probe.address();
			probe.close(() => resolve(port));
		});
	});
}

/** Wait until `ask` answers something true; fail after `ms`. */
export async function until(ask, ms = 5000, what = "the condition") {
	const end = Date.now() + ms;
	for (;;) {
		const got = await ask();
		if (got) return got;
		if (Date.now() > end) throw new Error(`${what} did not come true in ${ms} ms`);
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}

/** The peer: `peer.seen` holds each request as it arrived, `peer.answer` decides what it gets. */
async function startPeer(socket) {
	const peer = { seen: [], answer: null };
	const server = http.createServer((req, res) => {
		const parts = [];
		const one = { method: req.method, url: req.url, headers: req.headers, raw: req.rawHeaders, aborted: false };
		peer.seen.push(one);
		req.on("data", (part) => parts.push(part));
		res.on("close", () => (one.aborted = !res.writableEnded));
		req.on("end", () => {
			one.body = Buffer.concat(parts);
			if (peer.answer) return peer.answer(one, res);
			res.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
			res.end('{"ok":true}');
		});
	});
	server.keepAliveTimeout = 20000;
	await new Promise((resolve) => server.listen(socket, resolve));
	peer.close = () => {
		server.closeAllConnections();
		return new Promise((resolve) => server.close(resolve));
	};
	return peer;
}

/**
 * Start an edge. `edit` may change the configuration's text, `values` its placeholders. The answer has `port`, `dir`,
 * `peer`, and `stop()`.
 */
export async function startEdge({ values = {}, edit = (text) => text, withPeer = true } = {}) {
	const dir = mkdtempSync(path.join(tmpdir(), "edge-"));
	for (const sub of ["logs", "run", "spool", "store/blobs", "pages"]) mkdirSync(path.join(dir, sub), { recursive: true });
	const port = await freePort();
	const fill = {
		STATE: dir, RUN: `${dir}/run`, PORT: port, SOCKET: `${dir}/run/api.sock`, PAGES: path.join(root, "api/edge/pages"),
		WORKERS: 1, SPOOL: `${dir}/spool`, STORE: `${dir}/store`, RATE: 100000, AUTH_RATE: 100000,
		PUBLIC_URL: "https://portal.example", CORS_ORIGINS: "https://app.example http://b.example:81",
		PROXIES: "", ...values,
	};
	const text = edit(template).replace(/@([A-Z_]+)@/g, (_, name) => {
		if (!(name in fill)) throw new Error(`nginx.conf.in wants a value for @${name}@`);
		return fill[name];
	});
	writeFileSync(`${dir}/nginx.conf`, text);
	const peer = withPeer ? await startPeer(fill.SOCKET) : null;
	const user = process.getuid() === 0 ? ["-g", "user root;"] : [];
	const child = spawn("nginx", ["-p", dir, "-c", `${dir}/nginx.conf`, "-e", `${dir}/logs/start.log`, ...user],
		{ stdio: ["ignore", "inherit", "inherit"] });
	const gone = new Promise((resolve) => child.on("exit", resolve));
	await until(() => new Promise((resolve) => {
		const probe = net.connect(port, "127.0.0.1", () => { probe.destroy(); resolve(true); });
		probe.on("error", () => resolve(child.exitCode !== null));
	}));
	if (child.exitCode !== null) {
		await peer?.close();
		throw new Error(readFileSync(`${dir}/logs/start.log`, "utf8"));
	}
	return {
		port, dir, peer, url: `http://127.0.0.1:${port}`,
		log: () => readFileSync(`${dir}/logs/edge.log`, "utf8"),
		async stop() {
			child.kill("SIGTERM");
			await gone;
			await peer?.close();
			rmSync(dir, { recursive: true });
		},
	};
}

/** Send bytes as they are; read until the edge closes or `ms` pass without a byte after the last. */
export function raw(port, bytes, { ms = 400, end = false } = {}) {
	return new Promise((resolve, reject) => {
		const parts = [];
		const socket = net.connect(port, "127.0.0.1", () => (end ? socket.end(bytes) : socket.write(bytes)));
		socket.setTimeout(ms, () => socket.destroy());
		socket.on("data", (part) => parts.push(part));
		socket.on("error", (error) => (error.code === "ECONNREFUSED" ? reject(error) : undefined));
		socket.on("close", () => resolve(Buffer.concat(parts).toString("latin1")));
	});
}

/** One request with node's client, which sends what it is told; the body may be a string or a buffer. */
export function ask(port, method, url, headers = {}, body = undefined) {
	return new Promise((resolve, reject) => {
		const req = http.request({ host: "127.0.0.1", port, method, path: url, headers, agent: false }, (res) => {
			const parts = [];
			res.on("data", (part) => parts.push(part));
			res.on("error", reject);
			res.on("end", () => {
				const bytes = Buffer.concat(parts);
				const type = res.headers["content-type"] ?? "";
				resolve({
					status: res.statusCode, headers: res.headers, raw: res.rawHeaders, bytes,
					json: /json/.test(type) && bytes.length ? JSON.parse(bytes) : undefined,
				});
			});
		});
		req.on("error", reject);
		req.end(body);
	});
}

/** The part of an upload that a request is; the body's is followed by the seconds it took. */
export function phaseOf(one) {
	const [phase, seconds] = (one.headers["x-portico-phase"] ?? "").split(" ");
	if (seconds !== undefined && !(phase === "body" && /^[0-9]+\.[0-9]{3}$/.test(seconds))) throw new Error(`phase ${one.headers["x-portico-phase"]}`);
	return phase;
}

/** The codes of shared/base/problems.def: code → { status, title }. */
export function problemTable() {
	const table = {};
	for (const [, code, status, title] of readFileSync(path.join(root, "shared/base/problems.def"), "utf8")
		.matchAll(/^P\((\w+), (\d+), "(.*)"\)/gm))
		table[code] = { status: Number(status), title };
	return table;
}
