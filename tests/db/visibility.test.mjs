// portal_items() against a naive model: random firms, trees, shares, moves, states; every person compared.
// SEEDS=n runs n worlds (default 60), SEED=n runs that one alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster } from './cluster.mjs';
import { at, claimed, Fixture, random, refused, T0 } from './fixture.mjs';

let cluster;
let owner;
let api;

before(async () => {
	cluster = await startCluster();
	owner = await cluster.connect('portico_owner');
	api = await cluster.connect('portico_api');
});
after(() => cluster?.stop());

// --- The model: plain objects, and the rule written as people say it ---------------------------

// Walks up parents; the database's ancestors are not looked at.
function isInside(folder, holder) {
	for (let f = folder; f; f = f.parent)
		if (f === holder)
			return true;
	return false;
}

// The matter of the folder at the top is that of all below.
function matterOf(folder) {
	let top = folder;
	while (top.parent)
		top = top.parent;
	return top.matter;
}

const strongest = (shares) => (shares.some((s) => s.access === 'view_upload') ? 'view_upload' : 'view');

function expectedItems(world, person) {
	const items = new Map();
	if (person.state !== 'active')
		return items;
	const mine = world.shares.filter((s) => s.person === person && s.item.client.status === 'active');
	const reach = (folder) => mine.filter((s) => s.kind === 'folder' && isInside(folder, s.item));
	const open = (folder) => !matterOf(folder) || mine.some((s) => s.item === matterOf(folder));
	for (const folder of world.folders.filter(open)) {
		const by = reach(folder);
		if (by.length)
			items.set(folder.id, `folder ${strongest(by)} in ${folder.id}`);
	}
	for (const document of world.documents) {
		if (document.trashed || document.internal || !open(document.folder))
			continue;
		const by = reach(document.folder);
		const direct = mine.filter((s) => s.item === document);
		if (by.length)
			items.set(document.id, `document ${strongest([...by, ...direct])} in ${document.folder.id}`);
		else if (direct.length)
			items.set(document.id, `document ${strongest(direct)} in null`);
	}
	return items;
}

const expectedMatters = (world, person) => (person.state === 'active' ? world.shares : [])
	.filter((s) => s.kind === 'matter' && s.person === person && s.item.client.status === 'active')
	.map((s) => s.item.id).sort();

// --- A random world, in the model and in the database --------------------------------------------

async function makeWorld(rnd) {
	const fixture = new Fixture(owner);
	fixture.n = rnd.below(1e9);
	const firm = await fixture.firm();
	const world = { firm, fixture, clients: [], people: [], matters: [], folders: [], documents: [], shares: [] };
	for (let i = 1 + rnd.below(3); i > 0; i--)
		world.clients.push({ ...await fixture.client(firm), status: 'active', contacts: new Set() });
	for (let i = 1 + rnd.below(4); i > 0; i--) {
		const contact = await fixture.contact(firm);
		const person = { ...await fixture.portal(firm, contact), contact };
		world.people.push(person);
		for (const client of world.clients)
			if (rnd.chance(0.7)) {
				await fixture.relate(client, contact);
				client.contacts.add(contact);
			}
	}
	for (let i = rnd.below(4); i > 0; i--)
		await addMatter(world, rnd);
	for (let i = 3 + rnd.below(12); i > 0; i--)
		await addFolder(world, rnd);
	for (let i = rnd.below(25); i > 0; i--)
		await addDocument(world, rnd);
	return world;
}

// With some of its client's contacts as clients on it.
async function addMatter(world, rnd) {
	const client = rnd.pick(world.clients);
	const matter = { ...await world.fixture.matter(client), client, contacts: new Set() };
	for (const contact of client.contacts)
		if (rnd.chance(0.7)) {
			await world.fixture.take(matter, contact);
			matter.contacts.add(contact);
		}
	world.matters.push(matter);
}

const pickMatter = (world, rnd, client) => {
	const near = world.matters.filter((m) => m.client === client);
	return near.length && rnd.chance(0.5) ? rnd.pick(near) : null;
};

async function addFolder(world, rnd) {
	const client = rnd.pick(world.clients);
	const near = world.folders.filter((f) => f.client === client);
	const parent = near.length && rnd.chance(0.75) ? rnd.pick(near) : null;
	const matter = parent ? null : pickMatter(world, rnd, client);
	const row = await world.fixture.folder(client, parent, { matter_id: matter?.id ?? null });
	world.folders.push({ ...row, client, parent, matter });
}

