// world.ts - one firm with one of everything, and for each operation of the contract a call that fits it.
import assert from 'node:assert/strict';
import { contract, type Operation } from './recorder.mjs';
import {
  askMail, confirmTokenOf, key, newClient, newColleague, newContact, newFirm, newFolder, newMatter, newKey, newLink, newPending,
  newPortalUser, openDoor, nobody, ok, share, signIn, unique, upload, address, enable, eventually, rolesOf, portalUpload,
  PASSWORD, raw, setSignIn, register, sink, tokenOf, unsubscribeTokenOf, codeOf, withFactor, type Caller, type Firm, type Key,
  type PortalUser, type Schema,
} from './kit.js';

/** The text that the firm of a world has written anew. */
const ANNOUNCEMENT = 'going_paperless';

export const CSV_HEADER = 'code,entity,name,emails,contact_name,contact_email';

export interface World {
  firm: Firm;
  user: PortalUser;
  client: Schema['Client'];
  contact: Schema['Contact'];
  invited: Schema['Contact'];
  invitation: Schema['Invitation'];
  matter: Schema['Matter'];
  registration: string;
  link: Schema['SignUpLink'];
  folder: Schema['Folder'];
  document: Schema['Document'];
  own: Schema['PortalDocument'];
  share: Schema['Share'];
  key: Key;
  imported: Schema['Import'];
  canary: string;
  roles: Record<string, string>;
}

/** A dry run of a file with one client and one contact, when it can be committed. */
export async function newImport(as: Caller, word: string): Promise<Schema['Import']> {
  const code = unique('code');
  const sent = await raw('/v1/imports?kind=clients&dry_run=true', {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: `${CSV_HEADER}\n${code},business,${word} Ltd,,${word} Kim,${address(word)}\n`,
    as,
  });
  assert.equal(sent.status, 202, JSON.stringify(sent.json));
  return eventually(async () => {
    const found = await ok(as.api.GET('/v1/imports/{import_id}', { params: { path: { import_id: sent.json.id } } }), 200);
    assert.equal(found.status, 'ready');
    return found;
  });
}

/** All its names, addresses and bytes hold `canary`, so that a leak can be seen. */
export async function newWorld(word: string): Promise<World> {
  const canary = `CANARY-${unique(word)}`;
  const firm = await newFirm(word);
  const staff = firm.owner;
  const client = await newClient(staff, {
    name: `${canary} Ltd`,
    code: canary.slice(-40),
    emails: [address(canary)],
    custom_fields: { note: canary },
  });
  const user = await newPortalUser(firm, client, {
    display_name: `${canary} Ann`,
    primary_email: address(`${canary}-ann`),
  });
  const contact = await newContact(staff, client, {
    display_name: `${canary} Ben`,
    primary_email: address(`${canary}-ben`),
  });
  const invited = await newContact(staff, client, {
    display_name: `${canary} Cid`,
    primary_email: address(`${canary}-cid`),
  });
  const invitation = (await ok(enable(staff, invited), 200)).invitation;
  assert.ok(invitation);
  const matter = await newMatter(staff, client, [user.contact, contact], { name: `${canary} matter` });
  await ok(share(staff, 'matter', matter, [user.contact], 'view', false), 201);
  await openDoor(firm);
  const registration = (await newPending(firm, { name: `${canary} Rita`, email: address(`${canary}-rita`), message: canary })).id;
  const folder = await newFolder(staff, client, { name: `${canary} files` });
  const document = await ok(upload(staff, folder, `${canary}.txt`, `the text of ${canary}`), 201);
  const own = await ok(portalUpload(user, undefined, `${canary}-scan.txt`, `scan of ${canary}`), 201);
  const link = (await newLink(staff, { folder_id: folder.id })).link;
  const [made] = (await ok(share(staff, 'folder', folder, [user.contact], 'view', false), 201)).data;
  assert.ok(made);
  const roles = await rolesOf(firm);
  const all = await newKey(staff, undefined, { name: `${canary} key` });
  const imported = await newImport(staff, canary);
  const params = { path: { key: ANNOUNCEMENT } };
  await ok(staff.api.PUT('/v1/templates/announcements/{key}', { params, body: { subject: canary, body_text: canary } }), 200);
  return {
    imported, firm, user, client, contact, invited, invitation, registration, link, matter, folder, document, own, share: made, key: all, canary, roles,
  };
}

