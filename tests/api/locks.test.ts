// locks.test.ts - calls that meet: none waits in a circle, and none keeps a right that another has just taken.
//
// The other call is a session of the test, which does what that call does with the rows and stands still in between.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { eventually, newClient, newColleague, newMatter, newOffice, stack, uuidOf, type Firm, type Person, type Schema } from '../lib/kit.js';

let firm: Firm;
let staff: Person;
let client: Schema['Client'];
before(async () => {
  ({ firm, staff, client } = await newOffice('locks'));
});

type Replied = { error?: unknown; response: Response };

/** A call, and the other: what that has done when the call begins, and what it does while the call waits for it. */
interface Meeting {
  call: () => Promise<Replied>;
  done: string;
  next?: string;
  ids: string[];
}

/** What the call answers: its status, and the code of a problem. $1, $2 … in the statements are the ids. */
async function meet({ call, done, next, ids }: Meeting): Promise<string> {
  const other = await stack.session();
  const run = (sql: string) => other.query(sql.replace(/\$(\d)/g, (_, n) => `'${uuidOf(ids[Number(n) - 1] ?? '')}'`));
  try {
    await run(`begin; set local lock_timeout = '500ms'; ${done}`);
    let answered = false;
    const reply = call().finally(() => (answered = true));
    await eventually(async () => {
      const { rows } = await run('select from pg_stat_activity where pg_backend_pid() = any(pg_blocking_pids(pid))');
      assert.ok(answered || rows.length > 0, 'the call neither waits nor answers');
    });
    if (next) await run(next);
    await run('commit');
    const got = await reply;
    return [got.response.status, (got.error as Schema['Problem'] | undefined)?.code].join(' ').trim();
  } finally {
    await other.end();
  }
}

const idOf = (person: Person) => person.session.principal.id;
const dismissed = "update membership set state = 'suspended', identity_id = null, updated_at = updated_at where id = $1";

const MEETINGS: Record<string, { is: string; of: () => Promise<Meeting> }> = {
  'assigned to a matter by one and dismissed by another at once': {
    is: '409 staff_deactivated',
    of: async () => {
      const [leaver, matter] = [await newColleague(firm), await newMatter(staff, client, [], { restricted: true })];
      const path = { matter_id: matter.id, staff_id: idOf(leaver) };
      return {
        call: () => staff.api.PUT('/v1/matters/{matter_id}/team/{staff_id}', { params: { path } }),
        done: dismissed,
        next: 'select from matter where id = $2 for no key update',
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
        next: 'select from client where id = $2 for no key update',
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
        next: 'select from matter where id = $2 for no key update',
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
};

for (const [name, { is, of }] of Object.entries(MEETINGS)) test(name, async () => assert.equal(await meet(await of()), is));
