// doors.test.ts - doors that are opened by mail: links and codes to sign in, another password, where do I sign in.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { api } from '../lib/client.mjs';
import { ownAddress, wire } from '../lib/wire.mjs';
import {
  accept, acceptAs, address, advance, askMail, disable, doorOf, enable, eventually, inviteStaff, login, look, newClient,
  newColleague, newContact, newFirm, newPortalUser, ok, oneWins, raw, refused, rolesOf, setSignIn, signIn, sink, stack, tokenOf,
  PASSWORD, type Firm, type PortalUser, type Schema, type Seen,
} from '../lib/kit.js';

const NEXT = 'eleven dry storks stay put';

let firm: Firm;
before(async () => {
  firm = await newFirm('doors');
  await setSignIn(firm, 'both');
});

const nobody = (from = ownAddress()) => api(stack.url, { from });
const newUser = async () => newPortalUser(firm, await newClient(firm.owner));
const ask = (email: string, more: Partial<Schema['MagicLinkIn']> = {}, from = ownAddress()) =>
  nobody(from).POST('/v1/auth/magic_links', { body: { firm: firm.slug, audience: 'portal', email, ...more } });
const redeem = (body: Omit<Schema['MagicRedeemIn'], 'transport'>, from = ownAddress()) =>
  nobody(from).POST('/v1/auth/magic_links/redeem', { body: { transport: 'token', ...body } });
const askReset = (email: string, more: Partial<Schema['ResetIn']> = {}, from = ownAddress()) =>
  nobody(from).POST('/v1/auth/password_resets', { body: { firm: firm.slug, audience: 'portal', email, ...more } });
const reset = (token: string, new_password = NEXT) =>
  nobody().POST('/v1/auth/password_resets/redeem', { body: { token, new_password } });
const path = (user: PortalUser) => ({ params: { path: { contact_id: user.contact.id } } });
const other = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');
const home = async (result: Schema['SignInResult']) => {
  const token = result.access_token ?? '';
  return ok(api(stack.url, { token, from: ownAddress() }).GET('/v1/portal/home'), 200);
};

