// suspend.test.ts - the lock that can be opened again (model.md C16): who is suspended is out at once, and keeps everything.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import {
  access, address, disable, emails, enable, login, newColleague, newContact, newFolder, newOffice, newPortalUser, ok, raw,
  refused, settled, share, signIn, sink, stack, took, upload, uploadFolder, type Firm, type Person, type PortalUser, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person, client: Schema['Client'];
before(async () => void ({ firm, staff, client } = await newOffice('suspend')));

const at = (contact: { id: string }) => ({ params: { path: { contact_id: contact.id } } });
const suspend = (contact: { id: string }, as = staff) =>
  as.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', at(contact));
const resume = (contact: { id: string }, as = staff) =>
  as.api.POST('/v1/contacts/{contact_id}/portal_access/resume', at(contact));
const events = async (user: PortalUser) =>
  (
    await stack.sql(
      "select e.type, (select count(*)::int from audit a where a.firm_id = e.firm_id and a.object_id = e.object_id and a.action = e.type) as audited from event e join membership m on m.firm_id = e.firm_id and m.id = e.object_id where e.firm_id = $1 and m.login_email = $2 and e.type ~ 'suspended|resumed' order by e.row_no",
      [firm.id, user.email],
    )
  ).map((e) => `${e.type} ${e.audited}`);

test('P18 whoever is suspended is out with the next request, on every session, and cannot sign in', async () => {
  const user = await newPortalUser(firm, client);
  const other = await signIn(firm.slug, 'portal', user.email);
  const document = await ok(upload(staff, await newFolder(staff, client)), 201);
  await ok(share(staff, 'document', document, [user.contact], 'view', false), 201);
  assert.equal((await raw(`/v1/portal/documents/${document.id}/content`, { as: user })).status, 200);
  const was = await access(staff, user.contact);
  const now = await ok(suspend(user.contact), 200);
  assert.deepEqual({ ...was, status: 'suspended' }, now);
  for (const as of [user, other])
    for (const path of [
      '/v1/portal/home',
      '/v1/portal/folders',
      '/v1/portal/documents',
      `/v1/portal/documents/${document.id}`,
      `/v1/portal/documents/${document.id}/content`,
      '/v1/auth/session',
      '/v1/me',
    ]) {
      const got = await raw(path, { as });
      assert.equal(`${got.status} ${got.json.code}`, '401 unauthenticated', path);
      assert.equal(got.headers.get('x-accel-redirect'), null);
    }
  const stranger = await refused(login(firm, address('stranger')), 401, 'invalid_credentials');
  const told = await refused(login(firm, user.email), 401, 'invalid_credentials');
  assert.deepEqual({ ...told, request_id: '' }, { ...stranger, request_id: '' });
});

