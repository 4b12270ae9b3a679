-- 0026_share_summary.sql - who could not be told of a share is told when the access is active (pitfall P17).

set role portico_owner;

-- untold: shared to be told of, while the person could not sign in. It is a mark of the share and not a list of its own,
-- so that what is withdrawn, or ends with its item, its relation or the access, is not told by itself.
-- summary_id: the envelope that tells of it together with others; a bare id, as envelopes end before shares do.
alter table share
	add column untold boolean not null default false,
	add column summary_id uuid;

-- Neither is shown, so neither makes another version.
drop trigger share_version on share;
create trigger share_version before update on share
for each row execute function bump_version('matter_role', 'untold', 'summary_id');

grant update (untold, summary_id) on share to portico_api;

-- A mail that is not sent because the person was locked out meanwhile has told nothing: the mailer marks its shares again.
grant update (untold) on share to portico_mailer;

reset role;
