-- 0015_factor.sql - sessions of apps (short access tokens, refresh tokens derived from the row), and the second factor.

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

-- Was this session opened with a second factor? A firm may want it of its staff: without, they may enrol and nothing else.
alter table session add column second_factor boolean not null default false;
alter table firm add column require_staff_totp boolean not null default false;

grant update (second_factor) on session to portico_api;
grant update (require_staff_totp) on firm to portico_api;

-- As in 0005, and: an access token has an end of its own, the one before the last rotation is good for a minute, and the
-- firm's staff may need a second factor.
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
	limited boolean;
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

	limited := m.kind = 'staff' and not s.second_factor
		and (select f.require_staff_totp from firm f where f.id = m.firm_id);
	select coalesce(array_agg(p.permission order by p.permission), '{}') into rights
	from role_permission p
	where p.role = m.role and not limited;

	if authenticate.rule is distinct from 'any' then
		if limited then
			raise exception using errcode = 'PT403', message = 'totp_required_by_firm',
				detail = 'Your firm wants a second factor of its staff: set one up with POST /v1/auth/totp.';
		end if;
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

-- The second factor of an identity, over all firms: one secret, sealed with the server's key, which counts from confirmed_at
-- on; the last step that was used; the hashes (HMACs) of the recovery codes that are left. Reached by the functions below
-- alone.
create table identity_totp (
	identity_id uuid not null,
	secret bytea not null,
	started_at timestamptz not null,
	confirmed_at timestamptz,
	last_step bigint not null default 0,
	recovery bytea[] not null default '{}',
	constraint identity_totp_pkey primary key (identity_id),
	constraint identity_totp_identity_fk foreign key (identity_id) references identity (id) on delete cascade
);

alter table identity_totp enable row level security, force row level security;

create function totp_enabled(identity uuid) returns boolean
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select exists (select from identity_totp t where t.identity_id = $1 and t.confirmed_at is not null)
$$;

create function totp_find(identity uuid)
returns table (secret bytea, started_at timestamptz, confirmed boolean, last_step bigint)
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select t.secret, t.started_at, t.confirmed_at is not null, t.last_step from identity_totp t where t.identity_id = $1
$$;

-- A secret that does not count yet, in place of one that did not either. False: one counts already.
create function totp_start(identity uuid, secret bytea, now timestamptz) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	insert into identity_totp as t (identity_id, secret, started_at)
	values (totp_start.identity, totp_start.secret, totp_start.now)
	on conflict on constraint identity_totp_pkey do update
	set secret = excluded.secret, started_at = excluded.started_at
	where t.confirmed_at is null;
	return found;
end
$$;

-- From now on the secret of `started_at` counts; all sessions of the identity but `keep` end, in every firm, since they
-- were opened without. False: there is no such secret, or one counts already.
create function totp_confirm(
	identity uuid, started_at timestamptz, step bigint, recovery bytea[], keep uuid, now timestamptz
) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update identity_totp t
	set confirmed_at = totp_confirm.now, last_step = totp_confirm.step, recovery = totp_confirm.recovery
	where t.identity_id = totp_confirm.identity and t.started_at = totp_confirm.started_at and t.confirmed_at is null;
	if not found then
		return false;
	end if;
	update session s
	set second_factor = s.id = totp_confirm.keep,
		ended_at = case when s.id = totp_confirm.keep then s.ended_at else totp_confirm.now end
	from membership m
	where m.identity_id = totp_confirm.identity and s.firm_id = m.firm_id and s.membership_id = m.id and s.ended_at is null;
	return true;
end
$$;

-- Uses a code up: the step of a code, which must be later than any that was used, or the hash of a recovery code. False:
-- it was used before, or is none.
create function totp_use(identity uuid, step bigint, recovery bytea) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update identity_totp t
	set last_step = coalesce(totp_use.step, t.last_step), recovery = array_remove(t.recovery, totp_use.recovery)
	where t.identity_id = totp_use.identity and t.confirmed_at is not null
		and (t.last_step < totp_use.step or totp_use.recovery = any(t.recovery));
	return found;
end
$$;

create function totp_renew(identity uuid, recovery bytea[]) returns void
language sql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	update identity_totp t set recovery = $2 where t.identity_id = $1 and t.confirmed_at is not null
$$;

-- Does a firm whose staff the person belongs to want a second factor?
create function totp_required(identity uuid) returns boolean
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select exists (
		select from membership m
		join firm f on f.id = m.firm_id
		where m.identity_id = $1 and m.kind = 'staff' and m.state = 'active' and f.require_staff_totp
	)
$$;

create function totp_remove(identity uuid) returns void
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	delete from identity_totp t where t.identity_id = totp_remove.identity;
	update session s set second_factor = false
	from membership m
	where m.identity_id = totp_remove.identity and s.firm_id = m.firm_id and s.membership_id = m.id and s.second_factor;
end
$$;

grant execute on function
	totp_enabled(uuid), totp_find(uuid), totp_start(uuid, bytea, timestamptz),
	totp_confirm(uuid, timestamptz, bigint, bytea[], uuid, timestamptz), totp_use(uuid, bigint, bytea),
	totp_renew(uuid, bytea[]), totp_required(uuid), totp_remove(uuid)
to portico_api;

-- Somebody has proved the first factor and is asked for the second: five minutes, five tries, one success.
create table mfa_challenge (
	firm_id uuid not null,
	id uuid not null,
	membership_id uuid not null,
	token_hash bytea not null,
	tries integer not null default 0,
	created_at timestamptz not null,
	expires_at timestamptz not null,
	constraint mfa_challenge_pkey primary key (firm_id, id),
	constraint mfa_challenge_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete cascade,
	constraint mfa_challenge_token_hash_check check (length(token_hash) = 32),
	constraint mfa_challenge_tries_check check (tries between 0 and 5)
);

create index mfa_challenge_membership_idx on mfa_challenge (firm_id, membership_id);
create index mfa_challenge_expires_idx on mfa_challenge (expires_at);

select table_of_firm('mfa_challenge');
create policy mfa_challenge_janitor on mfa_challenge to portico_janitor using (true);
create policy sign_in_attempt_janitor on sign_in_attempt to portico_janitor using (true);
grant select, insert, delete on mfa_challenge to portico_api;
grant update (tries) on mfa_challenge to portico_api;
grant select (firm_id, id, expires_at), delete on mfa_challenge to portico_janitor;

-- What was proved is not so any more: who has just given the old password is asked anew.
create function challenges_end() returns trigger
language plpgsql
as $$
begin
	delete from mfa_challenge c
	using membership m
	where m.identity_id = new.id and c.firm_id = m.firm_id and c.membership_id = m.id;
	return null;
end
$$;

create trigger challenges_end after update of password_hash on identity
for each row when (old.password_hash is distinct from new.password_hash) execute function challenges_end();

-- Whoever may sign in no more has no session, and so no refresh token, whichever way they lost the right. A deletion
-- takes the sessions along by their foreign key.
create function sessions_end() returns trigger
language plpgsql
as $$
begin
	update session s set ended_at = new.updated_at
	where s.firm_id = new.firm_id and s.membership_id = new.id and s.ended_at is null;
	delete from mfa_challenge c where c.firm_id = new.firm_id and c.membership_id = new.id;
	return null;
end
$$;

create trigger sessions_end after update of state on membership
for each row when (
	old.state in ('active', 'pending_verification') and new.state not in ('active', 'pending_verification')
) execute function sessions_end();

reset role;
