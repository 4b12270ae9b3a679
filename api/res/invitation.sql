-- part: invitation_shown
i.id, i.audience, i.email, i.contact_id, i.client_id, s.status, e.state as delivery, e.to_email as sent_to,
	coalesce((
		select jsonb_agg(jsonb_build_object(
			'at', to_char(y.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'sent_to', x.to_email,
			'outcome', y.outcome, 'response', y.response
		) order by y.at, y.id)
		from envelope x
		join delivery y on y.firm_id = x.firm_id and y.envelope_id = x.id
		where x.firm_id = i.firm_id and x.invitation_id = i.id
	), '[]') as deliveries,
	i.expires_at, i.sent_at, i.send_count, i.accepted_at, i.created_at, i.version
from invitation i
left join lateral (
	select e.state, e.to_email
	from envelope e
	where e.firm_id = i.firm_id and e.invitation_id = i.id
	order by e.created_at desc, e.id desc
	limit 1
) e on true
cross join lateral (
	select case
		when i.state <> 'open' then i.state
		when i.send_count = 0 then 'not_sent'
		when i.expires_at <= :now::timestamptz then 'expired'
		when e.state in ('sent', 'deferred', 'bounced', 'suppressed') then e.state
		when e.state = 'failed' then 'bounced'
		else 'queued'
	end as status
) s

-- part: invitation_rest
	and (i.created_at, i.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:staff::boolean or i.audience = 'portal')
	and (:status::text is null or s.status = :status)
	and (
		:client_id::uuid is null or i.client_id = :client_id or exists (
			select from client_contact cc
			where cc.firm_id = i.firm_id and cc.client_id = :client_id and cc.contact_id = i.contact_id
		)
	)
	and (:contact_id::uuid is null or i.contact_id = :contact_id)
order by i.created_at, i.id
limit :limit::bigint

-- name: invitation_list
select {{invitation_shown}}
where i.firm_id = :firm::uuid
{{invitation_rest}}

-- name: invitation_list_of_contact
select {{invitation_shown}}
where i.firm_id = :firm::uuid and i.contact_id = :contact_id::uuid
{{invitation_rest}}

-- name: invitation_list_of_client
-- Made for the client, or of who belongs to it: of somebody with several clients an invitation names none.
select {{invitation_shown}}
where i.firm_id = :firm::uuid and i.id in (
		select n.id from invitation n where n.firm_id = :firm and n.client_id = :client_id::uuid
		union all
		select n.id
		from client_contact cc
		join invitation n on n.firm_id = cc.firm_id and n.contact_id = cc.contact_id
		where cc.firm_id = :firm and cc.client_id = :client_id
	)
{{invitation_rest}}

-- name: invitation_lock
select i.audience, i.state, i.contact_id, i.membership_id, i.sent_at, i.send_count,
	m.identity_id is not null as registered, m.role, coalesce((
		select e.state in ('bounced', 'suppressed', 'failed')
		from envelope e
		where e.firm_id = i.firm_id and e.invitation_id = i.id
		order by e.created_at desc, e.id desc
		limit 1
	), false) as undelivered
from invitation i
left join membership m on m.firm_id = i.firm_id and m.id = i.membership_id
where i.firm_id = :firm::uuid and i.id = :invitation_id::uuid
for no key update of i

-- name: invitation_revoke
update invitation set state = 'revoked', updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :invitation_id::uuid and state = 'open'
returning id

-- name: invitation_uninvite
update membership set state = 'not_sent', updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :membership::uuid and state = 'invited'

-- name: invitation_by_email
-- Who signs in with this address, also where the contact has another by now (C17); else who is invited at it, and else who
-- has it, the oldest first; businesses are told apart by entity.
select c.id, c.entity
from contact c
left join membership m on m.firm_id = c.firm_id and m.contact_id = c.id and m.login_email_key = :email_key::text
where c.firm_id = :firm::uuid and c.archived_at is null and (m.identity_id is not null or :email_key = any(c.email_keys))
order by m.identity_id is null, m.id is null, c.entity desc, c.created_at, c.id
limit 1

-- name: invitation_rules
select invite_unknown_email = 'reject' as reject_unknown from firm where id = :firm::uuid

-- name: invitation_contact_insert
insert into contact (firm_id, id, entity, display_name, primary_email, emails, email_keys, created_at, updated_at)
values (
	:firm::uuid, :contact::uuid, 'individual', left(:email::text, 200), :email, array[:email], array[:email_key::text],
	:now::timestamptz, :now
)

-- name: invitation_relate
insert into client_contact (firm_id, client_id, contact_id, created_at)
select c.firm_id, c.id, :contact::uuid, :now::timestamptz
from client c
where c.firm_id = :firm::uuid and c.id = :client::uuid and c.status = 'active'
on conflict on constraint client_contact_pkey do update set is_primary = client_contact.is_primary
returning client_id, (xmax = 0) as made

-- name: invitation_default_share
-- As for a relation that is made by itself: somebody invited before sees the new client's default folder too.
select default_shares(:firm::uuid, m.id, :now::timestamptz, :client::uuid) as id
from membership m
where m.firm_id = :firm and m.contact_id = :contact::uuid

-- name: invitation_grant
-- For a further client of whoever signs in already: there is nothing to accept.
insert into invitation (
	firm_id, id, membership_id, audience, email, email_key, contact_id, client_id, state, nonce, sent_at, send_count,
	accepted_at, created_at, updated_at
)
select m.firm_id, :id::uuid, m.id, 'portal', m.login_email, m.login_email_key, m.contact_id, :client::uuid, 'accepted',
	:nonce::bytea, case when :told::boolean then :now::timestamptz end, case when :told then 1 else 0 end, :now, :now, :now
from membership m
where m.firm_id = :firm::uuid and m.id = :membership::uuid
