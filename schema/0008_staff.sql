-- 0008_staff.sql - the roles of a firm's staff as things of the firm, and the change of a password.

set role portico_owner;

-- What a member of staff is given by its id. The keys are the same in every firm, and membership.role holds them;
-- what a role may is in role_permission.
create table role (
	firm_id uuid not null,
	id uuid not null,
	key text not null,
	name text not null,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	constraint role_pkey primary key (firm_id, id),
	constraint role_key_key unique (firm_id, key),
	constraint role_firm_fk foreign key (firm_id) references firm (id),
	constraint role_key_check check (key in ('owner', 'admin', 'member')),
	constraint role_name_check check (name <> '' and length(name) <= 200)
);

select table_of_firm('role');
grant select on role to portico_api;

-- Every firm has its three roles from its first moment: a millisecond apart, so that lists show them in this order.
create function firm_roles() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	insert into role (firm_id, id, key, name, created_at, updated_at)
	select new.id, new_id(t.at), r.key, initcap(r.key), t.at, t.at
	from unnest(array['owner', 'admin', 'member']) with ordinality as r (key, place)
	cross join lateral (
		select date_trunc('milliseconds', new.created_at) + r.place * interval '1 millisecond' as at
	) t;
	return null;
end
$$;

create trigger firm_roles after insert on firm for each row execute function firm_roles();

insert into role (firm_id, id, key, name, created_at, updated_at)
select f.id, new_id(t.at), r.key, initcap(r.key), t.at, t.at
from firm f
cross join unnest(array['owner', 'admin', 'member']) with ordinality as r (key, place)
cross join lateral (
	select date_trunc('milliseconds', f.created_at) + r.place * interval '1 millisecond' as at
) t;

-- The password of an identity, and since when it has been as it is.
create function identity_credential(id uuid) returns table (password_hash text, set_at timestamptz)
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select i.password_hash, i.updated_at from identity i where i.id = identity_credential.id
$$;

-- Another password for the one that was proved: false when it is not that one any more. All sessions of the
-- identity end, in every firm, but for `keep`.
create function identity_change_password(id uuid, old_hash text, new_hash text, keep uuid, now timestamptz)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update identity i
	set password_hash = identity_change_password.new_hash, updated_at = identity_change_password.now
	where i.id = identity_change_password.id and i.password_hash = identity_change_password.old_hash;
	if not found then
		return false;
	end if;
	update session s
	set ended_at = identity_change_password.now
	from membership m
	where m.identity_id = identity_change_password.id and s.firm_id = m.firm_id and s.membership_id = m.id
		and s.ended_at is null and s.id <> identity_change_password.keep;
	return true;
end
$$;

grant execute on function
	identity_credential(uuid), identity_change_password(uuid, text, text, uuid, timestamptz)
to portico_api;

reset role;
