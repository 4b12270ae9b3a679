// capability.test.ts - what the firm has switched on and what a person may do with it; a part that is off answers nobody.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  access, advance, disable, enable, key, newClient, newColleague, newContact, newFirm, newFolder, newKey, newPortalUser, ok,
  portalUpload, raw, refused, settled, share, signIn, sink, stack, took, upload, type Caller, type Firm, type Person,
  type Schema,
} from '../lib/kit.js';

const FEATURES = ['documents', 'matters', 'imports', 'api_keys', 'announcements'] as const;
const TOOLS = ['files', 'requests', 'invoices', 'messages', 'tasks'];

let firm: Firm;
before(async () => {
  firm = await newFirm('capable');
});

const capabilities = (as: Person) => as.api.GET('/v1/me/capabilities');
type Features = NonNullable<Schema['FirmPatch']['features']>;
const set = (as: Person, features: Features) => as.api.PATCH('/v1/firm', { body: { features } });
const without = (...off: string[]) => FEATURES.filter((f) => !off.includes(f));

test('S0_26 capabilities list the rights of the role and the features of the firm', async () => {
  const owner = await ok(capabilities(firm.owner), 200);
  assert.deepEqual(owner, { permissions: firm.owner.session.permissions, features: FEATURES, tools: [] });
  const member = await newColleague(firm);
  const seen = await took(capabilities(member), 200);
  assert.deepEqual(seen.data.permissions, member.session.permissions);
  assert.ok(!seen.data.permissions.includes('settings:write'));
  const client = await newClient(firm.owner);
  const user = await newPortalUser(firm, client);
  assert.deepEqual(await ok(capabilities(user), 200), { permissions: [], features: FEATURES, tools: TOOLS });
  const same = await raw('/v1/me/capabilities', { as: member, headers: { 'if-none-match': seen.etag } });
  assert.equal(same.status, 304);
});

test('S0_26 a right that is missing is named, to staff and to a key', async () => {
  const member = await newColleague(firm);
  assert.deepEqual((await refused(set(member, []), 403, 'permission_denied')).required_scopes, ['settings:write']);
  const thin = await newKey(firm.owner, ['clients:read']);
  assert.deepEqual((await refused(thin.api.GET('/v1/firm'), 403, 'insufficient_scope')).required_scopes, ['settings:read']);
});

describe('a feature that is off', () => {
  const refusedTo = async (as: Caller, path: string) => {
    const got = await raw(path, { as });
    assert.equal(`${got.status} ${got.json.code}`, '403 feature_disabled', path);
    return got.json.detail as string;
  };

  test('S0_26 its calls are 403 feature_disabled to everybody, and all is as before when it is on again', async () => {
    const own = await newFirm('dark');
    const client = await newClient(own.owner);
    const user = await newPortalUser(own, client);
    const folder = await newFolder(own.owner, client);
    const all = await newKey(own.owner);
    const document = await ok(portalUpload(user, undefined, 'scan.txt', 'bytes'), 201);
    const off = await ok(set(own.owner, without('documents')), 200);
    assert.deepEqual(off.features, without('documents'));
    assert.deepEqual((await ok(capabilities(user), 200)).features, without('documents'));
    const publicly = await ok(own.owner.api.GET('/v1/public/firm', { params: { query: { firm: own.slug } } }), 200);
    assert.deepEqual(publicly.features, without('documents'));
    assert.deepEqual((await ok(user.api.GET('/v1/portal/home'), 200)).firm.features, without('documents'));
    for (const as of [own.owner, all])
      for (const path of ['/v1/folders', `/v1/folders/${folder.id}`, '/v1/documents', '/v1/shares'])
        assert.match(await refusedTo(as, path), /documents/);
    for (const path of ['/v1/portal/folders', `/v1/portal/documents/${document.id}/content`]) await refusedTo(user, path);
    await refused(portalUpload(user, undefined, 'late.txt', 'bytes'), 403, 'feature_disabled');
    await ok(own.owner.api.GET('/v1/clients'), 200);
    await ok(set(own.owner, [...FEATURES]), 200);
    await ok(user.api.GET('/v1/portal/documents/{document_id}', { params: { path: { document_id: document.id } } }), 200);
  });

  test('S0_26 without api_keys no key opens anything, whatever its scopes', async () => {
    const own = await newFirm('keyless');
    const all = await newKey(own.owner);
    await ok(all.api.GET('/v1/clients'), 200);
    await ok(set(own.owner, without('api_keys')), 200);
    await refusedTo(all, '/v1/clients');
    await refusedTo(own.owner, '/v1/api_keys');
    await ok(set(own.owner, [...FEATURES]), 200);
    await ok(all.api.GET('/v1/clients'), 200);
  });

  test('who may not make the call at all is told that first; nobody learns it of a firm that is not his', async () => {
    const own = await newFirm('order');
    await ok(set(own.owner, []), 200);
    const member = await newColleague(own);
    await refused(member.api.GET('/v1/api_keys'), 403, 'permission_denied');
    const nobody = await raw('/v1/documents');
    assert.equal(nobody.json.code, 'unauthenticated');
    await ok(firm.owner.api.GET('/v1/documents'), 200);
  });

  test('an unknown feature is named; the order and what stands twice do not matter', async () => {
    const odd = ['documents', 'fax', 'telex'] as unknown as Features;
    await refused(set(firm.owner, odd), 422, 'unknown_feature', ['/features/1 unknown_feature', '/features/2 unknown_feature']);
    const body = { features: odd, accent_color: 'red' } as Schema['FirmPatch'];
    await refused(firm.owner.api.PATCH('/v1/firm', { body }), 422, 'validation_failed');
    const back = await ok(set(firm.owner, ['matters', 'announcements', 'documents', 'matters', 'imports', 'api_keys']), 200);
    assert.deepEqual(back.features, FEATURES);
  });
});

