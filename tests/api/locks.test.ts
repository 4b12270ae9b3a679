// locks.test.ts - calls that meet: none waits in a circle, and none keeps a right that another has just taken.
//
// The other call is a session of the test, which does what that call does with the rows and stands still in between.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  acceptAs, address, askMail, codeOf, disable, enable, eventually, inviteStaff, isAwaited, login, newClient, newColleague, newContact, newFirm,
  newFolder, newKey, newLink, newMatter, newOffice, newPending, newPortalUser, nobody, ok, openDoor, register, rolesOf, share, signIn, sink,
  stack, tokenOf, unique, uuidOf, withFactor, type Firm, type Person, type Schema,
} from '../lib/kit.js';

let firm: Firm;
let staff: Person;
let client: Schema['Client'];
before(async () => {
  ({ firm, staff, client } = await newOffice('locks'));
  await openDoor(firm);
});

type Replied = { data?: unknown; error?: unknown; response: Response };

/** A call, and the other: what that has done when the call begins, and what it does while the call waits for it. */
interface Meeting {
  call: () => Promise<Replied>;
  done: string;
  next?: string;
  ids: string[];
}

/** What the call answers: its status, and the code of a problem or the state of a sign-in. $1, $2 … in the statements are the ids. */
async function meet({ call, done, next, ids }: Meeting): Promise<string> {
  const other = await stack.session();
  const run = (sql: string) => other.query(sql.replace(/\$(\d)/g, (_, n) => `'${uuidOf(ids[Number(n) - 1] ?? '')}'`));
  try {
    await run(`begin; set local lock_timeout = '500ms'; ${done}`);
    let answered = false;
    const reply = call().finally(() => (answered = true));
    await eventually(async () => assert.ok(answered || (await isAwaited(other)), 'the call neither waits nor answers'));
    if (next) await run(next);
    await run('commit');
    const got = await reply;
    const { code, state } = (got.error ?? got.data ?? {}) as { code?: string; state?: string };
    return [got.response.status, code ?? state].join(' ').trim();
  } finally {
    await other.end();
  }
}

const idOf = (person: Person) => person.session.principal.id;
/** Two of the same, the one with the smaller id first. */
async function two<T extends { id: string }>(make: () => Promise<T>): Promise<[T, T]> {
  const [one, other] = [await make(), await make()];
  return one.id < other.id ? [one, other] : [other, one];
}
const hold = (table: string, id: string) => `select from ${table} where id = ${id} for no key update`;
const dismissed = "update membership set state = 'suspended', identity_id = null, updated_at = updated_at where id = $1";

/** Somebody of the staff, of a contact or of a registration ($1), and what belongs to whoever signs in. */
const whose = (column: string) =>
  `in (select m.${column} from membership m left join registration r on r.membership_id = m.id where $1 in (m.id, m.contact_id, r.id))`;
const PERSON = { membership: 'id', identity: 'id', identity_totp: 'identity_id', session: 'membership_id' };
const person = (table: keyof typeof PERSON) =>
  `select from ${table} where ${PERSON[table]} ${whose(table.startsWith('identity') ? 'identity_id' : 'id')} for no key update`;

const inPortal = async () => {
  const emails = [address(), address()];
  return newPortalUser(firm, client, { primary_email: emails[0] ?? '', emails });
};

/** A contact who is the client's and on a matter of it: $1 and $2. */
const partOf = (call: (path: { client_id: string; contact_id: string }) => Promise<Replied>, done: string, next: string) => ({
  is: '204',
  of: async () => {
    const contact = await newContact(staff, client);
    await newContact(staff, client);
    const matter = await newMatter(staff, client, [contact]);
    return { call: () => call({ client_id: client.id, contact_id: contact.id }), done, next, ids: [contact.id, matter.id] };
  },
});

/** Another password ends the sessions behind the identity. */
const whoChangesThePassword = (how: string, is: string, make: () => Promise<string>, call: (id: string) => Promise<Replied>) => ({
  [`whoever changes the password ${how}`]: {
    is,
    of: async () => {
      const id = await make();
      return { call: () => call(id), done: person('identity'), next: person('session'), ids: [id] };
    },
  },
});
const inAccess = async () => (await inPortal()).contact.id;

