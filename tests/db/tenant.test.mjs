// P4 at the lowest wall: a connection of the API that has claimed firm A sees, changes, adds and refers
// to nothing of firm B, also where the statement names B's ids; and sees nothing where none is claimed.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startCluster } from './cluster.mjs';
import { claimed, Fixture, refused } from './fixture.mjs';

let cluster;
let owner;
let api;
let a;
let b;
let fixture;
let tables;

before(async () => {
	cluster = await startCluster();
	owner = await cluster.connect('portico_owner');
	api = await cluster.connect('portico_api');
	fixture = new Fixture(owner);
	a = await fixture.world();
	b = await fixture.world();
	tables = (await owner.query(`select table_name as name from information_schema.columns
		where table_schema = 'public' and column_name = 'firm_id' and table_name <> 'test_mail' order by 1`)).rows
		.map((row) => row.name);
	assert.ok(tables.length >= 20);
});
after(() => cluster?.stop());

// The columns of a table that a statement may write.
async function columns(table) {
	const { rows } = await owner.query(`select attname::text as name from pg_attribute
		where attrelid = $1::regclass and attnum > 0 and attgenerated = '' and attidentity = ''`, [table]);
	return rows.map((row) => row.name);
}

async function insert(db, table, row) {
	const names = await columns(table);
	const cast = `(select ${names} from jsonb_populate_record(null::${table}, $1))`;
	return db.query(`insert into ${table} (${names}) ${cast}`, [JSON.stringify(row)]);
}

async function rowOf(table, firm, condition = 'true') {
	const { rows } = await owner.query(
		`select to_jsonb(t) as row from ${table} t where firm_id = $1 and ${condition} limit 1`, [firm]);
	assert.equal(rows.length, 1, `${table} has a row of each firm`);
	return rows[0].row;
}

// A copy of a row that collides with no unique key of its table.
function fresh(row) {
	const copy = { ...row };
	if ('id' in copy)
		copy.id = randomUUID();
	for (const name of ['token_hash', 'key_hash', 'fingerprint'])
		if (name in copy)
			copy[name] = `\\x${randomBytes(32).toString('hex')}`;
	for (const name of ['name_key', 'login_email_key', 'to_email_key', 'email_key', 'path', 'code'])
		if (typeof copy[name] === 'string')
			copy[name] = randomUUID();
	return copy;
}

test('P4 select: a claimed firm sees its own rows alone, also when the other firm\'s id is bound', async () => {
	for (const table of tables)
		await claimed(api, a.firm.id, async () => {
			const { rows } = await api.query(`select distinct firm_id from ${table}`);
			assert.deepEqual(rows, [{ firm_id: a.firm.id }], table);
			const foreign = await api.query(`select from ${table} where firm_id = $1::uuid`, [b.firm.id]);
			assert.equal(foreign.rowCount, 0, table);
		});
	await claimed(api, a.firm.id, async () => {
		const { rows } = await api.query('select id from firm');
		assert.deepEqual(rows, [{ id: a.firm.id }]);
	});
});

test('P4 update and delete: rows of another firm are not there', async () => {
	for (const table of tables) {
		const { rows } = await owner.query(`select attname::text as name from pg_attribute
			where attrelid = $1::regclass and attnum > 0 and has_column_privilege('portico_api', attrelid, attnum, 'update')
			limit 1`, [table]);
		for (const { name } of rows)
			await claimed(api, a.firm.id, async () => {
				const done = await api.query(`update ${table} set ${name} = ${name} where firm_id = $1::uuid`, [b.firm.id]);
				assert.equal(done.rowCount, 0, table);
			});
		const may = await owner.query('select has_table_privilege(\'portico_api\', $1, \'delete\') as yes', [table]);
		if (may.rows[0].yes)
			await claimed(api, a.firm.id, async () => {
				const done = await api.query(`delete from ${table} where firm_id = $1::uuid`, [b.firm.id]);
				assert.equal(done.rowCount, 0, table);
			});
	}
});

