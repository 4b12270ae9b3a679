-- name: outbox_event
insert into event (firm_id, id, type, object_type, object_id, client_id, actor_type, actor_id, actor_name,
                   deleted, changed_fields, data, occurred_at)
values (:firm::uuid, :id::uuid, :type::text, :object_type::text, :object::uuid, :client::uuid,
        :actor_type::text, :actor::uuid, coalesce(:actor_name::text, ''), :deleted::boolean,
        array(select jsonb_array_elements_text(coalesce(:changed::jsonb, '[]'))),
        matter_note(:firm, :object_type, :object), :now::timestamptz);

-- name: outbox_mail_invitation
-- A mail is given up after four days (RFC 5321 4.5.4.1), an invitation's also when it can no longer be accepted.
insert into envelope (firm_id, id, event_id, kind, recipient_kind, membership_id, contact_id, client_id,
                      invitation_id, to_email, to_email_key, to_name, due_at, expires_at, created_at, updated_at)
select i.firm_id, :id::uuid, :event::uuid,
       case i.audience when 'staff' then 'staff_invitation' else 'invitation' end,
       i.audience, i.membership_id, i.contact_id, i.client_id, i.id, i.email, i.email_key,
       coalesce(m.display_name, ''), :now::timestamptz,
       least(:now + interval '4 days', i.expires_at), :now, :now
from invitation i
left join membership m on m.firm_id = i.firm_id and m.id = i.membership_id
where i.firm_id = :firm::uuid and i.id = :invitation::uuid and i.state = 'open'
returning id;

-- name: outbox_mail_registration_received
-- Without the name that was typed: a stranger gets no words of a stranger from us. And where the address is known, to
-- the one that is stored, never to the one that was typed (pitfall P7).
insert into envelope (firm_id, id, event_id, kind, recipient_kind, registration_id, to_email, to_email_key, due_at,
                      expires_at, created_at, updated_at)
select r.firm_id, new_id(:now::timestamptz), :event::uuid, 'registration_received', 'address', r.id,
       coalesce(m.login_email, g.email, r.email), r.email_key, :now, least(:now + interval '4 days', r.expires_at),
       :now, :now
from registration r
left join membership m on m.firm_id = r.firm_id and m.kind = 'portal' and m.login_email_key = r.email_key
left join lateral identity_find(r.email_key) n on true
left join lateral identity_get(n.id) g on true
where r.firm_id = :firm::uuid and r.id = :registration::uuid;

-- name: outbox_mail_registration_pending
insert into envelope (firm_id, id, event_id, kind, recipient_kind, membership_id, registration_id, to_email,
                      to_email_key, to_name, due_at, expires_at, created_at, updated_at)
select m.firm_id, new_id(:now::timestamptz), :event::uuid, 'registration_pending', 'staff', m.id,
       :registration::uuid, m.login_email, m.login_email_key, m.display_name, :now, :now + interval '4 days', :now, :now
from membership m
where m.firm_id = :firm::uuid and m.kind = 'staff' and m.state = 'active' and hears_of_registrations(m.firm_id, m.id)
order by m.id;

-- name: outbox_mail_registration_verified
insert into envelope (firm_id, id, event_id, kind, recipient_kind, membership_id, contact_id, registration_id,
                      to_email, to_email_key, to_name, due_at, expires_at, created_at, updated_at)
select m.firm_id, new_id(:now::timestamptz), :event::uuid, 'registration_verified', m.kind, m.id, m.contact_id,
       r.id, m.login_email, m.login_email_key, m.display_name, :now, :now + interval '4 days', :now, :now
from registration r
join membership m on m.firm_id = r.firm_id and m.id = r.membership_id
where r.firm_id = :firm::uuid and r.id = :registration::uuid;

