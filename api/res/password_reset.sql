-- name: password_reset_use
select identity_reset_password(
	:firm::uuid, :token::uuid, :identity::uuid, :password_hash::text, :now::timestamptz
) as done
