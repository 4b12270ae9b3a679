// fixture.mjs - rows for the database tests, written as the owner; and how the API's statements run.

import assert from 'node:assert/strict';
import { createHash, randomBytes, randomUUID } from 'node:crypto';

export const T0 = '2026-03-01T10:00:00.000Z';
export const at = (seconds) => new Date(Date.parse(T0) + seconds * 1000).toISOString();

// Inserts `row` into `table`, returns it.
export async function put(db, table, row) {
	const names = Object.keys(row);
	const holes = names.map((_, i) => `$${i + 1}`);
	await db.query(`insert into ${table} (${names}) values (${holes})`, Object.values(row));
	return row;
}

const times = { created_at: T0, updated_at: T0 };

export class Fixture {
	constructor(db) {
		this.db = db;
		this.n = 0;
	}

	name(kind) {
		this.n += 1;
		return `${kind}-${this.n}`;
	}

	firm(more = {}) {
		const slug = this.name('firm');
		return put(this.db, 'firm', { id: randomUUID(), slug, name: `Firm ${slug}`, ...times, ...more });
	}

	async identity(more = {}) {
		const key = `${this.name('person')}@x.test`;
		return put(this.db, 'identity', {
			id: randomUUID(), email_key: key, email: key, password_hash: 'hash', ...times, ...more,
		});
	}

	async membership(firm, more = {}) {
		const identity = await this.identity();
		return put(this.db, 'membership', {
			firm_id: firm.id, id: randomUUID(), identity_id: identity.id, state: 'active',
			login_email: identity.email, login_email_key: identity.email_key,
			display_name: identity.email, ...times, ...more,
		});
	}

	staff(firm, role = 'member', more = {}) {
		return this.membership(firm, { kind: 'staff', role, ...more });
	}

	portal(firm, contact, more = {}) {
		return this.membership(firm, { kind: 'portal', contact_id: contact?.id ?? null, ...more });
	}

	contact(firm, more = {}) {
		return put(this.db, 'contact', {
			firm_id: firm.id, id: randomUUID(), entity: 'individual', display_name: this.name('contact'),
			...times, ...more,
		});
	}

	client(firm, more = {}) {
		return put(this.db, 'client', {
			firm_id: firm.id, id: randomUUID(), entity: 'individual', name: this.name('client'),
			...times, ...more,
		});
	}

	relate(client, contact) {
		return put(this.db, 'client_contact', {
			firm_id: client.firm_id, client_id: client.id, contact_id: contact.id, created_at: T0,
		});
	}

	matter(client, more = {}) {
		return put(this.db, 'matter', {
			firm_id: client.firm_id, id: randomUUID(), client_id: client.id, name: this.name('matter'), ...times, ...more,
		});
	}

	// Makes a contact take part in a matter.
	take(matter, contact, role = 'client') {
		return put(this.db, 'matter_contact', {
			firm_id: matter.firm_id, matter_id: matter.id, client_id: matter.client_id, contact_id: contact.id, role,
			created_at: T0,
		});
	}

	// Puts a member of staff on the team of a matter.
	join(matter, staff) {
		return put(this.db, 'matter_team', {
			firm_id: matter.firm_id, matter_id: matter.id, membership_id: staff.id, created_at: T0,
		});
	}

	folder(client, parent = null, more = {}) {
		const name = this.name('folder');
		return put(this.db, 'folder', {
			firm_id: client.firm_id, id: randomUUID(), client_id: client.id, parent_id: parent?.id ?? null,
			name, name_key: name, ...times, ...more,
		});
	}

	async document(folder, more = {}) {
		const name = this.name('document');
		const sha256 = createHash('sha256').update(name).digest();
		const blob = await put(this.db, 'blob', {
			firm_id: folder.firm_id, id: randomUUID(), path: `${randomUUID()}`, size: 1, sha256, created_at: T0,
		});
		return put(this.db, 'document', {
			firm_id: folder.firm_id, id: randomUUID(), client_id: folder.client_id, folder_id: folder.id,
			name, name_key: name, content_type: 'text/plain', size: 1, sha256, blob_id: blob.id,
			uploaded_by_id: randomUUID(), uploaded_by_kind: 'staff', uploaded_by_name: 'S', ...times, ...more,
		});
	}

