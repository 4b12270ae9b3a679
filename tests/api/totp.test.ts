// totp.test.ts - the second factor: set up, asked for, used once, recovered, switched off, wanted by a firm.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { api } from '../lib/client.mjs';
import { ownAddress } from '../lib/wire.mjs';
import {
  accept, acceptAs, advance, codeOf, disable as turnOff, inviteStaff, newClient, newColleague, newFirm, newKey, newPortalUser,
  nobody, ok, oneWins, raw, refused, rolesOf, signIn, sink, stack, withFactor, PASSWORD, type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm;
before(async () => {
  firm = await newFirm('factor');
});
const staff = async () => (firm.owner = await signIn(firm.slug, 'staff', firm.owner.email));

const login = async (email: string, audience: 'staff' | 'portal' = 'staff', slug = firm.slug) =>
  ok(
    api(stack.url, { from: ownAddress() }).POST('/v1/auth/login', {
      body: { firm: slug, audience, email, password: PASSWORD, transport: 'token' },
    }),
    200,
  );
const answer = (asked: { mfa_token: string | null }, code: string) =>
  api(stack.url, { from: ownAddress() }).POST('/v1/auth/mfa', {
    body: { mfa_token: asked.mfa_token ?? '', code, transport: 'token' },
  });
const using = (result: Schema['SignInResult']) => api(stack.url, { token: result.access_token ?? '', from: ownAddress() });
const confirm = (as: Person, code: string) => as.api.POST('/v1/auth/totp/confirm', { body: { code } });
const disable = (as: { api: Person['api'] }, code: string) => as.api.POST('/v1/auth/totp/disable', { body: { code } });
const renew = (as: Person, code: string) => as.api.POST('/v1/auth/recovery_codes', { body: { code } });
/** The moment from which a code is the current one for almost half a minute. */
const stepBegins = async () => advance(30 - (Math.floor(Date.parse(await advance(0)) / 1000) % 30));
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

describe('set up', () => {
  test('a secret counts when its first code has come, and is asked for from then on', async () => {
    const cora = await newColleague(firm);
    const other = await signIn(firm.slug, 'staff', cora.email);
    const replaced = await ok(cora.api.POST('/v1/auth/totp'), 201);
    const made = await ok(cora.api.POST('/v1/auth/totp'), 201);
    assert.notEqual(made.secret, replaced.secret);
    const url = new URL(made.otpauth_url);
    assert.equal(url.protocol, 'otpauth:');
    assert.equal(url.searchParams.get('secret'), made.secret);
    assert.equal(url.searchParams.get('issuer'), firm.name);
    assert.ok(decodeURIComponent(made.otpauth_url).includes(cora.email));
    assert.equal((await login(cora.email)).state, 'signed_in');
    await refused(confirm(cora, await codeOf(replaced.secret)), 401, 'invalid_code');
    const { codes } = await ok(confirm(cora, await codeOf(made.secret)), 200);
    assert.equal(new Set(codes).size, 10);
    await refused(cora.api.POST('/v1/auth/totp'), 409, 'totp_already_enabled');
    await refused(confirm(cora, await codeOf(made.secret, 1)), 410, 'challenge_expired');
    await refused(other.api.GET('/v1/me'), 401, 'unauthenticated');
    assert.equal((await ok(cora.api.GET('/v1/auth/session'), 200)).totp_enabled, true);
    const asked = await login(cora.email);
    assert.deepEqual(
      [asked.state, asked.session, asked.access_token, asked.refresh_token, asked.expires_in, asked.mfa_methods],
      ['mfa_required', null, null, null, null, ['totp', 'recovery_code']],
    );
    const shown = (await ok(firm.owner.api.GET('/v1/staff'), 200)).data.find((s) => s.email === cora.email);
    assert.equal(shown?.totp_enabled, true);
    const acts = await stack.sql(
      "select action, outcome from audit where firm_id = $1 and action ~ '^auth.totp' order by row_no",
      [firm.id],
    );
    assert.deepEqual(
      acts.map((a) => `${a.action} ${a.outcome}`),
      [
        'auth.totp_started ok',
        'auth.totp_started ok',
        'auth.totp_enabled failed',
        'auth.totp_enabled ok',
      ],
    );
  });

  test('P20 neither the secret nor a code is in the database as it is', async () => {
    const cora = await newColleague(firm);
    const { secret, codes } = await withFactor(cora);
    const rows = await stack.sql(
      'select to_jsonb(t)::text as text from identity_totp t join membership m using (identity_id) where m.login_email = $1',
      [cora.email],
    );
    assert.equal(rows.length, 1);
    const raw20 = Buffer.from([...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('').match(/.{8}/g)?.map((b) => parseInt(b, 2)) ?? []);
    for (const word of [secret, raw20.toString('hex'), ...codes, ...codes.map((c) => Buffer.from(c).toString('hex'))])
      assert.ok(!rows[0].text.includes(word));
  });

  test('within ten minutes, and by somebody who has just signed in', async () => {
    const cora = await newColleague(firm);
    const { secret } = await ok(cora.api.POST('/v1/auth/totp'), 201);
    await advance(601);
    await refused(confirm(cora, await codeOf(secret)), 410, 'challenge_expired');
    await advance(5 * 60);
    await refused(cora.api.POST('/v1/auth/totp'), 403, 'recent_sign_in_required');
    await refused(confirm(await signIn(firm.slug, 'staff', cora.email), '123456'), 410, 'challenge_expired');
    await staff();
  });

  test('it is the person’s, not the firm’s: asked for wherever they sign in, sessions end everywhere', async () => {
    const other = await newFirm('second');
    const ann = await newPortalUser(firm, await newClient(firm.owner));
    const { token } = await inviteStaff(other.owner, (await rolesOf(other)).member, { email: ann.email });
    const there = await accept(token, other.slug, ann.email);
    await withFactor(await signIn(firm.slug, 'portal', ann.email));
    await refused(there.api.GET('/v1/me'), 401, 'unauthenticated');
    await refused(ann.api.GET('/v1/me'), 401, 'unauthenticated');
    assert.equal((await login(ann.email, 'staff', other.slug)).state, 'mfa_required');
    assert.equal((await login(ann.email, 'portal')).state, 'mfa_required');
  });
});

describe('asked for', () => {
  let cora: Person;
  let secret: string;
  let codes: string[];
  before(async () => {
    await staff();
    cora = await newColleague(firm);
    ({ secret, codes } = await withFactor(cora));
  });

  test('a code opens the session, once; so does the one before and the one after by the clock', async () => {
    await advance(90);
    for (const later of [-1, 0, 1]) {
      await stepBegins();
      const asked = await login(cora.email);
      const code = await codeOf(secret, later);
      const result = await ok(answer(asked, code), 200);
      assert.deepEqual([result.state, result.session?.totp_enabled], ['signed_in', true]);
      await ok(using(result).GET('/v1/me'), 200);
      await refused(answer(asked, await codeOf(secret, later)), 410, 'challenge_expired');
      await refused(answer(await login(cora.email), code), 401, 'invalid_code');
    }
    await refused(answer(await login(cora.email), await codeOf(secret)), 401, 'invalid_code');
    await advance(120);
    await stepBegins();
    for (const later of [-2, 2]) await refused(answer(await login(cora.email), await codeOf(secret, later)), 401, 'invalid_code');
  });

  test('P9 the same code two hundred times at once: one gets in, with one challenge or with four', async () => {
    await advance(901);
    const one = await login(cora.email);
    const first = await codeOf(secret);
    await oneWins(() => answer(one, first), '200', ['401 invalid_code', '410 challenge_expired']);
    await advance(90);
    const asked = await Promise.all([1, 2, 3, 4].map(() => login(cora.email)));
    const code = await codeOf(secret);
    let turn = 0;
    const next = () => answer(asked[turn++ % 4] as Schema['SignInResult'], code);
    await oneWins(next, '200', ['401 invalid_code', '410 challenge_expired'], 20);
  });

  test('P43 five tries, then the token is nothing, also with the right code', async () => {
    await advance(901);
    const asked = await login(cora.email);
    for (let i = 0; i < 5; i++) await refused(answer(asked, wrong(await codeOf(secret))), 401, 'invalid_code');
    await refused(answer(asked, await codeOf(secret)), 410, 'challenge_expired');
    await ok(answer(await login(cora.email), await codeOf(secret)), 200);
  });

  test('five minutes; a password that was changed meanwhile; a suspension', async () => {
    const late = await login(cora.email);
    await advance(301);
    await refused(answer(late, await codeOf(secret)), 410, 'challenge_expired');
    await staff();
    const dan = await newColleague(firm);
    const { secret: dans } = await withFactor(dan);
    await advance(90);
    const before = await login(dan.email);
    const body = { current_password: PASSWORD, new_password: 'eleven dry storks stay put' };
    await ok(dan.api.PUT('/v1/auth/password', { body }), 204);
    await refused(answer(before, await codeOf(dans)), 410, 'challenge_expired');
    const again = await login(cora.email);
    await ok(
      firm.owner.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id: cora.session.principal.id } } }),
      204,
    );
    await refused(answer(again, await codeOf(secret)), 410, 'challenge_expired');
    cora = await newColleague(firm);
    ({ secret, codes } = await withFactor(cora));
  });

  test('a recovery code opens it too, written in any way, once', async () => {
    const [first = '', second = ''] = codes;
    await ok(answer(await login(cora.email), first), 200);
    await refused(answer(await login(cora.email), first), 401, 'invalid_code');
    await ok(answer(await login(cora.email), second.toUpperCase().replace('-', ' ')), 200);
    await refused(answer(await login(cora.email), 'abcde-abcde'), 401, 'invalid_code');
    const ben = await newColleague(firm);
    const his = (await withFactor(ben)).codes[0] ?? '';
    await refused(answer(await login(cora.email), his), 401, 'invalid_code');
  });

  test('by cookie, with the token of nobody, and with faults', async () => {
    const asked = await login(cora.email);
    const got = await raw('/v1/auth/mfa', {
      method: 'POST',
      headers: { origin: stack.url },
      json: { mfa_token: asked.mfa_token, code: codes[2], transport: 'cookie' },
    });
    assert.equal(got.status, 200);
    assert.match(got.headers.get('set-cookie') ?? '', /^__Host-session=cps_/);
    assert.equal(got.json.access_token, null);
    for (const mfa_token of ['', 'mfa_', `${asked.mfa_token}`.slice(0, -2), cora.token])
      await refused(answer({ mfa_token }, '123456'), 410, 'challenge_expired');
    await refused(nobody().POST('/v1/auth/mfa', { body: {} as Schema['MfaIn'] }), 422, 'validation_failed', [
      '/code required',
      '/mfa_token required',
      '/transport required',
    ]);
  });

  test('P11 a hundred codes a day at most, from anywhere, with the password known', async () => {
    await staff();
    const eve = await newColleague(firm);
    const { secret: hers } = await withFactor(eve);
    await advance(90);
    let refusedAt = 0;
    for (let i = 0; i < 120 && !refusedAt; i += 5) {
      const asked = await login(eve.email);
      const bad = wrong(await codeOf(hers));
      const round = await Promise.all([1, 2, 3, 4, 5].map(() => answer(asked, bad)));
      if (round.some((r) => r.response.status === 429)) refusedAt = i;
      else for (const r of round) assert.equal(r.response.status, 401);
    }
    assert.ok(refusedAt > 0 && refusedAt <= 100, `${refusedAt}`);
    const known = api(stack.url, { from: eve.from });
    const asked = await login(eve.email);
    await ok(
      known.POST('/v1/auth/mfa', { body: { mfa_token: asked.mfa_token ?? '', code: await codeOf(hers), transport: 'token' } }),
      200,
    );
  });
});

