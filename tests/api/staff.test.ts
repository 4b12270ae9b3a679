// staff.test.ts - the firm's staff: invited, changed, deactivated; what each may do with the others; and the roles.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  accept, acceptAs, address, advance, disable, enable, inviteStaff, newClient, newColleague, newContact, newFirm, newFolder, newKey,
  newPortalUser, nobody, ok, portalUpload, preview, raw, refused, resend, rolesOf, settled, share, signIn, sink, stack, tokenOf,
  took, unique, upload, uploadFolder, PASSWORD, type Firm, type Person, type RoleKey, type Schema,
} from '../lib/kit.js';

let firm: Firm;
let roles: Record<RoleKey, string>;
before(async () => {
  firm = await newFirm('staff');
  roles = await rolesOf(firm);
});

const idOf = (person: Person) => person.session.principal.id;
const path = (staff_id: string) => ({ params: { path: { staff_id } } });
const get = (as: Person, id: string) => as.api.GET('/v1/staff/{staff_id}', path(id));
const patch = (as: Person, id: string, body: Schema['StaffPatch']) =>
  as.api.PATCH('/v1/staff/{staff_id}', { ...path(id), body });
const dismiss = (as: Person, id: string) => as.api.DELETE('/v1/staff/{staff_id}', path(id));
const invite = (as: Person, body: Partial<Schema['StaffCreate']> = {}) =>
  as.api.POST('/v1/staff', { body: { name: 'Cora Colleague', email: address('cora'), role_id: roles.member, ...body } });
const revoke = (as: Person, invitation_id: string) =>
  as.api.DELETE('/v1/invitations/{invitation_id}', { params: { path: { invitation_id } } });
const login = (who: Firm, email: string, password = PASSWORD) =>
  nobody().POST('/v1/auth/login', { body: { firm: who.slug, audience: 'staff', email, password, transport: 'token' } });

/** The last invitation to this address. */
async function invitationOf(as: Person, email: string): Promise<Schema['Invitation']> {
  const page = await ok(as.api.GET('/v1/invitations', { params: { query: { limit: 100 } } }), 200);
  const found = page.data.filter((i) => i.email === email).at(-1);
  assert.ok(found, `no invitation of ${email}`);
  return found;
}

const assign = (as: Person, client: { id: string }, staff_id: string) =>
  as.api.PUT('/v1/clients/{client_id}/team/{staff_id}', { params: { path: { client_id: client.id, staff_id } } });
const teamOf = async (as: Person, client: { id: string }) =>
  took(as.api.GET('/v1/clients/{client_id}', { params: { path: { client_id: client.id } } }), 200);

