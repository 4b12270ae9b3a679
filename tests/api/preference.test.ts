// preference.test.ts - which notices people get by mail: what they choose is what they get, and what is mandatory stays.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  enable, newClient, newFolder, newOffice, newPortalUser, ok, portalUpload, refused, settled, share, sink, took, unique, upload,
  type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => {
  ({ firm, staff } = await newOffice('prefs'));
  await ok(staff.api.PATCH('/v1/firm', { body: { mail_coalesce_seconds: 0, unassigned_fallback: 'admins' } }), 200);
});

const path = '/v1/me/notification_preferences';
const get = (as: Person) => as.api.GET(path);
const put = (as: Person, digest: 'instant' | 'off', off: string[] = []) =>
  as.api.PUT(path, { body: { digest, items: off.map((event) => ({ event, email: false })) } });

/** How many mails each of three acts sends to the person: a folder shared, a document shared, a document uploaded. */
async function told(user: Awaited<ReturnType<typeof newPortalUser>>, client: Schema['Client']): Promise<number[]> {
  const mark = await sink.mark();
  const [shared, other] = [unique('Shared'), unique('other')];
  const folder = await newFolder(staff, client, { name: shared });
  await ok(share(staff, 'folder', folder, [user.contact], 'view', true), 201);
  const apart = await newFolder(staff, client);
  const document = await ok(upload(staff, apart, `${other}.txt`), 201);
  await ok(share(staff, 'document', document, [user.contact], 'view', true), 201);
  const inside = await ok(upload(staff, folder, `${unique('inside')}.txt`), 201);
  const mails = (await settled(firm, user.email, mark)).map((m) => m.subject + m.text);
  return [
    mails.filter((m) => m.includes(shared) && !m.includes(inside.name)).length,
    mails.filter((m) => m.includes(other)).length,
    mails.filter((m) => m.includes(inside.name)).length,
  ];
}

test('at first everything is wanted; each audience has its own notices', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  assert.deepEqual(await ok(get(user), 200), {
    digest: 'instant',
    items: ['invitation', 'folder.shared', 'document.shared', 'items.shared', 'document.uploaded'].map((event) => ({
      event,
      email: true,
    })),
    mandatory: ['invitation'],
  });
  assert.deepEqual(await ok(get(staff), 200), {
    digest: 'instant',
    items: ['staff_invitation', 'registration_pending', 'document.uploaded'].map((event) => ({ event, email: true })),
    mandatory: ['staff_invitation', 'registration_pending'],
  });
});

test('the list is replaced as a whole, and has a version', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const one = await took(put(user, 'instant', ['folder.shared']), 200);
  assert.deepEqual(
    one.data.items.filter((i) => !i.email).map((i) => i.event),
    ['folder.shared'],
  );
  const two = await took(put(user, 'instant', ['document.shared']), 200);
  assert.deepEqual(
    two.data.items.filter((i) => !i.email).map((i) => i.event),
    ['document.shared'],
  );
  assert.equal((await took(get(user), 200)).etag, two.etag);
  const late = user.api.PUT(path, {
    params: { header: { 'If-Match': one.etag } },
    body: { digest: 'off', items: [] },
  });
  await refused(late, 412, 'version_changed');
  await ok(
    user.api.PUT(path, {
      params: { header: { 'If-Match': two.etag } },
      body: { digest: two.data.digest, items: two.data.items },
    }),
    200,
  );
});

test('unknown, doubled and mandatory events are refused, all at once', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  await refused(put(user, 'instant', ['invitation', 'folder.sahred', 'folder.shared', 'folder.shared']), 422, 'unknown_event', [
    '/items/0/email mandatory',
    '/items/1/event unknown_event',
    '/items/3/event duplicate',
  ]);
  await refused(put(user, 'instant', ['staff_invitation']), 422, 'unknown_event');
  await refused(put(staff, 'instant', ['folder.shared']), 422, 'unknown_event');
  await refused(put(user, 'off', ['invitation']), 422, 'validation_failed', ['/items/0/email mandatory']);
  await refused(put(user, 'daily' as 'off'), 422, 'validation_failed', ['/digest not_allowed']);
  assert.ok((await ok(get(user), 200)).items.every((i) => i.email), 'nothing was changed');
});

test('a portal user gets the notices that were chosen, and invitations always', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  assert.deepEqual(await told(user, client), [1, 1, 1]);
  await ok(put(user, 'instant', ['folder.shared']), 200);
  assert.deepEqual(await told(user, client), [0, 1, 1]);
  await ok(put(user, 'instant', ['document.shared', 'document.uploaded']), 200);
  assert.deepEqual(await told(user, client), [1, 0, 0]);
  await ok(put(user, 'off'), 200);
  assert.deepEqual(await told(user, client), [0, 0, 0]);
  const email = `${unique('moved')}@mail.test`;
  const contact = await ok(
    staff.api.PATCH('/v1/contacts/{contact_id}', {
      params: { path: { contact_id: user.contact.id } },
      body: { primary_email: email },
    }),
    200,
  );
  await ok(enable(staff, contact, { send: 'now', login_email: email }), 200);
  assert.equal((await sink.mails(email)).length, 1, 'an invitation is no notice');
});

test('S3_28 staff who want no notices of uploads get none', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const count = async () => {
    const mark = await sink.mark();
    const scan = await ok(portalUpload(user, undefined, `${unique('scan')}.txt`), 201);
    return (await settled(firm, staff.email, mark)).filter((m) => (m.subject + m.text).includes(scan.name)).length;
  };
  assert.equal(await count(), 1);
  await ok(put(staff, 'instant', ['document.uploaded']), 200);
  assert.equal(await count(), 0);
  await ok(put(staff, 'instant'), 200);
  assert.equal(await count(), 1);
});

test('a firm that wants its people told is not muted', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  await ok(put(user, 'off', ['folder.shared']), 200);
  await ok(staff.api.PATCH('/v1/firm', { body: { notify_required: true } }), 200);
  const shown = await ok(get(user), 200);
  assert.deepEqual([shown.digest, shown.mandatory.length, shown.items.every((i) => i.email)], ['instant', 5, true]);
  assert.deepEqual(await told(user, client), [1, 1, 1]);
  await refused(put(user, 'off', ['folder.shared']), 422, 'validation_failed', [
    '/digest mandatory',
    '/items/0/email mandatory',
  ]);
  await ok(staff.api.PATCH('/v1/firm', { body: { notify_required: false } }), 200);
  assert.equal((await ok(get(user), 200)).digest, 'off', 'what was chosen is kept');
});
