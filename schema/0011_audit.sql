-- 0011_audit.sql - the seal of the audit log: what is hashed, and how one entry follows from the one before.

set role portico_owner;

-- One value of an entry: its length in bytes, a colon, the text, a comma; null is "-,". No text can pass for two.
create function audit_cell(value text) returns text
language sql immutable
as $$
	select coalesce(octet_length($1) || ':' || $1 || ',', '-,')
$$;

-- The canonical bytes of an entry at its place in the chain: every column but the two hashes, in this order,
-- each as audit_cell. Times are UTC with microseconds. This is the one definition: sealing and verifying use
-- it, and whoever checks an export without us has to make the same bytes. It is never changed once released.
create function audit_bytes(entry audit, place bigint) returns bytea
language sql stable
as $$
	select convert_to(
		audit_cell(entry.firm_id::text) || audit_cell(place::text) || audit_cell(entry.id::text)
		|| audit_cell(to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
		|| audit_cell(entry.actor_type) || audit_cell(entry.actor_id::text) || audit_cell(entry.actor_name)
		|| audit_cell(entry.action) || audit_cell(entry.object_type) || audit_cell(entry.object_id::text)
		|| audit_cell(entry.client_id::text) || audit_cell(entry.ip) || audit_cell(entry.request_id)
		|| audit_cell(entry.outcome) || audit_cell(entry.detail::text)
		|| audit_cell(entry.xid::text) || audit_cell(entry.row_no::text),
		'UTF8'
	)
$$;

-- hash = sha256(hash of the entry before, canonical bytes); before the first entry of a firm stands nothing.
create function audit_link(before bytea, head bytea, bytes bytea) returns bytea
language sql immutable
as $$
	select sha256(coalesce($1, $2) || $3)
$$;

-- As a window function: the hashes of entries that follow on `head`, each from the one before.
create aggregate audit_chain(head bytea, bytes bytea) (sfunc = audit_link, stype = bytea);

grant execute on function audit_cell(text), audit_bytes(audit, bigint), audit_link(bytea, bytea, bytea),
	audit_chain(bytea, bytea)
to portico_relay;

-- One entry for a download, however many ranges it is fetched in: one a person, version of the document and hour.
create unique index audit_download_idx on audit (
	firm_id, actor_id, object_id, (detail ->> 'version'), date_trunc('hour', at at time zone 'UTC')
)
where action = 'document.downloaded';

reset role;
