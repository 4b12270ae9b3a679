-- 0012_trash.sql - the trash: found again by staff, emptied by the janitor; and indexes for the lists' filters.

set role portico_owner;

create index document_trash_list_idx on document (firm_id, created_at, id) where trashed_at is not null;
create index share_of_client_idx on share (firm_id, client_id, created_at, id);
create index invitation_client_idx on invitation (firm_id, client_id, created_at, id) where client_id is not null;
create index folder_removed_idx on folder (removed_at) where removed_at is not null;

-- A deleted folder's row goes with the last trashed document that lay in it.
create policy folder_janitor on folder to portico_janitor using (true);
grant select (firm_id, id, removed_at), delete on folder to portico_janitor;
grant select (firm_id, folder_id) on document to portico_janitor;

reset role;
