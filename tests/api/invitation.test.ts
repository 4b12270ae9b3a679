// invitation.test.ts - invitations: by contact or address, looked at, accepted once, sent again, revoked, expired.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  accept, acceptAs, access, address, advance, emails, eventually, invite as inviteAs, inviteStaff, link, login, newClient, newContact, newFirm,
  newOffice, ok, preview, raw, refused, resend, rolesOf, settled, signIn, sink, stack, tokenOf, took, PASSWORD, type Firm,
  type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('invitation')));

const invite = (body: Schema['InvitationIn']) => inviteAs(staff, body);
const revoke = (id: string) =>
  staff.api.DELETE('/v1/invitations/{invitation_id}', { params: { path: { invitation_id: id } } });
const read = (id: string) =>
  ok(staff.api.GET('/v1/invitations/{invitation_id}', { params: { path: { invitation_id: id } } }), 200);

/** A contact who has been invited, and the token that went to them. */
async function invited(): Promise<{ contact: Schema['Contact']; email: string; token: string; id: string }> {
  const contact = await newContact(staff, await newClient(staff));
  const email = contact.primary_email ?? '';
  const made = await ok(invite({ contact_id: contact.id, send: 'now' }), 201);
  const [mail] = await sink.mails(email);
  return { contact, email, token: tokenOf(mail), id: made.id };
}

test('an invitation of a contact turns access on, and is queued, never sent, in the answer', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const made = await took(invite({ contact_id: contact.id, send: 'now' }), 201);
  assert.equal(made.headers.get('location'), `/v1/invitations/${made.data.id}`);
  assert.deepEqual(
    [made.data.status, made.data.delivery, made.data.audience, made.data.contact_id, made.data.send_count],
    ['queued', 'queued', 'portal', contact.id, 1],
  );
  const on = await access(staff, contact);
  assert.deepEqual([on.status, on.source], ['invited', 'invitation']);
  await settled(firm, contact.primary_email ?? '', 0);
  const sent = await read(made.data.id);
  assert.deepEqual([sent.status, sent.delivery], ['sent', 'sent']);
});

test('a bare address with a client makes the contact; without a client, or with both, it is refused', async () => {
  const client = await newClient(staff);
  const email = address('bare');
  const made = await ok(invite({ email, client_id: client.id, send: 'now' }), 201);
  const found = await ok(staff.api.GET('/v1/contacts', { params: { query: { email } } }), 200);
  assert.deepEqual(
    found.data.map((c) => [c.id, c.entity, c.primary_email, c.clients[0]?.id]),
    [[made.contact_id, 'individual', email, client.id]],
  );
  const again = await ok(invite({ email: address('bare2'), client_id: client.id, send: 'later' }), 201);
  assert.equal(again.status, 'not_sent');
  await refused(invite({ email: address(), send: 'now' }), 422, 'validation_failed');
  await refused(invite({ send: 'now' }), 422, 'validation_failed');
  await refused(
    invite({ email, contact_id: made.contact_id ?? '', client_id: client.id, send: 'now' }),
    422,
    'validation_failed',
  );
  await refused(invite({ contact_id: 'con_00000000000000000000000001', send: 'now' }), 422, 'validation_failed');
});

test('who is not eligible is not invited, for all reasons at once', async () => {
  const shop = await newContact(staff, undefined, { entity: 'business', primary_email: null });
  const problem = await refused(invite({ contact_id: shop.id, send: 'now' }), 422, 'not_eligible');
  assert.deepEqual(problem.errors.map((e) => e.code).sort(), [
    'contact_not_individual',
    'no_client_relationship',
    'primary_email_missing',
  ]);
  const one = await invited();
  const twin = await newContact(staff, await newClient(staff), { primary_email: one.email });
  await refused(invite({ contact_id: twin.id, send: 'now' }), 409, 'login_email_taken');
});

