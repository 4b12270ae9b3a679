// Every statement of the programs against the migrated schema: it parses, its parameters have the types
// that it says, and the role that runs it may touch what it names.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startCluster } from './cluster.mjs';
import { isPlanned, prepare, sqlFiles, statements } from './statements.mjs';

const all = statements();
let cluster;
const dbs = new Map();

before(async () => {
	cluster = await startCluster();
	const owner = await connection('portico_owner');
	for (const statement of all.filter((s) => /^\s*create table\b/i.test(s.text)))
		await owner.query(statement.text);
});
after(() => cluster?.stop());

async function connection(role) {
	if (!dbs.has(role))
		dbs.set(role, await cluster.connect(role));
	return dbs.get(role);
}

async function explain(statement) {
	const db = await connection(statement.role);
	await db.query('begin');
	try {
		if (statement.role === 'portico_api')
			await db.query('select claim_firm($1)', [randomUUID()]);
		const execute = await prepare(db, statement);
		await db.query(`explain ${execute}`);
		return null;
	} catch (e) {
		return `${statement.name} as ${statement.role}: ${e.message}`;
	} finally {
		await db.query('rollback');
		await db.query('deallocate all');
	}
}

test('no two statements have one name, and each is found', () => {
	assert.ok(all.length > 0);
	assert.deepEqual(all.map((s) => s.name).filter((n, i, names) => names.indexOf(n) !== i), []);
});

for (const file of sqlFiles())
	test(`each statement of ${file} can be prepared and is allowed to its role`, async () => {
		const wrong = [];
		for (const statement of all.filter((s) => s.file === file && isPlanned(s)))
			wrong.push(await explain(statement));
		assert.deepEqual(wrong.filter(Boolean), []);
	});
