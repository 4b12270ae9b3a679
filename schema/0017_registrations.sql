-- 0017_registrations.sql - people who ask for access themselves: the request, its confirmation, and its end.

set role portico_owner;

-- Model C6: off until a firm wants it. C7: may an invited person choose another address than the invited one?
alter table firm add column self_registration boolean not null default false,
	add column registration_email text not null default 'locked',
	add column registration_ttl_days integer not null default 30,
	add constraint firm_registration_email_check check (registration_email in ('locked', 'free')),
	add constraint firm_registration_ttl_days_check check (registration_ttl_days between 1 and 365);

grant update (self_registration, registration_email, registration_ttl_days) on firm to portico_api;

-- One request. `known`: the address has an account at this firm already, and only its owner is told so, by mail; no
-- answer shows such a row. The token of the confirmation mail is derived from id and nonce, never stored. The password
-- waits here as a hash until the address is proved; then it belongs to the identity, unless that has_credential
-- of its own already. A pending request has a
-- membership, which may sign in and nothing else; a deleted or expired one has none any more.
create table registration (
	firm_id uuid not null,
	id uuid not null,
	state text not null,
	name text not null,
	email text not null,
	email_key text not null,
	phone text,
	message text,
	password_hash text,
	has_credential boolean not null,
	nonce bytea not null,
	expires_at timestamptz not null,
	email_confirmed_at timestamptz,
	membership_id uuid,
	contact_id uuid,
	handled_at timestamptz,
	handled_by_id uuid,
	handled_by_type text,
	handled_by_name text,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint registration_pkey primary key (firm_id, id),
	constraint registration_firm_fk foreign key (firm_id) references firm (id),
	constraint registration_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete set null (membership_id),
	constraint registration_contact_fk foreign key (firm_id, contact_id)
		references contact (firm_id, id) on delete set null (contact_id),
	constraint registration_state_check check (
		state in ('known', 'unconfirmed', 'pending', 'verified', 'deleted', 'expired')
	),
	constraint registration_name_check check (name <> '' and length(name) <= 200),
	constraint registration_email_check check (email <> '' and email_key <> ''),
	constraint registration_nonce_check check (length(nonce) = 16),
	constraint registration_password_check check (password_hash is null or state = 'unconfirmed')
);

select table_of_firm('registration');

create index registration_list_idx on registration (firm_id, created_at, id) where state <> 'known';
create index registration_email_idx on registration (firm_id, email_key, created_at);
create index registration_membership_idx on registration (firm_id, membership_id) where membership_id is not null;
create index registration_contact_idx on registration (firm_id, contact_id) where contact_id is not null;
create index registration_open_idx on registration (firm_id, state, expires_at) where state in ('unconfirmed', 'pending');
create index registration_expires_idx on registration (expires_at);
create unique index registration_unconfirmed_key on registration (firm_id, email_key) where state = 'unconfirmed';

create trigger registration_version before update on registration
for each row execute function bump_version('nonce', 'password_hash', 'has_credential');

-- Which request a mail is about.
alter table envelope add column registration_id uuid;
create index envelope_registration_idx on envelope (firm_id, registration_id, created_at) where registration_id is not null;

grant select, insert on registration to portico_api;
grant update (state, password_hash, expires_at, email_confirmed_at, membership_id, contact_id, handled_at, handled_by_id,
	handled_by_type, handled_by_name, updated_at)
on registration to portico_api;

create policy registration_mailer on registration to portico_mailer using (true);
grant select (firm_id, id, state, name, email, has_credential, nonce, expires_at, created_at) on registration to portico_mailer;

-- The first password of an address that was just proved, for the membership just made. An identity that somebody uses in some firm keeps what it
-- has, also when that is no password: whoever asked in its name is not its owner before now (pitfall P4).
create function identity_first_password(id uuid, membership uuid, password_hash text, now timestamptz) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update identity i
	set password_hash = identity_first_password.password_hash, updated_at = identity_first_password.now
	where i.id = identity_first_password.id and i.password_hash is null
		and not exists (
			select from membership m
			where m.identity_id = i.id and m.id <> identity_first_password.membership
				and m.state in ('active', 'suspended', 'pending_verification')
		);
	return found;
end
$$;

grant execute on function identity_first_password(uuid, uuid, text, timestamptz) to portico_api;

-- Ends what nobody has handled in time: the sessions go with the membership, the password with the last of them. What
-- was closed long ago is forgotten, and so is, after a day, that a known address was asked for. How many have ended.
create function registrations_expire(now timestamptz) returns bigint
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
declare
	r record;
	ended bigint := 0;
begin
	for r in
		select x.firm_id, x.id, x.state, x.membership_id, m.identity_id
		from registration x
		left join membership m on m.firm_id = x.firm_id and m.id = x.membership_id
		where x.expires_at <= registrations_expire.now and x.state in ('unconfirmed', 'pending')
		order by x.expires_at
		limit 500
		for update of x skip locked
	loop
		update registration x
		set state = 'expired', password_hash = null, handled_at = registrations_expire.now,
			updated_at = registrations_expire.now
		where x.firm_id = r.firm_id and x.id = r.id;
		ended := ended + 1;
		continue when r.state <> 'pending';
		delete from membership m
		where m.firm_id = r.firm_id and m.id = r.membership_id and m.state = 'pending_verification';
		perform identity_drop_password_if_orphan(r.identity_id);
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

grant execute on function registrations_expire(timestamptz) to portico_janitor;

reset role;
