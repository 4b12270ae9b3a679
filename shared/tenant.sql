-- name: tenant_timezone_known
select exists (select from pg_timezone_names where name = :timezone::text) as known

-- name: tenant_locale_known
-- PostgreSQL brings the locales of ICU, which are those of CLDR.
select exists (
	select from pg_collation c where c.collprovider = 'i' and c.collname = :locale::text || '-x-icu'
) as known

-- name: tenant_claim
select claim_firm(:firm::uuid)

-- name: tenant_firm
insert into firm (id, slug, name, timezone, currency, created_at, updated_at)
values (:firm::uuid, :slug::text, :name::text, :timezone::text, :currency::text, :at::timestamptz, :at)

-- name: tenant_identity
-- Null when the address has an identity: it keeps its credential.
select identity_create(:identity::uuid, :email_key::text, :email::text, :password_hash::text, :at::timestamptz) as id

-- name: tenant_identity_find
select id from identity_find(:email_key::text)

-- name: tenant_staff
insert into membership (
	firm_id, id, identity_id, kind, role, state, login_email, login_email_key, display_name, created_at, updated_at
)
values (
	:firm::uuid, :membership::uuid, :identity::uuid, 'staff', :role::text,
	case when :identity is null then 'invited' else 'active' end,
	:email::text, :email_key::text, :name::text, :at::timestamptz, :at
)

-- name: tenant_invitation
insert into invitation (
	firm_id, id, membership_id, audience, email, email_key, nonce, expires_at, sent_at, send_count, created_at, updated_at
)
select f.id, :invitation::uuid, :membership::uuid, 'staff', :email::text, :email_key::text, :nonce::bytea,
	:at::timestamptz + make_interval(hours => f.invitation_ttl_hours), :at, 1, :at, :at
from firm f
where f.id = :firm::uuid

-- name: tenant_key
with principal as (
	insert into membership (firm_id, id, kind, state, display_name, created_at, updated_at)
	values (:firm::uuid, :id::uuid, 'key', 'active', :name::text, :at::timestamptz, :at)
	returning firm_id, id
)
insert into api_key (
	firm_id, id, name, prefix, secret_hash, scopes, allowed_cidrs, expires_at, created_by_id, created_by_name, created_at,
	updated_at
)
select p.firm_id, p.id, :name, :prefix::text, :secret_hash::bytea,
	array(select distinct s from jsonb_array_elements_text(:scopes::jsonb) s order by s),
	array(select c::cidr from jsonb_array_elements_text(:allowed_cidrs::jsonb) c), :expires_at::timestamptz, m.id,
	m.display_name, :at, :at
from principal p
join membership m on m.firm_id = p.firm_id and m.id = :by::uuid
