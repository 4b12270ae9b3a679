-- 0027_sign_up_links.sql - links by which several people may register for one folder or matter, so many and until then.

set role portico_owner;

-- Model C6. The token of its address is derived from id and nonce, never stored. A link goes with its item.
create table sign_up_link (
	firm_id uuid not null,
	id uuid not null,
	client_id uuid not null,
	folder_id uuid,
	matter_id uuid,
	access text not null,
	max_uses integer not null,
	uses integer not null default 0,
	expires_at timestamptz not null,
	revoked_at timestamptz,
	nonce bytea not null,
	created_by_type text not null,
	created_by_id uuid not null,
	created_by_name text not null,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint sign_up_link_pkey primary key (firm_id, id),
	constraint sign_up_link_client_fk foreign key (firm_id, client_id) references client (firm_id, id),
	constraint sign_up_link_folder_fk foreign key (firm_id, folder_id, client_id)
		references folder (firm_id, id, client_id) on delete cascade,
	constraint sign_up_link_matter_fk foreign key (firm_id, matter_id, client_id)
		references matter (firm_id, id, client_id) on delete cascade,
	constraint sign_up_link_item_check check (num_nonnulls(folder_id, matter_id) = 1),
	constraint sign_up_link_access_check check (access in ('view', 'view_upload')),
	constraint sign_up_link_upload_on_folder_check check (access = 'view' or folder_id is not null),
	constraint sign_up_link_uses_check check (uses between 0 and max_uses and max_uses between 1 and 1000),
	constraint sign_up_link_nonce_check check (length(nonce) = 16)
);

select table_of_firm('sign_up_link');

create index sign_up_link_list_idx on sign_up_link (firm_id, created_at, id);
create index sign_up_link_client_idx on sign_up_link (firm_id, client_id, created_at, id);
create index sign_up_link_folder_idx on sign_up_link (firm_id, folder_id, client_id) where folder_id is not null;
create index sign_up_link_matter_idx on sign_up_link (firm_id, matter_id, client_id) where matter_id is not null;

create trigger sign_up_link_version before update on sign_up_link
for each row execute function bump_version('nonce');

grant select, insert, delete on sign_up_link to portico_api;
grant update (uses, revoked_at, updated_at) on sign_up_link to portico_api;

-- by_link stays when the link goes: where nobody may register otherwise, such a request is not confirmed any more.
-- Whoever locks more than one of them begins with the item, then comes the link, then the registration.
alter table registration
	add column sign_up_link_id uuid,
	add column by_link boolean not null default false,
	add constraint registration_sign_up_link_fk foreign key (firm_id, sign_up_link_id)
		references sign_up_link (firm_id, id) on delete set null (sign_up_link_id);

create index registration_sign_up_link_idx on registration (firm_id, sign_up_link_id) where sign_up_link_id is not null;

-- A folder with trashed documents in it keeps its row.
create function end_links_of_folder() returns trigger
language plpgsql
as $$
begin
	delete from sign_up_link l where l.firm_id = new.firm_id and l.folder_id = new.id;
	return null;
end
$$;

create trigger folder_sign_up_links after update of removed_at on folder
for each row when (old.removed_at is null and new.removed_at is not null) execute function end_links_of_folder();

create function end_links_of_client() returns trigger
language plpgsql
as $$
begin
	update sign_up_link l set revoked_at = new.updated_at, updated_at = new.updated_at
	where l.firm_id = new.firm_id and l.client_id = new.id and l.revoked_at is null;
	return null;
end
$$;

create trigger client_sign_up_links after update of status on client
for each row when (old.status <> 'archived' and new.status = 'archived') execute function end_links_of_client();

-- As in 0025, and a link belongs to the matter that it is for, or that its folder belongs to.
create or replace function object_matter(firm uuid, kind text, object uuid) returns uuid
language sql stable
as $$
	select case $2
		when 'matter' then $3
		when 'folder' then (select f.matter_id from folder f where f.firm_id = $1 and f.id = $3)
		when 'document' then (select d.matter_id from document d where d.firm_id = $1 and d.id = $3)
		when 'share' then (
			select coalesce(s.matter_id, f.matter_id, d.matter_id)
			from share s
			left join folder f on f.firm_id = s.firm_id and f.id = s.folder_id
			left join document d on d.firm_id = s.firm_id and d.id = s.document_id
			where s.firm_id = $1 and s.id = $3
		)
		when 'sign_up_link' then (
			select coalesce(l.matter_id, f.matter_id)
			from sign_up_link l
			left join folder f on f.firm_id = l.firm_id and f.id = l.folder_id
			where l.firm_id = $1 and l.id = $3
		)
		when 'email' then (
			select x.id
			from envelope e
			join matter x on x.firm_id = e.firm_id and x.id = any(e.matter_ids)
			where e.firm_id = $1 and e.id = $3
			order by x.restricted desc, x.id
			limit 1
		)
	end
$$;

reset role;
