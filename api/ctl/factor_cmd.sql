-- name: factor_cmd_find
-- Whose second factor it is, held until the end, and where they have access: where they were last, first.
select i.id as identity, m.firm_id, m.id as membership
from identity i
join identity_totp t on t.identity_id = i.id and t.confirmed_at is not null
left join membership m on m.identity_id = i.id and m.kind in ('staff', 'portal')
where i.email_key = :email_key::text
order by m.last_sign_in_at desc nulls last, m.id
for update of i, t

-- name: factor_cmd_reset
-- Who has got hold of a session or of the password alone is out, too.
with gone as (
	delete from identity_totp t where t.identity_id = :identity::uuid returning t.identity_id
), asked as (
	delete from mfa_challenge c
	using gone g, membership m
	where m.identity_id = g.identity_id and c.firm_id = m.firm_id and c.membership_id = m.id
)
update session s
set second_factor = false, ended_at = :now::timestamptz
from gone g
join membership m on m.identity_id = g.identity_id
where s.firm_id = m.firm_id and s.membership_id = m.id and s.ended_at is null
