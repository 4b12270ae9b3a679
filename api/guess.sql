-- name: guess_claim
select claim_firm(:firm::uuid)

-- name: guess_blocked
-- Until when nobody may try: this address from this place, or this address from places that the person has
-- never signed in from (promise P11: guesses are few, and a stranger cannot lock the person out).
select max(a.resets_at) as until
from sign_in_attempt a
where a.firm_id = :firm::uuid and a.resets_at > :now::timestamptz
	and (
		(a.key_hash = :pair::bytea and a.failures >= :pair_max::integer)
		or (a.key_hash = :account::bytea and a.failures >= :account_max::integer and not exists (
			select from session s
			where s.firm_id = :firm and s.membership_id = :membership::uuid and s.ip = :ip::text
		))
	)

-- name: guess_failed
insert into sign_in_attempt as a (firm_id, key_hash, failures, resets_at)
values
	(:firm::uuid, :pair::bytea, 1, :now::timestamptz + interval '15 minutes'),
	(:firm, :account::bytea, 1, :now + interval '24 hours')
on conflict on constraint sign_in_attempt_pkey do update
set failures = case when a.resets_at <= :now then 1 else a.failures + 1 end,
	resets_at = case when a.resets_at <= :now then excluded.resets_at else a.resets_at end

-- name: guess_succeeded
delete from sign_in_attempt where firm_id = :firm::uuid and key_hash = :pair::bytea
