// What the catalogue must look like, whatever the migrations say: row-level security, roles, definers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { migrations, readMigration, startCluster } from './cluster.mjs';

// Functions that run as their owner, who sees all firms. Whoever adds one: it sets its search_path,
// filters by firm itself, and stands here. The second list is of triggers.
const DEFINERS = [
	'access_duty(timestamp with time zone)',
	'access_hold(uuid,uuid)',
	'contacts_by_email(uuid,text[])',
	'contacts_related(uuid,uuid)',
	'firm_find(text,text)',
	'firm_sign_in(uuid)',
	'identity_change_password(uuid,text,text,uuid,timestamp with time zone)',
	'identity_create(uuid,text,text,text,timestamp with time zone)',
	'identity_credential(uuid)',
	'identity_drop_password_if_orphan(uuid)',
	'identity_find(text)',
	'identity_first_password(uuid,uuid,text,timestamp with time zone)',
	'identity_get(uuid)',
	'identity_proved(uuid,text)',
	'identity_reset_password(uuid,uuid,uuid,text,timestamp with time zone)',
	'identity_set_password(uuid,text,timestamp with time zone)',
	'identity_share(uuid)',
	'import_analyze()',
	'import_take(timestamp with time zone)',
	'installation_counts()',
	'mail_request_take(bytea,integer,integer,timestamp with time zone)',
	'migrations_missing(text[])',
	'password_alone(uuid)',
	'portals_find(text)',
	'registrations_expire(timestamp with time zone)',
	'sessions_remember(timestamp with time zone)',
	'setup_begin(timestamp with time zone)',
	'setup_needed()',
	'sign_in_find(uuid,text,text)',
	'test_reset()',
	'totp_confirm(uuid,timestamp with time zone,bigint,bytea[],uuid,timestamp with time zone)',
	'totp_enabled(uuid)',
	'totp_find(uuid)',
	'totp_remove(uuid)',
	'totp_renew(uuid,bytea[])',
	'totp_required(uuid)',
	'totp_start(uuid,bytea,timestamp with time zone)',
	'totp_use(uuid,timestamp with time zone,bigint,bytea)',
];
const DEFINER_TRIGGERS = [
	'end_mailed_tokens()', 'end_tokens_of_identity()', 'firm_roles()', 'folder_matter()', 'folder_matter_content()',
	'folder_move_content()', 'folder_note_default()', 'folder_place()', 'version_client()', 'version_contact()',
	'version_matter()', 'version_matter_shown()', 'version_named()', 'version_related()',
];

// Tables that belong to no one firm.
const GLOBAL = ['identity', 'identity_totp', 'installation', 'mail_request', 'role_permission'];

const ROLES = ['portico_api', 'portico_janitor', 'portico_mailer', 'portico_relay'];

let cluster;
let db;

before(async () => {
	cluster = await startCluster();
	db = await cluster.connect('portico_owner');
});
after(() => cluster?.stop());

const list = async (sql, ...values) => (await db.query({ text: sql, values, rowMode: 'array' })).rows.map((r) => r[0]);

test('P4 every table forces row-level security', async () => {
	const open = await list(`select relname::text from pg_class
		where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
			and not (relrowsecurity and relforcerowsecurity)`);
	assert.deepEqual(open, []);
});

test('P4 every table of a firm keys by firm_id and shows the API its claimed firm alone', async () => {
	const tables = await list(`select relname::text from pg_class
		where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`);
	for (const table of tables.filter((t) => !GLOBAL.includes(t) && t !== 'firm')) {
		const key = await list(`select a.attname::text from pg_index i
			join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
			where i.indrelid = $1::regclass and i.indisunique`, table);
		assert.deepEqual([...new Set(key)], ['firm_id'], `${table}: unique keys begin with firm_id`);
		const { rows } = await db.query(`select permissive, cmd, qual, with_check from pg_policies
			where tablename = $1 and 'portico_api' = any(roles)`, [table]);
		assert.equal(rows.length, 1, `${table}: one policy for the API`);
		if (table === 'test_mail')
			continue;
		assert.deepEqual({ ...rows[0], qual: rows[0].qual.replace(/\s+/g, ' ') }, {
			permissive: 'PERMISSIVE', cmd: 'ALL', with_check: null,
			qual: "(firm_id = (( SELECT current_setting('portico.firm'::text) AS current_setting))::uuid)",
		}, table);
	}
});

test('P4 foreign keys between tables of a firm carry firm_id', async () => {
	const { rows } = await db.query(`
		select c.conname, array_agg(a.attname::text) as columns
		from pg_constraint c
		join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
		where c.contype = 'f' and c.confrelid not in ('identity'::regclass)
		group by 1`);
	assert.ok(rows.length > 20);
	for (const row of rows)
		assert.ok(row.columns.includes('firm_id'), `${row.conname} has no firm_id`);
});

test('constraints are named by table and meaning, and no name is PostgreSQL\'s own', async () => {
	const odd = await list(`select conname::text from pg_constraint
		where connamespace = 'public'::regnamespace and contype in ('f', 'c', 'u', 'p')
			and (conname !~ ('^' || conrelid::regclass::text || '_') or conname ~ '\\d$|_fkey$')`);
	assert.deepEqual(odd, []);
});

test('P4 every foreign key between tables of a firm has an index to find the referring rows', async () => {
	const slow = await list(`
		select c.conname::text
		from pg_constraint c
		where c.contype = 'f' and c.conrelid <> c.confrelid and array_length(c.conkey, 1) > 1
			and not exists (
				select from pg_index i
				where i.indrelid = c.conrelid
					and (i.indkey::int2[])[0:1] <@ c.conkey and c.conkey[1:2] <@ (i.indkey::int2[])[0:1]
			)`);
	assert.deepEqual(slow, []);
});

