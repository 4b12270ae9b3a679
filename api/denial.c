/* denial.c - what was refused, on record in a transaction of its own. */
#include "denial.h"

#include "routes.h"
#include "setting.h"
#include "sql_denial.h"

/* A unit that claims the firm. Its failure is none of the request's. */
static void unit_apart(struct rq *rq, const struct id *firm, struct db *db)
{
	struct err *err = arena_new(rq->arena, struct err);

	db_end(&rq->db); /* never hold two connections */
	err_init(err, rq->arena);
	db_init(db, this_worker.pool, rq->arena, err, true);
	db_bind(db, "now", arg_time(rq->arena, rq->now));
	db_bind(db, "firm", arg_id(rq->arena, firm));
	db_prelude(db, &sql_denial_claim, NULL, NULL);
}

static may_wait void unit_close(struct rq *rq, struct db *db, int result)
{
	if (result == 0)
		result = db_commit(db);
	db_end(db);
	if (result < 0 && rq->err.internal == NULL)
		rq->err.internal =
			arena_printf(rq->arena, "a denial is not on record: %s",
		                     db->err->internal != NULL ? db->err->internal : "unavailable");
}

/* What the path names first, when it is a kind of thing that the log can show. */
static const char *object_type(struct rq *rq)
{
	const char *name = route_id_name(rq->arena, rq->route, 0);
	const char *type =
		name == NULL ? NULL : arena_strndup(rq->arena, name, strlen(name) - strlen("_id"));

	return type != NULL && field_ref_prefix(type) != NULL ? type : NULL;
}

static const struct id *client_named(struct rq *rq)
{
	const char *name;

	for (unsigned i = 0; (name = route_id_name(rq->arena, rq->route, i)) != NULL; i++)
		if (strcmp(name, "client_id") == 0)
			return &rq->ids[i];
	return &id_none;
}

/* {"code": …, "required": …}: words of ours, nothing that was sent. */
static const char *detail(struct rq *rq)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, rq->arena, 1024);
	json_start(&w, &b);
	json_open(&w, '{');
	json_key(&w, "code");
	json_put_text(&w, problem_code(rq->err.problem));
	if (rq->err.required != NULL) {
		json_key(&w, "required");
		json_put_text(&w, rq->err.required);
	}
	json_close(&w, '}');
	return b.data;
}

static may_wait void write_denial(struct rq *rq, const struct stmt *stmt)
{
	struct arena *a = rq->arena;
	const char *type = object_type(rq);
	struct id id = id_new();
	struct db db;

	unit_apart(rq, &rq->who.firm, &db);
	unit_close(
		rq, &db,
		db_query(&db, stmt,
	                 ARGS({"id", arg_id(a, &id)}, {"me", arg_id(a, &rq->who.membership)},
	                      {"session", arg_id(a, &rq->who.session)},
	                      {"token_hash", arg_sha256(a, rq->token)},
	                      {"action", arena_printf(a, "%s %s", rq->in->method, rq->route->path)},
	                      {"object_type", type},
	                      {"object", type == NULL ? NULL : arg_id(a, &rq->ids[0])},
	                      {"client", arg_id(a, client_named(rq))}, {"ip", rq->addr},
	                      {"request_id", rq->request_id}, {"detail", detail(rq)}),
	                 NULL));
}

/* Which statement puts this on record; NULL: it is no denial. */
static const struct stmt *statement_for(const struct rq *rq)
{
	enum problem p = rq->err.problem;

	if (rq->route == NULL || rq->token == NULL || id_is_none(&rq->who.firm) ||
	    id_is_none(&rq->who.session))
		return NULL;
	if (p == PROBLEM_unauthenticated)
		return rq->by_key ? &sql_denial_write_dead_key : &sql_denial_write_ended;
	if (p == PROBLEM_origin_not_allowed)
		return &sql_denial_write_unproven;
	return problem_status(p) == 403 || p == PROBLEM_last_owner ? &sql_denial_write : NULL;
}

void denial_note(struct rq *rq)
{
	const struct stmt *stmt = statement_for(rq);

	if (stmt != NULL)
		write_denial(rq, stmt);
}

void denial_attempt(struct rq *rq, const struct id *firm, const struct audit_entry *entry)
{
	const struct actor nobody = {.type = "system", .id = id_none, .name = "Portico"};
	struct db db;

	unit_apart(rq, firm, &db);
	unit_close(rq, &db, audit_write(&db, &nobody, entry, rq->now));
}
