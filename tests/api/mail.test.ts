// mail.test.ts - the statements of S3 about who is mailed what, and how the mails fare.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  advance, emails, eventually, newClient, newColleague, newFolder, newOffice, newPortalUser, ok, portalUpload, raw, settled,
  share, signIn, sink, stack, unique, upload, uploadFolder, type Firm, type Mail, type Person, type PortalUser, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('mail')));

async function pair(): Promise<{ client: Schema['Client']; user: PortalUser }> {
  const client = await newClient(staff);
  return { client, user: await newPortalUser(firm, client) };
}

const assign = (client: { id: string }, person: { session: Schema['Session'] }) =>
  ok(
    staff.api.PUT('/v1/clients/{client_id}/team/{staff_id}', {
      params: { path: { client_id: client.id, staff_id: person.session.principal.id } },
    }),
    204,
  );

/** Let the coalescing time of upload notices pass; sessions of staff may end by it. */
async function coalesced(): Promise<void> {
  await advance(301);
}

const about = (mails: Mail[], word: string) => mails.filter((m) => `${m.subject} ${m.text}`.includes(word));

test('S3_19 and S3_25 sharing a folder mails each contact once, and names the folder', async () => {
  const { client, user } = await pair();
  const ben = await newPortalUser(firm, client);
  const folder = await newFolder(staff, client, { name: unique('Accounts') });
  const mark = await sink.mark();
  await ok(share(staff, 'folder', folder, [user.contact, ben.contact]), 201);
  for (const who of [user, ben]) {
    const mails = await settled(firm, who.email, mark);
    assert.equal(mails.length, 1);
    assert.equal(about(mails, folder.name).length, 1);
    assert.deepEqual(
      (await emails(staff, who.contact)).map((m) => m.kind),
      ['invitation', 'folder.shared'],
    );
  }
  const [mail] = await sink.now(user.email, mark);
  assert.ok(!mail?.raw.includes(ben.email), 'the other recipient is not named');
  const [one] = (
    await ok(staff.api.GET('/v1/shares', { params: { query: { item_type: 'folder', item_id: folder.id } } }), 200)
  ).data;
  assert.ok(one?.notified_at);
  await ok(share(staff, 'folder', folder, [user.contact]), 201);
  assert.equal((await settled(firm, user.email, mark)).length, 1, 'what was shared already is not told again');
});

test('S3_19 notify: false mails nobody', async () => {
  const { client, user } = await pair();
  const mark = await sink.mark();
  await ok(share(staff, 'folder', await newFolder(staff, client), [user.contact], 'view', false), 201);
  assert.deepEqual(await settled(firm, user.email, mark), []);
});

test('S3_26 sharing a document mails too, and names the document', async () => {
  const { client, user } = await pair();
  const document = await ok(upload(staff, await newFolder(staff, client), `${unique('letter')}.txt`), 201);
  const mark = await sink.mark();
  await ok(share(staff, 'document', document, [user.contact]), 201);
  const mails = await settled(firm, user.email, mark);
  assert.equal(about(mails, document.name).length, 1);
  assert.equal((await emails(staff, user.contact)).at(-1)?.kind, 'document.shared');
});

test('S3_20 the link of the mail names the item, holds no right, and works after sign-in for looking and loading', async () => {
  const { client, user } = await pair();
  const folder = await newFolder(staff, client);
  const document = await ok(upload(staff, folder, 'seen.txt', 'seen'), 201);
  const mark = await sink.mark();
  await ok(share(staff, 'document', document, [user.contact]), 201);
  const [mail] = await sink.mails(user.email, { after: mark });
  const link = mail?.links.find((l) => l.includes('/items/')) ?? '';
  assert.equal(link, `${stack.env['PORTICO_PUBLIC_URL']}/items/${document.id}?firm=${firm.slug}`);
  assert.ok(mail?.htmlLinks.includes(link));
  assert.equal((await raw(new URL(link).pathname)).status, 200);
  assert.equal((await raw(`/v1/portal/documents/${document.id}`)).status, 401);
  const again = await signIn(firm.slug, 'portal', user.email);
  assert.equal((await raw(`/v1/portal/documents/${document.id}`, { as: again })).status, 200);
  assert.equal((await raw(`/v1/portal/documents/${document.id}/content`, { as: again })).body.toString(), 'seen');
});

