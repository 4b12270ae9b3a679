-- part: document_shown
d.id, d.client_id, d.folder_id, d.name, d.content_type, d.size, encode(d.sha256, 'hex') as sha256,
	d.doc_version as version, d.scan,
	jsonb_build_object('type', case d.uploaded_by_kind when 'portal' then 'contact' else 'staff' end,
		'id', d.uploaded_by_id, 'name', d.uploaded_by_name) as uploaded_by,
	null::uuid as request_item_id, d.archived, d.custom_fields, d.trashed_at, d.created_at, d.updated_at,
	d.version as row_version
from document d

-- name: document_list
select {{document_shown}}
where d.firm_id = :firm::uuid
	and (d.created_at, d.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:client_id::uuid is null or d.client_id = :client_id)
	and (:archived::boolean is null or d.archived = :archived)
	and (:updated_since::timestamptz is null or d.updated_at >= :updated_since)
	and (:trashed::boolean and d.trashed_at is not null or not :trashed and d.trashed_at is null)
order by d.created_at, d.id
limit :limit::bigint

-- name: document_list_of_folder
select {{document_shown}}
where d.firm_id = :firm::uuid and d.folder_id = :folder_id::uuid and d.trashed_at is null
	and (d.created_at, d.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:client_id::uuid is null or d.client_id = :client_id)
	and (:archived::boolean is null or d.archived = :archived)
	and (:updated_since::timestamptz is null or d.updated_at >= :updated_since)
order by d.created_at, d.id
limit :limit::bigint

-- name: document_trash_of_folder
select {{document_shown}}
where d.firm_id = :firm::uuid and d.folder_id = :folder_id::uuid and d.trashed_at is not null
	and (d.created_at, d.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:client_id::uuid is null or d.client_id = :client_id)
	and (:archived::boolean is null or d.archived = :archived)
	and (:updated_since::timestamptz is null or d.updated_at >= :updated_since)
order by d.created_at, d.id
limit :limit::bigint

-- name: document_get
select {{document_shown}}
where d.firm_id = :firm::uuid and d.id = :document_id::uuid

-- name: document_place
-- Where staff want to put a document, and whether its name is taken there.
select f.id as folder_id, f.client_id, c.status = 'archived' as archived, r.max_upload_bytes,
	exists (
		select from document d
		where d.firm_id = f.firm_id and d.folder_id = f.id and d.name_key = :name_key::text and d.trashed_at is null
	) as taken
from folder f
join client c on c.firm_id = f.firm_id and c.id = f.client_id
join firm r on r.id = f.firm_id
where f.firm_id = :firm::uuid and f.id = :folder::uuid and f.removed_at is null

-- name: document_lock
select d.id from document d
where d.firm_id = :firm::uuid and d.id = :document_id::uuid and d.trashed_at is null
for no key update

-- name: document_trash
update document d set trashed_at = :now::timestamptz, updated_at = :now
where d.firm_id = :firm::uuid and d.id = :document_id::uuid
returning d.id

-- name: document_content
select d.client_id, d.name, d.content_type, d.size, d.doc_version as version, encode(d.sha256, 'hex') as sha256, d.scan,
	b.path
from document d
join blob b on b.firm_id = d.firm_id and b.id = d.blob_id
where d.firm_id = :firm::uuid and d.id = :document_id::uuid and d.trashed_at is null
