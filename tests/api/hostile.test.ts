// hostile.test.ts - requests that somebody made up to do harm: the server goes on, and gives nothing away.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { ownAddress } from '../lib/wire.mjs';
import {
  address, all, disable, enable, key, newClient, newContact, newFirm, newFolder, newPortalUser, ok, PASSWORD, raw, refused, sink,
  stack, tokenOf, upload,
} from '../lib/kit.js';

const bytes = (...parts: (number | string)[]) =>
  Buffer.concat(
    parts.map((p) => (typeof p === 'string' ? Buffer.from(p.replaceAll('-', ''), 'hex') : Buffer.alloc(16, p))),
  );
const sessionToken = (firm: string | number, member: string | number, session: string | number) =>
  `cps_${bytes(firm, member, session, 7, 7).toString('base64url')}`;
const workers = () =>
  stack
    .family('api')
    .sort((a, b) => a - b)
    .join();

describe('tokens that nobody was given', () => {
  test('an id of zeros in a session token is no session, and ends no worker', async () => {
    const before = workers();
    for (const [firm, member, session] of [
      [1, 1, 0],
      [1, 0, 1],
      [0, 1, 1],
      [0, 0, 0],
    ] as const)
      for (const path of ['/v1/me', '/v1/clients', '/v1/auth/session', '/v1/portal/home']) {
        const got = await raw(path, { headers: { authorization: `Bearer ${sessionToken(firm, member, session)}` } });
        assert.equal(got.json.code, 'unauthenticated', got.body.toString());
      }
    assert.equal(
      (await raw('/v1/auth/logout', { method: 'POST', headers: { authorization: `Bearer ${sessionToken(1, 1, 0)}` } }))
        .status,
      401,
    );
    assert.equal(workers(), before);
  });

  test('the ids of a session of the firm without its secret are no session', async () => {
    const { owner } = await newFirm();
    const real = Buffer.from(owner.token.slice(4), 'base64url');
    const other = await newFirm();
    const foreign = Buffer.from(other.owner.token.slice(4), 'base64url');
    for (const [a, b] of [
      [16, 80],
      [0, 16],
      [0, 32],
      [32, 48],
      [48, 80],
      [0, 48],
    ] as const) {
      const mixed = Buffer.from(real);
      foreign.copy(mixed, a, a, b);
      const got = await raw('/v1/me', { headers: { authorization: `Bearer cps_${mixed.toString('base64url')}` } });
      assert.equal(got.json.code, 'unauthenticated', `bytes ${a} to ${b} of the other firm's`);
    }
    await ok(owner.api.GET('/v1/me'), 200);
  });

  test('a mailed token that claims no firm is none, and holds nothing back from others', async () => {
    for (let i = 0; i < 40; i++) {
      const got = await raw('/v1/invitations/preview', {
        method: 'POST',
        json: { token: Buffer.alloc(64, i % 2).toString('base64url') },
      });
      assert.equal(got.json.code, 'not_found', got.body.toString());
    }
    assert.equal((await raw('/readyz')).status, 200);
  });
});

