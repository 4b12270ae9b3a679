-- 0033_imports_wait_less.sql - an import holds who was there before for its last moment alone.

set role portico_owner;

-- As in 0024. A transaction that relates many says that it will see to it itself, by contacts_related().
drop trigger client_contact_made on client_contact;
create trigger client_contact_made after insert on client_contact referencing new table as related
for each statement when (current_setting('portico.related_late', true) is distinct from 'on')
execute function version_related();

-- A foreign key's lock of a row (an import holds it of whom it relates, an upload of its client) keeps out whoever sets a
-- column of a unique key, also to what it was: so a PATCH. An index with a condition is none that a foreign key could name.
alter table client drop constraint client_code_key, drop constraint client_external_ref_key;
create unique index client_code_key on client (firm_id, code) where code is not null;
create unique index client_external_ref_key on client (firm_id, external_source, external_id)
	where external_source is not null;
alter table contact drop constraint contact_external_ref_key;
create unique index contact_external_ref_key on contact (firm_id, external_source, external_id)
	where external_source is not null;

-- The next contacts behind `after`, in the order of ids, which this transaction found there and has related to clients:
-- held, and a new version of each. `last`: how far that went, null where there were no more; `archived`: one of them was
-- archived meanwhile.
create function contacts_related(firm uuid, after uuid)
returns table (last uuid, archived boolean)
language sql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
with made as materialized (
	select distinct cc.contact_id as id
	from client_contact cc
	where cc.firm_id = contacts_related.firm and cc.firm_id = (select current_setting('portico.firm'))::uuid
		and cc.contact_id > coalesce(contacts_related.after, '00000000-0000-0000-0000-000000000000')
		and cc.xmin = pg_current_xact_id()::xid
	order by 1
	limit 2000
), held as materialized (
	select c.id, c.archived_at
	from made m
	join contact c on c.firm_id = contacts_related.firm and c.id = m.id and c.xmin <> pg_current_xact_id()::xid
	order by c.id
	for no key update of c
), raised as (
	update contact c set version = c.version + 1
	from held h
	where c.firm_id = contacts_related.firm and c.id = h.id
)
select (select m.id from made m order by m.id desc limit 1), exists (select from held h where h.archived_at is not null)
$$;

revoke all on function contacts_related(uuid, uuid) from public;
grant execute on function contacts_related(uuid, uuid) to portico_api;

-- As in 0018, and a key is asked like a person: has it ended, has it lost what the import needs? So is the right to invite.
create or replace function import_take(now timestamptz)
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
				left join api_key k on k.firm_id = m.firm_id and k.id = m.id
				where m.firm_id = i.firm_id and m.id = i.actor_id and m.state = 'active'
					and (m.kind <> 'key' or k.revoked_at is null and coalesce(k.expires_at > import_take.now, true))
					and case when i.send_invitations = 'none' then array['imports:write']
						else array['imports:write', 'portal_access:write'] end
						<@ case when m.kind = 'key' then k.scopes else array(
							select p.permission from role_permission p where p.role = m.role) end
			), i.attempts;
		exit when found;
		perform pg_advisory_unlock(1886352246, hashtext(next.firm_id::text));
	end loop;
end
$$;

-- When the person was last there in a session that is gone: a device is used for months after one sign-in.
alter table membership add column last_used_at timestamptz;
drop trigger membership_version on membership;
create trigger membership_version before update on membership
for each row execute function bump_version('last_sign_in_at', 'last_used_at');

create or replace function access_last_used(m membership) returns timestamptz
language sql stable
as $$
	select greatest(m.created_at, m.last_sign_in_at, m.last_used_at, (
		select max(s.last_seen_at) from session s where s.firm_id = m.firm_id and s.membership_id = m.id
	))
$$;

