-- 0023_doors_settled.sql - what was left open at the doors: another sign-in address than the invited one, long passwords for
-- the staff, the end of a second factor that nobody uses.

set role portico_owner;

-- Model C7, registration_email free: the address that an invited person would rather sign in with. It counts once the
-- mail to it is opened, whose token is derived from the invitation and the address.
alter table invitation add column other_email text, add column other_email_key text,
	add constraint invitation_other_email_check check ((other_email is null) = (other_email_key is null));

drop trigger invitation_version on invitation;
create trigger invitation_version before update on invitation
for each row execute function bump_version('nonce', 'other_email', 'other_email_key');

grant update (other_email, other_email_key) on invitation to portico_api;
grant select (other_email_key) on invitation to portico_mailer;

-- Is the password all that is asked of somebody who works for a firm? It has to be longer then.
create function password_alone(identity uuid) returns boolean
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select not totp_enabled($1) and exists (
		select from membership m
		join firm f on f.id = m.firm_id
		where m.identity_id = $1 and m.kind = 'staff' and m.state = 'active' and not f.require_staff_totp
	)
$$;

grant execute on function password_alone(uuid) to portico_api;

-- As in 0005, and the second factor goes with the password: whoever is let in again one day proves the address, and may
-- have another telephone by then.
create or replace function identity_drop_password_if_orphan(id uuid) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from identity i where i.id = identity_drop_password_if_orphan.id for update;
	if exists (
		select from membership m
		where m.identity_id = identity_drop_password_if_orphan.id
			and m.state in ('active', 'suspended', 'pending_verification')
	) then
		return false;
	end if;
	delete from identity_totp t where t.identity_id = identity_drop_password_if_orphan.id;
	update identity i set password_hash = null
	where i.id = identity_drop_password_if_orphan.id and i.password_hash is not null;
	return found;
end
$$;

reset role;
