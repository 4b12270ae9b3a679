// What the tables keep by themselves, whatever a program does: owners, trees, versions, names, setup.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startCluster } from './cluster.mjs';
import { at, blocked, claimed, Fixture, put, refused, T0 } from './fixture.mjs';

const LAST_OWNER = { code: 'PT409', message: 'last_owner' };

let cluster;
let owner;
let api;
let fixture;
let firm;

before(async () => {
	cluster = await startCluster();
	owner = await cluster.connect('portico_owner');
	api = await cluster.connect('portico_api');
	fixture = new Fixture(owner);
	firm = await fixture.firm();
});
after(() => cluster?.stop());

const one = async (sql, ...values) => (await owner.query(sql, values)).rows[0];
const versionOf = async (table, row) => Number((await one(`select version from ${table} where id = $1`, row.id)).version);

// --- Owners ------------------------------------------------------------------------------------

test('P16 the last active owner is kept on every path', async () => {
	const own = await fixture.firm();
	const last = await fixture.staff(own, 'owner');
	await fixture.staff(own, 'owner', { state: 'suspended' });
	await fixture.staff(own, 'admin');
	for (const sql of ['update membership set role = \'admin\' where id = $1', 'update membership set state = \'suspended\' where id = $1',
		'delete from membership where id = $1'])
		await claimed(api, own.id, () => refused(api.query(sql, [last.id]), LAST_OWNER));
	await claimed(api, own.id, () => refused(api.query('update membership set role = \'member\' where kind = \'staff\''), LAST_OWNER));
	await claimed(api, own.id, async () => {
		const done = await api.query('update membership set display_name = \'New\' where id = $1', [last.id]);
		assert.equal(done.rowCount, 1);
	});
	await fixture.staff(own, 'owner');
	await claimed(api, own.id, () => api.query('delete from membership where id = $1', [last.id]));
	await claimed(api, own.id, () =>
		refused(api.query('update membership set state = \'suspended\' where role = \'owner\''), LAST_OWNER));
});

test('P16 of two owners who are demoted at once, one stays', async () => {
	const own = await fixture.firm();
	const both = [await fixture.staff(own, 'owner'), await fixture.staff(own, 'owner')];
	const dbs = [await cluster.connect('portico_api'), await cluster.connect('portico_api')];
	for (const db of dbs)
		await db.query(`begin; select claim_firm('${own.id}')`);
	await dbs[0].query('update membership set role = \'admin\' where id = $1', [both[0].id]);
	const second = dbs[1].query('update membership set role = \'admin\' where id = $1', [both[1].id]);
	const late = refused(second, LAST_OWNER);
	await blocked(second, dbs[1], owner);
	await dbs[0].query('commit');
	await late;
	await dbs[1].query('rollback');
	assert.equal((await one('select count(*)::int as n from membership where firm_id = $1 and role = \'owner\'', own.id)).n, 1);
	await Promise.all(dbs.map((db) => db.end()));
});

// --- Folders -----------------------------------------------------------------------------------

async function tree(client, ...names) {
	const made = [];
	for (const _ of names)
		made.push(await fixture.folder(client, made.at(-1) ?? null));
	return made;
}

test('folders may lie 20 deep and no deeper, also after a move', async () => {
	const client = await fixture.client(firm);
	const deep = await tree(client, ...Array(20).keys());
	await refused(fixture.folder(client, deep[19]), { code: '23514', constraint: 'folder_depth_check' });
	const other = await tree(client, 1, 2);
	await refused(owner.query('update folder set parent_id = $2 where id = $1', [other[0].id, deep[18].id]),
		{ code: '23514', constraint: 'folder_depth_check' });
	await owner.query('update folder set parent_id = $2 where id = $1', [other[0].id, deep[17].id]);
	assert.equal((await one('select cardinality(path) as n from folder where id = $1', other[1].id)).n, 20);
});

