-- 0030_asked_notices.sql - notices that come only to whoever asks for them.

set role portico_owner;

-- Owners and admins are told of each registration, other staff when they want to be (pitfall 33).
alter table mail_preference add column wanted text[] not null default '{}';
grant update (wanted) on mail_preference to portico_api;
grant select (wanted) on mail_preference to portico_mailer;

create function hears_of_registrations(firm uuid, membership uuid) returns boolean
language sql stable
return exists (
	select from membership m
	left join mail_preference p on p.firm_id = m.firm_id and p.membership_id = m.id
	where m.firm_id = hears_of_registrations.firm and m.id = hears_of_registrations.membership
		and (m.role in ('owner', 'admin') or (p.digest <> 'off' and 'registration_pending' = any(p.wanted)))
);

grant execute on function hears_of_registrations(uuid, uuid) to portico_api, portico_mailer;

reset role;
