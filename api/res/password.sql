-- name: password_claim
select claim_firm(:firm::uuid)

-- name: password_credential
select m.login_email_key as email_key, f.name as firm_name, f.sign_in, i.password_hash, i.set_at,
	password_alone(m.identity_id) as alone
from membership m
join firm f on f.id = m.firm_id
cross join lateral identity_credential(m.identity_id) i
where m.firm_id = :firm::uuid and m.id = :membership::uuid

-- name: password_change
select identity_change_password(
	:identity::uuid, :old_hash::text, :new_hash::text, :session::uuid, :now::timestamptz
) as done
