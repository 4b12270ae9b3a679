// trash.test.ts - documents renamed, moved, archived, thrown away, restored and deleted for good.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  link, newClient, newColleague, newContact, newFolder, newKey, newMatter, newOffice, newPortalUser, ok, raw, refused, share,
  signIn, stack, took, unique, upload, uuidOf, type Firm, type Person, type PortalUser, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person, client: Schema['Client'];
let user: PortalUser;
before(async () => {
  ({ firm, staff, client } = await newOffice('trash'));
  user = await newPortalUser(firm, client);
});

type Restore = Schema['RestoreIn'];
const at = (id: string) => ({ params: { path: { document_id: id } } });
const patch = (id: string, body: Schema['DocumentPatch'], as = staff, etag?: string) =>
  as.api.PATCH('/v1/documents/{document_id}', {
    params: { path: { document_id: id }, header: etag ? { 'If-Match': etag } : {} },
    body,
  });
const trash = (id: string) => ok(staff.api.DELETE('/v1/documents/{document_id}', at(id)), 204);
const purge = (id: string, as = staff) =>
  as.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id: id }, query: { permanent: true } } });
const restore = (id: string, body?: Restore) =>
  staff.api.POST('/v1/documents/{document_id}/restore', { ...at(id), ...(body ? { body } : {}) });
const read = (id: string) => took(staff.api.GET('/v1/documents/{document_id}', at(id)), 200);
const seen = async (by: PortalUser) => (await ok(by.api.GET('/v1/portal/documents'), 200)).data.map((d) => d.id);
const names = (who: Schema['Ref'][] | null | undefined) => (who ?? []).map((w) => w.id);
const newDocument = async (folder: { id: string }, name?: string) => ok(upload(staff, folder, name), 201);
const history = async (id: string) =>
  (
    await stack.sql(
      'select type, changed_fields, deleted from event where firm_id = $1 and object_id = $2 order by row_no',
      [firm.id, uuidOf(id)],
    )
  ).map((e) => [e.type, ...e.changed_fields, ...(e.deleted ? ['gone'] : [])].join(' '));

test('renamed, archived and given fields: the answer, the event, the version', async () => {
  const folder = await newFolder(staff, client);
  const made = await newDocument(folder, 'one.txt');
  const before = await read(made.id);
  const changed = await took(
    patch(made.id, { name: '  Two.txt ', archived: true, custom_fields: { year: '2025' } }, staff, before.etag),
    200,
  );
  assert.deepEqual(
    [changed.data.name, changed.data.archived, changed.data.custom_fields, changed.data.version, changed.data.sha256],
    ['Two.txt', true, { year: '2025' }, 1, made.sha256],
  );
  assert.notEqual(changed.etag, before.etag);
  assert.deepEqual(names(changed.data.will_be_visible_to), []);
  const after = await read(made.id);
  assert.equal(after.etag, changed.etag);
  await refused(patch(made.id, { name: 'three.txt' }, staff, before.etag), 412, 'version_changed');
  const merged = await ok(patch(made.id, { custom_fields: { year: null, kind: 'x' } }), 200);
  assert.deepEqual(merged.custom_fields, { kind: 'x' });
  assert.deepEqual(await history(made.id), [
    'document.created',
    'document.updated name archived custom_fields',
    'document.updated custom_fields',
  ]);
});

test('S3_5 an archived document stays readable where it is shared, and the filter finds it', async () => {
  const folder = await newFolder(staff, client);
  const document = await newDocument(folder);
  await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  await ok(patch(document.id, { archived: true }), 200);
  const find = async (archived: boolean) =>
    (await ok(user.api.GET('/v1/portal/documents', { params: { query: { archived } } }), 200)).data.map((d) => d.id);
  assert.ok((await find(true)).includes(document.id));
  assert.ok(!(await find(false)).includes(document.id));
  assert.equal((await raw(`/v1/portal/documents/${document.id}/content`, { as: user })).status, 200);
});

