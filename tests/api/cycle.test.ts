// cycle.test.ts - the statements of S2: portal access off, on again, with the address and the name that the contact has then.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  accept, acceptAs, access, address, advance, askMail, disable, emails, enable, invite as inviteAs, login, newClient, newContact, newFolder, newOffice,
  newPortalUser, nobody, ok, patchContact, portalUpload, preview, refused, resend, setSignIn, settled, share, signIn, sink, stack,
  tokenOf, uploadFolder, uuidOf, type Firm, type Mail, type Person,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('cycle')));

/** The membership behind a sign-in address: another one after each cycle. */
const memberOf = async (email: string): Promise<string | undefined> =>
  (await stack.sql("select id from membership where firm_id = $1 and kind = 'portal' and login_email = $2", [firm.id, email]))[0]
    ?.id;
/** Time goes on, and the staff sign in again. */
async function later(seconds: number): Promise<void> {
  await advance(seconds);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
}
/** Turn access on with a mail, and give the mail. */
async function invite(contact: { id: string }, to: string, body: object = {}): Promise<Mail | undefined> {
  const after = await sink.mark();
  await ok(enable(staff, contact, { send: 'now', ...body }), 200);
  return (await sink.mails(to, { after }))[0];
}

test('S2_1 a lost or expired invitation: 410 that says how to get a new one, which is then sent', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const email = contact.primary_email ?? '';
  const first = await invite(contact, email);
  const { expires_at, sent_at } = (await access(staff, contact)).invitation ?? assert.fail();
  assert.equal(Date.parse(expires_at ?? '') - Date.parse(sent_at ?? ''), 7 * 24 * 3600_000);
  await later(7 * 24 * 3600 + 1);
  const problem = await refused(preview(tokenOf(first)), 410, 'invitation_expired');
  assert.match(problem.detail, /ask the firm to send a new one/);
  const on = await access(staff, contact);
  assert.deepEqual([on.status, on.invitation?.status], ['expired', 'expired']);
  const after = await sink.mark();
  await ok(resend(staff, on.invitation?.id ?? ''), 202);
  const [second] = await sink.mails(email, { after });
  await refused(preview(tokenOf(first)), 410, 'invitation_revoked');
  await accept(tokenOf(second), firm.slug, email);
});

test('S2_1 the firm says how long an invitation lives', async () => {
  await ok(staff.api.PATCH('/v1/firm', { body: { invitation_ttl_hours: 2 } }), 200);
  try {
    const contact = await newContact(staff, await newClient(staff));
    const mail = await invite(contact, contact.primary_email ?? '');
    await ok(preview(tokenOf(mail)), 200);
    await later(2 * 3600);
    await refused(preview(tokenOf(mail)), 410, 'invitation_expired');
  } finally {
    await ok(staff.api.PATCH('/v1/firm', { body: { invitation_ttl_hours: 168 } }), 200);
  }
});

test('S2_6 S2_8 S2_10 S2_13 S2_43 off: read, switched off, read again; the firm keeps what the person wrote', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  const sent = await ok(portalUpload(user, await uploadFolder(staff, client)), 201);
  assert.deepEqual([(await access(staff, user.contact)).status, (await access(staff, user.contact)).login_email], [
    'active',
    user.email,
  ]);
  await ok(disable(staff, user.contact), 200);
  const off = await access(staff, user.contact);
  assert.deepEqual(
    [off.status, off.login_email, off.display_name, off.registration_status, off.last_sign_in_at, off.stale_fields],
    ['off', null, null, 'not_registered', null, []],
  );
  const kept = await ok(
    staff.api.GET('/v1/documents/{document_id}', { params: { path: { document_id: sent.id } } }),
    200,
  );
  assert.equal(kept.uploaded_by.name, user.contact.display_name);
  const log = await ok(staff.api.GET('/v1/audit_log', { params: { query: { object_id: sent.id } } }), 200);
  assert.ok(log.data.some((entry) => entry.action === 'document.created'));
  assert.deepEqual(
    (await emails(staff, user.contact)).map((mail) => mail.kind),
    ['invitation'],
    'removal mails nobody (C11)',
  );
});

