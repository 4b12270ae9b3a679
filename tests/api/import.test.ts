// import.test.ts - clients and contacts from a file: what is taken, what is told of each row, what is made.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  access, address, all, enable, eventually, isAwaited, key, link, newClient, newColleague, newContact, newFirm, newFolder, newKey, newMatter, newOffice,
  newPortalUser, ok, patchContact, raw, refused, scopesOf, settled, share, sink, stack, took, unique, uuidOf, type Caller, type Firm, type Person, type Schema,
} from '../lib/kit.js';

type Import = Schema['Import'];
type Row = Schema['ImportRow'];

let firm: Firm, staff: Person;
before(async () => void ({ firm, staff } = await newOffice('import')));

const CLIENTS = 'code,entity,name,emails,contact_name,contact_email';
const CONTACTS = 'entity,name,first_name,last_name,emails,phone,client_codes';

const send = (text: string | Uint8Array, query: string, as: Caller = staff, headers: Record<string, string> = {}) =>
  raw(`/v1/imports?${query}`, {
    method: 'POST',
    body: typeof text === 'string' ? Buffer.from(text) : text,
    headers: { 'content-type': 'text/csv', ...headers },
    as,
  });
const read = (id: string, as: Caller = staff) => as.api.GET('/v1/imports/{import_id}', { params: { path: { import_id: id } } });
const rowsOf = (id: string, status?: 'ok' | 'error'): Promise<Row[]> =>
  all((cursor) =>
    ok(
      staff.api.GET('/v1/imports/{import_id}/rows', {
        params: { path: { import_id: id }, query: { ...(status ? { status } : {}), ...(cursor ? { cursor } : {}) } },
      }),
      200,
    ),
  );
const commit = (id: string, as: Caller = staff) =>
  as.api.POST('/v1/imports/{import_id}/commit', {
    params: { path: { import_id: id }, header: { 'Idempotency-Key': key() } },
  });
/** How the import is when the worker has done its part. */
const ended = (id: string, as: Caller = staff): Promise<Import> =>
  eventually(async () => {
    const import_ = await ok(read(id, as), 200);
    assert.ok(!['validating', 'running'].includes(import_.status), import_.status);
    return import_;
  });
async function run(text: string | Uint8Array, query: string, as: Caller = staff): Promise<Import> {
  const sent = await send(text, query, as);
  assert.equal(sent.status, 202, JSON.stringify(sent.json));
  return ended(sent.json.id, as);
}
const clientOf = async (code: string, of: Caller = staff) =>
  (await ok(of.api.GET('/v1/clients', { params: { query: { code } } }), 200)).data[0];
const contactsOf = async (email: string) =>
  (await ok(staff.api.GET('/v1/contacts', { params: { query: { email } } }), 200)).data;
const counts = (i: Import) => [i.status, i.row_count, i.created_count, i.updated_count, i.unchanged_count, i.error_count];
const faultsOf = (row: Row | undefined) => (row?.errors ?? []).map((e) => `${e.pointer} ${e.code}`).sort();

test('S1_2, S1_5: a file of clients is taken at once and made in the background, with their contacts and folders', async () => {
  const [a, b] = [unique('A'), unique('B')];
  const sent = await send(
    `${CLIENTS}\n${a},business,Anvil & Sons,${a}@x.test;${b}@x.test,Ann Anvil,${a}-ann@x.test\n${b},individual,Ben Bolt,,,\n`,
    'kind=clients',
  );
  assert.equal(sent.status, 202);
  assert.equal(sent.headers.get('location'), `/v1/imports/${sent.json.id}`);
  assert.ok(Number(sent.headers.get('retry-after')) > 0);
  assert.deepEqual([sent.json.kind, sent.json.dry_run, sent.json.send_invitations], ['clients', false, 'none']);
  const done = await ended(sent.json.id);
  assert.deepEqual(counts(done), ['done', 2, 2, 0, 0, 0]);
  assert.ok(done.finished_at);
  const client = await clientOf(a);
  assert.ok(client);
  assert.deepEqual(
    [client.entity, client.name, client.emails],
    ['business', 'Anvil & Sons', [`${a}@x.test`, `${b}@x.test`].map((e) => e)],
  );
  const [contact] = await contactsOf(`${a}-ann@x.test`);
  assert.deepEqual(
    [contact?.entity, contact?.display_name, contact?.clients.map((c) => c.id), contact?.portal_status],
    ['individual', 'Ann Anvil', [client.id], 'off'],
  );
  const folders = await ok(staff.api.GET('/v1/folders', { params: { query: { client_id: client.id } } }), 200);
  assert.deepEqual(
    folders.data.map((f) => f.is_default_upload),
    [true],
  );
  const rows = await rowsOf(done.id);
  assert.deepEqual(
    rows.map((r) => [r.line, r.status, r.result, r.resource?.type, r.resource?.name]),
    [
      [2, 'ok', 'created', 'client', 'Anvil & Sons'],
      [3, 'ok', 'created', 'client', 'Ben Bolt'],
    ],
  );
  assert.equal(rows[0]?.resource?.id, client.id);
});

