// access.test.ts - portal access of a contact: the statements of S0 about turning it on and off.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  accept, acceptAs, access, address, advance, disable, emails, enable, invite, link, login, newClient, newColleague, newContact,
  newFirm, newOffice, newPortalUser, ok, patchContact, portalUpload, preview, refused, resend, settled, share, signIn, sink,
  stack, tokenOf, took, upload, uploadFolder, type Firm, type Person,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('access')));

const ELIGIBLE = { eligible: true, ineligible_reasons: [] };

test('S0_1 access works for a client who is a person and for any contact of a client; before it nothing, after it what is shared', async () => {
  for (const entity of ['individual', 'business'] as const) {
    const client = await newClient(staff, { entity });
    const contact = await newContact(staff, client);
    const off = await access(staff, contact);
    assert.deepEqual([off.status, off.login_email, off.invitation], ['off', null, null]);
    await refused(login(firm, contact.primary_email ?? ''), 401, 'invalid_credentials');
    const mark = await sink.mark();
    await ok(enable(staff, contact), 200);
    const [mail] = await sink.mails(contact.primary_email ?? '', { after: mark });
    const user = await accept(tokenOf(mail), firm.slug, contact.primary_email ?? '');
    const folders = await ok(user.api.GET('/v1/portal/folders'), 200);
    assert.deepEqual(
      folders.data.map((f) => f.client.id),
      [client.id],
    );
    assert.equal((await access(staff, contact)).status, 'active');
  }
});

test('S0_2 a contact that is no individual is refused', async () => {
  const client = await newClient(staff);
  await newContact(staff, client);
  const shop = await newContact(staff, client, { entity: 'business' });
  await refused(enable(staff, shop), 422, 'not_eligible', ['/entity contact_not_individual']);
  assert.equal((await access(staff, shop)).status, 'off');
});

test('S0_3 a contact without a primary address is refused, and several reasons come in one reply', async () => {
  const client = await newClient(staff);
  const ann = await newContact(staff, client, { primary_email: null });
  await refused(enable(staff, ann), 422, 'not_eligible', ['/primary_email primary_email_missing']);
  const shop = await newContact(staff, undefined, { entity: 'business', primary_email: null });
  const problem = await refused(enable(staff, shop), 422, 'not_eligible');
  assert.deepEqual(problem.errors.map((e) => e.code).sort(), [
    'contact_not_individual',
    'no_client_relationship',
    'primary_email_missing',
  ]);
});

test('S0_4 a business client opens through a related individual, and says so when it has none', async () => {
  const client = await newClient(staff, { entity: 'business' });
  const shop = await newContact(staff, client, { entity: 'business' });
  const problem = await refused(enable(staff, shop), 422, 'not_eligible');
  assert.deepEqual(problem.errors.map((e) => e.code).sort(), ['contact_not_individual', 'no_individual_contact']);
  const person = await newContact(staff);
  await refused(enable(staff, person), 422, 'not_eligible', ['/clients no_client_relationship']);
  await link(staff, client, person);
  await ok(enable(staff, person, { send: 'later' }), 200);
});

test('S0_4 a portal user without any relationship signs in and sees an empty list', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  await newContact(staff, client);
  await ok(
    staff.api.DELETE('/v1/clients/{client_id}/contacts/{contact_id}', {
      params: { path: { client_id: client.id, contact_id: user.contact.id } },
    }),
    204,
  );
  const again = await signIn(firm.slug, 'portal', user.email);
  assert.deepEqual(again.session.clients, []);
  assert.deepEqual((await ok(again.api.GET('/v1/portal/home'), 200)).clients, []);
  assert.deepEqual((await ok(again.api.GET('/v1/portal/folders'), 200)).data, []);
  assert.deepEqual((await ok(again.api.GET('/v1/portal/documents'), 200)).data, []);
});

test('S0_7 the client list and the contact list lead to the same access', async () => {
  const client = await newClient(staff, { entity: 'individual' });
  const contact = await newContact(staff, client);
  const byClient = await ok(staff.api.GET('/v1/contacts', { params: { query: { client_id: client.id } } }), 200);
  const byEmail = await ok(
    staff.api.GET('/v1/contacts', { params: { query: { email: contact.primary_email ?? '' } } }),
    200,
  );
  assert.deepEqual([byClient.data[0]?.id, byEmail.data[0]?.id], [contact.id, contact.id]);
  assert.equal((await access(staff, contact)).contact_id, contact.id);
  const user = await newPortalUser(firm, client);
  await refused(enable(user, contact), 403, 'permission_denied');
});