/** Ids of the world by the names of the contract's path parameters. */
export function idsOf(world: World): Record<string, string> {
  return {
    api_key_id: world.key.made.id,
    client_id: world.client.id,
    contact_id: world.contact.id,
    staff_id: world.firm.owner.session.principal.id,
    session_id: world.firm.owner.session.id,
    invitation_id: world.invitation.id,
    matter_id: world.matter.id,
    import_id: world.imported.id,
    registration_id: world.registration,
    sign_up_link_id: world.link.id,
    folder_id: world.folder.id,
    document_id: world.document.id,
    share_id: world.share.id,
    role_id: world.roles['member'] ?? '',
    item_id: world.folder.id,
    parent_id: world.folder.id,
    firm: world.firm.slug,
    code: 'not_found',
    token: 'x'.repeat(86),
  };
}

/** Ids that nobody has. */
export const STRANGE: Record<string, string> = Object.fromEntries(
  Object.entries({
    api_key_id: 'key',
    client_id: 'cli',
    contact_id: 'con',
    staff_id: 'stf',
    session_id: 'ses',
    invitation_id: 'inv',
    matter_id: 'mat',
    import_id: 'imp',
    registration_id: 'reg',
    sign_up_link_id: 'sul',
    folder_id: 'fol',
    document_id: 'doc',
    share_id: 'shr',
    role_id: 'rol',
    item_id: 'fol',
    parent_id: 'fol',
    code: 'cod',
    key: 'ann',
  }).map(([name, prefix]) => [name, `${prefix}_01kjpz7w3mfa6tq2c9x4n8d5he`]),
);

/** A body that the operation takes, of the ids given. */
export function bodyOf(operation: Operation, ids: Record<string, string>): unknown {
  const bodies: Record<string, () => unknown> = {
    login: () => ({
      firm: 'nobody',
      audience: 'staff',
      email: 'nobody@mail.test',
      password: 'nothing at all',
      transport: 'token',
    }),
    verifyMfa: () => ({ mfa_token: 'x'.repeat(90), code: '000000', transport: 'token' }),
    confirmTotp: () => ({ code: '000000' }),
    disableTotp: () => ({ code: '000000' }),
    regenerateRecoveryCodes: () => ({ code: '000000' }),
    refreshSession: () => ({ refresh_token: 'x'.repeat(95) }),
    requestMagicLink: () => ({ firm: 'nobody', audience: 'staff', email: 'nobody@mail.test' }),
    redeemMagicLink: () => ({ token: 'x'.repeat(86), transport: 'token' }),
    requestPasswordReset: () => ({ firm: 'nobody', audience: 'staff', email: 'nobody@mail.test' }),
    redeemPasswordReset: () => ({ token: 'x'.repeat(86), new_password: 'eleven dry storks stay put' }),
    findPortals: () => ({ email: address('nobody') }),
    runSetup: () => ({
      setup_token: 'x',
      firm_name: 'X',
      owner_name: 'X',
      owner_email: 'x@mail.test',
      owner_password: 'seven wet herons',
      timezone: 'UTC',
      currency: 'EUR',
    }),
    updateMe: () => ({ phone: '1' }),
    setNotificationPreferences: () => ({ digest: 'instant', items: [] }),
    updateFirm: () => ({ accent_color: '#123456' }),
    setAnnouncement: () => ({ subject: unique('S'), body_text: 'Dear client' }),
    previewAnnouncement: () => ({ subject: '{{firm.name}}' }),
    changePassword: () => ({ current_password: 'not this one', new_password: 'eleven dry storks stay put' }),
    inviteStaff: () => ({ name: 'X', email: address('staff'), role_id: ids['role_id'] }),
    updateStaff: () => ({ name: unique('S') }),
    createClient: () => ({ entity: 'business', name: unique('C') }),
    updateClient: () => ({ phone: '1' }),
    linkContact: () => ({ is_primary: false }),
    createMatter: () => ({ client_id: ids['client_id'], name: unique('M') }),
    updateMatter: () => ({ number: unique('7') }),
    linkMatterContact: () => ({ role: 'client' }),
    createContact: () => ({ entity: 'individual', display_name: 'X' }),
    updateContact: () => ({ phone: '1' }),
    enablePortalAccess: () => ({ send: 'later' }),
    updatePortalAccess: () => ({ ends_at: null }),
    reissuePortalAccess: () => ({ send: 'later' }),
    createInvitation: () => ({ contact_id: ids['contact_id'], send: 'later' }),
    previewInvitation: () => ({ token: 'x'.repeat(86) }),
    acceptInvitation: () => ({ token: 'x'.repeat(86), password: 'seven wet herons', transport: 'token' }),
    registerSelf: () => ({ firm: 'nobody', name: 'X', email: address(), password: 'seven wet herons wade home' }),
    confirmRegistration: () => ({ token: 'x'.repeat(86), password: PASSWORD }),
    verifyRegistration: () => ({ create_contact: true, client_id: ids['client_id'] }),
    createSignUpLink: () => ({ folder_id: ids['folder_id'], access: 'view', max_uses: 3, expires_at: new Date(Date.now() + 300 * 86_400_000).toISOString() }),
    createFolder: () => ({ client_id: ids['client_id'], name: unique('F') }),
    updateFolder: () => ({ name: unique('F') }),
    updateDocument: () => ({ name: unique('D') }),
    restoreDocument: () => ({ folder_id: ids['folder_id'] }),
    createShares: () => ({
      item_type: 'folder',
      item_id: ids['folder_id'],
      contact_ids: [ids['contact_id']],
      access: 'view',
      notify: false,
    }),
    updateShare: () => ({ access: 'view' }),
    createApiKey: () => ({ name: unique('K'), scopes: ['clients:read'] }),
    updateApiKey: () => ({ name: unique('K') }),
    setTestClock: () => ({ advance_seconds: 0 }),
  };
  return bodies[operation.id]?.();
}