-- The janitor's, ahead of the end of sessions: keeps when they were last used.
create function sessions_remember(now timestamptz) returns void
language sql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
with used as materialized (
	select s.firm_id, s.membership_id, max(s.last_seen_at) as at
	from (
		select x.firm_id, x.membership_id, x.last_seen_at
		from session x
		where x.expires_at <= sessions_remember.now
			and (x.refresh_until is null or x.refresh_until <= sessions_remember.now or x.ended_at <= sessions_remember.now)
		order by x.expires_at
		limit 2000
	) s
	group by s.firm_id, s.membership_id
), held as materialized (
	select m.firm_id, m.id, u.at
	from membership m
	join used u on u.firm_id = m.firm_id and u.membership_id = m.id
	where m.kind = 'portal' and (m.last_used_at is null or m.last_used_at < u.at)
	order by m.id
	for no key update of m
)
update membership m set last_used_at = h.at, updated_at = m.updated_at
from held h
where m.firm_id = h.firm_id and m.id = h.id
$$;

revoke all on function sessions_remember(timestamptz) from public;
grant execute on function sessions_remember(timestamptz) to portico_janitor;

-- As in 0016, and a firm with many whose time has come keeps no other firm's waiting.
create or replace function access_duty(now timestamptz) returns integer
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	t timestamptz := access_duty.now;
	due record;
	m membership;
	f firm;
	used timestamptz;
	done integer := 0;
begin
	for due in
		select x.firm_id, x.id, x.contact_id
		from membership x
		join firm r on r.id = x.firm_id
		where x.kind = 'portal' and x.contact_id is not null and (
			(x.ends_at is not null and (
				x.ends_at <= t
				or (x.ends_told_at is null and x.state = 'active' and x.ends_at <= t + r.access_reminder_days * interval '1 day')
			))
			or x.idle_ends_at <= t
			or (x.idle_told_at is not null and (
				r.access_idle_days is null or greatest(x.last_sign_in_at, x.last_used_at) > x.idle_told_at
				or exists (
					select from session s
					where s.firm_id = x.firm_id and s.membership_id = x.id and s.last_seen_at > x.idle_told_at
				)
			))
			or (x.idle_told_at is null and x.state = 'active' and r.access_idle_days is not null
				and coalesce(x.last_sign_in_at, x.created_at)
					<= t - (r.access_idle_days - r.access_reminder_days) * interval '1 day'
				and access_last_used(x) <= t - (r.access_idle_days - r.access_reminder_days) * interval '1 day')
		)
		order by row_number() over (partition by x.firm_id order by x.id), x.firm_id
		limit 500
	loop
		perform from contact c where c.firm_id = due.firm_id and c.id = due.contact_id for no key update skip locked;
		continue when not found;
		select x.* into m from membership x where x.firm_id = due.firm_id and x.id = due.id for no key update skip locked;
		continue when not found;
		select x.* into f from firm x where x.id = due.firm_id;
		used := access_last_used(m);
		if m.idle_told_at is not null and (f.access_idle_days is null or used > m.idle_told_at) then
			update membership x set idle_told_at = null, idle_ends_at = null
			where x.firm_id = m.firm_id and x.id = m.id
			returning x.* into m;
		end if;
		if m.ends_at <= t or m.idle_ends_at <= t then
			perform access_fact(m.firm_id, m.id, 'portal_access.disabled',
				case when m.ends_at <= t then 'ends_at' else 'idle' end, t);
			perform access_close(m.firm_id, m.id, new_id(t), t);
			done := done + 1;
			continue;
		end if;
		continue when m.state <> 'active';
		if m.ends_told_at is null and m.ends_at <= t + f.access_reminder_days * interval '1 day' then
			update membership x set ends_told_at = t where x.firm_id = m.firm_id and x.id = m.id;
			perform access_tell(m, 'access_ending', 'ends_at', m.ends_at, t);
			done := done + 1;
		end if;
		if m.idle_told_at is null and f.access_idle_days is not null
			and used <= t - (f.access_idle_days - f.access_reminder_days) * interval '1 day' then
			update membership x set idle_told_at = t,
				idle_ends_at = greatest(used + f.access_idle_days * interval '1 day',
					t + f.access_reminder_days * interval '1 day')
			where x.firm_id = m.firm_id and x.id = m.id
			returning x.* into m;
			perform access_tell(m, 'access_idle', 'idle', m.idle_ends_at, t);
			done := done + 1;
		end if;
	end loop;
	return done;
end
$$;

reset role;
