-- 0021_unsubscribe.sql - links that lead to a firm's own front end.

set role portico_owner;

-- A firm may point the links of its mails at a front end of its own.
grant update (portal_url) on firm to portico_api;

reset role;
