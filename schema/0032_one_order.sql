-- 0032_one_order.sql - rows are locked in one order (README.md, "Locks").

set role portico_owner;

-- As in 0024, and the contacts one after the other.
create or replace function version_related() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from contact c
	where (c.firm_id, c.id) in (select r.firm_id, r.contact_id from related r)
	order by c.id
	for no key update;
	update contact c set version = c.version + 1
	from (select distinct r.firm_id, r.contact_id from related r) r
	where c.firm_id = r.firm_id and c.id = r.contact_id;
	return null;
end
$$;

-- As in 0005, and in order.
create or replace function version_named() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	if tg_table_name = 'client' then
		perform from contact c
		join client_contact cc on cc.firm_id = c.firm_id and cc.contact_id = c.id
		where c.firm_id = new.firm_id and cc.client_id = new.id
		order by c.id
		for no key update of c;
		update contact c set version = c.version + 1
		from client_contact cc
		where cc.firm_id = new.firm_id and cc.client_id = new.id
			and c.firm_id = cc.firm_id and c.id = cc.contact_id;
	else
		perform from client c
		join client_team t on t.firm_id = c.firm_id and t.client_id = c.id
		where c.firm_id = new.firm_id and t.membership_id = new.id
		order by c.id
		for no key update of c;
		update client c set version = c.version + 1
		from client_team t
		where t.firm_id = new.firm_id and t.membership_id = new.id
			and c.firm_id = t.firm_id and c.id = t.client_id;
	end if;
	return null;
end
$$;

-- Triggers fire in the order of their names: what is shown by clients and contacts comes before what is shown by matters.
alter trigger client_matters on client rename to client_then_matters;
alter trigger membership_matters on membership rename to membership_then_matters;

-- As in 0019, and in order.
create or replace function version_matter_shown() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	shown uuid[] := case tg_table_name
		when 'client' then array(select x.id from matter x where x.firm_id = new.firm_id and x.client_id = new.id)
		when 'contact' then
			array(select mc.matter_id from matter_contact mc where mc.firm_id = new.firm_id and mc.contact_id = new.id)
		else array(select t.matter_id from matter_team t where t.firm_id = new.firm_id and t.membership_id = new.id)
	end;
begin
	perform from matter x where x.firm_id = new.firm_id and x.id = any(shown) order by x.id for no key update;
	update matter x set version = x.version + 1 where x.firm_id = new.firm_id and x.id = any(shown);
	return null;
end
$$;

reset role;