test('S0_9 the primary address is set in the same request, or not at all', async () => {
  const client = await newClient(staff);
  const contact = await newContact(staff, client, { primary_email: null });
  const primary_email = address('fresh');
  const on = await ok(enable(staff, contact, { send: 'now', primary_email }), 200);
  assert.deepEqual([on.status, on.login_email, on.invitation?.sent_to], ['invited', primary_email, primary_email]);
  const got = await ok(
    staff.api.GET('/v1/contacts/{contact_id}', { params: { path: { contact_id: contact.id } } }),
    200,
  );
  assert.deepEqual([got.primary_email, got.emails], [primary_email, [primary_email]]);
  const shop = await newContact(staff, client, { entity: 'business', primary_email: null });
  await refused(enable(staff, shop, { send: 'now', primary_email: address() }), 422, 'not_eligible', [
    '/entity contact_not_individual',
  ]);
  assert.equal(
    (await ok(staff.api.GET('/v1/contacts/{contact_id}', { params: { path: { contact_id: shop.id } } }), 200))
      .primary_email,
    null,
  );
});

test('a login address that is neither on the contact nor given is refused', async () => {
  const contact = await newContact(staff, await newClient(staff), { emails: ['second@mail.test'] });
  await refused(enable(staff, contact, { send: 'later', login_email: address('stranger') }), 422, 'not_eligible', [
    '/login_email email_not_on_contact',
  ]);
  const on = await ok(enable(staff, contact, { send: 'later', login_email: 'second@mail.test' }), 200);
  assert.equal(on.login_email, 'second@mail.test');
  const twin = await newContact(staff, await newClient(staff), { primary_email: 'second@mail.test' });
  await refused(enable(staff, twin), 409, 'login_email_taken');
  assert.deepEqual((await access(staff, twin)).ineligible_reasons, ['login_email_taken']);
});

test('S0_10 the access tells state, eligibility, login, last invitation with its delivery, registration and last sign-in', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const off = await access(staff, contact);
  assert.deepEqual({ eligible: off.eligible, ineligible_reasons: off.ineligible_reasons }, ELIGIBLE);
  const email = contact.primary_email ?? '';
  const mark = await sink.mark();
  const on = await ok(enable(staff, contact), 200);
  assert.deepEqual(
    [on.status, on.registration_status, on.invitation?.delivery, on.invitation?.send_count],
    ['invited', 'not_registered', 'queued', 1],
  );
  const [mail] = await sink.mails(email, { after: mark });
  await settled(firm, email, mark);
  const sent = await access(staff, contact);
  assert.deepEqual(
    [sent.invitation?.status, sent.invitation?.delivery, sent.invitation?.sent_to, sent.last_sign_in_at],
    ['sent', 'sent', email, null],
  );
  assert.ok(sent.invitation?.sent_at);
  await accept(tokenOf(mail), firm.slug, email);
  const active = await access(staff, contact);
  assert.deepEqual(
    [active.status, active.registration_status, active.invitation?.status],
    ['active', 'registered', 'accepted'],
  );
  assert.ok(active.last_sign_in_at);
});

test('S0_11 turning on what is on changes nothing and sends no second mail', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const mark = await sink.mark();
  const one = await ok(enable(staff, contact), 200);
  const two = await ok(enable(staff, contact), 200);
  assert.equal(two.invitation?.id, one.invitation?.id);
  assert.equal(two.invitation?.send_count, 1);
  assert.equal((await settled(firm, contact.primary_email ?? '', mark)).length, 1);
  assert.equal((await emails(staff, contact)).length, 1);
});