	// Shares a folder, a document or a matter ({ folder }, …) with a portal membership.
	share(membership, { folder, document, matter }, more = {}) {
		const item = folder ?? document ?? matter;
		return put(this.db, 'share', {
			firm_id: item.firm_id, id: randomUUID(), client_id: item.client_id,
			contact_id: membership.contact_id, membership_id: membership.id,
			folder_id: folder?.id ?? null, document_id: document?.id ?? null, matter_id: matter?.id ?? null,
			access: 'view', created_by_name: 'S', ...times, ...more,
		});
	}

	// A session of a membership, with the token that opens it.
	async session(membership, more = {}) {
		const token = randomBytes(32);
		const session = await put(this.db, 'session', {
			firm_id: membership.firm_id, id: randomUUID(), membership_id: membership.id,
			token_hash: createHash('sha256').update(token).digest(), transport: 'token',
			authenticated_at: T0, created_at: T0, expires_at: at(86400), idle_seconds: 3600,
			last_seen_at: T0, ...more,
		});
		return { ...session, token };
	}

	// An API key of a member of staff, with its secret's bytes.
	async key(maker, more = {}) {
		const secret = randomBytes(32);
		const principal = await put(this.db, 'membership', {
			firm_id: maker.firm_id, id: randomUUID(), kind: 'key', state: 'active', display_name: this.name('key'), ...times,
		});
		const key = await put(this.db, 'api_key', {
			firm_id: maker.firm_id, id: principal.id, name: principal.display_name, prefix: 'cpk_',
			secret_hash: createHash('sha256').update(secret).digest(), scopes: ['clients:read'],
			created_by_id: maker.id, created_by_name: maker.display_name, ...times, ...more,
		});
		return { ...key, secret };
	}

	// A firm with one of everything: two of them are neighbours who must not meet.
	async world() {
		const firm = await this.firm();
		const owner = await this.staff(firm, 'owner');
		const contact = await this.contact(firm);
		const client = await this.client(firm);
		await this.relate(client, contact);
		await put(this.db, 'client_team', {
			firm_id: firm.id, client_id: client.id, membership_id: owner.id, created_at: T0,
		});
		const person = await this.portal(firm, contact);
		const matter = await this.matter(client);
		await this.take(matter, contact);
		await this.join(matter, owner);
		const folder = await this.folder(client);
		const document = await this.document(folder);
		const share = await this.share(person, { folder });
		const session = await this.session(owner);
		const key = await this.key(owner);
		const batch = await put(this.db, 'import', {
			firm_id: firm.id, id: randomUUID(), kind: 'clients', dry_run: false, send_invitations: 'none',
			actor_type: 'staff', actor_id: owner.id, actor_name: owner.display_name, ...times,
		});
		await put(this.db, 'import_row', { firm_id: firm.id, import_id: batch.id, line: 2, codes: [], faults: '[]' });
		const invitation = await put(this.db, 'invitation', {
			firm_id: firm.id, id: randomUUID(), membership_id: person.id, audience: 'portal',
			email: 'a@x.test', email_key: 'a@x.test', contact_id: contact.id, nonce: randomBytes(16), ...times,
		});
		const registration = await put(this.db, 'registration', {
			firm_id: firm.id, id: randomUUID(), state: 'unconfirmed', name: 'R', email: 'r@x.test', email_key: 'r@x.test',
			has_credential: false, nonce: randomBytes(16), expires_at: at(86400), ...times,
		});
		await put(this.db, 'sign_up_link', {
			firm_id: firm.id, id: randomUUID(), client_id: client.id, folder_id: folder.id, access: 'view', max_uses: 2,
			expires_at: at(86400), nonce: randomBytes(16), created_by_type: 'staff', created_by_id: owner.id, created_by_name: 'S', ...times,
		});
		const event = await this.event(firm, client);
		const envelope = await this.envelope(event);
		await put(this.db, 'delivery', {
			firm_id: firm.id, id: randomUUID(), envelope_id: envelope.id, attempt: 1, outcome: 'temporary', at: T0,
		});
		await put(this.db, 'suppression', {
			firm_id: firm.id, email_key: 'bad@x.test', reason: 'bounced', created_at: T0,
		});
		await put(this.db, 'access_snapshot', {
			firm_id: firm.id, id: randomUUID(), contact_id: contact.id, login_email: 'a@x.test', display_name: 'Ann', shares: '[]', created_at: T0,
		});
		await put(this.db, 'mailed_token', {
			firm_id: firm.id, id: randomUUID(), membership_id: person.id, kind: 'sign_in', nonce: randomBytes(16), created_at: T0,
			expires_at: at(900),
		});
		await put(this.db, 'announcement', { firm_id: firm.id, key: 'portal_is_new', subject: 'S', body_text: 'B', updated_at: T0 });
		await put(this.db, 'mail_preference', { firm_id: firm.id, membership_id: person.id, updated_at: T0 });
		const audit = await this.audit(firm);
		await put(this.db, 'sequencer', { firm_id: firm.id });
		await put(this.db, 'idempotency', {
			firm_id: firm.id, membership_id: owner.id, key_hash: randomBytes(32), fingerprint: randomBytes(32),
			created_at: T0, expires_at: at(86400),
		});
		await put(this.db, 'known_place', { firm_id: firm.id, membership_id: person.id, ip: '192.0.2.7', seen_at: T0 });
		await put(this.db, 'mfa_challenge', {
			firm_id: firm.id, id: randomUUID(), membership_id: person.id, token_hash: randomBytes(32), created_at: T0,
			expires_at: at(300),
		});
		await put(this.db, 'sign_in_attempt', {
			firm_id: firm.id, key_hash: randomBytes(32), failures: 1, resets_at: at(900),
		});
		return {
			firm, owner, contact, client, person, folder, document, share, session, key, invitation, registration, event,
			envelope, audit,
		};
	}