test('what a patch may not do, all at once', async () => {
  const folder = await newFolder(staff, client);
  const one = await newDocument(folder, 'one.txt');
  await newDocument(folder, 'two.txt');
  await refused(patch(one.id, { name: 'TWO.txt' }), 409, 'name_taken', ['/name name_taken']);
  const same = await ok(patch(one.id, { name: 'ONE.txt' }), 200);
  assert.equal(same.name, 'ONE.txt', 'its own name is not in its way');
  const other = await newFolder(staff, client);
  await newDocument(other, 'one.txt');
  await refused(patch(one.id, { folder_id: other.id }), 409, 'name_taken', ['/folder_id name_taken']);
  await ok(patch(one.id, { folder_id: other.id, name: 'new.txt' }), 200);
  await refused(patch(one.id, { name: 'a/b' }), 422, 'validation_failed', ['/name invalid_name']);
  await refused(
    patch(one.id, { name: 'a/b', size: 1, archived: 'x', folder_id: 'cli_1' } as never),
    422,
    'validation_failed',
    ['/name invalid_name', '/size read_only', '/archived wrong_type', '/folder_id invalid_id'],
  );
  await refused(patch(one.id, { folder_id: 'fol_01kjpz7w3mfa6tq2c9x4n8d5he' }), 422, 'validation_failed', [
    '/folder_id not_found',
  ]);
  await refused(patch(one.id, {} as never), 422, 'validation_failed');
  const archived = await newClient(staff);
  const there = await newFolder(staff, archived);
  await ok(staff.api.DELETE('/v1/clients/{client_id}', { params: { path: { client_id: archived.id } } }), 204);
  await refused(patch(one.id, { folder_id: there.id }), 409, 'client_archived');
  await trash(one.id);
  await refused(patch(one.id, { name: 'late.txt' }), 409, 'document_trashed');
});

test('P20 moving into a shared folder says who will see it, moving out takes it from them at once', async () => {
  const shared = await newFolder(staff, client);
  const inner = await newFolder(staff, client, { parent_id: shared.id });
  const own = await newFolder(staff, client);
  await ok(share(staff, 'folder', shared, [user.contact], 'view', false), 201);
  const invited = await newContact(staff, client);
  await ok(
    staff.api.PUT('/v1/contacts/{contact_id}/portal_access', {
      params: { path: { contact_id: invited.id } },
      body: { send: 'later' },
    }),
    200,
  );
  await ok(share(staff, 'folder', inner, [invited], 'view', false), 201);
  const document = await newDocument(own);
  assert.deepEqual(document.will_be_visible_to, []);
  const both = [user.contact.id, invited.id].sort();
  const moved = await ok(patch(document.id, { folder_id: inner.id }), 200);
  assert.deepEqual(names(moved.will_be_visible_to).sort(), both);
  assert.ok((await seen(user)).includes(document.id));
  const uploaded = await newDocument(inner);
  assert.deepEqual(names(uploaded.will_be_visible_to).sort(), both);
  const out = await ok(patch(document.id, { folder_id: own.id }), 200);
  assert.deepEqual(out.will_be_visible_to, []);
  assert.ok(!(await seen(user)).includes(document.id));
  assert.equal((await raw(`/v1/portal/documents/${document.id}/content`, { as: user })).status, 404);
});

test('P20 a folder, too: made in, moved into or given to, the answer says who will see it', async () => {
  const put = (id: string, body: Schema['FolderPatch']) =>
    ok(staff.api.PATCH('/v1/folders/{folder_id}', { params: { path: { folder_id: id } }, body }), 200);
  const place = (over: object) => ok(staff.api.POST('/v1/folders', { body: { client_id: client.id, name: unique('Place'), ...over } }), 201);
  const shared = await newFolder(staff, client);
  await ok(share(staff, 'folder', shared, [user.contact], 'view', false), 201);
  const made = await place({ parent_id: shared.id });
  assert.deepEqual(names(made.will_be_visible_to), [user.contact.id]);
  const own = await place({});
  assert.deepEqual(own.will_be_visible_to, []);
  assert.deepEqual(names((await put(own.id, { parent_id: made.id })).will_be_visible_to), [user.contact.id]);
  assert.deepEqual((await put(own.id, { parent_id: null })).will_be_visible_to, []);
  assert.deepEqual(names((await put(own.id, { parent_id: shared.id })).will_be_visible_to), [user.contact.id]);
  const matter = await newMatter(staff, client, [user.contact]);
  assert.deepEqual((await put(shared.id, { matter_id: matter.id })).will_be_visible_to, [], 'not while the matter is not shared');
  await ok(share(staff, 'matter', matter, [user.contact], 'view', false), 201);
  assert.deepEqual(names((await put(shared.id, { name: unique('New') })).will_be_visible_to), [user.contact.id]);
  const blind = await newKey(staff, ['documents:write', 'documents:read']);
  const seen = await raw(`/v1/folders/${shared.id}`, { method: 'PATCH', as: blind, json: { name: unique('Dark') } });
  assert.deepEqual([seen.status, seen.json.will_be_visible_to], [200, null]);
});