describe('the way in', () => {
  test('invited, mailed once, looked at, accepted, signed in', async () => {
    const email = address('Cora.Case');
    const mark = await sink.mark();
    const made = await took(invite(firm.owner, { email }), 201);
    assert.deepEqual(
      [made.data.name, made.data.email, made.data.role_id, made.data.status, made.data.last_seen_at],
      ['Cora Colleague', email, roles.member, 'invited', null],
    );
    assert.equal(made.headers.get('location'), `/v1/staff/${made.data.id}`);
    const mails = await settled(firm, email, mark);
    assert.equal(mails.length, 1);
    assert.match(mails[0]?.subject ?? '', /Olive Owner invites you to the team of/);
    const page = await ok(firm.owner.api.GET('/v1/emails', { params: { query: { limit: 100 } } }), 200);
    assert.deepEqual(page.data.filter((m) => m.to.includes(email)).map((m) => m.kind), ['staff_invitation']);
    const token = tokenOf(mails[0]);
    const seen = await ok(preview(token), 200);
    assert.deepEqual([seen.email, seen.name, seen.credential], [email, 'Cora Colleague', 'new']);
    await refused(login(firm, email), 401, 'invalid_credentials');
    const cora = await accept(token, firm.slug, email);
    assert.equal(idOf(cora), made.data.id);
    assert.equal(cora.session.audience, 'staff');
    await refused(preview(token), 410, 'invitation_used');
    const again = await signIn(firm.slug, 'staff', email);
    const now = await took(get(again, made.data.id), 200);
    assert.equal(now.data.status, 'active');
    assert.ok(now.data.last_seen_at);
    assert.notEqual(now.etag, made.etag);
    assert.equal((await invitationOf(firm.owner, email)).status, 'accepted');
  });

  test('every fault at once; a role of another firm is one that is not there', async () => {
    const other = await rolesOf(await newFirm('elsewhere'));
    const faults = ['/email invalid_email', '/name too_short', '/role_id not_found'];
    for (const role_id of [other.member, 'rol_01kjpz7w3mfa6tq2c9x4n8d5he'])
      await refused(invite(firm.owner, { name: '', email: 'nobody', role_id }), 422, 'validation_failed', faults);
    const cora = await ok(invite(firm.owner), 201);
    await refused(patch(firm.owner, cora.id, { role_id: other.admin }), 422, 'validation_failed', [
      '/role_id not_found',
    ]);
    const fixed = { email: address() } as Schema['StaffPatch'];
    await refused(patch(firm.owner, cora.id, fixed), 422, 'validation_failed', ['/email fixed_after_create']);
  });

  test('an address is one person’s, whatever its case; a client of the firm may have it too', async () => {
    const user = await newPortalUser(firm, await newClient(firm.owner));
    const { staff, token } = await inviteStaff(firm.owner, roles.member, { email: user.email });
    await refused(invite(firm.owner, { email: staff.email.toUpperCase() }), 409, 'login_email_taken', ['/email taken']);
    assert.equal((await ok(preview(token), 200)).credential, 'existing');
    await accept(token, firm.slug, user.email);
    await refused(invite(firm.owner, { email: staff.email }), 409, 'login_email_taken', ['/email taken']);
    await ok(user.api.GET('/v1/portal/home'), 200);
  });

  test('twenty at once for one address are one person and one mail', async () => {
    const email = address('rush');
    const mark = await sink.mark();
    const all = await Promise.all(Array.from({ length: 20 }, () => invite(firm.owner, { email })));
    const statuses = all.map((a) => a.response.status).sort();
    assert.deepEqual(statuses, [201, ...Array(19).fill(409)]);
    assert.equal((await settled(firm, email, mark)).length, 1);
  });
});

