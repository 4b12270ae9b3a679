-- part: report_counts
jsonb_build_object(
		'total', count(*), 'no_account', count(*) filter (where s.state = 'no_account'),
		'not_sent', count(*) filter (where s.state = 'not_sent'), 'sent', count(*) filter (where s.state = 'sent'),
		'bounced', count(*) filter (where s.state = 'bounced'), 'expired', count(*) filter (where s.state = 'expired'),
		'pending', count(*) filter (where s.state = 'pending_verification'),
		'active', count(*) filter (where s.state = 'active'),
		'suspended', count(*) filter (where s.state = 'suspended')
	)

-- part: report_state
case
		when m.id is null then 'no_account'
		when m.state <> 'invited' then m.state
		when i.id in (
			select e.invitation_id
			from envelope e
			where e.firm_id = :firm::uuid and e.state in ('bounced', 'failed', 'suppressed') and e.invitation_id is not null
				and not exists (
					select from envelope n
					where n.firm_id = e.firm_id and n.invitation_id = e.invitation_id
						and (n.created_at, n.id) > (e.created_at, e.id)
				)
		) then 'bounced'
		when i.expires_at <= :now::timestamptz then 'expired'
		else 'sent'
	end

-- name: report_onboarding
-- A client stands where its furthest contact does, by the order of `ladder`. Every join has an index, so that the plan
-- is good also where the statistics know nothing yet of all that was just imported.
with ladder (states) as materialized (
	select array['no_account', 'not_sent', 'bounced', 'expired', 'sent', 'pending_verification', 'suspended', 'active']
), contact_state as (
	select {{report_state}} as state
	from contact c
	left join membership m on m.firm_id = c.firm_id and m.contact_id = c.id
	left join invitation i on i.firm_id = m.firm_id and i.membership_id = m.id and i.state = 'open'
	where c.firm_id = :firm and c.archived_at is null and c.entity = 'individual'
	union all
	select m.state from membership m
	where m.firm_id = :firm and m.kind = 'portal' and m.contact_id is null
), client_state as (
	select (select l.states from ladder l)[coalesce(
			max(array_position((select l.states from ladder l), {{report_state}})), 1
		)] as state
	from client c
	left join client_contact cc on cc.firm_id = c.firm_id and cc.client_id = c.id
	left join membership m on m.firm_id = cc.firm_id and m.contact_id = cc.contact_id
	left join invitation i on i.firm_id = m.firm_id and i.membership_id = m.id and i.state = 'open'
	where c.firm_id = :firm and c.status = 'active'
	group by c.id
)
select (select {{report_counts}} from contact_state s) as contacts, (select {{report_counts}} from client_state s) as clients

-- name: report_login_drift
select m.id, jsonb_build_object('type', 'contact', 'id', c.id, 'name', c.display_name) as contact, m.login_email,
	c.primary_email, m.display_name, to_jsonb(array_remove(array[
		case when m.login_email_key is distinct from c.email_keys[1] then 'login_email' end,
		case when m.display_name <> c.display_name then 'display_name' end
	], null)) as stale_fields, m.created_at
from membership m
join contact c on c.firm_id = m.firm_id and c.id = m.contact_id
where m.firm_id = :firm::uuid and m.kind = 'portal'
	and (m.login_email_key is distinct from c.email_keys[1] or m.display_name <> c.display_name)
	and (m.created_at, m.id) > (:after_at::timestamptz, :after_id::uuid)
order by m.created_at, m.id
limit :limit::bigint
