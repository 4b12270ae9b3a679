// reissue.test.ts - portal access issued anew in one call, taken up again from what was shared, and given an end.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  accept, access, address, advance, askMail, disable, enable, eventually, key, login, newClient, newColleague, newContact,
  newFolder, newKey, newOffice, newPortalUser, nobody, ok, patchContact, raw, refused, resend, serverTime, setSignIn, settled, share,
  signIn, sink, stack, tokenOf, upload, type Caller, type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('reissue')));

const at = (contact: { id: string }) => ({ params: { path: { contact_id: contact.id } } });
const reissue = (contact: { id: string }, body: Schema['PortalAccessReissue'], by: Caller = staff) =>
  by.api.POST('/v1/contacts/{contact_id}/portal_access/reissue', {
    params: { path: { contact_id: contact.id }, header: { 'Idempotency-Key': key() } },
    body,
  });
const change = (contact: { id: string }, ends_at: string | null) =>
  staff.api.PATCH('/v1/contacts/{contact_id}/portal_access', { ...at(contact), body: { ends_at } });
const sharesOf = async (contact: { id: string }): Promise<string[]> =>
  (await ok(staff.api.GET('/v1/shares', { params: { query: { contact_id: contact.id } } }), 200)).data
    .map((s) => `${s.item_name} ${s.access}`)
    .sort();
const acts = async (): Promise<string[]> =>
  (await stack.sql("select action from audit where firm_id = $1 and object_type = 'portal_access' order by row_no", [firm.id])).map(
    (row: { action: string }) => row.action,
  );
async function later(seconds: number): Promise<string> {
  const now = await advance(seconds);
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  return now;
}
const now = async () => Date.parse(await serverTime());
const inDays = async (days: number) => new Date((await now()) + days * 86_400_000).toISOString();

/** The janitor has been round since: somebody else's end has come. */
async function turn(): Promise<void> {
  const other = await newContact(staff, await newClient(staff));
  await ok(enable(staff, other, { send: 'later', ends_at: await inDays(0.01) }), 200);
  await later(0.01 * 86_400 + 1);
  await eventually(async () => assert.equal((await access(staff, other)).status, 'off'));
}

test('S2_28 C2 issued anew in one call: another membership and link with the same shares, audited as off and on', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  const folder = await newFolder(staff, client, { name: 'Year end' });
  const document = await ok(upload(staff, folder, 'tax.txt'), 201);
  await ok(share(staff, 'folder', folder, [user.contact], 'view_upload', false), 201);
  await ok(share(staff, 'document', document, [user.contact], 'view', false), 201);
  const shared = await sharesOf(user.contact);
  const fresh = address('new');
  await patchContact(staff, user.contact, { primary_email: fresh, display_name: 'Ann Baker' });
  const before = await acts();
  const after = await sink.mark();
  await ok(staff.api.PATCH('/v1/firm', { body: { reinvite_mode: 'cycle' } }), 200);
  try {
    const on = await ok(reissue(user.contact, { send: 'now' }), 200);
    assert.deepEqual(
      [on.status, on.login_email, on.display_name, on.registration_status, on.stale_fields, on.invitation?.send_count],
      ['invited', fresh, 'Ann Baker', 'not_registered', [], 1],
    );
  } finally {
    await ok(staff.api.PATCH('/v1/firm', { body: { reinvite_mode: 'resend' } }), 200);
  }
  await refused(user.api.GET('/v1/portal/home'), 401, 'unauthenticated');
  assert.deepEqual(await sharesOf(user.contact), shared);
  assert.deepEqual((await acts()).slice(before.length), ['portal_access.disabled', 'portal_access.enabled']);
  const mails = await sink.mails(fresh, { after });
  assert.equal(mails.length, 1);
  const again = await accept(tokenOf(mails[0]), firm.slug, fresh);
  assert.equal((await ok(again.api.GET('/v1/portal/folders'), 200)).data.length, 2);
});