test('who goes away in the middle of signing in takes no connection with him', async () => {
  const { owner, slug } = await newFirm();
  const json = JSON.stringify({
    firm: slug,
    audience: 'staff',
    email: address(),
    password: PASSWORD,
    transport: 'token',
  });
  const { hostname, port } = new URL(stack.url);
  for (let i = 0; i < 60; i++)
    await new Promise<void>((resolve, reject) => {
      const peer = net.connect({ host: hostname, port: Number(port), localAddress: `127.78.0.${i + 1}` }, () => {
        peer.write(
          `POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
        );
        setTimeout(() => peer.destroy(), (i % 12) / 2);
      });
      peer.on('close', () => resolve());
      peer.on('error', reject);
    });
  for (let i = 0; i < 10; i++) await ok(owner.api.GET('/v1/me'), 200);
});

describe('an answer that was not committed does not go out', () => {
  test('no bytes of a document without the entry in the audit log', async () => {
    const { owner } = await newFirm();
    const folder = await newFolder(owner, await newClient(owner));
    const document = await ok(upload(owner, folder, 'letter.txt', 'the bytes'), 201);
    await stack.sql('revoke insert on audit from portico_api');
    try {
      const got = await raw(`/v1/documents/${document.id}/content`, { as: owner });
      assert.equal(got.status, 500);
      assert.equal(got.json.code, 'internal_error');
    } finally {
      await stack.sql('grant insert on audit to portico_api');
    }
    assert.equal((await raw(`/v1/documents/${document.id}/content`, { as: owner })).body.toString(), 'the bytes');
  });

  test('no cookie of a session and no Location of an object that the commit lost', async () => {
    const { owner, slug } = await newFirm();
    await stack.sql(
      "create function fail_late() returns trigger language plpgsql as $$ begin raise exception using errcode = '40001'; end $$",
    );
    await stack.sql(
      "create constraint trigger fail_late after insert on session deferrable initially deferred for each row when (new.user_agent = 'late') execute function fail_late()",
    );
    await stack.sql(
      "create constraint trigger fail_late after insert on client deferrable initially deferred for each row when (new.name = 'late') execute function fail_late()",
    );
    try {
      const login = await raw('/v1/auth/login', {
        method: 'POST',
        headers: { 'user-agent': 'late' },
        json: { firm: slug, audience: 'staff', email: owner.email, password: PASSWORD, transport: 'cookie' },
      });
      const made = await raw('/v1/clients', { method: 'POST', as: owner, json: { entity: 'business', name: 'late' } });
      for (const got of [login, made]) {
        assert.equal(got.status, 503);
        assert.deepEqual(
          ['set-cookie', 'location', 'etag'].filter((name) => got.headers.has(name)),
          [],
        );
        assert.equal(got.headers.get('content-type'), 'application/problem+json');
      }
    } finally {
      await stack.sql('drop function fail_late() cascade');
    }
  });
});

describe('what staff took away stays away', () => {
  test('telling of a relation again brings no withdrawn share back', async () => {
    const firm = await newFirm();
    const { api } = firm.owner;
    const client = await newClient(firm.owner);
    const user = await newPortalUser(firm, client);
    const shown = async () => (await ok(user.api.GET('/v1/portal/folders'), 200)).data.length;
    const [given] = (await ok(api.GET('/v1/shares', { params: { query: { contact_id: user.contact.id } } }), 200)).data;
    assert.equal(await shown(), 1);
    await ok(api.DELETE('/v1/shares/{share_id}', { params: { path: { share_id: given?.id ?? '' } } }), 204);
    await ok(
      api.PUT('/v1/clients/{client_id}/contacts/{contact_id}', {
        params: { path: { client_id: client.id, contact_id: user.contact.id } },
        body: { role: 'Director', is_primary: true },
      }),
      204,
    );
    assert.equal(await shown(), 0);
  });

  test('an invitation for one more client shares its folder once, and withdrawn it stays withdrawn', async () => {
    const firm = await newFirm();
    const { api } = firm.owner;
    const contact = await newContact(firm.owner, await newClient(firm.owner));
    const more = await newClient(firm.owner);
    await ok(enable(firm.owner, contact, { send: 'later' }), 200);
    const invite = () =>
      ok(
        api.POST('/v1/invitations', {
          params: { header: { 'Idempotency-Key': key() } },
          body: { contact_id: contact.id, client_id: more.id, send: 'later' },
        }),
        201,
      );
    const shares = async () =>
      (await ok(api.GET('/v1/shares', { params: { query: { contact_id: contact.id, client_id: more.id } } }), 200))
        .data;
    await invite();
    const [given, ...others] = await shares();
    assert.deepEqual([given?.access, others.length], ['view_upload', 0]);
    await ok(api.DELETE('/v1/shares/{share_id}', { params: { path: { share_id: given?.id ?? '' } } }), 204);
    await invite();
    assert.deepEqual(await shares(), []);
  });
});

describe('what the database alone refuses is no fault of ours', () => {
  test('an invitation to an address as long as one may be', async () => {
    const { owner } = await newFirm();
    const client = await newClient(owner);
    const email = `${'l'.repeat(60)}@${`${'d'.repeat(60)}.`.repeat(3)}mail.test`;
    const made = await ok(
      owner.api.POST('/v1/invitations', {
        params: { header: { 'Idempotency-Key': key() } },
        body: { email, client_id: client.id, send: 'later' },
      }),
      201,
    );
    assert.equal(made.email, email);
  });

  test('access that ends in the middle of a sign-in or an upload', async () => {
    const firm = await newFirm();
    const client = await newClient(firm.owner);
    const ends = async (user: { contact: { id: string } }) => {
      const [row] = await stack.sql(
        'select m.id from membership m join contact c on c.id = m.contact_id where m.firm_id = $1 and c.display_name = $2',
        [firm.id, (user as any).contact.display_name],
      );
      const ended = stack.sql(`begin; delete from membership where id = '${row.id}'; select pg_sleep(1); commit`);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return ended;
    };
    const ann = await newPortalUser(firm, client);
    const gone = ends(ann);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const login = await raw('/v1/auth/login', {
      method: 'POST',
      json: { firm: firm.slug, audience: 'portal', email: ann.email, password: PASSWORD, transport: 'token' },
    });
    await gone;
    assert.equal(`${login.status} ${login.json.code}`, '401 invalid_credentials');

    const ben = await newPortalUser(firm, client);
    const gone2 = ends(ben);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const sent = await raw('/v1/portal/documents?name=late.txt', {
      method: 'POST',
      as: ben,
      headers: { 'idempotency-key': key(), 'content-type': 'text/plain' },
      body: 'late',
    });
    await gone2;
    assert.ok([401, 404, 409].includes(sent.status), sent.body.toString());
  });
});

test('a list of the largest objects there may be is told in shorter pages', async () => {
  const { owner } = await newFirm();
  const custom_fields = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`field${i}`, '\u{1F600}'.repeat(1000)]),
  );
  const made: string[] = [];
  for (let i = 0; i < 26; i++) made.push((await newClient(owner, { custom_fields })).id);
  const pages: number[] = [];
  const found = await all(async (cursor) => {
    const page = await ok(
      owner.api.GET('/v1/clients', { params: { query: { limit: 100, ...(cursor ? { cursor } : {}) } } }),
      200,
    );
    pages.push(page.data.length);
    return page;
  });
  assert.deepEqual(
    found.map((client) => client.id),
    made,
  );
  assert.ok(pages.length > 1, pages.join());
});

describe('a request that is made to be expensive is not', () => {
  /** Round trips to the database that the last request of the route took. */
  const trips = (route: string) => {
    const lines = stack
      .log('api', 20_000)
      .split('\n')
      .filter((line) => line.includes(`"route":"${route}"`));
    return JSON.parse(lines.at(-1) ?? '{}').db_trips as number;
  };

  test('nobody needs a large body before signing in', async () => {
    const got = await raw('/v1/auth/login', { method: 'POST', json: { numbers: Array(100_000).fill(1) } });
    assert.equal(`${got.status} ${got.json.code}`, '413 too_large');
  });

  test('thousands of faults are told as the first of them', async () => {
    const { owner } = await newFirm();
    const members = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`x${i}`, 1]));
    assert.equal((await raw('/v1/clients', { method: 'POST', as: owner, json: members })).json.errors.length, 64);
    const emails = await raw('/v1/clients', {
      method: 'POST',
      as: owner,
      json: {
        entity: 'business',
        name: 'X',
        emails: [Array.from({ length: 30_000 }, (_, i) => `a${i}@mail.test`).join(';')],
      },
    });
    assert.deepEqual(
      emails.json.errors.map((e: any) => e.code),
      ['too_long'],
    );
  });

  test('a stranger has no time zone looked up, and a known one is not looked up again', async () => {
    const setup = {
      setup_token: 'x',
      firm_name: 'X',
      owner_name: 'X',
      owner_email: 'x@mail.test',
      owner_password: 'weak',
      timezone: 'No/Where',
      currency: 'EUR',
    };
    assert.equal((await raw('/v1/setup', { method: 'POST', json: setup })).json.code, 'already_set_up');
    assert.ok(trips('/v1/setup') <= 2); // the question and the end
    const { owner } = await newFirm();
    await ok(owner.api.PATCH('/v1/me', { body: { timezone: 'Europe/Berlin' } }), 200);
    const once = trips('/v1/me');
    await ok(owner.api.PATCH('/v1/me', { body: { name: 'Olive' } }), 200);
    assert.equal(trips('/v1/me'), once - 1);
  });
});

test('a key that somebody of another firm is just using is free to everybody else', async () => {
  const [ours, theirs] = [await newFirm(), await newFirm()];
  const [client, other] = [await newClient(ours.owner), await newClient(theirs.owner)];
  const same = key();
  const make = (as: typeof ours.owner, client_id: string) =>
    raw('/v1/folders', {
      method: 'POST',
      as,
      headers: { 'idempotency-key': same },
      json: { client_id, name: 'Taxes' },
    });
  const [row] = await stack.sql('select id from client where firm_id = $1', [ours.id]);
  const held = stack.sql(`begin; select from client where id = '${row.id}' for update; select pg_sleep(1); commit`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const first = make(ours.owner, client.id);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal((await make(ours.owner, client.id)).json.code, 'idempotency_in_progress');
  assert.equal((await make(theirs.owner, other.id)).status, 201);
  await held;
  assert.equal((await first).status, 201);
});

test('a link that was passed on is no leave to guess the password of the address', async () => {
  const [one, two] = [await newFirm(), await newFirm()];
  const user = await newPortalUser(one, await newClient(one.owner));
  const contact = await newContact(two.owner, await newClient(two.owner), { primary_email: user.email });
  const after = await sink.mark();
  await ok(enable(two.owner, contact), 200);
  const token = tokenOf((await sink.mails(user.email, { after }))[0]);
  const accept = async (password: string, from: string) => {
    const got = await raw('/v1/invitations/accept', {
      method: 'POST',
      from,
      json: { token, password, transport: 'token' },
    });
    return `${got.status} ${got.json.code ?? ''}`.trim();
  };
  const place = ownAddress();
  for (let i = 0; i < 10; i++) assert.equal(await accept(`a wrong guess ${i}`, place), '401 invalid_credentials');
  assert.equal(await accept(PASSWORD, place), '429 too_many_attempts');
  assert.equal(await accept(PASSWORD, ownAddress()), '200');
  const [row] = await stack.sql(
    "select count(*)::int as n from audit where firm_id = $1 and action = 'invitation.accept' and outcome = 'failed'",
    [two.id],
  );
  assert.equal(row.n, 10);
});

/** Hold a contact's row while the calls begin, one after the other, then let them go on. */
async function queued<T>(
  firm: { id: string },
  contact: { display_name: string },
  ...calls: (() => Promise<T>)[]
): Promise<T[]> {
  const [row] = await stack.sql('select id from contact where firm_id = $1 and display_name = $2', [
    firm.id,
    contact.display_name,
  ]);
  const held = stack.sql(`begin; select from contact where id = '${row.id}' for update; select pg_sleep(1.5); commit`);
  const begun: Promise<T>[] = [];
  for (const call of calls) {
    await new Promise((resolve) => setTimeout(resolve, 400));
    begun.push(call());
  }
  await held;
  return Promise.all(begun);
}

describe('accepting and switching off at once', () => {
  const invited = async () => {
    const firm = await newFirm();
    const contact = await newContact(firm.owner, await newClient(firm.owner));
    const email = contact.primary_email ?? '';
    const after = await sink.mark();
    await ok(enable(firm.owner, contact), 200);
    const token = tokenOf((await sink.mails(email, { after }))[0]);
    const accept = async (): Promise<string> => {
      const got = await raw('/v1/invitations/accept', {
        method: 'POST',
        json: { token, password: PASSWORD, transport: 'token' },
      });
      return `${got.status} ${got.json.code ?? ''}`.trim();
    };
    const off = async () => `${(await disable(firm.owner, contact)).response.status}`;
    const password = async () =>
      (await stack.sql('select password_hash from identity where email_key = $1', [email]))[0]?.password_hash ?? null;
    return { firm, contact, email, accept, off, password };
  };

  test('accepted first, switched off then: no password outlives the access', async () => {
    const { firm, contact, accept, off, password } = await invited();
    assert.deepEqual(await queued(firm, contact, accept, off), ['200', '200']);
    assert.equal(await password(), null);
  });

  test('switched off first: the link is dead, and says so', async () => {
    const { firm, contact, accept, off, password } = await invited();
    assert.deepEqual(await queued(firm, contact, off, accept), ['200', '410 invitation_revoked']);
    assert.equal(await password(), null);
  });

  test('accepted first, another address then: who holds the old one is out', async () => {
    const { firm, contact, email, accept, password } = await invited();
    const other = address();
    await ok(
      firm.owner.api.PATCH('/v1/contacts/{contact_id}', {
        params: { path: { contact_id: contact.id } },
        body: { emails: [email, other] },
      }),
      200,
    );
    const again = async () =>
      `${(await enable(firm.owner, contact, { send: 'later', login_email: other })).response.status}`;
    assert.deepEqual(await queued(firm, contact, accept, again), ['200', '200']);
    assert.equal(await password(), null);
    const login = await raw('/v1/auth/login', {
      method: 'POST',
      json: { firm: firm.slug, audience: 'portal', email, password: PASSWORD, transport: 'token' },
    });
    assert.equal(login.json.code, 'invalid_credentials');
    const [row] = await stack.sql(
      'select count(*)::int as n from session s join membership m on m.firm_id = s.firm_id and m.id = s.membership_id where m.firm_id = $1 and m.kind = $2 and s.ended_at is null',
      [firm.id, 'portal'],
    );
    assert.equal(row.n, 0);
  });
});

test('signing out, and a primary address given with the access, are on record', async () => {
  const firm = await newFirm();
  const contact = await newContact(firm.owner, await newClient(firm.owner));
  const primary_email = address();
  for (let i = 0; i < 2; i++) await ok(enable(firm.owner, contact, { send: 'later', primary_email }), 200);
  const told = await stack.sql(
    "select e.type, e.changed_fields from event e join contact c on c.firm_id = e.firm_id and c.id = e.object_id where e.firm_id = $1 and c.display_name = $2 and e.type = 'contact.updated' and e.changed_fields <> '{clients}'",
    [firm.id, contact.display_name],
  );
  assert.deepEqual(
    told.map((e) => e.changed_fields.sort()),
    [['emails', 'primary_email']],
  );
  await ok(firm.owner.api.POST('/v1/auth/logout'), 204);
  const [row] = await stack.sql("select actor_name, outcome from audit where firm_id = $1 and action = 'auth.logout'", [
    firm.id,
  ]);
  assert.deepEqual([row?.actor_name, row?.outcome], ['Olive Owner', 'ok']);
});

test('a member who chose no time zone follows the firm, whatever else is changed', async () => {
  const firm = await newFirm();
  await ok(firm.owner.api.PATCH('/v1/me', { body: { name: 'Olive' } }), 200);
  await stack.sql("update firm set timezone = 'Europe/Paris' where id = $1", [firm.id]);
  assert.equal((await ok(firm.owner.api.GET('/v1/me'), 200)).timezone, 'Europe/Paris');
  await ok(firm.owner.api.PATCH('/v1/me', { body: { timezone: 'UTC' } }), 200);
  assert.equal((await ok(firm.owner.api.GET('/v1/me'), 200)).timezone, 'UTC');
});

test('a range that is none, or lies outside, is refused with the size, whatever the edge would say', async () => {
  const { owner } = await newFirm();
  const document = await ok(
    upload(owner, await newFolder(owner, await newClient(owner)), 'ten.txt', '0123456789'),
    201,
  );
  const ask = (range: string) => raw(`/v1/documents/${document.id}/content`, { as: owner, headers: { range } });
  const outside = [
    '10-',
    '-0',
    '5-4',
    '',
    '-',
    'x',
    '1',
    '0-x',
    '0-1,x',
    '12-,11-12',
    '99999999999999999999-',
    '-99999999999999999999',
    '0-18446744073709551615',
  ];
  for (const range of outside) {
    const got = await ask(`bytes=${range}`);
    assert.equal(`${got.status} ${got.headers.get('content-range')}`, '416 bytes */10', range);
    assert.equal(got.json.request_id, got.headers.get('x-request-id'));
  }
  for (const [range, body] of [
    ['bytes=0-0', '0'],
    ['bytes=-3', '789'],
    ['bytes=4-99', '456789'],
    ['BYTES=8-', '89'],
    ['lines=1-2', '0123456789'],
    ['bytes=0-1,4-5', '0123456789'],
  ] as const)
    assert.equal((await ask(range)).body.toString(), body, range);
});

test('a body where none is expected is read to its end', async () => {
  for (const at of ['/openapi.json', '/healthz', '/readyz'])
    for (const method of ['POST', 'PATCH']) {
      const got = await raw(at, { method, body: 'a body', headers: { 'content-type': 'application/octet-stream' } });
      assert.equal(`${got.status} ${got.json.code}`, '405 method_not_allowed');
    }
});

test('a Host that is too long is refused at the edge, under one request id', async () => {
  const got = await raw('/healthz', { headers: { host: 'x'.repeat(300) } });
  assert.equal(got.status, 400);
  assert.equal(got.json.request_id, got.headers.get('x-request-id'));
});

test('credentials of another kind are no fault of a call that needs none', async () => {
  const headers = { authorization: 'Basic b2xpdmU6eA==' };
  assert.equal((await raw('/v1/setup', { headers })).json.code, 'malformed_request');
  assert.equal((await raw('/v1/me', { headers })).json.code, 'unauthenticated');
});

test('an invitation: resent only as it was seen, and revoked only while nobody has come in by it', async () => {
  const firm = await newFirm();
  const client = await newClient(firm.owner);
  const contact = await newContact(firm.owner, client);
  const { invitation } = await ok(enable(firm.owner, contact, { send: 'later' }), 200);
  const resent = await raw(`/v1/invitations/${invitation?.id}/resend`, {
    method: 'POST',
    as: firm.owner,
    headers: { 'idempotency-key': key(), 'if-match': '"x"' },
  });
  assert.equal(`${resent.status} ${resent.json.code}`, '412 version_changed');
  const user = await newPortalUser(firm, client);
  const [used] = (
    await ok(firm.owner.api.GET('/v1/invitations', { params: { query: { contact_id: user.contact.id } } }), 200)
  ).data;
  const revoked = await raw(`/v1/invitations/${used?.id}`, { method: 'DELETE', as: firm.owner });
  assert.equal(`${revoked.status} ${revoked.json.code}`, '409 already_registered');
});

test('the access of a contact is read while the contact is archived: it is there or not, and no worker ends', async () => {
  const { owner } = await newFirm();
  const before = workers();
  for (let round = 0; round < 6; round++)
    await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const contact = await newContact(owner);
        const read = () => raw(`/v1/contacts/${contact.id}/portal_access`, { as: owner });
        const archive = () => raw(`/v1/contacts/${contact.id}`, { method: 'DELETE', as: owner });
        const got = await Promise.all([read(), read(), read(), archive(), read(), read(), read()]);
        for (const { status } of got) assert.ok([200, 204, 404].includes(status), `${status}`);
      }),
    );
  assert.equal(workers(), before);
});

test('an invitation for later after one was revoked, and a resend to nowhere', async () => {
  const { owner } = await newFirm();
  const contact = await newContact(owner, await newClient(owner));
  const invite = () =>
    ok(
      owner.api.POST('/v1/invitations', {
        params: { header: { 'Idempotency-Key': key() } },
        body: { contact_id: contact.id, send: 'later' },
      }),
      201,
    );
  const first = await invite();
  await ok(owner.api.DELETE('/v1/invitations/{invitation_id}', { params: { path: { invitation_id: first.id } } }), 204);
  const second = await invite();
  assert.notEqual(second.id, first.id);
  assert.deepEqual([second.status, second.email], ['not_sent', contact.primary_email]);
  assert.equal((await invite()).id, second.id);
  await ok(
    owner.api.PATCH('/v1/contacts/{contact_id}', {
      params: { path: { contact_id: contact.id } },
      body: { primary_email: null, emails: [] },
    }),
    200,
  );
  await refused(
    owner.api.POST('/v1/invitations/{invitation_id}/resend', {
      params: { path: { invitation_id: second.id }, header: { 'Idempotency-Key': key() } },
    }),
    422,
    'not_eligible',
    ['/primary_email primary_email_missing'],
  );
});

test('a change of oneself that meets the end of the access is a call without a session', async () => {
  const firm = await newFirm();
  const user = await newPortalUser(firm, await newClient(firm.owner));
  const [row] = await stack.sql('select m.id from membership m where m.firm_id = $1 and m.kind = $2', [
    firm.id,
    'portal',
  ]);
  const ended = stack.sql(`begin; delete from membership where id = '${row.id}'; select pg_sleep(1); commit`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const got = await raw('/v1/me', { method: 'PATCH', as: user, json: { name: 'Ann' } });
  await ended;
  assert.equal(`${got.status} ${got.json.code}`, '401 unauthenticated');
});
