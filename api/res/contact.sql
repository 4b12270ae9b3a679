-- part: contact_shown
-- The version tells apart what time alone changes: an invitation that has expired since.
c.id, c.entity, c.first_name, c.last_name, c.display_name, c.primary_email, to_jsonb(c.emails) as emails, c.phone,
	coalesce(l.clients, '[]') as clients, coalesce(p.status, 'off') as portal_status,
	coalesce(p.login_differs, false) as portal_login_differs, c.custom_fields,
	case when c.external_id is not null
		then jsonb_build_object('source', c.external_source, 'id', c.external_id) end as external_ref,
	c.created_at, c.updated_at, c.version * 2 + coalesce((p.status = 'expired')::int, 0) as version
from contact c
left join lateral (
	select jsonb_agg(jsonb_build_object('type', 'client', 'id', k.id, 'name', k.name) order by k.name, k.id) as clients
	from client_contact cc
	join client k on k.firm_id = cc.firm_id and k.id = cc.client_id
	where cc.firm_id = c.firm_id and cc.contact_id = c.id
) l on true
left join lateral (
	select case when m.state = 'invited' and i.expires_at <= :now::timestamptz then 'expired' else m.state end as status,
		m.login_email_key is distinct from c.email_keys[1] as login_differs
	from membership m
	left join invitation i on i.firm_id = m.firm_id and i.membership_id = m.id and i.state = 'open'
	where m.firm_id = c.firm_id and m.contact_id = c.id
) p on true

-- part: contact_rest
	and (c.created_at, c.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:email_key::text is null or :email_key = any(c.email_keys))
	and (:portal_status::text is null or coalesce(p.status, 'off') = :portal_status)
	and (:login_differs::boolean is null or coalesce(p.login_differs, false) = :login_differs)
	and (:updated_since::timestamptz is null or c.updated_at >= :updated_since)
order by c.created_at, c.id
limit :limit::bigint

-- name: contact_list
select {{contact_shown}}
where c.firm_id = :firm::uuid and c.archived_at is null
{{contact_rest}}

-- name: contact_list_of_client
select {{contact_shown}}
where c.firm_id = :firm::uuid and c.archived_at is null
	and c.id in (select cc.contact_id from client_contact cc where cc.firm_id = :firm and cc.client_id = :client_id::uuid)
{{contact_rest}}

-- name: contact_get
select {{contact_shown}}
where c.firm_id = :firm::uuid and c.id = :contact_id::uuid and c.archived_at is null

-- name: contact_lock
select id from contact where firm_id = :firm::uuid and id = :contact_id::uuid and archived_at is null for no key update

-- name: contact_insert
insert into contact (
	firm_id, id, entity, first_name, last_name, display_name, primary_email, emails, email_keys, phone, custom_fields,
	external_source, external_id, created_at, updated_at
)
values (
	:firm::uuid, :id::uuid, :entity::text, :first_name::text, :last_name::text, :display_name::text,
	:primary_email::text, array(select jsonb_array_elements_text(:emails::jsonb)),
	array(select jsonb_array_elements_text(:email_keys::jsonb)), :phone::text, :custom_fields::jsonb,
	:external_ref::jsonb ->> 'source', :external_ref ->> 'id', :now::timestamptz, :now
)

-- name: contact_update
update contact
set entity = :entity::text, first_name = :first_name::text, last_name = :last_name::text,
	display_name = :display_name::text, primary_email = :primary_email::text,
	emails = array(select jsonb_array_elements_text(:emails::jsonb)),
	email_keys = array(select jsonb_array_elements_text(:email_keys::jsonb)), phone = :phone::text,
	custom_fields = :custom_fields::jsonb, external_source = :external_ref::jsonb ->> 'source',
	external_id = :external_ref ->> 'id', updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :contact_id::uuid

-- name: contact_blocks
select m.state,
	(select count(*) from share s where s.firm_id = m.firm_id and s.membership_id = m.id) as shares,
	(select count(*) from invitation i where i.firm_id = m.firm_id and i.membership_id = m.id and i.state = 'open') as invitations
from membership m
where m.firm_id = :firm::uuid and m.contact_id = :contact_id::uuid

-- name: contact_archive
update contact set archived_at = :now::timestamptz, updated_at = :now
where firm_id = :firm::uuid and id = :contact_id::uuid and archived_at is null
returning id

-- name: contact_last_individual
-- Is it the only individual of an active business client?
select exists (
	select from client_contact cc
	join client c on c.firm_id = cc.firm_id and c.id = cc.client_id and c.entity = 'business' and c.status = 'active'
	where cc.firm_id = :firm::uuid and cc.contact_id = :contact_id::uuid
		and not exists (
			select from client_contact o
			join contact oc on oc.firm_id = o.firm_id and oc.id = o.contact_id
				and oc.entity = 'individual' and oc.archived_at is null
			where o.firm_id = c.firm_id and o.client_id = c.id and o.contact_id <> cc.contact_id
		)
) as last

-- name: contact_hold_matters
-- Those that the contact, who is held, is a client on: they change with the relations.
select x.id
from matter x
join matter_contact mc on mc.firm_id = x.firm_id and mc.matter_id = x.id and mc.role = 'client'
where x.firm_id = :firm::uuid and mc.contact_id = :contact_id::uuid
order by x.id
for no key update of x

-- name: contact_unrelate_all
delete from client_contact where firm_id = :firm::uuid and contact_id = :contact_id::uuid

-- name: contact_by_reference
select id from contact
where firm_id = :firm::uuid and external_source = :external_ref::jsonb ->> 'source'
	and external_id = :external_ref ->> 'id'
