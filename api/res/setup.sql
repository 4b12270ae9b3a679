-- name: setup_needed
select setup_needed() as needed

-- name: setup_begin
select setup_begin(:now::timestamptz)

-- name: setup_show
select id, slug, name, coalesce(portal_url, :public_url::text) as portal_url, null::text as logo_url, accent_color,
	support_email, locale, timezone, currency, sign_in, false as self_registration, false as require_staff_totp,
	reinvite_mode, 'locked' as registration_email, 'create_contact' as invite_unknown_email, unassigned_fallback,
	invitation_ttl_hours, session_idle_minutes, coalesce(max_upload_bytes, :max_upload_bytes::bigint) as max_upload_bytes,
	mail_coalesce_seconds, '[]'::jsonb as features, default_folder_name, updated_at, version
from firm
where id = :firm::uuid