describe('signing in by mail', () => {
  test('S3_21 S3_4 the address asked for gets one mail: its link signs in, and so does its code, with no password', async () => {
    const user = await newUser();
    const { token, code, link, mail } = await askMail(firm, user, 'magic_links');
    assert.ok(link.startsWith(`${stack.url}/m#`), link);
    assert.match(code, /^\d{6}$/);
    assert.ok(mail?.html.includes(code) && mail.htmlLinks.includes(link));
    assert.ok(!mail?.subject.includes(code));
    const result = await ok(redeem({ token }), 200);
    assert.equal(result.state, 'signed_in');
    await home(result);
    await refused(redeem({ token }), 410, 'token_used');
    await refused(redeem({ firm: firm.slug, email: user.email, code }), 410, 'token_used');

    const again = await askMail(firm, user, 'magic_links');
    const spaced = `${again.code.slice(0, 3)} ${again.code.slice(3)}`;
    await home(await ok(redeem({ firm: firm.slug, email: user.email.toUpperCase(), code: spaced }), 200));
    await refused(redeem({ token: again.token }), 410, 'token_used');
  });

  test('S3_22 S3_23 a session by link, by code and by password has the same rights, for the same person', async () => {
    const user = await newUser();
    const by = [
      await ok(redeem({ token: (await askMail(firm, user, 'magic_links')).token }), 200),
      await ok(redeem({ firm: firm.slug, email: user.email, code: (await askMail(firm, user, 'magic_links')).code }), 200),
      await ok(login(firm, user.email), 200),
    ];
    const rights = by.map(({ session }) => ({
      principal: session?.principal, clients: session?.clients, permissions: session?.permissions, audience: session?.audience,
    }));
    assert.deepEqual(rights[0], rights[2]);
    assert.deepEqual(rights[1], rights[2]);
  });

  test('staff too; the same address as staff and client has a code for each', async () => {
    const cora = await newColleague(firm);
    const { code } = await askMail(firm, cora, 'magic_links', { audience: 'staff' });
    const result = await ok(redeem({ firm: firm.slug, email: cora.email, code }), 200);
    assert.equal(result.session?.audience, 'staff');
  });

  test('P1 P9 opening the link consumes nothing: GET and HEAD, fifty times', async () => {
    const user = await newUser();
    const { token } = await askMail(firm, user, 'magic_links');
    for (let i = 0; i < 25; i++)
      for (const method of ['GET', 'HEAD']) {
        const got = await fetch(`${stack.url}/m?token=${token}`, { method });
        await got.arrayBuffer();
        assert.equal((await raw('/v1/auth/magic_links/redeem')).status, 405);
      }
    await ok(redeem({ token }), 200);
  });

  test('P9 two hundred redemptions at once: one session', async () => {
    const user = await newUser();
    const { token } = await askMail(firm, user, 'magic_links');
    await oneWins(() => redeem({ token }), '200', ['410 token_used']);
    const [row] = await stack.sql(
      "select count(*)::int as n from session s join membership m on m.firm_id = s.firm_id and m.id = s.membership_id where m.login_email = $1",
      [user.email],
    );
    assert.equal(row.n, 2, 'the one of the invitation, and this');
  });

  test('P9 dead after its time, after a newer one, after the access ends, after another password', async () => {
    const user = await newUser();
    const first = await askMail(firm, user, 'magic_links');
    const second = await askMail(firm, user, 'magic_links');
    await refused(redeem({ token: first.token }), 410, 'token_expired');
    await refused(redeem({ firm: firm.slug, email: user.email, code: first.code }), 401, 'invalid_code');

    await ok(firm.owner.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', path(user)), 200);
    await ok(firm.owner.api.POST('/v1/contacts/{contact_id}/portal_access/resume', path(user)), 200);
    await refused(redeem({ token: second.token }), 410, 'token_expired');
    await refused(redeem({ firm: firm.slug, email: user.email, code: second.code }), 401, 'invalid_code');

    const third = await askMail(firm, user, 'magic_links');
    const live = await signIn(firm.slug, 'portal', user.email);
    await ok(live.api.PUT('/v1/auth/password', { body: { current_password: PASSWORD, new_password: NEXT } }), 204);
    await refused(redeem({ token: third.token }), 410, 'token_expired');

    const fourth = await askMail(firm, user, 'magic_links');
    await advance(15 * 60);
    await refused(redeem({ token: fourth.token }), 410, 'token_expired');
    await refused(redeem({ firm: firm.slug, email: user.email, code: fourth.code }), 410, 'token_expired');

    firm.owner = await signIn(firm.slug, 'staff', firm.owner.email);
    const fifth = await askMail(firm, user, 'magic_links');
    await ok(disable(firm.owner, user.contact), 200);
    await refused(redeem({ token: fifth.token }), 401, 'invalid_code');
    await refused(redeem({ firm: firm.slug, email: user.email, code: fifth.code }), 401, 'invalid_code');
  });

  test('P8 P9 another address and the end of a colleague’s work end what was mailed, in the same act', async () => {
    const user = await newUser();
    const link = await askMail(firm, user, 'magic_links');
    const again = await askMail(firm, user, 'password_resets');
    const fresh = address('fresh');
    await ok(
      firm.owner.api.PATCH('/v1/contacts/{contact_id}', { ...path(user), body: { emails: [user.email, fresh] } }), 200,
    );
    await ok(enable(firm.owner, user.contact, { send: 'later', login_email: fresh }), 200);
    assert.ok([401, 410].includes((await redeem({ token: link.token })).response.status));
    await refused(reset(again.token), 410, 'token_expired');
    const cora = await newColleague(firm);
    const hers = await askMail(firm, cora, 'magic_links', { audience: 'staff' });
    const staff_id = cora.session.principal.id;
    await ok(firm.owner.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id } } }), 204);
    await refused(redeem({ token: hers.token }), 410, 'token_expired');
  });

  test('the firm says how long it works: sign_in_link_minutes', async () => {
    const short = await newFirm('short');
    await setSignIn(short, 'both');
    await ok(short.owner.api.PATCH('/v1/firm', { body: { sign_in_link_minutes: 5 } }), 200);
    await refused(short.owner.api.PATCH('/v1/firm', { body: { sign_in_link_minutes: 4 } }), 422, 'validation_failed', [
      '/sign_in_link_minutes out_of_range',
    ]);
    const user = await newPortalUser(short, await newClient(short.owner));
    const { token } = await askMail(short, user, 'magic_links');
    await advance(4 * 60);
    const other = await askMail(short, user, 'magic_links');
    await refused(redeem({ token }), 410, 'token_expired');
    await advance(5 * 60);
    await refused(redeem({ token: other.token }), 410, 'token_expired');
  });

  test('P43 five wrong codes end the code, not the link; the next mail has a new one', async () => {
    const user = await newUser();
    const { code, token } = await askMail(firm, user, 'magic_links');
    for (let i = 0; i < 5; i++)
      await refused(redeem({ firm: firm.slug, email: user.email, code: other(code) }), 401, 'invalid_code');
    await refused(redeem({ firm: firm.slug, email: user.email, code }), 401, 'invalid_code');
    await ok(redeem({ token }), 200);
  });

  test('P43 wrong codes count for the address, known or not: too many are refused', async () => {
    for (const email of [(await newUser()).email, address('stranger')]) {
      const from = ownAddress();
      for (let i = 0; i < 10; i++)
        await refused(redeem({ firm: firm.slug, email, code: '000000' }, from), 401, 'invalid_code');
      await refused(redeem({ firm: firm.slug, email, code: '000000' }, from), 429, 'too_many_attempts');
    }
  });

  test('PKCE: only who asked can redeem, by link and by code', async () => {
    const user = await newUser();
    const code_verifier = 'v'.repeat(50);
    const code_challenge = createHash('sha256').update(code_verifier).digest('base64url');
    const one = await askMail(firm, user, 'magic_links', { code_challenge });
    await refused(redeem({ token: one.token }), 422, 'code_verifier_required', ['/code_verifier required']);
    await refused(redeem({ token: one.token, code_verifier: 'w'.repeat(50) }), 401, 'invalid_code');
    const failed = await stack.sql(
      `select object_id from audit a join membership m on m.firm_id = a.firm_id and m.id = a.object_id
      where m.login_email = $1 and a.action = 'auth.login' and a.outcome = 'failed'`, [user.email],
    );
    assert.equal(failed.length, 1, 'somebody else has the mail: that is on record');
    await ok(redeem({ token: one.token, code_verifier }), 200);
    const two = await askMail(firm, user, 'magic_links', { code_challenge });
    const by = { firm: firm.slug, email: user.email, code: two.code };
    await refused(redeem(by), 422, 'code_verifier_required');
    await refused(redeem({ ...by, code_verifier: 'w'.repeat(50) }), 401, 'invalid_code');
    await ok(redeem({ ...by, code_verifier }), 200);
    await refused(ask(user.email, { code_challenge: 'plain' }), 422, 'validation_failed', ['/code_challenge not_allowed']);
  });

  test('what is no link of ours, and what is not all there', async () => {
    const user = await newUser();
    const { token } = await askMail(firm, user, 'password_resets');
    await refused(redeem({ token }), 401, 'invalid_code');
    await refused(redeem({ token: `A${token.slice(1)}` }), 401, 'invalid_code');
    await refused(redeem({ token: 'x' }), 401, 'invalid_code');
    await refused(redeem({}), 422, 'validation_failed', ['/token one_of']);
    await refused(redeem({ code: '1' }), 422, 'validation_failed', ['/email required']);
    await refused(redeem({ email: user.email }), 422, 'validation_failed', ['/code required']);
    await refused(redeem({ token, code: '123456' }), 422, 'validation_failed', ['/code one_of']);
    const body = { audience: 'nobody', email: 'none', transport: 'air' } as object as Schema['MagicLinkIn'] & Schema['MagicRedeemIn'];
    await refused(nobody().POST('/v1/auth/magic_links/redeem', { body: { transport: body.transport, email: body.email } }), 422, 'validation_failed', [
      '/code required', '/email invalid_email', '/transport not_allowed',
    ]);
    await refused(nobody().POST('/v1/auth/magic_links', { body: { audience: body.audience, email: body.email, code_challenge: 'x' } }), 422, 'validation_failed', [
      '/audience not_allowed', '/code_challenge not_allowed', '/email invalid_email',
    ]);
    await refused(redeem({ firm: firm.slug, email: user.email, code: 'abc' }), 401, 'invalid_code');
    await refused(redeem({ firm: firm.slug, email: 'nobody@mail.test', code: '123456' }), 401, 'invalid_code');
    await refused(redeem({ email: user.email, code: '123456' }), 422, 'firm_required');
    await refused(nobody().POST('/v1/auth/magic_links', { body: { audience: 'portal', email: user.email } }), 422, 'firm_required');
    await refused(nobody().POST('/v1/auth/password_resets', { body: { audience: 'portal', email: user.email } }), 422, 'firm_required');
  });

  test('the cookie transport, as with a password', async () => {
    const user = await newUser();
    const { token } = await askMail(firm, user, 'magic_links');
    const got = await raw('/v1/auth/magic_links/redeem', { method: 'POST', json: { token, transport: 'cookie' } });
    assert.equal(got.status, 200);
    assert.match(got.headers.get('set-cookie') ?? '', /^__Host-session=[^;]+; /);
    assert.equal(got.json.access_token, null);
  });

  test('P29 neither token nor code is kept: only what they are derived from', async () => {
    const user = await newUser();
    const { token, code } = await askMail(firm, user, 'magic_links');
    const [row] = await eventually(async () => {
      const rows = await stack.sql(
        "select to_jsonb(e)::text || t::text as kept, e.state from envelope e join mailed_token t on t.firm_id = e.firm_id and t.id = e.token_id where e.to_email = $1",
        [user.email],
      );
      assert.equal(rows[0].state, 'sent');
      return rows;
    });
    assert.ok(!row.kept.includes(token.slice(43)) && !row.kept.includes(code), row.kept);
    const outbox = await ok(firm.owner.api.GET('/v1/test/outbox', { params: { query: { to: user.email } } }), 200);
    const shown = outbox.data.at(-1);
    assert.deepEqual(shown?.codes, [code]);
    assert.ok(shown?.links.some((link) => link.endsWith(`#${token}`)));
  });
});

