// unsubscribe.test.ts - ending one kind of notice by the link in it (pitfall P2, RFC 8058).
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  access, advance, disable, enable, newClient, newContact, newFirm, newFolder, newPortalUser, nobody, ok, raw, refused, settled,
  share, sink, stack, uploadFolder, portalUpload, unsubscribeTokenOf, upload, type Firm, type Mail, type PortalUser, type Schema,
} from '../lib/kit.js';

let firm: Firm;
let client: Schema['Client'];
before(async () => {
  firm = await newFirm('unsub');
  client = await newClient(firm.owner);
});

/** Share something new with the person; the mail that tells of it. */
async function told(user: PortalUser, kind: 'folder' | 'document' = 'folder'): Promise<Mail | undefined> {
  const after = await sink.mark();
  const folder = await newFolder(firm.owner, client);
  const item = kind === 'folder' ? folder : await ok(upload(firm.owner, folder), 201);
  await ok(share(firm.owner, kind, item, [user.contact]), 201);
  return (await settled(firm, user.email, after))[0];
}

const look = (token: string) => nobody().GET('/v1/unsubscribe/{token}', { params: { path: { token } } });
const end = (token: string) => nobody().POST('/v1/unsubscribe/{token}', { params: { path: { token } } });
const preferences = (user: PortalUser) => ok(user.api.GET('/v1/me/notification_preferences'), 200);
const muted = async (user: PortalUser) => (await preferences(user)).items.filter((i) => !i.email).map((i) => i.event);

test('P2: looking changes nothing, ending is for one kind of one person, and once or often is the same', async () => {
  const user = await newPortalUser(firm, client);
  const other = await newPortalUser(firm, client);
  const token = unsubscribeTokenOf(await told(user));
  for (let i = 0; i < 3; i++) {
    const seen = await ok(look(token), 200);
    assert.deepEqual([seen.event, seen.wanted, seen.mandatory, seen.firm.slug], ['folder.shared', true, false, firm.slug]);
    assert.match(seen.email, /^.….*@mail\.test$/);
    assert.equal((await raw(`/v1/unsubscribe/${token}`, { method: 'HEAD' })).status, 200);
  }
  assert.deepEqual(await muted(user), []);
  assert.deepEqual(await ok(end(token), 200), { ...(await ok(look(token), 200)), wanted: false });
  await Promise.all([1, 2, 3, 4].map(() => ok(end(token), 200)));
  assert.deepEqual(await muted(user), ['folder.shared']);
  assert.equal(await told(user), undefined, 'no more of these');
  assert.ok(await told(user, 'document'), 'but of others');
  assert.ok(await told(other), 'and others get them');
  const changes = (await ok(firm.owner.api.GET('/v1/audit_log', { params: { query: { action: 'portal_access.updated', limit: 100 } } }), 200)).data;
  assert.equal(changes.filter((entry) => entry.actor.name === user.session.principal.name).length, 1, 'one act');
  await ok(user.api.PUT('/v1/me/notification_preferences', { body: { digest: 'instant', items: [] } }), 200);
  assert.equal((await ok(look(token), 200)).wanted, true, 'the person may want them again');
});

test('P2: each kind of notice has its own link, and what opens a door has none', async () => {
  const user = await newPortalUser(firm, client);
  const documentMail = await told(user, 'document');
  const folderMail = await told(user);
  const after = await sink.mark();
  const uploads = await uploadFolder(firm.owner, client);
  await ok(firm.owner.api.PATCH('/v1/firm', { body: { mail_coalesce_seconds: 0, unassigned_fallback: 'admins' } }), 200);
  await ok(portalUpload(user, uploads), 201);
  const [uploadMail] = await sink.mails(firm.owner.email, { after });
  for (const [mail, event] of [[documentMail, 'document.shared'], [folderMail, 'folder.shared'], [uploadMail, 'document.uploaded']] as const) {
    const token = unsubscribeTokenOf(mail);
    assert.equal((await ok(look(token), 200)).event, event);
    assert.equal(mail?.headers['list-unsubscribe-post'], 'List-Unsubscribe=One-Click');
    assert.equal(mail?.headers['list-unsubscribe'], `<${stack.url}/unsubscribe/${token}>`);
    assert.ok(mail?.html.includes(`/unsubscribe#${token}`));
  }
  await ok(end(unsubscribeTokenOf(uploadMail)), 200);
  const before = await sink.mark();
  await ok(portalUpload(user, uploads), 201);
  assert.deepEqual(await settled(firm, firm.owner.email, before), [], 'staff may end theirs too');
  const contact = await newContact(firm.owner, client);
  const mark = await sink.mark();
  await ok(enable(firm.owner, contact), 200);
  const [invitation] = await sink.mails(contact.primary_email ?? '', { after: mark });
  assert.ok(invitation && !/unsubscribe/i.test(invitation.raw));
});

