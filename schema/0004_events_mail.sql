-- 0004_events_mail.sql - what happened (event, audit) and what is mailed because of it (envelope, delivery).
--
-- Rows here tell of other rows, also of such as are gone: they hold bare ids, without foreign keys.

set role portico_owner;

-- A fact, written in the business transaction: outbox and feed at once. `sequence` is given later, by
-- the one sequencer, in the order (xid, row_no) and only below the oldest running transaction.
create table event (
	firm_id uuid not null,
	id uuid not null,
	type text not null,
	object_type text not null,
	object_id uuid not null,
	client_id uuid,
	actor_type text not null,
	actor_id uuid,
	actor_name text not null,
	deleted boolean not null default false,
	changed_fields text[] not null default '{}',
	data jsonb not null default '{}',
	occurred_at timestamptz not null,
	xid xid8 not null default pg_current_xact_id(),
	row_no bigint not null generated always as identity,
	sequence bigint,
	published_at timestamptz,
	constraint event_pkey primary key (firm_id, id),
	constraint event_sequence_key unique (firm_id, sequence),
	constraint event_type_check check (type ~ '^[a-z_]+\.[a-z_]+$'),
	constraint event_actor_type_check check (actor_type in ('staff', 'portal', 'firm', 'system')),
	constraint event_data_check check (jsonb_typeof(data) = 'object')
);

create index event_unsequenced_idx on event (xid, row_no) where sequence is null;
create index event_unpublished_idx on event (row_no) where published_at is null;
create index event_occurred_idx on event (occurred_at);

-- One recipient of one mail, with its retry state. While coalesce_key is there, later uploads join:
-- their documents are added to document_ids; the mailer's claim clears it. claimed_by is the number of
-- a mailer whose session holds an advisory lock on it, claimed_at real time even in test mode.
-- frozen: what every copy of the mail is made from, kept since before the first attempt.
create table envelope (
	firm_id uuid not null,
	id uuid not null,
	event_id uuid,
	kind text not null,
	recipient_kind text not null,
	membership_id uuid,
	contact_id uuid,
	client_id uuid,
	folder_id uuid,
	document_id uuid,
	document_ids uuid[] not null default '{}',
	invitation_id uuid,
	share_id uuid,
	to_email text not null,
	to_email_key text not null,
	to_name text not null default '',
	state text not null default 'queued',
	due_at timestamptz not null,
	expires_at timestamptz not null,
	attempts integer not null default 0,
	claimed_by bigint,
	claimed_at timestamptz,
	coalesce_key text,
	frozen jsonb,
	subject text,
	message_id text,
	mail_date timestamptz,
	error text,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	sent_at timestamptz,
	constraint envelope_pkey primary key (firm_id, id),
	constraint envelope_recipient_key unique (firm_id, event_id, kind, to_email_key),
	constraint envelope_coalesce_key unique (firm_id, coalesce_key),
	constraint envelope_event_fk foreign key (firm_id, event_id)
		references event (firm_id, id) on delete set null (event_id),
	constraint envelope_kind_check check (kind ~ '^[a-z_]+(\.[a-z_]+)?$'),
	constraint envelope_recipient_kind_check check (recipient_kind in ('staff', 'portal', 'contact', 'address')),
	constraint envelope_state_check check (
		state in ('queued', 'sent', 'deferred', 'bounced', 'failed', 'suppressed', 'cancelled')
	),
	constraint envelope_address_check check (to_email <> '' and to_email !~ '[[:cntrl:]]' and to_email_key <> ''),
	constraint envelope_attempts_check check (attempts >= 0)
);

