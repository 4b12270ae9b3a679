/* audit.c - one row for each act, in the transaction of the act. */
#include "audit.h"

#include "sql_audit.h"

int audit_write(struct db *db, const struct actor *by, const struct audit_entry *entry, int64_t now)
{
	struct id id = id_new();
	struct arena *a = db->arena;

	return db_query(
		db, &sql_audit_write,
		ARGS({"id", arg_id(a, &id)}, {"now", arg_time(a, now)}, {"actor_type", by->type},
	             {"actor", arg_id(a, &by->id)}, {"actor_name", by->name},
	             {"action", entry->action}, {"object_type", entry->object_type},
	             {"object", arg_id(a, &entry->object)}, {"client", arg_id(a, &entry->client)},
	             {"outcome", entry->outcome ? entry->outcome : "ok"}, {"ip", entry->ip},
	             {"request_id", entry->request_id},
	             {"detail", entry->detail ? entry->detail : "{}"}),
		NULL);
}