test('RFC 8058: what mail programs post to the address in the header ends it, cookies or none; a GET of it is a page', async () => {
  const user = await newPortalUser(firm, client);
  const mail = await told(user);
  const { pathname } = new URL((mail?.headers['list-unsubscribe'] ?? '').slice(1, -1));
  const page = await raw(pathname);
  assert.deepEqual([page.status, page.headers.get('content-type'), page.headers.get('cache-control')], [200, 'text/html; charset=utf-8', 'no-store']);
  assert.equal((await raw(pathname, { method: 'HEAD' })).status, 200);
  assert.deepEqual(await muted(user), []);
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'mail program' };
  for (let i = 0; i < 2; i++) {
    const got = await raw(pathname, { method: 'POST', headers, body: 'List-Unsubscribe=One-Click' });
    assert.equal(got.status, 200, JSON.stringify(got.json));
  }
  assert.deepEqual(await muted(user), ['folder.shared']);
  const put = await raw(pathname, { method: 'PUT', headers, body: 'x' });
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, POST']);
  for (const path of ['/unsubscribe/x', `/unsubscribe/${'x'.repeat(86)}`]) {
    const none = await raw(path, { method: 'POST', headers, body: 'List-Unsubscribe=One-Click' });
    assert.equal(`${none.status} ${none.json.code}`, '404 not_found');
  }
});

test('a link is dead with the access, while it is suspended, and at another address; a changed one was never one', async () => {
  const user = await newPortalUser(firm, client);
  const token = unsubscribeTokenOf(await told(user));
  const forged = (token.startsWith('A') ? 'B' : 'A') + token.slice(1);
  for (const none of [forged, token.slice(0, -1), `${token}A`, token.slice(0, 60) + token.slice(60).split('').reverse().join(''), 'x', '%00', 'x'.repeat(86)]) {
    await refused(look(none), 404, 'not_found');
    await refused(end(none), 404, 'not_found');
  }
  const path = { contact_id: user.contact.id };
  await ok(firm.owner.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', { params: { path } }));
  await refused(look(token), 404, 'not_found');
  await refused(end(token), 404, 'not_found');
  await ok(firm.owner.api.POST('/v1/contacts/{contact_id}/portal_access/resume', { params: { path } }));
  await ok(look(token), 200);
  await stack.sql('update membership set login_email_key = \'x\' || login_email_key where login_email = $1', [user.email]);
  await refused(look(token), 404, 'not_found');
  await stack.sql('update membership set login_email_key = substr(login_email_key, 2) where login_email = $1', [user.email]);
  await ok(disable(firm.owner, user.contact));
  await refused(look(token), 404, 'not_found');
  await refused(end(token), 404, 'not_found');
  await ok(enable(firm.owner, user.contact), 200);
  assert.notEqual((await access(firm.owner, user.contact)).status, 'off');
  await refused(end(token), 404, 'not_found');
});

test('a firm that wants its people told: no such link, and an older one says that the mails go on', async () => {
  const user = await newPortalUser(firm, client);
  const token = unsubscribeTokenOf(await told(user));
  await ok(firm.owner.api.PATCH('/v1/firm', { body: { notify_required: true } }), 200);
  const mail = await told(user);
  assert.ok(mail && !/unsubscribe/i.test(mail.raw));
  const ended = await ok(end(token), 200);
  assert.deepEqual([ended.wanted, ended.mandatory], [false, true]);
  assert.ok(await told(user));
  await ok(firm.owner.api.PATCH('/v1/firm', { body: { notify_required: false } }), 200);
  assert.equal(await told(user), undefined, 'what was noted then holds');
});

test('P12: a notice that waits when its kind is ended does not leave any more', async () => {
  const user = await newPortalUser(firm, client);
  const reader = await newPortalUser(firm, client);
  const folder = await uploadFolder(firm.owner, client);
  await ok(firm.owner.api.PATCH('/v1/firm', { body: { mail_coalesce_seconds: 0 } }), 200);
  const first = await sink.mark();
  await ok(portalUpload(user, folder), 201);
  const [mail] = await sink.mails(reader.email, { after: first });
  await ok(firm.owner.api.PATCH('/v1/firm', { body: { mail_coalesce_seconds: 300 } }), 200);
  const mark = await sink.mark();
  await ok(portalUpload(user, folder), 201);
  await ok(end(unsubscribeTokenOf(mail)), 200);
  await advance(301);
  assert.deepEqual(await settled(firm, reader.email, mark), []);
});
