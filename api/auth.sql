-- name: auth_check
select * from authenticate(:token_hash::bytea, :firm::uuid, :me::uuid, :session::uuid, :rule::text, :now::timestamptz)
