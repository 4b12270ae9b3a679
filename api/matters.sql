-- name: matters_state
-- Each one in the order asked: is it there for the caller, is the contact a client on it?
select q.id, x.id is not null as open, c.status = 'archived' as archived, mc.contact_id is not null as takes_part
from jsonb_array_elements_text(:matters::jsonb) with ordinality as q(id, n)
left join matter x on x.firm_id = :firm::uuid and x.id = q.id::uuid and matter_open(x.firm_id, x.id, :me::uuid)
left join client c on c.firm_id = x.firm_id and c.id = x.client_id
left join matter_contact mc on mc.firm_id = x.firm_id and mc.matter_id = x.id and mc.contact_id = :contact_id::uuid
	and mc.role = 'client'
order by q.n

-- name: matters_share
insert into share as s (
	firm_id, id, client_id, contact_id, membership_id, matter_id, access, notify,
	created_by_type, created_by_id, created_by_name, created_at, updated_at
)
select x.firm_id, new_id(:now::timestamptz), x.client_id, m.contact_id, m.id, x.id, 'view', false,
	me.kind, me.id, me.display_name, :now, :now
from matter x
join membership m on m.firm_id = x.firm_id and m.id = :membership::uuid
join membership me on me.firm_id = x.firm_id and me.id = :me::uuid
where x.firm_id = :firm::uuid and x.id in (select jsonb_array_elements_text(:matters::jsonb)::uuid)
on conflict on constraint share_matter_key do nothing
returning s.id, s.client_id
