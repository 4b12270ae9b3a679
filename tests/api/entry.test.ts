// entry.test.ts - what goes wrong with invitations in real portals, and must not here: the pitfalls by their numbers.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  accept, acceptAs, access, address, advance, disable, enable, eventually, key, newClient, newColleague, newContact, newFirm,
  newFolder, newOffice, newPortalUser, ok, oneWins, patchContact, portalUpload, preview, raw, refused, resend, settled, share,
  signIn, sink, stack, tokenOf, PASSWORD, type Firm, type Mail, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('entry')));

const read = (id: string) =>
  ok(staff.api.GET('/v1/invitations/{invitation_id}', { params: { path: { invitation_id: id } } }), 200);
async function later(seconds: number): Promise<void> {
  await advance(seconds);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
}
async function invited(over: Partial<Schema['ContactCreate']> = {}, by = staff) {
  const contact = await newContact(by, await newClient(by), over);
  const email = contact.primary_email ?? '';
  const after = await sink.mark();
  const on = await ok(enable(by, contact), 200);
  const [mail] = await sink.mails(email, { after });
  return { contact, email, mail: mail as Mail, token: tokenOf(mail), id: on.invitation?.id ?? '' };
}

test('P4, C17 an address that has an account: no second one, no new password; the mail says so, and accepting wants the one it has', async () => {
  const other = await newFirm('entry-other');
  const known = await newPortalUser(firm, await newClient(staff));
  const { token, email, mail } = await invited({ primary_email: known.email }, other.owner);
  for (const part of [mail.text, mail.html]) assert.match(part, /sign in with it, there is no new\s+password to choose/);
  assert.doesNotMatch((await invited()).mail.text, /sign in with it/);
  assert.equal((await ok(preview(token), 200)).credential, 'existing');
  await refused(acceptAs(token, { password: 'quite another pair of herons' }), 401, 'invalid_credentials');
  const [before] = await stack.sql('select password_hash, id from identity where email_key = $1', [email]);
  await accept(token, other.slug, email);
  const [after] = await stack.sql('select password_hash, id from identity where email_key = $1', [email]);
  assert.deepEqual(after, before);
  await signIn(firm.slug, 'portal', email);
  await signIn(other.slug, 'portal', email);
});

test('P5 passed on: a session of somebody else is told whose it is not, and S0_19 another address what it should be, both masked', async () => {
  const { token, email } = await invited();
  const other = await newPortalUser(firm, await newClient(staff));
  const got = await raw('/v1/invitations/accept', {
    method: 'POST',
    as: other,
    json: { token, password: PASSWORD, transport: 'token' },
  });
  assert.equal(`${got.status} ${got.json.code}`, '403 signed_in_as_other');
  const mask = `${email[0]}…@${email.split('@')[1]}`;
  assert.ok(got.json.detail.includes(mask) && !JSON.stringify(got.json).includes(email), got.json.detail);
  const problem = await refused(acceptAs(token, { email: other.email }), 422, 'email_mismatch');
  assert.ok(problem.detail.includes(mask) && !problem.detail.includes(email), problem.detail);
  await ok(acceptAs(token), 200);
});

test('P6 upper and lower case are one person: one access, one way in', async () => {
  const { email, token } = await invited({ primary_email: address('Mixed.Case').replace('mail.test', 'Mail.TEST') });
  await ok(acceptAs(token, { email: email.toUpperCase() }), 200);
  await signIn(firm.slug, 'portal', email.toLowerCase());
  await signIn(firm.slug, 'portal', email.toUpperCase());
  const twin = await newContact(staff, await newClient(staff), { primary_email: email.toLowerCase() });
  await refused(enable(staff, twin), 409, 'login_email_taken');
});

test('P8 each sending has a token and an expiry of its own, and the one before says superseded', async () => {
  const one = await invited();
  await later(3600);
  const after = await sink.mark();
  const sent = await ok(resend(staff, one.id), 202);
  const [mail] = await sink.mails(one.email, { after });
  assert.notEqual(tokenOf(mail), one.token);
  const old = await read(one.id);
  assert.equal(old.status, 'superseded');
  assert.ok(Date.parse(sent.expires_at ?? '') > Date.parse(old.expires_at ?? ''));
  assert.deepEqual(
    old.deliveries.map((d) => [d.sent_to, d.outcome]),
    [[one.email, 'sent']],
  );
  await refused(preview(one.token), 410, 'invitation_revoked');
  await ok(acceptAs(tokenOf(mail)), 200);
  assert.equal((await read(sent.id)).status, 'accepted');
});

