// document.test.ts - folders and documents: what staff do with them, and the bytes.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  link, newClient, newContact, newFolder, newOffice, newPortalUser, ok, portalUpload, raw, refused, share, stack, took, unique,
  upload, uploadFolder, type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person, client: Schema['Client'];
before(async () => void ({ firm, staff, client } = await newOffice('document')));

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const folderPatch = (id: string, body: object) =>
  staff.api.PATCH('/v1/folders/{folder_id}', { params: { path: { folder_id: id } }, body });
const folderDelete = (id: string, recursive?: boolean) =>
  staff.api.DELETE('/v1/folders/{folder_id}', {
    params: { path: { folder_id: id }, query: recursive === undefined ? {} : { recursive } },
  });
const contentAs = (id: string, headers: Record<string, string> = {}, method = 'GET', as: Person = staff) =>
  raw(`/v1/${as.session.audience === 'portal' ? 'portal/' : ''}documents/${id}/content`, { as, headers, method });
const read = (id: string) => staff.api.GET('/v1/documents/{document_id}', { params: { path: { document_id: id } } });

const content = contentAs;

test('folders: made, read, renamed, moved, deleted', async () => {
  const one = await took(staff.api.POST('/v1/folders', { body: { client_id: client.id, name: '  Tax  ' } }), 201);
  assert.equal(one.headers.get('location'), `/v1/folders/${one.data.id}`);
  assert.deepEqual([one.data.name, one.data.parent_id, one.data.is_default_upload], ['Tax', null, false]);
  const two = await newFolder(staff, client, { parent_id: one.data.id, name: '2025' });
  assert.deepEqual(
    (await ok(staff.api.GET('/v1/folders', { params: { query: { parent_id: one.data.id } } }), 200)).data.map(
      (f) => f.id,
    ),
    [two.id],
  );
  const moved = await ok(folderPatch(two.id, { parent_id: null, name: 'Tax 2025' }), 200);
  assert.deepEqual([moved.parent_id, moved.name], [null, 'Tax 2025']);
  await ok(folderDelete(one.data.id), 204);
  await refused(folderDelete(one.data.id), 404, 'not_found');
});

test('a folder name is taken whatever its case, within the same parent only', async () => {
  const parent = await newFolder(staff, client);
  await newFolder(staff, client, { parent_id: parent.id, name: 'Letters' });
  await refused(
    staff.api.POST('/v1/folders', { body: { client_id: client.id, parent_id: parent.id, name: 'LETTERS' } }),
    409,
    'name_taken',
  );
  const other = await newFolder(staff, client, { name: unique('Letters') });
  await newFolder(staff, client, { parent_id: other.id, name: 'Letters' });
  await refused(
    folderPatch((await newFolder(staff, client, { parent_id: parent.id })).id, { name: 'letters' }),
    409,
    'name_taken',
  );
});

test('a folder is never moved into itself, nor below 20, nor to another client', async () => {
  const one = await newFolder(staff, client);
  const two = await newFolder(staff, client, { parent_id: one.id });
  const three = await newFolder(staff, client, { parent_id: two.id });
  await refused(folderPatch(one.id, { parent_id: three.id }), 409, 'would_make_cycle');
  await refused(folderPatch(one.id, { parent_id: one.id }), 409, 'would_make_cycle');
  let deep = await newFolder(staff, client);
  for (let i = 2; i <= 18; i++) deep = await newFolder(staff, client, { parent_id: deep.id });
  await refused(folderPatch(one.id, { parent_id: deep.id }), 422, 'folder_too_deep');
  const foreign = await newFolder(staff, await newClient(staff));
  await refused(folderPatch(one.id, { parent_id: foreign.id }), 422, 'validation_failed', ['/parent_id not_found']);
  await refused(
    staff.api.POST('/v1/folders', { body: { client_id: client.id, parent_id: foreign.id, name: 'X' } }),
    422,
    'validation_failed',
    ['/parent_id not_found'],
  );
  await refused(
    staff.api.POST('/v1/folders', { body: { client_id: 'cli_00000000000000000000000001', name: 'X' } }),
    422,
    'validation_failed',
    ['/client_id not_found'],
  );
});