describe('who may', () => {
  test('S0_26 a member sees the staff and changes nobody: 403 names the right', async () => {
    const member = await newColleague(firm);
    const list = await ok(member.api.GET('/v1/staff', { params: { query: { limit: 100 } } }), 200);
    assert.ok(list.data.some((s) => s.id === idOf(member)));
    for (const reply of [invite(member), patch(member, idOf(member), { name: 'X' }), dismiss(member, idOf(member))])
      assert.deepEqual((await refused(reply, 403, 'permission_denied')).required_scopes, ['staff:write']);
  });

  test('S1_4 every member of the firm’s staff adds client users one by one; a client adds nobody', async () => {
    const client = await newClient(firm.owner);
    for (const role of ['member', 'admin'] as const) {
      const who = await newColleague(firm, role);
      const contact = await newContact(who, client);
      assert.equal((await ok(enable(who, contact), 200)).status, 'invited');
    }
    const user = await newPortalUser(firm, client);
    const contact = await newContact(firm.owner, client);
    await refused(enable(user, contact), 403, 'permission_denied');
    await refused(invite(user), 403, 'permission_denied');
  });

  test('nobody grants more than he has: an admin neither makes nor touches an owner', async () => {
    const admin = await newColleague(firm, 'admin');
    const owner = await newColleague(firm, 'owner');
    await refused(invite(admin, { role_id: roles.owner }), 403, 'cannot_grant_more_than_own');
    await refused(patch(admin, idOf(admin), { role_id: roles.owner }), 403, 'cannot_grant_more_than_own');
    await refused(patch(admin, idOf(owner), { role_id: roles.member }), 403, 'cannot_grant_more_than_own');
    await refused(dismiss(admin, idOf(owner)), 403, 'cannot_grant_more_than_own');
    const { staff } = await inviteStaff(firm.owner, roles.owner);
    const open = await invitationOf(admin, staff.email);
    await refused(revoke(admin, open.id), 403, 'cannot_grant_more_than_own');
    assert.equal((await ok(get(admin, staff.id), 200)).status, 'invited');
    const made = await ok(invite(admin, { role_id: roles.admin }), 201);
    assert.equal((await ok(patch(admin, made.id, { role_id: roles.member }), 200)).role_id, roles.member);
    assert.equal((await ok(patch(admin, idOf(owner), { name: 'Odd Owner' }), 200)).name, 'Odd Owner');
    await ok(dismiss(admin, made.id), 204);
  });

  test('a role changes what one may from the next request on (P8)', async () => {
    const cora = await newColleague(firm);
    await refused(invite(cora), 403, 'permission_denied');
    await ok(patch(firm.owner, idOf(cora), { role_id: roles.admin }), 200);
    await ok(invite(cora), 201);
    const [both, only] = [await newKey(cora, ['audit:read', 'clients:read']), await newKey(cora, ['audit:read'])];
    await ok(patch(firm.owner, idOf(cora), { role_id: roles.member }), 200);
    await refused(invite(cora), 403, 'permission_denied');
    await refused(both.api.GET('/v1/audit_log'), 403, 'insufficient_scope');
    await ok(both.api.GET('/v1/clients'), 200);
    await refused(only.api.GET('/v1/audit_log'), 401, 'unauthenticated');
  });
});

test('three roles with what each may do, in their order', async () => {
  const page = await ok(firm.owner.api.GET('/v1/roles'), 200);
  assert.deepEqual(
    page.data.map((r) => [r.key, r.name]),
    [
      ['owner', 'Owner'],
      ['admin', 'Admin'],
      ['member', 'Member'],
    ],
  );
  for (const role of ['owner', 'admin', 'member'] as const) {
    const who = role === 'owner' ? firm.owner : await newColleague(firm, role);
    assert.deepEqual(page.data.find((r) => r.key === role)?.permissions, who.session.permissions);
  }
});

test('a new name shows wherever the person is named, and in the ETag there', async () => {
  const cora = await newColleague(firm);
  const client = await newClient(firm.owner);
  await ok(assign(firm.owner, client, idOf(cora)), 204);
  const before = await teamOf(firm.owner, client);
  await ok(patch(firm.owner, idOf(cora), { name: 'Cora Partner' }), 200);
  const after = await teamOf(firm.owner, client);
  assert.deepEqual(after.data.team, [{ type: 'staff', id: idOf(cora), name: 'Cora Partner' }]);
  assert.notEqual(after.etag, before.etag);
  assert.equal((await ok(cora.api.GET('/v1/auth/session'), 200)).principal.name, 'Cora Partner');
  await ok(cora.api.PATCH('/v1/me', { body: { name: 'Cora Senior' } }), 200);
  assert.equal((await teamOf(firm.owner, client)).data.team[0]?.name, 'Cora Senior');
  assert.equal((await ok(get(firm.owner, idOf(cora)), 200)).name, 'Cora Senior');
});

test('two who read the same: the second to write is told; somebody who merely works does not disturb', async () => {
  const cora = await newColleague(firm);
  const { etag } = await took(get(firm.owner, idOf(cora)), 200);
  await advance(120);
  await ok(cora.api.GET('/v1/clients'), 200);
  const at = `/v1/staff/${idOf(cora)}`;
  const first = await raw(at, {
    method: 'PATCH',
    as: firm.owner,
    json: { name: 'First' },
    headers: { 'if-match': etag },
  });
  assert.equal(first.status, 200);
  for (const how of [{ method: 'PATCH', json: { name: 'Second' } }, { method: 'DELETE' }]) {
    const late = await raw(at, { ...how, as: firm.owner, headers: { 'if-match': etag } });
    assert.equal(late.status, 412);
    assert.equal(late.headers.get('etag'), first.headers.get('etag'));
  }
});

