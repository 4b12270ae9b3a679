// registration.test.ts - people who ask for access themselves: asked, confirmed, waiting, verified or deleted, expired.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract } from '../lib/recorder.mjs';
import { api } from '../lib/client.mjs';
import { ownAddress } from '../lib/wire.mjs';
import { fit, idsOf, newWorld } from '../lib/world.js';
import {
  access, address, advance, all, confirmTokenOf, doorMail, enable, eventually, login, look, newClient, newColleague, newContact,
  newFirm, newFolder, newKey, newOffice, newPending, newPortalUser, nobody, ok, oneWins, openDoor, portalUpload, raw, refused,
  register, setSignIn, settled, share, signIn, sink, stack, took, unique, PASSWORD, type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person, client: Schema['Client'];
before(async () => {
  ({ firm, staff, client } = await newOffice('registration'));
  await openDoor(firm);
});

const at = (registration_id: string) => ({ params: { path: { registration_id } } });
const confirm = (token: string, password = PASSWORD) => nobody().POST('/v1/registrations/confirm', { body: { token, password } });
const read = (id: string) => ok(staff.api.GET('/v1/registrations/{registration_id}', at(id)), 200);
const verify = (id: string, body: Schema['VerifyRegistrationIn'] = { create_contact: true, client_id: client.id }, as = staff) =>
  as.api.POST('/v1/registrations/{registration_id}/verify', { ...at(id), body });
const remove = (id: string, as = staff) => as.api.DELETE('/v1/registrations/{registration_id}', at(id));
const badge = async (as = staff) => (await ok(as.api.GET('/v1/me/badges'), 200)).pending_registrations;
const found = async (email: string, as = staff) =>
  (await ok(as.api.GET('/v1/registrations', { params: { query: { email } } }), 200)).data;
const kinds = async (email: string) =>
  (
    await stack.sql('select kind from envelope where firm_id = $1 and to_email = $2 order by created_at, id', [firm.id, email])
  ).map((e) => e.kind);

// ---- asking

test('S1_3 S1_6 the firm has a public link; off, it has none, and nobody can register, whatever the body', async () => {
  const shut = await newFirm('shut');
  const closed = await ok(nobody().GET('/v1/public/firm', { params: { query: { firm: shut.slug } } }), 200);
  assert.deepEqual([closed.self_registration, closed.registration_url], [false, null]);
  await refused(register(shut, address()), 403, 'self_registration_disabled');
  await refused(register(shut, 'no address', { name: '', password: 'x' }), 403, 'self_registration_disabled');
  await openDoor(shut);
  const open = await ok(nobody().GET('/v1/public/firm', { params: { query: { firm: shut.slug } } }), 200);
  assert.equal(open.self_registration, true);
  assert.equal(open.registration_url, `${open.portal_url}/register?firm=${shut.slug}`);
  assert.equal((await ok(shut.owner.api.GET('/v1/firm'), 200)).self_registration, true);
  await ok(register(shut, address()), 202);
});

test('S1_7 contact data and a password: all field errors at once, the password among them', async () => {
  await refused(register(firm, 'no address', { name: '', password: 'short' }), 422, 'validation_failed', [
    '/email invalid_email',
    '/name too_short',
    '/password password_too_weak',
  ]);
  await refused(register(firm, address(), { password: null }), 422, 'validation_failed', ['/password required']);
  const email = address('weak');
  for (const password of ['password', 'passwort123', email, firm.name, 'x'.repeat(129)])
    await refused(register(firm, email, { password }), 422, 'password_too_weak', ['/password password_too_weak']);
  await refused(register({ slug: 'nowhere' }, address()), 422, 'validation_failed', ['/firm not_found']);
  const none = await raw('/v1/registrations', { method: 'POST', json: { name: 'Ann', email, password: PASSWORD } });
  assert.equal(`${none.status} ${none.json.code}`, '422 firm_required');
  const more = await raw('/v1/registrations', { method: 'POST', json: { name: 'Ann', email, role: 'owner', firm: firm.slug } });
  assert.ok(more.json.errors.some((e: { pointer: string; code: string }) => `${e.pointer} ${e.code}` === '/role unknown_member'));
});

test('S1_9 exactly one confirmation mail, to the address, with a link that works once, and no word of the form', async () => {
  const email = address('once');
  await ok(register(firm, email, { name: 'Win a prize at evil.test', message: 'click evil.test' }), 202);
  const mails = await settled(firm, email, 0);
  assert.equal(mails.length, 1);
  assert.match(mails[0]?.links.join() ?? '', /\/confirm#[\w-]+/);
  assert.doesNotMatch(JSON.stringify(mails[0]), /evil/);
  assert.deepEqual(await kinds(email), ['registration_received']);
  const token = confirmTokenOf(mails[0]);
  for (let i = 0; i < 50; i++)
    for (const method of ['GET', 'HEAD']) {
      const got = await fetch(`${stack.url}/v1/registrations/confirm?token=${token}`, { method });
      assert.equal(got.status, 405);
    }
  assert.equal((await found(email))[0]?.status, 'unconfirmed');
  await ok(confirm(token), 204);
  await refused(confirm(token), 410, 'token_used');
  assert.equal((await settled(firm, email, 0)).length, 1);
});

test('P9 of two hundred who confirm at once one does; what was never a token is 404', async () => {
  const email = address('race');
  await setSignIn(firm, 'both');
  await ok(register(firm, email, { password: null }), 202);
  await setSignIn(firm, 'password');
  const token = confirmTokenOf((await sink.mails(email))[0]);
  await oneWins(() => confirm(token), '204', ['410 token_used']);
  assert.equal((await stack.sql("select from event where firm_id = $1 and type = 'registration.pending' and object_id = (select id from registration where email = $2)", [firm.id, email])).length, 1);
  const last = token.endsWith('A') ? 'B' : 'A';
  await refused(confirm(token.slice(0, -1) + last), 404, 'not_found');
  await refused(confirm('x'), 404, 'not_found');
});

test('the owner of an address that a stranger registered opens nothing to the stranger: the password is asked for', async () => {
  const email = address('claimed');
  await ok(register(firm, email, { password: 'eleven dry storks stay put' }), 202);
  const token = confirmTokenOf((await sink.mails(email))[0]);
  await refused(nobody().POST('/v1/registrations/confirm', { body: { token } }), 422, 'validation_failed', ['/password required']);
  await refused(confirm(token), 401, 'invalid_credentials');
  await refused(login(firm, email, 'eleven dry storks stay put'), 401, 'invalid_credentials');
  assert.equal((await found(email))[0]?.status, 'unconfirmed', 'a wrong password uses nothing up');
  const visitor = nobody();
  const guess = (password: string) => visitor.POST('/v1/registrations/confirm', { body: { token, password } });
  for (let i = 0; i < 10; i++) await refused(guess(PASSWORD), 401, 'invalid_credentials');
  await refused(guess('eleven dry storks stay put'), 429, 'too_many_attempts');
  await advance(15 * 60 + 1);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  await ok(confirm(token, 'eleven dry storks stay put'), 204);
  assert.equal((await ok(login(firm, email, 'eleven dry storks stay put'), 200)).state, 'pending_verification');
});

test('a newer request replaces the older one, and its link; a link is good for a day', async () => {
  const email = address('again');
  await ok(register(firm, email, { name: 'First Try' }), 202);
  const old = confirmTokenOf((await sink.mails(email))[0]);
  const mark = await sink.mark();
  await ok(register(firm, email, { name: 'Second Try' }), 202);
  const token = confirmTokenOf((await sink.mails(email, { after: mark }))[0]);
  assert.deepEqual((await found(email)).map((r) => `${r.name} ${r.status}`), ['First Try expired', 'Second Try unconfirmed']);
  await refused(confirm(old), 410, 'token_expired');
  await advance(24 * 3600 + 1);
  await refused(confirm(token), 410, 'token_expired');
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
});

test('P3 P10 an address that is known gets the same answer by the same statements, and only its owner is told', async () => {
  const user = await newPortalUser(firm, client);
  const invited = await newContact(staff, client);
  await ok(enable(staff, invited, { send: 'later' }), 200);
  const waiting = await newPending(firm);
  const fresh = address('fresh');
  const answers: string[] = [];
  for (const email of [fresh, user.email, invited.primary_email ?? '', waiting.email, staff.email]) {
    const mark = await sink.mark();
    const got = await raw('/v1/registrations', {
      method: 'POST',
      json: { firm: firm.slug, name: 'Some Body', email, password: PASSWORD },
    });
    const names = [...got.headers.keys()].sort().join();
    answers.push(`${got.status} ${names} ${got.body.length}`);
    const [mail, more] = await settled(firm, email, mark);
    assert.equal(more, undefined, email);
    if ([fresh, staff.email].includes(email)) assert.match(mail?.subject ?? '', /^Confirm your address/);
    else assert.match(`${mail?.subject} ${mail?.links}`, /^You already have an account .*\/signin/);
  }
  assert.equal(new Set(answers).size, 1, answers.join('\n'));
  assert.match(answers[0] ?? '', /^202 /);
  assert.equal((await found(user.email)).length, 0, 'nothing to see for the staff');
  await ok(login(firm, user.email), 200);
});

describe('P3 P10 the same work behind the answer, whoever has the address', () => {
  let known: string[];
  before(async () => {
    const invited = await newContact(staff, client);
    await ok(enable(staff, invited, { send: 'later' }), 200);
    known = [(await newPortalUser(firm, client)).email, invited.primary_email ?? '', (await newPending(firm)).email, staff.email];
  });
  after(() => setSignIn(firm, 'password'));

  for (const [way, password, hashes] of [
    ['password', PASSWORD, 1],
    ['both', null, 0],
    ['passwordless', null, 0],
  ] as const)
    test(`${way}, ${password ? 'with a password: one hash' : 'without a password: no hash'}`, async () => {
      await setSignIn(firm, way);
      const asked = (email: string) => look('/v1/registrations', { firm: firm.slug, name: 'Some Body', email, password });
      const fresh = await asked(address('fresh'));
      assert.deepEqual([fresh.status, fresh.hashes], [202, hashes]);
      for (const email of known) assert.deepEqual(await asked(email), fresh, email);
    });

  test('confirming: one hash where a password was chosen, right or wrong, and none where none was', async () => {
    for (const [way, password, hashes] of [['password', PASSWORD, 1], ['passwordless', null, 0]] as const) {
      await setSignIn(firm, way);
      const email = address('confirms');
      await ok(register(firm, email, { password }), 202);
      const token = confirmTokenOf((await sink.mails(email))[0]);
      if (password) {
        const wrong = await look('/v1/registrations/confirm', { token, password: 'eleven dry storks stay put' });
        assert.deepEqual([wrong.status, wrong.hashes], [401, hashes]);
      }
      const right = await look('/v1/registrations/confirm', { token, ...(password ? { password } : {}) });
      assert.deepEqual([right.status, right.hashes], [204, hashes]);
    }
  });
});

test('S3_4 S1_10 without passwords: none is taken, the link confirms, a mailed link signs in, first to wait and then to see', async () => {
  const own = await newFirm('wordless');
  await openDoor(own, { sign_in: 'passwordless' });
  const email = address('wordless');
  await refused(register(own, email), 422, 'validation_failed', ['/password not_allowed']);
  await ok(register(own, email, { password: null }), 202);
  const token = confirmTokenOf((await sink.mails(email))[0]);
  await ok(nobody().POST('/v1/registrations/confirm', { body: { token } }), 204);
  const link = async () => {
    const after = await sink.mark();
    await ok(nobody().POST('/v1/auth/magic_links', { body: { firm: own.slug, audience: 'portal', email } }), 202);
    return (await doorMail(email, '/m', after)).token;
  };
  const enter = async () =>
    ok(nobody().POST('/v1/auth/magic_links/redeem', { body: { token: await link(), transport: 'token' } }), 200);
  assert.equal((await enter()).state, 'pending_verification');
  const [waits] = (await ok(own.owner.api.GET('/v1/registrations'), 200)).data;
  const body = { create_contact: true, client_id: (await newClient(own.owner)).id };
  await ok(verify(waits?.id ?? '', body, own.owner), 200);
  assert.equal((await enter()).state, 'signed_in');
  const rows = await stack.sql('select 1 from identity where email = $1 and password_hash is not null', [email]);
  assert.equal(rows.length, 0);
});

test('P6 P7 upper and lower case are one person, twins in other scripts are refused, and mail goes to the address on file', async () => {
  const user = await newPortalUser(firm, client);
  const mark = await sink.mark();
  await ok(register(firm, user.email.toUpperCase()), 202);
  const [mail] = await settled(firm, user.email, mark);
  assert.match(mail?.subject ?? '', /^You already have an account/);
  const [row] = await stack.sql("select to_email from envelope where firm_id = $1 and to_email_key = $2 order by created_at desc limit 1", [firm.id, user.email]);
  assert.equal(row.to_email, user.email);
  for (const email of ['\u212Aate@mail.test', 'аnn@mail.test', 'ann\u200b@mail.test'])
    assert.equal((await register(firm, email)).response.status, 422, email);
});

test('S1_13 asking is bounded: for an address, from a place, and for the firm', async () => {
  const email = address('often');
  for (let i = 0; i < 5; i++) await ok(register(firm, email), 202);
  const sixth = await register(firm, email);
  assert.equal(`${sixth.response.status} ${sixth.error?.code}`, '429 too_many_attempts');
  assert.ok(Number(sixth.response.headers.get('retry-after')) > 3600);
  const known = await newPortalUser(firm, client);
  for (let i = 0; i < 5; i++) await ok(register(firm, known.email), 202);
  await refused(register(firm, known.email), 429, 'too_many_attempts');

  const small = await newFirm('small');
  await openDoor(small);
  const from = ownAddress();
  const here = api(stack.url, { from });
  const ask = () =>
    here.POST('/v1/registrations', { body: { firm: small.slug, name: 'Ann', email: address(), password: PASSWORD } });
  await stack.sql('delete from sign_in_attempt where firm_id = $1', [small.id]);
  await ok(ask(), 202);
  await stack.sql('update sign_in_attempt set failures = 30 where firm_id = $1', [small.id]);
  await refused(ask(), 429, 'too_many_attempts');

  await stack.sql(
    `insert into registration (firm_id, id, state, name, email, email_key, has_credential, nonce, expires_at, created_at, updated_at)
     select $1, gen_random_uuid(), 'pending', 'X', n || '@full.test', n || '@full.test', false, decode(repeat('00', 16), 'hex'),
       timestamptz '2100-01-01', timestamptz '2026-01-01', timestamptz '2026-01-01' from generate_series(1, 1000) n`,
    [small.id],
  );
  await refused(register(small, address()), 429, 'too_many_attempts');
});

test('an address that the firm has given access meanwhile is told to use that', async () => {
  const email = address('meanwhile');
  await ok(register(firm, email), 202);
  const token = confirmTokenOf((await sink.mails(email))[0]);
  const contact = await newContact(staff, client, { primary_email: email });
  await ok(enable(staff, contact), 200);
  await refused(confirm(token), 410, 'token_expired');
  assert.equal((await access(staff, contact)).status, 'invited');
});

// ---- waiting

test('S1_8 S1_10 who waits can sign in, is told so, and finds every other call closed', async () => {
  const waiting = await newPending(firm);
  assert.equal((await found(waiting.email))[0]?.status, 'pending');
  const result = await ok(login(firm, waiting.email), 200);
  assert.equal(result.state, 'pending_verification');
  assert.deepEqual([result.session?.clients, result.session?.permissions, result.session?.audience], [[], [], 'portal']);
  assert.equal(result.session?.principal.type, 'portal_user');
  const me = await ok(waiting.api.GET('/v1/portal/me'), 200);
  assert.deepEqual([me.state, me.email, me.firm_name], ['pending_verification', waiting.email, firm.name]);
  await refused(waiting.api.GET('/v1/portal/home'), 403, 'awaiting_verification');
  await refused(login(firm, waiting.email, 'not this password'), 401, 'invalid_credentials');
});

test('S1_10 S1_13 P39 every call of the portal and of the staff is 403 awaiting_verification to who waits, uploads too, and 0 bytes are stored', async () => {
  const world = await newWorld('waiting');
  await openDoor(world.firm);
  const waiting = await newPending(world.firm);
  const open = /^\/v1\/(auth|me|public|registrations$|registrations\/confirm|invitations\/(preview|accept)|setup|meta|test|portal\/me)/;
  let closed = 0;
  for (const operation of contract.operations) {
    const callers: string[] = operation.spec['x-callers'];
    if (['public', 'operator', 'test'].some((kind) => callers.includes(kind)) || open.test(operation.path)) continue;
    const fitted = fit(operation, idsOf(world));
    const got = await raw(fitted.path, {
      method: operation.method,
      as: waiting,
      headers: fitted.headers,
      ...(fitted.body === undefined ? {} : { body: fitted.body }),
    });
    assert.equal(got.status, 403, operation.id);
    if (operation.method !== 'HEAD') assert.equal(got.json.code, 'awaiting_verification', operation.id);
    closed++;
  }
  assert.ok(closed > 50, `${closed}`);
  await refused(waiting.api.GET('/v1/me/badges'), 403, 'awaiting_verification');
  const [row] = await stack.sql(
    'select count(*)::int as n from document d join membership m on m.firm_id = d.firm_id and m.id = d.uploaded_by_id where m.firm_id = $1 and m.login_email = $2',
    [world.firm.id, waiting.email],
  );
  assert.equal(row.n, 0);
});

test('S1_11 every active owner and admin gets exactly one mail, firm users and the suspended none', async () => {
  const busy = await newFirm('busy');
  await openDoor(busy);
  const [admin, member, gone] = [await newColleague(busy, 'admin'), await newColleague(busy), await newColleague(busy, 'admin')];
  await ok(busy.owner.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id: gone.session.principal.id } } }), 204);
  const mark = await sink.mark();
  const waiting = await newPending(busy, { name: 'Wanda Waits' });
  for (const [person, n] of [[busy.owner, 1], [admin, 1], [member, 0], [gone, 0]] as const) {
    const mails = await settled(busy, person.email, mark);
    assert.equal(mails.length, n, person.email);
    if (n) assert.match(`${mails[0]?.subject} ${mails[0]?.text}`, new RegExp(`Wanda Waits has registered[^]*${waiting.email}`));
  }
  await ok(busy.owner.api.DELETE('/v1/registrations/{registration_id}', at(waiting.id)), 204);
  assert.deepEqual((await settled(busy, waiting.email, mark)).length, 1, 'S1-18 the confirmation and nothing more');
});