test('S0_12 and S0_13 what keeps access off is told beforehand, with the field to mend, and is what the call refuses', async () => {
  const shop = await newContact(staff, undefined, { entity: 'business', primary_email: null });
  const told = await access(staff, shop);
  assert.equal(told.eligible, false);
  const problem = await refused(enable(staff, shop), 422, 'not_eligible');
  assert.deepEqual(problem.errors.map((e) => e.code).sort(), [...told.ineligible_reasons].sort());
  const places = Object.fromEntries(problem.errors.map((e) => [e.code, e.pointer]));
  assert.deepEqual(places, {
    contact_not_individual: '/entity',
    primary_email_missing: '/primary_email',
    no_client_relationship: '/clients',
  });
  assert.ok(problem.errors.every((e) => e.message.length > 10));
  await patchContact(staff, shop, { entity: 'individual', primary_email: address() });
  await link(staff, await newClient(staff), shop);
  const mended = await access(staff, shop);
  assert.deepEqual({ eligible: mended.eligible, ineligible_reasons: mended.ineligible_reasons }, ELIGIBLE);
});

test('S0_14 turning on must say whether the invitation goes now or later', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const problem = await refused(enable(staff, contact, {} as never), 422, 'validation_failed');
  assert.deepEqual(
    problem.errors.map((e) => e.pointer),
    ['/send'],
  );
  assert.equal((await access(staff, contact)).status, 'off');
});

test('S0_15 now: exactly one mail, of the same transaction; refused: none', async () => {
  const client = await newClient(staff);
  const contact = await newContact(staff, client);
  await ok(enable(staff, contact), 200);
  const queued = await emails(staff, contact);
  assert.deepEqual(
    queued.map((m) => [m.kind, m.to]),
    [['invitation', [contact.primary_email]]],
  );
  const [one] = await stack.sql(
    `select m.xmin::text = v.xid::text as together from envelope e
    join membership m on m.firm_id = e.firm_id and m.id = e.membership_id
    join event v on v.firm_id = e.firm_id and v.id = e.event_id
    where e.firm_id = $1 and e.to_email = $2`,
    [firm.id, contact.primary_email],
  );
  assert.equal(one.together, true, 'what asks for the mail is of the transaction that made the access');
  const twin = await newContact(staff, client, { primary_email: contact.primary_email });
  await refused(enable(staff, twin), 409, 'login_email_taken');
  assert.deepEqual(await emails(staff, twin), []);
  assert.equal((await settled(firm, contact.primary_email ?? '', 0)).length, 1);
});

test('S0_16 and S0_17 later: no mail, access is on, and the invitation can be sent any time while nobody registered', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const email = contact.primary_email ?? '';
  const on = await ok(enable(staff, contact, { send: 'later' }), 200);
  assert.equal(on.status, 'not_sent');
  assert.ok(on.invitation === null || on.invitation.status === 'not_sent');
  assert.deepEqual(await emails(staff, contact), []);
  const sent = await ok(invite(staff, { contact_id: contact.id, send: 'now' }), 201);
  assert.equal(sent.status, 'queued');
  const [mail] = await sink.mails(email);
  assert.equal((await access(staff, contact)).status, 'invited');
  await accept(tokenOf(mail), firm.slug, email);
  await refused(invite(staff, { contact_id: contact.id, send: 'now' }), 409, 'already_registered');
});

test('C17, P4 who has registered gets a further client by an invitation: no new account, no second password, and is told', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const credential = () => stack.sql('select id, password_hash from identity where email_key = $1', [user.email]);
  const before = await credential();
  const further = (client_id: string, send: 'now' | 'later', contact_id?: string) =>
    invite(staff, { ...(contact_id ? { contact_id } : { email: user.email }), client_id, send });
  const clientsSeen = async () =>
    (await ok(user.api.GET('/v1/portal/folders'), 200)).data.map((folder) => folder.client.id).sort();
  const [told, quiet] = [await newClient(staff), await newClient(staff)];
  const after = await sink.mark();
  const got = await ok(further(told.id, 'now'), 201);
  assert.deepEqual([got.status, got.client_id, got.email, got.send_count], ['accepted', told.id, user.email, 1]);
  const later = await ok(further(quiet.id, 'later', user.contact.id), 201);
  assert.deepEqual([later.status, later.client_id, later.sent_at, later.send_count], ['accepted', quiet.id, null, 0]);
  const seen = await clientsSeen();
  assert.ok(seen.includes(told.id) && seen.includes(quiet.id) && seen.length === 3, `${seen}`);
  await refused(further(told.id, 'now'), 409, 'already_registered');
  const mails = await settled(firm, user.email, after);
  assert.deepEqual(mails.map((mail) => mail.subject), [`${firm.name} has shared the folder "Client Uploads" with you`]);
  assert.ok(mails[0]?.text.includes(told.name) && !mails[0].links.some((url) => url.includes('/accept')), mails[0]?.text);
  assert.deepEqual(await credential(), before);
  assert.equal((await access(staff, user.contact)).source, 'manual');
  await signIn(firm.slug, 'portal', user.email);
});

