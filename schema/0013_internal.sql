-- 0013_internal.sql - documents that stay inside the firm.

set role portico_owner;

-- internal: nobody sees it in the portal, whatever is shared or inherited. Shares of it wait until it is cleared.
alter table document add column internal boolean not null default false;

-- The portal's way into a folder tells what is internal without a look at the row.
drop index document_folder_idx;
create index document_folder_idx on document (firm_id, folder_id, created_at, id)
include (client_id, name, content_type, size, doc_version, uploaded_by_id, archived, internal, updated_at)
where trashed_at is null;

-- THE visibility function: what one person of a portal sees, now. Everything that lists, counts, opens,
-- zips or searches for a portal user joins it. One row an item:
--   folder    folder_id, document_id null
--   document  document_id; folder_id is null where the person does not see the folder it lies in
-- access is the strongest over all shares that reach the item: its own, its folder's, its ancestors'.
-- Plain SQL without options, so that the planner inlines it and conditions on its columns become index
-- conditions. `= any(path)` and not `&&`: under row-level security only leakproof operators may be.
-- What is internal is nobody's, whatever is shared (pitfall P20).
-- The last part looks at folders once per share: as `not exists` it was done for each document of the firm,
-- in seconds, while the tables had no statistics yet.
create or replace function portal_items(firm uuid, membership uuid)
returns table (
	item_kind text, folder_id uuid, document_id uuid, access text, client_id uuid, created_at timestamptz
)
language sql stable
as $$
	select 'folder', f.id, null::uuid, g.access, f.client_id, f.created_at
	from client c
	join folder f on f.firm_id = c.firm_id and f.client_id = c.id
	cross join lateral (
		select max(s.access) as access
		from share s
		where s.firm_id = f.firm_id and s.membership_id = $2 and s.client_id = f.client_id
			and s.folder_id = any(f.path)
	) g
	where c.firm_id = $1 and c.status = 'active' and f.removed_at is null and g.access is not null
		and c.id = any(array(
			select s.client_id from share s
			where s.firm_id = $1 and s.membership_id = $2 and s.folder_id is not null
		))
		and exists (
			select from membership m
			where m.firm_id = $1 and m.id = $2 and m.kind = 'portal' and m.state = 'active'
		)
	union all
	select 'document', f.id, d.id, g.access, d.client_id, d.created_at
	from client c
	join folder f on f.firm_id = c.firm_id and f.client_id = c.id
	cross join lateral (
		select max(s.access) as access
		from share s
		where s.firm_id = f.firm_id and s.membership_id = $2 and s.client_id = f.client_id
			and s.folder_id = any(f.path)
	) g
	join document d on d.firm_id = f.firm_id and d.folder_id = f.id
	where c.firm_id = $1 and d.firm_id = $1 and d.trashed_at is null and not d.internal
		and c.status = 'active' and f.removed_at is null
		and g.access is not null
		and c.id = any(array(
			select s.client_id from share s
			where s.firm_id = $1 and s.membership_id = $2 and s.folder_id is not null
		))
		and exists (
			select from membership m
			where m.firm_id = $1 and m.id = $2 and m.kind = 'portal' and m.state = 'active'
		)
	union all
	select 'document', null::uuid, d.id, s.access, d.client_id, d.created_at
	from share s
	join client c on c.firm_id = s.firm_id and c.id = s.client_id
	join document d on d.firm_id = s.firm_id and d.id = s.document_id
	cross join lateral (
		select max(o.access) as access
		from folder f
		join share o on o.firm_id = f.firm_id and o.membership_id = s.membership_id and o.client_id = f.client_id
			and o.folder_id = any(f.path)
		where f.firm_id = d.firm_id and f.id = d.folder_id
	) g
	where s.firm_id = $1 and s.membership_id = $2 and d.firm_id = $1 and d.trashed_at is null and not d.internal
		and c.status = 'active' and g.access is null
		and exists (
			select from membership m
			where m.firm_id = $1 and m.id = $2 and m.kind = 'portal' and m.state = 'active'
		)
$$;

grant update (internal) on document to portico_api;
grant select (internal) on document to portico_mailer;

reset role;
