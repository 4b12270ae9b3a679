-- name: importer_take
select t.firm_id, t.import_id, t.may, t.attempts
from import_take(:now::timestamptz) t;

-- name: importer_let_go
select pg_advisory_unlock_all() as free;

-- name: importer_claim
-- All is found by keys. A plan that was made while a table was small, by a trigger say, would read the whole of it for
-- each row of the many.
select claim_firm(:firm::uuid), set_config('enable_seqscan', 'off', true) as plan;

-- name: importer_load
-- What is handed over by inviting is judged by the rights of who asked for the import.
select i.kind, i.status, i.send_invitations, i.applied, i.actor_type, i.actor_id, i.actor_name, b.path,
	to_jsonb(case when m.kind = 'key' then k.scopes else array(
		select p.permission from role_permission p where p.role = m.role
	) end) as permissions
from import i
left join blob b on b.firm_id = i.firm_id and b.id = i.blob_id
left join membership m on m.firm_id = i.firm_id and m.id = i.actor_id
left join api_key k on k.firm_id = m.firm_id and k.id = m.id
where i.firm_id = :firm::uuid and i.id = :import::uuid

-- name: importer_stage
-- What was read before a worker died is read again and is there already.
insert into import_row (firm_id, import_id, line, code, email_key, codes, client, contact, faults)
select :firm::uuid, :import::uuid, r.line, r.code, r.email_key, array(select jsonb_array_elements_text(r.codes)),
	r.client, r.contact, r.faults
from jsonb_to_recordset(:rows::jsonb) as r (
	line integer, code text, email_key text, codes jsonb, client jsonb, contact jsonb, faults jsonb
)
on conflict on constraint import_row_pkey do nothing

-- name: importer_staged
update import set row_count = :count::bigint, updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :import::uuid

-- name: importer_analyze
-- A few rows change little of what the planner knows.
select import_analyze()
from import
where firm_id = :firm::uuid and id = :import::uuid and row_count >= 1000

-- name: importer_bounds
select coalesce(max(line), 0) as last from import_row where firm_id = :firm::uuid and import_id = :import::uuid

-- name: importer_plan
-- How the statements that follow in this transaction are planned. What compares lines is to be planned for the lines
-- it is about: a plan for any lines expects a few, and compares each with each.
select set_config('plan_cache_mode', :mode::text, true)

-- part: importer_chunk
	r.firm_id = :firm::uuid and r.import_id = :import::uuid and r.line between :first::integer and :last::integer

-- part: importer_first
-- The first row of the file with the same code, and the first with the same address.
left join lateral (
	select x.line, x.client, x.client_id, x.faults = '[]' as fine
	from import_row x
	where x.firm_id = r.firm_id and x.import_id = r.import_id and x.code = r.code
	order by x.line
	limit 1
) a on true
left join lateral (
	select x.line, x.contact, x.contact_id, x.faults = '[]' as fine
	from import_row x
	where x.firm_id = r.firm_id and x.import_id = r.import_id and x.email_key = r.email_key
	order by x.line
	limit 1
) b on true

