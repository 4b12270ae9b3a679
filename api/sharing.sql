-- name: sharing_lock_folder
-- Whoever shares an item waits for others who do: so the same share twice at once is made once.
select f.client_id, f.matter_id, false as internal from folder f
where f.firm_id = :firm::uuid and f.id = :item::uuid and f.removed_at is null
	and (f.matter_id is null or matter_open(f.firm_id, f.matter_id, :me::uuid))
for no key update

-- name: sharing_lock_document
select d.client_id, d.matter_id, d.internal from document d
where d.firm_id = :firm::uuid and d.id = :item::uuid and d.trashed_at is null
	and (d.matter_id is null or matter_open(d.firm_id, d.matter_id, :me::uuid))
for no key update

-- name: sharing_lock_matter
select x.client_id, null::uuid as matter_id, false as internal from matter x
where x.firm_id = :firm::uuid and x.id = :item::uuid and matter_open(x.firm_id, x.id, :me::uuid)
for no key update

-- name: sharing_rules
select c.status = 'archived' as archived, r.notify_required
from client c
join firm r on r.id = c.firm_id
where c.firm_id = :firm::uuid and c.id = :client::uuid

-- name: sharing_insert
insert into share as s (
	firm_id, id, client_id, contact_id, membership_id, folder_id, document_id, matter_id, access, notify,
	created_by_type, created_by_id, created_by_name, created_at, updated_at
)
select :firm::uuid, x.id::uuid, :client::uuid, m.contact_id, m.id, :folder::uuid, :document::uuid, :matter::uuid, :access::text,
	:notify::boolean, me.kind, me.id, me.display_name, :now::timestamptz, :now
from rows from (
	jsonb_array_elements_text(:ids::jsonb), jsonb_array_elements_text(:contact_ids::jsonb)
) as x(id, contact_id)
join membership m on m.firm_id = :firm and m.contact_id = x.contact_id::uuid and m.kind = 'portal'
join membership me on me.firm_id = :firm and me.id = :me::uuid
on conflict do nothing
returning s.id
