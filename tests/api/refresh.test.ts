// refresh.test.ts - the tokens of an app: exchanged, lost on the way, used twice, and dead with the session.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { createHash } from 'node:crypto';
import { api } from '../lib/client.mjs';
import { ownAddress } from '../lib/wire.mjs';
import {
  advance, disable, newClient, newColleague, newFirm, newPortalUser, nobody, ok, raw, refused, signIn, stack, PASSWORD,
  type Firm, type Person, type PortalUser, type Schema,
} from '../lib/kit.js';

const DAY = 24 * 3600;

let firm: Firm;
let user: PortalUser;
before(async () => {
  firm = await newFirm('refresh');
  user = await newPortalUser(firm, await newClient(firm.owner));
});

const exchange = (refresh_token: string, from = ownAddress()) =>
  api(stack.url, { from }).POST('/v1/auth/refresh', { body: { refresh_token } });
const next = (refresh_token: string) => ok(exchange(refresh_token), 200);
const using = (result: Schema['SignInResult']) => api(stack.url, { token: result.access_token ?? '', from: ownAddress() });
const sessions = async (as: Person) => (await ok(as.api.GET('/v1/auth/sessions'), 200)).data;
const portal = () => signIn(firm.slug, 'portal', user.email);
const staff = async () => (firm.owner = await signIn(firm.slug, 'staff', firm.owner.email));

describe('a device', () => {
  test('its tokens: an hour, and another for it; nothing of them is stored', async () => {
    const ann = await portal();
    assert.match(ann.refresh, /^cpr_[\w-]{80,}$/);
    const first = await next(ann.refresh);
    assert.deepEqual([first.state, first.expires_in, first.session?.id], ['signed_in', 3600, ann.session.id]);
    assert.equal(first.session?.authenticated_at, ann.session.authenticated_at, 'nobody has proved anything anew');
    assert.notEqual(first.refresh_token, ann.refresh);
    assert.notEqual(first.access_token, ann.token);
    await ok(using(first).GET('/v1/portal/home'), 200);
    await ok(ann.api.GET('/v1/portal/home'), 200);
    await advance(61);
    await refused(ann.api.GET('/v1/portal/home'), 401, 'unauthenticated');
    await ok(using(first).GET('/v1/portal/home'), 200);
    const [row] = await stack.sql('select to_jsonb(s)::text as text from session s where token_hash = $1', [
      createHash('sha256').update(first.access_token ?? '').digest(),
    ]);
    for (const token of [first.access_token, first.refresh_token, ann.token, ann.refresh])
      assert.ok(!row.text.includes(String(token).slice(-40)));
  });

  test('an access token ends after its hour, and that is no denial', async () => {
    const ann = await portal();
    await advance(59 * 60);
    await ok(ann.api.GET('/v1/portal/home'), 200);
    await advance(61);
    await refused(ann.api.GET('/v1/portal/home'), 401, 'unauthenticated');
    const [row] = await stack.sql("select count(*)::int as n from audit where action = 'auth.session' and object_type = 'session' and firm_id = $1 and at > $2", [
      firm.id,
      ann.session.authenticated_at,
    ]);
    assert.equal(row.n, 0);
    await ok(using(await next(ann.refresh)).GET('/v1/portal/home'), 200);
    await staff();
  });

  test('S0_24 an app comes back after weeks, is in the list with its kind, and is ended there', async () => {
    const got = await raw('/v1/auth/login', {
      method: 'POST',
      headers: { 'user-agent': 'Portico/1.0 (iPhone; iOS 19.0)' },
      json: { firm: firm.slug, audience: 'portal', email: user.email, password: PASSWORD, transport: 'token' },
    });
    let app: Schema['SignInResult'] = got.json;
    for (let week = 0; week < 6; week++) {
      await advance(7 * DAY);
      app = await next(app.refresh_token ?? '');
      await ok(using(app).GET('/v1/portal/home'), 200);
    }
    await advance(29 * DAY);
    const desk = await portal();
    const shown = (await sessions(desk)).find((s) => s.id === app.session?.id);
    assert.deepEqual([shown?.device, shown?.transport, shown?.current], ['phone', 'token', false]);
    const idle = Date.parse(shown?.expires_at ?? '') - Date.parse(shown?.last_seen_at ?? '');
    assert.equal(idle, 30 * DAY * 1000);
    app = await next(app.refresh_token ?? '');
    await ok(using(app).GET('/v1/portal/documents'), 200);
    const one = { params: { path: { session_id: app.session?.id ?? '' } } };
    await ok(desk.api.DELETE('/v1/auth/sessions/{session_id}', one), 204);
    await refused(using(app).GET('/v1/portal/home'), 401, 'unauthenticated');
    await refused(exchange(app.refresh_token ?? ''), 401, 'refresh_token_invalid');
    await staff();
  });

  test('S0_24 each kind of device is told by what it says of itself', async () => {
    const ann = await portal();
    const kinds: Record<string, string> = {
      'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0': 'computer',
      'Mozilla/5.0 (Linux; Android 15; Pixel) Mobile Safari': 'phone',
      'Mozilla/5.0 (Linux; Android 15; Tab) Safari': 'tablet',
      'Mozilla/5.0 (iPad; CPU OS 19_0) Safari': 'tablet',
      'okhttp/5.0': 'phone',
      'curl/8.0': 'other',
    };
    for (const [agent, device] of Object.entries(kinds)) {
      const got = await raw('/v1/auth/login', {
        method: 'POST',
        headers: { 'user-agent': agent },
        json: { firm: firm.slug, audience: 'portal', email: user.email, password: PASSWORD, transport: 'cookie' },
      });
      const found = (await sessions(ann)).find((s) => s.id === got.json.session.id);
      assert.deepEqual([agent, found?.device, found?.transport], [agent, device, 'cookie']);
    }
  });

  test('of a portal user: 30 days without a refresh, 180 in all', async () => {
    const idle = await portal();
    let busy: Schema['SignInResult'] = await next((await portal()).refresh);
    await advance(30 * DAY + 1);
    await refused(exchange(idle.refresh), 401, 'refresh_token_invalid');
    await refused(exchange(busy.refresh_token ?? ''), 401, 'refresh_token_invalid');
    busy = await next((await portal()).refresh);
    for (let day = 29; day < 180; day += 29) {
      await advance(29 * DAY);
      busy = await next(busy.refresh_token ?? '');
    }
    await advance(6 * DAY + 1);
    await refused(exchange(busy.refresh_token ?? ''), 401, 'refresh_token_invalid');
    await staff();
  });

  test('of the staff: as long as the session, and idle no longer than the firm allows', async () => {
    const owner = await staff();
    await advance(31 * 60);
    await refused(exchange(owner.refresh), 401, 'refresh_token_invalid');
    let now: Schema['SignInResult'] = await next((await staff()).refresh);
    const ends = Date.parse(now.session?.expires_at ?? '');
    for (let i = 0; i < 28; i++) {
      await advance(25 * 60);
      now = await next(now.refresh_token ?? '');
      assert.equal(Date.parse(now.session?.expires_at ?? ''), ends);
    }
    assert.ok((now.expires_in ?? 0) <= 20 * 60, `${now.expires_in}`);
    await advance(25 * 60);
    await refused(exchange(now.refresh_token ?? ''), 401, 'refresh_token_invalid');
    await staff();
  });
});