create index envelope_due_idx on envelope (firm_id, due_at, id) where state in ('queued', 'deferred');
create index envelope_claim_idx on envelope (claimed_by) where claimed_by is not null;
create index envelope_list_idx on envelope (firm_id, created_at, id);
create index envelope_contact_idx on envelope (firm_id, contact_id, created_at, id) where contact_id is not null;
create index envelope_membership_idx on envelope (firm_id, membership_id, created_at) where membership_id is not null;
create index envelope_invitation_idx on envelope (firm_id, invitation_id, created_at) where invitation_id is not null;
create index envelope_share_idx on envelope (firm_id, share_id, created_at) where share_id is not null;

-- One attempt.
create table delivery (
	firm_id uuid not null,
	id uuid not null,
	envelope_id uuid not null,
	attempt integer not null,
	outcome text not null,
	smtp_code integer,
	response text,
	at timestamptz not null,
	constraint delivery_pkey primary key (firm_id, id),
	constraint delivery_attempt_key unique (firm_id, envelope_id, attempt),
	constraint delivery_envelope_fk foreign key (firm_id, envelope_id)
		references envelope (firm_id, id) on delete cascade,
	constraint delivery_outcome_check check (outcome in ('sent', 'temporary', 'permanent', 'ambiguous'))
);

-- Addresses that a firm does not mail any more: they bounced for good.
create table suppression (
	firm_id uuid not null,
	email_key text not null,
	reason text not null,
	created_at timestamptz not null,
	constraint suppression_pkey primary key (firm_id, email_key),
	constraint suppression_firm_fk foreign key (firm_id) references firm (id)
);

-- Who did what. Rows are added and never changed; sealing gives each, once, its place in the firm's
-- chain: hash = f(prev_hash, row).
create table audit (
	firm_id uuid not null,
	id uuid not null,
	at timestamptz not null,
	actor_type text not null,
	actor_id uuid,
	actor_name text not null,
	action text not null,
	object_type text not null,
	object_id uuid,
	client_id uuid,
	ip text,
	request_id text not null,
	outcome text not null,
	detail jsonb not null default '{}',
	xid xid8 not null default pg_current_xact_id(),
	row_no bigint not null generated always as identity,
	sequence bigint,
	prev_hash bytea,
	hash bytea,
	constraint audit_pkey primary key (firm_id, id),
	constraint audit_sequence_key unique (firm_id, sequence),
	constraint audit_outcome_check check (outcome in ('ok', 'denied', 'failed')),
	constraint audit_seal_check check (num_nulls(sequence, prev_hash, hash) in (0, 3))
);

create index audit_list_idx on audit (firm_id, at, id);
create index audit_object_idx on audit (firm_id, object_id, at, id) where object_id is not null;
create index audit_actor_idx on audit (firm_id, actor_id, at, id) where actor_id is not null;
create index audit_unsealed_idx on audit (xid, row_no) where sequence is null;

-- Where the sequencer stands, per firm: it outlives the rows it numbered.
create table sequencer (
	firm_id uuid not null,
	event_sequence bigint not null default 0,
	audit_sequence bigint not null default 0,
	audit_hash bytea not null default '\x',
	constraint sequencer_pkey primary key (firm_id)
);

-- What the mailer sent, in test mode only: /v1/test/outbox.
create table test_mail (
	firm_id uuid not null,
	id uuid not null,
	envelope_id uuid not null,
	to_email text not null,
	subject text not null,
	body_text text not null,
	body_html text,
	created_at timestamptz not null,
	constraint test_mail_pkey primary key (firm_id, id)
);

create index test_mail_list_idx on test_mail (created_at, id);

-- A time as the clock on somebody's wall, "2026-03-01 10:00 Europe/Berlin", for a mail to say it. A
-- zone that is not known must not hold the mail up: it is UTC then.
create function local_time(at timestamptz, zone text) returns text
language plpgsql stable
as $$
begin
	return to_char(at at time zone zone, 'YYYY-MM-DD HH24:MI ') || zone;
exception
	when invalid_parameter_value then
		return to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI ') || 'UTC';
end
$$;

grant execute on function local_time(timestamptz, text) to portico_mailer;

reset role;
