-- name: auth_check
select identity_id, contact_id, audience, name, email, role, locale, timezone, transport, authenticated_at, expires_at,
	idle_expires_at, to_jsonb(permissions) as permissions, unnoted
from authenticate(
	:token_hash::bytea, :firm::uuid, :me::uuid, :session::uuid, :rule::text, :now::timestamptz, :note::boolean
) a
where part_is_on(a.audience, :firm, :me, :feature::text, :tool::text)

-- name: auth_check_key
select identity_id, contact_id, audience, name, email, role, locale, timezone, transport, authenticated_at, expires_at,
	idle_expires_at, to_jsonb(permissions) as permissions, unnoted
from authenticate_key(
	:token_hash::bytea, :firm::uuid, :me::uuid, :rule::text, :address::text, :now::timestamptz, :note::boolean
) a
where part_is_on(a.audience, :firm, :me, :feature::text, null)

-- name: auth_used
select session_used(:firm::uuid, :session::uuid, :now::timestamptz)

-- name: auth_used_key
select key_used(:firm::uuid, :me::uuid, :now::timestamptz)