test('the same file twice makes nothing twice, and says so row by row', async () => {
  const a = unique('T');
  const text = `${CLIENTS}\n${a},business,Twice Ltd,,Tom Twice,${a}@x.test\n`;
  assert.deepEqual(counts(await run(text, 'kind=clients')), ['done', 1, 1, 0, 0, 0]);
  const again = await run(text.toUpperCase().replace(/^.*\n/, `${CLIENTS}\n`).replace('BUSINESS', 'business').replace(a.toUpperCase(), a), 'kind=clients');
  assert.deepEqual(counts(again), ['done', 1, 0, 0, 1, 0]);
  assert.deepEqual(
    (await rowsOf(again.id)).map((r) => [r.result, r.resource?.id]),
    [['unchanged', (await clientOf(a))?.id]],
  );
  assert.equal((await contactsOf(`${a}@x.test`)).length, 1);
  const more = await run(`${text}${a},business,Twice Ltd,,Tina Twice,${a}-tina@x.test\n`, 'kind=clients');
  assert.deepEqual(counts(more), ['done', 2, 0, 1, 1, 0]);
});

test('P6, 34: BOM, CRLF, quotes, line feeds in cells and odd spaces are read as the single calls read texts', async () => {
  const a = unique('N');
  const text =
    `\ufeff${CLIENTS.toUpperCase()}\r\n` +
    `" ${a} ",business,"Nadia ""N"" Caf\u0065\u0301, Ltd",  ${a}@EXAMPLE.test ; ${a}@example.TEST;b-${a}@x.test  ,"Nadia\u00a0Nu\u0308ll",NADIA-${a}@X.test\r\n` +
    `\r\n,,,,,\r\n${a}2,individual,"plain",,,`;
  assert.deepEqual(counts(await run(text, 'kind=clients')), ['done', 2, 2, 0, 0, 0]);
  const client = await clientOf(a);
  const single = await newClient(staff, {
    name: 'Nadia "N" Caf\u0065\u0301, Ltd',
    emails: [`  ${a}@EXAMPLE.test ; ${a}@example.TEST;b-${a}@x.test  `],
  });
  assert.deepEqual([client?.name, client?.emails], [single.name, single.emails]);
  const [contact] = await contactsOf(`nadia-${a}@x.test`);
  assert.equal(contact?.primary_email, `NADIA-${a}@x.test`);
});

test('every fault of a row is told, with its line and column, and nothing of the file is made', async () => {
  const a = unique('F');
  const text =
    `${CLIENTS}\n` +
    `${a},business,Fine Ltd,,,\n` +
    `,company,,no address;${a}@x.test,Nobody,\n` +
    `"${a}2",business,"two\nlines","",,x@y@z\n` +
    `${a}3,business,Short\n`;
  const failed = await run(text, 'kind=clients');
  assert.deepEqual(counts(failed), ['failed', 4, 0, 0, 0, 3]);
  const rows = await rowsOf(failed.id);
  assert.deepEqual(
    rows.map((r) => [r.line, r.status, r.result, faultsOf(r)]),
    [
      [2, 'ok', null, []],
      [3, 'error', null, ['/code required', '/contact_email required', '/emails invalid_email', '/entity not_allowed', '/name required']],
      [4, 'error', null, ['/contact_email invalid_email', '/contact_name required', '/name control_character']],
      [6, 'error', null, [' wrong_column_count']],
    ],
  );
  assert.deepEqual((await rowsOf(failed.id, 'error')).map((r) => r.line), [3, 4, 6]);
  assert.deepEqual((await rowsOf(failed.id, 'ok')).map((r) => r.line), [2]);
  assert.equal(await clientOf(a), undefined);
});

