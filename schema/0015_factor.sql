-- 0015_factor.sql - sessions of apps: short access tokens, and refresh tokens that are derived from the session's row.

set role portico_owner;

-- A session with the transport 'token' is one device. Its refresh tokens are numbered; which is good is refresh_generation,
-- and what they and the access tokens are is an HMAC of refresh_nonce and the number, so that nothing here opens
-- anything. The token before stays good for a minute after rotated_at, and means the same successor. With
-- refresh_until the device may come back when the session itself is over; without, it lives as long as the session.
alter table session
	add column access_expires_at timestamptz,
	add column previous_hash bytea,
	add column refresh_nonce bytea,
	add column refresh_generation integer,
	add column refresh_until timestamptz,
	add column rotated_at timestamptz,
	add constraint session_previous_hash_check check (length(previous_hash) = 32),
	add constraint session_refresh_nonce_check check (length(refresh_nonce) = 16),
	add constraint session_refresh_check check (
		num_nulls(refresh_nonce, refresh_generation, rotated_at, access_expires_at) in (0, 4)
	);

grant update (token_hash, previous_hash, access_expires_at, refresh_generation, refresh_until, rotated_at, idle_seconds)
on session to portico_api;
grant select (refresh_until) on session to portico_janitor;

-- As in 0005, and: an access token has an end of its own, and the one before the last rotation is good for a minute.
create or replace function authenticate(
	token_hash bytea, firm uuid, membership uuid, session uuid, rule text, now timestamptz
) returns table (
	session_id uuid, audience text, membership_id uuid, identity_id uuid, contact_id uuid, name text, email text,
	role text, transport text, authenticated_at timestamptz, expires_at timestamptz,
	idle_expires_at timestamptz, permissions text[], locale text, timezone text
)
language plpgsql
as $$
#variable_conflict use_column
declare
	s session;
	m membership;
	rights text[];
begin
	perform claim_firm(authenticate.firm);
	select x.* into s
	from session x
	where x.firm_id = authenticate.firm and x.id = authenticate.session;
	select x.* into m
	from membership x
	where x.firm_id = authenticate.firm and x.id = authenticate.membership;
	if s.id is null or m.id is null or s.membership_id <> m.id
		or not coalesce(
			s.token_hash = authenticate.token_hash
			or (s.previous_hash = authenticate.token_hash and authenticate.now < s.rotated_at + interval '60 seconds'),
			false
		)
		or s.ended_at is not null or s.expires_at <= authenticate.now
		or coalesce(s.access_expires_at <= authenticate.now, false)
		or s.last_seen_at + make_interval(secs => s.idle_seconds) <= authenticate.now
		or m.state not in ('active', 'pending_verification') then
		raise exception using errcode = 'PT401', message = 'unauthenticated';
	end if;

	select coalesce(array_agg(p.permission order by p.permission), '{}') into rights
	from role_permission p
	where p.role = m.role;

	if authenticate.rule is distinct from 'any' then
		if m.state = 'pending_verification' then
			raise exception using errcode = 'PT403', message = 'awaiting_verification';
		end if;
		if authenticate.rule is null
			or (authenticate.rule in ('portal', 'staff') and m.kind <> authenticate.rule)
			or (authenticate.rule not in ('portal', 'staff') and authenticate.rule <> all(rights)) then
			raise exception using errcode = 'PT403', message = 'permission_denied',
				detail = coalesce(authenticate.rule, 'none');
		end if;
	end if;

	if s.last_seen_at <= authenticate.now - interval '1 minute' then
		perform from session x
		where x.firm_id = s.firm_id and x.id = s.id
		for no key update skip locked;
		if found then
			update session x set last_seen_at = greatest(x.last_seen_at, authenticate.now)
			where x.firm_id = s.firm_id and x.id = s.id;
		end if;
		s.last_seen_at := authenticate.now;
	end if;

	return query select
		s.id, m.kind, m.id, m.identity_id, m.contact_id, m.display_name, m.login_email,
		m.role, s.transport, s.authenticated_at, s.expires_at,
		least(s.expires_at, s.last_seen_at + make_interval(secs => s.idle_seconds)),
		rights, m.locale, m.timezone;
end
$$;

-- Whoever may sign in no more has no session, and so no refresh token, whichever way they lost the right. A deletion
-- takes the sessions along by their foreign key.
create function sessions_end() returns trigger
language plpgsql
as $$
begin
	update session s set ended_at = new.updated_at
	where s.firm_id = new.firm_id and s.membership_id = new.id and s.ended_at is null;
	return null;
end
$$;

create trigger sessions_end after update of state on membership
for each row when (
	old.state in ('active', 'pending_verification') and new.state not in ('active', 'pending_verification')
) execute function sessions_end();

reset role;
