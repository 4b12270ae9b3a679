-- 0005_access.sql - guards, functions, row-level security and grants.
--
-- Every function that runs as its owner (security definer) stands in the list of
-- tests/db/catalogue.test.mjs, sets its search_path, and filters by firm itself: its owner sees all.

set role portico_owner;

-- --- Guards -----------------------------------------------------------------------------------

-- A firm keeps an active owner, whichever way one is lost (role, suspension, deletion, import). The
-- row lock on the firm makes two demotions at once wait for each other.
create function keep_last_owner() returns trigger
language plpgsql
as $$
begin
	if tg_op = 'UPDATE' and new.role = 'owner' and new.state = 'active' then
		return new;
	end if;
	perform from firm f where f.id = old.firm_id for no key update;
	if not exists (
		select from membership m
		where m.firm_id = old.firm_id and m.kind = 'staff' and m.role = 'owner' and m.state = 'active'
			and m.id <> old.id
	) then
		raise exception using errcode = 'PT409', message = 'last_owner';
	end if;
	if tg_op = 'UPDATE' then
		return new;
	end if;
	return old;
end
$$;

create trigger membership_last_owner before update or delete on membership
for each row when (old.role = 'owner' and old.state = 'active') execute function keep_last_owner();

-- Keeps ancestors true, because visibility rests on them. All changes of one client's tree wait for
-- each other on the client's row; else a folder made under one that is just being moved would keep
-- the old way up. An unknown parent is left to folder_parent_fk.
create function folder_place() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	above uuid[];
begin
	if tg_op = 'UPDATE' and new.parent_id is not distinct from old.parent_id then
		return new;
	end if;
	perform from client c where c.firm_id = new.firm_id and c.id = new.client_id for no key update;
	select f.path into above
	from folder f
	where f.firm_id = new.firm_id and f.id = new.parent_id and f.client_id = new.client_id;
	if new.id = any(above) then
		raise exception using errcode = 'PT409', message = 'would_make_cycle';
	end if;
	new.ancestors := coalesce(above, '{}');
	return new;
end
$$;

create trigger folder_place before insert or update of parent_id on folder
for each row execute function folder_place();

create function folder_move_content() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update folder f
	set ancestors = new.path || f.ancestors[cardinality(old.path) + 1:]
	where f.firm_id = new.firm_id and f.client_id = new.client_id and new.id = any(f.ancestors);
	return null;
end
$$;

create trigger folder_move_content after update of parent_id on folder
for each row when (old.ancestors is distinct from new.ancestors) execute function folder_move_content();

-- Remembers that a client has had its default upload folder, so that the back-fill never brings a
-- removed one back (S3-13).
create function folder_note_default() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update client c set default_folder_made = true
	where c.firm_id = new.firm_id and c.id = new.client_id and not c.default_folder_made;
	return null;
end
$$;

create trigger folder_note_default after insert on folder
for each row when (new.is_default_upload) execute function folder_note_default();

-- The answer for a client shows its team, the one for a contact its clients and its portal access: a
-- change there is a new version of the answer, so that a strong ETag never names two of them.
create function version_client() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	r client_team := case when tg_op = 'DELETE' then old else new end;
begin
	update client c set version = c.version + 1 where c.firm_id = r.firm_id and c.id = r.client_id;
	return null;
end
$$;

create trigger client_team_version after insert or delete on client_team
for each row execute function version_client();

create function version_contact() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	in_firm uuid := case when tg_op = 'DELETE' then old.firm_id else new.firm_id end;
	changed uuid := case when tg_op = 'DELETE' then old.contact_id else new.contact_id end;
begin
	update contact c set version = c.version + 1 where c.firm_id = in_firm and c.id = changed;
	return null;
end
$$;

create trigger client_contact_version after insert or delete on client_contact
for each row execute function version_contact();
create trigger membership_contact_version after insert or delete or update of state, contact_id on membership
for each row execute function version_contact();

-- The names of clients stand in the answers for contacts, those of staff in the answers for clients.
create function version_named() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	if tg_table_name = 'client' then
		update contact c set version = c.version + 1
		from client_contact cc
		where cc.firm_id = new.firm_id and cc.client_id = new.id
			and c.firm_id = cc.firm_id and c.id = cc.contact_id;
	else
		update client c set version = c.version + 1
		from client_team t
		where t.firm_id = new.firm_id and t.membership_id = new.id
			and c.firm_id = t.firm_id and c.id = t.client_id;
	end if;
	return null;