test('what the firm and other lines say against a row is a fault of it', async () => {
  const a = unique('M');
  const there = await newClient(staff, { code: `${a}-there`, name: 'There Ltd' });
  const gone = await newClient(staff, { code: `${a}-gone`, name: 'Gone Ltd' });
  await ok(staff.api.DELETE('/v1/clients/{client_id}', { params: { path: { client_id: gone.id } } }), 204);
  await newContact(staff, there, { display_name: 'Tara There', primary_email: `${a}-tara@x.test` });
  const failed = await run(
    `${CLIENTS}\n` +
      `${a}-there,business,Another Ltd,,,\n` +
      `${a}-gone,business,Gone Ltd,,,\n` +
      `${a}-1,business,One Ltd,,Somebody Else,${a}-TARA@x.test\n` +
      `${a}-1,individual,One Ltd,,Otto One,${a}-otto@x.test\n` +
      `${a}-2,business,Two Ltd,,Oscar Two,${a}-otto@x.test\n`,
    'kind=clients',
  );
  assert.deepEqual(
    (await rowsOf(failed.id)).map((r) => [r.line, faultsOf(r)]),
    [
      [2, ['/code code_taken']],
      [3, ['/code client_archived']],
      [4, ['/contact_email email_taken']],
      [5, ['/code differs_from_line']],
      [6, ['/contact_email differs_from_line']],
    ],
  );
  const contacts = await run(`${CONTACTS}\nindividual,Cara,,,${a}-c@x.test,,${a}-there;${a}-none;${a}-gone\n`, 'kind=contacts');
  assert.deepEqual(faultsOf((await rowsOf(contacts.id))[0]), ['/client_codes client_archived', '/client_codes no_such_client']);
});

test('P34 contacts: made, related to the clients of their codes, found again by any of their addresses, however they are written', async () => {
  const a = unique('C');
  const clients = [await newClient(staff, { code: `${a}1` }), await newClient(staff, { code: `${a}2` })];
  const text = `${CONTACTS}\nindividual,Cleo Carr,Cleo,Carr,${a}@x.test;${a}-home@x.test,+44 1,${a}1;${a}2;${a}1\n`;
  assert.deepEqual(counts(await run(text, 'kind=contacts')), ['done', 1, 1, 0, 0, 0]);
  const [cleo] = await contactsOf(`${a}@x.test`);
  assert.ok(cleo);
  assert.deepEqual(
    [cleo.first_name, cleo.last_name, cleo.emails, cleo.phone, cleo.clients.map((c) => c.id).sort()],
    ['Cleo', 'Carr', [`${a}@x.test`, `${a}-home@x.test`], '+44 1', clients.map((c) => c.id).sort()],
  );
  assert.deepEqual(counts(await run(text, 'kind=contacts')), ['done', 1, 0, 0, 1, 0]);
  const third = await newClient(staff, { code: `${a}3` });
  const more = await run(`${CONTACTS}\nindividual,cleo carr,,,${a}-HOME@x.test,,${a}3\n`, 'kind=contacts');
  assert.deepEqual(counts(more), ['done', 1, 0, 1, 0, 0]);
  assert.ok((await contactsOf(`${a}@x.test`))[0]?.clients.some((c) => c.id === third.id));
  const business = await run(`${CONTACTS}\nbusiness,Carr Ltd,,,${a}-ltd@x.test,,\n`, 'kind=contacts');
  assert.deepEqual(counts(business), ['done', 1, 1, 0, 0, 0]);
});

test('S3_12: a contact with access who is related to a client by a file sees its default folder', async () => {
  const a = unique('S');
  const user = await newPortalUser(firm, await newClient(staff), { display_name: 'Sue Shared' });
  await run(`${CLIENTS}\n${a},business,Shared Ltd,,Sue Shared,${user.contact.primary_email}\n`, 'kind=clients');
  const folders = await ok(user.api.GET('/v1/portal/folders'), 200);
  const client = await clientOf(a);
  assert.ok(folders.data.some((f) => f.client.id === client?.id));
});

