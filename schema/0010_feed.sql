-- 0010_feed.sql - how much of a firm's events is kept, so that a reader who comes too late is told and never skips.

set role portico_owner;

-- Events up to this number have been removed.
alter table sequencer add column event_pruned bigint not null default 0;

create policy sequencer_janitor on sequencer to portico_janitor using (true);
grant select (firm_id, event_sequence, event_pruned), update (event_pruned) on sequencer to portico_janitor;

reset role;
