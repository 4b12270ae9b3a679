// EXPLAIN as the API: with 50,000 documents the lists go by index conditions under row-level security,
// with a plan made for the values and with the generic plan that a prepared statement ends at.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster } from './cluster.mjs';
import { claimed, Fixture } from './fixture.mjs';
import { isPlanned, prepare, statements } from './statements.mjs';

const FIRMS = 4;
const CLIENTS = 500; // of each firm
const NOBODY = '00000000-0000-0000-0000-000000000000';
const LONG_AGO = '2000-01-01T00:00:00Z';

let cluster;
let owner;
let api;
let firm;
let person;
let client;
let big;
let single;

before(async () => {
	cluster = await startCluster();
	owner = await cluster.connect('portico_owner');
	api = await cluster.connect('portico_api');
	const fixture = new Fixture(owner);
	for (let i = 0; i < FIRMS; i++)
		firm = await fixture.firm();
	await fill();
	await fillHistory();
	client = (await owner.query('select * from client where firm_id = $1 order by name limit 1', [firm.id])).rows[0];
	const { rows: contacts } = await owner.query('select * from contact where firm_id = $1 order by display_name limit 1', [firm.id]);
	person = await fixture.portal(firm, contacts[0]);
	await fixture.relate(client, contacts[0]);
	const matter = (await owner.query('select * from matter where client_id = $1', [client.id])).rows[0];
	await fixture.take(matter, contacts[0]);
	await fixture.share(person, { matter });
	const { rows: folders } = await owner.query(
		'select * from folder where client_id = $1 and parent_id is null order by name', [client.id]);
	await fixture.share(person, { folder: folders[0] });
	big = (await owner.query('select * from folder where parent_id = $1', [folders[0].id])).rows[0];
	await documents('f.id = $1', [big.id], 'big', 2000);
	single = (await owner.query('select * from document where folder_id = $1 order by name limit 1', [folders[1].id])).rows[0];
	await fixture.share(person, { document: single });
	await shareWithMany();
	await owner.query('vacuum analyze');
	const { rows } = await owner.query('select count(*)::int as n from document');
	assert.ok(rows[0].n >= 50000, `${rows[0].n} documents`);
});
after(() => cluster?.stop());

// Clients with four folders each, in two levels, six documents in each folder.
async function fill() {
	const day = '\'2026-01-01\'::timestamptz + g * interval \'1 minute\'';
	await owner.query(`
		insert into contact (firm_id, id, entity, display_name, created_at, updated_at)
		select f.id, gen_random_uuid(), 'individual', 'contact ' || g, ${day}, ${day}
		from firm f, generate_series(1, ${CLIENTS}) g`);
	await owner.query(`
		insert into client (firm_id, id, entity, name, created_at, updated_at)
		select f.id, gen_random_uuid(), 'individual', 'client ' || g, ${day}, ${day}
		from firm f, generate_series(1, ${CLIENTS}) g`);
	for (const parent of ['null', 'id'])
		await owner.query(`
			insert into folder (firm_id, id, client_id, parent_id, name, name_key, created_at, updated_at)
			select firm_id, gen_random_uuid(), ${parent === 'null' ? 'id' : 'client_id'}, ${parent}, 'f' || g, 'f' || g, ${day}, ${day}
			from ${parent === 'null' ? 'client, generate_series(1, 2) g' : 'folder, generate_series(1, 1) g'}`);
	await owner.query(`
		insert into blob (firm_id, id, path, size, sha256, created_at)
		select id, gen_random_uuid(), 'x', 1, sha256('x'), created_at from firm`);
	await documents('true', [], 'd', 6);
	await owner.query(`
		insert into matter (firm_id, id, client_id, name, created_at, updated_at)
		select firm_id, gen_random_uuid(), id, name, created_at, created_at from client;
		update folder f set matter_id = m.id
		from matter m where m.client_id = f.client_id and f.parent_id is null and f.name = 'f1'`);
}

// `n` documents in each folder f that the condition names.
function documents(condition, values, name, n) {
	return owner.query(`
		insert into document (firm_id, id, client_id, folder_id, name, name_key, content_type, size, sha256, blob_id,
			uploaded_by_id, uploaded_by_kind, uploaded_by_name, created_at, updated_at)
		select f.firm_id, gen_random_uuid(), f.client_id, f.id, '${name}' || g, '${name}' || g, 'text/plain', 1, b.sha256,
			b.id, b.id, 'staff', 'S', '2026-01-01'::timestamptz + g * interval '1 second', '2026-01-01'
		from folder f join blob b on b.firm_id = f.firm_id, generate_series(1, ${n}) g
		where ${condition}`, values);
}

