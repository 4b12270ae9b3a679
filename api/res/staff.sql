-- part: staff_shown
m.id, m.display_name as name, m.login_email as email, r.id as role_id,
	case m.state when 'active' then 'active' when 'suspended' then 'deactivated' else 'invited' end as status,
	m.last_sign_in_at as last_seen_at, totp_enabled(m.identity_id) as totp_enabled, m.created_at, m.updated_at
from membership m
join role r on r.firm_id = m.firm_id and r.key = m.role

-- name: staff_list
select {{staff_shown}}
where m.firm_id = :firm::uuid and m.kind = 'staff'
	and (m.created_at, m.id) > (:after_at::timestamptz, :after_id::uuid)
order by m.created_at, m.id
limit :limit::bigint

-- name: staff_get
select {{staff_shown}}
where m.firm_id = :firm::uuid and m.id = :id::uuid and m.kind = 'staff'

-- name: staff_lock
select m.role, m.state from membership m
where m.firm_id = :firm::uuid and m.id = :staff_id::uuid and m.kind = 'staff'
for no key update

-- name: staff_lock_heir
with two as (
	select m.id, m.state
	from membership m
	where m.firm_id = :firm::uuid and m.kind = 'staff' and m.id in (:staff_id::uuid, :heir::uuid)
	order by m.id
	for no key update
)
select coalesce(bool_or(t.id = :heir), false) as there, coalesce(bool_or(t.id = :heir and t.state <> 'suspended'), false) as works
from two t

-- name: staff_role
select r.key from role r where r.firm_id = :firm::uuid and r.id = :role_id::uuid

-- name: staff_invite
-- No row: somebody who is not deactivated has the address.
insert into membership as m (
	firm_id, id, kind, role, state, login_email, login_email_key, display_name, created_at, updated_at
)
values (
	:firm::uuid, :id::uuid, 'staff', :role::text, 'invited', :email::text, :email_key::text, :name::text,
	:now::timestamptz, :now
)
on conflict on constraint membership_login_email_key do update
set role = excluded.role, state = 'invited', login_email = excluded.login_email, display_name = excluded.display_name,
	updated_at = excluded.updated_at
where m.state = 'suspended'
returning m.id

-- name: staff_update
update membership set display_name = :name::text, role = :role::text, updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :staff_id::uuid

-- name: staff_roles
select r.id, r.key, r.name,
	coalesce((
		select jsonb_agg(p.permission order by p.permission) from role_permission p where p.role = r.key
	), '[]') as permissions,
	r.created_at, r.updated_at
from role r
where r.firm_id = :firm::uuid
	and (r.created_at, r.id) > (:after_at::timestamptz, :after_id::uuid)
order by r.created_at, r.id
limit :limit::bigint
