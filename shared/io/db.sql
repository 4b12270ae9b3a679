-- db.sql - what the database layer itself says to the server.

-- name: db_begin
begin

-- name: db_commit
commit

-- name: db_rollback
rollback

-- name: db_xid
-- Travels behind each statement of a writing unit until there is one, so that it is known before COMMIT is sent.
-- When the transaction began is told by the server's clock, to be compared with that clock alone (lint:NOW).
select pg_current_xact_id_if_assigned()::text as xid, extract(epoch from transaction_timestamp()) as begun

-- name: db_outcome
-- What became of a transaction whose COMMIT was not answered, and which began at `begun`.
-- A server that crashed may give the number out again when it was lost with the unflushed end of the
-- log, and the answer would then be another's. It is ours when the newest checkpoint knows the number, or
-- is older than the transaction (its time is in whole seconds): crash recovery always ends with a checkpoint.
select case when split_part(c.next_xid, ':', 1)::bigint * 4294967296
                 + split_part(c.next_xid, ':', 2)::bigint > :xid::text::bigint
              or c.checkpoint_time < to_timestamp(:begun::float8 - 1)
            then pg_xact_status(:xid::text::xid8)
       end as outcome
  from pg_control_checkpoint() c

-- name: db_patient
-- A migration may take its time.
select set_config('statement_timeout', '0', false), set_config('lock_timeout', '60s', false),
       set_config('idle_in_transaction_session_timeout', '0', false)
