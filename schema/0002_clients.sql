-- 0002_clients.sql - clients, contacts, who belongs to whom, and invitations.

set role portico_owner;

create table contact (
	firm_id uuid not null,
	id uuid not null,
	entity text not null,
	first_name text,
	last_name text,
	display_name text not null,
	primary_email text,
	emails text[] not null default '{}',
	email_keys text[] not null default '{}',
	phone text,
	custom_fields jsonb not null default '{}',
	external_source text,
	external_id text,
	archived_at timestamptz,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint contact_pkey primary key (firm_id, id),
	constraint contact_external_ref_key unique (firm_id, external_source, external_id),
	constraint contact_firm_fk foreign key (firm_id) references firm (id),
	constraint contact_entity_check check (entity in ('individual', 'business')),
	constraint contact_display_name_check check (display_name <> '' and length(display_name) <= 200),
	constraint contact_primary_email_check check (primary_email is null or primary_email = emails[1]),
	constraint contact_emails_check check (cardinality(emails) = cardinality(email_keys)),
	constraint contact_custom_fields_check check (jsonb_typeof(custom_fields) = 'object'),
	constraint contact_external_ref_check check ((external_source is null) = (external_id is null))
);

create index contact_list_idx on contact (firm_id, created_at, id);

create trigger contact_version before update on contact for each row execute function bump_version('email_keys');

alter table membership
	add constraint membership_contact_fk foreign key (firm_id, contact_id) references contact (firm_id, id);

-- default_folder_made: this client has once had its default upload folder (S3-13: removed stays removed).
create table client (
	firm_id uuid not null,
	id uuid not null,
	entity text not null,
	code text,
	name text not null,
	emails text[] not null default '{}',
	phone text,
	address jsonb,
	status text not null default 'active',
	primary_contact_id uuid,
	custom_fields jsonb not null default '{}',
	external_source text,
	external_id text,
	default_folder_made boolean not null default false,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint client_pkey primary key (firm_id, id),
	constraint client_code_key unique (firm_id, code),
	constraint client_external_ref_key unique (firm_id, external_source, external_id),
	constraint client_firm_fk foreign key (firm_id) references firm (id),
	constraint client_primary_contact_fk foreign key (firm_id, primary_contact_id)
		references contact (firm_id, id) on delete set null (primary_contact_id),
	constraint client_entity_check check (entity in ('individual', 'business')),
	constraint client_status_check check (status in ('active', 'archived')),
	constraint client_name_check check (name <> '' and length(name) <= 200),
	constraint client_code_check check (code <> '' and length(code) <= 50),
	constraint client_address_check check (jsonb_typeof(address) = 'object'),
	constraint client_custom_fields_check check (jsonb_typeof(custom_fields) = 'object'),
	constraint client_external_ref_check check ((external_source is null) = (external_id is null))
);

create index client_list_idx on client (firm_id, created_at, id);
create index client_status_idx on client (firm_id, status, created_at, id);
create index client_primary_contact_idx on client (firm_id, primary_contact_id) where primary_contact_id is not null;

create trigger client_version before update on client
for each row execute function bump_version('default_folder_made');

-- Staff assigned to a client: they are mailed when one of its people uploads.
create table client_team (
	firm_id uuid not null,
	client_id uuid not null,
	membership_id uuid not null,
	created_at timestamptz not null,
	constraint client_team_pkey primary key (firm_id, client_id, membership_id),
	constraint client_team_client_fk foreign key (firm_id, client_id) references client (firm_id, id) on delete cascade,
	constraint client_team_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete cascade
);

create index client_team_membership_idx on client_team (firm_id, membership_id);

create table client_contact (
	firm_id uuid not null,
	client_id uuid not null,
	contact_id uuid not null,
	role text,
	is_primary boolean not null default false,
	created_at timestamptz not null,
	constraint client_contact_pkey primary key (firm_id, client_id, contact_id),
	constraint client_contact_client_fk foreign key (firm_id, client_id)
		references client (firm_id, id) on delete cascade,
	constraint client_contact_contact_fk foreign key (firm_id, contact_id)
		references contact (firm_id, id) on delete cascade
);

create index client_contact_contact_idx on client_contact (firm_id, contact_id);
create unique index client_contact_primary_key on client_contact (firm_id, client_id) where is_primary;

-- The token of an invitation is derived from id and nonce, never stored. The state shown by the API
-- is computed: from this state, the expiry, and the delivery state of its last envelope.
create table invitation (
	firm_id uuid not null,
	id uuid not null,
	membership_id uuid,
	audience text not null,
	email text not null,
	email_key text not null,
	contact_id uuid,
	client_id uuid,
	source text not null default 'manual',
	state text not null default 'open',
	nonce bytea not null,
	expires_at timestamptz,
	sent_at timestamptz,
	send_count integer not null default 0,
	accepted_at timestamptz,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint invitation_pkey primary key (firm_id, id),
	constraint invitation_firm_fk foreign key (firm_id) references firm (id),
	constraint invitation_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete set null (membership_id),
	constraint invitation_contact_fk foreign key (firm_id, contact_id) references contact (firm_id, id),
	constraint invitation_client_fk foreign key (firm_id, client_id) references client (firm_id, id),
	constraint invitation_audience_check check (audience in ('staff', 'portal')),
	constraint invitation_email_check check (email <> '' and email_key <> ''),
	constraint invitation_source_check check (source in ('manual', 'batch', 'self', 'invitation', 'invoice')),
	constraint invitation_state_check check (state in ('open', 'accepted', 'superseded', 'revoked')),
	constraint invitation_nonce_check check (length(nonce) = 16),
	constraint invitation_send_count_check check (send_count >= 0)
);

create index invitation_list_idx on invitation (firm_id, created_at, id);
create index invitation_contact_idx on invitation (firm_id, contact_id, created_at, id) where contact_id is not null;
create index invitation_membership_idx on invitation (firm_id, membership_id) where membership_id is not null;
create unique index invitation_open_key on invitation (firm_id, membership_id) where state = 'open';

create trigger invitation_version before update on invitation
for each row execute function bump_version('nonce');

reset role;