test('Idempotency-Key is required to invite and to send again', async () => {
  const one = await invited();
  const got = await raw('/v1/invitations', {
    method: 'POST',
    as: staff,
    json: { contact_id: one.contact.id, send: 'now' },
  });
  assert.equal(`${got.status} ${got.json.code}`, '400 idempotency_key_required');
  const again = await raw(`/v1/invitations/${one.id}/resend`, { method: 'POST', as: staff });
  assert.equal(`${again.status} ${again.json.code}`, '400 idempotency_key_required');
});

test('looking never consumes, not even a hundred times', async () => {
  const { token, email } = await invited();
  for (let i = 0; i < 100; i++) assert.equal((await ok(preview(token), 200)).requires_password, true);
  await accept(token, firm.slug, email);
  await refused(preview(token), 410, 'invitation_used');
  await refused(acceptAs(token), 410, 'invitation_used');
});

test('one of twenty who accept at once gets in', async () => {
  const { token } = await invited();
  const all = await Promise.all(Array.from({ length: 20 }, () => acceptAs(token)));
  const codes = all.map((a) => a.response.status);
  assert.equal(codes.filter((code) => code === 200).length, 1, codes.join());
  // Hashing has a bounded queue: who does not fit into it is told to come back.
  assert.ok(
    codes.every((code) => [200, 410, 503].includes(code)),
    codes.join(),
  );
  await refused(acceptAs(token), 410, 'invitation_used');
});

test('whoever is signed in as somebody else is told so, with a hint that gives nothing away', async () => {
  const { token, email } = await invited();
  const other = await invited();
  const person = await accept(other.token, firm.slug, other.email);
  const got = await raw('/v1/invitations/accept', {
    method: 'POST',
    as: person,
    json: { token, password: PASSWORD, transport: 'token' },
  });
  assert.equal(`${got.status} ${got.json.code}`, '403 signed_in_as_other');
  assert.ok(!JSON.stringify(got.json).includes(email), JSON.stringify(got.json));
  await ok(acceptAs(token), 200);
});

test('a token that was never one is 404', async () => {
  const { token } = await invited();
  const last = token.endsWith('A') ? 'B' : 'A';
  for (const wrong of [token.slice(0, -1) + last, token.slice(0, 40), 'x', '', token.split('').reverse().join('')])
    for (const reply of [preview(wrong), acceptAs(wrong)]) {
      const got = await reply;
      assert.ok([404, 422].includes(got.response.status), `${wrong}: ${got.response.status}`);
    }
});

test('the password must be there and strong; all is said before anything is consumed', async () => {
  const { token, email } = await invited();
  await refused(acceptAs(token, { password: undefined }), 422, 'password_required');
  for (const password of ['short1', 'password', 'passwort123', email, 'x'.repeat(129)])
    await refused(acceptAs(token, { password }), 422, 'password_too_weak');
  await accept(token, firm.slug, email);
});

test('S0_19 the invited chooses a password for the invited address; another address is refused while registration_email is locked', async () => {
  const { token, email } = await invited();
  await refused(acceptAs(token, { email: address('other') }), 422, 'email_mismatch');
  await ok(acceptAs(token, { email: email.toUpperCase(), name: 'Ann of the Hill' }), 200);
});

