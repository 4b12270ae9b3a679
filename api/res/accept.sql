-- name: accept_claim
select claim_firm(:firm::uuid)

-- name: accept_open
-- What a token claims, with all that decides about it.
select i.state, i.nonce, i.email, i.email_key, i.expires_at, i.audience, i.membership_id, m.display_name, m.state as member_state,
	f.slug, f.name as firm_name, f.portal_url, f.accent_color, f.sign_in,
	f.self_registration, n.id as identity, n.password_hash,
	i.audience = 'staff' and not f.require_staff_totp and not totp_enabled(n.id) as alone,
	i.audience = 'staff' or f.registration_email = 'locked' as email_locked, i.other_email, i.other_email_key,
	o.id as other_identity, o.password_hash as other_password_hash
from invitation i
join firm f on f.id = i.firm_id
left join membership m on m.firm_id = i.firm_id and m.id = i.membership_id
left join lateral identity_find(i.email_key) n on true
left join lateral identity_find(i.other_email_key) o on true
where i.firm_id = :firm::uuid and i.id = :invitation::uuid

-- name: accept_take
-- Exactly one of those who come at once gets the row (promise P9).
update invitation set state = 'accepted', accepted_at = :now::timestamptz, updated_at = :now
where firm_id = :firm::uuid and id = :invitation::uuid and state = 'open' and expires_at > :now
	and (:other_email_key::text is null or other_email_key = :other_email_key)
returning membership_id

-- name: accept_ask_count
select mail_request_take(:key::bytea, :most::integer, :seconds::integer, :now::timestamptz) as until

-- name: accept_ask_other
update invitation set other_email = :email::text, other_email_key = :email_key::text, updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :invitation::uuid and state = 'open' and expires_at > :now
returning id

-- name: accept_identity
select identity_create(:identity::uuid, :email_key::text, :email::text, :password_hash::text, :now::timestamptz) as id

-- name: accept_set_password
select identity_set_password(:identity::uuid, :password_hash::text, :now::timestamptz) as done

-- name: accept_has_password
select password_hash is not null as has from identity_get(:identity::uuid)

-- name: accept_register
update membership
set identity_id = :identity::uuid, state = 'active', display_name = coalesce(:name::text, display_name),
	login_email = coalesce(:other_email::text, login_email),
	login_email_key = coalesce(:other_email_key::text, login_email_key),
	login_chosen = login_chosen or :other_email is not null, updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :membership::uuid and state in ('invited', 'not_sent')
returning id

-- name: accept_adopt
-- Whoever signs in does so with an address of the contact's (S2-29). No row: it is one already.
update contact c
set emails = c.emails || :other_email::text, email_keys = c.email_keys || :other_email_key::text, updated_at = :now::timestamptz
from membership m
where m.firm_id = :firm::uuid and m.id = :membership::uuid and c.firm_id = m.firm_id and c.id = m.contact_id
	and not :other_email_key = any(c.email_keys)
returning c.id
