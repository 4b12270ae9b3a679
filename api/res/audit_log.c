/* audit_log.c - who did what, or tried to, and who has opened a document.
 *
 * GET /v1/audit_log   GET /v1/documents/{document_id}/views
 */
#include "audit_log.h"

#include "reply.h"
#include "res.h"
#include "sql_audit_log.h"

enum { PREFIX_LEN = 3 };

/* An id of any kind: the log tells of everything. */
static int read_any_id(struct rq *rq, const char *name, struct id *id_r)
{
	const char *text = rq_param(rq, name);
	char prefix[PREFIX_LEN + 1] = {0};

	*id_r = id_none;
	if (text == NULL)
		return 0;
	memcpy(prefix, text, strnlen(text, PREFIX_LEN));
	if (id_parse(text, prefix, id_r) == 0)
		return 0;
	return err_fault(&rq->err, arena_printf(rq->arena, "?%s", name), "invalid_id",
	                 "An id is needed.");
}

/* The time between `from` and `to`, which is left out. */
static int read_span(struct rq *rq, int64_t *from_r, int64_t *to_r)
{
	TRY(rq_param_time(rq, "from", from_r));
	TRY(rq_param_time(rq, "to", to_r));
	if (*from_r != TIME_NULL && *to_r != TIME_NULL && *to_r < *from_r)
		return err_fault(&rq->err, "?to", "out_of_range", "It is before from.");
	return 0;
}

int audit_log_list(struct rq *rq)
{
	const struct stmt *stmt = &sql_audit_log_list;
	struct id actor, object;
	const char *outcome;
	int64_t from, to;

	TRY(read_any_id(rq, "actor_id", &actor));
	TRY(read_any_id(rq, "object_id", &object));
	TRY(rq_param_enum(rq, "outcome", audit_outcomes, &outcome));
	TRY(read_span(rq, &from, &to));
	if (!id_is_none(&object))
		stmt = &sql_audit_log_list_of_object;
	else if (!id_is_none(&actor))
		stmt = &sql_audit_log_list_of_actor;
	return reply_list(rq, &audit_log_entity, stmt,
	                  ARGS({"actor_id", arg_id(rq->arena, &actor)},
	                       {"object_id", arg_id(rq->arena, &object)},
	                       {"action", rq_param(rq, "action")}, {"outcome", outcome},
	                       {"from", arg_time(rq->arena, from)},
	                       {"to", arg_time(rq->arena, to)}));
}

/* Also of a document in the trash. All on one page: a client's contacts and the firm's staff. */
int document_views(struct rq *rq)
{
	struct rows rows;

	TRY(change_one(rq, &sql_audit_log_document, NULL));
	TRY(db_query(&rq->db, &sql_audit_log_views, NULL, &rows));
	return reply_rows(rq, 200, &document_view_entity, &rows);
}
