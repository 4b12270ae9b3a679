-- name: demo_begin
select setup_begin(:at::timestamptz)

-- name: demo_client
insert into client (firm_id, id, entity, code, name, created_at, updated_at)
values (:firm::uuid, :client::uuid, :entity::text, :code::text, :name::text, :at::timestamptz, :at)

-- name: demo_folder
insert into folder (firm_id, id, client_id, name, name_key, is_default_upload, created_at, updated_at)
select f.id, :folder::uuid, :client::uuid, f.default_folder_name, lower(f.default_folder_name), true, :at::timestamptz, :at
from firm f
where f.id = :firm::uuid

-- name: demo_contact
insert into contact (
	firm_id, id, entity, display_name, primary_email, emails, email_keys, created_at, updated_at
)
values (
	:firm::uuid, :contact::uuid, 'individual', :name::text, :email::text, array[:email], array[:email],
	:at::timestamptz, :at
)

-- name: demo_relate
insert into client_contact (firm_id, client_id, contact_id, is_primary, created_at)
values (:firm::uuid, :client::uuid, :contact::uuid, true, :at::timestamptz)

-- name: demo_team
insert into client_team (firm_id, client_id, membership_id, created_at)
values (:firm::uuid, :client::uuid, :membership::uuid, :at::timestamptz)
