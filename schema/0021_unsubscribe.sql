-- 0021_unsubscribe.sql - links that end a kind of notice, and links that lead to a firm's own front end.

set role portico_owner;

-- A firm may point the links of its mails at a front end of its own.
grant update (portal_url) on firm to portico_api;

-- The mailer looks again whether a notice that waits is still wanted. What ends notices has no table: the token is
-- derived from the membership, its address and the kind, and is dead when the membership has ended or has another address.
create policy mail_preference_mailer on mail_preference to portico_mailer using (true);
grant select (firm_id, membership_id, digest, muted) on mail_preference to portico_mailer;
grant execute on function wants_mail(uuid, uuid, text) to portico_mailer;

reset role;
