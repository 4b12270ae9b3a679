-- name: guess_claim
select claim_firm(:firm::uuid)

-- part: guess_lock
-- Tries at one address wait for each other: so many at once are counted one by one, and nobody waits in a circle.
pg_advisory_xact_lock(hashtextextended(encode(:account::bytea, 'hex'), 0))

-- name: guess_hold
-- What a crash forgets of the count may be forgotten: the commit need not wait for the disk.
select {{guess_lock}}, set_config('synchronous_commit', 'off', true)

-- name: guess_take
-- Until when nobody may try: this address from this place, or this address from anywhere; where the person has never
-- signed in from, a little earlier, so that strangers cannot use up what is left for the person (promise P11). A
-- try that may be made is counted before it is made: a hundred at once are a hundred.
with shut as (
	select max(a.resets_at) as until
	from sign_in_attempt a
	where a.firm_id = :firm::uuid and a.resets_at > :now::timestamptz
		and (
			(a.key_hash = :pair::bytea and a.failures >= :pair_max::integer)
			or (a.key_hash = :account::bytea and a.failures >= case when exists (
				select from known_place k
				where k.firm_id = :firm and k.membership_id = :membership::uuid and k.ip = :ip::text
			) then :account_max::integer else :stranger_max::integer end)
		)
), counted as (
	insert into sign_in_attempt as a (firm_id, key_hash, failures, resets_at)
	select :firm, k.key_hash, 1, k.resets_at
	from (values
		(:pair, :now::timestamptz + interval '15 minutes'),
		(:account, :now::timestamptz + interval '24 hours')
	) k (key_hash, resets_at)
	where (select s.until from shut s) is null
	on conflict on constraint sign_in_attempt_pkey do update
	set failures = case when a.resets_at <= :now then 1 else a.failures + 1 end,
		resets_at = case when a.resets_at <= :now then excluded.resets_at else a.resets_at end
)
select s.until from shut s

-- name: guess_wait
select {{guess_lock}}

-- name: guess_right
-- The try was none of the wrong ones; and this place may err again.
with given as (
	delete from sign_in_attempt a
	where a.firm_id = :firm::uuid
		and (a.key_hash = :pair::bytea or (a.key_hash = :account::bytea and a.failures <= 1))
)
update sign_in_attempt a set failures = a.failures - 1
where a.firm_id = :firm and a.key_hash = :account and a.failures > 1

-- name: guess_forget
-- The try was not made.
with given as (
	delete from sign_in_attempt a
	where a.firm_id = :firm::uuid and a.key_hash in (:pair::bytea, :account::bytea) and a.failures <= 1
)
update sign_in_attempt a set failures = a.failures - 1
where a.firm_id = :firm and a.key_hash in (:pair, :account) and a.failures > 1
