-- part: share_shown
s.id, i.type as item_type,
	jsonb_build_object('type', i.type, 'id', coalesce(s.folder_id, s.document_id, s.matter_id)) as item_id,
	coalesce(f.name, d.name, x.name) as item_name, s.client_id, s.contact_id, c.display_name as contact_name, s.access,
	greatest(
		(select max(e.sent_at) from envelope e where e.firm_id = s.firm_id and e.share_id = s.id),
		(select e.sent_at from envelope e where e.firm_id = s.firm_id and e.id = s.summary_id)
	) as notified_at,
	jsonb_build_object('type', case s.created_by_type when 'key' then 'api_key' else s.created_by_type end,
		'id', s.created_by_id, 'name', s.created_by_name) as created_by,
	s.created_at, s.version
from share s
join contact c on c.firm_id = s.firm_id and c.id = s.contact_id
left join folder f on f.firm_id = s.firm_id and f.id = s.folder_id
left join document d on d.firm_id = s.firm_id and d.id = s.document_id
left join matter x on x.firm_id = s.firm_id and x.id = s.matter_id
cross join lateral (
	select case when s.folder_id is not null then 'folder' when s.document_id is not null then 'document' else 'matter' end
			as type,
		coalesce(s.matter_id, f.matter_id, d.matter_id) as matter_id
) i

-- part: share_open
-- What belongs to a matter that the caller may not know of is not there (pitfall P22).
	and (i.matter_id is null or matter_open(s.firm_id, i.matter_id, :me::uuid))

-- part: share_rest
{{share_open}}
	and (s.created_at, s.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:item_type::text is null or i.type = :item_type)
	and (:client_id::uuid is null or s.client_id = :client_id)
	and (:contact_id::uuid is null or s.contact_id = :contact_id)
order by s.created_at, s.id
limit :limit::bigint

-- name: share_list
select {{share_shown}}
where s.firm_id = :firm::uuid
{{share_rest}}

-- name: share_list_of_folder
select {{share_shown}}
where s.firm_id = :firm::uuid and s.folder_id = :item_id::uuid
{{share_rest}}

-- name: share_list_of_document
select {{share_shown}}
where s.firm_id = :firm::uuid and s.document_id = :item_id::uuid
{{share_rest}}

-- name: share_list_of_matter
select {{share_shown}}
where s.firm_id = :firm::uuid and s.matter_id = :item_id::uuid
{{share_rest}}

-- name: share_list_of_contact
select {{share_shown}}
where s.firm_id = :firm::uuid and s.contact_id = :contact_id::uuid
{{share_rest}}

-- name: share_list_of_client
select {{share_shown}}
where s.firm_id = :firm::uuid and s.client_id = :client_id::uuid
{{share_rest}}

-- name: share_get
select {{share_shown}}
where s.firm_id = :firm::uuid and s.id = :share_id::uuid
{{share_open}}

-- name: share_lock
select s.id from share s where s.firm_id = :firm::uuid and s.id = :share_id::uuid for no key update

-- name: share_contacts
-- Of each contact, in the order asked: is it the client's, of a matter a client on it, is its portal access on?
select x.id, cc.contact_id is not null as related, m.id is not null as has_access,
	:matter::uuid is null or exists (
		select from matter_contact mc
		where mc.firm_id = :firm::uuid and mc.matter_id = :matter and mc.contact_id = x.id and mc.role = 'client'
	) as takes_part
from jsonb_array_elements_text(:contact_ids::jsonb) with ordinality as q(id, n)
cross join lateral (select q.id::uuid as id) x
left join client_contact cc on cc.firm_id = :firm::uuid and cc.client_id = :client::uuid and cc.contact_id = x.id
left join membership m on m.firm_id = :firm and m.contact_id = x.id and m.kind = 'portal'
order by q.n

-- name: share_change
-- The shares of the item that were there already, and say something else.
update share s set access = :access::text, updated_at = :now::timestamptz
where s.firm_id = :firm::uuid
	and s.contact_id in (select jsonb_array_elements_text(:contact_ids::jsonb)::uuid)
	and (s.folder_id = :folder::uuid or s.document_id = :document::uuid or s.matter_id = :matter::uuid)
	and s.access <> :access
returning s.id

-- name: share_made
select {{share_shown}}
where s.firm_id = :firm::uuid
	and s.contact_id in (select jsonb_array_elements_text(:contact_ids::jsonb)::uuid)
	and (s.folder_id = :folder::uuid or s.document_id = :document::uuid or s.matter_id = :matter::uuid)
order by s.created_at, s.id

-- name: share_update
update share s set access = :access::text, updated_at = :now::timestamptz
where s.firm_id = :firm::uuid and s.id = :share_id::uuid
returning s.id

-- name: share_delete
delete from share s where s.firm_id = :firm::uuid and s.id = :share_id::uuid returning s.id
