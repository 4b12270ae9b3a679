// password.test.ts - one's own sessions, and one's own password.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { api } from '../lib/client.mjs';
import { ownAddress } from '../lib/wire.mjs';
import {
  accept, acceptAs, advance, askMail, inviteStaff, newClient, newColleague, newFirm, newPortalUser, nobody, ok, preview, raw,
  refused, rolesOf, signIn, stack, withFactor, PASSWORD, type Firm, type Person, type PortalUser, type Schema,
} from '../lib/kit.js';

const NEXT = 'eleven dry storks stay put';

let firm: Firm;
let user: PortalUser;
before(async () => {
  firm = await newFirm('own');
  user = await newPortalUser(firm, await newClient(firm.owner));
});

const sessions = async (as: Person) => (await ok(as.api.GET('/v1/auth/sessions'), 200)).data;
const end = (as: Person, session_id: string) =>
  as.api.DELETE('/v1/auth/sessions/{session_id}', { params: { path: { session_id } } });
const change = (as: Person, body: Schema['PasswordIn']) => as.api.PUT('/v1/auth/password', { body });
const login = (audience: 'staff' | 'portal', email: string, password: string, slug = firm.slug, from = ownAddress()) =>
  api(stack.url, { from }).POST('/v1/auth/login', {
    body: { firm: slug, audience, email, password, transport: 'token' },
  });