-- name: importer_match
-- Clients are found by their code, contacts by address and name. Who has the code or the address under another name
-- is taken for somebody else: else a slip of the pen would show one client's documents to the people of another.
with r as (
	select r.*, coalesce(r.contact ->> 'display_name', '') as display_name
	from import_row r
	where {{importer_chunk}}
), known as materialized (
	select r.line, min(p.display_name) as name,
		(array_agg(p.id order by p.created_at, p.id) filter (
			where lower(p.display_name collate "und-x-icu") = lower(r.display_name collate "und-x-icu")
		))[1] as id
	from r
	join contacts_by_email(:firm, array(select x.email_key from r x where x.email_key is not null)) p on p.key = r.email_key
	group by r.line
), lost as materialized (
	select r.line, jsonb_agg(jsonb_build_object(
		'pointer', '/client_codes',
		'code', case when c.id is null then 'no_such_client' else 'client_archived' end,
		'message', case when c.id is null then 'No client has the code ' else 'Archived is the client with the code ' end
			|| u.code || '.'
	) order by u.n) as errors
	from r
	cross join lateral unnest(r.codes) with ordinality u (code, n)
	left join client c on c.firm_id = r.firm_id and c.code = u.code
	where r.client is null and (c.id is null or c.status = 'archived')
	group by r.line
), judged as (
	select r.line, c.id as client_id, k.id as contact_id,
		r.code is not null and c.id is null and a.line = r.line as client_new,
		r.email_key is not null and k.id is null and b.line = r.line as contact_new,
		r.faults || coalesce(l.errors, '[]')
		|| case when a.line < r.line and a.fine and a.client <> r.client then jsonb_build_array(jsonb_build_object(
			'pointer', '/code', 'code', 'differs_from_line',
			'message', 'Line ' || a.line || ' has this code and says something else of the client.')) else '[]' end
		|| case when c.status = 'archived' then jsonb_build_array(jsonb_build_object(
			'pointer', '/code', 'code', 'client_archived', 'message', 'The client with this code is archived.')) else '[]' end
		|| case when c.entity <> r.client ->> 'entity'
				or lower(c.name collate "und-x-icu") <> lower((r.client ->> 'name') collate "und-x-icu")
			then jsonb_build_array(jsonb_build_object('pointer', '/code', 'code', 'code_taken',
			'message', 'The ' || c.entity || ' "' || c.name || '" has this code.')) else '[]' end
		|| case when b.line < r.line and b.fine
				and lower((b.contact ->> 'display_name') collate "und-x-icu") <> lower(r.display_name collate "und-x-icu")
			then jsonb_build_array(jsonb_build_object('pointer', t.pointer, 'code', 'differs_from_line',
			'message', 'Line ' || b.line || ' has this address for somebody else.')) else '[]' end
		|| case when k.name is not null and k.id is null
			then jsonb_build_array(jsonb_build_object('pointer', t.pointer, 'code', 'email_taken',
			'message', '"' || k.name || '" has this address.')) else '[]' end as errors
	from r
	{{importer_first}}
	left join client c on c.firm_id = r.firm_id and c.code = r.code
	left join known k on k.line = r.line
	left join lost l on l.line = r.line
	cross join lateral (
		select case when r.client is null then '/emails' else '/contact_email' end as pointer
	) t
)
update import_row x
set errors = j.errors, client_new = j.client_new, contact_new = j.contact_new,
	client_id = coalesce(j.client_id, case when j.client_new then new_id(:now::timestamptz) end),
	contact_id = coalesce(j.contact_id, case when j.contact_new then new_id(:now) end)
from judged j
where x.firm_id = :firm and x.import_id = :import and x.line = j.line and x.line between :first and :last and (
		x.errors, x.client_new, x.contact_new,
		case when not x.client_new then x.client_id end, case when not x.contact_new then x.contact_id end
	) is distinct from (j.errors, j.client_new, j.contact_new, j.client_id, j.contact_id)

-- name: importer_result
-- What each row comes to, once the first rows know the ids of what they make. Materialized: a coalesce is compared behind
-- row-level security alone, past the index, with all contacts of a client for each row.
with found as materialized (
	select r.line, r.codes, r.email_key, r.contact_new, r.errors <> '[]' as wrong,
		case when r.client is null then r.contact_new else r.client_new end as made,
		coalesce(r.client_id, a.client_id) as client_id, coalesce(r.contact_id, b.contact_id) as contact_id
	from import_row r
	{{importer_first}}
	where {{importer_chunk}}
), weighed as (
	select f.line, f.client_id, f.contact_id, case
		when f.wrong then null
		when f.made then 'created'
		when f.contact_new or f.contact_id is not null and not exists (
			select from import_row y
			where y.firm_id = :firm and y.import_id = :import and y.email_key = f.email_key and y.line < f.line
				and y.codes @> f.codes
		) and exists (
			select
			from unnest(f.codes) u (code)
			left join client c on c.firm_id = :firm and c.code = u.code
			left join client_contact cc on cc.firm_id = c.firm_id and cc.client_id = c.id and cc.contact_id = f.contact_id
			where cc.contact_id is null
		) then 'updated'
		else 'unchanged'
	end as result
	from found f
)
update import_row x
set client_id = w.client_id, contact_id = w.contact_id, result = w.result
from weighed w
where x.firm_id = :firm and x.import_id = :import and x.line = w.line and x.line between :first and :last
	and (x.client_id, x.contact_id, x.result) is distinct from (w.client_id, w.contact_id, w.result)

-- part: importer_counts
select count(*) as rows, count(*) filter (where r.result = 'created') as created,
	count(*) filter (where r.result = 'updated') as updated, count(*) filter (where r.result = 'unchanged') as unchanged,
	count(*) filter (where r.errors <> '[]') as errors
