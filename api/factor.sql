-- name: factor_find
select secret, started_at, confirmed, last_step from totp_find(:identity::uuid)

-- name: factor_use
select totp_use(:identity::uuid, :started_at::timestamptz, :step::bigint, :recovery::bytea) as done
