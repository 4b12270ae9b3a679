-- name: invite_lock
-- Whoever changes a person's access, and whoever accepts it, begins with the contact's row: so nobody waits in
-- a circle, and what is read afterwards is how the last one left it.
select c.id from contact c
where c.firm_id = :firm::uuid and c.id = :contact_id::uuid and c.archived_at is null
for no key update

-- name: invite_lock_invited
-- As invite_lock, for the contact of an invitation; for one of staff, who is no contact, the membership.
with invited as (
	select i.contact_id, i.membership_id, i.audience
	from invitation i
	where i.firm_id = :firm::uuid and i.id = :invitation::uuid
), contact as (
	select c.id from contact c
	where c.firm_id = :firm and c.id = (select n.contact_id from invited n)
	for no key update
), member as (
	select m.id from membership m
	where m.firm_id = :firm and m.id = (select n.membership_id from invited n where n.audience = 'staff')
	for no key update
)
select (select id from contact) as contact, (select id from member) as member

-- name: invite_candidate
select c.id, c.entity, c.first_name, c.last_name, c.display_name, c.primary_email, to_jsonb(c.emails) as emails, c.phone,
	c.custom_fields, c.created_at, c.updated_at, c.version,
	m.id as membership, m.state, m.login_email, m.login_chosen, m.identity_id as identity,
	i.id as invitation, i.send_count as sends, i.sent_at, coalesce((
		select e.state in ('bounced', 'suppressed', 'failed')
		from envelope e
		where e.firm_id = i.firm_id and e.invitation_id = i.id
		order by e.created_at desc, e.id desc
		limit 1
	), false) as undelivered,
	(select count(*) from client_contact cc where cc.firm_id = c.firm_id and cc.contact_id = c.id) as client_count,
	exists (
		select from client_contact cc
		join client k on k.firm_id = cc.firm_id and k.id = cc.client_id and k.entity = 'business'
		where cc.firm_id = c.firm_id and cc.contact_id = c.id and not exists (
			select from client_contact o
			join contact oc on oc.firm_id = o.firm_id and oc.id = o.contact_id and oc.entity = 'individual'
			where o.firm_id = k.firm_id and o.client_id = k.id
		)
	) as business_alone,
	m.ends_at, least(m.ends_at, m.idle_ends_at) <= :now::timestamptz as overdue, f.reinvite_mode, f.on_pending_email_change = 'revoke_and_resend' as resend_on_change, f.invitation_ttl_hours as ttl_hours
from contact c
join firm f on f.id = c.firm_id
left join membership m on m.firm_id = c.firm_id and m.contact_id = c.id
left join invitation i on i.firm_id = m.firm_id and i.membership_id = m.id and i.state = 'open'
where c.firm_id = :firm::uuid and c.id = :contact_id::uuid and c.archived_at is null

-- name: invite_end_overdue
select access_end_overdue(:firm::uuid, :membership::uuid, :now::timestamptz)

-- name: invite_taken
select exists (
	select from membership m
	where m.firm_id = :firm::uuid and m.kind = 'portal' and m.login_email_key = :email_key::text
		and m.contact_id is distinct from :contact_id::uuid
) as taken

-- name: invite_set_primary
-- No row: it is the primary address already.
update contact
set primary_email = :primary_email::text, emails = array(select jsonb_array_elements_text(:emails::jsonb)),
	email_keys = array(select jsonb_array_elements_text(:email_keys::jsonb)), updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :contact_id::uuid and primary_email is distinct from :primary_email
returning id

-- name: invite_membership_insert
insert into membership (
	firm_id, id, kind, contact_id, state, login_email, login_email_key, login_chosen, display_name, source, created_at, updated_at
)
values (
	:firm::uuid, :id::uuid, 'portal', :contact_id::uuid, 'not_sent', :email::text, :email_key::text,
	:chosen::boolean, :display_name::text, :source::text, :now::timestamptz, :now
)

-- name: invite_choose
update membership set login_chosen = :chosen::boolean, updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :membership::uuid and state in ('not_sent', 'invited') and login_chosen <> :chosen

-- name: invite_recall
-- Ahead of the change: shares are locked before their membership.
select notices_recall(:firm::uuid, :membership::uuid)

