-- 0001_core.sql - roles, firms, people who sign in, their sessions and rights.
--
-- Run by the role portico_owner, or by a superuser (who then makes portico_owner). Roles belong to
-- the cluster and not to the database, so each is made only where it is missing.
-- Time is never read here: every time is a parameter of the statement that writes it.

do $$
declare
	name text;
begin
	if not exists (select from pg_roles where rolname = 'portico_owner') then
		create role portico_owner nologin bypassrls createrole;
	end if;
	foreach name in array array['portico_api', 'portico_relay', 'portico_mailer', 'portico_janitor'] loop
		if not exists (select from pg_roles where rolname = name) then
			execute format('create role %I login', name);
		end if;
	end loop;
	if (select rolsuper from pg_roles where rolname = current_user) then
		grant usage, create on schema public to portico_owner;
		execute format('grant create on database %I to portico_owner', current_database());
	end if;
	execute format('revoke all on database %I from public', current_database());
	execute format('grant connect on database %I to portico_owner, portico_api, portico_relay, portico_mailer,'
		' portico_janitor', current_database());
end
$$;

set role portico_owner;

-- What is made from here on is closed until it is granted by name.
alter default privileges for role portico_owner revoke execute on functions from public;

-- An id for rows that a statement makes by itself; all other ids come from the programs. It is a
-- UUIDv7: 48 bits of milliseconds of `at`, then the random bits of a v4.
create function new_id(at timestamptz) returns uuid
language sql volatile parallel safe
return encode(
	set_byte(
		overlay(
			uuid_send(gen_random_uuid())
			placing substring(int8send((extract(epoch from at) * 1000)::bigint) from 3)
			from 1 for 6
		),
		6,
		(get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112
	),
	'hex'
)::uuid;

-- Version = strong ETag. An update that changes nothing a reader can see keeps version and
-- updated_at; the arguments name the columns that no answer shows.
create function bump_version() returns trigger
language plpgsql
as $$
declare
	hidden text[] := array['version', 'updated_at'] || tg_argv[0:]::text[];
begin
	if new.version is distinct from old.version
		or to_jsonb(new) - hidden is distinct from to_jsonb(old) - hidden then
		new.version := old.version + 1;
	else
		new.version := old.version;
		new.updated_at := old.updated_at;
	end if;
	return new;
end
$$;

create table firm (
	id uuid not null,
	slug text not null,
	name text not null,
	portal_url text,
	portal_host text generated always as (lower(substring(portal_url from '^https?://([^/?#]+)'))) stored,
	accent_color text not null default '#1f4e79',
	support_email text,
	help_links jsonb not null default '[]',
	locale text not null default 'en',
	timezone text not null default 'UTC',
	currency text not null default 'EUR',
	sign_in text not null default 'password',
	reinvite_mode text not null default 'resend',
	invitation_ttl_hours integer not null default 168,
	session_idle_minutes integer not null default 60,
	staff_idle_minutes integer not null default 30,
	default_upload_folder boolean not null default true,
	default_folder_name text not null default 'Client Uploads',
	mail_coalesce_seconds integer not null default 300,
	unassigned_fallback text not null default 'none',
	notify_required boolean not null default false,
	max_upload_bytes bigint,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint firm_pkey primary key (id),
	constraint firm_slug_key unique (slug),
	constraint firm_portal_host_key unique (portal_host),
	constraint firm_slug_check check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
	constraint firm_name_check check (name <> '' and length(name) <= 200),
	constraint firm_portal_url_check check (portal_url ~ '^https?://[^/?#]+$'),
	constraint firm_accent_color_check check (accent_color ~ '^#[0-9a-f]{6}$'),
	constraint firm_help_links_check check (jsonb_typeof(help_links) = 'array'),
	constraint firm_currency_check check (currency ~ '^[A-Z]{3}$'),
	constraint firm_sign_in_check check (sign_in in ('password', 'passwordless', 'both')),
	constraint firm_reinvite_mode_check check (reinvite_mode in ('resend', 'cycle')),
	constraint firm_invitation_ttl_hours_check check (invitation_ttl_hours between 1 and 8760),
	constraint firm_session_idle_minutes_check check (session_idle_minutes between 1 and 1440),
	constraint firm_staff_idle_minutes_check check (staff_idle_minutes between 1 and 1440),
	constraint firm_default_folder_name_check check (default_folder_name <> '' and length(default_folder_name) <= 255),
	constraint firm_mail_coalesce_seconds_check check (mail_coalesce_seconds between 0 and 900),
	constraint firm_unassigned_fallback_check check (unassigned_fallback in ('none', 'admins')),
	constraint firm_max_upload_bytes_check check (max_upload_bytes > 0)
);

create trigger firm_version before update on firm for each row execute function bump_version('portal_host');

-- One credential of one address, over all firms. Reached by the identity_* functions of 0005 alone.
create table identity (
	id uuid not null,
	email_key text not null,
	email text not null,
	password_hash text,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	constraint identity_pkey primary key (id),
	constraint identity_email_key unique (email_key),
	constraint identity_email_check check (email_key <> '' and email <> '')
);

-- Identity x firm x kind. No row: access is off. The address and the name are snapshots (S2-25, S2-40).
create table membership (
	firm_id uuid not null,
	id uuid not null,
	identity_id uuid,
	kind text not null,
	role text,
	contact_id uuid,
	state text not null,
	login_email text not null,
	login_email_key text not null,
	login_chosen boolean not null default false,
	display_name text not null,
	locale text,
	timezone text,
	phone text,
	source text not null default 'manual',
	last_sign_in_at timestamptz,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint membership_pkey primary key (firm_id, id),
	constraint membership_login_email_key unique (firm_id, kind, login_email_key),
	constraint membership_contact_key unique (firm_id, contact_id),
	constraint membership_of_contact_key unique (firm_id, id, contact_id),
	constraint membership_firm_fk foreign key (firm_id) references firm (id),
	constraint membership_identity_fk foreign key (identity_id) references identity (id),
	constraint membership_kind_check check (kind in ('staff', 'portal')),
	constraint membership_role_check check (
		(kind = 'staff' and role is not null and role in ('owner', 'admin', 'member'))
		or (kind = 'portal' and role is null)
	),
	constraint membership_state_check check (
		state in ('not_sent', 'invited', 'pending_verification', 'active', 'suspended')
	),
	constraint membership_identity_check check (
		identity_id is not null or state not in ('pending_verification', 'active')
	),
	constraint membership_contact_check check (
		(kind = 'staff' and contact_id is null and state <> 'pending_verification')
		or (kind = 'portal' and (contact_id is not null or state = 'pending_verification'))
	),
	constraint membership_source_check check (source in ('manual', 'batch', 'self', 'invitation', 'invoice')),
	constraint membership_login_email_check check (login_email <> '' and login_email_key <> ''),
	constraint membership_display_name_check check (display_name <> '' and length(display_name) <= 200)
);

create index membership_list_idx on membership (firm_id, kind, created_at, id);
create index membership_identity_idx on membership (identity_id) where identity_id is not null;

create trigger membership_version before update on membership for each row execute function bump_version('last_sign_in_at');

-- The token of a session is known by its hash alone.
create table session (
	firm_id uuid not null,
	id uuid not null,
	membership_id uuid not null,
	token_hash bytea not null,
	transport text not null,
	authenticated_at timestamptz not null,
	created_at timestamptz not null,
	expires_at timestamptz not null,
	idle_seconds integer not null,
	last_seen_at timestamptz not null,
	ended_at timestamptz,
	ip text,
	user_agent text,
	constraint session_pkey primary key (firm_id, id),
	constraint session_token_key unique (firm_id, token_hash),
	constraint session_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete cascade,
	constraint session_transport_check check (transport in ('cookie', 'token')),
	constraint session_token_hash_check check (length(token_hash) = 32),
	constraint session_idle_seconds_check check (idle_seconds > 0)
);

create index session_membership_idx on session (firm_id, membership_id, created_at, id);
create index session_expires_idx on session (expires_at);

-- The three fixed roles of a firm's staff.
create table role_permission (
	role text not null,
	permission text not null,
	constraint role_permission_pkey primary key (role, permission),
	constraint role_permission_role_check check (role in ('owner', 'admin', 'member'))
);

insert into role_permission (role, permission)
select 'owner', p
from unnest(array[
	'api_keys:write', 'appointments:read', 'appointments:write', 'audit:read', 'clients:read',
	'clients:write', 'contacts:read', 'contacts:write', 'documents:purge', 'documents:read',
	'documents:write', 'events:read', 'imports:write', 'invoices:read', 'invoices:send',
	'invoices:write', 'matters:read', 'matters:write', 'notes:read', 'notes:write', 'payments:read',
	'payments:write', 'portal_access:write', 'requests:read', 'requests:write', 'search:read',
	'settings:read', 'settings:write', 'shares:read', 'shares:write', 'staff:read', 'staff:write',
	'tasks:read', 'tasks:write', 'webhooks:read', 'webhooks:write'
]) as p;

insert into role_permission (role, permission)
select 'admin', permission from role_permission where role = 'owner' and permission <> 'documents:purge';

insert into role_permission (role, permission)
select 'member', permission
from role_permission
where role = 'owner'
	and (
		(permission like '%:read' and permission <> 'audit:read')
		or permission in (
			'clients:write', 'contacts:write', 'portal_access:write', 'documents:write', 'shares:write',
			'notes:write', 'tasks:write', 'appointments:write', 'requests:write', 'invoices:write',
			'invoices:send'
		)
	);

-- Stored answers of POSTs that carried an Idempotency-Key, sealed with the server's key. status and
-- sealed are null while the first request is under way.
create table idempotency (
	firm_id uuid not null,
	membership_id uuid not null,
	key_hash bytea not null,
	fingerprint bytea not null,
	status integer,
	sealed bytea,
	created_at timestamptz not null,
	expires_at timestamptz not null,
	constraint idempotency_pkey primary key (firm_id, membership_id, key_hash),
	constraint idempotency_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete cascade
);

create index idempotency_expires_idx on idempotency (expires_at);

-- One row: the state of this installation. test_mode is set by the operator's tool alone.
-- Failed sign-ins: of one address from one place (the key is a hash of both), and of one address. Counts
-- start anew when resets_at has passed.
create table sign_in_attempt (
	firm_id uuid not null,
	key_hash bytea not null,
	failures integer not null,
	resets_at timestamptz not null,
	constraint sign_in_attempt_pkey primary key (firm_id, key_hash),
	constraint sign_in_attempt_firm_fk foreign key (firm_id) references firm (id),
	constraint sign_in_attempt_key_check check (length(key_hash) = 32),
	constraint sign_in_attempt_failures_check check (failures > 0)
);

create index sign_in_attempt_resets_idx on sign_in_attempt (resets_at);

create table installation (
	only_row boolean not null default true,
	setup_done_at timestamptz,
	setup_token_hash bytea,
	test_mode boolean not null default false,
	constraint installation_pkey primary key (only_row),
	constraint installation_only_row_check check (only_row)
);

insert into installation default values;

reset role;
