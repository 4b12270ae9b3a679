-- name: preference_lock
select id from membership where firm_id = :firm::uuid and id = :me::uuid for no key update

-- name: preference_get
select m.kind as audience, f.notify_required as required, coalesce(p.digest, 'instant') as digest,
	to_jsonb(coalesce(p.muted, '{}')) as muted,
	coalesce(m.role in ('owner', 'admin'), false) as leads, to_jsonb(coalesce(p.wanted, '{}')) as wanted
from membership m
join firm f on f.id = m.firm_id
left join mail_preference p on p.firm_id = m.firm_id and p.membership_id = m.id
where m.firm_id = :firm::uuid and m.id = :me::uuid

-- name: preference_put
insert into mail_preference (firm_id, membership_id, digest, muted, wanted, updated_at)
values (:firm::uuid, :me::uuid, :digest::text, array(select jsonb_array_elements_text(:muted::jsonb)),
	array(select jsonb_array_elements_text(:wanted::jsonb)), :now::timestamptz)
on conflict on constraint mail_preference_pkey do update
set digest = excluded.digest, muted = excluded.muted, wanted = excluded.wanted, updated_at = excluded.updated_at
