// idempotency.test.ts - the same POST with the same key has one effect and one answer.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract } from '../lib/recorder.mjs';
import { CSV_HEADER, newImport, newWorld, type World } from '../lib/world.js';
import {
  address, advance, emails, key, newContact, newPending, newPortalUser, ok, newKey, raw, settled, signIn, sink, stack, unique,
  upload, type Caller,
} from '../lib/kit.js';

let world: World;
before(async () => {
  world = await newWorld('idem');
});

/** The clock has moved: both sign in anew. */
async function again(): Promise<void> {
  world.firm.owner = await signIn(world.firm.slug, 'staff', world.firm.owner.email);
  Object.assign(world.user, await signIn(world.firm.slug, 'portal', world.user.email));
}

interface Post {
  path: string;
  json?: unknown;
  body?: string;
  type?: string;
  as: Caller;
}
const posts: Record<string, () => Promise<[Post, Post]>> = {
  inviteStaff: async () =>
    both('/v1/staff', () => ({ name: 'Idem', email: address('idem'), role_id: world.roles['member'] })),
  createClient: async () => both('/v1/clients', (n) => ({ entity: 'business', name: `Idem ${n}` })),
  createContact: async () => both('/v1/contacts', (n) => ({ entity: 'individual', display_name: `Idem ${n}` })),
  createInvitation: async () => {
    const contacts = [
      await newContact(world.firm.owner, world.client),
      await newContact(world.firm.owner, world.client),
    ];
    return both('/v1/invitations', (n) => ({ contact_id: contacts[n]?.id, send: 'now' }));
  },
  resendInvitation: async () => {
    const other = await newContact(world.firm.owner, world.client);
    const made = await raw('/v1/invitations', {
      method: 'POST',
      as: world.firm.owner,
      headers: { 'idempotency-key': key() },
      json: { contact_id: other.id, send: 'now' },
    });
    await advance(3600);
    await again();
    const as = world.firm.owner;
    return [
      { path: `/v1/invitations/${world.invitation.id}/resend`, as },
      { path: `/v1/invitations/${made.json.id}/resend`, as },
    ];
  },
  createMatter: async () => both('/v1/matters', (n) => ({ client_id: world.client.id, name: unique(`Idem ${n}`) })),
  verifyRegistration: async () => {
    const at = async (): Promise<Post> => ({
      path: `/v1/registrations/${(await newPending(world.firm)).id}/verify`,
      json: { create_contact: true, client_id: world.client.id },
      as: world.firm.owner,
    });
    return [await at(), await at()];
  },
  createSignUpLink: async () =>
    both('/v1/sign_up_links', (n) => ({
      folder_id: world.folder.id,
      access: 'view',
      max_uses: n + 1,
      expires_at: new Date(Date.now() + 300 * 86_400_000).toISOString(),
    })),
  createFolder: async () => both('/v1/folders', (n) => ({ client_id: world.client.id, name: unique(`Idem ${n}`) })),
  createShares: async () =>
    both('/v1/shares', (n) => ({
      item_type: 'folder',
      item_id: world.folder.id,
      contact_ids: [world.user.contact.id],
      access: 'view',
      notify: n === 0,
    })),
  restoreDocument: async () => {
    const at = async (): Promise<Post> => {
      const as = world.firm.owner;
      const { id } = await ok(upload(as, world.folder), 201);
      await ok(as.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id: id } } }), 204);
      return { path: `/v1/documents/${id}/restore`, as };
    };
    return [await at(), await at()];
  },
  reissuePortalAccess: async () => accessMoves('reissue', { send: 'later' }),
  suspendPortalAccess: async () => accessMoves('suspend'),
  resumePortalAccess: async () => accessMoves('resume'),
  sendPortalAddress: async () => {
    const at = async (): Promise<Post> => ({
      path: `/v1/contacts/${(await newContact(world.firm.owner, world.client)).id}/send_portal_address`,
      as: world.firm.owner,
    });
    return [await at(), await at()];
  },
  createApiKey: async () => both('/v1/api_keys', (n) => ({ name: unique(`Idem ${n}`), scopes: ['clients:read'] })),
  rotateApiKey: async () => {
    const path = `/v1/api_keys/${(await newKey(world.firm.owner)).made.id}/rotate?overlap_hours=`;
    return [
      { path: `${path}1`, as: world.firm.owner },
      { path: `${path}2`, as: world.firm.owner },
    ];
  },
  createImport: async () => {
    const at = (kind: string): Post => ({
      path: `/v1/imports?kind=clients&dry_run=${kind}`,
      body: `${CSV_HEADER}\n`,
      type: 'text/csv',
      as: world.firm.owner,
    });
    return [at('true'), at('false')];
  },
  commitImport: async () => {
    const at = async (): Promise<Post> => ({
      path: `/v1/imports/${(await newImport(world.firm.owner, unique('idem'))).id}/commit`,
      as: world.firm.owner,
    });
    return [await at(), await at()];
  },
  uploadDocument: async () => {
    const name = unique('idem');
    const at = (n: number): Post => ({
      path: `/v1/documents?folder_id=${world.folder.id}&name=${name}${n}.txt`,
      body: 'the same bytes',
      as: world.firm.owner,
    });
    return [at(0), at(1)];
  },
  uploadPortalDocument: async () => {
    const name = unique('idem');
    const at = (n: number): Post => ({
      path: `/v1/portal/documents?name=${name}${n}.txt`,
      body: 'the same bytes',
      as: world.user,
    });
    return [at(0), at(1)];
  },
};

