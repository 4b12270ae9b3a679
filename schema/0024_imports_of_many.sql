-- 0024_imports_of_many.sql - what a file of 100,000 rows asks of the tables that it fills.

set role portico_owner;

-- Rows are judged after they were read, some twice: the page that holds one has room for what becomes of it.
alter table import_row set (fillfactor = 50);

-- Also what hangs on the contacts: counts of them are asked for as soon as the import is done, and a planner that knows
-- nothing of the new rows joins each with each.
create or replace function import_analyze() returns void
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	analyze (skip_locked) public.import_row, public.client, public.contact, public.client_contact, public.membership,
		public.invitation, public.envelope;
end
$$;

-- Whose address is this? Entries come at once, because each search would read those that wait. Archived contacts are
-- nobody's any more.
create index contact_email_idx on contact using gin (email_keys) with (fastupdate = off) where archived_at is null;

-- The firm's contacts with one of these addresses, one row a contact and address. The operator on arrays is not
-- leakproof, so behind row-level security no index would serve.
create function contacts_by_email(firm uuid, keys text[])
returns table (key text, id uuid, created_at timestamptz, display_name text)
language sql
stable
rows 2000
security definer
set search_path = pg_catalog, public, pg_temp
as $$
select u.key, c.id, c.created_at, c.display_name
from unnest(contacts_by_email.keys) u (key)
join contact c on c.email_keys @> array[u.key] and c.archived_at is null
where c.firm_id = contacts_by_email.firm and c.firm_id = (select current_setting('portico.firm'))::uuid
$$;

revoke all on function contacts_by_email(uuid, text[]) from public;
grant execute on function contacts_by_email(uuid, text[]) to portico_api;

-- A contact's answer shows its clients: as in 0005, but once a statement.
create function version_related() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update contact c set version = c.version + 1
	from (select distinct r.firm_id, r.contact_id from related r) r
	where c.firm_id = r.firm_id and c.id = r.contact_id;
	return null;
end
$$;

drop trigger client_contact_version on client_contact;
create trigger client_contact_made after insert on client_contact referencing new table as related
for each statement execute function version_related();
create trigger client_contact_gone after delete on client_contact referencing old table as related
for each statement execute function version_related();

reset role;
