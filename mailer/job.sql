-- name: job_hold
-- The mailer's number, held by its session: while the session lives, so do the claims.
select pg_try_advisory_lock(1886352245, :number::int) as held;

-- name: job_rehold
-- What is still in flight after the session was lost goes over to the new number. What else has the old one was
-- claimed without our learning of it, the answer to the commit being lost: nothing was sent, and it is free at once.
with held as (
  select jsonb_array_elements_text(:ids::jsonb)::uuid as id
)
update envelope e
set claimed_by = case when e.id in (select h.id from held h) then :number::bigint end,
    claimed_at = case when e.id in (select h.id from held h) then e.claimed_at end
where e.claimed_by = :old::bigint;

-- name: job_claim
-- Envelopes that are due and nobody's, firm by firm in turn, so that one firm's many mails do not hold up
-- another's. A claim is nobody's any more when its mailer's session is gone; after a restart of the server (also
-- the one that follows a crash, which only the statistics' age tells of) mailers have 30 s to come back; after
-- 15 minutes it is anybody's. `real` is the true time, whatever the test clock says. Here the rows are only locked;
-- job_freeze writes the claim, in the same transaction.
with recursive firms as (
  (select e.firm_id from envelope e where e.state in ('queued', 'deferred') order by e.firm_id, e.due_at limit 1)
  union all
  select (select e.firm_id from envelope e
          where e.state in ('queued', 'deferred') and e.firm_id > f.firm_id
          order by e.firm_id, e.due_at limit 1)
  from firms f
  where f.firm_id is not null
), alive as materialized (
  select l.objid::bigint as number
  from pg_locks l
  where l.locktype = 'advisory' and l.classid = 1886352245 and l.objsubid = 2
    and l.database = (select d.oid from pg_database d where d.datname = current_database())
), server as materialized (
  select greatest(pg_postmaster_start_time(), s.stats_reset) as up from pg_stat_bgwriter s
), candidate as (
  select d.firm_id, d.id, d.due_at, row_number() over (partition by d.firm_id order by d.due_at, d.id) as turn
  from firms f
  cross join lateral (
    select e.firm_id, e.id, e.due_at
    from envelope e
    where e.firm_id = f.firm_id and e.state in ('queued', 'deferred') and e.due_at <= :now::timestamptz
      and (e.claimed_by is null
           or e.claimed_at <= :real::timestamptz - interval '15 minutes'
           or (e.claimed_by not in (select a.number from alive a)
               and exists (select from server s where e.claimed_at > s.up or :real > s.up + interval '30 seconds')))
    order by e.due_at, e.id
    limit :max::bigint
  ) d
  where f.firm_id is not null
), chosen as (
  select c.firm_id, c.id from candidate c order by c.turn, c.due_at, c.id limit :max
)
select e.firm_id, e.id
from envelope e
join chosen c on c.firm_id = e.firm_id and c.id = e.id
where e.state in ('queued', 'deferred') and e.due_at <= :now
  and (e.claimed_by is null
       or e.claimed_at <= :real - interval '15 minutes'
       or e.claimed_by not in (select a.number from alive a))
for update of e skip locked;

