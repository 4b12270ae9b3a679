// lifecycle.test.mjs - api/ctl/run.sh: what it writes, what it starts again, what it leaves behind (nothing), how fast it starts.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, root } from '../lib/root.mjs';

const PROGRAMS = ['api', 'mailer', 'edge', 'postgres', 'redis'];
const isRoot = process.getuid?.() === 0;

/** One supervisor on a state directory. */
class Run {
	constructor(state, env = {}, command = [path.join(root, 'api/ctl/run.sh'), '--no-build']) {
		this.state = state;
		this.out = '';
		this.err = '';
		const settings = { ...process.env, B: build, PORTICO_STATE_DIR: state, PORTICO_HTTP_PORT: '0', PORTICO_SMTP_URL: 'smtp://127.0.0.1:9', ...env };
		delete settings['NODE_TEST_CONTEXT'];
		this.began = Date.now();
		this.child = spawn(command[0], command.slice(1), { cwd: root, env: settings, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
		this.child.stdout.on('data', (part) => { this.out += part; });
		this.child.stderr.on('data', (part) => { this.err += part; });
		this.gone = once(this.child, 'exit');
	}

	async ready(ms = 60_000) {
		await until(() => {
			assert.equal(this.child.exitCode, null, `ended: ${this.err}`);
			return /^ready /m.test(this.out);
		}, ms, () => `not ready: ${this.out}${this.err}`);
		this.took_ms = Date.now() - this.began;
		this.url = /^ready (\S+)$/m.exec(this.out)?.[1];
		return this;
	}

	/** Its exit code, when it is to end by itself. */
	async ended(ms = 30_000) {
		await until(() => this.child.exitCode !== null, ms, () => {
			this.child.kill('SIGTERM');
			return `it goes on: ${this.out}${this.err}`;
		});
		return this.child.exitCode;
	}

	pid(name) {
		try {
			return Number(fs.readFileSync(path.join(this.state, `${name}.pid`), 'utf8'));
		} catch {
			return 0;
		}
	}

	async stop(signal = 'SIGTERM') {
		this.child.kill(signal);
		const [code] = await this.gone;
		return code;
	}
}

async function until(holds, ms, why) {
	const end = Date.now() + ms;
	while (!(await holds())) {
		if (Date.now() > end)
			assert.fail(why());
		await sleep(20);
	}
}

function alive(pid) {
	try {
		process.kill(pid, 0);
		return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
	} catch {
		return false;
	}
}

async function healthy(url) {
	try {
		return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2000) })).ok;
	} catch {
		return false;
	}
}

const dirs = [];
function stateDir(parent = os.tmpdir()) {
	const dir = fs.mkdtempSync(path.join(parent, 'prun-'));
	fs.chmodSync(dir, 0o755);
	dirs.push(dir);
	return path.join(dir, 'state');
}

/** Processes that run from a directory. */
function processesOf(dir) {
	const args = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
	return args.filter((line) => line.includes(`${dir}/`));
}

