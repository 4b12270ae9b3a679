-- 0007_api_keys.sql - keys with which programs of a firm call the API.
--
-- A key is a membership of its own, of kind 'key', with the same id: so it is an author, an actor and the owner of
-- its idempotent answers like any person of the firm, without an identity, a role or an address.

set role portico_owner;

alter table membership
	alter column login_email drop not null,
	alter column login_email_key drop not null,
	drop constraint membership_kind_check,
	drop constraint membership_role_check,
	drop constraint membership_identity_check,
	drop constraint membership_contact_check,
	add constraint membership_kind_check check (kind in ('staff', 'portal', 'key')),
	add constraint membership_role_check check (
		(kind = 'staff' and role is not null and role in ('owner', 'admin', 'member'))
		or (kind <> 'staff' and role is null)
	),
	add constraint membership_identity_check check (
		case when kind = 'key' then identity_id is null
			else identity_id is not null or state not in ('pending_verification', 'active') end
	),
	add constraint membership_contact_check check (
		(kind = 'staff' and contact_id is null and state <> 'pending_verification')
		or (kind = 'portal' and (contact_id is not null or state = 'pending_verification'))
		or (kind = 'key' and contact_id is null and state in ('active', 'suspended'))
	),
	add constraint membership_address_check check (
		num_nulls(login_email, login_email_key) = case when kind = 'key' then 2 else 0 end
	);

alter table event
	drop constraint event_actor_type_check,
	add constraint event_actor_type_check check (actor_type in ('staff', 'portal', 'key', 'firm', 'system'));
alter table document
	drop constraint document_uploaded_by_kind_check,
	add constraint document_uploaded_by_kind_check check (uploaded_by_kind in ('staff', 'portal', 'key'));
alter table share
	drop constraint share_created_by_type_check,
	add constraint share_created_by_type_check check (created_by_type in ('staff', 'portal', 'key', 'firm'));

-- The secret is known by its hash alone, the one before the last rotation too while both are good. Who made the
-- key is a snapshot: the key outlives nobody (below), but its row does. A revoked key stays so.
create table api_key (
	firm_id uuid not null,
	id uuid not null,
	name text not null,
	prefix text not null,
	secret_hash bytea not null,
	previous_hash bytea,
	previous_expires_at timestamptz,
	scopes text[] not null,
	allowed_cidrs cidr[] not null default '{}',
	expires_at timestamptz,
	last_used_at timestamptz,
	created_by_id uuid not null,
	created_by_name text not null,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	revoked_at timestamptz,
	version bigint not null default 1,
	constraint api_key_pkey primary key (firm_id, id),
	constraint api_key_membership_fk foreign key (firm_id, id) references membership (firm_id, id) on delete cascade,
	constraint api_key_name_check check (name <> '' and length(name) <= 200),
	constraint api_key_secret_check check (length(secret_hash) = 32 and length(previous_hash) = 32),
	constraint api_key_previous_check check (num_nulls(previous_hash, previous_expires_at) in (0, 2)),
	constraint api_key_scopes_check check (
		cardinality(scopes) > 0 and not scopes && array['api_keys:write', 'staff:write']
	)
);

create index api_key_list_idx on api_key (firm_id, created_at, id);
create index api_key_creator_idx on api_key (firm_id, created_by_id);

create trigger api_key_version before update on api_key
for each row execute function bump_version('last_used_at', 'secret_hash', 'previous_hash');

-- Who makes a key is there, and waits for whoever is just being let go: else the key would outlive them.
create function api_key_made() returns trigger
language plpgsql
as $$
begin
	perform from membership m
	where m.firm_id = new.firm_id and m.id = new.created_by_id and m.kind = 'staff' and m.state = 'active'
	for share;
	if not found then
		raise exception using errcode = 'PT401', message = 'unauthenticated';
	end if;
	return null;
end
$$;

create trigger api_key_made after insert on api_key for each row execute function api_key_made();

-- Whoever revokes a key sets revoked_at; its membership ends with it.
create function api_key_ends() returns trigger
language plpgsql
as $$
begin
	update membership m set state = 'suspended', updated_at = new.revoked_at
	where m.firm_id = new.firm_id and m.id = new.id;
	return null;
end
$$;

create trigger api_key_ends after update of revoked_at on api_key
for each row when (old.revoked_at is null and new.revoked_at is not null) execute function api_key_ends();

-- No key of somebody who has left goes on working, whichever way they left. A deletion does not say when it is: then
-- the time is that of the last change.
create function staff_keys_end() returns trigger
language plpgsql
as $$
begin
	update api_key k
	set revoked_at = case when tg_op = 'UPDATE' then new.updated_at else old.updated_at end,
		updated_at = case when tg_op = 'UPDATE' then new.updated_at else old.updated_at end
	where k.firm_id = old.firm_id and k.created_by_id = old.id and k.revoked_at is null;
	return null;
end
$$;

create trigger staff_keys_end after update of state on membership
for each row when (old.kind = 'staff' and old.state = 'active' and new.state <> 'active') execute function staff_keys_end();
create trigger staff_keys_gone after delete on membership
for each row when (old.kind = 'staff') execute function staff_keys_end();

-- authenticate() for a key: verifies it and its scope, and claims its firm. rule: a scope; 'any', 'portal' and 'staff'
-- are calls that no key may make. address: whence the call came, null where that cannot be told, which only a key
-- without allowed_cidrs survives. last_used_at is written at most once a minute, and not at all while another
-- transaction holds the row.
create function authenticate_key(
	secret_hash bytea, firm uuid, key uuid, rule text, address text, now timestamptz
) returns table (
	audience text, identity_id uuid, contact_id uuid, name text, email text, role text, transport text,
	authenticated_at timestamptz, expires_at timestamptz, idle_expires_at timestamptz, permissions text[],
	locale text, timezone text
)
language plpgsql
as $$
#variable_conflict use_column
declare
	k api_key;
	active boolean;
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

	if coalesce(k.last_used_at <= authenticate_key.now - interval '1 minute', true) then
		perform from api_key x
		where x.firm_id = k.firm_id and x.id = k.id
		for no key update skip locked;
		if found then
			update api_key x set last_used_at = greatest(x.last_used_at, authenticate_key.now)
			where x.firm_id = k.firm_id and x.id = k.id;
		end if;
	end if;

	return query select
		'key', null::uuid, null::uuid, k.name, null::text, null::text, 'token', null::timestamptz, k.expires_at,
		null::timestamptz, k.scopes, null::text, null::text;
end
$$;

select table_of_firm('api_key');

grant select, insert on api_key to portico_api;
grant update (name, prefix, secret_hash, previous_hash, previous_expires_at, scopes, allowed_cidrs, expires_at,
	last_used_at, revoked_at, updated_at)
on api_key to portico_api;
grant execute on function authenticate_key(bytea, uuid, uuid, text, text, timestamptz) to portico_api;

reset role;
