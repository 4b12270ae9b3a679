// matrix.test.ts - P4: every operation × every kind of caller × whose ids, generated from the contract (which is the route
// table): who may not call is told so, who may finds what is not his own exactly as what nobody has, and nothing changes.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract, type Operation } from '../lib/recorder.mjs';
import { fit, idsOf, make, newWorld, STRANGE, type World } from '../lib/world.js';
import {
  eventually, newClient, newColleague, newKey, newPortalUser, ok, signIn, stack, type Caller as Credential, type Firm, type Key,
  type Person,
} from '../lib/kit.js';

interface Caller {
  kind: 'staff' | 'portal' | 'key';
  as: Credential | undefined; // nobody has none
  may: string[]; // permissions, or the scopes of a key
  firm: 'ours' | 'theirs';
  neighbour?: boolean; // a portal user of another client: nothing there is shared with him
  gone?: boolean; // the credential was good once
}

const worlds = {} as { ours: World; theirs: World };
let callers: Record<string, Caller>;
let before_: string;
let cells = 0;

/** All rows of both firms, but for what a refused call or a look may leave: its trace, and when somebody was last seen. */
async function state(): Promise<string> {
  const tables = await stack.sql(
    "select table_name as name from information_schema.columns where column_name = 'firm_id' and table_schema = 'public' order by 1",
  );
  const firms = [worlds.ours.firm.id, worlds.theirs.firm.id];
  const all = [];
  for (const { name } of tables.filter((t) => !['audit', 'sequencer', 'sign_in_attempt'].includes(t.name)))
    all.push([
      name,
      await stack.sql(
        `select count(*)::int as n, md5(coalesce(string_agg(r, ' ' order by r), '')) as rows from (
          select (to_jsonb(t) - '{last_seen_at,last_used_at,sequence,published_at}'::text[])::text as r
          from ${name} t where t.firm_id = any($1::uuid[])) x`,
        [firms],
      ),
    ]);
  return JSON.stringify(all, null, 1);
}

const person = (as: Person, over: Partial<Caller> = {}): Caller => ({
  kind: as.session.audience,
  as,
  may: as.session.permissions,
  firm: 'ours',
  ...over,
});
const program = (as: Key, over: Partial<Caller> = {}): Caller => ({
  kind: 'key',
  as,
  may: as.made.scopes,
  firm: 'ours',
  ...over,
});

/** Credentials of the firm that were good once: a key that was revoked, somebody suspended, a session that was ended. */
async function goneIn(firm: Firm): Promise<Record<string, Caller>> {
  const key = await newKey(firm.owner);
  await ok(firm.owner.api.DELETE('/v1/api_keys/{api_key_id}', { params: { path: { api_key_id: key.made.id } } }), 204);
  const user = await newPortalUser(firm, await newClient(firm.owner));
  const contact_id = user.contact.id;
  await ok(firm.owner.api.POST('/v1/contacts/{contact_id}/portal_access/suspend', { params: { path: { contact_id } } }));
  const signedOut = await signIn(firm.slug, 'staff', firm.owner.email);
  await ok(signedOut.api.POST('/v1/auth/logout'), 204);
  return {
    'revoked key': program(key, { gone: true }),
    'suspended portal user': person(user, { gone: true }),
    'owner who has signed out': person(signedOut, { gone: true }),
  };
}

async function callersIn(ours: World, theirs: World): Promise<Record<string, Caller>> {
  const { firm } = ours;
  return {
    nobody: { kind: 'staff', as: undefined, may: [], firm: 'ours' },
    owner: person(firm.owner),
    admin: person(await newColleague(firm, 'admin')),
    member: person(await newColleague(firm, 'member')),
    'portal user': person(ours.user),
    'portal user of another client': person(await newPortalUser(firm, await newClient(firm.owner)), { neighbour: true }),
    'key with all scopes': program(ours.key),
    'key with one scope': program(await newKey(firm.owner, ['imports:write'])),
    'owner of the other firm': person(theirs.firm.owner, { firm: 'theirs' }),
    'portal user of the other firm': person(theirs.user, { firm: 'theirs' }),
    'key of the other firm': program(theirs.key, { firm: 'theirs' }),
    ...(await goneIn(firm)),
  };
}

