-- name: relay_lead
-- The lock is the session's: it is free again when the relay's connection is gone.
-- A relay that is frozen says nothing: the server ends its session, and another one leads.
-- A plan that was kept from when the table was small would take seconds for a batch once it is not.
select pg_try_advisory_lock(1886352244, 1) as leads, set_config('idle_session_timeout', '5s', false) as idle,
  set_config('idle_in_transaction_session_timeout', '5s', false) as held,
  set_config('plan_cache_mode', 'force_custom_plan', false) as plan;

-- name: relay_number
-- Below the oldest running transaction nothing can appear any more, so no reader ever misses a row: rows get
-- their numbers in the order (xid, row_no), firm by firm. Who waits for a firm's events hears of them (api/feed.h).
with batch as (
  select e.firm_id, e.id, row_number() over (partition by e.firm_id order by e.xid, e.row_no) as n
  from (
    select x.firm_id, x.id, x.xid, x.row_no
    from event x
    where x.sequence is null and x.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by x.xid, x.row_no
    limit :batch::bigint
  ) e
), total as (
  select b.firm_id, count(*) as n from batch b group by b.firm_id
), head as (
  insert into sequencer as s (firm_id, event_sequence)
  select t.firm_id, t.n from total t order by t.firm_id
  on conflict (firm_id) do update set event_sequence = s.event_sequence + excluded.event_sequence
  returning s.firm_id, s.event_sequence, pg_notify('portico_feed', s.firm_id::text)
)
update event e
set sequence = h.event_sequence - t.n + b.n
from batch b
join total t on t.firm_id = b.firm_id
join head h on h.firm_id = b.firm_id
where e.firm_id = b.firm_id and e.id = b.id
returning e.row_no;

-- name: relay_seal
-- The same order for the entries of the audit log, and each one's hash from the one before (schema/0011_audit.sql).
with batch as (
  select x.firm_id, x.id, x.xid, x.row_no
  from audit x
  where x.sequence is null and x.xid < pg_snapshot_xmin(pg_current_snapshot())
  order by x.xid, x.row_no
  limit :batch::bigint
), head as (
  select s.firm_id, s.audit_sequence, s.audit_hash
  from sequencer s
  where s.firm_id in (select b.firm_id from batch b)
  for update
), placed as (
  select b.firm_id, b.id, coalesce(h.audit_hash, '') as head,
         coalesce(h.audit_sequence, 0) + row_number() over (partition by b.firm_id order by b.xid, b.row_no) as place
  from batch b
  left join head h on h.firm_id = b.firm_id
), linked as (
  select p.firm_id, p.id, p.place, p.head,
         audit_chain(p.head, audit_bytes(a, p.place)) over (partition by p.firm_id order by p.place) as hash
  from placed p
  join audit a on a.firm_id = p.firm_id and a.id = p.id
), sealed as (
  select l.*, lag(l.hash, 1, l.head) over (partition by l.firm_id order by l.place) as before
  from linked l
), ends as (
  insert into sequencer as s (firm_id, audit_sequence, audit_hash)
  select distinct on (l.firm_id) l.firm_id, l.place, l.hash
  from linked l
  order by l.firm_id, l.place desc
  on conflict (firm_id) do update set audit_sequence = excluded.audit_sequence, audit_hash = excluded.audit_hash
)
update audit a
set sequence = s.place, prev_hash = s.before, hash = s.hash
from sealed s
where a.firm_id = s.firm_id and a.id = s.id
returning a.row_no;

-- name: relay_unpublished
select e.firm_id, e.id, e.type, e.row_no
from event e
where e.published_at is null
order by e.row_no
limit :batch::bigint;

-- name: relay_published
update event e
set published_at = :now::timestamptz
where e.published_at is null and e.row_no = any(:rows::bigint[]);
