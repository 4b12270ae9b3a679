-- name: ops_ready
select migrations_missing(:migrations::text[]) = '{}' as complete, c.oldest_due_at from installation_counts() c

-- name: ops_counts
select c.events_unpublished, c.queued, c.deferred, c.bounced, c.failed, c.suppressed, c.oldest_due_at
from installation_counts() c
