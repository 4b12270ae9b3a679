// pitfalls.test.ts - what goes wrong with documents in other portals, by the numbers of the list of pitfalls.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  newFolder, newOffice, newPortalUser, ok, portalUpload, raw, refused, share, stack, upload, type Firm, type Person,
  type PortalUser, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person, client: Schema['Client'];
let user: PortalUser;
let folder: Schema['Folder'];
before(async () => {
  ({ firm, staff, client } = await newOffice('pitfalls'));
  user = await newPortalUser(firm, client);
  folder = await newFolder(staff, client);
  await ok(share(staff, 'folder', folder, [user.contact], 'view_upload', false), 201);
});

const rename = (id: string, name: string) =>
  staff.api.PATCH('/v1/documents/{document_id}', { params: { path: { document_id: id } }, body: { name } });
const portal = (path: string, as: Person = user) => raw(`/v1/portal/${path}`, { as });
const names = async () =>
  (await ok(staff.api.GET('/v1/documents', { params: { query: { folder_id: folder.id, limit: 100 } } }), 200)).data.map(
    (d) => d.name,
  );

test('P24 names that lead out of a folder, hide, or turn round are refused, by upload, portal upload and rename', async () => {
  const document = await ok(upload(staff, folder, 'plain.txt'), 201);
  const before = await names();
  for (const name of ['../up.txt', '..', '.', '/etc/passwd', '..\\up.txt', 'a\u202Egpj.exe', 'a\u2066b', 'a\nb', 'a\x7fb', ' ', '\u200b', 'x'.repeat(256), 'é'.repeat(128)]) {
    await refused(upload(staff, folder, name), 422, 'validation_failed', ['?name invalid_name']);
    await refused(portalUpload(user, folder, name), 422, 'validation_failed', ['?name invalid_name']);
    const got = await rename(document.id, name);
    assert.equal(got.response.status, 422, JSON.stringify(name));
  }
  for (const as of ['documents', 'portal/documents']) {
    const nul = await raw(`/v1/${as}?folder_id=${folder.id}&name=a%00b.txt`, {
      method: 'POST',
      as: as === 'documents' ? staff : user,
      headers: { 'content-type': 'text/plain' },
      body: 'x',
    });
    assert.ok([400, 422].includes(nul.status), `${nul.status}`);
  }
  assert.deepEqual(await names(), before);
});

test('P24 a name is only a name: what Windows or a shell would take amiss is kept and sent as text', async () => {
  for (const name of ['CON', 'aux.txt', 'NUL', 'a:b.txt', '-rf', '$(id).txt', '%2e%2e%2f', 'a"b;c.txt', '.hidden']) {
    const made = await ok(upload(staff, folder, name, `bytes of ${name}`), 201);
    assert.equal(made.name, name);
    const got = await raw(`/v1/documents/${made.id}/content`, { as: staff });
    assert.equal(got.body.toString(), `bytes of ${name}`);
    const disposition = got.headers.get('content-disposition') ?? '';
    assert.match(disposition, /^attachment; filename="[^"\\]*"; filename\*=UTF-8''[^;"]+$/);
    assert.equal(decodeURIComponent(disposition.split("''")[1] ?? ''), name);
  }
});

test('P24 the NFC and the NFD form, and upper and lower case, are one name; nobody’s bytes are lost', async () => {
  const composed = 'Übersicht é.txt'.normalize('NFC');
  const first = await ok(upload(staff, folder, composed.normalize('NFD'), 'first'), 201);
  assert.equal(first.name, composed);
  await refused(upload(staff, folder, composed, 'second'), 409, 'name_taken');
  await refused(upload(staff, folder, composed.toUpperCase(), 'third'), 409, 'name_taken');
  const kept = await ok(portalUpload(user, folder, composed.normalize('NFD'), 'fourth'), 201);
  assert.equal(kept.name, 'Übersicht é (1).txt'.normalize('NFC'));
  assert.equal((await portal(`documents/${kept.id}/content`)).body.toString(), 'fourth');
  assert.equal((await portal(`documents/${first.id}/content`)).body.toString(), 'first');
});

test('P24 the same name ten times at once: staff get one, a portal user ten, all different', async () => {
  const all = await Promise.all(Array.from({ length: 10 }, () => upload(staff, folder, 'race.txt')));
  assert.deepEqual(all.map((a) => a.response.status).sort(), [201, ...Array(9).fill(409)]);
  const theirs = await Promise.all(Array.from({ length: 10 }, () => ok(portalUpload(user, folder, 'race2.txt'), 201)));
  assert.equal(new Set(theirs.map((d) => d.name.toLowerCase())).size, 10);
});

test('P24 nothing at all is a document too', async () => {
  const made = await ok(portalUpload(user, folder, 'empty.txt', ''), 201);
  const got = await portal(`documents/${made.id}/content`);
  assert.deepEqual([got.status, got.body.length, got.headers.get('content-length')], [200, 0, '0']);
});