test('a folder that holds something goes only with recursive, which moves the documents to the trash', async () => {
  const one = await newFolder(staff, client);
  const two = await newFolder(staff, client, { parent_id: one.id });
  const document = await ok(upload(staff, two), 201);
  await refused(folderDelete(one.id), 409, 'folder_not_empty');
  await refused(folderDelete(two.id, false), 409, 'folder_not_empty');
  await refused(folderDelete(one.id, 'perhaps' as never), 422, 'validation_failed', ['?recursive not_allowed']);
  await ok(folderDelete(one.id, true), 204);
  await refused(
    staff.api.GET('/v1/folders/{folder_id}', { params: { path: { folder_id: two.id } } }),
    404,
    'not_found',
  );
  const trashed = await ok(
    staff.api.GET('/v1/documents', { params: { query: { client_id: client.id, trashed: true } } }),
    200,
  );
  assert.ok(trashed.data.some((d) => d.id === document.id && d.trashed_at !== null));
});

test('an upload: the bytes, their digest, their size, who, and Location', async () => {
  const folder = await newFolder(staff, client);
  const bytes = randomBytes(300_000);
  const made = await took(upload(staff, folder, 'accounts.bin', bytes), 201);
  assert.equal(made.headers.get('location'), `/v1/documents/${made.data.id}`);
  assert.deepEqual(
    [made.data.size, made.data.sha256, made.data.version, made.data.name, made.data.folder_id, made.data.client_id],
    [bytes.length, sha(bytes), 1, 'accounts.bin', folder.id, client.id],
  );
  assert.deepEqual(
    [made.data.uploaded_by.type, made.data.uploaded_by.id, made.data.archived, made.data.trashed_at],
    ['staff', staff.session.principal.id, false, null],
  );
  const got = await content(made.data.id);
  assert.equal(sha(got.body), sha(bytes));
  assert.equal(got.headers.get('content-length'), String(bytes.length));
  const { will_be_visible_to, ...document } = made.data;
  assert.deepEqual(will_be_visible_to, []);
  assert.deepEqual(await ok(read(made.data.id), 200), document);
});

test('the type is the one that was sent, without its parameters', async () => {
  const folder = await newFolder(staff, client);
  for (const [sent, kept] of [
    ['application/pdf', 'application/pdf'],
    ['Text/Plain; charset=utf-8', 'text/plain'],
    ['nonsense', 'application/octet-stream'],
  ] as const) {
    const made = await raw(`/v1/documents?folder_id=${folder.id}&name=${unique()}`, {
      method: 'POST',
      as: staff,
      headers: { 'content-type': sent },
      body: 'x',
    });
    assert.equal(made.json.content_type, kept);
    assert.equal((await content(made.json.id)).headers.get('content-type'), kept);
  }
});

test('documents of no bytes, and of many', async () => {
  const folder = await newFolder(staff, client);
  const empty = await ok(upload(staff, folder, 'empty.txt', ''), 201);
  assert.equal(empty.size, 0);
  assert.equal((await content(empty.id)).body.length, 0);
  const big = randomBytes(20 << 20);
  const made = await ok(upload(staff, folder, 'big.bin', big), 201);
  assert.equal(sha((await content(made.id)).body), sha(big));
});

test('a name is taken in its folder whatever its case, and free again after the trash', async () => {
  const folder = await newFolder(staff, client);
  const one = await ok(upload(staff, folder, 'Letter.txt'), 201);
  await refused(upload(staff, folder, 'letter.TXT'), 409, 'name_taken');
  await ok(staff.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id: one.id } } }), 204);
  await ok(upload(staff, folder, 'letter.TXT'), 201);
});

test('what an upload lacks is said before a byte is taken', async () => {
  const folder = await newFolder(staff, client);
  const head = { 'content-type': 'application/octet-stream' };
  const at = (query: string, headers: Record<string, string> = {}, body = 'x') =>
    raw(`/v1/documents?${query}`, { method: 'POST', as: staff, headers: { ...head, ...headers }, body });
  const say = async (reply: ReturnType<typeof at>) => {
    const got = await reply;
    return `${got.status} ${got.json.code}`;
  };
  assert.equal(await say(at(`folder_id=${folder.id}`)), '422 validation_failed');
  assert.equal(await say(at('name=x.txt')), '422 validation_failed');
  assert.equal(await say(at('folder_id=fol_00000000000000000000000001&name=x.txt')), '404 not_found');
  assert.equal(await say(at(`folder_id=${folder.id}&name=x.txt&surprise=1`)), '400 unknown_parameter');
  assert.equal(
    await say(at(`folder_id=${folder.id}&name=x.txt`, { 'content-length': '999999999999' })),
    '413 too_large',
  );
  assert.equal(
    await say(at(`folder_id=${folder.id}&name=x.txt`, { 'transfer-encoding': 'chunked' })),
    '411 length_required',
  );
  assert.equal(
    await say(at(`folder_id=${folder.id}&name=${encodeURIComponent('a\u202Egpj.exe')}`)),
    '422 validation_failed',
  );
  assert.equal(await say(at(`folder_id=${folder.id}&name=${'x'.repeat(256)}`)), '422 validation_failed');
  const text = await raw(`/v1/documents?folder_id=${folder.id}&name=x.txt`, {
    method: 'POST',
    as: staff,
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: '--x--',
  });
  assert.equal(`${text.status} ${text.json.code}`, '415 unsupported_media_type');
  assert.deepEqual(
    (await ok(staff.api.GET('/v1/documents', { params: { query: { folder_id: folder.id } } }), 200)).data,
    [],
  );
});

