-- part: sign_up_link_shown
l.id, l.client_id, l.folder_id, l.matter_id, coalesce(f.name, x.name) as item_name, l.access, l.max_uses, l.uses,
	case when l.revoked_at is not null then 'revoked' when l.uses >= l.max_uses then 'used_up'
		when l.expires_at <= :now::timestamptz then 'expired' else 'open' end as state,
	l.expires_at,
	jsonb_build_object('type', case l.created_by_type when 'key' then 'api_key' else l.created_by_type end,
		'id', l.created_by_id, 'name', l.created_by_name) as created_by,
	l.created_at
from sign_up_link l
left join folder f on f.firm_id = l.firm_id and f.id = l.folder_id
left join matter x on x.firm_id = l.firm_id and x.id = coalesce(l.matter_id, f.matter_id)

-- part: sign_up_link_open
-- What belongs to a matter that the caller may not know of is not there (pitfall P22).
	and (x.id is null or matter_open(l.firm_id, x.id, :me::uuid))

-- part: sign_up_link_rest
{{sign_up_link_open}}
	and (l.created_at, l.id) > (:after_at::timestamptz, :after_id::uuid)
order by l.created_at, l.id
limit :limit::bigint

-- name: sign_up_link_list
select {{sign_up_link_shown}}
where l.firm_id = :firm::uuid
{{sign_up_link_rest}}

-- name: sign_up_link_list_of_client
select {{sign_up_link_shown}}
where l.firm_id = :firm::uuid and l.client_id = :client_id::uuid
{{sign_up_link_rest}}

-- name: sign_up_link_get
select {{sign_up_link_shown}}
where l.firm_id = :firm::uuid and l.id = :id::uuid
{{sign_up_link_open}}

-- name: sign_up_link_place
select coalesce(portal_url, :public_url::text) as portal_url from firm where id = :firm::uuid

-- name: sign_up_link_insert
insert into sign_up_link (
	firm_id, id, client_id, folder_id, matter_id, access, max_uses, expires_at, nonce, created_by_type, created_by_id,
	created_by_name, created_at, updated_at
)
select :firm::uuid, :id::uuid, :client::uuid, :folder_id::uuid, :matter_id::uuid, :access::text, :max_uses::integer,
	:expires_at::timestamptz, :nonce::bytea, m.kind, m.id, m.display_name, :now::timestamptz, :now
from membership m
where m.firm_id = :firm and m.id = :me::uuid

-- name: sign_up_link_lock
select l.id from sign_up_link l
where l.firm_id = :firm::uuid and l.id = :sign_up_link_id::uuid
for no key update

-- name: sign_up_link_revoke
update sign_up_link set revoked_at = :now::timestamptz, updated_at = :now
where firm_id = :firm::uuid and id = :sign_up_link_id::uuid
returning id