describe('switched off, and renewed', () => {
  test('with a code; then the password is enough again', async () => {
    await staff();
    const cora = await newColleague(firm);
    await refused(disable(cora, '123456'), 401, 'invalid_code');
    await refused(renew(cora, '123456'), 401, 'invalid_code');
    const { secret, used, codes } = await withFactor(cora);
    await refused(disable(cora, used), 401, 'invalid_code', []);
    await advance(60);
    const fresh = await ok(renew(cora, await codeOf(secret)), 200);
    assert.equal(new Set([...fresh.codes, ...codes]).size, 20);
    const told = await stack.sql("select about from envelope where to_email = $1 and kind = 'credential_changed'", [cora.email]);
    assert.deepEqual(told, [{ about: 'second_factor' }, { about: 'second_factor' }], 'that it was set up, and that there are new codes');
    await refused(disable(cora, codes[0] ?? ''), 401, 'invalid_code');
    await ok(disable(cora, fresh.codes[0] ?? ''), 204);
    await refused(disable(cora, fresh.codes[1] ?? ''), 401, 'invalid_code');
    assert.equal((await login(cora.email)).state, 'signed_in');
    assert.equal((await ok(cora.api.GET('/v1/auth/session'), 200)).totp_enabled, false);
    await withFactor(cora);
  });

  test('wrong ones are few', async () => {
    const cora = await newColleague(firm);
    await withFactor(cora);
    for (let i = 0; i < 5; i++) await refused(disable(cora, '0'), 401, 'invalid_code');
    for (let i = 0; i < 5; i++) await refused(renew(cora, '0'), 401, 'invalid_code');
    await refused(disable(cora, '0'), 429, 'too_many_attempts');
    await refused(renew(cora, '0'), 429, 'too_many_attempts');
    await refused(confirm(cora, '0'), 410, 'challenge_expired');
    const ben = await newColleague(firm);
    await ok(ben.api.POST('/v1/auth/totp'), 201);
    for (let i = 0; i < 10; i++) await refused(confirm(ben, '0'), 401, 'invalid_code');
    await refused(confirm(ben, '0'), 429, 'too_many_attempts');
  });
});

