-- 0023_doors_settled.sql - what was left open at the doors: another sign-in address than the invited one, long passwords for
-- the staff, the end of a second factor that nobody uses, places that are remembered.

set role portico_owner;

-- Model C7, registration_email free: the address that an invited person would rather sign in with. It counts once the
-- mail to it is opened, whose token is derived from the invitation and the address.
alter table invitation add column other_email text, add column other_email_key text,
	add constraint invitation_other_email_check check ((other_email is null) = (other_email_key is null));

drop trigger invitation_version on invitation;
create trigger invitation_version before update on invitation
for each row execute function bump_version('nonce', 'other_email', 'other_email_key');

grant update (other_email, other_email_key) on invitation to portico_api;
grant select (other_email_key) on invitation to portico_mailer;

-- Is the password all that is asked of somebody who works for a firm? It has to be longer then.
create function password_alone(identity uuid) returns boolean
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select not totp_enabled($1) and exists (
		select from membership m
		join firm f on f.id = m.firm_id
		where m.identity_id = $1 and m.kind = 'staff' and m.state = 'active' and not f.require_staff_totp
	)
$$;

grant execute on function password_alone(uuid) to portico_api;

-- As in 0005, and the second factor goes with the password: whoever is let in again one day proves the address, and may
-- have another telephone by then.
create or replace function identity_drop_password_if_orphan(id uuid) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from identity i where i.id = identity_drop_password_if_orphan.id for update;
	if exists (
		select from membership m
		where m.identity_id = identity_drop_password_if_orphan.id
			and m.state in ('active', 'suspended', 'pending_verification')
	) then
		return false;
	end if;
	delete from identity_totp t where t.identity_id = identity_drop_password_if_orphan.id;
	update identity i set password_hash = null
	where i.id = identity_drop_password_if_orphan.id and i.password_hash is not null;
	return found;
end
$$;

-- Where a person has signed in from: wrong passwords of strangers do not shut the person out there (promise P11). It
-- outlives the sessions, which go when their time is up.
create table known_place (
	firm_id uuid not null,
	membership_id uuid not null,
	ip text not null,
	seen_at timestamptz not null,
	constraint known_place_pkey primary key (firm_id, membership_id, ip),
	constraint known_place_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete cascade
);

create index known_place_seen_idx on known_place (seen_at);

select table_of_firm('known_place');
grant select, insert, update (seen_at) on known_place to portico_api;
create policy known_place_janitor on known_place to portico_janitor using (true);
grant select, delete on known_place to portico_janitor;

insert into known_place (firm_id, membership_id, ip, seen_at)
select s.firm_id, s.membership_id, s.ip, max(s.created_at) from session s where s.ip is not null
group by s.firm_id, s.membership_id, s.ip;

create function place_known() returns trigger
language plpgsql
as $$
begin
	insert into known_place as k (firm_id, membership_id, ip, seen_at)
	values (new.firm_id, new.membership_id, new.ip, new.created_at)
	on conflict on constraint known_place_pkey do update set seen_at = greatest(k.seen_at, excluded.seen_at);
	return null;
end
$$;

create trigger place_known after insert on session
for each row when (new.ip is not null) execute function place_known();

reset role;
