// session.test.ts - signing in and out, the session, and one's own record.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { ownAddress } from '../lib/wire.mjs';
import {
  advance, newClient, newFirm, newPortalUser, nobody, ok, raw, refused, signIn, stack, took, PASSWORD, type Firm,
  type PortalUser,
} from '../lib/kit.js';

let firm: Firm;
let user: PortalUser;
before(async () => {
  firm = await newFirm('session');
  user = await newPortalUser(firm, await newClient(firm.owner));
});

const login = (over: object = {}) =>
  nobody().POST('/v1/auth/login', {
    body: {
      firm: firm.slug,
      audience: 'staff',
      email: firm.owner.email,
      password: PASSWORD,
      transport: 'token',
      ...over,
    },
  });

test('a token session says who, until when and with which rights', async () => {
  const staff = await ok(login(), 200);
  assert.equal(staff.state, 'signed_in');
  assert.match(staff.access_token ?? '', /^cps_[\w-]{100,}$/);
  assert.match(staff.refresh_token ?? '', /^cpr_/);
  assert.equal(staff.mfa_token, null);
  assert.deepEqual(staff.mfa_methods, []);
  assert.equal(staff.expires_in, 3600);
  assert.equal(staff.session?.transport, 'token');
  const life = Date.parse(staff.session?.expires_at ?? '') - Date.parse(staff.session?.authenticated_at ?? '');
  const idle = Date.parse(staff.session?.idle_expires_at ?? '') - Date.parse(staff.session?.authenticated_at ?? '');
  assert.deepEqual([life, idle], [12 * 3600_000, 30 * 60_000]);
  const portal = await signIn(firm.slug, 'portal', user.email);
  const span = (to: string) => Date.parse(to) - Date.parse(portal.session.authenticated_at);
  assert.deepEqual(
    [span(portal.session.expires_at), span(portal.session.idle_expires_at)],
    [24 * 3600_000, 60 * 60_000],
  );
  assert.deepEqual(portal.session.permissions, []);
  assert.deepEqual(await ok(portal.api.GET('/v1/auth/session'), 200).then((s) => s.id), portal.session.id);
});

test('the address is matched whatever its case', async () => {
  await ok(login({ email: firm.owner.email.toUpperCase() }), 200);
});

test('unknown address, wrong password, other audience and other firm get one and the same answer', async () => {
  const answers = [];
  for (const over of [
    { email: 'nobody@mail.test' },
    { password: 'wrong horse battery staple' },
    { audience: 'portal' },
    { audience: 'staff', email: user.email },
    { firm: 'no-such-firm' },
  ])
    answers.push(await refused(login(over), 401, 'invalid_credentials', []));
  const bodies = new Set(answers.map(({ request_id: _, ...rest }) => JSON.stringify(rest)));
  assert.equal(bodies.size, 1, [...bodies].join('\n'));
});

test('without a firm an installation of several asks for it', async () => {
  const reply = nobody().POST('/v1/auth/login', {
    body: { audience: 'staff', email: firm.owner.email, password: PASSWORD, transport: 'token' },
  });
  await refused(reply, 422, 'firm_required');
});

test('logout ends the session at once, and only that one', async () => {
  const one = await signIn(firm.slug, 'staff', firm.owner.email);
  const two = await signIn(firm.slug, 'staff', firm.owner.email);
  await ok(one.api.POST('/v1/auth/logout'), 204);
  await refused(one.api.GET('/v1/auth/session'), 401, 'unauthenticated');
  await refused(one.api.POST('/v1/auth/logout'), 401, 'unauthenticated');
  await ok(two.api.GET('/v1/auth/session'), 200);
});