// Everyone has access, and the two root folders of the client of the same rank.
async function shareWithMany() {
	await owner.query(`
		insert into identity (id, email_key, email, created_at, updated_at)
		select id, id::text, id::text, created_at, created_at from contact;
		insert into membership (firm_id, id, identity_id, kind, contact_id, state, login_email, login_email_key, display_name,
			created_at, updated_at)
		select firm_id, gen_random_uuid(), id, 'portal', id, 'active', id::text, id::text, display_name, created_at, created_at
		from contact on conflict do nothing;
		insert into client_contact (firm_id, client_id, contact_id, created_at)
		select c.firm_id, c.id, p.id, p.created_at
		from client c join contact p on p.firm_id = c.firm_id and p.created_at = c.created_at
		on conflict do nothing;
		insert into share (firm_id, id, client_id, contact_id, membership_id, folder_id, access, created_by_name, created_at, updated_at)
		select m.firm_id, gen_random_uuid(), cc.client_id, m.contact_id, m.id, f.id, 'view', 'S', f.created_at, f.created_at
		from membership m
		join client_contact cc on cc.firm_id = m.firm_id and cc.contact_id = m.contact_id
		join folder f on f.firm_id = cc.firm_id and f.client_id = cc.client_id and f.parent_id is null
		where m.id <> '${person.id}'
		on conflict do nothing`);
}

async function fillHistory() {
	await owner.query(`
		insert into event (firm_id, id, type, object_type, object_id, actor_type, actor_name, occurred_at, sequence, published_at)
		select f.id, gen_random_uuid(), 'client.created', 'client', f.id, 'staff', 'S', f.created_at, g, f.created_at
		from firm f, generate_series(1, 2500) g;
		insert into audit (firm_id, id, at, actor_type, actor_name, action, object_type, object_id, request_id, outcome)
		select firm_id, gen_random_uuid(), created_at, 'staff', 'S', 'client.create', 'client', id, 'req_00000000', 'ok' from client;
		insert into envelope (firm_id, id, event_id, kind, recipient_kind, to_email, to_email_key, due_at, expires_at, state, created_at, updated_at)
		select firm_id, gen_random_uuid(), id, 'folder.shared', 'portal', 'a@x.test', 'a@x.test', occurred_at, occurred_at,
			case when sequence % 100 = 0 then 'queued' else 'sent' end, occurred_at, occurred_at
		from event`);
}

// --- Reading plans --------------------------------------------------------------------------------

function* nodes(plan) {
	yield plan;
	for (const child of plan.Plans ?? [])
		yield* nodes(child);
}

// The nodes of the plan of `sql`, run once, in a transaction that has claimed the firm.
async function explain(db, sql, types, values, mode) {
	await db.query(`set local plan_cache_mode = ${mode}`);
	await db.query(`prepare p (${types}) as ${sql}`);
	try {
		const quoted = values.map((v) => `'${v}'`);
		const { rows } = await db.query(`explain (analyze, format json, timing off) execute p (${quoted})`);
		return [...nodes(rows[0]['QUERY PLAN'][0].Plan)];
	} finally {
		await db.query('deallocate p');
	}
}

