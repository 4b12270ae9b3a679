// consumer.ts - a client as somebody else would write it: it must compile under the strictest settings, and what is wrong
// must not. It is never run; the compiler is the test.
import createClient from 'openapi-fetch';
import type { components, operations, paths } from 'openapi-types';

const api = createClient<paths>({ baseUrl: 'https://portal.example' });
type Client = components['schemas']['Client'];

export async function journey(token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}` };
  const { data: page, error } = await api.GET('/v1/clients', {
    headers,
    params: { query: { status: 'active', limit: 100 } },
  });
  if (error) return error.errors.map((e) => `${e.pointer}: ${e.message}`).join('; ') || error.detail;
  const codes: (string | null)[] = page.data.map((client) => client.code);
  const next: string | null = page.next_cursor;
  const first: Client | undefined = page.data[0];
  if (!first) return 'nobody';
  const city: string | null | undefined = first.address?.city;
  const note: string | null | undefined = first.custom_fields['note'];

  const made = await api.POST('/v1/clients', {
    headers: { ...headers, 'Idempotency-Key': 'made-once-01' },
    body: { entity: 'business', name: 'Acme Ltd' },
  });
  if (made.error) return made.error.code;
  const changed = await api.PATCH('/v1/clients/{client_id}', {
    headers,
    params: { path: { client_id: made.data.id }, header: { 'If-Match': made.response.headers.get('etag') ?? '' } },
    body: { phone: null },
  });
  if (changed.response.status === 412) return 'somebody was faster';

  const invited = await api.POST('/v1/invitations', {
    headers,
    params: { header: { 'Idempotency-Key': 'invited-once' } },
    body: { contact_id: 'con_x', send: 'now' },
  });
  const state: components['schemas']['Invitation']['status'] | undefined = invited.data?.status;
  const bytes = await api.GET('/v1/portal/documents/{document_id}/content', {
    headers,
    params: { path: { document_id: 'doc_x' } },
    parseAs: 'stream',
  });
  const upload = await api.POST('/v1/documents', {
    headers,
    params: { query: { folder_id: 'fol_x', name: 'a.pdf' } },
    body: new Uint8Array(3),
    bodySerializer: (body) => body as BodyInit,
  });
  const size: number | undefined = upload.data?.size;
  const home = await api.GET('/v1/portal/home', { headers });
  const open: number = home.data?.counts.documents ?? 0;

  // @ts-expect-error a call that is not there
  await api.GET('/v1/customers', {});
  // @ts-expect-error a method that is not there
  await api.PUT('/v1/clients', {});
  // @ts-expect-error a misspelt member
  await api.POST('/v1/clients', { body: { entity: 'business', nmae: 'Acme Ltd' } });
  // @ts-expect-error a required member is missing
  await api.POST('/v1/clients', { body: { name: 'Acme Ltd' } });
  // @ts-expect-error a value that is not one of the enum
  await api.POST('/v1/contacts', { body: { entity: 'robot', display_name: 'R2' } });
  // @ts-expect-error the key is required here
  await api.POST('/v1/invitations', { body: { send: 'now' } });
  // @ts-expect-error send has no default
  await api.PUT('/v1/contacts/{contact_id}/portal_access', { params: { path: { contact_id: 'con_x' } }, body: {} });
  // @ts-expect-error a path parameter is missing
  await api.GET('/v1/clients/{client_id}', {});
  // @ts-expect-error a filter that is not there
  await api.GET('/v1/clients', { params: { query: { sort: 'name' } } });
  // @ts-expect-error null is not nothing: the code may be null
  const code: string = first.code;
  // @ts-expect-error an optional member is left out, never undefined
  const half: components['schemas']['LoginIn'] = {
    firm: undefined,
    audience: 'staff',
    email: 'a@b.test',
    password: 'x',
    transport: 'token',
  };
  // @ts-expect-error every status of an answer is known
  const never: operations['getClient']['responses'][418] = undefined;
  return [codes, next, city, note, state, bytes.response.status, size, open, code, half, never].join();
}