test('S2_28 the former address is told that another takes its place, where somebody has signed in with it', async () => {
  const [second, third] = [address('second'), address('third')];
  const change = `Your sign-in address for ${firm.name} was changed`;
  for (const readdress of [
    (contact: { id: string }, login_email: string) => reissue(contact, { send: 'later', login_email }),
    (contact: { id: string }, login_email: string) => enable(staff, contact, { send: 'later', login_email }),
  ]) {
    const user = await newPortalUser(firm, await newClient(staff), { emails: [second, third] });
    const after = await sink.mark();
    await ok(reissue(user.contact, { send: 'now' }), 200);
    const [mail, ...more] = await settled(firm, user.email, after);
    assert.deepEqual([mail?.links.length, more], [1, []], 'the same address: only the link to come in again');
    await accept(tokenOf(mail), firm.slug, user.email);
    await ok(readdress(user.contact, second), 200);
    await ok(readdress(user.contact, third), 200);
    const told = (await settled(firm, user.email, after)).slice(1);
    assert.deepEqual(told.map((m) => m.subject), [change]);
    assert.doesNotMatch(told[0]?.text ?? second, /second|https?:/, 'neither the other address nor a link that this one could use');
    assert.deepEqual(await settled(firm, second, after), [], 'nobody has registered with that one');
    await ok(disable(staff, user.contact), 200);
  }
});

test('issued anew without what was shared, for an address of the contact, now or later', async () => {
  const client = await newClient(staff);
  const second = address('second');
  const user = await newPortalUser(firm, client, { emails: [second] });
  const folder = await newFolder(staff, client, { name: 'Year end' });
  await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  await refused(reissue(user.contact, { send: 'later', login_email: address('stranger') }), 422, 'not_eligible', [
    '/login_email email_not_on_contact',
  ]);
  const other = await newPortalUser(firm, await newClient(staff));
  await refused(reissue(user.contact, { send: 'later', primary_email: other.email }), 409, 'login_email_taken');
  await ok(user.api.GET('/v1/portal/home'), 200);
  const on = await ok(reissue(user.contact, { send: 'later', login_email: second, keep_shares: false }), 200);
  assert.deepEqual([on.status, on.login_email, on.invitation?.status], ['not_sent', second, 'not_sent']);
  assert.deepEqual(await sharesOf(user.contact), ['Client Uploads view_upload']);
  await refused(user.api.GET('/v1/portal/home'), 401, 'unauthenticated');
});

test('what cannot be issued anew: access that is off, or suspended', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  await ok(staff.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', at(user.contact)), 200);
  await refused(reissue(user.contact, { send: 'now' }), 409, 'portal_access_suspended');
  await ok(disable(staff, user.contact), 200);
  await refused(reissue(user.contact, { send: 'now' }), 409, 'portal_access_off');
  await refused(
    staff.api.POST('/v1/contacts/{contact_id}/portal_access/reissue', {
      ...at(user.contact),
      body: { send: 'now' },
    } as never),
    400,
    'idempotency_key_required',
  );
});

test('S2_12 S2_44 to issue anew needs the sight that switching off needs', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const blind = await newKey(staff, ['portal_access:write', 'contacts:read']);
  const problem = await refused(reissue(user.contact, { send: 'now' }, blind), 403, 'shared_items_not_accessible');
  assert.match(problem.detail, /\b1\b/);
  await ok(user.api.GET('/v1/portal/home'), 200);
});

test('S2_12 a key without sight of documents hands none over, neither by another address nor by a resend to it', async () => {
  const blind = await newKey(staff, ['portal_access:write', 'contacts:read', 'contacts:write']);
  for (const on_pending_email_change of ['revoke_and_notify_staff', 'revoke_and_resend'] as const) {
    await ok(staff.api.PATCH('/v1/firm', { body: { on_pending_email_change } }), 200);
    const contact = await newContact(staff, await newClient(staff));
    await ok(enable(staff, contact), 200);
    const primary_email = address('other');
    await patchContact(blind, contact, { primary_email });
    const { invitation } = await access(staff, contact);
    assert.equal(invitation?.status, 'not_sent', 'the link to the former address is dead, and none goes to the other');
    await refused(resend(blind, invitation?.id ?? ''), 403, 'shared_items_not_accessible');
    await ok(resend(staff, invitation?.id ?? ''), 202);
  }
});

test('ten who issue anew at once: one access, one open invitation', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const all = await Promise.all(Array.from({ length: 10 }, () => reissue(user.contact, { send: 'later' })));
  assert.deepEqual([...new Set(all.map((a) => a.response.status))], [200]);
  const [row] = await stack.sql(
    "select count(*)::int as n from invitation where firm_id = $1 and email = $2 and state = 'open'",
    [firm.id, user.email],
  );
  assert.equal(row.n, 1);
});

