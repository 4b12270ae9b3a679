-- name: find_portals_person
select p.firm_id as firm, p.membership_id as membership
from (select) as one
left join lateral portals_find(:email_key::text) p on true
