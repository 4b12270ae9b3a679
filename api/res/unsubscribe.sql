-- name: unsubscribe_claim
select claim_firm(:firm::uuid)

-- name: unsubscribe_open
-- What a link's token claims, with all that decides about it, and what the person wants by now.
select m.kind as audience, m.display_name, m.login_email, m.login_email_key, f.notify_required as mandatory,
	false as required, coalesce(p.digest, 'instant') as digest, to_jsonb(coalesce(p.muted, '{}')) as muted
from membership m
join firm f on f.id = m.firm_id
left join mail_preference p on p.firm_id = m.firm_id and p.membership_id = m.id
where m.firm_id = :firm::uuid and m.id = :membership::uuid and m.state = 'active'

-- name: unsubscribe_mute
-- No row: the kind was muted already, or the membership ended meanwhile.
insert into mail_preference as p (firm_id, membership_id, muted, updated_at)
select m.firm_id, m.id, array[:event::text], :now::timestamptz
from membership m
where m.firm_id = :firm::uuid and m.id = :membership::uuid and m.state = 'active'
on conflict on constraint mail_preference_pkey do update
set muted = p.muted || excluded.muted, updated_at = excluded.updated_at
where not excluded.muted <@ p.muted
returning p.membership_id