describe('a forgotten password', () => {
  test('S2_2 S2_20 S2_22 by mail, with no session: the new one signs in, all sessions end, the person is told', async () => {
    const user = await newUser();
    const { token, link } = await askMail(firm, user, 'password_resets');
    assert.ok(link.startsWith(`${stack.url}/reset#`), link);
    await refused(reset(token, 'short'), 422, 'password_too_weak', ['/new_password password_too_weak']);
    const after = await sink.mark();
    await ok(reset(token), 204);
    await refused(user.api.GET('/v1/portal/home'), 401, 'unauthenticated');
    await refused(login(firm, user.email), 401, 'invalid_credentials');
    await ok(login(firm, user.email, NEXT), 200);
    const [mail] = await sink.mails(user.email, { after });
    assert.match(mail?.subject ?? '', /password .*was changed/);
    await refused(reset(token), 410, 'token_used');
    const [act] = await stack.sql(
      "select actor_name, ip from audit where firm_id = $1 and action = 'auth.password_reset' order by row_no desc limit 1", [firm.id],
    );
    assert.ok(act.ip);
  });

  test('S2_19 changing it while signed in is told by mail too', async () => {
    const user = await newUser();
    const after = await sink.mark();
    await ok(user.api.PUT('/v1/auth/password', { body: { current_password: PASSWORD, new_password: NEXT } }), 204);
    const [mail] = await sink.mails(user.email, { after });
    assert.match(mail?.subject ?? '', /password .*was changed/);
  });

  test('S2_21 P7 by the address that the person signs in with, whatever the contact’s is by now', async () => {
    const user = await newUser();
    const fresh = address('moved');
    await ok(firm.owner.api.PATCH('/v1/contacts/{contact_id}', { ...path(user), body: { primary_email: fresh } }), 200);
    const after = await sink.mark();
    await ok(askReset(fresh), 202);
    await ok(askReset(user.email.replace(/^./, (c) => c.toUpperCase())), 202);
    const [mail] = await sink.mails(user.email, { after });
    assert.equal(mail?.to, user.email);
    await ok(reset(doorOf(mail, '/reset').token), 204);
    const rows = await stack.sql('select 1 from envelope where to_email = $1', [fresh]);
    assert.equal(rows.length, 0);
  });

  test('P9 once, for an hour, the newest alone; forty at once, each of whom has a hash computed, are one', async () => {
    const user = await newUser();
    const first = await askMail(firm, user, 'password_resets');
    const second = await askMail(firm, user, 'password_resets');
    await refused(reset(first.token), 410, 'token_expired');
    await refused(reset('x'.repeat(86)), 410, 'token_expired');
    await oneWins(() => reset(second.token), '204', ['410 token_used'], 40);
    const third = await askMail(firm, user, 'password_resets');
    await advance(60 * 60);
    await refused(reset(third.token), 410, 'token_expired');
    firm.owner = await signIn(firm.slug, 'staff', firm.owner.email);
  });

  test('S2_22 it ends the sessions at every firm, and links that wait there', async () => {
    const user = await newUser();
    const there = await newFirm('there');
    await setSignIn(there, 'both');
    const contact = await newContact(there.owner, await newClient(there.owner), { primary_email: user.email });
    const after = await sink.mark();
    await ok(enable(there.owner, contact), 200);
    const [mail] = await sink.mails(user.email, { after });
    const second = await accept(tokenOf(mail), there.slug, user.email);
    const link = await askMail(there, user, 'magic_links');
    await ok(reset((await askMail(firm, user, 'password_resets')).token), 204);
    await refused(second.api.GET('/v1/portal/home'), 401, 'unauthenticated');
    await refused(redeem({ token: link.token }), 410, 'token_expired');
  });
});