from import_row r
where r.firm_id = :firm::uuid and r.import_id = :import::uuid

-- name: importer_judge
-- All rows or none: one fault is enough. The file has served.
with n as (
	{{importer_counts}}
), file as (
	update blob b set state = 'doomed'
	from import i
	where i.firm_id = :firm and i.id = :import and b.firm_id = i.firm_id and b.id = i.blob_id
)
update import i
set row_count = n.rows, created_count = n.created, updated_count = n.updated, unchanged_count = n.unchanged,
	error_count = n.errors, blob_id = null, updated_at = :now::timestamptz,
	status = case when n.errors > 0 then 'failed' when i.dry_run and i.status = 'validating' then 'ready'
		else 'running' end,
	finished_at = case when n.errors > 0 then :now end
from n
where i.firm_id = :firm and i.id = :import
returning i.status

-- name: importer_fail
with file as (
	update blob b set state = 'doomed'
	from import i
	where i.firm_id = :firm::uuid and i.id = :import::uuid and b.firm_id = i.firm_id and b.id = i.blob_id
)
update import
set status = 'failed', errors = :errors::jsonb, blob_id = null, updated_at = :now::timestamptz, finished_at = :now
where firm_id = :firm and id = :import and status in ('validating', 'running')

-- part: importer_event
insert into event (firm_id, id, type, object_type, object_id, client_id, actor_type, actor_id, actor_name, changed_fields,
	occurred_at)

-- part: importer_audit
insert into audit (firm_id, id, at, actor_type, actor_id, actor_name, action, object_type, object_id, client_id,
	request_id, outcome, detail)

-- name: importer_clients
-- The default folder, where the firm has one, follows in the same transaction.
with made as (
	insert into client (firm_id, id, entity, code, name, emails, custom_fields, default_folder_made, created_at, updated_at)
	select r.firm_id, r.client_id, r.client ->> 'entity', r.code, r.client ->> 'name',
		array(select jsonb_array_elements_text(r.client -> 'emails')), '{}', f.default_upload_folder, :now::timestamptz, :now
	from import_row r
	join firm f on f.id = r.firm_id
	where {{importer_chunk}} and r.client_new
	returning firm_id, id
), told as (
	{{importer_event}}
	select m.firm_id, new_id(:now), 'client.created', 'client', m.id, m.id, :actor_type::text, :actor::uuid,
		:actor_name::text, '{}', :now
	from made m
)
{{importer_audit}}
select m.firm_id, new_id(:now), :now, :actor_type, :actor, :actor_name, 'client.created', 'client', m.id, m.id,
	:request::text, 'ok', jsonb_build_object('import', :request)
from made m

-- name: importer_folder_name
select f.default_folder_name as name from firm f where f.id = :firm::uuid and f.default_upload_folder

-- name: importer_folders
-- S3-12: a new client has the firm's default folder, in the same transaction.
insert into folder (firm_id, id, client_id, name, name_key, is_default_upload, created_at, updated_at)
select r.firm_id, new_id(:now::timestamptz), r.client_id, :name::text, :name_key::text, true, :now, :now
from import_row r
where {{importer_chunk}} and r.client_new

-- name: importer_contacts
with made as (
	insert into contact (firm_id, id, entity, first_name, last_name, display_name, primary_email, emails, email_keys, phone,
		custom_fields, created_at, updated_at)
	select r.firm_id, r.contact_id, r.contact ->> 'entity', r.contact ->> 'first_name', r.contact ->> 'last_name',
		r.contact ->> 'display_name', r.contact -> 'emails' ->> 0,
		array(select jsonb_array_elements_text(r.contact -> 'emails')),
		array(select jsonb_array_elements_text(r.contact -> 'email_keys')), r.contact ->> 'phone', '{}',
		:now::timestamptz, :now
	from import_row r
	where {{importer_chunk}} and r.contact_new
	returning firm_id, id
), told as (
	{{importer_event}}
	select m.firm_id, new_id(:now), 'contact.created', 'contact', m.id, null, :actor_type::text, :actor::uuid,
		:actor_name::text, '{}', :now
	from made m
)
{{importer_audit}}
select m.firm_id, new_id(:now), :now, :actor_type, :actor, :actor_name, 'contact.created', 'contact', m.id, null,
	:request::text, 'ok', jsonb_build_object('import', :request)