/** Whose address it is, and is not the oldest contact's who has it. */
const KNOWN: Record<string, (client: { id: string }) => Promise<{ contact: { id: string }; email: string }>> = {
  'P14 of two who share a mailbox the one who signs in with it': async (client) => {
    const email = address('mailbox');
    await newContact(staff, client, { primary_email: email });
    return newPortalUser(firm, client, { primary_email: email });
  },
  'P4 whoever signs in with an address that the contact has no more': async (client) => {
    const user = await newPortalUser(firm, client);
    await patchContact(staff, user.contact, { primary_email: address('moved'), emails: [] });
    return user;
  },
};
for (const [name, make] of Object.entries(KNOWN))
  test(`C17 ${name} gets a further client by an invitation at the address`, async () => {
    const { contact, email } = await make(await newClient(staff));
    const further = await newClient(staff);
    const got = await ok(invite(staff, { email, client_id: further.id, send: 'later' }), 201);
    assert.deepEqual([got.status, got.contact_id, got.client_id], ['accepted', contact.id, further.id]);
  });

test('S0_18 the mail has exactly one registration link, in both parts, on the configured host', async () => {
  const contact = await newContact(staff, await newClient(staff));
  await ok(enable(staff, contact), 200);
  const [mail] = await sink.mails(contact.primary_email ?? '');
  const portal = stack.env['PORTICO_PUBLIC_URL'] ?? stack.url;
  const of = (links: string[]) => [...new Set(links.filter((l) => l.includes('/accept')))];
  assert.equal(of(mail?.links ?? []).length, 1);
  assert.deepEqual(of(mail?.htmlLinks ?? []), of(mail?.links ?? []));
  assert.ok(of(mail?.links ?? [])[0]?.startsWith(`${portal}/accept#`), `${mail?.links}`);
  assert.match(mail?.headers['auto-submitted'] ?? '', /auto-generated/);
  assert.match(mail?.text ?? '', new RegExp(contact.display_name));
  assert.ok(mail?.text.includes(firm.name) && mail.html.includes(firm.name.replace('&', '&amp;')), mail?.html);
});

test('S0_20 resend goes to the present primary address, kills the old token, and ends with the registration', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const [old, fresh] = [contact.primary_email ?? '', address('moved')];
  await ok(enable(staff, contact), 200);
  const [first] = await sink.mails(old);
  await patchContact(staff, contact, { primary_email: fresh });
  const invitation = (await access(staff, contact)).invitation;
  await advance(3600);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  const sent = await ok(resend(staff, invitation?.id ?? ''), 202);
  assert.deepEqual([sent.status, sent.sent_to, sent.email], ['queued', fresh, fresh]);
  assert.ok((sent.expires_at ?? '') > (invitation?.expires_at ?? ''));
  const [second] = await sink.mails(fresh);
  await refused(preview(tokenOf(first)), 410, 'invitation_revoked');
  await accept(tokenOf(second), firm.slug, fresh);
  const on = await access(staff, contact);
  assert.deepEqual([on.status, on.login_email], ['active', fresh]);
  await refused(resend(staff, sent.id), 409, 'already_registered');
  await refused(resend(staff, invitation?.id ?? ''), 409, 'already_registered');
});

test('S0_21 without a folder that takes uploads: 409, and the home page says so', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  assert.equal((await ok(user.api.GET('/v1/portal/home'), 200)).can_upload, true);
  const folder = await uploadFolder(staff, client);
  await ok(staff.api.DELETE('/v1/folders/{folder_id}', { params: { path: { folder_id: folder.id } } }), 204);
  assert.equal((await ok(user.api.GET('/v1/portal/home'), 200)).can_upload, false);
  await refused(portalUpload(user, undefined), 409, 'no_upload_folder');
});