describe('who asks is told nothing', () => {
  test('P3 P10 status, headers, length, statements and hashes are the same for a person, a stranger and no firm', async () => {
    const user = await newUser();
    const invited = await newContact(firm.owner, await newClient(firm.owner));
    await ok(enable(firm.owner, invited), 200);
    const who = [user.email, address('stranger'), invited.primary_email ?? ''];
    const of = (where: string, more: object = {}) =>
      Promise.all([0].map(async () => {
        const seen: Seen[] = [];
        for (const email of who) seen.push(await look(where, { firm: firm.slug, audience: 'portal', email, ...more }));
        seen.push(await look(where, { firm: 'no-such-firm', audience: 'portal', email: user.email, ...more }));
        return seen;
      })).then(([seen]) => seen ?? []);
    for (const [where, more, hashes] of [
      ['/v1/auth/magic_links', {}, 0],
      ['/v1/auth/password_resets', {}, 0],
      ['/v1/auth/login', { password: 'not this one at all', transport: 'token' }, 1],
    ] as const) {
      const seen = await of(where, more);
      assert.equal(seen[0]?.hashes, hashes, where);
      for (const one of seen.slice(0, 3)) assert.deepEqual(one, seen[0], where);
      assert.deepEqual({ ...seen[3], trips: 0 }, { ...seen[0], trips: 0 }, `${where}: which firms there are is public`);
    }
    const codes: Seen[] = [];
    for (const email of who)
      codes.push(await look('/v1/auth/magic_links/redeem', { firm: firm.slug, email, code: '000000', transport: 'token' }));
    for (const one of codes) assert.deepEqual(one, codes[0]);
    assert.equal(codes[0]?.hashes, 0);
    const portals: Seen[] = [];
    for (const email of who) portals.push(await look('/v1/public/find_portals', { email }));
    for (const one of portals) assert.deepEqual(one, portals[0]);
  });

  test('P3 strangers get no mail, and neither does whoever was not let in yet', async () => {
    const invited = await newContact(firm.owner, await newClient(firm.owner));
    await ok(enable(firm.owner, invited), 200);
    const stranger = address('stranger');
    for (const email of [stranger, invited.primary_email ?? '']) {
      await ok(ask(email), 202);
      await ok(askReset(email), 202);
      await ok(nobody().POST('/v1/public/find_portals', { body: { email } }), 202);
      const rows = await stack.sql("select kind from envelope where to_email = $1 and kind <> 'invitation'", [email]);
      assert.deepEqual(rows, []);
    }
  });

  test('P3 asking often: too many for an address from one place, known or not; others may still ask', async () => {
    const user = await newUser();
    for (const email of [user.email, address('stranger')])
      for (const act of [
        (from: string) => ask(email, {}, from),
        (from: string) => askReset(email, {}, from),
        (from: string) => nobody(from).POST('/v1/public/find_portals', { body: { email } }),
      ]) {
        const from = ownAddress();
        for (let i = 0; i < 5; i++) await ok(act(from), 202);
        const got = await act(from);
        assert.equal(`${got.response.status} ${got.error?.code}`, '429 too_many_attempts');
        assert.ok(Number(got.response.headers.get('retry-after')) > 0);
        await ok(act(ownAddress()), 202);
      }
    const [row] = await stack.sql(
      "select count(*)::int as n from audit where firm_id = $1 and action in ('auth.magic_link', 'auth.password_reset_asked') and outcome = 'denied'",
      [firm.id],
    );
    assert.ok(row.n >= 4, 'on record');
    const { length } = await stack.sql("select from audit where action ~ 'find_portals'");
    assert.equal(length, 0, 'of a stranger there is no firm to have it on record, so the work would tell who is none');
  });
});