-- name: job_facts
-- All that a mail says, and in `stop` why it is not to be sent after all (pitfall P12). A document counts while
-- it is not in the trash, not with another client and, for portal people, while they see it; for staff, while it is in
-- no matter that they may not know of. What was frozen is good as long as all that it names still counts, and whoever it
-- asks to answer is still in charge: the one that would be told of what the client uploads there.
select e.firm_id, e.id, e.kind, e.to_email, e.to_name, e.attempts, e.expires_at,
       case when coalesce(coalesce(u.ids, h.ids) @> (e.frozen -> 'named'), true)
                 and coalesce(e.frozen ->> 'reply_to', '') in ('', b.email)
            then e.frozen end as frozen, b.email as in_charge,
       e.folder_id, e.document_id, e.membership_id, e.to_email_key, not f.notify_required as may_end,
       r.state = 'known' or e.kind = 'invitation' and exists (
         select from membership x
         where x.login_email_key = e.to_email_key and x.kind in ('staff', 'portal') and x.state = 'active'
       ) as known, r.has_credential, r.name as applicant, r.email as applicant_email,
       f.name as firm, f.accent_color, f.support_email, f.help_links, f.portal_url,
       case when f.portal_url is null then f.slug end as slug, z.locale, coalesce(s.created_by_name, v.actor_name) as actor,
       c.name as client, coalesce(i.nonce, t.nonce, q.nonce) as nonce,
       coalesce(i.id, t.id, q.id, n.id) as token_row, e.about, a.portals,
       local_time(case e.kind when 'access_ending' then m.ends_at when 'access_idle' then m.idle_ends_at
                  else coalesce(i.expires_at, t.expires_at, r.expires_at, n.expires_at) end, z.zone) as until,
       coalesce(o.name, d.name, wc.display_name) as item, s.access = 'view_upload' as can_upload,
       coalesce(u.documents, h.items) as documents, coalesce(u.named, h.named) as named,
       coalesce(u.count, h.count) as count, u.one_folder,
       case
         when e.kind in ('invitation', 'staff_invitation') then
           case
             when i.state is distinct from 'open' or (e.membership_id is not null and m.id is null)
               then 'the invitation is closed'
             when i.expires_at <= :now::timestamptz then 'the invitation has expired'
             when exists (select from envelope n
                          where n.firm_id = e.firm_id and n.invitation_id = e.invitation_id and n.state <> 'cancelled'
                            and (n.created_at, n.id) > (e.created_at, e.id))
               then 'a newer mail replaces it'
           end
         when e.kind = 'portal_address' then
           case
             when not exists (select from contact x
                              where x.firm_id = e.firm_id and x.id = e.contact_id and x.archived_at is null)
               then 'the contact is archived'
           end
         when e.kind in ('sign_in', 'password_reset') then
           case
             when t.state is distinct from 'open' then 'the link is not good any more'
             when t.expires_at <= :now then 'the link has expired'
           end
         when e.kind = 'address_confirmation' then
           case
             when n.state is distinct from 'open' then 'the invitation is closed'
             when n.expires_at <= :now then 'the invitation has expired'
             when n.other_email_key is distinct from e.to_email_key then 'another address was typed'
           end
         when e.kind = 'credential_changed' then null
         when e.kind = 'find_portals' then case when a.portals is null then 'there is no portal any more' end
         when e.kind = 'registration_received' then
           case
             when r.state is null or r.state not in ('unconfirmed', 'known') then 'the registration is not open any more'
             when r.expires_at <= :now then 'the registration has expired'
           end
         when m.state is distinct from 'active' then 'the access is off'
         when m.login_email_key is distinct from e.to_email_key then 'the address is another now'
         when e.kind in ('folder.shared', 'document.shared', 'items.shared', 'document.uploaded')
           and ('documents' = any(f.features_off) or 'files' = any(m.tools_off))
           then 'documents are switched off'
         when e.kind = 'access_ending' and (m.ends_at is null or m.ends_told_at is null) then 'the access does not end so'
         when e.kind = 'access_idle' and m.idle_ends_at is null then 'the access is used again'
         when e.kind in ('folder.shared', 'document.shared', 'items.shared', 'document.uploaded')
           and not wants_mail(e.firm_id, e.membership_id, e.kind) then 'the person wants no such mails'
         when e.kind = 'registration_pending' and r.state is distinct from 'pending'
           then 'the registration was handled'
         when e.kind = 'registration_pending' and not hears_of_registrations(e.firm_id, e.membership_id)
           then 'the person wants no such mails'
         when e.kind = 'document.uploaded' and coalesce(u.count, 0) = 0 then 'the documents are not there any more'
         when e.kind = 'items.shared' and h.count = 0 then 'the shares were withdrawn'
         when e.kind = 'folder.shared' and (s.id is null or not exists (
                select from portal_items(e.firm_id, e.membership_id) p
                where p.item_kind = 'folder' and p.folder_id = e.folder_id))
           then 'the share was withdrawn'
         when e.kind = 'document.shared' and (s.id is null or not exists (
                select from portal_items(e.firm_id, e.membership_id) p
                where p.item_kind = 'document' and p.document_id = e.document_id))
           then 'the share was withdrawn'
       end as stop,
       exists (select from suppression x where x.firm_id = e.firm_id and x.email_key = e.to_email_key) as suppressed
