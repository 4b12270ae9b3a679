-- 0025_restricted.sql - what is about a restricted matter is told to nobody who may not know of it.

set role portico_owner;

-- The mailer asks matter_open() when a notice to the staff is due.
create policy matter_mailer on matter to portico_mailer using (true);
create policy matter_team_mailer on matter_team to portico_mailer using (true);
grant select (firm_id, id, restricted) on matter to portico_mailer;
grant select (firm_id, matter_id, membership_id) on matter_team to portico_mailer;
grant execute on function matter_open(uuid, uuid, uuid) to portico_mailer;

reset role;
