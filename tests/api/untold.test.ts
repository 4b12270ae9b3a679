// untold.test.ts - who could not be told of a share is told, once, when the access is active (pitfall P17).
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  accept, access, address, advance, disable, emails, enable, eventually, key, newClient, newColleague, newContact, newFirm,
  newFolder, newPortalUser, nobody, ok, patchContact, settled, share, signIn, sink, stack, tokenOf, unsubscribeTokenOf, upload,
  type Firm, type Mail, type Person, type Schema,
} from '../lib/kit.js';

type Item = { kind: 'folder' | 'document'; id: string; name: string };
type Contact = Schema['Contact'];

let firm: Firm;
let staff: Person;
let client: Schema['Client'];
let folder: Schema['Folder']; // shared with nobody
before(async () => {
  firm = await newFirm('untold');
  staff = firm.owner;
  client = await newClient(staff);
  folder = await newFolder(staff, client);
});

const newItem = async (kind: Item['kind']): Promise<Item> => ({
  ...(kind === 'folder' ? await newFolder(staff, client) : await ok(upload(staff, folder), 201)),
  kind,
});
const give = async (item: Item, contact: Contact, notify = true, by = staff) =>
  (await ok(share(by, item.kind, item, [contact], 'view', notify), 201)).data[0];
const giveNew = async (kind: Item['kind'], contact: Contact): Promise<Item> => {
  const item = await newItem(kind);
  await give(item, contact);
  return item;
};
const at = (contact: Contact) => ({ params: { path: { contact_id: contact.id } } });
const suspend = (contact: Contact) => ok(staff.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', at(contact)), 200);
const resume = (contact: Contact) => ok(staff.api.POST('/v1/contacts/{contact_id}/portal_access/resume', at(contact)), 200);
const reissue = (contact: Contact, send: 'now' | 'later') =>
  staff.api.POST('/v1/contacts/{contact_id}/portal_access/reissue', {
    params: { path: { contact_id: contact.id }, header: { 'Idempotency-Key': key() } },
    body: { send },
  });
const sharesOf = async (contact: Contact) =>
  (await ok(staff.api.GET('/v1/shares', { params: { query: { contact_id: contact.id, limit: 100 } } }), 200)).data;

/** The mails that the person gets from what `act` does. */
async function mailed(email: string, act: () => Promise<unknown>): Promise<Mail[]> {
  const mark = await sink.mark();
  await act();
  return settled(firm, email, mark);
}

const resumed = (contact: Contact) => mailed(contact.primary_email ?? '', () => resume(contact));

/** That these mails are one, and which of the items it names. */
function named(mails: Mail[], items: Item[]): Item[] {
  assert.equal(mails.length, 1, mails.map((m) => m.subject).join());
  return items.filter((item) => mails[0]?.text.includes(item.name) && mails[0].html.includes(item.name));
}

/** A contact who was invited and has the link, but has not come in yet. */
async function invited(): Promise<{ contact: Contact; email: string; token: string }> {
  const contact = await newContact(staff, client);
  const email = contact.primary_email ?? '';
  const [mail] = await mailed(email, () => ok(enable(staff, contact), 200));
  return { contact, email, token: tokenOf(mail) };
}

test('P17 what is shared with somebody invited is told in one mail when the invitation is accepted', async () => {
  const { contact, email, token } = await invited();
  const items: Item[] = [];
  const sharing = async () => {
    for (const kind of ['folder', 'document', 'document'] as const) items.push(await giveNew(kind, contact));
  };
  assert.deepEqual(await mailed(email, sharing), []);
  const quiet = await newItem('folder');
  await give(quiet, contact, false);
  const mails = await mailed(email, () => accept(token, firm.slug, email));
  assert.deepEqual(named(mails, [...items, quiet]), items);
  assert.equal(mails[0]?.subject, `${firm.name} has shared 3 items with you`);
  assert.ok(!mails[0].text.includes('Client Uploads'), 'what everybody has from the start is no news');
  assert.equal(mails[0].headers['list-unsubscribe-post'], 'List-Unsubscribe=One-Click');
  assert.ok(mails[0].links.includes(`${stack.env['PORTICO_PUBLIC_URL']}/signin?firm=${firm.slug}`));
  assert.deepEqual(
    (await emails(staff, contact)).map((m) => [m.kind, m.status, m.client_id]),
    ['invitation', 'items.shared'].map((kind) => [kind, 'sent', client.id]),
  );
  const told = (await sharesOf(contact)).filter((s) => s.notified_at !== null).map((s) => s.item_id);
  assert.deepEqual(told.sort(), items.map((item) => item.id).sort());
});

test('P17 what is shared with somebody suspended is told at the resumption; one thing as it would have been, by whom it was', async () => {
  const { contact, email } = await newPortalUser(firm, client);
  const cora = await newColleague(firm);
  const item = await newItem('folder');
  await suspend(contact);
  assert.deepEqual(await mailed(email, () => give(item, contact, true, cora)), []);
  const before = (await sharesOf(contact)).find((s) => s.item_id === item.id);
  const [mail, ...more] = await resumed(contact);
  assert.equal(mail?.subject, `${firm.name} has shared the folder "${item.name}" with you`);
  assert.ok(mail.text.includes(`${cora.session.principal.name} of ${firm.name} has shared`));
  assert.ok(mail.links.some((link) => link.includes(`/items/${item.id}`)));
  assert.deepEqual(more, []);
  const after = (await sharesOf(contact)).find((s) => s.item_id === item.id);
  assert.ok(after?.notified_at);
  assert.deepEqual({ ...after, notified_at: null }, before, 'telling is no change of the share');
});

const document = (item: Item) => ({ params: { path: { document_id: item.id } } });
const hide = {
  'the share is withdrawn': (made) => staff.api.DELETE('/v1/shares/{share_id}', { params: { path: { share_id: made.id } } }),
  'the document is trashed': (_, item) => staff.api.DELETE('/v1/documents/{document_id}', document(item)),
  'the document is internal now': (_, item) =>
    staff.api.PATCH('/v1/documents/{document_id}', { ...document(item), body: { internal: true } }),
} satisfies Record<string, (made: Schema['Share'], item: Item) => Promise<{ response: Response }>>;
for (const [what, how] of Object.entries(hide))
  test(`P17 nothing is told of what is gone meanwhile: ${what}`, async () => {
    const { contact } = await newPortalUser(firm, client);
    const leave = async () => {
      const item = await newItem('document');
      const made = await give(item, contact);
      assert.ok(made && (await how(made, item)).response.ok);
      return item;
    };
    await suspend(contact);
    await leave();
    assert.deepEqual(await resumed(contact), [], 'there was nothing else');
    await suspend(contact);
    const items = [await leave(), await giveNew('document', contact)];
    assert.deepEqual(named(await resumed(contact), items), items.slice(1));
  });

test('P17 nothing is told twice: neither by the next resumption nor what was told before the suspension', async () => {
  const { contact, email } = await newPortalUser(firm, client);
  const before = await newItem('folder');
  assert.deepEqual(named(await mailed(email, () => give(before, contact)), [before]), [before]);
  await suspend(contact);
  assert.deepEqual(await resumed(contact), []);
  await suspend(contact);
  const items = [await giveNew('folder', contact), await giveNew('document', contact)];
  assert.deepEqual(named(await resumed(contact), [before, ...items]), items);
  assert.deepEqual(await resumed(contact), []);
  await suspend(contact);
  assert.deepEqual(await resumed(contact), []);
});

test('P17 who wants no such notices is not told of that kind, and who has ended the summaries gets none', async () => {
  const { contact, api } = await newPortalUser(firm, client);
  const want = (...muted: string[]) =>
    ok(
      api.PUT('/v1/me/notification_preferences', {
        body: { digest: 'instant', items: muted.map((event) => ({ event, email: false })) },
      }),
      200,
    );
  await want('folder.shared');
  await suspend(contact);
  const items = [await giveNew('folder', contact), await giveNew('document', contact), await giveNew('document', contact)];
  const mails = await resumed(contact);
  assert.deepEqual(named(mails, items), items.slice(1));
  const path = { token: unsubscribeTokenOf(mails[0]) };
  assert.equal((await ok(nobody().POST('/v1/unsubscribe/{token}', { params: { path } }), 200)).event, 'items.shared');
  await suspend(contact);
  for (const kind of ['document', 'document'] as const) await giveNew(kind, contact);
  assert.deepEqual(await resumed(contact), []);
  await suspend(contact);
  const one = await giveNew('document', contact);
  assert.deepEqual(named(await resumed(contact), [one]), [one], 'a document alone is of a kind that is wanted');
});

test('P17 an access that is issued anew hands on what was not told yet, and tells nothing anew', async () => {
  const { contact, email } = await newPortalUser(firm, client);
  const told = await newItem('folder');
  assert.equal((await mailed(email, () => give(told, contact))).length, 1);
  await ok(reissue(contact, 'later'), 200);
  const waits = await giveNew('folder', contact);
  const [mail] = await mailed(email, () => ok(reissue(contact, 'now'), 200));
  const mails = await mailed(email, () => accept(tokenOf(mail), firm.slug, email));
  assert.deepEqual(named(mails, [told, waits]), [waits]);
});

// How a person's access comes to be another one, and the address that the link to it is mailed to.
const handOver = {
  'the access is issued anew': async (contact, email) => {
    await ok(reissue(contact, 'now'), 200);
    return email;
  },
  'the access is switched off, then on with what was shared': async (contact, email) => {
    await ok(disable(staff, contact), 200);
    const { snapshot_id } = await access(staff, contact);
    await ok(enable(staff, contact, { send: 'now', restore_from: snapshot_id ?? '' }), 200);
    return email;
  },
  'the access is given another address': async (contact, email) => {
    const other = address('other');
    await patchContact(staff, contact, { emails: [email, other] });
    await ok(enable(staff, contact, { send: 'now', login_email: other }), 200);
    return other;
  },
} satisfies Record<string, (contact: Contact, email: string) => Promise<string>>;
for (const [what, how] of Object.entries(handOver))
  test(`P17 what waits for the mail server is told to whoever comes in: ${what}`, async () => {
    const { contact, email } = await newPortalUser(firm, client);
    await sink.misbehave({ at: 'rcpt', code: 450, times: 1, to: email });
    const waits = await giveNew('folder', contact);
    await eventually(async () => assert.equal((await emails(staff, contact)).at(-1)?.status, 'deferred'));
    const mark = await sink.mark();
    const to = await how(contact, email);
    const [mail] = await settled(firm, to, mark);
    const mails = await mailed(to, () => accept(tokenOf(mail), firm.slug, to));
    assert.deepEqual(named(mails, [waits]), [waits]);
    await advance(60);
    staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
    await eventually(async () => assert.ok(!(await emails(staff, contact)).some((m) => m.status === 'deferred')));
    assert.equal((await sink.now(to)).filter((m) => m.text.includes(waits.name)).length, 1, 'told once');
  });
