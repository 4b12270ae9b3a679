// revoke.test.ts - promise P8: whoever asks without pause with what was taken away is refused from the answer on that took it.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  disable, login, newColleague, newKey, newOffice, newPortalUser, ok, raw, rolesOf, stack, PASSWORD, type Caller, type Firm,
  type PortalUser,
} from '../lib/kit.js';

let firm: Firm, client: { id: string };
before(async () => void ({ firm, client } = await newOffice('revoke')));

const EVERY_MS = 10;
/** How long it is asked on after the answer: what is in the database is known at once, or it would be a cache's time. */
const AFTER_MS = 250;

/** What is said of `path`, asked for a hundred times a second without waiting for answers, from the answer to `act` on. */
async function poll(as: Caller, path: string, act: () => Promise<unknown>): Promise<number[]> {
  assert.equal((await raw(path, { as })).status, 200);
  const calls: { began: number; status: Promise<number> }[] = [];
  const timer = setInterval(() => {
    const status = raw(path, { as }).then((got) => got.status);
    calls.push({ began: performance.now(), status });
  }, EVERY_MS);
  await new Promise((done) => setTimeout(done, 5 * EVERY_MS));
  await act();
  const done = performance.now();
  await new Promise((go) => setTimeout(go, AFTER_MS));
  clearInterval(timer);
  await Promise.all(calls.map((call) => call.status));
  return Promise.all(calls.filter((call) => call.began >= done).map((call) => call.status));
}

const newUser = () => newPortalUser(firm, client);
const at = (contact_id: string) => ({ params: { path: { contact_id } } });

/** Who has it, what is asked for with it, how it is taken away, and what is said then. */
const ways: [string, string, number, () => Promise<{ as: Caller; act: () => Promise<unknown> }>][] = [
  ['access switched off', '/v1/portal/home', 401, async () => {
    const ann = await newUser();
    return { as: ann, act: () => ok(disable(firm.owner, ann.contact)) };
  }],
  ['access suspended', '/v1/portal/home', 401, async () => {
    const ann = await newUser();
    return { as: ann, act: () => ok(firm.owner.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', at(ann.contact.id))) };
  }],
  ['logged out', '/v1/me', 401, async () => {
    const cora = await newColleague(firm);
    return { as: cora, act: () => ok(cora.api.POST('/v1/auth/logout')) };
  }],
  ['another role', '/v1/audit_log', 403, async () => {
    const cora = await newColleague(firm, 'admin');
    const staff_id = cora.session.principal.id;
    const body = { role_id: (await rolesOf(firm)).member };
    return { as: cora, act: () => ok(firm.owner.api.PATCH('/v1/staff/{staff_id}', { params: { path: { staff_id } }, body })) };
  }],
  ['a colleague who is deactivated', '/v1/me', 401, async () => {
    const cora = await newColleague(firm);
    const path = { staff_id: cora.session.principal.id };
    return { as: cora, act: () => ok(firm.owner.api.DELETE('/v1/staff/{staff_id}', { params: { path } })) };
  }],
  ['a key revoked', '/v1/clients', 401, async () => {
    const program = await newKey(firm.owner);
    const path = { api_key_id: program.made.id };
    return { as: program, act: () => ok(firm.owner.api.DELETE('/v1/api_keys/{api_key_id}', { params: { path } })) };
  }],
  ['a key rotated, without an overlap', '/v1/clients', 401, async () => {
    const program = await newKey(firm.owner);
    const params = { path: { api_key_id: program.made.id }, query: { overlap_hours: 0 } };
    return { as: program, act: () => ok(firm.owner.api.POST('/v1/api_keys/{api_key_id}/rotate', { params })) };
  }],
];

for (const [what, path, status, prepare] of ways)
  test(`P8 promise: ${what}, asked a hundred times a second: nothing that began after the answer gets through`, async () => {
    const { as, act } = await prepare();
    const later = await poll(as, path, act);
    assert.ok(later.length > 5 && later.every((s) => s === status), `later: ${later}`);
  });

/** How many sessions of hers live when eight who sign in with the right password meet `act`. */
async function left(ann: PortalUser, act: () => Promise<unknown>): Promise<number> {
  const coming = Array.from({ length: 8 }, async (_, i) => {
    await new Promise((go) => setTimeout(go, i * EVERY_MS));
    return login(firm, ann.email);
  });
  await new Promise((go) => setTimeout(go, 8 * EVERY_MS));
  await act();
  for (const { response } of await Promise.all(coming)) assert.ok([200, 401].includes(response.status), String(response.status));
  const [row] = await stack.sql(
    `select count(*)::int as n from session s join membership m on m.firm_id = s.firm_id and m.id = s.membership_id
    where m.firm_id = $1 and m.login_email = $2 and s.ended_at is null`,
    [firm.id, ann.email],
  );
  return row.n;
}

test('P8 whoever signs in while the access is suspended has no session afterwards', async () => {
  for (let round = 0; round < 3; round++) {
    const ann = await newUser();
    const suspend = () => ok(firm.owner.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', at(ann.contact.id)));
    assert.equal(await left(ann, suspend), 0);
  }
});

test('P8 whoever signs in with a password while it is changed has no session afterwards', async () => {
  for (let round = 0; round < 3; round++) {
    const ann = await newUser();
    const body = { current_password: PASSWORD, new_password: 'eleven dry storks stay put' };
    assert.equal(await left(ann, () => ok(ann.api.PUT('/v1/auth/password', { body }))), 1, 'the one that changed it');
  }
});