describe('the last owner', () => {
  test('P16 stays, by whichever way', async () => {
    const own = await newFirm('last');
    const ids = await rolesOf(own);
    const me = idOf(own.owner);
    await refused(patch(own.owner, me, { role_id: ids.member }), 409, 'last_owner');
    await refused(dismiss(own.owner, me), 409, 'last_owner');
    await inviteStaff(own.owner, ids.owner); // one who is only invited rules nothing
    await refused(dismiss(own.owner, me), 409, 'last_owner');
    const second = await newColleague(own, 'owner');
    assert.equal((await ok(patch(own.owner, me, { role_id: ids.member }), 200)).role_id, ids.member);
    await refused(dismiss(second, idOf(second)), 409, 'last_owner');
    await refused(invite(own.owner, { role_id: ids.member }), 403, 'permission_denied');
  });

  test('P16 of two who go, or put each other down, at once, one is left', async () => {
    for (const how of ['demote', 'dismiss', 'both'] as const) {
      const own = await newFirm('race');
      const ids = await rolesOf(own);
      const two = [own.owner, await newColleague(own, 'owner')] as const;
      const act = (as: Person, whom: Person, n: number) =>
        how === 'demote' || (how === 'both' && n === 0)
          ? patch(as, idOf(whom), { role_id: ids.member })
          : dismiss(as, idOf(whom));
      const done = await Promise.all([act(two[0], two[1], 0), act(two[1], two[0], 1), act(two[0], two[0], 1)]);
      const codes = done.map((d) => `${d.response.status} ${(d.error as Schema['Problem'] | undefined)?.code ?? ''}`);
      for (const code of codes)
        assert.match(code, /^20[04] |last_owner|unauthenticated|permission_denied|cannot_grant_more_than_own|not_found/, codes.join());
      const [row] = await stack.sql(
        "select count(*)::int as n from membership where firm_id = $1 and role = 'owner' and state = 'active'",
        [own.id],
      );
      assert.equal(row.n, 1, `${how}: ${codes}`);
    }
  });
});

test('one person works for several firms: signs in to each, and leaves one without the other', async () => {
  const other = await newFirm('second');
  const there = await rolesOf(other);
  const cora = await newColleague(firm);
  const { staff, token } = await inviteStaff(other.owner, there.admin, { email: cora.email });
  assert.equal((await ok(preview(token), 200)).credential, 'existing');
  await accept(token, other.slug, cora.email);
  const here = await signIn(firm.slug, 'staff', cora.email);
  const second = await signIn(other.slug, 'staff', cora.email);
  assert.notEqual(idOf(here), idOf(second));
  assert.ok(second.session.permissions.includes('settings:write') && !here.session.permissions.includes('settings:write'));
  assert.equal((await ok(get(second, staff.id), 200)).status, 'active');
  await refused(get(here, staff.id), 404, 'not_found');
  await ok(dismiss(other.owner, staff.id), 204);
  await refused(second.api.GET('/v1/clients'), 401, 'unauthenticated');
  await refused(login(other, cora.email), 401, 'invalid_credentials');
  await ok(here.api.GET('/v1/clients'), 200);
  await signIn(firm.slug, 'staff', cora.email);
});

