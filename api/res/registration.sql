-- part: registration_match
-- The contact who has this address: a person first, since a business can be given no access.
(
	select c.id from contact c
	where c.firm_id = r.firm_id and c.archived_at is null and r.email_key = any(c.email_keys)
	order by c.entity desc, c.created_at, c.id
	limit 1
)

-- part: registration_shown
r.id, r.name, r.email, r.phone, r.message, r.email_confirmed_at, s.status,
	(
		select l.id from sign_up_link l
		where l.firm_id = r.firm_id and l.id = r.sign_up_link_id
			and coalesce(matter_open(l.firm_id, object_matter(l.firm_id, 'sign_up_link', l.id), :me::uuid), true)
	) as sign_up_link_id,
	{{registration_match}} as matched_contact_id,
	r.contact_id, r.expires_at,
	case when s.status = 'expired' then coalesce(r.handled_at, r.expires_at) else r.handled_at end as handled_at,
	case when r.handled_by_id is not null then jsonb_build_object(
		'type', case r.handled_by_type when 'key' then 'api_key' else r.handled_by_type end,
		'id', r.handled_by_id, 'name', r.handled_by_name
	) end as handled_by,
	r.created_at
from registration r
cross join lateral (
	select case
		when r.state in ('unconfirmed', 'pending') and r.expires_at <= :now::timestamptz then 'expired'
		else r.state
	end as status
) s

-- part: registration_rest
	and r.state <> 'known'
	and (r.created_at, r.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:status::text is null or s.status = :status)
order by r.created_at, r.id
limit :limit::bigint

-- name: registration_list
select {{registration_shown}}
where r.firm_id = :firm::uuid
{{registration_rest}}

-- name: registration_list_of_email
select {{registration_shown}}
where r.firm_id = :firm::uuid and r.email_key = :email_key::text
{{registration_rest}}

-- name: registration_get
select {{registration_shown}}
where r.firm_id = :firm::uuid and r.id = :registration_id::uuid and r.state <> 'known'

-- name: registration_badges
select count(*) as pending_registrations
from registration r
where r.firm_id = :firm::uuid and r.state = 'pending' and r.expires_at > :now::timestamptz

-- name: registration_hold_contact
-- The one that is chosen, or has the address: ahead of the item and of the registration, as by whoever changes it.
select n.id
from registration r
join contact n on n.firm_id = r.firm_id and n.id = coalesce(:chosen::uuid, {{registration_match}})
where r.firm_id = :firm::uuid and r.id = :registration_id::uuid
for no key update of n

-- name: registration_offer
-- What the link shares by which the person came; nothing where the person is to be another client's, or the firm has
-- switched documents off.
select l.client_id, l.folder_id, l.matter_id, l.access,
	coalesce(matter_open(l.firm_id, object_matter(l.firm_id, 'sign_up_link', l.id), :me::uuid), true) as open
from registration r
join sign_up_link l on l.firm_id = r.firm_id and l.id = r.sign_up_link_id
join firm f on f.id = r.firm_id and 'documents' <> all(f.features_off)
where r.firm_id = :firm::uuid and r.id = :registration_id::uuid and r.state = 'pending'
	and (:client::uuid is null or l.client_id = :client)

-- name: registration_take_part
-- How the contact takes part in the matter of the link: a client on it from now on, unless there in another role.
with made as (
	insert into matter_contact (firm_id, matter_id, client_id, contact_id, role, created_at)
	values (:firm::uuid, :matter::uuid, :client::uuid, :contact::uuid, 'client', :now::timestamptz)
	on conflict on constraint matter_contact_pkey do nothing
	returning role
)
select role, true as made from made
union all
select mc.role, false from matter_contact mc
where mc.firm_id = :firm and mc.matter_id = :matter and mc.contact_id = :contact

-- name: registration_lock
select id from registration
where firm_id = :firm::uuid and id = :registration_id::uuid and state <> 'known'
for no key update

-- name: registration_close
update registration
set state = :state::text, contact_id = :contact::uuid, password_hash = null, handled_at = :now::timestamptz,
	handled_by_id = :by::uuid, handled_by_type = :by_type::text, handled_by_name = :by_name::text, updated_at = :now
where firm_id = :firm::uuid and id = :registration_id::uuid
returning id

-- name: registration_adopt
update contact c
set emails = c.emails || r.email, email_keys = c.email_keys || r.email_key,
	primary_email = coalesce(c.primary_email, r.email), updated_at = :now::timestamptz
from registration r
where r.firm_id = :firm::uuid and r.id = :registration_id::uuid and c.firm_id = r.firm_id
	and c.id = :contact_id::uuid
returning c.id

-- name: registration_relate
insert into client_contact (firm_id, client_id, contact_id, created_at)
select c.firm_id, c.id, :contact::uuid, :now::timestamptz
from client c
where c.firm_id = :firm::uuid and c.id = :client::uuid and c.status = 'active'
on conflict on constraint client_contact_pkey do update set is_primary = client_contact.is_primary
returning client_id, (xmax = 0) as made

-- name: registration_related
select exists (
	select from client_contact cc where cc.firm_id = :firm::uuid and cc.contact_id = :contact::uuid
) as related

-- name: registration_activate
update membership m
set state = 'active', contact_id = :contact::uuid, updated_at = :now::timestamptz
from registration r
where r.firm_id = :firm::uuid and r.id = :registration_id::uuid and m.firm_id = r.firm_id and m.id = r.membership_id
	and m.state = 'pending_verification'
returning m.id

-- name: registration_hold_access
select access_hold(r.firm_id, r.membership_id) as identity
from registration r
where r.firm_id = :firm::uuid and r.id = :registration_id::uuid

-- name: registration_end
delete from membership m
using registration r
where r.firm_id = :firm::uuid and r.id = :registration_id::uuid and m.firm_id = r.firm_id and m.id = r.membership_id
	and m.state = 'pending_verification'

-- name: registration_drop_password
select identity_drop_password_if_orphan(:identity::uuid)
