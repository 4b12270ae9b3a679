-- name: me_get
select m.kind as audience, m.display_name as name, m.login_email as email, m.phone,
	coalesce(m.locale, f.locale) as locale, coalesce(m.timezone, f.timezone) as timezone, m.updated_at, m.version
from membership m
join firm f on f.id = m.firm_id
where m.firm_id = :firm::uuid and m.id = :me::uuid

-- name: me_lock
select id from membership where firm_id = :firm::uuid and id = :me::uuid for no key update

-- name: me_update
-- Who has chosen no language or time zone goes on following the firm's.
update membership m
set display_name = :name::text, phone = :phone::text,
	locale = case when m.locale is null and f.locale = :locale::text then null else :locale end,
	timezone = case when m.timezone is null and f.timezone = :timezone::text then null else :timezone end,
	updated_at = :now::timestamptz
from firm f
where m.firm_id = :firm::uuid and m.id = :me::uuid and f.id = m.firm_id

-- name: me_capabilities
select coalesce(
		(select jsonb_agg(p.permission order by p.permission) from role_permission p where p.role = m.role), '[]'
	) as permissions,
	to_jsonb(features_but(f.features_off)) as features,
	to_jsonb(case m.kind when 'portal' then tools_but(m.tools_off) else '{}' end) as tools
from membership m
join firm f on f.id = m.firm_id
where m.firm_id = :firm::uuid and m.id = :me::uuid
