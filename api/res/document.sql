-- part: document_shown
d.id, d.client_id, d.folder_id, d.matter_id, d.name, d.content_type, d.size, encode(d.sha256, 'hex') as sha256,
	d.doc_version as version, d.scan,
	jsonb_build_object('type', case d.uploaded_by_kind when 'portal' then 'contact' when 'key' then 'api_key' else 'staff' end,
		'id', d.uploaded_by_id, 'name', d.uploaded_by_name) as uploaded_by,
	null::uuid as request_item_id, d.archived, d.internal, d.custom_fields, d.trashed_at, d.created_at, d.updated_at,
	d.version as row_version
from document d

-- part: document_open
-- What belongs to a matter that the caller may not know of is not there.
	and (d.matter_id is null or matter_open(d.firm_id, d.matter_id, :me::uuid))

-- part: document_rest
-- The filters that no statement of its own stands for, and the page.
{{document_open}}
	and (d.created_at, d.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:client_id::uuid is null or d.client_id = :client_id)
	and (:archived::boolean is null or d.archived = :archived)
	and (:updated_since::timestamptz is null or d.updated_at >= :updated_since)
order by d.created_at, d.id
limit :limit::bigint

-- name: document_list
select {{document_shown}}
where d.firm_id = :firm::uuid and d.trashed_at is null
{{document_rest}}

-- name: document_list_of_client
select {{document_shown}}
where d.firm_id = :firm::uuid and d.client_id = :client_id::uuid and d.trashed_at is null
{{document_rest}}

-- name: document_list_of_folder
select {{document_shown}}
where d.firm_id = :firm::uuid and d.folder_id = :folder_id::uuid and d.trashed_at is null
{{document_rest}}

-- name: document_trash_list
select {{document_shown}}
where d.firm_id = :firm::uuid and d.trashed_at is not null
{{document_rest}}

-- name: document_trash_of_folder
select {{document_shown}}
where d.firm_id = :firm::uuid and d.folder_id = :folder_id::uuid and d.trashed_at is not null
{{document_rest}}

-- name: document_get
select {{document_shown}}
where d.firm_id = :firm::uuid and d.id = :document_id::uuid
{{document_open}}

-- name: document_place
-- Where staff want to put a document, and whether another one (than :own) has its name there.
select f.id as folder_id, f.client_id, c.status = 'archived' as archived, r.max_upload_bytes,
	exists (
		select from document d
		where d.firm_id = f.firm_id and d.folder_id = f.id and d.name_key = :name_key::text and d.trashed_at is null
			and d.id is distinct from :own::uuid
	) as taken
from folder f
join client c on c.firm_id = f.firm_id and c.id = f.client_id
join firm r on r.id = f.firm_id
where f.firm_id = :firm::uuid and f.id = :folder::uuid and f.removed_at is null
	and (f.matter_id is null or matter_open(f.firm_id, f.matter_id, :me::uuid))

-- name: document_lock_folder
-- Whatever gives a document a name or a place begins with the folder, as uploads do: so nobody waits in a circle.
select f.id, f.client_id from folder f
where f.firm_id = :firm::uuid and f.id = :folder::uuid and f.removed_at is null
	and (:client::uuid is null or f.client_id = :client)
	and (f.matter_id is null or matter_open(f.firm_id, f.matter_id, :me::uuid))
for no key update

-- name: document_lock
select d.id from document d
where d.firm_id = :firm::uuid and d.id = :document_id::uuid and (d.trashed_at is not null) = :trashed::boolean
{{document_open}}
for no key update

-- name: document_lock_any
select d.id from document d
where d.firm_id = :firm::uuid and d.id = :document_id::uuid
{{document_open}}
for no key update

-- name: document_update
-- The client is the folder's.
update document d
set client_id = f.client_id, folder_id = f.id, name = :name::text, name_key = :name_key::text,
	archived = :archived::boolean, internal = :internal::boolean, custom_fields = :custom_fields::jsonb, updated_at = :now::timestamptz
from folder f
where f.firm_id = :firm::uuid and f.id = :folder_id::uuid and f.removed_at is null
	and d.firm_id = f.firm_id and d.id = :document_id::uuid
returning d.id

-- name: document_shares
select s.id from share s where s.firm_id = :firm::uuid and s.document_id = :document_id::uuid for update

-- name: document_unshare
delete from share s where s.firm_id = :firm::uuid and s.document_id = :document_id::uuid

-- name: document_trash
update document d set trashed_at = :now::timestamptz, updated_at = :now
where d.firm_id = :firm::uuid and d.id = :document_id::uuid
returning d.id

-- name: document_restore
update document d set trashed_at = null, folder_id = :folder::uuid, updated_at = :now::timestamptz
where d.firm_id = :firm::uuid and d.id = :document_id::uuid
returning d.id

-- name: document_purge
-- The janitor removes the bytes of what is doomed.
with gone as (
	delete from document d where d.firm_id = :firm::uuid and d.id = :document_id::uuid returning d.firm_id, d.blob_id
)
update blob b set state = 'doomed'
from gone g
where b.firm_id = g.firm_id and b.id = g.blob_id
returning b.id

-- name: document_content
select d.client_id, d.name, d.content_type, d.size, d.doc_version as version, encode(d.sha256, 'hex') as sha256, d.scan,
	b.path
from document d
join blob b on b.firm_id = d.firm_id and b.id = d.blob_id
where d.firm_id = :firm::uuid and d.id = :document_id::uuid and d.trashed_at is null
{{document_open}}
