// matter.test.ts - matters: who takes part, who of the staff may see them, and what they open in the portal.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  access, address, advance, disable, emails, enable, eventually, link, newClient, newColleague, newContact, newFolder, newKey,
  newMatter, newOffice, newPortalUser, ok, patchContact, raw, refused, resend, share, sink, stack, took, unique, upload,
  type Caller, type Firm, type Person, type PortalUser, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
let mate: Person;
let client: Schema['Client'];
let user: PortalUser;
before(async () => {
  ({ firm, staff } = await newOffice('matter'));
  mate = await newColleague(firm, 'admin');
  client = await newClient(staff, { emails: [address('office')] });
  user = await newPortalUser(firm, client);
});

const at = (id: string) => ({ params: { path: { matter_id: id } } });
const part = (id: string, contact: { id: string }) => ({ params: { path: { matter_id: id, contact_id: contact.id } } });
const read = (id: string, as: Caller = staff) => as.api.GET('/v1/matters/{matter_id}', at(id));
const patch = (id: string, body: Schema['MatterPatch'], as: Caller = staff) =>
  as.api.PATCH('/v1/matters/{matter_id}', { ...at(id), body });
const create = (body: Partial<Schema['MatterCreate']>, as: Caller = staff) =>
  as.api.POST('/v1/matters', { body: { client_id: client.id, name: unique('Matter'), ...body } });
const relate = (id: string, contact: { id: string }, role: 'client' | 'other' = 'client') =>
  staff.api.PUT('/v1/matters/{matter_id}/contacts/{contact_id}', { ...part(id, contact), body: { role } });
const part_from = (id: string, contact: { id: string }) =>
  staff.api.DELETE('/v1/matters/{matter_id}/contacts/{contact_id}', part(id, contact));
const team = (id: string, who: Person) => ({
  params: { path: { matter_id: id, staff_id: who.session.principal.id } },
});
const portal = async (by: PortalUser = user) =>
  (await ok(by.api.GET('/v1/portal/matters'), 200)).data.map((m) => m.id);
const documents = async (by: PortalUser = user) =>
  (await ok(by.api.GET('/v1/portal/documents'), 200)).data.map((d) => d.id);
const folders = async (by: PortalUser = user) =>
  (await ok(by.api.GET('/v1/portal/folders'), 200)).data.map((f) => f.id);
const names = (who: Schema['Ref'][] | null | undefined) => (who ?? []).map((w) => w.id);
const shares = async (as: Caller, query: { item_id?: string; contact_id?: string; item_type?: 'matter' }) =>
  (await ok(as.api.GET('/v1/shares', { params: { query } }), 200)).data;