async function addDocument(world, rnd) {
	const folder = rnd.pick(world.folders);
	const trashed = rnd.chance(0.15);
	const internal = rnd.chance(0.15);
	const row = await world.fixture.document(folder, { trashed_at: trashed ? T0 : null, internal });
	world.documents.push({ ...row, client: folder.client, folder, trashed, internal });
}

const set = (table, row, column, value) =>
	owner.query(`update ${table} set ${column} = $2 where id = $1`, [row.id, value]);

// What may happen to a world. Each keeps model and database in step.
const happenings = {
	async share(world, rnd) {
		const kind = rnd.chance(0.6) ? 'folder' : 'document';
		const items = kind === 'folder' ? world.folders : world.documents;
		if (!items.length)
			return;
		const item = rnd.pick(items);
		const people = world.people.filter((p) => p.state !== 'off' && item.client.contacts.has(p.contact)
			&& !world.shares.some((s) => s.person === p && s.item === item));
		if (!people.length)
			return;
		const person = rnd.pick(people);
		const access = kind === 'folder' && rnd.chance(0.4) ? 'view_upload' : 'view';
		const row = await world.fixture.share(person, { [kind]: item }, { access });
		world.shares.push({ id: row.id, person, item, kind, access });
	},
	async shareMatter(world, rnd) {
		if (!world.matters.length)
			return;
		const item = rnd.pick(world.matters);
		const person = rnd.pick(world.people);
		if (person.state === 'off' || world.shares.some((s) => s.person === person && s.item === item))
			return;
		const sharing = world.fixture.share(person, { matter: item });
		if (!item.contacts.has(person.contact)) {
			await refused(sharing, { code: '23503' });
			return;
		}
		world.shares.push({ id: (await sharing).id, person, item, kind: 'matter', access: 'view' });
	},
	async leaveMatter(world, rnd) {
		const matter = world.matters.find((m) => m.contacts.size);
		if (!matter)
			return;
		const contact = rnd.pick([...matter.contacts]);
		await owner.query('delete from matter_contact where matter_id = $1 and contact_id = $2', [matter.id, contact.id]);
		matter.contacts.delete(contact);
		world.shares = world.shares.filter((s) => s.item !== matter || s.person.contact !== contact);
	},
	async giveMatter(world, rnd) {
		const folder = rnd.pick(world.folders);
		const matter = pickMatter(world, rnd, folder.client);
		await set('folder', folder, 'matter_id', matter?.id ?? null);
		if (!folder.parent)
			folder.matter = matter;
	},
	async unshare(world, rnd) {
		if (!world.shares.length)
			return;
		const share = rnd.pick(world.shares);
		await owner.query('delete from share where id = $1', [share.id]);
		world.shares = world.shares.filter((s) => s !== share);
	},
	async move(world, rnd) {
		const folder = rnd.pick(world.folders);
		const near = world.folders.filter((f) => f.client === folder.client);
		const parent = rnd.chance(0.3) ? null : rnd.pick(near);
		const moving = owner.query('update folder set parent_id = $2 where id = $1', [folder.id, parent?.id ?? null]);
		if (parent && isInside(parent, folder)) {
			await refused(moving, { code: 'PT409', message: 'would_make_cycle' });
			return;
		}
		const kept = matterOf(folder);
		await moving;
		folder.parent = parent;
		folder.matter = kept;
	},
	async moveDocument(world, rnd) {
		if (!world.documents.length)
			return;
		const document = rnd.pick(world.documents);
		const folder = rnd.pick(world.folders.filter((f) => f.client === document.client));
		await set('document', document, 'folder_id', folder.id);
		document.folder = folder;
	},
	async trash(world, rnd) {
		if (!world.documents.length)
			return;
		const document = rnd.pick(world.documents);
		document.trashed = !document.trashed;
		await set('document', document, 'trashed_at', document.trashed ? T0 : null);
	},
	async keepInside(world, rnd) {
		if (!world.documents.length)
			return;
		const document = rnd.pick(world.documents);
		document.internal = !document.internal;
		await set('document', document, 'internal', document.internal);
	},
	async archive(world, rnd) {
		const client = rnd.pick(world.clients);
		client.status = client.status === 'active' ? 'archived' : 'active';
		await set('client', client, 'status', client.status);
	},
	async changeState(world, rnd) {
		const person = rnd.pick(world.people.filter((p) => p.state !== 'off').concat(world.people[0]));
		if (person.state === 'off')
			return;
		person.state = rnd.pick(['active', 'active', 'active', 'suspended', 'invited', 'pending_verification', 'off']);
		if (person.state === 'off') {
			await owner.query('delete from membership where id = $1', [person.id]);
			world.shares = world.shares.filter((s) => s.person !== person);
		} else {
			await set('membership', person, 'state', person.state);
		}
	},
	async unrelate(world, rnd) {
		const client = rnd.pick(world.clients);
		if (!client.contacts.size)
			return;
		const contact = rnd.pick([...client.contacts]);
		await owner.query('delete from client_contact where client_id = $1 and contact_id = $2', [client.id, contact.id]);
		client.contacts.delete(contact);
		for (const matter of world.matters.filter((m) => m.client === client))
			matter.contacts.delete(contact);
		world.shares = world.shares.filter((s) => s.person.contact !== contact || s.item.client !== client);
	},
	addMatter,
	addFolder,
	addDocument,
};

