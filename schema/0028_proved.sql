-- 0028_proved.sql - what was proved with a password counts while it is still the password.

set role portico_owner;

-- Is this still the identity's password hash? It stays so until the caller's commit: whoever chooses another one waits, and
-- then ends the session that was opened with this.
create function identity_proved(id uuid, password_hash text) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from identity i
	where i.id = identity_proved.id and i.password_hash = identity_proved.password_hash
	for share;
	return found;
end
$$;

grant execute on function identity_proved(uuid, text) to portico_api;

reset role;