test('S0_22 a portal user adds no folders, whichever way', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  const folder = await uploadFolder(staff, client);
  await refused(
    user.api.POST('/v1/folders', { body: { client_id: client.id, name: 'Mine' } }),
    403,
    'permission_denied',
  );
  await refused(
    user.api.PATCH('/v1/folders/{folder_id}', { params: { path: { folder_id: folder.id } }, body: { name: 'Mine' } }),
    403,
    'permission_denied',
  );
  const nested = await portalUpload(user, folder, 'new/folder/file.txt');
  if (nested.data) assert.doesNotMatch(nested.data.name, /\//);
  else assert.equal(nested.response.status, 422);
  assert.equal(
    (await ok(staff.api.GET('/v1/folders', { params: { query: { client_id: client.id } } }), 200)).data.length,
    1,
  );
});

test('S0_23 staff make folders, in folders, at most 20 deep', async () => {
  const client = await newClient(staff);
  let parent_id: string | null = null;
  for (let deep = 1; deep <= 20; deep++) {
    const folder: { id: string; parent_id: string | null } = await ok(
      staff.api.POST('/v1/folders', { body: { client_id: client.id, parent_id, name: `Level ${deep}` } }),
      201,
    );
    assert.equal(folder.parent_id, parent_id);
    parent_id = folder.id;
  }
  await refused(
    staff.api.POST('/v1/folders', { body: { client_id: client.id, parent_id, name: 'Too deep' } }),
    422,
    'folder_too_deep',
  );
});

test('changing the contact never changes the login; what differs is told', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const fresh = address('new');
  await patchContact(staff, user.contact, { primary_email: fresh, display_name: 'Ann Baker' });
  const told = await access(staff, user.contact);
  assert.deepEqual(
    [told.login_email, told.display_name, [...told.stale_fields].sort()],
    [user.email, user.contact.display_name, ['display_name', 'login_email']],
  );
  await signIn(firm.slug, 'portal', user.email);
  await refused(login(firm, fresh), 401, 'invalid_credentials');
});

test('another login address issues the access anew and keeps the shares', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  const folder = await ok(staff.api.POST('/v1/folders', { body: { client_id: client.id, name: 'Kept' } }), 201);
  await ok(share(staff, 'folder', folder, [user.contact]), 201);
  const fresh = address('new');
  const mark = await sink.mark();
  const on = await ok(enable(staff, user.contact, { send: 'now', primary_email: fresh, login_email: fresh }), 200);
  assert.deepEqual([on.login_email, on.status, on.registration_status], [fresh, 'invited', 'not_registered']);
  await refused(user.api.GET('/v1/portal/home'), 401, 'unauthenticated');
  const [mail] = await sink.mails(fresh, { after: mark });
  const again = await accept(tokenOf(mail), firm.slug, fresh);
  const folders = await ok(again.api.GET('/v1/portal/folders'), 200);
  assert.deepEqual(folders.data.map((f) => f.name).sort(), ['Client Uploads', 'Kept']);
  await stack.sql("update firm set reinvite_mode = 'cycle' where id = $1", [firm.id]);
  try {
    await refused(
      enable(staff, user.contact, { send: 'now', primary_email: address('third'), login_email: user.email }),
      409,
      'reinvite_requires_cycle',
    );
  } finally {
    await stack.sql("update firm set reinvite_mode = 'resend' where id = $1", [firm.id]);
  }
});

test('off: the sessions end, the shares are given back, documents stay; off twice is 404; on again shares nothing by itself', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  const folder = await ok(staff.api.POST('/v1/folders', { body: { client_id: client.id, name: 'Was shared' } }), 201);
  const document = await ok(upload(staff, folder), 201);
  await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  await ok(share(staff, 'document', document, [user.contact], 'view', false), 201);
  const was = await ok(disable(staff, user.contact), 200);
  assert.equal(was.next_cursor, null);
  assert.deepEqual(was.data.map((s) => s.item_type).sort(), ['document', 'folder', 'folder']);
  await refused(user.api.GET('/v1/auth/session'), 401, 'unauthenticated');
  await refused(disable(staff, user.contact), 404, 'not_found');
  assert.equal((await access(staff, user.contact)).status, 'off');
  assert.deepEqual(
    (await ok(staff.api.GET('/v1/shares', { params: { query: { contact_id: user.contact.id } } }), 200)).data,
    [],
  );
  await ok(staff.api.GET('/v1/documents/{document_id}', { params: { path: { document_id: document.id } } }), 200);
  const mark = await sink.mark();
  await ok(enable(staff, user.contact), 200);
  const [mail] = await sink.mails(user.email, { after: mark });
  const again = await accept(tokenOf(mail), firm.slug, user.email);
  const folders = await ok(again.api.GET('/v1/portal/folders'), 200);
  assert.deepEqual(
    folders.data.map((f) => f.name),
    ['Client Uploads'],
  );
});

