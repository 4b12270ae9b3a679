// firm.test.ts - the firm's settings, each with what it does; what everybody may know of a firm; its help pages.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  address, advance, enable, key, newClient, newColleague, newContact, newFirm, newFolder, newKey, newOffice, newPortalUser,
  nobody, ok, portalUpload, raw, refused, resend, settled, share, signIn, sink, stack, took, unique, upload, type Caller,
  type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('firmset')));

const read = (as = staff) => as.api.GET('/v1/firm');
const patch = (body: Schema['FirmPatch'], as = staff) => as.api.PATCH('/v1/firm', { body });
const set = (body: Schema['FirmPatch']) => ok(patch(body), 200);

test('the settings are read, changed in part, and versioned', async () => {
  const first = await took(read(), 200);
  assert.equal(first.data.slug, firm.slug);
  assert.equal(first.data.sign_in, 'password');
  const body = {
    name: `${firm.name} II`,
    accent_color: '#AABBCC',
    support_email: 'help@firm.test',
    help_links: [{ title: 'Uploading', url: 'https://firm.test/help/upload' }],
    locale: 'en-GB',
    timezone: 'Europe/Berlin',
    currency: 'CHF',
  };
  const second = await took(patch(body), 200);
  assert.deepEqual(second.data, {
    ...first.data,
    ...body,
    accent_color: '#aabbcc',
    updated_at: second.data.updated_at,
  });
  assert.notEqual(second.etag, first.etag);
  const same = await took(patch({ currency: 'CHF' }), 200);
  assert.equal(same.etag, second.etag, 'what changes nothing is no new version');
  assert.equal((await took(patch({ support_email: null, help_links: [] }), 200)).data.support_email, null);
  const rows = await stack.sql("select changed_fields from event where firm_id = $1 and type = 'firm.updated' order by row_no", [
    firm.id,
  ]);
  assert.deepEqual(rows[0].changed_fields, Object.keys(body));
  assert.equal((await stack.sql("select 1 from audit where firm_id = $1 and action = 'firm.updated'", [firm.id])).length, 3);
});

test('every fault is told at once, with its place', async () => {
  const problem = await refused(
    patch({
      name: '',
      accent_color: 'red',
      support_email: 'nobody',
      help_links: [
        { title: '', url: 'https://firm.test/' },
        { title: 'Script', url: 'javascript:alert(1)' },
      ],
      locale: 'xx-XX',
      timezone: 'Europe/Atlantis',
      currency: 'XYZ',
      invitation_ttl_hours: 0,
      session_idle_minutes: 1441,
      staff_idle_minutes: -1,
      max_upload_bytes: 0,
      mail_coalesce_seconds: 901,
      default_folder_name: 'a/b',
    }),
    422,
    'validation_failed',
  );
  assert.deepEqual(problem.errors.map((e) => e.pointer).sort(), [
    '/accent_color',
    '/currency',
    '/default_folder_name',
    '/help_links/0/title',
    '/invitation_ttl_hours',
    '/locale',
    '/mail_coalesce_seconds',
    '/max_upload_bytes',
    '/name',
    '/session_idle_minutes',
    '/staff_idle_minutes',
    '/support_email',
    '/timezone',
  ]);
  await refused(patch({ help_links: [{ title: 'x', url: 'javascript:alert(1)' }] }), 422, 'validation_failed', [
    '/help_links/0/url invalid_url',
  ]);
  for (const url of ['', 'firm.test', 'https://', 'https:// firm.test', 'https://"firm.test', 'ftp://firm.test'])
    assert.equal((await patch({ help_links: [{ title: 'x', url }] })).response.status, 422, url);
  const links = Array.from({ length: 21 }, () => ({ title: 'x', url: 'https://firm.test/' }));
  await refused(patch({ help_links: links }), 422, 'validation_failed', ['/help_links too_long']);
  await refused(
    patch({ help_links: [{ title: 'x', uri: 'x' }] as unknown as [] }),
    422,
    'validation_failed',
    ['/help_links/0/uri unknown_member', '/help_links/0/url required'],
  );
  const meta = await ok(read(), 200);
  await refused(patch({ max_upload_bytes: meta.max_upload_bytes + 1 }), 422, 'validation_failed', [
    '/max_upload_bytes out_of_range',
  ]);
  const got = await raw('/v1/firm', { method: 'PATCH', as: staff, json: { slug: 'x' } });
  assert.equal(`${got.status} ${got.json.errors[0].pointer} ${got.json.errors[0].code}`, '422 /slug read_only');
});

