-- name: upload_lock_folder
-- Uploads into one folder come one after the other, so that names are looked up and taken in one go.
select f.id from folder f
where f.firm_id = :firm::uuid and f.id = :folder::uuid and f.removed_at is null
for no key update

-- name: upload_free_name
select k.n - 1 as nth
from jsonb_array_elements_text(:keys::jsonb) with ordinality k(key, n)
where not exists (
	select from document d
	where d.firm_id = :firm::uuid and d.folder_id = :folder::uuid and d.name_key = k.key and d.trashed_at is null
)
order by k.n
limit 1

-- name: upload_insert
-- A contact stays the uploader when access is switched off and on again; the name is a snapshot (S2-41).
with bytes as (
	insert into blob (firm_id, id, path, size, sha256, created_at)
	values (:firm::uuid, :blob::uuid, :path::text, :size::bigint, :sha256::bytea, :now::timestamptz)
	returning firm_id, id, size, sha256
)
insert into document (
	firm_id, id, client_id, folder_id, name, name_key, content_type, size, sha256, blob_id,
	uploaded_by_id, uploaded_by_kind, uploaded_by_name, internal, created_at, updated_at
)
select b.firm_id, :id::uuid, :client::uuid, :folder::uuid, :name::text, :name_key::text, :content_type::text, b.size,
	b.sha256, b.id, coalesce(m.contact_id, m.id), m.kind, m.display_name, :internal::boolean, :now, :now
from bytes b
join membership m on m.firm_id = b.firm_id and m.id = :me::uuid
returning id