/** Somebody with a sign-in of another firm, invited here; and what accepts it with the password. */
const comingFromElsewhere = async () => {
  const elsewhere = await newFirm('elsewhere');
  const known = await newPortalUser(elsewhere, await newClient(elsewhere.owner));
  const contact = await newContact(staff, client, { primary_email: known.email });
  const after = await sink.mark();
  await ok(enable(staff, contact), 200);
  const [mail] = await sink.mails(known.email, { after });
  return { contact, call: () => acceptAs(tokenOf(mail)) };
};

/** A mailed link, or the code beside it, and what redeems it. */
const withMail = async (by: 'link' | 'code') => {
  const user = await inPortal();
  const { token, code } = await askMail(firm, user, 'magic_links');
  const body = by === 'link' ? { token } : { firm: firm.slug, email: user.email, code };
  return { user, call: () => nobody().POST('/v1/auth/magic_links/redeem', { body: { ...body, transport: 'token' } }) };
};

const MEETINGS: Record<string, { is: string; of: () => Promise<Meeting> }> = {
  'assigned to a matter by one and dismissed by another at once': {
    is: '409 staff_deactivated',
    of: async () => {
      const [leaver, matter] = [await newColleague(firm), await newMatter(staff, client, [], { restricted: true })];
      const path = { matter_id: matter.id, staff_id: idOf(leaver) };
      return {
        call: () => staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', { params: { path } }),
        done: dismissed,
        next: hold('matter', '$2'),
        ids: [idOf(leaver), matter.id],
      };
    },
  },
  'assigned to a client': {
    is: '409 staff_deactivated',
    of: async () => {
      const [leaver, other] = [await newColleague(firm), await newClient(staff)];
      const path = { client_id: other.id, staff_id: idOf(leaver) };
      return {
        call: () => staff.api.PUT('/v1/clients/{client_id}/team/{staff_id}', { params: { path } }),
        done: dismissed,
        next: hold('client', '$2'),
        ids: [idOf(leaver), other.id],
      };
    },
  },
  'restricting a matter': {
    is: '401 unauthenticated',
    of: async () => {
      const [leaver, matter] = [await newColleague(firm, 'admin'), await newMatter(staff, client)];
      return {
        call: () => leaver.api.PATCH('/v1/matters/{matter_id}', { params: { path: { matter_id: matter.id } }, body: { restricted: true } }),
        done: dismissed,
        next: hold('matter', '$2'),
        ids: [idOf(leaver), matter.id],
      };
    },
  },
  'beginning a restricted matter': {
    is: '401 unauthenticated',
    of: async () => {
      const leaver = await newColleague(firm, 'admin');
      return {
        call: () => leaver.api.POST('/v1/matters', { body: { client_id: client.id, name: 'Quiet', restricted: true } }),
        done: dismissed,
        ids: [idOf(leaver)],
      };
    },
  },
  'a contact off its client by one and off a matter by another at once': partOf(
    (path) => staff.api.DELETE('/v1/clients/{client_id}/contacts/{contact_id}', { params: { path } }),
    hold('matter', '$2'),
    'delete from matter_contact where matter_id = $2',
  ),
  'a contact off its client by one and renamed by another': partOf(
    (path) => staff.api.DELETE('/v1/clients/{client_id}/contacts/{contact_id}', { params: { path } }),
    hold('contact', '$1'),
    hold('matter', '$2'),
  ),
  'a contact archived by one and off a matter by another': partOf(
    (path) => staff.api.DELETE('/v1/contacts/{contact_id}', { params: { path } }),
    hold('matter', '$2'),
    'delete from matter_contact where matter_id = $2',
  ),
  'asked for once more by a link, which goes with its folder': {
    is: '202',
    of: async () => {
      const { link, token } = await newLink(staff, { folder_id: (await newFolder(staff, client)).id });
      const ask = { sign_up_token: token };
      const email = address();
      await ok(register(firm, email, ask), 202);
      return {
        call: () => register(firm, email, ask),
        done: 'select from sign_up_link where id = $1 for update',
        next: 'select from registration where sign_up_link_id = $1 for no key update',
        ids: [link.id],
      };
    },
  },
  ...Object.fromEntries(
    [true, false].map((chosen) => [
      `a contact ${chosen ? 'chosen' : 'known by the address'}, verified by a matter's link by one and renamed by another`,
      {
        is: '200',
        of: async () => {
          const contact = await newContact(staff, client);
          const matter = await newMatter(staff, client, [contact]);
          const sign_up_token = (await newLink(staff, { matter_id: matter.id })).token;
          const pending = await newPending(firm, { sign_up_token, ...(chosen ? {} : { email: contact.primary_email ?? '' }) });
          const params = { path: { registration_id: pending.id } };
          return {
            call: () => staff.api.POST('/v1/registrations/{registration_id}/verify', { params, body: chosen ? { contact_id: contact.id } : {} }),
            done: hold('contact', '$1'),
            next: hold('matter', '$2'),
            ids: [contact.id, matter.id],
          };
        },
      },
    ]),
  ),
  'verified as who has the address, which another is given at once': {
    is: '503 unavailable',
    of: async () => {
      const [contact, other] = [await newContact(staff, client), await newContact(staff, client)];
      const pending = await newPending(firm, { email: contact.primary_email ?? '' });
      const params = { path: { registration_id: pending.id } };
      const give = (id: string, emails: string) => `update contact set emails = ${emails}, email_keys = ${emails}, primary_email = (${emails})[1] where id = ${id}`;
      return {
        call: () => staff.api.POST('/v1/registrations/{registration_id}/verify', { params, body: {} }),
        done: `${give('$1', "'{}'::text[]")}; ${give('$2', `'{${contact.primary_email}}'::text[]`)}`,
        ids: [contact.id, other.id],
      };
    },
  },
  'an invitation accepted while its address is given a sign-in elsewhere': {
    is: '503 unavailable',
    of: async () => {
      const { staff: invited, token } = await inviteStaff(staff, (await rolesOf(firm)).member);
      return {
        call: () => acceptAs(token),
        done: `insert into identity (id, email_key, email, created_at, updated_at)
          values (gen_random_uuid(), '${invited.email}', '${invited.email}', now(), now())`,
        ids: [],
      };
    },
  },
  'two dismissed by two who hand the same matters over': {
    is: '204',
    of: async () => {
      const [leaver, heir] = [await newColleague(firm), await newColleague(firm)];
      const [low, high] = await two(() => newMatter(staff, client));
      for (const { id } of [high, low])
        await ok(staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', { params: { path: { matter_id: id, staff_id: idOf(leaver) } } }));
      const params = { path: { staff_id: idOf(leaver) }, query: { handover_to: idOf(heir) } };
      return {
        call: () => staff.api.DELETE('/v1/staff/{staff_id}', { params }),
        done: hold('matter', '$1'),
        next: hold('matter', '$2'),
        ids: [low.id, high.id],
      };
    },
  },
  'taken off a client by one and dismissed by another': {
    is: '204',
    of: async () => {
      const staff_id = idOf(await newColleague(firm));
      const params = { path: { client_id: (await newClient(staff)).id, staff_id } };
      await ok(staff.api.PUT('/v1/clients/{client_id}/team/{staff_id}', { params }));
      return {
        call: () => staff.api.DELETE('/v1/clients/{client_id}/team/{staff_id}', { params }),
        done: hold('client', '$1'),
        next: 'select from client_team where membership_id = $2 for update',
        ids: [params.path.client_id, staff_id],
      };
    },
  },
  'renamed by themselves, on the teams of a client and of a matter': {
    is: '200',
    of: async () => {
      const [mate, other] = [await newColleague(firm), await newClient(staff)];
      const { id } = await newMatter(staff, other);
      await ok(staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', { params: { path: { matter_id: id, staff_id: idOf(mate) } } }));
      await ok(staff.api.PUT('/v1/clients/{client_id}/team/{staff_id}', { params: { path: { client_id: other.id, staff_id: idOf(mate) } } }));
      return {
        call: () => mate.api.PATCH('/v1/me', { body: { name: unique('Mate') } }),
        done: hold('client', '$1'),
        next: hold('matter', '$2'),
        ids: [other.id, id],
      };
    },
  },
  'renamed by themselves and signed out by another': {
    is: '200',
    of: async () => {
      const mate = await newColleague(firm);
      await stack.sql("update session set last_seen_at = last_seen_at - interval '2 minutes' where membership_id = $1", [uuidOf(idOf(mate))]);
      return {
        call: () => mate.api.PATCH('/v1/me', { body: { name: unique('Mate') } }),
        done: person('membership'),
        next: person('session'),
        ids: [idOf(mate)],
      };
    },
  },
  'a client renamed by a key, and the key revoked': {
    is: '200',
    of: async () => {
      const [key, { id }] = [await newKey(staff), await newClient(staff)];
      return {
        call: () => key.api.PATCH('/v1/clients/{client_id}', { params: { path: { client_id: id } }, body: { name: unique('Client') } }),
        done: hold('client', '$1'),
        next: hold('api_key', '$2'),
        ids: [id, key.made.id],
      };
    },
  },
  'a client made with a code that is just being taken, by an import say': {
    is: '409 code_taken',
    of: async () => {
      const code = unique('C');
      return {
        call: () => staff.api.POST('/v1/clients', { body: { entity: 'business', name: 'Twice Ltd', code } }),
        done: `insert into client (firm_id, id, entity, code, name, custom_fields, created_at, updated_at)
          values ('${firm.id}', gen_random_uuid(), 'business', '${code}', 'Once Ltd', '{}', now(), now())`,
        ids: [],
      };
    },
  },
  'an import that gives a client contacts, and who changes them': {
    is: '204',
    of: async () => {
      const other = await newClient(staff);
      const ids = (await Promise.all(Array.from({ length: 8 }, () => newContact(staff)))).map(({ id }) => id).sort();
      const rows = ids.map((id) => `('${firm.id}'::uuid, '${uuidOf(other.id)}'::uuid, '${uuidOf(id)}'::uuid, now())`);
      // The smallest lies last in the table, in whose order an import of many reads it.
      await stack.sql('update contact set phone = $2 where id = $1', [uuidOf(ids[0] ?? ''), '1']);
      return {
        call: async () => {
          await stack.sql(`set enable_sort = off; set enable_indexscan = off; set enable_bitmapscan = off; insert into client_contact (firm_id, client_id, contact_id, created_at) values ${rows}`);
          return { response: new Response(null, { status: 204 }) };
        },
        done: hold('contact', '$1'),
        next: 'select from contact where id in ($2, $3, $4, $5, $6, $7, $8) for no key update',
        ids,
      };
    },
  },
  // What one person sees of several folders, and the folders in one another: both end several shares.
  ...Object.fromEntries(
    (
      [
        ['switched off', '200', (contact_id) => disable(staff, { id: contact_id })],
        ['taken off the client', '204', (contact_id) =>
          staff.api.DELETE('/v1/clients/{client_id}/contacts/{contact_id}', { params: { path: { client_id: client.id, contact_id } } })],
        ['shown folders that are deleted', '204', (_, folder_id) =>
          staff.api.DELETE('/v1/folders/{folder_id}', { params: { path: { folder_id }, query: { recursive: true } } })],
      ] as [string, string, (contact: string, folder: string) => Promise<Replied>][]
    ).map(([how, is, call]) => [
      `several shares of whoever is ${how}`,
      {
        is,
        of: async () => {
          const { contact } = await inPortal();
          const folder = await newFolder(staff, client);
          const below = await newFolder(staff, client, { parent_id: folder.id });
          const shared = async (item: { id: string }) => (await ok(share(staff, 'folder', item, [contact]), 201)).data[0]?.id ?? '';
          const ids = [await shared(below), await shared(folder)];
          // The smaller one lies behind the other in the table.
          await stack.sql('update share set untold = untold where id = $1', [uuidOf(ids[0] ?? '')]);
          const one = (id: string) => `select from share where id = ${id} for update`;
          return { call: () => call(contact.id, folder.id), done: one('$1'), next: one('$2'), ids };
        },
      },
    ]),
  ),
  ...whoChangesThePassword('is switched off', '200', inAccess, (id) => disable(staff, { id })),
  ...whoChangesThePassword('is given another address', '200', inAccess, async (contact_id) => {
    const { emails } = await ok(staff.api.GET('/v1/contacts/{contact_id}', { params: { path: { contact_id } } }));
    return enable(staff, { id: contact_id }, { send: 'later', login_email: emails[1] ?? '' });
  }),
  ...whoChangesThePassword('is dismissed', '204', async () => idOf(await newColleague(firm)), (staff_id) =>
    staff.api.DELETE('/v1/staff/{staff_id}', { params: { path: { staff_id } } }),
  ),
  ...whoChangesThePassword('is turned away', '204', async () => (await newPending(firm)).id, (registration_id) =>
    staff.api.DELETE('/v1/registrations/{registration_id}', { params: { path: { registration_id } } }),
  ),
  'signed in while the second factor is switched on': {
    is: '200 mfa_required',
    of: async () => {
      const user = await inPortal();
      return {
        call: () => login(firm, user.email),
        done: person('identity'),
        next: `insert into identity_totp (identity_id, secret, started_at, confirmed_at)
          select id, '1', now(), now() from identity where id ${whose('identity_id')}`,
        ids: [user.contact.id],
      };
    },
  },
  'the second factor used by whoever is switched off': {
    is: '200 signed_in',
    of: async () => {
      const user = await inPortal();
      const { codes } = await withFactor(user);
      const { mfa_token } = await ok(login(firm, user.email), 200);
      const body = { mfa_token: mfa_token ?? '', code: codes[0] ?? '', transport: 'token' as const };
      return {
        call: () => nobody().POST('/v1/auth/mfa', { body }),
        done: person('membership'),
        next: person('identity_totp'),
        ids: [user.contact.id],
      };
    },
  },
  'the second factor switched on by whoever is switched off': {
    is: '200',
    of: async () => {
      const user = await inPortal();
      const { secret } = await ok(user.api.POST('/v1/auth/totp'), 201);
      const code = await codeOf(secret);
      await signIn(firm.slug, 'portal', user.email);
      return {
        call: () => user.api.POST('/v1/auth/totp/confirm', { body: { code } }),
        done: `${person('identity')}; ${person('session')}`,
        next: person('identity_totp'),
        ids: [user.contact.id],
      };
    },
  },
  'the second factor switched off by whoever is switched off': {
    is: '204',
    of: async () => {
      const user = await inPortal();
      const { codes } = await withFactor(user);
      return {
        call: () => user.api.POST('/v1/auth/totp/disable', { body: { code: codes[0] ?? '' } }),
        done: `${person('identity')}; ${person('session')}`,
        next: person('identity_totp'),
        ids: [user.contact.id],
      };
    },
  },
  'the second factor given of before, while another is set up': {
    is: '401 invalid_code',
    of: async () => {
      const user = await inPortal();
      const { secret } = await withFactor(user);
      const { mfa_token } = await ok(login(firm, user.email), 200);
      const body = { mfa_token: mfa_token ?? '', code: await codeOf(secret, 1), transport: 'token' as const };
      return {
        call: () => nobody().POST('/v1/auth/mfa', { body }),
        done: person('membership'),
        next: `update identity_totp set secret = 'another', started_at = started_at + interval '1 second', last_step = 0
          where identity_id ${whose('identity_id')}`,
        ids: [user.contact.id],
      };
    },
  },
  'accepted with a password that is changed meanwhile': {
    is: '401 invalid_credentials',
    of: async () => {
      const { contact, call } = await comingFromElsewhere();
      return {
        call,
        done: hold('contact', '$1'),
        next: `update identity i set password_hash = 'another' from contact c where c.id = $1 and i.email_key = c.email_keys[1]`,
        ids: [contact.id],
      };
    },
  },
  ...Object.fromEntries(
    ([['link', '410 token_expired'], ['code', '401 invalid_code']] as const).map(([by, is]) => [
      `signed in by a mailed ${by} while the password is changed`,
      {
        is,
        of: async () => {
          const { user, call } = await withMail(by);
          return {
            call,
            done: person('identity'),
            next: `update mailed_token set state = 'revoked' where membership_id ${whose('id')} and state = 'open'`,
            ids: [user.contact.id],
          };
        },
      },
    ]),
  ),
};

for (const [name, { is, of }] of Object.entries(MEETINGS)) test(name, async () => assert.equal(await meet(await of()), is));