test('S3_27 an upload to a shared folder tells every contact with a share on it, inherited ones too, except the uploader', async () => {
  const { client, user } = await pair();
  const [ben, cid] = [await newPortalUser(firm, client), await newPortalUser(firm, client)];
  const outer = await newFolder(staff, client);
  const inner = await newFolder(staff, client, { parent_id: outer.id });
  await ok(share(staff, 'folder', outer, [user.contact], 'view_upload', false), 201);
  await ok(share(staff, 'folder', inner, [ben.contact], 'view', false), 201);
  const mark = await sink.mark();
  const document = await ok(portalUpload(user, inner, `${unique('by-ann')}.txt`), 201);
  const byStaff = await ok(upload(staff, inner, `${unique('by-staff')}.txt`), 201);
  await coalesced();
  assert.equal(about(await settled(firm, ben.email, mark), document.name).length, 1);
  assert.equal(about(await settled(firm, ben.email, mark), byStaff.name).length, 1);
  const anns = await settled(firm, user.email, mark);
  assert.equal(about(anns, document.name).length, 0, 'the uploader is not told');
  assert.equal(about(anns, byStaff.name).length, 1);
  assert.deepEqual(await settled(firm, cid.email, mark), [], 'who has no share on it is not told');
});

test('many uploads within the time make one mail', async () => {
  const { client, user } = await pair();
  const folder = await newFolder(staff, client);
  await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  const mark = await sink.mark();
  const names = [];
  for (let i = 0; i < 5; i++) names.push((await ok(upload(staff, folder), 201)).name);
  await coalesced();
  const mails = await settled(firm, user.email, mark);
  assert.equal(mails.length, 1);
  for (const name of names) assert.equal(about(mails, name).length, 1, name);
});

test('S3_28 and S3_29 a client’s upload tells everybody assigned once, and nobody else; a staff upload tells no staff', async () => {
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  const { client, user } = await pair();
  const [cora, dora] = [await newColleague(firm), await newColleague(firm)];
  await assign(client, staff);
  await assign(client, cora);
  await assign(client, cora);
  const mark = await sink.mark();
  const scan = await ok(portalUpload(user, undefined, `${unique('scan')}.txt`), 201);
  await ok(upload(staff, await uploadFolder(staff, client), `${unique('by-staff')}.txt`), 201);
  await coalesced();
  for (const who of [staff, cora]) {
    const mails = await settled(firm, who.email, mark);
    assert.equal(about(mails, scan.name).length, 1, who.email);
    assert.equal(mails.length, 1);
  }
  assert.deepEqual(await settled(firm, dora.email, mark), []);
});

test('S3_30 with nobody assigned no staff is told, a warning event is kept; the fallback tells the admins', async () => {
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  const { client, user } = await pair();
  const mark = await sink.mark();
  await ok(portalUpload(user, undefined), 201);
  await coalesced();
  assert.deepEqual(await settled(firm, staff.email, mark), []);
  const events = await stack.sql(
    "select type from event where firm_id = $1 and type = 'document.uploaded_unassigned'",
    [firm.id],
  );
  assert.ok(events.length > 0);
  await stack.sql("update firm set unassigned_fallback = 'admins' where id = $1", [firm.id]);
  const scan = await ok(portalUpload(user, undefined, `${unique('fallback')}.txt`), 201);
  await coalesced();
  assert.equal(about(await settled(firm, staff.email, mark), scan.name).length, 1);
  await stack.sql("update firm set unassigned_fallback = 'none' where id = $1", [firm.id]);
  assert.ok(client.id);
});