	event(firm, client) {
		return put(this.db, 'event', {
			firm_id: firm.id, id: randomUUID(), type: 'client.created', object_type: 'client',
			object_id: client.id, actor_type: 'staff', actor_name: 'S', occurred_at: T0,
		});
	}

	envelope(event, more = {}) {
		return put(this.db, 'envelope', {
			firm_id: event.firm_id, id: randomUUID(), event_id: event.id, kind: 'folder.shared',
			recipient_kind: 'portal', to_email: 'a@x.test', to_email_key: 'a@x.test', due_at: T0,
			expires_at: at(86400), ...times, ...more,
		});
	}

	audit(firm) {
		return put(this.db, 'audit', {
			firm_id: firm.id, id: randomUUID(), at: T0, actor_type: 'staff', actor_name: 'S',
			action: 'client.create', object_type: 'client', request_id: 'req_00000000', outcome: 'ok',
		});
	}
}

// Runs `work` in a transaction of `db` that has claimed `firm` (an id), as the API does, and rolls back.
export async function claimed(db, firm, work) {
	await db.query('begin');
	try {
		await db.query('select claim_firm($1::uuid)', [firm]);
		return await work(db);
	} finally {
		await db.query('rollback');
	}
}

// Waits until the statement behind `promise`, running on `db`, is over or waits for a lock: then another
// connection may go on, and the race is the one that the test means. Looked at through `watcher`.
export async function blocked(promise, db, watcher) {
	let over = false;
	const done = () => {
		over = true;
	};
	promise.then(done, done);
	while (!over) {
		const { rowCount } = await watcher.query('select from pg_locks where pid = $1 and not granted', [db.processID]);
		if (rowCount > 0)
			return;
	}
}

// Expects `promise` to be refused by PostgreSQL with { code, message, constraint, detail } as given.
export async function refused(promise, expected) {
	const error = await promise.then(
		() => assert.fail(`expected ${JSON.stringify(expected)}, but it passed`),
		(e) => e,
	);
	const seen = {};
	for (const key of Object.keys(expected))
		seen[key] = error[key];
	assert.deepEqual(seen, expected, error.stack);
}

// mulberry32: a seeded generator of [0, 1), so that a failure can be run again.
export function random(seed) {
	let a = seed >>> 0;
	const next = () => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = a;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	next.below = (n) => Math.floor(next() * n);
	next.pick = (list) => list[next.below(list.length)];
	next.chance = (p) => next() < p;
	return next;
}
