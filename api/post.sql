-- name: post_asker
-- Who asks with this address: no row when the firm cannot be told; membership is null for a stranger.
select f.id as firm, firm_sign_in(f.id) as sign_in, s.membership_id as membership
from firm_find(:slug::text, :host::text) f
left join lateral sign_in_find(f.id, :audience::text, :email_key::text) s on true

-- name: post_claim
select claim_firm(:firm::uuid)

-- name: post_count
-- Until when no more mails are sent: to this address from this place, to this address from places that the person has
-- never signed in from, to anybody from this place. Null: now. All are counted, in this order.
select greatest(
	mail_request_take(:pair::bytea, :pair_max::integer, :pair_seconds::integer, :now::timestamptz),
	case when not exists (
		select from known_place k
		where k.firm_id = :firm::uuid and k.membership_id = :membership::uuid and k.ip = :ip::text
	) then mail_request_take(:account::bytea, :account_max::integer, :account_seconds::integer, :now) end,
	mail_request_take(:place::bytea, :place_max::integer, :place_seconds::integer, :now)
) as until

-- name: post_lock
-- Whoever changes what a person may open begins with the person's row, so that nobody waits in a circle.
select m.id from membership m where m.firm_id = :firm::uuid and m.id = :membership::uuid for no key update

-- name: post_supersede
update mailed_token set state = 'superseded'
where firm_id = :firm::uuid and membership_id = :membership::uuid and kind = :kind::text and state = 'open'

-- name: post_insert
insert into mailed_token (firm_id, id, membership_id, kind, nonce, code_challenge, created_at, expires_at)
select m.firm_id, :id::uuid, m.id, :kind::text, :nonce::bytea, :challenge::text, :now::timestamptz,
	:now + case :kind
		when 'sign_in' then make_interval(mins => f.sign_in_link_minutes)
		else make_interval(secs => :reset_seconds::integer)
	end
from membership m
join firm f on f.id = m.firm_id
where m.firm_id = :firm::uuid and m.id = :membership::uuid and m.kind in ('staff', 'portal')
	and m.state in ('active', 'pending_verification') and (m.ends_at is null or m.ends_at > :now)

-- name: post_open
-- What a token claims, with all that decides about it.
select t.state, t.nonce, t.expires_at, t.code_challenge, t.membership_id, m.kind as audience, m.identity_id,
	m.login_email as email, m.login_email_key as email_key, m.display_name, f.name as firm_name, f.sign_in,
	password_alone(m.identity_id) as alone
from mailed_token t
join membership m on m.firm_id = t.firm_id and m.id = t.membership_id
join firm f on f.id = t.firm_id
where t.firm_id = :firm::uuid and t.id = :token::uuid and t.kind = :kind::text

-- name: post_state
select state from mailed_token where firm_id = :firm::uuid and id = :token::uuid
