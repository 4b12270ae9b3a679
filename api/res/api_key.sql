-- part: api_key_shown
k.id, k.name, k.prefix, to_jsonb(k.scopes) as scopes, to_jsonb(k.allowed_cidrs::text[]) as allowed_cidrs, k.expires_at,
	k.previous_expires_at, k.last_used_at,
	jsonb_build_object('type', 'staff', 'id', k.created_by_id, 'name', k.created_by_name) as created_by, k.created_at,
	k.revoked_at, k.version
from api_key k

-- name: api_key_list
select {{api_key_shown}}
where k.firm_id = :firm::uuid
	and (k.created_at, k.id) > (:after_at::timestamptz, :after_id::uuid)
order by k.created_at, k.id
limit :limit::bigint

-- name: api_key_get
select {{api_key_shown}}
where k.firm_id = :firm::uuid and k.id = :id::uuid

-- name: api_key_lock
select id from api_key
where firm_id = :firm::uuid and id = :api_key_id::uuid and revoked_at is null
for no key update

-- name: api_key_update
-- The key's name is its membership's, too: it stands with what the key does.
with principal as (
	update membership m set display_name = :name::text, updated_at = :now::timestamptz
	where m.firm_id = :firm::uuid and m.id = :api_key_id::uuid and m.display_name <> :name
)
update api_key
set name = :name, scopes = array(select distinct s from jsonb_array_elements_text(:scopes::jsonb) s order by s),
	allowed_cidrs = array(select c::cidr from jsonb_array_elements_text(:allowed_cidrs::jsonb) c),
	expires_at = :expires_at::timestamptz, updated_at = :now
where firm_id = :firm and id = :api_key_id

-- name: api_key_rotate
-- Without an overlap the old secret is gone at once.
update api_key
set prefix = :prefix::text, secret_hash = :secret_hash::bytea,
	previous_hash = case when :hours::bigint > 0 then secret_hash end,
	previous_expires_at = case when :hours > 0 then :now::timestamptz + make_interval(hours => :hours::integer) end,
	updated_at = :now
where firm_id = :firm::uuid and id = :api_key_id::uuid
returning id

-- name: api_key_revoke
update api_key set revoked_at = :now::timestamptz, previous_hash = null, previous_expires_at = null, updated_at = :now
where firm_id = :firm::uuid and id = :api_key_id::uuid and revoked_at is null
returning id
