-- 0031_notices_kept.sql - a notice that waits while the access changes hands is told to whoever comes in; who gets the
-- answers to mails, and who is told what became of them.

set role portico_owner;

-- What the person's notices of shares that still wait were to tell of is to be told later, as if it had been shared with
-- somebody who cannot sign in (0026): those mails will be given up. Envelopes first, then shares, as the mailer does.
create function notices_recall(firm uuid, membership uuid) returns void
language sql
as $$
	with waiting as (
		select e.id, e.share_id
		from envelope e
		where e.firm_id = $1 and e.membership_id = $2 and e.state in ('queued', 'deferred')
			and e.kind in ('folder.shared', 'document.shared', 'items.shared')
		order by e.id
		for update
	)
	update share s
	set untold = true
	from waiting w
	where s.firm_id = $1 and s.membership_id = $2 and (s.id = w.share_id or s.summary_id = w.id)
$$;

grant execute on function notices_recall(uuid, uuid) to portico_api;

-- As in 0016, but that what waits is kept with the shares.
create or replace function access_close(firm uuid, membership uuid, snapshot uuid, now timestamptz) returns void
language plpgsql
as $$
declare
	who uuid;
begin
	perform notices_recall(access_close.firm, access_close.membership);
	insert into access_snapshot (firm_id, id, contact_id, login_email, display_name, shares, created_at)
	select m.firm_id, access_close.snapshot, m.contact_id, m.login_email, m.display_name, coalesce((
			select jsonb_agg(to_jsonb(s) - array[
				'firm_id', 'id', 'contact_id', 'membership_id', 'created_by_type', 'created_by_id', 'created_by_name',
				'created_at', 'updated_at', 'version'
			] order by s.created_at, s.id)
			from share s
			where s.firm_id = m.firm_id and s.membership_id = m.id
		), '[]'), access_close.now
	from membership m
	where m.firm_id = access_close.firm and m.id = access_close.membership and m.contact_id is not null;
	update invitation i set state = 'revoked', updated_at = access_close.now
	where i.firm_id = access_close.firm and i.membership_id = access_close.membership and i.state = 'open';
	delete from membership m where m.firm_id = access_close.firm and m.id = access_close.membership
	returning m.identity_id into who;
	perform identity_drop_password_if_orphan(who);
end
$$;

-- The mailer asks who may know of what a mail is about, before it names whom to answer.
grant execute on function mail_told(uuid, uuid[], uuid, uuid[], uuid), gone_matter_open(uuid, boolean, uuid) to portico_mailer;

-- As in 0025, but that of a mail, which may be about several matters, each of them counts, as in the list of mails.
create or replace function matter_told(firm uuid, kind text, object uuid, note jsonb, caller uuid) returns boolean
language sql stable
as $$
	select coalesce(case
			when $2 = 'email' then (
				select mail_told(e.firm_id, e.matter_ids, e.folder_id, e.document_ids || e.document_id, $5)
				from envelope e
				where e.firm_id = $1 and e.id = $3
			)
			else matter_open($1, object_matter($1, $2, $3), $5)
		end, true)
		and ($4 ->> 'matter_id' is null
			or coalesce(
				matter_open($1, ($4 ->> 'matter_id')::uuid, $5), gone_matter_open($1, ($4 ->> 'restricted')::boolean, $5)
			))
$$;

reset role;