test('P33 whoever of the staff asks for it is told of registrations too, an admin whatever he asks for', async () => {
  const busy = await newFirm('asked');
  await openDoor(busy);
  const [admin, member, off] = [await newColleague(busy, 'admin'), await newColleague(busy), await newColleague(busy)];
  const asks = (who: Person, email: boolean, digest: 'instant' | 'off' = 'instant') =>
    who.api.PUT('/v1/me/notification_preferences', { body: { digest, items: [{ event: 'registration_pending', email }] } });
  const told = async () => {
    const mark = await sink.mark();
    await newPending(busy);
    return Promise.all([admin, member, off].map(async (p) => (await settled(busy, p.email, mark)).length));
  };
  await refused(asks(admin, false), 422, 'validation_failed', ['/items/0/email mandatory']);
  await ok(asks(off, true, 'off'), 200);
  const chosen = await ok(asks(member, true), 200);
  assert.deepEqual(chosen.items[1], { event: 'registration_pending', email: true });
  assert.deepEqual(chosen.mandatory, ['staff_invitation']);
  assert.deepEqual(await told(), [1, 1, 0]);
  await ok(asks(member, false), 200);
  assert.deepEqual(await told(), [1, 0, 0]);
});

test('S1_14 the badge counts what waits, and falls at once when it is handled', async () => {
  const fresh = await newFirm('badge');
  await openDoor(fresh);
  const member = await newColleague(fresh);
  assert.equal(await badge(fresh.owner), 0);
  await ok(register(fresh, address()), 202);
  assert.equal(await badge(fresh.owner), 0, 'not confirmed yet');
  const one = await newPending(fresh);
  const two = await newPending(fresh);
  assert.deepEqual([await badge(fresh.owner), await badge(member)], [2, 2]);
  await ok(remove(one.id, member), 204);
  assert.equal(await badge(member), 1);
  await ok(verify(two.id, { create_contact: true, client_id: (await newClient(fresh.owner)).id }, fresh.owner), 200);
  assert.equal(await badge(member), 0);
  await refused(one.api.GET('/v1/me/badges'), 401, 'unauthenticated');
  await refused(two.api.GET('/v1/me/badges'), 403, 'permission_denied');
});

