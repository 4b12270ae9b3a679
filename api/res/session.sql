-- name: session_person
-- Who signs in with this address: no row when the firm cannot be told; membership is null for a stranger.
select f.id as firm, s.identity_id, s.password_hash, s.membership_id as membership, s.state
from firm_find(:slug::text, :host::text) f
left join lateral sign_in_find(f.id, :audience::text, :email_key::text) s on true

-- name: session_claim
select claim_firm(:firm::uuid)

-- name: session_end
update session set ended_at = :now::timestamptz where firm_id = :firm::uuid and id = :session::uuid and ended_at is null
