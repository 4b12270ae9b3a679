// internal.test.ts - documents that stay inside the firm, whatever is shared (pitfall P20).
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  advance, emails, eventually, newClient, newFirm, newFolder, newPortalUser, ok, raw, refused, settled, share, sink, took,
  unique, upload, type Firm, type PortalUser, type Schema,
} from '../lib/kit.js';

let firm: Firm;
let client: Schema['Client'];
let user: PortalUser;
let shared: Schema['Folder'];
before(async () => {
  firm = await newFirm('internal');
  client = await newClient(firm.owner);
  user = await newPortalUser(firm, client);
  shared = await newFolder(firm.owner, client);
  await ok(share(firm.owner, 'folder', shared, [user.contact], 'view', false), 201);
});

const at = (id: string) => ({ params: { path: { document_id: id } } });
const put = (folder: { id: string }, internal: boolean | string) =>
  firm.owner.api.POST('/v1/documents', {
    params: { query: { folder_id: folder.id, name: `${unique('note')}.txt`, internal: internal as boolean } },
    body: Buffer.from('for us'),
    headers: { 'content-type': 'text/plain' },
  });
const mark = (id: string, internal: boolean) =>
  firm.owner.api.PATCH('/v1/documents/{document_id}', { ...at(id), body: { internal } });
const seen = async () => (await ok(user.api.GET('/v1/portal/documents'), 200)).data.map((d) => d.id);
const names = (who: Schema['Ref'][] | null | undefined) => (who ?? []).map((w) => w.id);
const told = async () => (await ok(user.api.GET('/v1/portal/home'), 200)).counts.documents;

test('P20 an internal document in a shared folder is nobody’s in the portal, from the upload on', async () => {
  const before = await told();
  const document = await ok(put(shared, true), 201);
  assert.deepEqual([document.internal, document.will_be_visible_to], [true, []]);
  assert.ok(!(await seen()).includes(document.id));
  assert.equal(await told(), before);
  await refused(user.api.GET('/v1/portal/documents/{document_id}', at(document.id)), 404, 'not_found');
  assert.equal((await raw(`/v1/portal/documents/${document.id}/content`, { as: user })).status, 404);
  assert.equal((await raw(`/v1/documents/${document.id}/content`, { as: firm.owner })).body.toString(), 'for us');
  const views = await ok(firm.owner.api.GET('/v1/documents/{document_id}/views', at(document.id)), 200);
  assert.ok(!views.data.some((v) => v.viewer.id === user.contact.id), 'it waits for nobody to open it');
  const open = await ok(put(shared, false), 201);
  assert.deepEqual([open.internal, names(open.will_be_visible_to)], [false, [user.contact.id]]);
  await refused(put(shared, 'maybe'), 422, 'validation_failed', ['?internal not_allowed']);
});

test('P20 set and cleared: out of sight at once, back at once, and the answer says to whom', async () => {
  const document = await ok(upload(firm.owner, shared), 201);
  assert.equal(document.internal, false);
  await ok(share(firm.owner, 'document', document, [user.contact], 'view', false), 201);
  const hidden = await took(mark(document.id, true), 200);
  assert.deepEqual([hidden.data.internal, hidden.data.will_be_visible_to], [true, []]);
  assert.ok(!(await seen()).includes(document.id), 'neither by the folder nor by its own share');
  const trashed = firm.owner.api.DELETE('/v1/documents/{document_id}', at(document.id));
  await ok(trashed, 204);
  const back = await ok(firm.owner.api.POST('/v1/documents/{document_id}/restore', at(document.id)), 200);
  assert.deepEqual([back.internal, back.will_be_visible_to], [true, []]);
  const own = await newFolder(firm.owner, client);
  const moved = await ok(
    firm.owner.api.PATCH('/v1/documents/{document_id}', { ...at(document.id), body: { folder_id: own.id } }),
    200,
  );
  assert.deepEqual(moved.will_be_visible_to, []);
  const cleared = await took(mark(document.id, false), 200);
  assert.notEqual(cleared.etag, hidden.etag);
  assert.deepEqual(names(cleared.data.will_be_visible_to), [user.contact.id], 'its own share has waited');
  assert.ok((await seen()).includes(document.id));
});

test('P20 an internal document cannot be shared', async () => {
  const document = await ok(put(shared, true), 201);
  await refused(share(firm.owner, 'document', document, [user.contact]), 409, 'document_internal');
  await ok(mark(document.id, false), 200);
  await ok(share(firm.owner, 'document', document, [user.contact], 'view', false), 201);
});

test('P20 no mail tells of it: none is written for an upload, and one that waits is not sent', async () => {
  const late = await newPortalUser(firm, client);
  await ok(share(firm.owner, 'folder', shared, [late.contact], 'view', false), 201);
  const since = await sink.mark();
  const internal = await ok(put(shared, true), 201);
  assert.deepEqual(
    (await emails(firm.owner, late.contact)).map((m) => m.kind),
    ['invitation'],
    `nobody is told of ${internal.id}`,
  );
  const document = await ok(upload(firm.owner, shared), 201);
  await ok(mark(document.id, true), 200);
  await advance(301);
  await eventually(async () => {
    const [, notice] = await emails(firm.owner, late.contact);
    assert.deepEqual([notice?.kind, notice?.status], ['document.uploaded', 'cancelled']);
  });
  assert.deepEqual(await settled(firm, late.email, since), []);
});
