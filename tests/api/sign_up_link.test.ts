// sign_up_link.test.ts - links by which several people register for one folder or matter (model C6): made, used, ended, verified.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  address, advance, confirmTokenOf, key as idempotencyKey, newClient, newColleague, newContact, newFirm, newFolder, newKey,
  newLink, newMatter, newOffice, newPending, nobody, ok, openDoor, raw, refused, register, settled, signIn, sink, stack, upload,
  PASSWORD, type Caller, type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person, client: Schema['Client'];
let folder: Schema['Folder'];
before(async () => {
  ({ firm, staff, client } = await newOffice('links'));
  folder = await newFolder(staff, client);
});

const at = (sign_up_link_id: string) => ({ params: { path: { sign_up_link_id } } });
const read = (id: string, as: Caller = staff) => as.api.GET('/v1/sign_up_links/{sign_up_link_id}', at(id));
const state = async (id: string) => {
  const { state, uses } = await ok(read(id), 200);
  return `${state} ${uses}`;
};
const revoke = (id: string, as: Caller = staff) => as.api.DELETE('/v1/sign_up_links/{sign_up_link_id}', at(id));
const of = (registration_id: string) => ({ params: { path: { registration_id } } });
const registration = (id: string, as: Caller = staff) => ok(as.api.GET('/v1/registrations/{registration_id}', of(id)), 200);
const verify = (id: string, body: Schema['VerifyRegistrationIn'] = { create_contact: true }, as: Caller = staff) =>
  as.api.POST('/v1/registrations/{registration_id}/verify', { ...of(id), body });
const shares = async (contact: { id: string }, item_id: string) =>
  (await ok(staff.api.GET('/v1/shares', { params: { query: { contact_id: contact.id } } }), 200)).data.filter((s) => s.item_id === item_id);
const archive = (of: { id: string }) => staff.api.DELETE('/v1/clients/{client_id}', { params: { path: { client_id: of.id } } });
const confirm = (token: string) => nobody().POST('/v1/registrations/confirm', { body: { token, password: PASSWORD } });
const asked = async (token: string, email = address('by-link')) => {
  await ok(register(firm, email, { sign_up_token: token }), 202);
  return confirmTokenOf((await sink.mails(email))[0]);
};
const codesOf = (all: { response: Response }[]) => all.map((r) => r.response.status).sort();

test('C6 a link lets people register where the firm takes no others, and verifying shares its folder with its access', async () => {
  await refused(register(firm, address()), 403, 'self_registration_disabled');
  const { link, url, token } = await newLink(staff, { folder_id: folder.id, access: 'view_upload', max_uses: 2 });
  assert.match(url, new RegExp(`^${stack.url}/register#[\\w-]{86}$`));
  assert.deepEqual([link.client_id, link.folder_id, link.matter_id, link.item_name, link.state, link.uses, link.created_by.name],
    [client.id, folder.id, null, folder.name, 'open', 0, 'Olive Owner']);
  const rita = await newPending(firm, { sign_up_token: token });
  assert.equal((await registration(rita.id)).sign_up_link_id, link.id);
  assert.equal(await state(link.id), 'open 1');
  const contact = await ok(verify(rita.id), 200);
  assert.deepEqual(contact.clients.map((c) => c.id), [client.id], 'the client of the link, when no other is sent');
  assert.deepEqual((await shares(contact, folder.id)).map((s) => [s.access, s.created_by.name]), [['view_upload', 'Olive Owner']]);
  const seen = await ok(rita.api.GET('/v1/portal/folders', {}), 200);
  assert.ok(seen.data.some((f) => f.id === folder.id));
  const told = (await settled(firm, rita.email, 0)).map((m) => m.subject);
  assert.equal(told.length, 2, told.join());
  const mail = await nobody().POST('/v1/registrations', { body: { name: 'Ann', email: address(), password: PASSWORD, sign_up_token: token } });
  assert.equal(mail.response.status, 202, 'the token names the firm');
  const rows = JSON.stringify(await stack.sql('select * from sign_up_link where firm_id = $1', [firm.id]));
  assert.ok(!rows.includes(token.slice(-40)));
});