end
$$;

create trigger client_named after update of name on client
for each row when (old.name is distinct from new.name) execute function version_named();
create trigger membership_named after update of display_name on membership
for each row when (old.display_name is distinct from new.display_name) execute function version_named();

-- Audit rows are sealed once and are otherwise as they were written, whoever asks.
create function audit_seal_only() returns trigger
language plpgsql
as $$
declare
	seal text[] := array['sequence', 'prev_hash', 'hash'];
begin
	if old.hash is not null or to_jsonb(new) - seal is distinct from to_jsonb(old) - seal then
		raise exception using errcode = '42501', message = 'audit rows do not change';
	end if;
	return new;
end
$$;

create trigger audit_seal_only before update on audit for each row execute function audit_seal_only();

-- --- Callers ----------------------------------------------------------------------------------

-- Names the firm whose rows this transaction may see. Public calls use it with what firm_find() gave.
create function claim_firm(firm uuid) returns void
language plpgsql
as $$
begin
	if firm is null then
		raise exception using errcode = 'PT401', message = 'unauthenticated';
	end if;
	perform set_config('portico.firm', firm::text, true);
end
$$;

-- Verifies a session and its right, and claims its firm; the first statement of every call that is not
-- public. The ids are what the token claims: they are bound before they are verified, and a refusal
-- aborts all that was pipelined behind. rule: any | portal | staff | a permission. Someone who waits
-- for verification passes 'any' alone (S1-10). last_seen_at is written at most once a minute, and not
-- at all while another transaction holds the row.
create function authenticate(
	token_hash bytea, firm uuid, membership uuid, session uuid, rule text, now timestamptz
) returns table (
	session_id uuid, audience text, membership_id uuid, identity_id uuid, contact_id uuid, name text, email text,
	role text, transport text, authenticated_at timestamptz, expires_at timestamptz,
	idle_expires_at timestamptz, permissions text[], locale text, timezone text
)
language plpgsql
as $$
#variable_conflict use_column
declare
	s session;
	m membership;
	rights text[];
begin
	perform claim_firm(authenticate.firm);
	select x.* into s
	from session x
	where x.firm_id = authenticate.firm and x.id = authenticate.session;
	select x.* into m
	from membership x
	where x.firm_id = authenticate.firm and x.id = authenticate.membership;
	if s.id is null or m.id is null or s.membership_id <> m.id
		or s.token_hash is distinct from authenticate.token_hash
		or s.ended_at is not null or s.expires_at <= authenticate.now
		or s.last_seen_at + make_interval(secs => s.idle_seconds) <= authenticate.now
		or m.state not in ('active', 'pending_verification') then
		raise exception using errcode = 'PT401', message = 'unauthenticated';
	end if;

	select coalesce(array_agg(p.permission order by p.permission), '{}') into rights
	from role_permission p
	where p.role = m.role;

	if authenticate.rule is distinct from 'any' then
		if m.state = 'pending_verification' then
			raise exception using errcode = 'PT403', message = 'awaiting_verification';
		end if;
		if authenticate.rule is null
			or (authenticate.rule in ('portal', 'staff') and m.kind <> authenticate.rule)
			or (authenticate.rule not in ('portal', 'staff') and authenticate.rule <> all(rights)) then
			raise exception using errcode = 'PT403', message = 'permission_denied',
				detail = coalesce(authenticate.rule, 'none');
		end if;
	end if;

	if s.last_seen_at <= authenticate.now - interval '1 minute' then
		perform from session x
		where x.firm_id = s.firm_id and x.id = s.id
		for no key update skip locked;
		if found then
			update session x set last_seen_at = greatest(x.last_seen_at, authenticate.now)
			where x.firm_id = s.firm_id and x.id = s.id;
		end if;
		s.last_seen_at := authenticate.now;
	end if;

	return query select
		s.id, m.kind, m.id, m.identity_id, m.contact_id, m.display_name, m.login_email,
		m.role, s.transport, s.authenticated_at, s.expires_at,
		least(s.expires_at, s.last_seen_at + make_interval(secs => s.idle_seconds)),
		rights, m.locale, m.timezone;
end
$$;

-- The firm of a public call: by slug where one is given, else by the host of its portal_url, else the
-- only firm there is. No row: it cannot be told.
create function firm_find(slug text, host text) returns table (id uuid, slug text, name text)
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select f.id, f.slug, f.name
	from firm f
	where case
		when firm_find.slug is not null then f.slug = lower(firm_find.slug)
		when exists (select from firm h where h.portal_host = lower(firm_find.host))
			then f.portal_host = lower(firm_find.host)
		else (select count(*) from (select from firm limit 2) as n) = 1
	end