/** Parameters that are no ids. */
const PLAIN: Record<string, string> = { kind: 'clients', key: ANNOUNCEMENT };

export interface Fit {
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** The call as it would be made: path with ids, required parameters, a body. */
export function fit(operation: Operation, ids: Record<string, string>): Fit {
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  for (const ref of operation.spec.parameters ?? []) {
    const parameter = contract.deref(ref);
    if ((!parameter.required && parameter.name !== 'firm') || parameter.in === 'path') continue;
    if (parameter.in === 'query')
      query.set(parameter.name, parameter.name === 'name' ? `${unique('n')}.txt` : (ids[parameter.name] ?? PLAIN[parameter.name] ?? 'x'));
    else headers[parameter.name.toLowerCase()] = key();
  }
  const types = Object.keys(operation.spec.requestBody?.content ?? {});
  const json = bodyOf(operation, ids);
  if (types.length)
    headers['content-type'] =
      ['application/json', 'text/csv'].find((type) => types.includes(type)) ?? 'application/octet-stream';
  const raw = types.includes('text/csv') ? `${CSV_HEADER}\n` : 'bytes';
  const body = json !== undefined ? JSON.stringify(json) : types.length ? raw : undefined;
  const path =
    operation.path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? PLAIN[name] ?? '') + (query.size ? `?${query}` : '');
  return { path, headers, body };
}

/** Who may make the call, of a world: one of each kind. */
export function callersOf(operation: Operation, world: World): Caller[] {
  const operator = { ...world.firm.owner, token: 'watching-the-tests' };
  const kinds: Record<string, Caller> = { staff: world.firm.owner, portal: world.user, key: world.key, operator };
  const callers: string[] = operation.spec['x-callers'];
  return Object.keys(kinds).flatMap((kind) => (callers.includes(kind) ? (kinds[kind] ?? []) : []));
}

/** Who may make the call, of the people of a world. */
export function callerOf(operation: Operation, world: World): Caller | undefined {
  return callersOf(operation, world)[0];
}

export async function make(
  operation: Operation,
  fitted: Fit,
  as: Caller | undefined,
  over: Record<string, string> = {},
) {
  const fresh: Record<string, string> = fitted.headers['idempotency-key'] ? { 'idempotency-key': key() } : {};
  return raw(fitted.path, {
    method: operation.method,
    headers: { ...fitted.headers, ...fresh, ...over },
    ...(fitted.body === undefined ? {} : { body: fitted.body }),
    ...(as ? { as } : {}),
  });
}

/** The token of the link that ends a notice, from a mail to the world's portal user. */
async function noticeOf(w: World): Promise<Record<string, string>> {
  const after = await sink.mark();
  const file = await ok(upload(w.firm.owner, w.folder), 201);
  await ok(share(w.firm.owner, 'document', file, [w.user.contact]), 201);
  const [mail] = await sink.mails(w.user.email, { after });
  return { token: unsubscribeTokenOf(mail) };
}