test('S2_11 P18 off ends sessions and open links in the same transaction: nothing begins after the answer', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const second = await signIn(firm.slug, 'portal', user.email);
  const [link, word] = [await askMail(firm, user, 'magic_links'), await askMail(firm, user, 'password_resets')];
  await setSignIn(firm, 'password');
  const [{ membership }] = await stack.sql('select membership_id as membership from share where firm_id = $1 and contact_id = $2', [
    firm.id,
    uuidOf(user.contact.id),
  ]);
  let done = 0;
  const codes: { late: boolean; status: number }[] = [];
  const poll = async (person: Person) => {
    for (let turn = 0; turn < 60; turn++) {
      const began = done;
      const { response } = await person.api.GET('/v1/portal/home');
      codes.push({ late: began > 0, status: response.status });
    }
  };
  const polls = [poll(user), poll(second)];
  await ok(disable(staff, user.contact), 200);
  done = 1;
  await Promise.all(polls);
  await refused(user.api.GET('/v1/portal/home'), 401, 'unauthenticated');
  await refused(second.api.GET('/v1/auth/session'), 401, 'unauthenticated');
  assert.ok(codes.every((c) => (c.late ? c.status === 401 : [200, 401].includes(c.status))), JSON.stringify(codes));
  await refused(login(firm, user.email), 401, 'invalid_credentials');
  await refused(nobody().POST('/v1/auth/refresh', { body: { refresh_token: user.refresh } }), 401, 'refresh_token_invalid');
  const redeem = { token: word.token, new_password: 'eleven dry storks stay put' };
  await refused(nobody().POST('/v1/auth/password_resets/redeem', { body: redeem }), 410, 'token_expired');
  await refused(nobody().POST('/v1/auth/magic_links/redeem', { body: { token: link.token, transport: 'token' } }), 401, 'invalid_code');
  for (const table of ['session', 'share', 'mailed_token'])
    assert.deepEqual(await stack.sql(`select from ${table} where firm_id = $1 and membership_id = $2`, [firm.id, membership]), [], table);
});

test('S2_7 in a firm that wants the cycle a bare resend is refused, and the cycle invites anew', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const email = contact.primary_email ?? '';
  const old = await invite(contact, email);
  const id = (await access(staff, contact)).invitation?.id ?? '';
  await later(3600);
  await ok(staff.api.PATCH('/v1/firm', { body: { reinvite_mode: 'cycle' } }), 200);
  try {
    await refused(resend(staff, id), 409, 'reinvite_requires_cycle');
    await ok(disable(staff, contact), 200);
    await refused(preview(tokenOf(old)), 410, 'invitation_revoked');
    await accept(tokenOf(await invite(contact, email)), firm.slug, email);
  } finally {
    await ok(staff.api.PATCH('/v1/firm', { body: { reinvite_mode: 'resend' } }), 200);
  }
});

test('S2_14 S2_17 S2_18 on again is another membership, and its invitation another link', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const was = await memberOf(user.email);
  await ok(disable(staff, user.contact), 200);
  assert.equal(await memberOf(user.email), undefined);
  const after = await sink.mark();
  await ok(enable(staff, user.contact, { send: 'later' }), 200);
  const now = await memberOf(user.email);
  assert.ok(now && was && now !== was);
  assert.deepEqual(await settled(firm, user.email, after), []);
  await refused(user.api.GET('/v1/portal/home'), 401, 'unauthenticated');
  await ok(inviteAs(staff, { contact_id: user.contact.id, send: 'now' }), 201);
  const mails = await sink.mails(user.email, { after });
  assert.equal(mails.length, 1);
  await accept(tokenOf(mails[0]), firm.slug, user.email, 'another pair of wet herons');
});

test('S2_14 a link of before the cycle stays dead after it', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const email = contact.primary_email ?? '';
  const old = await invite(contact, email);
  await ok(disable(staff, contact), 200);
  const fresh = await invite(contact, email);
  assert.notEqual(tokenOf(fresh), tokenOf(old));
  for (const reply of [preview(tokenOf(old)), acceptAs(tokenOf(old))]) await refused(reply, 410, 'invitation_revoked');
  await accept(tokenOf(fresh), firm.slug, email);
});

test('S2_15 S2_29 the sign-in address is one of the contact’s own; the primary one unless another is chosen', async () => {
  const second = address('second');
  const contact = await newContact(staff, await newClient(staff), { emails: [second] });
  await refused(enable(staff, contact, { send: 'later', login_email: address('stranger') }), 422, 'not_eligible', [
    '/login_email email_not_on_contact',
  ]);
  await refused(enable(staff, contact, { send: 'later', login_email: 'no address' }), 422, 'validation_failed', [
    '/login_email invalid_email',
  ]);
  const by = await ok(enable(staff, contact, { send: 'later' }), 200);
  assert.equal(by.login_email, contact.primary_email);
  await ok(disable(staff, contact), 200);
  const chosen = await ok(enable(staff, contact, { send: 'now', login_email: second.toUpperCase() }), 200);
  assert.equal(chosen.invitation?.sent_to?.toLowerCase(), second);
  assert.deepEqual(chosen.stale_fields, ['login_email']);
});

test('S2_15 S0_20 before registration the chosen address is invited while the contact has it, then the present primary one', async () => {
  const [first, chosen, last] = [address('first'), address('chosen'), address('last')];
  const contact = await newContact(staff, await newClient(staff), { primary_email: chosen });
  await ok(enable(staff, contact, { send: 'later' }), 200);
  await patchContact(staff, contact, { primary_email: first, emails: [first, chosen] });
  const invitedAt = async (body: object = {}) => (await ok(enable(staff, contact, { send: 'now', ...body }), 200)).invitation?.sent_to;
  assert.equal(await invitedAt({ login_email: chosen }), chosen, 'as asked, though it was the primary one before');
  await patchContact(staff, contact, { emails: [first] });
  assert.equal(await invitedAt(), first);
  await patchContact(staff, contact, { primary_email: last, emails: [last, first, chosen] });
  assert.equal(await invitedAt(), last, 'what was chosen ended with the address');
});

