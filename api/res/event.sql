-- name: event_head
-- What the firm's numbers reach to, and up to which its events have been removed.
select coalesce(max(s.event_sequence), 0) as head, coalesce(max(s.event_pruned), 0) as pruned
from sequencer s
where s.firm_id = :firm::uuid

-- name: event_list
-- Not what is about a matter that the reader may not know of (pitfall P22); the reader's place goes on behind it.
select e.id, e.sequence, e.type, e.occurred_at,
	jsonb_build_object(
		'type', case e.actor_type when 'portal' then 'portal_user' when 'key' then 'api_key' when 'system' then 'firm'
			else e.actor_type end,
		'id', coalesce(e.actor_id, e.firm_id), 'name', e.actor_name
	) as actor,
	e.object_type, jsonb_build_object('type', e.object_type, 'id', e.object_id) as object_id, e.client_id, e.deleted,
	to_jsonb(e.changed_fields) as changed_fields
from event e
where e.firm_id = :firm::uuid and e.sequence > :after::bigint and e.sequence <= :through::bigint
	and e.type = any (array(select jsonb_array_elements_text(:types::jsonb)))
	and matter_told(e.firm_id, e.object_type, e.object_id, e.data, :me::uuid)
order by e.sequence
limit :limit::bigint