// --- Comparing -----------------------------------------------------------------------------------

async function seenItems(firm, person, condition = 'true', values = []) {
	const { rows } = await api.query(
		`select * from portal_items($1::uuid, $2::uuid) v where ${condition}`, [firm, person, ...values]);
	const items = new Map();
	for (const r of rows) {
		const id = r.item_kind === 'folder' ? r.folder_id : r.document_id;
		assert.ok(!items.has(id), `${id} comes once`);
		items.set(id, `${r.item_kind} ${r.access} in ${r.folder_id}`);
	}
	return items;
}

const sorted = (map) => [...map].sort();

async function compare(world, rnd) {
	await claimed(api, world.firm.id, async () => {
		for (const person of world.people) {
			const expected = expectedItems(world, person);
			assert.deepEqual(sorted(await seenItems(world.firm.id, person.id)), sorted(expected));
			const { rows } = await api.query('select matter_id as id from portal_matters($1, $2)', [world.firm.id, person.id]);
			assert.deepEqual(rows.map((m) => m.id).sort(), expectedMatters(world, person));
			// Every call asks it with a condition of its own: each must be the same set, cut.
			const folder = rnd.pick(world.folders);
			assert.deepEqual(
				sorted(await seenItems(world.firm.id, person.id, 'v.folder_id = $3 and v.item_kind = \'document\'', [folder.id])),
				sorted(new Map([...expected].filter(([, v]) => v.startsWith('document') && v.endsWith(folder.id)))));
			const client = rnd.pick(world.clients);
			const inClient = (id) => [...world.folders, ...world.documents].find((x) => x.id === id).client === client;
			assert.deepEqual(
				sorted(await seenItems(world.firm.id, person.id, 'v.client_id = $3', [client.id])),
				sorted(new Map([...expected].filter(([id]) => inClient(id)))));
			if (world.documents.length) {
				const { id } = rnd.pick(world.documents);
				assert.deepEqual(
					sorted(await seenItems(world.firm.id, person.id, 'v.document_id = $3', [id])),
					sorted(new Map([...expected].filter(([key]) => key === id))));
			}
		}
	});
}

async function runWorld(seed) {
	const rnd = random(seed);
	const world = await makeWorld(rnd);
	const names = Object.keys(happenings);
	let trail = [];
	try {
		for (let i = 0; i < 40; i++) {
			const name = rnd.chance(0.4) ? rnd.pick(['share', 'share', 'shareMatter']) : rnd.pick(names);
			trail.push(name);
			await happenings[name](world, rnd);
			if (i % 8 === 7)
				await compare(world, rnd);
		}
		for (const folder of world.folders) {
			const path = [];
			for (let f = folder.parent; f; f = f.parent)
				path.unshift(f.id);
			const { rows } = await owner.query('select ancestors, path from folder where id = $1', [folder.id]);
			assert.deepEqual(rows[0], { ancestors: path, path: [...path, folder.id] });
		}
		for (const table of ['folder', 'document'])
			for (const item of world[`${table}s`]) {
				const { rows } = await owner.query(`select matter_id from ${table} where id = $1`, [item.id]);
				assert.equal(rows[0].matter_id, matterOf(table === 'folder' ? item : item.folder)?.id ?? null, table);
			}
	} catch (e) {
		e.message = `SEED=${seed} after ${trail.join(', ')}: ${e.message}`;
		throw e;
	}
}

const SEEDS = process.env.SEED ? [Number(process.env.SEED)]
	: Array.from({ length: Number(process.env.SEEDS ?? 60) }, (_, i) => i + 1);

test(`S3_24 the portal shows all and only what is shared: ${SEEDS.length} random worlds`, async () => {
	for (const seed of SEEDS)
		await runWorld(seed);
});

// --- The sentences by themselves --------------------------------------------------------------------

