-- 0032_one_order.sql - rows are locked in one order (README.md, "Locks").

set role portico_owner;

-- As in 0024, and the contacts one after the other.
create or replace function version_related() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from contact c
	where (c.firm_id, c.id) in (select r.firm_id, r.contact_id from related r)
	order by c.id
	for no key update;
	update contact c set version = c.version + 1
	from (select distinct r.firm_id, r.contact_id from related r) r
	where c.firm_id = r.firm_id and c.id = r.contact_id;
	return null;
end
$$;

-- As in 0005, and in order.
create or replace function version_named() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	if tg_table_name = 'client' then
		perform from contact c
		join client_contact cc on cc.firm_id = c.firm_id and cc.contact_id = c.id
		where c.firm_id = new.firm_id and cc.client_id = new.id
		order by c.id
		for no key update of c;
		update contact c set version = c.version + 1
		from client_contact cc
		where cc.firm_id = new.firm_id and cc.client_id = new.id
			and c.firm_id = cc.firm_id and c.id = cc.contact_id;
	else
		perform from client c
		join client_team t on t.firm_id = c.firm_id and t.client_id = c.id
		where c.firm_id = new.firm_id and t.membership_id = new.id
		order by c.id
		for no key update of c;
		update client c set version = c.version + 1
		from client_team t
		where t.firm_id = new.firm_id and t.membership_id = new.id
			and c.firm_id = t.firm_id and c.id = t.client_id;
	end if;
	return null;
end
$$;

-- Triggers fire in the order of their names: what is shown by clients and contacts comes before what is shown by matters.
alter trigger client_matters on client rename to client_then_matters;
alter trigger membership_matters on membership rename to membership_then_matters;

-- As in 0019, and in order.
create or replace function version_matter_shown() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	shown uuid[] := case tg_table_name
		when 'client' then array(select x.id from matter x where x.firm_id = new.firm_id and x.client_id = new.id)
		when 'contact' then
			array(select mc.matter_id from matter_contact mc where mc.firm_id = new.firm_id and mc.contact_id = new.id)
		else array(select t.matter_id from matter_team t where t.firm_id = new.firm_id and t.membership_id = new.id)
	end;
begin
	perform from matter x where x.firm_id = new.firm_id and x.id = any(shown) order by x.id for no key update;
	update matter x set version = x.version + 1 where x.firm_id = new.firm_id and x.id = any(shown);
	return null;
end
$$;

-- Whoever ends sessions of a person in more than one row, or the person's access, begins here: the membership, and with
-- it the identity, stay as they are until the commit. Returns the identity; null: there is none.
create function access_hold(firm uuid, membership uuid) returns uuid
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	who uuid;
begin
	select m.identity_id into who
	from membership m
	where m.firm_id = access_hold.firm and m.id = access_hold.membership
	for no key update;
	perform from identity i where i.id = who for update;
	return who;
end
$$;

grant execute on function access_hold(uuid, uuid) to portico_api;

-- As in 0031, with all of the person's shares in order: a tree of folders that is deleted takes several, too.
create or replace function notices_recall(firm uuid, membership uuid) returns void
language plpgsql
as $$
declare
	waiting uuid[] := array(
		select e.id
		from envelope e
		where e.firm_id = notices_recall.firm and e.membership_id = notices_recall.membership
			and e.state in ('queued', 'deferred')
			and e.kind in ('folder.shared', 'document.shared', 'items.shared')
		order by e.id
		for update
	);
begin
	perform from share s
	where s.firm_id = notices_recall.firm and s.membership_id = notices_recall.membership
	order by s.id
	for update;
	update share s
	set untold = true
	from envelope e
	where s.firm_id = notices_recall.firm and s.membership_id = notices_recall.membership
		and e.firm_id = s.firm_id and e.id = any(waiting) and (s.id = e.share_id or s.summary_id = e.id);
end
$$;

-- As in 0031, behind the identity.
create or replace function access_close(firm uuid, membership uuid, snapshot uuid, now timestamptz) returns void
language plpgsql
as $$
declare
	who uuid := access_hold(access_close.firm, access_close.membership);
begin
	perform notices_recall(access_close.firm, access_close.membership);
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
	delete from membership m where m.firm_id = access_close.firm and m.id = access_close.membership;
	perform identity_drop_password_if_orphan(who);
end
$$;

-- As in 0017, behind the identity.
create or replace function registrations_expire(now timestamptz) returns bigint
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	r record;
	who uuid;
	ended bigint := 0;
begin
	for r in
		select x.firm_id, x.id, x.state, x.membership_id
		from registration x
		where x.expires_at <= registrations_expire.now and x.state in ('unconfirmed', 'pending')
		order by x.expires_at
		limit 500
		for update skip locked
	loop
		update registration x
		set state = 'expired', password_hash = null, handled_at = registrations_expire.now,
			updated_at = registrations_expire.now
		where x.firm_id = r.firm_id and x.id = r.id;
		ended := ended + 1;
		continue when r.state <> 'pending';
		who := access_hold(r.firm_id, r.membership_id);
		delete from membership m
		where m.firm_id = r.firm_id and m.id = r.membership_id and m.state = 'pending_verification';
		perform identity_drop_password_if_orphan(who);
		insert into event (firm_id, id, type, object_type, object_id, actor_type, actor_name, occurred_at)
		values (r.firm_id, new_id(registrations_expire.now), 'registration.expired', 'registration', r.id, 'system', '',
			registrations_expire.now);
	end loop;
	delete from registration x
	using (
		select o.firm_id, o.id from registration o
		where o.expires_at <= registrations_expire.now - interval '1 day' and o.state = 'known'
			or o.expires_at <= registrations_expire.now - interval '90 days'
				and o.state in ('deleted', 'expired')
		limit 500
	) o
	where x.firm_id = o.firm_id and x.id = o.id;
	return ended;
end
$$;

-- As in 0015, behind the identity: whoever ends an access takes the second factor with it.
create or replace function totp_confirm(
	identity uuid, started_at timestamptz, step bigint, recovery bytea[], keep uuid, now timestamptz
) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from identity i where i.id = totp_confirm.identity for no key update;
	update identity_totp t
	set confirmed_at = totp_confirm.now, last_step = totp_confirm.step, recovery = totp_confirm.recovery
	where t.identity_id = totp_confirm.identity and t.started_at = totp_confirm.started_at and t.confirmed_at is null;
	if not found then
		return false;
	end if;
	update session s
	set second_factor = s.id = totp_confirm.keep,
		ended_at = case when s.id = totp_confirm.keep then s.ended_at else totp_confirm.now end
	from membership m
	where m.identity_id = totp_confirm.identity and s.firm_id = m.firm_id and s.membership_id = m.id and s.ended_at is null;
	return true;
end
$$;

create or replace function totp_use(identity uuid, step bigint, recovery bytea) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from identity i where i.id = totp_use.identity for no key update;
	update identity_totp t
	set last_step = coalesce(totp_use.step, t.last_step), recovery = array_remove(t.recovery, totp_use.recovery)
	where t.identity_id = totp_use.identity and t.confirmed_at is not null
		and (t.last_step < totp_use.step or totp_use.recovery = any(t.recovery));
	return found;
end
$$;

-- Whoever signs in holds the identity before it is asked whether it has a second factor: whoever switches one on waits,
-- and then ends the session, or was first.
create function identity_share(id uuid) returns void
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from identity i where i.id = identity_share.id for share;
end
$$;

grant execute on function identity_share(uuid) to portico_api;

reset role;
