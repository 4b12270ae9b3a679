-- name: setup_needed
select setup_needed() as needed

-- name: setup_begin
select setup_begin(:now::timestamptz)