test('a folder goes neither into itself nor below itself', async () => {
	const client = await fixture.client(firm);
	const [a, b, c] = await tree(client, 1, 2, 3);
	for (const into of [a, b, c])
		await claimed(api, firm.id, () => refused(
			api.query('update folder set parent_id = $2 where id = $1', [a.id, into.id]), { code: 'PT409', message: 'would_make_cycle' }));
});

test('a folder has a parent of its own client, or none', async () => {
	const [mine] = await tree(await fixture.client(firm), 1);
	const [his] = await tree(await fixture.client(firm), 1);
	for (const parent of [his.id, randomUUID()])
		await claimed(api, firm.id, () => refused(
			api.query('update folder set parent_id = $2 where id = $1', [mine.id, parent]),
			{ code: '23503', constraint: 'folder_parent_fk' }));
});

test('the API cannot forge the way up: what it inserts as ancestors is not kept', async () => {
	const client = await fixture.client(firm);
	const [shared] = await tree(client, 1);
	const id = randomUUID();
	await claimed(api, firm.id, async () => {
		await api.query(`insert into folder (firm_id, id, client_id, ancestors, name, name_key, created_at, updated_at)
			values ($1, $2, $3, array[$4::uuid], 'x', 'x', $5, $5)`, [firm.id, id, client.id, shared.id, T0]);
		const { rows } = await api.query('select ancestors from folder where id = $1', [id]);
		assert.deepEqual(rows[0].ancestors, []);
	});
});

test('two moves that would make a ring together: the second is refused', async () => {
	const client = await fixture.client(firm);
	const [a, belowA] = await tree(client, 1, 2);
	const [b, belowB] = await tree(client, 1, 2);
	const dbs = [await cluster.connect('portico_api'), await cluster.connect('portico_api')];
	for (const db of dbs)
		await db.query(`begin; select claim_firm('${firm.id}')`);
	await dbs[0].query('update folder set parent_id = $2 where id = $1', [a.id, belowB.id]);
	const second = dbs[1].query('update folder set parent_id = $2 where id = $1', [b.id, belowA.id]);
	const late = refused(second, { code: 'PT409', message: 'would_make_cycle' });
	await blocked(second, dbs[1], owner);
	await dbs[0].query('commit');
	await late;
	await Promise.all(dbs.map((db) => db.end()));
});

test('a folder made below one that is being moved gets the new way up', async () => {
	const client = await fixture.client(firm);
	const [, moved, below] = await tree(client, 1, 2, 3);
	const [to] = await tree(client, 1);
	const mover = await cluster.connect('portico_owner');
	const maker = await cluster.connect('portico_owner');
	await mover.query('begin');
	await mover.query('update folder set parent_id = $2 where id = $1', [moved.id, to.id]);
	const making = new Fixture(maker).folder(client, below);
	await blocked(making, maker, owner);
	await mover.query('commit');
	const made = await one('select ancestors from folder where id = $1', (await making).id);
	assert.deepEqual(made.ancestors, [to.id, moved.id, below.id]);
	await Promise.all([mover.end(), maker.end()]);
});

test('a name is taken once per place: folders at the top too, documents unless trashed', async () => {
	const client = await fixture.client(firm);
	const [top] = await tree(client, 1);
	await refused(fixture.folder(client, null, { name_key: top.name_key }), { code: '23505', constraint: 'folder_name_key' });
	await fixture.folder(client, top, { name_key: top.name_key });
	await fixture.folder(await fixture.client(firm), null, { name_key: top.name_key });
	const first = await fixture.document(top, { name_key: 'same' });
	await refused(fixture.document(top, { name_key: 'same' }), { code: '23505', constraint: 'document_name_key' });
	await owner.query('update document set trashed_at = $2 where id = $1', [first.id, T0]);
	await fixture.document(top, { name_key: 'same' });
	await refused(owner.query('update document set trashed_at = null where id = $1', [first.id]),
		{ code: '23505', constraint: 'document_name_key' });
});

