// journey.test.ts - the whole of it once, with real mail: a firm takes on a client, they exchange documents, the door is shut again.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { call, reads } from '../lib/recorder.mjs';
import { checksums, quiet } from '../lib/state.js';
import {
  accept, address, advance, all, emails, eventually, newClient, newFirm, nobody, ok, portalUpload, refused, share, signIn, sink,
  took, tokenOf, unique, upload, uploadFolder, PASSWORD,
} from '../lib/kit.js';

test('journey: from the firm being made to the door being shut', async () => {
  const firm = await newFirm('journey');
  const staff = await signIn(firm.slug, 'staff', firm.owner.email);
  assert.equal(staff.session.audience, 'staff');
  assert.ok(staff.session.permissions.includes('portal_access:write'));

  const client = await newClient(staff, { name: 'Acme Ltd', code: unique('A') });
  const folder = await uploadFolder(staff, client);
  assert.equal(folder.name, 'Client Uploads');
  await ok(
    staff.api.PUT('/v1/clients/{client_id}/team/{staff_id}', {
      params: { path: { client_id: client.id, staff_id: staff.session.principal.id } },
    }),
    204,
  );

  const ann = address('ann');
  const contact = await ok(
    staff.api.POST('/v1/contacts', { body: { entity: 'individual', display_name: 'Ann Archer' } }),
    201,
  );
  await ok(
    staff.api.PUT('/v1/clients/{client_id}/contacts/{contact_id}', {
      params: { path: { client_id: client.id, contact_id: contact.id } },
      body: { is_primary: true },
    }),
    204,
  );

  const on = await ok(
    staff.api.PUT('/v1/contacts/{contact_id}/portal_access', {
      params: { path: { contact_id: contact.id } },
      body: { send: 'now', primary_email: ann },
    }),
    200,
  );
  assert.equal(on.status, 'invited');
  assert.equal(on.login_email, ann);
  assert.equal(on.invitation?.status, 'queued');
  const [invitation] = await sink.mails(ann);

  const token = tokenOf(invitation);
  const preview = await ok(nobody().POST('/v1/invitations/preview', { body: { token } }), 200);
  assert.equal(preview.email, ann);
  assert.equal(preview.firm.name, firm.name);
  assert.equal(preview.credential, 'new');
  const user = await accept(token, firm.slug, ann);
  assert.equal(user.session.audience, 'portal');
  assert.deepEqual(
    user.session.clients.map((c) => c.id),
    [client.id],
  );

  const home = await ok(user.api.GET('/v1/portal/home'), 200);
  assert.equal(home.can_upload, true);
  const folders = await ok(user.api.GET('/v1/portal/folders'), 200);
  assert.deepEqual(
    folders.data.map((f) => [f.id, f.access]),
    [[folder.id, 'view_upload']],
  );

  const scan = await ok(portalUpload(user, folder, 'passport.txt', 'the passport'), 201);
  assert.equal(scan.mine, true);
  const mark = await sink.mark();
  await advance(301);
  const [told] = await sink.mails(staff.email, { after: mark });
  assert.match(told?.text ?? '', /passport\.txt|Client Uploads/);

  const seen = await ok(
    staff.api.GET('/v1/documents/{document_id}/content', {
      params: { path: { document_id: scan.id } },
      parseAs: 'text',
    }),
    200,
  );
  assert.equal(String(seen), 'the passport');

  const work = await ok(staff.api.POST('/v1/folders', { body: { client_id: client.id, name: 'Accounts 2025' } }), 201);
  const report = await ok(upload(staff, work, 'accounts.txt', 'all is well'), 201);
  await refused(
    user.api.GET('/v1/portal/documents/{document_id}', { params: { path: { document_id: report.id } } }),
    404,
    'not_found',
  );
  const before = await sink.mark();
  const shares = await ok(share(staff, 'folder', work, [contact], 'view'), 201);
  const [shareMail] = await sink.mails(ann, { after: before });
  assert.ok(
    shareMail?.links.some((link) => link.endsWith(`/items/${work.id}?firm=${firm.slug}`)),
    `links: ${shareMail?.links}`,
  );
  assert.match(`${shareMail?.subject} ${shareMail?.text}`, /Accounts 2025/);

  const again = await signIn(firm.slug, 'portal', ann);
  const mine = await all((cursor) =>
    ok(again.api.GET('/v1/portal/documents', { params: { query: cursor ? { cursor } : {} } }), 200),
  );
  assert.deepEqual(mine.map((d) => d.name).sort(), ['accounts.txt', 'passport.txt']);
  const bytes = await took(
    again.api.GET('/v1/portal/documents/{document_id}/content', {
      params: { path: { document_id: report.id } },
      parseAs: 'text',
    }),
    200,
  );
  assert.equal(String(bytes.data), 'all is well');
  assert.match(bytes.headers.get('content-disposition') ?? '', /^attachment; filename="accounts\.txt"/);
  await refused(portalUpload(again, work), 403, 'upload_not_allowed');

  await ok(
    staff.api.DELETE('/v1/shares/{share_id}', { params: { path: { share_id: shares.data[0]?.id ?? '' } } }),
    204,
  );
  await refused(
    again.api.GET('/v1/portal/documents/{document_id}', { params: { path: { document_id: report.id } } }),
    404,
    'not_found',
  );

  const was = await ok(
    staff.api.DELETE('/v1/contacts/{contact_id}/portal_access', { params: { path: { contact_id: contact.id } } }),
    200,
  );
  assert.deepEqual(
    was.data.map((s) => s.item_id),
    [folder.id],
  );
  await refused(again.api.GET('/v1/portal/home'), 401, 'unauthenticated');
  await refused(
    nobody().POST('/v1/auth/login', {
      body: { firm: firm.slug, audience: 'portal', email: ann, password: PASSWORD, transport: 'token' },
    }),
    401,
    'invalid_credentials',
  );
  const kept = await ok(
    staff.api.GET('/v1/documents/{document_id}', { params: { path: { document_id: scan.id } } }),
    200,
  );
  assert.equal(kept.uploaded_by.name, 'Ann Archer');

  const log = await eventually(async () => {
    const log = await emails(staff, contact);
    assert.ok(
      log.every((m) => m.status === 'sent'),
      JSON.stringify(log.map((m) => [m.kind, m.status])),
    );
    return log;
  });
  assert.deepEqual(
    log.map((m) => m.kind),
    ['invitation', 'folder.shared'],
  );
});

test('rule 11: every GET of the journey once more, twice and in any order, changes nothing', async () => {
  assert.ok(reads.size > 10, `${reads.size}`);
  const was = await quiet();
  const again = [...reads.values(), ...reads.values()].sort(() => Math.random() - 0.5);
  for (const [url, sent] of again) await call(url, sent);
  assert.deepEqual(await checksums(), was);
});
