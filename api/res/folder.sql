-- part: folder_shown
f.id, f.client_id, f.parent_id, f.matter_id, f.name, f.is_default_upload, f.created_at, f.updated_at, f.version
from folder f

-- part: folder_open
-- What belongs to a matter that the caller may not know of is not there.
	and (f.matter_id is null or matter_open(f.firm_id, f.matter_id, :me::uuid))

-- part: folder_rest
{{folder_open}}
	and (f.created_at, f.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:client_id::uuid is null or f.client_id = :client_id)
order by f.created_at, f.id
limit :limit::bigint

-- name: folder_list
select {{folder_shown}}
where f.firm_id = :firm::uuid and f.removed_at is null
{{folder_rest}}

-- name: folder_list_of_client
select {{folder_shown}}
where f.firm_id = :firm::uuid and f.client_id = :client_id::uuid and f.removed_at is null
{{folder_rest}}

-- name: folder_list_of_parent
select {{folder_shown}}
where f.firm_id = :firm::uuid and f.parent_id = :parent_id::uuid and f.removed_at is null
{{folder_rest}}

-- name: folder_get
select {{folder_shown}}
where f.firm_id = :firm::uuid and f.id = :folder_id::uuid and f.removed_at is null
{{folder_open}}

-- name: folder_lock
-- All changes of one client's tree wait for each other on the client's row, as folder_place() has it.
select c.id
from folder f
join client c on c.firm_id = f.firm_id and c.id = f.client_id
where f.firm_id = :firm::uuid and f.id = :folder_id::uuid and f.removed_at is null
{{folder_open}}
for no key update of c

-- name: folder_lock_client
select c.id from client c where c.firm_id = :firm::uuid and c.id = :client_id::uuid for no key update

-- name: folder_matter
-- A matter of the client that the caller may know of.
select x.id from matter x
where x.firm_id = :firm::uuid and x.id = :matter::uuid and x.client_id = :client::uuid
	and matter_open(x.firm_id, x.id, :me::uuid)

-- name: folder_insert
-- No row: the folder above is not there, or is another client's.
insert into folder (firm_id, id, client_id, parent_id, matter_id, name, name_key, created_at, updated_at)
select :firm::uuid, :id::uuid, :client_id::uuid, :parent_id::uuid, :matter_id::uuid, :name::text, :name_key::text,
	:now::timestamptz, :now
where :parent_id is null
	or exists (
		select from folder p
		where p.firm_id = :firm and p.id = :parent_id and p.client_id = :client_id and p.removed_at is null
			and (p.matter_id is null or matter_open(p.firm_id, p.matter_id, :me::uuid))
	)
returning id

-- name: folder_update
update folder f
set parent_id = :parent_id::uuid, matter_id = :matter_id::uuid, name = :name::text, name_key = :name_key::text, updated_at = :now::timestamptz
where f.firm_id = :firm::uuid and f.id = :folder_id::uuid
	and (
		:parent_id::uuid is null
		or exists (
			select from folder p
			where p.firm_id = :firm and p.id = :parent_id and p.client_id = f.client_id and p.removed_at is null
				and (p.matter_id is null or matter_open(p.firm_id, p.matter_id, :me::uuid))
		)
	)
returning f.id

-- name: folder_lock_tree
-- Uploads that are under way end first, and later ones find the folder gone.
select f.id
from folder f
where f.firm_id = :firm::uuid and f.client_id = :client::uuid and :folder_id::uuid = any(f.path)
order by f.id
for no key update

-- name: folder_below
-- The folder with all folders below it, and whether anything that is not trash is in them.
select f.id,
	f.id <> :folder_id::uuid
	or exists (
		select from document d where d.firm_id = f.firm_id and d.folder_id = f.id and d.trashed_at is null
	) as kept
from folder f
where f.firm_id = :firm::uuid and f.client_id = :client::uuid and :folder_id = any(f.path)
order by cardinality(f.path) desc, f.created_at, f.id

-- name: folder_trash_documents
update document d set trashed_at = :now::timestamptz, updated_at = :now
where d.firm_id = :firm::uuid and d.folder_id in (select jsonb_array_elements_text(:folders::jsonb)::uuid)
	and d.trashed_at is null
returning d.id

-- name: folder_unshare
-- In order: what one person sees of several folders may end at once from the other side.
with held as (
	select s.id from share s
	where s.firm_id = :firm::uuid and s.folder_id in (select jsonb_array_elements_text(:folders::jsonb)::uuid)
	order by s.id
	for update
)
delete from share s using held h where s.firm_id = :firm and s.id = h.id

-- name: folder_hide
-- Trashed documents keep the row of the folder that they lay in.
update folder f set removed_at = :now::timestamptz, parent_id = null, is_default_upload = false, updated_at = :now
where f.firm_id = :firm::uuid and f.id in (select jsonb_array_elements_text(:folders::jsonb)::uuid)
	and exists (select from document d where d.firm_id = f.firm_id and d.folder_id = f.id)

-- name: folder_delete
delete from folder f
where f.firm_id = :firm::uuid and f.id in (select jsonb_array_elements_text(:folders::jsonb)::uuid)
	and f.removed_at is null