test('P18 an upload that was let in is not taken when its sender is suspended midway', async () => {
  const user = await newPortalUser(firm, client);
  const folder = await uploadFolder(staff, client);
  const { port, hostname, host } = new URL(stack.url);
  const half = 'x'.repeat(50_000);
  const socket = net.connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (part) => (answer += part));
  const ended = new Promise((resolve) => socket.on('close', resolve));
  socket.write(
    `POST /v1/portal/documents?folder_id=${folder.id}&name=midway.txt HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n` +
      `Authorization: Bearer ${user.token}\r\nContent-Type: text/plain\r\nContent-Length: ${2 * half.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  // 100 comes when the edge has asked and takes the body.
  for (let i = 0; !answer.includes('100 Continue') && i < 500; i++) await new Promise((r) => setTimeout(r, 10));
  assert.match(answer, /^HTTP\/1\.1 100/);
  socket.write(half);
  await ok(suspend(user.contact), 200);
  socket.write(half);
  await ended;
  assert.match(answer, /HTTP\/1\.1 401 /, answer.slice(0, 500));
  assert.match(answer, /unauthenticated/);
  const list = await ok(staff.api.GET('/v1/documents', { params: { query: { folder_id: folder.id } } }), 200);
  assert.ok(!list.data.some((d) => d.name === 'midway.txt'));
});

test('resumed, everything is as before but the old sessions; asked twice nothing happens', async () => {
  const user = await newPortalUser(firm, client);
  const document = await ok(upload(staff, await newFolder(staff, client)), 201);
  await ok(share(staff, 'document', document, [user.contact], 'view', false), 201);
  const first = await took(suspend(user.contact), 200);
  const second = await took(suspend(user.contact), 200);
  assert.deepEqual([second.data, second.etag], [first.data, first.etag]);
  const shares = await ok(staff.api.GET('/v1/shares', { params: { query: { contact_id: user.contact.id } } }), 200);
  assert.ok(shares.data.some((s) => s.item_id === document.id));
  assert.equal((await ok(resume(user.contact), 200)).status, 'active');
  assert.equal((await ok(resume(user.contact), 200)).status, 'active');
  assert.equal((await raw('/v1/portal/home', { as: user })).status, 401, 'an ended session does not come back');
  const again = await signIn(firm.slug, 'portal', user.email);
  assert.equal((await raw(`/v1/portal/documents/${document.id}/content`, { as: again })).status, 200);
  assert.deepEqual(await events(user), ['portal_access.suspended 1', 'portal_access.resumed 1']);
});

test('P17 what is shared with somebody suspended is stored and not mailed; at the resumption it is, and is there', async () => {
  const user = await newPortalUser(firm, client);
  const folder = await newFolder(staff, client);
  const mark = await sink.mark();
  const held = await ok(upload(staff, folder), 201);
  await ok(suspend(user.contact), 200);
  const [made] = (await ok(share(staff, 'folder', folder, [user.contact], 'view', true), 201)).data;
  assert.equal(made?.notified_at, null);
  await ok(upload(staff, folder), 201);
  assert.deepEqual(await settled(firm, user.email, mark), []);
  await ok(resume(user.contact), 200);
  assert.equal((await settled(firm, user.email, mark)).length, 1);
  const kinds = (await emails(staff, user.contact)).map((e) => e.kind);
  assert.deepEqual(kinds, ['invitation', 'folder.shared']);
  const again = await signIn(firm.slug, 'portal', user.email);
  assert.ok((await ok(again.api.GET('/v1/portal/documents'), 200)).data.some((d) => d.id === held.id));
});

test('P12 a share mail that was queued before the suspension is not sent', async () => {
  const user = await newPortalUser(firm, client);
  const folder = await newFolder(staff, client);
  await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  await ok(upload(staff, folder), 201); // its notice waits to be joined by others
  const waiting = (await emails(staff, user.contact)).filter((e) => e.kind === 'document.uploaded');
  assert.deepEqual(
    waiting.map((e) => e.status),
    ['queued'],
  );
  await ok(suspend(user.contact), 200);
  await stack.sql("update envelope set due_at = created_at where firm_id = $1 and state = 'queued'", [firm.id]);
  await settled(firm, user.email, await sink.mark());
  const kept = (await emails(staff, user.contact)).filter((e) => e.kind === 'document.uploaded');
  assert.deepEqual(
    kept.map((e) => e.status),
    ['cancelled'],
  );
});

test('only who has registered can be suspended; off, it says so', async () => {
  const contact = await newContact(staff, client);
  await refused(suspend(contact), 409, 'portal_access_off');
  await refused(resume(contact), 409, 'portal_access_off');
  await ok(enable(staff, contact, { send: 'later' }), 200);
  await refused(suspend(contact), 409, 'not_registered');
  await refused(resume(contact), 409, 'not_registered');
});

test('C16 to suspend needs no right to what is shared: a leak can be stopped at once', async () => {
  const user = await newPortalUser(firm, client);
  const member = await newColleague(firm);
  await ok(suspend(user.contact, member), 200);
  await ok(resume(user.contact, member), 200);
  await refused(suspend(user.contact, user), 401, 'unauthenticated');
});

test('suspended, the access can be switched off, but not given another address', async () => {
  const user = await newPortalUser(firm, client, { emails: [address('second')] });
  const second = user.contact.emails.find((e) => e !== user.contact.primary_email) ?? '';
  await ok(suspend(user.contact), 200);
  assert.equal((await ok(enable(staff, user.contact), 200)).status, 'suspended');
  await refused(
    enable(staff, user.contact, { send: 'now', login_email: second }),
    409,
    'portal_access_suspended',
  );
  const list = await ok(
    staff.api.GET('/v1/contacts', { params: { query: { portal_status: 'suspended', limit: 100 } } }),
    200,
  );
  assert.ok(list.data.some((c) => c.id === user.contact.id));
  await refused(
    staff.api.DELETE('/v1/contacts/{contact_id}', at(user.contact)),
    409,
    'portal_access_on',
  );
  await ok(disable(staff, user.contact), 200);
  assert.equal((await access(staff, user.contact)).status, 'off');
});

test('suspending and resuming at once from many sides ends in one of both', async () => {
  const user = await newPortalUser(firm, client);
  const all = await Promise.all(
    Array.from({ length: 12 }, (_, i) => (i % 2 ? resume(user.contact) : suspend(user.contact))),
  );
  for (const got of all) assert.equal(got.response.status, 200);
  const types = await events(user);
  types.forEach((type, i) => assert.match(type, i % 2 ? /resumed/ : /suspended/));
});