test('who changes a contact does not wait for the import that relates it; one archived meanwhile is nobody\'s', async () => {
  const a = unique('H');
  const clients = [await newClient(staff, { code: `${a}1` }), await newClient(staff, { code: `${a}2` })];
  const [anna, otto] = [await newContact(staff, clients[0]), await newContact(staff, clients[0])];
  const line = (contact: Schema['Contact']) => `individual,${contact.display_name},,,${contact.primary_email},,${a}2\n`;
  const other = await stack.session();
  try {
    // The client of a line far behind: those before are related when the import comes to it.
    const { code, id } = await newClient(staff, { code: `${a}3` });
    await other.query('begin');
    await other.query('select from client where id = $1 for update', [uuidOf(id)]);
    const sent = await send(`${CONTACTS}\n${line(anna)}${line(otto)}${'\n'.repeat(2000)}individual,Last,,,${a}@x.test,,${code}\n`, 'kind=contacts');
    await eventually(async () => assert.ok(await isAwaited(other), 'the import does not come to the client'));
    const path = { contact_id: anna.id };
    const changed = await took(staff.api.PATCH('/v1/contacts/{contact_id}', { params: { path }, body: { phone: '+44 1' } }), 200);
    assert.equal(changed.data.clients.length, 1);
    await ok(staff.api.DELETE('/v1/contacts/{contact_id}', { params: { path: { contact_id: otto.id } } }), 204);
    assert.ok(await isAwaited(other), 'the import waits as before');
    await other.query('commit');
    assert.deepEqual(counts(await ended(sent.json.id)), ['done', 3, 2, 1, 0, 0]);
    const { data, etag } = await took(staff.api.GET('/v1/contacts/{contact_id}', { params: { path } }), 200);
    assert.deepEqual([data.phone, data.clients.length], ['+44 1', 2]);
    assert.notEqual(etag, changed.etag);
    const [made] = await contactsOf(otto.primary_email ?? '');
    assert.ok(made && made.id !== otto.id);
  } finally {
    await other.end();
  }
});

test('S1_5: a dry run makes nothing, is committed once, and is held against the firm anew', async () => {
  const a = unique('D');
  const text = `${CLIENTS}\n${a},business,Dry Ltd,,Dora Dry,${a}@x.test\n`;
  const ready = await run(text, 'kind=clients&dry_run=true');
  assert.deepEqual(counts(ready), ['ready', 1, 1, 0, 0, 0]);
  assert.deepEqual([ready.dry_run, ready.finished_at], [true, null]);
  assert.deepEqual((await rowsOf(ready.id)).map((r) => [r.result, r.resource]), [['created', null]]);
  assert.equal(await clientOf(a), undefined);
  const begun = await commit(ready.id);
  assert.equal(begun.response.status, 202);
  assert.equal(begun.response.headers.get('location'), `/v1/imports/${ready.id}`);
  assert.deepEqual(counts(await ended(ready.id)), ['done', 1, 1, 0, 0, 0]);
  assert.ok(await clientOf(a));
  await refused(commit(ready.id), 409, 'import_not_ready');
  const late = await run(`${CLIENTS}\n${a}-late,business,Late Ltd,,,\n`, 'kind=clients&dry_run=true');
  await newClient(staff, { code: `${a}-late`, name: 'Somebody Else Ltd' });
  await ok(commit(late.id), 202);
  const failed = await ended(late.id);
  assert.deepEqual(counts(failed), ['failed', 1, 0, 0, 0, 1]);
  assert.deepEqual(faultsOf((await rowsOf(late.id))[0]), ['/code code_taken']);
  const wrong = await run(`${CLIENTS}\n,,,,,x\n`, 'kind=clients&dry_run=true');
  assert.equal(wrong.status, 'failed');
  await refused(commit(wrong.id), 409, 'import_not_ready');
});

test('S1_4, S1_5: owners and admins import, members may not; a key needs the scope', async () => {
  const member = await newColleague(firm, 'member');
  const admin = await newColleague(firm, 'admin');
  const text = `${CLIENTS}\n${unique('R')},business,Role Ltd,,,\n`;
  const no = await send(text, 'kind=clients', member);
  assert.deepEqual([no.status, no.json.code, no.json.required_scopes], [403, 'permission_denied', ['imports:write']]);
  assert.equal((await run(text, 'kind=clients', admin)).status, 'done');
  const single = await newClient(member);
  await link(member, single, await newContact(member));
  const scopes = scopesOf(staff);
  const without = await newKey(staff, scopes.filter((s) => s !== 'imports:write'));
  const refusedKey = await send(text, 'kind=clients', without);
  assert.deepEqual([refusedKey.status, refusedKey.json.code], [403, 'insufficient_scope']);
  const only = await newKey(staff, ['imports:write']);
  assert.equal((await run(text, 'kind=clients', only)).status, 'done');
  const inviting = await send(text, 'kind=clients&send_invitations=later', only);
  assert.deepEqual([inviting.status, inviting.json.code, inviting.json.required_scopes], [403, 'insufficient_scope', ['portal_access:write']]);
  const user = await newPortalUser(firm, single);
  assert.equal((await send(text, 'kind=clients', user)).status, 403);
});

