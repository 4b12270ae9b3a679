-- name: portal_address_get
-- Where several firms share the installation's address, the page has to be told which one.
select coalesce(portal_url, :public_url::text) as portal_url,
	coalesce(portal_url || '/signin', :public_url || '/signin?firm=' || slug) as sign_in_url
from firm
where id = :firm::uuid

-- name: portal_address_lock
-- Before anything is read of it: two at once are one after the other.
select id from contact
where firm_id = :firm::uuid and id = :contact_id::uuid and archived_at is null
for no key update

-- name: portal_address_reader
-- Whoever has access is written to where they sign in.
select coalesce(m.login_email, c.primary_email) as email,
	(
		select max(e.created_at) from envelope e
		where e.firm_id = c.firm_id and e.contact_id = c.id and e.kind = 'portal_address'
	) as sent_at
from contact c
left join membership m on m.firm_id = c.firm_id and m.contact_id = c.id
where c.firm_id = :firm::uuid and c.id = :contact_id::uuid

-- name: portal_address_mail
insert into envelope (firm_id, id, event_id, kind, recipient_kind, membership_id, contact_id, to_email, to_email_key,
	to_name, due_at, expires_at, created_at, updated_at)
select c.firm_id, :id::uuid, :event::uuid, 'portal_address', 'contact', m.id, c.id, coalesce(m.login_email, c.primary_email),
	coalesce(m.login_email_key, c.email_keys[1]), coalesce(m.display_name, c.display_name), :now::timestamptz,
	:now + interval '4 days', :now, :now
from contact c
left join membership m on m.firm_id = c.firm_id and m.contact_id = c.id
where c.firm_id = :firm::uuid and c.id = :contact_id::uuid
returning id, kind, jsonb_build_array(to_email) as "to", '[]'::jsonb as cc, '[]'::jsonb as bcc, '' as subject,
	state as status, error, contact_id, client_id, null::uuid as invoice_id, created_at, sent_at
