// matrix.test.ts - P4: every operation × every kind of caller × whose ids, generated from the contract (which is the route
// table): who may not call is told so, who may finds what is not his own exactly as what nobody has, and nothing changes.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { contract, type Operation } from '../lib/recorder.mjs';
import { fit, idsOf, make, newWorld, STRANGE, type World } from '../lib/world.js';
import { eventually, newClient, newColleague, newPortalUser, stack, type Person } from '../lib/kit.js';

interface Caller {
  kind: 'staff' | 'portal';
  as: Person | undefined; // nobody has no credential
  firm: 'ours' | 'theirs';
  neighbour?: boolean; // a portal user of another client: nothing there is shared with him
}

const worlds = {} as { ours: World; theirs: World };
const callers: Record<string, Caller> = {};
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

before(async () => {
  worlds.ours = await newWorld('ours');
  worlds.theirs = await newWorld('theirs');
  const { firm } = worlds.ours;
  const neighbour = await newPortalUser(firm, await newClient(firm.owner));
  callers['nobody'] = { kind: 'staff', as: undefined, firm: 'ours' };
  callers['owner'] = { kind: 'staff', as: firm.owner, firm: 'ours' };
  callers['admin'] = { kind: 'staff', as: await newColleague(firm, 'admin'), firm: 'ours' };
  callers['member'] = { kind: 'staff', as: await newColleague(firm, 'member'), firm: 'ours' };
  callers['portal user'] = { kind: 'portal', as: worlds.ours.user, firm: 'ours' };
  callers['portal user of another client'] = { kind: 'portal', as: neighbour, firm: 'ours', neighbour: true };
  callers['owner of the other firm'] = { kind: 'staff', as: worlds.theirs.firm.owner, firm: 'theirs' };
  callers['portal user of the other firm'] = { kind: 'portal', as: worlds.theirs.user, firm: 'theirs' };
  await eventually(async () => {
    const [row] = await stack.sql(
      "select count(*)::int as n from envelope where firm_id = any($1::uuid[]) and state = 'queued' and due_at <= now()",
      [[worlds.ours.firm.id, worlds.theirs.firm.id]],
    );
    assert.equal(row.n, 0, 'mails wait');
  });
  before_ = await state();
});

const ids = (whose: 'ours' | 'theirs' | 'nobody') =>
  whose === 'nobody' ? STRANGE : idsOf(whose === 'ours' ? worlds.ours : worlds.theirs);

/** What the caller is told before anything is looked at: status and code; undefined: he may. */
function refusal(op: Operation, caller: Caller): string | undefined {
  if (!caller.as) return '401 unauthenticated';
  if (!op.spec['x-callers'].includes(caller.kind)) return '403 permission_denied';
  const right: string | undefined = op.spec['x-permission'];
  if (right && !caller.as.session.permissions.includes(right)) return '403 permission_denied';
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
        for (const whose of ['ours', 'theirs', 'nobody'] as const)
          await cell(op, caller, whose).catch((error) => {
            throw new Error(`${name}, ids: ${whose}: ${error.message}`);
          });
    });
});

test('P4 after all of that no row of either firm has changed', async () => {
  assert.equal(await state(), before_);
});

after(() => console.log(`# ${cells} cells of the tenant matrix`));