test('P4 insert: a row for another firm is refused by the policy', async () => {
	for (const table of tables) {
		const { rows } = await owner.query('select has_table_privilege(\'portico_api\', $1, \'insert\') as yes', [table]);
		if (rows[0].yes)
			await claimed(api, a.firm.id, async () =>
				refused(insert(api, table, fresh(await rowOf(table, b.firm.id))), { code: '42501' }));
	}
	await claimed(api, a.firm.id, () => refused(
		api.query(`insert into firm (id, slug, name, created_at, updated_at)
			values (gen_random_uuid(), 'evil', 'Evil', '2026-01-01', '2026-01-01')`),
		{ code: '42501' }));
});

test('P4 no row can move to another firm', async () => {
	for (const table of tables)
		await claimed(api, a.firm.id, () =>
			refused(api.query(`update ${table} set firm_id = $1::uuid`, [b.firm.id]), { code: '42501' }));
});

test('P4 foreign keys: an id of another firm does not exist', async () => {
	const { rows: keys } = await owner.query(`
		select c.conname, c.conrelid::regclass::text as from_table, c.confrelid::regclass::text as to_table,
			array(select attname::text from unnest(c.conkey) with ordinality k(n, o)
				join pg_attribute on attrelid = c.conrelid and attnum = k.n order by o) as from_columns,
			array(select attname::text from unnest(c.confkey) with ordinality k(n, o)
				join pg_attribute on attrelid = c.confrelid and attnum = k.n order by o) as to_columns
		from pg_constraint c
		where c.contype = 'f' and array_length(c.conkey, 1) > 1 and has_table_privilege('portico_api', c.conrelid, 'insert')
		order by 1`);
	assert.ok(keys.length >= 20, `${keys.length} keys`);
	for (const key of keys) {
		const condition = key.conname === 'membership_contact_fk' ? 'kind = \'portal\'' : 'true';
		const row = fresh(await rowOf(key.from_table, a.firm.id, condition));
		if (key.from_table === 'share')
			row.folder_id = (await fixture.folder(a.client)).id;
		const other = key.conname === 'share_membership_fk' ? 'kind = \'portal\'' : 'true';
		const foreign = await rowOf(key.to_table, b.firm.id, other);
		key.from_columns.forEach((name, i) => {
			if (name !== 'firm_id')
				row[name] = foreign[key.to_columns[i]];
		});
		if (/^(share_(document|matter)|sign_up_link_matter)/.test(key.conname))
			row.folder_id = null;
		if (key.from_table === 'invitation')
			row.state = 'revoked';
		await claimed(api, a.firm.id, () => refused(insert(api, key.from_table, row), { code: '23503' }));
	}
});

test('P4 the same unique values are free in every firm: nothing is told by a collision', async () => {
	const { rows } = await owner.query(`select indexrelid::regclass::text as name, attname::text as first
		from pg_index join pg_attribute on attrelid = indrelid and attnum = indkey[0]
		where indisunique and indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
			and attname <> 'firm_id' order by 1`);
	assert.deepEqual(rows.map((r) => r.name), [
		'firm_pkey', 'firm_portal_host_key', 'firm_slug_key', 'identity_email_key', 'identity_pkey', 'identity_totp_pkey',
		'installation_pkey',
		'mail_request_pkey', 'role_permission_pkey',
	]);
});

test('P5 nothing claimed: every statement fails, on a new connection and after a transaction', async () => {
	const raw = await cluster.connect('portico_api');
	for (const table of [...tables, 'firm'])
		await refused(raw.query(`select * from ${table}`), { code: '42704' });
	await claimed(raw, a.firm.id, () => raw.query('select from client'));
	for (const table of [...tables, 'firm'])
		await refused(raw.query(`select * from ${table}`), { code: '22P02' });
	await refused(raw.query('select claim_firm(null)'), { code: 'PT401', message: 'unauthenticated' });
	await raw.end();
});

test('P5 a claim ends with its transaction, also with the implicit one', async () => {
	const raw = await cluster.connect('portico_api');
	await raw.query('select claim_firm($1::uuid)', [a.firm.id]);
	await refused(raw.query('select * from client'), { code: '22P02' });
	await raw.end();
});

test('the tables of no firm are closed to the API', async () => {
	for (const table of ['identity', 'installation'])
		for (const sql of [`select * from ${table}`, `delete from ${table}`])
			await claimed(api, a.firm.id, () => refused(api.query(sql), { code: '42501' }));
	await claimed(api, a.firm.id, () => refused(api.query('delete from role_permission'), { code: '42501' }));
});