describe('the same token twice', () => {
  test('twenty at once: one and the same successor', async () => {
    const ann = await portal();
    const all = await Promise.all(Array.from({ length: 20 }, () => ok(exchange(ann.refresh), 200)));
    assert.equal(new Set(all.map((r) => r.refresh_token)).size, 1);
    assert.equal(new Set(all.map((r) => r.access_token)).size, 1);
    await ok(using(all[7] as Schema['SignInResult']).GET('/v1/portal/home'), 200);
    const acts = await stack.sql(
      "select count(*)::int as n from audit a where firm_id = $1 and action = 'auth.refreshed' and detail is not null and object_id = (select id from session where token_hash = $2)",
      [firm.id, createHash('sha256').update(all[0]?.access_token ?? '').digest()],
    );
    assert.equal(acts[0].n, 1);
  });

  test('a lost answer: asked again, the same one', async () => {
    const ann = await portal();
    await new Promise<void>((resolve) => {
      const lost = http.request(
        {
          socketPath: stack.env['PORTICO_SOCKET'],
          path: '/v1/auth/refresh',
          method: 'POST',
          headers: { 'content-type': 'application/json' },
        },
        (answer) => {
          answer.destroy();
          resolve();
        },
      );
      lost.on('error', () => resolve());
      lost.end(JSON.stringify({ refresh_token: ann.refresh }));
    });
    const again = await next(ann.refresh);
    await ok(using(again).GET('/v1/portal/home'), 200);
    await ok(using(await next(again.refresh_token ?? '')).GET('/v1/portal/home'), 200);
  });

  test('after a minute it ends the device, for whoever holds its tokens, and is on record', async () => {
    const ann = await portal();
    const other = await portal();
    const first = await next(ann.refresh);
    await advance(59);
    assert.equal((await next(ann.refresh)).refresh_token, first.refresh_token);
    await advance(2);
    await refused(exchange(ann.refresh), 401, 'refresh_token_reused');
    await refused(using(first).GET('/v1/portal/home'), 401, 'unauthenticated');
    await refused(exchange(first.refresh_token ?? ''), 401, 'refresh_token_invalid');
    await refused(exchange(ann.refresh), 401, 'refresh_token_invalid');
    await ok(other.api.GET('/v1/portal/home'), 200);
    const page = await ok((await staff()).api.GET('/v1/audit_log', { params: { query: { action: 'auth.refresh_reused' } } }), 200);
    assert.deepEqual(
      page.data.map((e) => [e.outcome, e.object_id]),
      [['denied', ann.session.id]],
    );
  });

  test('one of two generations ago has no minute', async () => {
    const ann = await portal();
    const second = await next((await next(ann.refresh)).refresh_token ?? '');
    await refused(exchange(ann.refresh), 401, 'refresh_token_reused');
    await refused(using(second).GET('/v1/portal/home'), 401, 'unauthenticated');
  });

  test('what is none, or another’s, is refused alike', async () => {
    const ann = await portal();
    const bytes = Buffer.from(ann.refresh.slice(4), 'base64url');
    const forged = (change: (b: Buffer) => void) => {
      const copy = Buffer.from(bytes);
      change(copy);
      return `cpr_${copy.toString('base64url')}`;
    };
    for (const token of [
      '',
      'cpr_',
      ann.token,
      ann.refresh.slice(0, -4),
      `${ann.refresh}A`,
      ann.refresh.replace('cpr_', 'cps_'),
      forged((b) => (b[67] = (b[67] ?? 0) ^ 1)),
      forged((b) => (b[35] = 2)),
      forged((b) => (b[35] = 0)),
      forged((b) => (b[32] = 255)),
      forged((b) => (b[0] = (b[0] ?? 0) ^ 1)),
      forged((b) => (b[20] = (b[20] ?? 0) ^ 1)),
      forged((b) => b.fill(0, 0, 32)),
    ])
      await refused(exchange(token), 401, 'refresh_token_invalid');
    await ok(using(await next(ann.refresh)).GET('/v1/portal/home'), 200);
    await refused(nobody().POST('/v1/auth/refresh', { body: {} as Schema['RefreshIn'] }), 422, 'validation_failed', [
      '/refresh_token required',
    ]);
  });
});

