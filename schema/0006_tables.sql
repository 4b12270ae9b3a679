-- 0006_tables.sql - what every further table of a firm needs, in one call; and a reset that knows them all.

set role portico_owner;

-- Shows the API the rows of the firm it has claimed and no others. For migrations: call it for each new table of a firm.
create function table_of_firm(name text) returns void
language plpgsql
as $$
begin
	execute format('alter table %I enable row level security, force row level security', table_of_firm.name);
	execute format(
		'create policy %I on %I to portico_api using (firm_id = (select current_setting(''portico.firm''))::uuid)',
		table_of_firm.name || '_of_firm', table_of_firm.name
	);
end
$$;

-- Empties the installation, where the operator has switched test mode on in its row; else 404. What is kept is the
-- installation's own: its row, the rights of the roles, and which migrations it has had.
create or replace function test_reset() returns void
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	tables text;
begin
	perform from installation i where i.test_mode for update;
	if not found then
		raise exception using errcode = 'PT404', message = 'not_found';
	end if;
	select string_agg(format('%I', c.relname), ', ') into tables
	from pg_class c
	where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
		and c.relname not in ('installation', 'role_permission', 'schema_migration');
	execute 'truncate ' || tables;
	update installation set setup_done_at = null;
end
$$;

reset role;
