/* ops.c - what operators and tools ask of the service itself.
 *
 * GET /healthz   GET /readyz   GET /metrics   GET /openapi.json
 * GET /problems/{code}   GET /v1/meta
 */
#include "blob.h"
#include "metrics.h"
#include "migrations.h"
#include "problem_page.h"
#include "redis.h"
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

/* ---- readiness ---- */

/* What is looked at; each check is "pass", "warn" (it works, but not for long or not all) or
 * "fail". */
enum check { DATABASE, MIGRATIONS, STORAGE, DISK, REDIS, MAIL_QUEUE, CHECKS };
static const char *const check_names[] = {"database", "migrations", "storage",
                                          "disk",     "redis",      "mail_queue"};

enum {
	DISK_WARN_BYTES = 256 * 1024 * 1024, /* four times what uploads leave free */
	MAIL_WARN_MS = 15 * 60 * 1000 /* the longest that a letter is held on purpose: no mailer */
};

/* The database, and what only it can say. Without an answer the rest is not known: NULL. */
static may_wait void check_database(struct rq *rq, const char *results[CHECKS])
{
	struct rows rows;
	int64_t oldest;

	results[DATABASE] = "fail";
	if (db_query(&rq->db, &sql_ops_ready, ARGS({"migrations", PORTICO_MIGRATIONS}), &rows) <
	    0) {
		err_clear(&rq->err);
		return;
	}
	oldest = row_time(&rows, 0, "oldest_due_at");
	results[DATABASE] = "pass";
	results[MIGRATIONS] = row_bool(&rows, 0, "complete") ? "pass" : "fail";
	results[MAIL_QUEUE] =
		oldest != TIME_NULL && oldest < rq->now - MAIL_WARN_MS ? "warn" : "pass";
}

static may_wait void check_redis(const char *results[CHECKS])
{
	struct redis *redis = redis_new(this_worker.conf.redis_url);
	const char *why;

	results[REDIS] = redis_ping(redis, &why) == 0 ? "pass" : "warn";
	redis_free(redis);
}

/* Is any of them so? Names those in *names_r, which belongs to the request. */
static bool some_are(struct rq *rq, const char *const results[CHECKS], const char *wanted,
                     const char **names_r)
{
	const char *names = "";

	for (int i = 0; i < CHECKS; i++)
		if (results[i] != NULL && strcmp(results[i], wanted) == 0)
			names = arena_printf(rq->arena, "%s%s%s", names, *names ? ", " : "",
			                     check_names[i]);
	*names_r = names;
	return *names != '\0';
}

static int reply_checks(struct rq *rq, const char *const results[CHECKS])
{
	const char *names;
	struct json_writer w;
	struct buf b;

	buf_init(&b, rq->arena, 4096);
	json_start(&w, &b);
	json_open(&w, '{');
	json_key(&w, "status");
	json_put_text(&w, some_are(rq, results, "warn", &names) ? "warn" : "pass");
	json_key(&w, "checks");
	json_open(&w, '{');
	for (int i = 0; i < CHECKS; i++) {
		json_key(&w, check_names[i]);
		json_put_text(&w, results[i]);
	}
	json_close(&w, '}');
	json_close(&w, '}');
	return reply_json(rq, 200, b.data, b.len);
}

/* Can requests be served right now? Without Redis they can, and mail goes out by itself. */
int ops_ready(struct rq *rq)
{
	const char *results[CHECKS] = {NULL}, *failed;

	check_database(rq, results);
	results[STORAGE] = blob_probe() < 0 ? "fail" : "pass";
	results[DISK] = blob_free_bytes() < DISK_WARN_BYTES ? "warn" : "pass";
	check_redis(results);
	if (!some_are(rq, results, "fail", &failed))
		return reply_checks(rq, results);
	rq->err.retry_after_s = 1;
	return err_set(&rq->err, PROBLEM_not_ready, "Not there: %s.", failed);
}

/* ---- numbers for whoever watches ---- */

enum { METRICS_MAX = 2 * 1024 * 1024 };

int ops_metrics(struct rq *rq)
{
	struct rows rows;
	struct buf b;
	bool up = db_query(&rq->db, &sql_ops_counts, NULL, &rows) == 0;

	err_clear(&rq->err);
	buf_init(&b, rq->arena, METRICS_MAX);
	metrics_write(&b, up ? &rows : NULL, rq->now);
	if (b.over)
		return err_internal(&rq->err, "more than %d bytes of numbers", (int)METRICS_MAX);
	return reply_text(rq, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len);
}

/* ---- what stays the same ---- */

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