test('P3 whoever has an IPv6 address has all behind it: they are one place', async () => {
  const email = address('stranger');
  const wrong = { firm: firm.slug, audience: 'portal', email, password: 'not the password', transport: 'token' };
  for (const [path, body, most, taken] of [
    ['/v1/public/find_portals', { email }, 5, 202],
    ['/v1/auth/login', wrong, 10, 401],
  ] as const) {
    const from = async (addr: string) =>
      (await wire(stack.url + path, {
        socket: stack.env['PORTICO_SOCKET'],
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-portico-addr': addr },
        body: JSON.stringify(body),
      })).status;
    for (let i = 1; i <= most; i++) assert.equal(await from(`2001:db8:1:2:${i}::${i}`), taken);
    assert.equal(await from('2001:db8:1:2::99'), 429);
    assert.equal(await from('2001:db8:1:3::1'), taken);
  }
});

test('S2_3 where do I sign in: one mail lists the portals of the address, at every firm', async () => {
  const user = await newUser();
  const there = await newFirm('second');
  const contact = await newContact(there.owner, await newClient(there.owner), { primary_email: user.email });
  let after = await sink.mark();
  await ok(enable(there.owner, contact), 200);
  const [invitation] = await sink.mails(user.email, { after });
  await accept(tokenOf(invitation), there.slug, user.email);
  after = await sink.mark();
  await ok(nobody().POST('/v1/public/find_portals', { body: { email: user.email } }), 202);
  const [mail, more] = await sink.mails(user.email, { after });
  assert.equal(more, undefined);
  assert.ok(mail?.text.includes(firm.name) && mail.text.includes(there.name), mail?.text);
  assert.ok(mail?.links.includes(`${stack.url}/signin?firm=${there.slug}`), mail?.links.join());
});

