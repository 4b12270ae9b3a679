-- name: audit_cmd_still
-- The relay goes on sealing meanwhile: all is seen as it was at one moment.
set transaction isolation level repeatable read

-- name: audit_cmd_firms
select f.id, f.slug, coalesce(s.audit_sequence, 0) as place, encode(coalesce(s.audit_hash, ''), 'hex') as hash,
	(select count(*) from audit a where a.firm_id = f.id and a.sequence is null) as unsealed
from firm f
left join sequencer s on s.firm_id = f.id
where :slug::text is null or f.slug = :slug
order by f.slug

-- name: audit_cmd_check
-- The entries behind a place in the chain: how far it goes on, and the first one that is not as it was sealed.
with entry as (
	select a.sequence, a.id, a.hash,
		lag(a.sequence, 1, :place::bigint) over w as before,
		case
			when a.prev_hash <> lag(a.hash, 1, decode(:hash::text, 'hex')) over w then 'follows'
			when a.hash <> audit_link(null, a.prev_hash, audit_bytes(a, a.sequence)) then 'content'
		end as fault
	from audit a
	where a.firm_id = :firm::uuid and a.sequence > :place
	window w as (order by a.sequence)
	order by a.sequence
	limit :batch::bigint
), broken as (
	select e.sequence, e.id, e.before, case when e.sequence > e.before + 1 then 'missing' else e.fault end as fault
	from entry e
	where e.fault is not null or e.sequence > e.before + 1
	order by e.sequence
	limit 1
)
select count(*) as n, max(e.sequence) as place,
	encode((array_agg(e.hash order by e.sequence desc))[1], 'hex') as hash,
	b.sequence as broken, b.id as broken_id, b.before, b.fault
from entry e
left join broken b on true
group by b.sequence, b.id, b.before, b.fault
