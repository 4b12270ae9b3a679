-- name: session_person
-- Who signs in with this address: no row when the firm cannot be told; membership is null for a stranger.
select f.id as firm, firm_sign_in(f.id) as sign_in, s.identity_id, s.password_hash, s.membership_id as membership, s.state
from firm_find(:slug::text, :host::text) f
left join lateral sign_in_find(f.id, :audience::text, :email_key::text) s on true

-- name: session_claim
select claim_firm(:firm::uuid)

-- name: session_end
update session set ended_at = :now::timestamptz where firm_id = :firm::uuid and id = :session::uuid and ended_at is null

-- part: session_live
s.firm_id = :firm::uuid and s.membership_id = :me::uuid and s.ended_at is null and (
	s.refresh_until > :now::timestamptz
	or (s.expires_at > :now and s.last_seen_at + make_interval(secs => s.idle_seconds) > :now)
)

-- name: session_list
-- The kind of device is what the program says of itself.
select s.id, s.id = :session::uuid as current, s.transport,
	case
		when s.user_agent ~* 'ipad|tablet' or (s.user_agent ~* 'android' and s.user_agent ~* 'mozilla' and s.user_agent !~* 'mobile')
			then 'tablet'
		when s.user_agent ~* 'mobile|iphone|ipod|android|okhttp|cfnetwork|darwin' then 'phone'
		when s.user_agent ~* 'mozilla' then 'computer'
		else 'other'
	end as device,
	s.user_agent, coalesce(s.ip, '') as ip, s.created_at, s.last_seen_at,
	greatest(s.refresh_until, s.expires_at) as expires_at
from session s
where {{session_live}}
	and (s.created_at, s.id) > (:after_at::timestamptz, :after_id::uuid)
order by s.created_at, s.id
limit :limit::bigint

-- name: session_revoke
update session s set ended_at = :now::timestamptz where {{session_live}} and s.id = :session_id::uuid returning s.id

-- name: session_hold
select access_hold(:firm::uuid, :me::uuid)

-- name: session_revoke_others
update session s set ended_at = :now::timestamptz where {{session_live}} and s.id <> :session::uuid
