-- part: access_end
least(:now::timestamptz + make_interval(secs => :access_seconds::integer), t.expires_at, m.ends_at)

-- part: may_sign_in
-- An access with an end opens no door from then on, also while the janitor has not closed it yet (pitfall 40).
m.state in ('active', 'pending_verification') and (m.ends_at is null or m.ends_at > :now::timestamptz)

-- part: proved
-- Chosen anew since it was checked, a password opens nothing more.
(:proved::text is null or identity_proved(m.identity_id, :proved))

-- name: signin_open
-- One row: the membership may sign in. The firm's settings decide how long it may be idle. Of a device (refresh_nonce)
-- the access token ends before the session does, and a portal user's may come back after the session has. Who is
-- only asked for the second factor has not signed in.
with opened as (
	insert into session (
		firm_id, id, membership_id, token_hash, transport, authenticated_at, created_at, expires_at, idle_seconds,
		last_seen_at, ip, user_agent, second_factor, refresh_nonce, refresh_generation, rotated_at, access_expires_at,
		refresh_until
	)
	select m.firm_id, :session::uuid, m.id, :token_hash::bytea, :transport::text, :now::timestamptz, :now, t.expires_at,
		60 * case m.kind when 'staff' then f.staff_idle_minutes else f.session_idle_minutes end,
		:now, :ip::text, left(:user_agent::text, 400), :second_factor::boolean,
		d.nonce, case when d.nonce is not null then 1 end, case when d.nonce is not null then :now end,
		case when d.nonce is not null then {{access_end}} end,
		case when d.nonce is not null and m.kind = 'portal' then :now + make_interval(days => :refresh_days::integer) end
	from membership m
	join firm f on f.id = m.firm_id
	cross join lateral (
		select :now::timestamptz + make_interval(
			secs => case m.kind when 'staff' then :staff_seconds::integer else :portal_seconds::integer end
		) as expires_at
	) t
	cross join (select :refresh_nonce::bytea as nonce) d
	where m.firm_id = :firm::uuid and m.id = :membership::uuid and {{may_sign_in}}
		and (:second_factor::boolean or not totp_enabled(m.identity_id)) and {{proved}}
	returning firm_id, membership_id, expires_at, access_expires_at
), seen as (
	update membership m set last_sign_in_at = :now
	from opened o
	where m.firm_id = o.firm_id and m.id = o.membership_id
)
select expires_at, access_expires_at from opened

-- name: signin_challenge
-- One row: the second factor is asked for.
insert into mfa_challenge (firm_id, id, membership_id, token_hash, created_at, expires_at)
select m.firm_id, :challenge::uuid, m.id, :token_hash::bytea, :now::timestamptz, :now + make_interval(secs => :seconds::integer)
from membership m
where m.firm_id = :firm::uuid and m.id = :membership::uuid and {{may_sign_in}}
	and totp_enabled(m.identity_id) and {{proved}}
returning id

-- name: signin_claim
select claim_firm(:firm::uuid)

-- name: signin_try
-- A try is counted before it is made, of five.
update mfa_challenge c set tries = c.tries + 1
from membership m
where c.firm_id = :firm::uuid and c.id = :challenge::uuid and c.token_hash = :token_hash::bytea and c.tries < 5
	and c.expires_at > :now::timestamptz and m.firm_id = c.firm_id and m.id = c.membership_id
	and {{may_sign_in}}
returning m.id as membership_id, m.identity_id

-- name: signin_answered
delete from mfa_challenge where firm_id = :firm::uuid and id = :challenge::uuid returning id

-- name: signin_hold
-- Ahead of the second factor, as by whoever ends the access.
select m.id from membership m where m.firm_id = :firm::uuid and m.id = :membership::uuid for no key update

