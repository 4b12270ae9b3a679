-- name: signin_open
-- One row: the membership may sign in. The firm's settings decide how long it may be idle.
insert into session (
	firm_id, id, membership_id, token_hash, transport, authenticated_at, created_at, expires_at, idle_seconds,
	last_seen_at, ip, user_agent
)
select m.firm_id, :session::uuid, m.id, :token_hash::bytea, :transport::text, :now::timestamptz, :now,
	:now + make_interval(secs => case m.kind when 'staff' then :staff_seconds::integer else :portal_seconds::integer end),
	60 * case m.kind when 'staff' then f.staff_idle_minutes else f.session_idle_minutes end,
	:now, :ip::text, left(:user_agent::text, 400)
from membership m
join firm f on f.id = m.firm_id
where m.firm_id = :firm::uuid and m.id = :membership::uuid and m.state in ('active', 'pending_verification')
returning expires_at

-- name: signin_touch
update membership set last_sign_in_at = :now::timestamptz where firm_id = :firm::uuid and id = :membership::uuid
returning state, kind, display_name

-- name: signin_session
select s.id, m.kind as audience,
	case m.kind
		when 'staff' then jsonb_build_object('type', 'staff', 'id', m.id, 'name', m.display_name)
		else jsonb_build_object('type', 'contact', 'id', m.contact_id, 'name', m.display_name)
	end as principal,
	coalesce((
		select jsonb_agg(jsonb_build_object('type', 'client', 'id', c.id, 'name', c.name) order by c.name, c.id)
		from client_contact cc
		join client c on c.firm_id = cc.firm_id and c.id = cc.client_id and c.status = 'active'
		where cc.firm_id = m.firm_id and cc.contact_id = m.contact_id and m.state = 'active'
	), '[]') as clients,
	coalesce((
		select jsonb_agg(p.permission order by p.permission) from role_permission p where p.role = m.role
	), '[]') as permissions,
	s.authenticated_at, s.expires_at,
	least(s.expires_at, s.last_seen_at + make_interval(secs => s.idle_seconds)) as idle_expires_at,
	false as totp_enabled, s.transport
from session s
join membership m on m.firm_id = s.firm_id and m.id = s.membership_id
where s.firm_id = :firm::uuid and s.id = :session::uuid
