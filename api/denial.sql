-- name: denial_claim
select claim_firm(:firm::uuid)

-- name: denial_write
-- authenticate() has found the credential good: the membership is the caller's.
insert into audit (firm_id, id, at, actor_type, actor_id, actor_name, action, object_type, object_id, client_id, ip,
	request_id, outcome, detail)
select m.firm_id, :id::uuid, :now::timestamptz, m.kind, m.id, m.display_name, :action::text, coalesce(:object_type::text, ''),
	:object::uuid, :client::uuid, :ip::text, :request_id::text, 'denied',
	:detail::jsonb || matter_note(m.firm_id, coalesce(:object_type, ''), :object)
from membership m
where m.firm_id = :firm::uuid and m.id = :me::uuid

-- name: denial_write_unproven
-- Before authenticate() ran: nobody but who has the token of a session may make an entry of it.
insert into audit (firm_id, id, at, actor_type, actor_id, actor_name, action, object_type, object_id, client_id, ip,
	request_id, outcome, detail)
select m.firm_id, :id::uuid, :now::timestamptz, m.kind, m.id, m.display_name, :action::text, coalesce(:object_type::text, ''),
	:object::uuid, :client::uuid, :ip::text, :request_id::text, 'denied',
	:detail::jsonb || matter_note(m.firm_id, coalesce(:object_type, ''), :object)
from session s
join membership m on m.firm_id = s.firm_id and m.id = s.membership_id
where s.firm_id = :firm::uuid and s.id = :session::uuid and s.membership_id = :me::uuid and s.token_hash = :token_hash::bytea

-- name: denial_write_ended
-- A page that was left open asks again and again: once an hour is enough. An access token that has ended while its
-- device may refresh is no denial.
insert into audit (firm_id, id, at, actor_type, actor_id, actor_name, action, object_type, object_id, ip, request_id,
	outcome, detail)
select m.firm_id, :id::uuid, :now::timestamptz, m.kind, m.id, m.display_name, 'auth.session', 'session', s.id, :ip::text,
	:request_id::text, 'denied', :detail::jsonb
from session s
join membership m on m.firm_id = s.firm_id and m.id = s.membership_id
where s.firm_id = :firm::uuid and s.id = :session::uuid and s.membership_id = :me::uuid and s.token_hash = :token_hash::bytea
	and (s.ended_at is not null or s.access_expires_at is null or s.access_expires_at > :now or coalesce(s.refresh_until, s.expires_at) <= :now)
	and not exists (
		select from audit a
		where a.firm_id = :firm and a.object_id = :session and a.action = 'auth.session'
			and a.at > :now - interval '1 hour'
	)

-- name: denial_write_dead_key
-- Revoked, past its end, or from an address that is none of its own: as often.
insert into audit (firm_id, id, at, actor_type, actor_id, actor_name, action, object_type, object_id, ip, request_id,
	outcome, detail)
select k.firm_id, :id::uuid, :now::timestamptz, 'key', k.id, k.name, 'auth.api_key', 'api_key', k.id, :ip::text,
	:request_id::text, 'denied', :detail::jsonb
from api_key k
where k.firm_id = :firm::uuid and k.id = :session::uuid and :token_hash::bytea in (k.secret_hash, k.previous_hash)
	and not exists (
		select from audit a
		where a.firm_id = :firm and a.object_id = :session and a.action = 'auth.api_key'
			and a.at > :now - interval '1 hour'
	)