-- name: signin_admit
-- Before anything is opened, and held until the commit, then the identity: whoever suspends the person, ends the access or
-- switches a second factor on waits and then finds the session, or was first.
with held as materialized (
	select m.state, m.kind, m.display_name, m.identity_id
	from membership m
	where m.firm_id = :firm::uuid and m.id = :membership::uuid and {{may_sign_in}}
	for no key update
)
select state, kind, display_name, identity_share(identity_id) from held

-- name: signin_session
select s.id, m.kind as audience,
	case m.kind
		when 'staff' then jsonb_build_object('type', 'staff', 'id', m.id, 'name', m.display_name)
		else jsonb_build_object('type', case when m.contact_id is null then 'portal_user' else 'contact' end,
			'id', coalesce(m.contact_id, m.id), 'name', m.display_name)
	end as principal,
	coalesce((
		select jsonb_agg(jsonb_build_object('type', 'client', 'id', c.id, 'name', c.name) order by c.name, c.id)
		from client_contact cc
		join client c on c.firm_id = cc.firm_id and c.id = cc.client_id and c.status = 'active'
		where cc.firm_id = m.firm_id and cc.contact_id = m.contact_id and m.state = 'active'
	), '[]') as clients,
	coalesce((
		select jsonb_agg(p.permission order by p.permission) from role_permission p where p.role = m.role and not l.limited
	), '[]') as permissions,
	s.authenticated_at, s.expires_at,
	least(s.expires_at, s.last_seen_at + make_interval(secs => s.idle_seconds)) as idle_expires_at,
	totp_enabled(m.identity_id) as totp_enabled, l.limited as totp_required, s.transport
from session s
join membership m on m.firm_id = s.firm_id and m.id = s.membership_id
join firm f on f.id = s.firm_id
cross join lateral (select m.kind = 'staff' and f.require_staff_totp and not s.second_factor as limited) l
where s.firm_id = :firm::uuid and s.id = :session::uuid

-- name: signin_device
-- The device of a session, held until the end: of two refreshes at once the second sees what the first has done.
select s.membership_id, m.kind, m.display_name, m.state, s.refresh_nonce, s.refresh_generation, s.rotated_at,
	s.access_expires_at, s.ended_at is null as open,
	s.refresh_until > :now::timestamptz or (
		s.expires_at > :now and s.last_seen_at + make_interval(secs => s.idle_seconds) > :now
	) as lives
from session s
join membership m on m.firm_id = s.firm_id and m.id = s.membership_id
where s.firm_id = :firm::uuid and s.id = :session::uuid and s.refresh_nonce is not null
	and {{may_sign_in}}
for no key update of s

-- name: signin_rotate
-- The successor. An access token that had ended already is not good for the minute either.
update session s
set refresh_generation = :generation::integer, token_hash = :token_hash::bytea, rotated_at = :now::timestamptz,
	last_seen_at = :now, previous_hash = case when s.access_expires_at > :now then s.token_hash end,
	idle_seconds = 60 * case m.kind when 'staff' then f.staff_idle_minutes else f.session_idle_minutes end,
	expires_at = t.expires_at, access_expires_at = {{access_end}},
	refresh_until = case when s.refresh_until is not null then least(
		:now + make_interval(days => :refresh_days::integer), s.created_at + make_interval(days => :refresh_days_max::integer)
	) end
from membership m
join firm f on f.id = m.firm_id
join session o on o.firm_id = m.firm_id and o.membership_id = m.id
cross join lateral (
	select case when o.refresh_until is null then o.expires_at else least(
		:now::timestamptz + make_interval(secs => :portal_seconds::integer),
		o.created_at + make_interval(days => :refresh_days_max::integer)
	) end as expires_at
) t
where s.firm_id = :firm::uuid and s.id = :session::uuid and m.firm_id = s.firm_id and m.id = s.membership_id and o.id = s.id
returning s.access_expires_at

-- name: signin_end
update session set ended_at = :now::timestamptz where firm_id = :firm::uuid and id = :session::uuid