describe('C7 S0_19 where the firm lets the invited choose, the address they choose is proved first', () => {
  const choose = (registration_email: 'locked' | 'free') => ok(staff.api.PATCH('/v1/firm', { body: { registration_email } }), 200);
  before(() => choose('free'));
  after(() => choose('locked'));

  /** What is answered to whoever types an address, and the token of the mail that it leads to. */
  async function typed(token: string, email: string): Promise<string> {
    const mark = await sink.mark();
    const asked = await ok(acceptAs(token, { email, password: undefined }), 200);
    assert.deepEqual([asked.state, asked.session, asked.access_token, asked.mfa_token], ['confirm_address', null, null, null]);
    const [mail] = await sink.mails(email, { after: mark });
    assert.match(mail?.subject ?? '', /^Confirm your address/);
    return tokenOf(mail);
  }

  test('S2_29 the second mail accepts: the person signs in with it, and the contact has it', async () => {
    const { token, email, contact } = await invited();
    const other = address('Other');
    assert.equal((await ok(preview(token), 200)).email_locked, false);
    const second = await typed(token, other);
    assert.equal((await access(staff, contact)).status, 'invited');
    const seen = await ok(preview(second), 200);
    assert.deepEqual([seen.email, seen.credential], [other, 'new']);
    await refused(acceptAs(second, { password: undefined }), 422, 'password_required');
    await accept(second, firm.slug, other);
    await refused(preview(token), 410, 'invitation_used');
    await refused(acceptAs(second), 410, 'invitation_used');
    await signIn(firm.slug, 'portal', other);
    await refused(login(firm, email), 401, 'invalid_credentials');
    const now = await ok(staff.api.GET('/v1/contacts/{contact_id}', { params: { path: { contact_id: contact.id } } }), 200);
    assert.deepEqual(now.emails, [email, other]);
    assert.equal((await access(staff, contact)).login_email, other);
    assert.deepEqual(
      (await emails(staff, contact)).map((mail) => mail.kind),
      ['invitation', 'address_confirmation'],
    );
  });

  test('P9 of two that were typed the last one counts, and the invited one as long as none was proved', async () => {
    const { token, email } = await invited();
    const first = await typed(token, address('first'));
    const second = await typed(token, address('second'));
    await refused(acceptAs(first), 410, 'invitation_revoked');
    await ok(preview(second), 200);
    await accept(token, firm.slug, email);
    await refused(acceptAs(second), 410, 'invitation_used');
  });

  test('P9 what was mailed is dead once the firm wants the invited address, and when the invitation is', async () => {
    const { token, id } = await invited();
    const second = await typed(token, address('late'));
    await choose('locked');
    await refused(preview(second), 410, 'invitation_revoked');
    await choose('free');
    await ok(preview(second), 200);
    await ok(revoke(id), 204);
    await refused(acceptAs(second), 410, 'invitation_revoked');
    await refused(acceptAs(token, { email: address('later') }), 410, 'invitation_revoked');
  });

  test('P4 P10 an address that somebody has is answered alike; a person of this firm keeps it, one of another proves it', async () => {
    const [taken, known, elsewhere] = [await invited(), await invited(), await newFirm('elsewhere')];
    await accept(taken.token, firm.slug, taken.email);
    const { token } = await invited();
    await refused(acceptAs(await typed(token, taken.email)), 409, 'login_email_taken');
    const second = await typed(known.token, elsewhere.owner.email);
    assert.equal((await ok(preview(second), 200)).credential, 'existing');
    await refused(acceptAs(second, { password: 'another pass phrase here' }), 401, 'invalid_credentials');
    await accept(second, firm.slug, elsewhere.owner.email);
  });

  test('P10 an address that mail came back from is answered alike and gets none: staff see that, and the invited one still does', async () => {
    const { token, email, contact } = await invited();
    const other = address('gone');
    await stack.sql("insert into suppression values ($1, $2, 'bounced', now())", [firm.id, other]);
    assert.equal((await ok(acceptAs(token, { email: other, password: undefined }), 200)).state, 'confirm_address');
    assert.deepEqual(await settled(firm, other, 0), []);
    const mail = (await emails(staff, contact)).at(-1);
    assert.deepEqual([mail?.kind, mail?.to, mail?.status], ['address_confirmation', [other], 'suppressed']);
    await accept(token, firm.slug, email);
  });

  test('a few addresses a day, and none for the staff', async () => {
    const { token } = await invited();
    for (let i = 0; i < 5; i++) await ok(acceptAs(token, { email: address(`typed${i}`) }), 200);
    await refused(acceptAs(token, { email: address('typed') }), 429, 'too_many_attempts');
    const colleague = await inviteStaff(staff, (await rolesOf(firm)).member);
    assert.equal((await ok(preview(colleague.token), 200)).email_locked, true);
    await refused(acceptAs(colleague.token, { email: address('other') }), 422, 'email_mismatch');
  });
});

