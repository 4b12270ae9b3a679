-- 0035_factor_kept.sql - a code counts for the second factor that it was compared with.

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

reset role;