test('S1_15 the list is found by address and state', async () => {
  const waiting = await newPending(firm, { name: 'Lisa List', phone: '020 7946 0000', message: 'I am new here.\nPlease.' });
  const [one, more] = await found(waiting.email.toUpperCase());
  assert.equal(more, undefined);
  assert.deepEqual(
    [one?.id, one?.name, one?.email, one?.phone, one?.message, one?.status, one?.handled_by],
    [waiting.id, 'Lisa List', waiting.email, '020 7946 0000', 'I am new here.\nPlease.', 'pending', null],
  );
  assert.ok(one?.email_confirmed_at);
  const pending = await all((cursor) =>
    ok(staff.api.GET('/v1/registrations', { params: { query: { status: 'pending', limit: 2, ...(cursor ? { cursor } : {}) } } }), 200),
  );
  assert.ok(pending.some((r) => r.id === waiting.id));
  assert.ok(pending.every((r) => r.status === 'pending'));
  await refused(
    staff.api.GET('/v1/registrations', { params: { query: { email: 'x', status: 'lost' as 'pending' } } }),
    422,
    'validation_failed',
    ['?email invalid_email', '?status not_allowed'],
  );
  const first = await took(staff.api.GET('/v1/registrations/{registration_id}', at(waiting.id)), 200);
  const same = await raw(`/v1/registrations/${waiting.id}`, { as: staff, headers: { 'if-none-match': first.etag } });
  assert.equal(same.status, 304);
});