async function accessMoves(verb: string, json?: object): Promise<[Post, Post]> {
  const at = async (): Promise<Post> => {
    const user = await newPortalUser(world.firm, world.client);
    const path = `/v1/contacts/${user.contact.id}/portal_access/${verb}`;
    return { path, as: world.firm.owner, ...(json ? { json } : {}) };
  };
  return [await at(), await at()];
}

function both(path: string, json: (n: number) => unknown): [Post, Post] {
  return [
    { path, json: json(0), as: world.firm.owner },
    { path, json: json(1), as: world.firm.owner },
  ];
}

const send = (post: Post, idempotency: string) =>
  raw(post.path, {
    method: 'POST',
    as: post.as,
    ...(post.json === undefined ? {} : { json: post.json }),
    ...(post.body === undefined ? {} : { body: post.body }),
    headers: {
      'idempotency-key': idempotency,
      ...(post.body === undefined ? {} : { 'content-type': post.type ?? 'application/octet-stream' }),
    },
  });

test('every POST that takes a key is in this table', () => {
  const keyed = contract.operations.filter((o) =>
    (o.spec.parameters ?? []).some((p: any) => p.$ref?.includes('IdempotencyKey')),
  );
  assert.deepEqual(keyed.map((o) => o.id).sort(), Object.keys(posts).sort());
});

describe('rule 13: the same answer, said to be replayed; another request with that key is refused', () => {
  for (const [id, make] of Object.entries(posts))
    test(id, async () => {
      const [one, two] = await make();
      const k = key();
      const first = await send(one, k);
      assert.ok(first.status < 300, `${first.status} ${first.body}`);
      assert.equal(first.headers.get('idempotency-replayed'), null);
      const again = await send(one, k);
      assert.equal(again.status, first.status);
      assert.equal(again.body.toString(), first.body.toString());
      assert.equal(again.headers.get('idempotency-replayed'), 'true');
      for (const name of ['location', 'etag', 'content-type'])
        assert.equal(again.headers.get(name), first.headers.get(name), name);
      const other = await send(two, k);
      assert.equal(`${other.status} ${other.json.code}`, '422 idempotency_mismatch');
    });
});

