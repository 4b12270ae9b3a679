-- 0003_documents.sql - folders, documents, the bytes behind them, and shares.
--
-- client_id travels down (client, folder, document, share) in composite keys, so that a document can
-- only lie in a folder of its own client, and a share can only name an item and a contact of one client.

set role portico_owner;

-- ancestors: root first, without itself; path: ancestors and itself. Both are kept by folder_place() (0005).
-- removed_at: deleted, and here only because trashed documents still lie in it; then it stands at the top,
-- without shares, and no call shows it.
create table folder (
	firm_id uuid not null,
	id uuid not null,
	client_id uuid not null,
	parent_id uuid,
	ancestors uuid[] not null default '{}',
	path uuid[] not null generated always as (array_append(ancestors, id)) stored,
	name text not null,
	name_key text not null,
	is_default_upload boolean not null default false,
	removed_at timestamptz,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint folder_pkey primary key (firm_id, id),
	constraint folder_of_client_key unique (firm_id, id, client_id),
	constraint folder_client_fk foreign key (firm_id, client_id) references client (firm_id, id),
	constraint folder_parent_fk foreign key (firm_id, parent_id, client_id) references folder (firm_id, id, client_id),
	constraint folder_name_check check (name <> '' and name_key <> '' and length(name) <= 255),
	constraint folder_depth_check check (cardinality(ancestors) < 20),
	constraint folder_removed_check check (removed_at is null or (parent_id is null and not is_default_upload))
);

create unique index folder_name_key on folder (firm_id, client_id, parent_id, name_key) nulls not distinct
where removed_at is null;
create index folder_list_idx on folder (firm_id, client_id, created_at, id);
create index folder_firm_idx on folder (firm_id, created_at, id);
create index folder_parent_idx on folder (firm_id, parent_id, created_at, id);
create unique index folder_default_upload_key on folder (firm_id, client_id) where is_default_upload;

create trigger folder_version before update on folder
for each row execute function bump_version('ancestors', 'path', 'name_key');

-- Bytes in the store. `path` is relative to the store's blobs directory. live: a document has it;
-- doomed: its file may be removed, then the row.
create table blob (
	firm_id uuid not null,
	id uuid not null,
	path text not null,
	size bigint not null,
	sha256 bytea not null,
	state text not null default 'live',
	created_at timestamptz not null,
	constraint blob_pkey primary key (firm_id, id),
	constraint blob_path_key unique (firm_id, path),
	constraint blob_size_check check (size >= 0),
	constraint blob_sha256_check check (length(sha256) = 32),
	constraint blob_state_check check (state in ('live', 'doomed'))
);

-- For the janitor, who knows a file by its path alone.
create index blob_path_idx on blob (path);
create index blob_doomed_idx on blob (created_at) where state = 'doomed';

create table document (
	firm_id uuid not null,
	id uuid not null,
	client_id uuid not null,
	folder_id uuid not null,
	name text not null,
	name_key text not null,
	content_type text not null,
	size bigint not null,
	sha256 bytea not null,
	blob_id uuid not null,
	doc_version integer not null default 1,
	scan text not null default 'skipped',
	uploaded_by_id uuid not null,
	uploaded_by_kind text not null,
	uploaded_by_name text not null,
	archived boolean not null default false,
	custom_fields jsonb not null default '{}',
	trashed_at timestamptz,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint document_pkey primary key (firm_id, id),
	constraint document_of_client_key unique (firm_id, id, client_id),
	constraint document_folder_fk foreign key (firm_id, folder_id, client_id)
		references folder (firm_id, id, client_id),
	constraint document_blob_fk foreign key (firm_id, blob_id) references blob (firm_id, id),
	constraint document_name_check check (name <> '' and name_key <> '' and length(name) <= 255),
	constraint document_size_check check (size >= 0),
	constraint document_sha256_check check (length(sha256) = 32),
	constraint document_scan_check check (scan in ('pending', 'clean', 'infected', 'skipped')),
	constraint document_uploaded_by_kind_check check (uploaded_by_kind in ('staff', 'portal')),
	constraint document_custom_fields_check check (jsonb_typeof(custom_fields) = 'object')
);

create unique index document_name_key on document (firm_id, folder_id, name_key) where trashed_at is null;
create index document_folder_idx on document (firm_id, folder_id, created_at, id)
include (client_id, name, content_type, size, doc_version, uploaded_by_id, archived, updated_at)
where trashed_at is null;
create index document_in_folder_idx on document (firm_id, folder_id, client_id);
create index document_client_idx on document (firm_id, client_id, created_at, id);
create index document_list_idx on document (firm_id, created_at, id);
create index document_blob_idx on document (firm_id, blob_id);
create index document_trash_idx on document (trashed_at) where trashed_at is not null;

create trigger document_version before update on document
for each row execute function bump_version('name_key', 'blob_id');

-- Who may see what. It ends with the item, with the contact's relation to the client, and with the
-- access it was given to (S2-11): each of them is a cascading key.
create table share (
	firm_id uuid not null,
	id uuid not null,
	client_id uuid not null,
	contact_id uuid not null,
	membership_id uuid not null,
	folder_id uuid,
	document_id uuid,
	access text not null,
	notify boolean not null default true,
	created_by_type text not null default 'staff',
	created_by_id uuid,
	created_by_name text not null,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	version bigint not null default 1,
	constraint share_pkey primary key (firm_id, id),
	constraint share_folder_key unique (firm_id, membership_id, folder_id),
	constraint share_document_key unique (firm_id, membership_id, document_id),
	constraint share_contact_of_client_fk foreign key (firm_id, client_id, contact_id)
		references client_contact (firm_id, client_id, contact_id) on delete cascade,
	constraint share_membership_fk foreign key (firm_id, membership_id, contact_id)
		references membership (firm_id, id, contact_id) on delete cascade,
	constraint share_folder_fk foreign key (firm_id, folder_id, client_id)
		references folder (firm_id, id, client_id) on delete cascade,
	constraint share_document_fk foreign key (firm_id, document_id, client_id)
		references document (firm_id, id, client_id) on delete cascade,
	constraint share_item_check check (num_nonnulls(folder_id, document_id) = 1),
	constraint share_access_check check (access in ('view', 'view_upload')),
	constraint share_upload_on_folder_check check (access = 'view' or folder_id is not null),
	constraint share_created_by_type_check check (created_by_type in ('staff', 'portal', 'firm'))
);

create index share_list_idx on share (firm_id, created_at, id);
create index share_client_idx on share (firm_id, client_id, contact_id);
create index share_contact_idx on share (firm_id, contact_id, created_at, id);
create index share_folder_idx on share (firm_id, folder_id, client_id) include (membership_id, access)
where folder_id is not null;
create index share_document_idx on share (firm_id, document_id, client_id) include (membership_id, access)
where document_id is not null;
create index share_visible_idx on share (firm_id, membership_id, client_id, folder_id) include (access)
where folder_id is not null;

create trigger share_version before update on share for each row execute function bump_version();

reset role;