describe('P8 it dies with the session', () => {
  before(staff);
  const ways: Record<string, (ann: PortalUser) => Promise<unknown>> = {
    'signing out': (ann) => ok(ann.api.POST('/v1/auth/logout'), 204),
    'a suspension': (ann) =>
      ok(
        firm.owner.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', {
          params: { path: { contact_id: ann.contact.id } },
        }),
      ),
    'access off': (ann) => ok(disable(firm.owner, ann.contact)),
    'another password': async (ann) => {
      const desk = await signIn(firm.slug, 'portal', ann.email);
      const body = { current_password: PASSWORD, new_password: 'eleven dry storks stay put' };
      await ok(desk.api.PUT('/v1/auth/password', { body }), 204);
    },
    'ending all others': async (ann) => ok((await signIn(firm.slug, 'portal', ann.email)).api.DELETE('/v1/auth/sessions'), 204),
  };
  for (const [what, act] of Object.entries(ways))
    test(`S2-11 ${what}: neither token opens anything from then on`, async () => {
      const ann = await newPortalUser(firm, await newClient(firm.owner));
      const now = await next(ann.refresh);
      await act({ ...ann, api: using(now) });
      await refused(exchange(now.refresh_token ?? ''), 401, 'refresh_token_invalid');
      await refused(exchange(ann.refresh), 401, 'refresh_token_invalid');
      await refused(using(now).GET('/v1/portal/home'), 401, 'unauthenticated');
      await refused(ann.api.GET('/v1/portal/home'), 401, 'unauthenticated');
    });

  test('a deactivated colleague, whichever way the row goes', async () => {
    const cora = await newColleague(firm);
    const staff_id = cora.session.principal.id;
    await ok(firm.owner.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id } } }), 204);
    await refused(exchange(cora.refresh), 401, 'refresh_token_invalid');
    const dan = await newColleague(firm);
    await stack.sql("update membership set state = 'suspended' where login_email = $1", [dan.email]);
    await refused(exchange(dan.refresh), 401, 'refresh_token_invalid');
    await stack.sql("update membership set state = 'active' where login_email = $1", [dan.email]);
    await refused(exchange(dan.refresh), 401, 'refresh_token_invalid');
    await refused(dan.api.GET('/v1/me'), 401, 'unauthenticated');
  });
});
