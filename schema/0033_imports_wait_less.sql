-- 0033_imports_wait_less.sql - an import holds who was there before for its last moment alone.

set role portico_owner;

-- As in 0024. A transaction that relates many says that it will see to it itself, by contacts_related().
drop trigger client_contact_made on client_contact;
create trigger client_contact_made after insert on client_contact referencing new table as related
for each statement when (current_setting('portico.related_late', true) is distinct from 'on')
execute function version_related();

-- A foreign key's lock of a row (an import holds it of whom it relates, an upload of its client) keeps out whoever sets a
-- column of a unique key, also to what it was: so a PATCH. An index with a condition is none that a foreign key could name.
alter table client drop constraint client_code_key, drop constraint client_external_ref_key;
create unique index client_code_key on client (firm_id, code) where code is not null;
create unique index client_external_ref_key on client (firm_id, external_source, external_id)
	where external_source is not null;
alter table contact drop constraint contact_external_ref_key;
create unique index contact_external_ref_key on contact (firm_id, external_source, external_id)
	where external_source is not null;

-- The next contacts behind `after`, in the order of ids, which this transaction found there and has related to clients:
-- held, and a new version of each. `last`: how far that went, null where there were no more; `archived`: one of them was
-- archived meanwhile.
create function contacts_related(firm uuid, after uuid)
returns table (last uuid, archived boolean)
language sql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
with made as materialized (
	select distinct cc.contact_id as id
	from client_contact cc
	where cc.firm_id = contacts_related.firm and cc.firm_id = (select current_setting('portico.firm'))::uuid
		and cc.contact_id > coalesce(contacts_related.after, '00000000-0000-0000-0000-000000000000')
		and cc.xmin = pg_current_xact_id()::xid
	order by 1
	limit 2000
), held as materialized (
	select c.id, c.archived_at
	from made m
	join contact c on c.firm_id = contacts_related.firm and c.id = m.id and c.xmin <> pg_current_xact_id()::xid
	order by c.id
	for no key update of c
), raised as (
	update contact c set version = c.version + 1
	from held h
	where c.firm_id = contacts_related.firm and c.id = h.id
)
select (select m.id from made m order by m.id desc limit 1), exists (select from held h where h.archived_at is not null)
$$;

revoke all on function contacts_related(uuid, uuid) from public;
grant execute on function contacts_related(uuid, uuid) to portico_api;

reset role;
