-- db.sql - what the database layer itself says to the server.

-- name: db_begin
begin

-- name: db_commit
commit

-- name: db_rollback
rollback

-- name: db_xid
-- Travels behind each statement of a writing unit until there is one, so that it is known before COMMIT is sent;
-- and with it where the newest checkpoint stands in the log.
select x.xid::text, case when x.xid is not null then (pg_control_checkpoint()).checkpoint_lsn end as checkpoint
  from (select pg_current_xact_id_if_assigned() as xid) x

-- name: db_outcome
-- What became of a transaction whose COMMIT was not answered. A server that crashed may give its number out again,
-- when it was lost with the unflushed end of the log: `committed` may then be another's. Recovery never ends
-- without a checkpoint, so where the newest one is still that of then, nothing has crashed.
select case when s.status = 'committed' and (pg_control_checkpoint()).checkpoint_lsn <> :checkpoint::pg_lsn
            then 'unknown'
            else s.status
       end as outcome
  from (select pg_xact_status(:xid::text::xid8) as status) s

-- name: db_patient
-- A migration may take its time.
select set_config('statement_timeout', '0', false), set_config('lock_timeout', '60s', false),
       set_config('idle_in_transaction_session_timeout', '0', false)
