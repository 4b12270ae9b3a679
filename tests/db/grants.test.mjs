// What each program may touch: tried as its role, table by table.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { startCluster } from './cluster.mjs';
import { at, claimed, Fixture, refused, T0 } from './fixture.mjs';

const DENIED = { code: '42501' };

let cluster;
let owner;
let w;
const as = {};

before(async () => {
	cluster = await startCluster();
	owner = await cluster.connect('portico_owner');
	w = await new Fixture(owner).world();
	for (const role of ['api', 'relay', 'mailer', 'janitor'])
		as[role] = await cluster.connect(`portico_${role}`);
});
after(() => cluster?.stop());

// The columns of every table that a role may read, as table.column.
async function readable(role) {
	const { rows } = await owner.query(`
		select c.relname || '.' || a.attname as name
		from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
		where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
			and has_column_privilege($1, c.oid, a.attnum, 'select')
		order by 1`, [role]);
	return rows.map((row) => row.name);
}

const tablesOf = (names) => [...new Set(names.map((n) => n.split('.')[0]))];

test('the mailer reads no bytes: neither a blob nor what leads to one', async () => {
	await refused(as.mailer.query('select * from blob'), DENIED);
	await refused(as.mailer.query('select path from blob'), DENIED);
	await refused(as.mailer.query('select name from matter'), DENIED);
	for (const column of ['blob_id', 'sha256', 'size', 'content_type', 'custom_fields'])
		await refused(as.mailer.query(`select ${column} from document`), DENIED);
	await refused(as.mailer.query('select * from document'), DENIED);
	const { rows } = await as.mailer.query('select name from document');
	assert.deepEqual(rows, [{ name: w.document.name }], 'the name is what a mail names');
});

test('the mailer reads no secret but the nonce that it derives links from', async () => {
	const names = await readable('portico_mailer');
	assert.deepEqual(names.filter((n) => /nonce|hash|[.].*token|sealed|fingerprint|identity_id|path$/.test(n)),
		['envelope.token_id', 'folder.path', 'invitation.nonce', 'mailed_token.nonce', 'registration.nonce']);
	assert.deepEqual(tablesOf(names), ['client', 'client_contact', 'client_team', 'contact', 'delivery', 'document', 'envelope',
		'event', 'firm', 'folder', 'invitation', 'mail_preference', 'mailed_token', 'matter', 'matter_team', 'membership', 'registration', 'share',
		'suppression', 'test_mail']);
});

test('the mailer changes nothing but its own bookkeeping', async () => {
	for (const sql of ['update membership set state = \'active\'', 'update invitation set state = \'open\'', 'delete from share',
		'update envelope set to_email = \'evil@x.test\'', 'delete from envelope', 'insert into envelope default values',
		'update share set access = \'view_upload\'', 'update firm set name = \'x\'', 'delete from event', 'delete from suppression'])
		await refused(as.mailer.query(sql), DENIED);
	await as.mailer.query('begin');
	await as.mailer.query('update envelope set state = \'sent\', attempts = 1, sent_at = $1, message_id = \'m\'', [T0]);
	await as.mailer.query(`insert into delivery (firm_id, id, envelope_id, attempt, outcome, at)
		values ($1, $2, $3, 2, 'sent', $4)`, [w.firm.id, randomUUID(), w.envelope.id, T0]);
	await as.mailer.query('update share set untold = true');
	await as.mailer.query('insert into suppression values ($1, \'gone@x.test\', \'bounced\', $2)', [w.firm.id, T0]);
	await as.mailer.query('rollback');
});

test('the relay numbers and publishes events, and seals the audit; it reads no person', async () => {
	assert.deepEqual(tablesOf(await readable('portico_relay')), ['audit', 'envelope', 'event', 'sequencer']);
	await as.relay.query('begin');
	await as.relay.query('update event set sequence = 1, published_at = $1', [T0]);
	await as.relay.query('update audit set sequence = 1, prev_hash = \'\\x\', hash = \'\\x00\'');
	await as.relay.query('update sequencer set event_sequence = 1, audit_sequence = 1, audit_hash = \'\\x00\'');
	await as.relay.query('rollback');
	for (const sql of ['delete from event', 'update event set type = \'a.b\'', 'update audit set action = \'x\'', 'delete from audit',
		'select to_email from envelope', 'update envelope set state = \'sent\'', 'select * from client'])
		await refused(as.relay.query(sql), DENIED);
});