test('what a portal upload lacks is said before a byte is taken', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const say = async (headers: Record<string, string>, query = 'name=x.txt') => {
    const got = await raw(`/v1/portal/documents?${query}`, {
      method: 'POST',
      as: user,
      headers: { 'content-type': 'application/octet-stream', ...headers },
      body: 'x',
    });
    return `${got.status} ${got.json.code}`;
  };
  assert.equal(await say({}, 'folder_id=fol_01kjpz7w3mfa6tq2c9x4n8d5he&name=x.txt'), '404 not_found');
  assert.equal(await say({}, 'name='), '422 validation_failed');
  assert.equal(await say({ 'content-length': '999999999999' }), '413 too_large');
  assert.equal(await say({ 'transfer-encoding': 'chunked' }), '411 length_required');
  assert.equal(await say({ 'content-type': 'multipart/form-data; boundary=x' }), '415 unsupported_media_type');
  assert.equal(
    await say({ 'content-digest': `sha-256=:${createHash('sha256').update('y').digest('base64')}:` }),
    '422 digest_mismatch',
  );
  assert.deepEqual((await ok(user.api.GET('/v1/portal/documents'), 200)).data, []);
});

test('Content-Digest is checked against what arrived', async () => {
  const folder = await newFolder(staff, client);
  const bytes = Buffer.from('exactly this');
  const digest = (of: string) => ({
    'content-type': 'application/octet-stream',
    'content-digest': `sha-256=:${createHash('sha256').update(of).digest('base64')}:`,
  });
  const good = await raw(`/v1/documents?folder_id=${folder.id}&name=good.txt`, {
    method: 'POST',
    as: staff,
    headers: digest('exactly this'),
    body: bytes,
  });
  assert.equal(good.status, 201);
  const bad = await raw(`/v1/documents?folder_id=${folder.id}&name=bad.txt`, {
    method: 'POST',
    as: staff,
    headers: digest('something else'),
    body: bytes,
  });
  assert.equal(`${bad.status} ${bad.json.code}`, '422 digest_mismatch');
  assert.deepEqual(
    (await ok(staff.api.GET('/v1/documents', { params: { query: { folder_id: folder.id } } }), 200)).data.map(
      (d) => d.name,
    ),
    ['good.txt'],
  );
});

test('names with quotes, other scripts and signs come back whole, and make a safe Content-Disposition', async () => {
  const folder = await newFolder(staff, client);
  for (const name of ['Müller & Söhne "2025".pdf', '計算書.xlsx', 'a;b=c.txt', "it's 100%.txt", 'emoji 🧾.txt']) {
    const made = await ok(upload(staff, folder, name), 201);
    assert.equal(made.name, name.normalize('NFC'));
    const got = await content(made.id);
    const disposition = got.headers.get('content-disposition') ?? '';
    assert.match(
      disposition,
      /^attachment; filename="[\x20-\x7e]*"; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]+$/,
      disposition,
    );
    assert.equal(decodeURIComponent(disposition.split("''")[1] ?? ''), made.name);
    assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
    assert.match(got.headers.get('content-security-policy') ?? '', /sandbox/);
  }
});