from made m

-- name: importer_relate_late
-- See contacts_related(): whoever changes a contact meanwhile does not wait for the whole import.
select set_config('portico.related_late', 'on', true)

-- name: importer_relate_to
-- The last line, from `first` on, that one statement relates: what it makes may be many times as many.
select coalesce(max(l.line), :last::integer) as last
from (
	select r.line, sum(cardinality(r.codes)) over (order by r.line) as relations, row_number() over (order by r.line) as n
	from import_row r
	where {{importer_chunk}}
) l
where l.relations <= :most::bigint or l.n = 1

-- name: importer_relate
-- Of who was there before it is told that they changed.
with made as (
	insert into client_contact (firm_id, client_id, contact_id, created_at)
	select distinct r.firm_id, c.id, r.contact_id, :now::timestamptz
	from import_row r
	cross join lateral unnest(r.codes) u (code)
	join client c on c.firm_id = r.firm_id and c.code = u.code
	where {{importer_chunk}} and r.contact_id is not null
	on conflict on constraint client_contact_pkey do nothing
	returning firm_id, client_id, contact_id
), changed as (
	select m.firm_id, 'client' as type, c.id, m.client_id, '{}'::text[] as fields
	from made m
	join client c on c.firm_id = m.firm_id and c.id = m.client_id and c.created_at <> :now
	union all
	select m.firm_id, 'contact', n.id, m.client_id, '{clients}'
	from made m
	join contact n on n.firm_id = m.firm_id and n.id = m.contact_id and n.created_at <> :now
), told as (
	{{importer_event}}
	select h.firm_id, new_id(:now), h.type || '.updated', h.type, h.id, h.client_id, :actor_type::text, :actor::uuid,
		:actor_name::text, h.fields, :now
	from changed h
)
{{importer_audit}}
select h.firm_id, new_id(:now), :now, :actor_type, :actor, :actor_name, h.type || '.updated', h.type, h.id, h.client_id,
	:request::text, 'ok', jsonb_build_object('import', :request) || case when h.type = 'contact'
		then '{"changed": ["clients"]}'::jsonb else '{}' end
from changed h

-- name: importer_share
-- Whose access is on sees the default folder of a client that this transaction has related to them.
with m as materialized (
	select distinct p.id, p.contact_id
	from import_row r
	join membership p on p.firm_id = r.firm_id and p.contact_id = r.contact_id
	where {{importer_chunk}}
)
select count(d.id) as made
from m
cross join lateral (
	select cc.client_id
	from client_contact cc
	where cc.firm_id = :firm and cc.contact_id = m.contact_id and cc.xmin = pg_current_xact_id()::xid
	offset 0
) cc
cross join lateral default_shares(:firm, m.id, :now::timestamptz, cc.client_id) d (id)

-- name: importer_related
select last, archived from contacts_related(:firm::uuid, :after::uuid)

-- name: importer_applied
update import set applied = true, updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :import::uuid and status = 'running' and not applied
returning id

-- name: importer_people
-- Whom to invite next, each person once.
select r.line, r.contact_id
from import_row r
where r.firm_id = :firm::uuid and r.import_id = :import::uuid and r.contact_id is not null and r.invitation is null
	and r.line > :after::integer and not exists (
		select from import_row y
		where y.firm_id = r.firm_id and y.import_id = r.import_id and y.email_key = r.email_key and y.line < r.line
	)
order by r.line
limit 100

-- name: importer_batch_source
-- S1-20: how the access came to be. `made`: it was not there before.
with i as (
	update invitation set source = 'batch'
	where firm_id = :firm::uuid and id = :invitation::uuid
)
update membership set source = 'batch', updated_at = :now::timestamptz
where firm_id = :firm and id = :membership::uuid and :made::boolean

-- name: importer_invited
update import_row
set invitation = :invitation::text, errors = :errors::jsonb
where firm_id = :firm::uuid and import_id = :import::uuid and line = :line::integer

-- name: importer_finish
update import i
set status = 'done', updated_at = :now::timestamptz, finished_at = :now,
	invited_count = (
		select count(*) from import_row r
		where r.firm_id = i.firm_id and r.import_id = i.id and r.invitation = 'sent'
	)
where i.firm_id = :firm::uuid and i.id = :import::uuid and i.status = 'running' and i.applied
returning i.id
