-- part: audit_log_shown
a.id, a.at, a.at as created_at,
	jsonb_build_object(
		'type', case a.actor_type when 'portal' then 'portal_user' when 'key' then 'api_key' when 'system' then 'firm'
			else a.actor_type end,
		'id', coalesce(a.actor_id, a.firm_id), 'name', a.actor_name
	) as actor,
	a.action, a.object_type,
	case when a.object_id is not null then jsonb_build_object('type', a.object_type, 'id', a.object_id) end as object_id,
	a.client_id, coalesce(a.detail -> 'changed', '[]') as changed_fields, a.ip, a.request_id, a.outcome
from audit a

-- part: audit_log_filter
-- Not what is about a matter that the reader may not know of (pitfall P22).
and (a.at, a.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:from::timestamptz is null or a.at >= :from)
	and (:to::timestamptz is null or a.at < :to)
	and (:action::text is null or a.action = :action)
	and (:outcome::text is null or a.outcome = :outcome)
	and (:actor_id::uuid is null or a.actor_id = :actor_id)
	and matter_told(a.firm_id, a.object_type, a.object_id, a.detail, :me::uuid)
order by a.at, a.id
limit :limit::bigint

-- name: audit_log_list
select {{audit_log_shown}}
where a.firm_id = :firm::uuid {{audit_log_filter}}

-- name: audit_log_list_of_actor
select {{audit_log_shown}}
where a.firm_id = :firm::uuid and a.actor_id = :actor_id::uuid {{audit_log_filter}}

-- name: audit_log_list_of_object
select {{audit_log_shown}}
where a.firm_id = :firm::uuid and a.object_id = :object_id::uuid {{audit_log_filter}}

-- name: audit_log_document
select d.id from document d
where d.firm_id = :firm::uuid and d.id = :document_id::uuid
	and (d.matter_id is null or matter_open(d.firm_id, d.matter_id, :me::uuid))

-- name: audit_log_views
-- Whoever has a share that reaches the document (and one of its matter; nobody while it is internal), and whoever has
-- opened it. A contact whose access was switched off and on again is one viewer: the entry names the contact besides the membership of then.
with place as (
	select d.id, f.path, d.internal, d.matter_id
	from document d
	join folder f on f.firm_id = d.firm_id and f.id = d.folder_id
	where d.firm_id = :firm::uuid and d.id = :document_id::uuid
), reached as (
	select r.contact_id as id
	from place p
	cross join lateral (
		select s.contact_id from share s where s.firm_id = :firm and s.document_id = p.id
		union
		select s.contact_id from share s where s.firm_id = :firm and s.folder_id = any(p.path)
	) r
	where not p.internal and (
		p.matter_id is null or exists (
			select from share s where s.firm_id = :firm and s.matter_id = p.matter_id and s.contact_id = r.contact_id
		)
	)
), entry as (
	select case when a.actor_type <> 'portal' then a.actor_type else 'contact' end as type,
		case when a.actor_type <> 'portal' then a.actor_id
			else coalesce((a.detail ->> 'contact_id')::uuid, m.contact_id) end as id,
		a.actor_name, a.at, a.row_no
	from audit a
	left join membership m on m.firm_id = a.firm_id and m.id = a.actor_id
	where a.firm_id = :firm and a.object_id = :document_id and a.action = 'document.downloaded' and a.outcome = 'ok'
), opened as (
	select e.type, e.id, (array_agg(e.actor_name order by e.at desc, e.row_no desc))[1] as name,
		min(e.at) as first_viewed_at, max(e.at) as last_viewed_at, count(*) as count
	from entry e
	where e.id is not null
	group by e.type, e.id
)
select jsonb_build_object(
		'type', case coalesce(o.type, 'contact') when 'key' then 'api_key' else coalesce(o.type, 'contact') end,
		'id', coalesce(r.id, o.id), 'name', coalesce(c.display_name, o.name)
	) as viewer,
	r.id is not null as shared, o.first_viewed_at, o.last_viewed_at, coalesce(o.count, 0) as count
from reached r
full join opened o on o.id = r.id
left join contact c on c.firm_id = :firm and c.id = coalesce(r.id, o.id)
order by coalesce(o.type, 'contact') <> 'contact', coalesce(c.display_name, o.name), coalesce(r.id, o.id)
