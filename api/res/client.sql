-- part: client_shown
c.id, c.entity, c.code, c.name, to_jsonb(c.emails) as emails, c.phone, c.address, c.status, c.primary_contact_id,
	coalesce(t.team, '[]') as team, c.custom_fields,
	case when c.external_id is not null
		then jsonb_build_object('source', c.external_source, 'id', c.external_id) end as external_ref,
	c.created_at, c.updated_at, c.version
from client c
left join lateral (
	select jsonb_agg(jsonb_build_object('type', 'staff', 'id', m.id, 'name', m.display_name) order by m.display_name, m.id)
		as team
	from client_team ct
	join membership m on m.firm_id = ct.firm_id and m.id = ct.membership_id
	where ct.firm_id = c.firm_id and ct.client_id = c.id
) t on true

-- part: client_rest
-- The filters that no statement of its own stands for, and the page. Upper and lower case by ICU: the database's own
-- locale knows it of ASCII alone.
	and (c.created_at, c.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:status::text is null or c.status = :status)
	and (:entity::text is null or c.entity = :entity)
	and (:code::text is null or c.code = :code)
	and (:external_source::text is null or c.external_source = :external_source)
	and (:external_id::text is null or c.external_id = :external_id)
	and (:updated_since::timestamptz is null or c.updated_at >= :updated_since)
	and (
		:q::text is null
		or position(lower(:q collate "und-x-icu") in lower(c.name || ' ' || coalesce(c.code, '') collate "und-x-icu")) > 0
	)
order by c.created_at, c.id
limit :limit::bigint

-- name: client_list
select {{client_shown}}
where c.firm_id = :firm::uuid
{{client_rest}}

-- name: client_list_of_code
select {{client_shown}}
where c.firm_id = :firm::uuid and c.code = :code::text
{{client_rest}}

-- name: client_list_of_reference
select {{client_shown}}
where c.firm_id = :firm::uuid and c.external_source = :external_source::text
{{client_rest}}

-- name: client_get
select {{client_shown}}
where c.firm_id = :firm::uuid and c.id = :client_id::uuid

-- name: client_lock
-- Taken before a client is read to be changed: its version then stays what If-Match was compared with.
select id from client where firm_id = :firm::uuid and id = :client_id::uuid for no key update

-- name: client_insert
insert into client (
	firm_id, id, entity, code, name, emails, phone, address, primary_contact_id, custom_fields,
	external_source, external_id, created_at, updated_at
)
values (
	:firm::uuid, :id::uuid, :entity::text, :code::text, :name::text,
	array(select jsonb_array_elements_text(:emails::jsonb)), :phone::text, :address::jsonb,
	:primary_contact_id::uuid, :custom_fields::jsonb,
	:external_ref::jsonb ->> 'source', :external_ref ->> 'id', :now::timestamptz, :now
)

-- name: client_default_name
select f.default_folder_name as name from firm f where f.id = :firm::uuid and f.default_upload_folder

-- name: client_default_folder
-- S3-12: a new client has the firm's default folder, in the same transaction.
insert into folder (firm_id, id, client_id, name, name_key, is_default_upload, created_at, updated_at)
values (:firm::uuid, :folder::uuid, :id::uuid, :name::text, :name_key::text, true, :now::timestamptz, :now)

-- name: client_update
update client
set code = :code::text, name = :name::text, emails = array(select jsonb_array_elements_text(:emails::jsonb)),
	phone = :phone::text, address = :address::jsonb, primary_contact_id = :primary_contact_id::uuid,
	custom_fields = :custom_fields::jsonb, external_source = :external_ref::jsonb ->> 'source',
	external_id = :external_ref ->> 'id', updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :client_id::uuid

-- name: client_archive
update client set status = 'archived', updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :client_id::uuid and status = 'active'
returning id

