-- 0037_held_for_a_moment.sql - what is noted in passing keeps nobody waiting.

set role portico_owner;

-- That a session, or a key, is in use is noted once a minute: as the last that a transaction does, since whoever ends the
-- session may hold what the transaction still wants. Nobody waits here: who finds it held leaves it to the next call.
create function session_used(firm uuid, session uuid, now timestamptz) returns void
language plpgsql
as $$
begin
	perform from session x
	where x.firm_id = session_used.firm and x.id = session_used.session
	for no key update skip locked;
	if found then
		update session x set last_seen_at = greatest(x.last_seen_at, session_used.now)
		where x.firm_id = session_used.firm and x.id = session_used.session;
	end if;
end
$$;

create function key_used(firm uuid, key uuid, now timestamptz) returns void
language plpgsql
as $$
begin
	perform from api_key x
	where x.firm_id = key_used.firm and x.id = key_used.key
	for no key update skip locked;
	if found then
		update api_key x set last_used_at = greatest(x.last_used_at, key_used.now)
		where x.firm_id = key_used.firm and x.id = key_used.key;
	end if;
end
$$;

-- As in 0015, and `note` is false in a transaction that is to hold more: `unnoted` tells it to call session_used() at its end.
drop function authenticate(bytea, uuid, uuid, uuid, text, timestamptz);
create function authenticate(
	token_hash bytea, firm uuid, membership uuid, session uuid, rule text, now timestamptz,
	note boolean default true
) returns table (
	session_id uuid, audience text, membership_id uuid, identity_id uuid, contact_id uuid, name text, email text,
	role text, transport text, authenticated_at timestamptz, expires_at timestamptz,
	idle_expires_at timestamptz, permissions text[], locale text, timezone text, unnoted boolean
)
language plpgsql
as $$
#variable_conflict use_column
declare
	s session;
	m membership;
	rights text[];
	limited boolean;
	due boolean;
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

	due := s.last_seen_at <= authenticate.now - interval '1 minute';
	if due then
		if authenticate.note then
			perform session_used(s.firm_id, s.id, authenticate.now);
		end if;
		s.last_seen_at := authenticate.now;
	end if;

	return query select
		s.id, m.kind, m.id, m.identity_id, m.contact_id, m.display_name, m.login_email,
		m.role, s.transport, s.authenticated_at, s.expires_at,
		least(s.expires_at, s.last_seen_at + make_interval(secs => s.idle_seconds)),
		rights, m.locale, m.timezone, due and not authenticate.note;
end
$$;

-- As in 0007, with `note` and `unnoted` in the same way.
drop function authenticate_key(bytea, uuid, uuid, text, text, timestamptz);
create function authenticate_key(
	secret_hash bytea, firm uuid, key uuid, rule text, address text, now timestamptz, note boolean default true
) returns table (
	audience text, identity_id uuid, contact_id uuid, name text, email text, role text, transport text,
	authenticated_at timestamptz, expires_at timestamptz, idle_expires_at timestamptz, permissions text[],
	locale text, timezone text, unnoted boolean
)
language plpgsql
as $$
#variable_conflict use_column
declare
	k api_key;
	active boolean;
	due boolean;
begin
	perform claim_firm(authenticate_key.firm);
	select x.* into k from api_key x where x.firm_id = authenticate_key.firm and x.id = authenticate_key.key;
	select m.kind = 'key' and m.state = 'active' into active
	from membership m
	where m.firm_id = authenticate_key.firm and m.id = authenticate_key.key;
	if k.id is null or active is distinct from true
		or k.revoked_at is not null
		or coalesce(k.expires_at <= authenticate_key.now, false)
		or not coalesce(
			k.secret_hash = authenticate_key.secret_hash
			or (k.previous_hash = authenticate_key.secret_hash and k.previous_expires_at > authenticate_key.now),
			false
		)
		or (
			cardinality(k.allowed_cidrs) > 0
			and not coalesce(authenticate_key.address::inet <<= any(k.allowed_cidrs), false)
		) then
		raise exception using errcode = 'PT401', message = 'unauthenticated';
	end if;

	if authenticate_key.rule is null or authenticate_key.rule in ('any', 'portal', 'staff') then
		raise exception using errcode = 'PT403', message = 'permission_denied',
			detail = 'No API key may make this call.';
	end if;
	if authenticate_key.rule <> all(k.scopes) then
		raise exception using errcode = 'PT403', message = 'insufficient_scope',
			detail = format('The API key does not have the scope %s.', authenticate_key.rule);
	end if;

	due := coalesce(k.last_used_at <= authenticate_key.now - interval '1 minute', true);
	if due and authenticate_key.note then
		perform key_used(k.firm_id, k.id, authenticate_key.now);
	end if;

	return query select
		'key', null::uuid, null::uuid, k.name, null::text, null::text, 'token', null::timestamptz, k.expires_at,
		null::timestamptz, k.scopes, null::text, null::text,
		due and not authenticate_key.note;
end
$$;

grant execute on function session_used(uuid, uuid, timestamptz), key_used(uuid, uuid, timestamptz),
	authenticate(bytea, uuid, uuid, uuid, text, timestamptz, boolean),
	authenticate_key(bytea, uuid, uuid, text, text, timestamptz, boolean)
to portico_api;

-- As in 0005, and all the clients are held first, in the order of their ids: their people's shares hold memberships.
create or replace function backfill_upload_folders(firm uuid, name text, name_key text, now timestamptz)
returns table (client_id uuid, folder_id uuid)
language plpgsql
as $$
#variable_conflict use_column
declare
	made record;
	n integer;
	suffix text;
begin
	perform from client c
	where c.firm_id = backfill_upload_folders.firm and c.status = 'active' and not c.default_folder_made
	order by c.id
	for no key update;
	for made in
		select c.id
		from client c
		where c.firm_id = backfill_upload_folders.firm and c.status = 'active' and not c.default_folder_made
		order by c.id
	loop
		n := 1;
		suffix := '';
		while exists (
			select from folder f
			where f.firm_id = backfill_upload_folders.firm and f.client_id = made.id
				and f.parent_id is null and f.removed_at is null
				and f.name_key = backfill_upload_folders.name_key || suffix
		) loop
			n := n + 1;
			suffix := format(' (%s)', n);
		end loop;
		client_id := made.id;
		folder_id := new_id(backfill_upload_folders.now);
		insert into folder (firm_id, id, client_id, name, name_key, is_default_upload, created_at, updated_at)
		values (
			backfill_upload_folders.firm, backfill_upload_folders.folder_id, made.id,
			backfill_upload_folders.name || suffix, backfill_upload_folders.name_key || suffix, true,
			backfill_upload_folders.now, backfill_upload_folders.now
		);
		perform default_shares(m.firm_id, m.id, backfill_upload_folders.now, made.id)
		from membership m
		join client_contact cc on cc.firm_id = m.firm_id and cc.contact_id = m.contact_id
		where m.firm_id = backfill_upload_folders.firm and m.kind = 'portal' and cc.client_id = made.id;
		return next;
	end loop;
end
$$;

reset role;
