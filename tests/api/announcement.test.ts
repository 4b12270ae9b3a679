// announcement.test.ts - texts that tell clients of the portal: shipped ones, the firm's own, with the firm's values.
import { before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  newColleague, newFirm, newKey, newOffice, ok, raw, refused, stack, took, type Caller, type Firm, type Person, type Schema,
} from '../lib/kit.js';

const PATH = '/v1/templates/announcements';
const KEYS = ['portal_is_new', 'register_yourself', 'working_remotely', 'going_paperless', 'signing_in_safely'];
const PHONE = '+44 20 7946 0018';

let firm: Firm, staff: Person;
before(async () => {
  ({ firm, staff } = await newOffice('herald'));
  await ok(staff.api.PATCH('/v1/firm', { body: { phone: PHONE, support_email: 'help@herald.test', accent_color: '#224466' } }), 200);
});

const at = (key: string) => ({ params: { path: { key } } });
const get = (key: string, as: Caller = staff) =>
  as.api.GET(`${PATH}/{key}`, at(key)) as Promise<{ data: Schema['Announcement']; error?: unknown; response: Response }>;
const put = (key: string, body: Schema['AnnouncementIn'], as: Caller = staff) => as.api.PUT(`${PATH}/{key}`, { ...at(key), body });
const reset = (key: string, as: Caller = staff) => as.api.DELETE(`${PATH}/{key}`, at(key));
const preview = (key: string, body?: Schema['AnnouncementDraft'], as: Caller = staff) =>
  as.api.POST(`${PATH}/{key}/preview`, { ...at(key), ...(body ? { body } : {}) });
const file = (key: string, format: string, as: Caller = staff) => raw(`${PATH}/${key}?format=${format}`, { as });

test('S0_5 ready texts are shipped, each for an occasion of its own', async () => {
  const { data } = await ok(staff.api.GET(PATH), 200);
  assert.deepEqual(data.map((text) => text.key), KEYS);
  assert.equal(new Set(data.map((text) => text.subject)).size, KEYS.length);
  for (const text of data) {
    assert.deepEqual(await ok(get(text.key), 200), text);
    assert.deepEqual([text.customised, text.updated_at], [false, null]);
    assert.ok(text.about.length > 20 && text.body_text.length > 400, text.key);
    assert.ok(text.body_text.includes('{{firm.portal_url}}') || text.body_text.includes('{{firm.sign_in_url}}'), text.key);
  }
});

