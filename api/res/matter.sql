-- A matter that is restricted is there for its team and for owners alone: matter_open() decides everywhere.

-- part: matter_shown
x.id, x.client_id, x.number, x.name, to_jsonb(x.emails) as emails,
	to_jsonb(case when cardinality(x.emails) > 0 then x.emails else c.emails end) as effective_emails,
	x.status, x.restricted, p.contacts, p.other_contacts, t.team, x.custom_fields,
	case when x.external_id is not null
		then jsonb_build_object('source', x.external_source, 'id', x.external_id) end as external_ref,
	x.created_at, x.updated_at, x.version
from matter x
join client c on c.firm_id = x.firm_id and c.id = x.client_id
cross join lateral (
	select coalesce(jsonb_agg(r.ref order by r.name, r.id) filter (where r.role = 'client'), '[]') as contacts,
		coalesce(jsonb_agg(r.ref order by r.name, r.id) filter (where r.role = 'other'), '[]') as other_contacts
	from (
		select mc.role, n.id, n.display_name as name,
			jsonb_build_object('type', 'contact', 'id', n.id, 'name', n.display_name) as ref
		from matter_contact mc
		join contact n on n.firm_id = mc.firm_id and n.id = mc.contact_id
		where mc.firm_id = x.firm_id and mc.matter_id = x.id
	) r
) p
cross join lateral (
	select coalesce(
			jsonb_agg(jsonb_build_object('type', 'staff', 'id', m.id, 'name', m.display_name) order by m.display_name, m.id),
			'[]'
		) as team
	from matter_team mt
	join membership m on m.firm_id = mt.firm_id and m.id = mt.membership_id
	where mt.firm_id = x.firm_id and mt.matter_id = x.id
) t

-- part: matter_rest
	and matter_open(x.firm_id, x.id, :me::uuid)
	and (x.created_at, x.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:status::text is null or x.status = :status)
order by x.created_at, x.id
limit :limit::bigint

-- name: matter_list
select {{matter_shown}}
where x.firm_id = :firm::uuid
{{matter_rest}}

-- name: matter_list_of_client
select {{matter_shown}}
where x.firm_id = :firm::uuid and x.client_id = :client_id::uuid
{{matter_rest}}

-- name: matter_get
select {{matter_shown}}
where x.firm_id = :firm::uuid and x.id = :matter_id::uuid and matter_open(x.firm_id, x.id, :me::uuid)

-- name: matter_lock
select x.id from matter x
where x.firm_id = :firm::uuid and x.id = :matter_id::uuid and matter_open(x.firm_id, x.id, :me::uuid)
for no key update

-- name: matter_insert
insert into matter (
	firm_id, id, client_id, number, name, emails, status, restricted, custom_fields, external_source, external_id,
	created_at, updated_at
)
values (
	:firm::uuid, :id::uuid, :client_id::uuid, :number::text, :name::text,
	array(select jsonb_array_elements_text(:emails::jsonb)), :status::text, :restricted::boolean,
	:custom_fields::jsonb, :external_ref::jsonb ->> 'source', :external_ref ->> 'id', :now::timestamptz, :now
)

-- name: matter_update
update matter
set number = :number::text, name = :name::text, emails = array(select jsonb_array_elements_text(:emails::jsonb)),
	status = :status::text, restricted = :restricted::boolean, custom_fields = :custom_fields::jsonb,
	external_source = :external_ref::jsonb ->> 'source', external_id = :external_ref ->> 'id',
	updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :matter_id::uuid

-- name: matter_client
select c.status = 'archived' as archived from client c where c.firm_id = :firm::uuid and c.id = :client_id::uuid

-- name: matter_used
-- The rows of removed folders count too: what is in the trash comes back to where it was.
select exists (
	select from folder f where f.firm_id = :firm::uuid and f.matter_id = :matter_id::uuid
) as used

-- part: matter_share
-- Of one contact, or of all.
from share s
where s.firm_id = :firm::uuid and s.matter_id = :matter_id::uuid
	and (:contact::uuid is null or s.contact_id = :contact)

-- name: matter_shares
select s.id, s.client_id {{matter_share}}
for update

-- name: matter_unshare
delete {{matter_share}}

-- name: matter_delete
delete from matter where firm_id = :firm::uuid and id = :matter_id::uuid returning id

-- name: matter_contact_state
select n.archived_at is not null as archived, mc.role
from contact n
left join matter_contact mc on mc.firm_id = n.firm_id and mc.contact_id = n.id and mc.matter_id = :matter_id::uuid
where n.firm_id = :firm::uuid and n.id = :contact_id::uuid

-- name: matter_relate
insert into matter_contact as mc (firm_id, matter_id, client_id, contact_id, role, created_at)
select x.firm_id, x.id, x.client_id, :contact_id::uuid, :role::text, :now::timestamptz
from matter x
where x.firm_id = :firm::uuid and x.id = :matter_id::uuid
on conflict on constraint matter_contact_pkey do update set role = excluded.role

-- name: matter_unrelate
delete from matter_contact
where firm_id = :firm::uuid and matter_id = :matter_id::uuid and contact_id = :contact_id::uuid
returning contact_id

-- name: matter_hold_staff
-- Ahead of the matter, and held until the commit: whoever dismisses the person waits, and then finds the place on the
-- team, or was first.
select m.state from membership m
where m.firm_id = :firm::uuid and m.id = :staff::uuid and m.kind = 'staff'
for share

-- name: matter_assign
-- Keys are of no team.
insert into matter_team (firm_id, matter_id, membership_id, created_at)
select m.firm_id, :matter_id::uuid, m.id, :now::timestamptz
from membership m
where m.firm_id = :firm::uuid and m.id = :staff::uuid and m.kind = 'staff'
on conflict do nothing

-- name: matter_unassign
delete from matter_team
where firm_id = :firm::uuid and matter_id = :matter_id::uuid and membership_id = :staff_id::uuid
returning membership_id

-- name: matter_by_reference
-- Without an id: it is one that the caller may not know of.
select case when matter_open(x.firm_id, x.id, :me::uuid) then x.id end as id
from matter x
where x.firm_id = :firm::uuid and x.external_source = :external_ref::jsonb ->> 'source'
	and x.external_id = :external_ref ->> 'id'
