-- name: access_get
select coalesce(p.status, 'off') as status, m.login_email, m.display_name, m.last_sign_in_at,
	m.source, m.ends_at, m.idle_ends_at, to_jsonb(case when m.id is null then '{}' else tools_but(m.tools_off) end) as tools,
	(
		select n.id from access_snapshot n
		where n.firm_id = c.firm_id and n.contact_id = c.id
		order by n.created_at desc, n.id desc
		limit 1
	) as snapshot_id,
	case
		when m.identity_id is null then 'not_registered'
		when m.state = 'pending_verification' then 'pending_verification'
		else 'registered'
	end as registration_status,
	(
		select i.id from invitation i
		where i.firm_id = m.firm_id and i.membership_id = m.id
		order by i.created_at desc, i.id desc
		limit 1
	) as invitation_id,
	array_to_json(array_remove(array[
		case when m.id is not null and m.login_email_key is distinct from c.email_keys[1] then 'login_email' end,
		case when m.display_name <> c.display_name then 'display_name' end
	], null)) as stale_fields,
	(
		select coalesce(
			jsonb_agg(jsonb_build_object('type', 'matter', 'id', x.id, 'name', x.name) order by x.name, x.id), '[]'
		)
		from share s
		join matter x on x.firm_id = s.firm_id and x.id = s.matter_id
		where s.firm_id = m.firm_id and s.membership_id = m.id and s.matter_id is not null
			and :matters::boolean and matter_open(x.firm_id, x.id, :me::uuid)
	) as matters
from contact c
left join membership m on m.firm_id = c.firm_id and m.contact_id = c.id
left join lateral (
	select case when m.state = 'invited' and i.expires_at <= :now::timestamptz then 'expired' else m.state end as status
	from (select) as one
	left join invitation i on i.firm_id = m.firm_id and i.membership_id = m.id and i.state = 'open'
) p on m.id is not null
where c.firm_id = :firm::uuid and c.id = :contact_id::uuid and c.archived_at is null

-- name: access_snapshot
select n.id from access_snapshot n
where n.firm_id = :firm::uuid and n.id = :snapshot::uuid and n.contact_id = :contact_id::uuid

-- name: access_hold
select access_hold(:firm::uuid, :membership::uuid)

-- name: access_move
update membership set state = :state::text, updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :membership::uuid
returning id

-- name: access_end_sessions
update session set ended_at = :now::timestamptz
where firm_id = :firm::uuid and membership_id = :membership::uuid and ended_at is null

-- name: access_tools
select to_jsonb(tools_but(tools_off)) as tools from membership where firm_id = :firm::uuid and id = :membership::uuid

-- name: access_tools_set
-- No row: the person has these tools already.
update membership
set tools_off = tools_but(array(select jsonb_array_elements_text(:tools::jsonb))), updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :membership::uuid
	and tools_but(tools_off) <> tools_but(tools_but(array(select jsonb_array_elements_text(:tools))))
returning id