test('a folder with anything in it stays', async () => {
	const client = await fixture.client(firm);
	const [top, sub] = await tree(client, 1, 2);
	const document = await fixture.document(sub, { trashed_at: T0 });
	await refused(owner.query('delete from folder where id = $1', [top.id]), { code: '23503', constraint: 'folder_parent_fk' });
	await refused(owner.query('delete from folder where id = $1', [sub.id]), { code: '23503', constraint: 'document_folder_fk' });
	await owner.query('delete from document where id = $1', [document.id]);
	await owner.query('delete from folder where id = any($1)', [[top.id, sub.id]]);
});

// --- The default upload folder -------------------------------------------------------------------

const backfill = (id) => claimedCommit(id, 'select * from backfill_upload_folders($1, \'Client Uploads\', \'client uploads\', $2)', [id, T0]);

async function claimedCommit(id, sql, values) {
	await api.query('begin');
	await api.query('select claim_firm($1)', [id]);
	const { rows } = await api.query(sql, values);
	await api.query('commit');
	return rows;
}

test('S3_11 every existing client has Client Uploads, shared with its people to view and upload', async () => {
	const own = await fixture.firm();
	const contact = await fixture.contact(own);
	const person = await fixture.portal(own, contact);
	const clients = [await fixture.client(own), await fixture.client(own)];
	const archived = await fixture.client(own, { status: 'archived' });
	for (const client of [...clients, archived])
		await fixture.relate(client, contact);
	await fixture.folder(clients[1], null, { name: 'Client Uploads', name_key: 'client uploads' });
	const made = await backfill(own.id);
	assert.deepEqual(made.map((r) => r.client_id).sort(), clients.map((c) => c.id).sort());
	const { rows } = await owner.query(`select f.name, s.access, s.notify, s.created_by_type, s.created_by_name
		from folder f join share s on s.folder_id = f.id where f.firm_id = $1 and s.membership_id = $2 order by 1`, [own.id, person.id]);
	const by = { access: 'view_upload', notify: false, created_by_type: 'firm', created_by_name: own.name };
	assert.deepEqual(rows, [{ name: 'Client Uploads', ...by }, { name: 'Client Uploads (2)', ...by }]);
	assert.deepEqual(await backfill(own.id), [], 'once');
});

test('the clients of a back-fill are held in the order of their ids, before anything is made', async () => {
	const own = await fixture.firm();
	const [low, high] = [randomUUID(), randomUUID()].sort();
	await fixture.client(own, { id: high });
	await fixture.client(own, { id: low, created_at: at(1) });
	await owner.query('begin');
	await owner.query('select from client where id = $1 for no key update', [low]);
	const watcher = await cluster.connect('portico_owner');
	const filled = backfill(own.id);
	await blocked(filled, api, watcher);
	await owner.query('select from client where id = $1 for no key update nowait', [high]);
	await owner.query('commit');
	assert.equal((await filled).length, 2);
	await watcher.end();
});

test('S3_12 a contact who gains access later gets the share; one that staff took away stays away', async () => {
	const own = await fixture.firm();
	const contact = await fixture.contact(own);
	const [first, second] = [await fixture.client(own), await fixture.client(own)];
	for (const client of [first, second])
		await fixture.folder(client, null, { is_default_upload: true });
	await fixture.relate(first, contact);
	const person = await fixture.portal(own, contact);
	const shares = (only) =>
		claimedCommit(own.id, 'select * from default_shares($1, $2, $3, $4)', [own.id, person.id, T0, only]);
	assert.equal((await shares(null)).length, 1);
	assert.equal((await shares(null)).length, 0, 'no second one');
	await owner.query('delete from share where membership_id = $1', [person.id]);
	await fixture.relate(second, contact);
	assert.equal((await shares(second.id)).length, 1);
	const { rows } = await owner.query('select client_id from share where membership_id = $1', [person.id]);
	assert.deepEqual(rows, [{ client_id: second.id }]);
	assert.equal((await claimedCommit(own.id, 'select * from default_shares($1, $2, $3)', [own.id, person.id, T0])).length, 1);
});

