-- name: firm_show_all
select id, slug, name, coalesce(portal_url, :public_url::text) as portal_url, null::text as logo_url, accent_color,
	support_email, phone, help_links, locale, timezone, currency, sign_in, self_registration,
	require_staff_totp, reinvite_mode, registration_email, registration_ttl_days, invite_unknown_email,
	unassigned_fallback, notify_required, invitation_ttl_hours, sign_in_link_minutes, access_idle_days, access_reminder_days,
	on_pending_email_change, session_idle_minutes, staff_idle_minutes,
	least(max_upload_bytes, :max_upload_bytes::bigint) as max_upload_bytes, mail_coalesce_seconds,
	to_jsonb(features_but(features_off)) as features, default_upload_folder, default_folder_name, updated_at, version
from firm
where id = :firm::uuid

-- name: firm_show_find
select id from firm_find(:slug::text, :host::text)

-- name: firm_show_claim
select claim_firm(:firm::uuid)

-- name: firm_show_public
select slug, name, coalesce(portal_url, :public_url::text) as portal_url, null::text as logo_url, accent_color, sign_in,
	self_registration,
	case when self_registration
		then coalesce(portal_url, :public_url) || '/register?firm=' || slug end as registration_url,
	:password_min::bigint as password_min_length, to_jsonb(features_but(features_off)) as features
from firm
where id = :firm::uuid
