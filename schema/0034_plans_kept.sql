-- 0034_plans_kept.sql - what ordinary calls ask keeps its plan.
--
-- PostgreSQL plans the body of a function in SQL anew in each query that calls it, unless it can be inlined; one that is a
-- security definer, or has a subquery in a scalar result, never can. Of signing in that was a third of the
-- server's work. PL/pgSQL keeps the plan for as long as the connection lives. What these answer is as before.

set role portico_owner;

drop function firm_find(text, text);

-- The firm of a public call: by slug where one is given, else by the host of its portal_url, else the
-- only firm there is. No row: it cannot be told.
create function firm_find(wanted text, host text) returns table (id uuid, slug text, name text)
language plpgsql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	if wanted is not null then
		return query select f.id, f.slug, f.name from firm f where f.slug = lower(wanted);
		return;
	end if;
	return query select f.id, f.slug, f.name from firm f where f.portal_host = lower(host);
	if not found then
		return query select f.id, f.slug, f.name from firm f where (select count(*) from (select from firm limit 2) as n) = 1;
	end if;
end
$$;

revoke all on function firm_find(text, text) from public;
grant execute on function firm_find(text, text) to portico_api;

-- How the people of a firm's portal sign in, before anybody is known. Null: no such firm.
create or replace function firm_sign_in(firm uuid) returns text
language plpgsql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	return (select f.sign_in from firm f where f.id = $1);
end
$$;

-- What a sign-in needs to know of one address at one firm: at most one row, whatever the state.
create or replace function sign_in_find(firm uuid, kind text, email_key text)
returns table (identity_id uuid, password_hash text, membership_id uuid, state text)
language plpgsql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	return query select m.identity_id, i.password_hash, m.id, m.state
	from membership m
	left join identity i on i.id = m.identity_id
	where m.firm_id = $1 and m.kind = $2 and m.login_email_key = $3;
end
$$;

create or replace function totp_enabled(identity uuid) returns boolean
language plpgsql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	return exists (select from identity_totp t where t.identity_id = $1 and t.confirmed_at is not null);
end
$$;

-- May this member of staff, or key, know of the matter? Null: there is none.
create or replace function matter_open(firm uuid, matter uuid, caller uuid) returns boolean
language plpgsql stable
as $$
begin
	return (
		select not x.restricted
			or exists (
				select from matter_team t where t.firm_id = $1 and t.matter_id = $2 and t.membership_id = $3
			)
			or exists (
				select from membership m where m.firm_id = $1 and m.id = $3 and m.role = 'owner'
			)
		from matter x
		where x.firm_id = $1 and x.id = $2
	);
end
$$;

-- The matter that a thing belongs to; null: none, or the thing is gone. Of a mail, a restricted one first. Only the
-- one question is asked that the kind of thing takes.
create or replace function object_matter(firm uuid, kind text, object uuid) returns uuid
language plpgsql stable
as $$
begin
	case $2
	when 'matter' then
		return $3;
	when 'folder' then
		return (select f.matter_id from folder f where f.firm_id = $1 and f.id = $3);
	when 'document' then
		return (select d.matter_id from document d where d.firm_id = $1 and d.id = $3);
	when 'share' then
		return (
			select coalesce(s.matter_id, f.matter_id, d.matter_id)
			from share s
			left join folder f on f.firm_id = s.firm_id and f.id = s.folder_id
			left join document d on d.firm_id = s.firm_id and d.id = s.document_id
			where s.firm_id = $1 and s.id = $3
		);
	when 'sign_up_link' then
		return (
			select coalesce(l.matter_id, f.matter_id)
			from sign_up_link l
			left join folder f on f.firm_id = l.firm_id and f.id = l.folder_id
			where l.firm_id = $1 and l.id = $3
		);
	when 'email' then
		return (
			select x.id
			from envelope e
			join matter x on x.firm_id = e.firm_id and x.id = any(e.matter_ids)
			where e.firm_id = $1 and e.id = $3
			order by x.restricted desc, x.id
			limit 1
		);
	else
		return null;
	end case;
end
$$;

-- What an event and an audit entry keep of it, since things move and go: {} or {"matter_id": …, "restricted": …}.
create or replace function matter_note(firm uuid, kind text, object uuid) returns jsonb
language plpgsql stable
as $$
declare
	matter uuid := object_matter($1, $2, $3);
begin
	if matter is null then
		return '{}';
	end if;
	return coalesce((
		select jsonb_build_object('matter_id', x.id, 'restricted', x.restricted)
		from matter x
		where x.firm_id = $1 and x.id = matter
	), '{}');
end
$$;

reset role;