$$;

-- --- Identities (global: by definer functions alone) -------------------------------------------

create function identity_find(email_key text) returns table (id uuid, password_hash text)
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select i.id, i.password_hash from identity i where i.email_key = identity_find.email_key
$$;

create function identity_get(id uuid) returns table (email text, email_key text, password_hash text)
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select i.email, i.email_key, i.password_hash from identity i where i.id = identity_get.id
$$;

-- What a sign-in needs to know of one address at one firm: at most one row, whatever the state.
create function sign_in_find(firm uuid, kind text, email_key text)
returns table (identity_id uuid, password_hash text, membership_id uuid, state text)
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select m.identity_id, i.password_hash, m.id, m.state
	from membership m
	left join identity i on i.id = m.identity_id
	where m.firm_id = sign_in_find.firm and m.kind = sign_in_find.kind
		and m.login_email_key = sign_in_find.email_key
$$;

-- Returns the id; null when the address has an identity already: then its credential is to be proved.
create function identity_create(id uuid, email_key text, email text, password_hash text, now timestamptz) returns uuid
language sql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	insert into identity as i (id, email_key, email, password_hash, created_at, updated_at)
	values ($1, $2, $3, $4, $5, $5)
	on conflict on constraint identity_email_key do nothing
	returning i.id
$$;

-- The first password of an identity that has none: of two who choose one at once the second is refused. False
-- also when there is no such identity.
create function identity_set_password(id uuid, password_hash text, now timestamptz) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update identity i
	set password_hash = identity_set_password.password_hash, updated_at = identity_set_password.now
	where i.id = identity_set_password.id and i.password_hash is null;
	return found;
end
$$;

-- An identity without a live membership in any firm loses its password. The row lock waits for
-- memberships that are just being written, since their foreign key holds the row.
create function identity_drop_password_if_orphan(id uuid) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from identity i where i.id = identity_drop_password_if_orphan.id for update;
	update identity i set password_hash = null
	where i.id = identity_drop_password_if_orphan.id
		and i.password_hash is not null
		and not exists (
			select from membership m
			where m.identity_id = i.id and m.state in ('active', 'suspended', 'pending_verification')
		);
	return found;
end
$$;

-- --- Setup and test mode -----------------------------------------------------------------------

create function setup_needed() returns boolean
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select i.setup_done_at is null and not exists (select from firm) from installation i
$$;

-- The one who may make the first firm; everyone after gets 409.
create function setup_begin(now timestamptz) returns void
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from installation for update;
	if not setup_needed() then
		raise exception using errcode = 'PT409', message = 'already_set_up';
	end if;
	update installation set setup_done_at = setup_begin.now;
end
$$;

-- Empties the installation, where the operator has switched test mode on in its row; else 404.
create function test_reset() returns void
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from installation i where i.test_mode for update;
	if not found then
		raise exception using errcode = 'PT404', message = 'not_found';
	end if;
	truncate firm, identity, membership, session, idempotency, sign_in_attempt, contact, client, client_team, client_contact,
		invitation, folder, blob, document, share, event, envelope, delivery, suppression, audit, sequencer,
		test_mail;
	update installation set setup_done_at = null;
end
$$;

-- --- Visibility --------------------------------------------------------------------------------

