/* ops.c - what operators and tools ask of the service itself.
 *
 * GET /healthz   GET /readyz   GET /openapi.json   GET /problems/{code}   GET /v1/meta
 */
#include "blob.h"
#include "problem_page.h"
#include "reply.h"
#include "res.h"
#include "setting.h"
#include "sql_ops.h"

/* The process answers: nothing else is asked. */
int ops_health(struct rq *rq)
{
	static const char json[] = "{\"status\":\"pass\",\"checks\":{}}";

	return reply_json(rq, 200, json, sizeof(json) - 1);
}

/* Can a request be served right now: database reachable, store writable? */
int ops_ready(struct rq *rq)
{
	static const char json[] =
		"{\"status\":\"pass\",\"checks\":{\"database\":\"pass\",\"storage\":\"pass\"}}";
	const char *failed = NULL;

	if (db_query(&rq->db, &sql_ops_ping, NULL, NULL) < 0)
		failed = "database";
	else if (blob_probe() < 0)
		failed = "storage";
	if (failed == NULL)
		return reply_json(rq, 200, json, sizeof(json) - 1);
	err_clear(&rq->err);
	rq->err.retry_after_s = 1;
	return err_set(&rq->err, PROBLEM_not_ready, "Not there: %s.", failed);
}

int ops_openapi(struct rq *rq)
{
	if (this_worker.openapi == NULL)
		return err_set(&rq->err, PROBLEM_not_found, "The contract is not installed.");
	return reply_json(rq, 200, this_worker.openapi, this_worker.openapi_len);
}

/* What the type of a problem leads to. */
int ops_problem(struct rq *rq)
{
	const char *page = problem_page(rq->arena, problem_find(rq_segment(rq, "code")));

	if (page == NULL)
		return err_set(&rq->err, PROBLEM_not_found, "There is no problem of this code.");
	reply_header(rq, "cache-control", "public, max-age=3600");
	reply_header(rq, "content-security-policy",
	             "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; "
	             "frame-ancestors 'none'; base-uri 'none'");
	return reply_text(rq, "text/html; charset=utf-8", page, strlen(page));
}

struct meta {
	const char *product, *version, *api_version, *docs_url;
	int64_t server_time, max_upload_bytes, max_single_request_bytes;
	bool test_mode;
};

static const struct field meta_fields[] = {
	F_TEXT(meta, product, 0, 0, 0),
	F_TEXT(meta, version, 0, 0, 0),
	F_TEXT(meta, api_version, 0, 0, 0),
	F_TIME(meta, server_time, 0),
	F_INT(meta, max_upload_bytes, 0, 0, 0),
	F_INT(meta, max_single_request_bytes, 0, 0, 0),
	F_BOOL(meta, test_mode, 0),
	F_TEXT(meta, docs_url, 0, 0, 0),
	FIELD_END,
};

static const struct entity meta_entity = {"meta", NULL, sizeof(struct meta), meta_fields};

int ops_meta(struct rq *rq)
{
	struct meta meta = {
		.product = "Portico",
		.version = PORTICO_VERSION,
		.api_version = "v1",
		.server_time = rq->now,
		.max_upload_bytes = this_worker.conf.max_upload_bytes,
		.max_single_request_bytes = this_worker.conf.max_upload_bytes,
		.test_mode = this_worker.conf.test_mode,
		.docs_url = arena_printf(rq->arena, "%s/docs", this_worker.conf.public_url),
	};

	return reply_one(rq, &meta_entity, &meta, 0);
}
