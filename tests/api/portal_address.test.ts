// portal_address.test.ts - the portal's address: staff read it, and have it mailed to a contact, without a token.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  advance, disable, emails, key, newClient, newColleague, newContact, newFirm, newKey, newPortalUser, ok, refused, settled,
  signIn, sink, stack, type Caller, type Firm, type Schema,
} from '../lib/kit.js';

let firm: Firm;
let client: Schema['Client'];
before(async () => {
  firm = await newFirm('address');
  client = await newClient(firm.owner);
});

const settings = (as: Caller) => as.api.GET('/v1/firm/portal_settings');
const send = (as: Caller, contact: { id: string }, idempotency = key()) =>
  as.api.POST('/v1/contacts/{contact_id}/send_portal_address', {
    params: { path: { contact_id: contact.id }, header: { 'Idempotency-Key': idempotency } },
  });

test('S2_23 the portal’s address is told to everybody of the staff, and to no client', async () => {
  const member = await newColleague(firm);
  for (const who of [firm.owner, member, await newKey(firm.owner, ['settings:read'])]) {
    const seen = await ok(settings(who), 200);
    assert.equal(seen.portal_url, stack.url);
    assert.equal(seen.sign_in_url, `${stack.url}/signin?firm=${firm.slug}`);
  }
  await refused(settings(await newPortalUser(firm, client)), 403, 'permission_denied');
});

test('S2_23 a firm with an address of its own is told by that alone', async () => {
  const own = await newFirm('owndomain');
  await stack.sql('update firm set portal_url = $2 where id = $1', [own.id, `https://${own.slug}.test`]);
  assert.deepEqual(await ok(settings(own.owner), 200), {
    portal_url: `https://${own.slug}.test`,
    sign_in_url: `https://${own.slug}.test/signin`,
  });
});

describe('mailed', () => {
  test('S2_24 the plain address and no token, to somebody with access and to somebody without', async () => {
    const member = await newColleague(firm);
    const user = await newPortalUser(firm, client);
    const contact = await newContact(firm.owner, client);
    for (const [to, who] of [
      [user.email, user.contact],
      [contact.primary_email ?? '', contact],
    ] as const) {
      const mark = await sink.mark();
      const queued = await ok(send(member, who), 202);
      assert.deepEqual([queued.kind, queued.to, queued.status, queued.contact_id], ['portal_address', [to], 'queued', who.id]);
      const [mail, ...more] = await settled(firm, to, mark);
      assert.equal(more.length, 0);
      assert.match(mail?.subject ?? '', /^The client portal of /);
      assert.match(mail?.text ?? '', /Cora Colleague sends you/);
      const links = [...(mail?.text ?? '').matchAll(/https?:\S+/g)].map((m) => m[0]);
      assert.deepEqual(links, [`${stack.url}/signin?firm=${firm.slug}`]);
      assert.doesNotMatch(`${mail?.text} ${mail?.html}`, /signin[^"\s<]*#|token/i);
      assert.equal((await emails(firm.owner, who)).at(-1)?.id, queued.id);
    }
  });

  test('S2_24 whoever has access is written to where they sign in, also when the contact’s address changed', async () => {
    const user = await newPortalUser(firm, client);
    await ok(
      firm.owner.api.PATCH('/v1/contacts/{contact_id}', {
        params: { path: { contact_id: user.contact.id } },
        body: { primary_email: `moved-${user.email}` },
      }),
      200,
    );
    assert.deepEqual((await ok(send(firm.owner, user.contact), 202)).to, [user.email]);
    await ok(disable(firm.owner, user.contact), 200);
    await advance(61);
    firm.owner = await signIn(firm.slug, 'staff', firm.owner.email);
    assert.deepEqual((await ok(send(firm.owner, user.contact), 202)).to, [`moved-${user.email}`]);
  });

  test('a double click is one mail; a second one has to wait a minute', async () => {
    const contact = await newContact(firm.owner, client);
    const once = key();
    const all = await Promise.all([send(firm.owner, contact, once), send(firm.owner, contact), send(firm.owner, contact)]);
    assert.deepEqual(all.map((a) => a.response.status).sort(), [202, 429, 429]);
    await refused(send(firm.owner, contact), 429, 'resend_too_soon');
    await advance(61);
    await ok(send(firm.owner, contact), 202);
    assert.equal((await emails(firm.owner, contact)).filter((e) => e.kind === 'portal_address').length, 2);
  });

  test('nobody to write to: it says what is missing and where; archived, there is nobody', async () => {
    const contact = await newContact(firm.owner, client, { primary_email: null, emails: [] });
    await refused(send(firm.owner, contact), 422, 'not_eligible', ['/primary_email primary_email_missing']);
    await refused(send(await newKey(firm.owner, ['contacts:read']), contact), 403, 'insufficient_scope');
    const gone = await newContact(firm.owner, client);
    await ok(firm.owner.api.DELETE('/v1/contacts/{contact_id}', { params: { path: { contact_id: gone.id } } }), 204);
    await refused(send(firm.owner, gone), 404, 'not_found');
    const header = { 'Idempotency-Key': key() };
    const missing = firm.owner.api.POST('/v1/contacts/{contact_id}/send_portal_address', {
      params: { path: { contact_id: contact.id }, header: {} as typeof header },
    });
    await refused(missing, 400, 'idempotency_key_required');
  });

  test('an address that bounced is left alone; the act is an event and on record', async () => {
    const contact = await newContact(firm.owner, client);
    const mark = await sink.mark();
    await stack.sql("insert into suppression (firm_id, email_key, reason, created_at) values ($1, $2, 'bounced', now())", [
      firm.id,
      contact.primary_email,
    ]);
    const queued = await ok(send(firm.owner, contact), 202);
    await settled(firm, contact.primary_email ?? '', mark);
    assert.equal((await emails(firm.owner, contact)).find((e) => e.id === queued.id)?.status, 'suppressed');
    const rows = await stack.sql(
      "select action from audit where firm_id = $1 and action = 'contact.portal_address_sent' and object_id is not null",
      [firm.id],
    );
    assert.ok(rows.length > 0);
  });
});
