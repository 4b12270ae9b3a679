-- name: migrate_lock
-- One at a time; a second one waits, then finds nothing left to do.
select pg_advisory_xact_lock(7000)

-- name: migrate_table
create table if not exists schema_migration (
	version integer primary key,
	name text not null,
	checksum text not null,
	applied_at timestamptz not null
)

-- name: migrate_applied
select name, checksum from schema_migration where version = :version::integer

-- name: migrate_note
insert into schema_migration (version, name, checksum, applied_at)
values (:version::integer, :name::text, :checksum::text, :at::timestamptz)

-- name: migrate_test_mode
-- Test mode's reset works only where the operator's own environment has switched it on.
update installation set test_mode = :test_mode::boolean
