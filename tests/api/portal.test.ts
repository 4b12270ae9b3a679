// portal.test.ts - the statements of S3 about folders, documents, sharing and what a portal user sees.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  access, all, link, newClient, newContact, newFolder, newOffice, newPortalUser, ok, portalUpload, raw, refused, settled, share,
  signIn, sink, stack, took, unique, upload, uploadFolder, type Firm, type Person, type PortalUser, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('portal')));

const seen = (as: Person) =>
  all((cursor) =>
    ok(as.api.GET('/v1/portal/documents', { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } } }), 200),
  );
const foldersOf = (as: Person) =>
  all((cursor) =>
    ok(as.api.GET('/v1/portal/folders', { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } } }), 200),
  );
const open = (as: Person, document: { id: string }) => raw(`/v1/portal/documents/${document.id}/content`, { as });

/** A client with one portal user. */
async function pair(): Promise<{ client: Schema['Client']; user: PortalUser }> {
  const client = await newClient(staff);
  return { client, user: await newPortalUser(firm, client) };
}

test('S3_1 and S3_7 one portal, one session: home, folders and documents of all one’s clients', async () => {
  const { client, user } = await pair();
  const other = await newClient(staff);
  await link(staff, other, user.contact);
  const home = await ok(user.api.GET('/v1/portal/home'), 200);
  assert.deepEqual(home.clients.map((c) => c.id).sort(), [client.id, other.id].sort());
  assert.deepEqual((await foldersOf(user)).map((f) => f.client.id).sort(), [client.id, other.id].sort());
  assert.equal(home.firm.name, firm.name);
});

test('S3_2 a document is never had without a session: no public address, private caching', async () => {
  const { user } = await pair();
  const document = await ok(portalUpload(user, undefined), 201);
  for (const path of [
    `/v1/portal/documents/${document.id}/content`,
    `/v1/documents/${document.id}/content`,
    `/_store/${document.id}`,
    `/store/${document.id}`,
    '/_store/',
  ])
    assert.ok([401, 404].includes((await raw(path)).status), path);
  const got = await open(user, document);
  assert.match(got.headers.get('cache-control') ?? '', /private/);
  assert.equal((await raw(`/v1/documents/${document.id}/content`, { as: user })).status, 403);
});

test('S3_4 both a folder and a single document can be shared', async () => {
  const { client, user } = await pair();
  const folder = await newFolder(staff, client);
  const [inside, alone, hidden] = [
    await ok(upload(staff, folder), 201),
    await ok(upload(staff, await newFolder(staff, client)), 201),
    await ok(upload(staff, await newFolder(staff, client)), 201),
  ];
  await ok(share(staff, 'folder', folder, [user.contact]), 201);
  await ok(share(staff, 'document', alone, [user.contact]), 201);
  assert.deepEqual((await seen(user)).map((d) => d.id).sort(), [inside.id, alone.id].sort());
  const lone = await ok(
    user.api.GET('/v1/portal/documents/{document_id}', { params: { path: { document_id: alone.id } } }),
    200,
  );
  assert.equal(lone.folder_id, null);
  assert.equal((await open(user, hidden)).status, 404);
});

test('S3_5 archived documents stay readable when shared, and are filtered', async () => {
  const { client, user } = await pair();
  const folder = await newFolder(staff, client);
  const [old, live] = [await ok(upload(staff, folder), 201), await ok(upload(staff, folder), 201)];
  await ok(share(staff, 'folder', folder, [user.contact]), 201);
  await stack.sql('update document set archived = true where firm_id = $1 and name = $2', [firm.id, old.name]);
  const find = async (archived: boolean) =>
    (await ok(user.api.GET('/v1/portal/documents', { params: { query: { archived } } }), 200)).data.map((d) => d.id);
  assert.deepEqual(await find(true), [old.id]);
  assert.deepEqual(await find(false), [live.id]);
  assert.equal((await open(user, old)).body.toString(), 'Dear client');
  assert.equal(
    (await ok(staff.api.GET('/v1/documents/{document_id}', { params: { path: { document_id: old.id } } }), 200))
      .archived,
    true,
  );
});

test('S3_6 an upload needs neither matter nor request', async () => {
  const { user } = await pair();
  const document = await ok(portalUpload(user, undefined, 'just so.txt'), 201);
  const staffSees = await ok(
    staff.api.GET('/v1/documents/{document_id}', { params: { path: { document_id: document.id } } }),
    200,
  );
  assert.equal(staffSees.request_item_id, null);
});