test('P21 a subfolder’s own share ends alone: what the folder above shows stays shown, the rest goes', async () => {
  const outer = await newFolder(staff, client);
  const inner = await newFolder(staff, client, { parent_id: outer.id });
  const document = await ok(upload(staff, inner), 201);
  const [above] = (await ok(share(staff, 'folder', outer, [user.contact], 'view', false), 201)).data;
  const [below] = (await ok(share(staff, 'folder', inner, [user.contact], 'view_upload', false), 201)).data;
  const drop = (id = '') => ok(staff.api.DELETE('/v1/shares/{share_id}', { params: { path: { share_id: id } } }), 204);
  /** In the list, in the count, by itself, its bytes: always the same. */
  const shown = async () => {
    const list = (await portal(`documents?folder_id=${inner.id}`)).json.data.length;
    const one = (await portal(`documents/${document.id}`)).status === 200;
    const bytes = (await portal(`documents/${document.id}/content`)).status === 200;
    assert.deepEqual([list > 0, bytes], [one, one]);
    return one;
  };
  const count = async () => (await portal('home')).json.counts.documents;
  const before = await count();
  await ok(portalUpload(user, inner, 'mine.txt'), 201);
  await drop(below?.id);
  assert.equal(await shown(), true);
  await refused(portalUpload(user, inner, 'more.txt'), 403, 'upload_not_allowed');
  await drop(above?.id);
  assert.equal(await shown(), false);
  await refused(portalUpload(user, inner, 'more.txt'), 404, 'not_found');
  assert.equal(await count(), before - 1);
});

test('P22 what is not shown answers as what is not there, in every way, and is not counted', async () => {
  const hidden = await newFolder(staff, client, { name: 'Secret merger' });
  const document = await ok(upload(staff, hidden, 'Secret merger.txt'), 201);
  const trashed = await ok(upload(staff, folder, 'Secret too.txt'), 201);
  await ok(staff.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id: trashed.id } } }), 204);
  const plain = (got: { status: number; json: any }) => ({ status: got.status, ...got.json, request_id: '' });
  const nobody = 'doc_01kjpz7w3mfa6tq2c9x4n8d5he';
  for (const id of [document.id, trashed.id])
    for (const tail of ['', '/content'])
      assert.deepEqual(plain(await portal(`documents/${id}${tail}`)), plain(await portal(`documents/${nobody}${tail}`)));
  const empty = { data: [], next_cursor: null };
  assert.deepEqual((await portal(`documents?folder_id=${hidden.id}`)).json, empty);
  assert.deepEqual((await portal(`folders?parent_id=${hidden.id}`)).json, empty);
  const there = await portalUpload(user, hidden, 'x.txt');
  const none = await portalUpload(user, { id: 'fol_01kjpz7w3mfa6tq2c9x4n8d5he' }, 'x.txt');
  assert.deepEqual({ ...(there.error as object), request_id: '' }, { ...(none.error as object), request_id: '' });
  for (const path of ['home', 'folders?limit=100', 'documents?limit=100'])
    assert.doesNotMatch((await portal(path)).body.toString(), /Secret/);
  const list = (await portal('documents?limit=100')).json.data.length;
  assert.equal((await portal('home')).json.counts.documents, list);
});

test('P23 bytes have no address of their own: not by hash, not by path, not without a session; and no cache keeps them', async () => {
  const document = await ok(upload(staff, folder, 'page.html', '<script>alert(1)</script>'), 201);
  const [row] = await stack.sql("select path from blob where firm_id = $1 and sha256 = decode($2, 'hex')", [
    firm.id,
    document.sha256,
  ]);
  for (const path of [`/_store/${row.path}`, `/_store/blobs/${row.path}`, `/blobs/${row.path}`, `/v1/documents/${document.sha256}/content`, `/assets/../_store/${row.path}`])
    for (const as of [undefined, staff]) {
      const got = await raw(path, as ? { as } : {});
      assert.ok([400, 401, 404].includes(got.status), `${path}: ${got.status}`);
      assert.doesNotMatch(got.body.toString(), /alert/);
    }
  assert.equal((await raw(`/v1/documents/${document.id}/content`)).status, 401);
  assert.equal((await raw(`/v1/portal/documents/${document.id}/content`)).status, 401);
  for (const got of [await raw(`/v1/documents/${document.id}/content`, { as: staff }), await portal(`documents/${document.id}/content`)]) {
    assert.equal(got.status, 200);
    assert.equal(got.headers.get('x-accel-redirect'), null);
    assert.equal(got.headers.get('cache-control'), 'private, no-cache');
    assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
    assert.match(got.headers.get('content-security-policy') ?? '', /sandbox/);
    assert.match(got.headers.get('content-disposition') ?? '', /^attachment;/);
  }
});

test('P25 an upload that is not what its digest says leaves nothing', async () => {
  const before = await names();
  const short = await raw(`/v1/portal/documents?folder_id=${folder.id}&name=short.txt`, {
    method: 'POST',
    as: user,
    headers: {
      'content-type': 'text/plain',
      'content-digest': `sha-256=:${createHash('sha256').update('the whole').digest('base64')}:`,
    },
    body: 'the who',
  });
  assert.equal(`${short.status} ${short.json.code}`, '422 digest_mismatch');
  assert.deepEqual(await names(), before);
});