for (const audience of ['staff', 'portal'] as const)
  test(`downloads of ${audience}: ETag, 304, ranges, If-Range, 412, 416, HEAD`, async () => {
    const bytes = randomBytes(1000);
    const folder = await newFolder(staff, client);
    const document = await ok(upload(staff, folder, 'range.bin', bytes), 201);
    const user = await newPortalUser(firm, client);
    await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
    const content = (id: string, headers: Record<string, string> = {}, method = 'GET') =>
      contentAs(id, headers, method, audience === 'staff' ? staff : user);
    const whole = await content(document.id);
    const etag = whole.headers.get('etag') ?? '';
    assert.ok(etag.includes(document.sha256), etag);
    assert.equal(whole.headers.get('accept-ranges'), 'bytes');
    assert.equal((await content(document.id, { 'if-none-match': etag })).status, 304);
    assert.equal((await content(document.id, { 'if-none-match': '"other"' })).status, 200);
    assert.equal((await content(document.id, { 'if-match': '"other"' })).status, 412);
    assert.equal((await content(document.id, { 'if-match': etag })).status, 200);
    const part = await content(document.id, { range: 'bytes=100-199' });
    assert.equal(part.status, 206);
    assert.equal(part.headers.get('content-range'), 'bytes 100-199/1000');
    assert.deepEqual(part.body, bytes.subarray(100, 200));
    assert.equal(part.headers.get('etag'), etag);
    assert.deepEqual((await content(document.id, { range: 'bytes=-10' })).body, bytes.subarray(990));
    assert.deepEqual((await content(document.id, { range: 'bytes=990-' })).body, bytes.subarray(990));
    assert.equal((await content(document.id, { range: 'bytes=0-9', 'if-range': etag })).status, 206);
    assert.equal((await content(document.id, { range: 'bytes=0-9', 'if-range': '"other"' })).status, 200);
    assert.equal((await content(document.id, { range: 'bytes=0-9,20-29' })).status, 200);
    const past = await content(document.id, { range: 'bytes=1000-' });
    assert.equal(past.status, 416);
    assert.equal(past.headers.get('content-range'), 'bytes */1000');
    const head = await content(document.id, {}, 'HEAD');
    assert.deepEqual(
      [head.status, head.headers.get('content-length'), head.headers.get('etag'), head.body.length],
      [200, '1000', etag, 0],
    );
    assert.equal((await content(document.id, { range: 'bytes=0-9' }, 'HEAD')).status, 206);
    assert.equal((await content(document.id, { 'if-none-match': etag }, 'HEAD')).status, 304);
    assert.equal((await content(document.id, { range: 'bytes=1000-' }, 'HEAD')).status, 416);
    assert.equal((await content(document.id, { 'if-match': '"other"' }, 'HEAD')).status, 412);
  });

test('bytes that are being looked at, or were found bad, are given to nobody', async () => {
  const user = await newPortalUser(firm, client);
  const document = await ok(portalUpload(user, undefined, `${unique('virus')}.txt`), 201);
  for (const [scan, want] of [
    ['pending', '409 scan_pending'],
    ['infected', '403 file_infected'],
  ] as const) {
    await stack.sql('update document set scan = $2 where firm_id = $1 and name = $3', [firm.id, scan, document.name]);
    for (const as of [staff, user] as Person[]) {
      const got = await content(document.id, {}, 'GET', as);
      assert.equal(`${got.status} ${got.json.code}`, want);
      assert.equal((await content(document.id, {}, 'HEAD', as)).status, got.status);
      assert.ok(!got.body.includes('Dear firm'));
    }
  }
});

test('who loaded what is on record, whole or in part, and a 304 is not', async () => {
  const user = await newPortalUser(firm, client);
  const document = await ok(portalUpload(user, undefined, `${unique('seen')}.txt`), 201);
  const record = async () =>
    (
      await stack.sql(
        "select actor_name, outcome from audit where firm_id = $1 and action = 'document.downloaded' and object_id = (select id from document where firm_id = $1 and name = $2) order by at, row_no",
        [firm.id, document.name],
      )
    ).map((r) => `${r.actor_name} ${r.outcome}`);
  const etag = (await content(document.id, {}, 'GET', user)).headers.get('etag') ?? '';
  await content(document.id, { range: 'bytes=0-3' }, 'GET', staff);
  await content(document.id, { 'if-none-match': etag }, 'GET', staff);
  assert.deepEqual(await record(), [`${user.contact.display_name} ok`, 'Olive Owner ok']);
});