const CASES = [
	{
		name: 'S3_24 the portal\'s list of one folder\'s documents',
		sql: `select d.id, d.name, d.size, v.access
			from (
				select document_id, access, created_at
				from portal_items($1, $2)
				where item_kind = 'document' and folder_id = $3 and (created_at, document_id) > ($4, $5)
				order by created_at, document_id
				limit 51
			) v
			join document d on d.firm_id = $1 and d.id = v.document_id
			order by v.created_at, v.document_id`,
		types: 'uuid, uuid, uuid, timestamptz, uuid',
		values: () => [firm.id, person.id, big.id, LONG_AGO, NOBODY],
		condition: ['document', /folder_id = .*ROW\(created_at, id\) > ROW/],
		rows: 51,
	},
	{
		name: 'the portal\'s list of all documents',
		sql: `select d.id, d.name, d.size, v.access
			from (
				select document_id, access, created_at
				from portal_items($1, $2)
				where item_kind = 'document' and (created_at, document_id) > ($3, $4)
				order by created_at, document_id
				limit 51
			) v
			join document d on d.firm_id = $1 and d.id = v.document_id
			order by v.created_at, v.document_id`,
		types: 'uuid, uuid, timestamptz, uuid',
		values: () => [firm.id, person.id, LONG_AGO, NOBODY],
		condition: ['document', /folder_id = /],
		rows: 51,
	},
	{
		name: 'the portal opens one document',
		sql: `select v.access from portal_items($1, $2) v where v.item_kind = 'document' and v.document_id = $3`,
		types: 'uuid, uuid, uuid',
		values: () => [firm.id, person.id, single.id],
		condition: ['document', /\(id = /],
		rows: 1,
	},
	{
		name: 'the portal\'s folders',
		sql: 'select v.* from portal_items($1, $2) v where v.item_kind = \'folder\' order by created_at, folder_id',
		types: 'uuid, uuid',
		values: () => [firm.id, person.id],
		condition: ['folder', /client_id = /],
		rows: 2,
	},
	{
		name: 'staff\'s list of one folder\'s documents',
		sql: `select id, name from document
			where firm_id = $1 and folder_id = $2 and trashed_at is null and (created_at, id) > ($3, $4)
			order by created_at, id limit 51`,
		types: 'uuid, uuid, timestamptz, uuid',
		values: () => [firm.id, big.id, LONG_AGO, NOBODY],
		condition: ['document', /folder_id = .*ROW\(created_at, id\) > ROW/],
		rows: 51,
		ordered: true,
	},
	{
		name: 'staff\'s list of all documents',
		sql: `select id, name from document where firm_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit 51`,
		types: 'uuid, timestamptz, uuid',
		values: () => [firm.id, LONG_AGO, NOBODY],
		condition: ['document', /firm_id = .*ROW\(created_at, id\) > ROW/],
		rows: 51,
		ordered: true,
	},
	...['client', 'contact'].map((table) => ({
		name: `staff's list of ${table}s`,
		sql: `select id from ${table} where firm_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit 51`,
		types: 'uuid, timestamptz, uuid',
		values: () => [firm.id, LONG_AGO, NOBODY],
		condition: [table, /firm_id = .*ROW\(created_at, id\) > ROW/],
		rows: 51,
		ordered: true,
	})),
	{
		name: 'the shares of one folder',
		sql: 'select membership_id, access from share where firm_id = $1 and folder_id = $2',
		types: 'uuid, uuid',
		values: () => [firm.id, big.parent_id],
		condition: ['share', /folder_id = /],
		rows: 1,
	},
	{
		name: 'the events feed',
		sql: 'select id from event where firm_id = $1 and sequence > $2 order by sequence limit 51',
		types: 'uuid, bigint',
		values: () => [firm.id, 100],
		condition: ['event', /sequence > /],
		rows: 51,
		ordered: true,
	},
	{
		name: 'the audit log',
		sql: 'select id from audit where firm_id = $1 and (at, id) > ($2, $3) order by at, id limit 51',
		types: 'uuid, timestamptz, uuid',
		values: () => [firm.id, LONG_AGO, NOBODY],
		condition: ['audit', /ROW\(at, id\) > ROW/],
		rows: 51,
		ordered: true,
	},
	{
		name: 'the mailer\'s due envelopes',
		role: 'portico_mailer',
		sql: `select id from envelope where state in ('queued', 'deferred') and due_at <= $1 order by due_at limit 20`,
		types: 'timestamptz',
		values: () => ['2026-12-01T00:00:00Z'],
		condition: ['envelope', /due_at <= /],
		rows: 20,
	},
];

const TABLES = ['document', 'folder', 'matter', 'client', 'contact', 'share', 'membership', 'event', 'audit', 'envelope'];

for (const c of CASES)
	test(`${c.name} goes by index conditions`, async () => {
		const db = c.role ? await cluster.connect(c.role) : api;
		for (const mode of ['force_custom_plan', 'force_generic_plan']) {
			const run = () => explain(db, c.sql, c.types, c.values(), mode);
			const plan = c.role ? await run() : await claimed(db, firm.id, run);
			const text = JSON.stringify(plan[0], null, 1);
			assert.equal(plan[0]['Actual Rows'], c.rows, mode);
			const scans = plan.filter((n) => n['Node Type'] === 'Seq Scan' && TABLES.includes(n['Relation Name']));
			assert.deepEqual(scans.map((n) => n['Relation Name']), [], `${mode}: sequential scans in ${text}`);
			const [table, wanted] = c.condition;
			assert.ok(plan.some((n) => n['Relation Name'] === table && wanted.test(n['Index Cond'] ?? '')), `${mode}: ${text}`);
			if (c.ordered)
				assert.ok(!plan.some((n) => /Sort/.test(n['Node Type'])), `${mode}: sorts ${text}`);
		}
	});

test('S3_24 a folder\'s list costs what the folder holds, not what the firm holds', async () => {
	const { sql, types, values } = CASES[0];
	const plan = await claimed(api, firm.id, () => explain(api, sql, types, values(), 'force_generic_plan'));
	for (const n of plan.filter((x) => x['Relation Name']))
		assert.ok(n['Actual Rows'] <= 2100, `${n['Relation Name']}: ${n['Actual Rows']} rows`);
	assert.equal(plan.find((n) => n['Index Name'] === 'document_folder_idx')['Node Type'], 'Index Only Scan');
});

test('current_setting stands in policies alone: the claim is compared once, as a one-time filter', async () => {
	const { sql, types, values } = CASES[4];
	const plan = await claimed(api, firm.id, () => explain(api, sql, types, values(), 'force_generic_plan'));
	const leaf = plan.find((n) => n['Relation Name'] === 'document');
	assert.equal(leaf.Filter, undefined, 'nothing is filtered row by row');
});

test('every statement of the API has a way by an index to every large table', async () => {
	const found = [];
	for (const statement of statements().filter((s) => s.role === 'portico_api' && isPlanned(s)))
		await claimed(api, firm.id, async () => {
			await api.query('set local plan_cache_mode = force_generic_plan; set local enable_seqscan = off');
			const execute = await prepare(api, statement).catch(() => null); // told by statements.test.mjs
			if (!execute)
				return;
			const { rows } = await api.query(`explain (format json) ${execute}`);
			await api.query('deallocate p');
			for (const n of nodes(rows[0]['QUERY PLAN'][0].Plan))
				if (n['Node Type'] === 'Seq Scan' && TABLES.includes(n['Relation Name']))
					found.push(`${statement.name}: ${n['Relation Name']}`);
		});
	assert.deepEqual(found, []);
});

// What lists are narrowed by, where a statement of its own stands for the filter and the tables here are large enough to tell.
const NARROWED = {
	client_list_of_code: ['client', /code = /],
	client_list_of_reference: ['client', /external_source = /],
	contact_list_of_client: ['client_contact', /client_id = /],
	document_list_of_client: ['document', /client_id = /],
	document_list_of_folder: ['document', /folder_id = /],
	folder_list_of_client: ['folder', /client_id = /],
	folder_list_of_parent: ['folder', /parent_id = /],
	share_list_of_client: ['share', /client_id = /],
	share_list_of_contact: ['share', /contact_id = /],
	matter_list_of_client: ['matter', /client_id = /],
	share_list_of_folder: ['share', /folder_id = /],
};

test('a filter with a statement of its own is an index condition, with the generic plan too', async () => {
	const wide = [];
	const there = statements().filter((s) => s.role === 'portico_api' && s.name in NARROWED);
	assert.deepEqual(there.map((s) => s.name).sort(), Object.keys(NARROWED).sort());
	for (const statement of there)
		await claimed(api, firm.id, async () => {
			await api.query('set local plan_cache_mode = force_generic_plan');
			const { rows } = await api.query(`explain (format json) ${await prepare(api, statement)}`);
			await api.query('deallocate p');
			const plan = [...nodes(rows[0]['QUERY PLAN'][0].Plan)];
			const [table, wanted] = NARROWED[statement.name];
			if (!plan.some((n) => wanted.test(n['Index Cond'] ?? '') && (n['Relation Name'] ?? n['Index Name'] ?? '').startsWith(table)))
				wide.push(`${statement.name}: ${plan.map((n) => n['Index Cond'] ?? n['Node Type']).join(' | ')}`);
		});
	assert.deepEqual(wide, []);
});