-- THE visibility function: what one person of a portal sees, now. Everything that lists, counts, opens,
-- zips or searches for a portal user joins it. One row an item:
--   folder    folder_id, document_id null
--   document  document_id; folder_id is null where the person does not see the folder it lies in
-- access is the strongest over all shares that reach the item: its own, its folder's, its ancestors'.
-- Plain SQL without options, so that the planner inlines it and conditions on its columns become index
-- conditions. `= any(path)` and not `&&`: under row-level security only leakproof operators may be.
-- The last part looks at folders once per share: as `not exists` it was done for each document of the firm,
-- in seconds, while the tables had no statistics yet.
create function portal_items(firm uuid, membership uuid)
returns table (
	item_kind text, folder_id uuid, document_id uuid, access text, client_id uuid, created_at timestamptz
)
language sql stable
as $$
	select 'folder', f.id, null::uuid, g.access, f.client_id, f.created_at
	from client c
	join folder f on f.firm_id = c.firm_id and f.client_id = c.id
	cross join lateral (
		select max(s.access) as access
		from share s
		where s.firm_id = f.firm_id and s.membership_id = $2 and s.client_id = f.client_id
			and s.folder_id = any(f.path)
	) g
	where c.firm_id = $1 and c.status = 'active' and f.removed_at is null and g.access is not null
		and c.id = any(array(
			select s.client_id from share s
			where s.firm_id = $1 and s.membership_id = $2 and s.folder_id is not null
		))
		and exists (
			select from membership m
			where m.firm_id = $1 and m.id = $2 and m.kind = 'portal' and m.state = 'active'
		)
	union all
	select 'document', f.id, d.id, g.access, d.client_id, d.created_at
	from client c
	join folder f on f.firm_id = c.firm_id and f.client_id = c.id
	cross join lateral (
		select max(s.access) as access
		from share s
		where s.firm_id = f.firm_id and s.membership_id = $2 and s.client_id = f.client_id
			and s.folder_id = any(f.path)
	) g
	join document d on d.firm_id = f.firm_id and d.folder_id = f.id
	where c.firm_id = $1 and d.firm_id = $1 and d.trashed_at is null and c.status = 'active' and f.removed_at is null
		and g.access is not null
		and c.id = any(array(
			select s.client_id from share s
			where s.firm_id = $1 and s.membership_id = $2 and s.folder_id is not null
		))
		and exists (
			select from membership m
			where m.firm_id = $1 and m.id = $2 and m.kind = 'portal' and m.state = 'active'
		)
	union all
	select 'document', null::uuid, d.id, s.access, d.client_id, d.created_at
	from share s
	join client c on c.firm_id = s.firm_id and c.id = s.client_id
	join document d on d.firm_id = s.firm_id and d.id = s.document_id
	cross join lateral (
		select max(o.access) as access
		from folder f
		join share o on o.firm_id = f.firm_id and o.membership_id = s.membership_id and o.client_id = f.client_id
			and o.folder_id = any(f.path)
		where f.firm_id = d.firm_id and f.id = d.folder_id
	) g
	where s.firm_id = $1 and s.membership_id = $2 and d.firm_id = $1 and d.trashed_at is null
		and c.status = 'active' and g.access is null
		and exists (
			select from membership m
			where m.firm_id = $1 and m.id = $2 and m.kind = 'portal' and m.state = 'active'
		)
$$;

-- --- Default upload folder (S3-11 to S3-13) -----------------------------------------------------

-- Gives a membership view_upload on the default upload folder of each client of its contact, where it
-- has no share of it yet. With only_client: of that client alone, for a relation that was just made, so
-- that a share which staff took away elsewhere stays away. Returns the new shares' ids.
create function default_shares(firm uuid, membership uuid, now timestamptz, only_client uuid default null)
returns setof uuid
language sql
as $$
	insert into share (
		firm_id, id, client_id, contact_id, membership_id, folder_id, access, notify,
		created_by_type, created_by_id, created_by_name, created_at, updated_at
	)
	select
		m.firm_id, new_id($3), f.client_id, m.contact_id, m.id, f.id, 'view_upload', false,
		'firm', r.id, r.name, $3, $3
	from membership m
	join firm r on r.id = m.firm_id
	join client_contact cc on cc.firm_id = m.firm_id and cc.contact_id = m.contact_id
	join client c on c.firm_id = cc.firm_id and c.id = cc.client_id and c.status = 'active'
	join folder f on f.firm_id = c.firm_id and f.client_id = c.id and f.is_default_upload
	where m.firm_id = $1 and m.id = $2 and m.kind = 'portal' and ($4 is null or c.id = $4)
	on conflict on constraint share_folder_key do nothing
	returning id
$$;

-- Makes the default upload folder for every active client that never had one, and shares it with the
-- people who have access. name_key is the key of name as the programs make it. Returns what was made.
create function backfill_upload_folders(firm uuid, name text, name_key text, now timestamptz)
returns table (client_id uuid, folder_id uuid)
language plpgsql
as $$
#variable_conflict use_column
declare
	made record;
	n integer;
	suffix text;
