// cluster.mjs - a private PostgreSQL for one test file: a cluster in a temporary directory, reached by
// its UNIX socket alone, with the roles and the migrated database of the product.

import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export const SCHEMA_DIR = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'schema');

// The names of the migrations, in the order in which they are applied.
export const migrations = () =>
	readdirSync(SCHEMA_DIR).filter((name) => /^\d{4}_.*\.sql$/.test(name)).sort();

export const readMigration = (name) => readFileSync(join(SCHEMA_DIR, name), 'utf8');

// PostgreSQL refuses to run as root: then its programs run as the user postgres.
const isRoot = process.getuid() === 0;

function binary(name) {
	const dir = process.env.PG_BINDIR ?? '/usr/lib/postgresql/15/bin';
	return existsSync(join(dir, name)) ? join(dir, name) : name;
}

function makeDir() {
	const dir = mkdtempSync(join(tmpdir(), 'pdb-'));
	if (isRoot) {
		const [uid, gid] = ['-u', '-g'].map((f) => Number(execFileSync('id', [f, 'postgres'])));
		chownSync(dir, uid, gid);
	}
	return dir;
}

class Cluster {
	constructor(dir) {
		this.dir = dir;
		this.host = dir;
		this.port = 5432; // names the socket; nothing listens on TCP
		this.clients = new Set();
		this.onExit = () => this.kill('SIGQUIT');
	}

	pid() {
		const file = join(this.dir, 'data', 'postmaster.pid');
		return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0;
	}

	kill(signal) {
		const pid = this.pid();
		try {
			if (pid > 0)
				process.kill(pid, signal);
		} catch (e) {
			if (e.code !== 'ESRCH')
				throw e;
		}
	}

	async start(options = []) {
		// setpriv: the server goes when this process goes, also when that was killed.
		const user = isRoot ? ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups'] : [];
		const argv = [
			'setpriv', ...user, '--pdeathsig', 'INT',
			binary('postgres'), '-D', join(this.dir, 'data'), '-k', this.dir, '-p', String(this.port),
			'-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'full_page_writes=off',
			'-c', 'log_min_messages=fatal', '-c', 'max_connections=50', ...options,
		];
		this.server = spawn(argv[0], argv.slice(1), { cwd: '/', stdio: 'ignore' });
		this.gone = new Promise((done) => this.server.once('exit', done));
		process.once('exit', this.onExit);
		for (let left = 300; ; left--) {
			try {
				await (await this.connect('postgres', 'postgres')).end();
				return;
			} catch (e) {
				if (left === 0 || this.server.exitCode !== null)
					throw e;
				await sleep(50);
			}
		}
	}

	// A new connection as `role`. It is closed with the cluster where the test does not close it.
	async connect(role, database = 'portico') {
		const client = new pg.Client({ host: this.host, port: this.port, user: role, database });
		client.on('error', () => {});
		await client.connect();
		this.clients.add(client);
		client.on('end', () => this.clients.delete(client));
		return client;
	}

	conninfo(role, database = 'portico') {
		return `host=${this.host} port=${this.port} user=${role} dbname=${database}`;
	}

	// Makes the owner and the database, and applies all migrations in order, each in a transaction; or those given.
	async migrate(database = 'portico', names = migrations()) {
		const root = await this.connect('postgres', 'postgres');
		await root.query(`do $$ begin
			if not exists (select from pg_roles where rolname = 'portico_owner') then
				create role portico_owner login bypassrls createrole;
			end if;
		end $$`);
		await root.query(`create database ${database} owner portico_owner`);
		await root.end();
		const owner = await this.connect('portico_owner', database);
		for (const name of names)
			await owner.query(`begin;\n${readMigration(name)}\ncommit;`);
		await owner.end();
	}

	async stop() {
		process.removeListener('exit', this.onExit);
		await Promise.all([...this.clients].map((c) => c.end().catch(() => {})));
		this.kill('SIGINT');
		await this.gone;
		rmSync(this.dir, { recursive: true, force: true });
	}
}

// Starts a cluster; with { migrate: false } an empty one. Call stop() in after().
export async function startCluster({ migrate = true, options = [] } = {}) {
	const cluster = new Cluster(makeDir());
	const argv = [
		...(isRoot ? ['runuser', '-u', 'postgres', '--'] : []),
		binary('initdb'), '-D', join(cluster.dir, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8',
		'--locale=C.UTF-8', '--no-sync', '--no-instructions',
	];
	execFileSync(argv[0], argv.slice(1), { cwd: '/', stdio: ['ignore', 'ignore', 'inherit'] });
	try {
		await cluster.start(options);
		if (migrate)
			await cluster.migrate();
	} catch (e) {
		await cluster.stop();
		throw e;
	}
	return cluster;
}