-- name: outbox_mail_pending_email
-- The contact's name comes from the event's invitation: the mail is one to the staff.
with team as (
  select distinct m.id
  from client_contact cc
  join client_team t on t.firm_id = cc.firm_id and t.client_id = cc.client_id
  join membership m on m.firm_id = t.firm_id and m.id = t.membership_id and m.state = 'active'
  where cc.firm_id = :firm::uuid and cc.contact_id = :contact::uuid
), recipient as (
  select id from team
  union all
  select m.id from membership m
  where m.firm_id = :firm and m.kind = 'staff' and m.role in ('owner', 'admin') and m.state = 'active'
    and not exists (select from team)
)
insert into envelope (firm_id, id, event_id, kind, recipient_kind, membership_id, to_email, to_email_key, to_name, due_at,
                      expires_at, created_at, updated_at)
select m.firm_id, new_id(:now::timestamptz), :event::uuid, 'pending_email_changed', 'staff', m.id, m.login_email,
       m.login_email_key, m.display_name, :now, :now + interval '4 days', :now, :now
from recipient r
join membership m on m.firm_id = :firm and m.id = r.id
order by m.id;

-- name: outbox_mail_share
-- Whoever is not active is told later (outbox_mail_untold). Locked, so that nobody becomes active in between and then is
-- told neither now nor later.
with person as (
  select m.firm_id, m.id, m.kind, m.contact_id, m.state, m.login_email, m.login_email_key, m.display_name
  from membership m
  where m.firm_id = :firm::uuid and m.id in (
    select s.membership_id from share s
    where s.firm_id = :firm and s.id in (select jsonb_array_elements_text(:shares::jsonb)::uuid))
  order by m.id
  for share
), later as (
  update share s set untold = true
  from person m
  where s.firm_id = :firm and s.id in (select jsonb_array_elements_text(:shares)::uuid) and s.membership_id = m.id
    and m.state <> 'active'
)
insert into envelope (firm_id, id, event_id, kind, recipient_kind, membership_id, contact_id, client_id, folder_id,
                      document_id, share_id, matter_ids, to_email, to_email_key, to_name, due_at, expires_at, created_at,
                      updated_at)
select distinct on (m.login_email_key)
       s.firm_id, new_id(:now::timestamptz), :event::uuid,
       case when s.folder_id is null then 'document.shared' else 'folder.shared' end,
       m.kind, m.id, m.contact_id, s.client_id, s.folder_id, s.document_id, s.id,
       array_remove(array[object_matter(s.firm_id, 'share', s.id)], null), m.login_email, m.login_email_key,
       m.display_name, :now, :now + interval '4 days', :now, :now
from share s
join person m on m.firm_id = s.firm_id and m.id = s.membership_id
where s.firm_id = :firm
  and s.id in (select jsonb_array_elements_text(:shares)::uuid)
  and m.state = 'active'
  and wants_mail(m.firm_id, m.id, case when s.folder_id is null then 'document.shared' else 'folder.shared' end)
order by m.login_email_key, s.id;

-- name: outbox_mail_hold
-- The person's notices of shares that wait, kept from the mailer until the commit. Ahead of outbox_mail_untold and in a
-- statement of its own: a mail that is being given up is given up, with its marks, before that one looks for them.
select count(*) as held
from (
  select e.id
  from envelope e
  where e.firm_id = :firm::uuid and e.membership_id = :membership::uuid and e.state in ('queued', 'deferred')
    and e.kind in ('folder.shared', 'document.shared', 'items.shared')
  order by e.id
  for update
) h;