test('C6 what cannot be a link is refused, all faults at once, and nothing is made', async () => {
  const matter = await newMatter(staff, client);
  const inside = await newFolder(staff, client, { matter_id: matter.id });
  const make = async (over: object, as: Caller = staff) =>
    raw('/v1/sign_up_links', {
      method: 'POST',
      as,
      headers: { 'idempotency-key': idempotencyKey() },
      json: { folder_id: folder.id, access: 'view', max_uses: 1, expires_at: (await newLink(staff, { folder_id: folder.id })).link.expires_at, ...over },
    });
  const archived = await newClient(staff);
  const kept = await newFolder(staff, archived);
  const before = await newLink(staff, { folder_id: kept.id });
  await ok(archive(archived), 204);
  assert.equal(await state(before.link.id), 'revoked 0', 'it ends when the client is archived');
  const strange = 'fol_01kjpz7w3mfa6tq2c9x4n8d5he';
  for (const [over, status, code, ...faults] of [
    [{ matter_id: matter.id }, 422, 'validation_failed', '/matter_id one_of'],
    [{ folder_id: undefined }, 422, 'validation_failed', '/folder_id one_of'],
    [{ max_uses: 0, expires_at: '2001-01-01T00:00:00.000Z' }, 422, 'validation_failed', '/expires_at out_of_range', '/max_uses out_of_range'],
    [{ max_uses: 1001, expires_at: '2999-01-01T00:00:00.000Z' }, 422, 'validation_failed', '/expires_at out_of_range', '/max_uses out_of_range'],
    [{ folder_id: strange }, 422, 'validation_failed', '/folder_id not_found'],
    [{ folder_id: undefined, matter_id: matter.id, access: 'view_upload' }, 422, 'access_not_allowed_for_item', '/access access_not_allowed_for_item'],
    [{ folder_id: kept.id }, 409, 'client_archived'],
    [{ folder_id: inside.id }, 422, 'validation_failed', '/folder_id not_allowed'],
  ] as const) {
    const { status: got, json } = await make(over);
    assert.deepEqual([got, json.code, ...(json.errors ?? []).map((e: { pointer: string; code: string }) => `${e.pointer} ${e.code}`).sort()], [status, code, ...faults]);
  }
  const narrow = await newKey(staff, ['portal_access:write', 'shares:read']);
  assert.equal((await make({}, narrow)).json.code, 'insufficient_scope');
  const wide = await newKey(staff, ['portal_access:write', 'shares:write', 'shares:read']);
  const made = await make({}, wide);
  assert.deepEqual([made.status, made.json.sign_up_link.created_by.type], [201, 'api_key']);
  assert.ok((await ok(wide.api.GET('/v1/sign_up_links', { params: { query: { client_id: client.id } } }), 200)).data.some((l) => l.id === made.json.sign_up_link.id));
});

test('C6 P9 of six who confirm at once by a link for two, two get in; then it is used up', async () => {
  const { link, token } = await newLink(staff, { folder_id: folder.id, max_uses: 2 });
  const confirmations = await Promise.all(Array.from({ length: 6 }, () => asked(token)));
  const all = await Promise.all(confirmations.map(confirm));
  assert.deepEqual(codesOf(all), [204, 204, 410, 410, 410, 410]);
  assert.equal(await state(link.id), 'used_up 2');
  await refused(register(firm, address(), { sign_up_token: token }), 410, 'token_used');
  await refused(register(firm, 'no address', { sign_up_token: token }), 410, 'token_used');
  const { data } = await ok(staff.api.GET('/v1/registrations', { params: { query: { status: 'pending', limit: 100 } } }), 200);
  assert.equal(data.filter((r) => r.sign_up_link_id === link.id).length, 2);
});

test('C6 a link that is revoked, expired, changed or another firm’s lets nobody in, and nobody confirms by it', async () => {
  const { link, token } = await newLink(staff, { folder_id: folder.id });
  const confirmation = await asked(token);
  await refused(register(firm, address(), { sign_up_token: token.slice(0, -1) + (token.endsWith('A') ? 'E' : 'A') }), 404, 'not_found');
  await refused(register(firm, address(), { sign_up_token: 'x' }), 404, 'not_found');
  const other = await newFirm('elsewhere');
  await openDoor(other);
  await refused(register(other, address(), { sign_up_token: token }), 404, 'not_found');
  await refused(revoke(link.id, other.owner), 404, 'not_found');
  await ok(revoke(link.id), 204);
  await ok(revoke(link.id), 204);
  assert.equal(await state(link.id), 'revoked 0');
  await refused(register(firm, address(), { sign_up_token: token }), 410, 'token_expired');
  await refused(confirm(confirmation), 410, 'token_expired');
  const log = await ok(staff.api.GET('/v1/audit_log', { params: { query: { object_id: link.id } } }), 200);
  assert.deepEqual(log.data.map((e) => e.action).sort(), ['sign_up_link.created', 'sign_up_link.revoked']);
});

test('C6 a link goes with its folder: who came by it can be verified, with nothing shared; who had not confirmed cannot', async () => {
  for (const kept of [true, false]) {
    const gone = await newFolder(staff, client);
    const { link, token } = await newLink(staff, { folder_id: gone.id });
    const rita = await newPending(firm, { sign_up_token: token });
    const late = await asked(token);
    if (kept) await ok(upload(staff, gone), 201);
    await ok(staff.api.DELETE('/v1/folders/{folder_id}', { params: { path: { folder_id: gone.id }, query: { recursive: true } } }), 204);
    await refused(read(link.id), 404, 'not_found');
    await refused(confirm(late), 410, 'token_expired');
    assert.equal((await registration(rita.id)).sign_up_link_id, null);
    await refused(verify(rita.id), 422, 'client_required');
    const contact = await ok(verify(rita.id, { create_contact: true, client_id: client.id }), 200);
    assert.deepEqual(await shares(contact, gone.id), []);
  }
});