test('S3_8 home counts the six sections', async () => {
  const { user } = await pair();
  await ok(portalUpload(user, undefined), 201);
  await ok(portalUpload(user, undefined), 201);
  const home = await ok(user.api.GET('/v1/portal/home'), 200);
  assert.deepEqual(home.counts, { requests: 0, documents: 2, reports: 0, invoices: 0, resources: 0, messages: 0 });
});

test('S3_9 from the mail to the document in two requests after sign-in', async () => {
  const { client, user } = await pair();
  const document = await ok(upload(staff, await newFolder(staff, client), 'wow.txt', 'wow'), 201);
  const mark = await sink.mark();
  await ok(share(staff, 'document', document, [user.contact]), 201);
  const [mail] = await sink.mails(user.email, { after: mark });
  const id = mail?.links.map((l) => /\/items\/(doc_\w+)(?:\?|$)/.exec(l)?.[1]).find(Boolean) ?? '';
  const again = await signIn(firm.slug, 'portal', user.email);
  assert.equal(
    (await ok(again.api.GET('/v1/portal/documents/{document_id}', { params: { path: { document_id: id } } }), 200))
      .name,
    'wow.txt',
  );
  assert.equal((await open(again, { id })).body.toString(), 'wow');
});

test('S3_11 and S3_12 every client has Client Uploads from its first moment, shared view_upload with each portal contact, later ones too', async () => {
  const client = await newClient(staff);
  const folder = await uploadFolder(staff, client);
  assert.deepEqual([folder.name, folder.created_at], ['Client Uploads', client.created_at]);
  const [ann, ben] = [await newPortalUser(firm, client), await newPortalUser(firm, client)];
  const shares = await ok(
    staff.api.GET('/v1/shares', { params: { query: { item_type: 'folder', item_id: folder.id } } }),
    200,
  );
  assert.deepEqual(
    shares.data.map((s) => [s.contact_id, s.access]),
    [
      [ann.contact.id, 'view_upload'],
      [ben.contact.id, 'view_upload'],
    ],
  );
  const later = await newClient(staff);
  await link(staff, later, ann.contact);
  assert.ok((await foldersOf(ann)).some((f) => f.client.id === later.id && f.access === 'view_upload'));
});

test('S3_13 the folder may be renamed, which keeps the shares, or removed, and stays removed', async () => {
  const { client, user } = await pair();
  const folder = await uploadFolder(staff, client);
  await ok(
    staff.api.PATCH('/v1/folders/{folder_id}', {
      params: { path: { folder_id: folder.id } },
      body: { name: 'Send us things' },
    }),
    200,
  );
  assert.deepEqual(
    (await foldersOf(user)).map((f) => [f.name, f.access]),
    [['Send us things', 'view_upload']],
  );
  await ok(staff.api.DELETE('/v1/folders/{folder_id}', { params: { path: { folder_id: folder.id } } }), 204);
  const later = await newPortalUser(firm, client);
  assert.deepEqual([await foldersOf(user), await foldersOf(later)], [[], []]);
  assert.deepEqual(
    (await ok(staff.api.GET('/v1/folders', { params: { query: { client_id: client.id } } }), 200)).data,
    [],
  );
});

test('S3_14 the tree is the client’s own', async () => {
  const [one, two] = [await newClient(staff), await newClient(staff)];
  const folder = await newFolder(staff, one);
  const list = await ok(staff.api.GET('/v1/folders', { params: { query: { client_id: two.id } } }), 200);
  assert.ok(list.data.every((f) => f.client_id === two.id));
  assert.equal(folder.client_id, one.id);
});

test('S3_15 a share answers 201 with all that is known of it', async () => {
  const { client, user } = await pair();
  const folder = await newFolder(staff, client);
  const made = await ok(share(staff, 'folder', folder, [user.contact], 'view_upload', false), 201);
  const [one] = made.data;
  assert.deepEqual(
    { ...one, id: 0, created_at: 0 },
    {
      id: 0,
      item_type: 'folder',
      item_id: folder.id,
      item_name: folder.name,
      client_id: client.id,
      contact_id: user.contact.id,
      contact_name: user.contact.display_name,
      access: 'view_upload',
      notified_at: null,
      created_by: { type: 'staff', id: staff.session.principal.id, name: 'Olive Owner' },
      created_at: 0,
    },
  );
  const again = await ok(share(staff, 'folder', folder, [user.contact], 'view_upload', false), 201);
  assert.deepEqual(
    again.data.map((s) => s.id),
    [one?.id],
  );
});