describe('wanted by the firm', () => {
  let own: Firm;
  let cora: Person;
  const want = (as: { api: Person['api'] }, require_staff_totp: boolean) => as.api.PATCH('/v1/firm', { body: { require_staff_totp } });

  before(async () => {
    own = await newFirm('strict');
    cora = await newColleague(own, 'admin');
  });

  test('nobody locks themselves out: who asks for it has one', async () => {
    await refused(want(own.owner, true), 409, 'would_lock_out');
    await refused(want(await newKey(own.owner), true), 403, 'recent_sign_in_required');
    assert.equal((await ok(own.owner.api.GET('/v1/firm'), 200)).require_staff_totp, false);
    await withFactor(own.owner);
    assert.equal((await ok(want(own.owner, true), 200)).require_staff_totp, true);
    await ok(own.owner.api.GET('/v1/clients'), 200);
    await ok(want(own.owner, true), 200);
  });

  test('who has none may set one up, and nothing else, from that moment on', async () => {
    await refused(cora.api.GET('/v1/clients'), 403, 'totp_required_by_firm');
    await refused(want(cora, false), 403, 'totp_required_by_firm');
    const result = await login(cora.email, 'staff', own.slug);
    assert.deepEqual(
      [result.state, result.session?.totp_required, result.session?.totp_enabled, result.session?.permissions],
      ['signed_in', true, false, []],
    );
    const limited = { ...cora, api: using(result) };
    await refused(limited.api.POST('/v1/clients', { body: { entity: 'business', name: 'X' } }), 403, 'totp_required_by_firm');
    await ok(limited.api.GET('/v1/me'), 200);
    await withFactor(limited);
    const now = await ok(limited.api.GET('/v1/auth/session'), 200);
    assert.deepEqual([now.totp_required, now.totp_enabled], [false, true]);
    assert.ok(now.permissions.includes('clients:write'));
    await ok(limited.api.GET('/v1/clients'), 200);
    await refused(cora.api.GET('/v1/clients'), 401, 'unauthenticated');
  });

  test('whoever is invited is led there; clients are not asked', async () => {
    const { staff: invited, token } = await inviteStaff(own.owner, (await rolesOf(own)).member);
    const dan = await accept(token, own.slug, invited.email);
    assert.equal(dan.session.totp_required, true);
    await refused(dan.api.GET('/v1/clients'), 403, 'totp_required_by_firm');
    const ann = await newPortalUser(own, await newClient(own.owner));
    assert.equal(ann.session.totp_required, false);
    await ok(ann.api.GET('/v1/portal/home'), 200);
  });

  test('it cannot be switched off by the person, at whatever firm they are', async () => {
    const dan = await newColleague(own);
    const after = await sink.mark();
    const { codes } = await withFactor(dan);
    const [told] = await sink.mails(dan.email, { after });
    assert.match(told?.subject ?? '', /second factor/);
    await refused(disable(dan, codes[0] ?? ''), 403, 'totp_required_by_firm');
    const { token } = await inviteStaff(firm.owner, (await rolesOf(firm)).member, { email: dan.email });
    const asked = await ok(acceptAs(token), 200);
    assert.equal(asked.state, 'mfa_required');
    const there = await ok(answer(asked, codes[1] ?? ''), 200);
    await refused(disable({ api: using(there) }, codes[2] ?? ''), 403, 'totp_required_by_firm');
    await ok(want(own.owner, false), 200);
    await ok(disable({ api: using(there) }, codes[3] ?? ''), 204);
    await ok(dan.api.GET('/v1/clients'), 200);
  });
});