test('nobody is locked out: whichever way its clients sign in, the staff keep their passwords', async () => {
  for (const sign_in of ['passwordless', 'both', 'password'] as const) {
    await set({ sign_in });
    await signIn(firm.slug, 'staff', staff.email);
  }
  const strange = await raw('/v1/firm', { method: 'PATCH', as: staff, json: { sign_in: 'by_smell' } });
  assert.equal(`${strange.status} ${strange.json.errors[0].pointer}`, '422 /sign_in');
});

test('who may: settings:read for all staff, settings:write for owner and admin', async () => {
  const member = await newColleague(firm, 'member');
  await ok(read(member), 200);
  const problem = await refused(patch({ currency: 'EUR' }, member), 403, 'permission_denied');
  assert.deepEqual(problem.required_scopes, ['settings:write']);
  const admin = await newColleague(firm, 'admin');
  await ok(patch({ currency: 'EUR' }, admin), 200);
});

describe('each setting does what it says', () => {
  test('invitation_ttl_hours: the next invitation', async () => {
    await set({ invitation_ttl_hours: 5 });
    const contact = await newContact(staff, await newClient(staff));
    const { invitation } = await ok(enable(staff, contact), 200);
    const hours =
      (Date.parse(invitation?.expires_at ?? '') - Date.parse(invitation?.sent_at ?? '')) / 3_600_000;
    assert.equal(hours, 5);
    await set({ invitation_ttl_hours: 168 });
  });

  test('session_idle_minutes and staff_idle_minutes: the next sign-in', async () => {
    await set({ session_idle_minutes: 7, staff_idle_minutes: 11 });
    const user = await newPortalUser(firm, await newClient(staff));
    const minutes = (s: Schema['Session']) => (Date.parse(s.idle_expires_at) - Date.parse(s.authenticated_at)) / 60_000;
    assert.equal(minutes(user.session), 7);
    assert.equal(minutes((await signIn(firm.slug, 'staff', staff.email)).session), 11);
    await set({ session_idle_minutes: 60, staff_idle_minutes: 30 });
  });

  test('S3_12 default_folder_name and default_upload_folder: the next client', async () => {
    const names = async (client: { id: string }) =>
      (await ok(staff.api.GET('/v1/folders', { params: { query: { client_id: client.id } } }), 200)).data.map(
        (f) => f.name,
      );
    await set({ default_folder_name: 'Post' });
    assert.deepEqual(await names(await newClient(staff)), ['Post']);
    await set({ default_upload_folder: false });
    assert.deepEqual(await names(await newClient(staff)), []);
    await set({ default_folder_name: 'Client Uploads', default_upload_folder: true });
  });

  test('reinvite_mode: whether an invitation is sent again', async () => {
    await set({ reinvite_mode: 'cycle' });
    const contact = await newContact(staff, await newClient(staff));
    const { invitation } = await ok(enable(staff, contact), 200);
    await stack.sql("update invitation set sent_at = sent_at - interval '2 minutes' where firm_id = $1", [firm.id]);
    const again = () => resend(staff, invitation?.id ?? '');
    await refused(again(), 409, 'reinvite_requires_cycle');
    await set({ reinvite_mode: 'resend' });
    await ok(again(), 202);
  });

  test('invite_unknown_email: whether an unknown address becomes a contact', async () => {
    const client = await newClient(staff, { entity: 'individual' });
    const invite = (email: string) =>
      staff.api.POST('/v1/invitations', {
        params: { header: { 'Idempotency-Key': key() } },
        body: { email, client_id: client.id, send: 'later' },
      });
    await set({ invite_unknown_email: 'reject' });
    await refused(invite(address()), 422, 'validation_failed', ['/email unknown_email']);
    const known = await newContact(staff, client);
    await ok(invite(known.primary_email ?? ''), 201);
    await set({ invite_unknown_email: 'create_contact' });
    await ok(invite(address()), 201);
  });

  test('mail_coalesce_seconds and unassigned_fallback: who is told of an upload, and when', async () => {
    await set({ mail_coalesce_seconds: 0, unassigned_fallback: 'admins' });
    const user = await newPortalUser(firm, await newClient(staff));
    const mark = await sink.mark();
    const scan = await ok(portalUpload(user, undefined, `${unique('at-once')}.txt`), 201);
    const mails = await settled(firm, staff.email, mark);
    assert.equal(mails.filter((m) => `${m.subject} ${m.text}`.includes(scan.name)).length, 1);
    await set({ mail_coalesce_seconds: 300, unassigned_fallback: 'none' });
  });

  test('notify_required: no share without a mail', async () => {
    const client = await newClient(staff);
    const user = await newPortalUser(firm, client);
    const folder = await newFolder(staff, client);
    await set({ notify_required: true });
    await refused(share(staff, 'folder', folder, [user.contact], 'view', false), 422, 'validation_failed', [
      '/notify not_allowed',
    ]);
    await set({ notify_required: false });
    await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201);
  });

  test('max_upload_bytes: asked at the edge, before a byte is taken; null is the installation again', async () => {
    const most = (await ok(read(), 200)).max_upload_bytes;
    const client = await newClient(staff);
    const user = await newPortalUser(firm, client);
    const folder = await newFolder(staff, client);
    assert.equal((await set({ max_upload_bytes: 10 })).max_upload_bytes, 10);
    await ok(upload(staff, folder, 'ten.txt', '0123456789'), 201);
    await refused(upload(staff, folder, 'eleven.txt', '0123456789a'), 413, 'too_large');
    await refused(portalUpload(user, undefined, 'eleven.txt', '0123456789a'), 413, 'too_large');
    await set({ currency: 'EUR' });
    assert.equal((await ok(read(), 200)).max_upload_bytes, 10, 'other settings leave it');
    assert.equal((await set({ max_upload_bytes: null })).max_upload_bytes, most);
    await ok(upload(staff, folder, 'eleven.txt', '0123456789a'), 201);
  });

  test('locale and timezone: of whoever has chosen none', async () => {
    const user = await newPortalUser(firm, await newClient(staff));
    await set({ locale: 'de-AT', timezone: 'Asia/Tokyo' });
    const me = await ok(user.api.GET('/v1/me'), 200);
    assert.deepEqual([me.locale, me.timezone], ['de-AT', 'Asia/Tokyo']);
    await set({ locale: 'en', timezone: 'Europe/London' });
  });

  test('S0_25 name, support_email and help_links: in the portal and in the invitation mail', async () => {
    const client = await newClient(staff);
    const user = await newPortalUser(firm, client);
    const links = [
      { title: 'Uploading <b>scans</b>', url: 'https://firm.test/help?a=1&b=2' },
      { title: 'Register and use the portal', url: 'https://firm.test/help/register' },
    ];
    await set({ name: 'Adler & Co', support_email: 'desk@firm.test', help_links: links });
    assert.deepEqual(await ok(user.api.GET('/v1/portal/help'), 200), {
      firm_name: 'Adler & Co',
      support_email: 'desk@firm.test',
      help_links: links,
    });
    const contact = await newContact(staff, client);
    await ok(enable(staff, contact), 200);
    const [mail] = await sink.mails(contact.primary_email ?? '');
    for (const l of links) assert.ok(mail?.text.includes(`${l.title}: ${l.url}`), mail?.text);
    assert.ok(mail?.html.includes('href="https://firm.test/help?a=1&amp;b=2"'), mail?.html);
    assert.ok(!mail?.html.includes('<b>scans</b>'));
    assert.ok(mail?.text.includes('desk@firm.test') && mail.subject.includes('Adler & Co'));
    await set({ name: firm.name, support_email: null, help_links: [] });
    assert.deepEqual((await ok(user.api.GET('/v1/portal/help'), 200)).help_links, []);
  });
});