test('what is not shared any more when its mail is due is not mailed', async () => {
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  const { client, user } = await pair();
  const folder = await newFolder(staff, client);
  const [made] = (await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201)).data;
  const mark = await sink.mark();
  await ok(upload(staff, folder), 201);
  await ok(staff.api.DELETE('/v1/shares/{share_id}', { params: { path: { share_id: made?.id ?? '' } } }), 204);
  await coalesced();
  assert.deepEqual(await settled(firm, user.email, mark), []);
  await eventually(async () => assert.equal((await emails(staff, user.contact)).at(-1)?.status, 'cancelled'));
});

test('a mail that the server refused for now is tried again, byte for byte the same', async () => {
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  const { client, user } = await pair();
  const mark = await sink.mark();
  await sink.misbehave({ drop: 'keep', times: 1, to: user.email });
  await ok(share(staff, 'folder', await newFolder(staff, client), [user.contact]), 201);
  await sink.mails(user.email, { after: mark });
  await eventually(async () => assert.equal((await emails(staff, user.contact)).at(-1)?.status, 'deferred'));
  await advance(3600);
  const [one, two] = await sink.mails(user.email, { count: 2, after: mark });
  assert.equal(two?.raw, one?.raw);
  assert.ok(one?.messageId);
  await sink.misbehave();
});

test('a mail server that is away holds nothing up and loses nothing', async () => {
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  const { client, user } = await pair();
  const mark = await sink.mark();
  await sink.stop();
  try {
    await ok(share(staff, 'folder', await newFolder(staff, client), [user.contact]), 201);
    await eventually(async () => assert.equal((await emails(staff, user.contact)).at(-1)?.status, 'deferred'));
  } finally {
    await sink.start();
  }
  await advance(3600);
  assert.equal((await sink.mails(user.email, { after: mark })).length, 1);
});

test('the mail log is filtered by status, and names no secret', async () => {
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
  const { user } = await pair();
  const sent = await ok(
    staff.api.GET('/v1/emails', { params: { query: { status: 'sent', contact_id: user.contact.id } } }),
    200,
  );
  assert.deepEqual(
    sent.data.map((m) => [m.kind, m.to, m.status]),
    [['invitation', [user.email], 'sent']],
  );
  assert.deepEqual(
    (
      await ok(
        staff.api.GET('/v1/emails', { params: { query: { status: 'bounced', contact_id: user.contact.id } } }),
        200,
      )
    ).data,
    [],
  );
  assert.ok(sent.data.every((m) => !JSON.stringify(m).includes('accept#')));
});

test('P38 P36 every mail is from the server’s own address, whoever it is about, and to one address', async () => {
  const from = stack.env['PORTICO_MAIL_FROM'] ?? 'none';
  for (const mail of await sink.now()) {
    assert.ok(mail.headers['from']?.endsWith(`<${from}>`) || mail.headers['from'] === from, mail.headers['from']);
    const to = (mail.headers['to'] ?? '').replace(/"(\\.|[^"])*"/g, ''); // a name may be an address
    assert.equal(to.split('@').length, 2, mail.headers['to']);
  }
});

test('P35 mails are well formed: parts, headers, lines, the recipient’s address alone', async () => {
  for (const mail of await sink.now()) {
    const head = mail.raw.slice(0, mail.raw.indexOf('\r\n\r\n'));
    assert.ok(!/[^\r]\n|\r[^\n]/.test(mail.raw), 'bare CR or LF');
    assert.ok(
      mail.raw.split('\r\n').every((line) => line.length <= 998),
      'a long line',
    );
    for (const name of ['from', 'to', 'subject', 'date', 'message-id', 'mime-version', 'auto-submitted'])
      assert.ok(mail.headers[name], `${name} of "${mail.subject}"`);
    assert.equal((head.match(/^(to|from|subject|date|message-id):/gim) ?? []).length, 5);
    assert.ok(!/^b?cc:/im.test(head));
    assert.match(mail.raw, /multipart\/alternative/);
    assert.ok(mail.text.length > 20 && mail.html.length > 20, mail.subject);
    assert.ok(mail.headers['to']?.toLowerCase().includes(mail.to), mail.headers['to']);
  }
});
