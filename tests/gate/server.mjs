// server.mjs - the gate with its own dispatcher (server.c) as a process, and a client that reads as the edge does.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PROGRAM = join(process.env.B ?? 'build', 'tests', 'gate', 'server');
export const SANITIZED = Boolean(process.env.SANITIZE);

export class Server {
	static running = new Set();

	static killAll() {
		for (const process of Server.running)
			process.kill('SIGKILL');
	}

	constructor(more = {}) {
		this.dir = mkdtempSync(join(tmpdir(), 'portico-gate-'));
		this.socket = join(this.dir, 's');
		this.log = '';
		for (const name of ['store', 'spool'])
			mkdirSync(join(this.dir, name));
		this.env = {
			PATH: process.env.PATH,
			PORTICO_PUBLIC_URL: 'http://portal.test',
			PORTICO_API_DATABASE: 'dbname=none',
			PORTICO_RELAY_DATABASE: 'dbname=none',
			PORTICO_REDIS_URL: 'unix:/none',
			PORTICO_SECRET_KEY: '0'.repeat(64),
			PORTICO_SOCKET: this.socket,
			PORTICO_STORE_DIR: join(this.dir, 'store'),
			PORTICO_SPOOL_DIR: join(this.dir, 'spool'),
			PORTICO_WORKERS: '1',
			...more,
		};
	}

	spawn(...args) {
		this.process = spawn(PROGRAM, args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
		for (const stream of [this.process.stdout, this.process.stderr])
			stream.on('data', (data) => (this.log += data));
		const started = this.process;
		Server.running.add(started);
		started.once('exit', () => Server.running.delete(started));
		this.ended = new Promise((done) => this.process.once('close', (code, signal) => done(code ?? signal)));
		return this;
	}

	async start() {
		this.spawn();
		for (let i = 0; i < 200; i++) {
			try {
				await this.get('/stats');
				return this;
			} catch {
				await sleep(25);
			}
		}
		throw new Error(`no server: ${this.log}`);
	}

	async stop(signal = 'SIGTERM') {
		this.process.kill(signal);
		const how = await this.ended;
		rmSync(this.dir, { recursive: true, force: true });
		assert.doesNotMatch(this.log, /Sanitizer: |runtime error|Assertion|futex facility/);
		return how;
	}

	connect() {
		return new Connection(this.socket);
	}

	// One request on a connection of its own.
	async send(bytes) {
		const c = this.connect();
		try {
			c.write(bytes);
			return await c.answer();
		} finally {
			c.close();
		}
	}

	get(path, method = 'GET', headers = '') {
		return this.send(`${method} ${path} HTTP/1.1\r\nHost: h\r\n${headers}\r\n`);
	}

	async stats() {
		return JSON.parse((await this.get('/stats')).body);
	}

	// Wait until nothing is left but the background fiber and the one that answers.
	async quiet() {
		let stats;
		for (let i = 0; i < 200; i++) {
			stats = await this.stats();
			if (stats.fibers === 2 && stats.begun === stats.ended + 1)
				return stats;
			await sleep(25);
		}
		throw new Error(`not quiet: ${JSON.stringify(stats)}`);
	}
}

// A client that reads answers as the edge would.
class Connection {
	constructor(path) {
		this.buffer = Buffer.alloc(0);
		this.waiting = [];
		this.closed = false;
		this.error = null;
		this.socket = net.connect(path);
		this.socket.on('data', (data) => {
			this.buffer = Buffer.concat([this.buffer, data]);
			this.stir();
		});
		this.socket.on('error', (e) => (this.error = e));
		this.socket.on('close', () => {
			this.closed = true;
			this.stir();
		});
	}

	stir() {
		for (const wake of this.waiting.splice(0))
			wake();
	}

	async until(ready) {
		while (!ready()) {
			if (this.closed)
				throw this.error ?? new Error(`closed after ${JSON.stringify(this.buffer.toString())}`);
			await new Promise((wake) => this.waiting.push(wake));
		}
	}

	write(bytes) {
		this.socket.write(bytes);
	}

	async answer(method = 'GET') {
		await this.until(() => this.buffer.includes('\r\n\r\n'));
		const end = this.buffer.indexOf('\r\n\r\n');
		const [first, ...lines] = this.buffer.subarray(0, end).toString('latin1').split('\r\n');
		const headers = Object.fromEntries(lines.map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 2)]));
		const length = method === 'HEAD' ? 0 : Number(headers['content-length'] ?? 0);
		await this.until(() => this.buffer.length >= end + 4 + length);
		const body = this.buffer.subarray(end + 4, end + 4 + length).toString();
		this.buffer = this.buffer.subarray(end + 4 + length);
		return { status: Number(first.split(' ')[1]), headers, body, json: () => JSON.parse(body) };
	}

	async end() {
		await this.until(() => this.closed).catch(() => {});
	}

	close() {
		this.socket.destroy();
	}
}
