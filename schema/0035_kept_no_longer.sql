-- 0035_kept_no_longer.sql - what somebody holds of before: codes of a second factor that was replaced, keys beyond a role.

set role portico_owner;

-- As in 0032, and only of the secret of `started_at`: whoever sets up another one meanwhile has ended the codes of this.
drop function totp_use(uuid, bigint, bytea);

create function totp_use(identity uuid, started_at timestamptz, step bigint, recovery bytea) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from identity i where i.id = totp_use.identity for no key update;
	update identity_totp t
	set last_step = coalesce(totp_use.step, t.last_step), recovery = array_remove(t.recovery, totp_use.recovery)
	where t.identity_id = totp_use.identity and t.started_at = totp_use.started_at and t.confirmed_at is not null
		and (t.last_step < totp_use.step or totp_use.recovery = any(t.recovery));
	return found;
end
$$;

grant execute on function totp_use(uuid, timestamptz, bigint, bytea) to portico_api;

-- Nobody does through a key what they may do themselves no more: with another role, the person's keys lose the scopes that
-- it does not have. One that has none left is revoked.
create function staff_keys_shrink() returns trigger
language plpgsql
as $$
begin
	update api_key k
	set scopes = case when s.kept = '{}' then k.scopes else s.kept end,
		revoked_at = case when s.kept = '{}' then new.updated_at end, updated_at = new.updated_at
	from api_key o
	cross join lateral (
		select array(
			select x.scope
			from unnest(o.scopes) as x (scope)
			join role_permission p on p.role = new.role and p.permission = x.scope
			order by x.scope
		) as kept
	) s
	where o.firm_id = new.firm_id and o.created_by_id = new.id and o.revoked_at is null
		and cardinality(s.kept) < cardinality(o.scopes) and k.firm_id = o.firm_id and k.id = o.id;
	return null;
end
$$;

create trigger staff_keys_shrink after update of role on membership
for each row when (old.kind = 'staff' and old.role <> new.role) execute function staff_keys_shrink();

reset role;
