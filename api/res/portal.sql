-- Everything here goes through portal_items(): what it does not show is not there.

-- name: portal_home
select jsonb_build_object(
		'slug', r.slug, 'name', r.name, 'portal_url', coalesce(r.portal_url, :public_url::text), 'logo_url', null,
		'accent_color', r.accent_color, 'sign_in', r.sign_in, 'self_registration', r.self_registration,
		'registration_url', case when r.self_registration
			then coalesce(r.portal_url, :public_url) || '/register?firm=' || r.slug end,
		'password_min_length', 8, 'features', to_jsonb(features_but(r.features_off))
	) as firm,
	coalesce(
		(
			select jsonb_agg(jsonb_build_object('type', 'client', 'id', c.id, 'name', c.name) order by c.name, c.id)
			from membership m
			join client_contact cc on cc.firm_id = m.firm_id and cc.contact_id = m.contact_id
			join client c on c.firm_id = cc.firm_id and c.id = cc.client_id and c.status = 'active'
			where m.firm_id = :firm::uuid and m.id = :me::uuid
		),
		'[]'
	) as clients,
	o.files and exists (
		select from portal_items(:firm, :me) v where v.item_kind = 'folder' and v.access = 'view_upload'
	) as can_upload,
	jsonb_build_object(
		'requests', 0, 'documents',
		(select count(*) from portal_items(:firm, :me) v where o.files and v.item_kind = 'document'),
		'reports', 0, 'invoices', 0, 'resources', 0, 'messages', 0
	) as counts
from firm r
join membership p on p.firm_id = r.id and p.id = :me
cross join lateral (
	select 'documents' <> all(r.features_off) and 'files' <> all(p.tools_off) as files
) o
where r.id = :firm

-- name: portal_folder_list
select f.id, jsonb_build_object('type', 'client', 'id', c.id, 'name', c.name) as client, up.folder_id as parent_id, f.name,
	v.access, f.updated_at, v.created_at
from portal_items(:firm::uuid, :me::uuid) v
join folder f on f.firm_id = :firm and f.id = v.folder_id
join client c on c.firm_id = :firm and c.id = v.client_id
left join lateral (
	select p.folder_id from portal_items(:firm, :me) p where p.item_kind = 'folder' and p.folder_id = f.parent_id
) up on true
where v.item_kind = 'folder'
	and (v.created_at, v.folder_id) > (:after_at::timestamptz, :after_id::uuid)
	and (:client_id::uuid is null or v.client_id = :client_id)
	and (:parent_id::uuid is null or up.folder_id = :parent_id)
order by v.created_at, v.folder_id
limit :limit::bigint

-- name: portal_matter_list
select x.id, jsonb_build_object('type', 'client', 'id', c.id, 'name', c.name) as client, x.name, x.status,
	'{}'::jsonb as shared_fields, v.created_at
from portal_matters(:firm::uuid, :me::uuid) v
join matter x on x.firm_id = :firm and x.id = v.matter_id
join client c on c.firm_id = :firm and c.id = v.client_id
where (v.created_at, v.matter_id) > (:after_at::timestamptz, :after_id::uuid)
order by v.created_at, v.matter_id
limit :limit::bigint

-- part: portal_document_shown
d.id, jsonb_build_object('type', 'client', 'id', c.id, 'name', c.name) as client, v.folder_id, d.name,
	d.content_type, d.size, d.doc_version as version,
	d.uploaded_by_kind = 'portal' and d.uploaded_by_id = (
		select m.contact_id from membership m where m.firm_id = :firm::uuid and m.id = :me::uuid
	) as mine,
	d.archived, d.created_at, d.updated_at

-- name: portal_document_list
select {{portal_document_shown}}, 0 as row_version
from (
	select i.document_id, i.folder_id, i.client_id, i.created_at
	from portal_items(:firm, :me) i
	where i.item_kind = 'document'
		and (i.created_at, i.document_id) > (:after_at::timestamptz, :after_id::uuid)
		and (:client_id::uuid is null or i.client_id = :client_id)
	order by i.created_at, i.document_id
	limit :limit::bigint
) v
join document d on d.firm_id = :firm and d.id = v.document_id
join client c on c.firm_id = :firm and c.id = v.client_id
order by v.created_at, v.document_id

-- name: portal_document_list_of_folder
select {{portal_document_shown}}, 0 as row_version
from (
	select i.document_id, i.folder_id, i.client_id, i.created_at
	from portal_items(:firm, :me) i
	where i.item_kind = 'document' and i.folder_id = :folder_id::uuid
		and (i.created_at, i.document_id) > (:after_at::timestamptz, :after_id::uuid)
		and (:client_id::uuid is null or i.client_id = :client_id)
	order by i.created_at, i.document_id
	limit :limit::bigint
) v
join document d on d.firm_id = :firm and d.id = v.document_id
join client c on c.firm_id = :firm and c.id = v.client_id
order by v.created_at, v.document_id

-- name: portal_document_list_archived
-- The filter archived costs a look at each document, so it has a statement of its own.
select {{portal_document_shown}}, 0 as row_version
from (
	select i.document_id, i.folder_id, i.client_id, i.created_at
	from portal_items(:firm, :me) i
	join document a on a.firm_id = :firm and a.id = i.document_id and a.archived = :archived::boolean
	where i.item_kind = 'document' and (:folder_id::uuid is null or i.folder_id = :folder_id)
		and (i.created_at, i.document_id) > (:after_at::timestamptz, :after_id::uuid)
		and (:client_id::uuid is null or i.client_id = :client_id)
	order by i.created_at, i.document_id
	limit :limit::bigint
) v
join document d on d.firm_id = :firm and d.id = v.document_id
join client c on c.firm_id = :firm and c.id = v.client_id
order by v.created_at, v.document_id

-- name: portal_document_get
-- The row's version is not all of what is shown: the client's name and the folder's visibility change without it.
select {{portal_document_shown}},
	hashtextextended(jsonb_build_array(d.version, c.name, v.folder_id)::text, 0) & 9223372036854775807 as row_version
from portal_items(:firm, :me) v
join document d on d.firm_id = :firm and d.id = v.document_id
join client c on c.firm_id = :firm and c.id = v.client_id
where v.item_kind = 'document' and v.document_id = :document_id::uuid

-- name: portal_content
select d.client_id, d.name, d.content_type, d.size, d.doc_version as version, encode(d.sha256, 'hex') as sha256, d.scan,
	b.path
from portal_items(:firm::uuid, :me::uuid) v
join document d on d.firm_id = :firm and d.id = v.document_id
join blob b on b.firm_id = :firm and b.id = d.blob_id
where v.item_kind = 'document' and v.document_id = :document_id::uuid

-- name: portal_place
-- The folder that was named; without a name the best there is: one that takes uploads, a default one first.
select v.folder_id, v.client_id, v.access, false as archived, r.max_upload_bytes
from portal_items(:firm::uuid, :me::uuid) v
join folder f on f.firm_id = :firm and f.id = v.folder_id
join firm r on r.id = :firm
where v.item_kind = 'folder' and (:folder::uuid is null or v.folder_id = :folder)
order by v.access desc, f.is_default_upload desc, v.created_at, v.folder_id
limit 1
