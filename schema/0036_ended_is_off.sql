-- 0036_ended_is_off.sql - whoever changes an access whose time has come finds it switched off, also ahead of the janitor.

set role portico_owner;

-- Ends the access if its time has come, as access_duty() would in its next turn. The contact is held.
create function access_end_overdue(firm uuid, membership uuid, now timestamptz) returns void
language plpgsql
as $$
declare
	reason text := (
		select case
			when m.ends_at <= access_end_overdue.now then 'ends_at'
			when m.idle_ends_at <= access_end_overdue.now and f.access_idle_days is not null
				and access_last_used(m) <= m.idle_told_at then 'idle'
		end
		from membership m
		join firm f on f.id = m.firm_id
		where m.firm_id = access_end_overdue.firm and m.id = access_end_overdue.membership
	);
begin
	if reason is null then
		return;
	end if;
	perform access_fact(firm, membership, 'portal_access.disabled', reason, now);
	perform access_close(firm, membership, new_id(now), now);
end
$$;

grant execute on function access_end_overdue(uuid, uuid, timestamptz), access_fact(uuid, uuid, text, text, timestamptz),
	access_last_used(membership)
to portico_api;

-- An invitation that was never mailed follows the contact's address.
grant update (email, email_key) on invitation to portico_api;

reset role;