test('HTML and SVG are never shown inline', async () => {
  const folder = await newFolder(staff, client);
  for (const name of ['page.html', 'picture.svg']) {
    const document = await ok(
      upload(staff, folder, name, '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
      201,
    );
    const got = await content(document.id);
    assert.match(got.headers.get('content-disposition') ?? '', /^attachment/);
    assert.match(got.headers.get('content-security-policy') ?? '', /sandbox/);
  }
});

test('trashed: gone from the lists, shown with trashed=true, no bytes, and twice is 404', async () => {
  const folder = await newFolder(staff, client);
  const document = await ok(upload(staff, folder), 201);
  const got = await took(read(document.id), 200);
  await refused(
    staff.api.DELETE('/v1/documents/{document_id}', {
      params: { path: { document_id: document.id }, header: { 'If-Match': '"0"' } },
    }),
    412,
    'version_changed',
  );
  await ok(
    staff.api.DELETE('/v1/documents/{document_id}', {
      params: { path: { document_id: document.id }, header: { 'If-Match': got.etag } },
    }),
    204,
  );
  assert.deepEqual(
    (await ok(staff.api.GET('/v1/documents', { params: { query: { folder_id: folder.id } } }), 200)).data,
    [],
  );
  assert.deepEqual(
    (
      await ok(staff.api.GET('/v1/documents', { params: { query: { folder_id: folder.id, trashed: true } } }), 200)
    ).data.map((d) => d.id),
    [document.id],
  );
  assert.equal((await content(document.id)).status, 404);
  await refused(
    staff.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id: document.id } } }),
    404,
    'not_found',
  );
});

test('filters of documents: client, folder, archived, updated_since', async () => {
  const [one, two] = [await newFolder(staff, client), await newFolder(staff, client)];
  const [a, b] = [await ok(upload(staff, one), 201), await ok(upload(staff, two), 201)];
  const find = async (query: object) =>
    (await ok(staff.api.GET('/v1/documents', { params: { query } }), 200)).data.map((d) => d.id);
  assert.deepEqual(await find({ folder_id: one.id }), [a.id]);
  await stack.sql('update document set archived = true where firm_id = $1 and name = $2', [firm.id, b.name]);
  assert.deepEqual(await find({ folder_id: two.id, archived: true }), [b.id]);
  assert.deepEqual(await find({ folder_id: two.id, archived: false }), []);
  assert.ok((await find({ client_id: client.id, updated_since: b.updated_at, limit: 100 })).includes(b.id));
  await refused(
    staff.api.GET('/v1/documents', { params: { query: { trashed: 'perhaps' as never, folder_id: 'fol_1' } } }),
    422,
    'validation_failed',
  );
});

test('a portal name clash gets a suffix', async () => {
  const user = await newPortalUser(firm, client);
  const folder = await uploadFolder(staff, client);
  const name = `${unique('scan')}.pdf`;
  const names = [];
  for (let i = 0; i < 3; i++) names.push((await ok(portalUpload(user, folder, name), 201)).name);
  assert.equal(new Set(names).size, 3);
  assert.equal(names[0], name);
  assert.ok(
    names.every((n) => n.startsWith(name.slice(0, -4)) && n.endsWith('.pdf')),
    names.join(),
  );
});

test('a document belongs to the firm: it stays when whoever uploaded it has no access any more', async () => {
  const own = await newClient(staff);
  const user = await newPortalUser(firm, own);
  const document = await ok(portalUpload(user, undefined, 'mine.txt', 'still here'), 201);
  assert.equal(document.folder_id, (await uploadFolder(staff, own)).id);
  await ok(
    staff.api.DELETE('/v1/contacts/{contact_id}/portal_access', { params: { path: { contact_id: user.contact.id } } }),
    200,
  );
  assert.equal((await content(document.id)).body.toString(), 'still here');
  assert.deepEqual((await ok(read(document.id), 200)).uploaded_by, {
    type: 'contact',
    id: user.contact.id,
    name: user.contact.display_name,
  });
});

test('what is shared twice by two ways is listed once, and the stronger right holds', async () => {
  const own = await newClient(staff);
  const user = await newPortalUser(firm, own);
  await newContact(staff, own);
  const outer = await newFolder(staff, own);
  const inner = await newFolder(staff, own, { parent_id: outer.id });
  const document = await ok(upload(staff, inner), 201);
  await ok(share(staff, 'folder', outer, [user.contact], 'view', false), 201);
  await ok(share(staff, 'folder', inner, [user.contact], 'view_upload', false), 201);
  await ok(share(staff, 'document', document, [user.contact], 'view', false), 201);
  const list = await ok(user.api.GET('/v1/portal/documents'), 200);
  assert.deepEqual(
    list.data.map((d) => d.id),
    [document.id],
  );
  const folders = await ok(user.api.GET('/v1/portal/folders', { params: { query: { client_id: own.id } } }), 200);
  assert.deepEqual(Object.fromEntries(folders.data.map((f) => [f.id, f.access]))[inner.id], 'view_upload');
  await ok(portalUpload(user, inner), 201);
  await refused(portalUpload(user, outer), 403, 'upload_not_allowed');
  await link(staff, own, user.contact);
});