after(() => dirs.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

describe('one instance', () => {
	const state = stateDir();
	let run;
	before(async () => { run = await new Run(state).ready(); });
	after(() => run.stop());

	test('says ready once, after the addresses and the credentials', () => {
		assert.equal(run.out.match(/^ready /gm)?.length, 1);
		assert.match(run.out, /\nready http:\/\/127\.0\.0\.1:\d+\n$/);
		const demo = JSON.parse(fs.readFileSync(path.join(state, 'demo.json'), 'utf8'));
		for (const who of ['owner', 'admin', 'member'])
			assert.ok(run.out.includes(demo[who].email) && run.out.includes(demo[who].password), `${who}: ${run.out}`);
		assert.ok(run.out.includes(`\nAPI key   ${demo.api_key}\n`), run.out);
	});

	test('keeps its files to itself', () => {
		for (const name of ['env', 'demo.json', 'secret-key'])
			assert.equal(fs.statSync(path.join(state, name)).mode & 0o777, 0o600, name);
		assert.equal(fs.statSync(state).mode & 0o077, 0);
	});

	test('the secret is in no environment', () => {
		const secret = fs.readFileSync(path.join(state, 'secret-key'), 'utf8').trim();
		assert.match(secret, /^[0-9a-f]{64}$/);
		for (const name of PROGRAMS)
			assert.ok(!fs.readFileSync(`/proc/${run.pid(name)}/environ`, 'utf8').includes(secret), name);
	});

	test('the environment file is enough for porticoctl and psql', () => {
		const script = 'set -a; . "$0"/env; psql -Atc "select 1"; "$1" migrate';
		const said = execFileSync('sh', ['-ec', script, state, path.join(build, 'porticoctl')], { env: { PATH: process.env['PATH'] }, encoding: 'utf8' });
		assert.match(said, /^1\n/);
	});

	if (isRoot)
		test('nothing runs as root', () => {
			for (const name of PROGRAMS)
				assert.notEqual(fs.statSync(`/proc/${run.pid(name)}`).uid, 0, name);
		});

	for (const name of PROGRAMS)
		test(`${name} comes back after kill -9`, async () => {
			const old = run.pid(name);
			assert.ok(alive(old), `${name} ${old}`);
			process.kill(old, 'SIGKILL');
			await until(() => run.pid(name) !== old && alive(run.pid(name)), 10_000, () => `${name} is not back: ${run.err}`);
			await until(() => healthy(run.url), 10_000, () => `not healthy: ${run.err}`);
			assert.equal(run.out.match(/^ready /gm)?.length, 1);
		});

	test('a second supervisor on the same state is refused', async () => {
		const second = new Run(state);
		assert.equal(await second.ended(), 1);
		assert.match(second.err, /another supervisor/);
		assert.ok(await healthy(run.url));
	});

	test('a taken port is told', async () => {
		const second = new Run(stateDir(), { PORTICO_HTTP_PORT: new URL(run.url).port });
		assert.equal(await second.ended(), 1);
		assert.match(second.err, /is taken: set PORTICO_HTTP_PORT/);
	});

	test('another instance does not disturb it', async () => {
		const other = await new Run(stateDir()).ready();
		assert.notEqual(other.url, run.url);
		assert.equal(await other.stop(), 0);
		assert.ok(await healthy(run.url));
	});
});

describe('start and stop', () => {
	for (const signal of ['SIGINT', 'SIGTERM'])
		test(`${signal} stops all; the second start is ready within 3 s`, async () => {
			const state = stateDir();
			const first = await new Run(state).ready();
			const pids = PROGRAMS.map((name) => first.pid(name));
			assert.equal(await first.stop(signal), 0);
			assert.deepEqual(pids.filter(alive), []);
			assert.deepEqual(PROGRAMS.filter((name) => first.pid(name)), []);
			assert.deepEqual(processesOf(state), []);
			const second = await new Run(state).ready();
			assert.ok(second.took_ms < 3000, `${second.took_ms} ms`);
			assert.equal(await second.stop(signal), 0);
		});

	test('make run takes everything with it, and a start may follow at once', async () => {
		const state = stateDir();
		const make = await new Run(state, {}, ['make', '-s', 'run']).ready();
		process.kill(-make.child.pid, 'SIGTERM');
		await make.gone;
		const next = await new Run(state).ready();
		assert.equal(await next.stop(), 0);
		assert.deepEqual(processesOf(state), []);
	});

	test('what a killed supervisor left is ended by the next', async () => {
		const state = stateDir();
		const first = await new Run(state).ready();
		const pids = PROGRAMS.map((name) => first.pid(name));
		await first.stop('SIGKILL');
		assert.deepEqual(pids.filter((pid) => !alive(pid)), []);
		const second = await new Run(state).ready();
		assert.deepEqual(pids.filter(alive), []);
		assert.equal(await second.stop(), 0);
		assert.deepEqual(processesOf(state), []);
	});

	test('a process that took over the number of a pid file is left alone', async () => {
		const state = stateDir();
		const stranger = spawn('sleep', ['60']);
		fs.mkdirSync(state);
		fs.writeFileSync(path.join(state, 'api.pid'), `${stranger.pid}\n`);
		const run = await new Run(state).ready();
		assert.ok(alive(stranger.pid));
		assert.equal(await run.stop(), 0);
		stranger.kill();
	});

	test('a program that cannot start ends the run, with its last words', async () => {
		const run = new Run(stateDir(), { PORTICO_HTTP_PROT: '1' });
		assert.equal(await run.ended(), 1);
		assert.match(run.err, /PORTICO_HTTP_PORT/);
	});

	test('without the demo firm there is a token for setup', async () => {
		const state = stateDir();
		const run = await new Run(state, { PORTICO_DEMO: '0' }).ready();
		assert.equal(fs.statSync(path.join(state, 'setup-token')).mode & 0o777, 0o600);
		assert.ok(!fs.existsSync(path.join(state, 'demo.json')));
		assert.match(run.out, /setup-token/);
		assert.equal(await run.stop(), 0);
	});

	test('a long state directory gets short sockets', async () => {
		const state = path.join(stateDir(), 'x'.repeat(120));
		const run = await new Run(state).ready();
		const link = fs.realpathSync(path.join(state, 'run'));
		assert.ok(link.length < 60, link);
		assert.equal(await run.stop(), 0);
		fs.rmSync(link, { recursive: true });
	});

	if (isRoot)
		test('a state directory that the user cannot reach is a link to one it can', async () => {
			const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'prun-'));
			dirs.push(parent);
			fs.chmodSync(parent, 0o700);
			const state = path.join(parent, 'var');
			const run = await new Run(state).ready();
			const real = fs.realpathSync(state);
			assert.match(real, /^\/var\/lib\/portico\//);
			assert.ok(fs.existsSync(path.join(state, 'env')));
			assert.equal(await run.stop(), 0);
			const again = await new Run(state).ready();
			assert.equal(fs.realpathSync(state), real);
			assert.equal(await again.stop(), 0);
			fs.rmSync(real, { recursive: true });
		});
});
