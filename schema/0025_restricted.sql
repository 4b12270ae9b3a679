-- 0025_restricted.sql - what is about a restricted matter is told to nobody who may not know of it; the end of snapshots.

set role portico_owner;

-- The mailer asks matter_open() when a notice to the staff is due.
create policy matter_mailer on matter to portico_mailer using (true);
create policy matter_team_mailer on matter_team to portico_mailer using (true);
grant select (firm_id, id, restricted) on matter to portico_mailer;
grant select (firm_id, matter_id, membership_id) on matter_team to portico_mailer;
grant execute on function matter_open(uuid, uuid, uuid) to portico_mailer;

-- The matters of what a mail named when it was written.
alter table envelope add column matter_ids uuid[] not null default '{}';
grant update (matter_ids) on envelope to portico_api;

-- The matter that a thing belongs to; null: none, or the thing is gone. Of a mail, a restricted one first.
create function object_matter(firm uuid, kind text, object uuid) returns uuid
language sql stable
as $$
	select case $2
		when 'matter' then $3
		when 'folder' then (select f.matter_id from folder f where f.firm_id = $1 and f.id = $3)
		when 'document' then (select d.matter_id from document d where d.firm_id = $1 and d.id = $3)
		when 'share' then (
			select coalesce(s.matter_id, f.matter_id, d.matter_id)
			from share s
			left join folder f on f.firm_id = s.firm_id and f.id = s.folder_id
			left join document d on d.firm_id = s.firm_id and d.id = s.document_id
			where s.firm_id = $1 and s.id = $3
		)
		when 'email' then (
			select x.id
			from envelope e
			join matter x on x.firm_id = e.firm_id and x.id = any(e.matter_ids)
			where e.firm_id = $1 and e.id = $3
			order by x.restricted desc, x.id
			limit 1
		)
	end
$$;

-- What an event and an audit entry keep of it, since things move and go: {} or {"matter_id": …, "restricted": …}.
create function matter_note(firm uuid, kind text, object uuid) returns jsonb
language sql stable
as $$
	select coalesce((
		select jsonb_build_object('matter_id', x.id, 'restricted', x.restricted)
		from matter x
		where x.firm_id = $1 and x.id = object_matter($1, $2, $3)
	), '{}')
$$;

-- Of a matter that is gone nobody knows who was on its team: owners may know of it, the others where it was not
-- restricted.
create function gone_matter_open(firm uuid, restricted boolean, caller uuid) returns boolean
language sql stable
as $$
	select not $2 or exists (select from membership m where m.firm_id = $1 and m.id = $3 and m.role = 'owner')
$$;

-- May this member of staff, or key, be told what happened to the thing? Neither of a matter that it was in then nor of
-- the one that it is in now is anybody told who may not know of it.
create function matter_told(firm uuid, kind text, object uuid, note jsonb, caller uuid) returns boolean
language sql stable
as $$
	select coalesce(matter_open($1, object_matter($1, $2, $3), $5), true)
		and ($4 ->> 'matter_id' is null
			or coalesce(
				matter_open($1, ($4 ->> 'matter_id')::uuid, $5), gone_matter_open($1, ($4 ->> 'restricted')::boolean, $5)
			))
$$;

-- The same of a mail, which may name several documents.
create function mail_told(firm uuid, matters uuid[], folder uuid, documents uuid[], caller uuid) returns boolean
language sql stable
as $$
	select not exists (
		select from (
			select unnest($2) as id
			union
			select f.matter_id from folder f where f.firm_id = $1 and f.id = $3
			union
			select d.matter_id from document d where d.firm_id = $1 and d.id = any($4)
		) x
		where x.id is not null and not coalesce(matter_open($1, x.id, $5), gone_matter_open($1, true, $5))
	)
$$;

grant execute on function
	object_matter(uuid, text, uuid), matter_note(uuid, text, uuid), gone_matter_open(uuid, boolean, uuid),
	matter_told(uuid, text, uuid, jsonb, uuid), mail_told(uuid, uuid[], uuid, uuid[], uuid)
to portico_api;

-- The janitor forgets what was shared when an access ended long ago.
create policy access_snapshot_janitor on access_snapshot to portico_janitor using (true);
grant select (firm_id, id, created_at), delete on access_snapshot to portico_janitor;
create index access_snapshot_created_idx on access_snapshot (created_at);

reset role;