-- name: client_relate
-- No row: the contact is not there, is archived, or the client is not there.
insert into client_contact as cc (firm_id, client_id, contact_id, role, is_primary, created_at)
select c.firm_id, c.id, n.id, :role::text, :is_primary::boolean, :now::timestamptz
from client c
join contact n on n.firm_id = c.firm_id and n.id = :contact_id::uuid and n.archived_at is null
where c.firm_id = :firm::uuid and c.id = :client_id::uuid
on conflict on constraint client_contact_pkey do update set role = excluded.role, is_primary = excluded.is_primary
returning cc.contact_id, (xmax = 0) as made

-- name: client_demote_primary
update client_contact set is_primary = false
where firm_id = :firm::uuid and client_id = :client_id::uuid and contact_id <> :contact_id::uuid and is_primary

-- name: client_relation_state
select n.archived_at is not null as archived
from client c
join contact n on n.firm_id = c.firm_id and n.id = :contact_id::uuid
where c.firm_id = :firm::uuid and c.id = :client_id::uuid

-- name: client_default_share
-- The contact of a client whose portal access is on sees the client's default folder (S3-12): once, when the
-- relation is made, so that a share which staff took away stays away.
select default_shares(:firm::uuid, m.id, :now::timestamptz, :client_id::uuid)
from membership m
where m.firm_id = :firm and m.contact_id = :contact_id::uuid

-- name: client_hold_relation
-- What changes with the relation, behind the client: the contact, then the matters that the contact is a client on.
with person as (
	select n.id from contact n where n.firm_id = :firm::uuid and n.id = :contact_id::uuid for no key update
)
select x.id
from person p
join matter_contact mc on mc.firm_id = :firm and mc.contact_id = p.id and mc.related_client_id = :client_id::uuid
join matter x on x.firm_id = mc.firm_id and x.id = mc.matter_id
order by x.id
for no key update of x

-- name: client_hold_shares
-- They end with the relation, and other ones with a tree of folders: in order.
select s.id from share s
where s.firm_id = :firm::uuid and s.client_id = :client_id::uuid and s.contact_id = :contact_id::uuid
order by s.id
for update

-- name: client_unrelate
delete from client_contact
where firm_id = :firm::uuid and client_id = :client_id::uuid and contact_id = :contact_id::uuid
returning contact_id

-- name: client_last_individual
-- Would a business client with portal users be left without an individual contact?
select exists (
	select from client c
	join client_contact cc on cc.firm_id = c.firm_id and cc.client_id = c.id and cc.contact_id = :contact_id::uuid
	join contact n on n.firm_id = cc.firm_id and n.id = cc.contact_id and n.entity = 'individual'
	where c.firm_id = :firm::uuid and c.id = :client_id::uuid and c.entity = 'business' and c.status = 'active'
		and not exists (
			select from client_contact o
			join contact oc on oc.firm_id = o.firm_id and oc.id = o.contact_id
				and oc.entity = 'individual' and oc.archived_at is null
			where o.firm_id = c.firm_id and o.client_id = c.id and o.contact_id <> n.id
		)
) as last

-- name: client_assign
insert into client_team (firm_id, client_id, membership_id, created_at)
select c.firm_id, c.id, m.id, :now::timestamptz
from client c
join membership m on m.firm_id = c.firm_id and m.id = :staff_id::uuid and m.kind = 'staff'
where c.firm_id = :firm::uuid and c.id = :client_id::uuid
on conflict on constraint client_team_pkey do update set created_at = client_team.created_at
returning membership_id, (xmax = 0) as inserted

-- name: client_hold_staff
-- Held until the commit, as for a matter: whoever dismisses the person waits, and then finds the place on the team.
select state from membership where firm_id = :firm::uuid and id = :staff_id::uuid and kind = 'staff' for share

-- name: client_unassign
delete from client_team
where firm_id = :firm::uuid and client_id = :client_id::uuid and membership_id = :staff_id::uuid
returning membership_id

-- name: client_by_reference
select id from client
where firm_id = :firm::uuid and external_source = :external_ref::jsonb ->> 'source'
	and external_id = :external_ref ->> 'id'