begin
	for made in
		select c.id
		from client c
		where c.firm_id = backfill_upload_folders.firm and c.status = 'active' and not c.default_folder_made
		order by c.created_at, c.id
	loop
		n := 1;
		suffix := '';
		while exists (
			select from folder f
			where f.firm_id = backfill_upload_folders.firm and f.client_id = made.id
				and f.parent_id is null and f.removed_at is null
				and f.name_key = backfill_upload_folders.name_key || suffix
		) loop
			n := n + 1;
			suffix := format(' (%s)', n);
		end loop;
		client_id := made.id;
		folder_id := new_id(backfill_upload_folders.now);
		insert into folder (firm_id, id, client_id, name, name_key, is_default_upload, created_at, updated_at)
		values (
			backfill_upload_folders.firm, backfill_upload_folders.folder_id, made.id,
			backfill_upload_folders.name || suffix, backfill_upload_folders.name_key || suffix, true,
			backfill_upload_folders.now, backfill_upload_folders.now
		);
		perform default_shares(m.firm_id, m.id, backfill_upload_folders.now, made.id)
		from membership m
		join client_contact cc on cc.firm_id = m.firm_id and cc.contact_id = m.contact_id
		where m.firm_id = backfill_upload_folders.firm and m.kind = 'portal' and cc.client_id = made.id;
		return next;
	end loop;
end
$$;

-- --- Row-level security ------------------------------------------------------------------------

-- The API sees the firm it has claimed; where none is claimed, every statement fails.
do $$
declare
	name text;
begin
	foreach name in array array[
		'membership', 'session', 'idempotency', 'sign_in_attempt', 'contact', 'client', 'client_team', 'client_contact',
		'invitation', 'folder', 'blob', 'document', 'share', 'event', 'envelope', 'delivery', 'suppression',
		'audit', 'sequencer'
	] loop
		execute format('alter table %I enable row level security, force row level security', name);
		execute format(
			'create policy %I on %I to portico_api using (firm_id = (select current_setting(''portico.firm''))::uuid)',
			name || '_of_firm', name
		);
	end loop;
end
$$;

alter table firm enable row level security, force row level security;
create policy firm_itself on firm to portico_api using (id = (select current_setting('portico.firm'))::uuid);

-- No policy: only the owner, that is the definer functions and the operator's tool, gets in.
alter table identity enable row level security, force row level security;
alter table installation enable row level security, force row level security;

alter table role_permission enable row level security, force row level security;
create policy role_permission_read on role_permission for select to portico_api using (true);

-- Filled in test mode alone, and read by a call that belongs to no firm.
alter table test_mail enable row level security, force row level security;
create policy test_mail_all on test_mail to portico_api, portico_mailer using (true);

-- The other programs serve all firms; what they may touch is in their column grants below.
do $$
declare
	name text;
begin
	foreach name in array array['event', 'envelope', 'audit', 'sequencer'] loop
		execute format('create policy %I on %I to portico_relay using (true)', name || '_relay', name);
	end loop;
	foreach name in array array[
		'firm', 'membership', 'contact', 'client', 'client_team', 'client_contact', 'invitation', 'folder',
		'document', 'share', 'event', 'envelope', 'delivery', 'suppression'
	] loop
		execute format('create policy %I on %I to portico_mailer using (true)', name || '_mailer', name);
	end loop;
	foreach name in array array[
		'session', 'idempotency', 'blob', 'document', 'event', 'envelope'
	] loop
		execute format('create policy %I on %I to portico_janitor using (true)', name || '_janitor', name);
	end loop;
end
$$;

create policy test_mail_janitor on test_mail to portico_janitor using (true);

-- --- Grants ------------------------------------------------------------------------------------

-- API. Ids, owners and versions are never updated; history (event, audit) is only added to.
grant select, insert on firm, membership, session, contact, client, client_team, client_contact, invitation,
	folder, blob, document, share, event, envelope, suppression, audit, idempotency,
	sign_in_attempt to portico_api;
grant select on delivery, sequencer, role_permission, test_mail to portico_api;
grant delete on membership, session, client_team, client_contact, folder, document, share, suppression,
	idempotency, sign_in_attempt to portico_api;

grant update (name, accent_color, support_email, help_links, locale, timezone, currency, sign_in, reinvite_mode,
	invitation_ttl_hours, session_idle_minutes, staff_idle_minutes, default_upload_folder, default_folder_name,
	mail_coalesce_seconds, unassigned_fallback, notify_required, max_upload_bytes, updated_at)
on firm to portico_api;
grant update (identity_id, role, contact_id, state, login_email, login_email_key, login_chosen, display_name, locale,
	timezone, phone, last_sign_in_at, updated_at)
