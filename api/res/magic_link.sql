-- name: magic_link_use
-- Exactly one of those who come at once gets the row (promise P9).
update mailed_token set state = 'used', used_at = :now::timestamptz
where firm_id = :firm::uuid and id = :token::uuid and kind = 'sign_in' and state = 'open' and expires_at > :now
returning membership_id

-- name: magic_link_lock
-- Whoever has the address, as staff and as client: as post_lock.
select m.id from membership m
where m.firm_id = :firm::uuid and m.kind in ('staff', 'portal') and m.login_email_key = :email_key::text
order by m.id
for no key update

-- name: magic_link_share
-- Ahead of what was mailed to them: whoever chooses another password holds the identity, and then ends that.
select identity_share(m.identity_id) from membership m
where m.firm_id = :firm::uuid and m.kind in ('staff', 'portal') and m.login_email_key = :email_key::text

-- name: magic_link_try
-- The live codes of this address, staff's and client's: one try each, whatever comes of it (pitfall 43).
update mailed_token t set tries = t.tries + 1
from membership m
where m.firm_id = :firm::uuid and m.kind in ('staff', 'portal') and m.login_email_key = :email_key::text
	and t.firm_id = m.firm_id and t.membership_id = m.id and t.kind = 'sign_in' and t.state = 'open'
	and t.expires_at > :now::timestamptz and t.tries < :tries_max::integer
returning t.id, t.nonce, t.membership_id, t.code_challenge

-- name: magic_link_last
-- The newest codes of this address, alive or not.
select distinct on (t.membership_id) t.id, t.nonce, t.state, t.expires_at <= :now::timestamptz as expired
from membership m
join mailed_token t on t.firm_id = m.firm_id and t.membership_id = m.id and t.kind = 'sign_in'
where m.firm_id = :firm::uuid and m.kind in ('staff', 'portal') and m.login_email_key = :email_key::text
order by t.membership_id, t.created_at desc, t.id desc
