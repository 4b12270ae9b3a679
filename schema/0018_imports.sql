-- 0018_imports.sql - clients and contacts from a file: the import, and its rows until they are made.

set role portico_owner;

-- `blob_id` is the file until its rows are read, `applied` that all they say is there and people are being invited.
-- `attempts` counts how often a worker has taken it up. The actor is who sent it, or who committed a dry run.
create table import (
	firm_id uuid not null,
	id uuid not null,
	kind text not null,
	status text not null default 'validating',
	dry_run boolean not null,
	send_invitations text not null,
	blob_id uuid,
	applied boolean not null default false,
	attempts integer not null default 0,
	row_count bigint not null default 0,
	created_count bigint not null default 0,
	updated_count bigint not null default 0,
	unchanged_count bigint not null default 0,
	error_count bigint not null default 0,
	invited_count bigint not null default 0,
	errors jsonb not null default '[]',
	actor_type text not null,
	actor_id uuid not null,
	actor_name text not null,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	finished_at timestamptz,
	constraint import_pkey primary key (firm_id, id),
	constraint import_firm_fk foreign key (firm_id) references firm (id),
	constraint import_blob_fk foreign key (firm_id, blob_id) references blob (firm_id, id),
	constraint import_kind_check check (kind in ('clients', 'contacts')),
	constraint import_status_check check (status in ('validating', 'ready', 'running', 'done', 'failed')),
	constraint import_send_check check (send_invitations in ('now', 'later', 'none')),
	constraint import_actor_type_check check (actor_type in ('staff', 'key')),
	constraint import_errors_check check (jsonb_typeof(errors) = 'array'),
	constraint import_finished_check check ((finished_at is null) = (status in ('validating', 'ready', 'running')))
);

create index import_waiting_idx on import (created_at, id) where status in ('validating', 'running');
create index import_blob_idx on import (firm_id, blob_id) where blob_id is not null;
create index import_created_idx on import (created_at);

-- A row as it was read: what it says of a client and of a contact, the keys by which both are found, and its own
-- faults. The rest is found by comparing it with the firm and with the rows before it, and found anew before it is made.
create table import_row (
	firm_id uuid not null,
	import_id uuid not null,
	line integer not null,
	code text,
	email_key text,
	codes text[] not null,
	client jsonb,
	contact jsonb,
	faults jsonb not null,
	errors jsonb not null default '[]',
	client_id uuid,
	contact_id uuid,
	client_new boolean not null default false,
	contact_new boolean not null default false,
	result text,
	invitation text,
	constraint import_row_pkey primary key (firm_id, import_id, line),
	constraint import_row_import_fk foreign key (firm_id, import_id) references import (firm_id, id) on delete cascade,
	constraint import_row_result_check check (result in ('created', 'updated', 'unchanged')),
	constraint import_row_invitation_check check (invitation in ('sent', 'not_sent', 'refused'))
);

create index import_row_code_idx on import_row (firm_id, import_id, code, line) where code is not null;
create index import_row_email_idx on import_row (firm_id, import_id, email_key, line) where email_key is not null;
create index import_row_error_idx on import_row (firm_id, import_id, line) where errors <> '[]';

select table_of_firm('import');
select table_of_firm('import_row');

grant select, insert on import, import_row to portico_api;
grant update (status, blob_id, applied, row_count, created_count, updated_count, unchanged_count, error_count,
	invited_count, errors, actor_type, actor_id, actor_name, updated_at, finished_at) on import to portico_api;
grant update (errors, client_id, contact_id, client_new, contact_new, result, invitation) on import_row to portico_api;
grant update (source) on membership to portico_api;
grant update (source) on invitation to portico_api;

-- Whose waiting import a worker takes up now, the oldest first, one of a firm at a time: while the worker's session
-- lives, the firm is its own. `may`: who asked for it still may.
create function import_take(now timestamptz)
returns table (firm_id uuid, import_id uuid, may boolean, attempts integer)
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
#variable_conflict use_column
declare
	next record;
begin
	for next in
		select w.firm_id, w.id
		from (
			select distinct on (i.firm_id) i.firm_id, i.id, i.created_at
			from import i
			where i.status in ('validating', 'running')
			order by i.firm_id, i.created_at, i.id
		) w
		order by w.created_at, w.id
	loop
		continue when not pg_try_advisory_lock(1886352246, hashtext(next.firm_id::text));
		return query
			update import i
			set attempts = i.attempts + 1, updated_at = import_take.now
			where i.firm_id = next.firm_id and i.id = next.id and i.status in ('validating', 'running')
			returning i.firm_id, i.id, exists (
				select from membership m
				where m.firm_id = i.firm_id and m.id = i.actor_id and m.state = 'active'
					and (m.kind = 'key' or exists (
						select from role_permission p where p.role = m.role and p.permission = 'imports:write'))
			), i.attempts;
		exit when found;
		perform pg_advisory_unlock(1886352246, hashtext(next.firm_id::text));
	end loop;
end
$$;

-- The rows of an import come all at once, and so do the clients and contacts that it makes: the planner must know of
-- them, or takes them for a few and compares each with each.
create function import_analyze() returns void
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	analyze (skip_locked) public.import_row, public.client, public.contact, public.client_contact;
end
$$;

revoke all on function import_analyze() from public;
grant execute on function import_analyze() to portico_api;

revoke all on function import_take(timestamptz) from public;
grant execute on function import_take(timestamptz) to portico_api;

-- Imports are forgotten after 90 days, as the events are that tell of them.
create policy import_janitor on import to portico_janitor using (true);
grant select (firm_id, id, created_at, status), delete on import to portico_janitor;

reset role;
