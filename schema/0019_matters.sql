-- 0019_matters.sql - matters: what the firm does for a client, who may see it, and what belongs to it.

set role portico_owner;

-- restricted: of the staff, only its team and owners of the firm know of it.
create table matter (
	firm_id uuid not null,
	id uuid not null,
	client_id uuid not null,
	number text,
	name text not null,
	emails text[] not null default '{}',
	status text not null default 'open',
	restricted boolean not null default false,
	custom_fields jsonb not null default '{}',
	external_source text,
	external_id text,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint matter_pkey primary key (firm_id, id),
	constraint matter_of_client_key unique (firm_id, id, client_id),
	constraint matter_external_ref_key unique (firm_id, external_source, external_id),
	constraint matter_client_fk foreign key (firm_id, client_id) references client (firm_id, id),
	constraint matter_number_check check (number <> '' and length(number) <= 50),
	constraint matter_name_check check (name <> '' and length(name) <= 200),
	constraint matter_status_check check (status in ('open', 'closed')),
	constraint matter_custom_fields_check check (jsonb_typeof(custom_fields) = 'object'),
	constraint matter_external_ref_check check ((external_source is null) = (external_id is null))
);

create index matter_list_idx on matter (firm_id, created_at, id);
create index matter_client_idx on matter (firm_id, client_id, created_at, id);

create trigger matter_version before update on matter for each row execute function bump_version();

-- Who takes part. role client: a contact of the matter's client, with whom it can be shared; other: anybody, such as
-- the other side. Parted from the client, a contact is no client of its matters any more.
create table matter_contact (
	firm_id uuid not null,
	matter_id uuid not null,
	client_id uuid not null,
	contact_id uuid not null,
	role text not null,
	related_client_id uuid generated always as (case when role = 'client' then client_id end) stored,
	created_at timestamptz not null,
	constraint matter_contact_pkey primary key (firm_id, matter_id, contact_id),
	constraint matter_contact_role_key unique (firm_id, matter_id, contact_id, role),
	constraint matter_contact_matter_fk foreign key (firm_id, matter_id, client_id)
		references matter (firm_id, id, client_id) on delete cascade,
	constraint matter_contact_contact_fk foreign key (firm_id, contact_id)
		references contact (firm_id, id) on delete cascade,
	constraint matter_contact_client_fk foreign key (firm_id, related_client_id, contact_id)
		references client_contact (firm_id, client_id, contact_id) on delete cascade,
	constraint matter_contact_role_check check (role in ('client', 'other'))
);

create index matter_contact_contact_idx on matter_contact (firm_id, contact_id);
create index matter_contact_client_idx on matter_contact (firm_id, related_client_id, contact_id)
where related_client_id is not null;

create table matter_team (
	firm_id uuid not null,
	matter_id uuid not null,
	membership_id uuid not null,
	created_at timestamptz not null,
	constraint matter_team_pkey primary key (firm_id, matter_id, membership_id),
	constraint matter_team_matter_fk foreign key (firm_id, matter_id) references matter (firm_id, id) on delete cascade,
	constraint matter_team_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete cascade
);

create index matter_team_membership_idx on matter_team (firm_id, membership_id);

select table_of_firm('matter');
select table_of_firm('matter_contact');
select table_of_firm('matter_team');

-- --- What its answer shows of other rows --------------------------------------------------------

create function version_matter() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	in_firm uuid := case when tg_op = 'DELETE' then old.firm_id else new.firm_id end;
	changed uuid := case when tg_op = 'DELETE' then old.matter_id else new.matter_id end;
begin
	update matter x set version = x.version + 1 where x.firm_id = in_firm and x.id = changed;
	return null;
end
$$;

create trigger matter_contact_version after insert or delete or update of role on matter_contact
for each row execute function version_matter();
create trigger matter_team_version after insert or delete on matter_team
for each row execute function version_matter();

create function version_matter_shown() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	if tg_table_name = 'client' then
		update matter x set version = x.version + 1 where x.firm_id = new.firm_id and x.client_id = new.id;
	elsif tg_table_name = 'contact' then
		update matter x set version = x.version + 1
		from matter_contact mc
		where mc.firm_id = new.firm_id and mc.contact_id = new.id and x.firm_id = mc.firm_id and x.id = mc.matter_id;
	else
		update matter x set version = x.version + 1
		from matter_team t
		where t.firm_id = new.firm_id and t.membership_id = new.id and x.firm_id = t.firm_id and x.id = t.matter_id;
	end if;
	return null;
end
$$;

create trigger client_matters after update of emails on client
for each row when (old.emails is distinct from new.emails) execute function version_matter_shown();
create trigger contact_matters after update of display_name on contact
for each row when (old.display_name is distinct from new.display_name) execute function version_matter_shown();
create trigger membership_matters after update of display_name on membership
for each row when (old.display_name is distinct from new.display_name) execute function version_matter_shown();

-- --- What belongs to it ---------------------------------------------------------------------------

-- A folder at the top is given a matter; what lies in it belongs to the same one, kept by the triggers below.
alter table folder
	add column matter_id uuid,
	add constraint folder_matter_fk foreign key (firm_id, matter_id, client_id) references matter (firm_id, id, client_id);
alter table document
	add column matter_id uuid,
	add constraint document_matter_fk foreign key (firm_id, matter_id, client_id) references matter (firm_id, id, client_id);

create index folder_matter_idx on folder (firm_id, matter_id, created_at, id) where matter_id is not null;
create index document_matter_idx on document (firm_id, matter_id) where matter_id is not null;

