// race.test.ts - folders, documents and shares when many want something of the same place at once.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  newClient, newFirm, newFolder, newPortalUser, ok, portalUpload, share, sink, stack, unique, upload, uploadFolder, type Firm,
  type Person,
} from '../lib/kit.js';

let firm: Firm;
let staff: Person;
before(async () => {
	firm = await newFirm('race');
	staff = firm.owner;
});

const times = <T>(n: number, act: (i: number) => Promise<T>) => Promise.all(Array.from({ length: n }, (_, i) => act(i)));

test('P24 one name uploaded by many at once: each is kept, under a name of its own', async () => {
	const client = await newClient(staff);
	const user = await newPortalUser(firm, client);
	const folder = await uploadFolder(staff, client);
	const made = await times(20, (i) => ok(portalUpload(user, folder, 'scan.pdf', `page ${i}`), 201));
	assert.deepEqual(made.map((d) => d.name).sort(), ['scan.pdf', ...Array.from({ length: 19 }, (_, i) => `scan (${i + 1}).pdf`)].sort());
});

test('a folder deleted while documents come in: each of them is in the trash, or was told that it is gone', async () => {
	const client = await newClient(staff);
	for (let round = 0; round < 8; round++) {
		const folder = await newFolder(staff, client);
		const acts = await times(8, async (i) => {
			if (i === 4) return (await staff.api.DELETE('/v1/folders/{folder_id}', { params: { path: { folder_id: folder.id }, query: { recursive: true } } })).response.status;
			return (await upload(staff, folder, unique('doc'))).response.status;
		});
		assert.equal(acts[4], 204);
		assert.ok(acts.every((s) => [201, 204, 404].includes(s)), acts.join());
	}
	const [left] = await stack.sql(`select count(*)::int as n from document d join folder f on f.firm_id = d.firm_id and f.id = d.folder_id
		where f.firm_id = (select id from firm where slug = $1) and f.removed_at is not null and d.trashed_at is null`, [firm.slug]);
	assert.equal(left.n, 0);
});

test('folders moved into each other at once: no cycle, and each knows its way up', async () => {
	const client = await newClient(staff);
	const folders = await times(6, () => newFolder(staff, client));
	const move = (i: number, j: number) => staff.api.PATCH('/v1/folders/{folder_id}', { params: { path: { folder_id: folders[i]?.id ?? '' } }, body: { parent_id: folders[j]?.id ?? null } });
	for (let round = 1; round < 6; round++) {
		const moved = await times(6, (i) => move(i, (i + round) % 6));
		assert.ok(moved.every((m) => [200, 409].includes(m.response.status)), moved.map((m) => m.response.status).join());
	}
	const [wrong] = await stack.sql(`with recursive way as (
			select firm_id, id, '{}'::uuid[] as up from folder where firm_id = (select id from firm where slug = $1) and parent_id is null
			union all
			select f.firm_id, f.id, way.up || way.id from folder f join way on way.firm_id = f.firm_id and way.id = f.parent_id)
		select (select count(*) from folder where firm_id = (select id from firm where slug = $1))::int - count(*)::int as lost,
			count(*) filter (where f.ancestors <> way.up)::int as n
		from way join folder f using (firm_id, id)`, [firm.slug]);
	assert.deepEqual(wrong, { lost: 0, n: 0 });
});

test('S3_19 the same share by ten at once is one share and one mail', async () => {
	const client = await newClient(staff);
	const user = await newPortalUser(firm, client);
	const folder = await newFolder(staff, client);
	const mark = await sink.mark();
	const made = await times(10, () => ok(share(staff, 'folder', folder, [user.contact], 'view'), 201));
	assert.equal(new Set(made.map((m) => m.data[0]?.id)).size, 1);
	await sink.mails(user.email, { after: mark });
	const [sent] = await stack.sql('select count(*)::int as n from envelope where share_id is not null and to_email = $1', [user.email]);
	assert.equal(sent.n, 1);
});
