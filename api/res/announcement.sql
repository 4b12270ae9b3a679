-- name: announcement_own
-- The firm's own texts: all, or the one of this key.
select key, subject, body_text, updated_at
from announcement
where firm_id = :firm::uuid and (:key::text is null or key = :key)

-- name: announcement_firm
-- What the tags stand for. Where nobody can register, there is no address for it.
select name, phone, support_email, coalesce(portal_url, :public_url::text) as portal_url,
	coalesce(portal_url || '/signin', :public_url || '/signin?firm=' || slug) as sign_in_url,
	case when self_registration
		then coalesce(portal_url, :public_url) || '/register?firm=' || slug end as registration_url,
	null::text as logo_url, accent_color
from firm
where id = :firm::uuid

-- name: announcement_lock
-- Before a text is read to be changed: what If-Match was compared with then stays, also where there is no row yet.
select id from firm where id = :firm::uuid for no key update

-- name: announcement_put
insert into announcement (firm_id, key, subject, body_text, updated_at)
values (:firm::uuid, :key::text, :subject::text, :body_text::text, :now::timestamptz)
on conflict on constraint announcement_pkey do update
set subject = excluded.subject, body_text = excluded.body_text, updated_at = excluded.updated_at

-- name: announcement_delete
delete from announcement where firm_id = :firm::uuid and key = :key::text