on membership to portico_api;
grant update (authenticated_at, expires_at, last_seen_at, ended_at) on session to portico_api;
grant update (fingerprint, status, sealed, created_at, expires_at) on idempotency to portico_api;
grant update (failures, resets_at) on sign_in_attempt to portico_api;
grant update (entity, first_name, last_name, display_name, primary_email, emails, email_keys, phone, custom_fields,
	external_source, external_id, archived_at, updated_at)
on contact to portico_api;
grant update (code, name, emails, phone, address, status, primary_contact_id, custom_fields, external_source,
	external_id, updated_at)
on client to portico_api;
grant update (created_at) on client_team to portico_api;
grant update (role, is_primary) on client_contact to portico_api;
grant update (membership_id, email, email_key, contact_id, client_id, state, nonce, expires_at, sent_at, send_count,
	accepted_at, updated_at)
on invitation to portico_api;
grant update (parent_id, name, name_key, is_default_upload, removed_at, updated_at) on folder to portico_api;
grant update (state) on blob to portico_api;
grant update (client_id, folder_id, name, name_key, content_type, size, sha256, blob_id, doc_version, scan, archived,
	custom_fields, trashed_at, updated_at)
on document to portico_api;
grant update (access, notify, updated_at) on share to portico_api;
grant update (document_ids, state, due_at, error, updated_at) on envelope to portico_api;

grant execute on function
	claim_firm(uuid), authenticate(bytea, uuid, uuid, uuid, text, timestamptz), firm_find(text, text),
	identity_find(text), identity_get(uuid), sign_in_find(uuid, text, text),
	identity_create(uuid, text, text, text, timestamptz), identity_set_password(uuid, text, timestamptz),
	identity_drop_password_if_orphan(uuid), setup_needed(), setup_begin(timestamptz), test_reset(),
	portal_items(uuid, uuid), default_shares(uuid, uuid, timestamptz, uuid),
	backfill_upload_folders(uuid, text, text, timestamptz), new_id(timestamptz)
to portico_api;

-- Relay: numbers and publishes events, seals the audit chain.
grant select on event, audit, sequencer to portico_relay;
grant select (firm_id, id, event_id, kind, state, due_at, created_at) on envelope to portico_relay;
grant update (sequence, published_at) on event to portico_relay;
grant update (sequence, prev_hash, hash) on audit to portico_relay;
grant insert, update on sequencer to portico_relay;

-- Mailer: what a mail names, and its own bookkeeping. No bytes: no blob, and of a document the name.
grant select on firm, client_team, client_contact, share, event, envelope, delivery, suppression to portico_mailer;
grant select (firm_id, id, kind, role, contact_id, state, login_email, login_email_key, display_name, locale, timezone)
on membership to portico_mailer;
grant select (firm_id, id, display_name, first_name, last_name, primary_email, emails, archived_at)
on contact to portico_mailer;
grant select (firm_id, id, name, status) on client to portico_mailer;
grant select (firm_id, id, client_id, parent_id, ancestors, path, name, removed_at, created_at) on folder to portico_mailer;
grant select (firm_id, id, client_id, folder_id, name, uploaded_by_id, uploaded_by_kind, uploaded_by_name, trashed_at,
	created_at)
on document to portico_mailer;
grant select (firm_id, id, membership_id, audience, email, email_key, contact_id, client_id, source, state, nonce,
	expires_at, sent_at, send_count, created_at)
on invitation to portico_mailer;
grant update (state, due_at, attempts, claimed_by, claimed_at, coalesce_key, frozen, subject, message_id, mail_date,
	error, updated_at, sent_at)
on envelope to portico_mailer;
grant insert on event, delivery, suppression to portico_mailer;
grant insert, select on test_mail to portico_mailer;
grant execute on function portal_items(uuid, uuid), new_id(timestamptz) to portico_mailer;

-- Janitor: ends what has expired.
grant select (firm_id, id, expires_at, ended_at, created_at), delete on session to portico_janitor;
grant select (firm_id, membership_id, key_hash, expires_at), delete on idempotency to portico_janitor;
grant select, delete on sign_in_attempt to portico_janitor;
grant select, delete on blob to portico_janitor;
grant update (state) on blob to portico_janitor;
grant select (firm_id, id, blob_id, trashed_at), delete on document to portico_janitor;
grant select (firm_id, id, occurred_at, sequence, published_at), delete on event to portico_janitor;
grant select (firm_id, id, state, created_at, updated_at, sent_at), delete on envelope to portico_janitor;
grant select, delete on test_mail to portico_janitor;
grant execute on function new_id(timestamptz) to portico_janitor;

reset role;