-- name: outbox_mail_untold
-- One thing is told as it would have been at once, several in one mail; all of it just once, and what is not to be
-- told now is not told later either.
with waiting as (
  select s.id, s.client_id, s.folder_id, s.document_id, k.kind,
         wants_mail(s.firm_id, s.membership_id, k.kind) and case when s.folder_id is null
           then exists (
             select from portal_items(s.firm_id, s.membership_id) p
             where p.item_kind = 'document' and p.document_id = s.document_id)
           else exists (
             select from portal_items(s.firm_id, s.membership_id) p
             where p.item_kind = 'folder' and p.folder_id = s.folder_id)
         end as told
  from share s
  cross join lateral (
    select case when s.folder_id is null then 'document.shared' else 'folder.shared' end as kind
  ) k
  where s.firm_id = :firm::uuid and s.membership_id = :membership::uuid and s.untold
), letter as (
  select case when count(*) = 1 then min(w.kind) else 'items.shared' end as kind,
         case when count(distinct w.client_id) = 1 then (array_agg(w.client_id))[1] end as client_id,
         case when count(*) = 1 then (array_agg(w.id))[1] end as share_id,
         case when count(*) = 1 then (array_agg(w.folder_id))[1] end as folder_id,
         case when count(*) = 1 then (array_agg(w.document_id))[1] end as document_id,
         array_remove(array_agg(distinct object_matter(:firm, 'share', w.id)), null) as matter_ids
  from waiting w
  where w.told
  having count(*) > 0
), written as (
  insert into envelope (firm_id, id, event_id, kind, recipient_kind, membership_id, contact_id, client_id, folder_id,
                        document_id, share_id, matter_ids, to_email, to_email_key, to_name, due_at, expires_at,
                        created_at, updated_at)
  select m.firm_id, new_id(:now::timestamptz), :event::uuid, l.kind, m.kind, m.id, m.contact_id, l.client_id, l.folder_id,
         l.document_id, l.share_id, l.matter_ids, m.login_email, m.login_email_key, m.display_name, :now,
         :now + interval '4 days', :now, :now
  from letter l
  join membership m on m.firm_id = :firm and m.id = :membership
  where l.kind <> 'items.shared' or wants_mail(m.firm_id, m.id, l.kind)
  returning id, kind
)
update share s
set untold = false, summary_id = (select r.id from written r where w.told and r.kind = 'items.shared')
from waiting w
where s.firm_id = :firm and s.id = w.id;

-- name: outbox_mail_upload
-- The envelopes are written in the order of their keys, so that two uploads at once wait and never deadlock. Of the
-- staff nobody hears of what belongs to a matter that he or she may not know of (pitfall P22); a restricted matter's
-- own team is assigned to what its clients send for it.
with doc as (
  select d.firm_id, d.id, d.client_id, d.folder_id, d.internal, d.matter_id, f.path
  from document d
  join folder f on f.firm_id = d.firm_id and f.id = d.folder_id
  where d.firm_id = :firm::uuid and d.id = :document::uuid
), contacts as (
  select m.id
  from doc d
  join client c on c.firm_id = d.firm_id and c.id = d.client_id and c.status = 'active'
  join share s on s.firm_id = d.firm_id and s.folder_id = any(d.path) and s.client_id = d.client_id
  join membership m on m.firm_id = s.firm_id and m.id = s.membership_id and m.state = 'active'
  where not d.internal and (d.matter_id is null or exists (
          select from share o
          where o.firm_id = s.firm_id and o.membership_id = s.membership_id and o.matter_id = d.matter_id))
), assigned as (
  select t.membership_id as id
  from doc d
  join client_team t on t.firm_id = d.firm_id and t.client_id = d.client_id
  union
  select t.membership_id
  from doc d
  join matter x on x.firm_id = d.firm_id and x.id = d.matter_id and x.restricted
  join matter_team t on t.firm_id = x.firm_id and t.matter_id = x.id
), team as (
  select m.id
  from doc d
  cross join assigned a
  join membership m on m.firm_id = d.firm_id and m.id = a.id and m.state = 'active'
  where :by_client::boolean and (d.matter_id is null or matter_open(d.firm_id, d.matter_id, m.id))
), fallback as (
  select m.id
  from doc d
  join firm f on f.id = d.firm_id and f.unassigned_fallback = 'admins'
  join membership m on m.firm_id = f.id and m.kind = 'staff' and m.role in ('owner', 'admin') and m.state = 'active'
  where :by_client and not exists (select from team) and (d.matter_id is null or matter_open(d.firm_id, d.matter_id, m.id))
), recipient as (
  select distinct on (m.login_email_key) m.*
  from (select id from contacts union select id from team union select id from fallback) r
  join membership m on m.firm_id = :firm and m.id = r.id
  where not exists (select from membership a
                    where a.firm_id = :firm and a.id = :actor::uuid and a.login_email_key = m.login_email_key)
    and wants_mail(m.firm_id, m.id, 'document.uploaded')
  order by m.login_email_key, m.kind desc
), written as (
  insert into envelope as e (firm_id, id, event_id, kind, recipient_kind, membership_id, contact_id, client_id,
                             folder_id, document_id, document_ids, matter_ids, to_email, to_email_key, to_name, coalesce_key,
                             due_at, expires_at, created_at, updated_at)
  select r.firm_id, new_id(:now::timestamptz), :event::uuid, 'document.uploaded', r.kind, r.id, r.contact_id,
         d.client_id, d.folder_id, d.id, array[d.id], array_remove(array[d.matter_id], null), r.login_email, r.login_email_key, r.display_name,
         case when f.mail_coalesce_seconds > 0 then r.id || ':' || d.client_id end,
         :now + f.mail_coalesce_seconds * interval '1 second', :now + interval '4 days', :now, :now
  from doc d
  join firm f on f.id = d.firm_id
  cross join recipient r
  order by r.id
  on conflict (firm_id, coalesce_key) do update
  set document_ids = e.document_ids || excluded.document_ids, matter_ids = e.matter_ids || excluded.matter_ids,
      due_at = least(excluded.due_at, e.created_at + interval '15 minutes'),
      updated_at = excluded.updated_at
  returning e.id
)
select d.client_id, (select count(*) from team) as assigned, (select count(*) from written) as written
from doc d;

