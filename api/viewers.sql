-- part: viewers
select c.id, c.display_name as name
from item i
join client k on k.firm_id = i.firm_id and k.id = i.client_id and k.status = 'active'
join client_contact cc on cc.firm_id = i.firm_id and cc.client_id = i.client_id
join contact c on c.firm_id = cc.firm_id and c.id = cc.contact_id
where exists (
	select from share s
	where s.firm_id = i.firm_id and s.client_id = i.client_id and s.contact_id = c.id
		and (s.document_id = i.document_id or s.folder_id = any(i.path))
) and (
	i.matter_id is null or exists (
		select from share s
		where s.firm_id = i.firm_id and s.client_id = i.client_id and s.contact_id = c.id and s.matter_id = i.matter_id
	)
)
order by c.display_name, c.id
limit 1000

-- name: viewers_document
-- Nobody, while it is internal.
with item as (
	select d.firm_id, d.client_id, d.matter_id, d.id as document_id, f.path
	from document d
	join folder f on f.firm_id = d.firm_id and f.id = d.folder_id
	where d.firm_id = :firm::uuid and d.id = :document_id::uuid and not d.internal
)
{{viewers}}

-- name: viewers_folder
with item as (
	select f.firm_id, f.client_id, f.matter_id, null::uuid as document_id, f.path
	from folder f
	where f.firm_id = :firm::uuid and f.id = :folder_id::uuid
)
{{viewers}}