test('C5 who invites: clients by a right that every role has by default; staff, settings and keys not by a member', async () => {
  const { data } = await ok(firm.owner.api.GET('/v1/roles'), 200);
  const holds = (key: RoleKey, right: string) => data.find((r) => r.key === key)?.permissions.includes(right);
  const table = (right: string) => (['owner', 'admin', 'member'] as const).map((key) => Boolean(holds(key, right)));
  assert.deepEqual(table('portal_access:write'), [true, true, true]);
  for (const right of ['staff:write', 'settings:write', 'imports:write', 'api_keys:write'])
    assert.deepEqual(table(right), [true, true, false], right);
  const member = await newColleague(firm);
  const contact = await newContact(member, await newClient(member));
  await stack.sql("delete from role_permission where role = 'member' and permission = 'portal_access:write'");
  try {
    assert.deepEqual((await refused(enable(member, contact), 403, 'permission_denied')).required_scopes, [
      'portal_access:write',
    ]);
  } finally {
    await stack.sql("insert into role_permission (role, permission) values ('member', 'portal_access:write')");
  }
  assert.equal((await ok(enable(member, contact), 200)).status, 'invited');
});

describe('deactivated', () => {
  test('out at once, off the teams; what the person made keeps its author', async () => {
    const cora = await newColleague(firm);
    const second = await signIn(firm.slug, 'staff', cora.email);
    const clients = [await newClient(firm.owner), await newClient(firm.owner)];
    for (const client of clients) await ok(assign(firm.owner, client, idOf(cora)), 204);
    await ok(assign(firm.owner, clients[0] ?? { id: '' }, idOf(firm.owner)), 204);
    const document = await ok(upload(cora, await uploadFolder(cora, clients[0] ?? { id: '' })), 201);
    const before = await teamOf(firm.owner, clients[1] ?? { id: '' });
    const told = async () =>
      (
        await stack.sql(
          "select id from event where firm_id = $1 and type = 'client.updated' and 'team' = any(changed_fields)",
          [firm.id],
        )
      ).length;
    const toldBefore = await told();
    await ok(dismiss(firm.owner, idOf(cora)), 204);
    for (const one of [cora, second]) await refused(one.api.GET('/v1/clients'), 401, 'unauthenticated');
    await refused(login(firm, cora.email), 401, 'invalid_credentials');
    await refused(dismiss(firm.owner, idOf(cora)), 404, 'not_found');
    const gone = await ok(get(firm.owner, idOf(cora)), 200);
    assert.deepEqual([gone.status, gone.name], ['deactivated', 'Cora Colleague']);
    const teams = await Promise.all(clients.map((c) => teamOf(firm.owner, c)));
    assert.deepEqual(
      teams.map((t) => t.data.team.map((m) => m.id)),
      [[idOf(firm.owner)], []],
    );
    assert.notEqual(teams[1]?.etag, before.etag);
    assert.equal((await told()) - toldBefore, 2);
    const kept = await ok(
      firm.owner.api.GET('/v1/documents/{document_id}', { params: { path: { document_id: document.id } } }),
      200,
    );
    assert.deepEqual(kept.uploaded_by, { type: 'staff', id: idOf(cora), name: 'Cora Colleague' });
    await refused(assign(firm.owner, clients[0] ?? { id: '' }, idOf(cora)), 409, 'staff_deactivated');
  });

  const handOver = (as: Person, id: string, handover_to: string) =>
    as.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id: id }, query: { handover_to } } });

  test('P19 handed over: the successor is on each team, once, and is told of the next upload', async () => {
    const cora = await newColleague(firm);
    const heir = await newColleague(firm);
    const clients = [await newClient(firm.owner), await newClient(firm.owner)] as const;
    for (const client of clients) await ok(assign(firm.owner, client, idOf(cora)), 204);
    await ok(assign(firm.owner, clients[0], idOf(heir)), 204);
    const before = await teamOf(firm.owner, clients[1]);
    await ok(handOver(firm.owner, idOf(cora), idOf(heir)), 204);
    for (const client of clients) {
      const { data, etag } = await teamOf(firm.owner, client);
      assert.deepEqual(data.team.map((m) => m.id), [idOf(heir)]);
      assert.notEqual(etag, before.etag);
    }
    const user = await newPortalUser(firm, clients[1]);
    const mark = await sink.mark();
    const scan = await ok(portalUpload(user, undefined, `${unique('heir')}.txt`), 201);
    await advance(301);
    assert.equal((await settled(firm, heir.email, mark)).filter((m) => m.text.includes(scan.name)).length, 1);
    assert.deepEqual(await settled(firm, cora.email, mark), []);
  });

  test('P19 what the person shared stays shared: it was the firm that shared it', async () => {
    const cora = await newColleague(firm);
    const client = await newClient(cora);
    const user = await newPortalUser(firm, client);
    const document = await ok(upload(cora, await newFolder(cora, client)), 201);
    await ok(share(cora, 'document', document, [user.contact], 'view', false), 201);
    await ok(dismiss(firm.owner, idOf(cora)), 204);
    const at = { params: { path: { document_id: document.id } } };
    assert.equal((await ok(user.api.GET('/v1/portal/documents/{document_id}', at), 200)).id, document.id);
  });

  test('handed over to nobody, to oneself, to somebody who is gone, to another firm’s: refused, and nothing happens', async () => {
    const cora = await newColleague(firm);
    const gone = await newColleague(firm);
    await ok(dismiss(firm.owner, idOf(gone)), 204);
    const other = await newFirm('nextdoor');
    for (const [to, fault] of [
      ['nobody', 'invalid_id'],
      [idOf(cora), 'not_allowed'],
      [idOf(other.owner), 'not_found'],
    ] as const)
      await refused(handOver(firm.owner, idOf(cora), to), 422, 'validation_failed', [`?handover_to ${fault}`]);
    await refused(handOver(firm.owner, idOf(cora), idOf(gone)), 409, 'staff_deactivated');
    assert.equal((await ok(get(firm.owner, idOf(cora)), 200)).status, 'active');
  });

  test('two who hand over to each other at once: one goes, one stays', async () => {
    const two = [await newColleague(firm), await newColleague(firm)] as const;
    const client = await newClient(firm.owner);
    for (const one of two) await ok(assign(firm.owner, client, idOf(one)), 204);
    const done = await Promise.all([
      handOver(firm.owner, idOf(two[0]), idOf(two[1])),
      handOver(firm.owner, idOf(two[1]), idOf(two[0])),
    ]);
    assert.deepEqual(done.map((d) => d.response.status).sort(), [204, 409]);
    assert.equal((await teamOf(firm.owner, client)).data.team.length, 1);
  });

  test('P19 nobody left on the team: an upload falls back as the firm has set (C20)', async () => {
    const cora = await newColleague(firm);
    const client = await newClient(firm.owner);
    const user = await newPortalUser(firm, client);
    await ok(assign(firm.owner, client, idOf(cora)), 204);
    await ok(dismiss(firm.owner, idOf(cora)), 204);
    await stack.sql("update firm set unassigned_fallback = 'admins' where id = $1", [firm.id]);
    const mark = await sink.mark();
    const scan = await ok(portalUpload(user, undefined, `${unique('left')}.txt`), 201);
    await advance(301);
    const mails = await settled(firm, firm.owner.email, mark);
    assert.equal(mails.filter((m) => m.text.includes(scan.name)).length, 1);
    assert.deepEqual(await settled(firm, cora.email, mark), []);
    await stack.sql("update firm set unassigned_fallback = 'none' where id = $1", [firm.id]);
  });

  test('while invited: the link dies; invited anew the same person comes in with a new link', async () => {
    const { staff, token } = await inviteStaff(firm.owner, roles.member);
    await ok(dismiss(firm.owner, staff.id), 204);
    await refused(preview(token), 410, 'invitation_revoked');
    const again = await inviteStaff(firm.owner, roles.admin, { email: staff.email, name: 'Cora Again' });
    assert.deepEqual(
      [again.staff.id, again.staff.status, again.staff.role_id, again.staff.name],
      [staff.id, 'invited', roles.admin, 'Cora Again'],
    );
    await refused(preview(token), 410, 'invitation_revoked');
    assert.equal(idOf(await accept(again.token, firm.slug, staff.email)), staff.id);
  });

  test('invited anew: the same id, nothing of before opens a door, a password is chosen anew', async () => {
    const cora = await newColleague(firm, 'admin');
    await ok(dismiss(firm.owner, idOf(cora)), 204);
    const again = await inviteStaff(firm.owner, roles.member, { email: cora.email });
    assert.equal(again.staff.id, idOf(cora));
    await refused(cora.api.GET('/v1/me'), 401, 'unauthenticated');
    await refused(login(firm, cora.email), 401, 'invalid_credentials');
    assert.equal((await ok(preview(again.token), 200)).credential, 'new');
    const back = await accept(again.token, firm.slug, cora.email, 'eleven dry storks stay put');
    assert.ok(!back.session.permissions.includes('staff:write'));
    await refused(cora.api.GET('/v1/me'), 401, 'unauthenticated');
    await refused(login(firm, cora.email), 401, 'invalid_credentials');
    await ok(login(firm, cora.email, 'eleven dry storks stay put'), 200);
  });

  test('what the person is elsewhere stays: another firm, and a client of this one', async () => {
    const client = await newClient(firm.owner);
    const user = await newPortalUser(firm, client);
    const other = await newFirm('other');
    const here = await inviteStaff(firm.owner, roles.member, { email: user.email });
    await accept(here.token, firm.slug, user.email);
    const there = await inviteStaff(other.owner, (await rolesOf(other)).member, { email: user.email });
    const elsewhere = await accept(there.token, other.slug, user.email);
    await ok(dismiss(firm.owner, here.staff.id), 204);
    await ok(elsewhere.api.GET('/v1/clients'), 200);
    await ok(user.api.GET('/v1/portal/home'), 200);
    await ok(login(other, user.email), 200);
    await ok(disable(firm.owner, user.contact), 200);
    await ok(login(other, user.email), 200);
  });

  test('oneself, when another rules: 204, and out', async () => {
    const second = await newColleague(firm, 'owner');
    await ok(dismiss(second, idOf(second)), 204);
    await refused(second.api.GET('/v1/me'), 401, 'unauthenticated');
  });

  test('as the person accepts: one of both, never half', async () => {
    for (let i = 0; i < 5; i++) {
      const { staff, token } = await inviteStaff(firm.owner, roles.member);
      const [came, went] = await Promise.all([
        acceptAs(token),
        dismiss(firm.owner, staff.id),
      ]);
      assert.equal(went.response.status, 204);
      assert.ok([200, 410].includes(came.response.status), `${came.response.status}`);
      await refused(login(firm, staff.email), 401, 'invalid_credentials');
      assert.equal((await ok(get(firm.owner, staff.id), 200)).status, 'deactivated');
      if (came.data) {
        const headers = { authorization: `Bearer ${came.data.access_token}` };
        assert.equal((await raw('/v1/me', { headers })).status, 401);
      }
    }
  });
});

