-- part: import_shown
i.id, i.kind, i.status, i.dry_run, i.send_invitations, i.row_count,
	case when i.status = 'failed' then 0 else i.created_count end as created_count,
	case when i.status = 'failed' then 0 else i.updated_count end as updated_count,
	case when i.status = 'failed' then 0 else i.unchanged_count end as unchanged_count,
	i.error_count, i.invited_count, i.errors, i.created_at, i.finished_at
from import i

-- name: import_get
select {{import_shown}}
where i.firm_id = :firm::uuid and i.id = :import_id::uuid

-- name: import_insert
with file as (
	insert into blob (firm_id, id, path, size, sha256, created_at)
	values (:firm::uuid, :blob::uuid, :path::text, :size::bigint, :sha256::bytea, :now::timestamptz)
	returning firm_id, id
)
insert into import (firm_id, id, kind, dry_run, send_invitations, blob_id, actor_type, actor_id, actor_name, created_at, updated_at)
select f.firm_id, :id::uuid, :kind::text, :dry_run::boolean, :send::text, f.id, :actor_type::text, :actor::uuid,
	:actor_name::text, :now, :now
from file f

-- name: import_commit
-- Who commits it is who makes what it says.
update import
set status = 'running', actor_type = :actor_type::text, actor_id = :actor::uuid, actor_name = :actor_name::text,
	updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :import_id::uuid and status = 'ready'
returning id

-- name: import_lines
-- The place in the list is the line, in the form of an id.
select r.line, i.created_at, ('00000000-0000-0000-0000-' || lpad(to_hex(r.line), 12, '0'))::uuid as id,
	case when r.errors <> '[]' and r.invitation is distinct from 'refused' then 'error' else 'ok' end as status,
	case when i.status <> 'failed' then r.result end as result, r.invitation, r.errors,
	case
		when r.client is not null and k.id is not null
			then jsonb_build_object('type', 'client', 'id', k.id, 'name', k.name)
		when r.client is null and n.id is not null
			then jsonb_build_object('type', 'contact', 'id', n.id, 'name', n.display_name)
	end as resource
from import i
join import_row r on r.firm_id = i.firm_id and r.import_id = i.id
left join client k on k.firm_id = r.firm_id and k.id = r.client_id
left join contact n on n.firm_id = r.firm_id and n.id = r.contact_id and n.archived_at is null
where i.firm_id = :firm::uuid and i.id = :import_id::uuid
	and :after_at::timestamptz <= i.created_at
	and r.line > ('x' || right(:after_id::uuid::text, 12))::bit(48)::bigint
	and (
		:status::text is null
		or :status = case when r.errors <> '[]' and r.invitation is distinct from 'refused' then 'error' else 'ok' end
	)
order by r.line
limit :limit::bigint