describe('sessions', () => {
  test('one’s own that live, the one that asks marked; nobody else’s', async () => {
    const cora = await newColleague(firm);
    const two = await signIn(firm.slug, 'staff', cora.email);
    const list = await sessions(two);
    assert.deepEqual(
      list.map((s) => [s.id, s.current]),
      [
        [cora.session.id, false],
        [two.session.id, true],
      ],
    );
    for (const s of list) {
      assert.match(s.ip, /^127\./);
      assert.ok(s.created_at <= s.last_seen_at && s.last_seen_at < s.expires_at);
    }
    const named = await raw('/v1/auth/login', {
      method: 'POST',
      headers: { 'user-agent': 'Netscape 4' },
      json: { firm: firm.slug, audience: 'staff', email: cora.email, password: PASSWORD, transport: 'token' },
    });
    assert.equal(named.status, 200);
    assert.equal((await sessions(two)).at(-1)?.user_agent, 'Netscape 4');
    await advance(31 * 60);
    assert.deepEqual(
      (await sessions(await signIn(firm.slug, 'staff', cora.email))).map((s) => s.current),
      [true],
      'what was idle for too long is gone',
    );
    firm.owner = await signIn(firm.slug, 'staff', firm.owner.email);
    Object.assign(user, await signIn(firm.slug, 'portal', user.email));
  });

  test('P8 an ended one is refused on the next request, the others go on', async () => {
    const one = await signIn(firm.slug, 'portal', user.email);
    const two = await signIn(firm.slug, 'portal', user.email);
    await ok(end(one, two.session.id), 204);
    await refused(two.api.GET('/v1/portal/home'), 401, 'unauthenticated');
    await ok(one.api.GET('/v1/portal/home'), 200);
    await refused(end(one, two.session.id), 404, 'not_found');
    assert.ok(!(await sessions(one)).some((s) => s.id === two.session.id));
    await ok(end(one, one.session.id), 204);
    await refused(one.api.GET('/v1/me'), 401, 'unauthenticated');
  });

  test('somebody else’s is not there, also a colleague’s', async () => {
    const cora = await newColleague(firm);
    await refused(end(firm.owner, cora.session.id), 404, 'not_found');
    await refused(end(user, cora.session.id), 404, 'not_found');
    await ok(cora.api.GET('/v1/me'), 200);
  });

  test('all but the one that asks', async () => {
    const cora = await newColleague(firm);
    const others = [await signIn(firm.slug, 'staff', cora.email), await signIn(firm.slug, 'staff', cora.email)];
    await ok(cora.api.DELETE('/v1/auth/sessions'), 204);
    for (const other of others) await refused(other.api.GET('/v1/me'), 401, 'unauthenticated');
    assert.deepEqual(
      (await sessions(cora)).map((s) => s.id),
      [cora.session.id],
    );
    await ok(cora.api.DELETE('/v1/auth/sessions'), 204);
    await ok(firm.owner.api.GET('/v1/me'), 200);
  });

  test('ending the cookie’s own session clears the cookie; each end is on record', async () => {
    const got = await raw('/v1/auth/login', {
      method: 'POST',
      json: { firm: firm.slug, audience: 'portal', email: user.email, password: PASSWORD, transport: 'cookie' },
    });
    const cookie = (got.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const id: string = got.json.session.id;
    const headers = { cookie, origin: stack.url };
    const foreign = await raw(`/v1/auth/sessions/${id}`, {
      method: 'DELETE',
      headers: { cookie, origin: 'https://evil.test' },
    });
    assert.equal(`${foreign.status} ${foreign.json.code}`, '403 origin_not_allowed');
    const out = await raw(`/v1/auth/sessions/${id}`, { method: 'DELETE', headers });
    assert.equal(out.status, 204);
    assert.match(out.headers.get('set-cookie') ?? '', /^__Host-session=;.*Max-Age=0/i);
    assert.equal((await raw('/v1/me', { headers: { cookie } })).status, 401);
    const [row] = await stack.sql(
      "select count(*)::int as n from audit where firm_id = $1 and action = 'auth.session_ended' and outcome = 'ok'",
      [firm.id],
    );
    assert.ok(row.n >= 3);
  });
});

describe('the password', () => {
  test('S2_19 a client changes it alone: the old one is nothing, all other sessions end', async () => {
    const ann = await newPortalUser(firm, await newClient(firm.owner));
    const other = await signIn(firm.slug, 'portal', ann.email);
    await ok(change(ann, { current_password: PASSWORD, new_password: NEXT }), 204);
    await ok(ann.api.GET('/v1/portal/home'), 200);
    await refused(other.api.GET('/v1/portal/home'), 401, 'unauthenticated');
    await refused(login('portal', ann.email, PASSWORD), 401, 'invalid_credentials');
    await ok(login('portal', ann.email, NEXT), 200);
    const acts = await stack.sql(
      "select outcome from audit where firm_id = $1 and action = 'auth.password_changed' order by row_no",
      [firm.id],
    );
    assert.deepEqual(
      acts.map((a) => a.outcome),
      ['ok'],
    );
  });

  test('it is the person’s, not the firm’s: sessions at every firm end', async () => {
    const other = await newFirm('second');
    const ann = await newPortalUser(firm, await newClient(firm.owner));
    const { token } = await inviteStaff(other.owner, (await rolesOf(other)).member, { email: ann.email });
    const there = await accept(token, other.slug, ann.email);
    await ok(change(ann, { current_password: PASSWORD, new_password: NEXT }), 204);
    await refused(there.api.GET('/v1/me'), 401, 'unauthenticated');
    await refused(login('staff', ann.email, PASSWORD, other.slug), 401, 'invalid_credentials');
    await ok(login('staff', ann.email, NEXT, other.slug), 200);
  });

  test('a weak one is refused, with its place; so is one that holds the firm’s name', async () => {
    const again = await signIn(firm.slug, 'portal', user.email);
    for (const new_password of ['password1', 'short', firm.name, user.email, ''])
      await refused(change(again, { current_password: PASSWORD, new_password }), 422, 'password_too_weak');
    const problem = await refused(
      change(again, { current_password: PASSWORD, new_password: 'short' }),
      422,
      'password_too_weak',
    );
    assert.deepEqual(
      problem.errors.map((e) => e.pointer),
      ['/new_password'],
    );
    await ok(login('portal', user.email, PASSWORD), 200);
  });

  test('a wrong current one is a guess, counted with those at sign-in', async () => {
    const ann = await newPortalUser(firm, await newClient(firm.owner));
    const place = ann.from;
    for (let i = 0; i < 5; i++)
      await refused(change(ann, { current_password: 'a wrong guess', new_password: NEXT }), 401, 'invalid_credentials');
    for (let i = 0; i < 5; i++)
      await refused(login('portal', ann.email, 'a wrong guess', firm.slug, place), 401, 'invalid_credentials');
    const shut = await refused(
      change(ann, { current_password: PASSWORD, new_password: NEXT }),
      429,
      'too_many_attempts',
    );
    assert.ok((shut.retry_after ?? 0) > 0);
    await refused(login('portal', ann.email, PASSWORD, firm.slug, place), 429, 'too_many_attempts');
    await ok(ann.api.GET('/v1/portal/home'), 200);
    const [row] = await stack.sql(
      "select count(*)::int as n from audit where firm_id = $1 and action = 'auth.password_changed' and outcome = 'failed'",
      [firm.id],
    );
    assert.equal(row.n, 5);
    await advance(901);
    await ok(change(ann, { current_password: PASSWORD, new_password: NEXT }), 204);
  });

  test('without the current one: only in the session that began with the choice, for ten minutes', async () => {
    const ann = await newPortalUser(firm, await newClient(firm.owner));
    const later = await signIn(firm.slug, 'portal', ann.email);
    await refused(change(later, { new_password: NEXT }), 403, 'recent_sign_in_required');
    await ok(change(ann, { new_password: NEXT }), 204);
    await refused(change(ann, { new_password: PASSWORD }), 403, 'recent_sign_in_required');
    await ok(login('portal', ann.email, NEXT), 200);
    const ben = await newPortalUser(firm, await newClient(firm.owner));
    await advance(601);
    await refused(change(ben, { new_password: NEXT }), 403, 'recent_sign_in_required');
    await ok(change(ben, { current_password: PASSWORD, new_password: NEXT }), 204);
  });

  test('the mailed link of somebody who has a password already is no leave to choose another', async () => {
    const cora = await newColleague(firm);
    const other = await newFirm('third');
    const { token } = await inviteStaff(other.owner, (await rolesOf(other)).member, { email: cora.email });
    const there = await accept(token, other.slug, cora.email);
    await refused(change(there, { new_password: NEXT }), 403, 'recent_sign_in_required');
  });

  test('a firm without passwords: none for its clients, as before for its staff', async () => {
    const own = await newFirm('less');
    const ann = await newPortalUser(own, await newClient(own.owner));
    await stack.sql("update firm set sign_in = 'passwordless' where id = $1", [own.id]);
    const body = { current_password: PASSWORD, new_password: NEXT };
    await refused(change(ann, body), 403, 'password_sign_in_disabled');
    await ok(change(own.owner, body), 204);
  });

  test('two at once: one of them is the password', async () => {
    const cora = await newColleague(firm);
    const choices = [NEXT, 'nine loud geese took off'] as const;
    const both = await Promise.all(
      choices.map((new_password) => change(cora, { current_password: PASSWORD, new_password })),
    );
    const said = both.map((b) => b.response.status);
    assert.deepEqual([...said].sort(), [204, 401]);
    await ok(login('staff', cora.email, choices[said.indexOf(204)] ?? ''), 200);
    await refused(login('staff', cora.email, choices[said.indexOf(401)] ?? ''), 401, 'invalid_credentials');
  });

  test('a body that is wrong is told all its faults; somebody without a session nothing but that', async () => {
    const faults = ['/current_password wrong_type', '/new_password required', '/surprise unknown_member'];
    const body = { current_password: 7, surprise: 1 } as unknown as Schema['PasswordIn'];
    await refused(change(user, body), 422, 'validation_failed', faults);
    await refused(
      nobody().PUT('/v1/auth/password', { body: { current_password: PASSWORD, new_password: NEXT } }),
      401,
      'unauthenticated',
    );
  });

  test('a wrong one that comes from no known place counts too', async () => {
    const ann = await newPortalUser(firm, await newClient(firm.owner));
    const status = await new Promise((resolve, reject) => {
      const asked = http.request(
        {
          socketPath: stack.env['PORTICO_SOCKET'],
          path: '/v1/auth/password',
          method: 'PUT',
          headers: { authorization: `Bearer ${ann.token}`, 'content-type': 'application/json' },
        },
        (answer) => resolve(answer.resume().statusCode),
      );
      asked.on('error', reject);
      asked.end(JSON.stringify({ current_password: 'a wrong guess', new_password: NEXT }));
    });
    assert.equal(status, 401);
  });
});

describe('a password that is all that is asked of the staff has fifteen characters', () => {
  const SHORT = 'xkq7wz!pLm3Q';
  const tooShort = async (reply: Parameters<typeof refused>[0]) =>
    assert.match((await refused(reply, 422, 'password_too_weak')).detail, /15 characters.*second factor/);
  const join = (token: string, password: string) => acceptAs(token, { password });
  const invited = async () => (await inviteStaff(firm.owner, (await rolesOf(firm)).member)).token;
  const previewed = async (token: string) => (await ok(preview(token), 200)).firm.password_min_length;
  const wantFactor = (on: boolean) => stack.sql('update firm set require_staff_totp = $2 where id = $1', [firm.id, on]);

  test('chosen with the invitation: the preview tells, fourteen are refused; eight do where the firm wants a second factor', async () => {
    const [one, other] = [await invited(), await invited()];
    assert.equal(await previewed(one), 15);
    await tooShort(join(one, SHORT));
    await ok(join(one, PASSWORD), 200);
    await wantFactor(true);
    try {
      assert.equal(await previewed(other), 8);
      await ok(join(other, SHORT), 200);
    } finally {
      await wantFactor(false);
    }
  });

  test('changed, and chosen anew by mail: with a second factor eight do', async () => {
    const cora = await newColleague(firm);
    const redeem = async (new_password: string) => {
      const { token } = await askMail(firm, cora, 'password_resets', { audience: 'staff' });
      return nobody().POST('/v1/auth/password_resets/redeem', { body: { token, new_password } });
    };
    await tooShort(change(cora, { current_password: PASSWORD, new_password: SHORT }));
    await tooShort(redeem(SHORT));
    await withFactor(cora);
    await ok(change(cora, { current_password: PASSWORD, new_password: SHORT }), 204);
    await ok(redeem(`${SHORT}2`), 204);
  });

  test('a client’s is his own affair until he joins a staff', async () => {
    const ann = await newPortalUser(firm, await newClient(firm.owner));
    const { token } = await inviteStaff(firm.owner, (await rolesOf(firm)).member, { email: ann.email });
    await ok(change(ann, { current_password: PASSWORD, new_password: SHORT }), 204);
    await tooShort(join(token, SHORT));
    await refused(
      ann.api.POST('/v1/invitations/accept', { body: { token, transport: 'token' } }), 422, 'password_required',
    );
    await withFactor(await signIn(firm.slug, 'portal', ann.email, SHORT));
    assert.equal((await ok(join(token, SHORT), 200)).state, 'mfa_required');
  });
});