test('the cookie transport signs in by cookie', async () => {
  const { token } = await invited();
  const got = await raw('/v1/invitations/accept', {
    method: 'POST',
    headers: { origin: stack.url },
    json: { token, password: PASSWORD, transport: 'cookie' },
  });
  assert.equal(got.status, 200);
  assert.equal(got.json.access_token, null);
  assert.match(got.headers.get('set-cookie') ?? '', /^__Host-session=cps_/);
});

test('revoked: the token is dead, the state says so, and twice is 409', async () => {
  const one = await invited();
  await settled(firm, one.email, 0);
  const got = await took(
    staff.api.GET('/v1/invitations/{invitation_id}', { params: { path: { invitation_id: one.id } } }),
    200,
  );
  await refused(
    staff.api.DELETE('/v1/invitations/{invitation_id}', {
      params: { path: { invitation_id: one.id }, header: { 'If-Match': '"other"' } },
    }),
    412,
    'version_changed',
  );
  await ok(
    staff.api.DELETE('/v1/invitations/{invitation_id}', {
      params: { path: { invitation_id: one.id }, header: { 'If-Match': got.etag } },
    }),
    204,
  );
  assert.equal((await read(one.id)).status, 'revoked');
  await refused(preview(one.token), 410, 'invitation_revoked');
  await refused(acceptAs(one.token), 410, 'invitation_revoked');
  await refused(revoke(one.id), 409, 'invitation_closed');
  await refused(resend(staff, one.id), 409, 'invitation_closed');
});

test('resend: too soon is 429 with the time to wait; then a new token, and the old one is dead', async () => {
  const one = await invited();
  const soon = await resend(staff, one.id);
  assert.equal(`${soon.response.status} ${soon.error?.code}`, '429 resend_too_soon');
  const wait = Number(soon.response.headers.get('retry-after'));
  assert.ok(wait > 0 && wait <= 3600, `${wait}`);
  await refused(invite({ contact_id: one.contact.id, send: 'now' }), 429, 'resend_too_soon');
  await advance(wait + 1);
  const mark = await sink.mark();
  const sent = await ok(resend(staff, one.id), 202);
  assert.deepEqual([sent.status, sent.send_count], ['queued', 2]);
  const [mail] = await sink.mails(one.email, { after: mark });
  assert.notEqual(tokenOf(mail), one.token);
  await refused(preview(one.token), 410, 'invitation_revoked');
  await accept(tokenOf(mail), firm.slug, one.email);
  await refused(resend(staff, sent.id), 409, 'already_registered');
  await refused(resend(staff, one.id), 409, 'already_registered');
  assert.equal((await settled(firm, one.email, 0)).length, 2);
});

test('S2_7 in the firm whose mode is cycle a bare resend is refused, whichever call asks for it', async () => {
  const one = await invited();
  await advance(3600);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  await stack.sql("update firm set reinvite_mode = 'cycle' where id = $1", [firm.id]);
  try {
    for (const again of [resend(staff, one.id), invite({ contact_id: one.contact.id, send: 'now' })])
      await refused(again, 409, 'reinvite_requires_cycle');
    assert.equal((await ok(invite({ contact_id: one.contact.id, send: 'later' }), 201)).id, one.id, 'nothing is sent');
  } finally {
    await stack.sql("update firm set reinvite_mode = 'resend' where id = $1", [firm.id]);
  }
});