test('S3_13 renamed keeps its shares; removed stays removed', async () => {
	const own = await fixture.firm();
	const contact = await fixture.contact(own);
	const client = await fixture.client(own);
	await fixture.relate(client, contact);
	await fixture.portal(own, contact);
	const [made] = await backfill(own.id);
	await claimedCommit(own.id, 'update folder set name = \'In\', name_key = \'in\', updated_at = $2 where id = $1', [made.folder_id, T0]);
	assert.equal((await one('select count(*)::int as n from share where folder_id = $1', made.folder_id)).n, 1);
	await claimedCommit(own.id, 'delete from folder where id = $1', [made.folder_id]);
	assert.deepEqual(await backfill(own.id), []);
	assert.equal((await one('select version from client where id = $1', client.id)).version, '1', 'and the client is as it was');
});

// --- Versions ------------------------------------------------------------------------------------

test('a change that a reader sees is a new version; another is none, and keeps updated_at', async () => {
	const contact = await fixture.contact(firm);
	const change = (sql) => claimedCommit(firm.id, `update contact set ${sql} where id = $1 returning version, updated_at`, [contact.id]);
	assert.equal((await change(`phone = '1', updated_at = '${at(1)}'`))[0].version, '2');
	const same = await change(`phone = '1', updated_at = '${at(2)}'`);
	assert.deepEqual(same, [{ version: '2', updated_at: new Date(at(1)) }]);
	assert.equal((await change('email_keys = email_keys'))[0].version, '2');
	assert.equal((await change(`phone = null, updated_at = '${at(3)}'`))[0].version, '3');
});

test('a firm whose portal_url stays keeps its version', async () => {
	const own = await fixture.firm({ portal_url: 'https://p.test' });
	assert.equal((await claimedCommit(own.id, 'update firm set name = name where id = $1 returning version', [own.id]))[0].version, '1');
	assert.equal((await claimedCommit(own.id, 'update firm set name = \'N\' where id = $1 returning version', [own.id]))[0].version, '2');
});

test('what an answer shows of other rows is part of its version', async () => {
	const client = await fixture.client(firm);
	const contact = await fixture.contact(firm);
	const staff = await fixture.staff(firm);
	const step = async (table, row, by, work) => {
		const before = await versionOf(table, row);
		await work();
		assert.equal(await versionOf(table, row), before + by, work.toString());
	};
	await step('client', client, 1, () => put(owner, 'client_team',
		{ firm_id: firm.id, client_id: client.id, membership_id: staff.id, created_at: T0 }));
	await step('client', client, 1, () => owner.query('update membership set display_name = \'X\' where id = $1', [staff.id]));
	await step('client', client, 0, () => owner.query('update membership set last_sign_in_at = $2 where id = $1', [staff.id, T0]));
	await step('client', client, 1, () => owner.query('delete from client_team where client_id = $1', [client.id]));
	await step('contact', contact, 1, () => fixture.relate(client, contact));
	await step('contact', contact, 1, () => owner.query('update client set name = \'Y\' where id = $1', [client.id]));
	await step('contact', contact, 0, () => owner.query('update client set phone = \'1\' where id = $1', [client.id]));
	let person;
	await step('contact', contact, 1, async () => {
		person = await fixture.portal(firm, contact, { state: 'invited' });
	});
	await step('contact', contact, 1, () => owner.query('update membership set state = \'active\' where id = $1', [person.id]));
	await step('contact', contact, 1, () => owner.query('delete from membership where id = $1', [person.id]));
	await step('contact', contact, 1, () => owner.query('delete from client_contact where client_id = $1', [client.id]));
});

// --- Accounts --------------------------------------------------------------------------------------