test('S3_16 one or more contacts of that client, of no other', async () => {
  const { client, user } = await pair();
  const ben = await newPortalUser(firm, client);
  const stranger = (await pair()).user;
  const folder = await newFolder(staff, client);
  await refused(share(staff, 'folder', folder, [user.contact, stranger.contact]), 422, 'contact_not_of_client', [
    '/contact_ids/1 contact_not_of_client',
  ]);
  await refused(share(staff, 'folder', folder, []), 422, 'validation_failed');
  const made = await ok(share(staff, 'folder', folder, [user.contact, ben.contact]), 201);
  assert.deepEqual(made.data.map((s) => s.contact_id).sort(), [user.contact.id, ben.contact.id].sort());
  const off = await newContact(staff, client);
  await refused(share(staff, 'folder', folder, [off]), 409, 'contact_without_portal_access');
  await refused(
    share(staff, 'folder', { id: 'fol_00000000000000000000000001' }, [user.contact]),
    422,
    'validation_failed',
    ['/item_id not_found'],
  );
  await refused(share(staff, 'document', folder, [user.contact]), 422, 'validation_failed');
});

test('S3_17 view or view and upload; upload is for folders', async () => {
  const { client, user } = await pair();
  const folder = await newFolder(staff, client);
  const document = await ok(upload(staff, folder), 201);
  await refused(share(staff, 'document', document, [user.contact], 'view_upload'), 422, 'access_not_allowed_for_item');
  await refused(share(staff, 'folder', folder, [user.contact], 'edit' as 'view'), 422, 'validation_failed');
  const [made] = (await ok(share(staff, 'document', document, [user.contact]), 201)).data;
  const change = (id: string, right: 'view' | 'view_upload', etag?: string) =>
    staff.api.PATCH('/v1/shares/{share_id}', {
      params: { path: { share_id: id }, ...(etag ? { header: { 'If-Match': etag } } : {}) },
      body: { access: right },
    });
  await refused(change(made?.id ?? '', 'view_upload'), 422, 'access_not_allowed_for_item');
  const [other] = (await ok(share(staff, 'folder', folder, [user.contact]), 201)).data;
  await refused(portalUpload(user, folder), 403, 'upload_not_allowed');
  const changed = await took(change(other?.id ?? '', 'view_upload'), 200);
  assert.equal(changed.data.access, 'view_upload');
  await ok(portalUpload(user, folder), 201);
  await refused(change(other?.id ?? '', 'view', '"0"'), 412, 'version_changed');
  await ok(change(other?.id ?? '', 'view', changed.etag), 200);
  await refused(portalUpload(user, folder), 403, 'upload_not_allowed');
});

test('S3_18 all or nothing: one wrong contact, and nobody has a share or a mail', async () => {
  const { client, user } = await pair();
  const off = await newContact(staff, client);
  const folder = await newFolder(staff, client);
  const mark = await sink.mark();
  await refused(share(staff, 'folder', folder, [user.contact, off]), 409, 'contact_without_portal_access');
  assert.deepEqual(
    (await ok(staff.api.GET('/v1/shares', { params: { query: { item_id: folder.id, item_type: 'folder' } } }), 200))
      .data,
    [],
  );
  assert.deepEqual(await sink.now(user.email, mark), []);
});

test('S3_22 the session that came by a mail and the one that came by the access page have the same rights', async () => {
  const { user } = await pair();
  const again = await signIn(firm.slug, 'portal', user.email);
  const rights = (p: Person) => ({ ...p.session, id: '', authenticated_at: '', expires_at: '', idle_expires_at: '' });
  assert.deepEqual(rights(again), rights(user));
  assert.deepEqual(await foldersOf(again), await foldersOf(user));
});