async function smallWorld() {
	const fixture = new Fixture(owner);
	fixture.n = Math.trunc(Math.random() * 1e9);
	const firm = await fixture.firm();
	const contact = await fixture.contact(firm);
	const client = await fixture.client(firm);
	await fixture.relate(client, contact);
	const person = await fixture.portal(firm, contact);
	return { fixture, firm, contact, client, person };
}

const see = (w, person = w.person) =>
	claimed(api, w.firm.id, async () => [...(await seenItems(w.firm.id, person.id)).keys()].sort());

test('S3_4 a share is of a folder with all below it, or of a single document', async () => {
	const w = await smallWorld();
	const root = await w.fixture.folder(w.client);
	const sub = await w.fixture.folder(w.client, root);
	const beside = await w.fixture.folder(w.client);
	const inSub = await w.fixture.document(sub);
	const single = await w.fixture.document(beside);
	await w.fixture.document(beside);
	assert.deepEqual(await see(w), []);
	await w.fixture.share(w.person, { folder: root });
	await w.fixture.share(w.person, { document: single });
	assert.deepEqual(await see(w), [root.id, sub.id, inSub.id, single.id].sort());
});

test('S3_24 the strongest of several shares counts, and a share on a subfolder does not climb', async () => {
	const w = await smallWorld();
	const root = await w.fixture.folder(w.client);
	const sub = await w.fixture.folder(w.client, root);
	const document = await w.fixture.document(sub);
	await w.fixture.share(w.person, { folder: root });
	await w.fixture.share(w.person, { folder: sub }, { access: 'view_upload' });
	await w.fixture.share(w.person, { document });
	await claimed(api, w.firm.id, async () => {
		const seen = await seenItems(w.firm.id, w.person.id);
		assert.match(seen.get(root.id), /^folder view in/);
		assert.match(seen.get(sub.id), /^folder view_upload in/);
		assert.match(seen.get(document.id), /^document view_upload in/);
	});
});

test('S3_5 archived documents stay readable when shared', async () => {
	const w = await smallWorld();
	const folder = await w.fixture.folder(w.client);
	const document = await w.fixture.document(folder, { archived: true });
	await w.fixture.share(w.person, { folder });
	assert.ok((await see(w)).includes(document.id));
});

test('a removed folder, kept for what is trashed in it, is not seen', async () => {
	const w = await smallWorld();
	const folder = await w.fixture.folder(w.client);
	await w.fixture.document(folder);
	await w.fixture.share(w.person, { folder });
	await owner.query('update folder set removed_at = $2 where id = $1', [folder.id, T0]);
	assert.deepEqual(await see(w), []);
});

test('S3_16 S3_17 a share to a stranger, on two items, or an upload into a document is no share', async () => {
	const w = await smallWorld();
	const folder = await w.fixture.folder(w.client);
	const document = await w.fixture.document(folder);
	const stranger = await w.fixture.portal(w.firm, await w.fixture.contact(w.firm));
	await refused(w.fixture.share(stranger, { folder }), { code: '23503', constraint: 'share_contact_of_client_fk' });
	await refused(w.fixture.share(w.person, { document }, { access: 'view_upload' }),
		{ code: '23514', constraint: 'share_upload_on_folder_check' });
	await refused(w.fixture.share(w.person, { folder }, { document_id: document.id }),
		{ code: '23514', constraint: 'share_item_check' });
	await refused(w.fixture.share(stranger, { folder }, { contact_id: w.contact.id }),
		{ code: '23503', constraint: 'share_membership_fk' });
	await w.fixture.share(w.person, { folder });
	await refused(w.fixture.share(w.person, { folder }), { code: '23505', constraint: 'share_folder_key' });
	const staff = await w.fixture.staff(w.firm);
	await refused(w.fixture.share({ ...staff, contact_id: w.contact.id }, { document }),
		{ code: '23503', constraint: 'share_membership_fk' });
});

test('S2_45 what belongs to a matter is seen where both are shared, neither alone', async () => {
	const w = await smallWorld();
	const matter = await w.fixture.matter(w.client);
	const root = await w.fixture.folder(w.client, null, { matter_id: matter.id });
	const sub = await w.fixture.folder(w.client, root);
	const single = await w.fixture.document(root);
	const beside = await w.fixture.folder(w.client);
	await refused(w.fixture.share(w.person, { matter }), { code: '23503', constraint: 'share_matter_contact_fk' });
	await w.fixture.take(matter, w.contact);
	await w.fixture.share(w.person, { folder: sub });
	await w.fixture.share(w.person, { document: single });
	assert.deepEqual(await see(w), [], 'the items alone');
	await w.fixture.share(w.person, { matter });
	assert.deepEqual(await see(w), [sub.id, single.id].sort());
	await owner.query('delete from share where matter_id is null');
	assert.deepEqual(await see(w), [], 'the matter alone');
	await w.fixture.share(w.person, { folder: beside });
	assert.deepEqual(await see(w), [beside.id], 'what belongs to none needs none');
	await refused(owner.query('update matter_contact set role = \'other\''), { code: '23503' });
	await owner.query('delete from client_contact where client_id = $1', [w.client.id]);
	const { rows } = await owner.query('select from share where firm_id = $1', [w.firm.id]);
	assert.equal(rows.length, 0, 'parted from the client, a contact is on none of its matters');
});