test('S2_16 C21 what was shared is taken up again on purpose, as far as it is there', async () => {
  const client = await newClient(staff);
  const other = await newClient(staff, { entity: 'individual' });
  const user = await newPortalUser(firm, client);
  const [kept, gone] = [await newFolder(staff, client, { name: 'Kept' }), await newFolder(staff, client, { name: 'Gone' })];
  await staff.api.PUT('/v1/clients/{client_id}/contacts/{contact_id}', {
    params: { path: { client_id: other.id, contact_id: user.contact.id } },
    body: { is_primary: false },
  });
  for (const folder of [kept, gone, await newFolder(staff, other, { name: 'Elsewhere' })])
    await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  assert.equal((await access(staff, user.contact)).snapshot_id, null);
  await ok(disable(staff, user.contact), 200);
  const { snapshot_id } = await access(staff, user.contact);
  assert.ok(snapshot_id);
  await ok(staff.api.DELETE('/v1/folders/{folder_id}', { params: { path: { folder_id: gone.id } } }), 204);
  await ok(
    staff.api.DELETE('/v1/clients/{client_id}/contacts/{contact_id}', {
      params: { path: { client_id: other.id, contact_id: user.contact.id } },
    }),
    204,
  );
  const stranger = await newContact(staff, client);
  await refused(enable(staff, stranger, { send: 'later', restore_from: snapshot_id }), 422, 'validation_failed', [
    '/restore_from not_found',
  ]);
  const on = await ok(enable(staff, user.contact, { send: 'later', restore_from: snapshot_id }), 200);
  assert.equal(on.status, 'not_sent');
  assert.deepEqual(await sharesOf(user.contact), ['Client Uploads view_upload', 'Kept view']);
  await refused(enable(staff, user.contact, { send: 'later', restore_from: snapshot_id }), 422, 'validation_failed', [
    '/restore_from not_allowed',
  ]);
});

test('C21 who may not share takes nothing up; who may not see gets the access without it', async () => {
  const client = await newClient(staff);
  const user = await newPortalUser(firm, client);
  await ok(disable(staff, user.contact), 200);
  const restore_from = (await access(staff, user.contact)).snapshot_id ?? assert.fail();
  const rights = ['portal_access:write', 'contacts:read', 'shares:write'];
  const mute = await newKey(staff, rights.slice(0, 2));
  const problem = await refused(enable(mute, user.contact, { send: 'later', restore_from }), 403, 'insufficient_scope');
  assert.deepEqual(problem.required_scopes, ['shares:write']);
  await ok(enable(await newKey(staff, rights), user.contact, { send: 'later', restore_from }), 200);
  assert.deepEqual(await sharesOf(user.contact), []);
});

test('an access with an end is over by then: no session outlives it, the link dies, and it stands in the log', async () => {
  const client = await newClient(staff);
  const contact = await newContact(staff, client);
  const email = contact.primary_email ?? '';
  await refused(enable(staff, contact, { ends_at: await inDays(-1) } as never), 422, 'validation_failed', [
    '/ends_at out_of_range',
    '/send required',
  ]);
  const after = await sink.mark();
  const ends_at = await inDays(0.5);
  assert.equal((await ok(enable(staff, contact, { send: 'now', ends_at }), 200)).ends_at, ends_at);
  const user = await accept(tokenOf((await sink.mails(email, { after }))[0]), firm.slug, email);
  assert.equal(user.session.expires_at, ends_at);
  const was = (await acts()).length;
  await later(12 * 3600);
  await refused(user.api.GET('/v1/portal/home'), 401, 'unauthenticated');
  await eventually(async () => assert.equal((await access(staff, contact)).status, 'off'));
  const since = (await acts()).slice(was);
  assert.deepEqual(since.filter((act) => act !== 'portal_access.ending'), ['portal_access.disabled'], 'told of before, or too late for that');
  const [entry] = await stack.sql(
    "select actor_type, detail from audit where firm_id = $1 and action = 'portal_access.disabled' order by row_no desc limit 1",
    [firm.id],
  );
  assert.deepEqual([entry.actor_type, entry.detail], ['system', { reason: 'ends_at' }]);
  const off = await access(staff, contact);
  assert.ok(off.snapshot_id, 'it can be taken up again');
  assert.equal(off.ends_at, null);
});