test('S2_29 S2_30 one login address once per firm and audience; free again after off', async () => {
	const [a, b] = [await fixture.contact(firm), await fixture.contact(firm)];
	const login = { login_email: 'Ann@x.test', login_email_key: 'ann@x.test' };
	const first = await fixture.portal(firm, a, login);
	await refused(fixture.portal(firm, b, login), { code: '23505', constraint: 'membership_login_email_key' });
	await fixture.staff(firm, 'member', login);
	await fixture.portal(await fixture.firm(), null, { ...login, state: 'pending_verification' });
	await refused(fixture.portal(firm, a), { code: '23505', constraint: 'membership_contact_key' });
	await owner.query('delete from membership where id = $1', [first.id]);
	await fixture.portal(firm, b, login);
});

test('a membership is what its kind allows', async () => {
	const contact = await fixture.contact(firm);
	for (const [more, constraint] of [
		[{ kind: 'portal', role: 'owner', contact_id: contact.id }, 'membership_role_check'],
		[{ kind: 'staff' }, 'membership_role_check'],
		[{ kind: 'staff', role: 'boss' }, 'membership_role_check'],
		[{ kind: 'staff', role: 'member', contact_id: contact.id }, 'membership_contact_check'],
		[{ kind: 'portal' }, 'membership_contact_check'],
		[{ kind: 'portal', contact_id: contact.id, identity_id: null }, 'membership_identity_check'],
		[{ kind: 'portal', contact_id: contact.id, state: 'off' }, 'membership_state_check'],
		[{ kind: 'robot', role: 'member' }, 'membership_kind_check'],
	]) {
		const wrong = await fixture.membership(firm, more).then(() => assert.fail(constraint), (e) => e);
		assert.equal(wrong.code, '23514');
		if (more.kind !== 'robot')
			assert.equal(wrong.constraint, constraint);
	}
});

test('one invitation of a membership is open at a time; it outlives the membership', async () => {
	const contact = await fixture.contact(firm);
	const person = await fixture.portal(firm, contact, { state: 'invited', identity_id: null });
	const invite = (more) => put(owner, 'invitation', {
		firm_id: firm.id, id: randomUUID(), membership_id: person.id, audience: 'portal', email: 'a@x.test', email_key: 'a@x.test',
		contact_id: contact.id, nonce: Buffer.alloc(16), created_at: T0, updated_at: T0, ...more,
	});
	const first = await invite();
	await refused(invite(), { code: '23505', constraint: 'invitation_open_key' });
	await owner.query('update invitation set state = \'superseded\' where id = $1', [first.id]);
	await invite();
	await owner.query('delete from membership where id = $1', [person.id]);
	assert.deepEqual(await one('select membership_id, contact_id from invitation where id = $1', first.id),
		{ membership_id: null, contact_id: contact.id });
});

test('S0_8 a client\'s code and a reference to another system are unique in the firm, and free elsewhere', async () => {
	const other = await fixture.firm();
	await fixture.client(firm, { code: 'C1', external_source: 'xero', external_id: '1' });
	await refused(fixture.client(firm, { code: 'C1' }), { code: '23505', constraint: 'client_code_key' });
	await refused(fixture.client(firm, { external_source: 'xero', external_id: '1' }),
		{ code: '23505', constraint: 'client_external_ref_key' });
	await refused(fixture.client(firm, { external_source: 'xero' }), { code: '23514', constraint: 'client_external_ref_check' });
	await fixture.client(other, { code: 'C1', external_source: 'xero', external_id: '1' });
	await fixture.client(firm);
	await fixture.client(firm);
});

test('P11 one envelope of an event, a kind and an address', async () => {
	const event = await fixture.event(firm, await fixture.client(firm));
	await fixture.envelope(event);
	await refused(fixture.envelope(event), { code: '23505', constraint: 'envelope_recipient_key' });
	await fixture.envelope(event, { to_email_key: 'b@x.test' });
	await refused(fixture.envelope(event, { to_email: 'a@x.test\r\nRCPT TO:<b@x.test>', to_email_key: 'c' }),
		{ code: '23514', constraint: 'envelope_address_check' });
});

// --- Setup, ids --------------------------------------------------------------------------------------