describe('invitations to the staff', () => {
  test('sent again: a new link, the old one dies, the count goes on', async () => {
    const { staff, token } = await inviteStaff(firm.owner, roles.member);
    const first = await invitationOf(firm.owner, staff.email);
    await refused(resend(firm.owner, first.id), 429, 'resend_too_soon');
    await advance(61);
    const mark = await sink.mark();
    const sent = await ok(resend(firm.owner, first.id), 202);
    assert.deepEqual([sent.audience, sent.email, sent.status, sent.send_count], ['staff', staff.email, 'queued', 2]);
    assert.notEqual(sent.id, first.id);
    await refused(preview(token), 410, 'invitation_revoked');
    await refused(resend(firm.owner, first.id), 409, 'invitation_closed');
    const mails = await settled(firm, staff.email, mark);
    assert.equal(mails.length, 1);
    const cora = await accept(tokenOf(mails[0]), firm.slug, staff.email);
    assert.equal(idOf(cora), staff.id);
    await refused(resend(firm.owner, sent.id), 409, 'already_registered');
    await refused(revoke(firm.owner, sent.id), 409, 'already_registered');
  });

  test('expired: it says so, and another one opens the door', async () => {
    const { staff, token } = await inviteStaff(firm.owner, roles.member);
    await advance(169 * 3600);
    firm.owner = await signIn(firm.slug, 'staff', firm.owner.email);
    await refused(preview(token), 410, 'invitation_expired');
    const open = await invitationOf(firm.owner, staff.email);
    assert.equal(open.status, 'expired');
    const mark = await sink.mark();
    await ok(resend(firm.owner, open.id), 202);
    const [mail] = await sink.mails(staff.email, { after: mark });
    await accept(tokenOf(mail), firm.slug, staff.email);
  });

  test('withdrawn: the link is dead, the person deactivated, and may be invited anew', async () => {
    const { staff, token } = await inviteStaff(firm.owner, roles.member);
    await ok(revoke(firm.owner, (await invitationOf(firm.owner, staff.email)).id), 204);
    await refused(preview(token), 410, 'invitation_revoked');
    assert.equal((await ok(get(firm.owner, staff.id), 200)).status, 'deactivated');
    assert.equal((await inviteStaff(firm.owner, roles.member, { email: staff.email })).staff.id, staff.id);
  });

  test('whoever may invite clients sees them, and neither withdraws nor repeats them', async () => {
    const { staff } = await inviteStaff(firm.owner, roles.member);
    const member = await newColleague(firm);
    const open = await invitationOf(member, staff.email);
    await advance(61);
    for (const reply of [resend(member, open.id), revoke(member, open.id)])
      assert.deepEqual((await refused(reply, 403, 'permission_denied')).required_scopes, ['staff:write']);
    assert.equal((await invitationOf(firm.owner, staff.email)).id, open.id);
  });

  test('whoever may not see the staff does not see them at all', async () => {
    const { staff } = await inviteStaff(firm.owner, roles.member);
    const open = await invitationOf(firm.owner, staff.email);
    const member = await newColleague(firm);
    await stack.sql("delete from role_permission where role = 'member' and permission = 'staff:read'");
    try {
      const page = await ok(member.api.GET('/v1/invitations', { params: { query: { limit: 100 } } }), 200);
      assert.deepEqual([...new Set(page.data.map((i) => i.audience))], ['portal']);
      const at = { params: { path: { invitation_id: open.id } } };
      await refused(member.api.GET('/v1/invitations/{invitation_id}', at), 404, 'not_found');
      await refused(resend(member, open.id), 404, 'not_found');
      await refused(revoke(member, open.id), 404, 'not_found');
    } finally {
      await stack.sql("insert into role_permission (role, permission) values ('member', 'staff:read')");
    }
  });
});

test('each of these acts is one event with its author, and on record', async () => {
  const own = await newFirm('record');
  const ids = await rolesOf(own);
  const { staff } = await inviteStaff(own.owner, ids.member);
  await ok(patch(own.owner, staff.id, { name: 'Cora Anew', role_id: ids.admin }), 200);
  await ok(dismiss(own.owner, staff.id), 204);
  const events = await stack.sql(
    "select type, actor_name, deleted, changed_fields from event where firm_id = $1 and type like 'staff.%' order by row_no",
    [own.id],
  );
  assert.deepEqual(
    events.map((e) => [e.type, e.actor_name, e.deleted, [...e.changed_fields].sort().join()]),
    [
      ['staff.created', 'Olive Owner', false, ''],
      ['staff.updated', 'Olive Owner', false, 'name,role_id'],
      ['staff.deleted', 'Olive Owner', true, ''],
    ],
  );
  const acts = await stack.sql("select action from audit where firm_id = $1 and action like 'staff.%' order by row_no", [
    own.id,
  ]);
  assert.deepEqual(
    acts.map((a) => a.action),
    events.map((e) => e.type),
  );
});