for (const before of ['later', 'now'] as const)
  test(`S2_15 invited ${before}, then at another of their addresses: the mail goes there, and a link of before is dead`, async () => {
    const second = address('second');
    const contact = await newContact(staff, await newClient(staff), { emails: [second] });
    const first = await ok(invite({ contact_id: contact.id, send: before }), 201);
    const after = await sink.mark();
    const sent = await ok(invite({ email: second, client_id: contact.clients[0]?.id ?? '', send: 'now' }), 201);
    assert.deepEqual([sent.email, sent.sent_to, (await read(first.id)).status], [second, second, 'superseded']);
    const [mail] = await sink.mails(second, { after });
    const user = await accept(tokenOf(mail), firm.slug, second);
    assert.equal((await access(staff, contact)).login_email, user.email);
  });

test('expired: 410 with what to do, the access says so, and resend revives it', async () => {
  const one = await invited();
  await advance(7 * 24 * 3600 + 60);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  const problem = await refused(preview(one.token), 410, 'invitation_expired');
  assert.match(problem.detail, /new/i);
  await refused(acceptAs(one.token), 410, 'invitation_expired');
  assert.equal((await access(staff, one.contact)).status, 'expired');
  const got = await took(
    staff.api.GET('/v1/invitations/{invitation_id}', { params: { path: { invitation_id: one.id } } }),
    200,
  );
  assert.equal(got.data.status, 'expired');
  const mark = await sink.mark();
  await ok(resend(staff, one.id), 202);
  const [mail] = await sink.mails(one.email, { after: mark });
  await accept(tokenOf(mail), firm.slug, one.email);
});

test('lists by status, client and contact', async () => {
  const client = await newClient(staff);
  const made = await ok(invite({ email: address(), client_id: client.id, send: 'later' }), 201);
  const find = async (query: object) =>
    (await ok(staff.api.GET('/v1/invitations', { params: { query } }), 200)).data.map((i) => i.id);
  assert.deepEqual(await find({ contact_id: made.contact_id }), [made.id]);
  assert.deepEqual(await find({ contact_id: made.contact_id, status: 'not_sent' }), [made.id]);
  assert.deepEqual(await find({ contact_id: made.contact_id, status: 'accepted' }), []);
  assert.deepEqual(await find({ client_id: client.id }), [made.id]);
});

test('whoever belongs to several clients is found by each of them', async () => {
  const [one, other] = [await newClient(staff), await newClient(staff)];
  const contact = await newContact(staff, one);
  await link(staff, other, contact);
  const made = await ok(invite({ contact_id: contact.id, client_id: one.id, send: 'later' }), 201);
  for (const query of [{ client_id: one.id }, { client_id: other.id }, { client_id: other.id, contact_id: contact.id }])
    assert.deepEqual(
      (await ok(staff.api.GET('/v1/invitations', { params: { query } }), 200)).data.map((i) => i.id),
      [made.id],
    );
});

test('a bounced invitation says bounced, is not tried again by itself, and the address is suppressed', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const email = contact.primary_email ?? '';
  await sink.misbehave({ at: 'rcpt', code: 550, text: '5.1.1 no such user', to: email });
  try {
    const made = await ok(invite({ contact_id: contact.id, send: 'now' }), 201);
    await eventually(async () => assert.equal((await read(made.id)).status, 'bounced'));
    const [mail] = await emails(staff, contact);
    assert.equal(mail?.status, 'bounced');
    assert.match(mail?.error ?? '', /no such user/);
    assert.equal((await access(staff, contact)).invitation?.delivery, 'bounced');
  } finally {
    await sink.misbehave();
  }
});

test('a deferred invitation says deferred, and goes out later', async () => {
  const contact = await newContact(staff, await newClient(staff));
  const email = contact.primary_email ?? '';
  await sink.misbehave({ at: 'rcpt', code: 451, to: email });
  let id = '';
  try {
    id = (await ok(invite({ contact_id: contact.id, send: 'now' }), 201)).id;
    await eventually(async () => assert.equal((await read(id)).status, 'deferred'));
  } finally {
    await sink.misbehave();
  }
  await advance(3600);
  const [mail] = await sink.mails(email);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  await eventually(async () => assert.equal((await read(id)).status, 'sent'));
  await accept(tokenOf(mail), firm.slug, email);
});
