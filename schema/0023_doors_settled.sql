-- 0023_doors_settled.sql - what was left open at the doors: another sign-in address than the invited one, long passwords for
-- the staff.

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

reset role;