describe('how a firm signs its clients in', () => {
  let way: Firm;
  let user: PortalUser;
  before(async () => {
    way = await newFirm('way');
    user = await newPortalUser(way, await newClient(way.owner));
  });
  const at = (email: string) => ({ firm: way.slug, audience: 'portal' as const, email });
  const invite = async () => {
    const contact = await newContact(way.owner, await newClient(way.owner));
    const after = await sink.mark();
    await ok(enable(way.owner, contact), 200);
    const [mail] = await sink.mails(contact.primary_email ?? '', { after });
    return { email: contact.primary_email ?? '', token: tokenOf(mail) };
  };
  const preview = (token: string) => ok(nobody().POST('/v1/invitations/preview', { body: { token } }), 200);

  test('password: no mailed links; a new person chooses a password', async () => {
    await refused(nobody().POST('/v1/auth/magic_links', { body: at(user.email) }), 403, 'passwordless_disabled');
    await refused(nobody().POST('/v1/auth/magic_links/redeem', {
      body: { firm: way.slug, email: user.email, code: '123456', transport: 'token' },
    }), 403, 'passwordless_disabled');
    const { token } = await invite();
    const seen = await preview(token);
    assert.deepEqual([seen.credential, seen.requires_password], ['new', true]);
    await refused(acceptAs(token, { password: undefined }), 422, 'password_required');
  });

  test('S3_4 passwordless: an invitation asks for none, links sign in, passwords do not', async () => {
    const reset = await askMail(way, user, 'password_resets');
    await setSignIn(way, 'passwordless');
    const { token, email } = await invite();
    const seen = await preview(token);
    assert.deepEqual([seen.credential, seen.requires_password, seen.firm.sign_in], ['none', false, 'passwordless']);
    const result = await ok(acceptAs(token, { password: undefined }), 200);
    assert.equal(result.state, 'signed_in');
    const person = api(stack.url, { token: result.access_token ?? '', from: ownAddress() });
    await refused(person.PUT('/v1/auth/password', { body: { new_password: NEXT } }), 403, 'password_sign_in_disabled');
    await refused(login(way, user.email), 403, 'password_sign_in_disabled');
    await refused(nobody().POST('/v1/auth/password_resets', { body: at(user.email) }), 403, 'password_sign_in_disabled');
    await refused(nobody().POST('/v1/auth/password_resets/redeem', { body: { token: reset.token, new_password: NEXT } }), 403, 'password_sign_in_disabled');
    for (const one of [email, user.email]) {
      const after = await sink.mark();
      await ok(nobody().POST('/v1/auth/magic_links', { body: at(one) }), 202);
      const [mail] = await sink.mails(one, { after });
      await home(await ok(redeem({ token: doorOf(mail, '/m').token }), 200));
    }
    await ok(login(way, way.owner.email, PASSWORD, 'staff'), 200);
    const { token: colleague } = await inviteStaff(way.owner, (await rolesOf(way)).member);
    assert.equal((await preview(colleague)).credential, 'new', 'the staff keep their passwords');
  });

  test('S2_2 back to passwords: who has none is mailed a link to choose one', async () => {
    await setSignIn(way, 'passwordless');
    const { token, email } = await invite();
    await ok(acceptAs(token, { password: undefined }), 200);
    await setSignIn(way, 'password');
    await refused(login(way, email), 401, 'invalid_credentials');
    const door = await askMail(way, { email }, 'password_resets');
    await ok(reset(door.token, PASSWORD), 204);
    await ok(login(way, email), 200);
  });

  test('both: the password may be left out at the invitation, and is no less right when it is sent', async () => {
    await setSignIn(way, 'both');
    const without = await invite();
    const seen = await preview(without.token);
    assert.deepEqual([seen.credential, seen.requires_password], ['new', false]);
    const result = await ok(acceptAs(without.token, { password: undefined }), 200);
    const person = api(stack.url, { token: result.access_token ?? '', from: ownAddress() });
    await refused(person.PUT('/v1/auth/password', { body: { new_password: NEXT } }), 403, 'recent_sign_in_required');
    await refused(person.PUT('/v1/auth/password', { body: { current_password: PASSWORD, new_password: NEXT } }), 401, 'invalid_credentials');
    const withOne = await invite();
    await accept(withOne.token, way.slug, withOne.email);
    await ok(login(way, withOne.email), 200);
  });

  test('P31 a link signs in and does no more: a password is not changed without the old one', async () => {
    const { token } = await askMail(way, user, 'magic_links');
    const result = await ok(redeem({ token }), 200);
    const person = api(stack.url, { token: result.access_token ?? '', from: ownAddress() });
    await refused(person.PUT('/v1/auth/password', { body: { new_password: NEXT } }), 403, 'recent_sign_in_required');
  });

  test('nobody is locked out: no way is taken away from somebody whose mail bounces', async () => {
    await setSignIn(way, 'both');
    await stack.sql("insert into suppression values ($1, $2, 'bounced', now())", [way.id, user.email]);
    await refused(way.owner.api.PATCH('/v1/firm', { body: { sign_in: 'passwordless' } }), 409, 'would_lock_out');
    await setSignIn(way, 'password');
    await setSignIn(way, 'both');
    await stack.sql('delete from suppression where firm_id = $1', [way.id]);
    await setSignIn(way, 'passwordless');
  });
});
