-- 0014_doors.sql - doors that are opened by mail: a link or a code to sign in with, a link to choose another password.

set role portico_owner;

-- How long a mailed link to sign in with, and the code beside it, may be used.
alter table firm add column sign_in_link_minutes integer not null default 15,
	add constraint firm_sign_in_link_minutes_check check (sign_in_link_minutes between 5 and 60);

grant update (sign_in_link_minutes) on firm to portico_api;

-- What was mailed to one person to open a door with, once. Neither the link's token nor the code is kept: both are
-- derived from id and nonce. One of a kind is open per person; a newer one supersedes it, five wrong codes end the code,
-- and another password, another address or the end of the access revoke it.
create table mailed_token (
	firm_id uuid not null,
	id uuid not null,
	membership_id uuid not null,
	kind text not null,
	nonce bytea not null,
	code_challenge text,
	state text not null default 'open',
	tries integer not null default 0,
	created_at timestamptz not null,
	expires_at timestamptz not null,
	used_at timestamptz,
	constraint mailed_token_pkey primary key (firm_id, id),
	constraint mailed_token_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete cascade,
	constraint mailed_token_kind_check check (kind in ('sign_in', 'password_reset')),
	constraint mailed_token_nonce_check check (length(nonce) = 16),
	constraint mailed_token_state_check check (state in ('open', 'used', 'superseded', 'revoked')),
	constraint mailed_token_used_check check ((state = 'used') = (used_at is not null)),
	constraint mailed_token_tries_check check (tries >= 0)
);

create unique index mailed_token_open_key on mailed_token (firm_id, membership_id, kind) where state = 'open';
create index mailed_token_membership_idx on mailed_token (firm_id, membership_id, created_at);
create index mailed_token_expires_idx on mailed_token (expires_at);

select table_of_firm('mailed_token');
grant select, insert, update (state, tries, used_at) on mailed_token to portico_api;

create policy mailed_token_mailer on mailed_token to portico_mailer using (true);
grant select (firm_id, id, membership_id, kind, nonce, state, expires_at) on mailed_token to portico_mailer;

create policy mailed_token_janitor on mailed_token to portico_janitor using (true);
grant select (firm_id, id, expires_at), delete on mailed_token to portico_janitor;

-- What a mail about a door is made from: the token that it carries, and what was changed.
alter table envelope add column token_id uuid, add column about text,
	add constraint envelope_about_check check (about in ('password', 'second_factor'));

-- Whoever is shut out, or whose address or identity is another now, has nothing in the mail that opens a door
-- (promises P8, P9).
create function end_mailed_tokens() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update mailed_token t set state = 'revoked'
	where t.firm_id = new.firm_id and t.membership_id = new.id and t.state = 'open';
	return null;
end
$$;

create trigger membership_mailed_tokens after update of state, login_email_key, identity_id on membership
for each row when (
	new.state not in ('active', 'pending_verification') or old.login_email_key is distinct from new.login_email_key
	or old.identity_id is distinct from new.identity_id
)
execute function end_mailed_tokens();

-- Another password ends what was mailed before, in every firm.
create function end_tokens_of_identity() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	update mailed_token t set state = 'revoked'
	from membership m
	where m.identity_id = new.id and t.firm_id = m.firm_id and t.membership_id = m.id and t.state = 'open';
	return null;
end
$$;

create trigger identity_mailed_tokens after update of password_hash on identity
for each row when (old.password_hash is distinct from new.password_hash)
execute function end_tokens_of_identity();

-- How the people of a firm's portal sign in, before anybody is known. Null: no such firm.
create function firm_sign_in(firm uuid) returns text
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select f.sign_in from firm f where f.id = firm_sign_in.firm
$$;

-- Another password for whoever holds the mailed link: false when the link is not good any more. The link is used up,
-- and all sessions of the identity end, in every firm. Exactly one of those who come at once gets the row.
create function identity_reset_password(firm uuid, token uuid, id uuid, password_hash text, now timestamptz)
returns boolean
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	perform from identity i where i.id = identity_reset_password.id for update;
	update mailed_token t set state = 'used', used_at = identity_reset_password.now
	from membership m
	where t.firm_id = identity_reset_password.firm and t.id = identity_reset_password.token
		and t.kind = 'password_reset' and t.state = 'open' and t.expires_at > identity_reset_password.now
		and m.firm_id = t.firm_id and m.id = t.membership_id and m.identity_id = identity_reset_password.id;
	if not found then
		return false;
	end if;
	update identity i
	set password_hash = identity_reset_password.password_hash, updated_at = identity_reset_password.now
	where i.id = identity_reset_password.id;
	update session s
	set ended_at = identity_reset_password.now
	from membership m
	where m.identity_id = identity_reset_password.id and s.firm_id = m.firm_id and s.membership_id = m.id
		and s.ended_at is null;
	return true;
end
$$;

-- The firm that answers somebody who asks for the addresses of their portals: where they were last. No row: nobody.
create function portals_find(email_key text) returns table (firm_id uuid, membership_id uuid)
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select m.firm_id, m.id
	from membership m
	where m.login_email_key = portals_find.email_key and m.kind in ('staff', 'portal')
		and m.state in ('active', 'pending_verification')
	order by m.last_sign_in_at desc nulls last, m.created_at desc, m.id
	limit 1
$$;

create index membership_login_email_idx on membership (login_email_key);

-- How often mails were asked for, by whoever, for whichever address: counts that belong to no firm, under hashes.
create table mail_request (
	key_hash bytea not null,
	count integer not null,
	resets_at timestamptz not null,
	constraint mail_request_pkey primary key (key_hash),
	constraint mail_request_key_check check (length(key_hash) = 32),
	constraint mail_request_count_check check (count > 0)
);

create index mail_request_resets_idx on mail_request (resets_at);

alter table mail_request enable row level security, force row level security;
create policy mail_request_janitor on mail_request to portico_janitor using (true);
grant select, delete on mail_request to portico_janitor;

-- Count one asking under the key. Null: it is one of the `most` of this time; else until when no more are taken.
create function mail_request_take(key_hash bytea, most integer, seconds integer, now timestamptz) returns timestamptz
language sql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	insert into mail_request as r (key_hash, count, resets_at)
	values ($1, 1, $4 + make_interval(secs => $3))
	on conflict on constraint mail_request_pkey do update
	set count = case when r.resets_at <= $4 then 1 else least(r.count, $2) + 1 end,
		resets_at = case when r.resets_at <= $4 then excluded.resets_at else r.resets_at end
	returning case when r.count > $2 then r.resets_at end
$$;

grant execute on function
	firm_sign_in(uuid), identity_reset_password(uuid, uuid, uuid, text, timestamptz), portals_find(text),
	mail_request_take(bytea, integer, integer, timestamptz)
to portico_api;

reset role;