test('S2_12 a restricted matter is open to its team and to owners alone', async () => {
	const w = await smallWorld();
	const matter = await w.fixture.matter(w.client, { restricted: true });
	const [boss, mate, other] = [await w.fixture.staff(w.firm, 'owner'), await w.fixture.staff(w.firm), await w.fixture.staff(w.firm, 'admin')];
	await owner.query('insert into matter_team values ($1, $2, $3, $4)', [w.firm.id, matter.id, mate.id, T0]);
	const open = (who, which = matter.id) => claimed(api, w.firm.id, async () =>
		(await api.query('select matter_open($1, $2, $3) as yes', [w.firm.id, which, who.id])).rows[0].yes);
	assert.deepEqual([await open(boss), await open(mate), await open(other)], [true, true, false]);
	assert.equal(await open(boss, w.firm.id), null, 'no such matter');
	await owner.query('update matter set restricted = false where id = $1', [matter.id]);
	assert.equal(await open(other), true);
});

test('S2_11 S2_16 off and on again restores no share', async () => {
	const w = await smallWorld();
	const folder = await w.fixture.folder(w.client);
	await w.fixture.share(w.person, { folder });
	await owner.query('delete from membership where id = $1', [w.person.id]);
	const again = await w.fixture.portal(w.firm, w.contact);
	assert.deepEqual(await see(w, again), []);
});

test('P14 a contact of two clients loses the one it is parted from, and keeps the other', async () => {
	const w = await smallWorld();
	const second = await w.fixture.client(w.firm);
	await w.fixture.relate(second, w.contact);
	const here = await w.fixture.folder(w.client);
	const there = await w.fixture.folder(second);
	await w.fixture.share(w.person, { folder: here });
	await w.fixture.share(w.person, { folder: there });
	await owner.query('delete from client_contact where client_id = $1', [w.client.id]);
	assert.deepEqual(await see(w), [there.id]);
});

test('P21 a document moved to another client takes no share along', async () => {
	const w = await smallWorld();
	const second = await w.fixture.client(w.firm);
	const folder = await w.fixture.folder(w.client);
	const target = await w.fixture.folder(second);
	const document = await w.fixture.document(folder);
	await w.fixture.share(w.person, { document });
	const move = () => owner.query('update document set folder_id = $2, client_id = $3 where id = $1',
		[document.id, target.id, second.id]);
	await refused(move(), { code: '23503', constraint: 'share_document_fk' });
	await owner.query('delete from share where document_id = $1', [document.id]);
	await move();
	await refused(owner.query('update document set folder_id = $2 where id = $1', [document.id, folder.id]),
		{ code: '23503', constraint: 'document_folder_fk' });
});

test('P4 the function shows nothing of a firm that is not claimed, nor to staff, nor to nobody', async () => {
	const w = await smallWorld();
	const folder = await w.fixture.folder(w.client);
	await w.fixture.share(w.person, { folder });
	const other = await w.fixture.firm();
	await claimed(api, other.id, async () => {
		assert.equal((await seenItems(w.firm.id, w.person.id)).size, 0);
		assert.equal((await seenItems(other.id, w.person.id)).size, 0);
	});
	const staff = await w.fixture.staff(w.firm, 'owner');
	assert.deepEqual(await see(w, staff), []);
	assert.deepEqual(await see(w, { id: null }), []);
});

test('the mailer sees with the same eyes', async () => {
	const w = await smallWorld();
	const folder = await w.fixture.folder(w.client);
	const document = await w.fixture.document(folder, { created_at: at(5) });
	await w.fixture.share(w.person, { folder });
	const mailer = await cluster.connect('portico_mailer');
	const { rows } = await mailer.query('select item_kind, document_id, created_at from portal_items($1, $2) where item_kind = \'document\'',
		[w.firm.id, w.person.id]);
	assert.deepEqual(rows, [{ item_kind: 'document', document_id: document.id, created_at: new Date(at(5)) }]);
	await mailer.end();
});