from jsonb_to_recordset(:keys::jsonb) as k (firm uuid, id uuid)
join envelope e on e.firm_id = k.firm and e.id = k.id
join firm f on f.id = e.firm_id
left join event v on v.firm_id = e.firm_id and v.id = e.event_id
left join membership m on m.firm_id = e.firm_id and m.id = e.membership_id
cross join lateral (
  select coalesce(m.locale, f.locale) as locale, coalesce(m.timezone, f.timezone) as zone
) z
left join client c on c.firm_id = e.firm_id and c.id = e.client_id
left join invitation i on i.firm_id = e.firm_id and i.id = e.invitation_id
left join mailed_token t on t.firm_id = e.firm_id and t.id = e.token_id
left join invitation n on n.firm_id = e.firm_id and n.id = e.token_id and e.kind = 'address_confirmation'
left join lateral (
  select jsonb_agg(jsonb_build_object('name', p.name, 'url', p.portal_url, 'slug', p.slug) order by p.name, p.id) as portals
  from firm p
  where exists (
    select from membership x
    where x.firm_id = p.id and x.login_email_key = e.to_email_key and x.kind in ('staff', 'portal')
      and x.state in ('active', 'pending_verification'))
) a on e.kind = 'find_portals'
left join invitation w on w.firm_id = v.firm_id and w.id = v.object_id and e.kind = 'pending_email_changed'
left join contact wc on wc.firm_id = w.firm_id and wc.id = w.contact_id
left join registration r on r.firm_id = e.firm_id and r.id = e.registration_id
left join lateral (
  select r.id, r.nonce where r.state = 'unconfirmed' and e.kind = 'registration_received'
) q on true
left join share s on s.firm_id = e.firm_id and s.id = e.share_id
left join folder o on o.firm_id = e.firm_id and o.id = e.folder_id
left join document d on d.firm_id = e.firm_id and d.id = e.document_id
left join lateral (
  select count(*) as count, count(distinct g.folder_id) = 1 as one_folder, jsonb_agg(g.id) as ids,
         jsonb_agg(g.id) filter (where g.n <= 20) as named,
         jsonb_agg(jsonb_build_object('id', g.id, 'name', g.name, 'folder', g.folder, 'folder_id', g.folder_id,
                                      'by', g.by, 'at', local_time(g.created_at, z.zone))
                   order by g.n) filter (where g.n <= 20) as documents
  from (
    select y.id, y.name, y.folder_id, w.name as folder, y.uploaded_by_name as by, y.created_at,
           row_number() over (order by y.created_at, y.id) as n
    from document y
    join folder w on w.firm_id = y.firm_id and w.id = y.folder_id
    where y.firm_id = e.firm_id and y.id = any(e.document_ids) and y.trashed_at is null and y.client_id = e.client_id
      and case when e.recipient_kind = 'staff'
            then y.matter_id is null or matter_open(e.firm_id, y.matter_id, e.membership_id)
            else exists (
              select from portal_items(e.firm_id, e.membership_id) p
              where p.item_kind = 'document' and p.document_id = y.id)
          end
  ) g
) u on e.kind = 'document.uploaded'
left join lateral (
  select count(*) as count, jsonb_agg(g.id) as ids, jsonb_agg(g.id) filter (where g.n <= 20) as named,
         jsonb_agg(jsonb_build_object('name', g.name, 'folder', g.folder, 'client', g.client, 'by', g.by)
                   order by g.n) filter (where g.n <= 20) as items
  from (
    select x.id, coalesce(y.name, w.name) as name, y.name as folder, b.name as client, x.created_by_name as by,
           row_number() over (order by x.created_at, x.id) as n
    from share x
    join client b on b.firm_id = x.firm_id and b.id = x.client_id
    left join folder y on y.firm_id = x.firm_id and y.id = x.folder_id
    left join document w on w.firm_id = x.firm_id and w.id = x.document_id
    where x.firm_id = e.firm_id and x.membership_id = e.membership_id and x.summary_id = e.id
      and wants_mail(x.firm_id, x.membership_id, case when x.folder_id is null then 'document.shared' else 'folder.shared' end)
      and case when x.folder_id is null
            then exists (
              select from portal_items(x.firm_id, x.membership_id) p
              where p.item_kind = 'document' and p.document_id = x.document_id)
            else exists (
              select from portal_items(x.firm_id, x.membership_id) p
              where p.item_kind = 'folder' and p.folder_id = x.folder_id)
          end
  ) g
) h on e.kind = 'items.shared'
left join lateral (
  select min(x.login_email) as email
  from (
    select t.membership_id as id
    from client_team t
    where t.firm_id = e.firm_id and t.client_id = e.client_id
    union
    select t.membership_id
    from matter y
    join matter_team t on t.firm_id = y.firm_id and t.matter_id = y.id
    where y.firm_id = e.firm_id and y.id = any(e.matter_ids) and y.restricted
  ) a
  join membership x on x.firm_id = e.firm_id and x.id = a.id and x.kind = 'staff' and x.state = 'active'
  where mail_told(e.firm_id, e.matter_ids, e.folder_id, e.document_ids || e.document_id, x.id)
  having count(*) = 1
) b on m.kind = 'portal' and e.kind in ('folder.shared', 'document.shared', 'items.shared', 'document.uploaded') and exists (
  select from client_contact l
  where l.firm_id = e.firm_id and l.client_id = e.client_id and l.contact_id = m.contact_id);

