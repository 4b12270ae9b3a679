-- name: register_firm
select id from firm_find(:slug::text, :host::text)

-- name: register_claim
select claim_firm(:firm::uuid)

-- name: register_rules
select name, self_registration, sign_in from firm where id = :firm::uuid

-- name: register_blocked
-- Until when nobody may ask for this address, or from this place; and whether the firm has enough to look through.
select
	(
		select max(a.resets_at) from sign_in_attempt a
		where a.firm_id = :firm::uuid and a.resets_at > :now::timestamptz
			and (
				(a.key_hash = :by_address::bytea and a.failures >= :address_max::integer)
				or (a.key_hash = :by_place::bytea and a.failures >= :place_max::integer)
			)
	) as until,
	(
		select count(*) from (
			select from registration r
			where r.firm_id = :firm and r.state in ('unconfirmed', 'pending') and r.expires_at > :now
			limit :open_max::bigint
		) o
	) >= :open_max as full

-- name: register_count
insert into sign_in_attempt as a (firm_id, key_hash, failures, resets_at)
values
	(:firm::uuid, :by_address::bytea, 1, :now::timestamptz + interval '24 hours'),
	(:firm, :by_place::bytea, 1, :now + interval '1 hour')
on conflict on constraint sign_in_attempt_pkey do update
set failures = case when a.resets_at <= :now then 1 else a.failures + 1 end,
	resets_at = case when a.resets_at <= :now then excluded.resets_at else a.resets_at end
returning a.resets_at,
	a.failures > case a.key_hash when :by_address then :address_max::integer else :place_max::integer end as beyond

-- name: register_hold_link
-- Ahead of the registrations: whoever ends the link waits in the same order.
select l.id from sign_up_link l where l.firm_id = :firm::uuid and l.id = :link::uuid for key share

-- name: register_supersede
-- One live link for an address: the newest.
update registration set state = 'expired', password_hash = null, handled_at = :now::timestamptz, updated_at = :now
where firm_id = :firm::uuid and email_key = :email_key::text and state = 'unconfirmed'

-- name: register_insert
-- Whoever has portal access here, in whatever state, is known, and is told so by mail alone.
insert into registration (
	firm_id, id, state, name, email, email_key, phone, message, password_hash, has_credential, nonce, expires_at,
	sign_up_link_id, by_link, created_at, updated_at
)
select :firm::uuid, :id::uuid, case when k.known then 'known' else 'unconfirmed' end, :name::text, :email::text,
	:email_key::text, :phone::text, :message::text, case when not k.known then :password_hash::text end,
	exists (select from identity_find(:email_key) i where i.password_hash is not null), :nonce::bytea,
	:expires_at::timestamptz, :link::uuid, :link is not null, :now::timestamptz, :now
from (
	select exists (
		select from membership m
		where m.firm_id = :firm and m.kind = 'portal' and m.login_email_key = :email_key
	) as known
) k

-- name: register_open
select r.state, r.nonce, r.email, r.email_key, r.name, r.phone, r.password_hash, r.expires_at, r.email_confirmed_at,
	r.by_link, r.sign_up_link_id
from registration r
where r.firm_id = :firm::uuid and r.id = :registration::uuid

-- name: register_link
select l.nonce,
	case when l.uses >= l.max_uses then 'used_up'
		when l.revoked_at is not null or l.expires_at <= :now::timestamptz or 'documents' = any(f.features_off) then 'expired'
		else 'open' end as state
from sign_up_link l
join firm f on f.id = l.firm_id
where l.firm_id = :firm::uuid and l.id = :link::uuid

-- name: register_use_link
-- Of many at once each waits for the one before, so that never more get through.
update sign_up_link l set uses = l.uses + 1, updated_at = :now::timestamptz
from firm f
where l.firm_id = :firm::uuid and l.id = :link::uuid and l.uses < l.max_uses and l.revoked_at is null and l.expires_at > :now
	and f.id = l.firm_id and 'documents' <> all(f.features_off)
returning l.id

-- name: register_take
update registration r
set state = 'pending', email_confirmed_at = :now::timestamptz, password_hash = null,
	expires_at = :now + make_interval(days => f.registration_ttl_days), updated_at = :now
from firm f
where r.firm_id = :firm::uuid and r.id = :registration::uuid and r.state = 'unconfirmed' and r.expires_at > :now
	and f.id = r.firm_id
returning r.id

-- name: register_identity
select identity_create(:identity::uuid, :email_key::text, :email::text, null, :now::timestamptz)

-- name: register_identity_find
-- The new one, or the one that the address has had.
select i.id from identity_find(:email_key::text) i

-- name: register_join
-- No row: the address has been given access here meanwhile.
insert into membership (
	firm_id, id, identity_id, kind, state, login_email, login_email_key, display_name, phone, source, created_at,
	updated_at
)
values (
	:firm::uuid, :membership::uuid, :identity::uuid, 'portal', 'pending_verification', :email::text, :email_key::text,
	:name::text, :phone::text, 'self', :now::timestamptz, :now
)
on conflict on constraint membership_login_email_key do nothing
returning id

-- name: register_own
update registration set membership_id = :membership::uuid where firm_id = :firm::uuid and id = :registration::uuid

-- name: register_password
select identity_first_password(:identity::uuid, :membership::uuid, :password_hash::text, :now::timestamptz)

-- name: register_me
select m.state, m.display_name as name, m.login_email as email, f.name as firm_name, f.support_email
from membership m
join firm f on f.id = m.firm_id
where m.firm_id = :firm::uuid and m.id = :me::uuid