test('P9 P10 P42 a first mail that failed: told with what the server said, not tried by itself, tried again on the same invitation', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const email = contact.primary_email ?? '';
  await ok(staff.api.PATCH('/v1/firm', { body: { reinvite_mode: 'cycle' } }), 200);
  try {
    await sink.misbehave({ at: 'rcpt', code: 550, text: '5.1.1 no such user', to: email });
    const on = await ok(enable(staff, contact), 200);
    assert.deepEqual([on.invitation?.status, on.invitation?.delivery], ['queued', 'queued'], 'never "sent" in the answer');
    const id = on.invitation?.id ?? '';
    await eventually(async () => assert.equal((await read(id)).status, 'bounced'));
    const told = await read(id);
    assert.deepEqual(told.deliveries.map((d) => d.outcome), ['permanent']);
    assert.match(told.deliveries[0]?.response ?? '', /no such user/);
    await sink.misbehave();
    const after = await sink.mark();
    const again = await ok(resend(staff, id), 202);
    assert.deepEqual([again.id, again.status, again.send_count], [id, 'queued', 2]);
    const [mail] = await sink.mails(email, { after });
    await eventually(async () =>
      assert.deepEqual((await read(id)).deliveries.map((d) => d.outcome), ['permanent', 'sent']),
    );
    const problem = await refused(resend(staff, id), 429, 'resend_too_soon');
    assert.ok(problem);
    await accept(tokenOf(mail), firm.slug, email);
  } finally {
    await sink.misbehave();
    await ok(staff.api.PATCH('/v1/firm', { body: { reinvite_mode: 'resend' } }), 200);
  }
});

test('P14 two persons with one mailbox: both may have the address, one signs in with it, the other is told what to do', async () => {
  const client = await newClient(staff);
  const ann = await newPortalUser(firm, client);
  const ben = await newContact(staff, client, { primary_email: ann.email });
  const problem = await refused(enable(staff, ben), 409, 'login_email_taken', ['/login_email login_email_taken']);
  assert.match(problem.errors[0]?.message ?? '', /another/);
  const own = address('ben');
  await patchContact(staff, ben, { emails: [ann.email, own] });
  assert.equal((await ok(enable(staff, ben, { send: 'later', login_email: own }), 200)).login_email, own);
});

test('P15 a contact whose access is on stays, and all that hangs on it is told; author names stay', async () => {
  const client = await newClient(staff);
  await newContact(staff, client);
  const user = await newPortalUser(firm, client);
  const { id: document_id } = await ok(portalUpload(user, undefined), 201);
  const gone = () =>
    staff.api.DELETE('/v1/contacts/{contact_id}', { params: { path: { contact_id: user.contact.id } } });
  const problem = await refused(gone(), 409, 'portal_access_on');
  assert.deepEqual(
    problem.errors.map((e) => e.code),
    ['portal_access_on', 'shared_items'],
  );
  assert.match(problem.errors[1]?.message ?? '', /\b1 items/);
  const open = await invited();
  const also = await refused(
    staff.api.DELETE('/v1/contacts/{contact_id}', { params: { path: { contact_id: open.contact.id } } }),
    409,
    'portal_access_on',
  );
  assert.ok(also.errors.some((e) => e.code === 'open_invitation'));
  await ok(disable(staff, user.contact), 200);
  await ok(gone(), 204);
  const kept = await ok(staff.api.GET('/v1/documents/{document_id}', { params: { path: { document_id } } }), 200);
  assert.deepEqual(kept.uploaded_by, { type: 'contact', id: user.contact.id, name: user.contact.display_name });
  const log = await ok(staff.api.GET('/v1/audit_log', { params: { query: { object_id: document_id } } }), 200);
  assert.deepEqual(log.data.map((e) => [e.action, e.actor?.name]), [['document.created', user.contact.display_name]]);
});

test('P17 sharing with somebody whose access is off says to switch it on', async () => {
  const client = await newClient(staff);
  const contact = await newContact(staff, client);
  const folder = await newFolder(staff, client);
  const problem = await refused(share(staff, 'folder', folder, [contact]), 409, 'contact_without_portal_access');
  assert.match(problem.detail, /on first/);
});

test('P45 an invitation to somebody of the staff opens the portal and nothing of the staff’s', async () => {
  const colleague = await newColleague(firm);
  const { token, email } = await invited({ primary_email: colleague.email });
  const user = await accept(token, firm.slug, email);
  assert.equal(user.session.audience, 'portal');
  assert.deepEqual(user.session.permissions, []);
  await refused(user.api.GET('/v1/clients'), 403, 'permission_denied');
  await ok(colleague.api.GET('/v1/clients'), 200);
  assert.equal((await signIn(firm.slug, 'staff', email)).session.audience, 'staff');
});

