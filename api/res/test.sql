-- name: test_outbox
select t.id, jsonb_build_array(t.to_email) as "to", t.subject, t.body_text,
	(select coalesce(jsonb_agg(m[1]), '[]') from regexp_matches(t.body_text, '(https?://[^[:space:]<>]+)', 'g') as m) as links,
	(select coalesce(jsonb_agg(m[1]), '[]') from regexp_matches(t.body_text, '(?:^|[^0-9A-Za-z#_/-])([0-9]{6})(?![0-9A-Za-z_-])', 'g') as m) as codes, t.created_at
from test_mail t
where (t.created_at, t.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:address::text is null or lower(t.to_email) = lower(:address))
order by t.created_at, t.id
limit :limit::bigint

-- name: test_reset
select test_reset()