test('422 csv_header_invalid names every column that is missing, unknown or there twice', async () => {
  const bad = await send('Code;entity;name\n', 'kind=clients');
  assert.deepEqual([bad.status, bad.json.code], [422, 'csv_header_invalid']);
  assert.equal(bad.json.errors.length, 7);
  const some = await send('code,CODE,entity, name ,emails,contact_name,shoe size\n', 'kind=clients');
  assert.deepEqual(
    some.json.errors.map((e: Schema['FieldError']) => `${e.pointer} ${e.code}`).sort(),
    ['/CODE duplicate_column', '/contact_email missing_column', '/shoe size unknown_column'],
  );
  for (const text of ['', '\n\n', `"${CLIENTS}`])
    assert.equal((await send(text, 'kind=contacts')).json.code, 'csv_header_invalid', JSON.stringify(text));
  assert.equal((await send(`${CLIENTS}\n`, 'kind=contacts')).json.code, 'csv_header_invalid');
  assert.deepEqual(counts(await run(`${CLIENTS}\n`, 'kind=clients')), ['done', 0, 0, 0, 0, 0]);
});

test('413, 415, 411 and wrong parameters are refused before the file is sent', async () => {
  for (const type of ['application/json', 'text/csv; charset=iso-8859-1', 'multipart/form-data; boundary=x']) {
    const answer = await send(`${CLIENTS}\n`, 'kind=clients', staff, { 'content-type': type });
    assert.deepEqual([answer.status, answer.json.code], [415, 'unsupported_media_type'], type);
  }
  assert.equal((await send(`${CLIENTS}\n`, 'kind=clients', staff, { 'content-type': 'text/csv; charset=UTF-8; header=present' })).status, 202);
  const large = await send(Buffer.alloc(64 * 1024 * 1024 + 1, 'x'), 'kind=clients');
  assert.deepEqual([large.status, large.json.code], [413, 'too_large']);
  const unmeasured = await send(`${CLIENTS}\n`, 'kind=clients', staff, { 'transfer-encoding': 'chunked' });
  assert.deepEqual([unmeasured.status, unmeasured.json.code], [411, 'length_required']);
  const wrong = await send(`${CLIENTS}\n`, 'kind=people&dry_run=perhaps&send_invitations=soon');
  assert.deepEqual(
    [wrong.status, wrong.json.errors.map((e: Schema['FieldError']) => e.pointer).sort()],
    [422, ['?dry_run', '?kind', '?send_invitations']],
  );
  assert.deepEqual((await send(`${CLIENTS}\n`, '')).json.errors.map((e: Schema['FieldError']) => e.pointer), ['?kind']);
  const damaged = await send(`${CLIENTS}\n`, 'kind=clients', staff, { 'content-digest': 'sha-256=:AAAA:' });
  assert.deepEqual([damaged.status, damaged.json.code], [422, 'digest_mismatch']);
});

test('a file that cannot be read to its end is told as a whole, and nothing of it is made', async () => {
  const a = unique('W');
  const open = await run(`${CLIENTS}\n${a},business,Whole Ltd,,,\n"never closed,x\n`, 'kind=clients');
  assert.deepEqual([open.status, open.errors.map((e) => e.code)], ['failed', ['malformed_csv']]);
  assert.match(open.errors[0]?.message ?? '', /line 3/);
  const long = await run(`${CLIENTS}\n${a},business,"${'x'.repeat(40_000)}",,,\n`, 'kind=clients');
  assert.deepEqual([long.status, long.errors.map((e) => e.code)], ['failed', ['row_too_long']]);
  const latin = await run(Buffer.concat([Buffer.from(`${CLIENTS}\n${a},business,`), Buffer.from([0xe9]), Buffer.from(',,,\n')]), 'kind=clients');
  assert.deepEqual(faultsOf((await rowsOf(latin.id))[0]), ['/name not_utf8', '/name required']);
  assert.equal(await clientOf(a), undefined);
});