describe('one matter', () => {
  test('made, read, listed, changed, closed; its addresses replace the client’s', async () => {
    const reference = { source: 'ledger', id: unique('r') };
    const made = await took(create({ number: '2026-1', external_ref: reference, custom_fields: { court: 'Leeds' } }), 201);
    assert.deepEqual(
      [made.data.number, made.data.status, made.data.restricted, made.data.emails, made.data.effective_emails, made.data.team],
      ['2026-1', 'open', false, [], client.emails, []],
    );
    const own = [address('sale'), address('boss')];
    const changed = await took(patch(made.data.id, { emails: [own.join('; ')], status: 'closed' }), 200);
    assert.deepEqual([changed.data.emails, changed.data.effective_emails, changed.data.status], [own, own, 'closed']);
    assert.notEqual(changed.etag, made.etag);
    assert.deepEqual(await ok(read(made.data.id), 200), changed.data);
    const back = await ok(patch(made.data.id, { emails: [], number: null }), 200);
    assert.deepEqual([back.effective_emails, back.number, back.external_ref], [client.emails, null, reference]);
    const list = (query: { client_id?: string; status?: 'open' | 'closed' }) =>
      ok(staff.api.GET('/v1/matters', { params: { query } }), 200);
    assert.deepEqual(names((await list({ client_id: client.id, status: 'closed' })).data as never), [made.data.id]);
    assert.ok(!names((await list({ client_id: client.id, status: 'open' })).data as never).includes(made.data.id));
    const twin = await refused(create({ external_ref: reference }), 409, 'external_ref_exists');
    assert.equal((twin as { existing_id?: string }).existing_id, made.data.id);
    const other = await newMatter(staff, client);
    await refused(patch(other.id, { external_ref: reference }), 409, 'external_ref_exists');
  });

  test('what its answer shows of others is in its version: the client’s addresses, names of contacts and staff', async () => {
    const own = await newClient(staff);
    const contact = await newContact(staff, own);
    const colleague = await newColleague(firm);
    const { id } = await newMatter(staff, own, [contact]);
    await ok(staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', team(id, colleague)), 204);
    const seen = new Set<string>();
    const look = async () => {
      const got = await took(read(id), 200);
      assert.ok(!seen.has(got.etag), 'a new ETag for each state');
      seen.add(got.etag);
      return got.data;
    };
    await look();
    const mail = address('new');
    await ok(staff.api.PATCH('/v1/clients/{client_id}', { params: { path: { client_id: own.id } }, body: { emails: [mail] } }), 200);
    assert.deepEqual((await look()).effective_emails, [mail]);
    await ok(
      staff.api.PATCH('/v1/contacts/{contact_id}', {
        params: { path: { contact_id: contact.id } },
        body: { display_name: 'Zoe Zimmer' },
      }),
      200,
    );
    assert.equal((await look()).contacts[0]?.name, 'Zoe Zimmer');
    await ok(staff.api.PATCH('/v1/staff/{staff_id}', { params: { path: { staff_id: colleague.session.principal.id } }, body: { name: 'Yan' } }), 200);
    assert.equal((await look()).team[0]?.name, 'Yan');
    await ok(staff.api.DELETE('/v1/matters/{matter_id}/team/{staff_id}', team(id, colleague)), 204);
    assert.deepEqual((await look()).team, []);
  });

  test('what is refused, all at once', async () => {
    await refused(create({ client_id: 'cli_01kjpz7w3mfa6tq2c9x4n8d5he' }), 422, 'validation_failed', ['/client_id not_found']);
    await refused(create({ name: '', status: 'lost' as never, number: '', restricted: 'x' as never }), 422, 'validation_failed', [
      '/number too_short',
      '/name too_short',
      '/status not_allowed',
      '/restricted wrong_type',
    ]);
    const { id } = await newMatter(staff, client);
    await refused(patch(id, { client_id: client.id } as never), 422, 'validation_failed', ['/client_id fixed_after_create']);
    const gone = await newClient(staff);
    await ok(staff.api.DELETE('/v1/clients/{client_id}', { params: { path: { client_id: gone.id } } }), 204);
    await refused(create({ client_id: gone.id }), 409, 'client_archived');
    const member = await newColleague(firm);
    await refused(create({}, member), 403, 'permission_denied');
    await ok(read(id, member), 200);
  });

  test('deleted with its shares; in use while folders belong to it, trashed ones too', async () => {
    const matter = await newMatter(staff, client, [user.contact]);
    await ok(share(staff, 'matter', matter, [user.contact], 'view', false), 201);
    const folder = await newFolder(staff, client, { matter_id: matter.id });
    await ok(upload(staff, folder), 201);
    const remove = () => staff.api.DELETE('/v1/matters/{matter_id}', at(matter.id));
    await refused(remove(), 409, 'in_use');
    const query = { recursive: true };
    await ok(staff.api.DELETE('/v1/folders/{folder_id}', { params: { path: { folder_id: folder.id }, query } }), 204);
    await refused(remove(), 409, 'in_use');
    const free = await newMatter(staff, client, [user.contact]);
    await ok(share(staff, 'matter', free, [user.contact], 'view', false), 201);
    await ok(staff.api.DELETE('/v1/matters/{matter_id}', at(free.id)), 204);
    await refused(read(free.id), 404, 'not_found');
    assert.ok(!(await portal()).includes(free.id));
    const told = await stack.sql(
      "select type from event where firm_id = $1 and type in ('matter.deleted', 'share.deleted') order by row_no",
      [firm.id],
    );
    assert.deepEqual(told.map((e) => e.type).slice(-2), ['share.deleted', 'matter.deleted']);
  });
});

describe('who takes part', () => {
  test('clients on it are contacts of its client; others may be anybody', async () => {
    const { id } = await newMatter(staff, client);
    const rival = await newContact(staff);
    await refused(relate(id, rival), 422, 'contact_not_of_client');
    await ok(relate(id, rival, 'other'), 204);
    await ok(relate(id, user.contact), 204);
    const seen = await ok(read(id), 200);
    assert.deepEqual([names(seen.contacts), names(seen.other_contacts)], [[user.contact.id], [rival.id]]);
    await refused(share(staff, 'matter', { id }, [rival]), 422, 'contact_not_of_client');
    await ok(part_from(id, rival), 204);
    await refused(part_from(id, rival), 404, 'not_found');
    await ok(staff.api.DELETE('/v1/contacts/{contact_id}', { params: { path: { contact_id: rival.id } } }), 204);
    await refused(relate(id, rival, 'other'), 409, 'contact_archived');
    await refused(relate(id, user.contact, 'judge' as never), 422, 'validation_failed', ['/role not_allowed']);
  });

  test('whoever is no client on it any more loses it', async () => {
    const own = await newPortalUser(firm, client);
    const { id } = await newMatter(staff, client, [own.contact]);
    const give = () => ok(share(staff, 'matter', { id }, [own.contact], 'view', false), 201);
    await give();
    assert.deepEqual(await portal(own), [id]);
    await ok(relate(id, own.contact, 'other'), 204);
    assert.deepEqual(await portal(own), []);
    await refused(share(staff, 'matter', { id }, [own.contact]), 422, 'not_client_on_matter', ['/contact_ids/0 not_client_on_matter']);
    await ok(relate(id, own.contact), 204);
    await give();
    await ok(part_from(id, own.contact), 204);
    assert.deepEqual(await portal(own), []);
    assert.deepEqual(await shares(staff, { contact_id: own.contact.id, item_type: 'matter' }), []);
    await ok(relate(id, own.contact), 204);
    await give();
    const path = { client_id: client.id, contact_id: own.contact.id };
    await ok(staff.api.DELETE('/v1/clients/{client_id}/contacts/{contact_id}', { params: { path } }), 204);
    assert.deepEqual(names((await ok(read(id), 200)).contacts), []);
  });

  test('S2_26 portal access is shown from a matter whose client the contact is, else 422 not_client_on_matter', async () => {
    const { id } = await newMatter(staff, client, [user.contact]);
    const look = (contact: { id: string }) =>
      staff.api.GET('/v1/matters/{matter_id}/portal_invites/{contact_id}', part(id, contact));
    assert.deepEqual(await ok(look(user.contact), 200), await access(staff, user.contact));
    const beside = await newContact(staff, client);
    await refused(look(beside), 422, 'not_client_on_matter');
    await ok(relate(id, beside, 'other'), 204);
    await refused(look(beside), 422, 'not_client_on_matter');
    await ok(relate(id, beside), 204);
    assert.equal((await ok(look(beside), 200)).status, 'off');
    await refused(look({ id: 'con_01kjpz7w3mfa6tq2c9x4n8d5he' }), 404, 'not_found');
  });
});

describe('S2_45 what belongs to a matter', () => {
  test('is seen where the item and the matter are shared, neither alone; the answers say so', async () => {
    const own = await newPortalUser(firm, client);
    const matter = await newMatter(staff, client, [own.contact], { name: unique('Mill') });
    const folder = await newFolder(staff, client, { matter_id: matter.id });
    const inner = await newFolder(staff, client, { parent_id: folder.id });
    assert.equal(inner.matter_id, matter.id);
    const document = await ok(upload(staff, inner), 201);
    assert.deepEqual([document.matter_id, document.will_be_visible_to], [matter.id, []]);
    const before = await folders(own);
    await ok(share(staff, 'folder', folder, [own.contact], 'view', false), 201);
    assert.deepEqual([await folders(own), await documents(own), await portal(own)], [before, [], []]);
    const [made] = (await ok(share(staff, 'matter', matter, [own.contact]), 201)).data;
    assert.deepEqual([made?.item_type, made?.item_id, made?.item_name, made?.access], ['matter', matter.id, matter.name, 'view']);
    assert.deepEqual([await portal(own), await documents(own)], [[matter.id], [document.id]]);
    assert.equal((await raw(`/v1/portal/documents/${document.id}/content`, { as: own })).status, 200);
    const shown = (await ok(own.api.GET('/v1/portal/matters'), 200)).data[0];
    assert.deepEqual(
      [shown?.client.id, shown?.name, shown?.status, shown?.shared_fields],
      [client.id, matter.name, 'open', {}],
    );
    const second = await ok(upload(staff, folder), 201);
    assert.deepEqual(names(second.will_be_visible_to), [own.contact.id]);
    await ok(staff.api.DELETE('/v1/shares/{share_id}', { params: { path: { share_id: made?.id ?? '' } } }), 204);
    assert.deepEqual([await folders(own), await documents(own), await portal(own)], [before, [], []]);
    assert.equal((await raw(`/v1/portal/documents/${document.id}`, { as: own })).status, 404);
    assert.equal((await raw(`/v1/portal/documents/${document.id}/content`, { as: own })).status, 404);
  });

  test('P21 the folder’s matter goes with it: given, taken, inherited by what is moved in', async () => {
    const [one, two] = [await newMatter(staff, client), await newMatter(staff, client)];
    const [top, other] = [await newFolder(staff, client), await newFolder(staff, client, { matter_id: two.id })];
    const inner = await newFolder(staff, client, { parent_id: top.id });
    const document = await ok(upload(staff, inner), 201);
    const move = (folder: { id: string }, body: Schema['FolderPatch']) =>
      staff.api.PATCH('/v1/folders/{folder_id}', { params: { path: { folder_id: folder.id } }, body });
    const place = { params: { path: { document_id: document.id } } };
    const now = async () => (await took(staff.api.GET('/v1/documents/{document_id}', place), 200));
    const { etag } = await now();
    assert.equal((await ok(move(top, { matter_id: one.id }), 200)).matter_id, one.id);
    const given = await now();
    assert.equal(given.data.matter_id, one.id);
    assert.notEqual(given.etag, etag);
    assert.equal((await ok(move(inner, { parent_id: other.id }), 200)).matter_id, two.id);
    assert.equal((await now()).data.matter_id, two.id);
    assert.equal((await ok(move(inner, { parent_id: null }), 200)).matter_id, two.id, 'at the top it keeps it');
    assert.equal((await ok(move(inner, { matter_id: null }), 200)).matter_id, null);
    assert.equal((await now()).data.matter_id, null);
    const moved = staff.api.PATCH('/v1/documents/{document_id}', { ...place, body: { folder_id: other.id } });
    assert.equal((await ok(moved, 200)).matter_id, two.id);
    await refused(move(inner, { parent_id: top.id, matter_id: two.id }), 422, 'validation_failed', ['/matter_id not_allowed']);
    const foreign = await newMatter(staff, await newClient(staff));
    await refused(move(top, { matter_id: foreign.id }), 422, 'validation_failed', ['/matter_id not_found']);
  });

  test('nobody is mailed about what the matter keeps from them, or about the matter itself', async () => {
    const own = await newPortalUser(firm, client);
    const matter = await newMatter(staff, client, [own.contact]);
    const folder = await newFolder(staff, client, { matter_id: matter.id });
    await ok(share(staff, 'folder', folder, [own.contact]), 201);
    await ok(upload(staff, folder), 201);
    await advance(301);
    await eventually(async () => {
      const [, shared, ...more] = await emails(staff, own.contact);
      assert.deepEqual([shared?.kind, shared?.status, more], ['folder.shared', 'cancelled', []]);
    });
    await ok(share(staff, 'matter', matter, [own.contact], 'view', true), 201);
    await ok(upload(staff, folder), 201);
    await advance(301);
    await eventually(async () => {
      const kinds = (await emails(staff, own.contact)).map((m) => `${m.kind} ${m.status}`);
      assert.deepEqual(kinds.slice(2), ['document.uploaded sent']);
    });
  });
});

describe('P22 a restricted matter is there for its team and for owners alone', () => {
  test('S2_12 S2_44 switching off needs sight of all that is shared: a count, never a name', async () => {
    const own = await newPortalUser(firm, client);
    const word = unique('SECRET');
    const matter = await newMatter(staff, client, [own.contact], { name: word, restricted: true });
    const folder = await newFolder(staff, client, { matter_id: matter.id });
    await ok(share(staff, 'folder', folder, [own.contact], 'view', false), 201);
    await ok(share(staff, 'matter', matter, [own.contact], 'view', false), 201);
    const no = await raw(`/v1/contacts/${own.contact.id}/portal_access`, { method: 'DELETE', as: mate });
    assert.equal(`${no.status} ${no.json.code}`, '403 shared_items_not_accessible');
    assert.match(no.json.detail, /^2 shared items/);
    assert.ok(!no.body.toString().includes(word));
    assert.deepEqual((await access(mate, own.contact)).matters, []);
    assert.deepEqual(names((await access(staff, own.contact)).matters), [matter.id]);
    await ok(staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', team(matter.id, mate)), 204);
    const off = await ok(disable(mate, own.contact), 200);
    assert.deepEqual(
      off.data.map((s) => s.item_type).sort(),
      ['folder', 'folder', 'matter'],
      'S2_9 S2_11 what was shared is told once more',
    );
    assert.ok(off.data.some((s) => s.item_id === matter.id && s.item_name === word));
  });

  test('that a mail about two of them came back is told only to who may know of both', async () => {
    const own = await newPortalUser(firm, client);
    const access_of = { params: { path: { contact_id: own.contact.id } } };
    const matters: Schema['Matter'][] = [];
    await ok(staff.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', access_of), 200);
    for (const _ of 'ab') {
      const matter = await newMatter(staff, client, [own.contact], { restricted: true });
      const folder = await newFolder(staff, client, { matter_id: matter.id });
      await ok(share(staff, 'matter', matter, [own.contact], 'view', false), 201);
      await ok(share(staff, 'folder', folder, [own.contact]), 201);
      matters.push(matter);
    }
    await sink.misbehave({ at: 'rcpt', code: 550, times: 1, to: own.email });
    await ok(staff.api.POST('/v1/contacts/{contact_id}/portal_access/resume', access_of), 200);
    const back = async (as: Caller) =>
      (await ok(as.api.GET('/v1/events', { params: { query: { from: 'beginning', types: 'email.bounced' } } }), 200)).data;
    await eventually(async () => assert.equal((await back(staff)).length, 1));
    for (const { id } of matters) {
      assert.deepEqual(await back(mate), []);
      await ok(staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', team(id, mate)), 204);
    }
    assert.deepEqual(await back(mate), await back(staff));
  });

  /** Somebody with whom a restricted matter is shared, registered or only invited. */
  const holder = async (registered: boolean) => {
    const second = address('second');
    const person = registered ? await newPortalUser(firm, client, { emails: [second] }) : undefined;
    const contact = person?.contact ?? (await newContact(staff, client, { emails: [second] }));
    if (!registered) await ok(enable(staff, contact), 200);
    const matter = await newMatter(staff, client, [contact], { restricted: true });
    await ok(share(staff, 'matter', matter, [contact], 'view', false), 201);
    return { contact, second, person };
  };

  test('S2_12 C2 another sign-in address hands over what is shared: only by who may see it all', async () => {
    const { contact, second, person } = await holder(true);
    const move = (as: Caller) => enable(as, contact, { send: 'later', login_email: second });
    assert.match((await refused(move(mate), 403, 'shared_items_not_accessible')).detail, /^1 shared items/);
    assert.equal((await ok(person?.api.GET('/v1/auth/session') ?? assert.fail(), 200)).audience, 'portal');
    assert.equal((await access(staff, contact)).login_email, person?.email);
    assert.equal((await ok(move(staff), 200)).login_email, second);
  });

  test('S2_12 C3 before registration too: the link dies with the address, and goes to another one only by who may see it all', async () => {
    for (const on_pending_email_change of ['revoke_and_resend', 'revoke_and_notify_staff'] as const) {
      await ok(staff.api.PATCH('/v1/firm', { body: { on_pending_email_change } }), 200);
      const { contact } = await holder(false);
      const fresh = address('fresh');
      await patchContact(mate, contact, { primary_email: fresh });
      const { status, invitation } = await access(staff, contact);
      assert.deepEqual([status, invitation?.status, invitation?.email], ['not_sent', 'not_sent', fresh]);
      const invite = (as: Caller) =>
        as.api.POST('/v1/invitations', {
          params: { header: { 'Idempotency-Key': unique('key-0000') } },
          body: { contact_id: contact.id, send: 'now' },
        });
      const id = invitation?.id ?? '';
      for (const reply of [invite(mate), resend(mate, id), enable(mate, contact)])
        await refused(reply, 403, 'shared_items_not_accessible');
      assert.ok(!(await emails(staff, contact)).some((mail) => mail.to.includes(fresh)));
      await ok(resend(staff, id), 202);
    }
  });

  test('404 everywhere, and in no list', async () => {
    const external_ref = { source: 'ledger', id: unique('r') };
    const matter = await newMatter(staff, client, [user.contact], { name: unique('SECRET'), restricted: true, external_ref });
    const folder = await newFolder(staff, client, { matter_id: matter.id });
    const document = await ok(upload(staff, folder), 201);
    const [made] = (await ok(share(staff, 'matter', matter, [user.contact], 'view', false), 201)).data;
    const free = await newFolder(staff, client);
    const key = await newKey(staff);
    for (const as of [mate, key] as Caller[]) {
      const calls: [string, string, object?][] = [
        ['GET', `/v1/matters/${matter.id}`],
        ['PATCH', `/v1/matters/${matter.id}`, { number: '1' }],
        ['DELETE', `/v1/matters/${matter.id}`],
        ['PUT', `/v1/matters/${matter.id}/contacts/${user.contact.id}`],
        ['PUT', `/v1/matters/${matter.id}/team/${mate.session.principal.id}`],
        ['GET', `/v1/matters/${matter.id}/portal_invites/${user.contact.id}`],
        ['GET', `/v1/folders/${folder.id}`],
        ['PATCH', `/v1/folders/${folder.id}`, { name: 'x' }],
        ['DELETE', `/v1/folders/${folder.id}`],
        ['GET', `/v1/documents/${document.id}`],
        ['GET', `/v1/documents/${document.id}/content`],
        ['GET', `/v1/documents/${document.id}/views`],
        ['PATCH', `/v1/documents/${document.id}`, { name: 'x' }],
        ['DELETE', `/v1/documents/${document.id}`],
        ['POST', `/v1/documents?folder_id=${folder.id}&name=x.txt`],
        ['PATCH', `/v1/shares/${made?.id}`, { access: 'view' }],
        ['DELETE', `/v1/shares/${made?.id}`],
      ];
      for (const [method, path, json] of calls)
        assert.equal((await raw(path, { method, as, ...(json ? { json } : {}), ...(method === 'POST' ? { body: 'x' } : {}) })).status, 404, `${method} ${path}`);
      for (const path of ['/v1/matters', '/v1/folders', '/v1/documents', '/v1/shares'])
        for (const more of ['', `client_id=${client.id}`]) {
          const got = (await raw(`${path}?limit=100&${more}`, { as })).body.toString();
          for (const id of [matter.id, folder.id, document.id, made?.id ?? ''])
            assert.ok(!got.includes(id), `${path}?${more} shows ${id}`);
        }
      const twin = await refused(create({ external_ref }, as), 409, 'external_ref_exists', ['/external_ref taken']);
      assert.ok(!JSON.stringify(twin).includes(matter.id), 'the reference is taken, by what is not said');
      const body = { client_id: client.id, name: unique('F') };
      await refused(as.api.POST('/v1/folders', { body: { ...body, matter_id: matter.id } }), 422, 'validation_failed', ['/matter_id not_found']);
      await refused(as.api.POST('/v1/folders', { body: { ...body, parent_id: folder.id } }), 422, 'validation_failed', ['/parent_id not_found']);
      for (const [type, item] of [['matter', matter], ['folder', folder], ['document', document]] as const)
        await refused(share(as, type, item, [user.contact]), 422, 'validation_failed', ['/item_id not_found']);
      const moved = await ok(upload(as, free), 201);
      const place = { params: { path: { document_id: moved.id } } };
      await refused(as.api.PATCH('/v1/documents/{document_id}', { ...place, body: { folder_id: folder.id } }), 422, 'validation_failed', ['/folder_id not_found']);
    }
    assert.ok((await ok(staff.api.GET('/v1/matters', { params: { query: { client_id: client.id } } }), 200)).data.some((m) => m.id === matter.id));
  });

  test('no feed, no log and no list of mails tells of it, of what is in it or of what is gone; its team and owners are told', async () => {
    const own = await newPortalUser(firm, client);
    const key = await newKey(staff);
    const member = await newColleague(firm);
    const start = (await ok(staff.api.GET('/v1/events', {}), 200)).next_cursor;
    const seen: Record<string, string[]> = { hidden: [], open: [] };
    const live: Record<string, { folder: string; document: string }> = {};
    const moved = await ok(upload(staff, await newFolder(staff, client)), 201);
    for (const kind of ['hidden', 'open'] as const) {
      const made = seen[kind] ?? [];
      const matter = await newMatter(staff, client, [own.contact], { restricted: kind === 'hidden' });
      const folder = await newFolder(staff, client, { matter_id: matter.id });
      const document = await ok(upload(staff, folder), 201);
      for (const [type, item] of [['matter', matter], ['folder', folder], ['document', document]] as const)
        made.push((await ok(share(staff, type, item, [own.contact]), 201)).data[0]?.id ?? '');
      made.push(matter.id, folder.id, document.id);
      live[kind] = { folder: folder.id, document: document.id };
      const gone = await newMatter(staff, client, [own.contact], { restricted: kind === 'hidden' });
      const given = await ok(share(staff, 'matter', gone, [own.contact], 'view', false), 201);
      const inner = await newFolder(staff, client, { matter_id: gone.id });
      const purged = await ok(upload(staff, inner), 201);
      made.push(given.data[0]?.id ?? '', inner.id, purged.id, gone.id);
      await refused(patch(gone.id, { name: 'x' }, member), 403, 'permission_denied');
      const permanent = { path: { document_id: purged.id }, query: { permanent: true } };
      await ok(staff.api.DELETE('/v1/documents/{document_id}', { params: permanent }), 204);
      await ok(staff.api.DELETE('/v1/folders/{folder_id}', { params: { path: { folder_id: inner.id } } }), 204);
      await ok(staff.api.DELETE('/v1/matters/{matter_id}', at(gone.id)), 204);
    }
    const into = { params: { path: { document_id: moved.id } }, body: { folder_id: live['hidden']?.folder ?? '' } };
    await ok(staff.api.PATCH('/v1/documents/{document_id}', into), 200);
    const last = await newFolder(staff, client);
    const told = async (path: string, as: Caller) => (await raw(path, { as })).json.data as { object_id: string | null }[];
    const events = (as: Caller) => told(`/v1/events?limit=100&cursor=${start}`, as);
    await eventually(async () => assert.ok((await events(staff)).some((e) => e.object_id === last.id)));
    const log = async (as: Caller) =>
      (await Promise.all([...(seen['hidden'] ?? []), ...(seen['open'] ?? []), moved.id].map((id) => told(`/v1/audit_log?object_id=${id}`, as)))).flat();
    const all = (kind: string) => [...new Set(seen[kind])].sort();
    const among = (list: { object_id: string | null }[], kind: string) =>
      [...new Set(list.map((e) => e.object_id ?? ''))].filter((id) => seen[kind]?.includes(id)).sort();
    for (const look of [events, log]) {
      assert.deepEqual(among(await look(staff), 'hidden'), all('hidden'));
      for (const as of [mate, key] as Caller[]) {
        const list = await look(as);
        assert.deepEqual(among(list, 'hidden'), []);
        assert.deepEqual(among(list, 'open'), all('open'));
        assert.ok(!list.some((e) => e.object_id === moved.id), 'not of what lies there by now');
      }
    }
    const page = (await raw(`/v1/audit_log?limit=100&action=matter.created`, { as: mate })).body.toString();
    assert.ok(!(seen['hidden'] ?? []).some((id) => page.includes(id)));
    const mails = async (as: Caller) => (await emails(as, own.contact)).map((m) => m.kind).sort();
    assert.deepEqual(await mails(staff), ['document.shared', 'document.shared', 'folder.shared', 'folder.shared', 'invitation']);
    for (const as of [mate, key] as Caller[])
      assert.deepEqual(await mails(as), ['document.shared', 'folder.shared', 'invitation']);
    const matter = seen['hidden']?.[3] ?? '';
    await ok(staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', team(matter, mate)), 204);
    assert.ok(among(await events(mate), 'hidden').includes(matter), 'on the team');
    assert.equal((await mails(mate)).length, 5);
    await ok(patch(matter, { restricted: false }), 200);
    assert.ok(among(await events(key), 'hidden').includes(matter), 'open by now');
  });

  test('whoever restricts it stays in; a key cannot; the team is of active staff', async () => {
    const mine = await ok(create({ restricted: true }, mate), 201);
    assert.deepEqual(names(mine.team), [mate.session.principal.id]);
    const open = await newMatter(staff, client);
    assert.deepEqual(names((await ok(patch(open.id, { restricted: true }, mate), 200)).team), [mate.session.principal.id]);
    await refused(create({ restricted: true }, await newKey(staff)), 422, 'validation_failed', ['/restricted not_allowed']);
    const leaver = await newColleague(firm);
    await ok(staff.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id: leaver.session.principal.id } } }), 204);
    await refused(staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', team(open.id, leaver)), 409, 'staff_deactivated');
    await refused(staff.api.DELETE('/v1/matters/{matter_id}/team/{staff_id}', team(open.id, leaver)), 404, 'not_found');
  });
});

test('whoever leaves the firm leaves the teams of matters, and the successor takes them over', async () => {
  const [leaver, heir] = [await newColleague(firm), await newColleague(firm)];
  const { id } = await newMatter(staff, client, [], { restricted: true });
  await ok(staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', team(id, leaver)), 204);
  await refused(read(id, heir), 404, 'not_found');
  await ok(
    staff.api.DELETE('/v1/staff/{staff_id}', {
      params: { path: { staff_id: leaver.session.principal.id }, query: { handover_to: heir.session.principal.id } },
    }),
    204,
  );
  const left = names((await ok(read(id, heir), 200)).team);
  assert.ok(left.includes(heir.session.principal.id) && !left.includes(leaver.session.principal.id));
  const handed = { params: { path: { staff_id: heir.session.principal.id }, query: { handover_to: mate.session.principal.id } } };
  await ok(mate.api.DELETE('/v1/staff/{staff_id}', handed), 204);
  await refused(read(id, mate), 404, 'not_found');
  assert.deepEqual(names((await ok(read(id), 200)).team), [staff.session.principal.id], 'nobody gets in by dismissing somebody');
});

describe('S2_16 switching access on may share matters with it', () => {
  test('shares are not restored by themselves; those named are, and the answer lists them (S2_9)', async () => {
    const own = await newPortalUser(firm, client);
    const [one, two] = [await newMatter(staff, client, [own.contact]), await newMatter(staff, client, [own.contact])];
    for (const matter of [one, two]) await ok(share(staff, 'matter', matter, [own.contact], 'view', false), 201);
    await ok(disable(staff, own.contact), 200);
    const on = await ok(enable(staff, own.contact, { send: 'later', matters: [two.id] }), 200);
    assert.deepEqual(on.matters, [{ type: 'matter', id: two.id, name: two.name }]);
    const again = await ok(enable(staff, own.contact, { send: 'later', matters: [two.id, one.id] }), 200);
    assert.deepEqual(names(again.matters).sort(), [one.id, two.id].sort());
    const blind = await newKey(staff, ['contacts:read']);
    assert.deepEqual((await access(blind, own.contact)).matters, [], 'P22 a key without sight of matters learns of none');
    assert.equal((await shares(staff, { contact_id: own.contact.id, item_type: 'matter' })).length, 2);
  });

  test('what is taken up again has the matters too, where the contact is still a client on them and the caller may know', async () => {
    const own = await newPortalUser(firm, client);
    const [stays, left, hidden] = [
      await newMatter(staff, client, [own.contact]),
      await newMatter(staff, client, [own.contact]),
      await newMatter(staff, client, [own.contact]),
    ];
    for (const matter of [stays, left, hidden]) await ok(share(staff, 'matter', matter, [own.contact], 'view', false), 201);
    await ok(disable(staff, own.contact), 200);
    await ok(part_from(left.id, own.contact), 204);
    await ok(patch(hidden.id, { restricted: true }), 200);
    const { snapshot_id } = await access(mate, own.contact);
    await ok(enable(mate, own.contact, { send: 'later', restore_from: snapshot_id ?? '' }), 200);
    const found = await shares(staff, { contact_id: own.contact.id, item_type: 'matter' });
    assert.deepEqual(found.map((s) => s.item_id), [stays.id]);
  });

  test('each must be there for the caller and have the contact as client; else nothing happens', async () => {
    const contact = await newContact(staff, client);
    const hidden = await newMatter(staff, client, [contact], { restricted: true });
    const beside = await newMatter(staff, client);
    const good = await newMatter(staff, client, [contact]);
    const gone = await newClient(staff);
    await link(staff, gone, contact);
    const late = await newMatter(staff, gone, [contact]);
    await ok(staff.api.DELETE('/v1/clients/{client_id}', { params: { path: { client_id: gone.id } } }), 204);
    const on = (matters: string[]) => enable(mate, contact, { send: 'later', matters });
    await refused(on([good.id, hidden.id, late.id]), 422, 'validation_failed', ['/matters/1 not_found', '/matters/2 client_archived']);
    await refused(on([good.id, beside.id]), 422, 'not_client_on_matter', ['/matters/1 not_client_on_matter']);
    assert.equal((await access(staff, contact)).status, 'off');
    assert.deepEqual(names((await ok(on([good.id]), 200)).matters), [good.id]);
  });
});

test('shares of matters are for viewing, found by their item, and told once', async () => {
  const matter = await newMatter(staff, client, [user.contact]);
  await refused(share(staff, 'matter', matter, [user.contact], 'view_upload'), 422, 'access_not_allowed_for_item');
  await refused(share(staff, 'matter', { id: client.id }, [user.contact]), 422, 'validation_failed', ['/item_id invalid_id']);
  await ok(share(staff, 'matter', matter, [user.contact]), 201);
  await ok(share(staff, 'matter', matter, [user.contact]), 201);
  const found = await shares(staff, { item_id: matter.id });
  assert.deepEqual(found.map((s) => [s.item_type, s.contact_id]), [['matter', user.contact.id]]);
  const without = await newContact(staff, client);
  await ok(relate(matter.id, without), 204);
  await refused(share(staff, 'matter', matter, [without]), 409, 'contact_without_portal_access');
});
