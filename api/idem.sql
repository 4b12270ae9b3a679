-- name: idem_lock
-- A key is its user's own: nobody waits for, or hears of, the same key of somebody else.
select pg_try_advisory_xact_lock(hashtextextended(:firm::text || :me::text || :key_hash::text, 7001)) as locked

-- name: idem_find
select fingerprint, sealed, status
from idempotency
where firm_id = :firm::uuid and membership_id = :me::uuid and key_hash = :key_hash::text::bytea
	and expires_at > :now::timestamptz

-- name: idem_insert
insert into idempotency as i (firm_id, membership_id, key_hash, fingerprint, status, sealed, created_at, expires_at)
values (
	:firm::uuid, :me::uuid, :key_hash::text::bytea, :fingerprint::bytea, :status::integer, :sealed::bytea,
	:now::timestamptz, :now::timestamptz + interval '24 hours'
)
on conflict on constraint idempotency_pkey do update
set fingerprint = excluded.fingerprint, status = excluded.status, sealed = excluded.sealed,
	created_at = excluded.created_at, expires_at = excluded.expires_at
where i.expires_at <= excluded.created_at
