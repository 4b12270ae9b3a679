-- 0009_firm_settings.sql - what firms and people may choose about mail, and what operators ask of the installation.

set role portico_owner;

-- Model C14: an invitation to an address that no contact has makes the contact, or is refused.
alter table firm add column invite_unknown_email text not null default 'create_contact',
	add constraint firm_invite_unknown_email_check check (invite_unknown_email in ('create_contact', 'reject'));

grant update (invite_unknown_email) on firm to portico_api;

-- Which notices a person wants by mail. No row: all of them. `muted` holds kinds of mail; digest 'off' mutes
-- every notice. What nobody may do without (invitations) is not asked here.
create table mail_preference (
	firm_id uuid not null,
	membership_id uuid not null,
	digest text not null default 'instant',
	muted text[] not null default '{}',
	updated_at timestamptz not null,
	constraint mail_preference_pkey primary key (firm_id, membership_id),
	constraint mail_preference_membership_fk foreign key (firm_id, membership_id)
		references membership (firm_id, id) on delete cascade,
	constraint mail_preference_digest_check check (digest in ('instant', 'off'))
);

select table_of_firm('mail_preference');

grant select, insert, update (digest, muted, updated_at) on mail_preference to portico_api;

-- Does the member want this kind of notice? A firm that wants its people told (notify_required) is not muted.
create function wants_mail(firm uuid, membership uuid, kind text) returns boolean
language sql stable
return not exists (
	select from mail_preference p
	join firm f on f.id = p.firm_id and not f.notify_required
	where p.firm_id = wants_mail.firm and p.membership_id = wants_mail.membership
		and (p.digest = 'off' or wants_mail.kind = any(p.muted))
);

grant execute on function wants_mail(uuid, uuid, text) to portico_api;

-- The letters that were given up: few, and operators are to see them at once.
create index envelope_dead_idx on envelope (state) where state in ('bounced', 'failed', 'suppressed');

-- What waits and what was given up, over all firms: numbers alone.
create function installation_counts() returns table (
	events_unpublished bigint, queued bigint, deferred bigint, bounced bigint, failed bigint, suppressed bigint,
	oldest_due_at timestamptz
)
language sql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
	select (select count(*) from event e where e.published_at is null),
		w.queued, w.deferred, d.bounced, d.failed, d.suppressed, w.oldest
	from (
		select count(*) filter (where e.state = 'queued') as queued,
			count(*) filter (where e.state = 'deferred') as deferred, min(e.due_at) as oldest
		from envelope e where e.state in ('queued', 'deferred')
	) w
	cross join (
		select count(*) filter (where e.state = 'bounced') as bounced, count(*) filter (where e.state = 'failed') as failed,
			count(*) filter (where e.state = 'suppressed') as suppressed
		from envelope e where e.state in ('bounced', 'failed', 'suppressed')
	) d
$$;

-- Which of these migrations the database has not had. porticoctl keeps the list, and is the only one to write it.
create function migrations_missing(names text[]) returns text[]
language plpgsql stable
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
	return array(
		select n from unnest(migrations_missing.names) as n
		where not exists (select from schema_migration m where m.name = n)
		order by n
	);
end
$$;

grant execute on function installation_counts(), migrations_missing(text[]) to portico_api;

reset role;