describe('the tools of one person', () => {
  const tools = (as: Person, contact: { id: string }, list: NonNullable<Schema['PortalAccessPatch']['tools']>) =>
    as.api.PATCH('/v1/contacts/{contact_id}/portal_access', {
      params: { path: { contact_id: contact.id } },
      body: { tools: list },
    });

  test('S1_20 files taken away: the portal’s folders and documents are shut at once, no mail tells of them; given back, all is seen', async () => {
    const client = await newClient(firm.owner);
    const [user, other] = [await newPortalUser(firm, client), await newPortalUser(firm, client)];
    const folder = await newFolder(firm.owner, client);
    await ok(share(firm.owner, 'folder', folder, [user.contact, other.contact], 'view_upload', false), 201);
    assert.deepEqual((await access(firm.owner, user.contact)).tools, TOOLS);
    const document = await ok(portalUpload(user, folder, 'scan.txt', 'bytes'), 201);
    const before = await ok(user.api.GET('/v1/portal/home'), 200);
    assert.ok(before.can_upload && before.counts.documents > 0);
    const changed = await ok(tools(firm.owner, user.contact, ['requests', 'invoices']), 200);
    assert.deepEqual(changed.tools, ['requests', 'invoices']);
    for (const path of ['folders', 'documents', `documents/${document.id}`, `documents/${document.id}/content`]) {
      const got = await raw(`/v1/portal/${path}`, { as: user });
      assert.equal(`${got.status} ${got.json.code}`, '403 feature_disabled', path);
    }
    await refused(portalUpload(user, folder, 'late.txt', 'bytes'), 403, 'feature_disabled');
    const after = await ok(user.api.GET('/v1/portal/home'), 200);
    assert.deepEqual([after.can_upload, after.counts.documents], [false, 0]);
    assert.deepEqual((await ok(capabilities(user), 200)).tools, ['requests', 'invoices']);
    const mark = await sink.mark();
    const more = await ok(upload(firm.owner, folder), 201);
    await advance(301);
    assert.deepEqual(await settled(firm, user.email, mark), []);
    assert.equal((await settled(firm, other.email, mark)).length, 1);
    await resign();
    const again = await signIn(firm.slug, 'portal', user.email);
    await ok(tools(firm.owner, user.contact, ['tasks', 'files']), 200);
    assert.ok((await ok(again.api.GET('/v1/portal/documents'), 200)).data.some((d) => d.id === more.id));
  });

  const resign = async () => {
    firm.owner = await signIn(firm.slug, 'staff', firm.owner.email);
  };

  test('S1_20 whatever the source: also of somebody who is only invited; a new issue keeps them, off and on begins anew', async () => {
    const client = await newClient(firm.owner);
    const contact = await newContact(firm.owner, client);
    await refused(tools(firm.owner, contact, []), 409, 'portal_access_off');
    const off = await access(firm.owner, contact);
    assert.deepEqual([off.tools, off.source], [[], null]);
    assert.equal((await ok(enable(firm.owner, contact), 200)).source, 'manual');
    const first = await ok(tools(firm.owner, contact, ['messages']), 200);
    const acts = async () =>
      (
        await stack.sql(
          "select 1 from event where firm_id = $1 and type = 'portal_access.updated' and 'tools' = any(changed_fields)",
          [firm.id],
        )
      ).length;
    const once = await acts();
    assert.deepEqual((await ok(tools(firm.owner, contact, ['messages', 'messages']), 200)).tools, first.tools);
    assert.equal(await acts(), once, 'what changes nothing is no event');
    const issued = await raw(`/v1/contacts/${contact.id}/portal_access/reissue`, {
      method: 'POST',
      as: firm.owner,
      headers: { 'idempotency-key': key() },
      json: { send: 'later' },
    });
    assert.deepEqual([issued.status, issued.json.tools], [200, ['messages']]);
    assert.ok(once > 0);
    await ok(disable(firm.owner, contact), 200);
    assert.deepEqual((await ok(enable(firm.owner, contact), 200)).tools, TOOLS);
  });

  test('S1_20 an unknown tool is told with its place; who may not change access may not change tools', async () => {
    const user = await newPortalUser(firm, await newClient(firm.owner));
    const odd = ['files', 'fax'] as unknown as [];
    await refused(tools(firm.owner, user.contact, odd), 422, 'validation_failed', ['/tools/1 not_allowed']);
    await refused(tools(user, user.contact, ['files']), 403, 'permission_denied');
  });
});