// ---- verified

test('S1_12 S1_17 verified by a firm user as a new contact: default rights, the open session sees more, exactly one mail', async () => {
  const member = await newColleague(firm);
  const waiting = await newPending(firm, { name: 'Vera Verified', phone: '1' });
  const mark = await sink.mark();
  const contact = await ok(verify(waiting.id, undefined, member), 200);
  assert.deepEqual(
    [contact.display_name, contact.entity, contact.primary_email, contact.phone, contact.portal_status, contact.clients[0]?.id],
    ['Vera Verified', 'individual', waiting.email, '1', 'active', client.id],
  );
  const home = await ok(waiting.api.GET('/v1/portal/home'), 200);
  assert.deepEqual([home.can_upload, home.clients[0]?.id], [true, client.id]);
  assert.equal((await ok(waiting.api.GET('/v1/portal/me'), 200)).state, 'active');
  await ok(portalUpload(waiting, undefined), 201);
  const mails = await settled(firm, waiting.email, mark);
  assert.equal(mails.length, 1);
  assert.match(`${mails[0]?.subject} ${mails[0]?.links}`, /^You now have access .*\/signin/);
  assert.deepEqual(await kinds(waiting.email), ['registration_received', 'registration_verified']);
  const done = await read(waiting.id);
  assert.deepEqual(
    [done.status, done.contact_id, done.handled_by?.type, done.handled_by?.id],
    ['verified', contact.id, 'staff', member.session.principal.id],
  );
  assert.equal((await ok(login(firm, waiting.email), 200)).state, 'signed_in');
  await refused(member.api.PUT('/v1/contacts/{contact_id}/portal_access', { params: { path: { contact_id: contact.id } }, body: { send: 'now', login_email: address() } }), 422, 'not_eligible');
});

