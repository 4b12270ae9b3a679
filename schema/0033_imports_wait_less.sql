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

-- As in 0018, and a key is asked like a person: has it ended, has it lost what the import needs? So is the right to invite.
create or replace function import_take(now timestamptz)
returns table (firm_id uuid, import_id uuid, may boolean, attempts integer)
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
	next record;
begin
	for next in
		select w.firm_id, w.id
		from (
			select distinct on (i.firm_id) i.firm_id, i.id, i.created_at
			from import i
			where i.status in ('validating', 'running')
			order by i.firm_id, i.created_at, i.id
		) w
		order by w.created_at, w.id
	loop
		continue when not pg_try_advisory_lock(1886352246, hashtext(next.firm_id::text));
		return query
			update import i
			set attempts = i.attempts + 1, updated_at = import_take.now
			where i.firm_id = next.firm_id and i.id = next.id and i.status in ('validating', 'running')
			returning i.firm_id, i.id, exists (
				select from membership m
				left join api_key k on k.firm_id = m.firm_id and k.id = m.id
				where m.firm_id = i.firm_id and m.id = i.actor_id and m.state = 'active'
					and (m.kind <> 'key' or k.revoked_at is null and coalesce(k.expires_at > import_take.now, true))
					and case when i.send_invitations = 'none' then array['imports:write']
						else array['imports:write', 'portal_access:write'] end
						<@ case when m.kind = 'key' then k.scopes else array(
							select p.permission from role_permission p where p.role = m.role) end
			), i.attempts;
		exit when found;
		perform pg_advisory_unlock(1886352246, hashtext(next.firm_id::text));
	end loop;
end
$$;

reset role;
