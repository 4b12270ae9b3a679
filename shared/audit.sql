-- name: audit_write
insert into audit (firm_id, id, at, actor_type, actor_id, actor_name, action, object_type, object_id,
                   client_id, ip, request_id, outcome, detail)
values (:firm::uuid, :id::uuid, :now::timestamptz, :actor_type::text, :actor::uuid, coalesce(:actor_name::text, ''),
        :action::text, coalesce(:object_type::text, ''), :object::uuid, :client::uuid, :ip::text, coalesce(:request_id::text, ''),
        :outcome::text, :detail::jsonb || matter_note(:firm, coalesce(:object_type, ''), :object))
on conflict (firm_id, actor_id, object_id, (detail ->> 'version'), date_trunc('hour', at at time zone 'UTC'))
where action = 'document.downloaded' do nothing;