describe('lost', () => {
  const factors = async (email: string) =>
    (await stack.sql('select 1 from identity_totp t join identity i on i.id = t.identity_id where i.email = $1', [email])).length;

  test('the operator takes it off: sessions and challenges end, it is on record at each firm, and the person is told', async () => {
    const [cora, elsewhere] = [await newColleague(firm), await newFirm('elsewhere')];
    const { token } = await inviteStaff(elsewhere.owner, (await rolesOf(elsewhere)).member, { email: cora.email });
    await accept(token, elsewhere.slug, cora.email);
    const { codes } = await withFactor(cora);
    const asked = await login(cora.email);
    const mark = await sink.mark();
    assert.match(await stack.ctl('factor', 'reset', '--email', cora.email.toUpperCase()), /is off/);
    await refused(cora.api.GET('/v1/me'), 401, 'unauthenticated');
    await refused(answer(asked, codes[0] ?? ''), 410, 'challenge_expired');
    const [mail] = await sink.mails(cora.email, { after: mark });
    assert.match(mail?.subject ?? '', /^Your second factor .* was changed/);
    const noted = await stack.sql(
      "select firm_id, actor_type from audit where action = 'auth.totp_reset' and firm_id = any($1) order by firm_id",
      [[firm.id, elsewhere.id]],
    );
    assert.deepEqual(
      noted.map((entry) => [entry.firm_id, entry.actor_type]),
      [firm.id, elsewhere.id].sort().map((id) => [id, 'system']),
    );
    assert.equal((await login(cora.email)).state, 'signed_in');
    for (const email of [cora.email, 'nobody@mail.test', 'no address'])
      await assert.rejects(stack.ctl('factor', 'reset', '--email', email), /not_found|validation_failed/);
  });

  test('it ends with the last access, not with one of two', async () => {
    const client = await newClient(await staff());
    const ann = await newPortalUser(firm, client);
    const { token } = await inviteStaff(firm.owner, (await rolesOf(firm)).member, { email: ann.email });
    await accept(token, firm.slug, ann.email);
    await withFactor(ann);
    await ok(turnOff(firm.owner, ann.contact), 200);
    assert.equal(await factors(ann.email), 1);
    const { data } = await ok(firm.owner.api.GET('/v1/staff'), 200);
    const staff_id = data.find((s) => s.email === ann.email)?.id ?? '';
    await ok(firm.owner.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id } } }), 204);
    assert.equal(await factors(ann.email), 0);
  });
});