test('S3_24 all and only what is shared is seen, folders inside too; upload only where allowed', async () => {
  const { client, user } = await pair();
  const outer = await newFolder(staff, client);
  const inner = await newFolder(staff, client, { parent_id: outer.id });
  const side = await newFolder(staff, client);
  const inInner = await ok(upload(staff, inner), 201);
  const inSide = await ok(upload(staff, side), 201);
  await ok(share(staff, 'folder', outer, [user.contact], 'view'), 201);
  const folders = await foldersOf(user);
  const by = Object.fromEntries(folders.map((f) => [f.id, f]));
  assert.deepEqual([by[outer.id]?.parent_id, by[inner.id]?.parent_id, by[inner.id]?.access], [null, outer.id, 'view']);
  assert.equal(folders.length, 3);
  assert.deepEqual(
    (await seen(user)).map((d) => d.id),
    [inInner.id],
  );
  assert.equal((await open(user, inInner)).status, 200);
  assert.equal((await open(user, inSide)).status, 404);
  await refused(portalUpload(user, inner), 403, 'upload_not_allowed');
  await refused(portalUpload(user, side), 404, 'not_found');
  const later = await ok(upload(staff, inner), 201);
  assert.ok((await seen(user)).some((d) => d.id === later.id));
  const moved = await newFolder(staff, client);
  const inMoved = await ok(upload(staff, moved), 201);
  await ok(
    staff.api.PATCH('/v1/folders/{folder_id}', {
      params: { path: { folder_id: moved.id } },
      body: { parent_id: inner.id },
    }),
    200,
  );
  assert.ok((await seen(user)).some((d) => d.id === inMoved.id));
  await ok(
    staff.api.PATCH('/v1/folders/{folder_id}', {
      params: { path: { folder_id: inner.id } },
      body: { parent_id: null },
    }),
    200,
  );
  assert.deepEqual(await seen(user), []);
  assert.equal((await open(user, inInner)).status, 404);
});

test('an unshared item is gone at the next request, a trashed one too', async () => {
  const { client, user } = await pair();
  const folder = await newFolder(staff, client);
  const [one, two] = [await ok(upload(staff, folder), 201), await ok(upload(staff, folder), 201)];
  const [made] = (await ok(share(staff, 'folder', folder, [user.contact]), 201)).data;
  await ok(staff.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id: one.id } } }), 204);
  assert.deepEqual(
    (await seen(user)).map((d) => d.id),
    [two.id],
  );
  assert.equal((await open(user, one)).status, 404);
  const remove = () => staff.api.DELETE('/v1/shares/{share_id}', { params: { path: { share_id: made?.id ?? '' } } });
  await ok(remove(), 204);
  await refused(remove(), 404, 'not_found');
  assert.equal((await open(user, two)).status, 404);
  assert.deepEqual(await seen(user), []);
});

test('the shares are listed by item, contact and client', async () => {
  const { client, user } = await pair();
  const folder = await newFolder(staff, client);
  const [made] = (await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201)).data;
  const find = async (query: object) =>
    (await ok(staff.api.GET('/v1/shares', { params: { query } }), 200)).data.map((s) => s.id);
  assert.deepEqual(await find({ item_type: 'folder', item_id: folder.id }), [made?.id]);
  assert.equal((await find({ contact_id: user.contact.id })).length, 2);
  assert.equal((await find({ client_id: client.id, item_type: 'document' })).length, 0);
});

test('two portal users of one client see each their own shares, and "mine" is one’s own upload', async () => {
  const { client, user } = await pair();
  const ben = await newPortalUser(firm, client);
  const folder = await newFolder(staff, client);
  await ok(upload(staff, folder), 201);
  await ok(share(staff, 'folder', folder, [user.contact]), 201);
  const scan = await ok(portalUpload(user, undefined, `${unique()}.txt`), 201);
  const bens = await seen(ben);
  assert.deepEqual(
    bens.map((d) => [d.id, d.mine]),
    [[scan.id, false]],
  );
  assert.deepEqual((await seen(user)).find((d) => d.id === scan.id)?.mine, true);
});

test('a suspended access opens nothing; what is shared with it waits, and nobody is mailed before it is resumed', async () => {
  const { client, user } = await pair();
  await stack.sql("update membership set state = 'suspended' where firm_id = $1 and login_email = $2", [
    firm.id,
    user.email,
  ]);
  assert.equal((await access(staff, user.contact)).status, 'suspended');
  const got = await raw('/v1/portal/home', { as: user });
  assert.ok([401, 403].includes(got.status), `${got.status}`);
  const mark = await sink.mark();
  const folder = await newFolder(staff, client);
  await ok(share(staff, 'folder', folder, [user.contact]), 201);
  assert.deepEqual(await settled(firm, user.email, mark), []);
  await stack.sql("update membership set state = 'active' where firm_id = $1 and login_email = $2", [
    firm.id,
    user.email,
  ]);
  assert.ok((await foldersOf(await signIn(firm.slug, 'portal', user.email))).some((f) => f.id === folder.id));
});