describe('P29: where the links of mails lead', () => {
  const inviteLink = async () => {
    const contact = await newContact(staff, await newClient(staff));
    const mark = await sink.mark();
    await ok(enable(staff, contact), 200);
    const [mail] = await sink.mails(contact.primary_email ?? '', { after: mark });
    return new URL(mail?.links.find((link) => link.includes('/accept#')) ?? 'none:').origin;
  };

  test('to a front end of the firm\'s own, whatever host a request names, and back again', async () => {
    const own = `https://${unique('front')}.Portal.test:8443`;
    assert.equal((await set({ portal_url: own })).portal_url, own.toLowerCase());
    assert.equal(await inviteLink(), own.toLowerCase());
    const client = await newClient(staff);
    const contact = await newContact(staff, client);
    const mark = await sink.mark();
    const evil = await raw(`/v1/contacts/${contact.id}/portal_access`, { method: 'PUT', as: staff, json: { send: 'now' }, headers: { host: 'evil.test' } });
    assert.equal(evil.status, 200);
    const [mail] = await sink.mails(contact.primary_email ?? '', { after: mark });
    assert.ok(mail && !`${mail.text}${mail.html}`.includes('evil.test'));
    assert.ok(mail.links.some((link) => link.startsWith(`${own.toLowerCase()}/accept#`)));
    assert.equal((await set({ portal_url: null })).portal_url, stack.url);
    assert.equal(await inviteLink(), stack.url);
    assert.equal((await set({ portal_url: stack.url })).portal_url, stack.url, 'what is shown may be sent back');
    const [row] = await stack.sql('select portal_url from firm where slug = $1', [firm.slug]);
    assert.equal(row.portal_url, null);
  });

  test('only to an exact https origin that is nobody else\'s', async () => {
    const port = new URL(stack.url).port;
    for (const portal_url of [
      'http://portal.test', 'https://', 'https://portal.test/', 'https://portal.test/path', 'https://portal.test?x', 'https://portal.test#x',
      'https://user@portal.test', 'https://user:pw@portal.test', 'https://-x.test', 'https://x-.test', 'https://x..test', 'https://x.test.',
      'https://x.test:443', 'https://x.test:0', 'https://x.test:65536', 'https://x.test:08', 'https://x.test:1x', 'https://münchen.test',
      'https://x.test\\@y.test', 'https://x y.test', 'javascript:alert(1)', '//x.test', 'x.test', 'https://[::1]', 'https://x_y.test',
    ])
      await refused(patch({ portal_url }), 422, 'validation_failed', ['/portal_url invalid_url']);
    await refused(patch({ portal_url: `https://127.0.0.1:${port}` }), 422, 'validation_failed', ['/portal_url not_allowed']);
    await refused(patch({ portal_url: '' }), 422, 'validation_failed');
    await refused(patch({ portal_url: `https://${'x'.repeat(200)}.test` }), 422, 'validation_failed');
    const other = await newFirm('front');
    const portal_url = `https://${unique('front')}.test`;
    await ok(patch({ portal_url }, other.owner), 200);
    await refused(patch({ portal_url }), 409, 'name_taken', ['/portal_url name_taken']);
    await refused(patch({ portal_url: portal_url.toUpperCase() }), 409, 'name_taken');
  });
});

