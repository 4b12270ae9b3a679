// contact.test.ts - contacts, and what their portal access forbids.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  address, disable, enable, link, newClient, newContact, newOffice, ok, refused, took, unique, type Person,
} from '../lib/kit.js';

let staff: Person;
before(async () => void ({ staff } = await newOffice('contact')));

const read = (id: string) => staff.api.GET('/v1/contacts/{contact_id}', { params: { path: { contact_id: id } } });
const patch = (id: string, body: object) =>
  staff.api.PATCH('/v1/contacts/{contact_id}', { params: { path: { contact_id: id } }, body });
const remove = (id: string) => staff.api.DELETE('/v1/contacts/{contact_id}', { params: { path: { contact_id: id } } });
const find = (query: object) =>
  ok(staff.api.GET('/v1/contacts', { params: { query } }), 200).then((p) => p.data.map((c) => c.id));

test('create answers 201 with Location, and every member', async () => {
  const email = address();
  const made = await took(
    staff.api.POST('/v1/contacts', {
      body: {
        entity: 'individual',
        first_name: 'Ann',
        last_name: 'Archer',
        display_name: 'Ann Archer',
        primary_email: email,
        emails: ['other@mail.test'],
        external_ref: { source: 'ledger', id: unique() },
      },
    }),
    201,
  );
  assert.equal(made.headers.get('location'), `/v1/contacts/${made.data.id}`);
  assert.deepEqual(made.data.emails, [email, 'other@mail.test']);
  assert.equal(made.data.portal_status, 'off');
  assert.deepEqual(made.data.clients, []);
  assert.deepEqual((await took(read(made.data.id), 200)).data, made.data);
});

test('the first of the addresses is the primary one when none is named', async () => {
  const contact = await ok(
    staff.api.POST('/v1/contacts', {
      body: { entity: 'individual', display_name: 'A', emails: ['a@mail.test; b@mail.test'] },
    }),
    201,
  );
  assert.equal(contact.primary_email, 'a@mail.test');
});

test('found by any address whatever its case, by client and by portal status', async () => {
  const client = await newClient(staff);
  const contact = await newContact(staff, client, { emails: ['Second.Address@mail.test'] });
  assert.deepEqual(await find({ email: 'second.address@MAIL.test' }), [contact.id]);
  assert.deepEqual(await find({ client_id: client.id }), [contact.id]);
  assert.deepEqual(await find({ client_id: client.id, portal_status: 'off' }), [contact.id]);
  await ok(enable(staff, contact, { send: 'later' }), 200);
  assert.deepEqual(await find({ client_id: client.id, portal_status: 'not_sent' }), [contact.id]);
  assert.deepEqual(await find({ client_id: client.id, portal_status: 'off' }), []);
  assert.deepEqual(await find({ client_id: 'cli_00000000000000000000000001' }), []);
});

test('external_ref is unique among contacts', async () => {
  const external_ref = { source: 'ledger', id: unique() };
  const one = await newContact(staff, undefined, { external_ref });
  const problem = await refused(
    staff.api.POST('/v1/contacts', { body: { entity: 'individual', display_name: 'Twin', external_ref } }),
    409,
    'external_ref_exists',
  );
  assert.equal(problem.existing_id, one.id);
  await refused(patch((await newContact(staff)).id, { external_ref }), 409, 'external_ref_exists');
});

test('while access is on the entity stays and the contact cannot be deleted', async () => {
  const client = await newClient(staff, { entity: 'individual' });
  const contact = await newContact(staff, client);
  await ok(enable(staff, contact, { send: 'later' }), 200);
  await refused(patch(contact.id, { entity: 'business' }), 409, 'portal_access_on');
  await refused(remove(contact.id), 409, 'portal_access_on');
  await ok(disable(staff, contact), 200);
  await ok(patch(contact.id, { entity: 'business' }), 200);
  await ok(remove(contact.id), 204);
  await refused(remove(contact.id), 404, 'not_found');
  await refused(read(contact.id), 404, 'not_found');
  assert.deepEqual(await find({ client_id: client.id }), []);
});

test('the last individual contact of a business client cannot be deleted', async () => {
  const client = await newClient(staff, { entity: 'business' });
  const ann = await newContact(staff, client);
  await refused(remove(ann.id), 409, 'last_individual_contact');
  const ben = await newContact(staff);
  await link(staff, client, ben);
  await ok(remove(ann.id), 204);
});

test('the ETag of a contact tells of its clients and its portal status too', async () => {
  const contact = await newContact(staff);
  const one = await took(read(contact.id), 200);
  const client = await newClient(staff);
  await link(staff, client, contact);
  const two = await took(read(contact.id), 200);
  assert.notEqual(two.etag, one.etag);
  await ok(enable(staff, contact, { send: 'later' }), 200);
  const three = await took(read(contact.id), 200);
  assert.equal(three.data.portal_status, 'not_sent');
  assert.notEqual(three.etag, two.etag);
  await ok(
    staff.api.PATCH('/v1/clients/{client_id}', {
      params: { path: { client_id: client.id } },
      body: { name: 'Renamed' },
    }),
    200,
  );
  const four = await took(read(contact.id), 200);
  assert.equal(four.data.clients[0]?.name, 'Renamed');
  assert.notEqual(four.etag, three.etag);
});

test('several faults at once, each with its place', async () => {
  const problem = await refused(
    staff.api.POST('/v1/contacts', {
      body: { entity: 'robot', display_name: '', primary_email: 'not an address', phone: 7, surprise: true } as never,
    }),
    422,
    'validation_failed',
  );
  assert.deepEqual(problem.errors.map((e) => e.pointer).sort(), [
    '/display_name',
    '/entity',
    '/phone',
    '/primary_email',
    '/surprise',
  ]);
});