test('the first firm is made once, however many try at once', async () => {
	const empty = await startCluster();
	try {
		const dbs = [await empty.connect('portico_api'), await empty.connect('portico_api')];
		assert.deepEqual((await dbs[0].query('select setup_needed() as yes')).rows, [{ yes: true }]);
		await dbs[0].query('begin');
		await dbs[0].query('select setup_begin($1)', [T0]);
		const second = dbs[1].query('select setup_begin($1)', [T0]);
		const late = refused(second, { code: 'PT409', message: 'already_set_up' });
		await blocked(second, dbs[1], await empty.connect('postgres'));
		const id = randomUUID();
		await dbs[0].query('select claim_firm($1)', [id]);
		await dbs[0].query('insert into firm (id, slug, name, created_at, updated_at) values ($1, \'one\', \'One\', $2, $2)', [id, T0]);
		await dbs[0].query('commit');
		await late;
		assert.deepEqual((await dbs[1].query('select setup_needed() as yes')).rows, [{ yes: false }]);
	} finally {
		await empty.stop();
	}
});

test('a setup that fails may be tried again', async () => {
	const empty = await startCluster();
	try {
		const db = await empty.connect('portico_api');
		await db.query('begin');
		await db.query('select setup_begin($1)', [T0]);
		await db.query('rollback');
		await db.query('select setup_begin($1)', [T0]);
	} finally {
		await empty.stop();
	}
});

test('test_reset does nothing where the operator has not allowed it, and empties everything where he has', async () => {
	const world = await startCluster();
	try {
		const boss = await world.connect('portico_owner');
		const db = await world.connect('portico_api');
		await new Fixture(boss).world();
		await refused(db.query('select test_reset()'), { code: 'PT404', message: 'not_found' });
		await boss.query('update installation set test_mode = true');
		await db.query('select test_reset()');
		const { rows } = await boss.query(`select relname::text as name from pg_class
			where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`);
		for (const { name } of rows) {
			const left = await boss.query(`select from ${name} limit 1`);
			assert.equal(left.rowCount, ['installation', 'role_permission'].includes(name) ? 1 : 0, name);
		}
	} finally {
		await world.stop();
	}
});

test('new_id makes UUIDv7 of the given time, and no two alike', async () => {
	const { rows } = await owner.query('select new_id($1::timestamptz) as id from generate_series(1, 1000)', ['2026-11-21T10:00:00.123Z']);
	const ids = rows.map((r) => r.id);
	assert.equal(new Set(ids).size, 1000);
	for (const id of ids) {
		assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
		assert.equal(Number.parseInt(id.replace('-', '').slice(0, 12), 16), Date.parse('2026-11-21T10:00:00.123Z'));
	}
});

test('P27 a time that a mail says is that of the reader\'s wall, over the gap and the overlap of a year, and across midnight', async () => {
	const said = [
		['2026-03-29T00:59:00Z', 'Europe/Berlin', '2026-03-29 01:59 Europe/Berlin'],
		['2026-03-29T01:00:00Z', 'Europe/Berlin', '2026-03-29 03:00 Europe/Berlin'],
		['2026-10-25T00:30:00Z', 'Europe/Berlin', '2026-10-25 02:30 Europe/Berlin'],
		['2026-10-25T01:30:00Z', 'Europe/Berlin', '2026-10-25 02:30 Europe/Berlin'],
		['2026-12-31T15:00:00Z', 'Asia/Tokyo', '2027-01-01 00:00 Asia/Tokyo'],
		['2026-03-01T04:59:00Z', 'America/New_York', '2026-02-28 23:59 America/New_York'],
		['2026-04-04T14:30:00Z', 'Australia/Lord_Howe', '2026-04-05 01:30 Australia/Lord_Howe'],
		['2026-04-04T15:00:00Z', 'Australia/Lord_Howe', '2026-04-05 01:30 Australia/Lord_Howe'],
	];
	for (const [time, zone, text] of said) {
		const { rows } = await owner.query('select local_time($1, $2) as said', [time, zone]);
		assert.equal(rows[0].said, text, `${time} ${zone}`);
	}
});