test('where links lead and whether a password is enough: for people who have just signed in, not for a session left open or a key', async () => {
  const [own, other] = [await newFirm('settled'), `https://${unique('front')}.test`];
  const settle = (body: Schema['FirmPatch'], by: Caller = own.owner) => by.api.PATCH('/v1/firm', { body });
  const maker = await newKey(own.owner);
  await advance(16 * 60);
  for (const by of [own.owner, maker]) {
    for (const body of [{ portal_url: other }, { require_staff_totp: true }, { name: 'North', portal_url: other }])
      await refused(settle(body, by), 403, 'recent_sign_in_required');
    await ok(settle({ name: 'North', portal_url: stack.url.toUpperCase(), require_staff_totp: false }, by), 200);
  }
  staff = firm.owner = await signIn(firm.slug, 'staff', staff.email);
});

describe('what anyone may know', () => {
  test('the firm is named, or the host tells it; a page may keep the answer for a minute', async () => {
    const query = { firm: firm.slug };
    await set({ accent_color: '#010203' });
    const got = await took(nobody().GET('/v1/public/firm', { params: { query } }), 200);
    assert.deepEqual([got.data.name, got.data.accent_color, got.data.sign_in], [firm.name, '#010203', 'password']);
    const byId = await raw(`/v1/public/firm?firm=${(await ok(read(), 200)).id}`);
    assert.deepEqual([byId.status, byId.json?.slug], [200, firm.slug]);
    assert.equal(got.headers.get('cache-control'), 'public, max-age=60');
    assert.match(got.headers.get('vary') ?? '', /origin/i);
    const again = await raw(`/v1/public/firm?firm=${firm.slug}`, { headers: { 'if-none-match': got.etag } });
    assert.deepEqual([again.status, again.headers.get('cache-control')], [304, 'public, max-age=60']);
    const host = `${unique('host')}.test`;
    await stack.sql('update firm set portal_url = $2 where id = $1', [firm.id, `https://${host}`]);
    const by = await raw('/v1/public/firm', { headers: { host } });
    assert.deepEqual([by.status, by.json?.name, by.json?.portal_url], [200, firm.name, `https://${host}`]);
    await stack.sql('update firm set portal_url = null where id = $1', [firm.id]);
  });

  test('a firm that cannot be told is asked for; one that is not there is not found, and neither is kept', async () => {
    await newFirm('another');
    const none = await raw('/v1/public/firm');
    assert.equal(`${none.status} ${none.json.code}`, '422 firm_required');
    const unknown = await raw('/v1/public/firm?firm=no-such-firm');
    assert.equal(`${unknown.status} ${unknown.json.code}`, '404 not_found');
    const strange = await raw('/v1/public/firm?firm=frm_01kjpz7w3mfa6tq2c9x4n8d5he');
    assert.equal(`${strange.status} ${strange.json.code}`, '404 not_found');
    for (const got of [none, unknown, strange]) assert.equal(got.headers.get('cache-control'), 'no-store');
  });
});