test('P20 a share of the document itself goes with it within the client', async () => {
  const [one, two] = [await newFolder(staff, client), await newFolder(staff, client)];
  const document = await newDocument(one);
  await ok(share(staff, 'document', document, [user.contact], 'view', false), 201);
  const moved = await ok(patch(document.id, { folder_id: two.id }), 200);
  assert.deepEqual(names(moved.will_be_visible_to), [user.contact.id]);
  assert.ok((await seen(user)).includes(document.id));
});

test('P21 moved to another client a document keeps no share, and the other client’s people see what their folder shows', async () => {
  const other = await newClient(staff);
  const theirs = await newPortalUser(firm, other);
  const inbox = await newFolder(staff, other);
  await ok(share(staff, 'folder', inbox, [theirs.contact], 'view', false), 201);
  await link(staff, other, user.contact); // belongs to both: the old share must not follow even so
  const document = await newDocument(await newFolder(staff, client));
  const [made] = (await ok(share(staff, 'document', document, [user.contact], 'view', false), 201)).data;
  assert.ok((await seen(user)).includes(document.id));
  const moved = await ok(patch(document.id, { folder_id: inbox.id }), 200);
  assert.equal(moved.client_id, other.id);
  assert.deepEqual(names(moved.will_be_visible_to), [theirs.contact.id]);
  assert.ok(!(await seen(user)).includes(document.id));
  assert.ok((await seen(theirs)).includes(document.id));
  const shares = await ok(
    staff.api.GET('/v1/shares', { params: { query: { item_type: 'document', item_id: document.id } } }),
    200,
  );
  assert.deepEqual(shares.data, []);
  assert.deepEqual(await history(document.id), ['document.created', 'document.updated client_id folder_id']);
  assert.deepEqual(await history(made?.id ?? ''), ['share.created', 'share.deleted gone']);
});

test('no portal user moves or restores anything', async () => {
  const document = await newDocument(await newFolder(staff, client));
  await refused(patch(document.id, { name: 'mine.txt' }, user), 403, 'permission_denied');
  await refused(user.api.POST('/v1/documents/{document_id}/restore', at(document.id)), 403, 'permission_denied');
});

test('from the trash and back: the list, the portal, the shares, the name', async () => {
  const folder = await newFolder(staff, client);
  const document = await newDocument(folder, 'letter.txt');
  await ok(share(staff, 'document', document, [user.contact], 'view', false), 201);
  await refused(restore(document.id), 409, 'not_trashed');
  await trash(document.id);
  assert.ok(!(await seen(user)).includes(document.id));
  const twin = await newDocument(folder, 'LETTER.txt');
  await refused(restore(document.id), 409, 'name_taken');
  await trash(twin.id);
  const back = await took(restore(document.id), 200);
  assert.deepEqual([back.data.trashed_at, back.data.folder_id], [null, folder.id]);
  assert.deepEqual(names(back.data.will_be_visible_to), [user.contact.id]);
  assert.equal((await read(document.id)).etag, back.etag);
  assert.ok((await seen(user)).includes(document.id));
  await refused(restore(twin.id), 409, 'name_taken');
  assert.deepEqual(await history(document.id), ['document.created', 'document.deleted gone', 'document.restored']);
});

