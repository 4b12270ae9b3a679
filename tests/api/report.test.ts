// report.test.ts - the firm at a glance: how far its people have come into the portal, and whose sign-in has drifted.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  advance, enable, eventually, newClient, newColleague, newContact, newFirm, newPending, newPortalUser, ok, openDoor, raw,
  refused, signIn, sink, stack, took, type Firm, type Person, type Schema,
} from '../lib/kit.js';

const onboarding = (as: Person) => as.api.GET('/v1/stats/onboarding');
const NONE: Schema['OnboardingCounts'] = {
  total: 0, no_account: 0, not_sent: 0, sent: 0, bounced: 0, expired: 0, pending: 0, active: 0, suspended: 0,
};

type C = Schema['Client'];

describe('onboarding', () => {
  test('S1_1 contacts and clients, each where it stands', async () => {
    const firm = await newFirm('onboard');
    const owner = firm.owner;
    assert.deepEqual(await ok(onboarding(owner), 200), { contacts: NONE, clients: NONE });
    const clients: Schema['Client'][] = [];
    for (let i = 0; i < 6; i++) clients.push(await newClient(owner));
    const [none, later, sent, back, active, locked] = clients as [C, C, C, C, C, C];
    await newContact(owner, none);
    await ok(enable(owner, await newContact(owner, later), { send: 'later' }), 200);
    await ok(enable(owner, await newContact(owner, sent)), 200);
    await newContact(owner, sent);
    const hopeless = await newContact(owner, back);
    await sink.misbehave({ to: hopeless.primary_email ?? '', at: 'rcpt', code: 550 });
    await ok(enable(owner, hopeless), 200);
    await newPortalUser(firm, active);
    const user = await newPortalUser(firm, locked);
    const at = { params: { path: { contact_id: user.contact.id } } };
    await ok(owner.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', at), 200);
    await newClient(owner);
    await openDoor(firm);
    await newPending(firm);
    const seen = await eventually(async () => {
      const now = await ok(onboarding(owner), 200);
      assert.equal(now.contacts.bounced, 1);
      return now;
    });
    assert.deepEqual(seen, {
      contacts: { ...NONE, total: 8, no_account: 2, not_sent: 1, sent: 1, bounced: 1, pending: 1, active: 1, suspended: 1 },
      clients: { ...NONE, total: 7, no_account: 2, not_sent: 1, sent: 1, bounced: 1, active: 1, suspended: 1 },
    });
    await advance(169 * 3600);
    firm.owner = await signIn(firm.slug, 'staff', owner.email);
    const late = await ok(onboarding(firm.owner), 200);
    assert.deepEqual([late.contacts.sent, late.contacts.expired, late.contacts.bounced], [0, 1, 1]);
  });

  test('S1_1 many: a firm with 20,000 contacts is counted at once; archived ones do not count', async () => {
    const firm = await newFirm('crowd');
    await stack.sql(
      `insert into contact (firm_id, id, entity, display_name, created_at, updated_at, archived_at)
       select $1, gen_random_uuid(), 'individual', 'c' || g, now(), now(), case when g > 20000 then now() end
       from generate_series(1, 20100) g`,
      [firm.id],
    );
    await stack.sql(
      `insert into membership (firm_id, id, kind, contact_id, state, login_email, login_email_key, display_name, created_at,
         updated_at)
       select c.firm_id, gen_random_uuid(), 'portal', c.id, 'invited', c.id || '@x.test', c.id || '@x.test', 'x', now(), now()
       from contact c where c.firm_id = $1 and c.archived_at is null order by c.id limit 15000`,
      [firm.id],
    );
    await stack.sql('analyze contact, membership'); // as the server does by itself within a minute
    const began = Date.now();
    const seen = await ok(onboarding(firm.owner), 200);
    assert.deepEqual(seen.contacts, { ...NONE, total: 20000, no_account: 5000, sent: 15000 });
    const took_ms = Date.now() - began;
    assert.ok(took_ms < 5000, `${took_ms} ms`);
  });

  test('all of the staff may see it, no client; it has an ETag', async () => {
    const firm = await newFirm('counted');
    const member = await newColleague(firm);
    const { etag } = await took(onboarding(member), 200);
    assert.equal((await raw('/v1/stats/onboarding', { as: member, headers: { 'if-none-match': etag } })).status, 304);
    await refused(onboarding(await newPortalUser(firm, await newClient(member))), 403, 'permission_denied');
  });
});

describe('login drift', () => {
  let firm: Firm;
  before(async () => {
    firm = await newFirm('drift');
  });

  test('whoever signs in with another address or name than the contact has is listed with what differs (C4)', async () => {
    const client = await newClient(firm.owner);
    const users = [await newPortalUser(firm, client), await newPortalUser(firm, client), await newPortalUser(firm, client)];
    const list = async () => (await ok(firm.owner.api.GET('/v1/reports/login-drift'), 200)).data;
    assert.deepEqual(await list(), []);
    const change = (n: number, body: Schema['ContactPatch']) =>
      ok(
        firm.owner.api.PATCH('/v1/contacts/{contact_id}', {
          params: { path: { contact_id: users[n]?.contact.id ?? '' } },
          body,
        }),
        200,
      );
    await change(0, { primary_email: `new-${users[0]?.email}`, display_name: 'Ann Anew' });
    await change(2, { display_name: 'Carl Changed' });
    const seen = await list();
    assert.deepEqual(
      seen.map((d) => [d.contact.id, d.contact.name, d.login_email, d.primary_email, d.stale_fields]),
      [
        [users[0]?.contact.id, 'Ann Anew', users[0]?.email, `new-${users[0]?.email}`, ['login_email', 'display_name']],
        [users[2]?.contact.id, 'Carl Changed', users[2]?.email, users[2]?.email, ['display_name']],
      ],
    );
    await change(2, { display_name: seen[1]?.display_name ?? '' });
    assert.equal((await list()).length, 1);
  });
});
