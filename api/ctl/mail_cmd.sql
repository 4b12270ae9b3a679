-- name: mail_cmd_list
select id, created_at, kind, state, attempts, to_email, coalesce(error, '') as error
from envelope
where state = :state::text
order by created_at desc, id desc
limit 100

-- name: mail_cmd_requeue
update envelope
set state = 'queued', due_at = :at::timestamptz, expires_at = greatest(expires_at, :at + interval '5 days'),
	attempts = 0, error = null, claimed_by = null, claimed_at = null, updated_at = :at
where id = :id::uuid and state in ('failed', 'bounced')
returning id