test('C15 P44 a session from before keeps its token, has the rights of now and not one more', async () => {
  const waiting = await newPending(firm);
  const before = await ok(waiting.api.GET('/v1/auth/session'), 200);
  await ok(verify(waiting.id), 200);
  const after = await ok(waiting.api.GET('/v1/auth/session'), 200);
  assert.equal(after.id, before.id);
  assert.deepEqual(after.clients.map((c) => c.id), [client.id]);
  assert.deepEqual(after.permissions, []);
  assert.equal(after.authenticated_at, before.authenticated_at);
  await refused(waiting.api.GET('/v1/clients'), 403, 'permission_denied');
});

test('S1_16 without a word more it becomes the contact who has the address; else one has to be named', async () => {
  const waiting = await newPending(firm);
  assert.equal((await read(waiting.id)).matched_contact_id, null);
  await refused(verify(waiting.id, {}), 422, 'validation_failed', ['/contact_id required']);
  const contact = await newContact(staff, client, { primary_email: waiting.email });
  assert.equal((await read(waiting.id)).matched_contact_id, contact.id);
  const became = await ok(verify(waiting.id, {}), 200);
  assert.deepEqual([became.id, became.portal_status], [contact.id, 'active']);
});

test('a chosen contact gets the address beside its own, and keeps all else that is known of it', async () => {
  const waiting = await newPending(firm);
  const contact = await newContact(staff, undefined, { external_ref: { source: 'books', id: unique() }, custom_fields: { a: 'b' } });
  await refused(verify(waiting.id, { contact_id: contact.id }), 422, 'client_required');
  const became = await ok(verify(waiting.id, { contact_id: contact.id, client_id: client.id }), 200);
  assert.deepEqual(became.emails, [contact.primary_email, waiting.email]);
  assert.deepEqual([became.external_ref, became.custom_fields, became.primary_email], [contact.external_ref, contact.custom_fields, contact.primary_email]);
  const state = await access(staff, contact);
  assert.deepEqual([state.status, state.login_email], ['active', waiting.email]);
});

