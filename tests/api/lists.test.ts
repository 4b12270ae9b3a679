// lists.test.ts - one pagination: every list is walked with several limits while things are added and removed.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract } from '../lib/recorder.mjs';
import { callerOf, newWorld, type World } from '../lib/world.js';
import {
  address, enable, inviteStaff, newClient, newContact, newFolder, newLink, newMatter, newKey, newPending, ok, portalUpload, raw,
  share, signIn, upload,
} from '../lib/kit.js';

let world: World;
const N = 12;
const adds: Record<string, () => Promise<unknown>> = {
  listSessions: () => signIn(world.firm.slug, 'staff', world.firm.owner.email),
  listStaff: () => inviteStaff(world.firm.owner, world.roles['member'] ?? ''),
  listRoles: async () => undefined,
  listClients: () => newClient(world.firm.owner),
  listContacts: () => newContact(world.firm.owner, world.client),
  listInvitations: async () =>
    ok(
      enable(world.firm.owner, await newContact(world.firm.owner, world.client, { primary_email: address() }), {
        send: 'now',
      }),
      200,
    ),
  listMatters: () => newMatter(world.firm.owner, world.client),
  listPortalMatters: async () =>
    ok(
      share(
        world.firm.owner,
        'matter',
        await newMatter(world.firm.owner, world.client, [world.user.contact]),
        [world.user.contact],
        'view',
        false,
      ),
      201,
    ),
  listRegistrations: () => newPending(world.firm),
  listSignUpLinks: () => newLink(world.firm.owner, { folder_id: world.folder.id }),
  listFolders: () => newFolder(world.firm.owner, world.client),
  listDocuments: () => ok(upload(world.firm.owner, world.folder), 201),
  listShares: async () =>
    ok(
      share(
        world.firm.owner,
        'document',
        await ok(upload(world.firm.owner, world.folder), 201),
        [world.user.contact],
        'view',
        false,
      ),
      201,
    ),
  listPortalFolders: async () =>
    ok(
      share(
        world.firm.owner,
        'folder',
        await newFolder(world.firm.owner, world.client),
        [world.user.contact],
        'view',
        false,
      ),
      201,
    ),
  listPortalDocuments: () => ok(portalUpload(world.user, undefined), 201),
  listEmails: () => adds['listInvitations']?.() ?? Promise.resolve(),
  listLoginDrift: async () => {
    const contact = await newContact(world.firm.owner, world.client);
    await ok(enable(world.firm.owner, contact, { send: 'later' }), 200);
    const params = { path: { contact_id: contact.id } };
    await ok(world.firm.owner.api.PATCH('/v1/contacts/{contact_id}', { params, body: { display_name: 'Drifted' } }), 200);
  },
  listAudit: () => newClient(world.firm.owner),
  listApiKeys: () => newKey(world.firm.owner),
  listTestEmails: async () => undefined,
};
/** Lists that these tests cannot make longer, and how much is there. */
const FEW: Record<string, number> = { listTestEmails: 1, listRoles: 3 };
/** What takes one thing out of a list. From the others nothing is ever removed. */
const staff = (path: string) => raw(path, { method: 'DELETE', as: world.firm.owner });
const removes: Record<string, (id: string) => Promise<{ status: number }>> = {
  listContacts: (id) => staff(`/v1/contacts/${id}`),
  listPortalMatters: (id) => staff(`/v1/matters/${id}`),
  listFolders: (id) => staff(`/v1/folders/${id}?recursive=true`),
  listDocuments: (id) => staff(`/v1/documents/${id}`),
  listShares: (id) => staff(`/v1/shares/${id}`),
  listPortalFolders: (id) => staff(`/v1/folders/${id}?recursive=true`),
  listPortalDocuments: (id) => staff(`/v1/documents/${id}`),
};
// Nothing comes or goes in the rows of an import.
const lists = contract.operations.filter((o) => o.id !== 'listImportRows' &&
  (o.spec.parameters ?? []).some((p: any) => p.$ref?.endsWith('/Cursor')),
);

before(async () => {
  world = await newWorld('lists');
  for (const op of lists) for (let i = 0; i < N; i++) await adds[op.id]?.();
});