-- Fires behind folder_place(); all changes of one client's tree wait for each other on the client's row.
create function folder_matter() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	if tg_op = 'UPDATE' and new.parent_id is not distinct from old.parent_id
		and new.matter_id is not distinct from old.matter_id then
		return new;
	end if;
	perform from client c where c.firm_id = new.firm_id and c.id = new.client_id for no key update;
	if new.parent_id is not null then
		new.matter_id := (
			select f.matter_id from folder f
			where f.firm_id = new.firm_id and f.id = new.parent_id and f.client_id = new.client_id
		);
	end if;
	return new;
end
$$;

create trigger folder_place_matter before insert or update of parent_id, matter_id on folder
for each row execute function folder_matter();

create function folder_matter_content() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update folder f set matter_id = new.matter_id where f.firm_id = new.firm_id and f.parent_id = new.id;
	update document d set matter_id = new.matter_id where d.firm_id = new.firm_id and d.folder_id = new.id;
	return null;
end
$$;

create trigger folder_matter_content after update on folder
for each row when (old.matter_id is distinct from new.matter_id) execute function folder_matter_content();

-- Whoever places a document holds its folder.
create function document_matter() returns trigger
language plpgsql
as $$
begin
	new.matter_id := (select f.matter_id from folder f where f.firm_id = new.firm_id and f.id = new.folder_id);
	return new;
end
$$;

create trigger document_matter before insert or update of folder_id on document
for each row execute function document_matter();

-- --- Sharing it -------------------------------------------------------------------------------------

-- With clients of it alone: the share ends when the contact is none any more.
alter table share
	add column matter_id uuid,
	add column matter_role text generated always as (case when matter_id is not null then 'client' end) stored,
	drop constraint share_item_check,
	add constraint share_item_check check (num_nonnulls(folder_id, document_id, matter_id) = 1),
	add constraint share_matter_key unique (firm_id, membership_id, matter_id),
	add constraint share_matter_fk foreign key (firm_id, matter_id, client_id)
		references matter (firm_id, id, client_id) on delete cascade,
	add constraint share_matter_contact_fk foreign key (firm_id, matter_id, contact_id, matter_role)
		references matter_contact (firm_id, matter_id, contact_id, role) on delete cascade;

create index share_matter_idx on share (firm_id, matter_id, client_id) where matter_id is not null;

drop trigger share_version on share;
create trigger share_version before update on share for each row execute function bump_version('matter_role');

-- --- Who sees it ------------------------------------------------------------------------------------

-- May this member of staff, or key, know of the matter? Null: there is none.
create function matter_open(firm uuid, matter uuid, caller uuid) returns boolean
language sql stable
as $$
	select not x.restricted
		or exists (
			select from matter_team t where t.firm_id = $1 and t.matter_id = $2 and t.membership_id = $3
		)
		or exists (
			select from membership m where m.firm_id = $1 and m.id = $3 and m.role = 'owner'
		)
	from matter x
	where x.firm_id = $1 and x.id = $2
$$;

-- The matters that are shared with one person of a portal; what belongs to them is in portal_items().
create function portal_matters(firm uuid, membership uuid)
returns table (matter_id uuid, client_id uuid, created_at timestamptz)
language sql stable
as $$
	select x.id, x.client_id, x.created_at
	from share s
	join matter x on x.firm_id = s.firm_id and x.id = s.matter_id
	join client c on c.firm_id = x.firm_id and c.id = x.client_id and c.status = 'active'
	where s.firm_id = $1 and s.membership_id = $2 and s.matter_id is not null
		and exists (
			select from membership m
			where m.firm_id = $1 and m.id = $2 and m.kind = 'portal' and m.state = 'active'
		)
$$;

-- THE visibility function: what one person of a portal sees, now. Everything that lists, counts, opens,
-- zips or searches for a portal user joins it. One row an item:
--   folder    folder_id, document_id null
--   document  document_id; folder_id is null where the person does not see the folder it lies in
-- access is the strongest over all shares that reach the item: its own, its folder's, its ancestors'.
-- Plain SQL without options, so that the planner inlines it and conditions on its columns become index
-- conditions. `= any(path)` and not `&&`: under row-level security only leakproof operators may be.
-- What is internal is nobody's, whatever is shared (pitfall P20). What belongs to a matter is seen where the matter is
-- shared too (S2-45): both flags, neither alone.
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
		and (f.matter_id is null or f.matter_id = any(array(
			select o.matter_id from share o
			where o.firm_id = $1 and o.membership_id = $2 and o.matter_id is not null
		)))
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
		and (f.matter_id is null or f.matter_id = any(array(
			select o.matter_id from share o
			where o.firm_id = $1 and o.membership_id = $2 and o.matter_id is not null
		)))
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
		and (d.matter_id is null or d.matter_id = any(array(
			select o.matter_id from share o
			where o.firm_id = $1 and o.membership_id = $2 and o.matter_id is not null
		)))
		and exists (
			select from membership m
			where m.firm_id = $1 and m.id = $2 and m.kind = 'portal' and m.state = 'active'
		)
$$;

-- --- Grants -----------------------------------------------------------------------------------------

grant select, insert, delete on matter, matter_contact, matter_team to portico_api;
grant update (number, name, emails, status, restricted, custom_fields, external_source, external_id, updated_at)
on matter to portico_api;
grant update (role) on matter_contact to portico_api;
grant update (matter_id) on folder to portico_api;
grant execute on function matter_open(uuid, uuid, uuid), portal_matters(uuid, uuid) to portico_api;

grant select (matter_id) on folder, document to portico_mailer;

reset role;