-- name: job_freeze
-- The claim. From here on an attempt may be under way: it is committed before the first byte goes out.
update envelope e
set claimed_by = :number::bigint, claimed_at = :real::timestamptz, coalesce_key = null, attempts = r.attempt,
    frozen = r.frozen, subject = r.subject, message_id = r.message_id, mail_date = r.mail_date,
    updated_at = :now::timestamptz
from jsonb_to_recordset(:letters::jsonb) as r (
  firm uuid, id uuid, attempt int, frozen jsonb, subject text, message_id text, mail_date timestamptz
)
where e.firm_id = r.firm and e.id = r.id;

-- name: job_stop
-- What was to be told to somebody who is locked out by now waits until that ends (pitfall P17).
with stopped as (
  update envelope e
  set state = r.state, error = r.error, claimed_by = null, claimed_at = null, coalesce_key = null,
      updated_at = :now::timestamptz
  from jsonb_to_recordset(:stops::jsonb) as r (firm uuid, id uuid, state text, error text)
  where e.firm_id = r.firm and e.id = r.id
  returning e.firm_id, e.id, e.kind, e.state, e.membership_id, e.share_id
)
update share s
set untold = true
from stopped t
join membership m on m.firm_id = t.firm_id and m.id = t.membership_id and m.state <> 'active'
where t.state = 'cancelled' and t.kind in ('folder.shared', 'document.shared', 'items.shared')
  and s.firm_id = t.firm_id and s.membership_id = t.membership_id and (s.id = t.share_id or s.summary_id = t.id);

-- name: job_record
-- What was sent is sent, also when the claim was lost meanwhile; all else is only for the claim's holder to say.
with result as (
  select *
  from jsonb_to_recordset(:results::jsonb) as r (
    firm uuid, id uuid, attempt int, state text, due timestamptz, outcome text, code int, response text,
    suppress boolean, at timestamptz, body_text text, body_html text
  )
), done as (
  update envelope e
  set state = r.state, due_at = coalesce(r.due, e.due_at), claimed_by = null, claimed_at = null,
      error = case when r.state <> 'sent' then r.response end,
      sent_at = case when r.state = 'sent' then r.at end, updated_at = r.at
  from result r
  where e.firm_id = r.firm and e.id = r.id and e.state in ('queued', 'deferred')
    and (e.claimed_by = :number::bigint or r.state = 'sent')
  returning e.firm_id, e.id, e.client_id, e.to_email, e.to_email_key, e.subject
), delivered as (
  insert into delivery (firm_id, id, envelope_id, attempt, outcome, smtp_code, response, at)
  select r.firm, new_id(r.at), r.id, r.attempt, r.outcome, r.code, r.response, r.at
  from result r
  join envelope e on e.firm_id = r.firm and e.id = r.id
  on conflict (firm_id, envelope_id, attempt) do nothing
), bounced as (
  insert into event (firm_id, id, type, object_type, object_id, client_id, actor_type, actor_name, occurred_at)
  select d.firm_id, new_id(r.at), 'email.bounced', 'email', d.id, d.client_id, 'system', '', r.at
  from done d
  join result r on r.firm = d.firm_id and r.id = d.id
  where r.state = 'bounced'
), suppressed as (
  insert into suppression (firm_id, email_key, reason, created_at)
  select distinct on (d.firm_id, d.to_email_key) d.firm_id, d.to_email_key, r.response, r.at
  from done d
  join result r on r.firm = d.firm_id and r.id = d.id
  where r.suppress
  on conflict (firm_id, email_key) do nothing
)
insert into test_mail (firm_id, id, envelope_id, to_email, subject, body_text, body_html, created_at)
select d.firm_id, new_id(r.at), d.id, d.to_email, coalesce(d.subject, ''), r.body_text, r.body_html, r.at
from done d
join result r on r.firm = d.firm_id and r.id = d.id
where r.state = 'sent' and r.body_text is not null;

-- name: job_postpone
-- One that cannot even be looked at must not hold up the others.
update envelope e
set due_at = :due::timestamptz, error = :error::text, coalesce_key = null, updated_at = :now::timestamptz
where e.firm_id = :firm::uuid and e.id = :id::uuid and e.state in ('queued', 'deferred');