test('C14 a bare address that a business has is refused: it is no person’s', async () => {
  const client = await newClient(staff);
  const shop = await newContact(staff, client, { entity: 'business' });
  await refused(
    staff.api.POST('/v1/invitations', {
      params: { header: { 'Idempotency-Key': key() } },
      body: { email: shop.primary_email ?? '', client_id: client.id, send: 'now' },
    }),
    422,
    'not_eligible',
  );
});

test('P9 promise: 200 who accept at once are one; looking, by GET and HEAD too, uses nothing up', async () => {
  const { token } = await invited();
  for (const method of ['GET', 'HEAD'])
    for (const path of ['/v1/invitations/accept', '/v1/invitations/preview', '/accept']) {
      const all = await Promise.all(Array.from({ length: 25 }, () => fetch(stack.url + path, { method })));
      const wanted = path === '/accept' ? 200 : 405;
      // The edge lets few calls of mailed tokens through in a second.
      assert.ok(
        all.every((a) => [wanted, 429].includes(a.status)),
        `${method} ${path}: ${all.map((a) => a.status)}`,
      );
    }
  await ok(preview(token), 200);
  await oneWins(() => acceptAs(token), '200', ['410 invitation_used']);
  await refused(acceptAs(token), 410, 'invitation_used');
});

test('C3 the address changes while the invitation is open: the link dies, the staff are told, and send it when it is right', async () => {
  const one = await invited();
  const fresh = address('moved');
  const after = await sink.mark();
  await patchContact(staff, one.contact, { display_name: 'Ann Baker' });
  await ok(preview(one.token), 200);
  await patchContact(staff, one.contact, { primary_email: fresh });
  await refused(preview(one.token), 410, 'invitation_revoked');
  assert.equal((await read(one.id)).status, 'revoked');
  const on = await access(staff, one.contact);
  assert.deepEqual([on.status, on.invitation?.status, on.invitation?.email], ['not_sent', 'not_sent', fresh]);
  const [told] = await sink.mails(staff.email, { after });
  assert.match(told?.subject ?? '', /Ann Baker/);
  assert.equal((await settled(firm, fresh, after)).length, 0);
  await ok(resend(staff, on.invitation?.id ?? ''), 202);
  const [mail] = await sink.mails(fresh, { after });
  await accept(tokenOf(mail), firm.slug, fresh);
  assert.equal((await access(staff, one.contact)).login_email, fresh);
});

test('C3 the team is told before the owner; another address but the invited one matters to nobody', async () => {
  const colleague = await newColleague(firm);
  const client = await newClient(staff);
  await ok(
    staff.api.PUT('/v1/clients/{client_id}/team/{staff_id}', {
      params: { path: { client_id: client.id, staff_id: colleague.session.principal.id } },
    }),
    204,
  );
  const contact = await newContact(staff, client);
  const email = contact.primary_email ?? '';
  const after = await sink.mark();
  await ok(enable(staff, contact), 200);
  const [mail] = await sink.mails(email, { after });
  await patchContact(staff, contact, { emails: [email, address('second')] });
  await ok(preview(tokenOf(mail)), 200);
  await patchContact(staff, contact, { emails: [], primary_email: null });
  await refused(preview(tokenOf(mail)), 410, 'invitation_revoked');
  await sink.mails(colleague.email, { after });
  assert.equal((await settled(firm, staff.email, after)).length, 0);
  assert.equal((await access(staff, contact)).invitation?.status, 'revoked');
});

test('C3 in a firm that wants it so, the new address is invited at once; one that is taken is not', async () => {
  await ok(staff.api.PATCH('/v1/firm', { body: { on_pending_email_change: 'revoke_and_resend' } }), 200);
  try {
    const one = await invited();
    const fresh = address('moved');
    const after = await sink.mark();
    await ok(enable(staff, one.contact, { send: 'later', primary_email: fresh }), 200);
    const [mail] = await sink.mails(fresh, { after });
    await refused(preview(one.token), 410, 'invitation_revoked');
    assert.equal((await read(one.id)).status, 'superseded');
    await accept(tokenOf(mail), firm.slug, fresh);
    const two = await invited();
    await patchContact(staff, two.contact, { primary_email: fresh });
    const on = await access(staff, two.contact);
    assert.deepEqual([on.status, on.ineligible_reasons], ['not_sent', ['login_email_taken']]);
    await refused(preview(two.token), 410, 'invitation_revoked');
  } finally {
    await ok(staff.api.PATCH('/v1/firm', { body: { on_pending_email_change: 'revoke_and_notify_staff' } }), 200);
  }
});