for (const send of ['later', 'now'] as const)
  test(`C3 invited ${send}, the sign-in address follows the contact’s, and the one of before is free for whoever has it`, async () => {
    const [wrong, right] = [address('wrong'), address('right')];
    const contact = await newContact(staff, await newClient(staff), { primary_email: wrong });
    await ok(enable(staff, contact, { send }), 200);
    const patched = await patchContact(staff, contact, { primary_email: right, emails: [right] });
    const on = await access(staff, contact);
    assert.deepEqual(
      [patched.portal_login_differs, on.status, on.login_email, on.stale_fields, on.invitation?.email, on.invitation?.status],
      [false, 'not_sent', right, [], right, 'not_sent'],
    );
    const owner = await newPortalUser(firm, await newClient(staff), { primary_email: wrong });
    assert.equal((await access(staff, owner.contact)).login_email, wrong);
    await accept(tokenOf(await invite(contact, right)), firm.slug, right);
  });

test('S2_4 S2_25 S2_27 another address of the contact changes no sign-in: the old one works, the new one does not, and it is told', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const fresh = address('new');
  assert.equal(user.contact.portal_login_differs, false);
  const patched = await patchContact(staff, user.contact, { primary_email: fresh, emails: [fresh] });
  assert.equal(patched.portal_login_differs, true);
  const drift = await ok(staff.api.GET('/v1/contacts', { params: { query: { portal_login_differs: true } } }), 200);
  assert.ok(drift.data.some((c) => c.id === user.contact.id), 'C4: whoever has drifted is found');
  await ok(login(firm, user.email), 200);
  await refused(login(firm, fresh), 401, 'invalid_credentials');
  const told = await access(staff, user.contact);
  assert.deepEqual([told.login_email, told.stale_fields], [user.email, ['login_email']]);
  const folder = await newFolder(staff, user.contact.clients[0] ?? assert.fail());
  const after = await sink.mark();
  await ok(share(staff, 'folder', folder, [user.contact]), 201);
  const [mail] = await sink.mails(user.email, { after });
  assert.equal(mail?.to, user.email, 'C4: notices go where the person signs in');
});

test('S2_28 S2_30 S2_31 S2_32 S2_33 S2_34 S2_35 S2_36 S2_37 S2_38 S2_39 the cycle, and it alone, gives another sign-in address; the old one is free', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  const folder = await newFolder(staff, client, { name: 'Year end' });
  await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  const fresh = address('new');
  await patchContact(staff, user.contact, { primary_email: fresh, emails: [fresh] });
  const was = await ok(disable(staff, user.contact), 200);
  assert.deepEqual(was.data.map((s) => s.item_name).sort(), ['Client Uploads', 'Year end']);
  const mail = await invite(user.contact, fresh, { login_email: fresh });
  await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  const again = await accept(tokenOf(mail), firm.slug, fresh, 'another pair of wet herons');
  assert.deepEqual(
    (await ok(again.api.GET('/v1/portal/folders'), 200)).data.map((f) => f.name).sort(),
    ['Client Uploads', 'Year end'],
  );
  await refused(login(firm, user.email), 401, 'invalid_credentials');
  const heir = await newPortalUser(firm, await newClient(staff), { primary_email: user.email });
  assert.equal((await access(staff, heir.contact)).login_email, user.email);
  assert.deepEqual(
    (await ok(heir.api.GET('/v1/portal/folders'), 200)).data.map((f) => f.name),
    ['Client Uploads'],
  );
});

test('S2_5 S2_40 S2_41 S2_42 a name is a snapshot: new items carry the old one until the cycle, and old items keep it', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client, { display_name: 'Ann Archer' });
  const folder = await uploadFolder(staff, client);
  const one = await ok(portalUpload(user, folder), 201);
  await patchContact(staff, user.contact, { display_name: 'Ann Baker' });
  assert.deepEqual((await access(staff, user.contact)).stale_fields, ['display_name']);
  const two = await ok(portalUpload(user, folder), 201);
  await ok(disable(staff, user.contact), 200);
  const again = await accept(tokenOf(await invite(user.contact, user.email)), firm.slug, user.email);
  const three = await ok(portalUpload(again, folder), 201);
  const authors = [];
  for (const { id } of [one, two, three])
    authors.push(
      (await ok(staff.api.GET('/v1/documents/{document_id}', { params: { path: { document_id: id } } }), 200))
        .uploaded_by.name,
    );
  assert.deepEqual(authors, ['Ann Archer', 'Ann Archer', 'Ann Baker']);
  const on = await access(staff, user.contact);
  assert.deepEqual([on.display_name, on.stale_fields], ['Ann Baker', []]);
});