test('what stands in the way of verifying is said, and nothing has happened then', async () => {
  const waiting = await newPending(firm);
  const shop = await newContact(staff, client, { entity: 'business' });
  const other = (await newPortalUser(firm, client)).contact;
  const strange = 'con_01kjpz7w3mfa6tq2c9x4n8d5he';
  await refused(verify(waiting.id, { contact_id: shop.id }), 422, 'contact_not_individual');
  await refused(verify(waiting.id, { contact_id: other.id }), 409, 'login_email_taken');
  await refused(verify(waiting.id, { contact_id: strange }), 422, 'validation_failed', ['/contact_id not_found']);
  await refused(verify(waiting.id, { create_contact: true }), 422, 'client_required');
  await refused(verify(waiting.id, { create_contact: true, contact_id: other.id }), 422, 'validation_failed', ['/contact_id one_of']);
  await refused(verify(waiting.id, { create_contact: true, client_id: 'cli_01kjpz7w3mfa6tq2c9x4n8d5he' }), 422, 'validation_failed', ['/client_id not_found']);
  await refused(verify('reg_01kjpz7w3mfa6tq2c9x4n8d5he'), 404, 'not_found');
  const got = await staff.api.POST('/v1/registrations/{registration_id}/verify', {
    params: { path: { registration_id: waiting.id }, header: { 'If-Match': '"other"' } },
    body: { create_contact: true, client_id: client.id },
  });
  assert.equal(got.response.status, 412);
  const gone = await staff.api.DELETE('/v1/registrations/{registration_id}', {
    params: { path: { registration_id: waiting.id }, header: { 'If-Match': '"other"' } },
  });
  assert.equal(gone.response.status, 412);
  assert.equal((await read(waiting.id)).status, 'pending');
  assert.deepEqual(await kinds(waiting.email), ['registration_received']);

  const email = address('unconfirmed');
  await ok(register(firm, email), 202);
  const [unconfirmed] = await found(email);
  await refused(verify(unconfirmed?.id ?? ''), 409, 'registration_unconfirmed');
});