/** What has to be there before an operation can answer 2xx in the world, and the ids it is then called with. */
export const WAYS: Record<string, (world: World) => Promise<Record<string, string>>> = {
  unassignTeamMember: async (w) => {
    const staff_id = w.firm.owner.session.principal.id;
    await ok(
      w.firm.owner.api.PUT('/v1/clients/{client_id}/team/{staff_id}', {
        params: { path: { client_id: w.client.id, staff_id } },
      }),
    );
    return {};
  },
  unassignMatterStaff: async (w) => {
    const path = { matter_id: w.matter.id, staff_id: w.firm.owner.session.principal.id };
    await ok(w.firm.owner.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', { params: { path } }), 204);
    return {};
  },
  deleteMatter: async (w) => ({ matter_id: (await newMatter(w.firm.owner, w.client)).id }),
  unlinkMatterContact: async (w) => ({ matter_id: (await newMatter(w.firm.owner, w.client, [w.contact])).id }),
  disablePortalAccess: async (w) => ({ contact_id: w.user.contact.id }),
  updatePortalAccess: async (w) => ({ contact_id: w.user.contact.id }),
  reissuePortalAccess: async (w) => ({ contact_id: (await newPortalUser(w.firm, w.client)).contact.id }),
  suspendPortalAccess: async (w) => ({ contact_id: (await newPortalUser(w.firm, w.client)).contact.id }),
  deactivateStaff: async (w) => ({ staff_id: (await newColleague(w.firm)).session.principal.id }),
  resumePortalAccess: async (w) => {
    const contact_id = (await newPortalUser(w.firm, w.client)).contact.id;
    await ok(w.firm.owner.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', { params: { path: { contact_id } } }));
    return { contact_id };
  },
  getUnsubscription: noticeOf,
  unsubscribe: noticeOf,
  commitImport: async (w) => ({ import_id: (await newImport(w.firm.owner, w.canary)).id }),
  deleteRegistration: async (w) => ({ registration_id: (await newPending(w.firm)).id }),
  verifyRegistration: async (w) => ({ registration_id: (await newPending(w.firm)).id }),
  revokeSignUpLink: async (w) => ({ sign_up_link_id: (await newLink(w.firm.owner, { folder_id: w.folder.id })).link.id }),
  deleteFolder: async (w) => ({ folder_id: (await newFolder(w.firm.owner, w.client)).id }),
  restoreDocument: async (w) => {
    const document_id = (await ok(upload(w.firm.owner, w.folder), 201)).id;
    await ok(w.firm.owner.api.DELETE('/v1/documents/{document_id}', { params: { path: { document_id } } }), 204);
    return { document_id };
  },
};

/** Bodies that are used up by one call, or have to change something. */
export const NEEDED: Record<string, (world: World) => Promise<unknown>> = {
  login: async (w) => ({
    firm: w.firm.slug,
    audience: 'staff',
    email: w.firm.owner.email,
    password: PASSWORD,
    transport: 'token',
  }),
  verifyMfa: async (w) => {
    const { codes } = await withFactor(w.firm.owner);
    const asked = await ok(
      nobody().POST('/v1/auth/login', {
        body: { firm: w.firm.slug, audience: 'staff', email: w.firm.owner.email, password: PASSWORD, transport: 'token' },
      }),
      200,
    );
    return { mfa_token: asked.mfa_token, code: codes[0], transport: 'token' };
  },
  confirmTotp: async (w) => {
    const { secret } = await ok(w.firm.owner.api.POST('/v1/auth/totp'), 201);
    return { code: await codeOf(secret) };
  },
  disableTotp: async (w) => ({ code: (await withFactor(w.firm.owner)).codes[0] }),
  regenerateRecoveryCodes: async (w) => ({ code: (await withFactor(w.firm.owner)).codes[0] }),
  refreshSession: async (w) => ({ refresh_token: (await signIn(w.firm.slug, 'staff', w.firm.owner.email)).refresh }),
  acceptInvitation: async (w) => {
    const contact = await newContact(w.firm.owner, w.client);
    const after = await sink.mark();
    await ok(enable(w.firm.owner, contact), 200);
    const [mail] = await sink.mails(contact.primary_email ?? '', { after });
    return { token: tokenOf(mail), password: PASSWORD, transport: 'token' };
  },
  requestMagicLink: async (w) => {
    await setSignIn(w.firm, 'both');
    return { firm: w.firm.slug, audience: 'portal', email: w.user.email };
  },
  requestPasswordReset: async (w) => ({ firm: w.firm.slug, audience: 'portal', email: w.user.email }),
  redeemMagicLink: async (w) => ({ token: (await askMail(w.firm, w.user, 'magic_links')).token, transport: 'token' }),
  redeemPasswordReset: async (w) => ({
    token: (await askMail(w.firm, w.user, 'password_resets')).token,
    new_password: PASSWORD,
  }),
  registerSelf: async (w) => ({ firm: w.firm.slug, name: 'X', email: address(), password: PASSWORD }),
  confirmRegistration: async (w) => {
    const email = address();
    await ok(register(w.firm, email), 202);
    return { token: confirmTokenOf((await sink.mails(email))[0]), password: PASSWORD };
  },
  changePassword: async () => ({ current_password: PASSWORD, new_password: 'eight dry herons walk home' }),
  createInvitation: async (w) => ({ contact_id: (await newContact(w.firm.owner, w.client)).id, send: 'later' }),
  createShares: async (w) => ({
    item_type: 'document',
    item_id: w.document.id,
    contact_ids: [w.user.contact.id],
    access: 'view',
    notify: false,
  }),
  updateShare: async () => ({ access: 'view_upload' }),
  updatePortalAccess: async () => ({ ends_at: '2090-01-01T00:00:00.000Z' }),
};