test('S2_14 on again after its end, ahead of the janitor: another access, which stays', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const waits = await newContact(staff, await newClient(staff));
  await ok(change(user.contact, await inDays(0.25)), 200);
  const { invitation } = await ok(enable(staff, waits, { send: 'now', ends_at: await inDays(0.25) }), 200);
  const janitor = await stack.session();
  await janitor.query('begin');
  await janitor.query('select pg_advisory_xact_lock(1886352244, 2)');
  try {
    await later(6 * 3600);
    await refused(change(user.contact, null), 409, 'portal_access_off');
    await refused(resend(staff, invitation?.id ?? ''), 409, 'invitation_closed');
    const was = (await acts()).length;
    const on = await ok(enable(staff, user.contact), 200);
    assert.deepEqual([on.status, on.ends_at, on.registration_status], ['invited', null, 'not_registered']);
    assert.deepEqual((await acts()).slice(was), ['portal_access.disabled', 'portal_access.enabled']);
  } finally {
    await janitor.end();
  }
  await eventually(async () => assert.equal((await access(staff, waits)).status, 'off'));
  assert.equal((await access(staff, user.contact)).status, 'invited');
});

test('P40 the end of an access holds behind every door', async () => {
  await setSignIn(firm, 'both');
  try {
    const user = await newPortalUser(firm, await newClient(staff));
    const { ends_at } = await ok(change(user.contact, await inDays(0.2)), 200);
    const visitor = nobody();
    const doors: Record<string, () => Promise<Schema['SignInResult']>> = {
      'a password': () => ok(login(firm, user.email), 200),
      'a mailed link': async () => {
        const { token } = await askMail(firm, user, 'magic_links');
        return ok(visitor.POST('/v1/auth/magic_links/redeem', { body: { token, transport: 'token' } }), 200);
      },
      'a mailed code': async () => {
        const { code } = await askMail(firm, user, 'magic_links');
        return ok(visitor.POST('/v1/auth/magic_links/redeem', { body: { firm: firm.slug, email: user.email, code, transport: 'token' } }), 200);
      },
      'a refresh': () => ok(visitor.POST('/v1/auth/refresh', { body: { refresh_token: user.refresh } }), 200),
    };
    const opened = [];
    for (const [door, open] of Object.entries(doors)) {
      opened.push(await open());
      assert.equal(opened.at(-1)?.session?.expires_at, ends_at, door);
    }
    await later(0.2 * 86_400 + 1);
    for (const { access_token, refresh_token } of opened) {
      const headers = { authorization: `Bearer ${access_token}` };
      assert.equal((await raw('/v1/portal/home', { headers })).status, 401);
      await refused(nobody().POST('/v1/auth/refresh', { body: { refresh_token: refresh_token ?? '' } }), 401, 'refresh_token_invalid');
    }
  } finally {
    await setSignIn(firm, 'password');
  }
});

test('P41 the end is moved and taken off, and the log says which; access that is off has none', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const soon = await inDays(0.25);
  assert.equal((await ok(change(user.contact, soon), 200)).ends_at, soon);
  assert.equal((await ok(user.api.GET('/v1/auth/session'), 200)).expires_at, soon);
  const wrong = { ends_at: await inDays(-0.1), tools: ['fax'] } as never;
  await refused(
    staff.api.PATCH('/v1/contacts/{contact_id}/portal_access', { ...at(user.contact), body: wrong }),
    422,
    'validation_failed',
    ['/ends_at out_of_range', '/tools/0 not_allowed'],
  );
  assert.equal((await ok(change(user.contact, null), 200)).ends_at, null);
  const log = await stack.sql(
    "select detail from audit where firm_id = $1 and action = 'portal_access.updated' order by row_no desc limit 2",
    [firm.id],
  );
  assert.deepEqual(
    log.map((row: { detail: unknown }) => row.detail),
    [{ changed: ['ends_at'] }, { changed: ['ends_at'] }],
  );
  await ok(change(user.contact, soon), 200);
  assert.equal((await ok(reissue(user.contact, { send: 'later' }), 200)).ends_at, soon, 'the cycle takes no end off');
  await ok(disable(staff, user.contact), 200);
  await refused(change(user.contact, soon), 409, 'portal_access_off');
  const member = await newColleague(firm);
  assert.ok((await access(member, user.contact)).snapshot_id);
});

