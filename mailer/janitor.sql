-- name: janitor_lock
select pg_try_advisory_xact_lock(1886352244, 2) as mine;

-- name: janitor_idempotency
delete from idempotency i
using (
  select x.firm_id, x.membership_id, x.key_hash from idempotency x
  where x.expires_at <= :now::timestamptz
  order by x.expires_at limit 1000
) x
where i.firm_id = x.firm_id and i.membership_id = x.membership_id and i.key_hash = x.key_hash;

-- name: janitor_attempts
delete from sign_in_attempt where resets_at <= :now::timestamptz;

-- name: janitor_sessions
-- A session that was ended early goes when its time would have been up.
delete from session s
using (
  select x.firm_id, x.id from session x where x.expires_at <= :now::timestamptz order by x.expires_at limit 1000
) x
where s.firm_id = x.firm_id and s.id = x.id;

-- name: janitor_orphans
-- Of these files of the store, those that no row knows.
select p.path
from jsonb_array_elements_text(:paths::jsonb) as p (path)
where not exists (select from blob b where b.path = p.path);
