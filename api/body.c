/* body.c - what handlers read and find: the JSON body, one row, the version that If-Match names. */
#include "auth.h"
#include "reply.h"
#include "routes.h"
#include "setting.h"

int body_read(struct rq *rq, const struct field *fields, unsigned how, void *entity,
              uint64_t *sent_r)
{
	const struct json *body;

	if (rq->in->body_len == 0)
		return err_set(&rq->err, PROBLEM_malformed_request, "A JSON body is needed.");
	TRY(json_parse(rq->arena, rq->in->body, rq->in->body_len, &body, &rq->err));
	if (how == FIELD_PATCH && json_type(body) == JSON_OBJECT && json_count(body) == 0)
		return err_fault(&rq->err, "", "required", "Name at least one member to change.");
	return field_read(fields, body, how, entity, sent_r, rq->arena, &rq->err);
}

int body_read_judged(struct rq *rq, const struct entity *kind, unsigned how, void *entity,
                     uint64_t *sent_r, int (*judge)(struct rq *rq, const void *entity))
{
	if (body_read(rq, kind->fields, how, entity, sent_r) < 0 &&
	    rq->err.problem != PROBLEM_validation_failed)
		return -1;
	TRY(judge(rq, entity));
	return rq->err.problem == PROBLEM_NONE ? 0 : -1;
}

int look(struct rq *rq, const struct stmt *claim, const struct stmt *stmt, const struct arg *args,
         struct rows *rows_r)
{
	struct db db;
	int result;

	db_init(&db, this_worker.pool, rq->arena, &rq->err, false);
	db_bind(&db, "now", arg_time(rq->arena, rq->now));
	if (claim != NULL)
		db_prelude(&db, claim, args, NULL);
	result = db_query(&db, stmt, args, rows_r);
	db_end(&db);
	return result;
}

int find_one(struct rq *rq, const struct stmt *stmt, const struct arg *args,
             const struct entity *kind, void *entity)
{
	struct rows rows;

	TRY(db_query(&rq->db, stmt, args, &rows));
	if (rows.n == 0)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	row_read(&rows, 0, kind->fields, entity, rq->arena);
	return 0;
}

int reference_free(struct rq *rq, const struct stmt *stmt, const struct entity *kind,
                   const char *reference, struct id own)
{
	char text[ID_TEXT_SIZE];
	struct rows rows;
	struct id holder;

	if (reference == NULL)
		return 0;
	TRY(db_query(&rq->db, stmt, ARGS({"external_ref", reference}), &rows));
	if (rows.n == 0)
		return 0;
	holder = row_id(&rows, 0, "id");
	if (id_equal(&holder, &own))
		return 0;
	err_set(&rq->err, PROBLEM_external_ref_exists, "Another %s has this reference.",
	        kind->type);
	if (id_is_none(&holder))
		return err_fault(&rq->err, "/external_ref", "taken", "Another %s has it.",
		                 kind->type);
	id_format(&holder, kind->prefix, text);
	rq->err.existing_id = arena_strdup(rq->arena, text);
	return err_fault(&rq->err, "/external_ref", "taken", "Another %s has it: %s.", kind->type,
	                 text);
}

int change_one(struct rq *rq, const struct stmt *stmt, const struct arg *args)
{
	struct rows rows;

	TRY(db_query(&rq->db, stmt, args, &rows));
	if (rows.n == 0)
		return err_set(&rq->err, PROBLEM_not_found, "There is nothing here for you.");
	return 0;
}

int match_version(struct rq *rq, int64_t version)
{
	const char *wanted = rq_header(rq, "if-match");
	const char *etag = arena_printf(rq->arena, "\"%lld\"", (long long)version);

	if (wanted == NULL || strcmp(wanted, "*") == 0 || strstr(wanted, etag) != NULL)
		return 0;
	reply_header(rq, "etag", etag);
	return err_set(&rq->err, PROBLEM_version_changed,
	               "It has been changed since; read it again and decide anew.");
}

struct actor rq_actor(const struct rq *rq)
{
	if (!rq->who.known)
		return (struct actor){.type = "system", .id = id_none, .name = "Portico"};
	return (struct actor){
		.type = rq->who.audience, .id = rq->who.membership, .name = rq->who.name};
}

int refuse_until(struct rq *rq, enum problem problem, int64_t until, const char *text)
{
	rq->err.retry_after_s = until > rq->now ? (int)((until - rq->now + 999) / 1000) : 1;
	return err_set(&rq->err, problem, "%s", text);
}

int refuse_once(struct rq *rq, const char *text)
{
	rq->err.retry_after_s = 1;
	return err_set(&rq->err, PROBLEM_unavailable, "%s Send it once more.", text);
}

bool rq_may(const struct rq *rq, const char *permission)
{
	for (size_t i = 0; i < rq->who.permissions.n; i++)
		if (strcmp(rq->who.permissions.v[i], permission) == 0)
			return true;
	return false;
}

int rq_need(struct rq *rq, const char *permission)
{
	TRY(auth_known(rq));
	if (rq_may(rq, permission))
		return 0;
	rq->err.required = permission;
	return err_set(&rq->err,
	               rq->by_key ? PROBLEM_insufficient_scope : PROBLEM_permission_denied,
	               "This needs %s, too.", permission);
}
