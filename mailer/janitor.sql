-- name: janitor_lock
select pg_try_advisory_xact_lock(1886352244, 2) as mine;

-- name: janitor_idempotency
-- Here and below the condition stands twice: what the DELETE waited for may have been renewed, used or restored, and of
-- a row that was changed meanwhile it alone is asked again.
delete from idempotency i
using (
  select x.firm_id, x.membership_id, x.key_hash from idempotency x
  where x.expires_at <= :now::timestamptz
  order by x.expires_at limit 1000
) x
where i.firm_id = x.firm_id and i.membership_id = x.membership_id and i.key_hash = x.key_hash and i.expires_at <= :now;

-- name: janitor_attempts
delete from sign_in_attempt where resets_at <= :now::timestamptz;

-- name: janitor_requests
delete from mail_request where resets_at <= :now::timestamptz;

-- name: janitor_tokens
-- For a day somebody who comes too late is told so.
delete from mailed_token t
using (
  select x.firm_id, x.id from mailed_token x
  where x.expires_at <= :now::timestamptz - interval '1 day'
  order by x.expires_at limit 1000
) x
where t.firm_id = x.firm_id and t.id = x.id;

-- name: janitor_uses
-- The last use of sessions that go now is kept, of twice as many as go.
select sessions_remember(:now::timestamptz);

-- name: janitor_sessions
-- A session that was ended early goes when its time would have been up; a device that may come back stays.
delete from session s
using (
  select x.firm_id, x.id from session x
  where x.expires_at <= :now::timestamptz and (x.refresh_until is null or x.refresh_until <= :now or x.ended_at <= :now)
  order by x.expires_at limit 1000
) x
where s.firm_id = x.firm_id and s.id = x.id
  and s.expires_at <= :now and (s.refresh_until is null or s.refresh_until <= :now or s.ended_at <= :now);

-- name: janitor_places
delete from known_place k
using (
  select x.firm_id, x.membership_id, x.ip from known_place x
  where x.seen_at <= :now::timestamptz - interval '180 days'
  order by x.seen_at limit 1000
) x
where k.firm_id = x.firm_id and k.membership_id = x.membership_id and k.ip = x.ip
  and k.seen_at <= :now - interval '180 days';

-- name: janitor_registrations
select registrations_expire(:now::timestamptz);

-- name: janitor_orphans
-- Of these files of the store, those that no row knows.
select p.path
from jsonb_array_elements_text(:paths::jsonb) as p (path)
where not exists (select from blob b where b.path = p.path);

-- name: janitor_trash
-- What has been in the trash for its time goes for good; its bytes are doomed. Their shares go by cascade.
with due as (
  select d.firm_id, d.id from document d
  where d.trashed_at <= :now::timestamptz - interval '90 days'
  order by d.trashed_at limit 500
), gone as (
  delete from document d using due x
  where d.firm_id = x.firm_id and d.id = x.id and d.trashed_at <= :now - interval '90 days'
  returning d.firm_id, d.blob_id
)
update blob b set state = 'doomed' from gone g where b.firm_id = g.firm_id and b.id = g.blob_id;

-- name: janitor_folders
-- Folders that were deleted, and have nothing left in the trash.
delete from folder f
using (
  select x.firm_id, x.id from folder x where x.removed_at is not null order by x.removed_at limit 1000
) x
where f.firm_id = x.firm_id and f.id = x.id
  and not exists (select from document d where d.firm_id = f.firm_id and d.folder_id = f.id);

-- name: janitor_imports
-- With their rows, one a turn: it may be a hundred thousand.
delete from import i
using (
  select x.firm_id, x.id from import x
  where x.created_at <= :now::timestamptz - interval '90 days' and x.status in ('ready', 'done', 'failed')
  order by x.created_at limit 1
) x
where i.firm_id = x.firm_id and i.id = x.id;

-- name: janitor_doomed
select b.firm_id, b.id, b.path from blob b where b.state = 'doomed' order by b.created_at limit 500;

-- name: janitor_forget
-- Their files are gone.
delete from blob b
using jsonb_to_recordset(:blobs::jsonb) as x (firm uuid, id uuid)
where b.firm_id = x.firm and b.id = x.id and b.state = 'doomed';

-- name: janitor_accesses
-- Whose portal access ends by itself: told beforehand, then ended.
select access_duty(:now::timestamptz) as done;

-- name: janitor_events
-- Of what was numbered and told. What is kept of a firm's events has no holes: a reader who has not come so far is
-- told so, by event_pruned.
with old as (
  select e.firm_id, e.id, e.sequence from event e
  where e.occurred_at <= :now::timestamptz - interval '90 days' and e.sequence is not null and e.published_at is not null
  order by e.occurred_at limit 1000
), gone as (
  delete from event e using old o where e.firm_id = o.firm_id and e.id = o.id
  returning o.firm_id, o.sequence
), last as (
  select g.firm_id, max(g.sequence) as sequence from gone g group by g.firm_id order by g.firm_id
)
update sequencer s set event_pruned = greatest(s.event_pruned, l.sequence) from last l where s.firm_id = l.firm_id;

-- name: janitor_challenges
delete from mfa_challenge where expires_at <= :now::timestamptz;

-- name: janitor_snapshots
-- Whoever comes back once a year finds what was shared the last time.
delete from access_snapshot n
using (
  select x.firm_id, x.id from access_snapshot x
  where x.created_at <= :now::timestamptz - interval '400 days'
  order by x.created_at limit 1000
) x
where n.firm_id = x.firm_id and n.id = x.id;