test('off needs the right to see what is shared; else how many things, never which', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  const folder = await ok(
    staff.api.POST('/v1/folders', { body: { client_id: client.id, name: 'Very secret folder' } }),
    201,
  );
  await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  await stack.sql("delete from role_permission where role = 'member' and permission = 'documents:read'");
  try {
    const member = await newColleague(firm);
    const denied = await refused(member.api.GET('/v1/folders'), 403, 'permission_denied');
    assert.deepEqual(denied.required_scopes, ['documents:read']);
    const problem = await refused(disable(member, user.contact), 403, 'shared_items_not_accessible');
    assert.match(problem.detail, /\b2\b/);
    assert.doesNotMatch(JSON.stringify(problem), /secret/);
    await ok(user.api.GET('/v1/portal/home'), 200);
  } finally {
    await stack.sql("insert into role_permission (role, permission) values ('member', 'documents:read')");
  }
  await ok(disable(await newColleague(firm), user.contact), 200);
});

test('off while invited: the open invitation dies with it', async () => {
  const contact = await newContact(staff, await newClient(staff));
  await ok(enable(staff, contact), 200);
  const [mail] = await sink.mails(contact.primary_email ?? '');
  await ok(disable(staff, contact), 200);
  await refused(preview(tokenOf(mail)), 410, 'invitation_revoked');
});

test('one firm turning access off does not touch another firm', async () => {
  const other = await newFirm('elsewhere');
  const email = address('both');
  const here = await newPortalUser(firm, await newClient(staff), { primary_email: email });
  const contact = await newContact(other.owner, await newClient(other.owner), { primary_email: email });
  const mark = await sink.mark();
  await ok(enable(other.owner, contact), 200);
  const [mail] = await sink.mails(email, { after: mark });
  const token = tokenOf(mail);
  assert.equal((await ok(preview(token), 200)).credential, 'existing');
  await refused(acceptAs(token, { password: 'another password entirely' }), 401, 'invalid_credentials');
  const there = await accept(token, other.slug, email);
  await ok(disable(staff, here.contact), 200);
  await refused(here.api.GET('/v1/portal/home'), 401, 'unauthenticated');
  assert.equal((await ok(there.api.GET('/v1/portal/home'), 200)).firm.name, other.name);
  await signIn(other.slug, 'portal', email);
  assert.ok((await took(there.api.GET('/v1/me'), 200)).etag);
});

test('the ETag of the access tells of its mail and of the contact; If-Match guards it', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const read = () =>
    took(
      staff.api.GET('/v1/contacts/{contact_id}/portal_access', { params: { path: { contact_id: contact.id } } }),
      200,
    );
  const off = await read();
  await ok(enable(staff, contact), 200);
  const late = staff.api.DELETE('/v1/contacts/{contact_id}/portal_access', {
    params: { path: { contact_id: contact.id }, header: { 'If-Match': off.etag } },
  });
  await refused(late, 412, 'version_changed');
  await settled(firm, contact.primary_email ?? '', 0);
  const sent = await read();
  assert.equal(sent.data.invitation?.status, 'sent');
  await patchContact(staff, contact, { display_name: 'Ann Baker' });
  const renamed = await read();
  assert.deepEqual(renamed.data.stale_fields, ['display_name']);
  assert.notEqual(renamed.etag, sent.etag);
});

test('who signs in with a chosen address is asked for nothing of the one they share', async () => {
  const client = await newClient(staff);
  const [shared, own] = [address(), address()];
  const contact = await newContact(staff, client, { primary_email: shared, emails: [shared, own] });
  await ok(enable(staff, contact, { send: 'later', login_email: own }), 200);
  await ok(enable(staff, await newContact(staff, client, { primary_email: shared }), { send: 'later' }), 200);
  assert.deepEqual((await access(staff, contact)).ineligible_reasons, []);
  assert.equal((await ok(enable(staff, contact), 200)).login_email, own);
  assert.equal((await ok(enable(staff, contact), 200)).status, 'invited');
});