test('cookie transport: a __Host- cookie, no token in the body, and logout clears it', async () => {
  const got = await raw('/v1/auth/login', {
    method: 'POST',
    headers: { origin: stack.url },
    json: { firm: firm.slug, audience: 'staff', email: firm.owner.email, password: PASSWORD, transport: 'cookie' },
  });
  assert.equal(got.status, 200);
  assert.equal(got.json.access_token, null);
  assert.equal(got.json.refresh_token, null);
  assert.equal(got.json.expires_in, 12 * 3600);
  assert.equal(got.json.session.transport, 'cookie');
  const cookie = got.headers.get('set-cookie') ?? '';
  assert.match(cookie, /^__Host-session=cps_[\w-]+;/);
  for (const part of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax']) assert.ok(cookie.includes(part), cookie);
  assert.ok(!/domain=/i.test(cookie), cookie);
  const sent = { cookie: cookie.split(';')[0] ?? '' };
  assert.equal((await raw('/v1/auth/session', { headers: sent })).status, 200);
  const both = await raw('/v1/auth/session', { headers: { ...sent, authorization: `Bearer ${firm.owner.token}` } });
  assert.equal(`${both.status} ${both.json.code}`, '400 malformed_request');
  const twice = await raw('/v1/auth/session', { headers: { cookie: `${sent.cookie}; ${sent.cookie}x` } });
  assert.ok([400, 401].includes(twice.status), `${twice.status}`);
  const foreign = await raw('/v1/me', {
    method: 'PATCH',
    headers: { ...sent, origin: 'https://evil.test' },
    json: { phone: '1' },
  });
  assert.equal(`${foreign.status} ${foreign.json.code}`, '403 origin_not_allowed');
  const cross = await raw('/v1/me', {
    method: 'PATCH',
    headers: { ...sent, 'sec-fetch-site': 'cross-site' },
    json: { phone: '1' },
  });
  assert.equal(`${cross.status} ${cross.json.code}`, '403 origin_not_allowed');
  const form = await raw('/v1/me', {
    method: 'PATCH',
    headers: { ...sent, origin: stack.url, 'content-type': 'text/plain' },
    body: '{"phone":"1"}',
  });
  assert.equal(`${form.status} ${form.json.code}`, '415 unsupported_media_type');
  const own = await raw('/v1/me', {
    method: 'PATCH',
    headers: { ...sent, origin: stack.url, 'sec-fetch-site': 'same-origin' },
    json: { phone: '+44 20 7946 0000' },
  });
  assert.equal(own.status, 200);
  const out = await raw('/v1/auth/logout', { method: 'POST', headers: { ...sent, origin: stack.url } });
  assert.equal(out.status, 204);
  assert.match(out.headers.get('set-cookie') ?? '', /^__Host-session=;.*(Max-Age=0|Expires=Thu, 01 Jan 1970)/i);
  assert.equal((await raw('/v1/auth/session', { headers: sent })).status, 401);
});

test('a bearer token writes from any origin', async () => {
  const got = await raw('/v1/me', {
    method: 'PATCH',
    as: firm.owner,
    headers: { origin: 'https://app.elsewhere.test' },
    json: { phone: '+44 20 7946 0001' },
  });
  assert.equal(got.status, 200);
  assert.equal(got.headers.get('access-control-allow-origin'), null);
});

test('a token that is cut, changed or of another kind is no session', async () => {
  const good = firm.owner.token;
  const last = good.endsWith('A') ? 'B' : 'A';
  for (const token of [
    good.slice(0, -1),
    good.slice(0, -1) + last,
    good.replace('cps_', 'cpk_'),
    'cps_',
    'x',
    `${good}=`,
    good.toUpperCase(),
  ]) {
    const got = await raw('/v1/me', { headers: { authorization: `Bearer ${token}` } });
    assert.equal(`${got.status} ${got.json.code}`, '401 unauthenticated', token);
  }
  for (const header of ['Basic b2xpdmU6eA==', 'Bearer', `Bearer  ${good} x`])
    assert.ok([400, 401].includes((await raw('/v1/me', { headers: { authorization: header } })).status), header);
});

test('me: read, change, and nobody else is changed', async () => {
  const me = await took(user.api.GET('/v1/me'), 200);
  assert.equal(me.data.email, user.email);
  assert.equal(me.data.audience, 'portal');
  assert.equal(me.data.name, user.contact.display_name);
  const changed = await took(
    user.api.PATCH('/v1/me', { body: { name: 'Ann of Leeds', locale: 'de', timezone: 'Europe/Berlin', phone: null } }),
    200,
  );
  assert.deepEqual(
    [changed.data.name, changed.data.locale, changed.data.timezone, changed.data.phone],
    ['Ann of Leeds', 'de', 'Europe/Berlin', null],
  );
  assert.notEqual(changed.etag, me.etag);
  const contact = await ok(
    firm.owner.api.GET('/v1/contacts/{contact_id}', { params: { path: { contact_id: user.contact.id } } }),
    200,
  );
  assert.equal(contact.display_name, user.contact.display_name);
});

test('me: unknown zone and language, and the login address, are refused all at once', async () => {
  const problem = await refused(
    user.api.PATCH('/v1/me', {
      body: { timezone: 'Mars/Olympus', locale: 'martian!', name: '', email: 'new@mail.test' } as object,
    }),
    422,
    'validation_failed',
  );
  assert.deepEqual(problem.errors.map((e) => e.pointer).sort(), ['/email', '/locale', '/name', '/timezone']);
});

const guess = (email: string, from: string, password = 'a wrong guess') =>
  raw('/v1/auth/login', {
    method: 'POST',
    from,
    json: { firm: firm.slug, audience: 'portal', email, password, transport: 'token' },
  });
const said = (got: { status: number; json: any }) => `${got.status} ${got.json.code ?? ''}`.trim();

test('ten wrong guesses from one place close it for a while, to that address alone, whether anybody has it or not', async () => {
  const victim = await newPortalUser(firm, await newClient(firm.owner));
  for (const email of [victim.email, 'nobody.at.all@mail.test']) {
    const place = ownAddress();
    for (let i = 0; i < 10; i++) assert.equal(said(await guess(email, place)), '401 invalid_credentials');
    const shut = await guess(email, place, PASSWORD);
    assert.equal(said(shut), '429 too_many_attempts');
    const wait = Number(shut.headers.get('retry-after'));
    assert.ok(wait > 0 && wait <= 15 * 60, `${wait}`);
    assert.equal(shut.json.retry_after, wait);
    assert.equal(said(await guess(user.email, place, PASSWORD)), '200');
    if (email === victim.email) {
      assert.equal(said(await guess(email, ownAddress(), PASSWORD)), '200');
      await advance(wait + 1);
      assert.equal(said(await guess(email, place, PASSWORD)), '200');
    }
  }
});

test('P11 a hundred wrong guesses a day, from anywhere; strangers cannot use up the last ten, nor shut the person out', async () => {
  const victim = await newPortalUser(firm, await newClient(firm.owner));
  const from = (n: number) => `127.0.0.${n}`;
  const said4 = async (round: Promise<Awaited<ReturnType<typeof guess>>>[]) => (await Promise.all(round)).map(said);
  let wrong = 0;
  for (let i = 0; i < 30; i++) {
    const round = await said4([1, 2, 3, 4].map(() => guess(victim.email, ownAddress())));
    wrong += round.filter((s) => s === '401 invalid_credentials').length;
  }
  assert.equal(wrong, 90, 'also when they come at once');
  assert.equal(said(await guess(victim.email, from(2), PASSWORD)), '429 too_many_attempts');
  // As the janitor does when its time is up: the place is known all the same.
  await stack.sql('delete from session s using membership m where m.id = s.membership_id and m.login_email = $1', [victim.email]);
  const begun = Date.now();
  assert.equal(said(await guess(victim.email, victim.from, PASSWORD)), '200');
  assert.ok(Date.now() - begun < 30_000);
  for (let i = 0; i < 12; i++) wrong += said(await guess(victim.email, victim.from)).startsWith('401') ? 1 : 0;
  assert.equal(wrong, 100);
  await advance(24 * 3600);
  assert.equal(said(await guess(victim.email, from(3), PASSWORD)), '200');
  firm.owner = await signIn(firm.slug, 'staff', firm.owner.email);
});

/** Tells the counts of wrong tries that are kept for whoever had none before: others' run out meanwhile. */
async function triesFromNow(): Promise<() => Promise<number[]>> {
  const rows = () =>
    stack.sql("select encode(key_hash, 'hex') as key, failures from sign_in_attempt where firm_id = $1 order by failures", [firm.id]);
  const others = (await rows()).map((r) => r.key);
  return async () => (await rows()).filter((r) => !others.includes(r.key)).map((r) => r.failures);
}

test('P11 many right ones at once neither wait in a circle nor are refused, and none is counted', async () => {
  const ann = await newPortalUser(firm, await newClient(firm.owner));
  const place = ownAddress();
  const count = await triesFromNow();
  await guess(ann.email, place);
  assert.equal(said(await guess(ann.email, place, PASSWORD)), '200');
  assert.deepEqual(await count(), [1], 'the wrong one');
  const enter = () => guess(ann.email, place, PASSWORD);
  for (let round = 0; round < 6; round++)
    assert.deepEqual([...new Set((await Promise.all(Array.from({ length: 8 }, enter))).map(said))], ['200']);
  assert.deepEqual(await count(), [1]);
});

test('P11 a guess that was right, or could not be made, is none', async () => {
  const ann = await newPortalUser(firm, await newClient(firm.owner));
  const place = ownAddress();
  const count = await triesFromNow();
  for (let i = 0; i < 12; i++) assert.equal(said(await guess(ann.email, place, PASSWORD)), '200');
  assert.deepEqual(await count(), []);
  assert.equal(said(await guess(ann.email, place)), '401 invalid_credentials');
  assert.deepEqual(await count(), [1, 1]);
  assert.equal(said(await guess(ann.email, place, PASSWORD)), '200');
  assert.deepEqual(await count(), [1], 'the day’s count keeps what was wrong');
});

test('a session ends when it is idle for too long', async () => {
  const staff = await signIn(firm.slug, 'staff', firm.owner.email);
  await advance(29 * 60);
  await ok(staff.api.PATCH('/v1/me', { body: { timezone: 'UTC' } }), 200);
  await advance(29 * 60);
  await ok(staff.api.GET('/v1/auth/session'), 200);
  await advance(31 * 60);
  await refused(staff.api.GET('/v1/auth/session'), 401, 'unauthenticated');
});

test('a session ends after its life, used or not', async () => {
  const got = await raw('/v1/auth/login', {
    method: 'POST',
    json: { firm: firm.slug, audience: 'staff', email: firm.owner.email, password: PASSWORD, transport: 'cookie' },
  });
  const headers = { cookie: (got.headers.get('set-cookie') ?? '').split(';')[0] ?? '' };
  for (let i = 0; i < 28; i++) {
    await advance(25 * 60);
    assert.equal((await raw('/v1/auth/session', { headers })).status, 200);
  }
  await advance(25 * 60);
  assert.equal(said(await raw('/v1/auth/session', { headers })), '401 unauthenticated');
});