-- name: invite_hold_access
select access_hold(:firm::uuid, :membership::uuid)

-- name: invite_membership_reissue
-- Another address before or after registration: whoever held the old one is out at once; the shares stay.
update membership
set login_email = :email::text, login_email_key = :email_key::text, login_chosen = :chosen::boolean,
	display_name = :display_name::text, identity_id = null, state = 'not_sent', updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :membership::uuid

-- name: invite_sessions_end
update session set ended_at = :now::timestamptz
where firm_id = :firm::uuid and membership_id = :membership::uuid and ended_at is null

-- name: invite_drop_password
select identity_drop_password_if_orphan(:identity::uuid)

-- name: invite_default_shares
select default_shares(:firm::uuid, :membership::uuid, :now::timestamptz)

-- name: invite_restore
-- What is still there and open to the caller, for clients whom the person still belongs to; a matter, where the person
-- is still a client on it. What was told is not told anew; what nobody was told of yet still waits (pitfall P17).
insert into share (
	firm_id, id, client_id, contact_id, membership_id, folder_id, document_id, matter_id, access, notify, untold,
	created_by_type, created_by_id, created_by_name, created_at, updated_at
)
select n.firm_id, new_id(:now::timestamptz), x.client_id, n.contact_id, :membership::uuid, f.id, d.id, mc.matter_id,
	x.access, x.notify, coalesce(x.untold, false), me.kind, me.id, me.display_name, :now, :now
from access_snapshot n
cross join lateral jsonb_to_recordset(n.shares) as x (
	client_id uuid, folder_id uuid, document_id uuid, matter_id uuid, access text, notify boolean, untold boolean
)
join client_contact cc on cc.firm_id = n.firm_id and cc.client_id = x.client_id and cc.contact_id = n.contact_id
join membership me on me.firm_id = n.firm_id and me.id = :me::uuid
left join folder f on f.firm_id = n.firm_id and f.id = x.folder_id and f.client_id = x.client_id and f.removed_at is null
left join document d on d.firm_id = n.firm_id and d.id = x.document_id and d.client_id = x.client_id
left join matter_contact mc on mc.firm_id = n.firm_id and mc.matter_id = x.matter_id and mc.client_id = x.client_id
	and mc.contact_id = n.contact_id and mc.role = 'client'
cross join lateral (select coalesce(mc.matter_id, f.matter_id, d.matter_id) as id) o
where n.firm_id = :firm::uuid and n.id = :snapshot::uuid and num_nonnulls(f.id, d.id, mc.matter_id) = 1
	and (o.id is null or matter_open(n.firm_id, o.id, :me))
	and case when mc.matter_id is null then :documents::boolean else :matters::boolean end
on conflict do nothing

-- name: invite_access_close
select access_close(:firm::uuid, :membership::uuid, :snapshot::uuid, :now::timestamptz)

-- name: invite_set_end
update membership set ends_at = :ends_at::timestamptz, ends_told_at = null, updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :membership::uuid

-- name: invite_cap_sessions
update session set expires_at = least(expires_at, :ends_at::timestamptz)
where firm_id = :firm::uuid and membership_id = :membership::uuid and ended_at is null

-- name: invite_close_open
update invitation set state = 'superseded', updated_at = :now::timestamptz
where firm_id = :firm::uuid and membership_id = :membership::uuid and state = 'open'

-- name: invite_insert
insert into invitation (
	firm_id, id, membership_id, audience, email, email_key, contact_id, client_id, nonce, send_count,
	created_at, updated_at
)
values (
	:firm::uuid, :id::uuid, :membership::uuid, 'portal', :email::text, :email_key::text, :contact_id::uuid,
	(
		select case when count(*) = 1 then min(cc.client_id::text)::uuid end
		from client_contact cc
		where cc.firm_id = :firm and cc.contact_id = :contact_id
	),
	:nonce::bytea, :sends::integer, :now::timestamptz, :now
)

-- name: invite_mark_sent
update invitation
set send_count = send_count + 1, sent_at = :now::timestamptz, expires_at = :expires_at::timestamptz, updated_at = :now
where firm_id = :firm::uuid and id = :id::uuid

