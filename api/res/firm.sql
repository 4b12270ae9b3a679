-- name: firm_lock
-- Taken before the firm is read to be changed: its version then stays what If-Match was compared with.
select id from firm where id = :firm::uuid for no key update

-- name: firm_locked_out
-- Clients of the portal whom this way to sign in would shut out: mail to them comes back, and there is no other way for
-- them. With passwords these are the ones who have none.
select count(*) as count
from membership m
join suppression x on x.firm_id = m.firm_id and x.email_key = m.login_email_key
left join lateral identity_credential(m.identity_id) i on true
where m.firm_id = :firm::uuid and m.kind = 'portal' and m.state in ('active', 'pending_verification', 'suspended')
	and (:sign_in::text = 'passwordless' or i.password_hash is null)

-- name: firm_update
-- The largest document and the address are only written when they were sent: what is shown may be the installation's, and
-- the installation's own address is none of the firm's.
update firm
set name = :name::text, accent_color = lower(:accent_color::text), support_email = :support_email::text, phone = :phone::text,
	help_links = :help_links::jsonb, locale = :locale::text, timezone = :timezone::text, currency = :currency::text,
	sign_in = :sign_in::text, self_registration = :self_registration::boolean,
	registration_email = :registration_email::text, registration_ttl_days = :registration_ttl_days::integer,
	reinvite_mode = :reinvite_mode::text, invite_unknown_email = :invite_unknown_email::text,
	unassigned_fallback = :unassigned_fallback::text, notify_required = :notify_required::boolean,
	on_pending_email_change = :on_pending_email_change::text,
	access_idle_days = :access_idle_days::integer, access_reminder_days = :access_reminder_days::integer,
	invitation_ttl_hours = :invitation_ttl_hours::integer, sign_in_link_minutes = :sign_in_link_minutes::integer,
	session_idle_minutes = :session_idle_minutes::integer,
	staff_idle_minutes = :staff_idle_minutes::integer, require_staff_totp = :require_staff_totp::boolean,
	max_upload_bytes = case when :bytes_sent::boolean then :max_upload_bytes::bigint else max_upload_bytes end,
	portal_url = case when :portal_sent::boolean then nullif(lower(:portal_url::text), :public_url::text) else portal_url end,
	mail_coalesce_seconds = :mail_coalesce_seconds::integer, default_upload_folder = :default_upload_folder::boolean,
	default_folder_name = :default_folder_name::text,
	features_off = features_but(array(select jsonb_array_elements_text(:features::jsonb))), updated_at = :now::timestamptz
where id = :firm::uuid

-- name: firm_has_factor
select totp_enabled(m.identity_id) as enabled from membership m where m.firm_id = :firm::uuid and m.id = :me::uuid

-- name: firm_help
-- S0-25: where the firm's clients find help.
select name as firm_name, support_email, help_links from firm where id = :firm::uuid
