-- name: totp_start
select totp_start(:identity::uuid, :secret::bytea, :now::timestamptz) as done, f.name as firm_name
from firm f
where f.id = :firm::uuid

-- name: totp_confirm
select totp_confirm(
	:identity::uuid, :started_at::timestamptz, :step::bigint, :recovery::bytea[], :session::uuid, :now::timestamptz
) as done

-- name: totp_required
select totp_required(:identity::uuid) as required

-- name: totp_remove
select totp_remove(:identity::uuid)

-- name: totp_renew
select totp_renew(:identity::uuid, :recovery::bytea[])