-- name: invite_membership_invited
update membership
set state = 'invited', login_email = :email::text, login_email_key = :email_key::text, login_chosen = :chosen::boolean,
	updated_at = :now::timestamptz
where firm_id = :firm::uuid and id = :membership::uuid and state in ('not_sent', 'invited')

-- name: invite_clear_address
delete from suppression where firm_id = :firm::uuid and email_key = :email_key::text

-- name: invite_shares
-- All that is shared with the contact, told once more when it is taken away (S2-9); `open`: may the caller know of the
-- matter that it belongs to?
select s.id, i.type as item_type,
	jsonb_build_object('type', i.type, 'id', coalesce(s.folder_id, s.document_id, s.matter_id)) as item_id,
	coalesce(f.name, d.name, x.name) as item_name, s.client_id, s.contact_id,
	c.display_name as contact_name, s.access, null::timestamptz as notified_at,
	jsonb_build_object('type', case s.created_by_type when 'key' then 'api_key' else s.created_by_type end,
		'id', coalesce(s.created_by_id, s.firm_id), 'name', s.created_by_name) as created_by,
	s.created_at, i.matter_id is null or matter_open(s.firm_id, i.matter_id, :me::uuid) as open
from share s
join contact c on c.firm_id = s.firm_id and c.id = s.contact_id
left join folder f on f.firm_id = s.firm_id and f.id = s.folder_id
left join document d on d.firm_id = s.firm_id and d.id = s.document_id
left join matter x on x.firm_id = s.firm_id and x.id = s.matter_id
cross join lateral (
	select case when s.folder_id is not null then 'folder' when s.document_id is not null then 'document' else 'matter' end
			as type,
		coalesce(s.matter_id, f.matter_id, d.matter_id) as matter_id
) i
where s.firm_id = :firm::uuid and s.contact_id = :contact_id::uuid
order by s.created_at, s.id

-- name: invite_withdraw
with gone as (
	update invitation set state = 'revoked', updated_at = :now::timestamptz
	where firm_id = :firm::uuid and id = :invitation::uuid and state = 'open'
)
update membership set state = 'not_sent', updated_at = :now
where firm_id = :firm and id = :membership::uuid and state = 'invited'

-- name: invite_login_follow
-- No row: somebody else has the address.
with moved as (
	update membership m
	set login_email = :email::text, login_email_key = :email_key::text, login_chosen = false, updated_at = :now::timestamptz
	where m.firm_id = :firm::uuid and m.id = :membership::uuid and m.state = 'not_sent' and not exists (
			select from membership o
			where o.firm_id = :firm and o.kind = 'portal' and o.login_email_key = :email_key and o.id <> m.id
		)
	returning m.id
), named as (
	update invitation i
	set email = :email, email_key = :email_key, updated_at = :now
	from moved
	where i.firm_id = :firm and i.membership_id = moved.id and i.state = 'open' and i.send_count = 0
)
select id from moved

-- name: invite_get
select i.id, i.audience, i.email, i.contact_id, i.client_id,
	case
		when i.state <> 'open' then i.state
		when i.send_count = 0 then 'not_sent'
		when i.expires_at <= :now::timestamptz then 'expired'
		when e.state in ('sent', 'deferred', 'bounced', 'suppressed') then e.state
		when e.state = 'failed' then 'bounced'
		else 'queued'
	end as status,
	e.state as delivery, e.to_email as sent_to, coalesce((
		select jsonb_agg(jsonb_build_object(
			'at', to_char(y.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'sent_to', x.to_email,
			'outcome', y.outcome, 'response', y.response
		) order by y.at, y.id)
		from envelope x
		join delivery y on y.firm_id = x.firm_id and y.envelope_id = x.id
		where x.firm_id = i.firm_id and x.invitation_id = i.id
	), '[]') as deliveries, i.expires_at, i.sent_at, i.send_count, i.accepted_at, i.created_at,
	i.version
from invitation i
left join lateral (
	select e.state, e.to_email
	from envelope e
	where e.firm_id = i.firm_id and e.invitation_id = i.id
	order by e.created_at desc, e.id desc
	limit 1
) e on true
where i.firm_id = :firm::uuid and i.id = :id::uuid