-- name: outbox_mail_token
-- A link that cannot be used any more is not worth a mail.
insert into envelope (firm_id, id, kind, recipient_kind, membership_id, contact_id, token_id, to_email, to_email_key,
                      to_name, due_at, expires_at, created_at, updated_at)
select t.firm_id, new_id(:now::timestamptz), t.kind, m.kind, m.id, m.contact_id, t.id, m.login_email,
       m.login_email_key, m.display_name, :now, t.expires_at, :now, :now
from mailed_token t
join membership m on m.firm_id = t.firm_id and m.id = t.membership_id
where t.firm_id = :firm::uuid and t.id = :token::uuid and t.state = 'open';

-- name: outbox_mail_address
-- No mail of the invitation's own: what becomes of it is not what became of the invitation. Where the address is known,
-- to the one that is stored, never to the one that was typed (pitfall P7).
insert into envelope (firm_id, id, kind, recipient_kind, contact_id, client_id, token_id, to_email, to_email_key,
                      due_at, expires_at, created_at, updated_at)
select i.firm_id, new_id(:now::timestamptz), 'address_confirmation', 'address', i.contact_id, i.client_id, i.id,
       coalesce(g.email, i.other_email), i.other_email_key, :now, least(:now + interval '4 days', i.expires_at), :now, :now
from invitation i
left join lateral identity_find(i.other_email_key) n on true
left join lateral identity_get(n.id) g on true
where i.firm_id = :firm::uuid and i.id = :invitation::uuid and i.state = 'open' and i.other_email is not null;

-- name: outbox_mail_person
insert into envelope (firm_id, id, kind, recipient_kind, membership_id, contact_id, about, to_email, to_email_key,
                      to_name, due_at, expires_at, created_at, updated_at)
select m.firm_id, new_id(:now::timestamptz), :kind::text, m.kind, m.id, m.contact_id, :about::text, m.login_email,
       m.login_email_key, m.display_name, :now, :now + interval '4 days', :now, :now
from membership m
where m.firm_id = :firm::uuid and m.id = :membership::uuid and m.kind in ('staff', 'portal');