test('templates can be sent as they are', async () => {
  for (const kind of ['clients', 'contacts']) {
    const template = await raw(`/v1/import_templates/${kind}`, { as: staff });
    assert.equal(template.status, 200);
    assert.match(template.headers.get('content-type') ?? '', /^text\/csv/);
    const own = await newFirm('template');
    if (kind === 'contacts') {
      await newClient(own.owner, { code: '1001' });
      await newClient(own.owner, { code: '1002' });
    }
    assert.equal((await run(template.body, `kind=${kind}`, own.owner)).status, 'done');
  }
  assert.equal((await raw('/v1/import_templates/shoes', { as: staff })).status, 404);
});

test('S1_20, S0_16: invitations later: access is on by the function of the single call, and nothing is mailed', async () => {
  const a = unique('L');
  const done = await run(`${CLIENTS}\n${a},business,Later Ltd,,Lea Later,${a}@x.test\n`, 'kind=clients&send_invitations=later');
  assert.deepEqual([done.status, done.invited_count], ['done', 0]);
  const [lea] = await contactsOf(`${a}@x.test`);
  assert.ok(lea);
  const on = await access(staff, lea);
  assert.deepEqual([on.status, on.source, on.login_email, on.invitation?.status, on.ends_at], ['not_sent', 'batch', `${a}@x.test`, 'not_sent', null]);
  assert.deepEqual((await rowsOf(done.id)).map((r) => r.invitation), ['not_sent']);
});

test('S0_15: invitations now: one mail each, nobody twice, and whoever cannot be invited is named', async () => {
  const a = unique('I');
  const after = await sink.mark();
  const user = await newPortalUser(firm, await newClient(staff));
  const text =
    `${CLIENTS}\n${a},business,Now Ltd,,Nora Now,${a}@x.test\n${a}2,business,Now Two Ltd,,Nora Now,${a}@x.test\n` +
    `${a}3,individual,Alone,,,\n${a}4,business,Four Ltd,,${user.contact.display_name},${user.email}\n`;
  const done = await run(text, 'kind=clients&send_invitations=now');
  assert.deepEqual([done.status, done.invited_count], ['done', 1]);
  assert.deepEqual((await rowsOf(done.id)).map((r) => r.invitation), ['sent', null, null, null]);
  const [invited] = await contactsOf(`${a}@x.test`);
  assert.ok(invited);
  const { status, ends_at } = await access(staff, invited);
  assert.deepEqual([status, ends_at], ['invited', null], 'nobody set an end');
  assert.equal((await settled(firm, `${a}@x.test`, after)).length, 1);
  const again = await run(text, 'kind=clients&send_invitations=now');
  assert.deepEqual([again.invited_count, (await rowsOf(again.id)).map((r) => r.invitation)], [0, [null, null, null, null]]);
  assert.equal((await settled(firm, `${a}@x.test`, after)).length, 1);
  const refusedOnes = await run(`${CONTACTS}\nbusiness,Firm Ltd,,,${a}-b@x.test,,\n`, 'kind=contacts&send_invitations=now');
  const [row] = await rowsOf(refusedOnes.id);
  assert.deepEqual([refusedOnes.status, row?.status, row?.invitation, row?.result], ['done', 'ok', 'refused', 'created']);
  assert.deepEqual(faultsOf(row), ['/clients no_client_relationship', '/entity contact_not_individual']);
});

