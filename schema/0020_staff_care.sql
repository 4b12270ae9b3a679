-- 0020_staff_care.sql - what a firm has switched on, and which tools a person of the portal has.

set role portico_owner;

-- The features there are, in their order, but for `others`: what is on of what is off, and the other way round.
create function features_but(others text[]) returns text[]
language sql immutable parallel safe
return array(
	select f.feature
	from unnest(array['documents', 'matters', 'imports', 'api_keys']) with ordinality as f (feature, place)
	where f.feature <> all(others)
	order by f.place
);

-- The tools of the portal, in the same way.
create function tools_but(others text[]) returns text[]
language sql immutable parallel safe
return array(
	select t.tool
	from unnest(array['files', 'requests', 'invoices', 'messages', 'tasks']) with ordinality as t (tool, place)
	where t.tool <> all(others)
	order by t.place
);

-- What is off is kept, so that what comes new is on.
alter table firm add column features_off text[] not null default '{}';
alter table membership add column tools_off text[] not null default '{}';

grant update (features_off) on firm to portico_api;
grant update (tools_off) on membership to portico_api;
grant select (tools_off) on membership to portico_mailer;

-- The second half of authorisation, after authenticate() has claimed the firm: is the part of the product that the
-- call belongs to on for this firm, and for this person? `audience` comes from authenticate(), so that this cannot run
-- before it. Null for what no feature or tool governs.
create function part_is_on(audience text, firm uuid, membership uuid, feature text, tool text) returns boolean
language plpgsql stable
as $$
declare
	off text;
begin
	if part_is_on.feature is not null or part_is_on.audience = 'key' then
		select t.name into off
		from firm f
		cross join unnest(array[part_is_on.feature, case when part_is_on.audience = 'key' then 'api_keys' end]) as t (name)
		where f.id = part_is_on.firm and t.name = any(f.features_off);
		if found then
			raise exception using errcode = 'PT403', message = 'feature_disabled',
				detail = format('The firm has switched %s off; it is among features of PATCH /v1/firm.', off);
		end if;
	end if;
	if part_is_on.audience = 'portal' and part_is_on.tool is not null then
		perform from membership m
		where m.firm_id = part_is_on.firm and m.id = part_is_on.membership and part_is_on.tool = any(m.tools_off);
		if found then
			raise exception using errcode = 'PT403', message = 'feature_disabled',
				detail = format('The firm has switched %s off for you.', part_is_on.tool);
		end if;
	end if;
	return true;
end
$$;

grant execute on function
	features_but(text[]), tools_but(text[]), part_is_on(text, uuid, uuid, text, text)
to portico_api;

reset role;