describe('S0_5 a text is taken away as a file', () => {
  for (const [format, type] of [['txt', 'text/plain; charset=utf-8'], ['html', 'text/html; charset=utf-8']] as const)
    for (const key of KEYS)
      test(`${key} as ${format}`, async () => {
        const got = await file(key, format);
        assert.equal(got.status, 200);
        assert.equal(got.headers.get('content-type'), type);
        assert.equal(got.headers.get('content-disposition'), `attachment; filename="${key}.${format}"`);
        assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
        assert.equal(got.headers.get('content-security-policy'), 'sandbox');
        const text = got.body.toString();
        assert.doesNotMatch(text, /\{\{|\}\}|null/, 'every tag is filled in');
        assert.doesNotMatch(text, /#[\w-]{20}/, 'a campaign mail holds no token');
        const name = format === 'html' ? firm.name.replace('&', '&amp;') : firm.name;
        for (const word of [name, PHONE, 'help@herald.test', stack.url]) assert.ok(text.includes(word), word);
        if (format === 'txt') assert.match(text, /^Subject: \S.*\n\nDear client,\n\n/);
        else assert.match(text, /^<!doctype html>[^]*#224466[^]*<h1[^>]*>[^]*<p [^]*<\/html>\n$/);
        const etag = got.headers.get('etag') ?? '';
        const same = await raw(`${PATH}/${key}?format=${format}`, { as: staff, headers: { 'if-none-match': etag } });
        assert.deepEqual([same.status, same.headers.get('etag'), same.body.length], [304, etag, 0]);
      });

  test('there is no other format and no other text', async () => {
    for (const format of ['docx', 'pdf', 'TXT', '']) {
      const got = await file('portal_is_new', format);
      assert.equal(`${got.status} ${got.json.errors?.[0]?.pointer}`, '422 ?format', format);
    }
    for (const key of ['nothing', 'portal_is_new.en.txt', 'heading', 'top.html', '..'.repeat(20)]) {
      await refused(get(key), 404, 'not_found');
      await refused(put(key, { subject: 'x', body_text: 'x' }), 404, 'not_found');
      await refused(reset(key), 404, 'not_found');
      await refused(preview(key), 404, 'not_found');
    }
  });
});

test('S0_6 how to get access follows from whether people may register themselves', async () => {
  const own = await newFirm('doorway');
  const text = async () => (await file('register_yourself', 'txt', own.owner)).body.toString();
  const link = `${stack.url}/register?firm=${own.slug}`;
  assert.match(await text(), /by invitation/);
  assert.ok(!(await text()).includes(link));
  assert.doesNotMatch(await text(), /Telephone|E-mail:/, 'what the firm has not told is left out');
  await ok(own.owner.api.PATCH('/v1/firm', { body: { self_registration: true } }), 200);
  assert.ok((await text()).includes(link));
  assert.doesNotMatch(await text(), /by invitation/);
});

test("S0_6 the firm's own text stands in the place of the shipped one, until it is given up", async () => {
  const shipped = await took(get('portal_is_new'), 200);
  const own = { subject: 'News of {{firm.name}}', body_text: 'Dear all,\n\n{{# firm.phone }}\ncall {{ firm.phone }}.\n{{/firm.phone}}\n' };
  const { data: kept, etag } = await took(put('portal_is_new', own), 200);
  assert.deepEqual(kept, { ...shipped.data, subject: own.subject, body_text: own.body_text.trim(), customised: true, updated_at: kept.updated_at });
  assert.notEqual(etag, shipped.etag);
  assert.deepEqual(await ok(get('portal_is_new'), 200), kept);
  assert.deepEqual((await ok(staff.api.GET(PATH), 200)).data.filter((text) => text.customised), [kept]);
  assert.equal((await file('portal_is_new', 'txt')).body.toString(), `Subject: News of ${firm.name}\n\nDear all,\n\ncall ${PHONE}.\n`);
  await ok(reset('portal_is_new'), 204);
  await ok(reset('portal_is_new'), 204);
  const back = await took(get('portal_is_new'), 200);
  assert.deepEqual([back.data, back.etag], [shipped.data, shipped.etag]);
  const rows = await stack.sql(
    "select changed_fields from event where firm_id = $1 and type = 'firm.updated' and changed_fields::text like '%announcements%'", [firm.id]);
  assert.deepEqual(rows.map((row) => row.changed_fields), Array(2).fill(['announcements/portal_is_new']), 'one for the text, one for its end');
});

test('S0_6 every shipped text can be kept as it is, and as the longest there may be', async () => {
  const own = await newFirm('copyist');
  for (const { key, subject, body_text } of (await ok(own.owner.api.GET(PATH), 200)).data) {
    const before = await ok(preview(key, undefined, own.owner), 200);
    await ok(put(key, { subject, body_text }, own.owner), 200);
    const after = await ok(preview(key, undefined, own.owner), 200);
    assert.deepEqual({ ...after, body_text: after.body_text.trim() }, { ...before, body_text: before.body_text.trim() });
  }
  await ok(own.owner.api.PATCH('/v1/firm', { body: { name: `http://${'&'.repeat(193)}` } }), 200);
  const longest = '{{firm.name}}'.repeat(615) + 'x'.repeat(5);
  const filled = await ok(preview('portal_is_new', { subject: '{{firm.name}}'.repeat(15), body_text: longest }, own.owner), 200);
  assert.equal(filled.body_text.length, 615 * 200 + 5);
  await ok(put('portal_is_new', { subject: 'x', body_text: longest }, own.owner), 200);
  assert.equal((await file('portal_is_new', 'html', own.owner)).status, 200);
  await refused(put('portal_is_new', { subject: 'x', body_text: `${longest}x` }, own.owner), 422, 'validation_failed', ['/body_text too_long']);
});

describe('S0_6 a text that cannot be filled in is refused, when it is kept and when it is looked at', () => {
  const cases: [string, Schema['AnnouncementIn'], string, string[]][] = [
    ['every unknown variable at once',
      { subject: '{{firm.fax}} {{firm.accent_color}} {{firm.name}}', body_text: '{{contact.name}} {{#token}}x{{/token}} {{contact.name}} {{firm.phone}}' },
      'unknown_variable', ['/subject unknown_variable', '/subject unknown_variable', '/body_text unknown_variable', '/body_text unknown_variable']],
    ['a tag that is not closed', { subject: 'x', body_text: '{{firm.name' }, 'validation_failed', ['/body_text invalid_template']],
    ['a section that is not closed', { subject: '{{#firm.name}}', body_text: 'x' }, 'validation_failed', ['/subject invalid_template']],
    ['sections across', { subject: 'x', body_text: '{{#firm.name}}{{^firm.phone}}{{/firm.name}}{{/firm.phone}}' }, 'validation_failed', ['/body_text invalid_template']],
    ['sections too deep', { subject: 'x', body_text: '{{#firm.name}}'.repeat(9) + '{{/firm.name}}'.repeat(9) }, 'validation_failed', ['/body_text invalid_template']],
    ['a file of ours', { subject: 'x', body_text: '{{>top.html}}' }, 'validation_failed', ['/body_text invalid_template']],
    ['both kinds', { subject: '{{x}}', body_text: '{{' }, 'unknown_variable', ['/subject unknown_variable', '/body_text invalid_template']],
    ['a line break in the subject', { subject: 'x\nBcc: y', body_text: '{{x}}' }, 'validation_failed', ['/subject control_character', '/body_text unknown_variable']],
  ];
  for (const [name, body, code, faults] of cases)
    test(name, async () => {
      await refused(put('working_remotely', body), 422, code, faults);
      await refused(preview('working_remotely', body), 422, code, faults);
      assert.equal((await ok(get('working_remotely'), 200)).customised, false);
    });

  test('each unknown variable is named', async () => {
    const { errors } = await refused(put('working_remotely', { subject: 'x', body_text: '{{a}}{{b.c}}' }), 422, 'unknown_variable');
    assert.deepEqual(errors.map((e) => e.message), ['There is no variable a.', 'There is no variable b.c.']);
  });
});

describe('S0_6 whatever a firm writes stays text in the page', () => {
  const tags = (page: string) => page.match(/<[^>]*>/g) ?? [];
  let plain: Set<string>;
  before(async () => {
    plain = new Set(tags((await ok(preview('portal_is_new', { subject: 'x', body_text: 'x\ny\n\n- z\n- z' }), 200)).body_html));
  });
  const hostile: [string, string, string[]][] = [
    ['script', '<script>alert(1)</script>', []],
    ['an event', '<img src=x onerror=alert(1)>', []],
    ['style', '<style>*{display:none}</style><p style="position:fixed">', []],
    ['an unknown tag and a comment', '<x-y><!-- --></body></html><svg/onload=alert(1)>', []],
    ['entities', '&lt;script&gt;&#60;b&#62;', []],
    ['links of other schemes', 'javascript:alert(1) data:text/html,x vbscript:x //x.test mailto:a@x.test', []],
    ['an address that ends its attribute', `https://x.test/"onmouseover="alert(1) https://x.test/'><b>`, ['https://x.test/', 'https://x.test/']],
    ['an address in a sentence', '(see https://x.test/a?b=1&c=2). xhttps://no.test http:// https://', ['https://x.test/a?b=1&amp;c=2']],
    ['a list', '- <b>\n- https://x.test/', ['https://x.test/']],
  ];
  for (const [name, text, links] of hostile)
    test(name, async () => {
      const got = await ok(preview('portal_is_new', { subject: `<b>${text.split('\n')[0]}`.slice(0, 200), body_text: text }), 200);
      assert.ok(got.body_text.includes(text.split('\n')[0] ?? ''), 'the plain text is as it was typed');
      const found = tags(got.body_html).filter((tag) => !plain.has(tag));
      const link = (href: string) => [`<a href="${href}" style="color:#1a1a1a">`, '</a>'];
      assert.deepEqual(found, links.flatMap(link));
    });

  test("the firm's own values are no markup either", async () => {
    const own = await newFirm('mallory');
    await ok(own.owner.api.PATCH('/v1/firm', { body: { name: '<script>x</script>{{firm.phone}}', phone: '"><b>' } }), 200);
    const page = (await file('portal_is_new', 'html', own.owner)).body.toString();
    assert.doesNotMatch(page, /<script|<b>/);
    assert.ok(page.includes('&lt;script&gt;x&lt;/script&gt;{{firm.phone}}'), 'a value is not filled in again');
  });
});

test('S0_6 a preview shows what is not yet kept, and changes nothing', async () => {
  const before = await took(get('going_paperless'), 200);
  const whole = await ok(preview('going_paperless'), 200);
  assert.equal(whole.subject, `Less paper between you and ${firm.name}`);
  assert.equal((await file('going_paperless', 'html')).body.toString(), whole.body_html);
  const part = await ok(preview('going_paperless', { subject: 'Call {{firm.phone}}' }), 200);
  assert.deepEqual([part.key, part.subject, part.body_text], ['going_paperless', `Call ${PHONE}`, whole.body_text]);
  assert.equal((await took(get('going_paperless'), 200)).etag, before.etag);
});

test('S0_6 of two who read the same text, the second to write is told', async () => {
  const key = 'signing_in_safely';
  const { etag } = await took(get(key), 200);
  const write = (method: string, tag: string) =>
    raw(`${PATH}/${key}`, { method, as: staff, headers: { 'if-match': tag }, ...(method === 'PUT' ? { json: { subject: 'Mine', body_text: 'x' } } : {}) });
  const both = await Promise.all([write('PUT', etag), write('PUT', etag)]);
  assert.deepEqual(both.map((answer) => answer.status).sort(), [200, 412]);
  const late = await write('DELETE', etag);
  assert.equal(late.status, 412);
  assert.equal((await write('DELETE', late.headers.get('etag') ?? '')).status, 204);
  assert.equal((await took(get(key), 200)).etag, etag);
});

test('S0_6 settings:read reads the texts, settings:write of a person writes them', async () => {
  const member = await newColleague(firm);
  const admin = await newColleague(firm, 'admin');
  const program = await newKey(staff);
  const body = { subject: 'x', body_text: 'x' };
  await ok(get('portal_is_new', program), 200);
  await ok(put('portal_is_new', body, admin), 200);
  await ok(reset('portal_is_new', admin), 204);
  for (const as of [member, program]) {
    await refused(put('portal_is_new', body, as), 403, 'permission_denied');
    await refused(reset('portal_is_new', as), 403, 'permission_denied');
    await refused(preview('portal_is_new', body, as), 403, 'permission_denied');
  }
});

test('S0_26 a firm that has switched announcements off has none', async () => {
  const own = await newFirm('silent');
  const set = (features: NonNullable<Schema['FirmPatch']['features']>) => ok(own.owner.api.PATCH('/v1/firm', { body: { features } }), 200);
  await put('portal_is_new', { subject: 'Kept', body_text: 'x' }, own.owner);
  await set(['documents']);
  await refused(own.owner.api.GET(PATH), 403, 'feature_disabled');
  await refused(preview('portal_is_new', undefined, own.owner), 403, 'feature_disabled');
  await set(['announcements']);
  assert.equal((await ok(get('portal_is_new', own.owner), 200)).subject, 'Kept');
});