test('where the folder is gone, restoring asks for another one of the client', async () => {
  const folder = await newFolder(staff, client);
  const document = await newDocument(folder);
  await ok(
    staff.api.DELETE('/v1/folders/{folder_id}', {
      params: { path: { folder_id: folder.id }, query: { recursive: true } },
    }),
    204,
  );
  await refused(restore(document.id), 409, 'folder_gone');
  const foreign = await newFolder(staff, await newClient(staff));
  await refused(restore(document.id, { folder_id: foreign.id }), 422, 'validation_failed', ['/folder_id not_found']);
  await refused(restore(document.id, { folder_id: folder.id }), 422, 'validation_failed', ['/folder_id not_found']);
  const next = await newFolder(staff, client);
  const back = await ok(restore(document.id, { folder_id: next.id }), 200);
  assert.equal(back.folder_id, next.id);
});

test('for good: only with documents:purge, from the trash or past it; the bytes are doomed', async () => {
  const folder = await newFolder(staff, client);
  const [one, two] = [await newDocument(folder), await newDocument(folder)];
  const admin = await newColleague(firm, 'admin');
  const denied = await refused(purge(one.id, admin), 403, 'permission_denied');
  assert.deepEqual(denied.required_scopes, ['documents:purge']);
  await trash(one.id);
  await ok(purge(one.id), 204);
  await ok(purge(two.id), 204);
  await refused(purge(two.id), 404, 'not_found');
  await refused(restore(one.id), 404, 'not_found');
  const rows = await stack.sql(
    "select count(*)::int as n from blob where firm_id = $1 and state = 'doomed' and created_at >= $2",
    [firm.id, one.created_at],
  );
  assert.ok(rows[0].n <= 2);
  assert.deepEqual(await history(one.id), ['document.created', 'document.deleted gone', 'document.purged gone']);
  assert.deepEqual(await history(two.id), ['document.created', 'document.deleted gone', 'document.purged gone']);
  await refused(
    staff.api.DELETE('/v1/documents/{document_id}', {
      params: { path: { document_id: two.id }, query: { permanent: 'perhaps' as never } },
    }),
    422,
    'validation_failed',
    ['?permanent not_allowed'],
  );
});

test('two who move, rename, throw away and restore at once: nothing hangs, no name is given twice', async () => {
  const [a, b] = [await newFolder(staff, client), await newFolder(staff, client)];
  const documents = await Promise.all(Array.from({ length: 4 }, (_, i) => newDocument(i % 2 ? a : b, `d${i}.txt`)));
  const works = documents.flatMap((d, i) => [
    () => patch(d.id, { folder_id: (i % 2 ? b : a).id }),
    () => patch(d.id, { name: 'same.txt' }),
    () => patch(d.id, { name: `d${3 - i}.txt` }),
    () => staff.api.DELETE('/v1/documents/{document_id}', at(d.id)),
    () => restore(d.id),
  ]);
  for (let turn = 0; turn < 3; turn++)
    for (const got of await Promise.all(works.map((work) => work())))
      assert.ok(
        [200, 204, 404, 409].includes(got.response.status),
        `${got.response.status} ${JSON.stringify((got as { error?: unknown }).error)}`,
      );
  for (const folder of [a, b]) {
    const list = await ok(staff.api.GET('/v1/documents', { params: { query: { folder_id: folder.id } } }), 200);
    assert.equal(new Set(list.data.map((d) => d.name.toLowerCase())).size, list.data.length);
  }
});

test('a folder deleted while a document is moved into it: the document is in it and trashed, or was not moved', async () => {
  for (let i = 0; i < 5; i++) {
    const [from, to] = [await newFolder(staff, client), await newFolder(staff, client)];
    const document = await newDocument(from, unique('race'));
    const [moved] = await Promise.all([
      patch(document.id, { folder_id: to.id }),
      staff.api.DELETE('/v1/folders/{folder_id}', {
        params: { path: { folder_id: to.id }, query: { recursive: true } },
      }),
    ]);
    const now = (await read(document.id)).data;
    assert.ok([200, 422].includes(moved.response.status), `${moved.response.status}`);
    assert.deepEqual([now.folder_id, now.trashed_at !== null], moved.response.ok ? [to.id, true] : [from.id, false]);
  }
});

test('another session of the same member sees the same', async () => {
  const document = await newDocument(await newFolder(staff, client));
  const again = await signIn(firm.slug, 'staff', staff.email);
  assert.equal((await ok(patch(document.id, { name: unique('n') }, again), 200)).id, document.id);
});