describe('rule 12: a walk sees everything that was there throughout, once, in one order, while things come and go', () => {
  for (const op of lists)
    for (const limit of [1, 7, 100])
      test(`${op.id} by ${limit}`, async () => {
        const as = callerOf(op, world);
        const page = async (query: string) => raw(`${op.path}?${query}`, as ? { as } : {});
        const there: string[] = (await page('limit=100')).json.data.map((o: any) => o.id);
        assert.ok(there.length >= (FEW[op.id] ?? N), `${there.length}`);
        const seen: string[] = [];
        const removed: string[] = [];
        /** Somebody adds two, and removes one that was seen already and one that is still to come. */
        const disturb = async (): Promise<void> => {
          for (let i = 0; i < 2; i++) await adds[op.id]?.();
          for (const ids of [[...seen].reverse(), there.filter((id) => !seen.includes(id)).reverse()])
            for (const id of removes[op.id] ? ids : [])
              if ((await removes[op.id]?.(id))?.status === 204) {
                removed.push(id);
                break;
              }
        };
        let path = `limit=${limit}`;
        for (let turn = 0; ; turn++) {
          assert.ok(turn < 2000, 'without an end');
          const got = await page(path);
          assert.equal(got.status, 200);
          seen.push(...got.json.data.map((o: any) => o.id));
          const link = got.headers.get('link');
          if (got.json.next_cursor === null) {
            assert.equal(link, null);
            break;
          }
          assert.equal(got.json.data.length, limit, 'a page that is not full is the last one');
          const next = /^<([^>]+)>; rel="next"$/.exec(link ?? '');
          assert.ok(next, `Link is ${link}`);
          const url = new URL(next[1] ?? '', 'http://x');
          assert.equal(url.pathname, op.path);
          assert.equal(url.searchParams.get('cursor'), got.json.next_cursor);
          assert.equal(url.searchParams.get('limit'), String(limit));
          path = url.search.slice(1);
          if (turn === (limit === 1 ? 2 : 0)) await disturb();
        }
        assert.equal(new Set(seen).size, seen.length, 'something was seen twice');
        const throughout = (ids: string[]) => ids.filter((id) => there.includes(id) && !removed.includes(id));
        if (there.length < 100) assert.deepEqual(throughout(seen), throughout(there));
        if (removes[op.id] && limit < 100) assert.ok(removed.length > 0, 'nothing was removed');
      });
});

test('rule 12: a cursor fits the filters it was made with, and no other', async () => {
  const as = world.firm.owner;
  const got = await raw(`/v1/folders?client_id=${world.client.id}&limit=2`, { as });
  const cursor = encodeURIComponent(got.json.next_cursor);
  assert.equal((await raw(`/v1/folders?client_id=${world.client.id}&limit=5&cursor=${cursor}`, { as })).status, 200);
  for (const path of [
    `/v1/folders?limit=2&cursor=${cursor}`,
    `/v1/folders?client_id=${world.client.id}&parent_id=${world.folder.id}&cursor=${cursor}`,
    `/v1/documents?client_id=${world.client.id}&cursor=${cursor}`,
    `/v1/clients?cursor=${cursor}`,
  ]) {
    const other = await raw(path, { as });
    assert.equal(`${other.status} ${other.json.code}`, '400 cursor_invalid', path);
  }
  const cut = got.json.next_cursor.slice(0, -2);
  assert.equal((await raw(`/v1/folders?client_id=${world.client.id}&cursor=${cut}`, { as })).status, 400);
});

test('the default page is 25', async () => {
  for (let i = 0; i < 30 - N; i++) await newClient(world.firm.owner);
  assert.equal((await raw('/v1/clients', { as: world.firm.owner })).json.data.length, 25);
});

test('something removed between two pages breaks nothing', async () => {
  const as = world.firm.owner;
  const folder = await newFolder(as, world.client);
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) ids.push((await ok(upload(as, folder), 201)).id);
  const first = await raw(`/v1/documents?folder_id=${folder.id}&limit=2`, { as });
  await ok(as.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id: ids[1] ?? '' } } }), 204);
  await ok(as.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id: ids[3] ?? '' } } }), 204);
  const rest = await raw(
    `/v1/documents?folder_id=${folder.id}&limit=100&cursor=${encodeURIComponent(first.json.next_cursor)}`,
    { as },
  );
  assert.deepEqual(
    [...first.json.data, ...rest.json.data].map((d: any) => d.id),
    [ids[0], ids[1], ids[2], ids[4], ids[5]],
  );
});
