/* ops.c - what operators and tools ask of the service itself.
 *
 * GET /healthz   GET /readyz   GET /openapi.json
 */
#include "blob.h"
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
