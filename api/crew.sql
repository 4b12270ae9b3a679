-- name: crew_beyond
-- Does the role hold a right that the caller's own does not?
select exists (
	select from role_permission p
	where p.role = :role::text and p.permission not in (
		select o.permission
		from membership m
		join role_permission o on o.role = m.role
		where m.firm_id = :firm::uuid and m.id = :me::uuid
	)
) as beyond

-- name: crew_close_open
update invitation set state = :state::text, updated_at = :now::timestamptz
where firm_id = :firm::uuid and membership_id = :membership::uuid and state = 'open'

-- name: crew_invite
insert into invitation (
	firm_id, id, membership_id, audience, email, email_key, nonce, expires_at, sent_at, send_count, created_at, updated_at
)
select m.firm_id, :invitation::uuid, m.id, 'staff', m.login_email, m.login_email_key, :nonce::bytea,
	:now::timestamptz + make_interval(hours => f.invitation_ttl_hours), :now, :sends::integer, :now, :now
from membership m
join firm f on f.id = m.firm_id
where m.firm_id = :firm::uuid and m.id = :membership::uuid and m.kind = 'staff' and m.state = 'invited'
returning id

-- name: crew_hold_firm
-- Ahead of the clients: whether the firm keeps an owner is asked behind them.
select id from firm where id = :firm::uuid for no key update

-- name: crew_hold_access
select access_hold(:firm::uuid, :membership::uuid) as identity

-- name: crew_suspend
-- Whoever has the address later proves nothing with the password of before: the row lets go of the identity.
update membership set state = 'suspended', identity_id = null, updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :membership::uuid

-- name: crew_end_sessions
update session set ended_at = :now::timestamptz
where firm_id = :firm::uuid and membership_id = :membership::uuid and ended_at is null

-- name: crew_drop_password
select identity_drop_password_if_orphan(:identity::uuid)

-- name: crew_hand_over
-- The clients are locked first, in the order in which crew_leave_teams wants them.
with led as (
	select c.id
	from client c
	join client_team t on t.firm_id = c.firm_id and t.client_id = c.id and t.membership_id = :membership::uuid
	where c.firm_id = :firm::uuid
	order by c.id
	for no key update of c
)
insert into client_team (firm_id, client_id, membership_id, created_at)
select :firm, l.id, :heir::uuid, :now::timestamptz
from led l
on conflict on constraint client_team_pkey do nothing

-- name: crew_leave_teams
-- The clients are locked in one order, since a trigger raises their versions.
with led as (
	select c.id
	from client c
	join client_team t on t.firm_id = c.firm_id and t.client_id = c.id and t.membership_id = :membership::uuid
	where c.firm_id = :firm::uuid
	order by c.id
	for no key update of c
)
delete from client_team
where firm_id = :firm and membership_id = :membership and client_id in (select id from led)
returning client_id

-- name: crew_hand_over_matters
-- Those that the caller may know of: nobody gets into a restricted one by dismissing somebody of its team. All are
-- locked first, in the order in which crew_leave_matters wants them.
with led as (
	select x.id
	from matter x
	join matter_team t on t.firm_id = x.firm_id and t.matter_id = x.id and t.membership_id = :membership::uuid
	where x.firm_id = :firm::uuid
	order by x.id
	for no key update of x
)
insert into matter_team (firm_id, matter_id, membership_id, created_at)
select :firm, l.id, :heir::uuid, :now::timestamptz
from led l
where matter_open(:firm, l.id, :me::uuid)
on conflict on constraint matter_team_pkey do nothing

-- name: crew_leave_matters
-- The matters are locked in one order, as the clients are.
with led as (
	select x.id, x.client_id
	from matter x
	join matter_team t on t.firm_id = x.firm_id and t.matter_id = x.id and t.membership_id = :membership::uuid
	where x.firm_id = :firm::uuid
	order by x.id
	for no key update of x
)
delete from matter_team t
using led l
where t.firm_id = :firm and t.membership_id = :membership and t.matter_id = l.id
returning l.id, l.client_id