test('P32 whoever came in by registration is like whoever was invited: the same rights, the same notices', async () => {
  const invited = await newPortalUser(firm, client);
  const self = await newPending(firm);
  const contact = await ok(verify(self.id), 200);
  const rows = await stack.sql(
    `select m.state, m.login_chosen, (select jsonb_agg(jsonb_build_array(s.folder_id, s.access, s.notify) order by s.folder_id) from share s
       where s.firm_id = m.firm_id and s.membership_id = m.id) as shares,
       (select count(*)::int from event e where e.firm_id = m.firm_id and e.object_id = m.id and e.type = 'portal_access.enabled') as enabled
     from membership m where m.firm_id = $1 and m.login_email = any($2)`,
    [firm.id, [invited.email, self.email]],
  );
  assert.equal(rows.length, 2);
  assert.deepEqual(rows[0], rows[1]);
  const before = (await settled(firm, self.email, 0)).length;
  await ok(share(staff, 'folder', await newFolder(staff, client), [contact], 'view', true));
  assert.equal((await settled(firm, self.email, 0)).length, before + 1, 'a share that is told of');
  const [source] = await stack.sql('select source from membership where firm_id = $1 and login_email = $2', [firm.id, self.email]);
  assert.equal(source.source, 'self');
});

// ---- deleted

test('S1_18 S1_19 deleted: the credentials are worth nothing, the sessions are dead, no mail; who registers again is somebody new', async () => {
  const waiting = await newPending(firm);
  const mark = await sink.mark();
  await ok(remove(waiting.id), 204);
  await refused(waiting.api.GET('/v1/portal/me'), 401, 'unauthenticated');
  await refused(login(firm, waiting.email), 401, 'invalid_credentials');
  assert.equal((await settled(firm, waiting.email, mark)).length, 0);
  await refused(remove(waiting.id), 409, 'registration_closed');
  const again = await newPending(firm, { email: waiting.email, password: 'eleven dry storks stay put' });
  assert.notEqual(again.id, waiting.id);
  assert.deepEqual((await found(waiting.email)).map((r) => r.status), ['deleted', 'pending']);
  await refused(login(firm, waiting.email), 401, 'invalid_credentials');
  await refused(waiting.api.GET('/v1/portal/me'), 401, 'unauthenticated');
});

test('deleted before it was confirmed, its link is dead', async () => {
  const email = address('never');
  await ok(register(firm, email), 202);
  const token = confirmTokenOf((await sink.mails(email))[0]);
  const [one] = await found(email);
  await ok(remove(one?.id ?? ''), 204);
  await refused(confirm(token), 410, 'token_expired');
});