before(async () => {
  worlds.ours = await newWorld('ours');
  worlds.theirs = await newWorld('theirs');
  callers = await callersIn(worlds.ours, worlds.theirs);
  await eventually(async () => {
    const [row] = await stack.sql(
      "select count(*)::int as n from envelope where firm_id = any($1::uuid[]) and state = 'queued' and due_at <= now()",
      [[worlds.ours.firm.id, worlds.theirs.firm.id]],
    );
    assert.equal(row.n, 0, 'mails wait');
    const [file] = await stack.sql("select count(*)::int as n from blob where firm_id = any($1::uuid[]) and state = 'doomed'", [
      [worlds.ours.firm.id, worlds.theirs.firm.id],
    ]);
    assert.equal(file.n, 0, 'imported files are still to be removed');
  });
  before_ = await state();
});

const ids = (whose: 'ours' | 'theirs' | 'nobody') =>
  whose === 'nobody' ? STRANGE : idsOf(whose === 'ours' ? worlds.ours : worlds.theirs);

/** What the caller is told before anything is looked at: status and code; undefined: he may. */
function refusal(op: Operation, caller: Caller): string | undefined {
  if (!caller.as || caller.gone) return '401 unauthenticated';
  if (!op.spec['x-callers'].includes(caller.kind)) return '403 permission_denied';
  const right: string | undefined = op.spec['x-permission'];
  if (right && !caller.may.includes(right)) return caller.kind === 'key' ? '403 insufficient_scope' : '403 permission_denied';
  return undefined;
}

const say = (got: { status: number; json: any }) => `${got.status} ${got.json?.code ?? ''}`.trim();
const anonymous = (got: { status: number; body: Buffer; json: any }) =>
  JSON.stringify({ status: got.status, ...(got.json ? { ...got.json, request_id: '' } : { size: got.body.length }) });

async function cell(op: Operation, caller: Caller, whose: 'ours' | 'theirs' | 'nobody') {
  const call = fit(op, ids(whose));
  const refused = refusal(op, caller);
  const own = whose === caller.firm && !caller.neighbour;
  const names = (text: string) => Object.values(ids(whose)).some((id) => text.includes(id));
  const foreign = !own && names(call.path + (call.body ?? ''));
  if (!refused && !foreign && op.method !== 'GET' && op.method !== 'HEAD') return; // it would work, and other tests see that
  cells++;
  const got = await make(op, call, caller.as);
  const head = op.method === 'HEAD';
  if (refused) assert.equal(say(got), head ? refused.slice(0, 3) : refused);
  else if (foreign) {
    if (op.path.includes('{')) assert.equal(say(got), head ? '404' : '404 not_found');
    else assert.ok(got.status >= 400 && got.status < 500, say(got));
    const lost = await make(op, { ...call, path: fit(op, STRANGE).path, body: fit(op, STRANGE).body }, caller.as);
    assert.equal(anonymous(got), anonymous(lost), 'not the answer for what nobody has');
  } else assert.ok(got.status < 400 || got.status === 404, say(got));
  const other = caller.firm === 'ours' ? worlds.theirs : worlds.ours;
  assert.ok(!got.body.toString().includes(other.canary), 'a word of the other firm');
}

describe('rule 15: P4 the tenant matrix', () => {
  const open = ['public', 'test', 'operator'];
  for (const op of contract.operations.filter((o) => !o.spec['x-callers'].some((c: string) => open.includes(c))))
    test(op.id, async () => {
      for (const [name, caller] of Object.entries(callers))
        for (const whose of caller.gone ? (['ours'] as const) : (['ours', 'theirs', 'nobody'] as const))
          await cell(op, caller, whose).catch((error) => {
            throw new Error(`${name}, ids: ${whose}: ${error.message}`);
          });
    });
});

test('P4 after all of that no row of either firm has changed', async () => {
  assert.equal(await state(), before_);
});

after(() => console.log(`# ${cells} cells of the tenant matrix`));
