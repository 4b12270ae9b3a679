-- 0029_told_anew.sql - what one was told of an end counts for nobody else.

set role portico_owner;

-- Whoever gets the access with another address, accepts it, or is let in again after a suspension was not told that it will
-- end for not being used: the end that the one before was told of is off (0016).
create function access_taken_up() returns trigger
language plpgsql
as $$
begin
	new.idle_told_at := null;
	new.idle_ends_at := null;
	if new.identity_id is distinct from old.identity_id then
		new.ends_told_at := null;
	end if;
	return new;
end
$$;

create trigger access_taken_up before update of identity_id, state on membership
for each row when (
	new.identity_id is distinct from old.identity_id or (old.state = 'suspended' and new.state = 'active')
) execute function access_taken_up();

reset role;