test('S1_16 two who handle the same registration at once: one wins, the other is told who, and what happened', async () => {
  const member = await newColleague(firm);
  for (const [first, second] of [
    [verify, remove],
    [remove, verify],
  ] as const) {
    const waiting = await newPending(firm);
    await ok(first(waiting.id, undefined as never, member as never) as ReturnType<typeof remove>);
    const problem = await refused(second(waiting.id), 409, 'registration_closed');
    assert.match(problem.detail ?? '', first === verify ? /has verified/ : /has deleted/);
  }
  for (let i = 0; i < 5; i++) {
    const waiting = await newPending(firm);
    const both = await Promise.all([verify(waiting.id), remove(waiting.id, member), verify(waiting.id, undefined, member)]);
    const codes = both.map((r) => r.response.status);
    assert.equal(codes.filter((c) => c < 300).length, 1, codes.join());
    assert.equal(codes.filter((c) => c === 409).length, 2, codes.join());
    const { status } = await read(waiting.id);
    assert.equal(status, codes[1] === 204 ? 'deleted' : 'verified');
    assert.equal((await login(firm, waiting.email)).response.status, status === 'verified' ? 200 : 401);
  }
});

test('an API key with the scopes reads, verifies and deletes, and is named', async () => {
  const key = await newKey(staff, ['contacts:read', 'portal_access:write'], { name: 'Intake robot' });
  const waiting = await newPending(firm);
  assert.equal((await found(waiting.email, key as unknown as Person)).length, 1);
  await ok(key.api.POST('/v1/registrations/{registration_id}/verify', { ...at(waiting.id), body: { create_contact: true, client_id: client.id } }), 200);
  const done = await read(waiting.id);
  assert.deepEqual([done.handled_by?.type, done.handled_by?.name], ['api_key', 'Intake robot']);
});

// ---- the same person at two firms

test('an address with a password at another firm keeps it: the one that was typed opens nothing anywhere', async () => {
  const there = await newFirm('there');
  const user = await newPortalUser(there, await newClient(there.owner));
  await ok(register(firm, user.email, { password: 'eleven dry storks stay put' }), 202);
  const [mail] = (await sink.mails(user.email)).slice(-1);
  const [confirmation] = (await settled(firm, user.email, 0)).filter((m) => m.links.some((l) => l.includes('/confirm#')));
  assert.match(confirmation?.text ?? '', /You have a password for this address already/);
  assert.ok(mail);
  await ok(confirm(confirmTokenOf(confirmation), 'eleven dry storks stay put'), 204);
  await refused(login(firm, user.email, 'eleven dry storks stay put'), 401, 'invalid_credentials');
  assert.equal((await ok(login(firm, user.email), 200)).state, 'pending_verification');
  const [one] = await found(user.email);
  await ok(remove(one?.id ?? ''), 204);
  await refused(login(firm, user.email), 401, 'invalid_credentials');
  await signIn(there.slug, 'portal', user.email);
});

test('P4 a password that was typed never becomes that of somebody who signs in elsewhere without one', async () => {
  const there = await newFirm('linked');
  const user = await newPortalUser(there, await newClient(there.owner));
  await stack.sql('update identity set password_hash = null where email_key = $1', [user.email]);
  await ok(register(firm, user.email, { password: 'eleven dry storks stay put' }), 202);
  const [mail] = (await settled(firm, user.email, 0)).filter((m) => m.links.some((l) => l.includes('/confirm#')));
  await ok(confirm(confirmTokenOf(mail), 'eleven dry storks stay put'), 204);
  const [row] = await stack.sql('select password_hash from identity where email_key = $1', [user.email]);
  assert.equal(row.password_hash, null);
});

// ---- time

test('S1_13 what nobody handles expires after the firm\'s time, and its owner is out', async () => {
  const slow = await newFirm('slow');
  await openDoor(slow, { registration_ttl_days: 2 });
  const waiting = await newPending(slow);
  await ok(register(slow, address('forgotten')), 202);
  await advance(2 * 24 * 3600 + 60);
  slow.owner = await signIn(slow.slug, 'staff', slow.owner.email);
  await refused(verify(waiting.id, { create_contact: true, client_id: (await newClient(slow.owner)).id }, slow.owner), 409, 'registration_closed');
  assert.equal(await badge(slow.owner), 0);
  await eventually(async () => {
    const rows = await stack.sql('select state, membership_id from registration where firm_id = $1', [slow.id]);
    assert.deepEqual(rows.map((r) => `${r.state} ${r.membership_id}`), ['expired null', 'expired null']);
  });
  await refused(login(slow, waiting.email), 401, 'invalid_credentials');
  const events = await stack.sql("select type from event where firm_id = $1 and type like 'registration.%' order by row_no", [slow.id]);
  assert.deepEqual(events.map((e) => e.type), ['registration.pending', 'registration.expired']);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
});
