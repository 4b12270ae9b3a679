-- part: email_shown
e.id, e.kind, jsonb_build_array(e.to_email) as to, '[]'::jsonb as cc, '[]'::jsonb as bcc,
	coalesce(e.subject, '') as subject, e.state as status, e.error, e.contact_id, e.client_id,
	null::uuid as invoice_id, e.created_at, e.sent_at
from envelope e

-- part: email_rest
-- No mail whose words are about a matter that the reader may not know of (pitfall P22).
	and mail_told(e.firm_id, e.matter_ids, e.folder_id, e.document_ids || e.document_id, :me::uuid)
	and (e.created_at, e.id) > (:after_at::timestamptz, :after_id::uuid)
	and (:status::text is null or e.state = :status)
order by e.created_at, e.id
limit :limit::bigint

-- name: email_list
select {{email_shown}}
where e.firm_id = :firm::uuid
{{email_rest}}

-- name: email_list_of_contact
select {{email_shown}}
where e.firm_id = :firm::uuid and e.contact_id = :contact_id::uuid
{{email_rest}}