test('C6 another client may be sent: then nothing of the link is shared; a contact of one’s own is related and shared with', async () => {
  const { token } = await newLink(staff, { folder_id: folder.id });
  const [one, two] = [await newPending(firm, { sign_up_token: token }), await newPending(firm, { sign_up_token: token })];
  const other = await newClient(staff);
  const elsewhere = await ok(verify(one.id, { create_contact: true, client_id: other.id }), 200);
  assert.deepEqual([elsewhere.clients.map((c) => c.id), await shares(elsewhere, folder.id)], [[other.id], []]);
  const known = await newContact(staff, other);
  const contact = await ok(verify(two.id, { contact_id: known.id }), 200);
  assert.deepEqual(contact.clients.map((c) => c.id).sort(), [client.id, other.id].sort());
  assert.equal((await shares(contact, folder.id)).length, 1);
  const key = await newKey(staff, ['contacts:read', 'portal_access:write']);
  const three = await newPending(firm, { sign_up_token: token });
  await refused(verify(three.id, undefined, key), 403, 'insufficient_scope');
  const closing = await newClient(staff);
  const last = await newPending(firm, { sign_up_token: (await newLink(staff, { folder_id: (await newFolder(staff, closing)).id })).token });
  await ok(archive(closing), 204);
  await refused(verify(last.id), 409, 'client_archived');
  await ok(verify(last.id, { create_contact: true, client_id: other.id }), 200);
});

test('C6 P22 a link of a matter makes its people clients on it; of a restricted one only its team knows, and verifies', async () => {
  const mate = await newColleague(firm, 'admin');
  const matter = await newMatter(staff, client, [], { restricted: true });
  const moved = await newFolder(staff, client);
  const { link, token } = await newLink(staff, { matter_id: matter.id });
  const below = await newLink(staff, { folder_id: moved.id });
  await ok(staff.api.PATCH('/v1/folders/{folder_id}', { params: { path: { folder_id: moved.id } }, body: { matter_id: matter.id } }), 200);
  await refused(mate.api.POST('/v1/sign_up_links', { body: { matter_id: matter.id, access: 'view', max_uses: 1, expires_at: link.expires_at } }), 422, 'validation_failed', ['/matter_id not_found']);
  for (const id of [link.id, below.link.id]) {
    await ok(read(id), 200);
    await refused(read(id, mate), 404, 'not_found');
    await refused(revoke(id, mate), 404, 'not_found');
  }
  const listed = (await ok(mate.api.GET('/v1/sign_up_links', {}), 200)).data.map((l) => l.id);
  assert.ok(listed.length > 0 && !listed.includes(link.id) && !listed.includes(below.link.id));
  const rita = await newPending(firm, { sign_up_token: token });
  assert.deepEqual([(await registration(rita.id)).sign_up_link_id, (await registration(rita.id, mate)).sign_up_link_id], [link.id, null]);
  await refused(verify(rita.id, undefined, mate), 403, 'shared_items_not_accessible');
  assert.equal((await registration(rita.id)).status, 'pending');
  const opponent = await newContact(staff, client);
  await ok(staff.api.PUT('/v1/matters/{matter_id}/contacts/{contact_id}', { params: { path: { matter_id: matter.id, contact_id: opponent.id } }, body: { role: 'other' } }), 204);
  await refused(verify(rita.id, { contact_id: opponent.id }), 422, 'not_client_on_matter');
  const contact = await ok(verify(rita.id), 200);
  assert.equal((await shares(contact, matter.id)).length, 1);
  assert.deepEqual((await ok(rita.api.GET('/v1/portal/matters', {}), 200)).data.map((m) => m.id), [matter.id]);
  const away = await newPending(firm, { sign_up_token: token });
  await ok(verify(away.id, { create_contact: true, client_id: (await newClient(staff)).id }, mate), 200);
  const told = (await raw(`/v1/audit_log?object_id=${link.id}`, { as: mate })).json.data;
  assert.deepEqual(told, []);
});

test('C6 S0_26 while the firm has documents switched off a link lets nobody in and shares nothing', async () => {
  const { token } = await newLink(staff, { folder_id: folder.id });
  const [rita, late] = [await newPending(firm, { sign_up_token: token }), await asked(token)];
  const switchTo = (features: NonNullable<Schema['FirmPatch']['features']>) => ok(staff.api.PATCH('/v1/firm', { body: { features } }), 200);
  await switchTo(['matters', 'imports', 'api_keys', 'announcements']);
  await refused(register(firm, address(), { sign_up_token: token }), 410, 'token_expired');
  await refused(confirm(late), 410, 'token_expired');
  await refused(verify(rita.id), 422, 'client_required');
  const contact = await ok(verify(rita.id, { create_contact: true, client_id: client.id }), 200);
  await switchTo(['documents', 'matters', 'imports', 'api_keys', 'announcements']);
  assert.deepEqual(await shares(contact, folder.id), []);
  await ok(confirm(late), 204);
});

test('C6 a link ends at its time', async () => {
  const { link, token } = await newLink(staff, { folder_id: folder.id });
  await advance(31 * 86_400);
  await refused(register(firm, address(), { sign_up_token: token }), 410, 'token_expired');
  const again = await signIn(firm.slug, 'staff', staff.email);
  assert.equal((await ok(read(link.id, again), 200)).state, 'expired');
});