test('no views, no materialised views, no rules: nothing that could run as its owner', async () => {
	assert.deepEqual(await list(`select relname::text from pg_class c
		where relnamespace = 'public'::regnamespace and relkind in ('v', 'm', 'f')
			and not coalesce('security_invoker=true' = any(reloptions), false)`), []);
	assert.deepEqual(await list(`select rulename::text from pg_rules where schemaname = 'public'`), []);
});

test('definer functions are those of the list, and set their search_path', async () => {
	const { rows } = await db.query(`select p.oid::regprocedure::text as name, prorettype = 'trigger'::regtype as trigger,
			proconfig, pg_get_userbyid(proowner) as owner
		from pg_proc p where pronamespace = 'public'::regnamespace and prosecdef order by 1`);
	assert.deepEqual(rows.filter((r) => !r.trigger).map((r) => r.name), DEFINERS);
	assert.deepEqual(rows.filter((r) => r.trigger).map((r) => r.name), DEFINER_TRIGGERS);
	for (const row of rows) {
		assert.deepEqual(row.proconfig, ['search_path=pg_catalog, public, pg_temp'], row.name);
		assert.equal(row.owner, 'portico_owner');
	}
});

test('definer functions in SQL, planned anew in each query, are those that are asked rarely', async () => {
	assert.deepEqual(await list(`select proname::text from pg_proc p join pg_language l on l.oid = p.prolang
		where pronamespace = 'public'::regnamespace and prosecdef and lanname = 'sql' order by 1`), [
		'contacts_by_email', 'contacts_related', 'identity_create', 'identity_credential', 'identity_find', 'identity_get',
		'installation_counts', 'mail_request_take', 'password_alone', 'portals_find', 'sessions_remember', 'setup_needed',
		'totp_find', 'totp_renew', 'totp_required',
	]);
});

test('public may call no function, touch no table, and make nothing', async () => {
	assert.deepEqual(await list(`select p.oid::regprocedure::text from pg_proc p
		where pronamespace = 'public'::regnamespace and has_function_privilege('public', p.oid, 'execute')`), []);
	assert.deepEqual(await list(`select relname::text from pg_class
		where relnamespace = 'public'::regnamespace and relkind = 'r'
			and has_table_privilege('public', oid, 'select,insert,update,delete,truncate,references,trigger')`), []);
	for (const role of ROLES) {
		assert.deepEqual(await list('select has_schema_privilege($1, \'public\', \'create\')', role), [false]);
		assert.deepEqual(await list('select has_database_privilege($1, current_database(), \'create,temp\')', role), [false]);
	}
});

test('the roles of the programs are ordinary: no superuser, no BYPASSRLS, no memberships, no truncate', async () => {
	const { rows } = await db.query(`select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication
		from pg_roles where rolname like 'portico\\_%' order by 1`);
	assert.deepEqual(rows.map((r) => r.rolname), [...ROLES, 'portico_owner'].sort());
	for (const r of rows) {
		const owner = r.rolname === 'portico_owner';
		assert.deepEqual([r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb, r.rolreplication],
			[false, owner, owner, false, false], r.rolname);
	}
	assert.deepEqual(await list(`select member::regrole::text from pg_auth_members
		where member::regrole::text like 'portico%' and member::regrole::text <> 'portico_owner'`), []);
	for (const role of ROLES)
		assert.deepEqual(await list(`select relname::text from pg_class
			where relnamespace = 'public'::regnamespace and relkind = 'r'
				and has_table_privilege($1, oid, 'truncate,references,trigger')`, role), []);
});

test('everything belongs to portico_owner', async () => {
	assert.deepEqual(await list(`select relname::text from pg_class
		where relnamespace = 'public'::regnamespace and pg_get_userbyid(relowner) <> 'portico_owner'`), []);
	assert.deepEqual(await list(`select p.oid::regprocedure::text from pg_proc p
		where pronamespace = 'public'::regnamespace and pg_get_userbyid(proowner) <> 'portico_owner'`), []);
});

test('P22 no statement of the schema reads a clock', () => {
	const clocks = /\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(|\bcurrent_(date|time|timestamp)\b|\blocaltime(stamp)?\b/i;
	for (const name of migrations()) {
		const code = readMigration(name).replace(/--.*$/gm, '');
		assert.doesNotMatch(code, clocks, name);
	}
});

test('P22 no column takes a time by default', async () => {
	assert.deepEqual(await list(`select attrelid::regclass::text || '.' || attname from pg_attribute
		where attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r')
			and atttypid = 'timestamptz'::regtype and atthasdef`), []);
});

test('S0-26 the default permissions: owner all, admin all but purge, member as agreed', async () => {
	const of = (role) => list('select permission from role_permission where role = $1 order by 1', role);
	const owner = await of('owner');
	assert.equal(owner.length, 36);
	assert.deepEqual(await of('admin'), owner.filter((p) => p !== 'documents:purge'));
	const writes = ['appointments', 'clients', 'contacts', 'documents', 'invoices', 'notes', 'portal_access',
		'requests', 'shares', 'tasks'].map((n) => `${n}:write`);
	assert.deepEqual(await of('member'), [
		...owner.filter((p) => p.endsWith(':read') && p !== 'audit:read'), ...writes, 'invoices:send',
	].sort());
});