describe('rule 13: a key of the API has keys of its own: nobody else is given its answers', () => {
  const its = contract.operations.filter((o) => o.method === 'POST' && o.spec['x-callers'].includes('key'));
  for (const [id, make] of Object.entries(posts).filter(
    ([id]) => id !== 'resendInvitation' && its.some((o) => o.id === id),
  ))
    test(id, async () => {
      const [one, two] = await make();
      const k = key();
      const first = await send({ ...one, as: world.key }, k);
      assert.ok(first.status < 300, `${first.status} ${first.body}`);
      const again = await send({ ...one, as: world.key }, k);
      assert.equal(again.body.toString(), first.body.toString());
      assert.equal(again.headers.get('idempotency-replayed'), 'true');
      const other = await send(two, k);
      assert.ok(other.status < 300, `${other.status} ${other.body}`);
      assert.equal(other.headers.get('idempotency-replayed'), null);
    });
});

describe('rule 13: twenty at once have one effect', () => {
  for (const [id, make] of Object.entries(posts).filter(([id]) => id !== 'resendInvitation'))
    test(id, async () => {
      const [one] = await make();
      const k = key();
      const all = await Promise.all(Array.from({ length: 20 }, () => send(one, k)));
      const done = all.filter((a) => a.status < 300);
      assert.ok(done.length >= 1);
      assert.equal(new Set(done.map((a) => a.body.toString())).size, 1);
      for (const a of all.filter((a) => a.status >= 300))
        assert.equal(`${a.status} ${a.json.code}`, '409 idempotency_in_progress');
      assert.equal((await send(one, k)).headers.get('idempotency-replayed'), 'true');
    });
});

test('one invitation and one mail, however often the key comes', async () => {
  const contact = await newContact(world.firm.owner, world.client);
  const k = key();
  const mark = await sink.mark();
  for (let i = 0; i < 3; i++)
    await send({ path: '/v1/invitations', json: { contact_id: contact.id, send: 'now' }, as: world.firm.owner }, k);
  assert.equal((await settled(world.firm, contact.primary_email ?? '', mark)).length, 1);
  assert.equal((await emails(world.firm.owner, contact)).length, 1);
});

test('the key is one’s own: another person may use the same', async () => {
  const k = key();
  const a = await send({ path: '/v1/portal/documents?name=same.txt', body: 'a', as: world.user }, k);
  const b = await send(
    { path: '/v1/clients', json: { entity: 'business', name: 'Same key' }, as: world.firm.owner },
    k,
  );
  assert.deepEqual([a.status, b.status], [201, 201]);
});

test('a refused request has no effect and holds nothing up: the key may be used again at once', async () => {
  for (let i = 0; i < 20; i++) {
    const k = key();
    const bad = await send({ path: '/v1/clients', json: { entity: 'business' }, as: world.firm.owner }, k);
    assert.equal(`${bad.status} ${bad.json.code}`, '422 validation_failed');
    const next = await send(
      { path: '/v1/clients', json: { entity: 'business', name: 'Mended' }, as: world.firm.owner },
      k,
    );
    assert.ok(next.status === 201 || next.json.code === 'idempotency_mismatch', `${next.status} ${next.json.code}`);
  }
});

test('rule 13: after 24 hours the key is new', async () => {
  const k = key();
  const post = () =>
    send({ path: '/v1/contacts', json: { entity: 'individual', display_name: 'Day' }, as: world.firm.owner }, k);
  const first = await post();
  await advance(25 * 3600);
  await again();
  const later = await post();
  assert.equal(later.status, 201);
  assert.notEqual(later.json.id, first.json.id);
});

test('a key that is too short or too long is refused', async () => {
  for (const k of ['short', 'x'.repeat(129)]) {
    const got = await send({ path: '/v1/clients', json: { entity: 'business', name: 'X' }, as: world.firm.owner }, k);
    assert.ok([400, 422].includes(got.status), `${got.status}`);
  }
  assert.ok(stack.url);
});