test('the janitor ends what has expired and reads no content', async () => {
	const names = await readable('portico_janitor');
	assert.deepEqual(tablesOf(names), ['access_snapshot', 'blob', 'document', 'envelope', 'event', 'folder', 'idempotency', 'import', 'known_place', 'mail_request', 'mailed_token', 'mfa_challenge', 'sequencer', 'session', 'sign_in_attempt', 'test_mail']);
	assert.deepEqual(names.filter((n) => /[.].*token|sealed|fingerprint|name/.test(n)), []);
	for (const sql of ['delete from client', 'delete from audit', 'delete from membership', 'update document set name = \'x\'',
		'delete from share', 'update sequencer set event_sequence = 1'])
		await refused(as.janitor.query(sql), DENIED);
	await as.janitor.query('begin');
	await as.janitor.query('delete from session where expires_at <= $1', [at(1)]);
	await as.janitor.query('delete from document where trashed_at <= $1', [at(1)]);
	await as.janitor.query('rollback');
});

test('P19 the API adds to history and changes none of it', async () => {
	await claimed(as.api, w.firm.id, async () => {
		for (const sql of ['update audit set action = \'x\'', 'delete from audit', 'update event set type = \'a.b\'', 'delete from event',
			'delete from envelope', 'insert into delivery default values', 'truncate audit',
			'update audit set sequence = null, prev_hash = null, hash = null']) {
			await as.api.query('savepoint s');
			await refused(as.api.query(sql), DENIED);
			await as.api.query('rollback to s');
		}
	});
});

test('P19 a sealed row is final, and an unsealed one takes nothing but its seal', async () => {
	await owner.query('begin');
	await owner.query('update audit set sequence = 1, prev_hash = \'\\x\', hash = \'\\x00\' where firm_id = $1', [w.firm.id]);
	await owner.query('savepoint s');
	await refused(owner.query('update audit set hash = \'\\x01\''), { code: '42501', message: 'audit rows do not change' });
	await owner.query('rollback to s');
	await refused(owner.query('update audit set action = \'x\''), { code: '42501', message: 'audit rows do not change' });
	await owner.query('rollback');
	await refused(owner.query('update audit set action = \'x\''), { code: '42501', message: 'audit rows do not change' });
	await refused(owner.query('update audit set sequence = 1'), { code: '23514', constraint: 'audit_seal_check' });
});

test('the API writes neither ids nor versions nor the way up of a folder', async () => {
	const { rows } = await owner.query(`
		select c.relname || '.' || a.attname as name
		from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
		where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
			and has_column_privilege('portico_api', c.oid, a.attnum, 'update')
			and a.attname in ('id', 'firm_id', 'version', 'created_at', 'ancestors', 'path', 'kind', 'slug',
				'token_hash', 'default_folder_made', 'xid', 'row_no', 'sequence')`);
	assert.deepEqual(rows.map((r) => r.name).sort(), ['client_team.created_at', 'idempotency.created_at', 'session.token_hash'],
		'these are no entities, and a device has another token each hour');
});

test('only the API may sign people in, make identities, or set up', async () => {
	for (const role of ['relay', 'mailer', 'janitor'])
		for (const call of ['identity_find(\'a\')', 'sign_in_find(null, \'staff\', \'a\')', 'identity_set_password(null, \'a\', null)',
			'setup_begin(null)', 'test_reset()', 'authenticate(null, null, null, null, \'any\', null)', 'firm_find(null, null)'])
			await refused(as[role].query(`select ${call}`), DENIED);
});

test('nobody becomes somebody else', async () => {
	for (const db of Object.values(as))
		for (const role of ['portico_owner', 'portico_api', 'postgres']) {
			const { rows } = await db.query('select current_user as me');
			if (rows[0].me !== role)
				await refused(db.query(`set role ${role}`), DENIED);
		}
});