test('who is told that the access ends: once, some days before; moved, anew; not when it was taken back', async () => {
  const user = await newPortalUser(firm, await newClient(staff));
  const kinds = async () =>
    (
      await stack.sql(
        "select kind, state from envelope where firm_id = $1 and to_email = $2 and kind like 'access%' order by created_at, id",
        [firm.id, user.email],
      )
    ).map((row: { kind: string; state: string }) => `${row.kind} ${row.state}`);
  const after = await sink.mark();
  const ends_at = await inDays(20);
  await ok(change(user.contact, ends_at), 200);
  await later(5 * 86_400);
  await newContact(staff);
  assert.deepEqual(await kinds(), []);
  await later(86_400 + 60);
  const [mail] = await sink.mails(user.email, { after });
  assert.match(mail?.subject ?? '', /ends soon/);
  assert.ok(mail?.text.includes(firm.name) && mail.links.some((link) => /\/signin(\?|$)/.test(link)), mail?.text);
  await later(3 * 86_400);
  await turn();
  assert.deepEqual(await kinds(), ['access_ending sent']);
  await ok(change(user.contact, await inDays(10)), 200);
  await eventually(async () => assert.deepEqual(await kinds(), ['access_ending sent', 'access_ending sent']));
  const log = await stack.sql(
    `select e.type from event e join membership m on m.firm_id = e.firm_id and m.id = e.object_id
    where e.firm_id = $1 and e.type = 'portal_access.ending' and m.login_email = $2`,
    [firm.id, user.email],
  );
  assert.equal(log.length, 2);
});

test('an access that nobody uses ends, after a mail; whoever comes back keeps it', async () => {
  await refused(
    staff.api.PATCH('/v1/firm', { body: { access_idle_days: 14 } }),
    422,
    'validation_failed',
    ['/access_idle_days out_of_range'],
  );
  const client = await newClient(staff);
  const [sleeper, comer] = [await newPortalUser(firm, client), await newPortalUser(firm, client)];
  const [locked, moved] = [await newPortalUser(firm, client), await newPortalUser(firm, client)];
  await ok(staff.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', at(locked.contact)), 200);
  await ok(staff.api.PATCH('/v1/firm', { body: { access_idle_days: 90, access_reminder_days: 10 } }), 200);
  try {
    const after = await sink.mark();
    await later(80 * 86_400 + 60);
    for (const user of [sleeper, comer, moved]) {
      const [mail] = await sink.mails(user.email, { after });
      assert.match(mail?.subject ?? '', /unless you use it/);
      assert.ok((await access(staff, user.contact)).idle_ends_at);
    }
    await signIn(firm.slug, 'portal', comer.email);
    await eventually(async () => assert.equal((await access(staff, comer.contact)).idle_ends_at, null));
    assert.equal((await access(staff, sleeper.contact)).status, 'active');
    const login_email = address('moved');
    await patchContact(staff, moved.contact, { emails: [moved.email, login_email] });
    assert.equal((await ok(enable(staff, moved.contact, { send: 'now', login_email }), 200)).idle_ends_at, null);
    await later(10 * 86_400);
    await eventually(async () => assert.equal((await access(staff, sleeper.contact)).status, 'off'));
    assert.equal((await access(staff, comer.contact)).status, 'active');
    assert.notEqual((await access(staff, moved.contact)).status, 'off', 'whoever has the new address was told of no end');
    assert.equal((await access(staff, locked.contact)).status, 'suspended', 'what is locked is not ended for not being used');
    assert.equal((await sink.now(sleeper.email, after)).length, 1, 'one mail, and none about the end (C11)');
    await later(80 * 86_400);
    await ok(staff.api.PATCH('/v1/firm', { body: { access_idle_days: null } }), 200);
    await turn();
    assert.equal((await access(staff, comer.contact)).idle_ends_at, null, 'the setting is off');
  } finally {
    await ok(staff.api.PATCH('/v1/firm', { body: { access_idle_days: null, access_reminder_days: 14 } }), 200);
  }
});