test('P44 a session never has more than its person has at that moment', async () => {
  await staff();
  const ann = await newPortalUser(firm, await newClient(firm.owner));
  const state = (to: string) => stack.sql('update membership set state = $2 where login_email = $1', [ann.email, to]);
  await state('pending_verification');
  await refused(ann.api.GET('/v1/portal/home'), 403, 'awaiting_verification');
  assert.deepEqual((await ok(ann.api.GET('/v1/auth/session'), 200)).clients, []);
  const again = await ok(nobody().POST('/v1/auth/refresh', { body: { refresh_token: ann.refresh } }), 200);
  assert.equal(again.state, 'pending_verification');
  await state('active');
  await ok(ann.api.GET('/v1/portal/home'), 200);
  assert.equal((await ok(using(again).GET('/v1/auth/session'), 200)).clients.length, 1);
  await state('suspended');
  await state('active');
  for (const api of [ann.api, using(again)]) await refused(api.GET('/v1/portal/home'), 401, 'unauthenticated');
});

test('who is asked for the second factor has not been there yet', async () => {
  const dora = await newColleague(firm);
  const { secret } = await withFactor(dora);
  const path = { staff_id: dora.session.principal.id };
  const seen = async () => (await ok((await staff()).api.GET('/v1/staff/{staff_id}', { params: { path } }), 200)).last_seen_at;
  const before = await seen();
  const asked = await login(dora.email);
  assert.equal(await seen(), before);
  await ok(answer(asked, await codeOf(secret, 1)), 200);
  assert.notEqual(await seen(), before);
});
