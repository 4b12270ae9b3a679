-- 0016_access_cycle.sql - how a portal access ends by itself, and what it leaves to be taken up again.

set role portico_owner;

-- access_idle_days: an access that nobody has used for so long ends; null: none does. access_reminder_days: so long
-- before an end the person is told. on_pending_email_change: model C3.
alter table firm
	add column access_idle_days integer,
	add column access_reminder_days integer not null default 14,
	add column on_pending_email_change text not null default 'revoke_and_notify_staff',
	add constraint firm_access_idle_days_check check (access_idle_days between 1 and 3650),
	add constraint firm_access_reminder_days_check check (access_reminder_days between 1 and 90),
	add constraint firm_on_pending_email_change_check check (
		on_pending_email_change in ('revoke_and_notify_staff', 'revoke_and_resend')
	);

grant update (access_idle_days, access_reminder_days, on_pending_email_change) on firm to portico_api;

-- ends_at: the day that staff have set. idle_ends_at: what the person was told at idle_told_at; whoever comes back
-- before has nothing to fear any more. Each end is told once, at …told_at.
alter table membership
	add column ends_at timestamptz,
	add column ends_told_at timestamptz,
	add column idle_ends_at timestamptz,
	add column idle_told_at timestamptz,
	add constraint membership_idle_told_check check ((idle_ends_at is null) = (idle_told_at is null)),
	add constraint membership_ends_check check (kind = 'portal' or num_nonnulls(ends_at, idle_ends_at) = 0);

create index membership_ends_idx on membership (ends_at) where ends_at is not null;
create index membership_idle_ends_idx on membership (idle_ends_at) where idle_ends_at is not null;

grant update (ends_at, ends_told_at) on membership to portico_api;
grant select (ends_at, ends_told_at, idle_ends_at) on membership to portico_mailer;

-- The contact's answer tells whether the sign-in address is another than the contact's.
drop trigger membership_contact_version on membership;
create trigger membership_contact_version
after insert or delete or update of state, contact_id, login_email_key on membership
for each row execute function version_contact();

-- An access with an end opens no door beyond it, by whichever way a session is made (pitfall 40).
create function session_within_access() returns trigger
language plpgsql
as $$
begin
	new.expires_at := least(new.expires_at, (
		select m.ends_at from membership m where m.firm_id = new.firm_id and m.id = new.membership_id
	));
	return new;
end
$$;

create trigger session_within_access before insert or update of expires_at on session
for each row execute function session_within_access();

-- What was shared when an access ended, for whoever gives the contact access again (model C21). It is no right: what
-- of it is taken up again is asked then.
create table access_snapshot (
	firm_id uuid not null,
	id uuid not null,
	contact_id uuid not null,
	login_email text not null,
	display_name text not null,
	shares jsonb not null,
	created_at timestamptz not null,
	constraint access_snapshot_pkey primary key (firm_id, id),
	constraint access_snapshot_contact_fk foreign key (firm_id, contact_id) references contact (firm_id, id),
	constraint access_snapshot_shares_check check (jsonb_typeof(shares) = 'array')
);

create index access_snapshot_contact_idx on access_snapshot (firm_id, contact_id, created_at, id);

select table_of_firm('access_snapshot');

grant select, insert on access_snapshot to portico_api;

-- Ends an access: its open invitations are revoked; sessions, shares and whatever else hangs on the membership go with
-- it. What was shared is kept as `snapshot`. Its password goes where no other firm needs it.
create function access_close(firm uuid, membership uuid, snapshot uuid, now timestamptz) returns void
language plpgsql
as $$
declare
	who uuid;
begin
	insert into access_snapshot (firm_id, id, contact_id, login_email, display_name, shares, created_at)
	select m.firm_id, access_close.snapshot, m.contact_id, m.login_email, m.display_name, coalesce((
			select jsonb_agg(to_jsonb(s) - array[
				'firm_id', 'id', 'contact_id', 'membership_id', 'created_by_type', 'created_by_id', 'created_by_name',
				'created_at', 'updated_at', 'version'
			] order by s.created_at, s.id)
			from share s
			where s.firm_id = m.firm_id and s.membership_id = m.id
		), '[]'), access_close.now
	from membership m
	where m.firm_id = access_close.firm and m.id = access_close.membership and m.contact_id is not null;
	update invitation i set state = 'revoked', updated_at = access_close.now
	where i.firm_id = access_close.firm and i.membership_id = access_close.membership and i.state = 'open';
	delete from membership m where m.firm_id = access_close.firm and m.id = access_close.membership
	returning m.identity_id into who;
	perform identity_drop_password_if_orphan(who);
end
$$;

-- When the person was last there.
create function access_last_used(m membership) returns timestamptz
language sql stable
as $$
	select greatest(m.created_at, m.last_sign_in_at, (
		select max(s.last_seen_at) from session s where s.firm_id = m.firm_id and s.membership_id = m.id
	))
$$;

-- A fact about an access that nobody's call made: event and audit entry. Returns the event.
create function access_fact(firm uuid, membership uuid, fact text, reason text, now timestamptz) returns uuid
language plpgsql
as $$
declare
	made uuid := new_id(access_fact.now);
begin
	insert into event (firm_id, id, type, object_type, object_id, actor_type, actor_name, occurred_at)
	values (access_fact.firm, made, access_fact.fact, 'portal_access', access_fact.membership, 'system', 'Portico',
		access_fact.now);
	insert into audit (firm_id, id, at, actor_type, actor_name, action, object_type, object_id, request_id, outcome, detail)
	values (access_fact.firm, new_id(access_fact.now), access_fact.now, 'system', 'Portico', access_fact.fact, 'portal_access',
		access_fact.membership, '', 'ok', jsonb_build_object('reason', access_fact.reason));
	return made;
end
$$;

-- Tells the person, once, that the access ends.
create function access_tell(m membership, kind text, reason text, gone_at timestamptz, now timestamptz) returns void
language sql
as $$
	insert into envelope (
		firm_id, id, event_id, kind, recipient_kind, membership_id, contact_id, to_email, to_email_key, to_name, due_at,
		expires_at, created_at, updated_at
	)
	values (
		m.firm_id, new_id(access_tell.now),
		access_fact(m.firm_id, m.id, 'portal_access.ending', access_tell.reason, access_tell.now), access_tell.kind, 'portal',
		m.id, m.contact_id, m.login_email, m.login_email_key, m.display_name, access_tell.now,
		least(access_tell.now + interval '4 days', access_tell.gone_at), access_tell.now, access_tell.now
	)
$$;

-- The janitor's duty, for all firms: what an access comes to at `now`. Each contact is locked first, as by whoever
-- changes an access by hand; one who is being changed waits for the next turn. Returns how many were ended or told.
create function access_duty(now timestamptz) returns integer
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
				r.access_idle_days is null or x.last_sign_in_at > x.idle_told_at
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
		order by x.firm_id, x.id
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

grant execute on function access_close(uuid, uuid, uuid, timestamptz) to portico_api;
grant execute on function access_duty(timestamptz) to portico_janitor;

reset role;