/** Who may import and invite, but not know of all that is shared with somebody: how it is shared, and by whom imported. */
const UNSEEN: Record<string, { item: (client: { id: string }, contact: { id: string }) => Promise<unknown>; by: () => Promise<Caller> }> = {
  'S2_12: an admin, of a restricted matter': {
    item: async (client, contact) =>
      ok(share(staff, 'matter', await newMatter(staff, client, [contact], { restricted: true }), [contact]), 201),
    by: () => newColleague(firm, 'admin'),
  },
  'S2_12: a key without sight of documents, of a folder': {
    item: async (client, contact) => ok(share(staff, 'folder', await newFolder(staff, client), [contact], 'view', false), 201),
    by: () => newKey(staff, ['imports:write', 'portal_access:write', 'contacts:read', 'contacts:write', 'matters:read']),
  },
};
for (const [name, { item, by }] of Object.entries(UNSEEN))
  test(`${name}: who is not invited because of what is shared with them is named`, async () => {
    const client = await newClient(staff);
    const contact = await newContact(staff, client);
    await ok(enable(staff, contact, { send: 'later' }), 200);
    await item(client, contact);
    const [who, email] = [await by(), address()];
    await patchContact(who, contact, { primary_email: email });
    const text = `${CONTACTS}\nindividual,${contact.display_name},,,${email},,\n`;
    const done = await run(text, 'kind=contacts&send_invitations=now', who);
    const [row] = await rowsOf(done.id);
    assert.deepEqual([done.status, done.invited_count, row?.invitation, faultsOf(row)], ['done', 0, 'refused', [' shared_items_not_accessible']]);
  });

test('events and the audit log tell of what a file made, by whom', async () => {
  const a = unique('E');
  const types = ['client.created', 'contact.created', 'import.created', 'import.finished', 'client.updated', 'contact.updated'];
  const seen = async (as: Person) =>
    (await ok(as.api.GET('/v1/events', { params: { query: { from: 'beginning', types: types.join(','), limit: 100 } } }), 200)).data
      .map((e) => e.type)
      .sort();
  const { owner } = await newFirm('event');
  const text = `${CLIENTS}\n${a},business,Event Ltd,,Eve Event,${a}@x.test\n`;
  const done = await run(text, 'kind=clients', owner);
  const made = ['client.created', 'contact.created', 'import.created', 'import.finished'];
  await eventually(async () => assert.deepEqual(await seen(owner), made));
  await run(text, 'kind=clients', owner);
  await eventually(async () => assert.deepEqual(await seen(owner), [...made, 'import.created', 'import.finished'].sort()));
  const client = await clientOf(a, owner);
  const log = await ok(owner.api.GET('/v1/audit_log', { params: { query: { object_id: client?.id ?? '' } } }), 200);
  assert.deepEqual(
    log.data.map((e) => [e.action, e.actor?.id]),
    [['client.created', owner.session.principal.id]],
  );
  assert.ok(done.id);
});

type Asker = { as: Caller; id: string };
const colleague = async (): Promise<Asker> => {
  const as = await newColleague(firm, 'admin');
  return { as, id: as.session.principal.id };
};
const program = async (): Promise<Asker> => {
  const as = await newKey(staff, ['imports:write', 'portal_access:write']);
  return { as, id: as.made.id };
};
const scopes = (...left: string[]) => ({ id }: Asker) => stack.sql('update api_key set scopes = $2 where id = $1', [uuidOf(id), left]);

/** Who asks for an import, and how they lose what it needs before it is made. */
const NO_MORE: Record<string, { who: () => Promise<Asker>; lose: (who: Asker) => Promise<unknown> }> = {
  'somebody who was dismissed': {
    who: colleague,
    lose: ({ id }) => ok(staff.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id: id } } }), 204),
  },
  'a key that was revoked': {
    who: program,
    lose: ({ id }) => ok(staff.api.DELETE('/v1/api_keys/{api_key_id}', { params: { path: { api_key_id: id } } }), 204),
  },
  'a key that has ended': { who: program, lose: ({ id }) => stack.sql('update api_key set expires_at = created_at where id = $1', [uuidOf(id)]) },
  'a key that may import no more': { who: program, lose: scopes('portal_access:write') },
  'a key that may invite no more': { who: program, lose: scopes('imports:write') },
};
for (const [name, { who, lose }] of Object.entries(NO_MORE))
  test(`C: an import of ${name} is not made`, async () => {
    const asker = await who();
    const a = unique('G');
    const ready = await run(`${CLIENTS}\n${a},business,Gone Ltd,,,\n`, 'kind=clients&dry_run=true&send_invitations=later', asker.as);
    await lose(asker);
    await stack.sql("update import set status = 'running' where id = $1 and status = 'ready'", [uuidOf(ready.id)]);
    const failed = await ended(ready.id);
    assert.deepEqual([failed.status, failed.errors.map((e) => e.code)], ['failed', ['permission_denied']]);
    assert.equal(await clientOf(a), undefined);
  });
